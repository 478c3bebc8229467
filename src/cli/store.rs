//! `groma store`: the state of what must survive.

use std::process::ExitCode;

use super::data::{DataArgs, open_store};
use super::{Outcome, output, output::Failure};
use crate::base::time::Clock;
use crate::cells::Table;
use crate::store::Store;

/// Looks after what the data folder holds.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read the store and the cell table whole and check every checksum. The server must be stopped.
    Check {
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) fn run(args: &StoreArgs) -> Outcome {
    let Action::Check { data } = &args.action;
    let config = data.load()?;
    let path = config.store().path;
    // Opening reads and checks every record.
    let store = open_store(&config)?;
    let sky = store.load_sky(Clock::system().now().gps()).wait().map_err(Failure::new)?;
    let path = path.display();
    output::print(&format!("{path}: sound; {} records of navigation data are valid now\n", sky.len()))?;
    let table = config.cells().table;
    if table.exists() {
        let opened = Table::open(&table).map_err(Failure::new)?;
        opened.verify().map_err(Failure::new)?;
        output::print(&format!("{}: sound; {} transmitters\n", table.display(), opened.cells()))?;
    }
    Ok(ExitCode::SUCCESS)
}
