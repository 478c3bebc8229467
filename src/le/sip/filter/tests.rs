//! Filters: documents, what is refused, and what fires.

use proptest::prelude::*;

use super::*;
use crate::base::geo::{Shape, Velocity};
use crate::base::{GeoPoint, LocationEstimate, PositionMethod, Utc};
use crate::testing::shared;

const ME: &str = "sip:447700900123@lp.example.net";

/// A filter-set around filters.
fn set(filters: &str) -> String {
    format!(
        "<f:filter-set xmlns:f='urn:ietf:params:xml:ns:simple-filter' xmlns:x='urn:ietf:params:xml:ns:location-filter' \
         xmlns:gml='http://www.opengis.net/gml' xmlns:gs='http://www.opengis.net/pidflo/1.0' package='presence'>\
         <f:ns-bindings><f:ns-binding prefix='d' urn='urn:ietf:params:xml:ns:pidf:geopriv10:dynamic'/>\
         <f:ns-binding prefix='a' urn='urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr'/>\
         <f:ns-binding prefix='g' urn='urn:ietf:params:xml:ns:pidf:geopriv10'/></f:ns-bindings>{filters}</f:filter-set>"
    )
}

fn read(filters: &str) -> Result<FilterSet, FilterFault> {
    FilterSet::parse(set(filters).as_bytes(), None)
}

/// One filter of one trigger.
fn triggered(conditions: &str) -> Result<FilterSet, FilterFault> {
    read(&format!("<f:filter id='1'><f:trigger>{conditions}</f:trigger></f:filter>"))
}

fn at(lat: f64, speed: Option<f64>) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(lat, 4.0).unwrap(), radius_m: 5.0 },
        time: Utc::from_unix_s(1000),
        method: PositionMethod::AgnssMsBased,
        velocity: speed.map(|speed_mps| Velocity {
            speed_mps,
            bearing_deg: 350.0,
            vertical_mps: None,
            speed_unc_mps: None,
            vertical_unc_mps: None,
        }),
    }
}

/// Which of these positions are told.
fn told(filters: &FilterSet, positions: &[LocationEstimate]) -> Vec<usize> {
    let mut tracking = Tracking::default();
    let mut all = Vec::new();
    for (k, p) in positions.iter().enumerate() {
        if let Decision::Notify(_) = filters.evaluate(ME, &mut tracking, p) {
            tracking.told(filters, ME, p);
            all.push(k);
        }
        // It survives in the store.
        let text = serde_json::to_string(&tracking).unwrap();
        tracking = serde_json::from_str(&text).unwrap();
    }
    all
}

#[test]
fn the_samples_are_read() {
    let Some(dir) = shared("the_samples_are_read") else { return };
    let read = |name: &str| {
        let octets = std::fs::read(dir.join(format!("facts/samples/filter-{name}.xml"))).unwrap();
        let set = FilterSet::parse(&octets, None).unwrap();
        let [filter] = set.filters() else { panic!("{name}") };
        assert_eq!((filter.id.as_str(), &filter.scope), ("f1", &Scope::Uri(ME.to_owned())));
        let [trigger] = filter.triggers.as_slice() else { panic!("{name}") };
        let [condition] = trigger.conditions.as_slice() else { panic!("{name}") };
        (filter.forms.clone(), condition.clone())
    };
    assert_eq!(read("moved").1, Condition::Moved(250.0));
    let (forms, condition) = read("area-circle");
    assert_eq!(forms, Some(Forms { wanted: vec![Form::Geodetic], exact: true }));
    let Condition::EnterOrExit(area) = condition else { panic!() };
    assert!(area.contains(GeoPoint::new(51.507_35, -0.127_75).unwrap()));
    assert!(matches!(read("area-polygon").1, Condition::EnterOrExit(_)));
    let changed = |value, from: Option<&str>, by| Condition::Changed {
        value,
        from: from.map(str::to_owned),
        to: None,
        by,
    };
    assert_eq!(read("speed").1, changed(Value::Speed, None, Some(5.0)));
    assert_eq!(read("country").1, changed(Value::Civic("country".to_owned()), Some("GB"), None));
}

