//! The SET's side of one SUPL session as a machine without input or output: it is given whole PDUs and the passing of
//! time, and says what to send.
//!
//! ```text
//!   SUPL START ──►                 AwaitResponse   UT1
//!              ◄── SUPL RESPONSE
//!   SUPL POS INIT ──►              Positioning     UT2, UT3
//!              ◄──► SUPL POS         RRLP or LPP
//!              ◄── SUPL END        Closed
//! ```
//!
//! A session that the server has asked for by SUPL INIT begins with SUPL POS INIT, or with the SUPL END that is all the
//! answer.
//!
//! Strict in what it sends, it takes what servers out there do: an answer to START that is already the end, a request of
//! capabilities first or assistance at once, several LPP messages in a SUPL POS, assistance in many parts, an END at any
//! time, no END at all.

use std::time::{Duration, Instant};

use super::error::HandsetError;
use super::findings::{Ending, Findings};
use super::invitation::{self, Answer, Opening};
use super::ladder::{Direction, Step};
use super::lpp::LppProcedure;
use super::options::{Goal, Options, Payload, SuplVersion};
use super::rrlp::RrlpProcedure;
use super::{request, summary};
use crate::base::cell::LocationId;
use crate::base::geo::{Ellipse, Shape};
use crate::base::ids::{SetSessionId, SlpSessionId};
use crate::base::time::Now;
use crate::wire::ulp::{
    End, MessageKind, Pos, PosInit, PosPayload, Position, SessionIds, Start, StatusCode, UlpMessage, UlpPdu,
    Version,
};

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input<'a> {
    /// The connection is open.
    Connected,
    /// One whole ULP PDU.
    Pdu(&'a [u8]),
    /// [`Session::next_timeout`] has come.
    Timeout,
    /// The server closed the connection, or it broke.
    Disconnected,
}

/// What the driver is to do.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Write these octets.
    Send(Vec<u8>),
    /// Show this.
    Show(Step),
    /// Nothing follows: close.
    Close,
}

/// The positioning protocol's part.
#[derive(Debug)]
enum Procedure {
    Rrlp(RrlpProcedure),
    Lpp(Box<LppProcedure>),
    /// Nothing but SUPL END is awaited.
    None,
}

#[derive(Debug)]
enum State {
    Idle,
    AwaitResponse,
    Positioning(Procedure),
    Closed,
}

/// What a procedure wants after an input.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// Payloads to send, each SUPL POS one element.
    pub(super) send: Vec<Vec<Vec<u8>>>,
    /// Things to show.
    pub(super) notes: Vec<(&'static str, String)>,
    /// To be called again after this, unless something comes before.
    pub(super) wake: Option<Duration>,
    /// The handset has what it came for and has said what it had to say.
    pub(super) done: bool,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    options: Options,
    opening: Opening,
    /// What the user says to a SUPL NOTIFY.
    answer: Answer,
    state: State,
    slp: Option<SlpSessionId>,
    opened: Instant,
    deadline: Option<Instant>,
    /// Whether the deadline is the procedure's own and not the end of patience.
    woken: bool,
    done: bool,
    found: Findings,
}

impl Session {
    pub(super) fn new(options: Options, now: Now) -> Self {
        Self {
            options,
            opening: Opening::Start,
            answer: Answer::Allow,
            state: State::Idle,
            slp: None,
            opened: now.mono,
            deadline: None,
            woken: false,
            done: false,
            found: Findings::default(),
        }
    }

