//! All positions in their order, the newest of them kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::token::ResumeToken;
use crate::base::{LocationEstimate, SetId, Utc};

/// A position that came into the house.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::service) struct Heard {
    pub(super) sequence: u64,
    pub(super) target: SetId,
    pub(super) canonical: SetId,
    pub(super) estimate: Arc<LocationEstimate>,
    pub(super) ordered: bool,
    pub(super) at: Utc,
}

/// The newest positions under their numbers.
pub(super) struct Journal {
    most: usize,
    keep: Duration,
    inner: Mutex<Contents>,
}

/// What a journal holds.
pub(super) struct Contents {
    /// Its name.
    pub(super) name: u32,
    /// The number of the next position.
    pub(super) next: u64,
    /// Those kept, the last numbered `next - 1`. What was forgotten leaves a gap.
    pub(super) kept: VecDeque<Option<Arc<Heard>>>,
}

impl Contents {
    fn first(&self) -> u64 {
        self.next - self.kept.len() as u64
    }
}

/// What the journal has from some number on.
pub(super) struct Page {
    /// Positions in order, without those forgotten.
    pub(super) heard: Vec<Arc<Heard>>,
    /// How many were not kept.
    pub(super) missed: u64,
    /// The number from which to go on.
    pub(super) next: u64,
    /// Whether that is all there is.
    pub(super) all: bool,
}

/// Where one goes on who has a token.
pub(super) enum Resumed {
    /// From this number on; everything behind the token is kept.
    From(u64),
    /// So many positions behind the token are not kept any more; 0: nobody knows how many.
    Missed(u64),
}

impl Journal {
    /// Keeps `most` positions, none longer than `keep`.
    pub(super) fn new(name: u32, most: usize, keep: Duration) -> Self {
        let inner = Mutex::new(Contents { name, next: 1, kept: VecDeque::new() });
        Self { most, keep, inner }
    }

    fn inner(&self) -> MutexGuard<'_, Contents> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with what an earlier one held, and puts what came in meanwhile behind it.
    pub(super) fn go_on(&self, earlier: Contents) {
        let mut inner = self.inner();
        let meanwhile = std::mem::replace(&mut *inner, earlier).kept;
        for heard in meanwhile {
            let sequence = inner.next;
            inner.next += 1;
            inner.kept.push_back(heard.map(|h| Arc::new(Heard { sequence, ..(*h).clone() })));
        }
        self.trim(&mut inner, None);
    }

    /// All of it.
    pub(super) fn contents(&self) -> Contents {
        let inner = self.inner();
        Contents { name: inner.name, next: inner.next, kept: inner.kept.clone() }
    }

    /// Numbers a position and keeps it.
    pub(super) fn note(&self, heard: Heard) -> u64 {
        let mut inner = self.inner();
        let (sequence, at) = (inner.next, heard.at);
        inner.next += 1;
        inner.kept.push_back(Some(Arc::new(Heard { sequence, ..heard })));
        self.trim(&mut inner, Some(at));
        sequence
    }

    fn trim(&self, inner: &mut Contents, now: Option<Utc>) {
        let old = |h: &Heard| now.is_some_and(|now| now.since(h.at) > self.keep);
        while inner.kept.len() > self.most
            || (inner.kept.len() > 1 && inner.kept.front().is_some_and(|h| h.as_ref().is_none_or(|h| old(h))))
        {
            inner.kept.pop_front();
        }
    }

    /// Name, and the number of the next position.
    pub(super) fn end(&self) -> (u32, u64) {
        let inner = self.inner();
        (inner.name, inner.next)
    }

    /// Up to `most` positions from number `from` on.
    pub(super) fn page(&self, from: u64, most: usize) -> Page {
        let inner = self.inner();
        let first = inner.first();
        let begin = from.clamp(first, inner.next);
        let skip = (begin - first) as usize;
        let heard: Vec<_> = inner.kept.iter().skip(skip).take(most).collect();
        let next = begin + heard.len() as u64;
        Page {
            missed: begin.saturating_sub(from),
            next,
            all: next == inner.next,
            heard: heard.into_iter().flatten().cloned().collect(),
        }
    }

    /// Where a watcher goes on that has this token.
    pub(super) fn resume(&self, token: ResumeToken) -> Resumed {
        let inner = self.inner();
        let from = token.sequence.saturating_add(1);
        if token.journal != inner.name || from > inner.next {
            return Resumed::Missed(0);
        }
        match inner.first().saturating_sub(from) {
            0 => Resumed::From(from),
            // Numbers that a start took and had no use for: it is not known what came in before.
            missed if missed > u64::from(u32::MAX) / 2 => Resumed::Missed(0),
            missed => Resumed::Missed(missed),
        }
    }

    /// Forgets what belongs to these identities.
    pub(super) fn forget(&self, identities: &[SetId]) {
        for slot in &mut self.inner().kept {
            if slot
                .as_ref()
                .is_some_and(|h| identities.contains(&h.target) || identities.contains(&h.canonical))
            {
                *slot = None;
            }
        }
    }
}
