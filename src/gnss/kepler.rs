//! Keplerian orbits with harmonic corrections (IS-GPS-200 table 20-IV, Galileo OS SIS ICD 5.1.1, BDS-SIS-ICD 5.2.4.12).

use super::scale::KeplerElements;
use super::visibility::Ecef;
use crate::base::broadcast::{Gnss, SatId};

/// Gravitational constant of the Earth and its rotation rate as a system's document gives them.
#[derive(Clone, Copy, Debug)]
pub struct Earth {
    /// m³/s².
    pub mu: f64,
    /// rad/s.
    pub rate: f64,
}

impl Earth {
    /// The constants of a system.
    pub const fn of(gnss: Gnss) -> Self {
        match gnss {
            Gnss::Galileo => Self { mu: 3.986_004_418e14, rate: 7.292_115_146_7e-5 },
            Gnss::BeiDou => Self { mu: 3.986_004_418e14, rate: 7.292_115_0e-5 },
            Gnss::Glonass => Self { mu: 3.986_004_4e14, rate: 7.292_115e-5 },
            Gnss::Gps | Gnss::Qzss | Gnss::Sbas | Gnss::NavIc => {
                Self { mu: 3.986_005_0e14, rate: 7.292_115_146_7e-5 }
            }
        }
    }
}

/// Position and velocity in the Earth-fixed frame, and the eccentric anomaly's part in the relativistic clock correction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    pub(super) position: Ecef,
    pub(super) velocity: Ecef,
    /// e · √A · sin E, √m, and its rate.
    pub(super) esin: f64,
    pub(super) esin_rate: f64,
}

/// Whether a BeiDou satellite is geostationary, which has its orbit described in an inclined frame.
pub const fn is_beidou_geo(sat: SatId) -> bool {
    matches!(sat.gnss, Gnss::BeiDou) && (sat.number <= 5 || sat.number >= 59)
}

/// Solves Kepler's equation; returns sine and cosine of the eccentric anomaly. Total: with nonsense it returns nonsense after 30
/// rounds.
///
/// The first guess is good to e³; a step of Newton's from there is so small that sine and cosine follow by their series, so that an
/// orbit of a navigation satellite costs two evaluations of them.
fn eccentric_anomaly(mean: f64, e: f64) -> (f64, f64) {
    let (sin, cos) = mean.sin_cos();
    let mut anomaly = mean + e * sin * (1.0 + e * cos);
    let (mut sin, mut cos) = anomaly.sin_cos();
    for _ in 0..30 {
        let step = (mean + e * sin - anomaly) / (1.0 - e * cos);
        anomaly += step;
        if step.abs() < 2e-4 {
            // What Newton leaves of such a step is e/2 · step², 1e-9 at most: one more, by the series alone.
            let (s, c) = turned(sin, cos, step);
            let rest = (mean + e * s - anomaly) / (1.0 - e * c);
            return turned(s, c, rest);
        }
        (sin, cos) = anomaly.sin_cos();
    }
    (sin, cos)
}

/// Sine and cosine of an angle increased by a small one, to d⁴/24.
fn turned(sin: f64, cos: f64, d: f64) -> (f64, f64) {
    let even = 1.0 - 0.5 * d * d;
    let odd = d * (1.0 - d * d / 6.0);
    (sin * even + cos * odd, cos * even - sin * odd)
}

/// As [`turned`] for angles that should be small but need not be.
fn turned_any(sin: f64, cos: f64, d: f64) -> (f64, f64) {
    if d.abs() < 1e-3 {
        return turned(sin, cos, d);
    }
    let (s, c) = d.sin_cos();
    (sin * c + cos * s, cos * c - sin * s)
}

/// An orbit with all worked out that does not change with time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orbit {
    k: KeplerElements,
    /// Earth's rotation, rad/s.
    earth_rate: f64,
    /// Whether it is described in [`is_beidou_geo`]'s frame.
    inclined_frame: bool,
    /// Semi-major axis, m.
    a: f64,
    /// Mean motion, rad/s.
    n: f64,
    /// √(1 − e²).
    root: f64,
    /// Sine and cosine of the argument of perigee, and of the inclination.
    perigee: (f64, f64),
    inclination: (f64, f64),
    /// Longitude of the node at toe in the Earth-fixed frame, and its rate.
    node: f64,
    node_rate: f64,
}

impl Orbit {
    /// `toe_s` is toe in seconds of the system's week. `inclined_frame` is for [`is_beidou_geo`].
    pub(super) fn new(k: &KeplerElements, earth: Earth, toe_s: f64, inclined_frame: bool) -> Self {
        let a = k.sqrt_a * k.sqrt_a;
        Self {
            k: *k,
            earth_rate: earth.rate,
            inclined_frame,
            a,
            n: (earth.mu / (a * a * a)).sqrt() + k.delta_n,
            root: (1.0 - k.e * k.e).sqrt(),
            perigee: k.omega.sin_cos(),
            inclination: k.i0.sin_cos(),
            node: k.omega0 - earth.rate * toe_s,
            // The inclined frame does not turn with the Earth until the very end.
            node_rate: k.omega_dot - if inclined_frame { 0.0 } else { earth.rate },
        }
    }

