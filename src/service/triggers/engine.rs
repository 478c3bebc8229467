//! What is asked of triggers: taking them, telling of them, ending them; and the tasks that keep the time and look at
//! positions.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::follow::Following;
use super::progress::Progress;
use super::report::{End, ReportSink, TriggerReport};
use super::state::{Running, State};
use super::trigger::{Condition, Trigger, TriggerId};
use super::{Config, StoreFailure, TriggerError};
use crate::base::{LocationEstimate, SetId, Utc};
use crate::service::{Client, LocateError, LocateRequest, Located, PositionUpdate, Service};
use crate::store::{Shelf, Shelved, Store, StoreError};

/// Reports that a watcher may lag behind.
const WATCHED: usize = 1024;
/// Triggers whose changed memory is stored together.
const SAVED_TOGETHER: usize = 64;

/// An answer of the location service on its way.
pub type Locating = Pin<Box<dyn Future<Output = Result<Located, LocateError>> + Send>>;

/// The location service as triggers use it.
pub trait Locate: Send + Sync {
    /// Locates a target.
    fn locate(&self, request: LocateRequest) -> Locating;
    /// The client of this id, if it still is one.
    fn client(&self, id: &str) -> Option<Arc<Client>>;
    /// Whether the answers to a request tell only roughly where its target is, because the subscriber wants it so.
    fn is_rough(&self, _request: &LocateRequest) -> bool {
        false
    }
}

impl Locate for Service {
    fn locate(&self, request: LocateRequest) -> Locating {
        let service = self.clone();
        Box::pin(async move { service.locate(request).await })
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        Self::client(self, id)
    }

    fn is_rough(&self, request: &LocateRequest) -> bool {
        self.terms(request).is_some_and(|terms| terms.radius_m.is_some())
    }
}

/// What the engine is made of.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// Where triggers live.
    pub store: Arc<dyn Store>,
    /// Who locates.
    pub locate: Arc<dyn Locate>,
    /// What time it is.
    pub now: Arc<dyn Fn() -> Utc + Send + Sync>,
    /// Ends the engine; triggers go on at the next start.
    pub stop: CancellationToken,
}

/// All triggered requests; cheap to clone.
#[derive(Clone)]
pub struct Triggers(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) state: Mutex<State>,
    pub(super) wake: Notify,
    pub(super) watchers: broadcast::Sender<Arc<TriggerReport>>,
    pub(super) sinks: RwLock<BTreeMap<&'static str, Arc<dyn ReportSink>>>,
    pub(super) room: Arc<Semaphore>,
    /// Those whose memory has changed and is not stored yet.
    pub(super) changed: Mutex<Vec<Arc<Running>>>,
    pub(super) save: Notify,
}

/// How a triggered request is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// It, with those of its targets that have not been stopped.
    pub trigger: Arc<Trigger>,
    /// The number of its last report; 0 before the first.
    pub reports: u64,
    /// When it was over, where it is.
    pub over: Option<Utc>,
}

impl Status {
    fn of(running: &Running) -> Self {
        let progress = running.progress();
        let mut trigger = Arc::clone(&running.trigger);
        let ended = progress.over.then(|| progress.ended.unwrap_or(trigger.stop));
        if ended.is_none() && progress.targets.iter().any(|t| t.stopped) {
            let mut live = progress.targets.iter().map(|t| !t.stopped);
            let mut left = (*trigger).clone();
            left.targets.retain(|_| live.next().unwrap_or(true));
            trigger = Arc::new(left);
        }
        Self { trigger, reports: progress.reports, over: ended }
    }
}

