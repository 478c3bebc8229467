//! Universal Transverse Mercator on WGS 84, by Krüger's series in the third flattening (Karney 2011), to the fourth order:
//! better than a millimetre within a zone and its neighbours.

use crate::base::GeoPoint;
use crate::base::geo::wrap_deg;

/// Semi-major axis, metres.
const A: f64 = 6_378_137.0;
const F: f64 = 1.0 / 298.257_223_563;
/// Third flattening.
const N: f64 = F / (2.0 - F);
const SCALE: f64 = 0.9996;
const FALSE_EASTING: f64 = 500_000.0;
const FALSE_NORTHING_SOUTH: f64 = 10_000_000.0;
/// Farthest from the central meridian, degrees: five zones.
const REACH_DEG: f64 = 15.0;

/// Radius of the circle whose circumference is the meridian's.
fn rectifying() -> f64 {
    A / (1.0 + N) * (1.0 + N.powi(2) / 4.0 + N.powi(4) / 64.0)
}

/// Degrees east.
fn central_meridian(zone: u8) -> f64 {
    f64::from(zone) * 6.0 - 183.0
}

/// The zone in which a longitude lies, without the exceptions of Norway and Svalbard.
pub(super) fn zone(at: GeoPoint) -> u8 {
    (((at.lon + 180.0) / 6.0).floor().rem_euclid(60.0) as u8) + 1
}

/// Easting and northing in a zone; `None` too far from it.
pub(super) fn project(at: GeoPoint, zone: u8, north: bool) -> Option<(f64, f64)> {
    let east = wrap_deg(at.lon - central_meridian(zone));
    if east.abs() > REACH_DEG {
        return None;
    }
    let (phi, lambda) = (at.lat.to_radians(), east.to_radians());
    let e = (F * (2.0 - F)).sqrt();
    let t = (libm::atanh(phi.sin()) - e * libm::atanh(e * phi.sin())).sinh();
    let (xi, eta) = (t.atan2(lambda.cos()), libm::asinh(lambda.sin() / t.hypot(lambda.cos())));
    let alpha = [
        N / 2.0 - 2.0 / 3.0 * N.powi(2) + 5.0 / 16.0 * N.powi(3) + 41.0 / 180.0 * N.powi(4),
        13.0 / 48.0 * N.powi(2) - 3.0 / 5.0 * N.powi(3) + 557.0 / 1440.0 * N.powi(4),
        61.0 / 240.0 * N.powi(3) - 103.0 / 140.0 * N.powi(4),
        49_561.0 / 161_280.0 * N.powi(4),
    ];
    let (mut x, mut y) = (eta, xi);
    for (j, a) in (1..).zip(alpha) {
        let k = 2.0 * f64::from(j);
        x += a * (k * xi).cos() * (k * eta).sinh();
        y += a * (k * xi).sin() * (k * eta).cosh();
    }
    let r = SCALE * rectifying();
    let false_northing = if north { 0.0 } else { FALSE_NORTHING_SOUTH };
    Some((FALSE_EASTING + r * x, false_northing + r * y))
}

/// The point of an easting and northing; `None` where there is none.
pub(super) fn unproject(easting: f64, northing: f64, zone: u8, north: bool) -> Option<GeoPoint> {
    let r = SCALE * rectifying();
    let false_northing = if north { 0.0 } else { FALSE_NORTHING_SOUTH };
    let (eta, xi) = ((easting - FALSE_EASTING) / r, (northing - false_northing) / r);
    // Beyond a quarter of the meridian from the equator, and beyond five zones at the equator, nothing is projected.
    if !(eta.abs() <= 0.3 && xi.abs() <= std::f64::consts::FRAC_PI_2) {
        return None;
    }
    let beta = [
        N / 2.0 - 2.0 / 3.0 * N.powi(2) + 37.0 / 96.0 * N.powi(3) - 1.0 / 360.0 * N.powi(4),
        1.0 / 48.0 * N.powi(2) + 1.0 / 15.0 * N.powi(3) - 437.0 / 1440.0 * N.powi(4),
        17.0 / 480.0 * N.powi(3) - 37.0 / 840.0 * N.powi(4),
        4_397.0 / 161_280.0 * N.powi(4),
    ];
    let (mut x, mut y) = (eta, xi);
    for (j, b) in (1..).zip(beta) {
        let k = 2.0 * f64::from(j);
        x -= b * (k * xi).cos() * (k * eta).sinh();
        y -= b * (k * xi).sin() * (k * eta).cosh();
    }
    let chi = (y.sin() / x.cosh()).clamp(-1.0, 1.0).asin();
    let delta = [
        2.0 * N - 2.0 / 3.0 * N.powi(2) - 2.0 * N.powi(3) + 116.0 / 45.0 * N.powi(4),
        7.0 / 3.0 * N.powi(2) - 8.0 / 5.0 * N.powi(3) - 227.0 / 45.0 * N.powi(4),
        56.0 / 15.0 * N.powi(3) - 136.0 / 35.0 * N.powi(4),
        4279.0 / 630.0 * N.powi(4),
    ];
    let phi = (1..).zip(delta).fold(chi, |phi, (j, d)| phi + d * (2.0 * f64::from(j) * chi).sin());
    let lambda = x.sinh().atan2(y.cos());
    GeoPoint::new(phi.to_degrees(), wrap_deg(central_meridian(zone) + lambda.to_degrees()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        // The CN Tower, as published: 17T 630084 4833438.
        let tower = GeoPoint::new(43.642_567, -79.387_139).unwrap();
        assert_eq!(zone(tower), 17);
        let (e, n) = project(tower, 17, true).unwrap();
        assert!((e - 630_084.0).abs() < 1.0 && (n - 4_833_438.0).abs() < 1.0, "{e} {n}");
        // On the central meridian at the equator.
        assert_eq!(project(GeoPoint::new(0.0, 3.0).unwrap(), 31, true), Some((500_000.0, 0.0)));
    }

    #[test]
    fn there_and_back() {
        for lat in [-80.0, -33.9, -0.001, 0.0, 12.3, 60.0, 84.0] {
            for lon in [-180.0, -179.9, -77.0, 0.0, 5.99, 6.0, 151.2, 179.99, 180.0] {
                let at = GeoPoint::new(lat, lon).unwrap();
                for zone in [zone(at), zone(at) % 60 + 1] {
                    let (e, n) = project(at, zone, lat >= 0.0).unwrap();
                    let back = unproject(e, n, zone, lat >= 0.0).unwrap();
                    assert!(at.distance_m(back) < 0.001, "{lat} {lon} {}", at.distance_m(back));
                }
            }
        }
        assert!(project(GeoPoint::new(0.0, 90.0).unwrap(), 31, true).is_none());
        assert!(unproject(f64::NAN, 0.0, 31, true).is_none());
        assert!(unproject(1e9, 0.0, 31, true).is_none());
    }
}
