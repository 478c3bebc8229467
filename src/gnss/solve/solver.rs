//! The estimator: iterated weighted least squares from nothing to a position.
//!
//! Two stages. The first starts anywhere, the Earth's centre included, takes every measurement as good to some tens of metres and
//! throws out what is plainly false. The second knows where it is: elevations, atmosphere, and an honest error for each
//! measurement. What the broadcast ionosphere leaves is common to all rays; it gets three unknowns (vertical delay and two
//! slopes) with the deviations of the error model, which both takes part of it out and puts the rest into the covariance.
//!
//! A second frequency shows the ionosphere of its own ray, noisily and off by a delay of the receiver that is unknown but
//! common to a system. It is a measurement of these unknowns like any other. Its error is correlated with the pseudorange's
//! (the same code is in both, and so is what the three unknowns do not describe); the share `gain` of its deviation is taken off the
//! pseudorange, which leaves two independent measurements.

use super::confidence;
use super::fix::{Consistency, Dop, Fix, Reason, Rejected, SolveError, Used};
use super::ionosphere::{Ionosphere, Ray};
use super::link::{Atmosphere, Path, Place, dot};
use super::noise::{self, IonosphereLeft};
use super::normal::{Factor, Normal, Row};
use super::observation::Epoch;
use super::options::{IonosphereChoice, Options, Prior};
use super::select::{Link, Shown, links};
use super::{faults, velocity};
use crate::base::broadcast::Gnss;
use crate::gnss::SkySnapshot;
use crate::gnss::scale::C;
use crate::gnss::visibility::Ecef;

/// Rounds after which a solution that still moves is given up; from the Earth's centre it takes six.
const MAX_ROUNDS: usize = 25;
/// A step below which the equations, linear over it to a millimetre, need not be set up again.
const SMALL_STEP_M: f64 = 50.0;
/// Step of the time below which satellites need not be computed again: none moves a centimetre.
const SMALL_STEP_S: f64 = 1e-6;
/// Standard deviation of a measurement without atmosphere models, metres.
const COARSE_SIGMA_M: f64 = 30.0;
/// Altitudes of people, aircraft and balloons, metres, with room for a bad fix.
const ALTITUDES: std::ops::Range<f64> = -10_000.0..60_000.0;
/// An error ellipse (95 %) beyond which there is no position to speak of, metres.
const USELESS_M: f64 = 5_000.0;

/// Reusable working memory; one for each thread.
#[derive(Debug, Default)]
pub struct Solver {
    order: Vec<u16>,
    rejected: Vec<Rejected>,
}

/// Which unknown stands where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) n: usize,
    /// By system: the place of its bias; `None` for the reference and for what does not occur.
    bias: [Option<u8>; 7],
    time: Option<usize>,
    ionosphere: Option<usize>,
    /// By system: the receiver's delay between two frequencies.
    pair: [Option<u8>; 7],
    /// Unknowns on whose prior knowledge the rest leans.
    pub(super) constrained: usize,
}

/// The present estimate.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) position: Ecef,
    pub(super) clock_m: f64,
    bias_m: [f64; 7],
    pub(super) time_s: f64,
    ionosphere_m: [f64; 3],
    pair_m: [f64; 7],
}

/// One problem being solved.
pub(super) struct Problem<'a> {
    pub(super) epoch: &'a Epoch,
    pub(super) options: &'a Options,
    pub(super) prior: &'a Prior,
    pub(super) links: Vec<Link<'a>>,
    pub(super) state: State,
    pub(super) layout: Layout,
    /// Prior deviation of the ionosphere's unknowns.
    left: IonosphereLeft,
}

impl Solver {
    /// A solver.
    pub fn new() -> Self {
        Self::default()
    }

    /// The position at an epoch.
    ///
    /// Every input ends in a fix or a reason; work is bounded by the number of observations.
    ///
    /// # Errors
    /// Why there is none. [`rejected`](Self::rejected) tells what became of each measurement.
    pub fn solve(
        &mut self,
        sky: &SkySnapshot,
        epoch: &Epoch,
        options: &Options,
        prior: &Prior,
    ) -> Result<Fix, SolveError> {
        self.rejected.clear();
        check(options, prior)?;
        let mut found = Vec::with_capacity(64);
        links(sky, epoch, options, &mut self.order, &mut found, &mut self.rejected)?;
        let mut problem = Problem::new(epoch, options, prior, found);
        problem.coarse(&mut self.rejected)?;
        let model = match options.ionosphere {
            IonosphereChoice::Best | IonosphereChoice::Broadcast => Ionosphere::of(sky, epoch.time),
            IonosphereChoice::Klobuchar => Ionosphere::klobuchar(sky, epoch.time),
            IonosphereChoice::Free | IonosphereChoice::Off => Ionosphere::Unknown,
        };
        let factor = problem.fine(model, &mut self.rejected)?;
        problem.fix(&factor, self.rejected.clone())
    }

