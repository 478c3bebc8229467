//! Roughly where a handset is, from nothing but Doppler shifts.
//!
//! Range rates change by a metre per second over some five kilometres of ground, so that a handset that hardly moves
//! gives its place away to some kilometres without any idea of its clock: good enough to find whole milliseconds from.

use super::Reference;
use super::linear::{Normal, STATES};
use super::prepare::{Prepared, Row};
use crate::gnss::visibility::{Ecef, Observer, WGS84_A, from_ecef};

/// Standard deviation of a range rate, m/s: a handset may walk, and what it measures is not the best.
const SIGMA_MPS: f64 = 1.5;
/// Altitude that is assumed, and its spread, metres.
const ALTITUDE_M: (f64, f64) = (300.0, 2_000.0);
/// What the place may be off by at least, metres: a handset that drives shifts it by a hundred kilometres.
const AT_LEAST_M: f64 = 60_000.0;
const AT_MOST_M: f64 = 300_000.0;
const ROUNDS: usize = 25;
/// Longest step of an iteration, metres.
const STEP_M: f64 = 1_500_000.0;

/// A reference location of the handset's own making; `None` when its Doppler shifts do not tell one.
pub(super) fn place(prepared: &Prepared) -> Option<Reference> {
    let set = prepared.sets.len().checked_sub(1)?;
    let rows: Vec<&Row> = prepared.rows.iter().filter(|r| r.set == set && r.rate.is_some()).collect();
    if rows.len() < 4 {
        return None;
    }
    // All satellites heard are above the horizon of one place: their middle is not far from over it.
    let mut middle = [0.0; 3];
    for r in &rows {
        let unit = r.track.seen_from([0.0; 3], 0.0).unit;
        for (m, u) in middle.iter_mut().zip(unit) {
            *m += u;
        }
    }
    let norm = middle.iter().map(|m| m * m).sum::<f64>().sqrt();
    if norm < 1e-3 {
        return None;
    }
    let mut place: Ecef = middle.map(|m| m / norm * WGS84_A);
    let mut drift = 0.0;
    for _ in 0..ROUNDS {
        let (at, altitude) = from_ecef(place)?;
        let observer = Observer::new(at, altitude);
        let mut normal = Normal::new(4);
        for r in &rows {
            let Some((rate, _)) = r.rate else { continue };
            let here = r.track.seen_from(place, 0.0).rate_mps;
            let mut h = [0.0; STATES];
            for (i, h) in h.iter_mut().enumerate().take(3) {
                let mut step = [0.0; 3];
                if let Some(s) = step.get_mut(i) {
                    *s = 1_000.0;
                }
                *h = (r.track.seen_from(observer.place(step), 0.0).rate_mps - here) / 1_000.0;
            }
            h[3] = 1.0;
            let residual = rate - here - drift;
            let weight = 1.0 / (1.0 + (residual / (20.0 * SIGMA_MPS)).powi(2));
            normal.add(&h, residual, weight / SIGMA_MPS.powi(2));
        }
        normal.prior(2, ALTITUDE_M.0 - altitude, ALTITUDE_M.1);
        normal.prior(3, -drift, 1_000.0);
        // Far from the solution the linear picture overshoots.
        normal.prior(0, 0.0, STEP_M);
        normal.prior(1, 0.0, STEP_M);
        let (x, p) = normal.solve()?;
        drift += x[3];
        let length = x[0].hypot(x[1]);
        let shrink = (STEP_M / length.max(1.0)).min(1.0);
        place = observer.place([x[0] * shrink, x[1] * shrink, x[2].clamp(-20_000.0, 20_000.0)]);
        if length < 100.0 {
            let uncertainty_m = 4.0 * (p[0][0] + p[1][1]).sqrt();
            let agrees = rows.iter().all(|r| {
                let rate = r.rate.map_or(0.0, |x| x.0);
                (rate - r.track.seen_from(place, 0.0).rate_mps - drift).abs() < 60.0
            });
            let (at, _) = from_ecef(place)?;
            return (agrees && uncertainty_m < AT_MOST_M).then_some(Reference {
                at,
                uncertainty_m: uncertainty_m.max(AT_LEAST_M),
                altitude_m: None,
                altitude_uncertainty_m: 1_000.0,
            });
        }
    }
    None
}
