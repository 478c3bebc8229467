//! Session traces on demand: what went over the wire, kept in memory, shown as a ladder or exported as a capture.
//!
//! Off until started. A trace holds what subscribers sent, identities and positions included; it is the one place where they
//! are kept in clear, which is why it is bounded, never written to disk by the server, and gone with it. While off, a
//! session costs one atomic load.

mod ladder;
mod pcap;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use ladder::{decoded, message_name};
pub use pcap::export_pcap;

use crate::base::Utc;

/// Limits of what is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most sessions kept; the oldest make room. 1..=100000, default 1000.
    pub sessions: u32,
    /// Most octets of messages kept in all; the oldest sessions make room. Default 16777216 (16 MiB).
    pub bytes: u64,
    /// Most octets of messages kept of one session; what follows is only counted. Default 1048576 (1 MiB).
    pub session_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { sessions: 1000, bytes: 16 << 20, session_bytes: 1 << 20 }
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the handset to this server.
    FromTarget,
    /// From this server to the handset.
    ToTarget,
}

/// What is known of a session when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The SLP's session id.
    pub session: [u8; 4],
    /// The handset's address.
    pub peer: SocketAddr,
    /// The server's.
    pub local: SocketAddr,
    /// `tls` or `tcp`.
    pub transport: &'static str,
    /// When the connection was opened.
    pub opened: Utc,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedPdu {
    /// When it was received or had been sent.
    pub time: Utc,
    /// Which way it went.
    pub direction: Direction,
    /// The whole ULP PDU.
    pub bytes: Box<[u8]>,
}

/// One session as far as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedSession {
    /// Number of the trace, from 1.
    pub number: u64,
    /// Whose.
    pub subject: Subject,
    /// Its messages, in order.
    pub pdus: Vec<TracedPdu>,
    /// Messages that were not kept because the session's limit was reached.
    pub dropped: u64,
    /// Octets of the messages kept.
    pub octets: u64,
    /// Whether it is over.
    pub ended: bool,
}

#[derive(Default)]
struct Kept {
    /// Oldest first, numbers ascending.
    sessions: VecDeque<TracedSession>,
    octets: u64,
    last: u64,
}

impl Kept {
    fn find(&mut self, number: u64) -> Option<&mut TracedSession> {
        let at = self.sessions.binary_search_by_key(&number, |s| s.number).ok()?;
        self.sessions.get_mut(at)
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.sessions.pop_front() {
            self.octets -= oldest.octets;
        }
    }
}

/// Records sessions while it is on.
pub struct Tracer {
    config: Config,
    on: AtomicBool,
    kept: Mutex<Kept>,
}

impl Tracer {
    /// A tracer that is off.
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self { config, on: AtomicBool::new(false), kept: Mutex::default() })
    }

    /// Records sessions that begin from now on; what was recorded before is dropped.
    pub fn start(&self) {
        let mut kept = self.kept();
        *kept = Kept { last: kept.last, ..Kept::default() };
        self.on.store(true, Ordering::Relaxed);
    }

    /// Records no more sessions; those being recorded are recorded to their end.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Whether sessions are being recorded.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Begins the recording of a session, if recording is on.
    pub fn begin(self: &Arc<Self>, subject: impl FnOnce() -> Subject) -> Option<Recording> {
        if !self.is_on() {
            return None;
        }
        let mut kept = self.kept();
        while kept.sessions.len() >= self.config.sessions.max(1) as usize {
            kept.drop_oldest();
        }
        kept.last += 1;
        let number = kept.last;
        kept.sessions.push_back(TracedSession {
            number,
            subject: subject(),
            pdus: Vec::new(),
            dropped: 0,
            octets: 0,
            ended: false,
        });
        Some(Recording { tracer: Arc::clone(self), number })
    }

    /// Everything recorded, oldest first.
    pub fn sessions(&self) -> Vec<TracedSession> {
        self.kept().sessions.iter().cloned().collect()
    }

    /// One recorded session.
    pub fn session(&self, number: u64) -> Option<TracedSession> {
        self.kept().find(number).cloned()
    }

    /// One session, or all, as a capture; `None` when there is no such session.
    pub fn capture(&self, number: Option<u64>) -> Option<Vec<u8>> {
        let sessions = match number {
            Some(n) => vec![self.session(n)?],
            None => self.sessions(),
        };
        let mut out = Vec::new();
        export_pcap(&sessions, &mut out).ok()?;
        Some(out)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, number: u64, pdu: TracedPdu) {
        let mut kept = self.kept();
        let size = pdu.bytes.len() as u64;
        let limit = self.config.session_bytes;
        let Some(session) = kept.find(number) else { return };
        if session.octets + size > limit {
            session.dropped += 1;
            return;
        }
        session.pdus.push(pdu);
        session.octets += size;
        kept.octets += size;
        while kept.octets > self.config.bytes {
            kept.drop_oldest();
        }
    }
}

