//! Normal equations of fixed size.

/// Most unknowns: three of place, time, ionosphere, a clock per set, an offset per further system.
pub(super) const STATES: usize = 16;

pub(super) type Vector = [f64; STATES];
pub(super) type Matrix = [[f64; STATES]; STATES];

/// A weighted least squares problem as it gathers.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    n: usize,
    a: Matrix,
    b: Vector,
}

impl Normal {
    /// Of the first `n` unknowns.
    pub(super) fn new(n: usize) -> Self {
        Self { n: n.min(STATES), a: [[0.0; STATES]; STATES], b: [0.0; STATES] }
    }

    /// An observation `y` = `h`·x with weight `w`.
    pub(super) fn add(&mut self, h: &Vector, y: f64, w: f64) {
        for i in 0..self.n {
            if h[i] == 0.0 {
                continue;
            }
            let f = w * h[i];
            self.b[i] += f * y;
            for (a, h) in self.a[i].iter_mut().zip(h).take(i + 1) {
                *a += f * h;
            }
        }
    }

    /// What is known of unknown `i` beforehand.
    pub(super) fn prior(&mut self, i: usize, y: f64, sigma: f64) {
        let w = 1.0 / (sigma * sigma);
        self.a[i][i] += w;
        self.b[i] += w * y;
    }

    /// The solution and its covariance; `None` when the unknowns are not determined.
    pub(super) fn solve(&self) -> Option<(Vector, Matrix)> {
        let covariance = invert(&self.a, self.n)?;
        let mut x = [0.0; STATES];
        for i in 0..self.n {
            x[i] = (0..self.n).map(|j| covariance[i][j] * self.b[j]).sum();
        }
        x.iter().all(|v| v.is_finite()).then_some((x, covariance))
    }
}

impl Normal {
    /// Logarithm of the determinant of the covariance; minus infinity when there is none.
    pub(super) fn log_volume(&self) -> f64 {
        let Some((l, scale)) = factor(&self.a, self.n) else { return f64::NEG_INFINITY };
        (0..self.n).map(|i| 2.0 * (scale[i] / l[i][i]).ln()).sum()
    }
}

/// Inverse of a symmetric positive definite matrix of which the lower half is given; by Cholesky, scaled so that the
/// diagonal is one, since the unknowns have different units.
fn invert(a: &Matrix, n: usize) -> Option<Matrix> {
    let (l, scale) = factor(a, n)?;
    let mut inverse = [[0.0; STATES]; STATES];
    for c in 0..n {
        // l·y = e_c, then lᵀ·x = y.
        let mut x = [0.0; STATES];
        for i in c..n {
            let mut sum = if i == c { 1.0 } else { 0.0 };
            for k in c..i {
                sum -= l[i][k] * x[k];
            }
            x[i] = sum / l[i][i];
        }
        for i in (0..n).rev() {
            let mut sum = x[i];
            for k in i + 1..n {
                sum -= l[k][i] * x[k];
            }
            x[i] = sum / l[i][i];
        }
        for i in 0..n {
            inverse[i][c] = x[i] * scale[i] * scale[c];
        }
    }
    Some(inverse)
}

/// Cholesky's factor of the scaled matrix, and the scale.
fn factor(a: &Matrix, n: usize) -> Option<(Matrix, Vector)> {
    let mut scale = [0.0; STATES];
    for i in 0..n {
        if a[i][i].is_nan() || a[i][i] <= 0.0 || a[i][i].is_infinite() {
            return None;
        }
        scale[i] = 1.0 / a[i][i].sqrt();
    }
    let mut l = [[0.0; STATES]; STATES];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let sum = a[i][j] * scale[i] * scale[j] - known;
            if i == j {
                if sum.is_nan() || sum < 1e-13 {
                    return None;
                }
                l[i][i] = sum.sqrt();
            } else {
                l[i][j] = sum / l[j][j];
            }
        }
    }
    Some((l, scale))
}

/// hᵀ·P·h.
pub(super) fn quadratic(p: &Matrix, h: &Vector, n: usize) -> f64 {
    let mut sum = 0.0;
    for i in 0..n {
        if h[i] != 0.0 {
            sum += h[i] * (0..n).map(|j| p[i][j] * h[j]).sum::<f64>();
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points() {
        let mut normal = Normal::new(2);
        for t in 0..5 {
            let mut h = [0.0; STATES];
            h[0] = 1.0;
            h[1] = f64::from(t);
            normal.add(&h, 3.0 + 2.0 * f64::from(t), 4.0);
        }
        let (x, p) = normal.solve().unwrap();
        assert!((x[0] - 3.0).abs() < 1e-9 && (x[1] - 2.0).abs() < 1e-9);
        // Variance of a slope: 1 / (w · Σ(t − t̄)²).
        assert!((p[1][1] - 1.0 / 40.0).abs() < 1e-12);
        assert!((p[0][1] - p[1][0]).abs() < 1e-15);
    }

    #[test]
    fn the_undetermined_has_no_solution() {
        assert!(Normal::new(1).solve().is_none());
        let mut normal = Normal::new(2);
        let mut h = [0.0; STATES];
        (h[0], h[1]) = (1.0, 1.0);
        normal.add(&h, 1.0, 1.0);
        normal.add(&h, 1.0, 1.0);
        assert!(normal.solve().is_none());
        normal.add(&h, f64::NAN, 1.0);
        assert!(normal.solve().is_none());
    }
}
