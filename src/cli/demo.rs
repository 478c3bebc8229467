//! `groma demo`: the main job, on this machine, at once.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::net::UdpSocket;

use super::Outcome;
use super::output::{Failure, print, print_json};
use crate::base::GeoPoint;
use crate::base::cell::{CellId, Plmn};
use crate::handset::{self, Goal, HandsetError, Options, Paint, Report};

mod server;
mod town;

use server::{DemoServer, TOWN};
use town::Town;

/// Starts a server with a simulated sky, sends two handsets to it, asks where a third one is, and shows what happens.
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
    // The sockets first, since the server has to know their port.
    let sockets = town::sockets().await;
    let init = sockets.as_ref().ok().and_then(|all| all.first()?.local_addr().ok());
    let server = DemoServer::start(init.map_or(7275, |at| at.port())).await.map_err(Failure::new)?;
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
    let located = ask(&server, sockets, args.json, paint).await?;
    let good = reports.iter().all(Report::succeeded) && located.as_ref().is_none_or(Located::as_it_should_be);
    if args.json {
        print_json(&json!({
            "ok": good,
            "simulated": true,
            "server_started_s": started.as_secs_f64(),
            "first_fix_s": first_fix.map(|t| t.as_secs_f64()),
            "endpoints": { "supl": server.ulp, "mlp": server.mlp, "http": server.http },
            "located": located.as_ref().map(Located::json),
            "sessions": reports.iter().map(Report::json).collect::<Vec<_>>(),
        }))?;
    } else {
        print(&closing(&server, first_fix, &reports, located.as_ref(), paint))?;
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

/// What became of the questions where the first handset of the town is.
struct Located {
    /// Distance of the emergency centre's answer from the true place, metres; `None` without a position.
    error_m: Option<f64>,
    /// How long the emergency centre waited.
    took: Duration,
    /// The number of the result code with which the other client was refused; `None` when it was told.
    refused: Option<u16>,
    /// The walking handsets, which stay as long as this.
    town: Town,
}

impl Located {
    /// Whether the emergency centre learnt the place, and the other client did not.
    fn as_it_should_be(&self) -> bool {
        self.error_m.is_some() && self.refused.is_some()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "emergency": { "error_m": self.error_m, "took_s": self.took.as_secs_f64() },
            "refused": { "resid": self.refused },
            "handsets": self.town.len(),
        })
    }
}

/// Lets an emergency centre and a client without rights ask where the first handset is. `None` where the system gives no
/// loopback addresses for handsets.
async fn ask(
    server: &DemoServer,
    sockets: io::Result<Vec<UdpSocket>>,
    quiet: bool,
    paint: Paint,
) -> Result<Option<Located>, Failure> {
    let say = |text: String| if quiet { Ok(()) } else { print(&text) };
    let Some(mlp) = server.mlp else { return Ok(None) };
    let town = match sockets {
        Ok(sockets) => Town::start(&server.ulp, sockets, GeoPoint { lat: TOWN.0, lon: TOWN.1 }, paint),
        Err(e) => {
            say(format!("\nNo handsets walk about: {e}\n"))?;
            return Ok(None);
        }
    };
    let title =
        "── An emergency centre asks over MLP where 491700000001 is: SUPL INIT by UDP, the handset answers";
    say(format!("\n{}\n\n", paint.bold(title)))?;
    let request = town::request(town::CENTRE, true);
    say(format!("{}\n", paint.dim(&request)))?;
    town.show(!quiet);
    let begun = Instant::now();
    let answer = town::ask(mlp, &request).await;
    let took = begun.elapsed();
    town.show(false);
    let (xml, item) = answer.map_err(Failure::new)?;
    let truth = town.place();
    let error_m = item
        .place
        .zip(truth)
        .and_then(|((lat, lon, _), truth)| Some(GeoPoint::new(lat, lon)?.distance_m(truth.at)));
    say(format!("\n{}\n{}\n", paint.dim(&xml), item.text()))?;

    say(format!("\n{}\n\n", paint.bold("── A shop asks, too, which no subscriber has allowed")))?;
    let (xml, item) = town::ask(mlp, &town::request(town::REFUSED, false)).await.map_err(Failure::new)?;
    say(format!("{}\n{}\n", paint.dim(&xml), item.text()))?;
    let refused = item.failure.filter(|_| item.place.is_none()).map(|verdict| verdict.code.0);
    Ok(Some(Located { error_m, took, refused, town }))
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

fn closing(
    server: &DemoServer,
    first_fix: Option<Duration>,
    reports: &[Report],
    located: Option<&Located>,
    paint: Paint,
) -> String {
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
    if let Some(l) = located {
        let told = match l.error_m {
            Some(m) => format!("{m:.1} m from the true position, after {:.0} ms", l.took.as_secs_f64() * 1e3),
            None => paint.red("no position"),
        };
        let shop = match l.refused {
            Some(code) => format!("refused with result {code}"),
            None => paint.red("told"),
        };
        let _ = writeln!(text, "MLP   emergency centre: {told}; the shop: {shop}");
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
    let mlp = server.mlp.filter(|_| located.is_some()).map(|mlp| {
        let who = town::ALLOWED;
        format!(
            "groma mlp locate {} --server http://{mlp} --user {who} --password {who} --xml",
            town::FIRST + 3
        )
    });
    for command in commands.into_iter().chain(mlp) {
        let _ = writeln!(text, "  {command}");
    }
    text
}
