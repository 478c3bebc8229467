//! Time: UTC, GPS time, the leap seconds between them, and the clock that drivers read.
//!
//! Two distinct types keep the scales apart: [`Utc`] counts civil time as POSIX does (86,400 s a day), [`GpsTime`] runs
//! on without leap seconds. All other GNSS scales hang on GPS time by constants that [`GpsTime`]'s methods apply.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
const NS: i64 = 1_000_000_000;
/// Seconds in a GPS week.
pub const WEEK_S: i64 = 604_800;
/// 1980-01-06T00:00:00Z, the origin of GPS time, in POSIX seconds.
const GPS_EPOCH_UNIX: i64 = 315_964_800;
/// BeiDou time lags GPS time by this many seconds (BDS-SIS-ICD, 3.3).
pub const BDT_LAG_S: i64 = 14;
/// The GPS week in which BeiDou week 0 began (2006-01-01).
pub const BDT_WEEK_ZERO: i64 = 1356;
/// The GPS week in which Galileo week 0 began (1999-08-22).
pub const GST_WEEK_ZERO: i64 = 1024;

/// Instants (POSIX seconds) from which GPS time leads UTC by one more second, oldest first; before the first the lead
/// is zero. Source: IERS Bulletin C; the newest entry is the latest leap second announced.
const LEAP_UNIX: [i64; 18] = [
    362_793_600,   // 1981-07-01
    394_329_600,   // 1982-07-01
    425_865_600,   // 1983-07-01
    489_024_000,   // 1985-07-01
    567_993_600,   // 1988-01-01
    631_152_000,   // 1990-01-01
    662_688_000,   // 1991-01-01
    709_948_800,   // 1992-07-01
    741_484_800,   // 1993-07-01
    773_020_800,   // 1994-07-01
    820_454_400,   // 1996-01-01
    867_715_200,   // 1997-07-01
    915_148_800,   // 1999-01-01
    1_136_073_600, // 2006-01-01
    1_230_768_000, // 2009-01-01
    1_341_100_800, // 2012-07-01
    1_435_708_800, // 2015-07-01
    1_483_228_800, // 2017-01-01
];

/// Civil time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Utc(i64);

impl Utc {
    /// From POSIX seconds.
    pub const fn from_unix_s(s: i64) -> Self {
        Self(s * NS)
    }

    /// From POSIX nanoseconds.
    pub const fn from_unix_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// POSIX nanoseconds.
    pub const fn unix_ns(self) -> i64 {
        self.0
    }

    /// POSIX seconds, rounded down.
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(NS)
    }

    /// Leap seconds by which GPS time leads UTC at this instant.
    pub fn gps_lead_s(self) -> i64 {
        LEAP_UNIX.partition_point(|t| *t <= self.unix_s()) as i64
    }

    /// The latest leap second at or before this instant: the first instant after it. `None` before 1981-07-01.
    pub fn last_leap(self) -> Option<Self> {
        LEAP_UNIX.iter().rev().find(|t| **t <= self.unix_s()).map(|t| Self::from_unix_s(*t))
    }

    /// Year, month (1–12), day (1–31), hour, minute, second of this instant (proleptic Gregorian calendar).
    pub fn civil(self) -> (i32, u8, u8, u8, u8, u8) {
        let s = self.unix_s();
        let (days, tod) = (s.div_euclid(86_400), s.rem_euclid(86_400));
        let (y, m, d) = civil_from_days(days);
        (y, m, d, (tod / 3600) as u8, (tod / 60 % 60) as u8, (tod % 60) as u8)
    }

    /// From calendar fields; `None` when a field is out of its range.
    pub fn from_civil(y: i32, month: u8, day: u8, hour: u8, min: u8, sec: u8) -> Option<Self> {
        let ok = (1900..2200).contains(&y)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && min < 60
            && sec < 60;
        ok.then(|| {
            let tod = i64::from(hour) * 3600 + i64::from(min) * 60 + i64::from(sec);
            Self::from_unix_s(days_from_civil(y, month, day) * 86_400 + tod)
        })
    }

    /// The time since an earlier instant; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Utc {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Utc {
    fn from(t: SystemTime) -> Self {
        match t.duration_since(UNIX_EPOCH) {
            Ok(d) => Self(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)),
            Err(e) => Self(-i64::try_from(e.duration().as_nanos()).unwrap_or(i64::MAX)),
        }
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, mo, d, h, mi, s) = self.civil();
        write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
    }
}

