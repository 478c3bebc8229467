//! `groma sky`: which satellites there are.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::admin::ServerArg;
use super::data::{DataArgs, open_store};
use super::{Outcome, output, output::Failure, sky_acquire, sky_compare};
use crate::base::time::Clock;
use crate::base::{GeoPoint, GpsTime, Utc};
use crate::feed::{self, to_updates};
use crate::gnss::positions::{CSV_HEADER, parse_time, positions};
use crate::gnss::table::sky_table;
use crate::gnss::{Sky, SkyConfig, SkySnapshot};
use crate::store::Store;

const EXAMPLES: &str = "\
Examples:
  groma sky                                   what the running server has
  groma sky --at 50.1,8.7                     what is above the horizon there, highest first
  groma sky --stored --data /var/lib/groma    what the store of a stopped server has
  groma sky --nav brdc.rnx.gz --time 2023-01-01T11:00:00Z
  groma sky positions --nav brdc.rnx.gz --from 2023-01-01T00:00:00 --to 2023-01-01T23:55:00 --step 300
  groma sky acquire --nav brdc.rnx.gz --at 50.1,8.7,120 --time 2243:39618
  groma sky compare --nav brdc.rnx.gz --sp3 final.sp3.gz

Times: 2023-01-01T11:00:00Z is UTC, without the Z GPS time, 2243:39618 GPS week and seconds.";

/// Shows the satellites of the running server, of a store, or of navigation files.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct SkyArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Add azimuth and elevation at this place (degrees), and leave out what is below the horizon.
    #[arg(long, value_name = "LAT,LON", value_parser = parse_place, allow_hyphen_values = true)]
    at: Option<GeoPoint>,
    /// Read the store of the data folder instead of asking the running server.
    #[arg(long, conflicts_with = "nav")]
    stored: bool,
    /// Read these navigation files instead.
    #[arg(long, value_name = "FILE")]
    nav: Vec<PathBuf>,
    /// The time for which a store or files are shown; now when left out.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: Option<GpsTime>,
    #[command(flatten)]
    server: ServerArg,
    #[command(flatten)]
    data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Acquire(sky_acquire::AcquireArgs),
    Compare(sky_compare::CompareArgs),
    /// Print positions and clocks computed from navigation files, as CSV.
    Positions {
        /// Navigation files.
        #[arg(long, value_name = "FILE", required = true)]
        nav: Vec<PathBuf>,
        /// First epoch.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: GpsTime,
        /// Last epoch.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        to: GpsTime,
        /// Seconds between epochs.
        #[arg(long, value_name = "S", default_value_t = 300.0)]
        step: f64,
    },
}

fn parse_place(text: &str) -> Result<GeoPoint, String> {
    let place = || {
        let (lat, lon) = text.split_once(',')?;
        GeoPoint::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?)
    };
    place().ok_or_else(|| format!("`{text}` is no place such as 50.1,8.7 (degrees, north and east positive)"))
}

pub(super) fn run(args: &SkyArgs) -> Outcome {
    match &args.action {
        Some(Action::Positions { nav, from, to, step }) => return print_positions(nav, *from, *to, *step),
        Some(Action::Acquire(args)) => return sky_acquire::run(args),
        Some(Action::Compare(compare)) => return sky_compare::run(compare),
        None => {}
    }
    let now = Clock::system().now();
    let snapshot = if !args.nav.is_empty() {
        of_files(&args.nav, now.utc)?
    } else if args.stored {
        let config = args.data.load()?;
        let store = open_store(&config)?;
        let mut sky = Sky::new(config.sky.clone());
        let t = args.time.unwrap_or_else(|| now.gps());
        for update in to_updates(store.load_sky(t).wait().map_err(Failure::new)?) {
            sky.apply(&update).map_err(Failure::new)?;
        }
        sky.snapshot()
    } else {
        return ask_server(args);
    };
    let table = sky_table(&snapshot, args.time.unwrap_or_else(|| now.gps()), args.at.map(|p| (p, 0.0)));
    if args.json {
        output::print_json(&serde_json::to_value(&table).map_err(Failure::new)?)?;
    } else {
        output::print(&table.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ask_server(args: &SkyArgs) -> Outcome {
    let query = args.at.map_or_else(String::new, |p| format!("?at={},{}", p.lat, p.lon));
    let mut value = args.server.get_json(&format!("/sky.json{query}")).map_err(|e| match e {
        Failure::Said(line) => Failure::new(format!("{line}; --stored reads the store of a stopped server")),
        Failure::PipeClosed => Failure::PipeClosed,
    })?;
    let text = value.as_object_mut().and_then(|members| members.shift_remove("text"));
    match text.as_ref().and_then(Value::as_str) {
        Some(text) if !args.json => output::print(text)?,
        _ => output::print_json(&value)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The sky of navigation files, whatever their age.
pub(super) fn of_files(files: &[PathBuf], now: Utc) -> Result<SkySnapshot, Failure> {
    let mut sky = Sky::new(SkyConfig::default());
    let mut refused = None;
    let report = feed::import(files, now, &mut |update| {
        if let Err(e) = sky.apply(&update) {
            refused = Some(e);
        }
    });
    if let Some(e) = refused {
        return Err(Failure::new(e));
    }
    for file in &report.files {
        if let Err(e) = &file.result {
            return Err(Failure::new(e));
        }
    }
    Ok(sky.snapshot())
}

fn print_positions(nav: &[PathBuf], from: GpsTime, to: GpsTime, step: f64) -> Outcome {
    let snapshot = of_files(nav, Clock::system().now().utc)?;
    let rows = positions(&snapshot, from, to, step).map_err(Failure::new)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{CSV_HEADER}")?;
    for row in rows {
        writeln!(out, "{row}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