    /// A session that the server has asked for.
    pub(super) fn invited(
        options: Options,
        now: Now,
        slp: SlpSessionId,
        opening: Opening,
        answer: Answer,
    ) -> Self {
        Self { opening, answer, slp: Some(slp), ..Self::new(options, now) }
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What the session brought.
    pub(super) fn into_findings(self) -> Findings {
        self.found
    }

    /// Takes one input and appends what is to be done.
    pub(super) fn handle(
        &mut self,
        now: Now,
        input: Input<'_>,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        match (std::mem::replace(&mut self.state, State::Closed), input) {
            (State::Idle, Input::Connected) => match self.opening.clone() {
                Opening::Start => self.start(now, out),
                Opening::PosInit(ver) => self.pos_init(now, Some(ver), out),
                Opening::End(end) => self.end_with(now, *end, Ending::Done, out),
            },
            (State::Closed, _) => Ok(()),
            (_, Input::Disconnected) => {
                let ending = if self.done { Ending::Done } else { Ending::Closed };
                self.conclude(now, ending, out);
                Ok(())
            }
            (State::Positioning(p), Input::Timeout) if self.woken => self.wake(now, p, out),
            (state, Input::Timeout) => self.give_up(now, &state, out),
            (state, Input::Pdu(octets)) => self.pdu(now, state, octets, out),
            (state, Input::Connected) => {
                self.state = state;
                Ok(())
            }
        }
    }

    // ---- sending --------------------------------------------------------------------------------------------------

    fn start(&mut self, now: Now, out: &mut Vec<Action>) -> Result<(), HandsetError> {
        let start = Start {
            capabilities: request::capabilities(&self.options),
            location_ids: self.location_ids(),
            qop: request::quality(&self.options),
            third_parties: 0,
            application: None,
            position: None,
        };
        self.send(now, UlpMessage::Start(Box::new(start)), out)?;
        self.state = State::AwaitResponse;
        Ok(())
    }

    fn pos_init(
        &mut self,
        now: Now,
        ver: Option<[u8; 8]>,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        let (procedure, embedded) = match (self.options.goal, self.options.payload) {
            (Goal::CellId, _) => (Procedure::None, None),
            (_, Payload::Rrlp) => (Procedure::Rrlp(RrlpProcedure::default()), None),
            (_, Payload::Lpp) => {
                let mut lpp = LppProcedure::default();
                let first = lpp.open(&self.options)?;
                (Procedure::Lpp(Box::new(lpp)), first)
            }
        };
        let position = self.options.place.filter(|_| self.options.tell_position).map(|p| Position {
            time: self.found.gps_time(now).to_utc(),
            shape: Shape::Ellipsoid {
                at: p.at,
                ellipse: Ellipse::circle(20.0, Some(68)),
                altitude_m: p.altitude_m,
                altitude_unc_m: 30.0,
            },
            velocity: None,
        });
        if position.is_some() {
            // The server may be content with it.
            self.done = true;
        }
        let message = PosInit {
            capabilities: request::capabilities(&self.options),
            assistance: self.options.goal.assisted().then(|| request::assistance(&self.options)),
            location_ids: self.location_ids(),
            position,
            pos: embedded.map(|e| Pos { payload: PosPayload::Lpp(e), velocity: None }),
            ver,
        };
        self.send(now, UlpMessage::PosInit(Box::new(message)), out)?;
        self.state = State::Positioning(procedure);
        Ok(())
    }

    fn send(&mut self, now: Now, message: UlpMessage, out: &mut Vec<Action>) -> Result<(), HandsetError> {
        let (kind, text) = (message.kind(), summary::of(&message, self.found.gps_time(now)));
        let set = SetSessionId { id: self.options.session_id, set_id: self.options.set_id.clone() };
        let version = match self.options.version {
            SuplVersion::V1 => Version::V1,
            SuplVersion::V2 => Version::V2,
        };
        let pdu = UlpPdu { version, session: SessionIds { set: Some(set), slp: self.slp.clone() }, message };
        let octets = pdu.encode().map_err(|source| HandsetError::Encode { message: kind.name(), source })?;
        self.show(now, Direction::Sent, kind.name(), Some(octets.len()), text, out);
        out.push(Action::Send(octets));
        self.deadline = Some(now.mono + self.options.timeout);
        self.woken = false;
        Ok(())
    }

