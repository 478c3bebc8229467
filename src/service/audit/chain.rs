//! The chain: each entry's hash covers the entry and the hash before.

use ring::digest::{Context, SHA256};

use crate::service::password::{hex, unhex};

/// A link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// What stands before the hash at the end of a line.
const HASH: &str = ",\"hash\":\"";
/// Octets of the end of a line: the above, 64 digits, quote, brace.
const TAIL: usize = HASH.len() + 64 + 2;

impl Digest {
    /// Before the first entry of all.
    pub const ORIGIN: Self = Self([0; 32]);

    /// The hash of an entry whose text is `body`.
    pub(super) fn next(self, body: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        context.update(body);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text)?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Ends an entry (a JSON object without its closing brace) with its hash; gives the new end of the chain.
pub(super) fn seal(body: &mut String, before: Digest) -> Digest {
    let hash = before.next(body.as_bytes());
    body.push_str(HASH);
    body.push_str(&hash.to_string());
    body.push_str("\"}\n");
    hash
}

/// Takes a line (without its line feed) apart: the text that the hash covers, and the hash.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], Digest)> {
    let (body, tail) = line.split_at_checked(line.len().checked_sub(TAIL)?)?;
    let hash = tail.strip_prefix(HASH.as_bytes())?.strip_suffix(b"\"}")?;
    Some((body, Digest::parse(std::str::from_utf8(hash).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_apart_again_and_covers_what_was_before() {
        let mut line = "{\"seq\":1".to_owned();
        let hash = seal(&mut line, Digest::ORIGIN);
        let (body, found) = split(line.trim_end().as_bytes()).unwrap();
        assert_eq!((body, found), (&b"{\"seq\":1"[..], hash));
        assert_eq!(Digest::ORIGIN.next(body), hash);
        assert_ne!(hash.next(body), hash);
        assert!(split(b"").is_none() && split(&[b'x'; 200]).is_none());
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
