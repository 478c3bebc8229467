//! How far from where a transmitter is said to be a SET may be that hears it: radii that hold it with 95 %.

use std::time::Duration;

use super::row::{CellRow, FROM_OPERATOR, Radio};
use crate::base::GeoPoint;
use crate::base::cell::CellStatus;

/// Smallest radius believed of a cell, metres: microcells are tabled with ranges of a few metres.
const LEAST_CELL_M: f64 = 300.0;
/// Smallest radius believed of an access point, metres.
const LEAST_AP_M: f64 = 100.0;
/// Measurements from which on a tabled range is believed.
const WELL_SAMPLED: f64 = 10.0;
/// Speed assumed of a SET since it heard what it reports, m/s.
const SPEED_MPS: f64 = 35.0;
/// Metres added to what is said to be stale without an age.
const STALE_M: f64 = 5_000.0;
/// Metres added where the SET does not know the freshness.
const UNKNOWN_M: f64 = 500.0;

/// The radius of nine in ten well-measured cells in public tables, metres: what a cell's range is taken for while too few
/// measurements bear it out.
const fn typical_m(radio: Radio) -> f64 {
    match radio {
        Radio::Gsm | Radio::Cdma => 15_000.0,
        Radio::Wcdma | Radio::Lte => 7_000.0,
        Radio::Nr => 5_000.0,
        Radio::Wlan => 150.0,
    }
}

/// Around the tabled position of a transmitter.
pub(super) fn of_row(row: &CellRow) -> f64 {
    let radio = row.key.radio;
    let tabled = f64::from(row.range_m);
    if radio == Radio::Wlan {
        return tabled.max(LEAST_AP_M);
    }
    if row.samples == FROM_OPERATOR && row.range_m > 0 {
        return tabled.max(LEAST_CELL_M);
    }
    // With one measurement the position is that of some SET that heard the cell: the typical radius in full.
    let doubt = (1.0 - (f64::from(row.samples.max(1)) - 1.0) / WELL_SAMPLED).clamp(0.0, 1.0);
    tabled.max(LEAST_CELL_M).max(typical_m(radio) * doubt)
}

/// Around a position that the base station announces of itself.
pub(super) const fn announced() -> f64 {
    typical_m(Radio::Cdma)
}

/// Farther than any timing advance says, metres: more is no measurement.
const FARTHEST_M: f64 = 120_000.0;

/// Narrowed by a measured distance from the transmitter, or widened when that is farther away than the table lets expect. The
/// tabled position is where the cell was heard, not where the antenna stands, so the distance is good only to about half the
/// cell's radius.
pub(super) fn with_distance(radius_m: f64, distance_m: Option<f64>, radio: Option<Radio>) -> f64 {
    let step = match radio {
        Some(Radio::Gsm) => 554.0,
        Some(Radio::Wcdma | Radio::Cdma) | None => 234.0,
        Some(Radio::Lte | Radio::Nr) => 78.0,
        Some(Radio::Wlan) => 30.0,
    };
    match distance_m {
        Some(d) if (0.0..=FARTHEST_M).contains(&d) && d > radius_m + step => d + step,
        Some(d) if d.is_finite() && d >= 0.0 => radius_m.min(d + step + radius_m / 2.0),
        _ => radius_m,
    }
}

/// Narrowed where the transmitter is heard well: whoever stands near it does. The strength tells distances apart by decades
/// only, walls and bodies take the rest, so that the most it gives is half the circle of an access point and a quarter off that
/// of a cell, whose tabled position need not be the antenna's.
pub(super) fn with_power(radius_m: f64, power_dbm: Option<f64>, radio: Option<Radio>) -> f64 {
    // From where on a signal is strong, up to where it is weak, dBm; the share that is left of a strong one's circle.
    let (strong, weak, share) = match radio {
        Some(Radio::Wlan) => (-50.0, -85.0, 0.5),
        Some(Radio::Gsm | Radio::Cdma) => (-60.0, -95.0, 0.75),
        Some(Radio::Wcdma) => (-65.0, -105.0, 0.75),
        Some(Radio::Lte | Radio::Nr) => (-75.0, -110.0, 0.75),
        None => return radius_m,
    };
    match power_dbm {
        Some(p) if (-160.0..=0.0).contains(&p) => {
            let faint = ((strong - p) / (strong - weak)).clamp(0.0, 1.0);
            radius_m * (share + (1.0 - share) * faint)
        }
        _ => radius_m,
    }
}