    // ---- receiving ------------------------------------------------------------------------------------------------

    fn pdu(
        &mut self,
        now: Now,
        state: State,
        octets: &[u8],
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        let pdu = match UlpPdu::decode(octets) {
            Ok(pdu) => pdu,
            Err(error) => {
                self.show(now, Direction::Received, "unreadable", Some(octets.len()), error.to_string(), out);
                return self.end(now, StatusCode::ProtocolError, Ending::Unreadable, out);
            }
        };
        let near = self.found.gps_time(now);
        let (kind, text) = (pdu.message.kind(), summary::of(&pdu.message, near));
        self.show(now, Direction::Received, kind.name(), Some(octets.len()), text, out);
        self.check_session(now, &pdu, out);
        match (state, pdu.message) {
            (_, UlpMessage::End(end)) => {
                self.found.status = end.status;
                self.found.server_position = end.high_accuracy.or(end.position);
                self.conclude(now, Ending::End, out);
                Ok(())
            }
            (State::AwaitResponse, UlpMessage::Response(response)) => {
                self.found.pos_method = Some(response.pos_method);
                if let Some(p) = response.initial_position
                    && self.found.assistance.reference_location.is_none()
                {
                    self.found.assistance.reference_location = Some(p.shape);
                }
                self.pos_init(now, None, out)
            }
            (State::Positioning(procedure), UlpMessage::Pos(pos)) => {
                self.payload(now, procedure, pos.payload, out)
            }
            (state @ State::Positioning(_), UlpMessage::Notify(notification)) => {
                let said = invitation::said(notification.kind, self.answer);
                self.send(now, UlpMessage::NotifyResponse(said), out)?;
                self.state = state;
                Ok(())
            }
            (state, _) => {
                // A message that has no place here; a real handset would end the session, this one wants to see more.
                self.show(
                    now,
                    Direction::Local,
                    "unexpected",
                    None,
                    format!("{} is ignored", kind.name()),
                    out,
                );
                self.state = state;
                Ok(())
            }
        }
    }

    /// Takes over the server's half of the session's identity and remarks on what does not fit.
    fn check_session(&mut self, now: Now, pdu: &UlpPdu, out: &mut Vec<Action>) {
        let echoed = pdu
            .session
            .set
            .as_ref()
            .is_some_and(|s| s.id == self.options.session_id && s.set_id == self.options.set_id);
        let wrong = match (&self.slp, &pdu.session.slp) {
            _ if !echoed => Some("the server does not echo our session id"),
            (Some(mine), Some(theirs)) if mine != theirs => Some("the server changed its session id"),
            (_, None) => Some("the server gives no session id of its own"),
            _ => None,
        };
        if let Some(text) = wrong
            && pdu.message.kind() != MessageKind::End
        {
            self.show(now, Direction::Local, "remark", None, text.to_owned(), out);
        }
        if self.slp.is_none() {
            self.slp.clone_from(&pdu.session.slp);
        }
    }

    fn payload(
        &mut self,
        now: Now,
        mut procedure: Procedure,
        payload: PosPayload,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        self.deadline = Some(now.mono + self.options.timeout);
        self.woken = false;
        let wishes = match (&mut procedure, payload) {
            (Procedure::Lpp(p), PosPayload::Lpp(messages)) => {
                p.handle(now, &messages, &self.options, &mut self.found)?
            }
            (Procedure::Rrlp(p), PosPayload::Rrlp(octets)) => {
                p.handle(now, &octets, &self.options, &mut self.found)?
            }
            // A server that chose the other protocol is followed.
            (p, PosPayload::Rrlp(octets)) => {
                let mut rrlp = RrlpProcedure::default();
                let wishes = rrlp.handle(now, &octets, &self.options, &mut self.found)?;
                *p = Procedure::Rrlp(rrlp);
                wishes
            }
            (p, PosPayload::Lpp(messages)) => {
                let mut lpp = LppProcedure::default();
                let wishes = lpp.handle(now, &messages, &self.options, &mut self.found)?;
                *p = Procedure::Lpp(Box::new(lpp));
                wishes
            }
            (_, PosPayload::Tia801(_) | PosPayload::Rrc(_) | PosPayload::Unknown) => {
                return self.end(now, StatusCode::PosProtocolMismatch, Ending::Unreadable, out);
            }
        };
        self.grant(now, procedure, wishes, out)
    }

