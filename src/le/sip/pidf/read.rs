//! Presence documents from octets, as this and other servers and handsets write them.
//!
//! Elements are known by their namespaces, whatever their prefixes. What is not known is passed over; what is known and wrong is
//! a [`PidfFault`]. A HELD `locationResponse` around the document is tolerated, and so are the forms of RFC 4119 that
//! RFC 5491 replaced.

use super::civic::{Civic, is_civic};
use super::geometry::{Geometry, GeometryFault, MOST_CORNERS, ring};
use super::names::{
    BASIC_POLICY, CONFIDENCE, DATA_MODEL, DYNAMIC, DYNAMIC_IN_EXAMPLES, GEOPRIV, HELD, PIDF, SHAPES, is_gml,
};
use super::{Confidence, Dynamic, Holder, Part, Pdf, Place, Presence, UsageRules};
use crate::base::{GeoPoint, Utc};
use crate::le::xml::tree::{build, text};
use crate::le::xml::{Limits, Node, XmlFault};

/// Bounds of a document.
pub const LIMITS: Limits = Limits {
    octets: 64 << 10,
    depth: 24,
    elements: 2000,
    attributes: 32,
    attribute_octets: 1024,
    text_octets: 16 << 10,
};

/// Most tuples, devices and persons of a document.
const MOST_PARTS: usize = 64;
/// Most notes of a document or of a part of it.
const MOST_NOTES: usize = 16;

