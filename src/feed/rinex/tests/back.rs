//! Every integer of every navigation model printed as RINEX 3 prints it, and read back.

use std::fmt::Write;

use proptest::prelude::*;

use super::super::*;
use crate::base::broadcast::{
    Ephemeris, GalileoMessage, GlonassEphemeris, Gnss, Kepler, SatId, SbasEphemeris,
};
use crate::gnss::scale::{
    BDS_TGD_LSB, BGD_LSB, GLONASS_LSB, KeplerElements, SBAS_LSB, TGD_LSB, clock_lsb, ura_metres,
};
use crate::testing::ephemerides;

/// A record: the clock of the first line, then lines of four. What is not known is left blank.
fn record(sat: SatId, calendar: Utc, clock: [f64; 3], rest: &[Option<f64>]) -> String {
    let s = calendar.unix_s();
    let (year, month, day) = civil(s.div_euclid(86_400));
    let tod = s.rem_euclid(86_400);
    let mut text =
        format!("{sat} {year} {month:02} {day:02} {:02} {:02} {:02}", tod / 3600, tod / 60 % 60, tod % 60);
    for v in clock {
        write!(text, "{v:>19.12e}").unwrap();
    }
    for line in rest.chunks(4) {
        text.push_str("\n    ");
        for v in line {
            match v {
                Some(v) => write!(text, "{v:>19.12e}").unwrap(),
                None => write!(text, "{:19}", "").unwrap(),
            }
        }
    }
    text.push('\n');
    text
}

fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// GPS time as calendar fields without leap seconds, in a scale that lags by `lag` seconds.
fn plain(t: GpsTime, lag: i64) -> Utc {
    Utc::from_unix_s(t.ns() / 1_000_000_000 - lag + 315_964_800)
}

/// The lines of orbit that all Keplerian systems share, from the second value of the first.
fn orbit(gnss: Gnss, issue: f64, k: &Kepler, toe_s: f64) -> Vec<Option<f64>> {
    let k = KeplerElements::from_raw(gnss, k);
    [
        issue,
        k.crs,
        k.delta_n,
        k.m0,
        k.cuc,
        k.e,
        k.cus,
        k.sqrt_a,
        toe_s,
        k.cic,
        k.omega0,
        k.cis,
        k.i0,
        k.crc,
        k.omega,
        k.omega_dot,
        k.i_dot,
    ]
    .map(Some)
    .to_vec()
}

fn clock(gnss: Gnss, a: [i32; 3]) -> [f64; 3] {
    let (l0, l1, l2) = clock_lsb(gnss);
    [f64::from(a[0]) * l0, f64::from(a[1]) * l1, f64::from(a[2]) * l2]
}

/// The nominal metres of an accuracy index; a number beyond the table for "no prediction".
fn accuracy(index: u8) -> f64 {
    ura_metres(index).unwrap_or(8192.0)
}

fn sisa_metres(index: u8) -> f64 {
    let i = f64::from(index);
    match index {
        0..50 => i * 0.01,
        50..75 => 0.5 + (i - 50.0) * 0.02,
        75..100 => 1.0 + (i - 75.0) * 0.04,
        100..126 => 2.0 + (i - 100.0) * 0.16,
        _ => -1.0,
    }
}

