//! Position, clocks, time and ionosphere from code phases, by iterated weighted least squares with priors.
//!
//! Unknowns, in this order: east, north, up (metres, from the place of the last round), error of the handset's time
//! (seconds), error of the ionosphere model (a factor), a clock per set, an offset per further system (metres).

use super::linear::{Matrix, Normal, STATES, Vector, quadratic};
use super::prepare::{MS_M, Prepared, system_offset_sigma_m};
use super::{MAX_SETS, Reference};
use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::gnss::solve::Ionosphere;
use crate::gnss::solve::ionosphere::Ray;
use crate::gnss::solve::troposphere::Troposphere;
use crate::gnss::visibility::{Ecef, Observer, from_ecef};

pub(super) const TIME: usize = 3;
const IONOSPHERE: usize = 4;
const CLOCKS: usize = 5;
const OFFSETS: usize = CLOCKS + MAX_SETS;
/// Rounds of iteration; the coarse start needs the first four.
const ROUNDS: usize = 14;
/// How wide deviations may be in the first rounds, metres: the start may be a kilometre off, and a handful of measurements
/// may be nonsense.
const SOFT_M: [f64; 4] = [2_000.0, 300.0, 60.0, 20.0];
/// Vertical delay of the ionosphere that is assumed where no model says anything, metres.
const IONOSPHERE_M: f64 = 4.0;

/// What is known besides the measurements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priors {
    /// The reference location; horizontally with this sigma, or not at all.
    pub(super) place: Option<(Ecef, f64)>,
    /// Altitude and its sigma, metres.
    pub(super) altitude: (f64, f64),
    /// Sigma of the handset's time, seconds.
    pub(super) time_s: f64,
}

impl Priors {
    /// What a reference location tells when it can be trusted: its altitude counts with twice the uncertainty stated, for
    /// ground is not flat.
    pub(super) fn altitude_of(reference: Option<&Reference>) -> (f64, f64) {
        match reference.and_then(|r| Some((r.altitude_m?, r.altitude_uncertainty_m))) {
            Some((m, unc)) if m.is_finite() && unc.is_finite() => {
                (m.clamp(-500.0, 15_000.0), (2.0 * unc).clamp(30.0, 3_000.0))
            }
            _ => (400.0, 1_200.0),
        }
    }
}

/// What the solution says of one measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) h: Vector,
    /// Measured less computed, metres.
    pub(super) residual_m: f64,
    pub(super) sigma_m: f64,
    /// 0..=1.
    pub(super) weight: f64,
    pub(super) elevation_deg: f64,
    pub(super) azimuth_deg: f64,
    /// The whole pseudorange that was found, metres, modulo nothing but the common clock.
    pub(super) range_m: f64,
}

/// A solution.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    pub(super) place: Ecef,
    pub(super) altitude_m: f64,
    pub(super) observer: Observer,
    /// Values of the unknowns; those of place are zero.
    pub(super) x: Vector,
    pub(super) covariance: Matrix,
    pub(super) lines: Vec<Line>,
    /// Number of unknowns.
    pub(super) n: usize,
}

impl Estimate {
    /// Variance of a measurement's residual against a solution that does not contain it (`inside` whether this one does).
    pub(super) fn variance(&self, line: &Line, inside: bool) -> f64 {
        let s2 = line.sigma_m * line.sigma_m;
        let q = quadratic(&self.covariance, &line.h, self.n);
        if inside { (s2 - q * line.weight).max(0.05 * s2) } else { s2 + q }
    }
}

/// Everything that stays the same from one solution to the next.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) ionosphere: Ionosphere,
    /// The column of each row's system offset.
    offsets: Vec<Option<usize>>,
    /// Sigma of each offset column.
    offset_sigmas: [f64; STATES],
    n: usize,
}

