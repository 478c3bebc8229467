//! What every bearer is: something that can carry octets to a SET and say how that went.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use tokio::time::Instant;

use crate::base::SetId;
use crate::base::ids::SetIdKind;

/// What a bearer is given.
pub(super) struct Parcel {
    /// Identities of the SET, the one it was asked for by first.
    pub(super) identities: Vec<SetId>,
    /// Fresh address of the SET.
    pub(super) ip: Option<IpAddr>,
    /// The SUPL INIT.
    pub(super) octets: Bytes,
    /// Whether it goes before others.
    pub(super) emergency: bool,
    /// When nobody needs it any more.
    pub(super) deadline: Instant,
}

impl Parcel {
    /// The digits of a telephone number (MSISDN, else MDN) of the SET.
    pub(super) fn number(&self) -> Option<String> {
        let msisdn = self.identities.iter().find_map(|id| match id {
            SetId::Msisdn(n) => Some(n.digits()),
            _ => None,
        });
        msisdn.or_else(|| {
            self.identities.iter().find_map(|id| match id {
                SetId::Mdn(n) => Some(n.digits()),
                _ => None,
            })
        })
    }

    /// Where the SET can be reached by IP: where it was heard of, else the address that is its identity.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.ip.or_else(|| {
            self.identities.iter().find_map(|id| match id {
                SetId::Ip(ip) => Some(*ip),
                _ => None,
            })
        })
    }

    /// The value of the first identity of this kind, as protocols write it.
    pub(super) fn identity(&self, kind: SetIdKind) -> Option<String> {
        self.identities.iter().filter(|id| id.kind() == kind).find_map(value)
    }
}

/// An identity as protocols write it. Octets that break their own coding rules have no such form.
pub(super) fn value(id: &SetId) -> Option<String> {
    Some(match id {
        SetId::Msisdn(v) => v.digits(),
        SetId::Mdn(v) => v.digits(),
        SetId::Min(v) => v.to_string(),
        SetId::Imsi(v) => v.digits(),
        SetId::Nai(v) => v.as_str().to_owned(),
        SetId::Ip(v) => v.to_string(),
        SetId::Imei(v) => v.digits(),
        SetId::Raw { .. } => return None,
    })
}

/// How far a bearer brought a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// The SET has it.
    Confirmed,
    /// The network took it on; there is nothing more to be heard of it.
    Accepted,
    /// It went out, and nobody answers for it.
    Sent,
}

/// Why a bearer could not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The bearer has no address of the SET.
    #[error("no address of the SET")]
    NoAddress,
    /// The octets are more than the bearer can carry.
    #[error("too long for the bearer")]
    TooLong,
    /// The next node (SMSC, proxy, gateway) cannot be connected to.
    #[error("no connection")]
    Down,
    /// The next node did not answer in time.
    #[error("no answer")]
    Unanswered,
    /// The next node asks for patience, or our own queue to it is full.
    #[error("congested")]
    Congested,
    /// The next node's answer is not of its protocol.
    #[error("a broken answer")]
    Broken,
    /// The next node does not know us or does not let us.
    #[error("not authorized (code {0})")]
    Unauthorized(u32),
    /// The next node refuses this message.
    #[error("refused (code {0})")]
    Refused(u32),
    /// The next node failed, and may succeed another time.
    #[error("failed for now (code {0})")]
    Temporary(u32),
    /// The SET is not there, or unknown.
    #[error("the SET cannot be reached (code {0})")]
    Unreachable(u32),
    /// The server is stopping.
    #[error("stopping")]
    Stopping,
}

impl Failure {
    /// Word for metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no-address",
            Self::TooLong => "too-long",
            Self::Down => "down",
            Self::Unanswered => "unanswered",
            Self::Congested => "congested",
            Self::Broken => "broken",
            Self::Unauthorized(_) => "unauthorized",
            Self::Refused(_) => "refused",
            Self::Temporary(_) => "temporary",
            Self::Unreachable(_) => "unreachable",
            Self::Stopping => "stopping",
        }
    }

    /// Whether another attempt a moment later may succeed.
    pub(super) const fn passing(self) -> bool {
        matches!(self, Self::Down | Self::Unanswered | Self::Congested | Self::Broken | Self::Temporary(_))
    }
}

/// The future of a bearer's attempt. Dropping it abandons the attempt.
pub(super) type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Carried, Failure>> + Send + 'a>>;

/// A way to a SET.
pub(super) trait Bearer: Send + Sync {
    /// Its name in the configuration: `udp`, `smpp.NAME`, `sip`, `pap`.
    fn name(&self) -> &str;

    /// Whether it has an address of this SET at all.
    fn knows(&self, parcel: &Parcel) -> bool;

    /// Carries the parcel; done when there is nothing more to be heard of it. Returns before the parcel's deadline.
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Attempt<'a>;
}
