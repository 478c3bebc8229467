//! Captured messages of real clients, and what those clients need in answer.

use super::flows::{server, target};
use super::*;
use crate::base::broadcast::{Gnss, KlobucharArea};
use crate::slc::record::Outcome;
use crate::wire::lpp::{GnssError, LppBody, ServerErrorCause};

/// The captured messages of a run, whole PDUs in order.
fn capture(test: &str, run: &str) -> Option<Vec<Vec<u8>>> {
    let dir = crate::testing::shared(test)?.join("vectors/clients");
    let read = |n: usize| std::fs::read_to_string(dir.join(format!("{run}-{n}.hex"))).ok();
    let octets = |text: String| {
        let text = text.trim();
        let pair = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(pair).collect()
    };
    let all: Vec<Vec<u8>> = (1..).map_while(read).map(octets).collect();
    assert!(all.len() >= 2, "{run}");
    Some(all)
}

/// SUPL START of a capture, whose answer must echo the SET's session and carry the SLP's.
fn begin(run: &[Vec<u8>]) -> Lab {
    let mut lab = Lab::new();
    let asked = UlpPdu::decode(&run[0]).unwrap();
    lab.pdu(&run[0]);
    let response = lab.only();
    assert!(matches!(response.message, UlpMessage::Response(_)));
    assert_eq!(response.session.set, asked.session.set);
    assert_eq!(response.session.slp, Some(slp_session()));
    assert_eq!(response.version.maj, asked.version.maj);
    lab
}

#[test]
fn google() {
    let Some(run) = capture("slc::tests::clients::google", "google-a") else { return };
    let mut lab = begin(&run);
    lab.pdu(&run[1]);
    let messages = lab.lpp();
    let first = &messages[0];
    assert!(first.end && first.transaction == target(4));
    assert_eq!(first.sequence, None);
    let Some(LppBody::ProvideAssistanceData(data)) = &first.body else { panic!("{first:?}") };
    let a = &data.assistance;
    assert_eq!(a.reference_time.as_ref().unwrap().systems[0], Gnss::Gps);
    assert_eq!(a.klobuchar[0].0, KlobucharArea::World);
    let mut systems: Vec<_> = a.systems.iter().map(|s| s.gnss).collect();
    systems.sort_unstable();
    assert_eq!(systems, [Gnss::Gps, Gnss::Glonass, Gnss::Galileo]);
    let glonass = a.system(Gnss::Glonass).unwrap();
    assert!(!glonass.ephemerides.is_empty());
    for e in &glonass.ephemerides {
        assert!(glonass.auxiliary.iter().any(|x| x.sat == e.sat() && x.channel.is_some()));
    }
    // The capabilities came along: only the position is asked for.
    assert!(matches!(messages[1].body, Some(LppBody::RequestLocationInformation(_))));
    assert_eq!(messages.len(), 2);
    // An empty report in the transaction of its own request, and in another minor version, closes the matter.
    lab.pdu(&run[2]);
    assert_eq!(lab.end(), None);
    assert_eq!(lab.record().outcome, Outcome::Completed);
}

#[test]
fn ericsson_rtk() {
    for run in ["eric-a-osr", "eric-j-nr", "eric-m-ipv4"] {
        let Some(run) = capture("slc::tests::clients::ericsson_rtk", run) else { return };
        let mut lab = begin(&run);
        lab.pdu(&run[1]);
        let messages = lab.lpp();
        assert_eq!((messages.len(), messages[0].transaction), (1, server(1)));
        assert!(matches!(messages[0].body, Some(LppBody::RequestCapabilities(_))));
        // Capabilities and request come together.
        lab.pdu(&run[2]);
        assert!(lab.out.is_empty());
        lab.pdu(&run[3]);
        let messages = lab.lpp();
        let Some(LppBody::ProvideAssistanceData(data)) = &messages[0].body else { panic!() };
        assert!(messages[0].end && messages[0].transaction == target(1));
        assert_eq!(data.error, Some(GnssError::Server(ServerErrorCause::PeriodicNotSupported)));
        let Some(LppBody::RequestLocationInformation(ask)) = &messages[1].body else { panic!() };
        assert!(ask.common.as_ref().unwrap().periodic.is_some());
        assert!(messages[1].sequence.is_some());
        // Its reports are transactions of its own, the first of them empty.
        let report = |number, estimate| LppMessage {
            transaction: target(number),
            sequence: Some(number + 8),
            body: Some(LppBody::ProvideLocationInformation(Box::new(crate::wire::lpp::LocationReport {
                estimate,
                ..crate::wire::lpp::LocationReport::default()
            }))),
            ..LppMessage::default()
        };
        let session = UlpPdu::decode(&run[3]).unwrap().session;
        let mut send = |message: LppMessage| {
            let pdu = UlpPdu {
                version: Version { maj: 2, min: 1, servind: 0 },
                session: session.clone(),
                message: lpp_pos(&[message]),
            };
            lab.pdu(&pdu.encode().unwrap());
        };
        send(report(20, None));
        send(report(21, Some(somewhere())));
        assert_eq!(lab.end(), None);
        assert_eq!(lab.positions().len(), 1);
    }
}

