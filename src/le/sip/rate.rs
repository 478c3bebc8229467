//! How often a subscriber is notified (RFC 6446). Pure.
//!
//! [`Rates`] are asked for as parameters of `Event` ([`Rates::read`]), agreed on by the server's policy ([`Rates::agreed`]) and told as
//! parameters of `Subscription-State` ([`Rates::parameters`]). A [`Pace`] then says when the next notification may leave, and when
//! it must.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Utc;

/// Notifications that a [`Pace`] remembers for the adaptive rate.
const REMEMBERED: usize = 128;

/// Notifications a second, 0.0000000001 to 99.9999999999.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0}: not a rate above 0 and below 100 a second, with one or two digits and up to ten decimals")]
pub struct NotARate(&'static str);

impl Rate {
    /// A rate; `None` out of its range.
    pub fn new(per_second: f64) -> Option<Self> {
        (1e-10..100.0).contains(&per_second).then_some(Self(per_second))
    }

    /// The rate nearest to one notification in this time.
    pub fn every(interval: Duration) -> Self {
        Self((1.0 / interval.as_secs_f64().max(1e-9)).clamp(1e-10, 99.999_999_999_9))
    }

    /// Notifications a second.
    pub const fn per_second(self) -> f64 {
        self.0
    }

    /// The time between two notifications.
    pub fn interval(self) -> Duration {
        // At most 10^10 s.
        Duration::from_secs_f64(1.0 / self.0)
    }

    /// Reads a value as the grammar has it (RFC 6446 §10.2): one or two digits, and up to ten after a point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').map_or((text, None), |(w, d)| (w, Some(d)));
        let digits =
            |t: &str, most: usize| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
        let legal = digits(whole, 2) && decimals.is_none_or(|d| digits(d, 10));
        text.parse().ok().filter(|_| legal).and_then(Self::new)
    }
}

impl TryFrom<f64> for Rate {
    type Error = &'static str;
    fn try_from(value: f64) -> Result<Self, &'static str> {
        Self::new(value).ok_or("not a rate")
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.10}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The rates of a subscription. What is `None` does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Not more often (`max-rate`).
    pub max: Option<Rate>,
    /// Not more seldom (`min-rate`).
    pub min: Option<Rate>,
    /// Not more seldom on the average (`adaptive-min-rate`).
    pub adaptive: Option<Rate>,
}

/// What the server allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Shortest time between two notifications of a subscription, milliseconds, 11..=86400000. Default 200.
    pub shortest_ms: u32,
    /// Shortest time after which a subscription may ask to be notified without a change, milliseconds, 11..=86400000. Default
    /// 1000.
    pub idle_ms: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { shortest_ms: 200, idle_ms: 1000 }
    }
}

impl Rates {
    /// Reads the parameters of an `Event` header; those of other names are passed over.
    ///
    /// # Errors
    /// [`NotARate`] for a parameter of RFC 6446 that is not in its format or out of its range: the answer is 400.
    pub fn read<'a>(
        parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, NotARate> {
        let mut rates = Self::default();
        for (name, value) in parameters {
            let (name, place) = match name.to_ascii_lowercase().as_str() {
                "max-rate" => ("max-rate", &mut rates.max),
                "min-rate" => ("min-rate", &mut rates.min),
                "adaptive-min-rate" => ("adaptive-min-rate", &mut rates.adaptive),
                _ => continue,
            };
            let rate = value.and_then(Rate::parse).ok_or(NotARate(name))?;
            if place.replace(rate).is_some() {
                return Err(NotARate(name));
            }
        }
        Ok(rates)
    }

    /// The rates that hold, for a subscription that expires in this time (RFC 6446 §4–§6): a `max-rate` so low that nothing would
    /// ever be told is raised to one notification until the end, no rate exceeds the server's, and the lower limits stay below
    /// the upper one.
    #[must_use]
    pub fn agreed(self, policy: &Policy, expires: Duration) -> Self {
        let at_most = |rate: Rate, limit: Rate| if rate > limit { limit } else { rate };
        let fastest = Rate::every(Duration::from_millis(policy.shortest_ms.into()));
        let busiest = Rate::every(Duration::from_millis(policy.idle_ms.into()));
        let slowest = Rate::every(expires.max(Duration::from_secs(1)));
        let max = self.max.map(|max| at_most(if max < slowest { slowest } else { max }, fastest));
        let below =
            |rate: Option<Rate>| rate.map(|r| at_most(r, busiest)).map(|r| max.map_or(r, |m| at_most(r, m)));
        let (min, adaptive) = (below(self.min), below(self.adaptive));
        // One that is above the average says nothing (§6.2).
        let min = min.filter(|min| adaptive.is_none_or(|a| *min <= a));
        Self { max, min, adaptive }
    }

