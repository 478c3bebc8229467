//! The eight shapes of RFC 5491 §5, and what they are among the shapes of TS 23.032.

use crate::base::geo::{Ellipse, GeoPoint, Shape, wrap_deg};

/// Most corners of a polygon that is read.
pub(super) const MOST_CORNERS: usize = 64;
/// Most corners of a polygon of TS 23.032 (§5.4).
const MOST_KEPT: usize = 15;
/// Longest length, metres: half around the Earth.
const LONGEST_M: f64 = 20_037_508.0;

/// A shape of a location object. Lengths in metres, angles in degrees clockwise from north, altitudes above the ellipsoid.
#[derive(Clone, Debug, PartialEq)]
pub enum Geometry {
    /// A point, with or without altitude.
    Point {
        /// Where.
        at: GeoPoint,
        /// How high.
        altitude_m: Option<f64>,
    },
    /// A circle.
    Circle {
        /// Centre.
        at: GeoPoint,
        /// Radius.
        radius_m: f64,
    },
    /// An ellipse.
    Ellipse {
        /// Centre.
        at: GeoPoint,
        /// The longer half axis.
        semi_major_m: f64,
        /// The shorter one.
        semi_minor_m: f64,
        /// Of the longer axis, 0..180.
        orientation_deg: f64,
    },
    /// A sector of a ring.
    ArcBand {
        /// Centre.
        at: GeoPoint,
        /// Inner radius.
        inner_m: f64,
        /// Outer radius.
        outer_m: f64,
        /// First edge.
        start_deg: f64,
        /// Opening.
        opening_deg: f64,
    },
    /// A polygon: its corners once each, counter-clockwise seen from above.
    Polygon {
        /// Corners, 3 to 64.
        corners: Vec<GeoPoint>,
        /// How high all of them are.
        altitude_m: Option<f64>,
    },
    /// A sphere.
    Sphere {
        /// Centre.
        at: GeoPoint,
        /// How high.
        altitude_m: f64,
        /// Radius.
        radius_m: f64,
    },
    /// An ellipsoid.
    Ellipsoid {
        /// Centre.
        at: GeoPoint,
        /// How high.
        altitude_m: f64,
        /// The longer level half axis.
        semi_major_m: f64,
        /// The shorter one.
        semi_minor_m: f64,
        /// The vertical half axis.
        vertical_m: f64,
        /// Of the longer level axis, 0..180.
        orientation_deg: f64,
    },
    /// A prism: a polygon with a height.
    Prism {
        /// Corners of its base, counter-clockwise seen from above.
        corners: Vec<GeoPoint>,
        /// How high the base is.
        altitude_m: f64,
        /// From there up.
        height_m: f64,
    },
}

/// What is wrong with a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GeometryFault {
    /// A number is none, or not in its range.
    #[error("a number of the shape is missing or out of range")]
    Number,
    /// A frame of coordinates that is not WGS 84.
    #[error("the coordinates are not in EPSG 4326 or 4979")]
    Frame,
    /// A unit that is not read.
    #[error("the unit is not metres, degrees or radians")]
    Unit,
    /// Fewer than three corners, more than 64, or a ring that does not close.
    #[error("the ring of the polygon is not one")]
    Ring,
    /// The corners of a polygon are not all at the same height.
    #[error("the polygon is not level")]
    Slope,
    /// A part is missing.
    #[error("a part of the shape is missing")]
    Missing,
    /// A shape, or a part of one, that is not among those of RFC 5491.
    #[error("the shape is not one of RFC 5491")]
    Unsupported,
}

