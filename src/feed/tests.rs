//! Sources against a real file system and real sockets, on clocks of the tests' own.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::http::Fetcher;
use super::schedule::{Outcome, Schedule};
use super::sources::{Round, ask};
use super::test_support::{Reply, accept, answer, archive, navigation_file, read_request, silent_archive};
use super::*;
use crate::base::broadcast::{Gnss, SatId};
use crate::base::time::Clock;
use crate::base::{GpsTime, Now, Utc};
use crate::gnss::SkyConfig;
use crate::store::{SledStore, Store};

fn noon() -> Now {
    Now { mono: Instant::now(), utc: "2024-03-01T12:20:00Z".parse().unwrap() }
}

fn gz(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn http(url: &str, more: &serde_json::Value) -> HttpConfig {
    let mut config = serde_json::json!({ "url": url });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    serde_json::from_value(config).unwrap()
}

/// A round at the time it is due; the clock moves to the next.
fn step(schedule: &mut Schedule, fetcher: &Fetcher, now: &mut Now) -> (Round, Duration) {
    let due = schedule.due();
    now.utc = now.utc + due.duration_since(now.mono);
    now.mono = due;
    let mut round = ask(fetcher, &schedule.questions(now.utc), now.utc);
    let outcome = std::mem::replace(&mut round.outcome, Outcome::Unchanged);
    let pause = schedule.ended(*now, outcome.clone());
    round.outcome = outcome;
    (round, pause)
}

#[test]
fn an_archive_is_asked_conditionally_backed_off_from_and_returned_to() {
    let mut now = noon();
    let file = gz(&navigation_file(7, now.gps()));
    let reply = |head, body: &[u8]| Reply { head, body: body.to_vec() };
    let (address, requests) = archive(vec![
        reply("200 OK\r\nETag: \"v1\"\r\nLast-Modified: Fri, 01 Mar 2024 12:00:00 GMT", &file),
        reply("304 Not Modified", b""),
        reply("500 Internal Server Error", b"oops"),
        reply("503 Service Unavailable\r\nRetry-After: 1000", b""),
        reply("200 OK", b"<html>please log in</html>"),
        reply("200 OK\r\nETag: \"v2\"", &file[..file.len() / 2]),
        reply("200 OK\r\nETag: \"v2\"", &file),
    ]);
    let config = http(&format!("http://me:secret@{address}/brdc/day.rnx.gz"), &serde_json::json!({}));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    let near = |pause: Duration, s: u64| pause.as_secs() >= s && pause.as_secs() <= s + s / 10;

    let (round, pause) = step(&mut schedule, &fetcher, &mut now);
    let (update, report) = round.data.unwrap();
    assert_eq!((update.source.as_str(), report.total()), ("day.rnx.gz", 1));
    assert_eq!(update.ephemerides[0].sat(), SatId { gnss: Gnss::Gps, number: 7 });
    assert!(near(pause, 3600), "{pause:?}");
    let request = requests.recv().unwrap().to_lowercase();
    assert!(request.starts_with("get /brdc/day.rnx.gz http/1.1"), "{request}");
    assert!(
        request.contains("authorization: basic bwu6c2vjcmv0") && !request.contains("if-none-match"),
        "{request}"
    );

    let (round, pause) = step(&mut schedule, &fetcher, &mut now);
    assert!(round.outcome == Outcome::Unchanged && round.data.is_none() && near(pause, 3600));
    let request = requests.recv().unwrap().to_lowercase();
    assert!(request.contains("if-none-match: \"v1\""), "{request}");
    assert!(request.contains("if-modified-since: fri, 01 mar 2024 12:00:00 gmt"), "{request}");

    for (seconds, says) in [(30, "500"), (1000, "503"), (120, "cannot be used"), (240, "breaks off")] {
        let (round, pause) = step(&mut schedule, &fetcher, &mut now);
        let error = round.error.unwrap().to_string();
        assert!(error.contains(says) && near(pause, seconds), "{error} {pause:?}");
        assert!(!error.contains("secret") && !error.contains("http:"), "{error}");
        assert!(requests.recv().unwrap().contains("\"v1\""), "what is known stays known");
    }
    let (round, pause) = step(&mut schedule, &fetcher, &mut now);
    assert!(round.data.is_some() && near(pause, 3600) && schedule.failures() == 0);
}

#[test]
fn yesterdays_file_serves_until_todays_is_there() {
    let mut now = noon();
    let (address, requests) = archive(vec![
        Reply { head: "404 Not Found", body: Vec::new() },
        Reply { head: "200 OK", body: navigation_file(1, now.gps()).into_bytes() },
        Reply { head: "404 Not Found", body: Vec::new() },
        Reply { head: "404 Not Found", body: Vec::new() },
    ]);
    let config = http(&format!("http://{address}/{{yyyy}}/{{doy}}.rnx"), &serde_json::json!({}));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    assert!(step(&mut schedule, &fetcher, &mut now).0.data.is_some());
    assert!(requests.recv().unwrap().starts_with("GET /2024/061.rnx"));
    assert!(requests.recv().unwrap().starts_with("GET /2024/060.rnx"));
    let error = step(&mut schedule, &fetcher, &mut now).0.error.unwrap().to_string();
    assert!(error.contains("nothing at that address"), "{error}");
}

#[test]
fn large_and_silent_answers_are_cut_off() {
    let mut now = noon();
    let (address, _requests) = archive(vec![Reply { head: "200 OK", body: vec![b'x'; 5000] }]);
    let config = http(&format!("http://{address}/"), &serde_json::json!({ "max_bytes": 1000 }));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    let error = step(&mut schedule, &fetcher, &mut now).0.error.unwrap().to_string();
    assert!(error.contains("larger than 1000 bytes"), "{error}");

    let (address, _keep) = silent_archive();
    let config = http(&format!("http://{address}/?token=t"), &serde_json::json!({ "timeout_s": 1 }));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    let error = step(&mut schedule, &fetcher, &mut now).0.error.unwrap().to_string();
    assert!(error.contains("no answer in time"), "{error}");
}

#[test]
fn archives_over_tls_are_trusted_by_configured_authorities_only() {
    let dir = tempfile::tempdir().unwrap();
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, key.cert.pem()).unwrap();
    let private = rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let tls = Arc::new(tls);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut now = noon();
    let body = navigation_file(3, now.gps()).into_bytes();
    std::thread::spawn(move || {
        for _ in 0..2 {
            let connection = rustls::ServerConnection::new(Arc::clone(&tls)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, accept(&listener));
            read_request(&mut stream);
            answer(&mut stream, &Reply { head: "200 OK", body: body.clone() });
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let url = format!("https://localhost:{port}/x.rnx");
    let config = http(&url, &serde_json::json!({}));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    let error = step(&mut schedule, &fetcher, &mut now).0.error.unwrap().to_string();
    assert!(error.contains("certificate"), "{error}");

    let config = http(&url, &serde_json::json!({ "ca_file": ca_file }));
    let fetcher = Fetcher::new(&config).unwrap();
    let mut schedule = Schedule::new(config, now.mono, 3);
    assert!(step(&mut schedule, &fetcher, &mut now).0.data.is_some());

    std::fs::write(&ca_file, "nothing").unwrap();
    let config = http(&url, &serde_json::json!({ "ca_file": ca_file }));
    assert!(matches!(Fetcher::new(&config), Err(FeedError::Authorities { .. })));
}

/// Waits for something that tasks bring about, while time, which is paused, jumps from one due timer to the next.
async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let patience = Instant::now();
    while patience.elapsed() < Duration::from_secs(20) {
        if done() {
            return;
        }
        tokio::time::advance(Duration::from_millis(100)).await;
        // The threads of the store and of blocking reads run in real time: give way to them.
        tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
    }
    panic!("{what} never happened");
}

fn directory(path: &std::path::Path) -> Config {
    let dir = DirectoryConfig { path: path.to_owned(), scan_s: 30 };
    Config { sources: vec![SourceConfig::Directory(dir)], ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn what_a_directory_brought_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let incoming = dir.path().join("in");
    std::fs::create_dir(&incoming).unwrap();
    let clock = Clock::starting_at("2024-03-01T12:20:00Z".parse().unwrap());
    let t = clock.now().gps();
    std::fs::write(incoming.join("nav.rnx"), navigation_file(9, t)).unwrap();
    std::fs::write(incoming.join("bad.rnx"), "garbage\n").unwrap();
    let store = || -> Arc<dyn Store> {
        let config = crate::store::Config { path: dir.path().join("store"), ..Default::default() };
        Arc::new(SledStore::open(&config).unwrap())
    };
    let sat = SatId { gnss: Gnss::Gps, number: 9 };
    {
        let stop = CancellationToken::new();
        let kept = store();
        let feed = Feed::start(
            &directory(&incoming),
            SkyConfig::default(),
            clock,
            Some(Arc::clone(&kept)),
            stop.clone(),
        )
        .await
        .unwrap();
        assert!(feed.sky().is_empty(t));
        eventually("an ephemeris", || feed.sky().ephemeris(sat, t).is_some()).await;
        let status = feed.status();
        assert_eq!((status.len(), status[0].kind, status[0].records), (1, "directory", 1));
        assert!(status[0].last_success.is_some() && status[0].failures == 1);
        // Durable before the next: the record is in the store once the queue is empty.
        eventually("a record", || kept.load_sky(t).wait().is_ok_and(|r| !r.is_empty())).await;
        stop.cancel();
        feed.stopped().await;
    }
    // The files are gone; the store knows.
    std::fs::remove_dir_all(&incoming).unwrap();
    let stop = CancellationToken::new();
    let feed = Feed::start(&directory(&incoming), SkyConfig::default(), clock, Some(store()), stop.clone())
        .await
        .unwrap();
    assert!(feed.sky().ephemeris(sat, t).is_some(), "known at once");
    assert_eq!(feed.sky().entries_of(sat)[0].origin.as_ref(), "nav.rnx");
    stop.cancel();
    feed.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn the_expired_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::store::Config { path: dir.path().join("store"), ..Default::default() };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&config).unwrap());
    let t = GpsTime::from_utc("2024-03-01T12:00:00Z".parse().unwrap());
    let file = dir.path().join("nav.rnx");
    std::fs::write(&file, navigation_file(9, t)).unwrap();
    import_into(&*store, &SkyConfig::default().max_age, &[file], Utc::from_unix_s(0)).unwrap();
    let none = Config { sources: Vec::new(), ..Config::default() };
    for (time, known) in [("2024-03-01T12:30:00Z", true), ("2024-03-01T14:30:00Z", false)] {
        let clock = Clock::starting_at(time.parse().unwrap());
        let stop = CancellationToken::new();
        let feed = Feed::start(&none, SkyConfig::default(), clock, Some(Arc::clone(&store)), stop.clone());
        let feed = feed.await.unwrap();
        assert_eq!(feed.sky().entries().count() == 1, known, "{time}");
        stop.cancel();
        feed.stopped().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_simulated_sky_is_there_at_once_marked_and_never_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::store::Config { path: dir.path().join("store"), ..Default::default() };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&config).unwrap());
    let clock = Clock::system();
    let stop = CancellationToken::new();
    let feed = Feed::start(
        &Config::simulated(),
        SkyConfig::default(),
        clock,
        Some(Arc::clone(&store)),
        stop.clone(),
    )
    .await
    .unwrap();
    let now = clock.now().gps();
    assert!(feed.sky().simulated() && !feed.sky().is_empty(now));
    eventually("a status", || feed.status()[0].healthy).await;
    assert_eq!(feed.status()[0].name, "simulated");
    assert_eq!(store.load_sky(now).await.unwrap(), []);
    stop.cancel();
    feed.stopped().await;

    let mut mixed = Config::simulated();
    mixed.sources.extend(directory(dir.path()).sources);
    let refused = Feed::start(&mixed, SkyConfig::default(), clock, None, CancellationToken::new()).await;
    assert!(matches!(refused, Err(FeedError::Mixed)));
}
