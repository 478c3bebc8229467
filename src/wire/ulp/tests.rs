use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::cell::{CellId, CellStatus, Plmn};
use crate::base::geo::{Ellipse, GeoPoint};
use crate::base::ids::{SetId, SetIdKind};
use crate::testing;
use crate::wire::assist::*;
use crate::wire::gad::{self, HORIZONTAL, VERTICAL};
use crate::wire::test_data::*;

fn octets(dir: &Path, name: &str) -> Vec<u8> {
    hex(&std::fs::read_to_string(dir.join("vectors/clients").join(format!("{name}.hex"))).unwrap())
}

fn client(dir: &Path, name: &str) -> UlpPdu {
    UlpPdu::decode(&octets(dir, name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn again(p: &UlpPdu) -> UlpPdu {
    UlpPdu::decode(&p.encode().unwrap()).unwrap()
}

fn start(p: &UlpPdu) -> &Start {
    let UlpMessage::Start(m) = &p.message else { panic!("{:?}", p.message.kind()) };
    m
}

fn pos_init(p: &UlpPdu) -> &PosInit {
    let UlpMessage::PosInit(m) = &p.message else { panic!("{:?}", p.message.kind()) };
    m
}

fn lpp(p: &UlpPdu) -> &[Vec<u8>] {
    let UlpMessage::Pos(Pos { payload: PosPayload::Lpp(list), .. }) = &p.message else { panic!() };
    list
}

#[test]
fn first_messages_of_rrlp_clients() {
    let Some(dir) = testing::shared("first_messages_of_rrlp_clients") else { return };
    let p = client(&dir, "tajuma-a-1");
    assert_eq!(p.version, Version::V1);
    assert_eq!(p.session.slp, None);
    let set = p.session.set.as_ref().unwrap();
    assert_eq!((set.id, set.set_id.kind()), (1, SetIdKind::Imsi));
    let m = start(&p);
    assert_eq!(m.capabilities.gps, GnssModes { standalone: false, ms_based: true, ms_assisted: false });
    assert!(m.capabilities.protocols.rrlp && !m.capabilities.protocols.lpp);
    let plmn = Plmn { mcc: 244, mnc: 5 };
    assert_eq!(m.location_ids.len(), 1);
    assert_eq!(m.location_ids[0].cell, Some(CellId::Gsm { plmn, lac: 0x59e2, ci: 0x31b0 }));
    assert_eq!(p.encode().unwrap(), octets(&dir, "tajuma-a-1"));

    let p = client(&dir, "tajuma-a-2");
    let q = pos_init(&p).assistance.as_ref().unwrap();
    let gps = q.system(Gnss::Gps).unwrap();
    assert!(q.reference_time.is_some() && q.reference_location && !q.other.any());
    assert!(q.ionosphere.as_ref().unwrap().wants_klobuchar(crate::base::broadcast::KlobucharArea::World));
    assert!(gps.navigation.is_some() && gps.utc.is_some() && gps.integrity && gps.acquisition.is_some());
    assert!(gps.almanac.is_none(), "everything but the almanac");
    assert_eq!(p.encode().unwrap(), octets(&dir, "tajuma-a-2"));

    let p = client(&dir, "tajuma-b-wcdma-1");
    assert_eq!(start(&p).location_ids[0].cell, Some(CellId::Wcdma { plmn, uc: 0xf_31bb }));
    assert!(
        pos_init(&client(&dir, "tajuma-b-wcdma-2"))
            .assistance
            .as_ref()
            .unwrap()
            .system(Gnss::Gps)
            .unwrap()
            .almanac
            .is_some()
    );

    for (n, almanac, acquisition) in [(2, false, false), (4, true, false), (6, true, true)] {
        let p = client(&dir, &format!("gnss-sdr-d-notickets-{n}"));
        let q = pos_init(&p).assistance.as_ref().unwrap();
        let gps = q.system(Gnss::Gps).unwrap();
        assert_eq!(gps.navigation.is_some(), n == 2);
        assert_eq!((gps.almanac.is_some(), gps.acquisition.is_some()), (almanac, acquisition), "{n}");
        assert!(q.reference_time.is_some());
        assert_eq!(p.encode().unwrap(), octets(&dir, &format!("gnss-sdr-d-notickets-{n}")));
    }
}

#[test]
fn first_messages_of_lpp_clients() {
    let Some(dir) = testing::shared("first_messages_of_lpp_clients") else { return };
    let p = client(&dir, "google-a-1");
    assert_eq!((p.version.maj, p.version.min), (2, 1));
    assert_eq!(p.session.set.as_ref().unwrap().set_id.kind(), SetIdKind::Ip);
    let c = &start(&p).capabilities;
    assert!(c.protocols.rrlp && c.protocols.lpp && c.protocols.lpp_version.is_none());
    assert_eq!(start(&p).location_ids[0].cell, Some(CellId::Wlan { mac: [0xff; 6] }));

    let p = client(&dir, "google-a-2");
    let m = pos_init(&p);
    assert!(m.position.is_some());
    let q = m.assistance.as_ref().unwrap();
    for g in [Gnss::Gps, Gnss::Galileo, Gnss::Glonass] {
        assert!(q.system(g).is_some(), "{g:?} of {:?}", q.systems.iter().map(|s| s.gnss).collect::<Vec<_>>());
    }
    let Some(Pos { payload: PosPayload::Lpp(list), .. }) = &m.pos else { panic!() };
    assert_eq!(list.len(), 2);
    assert_eq!(list[1], octets(&dir, "google-a-2.lpp1"));
    let p = client(&dir, "google-a-3");
    assert_eq!((p.version.maj, p.version.min), (2, 0), "the minor version changes in mid-session");
    assert_eq!(lpp(&p).len(), 1);

    let p = client(&dir, "eric-c-agnss-1");
    assert_eq!(p.session.set.as_ref().unwrap().id, 1024);
    let m = start(&p);
    assert_eq!(m.application.as_ref().unwrap().provider, "Ericsson");
    assert!(matches!(m.location_ids[0].cell, Some(CellId::Lte { .. })));
    assert_eq!(
        m.capabilities.protocols.lpp_version,
        Some(ProtocolVersion { major: 18, technical: 4, editorial: 0 })
    );
    assert!(pos_init(&client(&dir, "eric-c-agnss-2")).pos.is_some());
    assert!(matches!(start(&client(&dir, "eric-j-nr-1")).location_ids[0].cell, Some(CellId::Nr { .. })));
    assert_eq!(client(&dir, "eric-m-ipv4-1").session.set.unwrap().set_id.kind(), SetIdKind::Ip);

    let p = client(&dir, "ignss-a-1");
    assert_eq!(start(&p).location_ids[0].status, CellStatus::Unknown);
    assert_eq!(lpp(&client(&dir, "ignss-a-4")).len(), 1);
}

/// Every message of a client decodes, and what is written of it means the same.
#[test]
fn all_messages_of_clients() {
    let Some(dir) = testing::shared("all_messages_of_clients") else { return };
    let mut n = 0;
    for entry in std::fs::read_dir(dir.join("vectors/clients")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".hex").filter(|s| !s.contains('.')) else { continue };
        let p = client(&dir, stem);
        assert_eq!(again(&p), p, "{name}");
        assert_session_is_peeked(&octets(&dir, stem), &p);
        n += 1;
    }
    assert!(n > 25, "{n}");
}

fn assert_session_is_peeked(octets: &[u8], p: &UlpPdu) {
    let h = peek(octets);
    assert_eq!(h.version, Some(p.version));
    assert_eq!(h.session, p.session);
    assert_eq!(h.kind, Some(p.message.kind()));
}

#[test]
fn vectors_decode() {
    let Some(dir) = testing::shared("vectors_decode") else { return };
    let mut kinds = BTreeMap::<&str, usize>::new();
    for (name, v) in vectors(&dir, "ulp") {
        let decoded = UlpPdu::decode(&v.octets);
        if v.refused || v.pdu != "ULP.ULP-PDU" {
            assert!(v.pdu != "ULP.ULP-PDU" || name.starts_with("reject-toe") || decoded.is_err(), "{name}");
            continue;
        }
        let p = decoded.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_session_is_peeked(&v.octets, &p);
        *kinds.entry(p.message.kind().name()).or_default() += 1;
        // Names of session members and codes of later versions are only received.
        if let Ok(written) = p.encode() {
            let once = UlpPdu::decode(&written).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(once.encode().unwrap(), written, "{name}");
        }
    }
    assert!(kinds.len() >= 14, "{kinds:?}");
}

fn session() -> SessionIds {
    SessionIds {
        set: Some(SetSessionId { id: 1024, set_id: SetId::Imsi("244050000000001".parse().unwrap()) }),
        slp: Some(SlpSessionId {
            id: [1, 2, 3, 4],
            slp: SlpAddress::Fqdn("h-slp.mnc005.mcc244.pub.3gppnetwork.org".parse().unwrap()),
        }),
    }
}

fn position() -> Position {
    let (south, lat) = gad::latitude(-12.3);
    Position {
        time: "2026-11-24T12:34:56Z".parse().unwrap(),
        shape: Shape::Ellipsoid {
            at: gad::point(south, lat, gad::longitude(-179.9)).unwrap(),
            ellipse: Ellipse {
                semi_major_m: HORIZONTAL.value(30),
                semi_minor_m: HORIZONTAL.value(20),
                orientation_deg: 45.0,
                confidence: Some(67),
            },
            altitude_m: 123.0,
            altitude_unc_m: VERTICAL.value(12),
        },
        velocity: Some(
            gad::VelocityCode {
                bearing: 271,
                speed: 88,
                vertical: None,
                speed_unc: Some(4),
                vertical_unc: None,
            }
            .velocity(),
        ),
    }
}

fn capabilities() -> SetCapabilities {
    SetCapabilities {
        gps: GnssModes { standalone: true, ms_based: true, ms_assisted: true },
        ganss: vec![
            GanssCapability {
                system: GanssSystem::Known(Gnss::Galileo),
                sbas: None,
                modes: GnssModes { standalone: false, ms_based: true, ms_assisted: false },
                signals: SignalSet(0b111),
                rtk_osr: true,
            },
            GanssCapability {
                system: GanssSystem::ModernisedGps,
                sbas: None,
                modes: GnssModes::default(),
                signals: SignalSet::FIRST,
                rtk_osr: false,
            },
        ],
        ecid: true,
        preference: Preference::SetBased,
        protocols: PosProtocols {
            rrlp: true,
            lpp: true,
            lpp_version: Some(ProtocolVersion { major: 18, technical: 4, editorial: 0 }),
            ..PosProtocols::default()
        },
        services: Some(ServiceCapabilities { periodic: true, area: false, sessions: (3, 2, 1) }),
        ..SetCapabilities::default()
    }
}

fn heard() -> Vec<LocationId> {
    let plmn = Plmn { mcc: 1, mnc: 12 };
    vec![
        LocationId {
            range_m: Some(78.07 * 7.0),
            power_dbm: Some(-100.0),
            ..LocationId::serving(CellId::Lte { plmn, tac: 65_535, eci: 0x0fff_ffff })
        },
        LocationId {
            serving: false,
            age: Some(Duration::from_millis(120)),
            status: CellStatus::Stale,
            power_dbm: Some(-60.0),
            ..LocationId::serving(CellId::Wlan { mac: [1, 2, 3, 4, 5, 6] })
        },
        LocationId::serving(CellId::Nr { plmn, tac: 0x00ff_ffff, nci: 0xf_ffff_ffff }),
        LocationId {
            announced: GeoPoint::new(-12.5, 100.25),
            ..LocationId::serving(CellId::Cdma { sid: 3, nid: 4, base_id: 5 })
        },
    ]
}

fn request() -> AssistanceRequest {
    let mut r = AssistanceRequest {
        reference_time: Some(ReferenceTimeRequest {
            systems: vec![Gnss::Gps, Gnss::Glonass],
            ..ReferenceTimeRequest::default()
        }),
        reference_location: true,
        ionosphere: Some(IonosphereRequest {
            klobuchar: vec![crate::base::broadcast::KlobucharArea::World],
            nequick: true,
            bdgim: false,
        }),
        earth_orientation: true,
        ..AssistanceRequest::default()
    };
    let held = HeldNavigation {
        week_or_day: 195,
        toe: 10,
        toe_limit: Duration::from_hours(2),
        satellites: vec![(crate::base::broadcast::SatId::new(Gnss::Gps, 4), 0x33)],
    };
    r.system_mut(Gnss::Gps).navigation =
        Some(NavigationRequest { held: Some(held), ..NavigationRequest::default() });
    let glonass = r.system_mut(Gnss::Glonass);
    glonass.navigation =
        Some(NavigationRequest { held: Some(HeldNavigation::default()), ..NavigationRequest::default() });
    glonass.time_models = vec![Gnss::Gps];
    glonass.auxiliary = true;
    glonass.almanac = Some(ModelChoice { id: Some(5) });
    r
}

#[test]
fn every_message_comes_back() {
    let qop = QualityOfPosition {
        horizontal_m: Some(HORIZONTAL.value(20)),
        vertical_m: Some(VERTICAL.value(20)),
        max_age: Some(Duration::from_mins(1)),
        response_time: Some(Duration::from_secs(20)),
    };
    let networks = NetworkSupport { lte: true, wlan: true, nr: Some(true), ..NetworkSupport::default() };
    let gnss = GnssSupport { gps: true, bds: Some(true), ..GnssSupport::default() };
    let messages = [
        UlpMessage::Start(Box::new(Start {
            capabilities: capabilities(),
            location_ids: heard(),
            qop: Some(qop),
            third_parties: 0,
            application: Some(ApplicationId { provider: "P".into(), name: "N".into(), version: None }),
            position: Some(position()),
        })),
        UlpMessage::Response(Box::new(Response {
            slp_address: Some(SlpAddress::Ip("2001:db8::1".parse().unwrap())),
            networks: Some(networks),
            initial_position: Some(position()),
            gnss: Some(gnss),
            ..Response::new(PosMethod::AgnssSetBasedPreferred)
        })),
        UlpMessage::PosInit(Box::new(PosInit {
            capabilities: capabilities(),
            assistance: Some(request()),
            location_ids: heard(),
            position: Some(position()),
            pos: Some(Pos { payload: PosPayload::Lpp(vec![vec![1, 2], vec![3; 20_000]]), velocity: None }),
            ver: Some([9; 8]),
        })),
        UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(vec![7; 8192]), velocity: position().velocity }),
        UlpMessage::End(Box::new(End {
            position: Some(position()),
            status: Some(StatusCode::NoSuplCoverage),
            ver: None,
            capabilities: Some(capabilities()),
            high_accuracy: Some(Position {
                shape: Shape::Ellipsoid {
                    at: gad::high_accuracy_deg(123_456_789, -987_654_321).unwrap(),
                    ellipse: Ellipse {
                        semi_major_m: gad::HIGH_ACCURACY.value(20),
                        semi_minor_m: gad::HIGH_ACCURACY.value(10),
                        orientation_deg: 3.0,
                        confidence: Some(95),
                    },
                    altitude_m: 1234.5,
                    altitude_unc_m: gad::HIGH_ACCURACY.value(50),
                },
                ..position()
            }),
        })),
        UlpMessage::Init(Box::new(Init {
            pos_method: PosMethod::AgnssSetBased,
            notification: Some(Notification {
                kind: NotificationType::VerifyDenyIfNoAnswer,
                encoding: Some(TextEncoding::Utf8),
                requestor: Some((b"someone".to_vec(), NameFormat::Email)),
                client: Some((vec![b'x'; 50], NameFormat::LogicalName)),
                emergency: true,
            }),
            slp_address: None,
            qop: Some(qop),
            proxy: true,
            notify_by_location: true,
            e_slp_address: Some(SlpAddress::Ip("192.0.2.1".parse().unwrap())),
            networks: Some(networks),
            gnss: Some(gnss),
            minimum_major: Some(2),
            trigger: None,
            protection: Some(ProtectionLevel::Basic(BasicProtection {
                key_id: *b"key-0001",
                replay_counter: 40_000,
                mac: [0xde, 0xad, 0xbe, 0xef],
            })),
            placeholders: false,
        })),
        UlpMessage::AuthReq(Box::new(AuthReq { ver: Some([7; 8]), capabilities: Some(capabilities()) })),
        UlpMessage::AuthResp(AuthResp {
            key: [0x5a; 16],
            rand: *b"0123456789abcdef",
            slp: "spc.example.net".parse().unwrap(),
            lifetime_h: Some(24),
        }),
        UlpMessage::Notify(Box::new(Notification {
            kind: NotificationType::Notify,
            encoding: Some(TextEncoding::Ucs2),
            requestor: Some((vec![0, b'x'], NameFormat::SipUrl)),
            client: None,
            emergency: false,
        })),
        UlpMessage::NotifyResponse(None),
        UlpMessage::NotifyResponse(Some(true)),
        UlpMessage::NotifyResponse(Some(false)),
    ];
    for message in messages {
        let p = UlpPdu::new(Version::V2, session(), message);
        assert_eq!(again(&p), p);
    }
}

