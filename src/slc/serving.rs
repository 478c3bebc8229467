//! What a session does differently because it serves an order: it tells whoever gave it, answers by its deadline, and holds
//! back what the user has not consented to.

use std::sync::Arc;

use super::core::Core;
use super::event::{Action, Env, PositionReport};
use super::ni::{self, Asked, Failure, Invited, Order, OrderEnd, OrderEvent, What};
use super::session::State;
use super::status::SessionError;
use crate::base::cell::{LocationId, ReferenceLocation, ReferenceSource};
use crate::base::{LocationEstimate, Now, QualityOfPosition, SetId};
use crate::spc::{self, Choice, Mismatch};
use crate::wire::ulp::{PosMethod, Preference, SetCapabilities, StatusCode, UlpMessage};

/// The order of a session.
#[derive(Debug)]
pub(super) struct Serving {
    invited: Arc<Invited>,
    /// What would be better than nothing.
    provisional: Option<LocationEstimate>,
    /// Positions wait for the user's consent.
    withheld: bool,
}

impl Serving {
    /// The octets of the SUPL INIT.
    pub(super) fn init(&self) -> &[u8] {
        &self.invited.invitation.octets
    }
}

impl Core {
    /// Begins to serve an order that was claimed.
    pub(super) fn serve(&mut self, invited: Arc<Invited>) {
        let order = &invited.order;
        self.adopt(order.slp_session, order.deadline);
        let policy = Arc::clone(&self.params.policy);
        self.set_qop(invited.order.qop);
        if !policy.positioning.ask_position {
            let mut policy = (*policy).clone();
            policy.positioning.ask_position = true;
            self.params.policy = Arc::new(policy);
        }
        let consent_comes_late = order.notification.as_ref().is_some_and(|n| n.by_location && n.kind.tells());
        let withheld = consent_comes_late && !order.emergency && self.version_2();
        self.order = Some(Box::new(Serving { invited, provisional: None, withheld }));
    }

    /// Whether the session serves an order.
    pub(super) const fn serves_order(&self) -> bool {
        self.order.is_some()
    }

    pub(super) fn order(&self) -> Option<&Order> {
        self.order.as_ref().map(|s| &s.invited.order)
    }

    /// The quality to ask the SET for. It is not given more time than the order has left, less what messages take.
    pub(super) fn qop_by(&self, now: Now) -> Option<QualityOfPosition> {
        let Some(order) = self.order() else { return self.qop() };
        let left = order.deadline.saturating_duration_since(now.mono);
        let mut qop = order.qop.unwrap_or_default();
        let asked = qop.response_time.unwrap_or(self.params.policy.positioning.response_time);
        qop.response_time = Some(asked.min(left.saturating_sub(left / 8)));
        Some(qop)
    }

    /// Whether positions may not leave yet.
    pub(super) fn withholds(&self) -> bool {
        self.order.as_ref().is_some_and(|s| s.withheld)
    }

    fn tell(&self, event: OrderEvent, out: &mut Vec<Action>) {
        if let Some(order) = self.order() {
            out.push(Action::Ordered { slp_session: order.slp_session, event });
        }
    }

    /// The SET has shown that it is the one.
    pub(super) fn arrived(&self, identity: SetId, out: &mut Vec<Action>) {
        self.tell(OrderEvent::Arrived { identity }, out);
    }

    /// Gives the newest position to the store, and to whoever ordered it.
    pub(super) fn report(&self, now: Now, out: &mut Vec<Action>) {
        let Some(estimate) = &self.best else { return };
        let qop_met = self.meets(estimate, now);
        let target = self.order().map(|o| &o.target).or_else(|| self.set_session().map(|s| &s.set_id));
        if let Some(target) = target.cloned() {
            out.push(Action::Position(Box::new(PositionReport {
                target,
                estimate: estimate.clone(),
                qop_met,
                ordered: self.serves_order(),
            })));
        }
        self.tell(OrderEvent::Position { estimate: Box::new(estimate.clone()), qop_met }, out);
    }

    /// Remembers what would be better than nothing, and tells it to whoever ordered, who may run out of patience before
    /// there is anything better. It does not count as meeting the quality while something better is under way.
    pub(super) fn provisional(&mut self, estimate: LocationEstimate, out: &mut Vec<Action>) {
        let exact = |e: &LocationEstimate| e.shape.horizontal_uncertainty_m().unwrap_or(f64::INFINITY);
        let Some(serving) = &mut self.order else { return };
        if serving.provisional.as_ref().is_some_and(|p| exact(p) <= exact(&estimate)) {
            return;
        }
        serving.provisional = Some(estimate.clone());
        if !serving.withheld {
            self.tell(OrderEvent::Position { estimate: Box::new(estimate), qop_met: false }, out);
        }
    }

    /// What the cells say: the end, where that was asked for and is exact enough, else something to fall back upon.
    pub(super) fn take_cell(
        &mut self,
        now: Now,
        env: &Env<'_>,
        heard: &[LocationId],
        out: &mut Vec<Action>,
    ) -> Option<Result<State, SessionError>> {
        let method = self.order()?.method;
        if !self.params.policy.positioning.methods.cell_id {
            return None;
        }
        let estimate = spc::cell_estimate(heard, env.cells, now.utc)?;
        let asked = self.qop().is_some_and(|q| q.horizontal_m.is_some());
        if asked && matches!(method, None | Some(PosMethod::Ecid)) && self.meets(&estimate, now) {
            let reference = spc::reference(None, heard, env.cells, now.utc);
            self.set_reference(reference.map(|r| r.source));
            self.record.pos_method = Some(PosMethod::Ecid.name());
            self.position(now, estimate, out);
            return Some(self.conclude(now, out));
        }
        self.provisional(estimate, out);
        None
    }

