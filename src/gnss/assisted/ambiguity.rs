//! Which whole milliseconds belong to the code phases: places at which they all agree.
//!
//! From a place and a time that are roughly known every pseudorange can be predicted, and the measured code phase says
//! what it is modulo a millisecond, 300 km. Taking the differences to one satellite, so that the handset's clock cancels,
//! each whole number follows by rounding as long as the prediction of the difference is good to 150 km. A reference location
//! that is itself 100 km off breaks that for satellites on opposite sides of the sky.
//!
//! So the code phases are taken one by one, each time the one whose prediction is most certain, and each narrows down place,
//! clock and time for those that follow. Where a rounding is in doubt the search branches, and also for the possibility that a
//! measurement is plain wrong; the branches that explain the measurements best are kept.

use super::prepare::{MS_M, Row};
use crate::gnss::visibility::{Ecef, Observer};

/// Unknowns: east, north, up, clock (metres), time (seconds).
const N: usize = 5;
/// Most code phases that take part; a dozen settles the place, the others follow from it.
const ROWS: usize = 14;
/// Branches that are carried on.
const BEAM: usize = 80;
/// What it costs to declare a measurement wrong, in units of squared sigmas.
const SKIP: f64 = 22.0;
/// How many sigmas a rounding is tried around the prediction.
const REACH: f64 = 3.2;
/// Places closer than this are one, metres.
const SAME_M: f64 = 3_000.0;
/// Places returned.
const PLACES: usize = 8;

/// How uncertain the start is, one sigma.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    /// Metres.
    pub(super) horizontal_m: f64,
    /// Metres.
    pub(super) vertical_m: f64,
    /// Seconds.
    pub(super) time_s: f64,
}

/// A place and a time correction at which the code phases agree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) place: Ecef,
    pub(super) dt: f64,
}

#[derive(Clone, Copy)]
struct Line {
    h: [f64; N],
    y: f64,
    modulus: f64,
    variance: f64,
}

#[derive(Clone, Copy)]
struct Branch {
    x: [f64; N],
    p: [[f64; N]; N],
    cost: f64,
    taken: u8,
    skipped: u8,
    /// Modulus known of the clock so far.
    modulus: f64,
}

/// Places around `start`, the most likely first. `rows` are of one set, `start` is the place from which `observer` looks.
pub(super) fn places<'a>(
    rows: impl Iterator<Item = &'a Row>,
    observer: &Observer,
    spread: Spread,
    trust_whole_ms: bool,
) -> Vec<Candidate> {
    let start = observer.position();
    // A range is not linear in the place: what the neglected square may come to.
    let bend = (spread.horizontal_m * spread.horizontal_m / 4e7).max(100.0);
    let mut lines: Vec<Line> = rows
        .filter_map(|r| {
            let sight = r.track.seen_from(start, 0.0);
            let [e, n, u] = observer.components(sight.unit);
            // What stands far below the horizon cannot have been heard from anywhere near.
            let lowest = -0.05 - 2.0 * spread.horizontal_m / 6.4e6;
            (u > lowest).then(|| Line {
                h: [-e, -n, -u, 1.0, sight.rate_mps],
                y: r.phase_m - r.shift_m - sight.range_m,
                modulus: if trust_whole_ms { r.modulus_m } else { MS_M },
                variance: (r.sigma_m + 20.0).powi(2) + bend * bend,
            })
        })
        .collect();
    order(&mut lines, spread);
    let mut p = [[0.0; N]; N];
    let known = [spread.horizontal_m, spread.horizontal_m, spread.vertical_m, 1e7, spread.time_s];
    for (i, sigma) in known.into_iter().enumerate() {
        p[i][i] = sigma * sigma;
    }
    let mut beam = vec![Branch { x: [0.0; N], p, cost: 0.0, taken: 0, skipped: 0, modulus: 0.0 }];
    let most_skipped = (lines.len().saturating_sub(3) / 2).min(4) as u8;
    let mut next: Vec<Branch> = Vec::with_capacity(BEAM * 4);
    for line in lines.iter().take(ROWS) {
        next.clear();
        for b in &beam {
            branch(b, line, &mut next);
            if b.skipped < most_skipped {
                next.push(Branch { cost: b.cost + SKIP, skipped: b.skipped + 1, ..*b });
            }
        }
        next.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        next.truncate(BEAM);
        std::mem::swap(&mut beam, &mut next);
    }
    let mut found: Vec<Candidate> = Vec::new();
    for b in &beam {
        let place = observer.place([b.x[0], b.x[1], b.x[2]]);
        let far = |c: &Candidate| (0..3).any(|i| (c.place[i] - place[i]).abs() > SAME_M);
        if b.taken > 0 && found.iter().all(far) && place.iter().all(|v| v.is_finite()) {
            found.push(Candidate { place, dt: b.x[4] });
        }
        if found.len() == PLACES {
            break;
        }
    }
    found
}

