//! Triggered services: taking requests, stopping them, telling which there are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::asking::{self, Common, Quality, Wanted};
use super::desk::{Address, Asking, Desk};
use super::places::{self, Style};
use super::verdicts::{about, of_locating, of_queueing, of_triggering};
use crate::base::{SetId, Utc};
use crate::le::mlp::model::Span;
use crate::le::mlp::model::{
    AreaEvent, BatchType, Body, DistanceEventType, Event as EventElement, LocType, Msid, MsidsEntry,
    QueryAnswer, ReferenceObject, Reporting, StopAnswer, StopTargets, TargetArea, Tlqrep, TlrAnswer, Tlra,
    Tlrqa, Tlrqr, Tlrr, TlrrEvent, Tlrsa, Tlrsr, TriggerData, TrlTrigger, Truth, VelocityEventType, Verdict,
    YesNo,
};
use crate::le::mlp::{ResultCode, Version};
use crate::service::triggers::{Area, Condition, Event, Followed, Manner, NoArea, Side, Trigger, TriggerId};
use crate::service::{Flow, LocateError, ReachHints};

/// Name of this door among those that triggers come through.
pub(super) const DOOR: &str = "mlp";
/// A time to the second may have begun a moment ago.
const GRACE: Duration = Duration::from_secs(1);

/// What this door keeps with a trigger.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) version: Version,
    pub(super) address: Address,
    /// The targets as the client calls them.
    pub(super) msids: Vec<places::Named>,
    /// What its reports say of their cause, by its name in the document.
    pub(super) cause: String,
    pub(super) style: Style,
    /// The request as it was, to be told when asked for.
    pub(super) interval_s: Option<u32>,
    /// Those whose distance is watched, as the client calls them.
    #[serde(default)]
    pub(super) others: Vec<places::Named>,
}

impl Note {
    /// The cause as reports say it.
    pub(super) fn trigger(&self) -> TrlTrigger {
        match self.cause.as_str() {
            "MS_AVAIL" => TrlTrigger::MsAvail,
            "CHANGE_AREA" => TrlTrigger::ChangeArea,
            "VELOCITY" => TrlTrigger::Velocity,
            "DISTANCE" => TrlTrigger::Distance,
            "EQUIDISTANCE" => TrlTrigger::Equidistance,
            _ => TrlTrigger::Periodic,
        }
    }

    pub(super) fn of(trigger: &Trigger) -> Option<Self> {
        serde_json::from_value(trigger.note.clone()).ok()
    }
}

/// When a request begins and ends.
struct Times {
    start: Utc,
    stop: Utc,
    once: bool,
}

fn invalid(element: &str) -> Verdict {
    about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, element)
}

/// The rules of MLP 3.5 §6.6 about times.
fn times(tlrr: &Tlrr, now: Utc) -> Result<Times, Verdict> {
    if tlrr.stop_time.is_some() && tlrr.duration.is_some() {
        return Err(invalid("stop_time and duration"));
    }
    let start = tlrr.start_time.map_or(now, |t| t.utc);
    if start + GRACE < now {
        return Err(invalid("start_time"));
    }
    let start = start.max(now);
    let (stop, once) = match (tlrr.stop_time, tlrr.duration) {
        (Some(stop), _) => {
            if stop.utc + GRACE < now || tlrr.start_time.is_some_and(|s| stop.utc < s.utc) {
                return Err(invalid("stop_time"));
            }
            let same = tlrr.start_time.map_or(stop.utc <= now, |s| s.utc == stop.utc);
            (stop.utc.max(start), same)
        }
        (None, Some(duration)) => (start + duration.duration(), duration.secs() == 0),
        (None, None) => (Utc::from_unix_ns(i64::MAX), false),
    };
    Ok(Times { start, stop: if once { start } else { stop }, once })
}

fn side(event: AreaEvent) -> Side {
    match event {
        AreaEvent::Entering => Side::Entering,
        AreaEvent::Leaving => Side::Leaving,
        AreaEvent::Within => Side::Within,
        AreaEvent::Outside => Side::Outside,
    }
}

