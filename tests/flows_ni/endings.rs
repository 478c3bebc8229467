//! How a request can end otherwise than with a fresh position, and what the SET and the client are told.

use std::time::{Duration, Instant};

use groma::base::QualityOfPosition;
use groma::service::{
    Absence, Asked, Congestion, LocateError, LocateRequest, MethodFault, PrivacyWish, QopPart, QosClass,
    Refusal, SystemFault,
};
use groma::slc::ni::{PosMethod, StatusCode};
use groma::wire::ulp::{AuthReq, End, UlpMessage};

use super::town::{Town, answered, off, pos_init, target, until};

fn end(status: StatusCode, ver: [u8; 8]) -> UlpMessage {
    UlpMessage::End(Box::new(End { ver: Some(ver), ..End::with(status) }))
}

/// What the SET says in SUPL END, and what whoever asked is told of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_set() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let not_supported = LocateError::Method(MethodFault::NotSupported);
    let user = LocateError::NotAllowed(Refusal::User);
    for (status, expected) in [
        (StatusCode::ConsentDeniedByUser, user),
        (StatusCode::PositioningNotPermitted, user),
        (StatusCode::NonProxyModeNotSupported, not_supported),
        (StatusCode::ProxyModeNotSupported, not_supported),
        (StatusCode::ServiceNotSupported, not_supported),
        (StatusCode::PosMethodMismatch, LocateError::Method(MethodFault::Mismatch)),
        (StatusCode::PosProtocolMismatch, LocateError::Method(MethodFault::Mismatch)),
        (StatusCode::PosMethodFailure, LocateError::Method(MethodFault::NoFix)),
        (StatusCode::ResourceShortage, LocateError::Congestion(Congestion::Target)),
        (StatusCode::TargetSetNotReachable, LocateError::Absent(Absence::Unreachable)),
        (StatusCode::AuthNetFailure, LocateError::System(SystemFault::Authentication)),
        (
            StatusCode::IncompatibleProtectionLevel,
            LocateError::Method(MethodFault::Ended(Some(StatusCode::IncompatibleProtectionLevel))),
        ),
        (StatusCode::SystemFailure, LocateError::Method(MethodFault::Ended(Some(StatusCode::SystemFailure)))),
    ] {
        let asked = town.ask(town.request("tracker", 1));
        let call = radio.call().await;
        let mut line = call.answer(end(status, call.ver())).await;
        assert!(line.hear().await.is_none(), "{status:?}: an end is not answered");
        assert_eq!(asked.await.expect("an end").expect_err("no position"), expected, "{status:?}");
    }
    town.stop().await;
}

/// A SET that lacks version 2.0 is called again in 1.0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_is_tried() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    assert_eq!(call.version.maj, 2);
    call.answer(end(StatusCode::VersionNotSupported, call.ver())).await;
    let call = radio.call().await;
    assert_eq!((call.version.maj, call.init.pos_method), (1, PosMethod::AgpsSetBasedPreferred));
    call.answer(end(StatusCode::VersionNotSupported, call.ver())).await;
    let e = asked.await.expect("an end").expect_err("no position");
    assert_eq!(e, LocateError::Method(MethodFault::NotSupported));
    town.stop().await;
}

/// A hash that is wrong or missing ends the session; the order is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_hash() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    for ver in [None, Some([0xa5; 8])] {
        let asked = town.ask(town.request("tracker", 1));
        let call = radio.call().await;
        let mut line = call.answer(pos_init(ver)).await;
        assert_eq!(line.ended().await, Some(StatusCode::AuthSuplInitFailure));
        let e = asked.await.expect("an end").expect_err("no position");
        assert_eq!(e, LocateError::System(SystemFault::Authentication));
        // The right one comes too late.
        assert_eq!(call.come().await.ended().await, Some(StatusCode::InvalidSessionId));
    }
    town.stop().await;
}

/// Whoever names another session, another SLP or another SET gets nothing and disturbs nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_session() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    let mut others = vec![call.clone(); 3];
    others[0].slp.id[3] ^= 1;
    others[1].slp.slp = groma::base::SlpAddress::Fqdn("h-slp.other.example.net".parse().expect("a name"));
    others[2].me = target(2);
    for other in others {
        let mut line = other.answer(pos_init(Some(call.ver()))).await;
        assert_eq!(line.ended().await, Some(StatusCode::InvalidSessionId));
    }
    assert_eq!(town.service().load().orders_waiting, 1, "the order still waits for its SET");
    let mut line = call.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    // In the middle of it, too.
    line.session.slp.as_mut().expect("an id").id[0] ^= 1;
    line.say(pos_init(Some(call.ver()))).await;
    assert_eq!(line.ended().await, Some(StatusCode::InvalidSessionId));
    assert!(asked.await.expect("an end").is_ok_and(|l| !l.qos_met), "the cell is better than nothing");
    town.stop().await;
}

