//! Shapes: those of TS 23.032 in the shapes of MLP that a client can take, and back.

use super::position::Form;
use super::{Crs, areas, coordinates};
use crate::base::GeoPoint;
use crate::base::geo::{Ellipse, Shape, wrap_deg};
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::model::{
    Area, Boundary, CircularArcArea, CircularArea, Coord, EllipticalArea, LinearRing, MultiPoint,
    MultiPolygon, Point, Polygon, Preference, Rectangle, Shape as MlpShape,
};

/// Most corners of a polygon (TS 23.032 §5.4).
const MOST_CORNERS: usize = 15;
/// Longest length, metres: half around the Earth.
const LONGEST_M: f64 = 20_037_508.0;
/// Uncertainty of an altitude whose uncertainty is not said: the largest code of TS 23.032.
const UNKNOWN_ALTITUDE_M: f64 = 990.5;

/// A shape of MLP as it can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Point,
    MultiPoint,
    Circle,
    Ellipse,
    Arc,
    Polygon,
    Ring,
    MultiPolygon,
    Box,
}

/// The confidence of a shape, per cent, where it has one.
pub const fn confidence(shape: &Shape) -> Option<u8> {
    match shape {
        Shape::Ellipse { ellipse, .. } | Shape::Ellipsoid { ellipse, .. } => ellipse.confidence,
        Shape::Arc { confidence, .. } => *confidence,
        Shape::Point(_) | Shape::Circle { .. } | Shape::Polygon(_) | Shape::PointAltitude { .. } => None,
    }
}

/// The kinds in which a shape can be written, closest first: each holds the shape, but for the points, which state no
/// extent and are given only to who can take nothing else.
const fn by_closeness(shape: &Shape) -> [Kind; 9] {
    use Kind::{Arc, Box, Circle, Ellipse, MultiPoint, MultiPolygon, Point, Polygon, Ring};
    match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => {
            [Point, MultiPoint, Circle, Ellipse, Arc, Polygon, Ring, MultiPolygon, Box]
        }
        Shape::Circle { .. } => [Circle, Ellipse, Polygon, MultiPolygon, Ring, Arc, Box, Point, MultiPoint],
        Shape::Ellipse { .. } | Shape::Ellipsoid { .. } => {
            [Ellipse, Polygon, MultiPolygon, Ring, Circle, Arc, Box, Point, MultiPoint]
        }
        Shape::Polygon(_) => [Polygon, MultiPolygon, Ring, Circle, Ellipse, Arc, Box, Point, MultiPoint],
        Shape::Arc { .. } => [Arc, Polygon, MultiPolygon, Ring, Circle, Ellipse, Box, Point, MultiPoint],
    }
}

/// Writes a shape in the client's frame, in the shape that it likes best among those that can hold it; in its own where the
/// client gives no preference.
///
/// # Errors
/// 107 when the client can take no shape that can hold it, 112 when the frame does not reach there.
pub fn write(shape: &Shape, form: &Form<'_>) -> Result<MlpShape, ParseFault> {
    let kinds = by_closeness(shape);
    let none =
        || ParseFault::new(FaultKind::UnknownElement, "shape").because("no shape that the client can take");
    let Some(wanted) = form.shapes else {
        let [own, ..] = kinds;
        return build(shape, own, form.crs)?.ok_or_else(none);
    };
    let liking = |kind: Kind| match kind {
        Kind::Point => wanted.point,
        Kind::MultiPoint => wanted.multi_point,
        Kind::Circle => wanted.circular_area,
        Kind::Ellipse => wanted.elliptical_area,
        Kind::Arc => wanted.circular_arc_area,
        Kind::Polygon => wanted.polygon,
        Kind::Ring => wanted.linear_ring,
        Kind::MultiPolygon => wanted.multi_polygon,
        Kind::Box => wanted.rectangle,
    };
    let extended = !matches!(shape, Shape::Point(_) | Shape::PointAltitude { .. });
    let mut liked: Vec<(bool, Preference, Kind)> = kinds
        .into_iter()
        .map(|kind| (extended && matches!(kind, Kind::Point | Kind::MultiPoint), liking(kind), kind))
        .filter(|(_, preference, _)| preference.value() > 0.0)
        .collect();
    // Those with an extent first, then the best liked; among equals the closest, since sorting is stable.
    liked.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.value().total_cmp(&a.1.value())));
    for (_, _, kind) in liked {
        if let Some(written) = build(shape, kind, form.crs)? {
            return Ok(written);
        }
    }
    Err(none())
}

