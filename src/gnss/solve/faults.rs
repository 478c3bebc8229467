//! Measurements that contradict the others: found, left out, named.
//!
//! Each residual over its own standard deviation (that of the measurement less what the estimate follows it) tells by how much the
//! weighted sum of squares falls when the measurement goes, exactly so for linear equations. The worst one goes,
//! the rest is solved again, until the rest agrees. Where two are about equally suspect, none is taken out: the fix says
//! that it is suspect and its uncertainty grows by what the measurements disagree.

use super::confidence::chi2_limit;
use super::fix::{Consistency, Reason, Rejected, SolveError};
use super::normal::Factor;
use super::solver::{Problem, State};

/// When a measurement is out of line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// Standard deviations.
    worst: f64,
    /// By how much the worst must be worse than the next, in squares of these, to be told from it.
    lead: f64,
}

/// Without atmosphere models.
pub(super) const COARSE: Thresholds = Thresholds { worst: 6.0, lead: 16.0 };
/// With the full error model.
pub(super) const FINE: Thresholds = Thresholds { worst: 4.5, lead: 6.0 };

/// How often a sum of squares of good measurements is called too large.
const AGREE: f64 = 0.999_9;

/// Whether a sum of squares is what the error model expects.
pub(super) fn judge(chi2: f64, redundancy: usize) -> Consistency {
    match redundancy {
        0 => Consistency::Unchecked,
        n if chi2 <= chi2_limit(n, AGREE) => Consistency::Agree,
        _ => Consistency::Suspect,
    }
}

/// Leaves out what contradicts; the problem has been solved when this is called, and is again when it returns.
pub(super) fn exclude(
    problem: &mut Problem<'_>,
    mut factor: Factor,
    limits: Thresholds,
    rejected: &mut Vec<Rejected>,
) -> Result<Factor, SolveError> {
    if !problem.options.exclude_faults {
        return Ok(factor);
    }
    // At most one a round, of two signals each.
    for _ in 0..2 * problem.links.len() {
        // With one measurement more than unknowns a contradiction shows, but not whose it is.
        if problem.redundancy() < 2 {
            break;
        }
        if let Some(i) = worst_shown(problem, &factor, limits) {
            problem.forget_second(i, rejected);
            factor = problem.iterate()?;
            continue;
        }
        let Some((i, metres)) = worst(problem, &factor, limits) else { break };
        let Some(l) = problem.links.get_mut(i) else { break };
        l.active = false;
        rejected.push(Rejected { sat: l.sat, signal: l.signal, reason: Reason::Outlier { metres } });
        problem.lay_out(problem.has_ionosphere());
        factor = problem.iterate()?;
    }
    Ok(factor)
}

/// The measurement to leave out, and by how much it is off.
fn worst(problem: &Problem<'_>, factor: &Factor, limits: Thresholds) -> Option<(usize, f64)> {
    let mut first = (0.0, 0, 0.0);
    let mut second = 0.0;
    for (i, l) in problem.links.iter().enumerate().filter(|(_, l)| l.active) {
        let left = problem.left(l);
        let follows = factor.variance(&problem.layout.row(l));
        let own = l.variance - follows;
        // A measurement that alone determines an unknown leaves no residual, right or wrong.
        if own < l.variance * 1e-3 {
            continue;
        }
        let drop = left * left / own;
        if drop > first.0 {
            second = first.0;
            first = (drop, i, left * l.variance / own);
        } else if drop > second {
            second = drop;
        }
    }
    let (drop, i, metres) = first;
    let out = drop > limits.worst * limits.worst && drop - second > limits.lead;
    out.then_some((i, metres))
}

/// The second frequency to forget: what it shows of the ionosphere contradicts what the others show, and it more than any
/// pseudorange contradicts the rest.
fn worst_shown(problem: &Problem<'_>, factor: &Factor, limits: Thresholds) -> Option<usize> {
    let mut worst = (limits.worst * limits.worst, None);
    for (i, l) in problem.links.iter().enumerate().filter(|(_, l)| l.active) {
        let Some((shown, left)) = problem.shown_left(l) else { continue };
        let own = shown.variance - factor.variance(&problem.layout.shown_row(l));
        if own > shown.variance * 1e-3 && left * left / own > worst.0 {
            worst = (left * left / own, Some(i));
        }
    }
    worst.1
}

/// When nothing comes of all measurements together: tries each way of leaving one out, from the start, and goes on with the best.
pub(super) fn search(
    problem: &mut Problem<'_>,
    begun: State,
    why: SolveError,
    rejected: &mut Vec<Rejected>,
) -> Result<(), SolveError> {
    // Bounded: more false satellites than this, and the sky is not to be believed.
    const MOST: usize = 3;
    for _ in 0..MOST {
        if problem.redundancy() < 1 {
            return Err(why);
        }
        let mut best: Option<(f64, usize)> = None;
        for i in 0..problem.links.len() {
            if !problem.set_active(i, false) {
                continue;
            }
            problem.state = begun;
            problem.lay_out(false);
            let chi2 = match problem.iterate() {
                Ok(_) if problem.is_on_earth() => problem.chi2(),
                _ => f64::INFINITY,
            };
            problem.set_active(i, true);
            if best.is_none_or(|(least, _)| chi2 < least) {
                best = Some((chi2, i));
            }
        }
        let Some((chi2, i)) = best else { return Err(why) };
        problem.set_active(i, false);
        if let Some(l) = problem.links.get(i) {
            let reason = Reason::Outlier { metres: f64::INFINITY };
            rejected.push(Rejected { sat: l.sat, signal: l.signal, reason });
        }
        problem.state = begun;
        problem.lay_out(false);
        if chi2.is_finite() {
            let factor = problem.iterate()?;
            return exclude(problem, factor, COARSE, rejected).map(|_| ());
        }
    }
    Err(why)
}
