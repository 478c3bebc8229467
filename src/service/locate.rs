//! From a request to a position or to the reason why there is none.
//!
//! ```text
//!  client ─ quota ─ privacy ─┬─ refused: answered no sooner than any other refusal
//!                            └─ known, and young and exact enough? ── consent ──► stored
//!                                 └─ SUPL INIT, or a positioning under way ─────► fresh
//!                                      └─ nothing better in time: what is known, or why not
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::account::Account;
use super::area::{Area, Verification};
use super::book::Meant;
use super::client::{ClientType, UnderWay};
use super::outcome::{
    Absence, ClientFault, Congestion, LocateError, Located, MethodFault, Origin, QopPart, Refusal,
    SystemFault,
};
use super::positioning::{self, Plan};
use super::privacy::{self, Consent, Decision, Why};
use super::request::{
    LocateRequest, LocationKind, Priority, PrivacyWish, QosClass, Requestor, RequestorKind,
};
use super::service::Service;
use super::underway::{Aim, Boarding, End, Progress};
use super::verdict::{meets, missed, of_end};
use crate::base::LocationEstimate;
use crate::slc::ni::{Name, NameFormat, Notification, OrderEnd, What};

/// Positionings that one request may go through.
const ATTEMPTS: usize = 4;
/// Time that must be left for another.
const WORTH_IT: Duration = Duration::from_secs(2);
/// How much sooner than the answer is due its session is to end, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// A request that was admitted.
pub(super) struct Seek<'a> {
    pub(super) r: &'a LocateRequest,
    pub(super) meant: Meant,
    pub(super) consent: Consent,
    response: Duration,
    deadline: Instant,
    emergency: bool,
    _quota: UnderWay,
}

/// What a positioning came to, for one of those who waited for it.
struct Reached {
    best: Option<Arc<LocationEstimate>>,
    why: Halt,
}

/// Why nobody waits any more.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Halt {
    /// There is what was wanted.
    Satisfied,
    /// The positioning is over.
    End(End),
    /// The answer is due.
    Due,
    /// There was no room.
    Full(Congestion),
}

impl Service {
    /// Finds a position. Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`LocateError`]; the answer comes within the response time.
    pub async fn locate(&self, request: LocateRequest) -> Result<Located, LocateError> {
        let mut account = Account::open(&self.shared, &request, "locate");
        let result = self.find(&request, &mut account).await;
        account.close(result).await
    }

    /// Whether a target is in an area; where it is is not told. Asked for, recorded and answered as a position is.
    ///
    /// # Errors
    /// As [`Service::locate`].
    pub async fn verify(&self, request: LocateRequest, area: &Area) -> Result<Verification, LocateError> {
        let mut account = Account::open(&self.shared, &request, "verify");
        let result = self.find(&request, &mut account).await.and_then(|located| {
            let matched = area.matches(&located.estimate.shape);
            let (result, rate) = matched.ok_or(LocateError::Method(MethodFault::NoFix))?;
            let verification =
                Verification { result, rate, time: located.estimate.time, qos_met: located.qos_met };
            Ok((located, verification))
        });
        account.close_verified(result).await
    }

    async fn find(&self, r: &LocateRequest, account: &mut Account) -> Result<Located, LocateError> {
        let seek = self.admit(r, account).await?;
        let located = match self.look_up(&seek).await? {
            Some(located) => {
                self.obtain_consent(&seek).await?;
                located
            }
            None => Box::pin(self.measure(&seek, account)).await?,
        };
        Ok(self.within_terms(&seek, located))
    }

    /// A position as the subscriber's rules let it be told.
    fn within_terms(&self, seek: &Seek<'_>, located: Located) -> Located {
        let terms = seek.consent.terms;
        if terms.radius_m.is_none() {
            return located;
        }
        let estimate = self.shared.coarse.tell(&seek.meant.canonical, located.estimate, terms);
        let qos_met = located.qos_met && meets(&seek.r.qop, &estimate, self.age(&estimate));
        Located { estimate, qos_met, ..located }
    }

