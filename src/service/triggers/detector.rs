//! Whether something happened to one target. Pure: positions go in, decisions come out.

use serde::{Deserialize, Serialize};

use super::trigger::{Condition, Sensitivity, Side};
use crate::base::{GeoPoint, LocationEstimate, Shape};
use crate::service::area::Area;

/// What is remembered of a target for the sake of one condition.
///
/// [`Self::happens`] takes a position in; whoever tells of it says so with [`Self::told`], from where distances and changes
/// of speed are reckoned anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// Whether it was inside the area, below the limit of speed, or near.
    #[serde(default)]
    inside: Option<bool>,
    /// Where it was when it was told of last.
    #[serde(default)]
    reported_at: Option<GeoPoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported_altitude_m: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported_mps: Option<f64>,
    /// Whether it has been told of.
    #[serde(default)]
    told: bool,
}

impl Detector {
    /// Whether a position is what a condition waits for. [`Condition::Distance`] needs to know where others are and never
    /// happens here.
    pub fn happens(
        &mut self,
        condition: &Condition,
        sensitivity: Sensitivity,
        at: &LocationEstimate,
    ) -> bool {
        match condition {
            Condition::Available => true,
            Condition::Area { area, side } => {
                let Some(inside) = self.inside_of(area, sensitivity, &at.shape) else { return false };
                self.crosses(*side, inside)
            }
            Condition::Crossing { area } => {
                let Some(inside) = self.inside_of(area, sensitivity, &at.shape) else { return false };
                self.inside.replace(inside).is_some_and(|before| before != inside)
            }
            Condition::Speed { limit_mps, side } => {
                let Some(velocity) = at.velocity.filter(|v| v.speed_mps.is_finite()) else { return false };
                self.crosses(*side, velocity.speed_mps <= *limit_mps)
            }
            Condition::SpeedChanged { by_mps } => {
                let Some(velocity) = at.velocity.filter(|v| v.speed_mps.is_finite()) else { return false };
                self.reported_mps.is_none_or(|before| (velocity.speed_mps - before).abs() >= *by_mps)
            }
            Condition::Moved { metres, vertical_m } => self.moved(*metres, *vertical_m, &at.shape),
            Condition::Distance { .. } => false,
        }
    }

    /// Whether being so far from another is what a condition waits for.
    pub(super) fn is_distant(&mut self, side: Side, limit_m: f64, distance_m: f64) -> bool {
        self.crosses(side, distance_m <= limit_m)
    }

    /// Notes that a position was told.
    pub fn told(&mut self, at: &LocationEstimate) {
        self.told = true;
        self.reported_at = at.shape.centre();
        self.reported_altitude_m = at.shape.altitude_m().filter(|a| a.is_finite());
        let speed = at.velocity.map(|v| v.speed_mps).filter(|s| s.is_finite());
        self.reported_mps = speed.or(self.reported_mps);
    }

    /// Whether the target counts as inside, below the limit, or near; `None` as long as nothing is known.
    pub const fn is_inside(&self) -> Option<bool> {
        self.inside
    }

    /// Whether the target is inside: sure enough, or as before. `None` where it cannot be told at all.
    fn inside_of(&self, area: &Area, sensitivity: Sensitivity, shape: &Shape) -> Option<bool> {
        let inside = area.probability(shape)?;
        let sure = sensitivity.probability.clamp(0.01, 0.99);
        let back = sensitivity.hysteresis.clamp(0.0, 0.9);
        Some(match self.inside {
            Some(true) => inside > (1.0 - sure).min(sure - back),
            // Whoever is not known to be inside is outside.
            Some(false) | None => inside >= sure,
        })
    }

    fn moved(&self, metres: f64, vertical_m: Option<f64>, shape: &Shape) -> bool {
        let Some(centre) = shape.centre() else { return false };
        let Some(from) = self.reported_at else { return true };
        let ground = from.distance_m(centre);
        let up = match (self.reported_altitude_m, shape.altitude_m()) {
            (Some(before), Some(now)) if now.is_finite() => (now - before).abs(),
            _ => 0.0,
        };
        match vertical_m {
            Some(limit) => ground >= metres || (up > 0.0 && up >= limit),
            None => ground.hypot(up) >= metres,
        }
    }

    fn crosses(&mut self, side: Side, inside: bool) -> bool {
        let before = self.inside.replace(inside);
        match side {
            Side::Entering => inside && before != Some(true),
            Side::Leaving => !inside && before != Some(false),
            Side::Within => inside,
            Side::Outside => !inside,
        }
    }
}
