//! LPP inside a session, beyond the plain flow.

use super::flows::{lpp, navigation_request, positioning, report, server, target, told};
use super::*;
use crate::base::QualityOfPosition;
use crate::base::broadcast::Gnss;
use crate::wire::assist::AssistanceRequest;
use crate::wire::lpp::{
    AbortCause, AssistanceDataRequest, Capabilities, EcidKinds, ErrorCause, GnssError, LocationFailure,
    LocationReport, LppBody, Segmentation, ServerErrorCause, TargetErrorCause,
};

/// To the state in which the position has been asked for, in the server's third transaction.
fn asked(lab: &mut Lab) {
    positioning(lab);
    lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, told())]));
    lab.wake();
    assert!(matches!(lab.lpp()[1].body, Some(LppBody::RequestLocationInformation(_))));
}

fn location(r: LocationReport) -> LppBody {
    LppBody::ProvideLocationInformation(Box::new(r))
}

#[test]
fn an_early_fix_is_kept_and_the_final_one_ends_it() {
    let mut lab = Lab::new();
    asked(&mut lab);
    let early =
        LocationReport { estimate: Some(somewhere()), early_fix: Some(true), ..LocationReport::default() };
    lab.message(Version::V2, lpp_pos(&[lpp(server(3), false, location(early))]));
    assert!(!lab.session.is_closed() && lab.sent().is_empty());
    lab.message(Version::V2, lpp_pos(&[lpp(server(3), true, report(Some(somewhere())))]));
    assert_eq!(lab.end(), None);
    assert_eq!(lab.positions().len(), 2);
}

#[test]
fn a_failure_falls_back_to_the_cell() {
    let failure = LocationReport { error: Some(LocationFailure::MethodFailure), ..LocationReport::default() };
    let lost = LppBody::Abort(AbortCause::TargetDeviceAbort);
    let refused = LppBody::Error(ErrorCause::IncorrectDataValue);
    for body in [location(failure), lost, refused] {
        let mut lab = Lab::new();
        lab.cells = Cells(None);
        asked(&mut lab);
        lab.message(Version::V2, lpp_pos(&[lpp(server(3), true, body.clone())]));
        assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure), "{body:?}");
    }
}

#[test]
fn missing_assistance_is_sent_and_the_question_repeated_once() {
    let mut lab = Lab::new();
    lab.cells = Cells(None);
    asked(&mut lab);
    let missing = LocationReport {
        gnss_error: Some(GnssError::Target(TargetErrorCause::AssistanceDataMissing)),
        ..LocationReport::default()
    };
    lab.message(Version::V2, lpp_pos(&[lpp(server(3), true, location(missing.clone()))]));
    let messages = lab.lpp();
    assert!(matches!(messages[0].body, Some(LppBody::ProvideAssistanceData(_))));
    assert!(matches!(messages[1].body, Some(LppBody::RequestLocationInformation(_))));
    lab.message(Version::V2, lpp_pos(&[lpp(messages[1].transaction, true, location(missing))]));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure));
}

#[test]
fn a_request_in_segments_is_answered_once() {
    let mut lab = Lab::new();
    positioning(&mut lab);
    let part = |request, more| {
        LppBody::RequestAssistanceData(Box::new(AssistanceDataRequest { request, more: Some(more) }))
    };
    let time = AssistanceRequest {
        reference_time: Some(crate::wire::assist::ReferenceTimeRequest {
            systems: vec![Gnss::Gps],
            ..crate::wire::assist::ReferenceTimeRequest::default()
        }),
        ..AssistanceRequest::default()
    };
    lab.message(Version::V2, lpp_pos(&[lpp(target(5), false, part(time, true))]));
    assert!(lab.out.is_empty());
    let place = AssistanceRequest { reference_location: true, ..AssistanceRequest::default() };
    lab.message(Version::V2, lpp_pos(&[lpp(target(5), false, part(place, false))]));
    let Some(LppBody::ProvideAssistanceData(data)) = &lab.lpp()[0].body else { panic!() };
    assert!(data.assistance.reference_time.is_some() && data.assistance.reference_location.is_some());
}

/// What a SET gets that asked for more than a message may hold.
fn cut(segmentation: Option<Segmentation>) -> Vec<LppMessage> {
    let mut policy = policy();
    policy.positioning.lpp_payload_max = 400;
    let mut lab = Lab::with(policy);
    positioning(&mut lab);
    let LppBody::ProvideCapabilities(mut can) = told() else { panic!() };
    can.segmentation = segmentation;
    let messages = [
        lpp(server(1), true, LppBody::ProvideCapabilities(can)),
        lpp(target(1), false, navigation_request()),
    ];
    lab.message(Version::V2, lpp_pos(&messages));
    let near = lab.now.gps();
    let mut all = Vec::new();
    for pdu in lab.sent() {
        let UlpMessage::Pos(Pos { payload: PosPayload::Lpp(messages), .. }) = pdu.message else { panic!() };
        assert!(messages.iter().map(Vec::len).sum::<usize>() <= 400);
        all.extend(messages.iter().map(|octets| LppMessage::decode(octets, near).unwrap()));
    }
    all
}

#[test]
fn long_answers_are_cut_for_those_who_can_join_them() {
    let deliveries = |messages: Vec<LppMessage>| {
        let of = |m: LppMessage| match m.body {
            Some(LppBody::ProvideAssistanceData(d)) => Some((m.end, *d)),
            _ => None,
        };
        messages.into_iter().filter_map(of).collect::<Vec<_>>()
    };
    let whole = deliveries(cut(Some(Segmentation { server_to_target: true, target_to_server: false })));
    assert!(whole.len() > 1);
    for (i, (end, d)) in whole.iter().enumerate() {
        let last = i == whole.len() - 1;
        assert_eq!((*end, d.more, d.error), (last, Some(!last), None));
    }
    let first = deliveries(cut(None));
    assert_eq!(first.len(), 1);
    let (end, d) = &first[0];
    assert_eq!((*end, d.more), (true, None));
    assert_eq!(d.error, Some(GnssError::Server(ServerErrorCause::NotAvailable)));
    assert!(!d.assistance.systems[0].ephemerides.is_empty());
}

