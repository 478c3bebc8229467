//! `ProvideAssistanceData`.

use groma_asn1::lpp as asn;

use super::{AssistanceDataDelivery, almanac, common, ids, navigation, shapes};
use crate::base::broadcast::{
    EarthOrientation, Ephemeris, Gnss, Klobuchar, KlobucharArea, NeQuick, SatId, TimeOffset,
};
use crate::base::time::GpsTime;
use crate::wire::assist::{
    Acquisition, Assistance, Auxiliary, BadSignal, GnssAssistance, ReferenceTime, TowAssist,
};
use crate::wire::gad::LPP_TIME_US;
use crate::wire::{acquisition, bits, times};

const NS: i64 = 1_000_000_000;

pub(super) fn encode(d: &AssistanceDataDelivery) -> asn::ProvideAssistanceDataR9IEs {
    let common = asn::CommonIEsProvideAssistanceData {
        ext1: d.more.map(|m| asn::CommonIEsProvideAssistanceDataExt1 {
            segmentation_info_r14: Some(common::from_more(m)),
        }),
        ext2: d.periodic.map(|p| asn::CommonIEsProvideAssistanceDataExt2 {
            periodic_assistance_data_r15: Some(common::from_periodic(p)),
        }),
    };
    let systems: Vec<_> = d.assistance.systems.iter().filter_map(generic).take(16).collect();
    let gnss = asn::AGNSSProvideAssistanceData {
        gnss_common_assist_data: common_data(&d.assistance),
        gnss_generic_assist_data: (!systems.is_empty()).then_some(asn::GNSSGenericAssistData(systems)),
        gnss_error: d.error.and_then(common::from_error),
        ext1: None,
    };
    asn::ProvideAssistanceDataR9IEs {
        common_ies_provide_assistance_data: (common.ext1.is_some() || common.ext2.is_some())
            .then_some(common),
        a_gnss_provide_assistance_data: Some(gnss),
        otdoa_provide_assistance_data: None,
        epdu_provide_assistance_data: None,
        ext1: None,
        ext2: None,
        ext3: None,
    }
}

fn common_data(a: &Assistance) -> Option<asn::GNSSCommonAssistData> {
    let klobuchar = a.klobuchar.first().map(|(area, k)| asn::KlobucharModelParameter {
        data_id: bits::bits(common::klobuchar_id(*area), 2),
        alfa0: k.alpha[0],
        alfa1: k.alpha[1],
        alfa2: k.alpha[2],
        alfa3: k.alpha[3],
        beta0: k.beta[0],
        beta1: k.beta[1],
        beta2: k.beta[2],
        beta3: k.beta[3],
    });
    let nequick = a.nequick.map(|n| {
        let storm = |i: usize| n.storm.and_then(|s| s.get(i).copied()).map(u8::from);
        asn::NeQuickModelParameter {
            ai0: n.ai0,
            ai1: n.ai1,
            ai2: n.ai2,
            iono_storm_flag1: storm(0),
            iono_storm_flag2: storm(1),
            iono_storm_flag3: storm(2),
            iono_storm_flag4: storm(3),
            iono_storm_flag5: storm(4),
        }
    });
    let out = asn::GNSSCommonAssistData {
        gnss_reference_time: a.reference_time.as_ref().map(reference_time),
        gnss_reference_location: a
            .reference_location
            .as_ref()
            .and_then(shapes::reference_location)
            .map(|three_dlocation| asn::GNSSReferenceLocation { three_dlocation }),
        gnss_ionospheric_model: (klobuchar.is_some() || nequick.is_some()).then_some(
            asn::GNSSIonosphericModel { klobuchar_model: klobuchar, ne_quick_model: nequick, ext1: None },
        ),
        gnss_earth_orientation_parameters: a.earth_orientation.map(|e| asn::GNSSEarthOrientationParameters {
            teop: (times::tow_s(e.t_eop) / 16) as u16,
            pm_x: e.pm_x.0,
            pm_xdot: e.pm_x.1,
            pm_y: e.pm_y.0,
            pm_ydot: e.pm_y.1,
            delta_ut1: e.d_ut1.0,
            delta_ut1dot: e.d_ut1.1,
        }),
        ..asn::GNSSCommonAssistData::default()
    };
    (out != asn::GNSSCommonAssistData::default()).then_some(out)
}

