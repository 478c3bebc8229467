//! Immediate services: standard, emergency and historic, answered at once or later.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::asking::{self, Common, Quality, Wanted, Wish};
use super::desk::{Asking, Desk};
use super::later::{Job, Kind};
use super::places;
use super::verdicts::{about, of_locating};
use crate::base::Utc;
use crate::le::mlp::model::{
    Answer, Body, EmeLia, EmeLir, EmePos, Hlia, Hlir, Outcome, Pos, PosErr, ResponseType, ResultType, Slia,
    Slir, Span, Verdict,
};
use crate::le::mlp::{ResultCode, Version};
use crate::service::{Client, Flow, Located, QosClass, Window};

/// What came of one target.
pub(super) type Found = Result<Located, Verdict>;

/// A position that comes before the last one: of which target, and what.
pub(super) type Early = (usize, Located);

/// Something to be done for a client: now, or later with its answer in a report.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) client: Arc<Client>,
    pub(super) flow: Flow,
    pub(super) wanted: Vec<Wanted>,
    pub(super) wish: Wish,
}

impl Task {
    pub(super) fn of_slir(asking: &Asking, slir: &Slir, desk: &Desk) -> Result<Self, Verdict> {
        let wish = asking::wish(
            &asking.header,
            Common {
                quality: Some(Quality::of_eqop(slir.eqop.as_ref(), &desk.config)),
                geo_info: slir.geo_info.as_ref(),
                loc_type: slir.loc_type,
                prio: slir.prio,
            },
        )?;
        let wanted = asking::of_slir(&slir.targets, &desk.config)?;
        Ok(Self { client: Arc::clone(&asking.client), flow: Flow::Immediate, wanted, wish })
    }

    pub(super) fn of_eme_lir(asking: &Asking, lir: &EmeLir, desk: &Desk) -> Result<Self, Verdict> {
        let wish = asking::wish(
            &asking.header,
            Common {
                quality: Some(Quality::of_eqop(lir.eqop.as_ref(), &desk.config)),
                geo_info: lir.geo_info.as_ref(),
                loc_type: lir.loc_type,
                prio: None,
            },
        )?;
        let wanted = asking::of_eme(&lir.targets, &desk.config)?;
        Ok(Self { client: Arc::clone(&asking.client), flow: Flow::Emergency, wanted, wish })
    }

    /// Locates all targets, some at a time. Dropped, it asks no further.
    pub(super) async fn locate(&self, desk: &Desk, early: Option<&mpsc::Sender<Early>>) -> Vec<Found> {
        // One target, the usual case, needs no task of its own.
        if let ([wanted], None) = (self.wanted.as_slice(), early) {
            return vec![locate_one(desk, &self.client, self.flow, &self.wish, wanted, None).await];
        }
        let room = Arc::new(Semaphore::new(desk.config.targets_at_once.max(1) as usize));
        let mut tasks = JoinSet::new();
        for (place, wanted) in self.wanted.iter().enumerate() {
            let (wanted, room) = (wanted.clone(), Arc::clone(&room));
            let (client, flow, wish) = (Arc::clone(&self.client), self.flow, self.wish.clone());
            let services = desk.services.clone();
            let early = early.cloned();
            tasks.spawn(async move {
                let _room = room.acquire().await;
                let progress = early.map(|early| pass_on(place, early));
                (place, locate_with(&services, &client, flow, &wish, &wanted, progress).await)
            });
        }
        let mut found = vec![Err(ResultCode::SYSTEM_FAILURE.into()); self.wanted.len()];
        while let Some(done) = tasks.join_next().await {
            if let Ok((place, answer)) = done
                && let Some(slot) = found.get_mut(place)
            {
                *slot = answer;
            }
        }
        found
    }
}

/// A way for early positions of one target.
fn pass_on(place: usize, early: mpsc::Sender<Early>) -> mpsc::Sender<Located> {
    let (send, mut receive) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Some(located) = receive.recv().await {
            if early.send((place, located)).await.is_err() {
                return;
            }
        }
    });
    send
}

async fn locate_one(
    desk: &Desk,
    client: &Arc<Client>,
    flow: Flow,
    wish: &Wish,
    wanted: &Wanted,
    progress: Option<mpsc::Sender<Located>>,
) -> Found {
    locate_with(&desk.services, client, flow, wish, wanted, progress).await
}