#[test]
fn a_set_that_keeps_its_capabilities_to_itself_is_asked_all_the_same() {
    let mut lab = Lab::new();
    positioning(&mut lab);
    lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, LppBody::Error(ErrorCause::Undefined))]));
    assert!(matches!(lab.lpp()[0].body, Some(LppBody::RequestLocationInformation(_))));
    let mut lab = Lab::new();
    positioning(&mut lab);
    let none = LppBody::ProvideCapabilities(Box::<Capabilities>::default());
    lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, none)]));
    lab.wake();
    assert!(matches!(lab.lpp()[0].body, Some(LppBody::RequestLocationInformation(_))));
}

#[test]
fn with_assistance_only_the_session_ends_after_it() {
    let mut policy = policy();
    policy.positioning.ask_position = false;
    let mut lab = Lab::with(policy);
    positioning(&mut lab);
    lab.message(
        Version::V2,
        lpp_pos(&[lpp(server(1), true, told()), lpp(target(1), false, navigation_request())]),
    );
    let sent = lab.sent();
    assert!(matches!(sent[0].message, UlpMessage::Pos(_)));
    let UlpMessage::End(end) = &sent[1].message else { panic!("{sent:?}") };
    assert_eq!((end.status, sent.len()), (None, 2));
}

#[test]
fn acknowledgements_are_asked_for_where_configured() {
    let mut policy = policy();
    policy.positioning.lpp_acknowledge = true;
    let mut lab = Lab::with(policy);
    positioning(&mut lab);
    // Not of a SET that has not shown that it numbers messages.
    assert_eq!(lab.lpp()[0].ack, None);
    let numbered = LppMessage { sequence: Some(1), ..lpp(target(1), false, navigation_request()) };
    lab.message(Version::V2, lpp_pos(&[numbered]));
    let m = &lab.lpp()[0];
    assert!(m.ack.unwrap().requested && m.sequence == Some(0));
}

/// A SET that can be placed by its cell alone, in a cell that is known too roughly, asked for `horizontal_m`.
fn by_cell(horizontal_m: f64) -> Lab {
    let mut lab = Lab::new();
    let capabilities = SetCapabilities { gps: GnssModes::default(), ecid: true, ..capabilities(true) };
    let UlpMessage::Start(mut message) = start(capabilities.clone()) else { panic!() };
    message.qop =
        Some(QualityOfPosition { horizontal_m: Some(horizontal_m), ..QualityOfPosition::default() });
    let heard = LocationId::serving(CellId::Lte { plmn: Plmn { mcc: 1, mnc: 1 }, tac: 3, eci: 77 });
    message.location_ids = vec![heard.clone()];
    lab.message(Version::V2, UlpMessage::Start(message));
    if !lab.session.is_closed() {
        let init = PosInit { location_ids: vec![heard], ..pos_init(capabilities) };
        lab.message(Version::V2, UlpMessage::PosInit(Box::new(init)));
    }
    lab
}

fn can_measure(ecid: Option<EcidKinds>) -> LppBody {
    LppBody::ProvideCapabilities(Box::new(Capabilities { ecid, ..Capabilities::default() }))
}

#[test]
fn measurements_of_the_cell_place_a_set_better_than_its_name() {
    use crate::wire::measure::EcidMeasurement;
    let all = EcidKinds { rsrp: true, rsrq: true, rx_tx: true, nrsrp: true, nrsrq: false };
    let mut lab = by_cell(300.0);
    assert!(matches!(lab.lpp()[0].body, Some(LppBody::RequestCapabilities(_))));
    lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, can_measure(Some(all)))]));
    // At once: no assistance will be asked for. And nothing of GNSS.
    let messages = lab.lpp();
    let Some(LppBody::RequestLocationInformation(r)) = &messages[0].body else { panic!("{messages:?}") };
    assert_eq!((messages.len(), &r.gnss), (1, &None));
    assert_eq!(r.ecid, Some(EcidKinds { nrsrp: false, ..all }));
    let serving = EcidMeasurement {
        physical_id: 9,
        cell: None,
        earfcn: 1300,
        primary: true,
        rsrp_dbm: Some(-90.0),
        rsrq_db: Some(-10.0),
        rx_tx_s: Some(1.5e-6),
    };
    let report = LocationReport { ecid: vec![serving], ..LocationReport::default() };
    lab.message(Version::V2, lpp_pos(&[lpp(messages[0].transaction, true, location(report))]));
    assert_eq!(lab.end(), None);
    let positions = lab.positions();
    assert_eq!(positions.len(), 1);
    assert!(positions[0].qop_met && positions[0].estimate.shape.horizontal_uncertainty_m().unwrap() < 240.0);
}

#[test]
fn a_cell_that_cannot_be_measured_is_not_asked_about() {
    // Good enough by its name.
    let lab = by_cell(1000.0);
    assert_eq!(lab.end(), None);
    // Not good enough, and the SET measures nothing that helps.
    for told in [can_measure(None), can_measure(Some(EcidKinds { nrsrp: true, ..EcidKinds::default() }))] {
        let mut lab = by_cell(300.0);
        lab.message(Version::V2, lpp_pos(&[lpp(server(1), true, told)]));
        assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure));
    }
}
