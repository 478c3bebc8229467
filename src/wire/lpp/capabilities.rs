//! `RequestCapabilities` and `ProvideCapabilities`.

use groma_asn1::lpp as asn;
use groma_asn1::types::BitStr;

use super::{
    AssistanceSupport, Capabilities, CapabilitiesRequest, EcidKinds, GnssAssistanceSupport,
    GnssCapabilitiesRequest, GnssCapability, IonosphereSupport, OtherMethods, PeriodicSupport, Segmentation,
    common, ids,
};
use crate::wire::bits;

pub(super) fn decode_request(r: &asn::RequestCapabilitiesR9IEs) -> CapabilitiesRequest {
    let c = r.common_ies_request_capabilities.as_ref();
    CapabilitiesRequest {
        gnss: r.a_gnss_request_capabilities.as_ref().map(|g| GnssCapabilitiesRequest {
            systems: g.gnss_support_list_req,
            assistance: g.assistance_data_support_list_req,
            location_types: g.location_velocity_types_req,
        }),
        otdoa: r.otdoa_request_capabilities.is_some(),
        ecid: r.ecid_request_capabilities.is_some(),
        segmentation: c
            .and_then(|c| c.ext1.as_ref())
            .and_then(|e| e.lpp_message_segmentation_req_r14.as_ref())
            .map(|s| segmentation(&s.0)),
    }
}

pub(super) fn encode_request(r: CapabilitiesRequest) -> asn::RequestCapabilitiesR9IEs {
    asn::RequestCapabilitiesR9IEs {
        common_ies_request_capabilities: r.segmentation.map(|s| asn::CommonIEsRequestCapabilities {
            ext1: Some(asn::CommonIEsRequestCapabilitiesExt1 {
                lpp_message_segmentation_req_r14: Some(
                    asn::CommonIEsRequestCapabilitiesLppMessageSegmentationReqR14(bits::flags(&[
                        s.server_to_target,
                        s.target_to_server,
                    ])),
                ),
            }),
            ext2: None,
        }),
        a_gnss_request_capabilities: r.gnss.map(|g| asn::AGNSSRequestCapabilities {
            gnss_support_list_req: g.systems,
            assistance_data_support_list_req: g.assistance,
            location_velocity_types_req: g.location_types,
        }),
        otdoa_request_capabilities: r.otdoa.then_some(asn::OTDOARequestCapabilities {}),
        ecid_request_capabilities: r.ecid.then_some(asn::ECIDRequestCapabilities {}),
        epdu_request_capabilities: None,
        ext1: None,
        ext2: None,
    }
}

fn segmentation(b: &BitStr) -> Segmentation {
    Segmentation { server_to_target: bits::flag(b, 0), target_to_server: bits::flag(b, 1) }
}

pub(super) fn decode(p: &asn::ProvideCapabilitiesR9IEs) -> Capabilities {
    let c = p.common_ies_provide_capabilities.as_ref().and_then(|c| c.ext1.as_ref());
    let g = p.a_gnss_provide_capabilities.as_ref();
    let e = p.ext1.as_ref();
    Capabilities {
        gnss: g
            .and_then(|g| g.gnss_support_list.as_ref())
            .map_or_else(Vec::new, |l| l.0.iter().filter_map(system).collect()),
        assistance: g.and_then(|g| g.assistance_data_support_list.as_ref()).map(assistance),
        location_types: g.and_then(|g| g.location_coordinate_types.as_ref()).map(common::location_types),
        velocity_types: g.and_then(|g| g.velocity_types.as_ref()).map(common::velocity_types),
        periodic_assistance: g
            .and_then(|g| g.ext2.as_ref())
            .and_then(|e| e.periodic_assistance_data_r15.as_ref())
            .map(|b| PeriodicSupport { solicited: bits::flag(&b.0, 0), unsolicited: bits::flag(&b.0, 1) }),
        ecid: p.ecid_provide_capabilities.as_ref().map(|e| ecid(&e.ecid_meas_supported.0)),
        other: OtherMethods {
            otdoa: p.otdoa_provide_capabilities.is_some(),
            sensor: e.is_some_and(|e| e.sensor_provide_capabilities_r13.is_some()),
            tbs: e.is_some_and(|e| e.tbs_provide_capabilities_r13.is_some()),
            wlan: e.is_some_and(|e| e.wlan_provide_capabilities_r13.is_some()),
            bluetooth: e.is_some_and(|e| e.bt_provide_capabilities_r13.is_some()),
            nr: p.ext2.is_some(),
            external: p.epdu_provide_capabilities.is_some(),
        },
        segmentation: c.and_then(|c| c.lpp_message_segmentation_r14.as_ref()).map(|s| segmentation(&s.0)),
        more: c.and_then(|c| c.segmentation_info_r14).map(common::more),
    }
}

