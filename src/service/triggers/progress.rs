//! How far a triggered request has come. Pure: places and instants go in, decisions come out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::detector::Detector;
use super::trigger::{Condition, Manner, Sensitivity, Trigger};
use crate::base::{GeoPoint, LocationEstimate, Shape, Utc};

/// What is remembered of one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OfTarget {
    /// What the event is seen by.
    #[serde(flatten)]
    detector: Detector,
    /// When its last event was reported.
    reported: Option<Utc>,
    /// The newest position that was looked at, where others are measured from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<GeoPoint>,
    /// The time of the newest position that was looked at.
    seen: Option<Utc>,
    /// Events reported.
    reports: u32,
    /// Whether it could not be reached at the last period.
    pub(super) absent: bool,
    /// The client wants no more of it.
    pub(super) stopped: bool,
}

/// A position that waits for its batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) target: usize,
    pub(super) estimate: LocationEstimate,
    pub(super) qos_met: bool,
}

/// What is remembered of a request. Kept in the store beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) targets: Vec<OfTarget>,
    /// Periods that have begun.
    pub(super) periods: u64,
    /// When the next event is looked for.
    pub(super) next_poll: Option<Utc>,
    /// Reports that left.
    pub(super) reports: u64,
    /// Positions that wait for their batch, and since when.
    pub(super) batch: Vec<Kept>,
    pub(super) batch_since: Option<Utc>,
    pub(super) over: bool,
    /// When it was over, where its reports are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<Utc>,
    /// Where the others of a [`Condition::Distance`] were heard of last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Option<GeoPoint>>,
}

/// What a position means for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The event happened and is to be told.
    pub(super) happened: bool,
    /// What is remembered has changed such that a restart should find it.
    pub(super) changed: bool,
    /// The target is known to be outside of the area; only where it comes near again will anything happen.
    pub(super) away: bool,
}

/// Most positions that wait for a batch; more are sent early.
const MAX_BATCH: usize = 1024;

/// How long requests that are over, and their reports, are kept for those who follow.
const AFTERLIFE: Duration = Duration::from_hours(24);

impl Progress {
    /// Until when a request that is over is kept.
    pub(super) fn kept_until(&self) -> Option<Utc> {
        self.ended.map(|at| at + AFTERLIFE)
    }

    pub(super) fn new(trigger: &Trigger) -> Self {
        Self { targets: vec![OfTarget::default(); trigger.targets.len()], ..Self::default() }
    }

    /// When the next period begins; `None` without periods, or when there are no more.
    pub(super) fn next_period(&self, trigger: &Trigger) -> Option<Utc> {
        if trigger.once {
            return (self.periods == 0).then_some(trigger.start);
        }
        let every = Duration::from_secs(trigger.every_s?);
        let at = trigger.start + every.checked_mul(u32::try_from(self.periods).ok()?)?;
        (at <= trigger.stop).then_some(at)
    }

    /// Counts the period that begins now, and those that passed while nobody looked.
    pub(super) fn begin_period(&mut self, trigger: &Trigger, now: Utc) {
        let every = trigger.every_s.unwrap_or(1).max(1);
        let passed = now.since(trigger.start).as_secs() / every;
        self.periods = (self.periods + 1).max(passed + 1);
    }

    /// Whether all targets are done.
    pub(super) fn is_complete(&self, trigger: &Trigger) -> bool {
        let all_stopped = self.targets.iter().all(|t| t.stopped);
        let periods_over = self.next_period(trigger).is_none();
        let events_over = trigger
            .event
            .as_ref()
            .is_none_or(|e| self.targets.iter().all(|t| t.stopped || t.reports >= e.most));
        // Both: the events end the request when they are told, as long as only periods would go on for ever otherwise.
        all_stopped || (periods_over && events_over)
    }

    /// Whether an event of a target has been reported.
    pub(super) fn has_fired(&self) -> bool {
        self.targets.iter().any(|t| t.reports > 0)
    }

