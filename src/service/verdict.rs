//! From the way a positioning ended to what the client is told.

use std::time::Duration;

use super::outcome::{Absence, Congestion, LocateError, MethodFault, QopPart, Refusal, SystemFault};
use super::push::PushError;
use super::request::QosClass;
use super::underway::End;
use crate::base::{LocationEstimate, QualityOfPosition};
use crate::slc::ni::{OrderEnd, Revocation, StatusCode};

/// Whether a position of this age is what was asked for.
pub(super) fn meets(qop: &QualityOfPosition, estimate: &LocationEstimate, age: Duration) -> bool {
    let shape = &estimate.shape;
    qop.is_met_by(shape.horizontal_uncertainty_m(), shape.vertical_uncertainty_m(), age)
}

/// Which part of the quality a position misses; the age when it misses none.
pub(super) fn missed(qop: &QualityOfPosition, estimate: &LocationEstimate, age: Duration) -> QopPart {
    let (h, v) = (estimate.shape.horizontal_uncertainty_m(), estimate.shape.vertical_uncertainty_m());
    let alone = |part: QualityOfPosition| !part.is_met_by(h, v, age);
    if alone(QualityOfPosition { horizontal_m: qop.horizontal_m, ..Default::default() }) {
        QopPart::Horizontal(h)
    } else if alone(QualityOfPosition { vertical_m: qop.vertical_m, ..Default::default() }) {
        QopPart::Vertical(v)
    } else {
        QopPart::Age(age)
    }
}

/// What the client is told of a positioning that brought no position.
pub(super) fn of_end(end: End, class: QosClass, response: Duration) -> LocateError {
    let late = || match class {
        QosClass::Assured => LocateError::QopNotAttainable(QopPart::ResponseTime(response)),
        QosClass::BestEffort => LocateError::Method(MethodFault::NoFix),
    };
    match end {
        End::Session(OrderEnd::Completed | OrderEnd::ConsentGranted) => {
            LocateError::Method(MethodFault::NoFix)
        }
        End::Session(OrderEnd::ConsentDenied) => LocateError::NotAllowed(Refusal::User),
        End::Session(OrderEnd::Refused(status)) => of_status(status),
        End::Session(OrderEnd::Failed(f)) if f.is_timeout() => late(),
        End::Session(OrderEnd::Failed(f)) => match of_status(Some(f.status())) {
            // Whose room it is makes the difference: here this server had none.
            LocateError::Congestion(_) => LocateError::Congestion(Congestion::Server),
            LocateError::Method(MethodFault::Ended(_)) => LocateError::Method(MethodFault::BrokenOff),
            error => error,
        },
        End::Session(OrderEnd::Left) => LocateError::Absent(Absence::Left),
        End::Session(OrderEnd::Revoked(Revocation::Superseded)) | End::Superseded => {
            LocateError::Congestion(Congestion::Superseded)
        }
        End::Session(OrderEnd::Revoked(Revocation::Cancelled)) | End::Abandoned => {
            LocateError::Method(MethodFault::BrokenOff)
        }
        End::Session(OrderEnd::Shutdown) | End::Stopping | End::Push(PushError::Stopping) => {
            LocateError::System(SystemFault::Stopping)
        }
        End::NoAnswer | End::Push(PushError::TimedOut) => LocateError::Absent(Absence::NoAnswer),
        End::Push(PushError::NoAddress) => LocateError::Absent(Absence::NoAddress),
        End::Push(PushError::Unreachable) => LocateError::Absent(Absence::Unreachable),
        End::Push(PushError::Refused | PushError::Failed) => LocateError::System(SystemFault::Bearers),
        End::Push(PushError::Congested) => LocateError::Congestion(Congestion::Network),
        End::Invite | End::KeyUsedUp => LocateError::Misconfigured,
        End::Store => LocateError::System(SystemFault::Store),
        End::Random => LocateError::System(SystemFault::Random),
        End::Overdue => late(),
    }
}

/// What the client is told of a SET that ended the session, or of a session that was ended, with this status.
const fn of_status(status: Option<StatusCode>) -> LocateError {
    match status {
        Some(StatusCode::ConsentDeniedByUser | StatusCode::PositioningNotPermitted) => {
            LocateError::NotAllowed(Refusal::User)
        }
        Some(StatusCode::TargetSetNotReachable) => LocateError::Absent(Absence::Unreachable),
        Some(StatusCode::PosMethodFailure | StatusCode::NoSuplCoverage) => {
            LocateError::Method(MethodFault::NoFix)
        }
        Some(StatusCode::PosMethodMismatch | StatusCode::PosProtocolMismatch) => {
            LocateError::Method(MethodFault::Mismatch)
        }
        Some(
            StatusCode::VersionNotSupported
            | StatusCode::ServiceNotSupported
            | StatusCode::NonProxyModeNotSupported
            | StatusCode::ProxyModeNotSupported,
        ) => LocateError::Method(MethodFault::NotSupported),
        Some(StatusCode::AuthNetFailure | StatusCode::AuthSuplInitFailure) => {
            LocateError::System(SystemFault::Authentication)
        }
        Some(StatusCode::ResourceShortage) => LocateError::Congestion(Congestion::Target),
        status => LocateError::Method(MethodFault::Ended(status)),
    }
}