fn area(target: &TargetArea) -> Result<Area, Verdict> {
    let unsupported = |element: &str| about(ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED, element);
    match target {
        TargetArea::Shape(shape, _) => Area::of(places::regions(shape)?).map_err(|e| match e {
            NoArea::Empty | NoArea::Value => invalid("shape"),
            NoArea::TooLarge => unsupported("shape"),
        }),
        TargetArea::Civic(_) => Err(unsupported("target_area: civicloc")),
        TargetArea::Country(_) => Err(unsupported("target_area: cc")),
        TargetArea::Plmn(_) => Err(unsupported("target_area: plmn")),
        TargetArea::Name(_) => Err(unsupported("target_area: name_area")),
    }
}

/// The event of a request, and what its reports call it.
fn event(element: &TlrrEvent) -> Result<(Event, &'static str), Verdict> {
    let unsupported = |element: &str| about(ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED, element);
    if element.group_condition.is_some() {
        return Err(unsupported("group_condition"));
    }
    let (condition, estimates, most, blind, cause) = match &element.event {
        EventElement::MsAction(_) => (Condition::Available, Truth::True, None, None, "MS_AVAIL"),
        EventElement::ChangeArea(e) => {
            let condition = Condition::Area { area: area(&e.area)?, side: side(e.kind) };
            (condition, e.estimates, e.no_of_reports, e.minimum_interval, "CHANGE_AREA")
        }
        EventElement::Velocity(e) => {
            // Inside is below.
            let side = match e.kind {
                VelocityEventType::IncreasingAbove => Side::Leaving,
                VelocityEventType::Above => Side::Outside,
                VelocityEventType::DecreasingBelow => Side::Entering,
                VelocityEventType::Below => Side::Within,
            };
            let condition = Condition::Speed { limit_mps: e.target.speed, side };
            (condition, e.estimates, e.no_of_reports, e.minimum_interval, "VELOCITY")
        }
        EventElement::Equidistance(e) if e.distance > 0.0 => {
            let condition = Condition::Moved { metres: e.distance, vertical_m: None };
            (condition, e.estimates, e.no_of_reports, e.minimum_interval, "EQUIDISTANCE")
        }
        EventElement::Equidistance(_) => return Err(invalid("target_equidistance")),
        EventElement::Distance(e) if e.distance >= 0.0 => {
            let side = match e.kind {
                DistanceEventType::Entering => Side::Entering,
                DistanceEventType::Leaving => Side::Leaving,
                DistanceEventType::Within => Side::Within,
                DistanceEventType::Outside => Side::Outside,
            };
            let other = |o: &ReferenceObject| places::set_id(&o.msid).map(Followed::of);
            let others = e.reference_objects.iter().map(other).collect::<Result<_, _>>()?;
            let condition = Condition::Distance { others, metres: e.distance, side };
            (condition, e.estimates, e.no_of_reports, e.minimum_interval, "DISTANCE")
        }
        EventElement::Distance(_) => return Err(invalid("target_distance")),
        EventElement::Aln(_) => return Err(unsupported("aln_event")),
    };
    if most == Some(0) {
        return Err(invalid("no_of_reports"));
    }
    // The larger of the two holds.
    let blind_s = blind.unwrap_or(0).max(element.persistence.map_or(0, Span::secs));
    let with_position = estimates == Truth::True;
    let event = Event {
        condition,
        with_position,
        most: most.unwrap_or(1),
        blind_s: blind_s.into(),
        sensitivity: None,
    };
    Ok((event, cause))
}

