//! What the server knows of the sky, as one immutable value.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::acquisition::sent_by_all;
use super::age::{AgePolicy, is_healthy};
use super::almanac::{self, AlmanacMemory};
use super::heard::Heard;
use super::orbit;
use super::places::{Place, PlaceMemory};
use super::solve::Signal;
use super::update::SkyUpdate;
use super::visibility::{self, Observer};
use super::withheld::Withheld;
use crate::base::broadcast::{
    Almanac, EarthOrientation, Ephemeris, GalileoMessage, Gnss, Klobuchar, KlobucharArea, NeQuick, SatId,
    TimeOffset, UtcModel,
};
use crate::base::{GeoPoint, GpsTime, Utc};

/// An ephemeris and where it came from.
#[derive(Clone, Debug)]
pub struct SkyEntry {
    /// The navigation message.
    pub ephemeris: Arc<Ephemeris>,
    /// Name of the source.
    pub origin: Arc<str>,
    /// When the server received it.
    pub received: Utc,
    /// The ephemeris's reference time, here so that a search walks over neighbouring memory.
    reference_time: GpsTime,
    /// The same message, ready to be evaluated.
    orbit: Arc<orbit::Prepared>,
}

/// Two entries are the same when their messages are; what was worked out from these does not count.
impl PartialEq for SkyEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.ephemeris, &self.origin, self.received) == (&other.ephemeris, &other.origin, other.received)
    }
}

impl SkyEntry {
    /// An entry.
    pub(super) fn new(ephemeris: Ephemeris, origin: Arc<str>, received: Utc) -> Self {
        let reference_time = ephemeris.reference_time();
        let orbit = Arc::new(orbit::Prepared::new(&ephemeris));
        Self { ephemeris: Arc::new(ephemeris), origin, received, reference_time, orbit }
    }

    /// The message, ready to be evaluated.
    pub fn orbit(&self) -> &orbit::Prepared {
        &self.orbit
    }
}

/// Something with the time from which it ages.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dated<T> {
    value: T,
    epoch: GpsTime,
}

impl<T: Copy> Dated<T> {
    fn fresh(&self, t: GpsTime, max_age_s: u32) -> Option<T> {
        ((t - self.epoch).abs() <= f64::from(max_age_s)).then_some(self.value)
    }
}

/// Everything broadcast that is not an ephemeris.
#[derive(Clone, Debug, Default)]
pub(super) struct Models {
    klobuchar: BTreeMap<KlobucharArea, Dated<Klobuchar>>,
    nequick: Option<Dated<NeQuick>>,
    utc: BTreeMap<Gnss, Dated<UtcModel>>,
    time_offsets: BTreeMap<(Gnss, Gnss), Dated<TimeOffset>>,
    earth_orientation: Option<Dated<EarthOrientation>>,
    pub(super) almanacs: BTreeMap<SatId, Almanac>,
}

impl Models {
    /// Takes over what is not older than what is there.
    pub(super) fn apply(&mut self, u: &SkyUpdate) {
        let epoch = u.epoch;
        let newer = |old: Option<GpsTime>| old.is_none_or(|o| o <= epoch);
        for (area, value) in &u.klobuchar {
            if newer(self.klobuchar.get(area).map(|d| d.epoch)) {
                self.klobuchar.insert(*area, Dated { value: *value, epoch });
            }
        }
        if let Some(value) = u.nequick
            && newer(self.nequick.map(|d| d.epoch))
        {
            self.nequick = Some(Dated { value, epoch });
        }
        for (gnss, value) in &u.utc {
            if newer(self.utc.get(gnss).map(|d| d.epoch)) {
                self.utc.insert(*gnss, Dated { value: *value, epoch });
            }
        }
        for value in &u.time_offsets {
            let key = (value.from, value.to);
            if newer(self.time_offsets.get(&key).map(|d| d.epoch)) {
                self.time_offsets.insert(key, Dated { value: *value, epoch });
            }
        }
        if let Some(value) = u.earth_orientation
            && newer(self.earth_orientation.map(|d| d.epoch))
        {
            self.earth_orientation = Some(Dated { value, epoch: value.t_eop.max(epoch) });
        }
        for a in &u.almanacs {
            let old = self.almanacs.get(&a.sat());
            if old.is_none_or(|o| almanac::reference_time(o) <= almanac::reference_time(a)) {
                self.almanacs.insert(a.sat(), *a);
            }
        }
    }
}