#[test]
fn a_version_1_message_has_nothing_of_version_2() {
    let start = UlpMessage::Start(Box::new(Start {
        capabilities: capabilities(),
        location_ids: vec![LocationId::serving(CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 })],
        qop: None,
        third_parties: 0,
        application: Some(ApplicationId { provider: "P".into(), name: "N".into(), version: None }),
        position: Some(position()),
    }));
    let end = UlpMessage::End(Box::new(End::with(StatusCode::ServiceNotSupported)));
    let back = again(&UlpPdu::new(Version::V1, session(), start));
    let UlpMessage::Start(m) = back.message else { panic!() };
    assert!(m.application.is_none() && m.position.is_none());
    assert!(
        m.capabilities.ganss.is_empty() && !m.capabilities.protocols.lpp && m.capabilities.services.is_none()
    );
    let back = again(&UlpPdu::new(Version::V1, session(), end));
    assert_eq!(back.message, UlpMessage::End(Box::new(End::with(StatusCode::Unspecified))));
}

/// What a later release may add to any message is passed over, whatever it is.
#[test]
fn unknown_extensions_are_ignored() {
    let end = |e| UlpPdu::new(Version::V1, session(), UlpMessage::End(Box::new(e))).encode().unwrap();
    let (bare, status) = (bits_of(&end(End::default())), bits_of(&end(End::with(StatusCode::Unspecified))));
    // They differ first in the second of the bits that say which members of SUPL END are there, behind the choice of the
    // message (4 bits) and the bit that says whether there are extensions.
    let differ = (16..bare.len()).find(|i| bare[*i] != status[*i]).unwrap();
    let extended = differ - 2;
    let position = Position { velocity: None, ..position() };
    let messages = [
        UlpMessage::Init(Box::new(Init::new(PosMethod::AgpsSetBased))),
        UlpMessage::Start(Box::new(Start {
            capabilities: SetCapabilities::default(),
            location_ids: heard().into_iter().take(1).collect(),
            qop: None,
            third_parties: 0,
            application: None,
            position: None,
        })),
        UlpMessage::Response(Box::new(Response::new(PosMethod::AgpsSetBased))),
        UlpMessage::PosInit(Box::new(PosInit {
            capabilities: SetCapabilities::default(),
            assistance: None,
            location_ids: heard().into_iter().take(1).collect(),
            position: Some(position.clone()),
            pos: None,
            ver: Some([9; 8]),
        })),
        UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(vec![7; 20]), velocity: None }),
        UlpMessage::End(Box::new(End {
            position: Some(position),
            ..End::with(StatusCode::PosMethodFailure)
        })),
        UlpMessage::AuthReq(Box::new(AuthReq { ver: Some([7; 8]), capabilities: None })),
    ];
    for message in messages {
        let pdu = UlpPdu::new(Version::V1, session(), message);
        let octets = pdu.encode().unwrap();
        let whole = bits_of(&octets);
        let kind = pdu.message.kind();
        assert!(!whole[extended], "{kind:?}");
        // How many of the last bits only fill the octet is not said: one of the eight must read as what was written.
        let read = (0..8).filter(|fill| !whole[whole.len() - fill..].contains(&true)).any(|fill| {
            let mut bits = whole[..whole.len() - fill].to_vec();
            bits[extended] = true;
            // Twenty additions, of which the last is there: one octet (X.691 §19.7 to 19.9).
            bits.extend([false, false, true, false, false, true, true]);
            bits.extend((1..=20).map(|n| n == 20));
            bits.extend(bits_of(&[1, 0xa5]));
            bits.resize(bits.len().next_multiple_of(8), false);
            let mut octets: Vec<u8> =
                bits.chunks(8).map(|o| o.iter().fold(0, |n, b| n << 1 | u8::from(*b))).collect();
            let length = octets.len() as u16;
            octets[..2].copy_from_slice(&length.to_be_bytes());
            UlpPdu::decode(&octets).is_ok_and(|back| back == again(&pdu))
        });
        assert!(read, "{kind:?}");
    }
}

