//! Answers that come later, reports that nobody asked for, and what becomes of those that nobody takes.

use std::time::Duration;

use groma::base::time::Clock;
use groma::le::mlp::ResultCode;
use groma::le::mlp::model::Body;
use groma::le::mlp::receiver::Manners;

use super::house::{Act, House, Setup, TOWN, msids, msisdn, request, results, text_of};

fn asynchronous(numbers: &[u32], more: &str) -> String {
    format!("<slir res_type=\"ASYNC\">{}{more}</slir>", msids(numbers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_at_once_and_the_positions_later() {
    let house = House::new().await;
    house.script(&msisdn(2), Act::Gone);
    for version in ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"] {
        let answer = house.service("tracker", version, &asynchronous(&[1, 2], "")).await;
        let name = text_of(&answer, "req_id").unwrap().to_owned();
        assert!(!answer.contains("<pos"), "{answer}");
        let (text, document) = house.report().await;
        assert!(matches!(document.body, Body::Slirep(_)), "{text}");
        assert_eq!(text_of(&text, "req_id"), Some(name.as_str()));
        assert!(text.contains(&format!("<svc_result ver=\"{version}\"")), "{text}");
        assert_eq!(results(&text), [5]);
        assert!(text.contains("<pd>"));
        // The server shows itself with what the profile says.
        assert_eq!((text_of(&text, "id"), text_of(&text, "pwd")), (Some("groma"), Some("secret")));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_go_where_the_request_says_if_the_profile_allows() {
    let house = House::new().await;
    let push = |url: &str| {
        asynchronous(&[1], &format!("<pushaddr><url>{url}</url><id>me</id><pwd>pw</pwd></pushaddr>"))
    };
    let here = format!("http://localhost:{}/x", house.reports_at.port());
    house.service("tracker", "3.4.0", &push(&here)).await;
    let (text, _) = house.report().await;
    assert_eq!((text_of(&text, "id"), text_of(&text, "pwd")), (Some("me"), Some("pw")));
    let code = async |url: &str| results(&house.service("tracker", "3.4.0", &push(url)).await);
    assert_eq!(code("http://169.254.169.254/latest").await, [110]);
    assert_eq!(code("http://localhost.evil.example/").await, [110]);
    assert_eq!(code("http://127.0.0.1@evil.example/").await, [105]);
    assert_eq!(code("file:///etc/passwd").await, [105]);
    // A profile without a place for reports, and a request without one.
    let none = results(&house.service("operator", "3.4.0", &asynchronous(&[1], "")).await);
    assert_eq!(none, [110]);
    assert!(house.no_report().await);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_positions_come_first_and_the_last_one_last() {
    let house = House::new().await;
    house.script(&msisdn(1), Act::Positions(vec![900.0, 300.0, 10.0]));
    let call = format!(
        "<eme_lir res_type=\"ASYNC\">{}<eqop><hor_acc>20</hor_acc></eqop><loc_type type=\"CURRENT_AND_INTERMEDIATE\"/>\
         </eme_lir>",
        msids(&[1])
    );
    let answer = house.service("psap", "3.5.0", &call).await;
    assert!(text_of(&answer, "req_id").is_some(), "{answer}");
    let mut radii = Vec::new();
    loop {
        let (text, document) = house.report().await;
        assert!(matches!(document.body, Body::EmeLirep(_)), "{text}");
        radii.push(text_of(&text, "radius").unwrap().to_owned());
        if !text.contains("INTERMEDIATE") {
            break;
        }
    }
    assert!(radii.len() > 1 && radii.last().unwrap() == "10", "{radii:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_later() {
    let house = House::new().await;
    house.heard(&msisdn(1), TOWN, 8.0, Clock::system().now().utc).await;
    let hlir = "<hlir res_type=\"ASYNC\"><msid type=\"MSISDN\">491700000001</msid></hlir>";
    let answer = house.service("tracker", "3.4.0", hlir).await;
    let name = text_of(&answer, "req_id").unwrap().to_owned();
    let (mut text, mut document) = house.report().await;
    // The same position is also reported by itself to this client.
    if matches!(document.body, Body::Slrep(_)) {
        (text, document) = house.report().await;
    }
    assert!(matches!(document.body, Body::Hlirep(_)), "{text}");
    assert_eq!(text_of(&text, "req_id"), Some(name.as_str()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handsets_that_report_themselves_are_told_to_those_who_may_know() {
    let house = House::new().await;
    house.heard(&msisdn(1), TOWN, 12.0, Clock::system().now().utc).await;
    let (text, document) = house.report().await;
    assert!(matches!(document.body, Body::Slrep(_)), "{text}");
    assert!(text.contains("491700000001") && text_of(&text, "radius") == Some("12"), "{text}");
    // One that the client may not know of is not.
    let stranger = groma::base::SetId::Msisdn("15550001".parse().unwrap());
    house.heard(&stranger, TOWN, 12.0, Clock::system().now().utc).await;
    house.heard(&msisdn(2), TOWN, 13.0, Clock::system().now().utc).await;
    let (text, _) = house.report().await;
    assert!(text.contains("491700000002"), "{text}");
    // A client that does not accept the report gets it no more.
    let verdict = ResultCode::STANDARD_LOCATION_REPORT_SERVICE_NOT_ACCEPTED;
    house.receiver.behave(Manners { verdict, ..Manners::default() });
    house.heard(&msisdn(3), TOWN, 14.0, Clock::system().now().utc).await;
    house.report().await;
    house.until("a dead letter", |h| !h.outbox.overview().dead.is_empty()).await;
    let dead = house.outbox.overview().dead;
    assert!(
        dead[0].reason.starts_with("603") && dead[0].kind == "slrep" && dead[0].attempts == 1,
        "{dead:?}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_is_tried_again_in_order() {
    let house = House::new().await;
    house.receiver.behave(Manners { status: 500, ..Manners::default() });
    let triggered =
        format!("<tlrr>{}<interval>00000001</interval><duration>00000002</duration></tlrr>", msids(&[1]));
    let answer = house.service("tracker", "3.4.0", &triggered).await;
    let name = text_of(&answer, "req_id").unwrap().to_owned();
    let (first, _) = house.report().await;
    house.until("two wait", |h| h.outbox.overview().waiting.get("tracker").is_some_and(|n| *n >= 2)).await;
    house.receiver.behave(Manners::default());
    // The first again, then the others as they were written.
    let mut times = vec![text_of(&first, "time").unwrap().to_owned()];
    while times.len() < 4 {
        let (text, _) = house.report().await;
        assert_eq!(text_of(&text, "req_id"), Some(name.as_str()));
        times.push(text_of(&text, "time").unwrap().to_owned());
    }
    assert_eq!(times[0], times[1]);
    assert!(times.is_sorted(), "{times:?}");
    house.until("nothing waits", |h| h.outbox.overview().waiting.is_empty()).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_answered_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::at(dir.path(), Setup::default(), None).await;
    let reports_at = house.reports_at;
    house.script(&msisdn(1), Act::Silent);
    house.receiver.behave(Manners { status: 503, ..Manners::default() });
    let waiting = house.service("tracker", "3.4.0", &asynchronous(&[1], "")).await;
    let waiting = text_of(&waiting, "req_id").unwrap().to_owned();
    let done = house.service("tracker", "3.4.0", &asynchronous(&[2], "")).await;
    let done = text_of(&done, "req_id").unwrap().to_owned();
    house.until("a report waits", |h| !h.outbox.overview().waiting.is_empty()).await;
    house.close().await;
    // Its sockets and its store are let go of by tasks that end by themselves.
    let mut house = None;
    for _ in 0..200 {
        let store = groma::store::Config { path: dir.path().join("store"), ..Default::default() };
        if groma::store::SledStore::open(&store).is_ok() && std::net::TcpListener::bind(reports_at).is_ok() {
            house = Some(House::at(dir.path(), Setup::default(), Some(reports_at)).await);
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let house = house.expect("the store and the port are free");
    let mut named = Vec::new();
    while !(named.contains(&waiting) && named.contains(&done)) {
        let (text, _) = house.report().await;
        named.push(text_of(&text, "req_id").unwrap().to_owned());
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_in_the_store_hold_no_login() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::at(dir.path(), Setup::default(), None).await;
    house.script(&msisdn(1), Act::Silent);
    let body = asynchronous(&[1], "<pushaddr><url>http://localhost:1/</url></pushaddr>");
    let mut xml = request("tracker", "3.4.0", &body);
    xml = xml.replace(
        "<pwd>tracker</pwd></client>",
        "<pwd>tracker</pwd></client><subclient><id>s</id><pwd>hush-hush</pwd></subclient>",
    );
    assert!(text_of(&house.ask(&xml).await, "req_id").is_some());
    house.close().await;
    for file in walk(&dir.path().join("store")) {
        let octets = std::fs::read(&file).unwrap();
        for secret in [&b"hush-hush"[..], b"<pwd>tracker"] {
            assert!(!octets.windows(secret.len()).any(|w| w == secret), "{}", file.display());
        }
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