#[test]
fn what_is_wrong_is_told_apart_from_what_is_not_supported() {
    use FilterFault as F;
    let of = |filters: &str| read(filters).unwrap_err();
    let trigger = |conditions: &str| triggered(conditions).unwrap_err();
    assert_eq!(of(""), F::Missing("filter"));
    assert_eq!(of("<f:filter/>"), F::Missing("id"));
    assert_eq!(of("<f:filter id='1'/><f:filter id='1'/>"), F::Contradiction("filter"));
    assert_eq!(of("<f:filter id='1' uri='sip:a@b' domain='b'/>"), F::Contradiction("filter"));
    assert_eq!(of("<f:filter id='1' enabled='maybe'/>"), F::Format("enabled"));
    assert_eq!(of("<f:filter id='1'><f:trigger/></f:filter>"), F::Missing("trigger"));
    assert_eq!(of(&"<f:filter id='1'/>".repeat(70).replace("'1'", "'x'")), F::Contradiction("filter"));
    let many = (0..70).fold(String::new(), |all, k| all + &format!("<f:filter id='{k}'/>"));
    assert_eq!(of(&many), F::TooMany("filter"));
    for limit in ["", "-1", "NaN", "inf", "1e99", "x"] {
        assert_eq!(trigger(&format!("<x:moved>{limit}</x:moved>")), F::Format("moved"), "{limit}");
    }
    assert_eq!(trigger("<f:changed by='-1'>//d:speed</f:changed>"), F::Format("changed"));
    assert_eq!(trigger("<f:changed by='1'>//a:A1</f:changed>"), F::Format("changed"));
    assert_eq!(trigger("<x:enterOrExit/>"), F::NoArea);
    assert_eq!(
        trigger("<x:enterOrExit><gml:Point><gml:pos>1 2</gml:pos></gml:Point></x:enterOrExit>").status(),
        488
    );
    assert_eq!(trigger("<x:enterOrExit><gs:Circle/></x:enterOrExit>").status(), 400);
    for unknown in [
        "<x:dances/>",
        "<y:moved xmlns:y='urn:y'>3</y:moved>",
        "<f:changed>//d:mood</f:changed>",
        "<f:changed>//unbound:speed</f:changed>",
        "<f:changed>//d:speed[. > 3]</f:changed>",
        "<f:added>*</f:added>",
    ] {
        assert_eq!(trigger(unknown).status(), 488, "{unknown}");
    }
    assert_eq!(of("<f:filter id='1'><f:what><f:exclude>//x</f:exclude></f:what></f:filter>").status(), 488);
    let parse = |text: &str| FilterSet::parse(text.as_bytes(), None).unwrap_err();
    assert_eq!(parse("<filter-set/>"), F::NotFilterSet);
    let other = set("<f:filter id='1'/>").replace("'presence'", "'dialog'");
    assert_eq!(parse(&other), F::Package);
    assert_eq!(parse("<").status(), 400);
    let bomb = "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><l>&b;</l>";
    assert!(matches!(parse(bomb), F::Xml(XmlFault::NotWellFormed(_))));
    assert!(matches!(parse(&"<a>".repeat(10_000)), F::Xml(XmlFault::TooLarge(_))));
    assert!(matches!(parse(&format!("<a>{}", "<b/>".repeat(10_000))), F::Xml(XmlFault::TooLarge(_))));
}

#[test]
fn without_filters_every_change_is_told() {
    let none = FilterSet::default();
    assert_eq!(told(&none, &[at(50.0, None), at(50.0, None), at(50.0, Some(1.0))]), [0, 2]);
    let forms = read(
        "<f:filter id='1'><f:what><x:locationType exact='1'>civic geodetic</x:locationType></f:what></f:filter>",
    );
    let forms = forms.unwrap();
    assert_eq!(told(&forms, &[at(50.0, None), at(50.0, None), at(50.1, None)]), [0, 2]);
    assert_eq!(forms.forms(ME).wanted, [Form::Civic, Form::Geodetic]);
    assert!(forms.forms(ME).geodetic());
}

