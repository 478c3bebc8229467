//! The service itself: what it is made of, and everything that is asked of it besides positions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::account::Account;
use super::audit::Audit;
use super::auth::Authenticator;
use super::book::Book;
use super::client::{AuthError, Client, Credentials};
use super::config::Config;
use super::hub::Hub;
use super::outcome::{LocateError, SystemFault};
use super::positions::Positions;
use super::push::Push;
use super::recent::Recent;
use super::replay::Replay;
use super::request::LocateRequest;
use super::terms::{Coarse, Terms};
use super::underway::Board;
use super::watch::Watchers;
use crate::base::{LocationEstimate, Now, SetId, Utc};
use crate::observe::Metrics;
use crate::slc::ni::{OrderEvent, Rendezvous, Revoke};
use crate::slc::{Policy, PositionReport};
use crate::store::StoreError;

/// First positions of emergencies that are remembered.
const INITIALS: usize = 10_000;
/// Addresses at which handsets were heard of that are remembered.
const ADDRESSES: usize = 100_000;
/// How long an address at which a handset was heard of is believed to be its own.
const ADDRESS_HOLDS: Duration = Duration::from_mins(30);

/// How the service tells the time.
pub type NowFn = Arc<dyn Fn() -> Now + Send + Sync>;

/// What a [`Service`] is made of.
pub struct Parts {
    /// The clock.
    pub now: NowFn,
    /// Positions that are known.
    pub positions: Positions,
    /// The way to SETs.
    pub push: Arc<dyn Push>,
    /// What is offered in sessions.
    pub policy: Arc<ArcSwap<Policy>>,
    /// Where decisions go.
    pub audit: Audit,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Settings.
    pub config: Config,
    /// Clients and subscribers.
    pub book: Book,
}

/// A position that has become known.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionUpdate {
    /// Whose, as its SET called itself or as it was asked for.
    pub target: SetId,
    /// By which identity the target is known where it has several.
    pub canonical: SetId,
    /// Where, when, how.
    pub estimate: Arc<LocationEstimate>,
    /// Whether somebody had asked for it; otherwise the SET came by itself.
    pub ordered: bool,
}

pub(super) struct Shared {
    pub(super) now: NowFn,
    pub(super) positions: Positions,
    pub(super) push: Arc<dyn Push>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) audit: Audit,
    pub(super) metrics: Arc<Metrics>,
    pub(super) config: Config,
    pub(super) book: ArcSwap<Book>,
    pub(super) auth: Authenticator,
    pub(super) hub: Hub,
    pub(super) board: Board,
    pub(super) recent: Recent,
    pub(super) coarse: Coarse,
    pub(super) replay: Replay,
    pub(super) pending: Arc<AtomicU32>,
    pub(super) initial: Mutex<HashMap<SetId, (Instant, Arc<LocationEstimate>)>>,
    addresses: Mutex<HashMap<SetId, (Instant, IpAddr)>>,
    updates: broadcast::Sender<PositionUpdate>,
    pub(super) watchers: Arc<Watchers>,
    pub(super) draining: AtomicBool,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Shared {
    pub(super) fn now(&self) -> Now {
        (self.now)()
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// Where a SET was heard of a short while ago.
    pub(super) fn address_of<'a>(&self, mut identities: impl Iterator<Item = &'a SetId>) -> Option<IpAddr> {
        let now = self.now().mono;
        let known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        identities.find_map(|id| {
            known
                .get(id)
                .filter(|(at, _)| now.saturating_duration_since(*at) <= ADDRESS_HOLDS)
                .map(|(_, ip)| *ip)
        })
    }

    /// Notes the first position of an emergency.
    pub(super) fn note_initial(&self, target: &SetId, estimate: &Arc<LocationEstimate>) {
        let (now, holds) = (self.now().mono, Duration::from_secs(self.config.initial_s.into()));
        let mut initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: &Instant| now.saturating_duration_since(*at) > holds;
        if initial.len() >= INITIALS {
            initial.retain(|_, (at, _)| !over(at));
        }
        let known = initial.get(target).is_some_and(|(at, _)| !over(at));
        if !known && initial.len() < INITIALS {
            initial.insert(target.clone(), (now, Arc::clone(estimate)));
        }
    }

    /// The first position of an emergency.
    pub(super) fn initial_of(&self, target: &SetId) -> Option<Arc<LocationEstimate>> {
        let (now, holds) = (self.now().mono, Duration::from_secs(self.config.initial_s.into()));
        let initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner);
        initial
            .get(target)
            .filter(|(at, _)| now.saturating_duration_since(*at) <= holds)
            .map(|(_, e)| Arc::clone(e))
    }
}

