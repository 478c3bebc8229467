use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::base::broadcast::*;
use crate::base::geo::{Ellipse, GeoPoint};
use crate::base::time::GpsTime;
use crate::testing;
use crate::wire::assist::*;
use crate::wire::test_data::*;

fn client(dir: &Path, name: &str) -> LppMessage {
    let text = std::fs::read_to_string(dir.join("vectors/clients").join(name)).unwrap();
    LppMessage::decode(&hex(&text), now()).unwrap()
}

fn again(m: &LppMessage) -> LppMessage {
    LppMessage::decode(&m.encode().unwrap(), now()).unwrap()
}

#[test]
fn first_messages_of_google() {
    let Some(dir) = testing::shared("first_messages_of_google") else { return };
    let m = client(&dir, "google-a-2.lpp0.hex");
    assert_eq!(m.transaction.unwrap(), TransactionId { initiator: Initiator::TargetDevice, number: 3 });
    assert!(m.end && m.sequence.is_none());
    let Some(LppBody::ProvideCapabilities(_)) = &m.body else { panic!("{m:?}") };

    let m = client(&dir, "google-a-2.lpp1.hex");
    assert_eq!((m.transaction.unwrap().number, m.end), (4, false));
    let Some(LppBody::RequestAssistanceData(r)) = &m.body else { panic!("{m:?}") };
    let q = &r.request;
    assert!(q.reference_time.is_some() && q.reference_location && q.periodic.is_none() && !q.other.any());
    let iono = q.ionosphere.as_ref().unwrap();
    assert!(iono.is_open() && iono.wants_klobuchar(KlobucharArea::World));
    let systems: Vec<_> = q.systems.iter().map(|s| s.gnss).collect();
    assert_eq!(systems.len(), 3);
    for g in [Gnss::Gps, Gnss::Glonass, Gnss::Galileo] {
        let s = q.system(g).unwrap();
        let wanted = s.navigation.as_ref().unwrap().satellites.as_ref().unwrap();
        assert!((1..=30).all(|n| wanted.contains(&SatId::new(g, n))), "{g:?}");
    }
    let glonass = q.system(Gnss::Glonass).unwrap();
    assert!(glonass.auxiliary && !glonass.time_models.is_empty());
    assert_eq!(again(&m), m);

    let m = client(&dir, "google-a-3.lpp0.hex");
    let Some(LppBody::ProvideLocationInformation(r)) = &m.body else { panic!("{m:?}") };
    assert_eq!(**r, LocationReport::default());
}

#[test]
fn first_messages_of_the_others() {
    let Some(dir) = testing::shared("first_messages_of_the_others") else { return };
    let m = client(&dir, "eric-a-osr-3.lpp0.hex");
    assert_eq!(m.transaction.unwrap(), TransactionId { initiator: Initiator::LocationServer, number: 1 });
    assert_eq!((m.end, m.sequence), (true, Some(0)));
    let Some(LppBody::ProvideCapabilities(c)) = &m.body else { panic!("{m:?}") };
    assert!(c.system(Gnss::Gps).is_some() && c.periodic_assistance.is_some());
    assert!(c.assistance.as_ref().unwrap().systems.iter().any(|s| s.rtk));

    let m = client(&dir, "eric-a-osr-4.lpp0.hex");
    let Some(LppBody::RequestAssistanceData(r)) = &m.body else { panic!("{m:?}") };
    let p = r.request.periodic.as_ref().unwrap();
    assert_eq!(p.session, Some(PeriodicSession { initiator: Initiator::TargetDevice, number: 1 }));
    assert_eq!((p.deliveries[0].kind, p.deliveries[0].amount), (PeriodicKind::RtkObservations, 32));
    assert_eq!(p.deliveries[0].interval, Duration::from_secs(1));
    assert!(r.request.other.rtk);

    let m = client(&dir, "eric-c-agnss-2.lpp0.hex");
    let Some(LppBody::RequestAssistanceData(r)) = &m.body else { panic!("{m:?}") };
    // An empty request for periodic delivery stays visible.
    assert_eq!(r.request.periodic, Some(PeriodicRequest::default()));
    for g in [Gnss::Gps, Gnss::Glonass, Gnss::Galileo, Gnss::BeiDou] {
        assert!(r.request.system(g).unwrap().navigation.is_some(), "{g:?}");
    }
    assert_eq!(again(&m), m);

    for name in ["ignss-a-3.lpp0.hex", "ignss-a-4.lpp0.hex", "eric-j-nr-4.lpp0.hex", "eric-m-ipv4-3.lpp0.hex"]
    {
        let m = client(&dir, name);
        assert!(
            matches!(m.body, Some(LppBody::ProvideCapabilities(_) | LppBody::RequestAssistanceData(_))),
            "{name}"
        );
    }
}

