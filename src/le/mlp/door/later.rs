//! Requests that are answered later: kept in the store until their last report is in the outbox.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::desk::{Address, Asking, Desk};
use super::immediate::{Early, Task, eme_pos, pos};
use super::verdicts::{about, of_queueing};
use crate::base::Utc;
use crate::le::mlp::model::{
    Body, Client as ClientElement, Document, EmeLirep, EmeReport, Header, Hlirep, Outcome, Pos, PosErr,
    ResultType, Slirep, Verdict,
};
use crate::le::mlp::outbox::{Letter, OutboxError, everything};
use crate::le::mlp::{ResultCode, Version, parse, write};
use crate::service::triggers::TriggerId;
use crate::store::{Change, Shelf, StoreError};

/// Early positions that wait to be reported.
const EARLY: usize = 64;

/// Which service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Standard,
    Emergency,
    Historic,
}

/// A request that was accepted, as the store keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) req_id: String,
    pub(super) kind: Kind,
    client: String,
    version: Version,
    address: Address,
    /// The request without its login.
    document: String,
}

impl Job {
    pub(super) fn new(kind: Kind, asking: &Asking, address: Address, body: &Body) -> Result<Self, Verdict> {
        let id = TriggerId::draw().ok_or(ResultCode::SYSTEM_FAILURE)?;
        let mut header = asking.header.clone();
        header.session_id = None;
        let service_id = header.client.as_ref().and_then(|c| c.service_id.clone());
        let login = Header::login(asking.client.id(), None).client;
        header.client = login.map(|c| ClientElement { service_id, ..c });
        for subclient in &mut header.subclients {
            subclient.password = None;
        }
        let document = Document::with_header(asking.version, header, body.clone());
        Ok(Self {
            req_id: id.as_str().to_owned(),
            kind,
            client: asking.client.id().to_owned(),
            version: asking.version,
            address,
            document: write(&document, asking.version),
        })
    }

    fn key(&self) -> Vec<u8> {
        self.req_id.as_bytes().to_vec()
    }

    fn letter(&self, body: Body, now: Utc) -> Letter {
        letter(&self.client, self.version, &self.address, &self.req_id, body, now)
    }
}

/// A report as the outbox takes it.
pub(super) fn letter(
    client: &str,
    version: Version,
    address: &Address,
    lane: &str,
    body: Body,
    now: Utc,
) -> Letter {
    let kind = body.service().name().to_owned();
    // A header must name a client; where the server has no name there, none is needed.
    let header =
        address.id.as_ref().map(|id| Header::login(id.clone(), address.password.as_deref().map(Into::into)));
    let document = Document { version, header, body };
    Letter {
        lane: lane.to_owned(),
        client: client.to_owned(),
        verdict: kind == "slrep" && version >= Version::V3_3,
        kind,
        url: address.url.clone(),
        document: document.into_xml(),
        created: now,
    }
}

impl Desk {
    /// Takes a request on, to be answered by reports.
    pub(super) async fn later(&self, job: Job, task: Task) -> Result<(), Verdict> {
        self.keep(&job).await?;
        if let Some(desk) = self.handle() {
            self.services.spawn(async move { desk.work(job, task).await });
        }
        Ok(())
    }

    pub(super) async fn later_historic(&self, job: Job, asking: Asking, body: Body) -> Result<(), Verdict> {
        self.keep(&job).await?;
        if let Some(desk) = self.handle() {
            self.services.spawn(async move { desk.work_historic(job, asking, body).await });
        }
        Ok(())
    }

    async fn keep(&self, job: &Job) -> Result<(), Verdict> {
        let failed = || Verdict::new(ResultCode::SYSTEM_FAILURE);
        let value = serde_json::to_vec(job).map_err(|_| failed())?;
        let change = Change::Put(Shelf::Requests, job.key(), value);
        self.services.store.change(vec![change]).await.map_err(|_| failed())
    }

