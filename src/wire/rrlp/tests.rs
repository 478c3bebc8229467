use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::broadcast::*;
use crate::base::geo::{Ellipse, GeoPoint};
use crate::base::time::GpsTime;
use crate::testing;
use crate::wire::DecodeError;
use crate::wire::assist::*;
use crate::wire::gad::{self, HORIZONTAL, RRLP_TIME_US, VERTICAL};
use crate::wire::measure::{GPS_L1_WAVELENGTH_M, rms_m};
use crate::wire::test_data::*;

fn again(p: &RrlpPdu) -> RrlpPdu {
    RrlpPdu::decode(&p.encode().unwrap(), now()).unwrap()
}

fn pdu(component: RrlpComponent) -> RrlpPdu {
    RrlpPdu { reference: 5, component }
}

fn place() -> Shape {
    let at = GeoPoint::new(-33.9, 151.2).unwrap();
    let (south, lat) = gad::latitude(at.lat);
    Shape::Ellipsoid {
        at: gad::point(south, lat, gad::longitude(at.lon)).unwrap(),
        ellipse: Ellipse {
            semi_major_m: HORIZONTAL.value(60),
            semi_minor_m: HORIZONTAL.value(55),
            orientation_deg: 17.0,
            confidence: Some(95),
        },
        altitude_m: -3.0,
        altitude_unc_m: VERTICAL.value(40),
    }
}

fn reference_time() -> ReferenceTime {
    ReferenceTime {
        uncertainty_s: Some(RRLP_TIME_US.value(99) * 1e-6),
        tow_assist: vec![TowAssist {
            sat: SatId::new(Gnss::Gps, 5),
            tlm: 0x1234,
            anti_spoof: true,
            alert: false,
            reserved: 2,
        }],
        gsm: Some(GsmTime { bcch: 100, bsic: 7, frame: 2_000_000, slot: 3, bit: 100 }),
        ..ReferenceTime::gps(now(), None)
    }
}

/// What the GPS part can carry.
fn gps_assistance() -> Assistance {
    let mut gps = system_assistance(Gnss::Gps);
    gps.time_offsets.clear();
    gps.auxiliary.clear();
    gps.unchanged = vec![SatId::new(Gnss::Gps, 9)];
    gps.integrity = Some(vec![BadSignal { sat: SatId::new(Gnss::Gps, 4), signals: None }]);
    if let Some(a) = &mut gps.almanac {
        a.complete = false;
    }
    Assistance {
        reference_time: Some(reference_time()),
        reference_location: Some(place()),
        klobuchar: vec![(KlobucharArea::World, Klobuchar { alpha: [1, -2, 3, -4], beta: [5, -6, 7, -8] })],
        systems: vec![gps],
        ..Assistance::default()
    }
}

fn request(assistance: Assistance) -> MsrPositionReq {
    MsrPositionReq {
        instruct: PositionInstruct {
            method_type: MethodType::MsBased,
            accuracy_m: Some(HORIZONTAL.value(20)),
            method: Method::Gps,
            response_time: Duration::from_secs(16),
            multiple_sets: false,
            environment: Some(Environment::Mixed),
        },
        assistance,
        extended: None,
        velocity: false,
        systems: Vec::new(),
        required_response: None,
        gps_time_measurement: false,
        multi_frequency: false,
    }
}

#[test]
fn gps_assistance_comes_back() {
    let p = pdu(RrlpComponent::MsrPositionReq(Box::new(request(gps_assistance()))));
    assert_eq!(again(&p), p);
    let p = pdu(RrlpComponent::AssistanceData(Box::new(AssistanceData {
        assistance: gps_assistance(),
        more: Some(true),
        extended: Some(ExtendedReference { smlc: 5, transaction: 77_777 }),
    })));
    assert_eq!(again(&p), p);
}

#[test]
fn a_reference_location_has_fourteen_octets_whatever_its_shape() {
    let at = GeoPoint::new(60.0, 25.0).unwrap();
    for shape in [Shape::Point(at), Shape::Circle { at, radius_m: 500.0 }] {
        let a = Assistance { reference_location: Some(shape), ..Assistance::default() };
        let back = again(&pdu(RrlpComponent::MsrPositionReq(Box::new(request(a)))));
        let RrlpComponent::MsrPositionReq(r) = back.component else { panic!() };
        assert!(matches!(r.assistance.reference_location, Some(Shape::Ellipsoid { .. })));
    }
}

