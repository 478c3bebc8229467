//! What a SET measured, as RRLP and LPP share it.

use crate::base::broadcast::{Gnss, SatId};
use crate::base::cell::CellId;
use crate::base::time::GpsTime;

/// Wavelength of GPS L1 in metres: what turns its Doppler in Hz into a range rate.
pub(crate) const GPS_L1_WAVELENGTH_M: f64 = 299_792_458.0 / 1_575_420_000.0;

/// One set of GNSS code measurements, taken at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct GnssMeasurements {
    /// When.
    pub time: MeasurementTime,
    /// What.
    pub satellites: Vec<SatMeasurement>,
}

/// The instant of measurements or of a fix, as far as the wire says it: a time modulo an hour (LPP, GANSS) or four hours
/// (RRLP GPS).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasurementTime {
    /// In whose time.
    pub system: Gnss,
    /// Milliseconds since the last multiple of `modulo_s`; `None` where a GSM frame number is all there is.
    pub tod_ms: Option<f64>,
    /// 3,600 or 14,400.
    pub modulo_s: u32,
    /// Uncertainty, seconds.
    pub uncertainty_s: Option<f64>,
    /// GSM frame number at the measurement (RRLP `refFrame`), modulo 42,432 where a SET counts right.
    pub gsm_frame: Option<u32>,
}

impl MeasurementTime {
    /// The instant nearest to `near` that fits; `None` without a time.
    pub fn resolve(&self, near: GpsTime) -> Option<GpsTime> {
        let ms = self.tod_ms?;
        let modulo = i64::from(self.modulo_s) * 1_000_000_000;
        // The day's phase of each system's time against GPS time; all are constant for a given day.
        let (_, here) = match self.system {
            Gnss::Glonass => near.glonass(),
            Gnss::BeiDou => near.bdt(),
            _ => (0, near.tow_ns()),
        };
        let wanted = (ms * 1e6).round() as i64;
        let ahead = (wanted - here).rem_euclid(modulo);
        let step = if ahead > modulo / 2 { ahead - modulo } else { ahead };
        Some(GpsTime::from_ns(near.ns() + step))
    }
}

/// The code phase of one signal of one satellite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SatMeasurement {
    /// Satellite.
    pub sat: SatId,
    /// Signal id (TS 37.355 `GNSS-SignalID`).
    pub signal: u8,
    /// Carrier to noise density, dB-Hz.
    pub cn0_dbhz: u8,
    /// Multipath.
    pub multipath: Multipath,
    /// Whether the carrier was tracked without a slip and with data polarity known (LPP `carrierQualityInd`, 2 bits).
    pub carrier_quality: Option<u8>,
    /// Code phase, ms, increasing with range, 0.0..1.0.
    pub code_phase_ms: f64,
    /// Whole milliseconds before the code phase, where the SET resolved them.
    pub whole_ms: Option<u8>,
    /// The code phase plus whole milliseconds is known modulo this many ms; 0 means that it is not ambiguous.
    pub ambiguity_ms: u8,
    /// RMS error of the code phase, metres: the upper bound of its class; infinite for the last class (≥ 112 m).
    pub rms_m: f64,
    /// Doppler as range rate, m/s, positive when approaching.
    pub doppler_mps: Option<f64>,
    /// Accumulated delta range, metres.
    pub adr_m: Option<f64>,
}

/// Multipath as a SET judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Multipath {
    /// Not judged.
    NotMeasured,
    /// Error below 5 m.
    Low,
    /// 5 to 43 m.
    Medium,
    /// Above 43 m.
    High,
}

/// Measurements of one LTE cell (LPP ECID).
#[derive(Clone, Debug, PartialEq)]
pub struct EcidMeasurement {
    /// Physical cell identity, 0..=503.
    pub physical_id: u16,
    /// The cell, where the SET read its identity. LPP names no tracking area here: it is 0 in an LTE id.
    pub cell: Option<CellId>,
    /// EARFCN.
    pub earfcn: u32,
    /// Whether it is the primary (serving) cell.
    pub primary: bool,
    /// Received power, dBm.
    pub rsrp_dbm: Option<f64>,
    /// Received quality, dB.
    pub rsrq_db: Option<f64>,
    /// Difference of reception and transmission, seconds.
    pub rx_tx_s: Option<f64>,
}

/// Upper bound in metres of a pseudorange error class 0..=63 (TS 44.031 table A.6, TS 37.355 `codePhaseRMSError`).
pub(crate) fn rms_m(index: u8) -> f64 {
    if index >= 63 {
        return f64::INFINITY;
    }
    0.5 * (1.0 + f64::from(index & 7) / 8.0) * f64::from(1u32 << (index >> 3))
}

/// The class of an error.
pub(crate) fn rms_index(m: f64) -> u8 {
    (0..63).find(|i| m <= rms_m(*i)).unwrap_or(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_classes() {
        assert_eq!(rms_m(62), 112.0);
        for i in 0..=63 {
            assert_eq!(rms_index(rms_m(i)), i);
        }
        assert_eq!(rms_index(f64::NAN), 63);
    }

    #[test]
    fn the_hour_is_resolved_near_a_time() {
        let near = GpsTime::from_week_s(2243, 39_618);
        let mut t = MeasurementTime {
            system: Gnss::Gps,
            tod_ms: Some(17_500.0),
            modulo_s: 3600,
            uncertainty_s: None,
            gsm_frame: None,
        };
        assert_eq!(t.resolve(near), Some(GpsTime::from_week_tow(2243, 39_617.5)));
        // Five minutes later the hour has begun anew.
        t.tod_ms = Some(3_590_000.0);
        assert_eq!(t.resolve(GpsTime::from_week_s(2243, 39_602)), Some(GpsTime::from_week_s(2243, 39_590)));
        t.system = Gnss::BeiDou;
        t.tod_ms = Some(4_000.0);
        assert_eq!(t.resolve(near), Some(GpsTime::from_week_s(2243, 39_618)));
        t.tod_ms = None;
        assert_eq!(t.resolve(near), None);
    }
}
