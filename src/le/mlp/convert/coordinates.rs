//! Coordinates as text (MLP 3.5 §5.2.2.1 and the conventions of its annex): degrees, minutes and seconds with a hemisphere,
//! decimal degrees as some servers and clients write them, and UTM.

use super::{Crs, utm};
use crate::base::GeoPoint;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::model::{Coord, Private, Signed};

/// Thousandths of a second of arc in a degree.
const UNITS: f64 = 3_600_000.0;

/// An axis of the ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// North and south.
    Latitude,
    /// East and west.
    Longitude,
}

impl Axis {
    const fn limit(self) -> f64 {
        match self {
            Self::Latitude => 90.0,
            Self::Longitude => 180.0,
        }
    }

    const fn hemispheres(self) -> (char, char) {
        match self {
            Self::Latitude => ('N', 'S'),
            Self::Longitude => ('E', 'W'),
        }
    }
}

/// An angle as `DDD MM SS.sssH`. Thousandths of a second are rounded, and carry into seconds, minutes and degrees.
pub fn dms(degrees: f64, axis: Axis) -> String {
    let (positive, negative) = axis.hemispheres();
    let units = (degrees.abs().min(axis.limit()) * UNITS).round() as u64;
    let hemisphere = if degrees < 0.0 && units > 0 { negative } else { positive };
    let (d, m, s, frac) = (units / 3_600_000, units / 60_000 % 60, units / 1000 % 60, units % 1000);
    format!("{d} {m:02} {s:02}.{frac:03}{hemisphere}")
}

/// Why a text is no coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    Format,
    Range,
}

/// Reads an angle: degrees, or degrees and minutes, or all three, separated by blanks, colons or the signs of the units; the
/// last may have decimals; the hemisphere stands before or behind, or a sign before. With it comes the axis that the
/// hemisphere names.
fn angle(text: &str) -> Result<(f64, Option<Axis>), Bad> {
    let text = text.trim();
    let letter = |c: char| c.is_ascii_alphabetic();
    let (hemisphere, rest) =
        match (text.chars().next().filter(|c| letter(*c)), text.chars().last().filter(|c| letter(*c))) {
            (Some(h), None) => (Some(h), text.get(1..).unwrap_or_default()),
            (None, Some(h)) => (Some(h), text.get(..text.len() - 1).unwrap_or_default()),
            (None, None) => (None, text),
            (Some(_), Some(_)) => return Err(Bad::Format),
        };
    let rest = rest.trim();
    let (sign, digits) = match rest.strip_prefix('-') {
        Some(digits) => (Some(-1.0), digits),
        None => rest.strip_prefix('+').map_or((None, rest), |digits| (Some(1.0), digits)),
    };
    let (axis, factor) = match hemisphere.map(|h| h.to_ascii_uppercase()) {
        None => (None, sign.unwrap_or(1.0)),
        Some(_) if sign.is_some() => return Err(Bad::Format),
        Some('N') => (Some(Axis::Latitude), 1.0),
        Some('S') => (Some(Axis::Latitude), -1.0),
        Some('E') => (Some(Axis::Longitude), 1.0),
        Some('W') => (Some(Axis::Longitude), -1.0),
        Some(_) => return Err(Bad::Format),
    };
    let separator =
        |c: char| c.is_whitespace() || matches!(c, '°' | 'º' | '\'' | '"' | '′' | '″' | '’' | '”' | ':');
    let fields: Vec<&str> = digits.split(separator).filter(|f| !f.is_empty()).take(4).collect();
    if fields.is_empty() || fields.len() > 3 {
        return Err(Bad::Format);
    }
    let (mut total, mut unit) = (0.0, 1.0);
    for (i, field) in fields.iter().enumerate() {
        let whole = field.bytes().all(|b| b.is_ascii_digit());
        let decimal = i + 1 == fields.len()
            && field.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && field.bytes().filter(|b| *b == b'.').count() == 1
            && field.bytes().any(|b| b.is_ascii_digit());
        if !(whole || decimal) || field.len() > 24 {
            return Err(Bad::Format);
        }
        let value: f64 = field.parse().map_err(|_| Bad::Format)?;
        if i > 0 && value >= 60.0 {
            return Err(Bad::Range);
        }
        total += value / unit;
        unit *= 60.0;
    }
    Ok((total * factor, axis))
}

fn fault(bad: Bad, element: &str) -> ParseFault {
    ParseFault::new(if bad == Bad::Format { FaultKind::Format } else { FaultKind::Value }, element)
}