#[test]
fn ganss_assistance_comes_back() {
    let mut a = gps_assistance();
    if let Some(r) = &mut a.reference_time {
        r.systems.push(Gnss::Glonass);
    }
    a.nequick =
        Some(NeQuick { ai0: 516, ai1: -152, ai2: 20, storm: Some([true, false, false, true, false]) });
    a.earth_orientation = Some(EarthOrientation {
        t_eop: GpsTime::from_week_s(2243, 43_200),
        pm_x: (1, -2),
        pm_y: (3, -4),
        d_ut1: (-5, 6),
    });
    for gnss in [Gnss::Galileo, Gnss::Glonass, Gnss::BeiDou, Gnss::Qzss, Gnss::Sbas] {
        let mut g = system_assistance(gnss);
        // What RRLP has no member for.
        match &mut g.ephemerides[0] {
            Ephemeris::Galileo(e) => e.sisa = 255,
            Ephemeris::BeiDou(e) => e.tgd2 = 0,
            Ephemeris::Lnav(e) => {
                e.code_on_l2 = 0;
                e.l2p_flag = false;
                e.aodo = 0;
            }
            _ => {}
        }
        for b in g.integrity.iter_mut().flatten() {
            b.signals = b.signals.map(|_| SignalSet(0b10));
        }
        a.systems.push(g);
    }
    let mut r = request(a);
    r.systems = vec![Gnss::Gps, Gnss::Galileo, Gnss::Sbas, Gnss::Qzss, Gnss::Glonass, Gnss::BeiDou];
    r.velocity = true;
    r.required_response = Some(Duration::from_secs(20));
    let p = pdu(RrlpComponent::MsrPositionReq(Box::new(r)));
    assert_eq!(again(&p), p);
}

#[test]
fn integers_of_a_real_day() {
    let Some(dir) = testing::shared("integers_of_a_real_day") else { return };
    let text = std::fs::read_to_string(dir.join("gnss/truth/navmodel_integers_2023001.json")).unwrap();
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut seen = BTreeMap::<Gnss, usize>::new();
    for r in &records {
        let mut e = ephemeris_of(r);
        if let Ephemeris::Galileo(e) = &mut e {
            e.sisa = 255;
        }
        let sat = e.sat();
        let a = Assistance {
            systems: vec![GnssAssistance { ephemerides: vec![e], ..GnssAssistance::new(sat.gnss) }],
            ..Assistance::default()
        };
        let p = pdu(RrlpComponent::AssistanceData(Box::new(AssistanceData {
            assistance: a,
            ..Default::default()
        })));
        let back = RrlpPdu::decode(&p.encode().unwrap(), e.reference_time()).unwrap();
        if !has_name(sat) {
            // BeiDou's C38 and later: their numbers are reserved.
            assert_ne!(back, p, "{sat}");
            continue;
        }
        assert_eq!(back, p);
        *seen.entry(sat.gnss).or_default() += 1;
    }
    assert!(seen.len() >= 4, "{seen:?}");
}

#[test]
fn more_satellites_than_fit_is_an_error() {
    let one = ephemeris(Gnss::Gps);
    let mut a = gps_assistance();
    a.system_mut(Gnss::Gps).ephemerides = vec![one; 17];
    let p = pdu(RrlpComponent::MsrPositionReq(Box::new(request(a))));
    assert_eq!(
        p.encode(),
        Err(crate::wire::EncodeError::TooMany { what: "GPS navigation models", limit: 16 })
    );
}

fn gps_set() -> crate::wire::measure::GnssMeasurements {
    let mut m = measurements(14_400);
    m.time.tod_ms = Some(12_720_000.0);
    m.satellites.truncate(2);
    for s in &mut m.satellites {
        s.whole_ms = None;
        s.doppler_mps = Some(4347.0 * 0.2 * GPS_L1_WAVELENGTH_M);
        s.code_phase_ms = (737.0 + 922.0 / 1024.0) / 1023.0;
        s.rms_m = rms_m(23);
    }
    m
}

