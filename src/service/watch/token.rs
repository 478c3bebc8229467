//! Where a watcher goes on.

use std::fmt;
use std::str::FromStr;

/// A place in the order of all positions: behind that of number `sequence` in the journal of this name. Numbers rise by one
/// and are never used twice, over restarts neither; a store that begins anew has a journal of another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResumeToken {
    pub(in crate::service) journal: u32,
    pub(in crate::service) sequence: u64,
}

impl ResumeToken {
    /// The number of the position.
    pub const fn sequence(self) -> u64 {
        self.sequence
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.journal, self.sequence)
    }
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a resume token of this server")]
pub struct NotAToken;

impl FromStr for ResumeToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let (journal, sequence) = text.split_once('-').ok_or(NotAToken)?;
        let hex = |t: &str, most: usize| {
            let fits = !t.is_empty() && t.len() <= most && t.bytes().all(|b| b.is_ascii_hexdigit());
            fits.then(|| u64::from_str_radix(t, 16).ok()).flatten().ok_or(NotAToken)
        };
        let journal = u32::try_from(hex(journal, 8)?).map_err(|_| NotAToken)?;
        Ok(Self { journal, sequence: hex(sequence, 16)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written() {
        for token in [
            ResumeToken { journal: 0, sequence: 0 },
            ResumeToken { journal: u32::MAX, sequence: u64::MAX },
            ResumeToken { journal: 7, sequence: 1 << 40 },
        ] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        for text in [
            "",
            "-",
            "1-",
            "-1",
            "123456789-1",
            "1-11111111111111111",
            "+1-1",
            "1-+1",
            "g-1",
            "1-1-1",
            "１-1",
        ] {
            assert_eq!(text.parse::<ResumeToken>(), Err(NotAToken), "{text}");
        }
    }
}
