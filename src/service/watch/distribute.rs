//! From the journal to the queues of those who watch.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::index::Index;
use super::journal::{Heard, Journal};
use super::stream::Watcher;
use super::{Config, WatchError};
use crate::base::{LocationEstimate, SetId, Utc};
use crate::store::{Store, StoreError};

/// Positions distributed without a pause.
const STRETCH: usize = 128;

/// The journal and all who watch.
pub(in crate::service) struct Watchers {
    pub(super) config: Config,
    pub(super) journal: Journal,
    index: RwLock<Index>,
    /// The number of the next position to be distributed.
    cursor: AtomicU64,
    wake: Notify,
    running: AtomicBool,
    /// The numbers are those of the store.
    recalled: AtomicBool,
}

impl Watchers {
    /// Nobody watches yet; `journal` names the journal.
    pub(in crate::service) fn new(config: Config, journal: u32, keep: Duration) -> Self {
        // Where no position is kept, the journal holds just what is on its way.
        let (most, keep) = match config.journal.clamp(16, 10_000_000) as usize {
            _ if keep.is_zero() => (1024, Duration::from_secs(10)),
            most => (most, keep),
        };
        Self {
            config,
            journal: Journal::new(journal, most, keep),
            index: RwLock::default(),
            cursor: AtomicU64::new(1),
            wake: Notify::new(),
            running: AtomicBool::new(false),
            recalled: AtomicBool::new(false),
        }
    }

    /// Goes on with the journal in the store. Before anybody watches.
    pub(in crate::service) async fn recall(&self, store: &dyn Store) -> Result<(), StoreError> {
        let earlier = super::keep::take(store, self.journal.end().0).await?;
        self.journal.go_on(earlier);
        self.recalled.store(true, Ordering::Release);
        Ok(())
    }

    /// Puts the journal into the store, for the next start; nothing comes in any more.
    pub(in crate::service) async fn put_away(&self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.recalled.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        super::keep::put(store, self.journal.contents()).await
    }

    /// Takes a position that came into the house.
    pub(in crate::service) fn note(
        &self,
        target: &SetId,
        canonical: &SetId,
        estimate: &Arc<LocationEstimate>,
        ordered: bool,
        at: Utc,
    ) {
        self.journal.note(Heard {
            sequence: 0,
            target: target.clone(),
            canonical: canonical.clone(),
            estimate: Arc::clone(estimate),
            ordered,
            at,
        });
        self.wake.notify_one();
    }

    /// Forgets the positions of a target.
    pub(in crate::service) fn forget(&self, identities: &[SetId]) {
        self.journal.forget(identities);
    }

    /// How many watch.
    pub(in crate::service) fn count(&self) -> u32 {
        self.index.read().unwrap_or_else(PoisonError::into_inner).count()
    }

    pub(super) fn add(&self, watcher: &Arc<Watcher>) -> Result<(), WatchError> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.add(watcher, self.config.max, self.config.max_per_client)
    }

    pub(super) fn remove(&self, watcher: &Arc<Watcher>) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).remove(watcher);
    }

    /// The journal's name, and the number of the next position.
    pub(super) fn end(&self) -> (u32, u64) {
        self.journal.end()
    }

    /// Whether the distributor has to be started: true once. What came in before concerns nobody.
    pub(super) fn claim(&self) -> bool {
        let first = !self.running.swap(true, Ordering::AcqRel);
        if first {
            self.cursor.store(self.journal.end().1, Ordering::Release);
        }
        first
    }

    /// Distributes what comes in until the service stops.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            loop {
                let page = self.journal.page(self.cursor.load(Ordering::Acquire), STRETCH);
                {
                    let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
                    for heard in &page.heard {
                        index.offer(heard);
                    }
                }
                self.cursor.store(page.next, Ordering::Release);
                if page.all {
                    break;
                }
                tokio::task::yield_now().await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
            }
        }
    }
}
