//! Location ids: what a SET hears.

use std::time::Duration;

use groma_asn1::ulp as asn;

use crate::base::cell::{CellId, CellStatus, LocationId, Plmn};
use crate::base::geo::GeoPoint;
use crate::wire::bits;

/// Metres that one step of GSM timing advance means: half a bit of 48/13 µs.
const GSM_TA_M: f64 = 553.46;
/// Metres that one step of LTE timing advance means: 16·Ts, half way.
const LTE_TA_M: f64 = 78.07;
/// Metres of a WCDMA chip at 3.84 Mchip/s, half way.
const CHIP_M: f64 = 39.04;
/// Metres that light makes in a nanosecond there and back.
const RTT_NS_M: f64 = 0.149_896_229;

/// A SET's main location id and those of `multipleLocationIds`: the main one first, each followed by the neighbours that it
/// measured and could name.
pub(super) fn decode(main: &asn::LocationId, more: Option<&asn::MultipleLocationIds>) -> Vec<LocationId> {
    let mut out = Vec::new();
    one(main, true, None, &mut out);
    for m in more.map_or(&[][..], |m| &m.0) {
        let age = m.relativetimestamp.as_ref().map(|t| Duration::from_millis(u64::from(t.0) * 10));
        one(&m.location_id, m.serving_flag, age, &mut out);
    }
    out
}

fn one(id: &asn::LocationId, serving: bool, age: Option<Duration>, out: &mut Vec<LocationId>) {
    let status = match id.status {
        asn::Status::stale => CellStatus::Stale,
        asn::Status::current => CellStatus::Current,
        _ => CellStatus::Unknown,
    };
    let at = out.len();
    match &id.cell_info {
        asn::CellInfo::gsmCell(c) => out.push(gsm(c)),
        asn::CellInfo::wcdmaCell(c) => wcdma(c, out),
        asn::CellInfo::cdmaCell(c) => out.push(cdma(c)),
        asn::CellInfo::ver2_CellInfo_extension(e) => match e {
            asn::Ver2CellInfoExtension::lteCell(c) => lte(c, out),
            asn::Ver2CellInfoExtension::wlanAP(a) => out.push(wlan(a)),
            asn::Ver2CellInfoExtension::nrCell(c) => nr(c, out),
            asn::Ver2CellInfoExtension::hrpdCell(c) => {
                out.push(LocationId { announced: announced(c.ref_baselat, c.re_baselong), ..heard(None) });
            }
            asn::Ver2CellInfoExtension::umbCell(c) => {
                out.push(LocationId { announced: announced(c.ref_baselat, c.re_baselong), ..heard(None) });
            }
            _ => out.push(heard(None)),
        },
        asn::CellInfo::unknown_ext(_) => out.push(heard(None)),
    }
    if out.len() == at {
        out.push(heard(None));
    }
    for (i, l) in out.iter_mut().skip(at).enumerate() {
        l.serving = serving && i == 0;
        l.status = status;
        l.age = age;
    }
}

fn heard(cell: Option<CellId>) -> LocationId {
    LocationId {
        cell,
        announced: None,
        range_m: None,
        power_dbm: None,
        serving: false,
        status: CellStatus::Current,
        age: None,
    }
}

fn gsm(c: &asn::GsmCellInformation) -> LocationId {
    let plmn = Plmn { mcc: c.ref_mcc, mnc: c.ref_mnc };
    LocationId {
        range_m: c.ta.map(|t| f64::from(t) * GSM_TA_M),
        ..heard(Some(CellId::Gsm { plmn, lac: c.ref_lac, ci: c.ref_ci }))
    }
}

fn wcdma(c: &asn::WcdmaCellInformation, out: &mut Vec<LocationId>) {
    let plmn = Plmn { mcc: c.ref_mcc, mnc: c.ref_mnc };
    let mut serving = heard(Some(CellId::Wcdma { plmn, uc: c.ref_uc }));
    serving.range_m = c.timing_advance.as_ref().map(|t| {
        let step = match t.t_aresolution {
            Some(asn::TAResolution::res05chip) => 0.5,
            Some(asn::TAResolution::res0125chip) => 0.125,
            _ => 1.0,
        };
        let chip = match t.chip_rate {
            Some(asn::ChipRate::tdd128) => CHIP_M * 3.0,
            Some(asn::ChipRate::tdd768) => CHIP_M / 2.0,
            _ => CHIP_M,
        };
        f64::from(t.ta) * step * chip
    });
    let at = out.len();
    out.push(serving);
    let lists = c.measured_results_list.iter().flat_map(|l| &l.0);
    for m in lists.filter_map(|r| r.cell_measured_results_list.as_ref()).flat_map(|l| &l.0) {
        let power = match &m.mode_specific_info {
            asn::CellMeasuredResultsModeSpecificInfo::fdd(f) => f.cpich_rscp.as_ref().map(|p| p.0),
            asn::CellMeasuredResultsModeSpecificInfo::tdd(t) => t.primary_ccpch_rscp.as_ref().map(|p| p.0),
        };
        let power = power.and_then(rscp_dbm);
        match m.cell_identity {
            Some(uc) if uc == c.ref_uc => {
                if let Some(s) = out.get_mut(at) {
                    s.power_dbm = s.power_dbm.or(power);
                }
            }
            Some(uc) => out.push(LocationId { power_dbm: power, ..heard(Some(CellId::Wcdma { plmn, uc })) }),
            None => {}
        }
    }
}