async fn locate_with(
    services: &super::Services,
    client: &Arc<Client>,
    flow: Flow,
    wish: &Wish,
    wanted: &Wanted,
    progress: Option<mpsc::Sender<Located>>,
) -> Found {
    let ids = wanted.ids.clone()?;
    let request = asking::request(client, flow, &wish.ask, &ids, &wanted.reach);
    let mut request = request.ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "msid"))?;
    request.progress = progress;
    services.service.locate(request).await.map_err(of_locating)
}

/// One `pos`.
pub(super) fn pos(wanted: &Wanted, found: &Found, result: ResultType, wish: &Wish, now: Utc) -> Option<Pos> {
    let msid = wanted.msids.first()?.clone();
    let (outcome, method) = outcome(found, wish, now);
    Some(Pos {
        method,
        result,
        msid,
        outcome,
        gsm_net_param: None,
        trans_id: wanted.trans_id.clone(),
        add_info: None,
        positioning_data: Vec::new(),
    })
}

/// One `eme_pos`.
pub(super) fn eme_pos(wanted: &Wanted, found: &Found, result: ResultType, wish: &Wish, now: Utc) -> EmePos {
    let (outcome, method) = outcome(found, wish, now);
    EmePos {
        method,
        result,
        msids: wanted.msids.clone(),
        outcome: Some(outcome),
        esrd: wanted.esrd.clone(),
        esrk: wanted.esrk.clone(),
        trans_id: wanted.trans_id.clone(),
        serving_cell: None,
        serving_node: None,
        location_id: None,
        positioning_data: Vec::new(),
    }
}

fn outcome(found: &Found, wish: &Wish, now: Utc) -> (Outcome, Option<crate::le::mlp::model::PosMethod>) {
    let failed = |verdict: Verdict| (Outcome::Error(PosErr { verdict, time: now.into() }), None);
    match found {
        Ok(located) => match places::pd(&located.estimate, located.qos_met, &wish.style) {
            Ok(pd) => (Outcome::Position(Box::new(pd)), Some(places::method(&located.estimate))),
            Err(verdict) => failed(verdict),
        },
        Err(verdict) => failed(verdict.clone()),
    }
}

/// What concerns the request as a whole is said of the whole: that the client may not ask at all.
fn refused_as_a_whole(found: &[Found]) -> Option<Verdict> {
    let codes = found.iter().map(|f| f.as_ref().err().map(|v| v.code));
    let mut all = codes.collect::<Option<Vec<_>>>()?;
    all.dedup();
    match all.as_slice() {
        [ResultCode::UNAUTHORIZED_APPLICATION] => found.first()?.as_ref().err().cloned(),
        _ => None,
    }
}

impl Desk {
    pub(super) async fn slir(&self, asking: Asking, slir: Slir) -> Result<Body, Verdict> {
        let task = Task::of_slir(&asking, &slir, self)?;
        if slir.response == ResponseType::Async {
            let address = Self::address(&asking.client, slir.push_address.as_ref())?;
            self.allowed(&asking.client, Flow::Immediate)?;
            let job = Job::new(Kind::Standard, &asking, address, &slir.into())?;
            let name = job.req_id.clone();
            self.later(job, task).await?;
            return Ok(Slia { answer: Answer::Later(name) }.into());
        }
        let found = task.locate(self, None).await;
        if let Some(verdict) = refused_as_a_whole(&found) {
            return Err(verdict);
        }
        let now = self.now();
        let each = task.wanted.iter().zip(&found);
        let positions = each.filter_map(|(w, f)| pos(w, f, ResultType::Final, &task.wish, now)).collect();
        Ok(Slia { answer: Answer::Positions(positions) }.into())
    }

    pub(super) async fn eme_lir(&self, asking: Asking, lir: EmeLir) -> Result<Body, Verdict> {
        let task = Task::of_eme_lir(&asking, &lir, self)?;
        // Older versions have no report for it.
        if lir.response == ResponseType::Async && asking.version >= Version::V3_2 {
            let address = Self::address(&asking.client, lir.push_address.as_ref())?;
            self.allowed(&asking.client, Flow::Emergency)?;
            let job = Job::new(Kind::Emergency, &asking, address, &lir.into())?;
            let name = job.req_id.clone();
            self.later(job, task).await?;
            return Ok(EmeLia { answer: Answer::Later(name) }.into());
        }
        let found = task.locate(self, None).await;
        if let Some(verdict) = refused_as_a_whole(&found) {
            return Err(verdict);
        }
        let now = self.now();
        let each = task.wanted.iter().zip(&found);
        let positions = each.map(|(w, f)| eme_pos(w, f, ResultType::Final, &task.wish, now)).collect();
        Ok(EmeLia { answer: Answer::Positions(positions) }.into())
    }

