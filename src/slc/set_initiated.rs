//! SET-initiated immediate service in proxy mode (OMA SUPL 2.0 §5.2; ULP 1.0 §5.2): SUPL START, RESPONSE, POS INIT, POS,
//! END, and the short forms.

use super::access::Verdict;
use super::core::{Core, estimate_of};
use super::event::{Action, Env};
use super::record::Flow;
use super::session::State;
use super::status::SessionError;
use crate::base::cell::{LocationId, ReferenceLocation};
use crate::base::{Now, broadcast::Gnss};
use crate::gnss::SkySnapshot;
use crate::spc::{self, Choice, Conclusion, Context, Mode, Next, Procedure, Protocol, Step};
use crate::wire::ulp::{
    GnssSupport, Pos, PosInit, PosMethod, PosPayload, Position, Response, SetCapabilities, Start, UlpMessage,
};

/// SUPL RESPONSE was sent.
#[derive(Debug)]
pub(super) struct AwaitPosInit {
    location_ids: Vec<LocationId>,
    position: Option<Position>,
}

/// SUPL POS go to and fro.
#[derive(Debug)]
pub(super) struct Positioning {
    target: Target,
    procedure: Procedure,
    /// SUPL POS that the SET has sent.
    received: u32,
}

/// What is known of the SET that is being positioned.
#[derive(Debug)]
struct Target {
    capabilities: SetCapabilities,
    location_ids: Vec<LocationId>,
    reference: Option<ReferenceLocation>,
    mode: Mode,
}

/// Takes SUPL START.
pub(super) fn start(
    core: &mut Core,
    now: Now,
    env: &Env<'_>,
    message: Start,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    core.record.flow = Flow::SetInitiatedImmediate;
    core.set_qop(message.qop);
    let claimed = core.set_session().ok_or(SessionError::WrongSession)?;
    if env.access.may_claim(&claimed.set_id, &core.params.peer) == Verdict::Denied {
        return Err(SessionError::Identity);
    }
    let asked_quality = message.qop.is_some_and(|q| q.horizontal_m.is_some());
    // A position that the SET hands on to third parties, or that is as good as it asks for, leaves nothing to do.
    if let Some(position) = &message.position
        && (asked_quality || message.third_parties > 0)
        && core.meets(&estimate_of(position.clone(), now), now)
    {
        core.position_of_target(now, position.clone(), out);
        core.complete(now, out)?;
        return Ok(State::Closed);
    }
    let policy = core.params.policy.clone();
    let methods = policy.positioning.methods;
    let only_cell = spc::only_cell(&message.capabilities) && methods.cell_id;
    if (only_cell && !message.capabilities.ecid || asked_quality) && methods.cell_id {
        match answer_with_cell(core, now, env, &message.location_ids, out) {
            Some(done) => return done,
            None if only_cell && !measures_cells(&message.capabilities, core.version_2()) => {
                return Err(SessionError::NoPosition);
            }
            None => {}
        }
    }
    let choice = spc::choose(&message.capabilities, core.version_2(), methods)?;
    core.record.pos_method = Some(choice.pos_method.name());
    let reference = spc::reference(message.position.as_ref(), &message.location_ids, env.cells, now.utc);
    core.set_reference(reference.map(|r| r.source));
    let response = response(core, now, env.sky, choice, reference.as_ref());
    core.send(UlpMessage::Response(Box::new(response)), out)?;
    core.wait(now, policy.st2);
    Ok(State::AwaitPosInit(Box::new(AwaitPosInit {
        location_ids: message.location_ids,
        position: message.position,
    })))
}

fn response(
    core: &Core,
    now: Now,
    sky: &SkySnapshot,
    choice: Choice,
    reference: Option<&ReferenceLocation>,
) -> Response {
    let mut response = Response::new(choice.pos_method);
    if !core.version_2() {
        return response;
    }
    response.initial_position =
        reference.map(|r| Position { time: now.utc, shape: spc::circle(r), velocity: None });
    if !choice.pos_method.in_version_1() {
        response.gnss = Some(support(sky, now));
    }
    response
}

/// The systems with which this server can help right now.
fn support(sky: &SkySnapshot, now: Now) -> GnssSupport {
    let counts = sky.counts(now.gps());
    let has = |g| counts.contains_key(&g);
    GnssSupport {
        gps: has(Gnss::Gps),
        galileo: has(Gnss::Galileo),
        sbas: has(Gnss::Sbas),
        modernised_gps: false,
        qzss: has(Gnss::Qzss),
        glonass: has(Gnss::Glonass),
        bds: Some(has(Gnss::BeiDou)),
        rtk_osr: None,
    }
}

/// Whether a SET can be asked for measurements of its cells, which may place it better than their names do: only LPP asks.
fn measures_cells(capabilities: &SetCapabilities, version_2: bool) -> bool {
    capabilities.ecid && spc::protocol(&capabilities.protocols, version_2) == Some(Protocol::Lpp)
}

/// Ends the session with the position of the cell, where that is good enough.
fn answer_with_cell(
    core: &mut Core,
    now: Now,
    env: &Env<'_>,
    heard: &[LocationId],
    out: &mut Vec<Action>,
) -> Option<Result<State, SessionError>> {
    if !core.params.policy.positioning.methods.cell_id {
        return None;
    }
    let estimate = spc::cell_estimate(heard, env.cells, now.utc).filter(|e| core.meets(e, now))?;
    let reference = spc::reference(None, heard, env.cells, now.utc);
    core.set_reference(reference.map(|r| r.source));
    core.record.pos_method.get_or_insert(PosMethod::Ecid.name());
    core.position(now, estimate, out);
    Some(core.complete(now, out).map(|()| State::Closed))
}

