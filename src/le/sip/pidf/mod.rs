//! PIDF-LO: presence documents that say where somebody is (RFC 3863, 4119, 4479, 5139, 5491, 5962, 7459).
//!
//! A [`Presence`] is made of an estimate ([`Presence::of`]) or read from octets ([`Presence::parse`]); it gives an estimate back
//! ([`Presence::estimate`]) by the rules of RFC 5491 §3.4: of several places the first device's counts, then the first tuple's,
//! then the person's.
//!
//! What an estimate says is written unrounded. The confidence is said as it is known, `unknown` where it is not, since a reader
//! would else take it for 95 % (RFC 7459 §5).

mod civic;
pub(crate) mod geometry;
pub(crate) mod names;
mod read;
#[cfg(test)]
mod tests;
mod write;
#[cfg(test)]
pub(in crate::le::sip) use tests::validate;

use std::time::Duration;

pub(crate) use civic::is_civic;
pub use civic::{Civic, CivicLevel};
pub use geometry::{Geometry, GeometryFault};
pub use read::{LIMITS, PidfFault};
pub(crate) use read::{geometry as read_geometry, number as read_number};
pub(crate) use write::{number as write_number, timestamp as write_time};

use super::quality::Quality;
use crate::base::geo::{Shape, Velocity};
use crate::base::{LocationEstimate, PositionMethod, Utc};

/// The media type of these documents.
pub const MEDIA_TYPE: &str = "application/pidf+xml";

/// A location is kept for so long when its rules do not say (RFC 4119 §2.2.2).
pub const USUAL_RETENTION: Duration = Duration::from_hours(24);

/// Who or what a part of a document speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A device (RFC 4479 §3.3): most likely where it is said to be.
    Device,
    /// A service: a `tuple`.
    Tuple,
    /// The person.
    Person,
}

/// What may be done with a location (RFC 4119 §2.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRules {
    /// Whether it may be passed on.
    pub retransmission_allowed: bool,
    /// When it must be forgotten; by [`USUAL_RETENTION`] where `None`.
    pub retention_expiry: Option<Utc>,
    /// Where more rules are to be had.
    pub external_ruleset: Option<String>,
    /// What people should know of it.
    pub note_well: Option<String>,
}

/// How an uncertainty is distributed (RFC 7459 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pdf {
    /// It is not known.
    #[default]
    Unknown,
    /// Normally.
    Normal,
    /// Evenly over the shape.
    Rectangular,
}

/// The probability that the target is inside of the shape (RFC 7459).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confidence {
    /// Per cent, more than 0 and less than 100; `None`: not known.
    pub percent: Option<f64>,
    /// How it is distributed.
    pub pdf: Pdf,
}

/// Movement (RFC 5962). Angles in degrees; each direction with an elevation where one is said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dynamic {
    /// Where the target faces.
    pub orientation: Option<(f64, Option<f64>)>,
    /// How fast it goes, m/s.
    pub speed_mps: Option<f64>,
    /// Where it goes.
    pub heading: Option<(f64, Option<f64>)>,
}

/// A location object: one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Its shape.
    pub geometry: Option<Geometry>,
    /// Its address.
    pub civic: Option<Civic>,
    /// How sure the shape is; `None`: not said, which means 95 %.
    pub confidence: Option<Confidence>,
    /// Movement.
    pub dynamic: Option<Dynamic>,
    /// What may be done with it.
    pub rules: UsageRules,
    /// How it was found: a token of IANA's registry, or whatever another server wrote.
    pub method: Option<String>,
    /// The quality that was asked for, and whether the place has it.
    pub quality: Option<(Quality, bool)>,
}

/// A device, tuple or person of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which of them.
    pub holder: Holder,
    /// Its name in the document.
    pub id: String,
    /// Where it is.
    pub place: Option<Place>,
    /// The URN of a device.
    pub device_id: Option<String>,
    /// Remarks for people.
    pub notes: Vec<String>,
    /// When it was there.
    pub timestamp: Option<Utc>,
}

/// A presence document.
#[derive(Clone, PartialEq)]
pub struct Presence {
    /// Whose presence: a `pres:` URI, or a pseudonym.
    pub entity: String,
    /// Its parts, in their order.
    pub parts: Vec<Part>,
    /// Remarks for people about all of it.
    pub notes: Vec<String>,
}

/// Documents name people and places: their `Debug` shows neither.
impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Presence({} parts, …)", self.parts.len())
    }
}

/// Why a document gives no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoPlace {
    /// No part of it has a location.
    #[error("the document holds no location")]
    None,
    /// It must have been forgotten by now (RFC 4119 §2.2.2).
    #[error("the location has expired")]
    Expired,
    /// It holds an address only.
    #[error("the location is an address without coordinates")]
    CivicOnly,
    /// Its shape cannot be had in the shapes of TS 23.032.
    #[error("the shape is not one that can be kept")]
    Shape,
}

