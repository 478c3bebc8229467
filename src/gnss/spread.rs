//! A few satellites for somebody of whom nobody knows where they are.

use std::f64::consts::{PI, TAU};

use super::orbit;
use super::visibility::{Ecef, WGS84_A, dot};
use crate::base::GpsTime;
use crate::base::broadcast::Ephemeris;

/// Places from which the sky is looked at, evenly over the Earth between the polar ice caps.
const PLACES: u32 = 240;
/// Sine of the latitude beyond which nobody is looked after: 70°.
const LIMIT: f64 = 0.94;
/// Elevation above which a satellite is of use, degrees.
const MASK_DEG: f64 = 10.0;
/// What one satellite more is worth to a place that sees 0, 1, 2… already: four make a fix, the next two make it good.
const WORTH: [f64; 8] = [1.0, 1.0, 1.2, 1.5, 0.5, 0.25, 0.05, 0.02];

/// At most `max` of the candidates, so that as many places as possible see enough of them. Which ones does not depend on the
/// order of the candidates' numbers; the order of the result is that of the choice.
pub fn widest(candidates: Vec<&Ephemeris>, t: GpsTime, max: usize) -> Vec<&Ephemeris> {
    if candidates.len() <= max {
        return candidates;
    }
    let places = places();
    // For each satellite, the places that see it.
    let mut left: Vec<(&Ephemeris, Vec<usize>)> = candidates
        .into_iter()
        .map(|e| {
            let p = orbit::coarse_position(e, t);
            let seen = places.iter().enumerate().filter(|(_, place)| sees(place, &p)).map(|(i, _)| i);
            (e, seen.collect())
        })
        .collect();
    let mut counts = vec![0_usize; places.len()];
    let mut chosen = Vec::with_capacity(max);
    while chosen.len() < max {
        let worth = |seen: &[usize]| -> f64 {
            let one = |i: &usize| counts.get(*i).and_then(|n| WORTH.get(*n)).copied().unwrap_or(0.0);
            seen.iter().map(one).sum()
        };
        let best = left.iter().enumerate().max_by(|(_, a), (_, b)| worth(&a.1).total_cmp(&worth(&b.1)));
        let Some(best) = best.map(|(i, _)| i) else { break };
        let (e, seen) = left.swap_remove(best);
        for i in seen {
            if let Some(n) = counts.get_mut(i) {
                *n += 1;
            }
        }
        chosen.push(e);
    }
    chosen
}

/// Unit vectors of the places: a spiral from south to north in golden steps.
fn places() -> Vec<Ecef> {
    let golden = PI * (3.0 - 5.0_f64.sqrt());
    (0..PLACES)
        .map(|i| {
            let z = LIMIT * (2.0 * (f64::from(i) + 0.5) / f64::from(PLACES) - 1.0);
            let r = (1.0 - z * z).sqrt();
            let (sin, cos) = (golden * f64::from(i)).rem_euclid(TAU).sin_cos();
            [r * cos, r * sin, z]
        })
        .collect()
}

/// Whether a satellite at `p` stands above the mask at a place of a spherical Earth.
fn sees(place: &Ecef, p: &Ecef) -> bool {
    let d: Ecef = std::array::from_fn(|i| p[i] - WGS84_A * place[i]);
    let up = dot(d, *place);
    up > MASK_DEG.to_radians().sin() * dot(d, d).sqrt()
}

/// Of so many satellites, how many the worst-off place sees, and what share of places sees four.
#[cfg(test)]
pub(crate) fn coverage(satellites: &[&Ephemeris], t: GpsTime) -> (usize, f64) {
    let at: Vec<Ecef> = satellites.iter().map(|e| orbit::coarse_position(e, t)).collect();
    let counts: Vec<usize> = places().iter().map(|p| at.iter().filter(|s| sees(p, s)).count()).collect();
    let four = counts.iter().filter(|n| **n >= 4).count();
    (counts.iter().copied().min().unwrap_or(0), four as f64 / counts.len() as f64)
}
