//! What a session brought: the assistance as it gathers, the positions, the end.

use std::time::Instant;

use super::ladder::Step;
use super::measure::measure;
use super::options::{Options, Place};
use super::receiver::{self, Fix};
use super::solve::SolveError;
use crate::base::broadcast::{Ephemeris, Gnss};
use crate::base::geo::Shape;
use crate::base::time::{GpsTime, Now};
use crate::wire::assist::{Assistance, GnssAssistance};
use crate::wire::measure::GnssMeasurements;
use crate::wire::ulp::{PosMethod, Position, StatusCode};

/// Why the handset computed no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFix {
    /// No ephemeris came.
    #[error("no ephemerides were received")]
    NoEphemerides,
    /// The handset does not know where it is to be simulated.
    #[error(
        "no reference location was received and no --at was given: the simulated receiver stands nowhere"
    )]
    NoPlace,
    /// The solver found none.
    #[error(transparent)]
    Unsolved(#[from] SolveError),
}

/// A position of the handset's own, as it goes into the answer.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) shape: Shape,
    pub(super) time: GpsTime,
    pub(super) systems: Vec<Gnss>,
    /// Satellites used; none by a receiver that was simulated without them.
    pub(super) satellites: usize,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server sent SUPL END.
    End,
    /// The handset ended it: it had what it came for and the server had nothing more to say.
    Done,
    /// The server closed the connection without SUPL END.
    Closed,
    /// The server did not answer in time; what was awaited.
    Silence(&'static str),
    /// The server sent what cannot be read.
    Unreadable,
}

/// Everything a session brought.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The ladder.
    pub steps: Vec<Step>,
    /// Assistance of all messages together.
    pub assistance: Assistance,
    /// Reference time, and when it was received.
    reference: Option<(GpsTime, Instant)>,
    /// What the server said it cannot deliver.
    pub refused: Vec<String>,
    /// Method that SUPL RESPONSE named.
    pub pos_method: Option<PosMethod>,
    /// The handset's own position.
    pub fix: Option<Fix>,
    /// The position of a receiver that was simulated without satellites, where the server asked for it.
    pub autonomous: Option<Shape>,
    /// Where the receiver stood when it measured.
    pub truth: Option<Place>,
    /// Why there is none, where one was to be computed.
    pub no_fix: Option<NoFix>,
    /// The position that the server gave.
    pub server_position: Option<Position>,
    /// The status of SUPL END.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub ending: Option<Ending>,
}

impl Findings {
    /// GPS time now: by the assistance where it came, else by the clock of the machine.
    pub(super) fn gps_time(&self, now: Now) -> GpsTime {
        self.reference.map_or_else(
            || now.gps(),
            |(time, received)| time.offset_s(now.mono.duration_since(received).as_secs_f64()),
        )
    }

    /// Number of ephemerides received.
    pub fn ephemerides(&self) -> usize {
        self.assistance.systems.iter().map(|s| s.ephemerides.len()).sum()
    }

    /// Takes more assistance in. What comes again replaces what was there.
    pub(super) fn add(&mut self, now: Now, more: Assistance) {
        let all = &mut self.assistance;
        if let Some(t) = more.reference_time {
            self.reference = Some((t.time, now.mono));
            all.reference_time = Some(t);
        }
        replace(&mut all.reference_location, more.reference_location);
        replace(&mut all.nequick, more.nequick);
        replace(&mut all.earth_orientation, more.earth_orientation);
        for (area, model) in more.klobuchar {
            all.klobuchar.retain(|(a, _)| *a != area);
            all.klobuchar.push((area, model));
        }
        for system in more.systems {
            merge(all.system_mut(system.gnss), system);
        }
    }

