//! Where satellites stand for an observer on the Earth.

use crate::base::GeoPoint;

/// WGS-84 semi-major axis, metres.
pub const WGS84_A: f64 = 6_378_137.0;
/// WGS-84 flattening.
pub const WGS84_F: f64 = 1.0 / 298.257_223_563;
/// First eccentricity squared.
const E2: f64 = WGS84_F * (2.0 - WGS84_F);

/// Earth-centred, Earth-fixed coordinates in metres.
pub type Ecef = [f64; 3];

/// ECEF of a geodetic position; altitude in metres above the ellipsoid.
pub fn to_ecef(at: GeoPoint, altitude_m: f64) -> Ecef {
    let (sin_lat, cos_lat) = at.lat.to_radians().sin_cos();
    let (sin_lon, cos_lon) = at.lon.to_radians().sin_cos();
    let n = WGS84_A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    [
        (n + altitude_m) * cos_lat * cos_lon,
        (n + altitude_m) * cos_lat * sin_lon,
        (n * (1.0 - E2) + altitude_m) * sin_lat,
    ]
}

/// Geodetic position and altitude of ECEF coordinates; `None` near the Earth's centre and for what is not a number.
pub fn from_ecef(p: Ecef) -> Option<(GeoPoint, f64)> {
    let horizontal = p[0].hypot(p[1]);
    let radius = horizontal.hypot(p[2]);
    if !(1e5..1e12).contains(&radius) {
        return None;
    }
    // Fixed-point iteration on the height of the ellipsoid's normal over the axis; it gains three digits a round.
    let mut z = p[2];
    let mut n = WGS84_A;
    for _ in 0..12 {
        let sin_lat = z / horizontal.hypot(z);
        n = WGS84_A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
        let next = p[2] + n * E2 * sin_lat;
        if (next - z).abs() < 1e-5 {
            z = next;
            break;
        }
        z = next;
    }
    let lat = z.atan2(horizontal).to_degrees();
    let lon = if horizontal > 1e-6 { p[1].atan2(p[0]).to_degrees() } else { 0.0 };
    GeoPoint::new(lat, lon).map(|at| (at, horizontal.hypot(z) - n))
}

/// A place from which to look at satellites.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    position: Ecef,
    east: Ecef,
    north: Ecef,
    up: Ecef,
}

impl Observer {
    /// An observer at a place; altitude in metres above the ellipsoid.
    pub fn new(at: GeoPoint, altitude_m: f64) -> Self {
        let (sin_lat, cos_lat) = at.lat.to_radians().sin_cos();
        let (sin_lon, cos_lon) = at.lon.to_radians().sin_cos();
        Self {
            position: to_ecef(at, altitude_m),
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        }
    }

    /// Where the observer stands.
    pub const fn position(&self) -> Ecef {
        self.position
    }

    /// A vector's parts to the east, north and up.
    pub fn components(&self, v: Ecef) -> [f64; 3] {
        [dot(v, self.east), dot(v, self.north), dot(v, self.up)]
    }

    /// The place that lies so many metres to the east, north and up.
    pub fn place(&self, offset: [f64; 3]) -> Ecef {
        let [e, n, u] = offset;
        std::array::from_fn(|i| self.position[i] + e * self.east[i] + n * self.north[i] + u * self.up[i])
    }

    /// Azimuth (0..360) and elevation (−90..=90) in degrees of a point.
    pub fn look_at(&self, p: Ecef) -> (f64, f64) {
        let d = [p[0] - self.position[0], p[1] - self.position[1], p[2] - self.position[2]];
        let (e, n, u) = (dot(d, self.east), dot(d, self.north), dot(d, self.up));
        (e.atan2(n).to_degrees().rem_euclid(360.0), u.atan2(e.hypot(n)).to_degrees())
    }
}

impl Observer {
    /// As [`look_at`](Self::look_at), for points at or above an elevation in degrees only.
    pub fn above(&self, p: Ecef, elevation_deg: f64) -> Option<(f64, f64)> {
        let d = [p[0] - self.position[0], p[1] - self.position[1], p[2] - self.position[2]];
        // Most satellites are far below: a product tells them without an angle worked out.
        if dot(d, self.up) < (elevation_deg - 0.01).to_radians().sin() * dot(d, d).sqrt()
            && elevation_deg > -89.0
        {
            return None;
        }
        let (azimuth, elevation) = self.look_at(p);
        (elevation >= elevation_deg).then_some((azimuth, elevation))
    }
}

/// The elevation at the centre above which a satellite is over the mask for someone within `radius_m` metres.
///
/// Near the horizon the elevation of a satellite grows as fast as the angle walked towards it, whatever its distance.
pub fn lowered_mask(mask_deg: f64, radius_m: f64) -> f64 {
    let walked = (radius_m.max(0.0) / WGS84_A).to_degrees();
    (mask_deg - walked).max(-90.0)
}

/// Scalar product.
pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geodetic_round_trip() {
        for lat in [-90.0, -89.999, -45.0, 0.0, 12.3, 60.0, 90.0] {
            for (lon, alt) in [(-179.0, -50.0), (0.0, 0.0), (77.7, 8848.0), (10.0, 20_200_000.0)] {
                let at = GeoPoint::new(lat, lon).unwrap();
                let (back, h) = from_ecef(to_ecef(at, alt)).unwrap();
                assert!((back.lat - lat).abs() < 1e-9, "{lat} {}", back.lat);
                assert!((h - alt).abs() < 1e-3, "{lat} {alt} {h}");
                if lat.abs() < 90.0 {
                    assert!((back.lon - lon).abs() < 1e-9);
                }
            }
        }
        assert!(from_ecef([0.0, 0.0, 0.0]).is_none());
        assert!(from_ecef([f64::NAN, 0.0, 7e6]).is_none());
    }

    #[test]
    fn a_satellite_overhead_and_one_on_the_horizon() {
        let at = GeoPoint::new(0.0, 0.0).unwrap();
        let o = Observer::new(at, 0.0);
        assert!((o.look_at([26.6e6, 0.0, 0.0]).1 - 90.0).abs() < 1e-9);
        let (az, el) = o.look_at([WGS84_A, 1e7, 0.0]);
        assert!((az - 90.0).abs() < 1e-9 && el.abs() < 1e-9);
    }

    #[test]
    fn the_mask_is_lowered_by_what_a_walk_can_gain() {
        let there = GeoPoint::new(1.0, 0.0).unwrap();
        let here = GeoPoint::new(0.0, 0.0).unwrap();
        let r = here.distance_m(there);
        // A satellite exactly on the mask for the one who walked towards it.
        for el in [0.0_f64, 5.0] {
            let o = Observer::new(there, 0.0);
            let dir: Vec<f64> = (0..3)
                .map(|i| o.north[i] * el.to_radians().cos() + o.up[i] * el.to_radians().sin())
                .collect();
            let sat: Vec<f64> = (0..3).map(|i| o.position[i] + dir[i] * 2.3e7).collect();
            let (_, at_centre) = Observer::new(here, 0.0).look_at([sat[0], sat[1], sat[2]]);
            let mask = lowered_mask(el, r);
            assert!((mask - at_centre).abs() < 0.2, "{mask} {at_centre}");
        }
    }
}
