//! Almanacs: when they were made, where they put a satellite, and how to make one from ephemerides.

mod glonass;
mod memory;
mod sbas;

pub(super) use memory::AlmanacMemory;

use super::kepler::{self, Earth, is_beidou_geo};
use super::orbit::{self, seconds_of_week};
use super::scale::{ICD_PI, KeplerElements, clock_lsb, exp2i, signed, unsigned};
use super::visibility::{Ecef, dot};
use crate::base::GpsTime;
use crate::base::broadcast::{Almanac, Ephemeris, Gnss, KeplerAlmanac, SatId};
use crate::base::time::{BDT_LAG_S, WEEK_S};

/// Galileo's reference semi-major axis, m (Galileo OS SIS ICD 5.1.10).
const GALILEO_A: f64 = 29_600_000.0;

/// The time to which an almanac entry refers.
pub const fn reference_time(a: &Almanac) -> GpsTime {
    match a {
        Almanac::Kepler(k) => k.toa,
        Almanac::Glonass(g) => g.day,
        Almanac::Sbas(s) => s.t0,
    }
}

/// Scale and width of an almanac's fields.
struct Scale {
    e: (f64, u32),
    reference_e: f64,
    inclination: (f64, u32),
    reference_inclination: f64,
    omega_dot: (f64, u32),
    sqrt_a: (f64, u32),
    reference_sqrt_a: f64,
    /// Node, perigee, mean anomaly.
    angle: f64,
    angle_bits: u32,
    af0: (f64, u32),
    af1: (f64, u32),
}

/// Whether the satellite is one of QZSS's geostationary ones, whose almanac counts from zero (IS-QZSS-PNT 4.1.2.6): PRN 193–197
/// are in inclined orbits.
const fn is_qzss_geo(sat: SatId) -> bool {
    matches!(sat.gnss, Gnss::Qzss) && sat.number > 5
}

/// `None` for systems without such an almanac.
fn scale(sat: SatId) -> Option<Scale> {
    let gps = Scale {
        e: (exp2i(-21), 16),
        reference_e: 0.0,
        inclination: (exp2i(-19) * ICD_PI, 16),
        reference_inclination: 0.30 * ICD_PI,
        omega_dot: (exp2i(-38) * ICD_PI, 16),
        sqrt_a: (exp2i(-11), 25),
        reference_sqrt_a: 0.0,
        angle: exp2i(-23) * ICD_PI,
        angle_bits: 24,
        af0: (exp2i(-20), 11),
        af1: (exp2i(-38), 11),
    };
    match sat.gnss {
        Gnss::Gps => Some(gps),
        Gnss::Qzss if is_qzss_geo(sat) => Some(Scale { reference_inclination: 0.0, ..gps }),
        Gnss::Qzss => Some(Scale { reference_e: 0.06, reference_inclination: 0.25 * ICD_PI, ..gps }),
        Gnss::NavIc => {
            Some(Scale { inclination: (exp2i(-23) * ICD_PI, 24), reference_inclination: 0.0, ..gps })
        }
        Gnss::BeiDou => {
            let reference_inclination = if is_beidou_geo(sat) { 0.0 } else { gps.reference_inclination };
            Some(Scale {
                e: (exp2i(-21), 17),
                omega_dot: (gps.omega_dot.0, 17),
                reference_inclination,
                ..gps
            })
        }
        Gnss::Galileo => Some(Scale {
            e: (exp2i(-16), 11),
            reference_e: 0.0,
            inclination: (exp2i(-14) * ICD_PI, 11),
            reference_inclination: 56.0 / 180.0 * ICD_PI,
            omega_dot: (exp2i(-33) * ICD_PI, 11),
            sqrt_a: (exp2i(-9), 13),
            reference_sqrt_a: GALILEO_A.sqrt(),
            angle: exp2i(-15) * ICD_PI,
            angle_bits: 16,
            af0: (exp2i(-19), 16),
            af1: (exp2i(-38), 13),
        }),
        Gnss::Glonass | Gnss::Sbas => None,
    }
}

/// Where an almanac puts its satellite at `t`, metres in the Earth-fixed frame; kilometres off at best. `None` for a Keplerian
/// entry of a system that has no such almanac.
pub fn position(a: &Almanac, t: GpsTime) -> Option<Ecef> {
    match a {
        Almanac::Kepler(a) => keplerian_position(a, t),
        Almanac::Glonass(a) => Some(glonass::position(a, t)),
        Almanac::Sbas(a) => Some(sbas::position(a, t)),
    }
}

