//! The normal distribution of two dimensions over a polygon: exact, but for a quadrature whose error is below 1e-8.
//!
//! Seen from the middle of the distribution, a side of the polygon sweeps an angle. Of what the distribution has in that
//! angle, the share beyond the side is a difference of two values of Owen's T function (D. B. Owen, 1956). The sum over all
//! sides of what lies before them is what the distribution has in the polygon, wherever its middle is.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// How far the middle of a distribution is moved, metres, so that it lies on no corner: from there no side would sweep an angle
/// that could be told.
pub(super) const NUDGE_M: (f64, f64) = (1.3e-6, 1.7e-6);

/// Standard deviations beyond which there is nothing that could be told from zero.
pub(super) const REACH: f64 = 8.5;

/// Nodes and weights of the Gauss-Legendre quadrature of 12 points, the positive half.
const QUADRATURE: [(f64, f64); 6] = [
    (0.125_233_408_511_468_9, 0.249_147_045_813_402_8),
    (0.367_831_498_998_180_2, 0.233_492_536_538_354_8),
    (0.587_317_954_286_617_5, 0.203_167_426_723_065_9),
    (0.769_902_674_194_304_7, 0.160_078_328_543_346_2),
    (0.904_117_256_370_474_9, 0.106_939_325_995_318_4),
    (0.981_560_634_246_719_2, 0.047_175_336_386_511_8),
];

/// What a standard normal distribution has beyond `x`.
fn beyond(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// Owen's T function for `h` ≥ 0.
fn owens_t(h: f64, a: f64) -> f64 {
    if a < 0.0 {
        return -owens_t(h, -a);
    }
    if h > REACH || a == 0.0 {
        return 0.0;
    }
    if h == 0.0 {
        return a.atan() / TAU;
    }
    if a > 1.0 {
        let (qh, qah) = (beyond(h), beyond(a * h));
        return 0.5 * (qh + qah) - qh * qah - owens_t(a * h, 1.0 / a);
    }
    let half = 0.5 * a;
    let f = |x: f64| (-0.5 * h * h * (1.0 + x * x)).exp() / (1.0 + x * x);
    let sum: f64 = QUADRATURE.iter().map(|(x, w)| w * (f(half * (1.0 - x)) + f(half * (1.0 + x)))).sum();
    sum * half / TAU
}

/// The angle from one direction to another, in turns, and the sign of its way.
pub(super) fn turn(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let cross = from.0 * to.1 - from.1 * to.0;
    let dot = from.0 * to.0 + from.1 * to.1;
    if cross == 0.0 && dot == 0.0 {
        return (0.0, 1.0);
    }
    (cross.atan2(dot) / TAU, 1.0_f64.copysign(cross))
}

/// What a standard normal distribution around the origin has beyond a side, in the angle that it sweeps.
pub(super) fn behind(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return 0.0;
    }
    let (tx, ty) = (dx / length, dy / length);
    let distance = (from.0 * ty - from.1 * tx).abs();
    if distance > REACH {
        return 0.0;
    }
    let along = |p: (f64, f64)| (p.0 * tx + p.1 * ty) / distance.max(1e-150);
    (owens_t(distance, along(to)) - owens_t(distance, along(from))).abs()
}

/// What a standard normal distribution around the origin has in a polygon, whichever way it runs.
pub(super) fn in_polygon(corners: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let next = corners.clone().cycle().skip(1);
    let inside: f64 = corners
        .zip(next)
        .map(|(from, to)| {
            let (turned, sign) = turn(from, to);
            turned - sign * behind(from, to)
        })
        .sum();
    inside.abs().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owens_t_has_its_known_values() {
        // T(h, 1) = Φ(h)(1 − Φ(h))/2; T(0, a) = atan(a)/2π; T(h, ∞) = (1 − Φ(h))/2.
        for h in [0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0] {
            let q = beyond(h);
            assert!((owens_t(h, 1.0) - 0.5 * q * (1.0 - q)).abs() < 1e-10, "{h}");
            assert!((owens_t(h, f64::INFINITY) - 0.5 * q).abs() < 1e-10, "{h}");
            assert_eq!(owens_t(h, -0.3), -owens_t(h, 0.3));
        }
        for a in [0.2_f64, 1.0, 3.0, 1e6] {
            assert!((owens_t(0.0, a) - a.atan() / TAU).abs() < 1e-10, "{a}");
        }
        // From Owen's table.
        assert!((owens_t(0.5, 0.5) - 0.064_488_616_1).abs() < 1e-6);
    }

    #[test]
    fn rectangles_are_products() {
        let phi = |x: f64| 1.0 - beyond(x);
        for (x0, x1, y0, y1) in
            [(-1.0, 1.0, -1.0, 1.0), (0.0, 2.0, -3.0, 0.5), (1.0, 2.0, 1.0, 9.0), (-50.0, 0.0, -50.0, 50.0)]
        {
            let exact = (phi(x1) - phi(x0)) * (phi(y1) - phi(y0));
            let ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
            let found = in_polygon(ring.into_iter());
            assert!((found - exact).abs() < 1e-9, "{found} {exact}");
            let backwards = in_polygon(ring.into_iter().rev());
            assert!((backwards - exact).abs() < 1e-9);
        }
    }
}
