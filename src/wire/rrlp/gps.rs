//! GPS assistance data: the control header of RRLP's first release.

use groma_asn1::rrlp as asn;

use super::ids;
use crate::base::broadcast::{
    Almanac, Ephemeris, Gnss, Kepler, KeplerAlmanac, Klobuchar, KlobucharArea, LnavEphemeris, SatId, UtcModel,
};
use crate::base::time::GpsTime;
use crate::wire::EncodeError;
use crate::wire::acquisition::GpsCode;
use crate::wire::assist::{
    Acquisition, AcquisitionSat, AlmanacSet, Assistance, BadSignal, GnssAssistance, GsmTime, ReferenceTime,
    TowAssist,
};
use crate::wire::gad::octets;
use crate::wire::times;

const NS: i64 = 1_000_000_000;
/// Units of `gpsTOW23b` in nanoseconds.
const TOW_UNIT_NS: i64 = 80_000_000;

/// The GPS part of assistance; `None` when there is nothing for it.
pub(super) fn encode(a: &Assistance) -> Result<Option<asn::GPSAssistData>, EncodeError> {
    let gps = a.system(Gnss::Gps);
    let klobuchar = a.klobuchar.iter().find(|(area, _)| *area == KlobucharArea::World).map(|(_, k)| *k);
    let said = a.reference_time.as_ref().filter(|r| r.systems.contains(&Gnss::Gps));
    let reference = a.reference_location.as_ref().and_then(octets::ellipsoid);
    let header = asn::ControlHeader {
        reference_time: said.map(reference_time),
        ref_location: reference.map(|o| asn::RefLocation { three_dlocation: geographical(o) }),
        dgps_corrections: None,
        navigation_model: gps.map(navigation).transpose()?.flatten(),
        ionospheric_model: klobuchar.map(from_klobuchar),
        utc_model: gps.and_then(|g| g.utc.as_ref()).map(from_utc),
        almanac: gps.and_then(|g| g.almanac.as_ref()).and_then(almanac),
        acquis_assist: gps.and_then(|g| g.acquisition.as_ref()).and_then(acquisition),
        real_time_integrity: gps.and_then(|g| g.integrity.as_ref()).and_then(|b| integrity(b)),
    };
    let some = header.reference_time.is_some()
        || header.ref_location.is_some()
        || header.navigation_model.is_some()
        || header.ionospheric_model.is_some()
        || header.utc_model.is_some()
        || header.almanac.is_some()
        || header.acquis_assist.is_some()
        || header.real_time_integrity.is_some();
    Ok(some.then_some(asn::GPSAssistData { control_header: header }))
}

pub(super) fn geographical(octets: Vec<u8>) -> asn::ExtGeographicalInformation {
    asn::ExtGeographicalInformation(octets.into())
}

fn reference_time(r: &ReferenceTime) -> asn::ReferenceTime {
    let tow: Vec<_> = r
        .tow_assist
        .iter()
        .filter_map(|t| {
            Some(asn::GPSTOWAssistElement {
                satellite_id: ids::from_gps(t.sat)?,
                tlm_word: asn::TLMWord(t.tlm),
                anti_spoof: asn::AntiSpoofFlag(u8::from(t.anti_spoof)),
                alert: asn::AlertFlag(u8::from(t.alert)),
                tlm_rsvd_bits: asn::TLMReservedBits(t.reserved),
            })
        })
        .take(12)
        .collect();
    asn::ReferenceTime {
        gps_time: asn::GPSTime {
            gps_tow23b: asn::GPSTOW23b((r.time.tow_ns() / TOW_UNIT_NS) as u32),
            gps_week: asn::GPSWeek((r.time.week() % 1024) as u16),
        },
        gsm_time: r.gsm.as_ref().map(from_gsm),
        gps_tow_assist: (!tow.is_empty()).then_some(asn::GPSTOWAssist(tow)),
    }
}

