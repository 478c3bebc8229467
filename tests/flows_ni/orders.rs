//! Somebody orders a position: SUPL INIT by UDP, the handset's answer over TLS or TCP, and how it can end otherwise.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use groma::base::cell::{CellId, Plmn};
use groma::base::ids::{SetSessionId, SlpSessionId};
use groma::base::{GeoPoint, PositionMethod, QualityOfPosition, SetId};
use groma::handset::{
    Answer, Discard, Fleet, FleetOptions, Goal, Heard, Listener, ListenerOptions, Motion, Options, Payload,
    Place, Provisioned, Report, Security,
};
use groma::slc;
use groma::slc::ni::{
    self, Asked, BasicProtection, Invited, Name, NameFormat, Notification, Order, OrderEnd, OrderEvent,
    PosMethod, Protection, Rendezvous, Revocation, Revoke, StatusCode, SuplVersion, TextEncoding, What,
};
use groma::wire::ulp::{self, End, SessionIds, UlpMessage, UlpPdu, Version};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::support::raw::TLS;
use crate::support::server::{Setup, TOWN, TestServer};

const LTE: CellId = CellId::Lte { plmn: Plmn { mcc: 1, mnc: 1 }, tac: 1, eci: 5 };
const NUMBER: &str = "491700000001";

/// Orders that wait for their SET.
#[derive(Default)]
struct Desk {
    orders: Mutex<HashMap<[u8; 4], Arc<Invited>>>,
    next: AtomicU32,
}

impl Rendezvous for Desk {
    fn find(&self, slp_session: [u8; 4]) -> Option<Arc<Invited>> {
        self.orders.lock().unwrap().get(&slp_session).cloned()
    }
    fn claim(&self, slp_session: [u8; 4]) -> bool {
        self.orders.lock().unwrap().remove(&slp_session).is_some()
    }
}

/// A server to which orders can be given, in a town.
struct Centre {
    desk: Arc<Desk>,
    server: TestServer,
    policy: slc::Policy,
}

impl Centre {
    fn open() -> Self {
        Self::with(slc::Config::default())
    }

    fn with(session: slc::Config) -> Self {
        let desk = Arc::new(Desk::default());
        let policy = session.resolve().expect("settings");
        let server = Setup { session, orders: Arc::clone(&desk) as _, ..Setup::default() }.start();
        Self { desk, server, policy }
    }

    /// An order, ready to be changed and given.
    fn order(&self) -> Order {
        let n = self.desk.next.fetch_add(1, Ordering::Relaxed);
        Order {
            slp_session: (0x1000_0000 + n).to_be_bytes(),
            target: SetId::Msisdn(NUMBER.parse().expect("digits")),
            alternatives: Vec::new(),
            version: SuplVersion::V2,
            what: What::Position,
            method: None,
            qop: Some(QualityOfPosition { horizontal_m: Some(50.0), ..QualityOfPosition::default() }),
            notification: None,
            emergency: false,
            protection: Protection::Absent,
            area: None,
            velocity: false,
            deadline: Instant::now() + Duration::from_secs(25),
        }
    }

    fn give(&self, order: Order) -> Arc<Invited> {
        let invitation = ni::invite(&order, &self.policy).expect("an INIT");
        let invited = Arc::new(Invited { order, invitation });
        self.desk.orders.lock().unwrap().insert(invited.order.slp_session, Arc::clone(&invited));
        invited
    }

    fn handset(&self) -> ListenerOptions {
        let mut options = Options::new(Goal::Agnss, self.server.ulp());
        options.security = Security::Plain;
        options.cells = vec![LTE];
        options.set_id = SetId::Msisdn(NUMBER.parse().expect("digits"));
        ListenerOptions::new(options, Motion::Still(place()))
    }

    /// Gives an order to one handset, and waits for both ends.
    async fn locate(&self, order: Order, handset: ListenerOptions) -> (Outcome, Report) {
        let invited = self.give(order);
        let heard = Listener::new(handset).hear(&invited.invitation.octets, show).await;
        let Heard::Answered(report) = heard else { panic!("{heard:?}") };
        let (events, end) = self.server.order(invited.order.slp_session).await;
        (Outcome { events, end }, *report)
    }
}

/// What became of an order.
struct Outcome {
    events: Vec<OrderEvent>,
    end: OrderEnd,
}

impl Outcome {
    /// The last position, by how much it is off, and whether it met the quality.
    fn position(&self) -> Option<(f64, PositionMethod, bool)> {
        let truth = place().at;
        self.events.iter().rev().find_map(|e| match e {
            OrderEvent::Position { estimate, qop_met } => {
                Some((estimate.shape.centre()?.distance_m(truth), estimate.method, *qop_met))
            }
            _ => None,
        })
    }
}