/// The location service; cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(super) shared: Arc<Shared>,
}

/// Which positions of the past are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Not older than this.
    pub from: Option<Utc>,
    /// Not younger than this.
    pub until: Option<Utc>,
    /// At least this far apart.
    pub spacing: Option<Duration>,
    /// At most so many; the newest.
    pub most: usize,
}

impl Service {
    /// A service.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(parts: Parts) -> Result<Self, SystemFault> {
        let Parts { now, positions, push, policy, audit, metrics, config, book } = parts;
        let mut name = [0; 4];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut name)
            .map_err(|_| SystemFault::Random)?;
        let watchers = Watchers::new(config.watch.clone(), u32::from_be_bytes(name), positions.keep());
        let (updates, _) = broadcast::channel(config.updates.clamp(16, 1_000_000) as usize);
        let recent = if positions.keep().is_zero() { 0 } else { config.recent_targets as usize };
        Ok(Self {
            shared: Arc::new(Shared {
                now,
                replay: Replay::new(Arc::clone(positions.store())),
                positions,
                push,
                policy,
                audit,
                metrics,
                auth: Authenticator::new().ok_or(SystemFault::Random)?,
                hub: Hub::default(),
                board: Board::new(config.max_pending, config.max_per_target),
                recent: Recent::new(recent),
                coarse: Coarse::default(),
                pending: Arc::default(),
                initial: Mutex::default(),
                addresses: Mutex::default(),
                updates,
                watchers: Arc::new(watchers),
                draining: AtomicBool::new(false),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
                book: ArcSwap::from_pointee(book),
                config,
            }),
        })
    }

    /// Where SETs find their orders again.
    pub fn rendezvous(&self) -> Arc<dyn Rendezvous> {
        Arc::new(self.shared.hub.clone())
    }

    /// Whoever carries the sessions. Only the first call counts.
    pub fn carried_by(&self, sessions: Weak<dyn Revoke>) {
        self.shared.hub.carried_by(sessions);
    }

    /// Takes what a session says of an order.
    pub fn ordered(&self, slp_session: [u8; 4], event: OrderEvent) {
        self.shared.hub.hear(slp_session, event);
    }

    /// Takes a position that came out of a session: it is known from now on, and whoever subscribed to positions is told.
    /// Storing it is the caller's.
    pub fn report(&self, report: &PositionReport) {
        let s = &self.shared;
        let estimate = Arc::new(report.estimate.clone());
        let canonical = s.book.load().meant(&report.target, &[], false).canonical;
        s.recent.note(&canonical, Arc::clone(&estimate));
        s.watchers.note(&report.target, &canonical, &estimate, report.ordered, s.now().utc);
        if s.updates.receiver_count() > 0 {
            let target = report.target.clone();
            let _ = s.updates.send(PositionUpdate { target, canonical, estimate, ordered: report.ordered });
        }
    }

    /// Notes at which address a SET was heard of. Only for identities that were authenticated, or that nothing but an
    /// invitation hangs on.
    pub fn heard_at(&self, target: &SetId, address: IpAddr) {
        let s = &self.shared;
        let now = s.now().mono;
        let mut known = s.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES && !known.contains_key(target) {
            known.retain(|_, (at, _)| now.saturating_duration_since(*at) <= ADDRESS_HOLDS);
            if known.len() >= ADDRESSES {
                return;
            }
        }
        known.insert(target.clone(), (now, address.to_canonical()));
    }

    /// All positions from now on. A listener that is too slow is told how many it missed.
    pub fn subscribe_positions(&self) -> broadcast::Receiver<PositionUpdate> {
        self.shared.updates.subscribe()
    }

    /// By which identity a target is known that may have several.
    pub fn canonical(&self, target: &SetId) -> SetId {
        self.shared.book.load().meant(target, &[], false).canonical
    }

    /// Finds the client that these credentials are of. Failing takes as long whatever was wrong.
    ///
    /// # Errors
    /// [`AuthError`]
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Client>, AuthError> {
        let book = self.shared.book.load_full();
        let found = self.shared.auth.authenticate(&book, credentials).await;
        let outcome = match &found {
            Ok(_) => "ok",
            Err(AuthError::Refused) => "refused",
            Err(AuthError::Busy) => "busy",
        };
        self.shared.metrics.client_logins.get_or_create(&[("outcome", outcome)]).inc();
        found
    }

    /// A client by its id: for what it asked for earlier, after a restart or a reload. `None` when it has no profile any
    /// more.
    pub fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.shared.book.load().client(id).cloned()
    }

    /// Every client, by its id.
    pub fn clients(&self) -> Vec<Arc<Client>> {
        let book = self.shared.book.load();
        let mut all: Vec<_> = book.clients.values().map(|e| Arc::clone(&e.client)).collect();
        all.sort_by(|a, b| a.id().cmp(b.id()));
        all
    }

    /// Replaces the profiles. Requests under way keep those that they began with.
    pub fn reload(&self, book: Book) {
        self.shared.book.store(Arc::new(book));
        // Identities may stand for others now.
        self.shared.recent.clear();
    }

    /// The profiles in force.
    pub fn book(&self) -> Arc<Book> {
        self.shared.book.load_full()
    }

    /// Positions of the past that a client may have, newest first. The request says who asks, for whom, and through which
    /// service; its kind and quality say nothing here.
    ///
    /// # Errors
    /// As [`Service::locate`].
    pub async fn history(
        &self,
        request: &LocateRequest,
        window: Window,
    ) -> Result<Vec<LocationEstimate>, LocateError> {
        let mut account = Account::open(&self.shared, request, "history");
        let result = self.find_history(request, window, &mut account).await;
        account.close_many(result).await
    }

    async fn find_history(
        &self,
        request: &LocateRequest,
        window: Window,
        account: &mut Account,
    ) -> Result<Vec<LocationEstimate>, LocateError> {
        let seek = self.admit(request, account).await?;
        self.obtain_consent(&seek).await?;
        let mut known = Vec::new();
        for id in &seek.meant.identities {
            match self.shared.positions.history(id, usize::MAX).await {
                Ok(some) => known.extend(some),
                Err(_) => return Err(LocateError::System(SystemFault::Store)),
            }
        }
        known.sort_by_key(|e| std::cmp::Reverse(e.time));
        let mut chosen: Vec<LocationEstimate> = Vec::new();
        for e in known {
            let inside = window.from.is_none_or(|f| e.time >= f) && window.until.is_none_or(|u| e.time <= u);
            let apart = match (chosen.last(), window.spacing) {
                (Some(last), Some(spacing)) => last.time.since(e.time) >= spacing,
                _ => true,
            };
            if inside && apart && chosen.len() < window.most {
                chosen.push(e);
            }
        }
        let (target, terms) = (&seek.meant.canonical, seek.consent.terms);
        Ok(chosen.into_iter().map(|e| self.shared.coarse.tell(target, e, terms)).collect())
    }

    /// Under which terms a client may have positions of a target just now, by rules alone and without a record of its own;
    /// `None` when it may not. For the remarks that some doors make beside a position.
    pub fn terms(&self, request: &LocateRequest) -> Option<Terms> {
        self.judged(request).map(|(_, terms)| terms)
    }

    /// A position of a target as a client may be told of it just now; `None` when it may not. For what comes into the house by
    /// itself and is passed on, as [`Service::still_permits`] says.
    pub fn as_told(&self, request: &LocateRequest, estimate: LocationEstimate) -> Option<LocationEstimate> {
        let (target, terms) = self.judged(request)?;
        Some(self.shared.coarse.tell(&target, estimate, terms))
    }

    /// Whether a client may have positions of a target, without giving it one: for reports that come later. Asks the user
    /// where that is the rule.
    ///
    /// # Errors
    /// As [`Service::locate`].
    pub async fn permit(&self, request: &LocateRequest) -> Result<(), LocateError> {
        let mut account = Account::open(&self.shared, request, "permit");
        let result = match self.admit(request, &mut account).await {
            Ok(seek) => self.obtain_consent(&seek).await,
            Err(e) => Err(e),
        };
        account.close_permit(result).await
    }

    /// Whether a client may have a position of a target just now, by rules alone and without a record of its own: for each of
    /// the reports of something that was permitted. Where the user would have to be asked, consent that was given for the
    /// whole counts.
    pub fn still_permits(&self, request: &LocateRequest) -> bool {
        self.judged(request).is_some()
    }

    /// Who is meant by a request that the rules permit just now, and under which terms.
    fn judged(&self, request: &LocateRequest) -> Option<(SetId, Terms)> {
        let s = &self.shared;
        let book = s.book.load();
        let client = book.client(request.client.id())?;
        let believe = client.client_type().overrides_privacy();
        let meant = book.meant(&request.target, &request.alternatives, believe);
        if !client.may(request.flow) {
            return None;
        }
        let decision =
            super::privacy::decide(request, &meant.identities, meant.rules(), &book.config, s.now().utc);
        let consent = decision.verdict.ok()?;
        Some((meant.canonical, consent.terms))
    }

    /// Removes all that is known of a target under any of its identities; returns how many positions went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, target: &SetId) -> Result<usize, StoreError> {
        let s = &self.shared;
        let meant = s.book.load().meant(target, &[], false);
        let mut gone = 0;
        for id in &meant.identities {
            gone += s.positions.forget(id).await?;
            s.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        s.recent.forget(&meant.canonical);
        s.watchers.forget(&meant.identities);
        s.initial.lock().unwrap_or_else(PoisonError::into_inner).remove(&meant.canonical);
        let entry = super::audit::Entry {
            at: s.now().utc.to_string(),
            what: "forget",
            subscriber: s.audit.pseudonym(&meant.canonical),
            outcome: "done",
            ..super::audit::Entry::default()
        };
        // What is gone is gone; that it cannot be recorded is said by the record itself.
        let _ = s.audit.write(&entry).await;
        Ok(gone)
    }

    /// The audit record.
    pub fn audit(&self) -> &Audit {
        &self.shared.audit
    }

    /// Goes on with the numbers, and where it may with the positions, of the journal of those who watch. Before anything is
    /// asked of the service; without it, numbers begin anew in a journal of another name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recall(&self) -> Result<(), StoreError> {
        self.shared.watchers.recall(&**self.shared.positions.store()).await
    }

    /// The positions that are known.
    pub fn positions(&self) -> &Positions {
        &self.shared.positions
    }

    /// Requests that wait for a position, positionings under way, orders that wait for their SET, and those whose SET has
    /// come.
    pub fn load(&self) -> Load {
        let (waiting, running) = self.shared.hub.count();
        Load {
            requests: self.shared.pending.load(Ordering::Relaxed),
            positionings: self.shared.board.len(),
            orders_waiting: waiting,
            orders_running: running,
            watchers: self.shared.watchers.count(),
        }
    }

    /// Takes no more requests; those under way go on.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// Answers everybody with the best there is, and ends what is under way. Returns when all of it has ended.
    pub async fn shutdown(&self) {
        self.drain();
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        if let Err(error) = self.shared.watchers.put_away(&**self.shared.positions.store()).await {
            tracing::error!(%error, "those who watch cannot resume where they were");
        }
        if let Err(error) = self.shared.audit.sync().await {
            tracing::error!(%error, "the audit record is not on the disk");
        }
    }
}

/// How much is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait for a position.
    pub requests: u32,
    /// Positionings; several requests may wait for one.
    pub positionings: usize,
    /// Orders whose SET has not come yet.
    pub orders_waiting: usize,
    /// Orders whose SET has come.
    pub orders_running: usize,
    /// Those who watch positions.
    pub watchers: u32,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("load", &self.load()).finish_non_exhaustive()
    }
}
