//! Assistance data for one SET: what it asked for, as far as the sky has it.

pub mod acquisition;
mod pack;
mod satellites;

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub use pack::pack;

use super::config::Policy;
use super::method::Protocol;
use super::reference::circle;
use crate::base::broadcast::{Almanac, Gnss, KlobucharArea, UtcModel};
use crate::base::cell::ReferenceLocation;
use crate::base::{GpsTime, Shape};
use crate::gnss::SkySnapshot;
use crate::wire::assist::{
    AlmanacSet, Assistance, AssistanceRequest, Auxiliary, BadSignal, GnssAssistance, GnssRequest,
    IonosphereRequest, ModelChoice, OtherRequests, ReferenceTime, ReferenceTimeRequest, SignalSet,
};

/// What assistance is built from.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The satellites.
    pub sky: &'a SkySnapshot,
    /// Now.
    pub time: GpsTime,
    /// Roughly where the SET is.
    pub reference: Option<&'a ReferenceLocation>,
    /// Settings.
    pub policy: &'a Policy,
    /// The protocol that will carry it.
    pub protocol: Protocol,
}

/// What was asked for and is not in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// This server has no such data, ever.
    pub unsupported: bool,
    /// It has none right now.
    pub unavailable: bool,
    /// Periodic delivery was asked for, and there is none.
    pub periodic: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// The data.
    pub assistance: Assistance,
    /// What is missing.
    pub lacking: Lacking,
}

impl Built {
    /// Navigation models in it, by system.
    pub fn satellites(&self) -> BTreeMap<Gnss, u32> {
        self.assistance
            .systems
            .iter()
            .filter(|s| !s.ephemerides.is_empty())
            .map(|s| (s.gnss, s.ephemerides.len() as u32))
            .collect()
    }
}

/// Builds the answer to `request`: only what it asks for, only what is fresh.
pub fn build(request: &AssistanceRequest, ground: &Ground<'_>) -> Built {
    let mut built = Built { assistance: Assistance::default(), lacking: refused(request.other) };
    let Built { assistance, lacking } = &mut built;
    if let Some(asked) = &request.reference_time {
        assistance.reference_time = Some(reference_time(asked, ground));
    }
    if request.reference_location {
        assistance.reference_location = ground.reference.map(location_shape);
        lacking.unavailable |= assistance.reference_location.is_none();
    }
    if let Some(asked) = &request.ionosphere {
        ionosphere(asked, request, ground, assistance, lacking);
    }
    if request.earth_orientation {
        assistance.earth_orientation = ground.sky.earth_orientation(ground.time);
        lacking.unavailable |= assistance.earth_orientation.is_none();
    }
    let visible = satellites::candidates(ground);
    for asked in &request.systems {
        let given = system(asked, &visible, ground, lacking);
        if given != GnssAssistance::new(asked.gnss) {
            assistance.systems.push(GnssAssistance { sbas: asked.sbas, ..given });
        }
    }
    // Code phases hold for a time, which has to be told with them.
    if assistance.reference_time.is_none() && assistance.systems.iter().any(|s| s.acquisition.is_some()) {
        assistance.reference_time = Some(reference_time(&ReferenceTimeRequest::default(), ground));
    }
    lacking.periodic =
        request.periodic.as_ref().is_some_and(|p| p.session.is_some() || !p.deliveries.is_empty());
    // A list of bad satellites that would be empty cannot be said in either protocol. Beside other data silence means
    // "none known to be bad"; alone, it would leave the SET without an answer.
    let silent = request.systems.iter().any(|s| s.integrity) && assistance.is_empty();
    lacking.unavailable |= silent;
    built
}

fn refused(other: OtherRequests) -> Lacking {
    Lacking { unsupported: other.any(), ..Lacking::default() }
}

