//! The one record that every session leaves behind.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::base::broadcast::Gnss;
use crate::base::cell::ReferenceSource;
use crate::base::ids::SetIdKind;
use crate::base::{PositionMethod, QualityOfPosition, Utc};

/// Which service a session was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// It ended before that could be known.
    Unknown,
    /// SET-initiated immediate service, proxy mode.
    SetInitiatedImmediate,
    /// Network-initiated immediate service, proxy mode.
    NetworkInitiatedImmediate,
}

impl Flow {
    /// Name for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::SetInitiatedImmediate => "set-initiated-immediate",
            Self::NetworkInitiatedImmediate => "network-initiated-immediate",
        }
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// SUPL END was sent without a status: the service was given.
    Completed,
    /// SUPL END was sent with this status code (its ASN.1 name).
    Refused {
        /// The status code.
        status: &'static str,
        /// The kind of error behind it.
        error: &'static str,
    },
    /// The SET sent SUPL END, with this status code if it gave one.
    EndedByTarget {
        /// The status code.
        status: Option<&'static str>,
    },
    /// The SET closed the connection after it had been given what it asked for (many never send SUPL END).
    LeftServed,
    /// The SET closed the connection before that.
    Left,
    /// Nothing ever came on the connection.
    Silent,
    /// The server went down.
    Shutdown,
}

impl Outcome {
    /// Name for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused { .. } => "refused",
            Self::EndedByTarget { .. } => "ended-by-target",
            Self::LeftServed => "left-served",
            Self::Left => "left",
            Self::Silent => "silent",
            Self::Shutdown => "shutdown",
        }
    }

    /// The status code on the wire, where there was one.
    pub const fn status(self) -> Option<&'static str> {
        match self {
            Self::Refused { status, .. } => Some(status),
            Self::EndedByTarget { status } => status,
            _ => None,
        }
    }
}

/// When a session reached its stages, as time since its connection was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stages {
    /// The first ULP message had come.
    pub start: Option<Duration>,
    /// SUPL POS INIT had come.
    pub pos_init: Option<Duration>,
    /// Assistance data had been sent for the first time.
    pub assisted: Option<Duration>,
    /// A position was known for the first time.
    pub position: Option<Duration>,
    /// The end.
    pub end: Duration,
}

/// What is kept of a session. It holds no identity, no position and no cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionRecord {
    /// When the connection was opened.
    pub opened: Utc,
    /// The SLP's session id, to join this record with traces.
    pub slp_session: [u8; 4],
    /// The service.
    pub flow: Flow,
    /// ULP version of the SET, major, minor, service indicator.
    pub ulp_version: Option<[u8; 3]>,
    /// Kind of identity that the SET gave.
    pub set_id: Option<SetIdKind>,
    /// Positioning protocol: `rrlp` or `lpp`.
    pub protocol: Option<&'static str>,
    /// The positioning method that SUPL RESPONSE named, by its ASN.1 name.
    pub pos_method: Option<&'static str>,
    /// Quality that the SET asked for.
    #[serde(skip)]
    pub qop: Option<QualityOfPosition>,
    /// Whether the last position met it.
    pub qop_met: Option<bool>,
    /// What the reference location rested on.
    pub reference: Option<ReferenceSource>,
    /// Navigation models sent, by system.
    pub satellites: BTreeMap<Gnss, u32>,
    /// How the last position was found.
    pub position: Option<PositionMethod>,
    /// Horizontal uncertainty of the last position, metres.
    pub uncertainty_m: Option<f64>,
    /// Latencies.
    pub stages: Stages,
    /// PDUs received and sent.
    pub pdus: (u32, u32),
    /// Octets of PDUs received and sent.
    pub octets: (u64, u64),
    /// The end.
    pub outcome: Outcome,
}
