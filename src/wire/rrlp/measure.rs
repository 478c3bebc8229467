//! Measurements and positions of a Measure Position Response.

use groma_asn1::rrlp as asn;

use super::{LocationInfo, gps, ids};
use crate::base::broadcast::{Gnss, SatId};
use crate::wire::bits;
use crate::wire::gad::{RRLP_TIME_US, octets};
use crate::wire::measure::{
    GPS_L1_WAVELENGTH_M, GnssMeasurements, MeasurementTime, Multipath, SatMeasurement, rms_index, rms_m,
};

/// 2^21 steps of a GANSS code phase in a millisecond.
const PHASE: f64 = 2_097_152.0;
/// Metres of a step of accumulated delta range.
const ADR_M: f64 = 1.0 / 1024.0;
/// m/s of a step of GANSS Doppler.
const DOPPLER_MPS: f64 = 0.04;
/// Hz of a step of GPS Doppler.
const DOPPLER_HZ: f64 = 0.2;
/// TDMA frames in a hyperframe's part that `refFrame` counts.
const FRAMES: u16 = 42_432;

fn gps_time(frame: Option<u16>, tow_ms: Option<u32>) -> MeasurementTime {
    MeasurementTime {
        system: Gnss::Gps,
        tod_ms: tow_ms.map(f64::from),
        modulo_s: 14_400,
        uncertainty_s: None,
        gsm_frame: frame.filter(|f| *f < FRAMES).map(u32::from),
    }
}

/// A frame number that says "none", since the member is mandatory.
fn frame(t: &MeasurementTime) -> u16 {
    t.gsm_frame.and_then(|f| u16::try_from(f).ok()).unwrap_or(u16::MAX)
}

fn tow_ms(t: &MeasurementTime) -> Option<u32> {
    t.tod_ms.map(|ms| (ms.rem_euclid(14_400_000.0).floor() as u32).min(14_399_999))
}

const fn multipath(m: asn::MpathIndic) -> Multipath {
    match m {
        asn::MpathIndic::notMeasured => Multipath::NotMeasured,
        asn::MpathIndic::low => Multipath::Low,
        asn::MpathIndic::medium => Multipath::Medium,
        asn::MpathIndic::high => Multipath::High,
    }
}

const fn from_multipath(m: Multipath) -> asn::MpathIndic {
    match m {
        Multipath::NotMeasured => asn::MpathIndic::notMeasured,
        Multipath::Low => asn::MpathIndic::low,
        Multipath::Medium => asn::MpathIndic::medium,
        Multipath::High => asn::MpathIndic::high,
    }
}

/// GPS measurement sets; the fine time applies to the first.
pub(super) fn gps_sets(
    m: &asn::GPSMeasureInfo,
    fine: Option<&asn::GPSTimeAssistanceMeasurements>,
) -> Vec<GnssMeasurements> {
    let mut sets: Vec<_> = m
        .gps_msr_set_list
        .0
        .iter()
        .map(|s| GnssMeasurements {
            time: gps_time(s.ref_frame, Some(s.gps_tow.0)),
            satellites: s.gps_msr_list.0.iter().filter_map(gps_satellite).collect(),
        })
        .collect();
    if let (Some(first), Some(fine)) = (sets.first_mut(), fine) {
        if let (Some(ms), Some(sub)) = (&mut first.time.tod_ms, fine.gps_tow_subms) {
            // 100 ns each.
            *ms += f64::from(sub) * 1e-4;
        }
        let unc = fine.gps_reference_time_uncertainty.as_ref();
        first.time.uncertainty_s = unc.map(|k| RRLP_TIME_US.value(k.0) * 1e-6);
    }
    sets
}

