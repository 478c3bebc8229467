//! The way to a SET, as the location service sees it. `net::push` builds it.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Instant;

use bytes::Bytes;

use crate::base::SetId;

/// A SUPL INIT on its way to a SET.
#[derive(Clone)]
pub struct Delivery {
    /// The SET.
    pub target: SetId,
    /// Other identities of the same SET, under which a bearer may know it.
    pub alternatives: Vec<SetId>,
    /// Where the SET was heard of a short while ago, if anywhere.
    pub ip: Option<IpAddr>,
    /// The SUPL INIT.
    pub octets: Bytes,
    /// Whether it belongs to an emergency: such deliveries are shed last and pass before others.
    pub emergency: bool,
    /// When nobody needs it any more.
    pub deadline: Instant,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("target", &self.target)
            .field("octets", &self.octets.len())
            .field("emergency", &self.emergency)
            .finish_non_exhaustive()
    }
}

/// A delivery that a bearer took on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The bearer that brought it: `udp`, `smpp.NAME`, `sip`, `pap`.
    pub bearer: String,
    /// Whether the SET is known to have it; otherwise the bearer only took it on.
    pub confirmed: bool,
}

/// Why a SUPL INIT reached nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// No bearer that is configured has an address of this SET.
    #[error("no bearer has an address of the SET")]
    NoAddress,
    /// A bearer says that the SET is not there or does not exist.
    #[error("the SET cannot be reached")]
    Unreachable,
    /// The network refused to carry it.
    #[error("the network refuses the message")]
    Refused,
    /// Every bearer failed: no connection, no answer, a broken one.
    #[error("no bearer works")]
    Failed,
    /// Bearers, or this server's own queue, are full.
    #[error("the bearers are congested")]
    Congested,
    /// The deadline passed before a bearer took it.
    #[error("no bearer took it in time")]
    TimedOut,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl PushError {
    /// Word for metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no-address",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Congested => "congested",
            Self::TimedOut => "timed-out",
            Self::Stopping => "stopping",
        }
    }
}

/// How a delivery goes on.
pub type Delivering = Pin<Box<dyn Future<Output = Result<Delivered, PushError>> + Send>>;

/// Brings SUPL INITs to SETs. Which way, in which order, and how often, is its own business.
pub trait Push: Send + Sync {
    /// Delivers a SUPL INIT. The future lasts until a bearer has brought it, until no bearer is left, or until the deadline.
    /// Whoever sees the SET come drops it.
    fn deliver(&self, delivery: Delivery) -> Delivering;
}

/// Reaches nobody: a server without any bearer.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPush;

impl Push for NoPush {
    fn deliver(&self, _: Delivery) -> Delivering {
        Box::pin(std::future::ready(Err(PushError::NoAddress)))
    }
}
