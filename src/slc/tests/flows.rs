//! The flows of SET-initiated immediate service.

use super::*;
use crate::base::broadcast::Gnss;
use crate::base::{PositionMethod, QualityOfPosition};
use crate::slc::record::Outcome;
use crate::wire::assist::{AssistanceRequest, Initiator, NavigationRequest};
use crate::wire::lpp::{
    AssistanceDataRequest, AssistanceSupport, Capabilities, GnssAssistanceSupport, GnssCapability,
    LocationReport, LppBody, TransactionId,
};
use crate::wire::ulp::{End, PosMethod, Position};

#[allow(clippy::unnecessary_wraps)] // It stands where LPP has an optional member.
pub(super) fn target(number: u8) -> Option<TransactionId> {
    Some(TransactionId { initiator: Initiator::TargetDevice, number })
}

#[allow(clippy::unnecessary_wraps)]
pub(super) fn server(number: u8) -> Option<TransactionId> {
    Some(TransactionId { initiator: Initiator::LocationServer, number })
}

pub(super) fn told() -> LppBody {
    let gps = GnssCapability {
        gnss: Gnss::Gps,
        sbas: None,
        modes: GnssModes { ms_based: true, ..GnssModes::default() },
        signals: crate::wire::assist::SignalSet::FIRST,
        fine_time: false,
        adr: false,
        velocity: false,
        high_accuracy: None,
    };
    let assistance = AssistanceSupport {
        reference_time: Some(vec![Gnss::Gps]),
        reference_location: true,
        systems: vec![GnssAssistanceSupport {
            navigation: Some((0b10, 0b10)),
            ..GnssAssistanceSupport::new(Gnss::Gps)
        }],
        ..AssistanceSupport::default()
    };
    LppBody::ProvideCapabilities(Box::new(Capabilities {
        gnss: vec![gps],
        assistance: Some(assistance),
        ..Capabilities::default()
    }))
}

pub(super) fn lpp(transaction: Option<TransactionId>, end: bool, body: LppBody) -> LppMessage {
    LppMessage { transaction, end, body: Some(body), ..LppMessage::default() }
}

pub(super) fn report(shape: Option<Shape>) -> LppBody {
    LppBody::ProvideLocationInformation(Box::new(LocationReport {
        estimate: shape,
        ..LocationReport::default()
    }))
}

pub(super) fn navigation_request() -> LppBody {
    let mut request = AssistanceRequest::default();
    request.system_mut(Gnss::Gps).navigation = Some(NavigationRequest::default());
    LppBody::RequestAssistanceData(Box::new(AssistanceDataRequest { request, more: None }))
}

/// To the state in which SUPL POS are exchanged.
pub(super) fn positioning(lab: &mut Lab) {
    lab.message(Version::V2, start(capabilities(true)));
    lab.message(Version::V2, UlpMessage::PosInit(Box::new(pos_init(capabilities(true)))));
}

#[test]
fn lpp_from_start_to_end() {
    let mut lab = Lab::new();
    lab.message(Version::V2, start(capabilities(true)));
    let response = lab.only();
    assert_eq!((response.version, response.session.set), (Version::V2, Some(set_session())));
    assert_eq!(response.session.slp, Some(slp_session()));
    let UlpMessage::Response(r) = response.message else { panic!() };
    assert_eq!(r.pos_method, PosMethod::AgpsSetBased);
    assert!(r.initial_position.is_some());

    lab.message(Version::V2, UlpMessage::PosInit(Box::new(pos_init(capabilities(true)))));
    let messages = lab.lpp();
    assert!(matches!(messages[0].body, Some(LppBody::RequestCapabilities(_))));
    assert_eq!((messages.len(), messages[0].transaction), (1, server(1)));

    // Nothing follows the capabilities at once: a request of the SET's own may be on its way.
    lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, told())]));
    assert!(lab.out.is_empty());
    let grace = lab.wake();
    assert_eq!(grace, Duration::from_secs(1));
    let messages = lab.lpp();
    let Some(LppBody::ProvideAssistanceData(data)) = &messages[0].body else { panic!() };
    assert!(data.assistance.reference_time.is_some() && data.assistance.reference_location.is_some());
    assert!(!data.assistance.systems[0].ephemerides.is_empty());
    assert!(messages[0].end && messages[0].transaction == server(2));
    assert!(matches!(messages[1].body, Some(LppBody::RequestLocationInformation(_))));

    lab.pass(Duration::from_secs(5));
    lab.message(Version::V2, lpp_pos(&[lpp(server(3), true, report(Some(somewhere())))]));
    let UlpMessage::End(end) = lab.only().message else { panic!() };
    assert_eq!(end.status, None);
    assert!(end.position.is_some());
    let positions = lab.positions();
    assert_eq!(positions.len(), 1);
    assert_eq!(positions[0].estimate.method, PositionMethod::AgnssMsBased);
    assert!(positions[0].qop_met);
    let record = lab.record();
    assert_eq!((record.outcome, record.protocol), (Outcome::Completed, Some("lpp")));
    assert_eq!(record.stages.position, Some(Duration::from_secs(6)));
    assert!(record.satellites[&Gnss::Gps] >= 4);
    assert_eq!(record.pdus, (4, 4));
}

