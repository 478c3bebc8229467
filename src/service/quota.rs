//! How much a client has asked for.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::{Profile, UnderWay};
use super::outcome::Congestion;

/// What a client uses. It outlives the client's profile, so that a reload gives nobody a fresh quota.
#[derive(Debug, Default)]
pub(super) struct Usage {
    under_way: Arc<AtomicU32>,
    bucket: Mutex<Option<Bucket>>,
}

/// Requests that may still be made: refilled steadily, a minute's worth at most.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Usage {
    /// Takes one request from the quotas of a profile.
    pub(super) fn take(&self, profile: &Profile, now: Instant) -> Result<UnderWay, Congestion> {
        let guard = UnderWay::begin(&self.under_way, profile.concurrent).ok_or(Congestion::Concurrent)?;
        if profile.per_minute == 0 {
            return Ok(guard);
        }
        let most = f64::from(profile.per_minute);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let known = bucket.unwrap_or(Bucket { left: most, at: now });
        let refilled = now.saturating_duration_since(known.at).as_secs_f64() / MINUTE.as_secs_f64() * most;
        let left = (known.left + refilled).min(most);
        let at = known.at.max(now);
        // A hair's breadth makes up for the rounding of many small refills.
        let enough = left + 1e-9 >= 1.0;
        *bucket = Some(Bucket { left: if enough { (left - 1.0).max(0.0) } else { left }, at });
        if enough { Ok(guard) } else { Err(Congestion::Rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_by_and_by() {
        let usage = Usage::default();
        let profile = Profile { per_minute: 6, ..Profile::default() };
        let start = Instant::now();
        for _ in 0..6 {
            assert!(usage.take(&profile, start).is_ok());
        }
        assert_eq!(usage.take(&profile, start).err(), Some(Congestion::Rate));
        let later = |s| start + Duration::from_secs(s);
        assert_eq!(usage.take(&profile, later(9)).err(), Some(Congestion::Rate));
        assert!(usage.take(&profile, later(10)).is_ok());
        assert_eq!(usage.take(&profile, later(10)).err(), Some(Congestion::Rate));
        // However long it was silent, it has no more than a minute's worth.
        let taken = (0..100).take_while(|_| usage.take(&profile, later(100_000)).is_ok()).count();
        assert_eq!(taken, 6);
    }

    #[test]
    fn as_many_at_once_as_it_may() {
        let usage = Usage::default();
        let profile = Profile { concurrent: 2, ..Profile::default() };
        let now = Instant::now();
        let first = usage.take(&profile, now).unwrap();
        let _second = usage.take(&profile, now).unwrap();
        assert_eq!(usage.take(&profile, now).err(), Some(Congestion::Concurrent));
        drop(first);
        assert!(usage.take(&profile, now).is_ok());
    }
}
