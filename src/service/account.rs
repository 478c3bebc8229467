//! The account of one request: its entry in the audit record, its figures, its line in the log. No request passes it by: one
//! that is dropped before its answer is accounted for then.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::area::Verification;
use super::audit::{Entry, Given};
use super::outcome::{LocateError, Located, SystemFault};
use super::privacy::Decision;
use super::request::LocateRequest;
use super::service::Shared;
use crate::base::{LocationEstimate, SetId};
use crate::slc::ni::Asked;

/// Longest text of a client's that is put into an entry, characters.
const MAX_TEXT: usize = 64;

pub(super) struct Account {
    shared: Arc<Shared>,
    began: Instant,
    entry: Entry,
    /// Answered whether or not it can be recorded.
    emergency: bool,
    closed: bool,
    /// It joined a positioning that others had begun.
    pub(super) joined: bool,
}

impl Account {
    pub(super) fn open(shared: &Arc<Shared>, r: &LocateRequest, what: &'static str) -> Self {
        let audit = &shared.audit;
        let cut = |text: &str| text.chars().take(MAX_TEXT).collect::<String>();
        let entry = Entry {
            at: shared.now().utc.to_string(),
            what,
            client: r.client.id().to_owned(),
            client_type: r.client.client_type().name(),
            flow: r.flow.name(),
            service: r.service.as_ref().map(|s| cut(&s.0)),
            requestor: r.requestor.as_ref().map(|q| audit.pseudonym_of_text(&q.id)),
            subscriber: audit.pseudonym(&r.target),
            kind: r.kind.name(),
            ..Entry::default()
        };
        Self {
            shared: Arc::clone(shared),
            began: Instant::now(),
            entry,
            emergency: r.client.client_type() == super::client::ClientType::Emergency,
            closed: false,
            joined: false,
        }
    }

    /// When the request came.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// Notes who is meant and what was decided.
    pub(super) fn decided(&mut self, canonical: &SetId, decision: &Decision) {
        self.entry.subscriber = self.shared.audit.pseudonym(canonical);
        self.entry.allowed = Some(decision.verdict.is_ok());
        self.entry.why = decision.why.to_string();
        self.entry.asked = match decision.verdict.map(|c| c.asked) {
            Err(_) | Ok(Asked::Nothing) => "",
            Ok(Asked::Notify) => "notify",
            Ok(Asked::VerifyAllowIfNoAnswer) => "verify-allow",
            Ok(Asked::VerifyDenyIfNoAnswer) => "verify-deny",
            Ok(Asked::PrivacyOverride) => "override",
        };
    }

    fn given(&self, estimate: &LocationEstimate, origin: &'static str, quality_met: bool) -> Given {
        Given {
            origin,
            quality_met,
            method: estimate.method.name(),
            uncertainty_m: estimate.shape.horizontal_uncertainty_m(),
            age_s: self.shared.now().utc.since(estimate.time).as_secs_f64(),
            positions: None,
            position: self.shared.audit.holds_positions().then(|| Box::new(estimate.clone())),
        }
    }

    /// Records the answer, and lets it pass if that is possible.
    pub(super) async fn close(
        mut self,
        result: Result<Located, LocateError>,
    ) -> Result<Located, LocateError> {
        let origin = match &result {
            Ok(l) => {
                self.entry.given = Some(self.given(&l.estimate, l.origin.name(), l.qos_met));
                l.origin.name()
            }
            Err(e) => e.name(),
        };
        self.finish(result, origin).await
    }

    pub(super) async fn close_many(
        mut self,
        result: Result<Vec<LocationEstimate>, LocateError>,
    ) -> Result<Vec<LocationEstimate>, LocateError> {
        let outcome = match &result {
            Ok(list) => {
                self.entry.given = Some(Given {
                    positions: Some(list.len()),
                    ..list.first().map(|e| self.given(e, "stored", true)).unwrap_or_default()
                });
                "stored"
            }
            Err(e) => e.name(),
        };
        self.finish(result, outcome).await
    }

    /// Records that it was told whether a target is in an area, and lets that pass if that is possible.
    pub(super) async fn close_verified(
        mut self,
        result: Result<(Located, Verification), LocateError>,
    ) -> Result<Verification, LocateError> {
        let origin = match &result {
            Ok((l, _)) => {
                self.entry.given = Some(self.given(&l.estimate, l.origin.name(), l.qos_met));
                l.origin.name()
            }
            Err(e) => e.name(),
        };
        self.finish(result.map(|(_, verification)| verification), origin).await
    }

    pub(super) async fn close_permit(mut self, result: Result<(), LocateError>) -> Result<(), LocateError> {
        self.entry.outcome = "permitted";
        let outcome = result.err().map_or("permitted", LocateError::name);
        self.finish(result, outcome).await
    }

    async fn finish<T>(
        mut self,
        result: Result<T, LocateError>,
        outcome: &'static str,
    ) -> Result<T, LocateError> {
        self.closed = true;
        let took = self.began.elapsed();
        self.entry.took_ms = Some(milliseconds(took));
        self.entry.outcome = match &result {
            Ok(_) if self.entry.outcome.is_empty() => "given",
            Ok(_) => self.entry.outcome,
            Err(e) => e.name(),
        };
        let written = self.shared.audit.write(&self.entry).await;
        let result = match (result, written) {
            // A refusal gives nothing away.
            (Ok(_), Err(_)) if !self.emergency => Err(LocateError::System(SystemFault::Audit)),
            (Ok(value), Err(_)) => {
                self.shared.metrics.audit_unrecorded.inc();
                Ok(value)
            }
            (result, _) => result,
        };
        let outcome = match &result {
            Err(LocateError::System(SystemFault::Audit)) => "system-audit",
            _ => outcome,
        };
        self.count(outcome, took);
        result
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        let e = &self.entry;
        let labels = [("flow", e.flow), ("client_type", e.client_type), ("outcome", outcome)];
        let m = &self.shared.metrics;
        m.locations.get_or_create(&labels).inc();
        m.location_duration.get_or_create(&[("flow", e.flow)]).observe(took.as_secs_f64());
        tracing::info!(
            what = e.what,
            client = e.client,
            client_type = e.client_type,
            flow = e.flow,
            kind = e.kind,
            outcome,
            why = e.why,
            asked = e.asked,
            joined = self.joined,
            quality_met = e.given.as_ref().map(|g| g.quality_met),
            method = e.given.as_ref().map(|g| g.method),
            uncertainty_m = e.given.as_ref().and_then(|g| g.uncertainty_m),
            age_s = e.given.as_ref().map(|g| g.age_s),
            duration_ms = milliseconds(took),
            "location"
        );
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.closed {
            let took = self.began.elapsed();
            self.entry.took_ms = Some(milliseconds(took));
            self.entry.outcome = "gone";
            // Nothing was given; a record that cannot be written says so itself.
            let _ = self.shared.audit.note(&self.entry);
            self.count("gone", took);
        }
    }
}

fn milliseconds(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e3
}
