//! One who watches: the queue of positions that wait for it, and the way to take them.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::journal::{Heard, Resumed};
use super::token::ResumeToken;
use super::{Scope, WatchError, WatchRequest};
use crate::base::{LocationEstimate, SetId, Utc};
use crate::service::area::Area;
use crate::service::audit::{Entry, Given};
use crate::service::client::ClientType;
use crate::service::terms::Terms;
use crate::service::triggers::Followed;
use crate::service::{LocateError, LocateRequest, LocationKind, Origin, Service, privacy};

/// Permissions asked for at a time, of a watcher with many targets.
const ASKED_TOGETHER: usize = 32;
/// Targets of one watcher of which the audit record notes the first position given.
const NOTED: usize = 100_000;

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// A position.
    Position(Sighting),
    /// So many positions, of whomsoever, are not in the journal any more (0: nobody knows how many); the watcher may have
    /// missed some of its own. What follows is the newest known position of each of its targets, then those that come in from now on.
    Lagged(u64),
}

/// A position that a watcher may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// To go on behind it.
    pub token: ResumeToken,
    /// Whose: the target as the watcher calls it, or, for those who watch an area, as it is known.
    pub target: SetId,
    /// Its place among the targets of the request; `None` for those who watch an area.
    pub place: Option<usize>,
    /// Where, when, how.
    pub estimate: Arc<LocationEstimate>,
    /// [`Origin::Fresh`] when it came in while it was watched; [`Origin::Stored`] when it was known before.
    pub origin: Origin,
    /// Whether somebody had asked for it; otherwise the SET came by itself. `false` where that is not known any more.
    pub ordered: bool,
    /// When it came in, or, where that is not known any more, when the target was there.
    pub heard: Utc,
}

/// Why a watch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// The server stops.
    Stopping,
    /// The client is none any more, or may not use the service any more.
    ClientGone,
}

/// What is asked for and what waits, as the distributor sees it.
pub(super) struct Watcher {
    client: String,
    scope: Scope,
    /// Under which its targets are heard of, with their places.
    identities: Vec<(SetId, usize)>,
    queue: Mutex<Queue>,
    most: usize,
    wake: Notify,
}

struct Queue {
    ready: VecDeque<(Option<usize>, Arc<Heard>)>,
    /// Positions of lower numbers are dealt with.
    from: u64,
    /// The number of the last position that was not taken because the queue was full; it is read from the journal.
    passed: Option<u64>,
}

/// What there is to do for a watcher.
enum Next {
    Give(Option<usize>, Arc<Heard>),
    CatchUp(u64),
    Wait,
}

impl Watcher {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn client(&self) -> &str {
        &self.client
    }

    pub(super) const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = (&SetId, usize)> {
        self.identities.iter().map(|(id, place)| (id, *place))
    }

    /// Offers a position that concerns the watcher, in the order of the journal.
    pub(super) fn offer(&self, heard: &Arc<Heard>, place: Option<usize>) {
        {
            let mut queue = self.queue();
            // It comes by several identities, or was read from the journal.
            if heard.sequence < queue.from {
                return;
            }
            if queue.passed.is_some() || queue.ready.len() >= self.most {
                queue.passed = Some(heard.sequence);
            } else {
                queue.ready.push_back((place, Arc::clone(heard)));
                queue.from = heard.sequence + 1;
            }
        }
        self.wake.notify_one();
    }

    fn next(&self) -> Next {
        let mut queue = self.queue();
        match (queue.ready.pop_front(), queue.passed) {
            (Some((place, heard)), _) => Next::Give(place, heard),
            (None, Some(_)) => Next::CatchUp(queue.from),
            (None, None) => Next::Wait,
        }
    }

    /// Takes what was read from the journal, which was all below `next`.
    fn caught_up(&self, found: Vec<(Option<usize>, Arc<Heard>)>, next: u64) {
        let mut queue = self.queue();
        queue.ready.extend(found);
        queue.from = next;
        queue.passed = queue.passed.filter(|passed| *passed >= next);
    }

