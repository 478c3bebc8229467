//! The position solver on the workload on which RTKLIB was timed: two hours of a station, satellites' orbits and clocks
//! included, at least five times as fast.
//!
//! The data are read from `$GROMA_SHARED`; without it there is nothing to measure. Besides criterion's figures, the best time of
//! each epoch over many rounds is averaged: on a shared machine it is what the work costs, not the waiting.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use groma::base::broadcast::Gnss;
use groma::base::{GpsTime, Utc};
use groma::feed::rinex;
use groma::gnss::solve::{Epoch, IonosphereChoice, Options, Prior, Signal, Solver, Systems};
use groma::gnss::{SkyEntry, SkySnapshot};

/// Rounds over the two hours.
const ROUNDS: usize = 40;

/// What is measured: name, systems, most observations of an epoch, RTKLIB's time and ours at most, µs.
const FIXES: [(&str, &str, usize, f64, f64); 4] = [
    ("GPS", "G", usize::MAX, 75.3, 15.0),
    ("GPS, first 8", "G", 8, 60.9, 12.0),
    ("GPS and Galileo", "GE", usize::MAX, 127.8, 25.0),
    ("four systems", "GREC", usize::MAX, 235.2, 47.0),
];
/// System, half the span around the reference time in s, RTKLIB's time and ours at most, ns.
const SATELLITES: [(Gnss, i64, f64, f64); 4] = [
    (Gnss::Gps, 1800, 313.0, 150.0),
    (Gnss::Galileo, 1800, 309.0, 150.0),
    (Gnss::BeiDou, 1800, 317.0, 150.0),
    (Gnss::Glonass, 900, 1124.0, 600.0),
];

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn workload(dir: &Path) -> (SkySnapshot, Vec<Epoch>) {
    let nav = open(&dir.join("gnss/nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz"));
    let received = Utc::from_civil(2023, 1, 2, 0, 0, 0).expect("a date");
    let (update, _) = rinex::read(nav, "day", received).expect("navigation data");
    let obs = open(&dir.join("gnss/obs/NIST00USA_R_20230011000_02H_30S_MO.rnx.gz"));
    let epochs: Vec<Epoch> = rinex::observations(obs).expect("observations").collect();
    assert_eq!(epochs.len(), 240);
    (SkySnapshot::of(&update), epochs)
}

/// What RTKLIB was offered: the first signal of each satellite of these systems, `most` of them.
fn offered(epochs: &[Epoch], systems: Systems, most: usize) -> Vec<Epoch> {
    let wanted = |e: &Epoch| {
        let first = e
            .observations
            .iter()
            .filter(|o| systems.contains(o.sat.gnss) && o.signal == Signal::first(o.sat.gnss));
        first.take(most).copied().collect()
    };
    epochs.iter().map(|e| Epoch { time: e.time, observations: wanted(e) }).collect()
}

fn fixes(criterion: &mut Criterion, sky: &SkySnapshot, epochs: &[Epoch]) {
    println!("\nFixes from nothing, of a whole day of ephemerides; µs");
    println!("{:<18} {:>6} {:>8} {:>8} {:>8} {:>7}", "", "used", "RTKLIB", "aim", "Groma", "times");
    for (name, letters, most, baseline, aim) in FIXES {
        let systems: Systems = letters.parse().expect("systems");
        let epochs = offered(epochs, systems, most);
        let options = Options { systems, ionosphere: IonosphereChoice::Klobuchar, ..Options::default() };
        let prior = Prior::default();
        let mut solver = Solver::new();
        let mut best = vec![f64::INFINITY; epochs.len()];
        let mut used = 0;
        for round in 0..ROUNDS {
            for (epoch, least) in epochs.iter().zip(&mut best) {
                let begun = Instant::now();
                let fix = solver.solve(black_box(sky), epoch, &options, &prior);
                *least = least.min(begun.elapsed().as_secs_f64() * 1e6);
                if round == 0 {
                    used += fix.expect("a fix").used.len();
                }
            }
        }
        let n = epochs.len() as f64;
        let mean = best.iter().sum::<f64>() / n;
        println!(
            "{name:<18} {:>6.2} {baseline:>8.1} {aim:>8.1} {mean:>8.1} {:>7.1}",
            used as f64 / n,
            baseline / mean
        );
        let mut next = epochs.iter().cycle();
        criterion.bench_function(&format!("fix/{name}"), |b| {
            b.iter(|| solver.solve(sky, next.next().expect("an epoch"), &options, &prior).is_ok());
        });
    }
}

fn satellites(criterion: &mut Criterion, sky: &SkySnapshot) {
    let middle = GpsTime::from_week_s(2243, 39_600);
    println!("\nPosition, velocity and clock of a satellite; ns");
    println!("{:<18} {:>6} {:>8} {:>8} {:>8} {:>7}", "", "", "RTKLIB", "aim", "Groma", "times");
    for (gnss, half, baseline, aim) in SATELLITES {
        let near = |e: &&SkyEntry| {
            let t = e.ephemeris.reference_time();
            e.ephemeris.sat().gnss == gnss && (t - middle).abs() < 7500.0
        };
        let entries: Vec<&SkyEntry> = sky.entries().filter(near).collect();
        let calls: Vec<(&SkyEntry, GpsTime)> = (0..3000_i64)
            .map(|i| {
                let e = entries[i as usize % entries.len()];
                (e, e.ephemeris.reference_time().offset_s((i % (2 * half) - half) as f64))
            })
            .collect();
        let mut best = f64::INFINITY;
        for _ in 0..300 {
            let begun = Instant::now();
            for (e, t) in &calls {
                black_box(e.orbit().state(*t));
            }
            best = best.min(begun.elapsed().as_secs_f64() / calls.len() as f64 * 1e9);
        }
        println!(
            "{:<18} {:>6} {baseline:>8.0} {aim:>8.0} {best:>8.0} {:>7.1}",
            gnss.name(),
            entries.len(),
            baseline / best
        );
        let mut next = calls.iter().cycle();
        criterion.bench_function(&format!("satellite/{}", gnss.name()), |b| {
            b.iter(|| {
                let (e, t) = next.next().expect("a call");
                e.orbit().state(*t)
            });
        });
    }
}

fn solver(criterion: &mut Criterion) {
    let Some(dir) = std::env::var_os("GROMA_SHARED").map(PathBuf::from) else {
        println!("skipped: GROMA_SHARED is not set");
        return;
    };
    let (sky, epochs) = workload(&dir);
    fixes(criterion, &sky, &epochs);
    satellites(criterion, &sky);
}

criterion_group!(benches, solver);
criterion_main!(benches);