fn system(s: &asn::GNSSSupportElement) -> Option<GnssCapability> {
    Some(GnssCapability {
        gnss: ids::gnss(&s.gnss_id)?,
        sbas: s.sbas_ids.as_ref().map(|b| bits::reversed(&b.sbas_ids.0) as u8),
        modes: ids::modes(&s.agnss_modes),
        signals: ids::signals(&s.gnss_signals),
        fine_time: s.fta_meas_support.is_some(),
        adr: s.adr_support,
        velocity: s.velocity_measurement_support,
        high_accuracy: s.ext1.as_ref().and_then(|e| e.ha_gnss_modes_r15.as_ref()).map(ids::modes),
    })
}

fn assistance(a: &asn::AssistanceDataSupportList) -> AssistanceSupport {
    let c = &a.gnss_common_assistance_data_support;
    AssistanceSupport {
        reference_time: c.gnss_reference_time_support.as_ref().map(|t| ids::bitmap(&t.gnss_system_time)),
        reference_location: c.gnss_reference_location_support.is_some(),
        ionosphere: c.gnss_ionospheric_model_support.as_ref().map(|i| IonosphereSupport {
            klobuchar: bits::flag(&i.iono_model.0, 0),
            nequick: bits::flag(&i.iono_model.0, 1),
            bdgim: bits::flag(&i.iono_model.0, 2),
        }),
        earth_orientation: c.gnss_earth_orientation_parameters_support.is_some(),
        rtk_station: c.ext1.is_some(),
        systems: a.gnss_generic_assistance_data_support.0.iter().filter_map(generic).collect(),
    }
}

fn generic(g: &asn::GNSSGenericAssistDataSupportElement) -> Option<GnssAssistanceSupport> {
    let models = |b: &BitStr| bits::reversed(b) as u8;
    Some(GnssAssistanceSupport {
        gnss: ids::gnss(&g.gnss_id)?,
        sbas: g.sbas_id.as_ref().map(ids::sbas),
        time_models: g.gnss_time_models_support.is_some(),
        navigation: g.gnss_navigation_model_support.as_ref().map(|n| {
            let clock = n.clock_model.as_ref().map_or(0, |b| models(&b.0));
            (clock, n.orbit_model.as_ref().map_or(0, |b| models(&b.0)))
        }),
        integrity: g.gnss_real_time_integrity_support.is_some(),
        acquisition: g.gnss_acquisition_assistance_support.is_some(),
        almanac: g
            .gnss_almanac_support
            .as_ref()
            .map(|a| a.almanac_model.as_ref().map_or(0, |b| models(&b.0))),
        utc: g.gnss_utc_model_support.as_ref().map(|u| u.utc_model.as_ref().map_or(0, |b| models(&b.0))),
        auxiliary: g.gnss_auxiliary_information_support.is_some(),
        differential: g.gnss_differential_corrections_support.is_some() || g.ext1.is_some(),
        data_bits: g.gnss_data_bit_assistance_support.is_some(),
        rtk: g.ext2.as_ref().is_some_and(|e| {
            e.gnss_rtk_observations_support_r15.is_some()
                || e.glo_rtk_bias_information_support_r15.is_some()
                || e.gnss_rtk_mac_correction_differences_support_r15.is_some()
                || e.gnss_rtk_residuals_support_r15.is_some()
                || e.gnss_rtk_fkp_gradients_support_r15.is_some()
        }),
        ssr: g.ext4.is_some()
            || g.ext3.as_ref().is_some_and(|e| {
                e.gnss_ssr_ura_support_r16.is_some()
                    || e.gnss_ssr_phase_bias_support_r16.is_some()
                    || e.gnss_ssr_stec_correction_support_r16.is_some()
                    || e.gnss_ssr_gridded_correction_support_r16.is_some()
            })
            || g.ext2.as_ref().is_some_and(|e| {
                e.gnss_ssr_orbit_corrections_support_r15.is_some()
                    || e.gnss_ssr_clock_corrections_support_r15.is_some()
                    || e.gnss_ssr_code_bias_support_r15.is_some()
            }),
    })
}

