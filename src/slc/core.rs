//! What all states of a session share: identities, clocks, the record, and the way out.

use std::time::{Duration, Instant};

use super::event::Action;
use super::ni::OrderEnd;
use super::record::{Flow, Outcome, SessionRecord, Stages};
use super::serving::Serving;
use super::session::Params;
use super::status::SessionError;
use crate::base::cell::ReferenceSource;
use crate::base::ids::SetSessionId;
use crate::base::{LocationEstimate, Now, PositionMethod, QualityOfPosition, SlpAddress, SlpSessionId};
use crate::wire::ulp::{
    End, MessageKind, Position, SessionIds, StatusCode, UlpDecodeError, UlpFault, UlpMessage, UlpPdu, Version,
};

/// Identities, clocks, record.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) params: Params,
    /// Our half of the session's identity.
    slp: SlpSessionId,
    /// The SET's half, once it is known.
    set: Option<SetSessionId>,
    /// Our version, in the SET's major.
    version: Version,
    /// Whether a SUPL START has been taken, so that there is a session to end.
    opened: bool,
    qop: Option<QualityOfPosition>,
    /// The last position.
    pub(super) best: Option<LocationEstimate>,
    /// The order that the session serves, until its end was told.
    pub(super) order: Option<Box<Serving>>,
    timer: Instant,
    cap: Instant,
    pub(super) record: SessionRecord,
}

impl Core {
    pub(super) fn new(params: Params) -> Self {
        let slp = SlpSessionId { id: params.slp_session, slp: params.policy.slp.clone() };
        let opened = params.opened;
        let record = SessionRecord {
            opened: opened.utc,
            slp_session: params.slp_session,
            flow: Flow::Unknown,
            ulp_version: None,
            set_id: None,
            protocol: None,
            pos_method: None,
            qop: None,
            qop_met: None,
            reference: None,
            satellites: std::collections::BTreeMap::new(),
            position: None,
            uncertainty_m: None,
            stages: Stages::default(),
            pdus: (0, 0),
            octets: (0, 0),
            outcome: Outcome::Left,
        };
        Self {
            slp,
            set: None,
            version: Version::V2,
            opened: false,
            qop: None,
            best: None,
            order: None,
            timer: opened.mono + params.policy.first_message,
            cap: opened.mono + params.policy.session_cap,
            record,
            params,
        }
    }

    /// Decodes a PDU. What cannot be decoded still tells the session's identity and version as far as they can be read.
    pub(super) fn pdu(&mut self, now: Now, octets: &[u8]) -> Result<UlpPdu, SessionError> {
        self.record.pdus.0 = self.record.pdus.0.saturating_add(1);
        self.record.octets.0 += octets.len() as u64;
        self.record.stages.start.get_or_insert(self.since(now));
        UlpPdu::decode(octets).map_err(|e| self.undecodable(e))
    }

    fn undecodable(&mut self, e: UlpDecodeError) -> SessionError {
        if !self.opened {
            self.set = e.session.set;
            self.record.ulp_version = e.version.map(octets);
            self.version = e.version.and_then(answer_version).unwrap_or(Version::V2);
            self.opened = true;
        }
        match e.fault {
            UlpFault::Version(_) => SessionError::Version,
            UlpFault::Length { .. } | UlpFault::Malformed(_) => SessionError::Malformed,
        }
    }

    /// Takes over the identity of the first message.
    pub(super) fn open(
        &mut self,
        now: Now,
        version: Version,
        session: &SessionIds,
        kind: MessageKind,
    ) -> Result<(), SessionError> {
        self.record.ulp_version = Some(octets(version));
        self.set.clone_from(&session.set);
        self.record.set_id = self.set.as_ref().map(|s| s.set_id.kind());
        self.opened = true;
        self.version = answer_version(version).ok_or(SessionError::Version)?;
        self.record.stages.start.get_or_insert(self.since(now));
        // The SLP's half is ours to give. A triggered session may be begun by either side.
        let theirs = session.slp.is_some() && kind != MessageKind::TriggeredStart || session.set.is_none();
        if kind.opens_session() && theirs { Err(SessionError::WrongSession) } else { Ok(()) }
    }

