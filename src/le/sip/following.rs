//! One resource that a subscription follows: what was told of it, what waits to be told, and when. Pure: positions and instants go
//! in, instants come out.
//!
//! [`Following::heard`] takes a position in, by the filters; [`Following::due`] says when a notification is to leave; [`Following::tell`]
//! gives what it tells. Between a change and its notification only the newest position waits (RFC 6446 §4.2).

use serde::{Deserialize, Serialize};

use super::filter::{Decision, FilterSet, Tracking};
use super::rate::{Pace, Policy, Rates};
use crate::base::{LocationEstimate, Utc};

/// A resource that is followed; kept with the subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Following {
    tracking: Tracking,
    pace: Pace,
    /// The newest position.
    newest: Option<LocationEstimate>,
    /// Whether it is to be told.
    waiting: bool,
}

impl Following {
    /// A resource of which nothing is known yet.
    pub fn new(rates: Rates, policy: &Policy, now: Utc) -> Self {
        Self { pace: Pace::new(rates, policy, now), ..Self::default() }
    }

    /// Takes a position in; whether it made something due. One that is older than what is known is passed over.
    pub fn heard(&mut self, filters: &FilterSet, resource: &str, estimate: &LocationEstimate) -> bool {
        if self.newest.as_ref().is_some_and(|known| estimate.time < known.time) {
            return false;
        }
        let decision = filters.evaluate(resource, &mut self.tracking, estimate);
        self.newest = Some(estimate.clone());
        // What once was to be told is still to be told, with the newest position.
        let before = self.waiting;
        self.waiting |= decision != Decision::Hold;
        self.waiting && !before
    }

    /// When the next notification is to leave: at once for `now` or earlier, `None` for none as things stand.
    pub fn due(&self, now: Utc) -> Option<Utc> {
        let may = self.pace.may_leave(now);
        let must = self.pace.must_leave(now).map(|at| at.max(may));
        match (self.waiting.then_some(may), must) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Takes note that a notification leaves now, and gives the position that it tells: the newest; `None` where none is known.
    /// Answers to SUBSCRIBE and last notifications leave whenever they want.
    pub fn tell(&mut self, filters: &FilterSet, resource: &str, now: Utc) -> Option<&LocationEstimate> {
        self.pace.sent(now);
        self.waiting = false;
        let newest = self.newest.as_ref()?;
        self.tracking.told(filters, resource, newest);
        Some(newest)
    }

    /// Other rates hold from now on.
    pub fn change_rates(&mut self, rates: Rates, now: Utc) {
        self.pace.change(rates, now);
    }

    /// The rates that hold.
    pub const fn rates(&self) -> Rates {
        self.pace.rates()
    }

    /// The newest position.
    pub const fn newest(&self) -> Option<&LocationEstimate> {
        self.newest.as_ref()
    }

    /// Forgets where the resource is and was: nobody may be told any more.
    pub fn forget(&mut self) {
        (self.tracking, self.newest, self.waiting) = (Tracking::default(), None, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{GeoPoint, PositionMethod, Shape};

    const ME: &str = "sip:a@b";

    fn at(s: i64, lat: f64) -> LocationEstimate {
        LocationEstimate {
            shape: Shape::Circle { at: GeoPoint::new(lat, 4.0).unwrap(), radius_m: 5.0 },
            time: Utc::from_unix_s(s),
            method: PositionMethod::AgnssMsBased,
            velocity: None,
        }
    }

    fn rates(text: &str) -> Rates {
        Rates::read(text.split(';').filter_map(|p| p.split_once('=')).map(|(n, v)| (n, Some(v)))).unwrap()
    }

    #[test]
    fn the_newest_waits_for_its_turn() {
        let (t, none) = (Utc::from_unix_s, FilterSet::default());
        let mut f = Following::new(rates("max-rate=0.1"), &Policy::default(), t(0));
        assert_eq!(
            (f.due(t(0)), f.tell(&none, ME, t(0))),
            (None, None),
            "the answer to the SUBSCRIBE is empty"
        );
        assert!(f.heard(&none, ME, &at(1, 50.0)));
        assert_eq!(f.due(t(1)), Some(t(10)));
        assert!(!f.heard(&none, ME, &at(2, 50.1)), "something is due already");
        assert!(!f.heard(&none, ME, &at(1, 49.0)), "older");
        assert_eq!(f.tell(&none, ME, t(10)).unwrap().shape, at(2, 50.1).shape);
        assert_eq!(f.due(t(11)), None);
        assert!(!f.heard(&none, ME, &at(2, 50.1)), "the same");
        let stored: Following = serde_json::from_str(&serde_json::to_string(&f).unwrap()).unwrap();
        assert_eq!(stored, f);
    }

    #[test]
    fn what_does_not_change_is_told_at_the_lowest_rate() {
        let (t, none) = (Utc::from_unix_s, FilterSet::default());
        let mut f = Following::new(rates("min-rate=0.1"), &Policy::default(), t(0));
        f.tell(&none, ME, t(0));
        f.heard(&none, ME, &at(1, 50.0));
        assert_eq!(f.due(t(1)), Some(t(1)));
        f.tell(&none, ME, t(1));
        assert_eq!(f.due(t(2)), Some(t(11)));
        assert!(f.tell(&none, ME, t(11)).is_some(), "unchanged");
        f.change_rates(Rates::default(), t(12));
        assert_eq!(f.due(t(500)), None);
        f.forget();
        assert!(f.newest().is_none() && f.tell(&none, ME, t(501)).is_none());
    }

    /// Whatever is passed over by the filters still counts as where the target is.
    #[test]
    fn filters_hold_back() {
        let t = Utc::from_unix_s;
        let text = "<filter-set xmlns='urn:ietf:params:xml:ns:simple-filter'><filter id='1'><trigger>\
                    <moved xmlns='urn:ietf:params:xml:ns:location-filter'>1000</moved></trigger></filter></filter-set>";
        let filters = FilterSet::parse(text.as_bytes(), None).unwrap();
        let mut f = Following::new(Rates::default(), &Policy::default(), t(0));
        assert!(f.heard(&filters, ME, &at(1, 50.0)));
        f.tell(&filters, ME, t(1));
        assert!(!f.heard(&filters, ME, &at(2, 50.001)));
        assert_eq!(f.due(t(2)), None);
        assert_eq!(f.newest().unwrap().time, t(2));
        assert!(f.heard(&filters, ME, &at(3, 50.01)));
    }
}