/// Puts first the line that is highest in the sky, then always the one whose prediction is most certain by then.
fn order(lines: &mut [Line], spread: Spread) {
    let mut p = [[0.0; N]; N];
    let known = [spread.horizontal_m, spread.horizontal_m, spread.vertical_m, 1e7, spread.time_s];
    for (i, sigma) in known.into_iter().enumerate() {
        p[i][i] = sigma * sigma;
    }
    for done in 0..lines.len().min(ROWS) {
        let rank = |l: &Line| if done == 0 { l.h[2] } else { spread_of(&p, &l.h) + l.variance };
        let Some(best) = (done..lines.len()).min_by(|a, b| rank(&lines[*a]).total_cmp(&rank(&lines[*b])))
        else {
            return;
        };
        lines.swap(done, best);
        let line = lines[done];
        let s = spread_of(&p, &line.h) + line.variance;
        update(&mut [0.0; N], &mut p, &line, 0.0, s);
    }
}

/// The ways on from a branch that accept the measurement.
fn branch(b: &Branch, line: &Line, out: &mut Vec<Branch>) {
    if b.taken == 0 {
        // The first one tells the clock, whatever its whole milliseconds are.
        let mut first = Branch { taken: 1, modulus: line.modulus, ..*b };
        let s = spread_of(&b.p, &line.h) + line.variance;
        update(&mut first.x, &mut first.p, line, line.y, s);
        out.push(first);
        return;
    }
    let predicted: f64 = (0..N).map(|i| line.h[i] * b.x[i]).sum();
    let s = spread_of(&b.p, &line.h) + line.variance;
    let ahead = line.y - predicted;
    let step = common(line.modulus, b.modulus);
    let reach = REACH * s.sqrt();
    let (low, high) = if step > 0.0 {
        let nearest = (ahead / step).round();
        let first = ((ahead - reach) / step).ceil().clamp(nearest - 4.0, nearest);
        let last = ((ahead + reach) / step).floor().clamp(nearest, nearest + 4.0);
        (first as i64, last as i64)
    } else {
        (0, 0)
    };
    for k in low..=high {
        let v = ahead - k as f64 * step;
        let mut child = Branch { taken: b.taken + 1, cost: b.cost + v * v / s, ..*b };
        child.modulus = if line.modulus > b.modulus && b.modulus > 0.0 { line.modulus } else { b.modulus };
        update(&mut child.x, &mut child.p, line, predicted + v, s);
        out.push(child);
    }
}

/// The greatest common divisor of two moduli of whole milliseconds; zero is divided by all.
fn common(a_m: f64, b_m: f64) -> f64 {
    let (mut a, mut b) = ((a_m / MS_M).round() as u32, (b_m / MS_M).round() as u32);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    f64::from(a) * MS_M
}

fn spread_of(p: &[[f64; N]; N], h: &[f64; N]) -> f64 {
    (0..N).map(|i| h[i] * (0..N).map(|j| p[i][j] * h[j]).sum::<f64>()).sum()
}

/// Kalman's update with an observation `y` whose innovation has variance `s`.
fn update(x: &mut [f64; N], p: &mut [[f64; N]; N], line: &Line, y: f64, s: f64) {
    let ph: [f64; N] = std::array::from_fn(|i| (0..N).map(|j| p[i][j] * line.h[j]).sum());
    let v = y - (0..N).map(|i| line.h[i] * x[i]).sum::<f64>();
    for i in 0..N {
        x[i] += ph[i] / s * v;
        for j in 0..N {
            p[i][j] -= ph[i] * ph[j] / s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moduli() {
        assert_eq!(common(4.0 * MS_M, 20.0 * MS_M), 4.0 * MS_M);
        assert_eq!(common(0.0, 4.0 * MS_M), 4.0 * MS_M);
        assert_eq!(common(0.0, 0.0), 0.0);
        assert_eq!(common(3.0 * MS_M, 4.0 * MS_M), MS_M);
    }
}
