//! Documents of LOCSIP: presence documents, filters, lists, policies, bodies of several parts. What is read can be written and
//! comes back as it was; a filter decides about whatever a document says.

#![no_main]

use groma::base::Utc;
use groma::le::sip::demand::Demand;
use groma::le::sip::filter::{FilterSet, Tracking};
use groma::le::sip::pidf::{Circumstances, Presence};
use groma::le::sip::policy::Ruleset;
use groma::le::sip::{geolocation, lists, multipart};
use libfuzzer_sys::fuzz_target;

const TARGET: &str = "sip:447700900123@lp.example.net";

fuzz_target!(|bytes: &[u8]| {
    // The first octet chooses the charset, the rest is tried as everything.
    let (charset, document) = match bytes.split_first() {
        Some((0, rest)) => (Some("iso-8859-1"), rest),
        Some((1, rest)) => (Some("utf-16le"), rest),
        _ => (None, bytes),
    };
    let now = Utc::from_unix_s(1_795_342_530);
    let presence = Presence::parse(document, charset).ok();
    if let Some(presence) = &presence {
        let xml = presence.to_xml();
        let again = Presence::parse(xml.as_bytes(), None).expect("what is written can be read");
        assert_eq!(again.to_xml(), xml);
        if let Ok(estimate) = presence.estimate(now) {
            let told = Presence::of(&presence.entity, &estimate, &Circumstances::default());
            let told = Presence::parse(told.to_xml().as_bytes(), None).expect("what is told can be read");
            let _ = told.estimate(estimate.time);
        }
    }
    if let Ok(filters) = FilterSet::parse(document, charset) {
        let mut tracking = Tracking::default();
        let place = presence_at(51.5, now);
        let moved = presence_at(51.6, now);
        filters.evaluate(TARGET, &mut tracking, &place);
        tracking.told(&filters, TARGET, &place);
        filters.evaluate(TARGET, &mut tracking, &moved);
        let mut merged = filters.clone();
        let _ = merged.update(filters);
    }
    if let Ok(rules) = Ruleset::parse(document, charset) {
        let xml = rules.to_xml();
        let again = Ruleset::parse(xml.as_bytes(), None).expect("what is written can be read");
        assert_eq!(again.to_xml(), xml);
        if let Ok((profile, _)) = rules.to_profile() {
            let _ = Ruleset::of_profile(&profile);
        }
    }
    let _ = lists::read(document, charset, 100);
    for content_type in ["multipart/mixed;boundary=b", "application/resource-lists+xml"] {
        let _ = Demand::read([("max-rate", Some("0.5"))], Some(content_type), document, 100);
    }
    let _ = multipart::parts("multipart/related;boundary=\"b\"", document);
    if let Ok(text) = std::str::from_utf8(document) {
        let _ = geolocation::LocationError::read(text);
        if let Ok(uris) = geolocation::read_geolocation(text) {
            let written = geolocation::write_geolocation(&uris);
            assert_eq!(geolocation::read_geolocation(&written).as_ref(), Ok(&uris));
        }
        let _ = geolocation::conveyed(text, "multipart/mixed;boundary=b", document);
    }
});

fn presence_at(lat: f64, now: Utc) -> groma::base::LocationEstimate {
    let at = groma::base::GeoPoint::new(lat, -0.1).expect("a place");
    groma::base::LocationEstimate {
        shape: groma::base::Shape::Circle { at, radius_m: 20.0 },
        time: now,
        method: groma::base::PositionMethod::AgnssMsBased,
        velocity: None,
    }
}