fn keplerian_position(a: &KeplerAlmanac, t: GpsTime) -> Option<Ecef> {
    let s = scale(a.sat)?;
    let elements = KeplerElements {
        sqrt_a: f64::from(a.sqrt_a) * s.sqrt_a.0 + s.reference_sqrt_a,
        e: f64::from(a.e) * s.e.0 + s.reference_e,
        m0: f64::from(a.m0) * s.angle,
        omega0: f64::from(a.omega0) * s.angle,
        i0: f64::from(a.delta_i) * s.inclination.0 + s.reference_inclination,
        omega: f64::from(a.omega) * s.angle,
        omega_dot: f64::from(a.omega_dot) * s.omega_dot.0,
        ..NOTHING
    };
    let toa_s = seconds_of_week(a.sat.gnss, a.toa);
    Some(kepler::propagate(&elements, Earth::of(a.sat.gnss), toa_s, t - a.toa, false).position)
}

const NOTHING: KeplerElements = KeplerElements {
    sqrt_a: 0.0,
    e: 0.0,
    m0: 0.0,
    omega0: 0.0,
    i0: 0.0,
    omega: 0.0,
    delta_n: 0.0,
    omega_dot: 0.0,
    i_dot: 0.0,
    crs: 0.0,
    crc: 0.0,
    cus: 0.0,
    cuc: 0.0,
    cis: 0.0,
    cic: 0.0,
};

/// Almanac entries of the satellites of these ephemerides, one per satellite, with a common reference time near `t`.
///
/// Satellites whose orbit the almanac's fields cannot hold (Galileo's two eccentric ones) have none.
pub(super) fn derive<'a>(ephemerides: impl Iterator<Item = &'a Ephemeris>, t: GpsTime) -> Vec<Almanac> {
    let one = |e: &Ephemeris| match e {
        Ephemeris::Glonass(g) => glonass::derive(g, t).map(Almanac::Glonass),
        Ephemeris::Sbas(s) => sbas::derive(s).map(Almanac::Sbas),
        _ => from_ephemeris(e, t).map(Almanac::Kepler),
    };
    ephemerides.filter_map(one).collect()
}

/// The reference time nearest to `t` that the field (multiples of a unit of the system's week) can hold.
fn nearest_toa(gnss: Gnss, t: GpsTime) -> GpsTime {
    let lag = if gnss == Gnss::BeiDou { BDT_LAG_S } else { 0 };
    let local = t.offset_s(-lag as f64);
    let s = local.tow_ns() / 1_000_000_000;
    let unit = gnss.toa_unit_s();
    let units = ((s + unit / 2) / unit).min((WEEK_S - 1) / unit);
    GpsTime::from_week_s(local.week(), units * unit + lag)
}

/// An almanac entry whose orbit goes through that of the ephemeris.
fn from_ephemeris(e: &Ephemeris, t: GpsTime) -> Option<KeplerAlmanac> {
    let sat = e.sat();
    let s = scale(sat)?;
    let toa = nearest_toa(sat.gnss, t);
    let orbit = mean_orbit(e, toa)?;
    let (bias, drift, health) = match e {
        Ephemeris::Lnav(l) => {
            // The sixth bit sums up the data's health, for which the almanac has three.
            let data = if l.health & 0x20 == 0 { 0 } else { 0xe0 };
            (f64::from(l.af0), f64::from(l.af1), data | u16::from(l.health & 0x1f))
        }
        Ephemeris::Galileo(g) => {
            let health = u16::from(g.health.e5a_hs << 2 | g.health.e1b_hs);
            (f64::from(g.af0), f64::from(g.af1), health)
        }
        Ephemeris::BeiDou(b) => (f64::from(b.a0), f64::from(b.a1), u16::from(b.sat_h1) << 8),
        Ephemeris::NavIc(n) => (f64::from(n.af0), f64::from(n.af1), 0),
        _ => return None,
    };
    let (l0, l1, _) = clock_lsb(sat.gnss);
    let drift = drift * l1;
    let bias = bias * l0 + drift * (toa - e.reference_time());
    let fit = |value: f64, (lsb, bits): (f64, u32)| signed("almanac", value, lsb, bits).ok();
    let angle = |value: f64| {
        let turns = (value / (2.0 * ICD_PI)).fract() * 2.0 * ICD_PI;
        let n = (turns / s.angle).round() as i64;
        // Wrapped into the field's width as two's complement.
        let shift = 64 - s.angle_bits;
        (n << shift >> shift) as i32
    };
    Some(KeplerAlmanac {
        sat,
        toa,
        e: unsigned("almanac", orbit.e - s.reference_e, s.e.0, s.e.1).ok()?,
        delta_i: fit(orbit.i0 - s.reference_inclination, s.inclination)?,
        omega_dot: fit(orbit.omega_dot, s.omega_dot)?,
        sqrt_a: fit(orbit.sqrt_a - s.reference_sqrt_a, s.sqrt_a)?,
        omega0: angle(orbit.omega0),
        omega: angle(orbit.omega),
        m0: angle(orbit.m0),
        af0: fit(bias, s.af0)?,
        af1: fit(drift, s.af1)?,
        health,
    })
}