/// Widened by the time since the transmitter was heard.
pub(super) fn with_age(radius_m: f64, status: CellStatus, age: Option<Duration>) -> f64 {
    let moved = age.map(|a| a.as_secs_f64() * SPEED_MPS);
    radius_m
        + match status {
            CellStatus::Current => moved.unwrap_or(0.0),
            CellStatus::Stale => moved.unwrap_or(STALE_M),
            CellStatus::Unknown => moved.unwrap_or(UNKNOWN_M),
        }
}

/// Metres between two places on a sphere: within 0.6 % of the ellipsoid's, which is less than any radius here is sure of.
pub(super) fn distance_m(a: GeoPoint, b: GeoPoint) -> f64 {
    const EARTH_M: f64 = 6_371_008.8;
    let (la, lb) = (a.lat.to_radians(), b.lat.to_radians());
    let (dlat, dlon) = ((lb - la) / 2.0, (b.lon - a.lon).to_radians() / 2.0);
    let h = dlat.sin().powi(2) + la.cos() * lb.cos() * dlon.sin().powi(2);
    2.0 * EARTH_M * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cell::Plmn;
    use crate::cells::row::CellKey;

    fn row(radio: Radio, range_m: u32, samples: u32) -> CellRow {
        CellRow {
            key: CellKey { radio, plmn: Plmn { mcc: 1, mnc: 1 }, cell: 1, area: 1 },
            at: GeoPoint::new(0.0, 0.0).unwrap(),
            range_m,
            samples,
            updated: 0,
        }
    }

    #[test]
    fn few_measurements_are_not_believed() {
        assert_eq!(of_row(&row(Radio::Lte, 1000, 1)), 7000.0);
        assert!(of_row(&row(Radio::Lte, 1000, 6)) > 3000.0);
        assert_eq!(of_row(&row(Radio::Lte, 1000, 20)), 1000.0);
        assert_eq!(of_row(&row(Radio::Lte, 9000, 1)), 9000.0);
        assert_eq!(of_row(&row(Radio::Lte, 5, 500)), LEAST_CELL_M);
        assert_eq!(of_row(&row(Radio::Gsm, 2000, FROM_OPERATOR)), 2000.0);
        assert_eq!(of_row(&row(Radio::Wlan, 0, 1)), LEAST_AP_M);
    }

    #[test]
    fn distance_narrows_and_age_widens() {
        assert!(with_distance(7000.0, Some(500.0), Some(Radio::Lte)) < 4100.0);
        assert_eq!(with_distance(7000.0, Some(1e9), Some(Radio::Lte)), 7000.0);
        assert_eq!(with_distance(7000.0, Some(f64::NAN), Some(Radio::Lte)), 7000.0);
        assert_eq!(with_age(100.0, CellStatus::Current, None), 100.0);
        assert_eq!(with_age(100.0, CellStatus::Stale, None), 5100.0);
        assert_eq!(with_age(100.0, CellStatus::Stale, Some(Duration::from_secs(10))), 450.0);
    }

    #[test]
    fn far_is_far_and_strong_is_near() {
        // Ten kilometres of timing advance, of a cell that is tabled with three.
        assert_eq!(with_distance(3000.0, Some(10_000.0), Some(Radio::Gsm)), 10_554.0);
        let of = |p| with_power(1000.0, p, Some(Radio::Wlan));
        assert_eq!(
            (of(Some(-40.0)), of(Some(-67.5)), of(Some(-95.0)), of(None)),
            (500.0, 750.0, 1000.0, 1000.0)
        );
        assert_eq!((of(Some(f64::NAN)), of(Some(30.0)), of(Some(-1e9))), (1000.0, 1000.0, 1000.0));
        assert_eq!(with_power(1000.0, Some(-75.0), Some(Radio::Lte)), 750.0);
        assert_eq!(with_power(1000.0, Some(-75.0), None), 1000.0);
    }

    #[test]
    fn spherical_distance_is_near_the_geodesic() {
        let (a, b) = (GeoPoint::new(49.6, 6.1).unwrap(), GeoPoint::new(49.9, 5.7).unwrap());
        assert!((distance_m(a, b) / a.distance_m(b) - 1.0).abs() < 0.006);
        let (a, b) = (GeoPoint::new(1.0, 179.9).unwrap(), GeoPoint::new(1.0, -179.9).unwrap());
        assert!((distance_m(a, b) - 22_235.0).abs() < 50.0);
    }
}