impl Triggers {
    /// Reads what is in the store and goes on with it. Doors must [connect](Self::connect) before [`Self::run`].
    ///
    /// # Errors
    /// When the store cannot be read. A record that is not understood is left alone and logged.
    pub async fn open(parts: Parts) -> Result<Self, StoreError> {
        let room = Arc::new(Semaphore::new(parts.config.concurrent.max(1) as usize));
        let mut state = State::default();
        let mut progress: HashMap<Vec<u8>, Progress> = HashMap::new();
        for (key, value) in all(&*parts.store, Shelf::TriggerProgress).await? {
            if let Ok(known) = serde_json::from_slice(&value) {
                progress.insert(key, known);
            }
        }
        for (key, value) in all(&*parts.store, Shelf::Triggers).await? {
            // Together, as earlier releases kept them, or apart.
            let read = serde_json::from_slice::<(Trigger, Progress)>(&value);
            let read = read.or_else(|_| {
                let trigger: Trigger = serde_json::from_slice(&value)?;
                let known = progress.remove(&key).filter(|p| p.targets.len() == trigger.targets.len());
                let known = known.unwrap_or_else(|| Progress::new(&trigger));
                Ok::<_, serde_json::Error>((trigger, known))
            });
            if let Ok((trigger, progress)) = read {
                state.start(&Running::new(trigger, progress));
            } else {
                tracing::error!("a triggered request in the store is not understood");
            }
        }
        let (watchers, _) = broadcast::channel(WATCHED);
        Ok(Self(Arc::new(Inner {
            parts,
            state: Mutex::new(state),
            wake: Notify::new(),
            watchers,
            sinks: RwLock::default(),
            room,
            changed: Mutex::default(),
            save: Notify::new(),
        })))
    }

    /// Lets the reports of triggers that came through a door leave through it.
    pub fn connect(&self, door: &'static str, sink: Arc<dyn ReportSink>) {
        self.0.sinks.write().unwrap_or_else(PoisonError::into_inner).insert(door, sink);
    }

    /// Lets no more reports leave through a door: those that would wait for the next start.
    pub fn disconnect(&self, door: &str) {
        self.0.sinks.write().unwrap_or_else(PoisonError::into_inner).remove(door);
    }

    /// Every report from now on, for those who watch; one who lags far behind misses some.
    pub fn watch(&self) -> broadcast::Receiver<Arc<TriggerReport>> {
        self.0.watchers.subscribe()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.state().running.len()
    }

    /// What time it is.
    pub(super) fn now(&self) -> Utc {
        (self.0.parts.now)()
    }

    /// The triggers of a client that are not over.
    pub fn of(&self, owner: &str) -> Vec<Arc<Trigger>> {
        let state = self.0.state();
        let live = state.of(owner, None).map(|r| Status::of(r)).filter(|s| s.over.is_none());
        live.map(|s| s.trigger).collect()
    }

    /// A trigger of a client. Those that are over are still known for a while where their reports are kept.
    pub fn get(&self, owner: &str, id: &TriggerId) -> Option<Status> {
        self.find(owner, id).ok().map(|r| Status::of(&r))
    }

    /// Up to `most` triggers of a client that came through a door, in the order of their names, those behind `after`; those
    /// that are over included for as long as they are known.
    pub fn list(&self, owner: &str, door: &str, after: Option<&TriggerId>, most: usize) -> Vec<Status> {
        let state = self.0.state();
        let own = state.of(owner, after).filter(|r| r.trigger.door == door);
        own.take(most).map(|r| Status::of(r)).collect()
    }

    fn find(&self, owner: &str, id: &TriggerId) -> Result<Arc<Running>, TriggerError> {
        let running = self.0.state().running.get(id).filter(|r| r.trigger.owner == owner).cloned();
        running.ok_or(TriggerError::Unknown)
    }

    /// The reports of a trigger of a client that keeps them: those behind number `after` (0: all that are kept), then those
    /// to come. Any number may follow, each at its own pace.
    ///
    /// # Errors
    /// [`TriggerError::Unknown`], also for one that keeps none.
    pub fn follow(&self, owner: &str, id: &TriggerId, after: u64) -> Result<Following, TriggerError> {
        let running = self.find(owner, id)?;
        if running.trigger.keep == 0 {
            return Err(TriggerError::Unknown);
        }
        Ok(Following::new(Arc::clone(&self.0), running, after))
    }

