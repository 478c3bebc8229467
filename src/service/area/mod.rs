//! Areas, and how probable it is that a target is in one.
//!
//! Everything is reckoned around the place itself or around the centre of a round region: no map projection of the Earth as a
//! whole, and neither the antimeridian nor a pole is special.
//!
//! A position with an ellipse of uncertainty is a normal distribution: with confidence *c*, the ellipse is where the
//! distribution has the share *c*. Over polygons, with holes or not, it is integrated exactly, over boxes, circles, ellipses and
//! sectors by polygons that stray from them by less than 0.002 standard deviations where it matters. A polygon or a sector of
//! uncertainty is a distribution without any preference within the shape; it, and the union of regions that overlap, are
//! integrated by 1024 samples, with an error below 0.02.

mod bounds;
mod frame;
mod normal;
mod ring;
mod round;
mod spread;
mod verify;

use serde::{Deserialize, Serialize};

pub use bounds::Bounds;
pub use verify::{Match, Verification};

use self::frame::Frame;
use self::ring::Ring;
use self::round::Round;
use self::spread::{Spread, Whiten};
use crate::base::{GeoPoint, Shape};

/// Most regions of one area.
pub const MAX_PARTS: usize = 64;
/// Most corners of one area, those of holes included.
pub const MAX_CORNERS: usize = 2048;

/// An area: the union of regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Region>", into = "Vec<Region>")]
pub struct Area {
    regions: Vec<Region>,
    /// The same, made ready.
    parts: Vec<Part>,
    bounds: Bounds,
    /// Whether no two regions are near each other.
    apart: bool,
}

impl PartialEq for Area {
    fn eq(&self, other: &Self) -> bool {
        self.regions == other.regions
    }
}

/// A region made ready.
#[derive(Clone, Debug)]
enum Part {
    Rings { outer: Ring, holes: Vec<Ring> },
    Round(Round),
    Box(Extent),
}

/// What lies between two parallels and two meridians, degrees.
#[derive(Clone, Copy, Debug)]
struct Extent {
    south: f64,
    west: f64,
    north: f64,
    width: f64,
}

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
    /// More than [`MAX_PARTS`] regions or [`MAX_CORNERS`] corners, or a polygon that does not fit into half of the Earth.
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
        let corners = regions.iter().map(Region::corners).sum::<usize>();
        if regions.len() > MAX_PARTS || corners > MAX_CORNERS {
            return Err(NoArea::TooLarge);
        }
        let parts = regions.iter().map(Region::part).collect::<Result<Vec<_>, _>>()?;
        let each: Vec<Bounds> = parts.iter().map(Bounds::of_part).collect();
        let apart = each.iter().enumerate().all(|(i, a)| each.iter().skip(i + 1).all(|b| !a.meets(b)));
        let bounds = each.into_iter().reduce(Bounds::and).ok_or(NoArea::Empty)?;
        Ok(Self { regions, parts, bounds, apart })
    }

    /// Whether the place lies inside; borders do.
    pub fn contains(&self, place: GeoPoint) -> bool {
        self.parts.iter().any(|part| part.contains(place))
    }

    /// How probable it is that a target of which an estimate says this is inside, 0..=1. `None` when the shape says nothing
    /// that makes sense.
    pub fn probability(&self, estimate: &Shape) -> Option<f64> {
        let (centre, spread) = Spread::of(estimate)?;
        Some(self.share(centre, &spread))
    }

    fn share(&self, centre: GeoPoint, spread: &Spread) -> f64 {
        let exact = match spread {
            Spread::Point => return f64::from(u8::from(self.contains(centre))),
            Spread::Normal { .. } => self.apart,
            Spread::Even(_) => false,
        };
        let reach = Bounds::around(centre, spread.reach_m());
        if !self.bounds.meets(&reach) {
            return 0.0;
        }
        let frame = Frame::at(centre);
        if exact {
            let all: f64 = self.parts.iter().map(|part| part.holds(centre, &frame, spread)).sum();
            return all.clamp(0.0, 1.0);
        }
        spread.share(centre, &frame, |place| self.contains(place))
    }

    /// A box that holds it.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The regions.
    pub fn regions(&self) -> &[Region] {
        &self.regions
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
        area.regions
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

    fn part(&self) -> Result<Part, NoArea> {
        match self {
            Self::Shape(shape) => part_of(shape),
            Self::Rings { outer, holes } => Ok(Part::Rings {
                outer: ring(outer)?,
                holes: holes.iter().map(|hole| ring(hole)).collect::<Result<_, _>>()?,
            }),
            Self::Box { south, west, north, east } => {
                GeoPoint::new(*south, *west).and(GeoPoint::new(*north, *east)).ok_or(NoArea::Value)?;
                let all = east - west >= 360.0;
                let width = if all { 360.0 } else { (east - west).rem_euclid(360.0) };
                if south < north && width > 0.0 {
                    Ok(Part::Box(Extent { south: *south, west: *west, north: *north, width }))
                } else {
                    Err(NoArea::Empty)
                }
            }
        }
    }
}