impl<'a> Problem<'a> {
    pub(super) fn new(prepared: &'a Prepared, ionosphere: Ionosphere) -> Self {
        let count = |g: Gnss| prepared.rows.iter().filter(|r| r.sat.gnss == g).count();
        // Offsets count from GPS where it was heard, else from the system heard most.
        let main = if count(Gnss::Gps) > 0 {
            Gnss::Gps
        } else {
            Gnss::ALL.into_iter().max_by_key(|g| count(*g)).unwrap_or(Gnss::Gps)
        };
        let mut columns: Vec<Gnss> = Vec::new();
        let mut offset_sigmas = [1.0; STATES];
        for g in Gnss::ALL.into_iter().filter(|g| *g != main && count(*g) > 0) {
            if let Some(s) = offset_sigmas.get_mut(OFFSETS + columns.len()) {
                *s = system_offset_sigma_m(g).hypot(system_offset_sigma_m(main)).max(5.0);
            }
            columns.push(g);
        }
        let offsets = prepared
            .rows
            .iter()
            .map(|r| columns.iter().position(|g| *g == r.sat.gnss).map(|i| OFFSETS + i))
            .collect();
        Self { prepared, ionosphere, offsets, offset_sigmas, n: (OFFSETS + columns.len()).min(STATES) }
    }

    /// The solution from a place and a time error near the truth, of the rows that `takes` says; `None` when they do not
    /// determine one or the iteration runs away.
    pub(super) fn solve(
        &self,
        start: Ecef,
        dt: f64,
        soft: bool,
        priors: &Priors,
        takes: &[bool],
    ) -> Option<Estimate> {
        let mut place = start;
        let mut x = [0.0; STATES];
        x[TIME] = dt;
        let mut lines = Vec::with_capacity(self.prepared.rows.len());
        let mut result = None;
        let first = if soft { 0 } else { SOFT_M.len() };
        for round in first..ROUNDS {
            let (at, altitude) = from_ecef(place)?;
            if !(-50_000.0..200_000.0).contains(&altitude) {
                return None;
            }
            let observer = Observer::new(at, altitude);
            let soft_m = SOFT_M.get(round).copied();
            self.look(&observer, at.lat, at.lon, altitude, &x, &mut lines);
            if round == first {
                self.clocks(&lines, takes, &mut x);
            }
            let (step, covariance) =
                self.step(&observer, altitude, &mut x, priors, takes, soft_m, &mut lines)?;
            for i in TIME..self.n {
                x[i] += step[i];
            }
            place = observer.place([step[0], step[1], step[2]]);
            if !place.iter().all(|v| v.is_finite()) || x[TIME].abs() > 200.0 {
                return None;
            }
            let moved = step[0].abs().max(step[1].abs()).max(step[2].abs());
            let settled = soft_m.is_none() && moved < 0.01 && step[TIME].abs() < 1e-4;
            if settled || round + 1 == ROUNDS {
                result = Some((covariance, moved));
                break;
            }
        }
        let (covariance, moved) = result?;
        if moved > 20.0 {
            return None;
        }
        let (at, altitude_m) = from_ecef(place)?;
        let observer = Observer::new(at, altitude_m);
        self.look(&observer, at.lat, at.lon, altitude_m, &x, &mut lines);
        for (i, line) in lines.iter_mut().enumerate() {
            self.residual(i, line, &x, None);
        }
        Some(Estimate { place, altitude_m, observer, x, covariance, lines, n: self.n })
    }

