//! Where all satellites are, remembered for a few seconds.
//!
//! Every session asks which satellites its handset can see, hundreds a second at the same time of day. Working out an orbit takes
//! half a microsecond, moving a remembered place along its velocity a nanosecond.

use std::sync::{Arc, PoisonError, RwLock};

use super::visibility::Ecef;
use super::{AgePolicy, orbit};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, SatId};

/// For how long places are remembered, ns. Half of it at the greatest acceleration of a satellite moves it by 8 m, which no
/// azimuth or elevation shows.
const BUCKET_NS: i64 = 10_000_000_000;

/// A satellite's place in the middle of a span of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which satellite of the snapshot, and which of its entries.
    pub(super) index: (usize, usize),
    /// The satellite.
    pub(super) sat: SatId,
    position: Ecef,
    velocity: Ecef,
    /// When its ephemeris may be used.
    reference: GpsTime,
    max_age_s: f64,
}

impl Place {
    pub(super) fn new(index: (usize, usize), e: &Ephemeris, policy: &AgePolicy, t: GpsTime) -> Self {
        let s = orbit::coarse_state(e, t);
        let (reference, max_age_s) = (e.reference_time(), policy.max_age_s(e));
        Self { index, sat: e.sat(), position: s.position, velocity: s.velocity, reference, max_age_s }
    }

    /// Whether the ephemeris may be used at `t`, as [`AgePolicy::is_fresh`] says it, without a look at the ephemeris.
    pub(super) fn is_fresh(&self, t: GpsTime) -> bool {
        (t - self.reference).abs() <= self.max_age_s
    }
}

/// All places of one span of time.
#[derive(Debug)]
pub(super) struct Places {
    bucket: i64,
    middle: GpsTime,
    all: Vec<Place>,
}

impl Places {
    /// The places at `t`.
    pub(super) fn at(&self, t: GpsTime) -> impl Iterator<Item = (&Place, Ecef)> {
        let dt = t - self.middle;
        // What is fresh in the middle of the span need not be fresh at its end.
        let fresh = self.all.iter().filter(move |p| p.is_fresh(t));
        fresh.map(move |p| (p, std::array::from_fn(|i| p.position[i] + dt * p.velocity[i])))
    }
}

/// The memory. It changes no answer, only how fast it comes.
#[derive(Debug, Default)]
pub(super) struct PlaceMemory(RwLock<Option<Arc<Places>>>);

impl Clone for PlaceMemory {
    /// A copy remembers nothing yet.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PlaceMemory {
    /// The places around `t`; `work_out` is asked for those at the middle of the span when none are remembered.
    pub(super) fn around(&self, t: GpsTime, work_out: impl FnOnce(GpsTime) -> Vec<Place>) -> Arc<Places> {
        let bucket = t.ns().div_euclid(BUCKET_NS);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(places) = known.filter(|p| p.bucket == bucket) {
            return places;
        }
        let middle = GpsTime::from_ns(bucket.saturating_mul(BUCKET_NS).saturating_add(BUCKET_NS / 2));
        let places = Arc::new(Places { bucket, middle, all: work_out(middle) });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&places));
        places
    }
}
