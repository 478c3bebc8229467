//! Connections: HTTP/1.1 and HTTP/2 on plain and TLS ports, bounded in number, in silence and in size.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Config;

/// Content type of what is sent.
pub(super) const XML: &str = "text/xml; charset=utf-8";
/// Pause after a failure of accept.
const PAUSE: Duration = Duration::from_millis(100);
/// Of a body that is too large so much is still read and thrown away, so that the client sees the answer.
const DRAIN: (u64, Duration) = (16 << 20, Duration::from_secs(2));
/// How long connections get at the end to take their answers.
const FAREWELL: Duration = Duration::from_secs(10);

/// A byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection whose TLS handshake is done.
pub struct Secured {
    /// Plain octets in and out.
    pub stream: Box<dyn Stream>,
    /// Names in the client's certificate, when it showed one that was verified.
    pub names: Vec<String>,
}

/// A handshake under way.
pub type Handshake = Pin<Box<dyn Future<Output = io::Result<Secured>> + Send>>;

/// The server's side of TLS.
pub trait Tls: Send + Sync {
    /// Performs the handshake; it is given up when it takes too long.
    fn accept(&self, stream: TcpStream) -> Handshake;
}

/// What came with a request, besides its body.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Names in its certificate.
    pub(super) names: Arc<Vec<String>>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// Who answers requests.
pub(super) trait Answer: Send + Sync + 'static {
    /// Answers a document.
    fn answer(
        &self,
        caller: Caller,
        content_type: Option<String>,
        body: Bytes,
    ) -> impl Future<Output = Reply> + Send;
    /// Takes note of a request that was turned away before it was read.
    fn turned_away(&self, status: StatusCode);
    /// Takes note of how many connections are open.
    fn connections(&self, change: i64);
}

/// The ports of the door.
pub(super) struct Ports {
    pub(super) plain: Vec<TcpListener>,
    pub(super) secure: Vec<TcpListener>,
    pub(super) tls: Option<Arc<dyn Tls>>,
}

/// Serves until stopped; then everybody who waits for an answer gets it.
pub(super) async fn serve<A: Answer>(
    ports: Ports,
    config: Arc<Config>,
    answer: Arc<A>,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(config.connections.max(1) as usize));
    let mut tasks = tokio::task::JoinSet::new();
    let listeners = ports.plain.into_iter().map(|l| (l, None));
    let secure = ports.secure.into_iter().map(|l| (l, ports.tls.clone()));
    for (listener, tls) in listeners.chain(secure) {
        let door = Accepting {
            config: Arc::clone(&config),
            answer: Arc::clone(&answer),
            room: Arc::clone(&room),
            tls,
            stop: stop.clone(),
        };
        tasks.spawn(door.run(listener));
    }
    while tasks.join_next().await.is_some() {}
}

struct Accepting<A> {
    config: Arc<Config>,
    answer: Arc<A>,
    room: Arc<Semaphore>,
    tls: Option<Arc<dyn Tls>>,
    stop: CancellationToken,
}

