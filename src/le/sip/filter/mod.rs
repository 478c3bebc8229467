//! Location filters: which changes of a position a subscriber wants to hear of (RFC 4661, RFC 6447).
//!
//! A [`FilterSet`] is the body of a SUBSCRIBE ([`FilterSet::parse`]); a refresh brings another that [`FilterSet::update`] merges into
//! it. [`FilterSet::evaluate`] is pure: what was last told and a new estimate go in, a [`Decision`] comes out.
//!
//! The triggers of a filter are alternatives, the conditions of one trigger must all hold, and everything is compared with what
//! was told *last*: a subscriber who was told of a place inside an area hears of the target again when it is outside. Besides the
//! elements of RFC 6447 those of its drafts are understood, since clients of LOCSIP 1.0 may send them: `movedHorz`, `movedVert`,
//! `speedExceeds`, `valueChanges`.

mod evaluate;
mod read;
#[cfg(test)]
mod tests;

pub use evaluate::{Decision, Tracking, Why};

use super::quality::Quality;
use crate::le::xml::{Limits, XmlFault};
use crate::service::triggers::Area;

use super::pidf::GeometryFault;

/// The media type of filters.
pub const MEDIA_TYPE: &str = "application/simple-filter+xml";

/// The namespace of the container (RFC 4661).
pub(crate) const SIMPLE_FILTER: &str = "urn:ietf:params:xml:ns:simple-filter";
/// The namespace of conditions about places (RFC 6447).
pub(crate) const LOCATION_FILTER: &str = "urn:ietf:params:xml:ns:location-filter";

/// Bounds of a filter document.
pub const LIMITS: Limits = Limits {
    octets: 64 << 10,
    depth: 16,
    elements: 1000,
    attributes: 24,
    attribute_octets: 1024,
    text_octets: 8 << 10,
};

/// Most filters of a set.
pub const MOST_FILTERS: usize = 64;
/// Most triggers of a filter.
pub const MOST_TRIGGERS: usize = 16;
/// Most conditions of a trigger.
pub const MOST_CONDITIONS: usize = 16;

/// For whom a filter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whoever was subscribed to.
    Any,
    /// The resource of this URI.
    Uri(String),
    /// Every resource of this domain.
    Domain(String),
}

/// Which form of a location is wanted (`locationType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Coordinates.
    Geodetic,
    /// An address.
    Civic,
}

/// Which forms are wanted, the most wanted first; empty: any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Which.
    pub wanted: Vec<Form>,
    /// Whether nothing else will do.
    pub exact: bool,
}

/// A value of a document that may change, as its path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Speed, m/s.
    Speed,
    /// Heading, degrees.
    Heading,
    /// How the position was found.
    Method,
    /// Part of the civic address.
    Civic(String),
}

/// What must be so that a trigger fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// So far from where it was told last, metres, height included where both have one.
    Moved(f64),
    /// So far on the map.
    MovedHorizontally(f64),
    /// So much higher or lower.
    MovedVertically(f64),
    /// It is on the other side of the border.
    EnterOrExit(Area),
    /// It has become faster than this, m/s.
    SpeedExceeds(f64),
    /// A value is another.
    Changed {
        /// Which.
        value: Value,
        /// It was this.
        from: Option<String>,
        /// It is this.
        to: Option<String>,
        /// By so much at least.
        by: Option<f64>,
    },
    /// A value is there that was not.
    Added(Value),
    /// A value is not there that was.
    Removed(Value),
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// Which.
    pub conditions: Vec<Condition>,
}

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Its name.
    pub id: String,
    /// For whom it is.
    pub scope: Scope,
    /// It takes away the filter of that name.
    pub remove: bool,
    /// It counts; else it is kept for later.
    pub enabled: bool,
    /// Which forms of a location are wanted.
    pub forms: Option<Forms>,
    /// Alternatives; empty: every change.
    pub triggers: Vec<Trigger>,
    /// The quality that is asked for.
    pub quality: Option<Quality>,
}

/// The filters of a subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterSet {
    filters: Vec<Filter>,
}

