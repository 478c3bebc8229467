//! Measurements as the solver uses them: each with its satellite's track, its modulus and how exact it is.

use super::fix::{Rejected, Rejection};
use super::{CodePhase, MAX_ROWS, MAX_SETS, MeasurementSet, Multipath};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::gnss::SkySnapshot;
use crate::gnss::age::is_healthy;
use crate::gnss::orbit::group_delay_s;
use crate::gnss::scale::C;
use crate::gnss::solve::Signal;
use crate::gnss::solve::noise::signal_in_space_m;
use crate::gnss::solve::signal::L1_HZ;
use crate::gnss::track::Track;

/// Metres that light goes in a millisecond.
pub(super) const MS_M: f64 = C / 1000.0;

/// A usable measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) sat: SatId,
    pub(super) signal: Signal,
    /// Index among the sets used.
    pub(super) set: usize,
    /// Code phase, metres, and what it is ambiguous by; zero when by nothing.
    pub(super) phase_m: f64,
    pub(super) modulus_m: f64,
    pub(super) track: Track,
    /// Standard deviation and expected size of what does not depend on elevation, metres.
    pub(super) sigma_m: f64,
    pub(super) shift_m: f64,
    /// Delay of the ionosphere against that on L1.
    pub(super) dispersion: f64,
    /// Range rate measured, m/s, positive when receding, and its standard deviation.
    pub(super) rate: Option<(f64, f64)>,
    /// Whether another signal of the same satellite stands beside it in the set: how many in all.
    pub(super) twins: f64,
}

/// All usable measurements of all sets.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// Instants and time uncertainties (s) of the sets used, in the order of the rows' indices.
    pub(super) sets: Vec<(GpsTime, f64)>,
    pub(super) rows: Vec<Row>,
    pub(super) rejected: Vec<Rejected>,
    /// Satellites measured at all.
    pub(super) measured: u8,
}

impl Prepared {
    /// Number of different satellites in the rows for which `f` holds.
    pub(super) fn satellites(&self, f: impl Fn(usize) -> bool) -> usize {
        let mut seen: Vec<SatId> =
            self.rows.iter().enumerate().filter(|(i, _)| f(*i)).map(|(_, r)| r.sat).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }
}

/// Takes the latest sets and sorts out what cannot be used.
pub(super) fn prepare(sky: &SkySnapshot, sets: &[MeasurementSet]) -> Prepared {
    let mut order: Vec<&MeasurementSet> = sets.iter().filter(|s| !s.code_phases.is_empty()).collect();
    order.sort_by_key(|s| std::cmp::Reverse(s.time));
    order.truncate(MAX_SETS);
    order.reverse();
    let mut out =
        Prepared { sets: Vec::new(), rows: Vec::with_capacity(32), rejected: Vec::new(), measured: 0 };
    let mut seen: Vec<SatId> = Vec::new();
    for (index, set) in order.into_iter().enumerate() {
        let time = set.time;
        let sigma = if set.time_uncertainty_s.is_finite() { set.time_uncertainty_s } else { 60.0 };
        out.sets.push((time, sigma.clamp(1e-6, 60.0)));
        let first = out.rows.len();
        for m in &set.code_phases {
            if !seen.contains(&m.sat) {
                seen.push(m.sat);
            }
            let twin = |r: &Row| r.sat == m.sat && r.signal == m.signal;
            let known = out.rows.get(first..).unwrap_or_default();
            let row = if known.iter().any(twin) {
                Err(Rejection::Duplicate)
            } else if out.rows.len() >= MAX_ROWS {
                Err(Rejection::TooMany)
            } else {
                row(sky, m, index, time)
            };
            match row {
                Ok(row) => out.rows.push(row),
                Err(why) => out.rejected.push(Rejected { sat: m.sat, signal: m.signal, set: index, why }),
            }
        }
        for i in first..out.rows.len() {
            let Some(sat) = out.rows.get(i).map(|r| r.sat) else { continue };
            let n = out.rows.iter().skip(first).filter(|r| r.sat == sat).count();
            if let Some(r) = out.rows.get_mut(i) {
                r.twins = n as f64;
            }
        }
    }
    out.measured = u8::try_from(seen.len()).unwrap_or(u8::MAX);
    out
}

