//! Velocity from Doppler shifts.

use super::estimate::{Estimate, TIME};
use super::linear::{Normal, STATES};
use super::prepare::{Prepared, Row};
use crate::base::Velocity;

/// 95 % of a normal distribution in one and in two dimensions.
const ONE: f64 = 1.96;
const TWO: f64 = 2.448;
/// Speed beyond which a result is none, m/s.
const FASTEST_MPS: f64 = 1_000.0;

/// Velocity at the time of the latest set; `None` without four Doppler shifts that agree.
pub(super) fn velocity(prepared: &Prepared, estimate: &Estimate, takes: &[bool]) -> Option<Velocity> {
    let latest = prepared.sets.len().checked_sub(1)?;
    let mut rows: Vec<([f64; STATES], f64, f64)> = Vec::new();
    for (i, r) in prepared.rows.iter().enumerate() {
        if r.set != latest || takes.get(i) != Some(&true) {
            continue;
        }
        let Some((rate, sigma)) = r.rate else { continue };
        rows.push(row(r, estimate, rate, sigma));
    }
    let (x, p, used) = agree(&mut rows)?;
    let (e, n, u) = (x[0], x[1], x[2]);
    let speed = e.hypot(n);
    if !speed.is_finite() || speed.hypot(u) > FASTEST_MPS {
        return None;
    }
    // Few residuals say little of how good they are; errors that all share do not show in them at all.
    let spread = used.max(1.0);
    let major = 0.5 * (p[0][0] + p[1][1]) + (0.5 * (p[0][0] - p[1][1])).hypot(p[0][1]);
    Some(Velocity {
        speed_mps: speed,
        bearing_deg: e.atan2(n).to_degrees().rem_euclid(360.0),
        vertical_mps: Some(u),
        speed_unc_mps: Some(TWO * (major * spread).sqrt()),
        vertical_unc_mps: Some(ONE * (p[2][2] * spread).sqrt()),
    })
}

/// Coefficients, measured less computed for a handset at rest, sigma.
fn row(r: &Row, estimate: &Estimate, rate: f64, sigma: f64) -> ([f64; STATES], f64, f64) {
    let place = estimate.place;
    let sight = r.track.seen_from(place, estimate.x[TIME]);
    let [e, n, u] = estimate.observer.components(sight.unit);
    let mut h = [0.0; STATES];
    (h[0], h[1], h[2], h[3]) = (-e, -n, -u, 1.0);
    (h, rate - sight.rate_mps, sigma)
}

/// Least squares with the worst left out until the rest agrees: solution, covariance, variance of unit weight.
#[allow(clippy::type_complexity)]
fn agree(rows: &mut Vec<([f64; STATES], f64, f64)>) -> Option<([f64; STATES], [[f64; STATES]; STATES], f64)> {
    loop {
        if rows.len() < 4 {
            return None;
        }
        let mut normal = Normal::new(4);
        for (h, y, sigma) in rows.iter() {
            normal.add(h, *y, 1.0 / (sigma * sigma));
        }
        let (x, p) = normal.solve()?;
        let residual = |(h, y, sigma): &([f64; STATES], f64, f64)| {
            let v = y - (0..4).map(|k| h[k] * x[k]).sum::<f64>();
            let q = super::linear::quadratic(&p, h, 4);
            v.powi(2) / (sigma * sigma - q).max(0.05 * sigma * sigma)
        };
        let worst = (0..rows.len())
            .filter_map(|i| rows.get(i).map(|r| (i, residual(r))))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        if worst.1 < 16.0 || rows.len() < 6 {
            let freedom = rows.len() as f64 - 4.0;
            let sum: f64 = rows
                .iter()
                .map(|(h, y, s)| ((y - (0..4).map(|k| h[k] * x[k]).sum::<f64>()) / s).powi(2))
                .sum();
            return Some((x, p, (4.0 + sum) / (4.0 + freedom)));
        }
        rows.remove(worst.0);
    }
}
