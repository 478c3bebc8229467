//! NeQuick G, Galileo's model of the ionosphere (*Ionospheric Correction Algorithm for Galileo Single Frequency Users*, issue
//! 1.2), behind the feature `nequick`.
//!
//! The model is an electron density over the whole Earth, driven by three broadcast coefficients, by monthly maps of the F2
//! layer (ITU-R P.1239) and by a grid of the magnetic dip; the delay of a ray is its integral. Model, maps and grid are
//! `sidereon-core`'s: the one maintained library that has them under a permissive licence.
//!
//! One ray takes a millisecond, as long as a hundred positions. So the sky over a place is worked out once, as a dome of some
//! twenty rays for each square of a degree and each half hour, and the delay of a ray is read off there. What lies
//! between the rays is smooth: the dome is within a few hundredths of the model.

use std::collections::VecDeque;
use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::sync::{Arc, Mutex, PoisonError};

use sidereon_core::atmosphere::{GalileoNequickCoeffs, NequickGRayEval, nequick_g_delay_m};

use super::ionosphere::{Ionosphere, Ray};
use super::signal::L1_HZ;
use crate::base::GpsTime;
use crate::base::broadcast::NeQuick;
use crate::gnss::scale::exp2i;

/// Of the sphere on which the model stands, km (2.5.2).
const EARTH_KM: f64 = 6371.2;
/// Height at which a ray ends, km: that of the lowest navigation satellites. What is above holds no electrons worth a
/// centimetre.
const TOP_KM: f64 = 19_100.0;
/// For which times domes are worked out, ns; between them the delay goes in a straight line.
const STEP_NS: i64 = 1_800_000_000_000;
/// Elevations of a dome's rings, degrees; the zenith is the last.
const RINGS_DEG: [f64; 3] = [7.0, 20.0, 45.0];
/// Directions of a ring's rays.
const DIRECTIONS: u32 = 6;
/// Domes that are remembered: those of a country for an hour.
const DOMES: usize = 1024;

/// The broadcast coefficients as numbers: solar flux units, and such per degree and per square degree of modified dip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeQuickModel {
    ai: [f64; 3],
}

impl NeQuickModel {
    /// What the broadcast integers mean (Galileo OS SIS ICD, table 70).
    pub fn new(n: &NeQuick) -> Self {
        const SCALE: [f64; 3] = [exp2i(-2), exp2i(-8), exp2i(-15)];
        Self { ai: [f64::from(n.ai0) * SCALE[0], f64::from(n.ai1) * SCALE[1], f64::from(n.ai2) * SCALE[2]] }
    }

    /// Delay on L1 along a ray from the ground to a satellite, metres, not negative.
    pub fn delay_m(&self, ray: &Ray, t: GpsTime) -> f64 {
        let step = t.ns().div_euclid(STEP_NS);
        let part = t.ns().rem_euclid(STEP_NS) as f64 / STEP_NS as f64;
        let (now, next) = (self.dome(ray, step), self.dome(ray, step.saturating_add(1)));
        let vertical = now.vertical_m(ray) * (1.0 - part) + next.vertical_m(ray) * part;
        (vertical * Ionosphere::mapping(ray.sin_elevation.max(0.0))).max(0.0)
    }

