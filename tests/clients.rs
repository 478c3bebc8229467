//! The captured messages of five real SUPL clients, replayed: each gets the answers it needs, in the order and shape in
//! which it can read them.

use groma_asn1::lpp::{
    AGNSSProvideAssistanceData, GNSSGenericAssistDataElement, GNSSIDGnssId, GNSSOrbitModel, Initiator,
    LPPMessage, LPPMessageBody, LPPMessageBodyC1, LPPTransactionID, ProvideAssistanceDataCriticalExtensions,
    ProvideAssistanceDataCriticalExtensionsC1, TransactionNumber,
};
use groma_asn1::rrlp::{ControlHeader, MoreAssDataToBeSent, RRLPComponent, SatStatus};
use groma_asn1::ulp::{self, PosMethod, ULPPDU, UlpMessage};

use crate::shared;
use crate::support::raw::{RawPeer, TLS, TLS_1_2, TLS_1_3, captured, lpp_in, lpp_of, rrlp_of, with_session};
use crate::support::server::TestServer;
use groma::handset::Security;

/// Largest PDU that the client of least memory takes.
const SMALLEST_BUFFER: usize = 8192;

// ---- what clients read ------------------------------------------------------------------------------------------------

/// The GPS assistance of an RRLP payload, in whichever component it came, and whether more is announced.
pub(crate) fn gps_assistance(pdu: &ULPPDU) -> (ControlHeader, bool) {
    match rrlp_of(pdu).component {
        RRLPComponent::assistanceData(a) => {
            let more = a.more_ass_data_to_be_sent == Some(MoreAssDataToBeSent::moreMessagesOnTheWay);
            (a.gps_assist_data.expect("GPS assistance").control_header, more)
        }
        RRLPComponent::msrPositionReq(r) => {
            (r.gps_assist_data.expect("GPS assistance").control_header, false)
        }
        other => panic!("assistance expected, not {other:?}"),
    }
}

fn assert_near_reference_location(header: &ControlHeader) {
    let location = &header.ref_location.as_ref().expect("reference location").three_dlocation.0;
    assert_eq!(location.len(), 14, "ellipsoid point with altitude and uncertainty ellipsoid");
    assert_eq!(location[0], 0x90);
}

fn ephemerides(header: &ControlHeader) -> usize {
    let list = &header.navigation_model.as_ref().expect("navigation model").nav_model_list.0;
    assert!(list.iter().all(|e| matches!(
        e.sat_status,
        SatStatus::newSatelliteAndModelUC(_) | SatStatus::newNaviModelUC(_)
    )));
    list.len()
}

pub(crate) fn assistance_of(message: &LPPMessage) -> &AGNSSProvideAssistanceData {
    let Some(LPPMessageBody::c1(LPPMessageBodyC1::provideAssistanceData(provide))) =
        &message.lpp_message_body
    else {
        panic!("provideAssistanceData expected, not {:?}", message.lpp_message_body)
    };
    let ProvideAssistanceDataCriticalExtensions::c1(
        ProvideAssistanceDataCriticalExtensionsC1::provideAssistanceData_r9(ies),
    ) = &provide.critical_extensions
    else {
        panic!("release 9 assistance expected")
    };
    ies.a_gnss_provide_assistance_data.as_ref().expect("A-GNSS assistance")
}

fn systems(assistance: &AGNSSProvideAssistanceData) -> Vec<GNSSIDGnssId> {
    generic(assistance).iter().map(|e| e.gnss_id.gnss_id).collect()
}

pub(crate) fn generic(assistance: &AGNSSProvideAssistanceData) -> &[GNSSGenericAssistDataElement] {
    assistance.gnss_generic_assist_data.as_ref().map_or(&[], |g| &g.0)
}

fn models_of(assistance: &AGNSSProvideAssistanceData, gnss: GNSSIDGnssId) -> usize {
    generic(assistance)
        .iter()
        .filter(|e| e.gnss_id.gnss_id == gnss)
        .filter_map(|e| e.gnss_navigation_model.as_ref())
        .map(|m| m.gnss_satellite_list.0.len())
        .sum()
}

fn transaction(initiator: Initiator, number: u8) -> LPPTransactionID {
    LPPTransactionID { initiator, transaction_number: TransactionNumber(number) }
}

