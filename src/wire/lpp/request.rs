//! `RequestAssistanceData`.

use std::time::Duration;

use groma_asn1::lpp as asn;

use super::{AssistanceDataRequest, common, ids};
use crate::base::broadcast::{Gnss, KlobucharArea, SatId};
use crate::wire::assist::{
    AssistanceRequest, GnssRequest, HeldNavigation, IonosphereRequest, ModelChoice, NavigationRequest,
    OtherRequests, PeriodicDelivery, PeriodicKind, PeriodicRequest, ReferenceTimeRequest,
};
use crate::wire::bits;

pub(super) fn decode(r: &asn::RequestAssistanceDataR9IEs) -> AssistanceDataRequest {
    let c = r.common_ies_request_assistance_data.as_ref();
    let session = c
        .and_then(|c| c.ext2.as_ref())
        .and_then(|e| e.periodic_assistance_data_req_r15.as_ref())
        .map(|p| common::periodic(&p.periodic_session_id_r15));
    let mut request = AssistanceRequest::default();
    request.other.unknown = r.otdoa_request_assistance_data.is_some()
        || r.epdu_request_assistance_data.is_some()
        || r.ext1.is_some()
        || r.ext2.is_some()
        || r.ext3.is_some();
    if let Some(g) = &r.a_gnss_request_assistance_data {
        if let Some(c) = &g.gnss_common_assist_data_req {
            decode_common(c, &mut request);
        }
        for e in g.gnss_generic_assist_data_req.iter().flat_map(|l| &l.0) {
            generic(e, &mut request);
        }
        request.periodic = g
            .ext1
            .as_ref()
            .and_then(|e| e.gnss_periodic_assist_data_req_r15.as_ref())
            .map(|p| PeriodicRequest { session, deliveries: deliveries(p) });
    }
    if request.periodic.is_none() && session.is_some() {
        request.periodic = Some(PeriodicRequest { session, deliveries: Vec::new() });
    }
    AssistanceDataRequest {
        request,
        more: c.and_then(|c| c.ext1.as_ref()).and_then(|e| e.segmentation_info_r14).map(common::more),
    }
}

fn decode_common(c: &asn::GNSSCommonAssistDataReq, out: &mut AssistanceRequest) {
    out.reference_time = c.gnss_reference_time_req.as_ref().map(|r| ReferenceTimeRequest {
        systems: r.gnss_time_req_pref_list.iter().filter_map(ids::gnss).collect(),
        tow_assist: r.gps_tow_assist_req == Some(true),
        leap_second: r.not_of_leap_sec_req == Some(true),
    });
    out.reference_location = c.gnss_reference_location_req.is_some();
    out.ionosphere = c.gnss_ionospheric_model_req.as_ref().map(|i| IonosphereRequest {
        klobuchar: i.klobuchar_model_req.iter().map(|b| common::klobuchar_area(bits::number(b))).collect(),
        nequick: i.ne_quick_model_req.is_some(),
        bdgim: i.ext1.as_ref().is_some_and(|e| e.klobuchar_model2_req_r16.is_some()),
    });
    out.earth_orientation = c.gnss_earth_orientation_parameters_req.is_some();
    out.other.rtk |= c.ext1.is_some();
    out.other.ssr |= c.ext2.is_some() || c.ext4.is_some();
    out.other.integrity_service |= c.ext3.is_some();
}

fn generic(g: &asn::GNSSGenericAssistDataReqElement, out: &mut AssistanceRequest) {
    let Some(gnss) = ids::gnss(&g.gnss_id) else {
        out.other.unknown = true;
        return;
    };
    other(g, &mut out.other);
    out.systems.push(GnssRequest {
        gnss,
        sbas: g.sbas_id.as_ref().map(ids::sbas),
        time_models: g
            .gnss_time_models_req
            .iter()
            .flat_map(|l| &l.0)
            .filter_map(|t| ids::time_system(t.gnss_to_ids_req))
            .collect(),
        navigation: g.gnss_navigation_model_req.as_ref().map(|n| navigation(gnss, n)),
        integrity: g.gnss_real_time_integrity_req.is_some(),
        acquisition: g.gnss_acquisition_assistance_req.as_ref().map(|a| ids::signal(&a.gnss_signal_id_req)),
        almanac: g.gnss_almanac_req.as_ref().map(|a| ModelChoice { id: a.model_id }),
        utc: g.gnss_utcmodel_req.as_ref().map(|u| ModelChoice { id: u.model_id }),
        auxiliary: g.gnss_auxiliary_information_req.is_some(),
    });
}