    /// Where whoever ordered thinks that the SET is.
    pub(super) fn area(&self) -> Option<ReferenceLocation> {
        let area = self.order()?.area.as_ref()?;
        Some(ReferenceLocation {
            at: area.centre()?,
            altitude_m: area.altitude_m(),
            uncertainty_m: area.horizontal_uncertainty_m().filter(|u| u.is_finite())?,
            source: ReferenceSource::Area,
        })
    }

    /// The method: for an order the one that its INIT named, or, where that is allowed, another.
    pub(super) fn choose(&self, capabilities: &SetCapabilities) -> Result<Choice, Mismatch> {
        let offered = self.params.policy.positioning.methods;
        let any = || spc::choose(capabilities, self.version_2(), offered);
        let Some(method) = self.order().and_then(|o| o.method) else { return any() };
        let Some(meant) = ni::meant_by(method) else { return any() };
        let named = SetCapabilities {
            preference: preferred(method).unwrap_or(capabilities.preference),
            ..capabilities.clone()
        };
        match spc::choose(&named, self.version_2(), offered.common(meant)) {
            Err(Mismatch::Method) if self.params.policy.fall_back => any(),
            choice => choice,
        }
    }

    /// The positioning is over: SUPL END, after the user was told or asked, where that comes last.
    pub(super) fn conclude(&mut self, now: Now, out: &mut Vec<Action>) -> Result<State, SessionError> {
        if self.withholds() {
            let notification = self.order().and_then(|o| o.notification.as_ref()).map(ni::notification);
            if let Some(notification) = notification {
                self.send(UlpMessage::Notify(Box::new(notification)), out)?;
                self.wait(now, self.params.policy.notify);
                return Ok(State::AwaitNotify);
            }
        }
        self.complete(now, out)?;
        Ok(State::Closed)
    }

    /// The user has consented, or need not: positions may leave.
    pub(super) fn release(&mut self, now: Now, out: &mut Vec<Action>) {
        if let Some(serving) = &mut self.order
            && std::mem::take(&mut serving.withheld)
        {
            self.report(now, out);
        }
    }

    /// Why a session that grew too old ends.
    pub(super) fn overdue(&self) -> SessionError {
        if self.serves_order() { SessionError::Deadline } else { SessionError::Limit }
    }

    /// An order without a better answer gets the one there is.
    pub(super) fn rescue(
        &mut self,
        now: Now,
        error: SessionError,
        out: &mut Vec<Action>,
    ) -> Result<State, SessionError> {
        let curable = match error {
            SessionError::NoPosition | SessionError::NoCoverage | SessionError::Limit => true,
            SessionError::NoMethod => self.params.policy.fall_back,
            // There is no time left to ask anybody.
            SessionError::Deadline => !self.withholds(),
            _ => false,
        };
        let Some(serving) = self.order.as_mut().filter(|_| curable) else { return Err(error) };
        if self.best.is_none() {
            let Some(provisional) = serving.provisional.take() else { return Err(error) };
            self.position(now, provisional, out);
        }
        self.conclude(now, out)
    }

    /// Tells how the order ended. Only the first call does; the session serves no order after it.
    pub(super) fn end_order(&mut self, end: OrderEnd, out: &mut Vec<Action>) {
        self.tell(OrderEvent::Ended(end), out);
        self.order = None;
    }

    /// The same, by what the SET said.
    pub(super) fn end_order_by_target(&mut self, status: Option<StatusCode>, out: &mut Vec<Action>) {
        let Some(order) = self.order() else { return };
        let asked = order.notification.as_ref().map_or(Asked::Nothing, |n| n.kind);
        let end = match (status, order.what) {
            (Some(StatusCode::ConsentDeniedByUser), _) => OrderEnd::ConsentDenied,
            (Some(StatusCode::ConsentGrantedByUser), What::ConsentOnly) => OrderEnd::ConsentGranted,
            (None, What::ConsentOnly) if !asked.verifies() => OrderEnd::ConsentGranted,
            (None, What::Position) if self.best.is_some() && !self.withholds() => OrderEnd::Completed,
            (status, _) => OrderEnd::Refused(status),
        };
        self.end_order(end, out);
    }
}

/// The preference that a method named in SUPL INIT implies.
const fn preferred(method: PosMethod) -> Option<Preference> {
    match method {
        PosMethod::AgpsSetAssistedPreferred | PosMethod::AgnssSetAssistedPreferred => {
            Some(Preference::SetAssisted)
        }
        PosMethod::AgpsSetBasedPreferred | PosMethod::AgnssSetBasedPreferred => Some(Preference::SetBased),
        _ => None,
    }
}

impl From<SessionError> for OrderEnd {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Denied => Self::ConsentDenied,
            SessionError::Revoked(why) => Self::Revoked(why),
            SessionError::Shutdown => Self::Shutdown,
            error => Self::Failed(Failure(error)),
        }
    }
}
