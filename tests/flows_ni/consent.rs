//! Whether the user is told or asked, before the positioning or after it, and what comes of the answer.

use groma::base::{PositionMethod, QualityOfPosition};
use groma::handset::Answer;
use groma::service::{
    Asked, LocateError, LocateRequest, LocationKind, Origin, PrivacyWish, Refusal, Requestor, RequestorKind,
};
use groma::slc::ni::{NameFormat, PosMethod, StatusCode};
use groma::wire::ulp::{NotificationType, UlpMessage};

use super::town::{Town, address, answered, number, off, pos_init};

/// Subscribers, each with one rule for everybody.
fn subscribers(version: &str, rules: &[(&str, bool)]) -> String {
    let one = |(i, (action, after)): (usize, &(&str, bool))| {
        let n = i as u8 + 1;
        let (number, ip) = (number(n), address(n));
        format!(
            "[[subscribers]]\nids = [\"msisdn:{number}\"]\naddress = \"{ip}\"\nversion = \"{version}\"\n\
             rules = [{{ action = \"{action}\", after_positioning = {after} }}]\n"
        )
    };
    rules.iter().enumerate().map(one).collect()
}

/// Every rule against every answer of the user, in both versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_answers() {
    let cases = [
        ("allow", Answer::Deny, true),
        ("notify", Answer::Deny, true),
        ("notify", Answer::Ignore, true),
        ("verify-allow", Answer::Allow, true),
        ("verify-allow", Answer::Ignore, true),
        ("verify-allow", Answer::Deny, false),
        ("verify-deny", Answer::Allow, true),
        ("verify-deny", Answer::Ignore, false),
        ("verify-deny", Answer::Deny, false),
    ];
    for version in ["1.0", "2.0"] {
        for after in [false, true] {
            let rules: Vec<_> = cases.iter().map(|(action, ..)| (*action, after)).collect();
            let mut town = Town::ruled(&subscribers(version, &rules), |_| ()).await;
            let mut answers = Vec::new();
            for (n, (action, answer, allowed)) in (1_u8..).zip(cases) {
                let heard = town.handset(n, |h| h.answer = answer).await;
                let asked = town.ask(town.request("tracker", n));
                answers.push((
                    n,
                    format!("{version} {action} {answer:?} after: {after}"),
                    allowed,
                    heard,
                    asked,
                ));
            }
            for (n, case, allowed, mut heard, asked) in answers {
                match asked.await.expect("an end") {
                    Ok(located) => assert!(allowed && off(&located, n).0 < 50.0, "{case}: {located:?}"),
                    Err(e) => {
                        assert!(!allowed && e == LocateError::NotAllowed(Refusal::User), "{case}: {e:?}");
                    }
                }
                answered(&mut heard).await;
                // What the user refused is not known to anybody.
                let kept =
                    town.service().positions().history(&super::town::target(n), 9).await.expect("a store");
                assert!(allowed || kept.is_empty(), "{case}: kept");
            }
            town.quiet().await;
            town.stop().await;
        }
    }
}

/// An emergency asks nobody, whatever the rules and whatever the user says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_overrides() {
    let mut town = Town::ruled(&subscribers("2.0", &[("deny", false), ("verify-deny", true)]), |_| ()).await;
    for n in [1, 2] {
        let mut heard = town.handset(n, |h| h.answer = Answer::Deny).await;
        let located = town.service().locate(town.request("psap", n)).await.expect("a position");
        assert!(off(&located, n).0 < 50.0);
        assert!(answered(&mut heard).await.answered());
    }
    // The same of somebody else: refused, and nobody is called.
    let e = town.service().locate(town.request("tracker", 1)).await.expect_err("refused");
    assert_eq!(e, LocateError::NotAllowed(Refusal::Rule));
    town.stop().await;
}

/// What the INIT says to the user, by what the client and the rules want.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_user_is_shown() {
    let mut town = Town::ruled(&subscribers("2.0", &[("allow", false), ("verify-deny", true)]), |_| ()).await;
    let mut radio = town.radio(1).await;
    let told = [
        (None, None),
        (Some(Asked::Notify), Some(NotificationType::Notify)),
        (Some(Asked::VerifyAllowIfNoAnswer), Some(NotificationType::VerifyAllowIfNoAnswer)),
        (Some(Asked::VerifyDenyIfNoAnswer), Some(NotificationType::VerifyDenyIfNoAnswer)),
        // That is nothing to wish for.
        (Some(Asked::PrivacyOverride), None),
    ];
    for (wish, kind) in told {
        let requestor = Requestor { id: "Anna".to_owned(), kind: RequestorKind::Name };
        let request = LocateRequest {
            wish: wish.map(PrivacyWish::Ask),
            requestor: Some(requestor),
            ..town.request("tracker", 1)
        };
        let asked = town.ask(request);
        let call = radio.call().await;
        assert_eq!(call.init.notification.as_ref().map(|n| n.kind), kind, "{wish:?}");
        if let Some(n) = &call.init.notification {
            let shown = |name: &Option<(Vec<u8>, NameFormat)>| name.clone().map(|(text, _)| text);
            assert_eq!(shown(&n.requestor).as_deref(), Some(&b"Anna"[..]));
            assert_eq!(shown(&n.client).as_deref(), Some(&b"tracker"[..]));
            assert!(!n.emergency && !call.init.notify_by_location);
        }
        asked.abort();
        town.quiet().await;
    }
    let asked = town.ask(town.request("psap", 1));
    let n = radio.call().await.init.notification.expect("said in emergencies");
    assert!(n.kind == NotificationType::PrivacyOverride && n.emergency && n.client.is_none());
    asked.abort();
    let mut radio = town.radio(2).await;
    let asked = town.ask(town.request("tracker", 2));
    assert!(radio.call().await.init.notify_by_location);
    asked.abort();
    town.quiet().await;
    town.stop().await;
}

