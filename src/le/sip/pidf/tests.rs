//! Presence documents: round trips, validation against the schemas, documents of others, and what is refused.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::Holder::{Device, Person, Tuple};
use super::*;
use crate::base::GeoPoint;
use crate::base::geo::Ellipse;
use crate::testing::shared;

pub(in crate::le::sip) fn at(lat: f64, lon: f64) -> GeoPoint {
    GeoPoint::new(lat, lon).unwrap()
}

pub(in crate::le::sip) fn estimate(shape: Shape) -> LocationEstimate {
    LocationEstimate {
        shape,
        time: Utc::from_unix_ns(1_795_342_530_250_000_000),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

fn shapes() -> Vec<Shape> {
    let ellipse =
        Ellipse { semi_major_m: 32.1, semi_minor_m: 18.0, orientation_deg: 45.5, confidence: Some(68) };
    let p = at(51.507_35, -0.127_75);
    vec![
        Shape::Point(p),
        Shape::PointAltitude { at: p, altitude_m: -57.25 },
        Shape::Circle { at: p, radius_m: 25.5 },
        Shape::Ellipse { at: p, ellipse },
        Shape::Ellipsoid { at: p, ellipse, altitude_m: 57.0, altitude_unc_m: 28.0 },
        Shape::Arc {
            at: p,
            inner_m: 550.0,
            thickness_m: 550.0,
            start_deg: 30.0,
            opening_deg: 120.0,
            confidence: Some(90),
        },
        Shape::Polygon(vec![at(51.5, -0.13), at(51.5, -0.12), at(51.51, -0.12), at(51.51, -0.13)]),
    ]
}

/// Whether the documents are valid by the schemas; the test is skipped where there are none, or no validator.
pub(in crate::le::sip) fn validate(test: &str, documents: &[String]) {
    let Some(dir) = shared(test) else { return };
    let found = Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{test}: xmllint must be there");
    if !found {
        return eprintln!("skipped: {test}: no xmllint");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (k, document) in documents.iter().enumerate() {
        let name = folder.path().join(format!("{k}.xml"));
        std::fs::write(&name, document).unwrap();
        names.push(name);
    }
    let run = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(dir.join("facts/xsd/all.xsd"))
        .args(&names)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn every_shape_comes_back_and_is_valid() {
    let mut documents = Vec::new();
    let velocity = Velocity {
        speed_mps: 3.2,
        bearing_deg: 270.0,
        vertical_mps: None,
        speed_unc_mps: None,
        vertical_unc_mps: None,
    };
    let rules = UsageRules {
        retransmission_allowed: true,
        retention_expiry: Some(Utc::from_unix_s(1_795_400_000)),
        external_ruleset: Some("https://a.example/?a&b".to_owned()),
        note_well: Some("for <you> only".to_owned()),
    };
    let quality = Quality {
        qop: crate::base::QualityOfPosition {
            horizontal_m: Some(50.0),
            vertical_m: Some(9.5),
            max_age: Some(Duration::from_mins(1)),
            response_time: Some(Duration::from_millis(2500)),
        },
        confidence: Some(95.0),
        qos_class: crate::service::QosClass::Assured,
    };
    for shape in shapes() {
        for full in [false, true] {
            let with = Circumstances {
                rules: if full { rules.clone() } else { UsageRules::default() },
                device_id: full.then(|| "urn:gsma:imei:49015420-323751-8".to_owned()),
                civic: None,
                quality: full.then_some((quality, true)),
            };
            let told = LocationEstimate { velocity: full.then_some(velocity), ..estimate(shape.clone()) };
            let presence = Presence::of("pres:447700900123@lp.example.net", &told, &with);
            let xml = presence.to_xml();
            let back = Presence::parse(xml.as_bytes(), None).unwrap();
            assert_eq!(back.estimate(told.time).unwrap(), told, "{xml}");
            assert_eq!(back.entity, presence.entity);
            assert_eq!(back.parts[0].place.as_ref().unwrap().rules, with.rules);
            documents.push(xml);
        }
    }
    for why in [Unknown::NotAvailable, Unknown::Pending, Unknown::Quality] {
        let empty = Presence::without_location("pres:a@b.example", why);
        documents.push(empty.to_xml());
        let back = Presence::parse(empty.to_xml().as_bytes(), None).unwrap();
        assert_eq!(back.estimate(Utc::from_unix_s(0)), Err(NoPlace::None));
        assert_eq!(back.parts[0].notes, [why.note()]);
    }
    // Shapes that only others write.
    let corners = vec![at(51.5, -0.13), at(51.5, -0.12), at(51.51, -0.12)];
    for geometry in [
        Geometry::Sphere { at: at(1.0, 2.0), altitude_m: 3.0, radius_m: 4.0 },
        Geometry::Prism { corners: corners.clone(), altitude_m: 36.0, height_m: 3.0 },
        Geometry::Polygon { corners, altitude_m: Some(36.0) },
    ] {
        let mut presence =
            Presence::of("pres:a@b.example", &estimate(shapes().remove(0)), &Circumstances::default());
        let mut civic = Civic::in_language("en-GB");
        assert!(civic.put("RD", "Example") && civic.put("country", "GB") && !civic.put("colour", "red"));
        let place = presence.parts[0].place.as_mut().unwrap();
        (place.geometry, place.civic) = (Some(geometry), Some(civic));
        place.method = Some("Wiremap".to_owned());
        let xml = presence.to_xml();
        assert_eq!(Presence::parse(xml.as_bytes(), None).unwrap(), presence, "{xml}");
        documents.push(xml);
    }
    validate("every_shape_comes_back_and_is_valid", &documents);
}

#[test]
fn the_samples_say_what_they_say() {
    let Some(dir) = shared("the_samples_say_what_they_say") else { return };
    let read = |name: &str| {
        let octets = std::fs::read(dir.join(format!("facts/samples/pidf-{name}.xml"))).unwrap();
        let presence = Presence::parse(&octets, Some("utf-8")).unwrap();
        assert_eq!(presence.entity, "pres:447700900123@lp.example.net");
        presence
    };
    let now = Utc::from_unix_s(1_795_343_000);
    for name in
        ["arcband", "circle", "ellipse", "ellipsoid", "point2d", "point3d", "polygon", "prism", "sphere"]
    {
        let presence = read(name);
        let estimate = presence.estimate(now).unwrap();
        assert_eq!(estimate.time.to_string(), "2026-11-22T10:15:30Z");
        assert_eq!(estimate.method, PositionMethod::AgnssMsAssisted);
        assert!(estimate.shape.centre().unwrap().distance_m(at(51.504, -0.127_75)) < 1500.0);
        assert_eq!(
            presence.estimate(Utc::from_unix_s(1_795_429_000)),
            Err(NoPlace::Expired),
            "its rules say until when"
        );
    }
    let Shape::Ellipsoid { ellipse, altitude_m, .. } = read("ellipsoid").estimate(now).unwrap().shape else {
        panic!()
    };
    assert_eq!((ellipse.semi_major_m, ellipse.confidence, altitude_m), (12.0, Some(67), 57.0));
    assert_eq!(read("civic").estimate(now), Err(NoPlace::CivicOnly));
    assert_eq!(read("unknown").estimate(now), Err(NoPlace::None));
}

/// A document around a location-info.
fn around(info: &str) -> String {
    format!(
        "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns:g='urn:ietf:params:xml:ns:pidf:geopriv10' \
         xmlns:b='urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy' xmlns:l='http://www.opengis.net/gml' \
         xmlns:s='http://www.opengis.net/pidflo/1.0' xmlns:c='urn:ietf:params:xml:ns:geopriv:conf' \
         entity='pres:a@b.example'><p:tuple id='x'><p:status><g:geopriv><g:location-info>{info}\
         </g:location-info><g:usage-rules><g:retransmission-allowed>yes</g:retransmission-allowed></g:usage-rules>\
         </g:geopriv></p:status></p:tuple></p:presence>"
    )
}

fn shape_of(info: &str) -> Result<Geometry, PidfFault> {
    let presence = Presence::parse(around(info).as_bytes(), None)?;
    let place = presence.parts.into_iter().next().unwrap().place.unwrap();
    assert!(place.rules.retransmission_allowed);
    place.geometry.ok_or(PidfFault::NoLocationInfo)
}

#[test]
fn forms_of_other_writers() {
    let point = Geometry::Point { at: at(-31.25, 115.5), altitude_m: None };
    for text in [
        "<l:Point srsName='urn:ogc:def:crs:EPSG::4326'><l:pos>-31.25 115.5</l:pos></l:Point>",
        "<l:Point srsName='EPSG:4326'><l:pos>\n -31.25\t1.155e2 </l:pos></l:Point>",
        "<l:Point srsName='urn:ogc:def:crs:EPSG:6.6:4326'><l:coordinates>31:15:00S 115:30:00E</l:coordinates></l:Point>",
        "<l:location><l:Point srsName='http://www.opengis.net/gml/srs/epsg.xml#4326'><l:coordinates>-31.25,115.5</l:coordinates></l:Point></l:location>",
        "<x:Point xmlns:x='http://www.opengis.net/gml/3.2'><x:pos>-31.25 115.5</x:pos></x:Point>",
    ] {
        assert_eq!(shape_of(text), Ok(point.clone()), "{text}");
    }
    let circle = "<s:Circle><l:pos>1 2</l:pos><s:radius uom='m'>5</s:radius></s:Circle>";
    assert_eq!(shape_of(circle), Ok(Geometry::Circle { at: at(1.0, 2.0), radius_m: 5.0 }));
    let radians = "<s:Ellipse><l:pos>1 2</l:pos><s:semiMajorAxis uom='urn:ogc:def:uom:EPSG::9001'>5</s:semiMajorAxis>\
         <s:semiMinorAxis uom='urn:ogc:def:uom:EPSG::9001'>9</s:semiMinorAxis>\
         <s:orientation uom='urn:ogc:def:uom:EPSG::9101'>0.5</s:orientation></s:Ellipse>";
    let Ok(Geometry::Ellipse { semi_major_m, orientation_deg, .. }) = shape_of(radians) else { panic!() };
    assert!(semi_major_m == 9.0 && (orientation_deg - 90.0 - 0.5f64.to_degrees()).abs() < 1e-9);
    // Clockwise, by single positions.
    let clockwise = "<l:Polygon><l:exterior><l:LinearRing><l:pos>0 0</l:pos><l:pos>1 0</l:pos><l:pos>1 1</l:pos><l:pos>0 0</l:pos>\
         </l:LinearRing></l:exterior></l:Polygon>";
    let turned =
        Geometry::Polygon { corners: vec![at(0.0, 0.0), at(1.0, 1.0), at(1.0, 0.0)], altitude_m: None };
    assert_eq!(shape_of(clockwise), Ok(turned));
    let wrapped = around(circle).replace(
        "<p:presence",
        "<h:locationResponse xmlns:h='urn:ietf:params:xml:ns:geopriv:held'><p:presence",
    ) + "</h:locationResponse>";
    assert!(Presence::parse(wrapped.as_bytes(), None).is_ok());
    assert_eq!(
        Presence::parse(around(circle).as_bytes(), None).unwrap().estimate(Utc::from_unix_s(7)).unwrap().time,
        Utc::from_unix_s(7)
    );
}

#[test]
fn every_fault_has_its_type() {
    use GeometryFault as G;
    for (text, fault) in [
        ("<l:Point srsName='urn:ogc:def:crs:EPSG::27700'><l:pos>1 2</l:pos></l:Point>", G::Frame),
        ("<l:Point srsName='urn:ogc:def:crs:EPSG::94326'><l:pos>1 2</l:pos></l:Point>", G::Frame),
        ("<l:Point><l:pos>1</l:pos></l:Point>", G::Number),
        ("<l:Point><l:pos>91 2</l:pos></l:Point>", G::Number),
        ("<l:Point><l:pos>NaN 2</l:pos></l:Point>", G::Number),
        ("<l:Point><l:pos>inf 2</l:pos></l:Point>", G::Number),
        ("<l:Point><l:pos>1 2 3 4</l:pos></l:Point>", G::Number),
        ("<l:Point/>", G::Missing),
        ("<l:Curve/>", G::Unsupported),
        (
            "<s:Circle><l:pos>1 2</l:pos><s:radius uom='urn:ogc:def:uom:EPSG::9002'>5</s:radius></s:Circle>",
            G::Unit,
        ),
        ("<s:Circle><l:pos>1 2</l:pos><s:radius>-5</s:radius></s:Circle>", G::Number),
        ("<s:Circle><l:pos>1 2</l:pos></s:Circle>", G::Missing),
        ("<s:Sphere><l:pos>1 2</l:pos><s:radius>5</s:radius></s:Sphere>", G::Number),
        ("<l:Polygon/>", G::Missing),
        (
            "<l:Polygon><l:exterior><l:LinearRing><l:posList>0 0 0 1 1 1 1 0</l:posList></l:LinearRing></l:exterior></l:Polygon>",
            G::Ring,
        ),
        (
            "<l:Polygon><l:exterior><l:LinearRing><l:posList>0 0 0 1 0 0</l:posList></l:LinearRing></l:exterior></l:Polygon>",
            G::Ring,
        ),
        (
            "<l:Polygon><l:exterior><l:LinearRing><l:posList srsDimension='3'>0 0 1 0 1 1 1 1 2 0 0 1</l:posList></l:LinearRing></l:exterior></l:Polygon>",
            G::Slope,
        ),
        ("<l:Polygon><l:exterior/><l:interior/></l:Polygon>", G::Unsupported),
    ] {
        assert_eq!(shape_of(text), Err(PidfFault::Geometry(fault)), "{text}");
    }
    let many = (0..100).fold("0 0".to_owned(), |text, k| text + &format!(" 1 {k}")) + " 0 0";
    let many = format!(
        "<l:Polygon><l:exterior><l:LinearRing><l:posList>{many}</l:posList></l:LinearRing></l:exterior></l:Polygon>"
    );
    assert_eq!(shape_of(&many), Err(PidfFault::Geometry(G::Number)));
    for confidence in ["0", "100", "120", "-1", "x", ""] {
        let text = format!("<c:confidence>{confidence}</c:confidence>");
        assert_eq!(shape_of(&text), Err(PidfFault::Format("confidence")), "{confidence}");
    }
    let fault = |text: &str| Presence::parse(text.as_bytes(), None).unwrap_err();
    assert_eq!(fault("<presence entity='pres:a@b'/>"), PidfFault::NotPresence);
    assert_eq!(fault("<presence xmlns='urn:ietf:params:xml:ns:pidf'/>"), PidfFault::NoEntity);
    let parts = "<tuple id='a'/>".repeat(100);
    assert_eq!(
        fault(&format!("<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='x'>{parts}</presence>")),
        PidfFault::TooManyParts
    );
    assert!(matches!(fault("<presence"), PidfFault::Xml(_)));
    let bomb = "<!DOCTYPE p [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>".to_owned()
        + "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='x'><note>&b;</note></presence>";
    assert!(matches!(fault(&bomb), PidfFault::Xml(_)));
    assert!(matches!(fault(&" ".repeat(1 << 20)), PidfFault::Xml(_)));
}

/// RFC 5491 §3.4: the first device, then the first tuple, then the person, each as far as it is somewhere.
#[test]
fn of_several_places_the_first_device_counts() {
    let part = |holder, lat: Option<f64>| {
        let mut p = Presence::of(
            "pres:a@b",
            &estimate(Shape::Point(at(lat.unwrap_or(0.0), 0.0))),
            &Circumstances::default(),
        );
        let mut part = p.parts.remove(0);
        part.holder = holder;
        part.id = format!("{holder:?}{lat:?}").replace(['(', ')', '.'], "");
        part.place = part.place.filter(|_| lat.is_some());
        part
    };
    let lat = |parts: Vec<Part>| {
        let presence = Presence { entity: "pres:a@b".to_owned(), parts, notes: vec!["n".to_owned()] };
        let back = Presence::parse(presence.to_xml().as_bytes(), None).unwrap();
        back.estimate(estimate(Shape::Point(at(0.0, 0.0))).time).unwrap().shape.centre().unwrap().lat
    };
    let all = |device: Option<f64>| {
        vec![
            part(Person, Some(1.0)),
            part(Tuple, Some(2.0)),
            part(Tuple, Some(3.0)),
            part(Device, device),
            part(Device, Some(5.0)),
        ]
    };
    assert_eq!(lat(all(Some(4.0))), 4.0);
    assert_eq!(lat(all(None)), 5.0);
    assert_eq!(lat(vec![part(Person, Some(1.0)), part(Tuple, None), part(Tuple, Some(3.0))]), 3.0);
    assert_eq!(lat(vec![part(Person, Some(1.0))]), 1.0);
}

#[test]
fn what_is_sure_is_said_as_it_is_known() {
    let percent = |shape: Shape, method| {
        let told = LocationEstimate { method, ..estimate(shape) };
        let presence = Presence::of("pres:a@b", &told, &Circumstances::default());
        presence.parts[0].place.as_ref().unwrap().confidence.map(|c| (c.percent, c.pdf))
    };
    let ellipse = |confidence| Shape::Ellipse { at: at(1.0, 2.0), ellipse: Ellipse::circle(5.0, confidence) };
    let gnss = PositionMethod::AutonomousGnss;
    assert_eq!(percent(ellipse(Some(68)), gnss), Some((Some(68.0), Pdf::Normal)));
    assert_eq!(percent(ellipse(Some(100)), gnss), Some((Some(99.9), Pdf::Normal)));
    assert_eq!(percent(ellipse(Some(68)), PositionMethod::CellId), Some((Some(68.0), Pdf::Unknown)));
    assert_eq!(percent(ellipse(None), gnss), Some((None, Pdf::Unknown)));
    assert_eq!(percent(Shape::Circle { at: at(1.0, 2.0), radius_m: 9.0 }, gnss), Some((None, Pdf::Unknown)));
    assert_eq!(percent(Shape::Point(at(1.0, 2.0)), gnss), None);
    for method in [
        gnss,
        PositionMethod::CellId,
        PositionMethod::Wlan,
        PositionMethod::Otdoa,
        PositionMethod::AgnssMsBased,
        PositionMethod::AgnssMsAssisted,
        PositionMethod::EnhancedCellId,
    ] {
        assert_eq!(method_of(token_of(method).unwrap()), method);
    }
    assert_eq!(method_of("Wiremap"), PositionMethod::Unknown);
}

#[test]
fn numbers_that_are_none_are_not_told() {
    let broken = Shape::Circle { at: at(1.0, 2.0), radius_m: f64::NAN };
    let xml = Presence::of("pres:a@b", &estimate(broken), &Circumstances::default()).to_xml();
    assert!(!xml.contains("NaN") && !xml.contains("Circle"));
    assert_eq!(
        Presence::parse(xml.as_bytes(), None).unwrap().estimate(Utc::from_unix_s(0)),
        Err(NoPlace::None)
    );
    let presence = Presence::without_location("pres:geheim@b", Unknown::Pending);
    assert!(!format!("{presence:?}").contains("geheim"));
}

proptest! {
    #[test]
    fn positions_survive_unrounded(
        lat in -90.0f64..=90.0, lon in -180.0f64..=180.0, a in 0.0f64..1e6, share in 0.0f64..=1.0, o in 0.0f64..180.0,
        alt in -500.0f64..20_000.0, c in 1u8..=99, speed in 0.0f64..400.0, bearing in 0.0f64..360.0, climb in -50.0f64..50.0,
        ns in 0i64..4_000_000_000_000_000_000,
    ) {
        let ellipse = Ellipse { semi_major_m: a, semi_minor_m: a * share, orientation_deg: o, confidence: Some(c) };
        let told = LocationEstimate {
            shape: Shape::Ellipsoid { at: at(lat, lon), ellipse, altitude_m: alt, altitude_unc_m: a },
            time: Utc::from_unix_ns(ns),
            method: PositionMethod::CellId,
            velocity: Some(Velocity { speed_mps: speed, bearing_deg: bearing, vertical_mps: Some(climb), speed_unc_mps: None, vertical_unc_mps: None }),
        };
        let xml = Presence::of("pres:a@b", &told, &Circumstances::default()).to_xml();
        let back = Presence::parse(xml.as_bytes(), None).unwrap().estimate(told.time).unwrap();
        let (v, w) = (told.velocity.unwrap(), back.velocity.unwrap());
        prop_assert!((v.speed_mps - w.speed_mps).abs() < 1e-9 && (climb - w.vertical_mps.unwrap_or(0.0)).abs() < 1e-9);
        prop_assert_eq!(w.bearing_deg, bearing);
        prop_assert_eq!(LocationEstimate { velocity: None, ..back }, LocationEstimate { velocity: None, ..told });
    }

    #[test]
    fn rings_run_counter_clockwise_from_their_first_corner(
        lat in -80.0f64..80.0, lon in -180.0f64..180.0, turn: bool, n in 3usize..15,
    ) {
        let corner = |k: usize| {
            let angle = k as f64 / n as f64 * std::f64::consts::TAU;
            let lon = crate::base::geo::wrap_deg(lon + angle.cos() * 2.0);
            at(lat + angle.sin(), lon)
        };
        let left: Vec<GeoPoint> = (0..n).map(corner).collect();
        let mut given = left.clone();
        if turn { given[1..].reverse(); }
        given.push(given[0]);
        prop_assert_eq!(geometry::ring(given), Some(left));
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300), cut: u16, flip: u8, kind in 0usize..7) {
        let _ = Presence::parse(&octets, None);
        let told = estimate(shapes().remove(kind));
        let mut xml = Presence::of("pres:a@b", &told, &Circumstances::default()).to_xml().into_bytes();
        let place = usize::from(cut) % xml.len();
        let _ = Presence::parse(&xml[..place], None);
        xml[place] ^= flip;
        if let Ok(presence) = Presence::parse(&xml, None) {
            let _ = presence.estimate(told.time);
            prop_assert!(Presence::parse(presence.to_xml().as_bytes(), None).is_ok());
        }
    }
}

#[test]
fn around_a_pole_the_ring_keeps_its_direction() {
    let mut text = String::new();
    for (lat, lons) in [(80.0, [0.0, 120.0, -120.0]), (-80.0, [0.0, -120.0, 120.0])] {
        let given: Vec<GeoPoint> = lons.iter().map(|lon| at(lat, *lon)).collect();
        assert_eq!(
            geometry::ring(given.clone()),
            Some(given.clone()),
            "east about the north pole, west about the south pole"
        );
        let mut turned = given.clone();
        turned[1..].reverse();
        assert_eq!(geometry::ring(turned), Some(given));
        let _ = write!(text, "{lat}");
    }
}