/// A SET that says nothing, and comes when nobody waits any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_and_lateness() {
    let mut town = Town::with("2.0", |c| c.service.st1_s = 1).await;
    let mut radio = town.radio(1).await;
    let before = Instant::now();
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    let e = asked.await.expect("an end").expect_err("no position");
    assert_eq!(e, LocateError::Absent(Absence::NoAnswer));
    assert!(before.elapsed() < Duration::from_secs(10), "ST1, not the response time");
    assert_eq!(call.come().await.ended().await, Some(StatusCode::InvalidSessionId));
    town.quiet().await;
    town.stop().await;
}

/// Two clients of which the user is told are two sessions beside each other; two of which it is not share one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_beside_each_other() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let (taxi, pizza) = (town.ask(town.request("taxi", 1)), town.ask(town.request("pizza", 1)));
    let calls = [radio.call().await, radio.call().await];
    assert_ne!(calls[0].slp, calls[1].slp);
    for call in &calls {
        let shown = call.init.notification.as_ref().and_then(|n| n.client.clone()).expect("a name").0;
        let status =
            if shown == b"taxi" { StatusCode::ConsentDeniedByUser } else { StatusCode::PosMethodFailure };
        call.answer(end(status, call.ver())).await;
    }
    assert_eq!(taxi.await.expect("an end").expect_err("refused"), LocateError::NotAllowed(Refusal::User));
    let e = pizza.await.expect("an end").expect_err("no position");
    assert_eq!(e, LocateError::Method(MethodFault::NoFix));

    let both = [town.ask(town.request("tracker", 1)), town.ask(town.request("tracker", 1))];
    until("both wait", || town.service().load().requests == 2).await;
    let call = radio.call().await;
    call.answer(end(StatusCode::PosMethodFailure, call.ver())).await;
    for one in both {
        assert_eq!(
            one.await.expect("an end").expect_err("no position"),
            LocateError::Method(MethodFault::NoFix)
        );
    }
    assert_eq!(town.service().load().positionings, 0);
    town.stop().await;
}

/// An emergency ends what runs; who was disturbed by it gets what it finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_takes_precedence() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let ordinary = town.ask(town.request("tracker", 1));
    let mut line = radio.call().await.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))), "positioning has begun");
    let waiting = town.ask(town.request("taxi", 1));
    let waits = radio.call().await;
    let urgent = town.ask(town.request("psap", 1));
    assert_eq!(line.ended().await, Some(StatusCode::SessionStopped));
    let call = radio.call().await;
    assert!(
        call.init.notification.as_ref().is_some_and(|n| n.emergency) && call.init.e_slp_address.is_some()
    );
    // What had not begun yet is over, too.
    assert_eq!(waits.come().await.ended().await, Some(StatusCode::InvalidSessionId));
    let mut line = call.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    let position = groma::wire::ulp::Position {
        time: groma::base::time::Clock::system().now().utc,
        shape: groma::base::Shape::Circle { at: super::town::place(1).at, radius_m: 10.0 },
        velocity: None,
    };
    line.say(UlpMessage::End(Box::new(End { position: Some(position), ..End::default() }))).await;
    let located = urgent.await.expect("an end").expect("a position");
    assert!(off(&located, 1).0 < 20.0 && located.qos_met);
    let located = ordinary.await.expect("an end").expect("a position");
    assert!(off(&located, 1).0 < 20.0);
    // Of what the emergency found, the user need not know; the other client is asked for again.
    let call = radio.call().await;
    assert!(call.init.notification.as_ref().is_some_and(|n| n.client.is_some()));
    call.answer(end(StatusCode::ConsentDeniedByUser, call.ver())).await;
    assert_eq!(waiting.await.expect("an end").expect_err("refused"), LocateError::NotAllowed(Refusal::User));
    town.quiet().await;
    town.stop().await;
}

/// Non-proxy mode is not built: a SET that begins it is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn non_proxy_mode() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    for right in [true, false] {
        let asked = town.ask(town.request("tracker", 1));
        let call = radio.call().await;
        assert!(call.init.proxy);
        let ver = Some(if right { call.ver() } else { [1; 8] });
        let message = UlpMessage::AuthReq(Box::new(AuthReq { ver, capabilities: None }));
        let (status, expected) = if right {
            (StatusCode::NonProxyModeNotSupported, LocateError::Method(MethodFault::NotSupported))
        } else {
            (StatusCode::AuthSuplInitFailure, LocateError::System(SystemFault::Authentication))
        };
        assert_eq!(call.answer(message).await.ended().await, Some(status));
        assert_eq!(asked.await.expect("an end").expect_err("no position"), expected);
    }
    town.stop().await;
}

/// Whoever drops the future ends the session, whether the SET has come or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    let asked = town.ask(town.request("tracker", 1));
    let call = radio.call().await;
    asked.abort();
    town.quiet().await;
    assert_eq!(call.come().await.ended().await, Some(StatusCode::InvalidSessionId));

    let asked = town.ask(town.request("tracker", 1));
    let mut line = radio.call().await.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    asked.abort();
    assert_eq!(line.ended().await, Some(StatusCode::SessionStopped));
    town.quiet().await;

    // As long as one waits, it goes on.
    let (one, two) = (town.ask(town.request("tracker", 1)), town.ask(town.request("tracker", 1)));
    let call = radio.call().await;
    until("both wait", || town.service().load().requests == 2).await;
    one.abort();
    until("one waits", || town.service().load().requests == 1).await;
    call.answer(end(StatusCode::PosMethodFailure, call.ver())).await;
    assert_eq!(two.await.expect("an end").expect_err("no position"), LocateError::Method(MethodFault::NoFix));
    town.stop().await;
}

