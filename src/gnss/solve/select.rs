//! From observations to links: which measurement of each satellite is used, and the satellite behind it.

use super::fix::{Reason, Rejected, SolveError};
use super::ionosphere::Ray;
use super::link::{self, Path, Transmitter};
use super::observation::{Epoch, Observation};
use super::options::{IonosphereChoice, Options};
use super::signal::{L1_HZ, Signal};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::gnss::SkySnapshot;
use crate::gnss::scale::C;

/// Most observations of one epoch: all systems' satellites with several signals each are fewer.
pub const MAX_OBSERVATIONS: usize = 1024;
/// Pseudoranges beyond this are no satellites' over the Earth; a receiver clock may add some milliseconds.
const MAX_RANGE_M: f64 = 1e9;

/// A measurement with the satellite behind it and the geometry of the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub(super) sat: SatId,
    pub(super) signal: Signal,
    pub(super) ephemeris: &'a Ephemeris,
    /// Second signal of an ionosphere-free combination.
    second: Option<Signal>,
    pub(super) range_m: f64,
    pub(super) observation: Observation,
    pub(super) satellite: Transmitter,
    /// Ionospheric delay in units of that on L1; 0 for the combination that is free of it.
    pub(super) ionosphere: f64,
    /// By how much the combination multiplies the variance of the code.
    pub(super) amplified: f64,
    /// In use.
    pub(super) active: bool,
    pub(super) path: Path,
    pub(super) ray: Ray,
    /// Delay of the models, metres.
    pub(super) atmosphere_m: f64,
    /// Vertical ionosphere to this ray, and how far north and east of the receiver it crosses the layer, 1,000 km.
    pub(super) layer: [f64; 3],
    pub(super) variance: f64,
}

/// Looks up the satellites of an epoch.
pub(super) fn links<'a>(
    sky: &'a SkySnapshot,
    epoch: &Epoch,
    options: &Options,
    order: &mut Vec<u16>,
    links: &mut Vec<Link<'a>>,
    rejected: &mut Vec<Rejected>,
) -> Result<(), SolveError> {
    let all = epoch.observations.as_slice();
    if all.len() > MAX_OBSERVATIONS {
        return Err(SolveError::TooMany(all.len()));
    }
    order.clear();
    order.extend(0..all.len() as u16);
    order.sort_unstable_by_key(|i| all.get(usize::from(*i)).map(|o| (o.sat, preference(o), *i)));
    let mut at = 0;
    while let Some(first) = order.get(at).and_then(|i| all.get(usize::from(*i))) {
        let end = at
            + order[at..]
                .iter()
                .take_while(|i| all.get(usize::from(**i)).is_some_and(|o| o.sat == first.sat))
                .count();
        let of_sat = order[at..end].iter().filter_map(|i| all.get(usize::from(*i)));
        satellite(sky, epoch.time, first.sat, of_sat, options, links, rejected);
        at = end;
    }
    Ok(())
}

/// Smaller is better: the signal of single-frequency receivers, then the others as [`Signal`] orders them.
fn preference(o: &Observation) -> (bool, Signal) {
    (o.signal != Signal::first(o.sat.gnss), o.signal)
}

