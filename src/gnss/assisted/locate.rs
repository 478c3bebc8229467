//! The whole way from measurements to a position.

use super::ambiguity::{self, Candidate, Spread};
use super::doppler;
use super::estimate::{Estimate, Priors, Problem, TIME};
use super::faults::{FEW, LEFT_OUT, Settled, Weighed, settle, weigh, without};
use super::fix::{Fix, Rejected, Rejection, Used};
use super::prepare::{MS_M, Prepared, Row, prepare};
use super::velocity::velocity;
use super::{Cannot, MeasurementSet, Reference};
use crate::base::geo::Ellipse;
use crate::gnss::SkySnapshot;
use crate::gnss::solve::Ionosphere;
use crate::gnss::visibility::{Ecef, Observer, from_ecef};

/// Sigma of the handset's time, seconds, with which the search begins: what it states is not believed until the
/// measurements agree.
const COARSE_S: f64 = 2.0;
/// How often what a handset states of its time is false.
const FALSE_TIME: f64 = 0.05;
/// How much worse the measurements may fit when the handset's time is believed, in squared sigmas.
const TIME_GATE: f64 = 12.0;
/// How far around the reference location the search goes, metres, when its uncertainty finds nothing.
const SEARCHES_M: [f64; 3] = [20_000.0, 150_000.0, 600_000.0];
/// By how much, in squared sigmas, the best place must fit better than the next.
const MARGIN: f64 = 8.0;
/// Places farther apart than this are different answers, metres.
const APART_M: f64 = 5_000.0;
/// Semi-major axis of a 95 % ellipse beyond which an answer is none, metres.
const WIDEST_M: f64 = 100_000.0;
/// Sigmas of a 95 % interval.
const ONE: f64 = 1.96;

/// Position of a handset from what it measured.
///
/// The reference location helps to find the whole milliseconds and the altitude; it may be a hundred kilometres from the
/// truth. Without one the Doppler shifts of a handset that hardly moves have to tell where to begin. Several sets are taken as measured at one place. The work is bounded, whatever the input.
///
/// # Errors
/// The reason why there is no position that could be answered for.
pub fn locate(
    sky: &SkySnapshot,
    sets: &[MeasurementSet],
    reference: Option<&Reference>,
) -> Result<Fix, Cannot> {
    let prepared = prepare(sky, sets);
    if prepared.measured == 0 {
        return Err(Cannot::NoMeasurements);
    }
    let usable = u8::try_from(prepared.satellites(|_| true)).unwrap_or(u8::MAX);
    let few = |needed| Cannot::TooFew { measured: prepared.measured, usable, needed };
    if usable < 3 {
        return Err(few(3));
    }
    let own = match reference.filter(|r| r.uncertainty_m.is_finite()) {
        Some(r) => *r,
        None => doppler::place(&prepared).ok_or(Cannot::NoReference)?,
    };
    let reference = &own;
    if usable == 3 && reference.altitude_m.is_none() {
        return Err(few(4));
    }
    let when = prepared.sets.last().ok_or(Cannot::NoMeasurements)?.0;
    // The search looks at many places, for which a model that takes a microsecond is good enough.
    let rough = Problem::new(&prepared, Ionosphere::klobuchar(sky, when));
    let best = Search { problem: &rough, reference }.best()?;
    let fine = Problem::new(&prepared, Ionosphere::of(sky, when));
    let search = Search { problem: &fine, reference };
    let (settled, priors) = search.refine(best);
    search.answer(&settled, &priors)
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    reference: &'a Reference,
}

/// A place that explains the measurements.
struct Found {
    settled: Settled,
    /// Squared sigmas of everything.
    score: f64,
}

