//! The flows of network-initiated immediate service.

use super::flows::{lpp, report, server, told};
use super::orders::{ORDER, answer, order};
use super::*;
use crate::base::geo::Ellipse;
use crate::base::{LocationEstimate, PositionMethod, QualityOfPosition};
use crate::slc::ni::{
    self, Asked, Invited, Name, Notification, Order, OrderEnd, OrderEvent, Revocation, SuplVersion, What,
};
use crate::slc::record::{Flow, Outcome};
use crate::wire::ulp::{self, AuthReq, End, MessageKind, NotificationType, PosMethod, Position};

/// Brings an LPP session of an order to the point where the SET has been asked for its position.
pub(super) fn asked_for_position(order: Order) -> (Lab, Arc<Invited>) {
    let (mut lab, invited) = Lab::ordered(order);
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.session.state_name(), "positioning", "{:?}", lab.out);
    // Asked for its capabilities; tells them, and gets assistance and a question.
    lab.message(Version::V2, lpp_pos(&[lpp(server(0), true, told())]));
    for _ in 0..3 {
        if asks_position(&lab) {
            break;
        }
        lab.wake();
    }
    (lab, invited)
}

fn asks_position(lab: &Lab) -> bool {
    sent(&lab.all).iter().any(|pdu| match &pdu.message {
        UlpMessage::Pos(Pos { payload: PosPayload::Lpp(messages), .. }) => messages.iter().any(|m| {
            let body = LppMessage::decode(m, lab.now.gps()).unwrap().body;
            matches!(body, Some(crate::wire::lpp::LppBody::RequestLocationInformation(_)))
        }),
        _ => false,
    })
}

/// The transaction in which the position was asked for.
fn question(lab: &Lab) -> Option<crate::wire::lpp::TransactionId> {
    sent(&lab.all).iter().rev().find_map(|pdu| match &pdu.message {
        UlpMessage::Pos(Pos { payload: PosPayload::Lpp(messages), .. }) => messages.iter().find_map(|m| {
            let m = LppMessage::decode(m, lab.now.gps()).unwrap();
            let asks = matches!(m.body, Some(crate::wire::lpp::LppBody::RequestLocationInformation(_)));
            m.transaction.filter(|_| asks)
        }),
        _ => None,
    })
}

pub(super) fn give_position(lab: &mut Lab) {
    let transaction = question(lab);
    assert!(transaction.is_some(), "{:#?}", sent(&lab.all));
    lab.message(Version::V2, lpp_pos(&[lpp(transaction, true, report(Some(somewhere())))]));
}

#[test]
fn from_pos_init_to_end_with_a_position() {
    let (mut lab, _) = asked_for_position(order());
    // What the cell says comes at once, for those who cannot wait.
    assert!(matches!(lab.told()[..], [(Shape::Ellipse { .. }, false)]));
    assert!(lab.positions().is_empty());
    give_position(&mut lab);
    assert_eq!(lab.end(), None);
    let UlpMessage::End(end) = lab.only().message else { panic!() };
    assert!(end.position.is_some());
    assert_eq!(lab.order_end(), OrderEnd::Completed);
    let (place, met) = lab.told().pop().unwrap();
    assert!(met && place.centre().unwrap().distance_m(somewhere().centre().unwrap()) < 2.0);
    assert!(
        matches!(&lab.events()[0], OrderEvent::Arrived { identity } if *identity == set_session().set_id)
    );
    // It is kept under the identity that was asked for, not under the one that the SET uses.
    let kept = lab.positions();
    assert_eq!((kept.len(), &kept[0].target), (1, &order().target));
    let record = lab.record();
    assert_eq!((record.flow, record.slp_session), (Flow::NetworkInitiatedImmediate, ORDER));
    assert_eq!(record.outcome, Outcome::Completed);
    // The session carries the order's id.
    assert!(sent(&lab.all).iter().all(|p| p.session.slp.as_ref().is_some_and(|s| s.id == ORDER)));
}

#[test]
fn version_1_with_rrlp() {
    let (mut lab, invited) = Lab::ordered(Order { version: SuplVersion::V1, ..order() });
    lab.message(Version::V1, answer(&invited, Version::V1, capabilities(false)));
    assert_eq!(lab.session.state_name(), "positioning");
    let pdu = lab.only();
    assert_eq!(pdu.version, Version::V1);
    assert!(matches!(pdu.message, UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(_), .. })));
}

