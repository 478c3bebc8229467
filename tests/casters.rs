//! A real NTRIP caster: RTKLIB's `str2str` serves a recorded stream, and goes away in between.

use std::net::TcpListener as StdListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use groma::base::Utc;
use groma::base::broadcast::Gnss;
use groma::base::time::Clock;
use groma::feed::ntrip::{CasterAddress, Credentials};
use groma::feed::{Config, Feed, SourceStatus, sourcetable};
use groma::gnss::{SkyConfig, SkySnapshot};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A port that is free now.
fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends each client the recording from where it is, a second's worth at a time.
async fn receiver(recording: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let recording = recording.clone();
            tokio::spawn(async move {
                for piece in recording.chunks(4096) {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                // A receiver does not hang up.
                std::future::pending::<()>().await;
            });
        }
    });
    port
}

/// The caster, ended when it is dropped.
struct Caster(Child);

impl Caster {
    fn start(source: u16, port: u16) -> Self {
        let child = Command::new("str2str")
            .args(["-in", &format!("tcpcli://127.0.0.1:{source}")])
            .args(["-out", &format!("ntripc://me:sesame@:{port}/TEST0")])
            .args(["-r", "200"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("str2str");
        Self(child)
    }
}

impl Drop for Caster {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(feed: &Feed, what: &str, so: impl Fn(&SkySnapshot, &SourceStatus) -> bool) {
    for _ in 0..1500 {
        if feed.status().first().is_some_and(|s| so(&feed.sky(), s)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come: {:?}", feed.status());
}

#[tokio::test]
async fn rtklib_serves_a_recorded_stream_with_interruptions() {
    let test = "rtklib_serves_a_recorded_stream_with_interruptions";
    if Command::new("str2str").arg("-h").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "{test}: str2str must be there in continuous integration");
        eprintln!("skipped: {test}: str2str is not installed");
        return;
    }
    let Some(shared) = crate::shared(test) else { return };
    // A minute and a half of it: played faster than it was recorded, it must not run far ahead of the clock.
    let mut recording = std::fs::read(shared.join("gnss/rtcm3/week-rollover-STR24.rtcm3")).unwrap();
    recording.truncate(95_000);
    let source = receiver(recording).await;
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "me:sesame\n").unwrap();

    let clock = Clock::starting_at("2018-07-14T23:50:40Z".parse::<Utc>().unwrap());
    let dead = free_port();
    let config: Config = toml::from_str(&format!(
        "keep = false\n[[sources]]\nkind = \"ntrip\"\ncasters = [\"http://127.0.0.1:{dead}\", \"http://127.0.0.1:{port}\"]\n\
         mountpoint = \"TEST0\"\ncredentials_file = {secret:?}\nconnect_timeout_s = 5\n"
    ))
    .unwrap();
    let mut caster = Caster::start(source, port);
    let stop = CancellationToken::new();
    let feed = Feed::start(&config, SkyConfig::default(), clock, None, stop.clone()).await.unwrap();
    let now = || clock.now().gps();
    until(&feed, "satellites", |sky, s| {
        let counts = sky.counts(now());
        let of = |g| counts.get(&g).copied().unwrap_or(0);
        s.healthy && of(Gnss::Gps) >= 6 && of(Gnss::Glonass) >= 3 && of(Gnss::BeiDou) >= 4
    })
    .await;
    // The station says where it is, and what it receives fits what the satellites broadcast.
    until(&feed, "a station", |_, _| !feed.stations().places().is_empty()).await;
    assert_eq!(feed.sky().withheld(now()).count(), 0);
    // A receiver passes on a message or two that its satellite has not renewed.
    assert!(feed.status()[0].stale * 10 < feed.status()[0].records, "{:?}", feed.status());

    // It goes away and comes back; the password is asked for.
    let before = feed.status()[0].reconnects;
    drop(caster);
    until(&feed, "the end", |_, s| !s.healthy && s.reconnects > before).await;
    assert!(!feed.sky().is_empty(now()), "what is known stays known");
    caster = Caster::start(source, port);
    until(&feed, "the stream again", |_, s| s.healthy).await;
    stop.cancel();
    feed.stopped().await;

    let address: CasterAddress = format!("http://127.0.0.1:{port}").parse().unwrap();
    let credentials = Credentials::load(Some(&secret), None).unwrap();
    let table = sourcetable(&address, credentials.as_ref(), None, Duration::from_secs(5)).await.unwrap();
    assert!(table.complete && table.streams.iter().any(|s| s.mountpoint == "TEST0"), "{table}");
    drop(caster);
}
