//! From a satellite to a receiver: where the signal left, when, and how far it went.
//!
//! The pieces are public, since predicting what a handset will measure needs the same as explaining what it measured.

use super::fix::Reason;
use super::ionosphere::{Ionosphere, Ray};
use super::noise;
use super::signal::{L1_HZ, Signal};
use super::troposphere::Troposphere;
use crate::base::broadcast::{Ephemeris, SatId};
use crate::base::{GeoPoint, GpsTime};
use crate::gnss::orbit::Prepared;
use crate::gnss::scale::C;
use crate::gnss::visibility::{Ecef, from_ecef};
use crate::gnss::{SkyEntry, SkySnapshot, is_healthy};

/// Rotation rate of the Earth, rad/s (IS-GPS-200 table 20-IV).
pub const EARTH_RATE: f64 = 7.292_115_146_7e-5;

/// A satellite at the instant of transmission.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transmitter {
    /// Earth-fixed position of that instant, metres.
    pub position: Ecef,
    /// Velocity, m/s.
    pub velocity: Ecef,
    /// The signal's clock minus GPS time, as a length in metres (relativity and group delay in it).
    pub clock_m: f64,
    /// Its rate, m/s.
    pub clock_mps: f64,
    /// Carrier, Hz.
    pub carrier_hz: f64,
    /// Standard deviation of orbit and clock in a range, metres.
    pub sigma_m: f64,
}

/// The message to use for a satellite: fresh, healthy.
///
/// # Errors
/// [`Reason::NoEphemeris`], [`Reason::Unhealthy`].
pub fn entry(sky: &SkySnapshot, sat: SatId, t: GpsTime) -> Result<&SkyEntry, Reason> {
    let e = sky.entry(sat, t).ok_or(Reason::NoEphemeris)?;
    if is_healthy(&e.ephemeris) { Ok(e) } else { Err(Reason::Unhealthy) }
}

impl Transmitter {
    /// At GPS time `t` of transmission.
    ///
    /// # Errors
    /// [`Reason::Signal`] when the message says nothing of the signal, [`Reason::Range`] when its numbers make no orbit.
    pub fn at(e: &Ephemeris, signal: Signal, t: GpsTime) -> Result<Self, Reason> {
        Self::of(e, &Prepared::new(e), signal, t)
    }

    /// As [`at`](Self::at), of a message that has been prepared.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn of(e: &Ephemeris, orbit: &Prepared, signal: Signal, t: GpsTime) -> Result<Self, Reason> {
        let delay_s = signal.delay_s(e).ok_or(Reason::Signal)?;
        let s = orbit.state(t);
        let channel = match e {
            Ephemeris::Glonass(g) => g.channel,
            _ => 0,
        };
        let radius2: f64 = s.position.iter().map(|x| x * x).sum();
        // Beyond any navigation satellite's orbit, or no number at all.
        if !(1e13..1e16).contains(&radius2) || !s.clock_s.is_finite() {
            return Err(Reason::Range);
        }
        Ok(Self {
            position: s.position,
            velocity: s.velocity,
            clock_m: C * (s.clock_s - delay_s),
            clock_mps: C * s.clock_drift,
            carrier_hz: signal.carrier_hz(channel),
            sigma_m: noise::signal_in_space_m(e).hypot(noise::aging_m(e, t - e.reference_time())),
        })
    }

    /// When the satellite's own clock showed `stamp`: `stamp` is the receiver's time of reception minus pseudorange over c.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn at_stamp(entry: &SkyEntry, signal: Signal, stamp: GpsTime) -> Result<Self, Reason> {
        let orbit = entry.orbit();
        Self::of(&entry.ephemeris, orbit, signal, stamp.offset_s(-orbit.clock_s(stamp)))
    }
}

/// Where a receiver is, with the directions of its horizon.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Earth-fixed, metres.
    pub position: Ecef,
    /// On WGS-84.
    pub at: GeoPoint,
    /// Metres above the ellipsoid.
    pub altitude_m: f64,
    /// Unit vectors east, north, up.
    pub enu: [Ecef; 3],
}

impl Place {
    /// `None` near the Earth's centre and for what is not a number.
    pub fn new(position: Ecef) -> Option<Self> {
        let (at, altitude_m) = from_ecef(position)?;
        let (sin_lat, cos_lat) = at.lat.to_radians().sin_cos();
        let (sin_lon, cos_lon) = at.lon.to_radians().sin_cos();
        let enu = [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ];
        Some(Self { position, at, altitude_m, enu })
    }