impl fmt::Debug for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Utc {
    type Err = String;

    /// Reads RFC 3339 (`2023-01-01T11:00:00Z`, offsets and fractions allowed).
    fn from_str(s: &str) -> Result<Self, String> {
        s.parse::<jiff::Timestamp>()
            .map_err(|e| format!("not an RFC 3339 time such as 2023-01-01T11:00:00Z: {e}"))
            .and_then(|t| i64::try_from(t.as_nanosecond()).map_err(|_| "year out of range".to_owned()))
            .map(Self)
    }
}

/// GPS time: nanoseconds since 1980-01-06T00:00:00, running on without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GpsTime(i64);

impl GpsTime {
    /// From nanoseconds since the GPS epoch.
    pub const fn from_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the GPS epoch.
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// From the full (not rolled over) week and whole seconds of week.
    pub const fn from_week_s(week: i64, tow_s: i64) -> Self {
        Self((week * WEEK_S + tow_s) * NS)
    }

    /// From the full week and seconds of week, rounded to the nanosecond.
    pub fn from_week_tow(week: i64, tow_s: f64) -> Self {
        Self(week * WEEK_S * NS + (tow_s * 1e9).round() as i64)
    }

    /// The full week number since 1980.
    pub const fn week(self) -> i64 {
        self.0.div_euclid(WEEK_S * NS)
    }

    /// Seconds of week, 0 ≤ t < 604,800.
    pub fn tow(self) -> f64 {
        self.0.rem_euclid(WEEK_S * NS) as f64 * 1e-9
    }

    /// Nanoseconds of week.
    pub const fn tow_ns(self) -> i64 {
        self.0.rem_euclid(WEEK_S * NS)
    }

    /// Seconds from `other` to `self` (negative when `other` is later).
    pub fn diff_s(self, other: Self) -> f64 {
        (self.0 - other.0) as f64 * 1e-9
    }

    /// This instant moved by `s` seconds, rounded to the nanosecond.
    #[must_use]
    pub fn offset_s(self, s: f64) -> Self {
        Self(self.0.saturating_add((s * 1e9).round() as i64))
    }

    /// GPS time of a UTC instant, by the leap-second table.
    pub fn from_utc(utc: Utc) -> Self {
        Self(utc.0 + (utc.gps_lead_s() - GPS_EPOCH_UNIX) * NS)
    }

    /// UTC of this instant, by the leap-second table.
    pub fn to_utc(self) -> Utc {
        let raw = self.0 + GPS_EPOCH_UNIX * NS;
        // The lead in force is that of the UTC instant itself; two rounds settle the second around a leap.
        let first = Utc(raw - Utc(raw).gps_lead_s() * NS);
        Utc(raw - first.gps_lead_s() * NS)
    }

    /// BeiDou week and nanoseconds of week.
    pub const fn bdt(self) -> (i64, i64) {
        let t = Self(self.0 - BDT_LAG_S * NS);
        (t.week() - BDT_WEEK_ZERO, t.tow_ns())
    }

    /// From a BeiDou week and seconds of week.
    pub const fn from_bdt(week: i64, sow: i64) -> Self {
        Self::from_week_s(week + BDT_WEEK_ZERO, sow + BDT_LAG_S)
    }

    /// Nanoseconds of the Moscow (UTC + 3 h) day, and the count of Moscow days since 1996-01-01.
    pub fn glonass(self) -> (i64, i64) {
        let ns = self.to_utc().0 + 3 * 3600 * NS;
        let day = ns.div_euclid(86_400 * NS) - days_from_civil(1996, 1, 1);
        (day, ns.rem_euclid(86_400 * NS))
    }
}

