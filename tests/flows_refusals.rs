//! What does not belong: each message gets the standard's answer and leaves a record.

use groma::slc::Outcome;
use groma_asn1::ulp::{self, StatusCode, ULPPDU, UlpMessage};

use crate::shared;
use crate::support::raw::{RawPeer, TLS, captured, with_session};
use crate::support::server::TestServer;
use groma::handset::Security;

/// A SUPL START of a real client (SUPL 2.1, LPP).
fn start(data: &std::path::Path) -> Vec<u8> {
    captured(data, "eric-c-agnss-1")
}

fn pos_init(data: &std::path::Path) -> Vec<u8> {
    captured(data, "eric-c-agnss-2")
}

async fn status(peer: &mut RawPeer) -> StatusCode {
    match peer.receive().await.message {
        UlpMessage::msSUPLEND(end) => end.status_code.expect("a status"),
        other => panic!("SUPL END expected, not {other:?}"),
    }
}

/// The session ended with this status, the connection closed after it, and the record says so.
async fn assert_ended(server: TestServer, mut peer: RawPeer, expected: StatusCode) {
    assert_eq!(status(&mut peer).await, expected);
    assert_eq!(peer.octets().await, None, "nothing follows SUPL END");
    peer.close().await;
    let records = server.records(1).await;
    assert!(matches!(records[0].outcome, Outcome::Refused { .. }), "{:?}", records[0].outcome);
    assert!(server.positions().is_empty());
    server.stop().await;
}

fn edited(octets: &[u8], edit: impl FnOnce(&mut ULPPDU)) -> Vec<u8> {
    let mut pdu = ulp::decode(octets).expect("a PDU");
    edit(&mut pdu);
    ulp::encode(&pdu).expect("a PDU")
}

#[tokio::test]
async fn a_header_of_version_3_is_served_as_far_as_2_goes() {
    let Some(data) = shared("a_header_of_version_3_is_served_as_far_as_2_goes") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    peer.send(&edited(&start(&data), |p| p.version.maj = 3)).await;
    let pdu = peer.receive().await;
    assert!(matches!(pdu.message, UlpMessage::msSUPLRESPONSE(_)), "{:?}", pdu.message);
    let slp = pdu.session_id.slp_session_id.expect("a session id");
    peer.send(&edited(&with_session(&pos_init(&data), &slp), |p| p.version.maj = 3)).await;
    assert!(matches!(peer.receive().await.message, UlpMessage::msSUPLPOS(_)));
    peer.close().await;
    server.stop().await;
}

#[tokio::test]
async fn version_0_is_not_supported() {
    let Some(data) = shared("version_0_is_not_supported") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    peer.send(&edited(&start(&data), |p| p.version.maj = 0)).await;
    assert_ended(server, peer, StatusCode::versionNotSupported).await;
}

#[tokio::test]
async fn triggered_services_are_refused_by_name() {
    let Some(data) = shared("triggered_services_are_refused_by_name") else { return };
    // The second asks for the position of another SET.
    for name in ["triggered-start-periodic", "set-init-full"] {
        let path = data.join("vectors/ulp").join(name).with_extension("json");
        let vector: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).expect("a vector")).expect("JSON");
        let octets = crate::support::raw::unhex(vector["uper_hex"].as_str().expect("hex"));
        let octets = edited(&octets, |p| p.session_id.slp_session_id = None);
        let server = TestServer::simulated();
        let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
        peer.send(&octets).await;
        assert_ended(server, peer, StatusCode::ver2_serviceNotSupported).await;
    }
}

/// Later versions of the same major are served, and answered in the server's own.
#[tokio::test]
async fn later_versions_of_2_are_served() {
    let Some(data) = shared("later_versions_of_2_are_served") else { return };
    for (min, servind) in [(0, 0), (0, 255), (1, 0), (255, 255)] {
        let server = TestServer::simulated();
        let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
        peer.send(&edited(&start(&data), |p| (p.version.min, p.version.servind) = (min, servind))).await;
        let pdu = peer.receive().await;
        assert!(matches!(pdu.message, UlpMessage::msSUPLRESPONSE(_)), "{min}.{servind}: {:?}", pdu.message);
        assert_eq!((pdu.version.maj, pdu.version.min), (2, 0));
        server.stop().await;
    }
}

