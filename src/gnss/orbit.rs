//! Where a satellite is and what its clock says, from its own message.

use serde::Serialize;

use super::kepler::{self, Earth};
use super::scale::{BDS_TGD_LSB, BGD_LSB, C, GLONASS_LSB, KeplerElements, SBAS_LSB, TGD_LSB, clock_lsb};
use super::visibility::{Ecef, dot};
use crate::base::GpsTime;
use crate::base::broadcast::{
    Ephemeris, GalileoMessage, GlonassEphemeris, Gnss, Kepler, SatId, SbasEphemeris,
};

/// Position, velocity and clock of a satellite at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SatState {
    /// Metres, Earth-fixed.
    pub position: Ecef,
    /// Metres per second, Earth-fixed.
    pub velocity: Ecef,
    /// Satellite clock minus system time in seconds, with the relativistic part and without group delay: what to add to a
    /// pseudorange (times c) together with [`group_delay_s`].
    pub clock_s: f64,
    /// Its rate, s/s.
    pub clock_drift: f64,
}

/// The satellite at GPS time `t` of its transmission. Nothing is allocated; any ephemeris gives some answer, sensible while
/// it is fresh.
pub fn state(e: &Ephemeris, t: GpsTime) -> SatState {
    match e {
        Ephemeris::Glonass(g) => glonass(g, t, GLONASS_STEP_S),
        Ephemeris::Sbas(s) => sbas(s, t),
        Ephemeris::Lnav(l) => {
            let clock = [f64::from(l.af0), f64::from(l.af1), f64::from(l.af2)];
            keplerian(l.sat, &l.kepler, l.toe, l.toc, clock, t)
        }
        Ephemeris::Galileo(g) => {
            let clock = [f64::from(g.af0), f64::from(g.af1), f64::from(g.af2)];
            keplerian(g.sat, &g.kepler, g.toe, g.toc, clock, t)
        }
        Ephemeris::BeiDou(b) => {
            let clock = [f64::from(b.a0), f64::from(b.a1), f64::from(b.a2)];
            keplerian(b.sat, &b.kepler, b.toe, b.toc, clock, t)
        }
        Ephemeris::NavIc(n) => {
            let clock = [f64::from(n.af0), f64::from(n.af1), f64::from(n.af2)];
            keplerian(n.sat, &n.kepler, n.toe, n.toc, clock, t)
        }
    }
}

/// The satellite's clock minus system time in seconds without the relativistic part (which stays below 100 ns): what the
/// time of transmission is found with.
pub fn clock_s(e: &Ephemeris, t: GpsTime) -> f64 {
    let gnss = e.sat().gnss;
    let (l0, l1, l2) = clock_lsb(gnss);
    let (toc, a0, a1, a2) = match e {
        Ephemeris::Lnav(l) => (l.toc, f64::from(l.af0), f64::from(l.af1), f64::from(l.af2)),
        Ephemeris::Galileo(g) => (g.toc, f64::from(g.af0), f64::from(g.af1), f64::from(g.af2)),
        Ephemeris::BeiDou(b) => (b.toc, f64::from(b.a0), f64::from(b.a1), f64::from(b.a2)),
        Ephemeris::NavIc(n) => (n.toc, f64::from(n.af0), f64::from(n.af1), f64::from(n.af2)),
        Ephemeris::Glonass(g) => (g.tb, -f64::from(g.tau), f64::from(g.gamma), 0.0),
        Ephemeris::Sbas(s) => (s.t0, f64::from(s.agf0), f64::from(s.agf1), 0.0),
    };
    let dt = t - toc;
    a0 * l0 + dt * (a1 * l1 + dt * a2 * l2)
}

/// The state, good to a few metres: enough for azimuth and elevation, and several times cheaper for GLONASS.
pub fn coarse_state(e: &Ephemeris, t: GpsTime) -> SatState {
    match e {
        Ephemeris::Glonass(g) => glonass(g, t, GLONASS_COARSE_STEP_S),
        _ => state(e, t),
    }
}

