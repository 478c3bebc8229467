//! What comes of a request: a position, or the one reason why there is none.

use std::time::Duration;

use crate::base::LocationEstimate;
use crate::slc::ni::StatusCode;

/// A position that is given to a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Where, when, how.
    pub estimate: LocationEstimate,
    /// Whether it is as exact and as young as was asked for.
    pub qos_met: bool,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a position came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It was known already.
    Stored,
    /// It was found for this request, or for another at the same time.
    Fresh,
}

impl Origin {
    /// Name for logs, metrics and the audit record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Fresh => "fresh",
        }
    }
}

/// A part of the quality that was asked for, and what could be had instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QopPart {
    /// Horizontal accuracy; what was found, metres, when anything was.
    Horizontal(Option<f64>),
    /// Vertical accuracy; what was found, metres, when anything was.
    Vertical(Option<f64>),
    /// The age; that of the youngest position there is.
    Age(Duration),
    /// The response time; the one that was not enough.
    ResponseTime(Duration),
}

impl QopPart {
    /// Name of the part, in words of MLP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Horizontal(_) => "hor_acc",
            Self::Vertical(_) => "alt_acc",
            Self::Age(_) => "max_loc_age",
            Self::ResponseTime(_) => "resp_timer",
        }
    }
}

/// Why the client itself may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClientFault {
    /// Its profile does not have this service.
    #[error("the client may not use this service")]
    Service,
}

/// Why a target may not be positioned. For the audit record; a client is told no more than that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Nothing allows it: no rule of a subscriber's profile, or no profile.
    #[error("nothing allows it")]
    NoRule,
    /// A rule of the subscriber forbids it.
    #[error("the subscriber forbids it")]
    Rule,
    /// The client's profile does not cover this target.
    #[error("the client may not ask for this target")]
    NotCovered,
    /// The client itself asked for it not to be done.
    #[error("the client wished so")]
    Wish,
    /// The user was asked and said no, or did not answer where silence is refusal.
    #[error("the user refused")]
    User,
}

/// Why a target cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Absence {
    /// No bearer has an address of it.
    #[error("no bearer has an address of it")]
    NoAddress,
    /// The network says that it is not there.
    #[error("the network says that it is not there")]
    Unreachable,
    /// It was invited and did not come.
    #[error("it did not answer")]
    NoAnswer,
    /// It came and went away again.
    #[error("it went away")]
    Left,
}

/// Why no method gave a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MethodFault {
    /// No position of it is known, and none was to be measured.
    #[error("no position is known")]
    NothingKnown,
    /// The session went to its end without a position.
    #[error("no method gave a position")]
    NoFix,
    /// The SET and this server have no method or protocol in common.
    #[error("no method in common")]
    Mismatch,
    /// The SET does not support the service or the version.
    #[error("the SET does not support the service")]
    NotSupported,
    /// The SET ended the session with another status.
    #[error("the SET ended the session")]
    Ended(Option<StatusCode>),
    /// The session broke off: the SET broke the protocol, or fell silent.
    #[error("the session broke off")]
    BrokenOff,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Congestion {
    /// This server has as many requests as it takes.
    #[error("the server has as many requests as it takes")]
    Server,
    /// The client has used up its quota of requests a minute.
    #[error("the client's requests of this minute are used up")]
    Rate,
    /// The client has as many requests under way as it may.
    #[error("the client has as many requests under way as it may")]
    Concurrent,
    /// The SET has no room for another session.
    #[error("the SET is busy")]
    Target,
    /// The bearers towards the SET are full.
    #[error("the network is congested")]
    Network,
    /// An emergency took the target.
    #[error("an emergency has the target")]
    Superseded,
}

/// What of the server does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SystemFault {
    /// The decision could not be put on record; without that nothing is given.
    #[error("the audit record cannot be written")]
    Audit,
    /// The store failed, and there was nothing else to answer from.
    #[error("the store failed")]
    Store,
    /// The bearers towards the SET do not work.
    #[error("no bearer works")]
    Bearers,
    /// The SET could not show that it had seen the invitation.
    #[error("the SET was not authenticated")]
    Authentication,
    /// The system gives no random numbers.
    #[error("no random numbers")]
    Random,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// Why there is no position. One variant for each kind of blame; every door maps all of them.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LocateError {
    /// The client may not ask like this.
    #[error("{0}")]
    Client(ClientFault),
    /// The target is no subscriber. Said only to clients who may know.
    #[error("the target is not known")]
    UnknownSubscriber,
    /// The target cannot be reached.
    #[error("the target cannot be reached: {0}")]
    Absent(Absence),
    /// The target may not be positioned for this client.
    #[error("positioning is not allowed: {0}")]
    NotAllowed(Refusal),
    /// The law forbids it.
    #[error("regulations forbid it")]
    Regulations,
    /// What was found, if anything, misses the quality that was to be assured, or there was no time to find anything.
    #[error("the quality asked for cannot be attained: {}", .0.name())]
    QopNotAttainable(QopPart),
    /// No method gave a position.
    #[error("{0}")]
    Method(MethodFault),
    /// Something is full.
    #[error("{0}")]
    Congestion(Congestion),
    /// The server's settings do not let it do this.
    #[error("the server is not configured for this")]
    Misconfigured,
    /// The server failed.
    #[error("{0}")]
    System(SystemFault),
}

impl LocateError {
    /// Name for logs, metrics and the audit record: a word of a closed list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client(ClientFault::Service) => "client-service",
            Self::UnknownSubscriber => "unknown-subscriber",
            Self::Absent(Absence::NoAddress) => "absent-no-address",
            Self::Absent(Absence::Unreachable) => "absent-unreachable",
            Self::Absent(Absence::NoAnswer) => "absent-no-answer",
            Self::Absent(Absence::Left) => "absent-left",
            Self::NotAllowed(Refusal::NoRule) => "refused-no-rule",
            Self::NotAllowed(Refusal::Rule) => "refused-rule",
            Self::NotAllowed(Refusal::NotCovered) => "refused-not-covered",
            Self::NotAllowed(Refusal::Wish) => "refused-wish",
            Self::NotAllowed(Refusal::User) => "refused-user",
            Self::Regulations => "regulations",
            Self::QopNotAttainable(_) => "quality",
            Self::Method(MethodFault::NothingKnown) => "method-nothing-known",
            Self::Method(MethodFault::NoFix) => "method-no-fix",
            Self::Method(MethodFault::Mismatch) => "method-mismatch",
            Self::Method(MethodFault::NotSupported) => "method-not-supported",
            Self::Method(MethodFault::Ended(_)) => "method-ended",
            Self::Method(MethodFault::BrokenOff) => "method-broken-off",
            Self::Congestion(Congestion::Server) => "congestion-server",
            Self::Congestion(Congestion::Rate) => "congestion-rate",
            Self::Congestion(Congestion::Concurrent) => "congestion-concurrent",
            Self::Congestion(Congestion::Target) => "congestion-target",
            Self::Congestion(Congestion::Network) => "congestion-network",
            Self::Congestion(Congestion::Superseded) => "congestion-superseded",
            Self::Misconfigured => "misconfigured",
            Self::System(SystemFault::Audit) => "system-audit",
            Self::System(SystemFault::Store) => "system-store",
            Self::System(SystemFault::Bearers) => "system-bearers",
            Self::System(SystemFault::Authentication) => "system-authentication",
            Self::System(SystemFault::Random) => "system-random",
            Self::System(SystemFault::Stopping) => "system-stopping",
        }
    }
}
