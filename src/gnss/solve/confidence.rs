//! From variances to regions of a stated confidence.

use crate::base::geo::Ellipse;

/// The ellipse of a confidence in percent (1..=99) around a two-dimensional normal estimate: variances east and north and
/// their covariance, m².
pub fn ellipse(east: f64, north: f64, covariance: f64, confidence: u8) -> Ellipse {
    let mean = f64::midpoint(east, north);
    let half = ((east - north) / 2.0).hypot(covariance);
    let factor = circle_factor(confidence);
    // The angle from east towards north of the major axis, turned into a bearing.
    let angle = 0.5 * (2.0 * covariance).atan2(east - north);
    Ellipse {
        semi_major_m: (mean + half).max(0.0).sqrt() * factor,
        semi_minor_m: (mean - half).max(0.0).sqrt() * factor,
        orientation_deg: (90.0 - angle.to_degrees()).rem_euclid(180.0),
        confidence: Some(confidence.clamp(1, 99)),
    }
}

/// How many standard deviations wide an ellipse of a confidence in percent is: √(−2 ln(1 − p)).
pub fn circle_factor(confidence: u8) -> f64 {
    let p = f64::from(confidence.clamp(1, 99)) / 100.0;
    (-2.0 * (1.0 - p).ln()).sqrt()
}

/// How many standard deviations hold a confidence in percent of a normal variable on both sides.
pub fn normal_factor(confidence: u8) -> f64 {
    let p = f64::from(confidence.clamp(1, 99)) / 100.0;
    quantile(0.5 + p / 2.0)
}

/// The point below which a standard normal variable stays with probability `p` (Abramowitz and Stegun 26.2.23, good to 5e-4).
pub fn quantile(p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    let (tail, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    let t = (-2.0 * tail.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    sign * (t - top / bottom)
}

/// What a sum of `n` squared standard normal variables stays below with probability `p` (Wilson and Hilferty).
pub fn chi2_limit(n: usize, p: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let n = n as f64;
    let k = 2.0 / (9.0 * n);
    n * (1.0 - k + quantile(p) * k.sqrt()).powi(3)
}

/// Whether a point `(east, north)` metres from the centre lies in an ellipse.
pub fn holds(e: &Ellipse, east: f64, north: f64) -> bool {
    let (sin, cos) = e.orientation_deg.to_radians().sin_cos();
    let along = (east * sin + north * cos) / e.semi_major_m.max(1e-9);
    let across = (east * cos - north * sin) / e.semi_minor_m.max(1e-9);
    along * along + across * across <= 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors() {
        assert!((circle_factor(95) - 2.447_7).abs() < 1e-3);
        assert!((circle_factor(39) - 0.994).abs() < 1e-2);
        assert!((normal_factor(95) - 1.96).abs() < 1e-3);
        assert!((normal_factor(68) - 0.994).abs() < 2e-3);
        for (n, limit) in [(2, 13.82), (5, 20.52), (20, 45.31)] {
            assert!((chi2_limit(n, 0.999) / limit - 1.0).abs() < 0.03, "{n}: {}", chi2_limit(n, 0.999));
        }
    }

    #[test]
    fn ellipses_point_along_the_greatest_spread() {
        let e = ellipse(1.0, 9.0, 0.0, 39);
        assert!((e.semi_major_m / e.semi_minor_m - 3.0).abs() < 1e-9);
        assert!(e.orientation_deg.abs() < 1e-9 || (e.orientation_deg - 180.0).abs() < 1e-9, "north");
        let e = ellipse(5.0, 5.0, 4.0, 95);
        assert!((e.orientation_deg - 45.0).abs() < 1e-9, "north-east");
        assert!(holds(&e, 5.0, 5.0) && !holds(&e, 5.0, -5.0));
        assert!((ellipse(9.0, 1.0, 0.0, 95).orientation_deg - 90.0).abs() < 1e-9, "east");
    }
}
