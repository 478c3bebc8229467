//! Places as normals of the ellipsoid, and the plane around one of them.
//!
//! Great circles of the sphere of normals stand for geodesics: over a side of 100 km the two differ by less than a metre.

use geo::{Destination, Geodesic, Point};

use super::normal::NUDGE_M;
use crate::base::GeoPoint;
use crate::base::geo::wrap_deg;

pub(super) type Vector = [f64; 3];

/// Semi-major axis and squared eccentricity of WGS-84.
const A: f64 = 6_378_137.0;
const E2: f64 = 6.694_379_990_141_316e-3;
/// Normals less than this above the horizon of a frame, as sines, are beyond it: nothing near lies there.
const HORIZON: f64 = 1e-3;

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    let ([ax, ay, az], [bx, by, bz]) = (a, b);
    ax * bx + ay * by + az * bz
}

pub(super) fn normal(place: GeoPoint) -> Vector {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
        (place.lat.to_radians().sin_cos(), place.lon.to_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

pub(super) fn place(normal: Vector) -> Option<GeoPoint> {
    let [x, y, z] = normal;
    GeoPoint::new(z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees())
}

/// The mean direction of some normals; `None` where they point everywhere.
pub(super) fn mean(normals: &[Vector]) -> Option<Vector> {
    let [x, y, z] = normals.iter().fold([0.0; 3], |[x, y, z], [a, b, c]| [x + a, y + b, z + c]);
    let length = dot([x, y, z], [x, y, z]).sqrt();
    (length > 1e-9 * normals.len() as f64).then(|| [x / length, y / length, z / length])
}

/// The point at a distance along the geodesic of a bearing.
pub(super) fn destination(from: GeoPoint, bearing_deg: f64, metres: f64) -> Option<GeoPoint> {
    let to = Geodesic.destination(Point::new(from.lon, from.lat), bearing_deg, metres);
    GeoPoint::new(to.y(), wrap_deg(to.x()))
}

/// A normal as it is seen from the middle of a frame: metres east and north, not yet divided by how far it is above the
/// horizon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) east: f64,
    pub(super) north: f64,
    up: f64,
}

impl Sight {
    /// Metres east and north in the plane in which great circles are straight; `None` beyond the horizon.
    fn plane(self) -> Option<(f64, f64)> {
        (self.up > HORIZON).then(|| (self.east / self.up, self.north / self.up))
    }

    /// The points in the plane between which the great circle to another runs before the horizon; `None` where it does not.
    pub(super) fn side(self, to: Self) -> Option<((f64, f64), (f64, f64))> {
        // Where the chord meets the horizon.
        let cut = |from: Self, to: Self| {
            let share = (HORIZON * 1.000_001 - from.up) / (to.up - from.up);
            let between = |a: f64, b: f64| a + share * (b - a);
            Self {
                east: between(from.east, to.east),
                north: between(from.north, to.north),
                up: between(from.up, to.up),
            }
            .plane()
        };
        match (self.plane(), to.plane()) {
            (Some(p), Some(q)) => Some((p, q)),
            (Some(p), None) => Some((p, cut(self, to)?)),
            (None, Some(q)) => Some((cut(to, self)?, q)),
            (None, None) => None,
        }
    }
}

/// The plane that touches the ellipsoid in a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    up: Vector,
    east: Vector,
    north: Vector,
    /// Radii of curvature to the east and to the north, metres.
    radius_east: f64,
    radius_north: f64,
}

impl Frame {
    pub(super) fn at(place: GeoPoint) -> Self {
        let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
            (place.lat.to_radians().sin_cos(), place.lon.to_radians().sin_cos());
        let w2 = 1.0 - E2 * sin_lat * sin_lat;
        Self {
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            radius_east: A / w2.sqrt(),
            radius_north: A * (1.0 - E2) / (w2 * w2.sqrt()),
        }
    }

    pub(super) fn see(&self, normal: Vector) -> Sight {
        Sight {
            east: self.radius_east * dot(normal, self.east) + NUDGE_M.0,
            north: self.radius_north * dot(normal, self.north) + NUDGE_M.1,
            up: dot(normal, self.up),
        }
    }

    /// The place so many metres east and north in the plane.
    pub(super) fn place(&self, east_m: f64, north_m: f64) -> Option<GeoPoint> {
        let (e, n) = (east_m / self.radius_east, north_m / self.radius_north);
        let ([ux, uy, uz], [ex, ey, ez], [nx, ny, nz]) = (self.up, self.east, self.north);
        place([ux + e * ex + n * nx, uy + e * ey + n * ny, uz + e * ez + n * nz])
    }
}
