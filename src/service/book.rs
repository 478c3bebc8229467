//! Who may ask, and of whom what is said: the profiles of clients and subscribers, read and checked.
//!
//! A [`Book`] is a snapshot; a reload makes a new one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::client::{Client, Profile as ClientProfile};
use super::config::Version;
use super::init_key::{InitProtection, Seal};
use super::password::{PasswordHash, unhex};
use super::pattern::Pattern;
use super::privacy::{self, Action, Rule, Rules};
use super::quota::Usage;
use super::terms::MOST_COARSE_M;
use crate::base::SetId;

/// The profile of a subscriber, or of a group of them: a `[[subscribers]]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscriber {
    /// Identities of one subscriber, or patterns with `*` for a group of subscribers. The identities of one subscriber stand
    /// for each other.
    pub ids: Vec<Pattern>,
    /// What holds where no rule fits: deny, allow, notify, verify-allow, verify-deny. Default deny.
    pub default: Action,
    /// Rules; the first that fits decides.
    pub rules: Vec<Rule>,
    /// Whether instead all rules that fit count together, each permission as far as the most generous of them goes, as in
    /// documents of common policy (RFC 4745 §10). Default false.
    pub together: bool,
    /// Minutes by which the subscriber's time leads UTC, -720..=840, for rules with times of the day. Default 0.
    pub utc_offset_min: i16,
    /// SUPL version in which the handset is invited, when not that of `[service]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The handset's fixed address, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How SUPL INITs to the handset are protected. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_protection: Option<InitProtection>,
}

impl Subscriber {
    /// How SUPL INITs to the handset are protected.
    pub(super) fn seal(&self) -> Seal {
        self.init_protection.as_ref().and_then(InitProtection::seal).unwrap_or(Seal::Absent)
    }
}

/// What a file of profiles holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profiles {
    /// Clients.
    pub clients: Vec<ClientProfile>,
    /// Subscribers.
    pub subscribers: Vec<Subscriber>,
}

/// Why profiles cannot be used. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A file cannot be read.
    #[error("cannot read {}: {reason}; name it right in privacy.files, or remove it there", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file does not say what it should.
    #[error("{}: {reason}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// A client without an id, or with a very long one.
    #[error("clients: client number {0} needs an id of 1 to 128 characters")]
    ClientId(usize),
    /// Two clients with one id.
    #[error("clients: there are two clients `{0}`; give one of them another id")]
    ClientTwice(String),
    /// A client that nobody can show to be.
    #[error(
        "clients: `{0}` has no credentials; give it password_hash (see `groma clients hash`), certificates or token_hashes"
    )]
    NoCredentials(String),
    /// A client with a password both in clear and hashed.
    #[error("clients: `{0}` has both password and password_hash; remove the password")]
    TwoPasswords(String),
    /// A hash that is none.
    #[error("clients: password_hash of `{0}` is {1}")]
    Hash(String, super::password::NotAHash),
    /// A token's hash that is none, or belongs to two clients.
    #[error(
        "clients: token_hashes of `{0}` holds something that `groma clients hash --token` did not print, or another client's"
    )]
    Token(String),
    /// A certificate's name that two clients have.
    #[error(
        "clients: the certificate name `{0}` is listed for two clients; without an id nobody could tell them apart"
    )]
    Certificate(String),
    /// A client that must show a certificate, without names of any.
    #[error("clients: `{0}` must show a certificate but lists no names; fill in certificates")]
    NoCertificates(String),
    /// A subscriber without identities.
    #[error("subscribers: subscriber number {0} needs ids, for instance ids = [\"msisdn:447700900123\"]")]
    NoIds(usize),
    /// An identity in two profiles.
    #[error(
        "subscribers: number {0} and number {1} share an identity or a pattern; put their rules into one"
    )]
    SubscriberTwice(usize, usize),
    /// An offset that no place on Earth has.
    #[error("subscribers: utc_offset_min of number {0} is not in -720..=840")]
    Offset(usize),
    /// A radius or a time of a rule that makes no sense.
    #[error(
        "subscribers: rule {rule} of number {subscriber}: radius_m must be in 1..=1000000, and each of valid end after it begins"
    )]
    RuleValue {
        /// Which subscriber, from 1.
        subscriber: usize,
        /// Which rule, from 1.
        rule: usize,
    },
    /// The protection of SUPL INIT lacks a key, or has one of another form.
    #[error(
        "subscribers: init_protection of number {0} needs level = \"basic\", key_id = 16 hexadecimal digits, key = 32 to \
         128 of them, and counter_from from 1 to 65535; or another level"
    )]
    InitKey(usize),
    /// A key for a group of subscribers.
    #[error("subscribers: number {0} is a group, and a key for SUPL INIT belongs to one subscriber alone")]
    GroupKey(usize),
    /// A rule that names a client there is not.
    #[error(
        "subscribers: rule {rule} of number {subscriber} names the client `{client}`, which is not there{}",
        hint(near.as_deref())
    )]
    UnknownClient {
        /// Which subscriber, from 1.
        subscriber: usize,
        /// Which rule, from 1.
        rule: usize,
        /// The name.
        client: String,
        /// One that is there and looks like it.
        near: Option<String>,
    },
}