/// When the reports of a periodic request leave.
fn manner(loc_type: LocType) -> Result<Manner, Verdict> {
    let count = || {
        let count = loc_type.batch.and_then(|b| b.count.0).filter(|n| *n > 0);
        count.ok_or_else(|| invalid("batch_cond"))
    };
    Ok(match (loc_type.reporting, loc_type.batch.map(|b| b.kind)) {
        (Reporting::RealTime, _) => Manner::RealTime,
        (Reporting::QuasiRealTime, _) => Manner::QuasiRealTime,
        (Reporting::Batch, Some(BatchType::Measurements)) => match count()? {
            n @ 1..=1024 => Manner::BatchCount(n),
            _ => return Err(invalid("batch_cond")),
        },
        (Reporting::Batch, Some(BatchType::Minutes)) => match count()? {
            n @ 1..=2048 => Manner::BatchSeconds(u64::from(n) * 60),
            _ => return Err(invalid("batch_cond")),
        },
        (Reporting::Batch, Some(BatchType::EndOfService)) => Manner::BatchEnd,
        (Reporting::Batch, None) => return Err(about(ResultCode::SYNTAX_ERROR, "batch_cond")),
    })
}

impl Desk {
    pub(super) async fn tlrr(&self, asking: Asking, tlrr: Tlrr) -> Result<Body, Verdict> {
        let unsupported = |element: &str| about(ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED, element);
        if tlrr.interval.is_none() && tlrr.event.is_none() {
            return Err(about(ResultCode::SYNTAX_ERROR, "neither interval nor tlrr_event"));
        }
        let times = times(&tlrr, self.now())?;
        if tlrr.analytic.is_some() {
            return Err(unsupported("analytic_report"));
        }
        if tlrr.coverage.is_some() && tlrr.event.is_some() {
            return Err(about(ResultCode::SYNTAX_ERROR, "service_coverage with tlrr_event"));
        }
        if tlrr.interval.is_some_and(|i| i.secs() == 0) && !times.once {
            return Err(invalid("interval"));
        }
        let loc_type = tlrr.loc_type.unwrap_or_default();
        let wish = asking::wish(
            &asking.header,
            Common {
                quality: Some(Quality::of_qop(tlrr.qop.as_ref())),
                geo_info: tlrr.geo_info.as_ref(),
                loc_type: Some(loc_type),
                prio: tlrr.prio,
            },
        )?;
        let manner = manner(loc_type)?;
        let (mut event, cause) =
            tlrr.event.as_ref().map(event).transpose()?.map_or((None, "PERIODIC"), |(e, c)| (Some(e), c));
        let wanted = asking::listed(&tlrr.msids, &self.config)?;
        let address = Self::address(&asking.client, tlrr.push_address.as_ref())?;
        self.allowed(&asking.client, Flow::Triggered)?;
        let targets = self.permitted(&asking, &wish.ask, &wanted).await?;
        let mut others = Vec::new();
        if let Some(Event { condition: Condition::Distance { others: list, .. }, .. }) = &mut event {
            others = list.iter().map(|other| places::Named::of(&places::msid(&other.target))).collect();
            self.permitted_others(&asking, &wish.ask, list).await?;
        }
        let note = Note {
            version: asking.version,
            address,
            msids: wanted.iter().filter_map(|w| w.msids.first()).map(places::Named::of).collect(),
            cause: cause.to_owned(),
            style: wish.style,
            interval_s: tlrr.interval.map(Span::secs),
            others,
        };
        let trigger = Trigger {
            id: TriggerId::draw().ok_or(ResultCode::SYSTEM_FAILURE)?,
            owner: asking.client.id().to_owned(),
            door: DOOR.to_owned(),
            targets,
            every_s: tlrr.interval.map(|i| i.secs().into()),
            event,
            start: times.start,
            stop: times.stop,
            once: times.once,
            limited: false,
            manner,
            ask: wish.ask,
            note: serde_json::to_value(note).map_err(|_| Verdict::new(ResultCode::SYSTEM_FAILURE))?,
            keep: 0,
        };
        let trigger = self.services.triggers.add(trigger).await.map_err(|e| of_triggering(&e))?;
        let req_id = trigger.id.as_str().to_owned();
        Ok(Tlra { answer: TlrAnswer::Accepted { req_id, lcs_ref: None } }.into())
    }

