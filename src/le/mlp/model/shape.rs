//! Shapes (MLP 3.5 §5.2.2, shape elements; GML 2.1.1 in spirit). `convert::shapes` brings them to and from `base::geo`.

use super::values::{Private, Signed};
use crate::le::mlp::schema::{Choice, Element, Read, choice, element};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

choice! {
    /// `shape`.
    pub enum Shape {
        /// A point.
        Point(Point) = "Point";
        /// A line.
        LineString(LineString) = "LineString";
        /// A polygon.
        Polygon(Polygon) = "Polygon";
        /// A rectangle along the axes.
        Box(Rectangle) = "Box";
        /// A circle.
        CircularArea(CircularArea) = "CircularArea";
        /// A sector of a ring.
        CircularArcArea(CircularArcArea) = "CircularArcArea";
        /// An ellipse.
        EllipticalArea(EllipticalArea) = "EllipticalArea";
        /// Several lines.
        MultiLineString(MultiLineString) = "MultiLineString";
        /// Several points.
        MultiPoint(MultiPoint) = "MultiPoint";
        /// Several areas.
        MultiPolygon(MultiPolygon) = "MultiPolygon";
        /// A ring.
        LinearRing(LinearRing) = "LinearRing", since V3_2;
    }
    or Shape::ring_as_polygon
}

impl Shape {
    /// A ring is a polygon without holes before it was a shape of its own.
    fn ring_as_polygon(&mut self, to: Version) -> bool {
        if let Self::LinearRing(ring) = self {
            let ring = ring.clone();
            let outer = Boundary { ring: LinearRing { gid: None, srs_name: None, ..ring.clone() } };
            *self =
                Self::Polygon(Polygon { gid: ring.gid, srs_name: ring.srs_name, outer, inner: Vec::new() });
            return Choice::gate(self, to);
        }
        false
    }
}

impl Element for Shape {
    fn read(node: Node<'_>) -> Read<Self> {
        let shape = node.choice()?;
        node.finish()?;
        Ok(shape)
    }
    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        Choice::write(self, out);
        out.close(name);
    }
    fn gate(&mut self, to: Version) -> bool {
        Choice::gate(self, to)
    }
}

element! {
    /// `coord`: coordinates as text, in the frame of the shape. `convert::coordinates` reads and writes them.
    pub struct Coord {
        /// First: latitude in WGS 84, easting in UTM.
        one x: Private = "X";
        /// Second: longitude in WGS 84, northing in UTM.
        opt y: Private = "Y";
        /// Third, where the frame has three.
        opt z: Signed = "Z";
        /// UTM zone, 1–60.
        opt zone: String = "Zone", since V3_2;
        /// `NORTH` or `SOUTH`, of a UTM zone.
        opt hemisphere: String = "Hemisphere", since V3_2;
    }
}

impl Coord {
    /// Two coordinates.
    pub fn new(x: impl Into<Private>, y: impl Into<Private>) -> Self {
        Self { x: x.into(), y: Some(y.into()), z: None, zone: None, hemisphere: None }
    }
}

/// The attributes that all shapes have, and their fields.
macro_rules! shapes {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident { $($body:tt)* }
    )*) => { $(
        element! {
            $(#[$meta])*
            pub struct $name {
                /// A name for the shape within the document.
                attr_opt gid: Gid = "gid";
                /// The frame of its coordinates, as `www.epsg.org#4326`.
                attr_opt srs_name: String = "srsName";
                $($body)*
            }
        }
    )* };
}

/// An XML identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gid(pub String);

impl crate::le::mlp::schema::Token for Gid {
    fn parse(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
    fn print(&self, out: &mut Writer) {
        out.text(&self.0);
    }
}

shapes! {
    /// `Point`.
    pub struct Point {
        /// Where.
        one coord: Coord = "coord";
    }

    /// `LineString`.
    pub struct LineString {
        /// Two points or more.
        many coords: Coord = "coord", min 2;
    }

    /// `Box`.
    pub struct Rectangle {
        /// Lowest corner, highest corner.
        many corners: Coord = "coord", min 2, max 2;
    }

    /// `LinearRing`.
    pub struct LinearRing {
        /// Three corners or more; the last need not be the first again.
        many coords: Coord = "coord", min 3;
    }

    /// `Polygon`.
    pub struct Polygon {
        /// Its outline.
        one outer: Boundary = "outerBoundaryIs";
        /// Its holes.
        many inner: Boundary = "innerBoundaryIs";
    }

    /// `CircularArea`.
    pub struct CircularArea {
        /// Centre.
        one coord: Coord = "coord";
        /// Radius, in the unit of distance.
        one radius: f64 = "radius";
        /// Metre where absent.
        opt distance_unit: String = "distanceUnit";
    }

    /// `CircularArcArea`.
    pub struct CircularArcArea {
        /// Centre.
        one coord: Coord = "coord";
        /// Inner radius.
        one in_radius: f64 = "inRadius";
        /// Outer radius.
        one out_radius: f64 = "outRadius";
        /// From north, clockwise, to the first edge.
        one start_angle: f64 = "startAngle";
        /// From the first edge, clockwise, to the second: the opening, not a bearing.
        one stop_angle: f64 = "stopAngle";
        /// Degrees where absent.
        opt angular_unit: String = "angularUnit";
        /// Metre where absent.
        opt distance_unit: String = "distanceUnit";
    }

    /// `EllipticalArea`.
    pub struct EllipticalArea {
        /// Centre.
        one coord: Coord = "coord";
        /// From north, clockwise, to the major axis.
        one angle: f64 = "angle";
        /// Half of the major axis.
        one semi_major: f64 = "semiMajor";
        /// Half of the minor axis.
        one semi_minor: f64 = "semiMinor";
        /// Degrees where absent.
        opt angular_unit: String = "angularUnit";
        /// Metre where absent.
        opt distance_unit: String = "distanceUnit";
    }

    /// `MultiLineString`.
    pub struct MultiLineString {
        /// One line or more.
        many lines: LineString = "LineString", min 1;
    }

    /// `MultiPoint`.
    pub struct MultiPoint {
        /// One point or more.
        many points: Point = "Point", min 1;
    }

    /// `MultiPolygon`.
    pub struct MultiPolygon {
        /// One area or more.
        choices areas: Area, min 1;
    }
}

element! {
    /// `outerBoundaryIs` or `innerBoundaryIs`.
    pub struct Boundary {
        /// The ring.
        one ring: LinearRing = "LinearRing";
    }
}

choice! {
    /// One area of several.
    pub enum Area {
        /// A polygon.
        Polygon(Polygon) = "Polygon";
        /// A rectangle along the axes.
        Box(Rectangle) = "Box";
        /// A circle.
        CircularArea(CircularArea) = "CircularArea";
        /// A sector of a ring.
        CircularArcArea(CircularArcArea) = "CircularArcArea";
        /// An ellipse.
        EllipticalArea(EllipticalArea) = "EllipticalArea";
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for Gid {
        fn sample(from: &mut Source) -> Self {
            Self(from.unique())
        }
    }
}
