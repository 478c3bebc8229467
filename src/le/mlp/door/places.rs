//! Identities, places and shapes: MLP's on one side, the house's on the other.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::verdicts::about;
use crate::base::geo::Ellipse;
use crate::base::{GeoPoint, LocationEstimate, PositionMethod, SetId, Shape};
use crate::le::mlp::ResultCode;
use crate::le::mlp::model::{
    Altitude, Area as AreaElement, Boundary, CircularArcArea, CircularArea, Coord, EllipticalArea, Encoding, GeoInfo,
    LinearRing, Msid, MsidType, Pd, Place, Point, Polygon, PosMethod, PositionData, Private, Rectangle, Shape as ShapeElement,
    Signed, Strict, SupportedShapes, Verdict,
};

/// How a client wants positions written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
pub(super) struct Style {
    /// Preferences for point, circle, ellipse, arc, polygon, each 0 to 1; none when the client did not say.
    preferences: Option<[f32; 5]>,
}

/// The place of each shape among the preferences.
const POINT: usize = 0;
const CIRCLE: usize = 1;
const ELLIPSE: usize = 2;
const ARC: usize = 3;
const POLYGON: usize = 4;

/// What a request says of how positions are to be written.
pub(super) fn style(geo_info: Option<&GeoInfo>, shapes: Option<&SupportedShapes>) -> Result<Style, Verdict> {
    if let Some(info) = geo_info {
        let id = &info.crs.identifier;
        // WGS 84 as EPSG names it, the one system that the standard demands.
        if id.code.trim() != "4326" {
            return Err(about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, "code"));
        }
        if !id.code_space.to_ascii_uppercase().contains("EPSG") {
            return Err(about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, "codeSpace"));
        }
        if info.wanted == PositionData::Civic && info.strict == Strict::Yes {
            let what = "geo_info: requested_positiondata";
            return Err(about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, what));
        }
    }
    let preferences = shapes.map(|s| {
        [s.point, s.circular_area, s.elliptical_area, s.circular_arc_area, s.polygon].map(|p| p.value())
    });
    // A client that likes none of these likes something that no position here is.
    if preferences.is_some_and(|p| p.iter().all(|v| *v <= 0.0)) {
        return Err(about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, "supported_shapes"));
    }
    Ok(Style { preferences })
}

// --- identities

/// An identity as the house knows it, or why it does not.
pub(super) fn set_id(msid: &Msid) -> Result<SetId, Verdict> {
    let format = || about(ResultCode::FORMAT_ERROR, "msid");
    let unsupported = |attribute| about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, attribute);
    if msid.encoding == Encoding::Crp {
        return Err(unsupported("msid: enc"));
    }
    let text = msid.id.as_str().trim();
    let digits = || text.strip_prefix('+').unwrap_or(text).replace(' ', "");
    Ok(match msid.kind {
        MsidType::Msisdn => SetId::Msisdn(digits().parse().map_err(|_| format())?),
        MsidType::Imsi => SetId::Imsi(text.parse().map_err(|_| format())?),
        MsidType::Imei => SetId::Imei(text.parse().map_err(|_| format())?),
        MsidType::Mdn => SetId::Mdn(digits().parse().map_err(|_| format())?),
        MsidType::Min => SetId::Min(min_of(text).ok_or_else(format)?),
        MsidType::Ipv4 | MsidType::Ipv6 => {
            let ip: std::net::IpAddr = text.parse().map_err(|_| format())?;
            if ip.is_ipv4() != (msid.kind == MsidType::Ipv4) {
                return Err(format());
            }
            SetId::Ip(ip)
        }
        MsidType::Nai => SetId::Nai(text.parse().map_err(|_| format())?),
        MsidType::TelUrl => {
            let number = text.strip_prefix("tel:").unwrap_or(text);
            let number = number.split(';').next().unwrap_or_default();
            let number: String = number.chars().filter(|c| !matches!(c, '+' | '-' | '.' | '(' | ')' | ' ')).collect();
            SetId::Msisdn(number.parse().map_err(|_| format())?)
        }
        MsidType::SipUri => {
            let rest = text.strip_prefix("sips:").or_else(|| text.strip_prefix("sip:")).ok_or_else(format)?;
            let address = rest.split([';', '?']).next().unwrap_or_default();
            let user = address.split('@').next().unwrap_or_default();
            match user.strip_prefix('+').map(str::parse) {
                Some(number) => SetId::Msisdn(number.map_err(|_| format())?),
                None if address.contains('@') => SetId::Nai(address.parse().map_err(|_| format())?),
                None => return Err(format()),
            }
        }
        MsidType::EmeMsid
        | MsidType::Asid
        | MsidType::OpeId
        | MsidType::SessId
        | MsidType::Uri
        | MsidType::Anonymous
        | MsidType::VenueId
        | MsidType::LocationId => return Err(unsupported("msid: type")),
    })
}

