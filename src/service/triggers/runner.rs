//! What a trigger does when its time has come or its event has happened, and how its reports leave.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Inner;
use super::follow;
use super::progress::Kept;
use super::report::{Cause, End, Outcome, OutcomeOf, TriggerReport};
use super::state::{Running, State, Told};
use super::trigger::{Condition, Followed};
use crate::base::{LocationEstimate, Utc};
use crate::service::{Absence, Client, Flow, LocateError, LocateRequest, Located, LocationKind, Origin};
use crate::store::{Change, StoreError};

/// Pause after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let usual = self.parts.config.sensitivity();
        let seen = running.progress().heard(&running.trigger, place, estimate, now, usual);
        if seen.happened || seen.changed {
            self.act(Told { running: Arc::clone(running), place, happened: seen.happened }, given);
        }
    }

    /// Does what a position calls for.
    pub(super) fn act(self: &Arc<Self>, told: Told, given: Option<&Located>) {
        let Told { running, place, happened } = told;
        if happened {
            let (inner, given) = (Arc::clone(self), given.cloned());
            tokio::spawn(async move { inner.event(&running, place, given).await });
        } else {
            self.changed.lock().unwrap_or_else(PoisonError::into_inner).push(running);
            self.save.notify_one();
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
        if let Some(Ok(located)) = &answer
            && !self.may_tell(running, place, located)
        {
            running.progress().withdraw(place);
            drop(lane);
            return self.save(running).await;
        }
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

    /// Whether an event tells no more of a target than its position, as it is told, does.
    fn may_tell(&self, running: &Running, place: usize, located: &Located) -> bool {
        let trigger = &running.trigger;
        let Some(followed) = trigger.targets.get(place) else { return false };
        let Some(client) = self.parts.locate.client(&trigger.owner) else { return false };
        let request = Self::request(running, client, followed, LocationKind::Last);
        let usual = self.parts.config.sensitivity();
        !self.parts.locate.is_rough(&request)
            || running.progress().bears_out(trigger, place, &located.estimate.shape, usual)
    }

    /// What is due of a trigger now.
    pub(super) async fn tick(self: Arc<Self>, running: &Arc<Running>) {
        let _work = running.work.lock().await;
        let trigger = &running.trigger;
        let now = (self.parts.now)();
        if running.progress().over {
            // Its reports were kept long enough.
            if running.progress().kept_until().is_some_and(|at| at <= now) {
                self.state().remove(running);
                if let Err(error) = self.erase(running).await {
                    tracing::error!(%error, "a triggered request that is over stays in the store");
                }
            }
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
    fn schedule(&self, running: &Arc<Running>) {
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
        self.state().schedule(running, at.max(now));
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
        if let Some(Condition::Distance { others, .. }) = trigger.event.as_ref().map(|e| &e.condition) {
            for (place, other) in others.iter().enumerate() {
                if let Some(Ok(located)) = self.locate_one(running, other, kind).await {
                    let now = (self.parts.now)();
                    let happened = running.progress().heard_other(trigger, place, &located.estimate, now);
                    for place in happened {
                        self.act(Told { running: Arc::clone(running), place, happened: true }, None);
                    }
                }
            }
        }
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
        let followed = running.trigger.targets.get(place)?;
        self.locate_one(running, followed, kind).await
    }

    async fn locate_one(
        &self,
        running: &Running,
        followed: &Followed,
        kind: LocationKind,
    ) -> Option<Result<Located, LocateError>> {
        let client = self.parts.locate.client(&running.trigger.owner)?;
        let _room = self.room.acquire().await.ok()?;
        let request = Self::request(running, client, followed, kind);
        tokio::select! {
            () = self.parts.stop.cancelled() => None,
            answer = self.parts.locate.locate(request) => Some(answer),
        }
    }

    fn request(
        running: &Running,
        client: Arc<Client>,
        followed: &Followed,
        kind: LocationKind,
    ) -> LocateRequest {
        let ask = &running.trigger.ask;
        let qop = match kind {
            // What caused the event is to be told, however exact it is.
            LocationKind::Last if ask.kind != LocationKind::Last => crate::base::QualityOfPosition::default(),
            _ => ask.qop,
        };
        LocateRequest {
            service: ask.service.clone(),
            requestor: ask.requestor.clone(),
            alternatives: followed.alternatives.clone(),
            kind,
            qop,
            qos_class: ask.qos_class,
            priority: ask.priority,
            wish: ask.wish,
            ..LocateRequest::new(client, Flow::Triggered, followed.target.clone())
        }
    }

    /// Ends a trigger, telling what is left to tell.
    pub(super) async fn finish(self: &Arc<Self>, running: &Arc<Running>, end: Option<End>) {
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

    /// Takes a trigger out of the house, or, where its reports are kept, off the list of those that run.
    async fn end(&self, running: &Arc<Running>) {
        let kept = running.trigger.keep > 0;
        let until = {
            let mut progress = running.progress();
            progress.over = true;
            progress.ended = kept.then(|| (self.parts.now)());
            progress.kept_until()
        };
        if let Some(until) = until {
            {
                let mut state = self.state();
                state.deafen(running);
                state.schedule(running, until);
            }
            let _pen = running.pen.lock().await;
            match running.record() {
                Ok(change) => self.change(vec![change]).await,
                Err(error) => tracing::error!(%error, "a triggered request is not stored"),
            }
            // Those who follow learn that it is over.
            running.kept.send_modify(|_| ());
        } else {
            self.state().remove(running);
            let _pen = running.pen.lock().await;
            self.change(running.removal()).await;
        }
    }

    /// Removes a trigger and its reports from the store.
    pub(super) async fn erase(&self, running: &Running) -> Result<(), StoreError> {
        running.progress().over = true;
        let _pen = running.pen.lock().await;
        let mut changes = running.removal();
        if running.trigger.keep > 0 {
            let last = running.progress().reports;
            let first = last.saturating_sub(u64::from(running.trigger.keep));
            changes.extend((first..=last).map(|n| follow::removal(&running.trigger.id, n)));
        }
        self.parts.store.change(changes).await?;
        running.kept.send_modify(|_| ());
        Ok(())
    }

    pub(super) async fn save(&self, running: &Running) {
        let _pen = running.pen.lock().await;
        if running.progress().over {
            return;
        }
        match running.record() {
            Ok(change) => self.change(vec![change]).await,
            Err(error) => tracing::error!(%error, "a triggered request is not stored"),
        }
    }

    /// Changes the store; tries once more after a while.
    async fn change(&self, changes: Vec<Change>) {
        if self.parts.stop.is_cancelled() {
            return;
        }
        for last in [false, true] {
            match self.parts.store.change(changes.clone()).await {
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
        let sequence = {
            let mut progress = running.progress();
            progress.reports += 1;
            progress.reports
        };
        let at = (self.parts.now)();
        let report = Arc::new(TriggerReport {
            trigger: Arc::clone(trigger),
            sequence,
            at,
            cause,
            outcomes,
            remaining: trigger.stop.since(at),
            last,
        });
        if trigger.keep > 0 {
            // Report and progress together, so that no number stands for two reports.
            let pen = running.pen.lock().await;
            match (follow::record(&report), running.record()) {
                (Ok(put), Ok(progress)) => {
                    let mut changes = vec![put, progress];
                    if let Some(old) = sequence.checked_sub(trigger.keep.into()).filter(|old| *old > 0) {
                        changes.push(follow::removal(&trigger.id, old));
                    }
                    self.change(changes).await;
                }
                (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "a report is not kept"),
            }
            drop(pen);
            running.kept.send_replace(sequence);
        } else {
            let sink = {
                let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
                sinks.get(trigger.door.as_str()).cloned()
            };
            match sink {
                Some(sink) => sink.take(Arc::clone(&report)).await,
                // Its door is closed. What is not stored as told is told after the next start.
                None => self.parts.stop.cancelled().await,
            }
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
