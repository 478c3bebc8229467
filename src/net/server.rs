//! What all connections share: the world they are served from, limits, session ids, and the way to stop.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Limits;
use super::counters::Counters;
use super::limits::ConnectionLimits;
use super::tls::{HandshakeFailure, TlsVersion};
use crate::base::cell::ReferenceLocator;
use crate::base::time::Clock;
use crate::base::{Now, Utc};
use crate::gnss::SkySnapshot;
use crate::observe::trace::Tracer;
use crate::slc::ni::{OrderEvent, Rendezvous, Revocation, Revoke};
use crate::slc::{AccessCheck, Action, Env, Input, Params, Policy, PositionReport, Session, SessionRecord};
use crate::wire::lpp::LppMemo;

/// What sessions are served from. Every part is a snapshot behind a swap: a session sees the newest at each message, except
/// for its policy, which it keeps.
#[derive(Clone)]
pub struct World {
    /// The satellites.
    pub sky: Arc<ArcSwap<SkySnapshot>>,
    /// Where cells and access points are.
    pub cells: Arc<ArcSwap<Box<dyn ReferenceLocator>>>,
    /// Who may claim which identity.
    pub access: Arc<ArcSwap<Box<dyn AccessCheck>>>,
    /// Settings of sessions that begin from now on.
    pub policy: Arc<ArcSwap<Policy>>,
    /// LPP messages that were encoded or decoded before.
    pub memo: Arc<LppMemo>,
    /// Orders that wait for their SET.
    pub orders: Arc<dyn Rendezvous>,
}

/// How a connection is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Plain,
    /// TLS over TCP.
    Tls(TlsVersion),
}

impl Transport {
    /// Name for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "tcp",
            Self::Tls(_) => "tls",
        }
    }
}

/// Facts about a connection that its session does not know.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Number in this process, from 1.
    pub id: u64,
    /// The handset's address, as seen from here.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// TLS or not.
    pub transport: Transport,
    /// When the connection was accepted.
    pub opened: Now,
    /// How long the TLS handshake took; zero without one.
    pub handshake: Duration,
}

/// Who takes what comes out of sessions. Called on the tasks of connections: implementations return at once.
pub trait Host: Send + Sync {
    /// A position came out of a session on this connection.
    fn position(&self, connection: &Connection, report: PositionReport);
    /// Something happened to an order; see [`OrderEvent`].
    fn ordered(&self, slp_session: [u8; 4], event: OrderEvent) {
        let _ = (slp_session, event);
    }
    /// A session is over.
    fn ended(&self, connection: &Connection, record: SessionRecord);
    /// A TLS handshake succeeded.
    fn handshake(&self, version: TlsVersion, took: Duration) {
        let _ = (version, took);
    }
    /// A TLS handshake failed.
    fn handshake_failed(&self, reason: HandshakeFailure) {
        let _ = reason;
    }
}

/// A session machine as the driver sees it; [`Session`] is the one there is.
pub trait Machine: Send {
    /// Takes one input; see [`Session::handle`].
    fn handle(&mut self, now: Now, env: &Env<'_>, input: Input<'_>, out: &mut Vec<Action>);
    /// When to come back; see [`Session::next_timeout`].
    fn next_timeout(&self) -> Option<std::time::Instant>;
}

impl Machine for Session {
    fn handle(&mut self, now: Now, env: &Env<'_>, input: Input<'_>, out: &mut Vec<Action>) {
        Self::handle(self, now, env, input, out);
    }

    fn next_timeout(&self) -> Option<std::time::Instant> {
        Self::next_timeout(self)
    }
}

/// Whether a new session is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Serve,
    /// A limit was reached, or the server is stopping: the session is told so and ends.
    Refuse,
}

/// Makes the machine of a new session.
pub type NewMachine = fn(Params, Admission) -> Box<dyn Machine>;

/// Makes [`Session`]s.
pub fn new_session(params: Params, admission: Admission) -> Box<dyn Machine> {
    Box::new(match admission {
        Admission::Serve => Session::new(params),
        Admission::Refuse => Session::refusing(params),
    })
}

/// What a [`Server`] is made of.
pub struct Parts {
    /// The server's clock.
    pub clock: Clock,
    /// What sessions are served from.
    pub world: World,
    /// Who takes the results.
    pub host: Arc<dyn Host>,
    /// Session traces.
    pub tracer: Arc<Tracer>,
    /// Limits on connections.
    pub limits: Limits,
    /// Session machines; [`new_session`].
    pub new_machine: NewMachine,
}

