//! Keeps the sky: one task owns it, takes in what the sources deliver, keeps that in the store, and publishes a snapshot after
//! each change.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::{Config, SourceConfig};
use super::rinex::ImportReport;
use super::sources::{self, Source};
use super::status::Statuses;
use super::{FeedError, SourceStatus, simulated, to_records, to_updates};
use crate::base::time::Clock;
use crate::gnss::{AgePolicy, Sky, SkyConfig, SkySnapshot, SkyUpdate};
use crate::store::Store;

/// Deliveries that may wait to be taken in.
const QUEUE: usize = 8;
/// How often expired data are dropped.
const EXPIRE_EVERY: Duration = Duration::from_mins(1);
/// After how many of these the store is rid of them as well.
const PURGE_EVERY: u32 = 60;

/// What a source hands over.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Which source.
    pub(super) source: usize,
    pub(super) update: SkyUpdate,
    /// What was found in the file, for one that was read.
    pub(super) report: Option<ImportReport>,
}

/// The running feeds and the sky they keep.
#[derive(Debug)]
pub struct Feed {
    sky: Arc<ArcSwap<SkySnapshot>>,
    statuses: Statuses,
    tasks: TaskTracker,
}

impl Feed {
    /// Loads what the store holds and is still valid, then starts the sources; they run until `stop`. A simulated sky is
    /// there when this returns.
    ///
    /// # Errors
    /// When the configuration is not possible, certificates cannot be read, or the store fails.
    pub async fn start(
        config: &Config,
        sky: SkyConfig,
        clock: Clock,
        store: Option<Arc<dyn Store>>,
        stop: CancellationToken,
    ) -> Result<Self, FeedError> {
        config.check()?;
        let store = store.filter(|_| config.keep && !config.is_simulated());
        let statuses = Statuses::default();
        let published = Arc::new(ArcSwap::from_pointee(SkySnapshot::default()));
        let mut keeper = Keeper {
            policy: sky.max_age.clone(),
            sky: Sky::new(sky),
            clock,
            store,
            statuses: statuses.clone(),
            published: Arc::clone(&published),
        };
        keeper.load().await?;

        let tasks = TaskTracker::new();
        let (deliver, deliveries) = mpsc::channel(QUEUE);
        for source in &config.sources {
            let number = statuses.add(source.name(), source.kind());
            let runner = Source {
                number,
                name: source.name(),
                clock,
                statuses: statuses.clone(),
                out: deliver.clone(),
            };
            match source {
                SourceConfig::Simulated(_) => {
                    let update = simulated::sky_at(clock.now().gps());
                    keeper.take(Delivery { source: number, update, report: None }).await;
                    tasks.spawn(until(stop.clone(), sources::simulate(runner)));
                }
                SourceConfig::Directory(d) => {
                    tasks.spawn(until(stop.clone(), sources::watch(runner, d.clone())));
                }
                SourceConfig::Http(h) => {
                    let fetcher = super::http::Fetcher::new(h)?;
                    tasks.spawn(until(stop.clone(), sources::poll(runner, h.clone(), fetcher)));
                }
            }
        }
        drop(deliver);
        tasks.spawn(keeper.run(deliveries, stop));
        tasks.close();
        Ok(Self { sky: published, statuses, tasks })
    }

    /// The sky as it is now.
    pub fn sky(&self) -> Arc<SkySnapshot> {
        self.sky.load_full()
    }

    /// The place where each new snapshot is put.
    pub fn shared(&self) -> Arc<ArcSwap<SkySnapshot>> {
        Arc::clone(&self.sky)
    }

    /// How the sources do.
    pub fn status(&self) -> Vec<SourceStatus> {
        self.statuses.all()
    }

    /// Done when all tasks have ended, after `stop`.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Runs a source until it is told to stop.
async fn until(stop: CancellationToken, source: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = source => {}
    }
}

/// The owner of the sky.
struct Keeper {
    sky: Sky,
    policy: AgePolicy,
    clock: Clock,
    store: Option<Arc<dyn Store>>,
    statuses: Statuses,
    published: Arc<ArcSwap<SkySnapshot>>,
}

impl Keeper {
    /// Takes over what the store holds.
    async fn load(&mut self) -> Result<(), FeedError> {
        let Some(store) = &self.store else { return Ok(()) };
        let now = self.clock.now().gps();
        let records = store.load_sky(now).await?;
        if records.is_empty() {
            return Ok(());
        }
        let count = records.len();
        for update in to_updates(records) {
            // The store holds nothing simulated, so this cannot be refused.
            let _ = self.sky.apply(&update);
        }
        tracing::info!(records = count, "navigation data of the store are still valid");
        self.publish();
        Ok(())
    }

    async fn run(mut self, mut deliveries: mpsc::Receiver<Delivery>, stop: CancellationToken) {
        let mut rounds = 0_u32;
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(delivery) = deliveries.recv() => self.take(delivery).await,
                _ = expire.tick() => {
                    self.expire(rounds.is_multiple_of(PURGE_EVERY)).await;
                    rounds = rounds.wrapping_add(1);
                }
            }
        }
    }

    async fn take(&mut self, delivery: Delivery) {
        let Delivery { source, update, report } = delivery;
        let rejected = report.as_ref().map_or(0, ImportReport::total_skipped);
        let applied = match self.sky.apply(&update) {
            Ok(applied) => applied,
            Err(e) => {
                if self.statuses.failed(source, &e.to_string()) {
                    tracing::error!(source = update.source, error = %e, "navigation data refused");
                }
                return;
            }
        };
        self.statuses.took(source, update.ephemerides.len(), rejected);
        if let Some(r) = &report {
            tracing::info!(source = update.source, new = applied.new, "navigation data taken in: {r}");
        }
        // What a file holds of past days is of no use; the sky need not carry it until the next round.
        self.sky.expire(self.clock.now().gps());
        self.publish();
        if let Some(store) = &self.store {
            let records = to_records(&update, &self.policy, self.clock.now().gps());
            if let Err(e) = store.put_sky(records).await {
                tracing::error!(error = %e, "navigation data are not kept for a restart");
            }
        }
    }

    async fn expire(&mut self, purge: bool) {
        let now = self.clock.now().gps();
        if self.sky.expire(now) > 0 {
            self.publish();
        }
        // A clock set to another date says nothing about what will be valid at the next start.
        if let Some(store) = self.store.as_ref().filter(|_| purge && !self.clock.is_shifted())
            && let Err(e) = store.purge_sky(now).await
        {
            tracing::error!(error = %e, "expired navigation data stay in the store");
        }
    }

    fn publish(&self) {
        self.published.store(Arc::new(self.sky.snapshot()));
    }
}
