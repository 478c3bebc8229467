//! The machine against a scripted server, with a clock that only the tests move.

use std::time::{Duration, Instant};

use super::{Action, Input, Session};
use crate::base::broadcast::Gnss;
use crate::base::geo::{Ellipse, GeoPoint, Shape};
use crate::base::time::{GpsTime, Now, Utc};
use crate::base::{SlpAddress, SlpSessionId};
use crate::gnss::orbit::coarse_position;
use crate::gnss::visibility::Observer;
use crate::handset::findings::Ending;
use crate::handset::options::{Goal, Options};
use crate::wire::assist::{Assistance, Initiator, ReferenceTime};
use crate::wire::lpp::{
    AssistanceDataDelivery, CapabilitiesRequest, CommonLocationRequest, GnssLocationRequest,
    LocationInformationType, LocationRequest, LppBody, LppMessage, OtherMethods, TransactionId,
};
use crate::wire::rrlp::{
    AssistanceData, Method, MethodType, MsrPositionReq, PositionInstruct, RrlpComponent, RrlpPdu,
};
use crate::wire::ulp::{
    End, Pos, PosInit, PosMethod, PosPayload, Response, StatusCode, UlpMessage, UlpPdu, Version,
};

/// A handset on the bench: time moves by hand, what it sends is read back.
struct Bench {
    session: Session,
    now: Now,
    origin: Instant,
    sent: Vec<UlpMessage>,
    closed: bool,
    last: Option<UlpPdu>,
}

impl Bench {
    fn new(options: Options) -> Self {
        let utc: Utc = "2026-06-01T12:00:00Z".parse().unwrap();
        let now = Now { mono: Instant::now(), utc };
        let mut bench = Self {
            session: Session::new(options, now),
            now,
            origin: now.mono,
            sent: Vec::new(),
            closed: false,
            last: None,
        };
        bench.input(Input::Connected);
        assert!(matches!(bench.take(), UlpMessage::Start(_)));
        bench
    }

    fn input(&mut self, input: Input<'_>) {
        let mut out = Vec::new();
        self.session.handle(self.now, input, &mut out).unwrap();
        for action in out {
            assert!(!self.closed, "nothing follows the close");
            match action {
                Action::Send(octets) => {
                    let pdu = UlpPdu::decode(&octets).unwrap();
                    self.sent.push(pdu.message.clone());
                    self.last = Some(pdu);
                }
                Action::Show(_) => {}
                Action::Close => self.closed = true,
            }
        }
    }

    /// The one message that was sent since the last call.
    fn take(&mut self) -> UlpMessage {
        assert_eq!(self.sent.len(), 1, "{:?}", self.sent);
        self.sent.remove(0)
    }

    fn server(&mut self, message: UlpMessage) {
        let mut session = self.last.as_ref().unwrap().session.clone();
        session.slp = Some(SlpSessionId {
            id: [1, 2, 3, 4],
            slp: SlpAddress::Ip(std::net::Ipv4Addr::LOCALHOST.into()),
        });
        let octets = UlpPdu::new(Version::V2, session, message).encode().unwrap();
        self.input(Input::Pdu(&octets));
    }

    fn respond(&mut self) -> PosInit {
        self.server(UlpMessage::Response(Box::new(Response::new(PosMethod::AgnssSetBased))));
        let UlpMessage::PosInit(m) = self.take() else { panic!("SUPL POS INIT") };
        assert!(self.last.as_ref().unwrap().session.slp.is_some(), "the server's session id is used");
        *m
    }

    fn lpp(&mut self, messages: &[LppMessage]) {
        let payload = PosPayload::Lpp(messages.iter().map(|m| m.encode().unwrap()).collect());
        self.server(UlpMessage::Pos(Pos { payload, velocity: None }));
    }

    fn rrlp(&mut self, reference: u8, component: RrlpComponent) {
        let payload = PosPayload::Rrlp(RrlpPdu { reference, component }.encode().unwrap());
        self.server(UlpMessage::Pos(Pos { payload, velocity: None }));
    }

    fn take_lpp(&mut self) -> Vec<LppMessage> {
        let UlpMessage::Pos(pos) = self.take() else { panic!("SUPL POS") };
        lpp_of(&pos, self.now.gps())
    }

