//! How the sources do, for the status page and the metrics.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::base::Utc;

/// How one source does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatus {
    /// What it is called: a directory, an address without password, `simulated`.
    pub name: String,
    /// `simulated`, `directory`, `http`, `ntrip` or `rtcm`.
    pub kind: &'static str,
    /// Place among the sources, 0 the most trusted.
    pub rank: usize,
    /// When it was last read with success; of a stream, when its last message came.
    pub last_success: Option<Utc>,
    /// What went wrong the last time, unless it went well since.
    pub last_error: Option<String>,
    /// Ephemerides taken from it since the start.
    pub records: u64,
    /// Records of it that were left out since the start.
    pub rejected: u64,
    /// Ephemerides of it that contradict others and were not believed, since the start.
    pub refused: u64,
    /// Messages of a stream that were of another time, since the start.
    pub stale: u64,
    /// Connections of a stream that ended or did not come about since the start.
    pub reconnects: u64,
    /// Attempts to read it that failed since the start.
    pub failures: u64,
    /// Whether the last attempt went well.
    pub healthy: bool,
}

/// The statuses of all sources, shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Statuses(Arc<Mutex<Vec<SourceStatus>>>);

impl Statuses {
    /// Adds a source; returns its place.
    pub(super) fn add(&self, name: String, kind: &'static str) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = all.len();
        all.push(SourceStatus {
            name,
            kind,
            rank,
            last_success: None,
            last_error: None,
            records: 0,
            rejected: 0,
            refused: 0,
            stale: 0,
            reconnects: 0,
            failures: 0,
            healthy: false,
        });
        all.len() - 1
    }

    pub(super) fn succeeded(&self, source: usize, at: Utc) {
        self.change(source, |s| {
            s.last_success = Some(at);
            s.last_error = None;
            s.healthy = true;
        });
    }

    pub(super) fn took(&self, source: usize, records: usize, rejected: usize) {
        self.change(source, |s| {
            s.records += records as u64;
            s.rejected += rejected as u64;
        });
    }

    pub(super) fn refused(&self, source: usize, records: usize) {
        self.change(source, |s| s.refused += records as u64);
    }

    pub(super) fn dropped(&self, source: usize, messages: usize) {
        self.change(source, |s| s.stale += messages as u64);
    }

    pub(super) fn reconnects(&self, source: usize) {
        self.change(source, |s| s.reconnects += 1);
    }

    /// A stream is of another time. It is no failure to connect, but not healthy either. Returns whether it was healthy.
    pub(super) fn replays(&self, source: usize, error: &str) -> bool {
        let mut news = false;
        self.change(source, |s| {
            news = s.healthy || s.last_error.is_none();
            s.last_error = Some(error.to_owned());
            s.healthy = false;
        });
        news
    }

    /// Returns whether this is news: another error than the last time.
    pub(super) fn failed(&self, source: usize, error: &str) -> bool {
        let mut news = false;
        self.change(source, |s| {
            news = s.last_error.as_deref() != Some(error);
            s.last_error = Some(error.to_owned());
            s.failures += 1;
            s.healthy = false;
        });
        news
    }

    pub(super) fn all(&self) -> Vec<SourceStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, source: usize, f: impl FnOnce(&mut SourceStatus)) {
        if let Some(s) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(source) {
            f(s);
        }
    }
}
