//! `groma feed`: navigation data from files, and what casters have.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Outcome, output, output::Failure};
use crate::base::time::Clock;
use crate::config::Config;
use crate::feed::ntrip::{CasterAddress, Credentials};
use crate::feed::{import_into, sourcetable};
use crate::store::SledStore;

const EXAMPLES: &str = "\
Examples:
  groma feed import BRDC00IGS_R_20230010000_01D_MN.rnx.gz
  groma feed import /srv/brdc recorded.rtcm3
  groma feed sourcetable https://caster.example.net

A running server has its store open: put the files into a directory it watches instead (`feed.sources` in the
configuration).";

/// Imports navigation data into the store; lists the streams of NTRIP casters.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FeedArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Import(ImportArgs),
    Sourcetable(SourcetableArgs),
}

const SOURCETABLE_HELP: &str = "\
For assistance a stream of broadcast ephemerides is wanted: messages 1019, 1020, 1042, 1045, 1046. In the configuration:

  [[feed.sources]]
  kind = \"ntrip\"
  casters = [\"https://caster.example.net\"]
  mountpoint = \"NAME\"
  credentials_file = \"/etc/groma/caster.secret\"";

/// Asks an NTRIP caster which streams it has.
#[derive(Debug, clap::Args)]
#[command(after_help = SOURCETABLE_HELP)]
struct SourcetableArgs {
    /// The caster: http://HOST[:PORT] (2101) or, with TLS, https://HOST[:PORT] (443).
    #[arg(value_name = "URL")]
    caster: CasterAddress,
    /// A file with one line NAME:PASSWORD, for casters that want one even for the list.
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// An environment variable with the same.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "credentials_file")]
    credentials_env: Option<String>,
    /// Certificates (PEM) of the authorities to trust instead of the public ones.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads RINEX navigation files of versions 2, 3 and 4 and recorded RTCM 3, plain or gzip. Data that have expired are kept until the next start
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
    match &args.action {
        Action::Import(args) => import(args),
        Action::Sourcetable(args) => list(args),
    }
}

fn list(args: &SourcetableArgs) -> Outcome {
    let credentials = Credentials::load(args.credentials_file.as_deref(), args.credentials_env.as_deref())
        .map_err(Failure::new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let timeout = Duration::from_secs(args.timeout);
    let asked = sourcetable(&args.caster, credentials.as_ref(), args.ca_file.as_deref(), timeout);
    let table = runtime.block_on(asked).map_err(Failure::new)?;
    if args.json {
        output::print_json(&serde_json::to_value(&table).map_err(Failure::new)?)?;
    } else {
        output::print(&table.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn import(args: &ImportArgs) -> Outcome {
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
