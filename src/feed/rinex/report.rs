//! What an import found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::base::broadcast::Gnss;

/// Why a record was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// A value is missing: the record is cut short or has a blank where a number belongs.
    Missing,
    /// A field holds no number.
    NotANumber,
    /// A value does not fit the broadcast field that it stands for.
    OutOfRange,
    /// The date is none.
    BadEpoch,
    /// Values contradict each other (issue of data, source of the message).
    Inconsistent,
    /// The satellite is not one that can be.
    UnknownSatellite,
    /// A message type without a model here (CNAV, CNAV-2, B-CNAV, BDGIM, L1NV…).
    UnsupportedMessage,
    /// A line is longer than lines may be.
    OverlongLine,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing value",
            Self::NotANumber => "not a number",
            Self::OutOfRange => "out of range",
            Self::BadEpoch => "bad epoch",
            Self::Inconsistent => "inconsistent",
            Self::UnknownSatellite => "unknown satellite",
            Self::UnsupportedMessage => "unsupported message",
            Self::OverlongLine => "overlong line",
        })
    }
}

/// A record that was left out, with the first line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line number, from 1.
    pub line: u64,
    /// What was wrong.
    pub reason: Skip,
    /// With which field.
    pub field: &'static str,
}

/// How many problems are listed one by one; all are counted.
const MAX_PROBLEMS: usize = 20;

/// What a file is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RINEX.
    #[default]
    Rinex,
    /// Recorded RTCM.
    Rtcm,
}

/// Account of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// What the file is written in.
    pub format: Format,
    /// Its version, such as 3.05.
    pub version: f64,
    /// Ephemerides read, by system.
    pub records: BTreeMap<Gnss, usize>,
    /// Models read: ionosphere, UTC, time offsets, Earth orientation.
    pub models: usize,
    /// Records left out, by reason.
    pub skipped: BTreeMap<Skip, usize>,
    /// The first of the problems.
    pub problems: Vec<Problem>,
    /// The stream broke off (a truncated archive); what came before it was read.
    pub incomplete: bool,
    /// Lines read.
    pub lines: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
}

impl ImportReport {
    /// Number of ephemerides read.
    pub fn total(&self) -> usize {
        self.records.values().sum()
    }

    /// Number of records left out.
    pub fn total_skipped(&self) -> usize {
        self.skipped.values().sum()
    }

    pub(super) fn skip(&mut self, line: u64, reason: Skip, field: &'static str) {
        *self.skipped.entry(reason).or_insert(0) += 1;
        if self.problems.len() < MAX_PROBLEMS && reason != Skip::UnsupportedMessage {
            self.problems.push(Problem { line, reason, field });
        }
    }
}

/// One line for people: `RINEX 3.05: 8653 ephemerides (gps 436, galileo 5663, …), 9 models, 2 skipped (out of range 2)`.
impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Rinex => write!(f, "RINEX {:.2}", self.version)?,
            Format::Rtcm => write!(f, "RTCM {:.0}", self.version)?,
        }
        write!(f, ": {} ephemerides", self.total())?;
        list(f, self.records.iter().map(|(g, n)| (g.name().to_owned(), *n)))?;
        write!(f, ", {} models, {} skipped", self.models, self.total_skipped())?;
        list(f, self.skipped.iter().map(|(s, n)| (s.to_string(), *n)))?;
        if self.incomplete {
            f.write_str(", the file breaks off")?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = (String, usize)>) -> fmt::Result {
    let mut open = false;
    for (name, n) in items {
        f.write_str(if open { ", " } else { " (" })?;
        write!(f, "{name} {n}")?;
        open = true;
    }
    if open { f.write_str(")") } else { Ok(()) }
}
