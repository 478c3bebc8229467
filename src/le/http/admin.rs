//! Orders to the running server.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::service::parse_identity;

use super::{ADMIN_HEADER, Caller, Context, Shared, error, json_response};

/// Media type of pcap files.
const PCAP: &str = "application/vnd.tcpdump.pcap";

/// Everything under `/admin`, behind its gate.
pub(super) fn routes(context: &Arc<Context>) -> Router<Arc<Context>> {
    Router::new()
        .route("/admin/reload", post(reload))
        .route("/admin/forget/{identity}", post(forget))
        .route(
            "/admin/mlp/reports",
            get(async |State(c): Shared| json_response(StatusCode::OK, &c.backend.reports())),
        )
        .route(
            "/admin/trace",
            get(async |State(c): Shared| json_response(StatusCode::OK, &c.backend.traces().list())),
        )
        .route("/admin/trace.txt", get(async |State(c): Shared| c.backend.traces().table()))
        .route("/admin/trace.pcap", get(async |State(c): Shared| capture(&c, None)))
        .route("/admin/trace/start", post(async |State(c): Shared| record(&c, true)))
        .route("/admin/trace/stop", post(async |State(c): Shared| record(&c, false)))
        .route("/admin/trace/{session}", get(session))
        .route_layer(middleware::from_fn_with_state(context.clone(), gate))
}

/// Lets through what comes from this machine (or from anywhere, where that is configured) and was not sent by a web page
/// of another origin.
async fn gate(State(c): Shared, ConnectInfo(peer): Caller, request: Request, next: Next) -> Response {
    if !c.admin_from_anywhere {
        if !peer.0.ip().to_canonical().is_loopback() {
            return error(
                StatusCode::FORBIDDEN,
                "orders are taken from this machine only (http.admin_from_anywhere)",
            );
        }
        if !is_literal(request.headers()) {
            return error(StatusCode::FORBIDDEN, "call this machine by address or as localhost");
        }
    }
    if !request.headers().contains_key(ADMIN_HEADER) {
        return error(StatusCode::FORBIDDEN, "the header groma-admin is missing");
    }
    next.run(request).await
}

/// Whether the request names the server by address or as `localhost`: a name that somebody else's DNS made to point here
/// would lend a web page our origin.
fn is_literal(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|h| h.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}

async fn reload(State(c): Shared) -> Response {
    let backend = c.backend.clone();
    match tokio::task::spawn_blocking(move || backend.reload()).await {
        Ok(Ok(done)) => json_response(StatusCode::OK, &done),
        Ok(Err(problem)) => error(StatusCode::UNPROCESSABLE_ENTITY, &problem),
        Err(e) => error(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    }
}

async fn forget(State(c): Shared, Path(identity): Path<String>) -> Response {
    let Some(target) = parse_identity(&identity) else {
        return error(StatusCode::BAD_REQUEST, "an identity such as msisdn:447700900123 is expected");
    };
    let backend = c.backend.clone();
    match tokio::task::spawn_blocking(move || backend.forget(&target)).await {
        Ok(Ok(positions)) => json_response(StatusCode::OK, &json!({ "positions": positions })),
        Ok(Err(problem)) => error(StatusCode::INTERNAL_SERVER_ERROR, &problem),
        Err(e) => error(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    }
}

fn record(c: &Context, on: bool) -> Response {
    let traces = c.backend.traces();
    if on {
        traces.start();
    } else {
        traces.stop();
    }
    tracing::warn!(recording = on, "session trace");
    json_response(StatusCode::OK, &json!({ "recording": on }))
}

async fn session(State(c): Shared, Path(name): Path<String>) -> Response {
    let (number, pcap) = match name.strip_suffix(".pcap") {
        Some(n) => (n, true),
        None => (name.as_str(), false),
    };
    let Ok(number) = number.parse::<u64>() else {
        return error(StatusCode::NOT_FOUND, "a session is named by its number");
    };
    if pcap {
        return capture(&c, Some(number));
    }
    c.backend.traces().ladder(number).map_or_else(unknown, IntoResponse::into_response)
}

fn capture(c: &Context, session: Option<u64>) -> Response {
    c.backend
        .traces()
        .capture(session)
        .map_or_else(unknown, |bytes| ([(header::CONTENT_TYPE, PCAP)], bytes).into_response())
}

fn unknown() -> Response {
    error(StatusCode::NOT_FOUND, "no such session was recorded (see `groma trace list`)")
}