fn place() -> Place {
    Place { at: GeoPoint::new(TOWN.0 + 0.004, TOWN.1 - 0.003).expect("a place"), altitude_m: 60.0 }
}

fn show(step: &groma::handset::Step) {
    println!("{}", step.line(groma::handset::Paint::PLAIN));
}

/// A handset behind a UDP port: where it is, and what it hears.
async fn on_air(options: ListenerOptions) -> (SocketAddr, mpsc::UnboundedReceiver<Heard>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let at = socket.local_addr().expect("an address");
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(
        Arc::new(Listener::new(options)).listen(socket, show, move |_, heard| drop(tell.send(heard))),
    );
    (at, told)
}

async fn push(to: SocketAddr, octets: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    socket.send_to(octets, to).await.expect("sent");
}

#[tokio::test]
async fn set_based_over_udp_and_tls() {
    let centre = Centre::open();
    let mut handset = centre.handset();
    handset.session.security = TLS;
    let (at, mut heard) = on_air(handset).await;
    let invited = centre.give(centre.order());
    // Two bearers, and one of them twice: one session comes of it.
    for _ in 0..3 {
        push(at, &invited.invitation.octets).await;
    }
    let (events, end) = centre.server.order(invited.order.slp_session).await;
    assert_eq!(end, OrderEnd::Completed);
    let outcome = Outcome { events, end };
    let (off_m, method, met) = outcome.position().expect("a position");
    assert!(off_m < 40.0 && met && method == PositionMethod::AgnssMsBased, "{off_m} {method:?}");
    let (mut answered, mut again) = (0, 0);
    for _ in 0..3 {
        match heard.recv().await.expect("heard") {
            Heard::Answered(report) => {
                answered += 1;
                assert!(report.answered() && report.tls.is_some(), "{}", report.verdict());
                assert!(report.found.server_position.is_some(), "SUPL END carries it");
            }
            Heard::Discarded(Discard::Again) => again += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((answered, again), (1, 2));
    assert_eq!(centre.server.positions().len(), 1);
    centre.server.stop().await;
}

#[tokio::test]
async fn every_version_protocol_and_method() {
    let centre = Centre::open();
    for (version, payload, method) in [
        (SuplVersion::V1, Payload::Rrlp, PosMethod::AgpsSetBased),
        (SuplVersion::V1, Payload::Rrlp, PosMethod::AgpsSetAssisted),
        (SuplVersion::V1, Payload::Rrlp, PosMethod::AutonomousGps),
        (SuplVersion::V2, Payload::Rrlp, PosMethod::AgpsSetBased),
        (SuplVersion::V2, Payload::Rrlp, PosMethod::AgpsSetAssisted),
        (SuplVersion::V2, Payload::Lpp, PosMethod::AgnssSetBased),
        (SuplVersion::V2, Payload::Lpp, PosMethod::AgnssSetAssisted),
        (SuplVersion::V2, Payload::Lpp, PosMethod::AutonomousGnss),
    ] {
        let mut handset = centre.handset();
        handset.session.payload = payload;
        let order = Order { version, method: Some(method), ..centre.order() };
        let (outcome, report) = centre.locate(order, handset).await;
        let what = format!("{version:?} {payload:?} {method:?}");
        assert_eq!(outcome.end, OrderEnd::Completed, "{what}");
        let (off_m, how, _) = outcome.position().expect("a position");
        assert!(off_m < 60.0, "{what}: {off_m} m, {how:?}");
        let assisted = matches!(method, PosMethod::AgpsSetAssisted | PosMethod::AgnssSetAssisted);
        assert_eq!(how == PositionMethod::AgnssMsAssisted, assisted, "{what}: {how:?}");
        assert!(report.answered(), "{what}: {}", report.verdict());
    }
    centre.server.stop().await;
}

#[tokio::test]
async fn the_cell_alone() {
    let centre = Centre::open();
    let (outcome, report) =
        centre.locate(Order { method: Some(PosMethod::Ecid), ..centre.order() }, centre.handset()).await;
    assert_eq!(outcome.end, OrderEnd::Completed);
    let (_, method, met) = outcome.position().expect("a position");
    assert!(method == PositionMethod::CellId && !met);
    assert!(report.found.server_position.is_some());
    centre.server.stop().await;
}

#[tokio::test]
async fn consent_in_all_its_forms() {
    let centre = Centre::open();
    for (kind, answer, allowed) in [
        (Asked::Nothing, Answer::Deny, true),
        (Asked::PrivacyOverride, Answer::Deny, true),
        (Asked::Notify, Answer::Ignore, true),
        (Asked::VerifyAllowIfNoAnswer, Answer::Ignore, true),
        (Asked::VerifyAllowIfNoAnswer, Answer::Deny, false),
        (Asked::VerifyDenyIfNoAnswer, Answer::Allow, true),
        (Asked::VerifyDenyIfNoAnswer, Answer::Ignore, false),
    ] {
        for by_location in [false, true] {
            for what in [What::Position, What::ConsentOnly] {
                let notification = Notification {
                    kind,
                    by_location,
                    client: Some(Name::logical("Taxi")),
                    ..Notification::default()
                };
                let order = Order { notification: Some(notification), what, ..centre.order() };
                let handset = ListenerOptions { answer, ..centre.handset() };
                let (outcome, _) = centre.locate(order, handset).await;
                let expected = match (allowed, what) {
                    (false, _) => OrderEnd::ConsentDenied,
                    (true, What::Position) => OrderEnd::Completed,
                    (true, What::ConsentOnly) => OrderEnd::ConsentGranted,
                };
                let case = format!("{kind:?} {answer:?} by location: {by_location} {what:?}");
                assert_eq!(outcome.end, expected, "{case}");
                let told = outcome.position().is_some();
                assert_eq!(told, expected == OrderEnd::Completed, "{case}");
            }
        }
    }
    centre.server.stop().await;
}

#[tokio::test]
async fn names_of_every_coding_and_length_arrive() {
    let centre = Centre::open();
    let long = "Feuerwehr und Rettungsdienst der Stadt Brüssel, Leitstelle";
    for encoding in [TextEncoding::Ucs2, TextEncoding::GsmDefault, TextEncoding::Utf8] {
        for text in ["X", long] {
            let name = Name { text: text.to_owned(), format: NameFormat::LogicalName };
            let notification = Notification {
                kind: Asked::Notify,
                requestor: Some(name.clone()),
                client: Some(name),
                encoding: Some(encoding),
                by_location: false,
            };
            let invited = centre.give(Order { notification: Some(notification), ..centre.order() });
            let UlpMessage::Init(init) = UlpPdu::decode(&invited.invitation.octets).expect("a PDU").message
            else {
                panic!("no INIT")
            };
            let said = init.notification.expect("a notification");
            assert_eq!(said.encoding, Some(encoding));
            for (octets, format) in [said.requestor.expect("a name"), said.client.expect("a name")] {
                assert!((1..=50).contains(&octets.len()) && format == NameFormat::LogicalName);
                let shown = ulp::gsm::text(&octets, Some(encoding));
                assert!(text.starts_with(&shown) && !shown.is_empty(), "{encoding:?}: {shown}");
            }
        }
    }
    centre.server.stop().await;
}

/// Sends a message of the handset's own making on a connection of its own; gives the answer.
async fn say(centre: &Centre, invited: &Invited, message: UlpMessage) -> Option<UlpMessage> {
    let set = SetSessionId { id: 9, set_id: invited.order.target.clone() };
    let slp = SlpSessionId { id: invited.order.slp_session, slp: centre.policy.slp.clone() };
    let session = SessionIds { set: Some(set), slp: Some(slp) };
    let pdu = UlpPdu::new(Version::V2, session, message).encode().expect("a PDU");
    let limit = Duration::from_secs(5);
    let mut connection = groma::handset::Connection::open(centre.server.ulp(), &Security::Plain, limit)
        .await
        .expect("connected");
    connection.send(&pdu).await.expect("sent");
    let answer = connection.receive().await.expect("received")?;
    Some(UlpPdu::decode(&answer).expect("a PDU").message)
}

fn status(answer: Option<UlpMessage>) -> Option<StatusCode> {
    match answer {
        Some(UlpMessage::End(end)) => end.status,
        other => panic!("{other:?}"),
    }
}

fn pos_init(ver: Option<[u8; 8]>) -> UlpMessage {
    let mut capabilities = ulp::SetCapabilities::default();
    capabilities.gps.ms_based = true;
    capabilities.protocols.lpp = true;
    UlpMessage::PosInit(Box::new(ulp::PosInit {
        capabilities,
        assistance: None,
        location_ids: vec![groma::base::cell::LocationId::serving(LTE)],
        position: None,
        pos: None,
        ver,
    }))
}

#[tokio::test]
async fn wrong_hash_wrong_session_too_late() {
    let centre = Centre::open();
    for ver in [None, Some([0xff; 8])] {
        let invited = centre.give(centre.order());
        assert_eq!(
            status(say(&centre, &invited, pos_init(ver)).await),
            Some(StatusCode::AuthSuplInitFailure)
        );
        let (_, end) = centre.server.order(invited.order.slp_session).await;
        let OrderEnd::Failed(failure) = end else { panic!("{end:?}") };
        assert_eq!(failure.status(), StatusCode::AuthSuplInitFailure);
        // The order is over: the same SET with the right hash comes too late.
        let late = say(&centre, &invited, pos_init(Some(invited.invitation.ver))).await;
        assert_eq!(status(late), Some(StatusCode::InvalidSessionId));
    }
    let invited = centre.give(centre.order());
    let mut other = (*invited).clone();
    other.order.slp_session = [1, 2, 3, 4];
    let answer = say(&centre, &other, pos_init(Some(invited.invitation.ver))).await;
    assert_eq!(status(answer), Some(StatusCode::InvalidSessionId));
    let mut other = (*invited).clone();
    other.order.target = SetId::Msisdn("491700000002".parse().expect("digits"));
    let answer = say(&centre, &other, pos_init(Some(invited.invitation.ver))).await;
    assert_eq!(status(answer), Some(StatusCode::InvalidSessionId));
    assert!(centre.desk.find(invited.order.slp_session).is_some(), "the order still waits for its SET");
    centre.server.stop().await;
}

#[tokio::test]
async fn refusals_of_the_set() {
    let centre = Centre::open();
    for refusal in [
        StatusCode::NonProxyModeNotSupported,
        StatusCode::IncompatibleProtectionLevel,
        StatusCode::PosMethodMismatch,
        StatusCode::VersionNotSupported,
    ] {
        let invited = centre.give(centre.order());
        let end = End { ver: Some(invited.invitation.ver), ..End::with(refusal) };
        assert_eq!(
            say(&centre, &invited, UlpMessage::End(Box::new(end))).await,
            None,
            "an end is not answered"
        );
        assert_eq!(centre.server.order(invited.order.slp_session).await.1, OrderEnd::Refused(Some(refusal)));
    }
    centre.server.stop().await;
}

#[tokio::test]
async fn an_emergency_takes_the_place_of_another_session() {
    let centre = Centre::open();
    // An ordinary order whose SET says nothing after its POS INIT.
    let ordinary = centre.give(centre.order());
    let set = SetSessionId { id: 9, set_id: ordinary.order.target.clone() };
    let slp = SlpSessionId { id: ordinary.order.slp_session, slp: centre.policy.slp.clone() };
    let session = SessionIds { set: Some(set), slp: Some(slp) };
    let message = pos_init(Some(ordinary.invitation.ver));
    let pdu = UlpPdu::new(Version::V2, session, message).encode().expect("a PDU");
    let limit = Duration::from_secs(5);
    let mut silent = groma::handset::Connection::open(centre.server.ulp(), &Security::Plain, limit)
        .await
        .expect("connected");
    silent.send(&pdu).await.expect("sent");
    assert!(silent.receive().await.expect("received").is_some(), "SUPL POS");
    // An emergency for the same SET is served beside it.
    let urgent = Order { emergency: true, ..centre.order() };
    let (outcome, _) =
        centre.locate(urgent, ListenerOptions { answer: Answer::Deny, ..centre.handset() }).await;
    assert_eq!(outcome.end, OrderEnd::Completed);
    assert!(outcome.position().is_some_and(|(off_m, ..)| off_m < 40.0));
    // Whoever decides on precedence ends the other.
    centre.server.server.revoke(ordinary.order.slp_session, Revocation::Superseded);
    let told = UlpPdu::decode(&silent.receive().await.expect("received").expect("an end")).expect("a PDU");
    assert_eq!(status(Some(told.message)), Some(StatusCode::SessionStopped));
    let (_, end) = centre.server.order(ordinary.order.slp_session).await;
    assert_eq!(end, OrderEnd::Revoked(Revocation::Superseded));
    // What is over, or never was, cannot be revoked.
    centre.server.server.revoke(ordinary.order.slp_session, Revocation::Cancelled);
    centre.server.stop().await;
}

#[tokio::test]
async fn the_deadline_is_kept() {
    let centre = Centre::open();
    let order = Order { deadline: Instant::now() + Duration::from_millis(400), ..centre.order() };
    let invited = centre.give(order);
    let before = Instant::now();
    let answer = say(&centre, &invited, pos_init(Some(invited.invitation.ver))).await;
    assert!(matches!(answer, Some(UlpMessage::Pos(_))));
    let (events, end) = centre.server.order(invited.order.slp_session).await;
    // The handset went away after its first message, or the deadline came: either way the cell's position was told.
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(matches!(end, OrderEnd::Left | OrderEnd::Completed), "{end:?}");
    assert!(
        Outcome { events, end }.position().is_some_and(|(_, how, met)| how == PositionMethod::CellId && !met)
    );
    centre.server.stop().await;
}

#[tokio::test]
async fn protected_invitations() {
    let centre = Centre::open();
    let key = b"a key of sixteen".to_vec();
    let key_id = *b"groma-01";
    let mut handset = centre.handset();
    handset.provisioned = Provisioned::Basic { key: key.clone(), key_id };
    let (at, mut heard) = on_air(handset).await;
    let protected = |counter, key: &[u8]| {
        let protection = Protection::Basic(BasicProtection { key: key.to_vec(), key_id, counter });
        centre.give(Order { protection, ..centre.order() })
    };
    for (invited, expected) in [
        (centre.give(centre.order()), Some(Discard::Unprotected)),
        (centre.give(Order { protection: Protection::Null, ..centre.order() }), Some(Discard::Unprotected)),
        (protected(7, b"another"), Some(Discard::WrongCode)),
        (protected(7, &key), None),
        (protected(7, &key), Some(Discard::Replayed)),
        (protected(8, &key), None),
    ] {
        push(at, &invited.invitation.octets).await;
        match (heard.recv().await.expect("heard"), expected) {
            (Heard::Discarded(why), Some(expected)) => assert_eq!(why, expected),
            (Heard::Answered(report), None) => {
                assert!(report.answered());
                assert_eq!(centre.server.order(invited.order.slp_session).await.1, OrderEnd::Completed);
            }
            (other, expected) => panic!("{other:?} instead of {expected:?}"),
        }
    }
    centre.server.stop().await;
}

#[tokio::test]
async fn bad_datagrams_do_not_matter() {
    let centre = Centre::open();
    let (at, mut heard) = on_air(centre.handset()).await;
    let invited = centre.give(centre.order());
    let good = &invited.invitation.octets;
    let mut bad: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0xff; 1200], good[..good.len() - 1].to_vec()];
    bad.push([good.as_slice(), &[0]].concat());
    for octets in &bad {
        push(at, octets).await;
    }
    push(at, good).await;
    let mut discarded = 0;
    loop {
        match heard.recv().await.expect("heard") {
            Heard::Discarded(Discard::Unreadable(_)) => discarded += 1,
            Heard::Answered(report) => {
                assert!(report.answered(), "{}", report.verdict());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(discarded, bad.len());
    assert_eq!(centre.server.order(invited.order.slp_session).await.1, OrderEnd::Completed);
    centre.server.stop().await;
}

/// Every handset of a fleet is asked at once, and nobody gets another's position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_located_and_nobody_is_mixed_up() {
    let centre = Centre::open();
    let town = GeoPoint::new(TOWN.0, TOWN.1).expect("a place");
    let options = FleetOptions {
        count: 24,
        mixed: true,
        speed_mps: 0.0,
        cells: vec![LTE],
        ..FleetOptions::new(centre.server.ulp(), 491_700_000_001, town)
    };
    let fleet = Fleet::listen(&options, "127.0.0.1".parse().expect("an address"), 0, |_, _| (), |_, _| ())
        .await
        .expect("a fleet");
    let mut orders = Vec::new();
    for index in 0..fleet.len() {
        let target = fleet.handset(index).expect("a handset").options().session.set_id.clone();
        let invited = centre.give(Order { target, ..centre.order() });
        push(fleet.address(index).expect("an address"), &invited.invitation.octets).await;
        orders.push((index, invited));
    }
    for (index, invited) in orders {
        let (events, end) = centre.server.order(invited.order.slp_session).await;
        assert_eq!(end, OrderEnd::Completed, "{index}");
        let truth = fleet.place(index).expect("a place").at;
        let last = events.iter().rev().find_map(|e| match e {
            OrderEvent::Position { estimate, .. } => estimate.shape.centre(),
            _ => None,
        });
        assert!(last.expect("a position").distance_m(truth) < 60.0, "{index}");
    }
    let kept = centre.server.positions();
    assert_eq!(kept.len(), fleet.len());
    assert_eq!(
        centre.server.order_events().iter().filter(|(_, e)| matches!(e, OrderEvent::Ended(_))).count(),
        24
    );
    centre.server.stop().await;
}
