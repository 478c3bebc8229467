//! A satellite's way through the seconds around a measurement, evaluated once.

use super::orbit::{self, SatState};
use super::scale::C;
use super::visibility::{Ecef, dot};
use crate::base::GpsTime;
use crate::base::broadcast::Ephemeris;

/// Rotation rate of the Earth, rad/s.
const EARTH_RATE: f64 = 7.292_115_146_7e-5;
const MU: f64 = 3.986_004_4e14;

/// A satellite near one instant: good to a centimetre within ten seconds of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    position: Ecef,
    velocity: Ecef,
    acceleration: Ecef,
    /// Clock less the signal's group delay, seconds, and its rate.
    clock_s: f64,
    clock_drift: f64,
}

/// What a place sees of a satellite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Pseudorange but for the receiver's clock and the atmosphere, metres.
    pub(super) range_m: f64,
    /// From the place to the satellite, in the Earth-fixed frame of reception.
    pub(super) unit: Ecef,
    /// Change of `range_m` as time goes by, m/s.
    pub(super) rate_mps: f64,
    /// Change of `rate_mps`, m/s².
    pub(super) acceleration_mps2: f64,
}

impl Track {
    /// The signal that arrives at about `t`, give or take 10 s.
    pub(super) fn new(e: &Ephemeris, delay_s: f64, t: GpsTime) -> Self {
        Self::through(&orbit::state(e, t), delay_s)
    }

    /// The same to within a few metres, several times cheaper for GLONASS.
    pub(super) fn coarse(e: &Ephemeris, delay_s: f64, t: GpsTime) -> Self {
        Self::through(&orbit::coarse_state(e, t), delay_s)
    }

    fn through(s: &SatState, delay_s: f64) -> Self {
        let r2 = dot(s.position, s.position).max(1.0);
        let g = -MU / (r2 * r2.sqrt());
        let (w, [x, y, z]) = (EARTH_RATE, s.position);
        let acceleration =
            [g * x + w * w * x + 2.0 * w * s.velocity[1], g * y + w * w * y - 2.0 * w * s.velocity[0], g * z];
        Self {
            position: s.position,
            velocity: s.velocity,
            acceleration,
            clock_s: s.clock_s - delay_s,
            clock_drift: s.clock_drift,
        }
    }

    /// As `place` sees it in a signal that arrives `dt` seconds after the track's instant.
    pub(super) fn seen_from(&self, place: Ecef, dt: f64) -> Sight {
        // In the tens of milliseconds by which this may be wrong a range changes by tens of metres, and in the time that these take
        // light by less than a tenth of a millimetre.
        let guess = self.sight(place, dt, 0.075).1;
        let flight = (guess / C).clamp(0.0, 1.0);
        let (unit, range, rate, acceleration_mps2) = self.sight(place, dt, flight);
        let clock = self.clock_s + self.clock_drift * (dt - flight);
        Sight { range_m: range - clock * C, unit, rate_mps: rate - self.clock_drift * C, acceleration_mps2 }
    }

    /// Unit vector, distance, its rate and acceleration for a signal that was `flight` seconds on its way.
    fn sight(&self, place: Ecef, dt: f64, flight: f64) -> (Ecef, f64, f64, f64) {
        let s = dt - flight;
        let p: Ecef = std::array::from_fn(|i| {
            self.position[i] + s * (self.velocity[i] + 0.5 * s * self.acceleration[i])
        });
        let v: Ecef = std::array::from_fn(|i| self.velocity[i] + s * self.acceleration[i]);
        // Some millionths: the series' next terms are beyond what a number holds.
        let angle = EARTH_RATE * flight;
        let (sin, cos) = (angle, 1.0 - 0.5 * angle * angle);
        let turn = |a: Ecef| [cos * a[0] + sin * a[1], cos * a[1] - sin * a[0], a[2]];
        let (p, v) = (turn(p), turn(v));
        let d = [p[0] - place[0], p[1] - place[1], p[2] - place[2]];
        let range = dot(d, d).sqrt().max(1.0);
        let unit = d.map(|x| x / range);
        let along = dot(unit, v);
        let bent = dot(unit, turn(self.acceleration)) + (dot(v, v) - along * along) / range;
        // The flight time changes with the range: a factor of one plus some parts in a million.
        (unit, range, along * (1.0 - along / C), bent)
    }
}
