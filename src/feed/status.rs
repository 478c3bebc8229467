//! How the sources do, for the status page and the metrics.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::base::Utc;

/// How one source does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatus {
    /// What it is called: a directory, an address without password, `simulated`.
    pub name: String,
    /// `simulated`, `directory` or `http`.
    pub kind: &'static str,
    /// When it was last read with success.
    pub last_success: Option<Utc>,
    /// What went wrong the last time, unless it went well since.
    pub last_error: Option<String>,
    /// Ephemerides taken from it since the start.
    pub records: u64,
    /// Records of it that were left out since the start.
    pub rejected: u64,
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
        all.push(SourceStatus {
            name,
            kind,
            last_success: None,
            last_error: None,
            records: 0,
            rejected: 0,
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
