//! The middle and the spread of location and tracking areas, from the transmitters known in them.

use std::io;

use super::extsort::Merge;
use super::radius::{distance_m, of_row};
use super::row::{AREA_KEY, AreaKey, AreaRow, CellRow, Radio};
use crate::base::GeoPoint;
use crate::base::geo::wrap_deg;

/// Bytes of a transmitter as it is sorted by area: an area's record with one transmitter in it.
pub(super) use super::row::AREA as MEMBER;

/// Transmitters of one area that are looked at; of more, every second, fourth… one.
const MOST: usize = 1 << 16;
/// Smallest radius of an area of which one transmitter is known, metres; it shrinks with the root of their number.
const UNKNOWN_AREA_M: f64 = 30_000.0;

/// A transmitter as a member of its area; `None` for access points, which have none.
pub(super) fn member(row: &CellRow) -> Option<[u8; MEMBER]> {
    (row.key.radio != Radio::Wlan).then(|| {
        let radius_m = of_row(row).round() as u32;
        AreaRow { key: row.key.area(), at: row.at, radius_m, cells: 1 }.bytes()
    })
}

/// Areas in order, from members in order.
pub(super) struct Areas<'a> {
    members: Merge<'a, MEMBER>,
    ahead: Option<AreaRow>,
}

impl<'a> Areas<'a> {
    pub(super) fn new(members: Merge<'a, MEMBER>) -> Self {
        Self { members, ahead: None }
    }

    fn member(&mut self) -> Option<io::Result<AreaRow>> {
        if let Some(ahead) = self.ahead.take() {
            return Some(Ok(ahead));
        }
        loop {
            match self.members.next()? {
                Ok(bytes) => {
                    if let Some(row) = AreaRow::read(&bytes) {
                        return Some(Ok(row));
                    }
                }
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

impl Iterator for Areas<'_> {
    type Item = io::Result<AreaRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = match self.member()? {
            Ok(row) => row,
            Err(e) => return Some(Err(e)),
        };
        let mut group = Group::new(first.key);
        group.add(&first);
        while let Some(member) = self.member() {
            match member {
                Ok(row) if row.key == group.key => group.add(&row),
                Ok(row) => {
                    self.ahead = Some(row);
                    break;
                }
                Err(e) => return Some(Err(e)),
            }
        }
        Some(Ok(group.area()))
    }
}

struct Group {
    key: AreaKey,
    members: Vec<(GeoPoint, u32)>,
    seen: usize,
    stride: usize,
}

impl Group {
    fn new(key: AreaKey) -> Self {
        Self { key, members: Vec::new(), seen: 0, stride: 1 }
    }

    fn add(&mut self, row: &AreaRow) {
        if self.seen.is_multiple_of(self.stride) {
            self.members.push((row.at, row.radius_m));
        }
        self.seen += 1;
        if self.members.len() >= MOST {
            let mut keep = false;
            self.members.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }

    /// Medians, since tables hold cells that are hundreds of kilometres off.
    fn area(self) -> AreaRow {
        let origin = self.members.first().map_or(GeoPoint { lat: 0.0, lon: 0.0 }, |m| m.0);
        let mut lats: Vec<f64> = self.members.iter().map(|m| m.0.lat).collect();
        let mut easts: Vec<f64> = self.members.iter().map(|m| wrap_deg(m.0.lon - origin.lon)).collect();
        let middle = quantile(&mut lats, 0.5).zip(quantile(&mut easts, 0.5));
        let at =
            middle.and_then(|(lat, east)| GeoPoint::new(lat, wrap_deg(origin.lon + east))).unwrap_or(origin);
        let mut distances: Vec<f64> = self.members.iter().map(|m| distance_m(at, m.0)).collect();
        let mut radii: Vec<f64> = self.members.iter().map(|m| f64::from(m.1)).collect();
        let root = (self.members.len().max(1) as f64).sqrt();
        // The spread of a few is less than that of all; and a SET is up to a cell's radius from its cell.
        let spread = quantile(&mut distances, 0.95).unwrap_or(0.0) * (1.0 + 1.0 / root);
        let reach = quantile(&mut radii, 0.5).unwrap_or(0.0);
        let radius_m = (spread + reach).max(UNKNOWN_AREA_M / root).round() as u32;
        let cells = u32::try_from(self.seen).unwrap_or(u32::MAX);
        AreaRow { key: self.key, at, radius_m, cells }
    }
}

/// The value below which a share of the values are, rounded up to one of them.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let n = values.len();
    let at = ((n as f64 * share).ceil() as usize).clamp(1, n.max(1)) - 1;
    (at < n).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Bytes of the key by which members are sorted first.
const _: () = assert!(AREA_KEY < MEMBER);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cell::Plmn;
    use crate::cells::extsort::Sorter;

    fn areas(members: &[(u32, f64, f64)]) -> Vec<AreaRow> {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::<MEMBER>::new(dir.path(), 1 << 16);
        for (area, lat, lon) in members {
            let key = AreaKey { radio: Radio::Lte, plmn: Plmn { mcc: 1, mnc: 1 }, area: *area };
            let at = GeoPoint::new(*lat, *lon).unwrap();
            sorter.push(AreaRow { key, at, radius_m: 2000, cells: 1 }.bytes()).unwrap();
        }
        Areas::new(sorter.finish(Vec::new()).unwrap()).map(Result::unwrap).collect()
    }

    #[test]
    fn one_stray_cell_does_not_move_an_area() {
        let mut members: Vec<_> = (0..100).map(|i| (7, 49.0 + f64::from(i) * 0.001, 6.0)).collect();
        members.push((7, -10.0, 100.0));
        members.push((9, 50.0, 5.0));
        let found = areas(&members);
        assert_eq!(found.len(), 2);
        assert!((found[0].at.lat - 49.05).abs() < 0.01 && found[0].cells == 101);
        assert!((5_000..15_000).contains(&found[0].radius_m), "{}", found[0].radius_m);
        assert_eq!((found[1].cells, found[1].radius_m), (1, 30_000), "one cell says little of its area");
    }

    #[test]
    fn an_area_over_the_antimeridian() {
        let found = areas(&[(1, 0.0, 179.9), (1, 0.0, -179.9), (1, 0.0, 179.95)]);
        assert!(found[0].at.lon > 179.8);
        assert!(found[0].radius_m < 60_000);
    }

    #[test]
    fn large_areas_are_thinned() {
        let mut group = Group::new(AreaKey { radio: Radio::Gsm, plmn: Plmn { mcc: 1, mnc: 1 }, area: 1 });
        for i in 0..(MOST * 3) {
            let at = GeoPoint::new(10.0 + (i % 100) as f64 * 1e-3, 10.0).unwrap();
            group.add(&AreaRow { key: group.key, at, radius_m: 1, cells: 1 });
        }
        assert!(group.members.len() < MOST);
        let area = group.area();
        assert_eq!(area.cells as usize, MOST * 3);
        assert!((area.at.lat - 10.05).abs() < 0.005);
    }
}
