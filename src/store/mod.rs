//! What must survive: broadcast data that are still valid, the positions of targets, and what other rooms put on their
//! [shelves](Shelf).
//!
//! One trait, [`Store`], and behind it a back end chosen by the composition root; [`SledStore`] is the embedded one. Every
//! call returns a [`Pending`], which can be awaited or waited for: a write is *acknowledged* when it resolves, and what was
//! acknowledged outlives the process, however it ends. The work itself is done on threads of the store's own, never on
//! those of the caller's runtime; writes that arrive together share one flush.
//!
//! Keys of positions hold identities in clear. They never leave this room, and no error or log line shows one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{GpsTime, LocationEstimate, SetId, Utc};

#[cfg(test)]
mod damage_tests;
mod keys;
mod pending;
mod record;
mod shelf;
mod sky;
mod sled_store;
#[cfg(test)]
mod suite;
mod tables;
mod worker;

pub use pending::Pending;
pub use shelf::{Change, MAX_VALUE, Shelf, Shelved};
pub use sky::{SkyItem, SkyRecord};
pub use sled_store::SledStore;

/// Settings of the embedded store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Directory of the store; created when missing. Relative paths lead from the data folder. Default `store`.
    pub path: PathBuf,
    /// Most positions kept of one target, the newest stay; 1..=10000, default 16.
    pub positions_per_target: u32,
    /// Most targets of which positions are kept; the one silent for longest gives way. Default 100000.
    pub max_targets: u32,
    /// Most records of broadcast data; those that expire first give way. Default 200000.
    pub max_sky_records: u32,
    /// Memory for cached pages, MiB; default 64.
    pub cache_mib: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("store"),
            positions_per_target: 16,
            max_targets: 100_000,
            max_sky_records: 200_000,
            cache_mib: 64,
        }
    }
}

/// What the operator can do about it, to stand behind what the system said.
fn way_out(reason: &std::io::Error) -> &'static str {
    match reason.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "; run this as the user whom the folder belongs to, or name another data folder"
        }
        std::io::ErrorKind::StorageFull => "; make room on that disk",
        _ => "",
    }
}

/// Why the store cannot do what it was asked. Errors name the store's place and the way out; they never hold a key.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the store {} is in use by another process; stop that one, or give this one another path", path.display())]
    Locked {
        /// The store.
        path: PathBuf,
    },
    /// What is on the disk is not what was written.
    #[error(
        "the store {} is damaged ({what}); move the directory away and start again: broadcast data are fetched anew, \
         the positions in it are lost",
        path.display()
    )]
    Corrupt {
        /// The store.
        path: PathBuf,
        /// What was found.
        what: Damage,
    },
    /// Written by a later release.
    #[error(
        "the store {} has format {found}, this release reads up to {supported}; run the newer release, or move the \
         directory away",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest this release knows.
        supported: u32,
    },
    /// The disk or the file system refused.
    #[error("the store {} cannot be read or written: {source}{}", path.display(), way_out(source))]
    Io {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The value holds a number that is not finite, or is larger than a record may be.
    #[error("the value cannot be stored: a number in it is not finite, or it is too large")]
    Unstorable,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// How a store was found to be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The engine could not make sense of its files.
    #[error("its files do not parse")]
    Files,
    /// A record's checksum or form is wrong.
    #[error("a record fails its checksum")]
    Record,
    /// Records are missing, or there are too many.
    #[error("its records do not agree with their count")]
    Count,
    /// There are files but no format record among them.
    #[error("its format record is missing")]
    NoFormat,
}

/// What must survive a restart. Implementations are cheap to share and never block the caller.
pub trait Store: Send + Sync {
    /// Keeps broadcast data. A record replaces the one of the same satellite, message, issue and reference time, or the same
    /// model, unless that one is newer.
    fn put_sky(&self, records: Vec<SkyRecord>) -> Pending<()>;

    /// All broadcast data that may still be used at `at`, in no particular order.
    fn load_sky(&self, at: GpsTime) -> Pending<Vec<SkyRecord>>;

    /// Removes broadcast data that expired before `before`; returns how many records went.
    fn purge_sky(&self, before: GpsTime) -> Pending<usize>;

    /// Keeps a position of a target.
    fn put_position(&self, target: &SetId, estimate: LocationEstimate) -> Pending<()>;

    /// The newest position of a target, by the estimate's own time.
    fn last_position(&self, target: &SetId) -> Pending<Option<LocationEstimate>>;

    /// Up to `max` positions of a target, newest first.
    fn positions(&self, target: &SetId, max: usize) -> Pending<Vec<LocationEstimate>>;

    /// Removes all that is known of a target; returns how many positions went.
    fn forget(&self, target: &SetId) -> Pending<usize>;

    /// Removes positions older than `before`; returns how many went.
    fn purge_positions(&self, before: Utc) -> Pending<usize>;

    /// Makes changes on shelves, all or none. [`StoreError::Unstorable`] when a key or a value is too large.
    fn change(&self, changes: Vec<Change>) -> Pending<()>;

    /// The value under a key of a shelf.
    fn read_shelf(&self, shelf: Shelf, key: &[u8]) -> Pending<Option<Vec<u8>>>;

    /// Up to `max` records of a shelf in the order of their keys, those behind `after` when it is given.
    fn list_shelf(&self, shelf: Shelf, after: Option<&[u8]>, max: usize) -> Pending<Vec<Shelved>>;
}

/// Maps an I/O error to the room's own.
fn io_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source: Arc::new(source) }
}
