//! Policies: documents, what they are as profiles, and what those decide.

use super::*;
use crate::le::sip::pidf::validate;
use crate::service::privacy::{Action, Rule as ProfileRule};
use crate::testing::shared;

fn rules(inner: &str) -> String {
    format!(
        "<c:ruleset xmlns:c='urn:ietf:params:xml:ns:common-policy' xmlns:g='urn:ietf:params:xml:ns:geolocation-policy' \
         xmlns:p='urn:ietf:params:xml:ns:basic-location-profiles' xmlns:r='urn:ietf:params:xml:ns:pres-rules'>{inner}</c:ruleset>"
    )
}

const EXACT: &str = "<c:transformations><g:provide-location profile='geodetic-transformation'><p:provide-geo radius='0'/>\
                     </g:provide-location></c:transformations>";

fn read(inner: &str) -> Result<Ruleset, PolicyFault> {
    Ruleset::parse(rules(inner).as_bytes(), None)
}

#[test]
fn the_sample_is_what_it_says() {
    let Some(dir) = shared("the_sample_is_what_it_says") else { return };
    let set = Ruleset::parse(&std::fs::read(dir.join("facts/samples/policy.xml")).unwrap(), None).unwrap();
    let (profile, notes) = set.to_profile().unwrap();
    assert_eq!(notes, []);
    let [one, many] = profile.rules.as_slice() else { panic!() };
    assert_eq!(one.requestor.as_deref(), Some("sip:dispatcher@psap.example.net"));
    assert_eq!((one.action, one.radius_m, one.valid.len()), (Action::Allow, None, 1));
    assert_eq!(many.requestor_domain.as_deref(), Some("example.com"));
    assert_eq!((many.radius_m, many.retention_s, many.retransmission), (Some(5000), Some(3600), false));
    assert!(profile.together);
    // As a table of the configuration, and back again.
    let toml = toml::to_string(&profile).unwrap();
    assert_eq!(toml::from_str::<crate::service::Subscriber>(&toml).unwrap(), profile, "{toml}");
    let back = Ruleset::of_profile(&profile).unwrap();
    assert_eq!(back.to_profile().unwrap().0, profile);
    assert_eq!(Ruleset::parse(back.to_xml().as_bytes(), None).unwrap(), back);
    validate("the_sample_is_what_it_says", &[back.to_xml(), set.to_xml()]);
}

#[test]
fn everything_that_is_known_survives() {
    let set = read(
        "<c:rule id='a'><c:conditions><c:identity><c:one id='sip:a@x'/><c:many domain='y'><c:except id='sip:b@y'/>\
         <c:except domain='z'/></c:many></c:identity><c:sphere value='work'/><c:validity><c:from>2026-01-01T00:00:00Z</c:from>\
         <c:until>2026-01-02T00:00:00+01:00</c:until></c:validity></c:conditions><c:actions><r:sub-handling>confirm</r:sub-handling>\
         </c:actions><c:transformations><g:set-retransmission-allowed>true</g:set-retransmission-allowed><g:set-retention-expiry>9\
         </g:set-retention-expiry><g:set-note-well>N</g:set-note-well><g:provide-location profile='civic-transformation'>\
         <p:provide-civic>city</p:provide-civic></g:provide-location><g:provide-location profile='geodetic-transformation'>\
         <p:provide-geo radius='500'/></g:provide-location></c:transformations></c:rule><c:rule id='b'/>",
    )
    .unwrap();
    let [a, b] = set.rules.as_slice() else { panic!() };
    assert_eq!(a.handling, Some(Handling::Confirm));
    assert_eq!(a.transformations.civic, CivicLevel::City);
    assert_eq!((a.transformations.geodetic_m, a.transformations.retention_s), (Some(500), Some(9)));
    assert_eq!(a.identity.as_ref().unwrap().len(), 2);
    assert_eq!(*b, Rule { id: "b".to_owned(), ..Rule::default() });
    assert_eq!(Ruleset::parse(set.to_xml().as_bytes(), None).unwrap(), set);
    validate("everything_that_is_known_survives", &[set.to_xml()]);
    assert_eq!(
        set.to_profile().unwrap_err(),
        MapFault::Condition { rule: "a".to_owned(), element: "sphere".to_owned() }
    );
}

