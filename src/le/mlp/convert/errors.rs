//! The one result code of every way in which locating can fail. The match is total: a new error does not compile without.

use crate::le::mlp::codes::ResultCode;
use crate::le::mlp::model::Verdict;
use crate::service::{Congestion, LocateError, MethodFault, QopPart};

/// What a client is told. Why positioning is not allowed, and why a target is absent, is not told.
pub fn verdict(error: &LocateError) -> Verdict {
    match error {
        LocateError::Client(_) => ResultCode::UNAUTHORIZED_APPLICATION.into(),
        LocateError::UnknownSubscriber => ResultCode::UNKNOWN_SUBSCRIBER.into(),
        LocateError::Absent(_) => ResultCode::ABSENT_SUBSCRIBER.into(),
        LocateError::NotAllowed(_) => ResultCode::POSITIONING_NOT_ALLOWED.into(),
        LocateError::Regulations => ResultCode::DISALLOWED_BY_LOCAL_REGULATIONS.into(),
        LocateError::QopNotAttainable(part) => {
            Verdict::with_info(ResultCode::QOP_NOT_ATTAINABLE, quality(*part))
        }
        LocateError::Method(fault) => {
            let failure = ResultCode::POSITION_METHOD_FAILURE;
            // Letters of the standard: B, the target does not support the service; D, nothing gave a position.
            match fault {
                MethodFault::NotSupported => Verdict::with_info(failure, "B"),
                MethodFault::NoFix => Verdict::with_info(failure, "D"),
                MethodFault::NothingKnown
                | MethodFault::Mismatch
                | MethodFault::Ended(_)
                | MethodFault::BrokenOff => failure.into(),
            }
        }
        LocateError::Congestion(
            Congestion::Server
            | Congestion::Rate
            | Congestion::Concurrent
            | Congestion::Target
            | Congestion::Superseded,
        ) => ResultCode::CONGESTION_IN_LOCATION_SERVER.into(),
        LocateError::Congestion(Congestion::Network) => ResultCode::CONGESTION_IN_MOBILE_NETWORK.into(),
        LocateError::Misconfigured => ResultCode::MISCONFIGURATION_OF_LOCATION_SERVER.into(),
        LocateError::System(_) => ResultCode::SYSTEM_FAILURE.into(),
    }
}

/// Which part of the quality could not be had, and what could be instead.
fn quality(part: QopPart) -> String {
    let name = part.name();
    match part {
        QopPart::Horizontal(Some(metres)) | QopPart::Vertical(Some(metres)) if metres.is_finite() => {
            format!("{name}: {:.0}", metres.clamp(0.0, 1e9).ceil())
        }
        QopPart::Horizontal(_) | QopPart::Vertical(_) => name.to_owned(),
        QopPart::Age(span) | QopPart::ResponseTime(span) => format!("{name}: {}", span.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::service::{Absence, ClientFault, Refusal, SystemFault};

    #[test]
    fn one_code_each() {
        use LocateError as E;
        for (error, code, info) in [
            (E::Client(ClientFault::Service), 3, None),
            (E::UnknownSubscriber, 4, None),
            (E::Absent(Absence::NoAnswer), 5, None),
            (E::Absent(Absence::NoAddress), 5, None),
            (E::Method(MethodFault::NoFix), 6, Some("D")),
            (E::Method(MethodFault::NotSupported), 6, Some("B")),
            (E::Method(MethodFault::Ended(None)), 6, None),
            (E::Congestion(Congestion::Rate), 101, None),
            (E::Congestion(Congestion::Network), 203, None),
            (E::QopNotAttainable(QopPart::Horizontal(Some(120.2))), 201, Some("hor_acc: 121")),
            (E::QopNotAttainable(QopPart::ResponseTime(Duration::from_secs(5))), 201, Some("resp_timer: 5")),
            (E::QopNotAttainable(QopPart::Vertical(None)), 201, Some("alt_acc")),
            (E::NotAllowed(Refusal::User), 202, None),
            (E::NotAllowed(Refusal::NotCovered), 202, None),
            (E::Regulations, 204, None),
            (E::Misconfigured, 207, None),
            (E::System(SystemFault::Audit), 1, None),
        ] {
            let verdict = verdict(&error);
            assert_eq!((verdict.code.0, verdict.add_info.as_deref()), (code, info), "{error}");
        }
    }
}
