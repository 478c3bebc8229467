//! Where a SET that was invited finds its order again.

use std::sync::Arc;

use super::{Invitation, Order, Revocation};

/// An order whose SUPL INIT has been made.
#[derive(Clone, Debug, PartialEq)]
pub struct Invited {
    /// The order.
    pub order: Order,
    /// The INIT.
    pub invitation: Invitation,
}

/// Keeps the orders that wait for their SET. It is asked while a session handles its first message, and must answer from
/// memory.
pub trait Rendezvous: Send + Sync {
    /// The order of this session, if it waits for its SET: not one that was claimed, answered, given up or never made.
    fn find(&self, slp_session: [u8; 4]) -> Option<Arc<Invited>>;

    /// Takes the order for the session that asks. `true` for exactly one caller, after which [`Self::find`] knows it no
    /// more; what happens to it from then on is told by [`OrderEvent`](super::OrderEvent)s.
    fn claim(&self, slp_session: [u8; 4]) -> bool;
}

/// Knows no order: a server to which SETs come by themselves only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOrders;

impl Rendezvous for NoOrders {
    fn find(&self, _: [u8; 4]) -> Option<Arc<Invited>> {
        None
    }

    fn claim(&self, _: [u8; 4]) -> bool {
        false
    }
}

/// Ends sessions that serve an order. Whoever carries sessions implements it for whoever makes orders.
pub trait Revoke: Send + Sync {
    /// Ends the session that has claimed this order, if one runs: its SET is told, and the order ends with
    /// [`OrderEnd::Revoked`](super::OrderEnd::Revoked). A session is known here from before its
    /// [`OrderEvent::Arrived`](super::OrderEvent::Arrived) until after its [`OrderEvent::Ended`](super::OrderEvent::Ended),
    /// so an order that was given up between claim and arrival is revoked on arrival.
    fn revoke(&self, slp_session: [u8; 4], why: Revocation);
}
