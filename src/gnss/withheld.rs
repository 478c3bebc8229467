//! Satellites that are not offered although their data are fresh.

use std::fmt;

/// Why a satellite is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Withheld {
    /// The operator excludes it.
    Excluded,
    /// What reference stations receive of it does not fit its message.
    Flagged,
    /// Its messages contradict each other, and nothing tells which is right.
    Disputed,
}

impl Withheld {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Excluded, Self::Flagged, Self::Disputed];

    /// Lower-case name for tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Flagged => "flagged",
            Self::Disputed => "disputed",
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
