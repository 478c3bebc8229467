//! The sky as it accumulates: updates go in, immutable snapshots come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::age::AgePolicy;
use super::agreement::{self, Candidate, Distance, Verdict};
use super::heard::Heard;
use super::snapshot::{Models, SkyEntry, SkySnapshot, best};
use super::solve::Signal;
use super::update::{SkyUpdate, UNRANKED};
use super::withheld::Withheld;
use crate::base::GpsTime;
use crate::base::broadcast::{Almanac, Ephemeris, SatId};

/// How many ephemerides of one satellite are kept; an SBAS satellite issues up to 1,440 a day.
const MAX_PER_SATELLITE: usize = 1536;

/// Settings of the sky.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SkyConfig {
    /// How long data may be used.
    pub max_age: AgePolicy,
    /// Satellites never to be offered, such as `["E14", "E18"]`; default none. Handsets are told not to use them.
    pub exclude: Vec<SatName>,
}

/// A satellite by its RINEX name (`G07`), as configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SatName(pub SatId);

impl TryFrom<String> for SatName {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        s.parse().map(Self)
    }
}

impl From<SatName> for String {
    fn from(s: SatName) -> Self {
        s.0.to_string()
    }
}

/// Why an update was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkyError {
    /// Simulated data were offered to a sky of real ones, or real data to a simulated sky.
    #[error("simulated and real satellites cannot share a sky")]
    Mixed,
}

/// What an update changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Ephemerides that were not there before.
    pub new: usize,
    /// Ephemerides that were there already.
    pub known: usize,
    /// Ephemerides that are not believed now and were before, or are new.
    pub refused: Vec<Refusal>,
}

/// An ephemeris that is not believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The message.
    pub ephemeris: Arc<Ephemeris>,
    /// Name of the source.
    pub origin: Arc<str>,
    /// The best rank of those who delivered it.
    pub rank: u8,
    /// [`Verdict::Refused`] or [`Verdict::Disputed`].
    pub verdict: Verdict,
}

/// An ephemeris, who delivered it, and what to think of it.
#[derive(Clone, Debug)]
struct Held {
    entry: SkyEntry,
    voters: u32,
    verdict: Verdict,
}

/// The accumulator. It is owned by one task, which publishes a [`SkySnapshot`] after each change.
#[derive(Clone, Debug)]
pub struct Sky {
    config: SkyConfig,
    exclude: BTreeSet<SatId>,
    flagged: BTreeSet<SatId>,
    heard: Heard,
    /// Known after the first update.
    simulated: Option<bool>,
    generation: u64,
    satellites: BTreeMap<SatId, Vec<Held>>,
    models: Models,
}

impl Sky {
    /// An empty sky.
    pub fn new(config: SkyConfig) -> Self {
        let exclude = config.exclude.iter().map(|s| s.0).collect();
        Self {
            config,
            exclude,
            flagged: BTreeSet::new(),
            heard: Heard::default(),
            simulated: None,
            generation: 0,
            satellites: BTreeMap::new(),
            models: Models::default(),
        }
    }

    /// Takes an update in. Messages that contradict others of their satellite are judged ([`agreement`]).
    ///
    /// # Errors
    /// [`SkyError::Mixed`] when simulated data meet real ones; the sky is unchanged then.
    pub fn apply(&mut self, update: &SkyUpdate) -> Result<Applied, SkyError> {
        if update.is_empty() {
            return Ok(Applied::default());
        }
        if self.simulated.is_some_and(|s| s != update.simulated) {
            return Err(SkyError::Mixed);
        }
        self.simulated = Some(update.simulated);
        self.generation += 1;
        let origin: Arc<str> = update.source.as_str().into();
        let voter = 1 << update.rank.min(UNRANKED);
        let mut applied = Applied::default();
        let mut changed = BTreeSet::new();
        for e in &update.ephemerides {
            let entry = SkyEntry::new(*e, Arc::clone(&origin), update.received);
            if insert(self.satellites.entry(e.sat()).or_default(), entry, voter) {
                applied.new += 1;
            } else {
                applied.known += 1;
            }
            changed.insert(e.sat());
        }
        for sat in changed {
            if let Some(held) = self.satellites.get_mut(&sat) {
                judge(held, &self.config.max_age, &mut applied.refused);
            }
        }
        self.models.apply(update);
        Ok(applied)
    }

    /// Forgets what can no longer be of use at `now` (data of the future is kept: a replayed day needs it). Returns how many
    /// ephemerides went.
    pub fn expire(&mut self, now: GpsTime) -> usize {
        let policy = &self.config.max_age;
        let mut gone = 0;
        for held in self.satellites.values_mut() {
            let before = held.len();
            held.retain(|h| policy.expiry(&h.entry.ephemeris) >= now);
            gone += before - held.len();
            // What a message that is gone spoke against may be right after all.
            if before > held.len() && held.iter().any(|h| h.verdict != Verdict::Accepted) {
                judge(held, policy, &mut Vec::new());
            }
        }
        self.satellites.retain(|_, held| !held.is_empty());
        if gone > 0 {
            self.generation += 1;
        }
        gone
    }

    /// Which satellites the operator excludes from now on.
    pub fn exclude(&mut self, satellites: &[SatName]) {
        let exclude = satellites.iter().map(|s| s.0).collect();
        if self.exclude != exclude {
            self.exclude = exclude;
            self.generation += 1;
        }
    }

