//! Writes the record.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use super::chain::{self, Digest};
use super::entry::Entry;
use super::reader::{self, pseudonym_of};
use super::{AuditError, Config, Durability, io};
use crate::base::{SetId, Utc};
use crate::observe::Metrics;
use crate::service::password::{hex, unhex};

/// The record, open for writing; cheap to clone.
#[derive(Clone)]
pub struct Audit {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    key: hmac::Key,
    state: Mutex<State>,
    /// Entries on the disk: the number of the newest.
    durable: watch::Sender<u64>,
    metrics: Arc<Metrics>,
    _lock: File,
}

struct State {
    file: File,
    path: PathBuf,
    /// Octets of whole entries; what lies beyond is the rest of a failed write.
    len: u64,
    seq: u64,
    head: Digest,
    /// The last write failed.
    broken: bool,
    /// Writes fail, for tests.
    #[cfg(test)]
    fails: bool,
    /// There are entries that were not forced to the disk.
    unsynced: bool,
}

impl Audit {
    /// Opens the record, or begins one. Cuts off an entry that was not finished; a chain that does not hold is noted and gone
    /// on with in a new file.
    ///
    /// # Errors
    /// When the folder cannot be written, or another process does.
    pub fn open(config: &Config, metrics: Arc<Metrics>, now: Utc) -> Result<Self, AuditError> {
        std::fs::create_dir_all(&config.path).map_err(|e| io(&config.path, e))?;
        let lock = lock(&config.path)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &load_key(&config.path)?);
        let state = State::open(config, now)?;
        let (durable, _) = watch::channel(state.seq);
        Ok(Self {
            shared: Arc::new(Shared {
                config: config.clone(),
                key,
                state: Mutex::new(state),
                durable,
                metrics,
                _lock: lock,
            }),
        })
    }

    /// Whether positions are to be in entries.
    pub fn holds_positions(&self) -> bool {
        self.shared.config.positions
    }

    /// How a subscriber appears in the record.
    pub fn pseudonym(&self, id: &SetId) -> String {
        pseudonym_of(&self.shared.key, id.storage_key().as_bytes())
    }

    /// How another name appears in the record.
    pub(in crate::service) fn pseudonym_of_text(&self, text: &str) -> String {
        pseudonym_of(&self.shared.key, text.as_bytes())
    }

    /// Number and hash of the newest entry.
    pub fn head(&self) -> (u64, Digest) {
        let state = self.shared.state();
        (state.seq, state.head)
    }

    /// Makes writes fail, for tests.
    #[cfg(test)]
    pub(in crate::service) fn fail_writes(&self, fail: bool) {
        self.shared.state().fails = fail;
    }

    /// Whether an entry could be written now, as far as is known. One that is broken is tried.
    pub fn is_writable(&self) -> bool {
        let mut state = self.shared.state();
        if state.broken {
            state.broken = state.mend().is_err();
        }
        !state.broken
    }

    /// Writes an entry; done when it is as durable as configured.
    pub async fn write(&self, entry: &Entry) -> Result<(), AuditError> {
        let seq = self.shared.append(entry)?;
        if self.shared.config.durable == Durability::Always {
            self.durable(seq).await?;
        }
        Ok(())
    }

    /// Writes an entry without waiting for the disk: for those who cannot wait.
    pub fn note(&self, entry: &Entry) -> Result<(), AuditError> {
        self.shared.append(entry).map(drop)
    }

    /// Forces everything written so far to the disk, and waits for it.
    pub async fn sync(&self) -> Result<(), AuditError> {
        let seq = self.head().0;
        self.durable(seq).await
    }

    /// Waits until the entry of this number is on the disk. Those who wait together share one flush.
    async fn durable(&self, seq: u64) -> Result<(), AuditError> {
        if *self.shared.durable.borrow() >= seq {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let flush = tokio::task::spawn_blocking(move || {
            if *shared.durable.borrow() >= seq { Ok(()) } else { shared.flush() }
        });
        flush.await.unwrap_or_else(|e| Err(io(&self.shared.config.path, std::io::Error::other(e))))
    }

    /// Forces entries to the disk every now and then until `stop` resolves, and once more then.
    pub async fn keep_synced(self, stop: impl Future<Output = ()>) {
        let mut every = tokio::time::interval(Duration::from_millis(self.shared.config.sync_ms.into()));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            let over = tokio::select! {
                () = &mut stop => true,
                _ = every.tick() => false,
            };
            if self.shared.state().unsynced {
                let shared = Arc::clone(&self.shared);
                let flushed = tokio::task::spawn_blocking(move || shared.flush()).await;
                if let Ok(Err(error)) = flushed {
                    self.shared.metrics.audit_failures.inc();
                    tracing::error!(%error, "the audit record is not on the disk");
                }
            }
            if over {
                return;
            }
        }
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Audit")
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, entry: &Entry) -> Result<u64, AuditError> {
        let mut state = self.state();
        let written = state.append(entry, &self.config);
        match &written {
            Ok(_) => {
                self.metrics.audit_entries.inc();
            }
            Err(error) => {
                // Once for each time that it begins: the disk stays full for longer than one request.
                if !std::mem::replace(&mut state.broken, true) {
                    tracing::error!(%error, "the audit record cannot be written");
                }
                self.metrics.audit_failures.inc();
            }
        }
        written
    }

    /// Forces to the disk what was written, and notes how far that is.
    fn flush(&self) -> Result<(), AuditError> {
        let (file, path, seq, head) = {
            let mut state = self.state();
            state.unsynced = false;
            let file = state.file.try_clone().map_err(|e| io(&state.path, e))?;
            (file, state.path.clone(), state.seq, state.head)
        };
        let done = file.sync_data().map_err(|e| io(&path, e)).and_then(|()| {
            let note = self.config.path.join(reader::HEAD);
            let fresh = self.config.path.join("head.new");
            std::fs::write(&fresh, format!("{seq} {head}\n"))
                .and_then(|()| std::fs::rename(&fresh, &note))
                .map_err(|e| io(&note, e))
        });
        if done.is_ok() {
            self.durable.send_if_modified(|d| {
                let newer = *d < seq;
                *d = seq.max(*d);
                newer
            });
        } else {
            self.state().unsynced = true;
        }
        done
    }
}