/// Why nobody knows where the target is, as a note tells it. None of them says more of the target than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// Nothing is known, or nothing may be told (polite blocking, RFC 5025 §3.2.1, looks alike).
    NotAvailable,
    /// The first position is still being looked for.
    Pending,
    /// The quality asked for could not be had.
    Quality,
}

impl Unknown {
    /// The note.
    pub const fn note(self) -> &'static str {
        match self {
            Self::NotAvailable => "location not available",
            Self::Pending => "location not yet available",
            Self::Quality => "location not available in the quality asked for",
        }
    }
}

/// What is written beside an estimate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// What may be done with it.
    pub rules: UsageRules,
    /// The URN of the device, where it is known and may be told; the place is then that of a `dm:device`.
    pub device_id: Option<String>,
    /// The address, where one is known.
    pub civic: Option<Civic>,
    /// The quality that was asked for, and whether the estimate has it.
    pub quality: Option<(Quality, bool)>,
}

impl Presence {
    /// The document that tells an estimate.
    pub fn of(entity: &str, estimate: &LocationEstimate, with: &Circumstances) -> Self {
        let geometry = Geometry::of(&estimate.shape);
        let place = Place {
            confidence: geometry.as_ref().and_then(|g| confidence_of(g, estimate)),
            geometry,
            civic: with.civic.clone(),
            dynamic: estimate.velocity.as_ref().and_then(Dynamic::of),
            rules: with.rules.clone(),
            method: token_of(estimate.method).map(str::to_owned),
            quality: with.quality,
        };
        let (holder, id) = match with.device_id {
            Some(_) => (Holder::Device, "d1"),
            None => (Holder::Tuple, "t1"),
        };
        let part = Part {
            holder,
            id: id.to_owned(),
            place: Some(place),
            device_id: with.device_id.clone(),
            notes: Vec::new(),
            timestamp: Some(estimate.time),
        };
        Self { entity: entity.to_owned(), parts: vec![part], notes: Vec::new() }
    }

    /// The document that tells that there is no location, and why.
    pub fn without_location(entity: &str, why: Unknown) -> Self {
        let part = Part {
            holder: Holder::Tuple,
            id: "t1".to_owned(),
            place: None,
            device_id: None,
            notes: vec![why.note().to_owned()],
            timestamp: None,
        };
        Self { entity: entity.to_owned(), parts: vec![part], notes: Vec::new() }
    }

    /// The part whose place counts (RFC 5491 §3.4).
    pub fn foremost(&self) -> Option<(&Part, &Place)> {
        let of = |holder| {
            self.parts
                .iter()
                .filter(move |p| p.holder == holder)
                .find_map(|p| p.place.as_ref().filter(|l| l.is_somewhere()).map(|l| (p, l)))
        };
        of(Holder::Device).or_else(|| of(Holder::Tuple)).or_else(|| of(Holder::Person))
    }

    /// The position that the document tells. One without a time is taken for that of `received`.
    ///
    /// # Errors
    /// [`NoPlace`] when it tells none.
    pub fn estimate(&self, received: Utc) -> Result<LocationEstimate, NoPlace> {
        let (part, place) = self.foremost().ok_or(NoPlace::None)?;
        let time = part.timestamp.unwrap_or(received);
        let until = place.rules.retention_expiry.unwrap_or(time + USUAL_RETENTION);
        if until <= received {
            return Err(NoPlace::Expired);
        }
        let geometry = place.geometry.as_ref().ok_or(NoPlace::CivicOnly)?;
        let shape = geometry.shape(place.percent()).ok_or(NoPlace::Shape)?;
        let method = place.method.as_deref().map_or(PositionMethod::Unknown, method_of);
        Ok(LocationEstimate { shape, time, method, velocity: place.dynamic.and_then(Dynamic::velocity) })
    }
}

impl Place {
    const fn is_somewhere(&self) -> bool {
        self.geometry.is_some() || self.civic.is_some()
    }

    /// The confidence, whole per cent; 95 where none is said, `None` where it is said to be unknown.
    fn percent(&self) -> Option<u8> {
        match self.confidence {
            None => Some(95),
            Some(c) => c.percent.filter(|p| *p > 0.0 && *p <= 100.0).map(|p| p.round().max(1.0) as u8),
        }
    }
}