    /// The parameters for `Subscription-State`, each with its semicolon before it; empty without rates.
    pub fn parameters(&self) -> String {
        let mut text = String::new();
        for (name, rate) in
            [("max-rate", self.max), ("min-rate", self.min), ("adaptive-min-rate", self.adaptive)]
        {
            if let Some(rate) = rate {
                // Writing into a string does not fail.
                let _ = write!(text, ";{name}={rate}");
            }
        }
        text
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.max.is_none() && self.min.is_none() && self.adaptive.is_none()
    }
}

/// When notifications of a subscription leave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    rates: Rates,
    /// The server's own shortest time between two, milliseconds.
    shortest_ms: u32,
    /// When the last ones left, the newest last.
    sent: VecDeque<Utc>,
    /// Since when the rates hold.
    since: Option<Utc>,
}

impl Pace {
    /// Notifications at these rates, which were agreed on.
    pub fn new(rates: Rates, policy: &Policy, now: Utc) -> Self {
        Self { rates, shortest_ms: policy.shortest_ms, sent: VecDeque::new(), since: Some(now) }
    }

    /// The rates that hold.
    pub const fn rates(&self) -> Rates {
        self.rates
    }

    /// Other rates hold from now on; what was sent is not forgotten.
    pub fn change(&mut self, rates: Rates, now: Utc) {
        if self.rates != rates {
            self.rates = rates;
            self.since = Some(now);
        }
    }