/// The 34 bits of a MIN of ten digits (TIA-553 §2.3.1).
fn min_of(text: &str) -> Option<u64> {
    let digits: Vec<u64> = text.chars().map(|c| c.to_digit(10).map(u64::from)).collect::<Option<_>>()?;
    let [a, b, c, d, e, f, g, h, i, j] = digits.try_into().ok()?;
    // Zero counts as ten.
    let v = |d: u64| if d == 0 { 10 } else { d };
    let three = |x, y, z| 100 * v(x) + 10 * v(y) + v(z) - 111;
    Some(three(a, b, c) << 24 | three(d, e, f) << 14 | v(g) << 10 | three(h, i, j))
}

/// The ten digits of a MIN.
fn min_digits(min: u64) -> String {
    let three = |v: u64| {
        let n = v + 111;
        // Each digit is 1 to 10, where ten is written as zero.
        let (mut hundreds, mut rest) = (n / 100, n % 100);
        if rest < 11 {
            hundreds -= 1;
            rest += 100;
        }
        let (mut tens, mut ones) = (rest / 10, rest % 10);
        if ones == 0 {
            tens -= 1;
            ones = 10;
        }
        format!("{}{}{}", hundreds % 10, tens % 10, ones % 10)
    };
    let thousands = (min >> 10 & 0xf) % 10;
    format!("{}{}{thousands}{}", three(min >> 24 & 0x3ff), three(min >> 14 & 0x3ff), three(min & 0x3ff))
}

/// An identity as MLP writes it.
pub(super) fn msid(id: &SetId) -> Msid {
    let (kind, text) = match id {
        SetId::Msisdn(v) => (MsidType::Msisdn, v.digits()),
        SetId::Mdn(v) => (MsidType::Mdn, v.digits()),
        SetId::Min(v) => (MsidType::Min, min_digits(*v)),
        SetId::Imsi(v) => (MsidType::Imsi, v.digits()),
        SetId::Imei(v) => (MsidType::Imei, v.digits()),
        SetId::Nai(v) => (MsidType::Nai, v.as_str().to_owned()),
        SetId::Ip(v) => (if v.is_ipv4() { MsidType::Ipv4 } else { MsidType::Ipv6 }, v.to_string()),
        // An identity that breaks its own rules is nobody's name.
        SetId::Raw { .. } => (MsidType::Anonymous, "anonymous".to_owned()),
    };
    Msid::new(kind, text)
}

/// An identity as the store keeps it with a trigger.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Named(u8, String);

const KINDS: [MsidType; 11] = [
    MsidType::Msisdn,
    MsidType::Imsi,
    MsidType::Imei,
    MsidType::Min,
    MsidType::Mdn,
    MsidType::Ipv4,
    MsidType::Ipv6,
    MsidType::SipUri,
    MsidType::TelUrl,
    MsidType::Nai,
    MsidType::Anonymous,
];

impl Named {
    pub(super) fn of(msid: &Msid) -> Self {
        let kind = KINDS.iter().position(|k| *k == msid.kind).unwrap_or(KINDS.len() - 1);
        Self(kind as u8, msid.id.as_str().to_owned())
    }

    pub(super) fn msid(&self) -> Msid {
        let kind = KINDS.get(usize::from(self.0)).copied().unwrap_or(MsidType::Anonymous);
        Msid::new(kind, self.1.clone())
    }
}