    fn wake(
        &mut self,
        now: Now,
        mut procedure: Procedure,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        self.woken = false;
        self.deadline = Some(now.mono + self.options.timeout);
        let wishes = match &mut procedure {
            Procedure::Lpp(p) => p.wake(now, &self.options, &mut self.found)?,
            Procedure::Rrlp(_) | Procedure::None => Wishes::default(),
        };
        self.grant(now, procedure, wishes, out)
    }

    fn grant(
        &mut self,
        now: Now,
        procedure: Procedure,
        wishes: Wishes,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        for (name, text) in wishes.notes {
            self.show(now, Direction::Local, name, None, text, out);
        }
        for payloads in wishes.send {
            let payload = match &procedure {
                Procedure::Lpp(_) => PosPayload::Lpp(payloads),
                Procedure::Rrlp(_) | Procedure::None => {
                    PosPayload::Rrlp(payloads.into_iter().flatten().collect())
                }
            };
            self.send(now, UlpMessage::Pos(Pos { payload, velocity: None }), out)?;
        }
        self.done |= wishes.done;
        if let Some(wake) = wishes.wake {
            self.deadline = Some(now.mono + wake.min(self.options.timeout));
            self.woken = true;
        }
        self.state = State::Positioning(procedure);
        Ok(())
    }

    // ---- ending ---------------------------------------------------------------------------------------------------

    fn give_up(&mut self, now: Now, state: &State, out: &mut Vec<Action>) -> Result<(), HandsetError> {
        if self.done {
            // Some servers leave the end to the SET.
            return self.end_with(now, End::default(), Ending::Done, out);
        }
        let awaited = match state {
            State::AwaitResponse => "SUPL RESPONSE",
            State::Positioning(Procedure::None) => "SUPL END",
            _ => "SUPL POS",
        };
        self.end(now, StatusCode::Unspecified, Ending::Silence(awaited), out)
    }

    fn end(
        &mut self,
        now: Now,
        status: StatusCode,
        ending: Ending,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        self.end_with(now, End::with(status), ending, out)
    }

    fn end_with(
        &mut self,
        now: Now,
        end: End,
        ending: Ending,
        out: &mut Vec<Action>,
    ) -> Result<(), HandsetError> {
        self.send(now, UlpMessage::End(Box::new(end)), out)?;
        self.conclude(now, ending, out);
        Ok(())
    }

    fn conclude(&mut self, now: Now, ending: Ending, out: &mut Vec<Action>) {
        if ending == Ending::Closed {
            let text = "the server closed the connection without SUPL END".to_owned();
            self.show(now, Direction::Local, "closed", None, text, out);
        }
        self.found.ending = Some(ending);
        self.state = State::Closed;
        self.deadline = None;
        out.push(Action::Close);
    }

    fn location_ids(&self) -> Vec<LocationId> {
        request::location_ids(&self.options)
    }

    fn show(
        &mut self,
        now: Now,
        direction: Direction,
        name: &str,
        bytes: Option<usize>,
        summary: String,
        out: &mut Vec<Action>,
    ) {
        let time = now.mono.duration_since(self.opened);
        let step = Step { time, direction, name: name.to_owned(), bytes, summary };
        self.found.steps.push(step.clone());
        out.push(Action::Show(step));
    }
}

#[cfg(test)]
mod tests;
