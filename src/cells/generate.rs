//! Small tables of invented transmitters, for demonstrations and tests.

use std::path::Path;

use super::row::{AREA, CELL, CellKey, CellRow};
use super::table::{Table, TableWriter};
use super::{CellsError, areas, extsort};
use crate::base::cell::{CellId, Plmn};
use crate::base::{GeoPoint, Utc};

/// An invented transmitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    /// What it calls itself.
    pub cell: CellId,
    /// Where it stands.
    pub at: GeoPoint,
    /// How far it is heard, metres.
    pub range_m: u32,
}

impl Site {
    /// A little town around a point: nine masts, 1.5 km apart, that each carry GSM, UMTS, LTE and NR, and four access points
    /// near the middle. Mast `m` (1–9, 5 is in the middle) has the identities `m` in area 1; UMTS has `65536 + m`, the access
    /// points are `02`-free addresses `00:00:5e:00:53:01` to `…:04` (RFC 7042's for documentation).
    pub fn town(centre: GeoPoint, plmn: Plmn) -> Vec<Self> {
        let east_m = 111_320.0 * centre.lat.to_radians().cos().max(0.01);
        let shifted = |north: f64, east: f64| {
            let lat = (centre.lat + north / 111_320.0).clamp(-90.0, 90.0);
            let lon = crate::base::geo::wrap_deg(centre.lon + east / east_m);
            GeoPoint::new(lat, lon).unwrap_or(centre)
        };
        let mut sites = Vec::new();
        for (m, (row, column)) in (1_u16..).zip((-1..=1).flat_map(|r| (-1..=1).map(move |c| (r, c)))) {
            let at = shifted(f64::from(row) * 1500.0, f64::from(column) * 1500.0);
            let cells = [
                (CellId::Gsm { plmn, lac: 1, ci: m }, 2500),
                (CellId::Wcdma { plmn, uc: 65_536 + u32::from(m) }, 2000),
                (CellId::Lte { plmn, tac: 1, eci: u32::from(m) }, 2000),
                (CellId::Nr { plmn, tac: 1, nci: u64::from(m) }, 1000),
            ];
            sites.extend(cells.map(|(cell, range_m)| Self { cell, at, range_m }));
        }
        for n in 1..=4_u8 {
            let mac = [0x00, 0x00, 0x5e, 0x00, 0x53, n];
            let at = shifted(f64::from(n) * 20.0, f64::from(n % 2) * 30.0);
            sites.push(Self { cell: CellId::Wlan { mac }, at, range_m: 100 });
        }
        sites
    }
}

/// Writes a table of these transmitters, in place of what was there, and opens it.
pub fn generate(path: &Path, sites: &[Site], now: Utc) -> Result<Table, CellsError> {
    let fail = |e| CellsError::io(path, e);
    let mut rows: Vec<CellRow> = sites
        .iter()
        .map(|s| CellRow {
            key: CellKey::of(&s.cell),
            at: s.at,
            range_m: s.range_m,
            samples: 1000,
            updated: u32::try_from(now.unix_s()).unwrap_or(0),
        })
        .collect();
    rows.sort_by_key(|r| r.key);
    rows.dedup_by_key(|r| r.key);
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(fail)?;
    let mut writer = TableWriter::create(path).map_err(fail)?;
    let mut members = extsort::Sorter::<AREA>::new(dir, rows.len() * CELL);
    for row in &rows {
        writer.cell(row).map_err(fail)?;
        if let Some(member) = areas::member(row) {
            members.push(member).map_err(fail)?;
        }
    }
    let areas = areas::Areas::new(members.finish(Vec::new()).map_err(fail)?);
    writer.finish(areas, now.unix_s()).map_err(fail)?;
    Table::open(path)
}
