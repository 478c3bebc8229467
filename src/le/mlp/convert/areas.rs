//! Areas that hold other areas: the circle, polygon, rectangle and ellipse around a shape.
//!
//! Every one of them holds the whole shape, so that a confidence stated for the shape holds for it as well. Straight edges
//! are taken as a reader of the document will draw them, straight in latitude and longitude; the difference from the
//! geodesic is added as a margin.

use geo::{Destination, Geodesic, Point};

use crate::base::GeoPoint;
use crate::base::geo::{Shape, wrap_deg};

/// Corners of a polygon around a round shape.
const CORNERS: u32 = 12;
/// Mean radius of the Earth, metres.
const EARTH_M: f64 = 6_371_000.0;

/// The point at a distance along the geodesic of a bearing.
pub(super) fn destination(from: GeoPoint, bearing_deg: f64, metres: f64) -> Option<GeoPoint> {
    let to = Geodesic.destination(Point::new(from.lon, from.lat), bearing_deg, metres);
    GeoPoint::new(to.y(), wrap_deg(to.x()))
}

/// How far an edge of this length strays, at most, when it is drawn straight in latitude and longitude around this latitude.
fn stray(edge_m: f64, lat: f64) -> f64 {
    let tangent = lat.abs().min(89.0).to_radians().tan();
    edge_m * edge_m * (tangent + 0.05) / (4.0 * EARTH_M)
}

/// Whether a circle reaches over a pole, where latitude and longitude draw no polygon around it.
fn over_pole(at: GeoPoint, radius_m: f64) -> bool {
    let pole = GeoPoint { lat: 90.0_f64.copysign(at.lat), lon: at.lon };
    at.distance_m(pole) <= radius_m
}

/// A circle that holds a shape; `None` where the shape states no extent.
pub(super) fn circle(shape: &Shape) -> Option<(GeoPoint, f64)> {
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => None,
        Shape::Circle { at, radius_m } => Some((*at, *radius_m)),
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => {
            Some((*at, ellipse.semi_major_m.max(ellipse.semi_minor_m)))
        }
        Shape::Polygon(_) => Some((shape.centre()?, shape.horizontal_uncertainty_m()?)),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            let outer = inner_m + thickness_m;
            if *opening_deg >= 180.0 {
                return Some((*at, outer));
            }
            // On the bisector, the centre from which the farthest of the ends is nearest.
            let half = (opening_deg / 2.0).to_radians();
            let farthest = |d: f64| {
                let to = |r: f64, angle: f64| (r * r + d * d - 2.0 * r * d * angle.cos()).max(0.0).sqrt();
                to(outer, half).max(outer - d).max(to(*inner_m, half)).max((inner_m - d).abs())
            };
            let (mut low, mut high) = (0.0, outer);
            for _ in 0..100 {
                let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
                if farthest(a) <= farthest(b) {
                    high = b;
                } else {
                    low = a;
                }
            }
            let d = f64::midpoint(low, high);
            let centre = destination(*at, start_deg + opening_deg / 2.0, d)?;
            // The plane in which this was reckoned differs from the ellipsoid by less than this.
            Some((centre, farthest(d) * (1.0 + (outer / EARTH_M).powi(2)) + 0.01))
        }
    }
}

/// Corners, clockwise, of a polygon that holds a shape: 3 to 15. `None` where the shape states no extent, or holds a pole.
pub(super) fn polygon(shape: &Shape) -> Option<Vec<GeoPoint>> {
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => None,
        Shape::Circle { at, radius_m } => around(*at, *radius_m, *radius_m, 0.0),
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => {
            around(*at, ellipse.semi_major_m, ellipse.semi_minor_m, ellipse.orientation_deg)
        }
        Shape::Polygon(corners) => (corners.len() >= 3).then(|| clockwise(corners.clone())),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            sector(*at, inner_m + thickness_m, *start_deg, *opening_deg)
        }
    }
}

/// A polygon around an ellipse: the affine image of the regular one around a circle.
fn around(at: GeoPoint, major_m: f64, minor_m: f64, orientation_deg: f64) -> Option<Vec<GeoPoint>> {
    let step = std::f64::consts::TAU / f64::from(CORNERS);
    let widest = major_m.max(minor_m);
    if !widest.is_finite() || over_pole(at, widest * 1.1 + 1.0) {
        return None;
    }
    let margin = stray(2.0 * widest * (step / 2.0).tan(), farthest_lat(at, widest)) + 0.05;
    let scale = 1.0 / (step / 2.0).cos();
    let (a, b) = ((major_m + margin) * scale, (minor_m + margin) * scale);
    (0..CORNERS)
        .map(|i| {
            let (along, across) = ((f64::from(i) * step).cos() * a, (f64::from(i) * step).sin() * b);
            let bearing = orientation_deg + across.atan2(along).to_degrees();
            destination(at, bearing, along.hypot(across))
        })
        .collect()
}