    /// The targets, when at least one of them may be followed.
    async fn permitted(
        &self,
        asking: &Asking,
        ask: &crate::service::triggers::Ask,
        wanted: &[Wanted],
    ) -> Result<Vec<Followed>, Verdict> {
        let mut targets = Vec::new();
        let mut refused: Option<LocateError> = None;
        let mut any = false;
        for target in wanted {
            let ids = target.ids.clone()?;
            let request = asking::request(&asking.client, Flow::Triggered, ask, &ids, &target.reach);
            let request = request.ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "msid"))?;
            match self.services.service.permit(&request).await {
                Ok(()) => any = true,
                Err(e) => refused = refused.or(Some(e)),
            }
            let followed = Followed { target: request.target, alternatives: request.alternatives };
            targets.push(self.services.service.known_under(followed));
        }
        match refused {
            Some(e) if !any => Err(of_locating(e)),
            // Of those that may not be followed, each report says so.
            _ => Ok(targets),
        }
    }

    /// How far a target is from others tells where those are: all of them must be permitted.
    async fn permitted_others(
        &self,
        asking: &Asking,
        ask: &crate::service::triggers::Ask,
        others: &mut [Followed],
    ) -> Result<(), Verdict> {
        let service = &self.services.service;
        for other in others {
            let ids = [other.target.clone()];
            let request = asking::request(&asking.client, Flow::Triggered, ask, &ids, &ReachHints::default());
            let request = request.ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "reference_object"))?;
            service.permit(&request).await.map_err(of_locating)?;
            *other = service.known_under(other.clone());
        }
        Ok(())
    }

    pub(super) async fn tlrsr(&self, asking: Asking, tlrsr: Tlrsr) -> Result<Body, Verdict> {
        let targets: Vec<SetId> = match &tlrsr.targets {
            None => Vec::new(),
            Some(StopTargets::One(msid)) => vec![stopped(msid)?],
            Some(StopTargets::List(list)) => {
                let mut ids = Vec::new();
                for entry in &list.0 {
                    match entry {
                        MsidsEntry::One(target) => ids.push(stopped(&target.msid)?),
                        MsidsEntry::Range { .. } => {
                            let one = crate::le::mlp::model::Msids(vec![entry.clone()]);
                            for wanted in asking::listed(&one, &self.config)? {
                                ids.extend(
                                    wanted
                                        .ids
                                        .map_err(|_| Verdict::new(ResultCode::INVALID_MSID_IN_TLRSR))?,
                                );
                            }
                        }
                        MsidsEntry::Group { .. } => return Err(ResultCode::INVALID_MSID_IN_TLRSR.into()),
                    }
                }
                ids
            }
        };
        let id = TriggerId::from_text(&tlrsr.req_id);
        let done = self.services.triggers.stop(asking.client.id(), &id, &targets).await;
        done.map_err(|e| of_triggering(&e))?;
        Ok(Tlrsa { answer: StopAnswer::Stopped { targets: tlrsr.targets, req_id: tlrsr.req_id } }.into())
    }

    pub(super) async fn tlrqr(&self, asking: Asking, tlrqr: Tlrqr) -> Result<Body, Verdict> {
        let address = Self::address(&asking.client, tlrqr.push_address.as_ref())?;
        self.allowed(&asking.client, Flow::Triggered)?;
        let query = TriggerId::draw().ok_or(ResultCode::SYSTEM_FAILURE)?;
        let own = self.services.triggers.of(asking.client.id());
        let data: Vec<TriggerData> = own.iter().filter_map(|t| data_of(t)).collect();
        let per_report = self.config.positions_per_report.max(1) as usize;
        let mut chunks: Vec<Vec<TriggerData>> = data.chunks(per_report).map(<[_]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let (count, now) = (chunks.len(), self.now());
        let letters = chunks.into_iter().enumerate().map(|(k, triggers)| {
            let last = if k + 1 == count { YesNo::Yes } else { YesNo::No };
            let report = Tlqrep { last, query_id: query.as_str().to_owned(), triggers };
            super::later::letter(
                asking.client.id(),
                asking.version,
                &address,
                query.as_str(),
                report.into(),
                now,
            )
        });
        let letters = letters.collect();
        self.services.outbox.put(letters, Vec::new()).await.map_err(|e| of_queueing(&e))?;
        Ok(Tlrqa { answer: QueryAnswer::Accepted(query.as_str().to_owned()) }.into())
    }
}

