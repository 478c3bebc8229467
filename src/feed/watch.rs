//! A directory into which others put files.
//!
//! A file is read when two looks find it with the same size and time of modification, so that one being written is left
//! alone; and read again only when either has changed.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files looked at in one directory; more are ignored and said to be.
const MOST_FILES: usize = 10_000;
/// Between two looks while a file is new.
const SETTLE: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
type Stamp = (u64, Option<SystemTime>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// At the last look it was so.
    Once(Stamp),
    /// It was handed out in this state.
    Taken(Stamp),
}

/// The memory of a watched directory.
#[derive(Debug)]
pub(super) struct Watch {
    dir: PathBuf,
    every: Duration,
    files: HashMap<OsString, Seen>,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Files to read now, in the order of their names.
    pub(super) ready: Vec<PathBuf>,
    /// There are more files than are looked at.
    pub(super) too_many: bool,
}

impl Watch {
    pub(super) fn new(dir: &Path, every: Duration) -> Self {
        Self { dir: dir.to_owned(), every, files: HashMap::new() }
    }

    /// Looks once. Blocks on the file system.
    pub(super) fn look(&mut self) -> io::Result<Look> {
        let mut look = Look::default();
        let mut now: HashMap<OsString, Seen> = HashMap::with_capacity(self.files.len());
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(['.', '_']) {
                continue;
            }
            // A file that vanishes meanwhile is none; links are followed.
            let Ok(meta) = std::fs::metadata(entry.path()) else { continue };
            if !meta.is_file() {
                continue;
            }
            if now.len() >= MOST_FILES {
                look.too_many = true;
                break;
            }
            let stamp = (meta.len(), meta.modified().ok());
            let seen = match self.files.get(&name) {
                Some(Seen::Taken(taken)) if *taken == stamp => Seen::Taken(stamp),
                Some(Seen::Once(before)) if *before == stamp => {
                    look.ready.push(entry.path());
                    Seen::Taken(stamp)
                }
                _ => Seen::Once(stamp),
            };
            now.insert(name, seen);
        }
        self.files = now;
        look.ready.sort();
        Ok(look)
    }

    /// How long until the next look.
    pub(super) fn pause(&self) -> Duration {
        let settling = self.files.values().any(|s| matches!(s, Seen::Once(_)));
        if settling { SETTLE.min(self.every) } else { self.every }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(look: &Look) -> Vec<String> {
        look.ready.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_taken_once_when_it_is_still() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(dir.path(), Duration::from_secs(30));
        assert_eq!(watch.look().unwrap(), Look::default());
        assert_eq!(watch.pause(), Duration::from_secs(30));

        fs::write(dir.path().join("b"), "half").unwrap();
        fs::write(dir.path().join("a"), "whole").unwrap();
        fs::write(dir.path().join(".hidden"), "x").unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        assert!(watch.look().unwrap().ready.is_empty());
        assert_eq!(watch.pause(), SETTLE);
        fs::write(dir.path().join("b"), "half and half").unwrap();
        assert_eq!(names(&watch.look().unwrap()), ["a"], "b is still growing");
        assert_eq!(names(&watch.look().unwrap()), ["b"]);
        assert!(watch.look().unwrap().ready.is_empty());
        assert_eq!(watch.pause(), Duration::from_secs(30));

        // Changed: again, once.
        fs::write(dir.path().join("a"), "whole and more").unwrap();
        assert!(watch.look().unwrap().ready.is_empty());
        assert_eq!(names(&watch.look().unwrap()), ["a"]);
        assert!(watch.look().unwrap().ready.is_empty());
        // Gone and back.
        fs::remove_file(dir.path().join("a")).unwrap();
        watch.look().unwrap();
        fs::write(dir.path().join("a"), "whole").unwrap();
        watch.look().unwrap();
        assert_eq!(names(&watch.look().unwrap()), ["a"]);
    }

    #[test]
    fn a_missing_directory_is_an_error_each_time_and_heals() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("in");
        let mut watch = Watch::new(&inside, Duration::from_secs(1));
        assert!(watch.look().is_err());
        fs::create_dir(&inside).unwrap();
        assert!(watch.look().is_ok());
    }
}
