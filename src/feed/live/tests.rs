//! Casters made up on this machine: good ones, dead ones, malformed ones.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use crate::base::time::Clock;
use crate::base::{GeoPoint, GpsTime};
use crate::feed::config::{NtripConfig, RtcmConfig};
use crate::feed::{Config, Feed, SourceConfig, SourceStatus, ntrip, sourcetable, test_rtcm};
use crate::gnss::solve::{Atmosphere, Ionosphere, Place, Signal, predict};
use crate::gnss::visibility::to_ecef;
use crate::gnss::{SkyConfig, SkySnapshot, Withheld};

fn clock() -> Clock {
    Clock::starting_at("2024-03-01T12:00:00Z".parse().unwrap())
}

/// A caster that gives one answer to each connection in turn, and the requests that it got. An answer ending in `None` leaves the
/// connection open.
async fn caster(answers: Vec<(Vec<u8>, bool)>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (requests, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut open = Vec::new();
        for (answer, keep) in answers {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let _ = requests.send(request(&mut stream).await);
            let _ = stream.write_all(&answer).await;
            if keep {
                open.push(stream);
            }
        }
        // Further connections are taken and not answered.
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    (address, seen)
}

async fn request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut text).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn good() -> Vec<u8> {
    test_rtcm::gps_ephemerides(clock().now().gps(), 4)
}

fn ntrip_source(casters: &[&str], more: &str) -> SourceConfig {
    let list = casters.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(",");
    let text = format!("casters = [{list}]\nmountpoint = \"TEST0\"\nconnect_timeout_s = 2\n{more}");
    SourceConfig::Ntrip(toml::from_str::<NtripConfig>(&text).unwrap())
}

fn rtcm_source(address: &str) -> SourceConfig {
    SourceConfig::Rtcm(toml::from_str::<RtcmConfig>(&format!("address = \"{address}\"")).unwrap())
}

struct Running {
    feed: Feed,
    stop: CancellationToken,
}

impl Running {
    async fn start(sources: Vec<SourceConfig>) -> Self {
        Self::with(sources, SkyConfig::default()).await
    }

    async fn with(sources: Vec<SourceConfig>, sky: SkyConfig) -> Self {
        let stop = CancellationToken::new();
        let config = Config { sources, ..Config::default() };
        let feed = Feed::start(&config, sky, clock(), None, stop.clone()).await.unwrap();
        Self { feed, stop }
    }

