//! When an archive is asked, and for what: a machine without clock or socket.

use std::time::{Duration, Instant};

use super::config::HttpConfig;
use crate::base::{Now, Utc};

/// First pause after a failure; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(30);
/// Longest pause after a failure, unless the archive itself asks for a longer one.
const LONGEST_BACKOFF: Duration = Duration::from_hours(1);
/// Longest pause granted to an archive that asks for one.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// What an archive said of the version it sent (RFC 9110 §8.8), to be sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// One question to an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Where; without name and password.
    pub(super) url: String,
    /// `Basic` credentials.
    pub(super) credentials: Option<String>,
    /// What is known of it already.
    pub(super) known: Validators,
}

/// How a round of questions ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Data came and were good; from this address, of this version.
    Taken {
        /// The address that gave them.
        url: String,
        /// Its version.
        version: Validators,
    },
    /// Nothing new.
    Unchanged,
    /// It failed; the archive may have said when to come back.
    Failed {
        /// Seconds of its `Retry-After`.
        retry_after: Option<Duration>,
    },
}

/// The schedule of one archive.
#[derive(Debug)]
pub(super) struct Schedule {
    config: HttpConfig,
    due: Instant,
    failures: u32,
    known: Option<(String, Validators)>,
    random: u64,
}

impl Schedule {
    /// A schedule whose first question is due at once. The seed tells servers apart that start together.
    pub(super) fn new(config: HttpConfig, now: Instant, seed: u64) -> Self {
        Self { config, due: now, failures: 0, known: None, random: seed | 1 }
    }

    /// When the next round is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Failures in a row.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// What to ask: the address of now, then, should that not exist yet, the one of the period before.
    pub(super) fn questions(&self, utc: Utc) -> Vec<Question> {
        let ns = |s: i64| s.saturating_mul(1_000_000_000);
        let lag = i64::try_from(self.config.lag_s).unwrap_or(0);
        let back = |s: i64| Utc::from_unix_ns(utc.unix_ns().saturating_sub(ns(s)));
        let mut urls = vec![self.config.url.at(back(lag))];
        if let Some(period) = self.config.url.period() {
            urls.push(self.config.url.at(back(lag + period.seconds())));
        }
        urls.dedup();
        let credentials = self.config.url.basic_credentials();
        urls.into_iter()
            .map(|url| {
                let known = self.known.as_ref().filter(|(u, _)| *u == url).map(|(_, v)| v.clone());
                Question { url, credentials: credentials.clone(), known: known.unwrap_or_default() }
            })
            .collect()
    }

    /// Takes the end of a round in; returns how long until the next.
    pub(super) fn ended(&mut self, now: Now, outcome: Outcome) -> Duration {
        let every = Duration::from_secs(self.config.every_s);
        let pause = match outcome {
            Outcome::Taken { url, version } => {
                self.failures = 0;
                self.known = Some((url, version));
                every
            }
            Outcome::Unchanged => {
                self.failures = 0;
                every
            }
            Outcome::Failed { retry_after } => {
                self.failures = self.failures.saturating_add(1);
                let doublings = self.failures.saturating_sub(1).min(16);
                let backoff = FIRST_BACKOFF
                    .saturating_mul(1 << doublings)
                    .min(LONGEST_BACKOFF.min(every.max(FIRST_BACKOFF)));
                backoff.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER))
            }
        };
        let pause = pause + pause.mul_f64(self.tenth());
        self.due = now.mono + pause;
        pause
    }

    /// A number in 0..0.1 (xorshift, enough to spread servers out).
    fn tenth(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64 / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(url: &str) -> (Schedule, Now) {
        let config: HttpConfig = serde_json::from_value(serde_json::json!({ "url": url })).unwrap();
        let now = Now { mono: Instant::now(), utc: "2024-03-01T00:20:00Z".parse().unwrap() };
        (Schedule::new(config, now.mono, 7), now)
    }

    fn within(pause: Duration, seconds: u64) -> bool {
        (Duration::from_secs(seconds)..=Duration::from_secs(seconds + seconds / 10 + 1)).contains(&pause)
    }

    #[test]
    fn backs_off_and_recovers() {
        let (mut s, now) = schedule("https://h/x");
        assert_eq!(s.due(), now.mono);
        let fail = || Outcome::Failed { retry_after: None };
        let pauses: Vec<Duration> = (0..12).map(|_| s.ended(now, fail())).collect();
        for (pause, seconds) in pauses.iter().zip([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]) {
            assert!(within(*pause, seconds), "{pause:?} {seconds}");
        }
        assert_eq!(s.failures(), 12);
        let asked = Outcome::Failed { retry_after: Some(Duration::from_hours(2)) };
        assert!(within(s.ended(now, asked), 7200));
        let forever = Outcome::Failed { retry_after: Some(Duration::MAX) };
        assert!(within(s.ended(now, forever), 86_400));
        assert!(within(s.ended(now, Outcome::Unchanged), 3600));
        assert_eq!(s.failures(), 0);
        assert!(within(s.ended(now, fail()), 30));
        assert!(s.due() > now.mono);
    }

    #[test]
    fn versions_go_with_their_address() {
        let (mut s, now) = schedule("https://u:p@h/{yyyy}{doy}");
        let asked = s.questions(now.utc);
        assert_eq!(
            asked.iter().map(|q| q.url.as_str()).collect::<Vec<_>>(),
            ["https://h/2024061", "https://h/2024060"]
        );
        assert!(asked.iter().all(|q| q.credentials.is_some() && q.known == Validators::default()));
        let version = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        s.ended(now, Outcome::Taken { url: asked[1].url.clone(), version: version.clone() });
        let asked = s.questions(now.utc);
        assert_eq!(asked[0].known, Validators::default());
        assert_eq!(asked[1].known, version);
        let next_day = Utc::from_unix_s(now.utc.unix_s() + 86_400);
        assert!(s.questions(next_day).iter().all(|q| q.known == Validators::default()));
    }
}