/// What is wrong with a document. It names elements, never what they say, and so may be logged and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PidfFault {
    /// It is no XML that is read here.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The root is no presence document.
    #[error("not a presence document")]
    NotPresence,
    /// It does not say whose presence it is.
    #[error("presence without entity")]
    NoEntity,
    /// It has too many parts.
    #[error("too many tuples, devices and persons")]
    TooManyParts,
    /// A geopriv element without location-info.
    #[error("geopriv without location-info")]
    NoLocationInfo,
    /// A shape is wrong.
    #[error("{0}")]
    Geometry(#[from] GeometryFault),
    /// The text of an element is not in its format.
    #[error("{0}: not in its format")]
    Format(&'static str),
}

impl Presence {
    /// Reads a document. `charset` is that of its content type.
    ///
    /// # Errors
    /// [`PidfFault`], for anything that is not a presence document within [`LIMITS`].
    pub fn parse(octets: &[u8], charset: Option<&str>) -> Result<Self, PidfFault> {
        let text = text(octets, charset, &LIMITS)?;
        let tree = build(&text, &LIMITS)?;
        let root = tree.root().ok_or(PidfFault::NotPresence)?;
        let root = match root.name() {
            "locationResponse" if root.space() == HELD => root.child(PIDF, "presence"),
            _ => Some(root),
        };
        presence(root.filter(|r| r.is(PIDF, "presence")).ok_or(PidfFault::NotPresence)?)
    }
}

fn presence(root: Node<'_>) -> Result<Presence, PidfFault> {
    let entity = root.attribute("entity").filter(|e| !e.is_empty()).ok_or(PidfFault::NoEntity)?;
    let mut parts = Vec::new();
    for child in root.children() {
        let holder = match (child.space(), child.name()) {
            (PIDF, "tuple") => Holder::Tuple,
            (DATA_MODEL, "device") => Holder::Device,
            (DATA_MODEL, "person") => Holder::Person,
            _ => continue,
        };
        if parts.len() >= MOST_PARTS {
            return Err(PidfFault::TooManyParts);
        }
        parts.push(part(child, holder)?);
    }
    Ok(Presence { entity: entity.to_owned(), parts, notes: notes(root, PIDF) })
}

fn notes(node: Node<'_>, space: &str) -> Vec<String> {
    let notes = node.children().filter(|c| c.is(space, "note"));
    notes.take(MOST_NOTES).map(|n| n.text().to_owned()).collect()
}

fn part(node: Node<'_>, holder: Holder) -> Result<Part, PidfFault> {
    let space = if holder == Holder::Tuple { PIDF } else { DATA_MODEL };
    // In a tuple it belongs into the status; some writers put it beside.
    let status = node.child(PIDF, "status");
    let geopriv = status.and_then(|s| s.child(GEOPRIV, "geopriv")).or_else(|| node.child(GEOPRIV, "geopriv"));
    let time = node.child(space, "timestamp").map(|t| instant(t, "timestamp")).transpose()?;
    Ok(Part {
        holder,
        id: node.attribute("id").unwrap_or_default().to_owned(),
        place: geopriv.map(place).transpose()?,
        device_id: node.child(DATA_MODEL, "deviceID").map(|d| d.text().to_owned()),
        notes: notes(node, space),
        timestamp: time,
    })
}

fn instant(node: Node<'_>, name: &'static str) -> Result<Utc, PidfFault> {
    node.text().parse().map_err(|_| PidfFault::Format(name))
}

fn place(geopriv: Node<'_>) -> Result<Place, PidfFault> {
    let info = geopriv.child(GEOPRIV, "location-info").ok_or(PidfFault::NoLocationInfo)?;
    let mut place = Place {
        rules: geopriv.child(GEOPRIV, "usage-rules").map_or(Ok(UsageRules::default()), rules)?,
        method: geopriv.child(GEOPRIV, "method").map(|m| m.text().to_owned()).filter(|m| !m.is_empty()),
        ..Place::default()
    };
    for child in info.children() {
        match child.space() {
            space if is_civic(space) => place.civic = place.civic.or_else(|| Civic::read(child)),
            CONFIDENCE if child.name() == "confidence" => place.confidence = Some(confidence(child)?),
            DYNAMIC | DYNAMIC_IN_EXAMPLES if child.name() == "Dynamic" => {
                place.dynamic = Some(dynamic(child)?);
            }
            // Of several shapes the first is the coarse one that holds by itself (RFC 5491 §3.4, rule 8).
            space if place.geometry.is_none() && (is_gml(space) || space == SHAPES) => {
                // RFC 4119's own examples wrap the shape once more.
                let wrapped = matches!(child.name(), "location" | "centerOf" | "pos");
                let shape = if wrapped { child.children().next() } else { Some(child) };
                place.geometry = Some(geometry(shape.ok_or(GeometryFault::Missing)?)?);
            }
            _ => {}
        }
    }
    Ok(place)
}

fn rules(node: Node<'_>) -> Result<UsageRules, PidfFault> {
    let mut rules = UsageRules::default();
    for child in node.children().filter(|c| matches!(c.space(), BASIC_POLICY | GEOPRIV)) {
        match child.name() {
            // Many documents say yes and no, as the prose of RFC 4119 does.
            "retransmission-allowed" => {
                rules.retransmission_allowed = match child.text() {
                    "true" | "1" | "yes" => true,
                    "false" | "0" | "no" | "" => false,
                    _ => return Err(PidfFault::Format("retransmission-allowed")),
                };
            }
            "retention-expiry" | "retention-expires" => {
                rules.retention_expiry = Some(instant(child, "retention-expiry")?);
            }
            "external-ruleset" => rules.external_ruleset = Some(child.text().to_owned()),
            "note-well" => rules.note_well = Some(child.text().to_owned()),
            _ => {}
        }
    }
    Ok(rules)
}

fn confidence(node: Node<'_>) -> Result<Confidence, PidfFault> {
    let pdf = match node.attribute("pdf") {
        Some("normal") => Pdf::Normal,
        Some("rectangular") => Pdf::Rectangular,
        Some("unknown") | None => Pdf::Unknown,
        Some(_) => return Err(PidfFault::Format("confidence")),
    };
    let percent = match node.text() {
        "unknown" => None,
        text => {
            let percent: f64 = text.parse().map_err(|_| PidfFault::Format("confidence"))?;
            Some(percent).filter(|p| *p > 0.0 && *p < 100.0).ok_or(PidfFault::Format("confidence"))?.into()
        }
    };
    Ok(Confidence { percent, pdf })
}

fn dynamic(node: Node<'_>) -> Result<Dynamic, PidfFault> {
    let direction = |name: &'static str| {
        let Some(child) = node.children().find(|c| c.name() == name && c.space() == node.space()) else {
            return Ok(None);
        };
        let bad = || PidfFault::Format("Dynamic");
        match numbers(child.text(), 2).ok_or_else(bad)?.as_slice() {
            [azimuth] => Ok(Some((*azimuth, None))),
            [azimuth, elevation] => Ok(Some((*azimuth, Some(*elevation)))),
            _ => Err(bad()),
        }
    };
    let speed = node.children().find(|c| c.name() == "speed" && c.space() == node.space());
    let speed_mps = speed
        .map(|s| number(s.text()).filter(|v| *v >= 0.0).ok_or(PidfFault::Format("speed")))
        .transpose()?;
    Ok(Dynamic { orientation: direction("orientation")?, speed_mps, heading: direction("heading")? })
}