fn other(g: &asn::GNSSGenericAssistDataReqElement, out: &mut OtherRequests) {
    out.differential |= g.gnss_differential_corrections_req.is_some() || g.ext1.is_some();
    out.data_bits |= g.gnss_data_bit_assistance_req.is_some();
    if let Some(e) = &g.ext2 {
        out.rtk |= e.gnss_rtk_observations_req_r15.is_some()
            || e.glo_rtk_bias_information_req_r15.is_some()
            || e.gnss_rtk_mac_correction_differences_req_r15.is_some()
            || e.gnss_rtk_residuals_req_r15.is_some()
            || e.gnss_rtk_fkp_gradients_req_r15.is_some();
        out.ssr |= e.gnss_ssr_orbit_corrections_req_r15.is_some()
            || e.gnss_ssr_clock_corrections_req_r15.is_some()
            || e.gnss_ssr_code_bias_req_r15.is_some();
    }
    if let Some(e) = &g.ext3 {
        out.ssr |= e.gnss_ssr_ura_req_r16.is_some()
            || e.gnss_ssr_phase_bias_req_r16.is_some()
            || e.gnss_ssr_stec_correction_req_r16.is_some()
            || e.gnss_ssr_gridded_correction_req_r16.is_some();
        out.differential |=
            e.navic_differential_corrections_req_r16.is_some() || e.navic_grid_model_req_r16.is_some();
    }
    out.ssr |= g.ext4.is_some();
    out.integrity_service |= g.ext5.is_some();
}

fn navigation(gnss: Gnss, n: &asn::GNSSNavigationModelReq) -> NavigationRequest {
    match n {
        asn::GNSSNavigationModelReq::storedNavList(s) => {
            NavigationRequest { held: Some(held(gnss, s)), ..NavigationRequest::default() }
        }
        asn::GNSSNavigationModelReq::reqNavList(r) => {
            let wanted = r.sv_req_list.iter().enumerate().filter(|(_, b)| **b).map(|(i, _)| i as u8);
            let all = r.sv_req_list.iter().take(64).all(|b| *b);
            NavigationRequest {
                held: None,
                satellites: (!all).then(|| wanted.filter_map(|i| SatId::from_sv_id(gnss, i)).collect()),
                clock_models: r.clock_model_id_pref_list.iter().flat_map(|l| &l.0).map(|m| m.0).collect(),
                orbit_models: r.orbit_model_id_pref_list.iter().flat_map(|l| &l.0).map(|m| m.0).collect(),
                additional: r.add_navparam_req == Some(true),
            }
        }
        asn::GNSSNavigationModelReq::unknown_ext(_) => NavigationRequest::default(),
    }
}

/// Seconds of one unit of `t-toeLimit`.
const fn limit_unit(gnss: Gnss) -> u32 {
    if matches!(gnss, Gnss::Glonass) { 1800 } else { 3600 }
}

fn held(gnss: Gnss, s: &asn::StoredNavListInfo) -> HeldNavigation {
    HeldNavigation {
        week_or_day: s.gnss_week_or_day,
        toe: s.gnss_toe,
        toe_limit: Duration::from_secs(u64::from(s.t_toe_limit) * u64::from(limit_unit(gnss))),
        satellites: s
            .sat_list_related_data_list
            .iter()
            .flat_map(|l| &l.0)
            .filter_map(|e| Some((ids::sat(gnss, &e.sv_id)?, bits::number(&e.iod) as u16)))
            .collect(),
    }
}