// --- positions

/// How a position was found.
pub(super) const fn method(estimate: &LocationEstimate) -> Option<PosMethod> {
    Some(match estimate.method {
        PositionMethod::AgnssMsBased | PositionMethod::AgnssMsAssisted => PosMethod::AGnss,
        PositionMethod::AutonomousGnss => PosMethod::Gnss,
        PositionMethod::CellId => PosMethod::Cell,
        PositionMethod::EnhancedCellId => PosMethod::Ecid,
        PositionMethod::Wlan => PosMethod::Wlan,
        PositionMethod::Otdoa => PosMethod::Otdoa,
        PositionMethod::Unknown => PosMethod::Unknown,
    })
}

/// A position as MLP writes it, in the shape that the client likes best; never in one that says less than is known of where
/// the target may be, unless the client takes points only.
pub(super) fn pd(estimate: &LocationEstimate, qos_met: bool, style: &Style) -> Result<Pd, Verdict> {
    let failed = || Verdict::new(ResultCode::SYSTEM_FAILURE);
    let shape = liked(&estimate.shape, style).ok_or_else(failed)?;
    let confidence = match &estimate.shape {
        Shape::Ellipse { ellipse, .. } | Shape::Ellipsoid { ellipse, .. } => ellipse.confidence,
        Shape::Arc { confidence, .. } => *confidence,
        _ => None,
    };
    let altitude = estimate.shape.altitude_m().map(|m| Altitude {
        metres: Signed(m.round()),
        uncertainty: estimate.shape.vertical_uncertainty_m().map(f64::ceil),
    });
    Ok(Pd {
        time: estimate.time.into(),
        place: Place::Shape(shape, None),
        map: None,
        altitude,
        speed: estimate.velocity.map(|v| v.speed_mps.round()),
        direction: estimate.velocity.map(|v| v.bearing_deg.round().rem_euclid(360.0)),
        confidence: confidence.map(f64::from),
        qos_not_met: !qos_met,
        motion: None,
        floor: None,
        pressure: None,
    })
}

/// The shape itself where the client takes it, or the one it likes best of those that hold it.
fn liked(shape: &Shape, style: &Style) -> Option<ShapeElement> {
    let own = match shape {
        Shape::Point(_) | Shape::PointAltitude { .. } => POINT,
        Shape::Circle { .. } => CIRCLE,
        Shape::Ellipse { .. } | Shape::Ellipsoid { .. } => ELLIPSE,
        Shape::Arc { .. } => ARC,
        Shape::Polygon(_) => POLYGON,
    };
    let likes = |kind: usize| style.preferences.map_or(1.0, |p| p.get(kind).copied().unwrap_or(0.0));
    if style.preferences.is_none() {
        return Some(element(shape));
    }
    // From the most exact to the least: of equals the first is taken.
    let candidates = [own, ELLIPSE, CIRCLE, POLYGON, POINT];
    let mut best: Option<(f32, usize)> = None;
    for kind in candidates {
        let possible = kind == own || (kind != ARC && own != POINT) || kind == POINT;
        let value = likes(kind);
        // A point hides how unsure it is: only for clients who take nothing else.
        let value = if kind == POINT && own != POINT { value.min(f32::MIN_POSITIVE) } else { value };
        if possible && value > 0.0 && best.is_none_or(|(b, _)| value > b) {
            best = Some((value, kind));
        }
    }
    let kind = best.map_or(own, |(_, kind)| kind);
    if kind == own {
        return Some(element(shape));
    }
    let centre = shape.centre()?;
    let radius = shape.horizontal_uncertainty_m().unwrap_or(0.0);
    Some(match kind {
        CIRCLE => element(&Shape::Circle { at: centre, radius_m: radius }),
        ELLIPSE => element(&Shape::Ellipse { at: centre, ellipse: Ellipse::circle(radius, None) }),
        POLYGON => element(&Shape::Polygon(around(centre, radius))),
        _ => element(&Shape::Point(centre)),
    })
}

