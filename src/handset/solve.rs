//! A position from pseudoranges: iterated weighted least squares for three coordinates and one receiver clock.

use crate::base::broadcast::SatId;
use crate::base::time::GpsTime;
use crate::gnss::scale::C;
use crate::gnss::visibility::Ecef;

/// Rotation rate of the Earth, rad/s (IS-GPS-200 table 20-IV).
const EARTH_RATE: f64 = 7.292_115_146_7e-5;
/// Rounds after which a solution that still moves is given up; from the Earth's centre it takes six.
const MAX_ROUNDS: usize = 12;
/// The step, in metres, below which the solution stands.
const CONVERGED_M: f64 = 1e-4;

/// Where a satellite is and by how much its clock is ahead, at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transmitter {
    /// Position in the Earth-fixed frame of that instant, metres.
    pub(super) at: Ecef,
    /// Clock ahead of its system's time, seconds, group delay of the signal taken off.
    pub(super) clock_s: f64,
}

/// A pseudorange with its expected error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pseudorange {
    /// Satellite.
    pub(super) sat: SatId,
    /// Metres: reception by the receiver's clock minus transmission by the satellite's clock, times c.
    pub(super) range_m: f64,
    /// Standard deviation, metres.
    pub(super) sigma_m: f64,
}

/// What the solver found.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    /// Position.
    pub(super) at: Ecef,
    /// Receiver clock ahead of GPS time, metres.
    pub(super) clock_m: f64,
    /// Covariance of x, y, z, clock in m².
    pub(super) covariance: [[f64; 4]; 4],
    /// What is left of each pseudorange, metres.
    pub(super) residuals: Vec<(SatId, f64)>,
}

/// Why there is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SolveError {
    /// Three coordinates and a clock need four satellites.
    #[error("{0} satellites are too few for a position")]
    TooFew(usize),
    /// The satellites stand in a way that leaves a direction undetermined.
    #[error("the geometry of the satellites does not determine a position")]
    Geometry,
    /// The iteration does not settle.
    #[error("the solution does not converge")]
    Diverged,
}

/// Solves for the position of a receiver whose clock read `stamp` at reception. `state` gives a satellite at the time of
/// transmission; a satellite of which it knows nothing is left out. `start` is any guess, the Earth's centre included.
pub(super) fn solve(
    ranges: &[Pseudorange],
    stamp: GpsTime,
    start: Ecef,
    state: impl Fn(SatId, GpsTime) -> Option<Transmitter>,
) -> Result<Solution, SolveError> {
    let known: Vec<(Pseudorange, Transmitter)> = ranges
        .iter()
        .filter_map(|r| {
            // The satellite's clock stamps the transmission; two rounds take its own error out of the stamp.
            let by_sat_clock = stamp.offset_s(-r.range_m / C);
            let first = state(r.sat, by_sat_clock)?;
            Some((*r, state(r.sat, by_sat_clock.offset_s(-first.clock_s))?))
        })
        .collect();
    if known.len() < 4 {
        return Err(SolveError::TooFew(known.len()));
    }
    let (mut at, mut clock_m) = (start, 0.0);
    for _ in 0..MAX_ROUNDS {
        let mut normal = [[0.0; 4]; 4];
        let mut right = [0.0; 4];
        for (r, s) in &known {
            let (distance, unit) = line_of_sight(at, s.at);
            let row = [-unit[0], -unit[1], -unit[2], 1.0];
            let left = r.range_m - (distance + clock_m - C * s.clock_s);
            let weight = 1.0 / (r.sigma_m * r.sigma_m);
            for (i, a) in row.iter().enumerate() {
                right[i] += weight * a * left;
                for (j, b) in row.iter().enumerate() {
                    normal[i][j] += weight * a * b;
                }
            }
        }
        let covariance = inverse(normal).ok_or(SolveError::Geometry)?;
        let step = covariance.map(|row| row.iter().zip(right).map(|(a, b)| a * b).sum::<f64>());
        for (x, d) in at.iter_mut().zip(step) {
            *x += d;
        }
        clock_m += step[3];
        if step.iter().all(|d| d.abs() < CONVERGED_M) {
            let residuals = known
                .iter()
                .map(|(r, s)| {
                    let (distance, _) = line_of_sight(at, s.at);
                    (r.sat, r.range_m - (distance + clock_m - C * s.clock_s))
                })
                .collect();
            return Ok(Solution { at, clock_m, covariance, residuals });
        }
    }
    Err(SolveError::Diverged)
}