    /// Turns the first message away because the server has no room, in its own version and session.
    pub(super) fn refuse(&mut self, now: Now, pdu: &UlpPdu) -> SessionError {
        let opened = self.open(now, pdu.version, &pdu.session, pdu.message.kind());
        opened.err().filter(|e| *e == SessionError::Version).unwrap_or(SessionError::Overload)
    }

    /// Checks that a message belongs to this session. The SLP's half may be missing, since the connection says it too; the
    /// minor version may change from message to message.
    pub(super) fn check(&self, version: Version, session: &SessionIds) -> Result<(), SessionError> {
        let ours = |slp: &SlpSessionId| slp.id == self.slp.id && self.is_addressed(slp);
        if session.set != self.set || !session.slp.as_ref().is_none_or(ours) {
            return Err(SessionError::WrongSession);
        }
        match answer_version(version) {
            Some(v) if v.maj == self.version.maj => Ok(()),
            _ => Err(SessionError::Version),
        }
    }

    /// Whether a session id is one that this SLP may have given.
    pub(super) fn is_addressed(&self, theirs: &SlpSessionId) -> bool {
        same_address(&theirs.slp, &self.slp.slp)
    }

    /// Takes over the identity of a session that began with a SUPL INIT; it ends by `deadline`.
    pub(super) fn adopt(&mut self, slp_session: [u8; 4], deadline: Instant) {
        self.slp.id = slp_session;
        self.record.slp_session = slp_session;
        self.record.flow = Flow::NetworkInitiatedImmediate;
        self.cap = self.cap.min(deadline);
    }

    /// The SLP's name or address.
    pub(super) const fn slp_address(&self) -> &SlpAddress {
        &self.slp.slp
    }

    /// The version in which this side answers.
    pub(super) const fn version(&self) -> Version {
        self.version
    }

    /// Whether the session speaks ULP 2.
    pub(super) const fn version_2(&self) -> bool {
        self.version.maj >= 2
    }

    /// The SET's half of the identity.
    pub(super) const fn set_session(&self) -> Option<&SetSessionId> {
        self.set.as_ref()
    }

    pub(super) fn set_qop(&mut self, qop: Option<QualityOfPosition>) {
        self.qop = qop;
        self.record.qop = qop;
    }

    pub(super) const fn qop(&self) -> Option<QualityOfPosition> {
        self.qop
    }

    pub(super) fn set_reference(&mut self, source: Option<ReferenceSource>) {
        self.record.reference = source.or(self.record.reference);
    }

    /// Time since the connection was opened.
    pub(super) fn since(&self, now: Now) -> Duration {
        now.mono.saturating_duration_since(self.params.opened.mono)
    }

    /// Starts the state's timer anew.
    pub(super) fn wait(&mut self, now: Now, d: Duration) {
        self.timer = now.mono + d;
    }

    /// When the driver has to come back.
    pub(super) fn deadline(&self) -> Instant {
        self.timer.min(self.cap)
    }

    /// Whether the session's time is up.
    pub(super) fn expired(&self, now: Now) -> bool {
        now.mono >= self.cap
    }

    /// Whether the state's timer has run out.
    pub(super) fn is_due(&self, now: Now) -> bool {
        now.mono >= self.timer
    }

    /// Sends a message in this session.
    pub(super) fn send(&mut self, message: UlpMessage, out: &mut Vec<Action>) -> Result<(), SessionError> {
        let session = SessionIds { set: self.set.clone(), slp: Some(self.slp.clone()) };
        let pdu = UlpPdu { version: self.version, session, message };
        let octets = pdu.encode().map_err(|_| SessionError::Encode)?;
        self.record.pdus.1 = self.record.pdus.1.saturating_add(1);
        self.record.octets.1 += octets.len() as u64;
        out.push(Action::Send(octets));
        Ok(())
    }

    /// Whether an estimate meets the quality asked for.
    pub(super) fn meets(&self, e: &LocationEstimate, now: Now) -> bool {
        self.qop.is_none_or(|q| {
            let (h, v) = (e.shape.horizontal_uncertainty_m(), e.shape.vertical_uncertainty_m());
            q.is_met_by(h, v, now.utc.since(e.time))
        })
    }

