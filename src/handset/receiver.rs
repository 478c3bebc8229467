//! The simulated receiver: pseudoranges as a receiver at the true position would measure them, and the position that
//! follows from them.
//!
//! Nothing of the true position reaches the solver but through the measurements: these have the receiver's clock error
//! and noise in them, and are solved with the ephemerides that the server sent. A wrong ephemeris gives no wrong position
//! here, since the same one makes the measurement; what the fix shows is that the assistance is complete, consistent and
//! of use at this place and time.

use serde::Serialize;

use super::options::Place;
use super::solve::{Pseudorange, SolveError, Transmitter, line_of_sight, solve};
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::base::geo::{Ellipse, GeoPoint, Shape};
use crate::base::time::GpsTime;
use crate::gnss::scale::C;
use crate::gnss::visibility::{Ecef, Observer, from_ecef};
use crate::gnss::{is_healthy, orbit};

/// Elevation below which the receiver does not track, degrees.
const MASK_DEG: f64 = 5.0;
/// Standard deviation of a pseudorange from the zenith, metres: code noise and what models leave of the atmosphere, each.
const SIGMA_M: f64 = 1.5;
/// Largest clock error, seconds.
const CLOCK_ERROR_S: f64 = 1e-3;
/// Confidence of the ellipse reported, percent.
const CONFIDENCE: u8 = 68;

/// A position that the simulated receiver found.
#[derive(Clone, Debug)]
pub struct Fix {
    /// Position.
    pub at: GeoPoint,
    /// Metres above the ellipsoid.
    pub altitude_m: f64,
    /// Horizontal uncertainty.
    pub ellipse: Ellipse,
    /// Standard deviation of the altitude, metres.
    pub altitude_unc_m: f64,
    /// When the signals were received, by GPS time as solved.
    pub time: GpsTime,
    /// Error of the receiver's clock as solved, seconds.
    pub clock_s: f64,
    /// The satellites used.
    pub satellites: Vec<UsedSatellite>,
    /// Where the receiver really was.
    pub truth: Place,
}

/// A satellite in a fix.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UsedSatellite {
    /// Which.
    #[serde(serialize_with = "by_name")]
    pub sat: SatId,
    /// Degrees clockwise from north.
    pub azimuth_deg: f64,
    /// Degrees above the horizon.
    pub elevation_deg: f64,
    /// What the solution left of its pseudorange, metres.
    pub residual_m: f64,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn by_name<S: serde::Serializer>(sat: &SatId, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(sat)
}

impl Fix {
    /// Metres from the true position, horizontally.
    pub fn error_m(&self) -> f64 {
        self.at.distance_m(self.truth.at)
    }

    /// As a TS 23.032 shape.
    pub const fn shape(&self) -> Shape {
        Shape::Ellipsoid {
            at: self.at,
            ellipse: self.ellipse,
            altitude_m: self.altitude_m,
            altitude_unc_m: self.altitude_unc_m,
        }
    }

    /// The systems used.
    pub fn systems(&self) -> Vec<Gnss> {
        Gnss::ALL.into_iter().filter(|g| self.satellites.iter().any(|s| s.sat.gnss == *g)).collect()
    }
}