#[test]
fn moves_are_measured_from_where_it_was_told_last() {
    let moved = triggered("<x:moved>1000</x:moved>").unwrap();
    let lats = [50.0, 50.005, 50.008, 50.0091, 50.01, 50.0183].map(|lat| at(lat, None));
    assert_eq!(told(&moved, &lats), [0, 3, 5]);
    let high = |lat: f64, altitude_m: f64| LocationEstimate {
        shape: Shape::PointAltitude { at: GeoPoint::new(lat, 4.0).unwrap(), altitude_m },
        ..at(lat, None)
    };
    let flights = [high(50.0, 0.0), high(50.0, 900.0), high(50.005, 900.0), high(50.0, 900.0)];
    assert_eq!(told(&moved, &flights), [0, 2], "556 m away and 900 m up are 1058 m");
    assert_eq!(told(&triggered("<x:movedVert>800</x:movedVert>").unwrap(), &flights), [0, 1]);
    assert_eq!(told(&triggered("<x:movedHorz>500</x:movedHorz>").unwrap(), &flights), [0, 2, 3]);
    // A limit of nothing asks for every move, but for none that is none.
    assert_eq!(
        told(
            &triggered("<x:moved>0</x:moved>").unwrap(),
            &[at(50.0, None), at(50.0, Some(3.0)), at(50.1, None)]
        ),
        [0, 2]
    );
}

const CIRCLE: &str = "<x:enterOrExit><gs:Circle srsName='urn:ogc:def:crs:EPSG::4326'><gml:pos>50 4</gml:pos>\
                      <gs:radius uom='urn:ogc:def:uom:EPSG::9001'>1000</gs:radius></gs:Circle></x:enterOrExit>";

#[test]
fn borders_are_told_of_when_they_are_crossed() {
    let area = triggered(CIRCLE).unwrap();
    let (i, o) = (at(50.0, None), at(51.0, None));
    let walk = [o.clone(), o.clone(), i.clone(), i.clone(), o.clone(), i.clone()];
    assert_eq!(told(&area, &walk), [0, 2, 4, 5]);
    assert_eq!(told(&area, &[i.clone(), i, o]), [0, 2]);
}

/// RFC 6447 §3.2: a side counts when it is more probable than not. A target whose border runs through its uncertainty is on
/// neither, and is told of when it has clearly crossed.
#[test]
fn borders_are_crossed_by_probability() {
    let area = triggered(CIRCLE).unwrap();
    // Metres north of the centre of a circle of 1000 m, and how uncertain.
    let around = |metres: f64, radius_m: f64| LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(50.0 + metres / 111_229.0, 4.0).unwrap(), radius_m },
        ..at(50.0, None)
    };
    assert_eq!(
        told(&area, &[around(0.0, 50.0), around(1000.0, 50.0), around(1001.0, 50.0), around(1100.0, 50.0)]),
        [0, 3]
    );
    let wander = [0.0, 999.0, 1001.0, 998.0, 1002.0, 999.0, 1001.0].map(|m| around(m, 200.0));
    assert_eq!(told(&area, &wander), [0], "about the border it is on no side");
    // Larger than the area: it can never be sure to be inside.
    assert_eq!(told(&area, &[around(5000.0, 10.0), around(0.0, 9000.0), around(0.0, 10.0)]), [0, 2]);
}

#[test]
fn conditions_are_all_wanted_and_triggers_are_alternatives() {
    let both = triggered(&format!("{CIRCLE}<x:speedExceeds>10</x:speedExceeds>")).unwrap();
    let walk = [
        at(51.0, Some(1.0)),
        at(50.0, Some(5.0)),
        at(50.0, Some(20.0)),
        at(50.0, Some(30.0)),
        at(51.0, Some(30.0)),
    ];
    assert_eq!(told(&both, &walk), [0, 2], "it is still inside when it is fast");
    let either = read(&format!(
        "<f:filter id='1'><f:trigger>{CIRCLE}</f:trigger><f:trigger><x:speedExceeds>10</x:speedExceeds></f:trigger></f:filter>"
    ))
    .unwrap();
    assert_eq!(told(&either, &walk), [0, 1, 2, 4]);
}