    /// What the last call did not use, also when it failed.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }
}

fn check(options: &Options, prior: &Prior) -> Result<(), SolveError> {
    let finite = |v: &[f64], name| {
        if v.iter().all(|x| x.is_finite() && x.abs() < 1e12) {
            Ok(())
        } else {
            Err(SolveError::NotANumber(name))
        }
    };
    let positive = |s: Option<f64>, name| match s {
        Some(s) if !(s.is_finite() && s > 0.0) => Err(SolveError::NotANumber(name)),
        _ => Ok(()),
    };
    finite(&[options.mask_deg], "elevation mask")?;
    finite(&prior.start.unwrap_or_default(), "start")?;
    positive(prior.start_sigma_m, "deviation of the start")?;
    positive(prior.time_sigma_s, "deviation of the time")?;
    if let Some((altitude, sigma)) = prior.altitude {
        finite(&[altitude], "altitude")?;
        positive(Some(sigma), "deviation of the altitude")?;
    }
    Ok(())
}

impl Layout {
    fn new(links: &[Link<'_>], prior: &Prior, with_ionosphere: bool) -> Self {
        let mut count = [0_usize; 7];
        for l in links.iter().filter(|l| l.active) {
            count[l.sat.gnss as usize] += 1;
        }
        // The most numerous system, GPS before equals, is the one whose clock the others are measured against.
        let reference = Gnss::ALL.into_iter().rev().max_by_key(|g| count[*g as usize]).unwrap_or(Gnss::Gps);
        let mut n = 4;
        let mut constrained = 0;
        let mut bias = [None; 7];
        for g in Gnss::ALL {
            if g != reference && count[g as usize] > 0 {
                bias[g as usize] = Some(n as u8);
                n += 1;
                // A bias with a tight prior is not an unknown that needs a satellite of its own.
                constrained += usize::from(noise::system_bias_m(g) <= 10.0);
            }
        }
        let time = prior.time_sigma_s.map(|_| {
            n += 1;
            n - 1
        });
        let ionosphere = with_ionosphere.then(|| {
            n += 3;
            constrained += 3;
            n - 3
        });
        let mut pair = [None; 7];
        for l in links.iter().filter(|l| with_ionosphere && l.active && l.shown.is_some()) {
            let place = &mut pair[l.sat.gnss as usize];
            if place.is_none() {
                *place = Some(n as u8);
                n += 1;
                constrained += 1;
            }
        }
        Self { n, bias, time, ionosphere, pair, constrained }
    }

    /// What a second frequency of the link shows, where there are unknowns to be shown.
    fn shown<'l>(&self, l: &'l Link<'_>) -> Option<(&'l Shown, usize)> {
        l.shown.as_ref().zip(self.pair[l.sat.gnss as usize].map(usize::from))
    }

    /// The row of what a second frequency shows.
    pub(super) fn shown_row(&self, l: &Link<'_>) -> Row {
        let mut row = [0.0; super::normal::MAX];
        if let Some(i) = self.ionosphere {
            row[i..i + 3].copy_from_slice(&l.layer);
        }
        if let Some(i) = self.pair[l.sat.gnss as usize] {
            row[usize::from(i)] = 1.0;
        }
        row
    }

    /// The row of a link.
    pub(super) fn row(&self, l: &Link<'_>) -> Row {
        let mut row = [0.0; super::normal::MAX];
        for (to, u) in row.iter_mut().zip(l.path.unit) {
            *to = -u;
        }
        row[3] = 1.0;
        if let Some(i) = self.bias[l.sat.gnss as usize] {
            row[usize::from(i)] = 1.0;
        }
        if let Some(i) = self.time {
            row[i] = l.path.rate_mps - l.satellite.clock_mps;
        }
        if let Some(i) = self.ionosphere {
            row[i..i + 3].copy_from_slice(&l.layer);
        }
        if let Some((shown, i)) = self.shown(l) {
            if let Some(k) = self.ionosphere {
                for x in &mut row[k..k + 3] {
                    *x *= 1.0 - shown.gain;
                }
            }
            row[i] = -shown.gain;
        }
        row
    }
}