impl Sub for GpsTime {
    type Output = f64;
    fn sub(self, other: Self) -> f64 {
        self.diff_s(other)
    }
}

impl fmt::Debug for GpsTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPST {}:{:.3}", self.week(), self.tow())
    }
}

/// The instant at which something happens, as a driver hands it to the pure rooms.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For timers.
    pub mono: Instant,
    /// For everything that leaves the machine.
    pub utc: Utc,
}

impl Now {
    /// GPS time now.
    pub fn gps(&self) -> GpsTime {
        GpsTime::from_utc(self.utc)
    }
}

/// The clock that drivers read. It may start at another date, so that recorded navigation data can be replayed; such a
/// clock says so ([`Clock::is_shifted`]) wherever the server describes itself.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    mono_origin: Instant,
    utc_origin: Utc,
    shifted: bool,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { mono_origin: Instant::now(), utc_origin: SystemTime::now().into(), shifted: false }
    }

    /// A clock that reads `utc` now and runs on from there.
    pub fn starting_at(utc: Utc) -> Self {
        Self { mono_origin: Instant::now(), utc_origin: utc, shifted: true }
    }

    /// Whether this clock was set to another date.
    pub const fn is_shifted(&self) -> bool {
        self.shifted
    }

    /// Reads the clock. The machine's clock is read anew each time, so that NTP corrections are followed.
    pub fn now(&self) -> Now {
        let mono = Instant::now();
        let utc = if self.shifted {
            self.utc_origin + mono.duration_since(self.mono_origin)
        } else {
            SystemTime::now().into()
        };
        Now { mono, utc }
    }
}

/// Days since 1970-01-01 of a calendar date (era arithmetic after H. Hinnant's public description).
pub const fn days_from_civil(y: i32, m: u8, d: u8) -> i64 {
    let y = y as i64 - if m <= 2 { 1 } else { 0 };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (m as i64 + 9) % 12;
    let doy = (153 * mp + 2) / 5 + d as i64 - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Calendar date of a day count since 1970-01-01.
pub const fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    ((yoe + era * 400) as i32 + if m <= 2 { 1 } else { 0 }, m as u8, d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gps_time_of_known_instants() {
        let t: Utc = "2023-01-01T11:00:00Z".parse().unwrap();
        let g = GpsTime::from_utc(t);
        assert_eq!((g.week(), g.tow()), (2243, 39_618.0));
        assert_eq!(g.to_utc(), t);
        assert_eq!(t.to_string(), "2023-01-01T11:00:00Z");
    }

    #[test]
    fn leap_second_boundary_round_trips() {
        for s in [1_483_228_799, 1_483_228_800, 1_483_228_801, 362_793_599, 362_793_600] {
            let t = Utc::from_unix_s(s);
            assert_eq!(GpsTime::from_utc(t).to_utc(), t, "{s}");
        }
        assert_eq!(Utc::from_unix_s(1_483_228_799).gps_lead_s(), 17);
        assert_eq!(Utc::from_unix_s(1_483_228_800).gps_lead_s(), 18);
    }

    #[test]
    fn other_scales() {
        // 2006-01-01T00:00:00 UTC is the origin of BDT, when the lead was 14 s.
        let origin = GpsTime::from_utc(Utc::from_civil(2006, 1, 1, 0, 0, 0).unwrap());
        assert_eq!(origin.bdt(), (0, 0));
        assert_eq!(GpsTime::from_bdt(0, 0), origin);
        let moscow_midnight = GpsTime::from_utc(Utc::from_civil(1995, 12, 31, 21, 0, 0).unwrap());
        assert_eq!(moscow_midnight.glonass(), (0, 0));
    }

    #[test]
    fn civil_round_trip() {
        for days in (-20_000..60_000).step_by(37) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert!(Utc::from_civil(2023, 13, 1, 0, 0, 0).is_none());
    }
}
