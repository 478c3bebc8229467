//! The audit record: who asked for whom, why it was allowed or not, and what was given. Nobody can change, remove or insert
//! an entry without its being noticed.
//!
//! Entries are lines of JSON in files of the folder. Each ends in a hash over itself and the hash of the entry before, so
//! that the last hash vouches for all; a new file goes on with the chain of the one before. The file `head` holds number and
//! hash of the newest entry that is on the disk, so that a cut-off end is noticed, too; whoever wants to be sure against
//! somebody who can write to the folder keeps that hash elsewhere (`groma audit verify --head`).
//!
//! Subscribers appear as keyed hashes (HMAC-SHA-256 under the key in the folder's file `key`): the same one looks the same
//! everywhere, and nobody without the key can tell who it is. Positions appear only where the configuration asks for them.
//!
//! An entry is with the operating system before the answer leaves, so that it survives the end of the process, however
//! that comes; it is on the disk soon after, or, where that is configured, before the answer leaves. A request whose entry
//! cannot be written is refused, unless it is an emergency: that is answered, and counted as unrecorded.

mod chain;
mod entry;
mod log;
mod reader;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use chain::Digest;
pub use entry::{Entry, Given};
pub use log::Audit;
pub use reader::{Break, Reader, Verified, pseudonym_in, verify};

/// When entries are forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Soon after: a power failure can cost the entries of the last `sync_ms`.
    #[default]
    Soon,
    /// Before the answer leaves.
    Always,
}

/// The `[audit]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the record; relative paths lead from the data folder. Default `audit`.
    pub path: PathBuf,
    /// When entries are forced to the disk: soon, always. Default soon.
    pub durable: Durability,
    /// Milliseconds after which they are, at the latest, 1..=60000. Default 200.
    pub sync_ms: u32,
    /// Size in octets from which a new file is begun, 4096..=4294967296. Default 67108864.
    pub file_bytes: u64,
    /// Most files kept, 0 (all) or 2..=100000; the oldest go. Default 0.
    pub keep_files: u32,
    /// Whether the positions that are given appear in the record. Default false.
    pub positions: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("audit"),
            durable: Durability::Soon,
            sync_ms: 200,
            file_bytes: 64 << 20,
            keep_files: 0,
            positions: false,
        }
    }
}

impl Config {
    /// Checks the ranges; the error is one line.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=60_000).contains(&self.sync_ms) {
            return Err(format!("sync_ms: {} is not in 1..=60000", self.sync_ms));
        }
        if !(4096..=1 << 32).contains(&self.file_bytes) {
            return Err(format!("file_bytes: {} is not in 4096..=4294967296", self.file_bytes));
        }
        if self.keep_files == 1 || self.keep_files > 100_000 {
            return Err(format!("keep_files: {} is neither 0 (all) nor in 2..=100000", self.keep_files));
        }
        Ok(())
    }
}

/// Why the record cannot be written or read. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The disk or the file system refused.
    #[error("the audit record {} cannot be used: {source}; make room there, or let this user write there", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key of the pseudonyms is not what it was written as.
    #[error("{} is not a key of 64 hexadecimal digits; put back the one that was there, or remove it to draw another: \
             subscribers will then look different from before", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// Another process writes there.
    #[error("the audit record {} is in use by another process; stop that one, or give this one another audit.path", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

fn io(path: &std::path::Path, source: std::io::Error) -> AuditError {
    AuditError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
