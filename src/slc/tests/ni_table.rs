//! Every state of a session that answers an order against every kind of input, pinned.

use std::fmt::Write as _;

use groma_asn1::ulp as asn;

use super::network_initiated::{asked_for_position, give_position};
use super::orders::{ORDER, answer, order};
use super::*;
use crate::slc::ni::{Asked, Invited, Notification, Order, OrderEvent, Revocation};
use crate::wire::ulp::{AuthReq, End};

const STATES: [&str; 3] = ["await-start", "positioning", "await-notify"];

/// A session in a state: it answers an order whose consent comes last.
fn in_state(name: &str) -> (Lab, Arc<Invited>) {
    let kind = Asked::VerifyDenyIfNoAnswer;
    let notification = Some(Notification { kind, by_location: true, ..Notification::default() });
    let order = Order { notification, ..order() };
    let (lab, invited) = match name {
        "await-start" => Lab::ordered(order),
        "positioning" => {
            let (mut lab, invited) = Lab::ordered(order);
            lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
            (lab, invited)
        }
        _ => {
            let (mut lab, invited) = asked_for_position(order);
            give_position(&mut lab);
            (lab, invited)
        }
    };
    assert_eq!(lab.session.state_name(), name, "{:#?}", lab.out);
    (lab, invited)
}

const INPUTS: [&str; 24] = [
    "start",
    "pos-init",
    "pos-init-wrong-ver",
    "pos-init-without-ver",
    "pos",
    "end",
    "end-denied",
    "end-granted-without-ver",
    "end-mismatch",
    "auth-req",
    "auth-req-wrong-ver",
    "notify-allowed",
    "notify-denied",
    "triggered-start",
    "wrong-slp-session",
    "other-set-session",
    "without-slp-session",
    "garbage",
    "timeout",
    "deadline",
    "disconnected",
    "shutdown",
    "superseded",
    "cancelled",
];

fn act(lab: &mut Lab, invited: &Invited, name: &str) {
    let right = Some(invited.invitation.ver);
    let init = |ver| UlpMessage::PosInit(Box::new(PosInit { ver, ..pos_init(capabilities(true)) }));
    let end = |status, ver| UlpMessage::End(Box::new(End { status, ver, ..End::default() }));
    let auth = |ver| UlpMessage::AuthReq(Box::new(AuthReq { ver, capabilities: None }));
    let ours = SlpSessionId { id: ORDER, ..slp_session() };
    let pdu = |set, slp, message| {
        UlpPdu { version: Version::V2, session: SessionIds { set, slp }, message }.encode().unwrap()
    };
    let v2 = Version::V2;
    match name {
        "start" => lab.message(v2, start(capabilities(true))),
        "pos-init" => lab.message(v2, init(right)),
        "pos-init-wrong-ver" => lab.message(v2, init(Some([7; 8]))),
        "pos-init-without-ver" => lab.message(v2, init(None)),
        "pos" => lab.message(v2, lpp_pos(&[LppMessage::default()])),
        "end" => lab.message(v2, end(None, right)),
        "end-denied" => lab.message(v2, end(Some(StatusCode::ConsentDeniedByUser), right)),
        "end-granted-without-ver" => lab.message(v2, end(Some(StatusCode::ConsentGrantedByUser), None)),
        "end-mismatch" => lab.message(v2, end(Some(StatusCode::PosMethodMismatch), None)),
        "auth-req" => lab.message(v2, auth(right)),
        "auth-req-wrong-ver" => lab.message(v2, auth(Some([7; 8]))),
        "notify-allowed" => lab.message(v2, UlpMessage::NotifyResponse(Some(true))),
        "notify-denied" => lab.message(v2, UlpMessage::NotifyResponse(Some(false))),
        "triggered-start" => lab.pdu(&triggered_start(ours)),
        "wrong-slp-session" => {
            let slp = SlpSessionId { id: [9; 4], ..slp_session() };
            lab.pdu(&pdu(Some(set_session()), Some(slp), init(right)))
        }
        "other-set-session" => {
            let set = SetSessionId { id: 2, ..set_session() };
            lab.pdu(&pdu(Some(set), Some(ours), init(right)))
        }
        "without-slp-session" => lab.pdu(&pdu(Some(set_session()), None, init(right))),
        "garbage" => lab.pdu(&[0, 7, 2, 0, 0, 0xff, 0xff]),
        "timeout" => {
            lab.wake();
            lab
        }
        "deadline" => {
            lab.pass(Duration::from_mins(1));
            lab.input(Input::Timeout)
        }
        "disconnected" => lab.input(Input::Disconnected),
        "shutdown" => lab.input(Input::Shutdown),
        "superseded" => lab.input(Input::Revoked(Revocation::Superseded)),
        "cancelled" => lab.input(Input::Revoked(Revocation::Cancelled)),
        _ => panic!("{name}"),
    };
}