impl State {
    fn open(config: &Config, now: Utc) -> Result<Self, AuditError> {
        let files = reader::files(&config.path)?;
        let Some(last) = files.last() else {
            return Self::begin(config, 0, Digest::ORIGIN, now, false);
        };
        let end = reader::end_of(last)?;
        let (seq, head, sound) = match (end.last, files.len()) {
            (Some((seq, head)), _) => (seq, head, end.sound),
            // Not one whole entry in it: it goes on where the file before ended.
            (None, 2..) => {
                let before = files.get(files.len() - 2).map(|f| reader::end_of(f)).transpose()?;
                let (seq, head) = before.and_then(|b| b.last).unwrap_or((0, Digest::ORIGIN));
                (seq, head, false)
            }
            (None, _) => (0, Digest::ORIGIN, false),
        };
        if !sound {
            // A file that is there stays as it was found.
            let seq = seq.max(reader::number_of(last).unwrap_or(0));
            return Self::begin(config, seq, head, now, true);
        }
        let file = OpenOptions::new().read(true).write(true).open(last).map_err(|e| io(last, e))?;
        let mut state = Self {
            file,
            path: last.clone(),
            len: end.len,
            seq,
            head,
            broken: false,
            #[cfg(test)]
            fails: false,
            unsynced: false,
        };
        state.mend()?;
        Ok(state)
    }

