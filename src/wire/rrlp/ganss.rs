//! GANSS assistance data: every system besides GPS (release 7 and later).

use groma_asn1::rrlp as asn;
use groma_asn1::rrlp::{
    AlmanacBDSAlmanacSetR12, AlmanacECEFsbasAlmanacSet as SbasSet, AlmanacGlonassAlmanacSet as GlonassSet,
    AlmanacKeplerianSet, AlmanacNAVKeplerianSet, SVID, UTCmodelSet3 as UtcSet3, UTCmodelSet4 as UtcSet4,
    UTCmodelSet5R12 as UtcSet5,
};

use super::{gps, ids, navigation};
use crate::base::broadcast::{
    Almanac, EarthOrientation, Ephemeris, GlonassAlmanac, Gnss, KeplerAlmanac, KlobucharArea, NeQuick, SatId,
    SbasAlmanac, TimeOffset, UtcModel,
};
use crate::base::time::{BDT_WEEK_ZERO, GpsTime};
use crate::wire::almanac::{UTC_USNO, almanac_models, utc_models};
use crate::wire::assist::{
    AlmanacSet, Assistance, Auxiliary, BadSignal, GnssAssistance, ReferenceTime, SbasRegion,
};
use crate::wire::gad::{RRLP_TIME_US, octets};
use crate::wire::{EncodeError, bits, times};

almanac_models!(kep_svstatus_inav, kep_svstatus_fnav);
utc_models!();

const NS: i64 = 1_000_000_000;

/// The GANSS part of assistance; `None` when no system besides GPS and nothing of the common data is there. A reference
/// location is repeated only when there is no GPS part to carry it.
pub(super) fn encode(
    a: &Assistance,
    with_location: bool,
) -> Result<Option<asn::GANSSAssistData>, EncodeError> {
    let common = common(a, with_location);
    let mut list = Vec::new();
    for g in &a.systems {
        list.extend(generic(g)?);
    }
    if list.len() > 8 {
        return Err(EncodeError::TooMany { what: "GANSS systems", limit: 8 });
    }
    if common.is_none() && list.is_empty() {
        return Ok(None);
    }
    Ok(Some(asn::GANSSAssistData {
        ganss_control_header: asn::GANSSControlHeader {
            ganss_common_assist_data: common,
            ganss_generic_assist_data_list: (!list.is_empty())
                .then_some(asn::SeqOfGANSSGenericAssistDataElement(list)),
        },
    }))
}

fn common(a: &Assistance, with_location: bool) -> Option<asn::GANSSCommonAssistData> {
    let time = a.reference_time.as_ref().and_then(|r| {
        let system = r.systems.iter().copied().find(|g| *g != Gnss::Gps)?;
        Some(reference_time(r, system))
    });
    let location = with_location.then(|| a.reference_location.as_ref().and_then(octets::ellipsoid)).flatten();
    let added = a.klobuchar.iter().find_map(|(area, k)| Some((data_id(*area)?, k)));
    let out = asn::GANSSCommonAssistData {
        ganss_reference_time_r10_ext: time
            .as_ref()
            .map(|(_, cycle)| asn::GANSSReferenceTimeR10Ext { ganss_day_cycle_number: *cycle }),
        ganss_reference_time: time.map(|(t, _)| t),
        ganss_ref_location: location.map(|o| asn::GANSSRefLocation { three_dlocation: gps::geographical(o) }),
        ganss_ionospheric_model: a.nequick.as_ref().map(nequick),
        ganss_add_ionospheric_model: added.map(|(id, k)| asn::GANSSAddIonosphericModel {
            data_id: bits::bits(id, 2),
            iono_model: gps::from_klobuchar(*k),
        }),
        ganss_earth_orient_param: a.earth_orientation.map(|e| asn::GANSSEarthOrientParam {
            teop: (times::tow_s(e.t_eop) / 16) as u16,
            pm_x: e.pm_x.0,
            pm_xdot: e.pm_x.1,
            pm_y: e.pm_y.0,
            pm_ydot: e.pm_y.1,
            delta_ut1: e.d_ut1.0,
            delta_ut1dot: e.d_ut1.1,
        }),
    };
    let some = out.ganss_reference_time.is_some()
        || out.ganss_ref_location.is_some()
        || out.ganss_ionospheric_model.is_some()
        || out.ganss_add_ionospheric_model.is_some()
        || out.ganss_earth_orient_param.is_some();
    some.then_some(out)
}

