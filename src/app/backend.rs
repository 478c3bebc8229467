//! What the operator's door asks of the running server.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::Shared;
use crate::base::broadcast::Gnss;
use crate::base::{GeoPoint, GpsTime, SetId, Utc};
use crate::gnss::Withheld;
use crate::gnss::table::sky_table;
use crate::le::http::{Backend, FeedStatus, Readiness, Reloaded, SkyCount, Status, Traces};
use crate::observe::trace::Tracer;

/// Fewest satellites of one system with which a handset can find itself.
const ENOUGH: usize = 4;

impl Shared {
    /// What keeps the server from serving handsets as it should, one line each.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.draining.load(Ordering::Relaxed) {
            reasons.push("the server is stopping".to_owned());
        }
        let sky = self.world.sky.load();
        let best = sky.counts(self.gps()).into_values().max().unwrap_or(0);
        if best == 0 {
            reasons.push(
                "no navigation data are fresh: configure a source under [feed], or import files with `groma feed import`"
                    .to_owned(),
            );
        } else if best < ENOUGH {
            reasons.push(format!(
                "no system has {ENOUGH} satellites with fresh navigation data (the best has {best})"
            ));
        }
        reasons
    }

    fn gps(&self) -> GpsTime {
        self.clock.now().gps()
    }

    /// Says in the log what runs, and everything that is not as it would be in earnest.
    pub(super) fn say_hello(&self) {
        for l in &self.listeners {
            tracing::info!(address = l.address, "listening: {}", l.what);
        }
        for c in self.tls.certificates() {
            let expires = c.not_after.map(|t| t.to_string());
            let names = c.names.join(" ");
            tracing::info!(names, key = c.algorithm, expires, sha256 = %c.fingerprint, "certificate");
            if c.development {
                tracing::warn!(
                    "the certificate is a self-signed one for development: real handsets refuse it"
                );
            }
        }
        if self.clock.is_shifted() {
            tracing::warn!(time = %self.started.utc, "SHIFTED CLOCK: the server was told to live at another date");
        }
        if self.world.sky.load().simulated() {
            tracing::warn!("SIMULATED SKY: the satellites are invented, no real receiver finds them");
        }
        tracing::info!(transmitters = self.cells.load(Ordering::Relaxed), "cell table");
        let missing = self.missing();
        if missing.is_empty() {
            tracing::info!("ready");
        }
        for reason in missing {
            tracing::warn!(reason, "not ready");
        }
        let connections = u64::from(self.config.load().connections.max);
        if let Some(files) = crate::net::open_file_limit().filter(|f| *f < connections + 100) {
            tracing::warn!(
                open_files = files,
                connections,
                "the limit of open files leaves no room for that many connections: raise it (ulimit -n, LimitNOFILE)"
            );
        }
    }

    /// Satellites by system, and the metrics that follow them.
    fn sky_counts(&self) -> Vec<SkyCount> {
        let sky = self.world.sky.load();
        let now = self.gps();
        let mut counts = Vec::new();
        let withheld: Vec<_> = sky.withheld(now).collect();
        self.metrics.stations.set(i64::try_from(self.feed.stations().places().len()).unwrap_or(i64::MAX));
        for gnss in Gnss::ALL {
            for reason in Withheld::ALL {
                let n = withheld.iter().filter(|(sat, why)| sat.gnss == gnss && *why == reason).count();
                let labels = [("gnss", gnss.name()), ("reason", reason.name())];
                self.metrics.withheld.get_or_create(&labels).set(i64::try_from(n).unwrap_or(i64::MAX));
            }
            let (mut healthy, mut unhealthy) = (0_usize, 0_usize);
            let mut newest: Option<GpsTime> = None;
            for e in sky.fresh_of(gnss, now) {
                if crate::gnss::is_healthy(&e.ephemeris) {
                    healthy += 1;
                } else {
                    unhealthy += 1;
                }
                newest = newest.max(Some(e.ephemeris.reference_time()));
            }
            let name = gnss.name();
            let family = &self.metrics.ephemerides;
            for (health, n) in [("healthy", healthy), ("unhealthy", unhealthy)] {
                family.get_or_create(&[("gnss", name), ("health", health)]).set(n as i64);
            }
            let newest_age = newest.map(|t| now - t);
            if let Some(age) = newest_age {
                self.metrics.sky_age.get_or_create(&[("gnss", name)]).set(age);
                let left_s = Some((sky.hours_left(gnss, now) * 3600.0) as i64);
                counts.push(SkyCount {
                    gnss: name,
                    healthy,
                    unhealthy,
                    newest_age_s: Some(age as i64),
                    left_s,
                });
            } else {
                self.metrics.sky_age.remove(&[("gnss", name)]);
            }
            if newest.is_some() {
                let left = sky.hours_left(gnss, now) * 3600.0;
                self.metrics.sky_left.get_or_create(&[("gnss", name)]).set(left);
            } else {
                self.metrics.sky_left.remove(&[("gnss", name)]);
            }
        }
        counts
    }

    /// The sources, and the metrics that follow them.
    fn feed_status(&self) -> Vec<FeedStatus> {
        let sources = self.feed.status();
        for s in &sources {
            let labels = [("source", s.name.clone())];
            let m = &self.metrics;
            for (family, total) in [
                (&m.feed_records, s.records),
                (&m.feed_rejected, s.rejected),
                (&m.feed_failures, s.failures),
                (&m.feed_reconnects, s.reconnects),
                (&m.feed_refused, s.refused),
                (&m.feed_stale, s.stale),
            ] {
                let counter = family.get_or_create(&labels);
                counter.inc_by(total.saturating_sub(counter.get()));
            }
            m.feed_healthy.get_or_create(&labels).set(i64::from(s.healthy));
            if let Some(t) = s.last_success {
                m.feed_age.get_or_create(&labels).set(self.clock.now().utc.since(t).as_secs_f64());
                m.feed_last_success.get_or_create(&labels).set(t.unix_ns() as f64 * 1e-9);
            }
        }
        sources
            .into_iter()
            .map(|s| FeedStatus {
                state: match (s.last_error, s.last_success) {
                    (Some(error), _) => error,
                    (None, Some(_)) => "ok".to_owned(),
                    (None, None) => "not asked yet".to_owned(),
                },
                last_success: s.last_success.map(|t| t.to_string()),
                records: s.records,
                refused: s.refused,
                reconnects: s.reconnects,
                source: s.name,
            })
            .collect()
    }
}

