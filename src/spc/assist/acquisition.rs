//! What a SET at the reference location can expect of each satellite's signal.

use super::Ground;
use super::satellites::{Candidates, has_name};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss};
use crate::gnss::orbit;
use crate::gnss::visibility::{Ecef, Observer};
use crate::spc::method::Protocol;
use crate::wire::assist::{Acquisition, AcquisitionSat};

/// Speed of light, m/s.
const C: f64 = 299_792_458.0;
/// Rotation rate of the Earth, rad/s.
const EARTH_RATE: f64 = 7.292_115_146_7e-5;
/// Satellites of one list (TS 44.031 `SeqOfAcquisElement`, `SeqOfGANSSRefMeasurementAssist`).
const MAX: usize = 16;
/// Largest uncertainty of the reference location, metres, for which windows make sense: one code period of travel.
const MAX_UNCERTAINTY_M: f64 = 100_000.0;
/// Range rate uncertainty that a metre of position uncertainty brings at most, 1/s: about 1 Hz a kilometre on L1.
const RATE_PER_METRE: f64 = 1.9e-4;
/// Range rate uncertainty of a pedestrian or a vehicle, m/s.
const SPEED_MPS: f64 = 35.0;

/// Acquisition assistance for the first signal of a system; `None` without a reference location that is good enough, or
/// for other signals, whose code phases follow from the first one's.
pub(super) fn build(
    gnss: Gnss,
    signal: u8,
    candidates: &Candidates<'_>,
    ground: &Ground<'_>,
) -> Option<Acquisition> {
    let reference = ground.reference.filter(|r| r.uncertainty_m <= MAX_UNCERTAINTY_M)?;
    if signal != 0 || ground.protocol == Protocol::Rrlp && matches!(gnss, Gnss::Sbas) {
        return None;
    }
    let observer = Observer::new(reference.at, reference.altitude_m.unwrap_or(0.0));
    let satellites: Vec<AcquisitionSat> = candidates
        .of(gnss, ground)
        .into_iter()
        .filter(|e| has_name(e.sat(), ground.protocol))
        .take(MAX)
        .map(|e| predict(e, &observer, reference.uncertainty_m, ground.time))
        .collect();
    (!satellites.is_empty()).then_some(Acquisition {
        time: ground.time,
        signal,
        confidence: None,
        satellites,
    })
}

fn predict(e: &Ephemeris, observer: &Observer, uncertainty_m: f64, t: GpsTime) -> AcquisitionSat {
    let here = observer.position();
    let now = travel(e, here, t);
    let later = travel(e, here, t.offset_s(1.0));
    let (azimuth_deg, elevation_deg) = observer.look_at(now.position);
    let cos = elevation_deg.to_radians().cos().max(0.0);
    AcquisitionSat {
        sat: e.sat(),
        doppler_mps: -now.range_rate,
        doppler_rate_mps2: now.range_rate - later.range_rate,
        doppler_unc_mps: Some(SPEED_MPS + uncertainty_m * RATE_PER_METRE),
        travel_ms: now.seconds * 1e3,
        window_ms: uncertainty_m * cos / C * 1e3,
        azimuth_deg,
        elevation_deg,
    }
}

struct Travel {
    /// From transmission by the satellite's clock to reception, seconds.
    seconds: f64,
    /// m/s, positive when receding; the satellite clock's drift included.
    range_rate: f64,
    position: Ecef,
}

/// The way of a signal that arrives at `here` at `t`, the Earth's rotation during the flight allowed for.
fn travel(e: &Ephemeris, here: Ecef, t: GpsTime) -> Travel {
    let mut seconds = 0.075;
    let mut s = orbit::state(e, t.offset_s(-seconds));
    // Two rounds leave less than a millimetre: a satellite moves some 4 km/s, the first guess is off by 0.01 s.
    for _ in 0..2 {
        seconds = distance(turn(s.position, seconds), here) / C;
        s = orbit::state(e, t.offset_s(-seconds));
    }
    let position = turn(s.position, seconds);
    let velocity = turn(s.velocity, seconds);
    let range = distance(position, here);
    let along: f64 = (0..3).map(|i| (position[i] - here[i]) / range * velocity[i]).sum();
    let clock = s.clock_s - orbit::group_delay_s(e);
    Travel { seconds: range / C - clock, range_rate: along - s.clock_drift * C, position }
}

/// A vector of the Earth-fixed frame of `seconds` ago in today's.
fn turn(v: Ecef, seconds: f64) -> Ecef {
    let (sin, cos) = (EARTH_RATE * seconds).sin_cos();
    [cos * v[0] + sin * v[1], cos * v[1] - sin * v[0], v[2]]
}

fn distance(a: Ecef, b: Ecef) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2])
}
