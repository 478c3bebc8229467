//! The records in sled: one tree, so that each change, its index entries and the counts are one atomic batch.
//!
//! Only the writer's thread changes anything, which makes reading before writing safe without transactions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sled::{Batch, Db, IVec};

use super::shelf::{Change, MAX_KEY, MAX_VALUE, Shelf, Shelved};
use super::{Config, Damage, SkyRecord, StoreError, io_error, keys, record};
use crate::base::{GpsTime, LocationEstimate, Utc};

/// Format this release writes, and the newest it reads.
const FORMAT: u32 = 2;

/// How many records of each kind there are; kept with them, so that missing ones are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    sky: u64,
    positions: u64,
    targets: u64,
    /// Format 1 had no shelves.
    #[serde(default)]
    shelved: u64,
}

/// The open store, as its threads see it.
#[derive(Clone)]
pub(super) struct Tables {
    db: Db,
    config: Config,
    counts: Counts,
}

impl Tables {
    /// Opens or creates the store and reads every record once.
    pub(super) fn open(config: &Config) -> Result<Self, StoreError> {
        let fail = |e| engine_error(&config.path, e);
        let db = sled::Config::new()
            .path(&config.path)
            .cache_capacity(u64::from(config.cache_mib.max(1)) * 1024 * 1024)
            // Every acknowledgement flushes; between them there is nothing to flush.
            .flush_every_ms(None)
            .open()
            .map_err(fail)?;
        let mut tables = Self { db, config: config.clone(), counts: Counts::default() };
        match tables.get::<u32>(keys::FORMAT)? {
            Some(found) if found > FORMAT => {
                return Err(StoreError::Newer { path: config.path.clone(), found, supported: FORMAT });
            }
            Some(FORMAT) => {}
            // What this release writes, earlier ones would take for damage.
            Some(_) => {
                let mut batch = Batch::default();
                put(&mut batch, keys::FORMAT, &FORMAT)?;
                tables.db.apply_batch(batch).map_err(fail)?;
            }
            None if tables.db.is_empty() => {
                let mut batch = Batch::default();
                put(&mut batch, keys::FORMAT, &FORMAT)?;
                tables.commit(batch, Counts::default())?;
                tables.flush()?;
            }
            None => return Err(tables.damaged(Damage::NoFormat)),
        }
        tables.counts = tables.verify()?;
        Ok(tables)
    }

