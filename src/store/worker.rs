//! The store's threads: one writes, one reads. Writes that wait together are made durable by one flush.
//!
//! The engine panics on some kinds of damage. Every call into it runs under [`guarded`], which turns a panic into the typed
//! error; after one, the engine is not touched again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::tables::Tables;
use super::{Damage, Pending, StoreError, io_error};

/// Requests that may wait; more make their callers wait.
const QUEUE: usize = 1024;
/// Writes that share a flush.
const GROUP: usize = 256;

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Tables) -> Answer + Send>;

/// A thread that owns a handle of the tables and does what it is sent.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    health: Health,
}

/// Whether the engine has panicked.
#[derive(Clone)]
pub(super) struct Health {
    path: PathBuf,
    broken: Arc<AtomicBool>,
}

impl Health {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, broken: Arc::default() }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Runs a call into the engine; a panic in it is damage.
    pub(super) fn guard<T>(&self, call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let damaged = || StoreError::Corrupt { path: self.path.clone(), what: Damage::Files };
        if self.is_broken() {
            return Err(damaged());
        }
        guarded(call).unwrap_or_else(|| {
            self.broken.store(true, Ordering::Release);
            Err(damaged())
        })
    }
}

impl Worker {
    /// Starts the thread that writes.
    pub(super) fn writer(tables: Tables, health: Health) -> Result<Self, StoreError> {
        Self::start("store-write", tables, health, GROUP, Tables::flush)
    }

    /// Starts the thread that reads.
    pub(super) fn reader(tables: Tables, health: Health) -> Result<Self, StoreError> {
        Self::start("store-read", tables, health, 1, |_| Ok(()))
    }

    fn start(
        name: &str,
        mut tables: Tables,
        health: Health,
        group: usize,
        finish: fn(&Tables) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let path = tables.path().clone();
        let thread_health = health.clone();
        let run = move || {
            let mut answers = Vec::with_capacity(group);
            while let Some(first) = queue.blocking_recv() {
                answers.push(first(&mut tables));
                while answers.len() < group
                    && let Ok(next) = queue.try_recv()
                {
                    answers.push(next(&mut tables));
                }
                let done = thread_health.guard(|| finish(&tables));
                for answer in answers.drain(..) {
                    answer(done.clone());
                }
            }
            if thread_health.is_broken() {
                // Closing would run the engine's code on what it choked on.
                std::mem::forget(tables);
            } else {
                let _ = guarded(move || drop(tables));
            }
        };
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|e| io_error(&path, e))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), health })
    }

    /// Sends a call; the answer comes when it is done and, from the writer, durable.
    pub(super) fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Tables) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        // A request that nobody awaits must not keep the thread alive.
        let jobs = self.jobs.as_ref().map(mpsc::Sender::downgrade);
        let health = self.health.clone();
        Pending::new(async move {
            let (reply, answer) = oneshot::channel();
            let job: Job = Box::new(move |tables| {
                let result = health.guard(|| call(tables));
                Box::new(move |finished| {
                    let _ = reply.send(result.and_then(|value| finished.map(|()| value)));
                })
            });
            let jobs = jobs.and_then(|j| j.upgrade()).ok_or(StoreError::Closed)?;
            jobs.send(job).await.map_err(|_| StoreError::Closed)?;
            drop(jobs);
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }
}

impl Drop for Worker {
    /// Does what was sent, then ends the thread.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `call`; `None` when it panicked. The panic leaves no message on standard error: it is reported as an error.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let engine_thread = std::thread::current().name().is_some_and(|name| name.starts_with("sled-io"));
            if !engine_thread && !GUARDED.get() {
                loud(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call)).ok();
    GUARDED.set(outer);
    result
}
