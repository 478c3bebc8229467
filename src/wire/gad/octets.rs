//! Shapes and velocities as octets (TS 23.032 clauses 7 and 8), as RRLP carries them.

use crate::base::geo::{Ellipse, GeoPoint, Shape, Velocity};

use super::{HIGH_ACCURACY, HIGH_ACCURACY_EXTENDED, HORIZONTAL, Uncertainty, VERTICAL, VelocityCode};

/// Reads a shape; `None` when the octets are not one of a known type. Octets beyond the shape are ignored.
pub fn shape(octets: &[u8]) -> Option<Shape> {
    let (head, rest) = octets.split_first()?;
    let at = |r: &[u8]| point(*r.first_chunk()?);
    Some(match head >> 4 {
        0 => Shape::Point(at(rest)?),
        1 => {
            let [k] = *rest.get(6..)?.first_chunk()?;
            Shape::Circle { at: at(rest)?, radius_m: HORIZONTAL.value(k & 0x7f) }
        }
        3 => {
            let [major, minor, angle, conf] = *rest.get(6..)?.first_chunk()?;
            Shape::Ellipse {
                at: at(rest)?,
                ellipse: super::ellipse(major & 0x7f, minor & 0x7f, angle, conf & 0x7f),
            }
        }
        5 => {
            let corners = usize::from(head & 0x0f);
            let points: Option<Vec<_>> =
                rest.chunks_exact(6).take(corners).map(|c| point(*c.first_chunk()?)).collect();
            Shape::Polygon(points.filter(|p| p.len() == corners && corners >= 3)?)
        }
        8 => Shape::PointAltitude { at: at(rest)?, altitude_m: altitude(*rest.get(6..)?.first_chunk()?) },
        9 => {
            let [a, b, major, minor, angle, vertical, conf] = *rest.get(6..)?.first_chunk()?;
            Shape::Ellipsoid {
                at: at(rest)?,
                ellipse: super::ellipse(major & 0x7f, minor & 0x7f, angle, conf & 0x7f),
                altitude_m: altitude([a, b]),
                altitude_unc_m: VERTICAL.value(vertical & 0x7f),
            }
        }
        10 => {
            let [r0, r1, k, start, opening, conf] = *rest.get(6..)?.first_chunk()?;
            Shape::Arc {
                at: at(rest)?,
                inner_m: f64::from(u16::from_be_bytes([r0, r1])) * 5.0,
                thickness_m: HORIZONTAL.value(k & 0x7f),
                start_deg: f64::from(start) * 2.0,
                opening_deg: f64::from(opening) * 2.0,
                confidence: super::confidence(conf & 0x7f),
            }
        }
        kind @ 11..=14 => high_accuracy(kind, rest)?,
        _ => return None,
    })
}

/// The four high-accuracy shapes: 11 and 12 of the default range, 13 and 14 scalable.
fn high_accuracy(kind: u8, rest: &[u8]) -> Option<Shape> {
    let lat = i32::from_be_bytes(*rest.first_chunk()?);
    let lon = i32::from_be_bytes(*rest.get(4..)?.first_chunk()?);
    let at = super::high_accuracy_deg(lat, lon)?;
    let range = |extended: bool| if extended { HIGH_ACCURACY_EXTENDED } else { HIGH_ACCURACY };
    let ellipse = |u: Uncertainty, major: u8, minor: u8, angle: u8, conf: u8| Ellipse {
        semi_major_m: u.value(major),
        semi_minor_m: u.value(minor),
        orientation_deg: f64::from(angle % 180),
        confidence: super::confidence(conf & 0x7f),
    };
    Some(if kind == 11 || kind == 13 {
        let [major, minor, angle, conf] = *rest.get(8..)?.first_chunk()?;
        // The scalable ellipse keeps the range in the spare bit of its confidence.
        let u = range(kind == 13 && conf & 0x80 != 0);
        Shape::Ellipse { at, ellipse: ellipse(u, major, minor, angle, conf) }
    } else {
        let [a, b, c, major, minor, angle, conf, vertical, vconf] = *rest.get(8..)?.first_chunk()?;
        // 22 bits, two's complement.
        let raw = i32::from_be_bytes([0, a, b, c]) << 10 >> 10;
        let u = range(kind == 14 && conf & 0x80 != 0);
        let v = range(kind == 14 && vconf & 0x80 != 0);
        Shape::Ellipsoid {
            at,
            ellipse: ellipse(u, major, minor, angle, conf),
            altitude_m: super::high_accuracy_altitude_m(raw),
            altitude_unc_m: v.value(vertical),
        }
    })
}

