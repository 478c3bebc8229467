//! The composition root: builds the rooms from a configuration, runs them, reloads and stops them.
//!
//! ```text
//!  Config ─► store ─► feeds ─► SkySnapshot ─┐
//!         ─► cell table ─► Locator ─────────┼─► net::Server ─► listeners
//!         ─► policy, access, certificates ──┘        │ records, positions
//!         ─► le::http ◄── status, metrics ◄── Shared ◄┘
//! ```
//!
//! Everything that sessions are served from lies behind an `ArcSwap`; a reload puts new values there.

mod backend;
mod host;
mod location;
mod mlp;
mod reload;
pub mod signals;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::Now;
use crate::base::cell::ReferenceLocator;
use crate::base::time::Clock;
use crate::cells::{CellsError, Locator};
use crate::config::{Config, ConfigError};
use crate::feed::{Feed, FeedError};
use crate::le::http::ListenerStatus;
use crate::net::push::Pusher;
use crate::net::tls::{RustlsBackend, TlsBackend, TlsError};
use crate::net::{self, BindError, Drained, Listener, Parts, World};
use crate::observe::Metrics;
use crate::observe::log::LogHandle;
use crate::observe::trace::Tracer;
use crate::service::{BookError, Positions, Service};
use crate::slc::{AccessCheck, Policy};
use crate::store::{SledStore, Store, StoreError};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A value that a room refuses.
    #[error("{section}: {problem}")]
    Section {
        /// The section.
        section: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The data folder.
    #[error("cannot make the data folder {}: {source}", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A port for LCS clients.
    #[error("cannot listen on {address} ({key}): {source}{}", crate::net::way_out(source))]
    Mlp {
        /// Which.
        address: SocketAddr,
        /// Where the configuration names it.
        key: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Clients and subscribers.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The audit record.
    #[error(transparent)]
    Audit(#[from] crate::service::audit::AuditError),
    /// The cell table.
    #[error(transparent)]
    Cells(#[from] CellsError),
    /// Navigation data.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Certificates.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// Authorities that bearers of SUPL INIT are to trust.
    #[error("push: {0}")]
    Push(#[from] net::push::TrustError),
    /// A port for handsets.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The operator's port.
    #[error("cannot listen on {address} (http.listen): {source}{}", crate::net::way_out(source))]
    Http {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Where a configuration came from, so that it can be read anew.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file, if there was one.
    pub file: Option<PathBuf>,
    /// Overrides from the command line.
    pub overrides: Vec<String>,
}

/// What the running parts share.
pub(crate) struct Shared {
    config: ArcSwap<Config>,
    /// `None` when the configuration was made in memory: a reload then reads only certificates and cells anew.
    origin: Option<Origin>,
    log: Option<LogHandle>,
    clock: Clock,
    started: Now,
    metrics: Arc<Metrics>,
    feed: Feed,
    world: World,
    cells: AtomicU64,
    tls: Arc<RustlsBackend>,
    tracer: Arc<Tracer>,
    server: Arc<net::Server>,
    draining: AtomicBool,
    listeners: Vec<ListenerStatus>,
    outcomes: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    reloading: Mutex<()>,
    service: Service,
    reports: crate::le::mlp::outbox::Outbox,
    mlp_tls: Option<Arc<RustlsBackend>>,
}

/// A server that runs until it is shut down.
pub struct RunningApp {
    shared: Arc<Shared>,
    /// Where handsets connect, in the order of the configuration, with the ports that the system chose where 0 was asked
    /// for.
    pub supl: Vec<SocketAddr>,
    /// The operator's pages.
    pub http: SocketAddr,
    /// Where LCS clients connect by HTTP, in the order of the configuration.
    pub mlp: Vec<SocketAddr>,
    /// Where they connect by HTTPS.
    pub mlp_tls: Vec<SocketAddr>,
    door: mlp::Mlp,
    stop: CancellationToken,
    tasks: TaskTracker,
    writer: JoinHandle<()>,
    positions: Positions,
    pusher: Pusher,
}

/// Starts a server.
pub struct App {
    config: Config,
    clock: Clock,
    origin: Option<Origin>,
    log: Option<LogHandle>,
}

impl App {
    /// A server with this configuration and clock.
    pub const fn new(config: Config, clock: Clock) -> Self {
        Self { config, clock, origin: None, log: None }
    }

    /// Lets reloads read the configuration anew and change the log level.
    #[must_use]
    pub fn reloadable(mut self, origin: Origin, log: LogHandle) -> Self {
        self.origin = Some(origin);
        self.log = Some(log);
        self
    }

    /// Opens the store and the ports and serves. Returns when handsets can connect.
    ///
    /// # Errors
    /// When anything that was configured cannot be had; nothing is left running then.
    pub async fn start(self) -> Result<RunningApp, AppError> {
        let Self { config, clock, origin, log } = self;
        let started = clock.now();
        std::fs::create_dir_all(&config.data)
            .map_err(|source| AppError::Data { path: config.data.clone(), source })?;
        let metrics = Arc::new(Metrics::new());
        let store: Arc<dyn Store> = Arc::new(SledStore::open(&config.store())?);
        let positions = Positions::new(Arc::clone(&store), &config.positions);
        let stop = CancellationToken::new();

        let names = vec![config.session.slp_address.clone()];
        let tls = Arc::new(RustlsBackend::new(config.tls.clone(), &config.data, names)?);
        let locator = Locator::open(&config.cells())?;
        let cells = AtomicU64::new(locator.cells());
        let policy = resolve_policy(&config)?;
        let limits = resolve_limits(&config)?;
        // Ports first: whoever cannot have them should not wait for anything else.
        let backend: Arc<dyn TlsBackend> = Arc::clone(&tls) as _;
        let listeners = Listener::bind_all(&config.listen, &backend)?;
        let (http, http_addr) = bind_pages(&config).await?;
        let mlp_ports = mlp::Ports::bind(&config).await?;
        let pusher = Pusher::start(&config.push, clock, Arc::clone(&metrics), stop.clone())?;
        let feed =
            Feed::start(&config.feed, config.sky.clone(), clock, Some(Arc::clone(&store)), stop.clone())
                .await?;
        let access: Box<dyn AccessCheck> = config.access.build();
        let locator: Box<dyn ReferenceLocator> = Box::new(locator);
        let policy = Arc::new(ArcSwap::from_pointee(policy));
        let (kept, push) = (positions.clone(), Arc::new(pusher.clone()));
        let service = location::build(&config, clock, kept, push, Arc::clone(&policy), &metrics)?;
        let world = World {
            sky: feed.shared(),
            cells: Arc::new(ArcSwap::from_pointee(locator)),
            access: Arc::new(ArcSwap::from_pointee(access)),
            policy,
            memo: Arc::default(),
            orders: service.rendezvous(),
        };
        let tracer = Tracer::new(config.trace.clone());
        let outcomes = Arc::default();
        let (host, writer) = host::Host::new(&metrics, service.clone(), Arc::clone(&outcomes));
        let server = net::Server::new(Parts {
            clock,
            world: world.clone(),
            host: Arc::new(host),
            tracer: Arc::clone(&tracer),
            limits,
            new_machine: net::new_session,
        });
        host::show_counters(&metrics, &server);
        let sessions: std::sync::Weak<net::Server> = Arc::downgrade(&server);
        service.carried_by(sessions);

        let supl: Vec<SocketAddr> = listeners.iter().map(Listener::address).collect();
        let mut shown = shown(&listeners, http_addr);
        shown.extend(mlp_ports.shown());
        let (mlp, mlp_tls) = mlp_ports.addresses.clone();
        let ground = location::Ground::open(&config, &service, store, &metrics, clock).await?;
        let door = mlp::Mlp::open(&ground, mlp_ports).await?;
        ground.begin();

        let shared = Arc::new(Shared {
            config: ArcSwap::from_pointee(config),
            origin,
            log,
            clock,
            started,
            metrics: Arc::clone(&metrics),
            feed,
            world,
            cells,
            tls,
            tracer,
            server,
            draining: AtomicBool::new(false),
            listeners: shown,
            outcomes,
            reloading: Mutex::new(()),
            service,
            reports: door.outbox.clone(),
            mlp_tls: door.tls.clone(),
        });
        let tasks = begin(&shared, listeners, http, &stop);
        shared.say_hello();
        Ok(RunningApp {
            shared,
            supl,
            http: http_addr,
            mlp,
            mlp_tls,
            door,
            stop,
            tasks,
            writer,
            positions,
            pusher,
        })
    }
}

impl RunningApp {
    /// Lets running sessions end within the configured limit, refuses new ones meanwhile, then stops everything. Every
    /// position that came out of a session is stored when this returns.
    pub async fn shutdown(self) -> Drained {
        self.shared.draining.store(true, Ordering::Relaxed);
        let limit = self.shared.config.load().drain();
        tracing::info!(
            sessions = self.shared.server.sessions(),
            limit_s = limit.as_secs(),
            "stopping: running sessions may end, new ones are refused"
        );
        self.shared.service.drain();
        self.door.close();
        let drained = self.shared.server.drain(limit).await;
        self.shared.service.shutdown().await;
        self.door.closed().await;
        self.stop.cancel();
        self.pusher.stopped().await;
        self.shared.feed.stopped().await;
        self.tasks.wait().await;
        // The writer ends when the last sender, which the server's host holds, is gone.
        let Self { shared, writer, .. } = self;
        drop(shared);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), writer).await;
        tracing::info!(open = drained.open, cut = drained.cut, "stopped");
        drained
    }

    /// Reads configuration, certificates and cells anew. Blocks.
    ///
    /// # Errors
    /// One line for the operator; nothing has changed then.
    pub fn reload(&self) -> Result<crate::le::http::Reloaded, String> {
        crate::le::http::Backend::reload(&*self.shared)
    }

    /// What is missing for the server to be ready; nothing when it is.
    pub fn missing(&self) -> Vec<String> {
        self.shared.missing()
    }

    /// The positions that came out of sessions.
    pub const fn positions(&self) -> &Positions {
        &self.positions
    }

    /// The location service.
    pub fn service(&self) -> &Service {
        &self.shared.service
    }

    /// What brings SUPL INITs to SETs.
    pub const fn pusher(&self) -> &Pusher {
        &self.pusher
    }

    /// A handle with which another task can reload.
    pub fn reloader(&self) -> Arc<dyn crate::le::http::Backend> {
        Arc::clone(&self.shared) as _
    }
}

/// Serves handsets and operators, and keeps the house.
fn begin(
    shared: &Arc<Shared>,
    listeners: Vec<Listener>,
    http: TcpListener,
    stop: &CancellationToken,
) -> TaskTracker {
    let tasks = TaskTracker::new();
    for listener in listeners {
        tasks.spawn(listener.run(Arc::clone(&shared.server)));
    }
    tasks.spawn(serve_pages(http, Arc::clone(shared), stop.clone()));
    let service = &shared.service;
    tasks.spawn(housekeeping(service.positions().clone(), shared.clock, stop.clone()));
    tasks.spawn(service.audit().clone().keep_synced(stop.clone().cancelled_owned()));
    tasks.close();
    tasks
}

/// Opens the port of the operator's pages.
async fn bind_pages(config: &Config) -> Result<(TcpListener, SocketAddr), AppError> {
    let failed = |source| AppError::Http { address: config.http.listen, source };
    let listener = TcpListener::bind(config.http.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves the operator's pages until the server stops.
async fn serve_pages(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let (config, metrics) = (shared.config.load().http.clone(), Arc::clone(&shared.metrics));
    let pages = shared as Arc<dyn crate::le::http::Backend>;
    if let Err(error) =
        crate::le::http::serve(listener, &config, pages, metrics, stop.cancelled_owned()).await
    {
        tracing::error!(%error, "the operator's pages are gone");
    }
}

/// The limits on connections of a configuration.
fn resolve_limits(config: &Config) -> Result<net::Limits, AppError> {
    let failed = |e: net::OutOfRange| AppError::Section { section: "connections", problem: e.to_string() };
    config.connections.resolve().map_err(failed)
}

/// The session policy of a configuration.
fn resolve_policy(config: &Config) -> Result<Policy, AppError> {
    config.session.resolve().map_err(|e| AppError::Section { section: "session", problem: e.to_string() })
}

/// Where the server listens, as its status tells.
fn shown(listeners: &[Listener], http: SocketAddr) -> Vec<ListenerStatus> {
    let supl = listeners.iter().map(|l| ListenerStatus {
        address: l.address().to_string(),
        what: format!("SUPL ({})", mode_name(l.mode())),
    });
    let http = ListenerStatus { address: http.to_string(), what: "HTTP".to_owned() };
    supl.chain(std::iter::once(http)).collect()
}

const fn mode_name(mode: net::ListenMode) -> &'static str {
    match mode {
        net::ListenMode::Auto => "TLS and plain",
        net::ListenMode::Tls => "TLS",
        net::ListenMode::Plain => "plain",
    }
}

/// Removes positions that were kept long enough, now and then.
async fn housekeeping(positions: Positions, clock: Clock, stop: CancellationToken) {
    const EVERY: std::time::Duration = std::time::Duration::from_mins(10);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        // A clock set to another date says nothing about how old positions are.
        if !clock.is_shifted()
            && let Err(error) = positions.purge(clock.now().utc).await
        {
            tracing::error!(%error, "old positions stay in the store");
        }
    }
}
