//! Whether a target may be positioned for a client, and whether its user is told or asked (3GPP TS 23.271 §9.5).
//!
//! What is not allowed by a rule is refused. The order in which it is looked at:
//!
//! 1. Emergency centres and lawful interception may, by the type of the client and by nothing else.
//! 2. Regulations forbid.
//! 3. The client wished the target not to be positioned, or its profile does not cover it.
//! 4. The subscriber's rules, the first that fits; then the subscriber's default, then that for targets without a profile.
//!
//! What the client wishes can make the result stricter, never laxer.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::client::{Client, ClientType};
use super::outcome::{LocateError, Refusal};
use super::pattern::Pattern;
use super::request::{LocateRequest, PrivacyWish, Requestor};
use super::terms::Terms;
use crate::base::{SetId, Utc};
use crate::slc::ni::Asked;

/// What a rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The target is not positioned.
    #[default]
    Deny,
    /// It is, and its user is neither told nor asked.
    Allow,
    /// It is, and its user is told.
    Notify,
    /// Its user is asked; silence is consent.
    VerifyAllow,
    /// Its user is asked; silence is refusal.
    VerifyDeny,
}

impl Action {
    const fn asks(self) -> Option<Asked> {
        match self {
            Self::Deny => None,
            Self::Allow => Some(Asked::Nothing),
            Self::Notify => Some(Asked::Notify),
            Self::VerifyAllow => Some(Asked::VerifyAllowIfNoAnswer),
            Self::VerifyDeny => Some(Asked::VerifyDenyIfNoAnswer),
        }
    }
}

/// A time of day, `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u16,
}

/// A text that is no time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time of day such as 08:30 (00:00 to 24:00)")]
pub struct NotATimeOfDay(String);

impl FromStr for TimeOfDay {
    type Err = NotATimeOfDay;