/// The cell is enough for this town, so that the user is asked at once: SUPL NOTIFY, and what silence means.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_by_the_place() {
    let rules = subscribers("2.0", &[("notify", true), ("verify-allow", true), ("verify-deny", true)]);
    let mut town = Town::ruled(&rules, |c| {
        let m = &mut c.session.positioning.methods;
        (m.set_based, m.set_assisted, m.autonomous) = (false, false, false);
        c.session.notify_s = 1;
    })
    .await;
    let denied = Err(LocateError::NotAllowed(Refusal::User));
    let given = Ok(PositionMethod::CellId);
    for (n, said, expected) in [
        (1, Some(None), given),
        (2, Some(Some(true)), given),
        (2, Some(Some(false)), denied),
        (2, None, given),
        (3, Some(Some(true)), given),
        (3, Some(Some(false)), denied),
        // Whoever was asked and does not say yes has not said it.
        (3, Some(None), denied),
        (3, None, denied),
    ] {
        let mut radio = town.radio(n).await;
        let request = town.request("tracker", n);
        let request = LocateRequest { qop: QualityOfPosition::default(), ..request };
        let asked = town.ask(request);
        let mut line = radio.call().await.come().await;
        let Some(UlpMessage::Notify(_)) = line.hear().await else { panic!("no SUPL NOTIFY") };
        if let Some(said) = said {
            line.say(UlpMessage::NotifyResponse(said)).await;
        }
        let Some(UlpMessage::End(end)) = line.hear().await else { panic!("no SUPL END") };
        match expected {
            Ok(_) => assert!(end.status.is_none() && end.position.is_some(), "{n} {said:?}"),
            Err(_) => assert_eq!(end.status, Some(StatusCode::ConsentDeniedByUser), "{n} {said:?}"),
        }
        let answer = asked.await.expect("an end").map(|l| l.estimate.method);
        assert_eq!(answer, expected, "{n} {said:?}");
    }
    town.stop().await;
}

/// The position is known, and only the consent is missing: the INIT asks for nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_alone() {
    let rules = "rules = [{ client = \"tracker\" , action = \"allow\" }, { action = \"verify-deny\" }]\n";
    let subscriber =
        format!("[[subscribers]]\nids = [\"msisdn:{}\"]\naddress = \"{}\"\n{rules}", number(1), address(1));
    let mut town = Town::ruled(&subscriber, |_| ()).await;
    let heard = town.handset(1, |_| ()).await;
    town.service().locate(town.request("tracker", 1)).await.expect("a position");
    drop((heard, town.off_air().await));
    let mut radio = town.radio(1).await;
    let last = |t: &Town| LocateRequest {
        kind: LocationKind::Last,
        qop: QualityOfPosition::default(),
        ..t.request("taxi", 1)
    };
    for (status, expected) in [
        (Some(StatusCode::ConsentGrantedByUser), Ok(Origin::Stored)),
        (Some(StatusCode::ConsentDeniedByUser), Err(LocateError::NotAllowed(Refusal::User))),
    ] {
        let asked = town.ask(last(&town));
        let call = radio.call().await;
        assert_eq!(call.init.pos_method, PosMethod::NoPosition);
        let end = groma::wire::ulp::End { status, ver: Some(call.ver()), ..Default::default() };
        let mut line = call.answer(UlpMessage::End(Box::new(end))).await;
        assert!(line.hear().await.is_none(), "an end is not answered");
        assert_eq!(asked.await.expect("an end").map(|l| l.origin), expected);
    }
    // Consent that does not know the INIT is none; to be positioned was not the question.
    let asked = town.ask(last(&town));
    let end = groma::wire::ulp::End {
        ver: Some([7; 8]),
        ..groma::wire::ulp::End::with(StatusCode::ConsentGrantedByUser)
    };
    radio.call().await.answer(UlpMessage::End(Box::new(end))).await;
    assert!(asked.await.expect("an end").is_err());
    let asked = town.ask(last(&town));
    let call = radio.call().await;
    let mut line = call.answer(pos_init(Some(call.ver()))).await;
    assert_eq!(line.ended().await, Some(StatusCode::UnexpectedMessage));
    assert!(asked.await.expect("an end").is_err());
    town.stop().await;
}
