//! The newest positions in memory, for answers that cannot wait for the disk.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{LocationEstimate, SetId};

/// Positions held of one target.
const EACH: usize = 4;
/// Independent parts, so that nobody waits for everybody.
const PARTS: usize = 16;

type Known = VecDeque<Arc<LocationEstimate>>;

/// A part of the targets, and the order in which they were first heard of since they were last made room of.
#[derive(Default)]
struct Part {
    known: HashMap<SetId, Known>,
    order: VecDeque<SetId>,
}

/// The newest positions of some targets.
pub(super) struct Recent {
    parts: [Mutex<Part>; PARTS],
    hasher: RandomState,
    most: usize,
}

impl Recent {
    /// Room for about this many targets.
    pub(super) fn new(targets: usize) -> Self {
        Self { parts: Default::default(), hasher: RandomState::new(), most: targets.div_ceil(PARTS) }
    }

    fn part(&self, id: &SetId) -> MutexGuard<'_, Part> {
        let at = self.hasher.hash_one(id) as usize % PARTS;
        let part = self.parts.get(at).or_else(|| self.parts.first());
        #[allow(clippy::expect_used)]
        part.expect("there are parts").lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a position.
    pub(super) fn note(&self, id: &SetId, estimate: Arc<LocationEstimate>) {
        if self.most == 0 {
            return;
        }
        let mut guard = self.part(id);
        let part = &mut *guard;
        if !part.known.contains_key(id) {
            if part.known.len() >= self.most
                && let Some(oldest) = part.order.pop_front()
            {
                part.known.remove(&oldest);
            }
            part.order.push_back(id.clone());
        }
        let known = part.known.entry(id.clone()).or_default();
        // The newest first, by their own time.
        let at = known.partition_point(|k| k.time > estimate.time);
        if known.get(at).is_none_or(|k| **k != *estimate) {
            known.insert(at, estimate);
            known.truncate(EACH);
        }
    }

    /// Positions of a target, newest first.
    pub(super) fn of(&self, id: &SetId) -> Vec<Arc<LocationEstimate>> {
        self.part(id).known.get(id).map(|k| k.iter().cloned().collect()).unwrap_or_default()
    }

    /// Shows the newest position of every target.
    pub(super) fn each(&self, mut show: impl FnMut(&SetId, &Arc<LocationEstimate>)) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, known) in &part.known {
                if let Some(newest) = known.front() {
                    show(id, newest);
                }
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            *part.lock().unwrap_or_else(PoisonError::into_inner) = Part::default();
        }
    }

    /// Forgets a target.
    pub(super) fn forget(&self, id: &SetId) {
        let mut part = self.part(id);
        if part.known.remove(id).is_some() {
            part.order.retain(|o| o != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{GeoPoint, PositionMethod, Shape, Utc};

    fn estimate(time_s: i64) -> Arc<LocationEstimate> {
        Arc::new(LocationEstimate {
            shape: Shape::Point(GeoPoint::new(1.0, 2.0).unwrap()),
            time: Utc::from_unix_s(time_s),
            method: PositionMethod::Unknown,
            velocity: None,
        })
    }

    fn id(n: u32) -> SetId {
        SetId::Msisdn(format!("{n}").parse().unwrap())
    }

    #[test]
    fn the_newest_few_stay_in_order() {
        let recent = Recent::new(100);
        for t in [5, 1, 9, 3, 7, 9] {
            recent.note(&id(1), estimate(t));
        }
        let times: Vec<i64> = recent.of(&id(1)).iter().map(|e| e.time.unix_s()).collect();
        assert_eq!(times, [9, 7, 5, 3]);
        recent.forget(&id(1));
        assert!(recent.of(&id(1)).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let recent = Recent::new(160);
        for n in 0..10_000 {
            recent.note(&id(n), estimate(1));
            recent.forget(&id(n / 3));
        }
        let held: usize = recent.parts.iter().map(|p| p.lock().unwrap().known.len()).sum();
        let order: usize = recent.parts.iter().map(|p| p.lock().unwrap().order.len()).sum();
        assert!(held <= 160 && order == held, "{held} {order}");
    }
}