fn from_gsm(g: &GsmTime) -> asn::GSMTime {
    asn::GSMTime {
        bcch_carrier: asn::BCCHCarrier(g.bcch),
        bsic: asn::BSIC(g.bsic),
        frame_number: asn::FrameNumber(g.frame),
        time_slot: asn::TimeSlot(g.slot),
        bit_number: asn::BitNumber(g.bit),
    }
}

/// More than the 16 entries that the list can hold is an error: the caller must spread them over several messages.
fn navigation(g: &GnssAssistance) -> Result<Option<asn::NavigationModel>, EncodeError> {
    let new = g.ephemerides.iter().filter_map(|e| match e {
        Ephemeris::Lnav(e) => Some(asn::NavModelElement {
            satellite_id: ids::from_gps(e.sat)?,
            sat_status: asn::SatStatus::newSatelliteAndModelUC(uncompressed(e)?),
        }),
        _ => None,
    });
    let old = g.unchanged.iter().filter_map(|s| {
        Some(asn::NavModelElement {
            satellite_id: ids::from_gps(*s)?,
            sat_status: asn::SatStatus::oldSatelliteAndModel(()),
        })
    });
    let list: Vec<_> = new.chain(old).collect();
    if list.len() > 16 {
        return Err(EncodeError::TooMany { what: "GPS navigation models", limit: 16 });
    }
    Ok((!list.is_empty()).then_some(asn::NavigationModel { nav_model_list: asn::SeqOfNavModelElement(list) }))
}

fn uncompressed(e: &LnavEphemeris) -> Option<asn::UncompressedEphemeris> {
    let k = &e.kepler;
    Some(asn::UncompressedEphemeris {
        ephem_code_on_l2: e.code_on_l2,
        ephem_ura: e.ura,
        ephem_svhealth: e.health,
        ephem_iodc: e.iodc,
        ephem_l2_pflag: u8::from(e.l2p_flag),
        ephem_sf1_rsvd: asn::EphemerisSubframe1Reserved {
            reserved1: 0,
            reserved2: 0,
            reserved3: 0,
            reserved4: 0,
        },
        ephem_tgd: e.tgd,
        ephem_toc: u16::try_from(times::tow_s(e.toc) / 16).ok()?,
        ephem_af2: e.af2,
        ephem_af1: e.af1,
        ephem_af0: e.af0,
        ephem_crs: i16::try_from(k.crs).ok()?,
        ephem_delta_n: i16::try_from(k.delta_n).ok()?,
        ephem_m0: k.m0,
        ephem_cuc: i16::try_from(k.cuc).ok()?,
        ephem_e: k.e,
        ephem_cus: i16::try_from(k.cus).ok()?,
        ephem_apower_half: k.sqrt_a,
        ephem_toe: u16::try_from(times::tow_s(e.toe) / 16).ok()?,
        ephem_fit_flag: u8::from(e.fit_extended),
        ephem_aoda: e.aodo,
        ephem_cic: i16::try_from(k.cic).ok()?,
        ephem_omega_a0: k.omega0,
        ephem_cis: i16::try_from(k.cis).ok()?,
        ephem_i0: k.i0,
        ephem_crc: i16::try_from(k.crc).ok()?,
        ephem_w: k.omega,
        ephem_omega_adot: k.omega_dot,
        ephem_idot: i16::try_from(k.i_dot).ok()?,
    })
}

