//! Pseudoranges smoothed by the carrier's phase (Hatch's filter).
//!
//! From one epoch to the next the phase follows the range a hundred times as exactly as the code does, but for the ionosphere, which it
//! sees with the other sign. Where a second frequency's phase is there, the two together tell by how much; with one, the mean is kept
//! so short that code and phase do not part.

use std::collections::BTreeMap;

use super::observation::{Epoch, Observation};
use super::signal::Signal;
use crate::base::GpsTime;
use crate::base::broadcast::SatId;

/// Length of the mean in seconds with two frequencies, and with one.
const MOST_S: [f64; 2] = [600.0, 150.0];
/// Most epochs in it.
const MOST_EPOCHS: f64 = 100.0;
/// A gap that ends a mean, seconds.
const GAP_S: f64 = 65.0;
/// Difference in metres between code and phase over one step that no noise makes: a slip of the phase or a fault of the code.
const SLIP_M: f64 = 6.0;

/// What is remembered of a signal.
#[derive(Clone, Copy, Debug)]
struct Track {
    time: GpsTime,
    range_m: f64,
    /// Phase, with the ionosphere as code sees it where a partner tells it.
    phase_m: f64,
    partner: Option<Signal>,
    epochs: f64,
}

/// Smooths the epochs of one receiver, given in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Smoother {
    tracks: BTreeMap<(SatId, Signal), Track>,
}

impl Smoother {
    /// Replaces the pseudoranges of an epoch that have a phase by their means, and their C/N0 by that of a signal which would be
    /// as exact without a mean.
    pub fn smooth(&mut self, epoch: &mut Epoch) {
        let time = epoch.time;
        for i in 0..epoch.observations.len() {
            let Some((phase_m, partner)) = phase(&epoch.observations, i) else { continue };
            let Some(o) = epoch.observations.get_mut(i) else { continue };
            let mut track = Track { time, range_m: o.range_m, phase_m, partner, epochs: 1.0 };
            let old = self.tracks.get(&(o.sat, o.signal)).filter(|t| t.partner == partner);
            if let Some(old) = old {
                let gap = time - old.time;
                let expected = old.range_m + (phase_m - old.phase_m);
                if gap > 0.0 && gap <= GAP_S && (o.range_m - expected).abs() < SLIP_M {
                    let length = MOST_S[usize::from(partner.is_none())];
                    let most = MOST_EPOCHS.min((length / gap).max(1.0));
                    track.epochs = (old.epochs + 1.0).min(most);
                    track.range_m = expected + (o.range_m - expected) / track.epochs;
                }
            }
            o.range_m = track.range_m;
            // The mean is as noisy as one code of a signal that is stronger by their number.
            o.cn0_dbhz = o.cn0_dbhz.map(|c| c + 10.0 * track.epochs.log10());
            self.tracks.insert((o.sat, o.signal), track);
        }
        self.tracks.retain(|_, t| (time - t.time).abs() <= GAP_S);
    }
}

/// The phase to follow the i-th pseudorange by, and the signal that helps.
fn phase(all: &[Observation], i: usize) -> Option<(f64, Option<Signal>)> {
    let finite = |p: &f64| p.is_finite();
    let o = all.get(i).filter(|o| o.range_m.is_finite())?;
    let own = o.phase_m.filter(finite)?;
    // Channels of GLONASS do not change the ratio of its carriers.
    let carrier = o.signal.carrier_hz(0);
    let partner = all.iter().find_map(|p| {
        let other = p.signal.carrier_hz(0);
        let helps = p.sat == o.sat && (other - carrier).abs() > 1e7;
        p.phase_m.filter(|m| helps && m.is_finite()).map(|m| (m, other, p.signal))
    });
    Some(match partner {
        None => (own, None),
        Some((theirs, other, signal)) => {
            let delay = (own - theirs) * other * other / (carrier * carrier - other * other);
            (own + 2.0 * delay, Some(signal))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::Gnss;

    fn epoch(i: i32, noise: f64, slip: f64) -> Epoch {
        let range = 2.2e7 + 500.0 * f64::from(i);
        let mut o = Observation::new(SatId::new(Gnss::Gps, 7), Signal::L1Ca, range + noise);
        o.phase_m = Some(range + 1234.5 + slip);
        Epoch { time: GpsTime::from_week_s(2243, 30 * i64::from(i)), observations: vec![o] }
    }

    fn error(e: &Epoch, i: i32) -> f64 {
        e.observations[0].range_m - (2.2e7 + 500.0 * f64::from(i))
    }

    #[test]
    fn noise_is_averaged() {
        let mut s = Smoother::default();
        let mut last = 0.0;
        for i in 0..40 {
            let mut e = epoch(i, if i % 2 == 0 { 1.0 } else { -1.0 }, 0.0);
            s.smooth(&mut e);
            last = error(&e, i);
        }
        assert!(last.abs() < 0.25, "{last}");
    }

    #[test]
    fn the_ionosphere_is_followed_by_two_frequencies() {
        let mut s = Smoother::default();
        let mut last = 0.0;
        for i in 0..40 {
            // A metre in five minutes, on L1.
            let delay = 0.1 * f64::from(i);
            let mut e = epoch(i, delay, -delay);
            let second = (1575.42_f64 / 1227.6).powi(2) * delay;
            let mut o = Observation::new(e.observations[0].sat, Signal::L2P, 2.2e7);
            o.phase_m = Some(2.2e7 + 500.0 * f64::from(i) + 77.0 - second);
            e.observations.push(o);
            s.smooth(&mut e);
            last = error(&e, i) - delay;
        }
        assert!(last.abs() < 1e-3, "{last}");
    }

    #[test]
    fn slips_and_gaps_begin_anew() {
        let mut s = Smoother::default();
        for i in 0..10 {
            s.smooth(&mut epoch(i, 0.0, 0.0));
        }
        let mut slipped = epoch(10, 0.5, 40.0);
        s.smooth(&mut slipped);
        assert!((error(&slipped, 10) - 0.5).abs() < 1e-6);
        let mut later = epoch(20, -0.7, 40.0);
        s.smooth(&mut later);
        assert!((error(&later, 20) + 0.7).abs() < 1e-6);
    }
}
