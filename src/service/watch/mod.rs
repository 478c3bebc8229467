//! Every new position, as it comes in, to those who watch.
//!
//! ```text
//!  Service::report ─► journal ──► distributor ──► queue of each watcher concerned ──► Watch::next
//!                        └──────── what a full queue could not take is read here ────────┘
//! ```
//!
//! The journal numbers every position that comes into the house and keeps the newest [`Config::journal`] of them, none longer
//! than positions are kept at all. The distributor finds the watchers of a position by its target and, for those who watch an
//! area, by place: no position is held against every watcher. A watcher has a queue of [`Config::queue`] positions; what does
//! not fit in there is read from the journal once the queue has been emptied, so that a slow client misses nothing as long as
//! the journal goes back far enough. Where it does not, the client is told that it [lagged](Watched::Lagged) and gets the newest
//! position of each of its targets.
//!
//! A position has the same number for all who watch, and a watcher that comes back with the [token](Sighting::token) of the last
//! position it got goes on behind that: over a restart too, if the server was stopped in order. After any other end it is told
//! that it lagged.
//!
//! Whether a client may have a position is decided when it is handed over, not when it came in.

mod distribute;
mod index;
mod journal;
mod keep;
mod stream;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(in crate::service) use distribute::Watchers;
pub use stream::{Sighting, Watch, WatchEnd, Watched};
pub use token::{NotAToken, ResumeToken};

use super::area::Area;
use super::triggers::Followed;
use super::{Client, Flow, LocateError, PrivacyWish, Requestor, ServiceId};

/// The `[service.watch]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most watchers at once, 1..=1000000. Default 20000.
    pub max: u32,
    /// Most watchers of one client, 1..=1000000. Default 10000.
    pub max_per_client: u32,
    /// Most targets of one watcher, 1..=100000. Default 1000.
    pub max_targets: u32,
    /// Positions that may wait for a slow watcher before it has to catch up from the journal, 1..=65536. Default 256.
    pub queue: u32,
    /// Newest positions, of all targets, that the journal keeps, 16..=10000000: as far back a watcher can resume without
    /// missing any. Default 65536.
    pub journal: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max: 20_000, max_per_client: 10_000, max_targets: 1000, queue: 256, journal: 65_536 }
    }
}

/// Whose positions are watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Those of these targets. Whether the client may have them is asked at the beginning, of their users too where that is
    /// the rule.
    Targets(Vec<Followed>),
    /// Those of anybody in the area whose position the client may have without the user being told or asked.
    Area(Box<Area>),
}

/// What a client wants to watch.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    /// Who watches.
    pub client: Arc<Client>,
    /// Through which service of the platform; the client's profile must have it.
    pub flow: Flow,
    /// Whose positions.
    pub scope: Scope,
    /// For which service of the client.
    pub service: Option<ServiceId>,
    /// On whose behalf.
    pub requestor: Option<Requestor>,
    /// Whether users should be told or asked.
    pub wish: Option<PrivacyWish>,
    /// Goes on behind the position that had this token. Without one, the watch begins with what comes in from now on.
    pub resume: Option<ResumeToken>,
    /// Whether the newest known position of each target comes first. Says nothing where `resume` is given and holds.
    pub newest_first: bool,
}

impl WatchRequest {
    /// A watch that begins now, without any wishes.
    pub const fn new(client: Arc<Client>, scope: Scope) -> Self {
        Self {
            client,
            flow: Flow::Triggered,
            scope,
            service: None,
            requestor: None,
            wish: None,
            resume: None,
            newest_first: false,
        }
    }
}

/// Why nothing is watched.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// The client may have none of what it asks for.
    #[error(transparent)]
    Refused(#[from] LocateError),
    /// No target is named.
    #[error("no target is named")]
    NoTarget,
    /// More targets than are taken.
    #[error("more than {0} targets")]
    TooManyTargets(u32),
    /// The client, or all clients together, watch as much as they may.
    #[error("as much is watched as may be")]
    Full,
}