/// RSCP in dBm (TS 25.133 9.1.1.3): code 0 is −116…−115 dBm; 123 to 127 are −120…−116 dBm.
fn rscp_dbm(code: u8) -> Option<f64> {
    match code {
        0..=91 => Some(f64::from(code) - 116.0),
        123..=127 => Some(f64::from(code) - 243.0),
        _ => None,
    }
}

fn cdma(c: &asn::CdmaCellInformation) -> LocationId {
    let cell = CellId::Cdma { sid: c.ref_sid, nid: c.ref_nid, base_id: c.ref_baseid };
    LocationId { announced: announced(c.ref_baselat, c.re_baselong), ..heard(Some(cell)) }
}

/// Base station position (3GPP2 C.S0005): two's complement in quarter seconds of arc, 22 and 23 bits.
fn announced(lat: u32, lon: u32) -> Option<GeoPoint> {
    let deg = |n: u32, bits: u32| f64::from((n << (32 - bits)) as i32 >> (32 - bits)) / 14_400.0;
    // All zeros means that the base station does not say.
    if lat == 0 && lon == 0 {
        return None;
    }
    GeoPoint::new(deg(lat, 22), deg(lon, 23))
}

fn from_announced(at: Option<GeoPoint>) -> (u32, u32) {
    let code = |deg: f64, bits: u32| ((deg * 14_400.0).round() as i32 as u32) & ((1 << bits) - 1);
    at.map_or((0, 0), |p| (code(p.lat, 22), code(p.lon, 23)))
}

fn plmn(p: &asn::PLMNIdentity, fallback: Option<u16>) -> Option<Plmn> {
    let number = |d: &[asn::MCCMNCDigit]| d.iter().fold(0, |v, d| v * 10 + u16::from(d.0));
    let mcc = p.mcc.as_ref().map(|m| number(&m.0)).or(fallback)?;
    Some(Plmn { mcc, mnc: number(&p.mnc.0) })
}

fn from_plmn(p: Plmn) -> asn::PLMNIdentity {
    let digits = |v: u16, n: usize| {
        let text = format!("{v:0n$}");
        text.bytes().map(|b| asn::MCCMNCDigit(b - b'0')).collect::<Vec<_>>()
    };
    asn::PLMNIdentity { mcc: Some(asn::MCC(digits(p.mcc, 3))), mnc: asn::MNC(digits(p.mnc, 2)) }
}

/// RSRP in dBm (TS 36.133 9.1.4): code n is −141 + n to −140 + n dBm; the extension goes on below.
fn rsrp_dbm(code: i16) -> f64 {
    f64::from(code) - 141.0
}

fn lte(c: &asn::LteCellInformation, out: &mut Vec<LocationId>) {
    let serving_plmn = plmn(&c.cell_global_id_eutra.plmn_identity, None);
    let cell = serving_plmn.map(|plmn| CellId::Lte {
        plmn,
        tac: bits::fixed_number(&c.tracking_area_code.0) as u16,
        eci: bits::fixed_number(&c.cell_global_id_eutra.cell_identity.0) as u32,
    });
    let power = c.rsrp_result_ext.as_ref().map(|r| i16::from(r.0));
    out.push(LocationId {
        range_m: c.ta.map(|t| f64::from(t) * LTE_TA_M),
        power_dbm: power.or(c.rsrp_result.as_ref().map(|r| i16::from(r.0))).map(rsrp_dbm),
        ..heard(cell)
    });
    for m in c.meas_result_list_eutra.iter().flat_map(|l| &l.0) {
        let Some(cgi) = &m.cgi_info else { continue };
        let Some(plmn) = plmn(&cgi.cell_global_id.plmn_identity, serving_plmn.map(|p| p.mcc)) else {
            continue;
        };
        let ext = m.meas_result.rsrp_result_ext.as_ref().map(|r| i16::from(r.0));
        out.push(LocationId {
            power_dbm: ext.or(m.meas_result.rsrp_result.as_ref().map(|r| i16::from(r.0))).map(rsrp_dbm),
            ..heard(Some(CellId::Lte {
                plmn,
                tac: bits::fixed_number(&cgi.tracking_area_code.0) as u16,
                eci: bits::fixed_number(&cgi.cell_global_id.cell_identity.0) as u32,
            }))
        });
    }
}

