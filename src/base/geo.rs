//! Places: points on WGS-84 and the shapes of 3GPP TS 23.032, in degrees and metres.
//!
//! The coded forms (23-bit latitudes, K-coded uncertainties) belong to `wire::gad`; here are the values they mean.

use geo::{Distance, Geodesic, Point};
use serde::{Deserialize, Serialize};

/// A point on the WGS-84 ellipsoid.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeoPoint {
    /// Degrees, north positive, −90..=90.
    pub lat: f64,
    /// Degrees, east positive, −180..=180.
    pub lon: f64,
}

impl GeoPoint {
    /// A point; `None` when a coordinate is not a number or out of range.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// Length of the geodesic to `other` in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        Geodesic.distance(Point::new(self.lon, self.lat), Point::new(other.lon, other.lat))
    }
}

/// Points are positions of people: their `Debug` shows none.
impl std::fmt::Debug for GeoPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GeoPoint(…)")
    }
}

/// An ellipse of uncertainty around a point (TS 23.032 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ellipse {
    /// Semi-major axis, metres.
    pub semi_major_m: f64,
    /// Semi-minor axis, metres.
    pub semi_minor_m: f64,
    /// Orientation of the major axis, degrees clockwise from north, 0..180.
    pub orientation_deg: f64,
    /// Percentage of probability that the target is inside, 1..=100; `None` when not known.
    pub confidence: Option<u8>,
}

impl Ellipse {
    /// A circle.
    pub const fn circle(radius_m: f64, confidence: Option<u8>) -> Self {
        Self { semi_major_m: radius_m, semi_minor_m: radius_m, orientation_deg: 0.0, confidence }
    }
}

/// Where something is, as 3GPP TS 23.032 §5 describes places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A point without uncertainty.
    Point(GeoPoint),
    /// A point with an uncertainty circle (radius in metres).
    Circle {
        /// Centre.
        at: GeoPoint,
        /// Radius, metres.
        radius_m: f64,
    },
    /// A point with an uncertainty ellipse.
    Ellipse {
        /// Centre.
        at: GeoPoint,
        /// Uncertainty.
        ellipse: Ellipse,
    },
    /// An area, 3 to 15 corners.
    Polygon(Vec<GeoPoint>),
    /// A point with altitude.
    PointAltitude {
        /// Centre.
        at: GeoPoint,
        /// Metres above the WGS-84 ellipsoid.
        altitude_m: f64,
    },
    /// A point with altitude, uncertainty ellipse and uncertainty of altitude.
    Ellipsoid {
        /// Centre.
        at: GeoPoint,
        /// Horizontal uncertainty.
        ellipse: Ellipse,
        /// Metres above the WGS-84 ellipsoid.
        altitude_m: f64,
        /// Uncertainty of the altitude, metres.
        altitude_unc_m: f64,
    },
    /// A sector of a ring.
    Arc {
        /// Centre.
        at: GeoPoint,
        /// Inner radius, metres.
        inner_m: f64,
        /// Width of the ring, metres.
        thickness_m: f64,
        /// First edge, degrees clockwise from north.
        start_deg: f64,
        /// Opening, degrees.
        opening_deg: f64,
        /// Percentage, when known.
        confidence: Option<u8>,
    },
}

impl Shape {
    /// The middle of the shape: its centre, or the mean of a polygon's corners. `None` for a polygon without corners.
    pub fn centre(&self) -> Option<GeoPoint> {
        match self {
            Self::Point(at)
            | Self::Circle { at, .. }
            | Self::Ellipse { at, .. }
            | Self::PointAltitude { at, .. }
            | Self::Ellipsoid { at, .. }
            | Self::Arc { at, .. } => Some(*at),
            Self::Polygon(corners) => {
                let first = corners.first()?;
                let n = corners.len() as f64;
                let lat = corners.iter().map(|c| c.lat).sum::<f64>() / n;
                // Longitudes are averaged around the first corner, so that a polygon over the antimeridian stays there.
                let east = corners.iter().map(|c| wrap_deg(c.lon - first.lon)).sum::<f64>() / n;
                GeoPoint::new(lat, wrap_deg(first.lon + east))
            }
        }
    }

    /// Radius in metres of a circle around the centre that holds the stated uncertainty; `None` where the shape states
    /// none.
    pub fn horizontal_uncertainty_m(&self) -> Option<f64> {
        match self {
            Self::Point(_) | Self::PointAltitude { .. } => None,
            Self::Circle { radius_m, .. } => Some(*radius_m),
            Self::Ellipse { ellipse, .. } | Self::Ellipsoid { ellipse, .. } => Some(ellipse.semi_major_m),
            Self::Polygon(corners) => {
                let c = self.centre()?;
                corners.iter().map(|p| c.distance_m(*p)).reduce(f64::max)
            }
            Self::Arc { inner_m, thickness_m, .. } => Some(inner_m + thickness_m),
        }
    }

    /// Metres above the ellipsoid, where the shape has an altitude.
    pub const fn altitude_m(&self) -> Option<f64> {
        match self {
            Self::PointAltitude { altitude_m, .. } | Self::Ellipsoid { altitude_m, .. } => Some(*altitude_m),
            _ => None,
        }
    }

    /// Uncertainty of the altitude in metres, where stated.
    pub const fn vertical_uncertainty_m(&self) -> Option<f64> {
        match self {
            Self::Ellipsoid { altitude_unc_m, .. } => Some(*altitude_unc_m),
            _ => None,
        }
    }
}

/// Brings an angle in degrees into −180..180.
pub fn wrap_deg(deg: f64) -> f64 {
    (deg + 180.0).rem_euclid(360.0) - 180.0
}

/// Velocity of a target (TS 23.032 §8).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Velocity {
    /// Horizontal speed, m/s.
    pub speed_mps: f64,
    /// Direction of movement, degrees clockwise from north, 0..360.
    pub bearing_deg: f64,
    /// Vertical speed, m/s, up positive.
    pub vertical_mps: Option<f64>,
    /// Uncertainty of the horizontal speed, m/s.
    pub speed_unc_mps: Option<f64>,
    /// Uncertainty of the vertical speed, m/s.
    pub vertical_unc_mps: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_checked_and_hidden() {
        assert!(GeoPoint::new(90.1, 0.0).is_none());
        assert!(GeoPoint::new(f64::NAN, 0.0).is_none());
        let p = GeoPoint::new(50.123, 4.5).unwrap();
        assert!(!format!("{p:?}").contains("50"));
    }

    #[test]
    fn polygon_over_the_antimeridian() {
        let corners = [(1.0, 179.0), (1.0, -179.0), (-1.0, -179.0), (-1.0, 179.0)];
        let s = Shape::Polygon(corners.iter().map(|(a, o)| GeoPoint::new(*a, *o).unwrap()).collect());
        let c = s.centre().unwrap();
        assert!(c.lat.abs() < 1e-9 && (c.lon.abs() - 180.0).abs() < 1e-9);
        assert!((s.horizontal_uncertainty_m().unwrap() - 157_000.0).abs() < 1_000.0);
    }
}
