//! Pauses between attempts to connect: doubling, with jitter, so that servers do not come back all at once.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);

/// Counts failures in a row and says how long to wait.
#[derive(Debug)]
pub(in crate::feed) struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// No failure yet. The seed tells servers apart that start together.
    pub(in crate::feed) const fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed | 1 }
    }

    /// All was well for a while.
    pub(in crate::feed) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure: half to all of a time that doubles each time; at once the longest where asking again
    /// soon would be of no use (a wrong password, say).
    pub(in crate::feed) fn failed(&mut self, hopeless: bool) -> Duration {
        let whole =
            if hopeless { LONGEST } else { FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST) };
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
        let pauses = |seed| {
            let mut b = Backoff::new(seed);
            (0..12).map(|_| b.failed(false)).collect::<Vec<_>>()
        };
        let one = pauses(1);
        for (i, p) in one.iter().enumerate() {
            let whole = Duration::from_secs(2 << i).min(LONGEST);
            assert!(*p >= whole / 2 && *p <= whole, "{i}: {p:?}");
        }
        assert_ne!(one, pauses(12_345));
        let mut b = Backoff::new(3);
        assert!(b.failed(true) >= LONGEST / 2);
        b.succeeded();
        assert!(b.failed(false) <= FIRST);
    }
}
