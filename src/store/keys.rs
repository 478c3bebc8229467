//! The layout of keys. One byte tells the kind; big-endian numbers make the order of keys the order of time.

use super::shelf::Shelf;
use super::sky::SkyItem;
use crate::base::broadcast::{Ephemeris, GalileoMessage, SatId};
use crate::base::{SetId, Utc};

/// Format of the store.
pub(super) const FORMAT: &[u8] = b"m:format";
/// Counts of records.
pub(super) const COUNTS: &[u8] = b"m:counts";
/// First byte of all broadcast data.
pub(super) const SKY: &[u8] = b"s";
/// First byte of all positions.
pub(super) const POSITION: &[u8] = b"p";
/// First byte of the index of targets by the time of their newest position.
pub(super) const NEWEST: &[u8] = b"t";

/// First byte of all shelves.
pub(super) const SHELF: &[u8] = b"h";

/// The key of a record on a shelf; with an empty key, what all keys of the shelf begin with.
pub(super) fn shelved(shelf: Shelf, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(SHELF.len() + 1 + key.len());
    full.extend_from_slice(SHELF);
    full.push(shelf.letter());
    full.extend_from_slice(key);
    full
}

/// Under which all positions of a target are.
pub(super) fn target_prefix(target: &SetId) -> Vec<u8> {
    let name = target.storage_key();
    let mut key = Vec::with_capacity(POSITION.len() + 2 + name.len() + 12);
    key.extend_from_slice(POSITION);
    // The length keeps a target apart from one whose name begins with its own.
    key.extend_from_slice(&(name.len() as u16).to_be_bytes());
    key.extend_from_slice(name.as_bytes());
    key
}

/// The key of a target's position: time, then order of arrival among those of the same time.
pub(super) fn position(prefix: &[u8], time: Utc, order: u32) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&ordered(time.unix_ns()));
    key.extend_from_slice(&order.to_be_bytes());
    key
}

/// Prefix, time and order of a position's key.
pub(super) fn split_position(key: &[u8]) -> Option<(&[u8], Utc, u32)> {
    let (rest, order) = key.split_last_chunk::<4>()?;
    let (prefix, time) = rest.split_last_chunk::<8>()?;
    Some((prefix, Utc::from_unix_ns(unordered(*time)), u32::from_be_bytes(*order)))
}

/// The index entry of a target (by its prefix) whose newest position is of `time`.
pub(super) fn newest(time: Utc, prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(NEWEST.len() + 8 + prefix.len());
    key.extend_from_slice(NEWEST);
    key.extend_from_slice(&ordered(time.unix_ns()));
    key.extend_from_slice(prefix);
    key
}

/// Time and target's prefix of an index entry.
pub(super) fn split_newest(key: &[u8]) -> Option<(Utc, &[u8])> {
    let (time, prefix) = key.strip_prefix(NEWEST)?.split_first_chunk::<8>()?;
    Some((Utc::from_unix_ns(unordered(*time)), prefix))
}

/// The key of an item of broadcast data: what may be there only once has one key.
pub(super) fn sky(item: &SkyItem) -> Vec<u8> {
    let mut key = SKY.to_vec();
    let satellite = |key: &mut Vec<u8>, sat: SatId| {
        key.push(sat.gnss.letter() as u8);
        key.push(sat.number);
    };
    match item {
        SkyItem::Ephemeris(e) => {
            key.push(b'e');
            satellite(&mut key, e.sat());
            key.push(match e {
                Ephemeris::Galileo(g) if g.message == GalileoMessage::FNav => b'F',
                _ => b'-',
            });
            key.extend_from_slice(&ordered(e.reference_time().ns()));
            key.extend_from_slice(&e.iod().to_be_bytes());
        }
        SkyItem::Almanac(a) => {
            key.push(b'a');
            satellite(&mut key, a.sat());
        }
        SkyItem::Klobuchar(area, _) => key.extend_from_slice(&[b'k', *area as u8]),
        SkyItem::NeQuick(_) => key.push(b'n'),
        SkyItem::Utc(gnss, _) => key.extend_from_slice(&[b'u', gnss.letter() as u8]),
        SkyItem::TimeOffset(o) => {
            key.extend_from_slice(&[b'o', o.from.letter() as u8, o.to.letter() as u8]);
        }
        SkyItem::EarthOrientation(_) => key.push(b'x'),
    }
    key
}

/// A signed number as bytes that sort as it does.
fn ordered(v: i64) -> [u8; 8] {
    ((v as u64) ^ (1 << 63)).to_be_bytes()
}

fn unordered(b: [u8; 8]) -> i64 {
    (u64::from_be_bytes(b) ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_time_and_come_apart_again() {
        let target = SetId::Msisdn("447700900123".parse().unwrap());
        let prefix = target_prefix(&target);
        let times = [i64::MIN, -1, 0, 1, i64::MAX].map(Utc::from_unix_ns);
        let keys: Vec<_> = times.iter().map(|t| position(&prefix, *t, 7)).collect();
        assert!(keys.is_sorted());
        for (key, time) in keys.iter().zip(times) {
            assert_eq!(split_position(key), Some((&prefix[..], time, 7)));
            assert_eq!(split_newest(&newest(time, &prefix)), Some((time, &prefix[..])));
        }
    }

    #[test]
    fn no_target_is_the_prefix_of_another() {
        let a = target_prefix(&SetId::Nai("a@b".parse().unwrap()));
        let b = target_prefix(&SetId::Nai("a@b.c".parse().unwrap()));
        assert!(!b.starts_with(&a));
    }
}
