//! Importing a full day of broadcast messages of all systems; the aim is at most one second.
//!
//! With `GROMA_SHARED` set, a real day of the IGS is read; without it, a day of the same size that is written here from the
//! simulated sky.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use groma::base::broadcast::{Ephemeris, Gnss};
use groma::base::{GpsTime, Utc};
use groma::feed::{rinex, simulated};
use groma::gnss::scale::{KeplerElements, clock_lsb};

const AIM_S: f64 = 1.0;

fn real_day() -> Option<(String, Vec<u8>)> {
    let name = "BRDC00IGS_R_20230010000_01D_MN.rnx.gz";
    let path = std::path::PathBuf::from(std::env::var_os("GROMA_SHARED")?).join("gnss/nav").join(name);
    Some((name.to_owned(), std::fs::read(path).ok()?))
}

/// A RINEX 3 file with the Keplerian satellites of every quarter of an hour.
fn simulated_day() -> (String, Vec<u8>) {
    let start = Utc::from_civil(2026, 1, 1, 0, 0, 0).expect("a date");
    let mut text = String::new();
    let (version, kind, system) = ("3.04", "NAVIGATION DATA", "M");
    let _ = writeln!(text, "{version:>9}{:11}{kind:<20}{system:<20}RINEX VERSION / TYPE", "");
    let _ = writeln!(text, "{:<60}END OF HEADER", "");
    for quarter in 0..96 {
        let t = GpsTime::from_utc(start + Duration::from_secs(900 * quarter));
        for e in simulated::sky_at(t).ephemerides {
            record(&mut text, &e);
        }
    }
    ("a simulated day".to_owned(), text.into_bytes())
}

fn record(text: &mut String, e: &Ephemeris) {
    let (kepler, toe, toc, clock, issue, last) = match e {
        Ephemeris::Lnav(l) => (
            &l.kepler,
            l.toe,
            l.toc,
            [l.af0, l.af1.into(), l.af2.into()],
            f64::from(l.iodc & 0xff),
            f64::from(l.iodc),
        ),
        Ephemeris::Galileo(g) => {
            (&g.kepler, g.toe, g.toc, [g.af0, g.af1, g.af2.into()], f64::from(g.iod_nav), 0.0)
        }
        Ephemeris::BeiDou(b) => (&b.kepler, b.toe, b.toc, [b.a0, b.a1, b.a2.into()], f64::from(b.aode), 0.0),
        _ => return,
    };
    let gnss = e.sat().gnss;
    let k = KeplerElements::from_raw(gnss, kepler);
    let (l0, l1, l2) = clock_lsb(gnss);
    let lag = if gnss == Gnss::BeiDou { 14 } else { 0 };
    // The file's dates are in the system's own time, without leap seconds: counted from 1980-01-06 as if in UTC.
    let (y, mo, d, h, mi, s) = Utc::from_unix_ns(toc.ns() + (315_964_800 - lag) * 1_000_000_000).civil();
    let _ = write!(text, "{} {y:04} {mo:02} {d:02} {h:02} {mi:02} {s:02}", e.sat());
    numbers(text, &[f64::from(clock[0]) * l0, f64::from(clock[1]) * l1, f64::from(clock[2]) * l2]);
    let (week, tow) = match gnss {
        Gnss::BeiDou => (toe.bdt().0, toe.bdt().1 as f64 * 1e-9),
        _ => (toe.week(), toe.tow()),
    };
    let source = if gnss == Gnss::Galileo { 517.0 } else { 0.0 };
    let rows = [
        [issue, k.crs, k.delta_n, k.m0],
        [k.cuc, k.e, k.cus, k.sqrt_a],
        [tow, k.cic, k.omega0, k.cis],
        [k.i0, k.crc, k.omega, k.omega_dot],
        [k.i_dot, source, week as f64, 0.0],
        [2.0, 0.0, 0.0, last],
        [tow, 4.0, 0.0, 0.0],
    ];
    for row in rows {
        text.push_str("    ");
        numbers(text, &row);
    }
}

fn numbers(text: &mut String, values: &[f64]) {
    for v in values {
        let exponent = if *v == 0.0 { 0 } else { v.abs().log10().floor() as i32 + 1 };
        let _ = write!(text, "{:>15.12}D{exponent:+03}", v / 10_f64.powi(exponent));
    }
    text.push('\n');
}

fn import(criterion: &mut Criterion) {
    let (name, octets) = real_day().unwrap_or_else(simulated_day);
    let received = Utc::from_civil(2026, 1, 2, 0, 0, 0).expect("a date");
    let read = || rinex::read(octets.as_slice(), &name, received).expect("a navigation file");
    let mut group = criterion.benchmark_group("rinex");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("import of a day", |b| b.iter(read));
    group.finish();
    let mut best = f64::INFINITY;
    let mut count = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        count = read().0.ephemerides.len();
        best = best.min(begun.elapsed().as_secs_f64());
    }
    assert!(count > 1000, "only {count} ephemerides");
    println!(
        "\n{name}: {} octets, {count} ephemerides in {:.0} ms; aim {:.0} ms",
        octets.len(),
        best * 1e3,
        AIM_S * 1e3
    );
}

criterion_group!(benches, import);
criterion_main!(benches);
