//! `groma mlp`: a client of any MLP server.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::Outcome;
use super::admin::ServerArg;
use super::output::{Failure, print, print_json};
use crate::le::mlp::client::{Client, Url};
use crate::le::mlp::convert::{self, Crs};
use crate::le::mlp::model::{
    Accuracy, Answer, Body, Document, EmeLir, EmeTarget, EmeTargets, Eqop, Header, HorizontalAccuracy,
    LocKind, LocType, Msid, MsidType, Msids, MsidsEntry, Outcome as PosOutcome, Pd, PosErr, ResponseType,
    Slir, SlirTargets, TrlOutcome, Verdict,
};
use crate::le::mlp::receiver::{Manners, Received, Receiver};
use crate::le::mlp::{Reading, ResultCode, Version, charset, parse};

const EXAMPLES: &str = "\
Examples:
  groma mlp locate +491701234567 --user tracker --password tracker
      where the handset is, from the server on this machine (http://127.0.0.1:9210)
  groma mlp locate 491701234567 --server https://mlp.example.net:9211 --accuracy 50 --age 30
      50 m or better, not older than 30 s
  groma mlp locate imsi:262010000000001 --emergency --user psap --password psap --xml
      as an emergency centre asks; the documents that go out and come back
  groma mlp receive --listen 127.0.0.1:9300
      waits for reports that a server pushes, and prints them
  groma mlp reports
      reports of the running server that their clients have not taken";

/// Asks an MLP server where handsets are, and takes its reports
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MlpArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Locate(Box<LocateArgs>),
    Receive(ReceiveArgs),
    Reports(ReportsArgs),
}

/// Asks where handsets are (slir, or eme_lir with --emergency)
#[derive(Debug, Args)]
struct LocateArgs {
    /// Handsets: telephone numbers, with or without +, or KIND:IDENTITY with imsi, imei, min, mdn, ip, nai, sip, tel.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// The server; without a path, /LocationQueryService is meant.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9210")]
    server: String,
    /// Name of the client.
    #[arg(long, value_name = "ID", default_value = "")]
    user: String,
    /// Its password; without, the variable GROMA_MLP_PASSWORD is taken.
    #[arg(long, value_name = "PASSWORD", hide_default_value = true)]
    password: Option<String>,
    /// Asks as emergency centres do (eme_lir).
    #[arg(long)]
    emergency: bool,
    /// Accuracy wanted, metres.
    #[arg(long, value_name = "M")]
    accuracy: Option<f64>,
    /// Oldest position taken, seconds.
    #[arg(long, value_name = "S")]
    age: Option<u32>,
    /// Time for the answer, seconds.
    #[arg(long, value_name = "S")]
    within: Option<u32>,
    /// Which position.
    #[arg(long, value_enum, default_value_t = Kind::Current)]
    kind: Kind,
    /// Version of MLP, 3.0 to 3.5.
    #[arg(long, value_name = "3.x", default_value = "3.4")]
    mlp_version: String,
    /// Prints the documents, request and answer.
    #[arg(long, conflicts_with = "json")]
    xml: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Roots for the server's certificate, PEM, besides those that browsers believe.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Where it is now.
    Current,
    /// What is known already.
    Last,
    /// Now, or else what is known.
    CurrentOrLast,
    /// What is known if it is good enough, or else now.
    LastOrCurrent,
    /// The first of an emergency call.
    Initial,
}

/// Takes reports that a server pushes, and prints them
#[derive(Debug, Args)]
struct ReceiveArgs {
    /// Address and port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9300")]
    listen: SocketAddr,
    /// Ends after so many reports.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// HTTP status with which reports are answered, to see what the server does then.
    #[arg(long, value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..600))]
    status: u16,
    /// Result with which standard location reports are answered (0 OK, 603 not accepted, …).
    #[arg(long, value_name = "CODE", default_value_t = 0)]
    result: u16,
    /// Prints the documents as they come.
    #[arg(long, conflicts_with = "json")]
    xml: bool,
    /// Prints one line of JSON a position.
    #[arg(long)]
    json: bool,
}

