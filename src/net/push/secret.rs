//! Names and passwords for the next node of a bearer: read when they are needed, never shown.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) password: String,
}

/// Why there is none. Nothing of the secret is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no such variable.
    #[error("the environment variable {0} is not set")]
    Missing(String),
    /// What was read is something else.
    #[error("{0}: expected one line NAME:PASSWORD")]
    Form(String),
}

impl Secret {
    fn parse(text: &str, place: &str) -> Result<Self, SecretError> {
        let line = text.trim_end_matches(['\r', '\n']);
        let fine = line.len() <= 512 && !line.chars().any(char::is_control);
        match line.split_once(':') {
            Some((name, password)) if fine => {
                Ok(Self { name: name.to_owned(), password: password.to_owned() })
            }
            _ => Err(SecretError::Form(place.to_owned())),
        }
    }

    /// From a file with one line `NAME:PASSWORD`, else from an environment variable with the same; `None` when neither is
    /// named.
    pub(super) fn load(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Self>, SecretError> {
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| SecretError::Read { path: path.to_owned(), source })?;
            return Self::parse(&text, &path.display().to_string()).map(Some);
        }
        let Some(name) = variable else { return Ok(None) };
        let text = std::env::var(name).map_err(|_| SecretError::Missing(name.to_owned()))?;
        Self::parse(&text, name).map(Some)
    }
}

impl Secret {
    /// The value of an `Authorization` header of the scheme Basic (RFC 7617).
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", base64(format!("{}:{}", self.name, self.password).as_bytes()))
    }
}

/// Octets as hexadecimal digits.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut out, b| {
        // Writing to a string does not fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// RFC 4648, 4.
fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(octets.len().div_ceil(3) * 4);
    for three in octets.chunks(3) {
        let bits = three.iter().fold(0_u32, |v, b| v << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn it_is_read_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "lp:se:same\n").unwrap();
        let s = Secret::load(Some(&path), Some("IGNORED")).unwrap().unwrap();
        assert_eq!((s.name.as_str(), s.password.as_str()), ("lp", "se:same"));
        assert_eq!(format!("{s:?}"), "Secret(…)");
        std::fs::write(&path, "sesame").unwrap();
        let error = Secret::load(Some(&path), None).unwrap_err().to_string();
        assert!(error.contains("NAME:PASSWORD") && !error.contains("sesame"), "{error}");
        assert_eq!(Secret::load(None, None).unwrap(), None);
        assert!(Secret::load(None, Some("GROMA_NO_SUCH_VARIABLE")).is_err());
    }
}
