//! RRLP inside a session.

use super::*;
use crate::base::PositionMethod;
use crate::base::broadcast::Gnss;
use crate::wire::assist::{AssistanceRequest, ModelChoice, NavigationRequest};
use crate::wire::measure::{GnssMeasurements, MeasurementTime};
use crate::wire::rrlp::{
    AssistanceData, ErrorCause, LocationError, LocationErrorReason, LocationInfo, MethodType, MsrPositionReq,
    MsrPositionRsp, ProtocolError, PseudoSegment, RrlpComponent, RrlpPdu,
};

fn request() -> AssistanceRequest {
    let mut r = AssistanceRequest { reference_location: true, ..AssistanceRequest::default() };
    let gps = r.system_mut(Gnss::Gps);
    gps.navigation = Some(NavigationRequest::default());
    gps.almanac = Some(ModelChoice::default());
    r
}

/// To the state in which SUPL POS are exchanged, with or without a request for assistance.
fn positioning(lab: &mut Lab, assistance: Option<AssistanceRequest>) -> RrlpPdu {
    lab.message(Version::V1, start(capabilities(false)));
    let init = PosInit { assistance, ..pos_init(capabilities(false)) };
    lab.message(Version::V1, UlpMessage::PosInit(Box::new(init)));
    received(lab)
}

/// The RRLP PDU in the only message that the last input led to.
fn received(lab: &Lab) -> RrlpPdu {
    let pdu = lab.only();
    let UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets), .. }) = pdu.message else {
        panic!("no RRLP: {:?}", lab.out);
    };
    assert_eq!(pdu.version, Version::V1);
    RrlpPdu::decode(&octets, lab.now.gps()).unwrap()
}

fn answer(lab: &mut Lab, reference: u8, component: RrlpComponent) {
    let octets = RrlpPdu { reference, component }.encode().unwrap();
    lab.message(Version::V1, UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets), velocity: None }));
}

fn ask(pdu: &RrlpPdu) -> &MsrPositionReq {
    let RrlpComponent::MsrPositionReq(r) = &pdu.component else { panic!("{pdu:?}") };
    r
}

fn data(pdu: &RrlpPdu) -> &AssistanceData {
    let RrlpComponent::AssistanceData(d) = &pdu.component else { panic!("{pdu:?}") };
    d
}

fn time() -> MeasurementTime {
    MeasurementTime {
        system: Gnss::Gps,
        tod_ms: Some(1000.0),
        modulo_s: 14_400,
        uncertainty_s: None,
        gsm_frame: None,
    }
}

fn located() -> RrlpComponent {
    let at = GeoPoint::new(50.0, 4.0).unwrap();
    let ellipse = crate::base::geo::Ellipse::circle(10.0, None);
    let shape = Shape::Ellipsoid { at, ellipse, altitude_m: 100.0, altitude_unc_m: 20.0 };
    RrlpComponent::MsrPositionRsp(Box::new(MsrPositionRsp {
        location: Some(LocationInfo {
            time: time(),
            three_d: true,
            shape,
            systems: Vec::new(),
            eotd: false,
            stationary: None,
        }),
        ..MsrPositionRsp::default()
    }))
}

fn failed(reason: LocationErrorReason, needed: Option<AssistanceRequest>) -> RrlpComponent {
    let error = Some(LocationError { reason, needed });
    RrlpComponent::MsrPositionRsp(Box::new(MsrPositionRsp { error, ..MsrPositionRsp::default() }))
}

#[test]
fn assistance_acknowledgement_position() {
    let mut lab = Lab::new();
    let first = positioning(&mut lab, Some(request()));
    assert_eq!(data(&first).more, None);
    answer(&mut lab, first.reference, RrlpComponent::AssistanceDataAck);
    let second = received(&lab);
    assert_eq!(ask(&second).instruct.method_type, MethodType::MsBased);
    assert_ne!(second.reference, first.reference);
    assert!(ask(&second).systems.is_empty());
    answer(&mut lab, second.reference, located());
    assert_eq!(lab.end(), None);
    let positions = lab.positions();
    assert_eq!(positions[0].estimate.method, PositionMethod::AgnssMsBased);
    assert_eq!(positions[0].estimate.shape.altitude_m(), Some(100.0));
    assert_eq!(lab.record().ulp_version, Some([1, 0, 0]));
}

#[test]
fn pieces_wait_for_acknowledgements() {
    let mut policy = policy();
    policy.positioning.rrlp_payload_max = 250;
    let mut lab = Lab::with(policy);
    let mut pdu = positioning(&mut lab, Some(request()));
    let mut satellites = 0;
    let mut pieces = 0;
    loop {
        pieces += 1;
        let d = data(&pdu);
        satellites += d.assistance.system(Gnss::Gps).map_or(0, |s| s.ephemerides.len());
        let more = d.more;
        assert!(pdu.encode().unwrap().len() <= 250);
        // A repeated acknowledgement of an earlier piece brings nothing.
        answer(&mut lab, (pdu.reference + 7) % 8, RrlpComponent::AssistanceDataAck);
        assert!(lab.out.is_empty());
        answer(&mut lab, pdu.reference, RrlpComponent::AssistanceDataAck);
        pdu = received(&lab);
        if more == Some(false) {
            break;
        }
    }
    ask(&pdu);
    assert!(pieces >= 3, "{pieces}");
    let visible = lab.sky.visible_within(GeoPoint::new(50.0, 4.0).unwrap(), 0.0, 800.0, lab.now.gps(), 5.0);
    assert_eq!(satellites, visible.iter().filter(|v| v.sat.gnss == Gnss::Gps).count());
}

