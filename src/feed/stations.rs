//! What reference stations said last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::gnss::monitor::StationKey;
use crate::gnss::station::{Station, StationEpoch};

/// Stations kept; of more, the one silent for longest gives way.
const MOST: usize = 64;

/// One station.
#[derive(Clone, Debug, Default)]
struct Latest {
    station: Option<Station>,
    epochs: BTreeMap<Gnss, Arc<StationEpoch>>,
    heard: Option<GpsTime>,
}

/// The last observations of each station and system, shared: for the integrity monitor and for corrections.
#[derive(Clone, Debug, Default)]
pub struct Stations(Arc<Mutex<BTreeMap<StationKey, Latest>>>);

impl Stations {
    /// All stations whose place is known.
    pub fn places(&self) -> Vec<(StationKey, Station)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(key, l)| Some((*key, l.station?))).collect()
    }

    /// The last observations of a station, one epoch for each system.
    pub fn latest(&self, key: StationKey) -> Vec<Arc<StationEpoch>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key).map(|l| l.epochs.values().cloned().collect()).unwrap_or_default()
    }

    /// How many stations are kept.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn place(&self, key: StationKey, station: Station, now: GpsTime) {
        self.change(key, now, |l| l.station = Some(station));
    }

    /// A message that continues an epoch is added to it.
    pub(super) fn epoch(&self, source: u8, epoch: &StationEpoch) {
        /// Signals of all satellites of a system that a station can see.
        const MOST_OBSERVATIONS: usize = 512;
        self.change((source, epoch.station), epoch.time, |l| match l.epochs.get_mut(&epoch.gnss) {
            Some(known)
                if known.time == epoch.time
                    && known.observations.len() + epoch.observations.len() <= MOST_OBSERVATIONS =>
            {
                let known = Arc::make_mut(known);
                known.observations.extend_from_slice(&epoch.observations);
                known.more = epoch.more;
            }
            _ => drop(l.epochs.insert(epoch.gnss, Arc::new(epoch.clone()))),
        });
    }

    fn change(&self, key: StationKey, now: GpsTime, f: impl FnOnce(&mut Latest)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&key) {
            let silent = all.iter().min_by_key(|(_, l)| l.heard).map(|(k, _)| *k);
            if let Some(silent) = silent {
                all.remove(&silent);
            }
        }
        let latest = all.entry(key).or_default();
        latest.heard = Some(now);
        f(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(station: u16, s: i64, gnss: Gnss) -> StationEpoch {
        StationEpoch {
            station,
            gnss,
            time: GpsTime::from_week_s(2300, s),
            more: true,
            observations: Vec::new(),
        }
    }

    #[test]
    fn the_last_epoch_of_each_system_stays_and_stations_are_bounded() {
        let stations = Stations::default();
        for s in 0..3 {
            stations.epoch(0, &epoch(1, s, Gnss::Gps));
            stations.epoch(0, &epoch(1, s, Gnss::Galileo));
        }
        let latest = stations.latest((0, 1));
        assert_eq!(latest.len(), 2);
        assert!(latest.iter().all(|e| e.time == GpsTime::from_week_s(2300, 2)));
        for n in 2..200 {
            stations.epoch(0, &epoch(n, i64::from(n), Gnss::Gps));
        }
        assert_eq!(stations.len(), MOST);
        assert!(stations.latest((0, 1)).is_empty() && stations.places().is_empty());
        assert_eq!(stations.latest((0, 199)).len(), 1);
    }
}
