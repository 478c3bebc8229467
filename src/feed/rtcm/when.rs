//! Weeks and days that messages leave out or wrap around, settled by a time nearby.

use super::RtcmError;
use crate::base::time::{WEEK_S, days_from_civil};
use crate::base::{GpsTime, Utc};

/// A day, s.
const DAY_S: i64 = 86_400;
/// How far from its transmission the reference time of an ephemeris may lie: beyond the end of the week in which it was
/// transmitted, or before its beginning. No system's goes further than four hours.
const SEAM_S: i64 = 6 * 3600;

/// The full week nearest to `around` of a number that wraps around after `cycle` weeks.
pub(super) fn full_week(week: i64, cycle: i64, around: GpsTime) -> i64 {
    let here = around.week();
    here + (week - here + cycle / 2).rem_euclid(cycle) - cycle / 2
}

/// The reference time of an ephemeris that was transmitted in a full `week`, from its seconds of week. The week may be
/// that of the transmission or of the reference time itself: close to the end of a week the two differ, and what is nearer to
/// `around` counts. Elsewhere nothing is moved, so that what is a week old stays a week old.
pub(super) fn reference(week: i64, tow_s: i64, around: GpsTime) -> Result<GpsTime, RtcmError> {
    if !(0..WEEK_S).contains(&tow_s) {
        return Err(RtcmError::Field("toe"));
    }
    let stated = GpsTime::from_week_s(week, tow_s);
    let other = if tow_s <= SEAM_S {
        GpsTime::from_week_s(week + 1, tow_s)
    } else if tow_s >= WEEK_S - SEAM_S {
        GpsTime::from_week_s(week - 1, tow_s)
    } else {
        return Ok(stated);
    };
    let distance = |t: GpsTime| (t - around).abs();
    Ok(if distance(other) < distance(stated) { other } else { stated })
}

/// The instant with these seconds of week that is nearest to `near`.
pub(super) fn nearest(tow_ns: i64, near: GpsTime) -> GpsTime {
    nearest_of(tow_ns, WEEK_S, near)
}

fn nearest_of(ns: i64, period_s: i64, near: GpsTime) -> GpsTime {
    let period = period_s * 1_000_000_000;
    let off = (ns - near.ns()).rem_euclid(period);
    let off = if off >= period / 2 { off - period } else { off };
    GpsTime::from_ns(near.ns() + off)
}

/// The instant of Moscow's time of day nearest to `near`; the day of the week (0 Sunday) moves it by whole days where known.
pub(super) fn moscow_time(day_of_week: Option<i64>, tod_ms: i64, near: GpsTime) -> GpsTime {
    let local_ns = near.to_utc().unix_ns() + 3 * 3600 * 1_000_000_000;
    let (period_s, ns) = match day_of_week {
        // 1970-01-01 was a Thursday.
        Some(day) => (WEEK_S, ((day - 4).rem_euclid(7) * DAY_S * 1000 + tod_ms) * 1_000_000),
        None => (DAY_S, tod_ms * 1_000_000),
    };
    let local = nearest_of(ns, period_s, GpsTime::from_ns(local_ns)).ns();
    GpsTime::from_utc(Utc::from_unix_ns(local - 3 * 3600 * 1_000_000_000))
}

/// The day since 1970 on which GLONASS sent a message by N_T, the day in a span of four years that begins with a leap year, from 1
/// (GLONASS ICD 4.4); the span nearest to `near` is meant. `None` where a satellite does not say. The count of spans, N_4, is
/// sent as well, but receivers pass it on wrongly.
pub(super) fn moscow_day(nt: u16, near: GpsTime) -> Option<i64> {
    const SPAN: i64 = 1461;
    (1..=1461).contains(&nt).then(|| {
        let first = days_from_civil(1996, 1, 1);
        let here = first + near.glonass().0;
        let day = first + i64::from(nt) - 1;
        here + (day - here + SPAN / 2).rem_euclid(SPAN) - SPAN / 2
    })
}