/// Measures and solves at a place and time with these ephemerides.
pub(super) fn fix(
    place: Place,
    ephemerides: &[Ephemeris],
    time: GpsTime,
    seed: u64,
) -> Result<Fix, SolveError> {
    let state =
        |sat: SatId, t: GpsTime| ephemerides.iter().find(|e| e.sat() == sat).map(|e| transmitter(e, t));
    let observer = Observer::new(place.at, place.altitude_m);
    let mut dice = Dice::new(seed);
    let clock_ns = ((2.0 * dice.uniform() - 1.0) * CLOCK_ERROR_S * 1e9).round();
    let stamp = GpsTime::from_ns(time.ns().saturating_add(clock_ns as i64));
    let mut sky = Vec::new();
    let mut ranges = Vec::new();
    for e in ephemerides.iter().filter(|e| is_healthy(e)) {
        let (azimuth_deg, elevation_deg) = observer.look_at(orbit::coarse_position(e, time));
        if elevation_deg < MASK_DEG || ranges.iter().any(|r: &Pseudorange| r.sat == e.sat()) {
            continue;
        }
        let sigma_m = SIGMA_M * (1.0 + 1.0 / elevation_deg.to_radians().sin().powi(2)).sqrt();
        let exact = pseudorange(e, observer.position(), time) + C * clock_ns * 1e-9;
        ranges.push(Pseudorange { sat: e.sat(), range_m: exact + sigma_m * dice.normal(), sigma_m });
        sky.push((e.sat(), azimuth_deg, elevation_deg));
    }
    let solution = solve(&ranges, stamp, [0.0; 3], state)?;
    let (at, altitude_m) = from_ecef(solution.at).ok_or(SolveError::Diverged)?;
    let (ellipse, altitude_unc_m) = uncertainty(at, &solution.covariance);
    let residual_of = |sat| solution.residuals.iter().find(|(s, _)| *s == sat).map(|(_, r)| *r);
    let satellites = sky
        .into_iter()
        .filter_map(|(sat, azimuth_deg, elevation_deg)| {
            Some(UsedSatellite { sat, azimuth_deg, elevation_deg, residual_m: residual_of(sat)? })
        })
        .collect();
    let clock_s = solution.clock_m / C;
    Ok(Fix {
        at,
        altitude_m,
        ellipse,
        altitude_unc_m,
        time: stamp.offset_s(-clock_s),
        clock_s,
        satellites,
        truth: place,
    })
}

fn transmitter(e: &Ephemeris, t: GpsTime) -> Transmitter {
    let s = orbit::state(e, t);
    Transmitter { at: s.position, clock_s: s.clock_s - orbit::group_delay_s(e) }
}

/// What a perfect receiver at `at` measures of a satellite at true time `time`, metres.
fn pseudorange(e: &Ephemeris, at: Ecef, time: GpsTime) -> f64 {
    let mut s = transmitter(e, time);
    let mut distance = 0.0;
    // The satellite moves 300 m while its signal travels; each round takes out all but a part in 70,000.
    for _ in 0..3 {
        distance = line_of_sight(at, s.at).0;
        s = transmitter(e, time.offset_s(-distance / C));
    }
    distance - C * s.clock_s
}

/// The horizontal ellipse and the altitude's standard deviation of a covariance in ECEF.
fn uncertainty(at: GeoPoint, covariance: &[[f64; 4]; 4]) -> (Ellipse, f64) {
    let (sin_lat, cos_lat) = at.lat.to_radians().sin_cos();
    let (sin_lon, cos_lon) = at.lon.to_radians().sin_cos();
    let east = [-sin_lon, cos_lon, 0.0];
    let north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat];
    let up = [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat];
    let between = |a: [f64; 3], b: [f64; 3]| -> f64 {
        a.iter().zip(covariance).map(|(x, row)| x * b.iter().zip(row).map(|(y, c)| y * c).sum::<f64>()).sum()
    };
    let (ee, nn, en) = (between(east, east), between(north, north), between(east, north));
    let (mean, half, swing) = (f64::midpoint(ee, nn), (nn - ee) / 2.0, ((nn - ee) / 2.0).hypot(en));
    // The quantile of a two-dimensional normal distribution.
    let scale = (-2.0 * (1.0 - f64::from(CONFIDENCE) / 100.0).ln()).sqrt();
    let ellipse = Ellipse {
        semi_major_m: scale * (mean + swing).max(0.0).sqrt(),
        semi_minor_m: scale * (mean - swing).max(0.0).sqrt(),
        orientation_deg: (0.5 * en.atan2(half)).to_degrees().rem_euclid(180.0),
        confidence: Some(CONFIDENCE),
    };
    (ellipse, between(up, up).max(0.0).sqrt())
}

