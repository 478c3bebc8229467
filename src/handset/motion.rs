//! Where a handset is that moves.

use std::str::FromStr;
use std::time::Duration;

use super::options::Place;
use crate::base::geo::GeoPoint;

/// Points that a route may have.
const MAX_POINTS: usize = 1000;

/// Where a handset is over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Motion {
    /// A little off the reference location that it receives.
    #[default]
    Unknown,
    /// Always there.
    Still(Place),
    /// On its way.
    Route(Route),
}

impl Motion {
    /// Where it is, so long after its beginning.
    pub fn at(&self, elapsed: Duration) -> Option<Place> {
        match self {
            Self::Unknown => None,
            Self::Still(place) => Some(*place),
            Self::Route(route) => Some(route.at(elapsed)),
        }
    }
}

/// A round trip over some points, back to the first after the last. Between two points it goes straight on the map, which
/// is good for the distances of a town.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Points, and the way from the start to each, metres.
    points: Vec<(GeoPoint, f64)>,
    /// The way back to the start included.
    length_m: f64,
    speed_mps: f64,
    /// Where on the way it begins.
    offset_m: f64,
}

impl Route {
    /// A route at a speed; `None` without points, or when the speed is no number from 0 to 1,000 m/s.
    pub fn new(points: &[GeoPoint], speed_mps: f64) -> Option<Self> {
        let first = *points.first()?;
        if !(0.0..=1000.0).contains(&speed_mps) || points.len() > MAX_POINTS {
            return None;
        }
        let mut way = 0.0;
        let mut last = first;
        let points = points
            .iter()
            .map(|p| {
                way += last.distance_m(*p);
                last = *p;
                (*p, way)
            })
            .collect();
        Some(Self { points, length_m: way + last.distance_m(first), speed_mps, offset_m: 0.0 })
    }

    /// The same, begun at this share (0 to 1) of the way.
    #[must_use]
    pub fn begun_at(mut self, share: f64) -> Self {
        self.offset_m = self.length_m * share.clamp(0.0, 1.0);
        self
    }

    /// A walk about a town: five points around its centre, within `radius_m`. The same `seed` is the same walk.
    pub fn about(centre: GeoPoint, radius_m: f64, speed_mps: f64, seed: u64) -> Option<Self> {
        let mut state = seed;
        let mut share = || {
            // SplitMix64: any seed gives a good sequence.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let metres_per_degree = 111_195.0;
        let narrowing = centre.lat.to_radians().cos().max(0.01);
        let points: Vec<GeoPoint> = (0..5)
            .filter_map(|_| {
                let (away, turn) = (radius_m * share().sqrt(), share() * std::f64::consts::TAU);
                GeoPoint::new(
                    centre.lat + away * turn.cos() / metres_per_degree,
                    centre.lon + away * turn.sin() / (metres_per_degree * narrowing),
                )
            })
            .collect();
        let begun = share();
        Self::new(&points, speed_mps).map(|route| route.begun_at(begun))
    }

    fn at(&self, elapsed: Duration) -> Place {
        let first = self.points.first().map_or(GeoPoint { lat: 0.0, lon: 0.0 }, |(p, _)| *p);
        let still = Place { at: first, altitude_m: 0.0 };
        if self.length_m <= 0.0 {
            return still;
        }
        let way = (self.offset_m + self.speed_mps * elapsed.as_secs_f64()) % self.length_m;
        let next = self.points.partition_point(|(_, at)| *at <= way);
        let (to, to_m) = self.points.get(next).copied().unwrap_or((first, self.length_m));
        let Some((from, from_m)) = next.checked_sub(1).and_then(|i| self.points.get(i)).copied() else {
            return still;
        };
        let share = if to_m > from_m { (way - from_m) / (to_m - from_m) } else { 0.0 };
        let between = |a: f64, b: f64| a + (b - a) * share;
        Place {
            at: GeoPoint { lat: between(from.lat, to.lat), lon: between(from.lon, to.lon) },
            altitude_m: 0.0,
        }
    }
}

impl FromStr for Route {
    type Err = String;

    /// `LAT,LON;LAT,LON;…[@SPEED]`, degrees and metres per second.
    fn from_str(s: &str) -> Result<Self, String> {
        let (points, speed) = s.split_once('@').unwrap_or((s, "1.4"));
        let points: Option<Vec<GeoPoint>> =
            points.split(';').map(|p| p.parse::<Place>().ok().map(|place| place.at)).collect();
        points
            .zip(speed.trim().parse().ok())
            .and_then(|(points, speed)| Self::new(&points, speed))
            .ok_or_else(|| {
                format!(
                    "`{s}` is not LAT,LON;LAT,LON;…[@METRES_PER_SECOND], such as 50.84,4.35;50.85,4.36@1.4"
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let route: Route = "50,4;50.01,4@10".parse().unwrap();
        let leg = GeoPoint { lat: 50.0, lon: 4.0 }.distance_m(GeoPoint { lat: 50.01, lon: 4.0 });
        let at = |s: f64| route.at(Duration::from_secs_f64(s)).at.lat;
        assert_eq!(at(0.0), 50.0);
        assert!((at(leg / 20.0) - 50.005).abs() < 1e-6);
        assert!((at(leg / 10.0) - 50.01).abs() < 1e-6);
        assert!((at(leg / 10.0 * 1.5) - 50.005).abs() < 1e-6);
        assert!((at(leg / 10.0 * 2.25) - 50.0025).abs() < 1e-6);
    }

    #[test]
    fn walks_stay_in_their_town() {
        let centre = GeoPoint { lat: 50.85, lon: 4.35 };
        for seed in 0..50 {
            let route = Route::about(centre, 1500.0, 1.4, seed).unwrap();
            assert_eq!(route, Route::about(centre, 1500.0, 1.4, seed).unwrap());
            for minutes in 0..60 {
                let at = route.at(Duration::from_secs(minutes * 60)).at;
                assert!(at.distance_m(centre) < 1510.0);
            }
        }
        let begin = |seed| Route::about(centre, 1500.0, 1.4, seed).unwrap().at(Duration::ZERO);
        assert_ne!(begin(1), begin(2));
    }

    #[test]
    fn what_is_no_route() {
        for text in ["", "50", "50,4@x", "50,4@-1", "50,4@NaN", "95,4;1,1", "50,4;;"] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
        let still: Route = "50,4@5".parse().unwrap();
        assert_eq!(still.at(Duration::from_secs(99)).at.lat, 50.0);
    }
}