/// The `dataID` of an area's Klobuchar coefficients (TS 44.031 A.4.2.6.1: '00' worldwide, '11' QZSS's area, '01' BeiDou's).
/// The worldwide ones go out in the GPS part; NavIC's have no code.
const fn data_id(area: KlobucharArea) -> Option<u64> {
    match area {
        KlobucharArea::Qzss => Some(0b11),
        KlobucharArea::BeiDou => Some(0b01),
        KlobucharArea::World | KlobucharArea::NavIc => None,
    }
}

/// The reference time and its cycle of 8,192 days.
fn reference_time(r: &ReferenceTime, system: Gnss) -> (asn::GANSSReferenceTime, u8) {
    let (day, ns) = times::day_in(system, r.time);
    let time = asn::GANSSReferenceTime {
        ganss_ref_time_info: asn::GANSSRefTimeInfo {
            ganss_day: Some((day % 8192) as u16),
            ganss_tod: asn::GANSSTOD((ns / NS) as u32),
            ganss_toduncertainty: r
                .uncertainty_s
                .map(|s| asn::GANSSTODUncertainty(RRLP_TIME_US.ceil(s * 1e6))),
            ganss_time_id: ids::time_id(system),
        },
        ganss_tod_gsmtime_association: None,
    };
    (time, (day / 8192 % 8) as u8)
}

fn nequick(n: &NeQuick) -> asn::GANSSIonosphericModel {
    asn::GANSSIonosphericModel {
        ganss_iono_model: asn::GANSSIonosphereModel { ai0: n.ai0, ai1: n.ai1, ai2: n.ai2 },
        ganss_iono_storm_flags: n.storm.map(|s| asn::GANSSIonoStormFlags {
            iono_storm_flag1: u8::from(s[0]),
            iono_storm_flag2: u8::from(s[1]),
            iono_storm_flag3: u8::from(s[2]),
            iono_storm_flag4: u8::from(s[3]),
            iono_storm_flag5: u8::from(s[4]),
        }),
    }
}

fn generic(g: &GnssAssistance) -> Result<Option<asn::GANSSGenericAssistDataElement>, EncodeError> {
    let Some(ganss_id) = ids::ganss_id(g.gnss) else { return Ok(None) };
    if g.ephemerides.len() > 32 {
        return Err(EncodeError::TooMany { what: "GANSS navigation models", limit: 32 });
    }
    let offsets: Vec<_> = g.time_offsets.iter().filter_map(time_model).take(7).collect();
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
        .take(16)
        .collect();
    let (utc, added_utc) = g.utc.as_ref().map_or((None, None), |u| from_utc(g.gnss, u));
    let (almanac, almanac_toa) = g.almanac.as_ref().map_or((None, None), |a| almanac(g.gnss, a));
    let complete = g.almanac.as_ref().filter(|_| almanac.is_some()).map(|a| a.complete);
    let out = asn::GANSSGenericAssistDataElement {
        ganss_id,
        ganss_time_model: (!offsets.is_empty()).then_some(asn::SeqOfGANSSTimeModel(offsets)),
        ganss_diff_corrections: None,
        ganss_navigation_model: navigation::encode(&g.ephemerides),
        ganss_real_time_integrity: (!bad.is_empty()).then_some(asn::GANSSRealTimeIntegrity {
            ganss_bad_signal_list: asn::SeqOfBadSignalElement(bad),
        }),
        ganss_data_bit_assist: None,
        ganss_ref_measurement_assist: g.acquisition.as_ref().and_then(super::acquisition::encode),
        ganss_almanac_model: almanac,
        ganss_utcmodel: utc,
        ganss_ephemeris_extension: None,
        ganss_ephemeris_ext_check: None,
        sbas_id: g.sbas.map(|s| s.code() & 7),
        ganss_add_utcmodel: added_utc,
        ganss_auxiliary_info: auxiliary(g.gnss, &g.auxiliary),
        ganss_diff_corrections_validity_period: None,
        ganss_time_model_r10_ext: None,
        ganss_ref_measurement_assist_r10_ext: None,
        ganss_almanac_model_r10_ext: complete
            .map(|c| asn::GANSSAlmanacModelR10Ext { complete_almanac_provided: c }),
        ganss_almanac_model_r12_ext: almanac_toa
            .map(|t| asn::GANSSAlmanacModelR12Ext { toa_ext: Some(t), ioda_ext: None }),
        ganss_ref_measurement_assist_r12_ext: None,
        bds_differential_corrections_r12: None,
        bds_grid_model_r12: None,
    };
    let some = out.ganss_time_model.is_some()
        || out.ganss_navigation_model.is_some()
        || out.ganss_real_time_integrity.is_some()
        || out.ganss_ref_measurement_assist.is_some()
        || out.ganss_almanac_model.is_some()
        || out.ganss_utcmodel.is_some()
        || out.ganss_add_utcmodel.is_some()
        || out.ganss_auxiliary_info.is_some();
    Ok(some.then_some(out))
}