/// The position of [`coarse_state`].
pub fn coarse_position(e: &Ephemeris, t: GpsTime) -> Ecef {
    coarse_state(e, t).position
}

/// Delay in seconds of the system's first civil signal (L1 C/A, E1, B1I, G1) against the signal combination to which its
/// clock refers: subtract it from [`SatState::clock_s`] for a receiver of that signal alone. NavIC's is that of L5 by the
/// ICD's rule for single-frequency users.
pub fn group_delay_s(e: &Ephemeris) -> f64 {
    match e {
        Ephemeris::Lnav(l) => f64::from(l.tgd) * TGD_LSB,
        Ephemeris::Galileo(g) => {
            let bgd = match g.message {
                GalileoMessage::INav => g.bgd_e1e5b,
                GalileoMessage::FNav => g.bgd_e1e5a,
            };
            f64::from(bgd) * BGD_LSB
        }
        Ephemeris::BeiDou(b) => f64::from(b.tgd1) * BDS_TGD_LSB,
        Ephemeris::NavIc(n) => f64::from(n.tgd) * TGD_LSB * (2492.028_f64 / 1176.45).powi(2),
        Ephemeris::Glonass(_) | Ephemeris::Sbas(_) => 0.0,
    }
}

/// A Keplerian orbit's elements in SI units and radians, for those who need them as such.
pub fn elements(e: &Ephemeris) -> Option<KeplerElements> {
    let (gnss, k) = match e {
        Ephemeris::Lnav(l) => (l.sat.gnss, &l.kepler),
        Ephemeris::Galileo(g) => (g.sat.gnss, &g.kepler),
        Ephemeris::BeiDou(b) => (b.sat.gnss, &b.kepler),
        Ephemeris::NavIc(n) => (n.sat.gnss, &n.kepler),
        Ephemeris::Glonass(_) | Ephemeris::Sbas(_) => return None,
    };
    Some(KeplerElements::from_raw(gnss, k))
}

/// Seconds of the week in the time scale to which a system's orbits refer.
pub(super) fn seconds_of_week(gnss: Gnss, t: GpsTime) -> f64 {
    match gnss {
        Gnss::BeiDou => t.bdt().1 as f64 * 1e-9,
        _ => t.tow(),
    }
}

fn keplerian(sat: SatId, k: &Kepler, toe: GpsTime, toc: GpsTime, clock: [f64; 3], t: GpsTime) -> SatState {
    let elements = KeplerElements::from_raw(sat.gnss, k);
    let earth = Earth::of(sat.gnss);
    let toe_s = seconds_of_week(sat.gnss, toe);
    let m = kepler::propagate(&elements, earth, toe_s, t - toe, kepler::is_beidou_geo(sat));
    let (l0, l1, l2) = clock_lsb(sat.gnss);
    let dt = t - toc;
    let (a0, a1, a2) = (clock[0] * l0, clock[1] * l1, clock[2] * l2);
    // F of IS-GPS-200 20.3.3.3.3.1, from the system's own gravitational constant.
    let f = -2.0 * earth.mu.sqrt() / (C * C);
    SatState {
        position: m.position,
        velocity: m.velocity,
        clock_s: a0 + a1 * dt + a2 * dt * dt + f * m.esin,
        clock_drift: a1 + 2.0 * a2 * dt + f * m.esin_rate,
    }
}

fn sbas(s: &SbasEphemeris, t: GpsTime) -> SatState {
    let dt = t - s.t0;
    let mut position = [0.0; 3];
    let mut velocity = [0.0; 3];
    for i in 0..3 {
        let (p, v, a) = SBAS_LSB[i];
        let a = f64::from(s.acceleration[i]) * a;
        velocity[i] = f64::from(s.velocity[i]) * v + a * dt;
        position[i] = f64::from(s.position[i]) * p + f64::from(s.velocity[i]) * v * dt + 0.5 * a * dt * dt;
    }
    let (l0, l1, _) = clock_lsb(Gnss::Sbas);
    let drift = f64::from(s.agf1) * l1;
    SatState { position, velocity, clock_s: f64::from(s.agf0) * l0 + drift * dt, clock_drift: drift }
}