impl<'a> Problem<'a> {
    fn new(epoch: &'a Epoch, options: &'a Options, prior: &'a Prior, links: Vec<Link<'a>>) -> Self {
        let layout = Layout::new(&links, prior, false);
        let state = State {
            position: prior.start.unwrap_or_default(),
            clock_m: 0.0,
            bias_m: [0.0; 7],
            time_s: 0.0,
            ionosphere_m: [0.0; 3],
            pair_m: [0.0; 7],
        };
        Self {
            epoch,
            options,
            prior,
            links,
            state,
            layout,
            left: IonosphereLeft::after(&Ionosphere::Unknown, 0.0),
        }
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &Link<'a>> {
        self.links.iter().filter(|l| l.active)
    }

    /// Satellites that the unknowns need.
    fn needed(&self) -> usize {
        let known =
            usize::from(self.prior.altitude.is_some()) + 3 * usize::from(self.prior.start_sigma_m.is_some());
        (4 + usize::from(self.layout.time.is_some())).saturating_sub(known).max(1)
    }

    fn enough(&self) -> Result<(), SolveError> {
        let (usable, needed) = (self.active().count(), self.needed());
        if usable < needed { Err(SolveError::TooFew { usable, needed }) } else { Ok(()) }
    }

    /// Measurements beyond what the unknowns take.
    pub(super) fn redundancy(&self) -> usize {
        let free = self.layout.n - self.layout.constrained;
        let known =
            usize::from(self.prior.altitude.is_some()) + 3 * usize::from(self.prior.start_sigma_m.is_some());
        let shown = self.active().filter(|l| self.layout.shown(l).is_some()).count();
        (self.active().count() + shown + known).saturating_sub(free)
    }

    /// Measured minus computed.
    pub(super) fn left(&self, l: &Link<'_>) -> f64 {
        let s = &self.state;
        let ionosphere = dot(l.layer, s.ionosphere_m);
        let left = l.range_m
            - (l.path.distance_m - l.satellite.clock_m
                + l.atmosphere_m
                + ionosphere
                + s.clock_m
                + s.bias_m[l.sat.gnss as usize]);
        self.shown_left(l).map_or(left, |(shown, by)| left - shown.gain * by)
    }