fn deliveries(p: &asn::GNSSPeriodicAssistDataReqR15) -> Vec<PeriodicDelivery> {
    use PeriodicKind as Kind;
    let (e1, e2, e3, e4) = (p.ext1.as_ref(), p.ext2.as_ref(), p.ext3.as_ref(), p.ext4.as_ref());
    [
        (Kind::RtkObservations, p.gnss_rtk_periodic_observations_req_r15.as_ref()),
        (Kind::GlonassBias, p.glo_rtk_periodic_bias_information_req_r15.as_ref()),
        (Kind::RtkMacDifferences, p.gnss_rtk_mac_periodic_correction_differences_req_r15.as_ref()),
        (Kind::RtkResiduals, p.gnss_rtk_periodic_residuals_req_r15.as_ref()),
        (Kind::RtkFkpGradients, p.gnss_rtk_fkp_periodic_gradients_req_r15.as_ref()),
        (Kind::SsrOrbit, p.gnss_ssr_periodic_orbit_corrections_req_r15.as_ref()),
        (Kind::SsrClock, p.gnss_ssr_periodic_clock_corrections_req_r15.as_ref()),
        (Kind::SsrCodeBias, p.gnss_ssr_periodic_code_bias_req_r15.as_ref()),
        (Kind::SsrUra, e1.and_then(|e| e.gnss_ssr_periodic_ura_req_r16.as_ref())),
        (Kind::SsrPhaseBias, e1.and_then(|e| e.gnss_ssr_periodic_phase_bias_req_r16.as_ref())),
        (Kind::SsrStec, e1.and_then(|e| e.gnss_ssr_periodic_stec_correction_req_r16.as_ref())),
        (Kind::SsrGridded, e1.and_then(|e| e.gnss_ssr_periodic_gridded_correction_req_r16.as_ref())),
        (Kind::IntegrityAlert, e2.and_then(|e| e.gnss_integrity_periodic_service_alert_req_r17.as_ref())),
        (Kind::SsrOrbitSet2, e3.and_then(|e| e.gnss_ssr_periodic_orbit_corrections_set2_req_r17.as_ref())),
        (Kind::SsrClockSet2, e3.and_then(|e| e.gnss_ssr_periodic_clock_corrections_set2_req_r17.as_ref())),
        (Kind::SsrUraSet2, e3.and_then(|e| e.gnss_ssr_periodic_ura_set2_req_r17.as_ref())),
        (Kind::SsrIodUpdate, e4.and_then(|e| e.gnss_ssr_periodic_iod_update_req_r18.as_ref())),
    ]
    .into_iter()
    .filter_map(|(kind, param)| {
        param.map(|p| PeriodicDelivery {
            kind,
            amount: p.delivery_amount_r15,
            interval: Duration::from_secs(u64::from(p.delivery_interval_r15)),
        })
    })
    .collect()
}

/// Requests for what this server does not deliver ([`OtherRequests`]) are not written, except periodic ones.
pub(super) fn encode(r: &AssistanceDataRequest) -> asn::RequestAssistanceDataR9IEs {
    let q = &r.request;
    let session = q.periodic.as_ref().and_then(|p| p.session);
    let common = asn::CommonIEsRequestAssistanceData {
        primary_cell_id: None,
        ext1: r.more.map(|m| asn::CommonIEsRequestAssistanceDataExt1 {
            segmentation_info_r14: Some(common::from_more(m)),
        }),
        ext2: session.map(|s| asn::CommonIEsRequestAssistanceDataExt2 {
            periodic_assistance_data_req_r15: Some(common::from_periodic(s)),
            primary_cell_id_r15: None,
        }),
    };
    let systems: Vec<_> = q.systems.iter().take(16).map(from_generic).collect();
    asn::RequestAssistanceDataR9IEs {
        common_ies_request_assistance_data: (common.ext1.is_some() || common.ext2.is_some())
            .then_some(common),
        a_gnss_request_assistance_data: Some(asn::AGNSSRequestAssistanceData {
            gnss_common_assist_data_req: from_common(q),
            gnss_generic_assist_data_req: (!systems.is_empty())
                .then_some(asn::GNSSGenericAssistDataReq(systems)),
            ext1: q.periodic.as_ref().map(|p| asn::AGNSSRequestAssistanceDataExt1 {
                gnss_periodic_assist_data_req_r15: Some(from_deliveries(&p.deliveries)),
            }),
        }),
        otdoa_request_assistance_data: None,
        epdu_request_assistance_data: None,
        ext1: None,
        ext2: None,
        ext3: None,
    }
}

