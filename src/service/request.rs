//! What can be asked: one request, one target.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::client::Client;
use super::outcome::Located;
use crate::base::{QualityOfPosition, SetId, Shape};
use crate::slc::ni::Asked;

/// Through which service of the platform a position is wanted. A client's profile says which it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// One position, now (MLP `slir`).
    Immediate,
    /// One position for an emergency (MLP `eme_lir`).
    Emergency,
    /// Positions by time or event (MLP `tlrr`).
    Triggered,
    /// Positions of the past (MLP `hlir`).
    Historic,
    /// Positions that SETs report by themselves (MLP `slrep`, `emerep`).
    Reporting,
}

impl Flow {
    /// Every flow.
    pub const ALL: [Self; 5] =
        [Self::Immediate, Self::Emergency, Self::Triggered, Self::Historic, Self::Reporting];

    /// Name for logs, metrics, configuration and the audit record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Emergency => "emergency",
            Self::Triggered => "triggered",
            Self::Historic => "historic",
            Self::Reporting => "reporting",
        }
    }
}

/// Which position is wanted (MLP `loc_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LocationKind {
    /// Where the target is now. Answered from the store when what is there is young and exact enough.
    #[default]
    Current,
    /// The newest position known; the target is not asked.
    Last,
    /// As `Current`; where that fails, the newest position known if it is good enough.
    CurrentOrLast,
    /// The newest position known if it is good enough, otherwise as `Current`.
    LastOrCurrent,
    /// The first position of the emergency call; as `Current` where none is known.
    Initial,
}

impl LocationKind {
    /// Name for logs, metrics and the audit record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Last => "last",
            Self::CurrentOrLast => "current-or-last",
            Self::LastOrCurrent => "last-or-current",
            Self::Initial => "initial",
        }
    }
}

/// What becomes of a position that misses the accuracy asked for (3GPP TS 22.071 §4.3.1; MLP `qos_class`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QosClass {
    /// It is not given.
    Assured,
    /// It is given, and said to miss it.
    #[default]
    BestEffort,
}

/// How urgent an ordinary request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// As usual.
    #[default]
    Normal,
    /// Shed later than others; only clients whose profile allows it get it.
    High,
}

/// The name of a service of a client (MLP `serviceid`), by which subscribers may tell services apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId(pub String);

/// What kind of name a requestor goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestorKind {
    /// A telephone number.
    #[default]
    Msisdn,
    /// A name in words.
    Name,
    /// An e-mail address.
    Email,
    /// A URL.
    Url,
    /// A SIP URI.
    SipUrl,
    /// Another identity.
    Other,
}

/// Who really asks, on whose behalf the client does. It may be somebody's number: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Requestor {
    /// Number, name or address.
    pub id: String,
    /// What it is.
    pub kind: RequestorKind,
}

impl fmt::Debug for Requestor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requestor({:?}, …)", self.kind)
    }
}

/// How the client wishes the target's user to be told or asked. What the subscriber's profile says is never weakened by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrivacyWish {
    /// Told or asked like this, at least.
    Ask(Asked),
    /// Not to be positioned at all.
    DoNotPosition,
}

/// How the target may be reached, where the client knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReachHints {
    /// Its address (MLP `supl_support_params`).
    pub ip: Option<IpAddr>,
    /// Roughly where it is.
    pub area: Option<Shape>,
}

/// A request for the position of one target.
#[derive(Clone, Debug)]
pub struct LocateRequest {
    /// Who asks, as [`super::Service::authenticate`] found.
    pub client: Arc<Client>,
    /// Through which service of the platform.
    pub flow: Flow,
    /// For which service of the client.
    pub service: Option<ServiceId>,
    /// On whose behalf.
    pub requestor: Option<Requestor>,
    /// Whose position.
    pub target: SetId,
    /// Other identities of the same target.
    pub alternatives: Vec<SetId>,
    /// Which position.
    pub kind: LocationKind,
    /// How exact, how young, how soon. A response time of zero means: at once, whatever is known.
    pub qop: QualityOfPosition,
    /// What becomes of a position that misses that.
    pub qos_class: QosClass,
    /// How urgent.
    pub priority: Priority,
    /// Whether the user should be told or asked.
    pub wish: Option<PrivacyWish>,
    /// How to reach the target.
    pub reach: ReachHints,
    /// Whether its velocity is wanted too.
    pub velocity: bool,
    /// Where positions go that come before the last one. One that does not fit in there is left out.
    pub progress: Option<mpsc::Sender<Located>>,
}

impl LocateRequest {
    /// A request for where a target is now, without any wishes.
    pub fn new(client: Arc<Client>, flow: Flow, target: SetId) -> Self {
        Self {
            client,
            flow,
            service: None,
            requestor: None,
            target,
            alternatives: Vec::new(),
            kind: LocationKind::Current,
            qop: QualityOfPosition::default(),
            qos_class: QosClass::BestEffort,
            priority: Priority::Normal,
            wish: None,
            reach: ReachHints::default(),
            velocity: false,
            progress: None,
        }
    }

    /// Whether a position of this age counts as young: the age asked for, or else `usual`.
    pub(super) fn is_young(&self, age: Duration, usual: Duration) -> bool {
        age <= self.qop.max_age.unwrap_or(usual)
    }
}
