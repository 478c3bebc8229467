//! Measurements that contradict the others.
//!
//! With many satellites a wrong measurement stands out and is left out. With few it may be impossible to say which of them is
//! wrong: then every explanation is worked out and weighed, and the answer is their mean with a spread that covers them.

use super::estimate::{Estimate, Priors, Problem};
use super::linear::{Matrix, Normal, STATES, Vector};
use crate::gnss::visibility::Ecef;

/// Sigmas beyond which a residual is a contradiction.
const GATE: f64 = 4.5;
/// Degrees below the horizon at which a satellite cannot have been heard.
const HORIZON_DEG: f64 = -1.5;
/// What a measurement that is left out costs, in squared sigmas.
pub(super) const LEFT_OUT: f64 = 22.0;
/// Up to how many measurements all explanations are weighed.
pub(super) const FEW: usize = 10;
/// How often a measurement is wrong for no reason that its own figures show, and how far such errors spread at least, metres.
const FAULT_RATE: f64 = 0.01;
const FAULT_SPREAD_M: f64 = 3_000.0;
/// Sigmas of a normal distribution in the plane that hold 95 %.
const TWO: f64 = 2.4477;

/// A solution and the measurements in it.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) estimate: Estimate,
    pub(super) takes: Vec<bool>,
    /// Below the horizon of the place found.
    pub(super) sunken: Vec<bool>,
}

impl Settled {
    /// Squared sigmas of what is in, and the toll of what is out.
    pub(super) fn cost(&self) -> f64 {
        let one = |(l, t): (&super::estimate::Line, &bool)| {
            if *t { (l.residual_m / l.sigma_m).powi(2).min(LEFT_OUT) } else { LEFT_OUT }
        };
        self.estimate.lines.iter().zip(&self.takes).map(one).sum()
    }

    /// How many measurements are in.
    pub(super) fn count(&self) -> usize {
        self.takes.iter().filter(|t| **t).count()
    }
}

/// Solves from a place near the truth and leaves out what contradicts.
pub(super) fn settle(problem: &Problem<'_>, start: Ecef, dt: f64, priors: &Priors) -> Option<Settled> {
    let n = problem.prepared.rows.len();
    let mut takes = vec![true; n];
    let mut sunken = vec![false; n];
    let mut estimate = problem.solve(start, dt, true, priors, &takes)?;
    for _ in 0..8 {
        let mut next = vec![false; n];
        for (i, line) in estimate.lines.iter().enumerate() {
            let inside = takes.get(i) == Some(&true);
            let below = line.elevation_deg < HORIZON_DEG;
            let z2 = line.residual_m.powi(2) / estimate.variance(line, inside);
            if let (Some(next), Some(sunken)) = (next.get_mut(i), sunken.get_mut(i)) {
                *sunken = below;
                *next = !below && z2 < GATE * GATE;
            }
        }
        if next == takes {
            break;
        }
        takes = next;
        if takes.iter().filter(|t| **t).count() < 3 {
            return None;
        }
        estimate = problem.solve(estimate.place, estimate.x[super::estimate::TIME], false, priors, &takes)?;
    }
    Some(Settled { estimate, takes, sunken })
}

/// Solves from a place near the truth as if measurement `out` were wrong and all others right.
pub(super) fn without(
    problem: &Problem<'_>,
    start: Ecef,
    dt: f64,
    priors: &Priors,
    out: usize,
) -> Option<Settled> {
    let takes: Vec<bool> = (0..problem.prepared.rows.len()).map(|i| i != out).collect();
    let estimate = problem.solve(start, dt, true, priors, &takes)?;
    let sunken: Vec<bool> = estimate.lines.iter().map(|l| l.elevation_deg < HORIZON_DEG).collect();
    let fits = |(l, t): (&super::estimate::Line, &bool)| {
        !*t || l.elevation_deg >= HORIZON_DEG
            && l.residual_m.powi(2) < GATE * GATE * estimate.variance(l, true)
    };
    let all = estimate.lines.iter().zip(&takes).all(fits);
    (all && takes.len() > 3).then_some(Settled { estimate, takes, sunken })
}

