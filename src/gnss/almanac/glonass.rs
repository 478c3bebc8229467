//! GLONASS's almanac (GLONASS ICD 4.5, A.3.2): elements at the first ascending node of a Moscow day.

use crate::base::GpsTime;
use crate::base::broadcast::{GlonassAlmanac, GlonassEphemeris, Gnss};
use crate::gnss::kepler::{self, Earth};
use crate::gnss::orbit::{glonass_at_tb, glonass_coast};
use crate::gnss::scale::{KeplerElements, clock_lsb, exp2i, narrow, signed, unsigned};
use crate::gnss::visibility::{Ecef, dot};

use super::NOTHING;

use std::f64::consts::{PI, TAU};

/// Days of the interval that begins with a leap year.
const FOUR_YEARS: i64 = 1461;
/// The period to which the almanac's is a correction, s.
const PERIOD_S: f64 = 43_200.0;
/// The inclination likewise, semicircles.
const INCLINATION: f64 = 63.0 / 180.0;
/// Equatorial radius, m, and second zonal harmonic of PZ-90.
const RADIUS: f64 = 6_378_136.0;
const C20: f64 = -1.082_625_7e-3;

/// Step in which an orbit is followed to its node, s: to a few metres, where the almanac is good to kilometres.
const STEP_S: f64 = 180.0;
/// Steps after which a node must have been found: somewhat more than one revolution.
const MAX_STEPS: u32 = 300;

const LAMBDA: (f64, u32) = (exp2i(-20), 21);
const T_LAMBDA: (f64, u32) = (exp2i(-5), 21);
const DELTA_I: (f64, u32) = (exp2i(-20), 18);
const DELTA_T: (f64, u32) = (exp2i(-9), 22);
const DELTA_T_DOT: f64 = exp2i(-14);
const E: (f64, u32) = (exp2i(-20), 15);
const OMEGA: (f64, u32) = (exp2i(-15), 16);
const TAU_N: (f64, u32) = (exp2i(-18), 10);

/// The passage of an ascending node.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Seconds after t_b.
    at_s: f64,
    /// The state there, z = 0.
    y: [f64; 6],
}

/// Follows an orbit from `from` in steps of `h` (negative: into the past) to an ascending node that is at least half a revolution
/// away, or the nearest with `nearest`. `None` for what does not go round the Earth as GLONASS does.
fn node(from: Node, h: f64, nearest: bool) -> Option<Node> {
    let mut here = from;
    for step in 0..MAX_STEPS {
        let next = Node { at_s: here.at_s + h, y: glonass_coast(&here.y, h) };
        let (before, after) = if h < 0.0 { (&next, &here) } else { (&here, &next) };
        let far = nearest || f64::from(step) * h.abs() > PERIOD_S / 2.0;
        if before.y[2] < 0.0 && after.y[2] >= 0.0 && far {
            return settle(*before);
        }
        here = next;
    }
    None
}

/// Moves a state close to a node onto it.
fn settle(mut n: Node) -> Option<Node> {
    for _ in 0..8 {
        let dt = -n.y[2] / n.y[5];
        if !dt.is_finite() || dt.abs() > 4.0 * STEP_S {
            return None;
        }
        n = Node { at_s: n.at_s + dt, y: glonass_coast(&n.y, dt) };
        if dt.abs() < 1e-6 {
            return Some(n);
        }
    }
    None
}