#[test]
fn responses_come_back() {
    let shape = place();
    let location = LocationInfo {
        time: MeasurementTime {
            system: Gnss::Gps,
            tod_ms: Some(39_618_000.0 % 14_400_000.0),
            modulo_s: 14_400,
            uncertainty_s: None,
            gsm_frame: Some(1234),
        },
        three_d: true,
        shape: shape.clone(),
        systems: Vec::new(),
        eotd: false,
        stationary: None,
    };
    let mut ganss = measurements(3600);
    ganss.time.system = Gnss::Galileo;
    ganss.time.tod_ms = Some(18_240.0);
    ganss.satellites.remove(0);
    ganss.satellites.remove(0);
    let velocity = gad::VelocityCode {
        bearing: 300,
        speed: 1000,
        vertical: Some((true, 7)),
        speed_unc: Some(3),
        vertical_unc: Some(255),
    };
    let responses = [
        MsrPositionRsp { location: Some(location.clone()), ..MsrPositionRsp::default() },
        MsrPositionRsp {
            location: Some(LocationInfo {
                time: MeasurementTime { modulo_s: 3600, tod_ms: Some(1234.5), ..location.time },
                systems: vec![Gnss::Gps, Gnss::Galileo, Gnss::BeiDou],
                stationary: Some(false),
                ..location
            }),
            velocity: Some(velocity.velocity()),
            ..MsrPositionRsp::default()
        },
        MsrPositionRsp {
            gps: vec![gps_set()],
            ganss: vec![ganss],
            segment: Some(PseudoSegment::First),
            extended: Some(ExtendedReference { smlc: 1, transaction: 2 }),
            ..MsrPositionRsp::default()
        },
        MsrPositionRsp {
            error: Some(LocationError {
                reason: LocationErrorReason::GpsDataMissing,
                needed: Some(AssistanceRequest {
                    systems: vec![GnssRequest {
                        navigation: Some(NavigationRequest::default()),
                        ..GnssRequest::new(Gnss::Gps)
                    }],
                    ..AssistanceRequest::default()
                }),
            }),
            ..MsrPositionRsp::default()
        },
    ];
    for r in responses {
        let p = pdu(RrlpComponent::MsrPositionRsp(Box::new(r)));
        assert_eq!(again(&p), p);
    }
    for c in [
        RrlpComponent::AssistanceDataAck,
        RrlpComponent::ProtocolError(ProtocolError { cause: ErrorCause::UnknownReference, extended: None }),
        RrlpComponent::PosCapabilityReq(ExtendedReference { smlc: 63, transaction: 262_143 }),
        RrlpComponent::PosCapabilityRsp(Box::new(PosCapability {
            gps: GnssModes { standalone: true, ms_based: true, ms_assisted: false },
            ganss: vec![(
                Gnss::Glonass,
                GnssModes { standalone: false, ms_based: true, ms_assisted: true },
                SignalSet::FIRST,
            )],
            ..PosCapability::default()
        })),
    ] {
        let p = pdu(c);
        assert_eq!(again(&p), p);
        assert_eq!(RrlpPdu::peek_reference(&p.encode().unwrap()), Some(5));
    }
}

/// Real measurements in both protocols mean the same ranges and rates.
#[test]
fn both_protocols_measure_alike() {
    let Some(dir) = testing::shared("both_protocols_measure_alike") else { return };
    let text = std::fs::read_to_string(dir.join("gnss/truth/handset_dev.jsonl")).unwrap();
    let mut n = 0;
    for line in text.lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        for r in v["msa"]["rrlp"]["msr"].as_array().into_iter().flatten() {
            let id = r["satelliteID"].as_i64();
            let all = v["msa"]["lpp"]["gnss"].as_array().into_iter().flatten();
            let gps = all.filter(|g| g["gnss_id"] == "gps").flat_map(|g| g["sat"].as_array().unwrap());
            let Some(l) = gps.into_iter().find(|s| s["svID"].as_i64() == id) else { continue };
            let chips = r["wholeChips"].as_f64().unwrap() + r["fracChips"].as_f64().unwrap() / 1024.0;
            let phase = l["codePhase"].as_f64().unwrap() / 2_097_152.0;
            assert!((chips / 1023.0 - phase).abs() < 1e-5);
            let rate = r["doppler"].as_f64().unwrap() * 0.2 * GPS_L1_WAVELENGTH_M;
            assert!((rate - l["doppler"].as_f64().unwrap() * 0.04).abs() < 0.1);
            n += 1;
        }
    }
    assert!(n > 500, "{n}");
}