fn time_model(t: &TimeOffset) -> Option<asn::GANSSTimeModelElement> {
    let (week, ns) = match t.from {
        Gnss::BeiDou => t.t0.bdt(),
        _ => (t.t0.week(), t.t0.tow_ns()),
    };
    Some(asn::GANSSTimeModelElement {
        ganss_time_model_ref_time: (ns / NS / 16) as u16,
        t_a0: asn::TA0(t.a0),
        t_a1: Some(asn::TA1(t.a1)),
        t_a2: None,
        gnss_toid: ids::offset_id(t.to)?,
        week_number: Some((week % 8192) as u16),
    })
}

/// The almanac, and a time of almanac above 255 units, which has a member of its own.
fn almanac(gnss: Gnss, set: &AlmanacSet) -> (Option<asn::GANSSAlmanacModel>, Option<u16>) {
    use asn::GANSSAlmanacElement as Element;
    let first = set.entries.iter().find_map(|a| match a {
        Almanac::Kepler(k) => Some(k.toa),
        Almanac::Glonass(_) | Almanac::Sbas(_) => None,
    });
    let element = |a: &Almanac| {
        let sv_id = ids::from_sat(a.sat())?;
        Some(match a {
            Almanac::Glonass(a) => Element::keplerianGLONASS(glonass(a)?),
            Almanac::Sbas(a) => Element::ecefSBASAlmanac(sbas(sv_id, a)?),
            Almanac::Kepler(a) if Some(a.toa) != first => return None,
            Almanac::Kepler(a) => match a.sat.gnss {
                Gnss::Qzss => Element::keplerianNAVAlmanac(nav(sv_id, a)?),
                Gnss::Galileo => Element::keplerianAlmanacSet(galileo(sv_id, a)?),
                Gnss::BeiDou => Element::keplerianBDSAlmanac_r12(beidou(sv_id, a)?),
                _ => return None,
            },
        })
    };
    let list: Vec<_> = set.entries.iter().filter_map(element).take(36).collect();
    if list.is_empty() {
        return (None, None);
    }
    let at = first.map(|t| {
        let (week, ns) = if gnss == Gnss::BeiDou { t.bdt() } else { (t.week(), t.tow_ns()) };
        (week, ns / NS / gnss.toa_unit_s())
    });
    let model = asn::GANSSAlmanacModel {
        week_number: at.map_or(0, |(week, _)| (week % 256) as u8),
        toa: at.and_then(|(_, t)| u8::try_from(t).ok()),
        ioda: None,
        ganss_almanac_list: asn::SeqOfGANSSAlmanacElement(list),
    };
    (Some(model), at.filter(|(_, t)| (256..=1023).contains(t)).map(|(_, t)| t as u16))
}

