//! SET-initiated immediate service in proxy mode (OMA SUPL 2.0 §5.2; ULP 1.0 §5.2): SUPL START, RESPONSE, POS INIT, POS,
//! END, and the short forms.

use super::access::Verdict;
use super::core::{Core, estimate_of};
use super::event::{Action, Env};
use super::positioning::{Known, answer_with_cell, begin, measures_cells, without_cell};
use super::record::Flow;
use super::session::State;
use super::status::SessionError;
use crate::base::cell::ReferenceLocation;
use crate::base::{Now, broadcast::Gnss};
use crate::gnss::SkySnapshot;
use crate::spc::{self, Choice};
use crate::wire::ulp::{GnssSupport, PosInit, Position, Response, Start, UlpMessage};

/// SUPL RESPONSE was sent.
#[derive(Debug)]
pub(super) struct AwaitPosInit {
    known: Known,
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
        return core.conclude(now, out);
    }
    let policy = core.params.policy.clone();
    let methods = policy.positioning.methods;
    let only_cell = spc::only_cell(&message.capabilities) && methods.cell_id;
    if (only_cell && !message.capabilities.ecid || asked_quality) && methods.cell_id {
        match answer_with_cell(core, now, env, &message.location_ids, out) {
            Some(done) => return done,
            None if only_cell && !measures_cells(&message.capabilities, core.version_2()) => {
                return Err(without_cell(now, env, &message.location_ids));
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
    let known = Known { location_ids: message.location_ids, position: message.position };
    Ok(State::AwaitPosInit(Box::new(AwaitPosInit { known })))
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
        begin(core, now, env, message, self.known, out)
    }
}
