//! Reads the record and checks it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ring::hmac;
use serde_json::Value;

use super::chain::{self, Digest};
use super::{AuditError, io};
use crate::service::password::{hex, unhex};

/// File of the newest entry on the disk.
pub(super) const HEAD: &str = "head";
/// File of the key of the pseudonyms.
pub(super) const KEY: &str = "key";
/// Longest line that is taken for an entry.
const MAX_LINE: u64 = 64 * 1024;

pub(super) fn file_name(first: u64) -> String {
    format!("audit-{first:020}.jsonl")
}

/// The number that a file is named by.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.strip_prefix("audit-")?.parse().ok()
}

/// How a name appears in the record: half of an HMAC is enough to tell people apart.
pub(super) fn pseudonym_of(key: &hmac::Key, name: &[u8]) -> String {
    let tag = hmac::sign(key, name);
    hex(tag.as_ref().get(..16).unwrap_or_default())
}

/// The files of a record, the oldest first.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| io(folder, e))? {
        let path = entry.map_err(|e| io(folder, e))?.path();
        if number_of(&path).is_some() && path.extension().is_some_and(|e| e == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Removes all but the newest files (0 keeps all).
pub(super) fn keep_newest(folder: &Path, keep: u32) {
    if keep == 0 {
        return;
    }
    let Ok(files) = files(folder) else { return };
    for old in files.iter().take(files.len().saturating_sub(keep as usize)) {
        if let Err(error) = std::fs::remove_file(old) {
            tracing::warn!(%error, "an old file of the audit record stays");
        }
    }
}

/// How a file ends.
pub(super) struct End {
    /// Number and hash of the last whole entry.
    pub(super) last: Option<(u64, Digest)>,
    /// Octets up to its end.
    pub(super) len: u64,
    /// The chain holds throughout, save for an entry that was not finished.
    pub(super) sound: bool,
}

/// Reads a file to its end.
pub(super) fn end_of(path: &Path) -> Result<End, AuditError> {
    let mut end = End { last: None, len: 0, sound: true };
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        if !line.whole {
            break;
        }
        let first = end.last.is_none();
        let entry = parse(&line.text);
        let Some(entry) = entry else {
            end.sound = false;
            continue;
        };
        let before = if first { entry.previous } else { end.last.map(|(_, head)| head) };
        let follows = end.last.is_none_or(|(seq, _)| seq.checked_add(1) == Some(entry.seq));
        if !follows || before.is_none_or(|b| b.next(&entry.body) != entry.hash) {
            // What is written from now on follows the last entry that there is.
            end.sound = false;
        }
        end.last = Some((entry.seq, entry.hash));
        end.len = line.end;
    }
    end.sound &= end.last.is_some();
    Ok(end)
}

struct Line {
    text: Vec<u8>,
    /// It ends in a line feed.
    whole: bool,
    /// Octets of the file up to its end.
    end: u64,
}

struct Lines {
    reader: BufReader<File>,
    path: PathBuf,
    at: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::open(path).map_err(|e| io(path, e))?;
        Ok(Self { reader: BufReader::new(file), path: path.to_owned(), at: 0 })
    }

    fn next(&mut self) -> Result<Option<Line>, AuditError> {
        let mut text = Vec::new();
        let mut limited = std::io::Read::take(&mut self.reader, MAX_LINE);
        let n = limited.read_until(b'\n', &mut text).map_err(|e| io(&self.path, e))?;
        if n == 0 {
            return Ok(None);
        }
        self.at += n as u64;
        let whole = text.last() == Some(&b'\n');
        if whole {
            text.pop();
        }
        Ok(Some(Line { text, whole, end: self.at }))
    }
}

struct Parsed {
    seq: u64,
    previous: Option<Digest>,
    body: Vec<u8>,
    hash: Digest,
    value: Value,
}

fn parse(line: &[u8]) -> Option<Parsed> {
    let (body, hash) = chain::split(line)?;
    let value: Value = serde_json::from_slice(line).ok()?;
    let seq = value.get("seq")?.as_u64()?;
    let previous = value.get("previous").and_then(Value::as_str).and_then(Digest::parse);
    Some(Parsed { seq, previous, body: body.to_vec(), hash, value })
}

/// Where a record is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A line that is no entry.
    #[error("{}: line {line} is not an entry", file.display())]
    NotAnEntry {
        /// File.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
    },
    /// An entry that was changed, or whose predecessor is not what it was.
    #[error("{}: line {line} (entry {seq}) does not follow from what is before it: something was changed, removed or inserted", file.display())]
    Chain {
        /// File.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The number that the entry gives itself.
        seq: u64,
    },
    /// The end is missing.
    #[error("entries after {last} are missing: entry {head} was on the disk")]
    CutOff {
        /// The newest there is.
        last: u64,
        /// The newest there was.
        head: u64,
    },
    /// The entry that the head names is another one.
    #[error("entry {0} is not the one that was on the disk")]
    Head(u64),
    /// The server found the file before it damaged when it opened it.
    #[error("{}: the server found the record damaged before entry {seq}", file.display())]
    Noted {
        /// File.
        file: PathBuf,
        /// The entry that says so.
        seq: u64,
    },
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Files read.
    pub files: usize,
    /// Entries read.
    pub entries: u64,
    /// The oldest entry.
    pub first: u64,
    /// The newest entry, and its hash.
    pub last: (u64, Digest),
    /// Octets of an entry at the end that was not finished.
    pub unfinished: u64,
    /// What is wrong; nothing when the record is sound.
    pub breaks: Vec<Break>,
}