fn bits_of(octets: &[u8]) -> Vec<bool> {
    octets.iter().flat_map(|o| (0..8).rev().map(move |i| o >> i & 1 == 1)).collect()
}

#[test]
fn a_broken_body_leaves_the_header_readable() {
    let p = UlpPdu::new(
        Version::V2,
        session(),
        UlpMessage::End(Box::new(End { position: Some(position()), ..End::default() })),
    );
    let good = p.encode().unwrap();
    // The end is cut off, and the length says so.
    let mut cut = good[..good.len() - 9].to_vec();
    cut[1] = cut.len() as u8;
    let e = UlpPdu::decode(&cut).unwrap_err();
    assert!(matches!(e.fault, UlpFault::Malformed(_)));
    assert_eq!((e.version, e.kind), (Some(Version::V2), Some(MessageKind::End)));
    assert_eq!(e.session, session());
    // The same of a version that is not ours.
    cut[2] = 3;
    assert!(matches!(UlpPdu::decode(&cut).unwrap_err().fault, UlpFault::Version(Version { maj: 3, .. })));
    // A length that is not the number of octets.
    assert_eq!(
        UlpPdu::decode(&good[..good.len() - 1]).unwrap_err().fault,
        UlpFault::Length { stated: good.len(), actual: good.len() - 1 }
    );
    // A major of 3 on a message of 2.0 is served.
    let mut third = good.clone();
    third[2] = 3;
    assert_eq!(UlpPdu::decode(&third).unwrap().message, p.message);
    assert_eq!(UlpPdu::decode(&[]).unwrap_err().version, None);
}