/// Day number, second of the day and millisecond of the second, in the first of the systems in which it is to be said.
pub(super) fn time_of_day(r: &ReferenceTime) -> (u16, u32, u16) {
    let (day, ns) = times::day_in(time_system(r), r.time);
    (day.clamp(0, 32_767) as u16, (ns / NS) as u32, (ns % NS / 1_000_000) as u16)
}

fn time_system(r: &ReferenceTime) -> Gnss {
    r.systems.first().copied().unwrap_or(Gnss::Gps)
}

fn reference_time(r: &ReferenceTime) -> asn::GNSSReferenceTime {
    let (day, second, ms) = time_of_day(r);
    let tow: Vec<_> = r
        .tow_assist
        .iter()
        .filter(|t| (1..=64).contains(&t.sat.number))
        .take(64)
        .map(|t| asn::GPSTOWAssistElement {
            satellite_id: t.sat.number,
            tlm_word: t.tlm,
            anti_spoof: u8::from(t.anti_spoof),
            alert: u8::from(t.alert),
            tlm_rsvd_bits: t.reserved,
        })
        .collect();
    asn::GNSSReferenceTime {
        gnss_system_time: asn::GNSSSystemTime {
            gnss_time_id: ids::from_gnss(time_system(r)),
            gnss_day_number: day,
            gnss_time_of_day: second,
            gnss_time_of_day_frac_msec: Some(ms),
            notification_of_leap_second: r.leap_notice.map(|n| bits::bits(u64::from(n), 2)),
            gps_tow_assist: (!tow.is_empty()).then_some(asn::GPSTOWAssist(tow)),
        },
        reference_time_unc: r.uncertainty_s.map(|s| LPP_TIME_US.ceil(s * 1e6)),
        gnss_reference_time_for_cells: None,
    }
}

fn generic(g: &GnssAssistance) -> Option<asn::GNSSGenericAssistDataElement> {
    let offsets: Vec<_> = g.time_offsets.iter().filter_map(time_model).take(15).collect();
    let bad: Vec<_> = g
        .integrity
        .iter()
        .flatten()
        .filter_map(|b| {
            Some(asn::BadSignalElement {
                bad_svid: ids::from_sat(b.sat)?,
                bad_signal_id: b.signals.map(ids::from_signals),
            })
        })
        .take(64)
        .collect();
    let out = asn::GNSSGenericAssistDataElement {
        gnss_id: ids::from_gnss(g.gnss),
        sbas_id: g.sbas.and_then(ids::from_sbas),
        gnss_time_models: (!offsets.is_empty()).then_some(asn::GNSSTimeModelList(offsets)),
        gnss_differential_corrections: None,
        gnss_navigation_model: navigation::encode(&g.ephemerides),
        gnss_real_time_integrity: (!bad.is_empty())
            .then_some(asn::GNSSRealTimeIntegrity { gnss_bad_signal_list: asn::GNSSBadSignalList(bad) }),
        gnss_data_bit_assistance: None,
        gnss_acquisition_assistance: g.acquisition.as_ref().and_then(from_acquisition),
        gnss_almanac: g.almanac.as_ref().and_then(|a| almanac::encode(g.gnss, a)),
        gnss_utc_model: g.utc.as_ref().and_then(|u| almanac::from_utc(g.gnss, u)),
        gnss_auxiliary_information: from_auxiliary(g.gnss, &g.auxiliary),
        ext1: None,
        ext2: None,
        ext3: None,
        ext4: None,
        ext5: None,
    };
    let some = out.gnss_time_models.is_some()
        || out.gnss_navigation_model.is_some()
        || out.gnss_real_time_integrity.is_some()
        || out.gnss_acquisition_assistance.is_some()
        || out.gnss_almanac.is_some()
        || out.gnss_utc_model.is_some()
        || out.gnss_auxiliary_information.is_some();
    some.then_some(out)
}