fn is_capabilities_request(message: &LPPMessage) -> bool {
    matches!(&message.lpp_message_body, Some(LPPMessageBody::c1(LPPMessageBodyC1::requestCapabilities(_))))
}

/// A captured SUPL POS in this session, answering on the transaction that the server opened.
fn on_transaction(captured: &[u8], slp: &ulp::SlpSessionID, id: &LPPTransactionID) -> Vec<u8> {
    let mut pdu = ulp::decode(captured).expect("a PDU");
    pdu.session_id.slp_session_id = Some(slp.clone());
    let UlpMessage::msSUPLPOS(pos) = &mut pdu.message else { panic!("a SUPL POS") };
    let mut messages = lpp_in(pos);
    for m in &mut messages {
        m.transaction_id = Some(id.clone());
    }
    let ulp::PosPayLoad::ver2_PosPayLoad_extension(extension) = &mut pos.pos_pay_load else { panic!("LPP") };
    let payloads = extension.l_pppayload.as_mut().expect("LPP");
    for (slot, m) in payloads.0.iter_mut().zip(&messages) {
        slot.0 = groma_asn1::lpp::encode(m).expect("LPP").into();
    }
    ulp::encode(&pdu).expect("a PDU")
}

// ---- tajuma supl-client: SUPL 1.0, RRLP, TLS --------------------------------------------------------------------------

async fn tajuma(test: &str, run: &str, security: &Security, almanac: bool) {
    let Some(data) = shared(test) else { return };
    let server = TestServer::simulated();
    let mut client = RawPeer::connect(server.ulp(), security).await;
    let response = client.start(&captured(&data, &format!("{run}-1"))).await;
    assert_eq!(response.pos_method, PosMethod::agpsSETbased);
    client.send(&with_session(&captured(&data, &format!("{run}-2")), &response.slp)).await;
    let octets = client.octets().await.expect("SUPL POS");
    assert!(octets.len() <= SMALLEST_BUFFER);
    // The client reads this one message and closes: everything asked for is in it.
    let (header, more) = gps_assistance(&ulp::decode(&octets).expect("a PDU"));
    assert!(!more, "the client ignores an announcement of more");
    assert!(header.reference_time.is_some());
    assert!(ephemerides(&header) >= 6);
    assert!(header.ionospheric_model.is_some());
    assert!(header.utc_model.is_some());
    assert!(header.acquis_assist.is_some());
    assert_eq!(header.almanac.is_some(), almanac);
    assert_near_reference_location(&header);
    client.close().await;
    server.stop().await;
}

#[tokio::test]
async fn tajuma_gsm_over_tls_1_3_gets_everything_in_one_message() {
    tajuma("tajuma_gsm_over_tls_1_3_gets_everything_in_one_message", "tajuma-a", &TLS_1_3, false).await;
}

#[tokio::test]
async fn tajuma_wcdma_with_almanac_over_tls_1_2() {
    tajuma("tajuma_wcdma_with_almanac_over_tls_1_2", "tajuma-b-wcdma", &TLS_1_2, true).await;
}

// ---- gnss-sdr: three sessions, SUPL 1.0, RRLP, TLS --------------------------------------------------------------------

#[tokio::test]
async fn gnss_sdr_gets_its_three_sessions() {
    let Some(data) = shared("gnss_sdr_gets_its_three_sessions") else { return };
    let server = TestServer::simulated();
    let session = async |start: usize| {
        let mut client = RawPeer::connect(server.ulp(), &TLS_1_3).await;
        let response = client.start(&captured(&data, &format!("gnss-sdr-d-notickets-{start}"))).await;
        let pos_init = captured(&data, &format!("gnss-sdr-d-notickets-{}", start + 1));
        client.send(&with_session(&pos_init, &response.slp)).await;
        let (header, more) = gps_assistance(&client.receive().await);
        assert!(!more, "it fits in one message");
        client.close().await;
        header
    };
    let first = session(1).await;
    assert!(first.reference_time.is_some());
    assert!(ephemerides(&first) >= 6);
    assert!(first.almanac.is_none(), "not asked for");
    let second = session(3).await;
    assert!(second.almanac.is_some() && second.utc_model.is_some() && second.ionospheric_model.is_some());
    assert!(second.reference_time.is_some());
    assert!(second.navigation_model.is_none(), "not asked for");
    let third = session(5).await;
    assert!(third.reference_time.is_some());
    assert!(
        third.acquis_assist.is_some() || third.ref_location.is_none(),
        "where a reference location is known"
    );
    server.stop().await;
}

