//! The journal over a restart.
//!
//! Every start takes 2³² numbers in the store before it gives any of them to a position, so that none is used twice, however
//! the server ends. When it is stopped in order, what the journal holds is put into the store, and the next start goes on
//! where it ended. When it is killed, the positions of before are in the position record only: whoever resumes behind one of
//! them is told that it lagged.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::journal::{Contents, Heard};
use crate::base::{LocationEstimate, Utc};
use crate::service::parse_identity;
use crate::store::{Change, Shelf, Store, StoreError};

/// Numbers that one start takes.
const BLOCK: u64 = 1 << 32;
/// Positions in one record.
const TOGETHER: usize = 256;
/// Records written at once.
const RECORDS: usize = 16;
/// The key of the mark; those of positions begin with another octet.
const MARK: &[u8] = b"m";

/// How far the numbers have come.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// The journal's name.
    name: u32,
    /// No position has this number or a higher one.
    next: u64,
    /// The number of the oldest position that is kept, where the server was stopped in order.
    first: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    sequence: u64,
    target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
    ordered: bool,
    at: Utc,
    estimate: LocationEstimate,
}

fn entry(heard: &Heard) -> Entry {
    let key = crate::base::SetId::storage_key;
    Entry {
        sequence: heard.sequence,
        target: key(&heard.target),
        canonical: (heard.canonical != heard.target).then(|| key(&heard.canonical)),
        ordered: heard.ordered,
        at: heard.at,
        estimate: (*heard.estimate).clone(),
    }
}

/// The position of an entry; `None` where its identity cannot be written as text. It is known by its number only then.
fn heard(entry: Entry) -> Option<Heard> {
    let target = parse_identity(&entry.target)?;
    let canonical = match &entry.canonical {
        Some(text) => parse_identity(text)?,
        None => target.clone(),
    };
    let Entry { sequence, ordered, at, estimate, .. } = entry;
    Some(Heard { sequence, target, canonical, estimate: Arc::new(estimate), ordered, at })
}

fn put_mark(mark: &Mark) -> Result<Change, StoreError> {
    let value = serde_json::to_vec(mark).map_err(|_| StoreError::Unstorable)?;
    Ok(Change::Put(Shelf::Journal, MARK.to_vec(), value))
}

fn key(sequence: u64) -> Vec<u8> {
    [&b"p"[..], &sequence.to_be_bytes()].concat()
}

/// Takes the journal out of the store: from then on the store holds nothing but how far the numbers may come. `name` is for
/// a store that has none.
pub(super) async fn take(store: &dyn Store, name: u32) -> Result<Contents, StoreError> {
    let found = store.read_shelf(Shelf::Journal, MARK).await?;
    let mark = found.and_then(|value| serde_json::from_slice::<Mark>(&value).ok());
    let mark = mark.unwrap_or(Mark { name, next: 1, first: None });
    let mut contents = Contents { name: mark.name, next: mark.next, kept: VecDeque::new() };
    let mut changes = vec![put_mark(&Mark { next: mark.next.saturating_add(BLOCK), first: None, ..mark })?];
    let mut after = MARK.to_vec();
    loop {
        let page = store.list_shelf(Shelf::Journal, Some(&after), RECORDS).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        for (key, value) in page {
            changes.push(Change::Remove(Shelf::Journal, key));
            let entries = serde_json::from_slice::<Vec<Entry>>(&value).unwrap_or_default();
            for entry in entries {
                let Some(first) = mark.first.filter(|f| (*f..mark.next).contains(&entry.sequence)) else {
                    continue;
                };
                let place = entry.sequence - first;
                // What was forgotten left gaps.
                while (contents.kept.len() as u64) < place {
                    contents.kept.push_back(None);
                }
                contents.kept.push_back(heard(entry).map(Arc::new));
            }
        }
    }
    if let Some(first) = mark.first {
        let all = usize::try_from(mark.next.saturating_sub(first)).unwrap_or(0).min(10_000_000);
        contents.kept.resize(all, None);
    }
    store.change(changes).await?;
    Ok(contents)
}

/// Puts the journal into the store.
pub(super) async fn put(store: &dyn Store, contents: Contents) -> Result<(), StoreError> {
    let Contents { name, next, kept } = contents;
    let first = next - kept.len() as u64;
    let entries: Vec<Entry> = kept.iter().flatten().map(|h| entry(h)).collect();
    let mut changes = Vec::new();
    for chunk in entries.chunks(TOGETHER) {
        let Some(begin) = chunk.first() else { continue };
        let value = serde_json::to_vec(chunk).map_err(|_| StoreError::Unstorable)?;
        changes.push(Change::Put(Shelf::Journal, key(begin.sequence), value));
        if changes.len() >= RECORDS {
            store.change(std::mem::take(&mut changes)).await?;
        }
    }
    // Last, so that it vouches for all.
    changes.push(put_mark(&Mark { name, next, first: Some(first) })?);
    store.change(changes).await
}
