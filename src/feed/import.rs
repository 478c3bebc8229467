//! Files named on the command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::rinex::{self, ImportReport};
use super::rtcm;
use super::{FeedError, to_records};
use crate::base::{GpsTime, Utc};
use crate::gnss::{AgePolicy, SkyUpdate};
use crate::store::{Store, StoreError};

/// What became of each file.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order in which they were read.
    pub files: Vec<FileReport>,
}

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What was in it, or why it could not be read.
    pub result: Result<ImportReport, FeedError>,
}

impl Report {
    /// Ephemerides read, of all files.
    pub fn total(&self) -> usize {
        self.files.iter().filter_map(|f| f.result.as_ref().ok()).map(ImportReport::total).sum()
    }

    /// Files that could not be read.
    pub fn failed(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().filter(|f| f.result.is_err())
    }
}

/// Reads files, and the files of directories (one level, hidden ones left out), and gives each one's content to `sink`. A file
/// that cannot be read does not keep the others from it. Blocks.
pub fn import(paths: &[PathBuf], now: Utc, sink: &mut dyn FnMut(SkyUpdate)) -> Report {
    let mut report = Report::default();
    for path in paths {
        let files = match files_of(path) {
            Ok(files) => files,
            Err(source) => {
                let result = Err(FeedError::Read { path: path.clone(), source });
                report.files.push(FileReport { path: path.clone(), result });
                continue;
            }
        };
        for path in files {
            let result = read_file(&path, now).map(|(update, report)| {
                sink(update);
                report
            });
            report.files.push(FileReport { path, result });
        }
    }
    report
}

/// Imports into a store, durably. Data that have expired are taken in too: a clock set to their date may ask for them.
///
/// # Errors
/// Those of the store; what was imported before stays.
pub fn import_into(
    store: &dyn Store,
    policy: &AgePolicy,
    paths: &[PathBuf],
    now: Utc,
) -> Result<Report, StoreError> {
    let mut stored = Ok(());
    let report = import(paths, now, &mut |update| {
        if stored.is_ok() {
            stored = store.put_sky(to_records(&update, policy, GpsTime::from_ns(i64::MIN))).wait();
        }
    });
    stored.map(|()| report)
}

/// Reads one navigation file: RINEX, or a recorded RTCM stream.
pub(super) fn read_file(path: &Path, now: Utc) -> Result<(SkyUpdate, ImportReport), FeedError> {
    let failed = |source| FeedError::Read { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let open = || File::open(path).map_err(failed);
    let mut beginning = Vec::new();
    // A damaged archive is left to those who can say what is wrong with it.
    let _ = plain(BufReader::new(open()?), &mut beginning);
    if rtcm::is_rtcm(&beginning) {
        return rtcm::read_file(open()?, &name, now).map_err(failed);
    }
    rinex::read(open()?, &name, now).map_err(|source| FeedError::Rinex { path: path.to_owned(), source })
}

/// The first kibibytes of a file, decompressed.
fn plain(mut file: impl BufRead, beginning: &mut Vec<u8>) -> std::io::Result<()> {
    const LOOK: u64 = 4096;
    if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(file).take(LOOK).read_to_end(beginning)?;
    } else {
        file.take(LOOK).read_to_end(beginning)?;
    }
    Ok(())
}

fn files_of(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && std::fs::metadata(entry.path()).is_ok_and(|m| m.is_file()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SledStore;

    #[test]
    fn a_bad_file_does_not_stop_the_others() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rnx"), "not RINEX\n").unwrap();
        std::fs::write(dir.path().join(".hidden"), "x").unwrap();
        let missing = dir.path().join("missing");
        let mut updates = 0;
        let report = import(&[missing, dir.path().to_owned()], Utc::from_unix_s(0), &mut |_| updates += 1);
        assert_eq!((report.files.len(), report.failed().count(), report.total(), updates), (2, 2, 0, 0));
        assert!(matches!(report.files[0].result, Err(FeedError::Read { .. })));
        assert!(matches!(report.files[1].result, Err(FeedError::Rinex { .. })));
    }

    #[test]
    fn a_real_day_survives_in_the_store() {
        let Some(shared) = crate::testing::shared("a_real_day_survives_in_the_store") else { return };
        let dir = tempfile::tempdir().unwrap();
        let config = crate::store::Config { path: dir.path().to_owned(), ..Default::default() };
        let file = shared.join("gnss/nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz");
        let policy = AgePolicy::default();
        let now: Utc = "2026-01-01T00:00:00Z".parse().unwrap();
        let read = {
            let store = SledStore::open(&config).unwrap();
            import_into(&store, &policy, &[file], now).unwrap().total()
        };
        assert!(read > 5000);
        let store = SledStore::open(&config).unwrap();
        let at = GpsTime::from_utc("2023-01-01T11:00:00Z".parse().unwrap());
        let records = store.load_sky(at).wait().unwrap();
        assert!(records.len() > 1000 && records.iter().all(|r| r.expires >= at));
        assert_eq!(store.load_sky(GpsTime::from_utc(now)).wait().unwrap(), []);
    }
}