fn row(sky: &SkySnapshot, m: &CodePhase, set: usize, t: GpsTime) -> Result<Row, Rejection> {
    if !m.phase_ms.is_finite() || m.phase_ms.abs() > 1e6 || m.sigma_m.is_nan() || m.sigma_m < 0.0 {
        return Err(Rejection::Nonsense);
    }
    let e = sky.ephemeris(m.sat, t).ok_or(Rejection::NoEphemeris)?;
    if !is_healthy(e) {
        return Err(Rejection::Unhealthy);
    }
    let (delay_s, delay_sigma): (f64, f64) =
        m.signal.delay_s(e).map_or_else(|| (group_delay_s(e), 4.0), |delay| (delay, 0.0));
    let channel = match e {
        Ephemeris::Glonass(g) => g.channel,
        _ => 0,
    };
    let ratio = L1_HZ / m.signal.carrier_hz(channel);
    let (mp_shift, mp_sigma) = multipath_m(m.multipath);
    let noise = noise_m(m);
    let orbit = match e {
        // Many sources leave out the satellite's own word on its accuracy; and the channels of a receiver's front end delay
        // the carriers by metres more and less.
        Ephemeris::Glonass(_) => signal_in_space_m(e).min(5.0).hypot(2.0),
        _ => signal_in_space_m(e),
    };
    let variance = noise.powi(2) + orbit.powi(2) + delay_sigma.powi(2) + mp_sigma.powi(2);
    Ok(Row {
        sat: m.sat,
        signal: m.signal,
        set,
        phase_m: m.phase_ms * MS_M,
        modulus_m: f64::from(m.ambiguity_ms) * MS_M,
        track: Track::new(e, delay_s, t),
        sigma_m: variance.sqrt(),
        shift_m: mp_shift,
        dispersion: ratio * ratio,
        rate: m
            .doppler_mps
            .filter(|d| d.is_finite() && d.abs() < 2e4)
            .map(|d| (-d, rate_sigma_mps(m.cn0_dbhz))),
        twins: 1.0,
    })
}

/// Standard deviation of code noise: as stated, but not better than the signal's strength allows, and by the strength where
/// nothing is stated.
fn noise_m(m: &CodePhase) -> f64 {
    let by_strength = by_strength_m(m.cn0_dbhz);
    if m.sigma_m.is_finite() { m.sigma_m.max(0.3 * by_strength) } else { by_strength.max(112.0) }
}

/// Code noise of a handset's correlator at a carrier to noise density, metres.
fn by_strength_m(cn0_dbhz: f64) -> f64 {
    if !cn0_dbhz.is_finite() {
        return 30.0;
    }
    (300.0 * 10f64.powf(-cn0_dbhz.clamp(0.0, 63.0) / 20.0)).clamp(1.0, 100.0)
}

/// Range rate noise of a handset at a carrier to noise density, m/s.
fn rate_sigma_mps(cn0_dbhz: f64) -> f64 {
    let cn0 = if cn0_dbhz.is_finite() { cn0_dbhz.clamp(0.0, 63.0) } else { 25.0 };
    (10.0 * 10f64.powf(-cn0 / 20.0)).clamp(0.05, 5.0).hypot(0.05)
}

/// A reflected signal comes late: what the handset's judgement lets expect, and how widely that varies, metres.
const fn multipath_m(m: Multipath) -> (f64, f64) {
    match m {
        Multipath::NotMeasured | Multipath::Low => (0.0, 1.0),
        Multipath::Medium => (15.0, 12.0),
        Multipath::High => (50.0, 40.0),
    }
}

/// How far a system's clock, as a handset sees it, may stand from GPS's: offset of the time scales and delay of the
/// front end, metres.
pub(super) const fn system_offset_sigma_m(gnss: Gnss) -> f64 {
    match gnss {
        Gnss::Gps => 0.0,
        Gnss::Qzss | Gnss::Sbas => 15.0,
        Gnss::Galileo => 60.0,
        Gnss::BeiDou | Gnss::NavIc => 150.0,
        Gnss::Glonass => 300.0,
    }
}