fn gps_satellite(e: &asn::GPSMsrElement) -> Option<SatMeasurement> {
    let chips = f64::from(e.whole_chips) + f64::from(e.frac_chips) / 1024.0;
    Some(SatMeasurement {
        sat: ids::gps(&e.satellite_id)?,
        signal: 0,
        cn0_dbhz: e.c_no,
        multipath: multipath(e.mpath_indic),
        carrier_quality: None,
        code_phase_ms: (chips / 1023.0).rem_euclid(1.0),
        whole_ms: None,
        ambiguity_ms: 1,
        rms_m: rms_m(e.pseu_range_rmserr),
        doppler_mps: Some(f64::from(e.doppler) * DOPPLER_HZ * GPS_L1_WAVELENGTH_M),
        adr_m: None,
    })
}

/// `None` without a satellite. Only GPS's L1 C/A is written.
pub(super) fn from_gps_sets(sets: &[GnssMeasurements]) -> Option<asn::GPSMeasureInfo> {
    let set = |m: &GnssMeasurements| {
        let list: Vec<_> = m.satellites.iter().filter_map(from_gps_satellite).take(16).collect();
        (!list.is_empty()).then(|| asn::GPSMsrSetElement {
            ref_frame: m.time.gsm_frame.and_then(|f| u16::try_from(f).ok()),
            gps_tow: asn::GPSTOW24b(tow_ms(&m.time).unwrap_or(0)),
            gps_msr_list: asn::SeqOfGPSMsrElement(list),
        })
    };
    let list: Vec<_> = sets.iter().filter_map(set).take(3).collect();
    (!list.is_empty()).then_some(asn::GPSMeasureInfo { gps_msr_set_list: asn::SeqOfGPSMsrSetElement(list) })
}

fn from_gps_satellite(s: &SatMeasurement) -> Option<asn::GPSMsrElement> {
    if s.signal != 0 {
        return None;
    }
    let steps = (s.code_phase_ms.rem_euclid(1.0) * 1023.0 * 1024.0).round() as u32 % (1023 * 1024);
    let hz = s.doppler_mps.unwrap_or(0.0) / GPS_L1_WAVELENGTH_M;
    Some(asn::GPSMsrElement {
        satellite_id: ids::from_gps(s.sat)?,
        c_no: s.cn0_dbhz.min(63),
        doppler: (hz / DOPPLER_HZ).round() as i16,
        whole_chips: (steps / 1024) as u16,
        frac_chips: (steps % 1024) as u16,
        mpath_indic: from_multipath(s.multipath),
        pseu_range_rmserr: rms_index(s.rms_m),
    })
}

fn ganss_frame(f: Option<&asn::ReferenceFrame>) -> Option<u32> {
    f.filter(|f| f.reference_fn < FRAMES)
        .map(|f| u32::from(f.reference_fnmsb.unwrap_or(0)) * u32::from(FRAMES) + u32::from(f.reference_fn))
}

pub(super) fn ganss_sets(m: &asn::GANSSMeasureInfo) -> Vec<GnssMeasurements> {
    m.ganss_msr_set_list
        .0
        .iter()
        .map(|s| GnssMeasurements {
            time: MeasurementTime {
                system: Gnss::Galileo,
                tod_ms: s.ganss_todm.as_ref().map(|t| f64::from(t.0)),
                modulo_s: 3600,
                uncertainty_s: s.ganss_toduncertainty.as_ref().map(|k| RRLP_TIME_US.value(k.0) * 1e-6),
                gsm_frame: ganss_frame(s.reference_frame.as_ref()),
            },
            satellites: s.ganss_msr_element_list.0.iter().flat_map(ganss_satellites).collect(),
        })
        .collect()
}