/// The time, and what is honestly known beside it. Left out are the words that satellites are about to send (TLM, anti-spoof and
/// alert flags: TS 44.031 `GPSTOWAssist`), of which archives of navigation data know nothing, and the frame time of the SET's
/// cell, which only those know who measure base stations; both protocols leave them optional, and a receiver that is told them
/// wrongly fares worse than one that is not told.
fn reference_time(asked: &ReferenceTimeRequest, ground: &Ground<'_>) -> ReferenceTime {
    let mut time = ReferenceTime::gps(ground.time, Some(ground.policy.time_uncertainty_s));
    if !asked.systems.is_empty() {
        time.systems.clone_from(&asked.systems);
    }
    if asked.leap_second {
        time.leap_notice = ground.sky.utc_model(Gnss::Gps, ground.time).map(|u| leap_notice(&u, ground.time));
    }
    time
}

/// GLONASS's K_P (GLONASS ICD table 4.7): whether a leap second comes at the end of this quarter of the year.
fn leap_notice(u: &UtcModel, now: GpsTime) -> u8 {
    const LONGEST_QUARTER_S: f64 = 92.0 * 86_400.0;
    let at = GpsTime::from_week_s(i64::from(u.week_lsf), i64::from(u.dn) * 86_400);
    // Leap seconds come at the end of quarters: one that is nearer than the longest of them is at the end of this one.
    let ahead = at - now;
    if !(0.0..LONGEST_QUARTER_S).contains(&ahead) {
        return 0b00;
    }
    match u.dt_lsf.cmp(&u.dt_ls) {
        Ordering::Greater => 0b01,
        Ordering::Less => 0b11,
        Ordering::Equal => 0b00,
    }
}

fn location_shape(r: &ReferenceLocation) -> Shape {
    match (circle(r), r.altitude_m) {
        (Shape::Ellipse { at, ellipse }, Some(altitude_m)) => {
            Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m: ALTITUDE_UNC_M }
        }
        (shape, _) => shape,
    }
}

/// Uncertainty of the altitude of a reference location that has one, metres.
const ALTITUDE_UNC_M: f64 = 150.0;

fn ionosphere(
    asked: &IonosphereRequest,
    request: &AssistanceRequest,
    ground: &Ground<'_>,
    out: &mut Assistance,
    lacking: &mut Lacking,
) {
    use KlobucharArea::{BeiDou, NavIc, Qzss, World};
    lacking.unsupported |= asked.bdgim;
    let named = asked.klobuchar.iter().copied();
    let open =
        [World, Qzss, BeiDou, NavIc].into_iter().filter(|a| asked.is_open() && asked.wants_klobuchar(*a));
    for area in named.chain(open) {
        if out.klobuchar.iter().any(|(a, _)| *a == area) {
            continue;
        }
        match ground.sky.klobuchar(area, ground.time) {
            Some(model) => out.klobuchar.push((area, model)),
            None => lacking.unavailable |= !asked.is_open(),
        }
    }
    // An open request is met by any model; NeQuick is of use to those who use Galileo only.
    let galileo = request.system(Gnss::Galileo).is_some();
    if asked.nequick || asked.is_open() && (galileo || out.klobuchar.is_empty()) {
        out.nequick = ground.sky.nequick(ground.time);
        lacking.unavailable |= asked.nequick && out.nequick.is_none();
    }
    lacking.unavailable |= asked.is_open() && out.klobuchar.is_empty() && out.nequick.is_none();
}