/// The recording of one session, until dropped.
pub struct Recording {
    tracer: Arc<Tracer>,
    number: u64,
}

impl Recording {
    /// The session turns out to be this one, whose id was given before its connection was opened.
    pub fn belongs_to(&self, session: [u8; 4]) {
        if let Some(traced) = self.tracer.kept().find(self.number) {
            traced.subject.session = session;
        }
    }

    /// Records one message.
    pub fn pdu(&self, direction: Direction, time: Utc, bytes: &[u8]) {
        self.tracer.record(self.number, TracedPdu { time, direction, bytes: bytes.into() });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(session) = self.tracer.kept().find(self.number) {
            session.ended = true;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn subject() -> Subject {
        Subject {
            session: [1, 2, 3, 4],
            peer: "192.0.2.7:40123".parse().unwrap(),
            local: "198.51.100.1:7276".parse().unwrap(),
            transport: "tls",
            opened: Utc::from_unix_s(1_700_000_000),
        }
    }

    fn record(tracer: &Arc<Tracer>, sizes: &[usize]) -> Option<u64> {
        let recording = tracer.begin(subject)?;
        for size in sizes {
            recording.pdu(Direction::FromTarget, Utc::from_unix_s(1_700_000_001), &vec![0; *size]);
        }
        Some(recording.number)
    }

    #[test]
    fn off_until_started() {
        let tracer = Tracer::new(Config::default());
        assert_eq!(record(&tracer, &[5]), None);
        tracer.start();
        assert_eq!(record(&tracer, &[5]), Some(1));
        tracer.stop();
        assert_eq!(record(&tracer, &[5]), None);
        let s = tracer.session(1).unwrap();
        assert!(s.ended && s.pdus.len() == 1 && s.pdus[0].bytes.len() == 5);
        tracer.start();
        assert!(tracer.sessions().is_empty(), "a new recording starts empty");
        assert_eq!(record(&tracer, &[]), Some(2), "numbers go on");
    }

    #[test]
    fn every_limit_holds() {
        let tracer = Tracer::new(Config { sessions: 3, bytes: 100, session_bytes: 40 });
        tracer.start();
        record(&tracer, &[30, 20, 10]);
        let s = tracer.session(1).unwrap();
        assert_eq!((s.pdus.len(), s.dropped), (2, 1), "the session's limit");
        record(&tracer, &[40]);
        record(&tracer, &[40]);
        let numbers = |t: &Tracer| t.sessions().iter().map(|s| s.number).collect::<Vec<_>>();
        assert_eq!(numbers(&tracer), [2, 3], "the limit of octets in all");
        record(&tracer, &[]);
        record(&tracer, &[]);
        assert_eq!(numbers(&tracer), [3, 4, 5], "the limit of sessions");
        assert_eq!(tracer.kept().octets, 40);
    }

    #[test]
    fn a_session_that_was_dropped_under_its_recording_is_gone() {
        let tracer = Tracer::new(Config { sessions: 1, ..Config::default() });
        tracer.start();
        let first = tracer.begin(subject).unwrap();
        let _second = tracer.begin(subject).unwrap();
        first.pdu(Direction::ToTarget, Utc::from_unix_s(0), &[1]);
        drop(first);
        assert_eq!(tracer.sessions().len(), 1);
        assert_eq!(tracer.kept().octets, 0);
    }
}
