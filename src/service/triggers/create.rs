//! Taking a triggered request, whatever door it comes through.

use std::sync::Arc;

use super::TriggerError;
use super::engine::Triggers;
use super::trigger::{Ask, Condition, Event, Followed, Manner, Trigger, TriggerId};
use crate::base::Utc;
use crate::service::{Client, Flow, LocateError, LocateRequest, Service};

/// A triggered request as a door makes it.
#[derive(Clone, Debug)]
pub struct NewTrigger {
    /// Whose it is.
    pub client: Arc<Client>,
    /// Through which door its reports leave.
    pub door: &'static str,
    /// Whose positions.
    pub targets: Vec<Followed>,
    /// Positions are reported at this interval, seconds.
    pub every_s: Option<u64>,
    /// Positions are reported at this event.
    pub event: Option<Event>,
    /// Not before; from now on when absent or past.
    pub start: Option<Utc>,
    /// Not after; as long as the server lets it when absent.
    pub stop: Option<Utc>,
    /// When reports of periods leave.
    pub manner: Manner,
    /// What is asked of the location service at each report.
    pub ask: Ask,
    /// Reports kept for those who follow; 0: the door takes care of them.
    pub keep: u32,
    /// What the door needs to write reports; nobody else reads it.
    pub note: serde_json::Value,
}

impl NewTrigger {
    /// A request without condition or wishes.
    pub const fn new(client: Arc<Client>, door: &'static str, targets: Vec<Followed>) -> Self {
        Self {
            client,
            door,
            targets,
            every_s: None,
            event: None,
            start: None,
            stop: None,
            manner: Manner::RealTime,
            ask: Ask::new(),
            keep: 0,
            note: serde_json::Value::Null,
        }
    }
}

/// A request that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// It.
    pub trigger: Arc<Trigger>,
    /// Its targets, by their places, that the client may not follow just now, and why. Each of their reports says so.
    pub refused: Vec<(usize, LocateError)>,
}

impl Triggers {
    /// Takes a request when the client may follow at least one of its targets: its users are asked where that is the rule.
    /// Done when it is in the store.
    ///
    /// # Errors
    /// [`TriggerError`]; nothing is kept then.
    pub async fn create(&self, service: &Service, new: NewTrigger) -> Result<Created, TriggerError> {
        let NewTrigger { client, door, targets, every_s, event, start, stop, manner, ask, keep, note } = new;
        self.check_count(targets.len())?;
        let request = |followed: &Followed| LocateRequest {
            service: ask.service.clone(),
            requestor: ask.requestor.clone(),
            wish: ask.wish,
            alternatives: followed.alternatives.clone(),
            ..LocateRequest::new(Arc::clone(&client), Flow::Triggered, followed.target.clone())
        };
        let mut refused = Vec::new();
        for (place, followed) in targets.iter().enumerate() {
            if let Err(error) = service.permit(&request(followed)).await {
                refused.push((place, error));
            }
        }
        if let Some((_, error)) = refused.first().filter(|_| refused.len() == targets.len()) {
            return Err(TriggerError::Refused(*error));
        }
        let mut event = event;
        if let Some(Event { condition: Condition::Distance { others, .. }, .. }) = &mut event {
            for other in others.iter_mut() {
                // How far it is from somebody tells where that one is.
                service.permit(&request(other)).await.map_err(TriggerError::Refused)?;
                *other = service.known_under(std::mem::replace(other, Followed::of(other.target.clone())));
            }
        }
        let now = self.now();
        let start = start.unwrap_or(now).max(now);
        let trigger = Trigger {
            id: TriggerId::draw().ok_or(TriggerError::Random)?,
            owner: client.id().to_owned(),
            door: door.to_owned(),
            targets: targets.into_iter().map(|f| service.known_under(f)).collect(),
            every_s,
            event,
            start,
            stop: stop.unwrap_or(Utc::from_unix_ns(i64::MAX)),
            once: false,
            limited: false,
            manner,
            ask,
            note,
            keep,
        };
        Ok(Created { trigger: self.add(trigger).await?, refused })
    }
}

impl Service {
    /// A target with the identity under which its handset is heard of, where it has several names.
    pub fn known_under(&self, mut followed: Followed) -> Followed {
        let canonical = self.canonical(&followed.target);
        if followed.identities().all(|id| *id != canonical) {
            followed.alternatives.push(canonical);
        }
        followed
    }
}