/// The time t_b: a quarter of an hour of the Moscow day on which the frame was sent at `sent_s`, or of the day after or
/// before when that is nearer to the frame. Without a date, that of the day nearest to `near`.
pub(super) fn moscow_quarter(quarter: u8, sent_s: i64, day: Option<i64>, near: GpsTime) -> GpsTime {
    let tb_s = i64::from(quarter) * 900;
    let Some(day) = day else { return moscow_time(None, tb_s * 1000, near) };
    let day = match tb_s - sent_s {
        d if d > DAY_S / 2 => day - 1,
        d if d < -DAY_S / 2 => day + 1,
        _ => day,
    };
    GpsTime::from_utc(Utc::from_unix_s(day * DAY_S + tb_s - 3 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> GpsTime {
        GpsTime::from_utc(text.parse().unwrap())
    }

    #[test]
    fn weeks_roll_over() {
        // Around the rollover of 2019-04-07.
        let before = GpsTime::from_week_s(2047, 604_000);
        assert_eq!((full_week(1023, 1024, before), full_week(0, 1024, before)), (2047, 2048));
        let after = GpsTime::from_week_s(2048, 100);
        assert_eq!((full_week(1023, 1024, after), full_week(0, 1024, after)), (2047, 2048));
        assert_eq!(full_week(2243, 4096, after), 2243);
    }

    #[test]
    fn reference_times_near_the_end_of_a_week() {
        let before = GpsTime::from_week_s(2047, 604_000);
        let after = GpsTime::from_week_s(2048, 600);
        // The week of transmission is stated, the reference time is after midnight.
        assert_eq!(reference(2047, 0, before), Ok(GpsTime::from_week_s(2048, 0)));
        assert_eq!(reference(2048, 0, before), Ok(GpsTime::from_week_s(2048, 0)));
        // And the other way round.
        assert_eq!(reference(2048, 604_784, after), Ok(GpsTime::from_week_s(2047, 604_784)));
        assert_eq!(reference(2047, 604_784, after), Ok(GpsTime::from_week_s(2047, 604_784)));
        // What is a week old is not made young.
        assert_eq!(reference(2047, 302_400, after), Ok(GpsTime::from_week_s(2047, 302_400)));
        assert_eq!(reference(2047, 604_800, after), Err(RtcmError::Field("toe")));
    }

    #[test]
    fn moscow() {
        // 2020-01-02 00:05 Moscow is 21:05 UTC of the day before.
        let near = utc("2020-01-01T21:05:00Z");
        assert_eq!((moscow_day(0, near), moscow_day(1462, near)), (None, None));
        assert_eq!(moscow_day(1461, near), Some(days_from_civil(2019, 12, 31)));
        assert_eq!(moscow_day(927, utc("2018-07-15T00:00:00Z")), Some(days_from_civil(2018, 7, 15)));
        let day = moscow_day(2, near);
        assert_eq!(day, Some(days_from_civil(2020, 1, 2)));
        assert_eq!(moscow_quarter(1, 300, day, near), utc("2020-01-01T21:15:00Z"));
        // Sent at 23:55 for 00:15 of the next day.
        assert_eq!(moscow_quarter(1, 86_100, moscow_day(1, near), near), utc("2020-01-01T21:15:00Z"));
        // Yesterday's stays yesterday's when it has a date, and cannot be told without one.
        let later = utc("2020-01-02T21:05:00Z");
        assert_eq!(moscow_quarter(1, 300, day, later), utc("2020-01-01T21:15:00Z"));
        assert_eq!(moscow_quarter(1, 300, None, later), utc("2020-01-02T21:15:00Z"));
        // 2020-01-02 was a Thursday in Moscow.
        assert_eq!(moscow_time(Some(4), 300_000, near), utc("2020-01-01T21:05:00Z"));
        assert_eq!(moscow_time(Some(3), 300_000, near), utc("2019-12-31T21:05:00Z"));
        assert_eq!(moscow_time(None, 300_000, near), utc("2020-01-01T21:05:00Z"));
    }

    #[test]
    fn the_nearest_of_a_week() {
        let near = GpsTime::from_week_s(2048, 10);
        assert_eq!(nearest(604_799_000_000_000, near), GpsTime::from_week_s(2047, 604_799));
        assert_eq!(nearest(11_000_000_000, near), GpsTime::from_week_s(2048, 11));
    }
}