/// A satellite as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visible<'a> {
    /// Satellite.
    pub sat: SatId,
    /// Degrees clockwise from north, 0..360.
    pub azimuth_deg: f64,
    /// Degrees above the horizon at the reference point.
    pub elevation_deg: f64,
    /// The navigation message to use.
    pub ephemeris: &'a Ephemeris,
}

/// The view of the sky that sessions work with: immutable, cheap to share, swapped as a whole when data arrive.
///
/// Every question takes the time for which it is asked, and data that are not fresh then ([`AgePolicy`]) are never part
/// of an answer. Satellites that are [withheld](Self::withheld) (by the operator, by the monitor, because their messages
/// contradict each other) appear in no answer but that one and [`unhealthy`](Self::unhealthy).
#[derive(Clone, Debug, Default)]
pub struct SkySnapshot {
    satellites: Vec<(SatId, Vec<SkyEntry>)>,
    withheld: BTreeMap<SatId, (Withheld, Vec<SkyEntry>)>,
    models: Models,
    heard: Heard,
    policy: AgePolicy,
    simulated: bool,
    generation: u64,
    places: PlaceMemory,
    derived: AlmanacMemory,
    /// The satellites that call themselves unfit in one message at least.
    suspects: OnceLock<Vec<SatId>>,
}

impl SkySnapshot {
    /// From entries sorted by satellite and, within one, by reference time.
    pub(super) fn new(
        satellites: Vec<(SatId, Vec<SkyEntry>)>,
        withheld: BTreeMap<SatId, (Withheld, Vec<SkyEntry>)>,
        models: Models,
        heard: Heard,
        policy: AgePolicy,
        simulated: bool,
        generation: u64,
    ) -> Self {
        Self {
            satellites,
            withheld,
            models,
            heard,
            policy,
            simulated,
            generation,
            places: PlaceMemory::default(),
            derived: AlmanacMemory::default(),
            suspects: OnceLock::new(),
        }
    }

    /// The sky of a single update under the default policy.
    pub fn of(update: &SkyUpdate) -> Self {
        let mut sky = super::Sky::new(super::SkyConfig::default());
        // The first update cannot mix with anything.
        let _ = sky.apply(update);
        sky.snapshot()
    }

    /// Whether the data were made up by the simulation; such a sky is marked wherever it shows.
    pub const fn simulated(&self) -> bool {
        self.simulated
    }

    /// Whether a satellite is known to send a signal: all of its system do, or a reference station receives it.
    pub fn sends(&self, sat: SatId, signal: Signal) -> bool {
        sent_by_all(sat.gnss, signal) || self.heard.contains(sat, signal)
    }

    /// Grows with every change of the sky: what was derived from one generation is good until the next.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The ages that this snapshot enforces.
    pub const fn policy(&self) -> &AgePolicy {
        &self.policy
    }

    /// Everything held, fresh or not, for tables and files: sorted by satellite and reference time.
    pub fn entries(&self) -> impl Iterator<Item = &SkyEntry> {
        self.satellites.iter().flat_map(|(_, entries)| entries)
    }

    /// All ephemerides of one satellite, fresh or not, by reference time.
    pub fn entries_of(&self, sat: SatId) -> &[SkyEntry] {
        self.satellites
            .binary_search_by_key(&sat, |(s, _)| *s)
            .ok()
            .and_then(|i| self.satellites.get(i))
            .map_or(&[], |(_, entries)| entries.as_slice())
    }

    /// The entry to use for a satellite at `t`, healthy or not: the fresh one nearest in time, the later of two equally
    /// near; of Galileo's messages I/NAV, which is broadcast on E1, before F/NAV, and one that was on the air before one that
    /// was not, unless it is hours older.
    pub fn entry(&self, sat: SatId, t: GpsTime) -> Option<&SkyEntry> {
        best(self.entries_of(sat), t, &self.policy)
    }