    /// Takes note that a notification leaves.
    pub fn sent(&mut self, now: Utc) {
        if self.sent.len() >= REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    fn last(&self, now: Utc) -> Option<Utc> {
        // A clock that was put back must not make anybody wait for the old time.
        self.sent.back().map(|t| (*t).min(now))
    }

    /// When a notification about a change may leave: `now`, or later. Answers to SUBSCRIBE, the first after an authorization and
    /// the last of all are not held up (RFC 6446 §4.2).
    pub fn may_leave(&self, now: Utc) -> Utc {
        let shortest = Duration::from_millis(self.shortest_ms.into());
        let wait = self.rates.max.map_or(shortest, |max| max.interval().max(shortest));
        self.last(now).map_or(now, |last| now.max(last + wait))
    }

    /// When a notification must leave though nothing has changed; `None` when none must.
    pub fn must_leave(&self, now: Utc) -> Option<Utc> {
        let from = self.last(now).or(self.since.map(|t| t.min(now)))?;
        let by_min = self.rates.min.map(Rate::interval);
        let by_average = self.rates.adaptive.map(|rate| self.adaptive_timeout(rate, now));
        let wait = match (by_min, by_average) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        Some(from + wait)
    }

    /// timeout = count / (rate² · period), where count notifications left within the last period; a subscription that is younger
    /// than that counts as one that was notified at its rate before (RFC 6446 §6.2.1). Never shorter than `max-rate` allows.
    fn adaptive_timeout(&self, rate: Rate, now: Utc) -> Duration {
        // The period is longer than one interval, and no longer than what is remembered.
        let period = (20.0 / rate.0).max(1.0);
        let begin = now.unix_ns() as f64 - period * 1e9;
        let since = self.since.map_or(begin, |s| s.unix_ns() as f64);
        let within = self.sent.iter().filter(|t| t.unix_ns() as f64 >= begin.max(since)).count() as f64;
        let before = ((since - begin) / 1e9).clamp(0.0, period) * rate.0;
        let timeout = (within + before) / (rate.0 * rate.0 * period);
        let floor = self.rates.max.map_or(0.0, |max| 1.0 / max.0).max(f64::from(self.shortest_ms) / 1000.0);
        // More than a day is as good as never, and a number that is none cannot come here.
        Duration::from_secs_f64(timeout.max(floor).clamp(0.001, 1e10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rates, NotARate> {
        Rates::read(text.split(';').filter(|p| !p.is_empty()).map(|p| match p.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (p, None),
        }))
    }

    fn at(ms: i64) -> Utc {
        Utc::from_unix_ns(ms * 1_000_000)
    }

    #[test]
    fn parameters_are_read_as_the_grammar_has_them() {
        let all = read("id=1;max-rate=0.1;Min-Rate=0.0033;adaptive-min-rate=99.9999999999").unwrap();
        assert_eq!(all.max.unwrap().per_second(), 0.1);
        assert_eq!(all.parameters(), ";max-rate=0.1;min-rate=0.0033;adaptive-min-rate=99.9999999999");
        assert_eq!(read("max-rate=0.0000000001").unwrap().parameters(), ";max-rate=0.0000000001");
        assert!(read("foo=bar;max-ratex=0").unwrap().is_empty());
        for name in ["max-rate", "min-rate", "adaptive-min-rate"] {
            for value in
                ["0", "100", "-1", "0.0", "1e1", "", "inf", "NaN", "0.00000000001", "1.", ".5", "001", "+1"]
            {
                assert!(read(&format!("{name}={value}")).is_err(), "{name}={value}");
            }
            assert!(read(name).is_err());
            assert!(read(&format!("{name}=1;{name}=2")).is_err());
        }
    }

    #[test]
    fn what_contradicts_is_brought_in_order() {
        let agreed = |text: &str, expires: u64| {
            let policy = Policy::default();
            read(text).unwrap().agreed(&policy, Duration::from_secs(expires)).parameters()
        };
        assert_eq!(agreed("max-rate=0.0001", 100), ";max-rate=0.01", "one until the end");
        assert_eq!(agreed("max-rate=50", 100), ";max-rate=5", "the server's");
        assert_eq!(agreed("min-rate=50", 100), ";min-rate=1");
        assert_eq!(agreed("max-rate=0.1;min-rate=0.5", 100), ";max-rate=0.1;min-rate=0.1");
        assert_eq!(agreed("max-rate=0.1;adaptive-min-rate=0.5", 100), ";max-rate=0.1;adaptive-min-rate=0.1");
        assert_eq!(agreed("min-rate=0.5;adaptive-min-rate=0.2", 100), ";adaptive-min-rate=0.2");
        assert_eq!(agreed("", 100), "");
    }

    #[test]
    fn not_more_often_and_not_more_seldom() {
        let rates = read("max-rate=0.5;min-rate=0.1").unwrap();
        let mut pace = Pace::new(rates, &Policy::default(), at(0));
        assert_eq!(pace.may_leave(at(0)), at(0));
        assert_eq!(pace.must_leave(at(0)), Some(at(10_000)));
        pace.sent(at(1000));
        assert_eq!(pace.may_leave(at(1500)), at(3000));
        assert_eq!(pace.may_leave(at(5000)), at(5000));
        assert_eq!(pace.must_leave(at(1500)), Some(at(11_000)));
        // The clock is put back.
        assert_eq!(pace.may_leave(at(0)), at(2000));
        let free = Pace::new(Rates::default(), &Policy::default(), at(0));
        assert_eq!(free.must_leave(at(99)), None);
    }

    /// At an adaptive rate a subscriber who hears enough of changes hears nothing more, and one who hears of none hears at the
    /// rate.
    #[test]
    fn the_adaptive_rate_is_kept_on_the_average() {
        let rates = read("adaptive-min-rate=0.1").unwrap();
        let mut pace = Pace::new(rates, &Policy::default(), at(0));
        let mut now = at(0);
        for _ in 0..50 {
            now = pace.must_leave(now).unwrap().max(now);
            pace.sent(now);
        }
        let mean = now.unix_ns() as f64 / 1e9 / 50.0;
        assert!((mean - 10.0).abs() < 1.0, "{mean}");
        // Changes come twice as often: there is nothing to be added.
        let mut busy = Pace::new(rates, &Policy::default(), at(0));
        for k in 1..=100 {
            let now = at(k * 5000);
            assert!(busy.must_leave(now).unwrap() >= now, "{k}");
            busy.sent(now);
        }
        assert!(busy.must_leave(at(500_000)).unwrap() >= at(515_000));
    }
}
