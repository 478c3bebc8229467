//! Times that the wire truncates, made absolute again.

use crate::base::broadcast::{Gnss, UtcModel};
use crate::base::time::{GpsTime, days_from_civil};

const NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * NS;
const WEEK_NS: i64 = 604_800 * NS;

/// The instant nearest to `near` at which a clock that reads `here_ns` at `near` reads `wanted_ns`, both modulo `period_ns`.
fn nearest(near: GpsTime, here_ns: i64, wanted_ns: i64, period_ns: i64) -> GpsTime {
    let ahead = (wanted_ns - here_ns).rem_euclid(period_ns);
    let ahead = if ahead > period_ns / 2 { ahead - period_ns } else { ahead };
    GpsTime::from_ns(near.ns().saturating_add(ahead))
}

/// From seconds of the GPS (Galileo, QZSS, SBAS, NavIC) week.
pub(crate) fn in_week(near: GpsTime, tow_s: i64) -> GpsTime {
    nearest(near, near.tow_ns(), tow_s * NS, WEEK_NS)
}

/// From seconds of the BeiDou week.
pub(crate) fn in_bdt_week(near: GpsTime, sow_s: i64) -> GpsTime {
    nearest(near, near.bdt().1, sow_s * NS, WEEK_NS)
}

/// From seconds of the GPS day.
pub(crate) fn in_day(near: GpsTime, tod_s: i64) -> GpsTime {
    nearest(near, near.tow_ns() % DAY_NS, tod_s * NS, DAY_NS)
}

/// From seconds of the Moscow day.
pub(crate) fn in_moscow_day(near: GpsTime, tod_s: i64) -> GpsTime {
    nearest(near, near.glonass().1, tod_s * NS, DAY_NS)
}

/// From a week number modulo `modulus` in the count of GPS weeks.
pub(crate) fn week_near(near: GpsTime, week: i64, modulus: i64) -> i64 {
    let here = near.week();
    let ahead = (week - here).rem_euclid(modulus);
    here + if ahead > modulus / 2 { ahead - modulus } else { ahead }
}

/// Whole seconds of the GPS week.
pub(crate) fn tow_s(t: GpsTime) -> i64 {
    t.tow_ns() / NS
}

/// Day and nanoseconds of the day in a system's own count (TS 37.355 `gnss-DayNumber`: days since 1980-01-06 for GPS, QZSS,
/// SBAS; 1999-08-22 for Galileo and NavIC; 1996-01-01 Moscow time for GLONASS; 2006-01-01 for BeiDou).
pub(crate) fn day_in(system: Gnss, t: GpsTime) -> (i64, i64) {
    match system {
        Gnss::Glonass => t.glonass(),
        Gnss::BeiDou => {
            let (week, ns) = t.bdt();
            (week * 7 + ns / DAY_NS, ns % DAY_NS)
        }
        _ => (t.week() * 7 + t.tow_ns() / DAY_NS - origin_day(system), t.tow_ns() % DAY_NS),
    }
}

/// The inverse of [`day_in`].
pub(crate) fn from_day(system: Gnss, day: i64, ns: i64) -> GpsTime {
    match system {
        Gnss::Glonass => from_moscow(day, ns),
        Gnss::BeiDou => GpsTime::from_ns(GpsTime::from_bdt(0, 0).ns() + day * DAY_NS + ns),
        _ => GpsTime::from_ns((day + origin_day(system)) * DAY_NS + ns),
    }
}

/// Days from the GPS epoch to the origin of a system's count.
const fn origin_day(system: Gnss) -> i64 {
    match system {
        Gnss::Galileo | Gnss::NavIc => 1024 * 7,
        _ => 0,
    }
}

/// From days since 1996-01-01 and nanoseconds of the day, Moscow time.
pub(crate) fn from_moscow(day: i64, ns: i64) -> GpsTime {
    let unix_ns = (day + days_from_civil(1996, 1, 1)) * DAY_NS + ns - 3 * 3600 * NS;
    GpsTime::from_utc(crate::base::time::Utc::from_unix_ns(unix_ns))
}

/// Day of the four-year interval, 1..=1461 (GLONASS ICD, N_T and N_A).
pub(crate) fn four_year_day(t: GpsTime) -> i64 {
    t.glonass().0.rem_euclid(1461) + 1
}

/// The start of the Moscow day nearest to `near` with this number in the four-year interval.
pub(crate) fn from_four_year_day(near: GpsTime, n: i64) -> GpsTime {
    let here = near.glonass().0;
    let ahead = (n - 1 - here).rem_euclid(1461);
    from_moscow(here + if ahead > 730 { ahead - 1461 } else { ahead }, 0)
}

/// The GLONASS model of UTC as the wire says it: τ_c and the day that it refers to.
pub(crate) fn glonass_utc(tau_c: i32, n_a: u16, near: GpsTime) -> UtcModel {
    let day = from_four_year_day(near, i64::from(n_a));
    let lead = day.to_utc().gps_lead_s() as i8;
    UtcModel {
        a0: tau_c,
        a1: 0,
        // The first unit that begins on that day, so that writing it again gives the same day.
        tot: (tow_s(day) / 4096 + 1) as u8,
        week: day.week() as u16,
        dt_ls: lead,
        week_lsf: day.week() as u16,
        dn: 1,
        dt_lsf: lead,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days() {
        let t = GpsTime::from_utc("2023-01-01T11:00:00Z".parse().unwrap());
        assert_eq!(day_in(Gnss::Gps, t), (2243 * 7, 39_618 * NS));
        assert_eq!(day_in(Gnss::Galileo, t).0, 1219 * 7);
        assert_eq!(day_in(Gnss::Glonass, t), (9862, 14 * 3600 * NS));
        assert_eq!(day_in(Gnss::BeiDou, t), (887 * 7, 39_604 * NS));
        // 2020-01-01 begins a four-year interval; 2023-01-01 is its day 1097.
        assert_eq!(four_year_day(t), 1097);
    }

    proptest! {
        #[test]
        fn truncated_times_come_back(s in 800_000_000i64..1_900_000_000, off in -300_000i64..300_000, day_off in -40_000i64..40_000) {
            let t = GpsTime::from_ns(s * NS);
            let near = GpsTime::from_ns((s + off) * NS);
            prop_assert_eq!(in_week(near, tow_s(t)), t);
            prop_assert_eq!(in_bdt_week(near, t.bdt().1 / NS), t);
            prop_assert_eq!(week_near(near, t.week() % 256, 256), t.week());
            let near = GpsTime::from_ns((s + day_off) * NS);
            prop_assert_eq!(in_day(near, tow_s(t) % 86_400), t);
            for g in Gnss::ALL {
                let (day, ns) = day_in(g, t);
                prop_assert_eq!(from_day(g, day, ns), t);
            }
            let start = from_four_year_day(near, four_year_day(t));
            prop_assert_eq!(start.glonass(), (t.glonass().0, 0));
        }
    }
}
