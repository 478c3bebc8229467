//! Rings: borders of polygons and of their holes.

use super::frame::{Frame, Vector, dot, mean, normal};
use super::normal::{behind, turn};
use super::spread::Whiten;
use crate::base::GeoPoint;

/// Whoever is as near to a border, metres, is on it.
const ON_BORDER_M: f64 = 1e-3;
/// Cosine of the largest distance of a corner from the middle: a ring lies in half of the Earth.
const WIDEST: f64 = 0.02;

/// A closed ring of geodesics. It bounds the smaller of the two areas beside it.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    corners: Vec<Vector>,
    /// Middle, and the cosine of the distance of the corner farthest from it.
    pub(super) middle: Vector,
    pub(super) reach: f64,
}

impl Ring {
    /// `None` where the corners do not lie in half of the Earth.
    pub(super) fn new(corners: &[GeoPoint]) -> Option<Self> {
        Self::of_normals(corners.iter().map(|c| normal(*c)).collect())
    }

    pub(super) fn of_normals(corners: Vec<Vector>) -> Option<Self> {
        let middle = mean(&corners)?;
        let reach = corners.iter().map(|c| dot(*c, middle)).fold(1.0, f64::min);
        (reach > WIDEST).then_some(Self { corners, middle, reach })
    }

    fn sides(&self) -> impl Iterator<Item = (Vector, Vector)> {
        self.corners.iter().copied().zip(self.corners.iter().copied().cycle().skip(1))
    }

    /// Whether a place lies inside; `on_border` is the answer where it lies on the border.
    pub(super) fn contains(&self, place: Vector, frame: &Frame, on_border: bool) -> bool {
        if dot(place, self.middle) < self.reach - 1e-9 {
            return false;
        }
        let mut turned = 0.0;
        for (from, to) in self.sides() {
            let (from, to) = (frame.see(from), frame.see(to));
            turned += turn((from.east, from.north), (to.east, to.north)).0;
            if from.side(to).is_some_and(|(p, q)| distance(p, q) <= ON_BORDER_M) {
                return on_border;
            }
        }
        turned.abs() > 0.5
    }

    /// What a normal distribution around the middle of the frame has inside.
    pub(super) fn holds(&self, frame: &Frame, whiten: &Whiten) -> f64 {
        let inside: f64 = self
            .sides()
            .map(|(from, to)| {
                let (from, to) = (frame.see(from), frame.see(to));
                let direction = |s: super::frame::Sight| whiten.apply((s.east, s.north));
                let (turned, sign) = turn(direction(from), direction(to));
                let beyond = from.side(to).map_or(0.0, |(p, q)| behind(whiten.apply(p), whiten.apply(q)));
                turned - sign * beyond
            })
            .sum();
        inside.abs().min(1.0)
    }
}

/// Of the origin from a side.
fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length2 = dx * dx + dy * dy;
    let share = if length2 > 0.0 { (-(from.0 * dx + from.1 * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (from.0 + share * dx).hypot(from.1 + share * dy)
}
