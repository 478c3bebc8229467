//! Lines of measurement sets.

use std::collections::HashMap;

use serde::Deserialize;

use super::Protocol;
use crate::base::broadcast::{Gnss, SatId};
use crate::base::{GeoPoint, GpsTime};
use crate::gnss::assisted::Reference;
use crate::wire::measure::{
    GPS_L1_WAVELENGTH_M, GnssMeasurements, MeasurementTime, Multipath, SatMeasurement, rms_m,
};

/// One line.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) scenario: String,
    pub(super) nav_files: Vec<String>,
    /// The server's idea of the time, and how far off that and the handset's may be, seconds.
    pub(super) near: GpsTime,
    pub(super) time_uncertainty_s: f64,
    pub(super) reference: Reference,
    pub(super) sets: Vec<GnssMeasurements>,
    /// What only the comparison may see.
    pub(super) truth: Option<Truth>,
}

/// Where the handset really was.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) ecef: [f64; 3],
    /// Whole pseudoranges, metres.
    pub(super) ranges: HashMap<SatId, f64>,
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    #[serde(default)]
    scenario: String,
    nav_files: Vec<String>,
    gps_week: i64,
    approx_gps_tow_s: f64,
    time_unc_s: f64,
    #[serde(rename = "ref")]
    reference: RawReference,
    msa: RawMsa,
    truth: Option<RawTruth>,
}

#[derive(Deserialize)]
struct RawReference {
    lat: f64,
    lon: f64,
    alt_m: Option<f64>,
    unc_radius_m: f64,
    #[serde(default = "far")]
    alt_unc_m: f64,
}

fn far() -> f64 {
    500.0
}

#[derive(Deserialize)]
struct RawMsa {
    rrlp: Option<OneOrMore<RawRrlp>>,
    lpp: Option<OneOrMore<RawLpp>>,
}

