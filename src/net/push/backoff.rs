//! Pauses between attempts to connect: doubling, with jitter, so that servers do not come back all at once.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);

/// Counts failures in a row and says how long to wait.
#[derive(Debug)]
pub(super) struct Backoff {
    longest: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// No failure yet. The seed tells servers apart that start together.
    pub(super) fn new(longest: Duration, seed: u64) -> Self {
        Self { longest: longest.max(FIRST), failures: 0, random: seed | 1 }
    }

    /// All was well for a while.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure: half to all of a time that doubles each time; at once the longest where asking again
    /// soon would be of no use (a wrong password, say).
    pub(super) fn failed(&mut self, hopeless: bool) -> Duration {
        let whole = if hopeless {
            self.longest
        } else {
            FIRST.saturating_mul(1 << self.failures.min(16)).min(self.longest)
        };
        self.failures = self.failures.saturating_add(1);
        // Xorshift: spreading needs no better randomness.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = 0.5 + 0.5 * ((self.random >> 11) as f64 / (1_u64 << 53) as f64);
        whole.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_differ() {
        let longest = Duration::from_secs(30);
        let pauses = |seed| {
            let mut b = Backoff::new(longest, seed);
            (0..12).map(|_| b.failed(false)).collect::<Vec<_>>()
        };
        let one = pauses(1);
        for (i, p) in one.iter().enumerate() {
            let whole = Duration::from_millis(500 << i).min(longest);
            assert!(*p >= whole / 2 && *p <= whole, "{i}: {p:?}");
        }
        assert_ne!(one, pauses(12_345));
        let mut b = Backoff::new(longest, 3);
        assert!(b.failed(true) >= longest / 2);
        b.succeeded();
        assert!(b.failed(false) <= FIRST);
    }
}
