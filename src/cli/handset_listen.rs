//! `groma handset listen`: a handset that waits to be asked for its position.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::Outcome;
use super::handset::SessionArgs;
use super::output::{Failure, print, print_json};
use crate::handset::{
    Answer, Goal, Heard, Listener, ListenerOptions, Motion, Paint, Provisioned, Report, Route, Step,
};

/// Waits for SUPL INIT on a UDP port and answers as a handset does: asks its user, connects, is positioned.
///
/// What is no SUPL INIT, comes again, or lacks the protection that was asked for is thrown away and said so. Which method
/// and version are used, the INIT says; the handset's own `--supl` is the highest it speaks.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7275")]
    udp: SocketAddr,
    /// What the user says when asked: allow, deny, or ignore (says nothing; what that means, the question says).
    #[arg(long, value_name = "ANSWER", default_value = "allow", value_parser = parse_answer)]
    answer: Answer,
    /// Seconds that the user takes to say it.
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = parse_hesitation)]
    hesitate: f64,
    /// Insist on basic protection under this key: 8 octets of identifier and the key, hexadecimal.
    #[arg(long, value_name = "ID:KEY", value_parser = parse_key)]
    key: Option<Key>,
    /// Be in an emergency call: a SUPL INIT that says it is for one is believed without protection.
    #[arg(long)]
    emergency_call: bool,
    /// Walk: points and metres per second [default speed: 1.4], round and round.
    #[arg(long, value_name = "LAT,LON;LAT,LON;…[@SPEED]", allow_hyphen_values = true, conflicts_with = "at")]
    route: Option<Route>,
    /// End after the first session.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// A key of basic protection.
#[derive(Clone, Debug)]
struct Key(Provisioned);

fn parse_answer(s: &str) -> Result<Answer, String> {
    match s {
        "allow" => Ok(Answer::Allow),
        "deny" => Ok(Answer::Deny),
        "ignore" => Ok(Answer::Ignore),
        _ => Err("allow, deny or ignore".to_owned()),
    }
}

fn parse_hesitation(s: &str) -> Result<f64, String> {
    match s.parse::<f64>() {
        Ok(v) if (0.0..=3600.0).contains(&v) => Ok(v),
        _ => Err("seconds between 0 and 3600".to_owned()),
    }
}

fn parse_key(s: &str) -> Result<Key, String> {
    let parsed = s.split_once(':').and_then(|(id, key)| {
        let key_id = octets(id)?.try_into().ok()?;
        Some(Key(Provisioned::Basic { key: octets(key).filter(|k| !k.is_empty())?, key_id }))
    });
    parsed.ok_or_else(|| {
        "16 hexadecimal digits, a colon, and the key in hexadecimal digits, such as 0000000000000001:00ff…".to_owned()
    })
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|d| d.iter().fold(0, |v, d| v << 4 | d)).collect())
}

impl ListenArgs {
    fn options(self) -> Result<(SocketAddr, bool, bool, ListenerOptions), String> {
        let (session, json) = self.session.options(Goal::Agnss)?;
        let motion = match (self.route, session.place) {
            (Some(route), _) => Motion::Route(route),
            (None, Some(place)) => Motion::Still(place),
            (None, None) => Motion::Unknown,
        };
        let options = ListenerOptions {
            answer: self.answer,
            hesitates: Duration::from_secs_f64(self.hesitate),
            emergency_call: self.emergency_call,
            provisioned: self.key.map_or(Provisioned::Null, |Key(p)| p),
            ..ListenerOptions::new(session, motion)
        };
        Ok((self.udp, self.once, json, options))
    }
}