/// The almanac entry of an ephemeris for the Moscow day of `t`. `None` for a state that is no GLONASS orbit.
pub(super) fn derive(g: &GlonassEphemeris, t: GpsTime) -> Option<GlonassAlmanac> {
    let start = Node { at_s: 0.0, y: glonass_at_tb(g) };
    let last = node(start, -STEP_S, true)?;
    let next = node(last, STEP_S, false)?;
    let period = next.at_s - last.at_s;

    let earth = Earth::of(Gnss::Glonass);
    let [x, y, _, vx, vy, vz] = last.y;
    let r = [x, y, 0.0];
    let v = [vx - earth.rate * y, vy + earth.rate * x, vz];
    let h = [r[1] * v[2], -r[0] * v[2], r[0] * v[1] - r[1] * v[0]];
    let momentum = dot(h, h).sqrt();
    let radius = dot(r, r).sqrt();
    let inclination = h[0].hypot(h[1]).atan2(h[2]);
    // At the node the argument of latitude is zero: that of perigee is the true anomaly turned round.
    let e_cos = momentum * momentum / earth.mu / radius - 1.0;
    let e_sin = momentum / earth.mu * dot(r, v) / radius;
    let e = e_cos.hypot(e_sin);
    let omega = -e_sin.atan2(e_cos);

    // Back, or on, to the first node of the day, at the pace at which nodes follow one another.
    let (day, ns) = t.glonass();
    let day_start = GpsTime::from_ns(t.ns() - ns);
    let in_day = g.tb.offset_s(last.at_s) - day_start;
    let turns = (in_day / period).floor();
    let t_lambda = in_day - turns * period;
    let per_turn = (node_rate(period, e, inclination) - earth.rate) * period;
    let lambda = wrap(y.atan2(x) - turns * per_turn);

    let fit = |value: f64, (lsb, bits): (f64, u32)| signed("almanac", value, lsb, bits).ok();
    let (l0, l1, _) = clock_lsb(Gnss::Glonass);
    let tau = f64::from(g.tau) * l0 - f64::from(g.gamma) * l1 * (t - g.tb);
    Some(GlonassAlmanac {
        sat: g.sat,
        day: day_start,
        na: u16::try_from(day.rem_euclid(FOUR_YEARS) + 1).ok()?,
        lambda: fit(lambda / PI, LAMBDA)?,
        t_lambda: unsigned("almanac", t_lambda, T_LAMBDA.0, T_LAMBDA.1).ok()?,
        delta_i: fit(inclination / PI - INCLINATION, DELTA_I)?,
        delta_t: fit(period - PERIOD_S, DELTA_T)?,
        delta_t_dot: 0,
        e: unsigned("almanac", e, E.0, E.1).ok()? as u16,
        omega: narrow("almanac", fit(wrap(omega) / PI, OMEGA)?).ok()?,
        tau: narrow("almanac", fit(tau, TAU_N)?).ok()?,
        channel: g.channel,
        healthy: g.bn & 0b100 == 0,
    })
}

/// Into −π..π.
fn wrap(angle: f64) -> f64 {
    let a = angle.rem_euclid(TAU);
    if a >= PI { a - TAU } else { a }
}

/// Precession of the node, rad/s, of an orbit with this period (s).
fn node_rate(period: f64, e: f64, inclination: f64) -> f64 {
    let n = TAU / period;
    let a = (Earth::of(Gnss::Glonass).mu / (n * n)).cbrt();
    let p = a * (1.0 - e * e);
    1.5 * C20 * n * (RADIUS / p).powi(2) * inclination.cos()
}

/// The semi-major axis at the node of an orbit that comes back to its node after `period` seconds (ICD A.3.2.1). A few rounds
/// settle it to centimetres.
fn axis(period: f64, e: f64, inclination: f64, omega: f64) -> f64 {
    let mu = Earth::of(Gnss::Glonass).mu;
    let from = |period: f64| (mu * (period / TAU).powi(2)).cbrt();
    let (near, side) = (1.0 + e * omega.cos(), 1.0 - e * e);
    let shape =
        (2.0 - 2.5 * inclination.sin().powi(2)) * side.powf(1.5) / (near * near) + near.powi(3) / side;
    let mut a = from(period);
    for _ in 0..4 {
        let p = a * side;
        a = from(period / (1.0 + 1.5 * C20 * (RADIUS / p).powi(2) * shape));
    }
    a
}

