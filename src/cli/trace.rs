//! `groma trace`: session traces of the running server.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, admin::ServerArg, output, output::Failure};

const EXAMPLES: &str = "\
Examples:
  groma trace start                    record sessions from now on
  groma trace list                     what was recorded
  groma trace show 7                   the ladder of session 7, messages decoded
  groma trace export 7 -o 7.pcap       a capture that Wireshark and tshark open
  groma trace stop

A trace holds what subscribers sent, their identities and positions included. It is kept in memory only, is bounded, and
ends with the server.";

/// Records sessions of the running server, message by message; off until started.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    server: ServerArg,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Record sessions that begin from now on.
    Start,
    /// Record no more; what was recorded stays until the server ends or a new recording starts.
    Stop,
    /// List the recorded sessions.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the ladder of one session, messages decoded.
    Show {
        /// Number of the session, from the list.
        session: u64,
    },
    /// Write recorded sessions as a capture (pcap).
    Export {
        /// Number of the session, from the list; all when left out.
        session: Option<u64>,
        /// File to write; standard output when left out.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) fn run(args: &TraceArgs) -> Outcome {
    let server = &args.server;
    match &args.action {
        Action::Start => {
            server.post("/admin/trace/start")?;
            output::print("recording sessions that begin from now on\n")?;
        }
        Action::Stop => {
            server.post("/admin/trace/stop")?;
            output::print("stopped\n")?;
        }
        Action::List { json: true } => output::print_json(&server.get_json("/admin/trace")?)?,
        Action::List { json: false } => output::print(&text(&server.get("/admin/trace.txt")?))?,
        Action::Show { session } => output::print(&text(&server.get(&format!("/admin/trace/{session}"))?))?,
        Action::Export { session, output } => {
            let path =
                session.map_or_else(|| "/admin/trace.pcap".to_owned(), |s| format!("/admin/trace/{s}.pcap"));
            let bytes = server.get(&path)?;
            match output {
                Some(file) => std::fs::write(file, bytes)
                    .map_err(|e| Failure::new(format!("cannot write {}: {e}", file.display())))?,
                None => std::io::Write::write_all(&mut std::io::stdout().lock(), &bytes)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
