//! Between updates and the records of the store.

use std::collections::BTreeMap;

use crate::base::broadcast::Almanac;
use crate::base::{GpsTime, Utc};
use crate::gnss::{AgePolicy, SkyUpdate, almanac};
use crate::store::{SkyItem, SkyRecord};

/// An update as records, each with its expiry under this policy. What had expired before `now` is left out, and so is
/// everything simulated: a store never holds what was made up.
pub fn to_records(update: &SkyUpdate, policy: &AgePolicy, now: GpsTime) -> Vec<SkyRecord> {
    if update.simulated {
        return Vec::new();
    }
    let after = |t: GpsTime, seconds: u32| t.offset_s(f64::from(seconds));
    let record = |item, expires| SkyRecord {
        item,
        source: update.source.clone(),
        received: update.received,
        epoch: update.epoch,
        expires,
    };
    let ionosphere = after(update.epoch, policy.ionosphere_s);
    let clocks = after(update.epoch, policy.clock_models_s);
    let toa = |a: &Almanac| after(almanac::reference_time(a), policy.almanac_s);

    let mut records: Vec<SkyRecord> =
        update.ephemerides.iter().map(|e| record(SkyItem::Ephemeris(*e), policy.expiry(e))).collect();
    records.extend(update.almanacs.iter().map(|a| record(SkyItem::Almanac(*a), toa(a))));
    records
        .extend(update.klobuchar.iter().map(|(area, k)| record(SkyItem::Klobuchar(*area, *k), ionosphere)));
    records.extend(update.nequick.map(|n| record(SkyItem::NeQuick(n), ionosphere)));
    records.extend(update.utc.iter().map(|(gnss, u)| record(SkyItem::Utc(*gnss, *u), clocks)));
    records.extend(update.time_offsets.iter().map(|o| record(SkyItem::TimeOffset(*o), clocks)));
    records.extend(update.earth_orientation.map(|e| {
        let expires = after(e.t_eop.max(update.epoch), policy.clock_models_s);
        record(SkyItem::EarthOrientation(e), expires)
    }));
    records.retain(|r| r.expires >= now);
    records
}

/// Records as the updates they came in, oldest first.
pub fn to_updates(records: Vec<SkyRecord>) -> Vec<SkyUpdate> {
    let mut updates: BTreeMap<(Utc, GpsTime, String), SkyUpdate> = BTreeMap::new();
    for r in records {
        let key = (r.received, r.epoch, r.source);
        let u = updates.entry(key.clone()).or_insert_with(|| {
            let mut update = SkyUpdate::new(key.2, key.0);
            update.epoch = key.1;
            update
        });
        match r.item {
            SkyItem::Ephemeris(e) => u.ephemerides.push(e),
            SkyItem::Almanac(a) => u.almanacs.push(a),
            SkyItem::Klobuchar(area, k) => u.klobuchar.push((area, k)),
            SkyItem::NeQuick(n) => u.nequick = Some(n),
            SkyItem::Utc(gnss, m) => u.utc.push((gnss, m)),
            SkyItem::TimeOffset(o) => u.time_offsets.push(o),
            SkyItem::EarthOrientation(e) => u.earth_orientation = Some(e),
        }
    }
    updates.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::simulated;

    /// The simulation has every kind of item.
    fn everything() -> SkyUpdate {
        let mut update = simulated::sky_at(GpsTime::from_week_s(2300, 100_000));
        update.simulated = false;
        update
    }

    #[test]
    fn updates_survive_as_records() {
        let update = everything();
        let records = to_records(&update, &AgePolicy::default(), GpsTime::from_week_s(0, 0));
        let mut back = to_updates(records);
        assert_eq!(back.len(), 1);
        assert_eq!(back.pop(), Some(update));
    }

    #[test]
    fn the_expired_and_the_simulated_are_not_kept() {
        let update = everything();
        let late = update.epoch.offset_s(40.0 * 86_400.0);
        assert!(to_records(&update, &AgePolicy::default(), late).is_empty());
        let day_later = update.epoch.offset_s(86_400.0);
        let left = to_records(&update, &AgePolicy::default(), day_later);
        assert!(!left.is_empty() && !left.iter().any(|r| matches!(r.item, SkyItem::Ephemeris(_))));
        let mut invented = update;
        invented.simulated = true;
        assert!(to_records(&invented, &AgePolicy::default(), invented.epoch).is_empty());
    }
}
