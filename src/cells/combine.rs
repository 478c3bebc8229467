//! One place out of several transmitters heard.

use super::radius::distance_m;
use crate::base::GeoPoint;
use crate::base::cell::{ReferenceLocation, ReferenceSource};
use crate::base::geo::wrap_deg;

/// A transmitter that places the SET within a circle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) at: GeoPoint,
    /// Metres, 95 %.
    pub(super) radius_m: f64,
    pub(super) source: ReferenceSource,
    pub(super) serving: bool,
    pub(super) access_point: bool,
}

/// Largest distance between access points that a SET hears at once, metres.
const AP_APART_M: f64 = 1_000.0;

/// Drops access points that may not be used: those without another one near, unless a single one is enough. One that is far
/// from the rest was moved since it was tabled.
pub(super) fn keep_plausible_access_points(candidates: &mut Vec<Candidate>, single_is_enough: bool) {
    let aps: Vec<Candidate> = candidates.iter().copied().filter(|c| c.access_point).collect();
    let near = |c: &Candidate| {
        let apart = |o: &&Candidate| distance_m(c.at, o.at) <= AP_APART_M + c.radius_m + o.radius_m;
        aps.iter().filter(apart).count()
    };
    let most = aps.iter().map(near).max().unwrap_or(0);
    let needed = if single_is_enough { 1 } else { 2 };
    // The largest group wins; a second one of the same size would leave no telling where the SET is.
    let enough = most >= needed;
    let centre = aps.iter().find(|c| near(c) == most).copied();
    candidates.retain(|c| {
        !c.access_point
            || enough
                && centre.is_some_and(|m| distance_m(m.at, c.at) <= AP_APART_M + m.radius_m + c.radius_m)
    });
}

/// The place that the candidates agree on. Circles that do not meet cannot all be right: the one farthest from the rest is
/// dropped until the others meet.
pub(super) fn combine(mut candidates: Vec<Candidate>) -> Option<ReferenceLocation> {
    // What is known of the transmitters themselves goes before what is known of their areas.
    let best = candidates.iter().map(|c| c.source).min()?;
    candidates.retain(|c| c.source == best);
    loop {
        let middle = weighted_middle(&candidates)?;
        if candidates.len() == 1 {
            return Some(alone(candidates.first()?));
        }
        let misfit = |c: &Candidate| distance_m(middle.at, c.at) / c.radius_m;
        let worst = candidates.iter().enumerate().max_by(|a, b| misfit(a.1).total_cmp(&misfit(b.1)))?;
        if misfit(worst.1) <= 1.5 {
            return Some(together(&middle, &candidates, best));
        }
        let drop = if candidates.len() == 2 { less_believed(&candidates) } else { worst.0 };
        candidates.remove(drop);
    }
}

/// Of two that contradict each other: the one that does not serve, else the larger.
fn less_believed(candidates: &[Candidate]) -> usize {
    match candidates {
        [a, b] if a.serving != b.serving => usize::from(a.serving),
        [a, b] => usize::from(b.radius_m >= a.radius_m),
        _ => 0,
    }
}

fn alone(c: &Candidate) -> ReferenceLocation {
    ReferenceLocation { at: c.at, altitude_m: None, uncertainty_m: c.radius_m, source: c.source }
}

struct Middle {
    at: GeoPoint,
    /// Radius that independent circles would leave.
    ideal_m: f64,
}

/// The mean of the centres, each with the inverse square of its radius as its weight.
fn weighted_middle(candidates: &[Candidate]) -> Option<Middle> {
    let origin = candidates.first()?.at;
    let weight = |c: &Candidate| c.radius_m.max(1.0).powi(-2);
    let total: f64 = candidates.iter().map(weight).sum();
    let mean =
        |f: &dyn Fn(&Candidate) -> f64| candidates.iter().map(|c| weight(c) * f(c)).sum::<f64>() / total;
    let lat = mean(&|c| c.at.lat);
    let east = mean(&|c| wrap_deg(c.at.lon - origin.lon));
    let at = GeoPoint::new(lat, wrap_deg(origin.lon + east))?;
    Some(Middle { at, ideal_m: total.recip().sqrt() })
}