/// Step of the integration of GLONASS orbits, s.
const GLONASS_STEP_S: f64 = 60.0;
/// Step where metres do not matter, s.
const GLONASS_COARSE_STEP_S: f64 = 450.0;
/// Beyond this distance from t_b the integration is not carried on: no policy makes such data fresh, and work stays bounded.
const GLONASS_MAX_S: f64 = 6.0 * 3600.0;

/// Position and velocity at t_b, metres and m/s.
pub(super) fn glonass_at_tb(g: &GlonassEphemeris) -> [f64; 6] {
    let (p, v, _) = GLONASS_LSB;
    std::array::from_fn(|i| match i {
        0..3 => f64::from(g.position[i]) * p,
        _ => f64::from(g.velocity[i - 3]) * v,
    })
}

/// The same `h` seconds later (or earlier) without Sun and Moon, in one step of the integration.
pub(super) fn glonass_coast(y: &[f64; 6], h: f64) -> [f64; 6] {
    runge_kutta(y, h, &[0.0; 3])
}

fn glonass(g: &GlonassEphemeris, t: GpsTime, step: f64) -> SatState {
    let mut y = glonass_at_tb(g);
    let acceleration = g.acceleration.map(|a| f64::from(a) * GLONASS_LSB.2);
    let dt = t - g.tb;
    let mut left = dt.clamp(-GLONASS_MAX_S, GLONASS_MAX_S);
    while left.abs() > 1e-9 {
        let h = left.clamp(-step, step);
        y = runge_kutta(&y, h, &acceleration);
        left -= h;
    }
    let (l0, l1, _) = clock_lsb(Gnss::Glonass);
    let gamma = f64::from(g.gamma) * l1;
    SatState {
        position: [y[0], y[1], y[2]],
        velocity: [y[3], y[4], y[5]],
        clock_s: -f64::from(g.tau) * l0 + gamma * dt,
        clock_drift: gamma,
    }
}

/// One step of the classical fourth-order rule.
fn runge_kutta(y: &[f64; 6], h: f64, acceleration: &[f64; 3]) -> [f64; 6] {
    let moved = |k: &[f64; 6], f: f64| std::array::from_fn(|i| y[i] + f * k[i]);
    let k1 = glonass_derivative(y, acceleration);
    let k2 = glonass_derivative(&moved(&k1, h / 2.0), acceleration);
    let k3 = glonass_derivative(&moved(&k2, h / 2.0), acceleration);
    let k4 = glonass_derivative(&moved(&k3, h), acceleration);
    std::array::from_fn(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// Equations of motion in the rotating frame with the Earth's oblateness (GLONASS ICD A.3.1.2).
fn glonass_derivative(y: &[f64; 6], acceleration: &[f64; 3]) -> [f64; 6] {
    const RADIUS: f64 = 6_378_136.0;
    const J2: f64 = 1.082_625_7e-3;
    let Earth { mu, rate } = Earth::of(Gnss::Glonass);
    let p = [y[0], y[1], y[2]];
    let r2 = dot(p, p);
    if r2 <= 0.0 {
        return [0.0; 6];
    }
    let r3 = r2 * r2.sqrt();
    let a = 1.5 * J2 * mu * RADIUS * RADIUS / r2 / r3;
    let b = 5.0 * p[2] * p[2] / r2;
    let c = -mu / r3 - a * (1.0 - b);
    [
        y[3],
        y[4],
        y[5],
        (c + rate * rate) * p[0] + 2.0 * rate * y[4] + acceleration[0],
        (c + rate * rate) * p[1] - 2.0 * rate * y[3] + acceleration[1],
        (c - 2.0 * a) * p[2] + acceleration[2],
    ]
}