    fn from_str(s: &str) -> Result<Self, NotATimeOfDay> {
        let parse = || {
            let (h, m) = s.split_once(':')?;
            let digits = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
            let (h, m): (u16, u16) =
                (digits(h) && digits(m)).then_some((h.parse().ok()?, m.parse().ok()?))?;
            let minutes = h * 60 + m;
            (m < 60 && minutes <= 24 * 60).then_some(Self { minutes })
        };
        parse().ok_or_else(|| NotATimeOfDay(s.to_owned()))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NotATimeOfDay;
    fn try_from(s: String) -> Result<Self, NotATimeOfDay> {
        s.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(t: TimeOfDay) -> Self {
        format!("{:02}:{:02}", t.minutes / 60, t.minutes % 60)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// A rule of a subscriber. What it leaves out fits anything; what it says must all fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// A client's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// A type of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_type: Option<ClientType>,
    /// A service of clients (MLP `serviceid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requestor: Option<String>,
    /// On behalf of anybody of this domain: what follows the `@` of a requestor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requestor_domain: Option<String>,
    /// Not on behalf of these requestors; of a whole domain with an `@` before it. Where there are any, a request on nobody's
    /// behalf does not fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Within one of these times; empty: always.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub valid: Vec<Interval>,
    /// On these days.
    pub days: Vec<Day>,
    /// From this time of the day on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<TimeOfDay>,
    /// Until before this time; when it is not after `from`, that of the next day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<TimeOfDay>,
    /// What then.
    pub action: Action,
    /// Whether the user is told or asked once the position is known, rather than before (SUPL 2.0).
    pub after_positioning: bool,
    /// Positions are told no more exactly than within so many metres, 1..=1000000. Default: as they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius_m: Option<u32>,
    /// Whether a position may be passed on, as doors that can say so tell. Default false.
    pub retransmission: bool,
    /// For how long a position may be kept, seconds, as doors that can say so tell. Default: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_s: Option<u32>,
}

/// A time from an instant to another, as RFC 3339 writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// From here on.
    #[serde(with = "instant")]
    pub from: Utc,
    /// Until before here.
    #[serde(with = "instant")]
    pub until: Utc,
}

/// Instants as text.
mod instant {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base::Utc;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(super) fn serialize<S: Serializer>(at: &Utc, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Utc, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Rule {
    fn fits(&self, r: &LocateRequest, now: Utc, local: LocalTime) -> bool {
        let says = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|w| is.is_some_and(|i| i == w))
        };
        says(&self.client, Some(r.client.id()))
            && self.client_type.is_none_or(|t| t == r.client.client_type())
            && says(&self.service, r.service.as_ref().map(|s| s.0.as_str()))
            && says(&self.requestor, r.requestor.as_ref().map(|q| q.id.as_str()))
            && self.is_for(r.requestor.as_ref())
            && (self.valid.is_empty() || self.valid.iter().any(|v| v.from <= now && now < v.until))
            && self.holds_at(local)
    }

    /// Whether the rule is for this requestor, by his domain and by who is left out.
    fn is_for(&self, requestor: Option<&Requestor>) -> bool {
        if self.requestor_domain.is_none() && self.except.is_empty() {
            return true;
        }
        // Who does not say who he is might be one of those that are left out.
        let Some(id) = requestor.map(|r| r.id.as_str()) else { return false };
        let domain = domain_of(id);
        let of = |wanted: &str| domain.is_some_and(|d| d.eq_ignore_ascii_case(wanted));
        self.requestor_domain.as_deref().is_none_or(of)
            && !self.except.iter().any(|e| match e.strip_prefix('@') {
                Some(domain) => of(domain),
                None => e.eq_ignore_ascii_case(id),
            })
    }

    /// Under which terms positions are told by it.
    pub(super) const fn terms(&self) -> Terms {
        Terms { radius_m: self.radius_m, retransmission: self.retransmission, retention_s: self.retention_s }
    }

    fn holds_at(&self, local: LocalTime) -> bool {
        let on = |day: Day| self.days.is_empty() || self.days.contains(&day);
        let from = self.from.map_or(0, |t| t.minutes);
        let until = self.until.map_or(24 * 60, |t| t.minutes);
        if from < until {
            on(local.day) && (from..until).contains(&local.minute)
        } else {
            // Over midnight: the window belongs to the day on which it began.
            (on(local.day) && local.minute >= from) || (on(local.day_before) && local.minute < until)
        }
    }
}

/// What follows the `@` of an address or of a SIP URI, without port and parameters.
fn domain_of(id: &str) -> Option<&str> {
    let (_, host) = id.rsplit_once('@')?;
    host.split([':', ';', '?', '>']).next().filter(|h| !h.is_empty())
}

/// What time it is for a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalTime {
    day: Day,
    day_before: Day,
    minute: u16,
}

impl LocalTime {
    pub(super) fn new(now: Utc, utc_offset_min: i16) -> Self {
        let minutes = now.unix_s().div_euclid(60).saturating_add(i64::from(utc_offset_min));
        // 1970-01-01 was a Thursday.
        let weekday = (minutes.div_euclid(24 * 60) + 3).rem_euclid(7) as usize;
        let day = |i: usize| Day::ALL.get(i % 7).copied().unwrap_or(Day::Mon);
        Self { day: day(weekday), day_before: day(weekday + 6), minute: minutes.rem_euclid(24 * 60) as u16 }
    }
}

/// What holds for all subscribers: the `[privacy]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Files with more `[[clients]]` and `[[subscribers]]`, read anew at a reload. Relative paths lead from the data folder.
    pub files: Vec<std::path::PathBuf>,
    /// What holds for targets that have no profile: deny, allow, notify, verify-allow, verify-deny. Default deny.
    pub unlisted: Action,
    /// Targets that regulations forbid to position for anybody but emergency centres and lawful interception, as patterns.
    pub forbidden: Vec<Pattern>,
    /// Milliseconds before which no refusal is answered, so that its timing says nothing of the target, 0..=1000.
    /// Default 5.
    pub refusal_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { files: Vec::new(), unlisted: Action::Deny, forbidden: Vec::new(), refusal_ms: 5 }
    }
}

/// The rules that hold for a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) list: &'a [Rule],
    pub(super) default: Action,
    pub(super) utc_offset_min: i16,
    /// Whether the target has a profile.
    pub(super) listed: bool,
    /// Whether all rules that fit count together, rather than the first.
    pub(super) together: bool,
}

/// Why a decision is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// By the client's type.
    ClientType,
    /// Regulations.
    Regulations,
    /// The client's wish.
    Wish,
    /// The client's profile.
    ClientProfile,
    /// The rule of this number (from 1) of the subscriber.
    Rule(usize),
    /// The subscriber's default.
    Default,
    /// What holds for targets without a profile.
    Unlisted,
    /// The target's identities belong to different subscribers.
    Ambiguous,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ClientType => f.write_str("client-type"),
            Self::Regulations => f.write_str("regulations"),
            Self::Wish => f.write_str("wish"),
            Self::ClientProfile => f.write_str("client-profile"),
            Self::Rule(n) => write!(f, "rule-{n}"),
            Self::Default => f.write_str("default"),
            Self::Unlisted => f.write_str("unlisted"),
            Self::Ambiguous => f.write_str("ambiguous"),
        }
    }
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) verdict: Result<Consent, LocateError>,
    pub(super) why: Why,
}

