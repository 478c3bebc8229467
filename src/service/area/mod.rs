//! Whether a place is inside an area.
//!
//! Everything is seen from the place itself, along geodesics: no map projection, and neither the antimeridian nor a pole
//! is special.

use geo::{Bearing, Geodesic, Point};
use serde::{Deserialize, Serialize};

use crate::base::geo::wrap_deg;
use crate::base::{GeoPoint, Shape};

/// Most regions of one area.
pub const MAX_PARTS: usize = 64;
/// Most corners of one area, those of holes included.
pub const MAX_CORNERS: usize = 2048;

/// An area: the union of regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Region>", into = "Vec<Region>")]
pub struct Area(Vec<Region>);

/// A part of an area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Region {
    /// A circle, an ellipse, a sector of a ring, or a polygon without holes.
    Shape(Shape),
    /// A polygon with holes. Sides are geodesics; neither ring needs to be closed, and either may run either way.
    Rings {
        /// Its border.
        outer: Vec<GeoPoint>,
        /// What is not part of it. Borders of holes belong to the polygon.
        holes: Vec<Vec<GeoPoint>>,
    },
    /// What lies between two parallels and two meridians.
    Box {
        /// Southern border, degrees.
        south: f64,
        /// Western border, degrees.
        west: f64,
        /// Northern border, degrees.
        north: f64,
        /// Eastern border, degrees; west of `west` where the antimeridian lies between them.
        east: f64,
    },
}

impl From<Shape> for Region {
    fn from(shape: Shape) -> Self {
        Self::Shape(shape)
    }
}

/// Why shapes are no area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoArea {
    /// There are none, or a point or a polygon of fewer than three corners is among them.
    #[error("the shape encloses nothing")]
    Empty,
    /// More than [`MAX_PARTS`] shapes or corners.
    #[error("the shape has too many parts")]
    TooLarge,
    /// A coordinate or a length is not a number in its range.
    #[error("a number of the shape is out of range")]
    Value,
}

impl Area {
    /// The union of these shapes.
    ///
    /// # Errors
    /// [`NoArea`]
    pub fn new(shapes: Vec<Shape>) -> Result<Self, NoArea> {
        Self::of(shapes.into_iter().map(Region::Shape).collect())
    }

    /// The union of these regions.
    ///
    /// # Errors
    /// [`NoArea`]
    pub fn of(regions: Vec<Region>) -> Result<Self, NoArea> {
        if regions.is_empty() {
            return Err(NoArea::Empty);
        }
        if regions.len() > MAX_PARTS {
            return Err(NoArea::TooLarge);
        }
        if regions.iter().map(Region::corners).sum::<usize>() > MAX_CORNERS {
            return Err(NoArea::TooLarge);
        }
        regions.iter().try_for_each(Region::check)?;
        Ok(Self(regions))
    }

    /// Whether the place lies inside; borders do.
    pub fn contains(&self, place: GeoPoint) -> bool {
        self.0.iter().any(|region| region.contains(place))
    }

    /// The regions.
    pub fn regions(&self) -> &[Region] {
        &self.0
    }
}

impl TryFrom<Vec<Region>> for Area {
    type Error = NoArea;
    fn try_from(regions: Vec<Region>) -> Result<Self, NoArea> {
        Self::of(regions)
    }
}

impl From<Area> for Vec<Region> {
    fn from(area: Area) -> Self {
        area.0
    }
}

impl Region {
    fn corners(&self) -> usize {
        match self {
            Self::Shape(Shape::Polygon(corners)) => corners.len(),
            Self::Shape(_) | Self::Box { .. } => 0,
            Self::Rings { outer, holes } => outer.len() + holes.iter().map(Vec::len).sum::<usize>(),
        }
    }

    fn check(&self) -> Result<(), NoArea> {
        match self {
            Self::Shape(shape) => check(shape),
            Self::Rings { outer, holes } => {
                std::iter::once(outer).chain(holes).try_for_each(|ring| check(&Shape::Polygon(ring.clone())))
            }
            Self::Box { south, west, north, east } => {
                GeoPoint::new(*south, *west).and(GeoPoint::new(*north, *east)).ok_or(NoArea::Value)?;
                if south < north && west != east { Ok(()) } else { Err(NoArea::Empty) }
            }
        }
    }