/// The position that a receiver without assistance would give: its place with an error of some metres.
pub(super) fn autonomous(place: Place, seed: u64) -> Shape {
    const SIGMA_M: f64 = 3.0;
    let mut dice = Dice::new(seed ^ 0xa070);
    let (north, east, up) = (SIGMA_M * dice.normal(), SIGMA_M * dice.normal(), 2.0 * SIGMA_M * dice.normal());
    let at = moved(place.at, north, east).unwrap_or(place.at);
    // 1.51 σ hold 68 % of a two-dimensional normal distribution.
    let ellipse = Ellipse::circle(1.51 * SIGMA_M, Some(CONFIDENCE));
    Shape::Ellipsoid { at, ellipse, altitude_m: place.altitude_m + up, altitude_unc_m: 2.0 * SIGMA_M }
}

/// A point some metres to the north and east; good for short ways away from the poles.
fn moved(from: GeoPoint, north_m: f64, east_m: f64) -> Option<GeoPoint> {
    let metres_per_degree = 111_320.0;
    let lat = from.lat + north_m / metres_per_degree;
    let stretch = from.lat.to_radians().cos().max(0.01);
    let lon = from.lon + east_m / (metres_per_degree * stretch);
    GeoPoint::new(lat.clamp(-90.0, 90.0), crate::base::geo::wrap_deg(lon))
}

/// Where a handset stands that was not told: up to 800 m off the reference location it received, by its seed.
pub(super) fn near(reference: GeoPoint, altitude_m: Option<f64>, seed: u64) -> Option<Place> {
    let mut dice = Dice::new(seed ^ 0x9e37);
    let (distance, bearing) = (200.0 + 600.0 * dice.uniform(), std::f64::consts::TAU * dice.uniform());
    let at = moved(reference, distance * bearing.cos(), distance * bearing.sin())?;
    Some(Place { at, altitude_m: altitude_m.unwrap_or(0.0) })
}

/// Repeatable chance (SplitMix64, by its public description).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 ≤ x < 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sky;

    const NOW: GpsTime = GpsTime::from_week_s(2400, 345_600);

    fn place() -> Place {
        Place { at: GeoPoint::new(50.85, 4.35).unwrap(), altitude_m: 120.0 }
    }

    #[test]
    fn a_fix_lies_where_its_uncertainty_says() {
        let sky = sky::gps(NOW);
        let mut inside = 0;
        for seed in 0..100 {
            let f = fix(place(), &sky, NOW.offset_s(1234.5), seed).unwrap();
            assert!(f.satellites.len() >= 4);
            assert!(f.error_m() < 60.0, "{}", f.error_m());
            assert!((f.time - NOW.offset_s(1234.5)).abs() < 1e-6);
            inside += usize::from(f.error_m() <= f.ellipse.semi_major_m);
        }
        // The circle around the ellipse holds 68 % or more; and not everything, or it would be too wide.
        assert!((60..=99).contains(&inside), "{inside}");
    }

    #[test]
    fn chance_repeats_by_seed() {
        let sky = sky::gps(NOW);
        let at = |seed| fix(place(), &sky, NOW, seed).unwrap().at;
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }

    #[test]
    fn unhealthy_satellites_are_not_used_and_too_few_give_nothing() {
        let mut sky = sky::gps(NOW);
        for e in &mut sky {
            if let Ephemeris::Lnav(l) = e {
                l.health = 1;
            }
        }
        assert_eq!(fix(place(), &sky, NOW, 1).unwrap_err(), SolveError::TooFew(0));
    }

    #[test]
    fn the_default_place_is_near_the_reference() {
        for seed in 0..20 {
            let p = near(place().at, Some(10.0), seed).unwrap();
            assert!((150.0..900.0).contains(&p.at.distance_m(place().at)));
        }
        assert!(near(GeoPoint::new(90.0, 180.0).unwrap(), None, 3).is_some());
    }
}