    /// The dome over a ray's place at a step of time, remembered or worked out.
    fn dome(&self, ray: &Ray, step: i64) -> Arc<Dome> {
        static KNOWN: Mutex<VecDeque<(Key, Arc<Dome>)>> = Mutex::new(VecDeque::new());
        let degree = |radians: f64| radians.to_degrees().floor().clamp(-360.0, 360.0) as i16;
        let square = (degree(ray.latitude), degree(ray.longitude));
        let key = Key { ai: self.ai.map(f64::to_bits), square, step };
        let known = |domes: &VecDeque<(Key, Arc<Dome>)>| {
            domes.iter().rev().find(|(k, _)| *k == key).map(|(_, dome)| Arc::clone(dome))
        };
        if let Some(dome) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner)) {
            return dome;
        }
        // Two that ask at once both work it out; the answer is the same.
        let dome = Arc::new(self.work_out(square, step));
        let mut domes = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        domes.push_back((key, Arc::clone(&dome)));
        while domes.len() > DOMES {
            domes.pop_front();
        }
        dome
    }

    fn work_out(&self, square: (i16, i16), step: i64) -> Dome {
        let middle = |degree: i16| (f64::from(degree) + 0.5).to_radians();
        let (latitude, longitude) = (middle(square.0).clamp(-FRAC_PI_2, FRAC_PI_2), middle(square.1));
        let t = GpsTime::from_ns(step.saturating_mul(STEP_NS));
        let vertical_m = |elevation_deg: f64, azimuth: f64| {
            let elevation = elevation_deg.to_radians();
            let sin_elevation = elevation.sin();
            let ray = Ray { latitude, longitude, sin_elevation, elevation, azimuth: azimuth.sin_cos() };
            self.integral_m(&ray, t) / Ionosphere::mapping(sin_elevation)
        };
        let rings = RINGS_DEG.map(|elevation_deg| {
            let mut waves = [0.0; 5];
            for i in 0..DIRECTIONS {
                let azimuth = TAU * f64::from(i) / f64::from(DIRECTIONS);
                let vertical = vertical_m(elevation_deg, azimuth) / f64::from(DIRECTIONS);
                for (wave, w) in waves.iter_mut().zip(harmonics(azimuth.sin_cos())) {
                    // The mean has its weight once, a wave twice.
                    *wave += vertical * if w.0 { w.1 * 2.0 } else { w.1 };
                }
            }
            waves
        });
        Dome { rings, zenith_m: vertical_m(90.0, 0.0) }
    }

    /// The delay on L1 along a ray as the model has it, metres.
    fn integral_m(&self, ray: &Ray, t: GpsTime) -> f64 {
        let [ai0, ai1, ai2] = self.ai;
        let (_, month, _, hour, minute, second) = t.to_utc().civil();
        let utc_hours = f64::from(hour) + f64::from(minute) / 60.0 + f64::from(second.min(59)) / 3600.0;
        let from_centre = ray.elevation.cos() * EARTH_KM / (EARTH_KM + TOP_KM);
        let angle = FRAC_PI_2 - ray.elevation - from_centre.asin();
        let (sin_az, cos_az) = ray.azimuth;
        let (sin_angle, cos_angle) = angle.sin_cos();
        let (sin_lat, cos_lat) = ray.latitude.sin_cos();
        let latitude = (sin_lat * cos_angle + cos_lat * sin_angle * cos_az).clamp(-1.0, 1.0).asin();
        let east = (sin_angle * sin_az).atan2(cos_lat * cos_angle - sin_lat * sin_angle * cos_az);
        let longitude = (ray.longitude + east + PI).rem_euclid(TAU) - PI;
        let way = NequickGRayEval {
            month,
            utc_hours,
            station_lon_deg: ((ray.longitude + PI).rem_euclid(TAU) - PI).to_degrees(),
            station_lat_deg: ray.latitude.to_degrees(),
            station_height_m: 0.0,
            satellite_lon_deg: longitude.to_degrees(),
            satellite_lat_deg: latitude.to_degrees(),
            satellite_height_m: TOP_KM * 1000.0,
        };
        nequick_g_delay_m(&GalileoNequickCoeffs { ai0, ai1, ai2 }, &way, L1_HZ)
            .map_or(0.0, |delay| delay.max(0.0))
    }
}

/// What a dome is of.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    ai: [u64; 3],
    /// South-western corner, degrees of latitude and longitude.
    square: (i16, i16),
    step: i64,
}

/// Vertical delays in all directions from a place: the slant ones over the mapping of a thin layer, metres.
#[derive(Debug)]
struct Dome {
    /// Mean and first two waves around the horizon.
    rings: [[f64; 5]; 3],
    zenith_m: f64,
}

