//! The integrity monitor: what reference stations receive of a satellite against what its message says.
//!
//! A station's place is known, so that only its clock is not: what its pseudoranges leave over after prediction is the same for
//! all satellites of a system. The median of that is taken for the clock, and a satellite that stays far from it for
//! several epochs at most of the stations that receive it is flagged, until it has behaved for minutes. A station whose
//! satellites contradict each other altogether (a wrong place, an interferer) has no voice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::scale::C;
use super::solve::ionosphere::Ionosphere;
use super::solve::link::{Atmosphere, Place, predict};
use super::solve::signal::Signal;
use super::station::{Station, StationEpoch, StationObservation};
use super::visibility::Ecef;
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};

/// Settings of the monitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorConfig {
    /// Whether satellites are flagged; default true. Without a stream of observations there is nothing to do.
    pub enabled: bool,
    /// Metres between a satellite and the median of its system at which it is suspect, 10..=1000; default 30.
    pub threshold_m: f64,
    /// Seconds for which it must stay so, in at least three epochs, until it is flagged, 1..=600; default 10.
    pub raise_s: f64,
    /// Seconds for which it must stay within half of the threshold until it is offered again, 10..=86400; default 300.
    pub clear_s: f64,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self { enabled: true, threshold_m: 30.0, raise_s: 10.0, clear_s: 300.0 }
    }
}

/// Why the settings are not possible.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{key} is {value}; it must be within {least}..={most}")]
pub struct MonitorRange {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// The least possible.
    pub least: f64,
    /// The most possible.
    pub most: f64,
}

impl MonitorConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first key that is out of its range.
    pub fn check(&self) -> Result<(), MonitorRange> {
        for (key, value, least, most) in [
            ("threshold_m", self.threshold_m, 10.0, 1000.0),
            ("raise_s", self.raise_s, 1.0, 600.0),
            ("clear_s", self.clear_s, 10.0, 86_400.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(MonitorRange { key, value, least, most });
            }
        }
        Ok(())
    }
}

/// A station: the source that carries it, and its number there.
pub type StationKey = (u8, u16);

/// Stations listened to; more are not.
const MOST_STATIONS: usize = 64;
/// Sine of the lowest elevation at which a satellite is judged: 10°.
const LOWEST_SIN: f64 = 0.173_648;
/// Fewest satellites of a system whose median tells the station's clock.
const FEWEST: usize = 4;
/// Epochs that a satellite must be suspect in.
const EPOCHS: u32 = 3;
/// A gap in the observations after which counting begins anew, s.
const GAP_S: f64 = 120.0;
/// After how long without observations a satellite is forgotten, s.
const FORGET_S: f64 = 2.0 * 3600.0;

/// How a satellite behaves at a station.
#[derive(Clone, Copy, Debug)]
struct Track {
    last: GpsTime,
    /// Since when, and in how many epochs, it has been off.
    off: Option<(GpsTime, u32)>,
    /// Since when it has been within half of the threshold.
    good: Option<GpsTime>,
    suspect: bool,
}

/// What a station is known for.
#[derive(Clone, Debug)]
struct Known {
    place: Option<Place>,
    tracks: BTreeMap<SatId, Track>,
}

/// A satellite that was flagged or is offered again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Satellite.
    pub sat: SatId,
    /// Whether it is flagged now.
    pub flagged: bool,
    /// How far it was from the median at the station that decided, metres.
    pub residual_m: f64,
}

/// The monitor.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    config: MonitorConfig,
    stations: BTreeMap<StationKey, Known>,
    flagged: BTreeSet<SatId>,
}

impl Monitor {
    /// A monitor that has heard nothing.
    pub const fn new(config: MonitorConfig) -> Self {
        Self { config, stations: BTreeMap::new(), flagged: BTreeSet::new() }
    }

    /// The satellites that must not be used.
    pub const fn flagged(&self) -> &BTreeSet<SatId> {
        &self.flagged
    }

    /// Stations whose place is known.
    pub fn stations(&self) -> usize {
        self.stations.values().filter(|s| s.place.is_some()).count()
    }

    /// Takes note of where a station is.
    pub fn station(&mut self, source: u8, station: &Station) {
        self.place((source, station.id), station.position);
    }

    /// Takes note of where a station is, from the configuration, say.
    pub fn place(&mut self, key: StationKey, position: Ecef) {
        if let Some(known) = self.known(key)
            && known.place.is_none_or(|p| distance(p.position, position) > 1.0)
        {
            known.place = Place::new(position);
            known.tracks.clear();
        }
    }

