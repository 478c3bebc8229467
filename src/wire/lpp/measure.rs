//! Measurements.

use groma_asn1::lpp as asn;

use super::ids;
use crate::base::broadcast::Gnss;
use crate::base::cell::{CellId, Plmn};
use crate::wire::bits;
use crate::wire::gad::LPP_TIME_US;
use crate::wire::measure::{
    EcidMeasurement, GnssMeasurements, MeasurementTime, Multipath, SatMeasurement, rms_index, rms_m,
};

/// 2^21 steps of a code phase in a millisecond.
const PHASE: f64 = 2_097_152.0;
/// Metres of a step of accumulated delta range.
const ADR_M: f64 = 1.0 / 1024.0;
/// m/s of a step of Doppler.
const DOPPLER_MPS: f64 = 0.04;

pub(super) fn time(t: &asn::MeasurementReferenceTime) -> MeasurementTime {
    let frame = match &t.network_time {
        Some(asn::MeasurementReferenceTimeNetworkTime::gSM(g)) => {
            let high = g.reference_frame.reference_fnmsb.unwrap_or(0);
            Some(u32::from(high) << 16 | u32::from(g.reference_frame.reference_fn))
        }
        _ => None,
    };
    MeasurementTime {
        system: ids::gnss(&t.gnss_time_id).unwrap_or(Gnss::Gps),
        tod_ms: Some(f64::from(t.gnss_tod_msec) + f64::from(t.gnss_tod_frac.unwrap_or(0)) / 4000.0),
        modulo_s: 3600,
        uncertainty_s: t.gnss_tod_unc.map(|k| LPP_TIME_US.value(k) * 1e-6),
        gsm_frame: frame,
    }
}

/// The cell's time is not written.
pub(super) fn from_time(t: &MeasurementTime) -> asn::MeasurementReferenceTime {
    let quarter_us = (t.tod_ms.unwrap_or(0.0).rem_euclid(3_600_000.0) * 4000.0).floor() as u64;
    asn::MeasurementReferenceTime {
        gnss_tod_msec: (quarter_us / 4000 % 3_600_000) as u32,
        gnss_tod_frac: Some((quarter_us % 4000) as u16),
        gnss_tod_unc: t.uncertainty_s.map(|s| LPP_TIME_US.ceil(s * 1e6)),
        gnss_time_id: ids::from_gnss(t.system),
        network_time: None,
    }
}

pub(super) fn decode(m: &asn::GNSSSignalMeasurementInformation) -> GnssMeasurements {
    let mut satellites = Vec::new();
    for g in &m.gnss_measurement_list.0 {
        let Some(gnss) = ids::gnss(&g.gnss_id) else { continue };
        for s in &g.gnss_sgn_meas_list.0 {
            let signal = ids::signal(&s.gnss_signal_id);
            let ambiguity = s.gnss_code_phase_ambiguity.unwrap_or(1);
            satellites
                .extend(s.gnss_sat_meas_list.0.iter().filter_map(|e| satellite(gnss, signal, ambiguity, e)));
        }
    }
    GnssMeasurements { time: time(&m.measurement_reference_time), satellites }
}

fn satellite(
    gnss: Gnss,
    signal: u8,
    ambiguity_ms: u8,
    e: &asn::GNSSSatMeasElement,
) -> Option<SatMeasurement> {
    let adr = e.adr.map(|low| {
        let high = e.ext1.as_ref().and_then(|e| e.adr_msb_r15).unwrap_or(0);
        let negative = e.ext1.as_ref().and_then(|e| e.adr_sign_r15)
            == Some(asn::GNSSSatMeasElementExt1AdrSignR15::negative);
        let m = f64::from(u32::from(high) << 25 | low) * ADR_M;
        if negative { -m } else { m }
    });
    Some(SatMeasurement {
        sat: ids::sat(gnss, &e.sv_id)?,
        signal,
        cn0_dbhz: e.c_no,
        multipath: match e.mpath_det {
            asn::GNSSSatMeasElementMpathDet::low => Multipath::Low,
            asn::GNSSSatMeasElementMpathDet::medium => Multipath::Medium,
            asn::GNSSSatMeasElementMpathDet::high => Multipath::High,
            _ => Multipath::NotMeasured,
        },
        carrier_quality: e.carrier_quality_ind,
        code_phase_ms: f64::from(e.code_phase) / PHASE,
        whole_ms: e.integer_code_phase,
        ambiguity_ms,
        rms_m: rms_m(e.code_phase_rmserror),
        doppler_mps: e.doppler.map(|d| f64::from(d) * DOPPLER_MPS),
        adr_m: adr,
    })
}

