//! Which bearers a SET is tried on, and in which order.

use serde::{Deserialize, Serialize};

use super::bearer::{Parcel, value};
use super::config::Config;
use crate::base::ids::SetIdKind;

/// An order of bearers for some SETs. What a rule leaves out fits anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Kind of identity: msisdn, mdn, min, imsi, nai, ip, imei.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SetIdKind>,
    /// What the identity begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Only for emergencies (true), or only for others (false).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<bool>,
    /// The bearers, the first to be tried first.
    pub bearers: Vec<String>,
}

impl Rule {
    fn fits(&self, parcel: &Parcel) -> bool {
        let identity = parcel.identities.iter().any(|id| {
            self.kind.is_none_or(|k| id.kind() == k)
                && self.prefix.as_deref().is_none_or(|p| value(id).is_some_and(|v| v.starts_with(p)))
        });
        let free = self.kind.is_none() && self.prefix.is_none();
        (free || identity) && self.emergency.is_none_or(|e| e == parcel.emergency)
    }
}

/// The routes of a configuration.
pub(super) struct Routes {
    rules: Vec<Rule>,
    ordinary: Vec<String>,
    emergency: Vec<String>,
}

impl Routes {
    pub(super) fn new(config: &Config) -> Self {
        let or_all = |emergency| {
            if config.order.is_empty() { config.bearers(emergency) } else { config.order.clone() }
        };
        Self { rules: config.rules.clone(), ordinary: or_all(false), emergency: or_all(true) }
    }

    /// Names of the bearers for this parcel, the first to be tried first.
    pub(super) fn of(&self, parcel: &Parcel) -> &[String] {
        let usual = if parcel.emergency { &self.emergency } else { &self.ordinary };
        self.rules.iter().find(|r| r.fits(parcel)).map_or(usual, |r| &r.bearers)
    }
}
