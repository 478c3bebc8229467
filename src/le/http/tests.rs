use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;

#[derive(Default)]
struct Fake {
    reasons: Vec<String>,
    orders: Mutex<Vec<&'static str>>,
    reload_fails: bool,
}

impl Traces for Fake {
    fn start(&self) {
        self.orders.lock().unwrap().push("start");
    }
    fn stop(&self) {
        self.orders.lock().unwrap().push("stop");
    }
    fn list(&self) -> serde_json::Value {
        json!([{ "session": 7 }])
    }
    fn table(&self) -> String {
        "7\n".to_owned()
    }
    fn ladder(&self, session: u64) -> Option<String> {
        (session == 7).then(|| "SUPL START".to_owned())
    }
    fn capture(&self, session: Option<u64>) -> Option<Vec<u8>> {
        session.is_none_or(|s| s == 7).then(|| vec![0xd4, 0xc3, 0xb2, 0xa1])
    }
}

impl Backend for Fake {
    fn readiness(&self) -> Readiness {
        Readiness::from_reasons(self.reasons.clone())
    }
    fn status(&self) -> Status {
        Status {
            version: "0.0.0",
            time: "2023-01-01T11:00:00Z".to_owned(),
            started: "2023-01-01T10:00:00Z".to_owned(),
            uptime_s: 3600,
            readiness: self.readiness(),
            draining: false,
            clock_shifted: true,
            sky_simulated: false,
            listeners: vec![ListenerStatus { address: "127.0.0.1:7275".to_owned(), what: "SUPL".to_owned() }],
            connections_open: 2,
            sessions_open: 1,
            sessions_ended: vec![("position".to_owned(), 5)],
            sky: vec![SkyCount {
                gnss: "gps",
                healthy: 30,
                unhealthy: 1,
                newest_age_s: Some(900),
                left_s: Some(5400),
            }],
            feeds: vec![FeedStatus {
                source: "<script>".to_owned(),
                state: "ok".to_owned(),
                last_success: None,
                records: 3,
                refused: 1,
                reconnects: 2,
            }],
            cells: 12,
            tracing: false,
        }
    }
    fn sky(&self, at: Option<GeoPoint>) -> serde_json::Value {
        json!({ "at": at.map(|p| [p.lat, p.lon]) })
    }
    fn forget(&self, target: &crate::base::SetId) -> Result<usize, String> {
        if target.storage_key() == "msisdn:447700900123" { Ok(3) } else { Err("the store failed".to_owned()) }
    }
    fn reload(&self) -> Result<Reloaded, String> {
        if self.reload_fails { Err("groma.toml:1:1: no".to_owned()) } else { Ok(Reloaded::default()) }
    }
    fn reports(&self) -> serde_json::Value {
        json!({ "waiting": {}, "dead": [] })
    }
    fn traces(&self) -> &dyn Traces {
        self
    }
}

struct Door {
    addr: SocketAddr,
    metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|s| s.send(()));
    }
}

async fn open(fake: Fake) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (stop, stopped) = oneshot::channel::<()>();
    let (m, backend) = (metrics.clone(), Arc::new(fake));
    tokio::spawn(async move {
        let wait = async move {
            let _ = stopped.await;
        };
        serve(listener, &Config::default(), backend, m, wait).await.unwrap();
    });
    Door { addr, metrics, stop: Some(stop) }
}

