//! The codes of acquisition assistance that LPP and RRLP's GANSS part share (TS 37.355 `GNSS-AcquisitionAssistElement`,
//! TS 44.031 A.4.6.2.7).

use super::assist::AcquisitionSat;
use crate::base::broadcast::SatId;
use crate::base::time::GpsTime;
use crate::wire::measure::GPS_L1_WAVELENGTH_M;

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

/// The Doppler's rate in steps of 1/210 m/s², which is what the range of −0.2 to +0.1 m/s² makes of 64 values; the rates of
/// satellites, down to −0.18 m/s², are inside.
const RATE_STEPS: f64 = 210.0;
const RATE_MIN: f64 = 0.2;

/// The codes of one satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// 0.5 m/s.
    pub(crate) doppler0: i16,
    /// −0.2 + n/210 m/s².
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
        let window = WINDOW_MS
            .iter()
            .skip(1)
            .position(|w| *w >= s.window_ms + 1.0 / 1024.0)
            .map_or(0, |i| i as u8 + 1);
        // The window is around what the code says, not around what was meant.
        let rounding = 0.25;
        let uncertainty = s
            .doppler_unc_mps
            .map_or(0, |u| (0..=4u8).rev().find(|n| 40.0 / f64::from(1u8 << n) >= u + rounding).unwrap_or(0));
        Self {
            doppler0: (s.doppler_mps * 2.0).round().clamp(-2048.0, 2047.0) as i16,
            doppler1: ((s.doppler_rate_mps2 + RATE_MIN) * RATE_STEPS).round().clamp(0.0, 63.0) as u8,
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
            doppler_rate_mps2: f64::from(self.doppler1) / RATE_STEPS - RATE_MIN,
            doppler_unc_mps: Some(40.0 / f64::from(1u8 << self.doppler_uncertainty.min(4))),
            travel_ms: travel.rem_euclid(128.0),
            window_ms: WINDOW_MS.get(usize::from(self.window)).copied().unwrap_or(f64::INFINITY),
            azimuth_deg: f64::from(self.azimuth) * ANGLE_DEG,
            elevation_deg: f64::from(self.elevation) * ANGLE_DEG,
        }
    }
}

/// Half widths of the search window of GPS's own part in chips, by code (TS 44.031 table A.27).
const WINDOW_CHIPS: [f64; 16] =
    [511.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0];
/// Chips of a C/A code period.
const CHIPS: f64 = 1023.0;

/// The codes of one GPS satellite in RRLP's own part for GPS (TS 44.031 table A.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GpsCode {
    /// 2.5 Hz.
    pub(crate) doppler0: i16,
    /// −1 + n/42 Hz/s.
    pub(crate) doppler1: u8,
    /// 200·2⁻ⁿ Hz.
    pub(crate) doppler_uncertainty: u8,
    /// Chips by which the code is late, 0..=1022.
    pub(crate) phase: u16,
    /// Code periods since the last bit edge, 0..=19.
    pub(crate) int_phase: u8,
    /// Bits modulo 4.
    pub(crate) bit: u8,
    /// Index into the windows.
    pub(crate) window: u8,
    pub(crate) azimuth: u8,
    pub(crate) elevation: u8,
}

impl GpsCode {
    /// Codes of a satellite for reception at `time`.
    pub(crate) fn new(time: GpsTime, s: &AcquisitionSat) -> Self {
        let sent = time.tow_ns() as f64 * 1e-6 - s.travel_ms;
        let chips = s.window_ms * CHIPS + 1.0;
        let window = WINDOW_CHIPS.iter().skip(1).position(|w| *w >= chips).map_or(0, |i| i as u8 + 1);
        let hz = |mps: f64| mps / GPS_L1_WAVELENGTH_M;
        // Half a step of Doppler is lost in rounding.
        let unc = s.doppler_unc_mps.map(|u| hz(u) + 1.25);
        let doppler_uncertainty =
            unc.map_or(0, |u| (0..=4u8).rev().find(|n| 200.0 / f64::from(1u8 << n) >= u).unwrap_or(0));
        Self {
            doppler0: (hz(s.doppler_mps) / 2.5).round().clamp(-2048.0, 2047.0) as i16,
            doppler1: ((hz(s.doppler_rate_mps2) + 1.0) * 42.0).round().clamp(0.0, 63.0) as u8,
            doppler_uncertainty,
            phase: ((s.travel_ms.rem_euclid(1.0) * CHIPS) as u16).min(1022),
            int_phase: sent.floor().rem_euclid(20.0) as u8,
            bit: (sent / 20.0).floor().rem_euclid(4.0) as u8,
            window,
            azimuth: ((s.azimuth_deg.rem_euclid(360.0) / 11.25) as u8).min(31),
            elevation: (s.elevation_deg.max(0.0) / 11.25).min(7.0) as u8,
        }
    }

    /// What codes mean for reception at `time`; the travel time modulo 80 ms.
    pub(crate) fn satellite(self, sat: SatId, time: GpsTime) -> AcquisitionSat {
        // Whole ms of transmission modulo 80, and the fraction by which it lies behind a whole ms of reception.
        let sent = f64::from(self.bit) * 20.0 + f64::from(self.int_phase);
        let whole = ((time.tow_ns() / 1_000_000) as f64 - sent - 1.0).rem_euclid(80.0);
        let mps = |hz: f64| hz * GPS_L1_WAVELENGTH_M;
        AcquisitionSat {
            sat,
            doppler_mps: mps(f64::from(self.doppler0) * 2.5),
            doppler_rate_mps2: mps(f64::from(self.doppler1) / 42.0 - 1.0),
            doppler_unc_mps: Some(mps(200.0 / f64::from(1u8 << self.doppler_uncertainty.min(4)))),
            travel_ms: whole + f64::from(self.phase) / CHIPS,
            window_ms: WINDOW_CHIPS.get(usize::from(self.window)).map_or(1.0, |c| c / CHIPS),
            azimuth_deg: f64::from(self.azimuth) * 11.25,
            elevation_deg: f64::from(self.elevation) * 11.25,
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
