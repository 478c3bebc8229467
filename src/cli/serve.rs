//! `groma serve`: the server.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, Verbosity, output, output::Failure};
use crate::app::{App, Origin, signals};
use crate::base::Utc;
use crate::base::time::Clock;
use crate::config::Config;
use crate::observe::log;

const EXAMPLES: &str = "\
Examples:
  groma serve                                             the defaults, data in ./data
  groma serve --config config/groma.toml --check          validate, print the resolved values, exit
  groma serve -o http.listen=0.0.0.0:8080 -o log.format=json
  groma serve --data /tmp/replay --clock 2023-01-01T11:00:00Z    replay navigation data of that day

Signals: SIGHUP reloads configuration, certificates and cells; SIGTERM and SIGINT let running sessions end within
`drain_s` seconds and refuse new ones; a second one ends at once.";

/// Runs the server.
///
/// Without any navigation data it starts, answers with what it honestly can, and says on /readyz that it is not ready.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    /// Configuration file; without one the defaults hold.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for what must survive a restart (the key `data`).
    #[arg(short, long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set one configuration key, for instance `http.listen=0.0.0.0:8080`; may be given several times.
    #[arg(short, value_name = "KEY=VALUE")]
    option: Vec<String>,
    /// Validate the configuration, print the resolved values as TOML, and exit.
    #[arg(long)]
    check: bool,
    /// Start the server's clock at this time (RFC 3339), so that recorded navigation data can be replayed. Marked wherever
    /// the server describes itself.
    #[arg(long, value_name = "TIME")]
    clock: Option<Utc>,
}

impl ServeArgs {
    /// The overrides of the command line, shortest way to say the same last.
    fn overrides(&self, verbosity: Verbosity) -> Vec<String> {
        let mut all = self.option.clone();
        if let Some(dir) = &self.data {
            all.push(super::data::data_override(dir));
        }
        if let Some(level) = verbosity.level() {
            all.push(format!("log.level={level}"));
        }
        all
    }
}

pub(super) fn run(args: &ServeArgs, verbosity: Verbosity) -> Outcome {
    let overrides = args.overrides(verbosity);
    let config = Config::load(args.config.as_deref(), &overrides).map_err(Failure::new)?;
    if args.check {
        output::print(&config.to_toml())?;
        return Ok(ExitCode::SUCCESS);
    }
    let clock = args.clock.map_or_else(Clock::system, Clock::starting_at);
    let log = log::init(&config.log).map_err(Failure::new)?;
    let origin = Origin { file: args.config.clone(), overrides };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::new(config, clock).reloadable(origin, log).start().await.map_err(Failure::new)?;
        Ok(signals::run(app).await?)
    })
}