fn satellite<'a, 'o>(
    sky: &'a SkySnapshot,
    time: GpsTime,
    sat: SatId,
    observations: impl Iterator<Item = &'o Observation> + Clone,
    options: &Options,
    links: &mut Vec<Link<'a>>,
    rejected: &mut Vec<Rejected>,
) {
    let mut refuse = |o: &Observation, reason| rejected.push(Rejected { sat, signal: o.signal, reason });
    if !options.systems.contains(sat.gnss) {
        observations.for_each(|o| refuse(o, Reason::System));
        return;
    }
    let ephemeris = match link::ephemeris(sky, sat, time) {
        Ok(e) => e,
        Err(reason) => {
            observations.for_each(|o| refuse(o, reason));
            return;
        }
    };
    let mut taken: Option<&Observation> = None;
    let mut second: Option<&Observation> = None;
    for o in observations {
        let reason = match () {
            () if !(o.range_m.is_finite() && o.range_m.abs() < MAX_RANGE_M) => Reason::Range,
            () if o.ambiguity_ms != 0 => Reason::Ambiguous,
            () if o.signal.delay_s(ephemeris).is_none() => Reason::Signal,
            () => match taken {
                None => {
                    taken = Some(o);
                    continue;
                }
                Some(t) if second.is_none() && other_band(sat.gnss, t.signal, o.signal) => {
                    second = Some(o);
                    continue;
                }
                Some(_) => Reason::Redundant,
            },
        };
        refuse(o, reason);
    }
    let Some(o) = taken else { return };
    if options.ionosphere == IonosphereChoice::Free && second.is_none() {
        refuse(o, Reason::SingleFrequency);
        return;
    }
    if let (Some(s), true) = (second, options.ionosphere != IonosphereChoice::Free) {
        refuse(s, Reason::Redundant);
        second = None;
    }
    match Link::new(ephemeris, o, second, time) {
        Ok(l) => links.push(l),
        Err(reason) => refuse(o, reason),
    }
}

/// Whether two signals are on different carriers.
fn other_band(gnss: Gnss, a: Signal, b: Signal) -> bool {
    let apart = a.carrier_hz(0) - b.carrier_hz(0);
    // G1 and G2 by any channel; bands of one system are at least 10 MHz apart.
    apart.abs() > 1e7 && gnss != Gnss::Sbas
}

impl<'a> Link<'a> {
    fn new(
        ephemeris: &'a Ephemeris,
        o: &Observation,
        second: Option<&Observation>,
        time: GpsTime,
    ) -> Result<Self, Reason> {
        let satellite = Transmitter::at_stamp(ephemeris, o.signal, time.offset_s(-o.range_m / C))?;
        let mut link = Self {
            sat: o.sat,
            signal: o.signal,
            ephemeris,
            second: second.map(|s| s.signal),
            range_m: o.range_m,
            observation: *o,
            satellite,
            ionosphere: (L1_HZ / satellite.carrier_hz).powi(2),
            amplified: 1.0,
            active: true,
            path: Path::between(&satellite, [0.0; 3]),
            ray: Ray {
                latitude: 0.0,
                longitude: 0.0,
                sin_elevation: 1.0,
                elevation: 0.0,
                azimuth: (0.0, 1.0),
            },
            atmosphere_m: 0.0,
            layer: [0.0; 3],
            variance: 1.0,
        };
        if let Some(s) = second {
            let (a, b) = link.weights(s.signal);
            link.range_m = a * o.range_m + b * s.range_m;
            link.ionosphere = 0.0;
            link.amplified = a * a + b * b;
            link.combine_delays();
        }
        Ok(link)
    }

    /// Factors of the first and second pseudorange in the combination that is free of the ionosphere.
    fn weights(&self, second: Signal) -> (f64, f64) {
        let channel = match self.ephemeris {
            Ephemeris::Glonass(g) => g.channel,
            _ => 0,
        };
        let (f1, f2) = (self.satellite.carrier_hz, second.carrier_hz(channel));
        let (s1, s2) = (f1 * f1, f2 * f2);
        (s1 / (s1 - s2), -s2 / (s1 - s2))
    }

    /// Puts the combination's group delay in place of the first signal's.
    fn combine_delays(&mut self) {
        let Some(second) = self.second else { return };
        let (_, b) = self.weights(second);
        if let (Some(d1), Some(d2)) = (self.signal.delay_s(self.ephemeris), second.delay_s(self.ephemeris)) {
            // a·d1 + b·d2 − d1, since a + b is one.
            self.satellite.clock_m -= C * b * (d2 - d1);
        }
    }

    /// The satellite anew, at GPS time `t` of transmission.
    pub(super) fn transmitted_at(&mut self, t: GpsTime) {
        // What was computable a moment ago still is; otherwise the old state stands.
        if let Ok(s) = Transmitter::at(self.ephemeris, self.signal, t) {
            self.satellite = s;
            self.combine_delays();
        }
    }
}