    /// Whether the request may be served, and how.
    pub(super) async fn admit<'a>(
        &self,
        r: &'a LocateRequest,
        account: &mut Account,
    ) -> Result<Seek<'a>, LocateError> {
        let s = &self.shared;
        if s.draining.load(Ordering::Acquire) {
            return Err(LocateError::System(SystemFault::Stopping));
        }
        if !r.client.may(r.flow) {
            return Err(LocateError::Client(ClientFault::Service));
        }
        let emergency = r.client.client_type() == ClientType::Emergency;
        let now = s.now();
        let quota = r.client.usage().take(r.client.profile(), now.mono).map_err(LocateError::Congestion)?;
        if !emergency && !s.audit.is_writable() {
            return Err(LocateError::System(SystemFault::Audit));
        }
        let book = s.book.load_full();
        let believe = r.client.client_type().overrides_privacy();
        let meant = book.meant(&r.target, &r.alternatives, believe);
        let mut decision = privacy::decide(r, &meant.identities, meant.rules(), &book.config, now.utc);
        if meant.ambiguous && !believe && decision.verdict.is_ok() {
            let verdict = Err(LocateError::NotAllowed(Refusal::NoRule));
            decision = Decision { verdict, why: Why::Ambiguous };
        }
        account.decided(&meant.canonical, &decision);
        let consent = match decision.verdict {
            Ok(consent) => consent,
            Err(e) => {
                // The few instructions that differ between targets drown in the wait.
                let floor = Duration::from_millis(book.config.refusal_ms.min(1000).into());
                sleep_until(account.began() + floor).await;
                return Err(e);
            }
        };
        let response = s.config().response(r.qop.response_time);
        let deadline = account.began() + response;
        Ok(Seek { r, meant, consent, response, deadline, emergency, _quota: quota })
    }

    /// Tells or asks the user, where there is nothing to be measured that would do so.
    pub(super) async fn obtain_consent(&self, seek: &Seek<'_>) -> Result<(), LocateError> {
        if !seek.consent.asked.tells() {
            return Ok(());
        }
        let aim = Aim { what: What::ConsentOnly, ..seek.aim() };
        // Where no time was given for an answer, the user still needs some.
        let deadline = seek.deadline.max(Instant::now() + self.shared.config().response(None));
        let reached = Box::pin(self.reach(seek, aim, deadline, None)).await;
        match reached.why {
            Halt::End(End::Session(OrderEnd::ConsentGranted)) => Ok(()),
            Halt::End(end) => Err(of_end(end, seek.r.qos_class, seek.response)),
            Halt::Full(c) => Err(LocateError::Congestion(c)),
            Halt::Satisfied | Halt::Due => Err(LocateError::Absent(Absence::NoAnswer)),
        }
    }

    /// What is known and does, or why nothing known will do where nothing else is to be tried.
    async fn look_up(&self, seek: &Seek<'_>) -> Result<Option<Located>, LocateError> {
        let r = seek.r;
        let at_once = seek.response.is_zero();
        if r.kind == LocationKind::Initial
            && let Some(first) = self.shared.initial_of(&seek.meant.canonical)
        {
            return Ok(Some(self.stored(seek, &first)));
        }
        let only_stored = at_once || r.kind == LocationKind::Last;
        let held = self.shared.recent.of(&seek.meant.canonical);
        if let Some(fit) = held.iter().find(|e| self.fits(seek, e)) {
            return Ok(Some(self.stored(seek, fit)));
        }
        // What is in memory are the newest; what is older is looked for only where it could do.
        let all = match self.known(seek).await {
            Ok(all) => all,
            Err(e) if only_stored && held.is_empty() => return Err(e),
            Err(_) => held,
        };
        if let Some(fit) = all.iter().find(|e| self.fits(seek, e)) {
            return Ok(Some(self.stored(seek, fit)));
        }
        if !only_stored {
            return Ok(None);
        }
        let Some(newest) = all.first() else { return Err(LocateError::Method(MethodFault::NothingKnown)) };
        match r.qos_class {
            QosClass::BestEffort => Ok(Some(self.stored(seek, newest))),
            QosClass::Assured => {
                let age = self.age(newest);
                Err(LocateError::QopNotAttainable(missed(&r.qop, newest, age)))
            }
        }
    }

    fn age(&self, estimate: &LocationEstimate) -> Duration {
        self.shared.now().utc.since(estimate.time)
    }

    /// Whether a stored position does, by what kind of position is wanted.
    fn fits(&self, seek: &Seek<'_>, e: &LocationEstimate) -> bool {
        let (r, config, age) = (seek.r, self.shared.config(), self.age(e));
        let kept = self.shared.positions.keep();
        if age > kept || !meets(&r.qop, e, age) {
            return false;
        }
        match r.kind {
            _ if seek.response.is_zero() => true,
            LocationKind::Last | LocationKind::LastOrCurrent => true,
            LocationKind::Current | LocationKind::CurrentOrLast | LocationKind::Initial => {
                let exact = r.qop.horizontal_m.is_some()
                    || e.shape.horizontal_uncertainty_m().is_some_and(|u| u <= config.fresh_radius_m);
                r.is_young(age, config.fresh()) && exact && (!r.velocity || e.velocity.is_some())
            }
        }
    }

    fn stored(&self, seek: &Seek<'_>, e: &LocationEstimate) -> Located {
        let qos_met = meets(&seek.r.qop, e, self.age(e));
        Located { estimate: e.clone(), qos_met, origin: Origin::Stored }
    }

    /// All that is known of the target, newest first.
    async fn known(&self, seek: &Seek<'_>) -> Result<Vec<Arc<LocationEstimate>>, LocateError> {
        let s = &self.shared;
        let mut all = s.recent.of(&seek.meant.canonical);
        let held = all.len();
        for id in &seek.meant.identities {
            let some = s.positions.history(id, usize::MAX).await;
            let some = some.map_err(|_| LocateError::System(SystemFault::Store))?;
            for e in some {
                if !all.iter().take(held).any(|h| **h == e) {
                    all.push(Arc::new(e));
                }
            }
        }
        let kept = s.positions.keep();
        all.retain(|e| self.age(e) <= kept);
        all.sort_by_key(|e| std::cmp::Reverse(e.time));
        if held == 0 {
            // The next one need not wait for the disk.
            for e in all.iter().take(2) {
                s.recent.note(&seek.meant.canonical, Arc::clone(e));
            }
        }
        Ok(all)
    }

    /// Asks the SET.
    async fn measure(&self, seek: &Seek<'_>, account: &mut Account) -> Result<Located, LocateError> {
        let r = seek.r;
        let reached = self.reach(seek, seek.aim(), seek.deadline, Some(account)).await;
        let fresh = |estimate: &Arc<LocationEstimate>, qos_met| Located {
            estimate: (**estimate).clone(),
            qos_met,
            origin: Origin::Fresh,
        };
        if let Some(best) = &reached.best {
            let age = self.age(best);
            if meets(&r.qop, best, age) {
                return Ok(fresh(best, true));
            }
            let better = if seek.may_fall_back() { self.fallback(seek, true).await } else { None };
            return match (better, r.qos_class) {
                (Some(stored), _) => Ok(stored),
                (None, QosClass::BestEffort) => Ok(fresh(best, false)),
                (None, QosClass::Assured) => Err(LocateError::QopNotAttainable(missed(&r.qop, best, age))),
            };
        }
        let last_known = seek.emergency && self.shared.config().emergency_last_known;
        let denied = reached.why == Halt::End(End::Session(OrderEnd::ConsentDenied));
        if (seek.may_fall_back() || last_known) && !denied {
            let strict = r.qos_class == QosClass::Assured;
            if let Some(stored) = self.fallback(seek, strict).await {
                return Ok(stored);
            }
        }
        Err(match reached.why {
            Halt::Full(c) => LocateError::Congestion(c),
            Halt::End(end) => {
                let error = of_end(end, r.qos_class, seek.response);
                let unknown = error == LocateError::Absent(Absence::NoAddress)
                    && seek.meant.subscriber.is_none()
                    && r.client.learns_unknown();
                if unknown { LocateError::UnknownSubscriber } else { error }
            }
            Halt::Satisfied | Halt::Due => {
                LocateError::QopNotAttainable(QopPart::ResponseTime(seek.response))
            }
        })
    }

    /// The newest position known, where one is better than nothing; one that meets the quality, if `strict`.
    async fn fallback(&self, seek: &Seek<'_>, strict: bool) -> Option<Located> {
        let all = self.known(seek).await.ok()?;
        let fit = all.iter().find(|e| meets(&seek.r.qop, e, self.age(e)));
        let chosen = fit.or_else(|| all.first().filter(|_| !strict))?;
        Some(self.stored(seek, chosen))
    }

    /// Waits for positionings until one gives what is wanted, nothing more is to be had, or the answer is due.
    async fn reach(
        &self,
        seek: &Seek<'_>,
        aim: Aim,
        deadline: Instant,
        mut account: Option<&mut Account>,
    ) -> Reached {
        let s = &self.shared;
        let most = s.config().max_pending;
        let r = seek.r;
        let high = r.priority == Priority::High && r.client.profile().high_priority;
        // The last places are for emergencies, those before them for what has high priority.
        let most = match (seek.emergency, high) {
            (true, _) => most,
            (false, true) => most - most / 16,
            (false, false) => most - most / 8,
        };
        let Some(_place) = UnderWay::begin(&s.pending, most) else {
            return Reached { best: None, why: Halt::Full(Congestion::Server) };
        };
        let margin = MARGIN.min(deadline.saturating_duration_since(Instant::now()) / 10);
        let mut best = None;
        for _ in 0..ATTEMPTS {
            let boarding = s.board.board(&seek.meant.canonical, &aim, (deadline - margin).into_std());
            let (seen, own, after) = match boarding {
                Err(c) => return Reached { best, why: Halt::Full(c) },
                Ok(Boarding::Joined(seen)) => (seen, false, false),
                Ok(Boarding::After(seen)) => (seen, false, true),
                Ok(Boarding::Begin(underway, seen)) => {
                    let run = positioning::run(Arc::clone(s), underway, self.plan(seek));
                    s.tasks.spawn(run);
                    (seen, true, false)
                }
            };
            if !own && !after {
                s.metrics.locations_joined.inc();
                if let Some(account) = &mut account {
                    account.joined = true;
                }
            }
            // What another positioning finds may be used only where the user need not know.
            let usable = !after || !aim.tells();
            let why = self.follow(seek, seen, deadline, usable, &mut best).await;
            let Halt::End(end) = why else { return Reached { best, why } };
            if best.as_ref().is_some_and(|b| meets(&seek.r.qop, b, self.age(b))) {
                return Reached { best, why };
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let again = match end {
                End::Superseded | End::Abandoned => !left.is_zero(),
                End::Stopping => false,
                _ => !own && left >= WORTH_IT && (after || cut_short(end)),
            };
            if !again {
                return Reached { best, why };
            }
        }
        Reached { best, why: Halt::Due }
    }

    /// Follows one positioning.
    async fn follow(
        &self,
        seek: &Seek<'_>,
        mut seen: watch::Receiver<Progress>,
        deadline: Instant,
        usable: bool,
        best: &mut Option<Arc<LocationEstimate>>,
    ) -> Halt {
        loop {
            let (position, end) = {
                let p = seen.borrow_and_update();
                (p.position.clone(), p.end)
            };
            if let Some((estimate, met)) = position.filter(|_| usable)
                && best.as_ref().is_none_or(|b| *b != estimate)
            {
                let done = self.is_enough(seek, &estimate, met);
                self.take(seek, &estimate, done, best);
                if done {
                    return Halt::Satisfied;
                }
            }
            if let Some(end) = end {
                return Halt::End(end);
            }
            tokio::select! {
                changed = seen.changed() => if changed.is_err() { return Halt::End(End::Overdue) },
                () = sleep_until(deadline) => return Halt::Due,
            }
        }
    }

    /// Whether nothing better need be waited for.
    fn is_enough(&self, seek: &Seek<'_>, estimate: &LocationEstimate, met: bool) -> bool {
        let r = seek.r;
        meets(&r.qop, estimate, self.age(estimate))
            && (met || r.qop.horizontal_m.is_some())
            && (met || !r.velocity || estimate.velocity.is_some())
    }

    /// Takes a new position, unless there is a better one of almost the same time.
    fn take(
        &self,
        seek: &Seek<'_>,
        estimate: &Arc<LocationEstimate>,
        done: bool,
        best: &mut Option<Arc<LocationEstimate>>,
    ) {
        if seek.emergency {
            self.shared.note_initial(&seek.meant.canonical, estimate);
        }
        if let Some(progress) = seek.r.progress.as_ref().filter(|_| !done) {
            let qos_met = meets(&seek.r.qop, estimate, self.age(estimate));
            let located = Located { estimate: (**estimate).clone(), qos_met, origin: Origin::Fresh };
            // One that finds no room is left out: the last one is the answer.
            let _ = progress.try_send(self.within_terms(seek, located));
        }
        *best = Some(Arc::clone(estimate));
    }

    /// How the SET is reached.
    fn plan(&self, seek: &Seek<'_>) -> Plan {
        let s = &self.shared;
        let profile = seek.meant.subscriber.as_ref();
        let identities = &seek.meant.identities;
        let address = profile.and_then(|p| p.address);
        Plan {
            canonical: seek.meant.canonical.clone(),
            target: seek.r.target.clone(),
            alternatives: identities.iter().filter(|id| **id != seek.r.target).cloned().collect(),
            version: profile.and_then(|p| p.version).unwrap_or(s.config().version).into(),
            ip: address.or(seek.r.reach.ip).or_else(|| s.address_of(identities.iter())),
            area: seek.r.reach.area.clone(),
            seal: profile.map(|p| p.seal()).unwrap_or_default(),
        }
    }
}

