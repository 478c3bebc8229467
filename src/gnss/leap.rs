//! Leap seconds as UTC parameters announce them.

use crate::base::{GpsTime, Utc};

/// Leap seconds in GPS's count: now, and after the next (or last) change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeapSeconds {
    /// GPS time − UTC now.
    pub now: i8,
    /// Full GPS week of the day that ends with the change.
    pub week: u16,
    /// Day of that week, 1..=7.
    pub day: u8,
    /// GPS time − UTC after it.
    pub after: i8,
}

impl LeapSeconds {
    /// By the house's table of leap seconds: the last change before `t`.
    pub fn at(t: GpsTime) -> Self {
        let utc = t.to_utc();
        let now = utc.gps_lead_s() as i8;
        let last = utc.last_leap().unwrap_or(Utc::from_unix_s(0));
        // Noon of the day that ends with the leap.
        let before = GpsTime::from_utc(Utc::from_unix_s(last.unix_s() - 43_200));
        Self {
            now,
            week: u16::try_from(before.week()).unwrap_or(0),
            day: (before.tow() / 86_400.0) as u8 + 1,
            after: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leap_of_2016() {
        let t = GpsTime::from_week_s(2243, 0);
        assert_eq!(LeapSeconds::at(t), LeapSeconds { now: 18, week: 1929, day: 7, after: 18 });
    }
}