    fn satellites(&self) -> usize {
        self.feed.sky().fresh(clock().now().gps()).count()
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, f: impl Fn(&SkySnapshot, &[SourceStatus]) -> bool) {
        let so = async {
            while !f(&self.feed.sky(), &self.feed.status()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(Duration::from_secs(20), so).await;
        assert!(waited.is_ok(), "{what} did not come: {:?}", self.feed.status());
    }

    async fn stop(self) {
        self.stop.cancel();
        self.feed.stopped().await;
    }
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut out =
        b"HTTP/1.1 200 OK\r\nContent-Type: gnss/data\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in bytes.chunks(100) {
        out.extend(format!("{:x}\r\n", part.len()).bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[tokio::test]
async fn version_2_in_chunks_with_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "me:sesame\n").unwrap();
    let (address, mut requests) = caster(vec![(chunked(&good()), true)]).await;
    let more = format!("credentials_file = {secret:?}\ngga = {{ lat = 50.0, lon = 8.0 }}\n");
    let running = Running::start(vec![ntrip_source(&[&format!("http://{address}")], &more)]).await;
    running.until("ephemerides", |sky, _| sky.entries().count() == 4).await;
    let request = requests.recv().await.unwrap();
    assert!(
        request
            .starts_with(&format!("GET /TEST0 HTTP/1.1\r\nHost: {address}\r\nNtrip-Version: Ntrip/2.0\r\n"))
    );
    assert!(
        request.contains("Authorization: Basic bWU6c2VzYW1l\r\n") && request.contains("Ntrip-GGA: $GPGGA,12"),
        "{request}"
    );
    let status = &running.feed.status()[0];
    assert!(status.healthy && status.name == format!("ntrip:{address}/TEST0"), "{status:?}");
    assert_eq!((status.records, status.reconnects, status.kind, running.satellites()), (4, 0, "ntrip", 4));
    running.stop().await;
}

#[tokio::test]
async fn the_next_caster_takes_over_and_a_break_is_healed() {
    // The first refuses the connection, the second breaks off, the third is of version 1.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (second, _seen) = caster(vec![(chunked(&good()[..20]), false)]).await;
    let icy = [b"ICY 200 OK\r\n\r\n".to_vec(), good()].concat();
    let (third, _seen) = caster(vec![(icy.clone(), false), (icy, true)]).await;
    let casters = [format!("http://{closed}"), format!("http://{second}"), format!("http://{third}")];
    let running = Running::start(vec![ntrip_source(&casters.each_ref().map(String::as_str), "")]).await;
    running.until("ephemerides", |sky, _| sky.entries().count() == 4).await;
    // The third broke off, too; after a pause all three are tried again. (The second does not answer any more.)
    running.until("a new connection", |_, s| s[0].reconnects >= 5 && s[0].healthy).await;
    running.stop().await;
}

#[tokio::test]
async fn a_caster_that_knows_version_1_only() {
    let (address, mut requests) =
        caster(vec![(Vec::new(), false), ([b"ICY 200 OK\r\n".to_vec(), good()].concat(), true)]).await;
    let running = Running::start(vec![ntrip_source(&[&format!("http://{address}")], "")]).await;
    running.until("ephemerides", |sky, _| sky.entries().count() == 4).await;
    assert!(requests.recv().await.unwrap().contains("HTTP/1.1"));
    let second = requests.recv().await.unwrap();
    assert!(second.starts_with("GET /TEST0 HTTP/1.0\r\nUser-Agent: NTRIP groma/"), "{second}");
    running.stop().await;
}

#[tokio::test]
async fn answers_that_are_none() {
    let noise: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (answer, says) in [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec(), "name and password"),
        (b"SOURCETABLE 200 OK\r\n\r\nENDSOURCETABLE\r\n".to_vec(), "no such stream"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>".to_vec(), "not that of an NTRIP caster"),
        (b"\xd3\x00\x01garbage\r\n".to_vec(), "not that of an NTRIP caster"),
        (vec![b'H'; 100_000], "not that of an NTRIP caster"),
        ([b"ICY 200 OK\r\n".to_vec(), noise].concat(), "not RTCM"),
        ([chunked(b""), b"zz\r\n".to_vec()].concat(), "damaged"),
        ([chunked(b""), b"0\r\n\r\n".to_vec()].concat(), "ended the stream"),
        (Vec::new(), "hung up"),
    ] {
        let (address, _requests) = caster(vec![(answer, false)]).await;
        let running =
            Running::start(vec![ntrip_source(&[&format!("http://{address}")], "version = \"2\"\n")]).await;
        running.until(says, |_, s| s[0].last_error.as_deref().is_some_and(|e| e.contains(says))).await;
        assert!(!running.feed.status()[0].healthy && running.satellites() == 0);
        running.stop().await;
    }
}

#[tokio::test]
async fn silence_is_given_up() {
    // Silent before the answer, and after it.
    let (address, _requests) = caster(vec![]).await;
    let running = Running::start(vec![ntrip_source(&[&format!("http://{address}")], "")]).await;
    running
        .until("a timeout", |_, s| {
            s[0].last_error.as_deref().is_some_and(|e| e.contains("no answer within 2 s"))
        })
        .await;
    running.stop().await;
    let (address, _requests) = caster(vec![(b"ICY 200 OK\r\n".to_vec(), true)]).await;
    let running = Running::start(vec![ntrip_source(&[&format!("http://{address}")], "stall_s = 5\n")]).await;
    running.until("a stall", |_, s| s[0].last_error.as_deref() == Some("nothing came for 5 s")).await;
    running.stop().await;
}

#[tokio::test]
async fn over_tls_by_configured_authorities_only() {
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    let address = tls_caster(&ca_file, [b"ICY 200 OK\r\n".to_vec(), good()].concat()).await;
    let url = format!("https://localhost:{}", address.port());
    let running = Running::start(vec![ntrip_source(&[&url], "")]).await;
    running
        .until("mistrust", |_, s| s[0].last_error.as_deref().is_some_and(|e| e.contains("certificate")))
        .await;
    running.stop().await;
    let running = Running::start(vec![ntrip_source(&[&url], &format!("ca_file = {ca_file:?}\n"))]).await;
    running.until("ephemerides", |sky, _| sky.entries().count() == 4).await;
    running.stop().await;
}

async fn tls_caster(ca_file: &Path, answer: Vec<u8>) -> std::net::SocketAddr {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(ca_file, key.cert.pem()).unwrap();
    let private = rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = request(&mut stream).await;
                let _ = stream.write_all(&answer).await;
                open.push(stream);
            }
        }
    });
    address
}