/// The SLP's half of the session id is the server's to give.
#[tokio::test]
async fn a_start_that_names_a_session_is_refused() {
    let Some(data) = shared("a_start_that_names_a_session_is_refused") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    let slp = peer.start(&start(&data)).await.slp;
    let mut other = RawPeer::connect(server.ulp(), &TLS).await;
    other.send(&edited(&start(&data), |p| p.session_id.slp_session_id = Some(slp))).await;
    assert_eq!(status(&mut other).await, StatusCode::invalidSessionId);
    peer.close().await;
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_session_id_is_refused() {
    let Some(data) = shared("a_wrong_session_id_is_refused") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    let mut response = peer.start(&start(&data)).await;
    let mut id = response.slp.session_id.to_vec();
    id[0] ^= 0x55;
    response.slp.session_id = id.into();
    peer.send(&with_session(&pos_init(&data), &response.slp)).await;
    assert_ended(server, peer, StatusCode::invalidSessionId).await;
}

#[tokio::test]
async fn a_second_start_is_unexpected() {
    let Some(data) = shared("a_second_start_is_unexpected") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    peer.start(&start(&data)).await;
    peer.send(&start(&data)).await;
    assert_ended(server, peer, StatusCode::unexpectedMessage).await;
}

#[tokio::test]
async fn supl_pos_before_pos_init_is_unexpected() {
    let Some(data) = shared("supl_pos_before_pos_init_is_unexpected") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    let response = peer.start(&start(&data)).await;
    peer.send(&with_session(&captured(&data, "eric-c-agnss-3"), &response.slp)).await;
    assert_ended(server, peer, StatusCode::unexpectedMessage).await;
}

#[tokio::test]
async fn pos_init_without_start_is_refused() {
    let Some(data) = shared("pos_init_without_start_is_refused") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &Security::Plain).await;
    peer.send(&pos_init(&data)).await;
    let status = status(&mut peer).await;
    assert!(matches!(status, StatusCode::invalidSessionId | StatusCode::unexpectedMessage), "{status:?}");
    peer.close().await;
    server.stop().await;
}

#[tokio::test]
async fn a_truncated_start_is_a_protocol_error() {
    let Some(data) = shared("a_truncated_start_is_a_protocol_error") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    // The header stays readable; the body ends in the middle, and the length says so.
    let mut octets = start(&data);
    octets.truncate(40);
    octets[..2].copy_from_slice(&40_u16.to_be_bytes());
    peer.send(&octets).await;
    assert_ended(server, peer, StatusCode::protocolError).await;
}

/// Whatever follows a good START, the server answers or closes; it never hangs and never falls over.
#[tokio::test]
async fn damaged_messages_end_the_session_and_nothing_else() {
    let Some(data) = shared("damaged_messages_end_the_session_and_nothing_else") else { return };
    let server = TestServer::simulated();
    let clean = pos_init(&data);
    let mut sessions = 0;
    for at in (7..clean.len()).step_by(3) {
        let mut peer = RawPeer::connect(server.ulp(), &Security::Plain).await;
        let response = peer.start(&start(&data)).await;
        let mut octets = with_session(&clean, &response.slp);
        let at = at.min(octets.len() - 1);
        octets[at] ^= 0xff;
        peer.send(&octets).await;
        // Some flips leave a good message: then assistance comes. Either way there is an answer.
        assert!(peer.octets().await.is_some(), "flipped octet {at}");
        peer.close().await;
        sessions += 1;
    }
    assert_eq!(server.records(sessions).await.len(), sessions);
    // The next handset is served as if nothing had been.
    let options = groma::handset::Options::new(groma::handset::Goal::Agnss, server.ulp());
    let place =
        groma::handset::Place { at: groma::base::GeoPoint::new(1.0, 2.0).expect("a place"), altitude_m: 0.0 };
    let options = groma::handset::Options { place: Some(place), ..options };
    assert!(groma::handset::run(&options, |_| ()).await.expect("a session").succeeded());
    server.stop().await;
}

#[tokio::test]
async fn a_handset_that_vanishes_leaves_a_record() {
    let Some(data) = shared("a_handset_that_vanishes_leaves_a_record") else { return };
    let server = TestServer::simulated();
    let mut peer = RawPeer::connect(server.ulp(), &TLS).await;
    peer.start(&start(&data)).await;
    peer.close().await;
    drop(peer);
    let records = server.records(1).await;
    assert_eq!(records[0].outcome, Outcome::Left);
    assert_eq!(server.server.sessions(), 0);
    server.stop().await;
}