/// Reports of the running server that wait for their clients, and those that were given up
#[derive(Debug, Args)]
struct ReportsArgs {
    #[command(flatten)]
    server: ServerArg,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MlpArgs) -> Outcome {
    match &args.command {
        Command::Locate(args) => runtime()?.block_on(locate(args)),
        Command::Receive(args) => runtime()?.block_on(receive(args)),
        Command::Reports(args) => reports(args),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from)
}

// --- locate

async fn locate(args: &LocateArgs) -> Outcome {
    let url = server(&args.server)?;
    let request = request(args)?.into_xml();
    let within = Duration::from_secs(u64::from(args.within.unwrap_or(60)) + 30);
    let client = Client::new(args.ca.as_deref(), within).map_err(Failure::new)?;
    if args.xml {
        let shown = match password(args) {
            Some(p) if !p.is_empty() => request.replace(&format!("<pwd>{p}</pwd>"), "<pwd>…</pwd>"),
            _ => request.clone(),
        };
        print(&format!("{shown}\n\n"))?;
    }
    let answer = client.post(&url, request.into()).await.map_err(|e| {
        Failure::new(format!(
            "no answer from {}: {e} (is this the server's MLP port? see --server)",
            url.place()
        ))
    })?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if args.xml {
        print(&format!("{}\n", text.trim_end()))?;
    }
    let charset = answer.content_type.as_deref().and_then(charset);
    let document = parse(&answer.body, charset, &Reading::default()).map_err(|e| {
        let said = text.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
        Failure::new(format!("HTTP status {}: the answer is no MLP document ({e}): {said}", answer.status))
    })?;
    let items = match items(&document.body) {
        Ok(items) => items,
        Err(verdict) => return Err(Failure::new(explain(&verdict))),
    };
    let found = items.iter().filter(|i| i.place.is_some()).count();
    if args.json {
        print_json(&Value::Array(items.iter().map(Item::json).collect()))?;
    } else if !args.xml {
        for item in &items {
            print(&item.text())?;
        }
    }
    Ok(if found == items.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The URL of a server as people write it.
fn server(text: &str) -> Result<Url, Failure> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let path = with_scheme.split_once("://").map_or("", |(_, rest)| rest).contains('/');
    let whole = if path { with_scheme } else { format!("{with_scheme}/LocationQueryService") };
    whole.parse().map_err(|e| Failure::new(format!("--server {text}: {e}")))
}

fn password(args: &LocateArgs) -> Option<String> {
    args.password.clone().or_else(|| std::env::var("GROMA_MLP_PASSWORD").ok())
}

fn request(args: &LocateArgs) -> Result<Document, Failure> {
    let version = Version::from_text(&args.mlp_version)
        .ok_or_else(|| Failure::new(format!("--mlp-version {}: 3.0 to 3.5", args.mlp_version)))?;
    let targets: Vec<Msid> = args.targets.iter().map(|t| target(t)).collect::<Result<_, _>>()?;
    if args.accuracy.is_some_and(|a| !(a.is_finite() && a >= 0.0)) {
        return Err(Failure::new("--accuracy: metres, not negative"));
    }
    let accuracy = args.accuracy.map(|value| HorizontalAccuracy::Metres(Accuracy { class: None, value }));
    let eqop = Eqop {
        resp_req: None,
        resp_timer: args.within,
        horizontal: accuracy,
        vertical: None,
        max_loc_age: args.age,
    };
    let eqop = (eqop != Eqop::default()).then_some(eqop);
    let kind = match args.kind {
        Kind::Current => LocKind::Current,
        Kind::Last => LocKind::Last,
        Kind::CurrentOrLast => LocKind::CurrentOrLast,
        Kind::LastOrCurrent => LocKind::LastOrCurrent,
        Kind::Initial => LocKind::Initial,
    };
    let loc_type = (kind != LocKind::Current).then(|| LocType { kind, ..LocType::default() });
    let body: Body = if args.emergency {
        let calls = targets.into_iter().map(|msid| EmeTarget::new(vec![msid])).collect::<Vec<_>>();
        // Several identities after each other would be one target's.
        let targets = match calls.as_slice() {
            [_] => EmeTargets::Calls(calls),
            _ => EmeTargets::List(Msids(
                calls.into_iter().flat_map(|c| c.msids).map(|m| MsidsEntry::One(m.into())).collect(),
            )),
        };
        EmeLir {
            response: ResponseType::Sync,
            targets,
            eqop,
            geo_info: None,
            loc_type,
            push_address: None,
            map: None,
        }
        .into()
    } else {
        let list = Msids(targets.into_iter().map(|m| MsidsEntry::One(m.into())).collect());
        Slir {
            response: ResponseType::Sync,
            targets: SlirTargets::List(list),
            eqop,
            geo_info: None,
            loc_type,
            prio: None,
            push_address: None,
            coverage: None,
            map: None,
            motion_state: false,
            reference_point: None,
        }
        .into()
    };
    let header = Header::login(args.user.clone(), password(args).map(Into::into));
    Ok(Document::with_header(version, header, body))
}

fn target(text: &str) -> Result<Msid, Failure> {
    let wrong = || {
        Failure::new(format!(
            "`{text}` is no target: give a telephone number, or imsi:262010000000001, nai:user@realm …"
        ))
    };
    let (kind, id) = match text.split_once(':') {
        None => (MsidType::Msisdn, text),
        Some((kind, id)) => match kind.to_ascii_lowercase().as_str() {
            "msisdn" => (MsidType::Msisdn, id),
            "imsi" => (MsidType::Imsi, id),
            "imei" => (MsidType::Imei, id),
            "min" => (MsidType::Min, id),
            "mdn" => (MsidType::Mdn, id),
            "ip" if id.contains(':') => (MsidType::Ipv6, id),
            "ip" => (MsidType::Ipv4, id),
            "nai" => (MsidType::Nai, id),
            "sip" | "sips" => (MsidType::SipUri, text),
            "tel" => (MsidType::TelUrl, text),
            _ => return Err(wrong()),
        },
    };
    let id: String = if kind == MsidType::Msisdn {
        let digits: String = id.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')' | '/')).collect();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        digits
    } else {
        id.to_owned()
    };
    Ok(Msid::new(kind, id))
}