    fn take_rrlp(&mut self) -> RrlpPdu {
        let UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets), .. }) = self.take() else {
            panic!("RRLP")
        };
        RrlpPdu::decode(&octets, self.now.gps()).unwrap()
    }

    /// Lets the time run to the machine's next timeout.
    fn wait(&mut self) {
        let at = self.session.next_timeout().unwrap();
        let step = at.duration_since(self.now.mono);
        self.now = Now { mono: at, utc: self.now.utc + step };
        self.input(Input::Timeout);
    }

    fn elapsed(&self) -> Duration {
        self.now.mono.duration_since(self.origin)
    }
}

fn lpp_of(pos: &Pos, near: GpsTime) -> Vec<LppMessage> {
    let PosPayload::Lpp(messages) = &pos.payload else { panic!("LPP") };
    messages.iter().map(|m| LppMessage::decode(m, near).unwrap()).collect()
}

fn agnss() -> Options {
    Options { gnss: vec![Gnss::Gps], ..Options::new(Goal::Agnss, "localhost:1") }
}

fn town() -> GeoPoint {
    GeoPoint::new(50.8467, 4.3525).unwrap()
}

fn assistance(now: GpsTime) -> Assistance {
    // Ephemerides every two hours, as they are broadcast.
    let toe = GpsTime::from_week_s(now.week(), (now.tow() / 7200.0).round() as i64 * 7200);
    let mut a = Assistance {
        reference_time: Some(ReferenceTime::gps(now, Some(0.001))),
        reference_location: Some(Shape::Ellipsoid {
            at: town(),
            ellipse: Ellipse::circle(2000.0, Some(95)),
            altitude_m: 50.0,
            altitude_unc_m: 100.0,
        }),
        ..Assistance::default()
    };
    a.system_mut(Gnss::Gps).ephemerides = crate::testing::sky::gps(toe);
    a
}

fn delivery(number: u8, assistance: Assistance, more: Option<bool>) -> LppMessage {
    LppMessage {
        transaction: Some(TransactionId { initiator: Initiator::TargetDevice, number }),
        end: more != Some(true),
        body: Some(LppBody::ProvideAssistanceData(Box::new(AssistanceDataDelivery {
            assistance,
            more,
            ..AssistanceDataDelivery::default()
        }))),
        ..LppMessage::default()
    }
}

fn server_message(number: u8, body: LppBody) -> LppMessage {
    LppMessage {
        transaction: Some(TransactionId { initiator: Initiator::LocationServer, number }),
        body: Some(body),
        ..LppMessage::default()
    }
}

fn location_request() -> LppBody {
    LppBody::RequestLocationInformation(Box::new(LocationRequest {
        common: Some(CommonLocationRequest {
            kind: LocationInformationType::EstimateRequired,
            triggered: None,
            periodic: None,
            additional: None,
            qos: None,
            environment: None,
            location_types: None,
            velocity_types: None,
        }),
        gnss: Some(GnssLocationRequest { systems: vec![Gnss::Gps], ..GnssLocationRequest::default() }),
        ecid: None,
        other: OtherMethods::default(),
    }))
}

/// The transaction of the request for assistance in these messages.
fn asked(messages: &[LppMessage]) -> Option<u8> {
    let request = messages.iter().find(|m| matches!(m.body, Some(LppBody::RequestAssistanceData(_))))?;
    Some(request.transaction?.number)
}

fn estimate(messages: &[LppMessage]) -> GeoPoint {
    let report = messages.iter().find_map(|m| match &m.body {
        Some(LppBody::ProvideLocationInformation(r)) => Some(r),
        _ => None,
    });
    report.unwrap().estimate.as_ref().unwrap().centre().unwrap()
}

