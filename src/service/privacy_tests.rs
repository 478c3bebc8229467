//! Every rule against every type of client.

use std::sync::Arc;

use super::*;
use crate::service::{ClientProfile as Profile, Flow, Requestor, RequestorKind, ServiceId, parse_identity};

const NOON_MONDAY: i64 = 1_704_110_400; // 2024-01-01T12:00:00Z

fn client(client_type: ClientType) -> Arc<Client> {
    Client::detached(Profile { id: "c".to_owned(), client_type, ..Profile::default() })
}

fn target() -> SetId {
    parse_identity("msisdn:491700000001").unwrap()
}

fn request(client_type: ClientType) -> LocateRequest {
    LocateRequest::new(client(client_type), Flow::Immediate, target())
}

fn rules(list: &[Rule], default: Action) -> Rules<'_> {
    Rules { list, default, utc_offset_min: 0, listed: true, together: false }
}

fn decided(r: &LocateRequest, of: Rules<'_>, config: &Config) -> Decision {
    decide(r, std::slice::from_ref(&r.target), of, config, Utc::from_unix_s(NOON_MONDAY))
}

const NO_RULE: LocateError = LocateError::NotAllowed(Refusal::NoRule);
const BY_RULE: LocateError = LocateError::NotAllowed(Refusal::Rule);

#[test]
fn every_action_against_every_type_of_client() {
    let config = Config::default();
    for action in [Action::Deny, Action::Allow, Action::Notify, Action::VerifyAllow, Action::VerifyDeny] {
        for client_type in ClientType::ALL {
            let r = request(client_type);
            let rule = [Rule { action, ..Rule::default() }];
            let by_rule = decided(&r, rules(&rule, Action::Deny), &config);
            let by_default = decided(&r, rules(&[], action), &config);
            let unlisted = Rules { listed: false, ..rules(&[], Action::Allow) };
            let by_config = decided(&r, unlisted, &Config { unlisted: action, ..Config::default() });
            let asked = |d: &Decision| d.verdict.map(|c| c.asked);
            if client_type.overrides_privacy() {
                for d in [by_rule, by_default, by_config] {
                    assert_eq!((asked(&d), d.why), (Ok(Asked::PrivacyOverride), Why::ClientType));
                }
                continue;
            }
            let want = action.asks();
            assert_eq!(asked(&by_rule), want.ok_or(BY_RULE), "{action:?} {client_type:?}");
            assert_eq!(asked(&by_default), want.ok_or(NO_RULE), "{action:?} {client_type:?}");
            let unknown = if r.client.learns_unknown() { LocateError::UnknownSubscriber } else { NO_RULE };
            assert_eq!(asked(&by_config), want.ok_or(unknown), "{action:?} {client_type:?}");
            assert_eq!(
                (by_rule.why, by_default.why, by_config.why),
                (Why::Rule(1), Why::Default, Why::Unlisted)
            );
        }
    }
}

#[test]
fn nothing_is_allowed_that_no_rule_allows() {
    let d = decided(&request(ClientType::ValueAdded), rules(&[], Action::default()), &Config::default());
    assert_eq!(d.verdict.err(), Some(NO_RULE));
}

