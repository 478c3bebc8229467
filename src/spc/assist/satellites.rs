//! Which navigation models a SET gets.

use super::Ground;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::gnss::visibility::Observer;
use crate::gnss::{Visible, orbit, spread};
use crate::spc::method::Protocol;
use crate::wire::assist::{GnssRequest, NavigationRequest, SbasRegion};
use crate::wire::rrlp;

/// Navigation models that RRLP's GPS part carries at most, in all segments together (TS 44.031 `SeqOfNavModelElement`, A.4.2.4
/// rule 4).
const RRLP_GPS_MAX: usize = 16;
/// Navigation models of one system when nothing is known of where the SET is: enough for every constellation, and no more
/// than clients keep a list.
const ANYWHERE_MAX: usize = 32;

/// The satellites that come into question, best first.
pub(super) enum Candidates<'a> {
    /// Seen from the reference location.
    Seen(Vec<Visible<'a>>),
    /// All that are usable, because nobody knows from where they would be seen.
    Anywhere,
}

/// The choice for one system.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chosen {
    /// To be sent.
    pub(super) send: Vec<Ephemeris>,
    /// GPS satellites of RRLP whose model the SET holds and that are to be named as unchanged.
    pub(super) unchanged: Vec<SatId>,
    /// Whether some were left out because the SET holds them.
    pub(super) held_any: bool,
}

/// Looks up from the reference location, unless that is too vague to leave anything out.
pub(super) fn candidates<'a>(ground: &Ground<'a>) -> Candidates<'a> {
    let policy = ground.policy;
    match ground.reference.filter(|r| r.uncertainty_m <= policy.max_reference_m) {
        Some(r) => Candidates::Seen(ground.sky.visible_within(
            r.at,
            r.altitude_m.unwrap_or(0.0),
            r.uncertainty_m,
            ground.time,
            policy.elevation_mask_deg,
        )),
        None => Candidates::Anywhere,
    }
}

impl<'a> Candidates<'a> {
    /// The satellites of a system, best first.
    pub(super) fn of(&self, gnss: Gnss, ground: &Ground<'a>) -> Vec<&'a Ephemeris> {
        match self {
            Self::Seen(seen) => seen.iter().filter(|v| v.sat.gnss == gnss).map(|v| v.ephemeris).collect(),
            Self::Anywhere => ground.sky.usable(gnss, ground.time).collect(),
        }
    }

    /// As [`of`](Self::of), those only that the message can name and the request means; and of more than `max`, when nobody knows
    /// where they would be seen, the best `max`: the highest over a vague reference location, else those that serve the most
    /// places on Earth.
    fn nameable(&self, asked: &GnssRequest, max: usize, ground: &Ground<'a>) -> Vec<&'a Ephemeris> {
        let mut list = self.of(asked.gnss, ground);
        list.retain(|e| has_name(e.sat(), ground.protocol) && in_region(e.sat(), asked.sbas));
        match (self, ground.reference) {
            (Self::Anywhere, Some(vague)) if list.len() > max => {
                let observer = Observer::new(vague.at, vague.altitude_m.unwrap_or(0.0));
                let height = |e: &Ephemeris| observer.look_at(orbit::coarse_position(e, ground.time)).1;
                list.sort_by(|a, b| height(b).total_cmp(&height(a)));
                list
            }
            (Self::Anywhere, None) => spread::widest(list, ground.time, max),
            _ => list,
        }
    }

    /// The navigation models that answer a request.
    pub(super) fn choose(
        &self,
        asked: &GnssRequest,
        navigation: &NavigationRequest,
        ground: &Ground<'a>,
    ) -> Chosen {
        let mut max = match self {
            Self::Seen(_) => ground.policy.max_satellites,
            Self::Anywhere => ANYWHERE_MAX,
        };
        let rrlp_gps = ground.protocol == Protocol::Rrlp && asked.gnss == Gnss::Gps;
        if rrlp_gps {
            max = max.min(RRLP_GPS_MAX);
        }
        let mut chosen = Chosen::default();
        // Satellites asked for by name are all that matter; the choice is the SET's.
        let of = if navigation.satellites.is_some() { usize::MAX } else { max };
        for e in self.nameable(asked, of, ground) {
            if chosen.send.len() + chosen.unchanged.len() >= max {
                break;
            }
            let sat = e.sat();
            let named = navigation.satellites.as_ref().is_none_or(|s| s.contains(&sat));
            if navigation.wants(e, ground.time) {
                chosen.send.push(*e);
            } else if named {
                chosen.held_any = true;
                if rrlp_gps {
                    chosen.unchanged.push(sat);
                }
            }
        }
        chosen
    }
}

/// Whether a protocol has a name for a satellite.
pub(super) fn has_name(sat: SatId, protocol: Protocol) -> bool {
    match protocol {
        Protocol::Rrlp => rrlp::has_name(sat),
        Protocol::Lpp => sat.sv_id().is_some(),
    }
}

/// Whether an SBAS satellite belongs to a region's system, by the PRN codes assigned to it (PRN = number + 100).
pub(super) fn in_region(sat: SatId, region: Option<SbasRegion>) -> bool {
    if sat.gnss != Gnss::Sbas {
        return true;
    }
    match region {
        None => true,
        Some(SbasRegion::Waas) => matches!(sat.number, 31 | 33 | 35 | 38),
        Some(SbasRegion::Egnos) => matches!(sat.number, 20 | 21 | 23 | 26 | 36),
        Some(SbasRegion::Msas) => matches!(sat.number, 29 | 37),
        Some(SbasRegion::Gagan) => matches!(sat.number, 27 | 28 | 32),
        Some(SbasRegion::Other(_)) => false,
    }
}