#[test]
fn values_change_by_from_and_to() {
    let speeds = |conditions: &str, all: &[Option<f64>]| {
        told(&triggered(conditions).unwrap(), &all.iter().map(|s| at(50.0, *s)).collect::<Vec<_>>())
    };
    let s = Some;
    assert_eq!(
        speeds("<f:changed by='5'>//d:speed</f:changed>", &[s(0.0), s(4.0), s(5.0), s(9.0), s(0.0)]),
        [0, 2, 4]
    );
    assert_eq!(
        speeds("<f:changed by='5'>//d:speed</f:changed>", &[None, s(1.0), s(2.0), None, s(6.0)]),
        [0, 1, 4]
    );
    assert_eq!(
        speeds("<f:changed>/p:presence//d:Dynamic/d:speed</f:changed>", &[s(0.0), s(0.0), s(0.1)]),
        [0, 2]
    );
    assert_eq!(
        speeds("<f:changed from='0' to='3'>//d:speed</f:changed>", &[s(0.0), s(2.0), s(3.0), s(0.0), s(3.0)]),
        [0, 2]
    );
    assert_eq!(speeds("<x:valueChanges>d:speed</x:valueChanges>", &[s(0.0), s(2.0), s(2.0)]), [0, 1]);
    assert_eq!(speeds("<f:added>//d:speed</f:added>", &[None, s(2.0), s(3.0)]), [0, 1]);
    assert_eq!(speeds("<f:removed>//d:speed</f:removed>", &[s(1.0), s(2.0), None]), [0, 2]);
    assert_eq!(
        speeds("<x:speedExceeds>2</x:speedExceeds>", &[s(1.0), s(2.0), s(2.1), s(5.0), s(1.0)]),
        [0, 2]
    );
    let turned = |bearing: f64| {
        let mut e = at(50.0, Some(1.0));
        e.velocity.as_mut().unwrap().bearing_deg = bearing;
        e
    };
    let heading = triggered("<f:changed by='30'>//d:heading</f:changed>").unwrap();
    assert_eq!(told(&heading, &[turned(350.0), turned(10.0), turned(20.0), turned(340.0)]), [0, 2, 3]);
    let method = triggered("<f:changed to='Cell'>//g:method</f:changed>").unwrap();
    let cell = LocationEstimate { method: PositionMethod::CellId, ..at(50.0, None) };
    assert_eq!(told(&method, &[at(50.0, None), at(50.1, None), cell]), [0, 2]);
}

#[test]
fn filters_are_for_whom_they_say() {
    let all = "<f:filter id='1' uri='pres:447700900123@LP.example.net'><f:trigger><x:moved>1e6</x:moved></f:trigger></f:filter>\
               <f:filter id='2' domain='other.example'><f:trigger><x:moved>1e6</x:moved></f:trigger></f:filter>\
               <f:filter id='3' enabled='false'><f:trigger><x:moved>1</x:moved></f:trigger></f:filter>";
    let set = read(all).unwrap();
    let decide = |resource: &str| {
        let mut t = Tracking::default();
        t.told(&set, resource, &at(50.0, None));
        set.evaluate(resource, &mut t, &at(50.1, None))
    };
    assert_eq!(decide(ME), Decision::Hold);
    assert_eq!(decide("sip:447700900999@lp.example.net"), Decision::Notify(Why::Change));
    assert_eq!(decide("sips:a@other.example;transport=tls"), Decision::Hold);
    assert!(same_resource("tel:+4917", "sip:4917") && !same_resource("tel:+4917", "sip:4917@x"));
}

