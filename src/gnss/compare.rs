//! Broadcast orbits and clocks against precise ones.
//!
//! Differences are taken where and when the precise file has a satellite, for healthy satellites with fresh data, in the
//! directions radial, along the orbit and across it. What the difference contains by convention is left in: precise positions
//! are those of the centre of mass, broadcast ones those of the antenna, a metre or two further down.
//!
//! Clocks: precise ones have no relativistic part, which is therefore left out of the broadcast's, too. Both scales run apart
//! as a whole; the median of each system at each epoch is taken off. BeiDou's broadcast clock is that of B3I, the precise
//! one that of the B1I/B3I combination: the broadcast is moved by its group delay.

use std::collections::BTreeMap;

use serde::Serialize;

use super::age::is_healthy;
use super::kepler::is_beidou_geo;
use super::scale::{BDS_TGD_LSB, C};
use super::snapshot::{SkyEntry, SkySnapshot};
use super::visibility::{Ecef, dot};
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};

/// A satellite in a precise file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreciseSatellite {
    /// Satellite.
    pub sat: SatId,
    /// Earth-fixed position, metres.
    pub position: Ecef,
    /// Clock minus system time without relativity, seconds; of an arbitrary scale common to all.
    pub clock_s: Option<f64>,
}

/// All satellites at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct PreciseEpoch {
    /// GPS time.
    pub time: GpsTime,
    /// Satellites.
    pub satellites: Vec<PreciseSatellite>,
}

/// Root mean squares in metres of a group of satellites.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `gps`, `beidou`, `beidou-geo`, `G07`…
    pub group: String,
    /// Satellites.
    pub satellites: usize,
    /// Points compared.
    pub points: usize,
    /// Radial.
    pub radial_m: f64,
    /// Along the orbit.
    pub along_m: f64,
    /// Across the orbit.
    pub cross_m: f64,
    /// In space.
    pub space_m: f64,
    /// What 95 % stay within in space.
    pub space95_m: f64,
    /// The largest in space.
    pub max_m: f64,
    /// Clock after removal of the system's median at each epoch; `None` without clocks.
    pub clock_m: Option<f64>,
    /// The same after removal of each satellite's mean, too.
    pub clock_steady_m: Option<f64>,
}

/// A comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// By system, and BeiDou by kind of orbit.
    pub systems: Vec<Difference>,
    /// By satellite.
    pub satellites: Vec<Difference>,
    /// Points left out since the satellite called itself unhealthy.
    pub unhealthy: usize,
    /// Points left out for want of a fresh ephemeris.
    pub without_ephemeris: usize,
    /// Points left out since they are more than 100 m off: an ephemeris that is false rather than inexact.
    pub false_ephemeris: usize,
}

/// Beyond this the message is not inexact, it is false.
const FALSE_M: f64 = 100.0;

/// One point: radial, along, cross, and the clock, metres.
#[derive(Clone, Copy)]
struct Point {
    space: [f64; 3],
    clock: Option<f64>,
}

/// Compares.
pub fn compare(sky: &SkySnapshot, precise: &[PreciseEpoch]) -> Comparison {
    let mut out = Comparison::default();
    let mut points: BTreeMap<SatId, Vec<Point>> = BTreeMap::new();
    let mut kinds: BTreeMap<SatId, &'static str> = BTreeMap::new();
    for epoch in precise {
        let mut clocks: BTreeMap<Gnss, Vec<(SatId, f64)>> = BTreeMap::new();
        for p in &epoch.satellites {
            let Some(entry) = in_use(sky, p.sat, epoch.time) else {
                out.without_ephemeris += 1;
                continue;
            };
            if !is_healthy(&entry.ephemeris) {
                out.unhealthy += 1;
                continue;
            }
            let s = entry.orbit().state(epoch.time);
            let away: Ecef = std::array::from_fn(|i| s.position[i] - p.position[i]);
            // Written so that what is no number is false, too.
            if dot(away, away).partial_cmp(&(FALSE_M * FALSE_M)) != Some(std::cmp::Ordering::Less) {
                out.false_ephemeris += 1;
                continue;
            }
            let Some(axes) = orbit_axes(p.position, s.velocity) else { continue };
            if p.sat.gnss == Gnss::BeiDou {
                kinds.insert(p.sat, beidou_kind(p.sat, p.position));
            }
            let clock = p
                .clock_s
                .map(|c| C * (entry.orbit().clock_s(epoch.time) - combination_delay_s(&entry.ephemeris) - c));
            if let Some(c) = clock {
                clocks.entry(p.sat.gnss).or_default().push((p.sat, c));
            }
            points.entry(p.sat).or_default().push(Point { space: axes.map(|a| dot(a, away)), clock });
        }
        remove_median(&mut points, &clocks);
    }
    for gnss in Gnss::ALL {
        let of: Vec<_> = points.iter().filter(|(s, _)| s.gnss == gnss).collect();
        out.systems.extend(difference(gnss.name(), &of));
    }
    for kind in ["beidou-meo", "beidou-igso", "beidou-geo"] {
        let of: Vec<_> = points.iter().filter(|(s, _)| kinds.get(s) == Some(&kind)).collect();
        out.systems.extend(difference(kind, &of));
    }
    out.satellites = points.iter().filter_map(|(s, p)| difference(&s.to_string(), &[(s, p)])).collect();
    out
}