pub(super) fn ecid(b: &BitStr) -> EcidKinds {
    EcidKinds {
        rsrp: bits::flag(b, 0),
        rsrq: bits::flag(b, 1),
        rx_tx: bits::flag(b, 2),
        nrsrp: bits::flag(b, 3),
        nrsrq: bits::flag(b, 4),
    }
}

pub(super) const fn ecid_flags(k: EcidKinds) -> [bool; 5] {
    [k.rsrp, k.rsrq, k.rx_tx, k.nrsrp, k.nrsrq]
}

/// RTK, SSR, differential corrections, fine time and other methods than GNSS and enhanced cell id are not written: nothing
/// here that speaks as a SET has them.
pub(super) fn encode(c: &Capabilities) -> asn::ProvideCapabilitiesR9IEs {
    let common = asn::CommonIEsProvideCapabilitiesExt1 {
        segmentation_info_r14: c.more.map(common::from_more),
        lpp_message_segmentation_r14: c.segmentation.map(|s| {
            asn::CommonIEsProvideCapabilitiesLppMessageSegmentationR14(bits::flags(&[
                s.server_to_target,
                s.target_to_server,
            ]))
        }),
    };
    let systems: Vec<_> = c.gnss.iter().take(16).map(from_system).collect();
    let gnss = asn::AGNSSProvideCapabilities {
        gnss_support_list: (!systems.is_empty()).then_some(asn::GNSSSupportList(systems)),
        assistance_data_support_list: c.assistance.as_ref().and_then(from_assistance),
        location_coordinate_types: c.location_types.map(common::from_location_types),
        velocity_types: c.velocity_types.map(common::from_velocity_types),
        ext1: None,
        ext2: c.periodic_assistance.map(|p| asn::AGNSSProvideCapabilitiesExt2 {
            periodic_assistance_data_r15: Some(asn::AGNSSProvideCapabilitiesPeriodicAssistanceDataR15(
                bits::flags(&[p.solicited, p.unsolicited]),
            )),
        }),
        ext3: None,
        ext4: None,
    };
    asn::ProvideCapabilitiesR9IEs {
        common_ies_provide_capabilities: (common.segmentation_info_r14.is_some()
            || common.lpp_message_segmentation_r14.is_some())
        .then_some(asn::CommonIEsProvideCapabilities { ext1: Some(common), ext2: None }),
        a_gnss_provide_capabilities: (gnss != asn::AGNSSProvideCapabilities::default()).then_some(gnss),
        otdoa_provide_capabilities: None,
        ecid_provide_capabilities: c.ecid.map(|k| asn::ECIDProvideCapabilities {
            ecid_meas_supported: asn::ECIDProvideCapabilitiesEcidMeasSupported(bits::flags(&ecid_flags(k))),
            ext1: None,
            ext2: None,
            ext3: None,
            ext4: None,
        }),
        epdu_provide_capabilities: None,
        ext1: None,
        ext2: None,
    }
}