impl AwaitPosInit {
    /// Takes SUPL POS INIT.
    pub(super) fn pos_init(
        self,
        core: &mut Core,
        now: Now,
        env: &Env<'_>,
        message: PosInit,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        core.record.stages.pos_init = Some(core.since(now));
        let policy = core.params.policy.clone();
        // A SET may have found its capabilities changed since SUPL START: what it says now counts.
        let choice = spc::choose(&message.capabilities, core.version_2(), policy.positioning.methods)?;
        let location_ids =
            if message.location_ids.is_empty() { self.location_ids } else { message.location_ids };
        let wants_assistance =
            message.pos.is_some() || message.assistance.as_ref().is_some_and(|a| !a.is_empty());
        if let Some(position) = &message.position
            && !wants_assistance
            && core.meets(&estimate_of(position.clone(), now), now)
        {
            core.position_of_target(now, position.clone(), out);
            core.complete(now, out)?;
            return Ok(State::Closed);
        }
        if choice.mode == Mode::Cell {
            if let Some(answer) = answer_with_cell(core, now, env, &location_ids, out) {
                return answer;
            }
            let speaks_lpp =
                matches!(message.pos.as_ref().map(|p| &p.payload), None | Some(PosPayload::Lpp(_)));
            if !speaks_lpp || !measures_cells(&message.capabilities, core.version_2()) {
                return Err(SessionError::NoPosition);
            }
        }
        let said = message.position.or(self.position);
        let reference = spc::reference(said.as_ref(), &location_ids, env.cells, now.utc);
        core.set_reference(reference.map(|r| r.source));
        let embedded = message.pos.as_ref().map(|p| &p.payload);
        let protocol = protocol(core, choice, embedded)?;
        core.record.protocol = Some(protocol.name());
        let target =
            Target { capabilities: message.capabilities, location_ids, reference, mode: choice.mode };
        let mut procedure = Procedure::new(protocol);
        let ctx = target.context(core, now, env, &policy.positioning);
        let step = procedure.start(&ctx, message.assistance.as_ref(), embedded);
        Positioning { target, procedure, received: 0 }.apply(core, now, env, step, out)
    }
}

/// The protocol of the session: the one that the SET has begun to speak, else the one chosen.
fn protocol(core: &Core, choice: Choice, embedded: Option<&PosPayload>) -> Result<Protocol, SessionError> {
    match embedded {
        Some(PosPayload::Lpp(_)) if core.version_2() => Ok(Protocol::Lpp),
        Some(PosPayload::Rrlp(_)) => Ok(Protocol::Rrlp),
        Some(_) => Err(SessionError::NoProtocol),
        None => choice.protocol.ok_or(SessionError::NoProtocol),
    }
}

impl Target {
    fn context<'a>(&'a self, core: &Core, now: Now, env: &Env<'a>, policy: &'a spc::Policy) -> Context<'a> {
        Context {
            now,
            sky: env.sky,
            memo: env.memo,
            policy,
            reference: self.reference.as_ref(),
            qop: core.qop(),
            mode: self.mode,
            capabilities: &self.capabilities,
            version_2: core.version_2(),
        }
    }
}

impl Positioning {
    /// Takes SUPL POS.
    pub(super) fn pos(
        mut self,
        core: &mut Core,
        now: Now,
        env: &Env<'_>,
        message: &Pos,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        self.received += 1;
        if self.received > core.params.policy.max_pos {
            return Err(SessionError::Limit);
        }
        let policy = core.params.policy.clone();
        let ctx = self.target.context(core, now, env, &policy.positioning);
        let mut step = self.procedure.receive(&ctx, &message.payload);
        // A velocity beside the payload belongs to the position inside it.
        for e in &mut step.estimates {
            e.velocity = e.velocity.or(message.velocity);
        }
        self.apply(core, now, env, step, out)
    }

    /// What was awaited did not come.
    pub(super) fn timeout(
        mut self,
        core: &mut Core,
        now: Now,
        env: &Env<'_>,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        let policy = core.params.policy.clone();
        let ctx = self.target.context(core, now, env, &policy.positioning);
        let step = self.procedure.timeout(&ctx);
        self.apply(core, now, env, step, out)
    }

    /// Carries out what the procedure wants.
    fn apply(
        mut self,
        core: &mut Core,
        now: Now,
        env: &Env<'_>,
        step: Step,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        for (gnss, n) in step.satellites {
            *core.record.satellites.entry(gnss).or_default() += n;
        }
        if step.assisted {
            core.record.stages.assisted.get_or_insert(core.since(now));
        }
        for estimate in step.estimates {
            core.position(now, estimate, out);
        }
        spc::merge_cells(&mut self.target.location_ids, &step.cells);
        for payload in step.send {
            core.send(UlpMessage::Pos(Pos { payload, velocity: None }), out)?;
        }
        let st3 = core.params.policy.st3;
        match step.next {
            Next::Reply => core.wait(now, st3),
            Next::Position(response_time) => core.wait(now, st3 + response_time),
            Next::Grace(grace) => core.wait(now, grace),
            Next::Same => {}
            Next::Over(conclusion) => return self.finish(core, now, env, conclusion, out),
        }
        Ok(State::Positioning(Box::new(self)))
    }

    fn finish(
        self,
        core: &mut Core,
        now: Now,
        env: &Env<'_>,
        conclusion: Conclusion,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        match conclusion {
            Conclusion::Position | Conclusion::Assisted => {
                core.complete(now, out)?;
                Ok(State::Closed)
            }
            Conclusion::NoPosition => {
                let answer = answer_with_cell(core, now, env, &self.target.location_ids, out);
                answer.unwrap_or(Err(SessionError::NoPosition))
            }
            Conclusion::Broken => Err(SessionError::BrokenPositioning),
        }
    }
}