#[test]
fn each_version_has_its_own_hash() {
    for (init, spoken) in
        [(SuplVersion::V1, Version::V1), (SuplVersion::V2, Version::V2), (SuplVersion::V2, Version::V1)]
    {
        let lpp = spoken == Version::V2;
        let (mut lab, invited) = Lab::ordered(Order { version: init, ..order() });
        lab.message(spoken, answer(&invited, spoken, capabilities(lpp)));
        assert_eq!(lab.session.state_name(), "positioning", "{init:?} {spoken:?}");
        // The other version's hash is a wrong one.
        let other = if lpp { Version::V1 } else { Version::V2 };
        let (mut lab, invited) = Lab::ordered(Order { version: init, ..order() });
        lab.message(spoken, answer(&invited, other, capabilities(lpp)));
        assert_eq!(lab.end(), Some(StatusCode::AuthSuplInitFailure));
    }
}

#[test]
fn wrong_or_missing_ver() {
    for ver in [None, Some([0; 8])] {
        let (mut lab, _) = Lab::ordered(order());
        let message = PosInit { ver, ..pos_init(capabilities(true)) };
        lab.message(Version::V2, UlpMessage::PosInit(Box::new(message)));
        assert_eq!(lab.end(), Some(StatusCode::AuthSuplInitFailure));
        let OrderEnd::Failed(failure) = lab.order_end() else { panic!() };
        assert_eq!(failure.status(), StatusCode::AuthSuplInitFailure);
        assert_eq!(lab.events().len(), 1, "nobody has arrived");
    }
}

#[test]
fn who_does_not_fit_the_order_leaves_it_waiting() {
    let wrong = |change: &dyn Fn(&mut Lab), set: SetSessionId, slp: SlpSessionId, status| {
        let (mut lab, invited) = Lab::ordered(order());
        change(&mut lab);
        let session = SessionIds { set: Some(set), slp: Some(slp) };
        let message = answer(&invited, Version::V2, capabilities(true));
        lab.pdu(&UlpPdu { version: Version::V2, session, message }.encode().unwrap());
        assert_eq!(lab.end(), Some(status));
        assert!(lab.events().is_empty());
        assert!(lab.orders.find(ORDER).is_some(), "the order still waits");
    };
    let slp = SlpSessionId { id: ORDER, ..slp_session() };
    let unknown = StatusCode::InvalidSessionId;
    wrong(&|_| {}, set_session(), SlpSessionId { id: [1; 4], ..slp_session() }, unknown);
    let elsewhere = SlpAddress::Fqdn("other.example.net".parse().unwrap());
    wrong(&|_| {}, set_session(), SlpSessionId { id: ORDER, slp: elsewhere }, unknown);
    let somebody = SetId::Msisdn("491700000002".parse().unwrap());
    wrong(&|_| {}, SetSessionId { id: 1, set_id: somebody }, slp.clone(), unknown);
    wrong(&|lab| lab.access = Box::new(Nobody), set_session(), slp, StatusCode::AuthNetFailure);
}

#[test]
fn the_target_may_come_under_any_of_its_identities() {
    let imsi = set_session().set_id;
    for alternatives in [vec![], vec![imsi.clone()]] {
        let (mut lab, invited) = Lab::ordered(Order { alternatives, ..order() });
        lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
        assert_eq!(lab.session.state_name(), "positioning");
        assert_eq!(lab.events()[0], OrderEvent::Arrived { identity: imsi.clone() });
    }
    let other = SetId::Imsi("001010000000002".parse().unwrap());
    let (mut lab, invited) = Lab::ordered(Order { alternatives: vec![other], ..order() });
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.end(), Some(StatusCode::InvalidSessionId));
}

#[test]
fn of_two_answers_to_one_init_one_is_served() {
    let (mut first, invited) = Lab::ordered(order());
    first.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(first.session.state_name(), "positioning");
    // The second connection, and likewise a SET that comes when all is over.
    let mut second = Lab::new();
    second.slp_id = ORDER;
    second.orders = std::mem::replace(&mut first.orders, Box::new(NoOrders));
    second.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(second.end(), Some(StatusCode::InvalidSessionId));
    assert!(second.events().is_empty());
}

