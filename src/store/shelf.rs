//! Shelves: small sets of records whose form is their owner's, kept as octets under keys in order.

use serde::{Deserialize, Serialize};

/// Largest value on a shelf, octets.
pub const MAX_VALUE: usize = 1 << 20;
/// Longest key on a shelf, octets.
pub(super) const MAX_KEY: usize = 1024;

/// One set of records. Each has one owner, who knows what the octets mean and bounds how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shelf {
    /// Triggered requests that run.
    Triggers,
    /// Requests that were accepted and are answered later.
    Requests,
    /// Reports that clients have not taken yet.
    Reports,
    /// Reports that were given up.
    DeadReports,
    /// Reports of triggers, kept for those who follow them.
    TriggerReports,
    /// How far triggered requests have come.
    TriggerProgress,
    /// The newest positions in the order in which they came in.
    Journal,
    /// How far the counters of SUPL INIT's protection have come.
    Counters,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Triggers,
        Self::Requests,
        Self::Reports,
        Self::DeadReports,
        Self::TriggerReports,
        Self::TriggerProgress,
        Self::Journal,
        Self::Counters,
    ];

    /// The letter that stands for it in keys: never one that another shelf had.
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Triggers => b'T',
            Self::Requests => b'Q',
            Self::Reports => b'R',
            Self::DeadReports => b'D',
            Self::TriggerReports => b'K',
            Self::TriggerProgress => b'P',
            Self::Journal => b'J',
            Self::Counters => b'C',
        }
    }
}

/// A change to a shelf. Several are made together or not at all.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// A value under a key, in place of the one that was there.
    Put(Shelf, Vec<u8>, Vec<u8>),
    /// No value under a key.
    Remove(Shelf, Vec<u8>),
}

/// Values may hold identities.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put(shelf, ..) => write!(f, "Put({shelf:?}, …)"),
            Self::Remove(shelf, _) => write!(f, "Remove({shelf:?}, …)"),
        }
    }
}

/// A record on a shelf: its key and its value.
pub type Shelved = (Vec<u8>, Vec<u8>);
