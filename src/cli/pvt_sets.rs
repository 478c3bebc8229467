//! `groma pvt sets`: positions from measurement sets as handsets send them, against the truth where it is known.

mod read;
mod report;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::output::{self, Failure};
use super::{Outcome, sky};
use crate::base::geo::wrap_deg;
use crate::base::time::Clock;
use crate::base::{GeoPoint, GpsTime};
use crate::gnss::SkySnapshot;
use crate::gnss::assisted::{Reference, locate};
use crate::spc::measurement_set;
use read::Case;
use report::{Outcome as Solved, Tally};

const NOTES: &str = "\
FILE has one JSON object a line: `msa.lpp` and `msa.rrlp` are what the handset sent, in the integers of the protocol; `gps_week`, \
`approx_gps_tow_s`, `time_unc_s` and `ref` are what the server knows; `nav_files` names files under DIR. `truth` is never used \
for a position: where it is there, errors are shown, and whether the right whole milliseconds were found.

Examples:
  groma pvt sets handset.jsonl --nav-dir nav --protocol lpp
  groma pvt sets handset.jsonl --nav-dir nav --protocol rrlp --reference-offset-km 100 --time-offset-s 2";

/// Computes the positions of handsets' measurement sets, one line a set, then a summary.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(super) struct SetsArgs {
    /// Measurement sets, one JSON object a line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder of the navigation files that the sets name.
    #[arg(long, value_name = "DIR")]
    nav_dir: PathBuf,
    /// Whose encoding of the measurements is read.
    #[arg(long, value_enum, default_value = "lpp")]
    protocol: Protocol,
    /// Move the reference location so many kilometres, each set's in another direction. The stated uncertainty grows with it.
    #[arg(long, value_name = "KM", default_value_t = 0.0, value_parser = parse_km)]
    reference_offset_km: f64,
    /// Add so many seconds to the handset's time. The stated uncertainty grows with it.
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = parse_s, allow_hyphen_values = true)]
    time_offset_s: f64,
    /// Leave the stated uncertainties as they are when location and time are moved, so that they are false.
    #[arg(long)]
    keep_uncertainty: bool,
    /// Only sets whose id begins so.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// Show each satellite.
    #[arg(long)]
    satellites: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Protocol {
    Lpp,
    Rrlp,
}

fn parse_km(s: &str) -> Result<f64, String> {
    s.parse().ok().filter(|v| (0.0..=5_000.0).contains(v)).ok_or_else(|| "kilometres, 0 to 5000".to_owned())
}

