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

/// The system of a `ganssTimeID` (TS 44.031 table A.34: absent Galileo, 0 GPS, 1 QZSS, 2 GLONASS, 3 BDS).
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

/// The system of a `gnssTOID` (TS 44.031 table A.42: 0 GPS, 1 Galileo, 2 QZSS, 3 GLONASS, 4 BDS).
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

/// Systems of the bits of `GANSSPositioningMethod`, and, behind E-OTD's, of `PositionData` (TS 44.031 A.3.2.9); the fourth,
/// modernised GPS, has none here.
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

/// Reserved values are read by the rule of the others: a handset that sends one means something by it.
pub(super) fn sat(g: Gnss, id: &asn::SVID) -> Option<SatId> {
    SatId::from_sv_id(g, id.0)
}

/// `None` for a satellite whose value is reserved: no handset need know what it means.
pub(super) fn from_sat(s: SatId) -> Option<asn::SVID> {
    s.sv_id().filter(|id| *id <= last_sv_id(s.gnss)).map(asn::SVID)
}

/// The last value that the table assigns (TS 44.031 table A.10.14): Galileo codes 1–36, SBAS PRN 120–158, QZSS PRN 193–197,
/// GLONASS slots 1–24, BeiDou ranging codes 1–37.
const fn last_sv_id(g: Gnss) -> u8 {
    match g {
        Gnss::Galileo => 35,
        Gnss::Sbas => 38,
        Gnss::Qzss => 4,
        Gnss::Glonass => 23,
        Gnss::BeiDou => 36,
        Gnss::Gps | Gnss::NavIc => 63,
    }
}

/// Whether RRLP has a name for a satellite.
pub fn has_name(s: SatId) -> bool {
    if s.gnss == Gnss::Gps {
        from_gps(s).is_some()
    } else {
        ganss_id(s.gnss).is_some() && from_sat(s).is_some()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables A.40, A.34 and A.42 of TS 44.031, which number the same systems in three ways.
    #[test]
    fn systems_have_the_numbers_of_the_tables() {
        use Gnss::{BeiDou, Galileo, Glonass, Gps, Qzss, Sbas};
        let ganss_ids =
            [(None, Galileo), (Some(0), Sbas), (Some(2), Qzss), (Some(3), Glonass), (Some(4), BeiDou)];
        for (id, system) in ganss_ids {
            assert_eq!(ganss(id), Some(system));
            assert_eq!(ganss_id(system), Some(id));
        }
        // Modernised GPS, which this server treats as GPS's own signals, and the reserved ones.
        for id in [1, 5, 6, 7] {
            assert_eq!(ganss(Some(id)), None);
        }
        let times = [(None, Galileo), (Some(0), Gps), (Some(1), Qzss), (Some(2), Glonass), (Some(3), BeiDou)];
        for (id, system) in times {
            assert_eq!(time_system(id), Some(system));
            assert_eq!(time_id(system), id);
        }
        for (id, system) in [(0, Gps), (1, Galileo), (2, Qzss), (3, Glonass), (4, BeiDou)] {
            assert_eq!(offset_system(id), Some(system));
            assert_eq!(offset_id(system), Some(id));
        }
        for id in 4..8 {
            assert_eq!(time_system(Some(id)), None);
            assert_eq!(offset_system(id + 1), None);
        }
    }

    /// Table A.10.14.
    #[test]
    fn satellites_have_the_values_of_the_table() {
        let last = [
            (SatId::new(Gnss::Galileo, 36), 35),
            (SatId::new(Gnss::Sbas, 58), 38),
            (SatId::new(Gnss::Qzss, 5), 4),
            (SatId::new(Gnss::Glonass, 24), 23),
            (SatId::new(Gnss::BeiDou, 37), 36),
        ];
        for (satellite, id) in last {
            assert_eq!(from_sat(satellite), Some(asn::SVID(id)));
            assert_eq!(sat(satellite.gnss, &asn::SVID(id)), Some(satellite));
            assert!(has_name(satellite));
            let reserved = SatId::new(satellite.gnss, satellite.number + 1);
            assert_eq!(from_sat(reserved), None, "{reserved}");
            assert!(!has_name(reserved));
            assert_eq!(sat(satellite.gnss, &asn::SVID(id + 1)), Some(reserved));
        }
        assert!(has_name(SatId::new(Gnss::Gps, 32)));
        assert!(!has_name(SatId::new(Gnss::NavIc, 2)));
    }

    #[test]
    fn the_methods_of_a_position_have_their_bits() {
        use Gnss::{BeiDou, Galileo, Glonass, Gps, Qzss, Sbas};
        let b = |flags: &[bool]| bits::flags(flags);
        // E-OTD, GPS, Galileo, SBAS, modernised GPS, QZSS, GLONASS, BDS.
        let all = b(&[false, true, true, true, true, true, true, true]);
        assert_eq!(methods(&all, 1), [Gps, Galileo, Sbas, Qzss, Glonass, BeiDou]);
        assert_eq!(methods(&b(&[false, false, false, false, false, false, true]), 1), [Glonass]);
    }
}