    /// Whether a position concerns the watcher, and the place of its target among those watched.
    fn concerns(&self, heard: &Heard) -> (bool, Option<usize>) {
        match &self.scope {
            Scope::Area(area) => (is_in(area, &heard.estimate), None),
            Scope::Targets(_) => {
                let found = self.identities().find(|(id, _)| **id == heard.canonical || **id == heard.target);
                (found.is_some(), found.map(|(_, place)| place))
            }
        }
    }
}

/// Whether a target is rather inside an area than not.
pub(super) fn is_in(area: &Area, estimate: &LocationEstimate) -> bool {
    area.probability(&estimate.shape).is_some_and(|p| p >= 0.5)
}

/// A position that was known before.
struct Known {
    place: Option<usize>,
    target: SetId,
    estimate: Arc<LocationEstimate>,
    token: ResumeToken,
}

enum Backlog {
    Lagged(u64),
    Known(Known),
}

/// A watch that runs. Dropping it ends it.
pub struct Watch {
    service: Service,
    watcher: Arc<Watcher>,
    /// What is asked when a position is to be handed over.
    ask: LocateRequest,
    refused: Vec<(usize, LocateError)>,
    backlog: VecDeque<Backlog>,
    journal: u32,
    newest_first: bool,
    /// Of whom a position has been given.
    noted: HashSet<SetId>,
    given: u64,
    over: Option<WatchEnd>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("client", &self.watcher.client)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Watches positions. Done when the client is known to be allowed to, which may take as long as users take to answer.
    ///
    /// # Errors
    /// [`WatchError`]. Of several targets, those refused are [left out](Watch::refused) as long as there are others.
    pub async fn watch(&self, request: WatchRequest) -> Result<Watch, WatchError> {
        let s = &self.shared;
        let watchers = &s.watchers;
        let WatchRequest { client, flow, scope, service, requestor, wish, resume, newest_first } = request;
        let any = match &scope {
            Scope::Targets(targets) if targets.is_empty() => return Err(WatchError::NoTarget),
            Scope::Targets(targets) if targets.len() > watchers.config.max_targets as usize => {
                return Err(WatchError::TooManyTargets(watchers.config.max_targets));
            }
            Scope::Targets(targets) => targets.first().map(|f| f.target.clone()),
            Scope::Area(_) => None,
        };
        // Of an area the target is not known yet; this one stands for it where only the client matters.
        let nobody = SetId::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let ask = LocateRequest {
            service,
            requestor,
            wish,
            kind: LocationKind::Last,
            ..LocateRequest::new(client, flow, any.unwrap_or(nobody))
        };
        let mut refused = Vec::new();
        let mut identities = Vec::new();
        match &scope {
            Scope::Targets(targets) => {
                refused = self.refused_of(&ask, targets).await;
                if let Some((_, error)) = refused.first().filter(|_| refused.len() == targets.len()) {
                    return Err(WatchError::Refused(*error));
                }
                for (place, followed) in targets.iter().enumerate() {
                    if refused.iter().all(|(r, _)| *r != place) {
                        identities.extend(self.known_as(followed).into_iter().map(|id| (id, place)));
                    }
                }
            }
            Scope::Area(_) => self.may_watch_areas(&ask)?,
        }
        let (journal, end) = watchers.end();
        let (behind, lagged) = match resume.map(|token| watchers.journal.resume(token)) {
            Some(Resumed::From(from)) => (Some(from), None),
            Some(Resumed::Missed(missed)) => (None, Some(missed)),
            None => (None, None),
        };
        let queue = Queue {
            ready: VecDeque::new(),
            from: behind.unwrap_or(end),
            // What came in since is read from the journal.
            passed: behind.filter(|from| *from < end).map(|_| end - 1),
        };
        let watcher = Arc::new(Watcher {
            client: ask.client.id().to_owned(),
            scope,
            identities,
            queue: Mutex::new(queue),
            most: watchers.config.queue.clamp(1, 65_536) as usize,
            wake: Notify::new(),
        });
        if watchers.claim() {
            tokio::spawn(Arc::clone(watchers).run(s.stop.clone()));
        }
        watchers.add(&watcher)?;
        // What came in between the two looks at the journal was offered to nobody.
        let (_, now) = watchers.end();
        if now > end {
            let mut queue = watcher.queue();
            queue.passed = queue.passed.max(Some(now - 1));
        }
        let mut watch = Watch {
            service: self.clone(),
            watcher,
            ask,
            refused,
            backlog: VecDeque::new(),
            journal,
            newest_first: newest_first && behind.is_none(),
            noted: HashSet::new(),
            given: 0,
            over: None,
        };
        if let Some(missed) = lagged {
            watch.backlog.push_back(Backlog::Lagged(missed));
            watch.newest_first = true;
        }
        Ok(watch)
    }