    /// Whether so many targets may be in one request.
    pub(super) fn check_count(&self, targets: usize) -> Result<(), TriggerError> {
        let most = self.0.parts.config.max_targets;
        if targets == 0 || targets > most as usize { Err(TriggerError::TooManyTargets(most)) } else { Ok(()) }
    }

    /// Takes a request on: done when it is in the store. [`Trigger::stop`] is brought within the server's own limit.
    ///
    /// # Errors
    /// [`TriggerError`]; nothing is kept then.
    pub async fn add(&self, mut trigger: Trigger) -> Result<Arc<Trigger>, TriggerError> {
        let inner = &self.0;
        let config = &inner.parts.config;
        if trigger.every_s.is_none() && trigger.event.is_none() && !trigger.once {
            return Err(TriggerError::NoCondition);
        }
        if trigger.stop < trigger.start {
            return Err(TriggerError::Time("stop_time"));
        }
        if !trigger.once && trigger.every_s.is_some_and(|s| s < u64::from(config.min_interval_s)) {
            return Err(TriggerError::Interval(config.min_interval_s));
        }
        self.check_count(trigger.targets.len())?;
        if trigger.event.as_ref().is_some_and(|e| !e.is_sound()) {
            return Err(TriggerError::Condition);
        }
        if let Some(Condition::Distance { others, .. }) = trigger.event.as_ref().map(|e| &e.condition) {
            self.check_count(others.len())?;
        }
        trigger.keep = trigger.keep.min(config.keep_reports);
        let limit = trigger.start + Duration::from_secs(config.longest_s);
        if trigger.stop > limit {
            trigger.stop = limit;
            trigger.limited = true;
        }
        let progress = Progress::new(&trigger);
        let running = Running::new(trigger, progress);
        {
            let mut state = inner.state();
            let own = state.count_of(&running.trigger.owner);
            if state.running.len() >= config.max as usize || own >= config.max_per_client as usize {
                return Err(TriggerError::Full);
            }
            // Its place is taken before the store is asked, so that no burst of requests passes the limit.
            state.reserve(&running);
        }
        let place = Place { inner, running: Some(&running) };
        let changes = running.whole().map_err(StoreFailure)?;
        inner.parts.store.change(changes).await.map_err(StoreFailure)?;
        place.keep();
        inner.state().start(&running);
        inner.wake.notify_one();
        Ok(Arc::clone(&running.trigger))
    }

    /// Ends a request of a client, or, with `targets`, its part that concerns these. `Ok(true)` when nothing is left of it.
    ///
    /// # Errors
    /// [`TriggerError::Unknown`], [`TriggerError::UnknownTarget`] (nothing is ended then), [`TriggerError::Store`].
    pub async fn stop(&self, owner: &str, id: &TriggerId, targets: &[SetId]) -> Result<bool, TriggerError> {
        let running = self.find(owner, id)?;
        let whole = {
            let mut progress = running.progress();
            if progress.over {
                return Err(TriggerError::Unknown);
            }
            let mut places = Vec::new();
            for target in targets {
                let place = running.trigger.targets.iter().position(|f| f.identities().any(|i| i == target));
                let place = place.filter(|p| progress.targets.get(*p).is_some_and(|t| !t.stopped));
                places.push(place.ok_or(TriggerError::UnknownTarget)?);
            }
            for place in places {
                if let Some(t) = progress.targets.get_mut(place) {
                    t.stopped = true;
                }
            }
            let whole = targets.is_empty() || progress.targets.iter().all(|t| t.stopped);
            progress.over = whole;
            if whole {
                progress.targets.iter_mut().for_each(|t| t.stopped = true);
            }
            whole
        };
        if whole {
            self.0.state().remove(&running);
            self.0.erase(&running).await.map_err(StoreFailure)?;
        } else {
            let _pen = running.pen.lock().await;
            let change = running.record().map_err(StoreFailure)?;
            self.0.parts.store.change(vec![change]).await.map_err(StoreFailure)?;
        }
        Ok(whole)
    }