#[test]
fn a_request_embedded_in_pos_init_is_answered_first() {
    let mut lab = Lab::new();
    lab.message(Version::V2, start(capabilities(true)));
    let request = lpp(target(9), false, navigation_request());
    let UlpMessage::Pos(pos) = lpp_pos(&[request]) else { panic!() };
    let init = PosInit { pos: Some(pos), ..pos_init(capabilities(true)) };
    lab.message(Version::V2, UlpMessage::PosInit(Box::new(init)));
    let messages = lab.lpp();
    assert!(matches!(messages[0].body, Some(LppBody::ProvideAssistanceData(_))));
    assert!(messages[0].end && messages[0].transaction == target(9));
    assert!(matches!(messages[1].body, Some(LppBody::RequestCapabilities(_))));
}

#[test]
fn sequence_numbers_and_acknowledgements_only_for_those_who_use_them() {
    let mut lab = Lab::new();
    positioning(&mut lab);
    assert_eq!(lab.lpp()[0].sequence, None);
    let ack = Some(crate::wire::lpp::Acknowledgement { requested: true, indicator: None });
    let first = LppMessage { sequence: Some(7), ack, ..lpp(target(1), false, navigation_request()) };
    lab.message(Version::V2, lpp_pos(std::slice::from_ref(&first)));
    let messages = lab.lpp();
    assert_eq!(messages[0].sequence, Some(0));
    assert_eq!(messages[0].ack.unwrap().indicator, Some(7));
    // The same once more is a repetition: acknowledged, not answered.
    lab.message(Version::V2, lpp_pos(&[first]));
    let messages = lab.lpp();
    assert_eq!((messages.len(), messages[0].body.is_none()), (1, true));
    assert_eq!(messages[0].ack.unwrap().indicator, Some(7));
}

#[test]
fn an_error_of_lpp_is_answered_a_few_times_and_then_ends_the_session() {
    let mut lab = Lab::new();
    positioning(&mut lab);
    let garbage =
        || UlpMessage::Pos(Pos { payload: PosPayload::Lpp(vec![vec![0xff, 0xff]]), velocity: None });
    for _ in 0..3 {
        lab.message(Version::V2, garbage());
        assert!(matches!(lab.lpp()[0].body, Some(LppBody::Error(_))));
    }
    lab.message(Version::V2, garbage());
    assert_eq!(lab.end(), Some(StatusCode::ProtocolError));
}

#[test]
fn a_position_in_pos_init_that_is_good_enough_ends_it() {
    let mut lab = Lab::new();
    lab.message(Version::V2, start(capabilities(true)));
    let position = Some(Position { time: lab.now.utc, shape: somewhere(), velocity: None });
    let init = PosInit { position, ..pos_init(capabilities(true)) };
    lab.message(Version::V2, UlpMessage::PosInit(Box::new(init)));
    assert_eq!(lab.end(), None);
    assert_eq!(lab.positions().len(), 1);
}

#[test]
fn a_position_beside_a_request_for_assistance_does_not() {
    let mut lab = Lab::new();
    lab.message(Version::V2, start(capabilities(true)));
    let position = Some(Position { time: lab.now.utc, shape: somewhere(), velocity: None });
    let mut assistance = AssistanceRequest::default();
    assistance.system_mut(Gnss::Gps).navigation = Some(NavigationRequest::default());
    let init = PosInit { position, assistance: Some(assistance), ..pos_init(capabilities(true)) };
    lab.message(Version::V2, UlpMessage::PosInit(Box::new(init)));
    let messages = lab.lpp();
    assert!(matches!(messages[0].body, Some(LppBody::ProvideAssistanceData(_))));
    assert!(matches!(messages[1].body, Some(LppBody::RequestCapabilities(_))));
}

#[test]
fn a_coarse_wish_is_met_by_the_cell() {
    let mut lab = Lab::new();
    let UlpMessage::Start(mut message) = start(capabilities(true)) else { panic!() };
    message.qop = Some(QualityOfPosition { horizontal_m: Some(2000.0), ..QualityOfPosition::default() });
    lab.message(Version::V2, UlpMessage::Start(message.clone()));
    assert_eq!(lab.end(), None);
    assert_eq!(lab.positions()[0].estimate.method, PositionMethod::CellId);
    // A finer one is not.
    let mut lab = Lab::new();
    message.qop = Some(QualityOfPosition { horizontal_m: Some(20.0), ..QualityOfPosition::default() });
    lab.message(Version::V2, UlpMessage::Start(message));
    assert!(matches!(lab.only().message, UlpMessage::Response(_)));
}