    /// Makes everything so far durable.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map(drop).map_err(|e| engine_error(&self.config.path, e))
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.config.path
    }

    /// Checks every record, the index and the counts.
    fn verify(&self) -> Result<Counts, StoreError> {
        let mut seen = Counts::default();
        let mut newest: Option<(Vec<u8>, Utc)> = None;
        for entry in self.db.scan_prefix(keys::SKY) {
            let (key, value) = self.entry(entry)?;
            self.decode::<SkyRecord>(&key, &value)?;
            seen.sky += 1;
        }
        let indexed = |target: Option<(Vec<u8>, Utc)>| match target {
            Some((prefix, time)) => {
                let found = self.db.contains_key(keys::newest(time, &prefix));
                let found = found.map_err(|e| self.engine(e))?;
                if found { Ok(()) } else { Err(self.damaged(Damage::Count)) }
            }
            None => Ok(()),
        };
        for entry in self.db.scan_prefix(keys::POSITION) {
            let (key, value) = self.entry(entry)?;
            self.decode::<LocationEstimate>(&key, &value)?;
            let (prefix, time, _) = keys::split_position(&key).ok_or_else(|| self.damaged(Damage::Record))?;
            if newest.as_ref().is_none_or(|(known, _)| known != prefix) {
                indexed(newest.take())?;
            }
            newest = Some((prefix.to_vec(), time));
            seen.positions += 1;
        }
        indexed(newest)?;
        for entry in self.db.scan_prefix(keys::NEWEST) {
            let (key, value) = self.entry(entry)?;
            record::open(&key, &value).ok_or_else(|| self.damaged(Damage::Record))?;
            seen.targets += 1;
        }
        for entry in self.db.scan_prefix(keys::SHELF) {
            let (key, value) = self.entry(entry)?;
            record::open(&key, &value).ok_or_else(|| self.damaged(Damage::Record))?;
            seen.shelved += 1;
        }
        let counts = self.get::<Counts>(keys::COUNTS)?;
        if counts != Some(seen) {
            return Err(self.damaged(Damage::Count));
        }
        Ok(seen)
    }

    // --- broadcast data

    pub(super) fn put_sky(&mut self, records: &[SkyRecord]) -> Result<(), StoreError> {
        // A batch holds one change per key, so of several records under one key the best is found first.
        let mut best = std::collections::BTreeMap::<Vec<u8>, &SkyRecord>::new();
        for new in records {
            best.entry(keys::sky(&new.item))
                .and_modify(|known| {
                    if !known.outranks(new) {
                        *known = new;
                    }
                })
                .or_insert(new);
        }
        let mut batch = Batch::default();
        let mut counts = self.counts;
        for (key, new) in best {
            match self.get::<SkyRecord>(&key)? {
                Some(known) if known.outranks(new) => continue,
                Some(_) => {}
                None => counts.sky += 1,
            }
            put(&mut batch, &key, new)?;
        }
        self.commit(batch, counts)?;
        self.bound_sky()
    }

    pub(super) fn load_sky(&self, at: GpsTime) -> Result<Vec<SkyRecord>, StoreError> {
        let mut valid = Vec::new();
        for entry in self.db.scan_prefix(keys::SKY) {
            let (key, value) = self.entry(entry)?;
            let record = self.decode::<SkyRecord>(&key, &value)?;
            if record.expires >= at {
                valid.push(record);
            }
        }
        Ok(valid)
    }

    pub(super) fn purge_sky(&mut self, before: GpsTime) -> Result<usize, StoreError> {
        let mut batch = Batch::default();
        let mut gone = 0;
        for entry in self.db.scan_prefix(keys::SKY) {
            let (key, value) = self.entry(entry)?;
            if self.decode::<SkyRecord>(&key, &value)?.expires < before {
                batch.remove(key);
                gone += 1;
            }
        }
        let counts = Counts { sky: self.counts.sky.saturating_sub(gone as u64), ..self.counts };
        if gone > 0 {
            self.commit(batch, counts)?;
        }
        Ok(gone)
    }

    /// Drops what expires first when there is too much; a tenth more than needed, so that it is seldom done.
    fn bound_sky(&mut self) -> Result<(), StoreError> {
        let most = u64::from(self.config.max_sky_records);
        if self.counts.sky <= most {
            return Ok(());
        }
        let mut expiries = Vec::new();
        for entry in self.db.scan_prefix(keys::SKY) {
            let (key, value) = self.entry(entry)?;
            expiries.push((self.decode::<SkyRecord>(&key, &value)?.expires, key));
        }
        expiries.sort_unstable();
        let surplus = (self.counts.sky - (most - most / 10)) as usize;
        let mut batch = Batch::default();
        let mut counts = self.counts;
        for (_, key) in expiries.into_iter().take(surplus) {
            batch.remove(key);
            counts.sky -= 1;
        }
        self.commit(batch, counts)
    }

    // --- positions; a target is known by the prefix of its keys

    pub(super) fn put_position(
        &mut self,
        prefix: &[u8],
        estimate: &LocationEstimate,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let mut counts = self.counts;
        let known: Vec<IVec> =
            self.db.scan_prefix(prefix).keys().collect::<Result<_, _>>().map_err(|e| self.engine(e))?;
        let mut times = Vec::with_capacity(known.len() + 1);
        for key in &known {
            let (_, time, order) = keys::split_position(key).ok_or_else(|| self.damaged(Damage::Record))?;
            times.push((time, order));
        }
        let order = times.iter().filter(|(t, _)| *t == estimate.time).map(|(_, o)| o + 1).max().unwrap_or(0);
        let key = keys::position(prefix, estimate.time, order);
        put(&mut batch, &key, estimate)?;
        counts.positions += 1;

        let newest_before = times.last().map(|(t, _)| *t);
        if newest_before.is_none_or(|t| t < estimate.time) {
            if let Some(before) = newest_before {
                batch.remove(keys::newest(before, prefix));
            } else {
                counts.targets += 1;
            }
            let index = keys::newest(estimate.time, prefix);
            batch.insert(index.clone(), record::seal(&index, &[]));
        }
        // The oldest give way; the newest never does, as the limit is at least one.
        let most = self.config.positions_per_target.clamp(1, 10_000) as usize;
        let mut all: Vec<&[u8]> = known.iter().map(AsRef::as_ref).collect();
        all.insert(all.partition_point(|k| *k < &key[..]), &key);
        for old in all.iter().take(all.len().saturating_sub(most)) {
            batch.remove(*old);
            counts.positions -= 1;
        }
        self.commit(batch, counts)?;
        self.bound_targets()
    }

    /// Up to `max` positions, newest first.
    pub(super) fn positions(&self, prefix: &[u8], max: usize) -> Result<Vec<LocationEstimate>, StoreError> {
        self.db
            .scan_prefix(prefix)
            .rev()
            .take(max)
            .map(|entry| self.entry(entry).and_then(|(key, value)| self.decode(&key, &value)))
            .collect()
    }

    pub(super) fn forget(&mut self, prefix: &[u8]) -> Result<usize, StoreError> {
        let mut batch = Batch::default();
        let mut counts = self.counts;
        let gone = self.remove_target(prefix, &mut batch, &mut counts)?;
        if gone > 0 {
            self.commit(batch, counts)?;
        }
        Ok(gone)
    }

    pub(super) fn purge_positions(&mut self, before: Utc) -> Result<usize, StoreError> {
        let mut total = 0;
        // Targets not heard of since go whole. One batch a target: a purge interrupted goes on at the next.
        while let Some((_, prefix)) = self.first_target()?.filter(|(newest, _)| *newest < before) {
            total += self.forget(&prefix)?;
        }
        // The rest keep what is younger.
        let mut batch = Batch::default();
        let mut gone = 0;
        for entry in self.db.scan_prefix(keys::POSITION).keys() {
            let key = entry.map_err(|e| self.engine(e))?;
            let (_, time, _) = keys::split_position(&key).ok_or_else(|| self.damaged(Damage::Record))?;
            if time < before {
                batch.remove(key);
                gone += 1;
            }
        }
        if gone > 0 {
            let positions = self.counts.positions.saturating_sub(gone as u64);
            self.commit(batch, Counts { positions, ..self.counts })?;
        }
        Ok(total + gone)
    }

    fn bound_targets(&mut self) -> Result<(), StoreError> {
        while self.counts.targets > u64::from(self.config.max_targets.max(1)) {
            let Some((_, prefix)) = self.first_target()? else { break };
            self.forget(&prefix)?;
        }
        Ok(())
    }

    /// The target silent for longest, and the time of its newest position.
    fn first_target(&self) -> Result<Option<(Utc, Vec<u8>)>, StoreError> {
        let Some(entry) = self.db.scan_prefix(keys::NEWEST).keys().next() else { return Ok(None) };
        let key = entry.map_err(|e| self.engine(e))?;
        let (time, prefix) = keys::split_newest(&key).ok_or_else(|| self.damaged(Damage::Record))?;
        Ok(Some((time, prefix.to_vec())))
    }

    fn remove_target(
        &self,
        prefix: &[u8],
        batch: &mut Batch,
        counts: &mut Counts,
    ) -> Result<usize, StoreError> {
        let mut gone = 0;
        let mut newest = None;
        for entry in self.db.scan_prefix(prefix).keys() {
            let key = entry.map_err(|e| self.engine(e))?;
            newest = keys::split_position(&key).map(|(_, time, _)| time);
            batch.remove(key);
            gone += 1;
        }
        if let Some(time) = newest {
            batch.remove(keys::newest(time, prefix));
            counts.targets = counts.targets.saturating_sub(1);
            counts.positions = counts.positions.saturating_sub(gone as u64);
        }
        Ok(gone)
    }

    // --- shelves

    pub(super) fn change(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        // A batch holds one change per key: the last.
        let mut last = std::collections::BTreeMap::<Vec<u8>, Option<&[u8]>>::new();
        for change in changes {
            let (shelf, key, value) = match change {
                Change::Put(shelf, key, value) => (*shelf, key, Some(value.as_slice())),
                Change::Remove(shelf, key) => (*shelf, key, None),
            };
            if key.len() > MAX_KEY || value.is_some_and(|v| v.len() > MAX_VALUE) {
                return Err(StoreError::Unstorable);
            }
            last.insert(keys::shelved(shelf, key), value);
        }
        let mut batch = Batch::default();
        let mut counts = self.counts;
        for (key, value) in last {
            let known = self.db.contains_key(&key).map_err(|e| self.engine(e))?;
            match value {
                Some(value) => {
                    let sealed = record::seal(&key, value);
                    batch.insert(key, sealed);
                    counts.shelved += u64::from(!known);
                }
                None if known => {
                    batch.remove(key);
                    counts.shelved = counts.shelved.saturating_sub(1);
                }
                None => {}
            }
        }
        self.commit(batch, counts)
    }

    pub(super) fn read_shelf(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(value) = self.db.get(key).map_err(|e| self.engine(e))? else { return Ok(None) };
        let content = record::open(key, &value).ok_or_else(|| self.damaged(Damage::Record))?;
        Ok(Some(content.to_vec()))
    }

    pub(super) fn list_shelf(
        &self,
        shelf: Shelf,
        after: Option<&[u8]>,
        max: usize,
    ) -> Result<Vec<Shelved>, StoreError> {
        let prefix = keys::shelved(shelf, &[]);
        let from = match after {
            // The key that follows directly.
            Some(key) => [keys::shelved(shelf, key), vec![0]].concat(),
            None => prefix.clone(),
        };
        let mut found = Vec::new();
        for entry in self.db.range(from..).take(max) {
            let (key, value) = self.entry(entry)?;
            let Some(own) = key.strip_prefix(prefix.as_slice()) else { break };
            let content = record::open(&key, &value).ok_or_else(|| self.damaged(Damage::Record))?;
            found.push((own.to_vec(), content.to_vec()));
        }
        Ok(found)
    }

    // --- sled

    fn commit(&mut self, mut batch: Batch, counts: Counts) -> Result<(), StoreError> {
        put(&mut batch, keys::COUNTS, &counts)?;
        self.db.apply_batch(batch).map_err(|e| self.engine(e))?;
        self.counts = counts;
        Ok(())
    }

    fn get<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        match self.db.get(key).map_err(|e| self.engine(e))? {
            Some(value) => self.decode(key, &value).map(Some),
            None => Ok(None),
        }
    }

    fn entry(&self, entry: sled::Result<(IVec, IVec)>) -> Result<(IVec, IVec), StoreError> {
        entry.map_err(|e| self.engine(e))
    }

    fn decode<T: serde::de::DeserializeOwned>(&self, key: &[u8], value: &[u8]) -> Result<T, StoreError> {
        record::open(key, value).and_then(record::decode).ok_or_else(|| self.damaged(Damage::Record))
    }

    fn damaged(&self, what: Damage) -> StoreError {
        StoreError::Corrupt { path: self.config.path.clone(), what }
    }

    fn engine(&self, e: sled::Error) -> StoreError {
        engine_error(&self.config.path, e)
    }
}

fn put<T: Serialize + serde::de::DeserializeOwned>(
    batch: &mut Batch,
    key: &[u8],
    value: &T,
) -> Result<(), StoreError> {
    let content = record::encode(value).ok_or(StoreError::Unstorable)?;
    batch.insert(key, record::seal(key, &content));
    Ok(())
}

fn engine_error(path: &std::path::Path, e: sled::Error) -> StoreError {
    match e {
        // The engine reports a lock it does not get as an error of kind `Other` with this text.
        sled::Error::Io(e) if e.to_string().contains("could not acquire lock") => {
            StoreError::Locked { path: path.to_owned() }
        }
        // What the engine reads too short, or cannot parse, it reports as these.
        sled::Error::Io(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::UnexpectedEof
                    | std::io::ErrorKind::InvalidData
                    | std::io::ErrorKind::InvalidInput
            ) =>
        {
            StoreError::Corrupt { path: path.to_owned(), what: Damage::Files }
        }
        sled::Error::Io(e) => io_error(path, e),
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => {
            StoreError::Corrupt { path: path.to_owned(), what: Damage::Files }
        }
    }
}