/// Twelve corners around a circle, outside of it.
fn around(centre: GeoPoint, radius_m: f64) -> Vec<GeoPoint> {
    use geo::{Destination, Geodesic};
    const CORNERS: u32 = 12;
    let reach = radius_m / (std::f64::consts::PI / f64::from(CORNERS)).cos();
    (0..CORNERS)
        .filter_map(|k| {
            let bearing = f64::from(k) * 360.0 / f64::from(CORNERS);
            let p = Geodesic.destination(geo::Point::new(centre.lon, centre.lat), bearing, reach);
            GeoPoint::new(p.y(), crate::base::geo::wrap_deg(p.x()))
        })
        .collect()
}

fn element(shape: &Shape) -> ShapeElement {
    let srs_name = || Some("www.epsg.org#4326".to_owned());
    match shape {
        Shape::Point(at) | Shape::PointAltitude { at, .. } => {
            ShapeElement::Point(Point { gid: None, srs_name: srs_name(), coord: coord(*at) })
        }
        Shape::Circle { at, radius_m } => ShapeElement::CircularArea(CircularArea {
            gid: None,
            srs_name: srs_name(),
            coord: coord(*at),
            radius: radius_m.ceil(),
            distance_unit: None,
        }),
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => {
            ShapeElement::EllipticalArea(EllipticalArea {
                gid: None,
                srs_name: srs_name(),
                coord: coord(*at),
                angle: ellipse.orientation_deg.round().rem_euclid(180.0),
                semi_major: ellipse.semi_major_m.ceil(),
                semi_minor: ellipse.semi_minor_m.ceil(),
                angular_unit: None,
                distance_unit: None,
            })
        }
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
            ShapeElement::CircularArcArea(CircularArcArea {
                gid: None,
                srs_name: srs_name(),
                coord: coord(*at),
                in_radius: inner_m.floor(),
                out_radius: (inner_m + thickness_m).ceil(),
                start_angle: start_deg.floor().rem_euclid(360.0),
                stop_angle: (opening_deg.ceil() + 1.0).clamp(1.0, 360.0),
                angular_unit: None,
                distance_unit: None,
            })
        }
        Shape::Polygon(corners) => {
            let ring = LinearRing { gid: None, srs_name: None, coords: corners.iter().map(|c| coord(*c)).collect() };
            let outer = Boundary { ring };
            ShapeElement::Polygon(Polygon { gid: None, srs_name: srs_name(), outer, inner: Vec::new() })
        }
    }
}

fn coord(at: GeoPoint) -> Coord {
    Coord::new(dms(at.lat, 'N', 'S'), dms(at.lon, 'E', 'W'))
}

/// `DD MM SS.sssH`.
fn dms(deg: f64, positive: char, negative: char) -> String {
    // In whole thousandths of a second, so that rounding carries.
    let total = (deg.abs() * 3_600_000.0).round() as u64;
    let hemisphere = if deg < 0.0 && total > 0 { negative } else { positive };
    let (d, m, ms) = (total / 3_600_000, total / 60_000 % 60, total % 60_000);
    let mut text = String::with_capacity(16);
    // Writing to a string does not fail.
    let _ = write!(text, "{d} {m:02} {:02}.{:03}{hemisphere}", ms / 1000, ms % 1000);
    text
}

