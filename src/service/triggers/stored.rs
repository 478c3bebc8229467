//! Reports as the store keeps them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::report::{Cause, End, Outcome, OutcomeOf, TriggerReport};
use super::trigger::Trigger;
use crate::base::{LocationEstimate, Utc};
use crate::service::{
    Absence, ClientFault, Congestion, LocateError, Located, MethodFault, Origin, QopPart, Refusal,
    SystemFault,
};

#[derive(Serialize, Deserialize)]
struct Report {
    sequence: u64,
    at: Utc,
    cause: String,
    outcomes: Vec<Of>,
    remaining_s: u64,
    last: bool,
}

#[derive(Serialize, Deserialize)]
struct Of {
    target: usize,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Position { estimate: Box<LocationEstimate>, qos_met: bool, fresh: bool },
    Happened(Utc),
    Failed { error: String, value: Option<f64>, at: Utc },
    Nothing(Utc),
}

const CAUSES: [(Cause, &str); 6] = [
    (Cause::Period, "period"),
    (Cause::Event, "event"),
    (Cause::Paused, "paused"),
    (Cause::Resumed, "resumed"),
    (Cause::Over(End::TimedOut), "timed-out"),
    (Cause::Over(End::Cancelled), "cancelled"),
];

/// Every error that has no more to say than its name.
const ERRORS: [LocateError; 31] = [
    LocateError::Client(ClientFault::Service),
    LocateError::UnknownSubscriber,
    LocateError::Absent(Absence::NoAddress),
    LocateError::Absent(Absence::Unreachable),
    LocateError::Absent(Absence::NoAnswer),
    LocateError::Absent(Absence::Left),
    LocateError::NotAllowed(Refusal::NoRule),
    LocateError::NotAllowed(Refusal::Rule),
    LocateError::NotAllowed(Refusal::NotCovered),
    LocateError::NotAllowed(Refusal::Wish),
    LocateError::NotAllowed(Refusal::User),
    LocateError::Regulations,
    LocateError::Method(MethodFault::NothingKnown),
    LocateError::Method(MethodFault::NoFix),
    LocateError::Method(MethodFault::Mismatch),
    LocateError::Method(MethodFault::NotSupported),
    // The status with which the SET ended it is not kept.
    LocateError::Method(MethodFault::Ended(None)),
    LocateError::Method(MethodFault::BrokenOff),
    LocateError::Congestion(Congestion::Server),
    LocateError::Congestion(Congestion::Rate),
    LocateError::Congestion(Congestion::Concurrent),
    LocateError::Congestion(Congestion::Target),
    LocateError::Congestion(Congestion::Network),
    LocateError::Congestion(Congestion::Superseded),
    LocateError::Misconfigured,
    LocateError::System(SystemFault::Audit),
    LocateError::System(SystemFault::Store),
    LocateError::System(SystemFault::Bearers),
    LocateError::System(SystemFault::Authentication),
    LocateError::System(SystemFault::Random),
    LocateError::System(SystemFault::Stopping),
];

fn error_name(error: LocateError) -> (String, Option<f64>) {
    let finite = |v: f64| Some(v).filter(|v| v.is_finite());
    match error {
        LocateError::QopNotAttainable(part) => {
            let value = match part {
                QopPart::Horizontal(v) | QopPart::Vertical(v) => v.and_then(finite),
                QopPart::Age(d) | QopPart::ResponseTime(d) => finite(d.as_secs_f64()),
            };
            (format!("quality {}", part.name()), value)
        }
        error => (error.name().to_owned(), None),
    }
}

fn error_of(name: &str, value: Option<f64>) -> LocateError {
    let seconds = || Duration::try_from_secs_f64(value.unwrap_or(0.0)).unwrap_or_default();
    if let Some(part) = name.strip_prefix("quality ") {
        let parts = [
            QopPart::Horizontal(value),
            QopPart::Vertical(value),
            QopPart::Age(seconds()),
            QopPart::ResponseTime(seconds()),
        ];
        if let Some(part) = parts.into_iter().find(|p| p.name() == part) {
            return LocateError::QopNotAttainable(part);
        }
    }
    let known = ERRORS.into_iter().find(|e| e.name() == name);
    known.unwrap_or(LocateError::Method(MethodFault::NoFix))
}

/// A report's octets.
pub(super) fn write(report: &TriggerReport) -> Option<Vec<u8>> {
    let cause = CAUSES.iter().find(|(cause, _)| *cause == report.cause)?.1.to_owned();
    let what = |outcome: &Outcome| match outcome {
        Outcome::Position(located) => What::Position {
            estimate: Box::new(located.estimate.clone()),
            qos_met: located.qos_met,
            fresh: located.origin == Origin::Fresh,
        },
        Outcome::Happened(at) => What::Happened(*at),
        Outcome::Failed(error, at) => {
            let (error, value) = error_name(*error);
            What::Failed { error, value, at: *at }
        }
        Outcome::Nothing(at) => What::Nothing(*at),
    };
    let outcomes = report.outcomes.iter().map(|o| Of { target: o.target, what: what(&o.outcome) }).collect();
    let report = Report {
        sequence: report.sequence,
        at: report.at,
        cause,
        outcomes,
        remaining_s: report.remaining.as_secs(),
        last: report.last,
    };
    serde_json::to_vec(&report).ok()
}

/// A report of a trigger from its octets.
pub(super) fn read(trigger: &Arc<Trigger>, octets: &[u8]) -> Option<TriggerReport> {
    let report: Report = serde_json::from_slice(octets).ok()?;
    let outcome = |what: What| match what {
        What::Position { estimate, qos_met, fresh } => Outcome::Position(Box::new(Located {
            estimate: *estimate,
            qos_met,
            origin: if fresh { Origin::Fresh } else { Origin::Stored },
        })),
        What::Happened(at) => Outcome::Happened(at),
        What::Failed { error, value, at } => Outcome::Failed(error_of(&error, value), at),
        What::Nothing(at) => Outcome::Nothing(at),
    };
    Some(TriggerReport {
        trigger: Arc::clone(trigger),
        sequence: report.sequence,
        at: report.at,
        cause: CAUSES.iter().find(|(_, name)| *name == report.cause)?.0,
        outcomes: report
            .outcomes
            .into_iter()
            .map(|o| OutcomeOf { target: o.target, outcome: outcome(o.what) })
            .collect(),
        remaining: Duration::from_secs(report.remaining_s),
        last: report.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_as_they_are_written() {
        let second = Duration::from_millis(1500);
        let quality = [
            QopPart::Horizontal(Some(12.5)),
            QopPart::Horizontal(None),
            QopPart::Vertical(Some(1.0)),
            QopPart::Age(second),
            QopPart::ResponseTime(second),
        ];
        for error in ERRORS.into_iter().chain(quality.map(LocateError::QopNotAttainable)) {
            let (name, value) = error_name(error);
            assert_eq!(error_of(&name, value), error);
        }
        assert_eq!(error_of("of a later release", None), LocateError::Method(MethodFault::NoFix));
    }
}