#[test]
fn an_lpp_session_from_start_to_end() {
    let mut b = Bench::new(agnss());
    let pos_init = b.respond();
    let embedded = lpp_of(&pos_init.pos.unwrap(), b.now.gps());
    assert!(matches!(embedded[0].body, Some(LppBody::ProvideCapabilities(_))));
    let number = asked(&embedded).unwrap();
    let a = assistance(b.now.gps());
    b.lpp(&[delivery(number, a, None), server_message(9, location_request())]);
    let answer = b.take_lpp();
    assert_eq!(answer.len(), 1);
    assert_eq!(answer[0].transaction.unwrap().number, 9);
    assert!(answer[0].end);
    assert!(estimate(&answer).distance_m(town()) < 900.0);
    b.server(UlpMessage::End(Box::default()));
    assert!(b.closed);
    let found = b.session.into_findings();
    assert_eq!((found.ending, found.status), (Some(Ending::End), None));
    assert!(found.fix.unwrap().error_m() < 40.0);
    assert_eq!(found.assistance.system(Gnss::Gps).unwrap().ephemerides.len(), 24);
}

#[test]
fn a_request_of_capabilities_first_is_answered_and_the_request_repeated() {
    let mut b = Bench::new(agnss());
    let first = asked(&lpp_of(&b.respond().pos.unwrap(), b.now.gps())).unwrap();
    b.lpp(&[server_message(1, LppBody::RequestCapabilities(CapabilitiesRequest::default()))]);
    let answer = b.take_lpp();
    assert!(matches!(answer[0].body, Some(LppBody::ProvideCapabilities(_))));
    assert_eq!(
        answer[0].transaction.unwrap(),
        TransactionId { initiator: Initiator::LocationServer, number: 1 }
    );
    // The server has not looked into SUPL POS INIT.
    b.wait();
    let again = asked(&b.take_lpp()).unwrap();
    assert_ne!(again, first);
    let a = assistance(b.now.gps());
    b.lpp(&[delivery(again, a, None)]);
    // It does not ask for the position either: the handset reports by itself.
    b.wait();
    let report = b.take_lpp();
    assert_eq!(report[0].transaction.unwrap().initiator, Initiator::TargetDevice);
    estimate(&report);
    // Nor does it end the session.
    b.wait();
    assert!(matches!(b.take(), UlpMessage::End(e) if e.status.is_none()));
    assert!(b.closed);
    assert_eq!(b.session.into_findings().ending, Some(Ending::Done));
}

#[test]
fn assistance_in_parts_is_complete_only_with_the_last() {
    let mut b = Bench::new(agnss());
    let number = asked(&lpp_of(&b.respond().pos.unwrap(), b.now.gps())).unwrap();
    let mut first = assistance(b.now.gps());
    let mut second = Assistance::default();
    second.system_mut(Gnss::Gps).ephemerides = first.system_mut(Gnss::Gps).ephemerides.split_off(3);
    b.lpp(&[delivery(number, first, Some(true)), server_message(2, location_request())]);
    assert!(b.sent.is_empty(), "three satellites are not all");
    b.lpp(&[delivery(number, second, Some(false))]);
    estimate(&b.take_lpp());
}

#[test]
fn a_server_of_another_date_is_understood() {
    let mut b = Bench::new(agnss());
    let number = asked(&lpp_of(&b.respond().pos.unwrap(), b.now.gps())).unwrap();
    let then = GpsTime::from_utc("2023-01-01T11:00:00Z".parse().unwrap());
    b.lpp(&[delivery(number, assistance(then), None), server_message(2, location_request())]);
    estimate(&b.take_lpp());
    let found = b.session.into_findings();
    assert!((found.fix.unwrap().time - then).abs() < 1.0);
}

#[test]
fn acknowledgements_go_where_they_are_asked_for() {
    let mut b = Bench::new(agnss());
    let number = asked(&lpp_of(&b.respond().pos.unwrap(), b.now.gps())).unwrap();
    let mut m = delivery(number, assistance(b.now.gps()), None);
    m.sequence = Some(77);
    m.ack = Some(crate::wire::lpp::Acknowledgement { requested: true, indicator: None });
    b.lpp(std::slice::from_ref(&m));
    let ack = b.take_lpp();
    assert!(ack[0].body.is_none());
    assert_eq!(ack[0].ack.unwrap().indicator, Some(77));
    // The same message again is acknowledged again, and not taken twice.
    b.lpp(&[m]);
    assert_eq!(b.take_lpp()[0].ack.unwrap().indicator, Some(77));
}