fn from_uncompressed(sat: SatId, u: &asn::UncompressedEphemeris, near: GpsTime) -> LnavEphemeris {
    LnavEphemeris {
        sat,
        toe: times::in_week(near, i64::from(u.ephem_toe) * 16),
        toc: times::in_week(near, i64::from(u.ephem_toc) * 16),
        kepler: Kepler {
            sqrt_a: u.ephem_apower_half,
            e: u.ephem_e,
            m0: u.ephem_m0,
            omega0: u.ephem_omega_a0,
            i0: u.ephem_i0,
            omega: u.ephem_w,
            delta_n: i32::from(u.ephem_delta_n),
            omega_dot: u.ephem_omega_adot,
            i_dot: i32::from(u.ephem_idot),
            crs: i32::from(u.ephem_crs),
            crc: i32::from(u.ephem_crc),
            cus: i32::from(u.ephem_cus),
            cuc: i32::from(u.ephem_cuc),
            cis: i32::from(u.ephem_cis),
            cic: i32::from(u.ephem_cic),
        },
        af0: u.ephem_af0,
        af1: u.ephem_af1,
        af2: u.ephem_af2,
        tgd: u.ephem_tgd,
        iodc: u.ephem_iodc,
        ura: u.ephem_ura,
        health: u.ephem_svhealth,
        fit_extended: u.ephem_fit_flag == 1,
        code_on_l2: u.ephem_code_on_l2,
        l2p_flag: u.ephem_l2_pflag == 1,
        aodo: u.ephem_aoda,
    }
}

pub(super) fn from_klobuchar(k: Klobuchar) -> asn::IonosphericModel {
    asn::IonosphericModel {
        alfa0: k.alpha[0],
        alfa1: k.alpha[1],
        alfa2: k.alpha[2],
        alfa3: k.alpha[3],
        beta0: k.beta[0],
        beta1: k.beta[1],
        beta2: k.beta[2],
        beta3: k.beta[3],
    }
}

pub(super) fn klobuchar(i: &asn::IonosphericModel) -> Klobuchar {
    Klobuchar { alpha: [i.alfa0, i.alfa1, i.alfa2, i.alfa3], beta: [i.beta0, i.beta1, i.beta2, i.beta3] }
}

fn from_utc(u: &UtcModel) -> asn::UTCModel {
    asn::UTCModel {
        utc_a1: u.a1,
        utc_a0: u.a0,
        utc_tot: u.tot,
        utc_wnt: u.week as u8,
        utc_delta_tls: u.dt_ls,
        utc_wnlsf: u.week_lsf as u8,
        utc_dn: u.dn as i8,
        utc_delta_tlsf: u.dt_lsf,
    }
}

fn utc(u: &asn::UTCModel, near: GpsTime) -> UtcModel {
    let full = |week: u8| times::week_near(near, i64::from(week), 256) as u16;
    UtcModel {
        a0: u.utc_a0,
        a1: u.utc_a1,
        tot: u.utc_tot,
        week: full(u.utc_wnt),
        dt_ls: u.utc_delta_tls,
        week_lsf: full(u.utc_wnlsf),
        dn: u.utc_dn as u8,
        dt_lsf: u.utc_delta_tlsf,
    }
}

/// Entries of the first one's week; their times of almanac may differ.
fn almanac(set: &AlmanacSet) -> Option<asn::Almanac> {
    let entries = || {
        set.entries.iter().filter_map(|a| match a {
            Almanac::Kepler(k) if k.sat.gnss == Gnss::Gps => Some(k),
            _ => None,
        })
    };
    let week = entries().next()?.toa.week();
    let list: Vec<_> =
        entries().filter(|a| a.toa.week() == week).filter_map(almanac_element).take(64).collect();
    (!list.is_empty()).then_some(asn::Almanac {
        alamanac_wna: (week % 256) as u8,
        almanac_list: asn::SeqOfAlmanacElement(list),
    })
}

fn almanac_element(a: &KeplerAlmanac) -> Option<asn::AlmanacElement> {
    Some(asn::AlmanacElement {
        satellite_id: ids::from_gps(a.sat)?,
        almanac_e: u16::try_from(a.e).ok()?,
        alamanac_toa: u8::try_from(a.toa.tow_ns() / NS / 4096).ok()?,
        almanac_ksii: i16::try_from(a.delta_i).ok()?,
        almanac_omega_dot: i16::try_from(a.omega_dot).ok()?,
        almanac_svhealth: u8::try_from(a.health).ok()?,
        almanac_apower_half: u32::try_from(a.sqrt_a).ok()?,
        almanac_omega0: a.omega0,
        almanac_w: a.omega,
        almanac_m0: a.m0,
        almanac_af0: i16::try_from(a.af0).ok()?,
        almanac_af1: i16::try_from(a.af1).ok()?,
    })
}

