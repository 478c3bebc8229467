//! A sky that is made up: physically sensible constellations, valid at any time, for demonstrations and tests without network
//! or files.
//!
//! It is a function of time alone: the same instant gives the same messages everywhere, and successive issues of a satellite
//! describe the same orbit. Numbers of satellites, planes, inclinations, heights, rates and message grids are those of the real
//! systems; the places of the satellites in their planes are not, and nothing here is fit for positioning anyone. Every
//! update says that it is [`simulated`](SkyUpdate::simulated), and a [`Sky`](crate::gnss::Sky) never mixes it with real data.

use std::f64::consts::{PI, TAU};

use crate::base::GpsTime;
use crate::base::broadcast::{
    BeiDouEphemeris, EarthOrientation, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage,
    GlonassEphemeris, Gnss, Kepler, Klobuchar, KlobucharArea, LnavEphemeris, NavIcEphemeris, NeQuick, SatId,
    SbasEphemeris, TimeOffset, UtcModel,
};
use crate::base::time::BDT_LAG_S;
use crate::gnss::kepler::{Earth, is_beidou_geo};
use crate::gnss::scale::{GLONASS_LSB, KeplerElements, SBAS_LSB, clock_lsb};
use crate::gnss::{LeapSeconds, SkyUpdate};

/// Name of the source.
pub const SOURCE: &str = "simulated";

/// How often, in seconds, the sky should be asked for anew: no message ages beyond its validity in between.
pub const REFRESH_S: u64 = 60;

/// Radius of the geosynchronous orbit, m.
const GEOSYNCHRONOUS_M: f64 = 42_164_172.0;

/// FDMA channels of the GLONASS slots 1..=24: opposite satellites of a plane share one.
const GLONASS_CHANNELS: [i8; 24] =
    [1, -4, 5, 6, 1, -4, 5, 6, -2, -7, 0, -1, -2, -7, 0, -1, 4, -3, 3, 2, 4, -3, 3, 2];

/// Longitudes in degrees of the geostationary satellites.
const BEIDOU_GEO: [(u8, f64); 5] = [(1, 140.0), (2, 80.0), (3, 110.5), (4, 160.0), (5, 58.75)];
const SBAS_GEO: [(u8, f64); 6] = [(23, 31.5), (27, 55.0), (31, -117.0), (33, -129.0), (36, 5.0), (37, 145.0)];

/// An orbit as it is at the GPS epoch, when the simulation's Greenwich meridian pointed to the vernal equinox.
#[derive(Clone, Copy, Debug)]
struct Orbit {
    sat: SatId,
    a: f64,
    e: f64,
    inclination: f64,
    /// Right ascension of the ascending node.
    node: f64,
    perigee: f64,
    mean_anomaly: f64,
}

/// Everything that satellites broadcast at `t`.
pub fn sky_at(t: GpsTime) -> SkyUpdate {
    let leap = LeapSeconds::at(t);
    let mut update = SkyUpdate::new(SOURCE, t.to_utc());
    update.simulated = true;
    update.epoch = t;
    update.ephemerides = orbits().filter_map(|o| broadcast(&o, t)).collect();
    update.ephemerides.extend(SBAS_GEO.iter().map(|(n, lon)| Ephemeris::Sbas(sbas(*n, *lon, t))));
    update.klobuchar = vec![
        (KlobucharArea::World, Klobuchar { alpha: [14, 2, -1, -1], beta: [52, 4, -2, -3] }),
        (KlobucharArea::Qzss, Klobuchar { alpha: [13, 3, -2, 0], beta: [50, 3, -1, -2] }),
        (KlobucharArea::BeiDou, Klobuchar { alpha: [15, 9, -8, 10], beta: [60, -6, 4, 1] }),
    ];
    update.nequick = Some(NeQuick { ai0: 260, ai1: 40, ai2: 70, storm: Some([false; 5]) });
    update.utc = [Gnss::Gps, Gnss::Galileo, Gnss::BeiDou, Gnss::Qzss, Gnss::Glonass]
        .into_iter()
        .map(|g| (g, utc_model(g, t, leap)))
        .collect();
    // Hours are the coarsest grid that all reference times fit.
    let hour = grid(t, 3600, 0);
    update.time_offsets = [(Gnss::Galileo, 90), (Gnss::Glonass, -210), (Gnss::BeiDou, 460), (Gnss::Qzss, 15)]
        .into_iter()
        .map(|(from, a0)| TimeOffset { from, to: Gnss::Gps, t0: hour, a0, a1: 0 })
        .collect();
    update.earth_orientation = Some(EarthOrientation {
        t_eop: hour,
        pm_x: (125_000, 900),
        pm_y: (330_000, -700),
        d_ut1: (-310_000, 2_400),
    });
    update
}