/// Every vector of the protocol decodes or is refused as the vector says, and what was decoded can be written unless it is
/// of a kind that is only received.
#[test]
fn vectors_decode() {
    let Some(dir) = testing::shared("vectors_decode") else { return };
    let mut bodies = BTreeMap::<&str, usize>::new();
    for (name, v) in vectors(&dir, "lpp") {
        let decoded = LppMessage::decode(&v.octets, now());
        if v.refused {
            assert!(decoded.is_err() || name.starts_with("reject"), "{name}");
            continue;
        }
        if v.pdu != "LPP-PDU-Definitions.LPP-Message" {
            continue;
        }
        let m = decoded.unwrap_or_else(|e| panic!("{name}: {e}"));
        let Some(body) = &m.body else { continue };
        *bodies.entry(body.name()).or_default() += 1;
        if *body != LppBody::Unknown
            && let Ok(octets) = m.encode()
        {
            LppMessage::decode(&octets, now()).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    assert!(bodies.len() >= 8, "{bodies:?}");
}

fn delivery(systems: Vec<GnssAssistance>) -> LppMessage {
    let at = GeoPoint::new(48.5, 9.1).unwrap();
    let assistance = Assistance {
        reference_time: Some(ReferenceTime {
            uncertainty_s: Some(crate::wire::gad::LPP_TIME_US.value(80) * 1e-6),
            tow_assist: vec![TowAssist {
                sat: SatId::new(Gnss::Gps, 5),
                tlm: 0x1234,
                anti_spoof: true,
                alert: false,
                reserved: 2,
            }],
            ..ReferenceTime::gps(now(), None)
        }),
        reference_location: Some(Shape::Ellipsoid {
            at: crate::wire::gad::point(
                false,
                crate::wire::gad::latitude(at.lat).1,
                crate::wire::gad::longitude(at.lon),
            )
            .unwrap(),
            ellipse: Ellipse {
                semi_major_m: crate::wire::gad::HORIZONTAL.value(60),
                semi_minor_m: crate::wire::gad::HORIZONTAL.value(55),
                orientation_deg: 17.0,
                confidence: Some(95),
            },
            altitude_m: 300.0,
            altitude_unc_m: crate::wire::gad::VERTICAL.value(40),
        }),
        klobuchar: vec![(KlobucharArea::World, Klobuchar { alpha: [1, -2, 3, -4], beta: [5, -6, 7, -8] })],
        nequick: Some(NeQuick { ai0: 516, ai1: -152, ai2: 20, storm: None }),
        earth_orientation: Some(EarthOrientation {
            t_eop: GpsTime::from_week_s(2243, 43_200),
            pm_x: (1, -2),
            pm_y: (3, -4),
            d_ut1: (-5, 6),
        }),
        systems,
    };
    LppMessage {
        transaction: Some(TransactionId { initiator: Initiator::TargetDevice, number: 4 }),
        end: true,
        sequence: Some(7),
        ack: None,
        body: Some(LppBody::ProvideAssistanceData(Box::new(AssistanceDataDelivery {
            assistance,
            error: Some(GnssError::Server(ServerErrorCause::NotAvailable)),
            periodic: Some(PeriodicSession { initiator: Initiator::TargetDevice, number: 9 }),
            more: Some(false),
        }))),
    }
}

#[test]
fn assistance_of_every_system_comes_back() {
    let systems = Gnss::ALL.into_iter().map(system_assistance).collect();
    let m = delivery(systems);
    assert_eq!(again(&m), m);
}

#[test]
fn an_empty_delivery_with_an_error_is_written() {
    let m = LppMessage {
        transaction: Some(TransactionId { initiator: Initiator::TargetDevice, number: 1 }),
        end: true,
        body: Some(LppBody::ProvideAssistanceData(Box::new(AssistanceDataDelivery {
            error: Some(GnssError::Server(ServerErrorCause::PeriodicNotSupported)),
            ..AssistanceDataDelivery::default()
        }))),
        ..LppMessage::default()
    };
    assert_eq!(again(&m), m);
}

/// Integers that an independent program computed from a day of RINEX reach the wire as they are.
#[test]
fn integers_of_a_real_day() {
    let Some(dir) = testing::shared("integers_of_a_real_day") else { return };
    let text = std::fs::read_to_string(dir.join("gnss/truth/navmodel_integers_2023001.json")).unwrap();
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut seen = BTreeMap::<Gnss, usize>::new();
    for r in &records {
        let e = ephemeris_of(r);
        let near = e.reference_time();
        let m = delivery(vec![GnssAssistance { ephemerides: vec![e], ..GnssAssistance::new(e.sat().gnss) }]);
        let back = LppMessage::decode(&m.encode().unwrap(), near).unwrap();
        let Some(LppBody::ProvideAssistanceData(d)) = back.body else { panic!() };
        assert_eq!(d.assistance.systems[0].ephemerides, [e]);
        *seen.entry(e.sat().gnss).or_default() += 1;
    }
    assert_eq!(seen.values().sum::<usize>(), records.len());
    assert!(seen.len() >= 4, "{seen:?}");
}

fn report() -> LppBody {
    LppBody::ProvideLocationInformation(Box::new(LocationReport {
        measurements: Some(measurements(3600)),
        gnss_location: Some(GnssLocation {
            time: measurements(3600).time,
            systems: vec![Gnss::Gps, Gnss::BeiDou],
        }),
        error: Some(LocationFailure::MethodFailure),
        gnss_error: Some(GnssError::Target(TargetErrorCause::NotEnoughSatellites)),
        time: Some(crate::base::time::Utc::from_unix_s(now().to_utc().unix_s())),
        source: Some(LocationSource { gnss: true, ..LocationSource::default() }),
        ecid: vec![crate::wire::measure::EcidMeasurement {
            physical_id: 17,
            cell: Some(crate::base::cell::CellId::Lte {
                plmn: crate::base::cell::Plmn { mcc: 208, mnc: 1 },
                tac: 0,
                eci: 0x0abc_def1,
            }),
            earfcn: 70_000,
            primary: false,
            rsrp_dbm: Some(-95.0),
            rsrq_db: Some(-11.5),
            rx_tx_s: Some(1024.0 * 2.0 / 30_720_000.0),
        }],
        ..LocationReport::default()
    }))
}

#[test]
fn requests_and_reports_come_back() {
    let request = LppBody::RequestLocationInformation(Box::new(LocationRequest {
        common: Some(CommonLocationRequest {
            kind: LocationInformationType::EstimatePreferred,
            triggered: None,
            periodic: Some(PeriodicReporting { amount: Some(8), interval: Some(Duration::from_secs(2)) }),
            additional: Some(true),
            qos: Some(LocationQos {
                horizontal: Some((crate::wire::gad::HORIZONTAL.value(18), 95)),
                altitude: true,
                vertical: Some((crate::wire::gad::VERTICAL.value(10), 68)),
                response_time: Some(Duration::from_secs(30)),
                early_fix: Some(Duration::from_secs(10)),
                velocity: true,
            }),
            environment: Some(Environment::Mixed),
            location_types: Some(LocationTypes::RELEASE_9),
            velocity_types: Some(VelocityTypes {
                horizontal: true,
                with_both: true,
                ..VelocityTypes::default()
            }),
        }),
        gnss: Some(GnssLocationRequest {
            systems: vec![Gnss::Gps, Gnss::Galileo],
            assistance_available: true,
            ..GnssLocationRequest::default()
        }),
        ecid: Some(EcidKinds { rsrp: true, rsrq: false, rx_tx: true, nrsrp: false, nrsrq: false }),
        other: OtherMethods::default(),
    }));
    let capabilities = LppBody::ProvideCapabilities(Box::new(Capabilities {
        gnss: vec![GnssCapability {
            gnss: Gnss::Sbas,
            sbas: Some(0b11),
            modes: GnssModes { standalone: true, ms_based: true, ms_assisted: false },
            signals: SignalSet(0b101),
            fine_time: false,
            adr: true,
            velocity: true,
            high_accuracy: None,
        }],
        assistance: Some(AssistanceSupport {
            reference_time: Some(vec![Gnss::Gps, Gnss::Glonass]),
            reference_location: true,
            ionosphere: Some(IonosphereSupport { klobuchar: true, nequick: true, bdgim: false }),
            systems: vec![GnssAssistanceSupport {
                navigation: Some((0b10, 0b10)),
                almanac: Some(0),
                utc: Some(1),
                integrity: true,
                ..GnssAssistanceSupport::new(Gnss::Gps)
            }],
            ..AssistanceSupport::default()
        }),
        location_types: Some(LocationTypes::RELEASE_9),
        periodic_assistance: Some(PeriodicSupport { solicited: true, unsolicited: false }),
        ecid: Some(EcidKinds { rsrp: true, ..EcidKinds::default() }),
        segmentation: Some(Segmentation { server_to_target: true, target_to_server: false }),
        ..Capabilities::default()
    }));
    let ask = LppBody::RequestCapabilities(CapabilitiesRequest {
        gnss: Some(GnssCapabilitiesRequest { systems: true, assistance: true, location_types: true }),
        ecid: true,
        ..CapabilitiesRequest::default()
    });
    for body in [
        request,
        report(),
        capabilities,
        ask,
        LppBody::Abort(AbortCause::NetworkAbort),
        LppBody::Error(ErrorCause::MessageBody),
    ] {
        let m = LppMessage { body: Some(body), ..LppMessage::default() };
        assert_eq!(again(&m), m);
    }
    let bare = LppMessage {
        ack: Some(Acknowledgement { requested: false, indicator: Some(3) }),
        ..LppMessage::default()
    };
    assert_eq!(again(&bare), bare);
}

#[test]
fn a_broken_body_leaves_the_header_readable() {
    let mut m = delivery(vec![system_assistance(Gnss::Gps)]);
    for ack in [
        None,
        Some(Acknowledgement { requested: true, indicator: Some(200) }),
        Some(Acknowledgement::default()),
    ] {
        m.ack = ack;
        let octets = m.encode().unwrap();
        let cut = &octets[..octets.len() / 2];
        assert!(LppMessage::decode(cut, now()).is_err());
        assert_eq!(LppMessage::peek(cut), Some(LppMessage { body: None, ..m.clone() }));
    }
    assert_eq!(LppMessage::peek(&[]), None);
}

#[test]
fn what_cannot_be_read_is_said_so() {
    assert_eq!(LppMessage::decode(&[], now()), Err(DecodeError::Truncated { protocol: "LPP" }));
    assert!(matches!(LppMessage::decode(&[0xff; 8], now()), Err(DecodeError::Malformed { .. })));
    assert!(matches!(LppMessage::decode(&vec![0; 60_001], now()), Err(DecodeError::TooLong { .. })));
}

use crate::wire::DecodeError;

proptest! {
    #[test]
    fn garbage_never_panics(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(m) = LppMessage::decode(&octets, now())
            && let Ok(written) = m.encode()
        {
            // What was written is understood, and stable from then on.
            let once = LppMessage::decode(&written, now()).unwrap();
            prop_assert_eq!(once.encode().unwrap(), written);
        }
    }
}

proptest! {
    /// Every integer of every navigation model, at any value of its field.
    #[test]
    fn ephemerides_go_and_come_back_whole(seed in any::<u64>()) {
        use crate::testing::ephemerides;
        for gnss in Gnss::ALL {
            let e = ephemerides::any(gnss, seed);
            let mut system = GnssAssistance { ephemerides: vec![e], ..GnssAssistance::new(gnss) };
            // A model of Galileo has the group delay that goes with its clock; the channel of GLONASS goes beside the model.
            match &mut system.ephemerides[0] {
                Ephemeris::Galileo(e) => match e.message {
                    GalileoMessage::INav => e.bgd_e1e5a = 0,
                    GalileoMessage::FNav => e.bgd_e1e5b = 0,
                },
                Ephemeris::Glonass(e) => {
                    system.auxiliary.push(Auxiliary { sat: e.sat, signals: SignalSet(1), channel: Some(e.channel) });
                }
                _ => {}
            }
            let mut m = delivery(vec![system]);
            // Its time would be that near which the others are read.
            if let Some(LppBody::ProvideAssistanceData(d)) = &mut m.body {
                d.assistance.reference_time = None;
                d.assistance.earth_orientation = None;
            }
            let back = LppMessage::decode(&m.encode().unwrap(), e.reference_time()).unwrap();
            prop_assert_eq!(back, m);
        }
    }
}