/// A finite number.
pub(crate) fn number(text: &str) -> Option<f64> {
    // Rust would read `inf` and `nan` too.
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|v: &f64| plain && v.is_finite())
}

/// Numbers between blanks, at most so many; `None` when one of them is none.
fn numbers(text: &str, most: usize) -> Option<Vec<f64>> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        if all.len() >= most {
            return None;
        }
        all.push(number(word)?);
    }
    Some(all)
}

type Point = (GeoPoint, Option<f64>);

/// A point, from its two or three numbers.
fn point(values: &[f64]) -> Result<Point, GeometryFault> {
    let at = |lat: f64, lon: f64| GeoPoint::new(lat, lon).ok_or(GeometryFault::Number);
    match values {
        [lat, lon] => Ok((at(*lat, *lon)?, None)),
        [lat, lon, altitude] => Ok((at(*lat, *lon)?, Some(*altitude))),
        _ => Err(GeometryFault::Number),
    }
}

fn position(node: Node<'_>) -> Result<Point, GeometryFault> {
    if let Some(pos) = node.children().find(|c| is_gml(c.space()) && matches!(c.name(), "pos" | "center")) {
        return point(&numbers(pos.text(), 3).ok_or(GeometryFault::Number)?);
    }
    // GML 2, as in the examples of RFC 4119.
    let old = node.children().find(|c| is_gml(c.space()) && c.name() == "coordinates");
    let words: Vec<&str> = old
        .ok_or(GeometryFault::Missing)?
        .text()
        .split([' ', ',', '\n', '\t'])
        .filter(|w| !w.is_empty())
        .take(4)
        .collect();
    point(&words.into_iter().map(sexagesimal).collect::<Option<Vec<f64>>>().ok_or(GeometryFault::Number)?)
}

/// An angle as a number, or as `31:56:00S`.
fn sexagesimal(text: &str) -> Option<f64> {
    let Some(hemisphere) = text.chars().last().filter(char::is_ascii_alphabetic) else { return number(text) };
    let sign = match hemisphere.to_ascii_uppercase() {
        'N' | 'E' => 1.0,
        'S' | 'W' => -1.0,
        _ => return None,
    };
    let mut degrees = 0.0;
    let mut unit = 1.0;
    for part in text.get(..text.len() - 1)?.split(':') {
        let value = number(part).filter(|v| (0.0..=180.0).contains(v) && unit > 1.0 / 5000.0)?;
        degrees += value * unit;
        unit /= 60.0;
    }
    Some(sign * degrees)
}

/// The number of a child, and its unit.
fn measure<'t>(node: Node<'t>, name: &str) -> Result<(f64, Option<&'t str>), GeometryFault> {
    let child = node.children().find(|c| c.name() == name && (c.space() == SHAPES || is_gml(c.space())));
    let child = child.ok_or(GeometryFault::Missing)?;
    Ok((number(child.text()).ok_or(GeometryFault::Number)?, child.attribute("uom")))
}