    /// A vector in east, north, up.
    pub fn to_enu(&self, v: Ecef) -> [f64; 3] {
        self.enu.map(|axis| dot(axis, v))
    }

    /// A ray towards a direction given by an Earth-fixed unit vector.
    pub fn ray(&self, unit: Ecef) -> Ray {
        let [e, n, u] = self.to_enu(unit);
        let sin_elevation = u.clamp(-1.0, 1.0);
        let horizontal = e.hypot(n);
        let azimuth = if horizontal > 1e-9 { (e / horizontal, n / horizontal) } else { (0.0, 1.0) };
        Ray {
            latitude: self.at.lat.to_radians(),
            longitude: self.at.lon.to_radians(),
            sin_elevation,
            elevation: sin_elevation.asin(),
            azimuth,
        }
    }
}

/// The straight way from a satellite to a receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Length in metres, what the Earth turned meanwhile included (Sagnac).
    pub distance_m: f64,
    /// Unit vector from the receiver to the satellite.
    pub unit: Ecef,
    /// Rate of the length for a receiver at rest, m/s.
    pub rate_mps: f64,
}

impl Path {
    /// Between a satellite and a receiver's position.
    pub fn between(s: &Transmitter, receiver: Ecef) -> Self {
        let d: Ecef = std::array::from_fn(|i| s.position[i] - receiver[i]);
        let length = dot(d, d).sqrt().max(1.0);
        let unit = d.map(|x| x / length);
        let turn = EARTH_RATE / C;
        Self {
            distance_m: length + turn * (s.position[0] * receiver[1] - s.position[1] * receiver[0]),
            unit,
            rate_mps: dot(unit, s.velocity)
                + turn * (s.velocity[0] * receiver[1] - s.velocity[1] * receiver[0]),
        }
    }
}

/// The atmosphere over a place.
#[derive(Clone, Copy, Debug)]
pub struct Atmosphere {
    /// Neutral part.
    pub troposphere: Troposphere,
    /// Charged part.
    pub ionosphere: Ionosphere,
    /// When.
    pub time: GpsTime,
}

impl Atmosphere {
    /// Over a place at a time.
    pub fn over(place: &Place, ionosphere: Ionosphere, time: GpsTime) -> Self {
        Self { troposphere: Troposphere::over(place.at.lat, place.altitude_m, time), ionosphere, time }
    }

    /// Delay of a ray on a carrier, metres.
    pub fn delay_m(&self, ray: &Ray, carrier_hz: f64) -> f64 {
        self.troposphere.delay_m(ray.sin_elevation)
            + self.ionosphere.delay_m(ray, self.time) * (L1_HZ / carrier_hz).powi(2)
    }
}

/// What a receiver at a place is expected to measure, its own clock being right.
#[derive(Clone, Copy, Debug)]
pub struct Prediction {
    /// Pseudorange, metres: distance, minus the satellite's clock, plus the atmosphere.
    pub range_m: f64,
    /// Its rate, m/s, positive when receding.
    pub rate_mps: f64,
    /// Direction.
    pub ray: Ray,
    /// Unit vector from the receiver to the satellite.
    pub unit: Ecef,
    /// Carrier, Hz.
    pub carrier_hz: f64,
    /// Standard deviation of orbit and clock in the range, metres.
    pub sigma_m: f64,
}

/// Predicts the pseudorange of a signal that is received at a place at GPS time `t`.
///
/// # Errors
/// Why the satellite cannot be used.
pub fn predict(
    e: &Ephemeris,
    signal: Signal,
    place: &Place,
    atmosphere: &Atmosphere,
    t: GpsTime,
) -> Result<Prediction, Reason> {
    let orbit = Prepared::new(e);
    // The way takes 64 to 140 ms; from a first guess two rounds settle it to the nanosecond.
    let mut tau = 0.075;
    let mut s = Transmitter::of(e, &orbit, signal, t.offset_s(-tau))?;
    let mut path = Path::between(&s, place.position);
    for _ in 0..2 {
        tau = path.distance_m / C;
        s = Transmitter::of(e, &orbit, signal, t.offset_s(-tau))?;
        path = Path::between(&s, place.position);
    }
    let ray = place.ray(path.unit);
    Ok(Prediction {
        range_m: path.distance_m - s.clock_m + atmosphere.delay_m(&ray, s.carrier_hz),
        rate_mps: path.rate_mps - s.clock_mps,
        ray,
        unit: path.unit,
        carrier_hz: s.carrier_hz,
        sigma_m: s.sigma_m,
    })
}

pub(super) fn dot(a: Ecef, b: Ecef) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
