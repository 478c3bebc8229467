//! `RequestedAssistData`.

use std::time::Duration;

use groma_asn1::types::BitStr;
use groma_asn1::ulp as asn;

use super::capabilities::{from_sbas, ganss_id, ganss_system};
use super::{GanssSystem, ids};
use crate::base::broadcast::{Gnss, KlobucharArea, SatId};
use crate::wire::assist::{
    AssistanceRequest, GnssRequest, HeldNavigation, IonosphereRequest, ModelChoice, NavigationRequest,
    OtherRequests, ReferenceTimeRequest,
};
use crate::wire::bits;

/// Systems of the bits of `ganssTimeModels`, from the first.
const TIME_MODELS: [Gnss; 5] = [Gnss::Gps, Gnss::Galileo, Gnss::Qzss, Gnss::Glonass, Gnss::BeiDou];

const HOUR: Duration = Duration::from_hours(1);

pub(super) fn decode(r: &asn::RequestedAssistData) -> AssistanceRequest {
    let mut out = AssistanceRequest {
        reference_location: r.reference_location_requested,
        other: OtherRequests { differential: r.dgps_corrections_requested, ..OtherRequests::default() },
        ..AssistanceRequest::default()
    };
    let gps = GnssRequest {
        navigation: r.navigation_model_requested.then(|| NavigationRequest {
            held: r.navigation_model_data.as_ref().map(held_gps),
            ..NavigationRequest::default()
        }),
        integrity: r.real_time_integrity_requested,
        acquisition: r.acquisition_assistance_requested.then_some(0),
        almanac: r.almanac_requested.then_some(ModelChoice::default()),
        utc: r.utc_model_requested.then_some(ModelChoice::default()),
        ..GnssRequest::new(Gnss::Gps)
    };
    if gps != GnssRequest::new(Gnss::Gps) {
        out.systems.push(gps);
    }
    let mut times = Vec::new();
    if r.reference_time_requested {
        times.push(Gnss::Gps);
    }
    let mut iono = IonosphereRequest::default();
    if r.ionospheric_model_requested {
        iono.klobuchar.push(KlobucharArea::World);
    }
    if let Some(e) = &r.ver2_requested_assist_data_extension {
        out.other.extended_ephemeris = e.extended_ephemeris.is_some() || e.extended_ephemeris_check.is_some();
        for g in e.ganss_requested_generic_assistance_data_list.iter().flat_map(|l| &l.0) {
            generic(g, &mut out);
        }
        if let Some(c) = &e.ganss_requested_common_assistance_data_list {
            if c.ganss_reference_time {
                times.push(
                    out.systems.iter().map(|s| s.gnss).find(|g| *g != Gnss::Gps).unwrap_or(Gnss::Galileo),
                );
            }
            iono.nequick = c.ganss_ionospheric_model;
            let areas = [
                (c.ganss_additional_ionospheric_model_for_data_id00, KlobucharArea::World),
                (c.ganss_additional_ionospheric_model_for_data_id11, KlobucharArea::Qzss),
                (c.ganss_additional_ionospheric_model_for_data_id01 == Some(true), KlobucharArea::BeiDou),
            ];
            for (_, area) in areas.into_iter().filter(|(asked, _)| *asked) {
                if !iono.klobuchar.contains(&area) {
                    iono.klobuchar.push(area);
                }
            }
            out.earth_orientation = c.ganss_earth_orientation_parameters;
        }
    }
    out.reference_time = (!times.is_empty())
        .then_some(ReferenceTimeRequest { systems: times, ..ReferenceTimeRequest::default() });
    out.ionosphere = (!iono.is_open()).then_some(iono);
    out
}

fn held_gps(n: &asn::NavigationModel) -> HeldNavigation {
    HeldNavigation {
        week_or_day: n.gps_week,
        toe: n.gps_toe,
        toe_limit: HOUR * u32::from(n.toe_limit),
        satellites: n
            .sat_info
            .iter()
            .flat_map(|s| &s.0)
            .filter_map(|s| Some((SatId::from_sv_id(Gnss::Gps, s.sat_id)?, u16::from(s.iode))))
            .collect(),
    }
}

