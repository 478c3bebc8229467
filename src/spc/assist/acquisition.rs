//! What a SET at the reference location can expect of each satellite's signal.

use super::Ground;
use super::satellites::{Candidates, has_name};
use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::gnss::acquisition::{Expected, Viewpoint};
use crate::gnss::solve::Signal;
use crate::spc::method::Protocol;
use crate::wire::assist::{Acquisition, AcquisitionSat};

/// Satellites of one list in RRLP (TS 44.031 `SeqOfAcquisElement`, `SeqOfGANSSRefMeasurementElement`).
const RRLP_MAX: usize = 16;
/// In LPP, whose list could hold 64: more are not above any horizon.
const LPP_MAX: usize = 32;
/// Largest uncertainty of the reference location, metres, for which Doppler windows of the protocols suffice.
const MAX_UNCERTAINTY_M: f64 = 200_000.0;
/// Uncertainty of the altitude of a reference location that has one, and of one that has none, metres.
const ALTITUDE_UNC_M: f64 = 150.0;
const NO_ALTITUDE_UNC_M: f64 = 500.0;

/// The instant for which acquisition assistance is computed: at or before `t`, such that the message can tell it. RRLP has
/// steps of 80 ms for GPS and whole seconds for the others, LPP milliseconds.
pub fn instant(t: GpsTime, gnss: Gnss, protocol: Protocol) -> GpsTime {
    let step_ns = match (protocol, gnss) {
        (Protocol::Rrlp, Gnss::Gps) => 80_000_000,
        (Protocol::Rrlp, _) => 1_000_000_000,
        (Protocol::Lpp, _) => 1_000_000,
    };
    GpsTime::from_ns(t.ns() - t.tow_ns() % step_ns)
}

/// Acquisition assistance for a signal of a system, highest satellites first; `None` without a reference location that is good
/// enough, and for signals of which nobody knows who sends them.
pub(super) fn build(
    gnss: Gnss,
    signal: u8,
    candidates: &Candidates<'_>,
    ground: &Ground<'_>,
) -> Option<Acquisition> {
    let reference = ground.reference.filter(|r| r.uncertainty_m <= MAX_UNCERTAINTY_M)?;
    let kind = Signal::from_lpp(gnss, signal)?;
    let max = match ground.protocol {
        Protocol::Rrlp => RRLP_MAX,
        Protocol::Lpp => LPP_MAX,
    };
    let time = instant(ground.time, gnss, ground.protocol);
    let view = Viewpoint::new(
        reference.at,
        reference.altitude_m.unwrap_or(0.0),
        reference.uncertainty_m,
        reference.altitude_m.map_or(NO_ALTITUDE_UNC_M, |_| ALTITUDE_UNC_M),
        time,
        ground.policy.time_uncertainty_s,
    )?;
    let satellites: Vec<AcquisitionSat> = candidates
        .of(gnss, ground)
        .into_iter()
        .filter(|e| has_name(e.sat(), ground.protocol) && ground.sky.sends(e.sat(), kind))
        .filter_map(|e| view.expect(e, kind))
        .take(max)
        .map(|x| said(&x))
        .collect();
    (!satellites.is_empty()).then_some(Acquisition { time, signal, confidence: None, satellites })
}

/// An expectation in the words of the protocols.
pub fn said(x: &Expected) -> AcquisitionSat {
    AcquisitionSat {
        sat: x.sat,
        doppler_mps: x.doppler_mps,
        doppler_rate_mps2: x.doppler_rate_mps2,
        doppler_unc_mps: Some(x.doppler_unc_mps),
        travel_ms: x.travel_ms,
        window_ms: x.window_ms,
        azimuth_deg: x.azimuth_deg,
        elevation_deg: x.elevation_deg,
    }
}
