//! `SETCapabilities`, and what an SLP says of networks and systems.

use groma_asn1::types::BitString;
use groma_asn1::ulp as asn;

use super::{
    GanssCapability, GanssSystem, GnssSupport, NetworkSupport, PosProtocols, Preference, ProtocolVersion,
    ServiceCapabilities, SetCapabilities, ids,
};
use crate::base::broadcast::Gnss;
use crate::wire::assist::{GnssModes, SignalSet};
use crate::wire::bits;

/// The system of a ULP `ganssId` (OMA-TS-ULP 2.0, `GANSS ID`: 0 Galileo, 1 SBAS, 2 modernised GPS, 3 QZSS, 4 GLONASS,
/// 5 BDS).
pub(super) const fn ganss_system(id: u8) -> GanssSystem {
    GanssSystem::Known(match id {
        0 => Gnss::Galileo,
        1 => Gnss::Sbas,
        2 => return GanssSystem::ModernisedGps,
        3 => Gnss::Qzss,
        4 => Gnss::Glonass,
        5 => Gnss::BeiDou,
        n => return GanssSystem::Unknown(n),
    })
}

/// The `ganssId` of a system; `None` for GPS and NavIC, which have none.
pub(super) const fn ganss_id(system: GanssSystem) -> Option<u8> {
    Some(match system {
        GanssSystem::Known(g) => match g {
            Gnss::Galileo => 0,
            Gnss::Sbas => 1,
            Gnss::Qzss => 3,
            Gnss::Glonass => 4,
            Gnss::BeiDou => 5,
            Gnss::Gps | Gnss::NavIc => return None,
        },
        GanssSystem::ModernisedGps => 2,
        GanssSystem::Unknown(n) => n,
    })
}

pub(super) fn decode(c: &asn::SETCapabilities) -> SetCapabilities {
    let t = &c.pos_technology;
    let ganss = t.ver2_pos_technology_extension.iter().filter_map(|e| e.g_anssposition_methods.as_ref());
    let p = &c.pos_protocol;
    let v2 = p.ver2_pos_protocol_extension.as_ref();
    let services =
        c.ver2_setcapabilities_extension.as_ref().and_then(|e| e.service_capabilities.as_ref()).map(|s| {
            ServiceCapabilities {
                periodic: s.services_supported.periodic_trigger,
                area: s.services_supported.area_event_trigger,
                sessions: (
                    s.session_capabilities.max_number_total_sessions,
                    s.session_capabilities.max_number_periodic_sessions,
                    s.session_capabilities.max_number_triggered_sessions,
                ),
            }
        });
    SetCapabilities {
        gps: GnssModes {
            standalone: t.autonomous_gps,
            ms_based: t.agps_setbased,
            ms_assisted: t.agps_setassisted,
        },
        ganss: ganss.flat_map(|m| &m.0).map(ganss_method).collect(),
        aflt: t.aflt,
        ecid: t.ecid,
        eotd: t.eotd,
        otdoa: t.otdoa,
        preference: match c.pref_method {
            asn::PrefMethod::agpsSETassistedPreferred => Preference::SetAssisted,
            asn::PrefMethod::agpsSETBasedPreferred => Preference::SetBased,
            asn::PrefMethod::noPreference => Preference::None,
        },
        protocols: PosProtocols {
            tia801: p.tia801,
            rrlp: p.rrlp,
            rrc: p.rrc,
            lpp: v2.is_some_and(|v| v.lpp),
            lppe: v2.and_then(|v| v.lppe).unwrap_or(false),
            rrlp_version: v2.and_then(|v| v.pos_protocol_version_rrlp.as_ref()).map(version),
            lpp_version: v2.and_then(|v| v.pos_protocol_version_lpp.as_ref()).map(version),
        },
        services,
    }
}

fn ganss_method(m: &asn::GANSSPositionMethod) -> GanssCapability {
    GanssCapability {
        system: ganss_system(m.ganss_id),
        sbas: ids::sbas(m.ganss_sbasid.as_ref()),
        modes: GnssModes {
            standalone: m.g_ansspositioning_method_types.autonomous,
            ms_based: m.g_ansspositioning_method_types.set_based,
            ms_assisted: m.g_ansspositioning_method_types.set_assisted,
        },
        signals: SignalSet(bits::reversed(&m.g_ansssignals.0)),
        rtk_osr: m.rtk.as_ref().is_some_and(|r| r.osr),
    }
}

fn version(v: &asn::PosProtocolVersion3GPP) -> ProtocolVersion {
    ProtocolVersion {
        major: v.major_version_field,
        technical: v.technical_version_field,
        editorial: v.editorial_version_field,
    }
}

fn from_version(v: ProtocolVersion) -> asn::PosProtocolVersion3GPP {
    asn::PosProtocolVersion3GPP {
        major_version_field: v.major,
        technical_version_field: v.technical,
        editorial_version_field: v.editorial,
    }
}