    fn contains(&self, place: GeoPoint) -> bool {
        match self {
            Self::Shape(shape) => contains(shape, place),
            Self::Rings { outer, holes } => {
                polygon_contains(outer, place) && !holes.iter().any(|h| polygon_contains(h, place))
            }
            Self::Box { south, west, north, east } => {
                let width = (east - west).rem_euclid(360.0);
                (*south..=*north).contains(&place.lat) && (place.lon - west).rem_euclid(360.0) <= width
            }
        }
    }
}

fn check(shape: &Shape) -> Result<(), NoArea> {
    let length =
        |v: f64| if v.is_finite() && (0.0..=2.1e7).contains(&v) { Ok(()) } else { Err(NoArea::Value) };
    let angle = |v: f64| if v.is_finite() { Ok(()) } else { Err(NoArea::Value) };
    let place = |p: &GeoPoint| GeoPoint::new(p.lat, p.lon).map(drop).ok_or(NoArea::Value);
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => Err(NoArea::Empty),
        Shape::Circle { at, radius_m } => place(at).and(length(*radius_m)),
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => place(at)
            .and(length(ellipse.semi_major_m))
            .and(length(ellipse.semi_minor_m))
            .and(angle(ellipse.orientation_deg)),
        Shape::Polygon(corners) if corners.len() < 3 => Err(NoArea::Empty),
        Shape::Polygon(corners) => corners.iter().try_for_each(place),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => place(at)
            .and(length(*inner_m))
            .and(length(*thickness_m))
            .and(angle(*start_deg))
            .and(angle(*opening_deg)),
    }
}

fn contains(shape: &Shape, place: GeoPoint) -> bool {
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => false,
        Shape::Circle { at, radius_m } => at.distance_m(place) <= *radius_m,
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => {
            let distance = at.distance_m(place);
            if distance > ellipse.semi_major_m.max(ellipse.semi_minor_m) {
                return false;
            }
            let (a, b) = (ellipse.semi_major_m, ellipse.semi_minor_m);
            if a == b {
                return true;
            }
            let angle = (bearing(*at, place) - ellipse.orientation_deg).to_radians();
            let (along, across) = (distance * angle.cos(), distance * angle.sin());
            // Multiplied out, so that an axis of zero is no division by it.
            (along * b).powi(2) + (across * a).powi(2) <= (a * b).powi(2)
        }
        Shape::Polygon(corners) => polygon_contains(corners, place),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            let distance = at.distance_m(place);
            let in_ring = *inner_m <= distance && distance <= inner_m + thickness_m;
            in_ring
                && (distance == 0.0 || (bearing(*at, place) - start_deg).rem_euclid(360.0) <= *opening_deg)
        }
    }
}

/// Degrees clockwise from north.
fn bearing(from: GeoPoint, to: GeoPoint) -> f64 {
    Geodesic.bearing(Point::new(from.lon, from.lat), Point::new(to.lon, to.lat))
}

