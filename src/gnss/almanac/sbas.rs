//! Almanacs of SBAS satellites (RTCA DO-229 message type 17): their position, coarsely.

use crate::base::GpsTime;
use crate::base::broadcast::{SbasAlmanac, SbasEphemeris};
use crate::gnss::scale::{SBAS_LSB, narrow, signed};
use crate::gnss::visibility::{Ecef, dot};

/// Metres of a step of the position.
const POSITION_LSB: Ecef = [2_600.0, 2_600.0, 26_000.0];
/// Bits of the position.
const POSITION_BITS: [u32; 3] = [15, 15, 9];
/// Metres per second of a step of the velocity.
const VELOCITY_LSB: Ecef = [10.0, 10.0, 40.96];
/// Seconds of a step of the time.
const T0_S: i64 = 64;
/// Distances from the Earth's centre between which geostationary satellites keep, metres.
const DISTANCES: std::ops::RangeInclusive<f64> = 42.0e6..=42.4e6;

/// Where the almanac puts its satellite.
pub(super) fn position(a: &SbasAlmanac, t: GpsTime) -> Ecef {
    let dt = t - a.t0;
    std::array::from_fn(|i| {
        f64::from(a.position[i]) * POSITION_LSB[i] + f64::from(a.velocity[i]) * VELOCITY_LSB[i] * dt
    })
}

/// The almanac entry of an ephemeris; `None` for a position that no geostationary satellite has.
///
/// It stands still: what moves a geostationary satellite swings it about its place once a day, and a rate in steps of 10 m/s would
/// carry it away within hours.
pub(super) fn derive(e: &SbasEphemeris) -> Option<SbasAlmanac> {
    let ns = e.t0.tow_ns();
    // The whole step before t0; in a minute a geostationary satellite does not leave its cell.
    let t0 = GpsTime::from_ns(e.t0.ns() - ns.rem_euclid(T0_S * 1_000_000_000));
    let mut position = [0; 3];
    let metres: Ecef = std::array::from_fn(|i| f64::from(e.position[i]) * SBAS_LSB[i].0);
    if !DISTANCES.contains(&dot(metres, metres).sqrt()) {
        return None;
    }
    for i in 0..3 {
        let n = signed("almanac", metres[i], POSITION_LSB[i], POSITION_BITS[i]).ok()?;
        position[i] = narrow("almanac", n).ok()?;
    }
    let off = if e.unhealthy { 0b111 } else { 0 };
    Some(SbasAlmanac {
        sat: e.sat,
        t0,
        position,
        velocity: [0; 3],
        health: provider(e.sat.number) << 4 | off,
    })
}

/// The service provider of message type 17 (0 WAAS, 1 EGNOS, 2 MSAS, 3 GAGAN, 4 SDCM, 5 BDSBAS, 6 KASS) by the PRN code (number
/// + 100) that it was assigned; 15 for others.
const fn provider(number: u8) -> u8 {
    match number {
        31 | 33 | 35 | 38 => 0,
        20 | 21 | 23 | 26 | 36 => 1,
        29 | 37 => 2,
        27 | 28 | 32 => 3,
        25 | 40 | 41 => 4,
        30 | 43 | 44 => 5,
        34 => 6,
        _ => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::{Gnss, SatId};

    #[test]
    fn a_satellite_stays_in_its_cell() {
        let e = SbasEphemeris {
            sat: SatId::new(Gnss::Sbas, 23),
            t0: GpsTime::from_week_s(2243, 39_632),
            // 42,164 km at 31.5° east.
            position: [449_382_000, 275_380_000, 20_000],
            velocity: [1_000, -2_000, 300],
            acceleration: [0; 3],
            agf0: 0,
            agf1: 0,
            ura: 0,
            iodn: 1,
            unhealthy: true,
        };
        let a = derive(&e).unwrap();
        assert_eq!(a.t0.tow_ns() % (64 * 1_000_000_000), 0);
        assert_eq!(a.health, 0x17);
        let (p, q) = (
            position(&a, e.t0),
            crate::gnss::orbit::state(&crate::base::broadcast::Ephemeris::Sbas(e), e.t0),
        );
        for i in 0..3 {
            assert!((p[i] - q.position[i]).abs() <= POSITION_LSB[i] / 2.0 + 1e3, "{i}");
        }
        assert!(derive(&SbasEphemeris { position: [i32::MAX, 0, 0], ..e }).is_none());
        assert!(derive(&SbasEphemeris { position: [0; 3], ..e }).is_none());
    }
}