fn time_model(t: &TimeOffset) -> Option<asn::GNSSTimeModelElement> {
    let (week, ns) = match t.from {
        Gnss::BeiDou => t.t0.bdt(),
        _ => (t.t0.week(), t.t0.tow_ns()),
    };
    Some(asn::GNSSTimeModelElement {
        gnss_time_model_ref_time: (ns / NS / 16) as u16,
        t_a0: t.a0,
        t_a1: Some(i16::try_from(t.a1).ok()?),
        t_a2: None,
        gnss_to_id: ids::time_id(t.to)?,
        week_number: Some((week % 8192) as u16),
        delta_t: None,
    })
}

fn from_acquisition(a: &Acquisition) -> Option<asn::GNSSAcquisitionAssistance> {
    let list: Vec<_> = a
        .satellites
        .iter()
        .filter_map(|s| {
            let code = acquisition::Code::new(a.time, s);
            Some(asn::GNSSAcquisitionAssistElement {
                sv_id: ids::from_sat(s.sat)?,
                doppler0: code.doppler0,
                doppler1: code.doppler1,
                doppler_uncertainty: code.doppler_uncertainty,
                code_phase: code.phase,
                int_code_phase: code.int_phase,
                code_phase_search_window: code.window,
                azimuth: code.azimuth,
                elevation: code.elevation,
                code_phase1023: code.phase_1023.then_some(true),
                doppler_uncertainty_ext_r10: None,
            })
        })
        .take(64)
        .collect();
    (!list.is_empty()).then(|| asn::GNSSAcquisitionAssistance {
        gnss_signal_id: ids::from_signal(a.signal),
        gnss_acquisition_assist_list: asn::GNSSAcquisitionAssistList(list),
        confidence_r10: a.confidence,
    })
}

fn from_auxiliary(gnss: Gnss, list: &[Auxiliary]) -> Option<asn::GNSSAuxiliaryInformation> {
    if list.is_empty() {
        return None;
    }
    match gnss {
        Gnss::Glonass => Some(asn::GNSSAuxiliaryInformation::gnss_ID_GLONASS(asn::GNSSIDGLONASS(
            list.iter()
                .filter_map(|a| {
                    Some(asn::GNSSIDGLONASSSatElement {
                        sv_id: ids::from_sat(a.sat)?,
                        signals_available: ids::from_signals(a.signals),
                        channel_number: a.channel,
                    })
                })
                .collect(),
        ))),
        Gnss::Gps => Some(asn::GNSSAuxiliaryInformation::gnss_ID_GPS(asn::GNSSIDGPS(
            list.iter()
                .filter_map(|a| {
                    Some(asn::GNSSIDGPSSatElement {
                        sv_id: ids::from_sat(a.sat)?,
                        signals_available: ids::from_signals(a.signals),
                    })
                })
                .collect(),
        ))),
        // LPP has no auxiliary information for the others (that of BeiDou says orbit types).
        _ => None,
    }
}