    fn known(&mut self, key: StationKey) -> Option<&mut Known> {
        if self.stations.len() >= MOST_STATIONS && !self.stations.contains_key(&key) {
            return None;
        }
        Some(self.stations.entry(key).or_insert_with(|| Known { place: None, tracks: BTreeMap::new() }))
    }

    /// Takes in what a station received of one system. `ephemeris` gives the message that is in use for a satellite.
    pub fn observe(
        &mut self,
        source: u8,
        epoch: &StationEpoch,
        ionosphere: Ionosphere,
        ephemeris: impl Fn(SatId, GpsTime) -> Option<Arc<Ephemeris>>,
    ) -> Vec<Change> {
        let key = (source, epoch.station);
        if !self.config.enabled {
            return Vec::new();
        }
        let Some(place) = self.stations.get(&key).and_then(|s| s.place) else { return Vec::new() };
        let left = residuals(epoch, &place, ionosphere, ephemeris);
        let Some(centred) = centred(&left, self.config.threshold_m) else { return Vec::new() };
        if let Some(known) = self.stations.get_mut(&key) {
            for (sat, residual_m) in &centred {
                let track = known.tracks.entry(*sat).or_insert(Track {
                    last: epoch.time,
                    off: None,
                    good: None,
                    suspect: false,
                });
                track.note(epoch.time, *residual_m, &self.config);
            }
            known.tracks.retain(|_, t| (epoch.time - t.last).abs() < FORGET_S);
        }
        self.decide(epoch.time, epoch.gnss, &centred)
    }

    /// Counts the stations' voices.
    fn decide(&mut self, now: GpsTime, gnss: Gnss, centred: &[(SatId, f64)]) -> Vec<Change> {
        let mut voices: BTreeMap<SatId, (usize, usize)> = BTreeMap::new();
        for known in self.stations.values() {
            for (sat, track) in
                known.tracks.iter().filter(|(s, t)| s.gnss == gnss && (now - t.last).abs() < FORGET_S)
            {
                let v = voices.entry(*sat).or_default();
                v.0 += usize::from(track.suspect);
                v.1 += 1;
            }
        }
        let mut changes = Vec::new();
        let residual = |sat: SatId| centred.iter().find(|(s, _)| *s == sat).map_or(0.0, |(_, r)| *r);
        for (sat, (suspect, all)) in &voices {
            let flagged = 2 * suspect > *all;
            let changed =
                if flagged { self.flagged.insert(*sat) } else { *suspect == 0 && self.flagged.remove(sat) };
            if changed {
                changes.push(Change { sat: *sat, flagged, residual_m: residual(*sat) });
            }
        }
        // Nobody has heard of it for hours.
        let gone: Vec<SatId> =
            self.flagged.iter().filter(|s| s.gnss == gnss && !voices.contains_key(s)).copied().collect();
        for sat in gone {
            self.flagged.remove(&sat);
            changes.push(Change { sat, flagged: false, residual_m: 0.0 });
        }
        changes
    }
}

impl Track {
    fn note(&mut self, now: GpsTime, residual_m: f64, config: &MonitorConfig) {
        let gap = now - self.last;
        // Time that goes backwards says nothing.
        if gap < 0.0 {
            return;
        }
        if gap > GAP_S {
            (self.off, self.good) = (None, None);
        }
        self.last = now;
        let size = residual_m.abs();
        if size > config.threshold_m {
            self.good = None;
            let (since, epochs) = self.off.unwrap_or((now, 0));
            self.off = Some((since, epochs + 1));
            self.suspect |= epochs + 1 >= EPOCHS && now - since >= config.raise_s;
        } else {
            self.off = None;
            if size > config.threshold_m / 2.0 {
                self.good = None;
            } else {
                let since = *self.good.get_or_insert(now);
                self.suspect &= now - since < config.clear_s;
            }
        }
    }
}

fn distance(a: Ecef, b: Ecef) -> f64 {
    a.iter().zip(b).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt()
}