#[test]
fn without_a_request_the_position_is_asked_for_at_once() {
    let mut lab = Lab::new();
    let pdu = positioning(&mut lab, None);
    ask(&pdu);
    // The SET is given its response time on top of ST3.
    assert_eq!(lab.wake(), Duration::from_secs(26));
    assert_eq!(lab.end(), None, "the cell will do");
}

#[test]
fn a_set_that_lacks_data_gets_it_and_is_asked_again() {
    let mut lab = Lab::new();
    let pdu = positioning(&mut lab, None);
    answer(&mut lab, pdu.reference, failed(LocationErrorReason::GpsDataMissing, Some(request())));
    let help = received(&lab);
    assert!(!data(&help).assistance.systems[0].ephemerides.is_empty());
    answer(&mut lab, help.reference, RrlpComponent::AssistanceDataAck);
    let again = received(&lab);
    ask(&again);
    // It never has enough: given up after a few rounds.
    answer(&mut lab, again.reference, failed(LocationErrorReason::GpsDataMissing, None));
    let help = received(&lab);
    data(&help);
    answer(&mut lab, help.reference, RrlpComponent::AssistanceDataAck);
    let last = received(&lab);
    answer(&mut lab, last.reference, failed(LocationErrorReason::GpsDataMissing, None));
    assert_eq!(lab.end(), None, "the cell will do");
    assert_eq!(lab.positions()[0].estimate.method, PositionMethod::CellId);
}

#[test]
fn too_few_satellites_is_no_position() {
    let mut lab = Lab::new();
    lab.cells = Cells(None);
    let pdu = positioning(&mut lab, None);
    answer(&mut lab, pdu.reference, failed(LocationErrorReason::NotEnoughSatellites, None));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure));
}

#[test]
fn measurements_alone_are_honestly_no_position() {
    let mut lab = Lab::new();
    lab.cells = Cells(None);
    let can = SetCapabilities {
        gps: GnssModes { ms_assisted: true, ..GnssModes::default() },
        ..capabilities(false)
    };
    lab.message(Version::V1, start(can.clone()));
    lab.message(Version::V1, UlpMessage::PosInit(Box::new(pos_init(can))));
    let pdu = received(&lab);
    assert_eq!(ask(&pdu).instruct.method_type, MethodType::MsAssisted);
    let satellites = vec![crate::wire::measure::SatMeasurement {
        sat: crate::base::broadcast::SatId::new(Gnss::Gps, 3),
        signal: 0,
        cn0_dbhz: 40,
        multipath: crate::wire::measure::Multipath::Low,
        carrier_quality: None,
        code_phase_ms: 0.5,
        whole_ms: None,
        ambiguity_ms: 1,
        rms_m: 10.0,
        doppler_mps: Some(0.0),
        adr_m: None,
    }];
    let rsp = MsrPositionRsp {
        gps: vec![GnssMeasurements { time: time(), satellites }],
        ..MsrPositionRsp::default()
    };
    answer(&mut lab, pdu.reference, RrlpComponent::MsrPositionRsp(Box::new(rsp)));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure));
}

#[test]
fn the_second_half_is_waited_for() {
    let mut lab = Lab::new();
    let pdu = positioning(&mut lab, None);
    let half = |segment| {
        let RrlpComponent::MsrPositionRsp(mut rsp) = located() else { panic!() };
        rsp.segment = Some(segment);
        RrlpComponent::MsrPositionRsp(rsp)
    };
    answer(&mut lab, pdu.reference, half(PseudoSegment::First));
    assert!(!lab.session.is_closed());
    answer(&mut lab, pdu.reference, half(PseudoSegment::Second));
    assert_eq!(lab.end(), None);
}

#[test]
fn unknown_references_and_nonsense_are_answered_a_few_times() {
    let mut lab = Lab::new();
    let pdu = positioning(&mut lab, None);
    answer(&mut lab, (pdu.reference + 3) % 8, located());
    let RrlpComponent::ProtocolError(e) = received(&lab).component else { panic!() };
    assert_eq!(e.cause, ErrorCause::UnknownReference);
    for _ in 0..2 {
        let payload = PosPayload::Rrlp(vec![0xff; 3]);
        lab.message(Version::V1, UlpMessage::Pos(Pos { payload, velocity: None }));
        assert!(matches!(received(&lab).component, RrlpComponent::ProtocolError(_)));
    }
    let payload = PosPayload::Rrlp(vec![0xff; 3]);
    lab.message(Version::V1, UlpMessage::Pos(Pos { payload, velocity: None }));
    assert_eq!(lab.end(), Some(StatusCode::ProtocolError));
}

#[test]
fn a_set_that_cannot_read_assistance_is_asked_all_the_same() {
    let mut lab = Lab::new();
    let first = positioning(&mut lab, Some(request()));
    let error = ProtocolError { cause: ErrorCause::IncorrectData, extended: None };
    answer(&mut lab, first.reference, RrlpComponent::ProtocolError(error));
    let second = received(&lab);
    ask(&second);
    answer(&mut lab, second.reference, RrlpComponent::ProtocolError(error));
    assert!(lab.session.is_closed());
}
