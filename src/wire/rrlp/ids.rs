//! Systems and signals as RRLP names them.

use groma_asn1::rrlp as asn;
use groma_asn1::types::BitStr;

use crate::base::broadcast::{Gnss, SatId};
use crate::wire::assist::SignalSet;
use crate::wire::bits;

/// The system of a `ganssID` (TS 44.031 table A.40: absent Galileo, 0 SBAS, 1 modernised GPS, 2 QZSS, 3 GLONASS, 4 BDS);
/// `None` for modernised GPS and later ones.
pub(super) const fn ganss(id: Option<u8>) -> Option<Gnss> {
    Some(match id {
        None => Gnss::Galileo,
        Some(0) => Gnss::Sbas,
        Some(2) => Gnss::Qzss,
        Some(3) => Gnss::Glonass,
        Some(4) => Gnss::BeiDou,
        Some(_) => return None,
    })
}

/// `None` for a system that has no `ganssID`; `Some(None)` where the member is left out.
#[allow(clippy::option_option)]
pub(super) const fn ganss_id(g: Gnss) -> Option<Option<u8>> {
    Some(match g {
        Gnss::Galileo => None,
        Gnss::Sbas => Some(0),
        Gnss::Qzss => Some(2),
        Gnss::Glonass => Some(3),
        Gnss::BeiDou => Some(4),
        Gnss::Gps | Gnss::NavIc => return None,
    })
}

/// The system of a `ganssTimeID` (absent Galileo, 0 GPS, 1 QZSS, 2 GLONASS, 3 BDS).
pub(super) const fn time_system(id: Option<u8>) -> Option<Gnss> {
    Some(match id {
        None => Gnss::Galileo,
        Some(0) => Gnss::Gps,
        Some(1) => Gnss::Qzss,
        Some(2) => Gnss::Glonass,
        Some(3) => Gnss::BeiDou,
        Some(_) => return None,
    })
}

/// Galileo's time, whose member is left out, also stands for the systems without an id.
pub(super) const fn time_id(g: Gnss) -> Option<u8> {
    match g {
        Gnss::Gps | Gnss::Sbas => Some(0),
        Gnss::Qzss => Some(1),
        Gnss::Glonass => Some(2),
        Gnss::BeiDou => Some(3),
        Gnss::Galileo | Gnss::NavIc => None,
    }
}

/// The system of a `gnssTOID` (0 GPS, 1 Galileo, 2 QZSS, 3 GLONASS, 4 BDS).
pub(super) const fn offset_system(id: u8) -> Option<Gnss> {
    Some(match id {
        0 => Gnss::Gps,
        1 => Gnss::Galileo,
        2 => Gnss::Qzss,
        3 => Gnss::Glonass,
        4 => Gnss::BeiDou,
        _ => return None,
    })
}

pub(super) const fn offset_id(g: Gnss) -> Option<u8> {
    Some(match g {
        Gnss::Gps => 0,
        Gnss::Galileo => 1,
        Gnss::Qzss => 2,
        Gnss::Glonass => 3,
        Gnss::BeiDou => 4,
        Gnss::Sbas | Gnss::NavIc => return None,
    })
}

/// Systems of the bits of `GANSSPositioningMethod`; bit 3, modernised GPS, has none here.
const METHODS: [Option<Gnss>; 7] = [
    Some(Gnss::Gps),
    Some(Gnss::Galileo),
    Some(Gnss::Sbas),
    None,
    Some(Gnss::Qzss),
    Some(Gnss::Glonass),
    Some(Gnss::BeiDou),
];

/// Systems of a bit string in the order of `GANSSPositioningMethod`, its first bit at `from`.
pub(super) fn methods(b: &BitStr, from: usize) -> Vec<Gnss> {
    METHODS.into_iter().enumerate().filter(|(i, _)| bits::flag(b, i + from)).filter_map(|(_, g)| g).collect()
}

pub(super) fn method_flags(systems: &[Gnss]) -> [bool; 7] {
    METHODS.map(|g| g.is_some_and(|g| systems.contains(&g)))
}

pub(super) fn sat(g: Gnss, id: &asn::SVID) -> Option<SatId> {
    SatId::from_sv_id(g, id.0)
}

pub(super) fn from_sat(s: SatId) -> Option<asn::SVID> {
    s.sv_id().map(asn::SVID)
}

/// The `satelliteID` of GPS's own part.
pub(super) fn gps(id: &asn::SatelliteID) -> Option<SatId> {
    SatId::from_sv_id(Gnss::Gps, id.0)
}

pub(super) fn from_gps(s: SatId) -> Option<asn::SatelliteID> {
    if s.gnss == Gnss::Gps { s.sv_id().map(asn::SatelliteID) } else { None }
}

pub(super) fn signals(s: &asn::GANSSSignals) -> SignalSet {
    SignalSet(bits::reversed(&s.0))
}

pub(super) fn from_signals(s: SignalSet) -> asn::GANSSSignals {
    asn::GANSSSignals(bits::from_reversed(s.0, 8))
}
