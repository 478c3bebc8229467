//! Asked, called, found.

use std::time::Duration;

use groma::base::PositionMethod;
use groma::base::cell::{CellId, Plmn};
use groma::handset::{Discard, Heard, Payload, SuplVersion};
use groma::service::{LocateError, LocateRequest, MethodFault, Origin};
use groma::slc::ni::StatusCode;

use super::town::{Town, answered, off};
use crate::support::raw::TLS;

/// One question to a handset of a kind, in a town of a kind.
async fn one(town: &mut Town, n: u8, version: SuplVersion, payload: Payload) -> (f64, PositionMethod) {
    let mut heard = town.handset(n, |h| (h.session.version, h.session.payload) = (version, payload)).await;
    let located = town.service().locate(town.request("tracker", n)).await.expect("a position");
    assert_eq!(located.origin, Origin::Fresh);
    let report = answered(&mut heard).await;
    assert!(report.answered(), "{}", report.verdict());
    off(&located, n)
}

/// Both versions on both sides, both protocols.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_protocols() {
    for called_in in ["1.0", "2.0"] {
        let mut town = Town::with(called_in, |_| ()).await;
        let kinds = [
            (1, SuplVersion::V1, Payload::Rrlp),
            (2, SuplVersion::V2, Payload::Rrlp),
            (3, SuplVersion::V2, Payload::Lpp),
        ];
        for (n, version, payload) in kinds {
            let (off_m, method) = one(&mut town, n, version, payload).await;
            let what = format!("called in {called_in}: {version:?} {payload:?}");
            assert!(off_m < 50.0 && method == PositionMethod::AgnssMsBased, "{what}: {off_m} m, {method:?}");
        }
        town.quiet().await;
        town.stop().await;
    }
}

/// The server computes where it offers nothing else, and the cell is all where that is all it offers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_of_the_server() {
    let mut town = Town::with("2.0", |c| {
        let m = &mut c.session.positioning.methods;
        (m.set_based, m.autonomous) = (false, false);
    })
    .await;
    for (n, payload) in [(1, Payload::Rrlp), (2, Payload::Lpp)] {
        let (off_m, method) = one(&mut town, n, SuplVersion::V2, payload).await;
        assert!(off_m < 60.0 && method == PositionMethod::AgnssMsAssisted, "{payload:?}: {off_m} {method:?}");
    }
    town.stop().await;
    let mut town = Town::with("2.0", |c| {
        let m = &mut c.session.positioning.methods;
        (m.set_based, m.set_assisted, m.autonomous) = (false, false, false);
    })
    .await;
    let (_, method) = one(&mut town, 1, SuplVersion::V2, Payload::Lpp).await;
    assert_eq!(method, PositionMethod::CellId);
    town.stop().await;
}

/// SUPL INIT is sent again until the handset comes; over TLS one session comes of it, and one position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_the_init_are_one_session() {
    let mut town = Town::with("2.0", |c| c.push.udp.pause_ms = 50).await;
    let mut heard = town
        .handset(1, |h| {
            h.session.security = TLS;
            // The user is told, and the answer waits for that: meanwhile the INIT comes again.
            h.hesitates = Duration::from_millis(300);
        })
        .await;
    let request = LocateRequest {
        wish: Some(groma::service::PrivacyWish::Ask(groma::service::Asked::Notify)),
        ..town.request("tracker", 1)
    };
    let located = town.service().locate(request).await.expect("a position");
    assert!(located.qos_met && off(&located, 1).0 < 50.0);
    let mut again = 0;
    loop {
        match heard.recv().await {
            Some(Heard::Answered(report)) => {
                assert!(report.answered() && report.tls.is_some() && report.found.server_position.is_some());
                break;
            }
            Some(Heard::Discarded(Discard::Again)) => again += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(again >= 1, "it came again");
    town.stop().await;
}

/// A SET that roams hears cells of which this server knows nothing: it is positioned from here all the same, without the help of
/// a visited SLP, and told so where only cells could have placed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_roams() {
    let abroad = CellId::Lte { plmn: Plmn { mcc: 999, mnc: 99 }, tac: 1, eci: 77 };
    let mut town = Town::open().await;
    let mut heard = town.handset(1, |h| h.session.cells = vec![abroad]).await;
    let located = town.service().locate(town.request("tracker", 1)).await.expect("a position");
    assert!(answered(&mut heard).await.answered());
    assert!(off(&located, 1).0 < 50.0, "{:?}", off(&located, 1));
    town.stop().await;
    let mut town = Town::with("2.0", |c| {
        let m = &mut c.session.positioning.methods;
        (m.set_based, m.set_assisted, m.autonomous) = (false, false, false);
    })
    .await;
    let mut heard = town.handset(1, |h| h.session.cells = vec![abroad]).await;
    let e = town.service().locate(town.request("tracker", 1)).await.expect_err("no position");
    assert_eq!(e, LocateError::Method(MethodFault::NoFix));
    assert_eq!(answered(&mut heard).await.found.status, Some(StatusCode::NoSuplCoverage));
    town.stop().await;
}

/// Many at once: nobody gets another's position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_mixed_up() {
    let mut town = Town::open().await;
    let mut asked = Vec::new();
    for n in 1..=super::town::LISTED {
        let (version, payload) = match n % 3 {
            0 => (SuplVersion::V1, Payload::Rrlp),
            1 => (SuplVersion::V2, Payload::Rrlp),
            _ => (SuplVersion::V2, Payload::Lpp),
        };
        drop(town.handset(n, |h| (h.session.version, h.session.payload) = (version, payload)).await);
        let client = if n % 2 == 0 { "psap" } else { "tracker" };
        asked.push((n, town.ask(town.request(client, n))));
    }
    for (n, answer) in asked {
        let located = answer.await.expect("an end").expect("a position");
        assert!(off(&located, n).0 < 50.0, "{n}: {:?}", off(&located, n));
    }
    town.quiet().await;
    town.stop().await;
}
