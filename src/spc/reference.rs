//! Roughly where a SET is, and what can be said when that is all there is.

use crate::base::cell::{CellId, LocationId, ReferenceLocation, ReferenceLocator, ReferenceSource};
use crate::base::geo::Ellipse;
use crate::base::{LocationEstimate, PositionMethod, Shape, Utc};
use crate::wire::ulp::Position;

/// Radius taken for a position that a SET gives without uncertainty, metres.
const UNSTATED_M: f64 = 3000.0;
/// How fast a SET may have moved since it took a position, m/s.
const DRIFT_MPS: f64 = 30.0;

/// The best reference location: the smaller of what the SET says of itself and what the table of cells says.
pub fn reference(
    said: Option<&Position>,
    heard: &[LocationId],
    cells: &dyn ReferenceLocator,
    now: Utc,
) -> Option<ReferenceLocation> {
    let said = said.and_then(|p| from_position(p, now));
    let cell = if heard.is_empty() { None } else { cells.locate(heard) };
    match (said, cell) {
        (Some(s), Some(c)) => Some(if s.uncertainty_m <= c.uncertainty_m { s } else { c }),
        (s, c) => s.or(c),
    }
}

fn from_position(p: &Position, now: Utc) -> Option<ReferenceLocation> {
    let stated = p.shape.horizontal_uncertainty_m().filter(|u| u.is_finite()).unwrap_or(UNSTATED_M);
    Some(ReferenceLocation {
        at: p.shape.centre()?,
        altitude_m: p.shape.altitude_m(),
        uncertainty_m: stated + now.since(p.time).as_secs_f64() * DRIFT_MPS,
        source: ReferenceSource::SetPosition,
    })
}

/// The position of the cells that a SET hears as an answer, with the honest uncertainty of the table. A place that is only
/// known by network or country is no position.
pub fn cell_estimate(
    heard: &[LocationId],
    cells: &dyn ReferenceLocator,
    now: Utc,
) -> Option<LocationEstimate> {
    if heard.is_empty() {
        return None;
    }
    let found = cells.locate(heard)?;
    let method = match found.source {
        ReferenceSource::Combined => PositionMethod::EnhancedCellId,
        ReferenceSource::Cell if all_wlan(heard) => PositionMethod::Wlan,
        ReferenceSource::Cell | ReferenceSource::Area => PositionMethod::CellId,
        ReferenceSource::SetPosition | ReferenceSource::Network => return None,
    };
    Some(LocationEstimate { shape: circle(&found), time: now, method, velocity: None })
}

/// A reference location as a shape: an ellipse, with the altitude where it is known.
pub fn circle(r: &ReferenceLocation) -> Shape {
    Shape::Ellipse {
        at: r.at,
        ellipse: Ellipse::circle(r.uncertainty_m, Some(ReferenceLocation::CONFIDENCE)),
    }
}

fn all_wlan(heard: &[LocationId]) -> bool {
    heard.iter().all(|l| matches!(l.cell, None | Some(CellId::Wlan { .. })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::GeoPoint;
    use crate::base::cell::{NoCells, Plmn};

    struct Table(ReferenceSource, f64);

    impl ReferenceLocator for Table {
        fn locate(&self, _: &[LocationId]) -> Option<ReferenceLocation> {
            let at = GeoPoint::new(50.0, 4.0)?;
            Some(ReferenceLocation { at, altitude_m: None, uncertainty_m: self.1, source: self.0 })
        }
    }

    fn heard() -> Vec<LocationId> {
        vec![LocationId::serving(CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 })]
    }

    fn said(unix: i64) -> Position {
        let at = GeoPoint::new(51.0, 4.0).unwrap();
        Position { time: Utc::from_unix_s(unix), shape: Shape::Point(at), velocity: None }
    }

    #[test]
    fn the_smaller_one_wins_and_age_counts() {
        let now = Utc::from_unix_s(1000);
        let cell = Table(ReferenceSource::Cell, 5000.0);
        let fresh = reference(Some(&said(1000)), &heard(), &cell, now).unwrap();
        assert_eq!(fresh.source, ReferenceSource::SetPosition);
        let old = reference(Some(&said(0)), &heard(), &cell, now).unwrap();
        assert_eq!(old.source, ReferenceSource::Cell);
        assert!(reference(None, &heard(), &NoCells, now).is_none());
    }

    #[test]
    fn a_country_is_not_a_position() {
        let now = Utc::from_unix_s(0);
        assert!(cell_estimate(&heard(), &Table(ReferenceSource::Network, 1e6), now).is_none());
        let e = cell_estimate(&heard(), &Table(ReferenceSource::Area, 2e4), now).unwrap();
        assert_eq!(e.method, PositionMethod::CellId);
        assert_eq!(e.shape.horizontal_uncertainty_m(), Some(2e4));
        assert!(cell_estimate(&[], &Table(ReferenceSource::Cell, 1.0), now).is_none());
    }
}
