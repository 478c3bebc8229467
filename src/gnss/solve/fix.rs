//! What the solver found.

use serde::Serialize;

use super::confidence;
use super::signal::Signal;
use crate::base::broadcast::{Gnss, SatId};
use crate::base::geo::{Ellipse, Velocity};
use crate::base::{GeoPoint, GpsTime, Shape};
use crate::gnss::visibility::Ecef;

/// Why there is no position.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// Not enough measurements are left for the unknowns.
    #[error("{usable} usable satellites are too few ({needed} are needed)")]
    TooFew {
        /// Satellites left after the checks.
        usable: usize,
        /// What the unknowns need.
        needed: usize,
    },
    /// The satellites stand in a way that leaves a direction undetermined.
    #[error("the geometry of the satellites does not determine a position")]
    Geometry,
    /// The iteration does not settle.
    #[error("the solution does not converge")]
    Diverged,
    /// The measurements contradict each other and it cannot be told which are wrong.
    #[error("the measurements contradict each other and no choice of them agrees")]
    Inconsistent,
    /// The place found is not on or near the Earth.
    #[error("the measurements lead to no place on the Earth")]
    Implausible,
    /// More measurements than an epoch can have.
    #[error("{0} measurements at one instant are more than can be")]
    TooMany(usize),
    /// A number handed in is not one.
    #[error("not a number: {0}")]
    NotANumber(&'static str),
}

/// Why a measurement was not used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The caller did not ask for its system.
    System,
    /// No fresh ephemeris.
    NoEphemeris,
    /// The satellite calls itself unfit.
    Unhealthy,
    /// Nothing is known of the signal's delay in the satellite, or of its clock.
    Signal,
    /// Not a number, or out of any possible range.
    Range,
    /// The pseudorange is ambiguous.
    Ambiguous,
    /// Below the elevation mask.
    BelowMask,
    /// Another signal of the same satellite was taken.
    Redundant,
    /// No second frequency, which the choice of ionosphere asks for.
    SingleFrequency,
    /// It contradicts the others: by so many metres.
    Outlier {
        /// Measured minus computed from the others, metres.
        metres: f64,
    },
}

/// A measurement that was not used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rejected {
    /// Satellite.
    #[serde(serialize_with = "as_text")]
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Why.
    pub reason: Reason,
}

/// A measurement that was used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Used {
    /// Satellite.
    #[serde(serialize_with = "as_text")]
    pub sat: SatId,
    /// Signal (of a combination, the first).
    pub signal: Signal,
    /// Measured minus computed, metres.
    pub residual_m: f64,
    /// Standard deviation that the error model gave it, metres.
    pub sigma_m: f64,
    /// Degrees clockwise from north.
    pub azimuth_deg: f64,
    /// Degrees above the horizon.
    pub elevation_deg: f64,
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

/// Dilution of precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Dop {
    pub position: f64,
    pub horizontal: f64,
    pub vertical: f64,
}

/// Whether the measurements agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// They do, as well as the error model expects.
    Agree,
    /// There are no more measurements than unknowns: nothing can be said.
    Unchecked,
    /// They do not, and it cannot be told which is wrong. The uncertainty has been widened by what they disagree.
    Suspect,
}

/// Velocity from Doppler.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VelocityFix {
    /// East, north, up, m/s.
    pub enu_mps: [f64; 3],
    /// Covariance of these, m²/s².
    pub covariance: [[f64; 3]; 3],
    /// Rate of the receiver's clock, s/s.
    pub clock_drift: f64,
    /// Satellites used.
    pub satellites: usize,
}

impl VelocityFix {
    /// As TS 23.032 describes velocities.
    pub fn velocity(&self) -> Velocity {
        let [e, n, u] = self.enu_mps;
        let c = &self.covariance;
        Velocity {
            speed_mps: e.hypot(n),
            bearing_deg: e.atan2(n).to_degrees().rem_euclid(360.0),
            vertical_mps: Some(u),
            speed_unc_mps: Some((c[0][0] + c[1][1]).max(0.0).sqrt()),
            vertical_unc_mps: Some(c[2][2].max(0.0).sqrt()),
        }
    }
}

/// A position.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// GPS time of reception, the receiver clock's error taken off.
    pub time: GpsTime,
    /// Earth-fixed position, metres.
    pub position: Ecef,
    /// The same on WGS-84.
    pub at: GeoPoint,
    /// Metres above the ellipsoid.
    pub altitude_m: f64,
    /// Receiver clock minus GPS time, s (of pseudoranges whose common milliseconds are arbitrary: minus an arbitrary time).
    pub clock_s: f64,
    /// Systems used and by how many metres their pseudoranges are longer than the first's.
    pub biases_m: Vec<(Gnss, f64)>,
    /// By how many seconds the epoch's time was wrong, where that was asked, and its standard deviation.
    pub time_error_s: Option<(f64, f64)>,
    /// Covariance of east, north, up, m².
    pub covariance: [[f64; 3]; 3],
    /// Velocity, where there is Doppler enough.
    pub velocity: Option<VelocityFix>,
    /// Dilution of precision.
    pub dop: Dop,
    /// Weighted sum of squared residuals.
    pub chi2: f64,
    /// Measurements beyond the unknowns.
    pub redundancy: usize,
    /// Whether they agree.
    pub consistency: Consistency,
    /// Measurements used.
    pub used: Vec<Used>,
    /// Measurements not used.
    pub rejected: Vec<Rejected>,
}

impl Fix {
    /// The ellipse that holds the true place with a confidence in percent (1..=99).
    pub fn ellipse(&self, confidence: u8) -> Ellipse {
        let c = &self.covariance;
        confidence::ellipse(c[0][0], c[1][1], c[0][1], confidence)
    }

    /// Half of the interval of altitude that holds the truth with a confidence in percent, metres.
    pub fn vertical_m(&self, confidence: u8) -> f64 {
        self.covariance[2][2].max(0.0).sqrt() * confidence::normal_factor(confidence)
    }

    /// As a shape of TS 23.032 with one confidence (percent) for ellipse and altitude.
    pub fn shape(&self, confidence: u8) -> Shape {
        Shape::Ellipsoid {
            at: self.at,
            ellipse: self.ellipse(confidence),
            altitude_m: self.altitude_m,
            altitude_unc_m: self.vertical_m(confidence),
        }
    }
}
