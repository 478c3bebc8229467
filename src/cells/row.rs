//! The records of a table and their keys, as fixed-size bytes that sort as their keys do.

use crate::base::GeoPoint;
use crate::base::cell::{CellId, Plmn};

/// Bytes of a transmitter's key.
pub(super) const CELL_KEY: usize = 15;
/// Bytes of a transmitter's record.
pub(super) const CELL: usize = CELL_KEY + 20;
/// Bytes of an area's key.
pub(super) const AREA_KEY: usize = 9;
/// Bytes of an area's record.
pub(super) const AREA: usize = AREA_KEY + 16;

/// `samples` of a transmitter whose position the operator gave.
pub(super) const FROM_OPERATOR: u32 = u32::MAX;

/// Radio technology, as keys carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Radio {
    Gsm = 1,
    Wcdma = 2,
    Lte = 3,
    Nr = 4,
    Cdma = 5,
    Wlan = 6,
}

impl Radio {
    pub(super) const fn from_byte(b: u8) -> Option<Self> {
        Some(match b {
            1 => Self::Gsm,
            2 => Self::Wcdma,
            3 => Self::Lte,
            4 => Self::Nr,
            5 => Self::Cdma,
            6 => Self::Wlan,
            _ => return None,
        })
    }

    /// Whether the area is part of the cell's identity. In LTE and NR the cell is unique in its network, and areas are
    /// renumbered; ULP's WCDMA cell has no area.
    const fn area_identifies(self) -> bool {
        matches!(self, Self::Gsm | Self::Cdma)
    }
}

/// Whose a record is. In order: radio, network, cell, area.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey {
    pub(super) radio: Radio,
    /// CDMA has its system identity here, WLAN nothing.
    pub(super) plmn: Plmn,
    /// Cell, base station or MAC address: 48 bits.
    pub(super) cell: u64,
    /// Location or tracking area, CDMA network identity.
    pub(super) area: u32,
}

impl CellKey {
    /// The key of a cell heard, with area 0 where its identity has none.
    pub(super) const fn of(id: &CellId) -> Self {
        let none = Plmn { mcc: 0, mnc: 0 };
        let (radio, plmn, cell, area) = match *id {
            CellId::Gsm { plmn, lac, ci } => (Radio::Gsm, plmn, ci as u64, lac as u32),
            CellId::Wcdma { plmn, uc } => (Radio::Wcdma, plmn, uc as u64, 0),
            CellId::Lte { plmn, tac, eci } => (Radio::Lte, plmn, eci as u64, tac as u32),
            CellId::Nr { plmn, tac, nci } => (Radio::Nr, plmn, nci, tac),
            CellId::Cdma { sid, nid, base_id } => {
                (Radio::Cdma, Plmn { mcc: 0, mnc: sid }, base_id as u64, nid as u32)
            }
            CellId::Wlan { mac } => {
                let [a, b, c, d, e, f] = mac;
                (Radio::Wlan, none, u64::from_be_bytes([0, 0, a, b, c, d, e, f]), 0)
            }
        };
        Self { radio, plmn, cell, area }
    }

    pub(super) fn bytes(self) -> [u8; CELL_KEY] {
        let mut out = [0; CELL_KEY];
        let mut w = Writer(&mut out);
        w.put(&[self.radio as u8]);
        w.put(&self.plmn.mcc.to_be_bytes());
        w.put(&self.plmn.mnc.to_be_bytes());
        w.put(&self.cell.to_be_bytes()[2..]);
        w.put(&self.area.to_be_bytes());
        out
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let radio = Radio::from_byte(r.u8())?;
        let plmn = Plmn { mcc: r.u16(), mnc: r.u16() };
        Some(Self { radio, plmn, cell: r.u48(), area: r.u32() })
    }

    /// Whether a record of `self` may be taken for `heard`.
    pub(super) fn answers(self, heard: Self) -> bool {
        let same = (self.radio, self.plmn, self.cell) == (heard.radio, heard.plmn, heard.cell);
        same && (self.area == heard.area || !heard.radio.area_identifies())
    }

    /// The area this cell is in.
    pub(super) fn area(self) -> AreaKey {
        AreaKey { radio: self.radio, plmn: self.plmn, area: self.area }
    }
}

/// A location or tracking area.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AreaKey {
    pub(super) radio: Radio,
    pub(super) plmn: Plmn,
    pub(super) area: u32,
}

impl AreaKey {
    pub(super) fn bytes(self) -> [u8; AREA_KEY] {
        let mut out = [0; AREA_KEY];
        let mut w = Writer(&mut out);
        w.put(&[self.radio as u8]);
        w.put(&self.plmn.mcc.to_be_bytes());
        w.put(&self.plmn.mnc.to_be_bytes());
        w.put(&self.area.to_be_bytes());
        out
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let radio = Radio::from_byte(r.u8())?;
        let plmn = Plmn { mcc: r.u16(), mnc: r.u16() };
        Some(Self { radio, plmn, area: r.u32() })
    }
}

