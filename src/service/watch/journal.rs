//! All positions in their order, the newest of them kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    inner: Mutex<Inner>,
}

struct Inner {
    /// Its name.
    name: u32,
    /// The number of the next position.
    next: u64,
    /// Those kept, the last numbered `next - 1`. What was forgotten leaves a gap.
    kept: VecDeque<Option<Arc<Heard>>>,
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

impl Journal {
    pub(super) fn new(name: u32, most: usize) -> Self {
        Self { most, inner: Mutex::new(Inner { name, next: 1, kept: VecDeque::new() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a position and keeps it.
    pub(super) fn note(&self, heard: Heard) -> u64 {
        let mut inner = self.inner();
        let sequence = inner.next;
        inner.next += 1;
        inner.kept.push_back(Some(Arc::new(Heard { sequence, ..heard })));
        if inner.kept.len() > self.most {
            inner.kept.pop_front();
        }
        sequence
    }

    /// Name, and the number of the next position.
    pub(super) fn end(&self) -> (u32, u64) {
        let inner = self.inner();
        (inner.name, inner.next)
    }

    /// Up to `most` positions from number `from` on.
    pub(super) fn page(&self, from: u64, most: usize) -> Page {
        let inner = self.inner();
        let first = inner.next - inner.kept.len() as u64;
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

    /// Where a watcher goes on that has this token: behind it, or nowhere if the token is of another journal.
    pub(super) fn behind(&self, token: ResumeToken) -> Option<u64> {
        let inner = self.inner();
        (token.journal == inner.name && token.sequence < inner.next).then(|| token.sequence + 1)
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