impl Backend for Shared {
    fn readiness(&self) -> Readiness {
        Readiness::from_reasons(self.missing())
    }

    fn status(&self) -> Status {
        let now = self.clock.now();
        let m = &self.metrics;
        let simulated = self.world.sky.load().simulated();
        let cells = self.cells.load(Ordering::Relaxed);
        let readiness = self.readiness();
        let started_s = self.started.utc.unix_ns() as f64 * 1e-9;
        m.build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        m.start_time.set(started_s);
        m.ready.set(i64::from(readiness.ready));
        m.clock_shifted.set(i64::from(self.clock.is_shifted()));
        m.sky_simulated.set(i64::from(simulated));
        m.store_bytes
            .set(i64::try_from(size_of_folder(&self.config.load().store().path)).unwrap_or(i64::MAX));
        m.cells.set(i64::try_from(cells).unwrap_or(i64::MAX));
        let load = self.service.load();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        m.locations_pending.set(load.requests.into());
        m.orders_pending.get_or_create(&[("state", "waiting")]).set(count(load.orders_waiting));
        m.orders_pending.get_or_create(&[("state", "running")]).set(count(load.orders_running));
        let ended = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            time: now.utc.to_string(),
            started: self.started.utc.to_string(),
            uptime_s: now.mono.saturating_duration_since(self.started.mono).as_secs(),
            draining: self.draining.load(Ordering::Relaxed),
            readiness,
            clock_shifted: self.clock.is_shifted(),
            sky_simulated: simulated,
            listeners: self.listeners.clone(),
            connections_open: self.server.open() as u64,
            sessions_open: self.server.sessions() as u64,
            sessions_ended: ended.iter().map(|(outcome, n)| ((*outcome).to_owned(), *n)).collect(),
            sky: self.sky_counts(),
            feeds: self.feed_status(),
            cells,
            tracing: self.tracer.is_on(),
        }
    }

    fn sky(&self, at: Option<GeoPoint>) -> Value {
        let table = sky_table(&self.world.sky.load(), self.gps(), at.map(|p| (p, 0.0)));
        let mut value = serde_json::to_value(&table).unwrap_or_else(|e| json!({ "error": e.to_string() }));
        if let Value::Object(members) = &mut value {
            members.insert("text".to_owned(), Value::String(table.to_string()));
        }
        value
    }

    fn reload(&self) -> Result<Reloaded, String> {
        self.read_anew()
    }

    fn forget(&self, target: &SetId) -> Result<usize, String> {
        let forgotten = self.service.forget(target);
        tokio::runtime::Handle::current().block_on(forgotten).map_err(|e| e.to_string())
    }

    fn traces(&self) -> &dyn Traces {
        &*self.tracer
    }

    fn reports(&self) -> Value {
        serde_json::to_value(self.reports.overview()).unwrap_or_default()
    }
}

impl Traces for Tracer {
    fn start(&self) {
        Self::start(self);
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn list(&self) -> Value {
        let text = |t: Utc| t.to_string();
        let one = |s: &crate::observe::trace::TracedSession| {
            let octets: usize = s.pdus.iter().map(|p| p.bytes.len()).sum();
            json!({
                "session": s.number,
                "slp_session": format!("{:08x}", u32::from_be_bytes(s.subject.session)),
                "opened": text(s.subject.opened),
                "peer": s.subject.peer.to_string(),
                "transport": s.subject.transport,
                "messages": s.pdus.len(),
                "octets": octets,
                "dropped": s.dropped,
                "ended": s.ended,
            })
        };
        self.sessions().iter().map(one).collect()
    }

    fn table(&self) -> String {
        let mut text = format!("recording is {}\n", if self.is_on() { "on" } else { "off" });
        for s in self.sessions() {
            text.push_str(&s.summary());
            text.push('\n');
        }
        text
    }

    fn ladder(&self, session: u64) -> Option<String> {
        self.session(session).map(|s| s.ladder(true))
    }

    fn capture(&self, session: Option<u64>) -> Option<Vec<u8>> {
        Self::capture(self, session)
    }
}

/// Bytes of the files in a folder and the folders in it.
fn size_of_folder(path: &std::path::Path) -> u64 {
    let files = |dir: &std::path::Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    files(path)
        .map(|entry| match entry.metadata() {
            Ok(m) if m.is_dir() => {
                files(&entry.path()).filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum()
            }
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}