/// A transmitter.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct CellRow {
    pub(super) key: CellKey,
    pub(super) at: GeoPoint,
    /// Metres from the position within which it was heard.
    pub(super) range_m: u32,
    /// On how many measurements the position rests; [`FROM_OPERATOR`] when on none.
    pub(super) samples: u32,
    /// When it was last heard, POSIX seconds; 0 when not known.
    pub(super) updated: u32,
}

impl CellRow {
    pub(super) fn bytes(&self) -> [u8; CELL] {
        let mut out = [0; CELL];
        let mut w = Writer(&mut out);
        w.put(&self.key.bytes());
        w.point(self.at);
        w.put(&self.range_m.to_be_bytes());
        w.put(&self.samples.to_be_bytes());
        w.put(&self.updated.to_be_bytes());
        out
    }

    pub(super) fn read(bytes: &[u8; CELL]) -> Option<Self> {
        let mut r = Reader(bytes);
        let key = CellKey::read(&mut r)?;
        Some(Self { key, at: r.point()?, range_m: r.u32(), samples: r.u32(), updated: r.u32() })
    }

    /// Of two records of one transmitter, the one that rests on more measurements, else the newer.
    pub(super) fn better(self, other: Self) -> Self {
        if (other.samples, other.updated) > (self.samples, self.updated) { other } else { self }
    }
}

/// The middle of an area, from the transmitters known in it.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct AreaRow {
    pub(super) key: AreaKey,
    pub(super) at: GeoPoint,
    /// Metres, 95 %.
    pub(super) radius_m: u32,
    /// How many transmitters it rests on.
    pub(super) cells: u32,
}

impl AreaRow {
    pub(super) fn bytes(&self) -> [u8; AREA] {
        let mut out = [0; AREA];
        let mut w = Writer(&mut out);
        w.put(&self.key.bytes());
        w.point(self.at);
        w.put(&self.radius_m.to_be_bytes());
        w.put(&self.cells.to_be_bytes());
        out
    }

    pub(super) fn read(bytes: &[u8; AREA]) -> Option<Self> {
        let mut r = Reader(bytes);
        let key = AreaKey::read(&mut r)?;
        Some(Self { key, at: r.point()?, radius_m: r.u32(), cells: r.u32() })
    }
}

/// Degrees as stored: 1e-7.
fn fixed(deg: f64) -> i32 {
    (deg * 1e7).round() as i32
}

struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    /// The arrays of this file have room for what is put into them; what has none is left out.
    fn put(&mut self, bytes: &[u8]) {
        let space = std::mem::take(&mut self.0);
        if let Some((head, tail)) = space.split_at_mut_checked(bytes.len()) {
            head.copy_from_slice(bytes);
            self.0 = tail;
        }
    }

    fn point(&mut self, at: GeoPoint) {
        self.put(&fixed(at.lat).to_be_bytes());
        self.put(&fixed(at.lon).to_be_bytes());
    }
}

/// Reads from an array that is long enough; past its end are zeros.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.0 = tail;
                *head
            }
            None => [0; N],
        }
    }

    fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.take())
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u48(&mut self) -> u64 {
        u64::from(self.u16()) << 32 | u64::from(self.u32())
    }

    fn point(&mut self) -> Option<GeoPoint> {
        let (lat, lon) = (i32::from_be_bytes(self.take()), i32::from_be_bytes(self.take()));
        GeoPoint::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip_and_sort_by_key() {
        let plmn = Plmn { mcc: 270, mnc: 1 };
        let row = |cell, area| CellRow {
            key: CellKey { radio: Radio::Nr, plmn, cell, area },
            at: GeoPoint::new(-49.6, 179.999_999_9).unwrap(),
            range_m: 1234,
            samples: 5,
            updated: 1_600_000_000,
        };
        let rows = [row(1, 7), row(1, 8), row(256, 0), row((1 << 36) - 1, 0xff_ffff)];
        assert!(rows.map(|r| r.bytes()).is_sorted());
        for r in rows {
            assert!(CellRow::read(&r.bytes()) == Some(r));
        }
        let area = AreaRow { key: rows[0].key.area(), at: rows[0].at, radius_m: 9, cells: 3 };
        assert!(AreaRow::read(&area.bytes()) == Some(area));
        assert!(CellRow::read(&[0; CELL]).is_none());
    }

    #[test]
    fn areas_count_where_they_identify() {
        let plmn = Plmn { mcc: 270, mnc: 1 };
        let gsm = CellKey::of(&CellId::Gsm { plmn, lac: 5, ci: 9 });
        assert!(!CellKey { area: 6, ..gsm }.answers(gsm));
        let lte = CellKey::of(&CellId::Lte { plmn, tac: 5, eci: 9 });
        assert!(CellKey { area: 6, ..lte }.answers(lte));
        assert!(!lte.answers(gsm));
    }
}