/// Metres in whole ones, rounded outwards.
fn outwards(metres: f64) -> f64 {
    (metres - 1e-6).max(0.0).ceil()
}

/// One kind; `None` where it cannot hold the shape.
fn build(shape: &Shape, kind: Kind, crs: Crs) -> Result<Option<MlpShape>, ParseFault> {
    let srs_name = || Some(crs.srs_name());
    let coord = |at| coordinates::write(at, shape.altitude_m(), crs);
    let point = |at: GeoPoint| Ok(Point { gid: None, srs_name: srs_name(), coord: coord(at)? });
    let polygon = || -> Result<Option<Polygon>, ParseFault> {
        let Some(ring) = ring(shape, crs)? else { return Ok(None) };
        Ok(Some(Polygon { gid: None, srs_name: srs_name(), outer: Boundary { ring }, inner: Vec::new() }))
    };
    Ok(match kind {
        Kind::Point => shape.centre().map(point).transpose()?.map(MlpShape::Point),
        Kind::MultiPoint => {
            let points = shape.centre().map(point).transpose()?.into_iter().collect::<Vec<_>>();
            let multi = MultiPoint { gid: None, srs_name: srs_name(), points };
            (!multi.points.is_empty()).then_some(MlpShape::MultiPoint(multi))
        }
        Kind::Circle => round(shape)
            .map(|(at, radius)| {
                let coord = coord(at)?;
                Ok(CircularArea {
                    gid: None,
                    srs_name: srs_name(),
                    coord,
                    radius: outwards(radius),
                    distance_unit: None,
                })
            })
            .transpose()?
            .map(MlpShape::CircularArea),
        Kind::Ellipse => elliptical(shape)
            .map(|(at, ellipse)| Ok(ellipse_area(coord(at)?, &ellipse, crs)))
            .transpose()?
            .flatten()
            .map(MlpShape::EllipticalArea),
        Kind::Arc => arc(shape, crs)?.map(MlpShape::CircularArcArea),
        Kind::Polygon => polygon()?.map(MlpShape::Polygon),
        Kind::Ring => {
            ring(shape, crs)?.map(|ring| MlpShape::LinearRing(LinearRing { srs_name: srs_name(), ..ring }))
        }
        Kind::MultiPolygon => polygon()?.map(|polygon| {
            MlpShape::MultiPolygon(MultiPolygon {
                gid: None,
                srs_name: srs_name(),
                areas: vec![Area::Polygon(polygon)],
            })
        }),
        Kind::Box => match areas::bounds(shape) {
            Some((south_west, north_east)) => {
                let corners = vec![coord(south_west)?, coord(north_east)?];
                Some(MlpShape::Box(Rectangle { gid: None, srs_name: srs_name(), corners }))
            }
            None => None,
        },
    })
}

/// The circle around a shape; around a point that states no extent, one without radius.
fn round(shape: &Shape) -> Option<(GeoPoint, f64)> {
    let circle = match shape {
        Shape::Point(at) | Shape::PointAltitude { at, .. } => Some((*at, 0.0)),
        _ => areas::circle(shape),
    };
    circle.filter(|(_, radius)| radius.is_finite() && *radius <= LONGEST_M)
}

fn elliptical(shape: &Shape) -> Option<(GeoPoint, Ellipse)> {
    match shape {
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => Some((*at, *ellipse)),
        _ => round(shape).map(|(at, radius)| (at, Ellipse::circle(radius, None))),
    }
}

