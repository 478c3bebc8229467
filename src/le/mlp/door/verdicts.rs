//! Every reason of the house as the one result code that MLP has for it.

use crate::le::mlp::model::Verdict;
use crate::le::mlp::outbox::OutboxError;
use crate::le::mlp::{ParseFault, ResultCode, convert};
use crate::service::triggers::TriggerError;
use crate::service::{AuthError, LocateError};

/// Why there is no position.
pub(super) fn of_locating(error: LocateError) -> Verdict {
    convert::errors::verdict(&error)
}

/// What a document says wrongly. By value, as errors are mapped.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn of_fault(fault: ParseFault) -> Verdict {
    Verdict::with_info(fault.code(), fault.add_info())
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
        TriggerError::Condition => {
            Verdict::with_info(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "tlrr_event")
        }
        TriggerError::Refused(error) => of_locating(*error),
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