/// What all explanations together say: shift of the place (east, north, up, metres) and its covariance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    pub(super) shift: [f64; 3],
    pub(super) covariance: [[f64; 3]; 3],
    /// Covariance of east and north of the bulk, and how many of its sigmas hold 95 % of everything.
    pub(super) body: [[f64; 2]; 2],
    pub(super) reach: f64,
}

/// Weighs the explanations of a solution. `times` are what may be known of the handset's time, a sigma in seconds each, and how
/// likely that is.
pub(super) fn weigh(
    problem: &Problem<'_>,
    settled: &Settled,
    priors: &Priors,
    times: &[(f64, f64)],
) -> Weighed {
    let usable: Vec<usize> =
        (0..settled.takes.len()).filter(|i| settled.sunken.get(*i) == Some(&false)).collect();
    let covariance = corner(&settled.estimate.covariance);
    let body = [[covariance[0][0], covariance[0][1]], [covariance[1][0], covariance[1][1]]];
    let plain = Weighed { shift: [0.0; 3], covariance, body, reach: TWO };
    if usable.len() > FEW {
        return plain;
    }
    let mut ways: Vec<(f64, Vector, Matrix)> = Vec::new();
    let spare = usable.len().saturating_sub(3).min(3);
    let mut out: Vec<usize> = Vec::new();
    for (time_s, likely) in times {
        let first = ways.len();
        let priors = Priors { time_s: *time_s, ..*priors };
        explain(problem, settled, &priors, &usable, &mut out, 0, spare, &mut ways);
        for way in ways.iter_mut().skip(first) {
            way.0 += 2.0 * (likely / time_s).ln();
        }
    }
    mix(&ways).unwrap_or(plain)
}

/// Works out the explanation in which `out` is wrong, and those in which still more is.
#[allow(clippy::too_many_arguments)]
fn explain(
    problem: &Problem<'_>,
    settled: &Settled,
    priors: &Priors,
    usable: &[usize],
    out: &mut Vec<usize>,
    from: usize,
    spare: usize,
    ways: &mut Vec<(f64, Vector, Matrix)>,
) {
    let e = &settled.estimate;
    let mut normal = Normal::new(e.n);
    // Twice the logarithm of the probability, but for a constant.
    let mut log = 0.0;
    // What is wrong is so by kilometres, not without limit: it still says that much.
    let sigma_of = |i: &usize, line: &super::estimate::Line| {
        if out.contains(i) { line.sigma_m.hypot(FAULT_SPREAD_M).hypot(line.residual_m) } else { line.sigma_m }
    };
    for i in usable {
        let Some(line) = e.lines.get(*i) else { continue };
        let sigma = sigma_of(i, line);
        normal.add(&line.h, line.residual_m, 1.0 / (sigma * sigma));
        log -= 2.0 * sigma.ln();
    }
    log += 2.0 * FAULT_RATE.ln() * out.len() as f64;
    problem.add_priors(&mut normal, &e.observer, e.altitude_m, &e.x, priors);
    if let Some((x, p)) = normal.solve() {
        for i in usable {
            let Some(line) = e.lines.get(*i) else { continue };
            let v = line.residual_m - (0..e.n).map(|k| line.h[k] * x[k]).sum::<f64>();
            log -= (v / sigma_of(i, line)).powi(2);
        }
        log -= problem.prior_cost(&e.observer, e.altitude_m, &e.x, &x, priors);
        log += normal.log_volume();
        ways.push((log, x, p));
    }
    if out.len() < spare {
        for (k, i) in usable.iter().enumerate().skip(from) {
            out.push(*i);
            explain(problem, settled, priors, usable, out, k + 1, spare, ways);
            out.pop();
        }
    }
}