/// The confidence of an estimate's shape; `None` where a shape has no extent that could be sure or not.
fn confidence_of(geometry: &Geometry, estimate: &LocationEstimate) -> Option<Confidence> {
    if matches!(geometry, Geometry::Point { .. }) {
        return None;
    }
    let stated = match &estimate.shape {
        Shape::Ellipse { ellipse, .. } | Shape::Ellipsoid { ellipse, .. } => ellipse.confidence,
        Shape::Arc { confidence, .. } => *confidence,
        _ => None,
    };
    // Certainty cannot be said: the number has to be less than 100.
    let percent = stated.filter(|c| *c > 0).map(|c| f64::from(c).min(99.9));
    let pdf = match (percent, estimate.method) {
        (
            Some(_),
            PositionMethod::AgnssMsBased | PositionMethod::AgnssMsAssisted | PositionMethod::AutonomousGnss,
        ) => Pdf::Normal,
        _ => Pdf::Unknown,
    };
    Some(Confidence { percent, pdf })
}

/// The token of a method in IANA's registry of method tokens; `None` for one that is not known.
pub const fn token_of(method: PositionMethod) -> Option<&'static str> {
    match method {
        PositionMethod::AgnssMsBased => Some("Device-Based_A-GPS"),
        PositionMethod::AgnssMsAssisted => Some("Device-Assisted_A-GPS"),
        PositionMethod::AutonomousGnss => Some("GPS"),
        PositionMethod::CellId => Some("Cell"),
        PositionMethod::EnhancedCellId => Some("TA-NMR"),
        PositionMethod::Wlan => Some("802.11"),
        PositionMethod::Otdoa => Some("OTDOA"),
        PositionMethod::Unknown => None,
    }
}

/// The method that a token names. Tokens are compared without regard to case.
pub fn method_of(token: &str) -> PositionMethod {
    const TOKENS: [(&str, PositionMethod); 21] = [
        ("GPS", PositionMethod::AutonomousGnss),
        ("GNSS", PositionMethod::AutonomousGnss),
        ("A-GPS", PositionMethod::AgnssMsAssisted),
        ("A-GNSS", PositionMethod::AgnssMsAssisted),
        ("Hybrid_A-GPS", PositionMethod::AgnssMsAssisted),
        ("Device-Assisted_A-GPS", PositionMethod::AgnssMsAssisted),
        ("Device-Based_A-GPS", PositionMethod::AgnssMsBased),
        ("Cell", PositionMethod::CellId),
        ("TA", PositionMethod::EnhancedCellId),
        ("NMR", PositionMethod::EnhancedCellId),
        ("TA-NMR", PositionMethod::EnhancedCellId),
        ("RTT", PositionMethod::EnhancedCellId),
        ("RSSI", PositionMethod::EnhancedCellId),
        ("AOA", PositionMethod::EnhancedCellId),
        ("E-CID", PositionMethod::EnhancedCellId),
        ("Triangulation", PositionMethod::EnhancedCellId),
        ("802.11", PositionMethod::Wlan),
        ("OTDOA", PositionMethod::Otdoa),
        ("TDOA", PositionMethod::Otdoa),
        ("IPDL", PositionMethod::Otdoa),
        ("Device-Assisted_OTDOA", PositionMethod::Otdoa),
    ];
    let known = TOKENS.iter().find(|(name, _)| name.eq_ignore_ascii_case(token.trim()));
    known.map_or(PositionMethod::Unknown, |(_, method)| *method)
}

impl Dynamic {
    /// The movement of an estimate. A climb goes into the heading's elevation and into the speed (RFC 5962 §3).
    fn of(v: &Velocity) -> Option<Self> {
        if !(v.speed_mps.is_finite() && v.bearing_deg.is_finite()) {
            return None;
        }
        let (level, azimuth) = (v.speed_mps.max(0.0), v.bearing_deg.rem_euclid(360.0));
        let climb = v.vertical_mps.filter(|c| c.is_finite() && *c != 0.0);
        let (speed, elevation) = match climb {
            Some(c) => (level.hypot(c), Some(c.atan2(level).to_degrees())),
            None => (level, None),
        };
        Some(Self { orientation: None, speed_mps: Some(speed), heading: Some((azimuth, elevation)) })
    }

    /// The velocity that the movement means; `None` without a speed.
    fn velocity(self) -> Option<Velocity> {
        let speed = self.speed_mps.filter(|s| s.is_finite() && (0.0..=1e6).contains(s))?;
        let (azimuth, elevation) = self.heading.unwrap_or((0.0, None));
        let (level, vertical_mps) = match elevation.filter(|e| *e != 0.0) {
            Some(e) => (speed * e.to_radians().cos(), Some(speed * e.to_radians().sin())),
            None => (speed, None),
        };
        Some(Velocity {
            speed_mps: level,
            bearing_deg: azimuth.rem_euclid(360.0),
            vertical_mps,
            speed_unc_mps: None,
            vertical_unc_mps: None,
        })
    }
}
