//! MS-Assisted positioning: what a SET measured becomes a position here.

use super::measured::measurement_set;
use super::method::Mode;
use super::procedure::Context;
use crate::base::broadcast::Gnss;
use crate::base::cell::ReferenceLocation;
use crate::base::{GpsTime, LocationEstimate, PositionMethod};
use crate::gnss::assisted::{Cannot, Fix, MAX_SETS, MeasurementSet, Reference, locate};
use crate::wire::assist::{AssistanceRequest, ReferenceTimeRequest};
use crate::wire::measure::GnssMeasurements;

/// Uncertainty of the time of measurements whose SET states none, seconds: it has its time from this server, whose own
/// uncertainty is added.
const TIME_S: f64 = 0.5;
/// Uncertainty of the altitude of a reference location that has one, metres.
const ALTITUDE_M: f64 = 150.0;

/// The measurement sets of a session.
#[derive(Debug, Default)]
pub(super) struct Measured {
    sets: Vec<MeasurementSet>,
    /// Those sets came after the last position was worked out.
    fresh: bool,
}

impl Measured {
    /// Takes what a message brought. Sets of one instant are put together, and of several the latest are kept.
    pub(super) fn take<'a>(&mut self, ctx: &Context<'_>, sets: impl Iterator<Item = &'a GnssMeasurements>) {
        let uncertainty_s = TIME_S.max(ctx.policy.time_uncertainty_s);
        for set in sets.take(2 * MAX_SETS) {
            let set = measurement_set(set, ctx.now.gps(), uncertainty_s);
            if set.code_phases.is_empty() {
                continue;
            }
            self.fresh = true;
            // RRLP says GPS and the other systems in two sets that are one.
            let same = |s: &&mut MeasurementSet| (s.time - set.time).abs() < 1e-4;
            match self.sets.iter_mut().find(same) {
                Some(known) => {
                    known.time_uncertainty_s = known.time_uncertainty_s.min(set.time_uncertainty_s);
                    known.code_phases.extend(set.code_phases);
                }
                None => self.sets.push(set),
            }
        }
        self.sets.sort_by_key(|s| s.time);
        let old = self.sets.len().saturating_sub(MAX_SETS);
        self.sets.drain(..old);
    }

    /// Whether there is something that has not been computed with.
    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The position that they make, unless the reference location says as much.
    pub(super) fn position(&mut self, ctx: &Context<'_>) -> Result<LocationEstimate, Cannot> {
        self.fresh = false;
        let reference = ctx.reference.map(ground);
        let fix = locate(ctx.sky, &self.sets, reference.as_ref())?;
        if ctx.reference.is_some_and(|r| fix.ellipse.semi_major_m > r.uncertainty_m) {
            return Err(Cannot::Geometry);
        }
        Ok(estimate(ctx, &fix))
    }
}

fn ground(r: &ReferenceLocation) -> Reference {
    Reference {
        at: r.at,
        uncertainty_m: r.uncertainty_m,
        altitude_m: r.altitude_m,
        altitude_uncertainty_m: ALTITUDE_M,
    }
}

fn estimate(ctx: &Context<'_>, fix: &Fix) -> LocationEstimate {
    LocationEstimate {
        shape: fix.shape(),
        time: GpsTime::to_utc(fix.time).min(ctx.now.utc),
        method: PositionMethod::AgnssMsAssisted,
        velocity: fix.velocity,
    }
}

/// What a SET that measures needs, when it does not say itself: time and where to look for these systems' signals; and with
/// `ephemerides` the navigation models too, for one that asks for more.
pub(super) fn needs(systems: impl Iterator<Item = Gnss>, ephemerides: bool) -> AssistanceRequest {
    let mut request = AssistanceRequest {
        reference_time: Some(ReferenceTimeRequest::default()),
        reference_location: ephemerides,
        ..AssistanceRequest::default()
    };
    for gnss in systems {
        let system = request.system_mut(gnss);
        system.acquisition = Some(0);
        system.navigation = ephemerides.then(Default::default);
        system.auxiliary = gnss == Gnss::Glonass;
    }
    request
}

/// Whether the SET is to measure.
pub(super) const fn measures(mode: Mode) -> bool {
    matches!(mode, Mode::SetAssisted)
}

/// Whether more assistance and another set are worth their time: the SET heard enough to be close to a position.
pub(super) const fn once_more(why: Cannot) -> bool {
    match why {
        Cannot::TooFew { usable, .. } => usable >= 3,
        Cannot::Ambiguous | Cannot::Inconsistent | Cannot::Geometry => true,
        Cannot::NoMeasurements | Cannot::NoReference => false,
    }
}
