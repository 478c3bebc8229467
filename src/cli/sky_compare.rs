//! `groma sky compare`: broadcast orbits and clocks against precise ones.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, output, output::Failure, sky};
use crate::base::time::Clock;
use crate::feed::sp3;
use crate::gnss::compare::{Comparison, Difference, compare};

/// Compare navigation files with precise orbits and clocks (SP3).
///
/// Root mean squares in metres of healthy satellites with fresh data, broadcast minus precise: radial, along the orbit, across
/// it, in space. Clocks after removal of each system's median at each epoch, then of each satellite's mean, too.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// Navigation files.
    #[arg(long, value_name = "FILE", required = true)]
    nav: Vec<PathBuf>,
    /// Precise orbits, SP3 a to d, plain or gzip.
    #[arg(long, value_name = "FILE", required = true)]
    sp3: Vec<PathBuf>,
    /// Show every satellite.
    #[arg(long)]
    satellites: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CompareArgs) -> Outcome {
    let snapshot = sky::of_files(&args.nav, Clock::system().now().utc)?;
    let mut epochs = Vec::new();
    for path in &args.sp3 {
        let cannot = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", path.display()));
        let file = File::open(path).map_err(|e| cannot(&e))?;
        epochs.extend(sp3::read(file).map_err(|e| cannot(&e))?.epochs);
    }
    let comparison = compare(&snapshot, &epochs);
    if comparison.systems.is_empty() {
        return Err(Failure::new(
            "no satellite of the precise files has a fresh ephemeris at their times: are they of one day?",
        ));
    }
    if args.json {
        output::print_json(&serde_json::to_value(&comparison).map_err(Failure::new)?)?;
    } else {
        output::print(&text(&comparison, args.satellites))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(c: &Comparison, satellites: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<12} {:>4} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "sats", "points", "radial", "along", "cross", "3-d", "3-d 95%", "3-d max", "clock", "steady"
    );
    let mut row = |d: &Difference| {
        let clock = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
        let _ = writeln!(
            out,
            "{:<12} {:>4} {:>6} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>8} {:>8}",
            d.group,
            d.satellites,
            d.points,
            d.radial_m,
            d.along_m,
            d.cross_m,
            d.space_m,
            d.space95_m,
            d.max_m,
            clock(d.clock_m),
            clock(d.clock_steady_m)
        );
    };
    c.systems.iter().for_each(&mut row);
    if satellites {
        c.satellites.iter().for_each(&mut row);
    }
    let _ = writeln!(
        out,
        "RMS in metres. Left out: {} points of unhealthy satellites, {} without a fresh ephemeris, {} more than 100 m off.",
        c.unhealthy, c.without_ephemeris, c.false_ephemeris
    );
    out
}
