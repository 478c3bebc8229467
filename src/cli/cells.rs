//! `groma cells`: the table of cells and access points.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Outcome, Verbosity, output, output::Failure};
use crate::base::time::Clock;
use crate::cells::{ImportOptions, ImportReport, Progress, Table, import};
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  groma cells import cell_towers.csv.gz               OpenCelliD or Mozilla Location Service
  groma cells import access_points.csv                bssid,lat,lon,range
  groma cells import --replace 262.csv.gz 270.csv.gz  start anew
  groma cells info --verify

A running server takes the new table up with `groma reload`.";

/// Imports cells and access points, and says what is known.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CellsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Import(ImportArgs),
    Info(InfoArgs),
}

/// Which table.
#[derive(Debug, clap::Args)]
struct TableArg {
    /// Configuration file that says where the table is (`cells.table`); without one the defaults hold.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for what must survive a restart (the key `data`).
    #[arg(short, long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl TableArg {
    fn path(&self) -> Result<PathBuf, Failure> {
        let mut config = Config::load(self.config.as_deref(), &[]).map_err(Failure::new)?;
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        Ok(config.cells().table)
    }
}

/// Adds the rows of files to the table. Of one transmitter, the row that rests on more measurements stays, else the newer.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// CSV files, plain or gzip.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    table: TableArg,
    /// Forget what the table holds.
    #[arg(long)]
    replace: bool,
    /// Memory for sorting, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    memory: u32,
}

/// Says what the table holds.
#[derive(Debug, clap::Args)]
struct InfoArgs {
    #[command(flatten)]
    table: TableArg,
    /// Read every block and check it.
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(args: &CellsArgs, verbosity: Verbosity) -> Outcome {
    match &args.action {
        Action::Import(args) => run_import(args, verbosity),
        Action::Info(args) => info(args),
    }
}

fn run_import(args: &ImportArgs, verbosity: Verbosity) -> Outcome {
    let path = args.table.path()?;
    let options = ImportOptions {
        memory: (args.memory as usize) << 20,
        keep_existing: !args.replace,
        ..ImportOptions::at(Clock::system().now().utc)
    };
    let bar = bar(verbosity);
    let report = import(&args.files, &path, &options, &mut |p| show(&bar, p));
    bar.finish_and_clear();
    let report = report.map_err(Failure::new)?;
    output::print(&summary(&report, &path))?;
    Ok(ExitCode::SUCCESS)
}

/// A bar on standard error, if somebody is watching.
fn bar(verbosity: Verbosity) -> ProgressBar {
    if verbosity.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed} (about {eta} left)")
    {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Reading { bytes, of, rows } => {
            bar.set_length(of);
            bar.set_position(bytes);
            bar.set_message(format!("reading, {rows} rows"));
        }
        Progress::Writing { cells, of } => {
            bar.set_length(of);
            bar.set_position(cells);
            bar.set_message(format!("writing, {cells} transmitters"));
        }
    }
}

fn summary(report: &ImportReport, path: &std::path::Path) -> String {
    let mut text = format!(
        "{}: {} transmitters in {} areas ({} before); {} rows read, {} left out, {} of transmitters known better\n",
        path.display(),
        report.cells,
        report.areas,
        report.before,
        report.rows,
        report.refused,
        report.duplicates,
    );
    for p in &report.problems {
        let _ = writeln!(text, "  {}:{}: {}", p.path.display(), p.line, p.error);
    }
    let unsaid = report.refused.saturating_sub(report.problems.len() as u64);
    if unsaid > 0 {
        let _ = writeln!(text, "  and {unsaid} more");
    }
    text
}

fn info(args: &InfoArgs) -> Outcome {
    let path = args.table.path()?;
    let table = Table::open(&path).map_err(Failure::new)?;
    if args.verify {
        table.verify().map_err(Failure::new)?;
    }
    let written = crate::base::Utc::from_unix_s(table.created_unix_s());
    let whole = if args.verify { ", every block is whole" } else { "" };
    output::print(&format!(
        "{}: {} transmitters in {} areas, written {written}{whole}\n",
        path.display(),
        table.cells(),
        table.areas(),
    ))?;
    Ok(ExitCode::SUCCESS)
}