pub(super) fn decode(p: &asn::ProvideAssistanceDataR9IEs, near: GpsTime) -> AssistanceDataDelivery {
    let c = p.common_ies_provide_assistance_data.as_ref();
    let mut out = AssistanceDataDelivery {
        more: c.and_then(|c| c.ext1.as_ref()).and_then(|e| e.segmentation_info_r14).map(common::more),
        periodic: c
            .and_then(|c| c.ext2.as_ref())
            .and_then(|e| e.periodic_assistance_data_r15.as_ref())
            .map(|p| common::periodic(&p.periodic_session_id_r15)),
        ..AssistanceDataDelivery::default()
    };
    let Some(a) = &p.a_gnss_provide_assistance_data else { return out };
    out.error = a.gnss_error.as_ref().map(common::error);
    let assistance = &mut out.assistance;
    if let Some(c) = &a.gnss_common_assist_data {
        decode_common(c, near, assistance);
    }
    // A reference time in the same message says better than anything else near which times are.
    let near = assistance.reference_time.as_ref().map_or(near, |r| r.time);
    assistance.systems = a
        .gnss_generic_assist_data
        .iter()
        .flat_map(|g| &g.0)
        .filter_map(|g| decode_generic(g, near))
        .collect();
    out
}

fn decode_common(c: &asn::GNSSCommonAssistData, near: GpsTime, out: &mut Assistance) {
    out.reference_time = c.gnss_reference_time.as_ref().and_then(|r| {
        let t = &r.gnss_system_time;
        let system = ids::gnss(&t.gnss_time_id)?;
        let ns = i64::from(t.gnss_time_of_day) * NS
            + i64::from(t.gnss_time_of_day_frac_msec.unwrap_or(0)) * 1_000_000;
        Some(ReferenceTime {
            time: times::from_day(system, i64::from(t.gnss_day_number), ns),
            systems: vec![system],
            uncertainty_s: r.reference_time_unc.map(|k| LPP_TIME_US.value(k) * 1e-6),
            leap_notice: t.notification_of_leap_second.as_ref().map(|b| bits::number(b) as u8),
            tow_assist: t.gps_tow_assist.iter().flat_map(|l| &l.0).map(tow_assist).collect(),
            gsm: None,
        })
    });
    let near = out.reference_time.as_ref().map_or(near, |r| r.time);
    out.reference_location =
        c.gnss_reference_location.as_ref().and_then(|l| shapes::from_ellipsoid(&l.three_dlocation));
    if let Some(i) = &c.gnss_ionospheric_model {
        out.klobuchar = i.klobuchar_model.iter().map(klobuchar).collect();
        out.nequick = i.ne_quick_model.as_ref().map(nequick);
    }
    out.earth_orientation = c.gnss_earth_orientation_parameters.as_ref().map(|e| EarthOrientation {
        t_eop: times::in_week(near, i64::from(e.teop) * 16),
        pm_x: (e.pm_x, e.pm_xdot),
        pm_y: (e.pm_y, e.pm_ydot),
        d_ut1: (e.delta_ut1, e.delta_ut1dot),
    });
}

fn tow_assist(t: &asn::GPSTOWAssistElement) -> TowAssist {
    TowAssist {
        sat: SatId::new(Gnss::Gps, t.satellite_id),
        tlm: t.tlm_word,
        anti_spoof: t.anti_spoof == 1,
        alert: t.alert == 1,
        reserved: t.tlm_rsvd_bits,
    }
}

fn klobuchar(k: &asn::KlobucharModelParameter) -> (KlobucharArea, Klobuchar) {
    let model =
        Klobuchar { alpha: [k.alfa0, k.alfa1, k.alfa2, k.alfa3], beta: [k.beta0, k.beta1, k.beta2, k.beta3] };
    (common::klobuchar_area(bits::number(&k.data_id)), model)
}

fn nequick(n: &asn::NeQuickModelParameter) -> NeQuick {
    let flags =
        [n.iono_storm_flag1, n.iono_storm_flag2, n.iono_storm_flag3, n.iono_storm_flag4, n.iono_storm_flag5];
    NeQuick {
        ai0: n.ai0,
        ai1: n.ai1,
        ai2: n.ai2,
        storm: flags.iter().any(Option::is_some).then(|| flags.map(|f| f == Some(1))),
    }
}