/// Whether a positioning that others had begun may have ended sooner than one's own would.
fn cut_short(end: End) -> bool {
    match end {
        End::Overdue | End::Session(OrderEnd::Completed) => true,
        End::Session(OrderEnd::Failed(f)) => f.is_timeout(),
        _ => false,
    }
}

impl Seek<'_> {
    /// What a positioning for this request is to reach.
    fn aim(&self) -> Aim {
        let r = self.r;
        let asked = self.consent.asked;
        let notification = (asked != crate::slc::ni::Asked::Nothing).then(|| Notification {
            kind: asked,
            requestor: r.requestor.as_ref().filter(|_| asked.tells()).map(shown),
            client: asked.tells().then(|| Name::logical(r.client.name())),
            encoding: None,
            by_location: self.consent.by_location,
        });
        Aim {
            what: What::Position,
            qop: r.qop,
            velocity: r.velocity,
            notification,
            emergency: self.emergency,
        }
    }

    /// Whether what is known may stand in for what could not be measured.
    fn may_fall_back(&self) -> bool {
        !self.consent.asked.tells()
            && !matches!(self.r.wish, Some(PrivacyWish::DoNotPosition))
            && matches!(self.r.kind, LocationKind::CurrentOrLast | LocationKind::LastOrCurrent)
    }
}

/// A requestor's name as the user is shown it.
fn shown(q: &Requestor) -> Name {
    let format = match q.kind {
        RequestorKind::Msisdn => NameFormat::Msisdn,
        RequestorKind::Name | RequestorKind::Other => NameFormat::LogicalName,
        RequestorKind::Email => NameFormat::Email,
        RequestorKind::Url => NameFormat::Url,
        RequestorKind::SipUrl => NameFormat::SipUrl,
    };
    Name { text: q.id.clone(), format }
}