    /// Computes ranges and directions. `range_m` is left with measured less computed but for the clocks.
    fn look(
        &self,
        observer: &Observer,
        lat: f64,
        lon: f64,
        altitude: f64,
        x: &Vector,
        lines: &mut Vec<Line>,
    ) {
        lines.clear();
        let when = self.prepared.sets.last().map_or(GpsTime::from_ns(0), |s| s.0);
        let troposphere = Troposphere::over(lat, altitude, when);
        let (latitude, longitude) = (lat.to_radians(), lon.to_radians());
        let here = observer.position();
        for (r, offset) in self.prepared.rows.iter().zip(&self.offsets) {
            let sight = r.track.seen_from(here, x[TIME]);
            let [e, n, u] = observer.components(sight.unit);
            let elevation = u.clamp(-1.0, 1.0).asin();
            let flat = e.hypot(n).max(1e-9);
            let seen = u.max(0.02);
            let ray = Ray {
                latitude,
                longitude,
                sin_elevation: seen,
                elevation: elevation.max(0.02),
                azimuth: (e / flat, n / flat),
            };
            let modelled = self.ionosphere.delay_m(&ray, when);
            let model_knows = !matches!(self.ionosphere, Ionosphere::Unknown);
            // Where there is no model its error is that of a mean ionosphere.
            let ionosphere =
                if model_knows { modelled } else { IONOSPHERE_M * Ionosphere::mapping(seen) } * r.dispersion;
            let wet = troposphere.delay_m(seen);
            let known = if model_knows { ionosphere } else { 0.0 } + x[IONOSPHERE] * ionosphere;
            // Multipath of the surroundings grows towards the horizon.
            let near = 0.6 / (seen + 0.1);
            let variance =
                r.sigma_m.powi(2) + (0.15 * ionosphere).powi(2) + (0.04 * wet).powi(2) + near * near;
            let mut h = [0.0; STATES];
            (h[0], h[1], h[2]) = (-e, -n, -u);
            h[TIME] = sight.rate_mps;
            h[IONOSPHERE] = ionosphere;
            h[CLOCKS + r.set] = 1.0;
            if let Some(c) = offset
                && *c < STATES
            {
                h[*c] = 1.0;
            }
            lines.push(Line {
                h,
                residual_m: 0.0,
                sigma_m: (variance * r.twins).sqrt(),
                weight: 1.0,
                elevation_deg: elevation.to_degrees(),
                azimuth_deg: e.atan2(n).to_degrees().rem_euclid(360.0),
                range_m: r.phase_m - r.shift_m - sight.range_m - known - wet,
            });
        }
    }

    /// Starting values of the clocks: of each set the one with which most measurements agree but for whole milliseconds.
    fn clocks(&self, lines: &[Line], takes: &[bool], x: &mut Vector) {
        for set in 0..self.prepared.sets.len().min(MAX_SETS) {
            let mine = || {
                let own = move |(_, (r, _)): &(usize, (&super::prepare::Row, &Line))| r.set == set;
                self.prepared.rows.iter().zip(lines).enumerate().filter(own)
            };
            let mut best = (0.0, f64::NEG_INFINITY);
            for (i, (_, anchor)) in mine() {
                if takes.get(i) != Some(&true) {
                    continue;
                }
                let support: f64 = mine()
                    .map(|(_, (_, l))| {
                        let d = wrap(l.range_m - anchor.range_m);
                        1.0 / (1.0 + (d / 2_000.0).powi(2))
                    })
                    .sum();
                if support > best.1 {
                    best = (anchor.range_m, support);
                }
            }
            x[CLOCKS + set] = best.0;
        }
    }

    /// Whole milliseconds, as metres, that lie between a code phase and the range computed for it.
    pub(super) fn whole_m(&self, i: usize, line: &Line, x: &Vector) -> f64 {
        let Some(r) = self.prepared.rows.get(i) else { return 0.0 };
        let offset = self.offsets.get(i).copied().flatten().map_or(0.0, |c| x.get(c).copied().unwrap_or(0.0));
        let left = line.range_m - x[CLOCKS + r.set] - offset;
        left - wrap(left)
    }

    /// Residual against the unknowns, whole milliseconds taken off, and the weight that it leaves.
    fn residual(&self, i: usize, line: &mut Line, x: &Vector, soft_m: Option<f64>) {
        let Some(r) = self.prepared.rows.get(i) else { return };
        let offset = self.offsets.get(i).copied().flatten().map_or(0.0, |c| x.get(c).copied().unwrap_or(0.0));
        line.residual_m = wrap(line.range_m - x[CLOCKS + r.set] - offset);
        let sigma = line.sigma_m.max(soft_m.unwrap_or(0.0));
        let z = line.residual_m / sigma;
        // Errors have heavier tails than Gauss's, the heavier ones on the side of detours.
        let freedom = if z > 0.0 { 5.0 } else { 7.0 };
        let freedom = if soft_m.is_some() { 1.0 } else { freedom };
        line.weight = (line.sigma_m / sigma).powi(2) / (1.0 + z * z / freedom);
    }

