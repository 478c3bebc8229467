//! Settings of the location service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[service]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds in which an answer is due when a request does not say, 1..=600. Default 30.
    pub response_s: u32,
    /// Longest response time that a request may ask for, seconds, 1..=3600; more is taken for this. Default 300.
    pub max_response_s: u32,
    /// Timer ST1: seconds that a handset gets to answer SUPL INIT, 1..=600. Default 20.
    pub st1_s: u32,
    /// Age up to which a stored position counts as current when a request names none, seconds; 0: none does. Default 5.
    pub fresh_s: u32,
    /// How exact such a position must be when a request names no accuracy, metres. Default 100.
    pub fresh_radius_m: f64,
    /// How long the first position of an emergency is remembered as the initial one, seconds. Default 1800.
    pub initial_s: u32,
    /// Whether an emergency request that gets no new position is answered with the last one known, whatever its age: the
    /// answer tells its time. Default true.
    pub emergency_last_known: bool,
    /// Most requests that wait for a position at once, 8..=1000000; the last sixteenth of them is for emergencies, as
    /// much before it for high priority. Default 20000.
    pub max_pending: u32,
    /// Most sessions towards one handset at once, 1..=16. Default 4.
    pub max_per_target: u32,
    /// Targets whose newest positions are held in memory, 0..=10000000. Default 100000.
    pub recent_targets: u32,
    /// SUPL version in which handsets are invited when their profile does not say: "1.0" or "2.0". Default "2.0".
    pub version: Version,
    /// Updates of positions that a slow listener may lag behind, 16..=1000000. Default 8192.
    pub updates: u32,
    /// Those who watch positions.
    pub watch: super::watch::Config,
}

/// A SUPL version in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// SUPL 1.0.
    #[serde(rename = "1.0")]
    V1,
    /// SUPL 2.0.
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

impl From<Version> for crate::slc::ni::SuplVersion {
    fn from(v: Version) -> Self {
        match v {
            Version::V1 => Self::V1,
            Version::V2 => Self::V2,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            response_s: 30,
            max_response_s: 300,
            st1_s: 20,
            fresh_s: 5,
            fresh_radius_m: 100.0,
            initial_s: 1800,
            emergency_last_known: true,
            max_pending: 20_000,
            max_per_target: 4,
            recent_targets: 100_000,
            version: Version::V2,
            updates: 8192,
            watch: super::watch::Config::default(),
        }
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {value} is not in {range}")]
pub struct OutOfRange {
    key: &'static str,
    value: f64,
    range: &'static str,
}

impl Config {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let n = f64::from;
        for (key, value, low, high, range) in [
            ("response_s", n(self.response_s), 1.0, 600.0, "1..=600"),
            ("max_response_s", n(self.max_response_s), 1.0, 3600.0, "1..=3600"),
            ("st1_s", n(self.st1_s), 1.0, 600.0, "1..=600"),
            ("fresh_s", n(self.fresh_s), 0.0, 86_400.0, "0..=86400"),
            ("fresh_radius_m", self.fresh_radius_m, 0.0, 1e7, "0..=10000000"),
            ("initial_s", n(self.initial_s), 0.0, 86_400.0, "0..=86400"),
            ("max_pending", n(self.max_pending), 8.0, 1e6, "8..=1000000"),
            ("max_per_target", n(self.max_per_target), 1.0, 16.0, "1..=16"),
            ("recent_targets", n(self.recent_targets), 0.0, 1e7, "0..=10000000"),
            ("updates", n(self.updates), 16.0, 1e6, "16..=1000000"),
            ("watch.max", n(self.watch.max), 1.0, 1e6, "1..=1000000"),
            ("watch.max_per_client", n(self.watch.max_per_client), 1.0, 1e6, "1..=1000000"),
            ("watch.max_targets", n(self.watch.max_targets), 1.0, 1e5, "1..=100000"),
            ("watch.queue", n(self.watch.queue), 1.0, 65_536.0, "1..=65536"),
            ("watch.journal", n(self.watch.journal), 16.0, 1e7, "16..=10000000"),
        ] {
            if !(low..=high).contains(&value) {
                return Err(OutOfRange { key, value, range });
            }
        }
        Ok(())
    }

    /// The time that a request has for its answer.
    pub(super) fn response(&self, asked: Option<Duration>) -> Duration {
        let usual = Duration::from_secs(self.response_s.into());
        asked.unwrap_or(usual).min(Duration::from_secs(self.max_response_s.into()))
    }

    pub(super) fn st1(&self) -> Duration {
        Duration::from_secs(self.st1_s.into())
    }

    pub(super) fn fresh(&self) -> Duration {
        Duration::from_secs(self.fresh_s.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        assert_eq!(Config::default().check(), Ok(()));
        let e = Config { st1_s: 0, ..Config::default() }.check().unwrap_err();
        assert_eq!(e.to_string(), "st1_s: 0 is not in 1..=600");
        assert!(Config { fresh_radius_m: f64::NAN, ..Config::default() }.check().is_err());
    }
}
