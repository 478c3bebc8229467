//! For how long what is there will do, and a warning in time.

use std::collections::BTreeSet;

use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::gnss::{AgePolicy, SkySnapshot};

/// Share of the age at which ephemerides expire that must be left. In good times more is left of every system: each satellite is
/// renewed well before half of its age has gone.
const ENOUGH: f64 = 0.5;

/// A system that begins or ceases to run out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) gnss: Gnss,
    /// Whether it begins.
    pub(super) short: bool,
    /// Hours until fewer than four satellites can be used.
    pub(super) hours_left: f64,
}

/// Which systems are running out.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// Systems that had four usable satellites once.
    had: BTreeSet<Gnss>,
    short: BTreeSet<Gnss>,
}

impl Outlook {
    /// Looks at the sky; says what has changed.
    pub(super) fn look(&mut self, sky: &SkySnapshot, policy: &AgePolicy, now: GpsTime) -> Vec<Turn> {
        let mut turns = Vec::new();
        // SBAS has fewer satellites than anyone needs four of, and minutes to live.
        for gnss in Gnss::ALL.into_iter().filter(|g| *g != Gnss::Sbas) {
            let hours_left = sky.hours_left(gnss, now);
            if hours_left > 0.0 {
                self.had.insert(gnss);
            }
            if !self.had.contains(&gnss) {
                continue;
            }
            let short = hours_left * 3600.0 < policy.nominal_s(gnss) * ENOUGH;
            let turned = if short { self.short.insert(gnss) } else { self.short.remove(&gnss) };
            if turned {
                turns.push(Turn { gnss, short, hours_left });
            }
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::simulated;
    use crate::gnss::{Sky, SkyConfig};

    #[test]
    fn a_dead_feed_is_noticed_long_before_the_end() {
        let policy = AgePolicy::default();
        let t = GpsTime::from_week_s(2300, 100_000);
        let mut sky = Sky::new(SkyConfig::default());
        let mut outlook = Outlook::default();
        let mut turns = Vec::new();
        let note = |outlook: &mut Outlook, sky: &Sky, minute: i32, turns: &mut Vec<(i32, Turn)>| {
            let now = t.offset_s(60.0 * f64::from(minute));
            turns.extend(outlook.look(&sky.snapshot(), &policy, now).into_iter().map(|turn| (minute, turn)));
        };
        // Six hours of a feed that lives.
        for minute in 0..360 {
            sky.apply(&simulated::sky_at(t.offset_s(60.0 * f64::from(minute)))).unwrap();
            sky.expire(t.offset_s(60.0 * f64::from(minute)));
            note(&mut outlook, &sky, minute, &mut turns);
        }
        assert_eq!(turns, []);
        // It dies: every system is warned of once, with time left.
        for minute in 360..900 {
            note(&mut outlook, &sky, minute, &mut turns);
        }
        let of = |g| turns.iter().find(|(_, turn)| turn.gnss == g).map(|(_, turn)| *turn);
        for (gnss, least) in
            [(Gnss::Gps, 0.9), (Gnss::Galileo, 1.9), (Gnss::BeiDou, 1.4), (Gnss::Glonass, 0.2)]
        {
            let turn = of(gnss).unwrap();
            assert!(turn.short && turn.hours_left >= least, "{turn:?}");
        }
        assert_eq!(turns.iter().filter(|(_, turn)| turn.gnss == Gnss::Gps).count(), 1);
        // And of its return.
        turns.clear();
        sky.apply(&simulated::sky_at(t.offset_s(54_000.0))).unwrap();
        note(&mut outlook, &sky, 900, &mut turns);
        assert!(turns.iter().any(|(_, turn)| turn.gnss == Gnss::Gps && !turn.short));
    }
}