    /// Removes a request of a client that is over, and its reports.
    ///
    /// # Errors
    /// [`TriggerError::Unknown`], [`TriggerError::Store`].
    pub async fn discard(&self, owner: &str, id: &TriggerId) -> Result<(), TriggerError> {
        let running = self.find(owner, id)?;
        if !running.progress().over {
            return Err(TriggerError::Unknown);
        }
        self.0.state().remove(&running);
        Ok(self.0.erase(&running).await.map_err(StoreFailure)?)
    }

    /// Ends a request from the server's side; its client is told.
    pub async fn cancel(&self, id: &TriggerId) -> bool {
        let running = self.0.state().running.get(id).cloned();
        let Some(running) = running else { return false };
        self.0.finish(&running, Some(End::Cancelled)).await;
        true
    }

    /// Looks at a position of a target that came into the house.
    pub fn heard(&self, target: &SetId, estimate: &LocationEstimate) {
        let inner = &self.0;
        let now = (inner.parts.now)();
        let told = inner.state().hear(target, estimate, now, inner.parts.config.sensitivity());
        for told in told {
            inner.act(told, None);
        }
    }

    /// Hands every position that comes into the house to the triggers, until the engine is stopped.
    pub async fn listen(self, mut positions: broadcast::Receiver<PositionUpdate>) {
        loop {
            let update = tokio::select! {
                () = self.0.parts.stop.cancelled() => return,
                update = positions.recv() => update,
            };
            match update {
                Ok(update) => {
                    self.heard(&update.target, &update.estimate);
                    if update.canonical != update.target {
                        self.heard(&update.canonical, &update.estimate);
                    }
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "positions passed triggered requests unseen");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Keeps the time until the engine is stopped.
    pub async fn run(self) {
        let inner = self.0;
        tokio::spawn(Arc::clone(&inner).keep_memory());
        loop {
            let now = (inner.parts.now)();
            let (due, next) = inner.state().due(now);
            for running in due {
                let inner = Arc::clone(&inner);
                tokio::spawn(async move { inner.tick(&running).await });
            }
            let wait = next.map_or(Duration::from_hours(1), |at| at.since(now).min(Duration::from_hours(1)));
            tokio::select! {
                () = inner.parts.stop.cancelled() => return,
                () = inner.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// All records of a shelf.
async fn all(store: &dyn Store, shelf: Shelf) -> Result<Vec<Shelved>, StoreError> {
    let mut records: Vec<Shelved> = Vec::new();
    loop {
        let after = records.last().map(|(key, _)| key.as_slice());
        let page = store.list_shelf(shelf, after, 256).await?;
        if page.is_empty() {
            return Ok(records);
        }
        records.extend(page);
    }
}

/// A place that was taken for a trigger, and is given back unless that is kept.
struct Place<'a> {
    inner: &'a Inner,
    running: Option<&'a Arc<Running>>,
}

impl Place<'_> {
    fn keep(mut self) {
        self.running = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running {
            self.inner.state().remove(running);
        }
    }
}

impl Inner {
    /// Stores what triggers remember as it changes, until the engine is stopped.
    async fn keep_memory(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.parts.stop.cancelled() => return,
                () = self.save.notified() => {}
            }
            loop {
                let batch: Vec<_> = {
                    let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
                    let most = changed.len().min(SAVED_TOGETHER);
                    changed.drain(..most).collect()
                };
                if batch.is_empty() {
                    break;
                }
                let mut saving = tokio::task::JoinSet::new();
                for running in batch {
                    let inner = Arc::clone(&self);
                    saving.spawn(async move { inner.save(&running).await });
                }
                while saving.join_next().await.is_some() {}
            }
        }
    }
}