/// A SUPL TRIGGERED START that answers a SUPL INIT.
fn triggered_start(slp: SlpSessionId) -> Vec<u8> {
    let session = SessionIds { set: Some(set_session()), slp: Some(slp) };
    let init = UlpMessage::PosInit(Box::new(pos_init(capabilities(true))));
    let mut pdu =
        asn::decode(&UlpPdu { version: Version::V2, session, message: init }.encode().unwrap()).unwrap();
    let asn::UlpMessage::msSUPLPOSINIT(init) = pdu.message else { panic!() };
    pdu.message = asn::UlpMessage::msSUPLTRIGGEREDSTART(asn::Ver2SUPLTRIGGEREDSTART {
        s_etcapabilities: init.s_etcapabilities,
        location_id: init.location_id,
        ver: None,
        qo_p: None,
        multiple_location_ids: None,
        third_party: None,
        application_id: None,
        trigger_type: Some(asn::TriggerType::periodic),
        trigger_params: None,
        position: None,
        reporting_cap: None,
        cause_code: None,
    });
    asn::encode(&pdu).unwrap()
}

/// What an input led to, in words.
fn words(lab: &Lab) -> String {
    let mut text = String::new();
    for pdu in lab.sent() {
        let _ = match &pdu.message {
            UlpMessage::End(end) => write!(text, "END {} ", end.status.map_or("ok", StatusCode::name)),
            message => write!(text, "{} ", message.kind().name().trim_start_matches("SUPL ")),
        };
    }
    let _ = write!(text, "→ {}", lab.session.state_name());
    for event in lab.events() {
        let _ = match event {
            OrderEvent::Arrived { .. } => write!(text, ", arrived"),
            OrderEvent::Position { .. } => write!(text, ", position"),
            OrderEvent::Ended(end) => write!(text, ", {}", end.name()),
        };
    }
    text
}

#[test]
fn every_state_against_every_input() {
    let mut table = String::new();
    for state in STATES {
        for name in INPUTS {
            let (mut lab, invited) = in_state(state);
            act(&mut lab, &invited, name);
            let _ = writeln!(table, "{state} · {name}: {}", words(&lab));
            closed_is_closed(&mut lab, &invited);
        }
    }
    assert_eq!(table.trim(), include_str!("ni_table.txt").trim(), "\n{table}");
}

/// However it ended: one record, at most one SUPL END, one end of the order if it was taken, and nothing after that.
fn closed_is_closed(lab: &mut Lab, invited: &Invited) {
    let ends = lab.events().iter().filter(|e| matches!(e, OrderEvent::Ended(_))).count();
    let taken = lab.orders.find(ORDER).is_none();
    if !lab.session.is_closed() {
        assert_eq!(ends, 0);
        return;
    }
    assert_eq!(ends, usize::from(taken));
    assert_eq!(lab.all.last(), Some(&Action::Close));
    lab.record();
    let said = sent(&lab.all).iter().filter(|p| matches!(p.message, UlpMessage::End(_))).count();
    assert!(said <= 1);
    for name in INPUTS.into_iter().filter(|name| *name != "timeout") {
        act(lab, invited, name);
        assert!(lab.out.is_empty());
    }
}