#[test]
fn a_set_that_can_do_nothing_gets_its_cell_or_an_honest_no() {
    // SUPL 1.0 has no word for cells that are in no table.
    for (version, unknown) in
        [(Version::V1, StatusCode::PosMethodFailure), (Version::V2, StatusCode::NoSuplCoverage)]
    {
        let mut lab = Lab::new();
        lab.message(version, start(SetCapabilities::default()));
        assert_eq!(lab.end(), None);
        assert_eq!(lab.only().version, version);
        let mut lab = Lab::new();
        lab.cells = Cells(None);
        lab.message(version, start(SetCapabilities::default()));
        assert_eq!(lab.end(), Some(unknown));
    }
}

#[test]
fn enhanced_cell_id_goes_by_pos_init() {
    let mut lab = Lab::new();
    let can = SetCapabilities { ecid: true, ..SetCapabilities::default() };
    lab.message(Version::V1, start(can.clone()));
    let UlpMessage::Response(r) = lab.only().message else { panic!() };
    assert_eq!(r.pos_method, PosMethod::Ecid);
    lab.message(Version::V1, UlpMessage::PosInit(Box::new(pos_init(can))));
    assert_eq!(lab.end(), None);
    assert_eq!(lab.positions().len(), 1);
}

#[test]
fn mismatches_have_their_codes() {
    let mut lab = Lab::new();
    lab.message(Version::V2, start(SetCapabilities { otdoa: true, ..SetCapabilities::default() }));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodMismatch));
    let mut lab = Lab::new();
    let mute = SetCapabilities { protocols: PosProtocols::default(), ..capabilities(true) };
    lab.message(Version::V2, start(mute));
    assert_eq!(lab.end(), Some(StatusCode::PosProtocolMismatch));
}

#[test]
fn no_position_falls_back_to_the_cell_where_that_will_do() {
    for (cells, status) in [(Some(800.0), None), (None, Some(StatusCode::PosMethodFailure))] {
        let mut lab = Lab::new();
        lab.cells = Cells(cells);
        positioning(&mut lab);
        lab.wake();
        assert_eq!(lab.end(), status);
    }
}

#[test]
fn a_3_0_set_is_served_as_far_as_2_0_goes() {
    let mut lab = Lab::new();
    lab.message(Version { maj: 3, min: 0, servind: 0 }, start(capabilities(true)));
    let response = lab.only();
    assert_eq!(response.version, Version::V2);
    assert!(matches!(response.message, UlpMessage::Response(_)));
}

#[test]
fn whoever_may_not_claim_an_identity_is_told() {
    let mut lab = Lab::new();
    lab.access = Box::new(Nobody);
    lab.message(Version::V2, start(capabilities(true)));
    assert_eq!(lab.end(), Some(StatusCode::AuthNetFailure));
}

#[test]
fn a_set_that_ends_with_a_position_leaves_it() {
    let mut lab = Lab::new();
    positioning(&mut lab);
    let position = Some(Position { time: lab.now.utc, shape: somewhere(), velocity: None });
    let end = End { position, ..End::default() };
    lab.message(Version::V2, UlpMessage::End(Box::new(end)));
    assert!(lab.sent().is_empty());
    assert_eq!(lab.positions().len(), 1);
    assert_eq!(lab.record().outcome, Outcome::EndedByTarget { status: None });
}

#[test]
fn a_refusing_session_says_so_in_the_sets_version() {
    let mut lab = Lab::new();
    let peer = PeerIdentity { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), certificate: None };
    let params = Params { slp_session: SLP_ID, peer, opened: lab.now, policy: Arc::new(policy()) };
    lab.session = Session::refusing(params);
    lab.message(Version::V1, start(capabilities(false)));
    assert_eq!(lab.end(), Some(StatusCode::ResourceShortage));
    assert_eq!(lab.only().version, Version::V1);
}

#[test]
fn the_session_ends_when_its_set_sends_without_end() {
    let policy = Policy { max_pos: 3, ..policy() };
    let mut lab = Lab::with(policy);
    positioning(&mut lab);
    for _ in 0..3 {
        lab.message(Version::V2, lpp_pos(&[]));
        assert!(!lab.session.is_closed());
    }
    lab.message(Version::V2, lpp_pos(&[]));
    assert_eq!(lab.end(), Some(StatusCode::ResourceShortage));
}
