//! The operator's door: liveness, readiness, metrics, a status page, and orders to the running server.
//!
//! | path | what |
//! |---|---|
//! | `GET /` | status page for people |
//! | `GET /healthz` | 200 while the process answers |
//! | `GET /readyz` | 200 when handsets can be served with fresh assistance, else 503 with the reasons as JSON |
//! | `GET /metrics` | Prometheus text format |
//! | `GET /status.json`, `GET /sky.json[?at=LAT,LON]` | the same for machines |
//! | `POST /admin/reload` | reads configuration, certificates and cells anew |
//! | `POST /admin/forget/ID` | removes all positions of a subscriber, for instance of `msisdn:447700900123` |
//! | `GET /admin/mlp/reports` | MLP reports that wait for their clients, and those that were given up |
//! | `POST /admin/trace/start`, `…/stop`; `GET /admin/trace`, `…/trace.txt`, `…/trace/N`, `…/trace.pcap`, `…/trace/N.pcap` | session traces |
//!
//! Everything under `/admin` is for this machine only unless the configuration says otherwise, and needs the header
//! [`ADMIN_HEADER`], which a web page of another origin cannot send.

mod admin;
mod listener;
mod page;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::base::{GeoPoint, SetId};
use crate::observe::Metrics;
use listener::{Bounded, Peer};
pub use status::{FeedStatus, ListenerStatus, Readiness, Reloaded, SkyCount, Status, Traces};

/// Header that every request under `/admin` carries, with any value.
pub const ADMIN_HEADER: &str = "groma-admin";

/// The `[http]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port of the operator's pages; port 0 takes a free one. Default `127.0.0.1:8080`: this machine only.
    pub listen: SocketAddr,
    /// Whether `/admin` answers requests from other machines. It has no passwords: switch this on only where the network
    /// in front of it decides who may come. Default `false`.
    pub admin_from_anywhere: bool,
    /// Connections at once, 1..=10000; more wait. Default 64.
    pub connections: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), admin_from_anywhere: false, connections: 64 }
    }
}

/// What this door shows and whom it tells. Implemented by the composition root.
pub trait Backend: Send + Sync + 'static {
    /// Whether handsets can be served as they should.
    fn readiness(&self) -> Readiness;
    /// Everything the status page shows.
    fn status(&self) -> Status;
    /// The satellites, with azimuth and elevation at a place when one is given.
    fn sky(&self, at: Option<GeoPoint>) -> serde_json::Value;
    /// Reads configuration, certificates and cells anew. May block; the error is one line for the operator.
    fn reload(&self) -> Result<Reloaded, String>;
    /// Removes all that is known of a subscriber; how many positions went. May block; the error is one line for the operator.
    fn forget(&self, target: &SetId) -> Result<usize, String>;
    /// Reports for LCS clients: those that wait, and those that were given up.
    fn reports(&self) -> serde_json::Value;
    /// The session traces.
    fn traces(&self) -> &dyn Traces;
}

/// The running server as the handlers see it.
struct Context {
    backend: Arc<dyn Backend>,
    metrics: Arc<Metrics>,
    admin_from_anywhere: bool,
}

type Shared = State<Arc<Context>>;

/// Serves the operator's pages on a bound listener until `stop` resolves; requests under way are finished.
pub async fn serve(
    listener: TcpListener,
    config: &Config,
    backend: Arc<dyn Backend>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let context = Arc::new(Context { backend, metrics, admin_from_anywhere: config.admin_from_anywhere });
    let app = router(context).into_make_service_with_connect_info::<Peer>();
    axum::serve(Bounded::new(listener, config.connections), app).with_graceful_shutdown(stop).await
}

fn router(context: Arc<Context>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route(
            "/status.json",
            get(async |State(c): Shared| json_response(StatusCode::OK, &c.backend.status())),
        )
        .route("/sky.json", get(sky))
        .merge(admin::routes(&context))
        .fallback(async || error(StatusCode::NOT_FOUND, "no such page"))
        .layer(middleware::from_fn_with_state(context.clone(), count))
        .with_state(context)
}

/// Counts every request and gives every answer the headers that keep browsers from guessing.
async fn count(State(c): Shared, request: Request, next: Next) -> Response {
    let path = path_label(request.uri().path());
    let mut response = next.run(request).await;
    let status = match response.status().as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    c.metrics.http_requests.get_or_create(&[("path", path), ("status", status)]).inc();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The path as a word of a closed list.
fn path_label(path: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/status.json",
        "/sky.json",
        "/admin/reload",
        "/admin/mlp/reports",
    ];
    KNOWN
        .into_iter()
        .find(|k| *k == path)
        .or_else(|| ["/admin/trace", "/admin/forget"].into_iter().find(|k| path.starts_with(k)))
        .unwrap_or("other")
}

async fn front(State(c): Shared) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page::render(&c.backend.status())).into_response()
}

async fn ready(State(c): Shared) -> Response {
    let readiness = c.backend.readiness();
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_response(code, &readiness)
}

async fn metrics(State(c): Shared) -> Response {
    // Gauges that follow the status are brought up to date by reading it.
    let status = c.backend.status();
    c.metrics.ready.set(i64::from(status.readiness.ready));
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], c.metrics.render()).into_response()
}

async fn sky(State(c): Shared, uri: Uri) -> Response {
    let at = uri.query().and_then(|q| q.split('&').find_map(|p| p.strip_prefix("at=")));
    let place = match at.map(parse_place) {
        Some(None) => return error(StatusCode::BAD_REQUEST, "at=LAT,LON in degrees is expected"),
        Some(place) => place,
        None => None,
    };
    json_response(StatusCode::OK, &c.backend.sky(place))
}

/// `LAT,LON` in degrees.
fn parse_place(text: &str) -> Option<GeoPoint> {
    let text = text.replace("%2C", ",").replace("%2c", ",");
    let (lat, lon) = text.split_once(',')?;
    GeoPoint::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?)
}

/// An answer in JSON, ending in a line feed.
fn json_response(code: StatusCode, value: &impl Serialize) -> Response {
    let mut text =
        serde_json::to_string_pretty(value).unwrap_or_else(|e| json!({ "error": e.to_string() }).to_string());
    text.push('\n');
    (code, [(header::CONTENT_TYPE, "application/json")], Body::from(text)).into_response()
}

fn error(code: StatusCode, problem: &str) -> Response {
    json_response(code, &json!({ "error": problem }))
}

/// The peer's address as handlers extract it.
type Caller = ConnectInfo<Peer>;

#[cfg(test)]
mod tests;
