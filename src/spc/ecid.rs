//! Enhanced cell id over LPP: what a SET measured of cells, added to the cells that it named in ULP.

use crate::base::cell::{CellId, CellStatus, LocationId};
use crate::wire::lpp::EcidKinds;
use crate::wire::measure::EcidMeasurement;

/// Cells of one SET that are kept.
const MAX_CELLS: usize = 64;
/// Metres of a second of the difference between reception and transmission, which is there and back.
const M_PER_S: f64 = 299_792_458.0 / 2.0;

/// Of what a SET can measure, what tells its place from a cell's: the powers and the round trip of LTE.
pub(super) fn wanted(can: EcidKinds) -> Option<EcidKinds> {
    let wanted = EcidKinds { rsrp: can.rsrp, rsrq: can.rsrq, rx_tx: can.rx_tx, ..EcidKinds::default() };
    (wanted != EcidKinds::default()).then_some(wanted)
}

/// Adds measurements to the cells known: to the cell of the same identity, the primary one without an identity to the LTE cell
/// that serves; other cells of which only a number on the air is known say nothing of a place.
pub fn merge(known: &mut Vec<LocationId>, measured: &[EcidMeasurement]) {
    for m in measured {
        let same = |l: &LocationId| match (l.cell, m.cell) {
            // LPP leaves the tracking area out.
            (Some(CellId::Lte { plmn, eci, .. }), Some(CellId::Lte { plmn: p, eci: e, .. })) => {
                (plmn, eci) == (p, e)
            }
            (Some(CellId::Lte { .. }), None) => m.primary && l.serving,
            (l, m) => l.is_some() && l == m,
        };
        let cell = if let Some(cell) = known.iter_mut().find(|l| same(l)) {
            cell
        } else {
            let Some(id) = m.cell.filter(|_| known.len() < MAX_CELLS) else { continue };
            known.push(LocationId { serving: m.primary, ..LocationId::serving(id) });
            let Some(cell) = known.last_mut() else { continue };
            cell
        };
        cell.power_dbm = m.rsrp_dbm.or(cell.power_dbm);
        cell.range_m = m.rx_tx_s.map(|s| s * M_PER_S).or(cell.range_m);
        cell.status = CellStatus::Current;
        cell.age = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cell::Plmn;

    const PLMN: Plmn = Plmn { mcc: 262, mnc: 1 };

    fn lte(tac: u16, eci: u32) -> CellId {
        CellId::Lte { plmn: PLMN, tac, eci }
    }

    fn measurement(cell: Option<CellId>, primary: bool) -> EcidMeasurement {
        EcidMeasurement {
            physical_id: 7,
            cell,
            earfcn: 1300,
            primary,
            rsrp_dbm: Some(-95.0),
            rsrq_db: None,
            rx_tx_s: primary.then_some(10e-6),
        }
    }

    #[test]
    fn measurements_find_their_cells() {
        let stale = LocationId { status: CellStatus::Stale, ..LocationId::serving(lte(12, 100)) };
        let mut known = vec![stale, LocationId { serving: false, ..LocationId::serving(lte(12, 200)) }];
        let measured = [
            measurement(Some(lte(0, 100)), true),
            measurement(Some(lte(0, 200)), false),
            measurement(Some(lte(0, 300)), false),
            measurement(None, false),
        ];
        merge(&mut known, &measured);
        assert_eq!(known.len(), 3, "the one without a name says nothing");
        assert_eq!((known[0].status, known[0].power_dbm), (CellStatus::Current, Some(-95.0)));
        assert!((known[0].range_m.unwrap() - 1_499.0).abs() < 1.0);
        assert_eq!((known[1].range_m, known[1].power_dbm), (None, Some(-95.0)));
        assert_eq!((known[2].cell, known[2].serving), (Some(lte(0, 300)), false));
    }

    #[test]
    fn the_primary_cell_without_a_name_is_the_serving_one() {
        let mut known = vec![LocationId::serving(lte(12, 100))];
        merge(&mut known, &[measurement(None, true)]);
        assert!(known[0].range_m.is_some());
        let gsm = CellId::Gsm { plmn: PLMN, lac: 1, ci: 2 };
        let mut other = vec![LocationId::serving(gsm)];
        merge(&mut other, &[measurement(None, true)]);
        assert!(other.len() == 1 && other[0].range_m.is_none());
    }

    #[test]
    fn their_number_is_bounded() {
        let mut known = Vec::new();
        for n in 0..200 {
            merge(&mut known, &[measurement(Some(lte(0, n)), false)]);
        }
        assert_eq!(known.len(), MAX_CELLS);
    }
}