fn from_common(q: &AssistanceRequest) -> Option<asn::GNSSCommonAssistDataReq> {
    let out = asn::GNSSCommonAssistDataReq {
        gnss_reference_time_req: q.reference_time.as_ref().map(|t| {
            let list = if t.systems.is_empty() { &[Gnss::Gps][..] } else { &t.systems };
            asn::GNSSReferenceTimeReq {
                gnss_time_req_pref_list: list.iter().take(8).map(|g| ids::from_gnss(*g)).collect(),
                gps_tow_assist_req: t.tow_assist.then_some(true),
                not_of_leap_sec_req: t.leap_second.then_some(true),
            }
        }),
        gnss_reference_location_req: q.reference_location.then_some(asn::GNSSReferenceLocationReq {}),
        gnss_ionospheric_model_req: q.ionosphere.as_ref().map(|i| asn::GNSSIonosphericModelReq {
            klobuchar_model_req: i
                .klobuchar
                .first()
                .map(|a: &KlobucharArea| bits::bits(common::klobuchar_id(*a), 2)),
            ne_quick_model_req: i.nequick.then_some(()),
            ext1: i.bdgim.then_some(asn::GNSSIonosphericModelReqExt1 { klobuchar_model2_req_r16: Some(()) }),
        }),
        gnss_earth_orientation_parameters_req: q
            .earth_orientation
            .then_some(asn::GNSSEarthOrientationParametersReq {}),
        ..asn::GNSSCommonAssistDataReq::default()
    };
    (out != asn::GNSSCommonAssistDataReq::default()).then_some(out)
}

fn from_generic(g: &GnssRequest) -> asn::GNSSGenericAssistDataReqElement {
    let times: Vec<_> = g
        .time_models
        .iter()
        .filter_map(|t| ids::time_id(*t))
        .map(|id| asn::GNSSTimeModelElementReq { gnss_to_ids_req: id, delta_treq: false })
        .collect();
    asn::GNSSGenericAssistDataReqElement {
        gnss_id: ids::from_gnss(g.gnss),
        sbas_id: g.sbas.and_then(ids::from_sbas),
        gnss_time_models_req: (!times.is_empty()).then_some(asn::GNSSTimeModelListReq(times)),
        gnss_differential_corrections_req: None,
        gnss_navigation_model_req: g.navigation.as_ref().map(|n| from_navigation(g.gnss, n)),
        gnss_real_time_integrity_req: g.integrity.then_some(asn::GNSSRealTimeIntegrityReq {}),
        gnss_data_bit_assistance_req: None,
        gnss_acquisition_assistance_req: g
            .acquisition
            .map(|s| asn::GNSSAcquisitionAssistanceReq { gnss_signal_id_req: ids::from_signal(s) }),
        gnss_almanac_req: g.almanac.map(|m| asn::GNSSAlmanacReq { model_id: m.id }),
        gnss_utcmodel_req: g.utc.map(|m| asn::GNSSUTCModelReq { model_id: m.id }),
        gnss_auxiliary_information_req: g.auxiliary.then_some(asn::GNSSAuxiliaryInformationReq {}),
        ext1: None,
        ext2: None,
        ext3: None,
        ext4: None,
        ext5: None,
    }
}

