//! Network-initiated immediate service in proxy mode (OMA SUPL 2.0 §5.1; ULP 1.0 §5.1): how a SET that was invited finds
//! its order, and what is asked of its user at the end.

use std::sync::Arc;

use super::access::Verdict;
use super::core::Core;
use super::event::{Action, Env};
use super::ni::{Asked, Failure, Invited, Order, OrderEnd, What};
use super::positioning::{Known, begin};
use super::session::{State, ended_by_target};
use super::status::SessionError;
use crate::base::ids::SlpSessionId;
use crate::base::{Now, SetId};
use crate::wire::ulp::{self, End, StatusCode, UlpMessage, UlpPdu};

/// Takes the first message of a connection, where it is none that begins a session of the SET's own.
pub(super) fn first(
    core: &mut Core,
    now: Now,
    env: &Env<'_>,
    slp: Option<&SlpSessionId>,
    message: UlpMessage,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    let found = find(core, env, slp);
    match message {
        // An end is never answered.
        UlpMessage::End(end) => {
            if let Ok(invited) = found
                && claim(core, env, invited).is_ok()
            {
                refused(core, &end, out);
            }
            Ok(ended_by_target(core, now, *end, out))
        }
        UlpMessage::PosInit(message) => {
            claim(core, env, found?)?;
            check(core, message.ver)?;
            greet(core, out);
            if core.order().is_some_and(|o| o.what == What::ConsentOnly) {
                return Err(SessionError::Unexpected(ulp::MessageKind::PosInit));
            }
            begin(core, now, env, *message, Known::default(), out)
        }
        UlpMessage::AuthReq(message) => {
            claim(core, env, found?)?;
            check(core, message.ver)?;
            Err(SessionError::NonProxy)
        }
        UlpMessage::Pos(_) => {
            claim(core, env, found?)?;
            Err(SessionError::Unexpected(ulp::MessageKind::Pos))
        }
        message => {
            // What would be unexpected anyway says so; a session id that is not known matters more in a triggered start.
            let unexpected = SessionError::Unexpected(message.kind());
            match found {
                Ok(invited) => claim(core, env, invited).and(Err(unexpected)),
                Err(error) if message.kind().opens_session() => Err(error),
                Err(_) => Err(unexpected),
            }
        }
    }
}

/// The order whose session a message names, if the peer may answer it.
fn find(core: &Core, env: &Env<'_>, slp: Option<&SlpSessionId>) -> Result<Arc<Invited>, SessionError> {
    let slp = slp.filter(|slp| core.is_addressed(slp)).ok_or(SessionError::WrongSession)?;
    let invited = env.orders.find(slp.id).ok_or(SessionError::WrongSession)?;
    let claimed = core.set_session().ok_or(SessionError::WrongSession)?;
    if contradicts(&invited.order, &claimed.set_id) {
        return Err(SessionError::WrongSession);
    }
    if env.access.may_claim(&claimed.set_id, &core.params.peer) == Verdict::Denied {
        return Err(SessionError::Identity);
    }
    Ok(invited)
}

/// Whether an identity is not the target's, although the target's identity of that kind is known.
fn contradicts(order: &Order, claimed: &SetId) -> bool {
    let known = || std::iter::once(&order.target).chain(&order.alternatives);
    known().any(|id| id.kind() == claimed.kind()) && !known().any(|id| id == claimed)
}

/// Takes the order for this session. Of two connections that answer the same INIT, one gets it.
fn claim(core: &mut Core, env: &Env<'_>, invited: Arc<Invited>) -> Result<(), SessionError> {
    if !env.orders.claim(invited.order.slp_session) {
        return Err(SessionError::WrongSession);
    }
    core.serve(invited);
    Ok(())
}

/// Whether the SET has seen the INIT that was sent. It says so by the rules of the version that it speaks.
fn knows_init(core: &Core, ver: Option<[u8; 8]>) -> bool {
    let init = core.order.as_ref().map(|s| s.init());
    let right = |given, init| ulp::ver_is_right(core.version(), core.slp_address(), init, &given);
    ver.zip(init).is_some_and(|(given, init)| right(given, init))
}

fn check(core: &Core, ver: Option<[u8; 8]>) -> Result<(), SessionError> {
    if knows_init(core, ver) { Ok(()) } else { Err(SessionError::WrongVer) }
}

/// Tells whoever ordered that the SET is here, and under which identity.
fn greet(core: &Core, out: &mut Vec<Action>) {
    if let Some(set) = core.set_session() {
        core.arrived(set.set_id.clone(), out);
    }
}

/// A SET that answers SUPL INIT with SUPL END. A refusal without `ver` is taken as it is: nothing is given away by it. What
/// consents or tells a position must prove that it comes from who was asked.
fn refused(core: &mut Core, end: &End, out: &mut Vec<Action>) {
    let consents = matches!(end.status, None | Some(StatusCode::ConsentGrantedByUser));
    if !knows_init(core, end.ver) && (end.ver.is_some() || consents) {
        core.end_order(OrderEnd::Failed(Failure(SessionError::WrongVer)), out);
    } else {
        greet(core, out);
    }
}

/// Whether a message answers an emergency order, which is served even where others are turned away.
pub(super) fn is_emergency(core: &Core, env: &Env<'_>, pdu: &UlpPdu) -> bool {
    let slp = pdu.session.slp.as_ref().filter(|slp| core.is_addressed(slp));
    slp.and_then(|slp| env.orders.find(slp.id)).is_some_and(|invited| invited.order.emergency)
}

/// Turns a first message away because the server has no room. If it answers an order, nothing will come of that.
pub(super) fn refuse(core: &mut Core, now: Now, env: &Env<'_>, pdu: &UlpPdu) -> SessionError {
    let error = core.refuse(now, pdu);
    if error == SessionError::Overload
        && let Ok(invited) = find(core, env, pdu.session.slp.as_ref())
        && claim(core, env, invited).is_err()
    {
        return SessionError::WrongSession;
    }
    error
}

/// Takes SUPL NOTIFY RESPONSE. Whoever was asked must have said yes; whoever was only told need say nothing.
pub(super) fn answered(
    core: &mut Core,
    now: Now,
    said: Option<bool>,
    out: &mut Vec<Action>,
) -> Result<State, SessionError> {
    let allowed = said.unwrap_or(!asked(core).verifies());
    consent(core, now, allowed, out)
}

/// The SET has not answered SUPL NOTIFY, although it should know what silence means.
pub(super) fn unanswered(core: &mut Core, now: Now, out: &mut Vec<Action>) -> Result<State, SessionError> {
    let allowed = asked(core) != Asked::VerifyDenyIfNoAnswer;
    consent(core, now, allowed, out)
}

fn asked(core: &Core) -> Asked {
    core.order().and_then(|o| o.notification.as_ref()).map_or(Asked::VerifyDenyIfNoAnswer, |n| n.kind)
}

fn consent(core: &mut Core, now: Now, allowed: bool, out: &mut Vec<Action>) -> Result<State, SessionError> {
    if !allowed {
        // What was found is nobody's business.
        core.best = None;
        return Err(SessionError::Denied);
    }
    core.release(now, out);
    core.complete(now, out)?;
    Ok(State::Closed)
}