pub(super) fn encode(c: &SetCapabilities, v2: bool) -> asn::SETCapabilities {
    let methods: Vec<_> = c
        .ganss
        .iter()
        .take(16)
        .filter_map(|m| Some((ganss_id(m.system)?, m)))
        .map(from_ganss_method)
        .collect();
    let p = &c.protocols;
    asn::SETCapabilities {
        pos_technology: asn::PosTechnology {
            agps_setassisted: c.gps.ms_assisted,
            agps_setbased: c.gps.ms_based,
            autonomous_gps: c.gps.standalone,
            aflt: c.aflt,
            ecid: c.ecid,
            eotd: c.eotd,
            otdoa: c.otdoa,
            ver2_pos_technology_extension: (v2 && !methods.is_empty()).then_some(
                asn::Ver2PosTechnologyExtension {
                    g_anssposition_methods: Some(asn::GANSSPositionMethods(methods)),
                    additional_positioning_methods: None,
                },
            ),
        },
        pref_method: match c.preference {
            Preference::SetAssisted => asn::PrefMethod::agpsSETassistedPreferred,
            Preference::SetBased => asn::PrefMethod::agpsSETBasedPreferred,
            Preference::None => asn::PrefMethod::noPreference,
        },
        pos_protocol: asn::PosProtocol {
            tia801: p.tia801,
            rrlp: p.rrlp,
            rrc: p.rrc,
            ver2_pos_protocol_extension: v2.then(|| asn::Ver2PosProtocolExtension {
                lpp: p.lpp,
                pos_protocol_version_rrlp: p.rrlp_version.map(from_version),
                pos_protocol_version_rrc: None,
                pos_protocol_version_tia801: None,
                pos_protocol_version_lpp: p.lpp_version.map(from_version),
                lppe: p.lppe.then_some(true),
                pos_protocol_version_lppe: None,
            }),
        },
        ver2_setcapabilities_extension: c.services.filter(|_| v2).map(|s| {
            asn::Ver2SETCapabilitiesExtension {
                service_capabilities: Some(asn::ServiceCapabilities {
                    services_supported: asn::ServicesSupported {
                        periodic_trigger: s.periodic,
                        area_event_trigger: s.area,
                    },
                    reporting_capabilities: None,
                    event_trigger_capabilities: None,
                    session_capabilities: asn::SessionCapabilities {
                        max_number_total_sessions: s.sessions.0.clamp(1, 128),
                        max_number_periodic_sessions: s.sessions.1.clamp(1, 32),
                        max_number_triggered_sessions: s.sessions.2.clamp(1, 32),
                    },
                }),
                supported_bearers: None,
            }
        }),
    }
}

fn from_ganss_method((id, m): (u8, &GanssCapability)) -> asn::GANSSPositionMethod {
    asn::GANSSPositionMethod {
        ganss_id: id,
        ganss_sbasid: m.sbas.map(from_sbas),
        g_ansspositioning_method_types: asn::GANSSPositioningMethodTypes {
            set_assisted: m.modes.ms_assisted,
            set_based: m.modes.ms_based,
            autonomous: m.modes.standalone,
        },
        g_ansssignals: asn::GANSSSignals(bits::from_reversed(m.signals.0, 8)),
        rtk: m.rtk_osr.then_some(asn::RTK { osr: true }),
    }
}

pub(super) fn from_sbas(region: crate::wire::assist::SbasRegion) -> BitString {
    bits::bits(u64::from(region.code()), 3)
}

pub(super) fn networks(n: &asn::SupportedNetworkInformation) -> NetworkSupport {
    NetworkSupport {
        wlan: n.wlan,
        gsm: n.gsm,
        wcdma: n.wcdma,
        cdma: n.cdma,
        hrpd: n.hrdp,
        umb: n.umb,
        lte: n.lte,
        wimax: n.wimax,
        nr: n.nr,
        historic: n.historic,
        non_serving: n.non_serving,
        utran_gps_time: n.u_trangpsreference_time,
        utran_ganss_time: n.u_tranganssreference_time,
    }
}

pub(super) fn from_networks(n: NetworkSupport) -> asn::SupportedNetworkInformation {
    asn::SupportedNetworkInformation {
        wlan: n.wlan,
        supported_wlaninfo: None,
        supported_wlanaps_list: None,
        gsm: n.gsm,
        wcdma: n.wcdma,
        supported_wcdmainfo: None,
        cdma: n.cdma,
        hrdp: n.hrpd,
        umb: n.umb,
        lte: n.lte,
        wimax: n.wimax,
        historic: n.historic,
        non_serving: n.non_serving,
        u_trangpsreference_time: n.utran_gps_time,
        u_tranganssreference_time: n.utran_ganss_time,
        nr: n.nr,
    }
}

pub(super) fn gnss(g: &asn::GNSSPosTechnology) -> GnssSupport {
    GnssSupport {
        gps: g.gps,
        galileo: g.galileo,
        sbas: g.sbas,
        modernised_gps: g.modernized_gps,
        qzss: g.qzss,
        glonass: g.glonass,
        bds: g.bds,
        rtk_osr: g.rtk_osr,
    }
}

pub(super) fn from_gnss(g: GnssSupport) -> asn::GNSSPosTechnology {
    asn::GNSSPosTechnology {
        gps: g.gps,
        galileo: g.galileo,
        sbas: g.sbas,
        modernized_gps: g.modernised_gps,
        qzss: g.qzss,
        glonass: g.glonass,
        bds: g.bds,
        rtk_osr: g.rtk_osr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ULP counts from Galileo where RRLP leaves Galileo out: the numbers are one higher than those of RRLP's table A.40, and
    /// the same as in the GANSS elements of BSSMAP (TS 48.008).
    #[test]
    fn systems_have_their_numbers() {
        let known =
            [(0, Gnss::Galileo), (1, Gnss::Sbas), (3, Gnss::Qzss), (4, Gnss::Glonass), (5, Gnss::BeiDou)];
        for (id, gnss) in known {
            assert_eq!(ganss_system(id), GanssSystem::Known(gnss));
            assert_eq!(ganss_id(GanssSystem::Known(gnss)), Some(id));
        }
        assert_eq!(ganss_system(2), GanssSystem::ModernisedGps);
        for id in 6..16 {
            assert_eq!(ganss_id(ganss_system(id)), Some(id));
        }
        assert_eq!(ganss_id(GanssSystem::Known(Gnss::Gps)), None);
        assert_eq!(ganss_id(GanssSystem::Known(Gnss::NavIc)), None);
    }
}