/// SS-RSRP in dBm (TS 38.133 10.1.6): code n is −157 + n to −156 + n dBm.
fn nr_dbm(m: Option<&asn::NRMeasurements>) -> Option<f64> {
    m.and_then(|m| m.rsrp_range).filter(|r| *r < 127).map(|r| f64::from(r) - 157.0)
}

fn nr(c: &asn::NRCellInformation, out: &mut Vec<LocationId>) {
    let mut mcc = None;
    for s in &c.serving_cell_information.0 {
        let p = plmn(&s.cell_global_id.plmn_identity, mcc);
        mcc = mcc.or(p.map(|p| p.mcc));
        let cell = p.map(|plmn| CellId::Nr {
            plmn,
            tac: bits::fixed_number(&s.tracking_area_code.0) as u32,
            nci: bits::fixed_number(&s.cell_global_id.cell_identity_nr.0),
        });
        // The timing advance has no unit without the subcarrier spacing, which ULP does not carry.
        out.push(LocationId { power_dbm: nr_dbm(s.ssb_measurements.as_ref()), ..heard(cell) });
    }
    for m in c.measured_results_list_nr.iter().flat_map(|l| &l.0) {
        let Some((id, tac)) = m.cell_global_id.as_ref().zip(m.tracking_area_code.as_ref()) else { continue };
        let Some(plmn) = plmn(&id.plmn_identity, mcc) else { continue };
        let nci = bits::fixed_number(&id.cell_identity_nr.0);
        let cell = CellId::Nr { plmn, tac: bits::fixed_number(&tac.0) as u32, nci };
        out.push(LocationId { power_dbm: nr_dbm(m.ssb_measurements.as_ref()), ..heard(Some(cell)) });
    }
}

fn wlan(a: &asn::WlanAPInformation) -> LocationId {
    let [_, _, mac @ ..] = bits::number(&a.ap_macaddress).to_be_bytes();
    let range = a.ap_round_trip_delay.as_ref().and_then(|r| {
        let ns = match r.r_tdunits {
            asn::RTDUnits::microseconds => 1000.0,
            asn::RTDUnits::hundredsofnanoseconds => 100.0,
            asn::RTDUnits::tensofnanoseconds => 10.0,
            asn::RTDUnits::nanoseconds => 1.0,
            asn::RTDUnits::tenthsofnanoseconds => 0.1,
            asn::RTDUnits::unknown_ext(_) => return None,
        };
        Some(f64::from(r.r_tdvalue) * ns * RTT_NS_M)
    });
    let power = a.ap_signal_strength.or(a.set_signal_strength).map(f64::from);
    LocationId { range_m: range, power_dbm: power, ..heard(Some(CellId::Wlan { mac })) }
}

/// The main location id and the rest. The first id becomes the main one; with none, an unknown GSM cell does, since the
/// member is mandatory.
pub(super) fn encode(ids: &[LocationId]) -> (asn::LocationId, Option<asn::MultipleLocationIds>) {
    let unknown = LocationId { status: CellStatus::Unknown, ..heard(None) };
    let (first, rest) = ids.split_first().unwrap_or((&unknown, &[]));
    let more = rest
        .iter()
        .take(asn::MAX_LID_SIZE)
        .map(|l| asn::LocationIdData {
            location_id: from_one(l),
            relativetimestamp: l
                .age
                .map(|a| asn::RelativeTime(u16::try_from(a.as_millis() / 10).unwrap_or(u16::MAX))),
            serving_flag: l.serving,
        })
        .collect::<Vec<_>>();
    (from_one(first), (!more.is_empty()).then_some(asn::MultipleLocationIds(more)))
}

fn steps(range_m: Option<f64>, step: f64, max: f64) -> Option<f64> {
    range_m.map(|r| (r / step).round().clamp(0.0, max))
}