impl Geometry {
    /// The shape of an estimate; `None` where one of its numbers is none or out of range.
    pub fn of(shape: &Shape) -> Option<Self> {
        let made = match shape {
            Shape::Point(at) => Self::Point { at: *at, altitude_m: None },
            Shape::PointAltitude { at, altitude_m } => Self::Point { at: *at, altitude_m: Some(*altitude_m) },
            Shape::Circle { at, radius_m } => Self::Circle { at: *at, radius_m: *radius_m },
            Shape::Ellipse { at, ellipse } => {
                let (semi_major_m, semi_minor_m, orientation_deg) = axes(ellipse);
                Self::Ellipse { at: *at, semi_major_m, semi_minor_m, orientation_deg }
            }
            Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m } => {
                let (semi_major_m, semi_minor_m, orientation_deg) = axes(ellipse);
                Self::Ellipsoid {
                    at: *at,
                    altitude_m: *altitude_m,
                    semi_major_m,
                    semi_minor_m,
                    vertical_m: *altitude_unc_m,
                    orientation_deg,
                }
            }
            Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => Self::ArcBand {
                at: *at,
                inner_m: *inner_m,
                outer_m: inner_m + thickness_m,
                start_deg: start_deg.rem_euclid(360.0),
                opening_deg: *opening_deg,
            },
            Shape::Polygon(corners) => Self::Polygon { corners: ring(corners.clone())?, altitude_m: None },
        };
        made.is_sound().then_some(made)
    }

    /// The shape among those of TS 23.032, with this confidence. A sphere becomes an ellipsoid; a prism the polygon of its base;
    /// a polygon of more corners than TS 23.032 has the circle around it.
    pub fn shape(&self, confidence: Option<u8>) -> Option<Shape> {
        if !self.is_sound() {
            return None;
        }
        let ellipse = |major: f64, minor: f64, orientation_deg: f64| Ellipse {
            semi_major_m: major,
            semi_minor_m: minor,
            orientation_deg,
            confidence,
        };
        Some(match self {
            Self::Point { at, altitude_m: None } => Shape::Point(*at),
            Self::Point { at, altitude_m: Some(altitude_m) } => {
                Shape::PointAltitude { at: *at, altitude_m: *altitude_m }
            }
            // Circles of TS 23.032 have no confidence: one that states it is an ellipse.
            Self::Circle { at, radius_m } if confidence.is_none() => {
                Shape::Circle { at: *at, radius_m: *radius_m }
            }
            Self::Circle { at, radius_m } => {
                Shape::Ellipse { at: *at, ellipse: ellipse(*radius_m, *radius_m, 0.0) }
            }
            Self::Ellipse { at, semi_major_m, semi_minor_m, orientation_deg } => {
                Shape::Ellipse { at: *at, ellipse: ellipse(*semi_major_m, *semi_minor_m, *orientation_deg) }
            }
            Self::ArcBand { at, inner_m, outer_m, start_deg, opening_deg } => Shape::Arc {
                at: *at,
                inner_m: *inner_m,
                thickness_m: outer_m - inner_m,
                start_deg: *start_deg,
                opening_deg: *opening_deg,
                confidence,
            },
            Self::Sphere { at, altitude_m, radius_m } => Shape::Ellipsoid {
                at: *at,
                ellipse: ellipse(*radius_m, *radius_m, 0.0),
                altitude_m: *altitude_m,
                altitude_unc_m: *radius_m,
            },
            Self::Ellipsoid { at, altitude_m, semi_major_m, semi_minor_m, vertical_m, orientation_deg } => {
                Shape::Ellipsoid {
                    at: *at,
                    ellipse: ellipse(*semi_major_m, *semi_minor_m, *orientation_deg),
                    altitude_m: *altitude_m,
                    altitude_unc_m: *vertical_m,
                }
            }
            Self::Polygon { corners, .. } | Self::Prism { corners, .. } => {
                let polygon = Shape::Polygon(corners.clone());
                if corners.len() <= MOST_KEPT {
                    polygon
                } else {
                    Shape::Circle { at: polygon.centre()?, radius_m: polygon.horizontal_uncertainty_m()? }
                }
            }
        })
    }

    /// The shape as a region on the map, whatever TS 23.032 has of it.
    pub(crate) fn into_area_shape(self) -> Shape {
        match self {
            Self::Polygon { corners, .. } | Self::Prism { corners, .. } => Shape::Polygon(corners),
            Self::Sphere { at, radius_m, .. } => Shape::Circle { at, radius_m },
            other => other.shape(None).unwrap_or(Shape::Polygon(Vec::new())),
        }
    }

    /// Whether every number is one, and in its range.
    pub(super) fn is_sound(&self) -> bool {
        let place = |p: &GeoPoint| GeoPoint::new(p.lat, p.lon).is_some();
        let lengths = |all: &[f64]| all.iter().all(|l| (0.0..=LONGEST_M).contains(l));
        let angle = |a: &f64| a.is_finite() && a.abs() <= 720.0;
        let height = |h: &f64| h.is_finite() && h.abs() <= LONGEST_M;
        let corners_are = |c: &[GeoPoint]| (3..=MOST_CORNERS).contains(&c.len()) && c.iter().all(place);
        match self {
            Self::Point { at, altitude_m } => place(at) && altitude_m.as_ref().is_none_or(height),
            Self::Circle { at, radius_m } => place(at) && lengths(&[*radius_m]),
            Self::Ellipse { at, semi_major_m, semi_minor_m, orientation_deg } => {
                place(at) && lengths(&[*semi_major_m, *semi_minor_m]) && angle(orientation_deg)
            }
            Self::ArcBand { at, inner_m, outer_m, start_deg, opening_deg } => {
                place(at)
                    && lengths(&[*inner_m, *outer_m])
                    && inner_m <= outer_m
                    && angle(start_deg)
                    && (0.0..=360.0).contains(opening_deg)
            }
            Self::Polygon { corners, altitude_m } => {
                corners_are(corners) && altitude_m.as_ref().is_none_or(height)
            }
            Self::Sphere { at, altitude_m, radius_m } => {
                place(at) && height(altitude_m) && lengths(&[*radius_m])
            }
            Self::Ellipsoid { at, altitude_m, semi_major_m, semi_minor_m, vertical_m, orientation_deg } => {
                place(at)
                    && height(altitude_m)
                    && lengths(&[*semi_major_m, *semi_minor_m, *vertical_m])
                    && angle(orientation_deg)
            }
            Self::Prism { corners, altitude_m, height_m } => {
                corners_are(corners) && height(altitude_m) && lengths(&[*height_m])
            }
        }
    }
}

