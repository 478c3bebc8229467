//! Who watches what: by target, and by place.

use std::collections::HashMap;
use std::sync::Arc;

use rstar::{AABB, RTree, RTreeObject};

use super::journal::Heard;
use super::stream::{Watcher, is_in};
use super::{Scope, WatchError};
use crate::base::SetId;
use crate::service::area::Bounds;

/// All watchers.
#[derive(Default)]
pub(super) struct Index {
    by_target: HashMap<SetId, Vec<(Arc<Watcher>, usize)>>,
    by_place: RTree<AtArea>,
    by_client: HashMap<String, u32>,
    count: u32,
}

/// One who watches an area, which lies within these bounds.
struct AtArea {
    bounds: Bounds,
    watcher: Arc<Watcher>,
}

impl RTreeObject for AtArea {
    type Envelope = AABB<[f64; 3]>;
    fn envelope(&self) -> AABB<[f64; 3]> {
        self.bounds.envelope()
    }
}

impl PartialEq for AtArea {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.watcher, &other.watcher)
    }
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
        let own = self.by_client.get(watcher.client()).copied().unwrap_or(0);
        if self.count >= most || own >= most_of_client {
            return Err(WatchError::Full);
        }
        self.by_client.insert(watcher.client().to_owned(), own + 1);
        self.count += 1;
        match watcher.scope() {
            Scope::Targets(_) => {
                for (id, place) in watcher.identities() {
                    self.by_target.entry(id.clone()).or_default().push((Arc::clone(watcher), place));
                }
            }
            Scope::Area(area) => {
                self.by_place.insert(AtArea { bounds: area.bounds(), watcher: Arc::clone(watcher) });
            }
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
            Scope::Area(area) => {
                self.by_place.remove(&AtArea { bounds: area.bounds(), watcher: Arc::clone(watcher) });
            }
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
        if self.by_place.size() == 0 {
            return;
        }
        let Some(reach) = Bounds::of_estimate(&heard.estimate.shape) else { return };
        for at in self.by_place.locate_in_envelope_intersecting(&reach.envelope()) {
            if let Scope::Area(area) = at.watcher.scope()
                && is_in(area, &heard.estimate)
            {
                at.watcher.offer(heard, None);
            }
        }
    }
}
