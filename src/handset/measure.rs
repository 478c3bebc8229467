//! What the simulated receiver sends when it is asked for measurements instead of a position: code phases modulo a
//! millisecond, Doppler shifts, signal strengths, all with the errors that they have.

use super::options::Place;
use super::receiver::Dice;
use crate::base::broadcast::{Ephemeris, Klobuchar, KlobucharArea};
use crate::base::time::GpsTime;
use crate::gnss::is_healthy;
use crate::gnss::scale::C;
use crate::gnss::solve::ionosphere::KlobucharModel;
use crate::gnss::solve::link::{self, Atmosphere};
use crate::gnss::solve::{Ionosphere, Signal, predict};
use crate::gnss::visibility::to_ecef;
use crate::wire::measure::{GnssMeasurements, MeasurementTime, Multipath, SatMeasurement};

/// Elevation below which the receiver does not track, sine.
const MASK: f64 = 0.087;
/// Most satellites of one set: RRLP carries 16 of a system, and receivers have so many channels.
const CHANNELS: usize = 40;
/// Offset of the receiver's oscillator at most, m/s: one part in two million.
const OSCILLATOR_MPS: f64 = 150.0;

/// A set measured at a place. `time` is the handset's idea of the time, of whole milliseconds; its clock is off by less than
/// half of one more.
pub(super) fn measure(
    place: Place,
    ephemerides: &[Ephemeris],
    klobuchar: &[(KlobucharArea, Klobuchar)],
    time: GpsTime,
    seed: u64,
) -> Option<GnssMeasurements> {
    let mut dice = Dice::new(seed ^ 0x6d65_6173);
    // RRLP has no more than milliseconds for the time, which is why receivers measure at whole ones of their own clock.
    let time = GpsTime::from_ns(time.ns() - time.ns().rem_euclid(1_000_000));
    let clock_m = dice.uniform() * 0.5e-3 * C;
    let oscillator = (2.0 * dice.uniform() - 1.0) * OSCILLATOR_MPS;
    let position = to_ecef(place.at, place.altitude_m);
    let here = link::Place::new(position)?;
    let model = klobuchar.iter().find(|(area, _)| *area == KlobucharArea::World);
    let ionosphere = model.map_or(Ionosphere::Unknown, |(_, k)| Ionosphere::Gps(KlobucharModel::new(k)));
    let air = Atmosphere::over(&here, ionosphere, time);
    let truly = time.offset_s(-clock_m / C);
    let mut satellites: Vec<SatMeasurement> = Vec::new();
    for e in ephemerides.iter().filter(|e| is_healthy(e)) {
        let sat = e.sat();
        let Ok(p) = predict(e, Signal::first(sat.gnss), &here, &air, truly) else { continue };
        let high = p.ray.sin_elevation;
        if high < MASK || satellites.iter().any(|s| s.sat == sat) || satellites.len() == CHANNELS {
            continue;
        }
        let cn0 = 30.0 + 14.0 * high + 2.0 * dice.normal();
        let sigma = 2.0 + 250.0 * 10f64.powf(-cn0 / 20.0);
        let range = p.range_m + clock_m + sigma * dice.normal();
        satellites.push(SatMeasurement {
            sat,
            signal: 0,
            cn0_dbhz: cn0.clamp(0.0, 63.0).round() as u8,
            multipath: Multipath::Low,
            carrier_quality: None,
            code_phase_ms: (range / C * 1e3).rem_euclid(1.0),
            whole_ms: None,
            ambiguity_ms: 1,
            rms_m: sigma,
            doppler_mps: Some(-p.rate_mps + oscillator + 0.1 * dice.normal()),
            adr_m: None,
        });
    }
    let hour_ns = 3_600_000_000_000;
    let time = MeasurementTime {
        system: crate::base::broadcast::Gnss::Gps,
        tod_ms: Some((time.ns().rem_euclid(4 * hour_ns) / 1_000_000) as f64),
        modulo_s: 14_400,
        uncertainty_s: None,
        gsm_frame: None,
    };
    (!satellites.is_empty()).then_some(GnssMeasurements { time, satellites })
}
