//! Who watches what: by target, and by place.

use std::collections::HashMap;
use std::sync::Arc;

use super::journal::Heard;
use super::stream::Watcher;
use super::{Scope, WatchError};
use crate::base::SetId;

/// All watchers.
#[derive(Default)]
pub(super) struct Index {
    by_target: HashMap<SetId, Vec<(Arc<Watcher>, usize)>>,
    of_areas: Vec<Arc<Watcher>>,
    by_client: HashMap<String, u32>,
    count: u32,
}

impl Index {
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Adds a watcher, unless there are as many as may be.
    pub(super) fn add(
        &mut self,
        watcher: &Arc<Watcher>,
        most: u32,
        most_of_client: u32,
    ) -> Result<(), WatchError> {
        let own = self.by_client.entry(watcher.client().to_owned()).or_default();
        if self.count >= most || *own >= most_of_client {
            return Err(WatchError::Full);
        }
        *own += 1;
        self.count += 1;
        match watcher.scope() {
            Scope::Targets(_) => {
                for (id, place) in watcher.identities() {
                    self.by_target.entry(id.clone()).or_default().push((Arc::clone(watcher), place));
                }
            }
            Scope::Area(_) => self.of_areas.push(Arc::clone(watcher)),
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, watcher: &Arc<Watcher>) {
        self.count = self.count.saturating_sub(1);
        if let Some(own) = self.by_client.get_mut(watcher.client()) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_client.remove(watcher.client());
            }
        }
        match watcher.scope() {
            Scope::Targets(_) => {
                for (id, _) in watcher.identities() {
                    if let Some(list) = self.by_target.get_mut(id) {
                        list.retain(|(other, _)| !Arc::ptr_eq(other, watcher));
                        if list.is_empty() {
                            self.by_target.remove(id);
                        }
                    }
                }
            }
            Scope::Area(_) => self.of_areas.retain(|other| !Arc::ptr_eq(other, watcher)),
        }
    }

    /// Offers a position to whoever watches it.
    pub(super) fn offer(&self, heard: &Arc<Heard>) {
        let of = |id: &SetId| {
            for (watcher, place) in self.by_target.get(id).into_iter().flatten() {
                watcher.offer(heard, Some(*place));
            }
        };
        of(&heard.canonical);
        if heard.target != heard.canonical {
            of(&heard.target);
        }
        if let Some(centre) = heard.estimate.shape.centre() {
            for watcher in &self.of_areas {
                if watcher.holds(centre) {
                    watcher.offer(heard, None);
                }
            }
        }
    }
}