/// Writes a shape in its own type, at the resolution of the first seven types. `None` for a polygon of fewer than 3 or
/// more than 15 corners.
pub fn from_shape(shape: &Shape) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(14);
    match shape {
        Shape::Point(at) => {
            out.push(0);
            push_point(&mut out, *at);
        }
        Shape::Circle { at, radius_m } => {
            out.push(0x10);
            push_point(&mut out, *at);
            out.push(HORIZONTAL.ceil(*radius_m));
        }
        Shape::Ellipse { at, ellipse } => {
            out.push(0x30);
            push_point(&mut out, *at);
            push_ellipse(&mut out, ellipse);
            out.push(super::confidence_code(ellipse.confidence));
        }
        Shape::Polygon(corners) => {
            let n = u8::try_from(corners.len()).ok().filter(|n| (3..=15).contains(n))?;
            out.push(0x50 | n);
            for corner in corners {
                push_point(&mut out, *corner);
            }
        }
        Shape::PointAltitude { at, altitude_m } => {
            out.push(0x80);
            push_point(&mut out, *at);
            push_altitude(&mut out, *altitude_m);
        }
        Shape::Ellipsoid { .. } => return ellipsoid(shape),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, confidence } => {
            out.push(0xa0);
            push_point(&mut out, *at);
            out.extend(super::inner_radius(*inner_m).to_be_bytes());
            out.push(HORIZONTAL.ceil(*thickness_m));
            out.push(super::arc_angle(*start_deg));
            out.push(super::arc_angle(*opening_deg));
            out.push(super::confidence_code(*confidence));
        }
    }
    Some(out)
}

/// Writes any shape as the 14 octets of a point with altitude and uncertainty ellipsoid. Old RRLP handsets read no other
/// as a reference location.
pub fn ellipsoid(shape: &Shape) -> Option<Vec<u8>> {
    let (at, ellipse, altitude, unc) = super::as_ellipsoid(shape)?;
    let mut out = Vec::with_capacity(14);
    out.push(0x90);
    push_point(&mut out, at);
    push_altitude(&mut out, altitude);
    push_ellipse(&mut out, &ellipse);
    out.push(VERTICAL.ceil(unc));
    out.push(super::confidence_code(ellipse.confidence));
    Some(out)
}

fn push_point(out: &mut Vec<u8>, at: GeoPoint) {
    let (south, n) = super::latitude(at.lat);
    let [_, lat @ ..] = (n | u32::from(south) << 23).to_be_bytes();
    let [_, lon @ ..] = super::longitude(at.lon).to_be_bytes();
    out.extend(lat);
    out.extend(lon);
}

fn push_ellipse(out: &mut Vec<u8>, e: &Ellipse) {
    out.push(HORIZONTAL.ceil(e.semi_major_m));
    out.push(HORIZONTAL.ceil(e.semi_minor_m));
    out.push(super::orientation(e.orientation_deg));
}

fn push_altitude(out: &mut Vec<u8>, m: f64) {
    let (depth, n) = super::altitude(m);
    out.extend((n | u16::from(depth) << 15).to_be_bytes());
}

fn point([a, b, c, d, e, f]: [u8; 6]) -> Option<GeoPoint> {
    let lat = u32::from_be_bytes([0, a, b, c]);
    let lon = i32::from_be_bytes([d, e, f, 0]) >> 8;
    super::point(lat & 0x80_0000 != 0, lat & 0x7f_ffff, lon)
}