/// Runs the command.
pub(super) fn run(args: ListenArgs) -> Outcome {
    let (udp, once, json, options) = match args.options() {
        Ok(o) => o,
        Err(why) => {
            Failure::new(why).report();
            return Ok(ExitCode::from(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(udp, once, json, options))
}

/// What to do about a port that cannot be had.
fn way_out(e: &std::io::Error, udp: SocketAddr) -> String {
    if e.kind() == std::io::ErrorKind::AddrInUse {
        // The handsets of the demo have addresses of their own, beside which there is room for more.
        format!(
            "; others wait there, such as the handsets of a demo: give this one an address of its own, as --udp 127.0.0.50:{}",
            udp.port()
        )
    } else {
        crate::net::way_out(e).to_owned()
    }
}

async fn listen(udp: SocketAddr, once: bool, json: bool, options: ListenerOptions) -> Outcome {
    let paint = Paint::for_stdout();
    let socket = UdpSocket::bind(udp)
        .await
        .map_err(|e| Failure::new(format!("cannot listen on {udp}: {e}{}", way_out(&e, udp))))?;
    let at = socket.local_addr()?;
    if json {
        print_json(&json!({ "listening": at.to_string() }))?;
    } else {
        print(&format!("waiting for SUPL INIT at udp {at}; Ctrl-C ends it\n"))?;
    }
    let show = move |step: &Step| {
        if !json {
            // A reader that has gone is noticed when the next result is printed.
            let _ = print(&format!("{}\n", step.line(paint)));
        }
    };
    let (done, mut results) = mpsc::unbounded_channel();
    let tell = move |from, heard| drop(done.send((from, heard)));
    let listener = Arc::new(Listener::new(options));
    let mut listening = tokio::spawn(listener.listen(socket, show, tell));
    loop {
        let (from, heard) = tokio::select! {
            failed = &mut listening => {
                let why = failed.map_or_else(|e| e.to_string(), |r| r.err().map_or_else(String::new, |e| e.to_string()));
                return Err(Failure::new(format!("the socket is gone: {why}")));
            }
            stop = tokio::signal::ctrl_c() => {
                stop?;
                return Ok(ExitCode::SUCCESS);
            }
            result = results.recv() => match result {
                Some(result) => result,
                None => return Ok(ExitCode::SUCCESS),
            },
        };
        report(from, &heard, json, paint)?;
        if let Some(code) = outcome(&heard).filter(|_| once) {
            return Ok(ExitCode::from(code));
        }
    }
}

/// The exit code of a session; nothing for what was thrown away.
fn outcome(heard: &Heard) -> Option<u8> {
    match heard {
        Heard::Discarded(_) => None,
        Heard::Answered(report) => Some(u8::from(!report.answered())),
        Heard::Unanswered(error) => Some(error.exit_code()),
    }
}

fn report(from: SocketAddr, heard: &Heard, json: bool, paint: Paint) -> Result<(), Failure> {
    match (heard, json) {
        (Heard::Discarded(why), true) => {
            print_json(&json!({ "from": from.to_string(), "discarded": why.to_string() }))
        }
        (Heard::Discarded(why), false) => print(&paint.yellow(&format!("thrown away, from {from}: {why}\n"))),
        (Heard::Unanswered(error), true) => {
            print_json(&json!({ "from": from.to_string(), "ok": false, "verdict": error.to_string() }))
        }
        (Heard::Unanswered(error), false) => print(&paint.red(&format!("not answered: {error}\n"))),
        (Heard::Answered(report), true) => print_json(&report.json()),
        (Heard::Answered(report), false) => print(&format!("{}\n", verdict(report, paint))),
    }
}

fn verdict(report: &Report, paint: Paint) -> String {
    let text = report.answer();
    if report.answered() { paint.green(&text) } else { paint.red(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        listen: ListenArgs,
    }

    fn options(line: &str) -> Result<ListenerOptions, String> {
        let args = Line::try_parse_from(line.split(' ')).map_err(|e| e.to_string())?;
        args.listen.options().map(|(_, _, _, o)| o)
    }

    #[test]
    fn a_line_becomes_options() {
        let o = options("groma --udp 127.0.0.1:0 --answer deny --msisdn 491700000001 --route 50,4;50.1,4@2")
            .unwrap();
        assert_eq!(o.answer, Answer::Deny);
        assert!(matches!(o.motion, Motion::Route(_)));
        let o = options("groma --at 50,4 --key 0000000000000001:00ff").unwrap();
        assert_eq!(o.provisioned, Provisioned::Basic { key: vec![0, 255], key_id: [0, 0, 0, 0, 0, 0, 0, 1] });
        assert!(matches!(o.motion, Motion::Still(_)));
        for line in [
            "groma --key 01:00",
            "groma --key 0000000000000001:0",
            "groma --answer perhaps",
            "groma --route x",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}
