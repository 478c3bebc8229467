//! Triggered requests: positions reported again and again, by time or when something happens.
//!
//! A [`Trigger`] comes through a door and lives in the store until it is over; its reports leave through the same door. Time
//! triggers ask the location service at their interval. Event triggers look at every position that comes into the house,
//! whoever caused it, and, unless told to look at stored positions only, ask for one every [`Config::poll_s`] seconds.
//!
//! Whatever is reported has passed the location service once more: what a subscriber forbids in the meantime is not told.
//! Triggers are found by their target, of which one has few: an index of areas would find nothing sooner.
//!
//! A report is handed to its door before the progress of its trigger is stored. If the server is killed between the two, the
//! report is sent twice; none is lost.

mod engine;
mod progress;
mod report;
#[cfg(test)]
mod tests;
mod trigger;

use serde::{Deserialize, Serialize};

pub use crate::service::area::{Area, NoArea, Region};
pub use engine::{Locate, Locating, Parts, Triggers};
pub use report::{Cause, End, Outcome, OutcomeOf, ReportSink, TriggerReport};
pub use trigger::{Ask, Condition, Event, Followed, Manner, Side, Trigger, TriggerId};

/// The `[triggers]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most triggered requests at once, 1..=1000000. Default 10000.
    pub max: u32,
    /// Most triggered requests of one client, 1..=1000000. Default 1000.
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max: 10_000,
            max_per_client: 1000,
            max_targets: 100,
            min_interval_s: 1,
            longest_s: 30 * 86_400,
            poll_s: 60,
            concurrent: 200,
        }
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {value} is not in {range}")]
pub struct OutOfRange {
    key: &'static str,
    value: u64,
    range: &'static str,
}

impl Config {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), OutOfRange> {
        for (key, value, low, high, range) in [
            ("max", u64::from(self.max), 1, 1_000_000, "1..=1000000"),
            ("max_per_client", u64::from(self.max_per_client), 1, 1_000_000, "1..=1000000"),
            ("max_targets", u64::from(self.max_targets), 1, 10_000, "1..=10000"),
            ("min_interval_s", u64::from(self.min_interval_s), 1, 86_400, "1..=86400"),
            ("longest_s", self.longest_s, 60, 31_536_000, "60..=31536000"),
            ("poll_s", self.poll_s, 0, 86_400, "0..=86400"),
            ("concurrent", u64::from(self.concurrent), 1, 100_000, "1..=100000"),
        ] {
            if !(low..=high).contains(&value) {
                return Err(OutOfRange { key, value, range });
            }
        }
        Ok(())
    }
}

/// Why a triggered request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// More targets than are taken.
    #[error("more than {0} targets")]
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