/// A server that stops answers everybody, and ends every session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping() {
    let mut town = Town::open().await;
    let (mut first, mut second) = (town.radio(1).await, town.radio(2).await);
    let running = town.ask(town.request("tracker", 1));
    let mut line = first.call().await.come().await;
    assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
    let waiting = town.ask(town.request("psap", 2));
    second.call().await;
    until("both are under way", || town.service().load().requests == 2).await;
    let service = town.service().clone();
    let late = town.request("tracker", 3);
    town.stop().await;
    assert_eq!(line.ended().await, Some(StatusCode::SystemFailure));
    // The cell was known by then.
    assert!(running.await.expect("an end").is_ok_and(|l| !l.qos_met));
    let stopping = LocateError::System(SystemFault::Stopping);
    assert_eq!(waiting.await.expect("an end").expect_err("no position"), stopping);
    assert_eq!(service.locate(late).await.expect_err("stopped"), stopping);
    assert_eq!(service.load(), groma::service::Load::default());
}

/// The response time is kept: best effort gives the cell, assured quality gives nothing that misses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_response_time_is_kept() {
    let mut town = Town::open().await;
    let mut radio = town.radio(1).await;
    for class in [QosClass::BestEffort, QosClass::Assured] {
        let request = town.request("tracker", 1);
        let qop = QualityOfPosition { response_time: Some(Duration::from_secs(2)), ..request.qop };
        let before = Instant::now();
        let asked = town.ask(LocateRequest { qop, qos_class: class, ..request });
        let mut line = radio.call().await.come().await;
        assert!(matches!(line.hear().await, Some(UlpMessage::Pos(_))));
        let answer = asked.await.expect("an end");
        assert!(before.elapsed() < Duration::from_secs(6));
        match class {
            QosClass::BestEffort => assert!(answer.is_ok_and(|l| !l.qos_met)),
            QosClass::Assured => {
                let e = answer.expect_err("nothing good enough");
                assert!(matches!(e, LocateError::QopNotAttainable(QopPart::Horizontal(Some(_)))), "{e:?}");
            }
        }
        // The session ends in time, with what there is.
        assert_eq!(line.ended().await, None);
    }
    town.stop().await;
}

/// Nobody there, nobody known: told as it is, and at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there() {
    let mut town = Town::open().await;
    // The address is known, and no socket is there.
    let e = town.service().locate(town.request("tracker", 1)).await.expect_err("nobody");
    assert_eq!(e, LocateError::Absent(Absence::Unreachable));
    // No address, no profile: whether it exists is the emergency centre's to know.
    let e = town.service().locate(town.request("psap", 50)).await.expect_err("nobody");
    assert!(matches!(e, LocateError::UnknownSubscriber | LocateError::Absent(Absence::NoAddress)), "{e:?}");
    let refused = town.service().locate(town.request("shop", 50)).await.expect_err("refused");
    let known = town.service().locate(town.request("shop", 1)).await.expect_err("refused");
    let private = |e| matches!(e, LocateError::NotAllowed(_));
    assert!(private(refused) && private(known), "{refused:?} {known:?}");
    let wish = LocateRequest { wish: Some(PrivacyWish::Ask(Asked::Notify)), ..town.request("tracker", 2) };
    let e = town.service().locate(wish).await.expect_err("nobody");
    assert_eq!(e, LocateError::Absent(Absence::Unreachable));
    town.stop().await;
}

/// The SMSC is down, or takes the connection and says nothing: UDP brings the INIT.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_smsc() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        socket.local_addr().expect("an address").port()
    };
    for port in [gone, silent.local_addr().expect("an address").port()] {
        let secret = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "groma:sesame\n").expect("written");
        let mut town = Town::with("2.0", |c| {
            let push: groma::net::push::Config = toml::from_str(&format!(
                "order = [\"smpp.main\", \"udp\"]\n[smpp.main]\naddress = \"127.0.0.1:{port}\"\n\
                 credentials_file = \"{}\"\nconnect_s = 1\nresponse_s = 1\n",
                secret.path().display()
            ))
            .expect("push");
            (c.push.order, c.push.smpp) = (push.order, push.smpp);
        })
        .await;
        let mut heard = town.handset(1, |_| ()).await;
        let located = town.service().locate(town.request("tracker", 1)).await.expect("a position");
        assert!(off(&located, 1).0 < 50.0);
        assert!(answered(&mut heard).await.answered());
        // Without a bearer that works, that is what is told.
        let mut request = town.request("psap", 60);
        request.qop.response_time = Some(Duration::from_secs(3));
        let e = town.service().locate(request).await.expect_err("no bearer");
        assert!(
            matches!(e, LocateError::System(SystemFault::Bearers) | LocateError::Absent(Absence::NoAnswer)),
            "{e:?}"
        );
        town.stop().await;
    }
}
