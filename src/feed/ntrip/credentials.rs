//! Name and password for a caster: read when they are needed, never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::feed::url::base64;

/// A name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(String);

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
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

impl Credentials {
    fn parse(text: &str, place: &str) -> Result<Self, CredentialsError> {
        let line = text.trim_end_matches(['\r', '\n']);
        let fine = line.contains(':') && line.len() <= 512 && !line.chars().any(char::is_control);
        if fine { Ok(Self(line.to_owned())) } else { Err(CredentialsError::Form(place.to_owned())) }
    }

    /// From the first that is given: a file with one line `NAME:PASSWORD`, or an environment variable with the same. `None` when
    /// neither is.
    ///
    /// # Errors
    /// When what is named is not there or holds something else; the error shows nothing of it.
    pub fn load(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Self>, CredentialsError> {
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| CredentialsError::Read { path: path.to_owned(), source })?;
            return Self::parse(&text, &path.display().to_string()).map(Some);
        }
        let Some(name) = variable else { return Ok(None) };
        let text = std::env::var(name).map_err(|_| CredentialsError::Missing(name.to_owned()))?;
        Self::parse(&text, name).map(Some)
    }

    /// For an `Authorization: Basic` header (RFC 7617).
    pub(super) fn basic(&self) -> String {
        base64(self.0.as_bytes())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "me:p@ss:word\n").unwrap();
        let c = Credentials::load(Some(&path), Some("IGNORED")).unwrap().unwrap();
        assert_eq!((c.basic().as_str(), format!("{c:?}").as_str()), ("bWU6cEBzczp3b3Jk", "Credentials(…)"));
        assert_eq!(Credentials::load(None, None).unwrap(), None);
        std::fs::write(&path, "sesame").unwrap();
        let error = Credentials::load(Some(&path), None).unwrap_err().to_string();
        assert!(error.contains("NAME:PASSWORD") && !error.contains("sesame"), "{error}");
        assert!(Credentials::load(Some(&dir.path().join("none")), None).is_err());
        let error = Credentials::load(None, Some("GROMA_NO_SUCH_VARIABLE")).unwrap_err().to_string();
        assert!(error.contains("GROMA_NO_SUCH_VARIABLE"), "{error}");
    }
}