    /// Which of the targets the client may not have, and why.
    async fn refused_of(&self, ask: &LocateRequest, targets: &[Followed]) -> Vec<(usize, LocateError)> {
        let mut tasks = JoinSet::new();
        let mut refused = Vec::new();
        for (place, followed) in targets.iter().enumerate() {
            if tasks.len() >= ASKED_TOGETHER
                && let Some(Ok((place, Err(error)))) = tasks.join_next().await
            {
                refused.push((place, error));
            }
            let request = LocateRequest {
                target: followed.target.clone(),
                alternatives: followed.alternatives.clone(),
                ..ask.clone()
            };
            let service = self.clone();
            tasks.spawn(async move { (place, service.permit(&request).await) });
        }
        while let Some(done) = tasks.join_next().await {
            if let Ok((place, Err(error))) = done {
                refused.push((place, error));
            }
        }
        refused.sort_by_key(|(place, _)| *place);
        refused
    }

    /// Every identity under which a target may be heard of.
    fn known_as(&self, followed: &Followed) -> Vec<SetId> {
        let mut all: Vec<SetId> = Vec::new();
        for id in followed.identities() {
            for id in [self.canonical(id), id.clone()] {
                if !all.contains(&id) {
                    all.push(id);
                }
            }
        }
        all
    }

    fn may_watch_areas(&self, ask: &LocateRequest) -> Result<(), WatchError> {
        use crate::service::outcome::{ClientFault, SystemFault};
        if self.shared.draining.load(std::sync::atomic::Ordering::Acquire) {
            return Err(LocateError::System(SystemFault::Stopping).into());
        }
        if !ask.client.may(ask.flow) {
            return Err(LocateError::Client(ClientFault::Service).into());
        }
        let now = self.shared.now().mono;
        ask.client.usage().take(ask.client.profile(), now).map_err(LocateError::Congestion)?;
        Ok(())
    }
}

impl Watch {
    /// The targets that the client may not watch, by their places in the request, and why.
    pub fn refused(&self) -> &[(usize, LocateError)] {
        &self.refused
    }

    /// Why there is nothing more, once [`Self::next`] has said so.
    pub const fn over(&self) -> Option<WatchEnd> {
        self.over
    }