#[test]
fn an_rrlp_session_with_assistance_in_two_messages() {
    let mut b = Bench::new(agnss().supl1());
    let pos_init = b.respond();
    assert!(pos_init.assistance.is_some() && pos_init.pos.is_none());
    let mut first = assistance(b.now.gps());
    let mut second = Assistance::default();
    // One RRLP message takes 16 at most, so both halves are of those that can be seen.
    let (observer, t) = (Observer::new(town(), 0.0), b.now.gps());
    let all = &mut first.system_mut(Gnss::Gps).ephemerides;
    all.retain(|e| observer.look_at(coarse_position(e, t)).1 > 5.0);
    let half = all.len() / 2;
    second.system_mut(Gnss::Gps).ephemerides = all.split_off(half);
    let data = AssistanceData { assistance: first, more: Some(true), extended: None };
    b.rrlp(3, RrlpComponent::AssistanceData(Box::new(data)));
    assert_eq!(b.take_rrlp(), RrlpPdu { reference: 3, component: RrlpComponent::AssistanceDataAck });
    let request = MsrPositionReq {
        instruct: PositionInstruct {
            method_type: MethodType::MsBased,
            accuracy_m: Some(50.0),
            method: Method::Gps,
            response_time: Duration::from_secs(16),
            multiple_sets: false,
            environment: None,
        },
        assistance: second,
        extended: None,
        velocity: false,
        systems: Vec::new(),
        required_response: None,
        gps_time_measurement: false,
        multi_frequency: false,
    };
    b.rrlp(4, RrlpComponent::MsrPositionReq(Box::new(request)));
    let answer = b.take_rrlp();
    assert_eq!(answer.reference, 4);
    let RrlpComponent::MsrPositionRsp(rsp) = answer.component else { panic!("a response") };
    assert!(rsp.location.is_some(), "{rsp:?}");
    let location = rsp.location.unwrap();
    assert!(location.shape.centre().unwrap().distance_m(town()) < 900.0);
    assert!(location.time.tod_ms.is_some());
    b.server(UlpMessage::End(Box::default()));
    assert!(b.closed);
}

#[test]
fn silence_ends_the_session_with_supl_end() {
    let mut b = Bench::new(agnss());
    b.wait();
    assert!(matches!(b.take(), UlpMessage::End(e) if e.status == Some(StatusCode::Unspecified)));
    assert!(b.closed);
    assert_eq!(b.elapsed(), agnss().timeout);
    assert_eq!(b.session.into_findings().ending, Some(Ending::Silence("SUPL RESPONSE")));
}

#[test]
fn an_end_may_come_at_any_time() {
    let mut b = Bench::new(agnss());
    b.server(UlpMessage::End(Box::new(End::with(StatusCode::PosMethodMismatch))));
    assert!(b.closed && b.sent.is_empty());
    let found = b.session.into_findings();
    assert_eq!((found.ending, found.status), (Some(Ending::End), Some(StatusCode::PosMethodMismatch)));
}

#[test]
fn a_server_that_leaves_is_no_surprise() {
    let mut b = Bench::new(agnss());
    b.respond();
    b.input(Input::Disconnected);
    assert!(b.closed && b.sent.is_empty());
    assert_eq!(b.session.into_findings().ending, Some(Ending::Closed));
}

#[test]
fn what_cannot_be_read_is_answered_as_such() {
    let mut b = Bench::new(agnss());
    b.input(Input::Pdu(&[0, 7, 2, 0, 0, 0xff, 0xff]));
    assert!(matches!(b.take(), UlpMessage::End(e) if e.status == Some(StatusCode::ProtocolError)));
    assert!(b.closed);
}

#[test]
fn a_payload_that_cannot_be_read_is_answered_in_its_protocol() {
    let mut b = Bench::new(agnss());
    b.respond();
    let payload = PosPayload::Lpp(vec![vec![0xff; 40]]);
    b.server(UlpMessage::Pos(Pos { payload, velocity: None }));
    assert!(matches!(b.take_lpp()[0].body, Some(LppBody::Error(_))));
}
