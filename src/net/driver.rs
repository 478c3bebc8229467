//! The driver: one task for each connection, which carries octets between a stream and a session machine.
//!
//! There is no protocol decision in here. Octets are cut into PDUs by their length field, the machine is given each of
//! them, and its actions are carried out in order: one PDU in one write and one TLS record, flushed, so that no peer ever
//! sees half a length field. One connection carries one session (OMA SUPL AD: the connection is released with the session).
//!
//! What a connection costs while nothing happens: nothing is allocated before its first octet, and no buffer is kept
//! between messages.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

use super::counters::GaugeGuard;
use super::server::{Admission, Connection, Machine, Server, ServingGuard, SessionIdGuard};
use super::tls::{BoxedStream, Stream};
use crate::observe::trace::{Direction, Recording, Subject};
use crate::slc::ni::{OrderEvent, Revocation};
use crate::slc::{Action, FrameFault, Input, Params, PeerIdentity};
use crate::wire::frame::{self, FrameError};

/// Octets taken in one read. They pass over the stack, so that an idle connection holds no buffer.
const READ: usize = 4096;
/// Octets that are read and thrown away after a session's end, so that what was sent before it does not make the system
/// tear the connection down under the last message.
const DISCARD: usize = 65_536;
/// How soon a machine may be woken again when its timeout does not move on.
const REST: Duration = Duration::from_millis(10);

/// What happened on a connection.
enum Event {
    Octets,
    /// The peer has closed its side, or the connection broke.
    Gone,
    /// The deadline has come.
    Deadline,
    /// The server stops.
    Stop,
    /// The session's order is not wanted any more.
    Revoked(Revocation),
}

/// What the peer can still be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It may be waiting for more.
    Listening,
    /// It is gone, or does not take what is sent.
    Deaf,
}

/// Carries one connection to its end.
pub(super) async fn converse(
    server: Arc<Server>,
    stream: BoxedStream,
    connection: Connection,
    identity: PeerIdentity,
    admission: Admission,
    silent: GaugeGuard<'_>,
) {
    let mut c = Conversation {
        stream,
        received: BytesMut::new(),
        partial_since: None,
        rest_until: None,
        connection,
        identity: Some(identity),
        admission,
        session: None,
        serving: None,
        server,
    };
    let Some(()) = c.first_octets().await else { return };
    let ending = c.run(silent).await;
    c.farewell(ending).await;
}

/// A session under way.
struct Running {
    machine: Box<dyn Machine>,
    recording: Option<Recording>,
    _id: SessionIdGuard,
}

struct Conversation {
    server: Arc<Server>,
    stream: BoxedStream,
    connection: Connection,
    /// Until the session takes it.
    identity: Option<PeerIdentity>,
    admission: Admission,
    session: Option<Running>,
    /// While the session serves an order.
    serving: Option<ServingGuard>,
    received: BytesMut,
    /// When the first octet of the message came that is not whole yet.
    partial_since: Option<Instant>,
    /// Not to wake the machine before.
    rest_until: Option<Instant>,
}

impl Conversation {
    /// Waits for something to begin a session with.
    async fn first_octets(&mut self) -> Option<()> {
        let server = Arc::clone(&self.server);
        // A drain does not wait for the silent, except for those who are here to be refused.
        let quit = match self.admission {
            Admission::Serve => &server.draining,
            Admission::Refuse => &server.stop,
        };
        let deadline = Instant::now() + server.limits.silent;
        match self.next_event(deadline, quit).await {
            Event::Octets => self.begin(),
            Event::Gone | Event::Revoked(_) => None,
            Event::Stop => {
                self.farewell(Ending::Deaf).await;
                None
            }
            Event::Deadline => {
                server.counters.silent_closed.inc();
                tracing::info!(connection = self.connection.id, "closed: the peer never sent a message");
                self.farewell(Ending::Deaf).await;
                None
            }
        }
    }

    fn begin(&mut self) -> Option<()> {
        let server = &self.server;
        if self.admission == Admission::Refuse && server.is_draining() {
            server.counters.refused_draining.inc();
        }
        let Some(id) = server.draw_session_id() else {
            tracing::error!(connection = self.connection.id, "closed: the system gives no random numbers");
            return None;
        };
        let params = Params {
            slp_session: id.id,
            peer: self.identity.take()?,
            opened: self.connection.opened,
            policy: server.world.policy.load_full(),
        };
        let recording = server.tracer.begin(|| Subject {
            session: id.id,
            peer: self.connection.peer,
            local: self.connection.local,
            transport: self.connection.transport.name(),
            opened: self.connection.opened.utc,
        });
        self.session =
            Some(Running { machine: (server.new_machine)(params, self.admission), recording, _id: id });
        self.partial_since = Some(Instant::now());
        Some(())
    }

