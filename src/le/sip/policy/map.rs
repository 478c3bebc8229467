//! Rules to the profile of a subscriber, and back.

use super::{Handling, Identity, Rule, Ruleset, Transformations};
use crate::le::sip::pidf::CivicLevel;
use crate::service::privacy::{Action, Interval, Rule as ProfileRule};
use crate::service::{MOST_COARSE_M, Subscriber};

/// Why a document and a profile cannot stand for each other. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapFault {
    /// A condition that profiles do not have: without it more people would be told.
    #[error(
        "rule `{rule}`: the condition or action `{element}` has no counterpart here; remove the rule, or say it otherwise"
    )]
    Condition {
        /// Which rule.
        rule: String,
        /// Which element.
        element: String,
    },
    /// A rule without identities, within `identity`.
    #[error("rule `{0}`: its identity names nobody; name somebody, or remove the rule")]
    Nobody(String),
    /// A time that ends before it begins.
    #[error("rule `{0}`: a time of its validity ends before it begins")]
    Time(String),
    /// A radius beyond all.
    #[error("rule `{0}`: the radius of provide-geo is larger than {MOST_COARSE_M} m")]
    Radius(String),
    /// A part of a profile that documents do not have.
    #[error("rule number {rule} of the subscriber: `{key}` cannot be said in common policy")]
    Key {
        /// Which rule, from 1.
        rule: usize,
        /// Which of its keys.
        key: &'static str,
    },
    /// Rules of which the first that fits decides, where that makes a difference.
    #[error(
        "the first rule that fits decides for the subscriber, while in common policy all count together; set together = true \
         where that is meant"
    )]
    FirstFits,
}

/// What a mapping leaves out without letting anybody know more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Addresses are not told by this server anyhow.
    Civic(String),
    /// Remarks for people are not kept.
    NoteWell(String),
    /// The rule lets nobody know anything: it provides no coordinates.
    Nothing(String),
    /// Something in the actions or transformations that is not known.
    Unknown(String, String),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Civic(rule) => write!(f, "rule `{rule}`: no addresses are told by this server"),
            Self::NoteWell(rule) => write!(f, "rule `{rule}`: set-note-well is not kept"),
            Self::Nothing(rule) => write!(f, "rule `{rule}`: it provides no coordinates and is left out"),
            Self::Unknown(rule, element) => write!(f, "rule `{rule}`: `{element}` is not known and left out"),
        }
    }
}

impl Ruleset {
    /// The rules of a subscriber's profile that say what the document says; they count together. Its identities are left to be
    /// filled in. With it comes what was left out.
    ///
    /// # Errors
    /// [`MapFault`] for what profiles cannot say.
    pub fn to_profile(&self) -> Result<(Subscriber, Vec<Note>), MapFault> {
        let mut profile = Subscriber { together: true, ..Subscriber::default() };
        let mut notes = Vec::new();
        for rule in &self.rules {
            profile.rules.extend(rules_of(rule, &mut notes)?);
        }
        Ok((profile, notes))
    }

    /// The document that says what the rules of a profile say.
    ///
    /// # Errors
    /// [`MapFault`] for what documents cannot say.
    pub fn of_profile(profile: &Subscriber) -> Result<Self, MapFault> {
        if !profile.together && profile.rules.len() > 1 {
            return Err(MapFault::FirstFits);
        }
        let mut rules: Vec<Rule> = Vec::new();
        for (k, rule) in profile.rules.iter().enumerate() {
            rules.push(document_rule(k + 1, rule)?);
        }
        if profile.default != Action::Deny {
            let id = "default".to_owned();
            let told = Transformations { geodetic_m: Some(0), ..Transformations::default() };
            // What holds where no rule fits would in a document hold for all.
            if !rules.is_empty() {
                return Err(MapFault::FirstFits);
            }
            let handling = handling_of(0, profile.default)?;
            rules.push(Rule { id, handling: Some(handling), transformations: told, ..Rule::default() });
        }
        Ok(Self { rules })
    }
}

