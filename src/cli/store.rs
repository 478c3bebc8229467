//! `groma store`: the state of what must survive.

use std::process::ExitCode;

use super::admin::ServerArg;
use super::data::{DataArgs, open_store};
use super::{Outcome, output, output::Failure};
use crate::base::time::Clock;
use crate::cells::Table;
use crate::service::parse_identity;
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
    /// Have the running server remove all positions of a subscriber, under all of its identities. The audit record tells
    /// that it was done.
    Forget {
        /// Whom, for instance msisdn:447700900123.
        #[arg(value_name = "ID")]
        identity: String,
        #[command(flatten)]
        server: ServerArg,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &StoreArgs) -> Outcome {
    match &args.action {
        Action::Check { data } => check(data),
        Action::Forget { identity, server, json } => forget(identity, server, *json),
    }
}

fn forget(identity: &str, server: &ServerArg, json: bool) -> Outcome {
    let id = parse_identity(identity).ok_or_else(|| {
        Failure::new(format!(
            "`{identity}` is not an identity such as msisdn:447700900123 or imsi:001010000000001"
        ))
    })?;
    // What may stand in an identity and not in a path.
    let path: String = id
        .storage_key()
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'.' | b'-' | b'_' | b'@' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let answer = server.post(&format!("/admin/forget/{path}"))?;
    if json {
        output::print_json(&answer)?;
    } else {
        let n = answer.get("positions").and_then(serde_json::Value::as_u64).unwrap_or(0);
        output::print(&format!("{n} positions removed\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(data: &DataArgs) -> Outcome {
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