#[test]
fn consent_only() {
    let consent = |kind| Order {
        what: What::ConsentOnly,
        notification: Some(Notification { kind, ..Notification::default() }),
        ..order()
    };
    let end = |order: Order, status, sure: bool| {
        let (mut lab, invited) = Lab::ordered(order);
        let ver = sure.then_some(invited.invitation.ver);
        lab.message(Version::V2, UlpMessage::End(Box::new(End { status, ver, ..End::default() })));
        assert!(lab.session.is_closed() && lab.sent().is_empty());
        assert!(matches!(lab.record().outcome, Outcome::EndedByTarget { .. }));
        lab.order_end()
    };
    let granted = Some(StatusCode::ConsentGrantedByUser);
    let denied = Some(StatusCode::ConsentDeniedByUser);
    let verify = Asked::VerifyDenyIfNoAnswer;
    assert_eq!(end(consent(verify), granted, true), OrderEnd::ConsentGranted);
    assert_eq!(end(consent(verify), denied, true), OrderEnd::ConsentDenied);
    assert_eq!(end(consent(verify), denied, false), OrderEnd::ConsentDenied);
    // Nobody consents in another's name, and saying nothing is no consent where it was asked for.
    assert!(matches!(end(consent(verify), granted, false), OrderEnd::Failed(_)));
    assert_eq!(end(consent(verify), None, true), OrderEnd::Refused(None));
    assert_eq!(end(consent(Asked::Notify), None, true), OrderEnd::ConsentGranted);
    let unserved = Some(StatusCode::ServiceNotSupported);
    assert_eq!(end(consent(verify), unserved, true), OrderEnd::Refused(unserved));
    // A SET that wants to be positioned all the same has misunderstood.
    let (mut lab, invited) = Lab::ordered(consent(verify));
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.end(), Some(StatusCode::UnexpectedMessage));
    assert!(matches!(lab.order_end(), OrderEnd::Failed(_)));
}

#[test]
fn refusals_are_told_as_they_are() {
    for status in [
        StatusCode::ConsentDeniedByUser,
        StatusCode::PosMethodMismatch,
        StatusCode::ProxyModeNotSupported,
        StatusCode::IncompatibleProtectionLevel,
        StatusCode::VersionNotSupported,
        StatusCode::ResourceShortage,
    ] {
        let (mut lab, invited) = Lab::ordered(order());
        let end = End { ver: Some(invited.invitation.ver), ..End::with(status) };
        lab.message(Version::V2, UlpMessage::End(Box::new(end)));
        let expected = match status {
            StatusCode::ConsentDeniedByUser => OrderEnd::ConsentDenied,
            status => OrderEnd::Refused(Some(status)),
        };
        assert_eq!(lab.order_end(), expected);
    }
    // An end with a hash of something else is nobody's answer.
    let (mut lab, _) = Lab::ordered(order());
    let end = End { ver: Some([1; 8]), ..End::with(StatusCode::ConsentDeniedByUser) };
    lab.message(Version::V2, UlpMessage::End(Box::new(end)));
    assert!(matches!(lab.order_end(), OrderEnd::Failed(_)));
}

#[test]
fn an_end_with_a_position_is_an_answer() {
    let (mut lab, invited) = Lab::ordered(order());
    let position = Some(Position { time: lab.now.utc, shape: somewhere(), velocity: None });
    let end = End { position, ver: Some(invited.invitation.ver), ..End::default() };
    lab.message(Version::V2, UlpMessage::End(Box::new(end)));
    assert_eq!(lab.order_end(), OrderEnd::Completed);
    assert_eq!(lab.told().len(), 1);
}

#[test]
fn a_set_in_non_proxy_mode_is_told() {
    for version in [Version::V1, Version::V2] {
        let (mut lab, invited) = Lab::ordered(order());
        let ver = Some(ulp::ver(version, &policy().slp, &invited.invitation.octets));
        lab.message(version, UlpMessage::AuthReq(Box::new(AuthReq { ver, capabilities: None })));
        assert_eq!(lab.end(), Some(StatusCode::NonProxyModeNotSupported));
        let OrderEnd::Failed(failure) = lab.order_end() else { panic!() };
        assert_eq!(failure.kind(), "non-proxy");
        let (mut lab, _) = Lab::ordered(order());
        lab.message(version, UlpMessage::AuthReq(Box::default()));
        assert_eq!(lab.end(), Some(StatusCode::AuthSuplInitFailure));
    }
}