fn hint(near: Option<&str>) -> String {
    near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// How a client's password is kept.
pub(super) enum Kept {
    Clear(super::client::Secret),
    Hashed(PasswordHash),
}

/// A client with what it takes to believe that somebody is it.
pub(super) struct Entry {
    pub(super) client: Arc<Client>,
    pub(super) password: Option<Kept>,
}

/// Checked profiles.
pub struct Book {
    pub(super) config: privacy::Config,
    pub(super) clients: HashMap<String, Entry>,
    pub(super) by_token: HashMap<[u8; 32], String>,
    pub(super) by_certificate: HashMap<String, String>,
    subscribers: Vec<Arc<Subscriber>>,
    by_identity: HashMap<SetId, usize>,
    /// The narrowest first.
    patterns: Vec<(Pattern, usize)>,
}

/// Who is meant by a request: all identities that stand for the target.
#[derive(Clone, Debug)]
pub(super) struct Meant {
    /// The one by which positionings and records know the target.
    pub(super) canonical: SetId,
    /// All of them, the one that was asked for first.
    pub(super) identities: Vec<SetId>,
    /// The profile, if there is one.
    pub(super) subscriber: Option<Arc<Subscriber>>,
    /// Identities were given that belong to somebody else.
    pub(super) ambiguous: bool,
}

impl Book {
    /// Reads the files that the section names and checks everything. `usage` is what clients of an older book have used.
    pub fn read(
        profiles: &Profiles,
        config: &privacy::Config,
        data: &Path,
        before: Option<&Self>,
    ) -> Result<Self, BookError> {
        let mut all = profiles.clone();
        for file in &config.files {
            let path = data.join(file);
            let text = std::fs::read_to_string(&path)
                .map_err(|e| BookError::Read { path: path.clone(), reason: e.to_string() })?;
            let more: Profiles = toml::from_str(&text).map_err(|e| BookError::Parse {
                path: path.clone(),
                reason: e.to_string().trim_end().to_owned(),
            })?;
            all.clients.extend(more.clients);
            all.subscribers.extend(more.subscribers);
        }
        Self::new(all, config, before)
    }

    /// Checks profiles.
    pub fn new(
        profiles: Profiles,
        config: &privacy::Config,
        before: Option<&Self>,
    ) -> Result<Self, BookError> {
        let mut book = Self {
            config: config.clone(),
            clients: HashMap::new(),
            by_token: HashMap::new(),
            by_certificate: HashMap::new(),
            subscribers: Vec::new(),
            by_identity: HashMap::new(),
            patterns: Vec::new(),
        };
        for (i, profile) in profiles.clients.into_iter().enumerate() {
            book.add_client(i + 1, profile, before)?;
        }
        for (i, subscriber) in profiles.subscribers.into_iter().enumerate() {
            book.add_subscriber(i, subscriber)?;
        }
        book.patterns.sort_by_key(|(p, i)| (std::cmp::Reverse(p.rank()), *i));
        Ok(book)
    }

    fn add_client(
        &mut self,
        number: usize,
        profile: ClientProfile,
        before: Option<&Self>,
    ) -> Result<(), BookError> {
        let id = profile.id.clone();
        if id.is_empty() || id.len() > 128 {
            return Err(BookError::ClientId(number));
        }
        if self.clients.contains_key(&id) {
            return Err(BookError::ClientTwice(id));
        }
        let password = match (&profile.password, &profile.password_hash) {
            (Some(_), Some(_)) => return Err(BookError::TwoPasswords(id)),
            (Some(clear), None) => Some(Kept::Clear(clear.clone())),
            (None, Some(hash)) => {
                Some(Kept::Hashed(hash.parse().map_err(|e| BookError::Hash(id.clone(), e))?))
            }
            (None, None) => None,
        };
        if password.is_none() && profile.certificates.is_empty() && profile.token_hashes.is_empty() {
            return Err(BookError::NoCredentials(id));
        }
        if profile.certificate_required && profile.certificates.is_empty() {
            return Err(BookError::NoCertificates(id));
        }
        for text in &profile.token_hashes {
            let hash: Option<[u8; 32]> = unhex(text).and_then(|h| h.try_into().ok());
            let fresh = hash.is_some_and(|h| self.by_token.insert(h, id.clone()).is_none());
            if !fresh {
                return Err(BookError::Token(id));
            }
        }
        for name in &profile.certificates {
            let key = name.to_ascii_lowercase();
            if self.by_certificate.insert(key, id.clone()).is_some_and(|other| other != id) {
                return Err(BookError::Certificate(name.clone()));
            }
        }
        let usage: Arc<Usage> =
            before.and_then(|b| b.clients.get(&id)).map(|e| Arc::clone(e.client.usage())).unwrap_or_default();
        self.clients.insert(id, Entry { client: Arc::new(Client::new(profile, usage)), password });
        Ok(())
    }

    fn add_subscriber(&mut self, at: usize, subscriber: Subscriber) -> Result<(), BookError> {
        if subscriber.ids.is_empty() {
            return Err(BookError::NoIds(at + 1));
        }
        if !(-720..=840).contains(&subscriber.utc_offset_min) {
            return Err(BookError::Offset(at + 1));
        }
        if let Some(protection) = &subscriber.init_protection {
            let seal = protection.seal().ok_or(BookError::InitKey(at + 1))?;
            let group = subscriber.ids.iter().any(|p| !matches!(p, Pattern::One(_)));
            if group && matches!(seal, Seal::Basic { .. }) {
                return Err(BookError::GroupKey(at + 1));
            }
        }
        for (i, rule) in subscriber.rules.iter().enumerate() {
            let radius = rule.radius_m.is_none_or(|r| (1..=MOST_COARSE_M).contains(&r));
            if !radius || rule.valid.iter().any(|v| v.until <= v.from) {
                return Err(BookError::RuleValue { subscriber: at + 1, rule: i + 1 });
            }
            if let Some(client) = rule.client.as_ref().filter(|c| !self.clients.contains_key(*c)) {
                let near = self.clients.keys().min_by_key(|k| strsim::damerau_levenshtein(k, client));
                let near = near.filter(|n| strsim::damerau_levenshtein(n, client) <= 2).cloned();
                let client = client.clone();
                return Err(BookError::UnknownClient { subscriber: at + 1, rule: i + 1, client, near });
            }
        }
        let mut own = HashSet::new();
        for id in &subscriber.ids {
            if !own.insert(id.clone()) {
                continue;
            }
            let other = match id {
                Pattern::One(one) => self.by_identity.insert(one.clone(), at),
                group => {
                    let same = self.patterns.iter().find(|(p, _)| p == group).map(|(_, i)| *i);
                    self.patterns.push((group.clone(), at));
                    same
                }
            };
            if let Some(other) = other {
                return Err(BookError::SubscriberTwice(other + 1, at + 1));
            }
        }
        self.subscribers.push(Arc::new(subscriber));
        Ok(())
    }

    /// Clients whose password stands in the configuration in clear.
    pub fn clear_passwords(&self) -> Vec<&str> {
        let clear = |e: &&Entry| matches!(e.password, Some(Kept::Clear(_)));
        let mut ids: Vec<&str> = self.clients.values().filter(clear).map(|e| e.client.id()).collect();
        ids.sort_unstable();
        ids
    }

    /// Numbers of clients and of subscribers' profiles.
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.subscribers.len())
    }

    /// Whether there is neither a client nor a profile.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// A client by its id, as it is known now.
    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id).map(|e| &e.client)
    }

    fn of(&self, id: &SetId) -> Option<usize> {
        self.by_identity
            .get(id)
            .copied()
            .or_else(|| self.patterns.iter().find(|(p, _)| p.holds(id)).map(|(_, i)| *i))
    }

    /// Who is meant by a target and its other identities. Identities that are not known to belong to the target are
    /// believed only where `believe` is set: they would else lend one subscriber the rules of another.
    pub(super) fn meant(&self, target: &SetId, alternatives: &[SetId], believe: bool) -> Meant {
        let at = self.of(target);
        let subscriber = at.and_then(|i| self.subscribers.get(i)).cloned();
        let mut identities = vec![target.clone()];
        let mut canonical = target.clone();
        // The identities of a group are those of different people.
        let own = if self.by_identity.contains_key(target) { subscriber.as_ref() } else { None };
        let aliases = own.into_iter().flat_map(|s| &s.ids).filter_map(|p| match p {
            Pattern::One(id) => Some(id),
            _ => None,
        });
        for (i, alias) in aliases.enumerate() {
            if i == 0 {
                canonical = alias.clone();
            }
            if !identities.contains(alias) {
                identities.push(alias.clone());
            }
        }
        let mut ambiguous = false;
        for given in alternatives {
            if identities.contains(given) {
                continue;
            }
            let foreign = self.by_identity.get(given).is_some_and(|i| Some(*i) != at);
            if foreign {
                ambiguous = true;
            } else if believe {
                identities.push(given.clone());
            }
        }
        Meant { canonical, identities, subscriber, ambiguous }
    }
}

impl Meant {
    /// The rules that hold.
    pub(super) fn rules(&self) -> Rules<'_> {
        match &self.subscriber {
            Some(s) => Rules {
                list: &s.rules,
                default: s.default,
                utc_offset_min: s.utc_offset_min,
                listed: true,
                together: s.together,
            },
            None => {
                Rules { list: &[], default: Action::Deny, utc_offset_min: 0, listed: false, together: false }
            }
        }
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (clients, subscribers) = self.len();
        write!(f, "Book({clients} clients, {subscribers} subscribers)")
    }
}