/// How the user is told or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Consent {
    pub(super) asked: Asked,
    pub(super) by_location: bool,
    pub(super) terms: Terms,
}

/// Decides. The work does not depend on whether the target has a profile.
pub(super) fn decide(
    r: &LocateRequest,
    identities: &[SetId],
    rules: Rules<'_>,
    config: &Config,
    now: Utc,
) -> Decision {
    let client: &Client = &r.client;
    let refuse = |refusal, why| Decision { verdict: Err(LocateError::NotAllowed(refusal)), why };
    if client.client_type().overrides_privacy() {
        let consent = Consent { asked: Asked::PrivacyOverride, by_location: false, terms: Terms::default() };
        return if client.covers(identities.iter()) {
            Decision { verdict: Ok(consent), why: Why::ClientType }
        } else {
            refuse(Refusal::NotCovered, Why::ClientProfile)
        };
    }
    if identities.iter().any(|id| config.forbidden.iter().any(|p| p.holds(id))) {
        return Decision { verdict: Err(LocateError::Regulations), why: Why::Regulations };
    }
    let wished = match r.wish {
        Some(PrivacyWish::DoNotPosition) => return refuse(Refusal::Wish, Why::Wish),
        // To override privacy is nothing that a client could wish for.
        Some(PrivacyWish::Ask(Asked::PrivacyOverride)) | None => Asked::Nothing,
        Some(PrivacyWish::Ask(asked)) => asked,
    };
    if !client.covers(identities.iter()) {
        return refuse(Refusal::NotCovered, Why::ClientProfile);
    }
    let local = LocalTime::new(now, rules.utc_offset_min);
    let fitting = fitting(r, rules, now, local);
    let (action, by_location, terms, why) = match fitting {
        Some(found) => found,
        None if rules.listed => (rules.default, false, Terms::default(), Why::Default),
        None => (config.unlisted, false, Terms::default(), Why::Unlisted),
    };
    match action.asks() {
        Some(asked) => {
            Decision { verdict: Ok(Consent { asked: stricter(asked, wished), by_location, terms }), why }
        }
        None if matches!(why, Why::Rule(_)) => refuse(Refusal::Rule, why),
        None if why == Why::Unlisted && client.learns_unknown() => {
            Decision { verdict: Err(LocateError::UnknownSubscriber), why }
        }
        None => refuse(Refusal::NoRule, why),
    }
}

/// What the rules that fit say: the first of them, or all together, each permission as far as the most generous goes.
fn fitting(
    r: &LocateRequest,
    rules: Rules<'_>,
    now: Utc,
    local: LocalTime,
) -> Option<(Action, bool, Terms, Why)> {
    let mut fitting = rules.list.iter().enumerate().filter(|(_, rule)| rule.fits(r, now, local));
    let said =
        |(i, rule): (usize, &Rule)| (rule.action, rule.after_positioning, rule.terms(), Why::Rule(i + 1));
    let first = said(fitting.next()?);
    if !rules.together {
        return Some(first);
    }
    Some(fitting.map(said).fold(first, |best, other| {
        // Terms are permissions of those rules only that let a position be told at all.
        let terms = match (best.0 == Action::Deny, other.0 == Action::Deny) {
            (false, false) => best.2.union(other.2),
            (true, _) => other.2,
            (false, true) => best.2,
        };
        let (action, by_location, _, why) =
            if generosity(other.0) > generosity(best.0) { other } else { best };
        (action, by_location, terms, why)
    }))
}

/// The more, the less an action leaves to the user.
const fn generosity(action: Action) -> u8 {
    match action {
        Action::Deny => 0,
        Action::VerifyDeny => 1,
        Action::VerifyAllow => 2,
        Action::Notify => 3,
        Action::Allow => 4,
    }
}

/// The one of two that leaves the user more say.
fn stricter(a: Asked, b: Asked) -> Asked {
    let rank = |asked| match asked {
        Asked::Nothing | Asked::PrivacyOverride => 0,
        Asked::Notify => 1,
        Asked::VerifyAllowIfNoAnswer => 2,
        Asked::VerifyDenyIfNoAnswer => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

#[cfg(test)]
#[path = "privacy_tests.rs"]
mod tests;