fn generic(g: &asn::GanssReqGenericData, out: &mut AssistanceRequest) {
    let gnss = match ganss_system(g.ganss_id) {
        GanssSystem::Known(gnss) => gnss,
        GanssSystem::ModernisedGps => {
            out.other.modernised_gps = true;
            return;
        }
        GanssSystem::Unknown(_) => {
            out.other.unknown = true;
            return;
        }
    };
    out.other.differential |= g.ganss_differential_correction.is_some()
        || g.bds_differential_correction.is_some()
        || g.bds_grid_model_req == Some(true);
    out.other.data_bits |= g.ganss_data_bits.is_some();
    out.other.extended_ephemeris |=
        g.ganss_extended_ephemeris.is_some() || g.ganss_extended_ephemeris_check.is_some();
    let choices = g.ganss_additional_data_choices.as_ref();
    // Model numbers of this choice count from 0, where LPP's count from 1.
    let model = |id: Option<u8>| ModelChoice { id: id.map(|n| n + 1) };
    let one = |id: Option<u8>| id.map(|n| n + 1).into_iter().collect();
    let request = GnssRequest {
        gnss,
        sbas: ids::sbas(g.ganss_sbasid.as_ref()),
        time_models: g.ganss_time_models.as_ref().map_or_else(Vec::new, |b| time_models(b)),
        navigation: g.ganss_navigation_model_data.as_ref().map(|n| NavigationRequest {
            held: Some(held(gnss, n)),
            satellites: None,
            clock_models: one(choices.and_then(|c| c.clock_model_id)),
            orbit_models: one(choices.and_then(|c| c.orbit_model_id)),
            additional: false,
        }),
        integrity: g.ganss_real_time_integrity,
        acquisition: g.ganss_reference_measurement_info.then_some(0),
        almanac: g.ganss_almanac.then(|| model(choices.and_then(|c| c.almanac_model_id))),
        utc: g.ganss_utcmodel.then(|| model(choices.and_then(|c| c.utc_model_id))),
        auxiliary: g.ganss_auxiliary_information,
    };
    out.systems.push(request);
}

fn time_models(b: &BitStr) -> Vec<Gnss> {
    TIME_MODELS.into_iter().enumerate().filter(|(i, _)| bits::flag(b, *i)).map(|(_, g)| g).collect()
}

/// The unit of a system's `t-toeLimit`: hours, for GLONASS half hours (TS 49.031 10.31, to which ULP refers).
const fn limit_unit(gnss: Gnss) -> Duration {
    if matches!(gnss, Gnss::Glonass) { Duration::from_mins(30) } else { HOUR }
}

fn held(gnss: Gnss, n: &asn::GanssNavigationModelData) -> HeldNavigation {
    HeldNavigation {
        week_or_day: n.ganss_week,
        toe: n.ganss_toe,
        toe_limit: limit_unit(gnss) * u32::from(n.t_toe_limit),
        satellites: n
            .satellites_list_related_data_list
            .iter()
            .flat_map(|s| &s.0)
            .filter_map(|s| Some((SatId::from_sv_id(gnss, s.sat_id)?, s.iod)))
            .collect(),
    }
}

pub(super) fn encode(r: &AssistanceRequest, v2: bool) -> asn::RequestedAssistData {
    let gps = r.system(Gnss::Gps);
    let times = r.reference_time.as_ref().map_or(&[][..], |t| &t.systems);
    let iono = r.ionosphere.as_ref();
    let area = |a| iono.is_some_and(|i| i.klobuchar.contains(&a));
    let navigation = gps.and_then(|g| g.navigation.as_ref());
    asn::RequestedAssistData {
        almanac_requested: gps.is_some_and(|g| g.almanac.is_some()),
        utc_model_requested: gps.is_some_and(|g| g.utc.is_some()),
        ionospheric_model_requested: iono.is_some_and(|i| i.wants_klobuchar(KlobucharArea::World)),
        dgps_corrections_requested: r.other.differential,
        reference_location_requested: r.reference_location,
        reference_time_requested: times.contains(&Gnss::Gps),
        acquisition_assistance_requested: gps.is_some_and(|g| g.acquisition.is_some()),
        real_time_integrity_requested: gps.is_some_and(|g| g.integrity),
        navigation_model_requested: navigation.is_some(),
        navigation_model_data: navigation.and_then(|n| n.held.as_ref()).map(from_held_gps),
        ver2_requested_assist_data_extension: if v2 { from_ganss(r, times, area) } else { None },
    }
}

fn units(d: Duration, unit: Duration, max: u64) -> u8 {
    (d.as_secs() / unit.as_secs().max(1)).min(max) as u8
}

fn from_held_gps(h: &HeldNavigation) -> asn::NavigationModel {
    let sats: Vec<_> = h
        .satellites
        .iter()
        .filter_map(|(s, iode)| Some(asn::SatelliteInfoElement { sat_id: s.sv_id()?, iode: *iode as u8 }))
        .take(31)
        .collect();
    asn::NavigationModel {
        gps_week: h.week_or_day % 1024,
        gps_toe: h.toe.min(167),
        nsat: sats.len() as u8,
        toe_limit: units(h.toe_limit, HOUR, 10),
        sat_info: (!sats.is_empty()).then_some(asn::SatelliteInfo(sats)),
    }
}