/// A rule of a document as rules of a profile, one for each of its identities.
fn rules_of(rule: &Rule, notes: &mut Vec<Note>) -> Result<Vec<ProfileRule>, MapFault> {
    let id = || rule.id.clone();
    if let Some(element) =
        rule.sphere.as_ref().map(|_| "sphere".to_owned()).or_else(|| rule.unknown.first().cloned())
    {
        return Err(MapFault::Condition { rule: id(), element });
    }
    if rule.validity.iter().any(|(from, until)| until <= from) {
        return Err(MapFault::Time(id()));
    }
    let t = &rule.transformations;
    if t.civic != CivicLevel::None {
        notes.push(Note::Civic(id()));
    }
    if t.note_well.is_some() {
        notes.push(Note::NoteWell(id()));
    }
    let action = match rule.handling {
        Some(Handling::Block | Handling::PoliteBlock) => Action::Deny,
        Some(Handling::Confirm) => Action::VerifyDeny,
        Some(Handling::Allow) | None => Action::Allow,
    };
    let Some(radius) = t.geodetic_m.filter(|_| action != Action::Deny) else {
        notes.push(Note::Nothing(id()));
        return Ok(Vec::new());
    };
    if radius > MOST_COARSE_M {
        return Err(MapFault::Radius(id()));
    }
    let base = ProfileRule {
        valid: rule.validity.iter().map(|(from, until)| Interval { from: *from, until: *until }).collect(),
        action,
        radius_m: Some(radius).filter(|r| *r > 0),
        retransmission: t.retransmission,
        retention_s: t.retention_s,
        ..ProfileRule::default()
    };
    let Some(identities) = &rule.identity else { return Ok(vec![base]) };
    if identities.is_empty() {
        return Err(MapFault::Nobody(id()));
    }
    let of = |identity: &Identity| match identity {
        Identity::One(uri) => ProfileRule { requestor: Some(uri.clone()), ..base.clone() },
        Identity::Many { domain, except } => {
            ProfileRule { requestor_domain: domain.clone(), except: except.clone(), ..base.clone() }
        }
    };
    Ok(identities.iter().map(of).collect())
}

/// What an action is in a document.
fn handling_of(rule: usize, action: Action) -> Result<Handling, MapFault> {
    match action {
        Action::Deny => Ok(Handling::Block),
        Action::Allow => Ok(Handling::Allow),
        Action::VerifyDeny => Ok(Handling::Confirm),
        // A user who is only told, or whose silence is consent, is unknown to RFC 5025.
        Action::Notify | Action::VerifyAllow => Err(MapFault::Key { rule, key: "action" }),
    }
}

/// A rule of a profile as one of a document.
fn document_rule(number: usize, rule: &ProfileRule) -> Result<Rule, MapFault> {
    for (key, there) in [
        ("client", rule.client.is_some()),
        ("client_type", rule.client_type.is_some()),
        ("service", rule.service.is_some()),
        ("days", !rule.days.is_empty()),
        ("from", rule.from.is_some()),
        ("until", rule.until.is_some()),
        ("after_positioning", rule.after_positioning),
        (
            "requestor",
            rule.requestor.is_some() && (rule.requestor_domain.is_some() || !rule.except.is_empty()),
        ),
    ] {
        if there {
            return Err(MapFault::Key { rule: number, key });
        }
    }
    let identity = match (&rule.requestor, &rule.requestor_domain) {
        (Some(uri), _) => Some(vec![Identity::One(uri.clone())]),
        (None, None) if rule.except.is_empty() => None,
        (None, domain) => Some(vec![Identity::Many { domain: domain.clone(), except: rule.except.clone() }]),
    };
    let handling = handling_of(number, rule.action)?;
    let told = handling != Handling::Block;
    Ok(Rule {
        id: format!("r{number}"),
        identity,
        validity: rule.valid.iter().map(|v| (v.from, v.until)).collect(),
        sphere: None,
        handling: Some(handling),
        transformations: Transformations {
            retransmission: told && rule.retransmission,
            retention_s: rule.retention_s.filter(|_| told),
            note_well: None,
            geodetic_m: told.then_some(rule.radius_m.unwrap_or(0)),
            civic: CivicLevel::None,
        },
        unknown: Vec::new(),
    })
}