    /// Takes note of a position of a target; whether the event happened and is to be told.
    pub(super) fn heard(
        &mut self,
        trigger: &Trigger,
        target: usize,
        at: &LocationEstimate,
        now: Utc,
        usual: Sensitivity,
    ) -> Seen {
        let none = Seen::default();
        let Some(event) = &trigger.event else { return none };
        if now < trigger.start || now > trigger.stop || self.over {
            return none;
        }
        let nearest = match &event.condition {
            Condition::Distance { .. } => self.nearest(at),
            _ => None,
        };
        let Some(t) = self.targets.get_mut(target) else { return none };
        // The same position may come by two ways.
        if t.stopped || t.reports >= event.most || t.seen.is_some_and(|seen| at.time <= seen) {
            return none;
        }
        t.seen = Some(at.time);
        if t.reported.is_some_and(|r| now.since(r) < Duration::from_secs(event.blind_s)) {
            return none;
        }
        let before = t.detector.is_inside();
        let happened = match &event.condition {
            Condition::Distance { metres, side, .. } => {
                t.at = at.shape.centre();
                nearest.is_some_and(|n| t.detector.is_distant(*side, *metres, n))
            }
            condition => t.detector.happens(condition, event.sensitivity.unwrap_or(usual), at),
        };
        if happened {
            t.reported = Some(now);
            t.detector.told(at);
            t.reports += 1;
        }
        let inside = t.detector.is_inside();
        Seen { happened, changed: happened || inside != before, away: inside == Some(false) }
    }

    /// Metres to the nearest of the others that have been heard of.
    fn nearest(&self, at: &LocationEstimate) -> Option<f64> {
        let centre = at.shape.centre()?;
        self.others.iter().flatten().map(|other| other.distance_m(centre)).reduce(f64::min)
    }

    /// Takes note of where one of the others of a [`Condition::Distance`] is; the targets whose event that is.
    pub(super) fn heard_other(
        &mut self,
        trigger: &Trigger,
        other: usize,
        at: &LocationEstimate,
        now: Utc,
    ) -> Vec<usize> {
        let Some(event) = &trigger.event else { return Vec::new() };
        let Condition::Distance { others, metres, side } = &event.condition else { return Vec::new() };
        let Some(centre) = at.shape.centre().filter(|_| other < others.len()) else { return Vec::new() };
        self.others.resize(others.len(), None);
        if let Some(slot) = self.others.get_mut(other) {
            *slot = Some(centre);
        }
        if now < trigger.start || now > trigger.stop || self.over {
            return Vec::new();
        }
        let blind = Duration::from_secs(event.blind_s);
        let mut happened = Vec::new();
        for (place, t) in self.targets.iter_mut().enumerate() {
            if t.stopped || t.reports >= event.most || t.reported.is_some_and(|r| now.since(r) < blind) {
                continue;
            }
            let Some(from) = t.at else { continue };
            let nearest = self.others.iter().flatten().map(|o| o.distance_m(from)).reduce(f64::min);
            if nearest.is_some_and(|n| t.detector.is_distant(*side, *metres, n)) {
                t.reported = Some(now);
                t.reports += 1;
                happened.push(place);
            }
        }
        happened
    }

    /// Whether a position, as it may be told, bears an event of a target out that was seen in it.
    pub(super) fn bears_out(
        &self,
        trigger: &Trigger,
        target: usize,
        told: &Shape,
        usual: Sensitivity,
    ) -> bool {
        let Some(event) = &trigger.event else { return false };
        let sure = event.sensitivity.unwrap_or(usual).probability;
        let inside = self.targets.get(target).is_some_and(|t| t.detector.is_inside() == Some(true));
        match &event.condition {
            Condition::Area { area, .. } | Condition::Crossing { area } => {
                let share = area.probability(told).unwrap_or(0.5);
                if inside { share >= sure } else { 1.0 - share >= sure }
            }
            Condition::Distance { .. } => false,
            Condition::Available
            | Condition::Speed { .. }
            | Condition::Moved { .. }
            | Condition::SpeedChanged { .. } => true,
        }
    }

    /// Takes an event back that is not to be told.
    pub(super) fn withdraw(&mut self, target: usize) {
        if let Some(t) = self.targets.get_mut(target) {
            t.reports = t.reports.saturating_sub(1);
            t.reported = None;
        }
    }

    /// Whether an area's event of a target need not be looked for as long as the target is nowhere near.
    pub(super) fn is_away(&self, target: usize) -> bool {
        self.targets.get(target).is_some_and(|t| t.detector.is_inside() == Some(false))
    }

