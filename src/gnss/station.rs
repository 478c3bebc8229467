//! What reference stations say: where they stand and what they measure.

use super::solve::Signal;
use super::visibility::Ecef;
use crate::base::GpsTime;
use crate::base::broadcast::{Gnss, SatId};

/// Where a reference station's antenna stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// Number of the station in its network, 0..=4095.
    pub id: u16,
    /// Antenna reference point, metres, Earth-fixed.
    pub position: Ecef,
    /// Height of the antenna above a marker, metres, where stated; the position is that of the antenna nonetheless.
    pub antenna_height_m: Option<f64>,
    /// Whether it stands for a computed place rather than for an antenna.
    pub virtual_station: bool,
}

/// A signal by its RINEX 3 code: band and attribute (`1C`, `5Q`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignalCode {
    /// Band, 1..=9.
    pub band: u8,
    /// Tracking mode or channel, an upper-case letter.
    pub attribute: u8,
}

impl SignalCode {
    /// A code.
    pub const fn new(band: u8, attribute: u8) -> Self {
        Self { band, attribute }
    }

    /// The signal, where it is one on which positions are worked out.
    pub fn ranging(self, gnss: Gnss) -> Option<Signal> {
        Signal::from_rinex(gnss, self.band.checked_add(b'0')?, self.attribute)
    }

    /// Carrier frequency in Hz (RINEX 3.05 tables 4–10); GLONASS's first two bands need the channel. `None` for a band that
    /// the system does not have.
    pub fn carrier_hz(self, gnss: Gnss, channel: Option<i8>) -> Option<f64> {
        let fdma = |base: f64, step: f64| channel.map(|k| base + f64::from(k) * step);
        let mhz = match (gnss, self.band) {
            (Gnss::Gps | Gnss::Qzss | Gnss::Sbas | Gnss::Galileo | Gnss::BeiDou | Gnss::NavIc, 1) => 1575.42,
            (Gnss::Gps | Gnss::Qzss, 2) => 1227.60,
            (Gnss::Gps | Gnss::Qzss | Gnss::Sbas | Gnss::Galileo | Gnss::BeiDou | Gnss::NavIc, 5) => 1176.45,
            (Gnss::Qzss | Gnss::Galileo, 6) => 1278.75,
            (Gnss::Galileo | Gnss::BeiDou, 7) => 1207.14,
            (Gnss::Galileo | Gnss::BeiDou, 8) => 1191.795,
            (Gnss::BeiDou, 2) => 1561.098,
            (Gnss::BeiDou, 6) => 1268.52,
            (Gnss::NavIc, 9) => 2492.028,
            (Gnss::Glonass, 1) => fdma(1602.0, 0.5625)?,
            (Gnss::Glonass, 2) => fdma(1246.0, 0.4375)?,
            (Gnss::Glonass, 3) => 1202.025,
            (Gnss::Glonass, 4) => 1600.995,
            (Gnss::Glonass, 6) => 1248.06,
            _ => return None,
        };
        Some(mhz * 1e6)
    }
}

/// One signal of one satellite as a station received it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StationObservation {
    /// Satellite.
    pub sat: SatId,
    /// Signal.
    pub signal: SignalCode,
    /// FDMA channel of GLONASS, −7..=13, where stated.
    pub channel: Option<i8>,
    /// Pseudorange, metres.
    pub pseudorange_m: Option<f64>,
    /// Carrier phase as a range, metres; a whole number of wavelengths is arbitrary.
    pub phase_m: Option<f64>,
    /// Rate of the range from the carrier's Doppler shift, m/s; grows as the satellite goes away.
    pub rate_m_s: Option<f64>,
    /// Carrier to noise density, dB-Hz.
    pub cn0_dbhz: Option<f64>,
    /// For how long the carrier has been followed without a slip, at least, ms.
    pub lock_ms: u32,
    /// Whether half a cycle of the phase is not settled.
    pub half_cycle: bool,
}

/// What a station received of one system at one instant; several follow each other for all its systems.
#[derive(Clone, Debug, PartialEq)]
pub struct StationEpoch {
    /// Number of the station.
    pub station: u16,
    /// System.
    pub gnss: Gnss,
    /// Instant of reception by the station's clock.
    pub time: GpsTime,
    /// Whether more observations of the same instant follow.
    pub more: bool,
    /// In the order of satellites and signals.
    pub observations: Vec<StationObservation>,
}
