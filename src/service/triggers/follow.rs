//! Reports that are kept, and those who follow them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::engine::Inner;
use super::report::TriggerReport;
use super::state::Running;
use super::stored;
use super::trigger::TriggerId;
use crate::store::{Change, Shelf, StoreError};

/// Reports read from the store together.
const PAGE: usize = 64;

/// What one who follows a trigger is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A report.
    Report(Arc<TriggerReport>),
    /// So many reports are not kept any more.
    Missed(u64),
}

/// One who follows a trigger.
pub struct Following {
    inner: Arc<Inner>,
    running: Arc<Running>,
    kept: tokio::sync::watch::Receiver<u64>,
    /// The number of the last report given.
    after: u64,
    page: VecDeque<Arc<TriggerReport>>,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").field("after", &self.after).finish_non_exhaustive()
    }
}

impl Following {
    pub(super) fn new(inner: Arc<Inner>, running: Arc<Running>, after: u64) -> Self {
        let kept = running.kept.subscribe();
        // Nobody has seen a report that there has not been.
        let after = after.min(*kept.borrow());
        Self { inner, running, kept, after, page: VecDeque::new() }
    }

    /// The next; `Ok(None)` when the trigger is over and its last report has been given, or when the server stops. Nothing is
    /// lost when the future is dropped.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next(&mut self) -> Result<Option<Told>, StoreError> {
        loop {
            if let Some(report) = self.page.front() {
                let missed = report.sequence.saturating_sub(self.after + 1);
                if missed > 0 {
                    self.after += missed;
                    return Ok(Some(Told::Missed(missed)));
                }
                self.after = report.sequence;
                return Ok(self.page.pop_front().map(Told::Report));
            }
            // Before the look, so that what comes after it wakes.
            let newest = *self.kept.borrow_and_update();
            let over = self.running.progress().over;
            if newest > self.after {
                self.page = self.read().await?;
                if !self.page.is_empty() {
                    continue;
                }
                // They were removed with the trigger.
                self.after = newest;
            }
            if over {
                return Ok(None);
            }
            tokio::select! {
                () = self.inner.parts.stop.cancelled() => return Ok(None),
                changed = self.kept.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    /// Reports behind the last one given.
    async fn read(&self) -> Result<VecDeque<Arc<TriggerReport>>, StoreError> {
        let id = &self.running.trigger.id;
        let shelved = self
            .inner
            .parts
            .store
            .list_shelf(Shelf::TriggerReports, Some(&key(id, self.after)), PAGE)
            .await?;
        let own = prefix(id);
        let reports = shelved.into_iter().take_while(|(key, _)| key.starts_with(&own));
        let read = reports.filter_map(|(_, value)| {
            let report = stored::read(&self.running.trigger, &value);
            if report.is_none() {
                tracing::error!("a report in the store is not understood");
            }
            report.map(Arc::new)
        });
        Ok(read.collect())
    }
}

/// What all keys of a trigger's reports begin with.
fn prefix(id: &TriggerId) -> Vec<u8> {
    let mut key = id.as_str().as_bytes().to_vec();
    key.push(b'/');
    key
}

fn key(id: &TriggerId, sequence: u64) -> Vec<u8> {
    let mut key = prefix(id);
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The change that keeps a report.
pub(super) fn record(report: &TriggerReport) -> Result<Change, StoreError> {
    let value = stored::write(report).ok_or(StoreError::Unstorable)?;
    Ok(Change::Put(Shelf::TriggerReports, key(&report.trigger.id, report.sequence), value))
}

/// The change that removes a report.
pub(super) fn removal(id: &TriggerId, sequence: u64) -> Change {
    Change::Remove(Shelf::TriggerReports, key(id, sequence))
}
