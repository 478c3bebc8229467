//! Reports on their way to clients: a queue in the store.
//!
//! What [`Outbox::put`] acknowledged is delivered, or becomes a dead letter that the operator sees; a restart changes nothing
//! of it. Reports of one lane go one after the other, the next when its predecessor was taken or given up. Between attempts
//! the pause doubles, give or take a quarter, so that many do not come back at one moment.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Client, Url};
use super::model::Body;
use super::{Reading, charset, parse};
use crate::base::Utc;
use crate::observe::Metrics;
use crate::store::{Change, Shelf, Store, StoreError};

/// How reports are pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most reports that wait, 1..=10000000; when there are so many, requests that would bring more are refused.
    /// Default 100000.
    pub max: u32,
    /// Most deliveries at once, 1..=10000. Default 64.
    pub concurrent: u32,
    /// Seconds a client gets to take a report, 1..=600. Default 15.
    pub timeout_s: u32,
    /// First pause after an attempt that failed, seconds, 1..=3600; it doubles with each. Default 2.
    pub retry_s: u32,
    /// Longest pause, seconds, 1..=86400. Default 300.
    pub max_retry_s: u32,
    /// Seconds after which a report is given up, 1..=31536000. Default 86400 (a day).
    pub give_up_s: u32,
    /// Dead letters that are kept, the newest; 0..=1000000. Default 1000.
    pub dead: u32,
    /// Roots, PEM, which clients' certificates may lead to besides those that browsers believe. Default: none.
    pub ca: Option<std::path::PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max: 100_000,
            concurrent: 64,
            timeout_s: 15,
            retry_s: 2,
            max_retry_s: 300,
            give_up_s: 86_400,
            dead: 1000,
            ca: None,
        }
    }
}

/// A report that is to reach a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Reports with the same lane keep their order.
    pub lane: String,
    /// The client.
    pub client: String,
    /// What kind of report it is, by its element.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// The document.
    pub document: String,
    /// Whether a verdict is expected in the answer (`slra`).
    pub verdict: bool,
    /// When it was written.
    pub created: Utc,
}

/// A report that was given up, as the operator sees it: without the document, which holds a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Number of the report.
    pub number: u64,
    /// The client.
    pub client: String,
    /// What kind of report it was.
    pub kind: String,
    /// Scheme, host and port it was for.
    pub place: String,
    /// When it was written, RFC 3339.
    pub created: String,
    /// When it was given up, RFC 3339.
    pub given_up: String,
    /// Attempts since the last start of the server.
    pub attempts: u32,
    /// What went wrong last.
    pub reason: String,
}

/// What the operator sees of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Reports that wait, by client.
    pub waiting: BTreeMap<String, u64>,
    /// Reports that were given up, the newest first.
    pub dead: Vec<DeadLetter>,
}

/// Why a report is not taken on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboxError {
    /// As many wait as may.
    #[error("as many reports wait as may")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The queue; cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    config: Config,
    store: Arc<dyn Store>,
    client: Client,
    metrics: Arc<Metrics>,
    now: Arc<dyn Fn() -> Utc + Send + Sync>,
    stop: CancellationToken,
    tasks: TaskTracker,
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    lanes: HashMap<String, VecDeque<u64>>,
    waiting: BTreeMap<String, u64>,
    count: usize,
    dead: VecDeque<DeadLetter>,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Attempt {
    Taken,
    /// Trying again is of no use.
    Refused(String),
    Failed(String),
}

