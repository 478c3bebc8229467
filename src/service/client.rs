//! LCS clients: who may ask, for what, how much, and how they show who they are.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::quota::Usage;
use super::request::Flow;
use crate::base::SetId;

/// What kind of client it is (3GPP TS 23.271 §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientType {
    /// An emergency centre: subscribers' privacy does not hold against it, and what it asks for comes first.
    Emergency,
    /// A service that subscribers may allow or forbid.
    #[default]
    ValueAdded,
    /// The operator's own: subscribers' rules hold for it as for others.
    Operator,
    /// Lawful interception: subscribers' privacy does not hold against it, and they are neither told nor asked.
    Lawful,
}

impl ClientType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Emergency, Self::ValueAdded, Self::Operator, Self::Lawful];

    /// Name for logs, metrics and the audit record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::ValueAdded => "value-added",
            Self::Operator => "operator",
            Self::Lawful => "lawful",
        }
    }

    /// Whether subscribers' privacy gives way to clients of this type.
    pub const fn overrides_privacy(self) -> bool {
        matches!(self, Self::Emergency | Self::Lawful)
    }
}

/// A secret of a client, or one that somebody offers. It does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The secret as text, to be sent to whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How somebody shows which client it is. Every part that is given must be right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The client's id.
    pub id: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Names (common name, DNS names, URIs) in a client certificate that was verified.
    pub certificate: Vec<String>,
    /// A bearer token.
    pub token: Option<Secret>,
}

impl Credentials {
    /// An id and a password.
    pub fn password(id: impl Into<String>, password: impl Into<String>) -> Self {
        Self { id: Some(id.into()), password: Some(Secret::new(password)), ..Self::default() }
    }
}

/// Why somebody is not taken for a client. It does not say what was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No client has these credentials.
    #[error("no client has these credentials")]
    Refused,
    /// Too many passwords wait to be checked.
    #[error("too many passwords wait to be checked")]
    Busy,
}

/// The profile of a client, as configured: a `[[clients]]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// By which it calls itself; unique.
    pub id: String,
    /// emergency, value-added, operator or lawful. Default value-added.
    #[serde(rename = "type")]
    pub client_type: ClientType,
    /// What users of targets are shown when they are told or asked; its id when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its password as `groma clients hash` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Its password in clear, for development: the server warns of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Names in client certificates by which it may show itself instead.
    pub certificates: Vec<String>,
    /// Whether it must show such a certificate, password or not.
    pub certificate_required: bool,
    /// Bearer tokens, as `groma clients hash --token` prints them.
    pub token_hashes: Vec<String>,
    /// Services that it may use: immediate, emergency, triggered, historic, reporting. Empty: immediate, triggered and
    /// historic; for emergency centres all.
    pub services: BTreeSet<Flow>,
    /// Targets that it may ask for at all, as patterns. Empty: none is left out.
    pub targets: Vec<Pattern>,
    /// Whether it is told that a target does not exist, or else just that it may not ask. Default: emergency, operator and
    /// lawful clients are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learns_unknown: Option<bool>,
    /// Whether its requests may have high priority: when nearly all places are taken (`service.max_pending`), they still get
    /// one. Of others the wish is passed over.
    pub high_priority: bool,
    /// Most requests a minute, counted by targets; 0: as many as it likes.
    pub per_minute: u32,
    /// Most requests under way at once; 0: as many as it likes.
    pub concurrent: u32,
    /// Where its reports go when a request does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_url: Option<String>,
    /// Hosts to which it may have reports sent, besides that of `report_url`; a leading `*.` stands for any name below.
    pub report_hosts: Vec<String>,
    /// Id with which the server shows itself there, when a request does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id: Option<String>,
    /// The password to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_password: Option<Secret>,
}

/// A client that has shown who it is.
pub struct Client {
    profile: Profile,
    services: BTreeSet<Flow>,
    usage: Arc<Usage>,
}

impl Client {
    pub(super) fn new(profile: Profile, usage: Arc<Usage>) -> Self {
        let services = match (profile.services.is_empty(), profile.client_type) {
            (false, _) => profile.services.clone(),
            (true, ClientType::Emergency) => Flow::ALL.into(),
            (true, _) => [Flow::Immediate, Flow::Triggered, Flow::Historic].into(),
        };
        Self { profile, services, usage }
    }

    /// A client outside of any configuration, for tests of doors.
    pub fn detached(profile: Profile) -> Arc<Self> {
        Arc::new(Self::new(profile, Arc::default()))
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.profile.id
    }

    /// Its type.
    pub const fn client_type(&self) -> ClientType {
        self.profile.client_type
    }

    /// What users are shown of it.
    pub fn name(&self) -> &str {
        self.profile.name.as_deref().unwrap_or(&self.profile.id)
    }

    /// The profile it was made of.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether its profile has this service.
    pub fn may(&self, flow: Flow) -> bool {
        self.services.contains(&flow)
    }

    /// Whether its profile covers a target known by these identities.
    pub(super) fn covers<'a>(&self, mut identities: impl Iterator<Item = &'a SetId>) -> bool {
        self.profile.targets.is_empty()
            || identities.any(|id| self.profile.targets.iter().any(|p| p.holds(id)))
    }

    /// Whether it is told that a target does not exist.
    pub fn learns_unknown(&self) -> bool {
        self.profile.learns_unknown.unwrap_or(self.profile.client_type != ClientType::ValueAdded)
    }

    pub(super) const fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.profile.id)
            .field("type", &self.profile.client_type)
            .finish_non_exhaustive()
    }
}

/// A number of requests under way, which falls when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<AtomicU32>);

impl UnderWay {
    /// One more, unless there are `most` already (0: no limit).
    pub(super) fn begin(count: &Arc<AtomicU32>, most: u32) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::AcqRel);
        let guard = Self(Arc::clone(count));
        (most == 0 || before < most).then_some(guard)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