fn ganss_satellites(g: &asn::GANSSMsrElement) -> Vec<SatMeasurement> {
    let Some(gnss) = ids::ganss(g.ganss_id) else { return Vec::new() };
    let mut out = Vec::new();
    for t in &g.ganss_sgn_type_list.0 {
        // Left out it stands for 0, not ambiguous (TS 44.031 A.3.2.10.1). That cannot be meant of a phase below a millisecond.
        let default = u8::from(t.ganss_sgn_list.0.iter().any(|e| e.integer_code_phase.is_none()));
        let ambiguity = t.ganss_code_phase_ambiguity.unwrap_or(default);
        out.extend(t.ganss_sgn_list.0.iter().filter_map(|e| {
            Some(SatMeasurement {
                sat: ids::sat(gnss, &e.sv_id)?,
                signal: t.ganss_signal_id.0,
                cn0_dbhz: e.c_no,
                multipath: multipath(e.mpath_det),
                carrier_quality: e.carrier_quality_ind,
                code_phase_ms: f64::from(e.code_phase) / PHASE,
                whole_ms: e.integer_code_phase,
                ambiguity_ms: ambiguity,
                rms_m: rms_m(e.code_phase_rmserror),
                doppler_mps: e.doppler.map(|d| f64::from(d) * DOPPLER_MPS),
                adr_m: e.adr.map(|a| f64::from(a) * ADR_M),
            })
        }));
    }
    out
}

/// `None` without a satellite that has a place here.
pub(super) fn from_ganss_sets(sets: &[GnssMeasurements]) -> Option<asn::GANSSMeasureInfo> {
    let list: Vec<_> = sets.iter().filter_map(from_ganss_set).take(3).collect();
    (!list.is_empty())
        .then_some(asn::GANSSMeasureInfo { ganss_msr_set_list: asn::SeqOfGANSSMsrSetElement(list) })
}

fn from_ganss_set(m: &GnssMeasurements) -> Option<asn::GANSSMsrSetElement> {
    let mut systems: Vec<(Option<u8>, Vec<asn::GANSSSgnTypeElement>)> = Vec::new();
    for s in &m.satellites {
        let (Some(id), Some(sv_id)) = (ids::ganss_id(s.sat.gnss), ids::from_sat(s.sat)) else { continue };
        let element = from_ganss_satellite(sv_id, s);
        let at = systems.iter().position(|(i, _)| *i == id).unwrap_or_else(|| {
            systems.push((id, Vec::new()));
            systems.len() - 1
        });
        let Some((_, types)) = systems.get_mut(at) else { continue };
        let ambiguity = (s.ambiguity_ms != 0).then_some(s.ambiguity_ms);
        let same = |t: &asn::GANSSSgnTypeElement| {
            t.ganss_signal_id.0 == s.signal && t.ganss_code_phase_ambiguity == ambiguity
        };
        if let Some(t) = types.iter_mut().find(|t| same(t)) {
            t.ganss_sgn_list.0.push(element);
        } else {
            types.push(asn::GANSSSgnTypeElement {
                ganss_signal_id: asn::GANSSSignalID(s.signal.min(7)),
                ganss_code_phase_ambiguity: ambiguity,
                ganss_sgn_list: asn::SeqOfGANSSSgnElement(vec![element]),
            });
        }
    }
    let list: Vec<_> = systems
        .into_iter()
        .map(|(ganss_id, types)| asn::GANSSMsrElement {
            ganss_id,
            ganss_sgn_type_list: asn::SeqOfGANSSSgnTypeElement(types),
        })
        .collect();
    (!list.is_empty()).then(|| asn::GANSSMsrSetElement {
        reference_frame: None,
        ganss_todm: m
            .time
            .tod_ms
            .map(|ms| asn::GANSSTODm((ms.rem_euclid(3_600_000.0).floor() as u32).min(3_599_999))),
        delta_gansstod: None,
        ganss_toduncertainty: m
            .time
            .uncertainty_s
            .map(|s| asn::GANSSTODUncertainty(RRLP_TIME_US.ceil(s * 1e6))),
        ganss_msr_element_list: asn::SeqOfGANSSMsrElement(list),
    })
}

