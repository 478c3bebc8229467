//! Normal equations of fixed size: no allocation, no recursion.

/// Most unknowns: position 3, clock, time, ionosphere 3, a bias for each further system, a bias between two frequencies for
/// each system.
pub(super) const MAX: usize = 24;

/// A row of a design matrix.
pub(super) type Row = [f64; MAX];

/// Sums of weighted products of rows; `n` unknowns are in use.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub(super) n: usize,
    a: [Row; MAX],
    b: Row,
}

/// The factor of a positive definite matrix.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    n: usize,
    l: [Row; MAX],
}

impl Normal {
    pub(super) const fn new(n: usize) -> Self {
        let n = if n > MAX { MAX } else { n };
        Self { n, a: [[0.0; MAX]; MAX], b: [0.0; MAX] }
    }

    /// Adds an observation `left` of `row` with a weight.
    pub(super) fn add(&mut self, row: &Row, left: f64, weight: f64) {
        for i in 0..self.n {
            let w = weight * row[i];
            if w != 0.0 {
                self.b[i] += w * left;
                // The upper part would be the same.
                for (a, r) in self.a[i].iter_mut().zip(row).take(i + 1) {
                    *a += w * r;
                }
            }
        }
    }

    /// Adds knowledge of one unknown: `left` from its present value, with a standard deviation.
    pub(super) fn prior(&mut self, i: usize, left: f64, sigma: f64) {
        if i < self.n {
            let w = 1.0 / (sigma * sigma);
            self.a[i][i] += w;
            self.b[i] += w * left;
        }
    }

    /// `None` when an unknown is not determined.
    pub(super) fn factor(&self) -> Option<Factor> {
        let mut l = self.a;
        for i in 0..self.n {
            for j in 0..=i {
                let mut sum = l[i][j];
                for (a, b) in l[i].iter().zip(&l[j]).take(j) {
                    sum -= a * b;
                }
                if i == j {
                    // Relative to what the unknown had before others were taken out of it.
                    if !(sum > self.a[i][i] * 1e-12 && sum.is_finite()) {
                        return None;
                    }
                    l[i][i] = sum.sqrt();
                } else {
                    l[i][j] = sum / l[j][j];
                }
            }
        }
        Some(Factor { n: self.n, l })
    }

    /// The solution.
    pub(super) fn solve(&self, factor: &Factor) -> Row {
        factor.solve(&self.b)
    }
}

impl Factor {
    fn solve(&self, b: &Row) -> Row {
        let mut x = self.half(b);
        for i in (0..self.n).rev() {
            let mut sum = x[i];
            for (row, v) in self.l.iter().zip(&x).take(self.n).skip(i + 1) {
                sum -= row[i] * v;
            }
            x[i] = sum / self.l[i][i];
        }
        x
    }

    /// Forward substitution only.
    fn half(&self, b: &Row) -> Row {
        let mut x = [0.0; MAX];
        for i in 0..self.n {
            let mut sum = b[i];
            for (a, v) in self.l[i].iter().zip(&x).take(i) {
                sum -= a * v;
            }
            x[i] = sum / self.l[i][i];
        }
        x
    }

    /// Variance of the combination `row` of the unknowns.
    pub(super) fn variance(&self, row: &Row) -> f64 {
        let x = self.half(row);
        x.iter().take(self.n).map(|v| v * v).sum()
    }

    /// Covariance of the first three unknowns.
    pub(super) fn leading3(&self) -> [[f64; 3]; 3] {
        let unit = |i: usize| {
            let mut e = [0.0; MAX];
            e[i] = 1.0;
            self.solve(&e)
        };
        let columns = [unit(0), unit(1), unit(2)];
        std::array::from_fn(|i| std::array::from_fn(|j| columns[j][i]))
    }

    /// Variance of one unknown.
    pub(super) fn variance_of(&self, i: usize) -> f64 {
        let mut e = [0.0; MAX];
        if let Some(v) = e.get_mut(i) {
            *v = 1.0;
        }
        self.variance(&e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(v: &[f64]) -> Row {
        let mut r = [0.0; MAX];
        r[..v.len()].copy_from_slice(v);
        r
    }

    #[test]
    fn a_line_through_points() {
        let mut n = Normal::new(2);
        for x in 0..5 {
            n.add(&row(&[f64::from(x), 1.0]), 3.0 * f64::from(x) - 2.0, 4.0);
        }
        let f = n.factor().unwrap();
        let x = n.solve(&f);
        assert!((x[0] - 3.0).abs() < 1e-12 && (x[1] + 2.0).abs() < 1e-12);
        // Textbook variance of a slope: σ² / Σ(x − mean)².
        assert!((f.variance_of(0) - 0.25 / 10.0).abs() < 1e-12);
        assert!((f.leading3()[0][0] - 0.25 / 10.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_undetermined_is_refused() {
        let mut n = Normal::new(2);
        n.add(&row(&[1.0, 1.0]), 1.0, 1.0);
        n.add(&row(&[2.0, 2.0]), 1.0, 1.0);
        assert!(n.factor().is_none());
        n.prior(1, 0.0, 10.0);
        assert!(n.factor().is_some());
        n.add(&row(&[f64::NAN, 1.0]), 1.0, 1.0);
        assert!(n.factor().is_none());
        assert!(Normal::new(3).factor().is_none());
    }
}