fn parse_s(s: &str) -> Result<f64, String> {
    s.parse().ok().filter(|v: &f64| v.abs() <= 60.0).ok_or_else(|| "seconds, -60 to 60".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &SetsArgs) -> Outcome {
    let file = File::open(&args.file).map_err(|e| Failure::new(format!("{}: {e}", args.file.display())))?;
    let mut skies: HashMap<Vec<String>, Arc<SkySnapshot>> = HashMap::new();
    let mut tally = Tally::default();
    let mut out = std::io::stdout().lock();
    if !args.json {
        writeln!(out, "{}", report::HEADER)?;
    }
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| Failure::new(format!("{}: {e}", args.file.display())))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::new(format!("{} line {}: {why}", args.file.display(), number + 1))
        };
        let case = Case::parse(&line, args.protocol).map_err(|e| wrong(&e))?;
        if args.only.as_ref().is_some_and(|p| !case.id.starts_with(p.as_str())) {
            continue;
        }
        let sky = if let Some(sky) = skies.get(&case.nav_files) {
            Arc::clone(sky)
        } else {
            let files: Vec<PathBuf> = case.nav_files.iter().map(|f| args.nav_dir.join(f)).collect();
            let sky = Arc::new(sky::of_files(&files, Clock::system().now().utc)?);
            skies.insert(case.nav_files.clone(), Arc::clone(&sky));
            sky
        };
        let solved = solve(args, &sky, case, number);
        tally.add(&solved);
        if args.json {
            writeln!(out, "{}", solved.json())?;
        } else {
            write!(out, "{}", solved.text(args.satellites))?;
        }
    }
    drop(out);
    if args.json {
        output::print(&format!("{}\n", tally.json()))?;
    } else {
        output::print(&tally.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn solve(args: &SetsArgs, sky: &SkySnapshot, mut case: Case, number: usize) -> Solved {
    let reference = moved(&case.reference, args, number);
    for set in &mut case.sets {
        if let Some(ms) = &mut set.time.tod_ms {
            *ms += args.time_offset_s * 1e3;
        }
        if let (Some(unc), false) = (&mut set.time.uncertainty_s, args.keep_uncertainty) {
            *unc = unc.max(args.time_offset_s.abs());
        }
    }
    let near: GpsTime = case.near.offset_s(args.time_offset_s);
    let unc = if args.keep_uncertainty {
        case.time_uncertainty_s
    } else {
        case.time_uncertainty_s.max(args.time_offset_s.abs())
    };
    let sets: Vec<_> = case.sets.iter().map(|m| measurement_set(m, near, unc)).collect();
    let began = Clock::system().now().mono;
    let fix = locate(sky, &sets, Some(&reference));
    let took = Clock::system().now().mono.duration_since(began);
    Solved::new(case, fix, took)
}

/// The reference location, moved in a direction of the set's own.
fn moved(reference: &Reference, args: &SetsArgs, number: usize) -> Reference {
    let m = args.reference_offset_km * 1e3;
    if m == 0.0 {
        return *reference;
    }
    // Turning by the golden angle spreads the directions evenly over any number of sets.
    let bearing = (number as f64 * 137.508).to_radians();
    let at = reference.at;
    let north = m * bearing.cos() / 111_200.0;
    let east = m * bearing.sin() / (111_200.0 * at.lat.to_radians().cos().max(0.01));
    let there = GeoPoint::new((at.lat + north).clamp(-90.0, 90.0), wrap_deg(at.lon + east)).unwrap_or(at);
    let unc = reference.uncertainty_m;
    Reference { at: there, uncertainty_m: if args.keep_uncertainty { unc } else { unc.max(m) }, ..*reference }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shared;

    fn args(protocol: Protocol, reference_offset_km: f64, time_offset_s: f64) -> SetsArgs {
        SetsArgs {
            file: PathBuf::new(),
            nav_dir: PathBuf::new(),
            protocol,
            reference_offset_km,
            time_offset_s,
            keep_uncertainty: false,
            only: None,
            satellites: false,
            json: false,
        }
    }

    /// Measurement sets composed from real observations of one day, in both encodings, as they are and with the reference
    /// location 100 km and the time two seconds off.
    #[test]
    fn sets_of_handsets_are_solved_and_ellipses_hold() {
        let Some(dir) = shared("sets_of_handsets_are_solved_and_ellipses_hold") else { return };
        let nav = "BRDC00IGS_R_20230010000_01D_MN.rnx.gz";
        let sky = sky::of_files(&[dir.join("gnss/nav").join(nav)], Clock::system().now().utc).unwrap();
        let text = std::fs::read_to_string(dir.join("gnss/truth/handset_dev.jsonl")).unwrap();
        for (protocol, km, s) in [
            (Protocol::Lpp, 0.0, 0.0),
            (Protocol::Rrlp, 0.0, 0.0),
            (Protocol::Lpp, 100.0, 2.0),
            (Protocol::Rrlp, 100.0, -2.0),
        ] {
            let args = args(protocol, km, s);
            let mut tally = Tally::default();
            for (number, line) in text.lines().enumerate() {
                let case = Case::parse(line, protocol).unwrap();
                if case.nav_files == [nav] {
                    tally.add(&solve(&args, &sky, case, number));
                }
            }
            let all = &tally.json()["summary"]["all"];
            let figure = |name: &str| all[name].as_f64().unwrap();
            assert!(figure("sets") > 30.0 && figure("fixes") == figure("sets"), "{all}");
            assert_eq!(figure("whole_ms_right_percent"), 100.0, "{all}");
            assert!(figure("ellipse_holds_percent") >= 90.0, "{all}");
            assert_eq!(figure("beyond_150_m_unsaid"), 0.0, "{all}");
            assert!(figure("error_h_p50_m") < 6.0, "{all}");
            if s == 0.0 {
                assert!(figure("error_h_p95_m") < 25.0, "{all}");
            }
        }
    }

    #[test]
    fn lines_that_are_none_are_told_so() {
        for line in ["", "{}", "[1]", r#"{"id":"x"}"#] {
            assert!(Case::parse(line, Protocol::Lpp).is_err(), "{line}");
        }
    }
}
