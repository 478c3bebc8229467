//! Where SETs that were invited find their order again, and where whoever ordered hears of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use crate::base::{LocationEstimate, SetId};
use crate::slc::ni::{Invited, OrderEnd, OrderEvent, Rendezvous, Revocation, Revoke};

/// How far an order has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Under which identity its SET has come.
    pub(super) arrived: Option<SetId>,
    /// The newest position, and whether it meets the order's quality.
    pub(super) position: Option<(Arc<LocationEstimate>, bool)>,
    /// How it ended.
    pub(super) end: Option<OrderEnd>,
}

enum Entry {
    /// The id is taken, the invitation not yet made.
    Reserved,
    Waiting(Arc<Invited>, watch::Sender<Course>),
    Claimed(watch::Sender<Course>),
}

/// The orders of this server; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Hub {
    orders: Arc<Mutex<HashMap<[u8; 4], Entry>>>,
    sessions: Arc<OnceLock<Weak<dyn Revoke>>>,
}

impl Hub {
    /// Whoever carries the sessions. Only the first call counts.
    pub(super) fn carried_by(&self, sessions: Weak<dyn Revoke>) {
        let _ = self.sessions.set(sessions);
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<[u8; 4], Entry>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws an id that no other order has. `None` when the system gives no random numbers.
    pub(super) fn draw(&self) -> Option<Place> {
        let random = SystemRandom::new();
        loop {
            let mut id = [0; 4];
            random.fill(&mut id).ok()?;
            let mut orders = self.orders();
            if id != [0; 4] && !orders.contains_key(&id) {
                orders.insert(id, Entry::Reserved);
                return Some(Place { hub: self.clone(), id, why: Revocation::Cancelled });
            }
        }
    }

    /// Takes what a session says of an order. Of an order that was given up nobody wants to hear.
    pub(super) fn hear(&self, id: [u8; 4], event: OrderEvent) {
        let orders = self.orders();
        let Some(Entry::Claimed(course) | Entry::Waiting(_, course)) = orders.get(&id) else { return };
        course.send_modify(|c| match event {
            OrderEvent::Arrived { identity } => c.arrived = Some(identity),
            OrderEvent::Position { estimate, qop_met } => c.position = Some((estimate.into(), qop_met)),
            OrderEvent::Ended(end) => c.end = Some(end),
        });
    }

    /// The ids and SUPL INITs of orders that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> Vec<([u8; 4], Vec<u8>)> {
        let waiting = |(id, e): (&[u8; 4], &Entry)| match e {
            Entry::Waiting(invited, _) => Some((*id, invited.invitation.octets.clone())),
            _ => None,
        };
        self.orders().iter().filter_map(waiting).collect()
    }

    /// Orders that wait for their SET, and those whose SET has come.
    pub(super) fn count(&self) -> (usize, usize) {
        let orders = self.orders();
        let claimed = orders.values().filter(|e| matches!(e, Entry::Claimed(_))).count();
        (orders.len() - claimed, claimed)
    }
}

impl Rendezvous for Hub {
    fn find(&self, slp_session: [u8; 4]) -> Option<Arc<Invited>> {
        match self.orders().get(&slp_session) {
            Some(Entry::Waiting(invited, _)) => Some(Arc::clone(invited)),
            _ => None,
        }
    }

    fn claim(&self, slp_session: [u8; 4]) -> bool {
        let mut orders = self.orders();
        match orders.remove(&slp_session) {
            Some(Entry::Waiting(_, course)) => {
                orders.insert(slp_session, Entry::Claimed(course));
                true
            }
            Some(other) => {
                orders.insert(slp_session, other);
                false
            }
            None => false,
        }
    }
}

/// The place of an order. When it is dropped, the order is given up: a SET that comes later finds nothing, and a session that
/// runs is ended.
pub(super) struct Place {
    hub: Hub,
    pub(super) id: [u8; 4],
    /// What a session is told that is ended.
    pub(super) why: Revocation,
}

impl Place {
    /// Lets the SET find the order.
    pub(super) fn open(&self, invited: Invited) -> watch::Receiver<Course> {
        let (tell, told) = watch::channel(Course::default());
        self.hub.orders().insert(self.id, Entry::Waiting(Arc::new(invited), tell));
        told
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let entry = self.hub.orders().remove(&self.id);
        if let Some(Entry::Claimed(course)) = entry
            && course.borrow().end.is_none()
            && let Some(sessions) = self.hub.sessions.get().and_then(Weak::upgrade)
        {
            sessions.revoke(self.id, self.why);
        }
    }
}