/// What is wrong with a filter document. It names elements, never what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FilterFault {
    /// It is no XML that is read here.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The root is no filter-set.
    #[error("not a filter-set")]
    NotFilterSet,
    /// It is for another event package.
    #[error("filters of another event package")]
    Package,
    /// An attribute or an element is missing.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// A text is not in its format.
    #[error("{0}: not in its format")]
    Format(&'static str),
    /// Two filters of one name, or a filter for both a URI and a domain.
    #[error("{0}: contradictory")]
    Contradiction(&'static str),
    /// More filters, triggers or conditions than are taken.
    #[error("{0}: too many")]
    TooMany(&'static str),
    /// A shape is wrong.
    #[error("enterOrExit: {0}")]
    Geometry(#[from] GeometryFault),
    /// The shape encloses nothing.
    #[error("enterOrExit: the shape encloses nothing")]
    NoArea,
    /// Right, but not something that this server evaluates.
    #[error("{0}: not supported")]
    Unsupported(&'static str),
}

impl FilterFault {
    /// The SIP status that answers a SUBSCRIBE with such a filter: 488 for one that is right and cannot be honoured
    /// (RFC 4660 §4.2), 400 for one that is not right.
    pub const fn status(self) -> u16 {
        match self {
            Self::Unsupported(_) | Self::TooMany(_) | Self::Package => 488,
            _ => 400,
        }
    }
}

impl FilterSet {
    /// The filters.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Takes the filters of a refresh in (RFC 4660 §3.3): one of a known name replaces the old one or takes it away, others are
    /// added.
    ///
    /// # Errors
    /// [`FilterFault::TooMany`]; nothing is changed then.
    pub fn update(&mut self, newer: Self) -> Result<(), FilterFault> {
        let mut all = self.filters.clone();
        for filter in newer.filters {
            let at = all.iter().position(|f| f.id == filter.id);
            match (at, filter.remove) {
                (Some(at), true) => drop(all.remove(at)),
                (Some(at), false) => {
                    if let Some(old) = all.get_mut(at) {
                        *old = filter;
                    }
                }
                (None, true) => {}
                (None, false) => all.push(filter),
            }
        }
        if all.len() > MOST_FILTERS {
            return Err(FilterFault::TooMany("filter"));
        }
        self.filters = all;
        Ok(())
    }

    /// The filters that count for a resource.
    fn of<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a Filter> {
        self.filters.iter().filter(move |f| f.enabled && !f.remove && f.scope.holds(resource))
    }

    /// The forms in which a resource's location is wanted.
    pub fn forms(&self, resource: &str) -> Forms {
        self.of(resource).find_map(|f| f.forms.clone()).unwrap_or_default()
    }

    /// The quality in which a resource's location is wanted.
    pub fn quality(&self, resource: &str) -> Option<Quality> {
        self.of(resource).find_map(|f| f.quality)
    }
}

impl Forms {
    /// Whether coordinates may be told.
    pub fn geodetic(&self) -> bool {
        !self.exact || self.wanted.is_empty() || self.wanted.contains(&Form::Geodetic)
    }

    /// Whether an address may be told.
    pub fn civic(&self) -> bool {
        !self.exact || self.wanted.is_empty() || self.wanted.contains(&Form::Civic)
    }
}

impl Scope {
    fn holds(&self, resource: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Uri(uri) => same_resource(uri, resource),
            Self::Domain(domain) => {
                let host = resource.rsplit_once('@').map_or(resource, |(_, host)| host);
                let host = host.split([';', '?', ':']).next().unwrap_or_default();
                let domain = domain.trim_start_matches('@');
                host.eq_ignore_ascii_case(domain)
            }
        }
    }
}

/// Whether two URIs name one resource: `sip:`, `sips:` and `pres:` URIs of one user at one host, `tel:` URIs of one number.
pub(crate) fn same_resource(a: &str, b: &str) -> bool {
    fn parts(uri: &str) -> (&str, String) {
        let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        let rest = rest.split([';', '?']).next().unwrap_or_default();
        match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split_once(':').map_or(user, |(u, _)| u);
                (user.trim_start_matches('+'), host.to_ascii_lowercase())
            }
            None => (rest.trim_start_matches('+'), String::new()),
        }
    }
    parts(a) == parts(b)
}