    /// Runs the session to its end.
    async fn run(&mut self, silent: GaugeGuard<'_>) -> Ending {
        let server = Arc::clone(&self.server);
        let mut silent = Some(silent);
        let mut over = self.messages(&mut silent).await;
        while over.is_none() {
            over = match self.next_event(self.deadline(), &server.stop).await {
                Event::Octets => self.messages(&mut silent).await,
                Event::Gone if self.received.is_empty() => {
                    self.feed(Input::Disconnected).await.or(Some(Ending::Deaf))
                }
                Event::Gone => self.unframed(FrameFault::Truncated).await,
                Event::Deadline if self.message_is_late() => {
                    server.counters.slow_pdus.inc();
                    self.unframed(FrameFault::Truncated).await
                }
                Event::Deadline => {
                    self.rest_until = Some(Instant::now() + REST);
                    self.feed(Input::Timeout).await
                }
                Event::Stop => {
                    server.counters.drained.inc();
                    self.feed(Input::Shutdown).await.or(Some(Ending::Listening))
                }
                Event::Revoked(why) => self.feed(Input::Revoked(why)).await,
            };
        }
        self.session = None;
        over.unwrap_or(Ending::Deaf)
    }

    /// Gives the machine every message that has come whole.
    async fn messages(&mut self, silent: &mut Option<GaugeGuard<'_>>) -> Option<Ending> {
        let server = Arc::clone(&self.server);
        loop {
            match frame::next_pdu(&mut self.received, server.limits.max_message) {
                Ok(Some(pdu)) => {
                    *silent = None;
                    self.partial_since = (!self.received.is_empty()).then(Instant::now);
                    server.counters.pdus_in.inc();
                    server.counters.bytes_in.add(pdu.len() as u64);
                    self.trace(Direction::FromTarget, &pdu);
                    if let Some(ending) = self.feed(Input::Pdu(&pdu)).await {
                        return Some(ending);
                    }
                }
                Ok(None) => {
                    if self.received.is_empty() {
                        // Gives the memory back.
                        self.received = BytesMut::new();
                        self.partial_since = None;
                    } else if self.partial_since.is_none() {
                        self.partial_since = Some(Instant::now());
                    }
                    return None;
                }
                Err(e) => {
                    server.counters.bad_frames.inc();
                    let fault = match e {
                        FrameError::TooShort(_) => FrameFault::TooShort,
                        FrameError::TooLong(..) => FrameFault::TooLong,
                    };
                    return self.unframed(fault).await;
                }
            }
        }
    }

    /// Tells the machine that nothing more can be read. Whatever it says to that, this is the end.
    async fn unframed(&mut self, fault: FrameFault) -> Option<Ending> {
        let ending = self.feed(Input::Unframed(fault)).await;
        match ending {
            Some(_) => ending,
            None => self.feed(Input::Disconnected).await.or(Some(Ending::Listening)),
        }
    }

    /// Gives the machine one input and carries out its actions. `Some` when the session is over.
    async fn feed(&mut self, input: Input<'_>) -> Option<Ending> {
        let gone = matches!(input, Input::Disconnected);
        let mut actions = self.handle(input);
        let mut deaf = gone;
        let mut over = false;
        loop {
            for action in actions.drain(..) {
                match action {
                    Action::Send(pdu) if !deaf => deaf = !self.send(&pdu).await,
                    Action::Send(_) => {}
                    Action::Position(report) => self.server.host.position(&self.connection, *report),
                    Action::Ordered { slp_session, event } => self.ordered(slp_session, event),
                    Action::Record(record) => self.server.host.ended(&self.connection, *record),
                    Action::Close => over = true,
                }
            }
            if over {
                return Some(if deaf { Ending::Deaf } else { Ending::Listening });
            }
            if !deaf || gone {
                return None;
            }
            // The peer went away under a write: the machine is told once, and what it says then is the end.
            actions = self.handle(Input::Disconnected);
            over = true;
        }
    }