fn from_navigation(gnss: Gnss, n: &NavigationRequest) -> asn::GNSSNavigationModelReq {
    if let Some(h) = &n.held {
        let list: Vec<_> = h
            .satellites
            .iter()
            .filter_map(|(s, iod)| {
                Some(asn::SatListRelatedDataElement {
                    sv_id: ids::from_sat(*s)?,
                    iod: bits::bits(u64::from(*iod), 11),
                    clock_model_id: None,
                    orbit_model_id: None,
                })
            })
            .take(64)
            .collect();
        return asn::GNSSNavigationModelReq::storedNavList(asn::StoredNavListInfo {
            gnss_week_or_day: h.week_or_day & 0xfff,
            gnss_toe: h.toe,
            t_toe_limit: (h.toe_limit.as_secs() / u64::from(limit_unit(gnss))).min(15) as u8,
            sat_list_related_data_list: (!list.is_empty()).then_some(asn::SatListRelatedDataList(list)),
        });
    }
    let wanted = |id: u8| n.satellites.as_ref().is_none_or(|l| l.iter().any(|s| s.sv_id() == Some(id)));
    let clock: Vec<_> =
        n.clock_models.iter().take(8).map(|m| asn::AnonymousReqNavListInfoClockModelIDPrefList(*m)).collect();
    let orbit: Vec<_> =
        n.orbit_models.iter().take(8).map(|m| asn::AnonymousReqNavListInfoOrbitModelIDPrefList(*m)).collect();
    asn::GNSSNavigationModelReq::reqNavList(asn::ReqNavListInfo {
        sv_req_list: (0..64).map(wanted).collect(),
        clock_model_id_pref_list: (!clock.is_empty())
            .then_some(asn::ReqNavListInfoClockModelIDPrefList(clock)),
        orbit_model_id_pref_list: (!orbit.is_empty())
            .then_some(asn::ReqNavListInfoOrbitModelIDPrefList(orbit)),
        add_navparam_req: n.additional.then_some(true),
    })
}

fn from_deliveries(list: &[PeriodicDelivery]) -> asn::GNSSPeriodicAssistDataReqR15 {
    use PeriodicKind as Kind;
    let param = |kind| {
        list.iter().find(|d| d.kind == kind).map(|d| asn::GNSSPeriodicControlParamR15 {
            delivery_amount_r15: d.amount.clamp(1, 32),
            delivery_interval_r15: d.interval.as_secs().clamp(1, 64) as u8,
        })
    };
    let any = |kinds: &[Kind]| list.iter().any(|d| kinds.contains(&d.kind));
    asn::GNSSPeriodicAssistDataReqR15 {
        gnss_rtk_periodic_observations_req_r15: param(Kind::RtkObservations),
        glo_rtk_periodic_bias_information_req_r15: param(Kind::GlonassBias),
        gnss_rtk_mac_periodic_correction_differences_req_r15: param(Kind::RtkMacDifferences),
        gnss_rtk_periodic_residuals_req_r15: param(Kind::RtkResiduals),
        gnss_rtk_fkp_periodic_gradients_req_r15: param(Kind::RtkFkpGradients),
        gnss_ssr_periodic_orbit_corrections_req_r15: param(Kind::SsrOrbit),
        gnss_ssr_periodic_clock_corrections_req_r15: param(Kind::SsrClock),
        gnss_ssr_periodic_code_bias_req_r15: param(Kind::SsrCodeBias),
        ext1: any(&[Kind::SsrUra, Kind::SsrPhaseBias, Kind::SsrStec, Kind::SsrGridded]).then(|| {
            asn::GNSSPeriodicAssistDataReqR15Ext1 {
                gnss_ssr_periodic_ura_req_r16: param(Kind::SsrUra),
                gnss_ssr_periodic_phase_bias_req_r16: param(Kind::SsrPhaseBias),
                gnss_ssr_periodic_stec_correction_req_r16: param(Kind::SsrStec),
                gnss_ssr_periodic_gridded_correction_req_r16: param(Kind::SsrGridded),
            }
        }),
        ext2: any(&[Kind::IntegrityAlert]).then(|| asn::GNSSPeriodicAssistDataReqR15Ext2 {
            gnss_integrity_periodic_service_alert_req_r17: param(Kind::IntegrityAlert),
        }),
        ext3: any(&[Kind::SsrOrbitSet2, Kind::SsrClockSet2, Kind::SsrUraSet2]).then(|| {
            asn::GNSSPeriodicAssistDataReqR15Ext3 {
                gnss_ssr_periodic_orbit_corrections_set2_req_r17: param(Kind::SsrOrbitSet2),
                gnss_ssr_periodic_clock_corrections_set2_req_r17: param(Kind::SsrClockSet2),
                gnss_ssr_periodic_ura_set2_req_r17: param(Kind::SsrUraSet2),
            }
        }),
        ext4: any(&[Kind::SsrIodUpdate]).then(|| asn::GNSSPeriodicAssistDataReqR15Ext4 {
            gnss_ssr_periodic_iod_update_req_r18: param(Kind::SsrIodUpdate),
        }),
    }
}