// --- what answers and reports say

/// What is said of one target.
pub(super) struct Item {
    target: String,
    /// Latitude, longitude, uncertainty in metres.
    pub(super) place: Option<(f64, f64, Option<f64>)>,
    time: Option<String>,
    quality_missed: bool,
    intermediate: bool,
    speed_mps: Option<f64>,
    altitude_m: Option<f64>,
    pub(super) failure: Option<Verdict>,
}

impl Item {
    fn of(msid: Option<&Msid>, intermediate: bool) -> Self {
        Self {
            target: msid.map_or_else(|| "?".to_owned(), |m| m.id.as_str().to_owned()),
            place: None,
            time: None,
            quality_missed: false,
            intermediate,
            speed_mps: None,
            altitude_m: None,
            failure: None,
        }
    }

    fn with_pd(mut self, pd: &Pd) -> Self {
        self.time = Some(pd.time.utc.to_string());
        self.quality_missed = pd.qos_not_met;
        match convert::position::read(pd, None, &[], Crs::Wgs84) {
            Ok(estimate) => {
                let radius = estimate.shape.horizontal_uncertainty_m();
                self.place = estimate.shape.centre().map(|c| (c.lat, c.lon, radius));
                self.speed_mps = estimate.velocity.map(|v| v.speed_mps);
                self.altitude_m = estimate.shape.altitude_m();
            }
            Err(fault) => self.failure = Some(Verdict::with_info(fault.code(), fault.add_info())),
        }
        self
    }

    fn failed(mut self, error: &PosErr) -> Self {
        self.time = Some(error.time.utc.to_string());
        self.failure = Some(error.verdict.clone());
        self
    }

    fn with(self, outcome: &PosOutcome) -> Self {
        match outcome {
            PosOutcome::Position(pd) => self.with_pd(pd),
            PosOutcome::Error(error) => self.failed(error),
            PosOutcome::LocationUri(_) => Self {
                failure: Some(Verdict::with_info(ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED, "location_uri")),
                ..self
            },
        }
    }