// ---- google/supl-client: LPP in POS INIT, plain or TLS, minor version changes -----------------------------------------

async fn google(test: &str, security: &Security) {
    let Some(data) = shared(test) else { return };
    let server = TestServer::simulated();
    let mut client = RawPeer::connect(server.ulp(), security).await;
    let response = client.start(&captured(&data, "google-a-1")).await;
    client.send(&with_session(&captured(&data, "google-a-2"), &response.slp)).await;
    let octets = client.octets().await.expect("SUPL POS");
    assert!(octets.len() <= 16_384);
    let messages = lpp_of(&ulp::decode(&octets).expect("a PDU"));
    let first = messages.first().expect("an LPP message");
    assert_eq!(first.transaction_id, Some(transaction(Initiator::targetDevice, 4)));
    let assistance = assistance_of(first);
    let common = assistance.gnss_common_assist_data.as_ref().expect("common data");
    let time = common.gnss_reference_time.as_ref().expect("reference time");
    assert_eq!(time.gnss_system_time.gnss_time_id.gnss_id, GNSSIDGnssId::gps);
    let ionosphere =
        common.gnss_ionospheric_model.as_ref().expect("an empty request of ionosphere means Klobuchar");
    assert!(ionosphere.klobuchar_model.is_some());
    let systems = systems(assistance);
    assert!(systems.contains(&GNSSIDGnssId::gps));
    let asked = [GNSSIDGnssId::gps, GNSSIDGnssId::glonass, GNSSIDGnssId::galileo];
    assert!(systems.iter().all(|s| asked.contains(s)), "only what was asked for: {systems:?}");
    for element in generic(assistance) {
        let Some(model) = &element.gnss_navigation_model else { continue };
        for satellite in &model.gnss_satellite_list.0 {
            if let GNSSOrbitModel::nav_KeplerianSet(set) = &satellite.gnss_orbit_model {
                assert!(set.add_navparam.is_some(), "addNAVparam is there for GPS");
            }
        }
        if element.gnss_id.gnss_id == GNSSIDGnssId::glonass {
            let Some(groma_asn1::lpp::GNSSAuxiliaryInformation::gnss_ID_GLONASS(list)) =
                &element.gnss_auxiliary_information
            else {
                panic!("GLONASS comes with its channel numbers")
            };
            assert!(list.0.iter().all(|s| s.channel_number.is_some()));
        }
    }
    assert!(models_of(assistance, GNSSIDGnssId::gps) >= 6);
    // Its last message changes to 2.0.0 in mid-session; then it waits for END.
    client.send(&with_session(&captured(&data, "google-a-3"), &response.slp)).await;
    let end = loop {
        let pdu = client.receive().await;
        match pdu.message {
            UlpMessage::msSUPLEND(end) => break end,
            UlpMessage::msSUPLPOS(_) => {}
            other => panic!("SUPL END expected, not {other:?}"),
        }
    };
    assert_ne!(end.status_code, Some(ulp::StatusCode::versionNotSupported));
    client.close().await;
    server.stop().await;
}

#[tokio::test]
async fn google_over_plain_tcp() {
    google("google_over_plain_tcp", &Security::Plain).await;
}

#[tokio::test]
async fn google_over_tls() {
    google("google_over_tls", &TLS).await;
}

// ---- Ericsson example-client -------------------------------------------------------------------------------------------

