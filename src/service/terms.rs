//! Under which terms a position is told: how exactly, and what may be done with it.
//!
//! A subscriber's rule may say that a position is told no more exactly than within a radius. Then the centre of the cell of a fixed
//! grid is told in its place, with a circle around it that holds the target: asking again and again gives the same circle and not
//! the means to average it away. The cell that was told is kept as long as its circle still holds the target, so that one who stands
//! at a border of the grid is not given away by answers that change from one side to the other. Speed, height and the uncertainty's
//! own shape are left out. As with the method of RFC 6772 §6.5.2, which has the same aim, whoever follows a moving target learns
//! where it left a circle.

use std::collections::HashMap;
use std::f64::consts::{SQRT_2, TAU};
use std::sync::{Mutex, PoisonError};

use crate::base::{GeoPoint, LocationEstimate, SetId, Shape};

/// Terms of a position. The default: as it is known, not to be passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Within how many metres it is told; `None`: as it is known.
    pub radius_m: Option<u32>,
    /// Whether it may be passed on.
    pub retransmission: bool,
    /// For how long it may be kept, seconds; `None`: not said.
    pub retention_s: Option<u32>,
}

impl Terms {
    /// The terms when both of two rules hold: what either permits.
    #[must_use]
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            radius_m: self.radius_m.zip(other.radius_m).map(|(a, b)| a.min(b)),
            retransmission: self.retransmission || other.retransmission,
            retention_s: self.retention_s.max(other.retention_s),
        }
    }
}

/// Largest radius within which positions are told, metres.
pub const MOST_COARSE_M: u32 = 1_000_000;
/// A degree of latitude is nowhere longer, metres.
const DEGREE_M: f64 = 111_694.0;
/// Radius of the equator, metres.
const EQUATOR_M: f64 = 6_378_137.0;
/// Cells that are remembered.
const REMEMBERED: usize = 100_000;

/// The cells that were told of targets.
#[derive(Default)]
pub(super) struct Coarse {
    told: Mutex<HashMap<(SetId, u32), GeoPoint>>,
}

impl Coarse {
    /// An estimate of a target as these terms let it be told.
    pub(super) fn tell(&self, target: &SetId, estimate: LocationEstimate, terms: Terms) -> LocationEstimate {
        let Some(radius) = terms.radius_m.filter(|r| *r > 0) else { return estimate };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (target.clone(), radius);
        let coarse = within(&estimate, radius, told.get(&key).copied());
        if let Some(centre) = coarse.shape.centre() {
            if told.len() >= REMEMBERED && !told.contains_key(&key) {
                // Rather than a way of forgetting that costs more than what is lost: the next answer of each starts anew.
                told.clear();
            }
            told.insert(key, centre);
        }
        coarse
    }
}

/// The estimate within a radius, around `before` if that still does.
fn within(estimate: &LocationEstimate, radius: u32, before: Option<GeoPoint>) -> LocationEstimate {
    let radius_m = f64::from(radius.min(MOST_COARSE_M));
    let vague = match &estimate.shape {
        Shape::Circle { radius_m: own, .. } => *own >= radius_m,
        Shape::Ellipse { ellipse, .. } => ellipse.semi_minor_m.min(ellipse.semi_major_m) >= radius_m,
        _ => false,
    };
    let plain = LocationEstimate { velocity: None, ..estimate.clone() };
    if vague {
        return plain;
    }
    // A polygon without corners is nowhere.
    let Some(at) = estimate.shape.centre() else { return plain };
    let own = estimate.shape.horizontal_uncertainty_m().filter(|u| u.is_finite()).unwrap_or(0.0);
    let centre = before.filter(|b| b.distance_m(at) <= radius_m).unwrap_or_else(|| cell(at, radius_m));
    LocationEstimate { shape: Shape::Circle { at: centre, radius_m: radius_m + own }, ..plain }
}