    pub(super) fn text(&self) -> String {
        let mut line = format!("{}: ", self.target);
        match (&self.place, &self.failure) {
            (Some((lat, lon, radius)), _) => {
                let _ = write!(line, "{lat:.6}, {lon:.6}");
                if let Some(radius) = radius {
                    let _ = write!(line, " ± {radius:.0} m");
                }
                if let Some(altitude) = self.altitude_m {
                    let _ = write!(line, ", {altitude:.0} m high");
                }
                if let Some(speed) = self.speed_mps.filter(|s| *s > 0.0) {
                    let _ = write!(line, ", {speed:.0} m/s");
                }
                if let Some(time) = &self.time {
                    let _ = write!(line, ", at {time}");
                }
                if self.quality_missed {
                    line += " (less exact than was asked for)";
                }
                if self.intermediate {
                    line += " (a better one follows)";
                }
                let _ = write!(
                    line,
                    "\n  https://www.openstreetmap.org/?mlat={lat:.6}&mlon={lon:.6}#map=17/{lat:.5}/{lon:.5}"
                );
            }
            (None, Some(verdict)) => line += &explain(verdict),
            (None, None) => line += self.time.as_deref().unwrap_or("nothing"),
        }
        line + "\n"
    }

    fn json(&self) -> Value {
        json!({
            "target": self.target,
            "lat": self.place.map(|p| p.0),
            "lon": self.place.map(|p| p.1),
            "radius_m": self.place.and_then(|p| p.2),
            "altitude_m": self.altitude_m,
            "speed_mps": self.speed_mps,
            "time": self.time,
            "qos_not_met": self.quality_missed,
            "intermediate": self.intermediate,
            "result": self.failure.as_ref().map(|v| v.code.0),
            "reason": self.failure.as_ref().map(explain),
        })
    }
}

/// A result in words.
pub(super) fn explain(verdict: &Verdict) -> String {
    let slogan =
        verdict.code.slogan().map(str::to_owned).or_else(|| verdict.slogan.clone()).unwrap_or_default();
    let info = verdict.add_info.as_ref().map_or_else(String::new, |i| format!(" ({i})"));
    let hint = match verdict.code {
        ResultCode::UNAUTHORIZED_APPLICATION => {
            ": see --user and --password, and the services of the client's profile"
        }
        ResultCode::POSITIONING_NOT_ALLOWED => ": the subscriber's privacy forbids it",
        ResultCode::ABSENT_SUBSCRIBER => ": the handset cannot be reached",
        _ => "",
    };
    format!("result {} {slogan}{info}{hint}", verdict.code.0)
}

fn answered<P>(answer: &Answer<P>, item: impl Fn(&P) -> Item) -> Result<Vec<Item>, Verdict> {
    match answer {
        Answer::Positions(positions) => Ok(positions.iter().map(item).collect()),
        Answer::Refused(verdict) => Err(verdict.clone()),
        Answer::Later(_) => Ok(Vec::new()),
    }
}

/// What a document says of targets, or of itself as a whole.
pub(super) fn items(body: &Body) -> Result<Vec<Item>, Verdict> {
    use crate::le::mlp::model::{EmePos, EmeReport, Pos, ResultType, TrlPos};
    let pos = |p: &Pos| Item::of(Some(&p.msid), p.result == ResultType::Intermediate).with(&p.outcome);
    let eme = |p: &EmePos| {
        let item = Item::of(p.msids.first(), p.result == ResultType::Intermediate);
        match &p.outcome {
            Some(outcome) => item.with(outcome),
            None => item,
        }
    };
    let trl = |p: &TrlPos| {
        let item = Item::of(p.msid.as_ref(), false);
        match &p.outcome {
            TrlOutcome::Position(pd) => item.with_pd(pd),
            TrlOutcome::Error(error) => item.failed(error),
            TrlOutcome::Time(time) => Item { time: Some(time.utc.to_string()), ..item },
            TrlOutcome::Analytic(_) => item,
        }
    };
    match body {
        Body::Slia(b) => answered(&b.answer, pos),
        Body::EmeLia(b) => answered(&b.answer, eme),
        Body::Hlia(b) => answered(&b.answer, pos),
        Body::Slirep(b) => Ok(b.positions.iter().map(pos).collect()),
        Body::Slrep(b) => Ok(b.positions.iter().map(pos).collect()),
        Body::Hlirep(b) => Ok(b.positions.iter().map(pos).collect()),
        Body::Tlrep(b) => Ok(b.positions.iter().map(trl).collect()),
        Body::Emerep(b) => Ok(b.event.positions.iter().map(eme).collect()),
        Body::EmeLirep(b) => match &b.report {
            EmeReport::Positions(positions) => Ok(positions.iter().map(eme).collect()),
            EmeReport::Failed(verdict) => Err(verdict.clone()),
        },
        Body::Gem(b) => Err(b.verdict.clone()),
        _ => Ok(Vec::new()),
    }
}