fn ellipse_area(coord: Coord, ellipse: &Ellipse, crs: Crs) -> Option<EllipticalArea> {
    let (major, minor, angle) =
        areas::whole_degrees(ellipse.semi_major_m, ellipse.semi_minor_m, ellipse.orientation_deg);
    let usable = [major, minor, angle].iter().all(|v| v.is_finite()) && major <= LONGEST_M;
    usable.then(|| EllipticalArea {
        gid: None,
        srs_name: Some(crs.srs_name()),
        coord,
        angle,
        semi_major: outwards(major.max(minor)),
        semi_minor: outwards(minor),
        angular_unit: None,
        distance_unit: None,
    })
}

/// A sector of a ring in whole degrees and metres; any other shape as the full ring around it.
fn arc(shape: &Shape, crs: Crs) -> Result<Option<CircularArcArea>, ParseFault> {
    let (at, inner, outer, start, opening) = match shape {
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            (*at, *inner_m, inner_m + thickness_m, *start_deg, *opening_deg)
        }
        _ => match round(shape) {
            Some((at, radius)) => (at, 0.0, radius, 0.0, 360.0),
            None => return Ok(None),
        },
    };
    if ![inner, outer, start, opening].iter().all(|v| v.is_finite()) || outer > LONGEST_M {
        return Ok(None);
    }
    let (from, to) = ((start + 1e-9).floor(), (start + opening - 1e-9).ceil());
    let opening = (to - from).clamp(1.0, 360.0);
    Ok(Some(CircularArcArea {
        gid: None,
        srs_name: Some(crs.srs_name()),
        coord: coordinates::write(at, None, crs)?,
        in_radius: (inner + 1e-6).max(0.0).floor(),
        out_radius: outwards(outer),
        start_angle: from.rem_euclid(360.0),
        stop_angle: opening,
        angular_unit: None,
        distance_unit: None,
    }))
}

fn ring(shape: &Shape, crs: Crs) -> Result<Option<LinearRing>, ParseFault> {
    let Some(corners) = areas::polygon(shape) else { return Ok(None) };
    let coords = corners.iter().map(|c| coordinates::write(*c, None, crs)).collect::<Result<_, _>>()?;
    Ok(Some(LinearRing { gid: None, srs_name: None, coords }))
}

/// Reads a shape whose coordinates are in `crs`, unless it names its own frame.
///
/// # Errors
/// As [`coordinates::read`]; 110 for lengths and angles out of range, 112 for units and shapes that are not supported (lines,
/// holes, collections of more than one), 113 for a frame that is not.
pub fn read(shape: &MlpShape, crs: Crs) -> Result<Shape, ParseFault> {
    let unsupported = |element| Err(ParseFault::new(FaultKind::ValueUnsupported, element));
    match shape {
        MlpShape::Point(point) => {
            let crs = Crs::of_srs_name(point.srs_name.as_deref(), "Point", crs)?;
            let at = coordinates::read(&point.coord, crs)?;
            Ok(match point.coord.z {
                Some(z) if crs == Crs::Wgs84Height => Shape::PointAltitude { at, altitude_m: z.0 },
                _ => Shape::Point(at),
            })
        }
        MlpShape::MultiPoint(multi) => match multi.points.as_slice() {
            [point] => {
                let crs = Crs::of_srs_name(multi.srs_name.as_deref(), "MultiPoint", crs)?;
                read(&MlpShape::Point(point.clone()), crs)
            }
            _ => unsupported("MultiPoint"),
        },
        MlpShape::CircularArea(circle) => {
            let crs = Crs::of_srs_name(circle.srs_name.as_deref(), "CircularArea", crs)?;
            let radius_m = length(circle.radius, circle.distance_unit.as_deref(), "radius")?;
            Ok(Shape::Circle { at: coordinates::read(&circle.coord, crs)?, radius_m })
        }
        MlpShape::EllipticalArea(area) => read_ellipse(area, crs),
        MlpShape::CircularArcArea(area) => read_arc(area, crs),
        MlpShape::Polygon(polygon) => {
            if !polygon.inner.is_empty() {
                return unsupported("innerBoundaryIs");
            }
            let crs = Crs::of_srs_name(polygon.srs_name.as_deref(), "Polygon", crs)?;
            read_ring(&polygon.outer.ring, crs)
        }
        MlpShape::LinearRing(ring) => read_ring(ring, crs),
        MlpShape::Box(rectangle) => read_box(rectangle, crs),
        MlpShape::MultiPolygon(multi) => {
            let crs = Crs::of_srs_name(multi.srs_name.as_deref(), "MultiPolygon", crs)?;
            let [area] = multi.areas.as_slice() else { return unsupported("MultiPolygon") };
            let single = match area.clone() {
                Area::Polygon(a) => MlpShape::Polygon(a),
                Area::Box(a) => MlpShape::Box(a),
                Area::CircularArea(a) => MlpShape::CircularArea(a),
                Area::CircularArcArea(a) => MlpShape::CircularArcArea(a),
                Area::EllipticalArea(a) => MlpShape::EllipticalArea(a),
            };
            read(&single, crs)
        }
        MlpShape::LineString(_) => unsupported("LineString"),
        MlpShape::MultiLineString(_) => unsupported("MultiLineString"),
    }
}

