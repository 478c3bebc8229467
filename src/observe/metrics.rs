//! The catalogue of metrics: every name, unit and meaning, in this one file.
//!
//! Names get the prefix `groma_`; counters end in `_total`, units are in the name. Labels hold only words from closed
//! lists (a method, a reason) or names from the configuration (a feed), never anything a peer sent.
//!
//! The doors towards handsets count on their hot path in plain atomics of their own (`net::Counters`); these are shown here
//! beside the rest ([`Metrics::show_also`]).

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::figures::{Figure, Figures};
use super::process::Process;
use super::record::SessionRecord;

/// Labels: names with words from closed lists.
pub type Words<const N: usize> = [(&'static str, &'static str); N];
/// Labels: names with names from the configuration.
pub type Named = [(&'static str, String); 1];
/// Labels: names with a name from the configuration and a word from a closed list.
pub type NamedWord = [(&'static str, String); 2];
/// A real-valued gauge.
pub type Real = Gauge<f64, AtomicU64>;
/// A histogram for each combination of labels.
type Histograms<const N: usize> = Family<Words<N>, Histogram, fn() -> Histogram>;

/// Buckets for waiting times: 1 ms to two minutes.
fn seconds() -> Histogram {
    Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0])
}

/// Buckets for uncertainties: a metre to a country.
fn metres() -> Histogram {
    Histogram::new([1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5])
}

/// Declares the metrics' struct and their registration in one place, so that no metric can lack a name or a help text.
macro_rules! catalogue {
    ($($field:ident: $kind:ty = $make:expr, $name:literal, $unit:expr, $help:literal;)*) => {
        /// Every metric of the server. Shared by reference; counting takes no lock that another session waits for.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            figures: Figures,
            $(#[doc = $help] pub $field: $kind,)*
        }

        /// Name (without the prefix `groma_`, and without the suffixes that unit and kind add) and meaning of every metric.
        pub const CATALOGUE: &[(&str, &str)] = &[$(($name, $help),)*];

        impl Metrics {
            /// All metrics at zero.
            #[allow(clippy::too_many_lines)]
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix("groma");
                $(
                    let $field: $kind = $make;
                    let unit: Option<Unit> = $unit;
                    match unit {
                        Some(u) => registry.register_with_unit($name, $help, u, $field.clone()),
                        None => registry.register($name, $help, $field.clone()),
                    }
                )*
                registry.register_collector(Box::new(Process));
                let figures = Figures::default();
                registry.register_collector(Box::new(figures.clone()));
                Self { registry, figures, $($field,)* }
            }
        }
    };
}

catalogue! {
    build: Family<Words<1>, Gauge> = Family::default(), "build_info", None,
        "Always 1; the label `version` says which build runs";
    start_time: Real = Real::default(), "start_time", Some(Unit::Seconds),
        "When the server started, Unix time of the machine's clock or of the shifted clock";
    ready: Gauge = Gauge::default(), "ready", None,
        "1 while /readyz says so";
    clock_shifted: Gauge = Gauge::default(), "clock_shifted", None,
        "1 when the server's clock was set to another date with --clock";
    sky_simulated: Gauge = Gauge::default(), "sky_simulated", None,
        "1 when the sky is simulated: positions computed with it are meaningless outside a simulation";

    tls_failures: Family<Words<1>, Counter> = Family::default(), "tls_failures", None,
        "TLS handshakes that failed, by `reason` (version, cipher, certificate, closed, timeout, other)";
    tls_handshake: Histograms<1> = Family::new_with_constructor(seconds), "tls_handshake", Some(Unit::Seconds),
        "Duration of successful TLS handshakes, by `version`";

    sessions: Family<Words<4>, Counter> = Family::default(), "sessions", None,
        "SUPL sessions ended, by `flow`, ULP `version` (major), positioning `protocol` and `outcome`";
    session_status: Family<Words<1>, Counter> = Family::default(), "session_status", None,
        "SUPL END status codes sent or received, by `status` (ASN.1 name)";
    session_duration: Histograms<1> = Family::new_with_constructor(seconds), "session_duration", Some(Unit::Seconds),
        "Duration of SUPL sessions, by `protocol`";
    session_stage: Histograms<1> = Family::new_with_constructor(seconds), "session_stage", Some(Unit::Seconds),
        "Time from the beginning of a SUPL session to its `stage` (handshake, start, pos-init, assisted, position)";
    quality_asked: Family<Words<1>, Counter> = Family::default(), "quality_asked", None,
        "Positions for which a quality was asked, by whether it was `met` (yes, no)";

    positions: Family<Words<1>, Counter> = Family::default(), "positions", None,
        "Positions that came out of sessions, by `method`";
    position_uncertainty: Histograms<1> = Family::new_with_constructor(metres), "position_uncertainty", Some(Unit::Other("metres".to_owned())),
        "Horizontal uncertainty of positions, by `method`";
    reference_locations: Family<Words<1>, Counter> = Family::default(), "reference_locations", None,
        "Reference locations used in sessions, by `source` (set-position, combined, cell, area, network, none)";

    ephemerides: Family<Words<2>, Gauge> = Family::default(), "sky_ephemerides", None,
        "Satellites with an ephemeris that is valid now, by `gnss` and `health` (healthy, unhealthy)";
    sky_age: Family<Words<1>, Real> = Family::default(), "sky_age", Some(Unit::Seconds),
        "Time since the reference time of the newest ephemeris, by `gnss`; negative when it lies ahead";
    sky_left: Family<Words<1>, Real> = Family::default(), "sky_left", Some(Unit::Seconds),
        "Time until fewer than four satellites have a valid ephemeris if nothing new arrives, by `gnss`";
    withheld: Family<Words<2>, Gauge> = Family::default(), "sky_withheld", None,
        "Satellites that are not offered although their data are fresh, by `gnss` and `reason` (excluded, flagged, disputed)";
    stations: Gauge = Gauge::default(), "feed_stations", None,
        "Reference stations whose observations arrive and whose place is known";
    feed_healthy: Family<Named, Gauge> = Family::default(), "feed_healthy", None,
        "1 while the last attempt to read a source went well and what it brings is of now, by `source`";
    feed_age: Family<Named, Real> = Family::default(), "feed_age", Some(Unit::Seconds),
        "Time since a source was last read successfully; of a stream, since its last message, by `source`";
    feed_reconnects: Family<Named, Counter> = Family::default(), "feed_reconnects", None,
        "Connections of a stream that ended or did not come about, by `source`";
    feed_refused: Family<Named, Counter> = Family::default(), "feed_refused", None,
        "Ephemerides that contradict others and were not believed, by `source`";
    feed_stale: Family<Named, Counter> = Family::default(), "feed_stale", None,
        "Messages of a stream that were of another time and were dropped, by `source`";
    feed_records: Family<Named, Counter> = Family::default(), "feed_records", None,
        "Ephemerides taken in, by `source`";
    feed_rejected: Family<Named, Counter> = Family::default(), "feed_records_rejected", None,
        "Records that could not be read or are not plausible, by `source`";
    feed_failures: Family<Named, Counter> = Family::default(), "feed_failures", None,
        "Attempts to read a source that failed, by `source`";
    feed_last_success: Family<Named, Real> = Family::default(), "feed_last_success_time", Some(Unit::Seconds),
        "When a source was last read successfully, Unix time, by `source`";

    push_deliveries: Family<NamedWord, Counter> = Family::default(), "push_deliveries", None,
        "SUPL INITs to be delivered, by the `bearer` that brought them and `outcome` (confirmed, accepted, dropped when the SET came first, no-address, unreachable, refused, failed, congested, timed-out, stopping)";
    push_attempts: Family<NamedWord, Counter> = Family::default(), "push_attempts", None,
        "Attempts of bearers, by `bearer` and `result` (confirmed, accepted, sent, or why not)";
    push_attempt: Family<Named, Histogram, fn() -> Histogram> = Family::new_with_constructor(seconds), "push_attempt", Some(Unit::Seconds),
        "Duration of attempts of bearers, by `bearer`";
    push_pending: Gauge = Gauge::default(), "push_pending", None,
        "SUPL INITs under way";
    smpp_bound: Family<Named, Gauge> = Family::default(), "smpp_bound", None,
        "1 while there is a bind at an SMSC, by `smsc`";
    smpp_throttled: Family<Named, Counter> = Family::default(), "smpp_throttled", None,
        "Messages for which an SMSC had no room at that moment, by `smsc`";
    smpp_receipts: Family<NamedWord, Counter> = Family::default(), "smpp_receipts", None,
        "Delivery receipts, by `smsc` and `state` (delivered, expired, deleted, undeliverable, rejected, open)";

    locations: Family<Words<3>, Counter> = Family::default(), "locations", None,
        "Requests to the location service, by `flow`, `client_type` and `outcome` (stored, fresh, permitted, gone, or why there was no position)";
    location_duration: Histograms<1> = Family::new_with_constructor(seconds), "location_duration", Some(Unit::Seconds),
        "Time until a request to the location service was answered, by `flow`";
    locations_joined: Counter = Counter::default(), "locations_joined", None,
        "Requests that joined a positioning of the same target that was under way";
    orders: Family<Words<1>, Counter> = Family::default(), "orders", None,
        "Network-initiated positionings, by `end` (completed, consent-granted, consent-denied, refused, failed, left, superseded, cancelled, shutdown, no-answer, push, invite, random, overdue, abandoned, stopping)";
    locations_pending: Gauge = Gauge::default(), "locations_pending", None,
        "Requests that wait for a position";
    orders_pending: Family<Words<1>, Gauge> = Family::default(), "orders_pending", None,
        "Network-initiated positionings under way, by `state` (waiting for the handset, running)";
    client_logins: Family<Words<1>, Counter> = Family::default(), "client_logins", None,
        "Credentials of clients that were checked, by `outcome` (ok, refused, busy)";
    audit_entries: Counter = Counter::default(), "audit_entries", None,
        "Entries written to the audit record";
    audit_failures: Counter = Counter::default(), "audit_failures", None,
        "Entries that could not be written to the audit record or forced to the disk";
    audit_unrecorded: Counter = Counter::default(), "audit_unrecorded", None,
        "Emergency requests that were answered although they could not be recorded";

    positions_unstored: Counter = Counter::default(), "positions_unstored", None,
        "Positions that could not be stored: the store failed or could not keep up";
    cells: Gauge = Gauge::default(), "cells", None,
        "Transmitters in the cell table";
    store_bytes: Gauge = Gauge::default(), "store", Some(Unit::Bytes),
        "Size of the store on disk";
    reloads: Family<Words<1>, Counter> = Family::default(), "reloads", None,
        "Reloads of configuration, certificates and cells, by `outcome` (ok, failed)";
    mlp_requests: Family<Words<3>, Counter> = Family::default(), "mlp_requests", None,
        "MLP requests, by `service`, `version` and `result` (the slogan of the whole answer; `OK` with failures of single targets)";
    mlp_request_duration: Histograms<1> = Family::new_with_constructor(seconds), "mlp_request_duration", Some(Unit::Seconds),
        "Duration of MLP requests, by `service`";
    mlp_turned_away: Family<Words<1>, Counter> = Family::default(), "mlp_turned_away", None,
        "HTTP requests to the MLP door that were not read, by `reason` (path, method, size, time, encoding, broken)";
    mlp_connections: Gauge = Gauge::default(), "mlp_connections", None,
        "Connections of MLP clients open now";
    mlp_reports_waiting: Gauge = Gauge::default(), "mlp_reports_waiting", None,
        "MLP reports that their clients have not taken yet";
    mlp_reports_dead: Gauge = Gauge::default(), "mlp_reports_dead", None,
        "MLP reports that were given up and are kept for the operator to see";
    mlp_report_attempts: Family<Words<2>, Counter> = Family::default(), "mlp_report_attempts", None,
        "Attempts to push MLP reports, by `kind` (slirep, eme_lirep, hlirep, slrep, emerep, tlrep, tlrpr, tlqrep) and `outcome` (taken, refused, failed)";
    http_requests: Family<Words<2>, Counter> = Family::default(), "http_requests", None,
        "Requests to the operator's pages, by `path` and `status`";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The metrics in the text format of Prometheus, version 0.0.4 ([`Self::CONTENT_TYPE`]).
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// Media type of [`Self::render`].
    pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

    /// Shows figures that another room keeps. Once.
    pub fn show_also(&self, provider: impl Fn(&mut dyn FnMut(Figure)) + Send + Sync + 'static) {
        self.figures.provide(Box::new(provider));
    }

    /// Counts a session that ended and writes its log line. Every session passes through here exactly once.
    pub fn session_ended(&self, r: &SessionRecord) {
        let labels = [
            ("flow", r.flow),
            ("version", r.version_label()),
            ("protocol", r.protocol),
            ("outcome", r.outcome),
        ];
        self.sessions.get_or_create(&labels).inc();
        if let Some(status) = r.status {
            self.session_status.get_or_create(&[("status", status)]).inc();
        }
        self.session_duration.get_or_create(&[("protocol", r.protocol)]).observe(r.duration.as_secs_f64());
        for (stage, d) in &r.stages {
            self.session_stage.get_or_create(&[("stage", *stage)]).observe(d.as_secs_f64());
        }
        self.reference_locations.get_or_create(&[("source", r.reference)]).inc();
        if let Some(met) = r.quality_met {
            self.quality_asked.get_or_create(&[("met", if met { "yes" } else { "no" })]).inc();
        }
        if let Some(method) = r.position {
            self.positions.get_or_create(&[("method", method)]).inc();
            if let Some(m) = r.accuracy_got_m {
                self.position_uncertainty.get_or_create(&[("method", method)]).observe(m);
            }
        }
        r.log();
    }

    /// Counts a successful TLS handshake.
    pub fn tls_handshake_done(&self, version: &'static str, took: Duration) {
        self.tls_handshake.get_or_create(&[("version", version)]).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_counted_once_and_everywhere() {
        let m = Metrics::new();
        m.session_ended(&SessionRecord {
            flow: "si-immediate",
            version: Some((2, 0, 4)),
            protocol: "lpp",
            position: Some("agnss-ms-based"),
            outcome: "completed",
            accuracy_got_m: Some(7.0),
            quality_met: Some(true),
            duration: Duration::from_millis(1500),
            stages: vec![("assistance", Duration::from_millis(20))],
            bytes: (300, 5000),
            messages: (3, 4),
            ..SessionRecord::default()
        });
        let text = m.render();
        for line in [
            r#"groma_sessions_total{flow="si-immediate",version="2",protocol="lpp",outcome="completed"} 1"#,
            r#"groma_session_duration_seconds_bucket{protocol="lpp",le="3"} 1"#,
            r#"groma_positions_total{method="agnss-ms-based"} 1"#,
            r#"groma_quality_asked_total{met="yes"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let shown = |m: &Metrics| m.render().contains("groma_doors_opened_total 5\n");
        assert!(!shown(&m));
        m.show_also(|show| {
            show(Figure { name: "doors_opened", help: "Doors opened.", counter: true, value: 5 });
        });
        assert!(shown(&m));
    }

    #[test]
    fn names_are_well_formed_and_unique() {
        let mut names: Vec<&str> = CATALOGUE.iter().map(|(n, _)| *n).collect();
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')), "{names:?}");
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        assert!(CATALOGUE.iter().all(|(_, help)| !help.is_empty() && !help.ends_with('.')));
    }
}