    /// As [`entry`](Self::entry), under another policy.
    pub(super) fn entries_at<'a>(
        &'a self,
        t: GpsTime,
        policy: &'a AgePolicy,
    ) -> impl Iterator<Item = &'a SkyEntry> {
        self.satellites.iter().filter_map(move |(_, entries)| best(entries, t, policy))
    }

    /// The ephemeris to use for a satellite at `t`, healthy or not; `None` when none is fresh.
    pub fn ephemeris(&self, sat: SatId, t: GpsTime) -> Option<&Ephemeris> {
        self.entry(sat, t).map(|e| &*e.ephemeris)
    }

    /// The fresh entries of all satellites at `t`, one each, healthy or not.
    pub fn fresh(&self, t: GpsTime) -> impl Iterator<Item = &SkyEntry> {
        self.entries_at(t, &self.policy)
    }

    /// As [`fresh`](Self::fresh), of one system.
    pub fn fresh_of(&self, gnss: Gnss, t: GpsTime) -> impl Iterator<Item = &SkyEntry> {
        self.satellites
            .iter()
            .filter(move |(sat, _)| sat.gnss == gnss)
            .filter_map(move |(_, entries)| best(entries, t, &self.policy))
    }

    /// The fresh ephemerides of the healthy satellites of a system at `t`, by satellite number.
    pub fn usable(&self, gnss: Gnss, t: GpsTime) -> impl Iterator<Item = &Ephemeris> {
        self.fresh_of(gnss, t).map(|e| &*e.ephemeris).filter(|e| is_healthy(e))
    }

    /// The healthy satellites above `mask_deg` degrees at a place, highest first.
    pub fn visible(&self, at: GeoPoint, altitude_m: f64, t: GpsTime, mask_deg: f64) -> Vec<Visible<'_>> {
        self.visible_within(at, altitude_m, 0.0, t, mask_deg)
    }

    /// The healthy satellites that are above `mask_deg` degrees from at least one place within `radius_m` metres of `at`,
    /// highest (seen from the centre) first. Someone `r` away sees a satellite near the horizon up to `r` over the Earth's
    /// radius higher, so that an uncertain reference location loses no satellite that the handset may see.
    pub fn visible_within(
        &self,
        at: GeoPoint,
        altitude_m: f64,
        radius_m: f64,
        t: GpsTime,
        mask_deg: f64,
    ) -> Vec<Visible<'_>> {
        let observer = Observer::new(at, altitude_m);
        let lowest = visibility::lowered_mask(mask_deg, radius_m);
        let places = self.places.around(t, |middle| self.healthy_places(middle));
        // Of all satellites, a third is above the horizon.
        let mut seen: Vec<Visible<'_>> = Vec::with_capacity(self.satellites.len() / 2);
        seen.extend(places.at(t).filter_map(|(place, position)| {
            let (azimuth_deg, elevation_deg) = observer.above(position, lowest)?;
            let (satellite, entry) = place.index;
            let ephemeris = &*self.satellites.get(satellite)?.1.get(entry)?.ephemeris;
            Some(Visible { sat: place.sat, azimuth_deg, elevation_deg, ephemeris })
        }));
        seen.sort_unstable_by(|a, b| b.elevation_deg.total_cmp(&a.elevation_deg).then(a.sat.cmp(&b.sat)));
        seen
    }

    /// Where the healthy satellites are.
    fn healthy_places(&self, t: GpsTime) -> Vec<Place> {
        let found = self.satellites.iter().enumerate().filter_map(|(i, (_, entries))| {
            let j = best_index(entries, t, &self.policy)?;
            let e = &*entries.get(j)?.ephemeris;
            is_healthy(e).then(|| Place::new((i, j), e, &self.policy, t))
        });
        found.collect()
    }

    /// Satellites that must not be used (real-time integrity): those that call themselves unfit in a fresh ephemeris, and those
    /// withheld. A satellite without fresh data is not among them unless the operator excludes it: nothing is known of it.
    pub fn unhealthy(&self, gnss: Gnss, t: GpsTime) -> Vec<SatId> {
        // Most satellites never call themselves unfit, and which of their messages is the one to use matters for the others only.
        let suspects = self.suspects.get_or_init(|| {
            let unfit =
                |(_, entries): &&(SatId, Vec<SkyEntry>)| entries.iter().any(|e| !is_healthy(&e.ephemeris));
            self.satellites.iter().filter(unfit).map(|(sat, _)| *sat).collect()
        });
        let used = suspects.iter().filter(|sat| sat.gnss == gnss).filter_map(|sat| self.ephemeris(*sat, t));
        let said = used.filter(|e| !is_healthy(e)).map(Ephemeris::sat);
        let withheld = self.withheld(t).map(|(sat, _)| sat).filter(|sat| sat.gnss == gnss);
        let mut all: Vec<SatId> = said.chain(withheld).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The satellites that are not offered at `t` although their data are fresh, and those that the operator excludes, each with
    /// the reason.
    pub fn withheld(&self, t: GpsTime) -> impl Iterator<Item = (SatId, Withheld)> {
        let stands = move |sat: SatId, reason: Withheld, entries: &[SkyEntry]| match reason {
            Withheld::Excluded => true,
            Withheld::Flagged => best(entries, t, &self.policy).is_some(),
            // Of no consequence while another message of the satellite is beyond dispute.
            Withheld::Disputed => {
                best(entries, t, &self.policy).is_some()
                    && best(self.entries_of(sat), t, &self.policy).is_none()
            }
        };
        self.withheld
            .iter()
            .filter(move |(sat, (reason, entries))| stands(**sat, *reason, entries))
            .map(|(sat, (reason, _))| (*sat, *reason))
    }

    /// The fresh entry of a withheld satellite, and why it is withheld; for tables.
    pub(super) fn withheld_entries(&self, t: GpsTime) -> impl Iterator<Item = (&SkyEntry, Withheld)> {
        self.withheld(t).filter_map(move |(sat, reason)| {
            let (_, entries) = self.withheld.get(&sat)?;
            Some((best(entries, t, &self.policy)?, reason))
        })
    }

    /// Number of usable satellites of each system that has any.
    pub fn counts(&self, t: GpsTime) -> BTreeMap<Gnss, usize> {
        let mut counts = BTreeMap::new();
        let places = self.places.around(t, |middle| self.healthy_places(middle));
        for (place, _) in places.at(t) {
            *counts.entry(place.sat.gnss).or_insert(0) += 1;
        }
        counts
    }

    /// Whether no satellite is usable at `t`: the server is not ready then.
    pub fn is_empty(&self, t: GpsTime) -> bool {
        !self.fresh(t).any(|e| is_healthy(&e.ephemeris))
    }

    /// Hours from `t` until fewer than four satellites of the system are left with a fresh ephemeris if nothing new
    /// arrives; 0 when it is so already.
    pub fn hours_left(&self, gnss: Gnss, t: GpsTime) -> f64 {
        let mut ends: Vec<GpsTime> = self
            .satellites
            .iter()
            .filter(|(sat, entries)| sat.gnss == gnss && best(entries, t, &self.policy).is_some())
            .filter_map(|(_, entries)| {
                entries
                    .iter()
                    .filter(|e| is_healthy(&e.ephemeris))
                    .map(|e| self.policy.expiry(&e.ephemeris))
                    .max()
            })
            .collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.get(3).map_or(0.0, |end| ((*end - t) / 3600.0).max(0.0))
    }

    /// The Klobuchar model of an area, when fresh at `t`.
    pub fn klobuchar(&self, area: KlobucharArea, t: GpsTime) -> Option<Klobuchar> {
        self.models.klobuchar.get(&area)?.fresh(t, self.policy.ionosphere_s)
    }

    /// The NeQuick-G coefficients, when fresh at `t`.
    pub fn nequick(&self, t: GpsTime) -> Option<NeQuick> {
        self.models.nequick?.fresh(t, self.policy.ionosphere_s)
    }

    /// The UTC parameters that a system broadcasts, when fresh at `t`.
    pub fn utc_model(&self, gnss: Gnss, t: GpsTime) -> Option<UtcModel> {
        self.models.utc.get(&gnss)?.fresh(t, self.policy.clock_models_s)
    }

    /// How `from`'s time differs from `to`'s, when fresh at `t`. An offset known the other way round is turned.
    pub fn time_offset(&self, from: Gnss, to: Gnss, t: GpsTime) -> Option<TimeOffset> {
        let get = |key| self.models.time_offsets.get(&key)?.fresh(t, self.policy.clock_models_s);
        get((from, to)).or_else(|| {
            let back = get((to, from))?;
            Some(TimeOffset { from, to, a0: back.a0.checked_neg()?, a1: back.a1.checked_neg()?, ..back })
        })
    }

    /// Earth orientation, when fresh at `t`.
    pub fn earth_orientation(&self, t: GpsTime) -> Option<EarthOrientation> {
        self.models.earth_orientation?.fresh(t, self.policy.clock_models_s)
    }

    /// The almanac of a system: what was received and is fresh, else derived from fresh ephemerides.
    pub fn almanac(&self, gnss: Gnss, t: GpsTime) -> Vec<Almanac> {
        let max_age = f64::from(self.policy.almanac_s);
        let received: Vec<Almanac> = self
            .models
            .almanacs
            .values()
            .filter(|a| a.sat().gnss == gnss && (t - almanac::reference_time(a)).abs() <= max_age)
            .copied()
            .collect();
        if received.is_empty() {
            self.derived.around(gnss, t, || almanac::derive(self.fresh_of(gnss, t).map(|e| &*e.ephemeris), t))
        } else {
            received
        }
    }
}

