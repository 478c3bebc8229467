//! The command line: one file a command.
//!
//! Exit codes: 0 done, 1 not done (one line on standard error says why), 2 the command line itself is wrong.
//! (`groma handset` distinguishes more; its help says which.) A reader that closes the pipe early is no error.

mod admin;
mod asn1;
mod audit;
mod cells;
mod clients;
mod data;
mod demo;
mod feed;
mod handset;
mod handset_listen;
mod mlp;
mod output;
mod plot;
mod policy;
mod push;
mod pvt;
mod pvt_rinex;
mod pvt_sets;
mod reload;
mod serve;
mod sky;
mod sky_acquire;
mod sky_compare;
mod spread;
mod store;
mod trace;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use output::Failure;

/// What a command comes to.
type Outcome = Result<ExitCode, Failure>;

const EXAMPLES: &str = "\
Examples:
  groma demo                               a server and two handsets on this machine
  groma feed import BRDC*.rnx.gz           navigation data, RINEX 2, 3 or 4
  groma cells import 262.csv.gz            where cells are, OpenCelliD or MLS
  groma serve --config config/groma.toml   the server; --check validates only
  groma sky --at 50.1,8.7                  which satellites it offers there
  groma pvt rinex --obs O --nav N          positions from a station's observations
  groma handset agnss --server HOST:7275   a SUPL client for any server
  groma handset listen --server HOST:7275  the same, waiting for SUPL INIT by UDP
  groma push test --to +491701234567       whether SUPL INIT reaches a handset, and by which bearer
  groma mlp locate +491701234567           where a handset is, from any MLP server
  groma asn1 decode --pdu ULP-PDU @FILE    what a message says, as JSON
  groma reload                             the running server reads its configuration anew

Commands to a running server (sky, reload, trace) speak to its HTTP port: --server http://127.0.0.1:8080.";

/// A SUPL location platform: assisted GNSS for handsets, positions for those who may ask.
#[derive(Debug, Parser)]
#[command(name = "groma", version, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    /// More log lines: -v debug, -vv trace.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Fewer log lines: only warnings and errors; no progress bars.
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Handset(Box<handset::HandsetArgs>),
    Cells(cells::CellsArgs),
    Feed(feed::FeedArgs),
    Sky(sky::SkyArgs),
    Push(push::PushArgs),
    Pvt(Box<pvt::PvtArgs>),
    Asn1(asn1::Asn1Args),
    Mlp(mlp::MlpArgs),
    Trace(trace::TraceArgs),
    Reload(reload::ReloadArgs),
    Store(store::StoreArgs),
    Clients(clients::ClientsArgs),
    Policy(policy::PolicyArgs),
    Audit(audit::AuditArgs),
}

/// How much a command says on standard error besides its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verbosity {
    verbose: u8,
    quiet: bool,
}

impl Verbosity {
    /// The log level asked for, when one was.
    const fn level(self) -> Option<&'static str> {
        match (self.quiet, self.verbose) {
            (true, _) => Some("warn"),
            (false, 0) => None,
            (false, 1) => Some("debug"),
            (false, _) => Some("trace"),
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Wrong command lines end here with code 2, `--help` and `--version` with 0.
    let cli = Cli::parse();
    let verbosity = Verbosity { verbose: cli.verbose, quiet: cli.quiet };
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(&args, verbosity),
        Command::Demo(args) => demo::run(&args),
        Command::Handset(args) => handset::run(*args),
        Command::Cells(args) => cells::run(&args, verbosity),
        Command::Feed(args) => feed::run(&args),
        Command::Sky(args) => sky::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Pvt(args) => pvt::run(&args, verbosity),
        Command::Asn1(args) => asn1::run(&args),
        Command::Mlp(args) => mlp::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Clients(args) => clients::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Audit(args) => audit::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for c in Cli::command().get_subcommands() {
            assert!(c.get_about().is_some(), "{}", c.get_name());
        }
    }
}