// --- receive

async fn receive(args: &ReceiveArgs) -> Outcome {
    let listener = TcpListener::bind(args.listen).await.map_err(|e| {
        Failure::new(format!("cannot listen on {}: {e}{}", args.listen, crate::net::way_out(&e)))
    })?;
    let at = listener.local_addr()?;
    eprintln!("groma: waiting for reports at http://{at}/ (end with Ctrl-C)");
    let (send, mut reports) = mpsc::channel(16);
    let manners = Manners { status: args.status, verdict: ResultCode(args.result) };
    tokio::spawn(Receiver::new(send, manners).run(listener));
    let mut taken = 0;
    while args.count.is_none_or(|most| taken < most) {
        let report = tokio::select! {
            report = reports.recv() => report,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(report) = report else { break };
        show(args, &report)?;
        taken += 1;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ReceiveArgs, report: &Received) -> Result<(), Failure> {
    if args.xml {
        return print(&format!("{}\n", String::from_utf8_lossy(&report.octets).trim_end()));
    }
    let document = match &report.document {
        Ok(document) => document,
        Err(fault) => return print(&format!("from {}: no MLP document: {fault}\n", report.from)),
    };
    let service = document.body.service().name();
    match items(&document.body) {
        Ok(items) if args.json => items.iter().try_for_each(|item| {
            let mut value = item.json();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("report".to_owned(), json!(service));
            }
            print(&format!("{value}\n"))
        }),
        Ok(items) => {
            print(&format!("{service}\n"))?;
            items.iter().try_for_each(|item| print(&item.text()))
        }
        Err(verdict) => print(&format!("{service}: {}\n", explain(&verdict))),
    }
}

// --- reports

fn reports(args: &ReportsArgs) -> Outcome {
    let value = args.server.get_json("/admin/mlp/reports")?;
    if args.json {
        print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let waiting = value.get("waiting").and_then(Value::as_object);
    let mut text = String::new();
    match waiting.filter(|w| !w.is_empty()) {
        Some(waiting) => {
            for (client, count) in waiting {
                let _ = writeln!(text, "{client}: {count} waiting");
            }
        }
        None => text += "no report waits\n",
    }
    for dead in value.get("dead").and_then(Value::as_array).into_iter().flatten() {
        let field = |name: &str| dead.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let _ = writeln!(
            text,
            "given up {}: {} for {} at {}, written {}: {}",
            field("given_up"),
            field("kind"),
            field("client"),
            field("place"),
            field("created"),
            field("reason"),
        );
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_targets_as_people_write_them() {
        let url = |t: &str| server(t).unwrap().to_string();
        assert_eq!(url("127.0.0.1:9210"), "http://127.0.0.1:9210/LocationQueryService");
        assert_eq!(url("https://a.example/le"), "https://a.example:443/le");
        let shown = |t: &str| target(t).map(|m| (m.kind, m.id.into_string())).ok();
        assert_eq!(shown("+49 170 1234567"), Some((MsidType::Msisdn, "491701234567".to_owned())));
        assert_eq!(shown("imsi:262010000000001"), Some((MsidType::Imsi, "262010000000001".to_owned())));
        assert_eq!(shown("tel:+491701234567"), Some((MsidType::TelUrl, "tel:+491701234567".to_owned())));
        assert_eq!(shown("pigeon:1"), None);
        assert_eq!(shown("abc"), None);
    }
}