#[test]
fn a_refresh_replaces_removes_and_suspends() {
    let mut all = read("<f:filter id='1'><f:trigger><x:moved>1e6</x:moved></f:trigger></f:filter>").unwrap();
    let positions = [at(50.0, None), at(50.1, None)];
    assert_eq!(told(&all, &positions), [0]);
    all.update(
        read("<f:filter id='1' enabled='0'><f:trigger><x:moved>1e6</x:moved></f:trigger></f:filter>")
            .unwrap(),
    )
    .unwrap();
    assert_eq!(told(&all, &positions), [0, 1]);
    all.update(
        read("<f:filter id='1'><f:trigger><x:moved>1</x:moved></f:trigger></f:filter><f:filter id='2'/>")
            .unwrap(),
    )
    .unwrap();
    assert_eq!(all.filters().len(), 2);
    all.update(read("<f:filter id='1' remove='true'/><f:filter id='9' remove='true'/>").unwrap()).unwrap();
    assert_eq!(all.filters().iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["2"]);
    let many = (0..64).fold(String::new(), |all, k| all + &format!("<f:filter id='n{k}'/>"));
    assert_eq!(all.update(read(&many).unwrap()), Err(FilterFault::TooMany("filter")));
    assert_eq!(all.filters().len(), 1);
}

#[test]
fn quality_is_read_where_it_may_stand() {
    let quality = "<q:quality xmlns:q='urn:ietf:params:xml:ns:geopriv:lq' class='assured'><q:maxUncertainty confidence='95'>\
                   <q:horizontal>50</q:horizontal><q:vertical>10</q:vertical></q:maxUncertainty><q:maxAge>60</q:maxAge></q:quality>";
    let time = "<h:responseTime xmlns:h='urn:ietf:params:xml:ns:geopriv:held'>2500</h:responseTime>";
    for filter in [
        format!("<f:filter id='1'>{quality}</f:filter>"),
        format!("<f:filter id='1'><f:what>{quality}</f:what></f:filter>"),
    ] {
        let got = read(&filter).unwrap().quality(ME).unwrap();
        assert_eq!((got.qop.horizontal_m, got.qop.vertical_m), (Some(50.0), Some(10.0)));
        assert_eq!(got.qop.max_age.unwrap().as_secs(), 60);
        assert_eq!((got.confidence, got.qos_class), (Some(95.0), crate::service::QosClass::Assured));
    }
    let got = read(&format!("<f:filter id='1'>{time}</f:filter>")).unwrap().quality(ME).unwrap();
    assert_eq!(got.qop.response_time.unwrap().as_millis(), 2500);
    assert_eq!(read("<f:filter id='1'><z xmlns='urn:z'/></f:filter>").unwrap().quality(ME), None);
    let bad = quality.replace(">50<", ">-50<");
    assert_eq!(read(&format!("<f:filter id='1'>{bad}</f:filter>")), Err(FilterFault::Format("quality")));
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300), cut: u16, flip: u8) {
        let _ = FilterSet::parse(&octets, None);
        let mut text = set(&format!("<f:filter id='1'><f:trigger>{CIRCLE}<f:changed by='3'>//d:speed</f:changed></f:trigger></f:filter>")).into_bytes();
        let place = usize::from(cut) % text.len();
        let _ = FilterSet::parse(&text[..place], None);
        text[place] ^= flip;
        if let Ok(filters) = FilterSet::parse(&text, None) {
            let mut tracking = Tracking::default();
            tracking.told(&filters, ME, &at(50.0, None));
            let _ = filters.evaluate(ME, &mut tracking, &at(50.1, Some(3.0)));
        }
    }

    /// Whatever moves: what was told is told again only once it has moved so far.
    #[test]
    fn two_that_are_told_are_so_far_apart(lats in prop::collection::vec(49.0f64..51.0, 1..40), metres in 1.0f64..50_000.0) {
        let filters = triggered(&format!("<x:moved>{metres}</x:moved>")).unwrap();
        let all: Vec<LocationEstimate> = lats.iter().map(|lat| at(*lat, None)).collect();
        let told = told(&filters, &all);
        prop_assert_eq!(told[0], 0);
        for pair in told.windows(2) {
            let (a, b) = (all[pair[0]].shape.centre().unwrap(), all[pair[1]].shape.centre().unwrap());
            prop_assert!(a.distance_m(b) >= metres);
        }
    }
}