/// Where the almanac puts its satellite: a Keplerian orbit with the node's precession, without the short-period terms of the
/// Earth's oblateness, which move a satellite by some kilometres.
pub(super) fn position(a: &GlonassAlmanac, t: GpsTime) -> Ecef {
    let earth = Earth::of(Gnss::Glonass);
    let e = f64::from(a.e) * E.0;
    let omega = f64::from(a.omega) * OMEGA.0 * PI;
    let inclination = (INCLINATION + f64::from(a.delta_i) * DELTA_I.0) * PI;
    let first_period = PERIOD_S + f64::from(a.delta_t) * DELTA_T.0;
    let change = f64::from(a.delta_t_dot) * DELTA_T_DOT;
    let since = t - a.day.offset_s(f64::from(a.t_lambda) * T_LAMBDA.0);
    // A period that no field can hold apart, the division is safe.
    let turns = (since / first_period).floor();
    let node_s = first_period * turns + change * turns * turns;
    let period = first_period + 2.0 * change * turns;
    let node_rate = node_rate(period, e, inclination);
    let lambda = f64::from(a.lambda) * LAMBDA.0 * PI + (node_rate - earth.rate) * node_s;

    let root = ((1.0 - e) / (1.0 + e)).sqrt();
    let eccentric = 2.0 * (root * (-omega / 2.0).tan()).atan();
    let semi_major = axis(period, e, inclination, omega);
    let n = TAU / period;
    let elements = KeplerElements {
        sqrt_a: semi_major.sqrt(),
        e,
        m0: eccentric - e * eccentric.sin(),
        omega0: lambda,
        i0: inclination,
        omega,
        delta_n: n - (earth.mu / semi_major.powi(3)).sqrt(),
        omega_dot: node_rate,
        ..NOTHING
    };
    kepler::propagate(&elements, earth, 0.0, since - node_s, false).position
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::{Ephemeris, SatId};
    use crate::gnss::orbit;

    /// A satellite of 2023-01-01, 11:00 UTC or so.
    fn satellite() -> GlonassEphemeris {
        GlonassEphemeris {
            sat: SatId::new(Gnss::Glonass, 4),
            tb: GpsTime::from_utc("2023-01-01T10:45:00Z".parse().unwrap()),
            position: [-16_290_822, 15_756_611, -47_069_741],
            velocity: [-2_543_187, -2_101_266, 177_452],
            acceleration: [0, -3, 3],
            tau: -22_014,
            gamma: -1,
            delta_tau: None,
            age_days: 0,
            bn: 0,
            ft: 5,
            channel: 6,
        }
    }

    #[test]
    fn the_orbit_comes_back_out_of_the_elements() {
        let g = satellite();
        let a = derive(&g, g.tb).unwrap();
        assert_eq!((a.na, a.channel, a.healthy), (1097, 6, true));
        assert_eq!(a.day.glonass(), (g.tb.glonass().0, 0));
        assert!(f64::from(a.t_lambda) * T_LAMBDA.0 < PERIOD_S, "{a:?}");
        // 11 h 15 min 44 s, 64.8°.
        assert!((f64::from(a.delta_t) * DELTA_T.0 + 2_656.0).abs() < 20.0, "{a:?}");
        assert!((f64::from(a.delta_i) * DELTA_I.0 * 180.0 - 1.8).abs() < 0.7, "{a:?}");
        let mut worst: f64 = 0.0;
        for minutes in (-300..=300).step_by(20) {
            let t = g.tb.offset_s(f64::from(minutes) * 60.0);
            let (p, q) = (position(&a, t), orbit::state(&Ephemeris::Glonass(g), t).position);
            worst = worst.max((0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt());
        }
        assert!(worst < 12_000.0, "{worst}");
    }

    #[test]
    fn the_day_is_that_of_the_question() {
        let g = satellite();
        for hours in [-14, -13, 0, 10, 11, 30] {
            let t = g.tb.offset_s(f64::from(hours) * 3600.0);
            let a = derive(&g, t).unwrap();
            assert_eq!(a.day.glonass(), (t.glonass().0, 0));
            // The same orbit, whatever the day from which it is told.
            let (p, q) = (position(&a, t), position(&derive(&g, g.tb).unwrap(), t));
            assert!((0..3).all(|i| (p[i] - q[i]).abs() < 1_500.0), "{hours} h {p:?} {q:?}");
        }
    }

    #[test]
    fn what_does_not_go_round_has_no_almanac() {
        let g = satellite();
        let nonsense = [
            GlonassEphemeris { position: [0; 3], ..g },
            GlonassEphemeris { velocity: [0; 3], ..g },
            GlonassEphemeris { position: [i32::MAX; 3], velocity: [i32::MIN; 3], ..g },
            GlonassEphemeris {
                velocity: [-2_543_187, -2_101_266, 0],
                position: [-16_290_822, 15_756_611, 0],
                ..g
            },
        ];
        for g in nonsense {
            assert!(derive(&g, g.tb).is_none(), "{g:?}");
        }
    }
}
