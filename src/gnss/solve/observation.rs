//! What a receiver measured.

use super::signal::Signal;
use crate::base::GpsTime;
use crate::base::broadcast::SatId;

/// One signal of one satellite, as measured at the epoch's instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Satellite.
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Pseudorange in metres: the receiver's clock at reception minus the satellite's clock at transmission, times c.
    pub range_m: f64,
    /// By how many milliseconds the pseudorange is ambiguous; 0 when it is whole. Only whole pseudoranges can be solved with
    /// [`Solver::solve`](super::Solver::solve).
    pub ambiguity_ms: u16,
    /// The receiver's own figure for the standard deviation of the pseudorange, metres, where it gives one.
    pub rms_m: Option<f64>,
    /// Carrier to noise density, dB-Hz.
    pub cn0_dbhz: Option<f64>,
    /// Rate of the pseudorange from Doppler in m/s, positive when receding (minus wavelength times Doppler in Hz).
    pub rate_mps: Option<f64>,
    /// Carrier phase or accumulated delta range, metres.
    pub phase_m: Option<f64>,
    /// Multipath error expected by the receiver, metres, where it judges it.
    pub multipath_m: Option<f64>,
}

impl Observation {
    /// A whole pseudorange and nothing else.
    pub const fn new(sat: SatId, signal: Signal, range_m: f64) -> Self {
        Self {
            sat,
            signal,
            range_m,
            ambiguity_ms: 0,
            rms_m: None,
            cn0_dbhz: None,
            rate_mps: None,
            phase_m: None,
            multipath_m: None,
        }
    }
}

/// All that was measured at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The instant by the receiver's clock, in GPS time.
    pub time: GpsTime,
    /// Measurements, several signals of one satellite allowed.
    pub observations: Vec<Observation>,
}
