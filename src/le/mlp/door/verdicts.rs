//! Every reason of the house as the one result code that MLP has for it.

use std::time::Duration;

use crate::le::mlp::ResultCode;
use crate::le::mlp::model::Verdict;
use crate::le::mlp::outbox::OutboxError;
use crate::service::triggers::TriggerError;
use crate::service::{
    AuthError, ClientFault, Congestion, LocateError, MethodFault, QopPart, Refusal, SystemFault,
};

/// Why there is no position.
pub(super) fn of_locating(error: LocateError) -> Verdict {
    let code = match error {
        LocateError::Client(ClientFault::Service | ClientFault::Right) => ResultCode::UNAUTHORIZED_APPLICATION,
        LocateError::UnknownSubscriber => ResultCode::UNKNOWN_SUBSCRIBER,
        LocateError::Absent(_) => ResultCode::ABSENT_SUBSCRIBER,
        // A client is not told which of these it was.
        LocateError::NotAllowed(
            Refusal::NoRule | Refusal::Rule | Refusal::NotCovered | Refusal::Wish | Refusal::User,
        ) => ResultCode::POSITIONING_NOT_ALLOWED,
        LocateError::Regulations => ResultCode::DISALLOWED_BY_LOCAL_REGULATIONS,
        LocateError::QopNotAttainable(part) => {
            return Verdict::with_info(ResultCode::QOP_NOT_ATTAINABLE, missed(part));
        }
        // Letter B: the target does not support the service (MLP 3.5, result 6).
        LocateError::Method(MethodFault::NotSupported) => {
            return Verdict::with_info(ResultCode::POSITION_METHOD_FAILURE, "B");
        }
        LocateError::Method(
            MethodFault::NothingKnown
            | MethodFault::NoFix
            | MethodFault::Mismatch
            | MethodFault::Ended(_)
            | MethodFault::BrokenOff,
        ) => ResultCode::POSITION_METHOD_FAILURE,
        LocateError::Congestion(Congestion::Server | Congestion::Rate | Congestion::Concurrent) => {
            ResultCode::CONGESTION_IN_LOCATION_SERVER
        }
        LocateError::Congestion(Congestion::Target | Congestion::Network | Congestion::Superseded) => {
            ResultCode::CONGESTION_IN_MOBILE_NETWORK
        }
        LocateError::Misconfigured => ResultCode::MISCONFIGURATION_OF_LOCATION_SERVER,
        LocateError::System(
            SystemFault::Audit
            | SystemFault::Store
            | SystemFault::Bearers
            | SystemFault::Authentication
            | SystemFault::Random
            | SystemFault::Stopping,
        ) => ResultCode::SYSTEM_FAILURE,
    };
    code.into()
}

/// What could not be had, and what could, in words of MLP.
fn missed(part: QopPart) -> String {
    let name = part.name();
    match part {
        QopPart::Horizontal(Some(metres)) | QopPart::Vertical(Some(metres)) => {
            format!("{name} {}", metres.ceil())
        }
        QopPart::Horizontal(None) | QopPart::Vertical(None) => name.to_owned(),
        QopPart::Age(age) | QopPart::ResponseTime(age) => format!("{name} {}", whole(age)),
    }
}

const fn whole(d: Duration) -> u64 {
    d.as_secs()
}

/// Why somebody is not taken for a client.
pub(super) fn of_login(error: AuthError) -> Verdict {
    match error {
        AuthError::Refused => ResultCode::UNAUTHORIZED_APPLICATION.into(),
        AuthError::Busy => ResultCode::CONGESTION_IN_LOCATION_SERVER.into(),
    }
}

/// Why a triggered request is not taken.
pub(super) fn of_triggering(error: &TriggerError) -> Verdict {
    match error {
        TriggerError::NoCondition => {
            Verdict::with_info(ResultCode::SYNTAX_ERROR, "neither interval nor tlrr_event")
        }
        TriggerError::Time(what) => Verdict::with_info(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, *what),
        TriggerError::Interval(least) => Verdict::with_info(
            ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED,
            format!("interval: at least {least} s"),
        ),
        TriggerError::TooManyTargets(most) => {
            Verdict::with_info(ResultCode::TOO_MANY_POSITION_ITEMS, format!("at most {most}"))
        }
        TriggerError::Full => ResultCode::CONGESTION_IN_LOCATION_SERVER.into(),
        TriggerError::Unknown => Verdict::with_info(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "req_id"),
        TriggerError::UnknownTarget => ResultCode::INVALID_MSID_IN_TLRSR.into(),
        TriggerError::Store(_) | TriggerError::Random => ResultCode::SYSTEM_FAILURE.into(),
    }
}

/// Why a report is not taken on.
pub(super) fn of_queueing(error: &OutboxError) -> Verdict {
    match error {
        OutboxError::Full => ResultCode::CONGESTION_IN_LOCATION_SERVER.into(),
        OutboxError::Store(_) => ResultCode::SYSTEM_FAILURE.into(),
    }
}

/// A code with the element that it is about.
pub(super) fn about(code: ResultCode, element: &str) -> Verdict {
    Verdict::with_info(code, element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Absence;

    #[test]
    fn every_reason_has_its_code() {
        let cases = [
            (LocateError::Client(ClientFault::Service), 3),
            (LocateError::UnknownSubscriber, 4),
            (LocateError::Absent(Absence::NoAnswer), 5),
            (LocateError::Method(MethodFault::NoFix), 6),
            (LocateError::Congestion(Congestion::Rate), 101),
            (LocateError::Congestion(Congestion::Superseded), 203),
            (LocateError::QopNotAttainable(QopPart::Horizontal(Some(80.2))), 201),
            (LocateError::NotAllowed(Refusal::User), 202),
            (LocateError::Regulations, 204),
            (LocateError::Misconfigured, 207),
            (LocateError::System(SystemFault::Stopping), 1),
        ];
        for (error, code) in cases {
            assert_eq!(of_locating(error).code.0, code, "{error:?}");
        }
        let info = |e| of_locating(e).add_info;
        assert_eq!(info(cases[6].0).as_deref(), Some("hor_acc 81"));
        let late = LocateError::QopNotAttainable(QopPart::ResponseTime(Duration::from_secs(9)));
        assert_eq!(info(late).as_deref(), Some("resp_timer 9"));
        assert_eq!(info(LocateError::Method(MethodFault::NotSupported)).as_deref(), Some("B"));
        // What would tell why a subscriber may not be positioned is not said.
        assert_eq!(info(LocateError::NotAllowed(Refusal::Rule)), None);
    }
}
