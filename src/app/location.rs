//! The location service of a configuration.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::AppError;
use crate::base::Now;
use crate::base::time::Clock;
use crate::config::Config;
use crate::observe::Metrics;
use crate::service::audit::Audit;
use crate::service::triggers::{self, Triggers};
use crate::service::{Book, Parts, Positions, Profiles, Push, Service};
use crate::slc::Policy;
use crate::store::Store;

/// The profiles of a configuration, the files that it names included.
pub(super) fn read_book(config: &Config, data: &Path, before: Option<&Book>) -> Result<Book, AppError> {
    let profiles = Profiles { clients: config.clients.clone(), subscribers: config.subscribers.clone() };
    let book = Book::read(&profiles, &config.privacy, data, before)?;
    let clear = book.clear_passwords();
    if !clear.is_empty() {
        tracing::warn!(
            clients = clear.join(" "),
            "passwords of clients stand in the configuration in clear: `groma clients hash` makes password_hash of them"
        );
    }
    Ok(book)
}

/// What doors stand on.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    pub(super) service: Service,
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) triggers: Triggers,
    /// Stops what works in the background, the triggers included.
    pub(super) background: CancellationToken,
}

impl<'a> Ground<'a> {
    /// Reads the triggered requests that are to go on, and the journal of those who watch. They [begin](Self::begin) when the doors through which their reports
    /// leave are open.
    pub(super) async fn open(
        config: &'a Config,
        service: &Service,
        store: Arc<dyn Store>,
        metrics: &Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, AppError> {
        service.recall().await?;
        let background = CancellationToken::new();
        let triggers = Triggers::open(triggers::Parts {
            config: config.triggers.clone(),
            store: Arc::clone(&store),
            locate: Arc::new(service.clone()),
            now: Arc::new(move || clock.now().utc),
            stop: background.clone(),
        })
        .await?;
        let (service, metrics) = (service.clone(), Arc::clone(metrics));
        Ok(Self { config, service, store, metrics, clock, triggers, background })
    }

    /// Lets time and positions have their way with triggered requests.
    pub(super) fn begin(&self) {
        tokio::spawn(self.triggers.clone().listen(self.service.subscribe_positions()));
        tokio::spawn(self.triggers.clone().run());
    }
}

/// Builds the service.
pub(super) fn build(
    config: &Config,
    clock: Clock,
    positions: Positions,
    push: Arc<dyn Push>,
    policy: Arc<ArcSwap<Policy>>,
    metrics: &Arc<Metrics>,
) -> Result<Service, AppError> {
    let book = read_book(config, &config.data, None)?;
    let audit = Audit::open(&config.audit(), Arc::clone(metrics), clock.now().utc)?;
    // The monotonic part is the timer wheel's, which is the same clock outside of tests.
    let now = move || Now { mono: tokio::time::Instant::now().into_std(), utc: clock.now().utc };
    let parts = Parts {
        now: Arc::new(now),
        positions,
        push,
        policy,
        audit,
        metrics: Arc::clone(metrics),
        config: config.service.clone(),
        book,
    };
    Service::new(parts).map_err(|e| AppError::Section { section: "service", problem: e.to_string() })
}