/// A child that is a length, metres.
fn length(node: Node<'_>, name: &str) -> Result<f64, GeometryFault> {
    match measure(node, name)? {
        (value, None | Some("m" | "#m" | "meter" | "meters" | "metre" | "metres")) => Ok(value),
        (value, Some(uom)) if unit(uom, "9001") => Ok(value),
        _ => Err(GeometryFault::Unit),
    }
}

/// A child that is an angle, degrees.
fn angle(node: Node<'_>, name: &str) -> Result<f64, GeometryFault> {
    match measure(node, name)? {
        (value, None | Some("deg" | "#deg" | "degree" | "degrees" | "#degrees")) => Ok(value),
        (value, Some(uom)) if unit(uom, "9102") => Ok(value),
        (value, Some("rad" | "#rad" | "radian" | "radians")) => Ok(value.to_degrees()),
        (value, Some(uom)) if unit(uom, "9101") => Ok(value.to_degrees()),
        _ => Err(GeometryFault::Unit),
    }
}

/// Whether a name of EPSG has this code: `urn:ogc:def:uom:EPSG::9001`, `urn:ogc:def:crs:EPSG:6.6:4326`, `EPSG:4326` …
fn unit(name: &str, code: &str) -> bool {
    let tail = name.rsplit([':', '#', '/']).next().unwrap_or_default();
    tail == code && (name.len() == code.len() || name.to_ascii_lowercase().contains("epsg"))
}

/// Refuses frames that are not WGS 84.
fn check_frame(node: Node<'_>) -> Result<(), GeometryFault> {
    match node.attribute("srsName") {
        None | Some("") => Ok(()),
        Some(name) if unit(name, "4326") || unit(name, "4979") => Ok(()),
        Some(_) => Err(GeometryFault::Frame),
    }
}

/// Reads a shape.
pub(crate) fn geometry(node: Node<'_>) -> Result<Geometry, GeometryFault> {
    check_frame(node)?;
    let known = node.space() == SHAPES || is_gml(node.space());
    let shape = match node.name() {
        "Point" if known => {
            let (at, altitude_m) = position(node)?;
            Geometry::Point { at, altitude_m }
        }
        "Circle" | "CircleByCenterPoint" if known => {
            let (at, altitude) = position(node)?;
            let radius_m = length(node, "radius")?;
            // A circle at a height is what a sphere looks like on a map.
            match altitude {
                None => Geometry::Circle { at, radius_m },
                Some(altitude_m) => Geometry::Sphere { at, altitude_m, radius_m },
            }
        }
        "Ellipse" if known => {
            let (at, _) = position(node)?;
            let (semi_major_m, semi_minor_m, orientation_deg) = ellipse(node)?;
            Geometry::Ellipse { at, semi_major_m, semi_minor_m, orientation_deg }
        }
        "ArcBand" if known => Geometry::ArcBand {
            at: position(node)?.0,
            inner_m: length(node, "innerRadius")?,
            outer_m: length(node, "outerRadius")?,
            start_deg: angle(node, "startAngle")?.rem_euclid(360.0),
            opening_deg: angle(node, "openingAngle")?,
        },
        "Polygon" if known => {
            let (corners, altitude_m) = polygon(node)?;
            Geometry::Polygon { corners, altitude_m }
        }
        "Sphere" if known => {
            let (at, altitude) = position(node)?;
            let altitude_m = altitude.ok_or(GeometryFault::Number)?;
            Geometry::Sphere { at, altitude_m, radius_m: length(node, "radius")? }
        }
        "Ellipsoid" if known => {
            let (at, altitude) = position(node)?;
            let (semi_major_m, semi_minor_m, orientation_deg) = ellipse(node)?;
            Geometry::Ellipsoid {
                at,
                altitude_m: altitude.ok_or(GeometryFault::Number)?,
                semi_major_m,
                semi_minor_m,
                vertical_m: length(node, "verticalAxis")?,
                orientation_deg,
            }
        }
        "Prism" if known => {
            let base = node.children().find(|c| c.name() == "base").ok_or(GeometryFault::Missing)?;
            let base = base.children().find(|c| c.name() == "Polygon" && is_gml(c.space()));
            let base = base.ok_or(GeometryFault::Missing)?;
            check_frame(base)?;
            let (corners, altitude) = polygon(base)?;
            let altitude_m = altitude.ok_or(GeometryFault::Number)?;
            Geometry::Prism { corners, altitude_m, height_m: length(node, "height")? }
        }
        _ => return Err(GeometryFault::Unsupported),
    };
    if shape.is_sound() { Ok(shape) } else { Err(GeometryFault::Number) }
}