fn decode_generic(g: &asn::GNSSGenericAssistDataElement, near: GpsTime) -> Option<GnssAssistance> {
    let gnss = ids::gnss(&g.gnss_id)?;
    let mut out = GnssAssistance::new(gnss);
    out.sbas = g.sbas_id.as_ref().map(ids::sbas);
    out.time_offsets = g
        .gnss_time_models
        .iter()
        .flat_map(|l| &l.0)
        .filter_map(|t| {
            let s = i64::from(t.gnss_time_model_ref_time) * 16;
            Some(TimeOffset {
                from: gnss,
                to: ids::time_system(t.gnss_to_id)?,
                t0: if gnss == Gnss::BeiDou { times::in_bdt_week(near, s) } else { times::in_week(near, s) },
                a0: t.t_a0,
                a1: i32::from(t.t_a1.unwrap_or(0)),
            })
        })
        .collect();
    out.ephemerides =
        g.gnss_navigation_model.as_ref().map_or_else(Vec::new, |m| navigation::decode(gnss, m, near));
    out.integrity = g.gnss_real_time_integrity.as_ref().map(|r| {
        let bad = |b: &asn::BadSignalElement| {
            let signals = b.bad_signal_id.as_ref().map(ids::signals);
            Some(BadSignal { sat: ids::sat(gnss, &b.bad_svid)?, signals })
        };
        r.gnss_bad_signal_list.0.iter().filter_map(bad).collect()
    });
    out.acquisition = g.gnss_acquisition_assistance.as_ref().map(|a| decode_acquisition(gnss, a, near));
    out.almanac = g.gnss_almanac.as_ref().map(|a| almanac::decode(gnss, a, near));
    out.utc = g.gnss_utc_model.as_ref().and_then(|u| almanac::utc(u, near));
    out.auxiliary = g.gnss_auxiliary_information.as_ref().map_or_else(Vec::new, |a| auxiliary(gnss, a));
    for e in &mut out.ephemerides {
        if let Ephemeris::Glonass(e) = e
            && let Some(channel) = out.auxiliary.iter().find(|a| a.sat == e.sat).and_then(|a| a.channel)
        {
            e.channel = channel;
        }
    }
    Some(out)
}

fn auxiliary(gnss: Gnss, a: &asn::GNSSAuxiliaryInformation) -> Vec<Auxiliary> {
    match a {
        asn::GNSSAuxiliaryInformation::gnss_ID_GLONASS(l) => {
            l.0.iter()
                .filter_map(|e| {
                    Some(Auxiliary {
                        sat: ids::sat(gnss, &e.sv_id)?,
                        signals: ids::signals(&e.signals_available),
                        channel: e.channel_number,
                    })
                })
                .collect()
        }
        asn::GNSSAuxiliaryInformation::gnss_ID_GPS(l) => {
            l.0.iter()
                .filter_map(|e| {
                    Some(Auxiliary {
                        sat: ids::sat(gnss, &e.sv_id)?,
                        signals: ids::signals(&e.signals_available),
                        channel: None,
                    })
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn decode_acquisition(gnss: Gnss, a: &asn::GNSSAcquisitionAssistance, near: GpsTime) -> Acquisition {
    let satellites = a
        .gnss_acquisition_assist_list
        .0
        .iter()
        .filter_map(|e| {
            let code = acquisition::Code {
                doppler0: e.doppler0,
                doppler1: e.doppler1,
                doppler_uncertainty: e.doppler_uncertainty,
                phase: e.code_phase,
                phase_1023: e.code_phase1023 == Some(true),
                int_phase: e.int_code_phase,
                window: e.code_phase_search_window,
                azimuth: e.azimuth,
                elevation: e.elevation,
            };
            Some(code.satellite(ids::sat(gnss, &e.sv_id)?, near))
        })
        .collect();
    Acquisition {
        time: near,
        signal: ids::signal(&a.gnss_signal_id),
        confidence: a.confidence_r10,
        satellites,
    }
}
