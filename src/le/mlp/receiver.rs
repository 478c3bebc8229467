//! The other end of pushed reports: takes them, and answers as a client should.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::model::{Body, Document, Slra, Verdict};
use super::{ParseFault, Reading, ResultCode, charset, parse};

/// Largest report taken, octets.
const MAX_REPORT: usize = 4 << 20;
/// Time that a connection gets for its request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A report as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// From where.
    pub from: SocketAddr,
    /// Its octets.
    pub octets: Bytes,
    /// What they say.
    pub document: Result<Document, ParseFault>,
}

/// How reports are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manners {
    /// HTTP status; other than 200, nothing else is said.
    pub status: u16,
    /// Result in the answer to standard location reports (`slra`).
    pub verdict: ResultCode,
}

impl Default for Manners {
    fn default() -> Self {
        Self { status: 200, verdict: ResultCode::OK }
    }
}

/// Takes reports; its manners may change while it runs.
#[derive(Clone, Debug)]
pub struct Receiver {
    manners: Arc<Mutex<Manners>>,
    reports: mpsc::Sender<Received>,
}

impl Receiver {
    /// A receiver that hands reports on, and waits while nobody takes them.
    pub fn new(reports: mpsc::Sender<Received>, manners: Manners) -> Self {
        Self { manners: Arc::new(Mutex::new(manners)), reports }
    }

    /// Answers differently from now on.
    pub fn behave(&self, manners: Manners) {
        *self.manners.lock().unwrap_or_else(PoisonError::into_inner) = manners;
    }

    /// Takes reports until nobody wants them any more.
    pub async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.reports.closed() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, from)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let receiver = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let receiver = receiver.clone();
                    async move { Ok::<_, Infallible>(receiver.take(from, request).await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn take(&self, from: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let say = |status: StatusCode, body: String| {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = status;
            let kind = HeaderValue::from_static("text/xml; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        };
        if request.method() != Method::POST {
            return say(StatusCode::METHOD_NOT_ALLOWED, String::new());
        }
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body =
            tokio::time::timeout(PATIENCE, Limited::new(request.into_body(), MAX_REPORT).collect()).await;
        let Ok(Ok(body)) = body else { return say(StatusCode::BAD_REQUEST, String::new()) };
        let octets = body.to_bytes();
        let document = parse(&octets, content_type.as_deref().and_then(charset), &Reading::default());
        let manners = *self.manners.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match &document {
            Ok(Document { version, body: Body::Slrep(_), .. }) => {
                let slra = Slra { verdict: Verdict::new(manners.verdict) };
                Document::new(*version, slra).into_xml()
            }
            _ => String::new(),
        };
        if self.reports.send(Received { from, octets, document }).await.is_err() {
            return say(StatusCode::SERVICE_UNAVAILABLE, String::new());
        }
        match StatusCode::from_u16(manners.status) {
            Ok(StatusCode::OK) => say(StatusCode::OK, answer),
            Ok(status) => say(status, String::new()),
            Err(_) => say(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        }
    }
}
