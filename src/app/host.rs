//! Takes what comes out of sessions: positions to the store, records to metrics and log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::net::tls::{HandshakeFailure, TlsVersion};
use crate::net::{Connection, Kind, Server};
use crate::observe::{Figure, Metrics, SessionRecord};
use crate::service::{Positions, Service};
use crate::slc::ni::OrderEvent;
use crate::slc::{self, PositionReport};

/// Positions that may wait for the store.
const QUEUE: usize = 8192;
/// Positions handed to the store together.
const BATCH: usize = 512;

/// Implements [`crate::net::Host`].
pub(super) struct Host {
    metrics: Arc<Metrics>,
    service: Service,
    positions: mpsc::Sender<PositionReport>,
    outcomes: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Host {
    /// The host, and the task that writes positions; it ends when the host is gone and everything is written.
    pub(super) fn new(
        metrics: &Arc<Metrics>,
        service: Service,
        outcomes: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    ) -> (Self, JoinHandle<()>) {
        let (send, receive) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write(receive, service.positions().clone(), Arc::clone(metrics)));
        (Self { metrics: Arc::clone(metrics), service, positions: send, outcomes }, writer)
    }
}

impl crate::net::Host for Host {
    fn position(&self, connection: &Connection, report: PositionReport) {
        // Where the SET came from is where a SUPL INIT by UDP may reach it for some time.
        self.service.heard_at(&report.target, connection.peer.ip());
        self.service.report(&report);
        if self.positions.try_send(report).is_err() {
            self.metrics.positions_unstored.inc();
        }
    }

    fn ordered(&self, slp_session: [u8; 4], event: OrderEvent) {
        self.service.ordered(slp_session, event);
    }

    fn ended(&self, connection: &Connection, record: slc::SessionRecord) {
        let outcome = record.outcome.name();
        *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_insert(0) += 1;
        self.metrics.session_ended(&account(connection, &record));
    }

    fn handshake(&self, version: TlsVersion, took: Duration) {
        let version = match version {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        };
        self.metrics.tls_handshake_done(version, took);
    }

    fn handshake_failed(&self, reason: HandshakeFailure) {
        self.metrics.tls_failures.get_or_create(&[("reason", reason.name())]).inc();
    }
}

/// A session's record with what the connection knows, in the operator's terms.
fn account(connection: &Connection, r: &slc::SessionRecord) -> SessionRecord {
    let handshake = Some(connection.handshake).filter(|h| !h.is_zero());
    let stages = [
        ("handshake", handshake),
        ("start", r.stages.start),
        ("pos-init", r.stages.pos_init),
        ("assisted", r.stages.assisted),
        ("position", r.stages.position),
    ];
    SessionRecord {
        connection: connection.id,
        session: r.slp_session,
        flow: r.flow.name(),
        transport: connection.transport.name(),
        version: r.ulp_version.map(|[a, b, c]| (a, b, c)),
        identity: r.set_id,
        protocol: r.protocol.unwrap_or("none"),
        method: r.pos_method.unwrap_or("none"),
        position: r.position.map(crate::base::PositionMethod::name),
        satellites: r.satellites.values().sum(),
        reference: r.reference.map_or("none", crate::base::cell::ReferenceSource::name),
        outcome: r.outcome.name(),
        status: r.outcome.status(),
        accuracy_asked_m: r.qop.and_then(|q| q.horizontal_m),
        accuracy_got_m: r.uncertainty_m,
        quality_met: r.qop_met.filter(|_| r.qop.is_some()),
        duration: r.stages.end,
        stages: stages.into_iter().filter_map(|(name, d)| Some((name, d?))).collect(),
        bytes: r.octets,
        messages: r.pdus,
    }
}

/// Writes positions as they come, those that wait together at once, so that they share the store's flush.
async fn write(mut queue: mpsc::Receiver<PositionReport>, positions: Positions, metrics: Arc<Metrics>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut writes = JoinSet::new();
        for report in batch.drain(..) {
            let positions = positions.clone();
            writes.spawn(async move { positions.record(&report.target, report.estimate).await });
        }
        let mut failures = 0;
        let mut last = None;
        while let Some(done) = writes.join_next().await {
            if let Ok(Err(error)) = done {
                failures += 1;
                last = Some(error);
            }
        }
        if let Some(error) = last {
            metrics.positions_unstored.inc_by(failures);
            tracing::error!(%error, failures, "positions are not stored");
        }
    }
}

/// Shows the doors' own counters among the metrics.
pub(super) fn show_counters(metrics: &Metrics, server: &Arc<Server>) {
    let counters = Arc::clone(server.counters());
    let sessions = Arc::downgrade(server);
    metrics.show_also(move |show| {
        let open = sessions.upgrade().map_or(0, |s| s.sessions() as u64);
        let help = "SUPL sessions running now";
        show(Figure { name: "supl_sessions_open", help, counter: false, value: open });
        counters.visit(|f| {
            show(Figure { name: f.name, help: f.help, counter: f.kind == Kind::Counter, value: f.value });
        });
    });
}

#[cfg(test)]
mod tests {
    use crate::observe::metrics::CATALOGUE;

    #[test]
    fn the_operators_guide_names_every_metric() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/README.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        let mut missing: Vec<String> =
            CATALOGUE.iter().map(|(name, help)| format!("| `{name}` | {help} |")).collect();
        crate::net::Counters::default()
            .visit(|f| missing.push(format!("| `{}` | {} |", f.name, f.help.trim_end_matches('.'))));
        missing.retain(|row| !guide.contains(row));
        assert!(missing.is_empty(), "deploy/README.md lacks these rows:\n{}", missing.join("\n"));
    }
}
