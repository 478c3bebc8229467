//! What breaks in the middle, comes twice, or comes in floods.

use groma::handset::{Connection, Goal, Options, Security};
use groma::service::{Absence, Congestion, LocateError};
use groma::slc::ni::StatusCode;
use groma::wire::ulp::{UlpMessage, UlpPdu, Version};

use super::town::{LTE, PATIENCE, Town, answered, off, pos_init, target};

/// A SET that vanishes in the middle leaves nothing behind; whoever asked gets what there was, or is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_vanishes() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let asked = town.ask(town.request("tracker", 1));
    let mut line = radio.call().await.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    line.vanish().await;
    assert!(asked.await.expect("an end").is_ok_and(|l| !l.qos_met), "the cell's position");
    town.quiet().await;
    // Without a cell there is nothing to give.
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    let UlpMessage::PosInit(mut message) = pos_init(Some(call.ver())) else { unreachable!() };
    message.location_ids.clear();
    let unknown = groma::base::cell::CellId::Lte {
        plmn: groma::base::cell::Plmn { mcc: 999, mnc: 99 },
        tac: 1,
        eci: 77,
    };
    message.location_ids.push(groma::base::cell::LocationId::serving(unknown));
    let mut line = call.answer(UlpMessage::PosInit(message)).await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    line.vanish().await;
    assert_eq!(asked.await.expect("an end").expect_err("nothing"), LocateError::Absent(Absence::Left));
    town.quiet().await;
    town.stop().await;
}

/// A message that comes twice: on the connection it is unexpected, on another the session is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_twice() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    let mut line = call.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    assert_eq!(call.come().await.ended().await, Some(StatusCode::InvalidSessionId));
    assert_eq!(town.service().load().orders_running, 1, "the first goes on");
    line.say(pos_init(Some(call.ver()))).await;
    assert_eq!(line.ended().await, Some(StatusCode::UnexpectedMessage));
    assert!(asked.await.expect("an end").is_ok_and(|l| !l.qos_met));
    town.quiet().await;
    town.stop().await;
}

/// SUPL START of a handset, as octets.
fn start(n: u8, id: u16, town: &Town) -> Vec<u8> {
    let options = Options { set_id: target(n), cells: vec![LTE], ..Options::new(Goal::Agnss, town.ulp()) };
    let mut capabilities = groma::wire::ulp::SetCapabilities::default();
    capabilities.gps.ms_based = true;
    capabilities.protocols.lpp = true;
    let start = groma::wire::ulp::Start {
        capabilities,
        location_ids: vec![groma::base::cell::LocationId::serving(LTE)],
        qop: None,
        third_parties: 0,
        application: None,
        position: None,
    };
    let set = groma::base::ids::SetSessionId { id, set_id: options.set_id };
    let session = groma::wire::ulp::SessionIds { set: Some(set), slp: None };
    UlpPdu::new(Version::V2, session, UlpMessage::Start(Box::new(start))).encode().expect("a PDU")
}

async fn connect(town: &Town) -> Connection {
    Connection::open(&town.ulp(), &Security::Plain, PATIENCE).await.expect("connected")
}

async fn receive(connection: &mut Connection) -> UlpPdu {
    let octets = tokio::time::timeout(PATIENCE, connection.receive()).await.expect("in time");
    UlpPdu::decode(&octets.expect("received").expect("a PDU")).expect("a PDU")
}

/// One SET may hold many sessions, each with an identity of its own, the same half of the SET's included; a second START on
/// a connection is unexpected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_sessions_of_one_set() {
    let mut town = Town::open().await;
    let mut open = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for id in 0..64 {
        let mut connection = connect(&town).await;
        connection.send(&start(1, id / 2, &town)).await.expect("sent");
        let pdu = receive(&mut connection).await;
        assert!(matches!(pdu.message, UlpMessage::Response(_)));
        ids.insert(pdu.session.slp.expect("an id").id);
        open.push(connection);
    }
    assert_eq!(ids.len(), 64, "no two sessions are one");
    // And it can be called beside all of them.
    let mut heard = town.handset(1, |_| ()).await;
    let located = town.service().locate(town.request("psap", 1)).await.expect("a position");
    assert!(off(&located, 1).0 < 50.0);
    assert!(answered(&mut heard).await.answered());
    let again = start(1, 0, &town);
    open[0].send(&again).await.expect("sent");
    // The id of the SLP is missing, as it is in any START.
    let UlpMessage::End(end) = receive(&mut open[0]).await.message else { panic!("no SUPL END") };
    assert_eq!(end.status, Some(StatusCode::UnexpectedMessage));
    town.stop().await;
}

/// Floods of START from one address are turned away with the standard's word, emergencies and others are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_starts() {
    let mut town = Town::with("2.0", |c| (c.connections.max, c.connections.max_per_source) = (32, 32)).await;
    let mut flood = Vec::new();
    for id in 0..32 {
        let mut connection = connect(&town).await;
        connection.send(&start(2, id, &town)).await.expect("sent");
        assert!(matches!(receive(&mut connection).await.message, UlpMessage::Response(_)));
        flood.push(connection);
    }
    let mut connection = connect(&town).await;
    connection.send(&start(2, 99, &town)).await.expect("sent");
    let UlpMessage::End(end) = receive(&mut connection).await.message else { panic!("no SUPL END") };
    assert_eq!(end.status, Some(StatusCode::ResourceShortage));
    drop(connection);
    // A SET that answers an ordinary order is turned away like all others; one that answers an emergency is not.
    let mut heard = town.handset(1, |_| ()).await;
    let e = town.service().locate(town.request("tracker", 1)).await.expect_err("no room");
    assert_eq!(e, LocateError::Congestion(Congestion::Server));
    assert!(!answered(&mut heard).await.answered());
    let located = town.service().locate(town.request("psap", 1)).await.expect("a position");
    assert!(located.qos_met && off(&located, 1).0 < 50.0, "{:?}", off(&located, 1));
    assert!(answered(&mut heard).await.answered());
    town.stop().await;
}