fn from_almanac(a: &asn::Almanac, near: GpsTime) -> AlmanacSet {
    let week = times::week_near(near, i64::from(a.alamanac_wna), 256);
    let entry = |e: &asn::AlmanacElement| {
        Some(Almanac::Kepler(KeplerAlmanac {
            sat: ids::gps(&e.satellite_id)?,
            toa: GpsTime::from_week_s(week, i64::from(e.alamanac_toa) * 4096),
            e: u32::from(e.almanac_e),
            delta_i: i32::from(e.almanac_ksii),
            omega_dot: i32::from(e.almanac_omega_dot),
            sqrt_a: e.almanac_apower_half as i32,
            omega0: e.almanac_omega0,
            omega: e.almanac_w,
            m0: e.almanac_m0,
            af0: i32::from(e.almanac_af0),
            af1: i32::from(e.almanac_af1),
            health: u16::from(e.almanac_svhealth),
        }))
    };
    AlmanacSet { entries: a.almanac_list.0.iter().filter_map(entry).collect(), complete: false }
}

fn integrity(bad: &[BadSignal]) -> Option<asn::SeqOfBadSatelliteSet> {
    let list: Vec<_> = bad.iter().filter_map(|b| ids::from_gps(b.sat)).take(16).collect();
    (!list.is_empty()).then_some(asn::SeqOfBadSatelliteSet(list))
}

/// The code phase grows with the range here, where LPP's is the signal's own.
fn acquisition(a: &Acquisition) -> Option<asn::AcquisAssist> {
    // The time is told in steps of 80 ms, and the codes hold for what is told.
    let time = acquisition_time(a.time);
    let element = |s: &AcquisitionSat| {
        let code = GpsCode::new(time, s);
        Some(asn::AcquisElement {
            svid: ids::from_gps(s.sat)?,
            doppler0: code.doppler0,
            addional_doppler: Some(asn::AddionalDopplerFields {
                doppler1: code.doppler1,
                doppler_uncertainty: code.doppler_uncertainty,
            }),
            code_phase: code.phase,
            int_code_phase: code.int_phase,
            gps_bit_number: code.bit,
            code_phase_search_window: code.window,
            addional_angle: Some(asn::AddionalAngleFields {
                azimuth: code.azimuth,
                elevation: code.elevation,
            }),
        })
    };
    let list: Vec<_> = a.satellites.iter().filter_map(element).take(16).collect();
    (!list.is_empty()).then(|| asn::AcquisAssist {
        time_relation: asn::TimeRelation {
            gps_tow: asn::GPSTOW23b((time.tow_ns() / TOW_UNIT_NS) as u32),
            gsm_time: None,
        },
        acquis_list: asn::SeqOfAcquisElement(list),
    })
}

/// The time that the message can tell at or before another. An [`Acquisition`] for RRLP is computed for such a time.
fn acquisition_time(t: GpsTime) -> GpsTime {
    GpsTime::from_ns(t.ns() - t.tow_ns() % TOW_UNIT_NS)
}