#[tokio::test]
async fn the_list_of_streams() {
    let list = "STR;TEST0;Somewhere;RTCM 3.3;1019(5);2;GPS;X;DEU;50.0;8.0;0;0;x;none;N;N;9600;\r\nENDSOURCETABLE\r\n";
    let one = format!("SOURCETABLE 200 OK\r\nServer: x\r\n\r\n{list}").into_bytes();
    let mut two =
        b"HTTP/1.1 200 OK\r\nContent-Type: gnss/sourcetable\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    two.extend(format!("{:x}\r\n{list}\r\n0\r\n\r\n", list.len()).bytes());
    for answer in [one, two] {
        // The connection stays open behind the list.
        let (address, mut requests) = caster(vec![(answer, true)]).await;
        let address: ntrip::CasterAddress = format!("http://{address}").parse().unwrap();
        let table = sourcetable(&address, None, None, Duration::from_secs(5)).await.unwrap();
        assert!(table.complete && table.streams.len() == 1 && table.streams[0].mountpoint == "TEST0");
        assert!(requests.recv().await.unwrap().starts_with("GET / HTTP/1.1\r\n"));
    }
    let (address, _requests) = caster(vec![(b"HTTP/1.1 403 No\r\n\r\n".to_vec(), false)]).await;
    let address: ntrip::CasterAddress = format!("http://{address}").parse().unwrap();
    let error = sourcetable(&address, None, None, Duration::from_secs(5)).await.unwrap_err().to_string();
    assert!(error.contains("name and password"), "{error}");
}

/// A server that sends these octets to everyone who connects, and nothing more.
async fn server(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut open: Vec<TcpStream> = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&bytes).await;
            open.push(stream);
        }
    });
    address
}

/// Ephemerides of the simulation's GPS satellites at `t`, one of them turned by 0.1° in its orbit.
fn with_a_wrong_one(t: GpsTime, wrong: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (i, mut l) in test_rtcm::gps(t).into_iter().take(4).enumerate() {
        if i == wrong {
            l.kepler.m0 = l.kepler.m0.wrapping_add(1_193_046);
        }
        bytes.extend(test_rtcm::encode(&rtcm_rs::Message::Msg1019(test_rtcm::gps_message(&l))));
    }
    bytes
}

#[tokio::test]
async fn one_wrong_ephemeris_is_outvoted_or_outranked() {
    let t = clock().now().gps();
    let right = test_rtcm::gps(t);
    let sat = right[2].sat;
    // Against two others the best source loses, against one it wins.
    for (servers, lost) in [([2, 9, 9], 0), ([9, 2, 77], 1)] {
        let mut sources = Vec::new();
        for wrong in servers.into_iter().filter(|w| *w != 77) {
            sources.push(rtcm_source(&server(with_a_wrong_one(t, wrong)).await));
        }
        let running = Running::start(sources).await;
        running.until("a refusal", |_, s| s[lost].refused == 1 && s.iter().all(|s| s.records == 4)).await;
        let sky = running.feed.sky();
        assert_eq!(sky.ephemeris(sat, t), Some(&crate::base::broadcast::Ephemeris::Lnav(right[2])));
        assert_eq!(sky.entries().count(), 4);
        running.stop().await;
    }
}