/// What is left of each satellite's pseudorange after prediction: the station's clock and what is wrong.
fn residuals(
    epoch: &StationEpoch,
    place: &Place,
    ionosphere: Ionosphere,
    ephemeris: impl Fn(SatId, GpsTime) -> Option<Arc<Ephemeris>>,
) -> Vec<(SatId, f64)> {
    let atmosphere = Atmosphere::over(place, ionosphere, epoch.time);
    let mut of: BTreeMap<SatId, Vec<&StationObservation>> = BTreeMap::new();
    for o in epoch.observations.iter().filter(|o| o.pseudorange_m.is_some()) {
        of.entry(o.sat).or_default().push(o);
    }
    let mut left = Vec::new();
    for (sat, observations) in of {
        let Some(e) = ephemeris(sat, epoch.time) else { continue };
        let mut found: Vec<(Signal, f64, f64)> = Vec::new();
        for o in observations {
            let Some(signal) = o.signal.ranging(sat.gnss) else { continue };
            let Ok(p) = predict(&e, signal, place, &atmosphere, epoch.time) else { continue };
            if p.ray.sin_elevation < LOWEST_SIN {
                continue;
            }
            let Some(range) = o.pseudorange_m else { continue };
            found.push((signal, p.carrier_hz, range - p.range_m));
        }
        if let Some(residual) = combined(sat.gnss, &found) {
            left.push((sat, residual));
        }
    }
    left
}

/// One residual of a satellite from those of its signals: without the ionosphere where two carriers allow it.
fn combined(gnss: Gnss, found: &[(Signal, f64, f64)]) -> Option<f64> {
    let first = found.iter().find(|(s, ..)| *s == Signal::first(gnss)).or_else(|| found.first())?;
    let (_, f1, r1) = *first;
    // The farther the carriers are apart, the less noise is added.
    let other = found
        .iter()
        .filter(|(_, f, _)| (f / f1 - 1.0).abs() > 0.1)
        .max_by(|a, b| (a.1 - f1).abs().total_cmp(&(b.1 - f1).abs()));
    let residual = match other {
        Some((_, f2, r2)) => (f1 * f1 * r1 - f2 * f2 * r2) / (f1 * f1 - f2 * f2),
        None => r1,
    };
    // A receiver's clock may be off by milliseconds; anything beyond a second is no measurement.
    (residual.abs() < C).then_some(residual)
}

