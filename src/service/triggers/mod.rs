//! Triggered requests: positions reported again and again, by time or when something happens.
//!
//! A [`Trigger`] comes through a door and lives in the store until it is over; its reports leave through the same door. Time
//! triggers ask the location service at their interval. Event triggers look at every position that comes into the house,
//! whoever caused it, and, unless told to look at stored positions only, ask for one every [`Config::poll_s`] seconds.
//!
//! Whatever is reported has passed the location service once more: what a subscriber forbids in the meantime is not told. Of one
//! whose position is told only roughly, an event of an area is told only where the rough position bears it out.
//!
//! A target counts as inside of an area when that is [probable](crate::service::area::Area::probability) enough
//! ([`Sensitivity`]). Triggers are found by their target; those of one target that wait at an area are found by place, unless
//! the target is not known to be outside of it: no position is held against every fence.
//!
//! A report is handed to its door before the progress of its trigger is stored. If the server is killed between the two, the
//! report is sent twice, under the same number; none is lost. Where reports are [kept](Trigger::keep) for those who
//! [follow](Triggers::follow), report and progress are stored together. What is remembered of a target that crosses a border
//! which is not told is stored as soon as the store takes it.

mod create;
mod detector;
mod engine;
mod follow;
mod progress;
mod report;
mod runner;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod trigger;

use serde::{Deserialize, Serialize};

use super::LocateError;

pub use crate::service::area::{Area, NoArea, Region};
pub use create::{Created, NewTrigger};
pub use detector::Detector;
pub use engine::{Locate, Locating, Parts, Status, Triggers};
pub use follow::{Following, Told};
pub use report::{Cause, End, Outcome, OutcomeOf, ReportSink, TriggerReport};
pub use trigger::{Ask, Condition, Event, Followed, Manner, Sensitivity, Side, Trigger, TriggerId};

/// The `[triggers]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most triggered requests at once, 1..=1000000. Default 200000.
    pub max: u32,
    /// Most triggered requests of one client, 1..=1000000. Default 100000.
    pub max_per_client: u32,
    /// Most targets of one request, 1..=10000. Default 100.
    pub max_targets: u32,
    /// Shortest interval, seconds, 1..=86400; a request for a shorter one is refused. Default 1.
    pub min_interval_s: u32,
    /// A request that names no end ends after this time, seconds, 60..=31536000; one that names a later end ends then as
    /// well. Default 2592000 (30 days).
    pub longest_s: u64,
    /// How often handsets with event triggers are located when their positions do not come by themselves, seconds; 0: never.
    /// Default 60.
    pub poll_s: u64,
    /// Most locations for triggers under way at once, 1..=100000. Default 200.
    pub concurrent: u32,
    /// Most reports that are kept of one trigger for those who follow it, 1..=100000. Default 1000.
    pub keep_reports: u32,
    /// How probable it must be that a target is inside of an area, or outside, where a request does not say, 0.01..=0.99.
    /// Default 0.5.
    pub probability: f64,
    /// By how much that probability must fall before it counts the other way, where a request does not say, 0..=0.9.
    /// Default 0.1.
    pub hysteresis: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max: 200_000,
            max_per_client: 100_000,
            max_targets: 100,
            min_interval_s: 1,
            longest_s: 30 * 86_400,
            poll_s: 60,
            concurrent: 200,
            keep_reports: 1000,
            probability: 0.5,
            hysteresis: 0.1,
        }
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {value} is not in {range}")]
pub struct OutOfRange {
    key: &'static str,
    value: f64,
    range: &'static str,
}

impl Config {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let n = f64::from;
        for (key, value, low, high, range) in [
            ("max", n(self.max), 1.0, 1e6, "1..=1000000"),
            ("max_per_client", n(self.max_per_client), 1.0, 1e6, "1..=1000000"),
            ("max_targets", n(self.max_targets), 1.0, 1e4, "1..=10000"),
            ("min_interval_s", n(self.min_interval_s), 1.0, 86_400.0, "1..=86400"),
            ("longest_s", self.longest_s as f64, 60.0, 31_536_000.0, "60..=31536000"),
            ("poll_s", self.poll_s as f64, 0.0, 86_400.0, "0..=86400"),
            ("concurrent", n(self.concurrent), 1.0, 1e5, "1..=100000"),
            ("keep_reports", n(self.keep_reports), 1.0, 1e5, "1..=100000"),
            ("probability", self.probability, 0.01, 0.99, "0.01..=0.99"),
            ("hysteresis", self.hysteresis, 0.0, 0.9, "0..=0.9"),
        ] {
            if !(low..=high).contains(&value) {
                return Err(OutOfRange { key, value, range });
            }
        }
        Ok(())
    }

    pub(super) const fn sensitivity(&self) -> Sensitivity {
        Sensitivity { probability: self.probability, hysteresis: self.hysteresis }
    }
}

/// Why a triggered request is not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TriggerError {
    /// It says neither when nor at what event.
    #[error("it says neither when nor at what event")]
    NoCondition,
    /// Start, stop or interval make no sense.
    #[error("{0}: the time makes no sense")]
    Time(&'static str),
    /// The interval is shorter than this server serves, seconds.
    #[error("the interval is shorter than {0} s")]
    Interval(u32),
    /// A number in the condition makes no sense.
    #[error("a number in the condition is out of range")]
    Condition,
    /// The client may follow none of the targets.
    #[error(transparent)]
    Refused(LocateError),
    /// No target, or more than are taken.
    #[error("no target, or more than {0} targets")]
    TooManyTargets(u32),
    /// The client, or all clients together, have as many as they may.
    #[error("there are as many triggered requests as may be")]
    Full,
    /// No such request of this client.
    #[error("no such request")]
    Unknown,
    /// The request has no such target.
    #[error("the request has no such target")]
    UnknownTarget,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// The system gives no random numbers.
    #[error("no random numbers")]
    Random,
}

/// The store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreFailure(#[from] crate::store::StoreError);

impl PartialEq for StoreFailure {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for StoreFailure {}