/// A coordinate as it comes: degrees, minutes and seconds with a hemisphere, however divided, or signed decimal degrees.
fn degrees(text: &Private, hemispheres: [char; 2], most: f64) -> Result<f64, Verdict> {
    let bad = || about(ResultCode::FORMAT_ERROR, "coord");
    let text = text.as_str().trim().to_ascii_uppercase();
    let (body, sign) = match text.chars().last() {
        Some(h) if h == hemispheres[0] => (&text[..text.len() - 1], Some(1.0)),
        Some(h) if h == hemispheres[1] => (&text[..text.len() - 1], Some(-1.0)),
        _ => (text.as_str(), None),
    };
    let parts: Vec<&str> = body
        .split(|c: char| c.is_whitespace() || matches!(c, '°' | '\'' | '"'))
        .filter(|p| !p.is_empty())
        .collect();
    let number = |t: &str| {
        let plain = t.strip_prefix(['+', '-']).unwrap_or(t).bytes().all(|b| b.is_ascii_digit() || b == b'.');
        t.parse::<f64>().ok().filter(|v| plain && v.is_finite()).ok_or_else(bad)
    };
    let value = match (parts.as_slice(), sign) {
        ([d], None) => number(d)?,
        ([_, ..], None) => return Err(bad()),
        ([d, rest @ ..], Some(sign)) if rest.len() <= 2 => {
            let mut value = number(d)?;
            for (part, share) in rest.iter().zip([60.0, 3600.0]) {
                let part = number(part)?;
                if !(0.0..60.0).contains(&part) {
                    return Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "coord"));
                }
                value += part / share;
            }
            if value < 0.0 {
                return Err(bad());
            }
            value * sign
        }
        _ => return Err(bad()),
    };
    if value.abs() > most {
        return Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "coord"));
    }
    Ok(value)
}

fn point(coord: &Coord) -> Result<GeoPoint, Verdict> {
    if coord.zone.is_some() || coord.hemisphere.is_some() {
        return Err(about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, "Zone"));
    }
    let y = coord.y.as_ref().ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "Y"))?;
    let (lat, lon) = (degrees(&coord.x, ['N', 'S'], 90.0)?, degrees(y, ['E', 'W'], 180.0)?);
    GeoPoint::new(lat, lon).ok_or_else(|| about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "coord"))
}

fn system(srs_name: Option<&String>) -> Result<(), Verdict> {
    match srs_name {
        Some(name) if !name.trim().is_empty() && !name.trim().ends_with("4326") => {
            Err(about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, "srsName"))
        }
        _ => Ok(()),
    }
}

fn unit(name: Option<&String>, known: &[(&str, f64)], element: &str) -> Result<f64, Verdict> {
    let Some(name) = name.map(|n| n.trim().to_ascii_lowercase()).filter(|n| !n.is_empty()) else { return Ok(1.0) };
    let found = known.iter().find(|(unit, _)| *unit == name).map(|(_, size)| *size);
    found.ok_or_else(|| about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, element))
}

fn metres(name: Option<&String>) -> Result<f64, Verdict> {
    const UNITS: [(&str, f64); 9] = [
        ("meter", 1.0),
        ("metre", 1.0),
        ("meters", 1.0),
        ("m", 1.0),
        ("kilometer", 1000.0),
        ("km", 1000.0),
        ("surveyfoot", 1200.0 / 3937.0),
        ("foot", 0.3048),
        ("mile", 1609.344),
    ];
    unit(name, &UNITS, "distanceUnit")
}

fn angular(name: Option<&String>) -> Result<f64, Verdict> {
    const RADIAN: f64 = 180.0 / std::f64::consts::PI;
    const UNITS: [(&str, f64); 4] = [("degrees", 1.0), ("degree", 1.0), ("radians", RADIAN), ("radian", RADIAN)];
    unit(name, &UNITS, "angularUnit")
}

/// The areas that a shape consists of, as the house knows them.
pub(super) fn areas(shape: &ShapeElement) -> Result<Vec<Shape>, Verdict> {
    let unsupported = |name: &str| about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, name);
    Ok(match shape {
        ShapeElement::Point(p) => {
            system(p.srs_name.as_ref())?;
            vec![Shape::Point(point(&p.coord)?)]
        }
        ShapeElement::Polygon(p) => vec![polygon(p)?],
        ShapeElement::LinearRing(ring) => vec![ring_of(ring)?],
        ShapeElement::Box(b) => vec![rectangle(b)?],
        ShapeElement::CircularArea(c) => vec![circle(c)?],
        ShapeElement::EllipticalArea(e) => vec![ellipse(e)?],
        ShapeElement::CircularArcArea(a) => vec![arc(a)?],
        ShapeElement::MultiPolygon(multi) => {
            system(multi.srs_name.as_ref())?;
            let one = |area: &AreaElement| match area {
                AreaElement::Polygon(p) => polygon(p),
                AreaElement::Box(b) => rectangle(b),
                AreaElement::CircularArea(c) => circle(c),
                AreaElement::CircularArcArea(a) => arc(a),
                AreaElement::EllipticalArea(e) => ellipse(e),
            };
            multi.areas.iter().map(one).collect::<Result<_, _>>()?
        }
        ShapeElement::LineString(_) => return Err(unsupported("LineString")),
        ShapeElement::MultiLineString(_) => return Err(unsupported("MultiLineString")),
        ShapeElement::MultiPoint(_) => return Err(unsupported("MultiPoint")),
    })
}

