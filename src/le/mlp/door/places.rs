//! Identities, places and shapes, as requests of this door and its stored triggers use them.

use serde::{Deserialize, Serialize};

use super::verdicts::{about, of_fault};
use crate::base::{LocationEstimate, SetId, Shape};
use crate::le::mlp::ResultCode;
use crate::le::mlp::convert::position::{self, Form};
use crate::le::mlp::convert::{Crs, ids, shapes};
use crate::le::mlp::model::{
    Area as AreaElement, Boundary, GeoInfo, Msid, MsidType, Pd, PosMethod, PositionData, Preference,
    Shape as ShapeElement, Strict, SupportedShapes, Verdict, YesNo,
};
use crate::service::triggers::Region;

/// How a client wants positions written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
pub(super) struct Style {
    /// The frame, by its EPSG code; WGS 84 when absent.
    epsg: Option<u32>,
    /// What the client likes: point, line, polygon, box, circle, arc, ellipse, lines, points, polygons, ring; and whether
    /// altitudes are welcome.
    shapes: Option<([f32; 11], bool)>,
}

impl Style {
    fn crs(&self) -> Crs {
        self.epsg.and_then(Crs::from_epsg).unwrap_or_default()
    }

    fn supported(&self) -> Option<SupportedShapes> {
        let (likes, altitude) = self.shapes?;
        let [point, line, polygon, rectangle, circle, arc, ellipse, lines, points, polygons, ring] =
            likes.map(|v| Preference::new(v).unwrap_or_default());
        Some(SupportedShapes {
            point,
            line_string: line,
            polygon,
            rectangle,
            circular_area: circle,
            circular_arc_area: arc,
            elliptical_area: ellipse,
            multi_line_string: lines,
            multi_point: points,
            multi_polygon: polygons,
            linear_ring: ring,
            altitude: if altitude { YesNo::Yes } else { YesNo::No },
        })
    }
}

/// What a request says of how positions are to be written.
pub(super) fn style(
    geo_info: Option<&GeoInfo>,
    supported: Option<&SupportedShapes>,
) -> Result<Style, Verdict> {
    let crs = Crs::of_geo_info(geo_info).map_err(of_fault)?;
    if geo_info.is_some_and(|g| g.wanted == PositionData::Civic && g.strict == Strict::Yes) {
        let what = "geo_info: requested_positiondata";
        return Err(about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, what));
    }
    let shapes = supported.map(|s| {
        let likes = [
            s.point,
            s.line_string,
            s.polygon,
            s.rectangle,
            s.circular_area,
            s.circular_arc_area,
            s.elliptical_area,
            s.multi_line_string,
            s.multi_point,
            s.multi_polygon,
            s.linear_ring,
        ];
        (likes.map(Preference::value), s.altitude == YesNo::Yes)
    });
    Ok(Style { epsg: (crs != Crs::default()).then(|| crs.epsg()), shapes })
}

/// An identity as the house knows it, or why it does not.
pub(super) fn set_id(msid: &Msid) -> Result<SetId, Verdict> {
    ids::set_id(msid).map_err(of_fault)
}

/// An identity as MLP writes it.
pub(super) fn msid(id: &SetId) -> Msid {
    ids::msid(id)
}

/// An identity as the store keeps it with a trigger.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Named(u8, String);

