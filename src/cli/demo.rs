//! `groma demo`: the main job, on this machine, at once.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::Outcome;
use super::output::{Failure, print, print_json};
use crate::base::cell::{CellId, Plmn};
use crate::handset::{self, Goal, HandsetError, Options, Paint, Report};

mod server;

use server::{DemoServer, TOWN};

/// Starts a server with a simulated sky, sends two handsets to it and shows what happens.
///
/// Nothing is needed: no configuration, no network, no data. The sky and the cells are made up, and say so wherever they
/// show; the protocols, the sessions and TLS are the real ones.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End after the two sessions instead of staying up until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &DemoArgs) -> Outcome {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(demo(args, begun))
}

async fn demo(args: &DemoArgs, begun: Instant) -> Outcome {
    let paint = Paint::for_stdout();
    let server = DemoServer::start().await.map_err(Failure::new)?;
    let started = begun.elapsed();
    if !args.json {
        print(&opening(&server, started, paint))?;
    }
    let plmn = Plmn { mcc: 1, mnc: 1 };
    let sessions = [
        ("A handset of the 2000s: SUPL 1.0 with RRLP, in a GSM cell", {
            let options = Options::new(Goal::Agnss, &server.ulp).supl1();
            Options { cells: vec![CellId::Gsm { plmn, lac: 1, ci: 5 }], seed: 7, ..options }
        }),
        ("A handset of today: SUPL 2.0 with LPP, in an LTE cell", {
            let options = Options::new(Goal::Agnss, &server.ulp);
            Options { cells: vec![CellId::Lte { plmn, tac: 1, eci: 5 }], seed: 8, ..options }
        }),
    ];
    let mut reports = Vec::new();
    let mut first_fix = None;
    for (title, options) in sessions {
        if !args.json {
            print(&format!("\n{}\n\n", paint.bold(&format!("── {title}"))))?;
        }
        let before = begun.elapsed();
        let report = hold(&options, args.json, paint).await.map_err(Failure::new)?;
        first_fix = first_fix.or_else(|| Some(before + report.time_to_fix()?));
        if !args.json {
            print(&report.text(paint))?;
        }
        reports.push(report);
    }
    let good = reports.iter().all(Report::succeeded);
    if args.json {
        print_json(&json!({
            "ok": good,
            "simulated": true,
            "server_started_s": started.as_secs_f64(),
            "first_fix_s": first_fix.map(|t| t.as_secs_f64()),
            "endpoints": { "supl": server.ulp, "http": server.http },
            "sessions": reports.iter().map(Report::json).collect::<Vec<_>>(),
        }))?;
    } else {
        print(&closing(&server, first_fix, &reports, paint))?;
    }
    if args.once {
        server.stop().await;
    } else {
        if !args.json {
            print(&format!("\n{}\n", paint.dim("The server stays up; Ctrl-C ends it.")))?;
        }
        server.until_signalled().await?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn hold(options: &Options, quiet: bool, paint: Paint) -> Result<Report, HandsetError> {
    handset::run(options, |step| {
        if !quiet {
            // A reader that has gone is noticed when the result is printed.
            let _ = print(&format!("{}\n", step.line(paint)));
        }
    })
    .await
}

fn opening(server: &DemoServer, started: Duration, paint: Paint) -> String {
    let mut text = format!(
        "{}\n{}\nserver up after {:.0} ms: SUPL at {} (TLS and plain)",
        paint.bold("Groma demo"),
        paint.yellow("simulated sky, generated cells: for looking at, not for finding anyone"),
        started.as_secs_f64() * 1e3,
        server.ulp,
    );
    let _ = writeln!(text, ", status at http://{}/", server.http);
    text
}

fn closing(server: &DemoServer, first_fix: Option<Duration>, reports: &[Report], paint: Paint) -> String {
    let mut text = format!("\n{}\n", paint.bold("── Result"));
    for report in reports {
        let protocol = report.options.payload.name();
        match &report.found.fix {
            Some(fix) => {
                let _ = writeln!(
                    text,
                    "{protocol:<5} {} satellites, {:.1} m from the true position, fix {:.0} ms after connecting",
                    fix.satellites.len(),
                    fix.error_m(),
                    report.time_to_fix().unwrap_or_default().as_secs_f64() * 1e3,
                );
            }
            None => {
                let _ = writeln!(text, "{protocol:<5} {}", paint.red(&report.verdict()));
            }
        }
    }
    if let Some(t) = first_fix {
        let _ = writeln!(text, "first fix {:.0} ms after the start of this program", t.as_secs_f64() * 1e3);
    }
    let _ = writeln!(text, "\n{}", paint.bold("── Try next, in another terminal"));
    let at = &server.ulp;
    let commands = [
        format!("groma handset agnss --server {at} --lte 1,1,1,5"),
        format!("groma handset agnss --server {at} --supl 1 --gsm 1,1,1,3 --almanac"),
        format!("groma handset agnss --server {at} --nr 1,1,1,9 --gnss GE --at {},{} --json", TOWN.0, TOWN.1),
        format!("groma handset cell-id --server {at} --plain --wcdma 1,1,65541"),
        format!("groma handset locate --server {at} --at {},{}", TOWN.0, TOWN.1),
        format!("curl http://{}/metrics", server.http),
    ];
    for command in commands {
        let _ = writeln!(text, "  {command}");
    }
    text
}
