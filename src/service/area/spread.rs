//! Where a target may be: what an estimate says, as a distribution.

use super::frame::{Frame, destination, normal};
use super::ring::Ring;
use crate::base::geo::Ellipse;
use crate::base::{GeoPoint, Shape};

/// Confidence in percent of a position that states none: what TS 23.032 calls the usual, one standard deviation of a
/// distribution of one dimension.
const USUAL_CONFIDENCE: u8 = 68;
/// Samples where nothing exact is known.
const SAMPLES: u32 = 1024;
/// 2π(1 − 1/φ): consecutive multiples of this angle lie nowhere close together.
const GOLDEN: f64 = 2.399_963_229_728_653;
/// Fractions of consecutive multiples of these two spread evenly over a square.
const EVEN: (f64, f64) = (0.754_877_666_246_692_7, 0.569_840_290_998_053_2);

/// A distribution of places.
#[derive(Clone, Debug)]
pub(super) enum Spread {
    /// One place.
    Point,
    /// A normal distribution; standard deviations in metres, the direction of the first in degrees clockwise from north.
    Normal { major_m: f64, minor_m: f64, orientation_deg: f64 },
    /// Anywhere in the shape alike.
    Even(Shape),
}

/// The map of a plane in which a distribution becomes a standard one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whiten {
    sin: f64,
    cos: f64,
    major_m: f64,
    minor_m: f64,
}

impl Whiten {
    pub(super) fn new(major_m: f64, minor_m: f64, orientation_deg: f64) -> Self {
        let (sin, cos) = orientation_deg.to_radians().sin_cos();
        Self { sin, cos, major_m, minor_m }
    }

    pub(super) fn apply(&self, (east, north): (f64, f64)) -> (f64, f64) {
        let (along, across) = (east * self.sin + north * self.cos, east * self.cos - north * self.sin);
        (along / self.major_m, across / self.minor_m)
    }

    fn back(&self, (u, v): (f64, f64)) -> (f64, f64) {
        let (along, across) = (u * self.major_m, v * self.minor_m);
        (along * self.sin + across * self.cos, along * self.cos - across * self.sin)
    }
}

impl Spread {
    /// What a shape says; `None` where it says nothing that makes sense.
    pub(super) fn of(shape: &Shape) -> Option<(GeoPoint, Self)> {
        let centre = shape.centre().filter(|c| GeoPoint::new(c.lat, c.lon).is_some())?;
        let spread = match shape {
            Shape::Point(_) | Shape::PointAltitude { .. } => Self::Point,
            Shape::Circle { radius_m, .. } => Self::normal(&Ellipse::circle(*radius_m, None))?,
            Shape::Ellipse { ellipse, .. } | Shape::Ellipsoid { ellipse, .. } => Self::normal(ellipse)?,
            Shape::Polygon(corners) if corners.len() < 3 => Self::Point,
            Shape::Polygon(_) => Self::Even(shape.clone()),
            Shape::Arc { inner_m, thickness_m, start_deg, opening_deg, .. } => {
                let sound = [*inner_m, *thickness_m, *start_deg, *opening_deg].iter().all(|v| v.is_finite());
                if !sound || *inner_m < 0.0 || *thickness_m < 0.0 || inner_m + thickness_m > 2.1e7 {
                    return None;
                }
                Self::Even(shape.clone())
            }
        };
        Some((centre, spread))
    }

    fn normal(ellipse: &Ellipse) -> Option<Self> {
        let Ellipse { semi_major_m, semi_minor_m, orientation_deg, confidence } = *ellipse;
        let sound = |v: f64| v.is_finite() && (0.0..=2.1e7).contains(&v);
        if !sound(semi_major_m) || !sound(semi_minor_m) || !orientation_deg.is_finite() {
            return None;
        }
        if semi_major_m.max(semi_minor_m) == 0.0 {
            return Some(Self::Point);
        }
        // No percentage is certainty, and 0 stands for one that is not known.
        let confidence = f64::from(confidence.filter(|c| *c > 0).unwrap_or(USUAL_CONFIDENCE).min(99)) / 100.0;
        let scale = (-2.0 * (-confidence).ln_1p()).sqrt();
        // A millimetre keeps a flat ellipse from being a line.
        let deviation = |axis: f64| (axis / scale).max(1e-3);
        Some(Self::Normal {
            major_m: deviation(semi_major_m),
            minor_m: deviation(semi_minor_m),
            orientation_deg,
        })
    }

    /// Metres from the middle beyond which there is nothing to speak of.
    pub(super) fn reach_m(&self) -> f64 {
        match self {
            Self::Point => 0.0,
            Self::Normal { major_m, minor_m, .. } => 6.0 * major_m.max(*minor_m),
            Self::Even(shape) => shape.horizontal_uncertainty_m().unwrap_or(0.0),
        }
    }

    /// The share of places that are such, from samples.
    pub(super) fn share(
        &self,
        centre: GeoPoint,
        frame: &Frame,
        mut such: impl FnMut(GeoPoint) -> bool,
    ) -> f64 {
        let (mut count, mut hits) = (0_u32, 0_u32);
        let mut look = |place: Option<GeoPoint>| {
            if let Some(place) = place {
                count += 1;
                hits += u32::from(such(place));
            }
        };
        match self {
            Self::Point => {}
            Self::Normal { major_m, minor_m, orientation_deg } => {
                let whiten = Whiten::new(*major_m, *minor_m, *orientation_deg);
                for i in 0..SAMPLES {
                    let share = (f64::from(i) + 0.5) / f64::from(SAMPLES);
                    let radius = (-2.0 * (-share).ln_1p()).sqrt();
                    let (sin, cos) = (f64::from(i) * GOLDEN).sin_cos();
                    let (east, north) = whiten.back((radius * cos, radius * sin));
                    look(frame.place(east, north));
                }
            }
            Self::Even(Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. }) => {
                let (inner2, outer2) = (inner_m.powi(2), (inner_m + thickness_m).powi(2));
                for i in 0..SAMPLES {
                    let (u, v) = even(i);
                    let radius = (inner2 + u * (outer2 - inner2)).sqrt();
                    look(destination(*at, start_deg + v * opening_deg, radius));
                }
            }
            Self::Even(shape) => {
                let Shape::Polygon(corners) = shape else { return 0.0 };
                let ring = Ring::new(corners);
                let reach = self.reach_m();
                for i in 0..4 * SAMPLES {
                    let (u, v) = even(i);
                    let place = frame.place((2.0 * u - 1.0) * reach, (2.0 * v - 1.0) * reach);
                    let inside = |p: &GeoPoint| {
                        ring.as_ref().is_some_and(|r| r.contains(normal(*p), &Frame::at(*p), true))
                    };
                    look(place.filter(inside));
                }
            }
        }
        if count == 0 { f64::from(u8::from(such(centre))) } else { f64::from(hits) / f64::from(count) }
    }
}

fn even(i: u32) -> (f64, f64) {
    let n = f64::from(i) + 0.5;
    ((n * EVEN.0).fract(), (n * EVEN.1).fract())
}
