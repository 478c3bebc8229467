//! How fixes scatter around a point.

use serde::Serialize;

/// Errors east, north and up in metres, and what becomes of them as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
// The unit is part of the names in JSON.
#[allow(clippy::struct_field_names)]
pub(super) struct Spread {
    /// Means of east, north, up.
    pub(super) mean_enu_m: [f64; 3],
    /// Root mean squares of east, north, up.
    pub(super) rms_enu_m: [f64; 3],
    /// Root mean square of the horizontal error.
    pub(super) rms_horizontal_m: f64,
    /// Root mean square of the error in space.
    pub(super) rms_3d_m: f64,
    /// What half of the horizontal errors stay within.
    pub(super) p50_horizontal_m: f64,
    /// What two thirds stay within.
    pub(super) p67_horizontal_m: f64,
    /// What 95 % stay within.
    pub(super) p95_horizontal_m: f64,
    /// The largest horizontal error.
    pub(super) max_horizontal_m: f64,
    /// What half of the vertical errors stay within.
    pub(super) p50_vertical_m: f64,
    /// What 95 % of the vertical errors stay within.
    pub(super) p95_vertical_m: f64,
    /// What half of the errors in space stay within.
    pub(super) p50_3d_m: f64,
    /// What 95 % of the errors in space stay within.
    pub(super) p95_3d_m: f64,
}

impl Spread {
    /// Of these errors; `None` when there are none.
    pub(super) fn of(errors: &[[f64; 3]]) -> Option<Self> {
        if errors.is_empty() {
            return None;
        }
        let n = errors.len() as f64;
        let mean = |f: &dyn Fn(&[f64; 3]) -> f64| errors.iter().map(f).sum::<f64>() / n;
        let sorted = |f: &dyn Fn(&[f64; 3]) -> f64| {
            let mut values: Vec<f64> = errors.iter().map(f).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let rms_enu_m: [f64; 3] = std::array::from_fn(|i| mean(&|e| e[i] * e[i]).sqrt());
        let horizontal = sorted(&|e| e[0].hypot(e[1]));
        let vertical = sorted(&|e| e[2].abs());
        let space = sorted(&|e| e[0].hypot(e[1]).hypot(e[2]));
        Some(Self {
            mean_enu_m: std::array::from_fn(|i| mean(&|e| e[i])),
            rms_enu_m,
            rms_horizontal_m: rms_enu_m[0].hypot(rms_enu_m[1]),
            rms_3d_m: rms_enu_m[0].hypot(rms_enu_m[1]).hypot(rms_enu_m[2]),
            p50_horizontal_m: percentile(&horizontal, 50.0),
            p67_horizontal_m: percentile(&horizontal, 67.0),
            p95_horizontal_m: percentile(&horizontal, 95.0),
            max_horizontal_m: percentile(&horizontal, 100.0),
            p50_vertical_m: percentile(&vertical, 50.0),
            p95_vertical_m: percentile(&vertical, 95.0),
            p50_3d_m: percentile(&space, 50.0),
            p95_3d_m: percentile(&space, 95.0),
        })
    }
}

/// A percentile of sorted values, interpolated between neighbours; NaN of none.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let low = sorted.get(below).copied().unwrap_or(f64::NAN);
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let v = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(percentile(&v, 50.0), 3.0);
        assert_eq!(percentile(&v, 0.0), 1.0);
        assert_eq!(percentile(&v, 100.0), 5.0);
        assert_eq!(percentile(&v, 87.5), 4.5);
        assert!(percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn a_known_scatter() {
        let s = Spread::of(&[[3.0, 4.0, 1.0], [-3.0, -4.0, -1.0]]).unwrap();
        assert_eq!(s.mean_enu_m, [0.0; 3]);
        assert_eq!((s.rms_horizontal_m, s.p95_horizontal_m, s.max_horizontal_m), (5.0, 5.0, 5.0));
        assert_eq!(s.p95_vertical_m, 1.0);
        assert!(Spread::of(&[]).is_none());
    }
}