impl<A: Answer> Accepting<A> {
    async fn run(self, listener: TcpListener) {
        let graceful = GracefulShutdown::new();
        let shared = Arc::new(self);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let permit = tokio::select! {
                () = shared.stop.cancelled() => break,
                permit = Arc::clone(&shared.room).acquire_owned() => permit,
            };
            let Ok(permit) = permit else { break };
            let accepted = tokio::select! {
                () = shared.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (door, watcher) = (Arc::clone(&shared), graceful.watcher());
                    connections.spawn(async move {
                        door.answer.connections(1);
                        door.connection(stream, watcher).await;
                        door.answer.connections(-1);
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "mlp: accept failed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        let _ = timeout(FAREWELL, graceful.shutdown()).await;
        let _ = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
    }

    async fn connection(self: &Arc<Self>, stream: TcpStream, watcher: hyper_util::server::graceful::Watcher) {
        let _ = stream.set_nodelay(true);
        let idle = Duration::from_secs(self.config.idle_s.max(1).into());
        let (stream, names): (Box<dyn Stream>, Vec<String>) = match &self.tls {
            None => (Box::new(stream), Vec::new()),
            Some(tls) => match timeout(idle, tls.accept(stream)).await {
                Ok(Ok(secured)) => (secured.stream, secured.names),
                Ok(Err(error)) => {
                    tracing::info!(%error, "mlp: TLS handshake failed");
                    return;
                }
                Err(_) => return,
            },
        };
        let caller = Caller { names: Arc::new(names) };
        let activity = Arc::new(Activity::new());
        let service = service_fn({
            let (door, activity) = (Arc::clone(self), Arc::clone(&activity));
            move |request| {
                let (door, caller, busy) = (Arc::clone(&door), caller.clone(), activity.begin());
                async move {
                    let response = door.request(caller, request).await;
                    drop(busy);
                    Ok::<_, Infallible>(response)
                }
            }
        });
        let builder = http(idle);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut connection = pin!(watcher.watch(connection));
        // A connection on which nothing happens is closed, whichever state it is in.
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "mlp: connection ended");
                    }
                    return;
                }
                () = tokio::time::sleep(activity.left(idle)) => {
                    if activity.left(idle).is_zero() {
                        return;
                    }
                }
            }
        }
    }

    async fn request(&self, caller: Caller, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let known = self.config.paths.iter().any(|p| p.trim_end_matches('/') == path.trim_end_matches('/'));
        let refusal = if !known {
            Some(StatusCode::NOT_FOUND)
        } else if request.method() != Method::POST {
            Some(StatusCode::METHOD_NOT_ALLOWED)
        } else if request.body().size_hint().lower() > self.config.max_body {
            Some(StatusCode::PAYLOAD_TOO_LARGE)
        } else if request.headers().get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        } else {
            None
        };
        if let Some(status) = refusal {
            self.answer.turned_away(status);
            return turned_away(status, request.into_body());
        }
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .map(|v| v.chars().take(200).collect());
        let within = Duration::from_secs(self.config.body_s.max(1).into());
        let mut body = request.into_body();
        let octets = match timeout(within, read(&mut body, self.config.max_body)).await {
            Ok(Ok(octets)) => octets,
            Ok(Err(status)) => {
                self.answer.turned_away(status);
                return turned_away(status, body);
            }
            Err(_) => {
                self.answer.turned_away(StatusCode::REQUEST_TIMEOUT);
                return plain(StatusCode::REQUEST_TIMEOUT);
            }
        };
        let reply = self.answer.answer(caller, content_type, octets).await;
        let mut response = Response::new(Full::new(Bytes::from(reply.body)));
        *response.status_mut() = reply.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(XML));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// How HTTP is spoken.
fn http(idle: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Some(idle))
        .keep_alive_timeout(idle);
    builder
}

/// Reads a body, up to so many octets.
async fn read(body: &mut Incoming, most: u64) -> Result<Bytes, StatusCode> {
    let mut octets = bytes::BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        if (octets.len() + data.len()) as u64 > most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        octets.extend_from_slice(&data);
    }
    Ok(octets.freeze())
}

/// An answer to a request that is not read.
fn turned_away(status: StatusCode, mut body: Incoming) -> Response<Full<Bytes>> {
    if !body.is_end_stream() {
        // Closing on a client that still writes would take the answer from it.
        tokio::spawn(timeout(DRAIN.1, async move {
            let mut left = DRAIN.0;
            while let Some(Ok(frame)) = body.frame().await {
                let octets = frame.data_ref().map_or(0, |d| d.len() as u64);
                left = left.saturating_sub(octets);
                if left == 0 {
                    break;
                }
            }
        }));
    }
    plain(status)
}

/// An answer in words.
fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let text = match status {
        StatusCode::NOT_FOUND => "no such path: see mlp.paths\n",
        StatusCode::METHOD_NOT_ALLOWED => "MLP documents are sent by POST\n",
        StatusCode::PAYLOAD_TOO_LARGE => "the document is too large\n",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send the document as it is, without a content encoding\n",
        StatusCode::REQUEST_TIMEOUT => "the document did not arrive in time\n",
        _ => "the request could not be read\n",
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// When something last happened on a connection.
struct Activity {
    origin: Instant,
    /// Milliseconds from the origin.
    last: AtomicU64,
    busy: AtomicU32,
}

impl Activity {
    fn new() -> Self {
        Self { origin: Instant::now(), last: AtomicU64::new(0), busy: AtomicU32::new(0) }
    }

    fn touch(&self) {
        self.last.store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// How long the connection may still be idle.
    fn left(&self, idle: Duration) -> Duration {
        if self.busy.load(Ordering::Acquire) > 0 {
            return idle;
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        (last + idle).saturating_sub(self.origin.elapsed())
    }
}

/// A request under way.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}