#[test]
fn vectors_decode() {
    let Some(dir) = testing::shared("vectors_decode") else { return };
    let mut kinds = BTreeMap::<&str, usize>::new();
    for (name, v) in vectors(&dir, "rrlp") {
        let decoded = RrlpPdu::decode(&v.octets, now());
        if v.refused || v.pdu != "RRLP-Messages.PDU" && v.pdu != "RRLP-messages.PDU" {
            continue;
        }
        let p = decoded.unwrap_or_else(|e| panic!("{name}: {e}"));
        *kinds.entry(p.component.name()).or_default() += 1;
        if p.component != RrlpComponent::Unknown
            && let Ok(octets) = p.encode()
        {
            RrlpPdu::decode(&octets, now()).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[test]
fn what_cannot_be_read_is_said_so() {
    assert_eq!(RrlpPdu::decode(&[], now()), Err(DecodeError::Truncated { protocol: "RRLP" }));
    assert!(matches!(RrlpPdu::decode(&[0x20], now()), Err(DecodeError::Malformed { .. })));
    assert!(matches!(RrlpPdu::decode(&vec![0; 8193], now()), Err(DecodeError::TooLong { .. })));
}

proptest! {
    #[test]
    fn garbage_never_panics(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(p) = RrlpPdu::decode(&octets, now())
            && let Ok(written) = p.encode()
        {
            let once = RrlpPdu::decode(&written, now()).unwrap();
            prop_assert_eq!(once.encode().unwrap(), written);
        }
    }
}

proptest! {
    /// Every integer of every navigation model, at any value of its field.
    #[test]
    fn ephemerides_go_and_come_back_whole(seed in any::<u64>()) {
        use crate::testing::ephemerides;
        for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::BeiDou, Gnss::Glonass, Gnss::Qzss, Gnss::Sbas] {
            let e = ephemerides::any(gnss, seed);
            let mut system = GnssAssistance { ephemerides: vec![e], ..GnssAssistance::new(gnss) };
            // What RRLP has no member for; the channel of GLONASS goes beside the model.
            match &mut system.ephemerides[0] {
                Ephemeris::Galileo(e) => {
                    e.sisa = 255;
                    match e.message {
                        GalileoMessage::INav => e.bgd_e1e5a = 0,
                        GalileoMessage::FNav => e.bgd_e1e5b = 0,
                    }
                }
                Ephemeris::BeiDou(e) => e.tgd2 = 0,
                Ephemeris::Lnav(e) if gnss == Gnss::Qzss => {
                    e.code_on_l2 = 0;
                    e.l2p_flag = false;
                    e.aodo = 0;
                }
                Ephemeris::Glonass(e) => {
                    system.auxiliary.push(Auxiliary { sat: e.sat, signals: SignalSet(1), channel: Some(e.channel) });
                }
                _ => {}
            }
            let a = Assistance { systems: vec![system], ..Assistance::default() };
            let p = pdu(RrlpComponent::AssistanceData(Box::new(AssistanceData { assistance: a, ..Default::default() })));
            let back = RrlpPdu::decode(&p.encode().unwrap(), near(&e)).unwrap();
            prop_assert_eq!(back, p);
        }
    }
}

/// A time near which the truncated times of an ephemeris have one reading.
fn near(e: &Ephemeris) -> GpsTime {
    match e {
        Ephemeris::Glonass(_) | Ephemeris::Sbas(_) => e.reference_time().offset_s(3_000.0),
        _ => e.reference_time(),
    }
}