fn from_acquisition(a: &asn::AcquisAssist, near: GpsTime) -> Acquisition {
    let tow_ns = i64::from(a.time_relation.gps_tow.0) * TOW_UNIT_NS;
    let start = times::in_week(near, tow_ns / NS);
    let time = GpsTime::from_ns(start.ns() + tow_ns % NS);
    let satellite = |e: &asn::AcquisElement| {
        let (doppler, angle) = (e.addional_doppler.as_ref(), e.addional_angle.as_ref());
        let code = GpsCode {
            doppler0: e.doppler0,
            doppler1: doppler.map_or(42, |d| d.doppler1),
            doppler_uncertainty: doppler.map_or(0, |d| d.doppler_uncertainty),
            phase: e.code_phase,
            int_phase: e.int_code_phase,
            bit: e.gps_bit_number,
            window: e.code_phase_search_window,
            azimuth: angle.map_or(0, |a| a.azimuth),
            elevation: angle.map_or(0, |a| a.elevation),
        };
        let found = code.satellite(ids::gps(&e.svid)?, time);
        Some(AcquisitionSat { doppler_unc_mps: doppler.and(found.doppler_unc_mps), ..found })
    };
    Acquisition {
        time,
        signal: 0,
        confidence: None,
        satellites: a.acquis_list.0.iter().filter_map(satellite).collect(),
    }
}

/// Adds the GPS part to assistance; times nearest to `near`. Gives the time near which the rest is.
pub(super) fn decode(g: &asn::GPSAssistData, near: GpsTime, out: &mut Assistance) -> GpsTime {
    let h = &g.control_header;
    out.reference_time = h.reference_time.as_ref().map(|r| from_reference_time(r, near));
    let near = out.reference_time.as_ref().map_or(near, |r| r.time);
    out.reference_location = h.ref_location.as_ref().and_then(|l| octets::shape(&l.three_dlocation.0));
    if let Some(i) = &h.ionospheric_model {
        out.klobuchar.push((KlobucharArea::World, klobuchar(i)));
    }
    let mut gps = GnssAssistance::new(Gnss::Gps);
    for e in h.navigation_model.iter().flat_map(|n| &n.nav_model_list.0) {
        let Some(sat) = ids::gps(&e.satellite_id) else { continue };
        match &e.sat_status {
            asn::SatStatus::newSatelliteAndModelUC(u) | asn::SatStatus::newNaviModelUC(u) => {
                gps.ephemerides.push(Ephemeris::Lnav(from_uncompressed(sat, u, near)));
            }
            asn::SatStatus::oldSatelliteAndModel(()) => gps.unchanged.push(sat),
            asn::SatStatus::unknown_ext(_) => {}
        }
    }
    gps.utc = h.utc_model.as_ref().map(|u| utc(u, near));
    gps.almanac = h.almanac.as_ref().map(|a| from_almanac(a, near));
    gps.acquisition = h.acquis_assist.as_ref().map(|a| from_acquisition(a, near));
    gps.integrity = h
        .real_time_integrity
        .as_ref()
        .map(|l| l.0.iter().filter_map(ids::gps).map(|sat| BadSignal { sat, signals: None }).collect());
    if gps != GnssAssistance::new(Gnss::Gps) {
        out.systems.push(gps);
    }
    near
}

fn from_reference_time(r: &asn::ReferenceTime, near: GpsTime) -> ReferenceTime {
    let week = times::week_near(near, i64::from(r.gps_time.gps_week.0), 1024);
    let start = GpsTime::from_week_s(week, 0);
    ReferenceTime {
        time: GpsTime::from_ns(start.ns() + i64::from(r.gps_time.gps_tow23b.0) * TOW_UNIT_NS),
        systems: vec![Gnss::Gps],
        uncertainty_s: None,
        leap_notice: None,
        tow_assist: r
            .gps_tow_assist
            .iter()
            .flat_map(|l| &l.0)
            .filter_map(|t| {
                Some(TowAssist {
                    sat: ids::gps(&t.satellite_id)?,
                    tlm: t.tlm_word.0,
                    anti_spoof: t.anti_spoof.0 == 1,
                    alert: t.alert.0 == 1,
                    reserved: t.tlm_rsvd_bits.0,
                })
            })
            .collect(),
        gsm: r.gsm_time.as_ref().map(|g| GsmTime {
            bcch: g.bcch_carrier.0,
            bsic: g.bsic.0,
            frame: g.frame_number.0,
            slot: g.time_slot.0,
            bit: g.bit_number.0,
        }),
    }
}
