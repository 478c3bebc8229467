//! `groma feed`: navigation data from files.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, output, output::Failure};
use crate::base::time::Clock;
use crate::config::Config;
use crate::feed::import_into;
use crate::store::SledStore;

const EXAMPLES: &str = "\
Examples:
  groma feed import BRDC00IGS_R_20230010000_01D_MN.rnx.gz
  groma feed import /srv/brdc

A running server has its store open: put the files into a directory it watches instead (`feed.sources` in the
configuration).";

/// Imports navigation data into the store.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FeedArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Import(ImportArgs),
}

/// Reads RINEX navigation files of versions 2, 3 and 4, plain or gzip. Data that have expired are kept until the next start
/// of a server whose clock is not set to their date.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Files, or directories whose files are meant.
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Configuration file that says where the store is (`store.path`) and how long data hold (`sky.max_age`); without one
    /// the defaults hold.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for what must survive a restart (the key `data`).
    #[arg(short, long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(args: &FeedArgs) -> Outcome {
    let Action::Import(args) = &args.action;
    let mut config = Config::load(args.config.as_deref(), &[]).map_err(Failure::new)?;
    if let Some(data) = &args.data {
        config.data.clone_from(data);
    }
    let store = SledStore::open(&config.store()).map_err(Failure::new)?;
    let now = Clock::system().now().utc;
    let report = import_into(&store, &config.sky.max_age, &args.paths, now).map_err(Failure::new)?;
    let mut text = String::new();
    for file in &report.files {
        // An error names its file itself.
        let _ = match &file.result {
            Ok(found) => writeln!(text, "{}: {found}", file.path.display()),
            Err(e) => writeln!(text, "{e}"),
        };
    }
    output::print(&text)?;
    match report.failed().count() {
        0 => Ok(ExitCode::SUCCESS),
        n => Err(Failure::new(format_args!("{n} of {} files could not be read", report.files.len()))),
    }
}