    /// Goes on with what was accepted before a restart.
    pub(super) async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        for (key, value) in everything(&*self.services.store, Shelf::Requests).await? {
            let Ok(job) = serde_json::from_slice::<Job>(&value) else {
                tracing::error!("a request in the store is not understood");
                self.services.store.change(vec![Change::Remove(Shelf::Requests, key)]).await?;
                continue;
            };
            let desk = Arc::clone(self);
            self.services.spawn(async move { desk.again(job).await });
        }
        Ok(())
    }

    async fn again(self: Arc<Self>, job: Job) {
        let document = parse(job.document.as_bytes(), None, self.reading()).ok();
        let client = self.services.service.client(&job.client);
        let (Some(Document { header: Some(header), body, .. }), Some(client)) = (document, client) else {
            return self.close(&job, self.failure(&job, &ResultCode::SYSTEM_FAILURE.into(), &[])).await;
        };
        let asking = Asking { client, version: job.version, header };
        let task = match &body {
            Body::Slir(slir) => Task::of_slir(&asking, slir, &self),
            Body::EmeLir(lir) => Task::of_eme_lir(&asking, lir, &self),
            _ => return self.work_historic(job, asking, body).await,
        };
        match task {
            Ok(task) => self.work(job, task).await,
            Err(verdict) => self.close(&job, self.failure(&job, &verdict, &[])).await,
        }
    }

    /// Locates, reports early positions as they come, and at the end all the last ones.
    async fn work(self: Arc<Self>, job: Job, task: Task) {
        let found = if task.wish.intermediate {
            let (send, mut early) = mpsc::channel::<Early>(EARLY);
            let locating = async {
                let send = send;
                let found = task.locate(&self, Some(&send)).await;
                // No more will come: this ends the reporting, once those on their way are reported.
                drop(send);
                found
            };
            let reporting = async {
                while let Some((place, located)) = early.recv().await {
                    let Some(wanted) = task.wanted.get(place) else { continue };
                    let one = [(wanted, &Ok(located))];
                    self.send(&job, report_of(&job, &one, ResultType::Intermediate, &task, self.now())).await;
                }
            };
            tokio::join!(locating, reporting).0
        } else {
            task.locate(&self, None).await
        };
        let now = self.now();
        let pairs: Vec<_> = task.wanted.iter().zip(&found).collect();
        let per_report = self.config.positions_per_report.max(1) as usize;
        let letters = pairs
            .chunks(per_report)
            .filter_map(|chunk| report_of(&job, chunk, ResultType::Final, &task, now))
            .map(|body| job.letter(body, now))
            .collect();
        self.close(&job, letters).await;
    }

    async fn work_historic(self: Arc<Self>, job: Job, asking: Asking, body: Body) {
        let now = self.now();
        let Body::Hlir(hlir) = &body else {
            return self
                .close(&job, self.failure(&job, &about(ResultCode::SYSTEM_FAILURE, "service"), &[]))
                .await;
        };
        let letters = match self.history(&asking, hlir).await {
            Ok(positions) => {
                let per_report = self.config.positions_per_report.max(1) as usize;
                let report = |chunk: &[Pos]| {
                    let report = Hlirep { req_id: job.req_id.clone(), positions: chunk.to_vec() };
                    job.letter(report.into(), now)
                };
                positions.chunks(per_report).map(report).collect()
            }
            Err(verdict) => self.failure(&job, &verdict, std::slice::from_ref(&hlir.msid)),
        };
        self.close(&job, letters).await;
    }

    /// The report that a request failed as a whole.
    fn failure(&self, job: &Job, verdict: &Verdict, msids: &[crate::le::mlp::model::Msid]) -> Vec<Letter> {
        let now = self.now();
        let failed = |msid: &crate::le::mlp::model::Msid| Pos {
            method: None,
            result: ResultType::Final,
            msid: msid.clone(),
            outcome: Outcome::Error(PosErr { verdict: verdict.clone(), time: now.into() }),
            gsm_net_param: None,
            trans_id: None,
            add_info: None,
            positioning_data: Vec::new(),
        };
        // Where not even the target can be told, it is nobody in particular.
        let nobody =
            crate::le::mlp::model::Msid::new(crate::le::mlp::model::MsidType::Anonymous, "anonymous");
        let positions: Vec<Pos> = match msids {
            [] => vec![failed(&nobody)],
            some => some.iter().map(failed).collect(),
        };
        let req_id = job.req_id.clone();
        let body: Body = match job.kind {
            Kind::Standard => Slirep { req_id, positions }.into(),
            Kind::Emergency => EmeLirep { req_id, report: EmeReport::Failed(verdict.clone()) }.into(),
            Kind::Historic => Hlirep { req_id, positions }.into(),
        };
        vec![job.letter(body, now)]
    }

    async fn send(&self, job: &Job, body: Option<Body>) {
        let Some(body) = body else { return };
        // One that does not come about is followed by others.
        if let Err(error) = self.services.outbox.put(vec![job.letter(body, self.now())], Vec::new()).await {
            tracing::warn!(%error, "an early position is not reported");
        }
    }

    /// Hands the last reports to the outbox and forgets the request, in one step.
    async fn close(&self, job: &Job, letters: Vec<Letter>) {
        let mut pause = Duration::from_secs(1);
        loop {
            let done = Change::Remove(Shelf::Requests, job.key());
            match self.services.outbox.put(letters.clone(), vec![done]).await {
                Ok(()) => return,
                Err(error @ (OutboxError::Full | OutboxError::Store(_))) => {
                    let code = of_queueing(&error).code.0;
                    tracing::error!(%error, code, client = job.client, "a report cannot be queued");
                    tokio::select! {
                        () = self.services.stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_mins(1)),
                    }
                }
            }
        }
    }
}

/// A report of some targets.
fn report_of(
    job: &Job,
    pairs: &[(&super::asking::Wanted, &super::immediate::Found)],
    result: ResultType,
    task: &Task,
    now: Utc,
) -> Option<Body> {
    let req_id = job.req_id.clone();
    match job.kind {
        Kind::Emergency => {
            let positions = pairs.iter().map(|(w, f)| eme_pos(w, f, result, &task.wish, now)).collect();
            Some(EmeLirep { req_id, report: EmeReport::Positions(positions) }.into())
        }
        Kind::Standard | Kind::Historic => {
            let positions: Vec<Pos> =
                pairs.iter().filter_map(|(w, f)| pos(w, f, result, &task.wish, now)).collect();
            (!positions.is_empty()).then(|| Slirep { req_id, positions }.into())
        }
    }
}
