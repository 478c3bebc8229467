//! Why a session ends badly, and what the wire says of it: each reason has exactly one status code, and only here.

use super::event::FrameFault;
use super::ni::Revocation;
use crate::spc::Mismatch;
use crate::wire::ulp::{MessageKind, StatusCode};

/// Why a session ends with a SUPL END that carries a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The stream cannot be cut into PDUs.
    #[error("the stream is not made of ULP PDUs")]
    Unframed(FrameFault),
    /// A PDU that does not decode.
    #[error("malformed ULP PDU")]
    Malformed,
    /// A SUPL POS whose positioning messages make no sense, again and again.
    #[error("malformed positioning messages")]
    BrokenPositioning,
    /// A major version that is not served.
    #[error("unsupported ULP version")]
    Version,
    /// A message that this state does not allow.
    #[error("unexpected {}", .0.name())]
    Unexpected(MessageKind),
    /// A message that belongs to a service which this server does not offer.
    #[error("{} belongs to a service that is not offered", .0.name())]
    Service(MessageKind),
    /// Session identities that are not those of this session.
    #[error("wrong session id")]
    WrongSession,
    /// A message without what it needs.
    #[error("missing data")]
    DataMissing,
    /// A message with values that contradict each other or the session.
    #[error("unexpected data")]
    UnexpectedData,
    /// The peer may not act under this identity.
    #[error("identity refused")]
    Identity,
    /// No common method.
    #[error("no common positioning method")]
    NoMethod,
    /// No common protocol.
    #[error("no common positioning protocol")]
    NoProtocol,
    /// The method ran and gave no position.
    #[error("no position")]
    NoPosition,
    /// Its cell is all that the SET has to offer, and it is in no table of this server.
    #[error("unknown cell")]
    NoCoverage,
    /// ST2 ran out.
    #[error("no SUPL POS INIT in time")]
    St2,
    /// The session grew too old, or its SET sends without end.
    #[error("session limit reached")]
    Limit,
    /// The server has no room for the session.
    #[error("no room")]
    Overload,
    /// The hash of the SUPL INIT is wrong or missing.
    #[error("wrong hash of SUPL INIT")]
    WrongVer,
    /// The SET takes the session for one of non-proxy mode.
    #[error("non-proxy mode")]
    NonProxy,
    /// The user said no, after the positioning.
    #[error("consent denied")]
    Denied,
    /// The order's time is up, and there is no position.
    #[error("no position before the deadline")]
    Deadline,
    /// Nobody wants the session's result any more.
    #[error("order revoked")]
    Revoked(Revocation),
    /// The server is going down.
    #[error("shutting down")]
    Shutdown,
    /// An answer could not be encoded.
    #[error("answer could not be encoded")]
    Encode,
}

impl SessionError {
    /// The status code of the SUPL END.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unframed(_) | Self::Malformed | Self::BrokenPositioning => StatusCode::ProtocolError,
            Self::Version => StatusCode::VersionNotSupported,
            Self::Unexpected(_) => StatusCode::UnexpectedMessage,
            Self::Service(_) => StatusCode::ServiceNotSupported,
            Self::WrongSession => StatusCode::InvalidSessionId,
            Self::DataMissing => StatusCode::DataMissing,
            Self::UnexpectedData => StatusCode::UnexpectedDataValue,
            Self::Identity => StatusCode::AuthNetFailure,
            Self::NoMethod => StatusCode::PosMethodMismatch,
            Self::NoProtocol => StatusCode::PosProtocolMismatch,
            Self::NoPosition | Self::Deadline => StatusCode::PosMethodFailure,
            Self::NoCoverage => StatusCode::NoSuplCoverage,
            Self::St2 => StatusCode::Unspecified,
            Self::Limit | Self::Overload => StatusCode::ResourceShortage,
            Self::WrongVer => StatusCode::AuthSuplInitFailure,
            Self::NonProxy => StatusCode::NonProxyModeNotSupported,
            Self::Denied => StatusCode::ConsentDeniedByUser,
            Self::Revoked(_) => StatusCode::SessionStopped,
            Self::Shutdown | Self::Encode => StatusCode::SystemFailure,
        }
    }

    /// Name for metric labels.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Unframed(_) => "unframed",
            Self::Malformed => "malformed",
            Self::BrokenPositioning => "broken-positioning",
            Self::Version => "version",
            Self::Unexpected(_) => "unexpected-message",
            Self::Service(_) => "service-not-offered",
            Self::WrongSession => "wrong-session",
            Self::DataMissing => "data-missing",
            Self::UnexpectedData => "unexpected-data",
            Self::Identity => "identity-refused",
            Self::NoMethod => "no-common-method",
            Self::NoProtocol => "no-common-protocol",
            Self::NoPosition => "no-position",
            Self::NoCoverage => "no-coverage",
            Self::St2 => "st2",
            Self::Limit => "limit",
            Self::Overload => "overload",
            Self::WrongVer => "wrong-ver",
            Self::NonProxy => "non-proxy",
            Self::Denied => "consent-denied",
            Self::Deadline => "deadline",
            Self::Revoked(Revocation::Superseded) => "superseded",
            Self::Revoked(Revocation::Cancelled) => "cancelled",
            Self::Shutdown => "shutdown",
            Self::Encode => "encode",
        }
    }
}

impl From<Mismatch> for SessionError {
    fn from(m: Mismatch) -> Self {
        match m {
            Mismatch::Method => Self::NoMethod,
            Mismatch::Protocol => Self::NoProtocol,
        }
    }
}
