//! From SUPL POS INIT to the position: what all services have in common.

use super::core::{Core, estimate_of};
use super::event::{Action, Env};
use super::session::State;
use super::status::SessionError;
use crate::base::Now;
use crate::base::cell::{LocationId, ReferenceLocation};
use crate::spc::{self, Choice, Conclusion, Context, Mode, Next, Procedure, Protocol, Step};
use crate::wire::ulp::{Pos, PosInit, PosMethod, PosPayload, Position, SetCapabilities, UlpMessage};

/// What is known of a SET before its SUPL POS INIT.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What it heard.
    pub(super) location_ids: Vec<LocationId>,
    /// Where it thought it was.
    pub(super) position: Option<Position>,
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

/// Takes SUPL POS INIT and begins.
pub(super) fn begin(
    core: &mut Core,
    now: Now,
    env: &Env<'_>,
    message: PosInit,
    known: Known,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    core.record.stages.pos_init = Some(core.since(now));
    let policy = core.params.policy.clone();
    let location_ids =
        if message.location_ids.is_empty() { known.location_ids } else { message.location_ids };
    if let Some(done) = core.take_cell(now, env, &location_ids, out) {
        return done;
    }
    let wants_assistance =
        message.pos.is_some() || message.assistance.as_ref().is_some_and(|a| !a.is_empty());
    if let Some(position) = &message.position {
        let estimate = estimate_of(position.clone(), now);
        if !wants_assistance && core.meets(&estimate, now) {
            core.position(now, estimate, out);
            return core.conclude(now, out);
        }
        core.provisional(estimate, out);
    }
    // A SET may have found its capabilities changed since SUPL START: what it says now counts.
    let choice = core.choose(&message.capabilities)?;
    core.record.pos_method.get_or_insert(choice.pos_method.name());
    if choice.mode == Mode::Cell {
        if let Some(answer) = answer_with_cell(core, now, env, &location_ids, out) {
            return answer;
        }
        let speaks_lpp = matches!(message.pos.as_ref().map(|p| &p.payload), None | Some(PosPayload::Lpp(_)));
        if !speaks_lpp || !measures_cells(&message.capabilities, core.version_2()) {
            return Err(without_cell(now, env, &location_ids));
        }
    }
    let said = message.position.or(known.position);
    let reference = spc::reference(said.as_ref(), &location_ids, env.cells, now.utc).or_else(|| core.area());
    core.set_reference(reference.map(|r| r.source));
    let embedded = message.pos.as_ref().map(|p| &p.payload);
    let protocol = protocol(core, choice, embedded)?;
    core.record.protocol = Some(protocol.name());
    let target = Target { capabilities: message.capabilities, location_ids, reference, mode: choice.mode };
    let mut procedure = Procedure::new(protocol);
    let ctx = target.context(core, now, env, &policy.positioning);
    let step = procedure.start(&ctx, message.assistance.as_ref(), embedded);
    Positioning { target, procedure, received: 0 }.apply(core, now, env, step, out)
}

/// Whether a SET can be asked for measurements of its cells, which may place it better than their names do: only LPP asks.
pub(super) fn measures_cells(capabilities: &SetCapabilities, version_2: bool) -> bool {
    capabilities.ecid && spc::protocol(&capabilities.protocols, version_2) == Some(Protocol::Lpp)
}

/// Ends the session with the position of the cell, where that is good enough.
pub(super) fn answer_with_cell(
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
    Some(core.conclude(now, out))
}

/// Why the cells heard are no answer: none of them is known, or what is known of them is not good enough.
pub(super) fn without_cell(now: Now, env: &Env<'_>, heard: &[LocationId]) -> SessionError {
    match spc::cell_estimate(heard, env.cells, now.utc) {
        Some(_) => SessionError::NoPosition,
        None => SessionError::NoCoverage,
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
            qop: core.qop_by(now),
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
            Conclusion::Assisted if core.serves_order() => Err(SessionError::NoPosition),
            Conclusion::Position | Conclusion::Assisted => core.conclude(now, out),
            Conclusion::NoPosition => {
                let heard = &self.target.location_ids;
                let answer = answer_with_cell(core, now, env, heard, out);
                answer.unwrap_or_else(|| {
                    let by_cell = self.target.mode == Mode::Cell;
                    Err(if by_cell { without_cell(now, env, heard) } else { SessionError::NoPosition })
                })
            }
            Conclusion::Broken => Err(SessionError::BrokenPositioning),
        }
    }
}