    /// The ionosphere as a second frequency shows it minus computed.
    pub(super) fn shown_left<'l>(&self, l: &'l Link<'_>) -> Option<(&'l Shown, f64)> {
        let (shown, _) = self.layout.shown(l)?;
        let s = &self.state;
        let computed = shown.model_m + dot(l.layer, s.ionosphere_m) + s.pair_m[l.sat.gnss as usize];
        Some((shown, shown.delay_m - computed))
    }

    /// The satellites at the present estimate of the time, where the pseudoranges do not tell when they were sent.
    fn retime(&mut self) {
        let t = self.epoch.time.offset_s(self.state.time_s);
        for l in &mut self.links {
            // From the Earth's centre the way is longer than any signal's.
            let distance = l.path.distance_m.clamp(1.8e7, 4.3e7);
            l.transmitted_at(t.offset_s(-distance / C));
            l.path = Path::between(&l.satellite, self.state.position);
        }
    }

    fn aim(&mut self) {
        for l in &mut self.links {
            l.path = Path::between(&l.satellite, self.state.position);
        }
    }

    /// Iterates to the end; the factor belongs to the last equations.
    pub(super) fn iterate(&mut self) -> Result<Factor, SolveError> {
        self.enough()?;
        for _ in 0..MAX_ROUNDS {
            if self.layout.time.is_some() {
                self.retime();
            } else {
                self.aim();
            }
            let normal = self.normal();
            let factor = normal.factor().ok_or(SolveError::Geometry)?;
            let step = normal.solve(&factor);
            if !step.iter().all(|x| x.is_finite()) {
                return Err(SolveError::Diverged);
            }
            let time_step = self.layout.time.map_or(0.0, |i| step[i]);
            self.apply(&step);
            let moved = dot([step[0], step[1], step[2]], [step[0], step[1], step[2]]).sqrt();
            if moved < SMALL_STEP_M && time_step.abs() < SMALL_STEP_S {
                self.aim();
                return Ok(factor);
            }
            if moved > 1e10 {
                return Err(SolveError::Diverged);
            }
        }
        Err(SolveError::Diverged)
    }

    fn normal(&self) -> Normal {
        let mut normal = Normal::new(self.layout.n);
        for l in self.active() {
            normal.add(&self.layout.row(l), self.left(l), 1.0 / l.variance);
            if let Some((shown, left)) = self.shown_left(l) {
                normal.add(&self.layout.shown_row(l), left, 1.0 / shown.variance);
            }
        }
        self.priors(&mut normal);
        normal
    }

    fn priors(&self, normal: &mut Normal) {
        let s = &self.state;
        for g in Gnss::ALL {
            if let Some(i) = self.layout.bias[g as usize] {
                normal.prior(usize::from(i), -s.bias_m[g as usize], noise::system_bias_m(g));
            }
            if let Some(i) = self.layout.pair[g as usize] {
                normal.prior(usize::from(i), -s.pair_m[g as usize], noise::PAIR_RECEIVER_M);
            }
        }
        if let (Some(i), Some(sigma)) = (self.layout.time, self.prior.time_sigma_s) {
            normal.prior(i, -s.time_s, sigma);
        }
        if let Some(i) = self.layout.ionosphere {
            let sigma = [self.left.vertical_m, self.left.slope_m, self.left.slope_m];
            for (k, (value, sigma)) in s.ionosphere_m.iter().zip(sigma).enumerate() {
                normal.prior(i + k, -value, sigma);
            }
        }
        if let (Some(start), Some(sigma)) = (self.prior.start, self.prior.start_sigma_m) {
            for (k, (known, at)) in start.iter().zip(s.position).enumerate() {
                normal.prior(k, known - at, sigma);
            }
        }
        if let Some((altitude, sigma)) = self.prior.altitude
            && let Some(place) = Place::new(s.position)
        {
            let mut row = [0.0; super::normal::MAX];
            row[..3].copy_from_slice(&place.enu[2]);
            normal.add(&row, altitude - place.altitude_m, 1.0 / (sigma * sigma));
        }
    }

    fn apply(&mut self, step: &Row) {
        let s = &mut self.state;
        for (p, d) in s.position.iter_mut().zip(step) {
            *p += d;
        }
        s.clock_m += step[3];
        for g in 0..7 {
            if let Some(i) = self.layout.bias[g] {
                s.bias_m[g] += step[usize::from(i)];
            }
            if let Some(i) = self.layout.pair[g] {
                s.pair_m[g] += step[usize::from(i)];
            }
        }
        if let Some(i) = self.layout.time {
            s.time_s += step[i];
        }
        if let Some(i) = self.layout.ionosphere {
            for k in 0..3 {
                s.ionosphere_m[k] += step[i + k];
            }
        }
    }

    /// Whether the estimate is on the Earth.
    fn place(&self) -> Result<Place, SolveError> {
        Place::new(self.state.position)
            .filter(|p| ALTITUDES.contains(&p.altitude_m))
            .ok_or(SolveError::Implausible)
    }

    /// The first stage.
    fn coarse(&mut self, rejected: &mut Vec<Rejected>) -> Result<(), SolveError> {
        for l in &mut self.links {
            l.variance = COARSE_SIGMA_M * COARSE_SIGMA_M;
        }
        let begun = self.state;
        let outcome = self.iterate().and_then(|f| self.place().map(|_| f));
        match outcome {
            Ok(factor) => faults::exclude(self, factor, faults::COARSE, rejected).map(|_| ()),
            Err(e) if !self.options.exclude_faults || self.redundancy() == 0 => Err(e),
            Err(e) => faults::search(self, begun, e, rejected),
        }?;
        self.place().map(|_| ())
    }

    /// The second stage: the factor belongs to the final estimate.
    fn fine(&mut self, model: Ionosphere, rejected: &mut Vec<Rejected>) -> Result<Factor, SolveError> {
        let mut place = self.place()?;
        for _ in 0..3 {
            self.weigh(&place, model, rejected);
            let factor = self.iterate()?;
            let factor = faults::exclude(self, factor, faults::FINE, rejected)?;
            let now = self.place()?;
            let moved: Ecef = std::array::from_fn(|i| now.position[i] - place.position[i]);
            if dot(moved, moved) < 1e8 {
                return Ok(factor);
            }
            place = now;
        }
        Err(SolveError::Diverged)
    }

    /// Elevations, delays and errors at a place.
    fn weigh(&mut self, place: &Place, model: Ionosphere, rejected: &mut Vec<Rejected>) {
        let atmosphere = Atmosphere::over(place, model, self.epoch.time);
        let up = Ray {
            latitude: place.at.lat.to_radians(),
            longitude: place.at.lon.to_radians(),
            sin_elevation: 1.0,
            elevation: std::f64::consts::FRAC_PI_2,
            azimuth: (0.0, 1.0),
        };
        self.left = IonosphereLeft::after(&model, model.delay_m(&up, self.epoch.time));
        let mask = self.options.mask_deg.to_radians().sin();
        for l in &mut self.links {
            l.ray = place.ray(l.path.unit);
            let s = l.ray.sin_elevation;
            if l.active && s < mask {
                l.active = false;
                rejected.push(Rejected { sat: l.sat, signal: l.signal, reason: Reason::BelowMask });
            }
            if !l.active {
                continue;
            }
            let mapping = Ionosphere::mapping(s) * l.ionosphere;
            let charged = if l.ionosphere > 0.0 {
                atmosphere.ionosphere.delay_m(&l.ray, self.epoch.time) * l.ionosphere
            } else {
                0.0
            };
            l.atmosphere_m = atmosphere.troposphere.delay_m(s) + charged;
            // Where the ray crosses the layer at 350 km: the angle at the Earth's centre is 90° − elevation − angle at the layer.
            let away = 6.371 * ((6371.0 / 6721.0 * l.ray.elevation.cos()).acos() - l.ray.elevation);
            l.layer = [mapping, mapping * away * l.ray.azimuth.1, mapping * away * l.ray.azimuth.0];
            let o = &l.observation;
            let code = noise::code_variance_m2(self.options.receiver, o.rms_m, o.cn0_dbhz, o.multipath_m, s);
            let rest = (self.left.rest_m * mapping).powi(2);
            l.variance = l.satellite.sigma_m * l.satellite.sigma_m
                + code * l.amplified
                + noise::troposphere_variance_m2(s)
                + rest;
            if let Some(shown) = &mut l.shown {
                let o = &shown.second;
                let second =
                    noise::code_variance_m2(self.options.receiver, o.rms_m, o.cn0_dbhz, o.multipath_m, s);
                let bias = noise::pair_bias_m(l.sat.gnss).powi(2);
                let common = rest - shown.lever * code;
                shown.variance = shown.lever * shown.lever * (code + second + bias) + rest;
                shown.gain = common / shown.variance;
                shown.model_m = charged;
                l.variance -= shown.gain * common;
            }
        }
        self.lay_out(self.options.ionosphere != IonosphereChoice::Free);
    }

    /// Unknowns for the links that are active.
    pub(super) fn lay_out(&mut self, with_ionosphere: bool) {
        let old = self.state.bias_m;
        self.layout = Layout::new(&self.links, self.prior, with_ionosphere);
        for (place, pair) in self.layout.pair.iter().zip(&mut self.state.pair_m) {
            if place.is_none() {
                *pair = 0.0;
            }
        }
        // The reference may be another system now: its bias goes into the clock.
        let reference = self
            .links
            .iter()
            .filter(|l| l.active)
            .map(|l| l.sat.gnss)
            .find(|g| self.layout.bias[*g as usize].is_none());
        if let Some(g) = reference {
            let shift = old[g as usize];
            self.state.clock_m += shift;
            for (g, b) in self.state.bias_m.iter_mut().enumerate() {
                *b = if self.layout.bias[g].is_some() { old[g] - shift } else { 0.0 };
            }
        }
    }

    /// Whether the ionosphere is among the unknowns.
    pub(super) const fn has_ionosphere(&self) -> bool {
        self.layout.ionosphere.is_some()
    }

    /// Weighted sum of squares of the residuals and of the deviations from prior knowledge.
    pub(super) fn chi2(&self) -> f64 {
        let of_link = |l: &Link<'_>| {
            let shown = self.shown_left(l).map_or(0.0, |(shown, left)| left * left / shown.variance);
            self.left(l).powi(2) / l.variance + shown
        };
        let measured: f64 = self.active().map(of_link).sum();
        let s = &self.state;
        let pairs: f64 = s.pair_m.iter().map(|p| (p / noise::PAIR_RECEIVER_M).powi(2)).sum();
        let ionosphere = if self.has_ionosphere() {
            (s.ionosphere_m[0] / self.left.vertical_m).powi(2)
                + (s.ionosphere_m[1].powi(2) + s.ionosphere_m[2].powi(2)) / self.left.slope_m.powi(2)
        } else {
            0.0
        };
        measured + ionosphere + pairs
    }

    fn fix(&self, factor: &Factor, rejected: Vec<Rejected>) -> Result<Fix, SolveError> {
        let place = self.place()?;
        let chi2 = self.chi2();
        let redundancy = self.redundancy();
        let consistency = faults::judge(chi2, redundancy);
        let widened = if consistency == Consistency::Suspect { chi2 / redundancy.max(1) as f64 } else { 1.0 };
        let covariance = to_enu(&place, &factor.leading3()).map(|row| row.map(|v| v * widened));
        let ellipse = confidence::ellipse(covariance[0][0], covariance[1][1], covariance[0][1], 95);
        if ellipse.semi_major_m.is_nan() || ellipse.semi_major_m > USELESS_M {
            return Err(SolveError::Geometry);
        }
        let used = self.active().map(|l| Used {
            sat: l.sat,
            signal: l.signal,
            residual_m: self.left(l),
            sigma_m: l.variance.sqrt(),
            azimuth_deg: l.ray.azimuth.0.atan2(l.ray.azimuth.1).to_degrees().rem_euclid(360.0),
            elevation_deg: l.ray.elevation.to_degrees(),
        });
        let time_error_s =
            self.layout.time.map(|i| (self.state.time_s, factor.variance_of(i).max(0.0).sqrt()));
        let clock_s = self.state.clock_m / C;
        Ok(Fix {
            time: match time_error_s {
                Some((error, _)) => self.epoch.time.offset_s(error),
                None => self.epoch.time.offset_s(-clock_s),
            },
            position: self.state.position,
            at: place.at,
            altitude_m: place.altitude_m,
            clock_s,
            biases_m: self.biases(),
            time_error_s,
            covariance,
            velocity: velocity::solve(self, &place),
            dop: self.dop(&place),
            chi2,
            redundancy,
            consistency,
            used: used.collect(),
            rejected,
        })
    }

    fn biases(&self) -> Vec<(Gnss, f64)> {
        let used = |g: &Gnss| self.active().any(|l| l.sat.gnss == *g);
        Gnss::ALL.into_iter().filter(used).map(|g| (g, self.state.bias_m[g as usize])).collect()
    }

    fn dop(&self, place: &Place) -> Dop {
        let mut layout = self.layout;
        layout.n -= layout.pair.iter_mut().filter_map(Option::take).count();
        if layout.ionosphere.take().is_some() {
            layout.n -= 3;
        }
        if layout.time.take().is_some() {
            layout.n -= 1;
        }
        let mut normal = Normal::new(layout.n);
        for l in self.active() {
            normal.add(&layout.row(l), 0.0, 1.0);
        }
        let Some(factor) = normal.factor() else { return Dop::default() };
        let c = to_enu(place, &factor.leading3());
        let root = |v: f64| v.max(0.0).sqrt();
        Dop {
            position: root(c[0][0] + c[1][1] + c[2][2]),
            horizontal: root(c[0][0] + c[1][1]),
            vertical: root(c[2][2]),
        }
    }
}