fn from_system(s: &GnssCapability) -> asn::GNSSSupportElement {
    asn::GNSSSupportElement {
        gnss_id: ids::from_gnss(s.gnss),
        sbas_ids: s
            .sbas
            .map(|b| asn::SBASIDs { sbas_ids: asn::SBASIDsSbasIDs(bits::from_reversed(u32::from(b), 8)) }),
        agnss_modes: ids::from_modes(s.modes),
        gnss_signals: ids::from_signals(s.signals),
        fta_meas_support: None,
        adr_support: s.adr,
        velocity_measurement_support: s.velocity,
        ext1: s.high_accuracy.map(|m| asn::GNSSSupportElementExt1 {
            adr_enhancements_support_r15: None,
            ha_gnss_modes_r15: Some(ids::from_modes(m)),
        }),
        ext2: None,
    }
}

/// `None` without any system, since the list of systems must not be empty.
fn from_assistance(a: &AssistanceSupport) -> Option<asn::AssistanceDataSupportList> {
    let systems: Vec<_> = a.systems.iter().take(16).map(from_generic).collect();
    (!systems.is_empty()).then(|| asn::AssistanceDataSupportList {
        gnss_common_assistance_data_support: asn::GNSSCommonAssistanceDataSupport {
            gnss_reference_time_support: a.reference_time.as_ref().map(|t| asn::GNSSReferenceTimeSupport {
                gnss_system_time: ids::from_bitmap(t),
                fta_support: None,
            }),
            gnss_reference_location_support: a
                .reference_location
                .then_some(asn::GNSSReferenceLocationSupport {}),
            gnss_ionospheric_model_support: a.ionosphere.map(|i| asn::GNSSIonosphericModelSupport {
                iono_model: asn::GNSSIonosphericModelSupportIonoModel(bits::flags(&[
                    i.klobuchar,
                    i.nequick,
                    i.bdgim,
                ])),
            }),
            gnss_earth_orientation_parameters_support: a
                .earth_orientation
                .then_some(asn::GNSSEarthOrientationParametersSupport {}),
            ext1: None,
            ext2: None,
            ext3: None,
        },
        gnss_generic_assistance_data_support: asn::GNSSGenericAssistanceDataSupport(systems),
    })
}

fn from_generic(g: &GnssAssistanceSupport) -> asn::GNSSGenericAssistDataSupportElement {
    let models = |m: u8| bits::from_reversed(u32::from(m), 8);
    asn::GNSSGenericAssistDataSupportElement {
        gnss_id: ids::from_gnss(g.gnss),
        sbas_id: g.sbas.and_then(ids::from_sbas),
        gnss_time_models_support: g.time_models.then_some(asn::GNSSTimeModelListSupport {}),
        gnss_differential_corrections_support: None,
        gnss_navigation_model_support: g.navigation.map(|(clock, orbit)| asn::GNSSNavigationModelSupport {
            clock_model: (clock != 0).then(|| asn::GNSSNavigationModelSupportClockModel(models(clock))),
            orbit_model: (orbit != 0).then(|| asn::GNSSNavigationModelSupportOrbitModel(models(orbit))),
        }),
        gnss_real_time_integrity_support: g.integrity.then_some(asn::GNSSRealTimeIntegritySupport {}),
        gnss_data_bit_assistance_support: g.data_bits.then_some(asn::GNSSDataBitAssistanceSupport {}),
        gnss_acquisition_assistance_support: g.acquisition.then_some(asn::GNSSAcquisitionAssistanceSupport {
            confidence_support_r10: None,
            doppler_uncertainty_ext_support_r10: None,
        }),
        gnss_almanac_support: g.almanac.map(|m| asn::GNSSAlmanacSupport {
            almanac_model: (m != 0).then(|| asn::GNSSAlmanacSupportAlmanacModel(models(m))),
        }),
        gnss_utc_model_support: g.utc.map(|m| asn::GNSSUTCModelSupport {
            utc_model: (m != 0).then(|| asn::GNSSUTCModelSupportUtcModel(models(m))),
        }),
        gnss_auxiliary_information_support: g.auxiliary.then_some(asn::GNSSAuxiliaryInformationSupport {}),
        ext1: None,
        ext2: None,
        ext3: None,
        ext4: None,
        ext5: None,
    }
}
