//! A position of a target, however it came about.

use serde::{Deserialize, Serialize};

use super::geo::{Shape, Velocity};
use super::time::Utc;

/// How a position was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionMethod {
    /// The SET computed it with assistance (MS-Based A-GNSS).
    AgnssMsBased,
    /// The SLP computed it from the SET's measurements (MS-Assisted A-GNSS).
    AgnssMsAssisted,
    /// The SET's own GNSS without assistance.
    AutonomousGnss,
    /// From the serving cell or a table of cells.
    CellId,
    /// From several cells, timing advance or signal strengths.
    EnhancedCellId,
    /// From WLAN access points.
    Wlan,
    /// Observed time difference of arrival.
    Otdoa,
    /// The SET did not say.
    Unknown,
}

impl PositionMethod {
    /// The name used in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgnssMsBased => "agnss-ms-based",
            Self::AgnssMsAssisted => "agnss-ms-assisted",
            Self::AutonomousGnss => "autonomous-gnss",
            Self::CellId => "cell-id",
            Self::EnhancedCellId => "enhanced-cell-id",
            Self::Wlan => "wlan",
            Self::Otdoa => "otdoa",
            Self::Unknown => "unknown",
        }
    }
}

/// One position of one target: what the location store keeps and every door gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocationEstimate {
    /// Where, as a TS 23.032 shape with its uncertainty.
    pub shape: Shape,
    /// When the target was there.
    pub time: Utc,
    /// How it was found.
    pub method: PositionMethod,
    /// How fast it moved, where known.
    pub velocity: Option<Velocity>,
}
