//! Which triggers there are, and which of them a position concerns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rstar::{AABB, RTree, RTreeObject};
use tokio::sync::watch;

use super::progress::{Progress, Seen};
use super::trigger::{Condition, Event, Sensitivity, Side, Trigger, TriggerId};
use crate::base::{LocationEstimate, SetId, Utc};
use crate::service::area::{Area, Bounds};
use crate::store::{Change, Shelf, StoreError};

/// A trigger that runs, or is kept for those who follow it.
pub(super) struct Running {
    pub(super) trigger: Arc<Trigger>,
    progress: Mutex<Progress>,
    /// Reports leave one after the other.
    pub(super) lane: tokio::sync::Mutex<()>,
    /// What the calendar says is done one after the other.
    pub(super) work: tokio::sync::Mutex<()>,
    /// Its record is written by one at a time, and by nobody once it is removed.
    pub(super) pen: tokio::sync::Mutex<()>,
    /// The number of the last report that is kept; wakes those who follow.
    pub(super) kept: watch::Sender<u64>,
    /// Where it stands on the calendar.
    due: Mutex<Option<Utc>>,
}

impl Running {
    pub(super) fn new(trigger: Trigger, progress: Progress) -> Arc<Self> {
        let (kept, _) = watch::channel(progress.reports);
        Arc::new(Self {
            trigger: Arc::new(trigger),
            progress: Mutex::new(progress),
            lane: tokio::sync::Mutex::default(),
            work: tokio::sync::Mutex::default(),
            pen: tokio::sync::Mutex::default(),
            kept,
            due: Mutex::default(),
        })
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes that store it.
    pub(super) fn whole(&self) -> Result<Vec<Change>, StoreError> {
        let value = serde_json::to_vec(&*self.trigger).map_err(|_| StoreError::Unstorable)?;
        Ok(vec![Change::Put(Shelf::Triggers, self.key(), value), self.record()?])
    }

    /// The change that stores how far it has come.
    pub(super) fn record(&self) -> Result<Change, StoreError> {
        let value = serde_json::to_vec(&*self.progress()).map_err(|_| StoreError::Unstorable)?;
        Ok(Change::Put(Shelf::TriggerProgress, self.key(), value))
    }

    /// The changes that remove it from the store.
    pub(super) fn removal(&self) -> Vec<Change> {
        [Shelf::Triggers, Shelf::TriggerProgress].map(|shelf| Change::Remove(shelf, self.key())).into()
    }

    fn key(&self) -> Vec<u8> {
        self.trigger.id.as_str().as_bytes().to_vec()
    }
}

/// What a trigger wants to know of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The target in this place.
    Target(usize),
    /// The other, in this place, of a [`Condition::Distance`].
    Other(usize),
}

struct Interest {
    running: Arc<Running>,
    role: Role,
}

impl Interest {
    fn hear(&self, at: &LocationEstimate, now: Utc, usual: Sensitivity, told: &mut Vec<Told>) -> Seen {
        let trigger = &self.running.trigger;
        let mut tell = |place, seen: Seen| {
            if seen.happened || seen.changed {
                told.push(Told { running: Arc::clone(&self.running), place, happened: seen.happened });
            }
        };
        match self.role {
            Role::Target(place) => {
                let seen = self.running.progress().heard(trigger, place, at, now, usual);
                tell(place, seen);
                seen
            }
            Role::Other(other) => {
                let places = self.running.progress().heard_other(trigger, other, at, now);
                for place in places {
                    tell(place, Seen { happened: true, changed: true, away: false });
                }
                Seen::default()
            }
        }
    }
}

/// What a position meant to a trigger.
pub(super) struct Told {
    pub(super) running: Arc<Running>,
    pub(super) place: usize,
    /// The event happened; else just its memory has changed.
    pub(super) happened: bool,
}

/// Bounds of the area of the fence in this place.
struct Fence {
    bounds: Bounds,
    place: usize,
}

impl RTreeObject for Fence {
    type Envelope = AABB<[f64; 3]>;
    fn envelope(&self) -> AABB<[f64; 3]> {
        self.bounds.envelope()
    }
}

