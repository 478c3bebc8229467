//! Reports that leave by themselves: of triggers, and of handsets that report their own position.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::asking::Wish;
use super::desk::{Address, Desk};
use super::immediate::pos;
use super::later::letter;
use super::places::{self, Style};
use super::triggered::Note;
use super::verdicts::of_locating;
use crate::base::Utc;
use crate::le::mlp::client::Url;
use crate::le::mlp::model::{
    Body, Msid, PauseCause, PosErr, ReferenceObject, ResultType, Slrep, Span, Tlrep, Tlrpr, TrlOutcome,
    TrlPos, TrlTrigger, Verdict, YesNo,
};
use crate::le::mlp::outbox::Letter;
use crate::le::mlp::{ResultCode, Version};
use crate::service::triggers::{Cause, End, Outcome, OutcomeOf, ReportSink, TriggerReport};
use crate::service::{Client, Flow, LocateRequest, LocationKind, PositionUpdate};

/// Takes reports of triggers to the outbox.
pub(super) struct Sink(pub(super) Arc<Desk>);

impl ReportSink for Sink {
    fn take(&self, report: Arc<TriggerReport>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            let letters = desk.letters_of(&report);
            let mut pause = Duration::from_secs(1);
            while let Err(error) = desk.services.outbox.put(letters.clone(), Vec::new()).await {
                tracing::error!(%error, client = report.trigger.owner, "a report cannot be queued");
                tokio::select! {
                    () = desk.services.stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_mins(1)),
                }
            }
        })
    }
}

impl Desk {
    /// The documents of a report.
    fn letters_of(&self, report: &TriggerReport) -> Vec<Letter> {
        let trigger = &report.trigger;
        let Some(note) = Note::of(trigger) else {
            tracing::error!("a triggered request in the store is not understood");
            return Vec::new();
        };
        let now = self.now();
        let req_id = trigger.id.as_str().to_owned();
        let write = |body: Body| letter(&trigger.owner, note.version, &note.address, &req_id, body, now);
        if let Cause::Paused | Cause::Resumed = report.cause {
            // Older versions have no word for it.
            if note.version < Version::V3_4 {
                return Vec::new();
            }
            let cause = if report.cause == Cause::Paused { PauseCause::Pause } else { PauseCause::Resume };
            let msids = report.outcomes.iter().filter_map(|o| msid_of(&note, report, o));
            return msids
                .map(|msid| write(Tlrpr { cause, msid, req_id: req_id.clone(), lcs_ref: None }.into()))
                .collect();
        }
        let positions: Vec<TrlPos> = report.outcomes.iter().map(|o| trl_pos(&note, report, o, now)).collect();
        let per_report = self.config.positions_per_report.max(1) as usize;
        let count = positions.len().div_ceil(per_report);
        let remaining = trigger.every_s.is_some() || trigger.limited;
        positions
            .chunks(per_report)
            .enumerate()
            .map(|(k, chunk)| {
                let more = if k + 1 == count { YesNo::No } else { YesNo::Yes };
                let time_remaining = remaining.then(|| Span::from(report.remaining));
                let positions = chunk.to_vec();
                write(Tlrep { more, req_id: req_id.clone(), lcs_ref: None, positions, time_remaining }.into())
            })
            .collect()
    }

    /// Tells clients of handsets that report their own position, until the door closes.
    pub(super) async fn tell(self: Arc<Self>) {
        let mut updates = self.services.service.subscribe_positions();
        loop {
            let update = tokio::select! {
                () = self.services.stop.cancelled() => return,
                update = updates.recv() => update,
            };
            match update {
                Ok(update) => self.tell_of(&update).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "positions passed the clients that want them reported");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn tell_of(&self, update: &PositionUpdate) {
        if update.ordered {
            return;
        }
        for client in self.services.service.clients() {
            if !client.profile().services.contains(&Flow::Reporting) {
                continue;
            }
            let Some(letter) = self.report_to(&client, update).await else { continue };
            if let Err(error) = self.services.outbox.put(vec![letter], Vec::new()).await {
                tracing::error!(%error, client = client.id(), "a report cannot be queued");
            }
        }
    }

    /// The report for a client, if it may have it.
    async fn report_to(&self, client: &Arc<Client>, update: &PositionUpdate) -> Option<Letter> {
        let profile = client.profile();
        let url: Url = profile.report_url.as_deref()?.parse().ok()?;
        let request = LocateRequest {
            kind: LocationKind::Last,
            alternatives: vec![update.canonical.clone()],
            velocity: true,
            ..LocateRequest::new(Arc::clone(client), Flow::Reporting, update.target.clone())
        };
        // Most clients may have few of all positions: those of others leave no record of their own.
        if !self.services.service.still_permits(&request) {
            return None;
        }
        let located = self.services.service.locate(request).await.ok()?;
        let address = Address {
            url: url.to_string(),
            id: profile.report_id.clone(),
            password: profile.report_password.as_ref().map(|p| p.reveal().to_owned()),
        };
        let wanted = super::asking::Wanted {
            msids: vec![places::msid(&update.target)],
            ids: Ok(vec![update.target.clone()]),
            trans_id: None,
            esrd: None,
            esrk: None,
            reach: crate::service::ReachHints::default(),
        };
        let wish = Wish {
            ask: crate::service::triggers::Ask::default(),
            intermediate: false,
            style: Style::default(),
        };
        let now = self.now();
        let pos = pos(&wanted, &Ok(located), ResultType::Final, &wish, now)?;
        let body = Slrep { positions: vec![pos] }.into();
        let lane = format!("slrep {}", client.id());
        Some(letter(client.id(), self.config.report_version, &address, &lane, body, now))
    }
}

/// The target as the client calls it.
fn msid_of(note: &Note, report: &TriggerReport, outcome: &OutcomeOf) -> Option<Msid> {
    let named = note.msids.get(outcome.target).map(places::Named::msid);
    named.or_else(|| report.trigger.targets.get(outcome.target).map(|f| places::msid(&f.target)))
}

fn trl_pos(note: &Note, report: &TriggerReport, of: &OutcomeOf, now: Utc) -> TrlPos {
    let failed = |verdict: Verdict, at: Utc| TrlOutcome::Error(PosErr { verdict, time: at.into() });
    let mut method = None;
    let outcome = match &of.outcome {
        Outcome::Position(located) => match places::pd(&located.estimate, located.qos_met, &note.style) {
            Ok(pd) => {
                method = Some(places::method(&located.estimate));
                TrlOutcome::Position(Box::new(pd))
            }
            Err(verdict) => failed(verdict, now),
        },
        Outcome::Happened(at) => TrlOutcome::Time((*at).into()),
        Outcome::Failed(error, at) => failed(of_locating(*error), *at),
        Outcome::Nothing(at) => {
            let code = match report.cause {
                Cause::Over(End::TimedOut) => ResultCode::TIMEOUT,
                Cause::Over(End::Cancelled) => ResultCode::CANCELLATION_OF_TRIGGERED_LOCATION_REQUEST,
                Cause::Period | Cause::Event | Cause::Paused | Cause::Resumed => {
                    ResultCode::UNSPECIFIED_ERROR
                }
            };
            failed(code.into(), *at)
        }
    };
    let trigger = if report.cause == Cause::Period { TrlTrigger::Periodic } else { note.trigger() };
    TrlPos {
        trigger,
        method,
        msid: msid_of(note, report, of),
        reference_objects: if report.cause == Cause::Event {
            note.others.iter().map(|other| ReferenceObject { msid: other.msid() }).collect()
        } else {
            Vec::new()
        },
        outcome,
        positioning_data: Vec::new(),
    }
}