#[test]
fn what_would_let_more_people_know_is_refused() {
    let fault =
        |inner: &str| read(&format!("<c:rule id='a'>{inner}</c:rule>")).unwrap().to_profile().unwrap_err();
    let condition = "<c:conditions><g:location-condition><g:location profile='geodetic-condition'/></g:location-condition></c:conditions>";
    assert!(fault(&format!("{condition}{EXACT}")).to_string().contains("location-condition"));
    let nobody = "<c:conditions><c:identity><x xmlns='urn:x'/></c:identity></c:conditions>";
    assert_eq!(fault(&format!("{nobody}{EXACT}")), MapFault::Nobody("a".to_owned()));
    let backwards = "<c:conditions><c:validity><c:from>2026-01-02T00:00:00Z</c:from><c:until>2026-01-01T00:00:00Z</c:until>\
                     </c:validity></c:conditions>";
    assert_eq!(fault(&format!("{backwards}{EXACT}")), MapFault::Time("a".to_owned()));
    let wide = EXACT.replace("'0'", "'20000000'");
    assert_eq!(fault(&wide), MapFault::Radius("a".to_owned()));
    for (inner, element) in [
        ("<c:conditions><c:validity/></c:conditions>", "validity"),
        ("<c:conditions><c:identity><c:one/></c:identity></c:conditions>", "identity"),
        ("<c:conditions><c:identity><c:many><c:except/></c:many></c:identity></c:conditions>", "identity"),
        (
            "<c:conditions><c:identity><c:many><y xmlns='urn:y'/></c:many></c:identity></c:conditions>",
            "identity",
        ),
        ("<c:actions><r:sub-handling>perhaps</r:sub-handling></c:actions>", "sub-handling"),
        (
            "<c:transformations><g:set-retransmission-allowed>x</g:set-retransmission-allowed></c:transformations>",
            "set-retransmission-allowed",
        ),
        ("<c:transformations><g:provide-location profile='other'/></c:transformations>", "provide-location"),
        (
            "<c:transformations><g:provide-location><p:provide-geo radius='-1'/></g:provide-location></c:transformations>",
            "provide-geo",
        ),
    ] {
        let want = PolicyFault::Format { rule: "a".to_owned(), element };
        assert_eq!(read(&format!("<c:rule id='a'>{inner}</c:rule>")), Err(want), "{inner}");
    }
    assert_eq!(read("<c:rule/>"), Err(PolicyFault::Id(1)));
    assert_eq!(read("<c:rule id='a'/><c:rule id='a'/>"), Err(PolicyFault::Id(2)));
    let many = (0..300).fold(String::new(), |all, k| all + &format!("<c:rule id='r{k}'/>"));
    assert_eq!(read(&many), Err(PolicyFault::TooMany));
    assert_eq!(Ruleset::parse(b"<ruleset/>", None), Err(PolicyFault::NotRuleset));
}

#[test]
fn rules_that_tell_nothing_are_left_out_and_said() {
    let (profile, notes) = read(&format!(
        "<c:rule id='a'/><c:rule id='b'><c:actions><r:sub-handling>polite-block</r:sub-handling></c:actions>{EXACT}</c:rule>\
         <c:rule id='c'><c:transformations><g:provide-location/></c:transformations></c:rule>"
    ))
    .unwrap()
    .to_profile()
    .unwrap();
    assert_eq!(profile.rules, [ProfileRule { action: Action::Allow, ..ProfileRule::default() }]);
    let [a, b, c] = notes.as_slice() else { panic!("{notes:?}") };
    assert_eq!((a, b), (&Note::Nothing("a".to_owned()), &Note::Nothing("b".to_owned())));
    assert!(c.to_string().contains("addresses"));
}

#[test]
fn profiles_that_documents_cannot_say_are_refused() {
    let of = |rule: ProfileRule| {
        let profile =
            crate::service::Subscriber { rules: vec![rule], ..crate::service::Subscriber::default() };
        Ruleset::of_profile(&profile)
    };
    let allow = || ProfileRule { action: Action::Allow, ..ProfileRule::default() };
    assert!(of(allow()).is_ok());
    let key = |key| Err(MapFault::Key { rule: 1, key });
    assert_eq!(of(ProfileRule { client: Some("c".to_owned()), ..allow() }), key("client"));
    assert_eq!(of(ProfileRule { from: "08:00".parse().ok(), ..allow() }), key("from"));
    assert_eq!(of(ProfileRule { action: Action::Notify, ..allow() }), key("action"));
    let two =
        crate::service::Subscriber { rules: vec![allow(), allow()], ..crate::service::Subscriber::default() };
    assert_eq!(Ruleset::of_profile(&two), Err(MapFault::FirstFits));
    let together = crate::service::Subscriber { together: true, ..two };
    assert!(Ruleset::of_profile(&together).is_ok());
}
