//! The server: documents come in by HTTP, reports leave by it.
//!
//! ```text
//!  POST ──► listener ──► desk: parse, login ──► immediate ──► Service::locate ──► slia, eme_lia
//!                             │                 historic  ──► Service::history ──► hlia
//!                             │                 later     ──► Shelf::Requests … ──► outbox ──► slirep, eme_lirep, hlirep
//!                             └───────────────► triggered ──► Triggers … reports ──► outbox ──► tlrep, tlrpr, tlqrep
//!            positions of handsets that report themselves ──► reports ──► outbox ──► slrep
//! ```
//!
//! Everything that concerns a service is answered under HTTP status 200 with MLP's own result codes. A document that is no
//! request of MLP gets a general error message under 404; a request that is not even read gets the status of HTTP that says
//! why (404 path, 405 method, 408 time, 413 size, 415 content encoding).

mod asking;
mod config;
mod desk;
mod immediate;
mod later;
mod listener;
mod places;
mod reports;
mod sessions;
mod triggered;
mod verdicts;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{BadConfig, Config};
pub use listener::{Handshake, Secured, Stream, Tls};

use super::outbox::{Outbox, Overview};
use crate::base::Utc;
use crate::observe::Metrics;
use crate::service::Service;
use crate::service::triggers::Triggers;
use crate::store::{Store, StoreError};
use desk::Desk;
use listener::Ports;

/// What the door is made of.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// The location service.
    pub service: Service,
    /// Triggered requests.
    pub triggers: Triggers,
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// Reports on their way.
    pub outbox: Outbox,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub now: Arc<dyn Fn() -> Utc + Send + Sync>,
    /// Ends background work.
    pub stop: CancellationToken,
}

/// What requests are served with.
#[derive(Clone)]
struct Services {
    service: Service,
    triggers: Triggers,
    store: Arc<dyn Store>,
    outbox: Outbox,
    metrics: Arc<Metrics>,
    now: Arc<dyn Fn() -> Utc + Send + Sync>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Services {
    /// Runs something until it is done or everything stops; what it was at is in the store.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}

/// The door.
pub struct Door {
    desk: Arc<Desk>,
}

impl Door {
    /// A door that takes requests as soon as it is [run](Self::run). Triggers that came through it may go on from now on.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, service, triggers, store, outbox, metrics, now, stop } = parts;
        let tasks = TaskTracker::new();
        let services = Services { service, triggers, store, outbox, metrics, now, stop, tasks };
        let desk = Desk::shared(Arc::new(config), services);
        desk.services.triggers.connect(triggered::DOOR, Arc::new(reports::Sink(Arc::clone(&desk))));
        Self { desk }
    }

    /// Goes on with what was accepted before, and serves until `stop` resolves; then everybody who waits gets an answer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn run(
        self,
        plain: Vec<TcpListener>,
        secure: Vec<TcpListener>,
        tls: Option<Arc<dyn Tls>>,
        stop: CancellationToken,
    ) -> Result<(), StoreError> {
        let desk = self.desk;
        desk.services.outbox.start();
        desk.resume().await?;
        desk.services.spawn(Arc::clone(&desk).tell());
        let ports = Ports { plain, secure, tls };
        listener::serve(ports, Arc::clone(&desk.config), Arc::new(Arc::clone(&desk)), stop).await;
        desk.services.triggers.disconnect(triggered::DOOR);
        desk.services.tasks.close();
        Ok(())
    }

    /// What the operator sees of reports.
    pub fn reports(&self) -> Overview {
        self.desk.services.outbox.overview()
    }
}