#[test]
fn messages_that_are_not_served_are_known() {
    let Some(dir) = testing::shared("messages_that_are_not_served_are_known") else { return };
    let all: BTreeMap<_, _> = vectors(&dir, "ulp").into_iter().collect();
    for (name, kind) in [
        ("triggered-start-periodic", MessageKind::TriggeredStart),
        ("triggered-stop", MessageKind::TriggeredStop),
        ("set-init-full", MessageKind::SetInit),
        ("report-empty", MessageKind::Report),
        ("unknown-message-choice", MessageKind::Unknown(7)),
    ] {
        let p = UlpPdu::decode(&all[name].octets).unwrap();
        assert_eq!(p.message, UlpMessage::Unserved(kind), "{name}");
        assert!(p.encode().is_err());
    }
}

#[test]
fn a_held_ephemeris_is_the_same_issue_and_no_newer() {
    let e = ephemeris(Gnss::Gps);
    let crate::base::broadcast::Ephemeris::Lnav(lnav) = e else { panic!() };
    let held = |toe, iode| NavigationRequest {
        held: Some(HeldNavigation {
            week_or_day: 195,
            toe,
            toe_limit: Duration::from_hours(2),
            satellites: vec![(e.sat(), iode)],
        }),
        ..NavigationRequest::default()
    };
    let iode = lnav.iodc & 0xff;
    assert!(!held(10, iode).wants(&e, now()));
    assert!(held(10, iode ^ 1).wants(&e, now()));
    // The SET's newest is two hours older: the same number is another ephemeris.
    assert!(held(8, iode).wants(&e, now()));
    assert!(NavigationRequest::default().wants(&e, now()));
    let only = NavigationRequest { satellites: Some(Vec::new()), ..NavigationRequest::default() };
    assert!(!only.wants(&e, now()));
}