fn from_ganss(
    r: &AssistanceRequest,
    times: &[Gnss],
    area: impl Fn(KlobucharArea) -> bool,
) -> Option<asn::Ver2RequestedAssistDataExtension> {
    let generic: Vec<_> = r
        .systems
        .iter()
        .filter_map(|g| Some((ganss_id(GanssSystem::Known(g.gnss))?, g)))
        .take(asn::MAX_GANSS)
        .map(from_generic)
        .collect();
    let common = asn::GanssRequestedCommonAssistanceDataList {
        ganss_reference_time: times.iter().any(|g| *g != Gnss::Gps),
        ganss_ionospheric_model: r.ionosphere.as_ref().is_some_and(|i| i.nequick),
        ganss_additional_ionospheric_model_for_data_id00: false,
        ganss_additional_ionospheric_model_for_data_id11: area(KlobucharArea::Qzss),
        ganss_earth_orientation_parameters: r.earth_orientation,
        ganss_additional_ionospheric_model_for_data_id01: area(KlobucharArea::BeiDou).then_some(true),
    };
    let any = common.ganss_reference_time
        || common.ganss_ionospheric_model
        || common.ganss_additional_ionospheric_model_for_data_id11
        || common.ganss_earth_orientation_parameters
        || common.ganss_additional_ionospheric_model_for_data_id01.is_some();
    (any || !generic.is_empty()).then(|| asn::Ver2RequestedAssistDataExtension {
        ganss_requested_common_assistance_data_list: any.then_some(common),
        ganss_requested_generic_assistance_data_list: (!generic.is_empty())
            .then_some(asn::GanssRequestedGenericAssistanceDataList(generic)),
        extended_ephemeris: None,
        extended_ephemeris_check: None,
    })
}

fn from_generic((id, g): (u8, &GnssRequest)) -> asn::GanssReqGenericData {
    let nav = g.navigation.as_ref();
    let model = |n: Option<u8>| n.and_then(|n| n.checked_sub(1)).map(|n| n.min(7));
    let choices = asn::GanssAdditionalDataChoices {
        orbit_model_id: model(nav.and_then(|n| n.orbit_models.first().copied())),
        clock_model_id: model(nav.and_then(|n| n.clock_models.first().copied())),
        utc_model_id: model(g.utc.and_then(|m| m.id)),
        almanac_model_id: model(g.almanac.and_then(|m| m.id)),
    };
    let chosen =
        [choices.orbit_model_id, choices.clock_model_id, choices.utc_model_id, choices.almanac_model_id];
    let times = TIME_MODELS.map(|t| g.time_models.contains(&t));
    asn::GanssReqGenericData {
        ganss_id: id,
        ganss_sbasid: g.sbas.map(from_sbas),
        ganss_real_time_integrity: g.integrity,
        ganss_differential_correction: None,
        ganss_almanac: g.almanac.is_some(),
        ganss_navigation_model_data: nav.map(|n| from_held(g.gnss, n)),
        ganss_time_models: times.contains(&true).then(|| {
            let mut b = bits::flags(&times);
            b.resize(16, false);
            b
        }),
        ganss_reference_measurement_info: g.acquisition.is_some(),
        ganss_data_bits: None,
        ganss_utcmodel: g.utc.is_some(),
        ganss_additional_data_choices: chosen.iter().any(Option::is_some).then_some(choices),
        ganss_auxiliary_information: g.auxiliary,
        ganss_extended_ephemeris: None,
        ganss_extended_ephemeris_check: None,
        bds_differential_correction: None,
        bds_grid_model_req: None,
    }
}

/// Data about what is held is how a navigation model is asked for: with nothing held, it is all zeros.
fn from_held(gnss: Gnss, n: &NavigationRequest) -> asn::GanssNavigationModelData {
    let held = n.held.clone().unwrap_or_default();
    let sats: Vec<_> = held
        .satellites
        .iter()
        .filter_map(|(s, iod)| Some(asn::SatellitesListRelatedData { sat_id: s.sv_id()?, iod: iod & 0x3ff }))
        .take(asn::MAX_GANSSSAT)
        .collect();
    asn::GanssNavigationModelData {
        ganss_week: held.week_or_day & 0xfff,
        ganss_toe: held.toe.min(167),
        t_toe_limit: units(held.toe_limit, limit_unit(gnss), 15),
        satellites_list_related_data_list: (!sats.is_empty())
            .then_some(asn::SatellitesListRelatedDataList(sats)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glonass_counts_its_tolerance_in_half_hours() {
        for (gnss, hours_said) in [(Gnss::Galileo, 2), (Gnss::Glonass, 4)] {
            let sat = SatId::new(gnss, 3);
            let n = NavigationRequest {
                held: Some(HeldNavigation {
                    week_or_day: 1097,
                    toe: 40,
                    toe_limit: Duration::from_hours(2),
                    satellites: vec![(sat, 44)],
                }),
                ..NavigationRequest::default()
            };
            let wire = from_held(gnss, &n);
            assert_eq!(wire.t_toe_limit, hours_said);
            assert_eq!(Some(held(gnss, &wire)), n.held);
        }
    }
}