    /// Passes on what happens to an order. Its session can be revoked from before it is known to have come until it is
    /// known to have ended.
    fn ordered(&mut self, slp_session: [u8; 4], event: OrderEvent) {
        if matches!(event, OrderEvent::Arrived { .. }) {
            self.serving = Some(self.server.serves(slp_session));
            if let Some(recording) = self.session.as_ref().and_then(|s| s.recording.as_ref()) {
                recording.belongs_to(slp_session);
            }
        }
        let ended = matches!(event, OrderEvent::Ended(_));
        self.server.host.ordered(slp_session, event);
        if ended {
            self.serving = None;
        }
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<Action> {
        let mut out = Vec::new();
        if let Some(running) = &mut self.session {
            let world = &self.server.world;
            let (sky, cells, access) = (world.sky.load(), world.cells.load(), world.access.load());
            let (cells, access) = (&***cells, &***access);
            let env = crate::slc::Env { sky: &sky, cells, access, memo: &world.memo, orders: &*world.orders };
            running.machine.handle(self.server.now(), &env, input, &mut out);
        }
        out
    }

    /// Writes one PDU in one piece. `false` when the peer does not take it.
    async fn send(&mut self, pdu: &[u8]) -> bool {
        let write = async {
            self.stream.write_all(pdu).await?;
            self.stream.flush().await
        };
        let counters = &self.server.counters;
        match timeout(self.server.limits.write, write).await {
            Ok(Ok(())) => {
                counters.pdus_out.inc();
                counters.bytes_out.add(pdu.len() as u64);
                self.trace(Direction::ToTarget, pdu);
                true
            }
            Ok(Err(_)) => {
                counters.vanished.inc();
                false
            }
            Err(_) => {
                counters.write_timeouts.inc();
                false
            }
        }
    }

    fn trace(&self, direction: Direction, pdu: &[u8]) {
        if let Some(recording) = self.session.as_ref().and_then(|s| s.recording.as_ref()) {
            recording.pdu(direction, self.server.utc(), pdu);
        }
    }

    fn message_is_late(&self) -> bool {
        self.partial_since.is_some_and(|since| Instant::now() >= since + self.server.limits.message)
    }

    /// When something is due, if nothing comes.
    fn deadline(&self) -> Instant {
        let machine = self.session.as_ref().and_then(|s| s.machine.next_timeout()).map(Instant::from_std);
        let machine = match (machine, self.rest_until) {
            (Some(at), Some(rest)) => Some(at.max(rest)),
            (at, _) => at,
        };
        let message = self.partial_since.map(|since| since + self.server.limits.message);
        // A machine always has a timer; should it ever have none, the connection still does.
        machine.into_iter().chain(message).min().unwrap_or_else(|| Instant::now() + self.server.limits.silent)
    }

    async fn next_event(&mut self, deadline: Instant, quit: &tokio_util::sync::CancellationToken) -> Event {
        tokio::select! {
            biased;
            () = quit.cancelled() => Event::Stop,
            why = revoked(&mut self.serving) => Event::Revoked(why),
            read = read_some(&mut self.stream, &mut self.received) => match read {
                Ok(0) => Event::Gone,
                Ok(_) => Event::Octets,
                Err(e) => {
                    // Many clients close without TLS's close_notify; that is an end like any other.
                    if e.kind() != io::ErrorKind::UnexpectedEof {
                        self.server.counters.vanished.inc();
                        tracing::debug!(connection = self.connection.id, error = %e, "connection broke");
                    }
                    Event::Gone
                }
            },
            () = sleep_until(deadline) => Event::Deadline,
        }
    }

    /// Closes the connection. A peer that may still be reading gets a moment to close first, as the receiver of SUPL END
    /// does; what it sends meanwhile is thrown away.
    async fn farewell(&mut self, ending: Ending) {
        let limits = &self.server.limits;
        self.received = BytesMut::new();
        let mut peer_closed = false;
        if ending == Ending::Listening && !limits.linger.is_zero() {
            let mut discarded = 0;
            let until_closed = async {
                let mut scrap = BytesMut::new();
                while discarded < DISCARD {
                    match read_some(&mut self.stream, &mut scrap).await {
                        Ok(0) | Err(_) => return,
                        Ok(n) => discarded += n,
                    }
                    scrap.clear();
                }
            };
            peer_closed = timeout(limits.linger, until_closed).await.is_ok();
        }
        // `close_notify` and FIN; without a reader at the other end, neither may hold this task.
        let patience =
            if peer_closed || ending == Ending::Deaf { Duration::from_secs(1) } else { limits.write };
        let _ = timeout(patience, self.stream.shutdown()).await;
    }
}

/// Resolves when the order that a session serves is revoked; never for a session that serves none.
async fn revoked(serving: &mut Option<ServingGuard>) -> Revocation {
    match serving {
        Some(serving) => serving.revoked().await,
        None => std::future::pending().await,
    }
}

/// Reads what is there into `into`. `Ok(0)` is the end of the stream. Octets pass over the stack, so that waiting costs no
/// buffer. Dropping the future loses nothing.
async fn read_some<S: Stream + ?Sized>(stream: &mut S, into: &mut BytesMut) -> io::Result<usize> {
    let mut stream = Pin::new(stream);
    poll_fn(|cx| {
        let mut scratch = [const { MaybeUninit::<u8>::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut scratch);
        ready!(AsyncRead::poll_read(stream.as_mut(), cx, &mut buf))?;
        into.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    })
    .await
}