/// The residuals minus their median; `None` when there are too few satellites, or too many off for any to be blamed.
fn centred(left: &[(SatId, f64)], threshold_m: f64) -> Option<Vec<(SatId, f64)>> {
    if left.len() < FEWEST {
        return None;
    }
    let mut sorted: Vec<f64> = left.iter().map(|(_, r)| *r).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let (low, high) = (sorted.get((n - 1) / 2)?, sorted.get(n / 2)?);
    // Of an even number the middle lies between two; one of them may be the satellite that is wrong.
    let middle = [*low, *high, (low + high) / 2.0].into_iter().min_by(|a, b| {
        let spread = |m: f64| left.iter().filter(|(_, r)| (r - m).abs() > threshold_m).count();
        spread(*a).cmp(&spread(*b))
    })?;
    let centred: Vec<(SatId, f64)> = left.iter().map(|(s, r)| (*s, r - middle)).collect();
    let off = centred.iter().filter(|(_, r)| r.abs() > threshold_m).count();
    (3 * off <= n).then_some(centred)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::simulated;
    use crate::gnss::station::SignalCode;
    use crate::gnss::visibility::to_ecef;

    const STATION: u16 = 7;

    fn here() -> Ecef {
        to_ecef(crate::base::GeoPoint { lat: 48.1, lon: 11.6 }, 560.0)
    }

    fn start() -> GpsTime {
        GpsTime::from_week_s(2300, 216_000)
    }

    /// What a station here receives of GPS: L1 C/A alone, its clock off by a third of a millisecond.
    fn epoch(t: GpsTime, fault: &dyn Fn(SatId) -> f64) -> (StationEpoch, BTreeMap<SatId, Ephemeris>) {
        let sky = simulated::sky_at(t);
        let place = Place::new(here()).unwrap();
        let atmosphere = Atmosphere::over(&place, Ionosphere::Unknown, t);
        let mut observations = Vec::new();
        let mut messages = BTreeMap::new();
        for e in sky.ephemerides.iter().filter(|e| e.sat().gnss == Gnss::Gps) {
            let p = predict(e, Signal::L1Ca, &place, &atmosphere, t).unwrap();
            messages.insert(e.sat(), *e);
            if p.ray.sin_elevation > 0.1 {
                observations.push(StationObservation {
                    sat: e.sat(),
                    signal: SignalCode::new(1, b'C'),
                    channel: None,
                    pseudorange_m: Some(p.range_m + 100_000.0 + fault(e.sat())),
                    phase_m: None,
                    rate_m_s: None,
                    cn0_dbhz: Some(45.0),
                    lock_ms: 0,
                    half_cycle: false,
                });
            }
        }
        assert!(observations.len() >= 6, "{}", observations.len());
        (StationEpoch { station: STATION, gnss: Gnss::Gps, time: t, more: false, observations }, messages)
    }

    /// Lets seconds pass with a fault; returns all changes.
    fn run(m: &mut Monitor, from: i64, seconds: i64, fault: &dyn Fn(SatId) -> f64) -> Vec<(i64, Change)> {
        let mut all = Vec::new();
        for s in from..from + seconds {
            let (e, messages) = epoch(start().offset_s(s as f64), fault);
            let changes =
                m.observe(0, &e, Ionosphere::Unknown, |sat, _| messages.get(&sat).map(|e| Arc::new(*e)));
            all.extend(changes.into_iter().map(|c| (s, c)));
        }
        all
    }

    fn monitor() -> Monitor {
        let mut m = Monitor::new(MonitorConfig::default());
        m.place((0, STATION), here());
        m
    }

    fn victim() -> SatId {
        epoch(start(), &|_| 0.0).0.observations[2].sat
    }

    #[test]
    fn a_clock_jump_is_flagged_and_forgiven() {
        let mut m = monitor();
        let bad = victim();
        assert_eq!(run(&mut m, 0, 20, &|_| 0.0), []);
        let jump = move |sat: SatId| if sat == bad { 60.0 } else { 0.0 };
        let changes = run(&mut m, 20, 20, &jump);
        assert_eq!(changes.len(), 1);
        let (second, change) = changes[0];
        assert_eq!((second, change.sat, change.flagged), (30, bad, true));
        assert!((change.residual_m - 60.0).abs() < 1.0, "{change:?}");
        // Half good is not good enough, and good must last.
        assert_eq!(run(&mut m, 40, 400, &|sat| if sat == bad { 20.0 } else { 0.0 }), []);
        assert_eq!(run(&mut m, 440, 299, &|_| 0.0), []);
        assert!(m.flagged().contains(&bad));
        let changes = run(&mut m, 739, 5, &|_| 0.0);
        assert_eq!(changes.len(), 1);
        assert!(!changes[0].1.flagged && m.flagged().is_empty());
    }

    #[test]
    fn a_wrong_ephemeris_is_flagged() {
        let mut m = monitor();
        let bad = victim();
        for s in 0..30 {
            let t = start().offset_s(f64::from(s));
            let (e, mut messages) = epoch(t, &|_| 0.0);
            if let Some(Ephemeris::Lnav(l)) = messages.get_mut(&bad) {
                // Kilometres along the orbit, and across it.
                l.kepler.m0 = l.kepler.m0.wrapping_add(300_000);
                l.kepler.i0 = l.kepler.i0.wrapping_add(300_000);
            }
            assert!(messages.contains_key(&bad));
            m.observe(0, &e, Ionosphere::Unknown, |sat, _| messages.get(&sat).map(|e| Arc::new(*e)));
        }
        assert_eq!(m.flagged().iter().copied().collect::<Vec<_>>(), [bad]);
    }

    #[test]
    fn a_moment_a_wrong_place_and_a_broken_receiver_flag_nothing() {
        let mut m = monitor();
        let bad = victim();
        // Off for nine seconds only.
        assert_eq!(run(&mut m, 0, 9, &|sat| if sat == bad { 500.0 } else { 0.0 }), []);
        assert_eq!(run(&mut m, 9, 30, &|_| 0.0), []);
        // Half of the satellites wrong: the receiver is.
        assert_eq!(run(&mut m, 39, 60, &|sat| f64::from(sat.number % 2) * 400.0), []);
        // A place that is off by 20 km.
        let mut m = Monitor::new(MonitorConfig::default());
        m.place((0, STATION), here().map(|x| x + 12_000.0));
        assert_eq!(run(&mut m, 0, 60, &|_| 0.0), []);
        // No place, no voice.
        let mut m = Monitor::new(MonitorConfig::default());
        assert_eq!(run(&mut m, 0, 30, &|sat| if sat == bad { 500.0 } else { 0.0 }), []);
        assert_eq!(m.stations(), 0);
    }

    #[test]
    fn most_stations_decide() {
        let bad = victim();
        let mut m = monitor();
        m.place((0, 8), here());
        m.place((0, 9), here());
        for s in 0..40 {
            let t = start().offset_s(f64::from(s));
            for (station, off) in [(7, 500.0), (8, 0.0), (9, 0.0)] {
                let (mut e, messages) = epoch(t, &|sat| if sat == bad { off } else { 0.0 });
                e.station = station;
                m.observe(0, &e, Ionosphere::Unknown, |sat, _| messages.get(&sat).map(|e| Arc::new(*e)));
            }
        }
        // One station's trees are not a satellite's fault; only at the first epoch of all it is alone.
        assert!(m.flagged().is_empty());
    }
}