/// Whoever stands inside and follows the border with his eyes has turned around once at its end; outside he has not. The
/// smaller of the two areas that a ring bounds is meant.
fn polygon_contains(corners: &[GeoPoint], place: GeoPoint) -> bool {
    if corners.iter().any(|c| c.distance_m(place) < 1e-3) {
        return true;
    }
    let bearings: Vec<f64> = corners.iter().map(|c| bearing(place, *c)).collect();
    let steps = bearings.iter().zip(bearings.iter().cycle().skip(1)).map(|(from, to)| wrap_deg(to - from));
    let turned: f64 = steps.clone().sum();
    // On a border the two ends of one side lie in opposite directions.
    turned.abs() > 180.0 || steps.into_iter().any(|s| s.abs() > 180.0 - 1e-7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::geo::Ellipse;

    fn at(lat: f64, lon: f64) -> GeoPoint {
        GeoPoint::new(lat, lon).unwrap()
    }

    fn area(shape: Shape) -> Area {
        Area::new(vec![shape]).unwrap()
    }

    #[test]
    fn circles_ellipses_and_arcs() {
        let c = area(Shape::Circle { at: at(50.0, 4.0), radius_m: 1000.0 });
        assert!(c.contains(at(50.0, 4.0)) && c.contains(at(50.0089, 4.0)) && !c.contains(at(50.0091, 4.0)));
        let ellipse =
            Ellipse { semi_major_m: 1000.0, semi_minor_m: 100.0, orientation_deg: 90.0, confidence: None };
        let e = area(Shape::Ellipse { at: at(0.0, 179.999), ellipse });
        assert!(e.contains(at(0.0, -179.993)), "along the major axis, over the antimeridian");
        assert!(!e.contains(at(0.002, 179.999)), "across it");
        assert!(!e.contains(at(0.0, -179.99)));
        let arc = area(Shape::Arc {
            at: at(50.0, 4.0),
            inner_m: 500.0,
            thickness_m: 500.0,
            start_deg: 350.0,
            opening_deg: 20.0,
            confidence: None,
        });
        assert!(arc.contains(at(50.006, 4.0)) && arc.contains(at(50.006, 4.0013)));
        assert!(!arc.contains(at(50.004, 4.0)) && !arc.contains(at(50.0095, 4.0)));
        assert!(!arc.contains(at(50.006, 4.005)) && !arc.contains(at(49.994, 4.0)));
    }

    #[test]
    fn polygons_convex_concave_over_the_antimeridian_and_around_a_pole() {
        let ring = |corners: &[(f64, f64)]| {
            area(Shape::Polygon(corners.iter().map(|(lat, lon)| at(*lat, *lon)).collect()))
        };
        let square = ring(&[(0.0, 179.0), (1.0, 179.0), (1.0, -179.0), (0.0, -179.0)]);
        assert!(square.contains(at(0.5, 180.0)) && square.contains(at(0.5, -179.5)));
        assert!(!square.contains(at(0.5, 178.9)) && !square.contains(at(-0.1, 180.0)));
        assert!(square.contains(at(0.0, 179.0)), "a corner");
        assert!(square.contains(at(0.5, 179.0)), "a border");
        let horseshoe = ring(&[
            (0.0, 0.0),
            (0.0, 3.0),
            (3.0, 3.0),
            (3.0, 2.0),
            (1.0, 2.0),
            (1.0, 1.0),
            (3.0, 1.0),
            (3.0, 0.0),
        ]);
        assert!(horseshoe.contains(at(2.0, 0.5)) && horseshoe.contains(at(0.5, 1.5)));
        assert!(!horseshoe.contains(at(2.0, 1.5)));
        let cap = ring(&[(80.0, 0.0), (80.0, 120.0), (80.0, -120.0)]);
        assert!(cap.contains(at(90.0, 0.0)) && cap.contains(at(86.0, 60.0)) && !cap.contains(at(79.0, 0.0)));
        // A ring that is closed is the same ring.
        let closed = ring(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]);
        assert!(closed.contains(at(0.3, 0.6)) && !closed.contains(at(0.6, 0.3)));
    }

    #[test]
    fn what_encloses_nothing_is_no_area() {
        assert_eq!(Area::new(vec![]), Err(NoArea::Empty));
        assert_eq!(Area::new(vec![Shape::Point(at(0.0, 0.0))]), Err(NoArea::Empty));
        let thin = vec![at(0.0, 0.0), at(0.0, 1.0)];
        assert_eq!(Area::new(vec![Shape::Polygon(thin)]), Err(NoArea::Empty));
        assert_eq!(
            Area::new(vec![Shape::Polygon(vec![at(0.0, 0.0); MAX_CORNERS + 1])]),
            Err(NoArea::TooLarge)
        );
        let bad = Shape::Circle { at: at(0.0, 0.0), radius_m: f64::NAN };
        assert_eq!(Area::new(vec![bad]), Err(NoArea::Value));
    }

    proptest! {
        /// A fine polygon drawn as a circle holds what the circle holds.
        #[test]
        fn a_circle_of_corners_is_a_circle(
            lat in -89.9f64..89.9, lon in -180.0f64..180.0, bearing in 0.0f64..360.0, share in 0.0f64..2.0,
        ) {
            use geo::Destination;
            prop_assume!((share - 1.0).abs() > 0.02);
            let centre = Point::new(lon, lat);
            let place = |bearing, distance| {
                let p = Geodesic.destination(centre, bearing, distance);
                GeoPoint::new(p.y(), wrap_deg(p.x())).unwrap()
            };
            let corners = (0..60).map(|k| place(f64::from(k) * 6.0, 5000.0)).collect();
            let polygon = area(Shape::Polygon(corners));
            prop_assert_eq!(polygon.contains(place(bearing, 5000.0 * share)), share < 1.0);
        }
    }
}