#[test]
fn ericsson_assisted_gnss() {
    let Some(run) = capture("slc::tests::clients::ericsson_assisted_gnss", "eric-c-agnss") else { return };
    let mut lab = begin(&run);
    lab.pdu(&run[1]);
    let messages = lab.lpp();
    let Some(LppBody::ProvideAssistanceData(data)) = &messages[0].body else { panic!() };
    assert!(messages[0].end && messages[0].transaction == target(1));
    assert_eq!(data.error, None);
    let mut systems: Vec<_> = data.assistance.systems.iter().map(|s| s.gnss).collect();
    systems.sort_unstable();
    assert_eq!(systems, [Gnss::Gps, Gnss::Glonass, Gnss::Galileo, Gnss::BeiDou]);
    assert!(matches!(messages[1].body, Some(LppBody::RequestCapabilities(_))));
    lab.pdu(&run[2]);
    lab.pdu(&run[3]);
    assert!(matches!(&lab.lpp()[0].body, Some(LppBody::ProvideAssistanceData(_))));
}

#[test]
fn ignss() {
    let Some(run) = capture("slc::tests::clients::ignss", "ignss-a") else { return };
    let mut lab = begin(&run);
    lab.pdu(&run[1]);
    assert!(matches!(lab.lpp()[0].body, Some(LppBody::RequestCapabilities(_))));
    // It reads only the first PDU of what arrives together: nothing may come between its capabilities and its request.
    lab.pdu(&run[2]);
    assert!(lab.out.is_empty());
    lab.pass(Duration::from_millis(300));
    lab.pdu(&run[3]);
    let messages = lab.lpp();
    let Some(LppBody::ProvideAssistanceData(data)) = &messages[0].body else { panic!() };
    assert!(messages[0].end && messages[0].transaction == target(1) && messages[0].sequence.is_none());
    assert!(data.assistance.reference_time.is_some());
}

/// The RRLP assistance in the only PDU that the last input led to.
fn assistance_data(lab: &Lab) -> crate::wire::rrlp::AssistanceData {
    let UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets), .. }) = lab.only().message else {
        panic!("no RRLP: {:?}", lab.out);
    };
    let whole = lab.out.iter().find_map(|a| match a {
        Action::Send(octets) => Some(octets.len()),
        _ => None,
    });
    assert!(whole.unwrap() <= 8192, "longer than the clients' buffers");
    let pdu = crate::wire::rrlp::RrlpPdu::decode(&octets, lab.now.gps()).unwrap();
    let crate::wire::rrlp::RrlpComponent::AssistanceData(data) = pdu.component else { panic!("{pdu:?}") };
    *data
}

#[test]
fn tajuma() {
    for run in ["tajuma-a", "tajuma-b-wcdma"] {
        let Some(run) = capture("slc::tests::clients::tajuma", run) else { return };
        let mut lab = begin(&run);
        lab.pdu(&run[1]);
        let data = assistance_data(&lab);
        // Everything in one piece, and nothing that says there might be more.
        assert_eq!(data.more, None);
        let a = &data.assistance;
        assert!(matches!(a.reference_location, Some(Shape::Ellipsoid { .. })));
        assert!(a.reference_time.is_some());
        assert_eq!(a.klobuchar.len(), 1);
        let gps = a.system(Gnss::Gps).unwrap();
        assert!((4..=16).contains(&gps.ephemerides.len()));
        assert!(gps.utc.is_some() && gps.acquisition.is_some() && gps.integrity.is_some());
        // The reference location is the 14 octets that begin with 0x90.
        let UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets), .. }) = lab.only().message else {
            panic!()
        };
        let asn = groma_asn1::rrlp::decode(&octets).unwrap();
        let groma_asn1::rrlp::RRLPComponent::assistanceData(d) = asn.component else { panic!() };
        let location = d.gps_assist_data.unwrap().control_header.ref_location.unwrap();
        let shape: &[u8] = &location.three_dlocation.0;
        assert_eq!((shape.len(), shape[0]), (14, 0x90));
        // It leaves without a word.
        lab.input(Input::Disconnected);
        assert_eq!(lab.record().outcome, Outcome::LeftServed);
    }
}

#[test]
fn gnss_sdr() {
    let Some(run) = capture("slc::tests::clients::gnss_sdr", "gnss-sdr-d-notickets") else { return };
    for session in run.chunks(2) {
        let mut lab = begin(session);
        lab.pdu(&session[1]);
        let data = assistance_data(&lab);
        let UlpMessage::PosInit(init) = UlpPdu::decode(&session[1]).unwrap().message else { panic!() };
        let asked = init.assistance.unwrap();
        let gps = data.assistance.system(Gnss::Gps);
        let asked_gps = asked.system(Gnss::Gps).unwrap();
        assert_eq!(data.more, None);
        assert!(data.assistance.reference_time.is_some());
        assert_eq!(gps.is_some_and(|g| !g.ephemerides.is_empty()), asked_gps.navigation.is_some());
        assert_eq!(gps.is_some_and(|g| g.almanac.is_some()), asked_gps.almanac.is_some());
        assert_eq!(gps.is_some_and(|g| g.acquisition.is_some()), asked_gps.acquisition.is_some());
        assert_eq!(data.assistance.reference_location.is_some(), asked.reference_location);
        lab.input(Input::Disconnected);
        assert_eq!(lab.record().outcome, Outcome::LeftServed);
    }
}