/// Distance travelled by the signal, and the unit vector from the receiver to the satellite; the Earth turns under the
/// signal while it travels.
pub(super) fn line_of_sight(receiver: Ecef, sat: Ecef) -> (f64, Ecef) {
    let mut turned = sat;
    let mut distance = norm(difference(sat, receiver));
    for _ in 0..2 {
        let angle = EARTH_RATE * distance / C;
        turned = [
            sat[0] * angle.cos() + sat[1] * angle.sin(),
            sat[1] * angle.cos() - sat[0] * angle.sin(),
            sat[2],
        ];
        distance = norm(difference(turned, receiver));
    }
    (distance, difference(turned, receiver).map(|d| d / distance))
}

fn difference(a: Ecef, b: Ecef) -> Ecef {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn norm(a: Ecef) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Inverse by Gauss-Jordan with row pivoting; `None` when (nearly) singular.
fn inverse(mut a: [[f64; 4]; 4]) -> Option<[[f64; 4]; 4]> {
    let mut out = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let scale = a.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs()));
    for col in 0..4 {
        let pivot = (col..4).max_by(|i, j| a[*i][col].abs().total_cmp(&a[*j][col].abs()))?;
        if a[pivot][col].abs() <= scale * 1e-12 {
            return None;
        }
        a.swap(col, pivot);
        out.swap(col, pivot);
        let by = a[col][col];
        a[col] = a[col].map(|x| x / by);
        out[col] = out[col].map(|x| x / by);
        let (line, line_out) = (a[col], out[col]);
        for row in (0..4).filter(|r| *r != col) {
            let factor = a[row][col];
            for k in 0..4 {
                a[row][k] -= factor * line[k];
                out[row][k] -= factor * line_out[k];
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::Gnss;

    /// Satellites standing still in a shell around the Earth, clocks a microsecond apart.
    // The signature is the solver's.
    #[allow(clippy::unnecessary_wraps)]
    fn shell(sat: SatId, _: GpsTime) -> Option<Transmitter> {
        let (n, r) = (f64::from(sat.number), 26_560_000.0);
        let (lat, lon) = (0.2 * n, 1.3 * n);
        let at = [r * lat.cos() * lon.cos(), r * lat.cos() * lon.sin(), r * lat.sin()];
        Some(Transmitter { at, clock_s: 1e-6 * n })
    }

    fn ranges(receiver: Ecef, clock_m: f64, sats: &[u8]) -> Vec<Pseudorange> {
        sats.iter()
            .map(|n| {
                let sat = SatId::new(Gnss::Gps, *n);
                let s = shell(sat, GpsTime::from_ns(0)).unwrap();
                let range_m = line_of_sight(receiver, s.at).0 + clock_m - C * s.clock_s;
                Pseudorange { sat, range_m, sigma_m: 5.0 }
            })
            .collect()
    }

    const HERE: Ecef = [4_027_894.0, 307_046.0, 4_919_475.0];

    #[test]
    fn exact_ranges_give_the_exact_place_from_the_centre_of_the_earth() {
        let r = ranges(HERE, 123_456.0, &[1, 2, 3, 4, 5, 6, 7]);
        let s = solve(&r, GpsTime::from_ns(0), [0.0; 3], shell).unwrap();
        assert!(norm(difference(s.at, HERE)) < 1e-3);
        assert!((s.clock_m - 123_456.0).abs() < 1e-3);
        assert!(s.residuals.iter().all(|(_, r)| r.abs() < 1e-3));
        assert!(s.covariance[0][0] > 0.0);
    }

    #[test]
    fn a_wrong_range_shows_in_the_residuals() {
        let mut r = ranges(HERE, 0.0, &[1, 2, 3, 4, 5, 6, 7]);
        r[2].range_m += 500.0;
        let s = solve(&r, GpsTime::from_ns(0), [0.0; 3], shell).unwrap();
        assert!(s.residuals.iter().map(|(_, r)| r.abs()).fold(0.0, f64::max) > 50.0);
    }

    #[test]
    fn too_few_or_badly_placed_satellites_are_refused() {
        let r = ranges(HERE, 0.0, &[1, 2, 3]);
        assert_eq!(solve(&r, GpsTime::from_ns(0), HERE, shell).unwrap_err(), SolveError::TooFew(3));
        let r = ranges(HERE, 0.0, &[1, 1, 1, 1, 1]);
        assert_eq!(solve(&r, GpsTime::from_ns(0), HERE, shell).unwrap_err(), SolveError::Geometry);
        let r = ranges(HERE, 0.0, &[1, 2, 3, 4, 5]);
        assert_eq!(solve(&r, GpsTime::from_ns(0), HERE, |_, _| None).unwrap_err(), SolveError::TooFew(0));
    }
}
