//! Who somebody is.
//!
//! Whoever fails learns nothing from how: an unknown id costs the same hash as a wrong password. A password that was right
//! once is remembered as a keyed digest in memory, under a key of this process, so that clients who ask often do not pay
//! for the hash each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::hmac;
use tokio::sync::Semaphore;

use super::book::{Book, Entry, Kept};
use super::client::{AuthError, Client, Credentials, Secret};
use super::password::{PasswordHash, ROUNDS, token_hash, unhex};

/// Passwords hashed at once.
const HASHERS: usize = 2;
/// Passwords that wait for it.
const WAITING: usize = 64;
/// Clients whose password is remembered.
const REMEMBERED: usize = 10_000;

/// Believes clients, or does not.
pub(super) struct Authenticator {
    key: hmac::Key,
    /// By id: the digest of the password that was right, and the hash that it was right for.
    right: Mutex<HashMap<String, (hmac::Tag, String)>>,
    hashers: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Authenticator {
    /// `None` when the system gives no random numbers.
    pub(super) fn new() -> Option<Self> {
        let random = ring::rand::SystemRandom::new();
        Some(Self {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &random).ok()?,
            right: Mutex::default(),
            hashers: Arc::new(Semaphore::new(HASHERS)),
            waiting: Semaphore::new(WAITING),
        })
    }

    /// Finds the client that these credentials are of.
    pub(super) async fn authenticate(
        &self,
        book: &Book,
        credentials: &Credentials,
    ) -> Result<Arc<Client>, AuthError> {
        let entry = self.find(book, credentials).await?;
        let profile = entry.client.profile();
        let named = |names: &[String]| {
            names.iter().any(|n| profile.certificates.iter().any(|c| c.eq_ignore_ascii_case(n)))
        };
        if profile.certificate_required && !named(&credentials.certificate) {
            return Err(AuthError::Refused);
        }
        Ok(Arc::clone(&entry.client))
    }