fn ring(corners: &[GeoPoint]) -> Result<Ring, NoArea> {
    if corners.len() < 3 {
        return Err(NoArea::Empty);
    }
    if corners.iter().any(|c| GeoPoint::new(c.lat, c.lon).is_none()) {
        return Err(NoArea::Value);
    }
    Ring::new(corners).ok_or(NoArea::TooLarge)
}

fn part_of(shape: &Shape) -> Result<Part, NoArea> {
    let length =
        |v: f64| if v.is_finite() && (0.0..=2.1e7).contains(&v) { Ok(()) } else { Err(NoArea::Value) };
    let angle = |v: f64| if v.is_finite() { Ok(()) } else { Err(NoArea::Value) };
    let place = |p: &GeoPoint| GeoPoint::new(p.lat, p.lon).map(drop).ok_or(NoArea::Value);
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => Err(NoArea::Empty),
        Shape::Circle { at, radius_m } => {
            place(at).and(length(*radius_m))?;
            Ok(Part::Round(Round::circle(*at, *radius_m)))
        }
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => {
            place(at).and(length(ellipse.semi_major_m)).and(length(ellipse.semi_minor_m))?;
            angle(ellipse.orientation_deg)?;
            Ok(Part::Round(Round::ellipse(*at, ellipse)))
        }
        Shape::Polygon(corners) => Ok(Part::Rings { outer: ring(corners)?, holes: Vec::new() }),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            place(at).and(length(*inner_m)).and(length(*thickness_m)).and(length(inner_m + thickness_m))?;
            angle(*start_deg).and(angle(*opening_deg))?;
            Ok(Part::Round(Round::arc(*at, *inner_m, *thickness_m, *start_deg, *opening_deg)))
        }
    }
}

impl Part {
    fn contains(&self, place: GeoPoint) -> bool {
        match self {
            Self::Round(round) => round.contains(place),
            Self::Box(extent) => extent.contains(place),
            Self::Rings { outer, holes } => {
                let (normal, frame) = (frame::normal(place), Frame::at(place));
                outer.contains(normal, &frame, true)
                    && !holes.iter().any(|h| h.contains(normal, &frame, false))
            }
        }
    }

    /// What a normal distribution around a place has inside.
    fn holds(&self, centre: GeoPoint, frame: &Frame, spread: &Spread) -> f64 {
        let Spread::Normal { major_m, minor_m, orientation_deg } = *spread else { return 0.0 };
        let whiten = || Whiten::new(major_m, minor_m, orientation_deg);
        match self {
            Self::Round(round) => round.holds(centre, major_m, minor_m, orientation_deg),
            Self::Rings { outer, holes } => {
                let whiten = whiten();
                let without: f64 = holes.iter().map(|hole| hole.holds(frame, &whiten)).sum();
                (outer.holds(frame, &whiten) - without).clamp(0.0, 1.0)
            }
            Self::Box(extent) => {
                let reach_m = normal::REACH * major_m.max(minor_m);
                extent.border_near(centre, reach_m).map_or(0.0, |ring| ring.holds(frame, &whiten()))
            }
        }
    }
}

impl Extent {
    fn contains(&self, place: GeoPoint) -> bool {
        (self.south..=self.north).contains(&place.lat)
            && ((place.lon - self.west).rem_euclid(360.0) <= self.width || place.lat.abs() == 90.0)
    }

    /// The border of the part of the box that is within reach of a place; `None` where there is none.
    fn border_near(&self, centre: GeoPoint, reach_m: f64) -> Option<Ring> {
        /// Sides into which the part of a parallel is divided.
        const SIDES: u32 = 64;
        /// Half of the side of the largest window, degrees: it must fit into half of the Earth.
        const WIDEST: f64 = 60.0;
        let window = (reach_m / 110_000.0).clamp(1e-6, WIDEST);
        let (south, north) = (self.south.max(centre.lat - window), self.north.min(centre.lat + window));
        if south >= north {
            return None;
        }
        // Near a pole the window goes all around.
        let poleward = (centre.lat.abs() + window).min(90.0).to_radians().cos();
        let across = if poleward * 180.0 <= window { 180.0 } else { (window / poleward).min(180.0) };
        // Degrees east of the western border.
        let middle = (centre.lon - self.west).rem_euclid(360.0);
        let around = across >= 180.0 || self.width >= 360.0 && across >= 90.0;
        let (west, east) = if around {
            (0.0, self.width)
        } else {
            // The place may be nearer to the box the other way around.
            [middle - 360.0, middle, middle + 360.0]
                .into_iter()
                .map(|m| {
                    if self.width >= 360.0 {
                        (m - across, m + across)
                    } else {
                        ((m - across).max(0.0), (m + across).min(self.width))
                    }
                })
                .find(|(west, east)| west < east)?
        };
        let step = (east - west) / f64::from(SIDES);
        let along = |lat: f64| (0..=SIDES).map(move |i| (lat, self.west + west + f64::from(i) * step));
        let corners = along(south).chain(along(north).collect::<Vec<_>>().into_iter().rev());
        let normal = |(lat, lon): (f64, f64)| {
            let ((sin, cos), (sin_lon, cos_lon)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
            [cos * cos_lon, cos * sin_lon, sin]
        };
        Ring::of_normals(corners.map(normal).collect())
    }
}

#[cfg(test)]
mod tests;