fn read_ellipse(area: &EllipticalArea, crs: Crs) -> Result<Shape, ParseFault> {
    let crs = Crs::of_srs_name(area.srs_name.as_deref(), "EllipticalArea", crs)?;
    let unit = area.distance_unit.as_deref();
    let major = length(area.semi_major, unit, "semiMajor")?;
    let minor = length(area.semi_minor, unit, "semiMinor")?;
    let angle = degrees(area.angle, area.angular_unit.as_deref(), "angle")?;
    // The longer axis is the major one, whatever it is called.
    let (semi_major_m, semi_minor_m, turn) =
        if major >= minor { (major, minor, 0.0) } else { (minor, major, 90.0) };
    let orientation_deg = (angle + turn).rem_euclid(180.0);
    let ellipse = Ellipse { semi_major_m, semi_minor_m, orientation_deg, confidence: None };
    Ok(Shape::Ellipse { at: coordinates::read(&area.coord, crs)?, ellipse })
}

fn read_arc(area: &CircularArcArea, crs: Crs) -> Result<Shape, ParseFault> {
    let crs = Crs::of_srs_name(area.srs_name.as_deref(), "CircularArcArea", crs)?;
    let unit = area.distance_unit.as_deref();
    let inner_m = length(area.in_radius, unit, "inRadius")?;
    let outer = length(area.out_radius, unit, "outRadius")?;
    let start = degrees(area.start_angle, area.angular_unit.as_deref(), "startAngle")?;
    let opening_deg = degrees(area.stop_angle, area.angular_unit.as_deref(), "stopAngle")?;
    if outer < inner_m {
        return Err(ParseFault::new(FaultKind::Value, "outRadius"));
    }
    // A full circle in radians is a little more or less than 360 degrees.
    if !(opening_deg > 0.0 && opening_deg <= 360.01) {
        return Err(ParseFault::new(FaultKind::Value, "stopAngle"));
    }
    Ok(Shape::Arc {
        at: coordinates::read(&area.coord, crs)?,
        inner_m,
        thickness_m: outer - inner_m,
        start_deg: start.rem_euclid(360.0),
        opening_deg: opening_deg.min(360.0),
        confidence: None,
    })
}

fn read_ring(ring: &LinearRing, crs: Crs) -> Result<Shape, ParseFault> {
    let crs = Crs::of_srs_name(ring.srs_name.as_deref(), "LinearRing", crs)?;
    let count = |ok: bool| ok.then_some(()).ok_or_else(|| ParseFault::new(FaultKind::Value, "LinearRing"));
    count(ring.coords.len() <= MOST_CORNERS + 1)?;
    let mut corners = ring.coords.iter().map(|c| coordinates::read(c, crs)).collect::<Result<Vec<_>, _>>()?;
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    count((3..=MOST_CORNERS).contains(&corners.len()))?;
    Ok(Shape::Polygon(corners))
}