/// Axes, the longer first, and the orientation of that one, 0..180.
fn ellipse(node: Node<'_>) -> Result<(f64, f64, f64), GeometryFault> {
    let (a, b) = (length(node, "semiMajorAxis")?, length(node, "semiMinorAxis")?);
    let orientation = angle(node, "orientation")?;
    Ok(if a >= b {
        (a, b, orientation.rem_euclid(180.0))
    } else {
        (b, a, (orientation + 90.0).rem_euclid(180.0))
    })
}

fn gml<'t>(of: Node<'t>, names: &[&str]) -> Option<Node<'t>> {
    of.children().find(|c| is_gml(c.space()) && names.contains(&c.name()))
}

/// The ring of a polygon, and its altitude where it has one.
fn polygon(node: Node<'_>) -> Result<(Vec<GeoPoint>, Option<f64>), GeometryFault> {
    if gml(node, &["interior", "innerBoundaryIs"]).is_some() {
        return Err(GeometryFault::Unsupported);
    }
    let exterior = gml(node, &["exterior", "outerBoundaryIs"]).ok_or(GeometryFault::Missing)?;
    let linear = gml(exterior, &["LinearRing"]).ok_or(GeometryFault::Missing)?;
    let points: Vec<Point> = if let Some(list) = gml(linear, &["posList"]) {
        let values = numbers(list.text(), 3 * (MOST_CORNERS + 1)).ok_or(GeometryFault::Number)?;
        let said = [list, linear, node].into_iter().find_map(|n| n.attribute("srsDimension"));
        let high = node.attribute("srsName").is_some_and(|n| unit(n, "4979"));
        let width = match said {
            Some("3") => 3,
            Some("2") => 2,
            Some(_) => return Err(GeometryFault::Number),
            None if high => 3,
            // Where nothing tells, a ring that closes does.
            None if closes(&values, 2) => 2,
            None if closes(&values, 3) => 3,
            None => return Err(GeometryFault::Ring),
        };
        if !values.len().is_multiple_of(width) {
            return Err(GeometryFault::Number);
        }
        values.chunks(width).map(point).collect::<Result<_, _>>()?
    } else {
        let single = linear.children().filter(|c| is_gml(c.space()) && c.name() == "pos");
        let read = |n: Node<'_>| point(&numbers(n.text(), 3).ok_or(GeometryFault::Number)?);
        single.take(MOST_CORNERS + 2).map(read).collect::<Result<_, _>>()?
    };
    let (Some((first, altitude)), Some((last, _))) = (points.first().copied(), points.last().copied()) else {
        return Err(GeometryFault::Missing);
    };
    if points.iter().any(|(_, a)| *a != altitude) {
        return Err(GeometryFault::Slope);
    }
    if first != last || !(4..=MOST_CORNERS + 1).contains(&points.len()) {
        return Err(GeometryFault::Ring);
    }
    let corners = ring(points.into_iter().map(|(p, _)| p).collect()).ok_or(GeometryFault::Ring)?;
    Ok((corners, altitude))
}

fn closes(values: &[f64], width: usize) -> bool {
    values.len().is_multiple_of(width)
        && values.len() >= 4 * width
        && values.get(..width) == values.get(values.len() - width..)
}