/// The fresh entry nearest to `t` in a satellite's list.
pub(super) fn best<'a>(entries: &'a [SkyEntry], t: GpsTime, policy: &AgePolicy) -> Option<&'a SkyEntry> {
    entries.get(best_index(entries, t, policy)?)
}

/// Galileo broadcasts a message only after its time of ephemeris, and it describes some three hours from then on well and the time
/// before it badly: one that lies ahead was not on the air yet and is taken only before one that is older by more than this, s.
/// The same holds for F/NAV against I/NAV, which is what E1 carries.
const GALILEO_HANDICAP_S: f64 = 10_000.0;

/// The index of [`best`].
///
/// A day holds hundreds of issues per satellite: from the place of `t` among them the search walks outwards, first back,
/// then ahead, and ends as soon as nothing further away can be better.
fn best_index(entries: &[SkyEntry], t: GpsTime, policy: &AgePolicy) -> Option<usize> {
    let window = policy.widest_s(entries.first()?.ephemeris.sat().gnss);
    let (from, to) = (t.offset_s(-window), t.offset_s(window));
    let split = entries.partition_point(|e| e.reference_time < t);
    let mut found: Option<(f64, usize)> = None;
    let mut look = |i: usize| {
        let Some(e) = entries.get(i).filter(|e| (from..=to).contains(&e.reference_time)) else {
            return false;
        };
        let age = t - e.reference_time;
        // What lies further away can only be worse than this.
        if found.is_some_and(|(r, _)| age.abs() > r) {
            return false;
        }
        let rank = match &*e.ephemeris {
            Ephemeris::Galileo(g) => {
                let handicaps = u8::from(age <= 0.0) + u8::from(g.message == GalileoMessage::FNav);
                age.abs() + f64::from(handicaps) * GALILEO_HANDICAP_S
            }
            _ => age.abs(),
        };
        // Of two equally good ones the later in the list.
        let better = found.is_none_or(|(r, j)| rank < r || (rank == r && i > j));
        if better && policy.is_fresh(&e.ephemeris, t) {
            found = Some((rank, i));
        }
        true
    };
    for i in (0..split).rev() {
        if !look(i) {
            break;
        }
    }
    for i in split..entries.len() {
        if !look(i) {
            break;
        }
    }
    found.map(|(_, i)| i)
}
