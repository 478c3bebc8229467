//! What a SET measured, as the position solver takes it.

use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::gnss::assisted::{CodePhase, MeasurementSet, Multipath};
use crate::gnss::solve::Signal;
use crate::wire::measure::{self, GnssMeasurements, MeasurementTime, SatMeasurement};

/// How far the time that a SET gives may lie from the time at which its message came, seconds, before it is read in another
/// system's scale.
const PLAUSIBLE_S: f64 = 10.0;

/// A set for the solver. `near` is when it arrived or was asked for; `uncertainty_s` is how far the SET's time may be off where
/// it does not say, or how far `near` may be where the SET gives no time.
///
/// Signals that nobody here knows are left out.
pub fn measurement_set(m: &GnssMeasurements, near: GpsTime, uncertainty_s: f64) -> MeasurementSet {
    let (time, stated) = match instant(&m.time, near) {
        Some(t) => (t, m.time.uncertainty_s),
        None => (near, None),
    };
    MeasurementSet {
        time,
        time_uncertainty_s: stated.filter(|u| u.is_finite() && *u > 0.0).unwrap_or(uncertainty_s),
        code_phases: m.satellites.iter().filter_map(code_phase).collect(),
    }
}

/// The instant that a time modulo hours means near another one. GANSS measurements of RRLP carry a time of day and leave it to
/// the reader in whose scale: where the usual one puts it beyond belief, GLONASS's and BeiDou's are tried.
fn instant(time: &MeasurementTime, near: GpsTime) -> Option<GpsTime> {
    let first = time.resolve(near)?;
    if (first - near).abs() <= PLAUSIBLE_S {
        return Some(first);
    }
    [Gnss::Gps, Gnss::Glonass, Gnss::BeiDou]
        .into_iter()
        .filter_map(|system| MeasurementTime { system, ..*time }.resolve(near))
        .find(|t| (*t - near).abs() <= PLAUSIBLE_S)
        .or(Some(first))
}

fn code_phase(s: &SatMeasurement) -> Option<CodePhase> {
    // Left out, the whole milliseconds are zero (TS 37.355 `integerCodePhase`).
    let whole = s.whole_ms.map_or(0.0, f64::from);
    Some(CodePhase {
        sat: s.sat,
        signal: Signal::from_lpp(s.sat.gnss, s.signal)?,
        phase_ms: s.code_phase_ms + whole,
        ambiguity_ms: s.ambiguity_ms,
        sigma_m: s.rms_m,
        cn0_dbhz: f64::from(s.cn0_dbhz),
        multipath: match s.multipath {
            measure::Multipath::NotMeasured => Multipath::NotMeasured,
            measure::Multipath::Low => Multipath::Low,
            measure::Multipath::Medium => Multipath::Medium,
            measure::Multipath::High => Multipath::High,
        },
        doppler_mps: s.doppler_mps,
    })
}