/// The axes of an ellipse, the longer one first, with the orientation of that one, 0..180.
fn axes(e: &Ellipse) -> (f64, f64, f64) {
    if e.semi_major_m >= e.semi_minor_m {
        (e.semi_major_m, e.semi_minor_m, e.orientation_deg.rem_euclid(180.0))
    } else {
        (e.semi_minor_m, e.semi_major_m, (e.orientation_deg + 90.0).rem_euclid(180.0))
    }
}

/// Corners once each, counter-clockwise seen from above; `None` when there are fewer than three.
pub(crate) fn ring(mut corners: Vec<GeoPoint>) -> Option<Vec<GeoPoint>> {
    while corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    let first = *corners.first().filter(|_| corners.len() >= 3)?;
    // Longitudes are taken along the ring from corner to corner, so that the antimeridian is no border. Around a pole they do
    // not come back to where they began; which way they went is then the direction.
    let mut doubled = 0.0;
    let (mut before, mut east) = (first, 0.0);
    let mut following = corners.iter().skip(1).chain(std::iter::once(&first));
    for corner in &mut following {
        let step = wrap_deg(corner.lon - before.lon);
        doubled += east * corner.lat - (east + step) * before.lat;
        east += step;
        before = *corner;
    }
    let clockwise = if east.abs() > 180.0 { (east < 0.0) == (first.lat >= 0.0) } else { doubled < 0.0 };
    if clockwise {
        // The first corner stays the first.
        if let Some(others) = corners.get_mut(1..) {
            others.reverse();
        }
    }
    Some(corners)
}