fn system(
    asked: &GnssRequest,
    visible: &satellites::Candidates<'_>,
    ground: &Ground<'_>,
    lacking: &mut Lacking,
) -> GnssAssistance {
    let gnss = asked.gnss;
    let mut out = GnssAssistance::new(gnss);
    if let Some(navigation) = &asked.navigation {
        let chosen = visible.choose(asked, navigation, ground);
        lacking.unavailable |= chosen.send.is_empty() && !chosen.held_any;
        out.ephemerides = chosen.send;
        out.unchanged = chosen.unchanged;
    }
    for to in &asked.time_models {
        match ground.sky.time_offset(gnss, *to, ground.time) {
            Some(offset) => out.time_offsets.push(offset),
            None => lacking.unavailable = true,
        }
    }
    if let Some(choice) = asked.almanac {
        let almanac = || {
            let mut entries = ground.sky.almanac(gnss, ground.time);
            entries.retain(|a| satellites::in_region(a.sat(), asked.sbas));
            almanac_set(gnss, entries, ground.protocol)
        };
        match natural(choice, almanac_model(gnss)).then(almanac) {
            None => lacking.unsupported = true,
            Some(set) if set.entries.is_empty() => lacking.unavailable = true,
            set => out.almanac = set,
        }
    }
    if asked.utc.is_some() {
        out.utc = ground.sky.utc_model(gnss, ground.time);
        lacking.unavailable |= out.utc.is_none();
    }
    if asked.auxiliary {
        out.auxiliary = auxiliary(gnss, ground);
        lacking.unavailable |= out.auxiliary.is_empty();
    }
    if let Some(signal) = asked.acquisition {
        out.acquisition = acquisition::build(gnss, signal, visible, ground);
        lacking.unavailable |= out.acquisition.is_none();
    }
    // RRLP wants bad satellites named whenever anything of their system is sent (TS 44.031, real-time integrity in A.4.2.4 and
    // A.4.6.2), asked for or not.
    let owed = ground.protocol == Protocol::Rrlp && out != GnssAssistance::new(gnss);
    if asked.integrity || owed {
        let bad = ground.sky.unhealthy(gnss, ground.time);
        out.integrity =
            (!bad.is_empty()).then(|| bad.into_iter().map(|sat| BadSignal { sat, signals: None }).collect());
    }
    out
}

/// The model number (TS 37.355 `GNSS-AlmanacReq`) in which this server's almanac of a system goes out.
const fn almanac_model(gnss: Gnss) -> u8 {
    match gnss {
        Gnss::Galileo => 1,
        Gnss::Gps | Gnss::Qzss => 2,
        Gnss::Glonass => 5,
        Gnss::Sbas => 6,
        Gnss::BeiDou => 7,
        Gnss::NavIc => 8,
    }
}

fn natural(asked: ModelChoice, ours: u8) -> bool {
    asked.id.is_none_or(|id| id == ours)
}

/// Entries that an RRLP almanac of a system besides GPS carries at most, in all segments together (TS 44.031 table A.54, A.4.2.6
/// rule 4).
const RRLP_ALMANAC_MAX: usize = 36;

fn almanac_set(gnss: Gnss, mut entries: Vec<Almanac>, protocol: Protocol) -> AlmanacSet {
    let known = entries.len();
    entries.retain(|a| satellites::has_name(a.sat(), protocol));
    if protocol == Protocol::Rrlp && gnss != Gnss::Gps {
        entries.truncate(RRLP_ALMANAC_MAX);
    }
    // Sizes of the nominal constellations.
    let whole = match gnss {
        Gnss::Qzss => 4,
        Gnss::BeiDou => 27,
        Gnss::NavIc => 7,
        // Nobody knows how many there are.
        Gnss::Sbas => usize::MAX,
        _ => 24,
    };
    AlmanacSet { complete: entries.len() >= whole && entries.len() == known, entries }
}

/// Channels of GLONASS satellites. Of other systems nothing is known beyond what every receiver assumes.
fn auxiliary(gnss: Gnss, ground: &Ground<'_>) -> Vec<Auxiliary> {
    use crate::base::broadcast::Ephemeris;
    if gnss != Gnss::Glonass {
        return Vec::new();
    }
    ground
        .sky
        .fresh_of(Gnss::Glonass, ground.time)
        .filter_map(|e| match &*e.ephemeris {
            Ephemeris::Glonass(g) => {
                Some(Auxiliary { sat: g.sat, signals: SignalSet::FIRST, channel: Some(g.channel) })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
