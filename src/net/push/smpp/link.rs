//! Keeps one connection to an SMSC: connects, binds, and comes back after it was lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::backoff::Backoff;
use super::super::bearer::Failure;
use super::super::connect::Stream;
use super::super::secret::{Secret, SecretError};
use super::Settings;
use super::pdu::{Command, Pdu, bind};
use super::receipt::Receipts;
use super::session::Session;
use super::status;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Transceiver,
    Transmitter,
    Receiver,
}

impl Role {
    const fn command(self) -> Command {
        match self {
            Self::Transceiver => Command::BIND_TRANSCEIVER,
            Self::Transmitter => Command::BIND_TRANSMITTER,
            Self::Receiver => Command::BIND_RECEIVER,
        }
    }
}

/// How the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// The first attempt is under way.
    Connecting,
    /// Bound.
    Up,
    /// Not bound, and why.
    Down(Failure),
}

/// A message to be submitted.
pub(super) struct Submission {
    /// The body of its `submit_sm`.
    pub(super) body: Bytes,
    pub(super) emergency: bool,
    /// When nobody needs it any more.
    pub(super) deadline: Instant,
    /// Hears the SMSC's id of the message.
    pub(super) tell: oneshot::Sender<Result<String, Failure>>,
}

/// What is to be submitted: emergencies first, what was throttled before what is new.
pub(super) struct Queue {
    pub(super) urgent: mpsc::Receiver<Submission>,
    pub(super) ordinary: mpsc::Receiver<Submission>,
    again_urgent: VecDeque<Submission>,
    again: VecDeque<Submission>,
    /// Keeps the queue of [`Self::none`] open.
    _idle: Option<mpsc::Sender<Submission>>,
}

impl Queue {
    pub(super) fn new(urgent: mpsc::Receiver<Submission>, ordinary: mpsc::Receiver<Submission>) -> Self {
        Self { urgent, ordinary, again_urgent: VecDeque::new(), again: VecDeque::new(), _idle: None }
    }

    /// The queue of a connection that submits nothing.
    pub(super) fn none() -> Self {
        let (open, urgent) = mpsc::channel(1);
        let (_, ordinary) = mpsc::channel(1);
        Self { _idle: Some(open), ..Self::new(urgent, ordinary) }
    }

    /// The next one; `None` when nobody can submit any more.
    pub(super) async fn next(&mut self) -> Option<Submission> {
        if let Some(s) = self.again_urgent.pop_front() {
            return Some(s);
        }
        if let Ok(s) = self.urgent.try_recv() {
            return Some(s);
        }
        if let Some(s) = self.again.pop_front() {
            return Some(s);
        }
        tokio::select! {
            biased;
            Some(s) = self.urgent.recv() => Some(s),
            Some(s) = self.ordinary.recv() => Some(s),
            else => None,
        }
    }

    /// Puts one back that the SMSC had no room for.
    pub(super) fn again(&mut self, s: Submission) {
        if s.emergency { self.again_urgent.push_back(s) } else { self.again.push_back(s) }
    }

    /// Tells everybody that waits.
    fn refuse(&mut self, failure: Failure) {
        while let Some(s) = self.again_urgent.pop_front().or_else(|| self.again.pop_front()) {
            let _ = s.tell.send(Err(failure));
        }
        while let Ok(s) = self.urgent.try_recv() {
            let _ = s.tell.send(Err(failure));
        }
        while let Ok(s) = self.ordinary.try_recv() {
            let _ = s.tell.send(Err(failure));
        }
    }
}

/// Why a connection ended, or did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("no connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("no answer in time")]
    Silent,
    #[error("the SMSC closed the connection")]
    Closed,
    #[error("the SMSC ended the bind")]
    Unbound,
    #[error("the SMSC speaks no SMPP: {0}")]
    Broken(#[from] super::pdu::BadLength),
    #[error("the bind was refused (command_status {0:#x})")]
    Refused(u32),
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("no system_id and password are configured")]
    NoSecret,
    #[error("system_id has 1 to 15 characters, the password at most 8")]
    LongSecret,
    #[error("stopping")]
    Stopped,
}

impl End {
    /// What it means to a message that waits.
    fn failure(&self) -> Failure {
        match self {
            Self::Io(_) | Self::Closed | Self::Unbound => Failure::Down,
            Self::Silent => Failure::Unanswered,
            Self::Broken(_) => Failure::Broken,
            Self::Refused(s) => status::of_bind(*s),
            Self::Secret(_) | Self::NoSecret | Self::LongSecret => Failure::Unauthorized(0),
            Self::Stopped => Failure::Stopping,
        }
    }
}

