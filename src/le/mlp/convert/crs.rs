//! Coordinate reference systems, by EPSG code.

use super::utm;
use crate::base::GeoPoint;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::model::GeoInfo;

/// A frame in which coordinates are read and written. Axes are in EPSG's order: latitude before longitude, easting before
/// northing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Crs {
    /// EPSG 4326: WGS 84 in two dimensions; MLP's default.
    #[default]
    Wgs84,
    /// EPSG 4979: WGS 84 with the ellipsoidal height as third coordinate.
    Wgs84Height,
    /// EPSG 326zz and 327zz: UTM on WGS 84.
    Utm {
        /// 1–60.
        zone: u8,
        /// Northern half.
        north: bool,
    },
}

impl Crs {
    /// From an EPSG code; `None` for one that is not supported.
    pub const fn from_epsg(code: u32) -> Option<Self> {
        match code {
            4326 => Some(Self::Wgs84),
            4979 => Some(Self::Wgs84Height),
            32601..=32660 => Some(Self::Utm { zone: (code - 32600) as u8, north: true }),
            32701..=32760 => Some(Self::Utm { zone: (code - 32700) as u8, north: false }),
            _ => None,
        }
    }

    /// The EPSG code.
    pub const fn epsg(self) -> u32 {
        match self {
            Self::Wgs84 => 4326,
            Self::Wgs84Height => 4979,
            Self::Utm { zone, north: true } => 32600 + zone as u32,
            Self::Utm { zone, north: false } => 32700 + zone as u32,
        }
    }

    /// The frame that a request asks for; WGS 84 where it asks for none.
    ///
    /// # Errors
    /// 112 for a code or a space of codes that is not supported, 110 for what is no code at all.
    pub fn of_geo_info(info: Option<&GeoInfo>) -> Result<Self, ParseFault> {
        let Some(info) = info else { return Ok(Self::Wgs84) };
        let id = &info.crs.identifier;
        if !id.code_space.to_ascii_lowercase().contains("epsg") {
            return Err(ParseFault::new(FaultKind::ValueUnsupported, "codeSpace"));
        }
        let digits = id.code.rsplit([':', '#', '/']).next().unwrap_or_default();
        let code = digits.parse().map_err(|_| ParseFault::new(FaultKind::Value, "code"))?;
        Self::from_epsg(code).ok_or_else(|| ParseFault::new(FaultKind::ValueUnsupported, "code"))
    }

    /// The frame of a shape's `srsName`, as `www.epsg.org#4326`: the digits at its end.
    ///
    /// # Errors
    /// 113 for a frame that is not supported.
    pub(super) fn of_srs_name(name: Option<&str>, element: &str, default: Self) -> Result<Self, ParseFault> {
        let Some(name) = name.filter(|n| !n.is_empty()) else { return Ok(default) };
        let start = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + 1);
        name.get(start..)
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::from_epsg)
            .ok_or_else(|| ParseFault::at_attribute(FaultKind::AttributeValueUnsupported, element, "srsName"))
    }

    /// As `srsName` is written.
    pub(super) fn srs_name(self) -> String {
        format!("www.epsg.org#{}", self.epsg())
    }

    /// The UTM zone of a place.
    pub fn utm_of(at: GeoPoint) -> Self {
        Self::Utm { zone: utm::zone(at), north: at.lat >= 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::mlp::model::{CoordinateReferenceSystem, Identifier, PositionData, Strict};

    fn info(code: &str, space: &str) -> GeoInfo {
        let identifier = Identifier { code: code.into(), code_space: space.into(), edition: "6.1".into() };
        GeoInfo {
            wanted: PositionData::Shape,
            strict: Strict::Yes,
            crs: CoordinateReferenceSystem { identifier },
        }
    }

    #[test]
    fn codes_that_are_known_and_not() {
        assert_eq!(Crs::of_geo_info(None), Ok(Crs::Wgs84));
        assert_eq!(Crs::of_geo_info(Some(&info("4326", "EPSG"))), Ok(Crs::Wgs84));
        assert_eq!(Crs::of_geo_info(Some(&info("EPSG:4979", "www.epsg.org"))), Ok(Crs::Wgs84Height));
        assert_eq!(Crs::of_geo_info(Some(&info("32733", "EPSG"))), Ok(Crs::Utm { zone: 33, north: false }));
        let code = |code, space| Crs::of_geo_info(Some(&info(code, space))).unwrap_err().code().0;
        assert_eq!(code("4258", "EPSG"), 112);
        assert_eq!(code("32661", "EPSG"), 112);
        assert_eq!(code("4326", "OGC"), 112);
        assert_eq!(code("WGS84", "EPSG"), 110);
    }

    #[test]
    fn names_of_shapes() {
        for name in [
            "www.epsg.org#4326",
            "www.epsg.org/#4326",
            "http://www.opengis.net/gml/srs/epsg.xml#4326",
            "EPSG:4326",
        ] {
            assert_eq!(Crs::of_srs_name(Some(name), "Point", Crs::Wgs84Height), Ok(Crs::Wgs84), "{name}");
        }
        assert_eq!(Crs::of_srs_name(None, "Point", Crs::Wgs84Height), Ok(Crs::Wgs84Height));
        for name in ["www.epsg.org#27700", "local", "4326x", "99999999999999"] {
            assert_eq!(
                Crs::of_srs_name(Some(name), "Point", Crs::Wgs84).unwrap_err().code().0,
                113,
                "{name}"
            );
        }
        for crs in [
            Crs::Wgs84,
            Crs::Wgs84Height,
            Crs::Utm { zone: 1, north: true },
            Crs::Utm { zone: 60, north: false },
        ] {
            assert_eq!(Crs::of_srs_name(Some(&crs.srs_name()), "", Crs::Wgs84), Ok(crs));
        }
    }
}
