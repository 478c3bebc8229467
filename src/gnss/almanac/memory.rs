//! Derived almanacs, remembered: following GLONASS satellites around the Earth takes a millisecond or two, and an almanac is good
//! for days.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::GpsTime;
use crate::base::broadcast::{Almanac, Gnss};

/// For how long a derived almanac is handed out, ns.
const BUCKET_NS: i64 = 1_800_000_000_000;

type Remembered = BTreeMap<Gnss, (i64, Arc<[Almanac]>)>;

/// The memory. A copy remembers nothing yet.
#[derive(Debug, Default)]
pub(in crate::gnss) struct AlmanacMemory(RwLock<Remembered>);

impl Clone for AlmanacMemory {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl AlmanacMemory {
    /// The almanac of a system around `t`; `derive` is asked when none is remembered.
    pub(in crate::gnss) fn around(
        &self,
        gnss: Gnss,
        t: GpsTime,
        derive: impl FnOnce() -> Vec<Almanac>,
    ) -> Vec<Almanac> {
        let bucket = t.ns().div_euclid(BUCKET_NS);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, entries)) = known.get(&gnss).filter(|(b, _)| *b == bucket) {
            return entries.to_vec();
        }
        drop(known);
        let entries = derive();
        if entries.is_empty() {
            // Fresh data may come into reach before the span is over.
            return entries;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(gnss, (bucket, entries.as_slice().into()));
        entries
    }
}
