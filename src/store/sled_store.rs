//! The embedded store, on sled.

use super::tables::Tables;
use super::worker::{Health, Worker};
use super::{Change, Config, Pending, Shelf, Shelved, SkyRecord, Store, StoreError, io_error, keys};
use crate::base::{GpsTime, LocationEstimate, SetId, Utc};

/// The embedded store. Dropping it finishes what was asked of it and closes the files.
pub struct SledStore {
    writer: Worker,
    reader: Worker,
}

impl SledStore {
    /// Opens the store, creating it when there is none, and reads every record once. Blocks while it does.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Corrupt`], [`StoreError::Newer`] and [`StoreError::Io`] each say what to do.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&config.path).map_err(|e| io_error(&config.path, e))?;
        let health = Health::new(config.path.clone());
        let tables = health.guard(|| Tables::open(config))?;
        let reader = Worker::reader(tables.clone(), health.clone())?;
        let writer = Worker::writer(tables, health)?;
        Ok(Self { writer, reader })
    }
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SledStore")
    }
}

impl Store for SledStore {
    fn put_sky(&self, records: Vec<SkyRecord>) -> Pending<()> {
        self.writer.call(move |t| t.put_sky(&records))
    }

    fn load_sky(&self, at: GpsTime) -> Pending<Vec<SkyRecord>> {
        self.reader.call(move |t| t.load_sky(at))
    }

    fn purge_sky(&self, before: GpsTime) -> Pending<usize> {
        self.writer.call(move |t| t.purge_sky(before))
    }

    fn put_position(&self, target: &SetId, estimate: LocationEstimate) -> Pending<()> {
        let prefix = keys::target_prefix(target);
        self.writer.call(move |t| t.put_position(&prefix, &estimate))
    }

    fn last_position(&self, target: &SetId) -> Pending<Option<LocationEstimate>> {
        let prefix = keys::target_prefix(target);
        self.reader.call(move |t| Ok(t.positions(&prefix, 1)?.pop()))
    }

    fn positions(&self, target: &SetId, max: usize) -> Pending<Vec<LocationEstimate>> {
        let prefix = keys::target_prefix(target);
        self.reader.call(move |t| t.positions(&prefix, max))
    }

    fn forget(&self, target: &SetId) -> Pending<usize> {
        let prefix = keys::target_prefix(target);
        self.writer.call(move |t| t.forget(&prefix))
    }

    fn purge_positions(&self, before: Utc) -> Pending<usize> {
        self.writer.call(move |t| t.purge_positions(before))
    }

    fn change(&self, changes: Vec<Change>) -> Pending<()> {
        self.writer.call(move |t| t.change(&changes))
    }

    fn read_shelf(&self, shelf: Shelf, key: &[u8]) -> Pending<Option<Vec<u8>>> {
        let key = keys::shelved(shelf, key);
        self.reader.call(move |t| t.read_shelf(&key))
    }

    fn list_shelf(&self, shelf: Shelf, after: Option<&[u8]>, max: usize) -> Pending<Vec<Shelved>> {
        let after = after.map(<[u8]>::to_vec);
        self.reader.call(move |t| t.list_shelf(shelf, after.as_deref(), max))
    }
}