#[tokio::test]
async fn yesterday_does_no_harm() {
    let now = clock().now().gps();
    let yesterday = now.offset_s(-86_400.0);
    let mut bytes = test_rtcm::observations(yesterday, &[(1, 21e6)]);
    bytes.extend(test_rtcm::gps_ephemerides(yesterday, 4));
    bytes.extend(good());
    let running = Running::start(vec![rtcm_source(&server(bytes).await)]).await;
    running.until("a flag", |_, s| s[0].stale >= 5).await;
    let status = &running.feed.status()[0];
    assert!(
        !status.healthy && status.last_error.as_deref().is_some_and(|e| e.contains("24h00m behind")),
        "{status:?}"
    );
    assert_eq!(running.satellites(), 0);
    running.stop().await;
}

/// All that a station sends: where it is, the ephemerides, and observations of the last `seconds`, in which one satellite's clock
/// jumps.
fn station_with_a_jump(now: GpsTime, seconds: i32, jumped: usize) -> (Vec<u8>, Vec<u8>) {
    let here = to_ecef(GeoPoint { lat: 48.1, lon: 11.6 }, 560.0);
    let place = Place::new(here).unwrap();
    let messages = test_rtcm::gps(now);
    let mut bytes = test_rtcm::station(here);
    for l in &messages {
        bytes.extend(test_rtcm::encode(&rtcm_rs::Message::Msg1019(test_rtcm::gps_message(l))));
    }
    let mut observations = Vec::new();
    for s in 0..seconds {
        let t = now.offset_s(f64::from(s - seconds));
        let t = GpsTime::from_ns(t.ns() / 1_000_000_000 * 1_000_000_000);
        let atmosphere = Atmosphere::over(&place, Ionosphere::Unknown, t);
        let mut ranges = Vec::new();
        for (i, l) in messages.iter().enumerate() {
            let e = crate::base::broadcast::Ephemeris::Lnav(*l);
            let p = predict(&e, Signal::L1Ca, &place, &atmosphere, t).unwrap();
            if p.ray.sin_elevation > 0.2 {
                ranges.push((i, l.sat.number, p.range_m));
            }
        }
        let victim = ranges[jumped].0;
        let all: Vec<(u8, f64)> =
            ranges.iter().map(|(i, n, r)| (*n, r + if *i == victim { 300.0 } else { 0.0 })).collect();
        observations.extend(test_rtcm::observations(t, &all));
    }
    (bytes, observations)
}

#[tokio::test]
async fn a_clock_jump_is_flagged_and_an_excluded_satellite_is_told() {
    let now = clock().now().gps();
    let (first, then) = station_with_a_jump(now, 60, 1);
    let running =
        Running::start(vec![rtcm_source(&server([first, vec![0; 1500], then].concat()).await)]).await;
    running
        .until("a flagged satellite", |sky, _| sky.withheld(now).any(|(_, why)| why == Withheld::Flagged))
        .await;
    let sky = running.feed.sky();
    let flagged: Vec<_> = sky.withheld(now).map(|(sat, _)| sat).collect();
    assert_eq!(flagged.len(), 1);
    let gnss = flagged[0].gnss;
    assert!(sky.unhealthy(gnss, now).contains(&flagged[0]) && sky.ephemeris(flagged[0], now).is_none());
    assert!(sky.usable(gnss, now).all(|e| e.sat() != flagged[0]));
    assert_eq!(running.feed.stations().places().len(), 1);
    // The operator excludes another one while the server runs.
    let other = sky.usable(gnss, now).next().unwrap().sat();
    running.feed.exclude(vec![crate::gnss::SatName(other)]);
    running.until("an excluded satellite", |sky, _| sky.unhealthy(gnss, now).len() == 2).await;
    assert!(running.feed.sky().ephemeris(other, now).is_none());
    running.feed.exclude(Vec::new());
    running.until("it back", |sky, _| sky.ephemeris(other, now).is_some()).await;
    running.stop().await;
}