impl Dome {
    fn vertical_m(&self, ray: &Ray) -> f64 {
        let waves = harmonics(ray.azimuth).map(|(_, value)| value);
        let ring = |waves_of: &[f64; 5]| waves_of.iter().zip(waves).map(|(a, w)| a * w).sum::<f64>();
        let elevation_deg = ray.elevation.to_degrees().max(RINGS_DEG[0]);
        let [a, b, c] = &self.rings;
        let (low, high, from, to) = if elevation_deg < RINGS_DEG[1] {
            (ring(a), ring(b), RINGS_DEG[0], RINGS_DEG[1])
        } else if elevation_deg < RINGS_DEG[2] {
            (ring(b), ring(c), RINGS_DEG[1], RINGS_DEG[2])
        } else {
            (ring(c), self.zenith_m, RINGS_DEG[2], 90.0)
        };
        low + (high - low) * (elevation_deg - from) / (to - from)
    }
}

/// 1, and cosine and sine of an angle and of its double; whether each is a wave.
fn harmonics((sin, cos): (f64, f64)) -> [(bool, f64); 5] {
    [(false, 1.0), (true, cos), (true, sin), (true, cos * cos - sin * sin), (true, 2.0 * sin * cos)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ray(lat: f64, lon: f64, elevation: f64, azimuth: f64) -> Ray {
        let elevation = elevation.to_radians();
        Ray {
            latitude: lat.to_radians(),
            longitude: lon.to_radians(),
            sin_elevation: elevation.sin(),
            elevation,
            azimuth: azimuth.to_radians().sin_cos(),
        }
    }

    /// Medium solar activity.
    const MEDIUM: NeQuick = NeQuick { ai0: 485, ai1: 118, ai2: 176, storm: None };

    fn at(hours: f64) -> GpsTime {
        GpsTime::from_week_s(2243, 3 * 86_400).offset_s(hours * 3600.0)
    }

    #[test]
    fn day_and_night_zenith_and_slant() {
        let model = NeQuickModel::new(&MEDIUM);
        let zenith = model.delay_m(&ray(45.5, 0.5, 90.0, 0.0), at(12.0));
        let dark = model.delay_m(&ray(45.5, 0.5, 90.0, 0.0), at(3.0));
        assert!((1.0..8.0).contains(&zenith) && dark < zenith / 2.0 && dark > 0.1, "{zenith} {dark}");
        let low = model.delay_m(&ray(45.5, 0.5, 10.0, 180.0), at(12.0));
        assert!((2.0..4.5).contains(&(low / zenith)), "{low}");
        // The sky to the south holds more than that to the north.
        assert!(low > model.delay_m(&ray(45.5, 0.5, 10.0, 0.0), at(12.0)));
    }

    #[test]
    fn a_dome_is_the_model() {
        let model = NeQuickModel::new(&MEDIUM);
        for (lat, lon, hours) in [(45.3, 10.6, 9.1), (-2.4, -60.7, 20.4)] {
            for (elevation, azimuth) in [(7.0, 30.0), (22.0, 200.0), (40.0, 100.0), (75.0, 300.0)] {
                let r = ray(lat, lon, elevation, azimuth);
                let (dome, model_m) = (model.delay_m(&r, at(hours)), model.integral_m(&r, at(hours)));
                assert!((dome - model_m).abs() < 0.08 * model_m + 0.1, "{lat} {elevation}: {dome} {model_m}");
            }
        }
    }

    #[test]
    fn every_ray_has_a_delay() {
        let model = NeQuickModel::new(&NeQuick { ai0: 2047, ai1: -1024, ai2: 8191, storm: None });
        for (lat, lon) in [(-90.0, 0.0), (90.0, 180.0), (0.0, -180.0), (60.0, 179.99), (f64::NAN, 0.0)] {
            for (elevation, azimuth) in [(90.0, 0.0), (0.0, 359.0), (-5.0, 90.0)] {
                let d = model.delay_m(&ray(lat, lon, elevation, azimuth), at(11.98));
                assert!((0.0..500.0).contains(&d), "{lat} {lon} {elevation} {azimuth}: {d}");
            }
        }
    }
}
