//! Velocity from Doppler.

use super::fix::VelocityFix;
use super::link::{Place, dot};
use super::normal::{MAX, Normal};
use super::options::Receiver;
use super::solver::{Problem, to_enu};
use crate::gnss::scale::C;

/// Standard deviation of a range rate, m/s.
const fn sigma_mps(receiver: Receiver) -> f64 {
    match receiver {
        Receiver::Station => 0.1,
        Receiver::Handset => 0.5,
    }
}

/// Rates further than this from the rest are left out, standard deviations.
const OUT_OF_LINE: f64 = 5.0;

/// The velocity at the problem's position; `None` with fewer than four good rates.
pub(super) fn solve(problem: &Problem<'_>, place: &Place) -> Option<VelocityFix> {
    let sigma = sigma_mps(problem.options.receiver);
    let mut rows: Vec<([f64; MAX], f64, f64)> = problem
        .active()
        .filter_map(|l| {
            let rate = l.observation.rate_mps.filter(|r| r.is_finite())?;
            let mut row = [0.0; MAX];
            for (to, u) in row.iter_mut().zip(l.path.unit) {
                *to = -u;
            }
            row[3] = 1.0;
            let weak = sigma / l.ray.sin_elevation.max(0.1);
            Some((row, rate - (l.path.rate_mps - l.satellite.clock_mps), weak * weak))
        })
        .collect();
    loop {
        if rows.len() < 4 {
            return None;
        }
        let mut normal = Normal::new(4);
        for (row, left, variance) in &rows {
            normal.add(row, *left, 1.0 / variance);
        }
        let factor = normal.factor()?;
        let x = normal.solve(&factor);
        let out = |(row, left, variance): &([f64; MAX], f64, f64)| {
            let residual = left - (0..4).map(|k| row[k] * x[k]).sum::<f64>();
            residual * residual / (variance - factor.variance(row)).max(1e-3 * variance)
        };
        let worst = rows.iter().map(out).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((i, square)) if square > OUT_OF_LINE * OUT_OF_LINE && rows.len() > 5 => {
                rows.swap_remove(i);
            }
            _ => {
                let v = [x[0], x[1], x[2]];
                // A rate of thousands of metres a second is no receiver's.
                if dot(v, v).is_nan() || dot(v, v) > 1e8 {
                    return None;
                }
                return Some(VelocityFix {
                    enu_mps: place.to_enu(v),
                    covariance: to_enu(place, &factor.leading3()),
                    clock_drift: x[3] / C,
                    satellites: rows.len(),
                });
            }
        }
    }
}