fn ring_of(ring: &LinearRing) -> Result<Shape, Verdict> {
    system(ring.srs_name.as_ref())?;
    let mut corners: Vec<GeoPoint> = ring.coords.iter().map(point).collect::<Result<_, _>>()?;
    if corners.len() > 3 && corners.first() == corners.last() {
        corners.pop();
    }
    Ok(Shape::Polygon(corners))
}

fn polygon(p: &Polygon) -> Result<Shape, Verdict> {
    system(p.srs_name.as_ref())?;
    if !p.inner.is_empty() {
        return Err(about(ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED, "innerBoundaryIs"));
    }
    ring_of(&p.outer.ring)
}

fn rectangle(b: &Rectangle) -> Result<Shape, Verdict> {
    system(b.srs_name.as_ref())?;
    let [from, to] = b.corners.as_slice() else { return Err(about(ResultCode::SYNTAX_ERROR, "Box")) };
    let (from, to) = (point(from)?, point(to)?);
    let corners = [(from.lat, from.lon), (to.lat, from.lon), (to.lat, to.lon), (from.lat, to.lon)];
    Ok(Shape::Polygon(corners.into_iter().filter_map(|(lat, lon)| GeoPoint::new(lat, lon)).collect()))
}

fn circle(c: &CircularArea) -> Result<Shape, Verdict> {
    system(c.srs_name.as_ref())?;
    Ok(Shape::Circle { at: point(&c.coord)?, radius_m: c.radius * metres(c.distance_unit.as_ref())? })
}

fn ellipse(e: &EllipticalArea) -> Result<Shape, Verdict> {
    system(e.srs_name.as_ref())?;
    let m = metres(e.distance_unit.as_ref())?;
    let ellipse = Ellipse {
        semi_major_m: e.semi_major * m,
        semi_minor_m: e.semi_minor * m,
        orientation_deg: (e.angle * angular(e.angular_unit.as_ref())?).rem_euclid(180.0),
        confidence: None,
    };
    Ok(Shape::Ellipse { at: point(&e.coord)?, ellipse })
}

fn arc(a: &CircularArcArea) -> Result<Shape, Verdict> {
    system(a.srs_name.as_ref())?;
    let (m, deg) = (metres(a.distance_unit.as_ref())?, angular(a.angular_unit.as_ref())?);
    if a.out_radius < a.in_radius {
        return Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "outRadius"));
    }
    Ok(Shape::Arc {
        at: point(&a.coord)?,
        inner_m: a.in_radius * m,
        thickness_m: (a.out_radius - a.in_radius) * m,
        start_deg: (a.start_angle * deg).rem_euclid(360.0),
        opening_deg: (a.stop_angle * deg).clamp(0.0, 360.0),
        confidence: None,
    })
}

