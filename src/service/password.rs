//! Passwords and tokens of clients at rest.
//!
//! Passwords are kept as PBKDF2-HMAC-SHA-256 (RFC 8018) with a salt, `pbkdf2-sha256$ROUNDS$SALT$HASH` in hexadecimal, by the
//! cryptographic library that is here anyway. Tokens are drawn at random and long, so that their plain SHA-256 gives
//! nothing away.

use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, pbkdf2};

use super::client::Secret;

const SCHEME: &str = "pbkdf2-sha256";
const LEN: usize = 32;
/// Rounds of a new hash.
pub const ROUNDS: u32 = 600_000;
/// Rounds that a hash may ask for: more would let a configuration stall the server.
const MAX_ROUNDS: u32 = 10_000_000;

/// Why a text is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of a password as `groma clients hash` prints it: pbkdf2-sha256$ROUNDS$SALT$HASH")]
pub struct NotAHash;

/// A password's hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    rounds: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl PasswordHash {
    /// Hashes a password with a new salt. `None` when the system gives no random numbers. Takes a good part of a second.
    pub fn new(password: &Secret, rounds: u32) -> Option<Self> {
        let mut salt = vec![0; 16];
        SystemRandom::new().fill(&mut salt).ok()?;
        let rounds = NonZeroU32::new(rounds.clamp(1, MAX_ROUNDS))?;
        let mut hash = vec![0; LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.bytes(), &mut hash);
        Some(Self { rounds, salt, hash })
    }

    /// A hash that no password has, to be compared with where there is no other.
    pub(super) fn nobody(rounds: u32) -> Self {
        let rounds = NonZeroU32::new(rounds.clamp(1, MAX_ROUNDS)).unwrap_or(NonZeroU32::MIN);
        Self { rounds, salt: vec![0; 16], hash: vec![0; LEN] }
    }

    /// Whether this is the password. Takes as long as hashing it did, right or wrong.
    pub fn is_of(&self, password: &Secret) -> bool {
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, self.rounds, &self.salt, password.bytes(), &self.hash)
            .is_ok()
    }
}

impl std::str::FromStr for PasswordHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let parse = || {
            let mut parts = text.trim().split('$');
            let (scheme, rounds) = (parts.next()?, parts.next()?.parse::<u32>().ok()?);
            let (salt, hash) = (unhex(parts.next()?)?, unhex(parts.next()?)?);
            let sound = scheme == SCHEME
                && parts.next().is_none()
                && (8..=64).contains(&salt.len())
                && hash.len() == LEN
                && (1_000..=MAX_ROUNDS).contains(&rounds);
            sound.then_some(Self { rounds: NonZeroU32::new(rounds)?, salt, hash })
        };
        parse().ok_or(NotAHash)
    }
}

impl std::fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}${}${}${}", self.rounds, hex(&self.salt), hex(&self.hash))
    }
}

/// Draws a token of 256 bits. `None` when the system gives no random numbers.
pub fn draw_token() -> Option<Secret> {
    let mut token = [0; 32];
    SystemRandom::new().fill(&mut token).ok()?;
    Some(Secret::new(hex(&token)))
}

/// A token as the configuration holds it: its SHA-256 in hexadecimal.
pub fn token_hash(token: &Secret) -> String {
    hex(digest::digest(&digest::SHA256, token.bytes()).as_ref())
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        text.extend([digit(b >> 4), digit(b & 15)]);
    }
    text
}

/// Bytes of hexadecimal text.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [a, b] => u8::try_from(digit(*a)? << 4 | digit(*b)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_only() {
        let hash = PasswordHash::new(&Secret::new("correct horse"), 1_000).unwrap();
        let read: PasswordHash = hash.to_string().parse().unwrap();
        assert!(read.is_of(&Secret::new("correct horse")));
        assert!(!read.is_of(&Secret::new("correct hors")));
        assert!(!read.is_of(&Secret::new("")));
        assert!(!PasswordHash::nobody(1_000).is_of(&Secret::new("")));
        let again = PasswordHash::new(&Secret::new("correct horse"), 1_000).unwrap();
        assert_ne!(hash.to_string(), again.to_string(), "no salt");
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let hash = "00".repeat(32);
        for wrong in [
            String::new(),
            "secret".to_owned(),
            format!("pbkdf2-sha256$1000$0011223344556677${hash}00"),
            format!("pbkdf2-sha256$999$0011223344556677${hash}"),
            format!("pbkdf2-sha256$10000001$0011223344556677${hash}"),
            format!("pbkdf2-sha256$1000$0011${hash}"),
            format!("pbkdf2-sha1$1000$0011223344556677${hash}"),
            format!("pbkdf2-sha256$1000$001122334455667g${hash}"),
        ] {
            assert!(wrong.parse::<PasswordHash>().is_err(), "{wrong}");
        }
    }
}