#[test]
fn the_deadline_brings_the_best_there_is() {
    // Nothing better than the cell.
    let (mut lab, _) = asked_for_position(order());
    lab.pass(Duration::from_secs(40));
    lab.input(Input::Timeout);
    let UlpMessage::End(end) = lab.only().message else { panic!() };
    assert!(end.status.is_none() && end.position.is_some());
    assert_eq!(lab.order_end(), OrderEnd::Completed);
    assert!(lab.told().last().is_some_and(|(_, met)| !met));
    assert_eq!(lab.positions()[0].estimate.method, PositionMethod::CellId);
    assert_eq!(lab.record().qop_met, Some(false));

    // Nothing at all.
    let (mut lab, invited) = Lab::ordered(order());
    lab.cells = Cells(None);
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert!(lab.session.next_timeout().unwrap() <= invited.order.deadline);
    lab.pass(Duration::from_secs(40));
    lab.input(Input::Timeout);
    assert_eq!(lab.end(), Some(StatusCode::PosMethodFailure));
    let OrderEnd::Failed(failure) = lab.order_end() else { panic!() };
    assert!(failure.is_timeout() && lab.told().is_empty());
}

#[test]
fn the_set_is_given_the_time_that_there_is() {
    let quick = Order { deadline: testing::sky::now().mono + Duration::from_secs(8), ..order() };
    let (lab, _) = asked_for_position(quick);
    let seconds = sent(&lab.all).iter().find_map(|pdu| match &pdu.message {
        UlpMessage::Pos(Pos { payload: PosPayload::Lpp(messages), .. }) => {
            messages.iter().find_map(|m| match LppMessage::decode(m, lab.now.gps()).unwrap().body {
                Some(crate::wire::lpp::LppBody::RequestLocationInformation(r)) => {
                    r.common.and_then(|c| c.qos).and_then(|q| q.response_time)
                }
                _ => None,
            })
        }
        _ => None,
    });
    assert!(seconds.is_some_and(|s| (3..=7).contains(&s.as_secs())), "{seconds:?}");
}

#[test]
fn a_cell_that_is_exact_enough_ends_it_at_once() {
    let coarse = QualityOfPosition { horizontal_m: Some(2000.0), ..QualityOfPosition::default() };
    let (mut lab, invited) = Lab::ordered(Order { qop: Some(coarse), ..order() });
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.end(), None);
    assert_eq!(lab.order_end(), OrderEnd::Completed);
    assert!(matches!(lab.told()[..], [(_, true)]));
    assert_eq!(lab.record().pos_method, Some("ecid"));
    // Who names a method wants that method.
    let method = Some(PosMethod::AgnssSetBased);
    let (mut lab, invited) = Lab::ordered(Order { qop: Some(coarse), method, ..order() });
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.session.state_name(), "positioning");
}

#[test]
fn a_method_that_the_set_lacks() {
    let method = Some(PosMethod::AgnssSetAssisted);
    let (mut lab, invited) = Lab::ordered(Order { method, ..order() });
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.session.state_name(), "positioning");
    let strict = Policy { fall_back: false, ..policy() };
    let (mut lab, invited) = Lab::ordered_with(Order { method, ..order() }, strict);
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodMismatch));
    assert!(matches!(lab.order_end(), OrderEnd::Failed(_)));
    // Nothing in common but the cell, whose position is taken for want of a better.
    let nothing =
        SetCapabilities { aflt: true, protocols: capabilities(true).protocols, ..SetCapabilities::default() };
    let (mut lab, invited) = Lab::ordered(order());
    lab.message(Version::V2, answer(&invited, Version::V2, nothing.clone()));
    assert_eq!((lab.end(), lab.order_end()), (None, OrderEnd::Completed));
    let (mut lab, invited) = Lab::ordered(order());
    lab.cells = Cells(None);
    lab.message(Version::V2, answer(&invited, Version::V2, nothing));
    assert_eq!(lab.end(), Some(StatusCode::PosMethodMismatch));
    // No protocol.
    let mute = SetCapabilities {
        protocols: PosProtocols { tia801: true, ..PosProtocols::default() },
        ..capabilities(true)
    };
    let (mut lab, invited) = Lab::ordered(order());
    lab.message(Version::V2, answer(&invited, Version::V2, mute));
    assert_eq!(lab.end(), Some(StatusCode::PosProtocolMismatch));
}

