//! The tables people exchange: cells as OpenCelliD and the Mozilla Location Service write them, and WLAN access points.
//!
//! Cells: `radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal`; access points:
//! `bssid,lat,lon,range`, with `ssid`, `samples` and `updated` where a header names them. Either may come with a header, whose
//! order of columns then counts, or without.

use super::row::{CellKey, CellRow, FROM_OPERATOR, Radio};
use crate::base::GeoPoint;
use crate::base::cell::{CellId, Plmn};

/// Most columns looked at.
const COLUMNS: usize = 32;
/// Largest range believed, metres: GSM's extended cells end at 120 km; what is beyond says only that the row is vague.
const MAX_RANGE_M: f64 = 500_000.0;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RowError {
    /// Fewer columns than needed, or a line too long.
    #[error("columns missing, or the line is too long")]
    Shape,
    /// An unknown radio technology.
    #[error("unknown radio technology")]
    Radio,
    /// An identity that is no number, or out of its range.
    #[error("identity out of range")]
    Identity,
    /// No place on Earth, or exactly where the equator meets the zero meridian, which tables use for "unknown".
    #[error("no usable position")]
    Position,
    /// A range, count or time that is negative or no number.
    #[error("range, count or time out of range")]
    Value,
    /// An access point whose owner wants it left out (`_nomap`), or whose address is random or of a group.
    #[error("access point not to be mapped")]
    NotMapped,
}

/// What a row can hold, in the order of the default layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Radio,
    Mcc,
    Net,
    Area,
    Cell,
    Lon,
    Lat,
    Range,
    Samples,
    Changeable,
    Updated,
    Mac,
    Ssid,
}

impl Field {
    fn named(name: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "radio" => Self::Radio,
            "mcc" => Self::Mcc,
            "net" | "mnc" | "sid" => Self::Net,
            "area" | "lac" | "tac" | "nid" => Self::Area,
            "cell" | "cellid" | "cid" => Self::Cell,
            "lon" | "lng" | "longitude" => Self::Lon,
            "lat" | "latitude" => Self::Lat,
            "range" | "accuracy" => Self::Range,
            "samples" => Self::Samples,
            "changeable" => Self::Changeable,
            "updated" => Self::Updated,
            "bssid" | "mac" => Self::Mac,
            "ssid" => Self::Ssid,
            _ => return None,
        })
    }
}

/// Which column holds what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    fields: Vec<Option<Field>>,
}

impl Layout {
    /// The layout of a file by its first line, and whether that line is a header. `None` when it is neither a header nor a
    /// row of one of the default layouts.
    pub(super) fn detect(line: &[u8]) -> Option<(Self, bool)> {
        let mut columns = [&[][..]; COLUMNS];
        let n = split(line, &mut columns);
        let columns = columns.get(..n)?;
        let named: Vec<_> = columns.iter().map(|c| Field::named(c)).collect();
        let has = |f| named.contains(&Some(f));
        let place = has(Field::Lat) && has(Field::Lon);
        let cell = has(Field::Radio) && has(Field::Net) && has(Field::Area) && has(Field::Cell);
        if place && (cell || has(Field::Mac)) {
            return Some((Self { fields: named }, true));
        }
        let first = columns.first()?;
        if radio(first).is_some() {
            use Field as F;
            let fields = [
                Some(F::Radio),
                Some(F::Mcc),
                Some(F::Net),
                Some(F::Area),
                Some(F::Cell),
                None,
                Some(F::Lon),
                Some(F::Lat),
                Some(F::Range),
                Some(F::Samples),
                Some(F::Changeable),
                None,
                Some(F::Updated),
            ];
            return Some((Self { fields: fields.to_vec() }, false));
        }
        if mac(first).is_some() {
            let fields = [Field::Mac, Field::Lat, Field::Lon, Field::Range].map(Some);
            return Some((Self { fields: fields.to_vec() }, false));
        }
        None
    }

