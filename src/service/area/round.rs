//! Circles, ellipses and sectors of rings, in the plane of distances and bearings from their centre.

use std::f64::consts::{FRAC_PI_4, TAU};

use geo::{Bearing, Geodesic, Point};

use super::normal::{NUDGE_M, in_polygon};
use super::spread::Whiten;
use crate::base::GeoPoint;
use crate::base::geo::Ellipse;

/// How far a chord may be from its arc where it matters, standard deviations.
const SAGITTA: f64 = 2e-3;
/// Chords of one arc at most.
const MAX_CHORDS: usize = 4096;

/// A round region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) at: GeoPoint,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// Semi-axes, and the direction of the first, degrees.
    Ellipse { major_m: f64, minor_m: f64, orientation_deg: f64 },
    /// Radii; first bearing and opening, degrees.
    Arc { inner_m: f64, outer_m: f64, start_deg: f64, opening_deg: f64 },
}

/// Degrees clockwise from north.
fn bearing(from: GeoPoint, to: GeoPoint) -> f64 {
    Geodesic.bearing(Point::new(from.lon, from.lat), Point::new(to.lon, to.lat))
}

impl Round {
    pub(super) const fn circle(at: GeoPoint, radius_m: f64) -> Self {
        Self { at, form: Form::Ellipse { major_m: radius_m, minor_m: radius_m, orientation_deg: 0.0 } }
    }

    pub(super) const fn ellipse(at: GeoPoint, ellipse: &Ellipse) -> Self {
        let Ellipse { semi_major_m, semi_minor_m, orientation_deg, .. } = *ellipse;
        Self { at, form: Form::Ellipse { major_m: semi_major_m, minor_m: semi_minor_m, orientation_deg } }
    }

    pub(super) fn arc(
        at: GeoPoint,
        inner_m: f64,
        thickness_m: f64,
        start_deg: f64,
        opening_deg: f64,
    ) -> Self {
        Self { at, form: Form::Arc { inner_m, outer_m: inner_m + thickness_m, start_deg, opening_deg } }
    }

    /// Metres from the centre within which all of it lies.
    pub(super) fn reach_m(&self) -> f64 {
        match self.form {
            Form::Ellipse { major_m, minor_m, .. } => major_m.max(minor_m),
            Form::Arc { outer_m, .. } => outer_m,
        }
    }

    /// Whether a place lies inside; borders do.
    pub(super) fn contains(&self, place: GeoPoint) -> bool {
        let distance = self.at.distance_m(place);
        if distance > self.reach_m() {
            return false;
        }
        match self.form {
            Form::Ellipse { major_m: a, minor_m: b, orientation_deg } => {
                if a == b {
                    return true;
                }
                let angle = (bearing(self.at, place) - orientation_deg).to_radians();
                let (along, across) = (distance * angle.cos(), distance * angle.sin());
                // Multiplied out, so that an axis of zero is no division by it.
                (along * b).powi(2) + (across * a).powi(2) <= (a * b).powi(2)
            }
            Form::Arc { inner_m, start_deg, opening_deg, .. } => {
                inner_m <= distance
                    && (distance == 0.0
                        || opening_deg >= 360.0
                        || (bearing(self.at, place) - start_deg).rem_euclid(360.0) <= opening_deg)
            }
        }
    }

    /// What a normal distribution around a place has inside. Its standard deviations in metres, and the direction of the
    /// first in degrees.
    pub(super) fn holds(&self, place: GeoPoint, major_m: f64, minor_m: f64, orientation_deg: f64) -> f64 {
        let distance = self.at.distance_m(place);
        let reach = 6.0 * major_m.max(minor_m);
        if distance - reach > self.reach_m() {
            return 0.0;
        }
        if let Form::Ellipse { major_m, minor_m, .. } = self.form
            && distance + reach < major_m.min(minor_m)
        {
            return 1.0;
        }
        let (there, back) = if distance > 0.0 {
            (bearing(self.at, place), bearing(place, self.at) + 180.0)
        } else {
            (0.0, 0.0)
        };
        // North turns on the way to the centre.
        let whiten = Whiten::new(major_m, minor_m, orientation_deg + there - back);
        let (sin, cos) = there.to_radians().sin_cos();
        let (east, north) = (distance * sin + NUDGE_M.0, distance * cos + NUDGE_M.1);
        let seen = |(x, y): (f64, f64)| whiten.apply((x - east, y - north));
        let corners = match self.form {
            Form::Ellipse { major_m: a, minor_m: b, orientation_deg } => {
                let (sin, cos) = orientation_deg.to_radians().sin_cos();
                let point = |angle: f64| {
                    let (along, across) = (a * angle.cos(), b * angle.sin());
                    seen((along * sin + across * cos, along * cos - across * sin))
                };
                chords(0.0, TAU, &point)
            }
            Form::Arc { inner_m, outer_m, start_deg, opening_deg } => {
                let start = start_deg.to_radians();
                let opening = opening_deg.clamp(0.0, 360.0).to_radians();
                let on = |radius: f64| move |angle: f64| (radius * angle.sin(), radius * angle.cos());
                let outer = |angle: f64| seen(on(outer_m)(angle));
                let inner = |angle: f64| seen(on(inner_m)(angle));
                if opening >= TAU {
                    let whole = |f: &dyn Fn(f64) -> (f64, f64)| in_polygon(chords(0.0, TAU, f).into_iter());
                    return (whole(&outer) - whole(&inner)).clamp(0.0, 1.0);
                }
                let mut corners = chords(start, start + opening, &outer);
                corners.push(outer(start + opening));
                corners.extend(chords(start + opening, start, &inner));
                corners.push(inner(start));
                corners
            }
        };
        in_polygon(corners.iter().copied())
    }
}

/// Points of a curve between two angles, without the last: so many that the chords between them stray nowhere near the origin.
fn chords(from: f64, to: f64, point: &dyn Fn(f64) -> (f64, f64)) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(64);
    // Arcs that are still to be divided, the next one last.
    let mut left = Vec::with_capacity(64);
    let pieces = ((to - from).abs() / FRAC_PI_4).ceil().max(1.0) as u32;
    let step = (to - from) / f64::from(pieces);
    for piece in (0..pieces).rev() {
        let begin = from + f64::from(piece) * step;
        left.push((begin, begin + step, 0_u8));
    }
    while let Some((begin, end, depth)) = left.pop() {
        let (p, q) = (point(begin), point(end));
        let middle = 0.5 * (begin + end);
        let m = point(middle);
        let sagitta = (m.0 - 0.5 * (p.0 + q.0)).hypot(m.1 - 0.5 * (p.1 + q.1));
        // The arc lies within this of its middle.
        let spread = (m.0 - p.0).hypot(m.1 - p.1).max((m.0 - q.0).hypot(m.1 - q.1)) + sagitta;
        let near = (m.0.hypot(m.1) - spread).max(0.0);
        let fine = sagitta <= SAGITTA || (near > super::normal::REACH && spread < m.0.hypot(m.1));
        if fine || depth >= 24 || points.len() + left.len() >= MAX_CHORDS {
            points.push(p);
        } else {
            left.push((middle, end, depth + 1));
            left.push((begin, middle, depth + 1));
        }
    }
    points
}