/// A covariance in the directions of a place.
pub(super) fn to_enu(place: &Place, c: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let along = |a: Ecef, b: Ecef| {
        let cb = c.map(|row| dot(row, b));
        dot(a, cb)
    };
    std::array::from_fn(|i| std::array::from_fn(|j| along(place.enu[i], place.enu[j])))
}

impl Problem<'_> {
    /// Takes a link in or out; `false` when it was out already.
    pub(super) fn set_active(&mut self, i: usize, active: bool) -> bool {
        match self.links.get_mut(i) {
            Some(l) => {
                let was = l.active;
                l.active = active;
                was || active
            }
            None => false,
        }
    }

    /// Goes on with the first frequency of a link alone.
    pub(super) fn forget_second(&mut self, i: usize, rejected: &mut Vec<Rejected>) {
        if let Some(l) = self.links.get_mut(i)
            && let Some(shown) = l.shown.take()
        {
            // The pseudorange's variance without the help of the second.
            l.variance += shown.gain * shown.gain * shown.variance;
            let metres = shown.delay_m - shown.model_m;
            rejected.push(Rejected {
                sat: l.sat,
                signal: shown.second.signal,
                reason: Reason::Outlier { metres },
            });
        }
        self.lay_out(self.has_ionosphere());
    }

    /// Whether the estimate is a place for people.
    pub(super) fn is_on_earth(&self) -> bool {
        self.place().is_ok()
    }
}