impl PartialEq for Fence {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

/// Who wants to know where one target is.
#[derive(Default)]
struct Interests {
    /// They want to know of every position.
    always: Vec<Interest>,
    /// They wait at an area. Vacant places are used again.
    fences: Vec<Option<Interest>>,
    vacant: Vec<usize>,
    /// Where their areas are.
    places: RTree<Fence>,
    /// Of these fences the target is not known to be outside: they want to know of every position, too.
    open: BTreeSet<usize>,
    /// The newest position that was looked at.
    newest: Option<Utc>,
}

impl Interests {
    fn is_empty(&self) -> bool {
        self.always.is_empty() && self.fences.len() == self.vacant.len()
    }

    fn add(&mut self, interest: Interest, area: Option<&Area>) {
        let Some(area) = area else { return self.always.push(interest) };
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.fences.push(None);
            self.fences.len() - 1
        });
        self.places.insert(Fence { bounds: area.bounds(), place });
        let away = match interest.role {
            Role::Target(target) => interest.running.progress().is_away(target),
            Role::Other(_) => false,
        };
        if !away {
            self.open.insert(place);
        }
        if let Some(slot) = self.fences.get_mut(place) {
            *slot = Some(interest);
        }
    }

    fn remove(&mut self, id: &TriggerId, area: Option<&Area>) {
        let of = |interest: &Interest| interest.running.trigger.id == *id;
        self.always.retain(|interest| !of(interest));
        let Some(area) = area else { return };
        let envelope = area.bounds().envelope();
        let near: Vec<usize> =
            self.places.locate_in_envelope_intersecting(&envelope).map(|fence| fence.place).collect();
        for place in near {
            let Some(slot) = self.fences.get_mut(place).filter(|slot| slot.as_ref().is_some_and(of)) else {
                continue;
            };
            *slot = None;
            self.vacant.push(place);
            self.open.remove(&place);
            self.places.remove(&Fence { bounds: area.bounds(), place });
        }
    }

    fn hear(&mut self, at: &LocationEstimate, now: Utc, usual: Sensitivity, told: &mut Vec<Told>) {
        for interest in &self.always {
            interest.hear(at, now, usual, told);
        }
        // The fences passed over must not take an older position for news.
        if self.newest.is_some_and(|newest| at.time <= newest) {
            return;
        }
        self.newest = Some(at.time);
        let Some(reach) = Bounds::of_estimate(&at.shape) else { return };
        let mut concerned: Vec<usize> = self.open.iter().copied().collect();
        let near = self.places.locate_in_envelope_intersecting(&reach.envelope()).map(|fence| fence.place);
        concerned.extend(near.filter(|place| !self.open.contains(place)));
        for place in concerned {
            let Some(interest) = self.fences.get(place).and_then(Option::as_ref) else { continue };
            if interest.hear(at, now, usual, told).away {
                self.open.remove(&place);
            } else {
                self.open.insert(place);
            }
        }
    }
}

/// All triggers.
#[derive(Default)]
pub(super) struct State {
    pub(super) running: HashMap<TriggerId, Arc<Running>>,
    by_owner: HashMap<String, BTreeSet<TriggerId>>,
    by_target: HashMap<SetId, Interests>,
    due: BTreeMap<(Utc, TriggerId), Arc<Running>>,
}

impl State {
    /// How many a client has.
    pub(super) fn count_of(&self, owner: &str) -> usize {
        self.by_owner.get(owner).map_or(0, BTreeSet::len)
    }