/// The centre of the cell in which a place lies. No place of a cell is farther than `radius_m` from its centre.
fn cell(at: GeoPoint, radius_m: f64) -> GeoPoint {
    let side_m = radius_m * SQRT_2 * 0.98;
    let height = side_m / DEGREE_M;
    let row = (at.lat / height).floor();
    let (south, north) = ((row * height).max(-90.0), ((row + 1.0) * height).min(90.0));
    // The width is measured where the row is widest.
    let widest = if south <= 0.0 && north >= 0.0 { 0.0 } else { south.abs().min(north.abs()) };
    let around_m = TAU * EQUATOR_M * widest.to_radians().cos().max(0.0);
    let columns = (around_m / side_m).ceil().max(1.0);
    let width = 360.0 / columns;
    let column = ((at.lon + 180.0) / width).floor().clamp(0.0, columns - 1.0);
    let (lat, lon) = (f64::midpoint(south, north), (column + 0.5) * width - 180.0);
    // Around a pole a row of one cell has its centre in the pole.
    let lat = if columns < 4.0 && widest > 80.0 { if at.lat > 0.0 { 90.0 } else { -90.0 } } else { lat };
    GeoPoint::new(lat, lon.clamp(-180.0, 180.0)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::geo::{Ellipse, Velocity};
    use crate::base::{PositionMethod, Utc};
    use crate::service::parse_identity;

    fn at(lat: f64, lon: f64) -> GeoPoint {
        GeoPoint::new(lat, lon).unwrap()
    }

    fn exact(place: GeoPoint) -> LocationEstimate {
        LocationEstimate {
            shape: Shape::Ellipsoid {
                at: place,
                ellipse: Ellipse::circle(5.0, Some(68)),
                altitude_m: 50.0,
                altitude_unc_m: 3.0,
            },
            time: Utc::from_unix_s(1000),
            method: PositionMethod::AgnssMsBased,
            velocity: Some(Velocity {
                speed_mps: 1.0,
                bearing_deg: 2.0,
                vertical_mps: None,
                speed_unc_mps: None,
                vertical_unc_mps: None,
            }),
        }
    }

    #[test]
    fn nothing_but_the_circle_is_told() {
        let told = within(&exact(at(51.5, -0.12)), 5000, None);
        let Shape::Circle { at: centre, radius_m } = told.shape else { panic!() };
        assert_eq!((radius_m, told.velocity), (5005.0, None));
        assert!(centre.distance_m(at(51.5, -0.12)) <= 5000.0);
        let vague = LocationEstimate {
            shape: Shape::Circle { at: at(1.0, 2.0), radius_m: 9000.0 },
            ..exact(at(0.0, 0.0))
        };
        assert_eq!(within(&vague, 5000, None).shape, vague.shape);
        let long =
            Ellipse { semi_major_m: 9000.0, semi_minor_m: 5.0, orientation_deg: 0.0, confidence: None };
        let long = LocationEstimate { shape: Shape::Ellipse { at: at(1.0, 2.0), ellipse: long }, ..vague };
        assert!(matches!(within(&long, 5000, None).shape, Shape::Circle { .. }));
    }

    #[test]
    fn a_target_at_a_border_stays_in_its_circle() {
        let coarse = Coarse::default();
        let id = parse_identity("msisdn:491700000001").unwrap();
        let terms = Terms { radius_m: Some(1000), ..Terms::default() };
        let tell = |place| coarse.tell(&id, exact(place), terms).shape.centre().unwrap();
        let first = tell(at(50.0, 4.0));
        // Back and forth over a border of the grid: there is one within two kilometres.
        for k in 0..40 {
            let place = at(50.0 + 0.0004 * f64::from(k % 20), 4.0);
            if first.distance_m(place) <= 1000.0 {
                assert_eq!(tell(place), first);
            }
        }
        assert_ne!(tell(at(50.1, 4.0)), first);
        let free = coarse.tell(&id, exact(at(50.0, 4.0)), Terms::default());
        assert_eq!(free, exact(at(50.0, 4.0)));
    }

    #[test]
    fn terms_of_two_rules_permit_what_either_does() {
        let a = Terms { radius_m: Some(100), retransmission: false, retention_s: Some(5) };
        let b = Terms { radius_m: Some(50), retransmission: true, retention_s: None };
        assert_eq!(a.union(b), Terms { radius_m: Some(50), retransmission: true, retention_s: Some(5) });
        assert_eq!(a.union(Terms::default()).radius_m, None);
    }

    proptest! {
        #[test]
        fn the_circle_holds_the_target(lat in -90.0f64..=90.0, lon in -180.0f64..=180.0, radius in 1u32..=1_000_000) {
            let place = at(lat, lon);
            let told = within(&exact(place), radius, None);
            let centre = told.shape.centre().unwrap();
            prop_assert!(centre.distance_m(place) <= f64::from(radius), "{} m of {radius}", centre.distance_m(place));
            // Whoever is told the circle is told no more when it is told again of another place in the cell.
            prop_assert_eq!(cell(place, f64::from(radius)), centre);
        }
    }
}
