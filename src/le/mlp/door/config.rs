//! Settings of the door.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::le::mlp::{Version, outbox};

/// The `[mlp]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses and ports for plain HTTP; port 0 takes a free one. Default `127.0.0.1:9210`: passwords and positions are
    /// not hidden there, so this machine only.
    pub listen: Vec<SocketAddr>,
    /// Addresses and ports for HTTPS. Default `[::]:9211`.
    pub listen_tls: Vec<SocketAddr>,
    /// Paths at which documents are taken, with or without a slash at the end. Default `/LocationQueryService` and `/le`.
    pub paths: Vec<String>,
    /// Version of documents that name none. Default "3.5".
    pub default_version: Version,
    /// Version in which clients are told of positions that nobody asked for (`slrep`, `emerep`). Default "3.4".
    pub report_version: Version,
    /// Largest document, octets, 1024..=16777216. Default 262144.
    pub max_body: u64,
    /// Connections at once, 1..=100000; more wait. Default 1000.
    pub connections: u32,
    /// Requests under way at once, 1..=1000000; more are answered with result 101. Default 5000.
    pub requests: u32,
    /// Seconds after which a connection on which nothing happens is closed, 1..=3600. Default 60.
    pub idle_s: u32,
    /// Seconds in which a document must arrive, 1..=600. Default 20.
    pub body_s: u32,
    /// Most targets of one request, 1..=10000; more are answered with result 104. Default 100.
    pub max_targets: u32,
    /// Targets of one request that are located at once, 1..=1000. Default 20.
    pub targets_at_once: u32,
    /// Most positions of an answer to a historic request, 1..=10000. Default 500.
    pub max_history: u32,
    /// Positions in one document of a report, 1..=1000; more go in several. Default 50.
    pub positions_per_report: u32,
    /// Response time for `LOW_DELAY`, seconds, 1..=600. Default 8.
    pub low_delay_s: u32,
    /// Lifetime of a `sessionid`, seconds; 0: none is given out. Default 600.
    pub session_s: u32,
    /// How reports are pushed to clients.
    pub reports: outbox::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 9210))],
            listen_tls: vec![SocketAddr::from(([0_u16; 8], 9211))],
            paths: vec!["/LocationQueryService".to_owned(), "/le".to_owned()],
            default_version: Version::LATEST,
            report_version: Version::V3_4,
            max_body: 262_144,
            connections: 1000,
            requests: 5000,
            idle_s: 60,
            body_s: 20,
            max_targets: 100,
            targets_at_once: 20,
            max_history: 500,
            positions_per_report: 50,
            low_delay_s: 8,
            session_s: 600,
            reports: outbox::Config::default(),
        }
    }
}

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// Out of its range.
    #[error("{key}: {value} is not in {range}")]
    Range {
        /// Which.
        key: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed.
        range: &'static str,
    },
    /// No path, or one that does not begin with a slash.
    #[error("paths: at least one is needed, and each begins with `/`")]
    Paths,
}

impl Config {
    /// Checks the values.
    pub fn check(&self) -> Result<(), BadConfig> {
        let r = &self.reports;
        for (key, value, low, high, range) in [
            ("max_body", self.max_body, 1024, 16_777_216, "1024..=16777216"),
            ("connections", self.connections.into(), 1, 100_000, "1..=100000"),
            ("requests", self.requests.into(), 1, 1_000_000, "1..=1000000"),
            ("idle_s", self.idle_s.into(), 1, 3600, "1..=3600"),
            ("body_s", self.body_s.into(), 1, 600, "1..=600"),
            ("max_targets", self.max_targets.into(), 1, 10_000, "1..=10000"),
            ("targets_at_once", self.targets_at_once.into(), 1, 1000, "1..=1000"),
            ("max_history", self.max_history.into(), 1, 10_000, "1..=10000"),
            ("positions_per_report", self.positions_per_report.into(), 1, 1000, "1..=1000"),
            ("low_delay_s", self.low_delay_s.into(), 1, 600, "1..=600"),
            ("session_s", self.session_s.into(), 0, 86_400, "0..=86400"),
            ("reports.max", r.max.into(), 1, 10_000_000, "1..=10000000"),
            ("reports.concurrent", r.concurrent.into(), 1, 10_000, "1..=10000"),
            ("reports.timeout_s", r.timeout_s.into(), 1, 600, "1..=600"),
            ("reports.retry_s", r.retry_s.into(), 1, 3600, "1..=3600"),
            ("reports.max_retry_s", r.max_retry_s.into(), 1, 86_400, "1..=86400"),
            ("reports.give_up_s", r.give_up_s.into(), 1, 31_536_000, "1..=31536000"),
            ("reports.dead", r.dead.into(), 0, 1_000_000, "0..=1000000"),
        ] {
            if !(low..=high).contains(&value) {
                return Err(BadConfig::Range { key, value, range });
            }
        }
        if self.paths.is_empty() || self.paths.iter().any(|p| !p.starts_with('/')) {
            return Err(BadConfig::Paths);
        }
        Ok(())
    }
}