    /// The handset's own position: computed with the assistance received, or that of a receiver which needs none.
    pub(super) fn position(&mut self, now: Now, options: &Options) -> Result<Own, NoFix> {
        if !options.goal.assisted() && self.ephemerides() == 0 {
            return self.autonomous(now, options);
        }
        let computed = self.try_fix(now, options);
        self.no_fix = computed.as_ref().err().copied();
        let fix = computed?;
        let own = Own {
            shape: fix.shape(),
            time: fix.time,
            systems: fix.systems(),
            satellites: fix.satellites.len(),
        };
        self.fix = Some(fix);
        Ok(own)
    }

    /// What the simulated receiver measures.
    pub(super) fn measure(&mut self, now: Now, options: &Options) -> Result<GnssMeasurements, NoFix> {
        let ephemerides: Vec<Ephemeris> =
            self.assistance.systems.iter().flat_map(|s| s.ephemerides.iter().copied()).collect();
        let measured = if ephemerides.is_empty() {
            Err(NoFix::NoEphemerides)
        } else {
            let place = self.place(options).ok_or(NoFix::NoPlace);
            place.and_then(|place| {
                self.truth = Some(place);
                let time = self.gps_time(now);
                measure(place, &ephemerides, &self.assistance.klobuchar, time, options.seed)
                    .ok_or(NoFix::Unsolved(SolveError::TooFew(0)))
            })
        };
        self.no_fix = measured.as_ref().err().copied();
        measured
    }

    /// A receiver that finds its own ephemerides in the sky: it stands where it is said to stand, give or take its error.
    fn autonomous(&mut self, now: Now, options: &Options) -> Result<Own, NoFix> {
        let place = self.place(options);
        self.no_fix = place.is_none().then_some(NoFix::NoPlace);
        let shape = receiver::autonomous(place.ok_or(NoFix::NoPlace)?, options.seed);
        self.autonomous = Some(shape.clone());
        Ok(Own { shape, time: self.gps_time(now), systems: options.gnss.clone(), satellites: 0 })
    }

    fn try_fix(&self, now: Now, options: &Options) -> Result<Fix, NoFix> {
        let ephemerides: Vec<Ephemeris> =
            self.assistance.systems.iter().flat_map(|s| s.ephemerides.iter().copied()).collect();
        if ephemerides.is_empty() {
            return Err(NoFix::NoEphemerides);
        }
        let place = self.place(options).ok_or(NoFix::NoPlace)?;
        Ok(receiver::fix(place, &ephemerides, self.gps_time(now), options.seed)?)
    }

    /// Where the simulated handset stands.
    pub(super) fn place(&self, options: &Options) -> Option<Place> {
        options.place.or_else(|| {
            let location = self.assistance.reference_location.as_ref()?;
            receiver::near(location.centre()?, location.altitude_m(), options.seed)
        })
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

fn merge(all: &mut GnssAssistance, more: GnssAssistance) {
    replace(&mut all.sbas, more.sbas);
    replace(&mut all.utc, more.utc);
    replace(&mut all.acquisition, more.acquisition);
    for offset in more.time_offsets {
        all.time_offsets.retain(|o| o.to != offset.to);
        all.time_offsets.push(offset);
    }
    for e in more.ephemerides {
        // Galileo may come with both of its messages.
        let same = |o: &Ephemeris| match (o, &e) {
            (Ephemeris::Galileo(o), Ephemeris::Galileo(n)) => o.sat == n.sat && o.message == n.message,
            (o, n) => o.sat() == n.sat(),
        };
        all.ephemerides.retain(|o| !same(o));
        all.ephemerides.push(e);
    }
    all.unchanged.extend(more.unchanged);
    match (&mut all.almanac, more.almanac) {
        (Some(a), Some(m)) => {
            a.entries.extend(m.entries);
            a.complete |= m.complete;
        }
        (a, m) => replace(a, m),
    }
    match (&mut all.integrity, more.integrity) {
        (Some(a), Some(m)) => a.extend(m),
        (a, m) => replace(a, m),
    }
    for x in more.auxiliary {
        all.auxiliary.retain(|o| o.sat != x.sat);
        all.auxiliary.push(x);
    }
}