fn print(e: &Ephemeris) -> String {
    let tow = |t: GpsTime| (t.tow_ns() / 1_000_000_000) as f64;
    match e {
        Ephemeris::Lnav(l) => {
            let mut v = orbit(l.sat.gnss, f64::from(l.iodc & 0xff), &l.kepler, tow(l.toe));
            let fit = if l.fit_extended { 6.0 } else { 2.0 };
            let rest = [
                f64::from(l.code_on_l2),
                l.toe.week() as f64,
                f64::from(u8::from(l.l2p_flag)),
                accuracy(l.ura),
                f64::from(l.health),
                f64::from(l.tgd) * TGD_LSB,
                f64::from(l.iodc),
                0.0,
                fit,
            ];
            v.extend(rest.map(Some));
            record(l.sat, plain(l.toc, 0), clock(l.sat.gnss, [l.af0, l.af1.into(), l.af2.into()]), &v)
        }
        Ephemeris::Galileo(g) => {
            let mut v = orbit(Gnss::Galileo, f64::from(g.iod_nav), &g.kepler, tow(g.toe));
            let h = g.health;
            let health = u16::from(h.e1b_dvs)
                | u16::from(h.e1b_hs) << 1
                | u16::from(h.e5a_dvs) << 3
                | u16::from(h.e5a_hs) << 4
                | u16::from(h.e5b_dvs) << 6
                | u16::from(h.e5b_hs) << 7;
            let source = if g.message == GalileoMessage::INav { 517.0 } else { 258.0 };
            let rest = [
                source,
                g.toe.week() as f64,
                0.0,
                sisa_metres(g.sisa),
                f64::from(health),
                f64::from(g.bgd_e1e5a) * BGD_LSB,
                f64::from(g.bgd_e1e5b) * BGD_LSB,
                0.0,
            ];
            v.extend(rest.map(Some));
            record(g.sat, plain(g.toc, 0), clock(Gnss::Galileo, [g.af0, g.af1, g.af2.into()]), &v)
        }
        Ephemeris::BeiDou(b) => {
            let (week, ns) = b.toe.bdt();
            let mut v = orbit(Gnss::BeiDou, f64::from(b.aode), &b.kepler, (ns / 1_000_000_000) as f64);
            let rest = [
                0.0,
                week as f64,
                0.0,
                accuracy(b.urai),
                f64::from(u8::from(b.sat_h1)),
                f64::from(b.tgd1) * BDS_TGD_LSB,
                f64::from(b.tgd2) * BDS_TGD_LSB,
                0.0,
                f64::from(b.aodc),
            ];
            v.extend(rest.map(Some));
            record(b.sat, plain(b.toc, 14), clock(Gnss::BeiDou, [b.a0, b.a1, b.a2.into()]), &v)
        }
        Ephemeris::NavIc(n) => {
            let mut v = orbit(Gnss::NavIc, f64::from(n.iodec), &n.kepler, tow(n.toe));
            let rest = [
                0.0,
                n.toe.week() as f64,
                0.0,
                accuracy(n.urai),
                f64::from(n.health),
                f64::from(n.tgd) * TGD_LSB,
                0.0,
                0.0,
            ];
            v.extend(rest.map(Some));
            record(n.sat, plain(n.toc, 0), clock(Gnss::NavIc, [n.af0, n.af1.into(), n.af2.into()]), &v)
        }
        Ephemeris::Glonass(g) => glonass(g),
        Ephemeris::Sbas(s) => sbas(s),
    }
}

fn glonass(g: &GlonassEphemeris) -> String {
    let (lp, lv, la) = GLONASS_LSB;
    let axis = |i: usize, last: f64| {
        let km = |n: f64, lsb: f64| n * lsb / 1e3;
        [
            km(f64::from(g.position[i]), lp),
            km(f64::from(g.velocity[i]), lv),
            km(f64::from(g.acceleration[i]), la),
            last,
        ]
    };
    let (l0, l1, _) = clock_lsb(Gnss::Glonass);
    let health = f64::from(u8::from(g.bn == 0b100));
    let mut v: Vec<Option<f64>> =
        [axis(0, health), axis(1, f64::from(g.channel)), axis(2, f64::from(g.age_days))]
            .concat()
            .into_iter()
            .map(Some)
            .collect();
    // The fourth line of 3.05: flags, L2-L1 delay, accuracy, flags.
    v.extend([Some(0.0), g.delta_tau.map(|d| f64::from(d) * l0), Some(f64::from(g.ft)), Some(0.0)]);
    record(g.sat, g.tb.to_utc(), [-f64::from(g.tau) * l0, f64::from(g.gamma) * l1, 0.0], &v)
}

fn sbas(s: &SbasEphemeris) -> String {
    let axis = |i: usize, last: f64| {
        let (p, v, a) = SBAS_LSB[i];
        [
            f64::from(s.position[i]) * p / 1e3,
            f64::from(s.velocity[i]) * v / 1e3,
            f64::from(s.acceleration[i]) * a / 1e3,
            last,
        ]
    };
    let health = f64::from(u8::from(s.unhealthy));
    let v: Vec<Option<f64>> = [axis(0, health), axis(1, accuracy(s.ura)), axis(2, f64::from(s.iodn))]
        .concat()
        .into_iter()
        .map(Some)
        .collect();
    record(s.sat, plain(s.t0, 0), clock(Gnss::Sbas, [s.agf0.into(), s.agf1.into(), 0]), &v)
}

proptest! {
    #[test]
    fn integers_survive_being_printed(seed in any::<u64>()) {
        for gnss in Gnss::ALL {
            let mut e = ephemerides::any(gnss, seed);
            if let Ephemeris::Lnav(l) = &mut e {
                // Archives do not have it.
                l.aodo = 0;
            }
            let text = format!(
                "{:>9}{:11}{:<20}{:<20}RINEX VERSION / TYPE\n{:60}END OF HEADER\n{}",
                "3.05", "", "NAVIGATION DATA", "M: MIXED", "", print(&e)
            );
            let (update, report) = read(text.as_bytes(), "printed", Utc::from_unix_s(1_700_000_000)).unwrap();
            prop_assert_eq!(update.ephemerides.first(), Some(&e), "{:?}\n{}", report.problems, text);
        }
    }
}
