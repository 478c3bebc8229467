//! What a source hands to the sky.

use serde::{Deserialize, Serialize};

use crate::base::broadcast::{
    Almanac, EarthOrientation, Ephemeris, Gnss, Klobuchar, KlobucharArea, NeQuick, TimeOffset, UtcModel,
};
use crate::base::{GpsTime, Utc};

/// The rank of what no configured source delivered.
pub const UNRANKED: u8 = 31;

const fn unranked() -> u8 {
    UNRANKED
}

/// One delivery of broadcast data: a file, an hour of an archive, a round of the simulation.
///
/// It is also what a store keeps, so that a restarted server knows at once what is still valid: applying the stored
/// updates to a new [`Sky`](super::Sky) gives the sky back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkyUpdate {
    /// Name of the source, shown to operators (`BRDC00IGS_R_20230010000_01D_MN.rnx.gz`, `simulated`).
    pub source: String,
    /// Place of the source among the configured ones, 0 the best; [`UNRANKED`] for files named by hand and what a store held.
    /// When sources contradict each other, each has one voice, and the better one the last word.
    #[serde(default = "unranked")]
    pub rank: u8,
    /// Whether the data were made up by the simulation.
    pub simulated: bool,
    /// When the server received it.
    pub received: Utc,
    /// When the models below (ionosphere, UTC, Earth orientation) were broadcast; of a file, the time of its newest records.
    /// They age from here.
    pub epoch: GpsTime,
    /// Navigation messages, in any order, several per satellite allowed.
    #[serde(default)]
    pub ephemerides: Vec<Ephemeris>,
    /// Almanacs that were received as such.
    #[serde(default)]
    pub almanacs: Vec<Almanac>,
    /// Klobuchar models, the newest of each area last.
    #[serde(default)]
    pub klobuchar: Vec<(KlobucharArea, Klobuchar)>,
    /// NeQuick-G coefficients.
    #[serde(default)]
    pub nequick: Option<NeQuick>,
    /// UTC parameters by the system that broadcast them.
    #[serde(default)]
    pub utc: Vec<(Gnss, UtcModel)>,
    /// Offsets between the systems' times.
    #[serde(default)]
    pub time_offsets: Vec<TimeOffset>,
    /// Earth orientation.
    #[serde(default)]
    pub earth_orientation: Option<EarthOrientation>,
}

impl SkyUpdate {
    /// An update without content.
    pub fn new(source: impl Into<String>, received: Utc) -> Self {
        Self {
            source: source.into(),
            rank: UNRANKED,
            simulated: false,
            received,
            epoch: GpsTime::from_utc(received),
            ephemerides: Vec::new(),
            almanacs: Vec::new(),
            klobuchar: Vec::new(),
            nequick: None,
            utc: Vec::new(),
            time_offsets: Vec::new(),
            earth_orientation: None,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.ephemerides.is_empty()
            && self.almanacs.is_empty()
            && self.klobuchar.is_empty()
            && self.nequick.is_none()
            && self.utc.is_empty()
            && self.time_offsets.is_empty()
            && self.earth_orientation.is_none()
    }
}