    /// The next that the watcher is told; `None` when the watch is [over](Self::over). Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Watched> {
        loop {
            if self.over.is_some() {
                return None;
            }
            if self.service.shared.stop.is_cancelled() {
                self.over = Some(WatchEnd::Stopping);
                continue;
            }
            match self.backlog.pop_front() {
                Some(Backlog::Lagged(missed)) => return Some(Watched::Lagged(missed)),
                Some(Backlog::Known(known)) => {
                    if let Some(sighting) = self.hand_over_known(known) {
                        return Some(Watched::Position(sighting));
                    }
                    continue;
                }
                None => {}
            }
            if self.newest_first {
                let token = ResumeToken {
                    journal: self.journal,
                    sequence: self.watcher.queue().from.saturating_sub(1),
                };
                let newest = self.newest(token).await;
                self.backlog.extend(newest);
                self.newest_first = false;
                continue;
            }
            match self.watcher.next() {
                Next::Give(place, heard) => {
                    if let Some(sighting) = self.hand_over(place, &heard) {
                        return Some(Watched::Position(sighting));
                    }
                }
                Next::CatchUp(from) => self.catch_up(from).await,
                Next::Wait => tokio::select! {
                    () = self.service.shared.stop.cancelled() => {}
                    () = self.watcher.wake.notified() => {}
                },
            }
        }
    }

    /// Reads from the journal what did not fit into the queue.
    async fn catch_up(&mut self, from: u64) {
        let journal = &self.service.shared.watchers.journal;
        let page = journal.page(from, self.watcher.most);
        if page.missed > 0 {
            let (name, end) = journal.end();
            let newest = self.newest(ResumeToken { journal: name, sequence: end - 1 }).await;
            self.backlog.push_back(Backlog::Lagged(page.missed));
            self.backlog.extend(newest);
            self.watcher.caught_up(Vec::new(), end);
            return;
        }
        let concerned = |h: Arc<Heard>| match self.watcher.concerns(&h) {
            (true, place) => Some((place, h)),
            (false, _) => None,
        };
        let found = page.heard.into_iter().filter_map(concerned).collect();
        self.watcher.caught_up(found, page.next);
        // Others want to be served as well.
        tokio::task::yield_now().await;
    }

    /// The newest known positions.
    async fn newest(&self, token: ResumeToken) -> Vec<Backlog> {
        let s = &self.service.shared;
        let known = |place, target: &SetId, estimate: &Arc<LocationEstimate>| {
            Backlog::Known(Known { place, target: target.clone(), estimate: Arc::clone(estimate), token })
        };
        let mut all = Vec::new();
        match &self.watcher.scope {
            Scope::Targets(targets) => {
                for (place, followed) in targets.iter().enumerate() {
                    let ids = self.watcher.identities().filter(|(_, p)| *p == place).map(|(id, _)| id);
                    let mut newest: Option<Arc<LocationEstimate>> = None;
                    for id in ids {
                        let held = s.recent.of(id).into_iter().next();
                        let found = match held {
                            Some(held) => Some(held),
                            None => s.positions.last(id).await.ok().flatten().map(Arc::new),
                        };
                        newest = newest.into_iter().chain(found).max_by_key(|e| e.time);
                    }
                    all.extend(newest.map(|e| known(Some(place), &followed.target, &e)));
                }
            }
            Scope::Area(area) => s.recent.each(|target, estimate| {
                if is_in(area, estimate) {
                    all.push(known(None, target, estimate));
                }
            }),
        }
        all
    }

    fn hand_over(&mut self, place: Option<usize>, heard: &Heard) -> Option<Sighting> {
        let target = self.named(place).unwrap_or_else(|| heard.canonical.clone());
        let sighting = Sighting {
            token: ResumeToken { journal: self.journal, sequence: heard.sequence },
            target,
            place,
            estimate: Arc::clone(&heard.estimate),
            origin: Origin::Fresh,
            ordered: heard.ordered,
            heard: heard.at,
        };
        self.may_have(sighting)
    }

    fn hand_over_known(&mut self, known: Known) -> Option<Sighting> {
        let Known { place, target, estimate, token } = known;
        let heard = estimate.time;
        self.may_have(Sighting {
            token,
            target,
            place,
            estimate,
            origin: Origin::Stored,
            ordered: false,
            heard,
        })
    }

    fn named(&self, place: Option<usize>) -> Option<SetId> {
        match &self.watcher.scope {
            Scope::Targets(targets) => targets.get(place?).map(|f| f.target.clone()),
            Scope::Area(_) => None,
        }
    }

    /// The position, if the client may have it just now and that can be put on record.
    fn may_have(&mut self, sighting: Sighting) -> Option<Sighting> {
        let shared = Arc::clone(&self.service.shared);
        let book = shared.book.load();
        let Some(client) = book.client(self.ask.client.id()).filter(|c| c.may(self.ask.flow)) else {
            self.over = Some(WatchEnd::ClientGone);
            return None;
        };
        if !Arc::ptr_eq(client, &self.ask.client) {
            self.ask.client = Arc::clone(client);
        }
        let believe = client.client_type().overrides_privacy();
        let alternatives = match (&self.watcher.scope, sighting.place) {
            (Scope::Targets(targets), Some(place)) => targets.get(place).map_or(&[][..], |f| &f.alternatives),
            _ => &[],
        };
        let meant = book.meant(&sighting.target, alternatives, believe);
        if meant.ambiguous && !believe {
            return None;
        }
        let decision =
            privacy::decide(&self.ask, &meant.identities, meant.rules(), &book.config, shared.now().utc);
        let consent = decision.verdict.ok()?;
        // Of targets that are named, consent was asked for at the beginning.
        if sighting.place.is_none() && consent.asked.tells() {
            return None;
        }
        let sighting = self.within_terms(sighting, &meant.canonical, consent.terms)?;
        let emergency = client.client_type() == ClientType::Emergency;
        if self.noted.len() < NOTED && !self.noted.contains(&meant.canonical) {
            let entry = Entry {
                subscriber: shared.audit.pseudonym(&meant.canonical),
                allowed: Some(true),
                why: decision.why.to_string(),
                outcome: "given",
                given: Some(self.given_of(&sighting)),
                ..self.entry()
            };
            if shared.audit.note(&entry).is_err() {
                if !emergency {
                    return None;
                }
                shared.metrics.audit_unrecorded.inc();
            }
            self.noted.insert(meant.canonical);
        } else if !emergency && !shared.audit.is_writable() {
            return None;
        }
        self.given += 1;
        Some(sighting)
    }

    /// The position as the subscriber's rules let it be told. Who watches an area learns nothing of those who are told of only
    /// within a radius: that they are in it, or are not any more, would tell more than that.
    fn within_terms(&self, sighting: Sighting, target: &SetId, terms: Terms) -> Option<Sighting> {
        if terms.radius_m.is_none() {
            return Some(sighting);
        }
        sighting.place?;
        let estimate = self.service.shared.coarse.tell(target, (*sighting.estimate).clone(), terms);
        Some(Sighting { estimate: Arc::new(estimate), ..sighting })
    }

    fn given_of(&self, sighting: &Sighting) -> Given {
        let (shared, estimate) = (&self.service.shared, &sighting.estimate);
        Given {
            origin: sighting.origin.name(),
            quality_met: true,
            method: estimate.method.name(),
            uncertainty_m: estimate.shape.horizontal_uncertainty_m(),
            age_s: shared.now().utc.since(estimate.time).as_secs_f64(),
            positions: None,
            position: shared.audit.holds_positions().then(|| Box::new((**estimate).clone())),
        }
    }

    fn entry(&self) -> Entry {
        let (shared, r) = (&self.service.shared, &self.ask);
        Entry {
            at: shared.now().utc.to_string(),
            what: "watch",
            client: r.client.id().to_owned(),
            client_type: r.client.client_type().name(),
            flow: r.flow.name(),
            service: r.service.as_ref().map(|s| s.0.chars().take(64).collect()),
            requestor: r.requestor.as_ref().map(|q| shared.audit.pseudonym_of_text(&q.id)),
            ..Entry::default()
        }
    }
}

impl Drop for Watch {
    /// Puts on record how much was given.
    fn drop(&mut self) {
        self.service.shared.watchers.remove(&self.watcher);
        let positions = usize::try_from(self.given).ok();
        let given = Given { origin: "fresh", quality_met: true, positions, ..Given::default() };
        let entry = Entry { outcome: "ended", given: Some(given), ..self.entry() };
        // Nothing more is given; a record that cannot be written says so itself.
        let _ = self.service.shared.audit.note(&entry);
    }
}