    /// Whether what waits is to leave now.
    pub(super) fn batch_is_due(&self, manner: Manner, now: Utc) -> bool {
        !self.batch.is_empty()
            && match manner {
                Manner::RealTime | Manner::QuasiRealTime => true,
                Manner::BatchCount(n) => self.batch.len() >= (n as usize).clamp(1, MAX_BATCH),
                Manner::BatchSeconds(s) => {
                    self.batch_since.is_none_or(|since| now.since(since) >= Duration::from_secs(s))
                        || self.batch.len() >= MAX_BATCH
                }
                Manner::BatchEnd => self.over || self.batch.len() >= MAX_BATCH,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{PositionMethod, SetId, Shape};
    use crate::service::triggers::{Area, Ask, Event, Followed, Side, TriggerId};

    pub(super) fn estimate(s: i64, lat: f64) -> LocationEstimate {
        LocationEstimate {
            shape: Shape::Circle { at: GeoPoint::new(lat, 4.0).unwrap(), radius_m: 10.0 },
            time: Utc::from_unix_s(s),
            method: PositionMethod::AgnssMsBased,
            velocity: None,
        }
    }

    fn trigger(every_s: Option<u64>, event: Option<Event>) -> Trigger {
        Trigger {
            id: TriggerId::from_text("t"),
            owner: "c".into(),
            door: "test".into(),
            targets: vec![Followed::of(SetId::Msisdn("491700000001".parse().unwrap()))],
            every_s,
            event,
            start: Utc::from_unix_s(1000),
            stop: Utc::from_unix_s(2000),
            once: false,
            limited: false,
            manner: Manner::RealTime,
            ask: Ask::default(),
            note: serde_json::Value::Null,
            keep: 0,
        }
    }

    fn area_event(side: Side, most: u32, blind_s: u64) -> Event {
        let shape = Shape::Circle { at: GeoPoint::new(50.0, 4.0).unwrap(), radius_m: 1000.0 };
        let area = Area::new(vec![shape]).unwrap();
        Event {
            condition: Condition::Area { area, side },
            with_position: true,
            most,
            blind_s,
            sensitivity: None,
        }
    }

    /// Which of these latitudes, heard of once a second, are told.
    fn told(event: Event, lats: &[f64]) -> Vec<usize> {
        let trigger = trigger(None, Some(event));
        let mut progress = Progress::new(&trigger);
        let heard = |p: &mut Progress, k: usize, lat: f64| {
            let s = 1001 + k as i64;
            p.heard(&trigger, 0, &estimate(s, lat), Utc::from_unix_s(s), Sensitivity::default()).happened
        };
        lats.iter().enumerate().filter(|(k, lat)| heard(&mut progress, *k, **lat)).map(|(k, _)| k).collect()
    }

    #[test]
    fn crossings_are_told_once_and_sides_again_and_again() {
        let (i, o) = (50.0, 51.0);
        assert_eq!(told(area_event(Side::Entering, 9, 0), &[o, i, i, o, i]), [1, 4]);
        assert_eq!(
            told(area_event(Side::Entering, 9, 0), &[i, i]),
            [0],
            "outside is assumed at the beginning"
        );
        assert_eq!(told(area_event(Side::Leaving, 9, 0), &[i, o, o, i, o]), [1, 4]);
        assert_eq!(told(area_event(Side::Leaving, 9, 0), &[o]), [0]);
        assert_eq!(told(area_event(Side::Within, 9, 0), &[i, i, o, i]), [0, 1, 3]);
        assert_eq!(told(area_event(Side::Outside, 9, 0), &[i, o, o]), [1, 2]);
        assert_eq!(told(area_event(Side::Within, 2, 0), &[i, i, i]), [0, 1]);
        assert_eq!(told(area_event(Side::Within, 9, 2), &[i, i, i, i, i]), [0, 2, 4], "blind in between");
    }

    #[test]
    fn other_events() {
        let event =
            |condition| Event { condition, with_position: true, most: 9, blind_s: 0, sensitivity: None };
        assert_eq!(told(event(Condition::Available), &[50.0, 50.0]), [0, 1]);
        let moved = event(Condition::Moved { metres: 1000.0, vertical_m: None });
        assert_eq!(told(moved, &[50.0, 50.005, 50.008, 50.0091, 50.01, 50.0183]), [0, 3, 5]);

        let trigger = trigger(None, Some(event(Condition::Speed { limit_mps: 10.0, side: Side::Leaving })));
        let mut progress = Progress::new(&trigger);
        let mut at_speed = |s: i64, speed: Option<f64>| {
            let velocity = speed.map(|speed_mps| crate::base::geo::Velocity {
                speed_mps,
                bearing_deg: 0.0,
                vertical_mps: None,
                speed_unc_mps: None,
                vertical_unc_mps: None,
            });
            progress
                .heard(
                    &trigger,
                    0,
                    &LocationEstimate { velocity, ..estimate(s, 50.0) },
                    Utc::from_unix_s(s),
                    Sensitivity::default(),
                )
                .happened
        };
        let speeds = [Some(5.0), None, Some(11.0), Some(12.0), Some(9.0), Some(10.5)];
        let told: Vec<bool> = speeds.iter().zip(1001..).map(|(v, s)| at_speed(s, *v)).collect();
        assert_eq!(told, [false, false, true, false, false, true]);
    }

    #[test]
    fn positions_outside_of_its_time_and_old_ones_do_not_count() {
        let trigger = trigger(None, Some(area_event(Side::Within, 9, 0)));
        let mut p = Progress::new(&trigger);
        let at = Utc::from_unix_s;
        let mut heard = |place, of, s| {
            p.heard(&trigger, place, &estimate(of, 50.0), at(s), Sensitivity::default()).happened
        };
        assert!(!heard(0, 999, 999));
        assert!(!heard(0, 2001, 2001));
        assert!(heard(0, 1500, 1500));
        assert!(!heard(0, 1500, 1501), "the same");
        assert!(!heard(7, 1600, 1600), "no such target");
    }

    #[test]
    fn periods_are_counted_and_those_missed_are_not_made_up_for() {
        let t = trigger(Some(60), None);
        let mut p = Progress::new(&t);
        let at = Utc::from_unix_s;
        assert_eq!(p.next_period(&t), Some(at(1000)));
        p.begin_period(&t, at(1000));
        assert_eq!(p.next_period(&t), Some(at(1060)));
        p.begin_period(&t, at(1300));
        assert_eq!(p.next_period(&t), Some(at(1360)));
        p.begin_period(&t, at(1990));
        assert_eq!(p.next_period(&t), None);
        assert!(p.is_complete(&t));
        let once = Trigger { once: true, every_s: Some(1), ..t };
        let mut p = Progress::new(&once);
        p.begin_period(&once, at(1000));
        assert_eq!(p.next_period(&once), None);
    }

    #[test]
    fn batches_leave_when_they_should() {
        let mut p = Progress { batch_since: Some(Utc::from_unix_s(0)), ..Progress::default() };
        let now = Utc::from_unix_s(100);
        for manner in [Manner::BatchCount(2), Manner::BatchSeconds(100), Manner::BatchEnd] {
            assert!(!p.batch_is_due(manner, now), "nothing waits");
        }
        p.batch.push(Kept { target: 0, estimate: estimate(1, 50.0), qos_met: true });
        assert!(!p.batch_is_due(Manner::BatchCount(2), now));
        assert!(
            p.batch_is_due(Manner::BatchSeconds(100), now) && !p.batch_is_due(Manner::BatchSeconds(101), now)
        );
        assert!(!p.batch_is_due(Manner::BatchEnd, now));
        p.over = true;
        assert!(p.batch_is_due(Manner::BatchEnd, now));
    }

    #[test]
    fn requests_and_their_progress_survive_in_the_store() {
        let mut t = trigger(Some(60), Some(area_event(Side::Leaving, 3, 5)));
        t.ask.requestor =
            Some(crate::service::Requestor { id: "a@b".into(), kind: crate::service::RequestorKind::Email });
        t.ask.wish = Some(crate::service::PrivacyWish::Ask(crate::slc::ni::Asked::Notify));
        t.ask.qop.max_age = Some(Duration::from_secs(7));
        let mut p = Progress::new(&t);
        p.heard(&t, 0, &estimate(1500, 51.0), Utc::from_unix_s(1500), Sensitivity::default());
        let text = serde_json::to_string(&(&t, &p)).unwrap();
        assert_eq!(serde_json::from_str::<(Trigger, Progress)>(&text).unwrap(), (t, p));
    }
}
