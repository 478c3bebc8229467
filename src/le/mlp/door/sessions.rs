//! `sessionid`: a name that stands for a login for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Logins that have a name. One a client, so that there are never more than clients.
pub(super) struct Sessions {
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_name: HashMap<String, (String, Instant)>,
    by_client: HashMap<String, String>,
}

impl Sessions {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, state: Mutex::default() }
    }

    /// The name of a client's login: the one it has while more than half of its life is left, else a new one. The old one
    /// holds until its own end.
    pub(super) fn issue(&self, client: &str, now: Instant) -> Option<String> {
        if self.lifetime.is_zero() {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = state.by_client.get(client)
            && let Some((_, end)) = state.by_name.get(name)
            && end.saturating_duration_since(now) > self.lifetime / 2
        {
            return Some(name.clone());
        }
        let mut octets = [0; 16];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut octets).ok()?;
        let name = octets.iter().fold(String::with_capacity(32), |text, o| text + &format!("{o:02x}"));
        state.by_name.retain(|_, (_, end)| *end > now);
        state.by_name.insert(name.clone(), (client.to_owned(), now + self.lifetime));
        state.by_client.insert(client.to_owned(), name.clone());
        Some(name)
    }

    /// The client whose login has this name.
    pub(super) fn client(&self, name: &str, now: Instant) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.by_name.get(name).filter(|(_, end)| *end > now).map(|(client, _)| client.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_kept_renewed_and_end() {
        let sessions = Sessions::new(Duration::from_secs(100));
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let name = sessions.issue("a", at(0)).unwrap();
        assert_eq!(sessions.issue("a", at(49)).unwrap(), name);
        assert_eq!(sessions.client(&name, at(99)), Some("a".to_owned()));
        let newer = sessions.issue("a", at(60)).unwrap();
        assert_ne!(newer, name);
        assert_eq!(sessions.client(&name, at(99)), Some("a".to_owned()), "the old one holds on");
        assert_eq!(sessions.client(&name, at(100)), None);
        assert_eq!(sessions.client(&newer, at(159)), Some("a".to_owned()));
        assert_eq!(sessions.client("0000", at(0)), None);
        assert_ne!(sessions.issue("b", at(0)), Some(name));
        assert_eq!(Sessions::new(Duration::ZERO).issue("a", at(0)), None);
    }
}