/// The server towards handsets.
pub struct Server {
    pub(super) clock: Clock,
    pub(super) world: World,
    pub(super) host: Arc<dyn Host>,
    pub(super) tracer: Arc<Tracer>,
    pub(super) limits: Limits,
    pub(super) new_machine: NewMachine,
    pub(super) counters: Arc<Counters>,
    pub(super) admission: Arc<ConnectionLimits>,
    /// New sessions are refused.
    pub(super) draining: CancellationToken,
    /// Running sessions end, too.
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    ids: AtomicU64,
    session_ids: Mutex<HashSet<[u8; 4]>>,
    session_ended: Notify,
    /// Sessions that serve an order, and the way to tell them that it is revoked.
    serving: Mutex<HashMap<[u8; 4], oneshot::Sender<Revocation>>>,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections open when it began.
    pub open: usize,
    /// Those of them that were cut off because their time was up.
    pub cut: usize,
}

impl Server {
    /// A server without listeners yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { clock, world, host, tracer, limits, new_machine } = parts;
        Arc::new(Self {
            admission: ConnectionLimits::new(limits.max, limits.max_per_source),
            clock,
            world,
            host,
            tracer,
            limits,
            new_machine,
            counters: Arc::default(),
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ids: AtomicU64::new(1),
            session_ids: Mutex::default(),
            session_ended: Notify::new(),
            serving: Mutex::default(),
        })
    }

    /// What connections count.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.admission.open()
    }

    /// Sessions running now.
    pub fn sessions(&self) -> usize {
        self.session_ids.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether the server is on its way out.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Lets running sessions end within `limit`, refuses new ones meanwhile, then ends what is left with the standard's
    /// answer and closes. Returns when no connection is left.
    pub async fn drain(&self, limit: Duration) -> Drained {
        let open = self.open();
        self.draining.cancel();
        self.tasks.close();
        let cut =
            if tokio::time::timeout(limit, self.no_session()).await.is_ok() { 0 } else { self.sessions() };
        self.stop.cancel();
        // What is left is bounded: one write and one farewell each.
        let grace = self.limits.write + self.limits.linger * 2 + Duration::from_secs(1);
        let _ = tokio::time::timeout(grace, self.tasks.wait()).await;
        Drained { open, cut }
    }

    /// Resolves when no session is running.
    async fn no_session(&self) {
        loop {
            let ended = self.session_ended.notified();
            if self.sessions() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Reads the clock. The monotonic part is the timer wheel's, which is the same clock outside of tests.
    pub(super) fn now(&self) -> Now {
        Now { mono: tokio::time::Instant::now().into_std(), utc: self.clock.now().utc }
    }

    /// UTC now.
    pub(super) fn utc(&self) -> Utc {
        self.clock.now().utc
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Draws a session id that no open session has. `None` when the system has no randomness to give.
    pub(super) fn draw_session_id(self: &Arc<Self>) -> Option<SessionIdGuard> {
        use ring::rand::SecureRandom;
        let random = ring::rand::SystemRandom::new();
        loop {
            let mut id = [0; 4];
            random.fill(&mut id).ok()?;
            if self.session_ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
                return Some(SessionIdGuard { server: Arc::clone(self), id });
            }
        }
    }
}

impl Revoke for Server {
    fn revoke(&self, slp_session: [u8; 4], why: Revocation) {
        let told = self.serving.lock().unwrap_or_else(PoisonError::into_inner).remove(&slp_session);
        if let Some(told) = told {
            // A session that ends just now needs no telling.
            let _ = told.send(why);
        }
    }
}

impl Server {
    /// Makes a session known as serving an order.
    pub(super) fn serves(self: &Arc<Self>, slp_session: [u8; 4]) -> ServingGuard {
        let (tell, told) = oneshot::channel();
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).insert(slp_session, tell);
        ServingGuard { server: Arc::clone(self), slp_session, told, over: false }
    }
}

/// A session that serves an order, as long as it does.
pub(super) struct ServingGuard {
    server: Arc<Server>,
    slp_session: [u8; 4],
    told: oneshot::Receiver<Revocation>,
    over: bool,
}

impl ServingGuard {
    /// Resolves when the order is revoked, once. May be dropped at any await.
    pub(super) async fn revoked(&mut self) -> Revocation {
        if !self.over {
            let why = (&mut self.told).await;
            self.over = true;
            if let Ok(why) = why {
                return why;
            }
        }
        std::future::pending().await
    }
}

impl Drop for ServingGuard {
    fn drop(&mut self) {
        self.server.serving.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slp_session);
    }
}

/// A session id in use.
pub(super) struct SessionIdGuard {
    server: Arc<Server>,
    pub(super) id: [u8; 4],
}

impl Drop for SessionIdGuard {
    fn drop(&mut self) {
        self.server.session_ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.server.session_ended.notify_waiters();
    }
}