fn from_almanac(gnss: Gnss, g: &asn::GANSSGenericAssistDataElement, near: GpsTime) -> Option<AlmanacSet> {
    use asn::GANSSAlmanacElement as Element;
    let a = g.ganss_almanac_model.as_ref()?;
    let large = g.ganss_almanac_model_r12_ext.as_ref().and_then(|e| e.toa_ext);
    let toa = |units: i64| {
        let s = units * gnss.toa_unit_s();
        if gnss == Gnss::BeiDou {
            let week = times::week_near(near, i64::from(a.week_number) + BDT_WEEK_ZERO, 256);
            GpsTime::from_bdt(week - BDT_WEEK_ZERO, s)
        } else {
            GpsTime::from_week_s(times::week_near(near, i64::from(a.week_number), 256), s)
        }
    };
    let common = toa(i64::from(large.unwrap_or(u16::from(a.toa.unwrap_or(0)))));
    let entry = |e: &Element| {
        Some(match (gnss, e) {
            (Gnss::Qzss, Element::keplerianNAVAlmanac(e)) => {
                Almanac::Kepler(from_nav(ids::sat(gnss, &e.sv_id)?, e, common))
            }
            (Gnss::Galileo, Element::keplerianAlmanacSet(e)) => {
                Almanac::Kepler(from_galileo(ids::sat(gnss, &e.sv_id)?, e, common))
            }
            (Gnss::BeiDou, Element::keplerianBDSAlmanac_r12(e)) => {
                let own = e.bds_alm_toa_r12.map(|t| toa(i64::from(t)));
                Almanac::Kepler(from_beidou(ids::sat(gnss, &e.sv_id)?, e, own.unwrap_or(common)))
            }
            (Gnss::Glonass, Element::keplerianGLONASS(e)) => Almanac::Glonass(from_glonass(e, near)),
            (Gnss::Sbas, Element::ecefSBASAlmanac(e)) => {
                Almanac::Sbas(from_sbas(ids::sat(gnss, &e.sv_id)?, e, near))
            }
            _ => return None,
        })
    };
    Some(AlmanacSet {
        entries: a.ganss_almanac_list.0.iter().filter_map(entry).collect(),
        complete: g.ganss_almanac_model_r10_ext.as_ref().is_some_and(|e| e.complete_almanac_provided),
    })
}

/// Galileo and QZSS have the first model; GLONASS, SBAS and BeiDou one of the added ones.
fn from_utc(gnss: Gnss, u: &UtcModel) -> (Option<asn::GANSSUTCModel>, Option<asn::GANSSAddUTCModel>) {
    let added = match gnss {
        Gnss::Glonass => asn::GANSSAddUTCModel::utcModel3(glonass_utc(u)),
        Gnss::Sbas => asn::GANSSAddUTCModel::utcModel4(sbas_utc(u)),
        Gnss::BeiDou => asn::GANSSAddUTCModel::utcModel5_r12(beidou_utc(u)),
        _ => {
            let first = asn::GANSSUTCModel {
                ganss_utc_a1: u.a1,
                ganss_utc_a0: u.a0,
                ganss_utc_tot: u.tot,
                ganss_utc_wnt: u.week as u8,
                ganss_utc_delta_tls: u.dt_ls,
                ganss_utc_wnlsf: u.week_lsf as u8,
                ganss_utc_dn: u.dn as i8,
                ganss_utc_delta_tlsf: u.dt_lsf,
            };
            return (Some(first), None);
        }
    };
    (None, Some(added))
}

fn utc(g: &asn::GANSSGenericAssistDataElement, near: GpsTime) -> Option<UtcModel> {
    let full = |week: u8| times::week_near(near, i64::from(week), 256) as u16;
    if let Some(u) = &g.ganss_utcmodel {
        return Some(UtcModel {
            a0: u.ganss_utc_a0,
            a1: u.ganss_utc_a1,
            tot: u.ganss_utc_tot,
            week: full(u.ganss_utc_wnt),
            dt_ls: u.ganss_utc_delta_tls,
            week_lsf: full(u.ganss_utc_wnlsf),
            dn: u.ganss_utc_dn as u8,
            dt_lsf: u.ganss_utc_delta_tlsf,
        });
    }
    Some(match g.ganss_add_utcmodel.as_ref()? {
        asn::GANSSAddUTCModel::utcModel3(u) => times::glonass_utc(u.tau_c, u.n_a, near),
        asn::GANSSAddUTCModel::utcModel4(u) => from_sbas_utc(u, near),
        asn::GANSSAddUTCModel::utcModel5_r12(u) => from_beidou_utc(u, near),
        _ => return None,
    })
}