/// A rectangle as a polygon; where the first longitude is the greater, it lies over the antimeridian.
fn read_box(rectangle: &Rectangle, crs: Crs) -> Result<Shape, ParseFault> {
    let crs = Crs::of_srs_name(rectangle.srs_name.as_deref(), "Box", crs)?;
    let [first, second] = rectangle.corners.as_slice() else {
        return Err(ParseFault::new(FaultKind::Missing, "coord"));
    };
    let (a, b) = (coordinates::read(first, crs)?, coordinates::read(second, crs)?);
    let (south, north) = (a.lat.min(b.lat), a.lat.max(b.lat));
    // In UTM the corners are just two; in degrees the first is the western.
    let (west, east) = if matches!(crs, Crs::Utm { .. }) && wrap_deg(b.lon - a.lon) < 0.0 {
        (b.lon, a.lon)
    } else {
        (a.lon, b.lon)
    };
    let corners = [(south, west), (north, west), (north, east), (south, east)];
    Ok(Shape::Polygon(corners.into_iter().filter_map(|(lat, lon)| GeoPoint::new(lat, lon)).collect()))
}

/// Metres of a length. Units by name or by EPSG code.
fn length(value: f64, unit: Option<&str>, element: &str) -> Result<f64, ParseFault> {
    let unit = unit.unwrap_or("metre").trim().to_ascii_lowercase();
    let name = unit.rsplit(['#', ':', '/']).next().unwrap_or_default();
    let metres = match name {
        "" | "metre" | "metres" | "meter" | "meters" | "m" | "9001" => 1.0,
        "kilometre" | "kilometres" | "kilometer" | "kilometers" | "km" | "9036" => 1000.0,
        "foot" | "feet" | "ft" | "9002" => 0.3048,
        "surveyfoot" | "ussurveyfoot" | "9003" => 1200.0 / 3937.0,
        "yard" | "yards" | "yd" => 0.9144,
        "mile" | "miles" | "statutemile" | "9093" => 1609.344,
        "nauticalmile" | "nauticalmiles" | "nm" | "9030" => 1852.0,
        _ => return Err(ParseFault::new(FaultKind::ValueUnsupported, "distanceUnit")),
    };
    let length = value * metres;
    (0.0..=LONGEST_M)
        .contains(&length)
        .then_some(length)
        .ok_or_else(|| ParseFault::new(FaultKind::Value, element))
}

/// Degrees of an angle.
fn degrees(value: f64, unit: Option<&str>, element: &str) -> Result<f64, ParseFault> {
    let unit = unit.unwrap_or("degrees").trim().to_ascii_lowercase();
    let name = unit.rsplit(['#', ':', '/']).next().unwrap_or_default();
    let degrees = match name {
        "" | "degree" | "degrees" | "deg" | "9102" | "9122" => value,
        "radian" | "radians" | "rad" | "9101" => value.to_degrees(),
        "grad" | "grads" | "gon" | "9105" => value * 0.9,
        _ => return Err(ParseFault::new(FaultKind::ValueUnsupported, "angularUnit")),
    };
    (0.0..=720.0)
        .contains(&degrees)
        .then_some(degrees)
        .ok_or_else(|| ParseFault::new(FaultKind::Value, element))
}

/// A shape with the altitude (metres, uncertainty) and confidence that a `pd` states beside it.
pub(super) fn with(shape: Shape, altitude: Option<(f64, Option<f64>)>, confidence: Option<u8>) -> Shape {
    let ellipse_of = |at, mut ellipse: Ellipse| {
        ellipse.confidence = confidence;
        match altitude {
            Some((altitude_m, uncertainty)) => {
                let altitude_unc_m = uncertainty.unwrap_or(UNKNOWN_ALTITUDE_M);
                Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m }
            }
            None => Shape::Ellipse { at, ellipse },
        }
    };
    match shape {
        Shape::Point(at) => {
            altitude.map_or(Shape::Point(at), |(altitude_m, _)| Shape::PointAltitude { at, altitude_m })
        }
        Shape::Circle { at, radius_m } if altitude.is_some() || confidence.is_some() => {
            ellipse_of(at, Ellipse::circle(radius_m, None))
        }
        Shape::Ellipse { at, ellipse } => ellipse_of(at, ellipse),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, confidence }
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "shapes_tests.rs"]
mod tests;
