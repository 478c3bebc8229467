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

/// Solves Kepler's equation; returns the eccentric anomaly. Total: with nonsense it returns nonsense after 30 rounds.
fn eccentric_anomaly(mean: f64, e: f64) -> f64 {
    let mut anomaly = mean;
    for _ in 0..30 {
        let (sin, cos) = anomaly.sin_cos();
        let step = (anomaly - e * sin - mean) / (1.0 - e * cos);
        anomaly -= step;
        if step.abs() < 1e-14 {
            break;
        }
    }
    anomaly
}

/// The satellite at `tk` seconds after toe, where `toe_s` is toe in seconds of the system's week. `inclined_frame` is for
/// [`is_beidou_geo`].
pub(super) fn propagate(
    k: &KeplerElements,
    earth: Earth,
    toe_s: f64,
    tk: f64,
    inclined_frame: bool,
) -> Motion {
    let a = k.sqrt_a * k.sqrt_a;
    let n = (earth.mu / (a * a * a)).sqrt() + k.delta_n;
    let big_e = eccentric_anomaly(k.m0 + n * tk, k.e);
    let (sin_e, cos_e) = big_e.sin_cos();
    let e_rate = n / (1.0 - k.e * cos_e);
    let root = (1.0 - k.e * k.e).sqrt();

    let phi = (root * sin_e).atan2(cos_e - k.e) + k.omega;
    let phi_rate = root * e_rate / (1.0 - k.e * cos_e);
    let (s2, c2) = (2.0 * phi).sin_cos();
    let u = phi + k.cus * s2 + k.cuc * c2;
    let u_rate = phi_rate * (1.0 + 2.0 * (k.cus * c2 - k.cuc * s2));
    let r = a * (1.0 - k.e * cos_e) + k.crs * s2 + k.crc * c2;
    let r_rate = a * k.e * sin_e * e_rate + 2.0 * phi_rate * (k.crs * c2 - k.crc * s2);
    let i = k.i0 + k.i_dot * tk + k.cis * s2 + k.cic * c2;
    let i_rate = k.i_dot + 2.0 * phi_rate * (k.cis * c2 - k.cic * s2);

    let (sin_u, cos_u) = u.sin_cos();
    let (x, y) = (r * cos_u, r * sin_u);
    let x_rate = r_rate * cos_u - y * u_rate;
    let y_rate = r_rate * sin_u + x * u_rate;
    let (sin_i, cos_i) = i.sin_cos();
    // The inclined frame does not turn with the Earth until the very end.
    let node_rate = k.omega_dot - if inclined_frame { 0.0 } else { earth.rate };
    let (sin_o, cos_o) = (k.omega0 + node_rate * tk - earth.rate * toe_s).sin_cos();

    let y_flat = y * cos_i;
    let y_flat_rate = y_rate * cos_i - y * sin_i * i_rate;
    let position = [x * cos_o - y_flat * sin_o, x * sin_o + y_flat * cos_o, y * sin_i];
    let velocity = [
        x_rate * cos_o - y_flat_rate * sin_o - position[1] * node_rate,
        x_rate * sin_o + y_flat_rate * cos_o + position[0] * node_rate,
        y_rate * sin_i + y * cos_i * i_rate,
    ];
    let esin = k.e * k.sqrt_a * sin_e;
    let esin_rate = k.e * k.sqrt_a * cos_e * e_rate;
    if !inclined_frame {
        return Motion { position, velocity, esin, esin_rate };
    }
    let turn = earth.rate * tk;
    let position = turn_z(tilt(position), turn);
    let turned = turn_z(tilt(velocity), turn);
    let velocity = [turned[0] + earth.rate * position[1], turned[1] - earth.rate * position[0], turned[2]];
    Motion { position, velocity, esin, esin_rate }
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
                let x = eccentric_anomaly(m, e);
                assert!((x - e * x.sin() - m).abs() < 1e-12, "{e} {m}");
            }
        }
        let _ = eccentric_anomaly(f64::NAN, 0.5);
        let _ = eccentric_anomaly(1.0, 1.5);
    }
}
