//! Shared help of the tests.

pub(crate) mod ephemerides;
pub(crate) mod shelves;
pub(crate) mod sky;

use std::path::PathBuf;

/// The directory of reference data, named by `GROMA_SHARED`. Where it is not set, the test named `test` says that it was
/// skipped and gets `None`.
///
/// # Panics
/// In continuous integration (`CI` set), where the data must be there.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("GROMA_SHARED") {
        return Some(dir.into());
    }
    assert!(std::env::var_os("CI").is_none(), "{test}: GROMA_SHARED must be set in continuous integration");
    eprintln!("skipped: {test}: GROMA_SHARED is not set");
    None
}
