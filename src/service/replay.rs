//! Counters against replay: each SUPL INIT under a key bears a larger one than any before, whatever happens to the server.
//!
//! Counters are reserved in the store a few at a time before the first of them is used. What was reserved and not used when
//! the server ends is never used: 65535 counters outlast some thousand restarts and as many INITs as there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::store::{Change, Shelf, Store, StoreError};

/// Counters reserved together.
const SPAN: u32 = 16;
/// The largest there is.
const LARGEST: u32 = u16::MAX as u32;
/// Below so many left the operator is told.
const FEW: u32 = 4096;

/// Why there is no counter.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum NoCounter {
    /// All of them have been used: the key must be replaced.
    #[error("the key's counters are used up")]
    UsedUp,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// By what a key's counters are kept: a digest of it, so that no key is written down.
type Row = [u8; 16];

/// Counters that are reserved: `next..end`. Nothing is known at first.
type Span = Option<(u32, u32)>;

/// The counters of all keys.
pub(super) struct Replay {
    store: Arc<dyn Store>,
    /// One for each key of a profile that was used since the start.
    keys: Mutex<HashMap<Row, Arc<tokio::sync::Mutex<Span>>>>,
}

impl Replay {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, keys: Mutex::default() }
    }

    /// The next counter under a key, not smaller than `from`.
    pub(super) async fn next(&self, key_id: [u8; 8], key: &[u8], from: u16) -> Result<u16, NoCounter> {
        let row = row(key_id, key);
        let span = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(row).or_default())
        };
        let mut span = span.lock().await;
        let (next, end) = if let Some(known) = *span {
            known
        } else {
            let first = self.first_free(&row).await?;
            (first, first)
        };
        let next = next.max(from.into());
        let Some(counter) = u16::try_from(next).ok() else { return Err(NoCounter::UsedUp) };
        let end = if next < end {
            end
        } else {
            let end = (next + SPAN).min(LARGEST + 1);
            let value = end.to_be_bytes().to_vec();
            self.store.change(vec![Change::Put(Shelf::Counters, row.to_vec(), value)]).await?;
            let left = LARGEST + 1 - end;
            if left < FEW {
                tracing::warn!(
                    left,
                    "a subscriber's key for SUPL INIT must soon be replaced: its counters run out"
                );
            }
            end
        };
        *span = Some((next + 1, end));
        Ok(counter)
    }

    /// The first counter that was never reserved.
    async fn first_free(&self, row: &Row) -> Result<u32, StoreError> {
        let value = self.store.read_shelf(Shelf::Counters, row).await?;
        Ok(match value {
            None => 1,
            // What cannot be read must not make counters go back.
            Some(v) => v.try_into().map_or(LARGEST + 1, u32::from_be_bytes),
        })
    }
}

fn row(key_id: [u8; 8], key: &[u8]) -> Row {
    let mut hash = Sha256::new();
    hash.update(b"counter of SUPL INIT");
    hash.update(key_id);
    hash.update(key);
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Config, SledStore};

    fn store(dir: &tempfile::TempDir) -> Arc<dyn Store> {
        Arc::new(SledStore::open(&Config { path: dir.path().join("store"), ..Config::default() }).unwrap())
    }

    #[tokio::test]
    async fn counters_only_go_up_whatever_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut last = 0;
        for _ in 0..3 {
            // Nothing is said to the store at the end: as after a kill.
            let replay = Replay::new(store(&dir));
            for _ in 0..20 {
                let next = replay.next([1; 8], b"key", 1).await.unwrap();
                assert!(next > last, "{next} after {last}");
                last = next;
            }
        }
        assert!(last <= 3 * 36, "few are lost: {last}");
        let replay = Replay::new(store(&dir));
        assert_eq!(replay.next([1; 8], b"another key", 1).await.unwrap(), 1, "each key has its own");
        assert_eq!(replay.next([2; 8], b"key", 1).await.unwrap(), 1);
        assert_eq!(replay.next([2; 8], b"key", 500).await.unwrap(), 500, "larger where the profile says so");
        assert_eq!(replay.next([2; 8], b"key", 1).await.unwrap(), 501);
    }

    #[tokio::test]
    async fn many_at_once_share_none() {
        let dir = tempfile::tempdir().unwrap();
        let replay = Arc::new(Replay::new(store(&dir)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let replay = Arc::clone(&replay);
            tasks.spawn(async move { replay.next([1; 8], b"key", 1).await.unwrap() });
        }
        let mut all = tasks.join_all().await;
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200);
    }

    #[tokio::test]
    async fn they_run_out_and_do_not_wrap() {
        let dir = tempfile::tempdir().unwrap();
        let replay = Replay::new(store(&dir));
        assert_eq!(replay.next([1; 8], b"key", 65_534).await.unwrap(), 65_534);
        assert_eq!(replay.next([1; 8], b"key", 1).await.unwrap(), 65_535);
        assert!(matches!(replay.next([1; 8], b"key", 1).await, Err(NoCounter::UsedUp)));
        drop(replay);
        let replay = Replay::new(store(&dir));
        assert!(matches!(replay.next([1; 8], b"key", 1).await, Err(NoCounter::UsedUp)));
    }
}
