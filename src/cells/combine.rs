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

/// The place that the candidates agree on.
///
/// Rows of tables are wrong now and then: an access point moved with its owner, a cell was given another number. Such a one has no
/// less a radius than the others, so that its place must not count before it is known whether it fits: first the largest
/// group is found whose circles meet one of it. Then the SET is where the circles of the group overlap, and the stated
/// radius is that of the overlap: transmitters heard together are no independent witnesses, whose mean would be better than
/// that.
pub(super) fn combine(candidates: &[Candidate]) -> Option<ReferenceLocation> {
    let mut group = consensus(candidates)?;
    // What is known of the transmitters themselves goes before what is known of their areas.
    let best = group.iter().map(|c| c.source).min()?;
    group.retain(|c| c.source == best);
    let smallest = smallest(&group)?;
    group.retain(|c| meets(c, &smallest));
    if group.len() == 1 {
        return Some(alone(&smallest));
    }
    let source = if best == ReferenceSource::Cell { ReferenceSource::Combined } else { best };
    let (at, uncertainty_m) = overlap(&group, &smallest)?;
    Some(ReferenceLocation { at, altitude_m: None, uncertainty_m, source })
}

/// Weight of a witness: that a place is known by its area only is half a word, and the serving cell is heard best.
fn voice(c: &Candidate) -> f64 {
    let known = if c.source == ReferenceSource::Area { 0.4 } else { 1.0 };
    if c.serving { known * 1.4 } else { known }
}

/// The candidates whose circles meet that of one of them, chosen so that most voices are among them. Of equally strong groups
/// the one that rests on better ground counts, then the one with the smaller circle.
fn consensus(candidates: &[Candidate]) -> Option<Vec<Candidate>> {
    let middle = candidates.iter().max_by(|a, b| {
        voices(a, candidates)
            .total_cmp(&voices(b, candidates))
            .then_with(|| b.source.cmp(&a.source))
            .then_with(|| b.radius_m.total_cmp(&a.radius_m))
    })?;
    Some(candidates.iter().filter(|c| meets(middle, c)).copied().collect())
}

/// Whether two circles have a point in common.
fn meets(a: &Candidate, b: &Candidate) -> bool {
    distance_m(a.at, b.at) <= a.radius_m + b.radius_m
}

/// What speaks for one.
fn voices(c: &Candidate, among: &[Candidate]) -> f64 {
    among.iter().filter(|o| meets(c, o)).map(voice).sum()
}

/// The smallest circle that meets nearly as many of its group as any: a small one that hangs on by another's width only is the one
/// that is wrong.
fn smallest(group: &[Candidate]) -> Option<Candidate> {
    let most = group.iter().map(|c| voices(c, group)).fold(0.0, f64::max);
    group
        .iter()
        .filter(|c| voices(c, group) >= 0.75 * most)
        .min_by(|a, b| a.radius_m.total_cmp(&b.radius_m))
        .copied()
}

fn alone(c: &Candidate) -> ReferenceLocation {
    ReferenceLocation { at: c.at, altitude_m: None, uncertainty_m: c.radius_m, source: c.source }
}

