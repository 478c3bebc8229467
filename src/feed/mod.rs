//! Where navigation data come from: a watched directory, archives asked over HTTP(S), streams of NTRIP casters and TCP servers,
//! files named on the command line, or the simulation.
//!
//! Each source hands over [`SkyUpdate`](crate::gnss::SkyUpdate)s, and streams what reference stations receive; [`Feed`] gathers
//! them in one sky, keeps them in the store, has the integrity monitor compare, and publishes snapshots. Sources are ranked by
//! their order in the configuration; which to believe when they differ is decided in
//! [`gnss::agreement`](crate::gnss::agreement).

mod config;
mod http;
mod import;
mod live;
pub mod ntrip;
mod outlook;
mod records;
pub mod rinex;
pub mod rtcm;
mod schedule;
pub mod simulated;
mod sources;
pub mod sp3;
mod stations;
mod status;
mod supervisor;
#[cfg(test)]
pub(crate) mod test_rtcm;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
mod url;
mod watch;

use std::path::PathBuf;

pub use config::{
    Config, DirectoryConfig, GgaConfig, HttpConfig, NtripConfig, NtripVersion, RtcmConfig, SimulatedConfig,
    SourceConfig,
};
pub use http::FetchError;
pub use import::{FileReport, Report, import, import_into};
pub use live::ConnectError;
pub use records::{to_records, to_updates};
pub use stations::Stations;
pub use status::SourceStatus;
pub use supervisor::Feed;
pub use url::{ArchiveUrl, UrlError};

use crate::gnss::monitor::MonitorRange;
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
    /// A setting of the monitor is not possible.
    #[error("feed.integrity: {0}")]
    Integrity(#[from] MonitorRange),
    /// A text in the configuration is not what it should be.
    #[error("feed: {key} must be {wanted}")]
    Form {
        /// The key.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// No connection to a caster.
    #[error("{name}: {source}")]
    Connect {
        /// The caster.
        name: String,
        /// Why.
        source: ConnectError,
    },
    /// No name and password.
    #[error(transparent)]
    Credentials(#[from] ntrip::CredentialsError),
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up")]
    Tls,
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

/// Asks a caster for its list of streams. `timeout` holds for the answer and for the list each.
///
/// # Errors
/// When the caster cannot be reached, refuses or is none, or the file of authorities cannot be read.
pub async fn sourcetable(
    caster: &ntrip::CasterAddress,
    credentials: Option<&ntrip::Credentials>,
    ca_file: Option<&std::path::Path>,
    timeout: std::time::Duration,
) -> Result<ntrip::Sourcetable, FeedError> {
    let text = live::list(caster, credentials, ca_file, timeout).await?;
    Ok(ntrip::Sourcetable::parse(&text))
}