const KINDS: [MsidType; 12] = [
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
    MsidType::OpeId,
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

/// How a position was found.
pub(super) const fn method(estimate: &LocationEstimate) -> PosMethod {
    position::method(estimate.method)
}

/// A position in the form that the client wants.
pub(super) fn pd(estimate: &LocationEstimate, qos_met: bool, style: &Style) -> Result<Pd, Verdict> {
    let supported = style.supported();
    let form = Form { crs: style.crs(), shapes: supported.as_ref(), altitude: false };
    position::pd(estimate, &form, qos_met).map_err(of_fault)
}

/// The regions that a shape consists of, holes and all.
pub(super) fn regions(shape: &ShapeElement) -> Result<Vec<Region>, Verdict> {
    let polygons: Vec<AreaElement> = match shape {
        ShapeElement::Polygon(p) => vec![AreaElement::Polygon(p.clone())],
        ShapeElement::Box(b) => vec![AreaElement::Box(b.clone())],
        ShapeElement::MultiPolygon(multi) => multi.areas.clone(),
        other => return Ok(areas(other)?.into_iter().map(Region::Shape).collect()),
    };
    polygons.into_iter().map(region).collect()
}

fn region(area: AreaElement) -> Result<Region, Verdict> {
    let read = |shape: &ShapeElement| shapes::read(shape, Crs::default()).map_err(of_fault);
    let whole = match area {
        AreaElement::Polygon(mut polygon) => {
            let inner = std::mem::take(&mut polygon.inner);
            let srs_name = polygon.srs_name.clone();
            let outer = read(&ShapeElement::Polygon(polygon))?;
            if inner.is_empty() {
                return Ok(outer.into());
            }
            let corners = |shape| if let Shape::Polygon(corners) = shape { corners } else { Vec::new() };
            let hole = |boundary: Boundary| {
                let mut ring = boundary.ring;
                ring.srs_name = ring.srs_name.or_else(|| srs_name.clone());
                read(&ShapeElement::LinearRing(ring)).map(corners)
            };
            let holes = inner.into_iter().map(hole).collect::<Result<_, _>>()?;
            return Ok(Region::Rings { outer: corners(outer), holes });
        }
        AreaElement::Box(b) => {
            let corners = read(&ShapeElement::Box(b))?;
            return Ok(match &corners {
                // Southwest, northwest, northeast, southeast.
                Shape::Polygon(ring) => match ring.as_slice() {
                    [a, _, b, _] => Region::Box { south: a.lat, west: a.lon, north: b.lat, east: b.lon },
                    _ => corners.into(),
                },
                _ => corners.into(),
            });
        }
        AreaElement::CircularArea(c) => ShapeElement::CircularArea(c),
        AreaElement::CircularArcArea(a) => ShapeElement::CircularArcArea(a),
        AreaElement::EllipticalArea(e) => ShapeElement::EllipticalArea(e),
    };
    Ok(read(&whole)?.into())
}

/// The areas that a shape consists of, as the house knows them.
pub(super) fn areas(shape: &ShapeElement) -> Result<Vec<Shape>, Verdict> {
    let one = |shape: &ShapeElement| shapes::read(shape, Crs::default()).map_err(of_fault);
    let ShapeElement::MultiPolygon(multi) = shape else { return Ok(vec![one(shape)?]) };
    let each = |area: &AreaElement| match area.clone() {
        AreaElement::Polygon(p) => one(&ShapeElement::Polygon(p)),
        AreaElement::Box(b) => one(&ShapeElement::Box(b)),
        AreaElement::CircularArea(c) => one(&ShapeElement::CircularArea(c)),
        AreaElement::CircularArcArea(a) => one(&ShapeElement::CircularArcArea(a)),
        AreaElement::EllipticalArea(e) => one(&ShapeElement::EllipticalArea(e)),
    };
    multi.areas.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_and_names_survive_in_the_store() {
        let mut supported = SupportedShapes { altitude: YesNo::Yes, ..SupportedShapes::default() };
        supported.elliptical_area = Preference::new(0.5).unwrap();
        let style = style(None, Some(&supported)).unwrap();
        let text = serde_json::to_string(&style).unwrap();
        let again: Style = serde_json::from_str(&text).unwrap();
        assert_eq!(again.supported(), Some(supported));
        assert_eq!(again.crs(), Crs::Wgs84);
        let msid = Msid::new(MsidType::SipUri, "sip:a@b");
        let text = serde_json::to_string(&Named::of(&msid)).unwrap();
        assert_eq!(serde_json::from_str::<Named>(&text).unwrap().msid(), msid);
    }
}