    /// The satellite at `tk` seconds after toe.
    pub(super) fn at(&self, tk: f64) -> Motion {
        let k = &self.k;
        let (sin_e, cos_e) = eccentric_anomaly(k.m0 + self.n * tk, k.e);
        let inverse = 1.0 / (1.0 - k.e * cos_e);
        let e_rate = self.n * inverse;

        // Argument of latitude by turning the true anomaly by the perigee, then twice of it by the rules for double angles.
        let (sin_v, cos_v) = (self.root * sin_e * inverse, (cos_e - k.e) * inverse);
        let sin_phi = sin_v * self.perigee.1 + cos_v * self.perigee.0;
        let cos_phi = cos_v * self.perigee.1 - sin_v * self.perigee.0;
        let phi_rate = self.root * e_rate * inverse;
        let (s2, c2) = (2.0 * sin_phi * cos_phi, 1.0 - 2.0 * sin_phi * sin_phi);

        let (sin_u, cos_u) = turned_any(sin_phi, cos_phi, k.cus * s2 + k.cuc * c2);
        let u_rate = phi_rate * (1.0 + 2.0 * (k.cus * c2 - k.cuc * s2));
        let r = self.a * (1.0 - k.e * cos_e) + k.crs * s2 + k.crc * c2;
        let r_rate = self.a * k.e * sin_e * e_rate + 2.0 * phi_rate * (k.crs * c2 - k.crc * s2);
        let (sin_i, cos_i) =
            turned_any(self.inclination.0, self.inclination.1, k.i_dot * tk + k.cis * s2 + k.cic * c2);
        let i_rate = k.i_dot + 2.0 * phi_rate * (k.cis * c2 - k.cic * s2);

        let (x, y) = (r * cos_u, r * sin_u);
        let x_rate = r_rate * cos_u - y * u_rate;
        let y_rate = r_rate * sin_u + x * u_rate;
        let (sin_o, cos_o) = (self.node + self.node_rate * tk).sin_cos();

        let y_flat = y * cos_i;
        let y_flat_rate = y_rate * cos_i - y * sin_i * i_rate;
        let position = [x * cos_o - y_flat * sin_o, x * sin_o + y_flat * cos_o, y * sin_i];
        let velocity = [
            x_rate * cos_o - y_flat_rate * sin_o - position[1] * self.node_rate,
            x_rate * sin_o + y_flat_rate * cos_o + position[0] * self.node_rate,
            y_rate * sin_i + y * cos_i * i_rate,
        ];
        let esin = k.e * k.sqrt_a * sin_e;
        let esin_rate = k.e * k.sqrt_a * cos_e * e_rate;
        if !self.inclined_frame {
            return Motion { position, velocity, esin, esin_rate };
        }
        let rate = self.earth_rate;
        let position = turn_z(tilt(position), rate * tk);
        let turned = turn_z(tilt(velocity), rate * tk);
        let velocity = [turned[0] + rate * position[1], turned[1] - rate * position[0], turned[2]];
        Motion { position, velocity, esin, esin_rate }
    }
}

/// The satellite at `tk` seconds after toe, for those who ask once.
pub(super) fn propagate(
    k: &KeplerElements,
    earth: Earth,
    toe_s: f64,
    tk: f64,
    inclined_frame: bool,
) -> Motion {
    Orbit::new(k, earth, toe_s, inclined_frame).at(tk)
}

/// Turns the frame by −5° about the x axis (BDS-SIS-ICD table 5-11).
fn tilt(v: Ecef) -> Ecef {
    const SIN: f64 = -0.087_155_742_747_658_2;
    const COS: f64 = 0.996_194_698_091_745_6;
    [v[0], v[1] * COS + v[2] * SIN, -v[1] * SIN + v[2] * COS]
}

/// Turns the frame by `angle` about the z axis.
fn turn_z(v: Ecef, angle: f64) -> Ecef {
    let (s, c) = angle.sin_cos();
    [v[0] * c + v[1] * s, -v[0] * s + v[1] * c, v[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keplers_equation_is_solved_and_total() {
        for e in [0.0, 0.01, 0.075, 0.3, 0.499_999] {
            for m in [-3.0, -0.5, 0.0, 1e-6, 1.0, 3.1, 100.0] {
                let (sin, cos) = eccentric_anomaly(m, e);
                assert!((sin * sin + cos * cos - 1.0).abs() < 1e-14, "{e} {m}");
                let anomaly = m + e * sin;
                assert!(
                    (anomaly.sin() - sin).abs() < 1e-13 && (anomaly.cos() - cos).abs() < 1e-13,
                    "{e} {m}"
                );
            }
        }
        let _ = eccentric_anomaly(f64::NAN, 0.5);
        let _ = eccentric_anomaly(1.0, 1.5);
    }
}