/// A single set, or several to be combined.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(t) => vec![t],
            Self::More(v) => v,
        }
    }
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct RawRrlp {
    #[serde(rename = "gpsTOW_ms_mod_4h")]
    gps_tow: f64,
    msr: Vec<RawRrlpSat>,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct RawRrlpSat {
    satelliteID: u8,
    cNo: u8,
    doppler: f64,
    wholeChips: f64,
    fracChips: f64,
    mpathIndic: u8,
    pseuRMSErr: u8,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct RawLpp {
    gnss_TOD_msec: f64,
    #[serde(default)]
    gnss_TOD_frac: f64,
    gnss_TOD_unc: Option<u8>,
    gnss_TimeID: String,
    gnss: Vec<RawLppSystem>,
}

#[derive(Deserialize)]
struct RawLppSystem {
    gnss_id: String,
    #[serde(default)]
    signal_id: u8,
    #[serde(default = "one")]
    code_phase_ambiguity_ms: u8,
    sat: Vec<RawLppSat>,
}

fn one() -> u8 {
    1
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct RawLppSat {
    svID: u8,
    cNo: u8,
    mpathDet: u8,
    codePhase: f64,
    integerCodePhase: Option<u8>,
    codePhaseRMSError: u8,
    doppler: Option<f64>,
}

#[derive(Deserialize)]
struct RawTruth {
    ecef: [f64; 3],
    #[serde(default)]
    sats: Vec<RawTruthSat>,
}

#[derive(Deserialize)]
struct RawTruthSat {
    sat: String,
    full_pr_m: f64,
}

fn system(id: &str) -> Option<Gnss> {
    Some(match id {
        "gps" => Gnss::Gps,
        "galileo" => Gnss::Galileo,
        "glonass" => Gnss::Glonass,
        "bds" => Gnss::BeiDou,
        "qzss" => Gnss::Qzss,
        "sbas" => Gnss::Sbas,
        "navic" => Gnss::NavIc,
        _ => return None,
    })
}

const fn multipath(code: u8) -> Multipath {
    match code {
        1 => Multipath::Low,
        2 => Multipath::Medium,
        3 => Multipath::High,
        _ => Multipath::NotMeasured,
    }
}

/// 2^21 steps of an LPP code phase in a millisecond.
const LPP_PHASE: f64 = 2_097_152.0;

impl RawLpp {
    fn measurements(self) -> Result<GnssMeasurements, String> {
        let name = |id: &str| system(id).ok_or_else(|| format!("`{id}` is no GNSS"));
        let mut satellites = Vec::new();
        for g in &self.gnss {
            let gnss = name(&g.gnss_id)?;
            for s in &g.sat {
                let sat = SatId::from_sv_id(gnss, s.svID).ok_or("svID out of range")?;
                satellites.push(SatMeasurement {
                    sat,
                    signal: g.signal_id,
                    cn0_dbhz: s.cNo,
                    multipath: multipath(s.mpathDet),
                    carrier_quality: None,
                    code_phase_ms: s.codePhase / LPP_PHASE,
                    whole_ms: s.integerCodePhase,
                    ambiguity_ms: g.code_phase_ambiguity_ms,
                    rms_m: rms_m(s.codePhaseRMSError),
                    doppler_mps: s.doppler.map(|d| d * 0.04),
                    adr_m: None,
                });
            }
        }
        // TS 37.355 `gnss-TOD-unc`: r = C((1 + x)^K − 1) µs.
        let uncertainty = |k: u8| 0.5e-6 * (1.14_f64.powi(i32::from(k)) - 1.0);
        let time = MeasurementTime {
            system: name(&self.gnss_TimeID)?,
            tod_ms: Some(self.gnss_TOD_msec + self.gnss_TOD_frac / 4000.0),
            modulo_s: 3600,
            uncertainty_s: self.gnss_TOD_unc.map(uncertainty),
            gsm_frame: None,
        };
        Ok(GnssMeasurements { time, satellites })
    }
}

impl RawRrlp {
    fn measurements(self) -> Result<GnssMeasurements, String> {
        let satellite = |s: &RawRrlpSat| {
            Some(SatMeasurement {
                sat: SatId::from_sv_id(Gnss::Gps, s.satelliteID)?,
                signal: 0,
                cn0_dbhz: s.cNo,
                multipath: multipath(s.mpathIndic),
                carrier_quality: None,
                code_phase_ms: (s.wholeChips + s.fracChips / 1024.0) / 1023.0,
                whole_ms: None,
                ambiguity_ms: 1,
                rms_m: rms_m(s.pseuRMSErr),
                doppler_mps: Some(s.doppler * 0.2 * GPS_L1_WAVELENGTH_M),
                adr_m: None,
            })
        };
        let satellites = self.msr.iter().map(satellite).collect::<Option<_>>();
        let time = MeasurementTime {
            system: Gnss::Gps,
            tod_ms: Some(self.gps_tow),
            modulo_s: 14_400,
            uncertainty_s: None,
            gsm_frame: None,
        };
        Ok(GnssMeasurements { time, satellites: satellites.ok_or("satelliteID out of range")? })
    }
}

impl Case {
    /// Reads a line; the error is a phrase for the user.
    pub(super) fn parse(line: &str, protocol: Protocol) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let sets = match protocol {
            Protocol::Lpp => raw
                .msa
                .lpp
                .ok_or("no `msa.lpp`")?
                .into_vec()
                .into_iter()
                .map(RawLpp::measurements)
                .collect::<Result<_, _>>()?,
            Protocol::Rrlp => raw
                .msa
                .rrlp
                .ok_or("no `msa.rrlp`")?
                .into_vec()
                .into_iter()
                .map(RawRrlp::measurements)
                .collect::<Result<_, _>>()?,
        };
        let r = raw.reference;
        let ok_week = (0..10_000).contains(&raw.gps_week) && (0.0..700_000.0).contains(&raw.approx_gps_tow_s);
        if !ok_week {
            return Err("`gps_week` or `approx_gps_tow_s` out of range".to_owned());
        }
        let truth = raw.truth.map(|t| Truth {
            ecef: t.ecef,
            ranges: t.sats.iter().filter_map(|s| Some((s.sat.parse().ok()?, s.full_pr_m))).collect(),
        });
        Ok(Self {
            id: raw.id,
            scenario: raw.scenario,
            nav_files: raw.nav_files,
            near: GpsTime::from_week_tow(raw.gps_week, raw.approx_gps_tow_s),
            time_uncertainty_s: raw.time_unc_s,
            reference: Reference {
                at: GeoPoint::new(r.lat, r.lon).ok_or("`ref` is no place")?,
                uncertainty_m: r.unc_radius_m,
                altitude_m: r.alt_m,
                altitude_uncertainty_m: r.alt_unc_m,
            },
            sets,
            truth,
        })
    }
}