/// The plain Keplerian orbit at `toa` that stays with the ephemeris's.
fn mean_orbit(e: &Ephemeris, toa: GpsTime) -> Option<KeplerElements> {
    let sat = e.sat();
    let earth = Earth::of(sat.gnss);
    let toe = e.reference_time();
    let toa_s = seconds_of_week(sat.gnss, toa);
    if is_beidou_geo(sat) {
        return geostationary(e, toa, toa_s, earth);
    }
    let k = orbit::elements(e)?;
    let dt = toa - toe;
    let n = (earth.mu / k.sqrt_a.powi(6)).sqrt() + k.delta_n;
    // Zero unless toe and toa lie in different weeks.
    let week_gap = toa_s - seconds_of_week(sat.gnss, toe) - dt;
    Some(KeplerElements {
        // The almanac knows no correction of the mean motion: the axis takes it up, at the cost of some 500 m of height.
        sqrt_a: (earth.mu / (n * n)).powf(1.0 / 6.0),
        e: k.e,
        m0: k.m0 + n * dt,
        omega0: k.omega0 + k.omega_dot * dt + earth.rate * week_gap,
        i0: k.i0 + k.i_dot * dt,
        omega: k.omega,
        omega_dot: k.omega_dot,
        ..NOTHING
    })
}

/// BeiDou describes geostationary satellites in an inclined frame in ephemerides but not in almanacs: the orbit is taken anew
/// from position and velocity.
fn geostationary(e: &Ephemeris, toa: GpsTime, toa_s: f64, earth: Earth) -> Option<KeplerElements> {
    // At toe the harmonic terms are best; from there to toa the satellite hardly moves.
    let s = orbit::state(e, e.reference_time());
    let r = s.position;
    let v = [s.velocity[0] - earth.rate * r[1], s.velocity[1] + earth.rate * r[0], s.velocity[2]];
    let radius = dot(r, r).sqrt();
    let h = [r[1] * v[2] - r[2] * v[1], r[2] * v[0] - r[0] * v[2], r[0] * v[1] - r[1] * v[0]];
    let inclination = h[0].hypot(h[1]).atan2(h[2]);
    let node = h[0].atan2(-h[1]);
    // Argument of latitude: the angle from the node in the orbit's plane.
    let (sin_n, cos_n) = node.sin_cos();
    let in_node = r[0] * cos_n + r[1] * sin_n;
    let across = (r[1] * cos_n - r[0] * sin_n) * inclination.cos() + r[2] * inclination.sin();
    let latitude_argument = across.atan2(in_node);
    // Eccentricity from the radial velocity and the momentum.
    let momentum = dot(h, h).sqrt();
    let p = momentum * momentum / earth.mu;
    let e_cos = p / radius - 1.0;
    let e_sin = momentum / earth.mu * dot(r, v) / radius;
    let eccentricity = e_cos.hypot(e_sin);
    let true_anomaly = e_sin.atan2(e_cos);
    let root = ((1.0 - eccentricity) / (1.0 + eccentricity)).sqrt();
    let anomaly = 2.0 * (root * (true_anomaly / 2.0).tan()).atan();
    let mean = anomaly - eccentricity * anomaly.sin();
    // It keeps over its longitude: the mean motion is the Earth's rate, and the node (fixed among the stars) drifts against it.
    let turned = earth.rate * (toa - e.reference_time());
    let finite = [inclination, node, eccentricity, mean].iter().all(|x| x.is_finite());
    finite.then_some(KeplerElements {
        sqrt_a: (earth.mu / (earth.rate * earth.rate)).powf(1.0 / 6.0),
        e: eccentricity,
        m0: mean + turned,
        omega0: node - turned + earth.rate * toa_s,
        i0: inclination,
        omega: latitude_argument - true_anomaly,
        ..NOTHING
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_time_fits_its_field() {
        for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::NavIc, Gnss::BeiDou] {
            let unit = gnss.toa_unit_s();
            for s in [0, 299, 2_047, 2_048, 300_000, 604_799] {
                let t = GpsTime::from_week_s(2243, s);
                let toa = nearest_toa(gnss, t);
                let (week, ns) = if gnss == Gnss::BeiDou { toa.bdt() } else { (toa.week(), toa.tow_ns()) };
                assert_eq!(ns % (unit * 1_000_000_000), 0, "{gnss:?} {s}");
                assert!((toa - t).abs() <= unit as f64, "{gnss:?} {s}");
                assert!(gnss == Gnss::BeiDou || week == 2243);
            }
        }
    }
}