impl Search<'_> {
    fn prepared(&self) -> &Prepared {
        self.problem.prepared
    }

    fn start(&self) -> (Observer, f64) {
        let altitude = self.reference.altitude_m.filter(|a| a.is_finite()).unwrap_or(200.0);
        let altitude = altitude.clamp(-500.0, 15_000.0);
        (Observer::new(self.reference.at, altitude), altitude)
    }

    /// Worst time uncertainty stated by a set, seconds.
    fn stated_time_s(&self) -> f64 {
        self.prepared().sets.iter().map(|s| s.1).fold(0.0, f64::max)
    }

    /// The place that explains the measurements best, when no other does nearly as well.
    fn best(&self) -> Result<Found, Cannot> {
        let mut found: Vec<Found> = Vec::new();
        let unc = self.reference.uncertainty_m.max(1.0);
        let mut reached = 0.0;
        for around in SEARCHES_M {
            let around = around.max(1.3 * unc);
            if around <= reached {
                continue;
            }
            reached = around;
            for trust in [true, false] {
                // Only where handsets claim to know whole milliseconds is there something to distrust.
                let claims = self.prepared().rows.iter().any(|r| (r.modulus_m - MS_M).abs() > 1.0);
                if trust || claims {
                    self.look_around(around, trust, &mut found);
                }
            }
            found.sort_by(|a, b| a.score.total_cmp(&b.score));
            if found.first().is_some_and(|f| self.convinces(f)) {
                break;
            }
        }
        let mut ranked = found.into_iter();
        let best = ranked.next().ok_or(Cannot::Inconsistent)?;
        if best.settled.count() < 3 {
            return Err(Cannot::Inconsistent);
        }
        let rivals = |other: &Found| other.score < best.score + MARGIN && !self.same_whole(&best, other);
        if ranked.any(|other| rivals(&other)) {
            return Err(Cannot::Ambiguous);
        }
        let kept = best.settled.count();
        let contradicting = best.settled.takes.len() - kept;
        if contradicting > kept {
            return Err(Cannot::Inconsistent);
        }
        Ok(best)
    }

    /// Whether two places go with the same whole milliseconds: then they differ in which measurements are wrong, and the
    /// answer weighs that ([`weigh`]).
    fn same_whole(&self, a: &Found, b: &Found) -> bool {
        let whole_ms = |f: &Found, i: usize| {
            let e = &f.settled.estimate;
            e.lines.get(i).map_or(0.0, |l| (self.problem.whole_m(i, l, &e.x) / MS_M).round())
        };
        let both = |i: &usize| [a, b].iter().all(|f| f.settled.takes.get(*i) == Some(&true));
        (0..self.prepared().sets.len()).all(|set| {
            // The clock of a set is known modulo a millisecond: what counts are differences within it.
            let mine = |(i, r): (usize, &Row)| (r.set == set).then_some(i);
            let rows = self.prepared().rows.iter().enumerate().filter_map(mine).filter(both);
            let mut steps = rows.map(|i| whole_ms(a, i) - whole_ms(b, i));
            let first = steps.next();
            steps.all(|s| Some(s) == first)
        })
    }

    /// Searches within a distance of the reference location, and adds the places that are not there yet.
    fn look_around(&self, around_m: f64, trust: bool, found: &mut Vec<Found>) {
        let (observer, altitude) = self.start();
        let spread = Spread {
            horizontal_m: around_m,
            vertical_m: Priors::altitude_of(Some(self.reference)).1.max(around_m / 100.0),
            time_s: self.stated_time_s().max(COARSE_S),
        };
        // The fullest set is searched, the others follow from its place.
        let size = |set: usize| self.prepared().rows.iter().filter(|r| r.set == set).count();
        let Some(set) = (0..self.prepared().sets.len()).max_by_key(|s| size(*s)) else { return };
        let rows = self.prepared().rows.iter().filter(|r| r.set == set);
        let priors = self.priors(COARSE_S, altitude, around_m);
        for c in ambiguity::places(rows, &observer, spread, trust) {
            let Some(Found { settled, score }) = self.explained(c, &priors) else { continue };
            match found.iter_mut().find(|f| apart(f.settled.estimate.place, settled.estimate.place) < APART_M)
            {
                Some(same) if same.score <= score => {}
                Some(same) => *same = Found { settled, score },
                None => found.push(Found { settled, score }),
            }
        }
    }

    /// What explains the measurements at a place. With few of them all may agree upon a place that is absurd, since one is
    /// wrong: then it is looked for which, left out, makes most sense of the others.
    fn explained(&self, c: Candidate, priors: &Priors) -> Option<Found> {
        let scored = |settled: Settled| Found { score: self.score(&settled), settled };
        let mut best = scored(settle(self.problem, c.place, c.dt, priors)?);
        let rows = self.prepared().rows.len();
        if best.score > LEFT_OUT && rows <= FEW && best.settled.count() == rows {
            let others =
                (0..rows).filter_map(|i| without(self.problem, c.place, c.dt, priors, i)).map(scored);
            best = others.fold(best, |best, other| if other.score < best.score { other } else { best });
        }
        Some(best)
    }

    /// Priors of the search: the altitude of a reference location counts where that location may.
    fn priors(&self, time_s: f64, altitude: f64, around_m: f64) -> Priors {
        let (h, sigma) = Priors::altitude_of(Some(self.reference));
        let near = around_m <= 3.0 * self.reference.uncertainty_m.max(10_000.0);
        Priors {
            place: None,
            altitude: if near { (h, sigma) } else { (altitude.clamp(0.0, 1_500.0), 2_000.0) },
            time_s: time_s.max(self.stated_time_s()),
        }
    }

    /// Measurements, and how well the place goes with what was known beforehand.
    fn score(&self, settled: &Settled) -> f64 {
        let e = &settled.estimate;
        let (observer, _) = self.start();
        let distance = apart(e.place, observer.position());
        let d2 = (1.5 * distance / self.reference.uncertainty_m.max(1_000.0)).powi(2);
        let (h, sigma) = Priors::altitude_of(Some(self.reference));
        let a2 = ((e.altitude_m - h) / sigma).powi(2);
        let nowhere = if (-600.0..12_000.0).contains(&e.altitude_m) { 0.0 } else { 40.0 };
        let time2 = (e.x[TIME] / self.stated_time_s().max(COARSE_S)).powi(2);
        settled.cost() + tail(d2) + tail(a2) + tail(time2) + nowhere
    }

    /// Whether a place explains so much that nothing else need be looked for.
    fn convinces(&self, f: &Found) -> bool {
        let n = f.settled.count();
        let spare = n.saturating_sub(3 + self.prepared().sets.len());
        let left_out = f.settled.takes.len() - n;
        spare >= 2
            && f.settled.cost() < 3.0 * spare as f64 + 12.0 + left_out as f64 * LEFT_OUT
            && left_out * 4 <= n
    }

    /// Solves again with all that is known now: the handset's time and the reference location, where they hold.
    fn refine(&self, found: Found) -> (Settled, Priors) {
        let settled = found.settled;
        let stated = self.stated_time_s();
        let altitude = self.start().1;
        let mut priors = self.priors(COARSE_S, altitude, self.reference.uncertainty_m);
        if self.holds(&settled.estimate) {
            let sigma = self.reference.uncertainty_m.max(200.0);
            priors.place = Some((self.start().0.position(), sigma));
        } else {
            priors.altitude = (altitude.clamp(0.0, 1_500.0), 2_000.0);
        }
        let again =
            |priors: &Priors| settle(self.problem, settled.estimate.place, settled.estimate.x[TIME], priors);
        let coarse = again(&priors).unwrap_or(settled.clone());
        let fine = Priors { time_s: stated, ..priors };
        if stated < COARSE_S
            && let Some(better) = again(&fine)
            && better.cost() + (better.estimate.x[TIME] / stated).powi(2).min(LEFT_OUT)
                < coarse.cost() + TIME_GATE
        {
            return (better, fine);
        }
        (coarse, priors)
    }

    /// Whether the reference location is where it says.
    fn holds(&self, e: &Estimate) -> bool {
        let (observer, _) = self.start();
        let own = (e.covariance[0][0] + e.covariance[1][1]).sqrt();
        apart(e.place, observer.position()) < 1.5 * self.reference.uncertainty_m + 3.0 * own
    }

    fn answer(&self, settled: &Settled, priors: &Priors) -> Result<Fix, Cannot> {
        let e = &settled.estimate;
        let n = settled.count();
        let Weighed { shift, covariance, body, reach } =
            weigh(self.problem, settled, priors, &self.times(priors));
        let place = e.observer.place(shift);
        let (at, altitude_m) = from_ecef(place).ok_or(Cannot::Geometry)?;
        let unknowns = 3 + self.prepared().sets.len() + usize::from(priors.time_s >= COARSE_S);
        let redundancy = n.saturating_sub(unknowns);
        let scale = scale(settled, redundancy);
        let ellipse = ellipse(&body, scale, reach);
        if !ellipse.semi_major_m.is_finite() || ellipse.semi_major_m > WIDEST_M {
            return Err(Cannot::Geometry);
        }
        let up_sigma = (covariance[2][2] * scale).sqrt();
        let (used, rejected) = self.accounts(settled);
        let when = self.prepared().sets.last().ok_or(Cannot::NoMeasurements)?.0;
        Ok(Fix {
            at,
            altitude_m,
            position: place,
            time: when.offset_s(e.x[TIME]),
            time_correction_s: e.x[TIME],
            ellipse,
            altitude_unc_m: ONE * up_sigma,
            velocity: velocity(self.prepared(), e, &settled.takes),
            used,
            rejected,
            redundancy,
            reference_holds: self.holds(e),
            altitude_assumed: up_sigma > 0.5 * priors.altitude.1,
        })
    }

    /// What may be known of the handset's time: what it states, or that this is false.
    fn times(&self, priors: &Priors) -> Vec<(f64, f64)> {
        let stated = self.stated_time_s();
        if stated < COARSE_S {
            vec![(stated, 1.0 - FALSE_TIME), (COARSE_S, FALSE_TIME)]
        } else {
            vec![(priors.time_s, 1.0)]
        }
    }

    fn accounts(&self, settled: &Settled) -> (Vec<Used>, Vec<Rejected>) {
        let prepared = self.prepared();
        let (mut used, mut rejected) = (Vec::new(), prepared.rejected.clone());
        for (i, (r, line)) in prepared.rows.iter().zip(&settled.estimate.lines).enumerate() {
            let out = |why| Rejected { sat: r.sat, signal: r.signal, set: r.set, why };
            if settled.sunken.get(i) == Some(&true) {
                rejected.push(out(Rejection::BelowHorizon));
            } else if settled.takes.get(i) == Some(&true) {
                used.push(Used {
                    sat: r.sat,
                    signal: r.signal,
                    set: r.set,
                    travel_ms: self.travel_ms(settled, i),
                    residual_m: line.residual_m,
                    sigma_m: line.sigma_m,
                    weight: line.weight,
                    elevation_deg: line.elevation_deg,
                    azimuth_deg: line.azimuth_deg,
                });
            } else {
                rejected.push(out(Rejection::Contradicts { residual_m: line.residual_m.round() as i64 }));
            }
        }
        (used, rejected)
    }

    /// The code phase with the whole milliseconds that were found.
    fn travel_ms(&self, settled: &Settled, i: usize) -> f64 {
        let (Some(r), Some(l)) = (self.prepared().rows.get(i), settled.estimate.lines.get(i)) else {
            return 0.0;
        };
        // `range_m` is measured less computed; what is left of it beside clocks and residual is whole milliseconds.
        (r.phase_m - self.problem.whole_m(i, l, &settled.estimate.x)) / MS_M
    }
}