proptest! {
    #[test]
    fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..200), maj in 1u8..4) {
        let mut octets = vec![0, 0, maj];
        octets.extend(&body);
        let length = (octets.len() as u16).to_be_bytes();
        octets[..2].copy_from_slice(&length);
        match UlpPdu::decode(&octets) {
            Ok(p) => {
                prop_assert_eq!(peek(&octets).kind, Some(p.message.kind()));
                if let Ok(written) = p.encode() {
                    let once = UlpPdu::decode(&written).unwrap();
                    prop_assert_eq!(once.encode().unwrap(), written);
                }
            }
            Err(e) => prop_assert!(e.version.is_none_or(|v| v.maj == maj)),
        }
    }

    #[test]
    fn flipped_bits_never_panic(at in 0usize..800, bit in 0u8..8) {
        let p = UlpPdu::new(Version::V2, session(), UlpMessage::PosInit(Box::new(PosInit {
            capabilities: capabilities(),
            assistance: Some(request()),
            location_ids: heard(),
            position: Some(position()),
            pos: None,
            ver: None,
        })));
        let mut octets = p.encode().unwrap();
        let at = 2 + at % (octets.len() - 2);
        octets[at] ^= 1 << bit;
        if let Ok(p) = UlpPdu::decode(&octets)
            && let Ok(written) = p.encode()
        {
            let once = UlpPdu::decode(&written).unwrap();
            prop_assert_eq!(once.encode().unwrap(), written);
        }
    }

    #[test]
    fn demands_are_not_made_weaker(h in 0.0f64..2e6, s in 1u64..200) {
        let q = QualityOfPosition {
            horizontal_m: Some(h),
            response_time: Some(Duration::from_secs(s)),
            ..QualityOfPosition::default()
        };
        for v2 in [false, true] {
            let back = super::position::qop(&super::position::from_qop(&q, v2));
            prop_assert!(back.horizontal_m.unwrap() <= h * (1.0 + 1e-6));
            prop_assert!(back.response_time <= q.response_time);
        }
    }
}
