//! Every state against every kind of input, pinned.

use std::fmt::Write as _;

use super::*;
use crate::slc::FrameFault;
use crate::wire::ulp::{PosMethod, Response};

const STATES: [&str; 3] = ["await-start", "await-pos-init", "positioning"];

/// A session in a state.
fn in_state(name: &str) -> Lab {
    let mut lab = Lab::new();
    if name != "await-start" {
        lab.message(Version::V2, start(capabilities(true)));
    }
    if name == "positioning" {
        lab.message(Version::V2, UlpMessage::PosInit(Box::new(pos_init(capabilities(true)))));
    }
    assert_eq!(lab.session.state_name(), name);
    lab
}

/// SUPL TRIGGERED STOP (0) or SUPL NOTIFY RESPONSE (1): messages of services that are not offered.
fn unserved(message: u8) -> Vec<u8> {
    use groma_asn1::ulp as asn;
    let ids = SessionIds { set: Some(set_session()), slp: Some(slp_session()) };
    let end = UlpPdu { version: Version::V2, session: ids, message: UlpMessage::End(Box::default()) };
    let mut pdu = asn::decode(&end.encode().unwrap()).unwrap();
    pdu.message = match message {
        0 => asn::UlpMessage::msSUPLTRIGGEREDSTOP(asn::Ver2SUPLTRIGGEREDSTOP::default()),
        _ => asn::UlpMessage::msSUPLNOTIFYRESPONSE(asn::Ver2SUPLNOTIFYRESPONSE::default()),
    };
    asn::encode(&pdu).unwrap()
}

const INPUTS: [&str; 20] = [
    "start",
    "pos-init",
    "pos",
    "end",
    "response",
    "triggered-stop",
    "notify-response",
    "wrong-slp-session",
    "wrong-set-session",
    "other-minor",
    "other-major",
    "major-9",
    "garbage",
    "nothing",
    "too-long-frame",
    "early-timeout",
    "timeout",
    "cap",
    "disconnected",
    "shutdown",
];

fn act(lab: &mut Lab, name: &str) {
    let init = || UlpMessage::PosInit(Box::new(pos_init(capabilities(true))));
    let version = |maj, min| Version { maj, min, servind: 0 };
    match name {
        "start" => lab.message(Version::V2, start(capabilities(true))),
        "pos-init" => lab.message(Version::V2, init()),
        "pos" => lab.message(Version::V2, lpp_pos(&[LppMessage::default()])),
        "end" => lab.message(Version::V2, UlpMessage::End(Box::default())),
        "response" => {
            lab.message(Version::V2, UlpMessage::Response(Box::new(Response::new(PosMethod::Ecid))))
        }
        "triggered-stop" => lab.pdu(&unserved(0)),
        "notify-response" => lab.pdu(&unserved(1)),
        "wrong-slp-session" => {
            let slp = SlpSessionId { id: [9; 4], ..slp_session() };
            let session = SessionIds { set: Some(set_session()), slp: Some(slp) };
            lab.pdu(&UlpPdu { version: Version::V2, session, message: init() }.encode().unwrap())
        }
        "wrong-set-session" => {
            let set = SetSessionId { id: 2, ..set_session() };
            let session = SessionIds { set: Some(set), slp: None };
            lab.pdu(&UlpPdu { version: Version::V2, session, message: lpp_pos(&[]) }.encode().unwrap())
        }
        "other-minor" => lab.message(version(2, 7), lpp_pos(&[])),
        "other-major" => {
            lab.message(version(1, 0), UlpMessage::PosInit(Box::new(pos_init(capabilities(false)))))
        }
        "major-9" => lab.message(version(9, 0), start(capabilities(true))),
        "garbage" => lab.pdu(&[0, 7, 2, 0, 0, 0xff, 0xff]),
        "nothing" => lab.pdu(&[]),
        "too-long-frame" => lab.input(Input::Unframed(FrameFault::TooLong)),
        "early-timeout" => lab.input(Input::Timeout),
        "timeout" => {
            lab.wake();
            lab
        }
        "cap" => {
            lab.pass(Duration::from_secs(301));
            lab.input(Input::Timeout)
        }
        "disconnected" => lab.input(Input::Disconnected),
        "shutdown" => lab.input(Input::Shutdown),
        _ => panic!("{name}"),
    };
}

/// What an input led to, in words.
fn words(lab: &Lab) -> String {
    let mut text = String::new();
    for pdu in lab.sent() {
        let _ = match &pdu.message {
            UlpMessage::End(end) => {
                write!(text, "END {} ", end.status.map_or("ok", StatusCode::name))
            }
            message => write!(text, "{} ", message.kind().name().trim_start_matches("SUPL ")),
        };
    }
    let _ = write!(text, "→ {}", lab.session.state_name());
    if lab.session.is_closed() {
        let _ = write!(text, " ({})", lab.record().outcome.name());
    }
    text
}

#[test]
fn every_state_against_every_input() {
    let mut table = String::new();
    for state in STATES {
        for name in INPUTS {
            let mut lab = in_state(state);
            act(&mut lab, name);
            let _ = writeln!(table, "{state} · {name}: {}", words(&lab));
            closed_is_closed(&mut lab);
        }
    }
    assert_eq!(table.trim(), include_str!("table.txt").trim(), "\n{table}");
}

/// Whatever the way to the end, nothing comes after it, and there was one record and at most one SUPL END.
fn closed_is_closed(lab: &mut Lab) {
    if !lab.session.is_closed() {
        assert!(lab.session.next_timeout().is_some());
        return;
    }
    assert_eq!(lab.session.next_timeout(), None);
    assert_eq!(lab.all.last(), Some(&Action::Close));
    lab.record();
    let ends = sent(&lab.all).iter().filter(|p| matches!(p.message, UlpMessage::End(_))).count();
    assert!(ends <= 1);
    for name in INPUTS.into_iter().filter(|name| *name != "timeout") {
        act(lab, name);
        assert!(lab.out.is_empty());
    }
}