/// By which factor the residuals say that variances differ from what was thought: a mean of what they show and what was
/// thought, which counts as eight. They show nothing of errors that all measurements share, so that it is not lowered far.
fn scale(settled: &Settled, redundancy: usize) -> f64 {
    let sum: f64 = settled
        .estimate
        .lines
        .iter()
        .zip(&settled.takes)
        .filter(|(_, t)| **t)
        .map(|(l, _)| (l.residual_m / l.sigma_m).powi(2) * l.weight)
        .sum();
    ((8.0 + sum) / (8.0 + redundancy as f64)).clamp(0.7, 25.0)
}

fn apart(a: Ecef, b: Ecef) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2])
}

/// A square that grows no faster than its logarithm far out: what was known beforehand may be plain wrong.
fn tail(z2: f64) -> f64 {
    4.0 * (1.0 + z2 / 4.0).ln()
}

/// The 95 % ellipse of a covariance of east and north, whose axes are `reach` sigmas.
fn ellipse(p: &[[f64; 2]; 2], scale: f64, reach: f64) -> Ellipse {
    let (e, n, en) = (p[0][0] * scale, p[1][1] * scale, p[0][1] * scale);
    let (middle, half) = (0.5 * (e + n), (0.5 * (e - n)).hypot(en));
    Ellipse {
        semi_major_m: reach * (middle + half).max(0.0).sqrt(),
        semi_minor_m: reach * (middle - half).max(0.0).sqrt(),
        orientation_deg: (0.5 * (2.0 * en).atan2(n - e)).to_degrees().rem_euclid(180.0),
        confidence: Some(95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ellipse_points_where_the_spread_is() {
        // East and north go together: north-east.
        let e = ellipse(&[[5.0, 4.0], [4.0, 5.0]], 1.0, 2.0);
        assert!((e.orientation_deg - 45.0).abs() < 1e-9);
        assert!((e.semi_major_m - 6.0).abs() < 1e-9 && (e.semi_minor_m - 2.0).abs() < 1e-9);
        let north = ellipse(&[[1.0, 0.0], [0.0, 4.0]], 1.0, 1.0);
        assert!(north.orientation_deg.abs() < 1e-9 && (north.semi_major_m - 2.0).abs() < 1e-9);
    }
}