    /// Reads a row. `imported` (POSIX seconds) stands in for a time that the row does not give.
    pub(super) fn parse(&self, line: &[u8], imported: u32) -> Result<CellRow, RowError> {
        let mut columns = [&[][..]; COLUMNS];
        let n = split(line, &mut columns);
        let column = |field| {
            let at = self.fields.iter().position(|f| *f == Some(field))?;
            columns.get(..n)?.get(at).copied().map(<[u8]>::trim_ascii)
        };
        let required = |field| column(field).filter(|c| !c.is_empty()).ok_or(RowError::Shape);
        let optional = |field| column(field).filter(|c| !c.is_empty());

        let key = if self.fields.contains(&Some(Field::Mac)) {
            let mac = mac(required(Field::Mac)?).ok_or(RowError::Identity)?;
            let unmapped = optional(Field::Ssid).is_some_and(|s| s.ends_with(b"_nomap"));
            // Group addresses name no transmitter, locally administered ones change.
            if unmapped || mac[0] & 0b11 != 0 {
                return Err(RowError::NotMapped);
            }
            CellKey::of(&CellId::Wlan { mac })
        } else {
            let radio = radio(required(Field::Radio)?).ok_or(RowError::Radio)?;
            let number =
                |field, most| integer(required(field)?).filter(|v| *v <= most).ok_or(RowError::Identity);
            cell_key(radio, number)?
        };
        let lat = real(required(Field::Lat)?).ok_or(RowError::Position)?;
        let lon = real(required(Field::Lon)?).ok_or(RowError::Position)?;
        let at = GeoPoint::new(lat, lon).filter(|_| lat != 0.0 || lon != 0.0).ok_or(RowError::Position)?;
        let range = optional(Field::Range).map_or(Some(0.0), real).ok_or(RowError::Value)?;
        if !(0.0..f64::INFINITY).contains(&range) {
            return Err(RowError::Value);
        }
        let count = |field, missing| optional(field).map_or(Some(missing), integer).ok_or(RowError::Value);
        let samples = match count(Field::Changeable, 1)? {
            0 => FROM_OPERATOR,
            _ => u32::try_from(count(Field::Samples, 1)?)
                .map_or(FROM_OPERATOR - 1, |s| s.min(FROM_OPERATOR - 1)),
        };
        let updated =
            u32::try_from(count(Field::Updated, u64::from(imported))?).map_err(|_| RowError::Value)?;
        Ok(CellRow { key, at, range_m: range.min(MAX_RANGE_M).round() as u32, samples, updated })
    }
}

/// The key of a cell whose numbers `number` reads and bounds.
fn cell_key(radio: Radio, number: impl Fn(Field, u64) -> Result<u64, RowError>) -> Result<CellKey, RowError> {
    let (most_net, most_area, most_cell) = match radio {
        Radio::Gsm => (999, 0xffff, 0xffff),
        Radio::Wcdma | Radio::Lte => (999, 0xffff, (1 << 28) - 1),
        Radio::Nr => (999, 0xff_ffff, (1 << 36) - 1),
        Radio::Cdma | Radio::Wlan => (0x7fff, 0xffff, 0xffff),
    };
    let mcc = number(Field::Mcc, 999)?;
    let mnc = number(Field::Net, most_net)? as u16;
    let area = number(Field::Area, most_area)? as u32;
    let cell = number(Field::Cell, most_cell)?;
    if mcc == 0 {
        return Err(RowError::Identity);
    }
    // A CDMA system identity stands by itself: what a SET reports has no country.
    let mcc = if radio == Radio::Cdma { 0 } else { mcc as u16 };
    Ok(CellKey { radio, plmn: Plmn { mcc, mnc }, cell, area })
}

fn radio(text: &[u8]) -> Option<Radio> {
    const NAMES: [(&[u8], Radio); 6] = [
        (b"GSM", Radio::Gsm),
        (b"UMTS", Radio::Wcdma),
        (b"WCDMA", Radio::Wcdma),
        (b"LTE", Radio::Lte),
        (b"NR", Radio::Nr),
        (b"CDMA", Radio::Cdma),
    ];
    NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, radio)| *radio)
}

/// Twelve hexadecimal digits, with or without `:` or `-` between the octets.
fn mac(text: &[u8]) -> Option<[u8; 6]> {
    let mut octets = [0; 6];
    let separated = text.len() == 17;
    if !separated && text.len() != 12 {
        return None;
    }
    let step = if separated { 3 } else { 2 };
    for (octet, pair) in octets.iter_mut().zip(text.chunks(step)) {
        let (digits, separator) = pair.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) || !matches!(separator, [] | [b':' | b'-']) {
            return None;
        }
        *octet = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(octets)
}

fn integer(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

fn real(text: &[u8]) -> Option<f64> {
    let v: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    v.is_finite().then_some(v)
}

/// Splits a line at its commas, respecting quotes; returns how many columns there are, at most [`COLUMNS`].
fn split<'a>(line: &'a [u8], columns: &mut [&'a [u8]; COLUMNS]) -> usize {
    let mut rest = line.trim_ascii_end();
    let mut n = 0;
    for column in columns.iter_mut() {
        n += 1;
        let quoted = rest.first() == Some(&b'"');
        let end = if quoted {
            // A doubled quote inside a quoted column ends it and begins it anew: only the last one before a comma closes it.
            let mut inside = false;
            rest.iter().position(|b| {
                inside ^= *b == b'"';
                *b == b',' && !inside
            })
        } else {
            rest.iter().position(|b| *b == b',')
        };
        let (text, more) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 1..)),
            None => (rest, None),
        };
        *column = if quoted { text.strip_circumfix_quotes() } else { text };
        match more {
            Some(more) => rest = more,
            None => break,
        }
    }
    n
}

trait StripQuotes {
    fn strip_circumfix_quotes(&self) -> &[u8];
}

