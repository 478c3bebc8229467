//! Presence documents to XML, elements in the order of their schemas.

use super::geometry::Geometry;
use super::names::{BASIC_POLICY, CIVIC, CONFIDENCE, DATA_MODEL, DYNAMIC, GEOPRIV, GML, PIDF, SHAPES};
use super::{Confidence, Dynamic, Holder, Part, Pdf, Place, Presence, UsageRules};
use crate::base::{GeoPoint, Utc};
use crate::le::xml::Writer;

/// Latitude and longitude.
const FLAT: &str = "urn:ogc:def:crs:EPSG::4326";
/// With altitude.
const HIGH: &str = "urn:ogc:def:crs:EPSG::4979";
/// Metres.
const METRES: &str = "urn:ogc:def:uom:EPSG::9001";
/// Degrees.
const DEGREES: &str = "urn:ogc:def:uom:EPSG::9102";

impl Presence {
    /// The document as XML in UTF-8.
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        out.open("presence").attribute("xmlns", PIDF);
        let places = || self.parts.iter().filter_map(|p| p.place.as_ref());
        for (prefix, space, used) in [
            ("xmlns:dm", DATA_MODEL, self.parts.iter().any(|p| p.holder != Holder::Tuple)),
            ("xmlns:gp", GEOPRIV, places().next().is_some()),
            ("xmlns:gbp", BASIC_POLICY, places().next().is_some()),
            ("xmlns:con", CONFIDENCE, places().any(|l| l.confidence.is_some())),
            ("xmlns:dyn", DYNAMIC, places().any(|l| l.dynamic.is_some())),
            ("xmlns:ca", CIVIC, places().any(|l| l.civic.is_some())),
            ("xmlns:gml", GML, places().any(|l| l.geometry.is_some())),
            ("xmlns:gs", SHAPES, places().any(|l| l.geometry.is_some())),
        ] {
            if used {
                out.attribute(prefix, space);
            }
        }
        out.attribute("entity", &self.entity);
        for part in self.parts.iter().filter(|p| p.holder == Holder::Tuple) {
            tuple(part, &mut out);
        }
        for note in &self.notes {
            out.open("note").attribute("xml:lang", "en").text(note).close();
        }
        for part in self.parts.iter().filter(|p| p.holder != Holder::Tuple) {
            holder(part, &mut out);
        }
        out.finish()
    }
}

fn tuple(part: &Part, out: &mut Writer) {
    out.open("tuple").attribute("id", &part.id).open("status");
    if let Some(place) = &part.place {
        geopriv(place, out);
    }
    out.close();
    for note in &part.notes {
        out.open("note").attribute("xml:lang", "en").text(note).close();
    }
    if let Some(time) = part.timestamp {
        out.leaf("timestamp", &timestamp(time));
    }
    out.close();
}

fn holder(part: &Part, out: &mut Writer) {
    let device = part.holder == Holder::Device;
    out.open(if device { "dm:device" } else { "dm:person" }).attribute("id", &part.id);
    if let Some(place) = &part.place {
        geopriv(place, out);
    }
    if device {
        // The schema wants one; a device of which nothing else is known still has its name in the document.
        out.leaf("dm:deviceID", part.device_id.as_deref().unwrap_or("urn:x-unknown:device"));
    }
    for note in &part.notes {
        out.open("dm:note").attribute("xml:lang", "en").text(note).close();
    }
    if let Some(time) = part.timestamp {
        out.leaf("dm:timestamp", &timestamp(time));
    }
    out.close();
}

fn geopriv(place: &Place, out: &mut Writer) {
    out.open("gp:geopriv").open("gp:location-info");
    if let Some(shape) = &place.geometry {
        geometry(shape, out);
    }
    if let Some(civic) = &place.civic {
        civic.write(out);
    }
    if let Some(c) = &place.confidence {
        confidence(c, out);
    }
    if let Some(d) = &place.dynamic {
        dynamic(d, out);
    }
    out.close();
    rules(&place.rules, out);
    if let Some(method) = &place.method {
        out.leaf("gp:method", method);
    }
    if let Some((quality, met)) = &place.quality {
        quality.write(*met, out);
    }
    out.close();
}

fn rules(rules: &UsageRules, out: &mut Writer) {
    out.open("gp:usage-rules");
    out.leaf("gbp:retransmission-allowed", if rules.retransmission_allowed { "true" } else { "false" });
    if let Some(until) = rules.retention_expiry {
        out.leaf("gbp:retention-expiry", &timestamp(until));
    }
    if let Some(uri) = &rules.external_ruleset {
        out.leaf("gbp:external-ruleset", uri);
    }
    if let Some(text) = &rules.note_well {
        out.open("gbp:note-well").attribute("xml:lang", "en").text(text).close();
    }
    out.close();
}

fn confidence(c: &Confidence, out: &mut Writer) {
    let pdf = match c.pdf {
        Pdf::Unknown => "unknown",
        Pdf::Normal => "normal",
        Pdf::Rectangular => "rectangular",
    };
    out.open("con:confidence").attribute("pdf", pdf);
    match c.percent.filter(|p| *p > 0.0 && *p < 100.0) {
        Some(percent) => out.text(&number(percent)),
        None => out.text("unknown"),
    };
    out.close();
}