/// The message in use. One of Galileo that was not on the air yet describes the time before it badly, and is not compared.
fn in_use(sky: &SkySnapshot, sat: SatId, t: GpsTime) -> Option<&SkyEntry> {
    sky.entry(sat, t).filter(|e| sat.gnss != Gnss::Galileo || e.ephemeris.reference_time() < t)
}

/// Takes each system's median off the clocks of the points just added.
fn remove_median(points: &mut BTreeMap<SatId, Vec<Point>>, clocks: &BTreeMap<Gnss, Vec<(SatId, f64)>>) {
    for of_system in clocks.values() {
        let mut values: Vec<f64> = of_system.iter().map(|(_, c)| *c).collect();
        let middle = median(&mut values);
        for (sat, _) in of_system {
            let last = points.get_mut(sat).and_then(|p| p.last_mut());
            if let Some(c) = last.and_then(|p| p.clock.as_mut()) {
                *c -= middle;
            }
        }
    }
}

/// Unit vectors radial, along, across; the velocity is Earth-fixed and is given the Earth's rotation back.
fn orbit_axes(position: Ecef, velocity: Ecef) -> Option<[Ecef; 3]> {
    const EARTH_RATE: f64 = 7.292_115_146_7e-5;
    let v = [velocity[0] - EARTH_RATE * position[1], velocity[1] + EARTH_RATE * position[0], velocity[2]];
    let unit = |a: Ecef| {
        let n = dot(a, a).sqrt();
        (n > 0.0 && n.is_finite()).then(|| a.map(|x| x / n))
    };
    let radial = unit(position)?;
    let cross = unit(product(position, v))?;
    Some([radial, product(cross, radial), cross])
}

fn product(a: Ecef, b: Ecef) -> Ecef {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn beidou_kind(sat: SatId, position: Ecef) -> &'static str {
    match dot(position, position).sqrt() {
        _ if is_beidou_geo(sat) => "beidou-geo",
        r if r > 3.5e7 => "beidou-igso",
        _ => "beidou-meo",
    }
}

/// How late the combination of precise clocks is against the broadcast clock's signal.
fn combination_delay_s(e: &Ephemeris) -> f64 {
    match e {
        Ephemeris::BeiDou(b) => {
            let (f1, f3) = (1561.098_f64, 1268.52_f64);
            f1 * f1 / (f1 * f1 - f3 * f3) * f64::from(b.tgd1) * BDS_TGD_LSB
        }
        _ => 0.0,
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
    if n % 2 == 1 { at(n / 2) } else { f64::midpoint(at((n / 2).saturating_sub(1)), at(n / 2)) }
}

/// Root mean square; `None` of nothing.
fn root(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0.0), |(s, n), v| (s + v * v, n + 1.0));
    (n > 0.0).then(|| f64::sqrt(sum / n))
}

/// Of sorted values, interpolated between neighbours.
fn percentile95(sorted: &[f64]) -> Option<f64> {
    let at = 0.95 * sorted.len().checked_sub(1)? as f64;
    let low = *sorted.get(at.floor() as usize)?;
    let high = sorted.get(at.ceil() as usize).copied().unwrap_or(low);
    Some(low + (high - low) * at.fract())
}

fn difference(group: &str, of: &[(&SatId, &Vec<Point>)]) -> Option<Difference> {
    let all: Vec<&Point> = of.iter().flat_map(|(_, p)| p.iter()).collect();
    let axis = |i: usize| root(all.iter().filter_map(|p| p.space.get(i).copied())).unwrap_or(0.0);
    let mut space: Vec<f64> = all.iter().map(|p| dot(p.space, p.space).sqrt()).collect();
    space.sort_unstable_by(f64::total_cmp);
    let steady = of.iter().flat_map(|(_, p)| {
        let clocks: Vec<f64> = p.iter().filter_map(|p| p.clock).collect();
        let mean = clocks.iter().sum::<f64>() / clocks.len().max(1) as f64;
        clocks.into_iter().map(move |c| c - mean)
    });
    Some(Difference {
        group: group.to_owned(),
        satellites: of.len(),
        points: all.len(),
        radial_m: axis(0),
        along_m: axis(1),
        cross_m: axis(2),
        space_m: root(space.iter().copied())?,
        space95_m: percentile95(&space)?,
        max_m: space.last().copied()?,
        clock_m: root(all.iter().filter_map(|p| p.clock)),
        clock_steady_m: root(steady),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_those_of_the_orbit() {
        // On the equator going east: along is east, across is north.
        let [radial, along, cross] = orbit_axes([2.6e7, 0.0, 0.0], [0.0, 1000.0, 0.0]).unwrap();
        assert_eq!(radial, [1.0, 0.0, 0.0]);
        assert!((along[1] - 1.0).abs() < 1e-12 && (cross[2] - 1.0).abs() < 1e-12);
        assert!(orbit_axes([0.0; 3], [0.0; 3]).is_none());
        assert!(orbit_axes([f64::NAN; 3], [0.0; 3]).is_none());
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn nothing_compared_is_nothing() {
        assert_eq!(compare(&SkySnapshot::default(), &[]), Comparison::default());
    }
}