    /// Which satellites the monitor flags from now on. Returns whether that is a change.
    pub fn flag(&mut self, satellites: BTreeSet<SatId>) -> bool {
        let changed = self.flagged != satellites;
        if changed {
            self.flagged = satellites;
            self.generation += 1;
        }
        changed
    }

    /// Which signals reference stations receive. Returns whether some had not been heard before.
    pub fn hear(&mut self, signals: impl IntoIterator<Item = (SatId, Signal)>) -> bool {
        let new = self.heard.add(signals);
        self.generation += u64::from(new);
        new
    }

    /// The ephemeris to use for a satellite at `t`, healthy or not, withheld or not: what the monitor compares with.
    pub fn ephemeris(&self, sat: SatId, t: GpsTime) -> Option<Arc<Ephemeris>> {
        let held = self.satellites.get(&sat)?;
        let accepted: Vec<SkyEntry> =
            held.iter().filter(|h| h.verdict == Verdict::Accepted).map(|h| h.entry.clone()).collect();
        best(&accepted, t, &self.config.max_age).map(|e| Arc::clone(&e.ephemeris))
    }

    /// Whether the data are simulated; `None` while there are none.
    pub const fn simulated(&self) -> Option<bool> {
        self.simulated
    }

    /// Number of ephemerides held, fresh or not.
    pub fn len(&self) -> usize {
        self.satellites.values().map(Vec::len).sum()
    }

    /// Whether no ephemeris is held.
    pub fn is_empty(&self) -> bool {
        self.satellites.is_empty()
    }

    /// The view to publish.
    pub fn snapshot(&self) -> SkySnapshot {
        let mut satellites = Vec::with_capacity(self.satellites.len());
        let mut withheld = BTreeMap::new();
        for (sat, held) in &self.satellites {
            let entries = |verdict: Verdict| -> Vec<SkyEntry> {
                held.iter().filter(|h| h.verdict == verdict).map(|h| h.entry.clone()).collect()
            };
            let accepted = entries(Verdict::Accepted);
            let reason = if self.exclude.contains(sat) {
                Some(Withheld::Excluded)
            } else {
                self.flagged.contains(sat).then_some(Withheld::Flagged)
            };
            if let Some(reason) = reason {
                withheld.insert(*sat, (reason, accepted));
                continue;
            }
            let disputed = entries(Verdict::Disputed);
            if !disputed.is_empty() {
                withheld.insert(*sat, (Withheld::Disputed, disputed));
            }
            if !accepted.is_empty() {
                satellites.push((*sat, accepted));
            }
        }
        // An excluded satellite is known to be so without any data of it.
        for sat in &self.exclude {
            withheld.entry(*sat).or_insert_with(|| (Withheld::Excluded, Vec::new()));
        }
        let allowed = |a: &Almanac| !self.exclude.contains(&a.sat());
        let mut models = self.models.clone();
        models.almanacs.retain(|_, a| allowed(a));
        SkySnapshot::new(
            satellites,
            withheld,
            models,
            self.heard.clone(),
            self.config.max_age.clone(),
            self.simulated.unwrap_or(false),
            self.generation,
        )
    }
}

/// Judges a satellite's messages; those that lost or never had our trust are added to `refused`.
fn judge(held: &mut [Held], policy: &AgePolicy, refused: &mut Vec<Refusal>) {
    let candidates: Vec<Candidate<'_>> =
        held.iter().map(|h| Candidate { ephemeris: &h.entry.ephemeris, voters: h.voters }).collect();
    let verdicts = agreement::judge(&candidates, policy);
    for (h, verdict) in held.iter_mut().zip(verdicts) {
        if verdict != Verdict::Accepted && verdict != h.verdict {
            refused.push(Refusal {
                ephemeris: Arc::clone(&h.entry.ephemeris),
                origin: Arc::clone(&h.entry.origin),
                rank: h.voters.trailing_zeros() as u8,
                verdict,
            });
        }
        h.verdict = verdict;
    }
}

/// Keeps a satellite's entries sorted by reference time. An ephemeris with the same message, issue and reference time as a
/// known one with which it agrees takes its place, since a repeated issue may correct health. Returns whether it was new.
fn insert(held: &mut Vec<Held>, entry: SkyEntry, voter: u32) -> bool {
    let t = entry.ephemeris.reference_time();
    let end = held.partition_point(|h| h.entry.ephemeris.reference_time() <= t);
    for known in held[..end].iter_mut().rev() {
        if known.entry.ephemeris.reference_time() != t {
            break;
        }
        let (a, b) = (&*known.entry.ephemeris, &*entry.ephemeris);
        if same_issue(a, b) && (a == b || Distance::between(a, b).agrees(a.sat().gnss)) {
            known.voters |= voter;
            if entry.received >= known.entry.received {
                known.entry = entry;
            }
            return false;
        }
    }
    held.insert(end, Held { entry, voters: voter, verdict: Verdict::Accepted });
    if held.len() > MAX_PER_SATELLITE {
        held.remove(0);
    }
    true
}

/// Whether two ephemerides of one satellite and reference time are the same issue of the same message.
fn same_issue(a: &Ephemeris, b: &Ephemeris) -> bool {
    match (a, b) {
        (Ephemeris::Galileo(x), Ephemeris::Galileo(y)) if x.message != y.message => false,
        _ => a.iod() == b.iod(),
    }
}
