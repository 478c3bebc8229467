//! Which signals are really on the air.
//!
//! GPS's later signals are sent by its newer satellites only, and no message that is taken in here says which these are. Reference
//! stations receive them: what one has measured, its satellite sends. It is remembered for as long as the server runs,
//! since satellites do not take signals back.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::solve::Signal;
use crate::base::broadcast::SatId;

/// Most pairs of satellite and signal: every satellite there is with all of its signals is fewer.
const MOST: usize = 2_048;

/// Satellites and the signals that were received of them. Cheap to copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<BTreeSet<(SatId, Signal)>>);

impl Heard {
    /// Adds what was received. Returns whether something of it is new.
    pub(super) fn add(&mut self, signals: impl IntoIterator<Item = (SatId, Signal)>) -> bool {
        let mut new = false;
        for pair in signals {
            if !self.0.contains(&pair) && self.0.len() < MOST {
                new |= Arc::make_mut(&mut self.0).insert(pair);
            }
        }
        new
    }

    /// Whether a signal was received of a satellite.
    pub(super) fn contains(&self, sat: SatId, signal: Signal) -> bool {
        self.0.contains(&(sat, signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::Gnss;

    #[test]
    fn what_was_received_is_remembered_within_bounds() {
        let mut heard = Heard::default();
        let g5 = SatId::new(Gnss::Gps, 5);
        assert!(heard.add([(g5, Signal::L2C), (g5, Signal::L2C)]));
        assert!(!heard.add([(g5, Signal::L2C)]));
        assert!(heard.contains(g5, Signal::L2C) && !heard.contains(g5, Signal::L5));
        let everything = (0..=u8::MAX).flat_map(|n| {
            let signals = [Signal::L1C, Signal::L2C, Signal::L5, Signal::L1P, Signal::L2P, Signal::E6];
            Gnss::ALL.into_iter().flat_map(move |g| signals.map(|s| (SatId::new(g, n), s)))
        });
        assert!(heard.add(everything));
        assert_eq!(heard.0.len(), MOST);
        assert!(!heard.add([(SatId::new(Gnss::Gps, 5), Signal::G3)]));
    }
}