fn by_location(kind: Asked) -> Order {
    let notification = Notification {
        kind,
        requestor: Some(Name::logical("Leitstelle")),
        by_location: true,
        ..Notification::default()
    };
    Order { notification: Some(notification), ..order() }
}

#[test]
fn consent_by_the_place() {
    for (kind, said, allowed) in [
        (Asked::Notify, None, true),
        (Asked::Notify, Some(true), true),
        (Asked::VerifyAllowIfNoAnswer, Some(true), true),
        (Asked::VerifyAllowIfNoAnswer, Some(false), false),
        (Asked::VerifyDenyIfNoAnswer, Some(true), true),
        (Asked::VerifyDenyIfNoAnswer, Some(false), false),
        (Asked::VerifyDenyIfNoAnswer, None, false),
        (Asked::Notify, Some(false), false),
    ] {
        let (mut lab, _) = asked_for_position(by_location(kind));
        give_position(&mut lab);
        assert_eq!(lab.session.state_name(), "await-notify");
        let UlpMessage::Notify(notify) = lab.only().message else { panic!() };
        assert_eq!(notify.requestor.as_ref().unwrap().0, b"Leitstelle");
        assert_ne!(notify.kind, NotificationType::None);
        // Until the user has said so, nobody hears of it.
        assert!(lab.told().is_empty() && lab.positions().is_empty());
        lab.message(Version::V2, UlpMessage::NotifyResponse(said));
        if allowed {
            assert_eq!((lab.end(), lab.order_end()), (None, OrderEnd::Completed));
            assert_eq!((lab.told().len(), lab.positions().len()), (1, 1));
        } else {
            assert_eq!(lab.end(), Some(StatusCode::ConsentDeniedByUser));
            assert_eq!(lab.order_end(), OrderEnd::ConsentDenied);
            assert!(lab.told().is_empty() && lab.positions().is_empty());
        }
    }
}

#[test]
fn silence_after_notify() {
    for (kind, allowed) in
        [(Asked::Notify, true), (Asked::VerifyAllowIfNoAnswer, true), (Asked::VerifyDenyIfNoAnswer, false)]
    {
        let (mut lab, invited) = asked_for_position(by_location(kind));
        give_position(&mut lab);
        assert!(lab.session.next_timeout().unwrap() <= invited.order.deadline);
        lab.wake();
        let end = if allowed { OrderEnd::Completed } else { OrderEnd::ConsentDenied };
        assert_eq!(lab.order_end(), end);
        assert_eq!(lab.told().len(), usize::from(allowed));
        // A SET that goes away instead has not consented.
        let (mut lab, _) = asked_for_position(by_location(kind));
        give_position(&mut lab);
        lab.input(Input::Disconnected);
        assert_eq!(lab.order_end(), OrderEnd::Left);
        assert!(lab.told().is_empty() && lab.positions().is_empty());
    }
}

#[test]
fn an_emergency_asks_nobody() {
    let urgent = Order { emergency: true, ..by_location(Asked::VerifyDenyIfNoAnswer) };
    let (mut lab, invited) = asked_for_position(urgent);
    let UlpMessage::Init(init) = UlpPdu::decode(&invited.invitation.octets).unwrap().message else {
        panic!()
    };
    let notification = init.notification.unwrap();
    assert_eq!((notification.kind, notification.emergency), (NotificationType::PrivacyOverride, true));
    assert!(!init.notify_by_location && init.e_slp_address.is_some());
    give_position(&mut lab);
    assert_eq!(lab.order_end(), OrderEnd::Completed);
}

#[test]
fn an_emergency_is_served_where_others_are_turned_away() {
    for emergency in [false, true] {
        let (mut lab, invited) = Lab::ordered(Order { emergency, ..order() });
        let params = Params {
            slp_session: SLP_ID,
            peer: PeerIdentity { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), certificate: None },
            opened: lab.now,
            policy: Arc::new(policy()),
        };
        lab.session = Session::refusing(params);
        lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
        if emergency {
            assert_eq!(lab.session.state_name(), "positioning");
            // That the order is claimed and found no more does not turn it away now.
            lab.message(Version::V2, lpp_pos(&[LppMessage::default()]));
            assert_eq!(lab.session.state_name(), "positioning");
        } else {
            assert_eq!(lab.end(), Some(StatusCode::ResourceShortage));
            let OrderEnd::Failed(failure) = lab.order_end() else { panic!() };
            assert_eq!(failure.kind(), "overload");
        }
    }
}