/// Goes through the entries of a record and checks them as it goes.
pub struct Reader {
    files: std::vec::IntoIter<PathBuf>,
    current: Option<(PathBuf, Lines, u64)>,
    last: Option<(u64, Digest)>,
    head: Option<(u64, Digest)>,
    found: Verified,
}

impl Reader {
    /// Opens the record in a folder. `head` is what its newest entry was known to be, where that was kept elsewhere; otherwise
    /// what the folder says itself.
    pub fn open(folder: &Path, head: Option<(u64, Digest)>) -> Result<Self, AuditError> {
        let files = files(folder)?;
        let note = folder.join(HEAD);
        let noted = match std::fs::read_to_string(&note) {
            Ok(text) => text
                .trim()
                .split_once(' ')
                .and_then(|(seq, hash)| Some((seq.parse().ok()?, Digest::parse(hash)?))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(io(&note, e)),
        };
        let found = Verified {
            files: files.len(),
            entries: 0,
            first: 0,
            last: (0, Digest::ORIGIN),
            unfinished: 0,
            breaks: Vec::new(),
        };
        Ok(Self { files: files.into_iter(), current: None, last: None, head: head.or(noted), found })
    }

    /// The next entry; those that are broken are left out and noted.
    pub fn next_entry(&mut self) -> Result<Option<Value>, AuditError> {
        loop {
            if self.current.is_none() {
                let Some(path) = self.files.next() else { return Ok(None) };
                self.current = Some((path.clone(), Lines::open(&path)?, 0));
            }
            let Some((path, lines, number)) = &mut self.current else { continue };
            let Some(line) = lines.next()? else {
                self.current = None;
                continue;
            };
            *number += 1;
            let (file, number) = (path.clone(), *number);
            if !line.whole && self.files.len() == 0 {
                // The server may be about to finish it.
                self.found.unfinished = line.text.len() as u64;
                continue;
            }
            match self.take(&line.text, file, number) {
                Ok(value) => return Ok(Some(value)),
                Err(broken) => self.found.breaks.push(broken),
            }
        }
    }

    fn take(&mut self, text: &[u8], file: PathBuf, line: u64) -> Result<Value, Break> {
        let Some(entry) = parse(text) else { return Err(Break::NotAnEntry { file, line }) };
        let before = match (self.last, line) {
            // The oldest file that there is says itself what it follows.
            (None, 1) => entry.previous,
            (None, _) => None,
            (Some((seq, hash)), _) => Some(hash).filter(|_| seq.checked_add(1) == Some(entry.seq)),
        };
        let says = line != 1 || entry.previous == before;
        let follows = before.is_some_and(|b| b.next(&entry.body) == entry.hash) && says;
        // After a break the rest is checked against itself.
        self.last = Some((entry.seq, entry.hash));
        if self.found.entries == 0 {
            self.found.first = entry.seq;
        }
        self.found.entries += 1;
        self.found.last = (entry.seq, entry.hash);
        if self.head.is_some_and(|(seq, hash)| seq == entry.seq && hash != entry.hash) {
            self.found.breaks.push(Break::Head(entry.seq));
        }
        if entry.value.get("what").and_then(Value::as_str) == Some("damage") {
            self.found.breaks.push(Break::Noted { file: file.clone(), seq: entry.seq });
        }
        if !follows {
            return Err(Break::Chain { file, line, seq: entry.seq });
        }
        Ok(entry.value)
    }

    /// What the check found; after the last entry.
    pub fn finish(mut self) -> Verified {
        if let Some((head, _)) = self.head
            && self.found.last.0 < head
        {
            self.found.breaks.push(Break::CutOff { last: self.found.last.0, head });
        }
        self.found
    }
}

/// Checks a whole record.
pub fn verify(folder: &Path, head: Option<(u64, Digest)>) -> Result<Verified, AuditError> {
    let mut reader = Reader::open(folder, head)?;
    while reader.next_entry()?.is_some() {}
    Ok(reader.finish())
}

/// The key of a record's pseudonyms.
pub(super) fn read_key(folder: &Path) -> Result<hmac::Key, AuditError> {
    let path = folder.join(KEY);
    let text = std::fs::read_to_string(&path).map_err(|e| io(&path, e))?;
    let key = unhex(text.trim()).filter(|k| k.len() == 32).ok_or(AuditError::Key { path })?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

/// How a subscriber appears in the record of a folder.
pub fn pseudonym_in(folder: &Path, id: &crate::base::SetId) -> Result<String, AuditError> {
    Ok(pseudonym_of(&read_key(folder)?, id.storage_key().as_bytes()))
}