/// Reads a coordinate in a frame.
///
/// # Errors
/// 105 for what is no coordinate, 110 for one that is out of range, 106 where the second is missing.
pub fn read(coord: &Coord, crs: Crs) -> Result<GeoPoint, ParseFault> {
    let second = coord.y.as_ref().ok_or_else(|| ParseFault::new(FaultKind::Missing, "Y"))?;
    if let Some((zone, north)) = zone(coord, crs)? {
        let metres = |text: &Private, element| {
            crate::le::mlp::model::values::decimal(text.as_str())
                .map_err(|_| ParseFault::new(FaultKind::Format, element))
        };
        let (easting, northing) = (metres(&coord.x, "X")?, metres(second, "Y")?);
        return utm::unproject(easting, northing, zone, north)
            .ok_or_else(|| ParseFault::new(FaultKind::Value, "X"));
    }
    let (x, x_axis) = angle(coord.x.as_str()).map_err(|bad| fault(bad, "X"))?;
    let (y, y_axis) = angle(second.as_str()).map_err(|bad| fault(bad, "Y"))?;
    // The hemispheres say which is which, whatever the order.
    let (lat, lon) = match (x_axis, y_axis) {
        (Some(Axis::Longitude), Some(Axis::Latitude)) => (y, x),
        (Some(Axis::Longitude), _) => return Err(ParseFault::new(FaultKind::Value, "X")),
        (_, Some(Axis::Latitude)) => return Err(ParseFault::new(FaultKind::Value, "Y")),
        _ => (x, y),
    };
    if lat.abs() > 90.0 {
        return Err(ParseFault::new(FaultKind::Value, "X"));
    }
    GeoPoint::new(lat, lon).ok_or_else(|| ParseFault::new(FaultKind::Value, "Y"))
}

/// The UTM zone of a coordinate: its own, else that of the frame.
fn zone(coord: &Coord, crs: Crs) -> Result<Option<(u8, bool)>, ParseFault> {
    let of_frame = match crs {
        Crs::Utm { zone, north } => Some((zone, north)),
        Crs::Wgs84 | Crs::Wgs84Height => None,
    };
    let own = match &coord.zone {
        Some(text) => {
            let zone: u8 = text.parse().map_err(|_| ParseFault::new(FaultKind::Format, "Zone"))?;
            if !(1..=60).contains(&zone) {
                return Err(ParseFault::new(FaultKind::Value, "Zone"));
            }
            Some(zone)
        }
        None => None,
    };
    let half = match coord.hemisphere.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("NORTH" | "N") => Some(true),
        Some("SOUTH" | "S") => Some(false),
        Some(_) => return Err(ParseFault::new(FaultKind::Value, "Hemisphere")),
        None => None,
    };
    match (own.or(of_frame.map(|f| f.0)), half.or(of_frame.map(|f| f.1))) {
        (Some(zone), Some(north)) => Ok(Some((zone, north))),
        (Some(_), None) => Err(ParseFault::new(FaultKind::Missing, "Hemisphere")),
        (None, _) => Ok(None),
    }
}

