//! Systems, satellites and signals as LPP names them.

use groma_asn1::lpp as asn;

use crate::base::broadcast::{Gnss, SatId};
use crate::wire::assist::{GnssModes, Initiator, SbasRegion, SignalSet};
use crate::wire::bits;

/// Systems in the order of the bits of `GNSS-ID-Bitmap`.
const BITMAP: [Gnss; 7] =
    [Gnss::Gps, Gnss::Sbas, Gnss::Qzss, Gnss::Galileo, Gnss::Glonass, Gnss::BeiDou, Gnss::NavIc];

/// `None` for a system of a later release.
pub(super) fn gnss(id: &asn::GNSSID) -> Option<Gnss> {
    Some(match id.gnss_id {
        asn::GNSSIDGnssId::gps => Gnss::Gps,
        asn::GNSSIDGnssId::sbas => Gnss::Sbas,
        asn::GNSSIDGnssId::qzss => Gnss::Qzss,
        asn::GNSSIDGnssId::galileo => Gnss::Galileo,
        asn::GNSSIDGnssId::glonass => Gnss::Glonass,
        asn::GNSSIDGnssId::bds => Gnss::BeiDou,
        asn::GNSSIDGnssId::navic_v1610 => Gnss::NavIc,
        asn::GNSSIDGnssId::unknown_ext(_) => return None,
    })
}

pub(super) const fn from_gnss(g: Gnss) -> asn::GNSSID {
    asn::GNSSID {
        gnss_id: match g {
            Gnss::Gps => asn::GNSSIDGnssId::gps,
            Gnss::Sbas => asn::GNSSIDGnssId::sbas,
            Gnss::Qzss => asn::GNSSIDGnssId::qzss,
            Gnss::Galileo => asn::GNSSIDGnssId::galileo,
            Gnss::Glonass => asn::GNSSIDGnssId::glonass,
            Gnss::BeiDou => asn::GNSSIDGnssId::bds,
            Gnss::NavIc => asn::GNSSIDGnssId::navic_v1610,
        },
    }
}

pub(super) fn bitmap(b: &asn::GNSSIDBitmap) -> Vec<Gnss> {
    BITMAP.into_iter().enumerate().filter(|(i, _)| bits::flag(&b.gnss_ids.0, *i)).map(|(_, g)| g).collect()
}

pub(super) fn from_bitmap(systems: &[Gnss]) -> asn::GNSSIDBitmap {
    let set = BITMAP.map(|g| systems.contains(&g));
    asn::GNSSIDBitmap { gnss_ids: asn::GNSSIDBitmapGnssIds(bits::flags(&set)) }
}

/// The system of a `gnss-TO-ID` (1 GPS, 2 Galileo, 3 QZSS, 4 GLONASS, 5 BDS, 6 NavIC).
pub(super) const fn time_system(id: u8) -> Option<Gnss> {
    Some(match id {
        1 => Gnss::Gps,
        2 => Gnss::Galileo,
        3 => Gnss::Qzss,
        4 => Gnss::Glonass,
        5 => Gnss::BeiDou,
        6 => Gnss::NavIc,
        _ => return None,
    })
}

/// `None` for SBAS, whose time is GPS time.
pub(super) const fn time_id(g: Gnss) -> Option<u8> {
    Some(match g {
        Gnss::Gps => 1,
        Gnss::Galileo => 2,
        Gnss::Qzss => 3,
        Gnss::Glonass => 4,
        Gnss::BeiDou => 5,
        Gnss::NavIc => 6,
        Gnss::Sbas => return None,
    })
}

pub(super) fn sat(g: Gnss, id: &asn::SVID) -> Option<SatId> {
    SatId::from_sv_id(g, id.satellite_id)
}

pub(super) fn from_sat(s: SatId) -> Option<asn::SVID> {
    s.sv_id().map(|satellite_id| asn::SVID { satellite_id })
}

pub(super) fn signal(s: &asn::GNSSSignalID) -> u8 {
    s.ext1.as_ref().and_then(|e| e.gnss_signal_id_ext_r15).unwrap_or(s.gnss_signal_id)
}

/// Ids above 7 leave 7 in the old member.
pub(super) fn from_signal(id: u8) -> asn::GNSSSignalID {
    asn::GNSSSignalID {
        gnss_signal_id: id.min(7),
        ext1: (8..=23).contains(&id).then_some(asn::GNSSSignalIDExt1 { gnss_signal_id_ext_r15: Some(id) }),
    }
}

pub(super) fn signals(s: &asn::GNSSSignalIDs) -> SignalSet {
    let ext =
        s.ext1.as_ref().and_then(|e| e.gnss_signal_ids_ext_r15.as_ref()).map_or(0, |b| bits::reversed(b));
    SignalSet(bits::reversed(&s.gnss_signal_ids) | ext << 8)
}

pub(super) fn from_signals(s: SignalSet) -> asn::GNSSSignalIDs {
    asn::GNSSSignalIDs {
        gnss_signal_ids: bits::from_reversed(s.0, 8),
        ext1: (s.0 >> 8 & 0xffff != 0).then(|| asn::GNSSSignalIDsExt1 {
            gnss_signal_ids_ext_r15: Some(bits::from_reversed(s.0 >> 8, 16)),
        }),
    }
}

pub(super) fn modes(m: &asn::PositioningModes) -> GnssModes {
    let b = &m.pos_modes.0;
    GnssModes { standalone: bits::flag(b, 0), ms_based: bits::flag(b, 1), ms_assisted: bits::flag(b, 2) }
}

pub(super) fn from_modes(m: GnssModes) -> asn::PositioningModes {
    let set = [m.standalone, m.ms_based, m.ms_assisted];
    asn::PositioningModes { pos_modes: asn::PositioningModesPosModes(bits::flags(&set)) }
}

pub(super) fn sbas(s: &asn::SBASID) -> SbasRegion {
    match s.sbas_id {
        asn::SBASIDSbasId::waas => SbasRegion::Waas,
        asn::SBASIDSbasId::egnos => SbasRegion::Egnos,
        asn::SBASIDSbasId::msas => SbasRegion::Msas,
        asn::SBASIDSbasId::gagan => SbasRegion::Gagan,
        asn::SBASIDSbasId::unknown_ext(_) => SbasRegion::Other(u8::MAX),
    }
}

/// `None` for a region that LPP does not name.
pub(super) const fn from_sbas(s: SbasRegion) -> Option<asn::SBASID> {
    Some(asn::SBASID {
        sbas_id: match s {
            SbasRegion::Waas => asn::SBASIDSbasId::waas,
            SbasRegion::Egnos => asn::SBASIDSbasId::egnos,
            SbasRegion::Msas => asn::SBASIDSbasId::msas,
            SbasRegion::Gagan => asn::SBASIDSbasId::gagan,
            SbasRegion::Other(_) => return None,
        },
    })
}

pub(super) const fn initiator(i: asn::Initiator) -> Initiator {
    match i {
        asn::Initiator::locationServer => Initiator::LocationServer,
        asn::Initiator::targetDevice => Initiator::TargetDevice,
        asn::Initiator::unknown_ext(_) => Initiator::Unknown,
    }
}

/// What is not known is answered as the SET's: nobody else begins transactions with us.
pub(super) const fn from_initiator(i: Initiator) -> asn::Initiator {
    match i {
        Initiator::LocationServer => asn::Initiator::locationServer,
        Initiator::TargetDevice | Initiator::Unknown => asn::Initiator::targetDevice,
    }
}
