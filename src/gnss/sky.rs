//! The sky as it accumulates: updates go in, immutable snapshots come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::age::AgePolicy;
use super::snapshot::{Models, SkyEntry, SkySnapshot};
use super::update::SkyUpdate;
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
    /// Satellites never to be offered, such as `["E14", "E18"]`; default none.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Ephemerides that were not there before.
    pub new: usize,
    /// Ephemerides that were there already.
    pub known: usize,
}

/// The accumulator. It is owned by one task, which publishes a [`SkySnapshot`] after each change.
#[derive(Clone, Debug)]
pub struct Sky {
    config: SkyConfig,
    exclude: BTreeSet<SatId>,
    /// Known after the first update.
    simulated: Option<bool>,
    generation: u64,
    satellites: BTreeMap<SatId, Vec<SkyEntry>>,
    models: Models,
}

impl Sky {
    /// An empty sky.
    pub fn new(config: SkyConfig) -> Self {
        let exclude = config.exclude.iter().map(|s| s.0).collect();
        Self {
            config,
            exclude,
            simulated: None,
            generation: 0,
            satellites: BTreeMap::new(),
            models: Models::default(),
        }
    }

    /// Takes an update in.
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
        let mut applied = Applied::default();
        for e in &update.ephemerides {
            let entry = SkyEntry::new(*e, Arc::clone(&origin), update.received);
            if insert(self.satellites.entry(e.sat()).or_default(), entry) {
                applied.new += 1;
            } else {
                applied.known += 1;
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
        for entries in self.satellites.values_mut() {
            let before = entries.len();
            entries.retain(|e| policy.expiry(&e.ephemeris) >= now);
            gone += before - entries.len();
        }
        self.satellites.retain(|_, entries| !entries.is_empty());
        if gone > 0 {
            self.generation += 1;
        }
        gone
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
        let satellites = self
            .satellites
            .iter()
            .filter(|(sat, _)| !self.exclude.contains(sat))
            .map(|(sat, entries)| (*sat, entries.clone()))
            .collect();
        let almanac_allowed = |a: &Almanac| !self.exclude.contains(&a.sat());
        let mut models = self.models.clone();
        models.almanacs.retain(|_, a| almanac_allowed(a));
        SkySnapshot::new(
            satellites,
            models,
            self.config.max_age.clone(),
            self.simulated.unwrap_or(false),
            self.generation,
        )
    }
}

/// Keeps a satellite's entries sorted by reference time. An ephemeris with the same message, issue and reference time as a
/// known one takes its place, since a repeated issue may correct health. Returns whether it was new.
fn insert(entries: &mut Vec<SkyEntry>, entry: SkyEntry) -> bool {
    let t = entry.ephemeris.reference_time();
    let end = entries.partition_point(|e| e.ephemeris.reference_time() <= t);
    for known in entries[..end].iter_mut().rev() {
        if known.ephemeris.reference_time() != t {
            break;
        }
        if same_issue(&known.ephemeris, &entry.ephemeris) {
            if entry.received >= known.received {
                *known = entry;
            }
            return false;
        }
    }
    entries.insert(end, entry);
    if entries.len() > MAX_PER_SATELLITE {
        entries.remove(0);
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