fn dynamic(d: &Dynamic, out: &mut Writer) {
    let direction = |(azimuth, elevation): (f64, Option<f64>)| match elevation {
        Some(elevation) => format!("{} {}", number(azimuth), number(elevation)),
        None => number(azimuth),
    };
    out.open("dyn:Dynamic");
    if let Some(orientation) = d.orientation {
        out.leaf("dyn:orientation", &direction(orientation));
    }
    if let Some(speed) = d.speed_mps {
        out.leaf("dyn:speed", &number(speed));
    }
    if let Some(heading) = d.heading {
        out.leaf("dyn:heading", &direction(heading));
    }
    out.close();
}

/// The shortest text that is read back as the same number.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { value.to_string() }
}

/// An instant as RFC 3339 has it, in UTC, with as many decimals as it needs.
pub(crate) fn timestamp(time: Utc) -> String {
    let whole = time.to_string();
    match time.unix_ns().rem_euclid(1_000_000_000) {
        0 => whole,
        fraction => {
            let decimals = format!("{fraction:09}");
            format!("{}.{}Z", whole.trim_end_matches('Z'), decimals.trim_end_matches('0'))
        }
    }
}

fn length(name: &'static str, metres: f64, out: &mut Writer) {
    out.open(name).attribute("uom", METRES).text(&number(metres)).close();
}

fn angle(name: &'static str, degrees: f64, out: &mut Writer) {
    out.open(name).attribute("uom", DEGREES).text(&number(degrees)).close();
}

fn position(at: GeoPoint, altitude_m: Option<f64>) -> String {
    let flat = format!("{} {}", number(at.lat), number(at.lon));
    altitude_m.map_or(flat.clone(), |a| format!("{flat} {}", number(a)))
}

/// The one geometry that begins with its centre.
fn centred(name: &'static str, at: GeoPoint, altitude_m: Option<f64>, out: &mut Writer) {
    let srs = if altitude_m.is_some() { HIGH } else { FLAT };
    out.open(name).attribute("srsName", srs).leaf("gml:pos", &position(at, altitude_m));
}

/// A polygon; with its frame unless that stands outside of it already.
fn polygon(corners: &[GeoPoint], altitude_m: Option<f64>, srs: Option<&str>, out: &mut Writer) {
    out.open("gml:Polygon");
    if let Some(srs) = srs {
        out.attribute("srsName", srs);
    }
    let ring: Vec<String> = corners.iter().chain(corners.first()).map(|c| position(*c, altitude_m)).collect();
    out.open("gml:exterior").open("gml:LinearRing").leaf("gml:posList", &ring.join(" "));
    out.close().close().close();
}

/// Writes a shape.
fn geometry(shape: &Geometry, out: &mut Writer) {
    match shape {
        Geometry::Point { at, altitude_m } => centred("gml:Point", *at, *altitude_m, out),
        Geometry::Circle { at, radius_m } => {
            centred("gs:Circle", *at, None, out);
            length("gs:radius", *radius_m, out);
        }
        Geometry::Ellipse { at, semi_major_m, semi_minor_m, orientation_deg } => {
            centred("gs:Ellipse", *at, None, out);
            length("gs:semiMajorAxis", *semi_major_m, out);
            length("gs:semiMinorAxis", *semi_minor_m, out);
            angle("gs:orientation", *orientation_deg, out);
        }
        Geometry::ArcBand { at, inner_m, outer_m, start_deg, opening_deg } => {
            centred("gs:ArcBand", *at, None, out);
            length("gs:innerRadius", *inner_m, out);
            length("gs:outerRadius", *outer_m, out);
            angle("gs:startAngle", *start_deg, out);
            angle("gs:openingAngle", *opening_deg, out);
        }
        Geometry::Polygon { corners, altitude_m } => {
            let srs = if altitude_m.is_some() { HIGH } else { FLAT };
            return polygon(corners, *altitude_m, Some(srs), out);
        }
        Geometry::Sphere { at, altitude_m, radius_m } => {
            centred("gs:Sphere", *at, Some(*altitude_m), out);
            length("gs:radius", *radius_m, out);
        }
        Geometry::Ellipsoid { at, altitude_m, semi_major_m, semi_minor_m, vertical_m, orientation_deg } => {
            centred("gs:Ellipsoid", *at, Some(*altitude_m), out);
            length("gs:semiMajorAxis", *semi_major_m, out);
            length("gs:semiMinorAxis", *semi_minor_m, out);
            length("gs:verticalAxis", *vertical_m, out);
            angle("gs:orientation", *orientation_deg, out);
        }
        Geometry::Prism { corners, altitude_m, height_m } => {
            out.open("gs:Prism").attribute("srsName", HIGH).open("gs:base");
            polygon(corners, Some(*altitude_m), None, out);
            out.close();
            length("gs:height", *height_m, out);
        }
    }
    out.close();
}
