//! One SUPL session on one connection.

use std::sync::Arc;
use std::time::Instant;

use super::access::PeerIdentity;
use super::config::Policy;
use super::core::Core;
use super::event::{Action, Env, Input};
use super::network_initiated as ni;
use super::positioning::Positioning;
use super::record::Outcome;
use super::set_initiated::{AwaitPosInit, start};
use super::status::SessionError;
use crate::base::Now;
use crate::wire::ulp::{End, MessageKind, UlpMessage, UlpPdu};

/// What a session is born with. Everything unpredictable comes in here.
#[derive(Clone, Debug)]
pub struct Params {
    /// The four octets of the SLP session id: drawn at random by the driver, unique among its open sessions.
    pub slp_session: [u8; 4],
    /// Who is at the other end.
    pub peer: PeerIdentity,
    /// When the connection was opened.
    pub opened: Now,
    /// The settings that hold for the whole of the session.
    pub policy: Arc<Policy>,
}

/// Where a session stands. Each state holds what is valid in it and nothing else.
#[derive(Debug)]
pub(super) enum State {
    /// The connection is open; nothing came yet.
    AwaitStart,
    /// SUPL RESPONSE was sent; timer ST2.
    AwaitPosInit(Box<AwaitPosInit>),
    /// SUPL POS go to and fro; timer ST3.
    Positioning(Box<Positioning>),
    /// SUPL NOTIFY was sent: the position is known, and the user is told or asked.
    AwaitNotify,
    /// The end.
    Closed,
}

impl State {
    /// Whether there is a session that can grow too old, and no answer of a user to wait for.
    const fn has_session(&self) -> bool {
        matches!(self, Self::AwaitPosInit(_) | Self::Positioning(_))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::AwaitStart => "await-start",
            Self::AwaitPosInit(_) => "await-pos-init",
            Self::Positioning(_) => "positioning",
            Self::AwaitNotify => "await-notify",
            Self::Closed => "closed",
        }
    }
}

/// One SUPL session on one connection, from the opening of the connection to its end.
#[derive(Debug)]
pub struct Session {
    core: Core,
    state: State,
    refusing: bool,
}

impl Session {
    /// A session that waits for its first message.
    pub fn new(params: Params) -> Self {
        Self { core: Core::new(params), state: State::AwaitStart, refusing: false }
    }

    /// A session that the server has no room for, or no time because it is going down: whatever its first message is, it
    /// is answered with SUPL END `resourceShortage`, and the session is over.
    pub fn refusing(params: Params) -> Self {
        Self { refusing: true, ..Self::new(params) }
    }

    /// Takes one input and appends what is to be done to `out`. Never panics; after [`Action::Close`] it does nothing any
    /// more.
    pub fn handle(&mut self, now: Now, env: &Env<'_>, input: Input<'_>, out: &mut Vec<Action>) {
        // The closed state stands in while the old one is consumed, so that no error leaves half a state behind.
        let state = std::mem::replace(&mut self.state, State::Closed);
        if matches!(state, State::Closed) {
            return;
        }
        let core = &mut self.core;
        let next = match input {
            Input::Pdu(octets) => match core.pdu(now, octets) {
                Ok(pdu) if self.refusing && !ni::is_emergency(core, env, &pdu) => {
                    Err(ni::refuse(core, now, env, &pdu))
                }
                Ok(pdu) => {
                    // One that was let in stays in.
                    self.refusing = false;
                    step(core, state, now, env, pdu, out)
                }
                Err(error) => Err(error),
            },
            Input::Unframed(fault) => Err(SessionError::Unframed(fault)),
            Input::Timeout if core.expired(now) && state.has_session() => Err(core.overdue()),
            Input::Timeout if core.is_due(now) || core.expired(now) => timeout(core, state, now, env, out),
            Input::Disconnected => {
                core.leave(now, out);
                Ok(State::Closed)
            }
            Input::Shutdown => Err(SessionError::Shutdown),
            Input::Revoked(why) if core.serves_order() => Err(SessionError::Revoked(why)),
            Input::Timeout | Input::Revoked(_) => Ok(state),
        };
        let rescued = next.or_else(|error| core.rescue(now, error, out));
        self.state = rescued.unwrap_or_else(|error| {
            core.fail(now, error, out);
            State::Closed
        });
    }

    /// When the driver must come back with [`Input::Timeout`]; `None` once the session is over.
    pub fn next_timeout(&self) -> Option<Instant> {
        (!self.is_closed()).then(|| self.core.deadline())
    }

    /// Whether the session is over.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Where the session stands, for traces: `await-start`, `await-pos-init`, `positioning`, `await-notify`
    /// or `closed`.
    pub const fn state_name(&self) -> &'static str {
        self.state.name()
    }
}

/// The table: which message moves which state where. What is not here is unexpected.
fn step(
    core: &mut Core,
    state: State,
    now: Now,
    env: &Env<'_>,
    pdu: UlpPdu,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    let UlpPdu { version, session, message } = pdu;
    if matches!(state, State::AwaitStart) {
        core.open(now, version, &session, message.kind())?;
    } else {
        core.check(version, &session)?;
    }
    match (state, message) {
        (State::AwaitStart, UlpMessage::Start(message)) => start(core, now, env, *message, out),
        (State::AwaitStart, UlpMessage::Unserved(kind)) if kind.opens_session() && session.slp.is_none() => {
            Err(SessionError::Service(kind))
        }
        (State::AwaitStart, message) => ni::first(core, now, env, session.slp.as_ref(), message, out),
        (_, UlpMessage::End(end)) => Ok(ended_by_target(core, now, *end, out)),
        (State::AwaitNotify, UlpMessage::NotifyResponse(said)) => ni::answered(core, now, said, out),
        (State::AwaitPosInit(s), UlpMessage::PosInit(message)) => s.pos_init(core, now, env, *message, out),
        (State::Positioning(s), UlpMessage::Pos(message)) => s.pos(core, now, env, &message, out),
        (_, message) => Err(unexpected(message.kind())),
    }
}

const fn unexpected(kind: MessageKind) -> SessionError {
    SessionError::Unexpected(kind)
}

/// The state's own timer has run out.
fn timeout(
    core: &mut Core,
    state: State,
    now: Now,
    env: &Env<'_>,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    match state {
        State::AwaitStart => {
            // There is no session yet that a SUPL END could end.
            core.close(now, Outcome::Silent, out);
            Ok(State::Closed)
        }
        State::AwaitPosInit(_) => Err(SessionError::St2),
        State::Positioning(s) => s.timeout(core, now, env, out),
        State::AwaitNotify => ni::unanswered(core, now, out),
        State::Closed => Ok(State::Closed),
    }
}

/// The SET ends the session: no answer, and what it says is kept.
pub(super) fn ended_by_target(core: &mut Core, now: Now, end: End, out: &mut Vec<Action>) -> State {
    if let Some(position) = end.high_accuracy.or(end.position) {
        core.position_of_target(now, position, out);
    }
    core.end_order_by_target(end.status, out);
    let status = end.status.map(crate::wire::ulp::StatusCode::name);
    core.close(now, Outcome::EndedByTarget { status }, out);
    State::Closed
}
