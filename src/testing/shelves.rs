//! A store of shelves in memory, for tests in which time stands still: it answers at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::base::{GpsTime, LocationEstimate, SetId, Utc};
use crate::store::{Change, Pending, Shelf, Shelved, SkyRecord, Store, StoreError};

/// Keeps shelves and nothing else.
#[derive(Default)]
pub(crate) struct Shelves(Mutex<Records>);

/// What lies on the shelves.
type Records = BTreeMap<(Shelf, Vec<u8>), Vec<u8>>;

fn now<T: Send + 'static>(answer: T) -> Pending<T> {
    Pending::new(std::future::ready(Ok::<T, StoreError>(answer)))
}

impl Store for Shelves {
    fn put_sky(&self, _: Vec<SkyRecord>) -> Pending<()> {
        now(())
    }
    fn load_sky(&self, _: GpsTime) -> Pending<Vec<SkyRecord>> {
        now(Vec::new())
    }
    fn purge_sky(&self, _: GpsTime) -> Pending<usize> {
        now(0)
    }
    fn put_position(&self, _: &SetId, _: LocationEstimate) -> Pending<()> {
        now(())
    }
    fn last_position(&self, _: &SetId) -> Pending<Option<LocationEstimate>> {
        now(None)
    }
    fn positions(&self, _: &SetId, _: usize) -> Pending<Vec<LocationEstimate>> {
        now(Vec::new())
    }
    fn forget(&self, _: &SetId) -> Pending<usize> {
        now(0)
    }
    fn purge_positions(&self, _: Utc) -> Pending<usize> {
        now(0)
    }
    fn change(&self, changes: Vec<Change>) -> Pending<()> {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                Change::Put(shelf, key, value) => drop(shelves.insert((shelf, key), value)),
                Change::Remove(shelf, key) => drop(shelves.remove(&(shelf, key))),
            }
        }
        now(())
    }
    fn read_shelf(&self, shelf: Shelf, key: &[u8]) -> Pending<Option<Vec<u8>>> {
        let shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now(shelves.get(&(shelf, key.to_vec())).cloned())
    }
    fn list_shelf(&self, of: Shelf, after: Option<&[u8]>, max: usize) -> Pending<Vec<Shelved>> {
        let shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = |key: &[u8]| after.is_none_or(|a| key > a);
        let found = shelves.iter().filter(|((shelf, key), _)| *shelf == of && behind(key));
        now(found.take(max).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}
