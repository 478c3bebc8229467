//! Positions of targets: every estimate that comes out of a session is recorded here, and whoever asks for one that is
//! known already is answered from here.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{LocationEstimate, QualityOfPosition, SetId, Utc};
use crate::store::{Pending, Store, StoreError};

/// Settings of the position record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long positions are kept, seconds; default 604800 (7 days). 0 keeps none.
    pub keep_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep_s: 7 * 86_400 }
    }
}

/// The record of positions; cheap to clone. How many are kept of one target, and of how many targets, is the store's to
/// bound.
#[derive(Clone)]
pub struct Positions {
    store: Arc<dyn Store>,
    keep: Duration,
}

impl Positions {
    /// A record in this store.
    pub fn new(store: Arc<dyn Store>, config: &Config) -> Self {
        Self { store, keep: Duration::from_secs(config.keep_s) }
    }

    /// Where they are.
    pub(super) const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How long positions are kept.
    pub const fn keep(&self) -> Duration {
        self.keep
    }

    /// Records a position of a target; done when it is durable.
    pub async fn record(&self, target: &SetId, estimate: LocationEstimate) -> Result<(), StoreError> {
        if self.keep.is_zero() {
            return Ok(());
        }
        self.store.put_position(target, estimate).await
    }

    /// The newest position of a target.
    pub fn last(&self, target: &SetId) -> Pending<Option<LocationEstimate>> {
        self.store.last_position(target)
    }

    /// The newest position of a target that is as exact and as young as asked for, if there is one.
    pub async fn satisfying(
        &self,
        target: &SetId,
        asked: &QualityOfPosition,
        now: Utc,
    ) -> Result<Option<LocationEstimate>, StoreError> {
        let known = self.history(target, usize::MAX).await?;
        Ok(known.into_iter().find(|e| {
            let (h, v) = (e.shape.horizontal_uncertainty_m(), e.shape.vertical_uncertainty_m());
            asked.is_met_by(h, v, now.since(e.time))
        }))
    }

    /// Up to `n` positions of a target, newest first.
    pub fn history(&self, target: &SetId, n: usize) -> Pending<Vec<LocationEstimate>> {
        self.store.positions(target, n)
    }

    /// Removes all positions of a target; returns how many.
    pub fn forget(&self, target: &SetId) -> Pending<usize> {
        self.store.forget(target)
    }

    /// Removes positions that were kept long enough; returns how many. To be called now and then.
    pub fn purge(&self, now: Utc) -> Pending<usize> {
        let keep_ns = i64::try_from(self.keep.as_nanos()).unwrap_or(i64::MAX);
        self.store.purge_positions(Utc::from_unix_ns(now.unix_ns().saturating_sub(keep_ns)))
    }
}

impl std::fmt::Debug for Positions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Positions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{GeoPoint, PositionMethod, Shape};
    use crate::store::SledStore;

    fn estimate(time_s: i64, radius_m: f64) -> LocationEstimate {
        LocationEstimate {
            shape: Shape::Circle { at: GeoPoint::new(1.0, 2.0).unwrap(), radius_m },
            time: Utc::from_unix_s(time_s),
            method: PositionMethod::CellId,
            velocity: None,
        }
    }

    fn positions(dir: &std::path::Path, keep_s: u64) -> Positions {
        let config = crate::store::Config { path: dir.to_owned(), ..Default::default() };
        Positions::new(Arc::new(SledStore::open(&config).unwrap()), &Config { keep_s })
    }

    #[tokio::test]
    async fn records_answers_and_forgets() {
        let dir = tempfile::tempdir().unwrap();
        let p = positions(dir.path(), 100);
        let target = SetId::Imsi("001010000000001".parse().unwrap());
        p.record(&target, estimate(1000, 20.0)).await.unwrap();
        p.record(&target, estimate(1050, 900.0)).await.unwrap();
        assert_eq!(p.last(&target).await.unwrap(), Some(estimate(1050, 900.0)));
        assert_eq!(p.history(&target, 9).await.unwrap().len(), 2);

        let now = Utc::from_unix_s(1060);
        let asked = QualityOfPosition { horizontal_m: Some(50.0), ..Default::default() };
        assert_eq!(p.satisfying(&target, &asked, now).await.unwrap(), Some(estimate(1000, 20.0)));
        let young = QualityOfPosition { max_age: Some(Duration::from_secs(30)), ..asked };
        assert_eq!(p.satisfying(&target, &young, now).await.unwrap(), None);

        assert_eq!(p.purge(Utc::from_unix_s(1120)).await.unwrap(), 1);
        assert_eq!(p.forget(&target).await.unwrap(), 1);
        assert_eq!(p.last(&target).await.unwrap(), None);
    }

    #[tokio::test]
    async fn keeps_none_when_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let p = positions(dir.path(), 0);
        let target = SetId::Imsi("001010000000001".parse().unwrap());
        p.record(&target, estimate(1000, 20.0)).await.unwrap();
        assert_eq!(p.last(&target).await.unwrap(), None);
    }
}