fn auxiliary(gnss: Gnss, list: &[Auxiliary]) -> Option<asn::GANSSAuxiliaryInformation> {
    if gnss != Gnss::Glonass || list.is_empty() {
        return None;
    }
    let elements = list.iter().filter_map(|a| {
        Some(asn::GANSSID3Element {
            sv_id: ids::from_sat(a.sat)?,
            signals_available: ids::from_signals(a.signals),
            channel_number: a.channel?,
        })
    });
    Some(asn::GANSSAuxiliaryInformation::ganssID3(asn::GANSSID3(elements.take(64).collect())))
}

/// Adds the GANSS part to assistance.
pub(super) fn decode(a: &asn::GANSSAssistData, near: GpsTime, out: &mut Assistance) {
    let h = &a.ganss_control_header;
    if let Some(c) = &h.ganss_common_assist_data {
        decode_common(c, near, out);
    }
    let near = out.reference_time.as_ref().map_or(near, |r| r.time);
    let list = h.ganss_generic_assist_data_list.iter().flat_map(|l| &l.0);
    out.systems.extend(list.filter_map(|g| decode_generic(g, near)));
}

fn decode_common(c: &asn::GANSSCommonAssistData, near: GpsTime, out: &mut Assistance) {
    if let Some(t) = &c.ganss_reference_time
        && let Some(system) = ids::time_system(t.ganss_ref_time_info.ganss_time_id)
    {
        match &mut out.reference_time {
            // GPS's own says the same instant more finely.
            Some(r) => r.systems.push(system),
            None => out.reference_time = Some(from_reference_time(&t.ganss_ref_time_info, system, near)),
        }
        let unc = t.ganss_ref_time_info.ganss_toduncertainty.as_ref();
        if let Some(r) = &mut out.reference_time {
            r.uncertainty_s = r.uncertainty_s.or(unc.map(|k| RRLP_TIME_US.value(k.0) * 1e-6));
        }
    }
    let near = out.reference_time.as_ref().map_or(near, |r| r.time);
    if out.reference_location.is_none() {
        out.reference_location =
            c.ganss_ref_location.as_ref().and_then(|l| octets::shape(&l.three_dlocation.0));
    }
    out.nequick = c.ganss_ionospheric_model.as_ref().map(|i| NeQuick {
        ai0: i.ganss_iono_model.ai0,
        ai1: i.ganss_iono_model.ai1,
        ai2: i.ganss_iono_model.ai2,
        storm: i.ganss_iono_storm_flags.as_ref().map(|s| {
            [
                s.iono_storm_flag1,
                s.iono_storm_flag2,
                s.iono_storm_flag3,
                s.iono_storm_flag4,
                s.iono_storm_flag5,
            ]
            .map(|f| f == 1)
        }),
    });
    if let Some(k) = &c.ganss_add_ionospheric_model {
        let area = match bits::number(&k.data_id) {
            0b11 => KlobucharArea::Qzss,
            0b01 => KlobucharArea::BeiDou,
            _ => KlobucharArea::World,
        };
        out.klobuchar.push((area, gps::klobuchar(&k.iono_model)));
    }
    out.earth_orientation = c.ganss_earth_orient_param.as_ref().map(|e| EarthOrientation {
        t_eop: times::in_week(near, i64::from(e.teop) * 16),
        pm_x: (e.pm_x, e.pm_xdot),
        pm_y: (e.pm_y, e.pm_ydot),
        d_ut1: (e.delta_ut1, e.delta_ut1dot),
    });
}

