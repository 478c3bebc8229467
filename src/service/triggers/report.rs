//! What leaves a triggered request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::trigger::Trigger;
use crate::base::Utc;
use crate::service::{LocateError, Located};

/// Why a report leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Its time has come.
    Period,
    /// The event happened.
    Event,
    /// The target cannot be reached: nothing will come of it until [`Cause::Resumed`].
    Paused,
    /// The target can be reached again.
    Resumed,
    /// The request is over.
    Over(End),
}

/// Why a request is over, where its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The event did not happen in time.
    TimedOut,
    /// The server ended it.
    Cancelled,
}

/// What is told of one target.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its position.
    Position(Box<Located>),
    /// That the event happened, and when.
    Happened(Utc),
    /// Why there is no position, and when it was tried.
    Failed(LocateError, Utc),
    /// Nothing but the [`Cause`].
    Nothing(Utc),
}

/// What is told of which target.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeOf {
    /// Its place in [`Trigger::targets`].
    pub target: usize,
    /// What.
    pub outcome: Outcome,
}

/// A report of a triggered request.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerReport {
    /// Of which.
    pub trigger: Arc<Trigger>,
    /// Its number among the reports of this trigger, from 1. The same report sent twice has the same number.
    pub sequence: u64,
    /// When it was made.
    pub at: Utc,
    /// Why.
    pub cause: Cause,
    /// What.
    pub outcomes: Vec<OutcomeOf>,
    /// How long the request has still to go.
    pub remaining: Duration,
    /// Whether it is the last.
    pub last: bool,
}

/// A door through which reports leave.
pub trait ReportSink: Send + Sync {
    /// Takes a report over: done when it will not be lost any more. Reports of one trigger come one after the other.
    fn take(&self, report: Arc<TriggerReport>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