    /// The triggers of a client in the order of their names, those behind `after`.
    pub(super) fn of(&self, owner: &str, after: Option<&TriggerId>) -> impl Iterator<Item = &Arc<Running>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = after.map_or(Unbounded, Excluded);
        let ids = self.by_owner.get(owner).into_iter().flat_map(move |ids| ids.range((behind, Unbounded)));
        ids.filter_map(|id| self.running.get(id))
    }

    /// Takes a place, so that no burst of requests passes the limits.
    pub(super) fn reserve(&mut self, running: &Arc<Running>) {
        let id = &running.trigger.id;
        self.running.insert(id.clone(), Arc::clone(running));
        self.by_owner.entry(running.trigger.owner.clone()).or_default().insert(id.clone());
    }

    /// Lets positions and time have their way with it.
    pub(super) fn start(&mut self, running: &Arc<Running>) {
        let trigger = &running.trigger;
        self.reserve(running);
        let (over, ended, next) = {
            let progress = running.progress();
            (progress.over, progress.kept_until(), progress.next_period(trigger))
        };
        if over {
            return self.schedule(running, ended.unwrap_or(trigger.stop));
        }
        for (id, role) in wanted(trigger) {
            let interest = Interest { running: Arc::clone(running), role };
            self.by_target.entry(id.clone()).or_default().add(interest, fence_of(trigger, role));
        }
        self.schedule(running, next.map_or(trigger.start, |p| p.max(trigger.start)));
    }

    /// Lets positions have no effect on it any more.
    pub(super) fn deafen(&mut self, running: &Arc<Running>) {
        let trigger = &running.trigger;
        for (id, role) in wanted(trigger) {
            if let Some(interests) = self.by_target.get_mut(id) {
                interests.remove(&trigger.id, fence_of(trigger, role));
                if interests.is_empty() {
                    self.by_target.remove(id);
                }
            }
        }
    }

    /// Forgets it.
    pub(super) fn remove(&mut self, running: &Arc<Running>) {
        let id = &running.trigger.id;
        if self.running.remove(id).is_none() {
            return;
        }
        if let Some(own) = self.by_owner.get_mut(&running.trigger.owner) {
            own.remove(id);
            if own.is_empty() {
                self.by_owner.remove(&running.trigger.owner);
            }
        }
        self.deafen(running);
        if let Some(at) = running.due.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.due.remove(&(at, id.clone()));
        }
    }

    /// Puts it on the calendar, in place of where it stands.
    pub(super) fn schedule(&mut self, running: &Arc<Running>, at: Utc) {
        let id = &running.trigger.id;
        if !self.running.contains_key(id) {
            return;
        }
        let before = running.due.lock().unwrap_or_else(PoisonError::into_inner).replace(at);
        if let Some(before) = before {
            self.due.remove(&(before, id.clone()));
        }
        self.due.insert((at, id.clone()), Arc::clone(running));
    }

    /// Takes what is due off the calendar; and when more will be.
    pub(super) fn due(&mut self, now: Utc) -> (Vec<Arc<Running>>, Option<Utc>) {
        let mut due = Vec::new();
        while let Some(entry) = self.due.first_entry() {
            let at = entry.key().0;
            if at > now {
                return (due, Some(at));
            }
            let running = entry.remove();
            *running.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
            due.push(running);
        }
        (due, None)
    }

    /// What a position of a target means.
    pub(super) fn hear(
        &mut self,
        target: &SetId,
        at: &LocationEstimate,
        now: Utc,
        usual: Sensitivity,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        if let Some(interests) = self.by_target.get_mut(target) {
            interests.hear(at, now, usual, &mut told);
        }
        told
    }
}

/// Whose positions concern a trigger.
fn wanted(trigger: &Trigger) -> impl Iterator<Item = (&SetId, Role)> {
    let event = trigger.event.as_ref();
    let others = match event.map(|e| &e.condition) {
        Some(Condition::Distance { others, .. }) => others.as_slice(),
        _ => &[],
    };
    let targets = if event.is_some() { trigger.targets.as_slice() } else { &[] };
    targets
        .iter()
        .enumerate()
        .flat_map(|(place, f)| f.identities().map(move |id| (id, Role::Target(place))))
        .chain(
            others
                .iter()
                .enumerate()
                .flat_map(|(place, f)| f.identities().map(move |id| (id, Role::Other(place)))),
        )
}

/// The area that a trigger waits at, where nothing happens to it as long as its target is outside and nowhere near.
fn fence_of(trigger: &Trigger, role: Role) -> Option<&Area> {
    match (trigger.event.as_ref(), role) {
        (Some(Event { condition: Condition::Crossing { area }, .. }), Role::Target(_)) => Some(area),
        (Some(Event { condition: Condition::Area { area, side }, .. }), Role::Target(_)) => {
            (*side != Side::Outside).then_some(area)
        }
        _ => None,
    }
}