/// Circles that meet. Transmitters heard together are no independent witnesses (they stand on the same masts, and the same
/// tables misplace them), so the gain is bounded to half of the smallest circle, and the spread of the centres counts.
fn together(middle: &Middle, candidates: &[Candidate], best: ReferenceSource) -> ReferenceLocation {
    let smallest = candidates.iter().map(|c| c.radius_m).fold(f64::INFINITY, f64::min);
    let nearest = candidates.iter().map(|c| distance_m(middle.at, c.at) + 0.5 * c.radius_m);
    let spread = nearest.fold(f64::INFINITY, f64::min);
    let uncertainty_m = middle.ideal_m.max(smallest / 2.0).max(spread.min(smallest));
    let source = if best == ReferenceSource::Cell { ReferenceSource::Combined } else { best };
    ReferenceLocation { at: middle.at, altitude_m: None, uncertainty_m, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(lat: f64, lon: f64, radius_m: f64) -> Candidate {
        Candidate {
            at: GeoPoint::new(lat, lon).unwrap(),
            radius_m,
            source: ReferenceSource::Cell,
            serving: false,
            access_point: false,
        }
    }

    fn ap(lat: f64, lon: f64) -> Candidate {
        Candidate { access_point: true, ..cell(lat, lon, 100.0) }
    }

    #[test]
    fn agreeing_cells_narrow_but_not_beyond_half() {
        let r = combine(vec![cell(49.6, 6.1, 3000.0), cell(49.61, 6.11, 3000.0), cell(49.6, 6.12, 3000.0)])
            .unwrap();
        assert_eq!(r.source, ReferenceSource::Combined);
        assert!((1500.0..=3000.0).contains(&r.uncertainty_m), "{}", r.uncertainty_m);
        assert!((r.at.lat - 49.603).abs() < 0.01);
    }

    #[test]
    fn a_cell_on_another_continent_is_dropped() {
        let r = combine(vec![cell(49.6, 6.1, 3000.0), cell(-33.0, 151.0, 3000.0), cell(49.61, 6.1, 3000.0)])
            .unwrap();
        assert!(r.at.lat > 49.0);
        let serving = Candidate { serving: true, ..cell(49.6, 6.1, 9000.0) };
        let r = combine(vec![cell(-33.0, 151.0, 1000.0), serving]).unwrap();
        assert!(r.at.lat > 49.0 && r.source == ReferenceSource::Cell);
        let r = combine(vec![cell(-33.0, 151.0, 1000.0), cell(49.6, 6.1, 9000.0)]).unwrap();
        assert!(r.at.lat < 0.0, "the smaller circle");
    }

    #[test]
    fn cells_go_before_areas() {
        let area = Candidate { source: ReferenceSource::Area, ..cell(40.0, 6.0, 100.0) };
        let r = combine(vec![area, cell(49.6, 6.1, 3000.0)]).unwrap();
        assert!(r.at.lat > 49.0 && r.source == ReferenceSource::Cell);
        assert!(combine(Vec::new()).is_none());
    }

    #[test]
    fn across_the_antimeridian() {
        let r = combine(vec![cell(0.0, 179.99, 5000.0), cell(0.0, -179.99, 5000.0)]).unwrap();
        assert!(r.at.lon.abs() > 179.98);
    }

    #[test]
    fn one_access_point_alone_places_nobody() {
        let mut one = vec![ap(49.6, 6.1), cell(49.6, 6.1, 3000.0)];
        keep_plausible_access_points(&mut one, false);
        assert_eq!(one.len(), 1);
        // Two that cannot be heard together are as one.
        let mut apart = vec![ap(49.6, 6.1), ap(48.0, 2.0)];
        keep_plausible_access_points(&mut apart, false);
        assert!(apart.is_empty());
        let mut moved = vec![ap(48.0, 2.0), ap(49.6, 6.1), ap(49.6001, 6.1)];
        keep_plausible_access_points(&mut moved, false);
        assert_eq!(moved.len(), 2);
        assert!(moved.iter().all(|c| c.at.lat > 49.0));
        let mut allowed = vec![ap(49.6, 6.1)];
        keep_plausible_access_points(&mut allowed, true);
        assert_eq!(allowed.len(), 1);
    }
}