fn from_reference_time(t: &asn::GANSSRefTimeInfo, system: Gnss, near: GpsTime) -> ReferenceTime {
    let (here, _) = times::day_in(system, near);
    // The cycle nearest to now; without a day, today.
    let day = t.ganss_day.map_or(here, |d| {
        let ahead = (i64::from(d) - here).rem_euclid(8192);
        here + if ahead > 4096 { ahead - 8192 } else { ahead }
    });
    ReferenceTime {
        time: times::from_day(system, day, i64::from(t.ganss_tod.0) * NS),
        systems: vec![system],
        ..ReferenceTime::gps(near, None)
    }
}

fn decode_generic(g: &asn::GANSSGenericAssistDataElement, near: GpsTime) -> Option<GnssAssistance> {
    let gnss = ids::ganss(g.ganss_id)?;
    let mut out = GnssAssistance::new(gnss);
    out.sbas = g.sbas_id.map(SbasRegion::from_code);
    let offset = |t: &asn::GANSSTimeModelElement| {
        let s = i64::from(t.ganss_time_model_ref_time) * 16;
        Some(TimeOffset {
            from: gnss,
            to: ids::offset_system(t.gnss_toid)?,
            t0: if gnss == Gnss::BeiDou { times::in_bdt_week(near, s) } else { times::in_week(near, s) },
            a0: t.t_a0.0,
            a1: t.t_a1.as_ref().map_or(0, |a| a.0),
        })
    };
    out.time_offsets = g.ganss_time_model.iter().flat_map(|l| &l.0).filter_map(offset).collect();
    out.ephemerides =
        g.ganss_navigation_model.as_ref().map_or_else(Vec::new, |m| navigation::decode(gnss, m, near));
    out.integrity = g.ganss_real_time_integrity.as_ref().map(|r| {
        let bad = |b: &asn::BadSignalElement| {
            let signals = b.bad_signal_id.as_ref().map(ids::signals);
            Some(BadSignal { sat: ids::sat(gnss, &b.bad_svid)?, signals })
        };
        r.ganss_bad_signal_list.0.iter().filter_map(bad).collect()
    });
    out.acquisition =
        g.ganss_ref_measurement_assist.as_ref().map(|a| super::acquisition::decode(gnss, a, near));
    out.almanac = from_almanac(gnss, g, near);
    out.utc = utc(g, near);
    if let Some(asn::GANSSAuxiliaryInformation::ganssID3(l)) = &g.ganss_auxiliary_info {
        out.auxiliary =
            l.0.iter()
                .filter_map(|e| {
                    Some(Auxiliary {
                        sat: ids::sat(gnss, &e.sv_id)?,
                        signals: ids::signals(&e.signals_available),
                        channel: Some(e.channel_number),
                    })
                })
                .collect();
    }
    for e in &mut out.ephemerides {
        if let Ephemeris::Glonass(e) = e
            && let Some(channel) = out.auxiliary.iter().find(|a| a.sat == e.sat).and_then(|a| a.channel)
        {
            e.channel = channel;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::Klobuchar;
    use crate::wire::test_data::system_assistance;

    /// TS 44.031 A.4.2.6.1 and table A.55.18.
    #[test]
    fn codes_of_ionosphere_and_utc() {
        let model = Klobuchar { alpha: [1; 4], beta: [2; 4] };
        let said = |areas: &[KlobucharArea]| {
            let klobuchar = areas.iter().map(|a| (*a, model)).collect();
            let a = common(&Assistance { klobuchar, ..Assistance::default() }, false)?;
            Some(bits::number(&a.ganss_add_ionospheric_model?.data_id))
        };
        assert_eq!(said(&[KlobucharArea::World, KlobucharArea::Qzss]), Some(0b11));
        assert_eq!(said(&[KlobucharArea::NavIc, KlobucharArea::BeiDou]), Some(0b01));
        assert_eq!(said(&[KlobucharArea::World, KlobucharArea::NavIc]), None);

        let sbas = generic(&system_assistance(Gnss::Sbas)).unwrap().unwrap();
        let Some(asn::GANSSAddUTCModel::utcModel4(u)) = sbas.ganss_add_utcmodel else { panic!() };
        assert_eq!(u.utc_standard_id, 2);
    }
}