fn from_ganss_satellite(sv_id: asn::SVID, s: &SatMeasurement) -> asn::GANSSSgnElement {
    asn::GANSSSgnElement {
        sv_id,
        c_no: s.cn0_dbhz.min(63),
        mpath_det: from_multipath(s.multipath),
        carrier_quality_ind: s.carrier_quality,
        code_phase: (s.code_phase_ms.rem_euclid(1.0) * PHASE).round() as u32 % 2_097_152,
        integer_code_phase: s.whole_ms,
        code_phase_rmserror: rms_index(s.rms_m),
        doppler: s.doppler_mps.map(|d| (d / DOPPLER_MPS).round() as i16),
        adr: s.adr_m.map(|m| ((m / ADR_M).round() as u32).min(33_554_431)),
    }
}

/// `None` when the octets of the position are not a known shape.
pub(super) fn location(l: &asn::LocationInfo) -> Option<LocationInfo> {
    Some(LocationInfo {
        time: gps_time(Some(l.ref_frame), l.gps_tow),
        three_d: l.fix_type.0 == 1,
        shape: octets::shape(&l.pos_estimate.0)?,
        systems: Vec::new(),
        eotd: false,
        stationary: None,
    })
}

pub(super) fn from_location(l: &LocationInfo) -> Option<asn::LocationInfo> {
    Some(asn::LocationInfo {
        ref_frame: frame(&l.time),
        gps_tow: tow_ms(&l.time),
        fix_type: asn::FixType(u8::from(l.three_d)),
        pos_estimate: gps::geographical(octets::from_shape(&l.shape)?),
    })
}

pub(super) fn ganss_location(l: &asn::GANSSLocationInfo) -> Option<LocationInfo> {
    let fraction = f64::from(l.ganss_todfrac.unwrap_or(0)) / 16_384.0;
    Some(LocationInfo {
        time: MeasurementTime {
            system: ids::time_system(l.ganss_time_id).unwrap_or(Gnss::Galileo),
            tod_ms: l.ganss_todm.as_ref().map(|t| f64::from(t.0) + fraction),
            modulo_s: 3600,
            uncertainty_s: l.ganss_toduncertainty.as_ref().map(|k| RRLP_TIME_US.value(k.0) * 1e-6),
            gsm_frame: ganss_frame(l.reference_frame.as_ref()),
        },
        three_d: l.fix_type.0 == 1,
        shape: octets::shape(&l.pos_estimate.0)?,
        systems: ids::methods(&l.pos_data.0, 1),
        eotd: bits::flag(&l.pos_data.0, 0),
        stationary: l.stationary_indication.map(|s| s == 1),
    })
}

pub(super) fn from_ganss_location(l: &LocationInfo) -> Option<asn::GANSSLocationInfo> {
    let steps = l.time.tod_ms.map(|ms| (ms.rem_euclid(3_600_000.0) * 16_384.0).floor() as u64);
    let mut data = vec![l.eotd];
    data.extend(ids::method_flags(&l.systems));
    Some(asn::GANSSLocationInfo {
        reference_frame: l.time.gsm_frame.map(|f| asn::ReferenceFrame {
            reference_fn: (f % u32::from(FRAMES)) as u16,
            reference_fnmsb: (f >= u32::from(FRAMES)).then_some((f / u32::from(FRAMES)).min(63) as u8),
        }),
        ganss_todm: steps.map(|s| asn::GANSSTODm((s / 16_384) as u32)),
        ganss_todfrac: steps.map(|s| (s % 16_384) as u16).filter(|f| *f != 0),
        ganss_toduncertainty: l
            .time
            .uncertainty_s
            .map(|s| asn::GANSSTODUncertainty(RRLP_TIME_US.ceil(s * 1e6))),
        ganss_time_id: ids::time_id(l.time.system),
        fix_type: asn::FixType(u8::from(l.three_d)),
        pos_data: asn::PositionData(bits::flags(&data)),
        stationary_indication: l.stationary.map(u8::from),
        pos_estimate: gps::geographical(octets::from_shape(&l.shape)?),
    })
}

/// A satellite of GPS, for the lists of what is held.
pub(super) fn gps_satellite_id(id: u8) -> Option<SatId> {
    SatId::from_sv_id(Gnss::Gps, id)
}
