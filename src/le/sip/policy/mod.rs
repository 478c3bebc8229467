//! Who may know where somebody is, as documents say it: common policy (RFC 4745), geolocation policy (RFC 6772) and presence rules
//! (RFC 5025).
//!
//! A [`Ruleset`] is read and written as XML, and mapped on the profile of a subscriber ([`Ruleset::to_profile`],
//! [`Ruleset::of_profile`]), which decides: privacy is a matter of the location service, and whatever door asks is bound by it. What
//! a profile cannot hold is refused rather than left out, since every condition that is left out lets more people know.

mod map;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use map::{MapFault, Note};

use super::pidf::CivicLevel;
use crate::base::Utc;
use crate::le::xml::{Limits, XmlFault};

/// The media type of these documents.
pub const MEDIA_TYPE: &str = "application/auth-policy+xml";

/// Common policy (RFC 4745).
const COMMON: &str = "urn:ietf:params:xml:ns:common-policy";
/// Geolocation policy (RFC 6772).
const GEOLOCATION: &str = "urn:ietf:params:xml:ns:geolocation-policy";
/// Profiles of locations (RFC 6772).
const PROFILES: &str = "urn:ietf:params:xml:ns:basic-location-profiles";
/// Presence rules (RFC 5025).
const PRES_RULES: &str = "urn:ietf:params:xml:ns:pres-rules";

/// Bounds of a document.
pub const LIMITS: Limits = Limits {
    octets: 256 << 10,
    depth: 16,
    elements: 5000,
    attributes: 24,
    attribute_octets: 1024,
    text_octets: 8 << 10,
};

/// Most rules of a document.
pub const MOST_RULES: usize = 256;

/// Who asks, as far as a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// This one.
    One(String),
    /// Everybody, or everybody of a domain, but for some.
    Many {
        /// The domain; `None`: any.
        domain: Option<String>,
        /// URIs, and domains with an `@` before them.
        except: Vec<String>,
    },
}

/// Whether somebody is told (RFC 5025 §3.2.1), the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Handling {
    /// No.
    Block,
    /// The user is asked.
    Confirm,
    /// He is told something that tells nothing.
    PoliteBlock,
    /// Yes.
    Allow,
}

/// How a location is told (RFC 6772 §6).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transformations {
    /// Whether it may be passed on.
    pub retransmission: bool,
    /// For how long it may be kept, seconds.
    pub retention_s: Option<u32>,
    /// What people should know of it.
    pub note_well: Option<String>,
    /// Whether coordinates are told, and within what radius, metres; 0 as they are.
    pub geodetic_m: Option<u32>,
    /// Whether an address is told, and how much of it.
    pub civic: CivicLevel,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Who asks: one of these; `None`: anybody.
    pub identity: Option<Vec<Identity>>,
    /// When: within one of these; empty: always.
    pub validity: Vec<(Utc, Utc)>,
    /// In which of the user's spheres.
    pub sphere: Option<String>,
    /// Whether somebody is told.
    pub handling: Option<Handling>,
    /// How.
    pub transformations: Transformations,
    /// Conditions, actions and transformations that are not known, by their names: with one of the first the rule never holds.
    pub unknown: Vec<String>,
}

/// A document of rules. All that hold count together, each permission as far as the most generous of them goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// It is no XML that is read here.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The root is no ruleset.
    #[error("not a ruleset of urn:ietf:params:xml:ns:common-policy")]
    NotRuleset,
    /// A rule without an id, or with that of another.
    #[error("rule number {0} needs an id of its own")]
    Id(usize),
    /// More rules than are taken.
    #[error("more than {MOST_RULES} rules")]
    TooMany,
    /// An element is not in its format.
    #[error("rule `{rule}`: {element} is not in its format")]
    Format {
        /// Which rule.
        rule: String,
        /// Which element.
        element: &'static str,
    },
}