#[test]
fn what_is_not_wanted_any_more_ends() {
    for why in [Revocation::Superseded, Revocation::Cancelled] {
        let (mut lab, _) = asked_for_position(order());
        lab.input(Input::Revoked(why));
        assert_eq!(lab.end(), Some(StatusCode::SessionStopped));
        assert_eq!(lab.order_end(), OrderEnd::Revoked(why));
        // A session of a SET that came by itself goes on.
        let mut lab = Lab::new();
        lab.message(Version::V2, start(capabilities(true)));
        lab.input(Input::Revoked(why));
        assert_eq!(lab.session.state_name(), "await-pos-init");
    }
}

#[test]
fn a_position_in_pos_init() {
    let stated = |radius_m: f64| Position {
        time: testing::sky::now().utc,
        shape: Shape::Ellipse {
            at: GeoPoint::new(50.0, 4.0).unwrap(),
            ellipse: Ellipse::circle(radius_m, Some(68)),
        },
        velocity: None,
    };
    for (radius_m, enough) in [(10.0, true), (300.0, false)] {
        let (mut lab, invited) = Lab::ordered(order());
        let message = PosInit {
            position: Some(stated(radius_m)),
            ver: Some(invited.invitation.ver),
            ..pos_init(capabilities(true))
        };
        lab.message(Version::V2, UlpMessage::PosInit(Box::new(message)));
        assert_eq!(lab.session.is_closed(), enough);
        let exact = |(shape, _): &(Shape, bool)| shape.horizontal_uncertainty_m().unwrap() < 400.0;
        assert!(lab.told().last().is_some_and(exact));
    }
}

#[test]
fn a_reference_for_those_whose_cell_is_unknown() {
    let area = Some(Shape::Circle { at: GeoPoint::new(50.0, 4.0).unwrap(), radius_m: 20_000.0 });
    let (mut lab, invited) = Lab::ordered(Order { area, ..order() });
    lab.cells = Cells(None);
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    lab.input(Input::Disconnected);
    assert_eq!(lab.record().reference, Some(ReferenceSource::Area));
    assert_eq!(lab.order_end(), OrderEnd::Left);
}

#[test]
fn other_first_messages_do_not_answer_an_order() {
    for (message, status) in [
        (UlpMessage::NotifyResponse(None), StatusCode::UnexpectedMessage),
        (lpp_pos(&[LppMessage::default()]), StatusCode::UnexpectedMessage),
    ] {
        let (mut lab, _) = Lab::ordered(order());
        lab.message(Version::V2, message);
        assert_eq!(lab.end(), Some(status));
        let OrderEnd::Failed(failure) = lab.order_end() else { panic!() };
        assert_eq!(failure.status(), status);
    }
}

#[test]
fn without_assistance_to_ask_for_the_position_is_asked_for_all_the_same() {
    let mut policy = policy();
    policy.positioning.ask_position = false;
    let (mut lab, invited) = Lab::ordered_with(order(), policy);
    lab.message(Version::V2, answer(&invited, Version::V2, capabilities(true)));
    lab.message(Version::V2, lpp_pos(&[lpp(server(0), true, told())]));
    while !asks_position(&lab) && !lab.session.is_closed() {
        lab.wake();
    }
    assert!(asks_position(&lab));
}

#[test]
fn an_estimate_is_no_secret_of_debug() {
    let event = OrderEvent::Position {
        estimate: Box::new(LocationEstimate {
            shape: somewhere(),
            time: testing::sky::now().utc,
            method: PositionMethod::Unknown,
            velocity: None,
        }),
        qop_met: true,
    };
    let shown = format!("{event:?} {:?} {:?}", order(), by_location(Asked::Notify));
    assert!(
        !shown.contains("50.001") && !shown.contains("49170") && !shown.contains("Leitstelle"),
        "{shown}"
    );
}

#[test]
fn kinds_have_names() {
    assert_eq!(OrderEnd::Revoked(Revocation::Superseded).name(), "superseded");
    assert_eq!(MessageKind::AuthReq.name(), "SUPL AUTH REQ");
    assert_eq!(ni::NoOrders.find([0; 4]), None);
}
