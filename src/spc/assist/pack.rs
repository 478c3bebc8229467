//! Assistance that does not fit into one message, cut into several that do.

use crate::wire::assist::{AlmanacSet, Assistance, GnssAssistance};

/// Entries of an almanac that stay together when it is cut.
const ALMANAC_CHUNK: usize = 8;

/// Cuts assistance into parts for each of which `fits` says yes, in order of use to a SET: time, place, ionosphere, then
/// navigation models in turn, then the rest, almanacs last. What fits whole is not cut. A piece that does not fit even
/// alone is left out.
pub fn pack(whole: Assistance, fits: impl Fn(&Assistance) -> bool) -> Vec<Assistance> {
    if fits(&whole) {
        return vec![whole];
    }
    let mut parts = Vec::new();
    let mut current = Assistance::default();
    for piece in pieces(whole).into_iter().filter(|p| !p.is_empty()) {
        let mut grown = current.clone();
        merge(&mut grown, &piece);
        if fits(&grown) {
            current = grown;
        } else if fits(&piece) {
            if !current.is_empty() {
                parts.push(current);
            }
            current = piece;
        }
    }
    if !current.is_empty() {
        parts.push(current);
    }
    parts
}

/// The smallest parts, most useful first.
fn pieces(mut whole: Assistance) -> Vec<Assistance> {
    let systems = std::mem::take(&mut whole.systems);
    let mut out = vec![whole];
    let alone = |s: GnssAssistance| Assistance { systems: vec![s], ..Assistance::default() };
    let most = systems.iter().map(|s| s.ephemerides.len()).max().unwrap_or(0);
    for i in 0..most {
        for s in &systems {
            if let Some(e) = s.ephemerides.get(i) {
                out.push(alone(GnssAssistance { ephemerides: vec![*e], ..blank(s) }));
            }
        }
    }
    let mut almanacs = Vec::new();
    for s in systems {
        let blank = blank(&s);
        let GnssAssistance { almanac, acquisition, .. } = s.clone();
        let rest = GnssAssistance { ephemerides: Vec::new(), almanac: None, acquisition: None, ..s };
        if rest != blank {
            out.push(alone(rest));
        }
        if acquisition.is_some() {
            out.push(alone(GnssAssistance { acquisition, ..blank.clone() }));
        }
        if let Some(set) = almanac {
            for chunk in set.entries.chunks(ALMANAC_CHUNK) {
                let part = AlmanacSet { entries: chunk.to_vec(), complete: false };
                almanacs.push(alone(GnssAssistance { almanac: Some(part), ..blank.clone() }));
            }
        }
    }
    out.append(&mut almanacs);
    out
}

fn blank(s: &GnssAssistance) -> GnssAssistance {
    GnssAssistance { sbas: s.sbas, ..GnssAssistance::new(s.gnss) }
}

fn merge(into: &mut Assistance, piece: &Assistance) {
    let Assistance { reference_time, reference_location, klobuchar, nequick, earth_orientation, systems } =
        piece;
    into.reference_time = into.reference_time.take().or_else(|| reference_time.clone());
    into.reference_location = into.reference_location.take().or_else(|| reference_location.clone());
    into.klobuchar.extend_from_slice(klobuchar);
    into.nequick = into.nequick.or(*nequick);
    into.earth_orientation = into.earth_orientation.or(*earth_orientation);
    for s in systems {
        match into.systems.iter_mut().find(|have| have.gnss == s.gnss && have.sbas == s.sbas) {
            Some(have) => merge_system(have, s),
            None => into.systems.push(s.clone()),
        }
    }
}

fn merge_system(into: &mut GnssAssistance, s: &GnssAssistance) {
    into.time_offsets.extend_from_slice(&s.time_offsets);
    into.ephemerides.extend_from_slice(&s.ephemerides);
    into.unchanged.extend_from_slice(&s.unchanged);
    into.auxiliary.extend_from_slice(&s.auxiliary);
    into.utc = into.utc.or(s.utc);
    into.integrity = into.integrity.take().or_else(|| s.integrity.clone());
    into.acquisition = into.acquisition.take().or_else(|| s.acquisition.clone());
    match (&mut into.almanac, &s.almanac) {
        (Some(have), Some(more)) => have.entries.extend_from_slice(&more.entries),
        (none, more) => *none = none.take().or_else(|| more.clone()),
    }
}