    pub(super) async fn hlir(&self, asking: Asking, hlir: Hlir) -> Result<Body, Verdict> {
        if hlir.response == ResponseType::Async {
            check_times(&hlir)?;
            let address = Self::address(&asking.client, hlir.push_address.as_ref())?;
            self.allowed(&asking.client, Flow::Historic)?;
            let body: Body = hlir.into();
            let job = Job::new(Kind::Historic, &asking, address, &body)?;
            let name = job.req_id.clone();
            self.later_historic(job, asking, body).await?;
            return Ok(Hlia { answer: Answer::Later(name) }.into());
        }
        let positions = self.history(&asking, &hlir).await?;
        Ok(Hlia { answer: Answer::Positions(positions) }.into())
    }

    /// Positions of the past, the oldest first.
    pub(super) async fn history(&self, asking: &Asking, hlir: &Hlir) -> Result<Vec<Pos>, Verdict> {
        check_times(hlir)?;
        let wish = asking::wish(
            &asking.header,
            Common {
                quality: Some(Quality::of_qop(hlir.qop.as_ref())),
                geo_info: hlir.geo_info.as_ref(),
                loc_type: None,
                prio: hlir.prio,
            },
        )?;
        let list = crate::le::mlp::model::Msids::from(hlir.msid.clone());
        let wanted = asking::listed(&list, &self.config)?.into_iter().next();
        let mut wanted = wanted.ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "msid"))?;
        wanted.trans_id.clone_from(&hlir.trans_id);
        let ids = wanted.ids.clone()?;
        let request = asking::request(&asking.client, Flow::Historic, &wish.ask, &ids, &wanted.reach);
        let request = request.ok_or_else(|| about(ResultCode::SYNTAX_ERROR, "msid"))?;
        if hlir.no_of_reports == Some(0) {
            return Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "no_of_reports"));
        }
        let most =
            hlir.no_of_reports.unwrap_or(self.config.max_history).min(self.config.max_history) as usize;
        let now = self.now();
        let window = Window {
            from: hlir.start_time.map(|t| t.utc),
            // A time to the second covers all of that second.
            until: hlir.stop_time.map(|t| (t.utc + Duration::from_millis(999)).min(now)),
            spacing: hlir.interval.map(Span::duration),
            most,
        };
        let known = self.services.service.history(&request, window).await.map_err(of_locating)?;
        let mut positions = Vec::new();
        for estimate in known.into_iter().rev() {
            let (h, v) = (estimate.shape.horizontal_uncertainty_m(), estimate.shape.vertical_uncertainty_m());
            let qos_met = wish.ask.qop.is_met_by(h, v, Duration::ZERO);
            if !qos_met && wish.ask.qos_class == QosClass::Assured {
                continue;
            }
            let located = Located { estimate, qos_met, origin: crate::service::Origin::Stored };
            positions.extend(pos(&wanted, &Ok(located), ResultType::Final, &wish, now));
        }
        if positions.is_empty() {
            return Err(Verdict::with_info(
                ResultCode::POSITION_METHOD_FAILURE,
                "no position of that time is known",
            ));
        }
        Ok(positions)
    }

    /// Refuses at once what would be refused later in any case.
    pub(super) fn allowed(&self, client: &Client, flow: Flow) -> Result<(), Verdict> {
        if !client.may(flow) {
            return Err(ResultCode::UNAUTHORIZED_APPLICATION.into());
        }
        if !self.services.outbox.has_room() {
            return Err(ResultCode::CONGESTION_IN_LOCATION_SERVER.into());
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Utc {
        (self.services.now)()
    }
}

fn check_times(hlir: &Hlir) -> Result<(), Verdict> {
    match (hlir.start_time, hlir.stop_time) {
        (Some(start), Some(stop)) if stop.utc < start.utc => {
            Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "stop_time"))
        }
        _ => Ok(()),
    }
}