/// A shape as people look for it: its middle, and the radius around it in metres.
pub(crate) fn centre(shape: &ShapeElement) -> Option<(GeoPoint, Option<f64>)> {
    let shape = areas(shape).ok()?.into_iter().next()?;
    Some((shape.centre()?, shape.horizontal_uncertainty_m()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_round_and_carry() {
        assert_eq!(dms(51.507_350, 'N', 'S'), "51 30 26.460N");
        assert_eq!(dms(-0.127_75, 'E', 'W'), "0 07 39.900W");
        assert_eq!(dms(29.999_999_99, 'N', 'S'), "30 00 00.000N");
        assert_eq!(dms(-1e-9, 'N', 'S'), "0 00 00.000N");
        assert_eq!(dms(-180.0, 'E', 'W'), "180 00 00.000W");
        assert_eq!(dms(90.0, 'N', 'S'), "90 00 00.000N");
        for deg in [0.0, 12.345_678, -89.999_999, 59.999_583_333] {
            let read = degrees(&dms(deg, 'N', 'S').into(), ['N', 'S'], 90.0).unwrap();
            assert!((read - deg).abs() < 2e-7, "{deg}");
        }
    }

    #[test]
    fn coordinates_are_read_however_they_are_written() {
        let lat = |t: &str| degrees(&t.into(), ['N', 'S'], 90.0).map(|v| (v * 1e6).round() / 1e6).map_err(|v| v.code.0);
        assert_eq!(lat("-34.810256"), Ok(-34.810_256));
        assert_eq!(lat("76 22 2.82s"), Ok(-76.367_45));
        assert_eq!(lat(" 51°30'26.46\"N "), Ok(51.507_35));
        assert_eq!(lat("51 30N"), Ok(51.5));
        for (bad, code) in
            [("", 105), ("x", 105), ("51 30", 105), ("91", 110), ("1e1", 105), ("51 60 00N", 110), ("-51 30 00N", 105), ("1 2 3 4N", 105), ("NaN", 105)]
        {
            assert_eq!(lat(bad), Err(code), "{bad}");
        }
    }

    #[test]
    fn identities_both_ways() {
        for (kind, text) in [
            (MsidType::Msisdn, "447700900123"),
            (MsidType::Imsi, "001010000000001"),
            (MsidType::Imei, "490154203237518"),
            (MsidType::Mdn, "5551234567"),
            (MsidType::Min, "4085551234"),
            (MsidType::Ipv4, "192.0.2.1"),
            (MsidType::Ipv6, "2001:db8::1"),
            (MsidType::Nai, "user@example.net"),
        ] {
            let id = set_id(&Msid::new(kind, text)).unwrap();
            assert_eq!(msid(&id), Msid::new(kind, text));
        }
        let number = SetId::Msisdn("447700900123".parse().unwrap());
        assert_eq!(set_id(&Msid::new(MsidType::TelUrl, "tel:+44-7700-900123")), Ok(number.clone()));
        assert_eq!(set_id(&Msid::new(MsidType::SipUri, "sip:+447700900123@ims.example;user=phone")), Ok(number));
        assert_eq!(set_id(&Msid::new(MsidType::Asid, "x")).unwrap_err().code.0, 113);
        assert_eq!(set_id(&Msid::new(MsidType::Msisdn, "x")).unwrap_err().code.0, 105);
        let encrypted = Msid { encoding: Encoding::Crp, ..Msid::new(MsidType::Msisdn, "447700900123") };
        assert_eq!(set_id(&encrypted).unwrap_err().code.0, 113);
    }

    #[test]
    fn clients_get_shapes_that_they_take() {
        let at = GeoPoint::new(50.0, 4.0).unwrap();
        let ellipse = Ellipse { semi_major_m: 30.0, semi_minor_m: 10.0, orientation_deg: 20.0, confidence: Some(67) };
        let shape = Shape::Ellipse { at, ellipse };
        let like = |preferences| liked(&shape, &Style { preferences }).unwrap();
        assert!(matches!(like(None), ShapeElement::EllipticalArea(_)));
        assert!(matches!(like(Some([1.0, 0.5, 0.5, 0.0, 0.0])), ShapeElement::EllipticalArea(_)));
        assert!(matches!(like(Some([1.0, 0.5, 0.2, 0.0, 0.0])), ShapeElement::CircularArea(c) if c.radius == 30.0));
        assert!(matches!(like(Some([1.0, 0.0, 0.0, 0.0, 0.0])), ShapeElement::Point(_)));
        let ShapeElement::Polygon(p) = like(Some([0.0, 0.0, 0.0, 1.0, 0.5])) else { panic!() };
        for corner in &p.outer.ring.coords {
            assert!(point(corner).unwrap().distance_m(at) >= 30.0);
        }
    }
}