/// A target in a stop request: one that makes no sense is none of the request's.
fn stopped(msid: &Msid) -> Result<SetId, Verdict> {
    places::set_id(msid).map_err(|_| ResultCode::INVALID_MSID_IN_TLRSR.into())
}

/// A trigger as a query is told of it.
fn data_of(trigger: &Trigger) -> Option<TriggerData> {
    let note = Note::of(trigger)?;
    let msids: Vec<Msid> = trigger.targets.iter().map(|f| places::msid(&f.target)).collect();
    let list =
        crate::le::mlp::model::Msids(msids.iter().cloned().map(|m| MsidsEntry::One(m.into())).collect());
    let request = Tlrr {
        msids: list,
        interval: note.interval_s.map(Span::from_secs),
        start_time: Some(trigger.start.into()),
        stop_time: Some(trigger.stop.into()),
        duration: None,
        event: None,
        analytic: None,
        qop: None,
        geo_info: None,
        push_address: None,
        loc_type: None,
        prio: None,
        coverage: None,
        map: None,
        reference_point: None,
    };
    // A request for events alone would not be one without its event: then the name must do.
    let request = (trigger.every_s.is_some() && trigger.event.is_none()).then_some(request);
    Some(TriggerData { req_id: trigger.id.as_str().to_owned(), msids, request })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::mlp::model::{MsidType, Msids};

    fn tlrr() -> Tlrr {
        Tlrr {
            msids: Msids::from(Msid::new(MsidType::Msisdn, "447700900123")),
            interval: None,
            start_time: None,
            stop_time: None,
            duration: None,
            event: None,
            analytic: None,
            qop: None,
            geo_info: None,
            push_address: None,
            loc_type: None,
            prio: None,
            coverage: None,
            map: None,
            reference_point: None,
        }
    }

    #[test]
    fn the_rules_of_times() {
        let now = Utc::from_unix_s(1_000_000);
        let at = |s: i64| Some(Utc::from_unix_s(1_000_000 + s).into());
        let shown = |t: &Tlrr| {
            times(t, now)
                .map(|t| (t.start.unix_s() - 1_000_000, t.stop.unix_s() - 1_000_000, t.once))
                .map_err(|v| (v.code.0, v.add_info.unwrap()))
        };
        let refused = |t: Tlrr| shown(&t).unwrap_err();
        let both = Tlrr { stop_time: at(60), duration: Some(Span::from_secs(60)), ..tlrr() };
        assert_eq!(refused(both).0, 110);
        assert_eq!(refused(Tlrr { start_time: at(-60), ..tlrr() }), (110, "start_time".to_owned()));
        assert_eq!(refused(Tlrr { stop_time: at(-60), ..tlrr() }), (110, "stop_time".to_owned()));
        assert_eq!(refused(Tlrr { start_time: at(60), stop_time: at(30), ..tlrr() }).0, 110);
        assert_eq!(shown(&Tlrr { start_time: at(60), stop_time: at(60), ..tlrr() }), Ok((60, 60, true)));
        assert_eq!(shown(&Tlrr { duration: Some(Span::from_secs(0)), ..tlrr() }), Ok((0, 0, true)));
        assert_eq!(
            shown(&Tlrr { start_time: at(9), duration: Some(Span::from_secs(60)), ..tlrr() }),
            Ok((9, 69, false))
        );
        assert!(times(&tlrr(), now).unwrap().stop > Utc::from_unix_s(4_000_000_000), "until it is stopped");
    }
}