/// Mean and spread of weighed explanations.
fn mix(ways: &[(f64, Vector, Matrix)]) -> Option<Weighed> {
    let best = ways.iter().map(|w| w.0).fold(f64::NEG_INFINITY, f64::max);
    if !best.is_finite() {
        return None;
    }
    let weight = |log: f64| ((log - best) / 2.0).exp();
    let total: f64 = ways.iter().map(|w| weight(w.0)).sum();
    let mut shift = [0.0; 3];
    for (log, x, _) in ways {
        for (s, v) in shift.iter_mut().zip(x) {
            *s += weight(*log) / total * v;
        }
    }
    let mut covariance = [[0.0; 3]; 3];
    for (log, x, p) in ways {
        let w = weight(*log) / total;
        for i in 0..3 {
            for j in 0..3 {
                covariance[i][j] += w * (p[i][j] + (x[i] - shift[i]) * (x[j] - shift[j]));
            }
        }
    }
    if !shift.iter().chain(covariance.iter().flatten()).all(|v| v.is_finite()) {
        return None;
    }
    let weighed = ways.iter().map(|(log, x, p)| (weight(*log) / total, x, p)).filter(|w| w.0 > 1e-4);
    let (body, reach) = bulk(&cloud(weighed, shift), &covariance)?;
    Some(Weighed { shift, covariance, body, reach })
}

/// A weighed point: east and north from the mean.
type Point = (f64, [f64; 2]);

/// Points that stand for a mixture of normal distributions.
fn cloud<'a>(ways: impl Iterator<Item = (f64, &'a Vector, &'a Matrix)>, mean: [f64; 3]) -> Vec<Point> {
    /// Share of a normal distribution in the plane, and the radius in sigmas that stands for it.
    const RINGS: [(f64, f64); 8] = [
        (0.2, 0.459),
        (0.2, 0.845),
        (0.2, 1.177),
        (0.15, 1.514),
        (0.1, 1.794),
        (0.1, 2.146),
        (0.03, 2.552),
        (0.02, 3.035),
    ];
    let mut points = Vec::new();
    for (weight, x, p) in ways {
        // A root of the covariance.
        let a = p[0][0].max(0.0).sqrt();
        let b = if a > 0.0 { p[0][1] / a } else { 0.0 };
        let c = (p[1][1] - b * b).max(0.0).sqrt();
        for (ring, (share, radius)) in RINGS.into_iter().enumerate() {
            for k in 0..8 {
                let angle = (f64::from(k) + 0.5 * (ring % 2) as f64) * std::f64::consts::FRAC_PI_4;
                let (s, t) = (radius * angle.cos(), radius * angle.sin());
                points.push((weight * share / 8.0, [x[0] - mean[0] + a * s, x[1] - mean[1] + b * s + c * t]));
            }
        }
    }
    points
}

/// Covariance of the nearest 95 % of a cloud, and how many sigmas of it hold 95 %.
fn bulk(points: &[Point], covariance: &[[f64; 3]; 3]) -> Option<([[f64; 2]; 2], f64)> {
    let mut body = [[covariance[0][0], covariance[0][1]], [covariance[1][0], covariance[1][1]]];
    let mut reach = TWO;
    for last in [false, false, true] {
        let det = body[0][0] * body[1][1] - body[0][1] * body[1][0];
        if det.is_nan() || det <= 0.0 {
            return None;
        }
        let distance = |[e, n]: [f64; 2]| {
            ((body[1][1] * e * e - 2.0 * body[0][1] * e * n + body[0][0] * n * n) / det).max(0.0).sqrt()
        };
        let mut far: Vec<(f64, &Point)> = points.iter().map(|p| (distance(p.1), p)).collect();
        far.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = points.iter().map(|p| p.0).sum();
        let mut sum = 0.0;
        let mut inside = [[0.0; 2]; 2];
        for (d, (w, [e, n])) in far {
            reach = d;
            sum += w;
            inside[0][0] += w * e * e;
            inside[0][1] += w * e * n;
            inside[1][1] += w * n * n;
            if sum >= 0.95 * total {
                break;
            }
        }
        if !last {
            body = [[inside[0][0] / sum, inside[0][1] / sum], [inside[0][1] / sum, inside[1][1] / sum]];
        }
    }
    Some((body, reach))
}

fn corner(p: &Matrix) -> [[f64; 3]; 3] {
    const { assert!(STATES >= 3) };
    std::array::from_fn(|i| std::array::from_fn(|j| p[i][j]))
}
