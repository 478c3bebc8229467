//! Where navigation data come from: a watched directory, archives asked over HTTP(S), files named on the command line, or the
//! simulation.
//!
//! Each source hands over [`SkyUpdate`](crate::gnss::SkyUpdate)s; [`Feed`] gathers them in one sky, keeps them in the store, and
//! publishes snapshots. A new kind of source, such as an NTRIP caster, is a variant of [`SourceConfig`] and a loop in
//! `sources` that delivers updates as they arrive: nothing else knows where data come from.

mod config;
mod http;
mod import;
mod records;
pub mod rinex;
pub mod rtcm;
mod schedule;
pub mod simulated;
mod sources;
mod status;
mod supervisor;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
mod url;
mod watch;

use std::path::PathBuf;

pub use config::{Config, DirectoryConfig, HttpConfig, SimulatedConfig, SourceConfig};
pub use http::FetchError;
pub use import::{FileReport, Report, import, import_into};
pub use records::{to_records, to_updates};
pub use status::SourceStatus;
pub use supervisor::Feed;
pub use url::{ArchiveUrl, UrlError};

use crate::store::StoreError;

/// Why a feed cannot run, or a file not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The simulated sky together with another source.
    #[error("the simulated sky cannot be combined with another source of navigation data")]
    Mixed,
    /// A number in the configuration is not possible.
    #[error("feed: {key} is {value}; it must be within {least}..={most}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least possible.
        least: u64,
        /// The most possible.
        most: u64,
    },
    /// A file or directory cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{}: {source}", path.display())]
    Rinex {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rinex::RinexError,
    },
    /// No certificates in the file of authorities.
    #[error("{}: no certificate in PEM form", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