impl Outbox {
    /// Reads what is in the store; [`Self::start`] goes on with it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        config: Config,
        store: Arc<dyn Store>,
        client: Client,
        metrics: Arc<Metrics>,
        now: Arc<dyn Fn() -> Utc + Send + Sync>,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let mut state = State::default();
        for (key, value) in everything(&*store, Shelf::Reports).await? {
            let Some(number) = number_of(&key) else { continue };
            state.next = state.next.max(number + 1);
            if let Ok(letter) = serde_json::from_slice::<Letter>(&value) {
                state.enqueue(number, &letter);
            } else {
                tracing::error!(number, "a report in the store is not understood");
            }
        }
        for (key, value) in everything(&*store, Shelf::DeadReports).await? {
            state.next = state.next.max(number_of(&key).map_or(0, |n| n + 1));
            state.dead.extend(serde_json::from_slice::<DeadLetter>(&value));
        }
        let room = Arc::new(Semaphore::new(config.concurrent.max(1) as usize));
        let inner = Inner {
            config,
            store,
            client,
            metrics,
            now,
            stop,
            tasks: TaskTracker::new(),
            room,
            state: Mutex::new(state),
        };
        inner.show();
        Ok(Self(Arc::new(inner)))
    }

    /// Begins to deliver what was in the store.
    pub fn start(&self) {
        let lanes: Vec<String> = self.0.state().lanes.keys().cloned().collect();
        for lane in lanes {
            self.0.spawn(lane);
        }
    }

    /// Takes reports on, together with other changes in the store: done when all of it is durable.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing of it has happened then.
    pub async fn put(&self, letters: Vec<Letter>, also: Vec<Change>) -> Result<(), OutboxError> {
        let inner = &self.0;
        let numbered: Vec<(u64, Letter)> = {
            let mut state = inner.state();
            if state.count + letters.len() > inner.config.max as usize {
                return Err(OutboxError::Full);
            }
            let first = state.next;
            state.next += letters.len() as u64;
            (first..).zip(letters).collect()
        };
        let mut changes = also;
        for (number, letter) in &numbered {
            let value = serde_json::to_vec(letter).map_err(|_| StoreError::Unstorable)?;
            changes.push(Change::Put(Shelf::Reports, number.to_be_bytes().to_vec(), value));
        }
        inner.store.change(changes).await?;
        let mut new = Vec::new();
        {
            let mut state = inner.state();
            for (number, letter) in numbered {
                if !state.lanes.contains_key(&letter.lane) {
                    new.push(letter.lane.clone());
                }
                state.enqueue(number, &letter);
            }
        }
        inner.show();
        for lane in new {
            inner.spawn(lane);
        }
        Ok(())
    }

    /// Whether more reports would be taken on.
    pub fn has_room(&self) -> bool {
        self.0.state().count < self.0.config.max as usize
    }

    /// What the operator sees.
    pub fn overview(&self) -> Overview {
        let state = self.0.state();
        Overview { waiting: state.waiting.clone(), dead: state.dead.iter().rev().cloned().collect() }
    }

    /// Waits for attempts under way to end, once the queue was told to stop.
    pub async fn stopped(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl State {
    fn enqueue(&mut self, number: u64, letter: &Letter) {
        let lane = self.lanes.entry(letter.lane.clone()).or_default();
        // Two that were stored at one moment may come back in either order.
        let place = lane.partition_point(|n| *n < number);
        lane.insert(place, number);
        *self.waiting.entry(letter.client.clone()).or_default() += 1;
        self.count += 1;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) {
        let state = self.state();
        self.metrics.mlp_reports_waiting.set(state.count as i64);
        self.metrics.mlp_reports_dead.set(state.dead.len() as i64);
    }

    fn spawn(self: &Arc<Self>, lane: String) {
        let inner = Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = inner.stop.cancelled() => {}
                () = inner.work(&lane) => {}
            }
        });
    }

    /// Delivers a lane until it is empty.
    async fn work(&self, lane: &str) {
        loop {
            let first = {
                let mut state = self.state();
                let first = state.lanes.get(lane).and_then(|q| q.front().copied());
                if first.is_none() {
                    // Whoever adds one from now on starts the lane anew.
                    state.lanes.remove(lane);
                }
                first
            };
            let Some(number) = first else { return };
            let key = number.to_be_bytes();
            let letter = match self.store.read_shelf(Shelf::Reports, &key).await {
                Ok(Some(value)) => serde_json::from_slice::<Letter>(&value).ok(),
                Ok(None) => None,
                Err(error) => {
                    tracing::error!(%error, "reports cannot be read");
                    tokio::time::sleep(Duration::from_secs(self.config.retry_s.max(1).into())).await;
                    continue;
                }
            };
            let mut changes = vec![Change::Remove(Shelf::Reports, key.to_vec())];
            let mut dead = None;
            if let Some(letter) = &letter
                && let Some(letter) = self.deliver(number, letter).await
            {
                changes.extend(self.bury(number, &letter));
                dead = Some(letter);
            }
            while let Err(error) = self.store.change(changes.clone()).await {
                tracing::error!(%error, "a report that was delivered cannot be removed");
                tokio::time::sleep(Duration::from_secs(self.config.retry_s.max(1).into())).await;
            }
            {
                let mut state = self.state();
                if let Some(queue) = state.lanes.get_mut(lane) {
                    queue.retain(|n| *n != number);
                }
                state.count = state.count.saturating_sub(1);
                if let Some(letter) = letter
                    && let Some(n) = state.waiting.get_mut(&letter.client)
                {
                    *n = n.saturating_sub(1);
                    if *n == 0 {
                        state.waiting.remove(&letter.client);
                    }
                }
                state.dead.extend(dead);
                while state.dead.len() > self.config.dead as usize {
                    state.dead.pop_front();
                }
            }
            self.show();
        }
    }

    /// What the store has to do for a report that is given up.
    fn bury(&self, number: u64, dead: &DeadLetter) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.config.dead > 0
            && let Ok(value) = serde_json::to_vec(dead)
        {
            changes.push(Change::Put(Shelf::DeadReports, number.to_be_bytes().to_vec(), value));
        }
        let state = self.state();
        let surplus = (state.dead.len() + 1).saturating_sub(self.config.dead as usize);
        let old = state.dead.iter().take(surplus);
        changes.extend(old.map(|d| Change::Remove(Shelf::DeadReports, d.number.to_be_bytes().to_vec())));
        changes
    }

    /// Tries until the report is taken; a dead letter when it is given up.
    async fn deliver(&self, number: u64, letter: &Letter) -> Option<DeadLetter> {
        let url = letter.url.parse::<Url>().ok();
        let mut attempts = 0_u32;
        loop {
            attempts += 1;
            let attempt = match &url {
                Some(url) => {
                    let _room = self.room.acquire().await.ok()?;
                    self.attempt(url, letter).await
                }
                None => Attempt::Refused("not a URL".to_owned()),
            };
            let word = match &attempt {
                Attempt::Taken => "taken",
                Attempt::Refused(_) => "refused",
                Attempt::Failed(_) => "failed",
            };
            let kind = kind_label(&letter.kind);
            self.metrics.mlp_report_attempts.get_or_create(&[("kind", kind), ("outcome", word)]).inc();
            let now = (self.now)();
            let (reason, over) = match attempt {
                Attempt::Taken => return None,
                Attempt::Refused(reason) => (reason, true),
                Attempt::Failed(reason) => {
                    let give_up = Duration::from_secs(self.config.give_up_s.into());
                    (reason, now.since(letter.created) >= give_up)
                }
            };
            let client = letter.client.as_str();
            if over {
                tracing::warn!(client, kind, attempts, reason, "a report is given up");
                return Some(DeadLetter {
                    number,
                    client: letter.client.clone(),
                    kind: letter.kind.clone(),
                    place: url.map_or_else(|| "?".to_owned(), |u| u.place()),
                    created: letter.created.to_string(),
                    given_up: now.to_string(),
                    attempts,
                    reason,
                });
            }
            let pause = self.pause(attempts);
            tracing::info!(
                client,
                kind,
                attempts,
                reason,
                again_s = pause.as_secs(),
                "a report was not taken"
            );
            tokio::time::sleep(pause).await;
        }
    }

    /// The pause after so many attempts.
    fn pause(&self, attempts: u32) -> Duration {
        let first = u64::from(self.config.retry_s.max(1));
        let most = u64::from(self.config.max_retry_s).max(first);
        let doubled = first.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(most);
        let mut octet = [128];
        // Without random numbers all pauses are alike, which does no harm that matters.
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut octet);
        Duration::from_millis(doubled * (750 + u64::from(octet[0]) * 500 / 255))
    }

    async fn attempt(&self, url: &Url, letter: &Letter) -> Attempt {
        let answer = self.client.post(url, Bytes::from(letter.document.clone().into_bytes())).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Attempt::Failed(error.to_string()),
        };
        match answer.status {
            200..=299 => {}
            // What the client will never take.
            400 | 401 | 403 | 404 | 405 | 410 | 413 | 415 | 422 => {
                return Attempt::Refused(format!("HTTP status {}", answer.status));
            }
            status => return Attempt::Failed(format!("HTTP status {status}")),
        }
        if answer.body.is_empty() || !letter.verdict {
            return Attempt::Taken;
        }
        let charset = answer.content_type.as_deref().and_then(charset);
        match parse(&answer.body, charset, &Reading::default()).map(|d| d.body) {
            Ok(Body::Slra(slra)) if slra.verdict.code.is_ok() => Attempt::Taken,
            Ok(Body::Slra(slra)) => {
                let code = slra.verdict.code;
                let reason = format!("{} {}", code.0, code.slogan().unwrap_or_default());
                // Trouble of the client passes (602, and the codes of servers); a report that it does not want stays unwanted.
                if matches!(code.0, 601 | 603..=605) {
                    Attempt::Refused(reason)
                } else {
                    Attempt::Failed(reason)
                }
            }
            // The client has answered that it has it; what it says beyond that is not understood.
            Ok(_) | Err(_) => Attempt::Taken,
        }
    }
}

/// The kind as a word of a closed list.
fn kind_label(kind: &str) -> &'static str {
    const KINDS: [&str; 8] = ["slirep", "eme_lirep", "hlirep", "slrep", "emerep", "tlrep", "tlrpr", "tlqrep"];
    KINDS.into_iter().find(|k| *k == kind).unwrap_or("other")
}

fn number_of(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// All records of a shelf.
pub(super) async fn everything(
    store: &dyn Store,
    shelf: Shelf,
) -> Result<Vec<crate::store::Shelved>, StoreError> {
    let mut all: Vec<crate::store::Shelved> = Vec::new();
    loop {
        let after = all.last().map(|(key, _)| key.clone());
        let page = store.list_shelf(shelf, after.as_deref(), 256).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
