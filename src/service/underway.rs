//! Positionings under way: whoever wants the same of the same target shares one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::outcome::Congestion;
use super::push::PushError;
use crate::base::{LocationEstimate, QualityOfPosition, SetId};
use crate::slc::ni::{Notification, OrderEnd, What};

/// Why a positioning is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The session ended like this.
    Session(OrderEnd),
    /// The SET did not come in time.
    NoAnswer,
    /// The SUPL INIT reached nobody.
    Push(PushError),
    /// No SUPL INIT could be made of the order.
    Invite,
    /// The key that protects its SUPL INITs is used up.
    KeyUsedUp,
    /// The store failed.
    Store,
    /// The system gives no random numbers.
    Random,
    /// An emergency took the target.
    Superseded,
    /// Its time was up long ago, and the session did not say so.
    Overdue,
    /// Nobody waits any more.
    Abandoned,
    /// The server is stopping.
    Stopping,
}

/// What those who wait for a positioning see of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The newest position, and whether it meets what the positioning was to reach.
    pub(super) position: Option<(Arc<LocationEstimate>, bool)>,
    /// Why it is over.
    pub(super) end: Option<End>,
}

/// What a positioning is to reach.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aim {
    pub(super) what: What,
    pub(super) qop: QualityOfPosition,
    pub(super) velocity: bool,
    pub(super) notification: Option<Notification>,
    pub(super) emergency: bool,
}

impl Aim {
    /// Whether a positioning with this aim gives what `other` wants: it is as demanding, and tells the user the same.
    fn serves(&self, other: &Self) -> bool {
        let finer = |mine: Option<f64>, theirs: Option<f64>| match (mine, theirs) {
            (_, None) => true,
            (Some(m), Some(t)) => m <= t,
            (None, Some(_)) => false,
        };
        // Who need not tell the user is served by a positioning of which the user knows, and by an emergency's.
        let told = !other.tells() || self.notification == other.notification;
        self.what == other.what
            && told
            && finer(self.qop.horizontal_m, other.qop.horizontal_m)
            && finer(self.qop.vertical_m, other.qop.vertical_m)
            && (self.velocity || !other.velocity)
            && (self.emergency || !other.emergency)
    }

    /// Whether the user is told or asked.
    pub(super) fn tells(&self) -> bool {
        self.notification.as_ref().is_some_and(|n| n.kind.tells())
    }
}

/// A positioning under way.
pub(super) struct Underway {
    number: u64,
    pub(super) aim: Aim,
    pub(super) deadline: Instant,
    pub(super) progress: watch::Sender<Progress>,
    /// Cancelled by an emergency.
    pub(super) superseded: CancellationToken,
}

/// What comes of wanting a positioning.
pub(super) enum Boarding {
    /// One that is under way does.
    Joined(watch::Receiver<Progress>),
    /// A new one is to be begun.
    Begin(Arc<Underway>, watch::Receiver<Progress>),
    /// Another is under way that does not do; it must end first.
    After(watch::Receiver<Progress>),
}

/// All positionings under way.
pub(super) struct Board {
    targets: Mutex<Targets>,
    most: usize,
    most_each: usize,
}

#[derive(Default)]
struct Targets {
    of: HashMap<SetId, Vec<Arc<Underway>>>,
    total: usize,
    numbers: u64,
}

impl Board {
    pub(super) fn new(most: u32, most_each: u32) -> Self {
        Self { targets: Mutex::default(), most: most as usize, most_each: most_each as usize }
    }

    fn targets(&self) -> MutexGuard<'_, Targets> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Positionings under way.
    pub(super) fn len(&self) -> usize {
        self.targets().total
    }

    /// Finds a positioning for whoever wants this of a target until then.
    pub(super) fn board(&self, target: &SetId, aim: &Aim, deadline: Instant) -> Result<Boarding, Congestion> {
        let mut guard = self.targets();
        let targets = &mut *guard;
        let running = targets.of.get(target).map_or(&[][..], Vec::as_slice);
        // A superseded one, or one without anybody, is on its way out.
        let fit = |u: &&Arc<Underway>| {
            !u.superseded.is_cancelled()
                && u.progress.receiver_count() > 0
                && u.progress.borrow().end.is_none()
        };
        if let Some(u) = running.iter().filter(fit).find(|u| u.aim.serves(aim)) {
            return Ok(Boarding::Joined(u.progress.subscribe()));
        }
        let emergency = running.iter().find(|u| u.aim.emergency);
        if aim.emergency && emergency.is_none() {
            for u in running {
                u.superseded.cancel();
            }
        } else if let Some(u) = emergency {
            return Ok(Boarding::After(u.progress.subscribe()));
        } else if let Some(u) = running.first()
            && (!aim.tells() || running.len() >= self.most_each)
        {
            return Ok(Boarding::After(u.progress.subscribe()));
        }
        let most = if aim.emergency { self.most } else { self.most - self.most / 8 };
        if targets.total >= most {
            return Err(Congestion::Server);
        }
        targets.total += 1;
        targets.numbers += 1;
        let (progress, seen) = watch::channel(Progress::default());
        let underway = Arc::new(Underway {
            number: targets.numbers,
            aim: aim.clone(),
            deadline,
            progress,
            superseded: CancellationToken::new(),
        });
        targets.of.entry(target.clone()).or_default().push(Arc::clone(&underway));
        Ok(Boarding::Begin(underway, seen))
    }

    /// Takes a positioning off the board and tells everybody how it ended.
    pub(super) fn leave(&self, target: &SetId, underway: &Underway, end: End) {
        let mut targets = self.targets();
        targets.remove(target, underway);
        underway.progress.send_modify(|p| p.end = Some(end));
    }

    /// Takes a positioning off the board if nobody waits for it.
    pub(super) fn leave_if_abandoned(&self, target: &SetId, underway: &Underway) -> bool {
        let mut targets = self.targets();
        let abandoned = underway.progress.receiver_count() == 0;
        if abandoned {
            targets.remove(target, underway);
        }
        abandoned
    }
}

impl Targets {
    fn remove(&mut self, target: &SetId, underway: &Underway) {
        let Some(list) = self.of.get_mut(target) else { return };
        let before = list.len();
        list.retain(|u| u.number != underway.number);
        self.total -= before - list.len();
        if list.is_empty() {
            self.of.remove(target);
        }
    }
}
