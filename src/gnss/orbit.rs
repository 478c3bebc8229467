//! Where a satellite is and what its clock says, from its own message.

use serde::Serialize;

use super::kepler::{self, Earth, Orbit};
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
/// it is fresh. Who asks more than once does better with [`Prepared`].
pub fn state(e: &Ephemeris, t: GpsTime) -> SatState {
    Prepared::new(e).state(t)
}

/// The state, good to a few metres: enough for azimuth and elevation, and several times cheaper for GLONASS.
pub fn coarse_state(e: &Ephemeris, t: GpsTime) -> SatState {
    match e {
        Ephemeris::Glonass(g) => GlonassOrbit::new(g).state(t, GLONASS_COARSE_STEP_S),
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

/// An ephemeris with all worked out that does not change with time: integers scaled, sines and cosines taken.
#[derive(Clone, Copy, Debug)]
pub struct Prepared(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Kepler(KeplerOrbit),
    Glonass(GlonassOrbit),
    Sbas(SbasEphemeris),
}

#[derive(Clone, Copy, Debug)]
struct KeplerOrbit {
    orbit: Orbit,
    toe: GpsTime,
    toc: GpsTime,
    /// Clock polynomial, s, s/s, s/s².
    clock: [f64; 3],
    /// F of IS-GPS-200 20.3.3.3.3.1, from the system's own gravitational constant.
    relativity: f64,
}

impl Prepared {
    /// Of a message.
    pub fn new(e: &Ephemeris) -> Self {
        let kepler = |sat: SatId, k: &Kepler, toe: GpsTime, toc: GpsTime, clock: [i32; 3]| {
            let earth = Earth::of(sat.gnss);
            let elements = KeplerElements::from_raw(sat.gnss, k);
            let toe_s = seconds_of_week(sat.gnss, toe);
            let (l0, l1, l2) = clock_lsb(sat.gnss);
            let [a0, a1, a2] = clock.map(f64::from);
            Kind::Kepler(KeplerOrbit {
                orbit: Orbit::new(&elements, earth, toe_s, kepler::is_beidou_geo(sat)),
                toe,
                toc,
                clock: [a0 * l0, a1 * l1, a2 * l2],
                relativity: -2.0 * earth.mu.sqrt() / (C * C),
            })
        };
        Self(match e {
            Ephemeris::Lnav(l) => kepler(l.sat, &l.kepler, l.toe, l.toc, [l.af0, l.af1.into(), l.af2.into()]),
            Ephemeris::Galileo(g) => kepler(g.sat, &g.kepler, g.toe, g.toc, [g.af0, g.af1, g.af2.into()]),
            Ephemeris::BeiDou(b) => kepler(b.sat, &b.kepler, b.toe, b.toc, [b.a0, b.a1, b.a2.into()]),
            Ephemeris::NavIc(n) => {
                kepler(n.sat, &n.kepler, n.toe, n.toc, [n.af0, n.af1.into(), n.af2.into()])
            }
            Ephemeris::Glonass(g) => Kind::Glonass(GlonassOrbit::new(g)),
            Ephemeris::Sbas(s) => Kind::Sbas(*s),
        })
    }

    /// The satellite at GPS time `t` of its transmission.
    pub fn state(&self, t: GpsTime) -> SatState {
        match &self.0 {
            Kind::Kepler(k) => {
                let m = k.orbit.at(t - k.toe);
                let dt = t - k.toc;
                let [a0, a1, a2] = k.clock;
                SatState {
                    position: m.position,
                    velocity: m.velocity,
                    clock_s: a0 + dt * (a1 + dt * a2) + k.relativity * m.esin,
                    clock_drift: a1 + 2.0 * a2 * dt + k.relativity * m.esin_rate,
                }
            }
            Kind::Glonass(g) => g.state(t, GLONASS_STEP_S),
            Kind::Sbas(s) => sbas(s, t),
        }
    }

    /// The satellite's clock minus system time in seconds without the relativistic part (which stays below 100 ns): what the
    /// time of transmission is found with.
    pub fn clock_s(&self, t: GpsTime) -> f64 {
        match &self.0 {
            Kind::Kepler(k) => {
                let dt = t - k.toc;
                let [a0, a1, a2] = k.clock;
                a0 + dt * (a1 + dt * a2)
            }
            Kind::Glonass(g) => g.clock_s(t),
            Kind::Sbas(s) => {
                let (l0, l1, _) = clock_lsb(Gnss::Sbas);
                f64::from(s.agf0) * l0 + f64::from(s.agf1) * l1 * (t - s.t0)
            }
        }
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

/// Longest step of the integration of GLONASS orbits, s: over half an hour it is good to a millimetre.
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

/// A GLONASS state vector in SI units.
#[derive(Clone, Copy, Debug)]
struct GlonassOrbit {
    tb: GpsTime,
    /// Position and velocity at t_b.
    start: [f64; 6],
    acceleration: [f64; 3],
    /// Clock at t_b, s, and its rate.
    clock: f64,
    gamma: f64,
}

impl GlonassOrbit {
    fn new(g: &GlonassEphemeris) -> Self {
        let (l0, l1, _) = clock_lsb(Gnss::Glonass);
        Self {
            tb: g.tb,
            start: glonass_at_tb(g),
            acceleration: g.acceleration.map(|a| f64::from(a) * GLONASS_LSB.2),
            clock: -f64::from(g.tau) * l0,
            gamma: f64::from(g.gamma) * l1,
        }
    }

    fn clock_s(&self, t: GpsTime) -> f64 {
        self.clock + self.gamma * (t - self.tb)
    }

    /// By steps of equal length, `step` seconds at most.
    fn state(&self, t: GpsTime, step: f64) -> SatState {
        let span = (t - self.tb).clamp(-GLONASS_MAX_S, GLONASS_MAX_S);
        let steps = (span.abs() / step).ceil();
        let mut y = self.start;
        if steps > 0.0 {
            let h = span / steps;
            for _ in 0..steps as u32 {
                y = runge_kutta(&y, h, &self.acceleration);
            }
        }
        SatState {
            position: [y[0], y[1], y[2]],
            velocity: [y[3], y[4], y[5]],
            clock_s: self.clock_s(t),
            clock_drift: self.gamma,
        }
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
    // One division, since each takes as long as all the rest.
    let inverse2 = 1.0 / r2;
    let central = mu * inverse2 * inverse2.sqrt();
    let a = 1.5 * J2 * RADIUS * RADIUS * inverse2 * central;
    let b = 5.0 * p[2] * p[2] * inverse2;
    let c = -central - a * (1.0 - b);
    [
        y[3],
        y[4],
        y[5],
        (c + rate * rate) * p[0] + 2.0 * rate * y[4] + acceleration[0],
        (c + rate * rate) * p[1] - 2.0 * rate * y[3] + acceleration[1],
        (c - 2.0 * a) * p[2] + acceleration[2],
    ]
}