impl StripQuotes for [u8] {
    fn strip_circumfix_quotes(&self) -> &[u8] {
        let t = self.trim_ascii();
        t.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).unwrap_or(t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] =
        b"radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal\r\n";

    fn parse(line: &str) -> Result<CellRow, RowError> {
        let (layout, header) = Layout::detect(HEADER).unwrap();
        assert!(header);
        layout.parse(line.as_bytes(), 7)
    }

    #[test]
    fn a_cell_row_with_and_without_header() {
        let line =
            "UMTS,270,1,1011,27336122,0,6.6020965576172,49.772872924805,1000,3,1,1480673568,1480673569,0\r\n";
        let row = parse(line).unwrap();
        assert!((row.at.lat - 49.772_872_9).abs() < 1e-6 && (row.at.lon - 6.602_096_6).abs() < 1e-6);
        assert_eq!((row.range_m, row.samples, row.updated), (1000, 3, 1_480_673_569));
        assert_eq!((row.key.cell, row.key.area, row.key.plmn.mcc), (27_336_122, 1011, 270));
        let (bare, header) = Layout::detect(line.as_bytes()).unwrap();
        assert!(!header && bare.parse(line.as_bytes(), 7) == Ok(row));
        // Other orders and names of columns.
        let (other, _) = Layout::detect(b"lat,lon,radio,mcc,mnc,lac,cellid").unwrap();
        let row = other.parse(b"49.5,6.5,gsm,270,1,5,6", 7).unwrap();
        assert_eq!((row.samples, row.updated, row.range_m), (1, 7, 0));
        // A position the operator gave.
        assert_eq!(parse("GSM,270,1,5,6,0,6,49,10,0,0,0,0,0").unwrap().samples, FROM_OPERATOR);
    }

    #[test]
    fn garbage_is_refused_by_kind() {
        for (line, error) in [
            ("", RowError::Shape),
            ("GSM,270,1,5", RowError::Shape),
            ("AMPS,270,1,5,6,0,6,49,10,1,1,0,0,0", RowError::Radio),
            ("GSM,1000,1,5,6,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("GSM,0,1,5,6,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("GSM,270,1,65536,6,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("GSM,270,1,5,65536,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("GSM,270,1,5,-6,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("LTE,270,1,5,268435456,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("NR,270,1,5,68719476736,0,6,49,10,1,1,0,0,0", RowError::Identity),
            ("GSM,270,1,5,6,0,181,49,10,1,1,0,0,0", RowError::Position),
            ("GSM,270,1,5,6,0,6,NaN,10,1,1,0,0,0", RowError::Position),
            ("GSM,270,1,5,6,0,0,0,10,1,1,0,0,0", RowError::Position),
            ("GSM,270,1,5,6,0,6,49,-1,1,1,0,0,0", RowError::Value),
            ("GSM,270,1,5,6,0,6,49,inf,1,1,0,0,0", RowError::Value),
            ("GSM,270,1,5,6,0,6,49,10,-3,1,0,0,0", RowError::Value),
            ("GSM,270,1,5,6,0,6,49,10,1,1,0,99999999999,0", RowError::Value),
        ] {
            assert_eq!(parse(line).err(), Some(error), "{line}");
        }
        assert!(Layout::detect(b"%PDF-1.4").is_none());
        assert!(Layout::detect(b"").is_none());
    }

    #[test]
    fn access_points() {
        let (layout, header) = Layout::detect(b"bssid,ssid,lat,lon,range").unwrap();
        assert!(header);
        let row = layout.parse(br#"00:1A:2b:00:00:01,"home, sweet",49.5,6.5,60"#, 9).unwrap();
        assert_eq!((row.key.radio, row.key.cell, row.range_m), (Radio::Wlan, 0x001a_2b00_0001, 60));
        assert_eq!(row.updated, 9);
        for (line, error) in [
            ("00:1A:2b:00:00:01,mine_nomap,49.5,6.5,60", RowError::NotMapped),
            (r#"00:1A:2b:00:00:01,"m,ine_nomap",49.5,6.5,60"#, RowError::NotMapped),
            ("02:1A:2b:00:00:01,x,49.5,6.5,60", RowError::NotMapped),
            ("01:1A:2b:00:00:01,x,49.5,6.5,60", RowError::NotMapped),
            ("00:1A:2b:00:00,x,49.5,6.5,60", RowError::Identity),
            ("00:1A:2b:00:00:0g,x,49.5,6.5,60", RowError::Identity),
            ("00é1A:2b:00:00:01,x,49.5,6.5,60", RowError::Identity),
        ] {
            assert_eq!(layout.parse(line.as_bytes(), 9).err(), Some(error), "{line}");
        }
        let (bare, header) = Layout::detect(b"001a2b000001,49.5,6.5,60").unwrap();
        assert!(!header && bare.parse(b"00-1a-2b-00-00-01,49.5,6.5,60", 9) == Ok(row));
    }
}