/// `None` without a satellite. Systems and signals stay in the order of their first satellite.
pub(super) fn encode(m: &GnssMeasurements) -> Option<asn::GNSSSignalMeasurementInformation> {
    let mut systems: Vec<(Gnss, Vec<asn::GNSSSgnMeasElement>)> = Vec::new();
    for s in &m.satellites {
        let Some(element) = from_satellite(s) else { continue };
        let at = systems.iter().position(|(g, _)| *g == s.sat.gnss).unwrap_or_else(|| {
            systems.push((s.sat.gnss, Vec::new()));
            systems.len() - 1
        });
        let signals = &mut systems[at].1;
        let ambiguity = (s.ambiguity_ms != 1).then_some(s.ambiguity_ms);
        let same = |e: &asn::GNSSSgnMeasElement| {
            ids::signal(&e.gnss_signal_id) == s.signal && e.gnss_code_phase_ambiguity == ambiguity
        };
        if let Some(e) = signals.iter_mut().find(|e| same(e)) {
            e.gnss_sat_meas_list.0.push(element);
        } else {
            signals.push(asn::GNSSSgnMeasElement {
                gnss_signal_id: ids::from_signal(s.signal),
                gnss_code_phase_ambiguity: ambiguity,
                gnss_sat_meas_list: asn::GNSSSatMeasList(vec![element]),
            });
        }
    }
    let list: Vec<_> = systems
        .into_iter()
        .map(|(g, signals)| asn::GNSSMeasurementForOneGNSS {
            gnss_id: ids::from_gnss(g),
            gnss_sgn_meas_list: asn::GNSSSgnMeasList(signals),
        })
        .collect();
    (!list.is_empty()).then(|| asn::GNSSSignalMeasurementInformation {
        measurement_reference_time: from_time(&m.time),
        gnss_measurement_list: asn::GNSSMeasurementList(list),
    })
}

fn from_satellite(s: &SatMeasurement) -> Option<asn::GNSSSatMeasElement> {
    let adr = s.adr_m.map(|m| ((m.abs() / ADR_M).round().min(536_870_911.0) as u32, m < 0.0));
    Some(asn::GNSSSatMeasElement {
        sv_id: ids::from_sat(s.sat)?,
        c_no: s.cn0_dbhz.min(63),
        mpath_det: match s.multipath {
            Multipath::NotMeasured => asn::GNSSSatMeasElementMpathDet::notMeasured,
            Multipath::Low => asn::GNSSSatMeasElementMpathDet::low,
            Multipath::Medium => asn::GNSSSatMeasElementMpathDet::medium,
            Multipath::High => asn::GNSSSatMeasElementMpathDet::high,
        },
        carrier_quality_ind: s.carrier_quality,
        code_phase: ((s.code_phase_ms.rem_euclid(1.0) * PHASE).round() as u32) % 2_097_152,
        integer_code_phase: s.whole_ms,
        code_phase_rmserror: rms_index(s.rms_m),
        doppler: s.doppler_mps.map(|d| (d / DOPPLER_MPS).round() as i16),
        adr: adr.map(|(n, _)| n & 0x1ff_ffff),
        ext1: adr.filter(|(n, negative)| *negative || n >> 25 != 0).map(|(n, negative)| {
            asn::GNSSSatMeasElementExt1 {
                adr_msb_r15: Some((n >> 25) as u8),
                adr_sign_r15: negative.then_some(asn::GNSSSatMeasElementExt1AdrSignR15::negative),
                adr_rmserror_r15: None,
                delta_code_phase_r15: None,
            }
        }),
    })
}

pub(super) fn ecid(m: &asn::ECIDSignalMeasurementInformation) -> Vec<EcidMeasurement> {
    let primary = m.primary_cell_measured_results.iter().map(|e| cell(e, true));
    primary.chain(m.measured_results_list.0.iter().map(|e| cell(e, false))).collect()
}

fn cell(e: &asn::MeasuredResultsElement, primary: bool) -> EcidMeasurement {
    let ext = e.ext1.as_ref().and_then(|e| e.arfcn_eutra_v9a0.as_ref()).map(|a| a.0);
    let fine = e.ext3.as_ref();
    // TS 36.133: RSRP code n is −141 + n dBm and up, RSRQ code n −20 + n/2 dB; the extensions go on below.
    let rsrp = fine.and_then(|e| e.rsrp_result_v1470).map(i16::from).or(e.rsrp_result.map(i16::from));
    let rsrq = fine.and_then(|e| e.rsrq_result_v1470).map(i16::from).or(e.rsrq_result.map(i16::from));
    EcidMeasurement {
        physical_id: e.phys_cell_id,
        cell: e.cell_global_id.as_ref().and_then(|c| {
            let plmn = Plmn {
                mcc: c.plmn_identity.mcc.0.iter().fold(0, |v, d| v * 10 + u16::from(d.0)),
                mnc: c.plmn_identity.mnc.0.iter().fold(0, |v, d| v * 10 + u16::from(d.0)),
            };
            match &c.cell_identity {
                asn::CellGlobalIdEUTRAAndUTRACellIdentity::eutra(b) => {
                    Some(CellId::Lte { plmn, tac: 0, eci: bits::number(b) as u32 })
                }
                // 28 bits; the field has room for four more.
                asn::CellGlobalIdEUTRAAndUTRACellIdentity::utra(b) => {
                    let uc = bits::number(b) as u32;
                    (uc < 1 << 28).then_some(CellId::Wcdma { plmn, uc })
                }
            }
        }),
        earfcn: ext.unwrap_or(u32::from(e.arfcn_eutra.0)),
        primary,
        rsrp_dbm: rsrp.map(|n| f64::from(n) - 141.0),
        rsrq_db: rsrq.map(|n| f64::from(n) / 2.0 - 20.0),
        rx_tx_s: e.ue_rx_tx_time_diff.map(rx_tx_s),
    }
}