    /// Gives a position to the store and remembers it for the end.
    pub(super) fn position(&mut self, now: Now, estimate: LocationEstimate, out: &mut Vec<Action>) {
        self.record.stages.position.get_or_insert(self.since(now));
        self.record.position = Some(estimate.method);
        self.record.uncertainty_m = estimate.shape.horizontal_uncertainty_m();
        self.record.qop_met = Some(self.meets(&estimate, now));
        self.best = Some(estimate);
        if !self.withholds() {
            self.report(now, out);
        }
    }

    /// A position that the SET states in a ULP message.
    pub(super) fn position_of_target(&mut self, now: Now, position: Position, out: &mut Vec<Action>) {
        self.position(now, estimate_of(position, now), out);
    }

    /// The service was given: SUPL END, with the position where there is one.
    pub(super) fn complete(&mut self, now: Now, out: &mut Vec<Action>) -> Result<(), SessionError> {
        self.end_order(OrderEnd::Completed, out);
        let position = self.best.as_ref().map(|e| Position {
            time: e.time,
            shape: e.shape.clone(),
            velocity: e.velocity,
        });
        self.send(UlpMessage::End(Box::new(End { position, ..End::default() })), out)?;
        self.close(now, Outcome::Completed, out);
        Ok(())
    }

    /// Something went wrong: SUPL END with its status, if there is a session to end.
    pub(super) fn fail(&mut self, now: Now, error: SessionError, out: &mut Vec<Action>) {
        // Whoever waits for an answer is told before a peer that may not listen.
        self.end_order(error.into(), out);
        let status = match error.status() {
            // The codes of 2.0 do not exist in 1.0.
            StatusCode::NoSuplCoverage if !self.version_2() => StatusCode::PosMethodFailure,
            status if !self.version_2() && !status.in_version_1() => StatusCode::Unspecified,
            status => status,
        };
        if self.opened || matches!(error, SessionError::Unframed(_)) {
            // A SUPL END that cannot be encoded leaves nothing but to close.
            let _ = self.send(UlpMessage::End(Box::new(End::with(status))), out);
        }
        let outcome = match error {
            SessionError::Shutdown => Outcome::Shutdown,
            _ => Outcome::Refused { status: status.name(), error: error.kind() },
        };
        self.close(now, outcome, out);
    }

    /// The SET is gone.
    pub(super) fn leave(&mut self, now: Now, out: &mut Vec<Action>) {
        self.end_order(OrderEnd::Left, out);
        let served = self.best.is_some() || self.record.stages.assisted.is_some();
        self.close(now, if served { Outcome::LeftServed } else { Outcome::Left }, out);
    }

    /// Leaves the record and closes. The caller goes to the closed state, so this happens once.
    pub(super) fn close(&mut self, now: Now, outcome: Outcome, out: &mut Vec<Action>) {
        self.record.outcome = outcome;
        self.record.stages.end = self.since(now);
        out.push(Action::Record(Box::new(self.record.clone())));
        out.push(Action::Close);
    }
}

/// A position that a SET states, as an estimate. It does not say how it found it.
pub(super) fn estimate_of(position: Position, now: Now) -> LocationEstimate {
    LocationEstimate {
        shape: position.shape,
        time: position.time.min(now.utc),
        method: PositionMethod::Unknown,
        velocity: position.velocity,
    }
}

/// The version in which a SET of version `v` is answered. A 3.0 message that decodes as 2.0 is served as far as 2.0 goes.
const fn answer_version(v: Version) -> Option<Version> {
    match v.maj {
        1 => Some(Version::V1),
        2 | 3 => Some(Version::V2),
        _ => None,
    }
}

const fn octets(v: Version) -> [u8; 3] {
    [v.maj, v.min, v.servind]
}

fn same_address(a: &SlpAddress, b: &SlpAddress) -> bool {
    match (a, b) {
        (SlpAddress::Fqdn(a), SlpAddress::Fqdn(b)) => a.as_str().eq_ignore_ascii_case(b.as_str()),
        _ => a == b,
    }
}
