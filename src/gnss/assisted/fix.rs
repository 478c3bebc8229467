//! What [`locate`](super::locate) answers.

use serde::Serialize;

use crate::base::broadcast::SatId;
use crate::base::geo::Ellipse;
use crate::base::{GeoPoint, GpsTime, Shape, Velocity};
use crate::gnss::solve::Signal;
use crate::gnss::visibility::Ecef;

/// A position.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// Where.
    pub at: GeoPoint,
    /// Metres above the ellipsoid.
    pub altitude_m: f64,
    /// The same, Earth-fixed.
    pub position: Ecef,
    /// When: the instant of the latest set, as far as it could be corrected.
    pub time: GpsTime,
    /// By how much the handset's time was wrong, seconds: to be added to what it said.
    pub time_correction_s: f64,
    /// Ellipse that holds the handset with 95 % probability.
    pub ellipse: Ellipse,
    /// Half of the interval that holds the altitude with 95 % probability, metres.
    pub altitude_unc_m: f64,
    /// Velocity, where Doppler shifts tell it; its uncertainties are for 95 %.
    pub velocity: Option<Velocity>,
    /// Measurements that entered.
    pub used: Vec<Used>,
    /// Measurements that did not.
    pub rejected: Vec<Rejected>,
    /// Measurements beyond those needed.
    pub redundancy: usize,
    /// Whether the reference location lies where its uncertainty says.
    pub reference_holds: bool,
    /// Whether the altitude is an assumption rather than a result.
    pub altitude_assumed: bool,
}

impl Fix {
    /// Ellipsoid point with altitude and uncertainty.
    pub const fn shape(&self) -> Shape {
        Shape::Ellipsoid {
            at: self.at,
            ellipse: self.ellipse,
            altitude_m: self.altitude_m,
            altitude_unc_m: self.altitude_unc_m,
        }
    }

    /// Different satellites used.
    pub fn satellites(&self) -> usize {
        let mut sats: Vec<SatId> = self.used.iter().map(|u| u.sat).collect();
        sats.sort_unstable();
        sats.dedup();
        sats.len()
    }
}

/// A measurement that entered a position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Used {
    /// Satellite.
    #[serde(serialize_with = "as_text")]
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Which of the sets used, the earliest first.
    pub set: usize,
    /// The whole travel time that was found for it, milliseconds, but for a count common to all of its set.
    pub travel_ms: f64,
    /// Measured less computed, metres.
    pub residual_m: f64,
    /// Standard deviation that it was given, metres.
    pub sigma_m: f64,
    /// Weight that its residual left it, 0..=1.
    pub weight: f64,
    /// Degrees above the horizon.
    pub elevation_deg: f64,
    /// Degrees clockwise from north.
    pub azimuth_deg: f64,
}

/// A measurement that did not enter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rejected {
    /// Satellite.
    #[serde(serialize_with = "as_text")]
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Which of the sets used, the earliest first.
    pub set: usize,
    /// Why.
    pub why: Rejection,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_text<S: serde::Serializer>(sat: &SatId, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(sat)
}

/// Why a measurement did not enter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rejection {
    /// No fresh ephemeris.
    NoEphemeris,
    /// The satellite calls itself unfit.
    Unhealthy,
    /// The satellite is below the horizon of the position found.
    BelowHorizon,
    /// It contradicts the others by this many metres.
    Contradicts {
        /// Measured less computed, metres, after the nearest whole milliseconds are taken off.
        residual_m: i64,
    },
    /// The same signal is in the set twice.
    Duplicate,
    /// More than the solver takes.
    TooMany,
    /// Not a number, or none that a code phase can be.
    Nonsense,
}

impl Rejection {
    /// The name used in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoEphemeris => "no-ephemeris",
            Self::Unhealthy => "unhealthy",
            Self::BelowHorizon => "below-horizon",
            Self::Contradicts { .. } => "contradicts",
            Self::Duplicate => "duplicate",
            Self::TooMany => "too-many",
            Self::Nonsense => "nonsense",
        }
    }
}