#[test]
fn every_condition_of_a_rule_must_fit() {
    let mut r = request(ClientType::ValueAdded);
    r.service = Some(ServiceId("friends".to_owned()));
    r.requestor = Some(Requestor { id: "bob".to_owned(), kind: RequestorKind::Name });
    let text = |t: &str| Some(t.to_owned());
    let allow = || Rule { action: Action::Allow, ..Rule::default() };
    for (rule, fits) in [
        (allow(), true),
        (Rule { client: text("c"), ..allow() }, true),
        (Rule { client: text("d"), ..allow() }, false),
        (Rule { client_type: Some(ClientType::ValueAdded), ..allow() }, true),
        (Rule { client_type: Some(ClientType::Operator), ..allow() }, false),
        (Rule { service: text("friends"), ..allow() }, true),
        (Rule { service: text("foes"), ..allow() }, false),
        (Rule { requestor: text("bob"), ..allow() }, true),
        (Rule { requestor: text("eve"), ..allow() }, false),
        (Rule { client: text("c"), service: text("friends"), requestor: text("eve"), ..allow() }, false),
        (Rule { days: vec![Day::Mon], ..allow() }, true),
        (Rule { days: vec![Day::Tue, Day::Sun], ..allow() }, false),
        (Rule { from: "12:00".parse().ok(), until: "12:01".parse().ok(), ..allow() }, true),
        (Rule { from: "12:01".parse().ok(), ..allow() }, false),
        (Rule { until: "12:00".parse().ok(), ..allow() }, false),
    ] {
        let rule = [rule];
        let d = decided(&r, rules(&rule, Action::Deny), &Config::default());
        assert_eq!(d.verdict.is_ok(), fits, "{rule:?}");
    }
    // Who says nothing does not fit what asks for something.
    let bare = request(ClientType::ValueAdded);
    let rule = [Rule { service: text("friends"), ..allow() }];
    assert!(decided(&bare, rules(&rule, Action::Deny), &Config::default()).verdict.is_err());
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rule = [
        Rule { client: Some("d".to_owned()), action: Action::Allow, ..Rule::default() },
        Rule { client: Some("c".to_owned()), action: Action::Deny, ..Rule::default() },
        Rule { action: Action::Allow, ..Rule::default() },
    ];
    let d = decided(&request(ClientType::ValueAdded), rules(&rule, Action::Allow), &Config::default());
    assert_eq!((d.verdict.err(), d.why), (Some(BY_RULE), Why::Rule(2)));
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_began_on() {
    let night = Rule {
        days: vec![Day::Fri],
        from: "22:00".parse().ok(),
        until: "06:00".parse().ok(),
        ..Rule::default()
    };
    let friday = NOON_MONDAY + 4 * 86_400;
    let at = |hours: i64| LocalTime::new(Utc::from_unix_s(friday + hours * 3600), 0);
    for (hours, holds) in
        [(-11, false), (9, false), (10, true), (14, true), (17, true), (18, false), (34, false)]
    {
        assert_eq!(night.holds_at(at(hours)), holds, "{hours} h after noon");
    }
    // Two hours east it is later.
    let east = LocalTime::new(Utc::from_unix_s(friday + 8 * 3600), 120);
    assert!(night.holds_at(east) && !night.holds_at(at(8)));
    // Before 1970, too.
    assert_eq!(LocalTime::new(Utc::from_unix_s(-1), 0).day, Day::Wed);
}

#[test]
fn a_wish_makes_it_stricter_and_never_laxer() {
    use Asked::{Nothing, Notify, PrivacyOverride, VerifyAllowIfNoAnswer, VerifyDenyIfNoAnswer};
    let config = Config::default();
    let asked = |action, wish| {
        let mut r = request(ClientType::ValueAdded);
        r.wish = Some(wish);
        decided(&r, rules(&[], action), &config).verdict.map(|c| c.asked)
    };
    assert_eq!(asked(Action::Allow, PrivacyWish::Ask(Notify)), Ok(Notify));
    assert_eq!(asked(Action::VerifyDeny, PrivacyWish::Ask(Nothing)), Ok(VerifyDenyIfNoAnswer));
    assert_eq!(asked(Action::Notify, PrivacyWish::Ask(VerifyAllowIfNoAnswer)), Ok(VerifyAllowIfNoAnswer));
    assert_eq!(asked(Action::VerifyDeny, PrivacyWish::Ask(PrivacyOverride)), Ok(VerifyDenyIfNoAnswer));
    assert_eq!(asked(Action::Allow, PrivacyWish::DoNotPosition), Err(LocateError::NotAllowed(Refusal::Wish)));
}

#[test]
fn regulations_and_profiles_come_before_the_subscriber() {
    let config = Config { forbidden: vec!["msisdn:4917*".parse().unwrap()], ..Config::default() };
    for client_type in ClientType::ALL {
        let d = decided(&request(client_type), rules(&[], Action::Allow), &config);
        let forbidden = d.verdict == Err(LocateError::Regulations);
        assert_eq!(forbidden, !client_type.overrides_privacy(), "{client_type:?}");
    }
    for client_type in ClientType::ALL {
        let targets = vec!["imsi:*".parse().unwrap()];
        let profile = Profile { id: "c".to_owned(), client_type, targets, ..Profile::default() };
        let r = LocateRequest::new(Client::detached(profile), Flow::Immediate, target());
        let d = decided(&r, rules(&[], Action::Allow), &Config::default());
        assert_eq!(d.verdict.err(), Some(LocateError::NotAllowed(Refusal::NotCovered)), "{client_type:?}");
    }
}

#[test]
fn times_of_day_are_checked() {
    for wrong in ["", "8:00", "24:01", "12:60", "1200", "+1:00", "ab:cd"] {
        assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
    }
    assert_eq!(String::from("07:05".parse::<TimeOfDay>().unwrap()), "07:05");
    assert!("24:00".parse::<TimeOfDay>().is_ok());
}

/// Requests on behalf of somebody.
fn behalf(of: &str) -> LocateRequest {
    let requestor = Some(Requestor { id: of.to_owned(), kind: RequestorKind::SipUrl });
    LocateRequest { requestor, ..request(ClientType::ValueAdded) }
}

#[test]
fn rules_for_domains_leave_out_whom_they_say() {
    let rule = |domain: Option<&str>, except: &[&str]| Rule {
        requestor_domain: domain.map(str::to_owned),
        except: except.iter().map(|e| (*e).to_owned()).collect(),
        action: Action::Allow,
        ..Rule::default()
    };
    let fits = |rule: &Rule, r: &LocateRequest| {
        decided(r, rules(std::slice::from_ref(rule), Action::Deny), &Config::default()).verdict.is_ok()
    };
    let of = rule(Some("Example.com"), &["sip:eve@example.com"]);
    for (who, want) in [
        ("sip:bob@example.com", true),
        ("sips:bob@EXAMPLE.com:5061;transport=tcp", true),
        ("sip:eve@example.com", false),
        ("SIP:Eve@Example.COM", false),
        ("sip:bob@notexample.com", false),
        ("sip:bob@example.com.evil.net", false),
        ("bob", false),
        ("sip:bob@", false),
    ] {
        assert_eq!(fits(&of, &behalf(who)), want, "{who}");
    }
    assert!(!fits(&of, &request(ClientType::ValueAdded)), "on nobody's behalf");
    let all_but = rule(None, &["@evil.net", "sip:eve@example.com"]);
    assert!(fits(&all_but, &behalf("sip:bob@example.com")) && !fits(&all_but, &behalf("sip:x@evil.net")));
    assert!(!fits(&all_but, &request(ClientType::ValueAdded)), "it might be one of those");
    let at = |s: i64| Utc::from_unix_s(NOON_MONDAY + s);
    let interval = |from: i64, until: i64| Interval { from: at(from), until: at(until) };
    let in_time = |valid: Vec<Interval>| Rule { valid, ..rule(None, &[]) };
    let r = request(ClientType::ValueAdded);
    assert!(fits(&in_time(vec![interval(-9, -5), interval(0, 1)]), &r));
    assert!(!fits(&in_time(vec![interval(-9, 0), interval(1, 5)]), &r), "its end is not in it");
}

#[test]
fn rules_count_together_where_that_is_said() {
    let allow = |radius_m, retransmission, retention_s| Rule {
        action: Action::Allow,
        radius_m,
        retransmission,
        retention_s,
        ..Rule::default()
    };
    let deny = Rule { retransmission: true, ..Rule::default() };
    let ask = Rule { action: Action::VerifyDeny, ..allow(None, false, None) };
    let list = [deny, allow(Some(500), false, Some(60)), ask, allow(Some(900), true, None)];
    let r = request(ClientType::ValueAdded);
    let first = decided(&r, rules(&list, Action::Deny), &Config::default());
    assert_eq!(first.verdict.err(), Some(BY_RULE));
    let together = Rules { together: true, ..rules(&list, Action::Deny) };
    let d = decided(&r, together, &Config::default());
    let consent = d.verdict.unwrap();
    assert_eq!((consent.asked, d.why), (Asked::Nothing, Why::Rule(2)));
    assert_eq!(consent.terms, Terms { radius_m: None, retransmission: true, retention_s: Some(60) });
    let two = Rules { list: &list[..2], ..together };
    let consent = decided(&r, two, &Config::default()).verdict.unwrap();
    let terms = Terms { radius_m: Some(500), retransmission: false, retention_s: Some(60) };
    assert_eq!(consent.terms, terms, "a rule that denies lends nothing");
}
