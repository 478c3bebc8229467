//! Boxes around areas, for an index: in the space of the ellipsoid's normals, where there is no antimeridian and no pole.

use rstar::AABB;

use super::frame::{Vector, normal};
use super::spread::Spread;
use super::{Extent, Part};
use crate::base::{GeoPoint, Shape};

/// By how much normals turn in a metre, radians, at most: at the equator, on the way to a pole.
const PER_METRE: f64 = 1.0 / 6_335_000.0;
/// What roundings may cost: some 60 cm.
const MARGIN: f64 = 1e-7;

/// A box in the space of normals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    low: Vector,
    high: Vector,
}

fn each(a: Vector, b: Vector, f: fn(f64, f64) -> f64) -> Vector {
    let ([ax, ay, az], [bx, by, bz]) = (a, b);
    [f(ax, bx), f(ay, by), f(az, bz)]
}

impl Bounds {
    /// Around a cap.
    fn cap(middle: Vector, angle: f64) -> Self {
        // No two points of a cap are farther apart in a straight line than this is from the middle.
        let chord = if angle >= std::f64::consts::PI { 2.0 } else { 2.0 * (angle / 2.0).sin() } + MARGIN;
        Self { low: middle.map(|v| v - chord), high: middle.map(|v| v + chord) }
    }

    /// Around a circle.
    pub(super) fn around(centre: GeoPoint, radius_m: f64) -> Self {
        Self::cap(normal(centre), radius_m * PER_METRE)
    }

    /// Around all places where a target may be of which an estimate says this; `None` when it says nothing that makes sense.
    pub fn of_estimate(shape: &Shape) -> Option<Self> {
        let (centre, spread) = Spread::of(shape)?;
        Some(Self::around(centre, spread.reach_m()))
    }

    pub(super) fn of_part(part: &Part) -> Self {
        match part {
            Part::Round(round) => Self::around(round.at, round.reach_m()),
            Part::Rings { outer, .. } => Self::cap(outer.middle, outer.reach.clamp(-1.0, 1.0).acos()),
            Part::Box(extent) => Self::of_extent(extent),
        }
    }

    fn of_extent(extent: &Extent) -> Self {
        let Extent { south, west, north, width } = *extent;
        let nearest = if south <= 0.0 && north >= 0.0 { 0.0 } else { south.abs().min(north.abs()) };
        let radii = [south, north, nearest].map(|lat| lat.to_radians().cos());
        // The ends, and where a parallel is farthest along an axis.
        let axes =
            (0..8).map(|i| f64::from(i) * 90.0 - 180.0).filter(|lon| (lon - west).rem_euclid(360.0) <= width);
        let mut bounds: Option<Self> = None;
        for lon in [west, west + width].into_iter().chain(axes) {
            let (sin, cos) = lon.to_radians().sin_cos();
            for (radius, lat) in radii.into_iter().zip([south, north, nearest]) {
                let place = [radius * cos, radius * sin, lat.to_radians().sin()];
                let one = Self { low: place.map(|v| v - MARGIN), high: place.map(|v| v + MARGIN) };
                bounds = Some(bounds.map_or(one, |b| b.and(one)));
            }
        }
        let mut bounds = bounds.unwrap_or(Self { low: [-1.0; 3], high: [1.0; 3] });
        bounds.low[2] = south.to_radians().sin() - MARGIN;
        bounds.high[2] = north.to_radians().sin() + MARGIN;
        bounds
    }

    /// Around both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { low: each(self.low, other.low, f64::min), high: each(self.high, other.high, f64::max) }
    }

    /// Whether two have something in common.
    pub fn meets(&self, other: &Self) -> bool {
        let ([ax, ay, az], [bx, by, bz]) = (self.low, other.high);
        let ([cx, cy, cz], [dx, dy, dz]) = (other.low, self.high);
        ax <= bx && ay <= by && az <= bz && cx <= dx && cy <= dy && cz <= dz
    }

    /// The box as an index takes it.
    pub fn envelope(&self) -> AABB<[f64; 3]> {
        AABB::from_corners(self.low, self.high)
    }

    /// Whether a place is in the box.
    pub fn holds(&self, place: GeoPoint) -> bool {
        let at = normal(place);
        self.meets(&Self { low: at, high: at })
    }
}
