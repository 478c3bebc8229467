//! A small made-up sky for tests: circular orbits around a given instant.

use std::f64::consts::{PI, TAU};

use crate::base::broadcast::{
    BeiDouEphemeris, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss,
    Kepler, Klobuchar, KlobucharArea, LnavEphemeris, NeQuick, SatId, TimeOffset, UtcModel,
};
use crate::base::{GpsTime, Now, Utc};
use crate::gnss::{SkySnapshot, SkyUpdate};

/// The instant around which the sky is good: 2026-01-08T00:00:00Z, in whole GPS seconds.
pub(crate) fn now() -> Now {
    Now { mono: std::time::Instant::now(), utc: Utc::from_unix_s(1_767_830_400) }
}

/// A satellite of GPS that calls itself unfit.
pub(crate) const UNFIT: SatId = SatId::new(Gnss::Gps, 7);

/// 24 satellites each of GPS, Galileo, GLONASS and BeiDou, GPS 7 unhealthy; ionosphere, UTC, time offsets.
pub(crate) fn sky() -> SkySnapshot {
    SkySnapshot::of(&update())
}

/// The GPS satellites of such a sky around another instant, of which an even two hours are the time of ephemeris.
pub(crate) fn gps(t: GpsTime) -> Vec<Ephemeris> {
    (0..24).map(|n| Ephemeris::Lnav(lnav(n, t))).collect()
}

pub(crate) fn update() -> SkyUpdate {
    let t = now().gps();
    let mut u = SkyUpdate::new("test", now().utc);
    u.ephemerides = gps(t);
    for n in 0..24u8 {
        u.ephemerides.push(Ephemeris::Galileo(galileo(n, t)));
        u.ephemerides.push(Ephemeris::BeiDou(beidou(n, t)));
        u.ephemerides.push(Ephemeris::Glonass(glonass(n, t)));
    }
    u.klobuchar = vec![(KlobucharArea::World, Klobuchar { alpha: [10, 1, -1, -1], beta: [44, 3, -1, -3] })];
    u.nequick = Some(NeQuick { ai0: 200, ai1: 30, ai2: 60, storm: None });
    let model = UtcModel {
        a0: 3,
        a1: 1,
        tot: 60,
        week: t.week() as u16,
        dt_ls: 18,
        week_lsf: 1929,
        dn: 7,
        dt_lsf: 18,
    };
    u.utc = vec![(Gnss::Gps, model), (Gnss::Galileo, model)];
    u.time_offsets = vec![TimeOffset { from: Gnss::Glonass, to: Gnss::Gps, t0: t, a0: 100, a1: 0 }];
    u
}

/// Node and argument of latitude of the `n`th of 24 satellites in six planes, radians.
fn place(n: u8, shift: f64) -> (f64, f64) {
    let plane = f64::from(n % 6);
    let slot = f64::from(n / 6);
    (plane * TAU / 6.0 + shift, slot * TAU / 4.0 + plane * 0.7)
}

fn kepler(n: u8, shift: f64, sqrt_a: f64, inclination_deg: f64) -> Kepler {
    let (node, latitude) = place(n, shift);
    let semicircles = |rad: f64| ((rad + PI).rem_euclid(TAU) - PI) / PI;
    let angle = |rad: f64| (semicircles(rad) * f64::from(1u32 << 31)).round() as i32;
    Kepler {
        sqrt_a: (sqrt_a * f64::from(1u32 << 19)).round() as u32,
        e: 0,
        m0: angle(latitude),
        omega0: angle(node),
        i0: angle(inclination_deg.to_radians()),
        omega: 0,
        delta_n: 0,
        omega_dot: 0,
        i_dot: 0,
        crs: 0,
        crc: 0,
        cus: 0,
        cuc: 0,
        cis: 0,
        cic: 0,
    }
}

fn grid(t: GpsTime, s: i64) -> GpsTime {
    GpsTime::from_ns(t.ns() - t.ns().rem_euclid(s * 1_000_000_000))
}

fn lnav(n: u8, t: GpsTime) -> LnavEphemeris {
    let sat = SatId::new(Gnss::Gps, n + 1);
    LnavEphemeris {
        sat,
        toe: grid(t, 7200),
        toc: grid(t, 7200),
        kepler: kepler(n, 0.0, 5153.6, 55.0),
        af0: 1000 + i32::from(n),
        af1: 2,
        af2: 0,
        tgd: -5,
        iodc: 0x100 + u16::from(n),
        ura: 1,
        health: u8::from(sat == UNFIT),
        fit_extended: false,
        code_on_l2: 1,
        l2p_flag: false,
        aodo: 0,
    }
}

fn galileo(n: u8, t: GpsTime) -> GalileoEphemeris {
    GalileoEphemeris {
        sat: SatId::new(Gnss::Galileo, n + 1),
        message: GalileoMessage::INav,
        toe: grid(t, 600),
        toc: grid(t, 600),
        kepler: kepler(n, 0.3, 5440.6, 56.0),
        af0: 5,
        af1: 1,
        af2: 0,
        bgd_e1e5a: 1,
        bgd_e1e5b: 2,
        sisa: 107,
        iod_nav: 40 + u16::from(n),
        health: GalileoHealth::default(),
    }
}

fn beidou(n: u8, t: GpsTime) -> BeiDouEphemeris {
    let (week, ns) = t.bdt();
    let toe = GpsTime::from_bdt(week, ns / 3_600_000_000_000 * 3600);
    BeiDouEphemeris {
        sat: SatId::new(Gnss::BeiDou, n + 11),
        toe,
        toc: toe,
        kepler: kepler(n, 0.6, 5282.6, 55.0),
        a0: 1,
        a1: 1,
        a2: 0,
        tgd1: 1,
        tgd2: 1,
        aode: 1,
        aodc: 1,
        urai: 1,
        sat_h1: false,
    }
}

fn glonass(n: u8, t: GpsTime) -> GlonassEphemeris {
    const RADIUS_KM: f64 = 25_510.0;
    const SPEED_KMPS: f64 = 3.953;
    const EARTH_RATE: f64 = 7.292_115e-5;
    let (node, latitude) = place(n, 0.9);
    let (si, ci) = 64.8_f64.to_radians().sin_cos();
    let (sn, cn) = node.sin_cos();
    let at = |u: f64| {
        let (su, cu) = u.sin_cos();
        [cn * cu - sn * su * ci, sn * cu + cn * su * ci, su * si]
    };
    let p = at(latitude).map(|x| x * RADIUS_KM);
    let v = at(latitude + PI / 2.0).map(|x| x * SPEED_KMPS);
    let v = [v[0] + EARTH_RATE * p[1], v[1] - EARTH_RATE * p[0], v[2]];
    let (_, ns) = t.glonass();
    GlonassEphemeris {
        sat: SatId::new(Gnss::Glonass, n + 1),
        tb: GpsTime::from_ns(t.ns() - ns % 900_000_000_000),
        position: p.map(|x| (x * 2048.0).round() as i32),
        velocity: v.map(|x| (x * f64::from(1 << 20)).round() as i32),
        acceleration: [0; 3],
        tau: 7,
        gamma: 0,
        delta_tau: Some(1),
        age_days: 0,
        bn: 0,
        ft: 2,
        channel: (n % 13) as i8 - 7,
    }
}
