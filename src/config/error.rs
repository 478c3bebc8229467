//! What can be wrong with a configuration, said so that it can be put right.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not TOML, or a value has the wrong type.
    #[error("{place}: {problem}")]
    Text {
        /// File, line and column, or the override.
        place: String,
        /// What is wrong, and what would be right where that is known.
        problem: String,
    },
    /// An override is not of the form `key=value`.
    #[error("`-o {0}`: expected section.key=value, for instance -o http.listen=127.0.0.1:8081")]
    Override(String),
    /// A value is out of its range or contradicts another.
    #[error("`{key}`: {problem}")]
    Value {
        /// The key with its section.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    /// An error of the TOML reader, at its line.
    pub(super) fn in_text(file: &Path, text: &str, e: &toml::de::Error) -> Self {
        let before = e.span().and_then(|s| text.get(..s.start)).unwrap_or_default();
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self::Text { place: format!("{}:{line}:{column}", file.display()), problem: explain(e.message()) }
    }

    /// An error of the TOML reader in a place without lines.
    pub(super) fn elsewhere(place: String, e: &toml::de::Error) -> Self {
        Self::Text { place, problem: explain(e.message()) }
    }
}

/// Turns serde's account of an unknown key or word into advice; other messages pass.
fn explain(message: &str) -> String {
    for (start, what) in [("unknown field ", "key"), ("unknown variant ", "word")] {
        if let Some(rest) = message.strip_prefix(start) {
            // `got`, expected one of `a`, `b`
            let mut quoted = rest.split('`').skip(1).step_by(2);
            let got = quoted.next().unwrap_or_default();
            let known: Vec<&str> = quoted.collect();
            return advice(what, got, &known);
        }
    }
    message.lines().collect::<Vec<_>>().join("; ")
}

fn advice(what: &str, got: &str, known: &[&str]) -> String {
    let mut text = format!("unknown {what} `{got}`");
    if let Some(near) = nearest(got, known) {
        let _ = write!(text, ", did you mean `{near}`?");
    }
    if known.is_empty() {
        text.push_str("; nothing is known here");
    } else {
        let mut sorted = known.to_vec();
        sorted.sort_unstable();
        let _ = write!(text, " (known here: {})", sorted.join(", "));
    }
    text
}

/// The known word that a misspelt one most likely meant: at most a third of its letters wrong, two in short words, or
/// one the beginning of the other.
fn nearest<'a>(got: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (got.chars().count() / 3).max(2);
    known
        .iter()
        .map(|k| {
            let d = strsim::damerau_levenshtein(got, k);
            let contained = got.len() >= 3 && (k.starts_with(got) || got.starts_with(*k));
            (if contained { d.min(limit) } else { d }, *k)
        })
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_named_and_a_wild_one_is_not() {
        let known = ["listen", "level", "connections"];
        assert_eq!(nearest("lissten", &known), Some("listen"));
        assert_eq!(nearest("max_conn", &known), None);
        assert_eq!(nearest("conn", &known), Some("connections"));
        assert_eq!(nearest("zzz", &known), None);
    }

    #[test]
    fn the_readers_messages_are_understood() {
        let m = explain("unknown field `lissten`, expected one of `listen`, `limit`");
        assert_eq!(m, "unknown key `lissten`, did you mean `listen`? (known here: limit, listen)");
        assert_eq!(
            explain("unknown variant `jsn`, expected `text` or `json`"),
            "unknown word `jsn`, did you mean `json`? (known here: json, text)"
        );
    }
}