fn from_one(l: &LocationId) -> asn::LocationId {
    let ext = asn::CellInfo::ver2_CellInfo_extension;
    let cell_info = match l.cell {
        Some(CellId::Gsm { plmn, lac, ci }) => asn::CellInfo::gsmCell(asn::GsmCellInformation {
            ref_mcc: plmn.mcc,
            ref_mnc: plmn.mnc,
            ref_lac: lac,
            ref_ci: ci,
            nmr: None,
            ta: steps(l.range_m, GSM_TA_M, 255.0).map(|t| t as u8),
        }),
        Some(CellId::Wcdma { plmn, uc }) => asn::CellInfo::wcdmaCell(asn::WcdmaCellInformation {
            ref_mcc: plmn.mcc,
            ref_mnc: plmn.mnc,
            ref_uc: uc,
            frequency_info: None,
            primary_scrambling_code: None,
            measured_results_list: None,
            cell_parameters_id: None,
            timing_advance: None,
        }),
        Some(CellId::Lte { plmn, tac, eci }) => {
            ext(asn::Ver2CellInfoExtension::lteCell(asn::LteCellInformation {
                cell_global_id_eutra: asn::CellGlobalIdEUTRA {
                    plmn_identity: from_plmn(plmn),
                    cell_identity: asn::CellIdentity(bits::fixed(u64::from(eci))),
                },
                phys_cell_id: asn::PhysCellId(0),
                tracking_area_code: asn::TrackingAreaCode(bits::fixed(u64::from(tac))),
                rsrp_result: l.power_dbm.map(|p| asn::RSRPRange((p + 141.0).round().clamp(0.0, 97.0) as u8)),
                rsrq_result: None,
                ta: steps(l.range_m, LTE_TA_M, 1282.0).map(|t| t as u16),
                meas_result_list_eutra: None,
                earfcn: None,
                earfcn_ext: None,
                rsrp_result_ext: None,
                rsrq_result_ext: None,
                rs_sinr_result: None,
                serving_information5_g: None,
            }))
        }
        Some(CellId::Nr { plmn, tac, nci }) => {
            let ssb = l.power_dbm.map(|p| asn::NRMeasurements {
                rsrp_range: Some((p + 157.0).round().clamp(0.0, 126.0) as u8),
                rsrq_range: None,
                sinr_range: None,
            });
            ext(asn::Ver2CellInfoExtension::nrCell(asn::NRCellInformation {
                serving_cell_information: asn::ServingCellInformationNR(vec![asn::ServCellNR {
                    phys_cell_id: asn::PhysCellIdNR(0),
                    arfcn_nr: asn::ARFCNNR(0),
                    cell_global_id: asn::CellGlobalIdNR {
                        plmn_identity: from_plmn(plmn),
                        cell_identity_nr: asn::CellIdentityNR(bits::fixed(nci)),
                    },
                    tracking_area_code: asn::TrackingAreaCodeNR(bits::fixed(u64::from(tac))),
                    ssb_measurements: ssb,
                    csi_rs_measurements: None,
                    ta: None,
                }]),
                measured_results_list_nr: None,
            }))
        }
        Some(CellId::Cdma { sid, nid, base_id }) => {
            let (lat, lon) = from_announced(l.announced);
            asn::CellInfo::cdmaCell(asn::CdmaCellInformation {
                ref_nid: nid,
                ref_sid: sid,
                ref_baseid: base_id,
                ref_baselat: lat,
                re_baselong: lon,
                ref_refpn: 0,
                ref_week_number: 0,
                ref_seconds: 0,
            })
        }
        Some(CellId::Wlan { mac }) => ext(asn::Ver2CellInfoExtension::wlanAP(access_point(mac, l))),
        None => {
            let (lat, lon) = from_announced(l.announced);
            ext(asn::Ver2CellInfoExtension::hrpdCell(asn::HrpdCellInformation {
                ref_sectorid: None,
                ref_baselat: lat,
                re_baselong: lon,
                ref_week_number: 0,
                ref_seconds: 0,
            }))
        }
    };
    let status = match l.status {
        CellStatus::Stale => asn::Status::stale,
        CellStatus::Current => asn::Status::current,
        CellStatus::Unknown => asn::Status::unknown,
    };
    asn::LocationId { cell_info, status }
}

fn access_point(mac: [u8; 6], l: &LocationId) -> asn::WlanAPInformation {
    let [a, b, c, d, e, f] = mac;
    asn::WlanAPInformation {
        ap_macaddress: bits::bits(u64::from_be_bytes([0, 0, a, b, c, d, e, f]), 48),
        ap_transmit_power: None,
        ap_antenna_gain: None,
        ap_signalto_noise: None,
        ap_device_type: None,
        ap_signal_strength: l.power_dbm.map(|p| p.round().clamp(-127.0, 128.0) as i16),
        ap_channel_frequency: None,
        ap_round_trip_delay: steps(l.range_m, RTT_NS_M, 16_777_216.0).map(|v| asn::RTD {
            r_tdvalue: v as u32,
            r_tdunits: asn::RTDUnits::nanoseconds,
            r_tdaccuracy: None,
        }),
        set_transmit_power: None,
        set_antenna_gain: None,
        set_signalto_noise: None,
        set_signal_strength: None,
        ap_reported_location: None,
        ap_rep_location: None,
        ap_signal_strength_delta: None,
        ap_signalto_noise_delta: None,
        set_signal_strength_delta: None,
        set_signalto_noise_delta: None,
        operating_class: None,
        ap_ssid: None,
        ap_phytype: None,
        set_macaddress: None,
    }
}
