//! Broadcast data as the store keeps them: one record per satellite and issue, or per model.

use serde::{Deserialize, Serialize};

use crate::base::broadcast::{
    Almanac, EarthOrientation, Ephemeris, Gnss, Klobuchar, KlobucharArea, NeQuick, TimeOffset, UtcModel,
};
use crate::base::{GpsTime, Utc};

/// One thing that satellites broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum SkyItem {
    /// A navigation message.
    Ephemeris(Ephemeris),
    /// An almanac entry.
    Almanac(Almanac),
    /// Klobuchar coefficients.
    Klobuchar(KlobucharArea, Klobuchar),
    /// NeQuick-G coefficients.
    NeQuick(NeQuick),
    /// UTC parameters, by the system that broadcast them.
    Utc(Gnss, UtcModel),
    /// Offset between the times of two systems.
    TimeOffset(TimeOffset),
    /// Earth orientation.
    EarthOrientation(EarthOrientation),
}

/// An item with where it is from and how long it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkyRecord {
    /// The item; its issue is in it.
    pub item: SkyItem,
    /// Name of the source.
    pub source: String,
    /// When the server received it.
    pub received: Utc,
    /// When it was broadcast, as near as the source says.
    pub epoch: GpsTime,
    /// The last instant at which it may be used.
    pub expires: GpsTime,
}

impl SkyRecord {
    /// Whether this one is to stay when `new` arrives under the same key.
    pub(super) fn outranks(&self, new: &Self) -> bool {
        match self.item {
            // The same issue, perhaps with another health: the later delivery counts.
            SkyItem::Ephemeris(_) => self.received > new.received,
            _ => self.epoch > new.epoch,
        }
    }
}
