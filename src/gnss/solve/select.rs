//! From observations to links: which measurement of each satellite is used, and the satellite behind it.

use super::fix::{Reason, Rejected, SolveError};
use super::ionosphere::Ray;
use super::link::{self, Path, Transmitter};
use super::noise;
use super::observation::{Epoch, Observation};
use super::options::{IonosphereChoice, Options, Receiver};
use super::signal::{L1_HZ, Signal};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::gnss::scale::C;
use crate::gnss::{SkyEntry, SkySnapshot};

/// Most observations of one epoch: all systems' satellites with several signals each are fewer.
pub const MAX_OBSERVATIONS: usize = 1024;
/// Pseudoranges beyond this are no satellites' over the Earth; a receiver clock may add some milliseconds.
const MAX_RANGE_M: f64 = 1e9;

/// A measurement with the satellite behind it and the geometry of the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub(super) sat: SatId,
    pub(super) signal: Signal,
    pub(super) entry: &'a SkyEntry,
    /// Second signal of an ionosphere-free combination.
    second: Option<Signal>,
    /// What a second frequency shows of the ionosphere.
    pub(super) shown: Option<Shown>,
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

/// The ionosphere by the difference of two pseudoranges, on the first one's carrier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Delay, metres, with the receiver's own difference in it.
    pub(super) delay_m: f64,
    /// By how much the delay follows the noise of the difference.
    pub(super) lever: f64,
    /// The second pseudorange.
    pub(super) second: Observation,
    /// Delay of the model, metres.
    pub(super) model_m: f64,
    /// Variance, what the unknowns do not describe included.
    pub(super) variance: f64,
    /// How much of the delay's deviation goes into the pseudorange's (see [`super::solver`]).
    pub(super) gain: f64,
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

/// Smaller is better: the signal of single-frequency receivers, then the one to whose combination with it the satellite's clock
/// refers, then the others as [`Signal`] orders them.
fn preference(o: &Observation) -> (u8, Signal) {
    let rank = match o.signal {
        s if s == Signal::first(o.sat.gnss) => 0,
        Signal::L2P | Signal::E5b | Signal::B3I => 1,
        _ => 2,
    };
    (rank, o.signal)
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
    let entry = match link::entry(sky, sat, time) {
        Ok(e) => e,
        Err(reason) => {
            observations.for_each(|o| refuse(o, reason));
            return;
        }
    };
    let mut taken: Option<&Observation> = None;
    let mut precise: Option<&Observation> = None;
    let mut second: Option<&Observation> = None;
    for o in observations {
        let reason = match () {
            () if !(o.range_m.is_finite() && o.range_m.abs() < MAX_RANGE_M) => Reason::Range,
            () if o.ambiguity_ms != 0 => Reason::Ambiguous,
            () if o.signal.delay_s(&entry.ephemeris).is_none() => Reason::Signal,
            () => match taken {
                None => {
                    taken = Some(o);
                    continue;
                }
                Some(t) if precise.is_none() && (t.signal, o.signal) == (Signal::L1Ca, Signal::L1P) => {
                    precise = Some(o);
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
    let blend = precise.map(|p| blended(o, p));
    let o = blend.as_ref().unwrap_or(o);
    if options.ionosphere == IonosphereChoice::Free && second.is_none() {
        refuse(o, Reason::SingleFrequency);
        return;
    }
    let wanted = matches!(options.ionosphere, IonosphereChoice::Free | IonosphereChoice::Best);
    if let (Some(s), false) = (second, wanted) {
        refuse(s, Reason::Redundant);
        second = None;
    }
    match Link::new(entry, o, second, options.ionosphere, time) {
        Ok(l) => links.push(l),
        Err(reason) => refuse(o, reason),
    }
}

/// GPS's clock is that of P(Y), and the message does not tell by how much C/A differs. Receivers that track both get the mean of
/// both, weighted by what is wrong with each: the difference on the one side, the noise of tracking without the code on the other.
fn blended(civil: &Observation, precise: &Observation) -> Observation {
    let noise = |o: &Observation| {
        noise::code_variance_m2(Receiver::Station, o.rms_m, o.cn0_dbhz, Some(f64::MIN_POSITIVE), 1.0)
    };
    let of_civil = noise(civil) + noise::CIVIL_M * noise::CIVIL_M;
    // Without a figure, codeless tracking is some three times as noisy.
    let of_precise = if precise.cn0_dbhz.is_some() { noise(precise) } else { 9.0 * noise(civil) };
    let share = of_civil / (of_civil + of_precise);
    // Two codes on one carrier differ by metres, or one of them is wrong.
    let apart = precise.range_m - civil.range_m;
    if apart.abs() > 10.0 { *civil } else { Observation { range_m: civil.range_m + share * apart, ..*civil } }
}

/// Whether two signals are on different carriers.
fn other_band(gnss: Gnss, a: Signal, b: Signal) -> bool {
    let apart = a.carrier_hz(0) - b.carrier_hz(0);
    // G1 and G2 by any channel; bands of one system are at least 10 MHz apart.
    apart.abs() > 1e7 && gnss != Gnss::Sbas
}

impl<'a> Link<'a> {
    fn new(
        entry: &'a SkyEntry,
        o: &Observation,
        second: Option<&Observation>,
        choice: IonosphereChoice,
        time: GpsTime,
    ) -> Result<Self, Reason> {
        let satellite = Transmitter::at_stamp(entry, o.signal, time.offset_s(-o.range_m / C))?;
        let mut link = Self {
            sat: o.sat,
            signal: o.signal,
            entry,
            second: None,
            shown: None,
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
        let Some(s) = second else { return Ok(link) };
        if choice == IonosphereChoice::Best {
            link.shown = link.shown_by(s);
        } else {
            let (a, b) = link.weights(s.signal);
            link.second = Some(s.signal);
            link.range_m = a * o.range_m + b * s.range_m;
            link.ionosphere = 0.0;
            link.amplified = a * a + b * b;
            link.combine_delays();
        }
        Ok(link)
    }

    fn shown_by(&self, second: &Observation) -> Option<Shown> {
        let (_, b) = self.weights(second.signal);
        let delays =
            second.signal.delay_s(&self.entry.ephemeris)? - self.signal.delay_s(&self.entry.ephemeris)?;
        let delay_m = -b * (second.range_m - self.range_m - C * delays);
        // More than the ionosphere ever does, even near the horizon: a bad pseudorange.
        (delay_m.abs() < 200.0).then_some(Shown {
            delay_m,
            lever: b.abs(),
            second: *second,
            model_m: 0.0,
            variance: 1.0,
            gain: 0.0,
        })
    }

    /// Factors of the first and second pseudorange in the combination that is free of the ionosphere.
    fn weights(&self, second: Signal) -> (f64, f64) {
        let channel = match &*self.entry.ephemeris {
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
        if let (Some(d1), Some(d2)) =
            (self.signal.delay_s(&self.entry.ephemeris), second.delay_s(&self.entry.ephemeris))
        {
            // a·d1 + b·d2 − d1, since a + b is one.
            self.satellite.clock_m -= C * b * (d2 - d1);
        }
    }

    /// The satellite anew, at GPS time `t` of transmission.
    pub(super) fn transmitted_at(&mut self, t: GpsTime) {
        // What was computable a moment ago still is; otherwise the old state stands.
        if let Ok(s) = Transmitter::of(&self.entry.ephemeris, self.entry.orbit(), self.signal, t) {
            self.satellite = s;
            self.combine_delays();
        }
    }
}
