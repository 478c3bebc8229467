//! Positions from what a handset measured: code phases that are known only modulo whole milliseconds, at a time that may
//! be seconds wrong, with a location that may be a hundred kilometres off to begin with.
//!
//! ```text
//!  MeasurementSet(s) ──► prepare      which satellites, where they are, how exact each code phase is
//!  Reference         ──► ambiguity    whole milliseconds: a search that branches where a rounding is in doubt
//!                    ──► estimate     position, clocks, time error, ionosphere: weighted least squares with priors
//!                    ──► faults       which measurements contradict the others
//!                    ──► Fix          position, velocity, ellipse, residuals, rejections; or why there is none
//! ```
//!
//! [`locate`] is the whole way. It is a pure function, total for every input: it gives a [`Fix`] whose ellipse means
//! what it says, or a [`Cannot`].

mod ambiguity;
mod doppler;
mod estimate;
mod faults;
mod fix;
mod linear;
mod locate;
mod prepare;
mod velocity;

#[cfg(test)]
mod tests;

pub use fix::{Fix, Rejected, Rejection, Used};
pub use locate::locate;

use super::solve::Signal;
use crate::base::broadcast::SatId;
use crate::base::{GeoPoint, GpsTime};

/// Most sets that are combined; the latest are taken.
pub const MAX_SETS: usize = 4;
/// Most code phases that are used of all sets together; what is beyond is rejected as [`Rejection::TooMany`].
pub const MAX_ROWS: usize = 96;

/// How strongly a handset judges a code phase to be bent by multipath (TS 44.031 `MpathIndic`, TS 37.355 `mpathDet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Multipath {
    /// Not judged.
    #[default]
    NotMeasured,
    /// Error below 5 m.
    Low,
    /// 5 to 43 m.
    Medium,
    /// Above 43 m.
    High,
}

/// The code phase of one signal of one satellite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodePhase {
    /// Satellite.
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Milliseconds of travel, increasing with range, modulo `ambiguity_ms`.
    pub phase_ms: f64,
    /// The modulus: whole milliseconds, 0 where the phase is the whole travel time.
    pub ambiguity_ms: u8,
    /// RMS error as the handset states it, metres; infinite where it states none.
    pub sigma_m: f64,
    /// Carrier to noise density, dB-Hz.
    pub cn0_dbhz: f64,
    /// Multipath.
    pub multipath: Multipath,
    /// Range rate, m/s, positive when approaching (as Doppler is).
    pub doppler_mps: Option<f64>,
}

/// Code phases of one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementSet {
    /// When the handset believes to have measured.
    pub time: GpsTime,
    /// How far off that may be, seconds (one sigma).
    pub time_uncertainty_s: f64,
    /// What it measured.
    pub code_phases: Vec<CodePhase>,
}

/// Roughly where the handset is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reference {
    /// Place.
    pub at: GeoPoint,
    /// Radius of uncertainty (95 %), metres. A location farther off than this is found all the same where satellites suffice.
    pub uncertainty_m: f64,
    /// Metres above the ellipsoid, where known.
    pub altitude_m: Option<f64>,
    /// Uncertainty of the altitude, metres.
    pub altitude_uncertainty_m: f64,
}

/// Why there is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cannot {
    /// No set, or none with a code phase.
    #[error("no code phase was measured")]
    NoMeasurements,
    /// Too few of the satellites measured have a fresh ephemeris, are healthy and say something sensible.
    #[error("{usable} satellites are usable of {measured} measured, {needed} are needed")]
    TooFew {
        /// Satellites measured.
        measured: u8,
        /// Satellites usable.
        usable: u8,
        /// Satellites needed.
        needed: u8,
    },
    /// There is no reference location, and the Doppler shifts do not tell one.
    #[error("no reference location, and not enough Doppler shifts to find one")]
    NoReference,
    /// Several positions fit equally well.
    #[error("the whole milliseconds are not determined: several places fit the measurements")]
    Ambiguous,
    /// No place fits enough of the measurements.
    #[error("the measurements contradict each other")]
    Inconsistent,
    /// The satellites stand so that they tell next to nothing.
    #[error("the satellites' geometry does not determine a position")]
    Geometry,
}