/// One connection and what it needs.
pub(super) struct Link {
    pub(super) settings: Arc<Settings>,
    pub(super) role: Role,
    pub(super) state: watch::Sender<LinkState>,
    pub(super) queue: Queue,
    pub(super) receipts: Receipts,
    pub(super) stop: CancellationToken,
}

impl Link {
    /// Keeps the connection until the server stops.
    pub(super) async fn run(mut self) {
        let seed = std::collections::hash_map::RandomState::new();
        let seed = std::hash::BuildHasher::hash_one(&seed, &self.settings.name);
        let longest = Duration::from_secs(u64::from(self.settings.config.reconnect_s));
        let mut backoff = Backoff::new(longest, seed);
        loop {
            let end = self.once(&mut backoff).await;
            let failure = end.failure();
            self.state.send_replace(LinkState::Down(failure));
            self.settings.bound(self.role, false);
            self.queue.refuse(failure);
            if matches!(end, End::Stopped) {
                return;
            }
            let pause = backoff.failed(matches!(failure, Failure::Unauthorized(_)));
            let pause_ms = pause.as_millis() as u64;
            tracing::warn!(smsc = self.settings.name, error = %end, pause_ms, "no bind at the SMSC");
            if self.pause(pause, failure).await.is_none() {
                self.queue.refuse(Failure::Stopping);
                self.state.send_replace(LinkState::Down(Failure::Stopping));
                return;
            }
        }
    }

    /// Waits before the next attempt; who submits meanwhile is told at once. `None` when the server stops.
    async fn pause(&mut self, pause: Duration, failure: Failure) -> Option<()> {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(until) => return Some(()),
                s = self.queue.next() => {
                    let _ = s?.tell.send(Err(failure));
                }
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn once(&mut self, backoff: &mut Backoff) -> End {
        let stop = self.stop.clone();
        let bound = tokio::select! {
            biased;
            () = stop.cancelled() => return End::Stopped,
            bound = self.open() => bound,
        };
        let (stream, buffer) = match bound {
            Ok(bound) => bound,
            Err(end) => return end,
        };
        tracing::info!(smsc = self.settings.name, role = ?self.role, "bound at the SMSC");
        self.settings.bound(self.role, true);
        self.state.send_replace(LinkState::Up);
        let began = Instant::now();
        let mut session = Session::new(Arc::clone(&self.settings), self.role, self.receipts.clone());
        let end = session.run(stream, buffer, &mut self.queue, &stop).await;
        session.give_up(end.failure());
        // An SMSC that binds and hangs up at once is not hammered.
        if began.elapsed() > Duration::from_secs(30) {
            backoff.succeeded();
        }
        end
    }

    /// Connects and binds. Returns the connection and what was read behind the answer to the bind.
    async fn open(&self) -> Result<(Box<dyn Stream>, BytesMut), End> {
        let config = &self.settings.config;
        let secret = Secret::load(config.credentials_file.as_deref(), config.credentials_env.as_deref())?;
        let secret = secret.ok_or(End::NoSecret)?;
        if !(1..=15).contains(&secret.name.len()) || secret.password.len() > 8 {
            return Err(End::LongSecret);
        }
        let wait = Duration::from_secs(u64::from(config.connect_s));
        let mut stream = timeout(wait, (self.settings.dial)()).await.map_err(|_| End::Silent)??;

        let mut out = BytesMut::new();
        let body = bind(&secret.name, &secret.password, &config.system_type);
        Pdu::request(self.role.command(), 1, body).put(&mut out);
        let mut buffer = BytesMut::new();
        let answer = async {
            stream.write_all(&out).await?;
            loop {
                while let Some(pdu) = Pdu::take(&mut buffer)? {
                    if pdu.command == self.role.command().response() {
                        return Ok(pdu.status);
                    }
                    if pdu.command == Command::GENERIC_NACK {
                        return Ok(if pdu.status == status::OK {
                            status::INVALID_COMMAND
                        } else {
                            pdu.status
                        });
                    }
                    if pdu.command == Command::ENQUIRE_LINK {
                        let mut out = BytesMut::new();
                        Pdu { command: Command::ENQUIRE_LINK.response(), body: Bytes::new(), ..pdu }
                            .put(&mut out);
                        stream.write_all(&out).await?;
                    }
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Err(End::Closed);
                }
            }
        };
        let status = timeout(Duration::from_secs(u64::from(config.response_s)), answer)
            .await
            .unwrap_or(Err(End::Silent))?;
        if status == status::OK { Ok((stream, buffer)) } else { Err(End::Refused(status)) }
    }
}