    #[allow(clippy::too_many_arguments)]
    fn step(
        &self,
        observer: &Observer,
        altitude: f64,
        x: &mut Vector,
        priors: &Priors,
        takes: &[bool],
        soft_m: Option<f64>,
        lines: &mut [Line],
    ) -> Option<(Vector, Matrix)> {
        let mut normal = Normal::new(self.n);
        for (i, line) in lines.iter_mut().enumerate() {
            self.residual(i, line, x, soft_m);
            if takes.get(i) == Some(&true) {
                normal.add(&line.h, line.residual_m, line.weight / (line.sigma_m * line.sigma_m));
            }
        }
        self.add_priors(&mut normal, observer, altitude, x, priors);
        normal.solve()
    }

    /// What is known beforehand, as seen from the present values.
    pub(super) fn add_priors(
        &self,
        normal: &mut Normal,
        observer: &Observer,
        altitude: f64,
        x: &Vector,
        priors: &Priors,
    ) {
        let (h, sigma) = priors.altitude;
        normal.prior(2, h - altitude, sigma);
        if let Some((place, sigma)) = priors.place {
            let here = observer.position();
            let [e, n, _] = observer.components([place[0] - here[0], place[1] - here[1], place[2] - here[2]]);
            normal.prior(0, e, sigma);
            normal.prior(1, n, sigma);
        }
        normal.prior(TIME, -x[TIME], priors.time_s);
        let model = self.ionosphere_prior();
        normal.prior(IONOSPHERE, model.0 - x[IONOSPHERE], model.1);
        for set in 0..MAX_SETS {
            // A set that is not there; and clocks are only known modulo a millisecond.
            let there = set < self.prepared.sets.len();
            normal.prior(CLOCKS + set, if there { 0.0 } else { -x[CLOCKS + set] }, 1e7);
        }
        for (i, value) in x.iter().enumerate().take(self.n).skip(OFFSETS) {
            normal.prior(i, -value, self.offset_sigmas[i]);
        }
    }
}

impl Problem<'_> {
    /// Squared sigmas by which the unknowns, after a step, stand off what was known beforehand.
    pub(super) fn prior_cost(
        &self,
        observer: &Observer,
        altitude: f64,
        x: &Vector,
        step: &Vector,
        priors: &Priors,
    ) -> f64 {
        let (h, sigma) = priors.altitude;
        let mut cost = ((h - altitude - step[2]) / sigma).powi(2);
        if let Some((place, sigma)) = priors.place {
            let here = observer.position();
            let [e, n, _] = observer.components([place[0] - here[0], place[1] - here[1], place[2] - here[2]]);
            cost += ((e - step[0]) / sigma).powi(2) + ((n - step[1]) / sigma).powi(2);
        }
        cost += ((x[TIME] + step[TIME]) / priors.time_s).powi(2);
        let model = self.ionosphere_prior();
        cost += ((model.0 - x[IONOSPHERE] - step[IONOSPHERE]) / model.1).powi(2);
        let offsets = x.iter().zip(step).zip(&self.offset_sigmas).take(self.n).skip(OFFSETS);
        cost + offsets.map(|((x, step), sigma)| ((x + step) / sigma).powi(2)).sum::<f64>()
    }

    /// By which factor the ionosphere may differ from its model, and how widely; without a model, from none.
    const fn ionosphere_prior(&self) -> (f64, f64) {
        if matches!(self.ionosphere, Ionosphere::Unknown) { (1.0, 0.6) } else { (0.0, 0.35) }
    }
}

/// Takes whole milliseconds off.
pub(super) fn wrap(m: f64) -> f64 {
    m - (m / MS_M).round() * MS_M
}
