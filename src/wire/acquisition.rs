//! The codes of acquisition assistance that LPP and RRLP's GANSS part share (TS 37.355 `GNSS-AcquisitionAssistElement`,
//! TS 44.031 A.4.6.2.7).

use super::assist::AcquisitionSat;
use crate::base::broadcast::SatId;
use crate::base::time::GpsTime;

/// Half widths of the search window in ms, by code; code 0 says nothing.
const WINDOW_MS: [f64; 32] = [
    f64::INFINITY,
    0.002,
    0.004,
    0.008,
    0.012,
    0.016,
    0.024,
    0.032,
    0.048,
    0.064,
    0.096,
    0.128,
    0.164,
    0.200,
    0.250,
    0.300,
    0.360,
    0.420,
    0.480,
    0.540,
    0.600,
    0.660,
    0.720,
    0.780,
    0.850,
    1.0,
    1.15,
    1.3,
    1.45,
    1.6,
    1.8,
    2.0,
];

/// Degrees of one step of azimuth and elevation.
const ANGLE_DEG: f64 = 0.703_125;

/// The codes of one satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// 0.5 m/s.
    pub(crate) doppler0: i16,
    /// (n − 42)/1024 m/s².
    pub(crate) doppler1: u8,
    /// 40·2⁻ⁿ m/s.
    pub(crate) doppler_uncertainty: u8,
    /// 2⁻¹⁰ ms of the signal's own code phase.
    pub(crate) phase: u16,
    /// The code phase is 1023, which its member cannot say.
    pub(crate) phase_1023: bool,
    /// Whole ms, modulo 128, by which the transmitted time lies behind.
    pub(crate) int_phase: u8,
    /// Index into the windows.
    pub(crate) window: u8,
    pub(crate) azimuth: u16,
    pub(crate) elevation: u8,
}

impl Code {
    /// Codes of a satellite for reception at `time`.
    pub(crate) fn new(time: GpsTime, s: &AcquisitionSat) -> Self {
        let ms_of_reception = (time.tow_ns() % 1_000_000) as f64 * 1e-6;
        let sent = ms_of_reception - s.travel_ms;
        let phase = ((sent.rem_euclid(1.0) * 1024.0).floor() as u16).min(1023);
        let whole = (-(sent.floor())).rem_euclid(128.0);
        let window = WINDOW_MS.iter().skip(1).position(|w| *w >= s.window_ms).map_or(0, |i| i as u8 + 1);
        let uncertainty = s
            .doppler_unc_mps
            .map_or(0, |u| (0..=4u8).rev().find(|n| 40.0 / f64::from(1u8 << n) >= u).unwrap_or(0));
        Self {
            doppler0: (s.doppler_mps * 2.0).round().clamp(-2048.0, 2047.0) as i16,
            doppler1: (s.doppler_rate_mps2 * 1024.0 + 42.0).round().clamp(0.0, 63.0) as u8,
            doppler_uncertainty: uncertainty,
            phase: phase.min(1022),
            phase_1023: phase == 1023,
            int_phase: whole as u8,
            window,
            azimuth: ((s.azimuth_deg.rem_euclid(360.0) / ANGLE_DEG) as u16).min(511),
            elevation: (s.elevation_deg.max(0.0) / ANGLE_DEG).min(127.0) as u8,
        }
    }

    /// What codes mean for reception at `time`; the travel time modulo 128 ms.
    pub(crate) fn satellite(self, sat: SatId, time: GpsTime) -> AcquisitionSat {
        let phase = if self.phase_1023 { 1023 } else { self.phase };
        let ms_of_reception = (time.tow_ns() % 1_000_000) as f64 * 1e-6;
        let travel = ms_of_reception + f64::from(self.int_phase) - f64::from(phase) / 1024.0;
        AcquisitionSat {
            sat,
            doppler_mps: f64::from(self.doppler0) / 2.0,
            doppler_rate_mps2: (f64::from(self.doppler1) - 42.0) / 1024.0,
            doppler_unc_mps: Some(40.0 / f64::from(1u8 << self.doppler_uncertainty.min(4))),
            travel_ms: travel.rem_euclid(128.0),
            window_ms: WINDOW_MS.get(usize::from(self.window)).copied().unwrap_or(f64::INFINITY),
            azimuth_deg: f64::from(self.azimuth) * ANGLE_DEG,
            elevation_deg: f64::from(self.elevation) * ANGLE_DEG,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::broadcast::Gnss;

    proptest! {
        #[test]
        fn the_expected_code_phase_is_the_transmitted_one(travel in 65.0f64..95.0, us in 0i64..1000) {
            let time = GpsTime::from_ns(1_300_000_000_000_000_000 + us * 1000);
            let s = AcquisitionSat {
                sat: SatId::new(Gnss::Gps, 7), doppler_mps: 321.5, doppler_rate_mps2: 0.01, doppler_unc_mps: Some(20.0),
                travel_ms: travel, window_ms: 0.05, azimuth_deg: 123.0, elevation_deg: 45.0,
            };
            let code = Code::new(time, &s);
            let back = code.satellite(s.sat, time);
            prop_assert!((back.travel_ms - travel).abs() <= 1.0 / 1024.0 + 1e-9, "{} {}", back.travel_ms, travel);
            prop_assert_eq!(back.doppler_mps, 321.5);
            prop_assert!(back.window_ms >= s.window_ms && back.doppler_unc_mps >= s.doppler_unc_mps);
        }
    }
}
