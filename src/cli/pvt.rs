//! `groma pvt`: positions from measurements in files.

use super::{Outcome, Verbosity, pvt_rinex, pvt_sets};

const EXAMPLES: &str = "\
Examples:
  groma pvt rinex --obs station.rnx.gz --nav brdc.rnx.gz
  groma pvt rinex --obs station.rnx.gz --nav brdc.rnx.gz --systems G --truth 4027893.9,307045.9,4919475.1
  groma pvt rinex --obs station.rnx.gz --nav brdc.rnx.gz --plot scatter.svg --json
  groma pvt sets handset.jsonl --nav-dir nav --protocol lpp";

/// Computes positions from measurements in files.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PvtArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Rinex(pvt_rinex::RinexArgs),
    Sets(pvt_sets::SetsArgs),
}

pub(super) fn run(args: &PvtArgs, verbosity: Verbosity) -> Outcome {
    match &args.action {
        Action::Rinex(args) => pvt_rinex::run(args, verbosity.quiet),
        Action::Sets(args) => pvt_sets::run(args),
    }
}