/// Sends a request and gives the status code, the head and the body.
async fn ask(door: &Door, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    let mut s = TcpStream::connect(door.addr).await.unwrap();
    let host = if headers.contains("host:") { "" } else { "host: 127.0.0.1\r\n" };
    let request =
        format!("{method} {path} HTTP/1.1\r\n{host}{headers}connection: close\r\ncontent-length: 0\r\n\r\n");
    s.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    s.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

const ADMIN: &str = "groma-admin: 1\r\n";

#[tokio::test]
async fn liveness_readiness_and_metrics() {
    let door = open(Fake::default()).await;
    assert_eq!(ask(&door, "GET", "/healthz", "").await.0, 200);
    let (code, _, body) = ask(&door, "GET", "/readyz", "").await;
    assert_eq!((code, body.contains("\"ready\": true")), (200, true));
    let (code, head, body) = ask(&door, "GET", "/metrics", "").await;
    assert_eq!(code, 200);
    assert!(head.contains("version=0.0.4") && body.contains("groma_ready 1\n"), "{head}");
    assert!(body.contains("groma_http_requests_total{path=\"/healthz\",status=\"2xx\"} 1"), "{body}");
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let door = open(Fake { reasons: vec!["no fresh ephemerides".to_owned()], ..Fake::default() }).await;
    let (code, _, body) = ask(&door, "GET", "/readyz", "").await;
    assert_eq!(code, 503);
    let v: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(v, json!({ "ready": false, "reasons": ["no fresh ephemerides"] }));
    assert!(ask(&door, "GET", "/", "").await.2.contains("<li>no fresh ephemerides</li>"));
}

#[tokio::test]
async fn the_page_shows_the_state_and_escapes_it() {
    let door = open(Fake::default()).await;
    let (code, head, body) = ask(&door, "GET", "/", "").await;
    assert_eq!(code, 200);
    assert!(head.to_lowercase().contains("content-security-policy"));
    for part in
        ["Shifted clock", "2023-01-01T11:00:00Z", "127.0.0.1:7275", "&lt;script&gt;", "lang=\"en\"", "15 min"]
    {
        assert!(body.contains(part), "{part}");
    }
    assert!(!body.contains("<script"));
}

#[tokio::test]
async fn a_place_for_the_sky_is_checked() {
    let door = open(Fake::default()).await;
    let (code, _, body) = ask(&door, "GET", "/sky.json?at=50.1,8.7", "").await;
    assert_eq!((code, body.contains("50.1")), (200, true));
    for bad in ["91,0", "x", "1", "nan,0"] {
        assert_eq!(ask(&door, "GET", &format!("/sky.json?at={bad}"), "").await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn orders_need_the_header_and_a_literal_host() {
    let door = open(Fake::default()).await;
    assert_eq!(ask(&door, "POST", "/admin/reload", "").await.0, 403);
    assert_eq!(ask(&door, "POST", "/admin/reload", ADMIN).await.0, 200);
    assert_eq!(ask(&door, "POST", "/admin/forget/msisdn:447700900123", "").await.0, 403);
    assert_eq!(ask(&door, "POST", "/admin/forget/msisdn:447700900123", ADMIN).await.0, 200);
    assert_eq!(ask(&door, "POST", "/admin/forget/imsi:001010000000001", ADMIN).await.0, 500);
    assert_eq!(ask(&door, "POST", "/admin/forget/bob", ADMIN).await.0, 400);
    assert_eq!(ask(&door, "GET", "/admin/reload", ADMIN).await.0, 405);
    let rebound = format!("{ADMIN}host: evil.example\r\n");
    assert_eq!(ask(&door, "POST", "/admin/reload", &rebound).await.0, 403);
    for good in ["localhost:8080", "[::1]:8080", "127.0.0.1"] {
        let headers = format!("{ADMIN}host: {good}\r\n");
        assert_eq!(ask(&door, "POST", "/admin/reload", &headers).await.0, 200, "{good}");
    }
}

#[tokio::test]
async fn a_failed_reload_says_why() {
    let door = open(Fake { reload_fails: true, ..Fake::default() }).await;
    let (code, _, body) = ask(&door, "POST", "/admin/reload", ADMIN).await;
    assert_eq!((code, body.contains("groma.toml:1:1: no")), (422, true));
}

#[tokio::test]
async fn traces_can_be_started_read_and_exported() {
    let door = open(Fake::default()).await;
    assert_eq!(ask(&door, "POST", "/admin/trace/start", ADMIN).await.0, 200);
    assert!(ask(&door, "GET", "/admin/trace", ADMIN).await.2.contains("\"session\": 7"));
    assert_eq!(ask(&door, "GET", "/admin/trace/7", ADMIN).await.2, "SUPL START");
    assert_eq!(ask(&door, "GET", "/admin/trace/8", ADMIN).await.0, 404);
    assert_eq!(ask(&door, "GET", "/admin/trace/x", ADMIN).await.0, 404);
    let (code, head, _) = ask(&door, "GET", "/admin/trace/7.pcap", ADMIN).await;
    assert_eq!((code, head.contains("pcap")), (200, true));
    assert_eq!(ask(&door, "GET", "/admin/trace.pcap", ADMIN).await.0, 200);
    assert_eq!(ask(&door, "GET", "/admin/trace/7", "").await.0, 403);
}

#[tokio::test]
async fn unknown_paths_share_one_label() {
    let door = open(Fake::default()).await;
    for path in ["/a", "/b", "/c?d"] {
        assert_eq!(ask(&door, "GET", path, "").await.0, 404);
    }
    assert!(door.metrics.render().contains("groma_http_requests_total{path=\"other\",status=\"4xx\"} 3"));
}