/// Writes a point in a frame; `altitude_m` only where the frame has a third axis.
///
/// # Errors
/// 112 for a point too far from a UTM zone.
pub fn write(at: GeoPoint, altitude_m: Option<f64>, crs: Crs) -> Result<Coord, ParseFault> {
    match crs {
        Crs::Wgs84 | Crs::Wgs84Height => Ok(Coord {
            z: altitude_m.filter(|_| crs == Crs::Wgs84Height).map(|z| Signed((z * 100.0).round() / 100.0)),
            ..Coord::new(dms(at.lat, Axis::Latitude), dms(at.lon, Axis::Longitude))
        }),
        Crs::Utm { zone, north } => {
            let (easting, northing) = utm::project(at, zone, north).ok_or_else(|| {
                ParseFault::new(FaultKind::ValueUnsupported, "code").because("too far from the zone")
            })?;
            Ok(Coord {
                zone: Some(zone.to_string()),
                hemisphere: Some(if north { "NORTH" } else { "SOUTH" }.to_owned()),
                ..Coord::new(format!("{easting:.2}"), format!("{northing:.2}"))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(x: &str, y: &str) -> Result<(f64, f64), u16> {
        read(&Coord::new(x, y), Crs::Wgs84).map(|p| (p.lat, p.lon)).map_err(|f| f.code().0)
    }

    #[test]
    fn seconds_carry() {
        for (degrees, text) in [
            (51.0 + 30.0 / 60.0 + 26.46 / 3600.0, "51 30 26.460N"),
            (59.999_94 / 3600.0, "0 01 00.000N"),
            (59.999_4 / 3600.0, "0 00 59.999N"),
            (1.0 - 1e-9, "1 00 00.000N"),
            (-1e-9, "0 00 00.000N"),
            (0.0, "0 00 00.000N"),
            (-0.0, "0 00 00.000N"),
            (-33.5, "33 30 00.000S"),
            (90.0, "90 00 00.000N"),
            (90.000_001, "90 00 00.000N"),
        ] {
            assert_eq!(dms(degrees, Axis::Latitude), text);
        }
        assert_eq!(dms(-7.661_083_333, Axis::Longitude), "7 39 39.900W");
        assert_eq!(dms(179.999_999_99, Axis::Longitude), "180 00 00.000E");
        assert_eq!(dms(-180.0, Axis::Longitude), "180 00 00.000W");
    }

    #[test]
    fn every_way_to_write_a_coordinate() {
        let london = (51.507_35, -0.127_75);
        for (x, y) in [
            ("51 30 26.460N", "0 07 39.900W"),
            ("51 30 26.46N", "000 7 39.9W"),
            ("51 30  26.46 n", " 0  07 39.90 w"),
            ("51° 30' 26.46\" N", "0°7'39.9\"W"),
            ("N51 30 26.46", "W 0 07 39.9"),
            ("51:30:26.46N", "0:07:39.9W"),
            ("51 30.441N", "0 7.665W"),
            ("51.50735", "-0.12775"),
            ("+51.50735", "-0.12775"),
            ("51.50735N", "0.12775W"),
            // The axes the other way round, but the hemispheres say so.
            ("0 07 39.900W", "51 30 26.460N"),
        ] {
            let (lat, lon) = at(x, y).unwrap_or_else(|code| panic!("{x} {y}: {code}"));
            assert!((lat - london.0).abs() < 1e-9 && (lon - london.1).abs() < 1e-9, "{x} {y}: {lat} {lon}");
        }
    }

    #[test]
    fn what_is_no_coordinate() {
        for (x, y, code) in [
            ("", "0", 105),
            ("x", "0", 105),
            ("51 30 26 1N", "0", 105),
            ("-51 30 26N", "0", 105),
            ("N51N", "0", 105),
            ("51.5 30N", "0", 105),
            ("5e1", "0", 105),
            ("NaN", "0", 105),
            ("51 30 26Q", "0", 105),
            ("--5", "0", 105),
            ("91", "0", 110),
            ("51 60 00N", "0", 110),
            ("51 00 60N", "0", 110),
            ("51 00 00E", "0", 110),
            ("51", "181", 110),
            ("51", "10N", 110),
            ("51", "999999999999999999999999999999", 105),
        ] {
            assert_eq!(at(x, y), Err(code), "{x} {y}");
        }
        let lone = Coord { y: None, ..Coord::new("51", "0") };
        assert_eq!(read(&lone, Crs::Wgs84).unwrap_err().code().0, 106);
    }

    #[test]
    fn utm_by_frame_or_by_zone() {
        let coord = Coord {
            zone: Some("17".into()),
            hemisphere: Some("north".into()),
            ..Coord::new("630084", "4833438")
        };
        let tower = read(&coord, Crs::Wgs84).unwrap();
        assert!((tower.lat - 43.642_567).abs() < 1e-4 && (tower.lon + 79.387_139).abs() < 1e-4);
        let utm17 = Crs::Utm { zone: 17, north: true };
        assert!(read(&Coord::new("630084", "4833438"), utm17).unwrap().distance_m(tower) < 0.01);
        let written = write(tower, None, utm17).unwrap();
        assert!(read(&written, Crs::Wgs84).unwrap().distance_m(tower) < 0.02);
        for bad in [
            Coord { hemisphere: None, ..coord.clone() },
            Coord { zone: Some("61".into()), ..coord.clone() },
            Coord { zone: Some("x".into()), ..coord.clone() },
            Coord { hemisphere: Some("up".into()), ..coord.clone() },
            Coord { x: "1 2 3N".into(), ..coord.clone() },
            Coord { x: "99999999999".into(), ..coord },
        ] {
            assert!(read(&bad, Crs::Wgs84).is_err());
        }
        assert_eq!(write(GeoPoint::new(0.0, 90.0).unwrap(), None, utm17).unwrap_err().code().0, 112);
    }

    proptest! {
        #[test]
        fn written_and_read(lat in -90.0..=90.0f64, lon in -180.0..=180.0f64) {
            let at = GeoPoint::new(lat, lon).unwrap();
            let back = read(&write(at, None, Crs::Wgs84).unwrap(), Crs::Wgs84).unwrap();
            prop_assert!(at.distance_m(back) < 0.025);
            if lat.abs() < 84.0 {
                let crs = Crs::utm_of(at);
                let back = read(&write(at, None, crs).unwrap(), crs).unwrap();
                prop_assert!(at.distance_m(back) < 0.01);
            }
        }

        #[test]
        fn any_text_is_a_coordinate_or_not(x in ".{0,30}", y in "[0-9 .°'\"NSEWnsew+-]{0,20}") {
            if let Ok(p) = read(&Coord::new(x.as_str(), y.as_str()), Crs::Wgs84) {
                prop_assert!(p.lat.abs() <= 90.0 && p.lon.abs() <= 180.0);
            }
            let _ = read(&Coord::new(y, x), Crs::Utm { zone: 1, north: true });
        }
    }
}