/// What a client without an embedded request needs: a request of its capabilities, to which it answers and then asks.
/// The two may come in one segment or in two.
async fn asks_after_capabilities(
    client: &mut RawPeer,
    slp: &ulp::SlpSessionID,
    capabilities: &[u8],
    request: &[u8],
    one_segment: bool,
) -> Vec<LPPMessage> {
    let asked = lpp_of(&client.receive().await);
    let asked = asked.first().expect("an LPP message");
    assert!(is_capabilities_request(asked), "without it no request ever comes");
    let id = asked.transaction_id.clone().expect("a transaction");
    assert_eq!(id.initiator, Initiator::locationServer);
    let mut octets = on_transaction(capabilities, slp, &id);
    let request = with_session(request, slp);
    if one_segment {
        octets.extend_from_slice(&request);
        client.send(&octets).await;
    } else {
        client.send(&octets).await;
        client.send(&request).await;
    }
    lpp_of(&client.receive().await)
}

async fn ericsson_rtk(test: &str, run: &str, one_segment: bool) {
    let Some(data) = shared(test) else { return };
    let file = |n: usize| captured(&data, &format!("{run}-{n}"));
    let server = TestServer::simulated();
    let mut client = RawPeer::connect(server.ulp(), &Security::Plain).await;
    let response = client.start(&file(1)).await;
    client.send(&with_session(&file(2), &response.slp)).await;
    let answer = asks_after_capabilities(&mut client, &response.slp, &file(3), &file(4), one_segment).await;
    let answer = answer.first().expect("an LPP message");
    // The server has no correction stream: it says so on the client's transaction and ends it.
    assert_eq!(answer.transaction_id, Some(transaction(Initiator::targetDevice, 1)));
    assert!(answer.end_transaction);
    client.close().await;
    server.stop().await;
}

#[tokio::test]
async fn ericsson_lte_is_asked_for_capabilities() {
    ericsson_rtk("ericsson_lte_is_asked_for_capabilities", "eric-a-osr", false).await;
}

#[tokio::test]
async fn ericsson_nr_cell_and_two_messages_in_one_segment() {
    ericsson_rtk("ericsson_nr_cell_and_two_messages_in_one_segment", "eric-j-nr", true).await;
}

#[tokio::test]
async fn ericsson_with_an_ip_address() {
    ericsson_rtk("ericsson_with_an_ip_address", "eric-m-ipv4", false).await;
}

#[tokio::test]
async fn ericsson_with_an_embedded_request_is_answered_first() {
    let Some(data) = shared("ericsson_with_an_embedded_request_is_answered_first") else { return };
    let file = |n: usize| captured(&data, &format!("eric-c-agnss-{n}"));
    let server = TestServer::simulated();
    let mut client = RawPeer::connect(server.ulp(), &TLS).await;
    let response = client.start(&file(1)).await;
    client.send(&with_session(&file(2), &response.slp)).await;
    let first = lpp_of(&client.receive().await);
    let first = first.first().expect("an LPP message");
    assert_eq!(first.transaction_id, Some(transaction(Initiator::targetDevice, 1)));
    assert!(first.end_transaction);
    let assistance = assistance_of(first);
    for gnss in [GNSSIDGnssId::gps, GNSSIDGnssId::glonass, GNSSIDGnssId::galileo, GNSSIDGnssId::bds] {
        assert!(models_of(assistance, gnss) > 0, "{gnss:?}");
    }
    client.close().await;
    server.stop().await;
}

// ---- iGNSS supl-lpp-client -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn ignss_gets_one_message_at_a_time() {
    let Some(data) = shared("ignss_gets_one_message_at_a_time") else { return };
    let file = |n: usize| captured(&data, &format!("ignss-a-{n}"));
    let server = TestServer::simulated();
    let mut client = RawPeer::connect(server.ulp(), &Security::Plain).await;
    let response = client.start(&file(1)).await;
    client.send(&with_session(&file(2), &response.slp)).await;
    let answer = asks_after_capabilities(&mut client, &response.slp, &file(3), &file(4), false).await;
    let answer = answer.first().expect("an LPP message");
    assert_eq!(answer.transaction_id, Some(transaction(Initiator::targetDevice, 1)));
    // It asks for RTK, which the server does not have, and for the time and auxiliary information, which it has.
    assert!(answer.end_transaction);
    let assistance = assistance_of(answer);
    assert!(assistance.gnss_common_assist_data.as_ref().is_some_and(|c| c.gnss_reference_time.is_some()));
    assert!(assistance.gnss_error.is_some(), "what is missing is said");
    client.close().await;
    server.stop().await;
}
