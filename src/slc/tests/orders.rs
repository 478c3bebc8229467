//! Orders for sessions under test, and what becomes of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::base::QualityOfPosition;
use crate::slc::ni::{self, Invited, Order, OrderEnd, OrderEvent, Protection, SuplVersion, What};
use crate::wire::ulp;

/// The session id of the order.
pub(super) const ORDER: [u8; 4] = [0xa5, 1, 2, 3];

/// Orders in memory.
#[derive(Default)]
pub(super) struct Desk(Mutex<HashMap<[u8; 4], Arc<Invited>>>);

impl Desk {
    pub(super) fn of(invited: Arc<Invited>) -> Self {
        Self(Mutex::new(HashMap::from([(invited.order.slp_session, invited)])))
    }
}

impl Rendezvous for Desk {
    fn find(&self, slp_session: [u8; 4]) -> Option<Arc<Invited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&slp_session).cloned()
    }

    fn claim(&self, slp_session: [u8; 4]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&slp_session).is_some()
    }
}

/// An order for the position of the SET of these tests, to be answered within 30 s.
pub(super) fn order() -> Order {
    Order {
        slp_session: ORDER,
        target: SetId::Msisdn("491700000001".parse().unwrap()),
        alternatives: Vec::new(),
        version: SuplVersion::V2,
        what: What::Position,
        method: None,
        qop: Some(QualityOfPosition { horizontal_m: Some(50.0), ..QualityOfPosition::default() }),
        notification: None,
        emergency: false,
        protection: Protection::Absent,
        area: None,
        velocity: false,
        deadline: testing::sky::now().mono + Duration::from_secs(30),
    }
}

/// The order and its INIT.
pub(super) fn invited(order: Order) -> Arc<Invited> {
    let invitation = ni::invite(&order, &policy()).unwrap();
    Arc::new(Invited { order, invitation })
}

impl Lab {
    /// A session on a connection that a SET may open to answer this order.
    pub(super) fn ordered(order: Order) -> (Self, Arc<Invited>) {
        Self::ordered_with(order, policy())
    }

    pub(super) fn ordered_with(order: Order, policy: Policy) -> (Self, Arc<Invited>) {
        let invited = invited(order);
        let mut lab = Self::with(policy);
        lab.orders = Box::new(Desk::of(Arc::clone(&invited)));
        lab.slp_id = invited.order.slp_session;
        (lab, invited)
    }

    /// What happened to the order, so far.
    pub(super) fn events(&self) -> Vec<OrderEvent> {
        let of = |a: &Action| match a {
            Action::Ordered { slp_session, event } => {
                assert_eq!(*slp_session, self.slp_id);
                Some(event.clone())
            }
            _ => None,
        };
        self.all.iter().filter_map(of).collect()
    }

    /// How it ended; fails unless it did, once, and last.
    pub(super) fn order_end(&self) -> OrderEnd {
        let events = self.events();
        let ends = events.iter().filter(|e| matches!(e, OrderEvent::Ended(_))).count();
        assert_eq!(ends, 1, "{events:?}");
        match events.last() {
            Some(OrderEvent::Ended(end)) => *end,
            _ => panic!("{events:?}"),
        }
    }

    /// The positions told, each with whether it met the quality.
    pub(super) fn told(&self) -> Vec<(Shape, bool)> {
        let of = |e: OrderEvent| match e {
            OrderEvent::Position { estimate, qop_met } => Some((estimate.shape, qop_met)),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }
}

/// SUPL POS INIT with the hash that belongs to the order and the version.
pub(super) fn answer(invited: &Invited, version: Version, capabilities: SetCapabilities) -> UlpMessage {
    let ver = ulp::ver(version, &policy().slp, &invited.invitation.octets);
    UlpMessage::PosInit(Box::new(PosInit { ver: Some(ver), ..pos_init(capabilities) }))
}
