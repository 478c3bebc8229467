//! Real stations against RTKLIB's fixes of the same epochs, and orbits against precise ones.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::*;
use crate::base::{GpsTime, Utc};
use crate::feed::{rinex, sp3};
use crate::gnss::SkySnapshot;
use crate::gnss::compare::compare;
use crate::gnss::visibility::Ecef;
use crate::testing::shared;

const NIST: Ecef = [-1_288_398.578, -4_721_696.929, 4_078_625.334];
const ESBC: Ecef = [3_582_104.932_5, 532_590.211_9, 5_232_755.366_4];

fn sky(path: &Path) -> SkySnapshot {
    let (update, _) = rinex::read(File::open(path).unwrap(), "nav", Utc::from_unix_s(1_700_000_000)).unwrap();
    SkySnapshot::of(&update)
}

/// RTKLIB's horizontal errors by station, systems and second of the week.
fn rtklib(dir: &Path) -> BTreeMap<(String, String, i64), f64> {
    let file = File::open(dir.join("gnss/truth/spp_epochs.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let row = |line: &str| {
        let f: Vec<&str> = line.split(',').collect();
        let tow: f64 = f[3].parse().unwrap();
        let (e, n): (f64, f64) = (f[8].parse().unwrap(), f[9].parse().unwrap());
        ((f[0].to_owned(), f[1].to_owned(), tow as i64), e.hypot(n))
    };
    text.lines().skip(1).map(row).collect()
}

struct Scatter {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    held: usize,
    missed: usize,
}

fn rms(v: &[f64]) -> f64 {
    (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt()
}

fn p95(v: &[f64]) -> f64 {
    let mut v = v.to_vec();
    v.sort_unstable_by(f64::total_cmp);
    v[v.len() * 95 / 100]
}

/// Every `every`-th epoch of a file, beside RTKLIB's.
fn scatter(
    sky: &SkySnapshot,
    obs: &Path,
    truth: Ecef,
    reference: &BTreeMap<(String, String, i64), f64>,
    key: (&str, &str),
    options: &Options,
    every: usize,
) -> Scatter {
    let place = Place::new(truth).unwrap();
    let mut out = Scatter { ours: Vec::new(), theirs: Vec::new(), held: 0, missed: 0 };
    let mut solver = Solver::new();
    for epoch in rinex::observations(File::open(obs).unwrap()).unwrap().step_by(every) {
        let theirs = reference.get(&(key.0.to_owned(), key.1.to_owned(), epoch.time.tow().round() as i64));
        match (solver.solve(sky, &epoch, options, &Prior::default()), theirs) {
            (Ok(fix), Some(theirs)) => {
                let [e, n, _] = place.to_enu(std::array::from_fn(|i| fix.position[i] - truth[i]));
                out.ours.push(e.hypot(n));
                out.theirs.push(*theirs);
                out.held += usize::from(confidence::holds(&fix.ellipse(95), e, n));
            }
            (Err(_), Some(_)) => out.missed += 1,
            (_, None) => {}
        }
    }
    out
}

#[test]
fn stations_are_found_at_least_as_exactly_as_by_rtklib() {
    let Some(dir) = shared("stations_are_found_at_least_as_exactly_as_by_rtklib") else { return };
    let reference = rtklib(&dir);
    let stations = [
        ("NIST23", "NIST00USA_R_20230011000_02H_30S_MO", "BRDC00IGS_R_20230010000_01D_MN", NIST),
        ("ESBC20", "ESBC00DNK_R_20201771000_02H_30S_MO", "ESBC00DNK_R_20201770000_01D_MN", ESBC),
    ];
    for (name, obs, nav, truth) in stations {
        let sky = sky(&dir.join(format!("gnss/nav/{nav}.rnx.gz")));
        let obs = dir.join(format!("gnss/obs/{obs}.rnx.gz"));
        // A single system's errors are those of a handful of satellites; slack is for the luck of these.
        for (key, letters, slack) in [("gps", "G", 1.05), ("multi", "GREC", 0.8)] {
            let options = Options { systems: letters.parse().unwrap(), ..Options::default() };
            let s = scatter(&sky, &obs, truth, &reference, (name, key), &options, 8);
            println!(
                "{name} {key}: RMS {:.2} of {:.2} m, 95 % {:.2} of {:.2} m, ellipses hold {} of {}",
                rms(&s.ours),
                rms(&s.theirs),
                p95(&s.ours),
                p95(&s.theirs),
                s.held,
                s.ours.len()
            );
            assert!(s.ours.len() >= 30 && s.missed == 0, "{name} {key}");
            assert!(rms(&s.ours) <= slack * rms(&s.theirs), "{name} {key}");
            assert!(p95(&s.ours) <= slack * p95(&s.theirs), "{name} {key}");
            assert!(s.held as f64 >= 0.93 * s.ours.len() as f64, "{name} {key}");
        }
    }
}

#[test]
fn old_files_of_one_system_are_solved() {
    let Some(dir) = shared("old_files_of_one_system_are_solved") else { return };
    let sky = sky(&dir.join("gnss/rinex2/07590920.05n.gz"));
    let obs = File::open(dir.join("gnss/rinex2/07590920.05o.gz")).unwrap();
    let mut reader = rinex::observations(obs).unwrap();
    let stated = reader.header().position.unwrap();
    let mut solver = Solver::new();
    let mut fixes = 0;
    for epoch in reader.by_ref().step_by(6) {
        let fix = solver.solve(&sky, &epoch, &Options::default(), &Prior::default()).unwrap();
        let d = (0..3).map(|i| (fix.position[i] - stated[i]).powi(2)).sum::<f64>().sqrt();
        assert!(d < 10.0, "{d}");
        fixes += 1;
    }
    assert_eq!((fixes, reader.skipped()), (20, rinex::Skipped::default()));
}

#[test]
fn orbits_agree_with_precise_ones_as_others_found() {
    let Some(dir) = shared("orbits_agree_with_precise_ones_as_others_found") else { return };
    let sky = sky(&dir.join("gnss/nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz"));
    let precise = dir.join("gnss/sp3/WUM0MGXFIN_20230010000_01D_05M_ORB.SP3.gz");
    let mut epochs = sp3::read(File::open(precise).unwrap()).unwrap().epochs;
    assert_eq!(epochs.len(), 288);
    assert_eq!(epochs.first().map(|e| e.time), Some(GpsTime::from_week_s(2243, 0)));
    // All 288 take a debug build seconds; every third is as good.
    epochs.retain(|e| e.time.tow_ns() % 900_000_000_000 == 0);
    let found = compare(&sky, &epochs);
    let truth = std::fs::read_to_string(dir.join("gnss/truth/orbit_diff_2023001_vs_WUM.csv")).unwrap();
    let name = |n: &str| {
        [("C", "beidou"), ("E", "galileo"), ("G", "gps"), ("J", "qzss"), ("R", "glonass")]
            .into_iter()
            .find(|(letter, _)| *letter == n)
            .map(|(_, name)| name)
    };
    let mut compared = 0;
    for line in truth.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let Some(name) = name(fields[0]) else { continue };
        let d = found.systems.iter().find(|d| d.group == name).unwrap();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        let ours =
            [d.radial_m, d.along_m, d.cross_m, d.space_m, d.clock_m.unwrap(), d.clock_steady_m.unwrap()];
        for (value, i) in ours.into_iter().zip([3, 4, 5, 6, 9, 10]) {
            // A third of the points: their RMS differs by some per cent.
            assert!(
                (value - number(i)).abs() < 0.06 * number(i) + 0.02,
                "{name} column {i}: {value} {}",
                number(i)
            );
        }
        compared += 1;
    }
    assert_eq!(compared, 5);
}
