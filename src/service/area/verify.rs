//! Whether a target is in an area, without saying where it is.

use super::Area;
use crate::base::{Shape, Utc};

/// Whether a target is in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// It is: a rate of 100.
    Inside,
    /// It is not: a rate of 0.
    Outside,
    /// It may be.
    Partial,
}

/// What is told of a target and an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Whether it is inside.
    pub result: Match,
    /// How probable that is, percent, 0..=100, rounded such that only certainty within half a percent is 0 or 100.
    pub rate: u8,
    /// When the target was where it was looked for.
    pub time: Utc,
    /// Whether the position that this rests on was as exact and as young as was asked for.
    pub qos_met: bool,
}

impl Area {
    /// How much of where a target may be lies inside: the result, and the rate in percent. `None` when the estimate says
    /// nothing that makes sense.
    pub fn matches(&self, estimate: &Shape) -> Option<(Match, u8)> {
        let rate = (self.probability(estimate)? * 100.0).round() as u8;
        let result = match rate {
            0 => Match::Outside,
            100.. => Match::Inside,
            _ => Match::Partial,
        };
        Some((result, rate.min(100)))
    }
}