/// Middle of the overlap of circles, and the radius around it that holds 95 % of it.
///
/// The overlap is soft: one transmitter in twenty is heard beyond its circle, and one in thirty is tabled wrongly enough to say
/// nothing. It is looked at in steps of a sixteenth of the smallest circle, in which the SET is nearly always.
fn overlap(group: &[Candidate], smallest: &Candidate) -> Option<(GeoPoint, f64)> {
    const STEPS: i32 = 20;
    const WRONG: f64 = 0.03;
    let origin = smallest.at;
    let step = smallest.radius_m * 1.25 / f64::from(STEPS);
    let north_m = 111_195.0;
    // At the poles a plane in degrees has no end; nobody is heard there.
    let east_m = north_m * origin.lat.to_radians().cos().max(1e-3);
    let circles: Vec<(f64, f64, f64)> = group
        .iter()
        .map(|c| {
            let east = wrap_deg(c.at.lon - origin.lon) * east_m;
            (east, (c.at.lat - origin.lat) * north_m, c.radius_m.max(1.0))
        })
        .collect();
    let inside = |east: f64, north: f64| -> f64 {
        let of = |(x, y, r): &(f64, f64, f64)| {
            let beyond = ((east - x).powi(2) + (north - y).powi(2)) / (r * r);
            WRONG + (1.0 - WRONG) / (1.0 + beyond.powi(6))
        };
        circles.iter().map(of).product()
    };
    let mut places = Vec::with_capacity(((2 * STEPS + 1) * (2 * STEPS + 1)) as usize);
    for i in -STEPS..=STEPS {
        for j in -STEPS..=STEPS {
            let (east, north) = (f64::from(i) * step, f64::from(j) * step);
            places.push((east, north, inside(east, north)));
        }
    }
    let total: f64 = places.iter().map(|(.., w)| w).sum();
    let mean = |f: &dyn Fn(&(f64, f64, f64)) -> f64| places.iter().map(|p| p.2 * f(p)).sum::<f64>() / total;
    let (east, north) = (mean(&|p| p.0), mean(&|p| p.1));
    let mut away: Vec<(f64, f64)> =
        places.iter().map(|(x, y, w)| ((x - east).hypot(y - north), w / total)).collect();
    away.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut held = 0.0;
    let radius = away.iter().find(|(_, w)| {
        held += w;
        held >= 0.95
    })?;
    let at = GeoPoint::new(
        (origin.lat + north / north_m).clamp(-90.0, 90.0),
        wrap_deg(origin.lon + east / east_m),
    )?;
    // A step is as fine as this looks.
    let radius_m = (radius.0 + step).min(smallest.radius_m);
    (total > 0.0 && radius_m.is_finite()).then_some((at, radius_m))
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
        let r =
            combine(&[cell(49.6, 6.1, 3000.0), cell(49.61, 6.11, 3000.0), cell(49.6, 6.12, 3000.0)]).unwrap();
        assert_eq!(r.source, ReferenceSource::Combined);
        assert!((1500.0..=3000.0).contains(&r.uncertainty_m), "{}", r.uncertainty_m);
        assert!((r.at.lat - 49.603).abs() < 0.01);
    }

    #[test]
    fn a_cell_on_another_continent_is_dropped() {
        let r = combine(&[cell(49.6, 6.1, 3000.0), cell(-33.0, 151.0, 3000.0), cell(49.61, 6.1, 3000.0)])
            .unwrap();
        assert!(r.at.lat > 49.0);
        let serving = Candidate { serving: true, ..cell(49.6, 6.1, 9000.0) };
        let r = combine(&[cell(-33.0, 151.0, 1000.0), serving]).unwrap();
        assert!(r.at.lat > 49.0 && r.source == ReferenceSource::Cell);
        let r = combine(&[cell(-33.0, 151.0, 1000.0), cell(49.6, 6.1, 9000.0)]).unwrap();
        assert!(r.at.lat < 0.0, "the smaller circle");
    }

    #[test]
    fn cells_go_before_areas() {
        let area = Candidate { source: ReferenceSource::Area, ..cell(40.0, 6.0, 100.0) };
        let r = combine(&[area, cell(49.6, 6.1, 3000.0)]).unwrap();
        assert!(r.at.lat > 49.0 && r.source == ReferenceSource::Cell);
        assert!(combine(&[]).is_none());
    }

    /// A wrong row may claim to be exact: its small circle must not drag the mean to itself.
    #[test]
    fn a_small_circle_elsewhere_does_not_win() {
        for far in [cell(48.8, 2.3, 300.0), ap(49.9, 6.1), cell(49.7, 6.12, 300.0)] {
            let good = [cell(49.6, 6.1, 3000.0), cell(49.61, 6.11, 2500.0), cell(49.6, 6.12, 4000.0)];
            let r = combine(&[good.as_slice(), &[far]].concat()).unwrap();
            let true_place = GeoPoint::new(49.605, 6.11).unwrap();
            assert!(distance_m(r.at, true_place) <= r.uncertainty_m, "{} {}", r.at.lat, r.uncertainty_m);
        }
    }

    #[test]
    fn across_the_antimeridian() {
        let r = combine(&[cell(0.0, 179.99, 5000.0), cell(0.0, -179.99, 5000.0)]).unwrap();
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