fn altitude(octets: [u8; 2]) -> f64 {
    let n = u16::from_be_bytes(octets);
    super::altitude_m(n & 0x8000 != 0, n & 0x7fff)
}

/// Reads a velocity (clause 8); `None` when the octets are not one of a known type.
pub fn velocity(octets: &[u8]) -> Option<Velocity> {
    let (&[head, bearing, s0, s1], rest) = octets.split_first_chunk()?;
    let down = head & 2 != 0;
    let mut code = VelocityCode {
        bearing: (u16::from(head & 1) << 8) | u16::from(bearing),
        speed: u16::from_be_bytes([s0, s1]),
        vertical: None,
        speed_unc: None,
        vertical_unc: None,
    };
    match head >> 4 {
        0 => {}
        1 => code.vertical = Some((down, *rest.first()?)),
        2 => code.speed_unc = Some(*rest.first()?),
        3 => {
            let [vertical, unc, vertical_unc] = *rest.first_chunk()?;
            code.vertical = Some((down, vertical));
            code.speed_unc = Some(unc);
            code.vertical_unc = Some(vertical_unc);
        }
        _ => return None,
    }
    Some(code.velocity())
}

/// Writes a velocity in the type that says no more than it holds.
pub fn from_velocity(v: &Velocity) -> Vec<u8> {
    let code = VelocityCode::new(v);
    let kind = match (code.vertical.is_some(), code.speed_unc.is_some()) {
        (false, false) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (true, true) => 3,
    };
    let down = code.vertical.is_some_and(|(down, _)| down);
    let head = kind << 4 | u8::from(down) << 1 | u8::from(code.bearing > 255);
    let mut out = vec![head, code.bearing as u8];
    out.extend(code.speed.to_be_bytes());
    out.extend(code.vertical.map(|(_, v)| v));
    out.extend(code.speed_unc);
    out.extend(code.vertical_unc);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_location_is_always_fourteen_octets() {
        let at = GeoPoint::new(-33.9, 151.2).unwrap();
        for s in [
            Shape::Point(at),
            Shape::Circle { at, radius_m: 3000.0 },
            Shape::PointAltitude { at, altitude_m: -3.0 },
        ] {
            let octets = ellipsoid(&s).unwrap();
            assert_eq!((octets.len(), octets[0]), (14, 0x90));
            let back = shape(&octets).unwrap();
            assert!(back.horizontal_uncertainty_m().unwrap() >= s.horizontal_uncertainty_m().unwrap_or(0.0));
            assert!(back.centre().unwrap().distance_m(at) < 3.0);
        }
        assert!(ellipsoid(&Shape::Polygon(Vec::new())).is_none());
    }

    #[test]
    fn octets_of_a_known_point() {
        // 60.2° N = 0x559c9a of 2^23/90; 24.9° E = 0x11b4e8 of 2^24/360; 26 m height.
        let s = Shape::Ellipsoid {
            at: GeoPoint::new(60.2, 24.9).unwrap(),
            ellipse: Ellipse::circle(0.0, Some(68)),
            altitude_m: 26.0,
            altitude_unc_m: 0.0,
        };
        let expected = {
            let lat = (60.2f64 * 8_388_608.0 / 90.0) as u32;
            let lon = (24.9f64 * 16_777_216.0 / 360.0) as u32;
            let mut v = vec![0x90];
            v.extend(&lat.to_be_bytes()[1..]);
            v.extend(&lon.to_be_bytes()[1..]);
            v.extend([0, 26, 0, 0, 0, 0, 68]);
            v
        };
        assert_eq!(from_shape(&s).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn garbage_never_panics_and_what_is_read_is_stable(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Some(s) = shape(&octets)
                && let Some(once) = from_shape(&s)
            {
                let again = shape(&once).unwrap();
                prop_assert_eq!(from_shape(&again).unwrap(), once);
            }
            if let Some(v) = velocity(&octets) {
                let once = from_velocity(&v);
                prop_assert_eq!(from_velocity(&velocity(&once).unwrap()), once);
            }
        }
    }
}
