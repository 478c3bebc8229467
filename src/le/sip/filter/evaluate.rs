//! Whether a new position is to be told. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Condition, FilterSet, Trigger, Value};
use crate::base::geo::wrap_deg;
use crate::base::{GeoPoint, LocationEstimate};
use crate::le::sip::pidf::token_of;
use crate::service::triggers::Area;

/// What a subscriber was told, kept with the subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracking {
    /// The position that was told last.
    told: Option<LocationEstimate>,
    /// For each border (filter, trigger and condition) whether the target was inside of it then. A border of which it was not
    /// certain is missing.
    inside: BTreeMap<String, bool>,
}

/// Why a position is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// None was told before.
    First,
    /// It is another one, and there is no trigger that would want more than that.
    Change,
    /// A trigger fired.
    Trigger,
}

/// Whether a position is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Yes.
    Notify(Why),
    /// No.
    Hold,
}

impl Tracking {
    /// Takes note that a position was told.
    pub fn told(&mut self, filters: &FilterSet, resource: &str, estimate: &LocationEstimate) {
        for (key, area) in borders(filters, resource) {
            if let Some(inside) = side_of(area, estimate) {
                self.inside.insert(key, inside);
            }
        }
        self.told = Some(estimate.clone());
    }

    /// The position that was told last.
    pub const fn last(&self) -> Option<&LocationEstimate> {
        self.told.as_ref()
    }
}

/// The borders of a resource's filters, each with its name.
fn borders<'a>(filters: &'a FilterSet, resource: &'a str) -> impl Iterator<Item = (String, &'a Area)> {
    filters.of(resource).flat_map(|f| {
        f.triggers.iter().enumerate().flat_map(move |(t, trigger)| {
            trigger.conditions.iter().enumerate().filter_map(move |(c, condition)| match condition {
                Condition::EnterOrExit(area) => Some((border(&f.id, t, c), area)),
                _ => None,
            })
        })
    })
}

fn border(filter: &str, trigger: usize, condition: usize) -> String {
    format!("{trigger}.{condition}.{filter}")
}

impl FilterSet {
    /// Whether a new position of a resource is to be told. Nothing is taken for told by it: that is for [`Tracking::told`]. Of a
    /// border whose side was not certain the side is noted as soon as it is.
    pub fn evaluate(&self, resource: &str, tracking: &mut Tracking, new: &LocationEstimate) -> Decision {
        let Some(told) = tracking.told.clone() else { return Decision::Notify(Why::First) };
        let mut filtered = false;
        let mut fired = false;
        for filter in self.of(resource).filter(|f| !f.triggers.is_empty()) {
            filtered = true;
            for (t, trigger) in filter.triggers.iter().enumerate() {
                // Every trigger is looked at, so that no border is forgotten.
                fired |= fires(trigger, (&filter.id, t), tracking, &told, new);
            }
        }
        match (filtered, fired) {
            (true, true) => Decision::Notify(Why::Trigger),
            (true, false) => Decision::Hold,
            (false, _) if told == *new => Decision::Hold,
            (false, _) => Decision::Notify(Why::Change),
        }
    }
}

fn fires(
    trigger: &Trigger,
    (filter, number): (&str, usize),
    tracking: &mut Tracking,
    told: &LocationEstimate,
    new: &LocationEstimate,
) -> bool {
    let mut all = !trigger.conditions.is_empty();
    for (c, condition) in trigger.conditions.iter().enumerate() {
        all &= match condition {
            Condition::EnterOrExit(area) => crossed(tracking, border(filter, number, c), area, new),
            other => holds(other, told, new),
        };
    }
    all
}

/// Whether the target is on the other side of a border than it was when it was told of last.
fn crossed(tracking: &mut Tracking, key: String, area: &Area, new: &LocationEstimate) -> bool {
    let Some(now) = side_of(area, new) else { return false };
    *tracking.inside.entry(key).or_insert(now) != now
}

/// How far from one half the probability must be for a side to count.
const MARGIN: f64 = 0.05;

/// Whether a position is inside of an area (`true`) or outside, each when it is so with a probability of one half and a little
/// more; `None` where neither is (RFC 6447 §3.2). The little more keeps a target at the border from being told of again and
/// again.
fn side_of(area: &Area, estimate: &LocationEstimate) -> Option<bool> {
    let inside = area.probability(&estimate.shape)?;
    ((inside - 0.5).abs() >= MARGIN).then_some(inside > 0.5)
}

fn holds(condition: &Condition, told: &LocationEstimate, new: &LocationEstimate) -> bool {
    let between = || {
        let (from, to): (GeoPoint, GeoPoint) = (told.shape.centre()?, new.shape.centre()?);
        Some(from.distance_m(to))
    };
    let climbed = || Some((new.shape.altitude_m()? - told.shape.altitude_m()?).abs());
    let speed = |e: &LocationEstimate| e.velocity.map(|v| v.speed_mps);
    match condition {
        // Nothing moves by nothing: a limit of zero asks for every move.
        Condition::Moved(metres) => {
            between().is_some_and(|d| reaches(d.hypot(climbed().unwrap_or(0.0)), *metres))
        }
        Condition::MovedHorizontally(metres) => between().is_some_and(|d| reaches(d, *metres)),
        Condition::MovedVertically(metres) => climbed().is_some_and(|d| reaches(d, *metres)),
        Condition::SpeedExceeds(limit) => {
            speed(new).is_some_and(|v| v > *limit) && speed(told).is_none_or(|v| v <= *limit)
        }
        Condition::Changed { value, from, to, by } => {
            let (before, after) = (read(value, told), read(value, new));
            changed(value, before.as_ref(), after.as_ref(), from.as_deref(), to.as_deref(), *by)
        }
        Condition::Added(value) => read(value, told).is_none() && read(value, new).is_some(),
        Condition::Removed(value) => read(value, told).is_some() && read(value, new).is_none(),
        Condition::EnterOrExit(_) => false,
    }
}

fn reaches(distance: f64, limit: f64) -> bool {
    distance >= limit && distance > 0.0
}

/// A value of an estimate.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Number(f64),
    Text(&'static str),
}

fn read(value: &Value, of: &LocationEstimate) -> Option<Read> {
    match value {
        Value::Speed => of.velocity.map(|v| Read::Number(v.speed_mps)),
        Value::Heading => of.velocity.map(|v| Read::Number(v.bearing_deg)),
        Value::Method => token_of(of.method).map(Read::Text),
        // Estimates have no address.
        Value::Civic(_) => None,
    }
}

fn changed(
    value: &Value,
    before: Option<&Read>,
    after: Option<&Read>,
    from: Option<&str>,
    to: Option<&str>,
    by: Option<f64>,
) -> bool {
    let says = |read: Option<&Read>, text: &str| match read {
        Some(Read::Number(n)) => text.trim().parse::<f64>().is_ok_and(|t| t == *n),
        Some(Read::Text(t)) => *t == text,
        None => false,
    };
    if before == after || from.is_some_and(|f| !says(before, f)) || to.is_some_and(|t| !says(after, t)) {
        return false;
    }
    let Some(by) = by else { return true };
    match (before, after) {
        (Some(Read::Number(a)), Some(Read::Number(b))) => {
            let difference = if *value == Value::Heading { wrap_deg(b - a) } else { b - a };
            difference.abs() >= by
        }
        // It was not told yet how large the value is: it has changed by more than anybody knows.
        (None, Some(_)) => true,
        _ => false,
    }
}
