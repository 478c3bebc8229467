//! Real sessions behind the door: the answers of the standard, from the first octet to the last.

use std::time::Duration;

use groma::base::cell::{CellId, LocationId, Plmn};
use groma::base::{SetId, SetSessionId};
use groma::net::{Limits, new_session};
use groma::slc::Outcome;
use groma::wire::ulp::{
    PosProtocols, SessionIds, SetCapabilities, Start, StatusCode, UlpMessage, UlpPdu, Version,
};

use super::support::{Client, PATIENCE, Setup, ask, patiently, read_pdu, write};

/// SUPL START of a SET that can do everything.
pub(crate) fn start(version: Version) -> Vec<u8> {
    let mut capabilities = SetCapabilities { ecid: true, ..SetCapabilities::default() };
    capabilities.gps.ms_based = true;
    capabilities.protocols = PosProtocols { rrlp: true, ..PosProtocols::default() };
    let start = Start {
        capabilities,
        location_ids: vec![LocationId::serving(CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 })],
        qop: None,
        third_parties: 0,
        application: None,
        position: None,
    };
    let set = SetSessionId { id: 7, set_id: SetId::Imsi("001010000000001".parse().unwrap()) };
    let session = SessionIds { set: Some(set), slp: None };
    UlpPdu::new(version, session, UlpMessage::Start(Box::new(start))).encode().unwrap()
}

fn setup() -> Setup {
    Setup { new_machine: new_session, ..Setup::default() }
}

fn status(pdu: Option<Vec<u8>>) -> Option<StatusCode> {
    match UlpPdu::decode(&pdu?).unwrap().message {
        UlpMessage::End(end) => end.status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_start_is_answered_in_its_version_over_everything() {
    let f = setup().start();
    for version in [Version::V1, Version::V2] {
        let (mut tls, _) = Client::default().connect(&f).await;
        let mut plain = f.connect().await;
        for answer in [ask(&mut tls, &start(version)).await, ask(&mut plain, &start(version)).await] {
            let pdu = UlpPdu::decode(&answer.unwrap()).unwrap();
            assert!(matches!(pdu.message, UlpMessage::Response(_)), "{pdu:?}");
            assert_eq!(pdu.version.maj, version.maj);
            assert_eq!(pdu.session.set.unwrap().id, 7);
            assert!(pdu.session.slp.is_some());
        }
    }
}

#[tokio::test]
async fn broken_input_gets_protocol_error() {
    let limits = Limits { message: Duration::from_millis(100), ..Setup::default().limits };
    let mut f = Setup { limits, ..setup() }.start();
    let oversized = [0xff, 0xff, 2, 0, 0];
    let truncated = [0, 60, 2, 0, 0, 0x80];
    let undecodable = [0, 8, 2, 0, 0, 0xff, 0xff, 0xff];
    for bytes in [&[0u8, 0][..], &oversized, &truncated, &undecodable, b"GET / HTTP/1.1\r\n\r\n"] {
        let mut c = f.connect().await;
        assert_eq!(status(ask(&mut c, bytes).await), Some(StatusCode::ProtocolError), "{bytes:02x?}");
        assert_eq!(read_pdu(&mut c).await, None);
        assert!(matches!(f.end().await.1.outcome, Outcome::Refused { .. }));
    }
    // In the middle of a session, too.
    let (mut c, _) = Client::default().connect(&f).await;
    ask(&mut c, &start(Version::V2)).await.unwrap();
    assert_eq!(status(ask(&mut c, &undecodable).await), Some(StatusCode::ProtocolError));
    assert_eq!(read_pdu(&mut c).await, None);
}

#[tokio::test]
async fn over_the_limit_resource_shortage() {
    let limits = Limits { max: 1, ..Setup::default().limits };
    let mut f = Setup { limits, ..setup() }.start();
    let mut served = f.connect().await;
    ask(&mut served, &start(Version::V2)).await.unwrap();
    let (mut over, _) = Client::default().connect(&f).await;
    assert_eq!(status(ask(&mut over, &start(Version::V1)).await), Some(StatusCode::ResourceShortage));
    assert_eq!(read_pdu(&mut over).await, None);
    f.end().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let f = setup().start();
    let (mut running, _) = Client::default().connect(&f).await;
    ask(&mut running, &start(Version::V2)).await.unwrap();
    let server = std::sync::Arc::clone(&f.server);
    let drain = tokio::spawn(async move { server.drain(Duration::from_millis(500)).await });
    f.until("it drains", groma::net::Server::is_draining).await;
    let mut late = f.connect().await;
    assert_eq!(status(ask(&mut late, &start(Version::V2)).await), Some(StatusCode::ResourceShortage));
    assert_eq!(status(read_pdu(&mut running).await), Some(StatusCode::SystemFailure));
    assert_eq!(patiently(drain).await.unwrap().cut, 1);
}

#[tokio::test]
async fn a_set_that_goes_silent_after_response_is_told() {
    let config = groma::slc::Config { st2_s: 1, ..groma::slc::Config::default() };
    let mut f = setup().start();
    f.set_policy(&config);
    let mut c = f.connect().await;
    write(&mut c, &start(Version::V2)).await;
    assert!(read_pdu(&mut c).await.is_some());
    assert!(status(tokio::time::timeout(PATIENCE, read_pdu(&mut c)).await.unwrap()).is_some());
    assert!(matches!(f.end().await.1.outcome, Outcome::Refused { error: "st2", .. }));
}

#[tokio::test]
async fn a_recorded_session_reads_as_a_ladder() {
    let mut f = setup().start();
    f.tracer.start();
    let (mut c, _) = Client::default().connect(&f).await;
    ask(&mut c, &start(Version::V2)).await.unwrap();
    drop(c);
    f.end().await;
    f.until("it is over", |s| s.open() == 0).await;
    let ladder = f.tracer.session(1).unwrap().ladder(true);
    for part in ["SUPL START", "SUPL RESPONSE", "\"slpSessionID\"", "tls"] {
        assert!(ladder.contains(part), "{part}:\n{ladder}");
    }
}
