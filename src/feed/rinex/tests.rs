use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::*;
use crate::base::broadcast::KlobucharArea;
use crate::testing::shared;

pub(crate) fn load(path: &Path) -> (SkyUpdate, ImportReport) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    read(File::open(path).unwrap(), &name, Utc::from_unix_s(1_700_000_000)).unwrap()
}

#[test]
fn all_real_files_are_read() {
    let Some(dir) = shared("all_real_files_are_read") else { return };
    let mut seen = 0;
    for folder in ["gnss/nav", "gnss/rinex2"] {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.contains(".sp3") || name.contains("o.gz") {
                continue;
            }
            let (_, report) = load(&path);
            println!("{name}: {report}");
            for p in report.problems.iter().take(6) {
                println!("    {p:?}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 13, "{seen}");
}

/// A row of a table of positions made by another program.
struct Truth {
    t: GpsTime,
    sat: SatId,
    position: [f64; 3],
    velocity: [f64; 3],
    clock: f64,
}

fn truth(path: &Path) -> Vec<Truth> {
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(File::open(path).unwrap())).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let c: Vec<&str> = line.split(',').collect();
        let f = |i: usize| c[i].parse::<f64>().unwrap();
        // SBAS satellites are listed by PRN.
        let sat = match c[3].parse::<u8>() {
            Ok(prn) => SatId::new(Gnss::Sbas, prn - 100),
            Err(_) => c[3].parse().unwrap(),
        };
        Truth {
            t: GpsTime::from_week_tow(c[1].parse().unwrap(), f(2)),
            sat,
            position: [f(4), f(5), f(6)],
            velocity: [f(7), f(8), f(9)],
            clock: f(10),
        }
    });
    rows.collect()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

#[derive(Default, Debug)]
struct Tally {
    rows: usize,
    same: usize,
    other: usize,
    unexplained: usize,
    missing: usize,
    worst_m: f64,
    worst_ns: f64,
    worst_mps: f64,
}

/// Compares a file with a table: every row must be met by the record that the snapshot picks, or by another record of that
/// satellite nearly as near in time (two programs may choose differently between those).
fn compare(nav: &Path, table: &Path) -> BTreeMap<Gnss, Tally> {
    let (update, _) = load(nav);
    let config = crate::gnss::SkyConfig {
        max_age: crate::gnss::AgePolicy::archival(),
        ..crate::gnss::SkyConfig::default()
    };
    let mut sky = crate::gnss::Sky::new(config);
    sky.apply(&update).unwrap();
    let sky = sky.snapshot();
    let mut tallies: BTreeMap<Gnss, Tally> = BTreeMap::new();
    for row in truth(table) {
        let tally = tallies.entry(row.sat.gnss).or_default();
        tally.rows += 1;
        let Some(e) = sky.ephemeris(row.sat, row.t) else {
            tally.missing += 1;
            continue;
        };
        let errors = |e: &Ephemeris| {
            let s = crate::gnss::orbit::state(e, row.t);
            (
                distance(s.position, row.position),
                (s.clock_s - row.clock).abs() * 1e9,
                distance(s.velocity, row.velocity),
            )
        };
        let met = |(m, ns, _): (f64, f64, f64)| m < 0.01 && ns < 0.1;
        let chosen = errors(e);
        if met(chosen) {
            tally.same += 1;
            tally.worst_m = tally.worst_m.max(chosen.0);
            tally.worst_ns = tally.worst_ns.max(chosen.1);
            tally.worst_mps = tally.worst_mps.max(chosen.2);
        } else if update
            .ephemerides
            .iter()
            .any(|o| o.sat() == row.sat && (o.reference_time() - row.t).abs() < 22_000.0 && met(errors(o)))
        {
            tally.other += 1;
        } else {
            tally.unexplained += 1;
            if tally.unexplained < 4 {
                println!("{} {:?} {chosen:?}", row.sat, row.t);
            }
        }
    }
    for (g, t) in &tallies {
        println!("{g:?} {t:?}");
    }
    tallies
}

#[test]
fn positions_agree_with_an_independent_program() {
    let Some(dir) = shared("positions_agree_with_an_independent_program") else { return };
    for (nav, table) in [
        ("nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz", "orb_brdc_2023001_5min.csv.gz"),
        ("nav/BRDC00IGS_R_20220010000_01D_MN.rnx.gz", "orb_brdc_2022001_15min.csv.gz"),
        ("rinex2/brdc1820.10n.gz", "orb_brdc_2010182_15min.csv.gz"),
    ] {
        let gnss = dir.join("gnss");
        let tallies = compare(&gnss.join(nav), &gnss.join("truth").join(table));
        for (system, t) in tallies {
            assert_eq!(t.unexplained, 0, "{nav} {system:?}");
            assert!(t.same as f64 >= 0.98 * t.rows as f64, "{nav} {system:?} {t:?}");
        }
    }
}
