//! Tables of satellite positions, for comparison with other programs.

use std::fmt;

use serde::Serialize;

use super::age::AgePolicy;
use super::orbit::{self, SatState};
use super::snapshot::SkySnapshot;
use crate::base::broadcast::SatId;
use crate::base::time::days_from_civil;
use crate::base::{GpsTime, Utc};

/// Most epochs of one table: a week at one second.
pub const MAX_EPOCHS: i64 = 604_800;

/// Header of the rows as CSV.
pub const CSV_HEADER: &str = "sat,week,tow,x_m,y_m,z_m,clock_s";

/// The span cannot be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the span must run forward in steps of at least a nanosecond, with at most {MAX_EPOCHS} epochs")]
pub struct BadSpan;

/// A satellite at one instant; its `Display` is a line of CSV under [`CSV_HEADER`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PositionRow {
    /// Satellite.
    pub sat: SatId,
    /// GPS time, taken as the time of transmission.
    pub t: GpsTime,
    /// Earth-fixed position at that time in metres, and the clock with the relativistic correction and without group delay.
    pub state: SatState,
}

impl fmt::Display for PositionRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.state.position;
        let (sat, t, clock) = (self.sat, self.t, self.state.clock_s);
        write!(f, "{sat},{},{},{x:.4},{y:.4},{z:.4},{clock:.15e}", t.week(), Tow(t))
    }
}

/// Position and clock of every satellite from `from` to `to` (inclusive) every `step_s` seconds, epoch by epoch.
///
/// Each row uses the record nearest in time, before or after, healthy or not, as [`AgePolicy::archival`] allows; of Galileo
/// I/NAV where there is one, and such as was on the air already.
///
/// # Errors
/// When the step is not positive, the end before the start, or the table longer than [`MAX_EPOCHS`].
pub fn positions(
    sky: &SkySnapshot,
    from: GpsTime,
    to: GpsTime,
    step_s: f64,
) -> Result<impl Iterator<Item = PositionRow>, BadSpan> {
    let step = (step_s * 1e9).round();
    if !(1.0..9e18).contains(&step) || to < from {
        return Err(BadSpan);
    }
    let step = step as i64;
    let epochs = (to.ns() - from.ns()) / step + 1;
    if epochs > MAX_EPOCHS {
        return Err(BadSpan);
    }
    let policy = AgePolicy::archival();
    Ok((0..epochs).flat_map(move |i| {
        let t = GpsTime::from_ns(from.ns() + i * step);
        let rows: Vec<PositionRow> = sky
            .entries_at(t, &policy)
            .map(|e| PositionRow { sat: e.ephemeris.sat(), t, state: orbit::state(&e.ephemeris, t) })
            .collect();
        rows
    }))
}

/// Seconds of week with only as many decimals as there are.
struct Tow(GpsTime);

impl fmt::Display for Tow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, ns) = (self.0.tow_ns() / 1_000_000_000, self.0.tow_ns() % 1_000_000_000);
        if ns == 0 {
            return write!(f, "{s}");
        }
        let digits = format!("{ns:09}");
        write!(f, "{s}.{}", digits.trim_end_matches('0'))
    }
}

/// Reads a time as commands take it: `2243:39600` (GPS week and seconds of week), `2023-01-01T11:00:00Z` or with another offset
/// (UTC), `2023-01-01T11:00:00` without one (GPS time).
///
/// # Errors
/// A sentence for the user.
pub fn parse_time(s: &str) -> Result<GpsTime, String> {
    let wrong = || {
        format!(
            "`{s}` is not a time such as 2023-01-01T11:00:00Z (UTC), 2023-01-01T11:00:00 (GPS time) or 2243:39618"
        )
    };
    if let Some((week, tow)) = s.split_once(':')
        && let (Ok(week), Ok(tow)) = (week.parse::<i64>(), tow.parse::<f64>())
    {
        let ok = (0..10_000).contains(&week) && (0.0..604_800.0).contains(&tow);
        return if ok { Ok(GpsTime::from_week_tow(week, tow)) } else { Err(wrong()) };
    }
    if let Ok(utc) = s.parse::<Utc>() {
        return Ok(GpsTime::from_utc(utc));
    }
    let t: jiff::civil::DateTime = s.parse().map_err(|_| wrong())?;
    let days =
        days_from_civil(i32::from(t.year()), t.month() as u8, t.day() as u8) - days_from_civil(1980, 1, 6);
    let tod = i64::from(t.hour()) * 3600 + i64::from(t.minute()) * 60 + i64::from(t.second());
    if !(0..70_000).contains(&days) {
        return Err(wrong());
    }
    Ok(GpsTime::from_ns((days * 86_400 + tod) * 1_000_000_000 + i64::from(t.subsec_nanosecond())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_commands() {
        let t = GpsTime::from_week_s(2243, 39_600);
        assert_eq!(parse_time("2243:39600"), Ok(t));
        assert_eq!(parse_time("2243:39600.5"), Ok(t.offset_s(0.5)));
        assert_eq!(parse_time("2023-01-01T11:00:00"), Ok(t));
        assert_eq!(parse_time("2023-01-01T10:59:42Z"), Ok(t));
        assert_eq!(parse_time("2023-01-01T12:59:42+02:00"), Ok(t));
        assert_eq!(parse_time("2023-01-01"), Ok(GpsTime::from_week_s(2243, 0)));
        for bad in
            ["", "x", "2243:", "2243:604800", "-1:0", "99999:0", "2023-13-01T00:00:00", "1950-01-01T00:00:00"]
        {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_bounded() {
        let t = GpsTime::from_week_s(2243, 0);
        let sky = SkySnapshot::default();
        for (to, step) in
            [(t, 0.0), (t, -1.0), (t, f64::NAN), (t.offset_s(-1.0), 1.0), (t.offset_s(1e6), 0.5)]
        {
            assert!(positions(&sky, t, to, step).is_err());
        }
        assert_eq!(positions(&sky, t, t.offset_s(600.0), 300.0).unwrap().count(), 0);
    }

    #[test]
    fn seconds_of_week_are_short() {
        assert_eq!(Tow(GpsTime::from_week_s(1, 300)).to_string(), "300");
        assert_eq!(Tow(GpsTime::from_week_tow(1, 300.25)).to_string(), "300.25");
    }
}