/// A polygon around a sector: its apex, and points outside of the arc.
fn sector(at: GeoPoint, outer_m: f64, start_deg: f64, opening_deg: f64) -> Option<Vec<GeoPoint>> {
    if !outer_m.is_finite() || over_pole(at, outer_m * 1.1 + 1.0) {
        return None;
    }
    let lat = farthest_lat(at, outer_m);
    // The radii stray sideways, most steeply at the apex.
    let swing = (4.0 * stray(outer_m, lat) / outer_m.max(1.0)).to_degrees();
    let (start, opening) = (start_deg - swing, opening_deg + 2.0 * swing);
    if opening >= 350.0 {
        return around(at, outer_m, outer_m, 0.0);
    }
    let step = opening / f64::from(CORNERS);
    let half = (step / 2.0).to_radians();
    let margin = stray(2.0 * outer_m * half.tan(), lat) + 0.05;
    let reach = (outer_m + margin) / half.cos();
    // The apex a little behind, so that what lies right at it is inside.
    let apex = destination(at, start + opening / 2.0 + 180.0, 0.05)?;
    let arc = (0..=CORNERS).map(|i| destination(at, start + f64::from(i) * step, reach));
    std::iter::once(Some(apex)).chain(arc).collect()
}

fn farthest_lat(at: GeoPoint, radius_m: f64) -> f64 {
    at.lat.abs() + (1.1 * radius_m / EARTH_M).to_degrees()
}

/// The corners in clockwise order: the interior is to the right of who walks along them.
fn clockwise(mut corners: Vec<GeoPoint>) -> Vec<GeoPoint> {
    let Some(first) = corners.first().copied() else { return corners };
    let flat: Vec<(f64, f64)> =
        corners.iter().map(|c| (wrap_deg(c.lon - first.lon), c.lat - first.lat)).collect();
    let next = flat.iter().cycle().skip(1);
    let twice_area: f64 = flat.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    if twice_area > 0.0 {
        corners.reverse();
    }
    corners
}

/// South-western and north-eastern corner of a rectangle that holds a shape. Over the antimeridian the western longitude is
/// the greater.
pub(super) fn bounds(shape: &Shape) -> Option<(GeoPoint, GeoPoint)> {
    let Some(corners) = polygon(shape) else {
        let (at, radius) = circle(shape)?;
        if !radius.is_finite() {
            return None;
        }
        // The shape holds a pole: the cap around it.
        let reach = radius.to_degrees() / EARTH_M * 1.01;
        let (south, north) = if at.lat >= 0.0 {
            ((at.lat - reach).max(-90.0), 90.0)
        } else {
            (-90.0, (at.lat + reach).min(90.0))
        };
        return Some((GeoPoint::new(south, -180.0)?, GeoPoint::new(north, 180.0)?));
    };
    let first = *corners.first()?;
    let south = corners.iter().map(|c| c.lat).fold(first.lat, f64::min);
    let north = corners.iter().map(|c| c.lat).fold(first.lat, f64::max);
    let east = corners.iter().map(|c| wrap_deg(c.lon - first.lon)).fold(0.0, f64::max);
    let west = corners.iter().map(|c| wrap_deg(c.lon - first.lon)).fold(0.0, f64::min);
    if east - west >= 360.0 {
        return Some((GeoPoint::new(south, -180.0)?, GeoPoint::new(north, 180.0)?));
    }
    Some((
        GeoPoint::new(south, wrap_deg(first.lon + west))?,
        GeoPoint::new(north, wrap_deg(first.lon + east))?,
    ))
}

/// An ellipse with its orientation in whole degrees that holds the given one: semi-major, semi-minor, orientation.
pub(super) fn whole_degrees(major_m: f64, minor_m: f64, orientation_deg: f64) -> (f64, f64, f64) {
    let whole = orientation_deg.round();
    let (sin, cos) = (orientation_deg - whole).to_radians().sin_cos();
    if sin.abs() < 1e-9 || major_m <= 0.0 || minor_m <= 0.0 {
        return (major_m, minor_m, whole.rem_euclid(180.0));
    }
    // The half-widths of the turned ellipse along the new axes, and then as much more as its worst point needs: the
    // spectral norm of the map from the unit circle into the new ellipse's.
    let (a, b) = ((major_m * cos).hypot(minor_m * sin), (major_m * sin).hypot(minor_m * cos));
    let (p, q, r, s) = (major_m * cos / a, -minor_m * sin / a, major_m * sin / b, minor_m * cos / b);
    let sum = p * p + q * q + r * r + s * s;
    let det = p * s - q * r;
    let norm = f64::midpoint(sum, (sum * sum - 4.0 * det * det).max(0.0).sqrt()).sqrt();
    (a * norm, b * norm, whole.rem_euclid(180.0))
}