/// The latest multiple of `step` seconds at or before `t`, counted in a scale that lags GPS time by `lag` seconds.
fn grid(t: GpsTime, step: i64, lag: i64) -> GpsTime {
    let s = t.ns().div_euclid(1_000_000_000) - lag;
    GpsTime::from_week_s(0, s - s.rem_euclid(step) + lag)
}

/// A number in 0..1 that belongs to a satellite; `salt` tells several apart.
fn own(sat: SatId, salt: u64) -> f64 {
    // SplitMix64's finaliser.
    let mut x = (sat.gnss as u64) << 16 | u64::from(sat.number) << 8 | salt;
    x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// `own` in −1..1.
fn sway(sat: SatId, salt: u64) -> f64 {
    2.0 * own(sat, salt) - 1.0
}

/// A constellation of evenly filled planes (Walker): satellites in the order of `numbers`, plane by plane.
fn walker(
    gnss: Gnss,
    numbers: Vec<u8>,
    planes: usize,
    a: f64,
    inclination_deg: f64,
    phase_deg: f64,
) -> impl Iterator<Item = Orbit> {
    let per_plane = numbers.len() / planes;
    numbers.into_iter().enumerate().map(move |(i, number)| {
        let sat = SatId::new(gnss, number);
        let (plane, slot) = (i / per_plane % planes, i % per_plane);
        let perigee = TAU * own(sat, 1);
        // What is left over goes half-way between the first two of the first plane.
        let extra = if i >= per_plane * planes { 0.5 } else { 0.0 };
        let argument = TAU * (slot as f64 + extra) / per_plane as f64 + phase_deg.to_radians() * plane as f64;
        Orbit {
            sat,
            a,
            e: 0.0005 + 0.004 * own(sat, 2),
            inclination: (inclination_deg + 0.4 * sway(sat, 3)).to_radians(),
            node: TAU * plane as f64 / planes as f64 + 0.02 * sway(sat, 4) + f64::from(gnss as u8),
            perigee,
            mean_anomaly: argument + 0.05 * sway(sat, 5) - perigee,
        }
    })
}

/// A geosynchronous orbit around a mean longitude; `node` spreads the satellites of one track over the day.
fn synchronous(
    sat: SatId,
    longitude_deg: f64,
    inclination_deg: f64,
    e: f64,
    perigee: f64,
    node: f64,
) -> Orbit {
    Orbit {
        sat,
        a: GEOSYNCHRONOUS_M,
        e,
        inclination: inclination_deg.to_radians(),
        node,
        perigee,
        mean_anomaly: longitude_deg.to_radians() - perigee - node,
    }
}

/// Every Keplerian orbit of the sky.
fn orbits() -> impl Iterator<Item = Orbit> {
    let gps = walker(Gnss::Gps, (1..=31).collect(), 6, 26_559_800.0, 55.0, 12.0);
    let galileo_numbers =
        [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15, 19, 21, 24, 25, 26, 27, 30, 31, 33, 34, 36];
    let galileo = walker(Gnss::Galileo, galileo_numbers.to_vec(), 3, 29_600_318.0, 56.0, 15.0);
    let glonass = walker(Gnss::Glonass, (1..=24).collect(), 3, 25_508_200.0, 64.8, 15.0);
    let beidou_numbers = (19..=30).chain(32..=37).chain(41..=46).collect();
    let beidou = walker(Gnss::BeiDou, beidou_numbers, 3, 27_906_100.0, 55.0, 15.0);
    let igso = (0..5_u8).map(|i| {
        let sat = SatId::new(Gnss::BeiDou, 6 + i);
        synchronous(sat, if i < 3 { 118.0 } else { 95.0 }, 55.0, 0.003, 3.3, TAU * f64::from(i) / 3.0)
    });
    let geo = BEIDOU_GEO
        .iter()
        .map(|(n, lon)| synchronous(SatId::new(Gnss::BeiDou, *n), *lon, 0.0, 0.0004, 1.0, 0.0));
    let qzss = (0..3_u8).map(|i| {
        let sat = SatId::new(Gnss::Qzss, 2 + i);
        synchronous(sat, 136.0, 41.0, 0.075, 1.5 * PI, TAU * f64::from(i) / 3.0)
    });
    let qzss_geo = synchronous(SatId::new(Gnss::Qzss, 7), 127.0, 0.05, 0.0002, 0.5, 0.0);
    let navic = [
        (2, 55.0, 29.0),
        (4, 55.0, 29.0),
        (3, 83.0, 5.0),
        (6, 32.5, 5.0),
        (7, 129.5, 5.0),
        (9, 111.75, 29.0),
    ]
    .into_iter()
    .map(|(n, lon, i)| synchronous(SatId::new(Gnss::NavIc, n), lon, i, 0.002, 3.1, f64::from(n) * PI / 2.0));
    gps.chain(galileo)
        .chain(glonass)
        .chain(beidou)
        .chain(igso)
        .chain(geo)
        .chain(qzss)
        .chain(std::iter::once(qzss_geo))
        .chain(navic)
}

/// Seconds since the GPS epoch.
fn since_epoch(t: GpsTime) -> f64 {
    t.ns() as f64 * 1e-9
}

/// An angle turning at `rate` after `t`, reduced before the start is added, so that decades cost no precision.
fn turned(start: f64, rate: f64, t: GpsTime) -> f64 {
    start + (rate * since_epoch(t)).rem_euclid(TAU)
}

impl Orbit {
    fn is_synchronous(&self) -> bool {
        self.a == GEOSYNCHRONOUS_M
    }

    /// Rates in rad/s by which the Earth's oblateness turns the node and speeds the satellite up.
    fn oblateness(&self) -> (f64, f64) {
        if self.is_synchronous() {
            // Station-keeping holds these where they are.
            return (0.0, 0.0);
        }
        let n = (Earth::of(self.sat.gnss).mu / self.a.powi(3)).sqrt();
        let k = 1.5 * 1.082_63e-3 * (6_378_137.0 / self.a).powi(2) * n;
        let c = self.inclination.cos();
        (-k * c, k * (4.0 * c * c - 1.0))
    }

    /// The elements that a message with this toe broadcasts.
    fn elements(&self, toe: GpsTime) -> Option<Kepler> {
        let earth = Earth::of(self.sat.gnss);
        let (node_rate, gain) = self.oblateness();
        let lag = if self.sat.gnss == Gnss::BeiDou { BDT_LAG_S as f64 } else { 0.0 };
        let toe_s = toe.offset_s(-lag).tow();
        let sat = self.sat;
        let harmonics = if self.is_synchronous() { 0.0 } else { 1.0 };
        let mut k = KeplerElements {
            sqrt_a: self.a.sqrt(),
            e: self.e,
            m0: 0.0,
            omega0: 0.0,
            i0: self.inclination,
            omega: self.perigee,
            delta_n: gain,
            omega_dot: node_rate,
            i_dot: 0.0,
            crs: 60.0 * sway(sat, 10) * harmonics,
            crc: (200.0 + 80.0 * sway(sat, 11)) * harmonics,
            cus: 6e-6 * own(sat, 12) * harmonics,
            cuc: 3e-6 * sway(sat, 13) * harmonics,
            cis: 1e-7 * sway(sat, 14) * harmonics,
            cic: 1e-7 * sway(sat, 15) * harmonics,
        };
        // What rounding leaves of the rates must be what the phases advance by, or issues would not join up.
        let rounded = KeplerElements::from_raw(sat.gnss, &k.to_raw(sat.gnss).ok()?);
        let n = if self.is_synchronous() {
            earth.rate
        } else {
            (earth.mu / rounded.sqrt_a.powi(6)).sqrt() + rounded.delta_n
        };
        k.m0 = turned(self.mean_anomaly, n, toe);
        let node = turned(self.node, rounded.omega_dot, toe) - turned(0.0, earth.rate, toe);
        k.omega0 = (node + earth.rate * toe_s).rem_euclid(TAU);
        if is_beidou_geo(sat) {
            // In the frame inclined by 5° the equator's plane ascends through −x.
            let longitude = self.node + self.perigee + self.mean_anomaly;
            k.i0 = 5_f64.to_radians();
            k.omega0 = (PI + earth.rate * toe_s).rem_euclid(TAU);
            // The perigee stays among the stars, the satellite over its longitude.
            k.omega = longitude - PI - k.m0;
        }
        k.to_raw(sat.gnss).ok()
    }
}

/// Clock bias and drift at an instant: an offset of each satellite's own and a slow swing within what the fields hold.
fn clock(sat: SatId, t: GpsTime) -> (f64, f64) {
    const SWING_S: f64 = 4e-6;
    const PERIOD_S: f64 = 30.0 * 86_400.0;
    let rate = TAU / PERIOD_S;
    let phase = turned(TAU * own(sat, 20), rate, t);
    (3e-4 * sway(sat, 21) + SWING_S * phase.sin(), SWING_S * rate * phase.cos())
}

/// Clock polynomial in units of the system's message.
fn raw_clock(sat: SatId, t: GpsTime) -> (i32, i32) {
    let (bias, drift) = clock(sat, t);
    let (l0, l1, _) = clock_lsb(sat.gnss);
    ((bias / l0).round() as i32, (drift / l1).round() as i32)
}

/// The message of a satellite that is on the air at `t`.
fn broadcast(o: &Orbit, t: GpsTime) -> Option<Ephemeris> {
    let sat = o.sat;
    Some(match sat.gnss {
        Gnss::Gps | Gnss::Qzss => Ephemeris::Lnav(lnav(o, t)?),
        Gnss::Galileo => {
            // A message is on the air after its toe.
            let toe = grid(t.offset_s(-1.0), 600, 0);
            let (af0, af1) = raw_clock(sat, toe);
            Ephemeris::Galileo(GalileoEphemeris {
                sat,
                message: GalileoMessage::INav,
                toe,
                toc: toe,
                kepler: o.elements(toe)?,
                af0,
                af1,
                af2: 0,
                bgd_e1e5a: (12.0 * sway(sat, 30)) as i16,
                bgd_e1e5b: (14.0 * sway(sat, 30)) as i16,
                sisa: 107,
                iod_nav: (since_epoch(toe) / 600.0) as i64 as u16 & 0x7f,
                health: GalileoHealth::default(),
            })
        }
        Gnss::BeiDou => {
            let toe = grid(t, 3600, BDT_LAG_S);
            let (a0, a1) = raw_clock(sat, toe);
            Ephemeris::BeiDou(BeiDouEphemeris {
                sat,
                toe,
                toc: toe,
                kepler: o.elements(toe)?,
                a0,
                a1,
                a2: 0,
                tgd1: (60.0 * sway(sat, 30)) as i16,
                tgd2: (40.0 * sway(sat, 31)) as i16,
                aode: 1,
                aodc: 1,
                urai: 0,
                sat_h1: false,
            })
        }
        Gnss::Glonass => Ephemeris::Glonass(glonass(o, t)?),
        Gnss::NavIc => {
            let toe = grid(t, 3600, 0);
            let (af0, af1) = raw_clock(sat, toe);
            Ephemeris::NavIc(NavIcEphemeris {
                sat,
                toe,
                toc: toe,
                kepler: o.elements(toe)?,
                af0,
                af1: af1 as i16,
                af2: 0,
                tgd: -4,
                iodec: (since_epoch(toe) / 3600.0) as i64 as u8,
                urai: 1,
                health: 0,
            })
        }
        Gnss::Sbas => return None,
    })
}

fn lnav(o: &Orbit, t: GpsTime) -> Option<LnavEphemeris> {
    let sat = o.sat;
    // Of two hours' messages, the one whose toe is nearest; QZSS changes hourly.
    let step = if sat.gnss == Gnss::Qzss { 3600 } else { 7200 };
    let toe = grid(t.offset_s(step as f64 / 2.0), step, 0);
    let (af0, af1) = raw_clock(sat, toe);
    // IODE counts the issues; IODC repeats it and tells the rounds apart.
    let issue = since_epoch(toe) as i64 / step;
    let (iode, round) = (issue.rem_euclid(240) as u16, (issue / 240).rem_euclid(4) as u16);
    Some(LnavEphemeris {
        sat,
        toe,
        toc: toe,
        kepler: o.elements(toe)?,
        af0,
        af1: af1 as i16,
        af2: 0,
        tgd: (20.0 * sway(sat, 30)) as i8,
        iodc: round << 8 | iode,
        ura: 0,
        health: 0,
        fit_extended: false,
        code_on_l2: 1,
        l2p_flag: false,
        aodo: 0,
    })
}

/// GLONASS broadcasts a state: that of the orbit at t_b, without the oblateness's periodic part, so that successive states
/// differ by some tens of metres.
fn glonass(o: &Orbit, t: GpsTime) -> Option<GlonassEphemeris> {
    let sat = o.sat;
    let earth = Earth::of(Gnss::Glonass);
    // Quarter hours of UTC in the middle of each half hour: 00:15, 00:45…
    let leap = i64::from(LeapSeconds::at(t).now);
    let tb = grid(t, 1800, leap).offset_s(900.0);
    let (node_rate, gain) = o.oblateness();
    let n = (earth.mu / o.a.powi(3)).sqrt() + gain;
    let (si, ci) = o.inclination.sin_cos();
    let place = |t: GpsTime| {
        let mean = turned(o.mean_anomaly, n, t);
        // Nearly round: two terms of the equation of the centre are exact to a metre.
        let u = mean + o.perigee + 2.0 * o.e * mean.sin() + 1.25 * o.e * o.e * (2.0 * mean).sin();
        let r = o.a * (1.0 - o.e * mean.cos() + 0.5 * o.e * o.e * (1.0 - (2.0 * mean).cos()));
        let (su, cu) = u.sin_cos();
        let (sn, cn) = (turned(o.node, node_rate, t) - turned(0.0, earth.rate, t)).sin_cos();
        [r * (cu * cn - su * ci * sn), r * (cu * sn + su * ci * cn), r * su * si]
    };
    let position = place(tb);
    let (before, after) = (place(tb.offset_s(-0.5)), place(tb.offset_s(0.5)));
    let velocity = [after[0] - before[0], after[1] - before[1], after[2] - before[2]];
    let (lp, lv, _) = GLONASS_LSB;
    let (tau, gamma) = raw_clock(sat, tb);
    Some(GlonassEphemeris {
        sat,
        tb,
        position: position.map(|m| (m / lp).round() as i32),
        velocity: velocity.map(|m| (m / lv).round() as i32),
        acceleration: [0; 3],
        tau: -tau,
        gamma: gamma as i16,
        delta_tau: Some(4),
        age_days: 0,
        bn: 0,
        ft: 2,
        channel: *GLONASS_CHANNELS.get(usize::from(sat.number) - 1)?,
    })
}

fn sbas(number: u8, longitude_deg: f64, t: GpsTime) -> SbasEphemeris {
    let (sin, cos) = longitude_deg.to_radians().sin_cos();
    let t0 = grid(t, 64, 0);
    SbasEphemeris {
        sat: SatId::new(Gnss::Sbas, number),
        t0,
        position: [
            (GEOSYNCHRONOUS_M * cos / SBAS_LSB[0].0).round() as i32,
            (GEOSYNCHRONOUS_M * sin / SBAS_LSB[1].0).round() as i32,
            0,
        ],
        velocity: [0; 3],
        acceleration: [0; 3],
        agf0: 0,
        agf1: 0,
        ura: 3,
        iodn: (since_epoch(t0) / 64.0) as i64 as u8,
        unhealthy: false,
    }
}

fn utc_model(gnss: Gnss, t: GpsTime, leap: LeapSeconds) -> UtcModel {
    let lag = match gnss {
        Gnss::BeiDou => (BDT_LAG_S as i8, BDT_LAG_S as i8),
        Gnss::Glonass => (leap.now, leap.after),
        _ => (0, 0),
    };
    UtcModel {
        a0: 2,
        a1: 0,
        tot: (t.tow() / 4096.0) as u8,
        week: t.week().clamp(0, 65_535) as u16,
        dt_ls: leap.now - lag.0,
        week_lsf: leap.week,
        dn: leap.day,
        dt_lsf: leap.after - lag.1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::GeoPoint;
    use crate::gnss::{SkySnapshot, almanac, orbit, table};

    fn instants() -> [GpsTime; 5] {
        [
            GpsTime::from_week_s(1024, 0),
            GpsTime::from_week_tow(2243, 39_618.5),
            GpsTime::from_week_s(2447, 604_799),
            GpsTime::from_week_s(2448, 7_199),
            GpsTime::from_week_s(3000, 300_000),
        ]
    }

    #[test]
    fn constellations_are_complete_fresh_and_marked() {
        for t in instants() {
            let update = sky_at(t);
            assert!(update.simulated);
            let sky = SkySnapshot::of(&update);
            assert!(sky.simulated());
            let want = [
                (Gnss::Gps, 31),
                (Gnss::Glonass, 24),
                (Gnss::Galileo, 24),
                (Gnss::BeiDou, 34),
                (Gnss::Qzss, 4),
                (Gnss::Sbas, 6),
                (Gnss::NavIc, 6),
            ];
            // Until the next refresh, and a missed one, nothing expires.
            for later in [0.0, 2.0 * REFRESH_S as f64] {
                assert_eq!(sky.counts(t.offset_s(later)), BTreeMap::from(want), "{t:?}");
            }
            assert!(sky.utc_model(Gnss::Gps, t).unwrap().dt_ls >= 13);
        }
    }

    #[test]
    fn satellites_stand_where_such_satellites_stand() {
        for t in instants() {
            for e in sky_at(t).ephemerides {
                let s = orbit::state(&e, t);
                let r = s.position.iter().map(|x| x * x).sum::<f64>().sqrt();
                let v = s.velocity.iter().map(|x| x * x).sum::<f64>().sqrt();
                let (low, high, fast) = match e.sat().gnss {
                    Gnss::Gps => (26.3e6, 26.8e6, 2_000.0..4_000.0),
                    Gnss::Glonass => (25.3e6, 25.7e6, 2_000.0..4_500.0),
                    Gnss::Galileo => (29.4e6, 29.8e6, 1_500.0..4_000.0),
                    Gnss::BeiDou if e.sat().number >= 19 => (27.7e6, 28.1e6, 2_000.0..4_000.0),
                    Gnss::BeiDou if e.sat().number <= 5 => (42.1e6, 42.2e6, 0.0..20.0),
                    _ => (38.9e6, 45.5e6, 0.0..3_200.0),
                };
                assert!((low..high).contains(&r) && fast.contains(&v), "{} {r} {v}", e.sat());
                assert!(s.clock_s.abs() < 1e-3);
                let lon = s.position[1].atan2(s.position[0]).to_degrees();
                if let Some((_, want)) =
                    BEIDOU_GEO.iter().find(|(n, _)| e.sat() == SatId::new(Gnss::BeiDou, *n))
                {
                    assert!((lon - want).abs() < 0.2 && s.position[2].abs() < 2e5, "{} {lon}", e.sat());
                }
                if e.sat().gnss == Gnss::Qzss {
                    assert!((90.0..175.0).contains(&lon), "{} {lon}", e.sat());
                }
            }
        }
    }

    #[test]
    fn eight_gps_satellites_are_up_nearly_everywhere() {
        let t0 = GpsTime::from_week_s(2447, 0);
        let (mut rows, mut fewer, mut least) = (0, 0, usize::MAX);
        for hour in 0..12 {
            let t = t0.offset_s(f64::from(hour) * 7_000.0);
            let sky = SkySnapshot::of(&sky_at(t));
            for lat in (-80..=80).step_by(20) {
                for lon in (-180..180).step_by(30) {
                    let at = GeoPoint::new(f64::from(lat), f64::from(lon)).unwrap();
                    let n = sky.visible(at, 0.0, t, 5.0).iter().filter(|v| v.sat.gnss == Gnss::Gps).count();
                    rows += 1;
                    fewer += usize::from(n < 8);
                    least = least.min(n);
                }
            }
        }
        assert!(least >= 6 && fewer * 20 < rows, "{fewer} of {rows}, least {least}");
    }

    #[test]
    fn successive_issues_describe_one_orbit() {
        let t = GpsTime::from_week_s(2447, 3_599);
        let later = t.offset_s(7_200.0);
        let middle = t.offset_s(1_800.0);
        let by_sat = |t| sky_at(t).ephemerides.into_iter().map(|e| (e.sat(), e)).collect::<BTreeMap<_, _>>();
        let second = by_sat(later);
        for (sat, a) in by_sat(t) {
            if matches!(sat.gnss, Gnss::Glonass | Gnss::Sbas) {
                continue;
            }
            let (p, q) = (orbit::state(&a, middle), orbit::state(&second[&sat], middle));
            let d = (0..3).map(|i| (p.position[i] - q.position[i]).powi(2)).sum::<f64>().sqrt();
            assert!(d < 3.0, "{sat} {d}");
            assert!((p.clock_s - q.clock_s).abs() < 2e-9, "{sat}");
        }
        // GLONASS: issues of neighbouring half hours meet within what oblateness adds.
        let (a, b) = (by_sat(t), by_sat(t.offset_s(1_800.0)));
        for n in 1..=24 {
            let sat = SatId::new(Gnss::Glonass, n);
            let meet = a[&sat].reference_time().offset_s(900.0);
            let (p, q) = (orbit::state(&a[&sat], meet), orbit::state(&b[&sat], meet));
            let d = (0..3).map(|i| (p.position[i] - q.position[i]).powi(2)).sum::<f64>().sqrt();
            assert!(d < 200.0, "{sat} {d}");
        }
    }

    #[test]
    fn the_same_instant_gives_the_same_sky() {
        let t = GpsTime::from_week_s(2447, 12_345);
        assert_eq!(sky_at(t), sky_at(t));
    }

    #[test]
    fn derived_almanacs_follow_their_satellites_for_a_day() {
        for t in instants() {
            let sky = SkySnapshot::of(&sky_at(t));
            for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::BeiDou, Gnss::Qzss] {
                let almanac = sky.almanac(gnss, t);
                assert_eq!(almanac.len(), sky.counts(t)[&gnss]);
                let toa =
                    almanac.iter().map(almanac::reference_time).collect::<std::collections::BTreeSet<_>>();
                assert_eq!(toa.len(), 1, "one reference time for all");
                for a in almanac {
                    for hours in [0.0, 6.0, 24.0] {
                        let t = t.offset_s(hours * 3600.0);
                        let truth = sky_at(t).ephemerides.into_iter().find(|e| e.sat() == a.sat()).unwrap();
                        let (p, q) = (almanac::position(&a, t).unwrap(), orbit::state(&truth, t).position);
                        let d = (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt();
                        assert!(d < 5_000.0, "{} {hours} h {d}", a.sat());
                    }
                }
            }
        }
    }

    #[test]
    fn the_table_is_marked_and_complete() {
        let t = GpsTime::from_week_s(2447, 12_345);
        let sky = SkySnapshot::of(&sky_at(t));
        let all = table::sky_table(&sky, t, None);
        assert_eq!(all.satellites.len(), 129);
        let text = all.to_string();
        assert!(text.contains("SIMULATED") && text.contains("G01") && text.contains("gps 31/31"), "{text}");
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["simulated"], true);
        assert_eq!(json["satellites"][0]["sat"], "G01");
        let here = table::sky_table(&sky, t, GeoPoint::new(50.0, 5.0).map(|p| (p, 100.0)));
        assert!(here.satellites.len() > 20 && here.satellites.len() < 129);
        assert!(here.satellites.windows(2).all(|w| w[0].elevation_deg >= w[1].elevation_deg));
    }
}
