//! The task that keeps the time, and the way of a position to the triggers of its target.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::progress::{Kept, Progress};
use super::report::{Cause, End, Outcome, OutcomeOf, ReportSink, TriggerReport};
use super::trigger::{Trigger, TriggerId};
use super::{Config, TriggerError};
use crate::base::{LocationEstimate, SetId, Utc};
use crate::service::{
    Absence, Client, Flow, LocateError, LocateRequest, Located, LocationKind, Origin, PositionUpdate, Service,
};
use crate::store::{Change, Shelf, Store, StoreError};

/// Reports that a watcher may lag behind.
const WATCHED: usize = 1024;
/// Pause after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// An answer of the location service on its way.
pub type Locating = Pin<Box<dyn Future<Output = Result<Located, LocateError>> + Send>>;

/// The location service as triggers use it.
pub trait Locate: Send + Sync {
    /// Locates a target.
    fn locate(&self, request: LocateRequest) -> Locating;
    /// The client of this id, if it still is one.
    fn client(&self, id: &str) -> Option<Arc<Client>>;
}

impl Locate for Service {
    fn locate(&self, request: LocateRequest) -> Locating {
        let service = self.clone();
        Box::pin(async move { service.locate(request).await })
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        Self::client(self, id)
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
pub struct Triggers(Arc<Inner>);

struct Inner {
    parts: Parts,
    state: Mutex<State>,
    wake: Notify,
    watchers: broadcast::Sender<Arc<TriggerReport>>,
    sinks: RwLock<BTreeMap<&'static str, Arc<dyn ReportSink>>>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    running: HashMap<TriggerId, Arc<Running>>,
    by_target: HashMap<SetId, Vec<(TriggerId, usize)>>,
    due: BTreeSet<(Utc, TriggerId)>,
}

struct Running {
    trigger: Arc<Trigger>,
    progress: Mutex<Progress>,
    /// Reports leave one after the other.
    lane: tokio::sync::Mutex<()>,
    /// What the calendar says is done one after the other.
    work: tokio::sync::Mutex<()>,
}

impl Running {
    fn new(trigger: Trigger, progress: Progress) -> Arc<Self> {
        let progress = Mutex::new(progress);
        Arc::new(Self {
            trigger: Arc::new(trigger),
            progress,
            lane: tokio::sync::Mutex::default(),
            work: tokio::sync::Mutex::default(),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> Result<Change, StoreError> {
        let value =
            serde_json::to_vec(&(&*self.trigger, &*self.progress())).map_err(|_| StoreError::Unstorable)?;
        Ok(Change::Put(Shelf::Triggers, self.trigger.id.as_str().as_bytes().to_vec(), value))
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
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = parts.store.list_shelf(Shelf::Triggers, after.as_deref(), 256).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (_, value) in &page {
                if let Ok((trigger, progress)) = serde_json::from_slice::<(Trigger, Progress)>(value) {
                    state.add(trigger, progress);
                } else {
                    tracing::error!("a triggered request in the store is not understood");
                }
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

    /// The triggers of a client.
    pub fn of(&self, owner: &str) -> Vec<Arc<Trigger>> {
        let state = self.0.state();
        let mut all: Vec<_> = state
            .running
            .values()
            .filter(|r| r.trigger.owner == owner)
            .map(|r| {
                let live = r.progress().targets.iter().map(|t| !t.stopped).collect::<Vec<_>>();
                let mut trigger = (*r.trigger).clone();
                let mut live = live.into_iter();
                trigger.targets.retain(|_| live.next().unwrap_or(true));
                Arc::new(trigger)
            })
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
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
        if trigger.targets.is_empty() || trigger.targets.len() > config.max_targets as usize {
            return Err(TriggerError::TooManyTargets(config.max_targets));
        }
        let limit = trigger.start + Duration::from_secs(config.longest_s);
        if trigger.stop > limit {
            trigger.stop = limit;
            trigger.limited = true;
        }
        let progress = Progress::new(&trigger);
        let running = Running::new(trigger, progress);
        {
            let mut state = inner.state();
            let owner = &running.trigger.owner;
            let own = state.running.values().filter(|r| r.trigger.owner == *owner).count();
            if state.running.len() >= config.max as usize || own >= config.max_per_client as usize {
                return Err(TriggerError::Full);
            }
            // Its place is taken before the store is asked, so that no burst of requests passes the limit.
            state.running.insert(running.trigger.id.clone(), Arc::clone(&running));
        }
        let stored = match running.record() {
            Ok(change) => inner.parts.store.change(vec![change]).await,
            Err(e) => Err(e),
        };
        let mut state = inner.state();
        state.running.remove(&running.trigger.id);
        if let Err(e) = stored {
            return Err(super::StoreFailure(e).into());
        }
        state.insert(&running);
        drop(state);
        inner.wake.notify_one();
        Ok(Arc::clone(&running.trigger))
    }

    /// Ends a request of a client, or, with `targets`, its part that concerns these. `Ok(true)` when nothing is left of it.
    ///
    /// # Errors
    /// [`TriggerError::Unknown`], [`TriggerError::UnknownTarget`] (nothing is ended then), [`TriggerError::Store`].
    pub async fn stop(&self, owner: &str, id: &TriggerId, targets: &[SetId]) -> Result<bool, TriggerError> {
        let running = self.0.state().running.get(id).filter(|r| r.trigger.owner == owner).cloned();
        let running = running.ok_or(TriggerError::Unknown)?;
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
        let change = if whole {
            self.0.forget(id);
            Change::Remove(Shelf::Triggers, id.as_str().as_bytes().to_vec())
        } else {
            running.record().map_err(super::StoreFailure)?
        };
        self.0.parts.store.change(vec![change]).await.map_err(super::StoreFailure)?;
        Ok(whole)
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
        let places: Vec<_> = {
            let state = self.0.state();
            let Some(places) = state.by_target.get(target) else { return };
            places.iter().filter_map(|(id, place)| Some((state.running.get(id).cloned()?, *place))).collect()
        };
        let now = (self.0.parts.now)();
        for (running, place) in places {
            self.0.look(&running, place, estimate, now, None);
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
        loop {
            let now = (inner.parts.now)();
            let (due, next) = {
                let mut state = inner.state();
                let later = state.due.split_off(&(now + Duration::from_nanos(1), TriggerId::from_text("")));
                let due = std::mem::replace(&mut state.due, later);
                let due: Vec<_> =
                    due.into_iter().filter_map(|(_, id)| state.running.get(&id).cloned()).collect();
                (due, state.due.first().map(|(at, _)| *at))
            };
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

impl State {
    fn add(&mut self, trigger: Trigger, progress: Progress) {
        self.insert(&Running::new(trigger, progress));
    }

    fn insert(&mut self, running: &Arc<Running>) {
        let trigger = &running.trigger;
        for (place, followed) in trigger.targets.iter().enumerate() {
            for id in followed.identities() {
                self.by_target.entry(id.clone()).or_default().push((trigger.id.clone(), place));
            }
        }
        let at = running.progress().next_period(trigger).map_or(trigger.start, |p| p.max(trigger.start));
        self.due.insert((at, trigger.id.clone()));
        self.running.insert(trigger.id.clone(), Arc::clone(running));
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, id: &TriggerId) {
        let mut state = self.state();
        if let Some(running) = state.running.remove(id) {
            for identity in running.trigger.targets.iter().flat_map(super::Followed::identities) {
                if let Some(list) = state.by_target.get_mut(identity) {
                    list.retain(|(other, _)| other != id);
                    if list.is_empty() {
                        state.by_target.remove(identity);
                    }
                }
            }
        }
        state.due.retain(|(_, other)| other != id);
    }

    /// Looks whether a position is an event, and reports it if so; `given` is the position as the service gave it for this
    /// request, where it did.
    fn look(
        self: &Arc<Self>,
        running: &Arc<Running>,
        place: usize,
        estimate: &LocationEstimate,
        now: Utc,
        given: Option<&Located>,
    ) {
        if running.progress().heard(&running.trigger, place, estimate, now) {
            let (inner, running) = (Arc::clone(self), Arc::clone(running));
            let given = given.cloned();
            tokio::spawn(async move { inner.event(&running, place, given).await });
        }
    }

    /// Reports an event of a target.
    async fn event(self: Arc<Self>, running: &Arc<Running>, place: usize, given: Option<Located>) {
        let lane = running.lane.lock().await;
        let trigger = &running.trigger;
        if running.progress().targets.get(place).is_none_or(|t| t.stopped) {
            return;
        }
        // What the event was seen by may not be this client's to have: the service decides, and puts it on record.
        let answer = match given {
            Some(located) => Some(Ok(located)),
            None => self.locate(running, place, LocationKind::Last).await,
        };
        let outcome = match answer {
            Some(Ok(located)) if trigger.event.as_ref().is_some_and(|e| e.with_position) => {
                Outcome::Position(Box::new(located))
            }
            Some(Ok(located)) => Outcome::Happened(located.estimate.time),
            Some(Err(e)) => Outcome::Failed(e, (self.parts.now)()),
            None => return drop(lane),
        };
        let last = {
            let progress = running.progress();
            progress.is_complete(trigger) && progress.batch.is_empty()
        };
        self.send(running, Cause::Event, vec![OutcomeOf { target: place, outcome }], last).await;
        drop(lane);
        if last {
            self.end(running).await;
        } else {
            self.save(running).await;
        }
    }

    /// What is due of a trigger now.
    async fn tick(self: Arc<Self>, running: &Arc<Running>) {
        let _work = running.work.lock().await;
        let trigger = &running.trigger;
        let now = (self.parts.now)();
        if running.progress().over {
            return;
        }
        let period = running.progress().next_period(trigger).is_some_and(|at| at <= now);
        if period {
            running.progress().begin_period(trigger, now);
            self.schedule(running);
            self.period(running).await;
        } else if now >= trigger.stop {
            let fired = running.progress().has_fired();
            let end =
                (trigger.event.is_some() && trigger.every_s.is_none() && !fired).then_some(End::TimedOut);
            self.finish(running, end).await;
            return;
        } else {
            self.schedule(running);
            self.poll(running, now).await;
        }
        // Of a request with an event, the last event is the end, or the time.
        if trigger.event.is_none() && running.progress().is_complete(trigger) {
            self.finish(running, None).await;
        }
    }

    /// Puts the next thing to do of a trigger on the calendar.
    fn schedule(&self, running: &Running) {
        let trigger = &running.trigger;
        let now = (self.parts.now)();
        let at = {
            let mut progress = running.progress();
            if progress.over {
                return;
            }
            let poll = trigger.event.is_some()
                && trigger.ask.kind != LocationKind::Last
                && self.parts.config.poll_s > 0;
            let next_poll = poll.then(|| now + Duration::from_secs(self.parts.config.poll_s));
            progress.next_poll = next_poll;
            [progress.next_period(trigger), next_poll].into_iter().flatten().fold(trigger.stop, Utc::min)
        };
        self.state().due.insert((at.max(now), trigger.id.clone()));
        self.wake.notify_one();
    }

    /// Locates the targets whose events are waited for.
    async fn poll(self: &Arc<Self>, running: &Arc<Running>, now: Utc) {
        let trigger = &running.trigger;
        if trigger.event.is_none() || now < trigger.start {
            return;
        }
        let poll = trigger.ask.kind != LocationKind::Last && self.parts.config.poll_s > 0;
        let kind = if poll { trigger.ask.kind } else { LocationKind::Last };
        for (place, answer) in self.locate_all(running, kind).await {
            if let Ok(located) = answer {
                self.look(running, place, &located.estimate, (self.parts.now)(), Some(&located));
            }
        }
    }

    /// Reports a period.
    async fn period(self: &Arc<Self>, running: &Arc<Running>) {
        use super::Manner;
        let trigger = &running.trigger;
        let answers = self.locate_all(running, trigger.ask.kind).await;
        let now = (self.parts.now)();
        let lane = running.lane.lock().await;
        if running.progress().over {
            return;
        }
        let mut outcomes = Vec::new();
        for (place, answer) in answers {
            if let Ok(located) = &answer
                && trigger.event.is_some()
            {
                self.look(running, place, &located.estimate, now, Some(located));
            }
            if trigger.manner != Manner::RealTime {
                self.presence(running, place, &answer).await;
            }
            match answer {
                Ok(located) if trigger.manner.is_batch() => {
                    let mut progress = running.progress();
                    progress.batch_since.get_or_insert(now);
                    progress.batch.push(Kept {
                        target: place,
                        estimate: located.estimate,
                        qos_met: located.qos_met,
                    });
                }
                Ok(located) => {
                    outcomes.push(OutcomeOf { target: place, outcome: Outcome::Position(Box::new(located)) });
                }
                Err(e) if trigger.manner == Manner::RealTime || trigger.once => {
                    outcomes.push(OutcomeOf { target: place, outcome: Outcome::Failed(e, now) });
                }
                Err(_) => {}
            }
        }
        outcomes.extend(take_batch(running, now));
        let last = running.progress().is_complete(trigger);
        if !outcomes.is_empty() {
            self.send(running, Cause::Period, outcomes, last && running.progress().batch.is_empty()).await;
        }
        drop(lane);
        self.save(running).await;
    }

    /// Tells that a target went away or came back.
    async fn presence(&self, running: &Running, place: usize, answer: &Result<Located, LocateError>) {
        let absent = match answer {
            Ok(_) => false,
            Err(LocateError::Absent(
                Absence::NoAddress | Absence::Unreachable | Absence::NoAnswer | Absence::Left,
            )) => true,
            Err(_) => return,
        };
        let changed = {
            let mut progress = running.progress();
            progress
                .targets
                .get_mut(place)
                .is_some_and(|t| std::mem::replace(&mut t.absent, absent) != absent)
        };
        if changed {
            let cause = if absent { Cause::Paused } else { Cause::Resumed };
            let outcome = OutcomeOf { target: place, outcome: Outcome::Nothing((self.parts.now)()) };
            self.send(running, cause, vec![outcome], false).await;
        }
    }

    /// Locates all targets that are not done, some at a time.
    async fn locate_all(
        self: &Arc<Self>,
        running: &Arc<Running>,
        kind: LocationKind,
    ) -> Vec<(usize, Result<Located, LocateError>)> {
        let places: Vec<usize> = {
            let progress = running.progress();
            progress.targets.iter().enumerate().filter(|(_, t)| !t.stopped).map(|(place, _)| place).collect()
        };
        let mut tasks = tokio::task::JoinSet::new();
        for place in places {
            let (inner, running) = (Arc::clone(self), Arc::clone(running));
            tasks.spawn(async move { (place, inner.locate(&running, place, kind).await) });
        }
        let mut answers = Vec::new();
        while let Some(done) = tasks.join_next().await {
            if let Ok((place, Some(answer))) = done {
                answers.push((place, answer));
            }
        }
        answers.sort_by_key(|(place, _)| *place);
        answers
    }

    /// Asks the service; `None` when the client is none any more, or the engine stops.
    async fn locate(
        &self,
        running: &Running,
        place: usize,
        kind: LocationKind,
    ) -> Option<Result<Located, LocateError>> {
        let trigger = &running.trigger;
        let followed = trigger.targets.get(place)?;
        let client = self.parts.locate.client(&trigger.owner)?;
        let _room = self.room.acquire().await.ok()?;
        let ask = &trigger.ask;
        let qop = match kind {
            // What caused the event is to be told, however exact it is.
            LocationKind::Last if ask.kind != LocationKind::Last => crate::base::QualityOfPosition::default(),
            _ => ask.qop,
        };
        let request = LocateRequest {
            service: ask.service.clone(),
            requestor: ask.requestor.clone(),
            alternatives: followed.alternatives.clone(),
            kind,
            qop,
            qos_class: ask.qos_class,
            priority: ask.priority,
            wish: ask.wish,
            ..LocateRequest::new(client, Flow::Triggered, followed.target.clone())
        };
        tokio::select! {
            () = self.parts.stop.cancelled() => None,
            answer = self.parts.locate.locate(request) => Some(answer),
        }
    }

    /// Ends a trigger, telling what is left to tell.
    async fn finish(self: &Arc<Self>, running: &Arc<Running>, end: Option<End>) {
        let now = (self.parts.now)();
        let lane = running.lane.lock().await;
        if std::mem::replace(&mut running.progress().over, true) {
            return;
        }
        let rest = take_batch(running, now);
        if !rest.is_empty() {
            self.send(running, Cause::Period, rest, end.is_none()).await;
        }
        if let Some(end) = end {
            let live: Vec<_> = {
                let progress = running.progress();
                let live = progress.targets.iter().enumerate().filter(|(_, t)| !t.stopped);
                live.map(|(target, _)| OutcomeOf { target, outcome: Outcome::Nothing(now) }).collect()
            };
            self.send(running, Cause::Over(end), live, true).await;
        }
        drop(lane);
        self.end(running).await;
    }

    /// Takes a trigger out of the house.
    async fn end(&self, running: &Running) {
        running.progress().over = true;
        self.forget(&running.trigger.id);
        let remove = Change::Remove(Shelf::Triggers, running.trigger.id.as_str().as_bytes().to_vec());
        self.change(remove).await;
    }

    async fn save(&self, running: &Running) {
        if running.progress().over {
            return;
        }
        match running.record() {
            Ok(change) => self.change(change).await,
            Err(error) => tracing::error!(%error, "a triggered request is not stored"),
        }
    }

    /// Changes the store; tries once more after a while.
    async fn change(&self, change: Change) {
        if self.parts.stop.is_cancelled() {
            return;
        }
        for last in [false, true] {
            match self.parts.store.change(vec![change.clone()]).await {
                Ok(()) => return,
                Err(error) if last => {
                    tracing::error!(%error, "the progress of a triggered request is not stored");
                }
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        }
    }

    async fn send(&self, running: &Running, cause: Cause, outcomes: Vec<OutcomeOf>, last: bool) {
        let trigger = &running.trigger;
        running.progress().reports += 1;
        let report = Arc::new(TriggerReport {
            trigger: Arc::clone(trigger),
            cause,
            outcomes,
            remaining: trigger.stop.since((self.parts.now)()),
            last,
        });
        let sink = {
            let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
            sinks.get(trigger.door.as_str()).cloned()
        };
        match sink {
            Some(sink) => sink.take(Arc::clone(&report)).await,
            // Its door is closed. What is not stored as told is told after the next start.
            None => self.parts.stop.cancelled().await,
        }
        // Nobody may be watching.
        let _ = self.watchers.send(report);
    }
}

/// The batch, when it is to leave now.
fn take_batch(running: &Running, now: Utc) -> Vec<OutcomeOf> {
    let mut progress = running.progress();
    if !progress.batch_is_due(running.trigger.manner, now) && !progress.over {
        return Vec::new();
    }
    progress.batch_since = None;
    let kept = std::mem::take(&mut progress.batch);
    let located = |k: Kept| Located { estimate: k.estimate, qos_met: k.qos_met, origin: Origin::Fresh };
    kept.into_iter()
        .map(|k| OutcomeOf { target: k.target, outcome: Outcome::Position(Box::new(located(k))) })
        .collect()
}