    async fn find<'a>(&self, book: &'a Book, c: &Credentials) -> Result<&'a Entry, AuthError> {
        let by_id = c.id.as_ref().and_then(|id| book.clients.get(id));
        let same = |entry: &&Entry| c.id.as_ref().is_none_or(|id| id == entry.client.id());
        if let Some(token) = &c.token {
            let hash: Option<[u8; 32]> = unhex(&token_hash(token)).and_then(|h| h.try_into().ok());
            let id = hash.and_then(|h| book.by_token.get(&h));
            let entry = id.and_then(|id| book.clients.get(id)).filter(same).ok_or(AuthError::Refused)?;
            return match &c.password {
                Some(_) if !self.password(by_id, c).await? => Err(AuthError::Refused),
                _ => Ok(entry),
            };
        }
        if c.password.is_some() {
            let right = self.password(by_id, c).await?;
            return by_id.filter(|_| right).ok_or(AuthError::Refused);
        }
        let mut names = c.certificate.iter().map(|n| n.to_ascii_lowercase());
        let id = names.find_map(|n| book.by_certificate.get(&n)).ok_or(AuthError::Refused)?;
        book.clients.get(id).filter(same).ok_or(AuthError::Refused)
    }

    /// Whether the password is right; `false` after the same work where there is no client to compare with.
    async fn password(&self, entry: Option<&Entry>, c: &Credentials) -> Result<bool, AuthError> {
        let (Some(id), Some(given)) = (&c.id, &c.password) else { return Ok(false) };
        let hash = match entry.and_then(|e| e.password.as_ref()) {
            Some(Kept::Clear(right)) => {
                let tag = hmac::sign(&self.key, right.bytes());
                if hmac::verify(&self.key, given.bytes(), tag.as_ref()).is_ok() {
                    return Ok(true);
                }
                None
            }
            Some(Kept::Hashed(hash)) => {
                if self.remembers(id, given, hash) {
                    return Ok(true);
                }
                Some(hash.clone())
            }
            None => None,
        };
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| PasswordHash::nobody(ROUNDS));
        let right = self.compare(hash.clone(), given.clone()).await?;
        if right && known {
            self.remember(id, given, &hash);
        }
        Ok(right && known)
    }

    async fn compare(&self, hash: PasswordHash, given: Secret) -> Result<bool, AuthError> {
        let _place = self.waiting.try_acquire().map_err(|_| AuthError::Busy)?;
        let permit = Arc::clone(&self.hashers).acquire_owned().await.map_err(|_| AuthError::Busy)?;
        let work = tokio::task::spawn_blocking(move || {
            // The place is given back when the work is done, even if nobody waits for it any more.
            let _permit = permit;
            hash.is_of(&given)
        });
        work.await.map_err(|_| AuthError::Busy)
    }

    fn remembers(&self, id: &str, given: &Secret, hash: &PasswordHash) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((tag, of)) = right.get(id) else { return false };
        *of == hash.to_string() && hmac::verify(&self.key, given.bytes(), tag.as_ref()).is_ok()
    }

    fn remember(&self, id: &str, given: &Secret, hash: &PasswordHash) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() < REMEMBERED || right.contains_key(id) {
            right.insert(id.to_owned(), (hmac::sign(&self.key, given.bytes()), hash.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::Profiles;
    use super::super::client::Profile;
    use super::super::privacy;
    use super::*;

    fn book() -> (Book, Secret) {
        let hash = PasswordHash::new(&Secret::new("right"), 1_000).unwrap().to_string();
        let token = super::super::password::draw_token().unwrap();
        let client = |id: &str| Profile { id: id.to_owned(), ..Profile::default() };
        let clients = vec![
            Profile { password_hash: Some(hash.clone()), ..client("hashed") },
            Profile { password: Some(Secret::new("clear")), ..client("clear") },
            Profile { certificates: vec!["psap.example".to_owned()], ..client("cert") },
            Profile { token_hashes: vec![token_hash(&token)], ..client("token") },
            Profile {
                password_hash: Some(hash),
                certificates: vec!["both.example".to_owned()],
                certificate_required: true,
                ..client("both")
            },
        ];
        let profiles = Profiles { clients, subscribers: Vec::new() };
        (Book::new(profiles, &privacy::Config::default(), None).unwrap(), token)
    }

    #[tokio::test]
    async fn every_way_to_be_right_and_wrong() {
        let (book, token) = book();
        let auth = Authenticator::new().unwrap();
        let password = Credentials::password;
        let cert = |names: &[&str]| Credentials {
            certificate: names.iter().map(|n| (*n).to_owned()).collect(),
            ..Credentials::default()
        };
        let bearer = |t: &Secret| Credentials { token: Some(t.clone()), ..Credentials::default() };
        let with_id = |id: &str, c: Credentials| Credentials { id: Some(id.to_owned()), ..c };
        let both = Credentials { certificate: vec!["both.example".into()], ..password("both", "right") };
        for (credentials, who) in [
            (password("hashed", "right"), Some("hashed")),
            (password("hashed", "right"), Some("hashed")),
            (password("hashed", "wrong"), None),
            (password("hashed", ""), None),
            (password("clear", "clear"), Some("clear")),
            (password("clear", "clea"), None),
            (password("nobody", "right"), None),
            (password("token", "right"), None),
            (cert(&["x", "PSAP.example"]), Some("cert")),
            (cert(&["x"]), None),
            (with_id("hashed", cert(&["psap.example"])), None),
            (with_id("cert", cert(&["psap.example"])), Some("cert")),
            (bearer(&token), Some("token")),
            (with_id("cert", bearer(&token)), None),
            (bearer(&Secret::new("x")), None),
            (Credentials::default(), None),
            (with_id("hashed", Credentials::default()), None),
            (password("both", "right"), None),
            (both, Some("both")),
        ] {
            let found = auth.authenticate(&book, &credentials).await;
            assert_eq!(found.as_ref().ok().map(|c| c.id()), who, "{credentials:?}");
        }
    }

    #[tokio::test]
    async fn a_password_changed_is_not_remembered() {
        let auth = Authenticator::new().unwrap();
        let of = |password: &str| {
            let hash = PasswordHash::new(&Secret::new(password), 1_000).unwrap().to_string();
            let p = Profile { id: "c".into(), password_hash: Some(hash), ..Profile::default() };
            let profiles = Profiles { clients: vec![p], subscribers: Vec::new() };
            Book::new(profiles, &privacy::Config::default(), None).unwrap()
        };
        let old = Credentials::password("c", "old");
        assert!(auth.authenticate(&of("old"), &old).await.is_ok());
        assert_eq!(auth.authenticate(&of("new"), &old).await.err(), Some(AuthError::Refused));
    }
}
