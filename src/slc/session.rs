//! One SUPL session on one connection.

use std::sync::Arc;
use std::time::Instant;

use super::access::PeerIdentity;
use super::config::Policy;
use super::event::{Action, Env, Input};
use crate::base::Now;

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

/// One SUPL session on one connection, from the opening of the connection to its end.
#[derive(Debug)]
pub struct Session {
    params: Params,
    refusing: bool,
}

impl Session {
    /// A session that waits for its first message.
    pub fn new(params: Params) -> Self {
        Self { params, refusing: false }
    }

    /// A session that the server has no room for, or no time because it is going down: whatever its first message is, it
    /// is answered with SUPL END `resourceShortage`, and the session is over.
    pub fn refusing(params: Params) -> Self {
        Self { params, refusing: true }
    }

    /// Takes one input and appends what is to be done to `out`. Never panics; after [`Action::Close`] it does nothing any
    /// more.
    pub fn handle(&mut self, now: Now, env: &Env<'_>, input: Input<'_>, out: &mut Vec<Action>) {
        let _ = (now, env, input, out, self.refusing);
    }

    /// When the driver must come back with [`Input::Timeout`]; `None` once the session is over.
    pub fn next_timeout(&self) -> Option<Instant> {
        Some(self.params.opened.mono + self.params.policy.first_message)
    }
}
