//! `groma reload`: the running server reads its configuration anew.

use std::process::ExitCode;

use super::{Outcome, admin::ServerArg, output};

/// Has the running server read configuration, certificates and cells anew, as SIGHUP does.
///
/// A configuration that is wrong changes nothing; the mistake is shown here. Keys that take effect only at a start
/// (listeners, data folder) are named in the answer when they changed. Running sessions go on as they began.
#[derive(Debug, clap::Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    server: ServerArg,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReloadArgs) -> Outcome {
    let answer = args.server.post("/admin/reload")?;
    if args.json {
        output::print_json(&answer)?;
    } else {
        let lines = |key: &str| {
            let list = answer.get(key).and_then(serde_json::Value::as_array).into_iter().flatten();
            list.filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>().join(", ")
        };
        output::print(&format!("reloaded: {}\n", lines("reloaded")))?;
        let waiting = lines("needs_restart");
        if !waiting.is_empty() {
            output::print(&format!("changed, in force after a restart: {waiting}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