/// UE Rx–Tx time difference (TS 36.133 9.1.9.2): steps of 2·Ts below 4,096·Ts, of 8·Ts above.
fn rx_tx_s(code: u16) -> f64 {
    let ts = 1.0 / 30_720_000.0;
    let n = f64::from(code);
    if code <= 2047 { n * 2.0 * ts } else { (4096.0 + (n - 2048.0) * 8.0) * ts }
}

fn from_rx_tx(s: f64) -> u16 {
    let n = s * 30_720_000.0;
    let code = if n < 4096.0 { n / 2.0 } else { (n - 4096.0) / 8.0 + 2048.0 };
    code.round().clamp(0.0, 4095.0) as u16
}

/// Network codes are written with two digits where two do: which of `01` and `001` was meant is not known here.
fn global_id(cell: CellId) -> Option<asn::CellGlobalIdEUTRAAndUTRA> {
    use asn::CellGlobalIdEUTRAAndUTRACellIdentity as Identity;
    let (plmn, cell_identity) = match cell {
        CellId::Lte { plmn, eci, .. } => (plmn, Identity::eutra(bits::bits(u64::from(eci), 28))),
        CellId::Wcdma { plmn, uc } => (plmn, Identity::utra(bits::bits(u64::from(uc), 32))),
        _ => return None,
    };
    let digit = |n: u16, place: u16| (n / place % 10) as u8;
    let mcc = [100, 10, 1].map(|p| asn::AnonymousCellGlobalIdEUTRAAndUTRAPlmnIdentityMcc(digit(plmn.mcc, p)));
    let places: &[u16] = if plmn.mnc > 99 { &[100, 10, 1] } else { &[10, 1] };
    let mnc =
        places.iter().map(|p| asn::AnonymousCellGlobalIdEUTRAAndUTRAPlmnIdentityMnc(digit(plmn.mnc, *p)));
    Some(asn::CellGlobalIdEUTRAAndUTRA {
        plmn_identity: asn::CellGlobalIdEUTRAAndUTRAPlmnIdentity {
            mcc: asn::CellGlobalIdEUTRAAndUTRAPlmnIdentityMcc(mcc.to_vec()),
            mnc: asn::CellGlobalIdEUTRAAndUTRAPlmnIdentityMnc(mnc.collect()),
        },
        cell_identity,
    })
}

/// `None` without a cell.
pub(super) fn from_ecid(list: &[EcidMeasurement]) -> Option<asn::ECIDSignalMeasurementInformation> {
    let element = |m: &EcidMeasurement| asn::MeasuredResultsElement {
        phys_cell_id: m.physical_id.min(503),
        cell_global_id: m.cell.and_then(global_id),
        arfcn_eutra: asn::ARFCNValueEUTRA(u16::try_from(m.earfcn).unwrap_or(u16::MAX)),
        system_frame_number: None,
        rsrp_result: m.rsrp_dbm.map(|p| (p + 141.0).round().clamp(0.0, 97.0) as u8),
        rsrq_result: m.rsrq_db.map(|q| ((q + 20.0) * 2.0).round().clamp(0.0, 34.0) as u8),
        ue_rx_tx_time_diff: m.rx_tx_s.map(from_rx_tx),
        ext1: (m.earfcn > 65_535).then(|| asn::MeasuredResultsElementExt1 {
            arfcn_eutra_v9a0: Some(asn::ARFCNValueEUTRAV9a0(m.earfcn.min(262_143))),
        }),
        ext2: None,
        ext3: None,
    };
    let primary = list.iter().find(|m| m.primary);
    let mut rest: Vec<_> = list.iter().filter(|m| !m.primary).take(32).map(element).collect();
    if rest.is_empty() {
        // The list must not be empty: a lone serving cell is said in both places.
        rest.push(element(primary?));
    }
    Some(asn::ECIDSignalMeasurementInformation {
        primary_cell_measured_results: primary.map(element),
        measured_results_list: asn::MeasuredResultsList(rest),
    })
}