    /// Begins a file.
    fn begin(config: &Config, seq: u64, head: Digest, now: Utc, damage: bool) -> Result<Self, AuditError> {
        let path = config.path.join(reader::file_name(seq.saturating_add(1)));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| io(&path, e))?;
        let mut state = Self {
            file,
            path,
            len: 0,
            seq,
            head,
            broken: false,
            #[cfg(test)]
            fails: false,
            unsynced: false,
        };
        state.mend()?;
        let entry = Entry {
            at: now.to_string(),
            what: if damage { "damage" } else { "begin" },
            previous: Some(head.to_string()),
            ..Entry::default()
        };
        state.write(&entry)?;
        state.file.sync_all().map_err(|e| io(&state.path, e))?;
        if let Ok(folder) = File::open(&config.path) {
            let _ = folder.sync_all();
        }
        Ok(state)
    }

    /// Cuts off what a failed write left.
    fn mend(&mut self) -> Result<(), AuditError> {
        let fail = |e| io(&self.path, e);
        #[cfg(test)]
        if self.fails {
            return Err(fail(std::io::ErrorKind::StorageFull.into()));
        }
        self.file.set_len(self.len).map_err(fail)?;
        self.file.seek(SeekFrom::Start(self.len)).map_err(fail)?;
        Ok(())
    }

    fn append(&mut self, entry: &Entry, config: &Config) -> Result<u64, AuditError> {
        if self.broken {
            self.mend()?;
        }
        if self.len >= config.file_bytes {
            self.file.sync_data().map_err(|e| io(&self.path, e))?;
            let now = entry.at.parse().unwrap_or(Utc::from_unix_s(0));
            *self = Self::begin(config, self.seq, self.head, now, false)?;
            reader::keep_newest(&config.path, config.keep_files);
        }
        self.write(entry)?;
        self.broken = false;
        Ok(self.seq)
    }

    fn write(&mut self, entry: &Entry) -> Result<(), AuditError> {
        let seq = self.seq.saturating_add(1);
        let unwritable = |e: serde_json::Error| io(&self.path, std::io::Error::other(e));
        let rest = serde_json::to_string(entry).map_err(unwritable)?;
        let rest = rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')).unwrap_or_default();
        let mut line = format!("{{\"seq\":{seq},{rest}");
        let head = chain::seal(&mut line, self.head);
        #[cfg(test)]
        if self.fails {
            // As a disk that fills up does it: a part is written.
            let _ = self.file.write_all(line.as_bytes().get(..20).unwrap_or_default());
            self.broken = true;
            return Err(io(&self.path, std::io::ErrorKind::StorageFull.into()));
        }
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            self.broken = true;
            return Err(io(&self.path, e));
        }
        self.len += line.len() as u64;
        self.seq = seq;
        self.head = head;
        self.unsynced = true;
        Ok(())
    }
}

/// Makes sure that nobody else writes there.
fn lock(folder: &Path) -> Result<File, AuditError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(AuditError::InUse { path: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(e)) => Err(io(&path, e)),
    }
}

/// The key of the pseudonyms; drawn when there is none.
fn load_key(folder: &Path) -> Result<Vec<u8>, AuditError> {
    let path = folder.join(reader::KEY);
    let mut text = String::new();
    match File::open(&path) {
        Ok(mut file) => {
            file.read_to_string(&mut text).map_err(|e| io(&path, e))?;
            unhex(text.trim()).filter(|k| k.len() == 32).ok_or(AuditError::Key { path })
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut key = vec![0; 32];
            SystemRandom::new().fill(&mut key).map_err(|_| AuditError::Random)?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let fresh = folder.join("key.new");
            let _ = std::fs::remove_file(&fresh);
            let mut file = options.open(&fresh).map_err(|e| io(&fresh, e))?;
            file.write_all(format!("{}\n", hex(&key)).as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| std::fs::rename(&fresh, &path))
                .map_err(|e| io(&path, e))?;
            Ok(key)
        }
        Err(e) => Err(io(&path, e)),
    }
}
