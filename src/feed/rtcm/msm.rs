//! Observations: multiple signal messages 4 to 7 of all systems (RTCM 10403.3, 3.5.16).

use super::RtcmError;
use super::bits::Bits;
use super::when;
use crate::base::GpsTime;
use crate::base::broadcast::{Gnss, SatId};
use crate::base::time::BDT_LAG_S;
use crate::gnss::scale::{C, exp2i};
use crate::gnss::station::{SignalCode, StationEpoch, StationObservation};

/// Light's way in a millisecond, metres.
const MS_M: f64 = C * 1e-3;

/// System and kind (4 to 7) of a message number; `None` for other messages.
pub(super) const fn kind(number: u16) -> Option<(Gnss, u8)> {
    let gnss = match number {
        1071..=1077 => Gnss::Gps,
        1081..=1087 => Gnss::Glonass,
        1091..=1097 => Gnss::Galileo,
        1101..=1107 => Gnss::Sbas,
        1111..=1117 => Gnss::Qzss,
        1121..=1127 => Gnss::BeiDou,
        1131..=1137 => Gnss::NavIc,
        _ => return None,
    };
    match number % 10 {
        kind @ 4..=7 => Some((gnss, kind as u8)),
        _ => None,
    }
}

/// Signals by their place in the mask, from 1: place, band, attribute (RTCM 10403.3 tables 3.5-91 to 3.5-108 and their
/// amendments).
const fn signals(gnss: Gnss) -> &'static [(u8, u8, u8)] {
    match gnss {
        Gnss::Gps => &[
            (2, 1, b'C'),
            (3, 1, b'P'),
            (4, 1, b'W'),
            (8, 2, b'C'),
            (9, 2, b'P'),
            (10, 2, b'W'),
            (15, 2, b'S'),
            (16, 2, b'L'),
            (17, 2, b'X'),
            (22, 5, b'I'),
            (23, 5, b'Q'),
            (24, 5, b'X'),
            (30, 1, b'S'),
            (31, 1, b'L'),
            (32, 1, b'X'),
        ],
        Gnss::Glonass => &[(2, 1, b'C'), (3, 1, b'P'), (8, 2, b'C'), (9, 2, b'P'), (24, 3, b'X')],
        Gnss::Galileo => &[
            (2, 1, b'C'),
            (3, 1, b'A'),
            (4, 1, b'B'),
            (5, 1, b'X'),
            (6, 1, b'Z'),
            (8, 6, b'C'),
            (9, 6, b'A'),
            (10, 6, b'B'),
            (11, 6, b'X'),
            (12, 6, b'Z'),
            (14, 7, b'I'),
            (15, 7, b'Q'),
            (16, 7, b'X'),
            (18, 8, b'I'),
            (19, 8, b'Q'),
            (20, 8, b'X'),
            (22, 5, b'I'),
            (23, 5, b'Q'),
            (24, 5, b'X'),
        ],
        Gnss::Sbas => &[(2, 1, b'C'), (22, 5, b'I'), (23, 5, b'Q'), (24, 5, b'X')],
        Gnss::Qzss => &[
            (2, 1, b'C'),
            (9, 6, b'S'),
            (10, 6, b'L'),
            (11, 6, b'X'),
            (15, 2, b'S'),
            (16, 2, b'L'),
            (17, 2, b'X'),
            (22, 5, b'I'),
            (23, 5, b'Q'),
            (24, 5, b'X'),
            (30, 1, b'S'),
            (31, 1, b'L'),
            (32, 1, b'X'),
        ],
        Gnss::BeiDou => &[
            (2, 2, b'I'),
            (3, 2, b'Q'),
            (4, 2, b'X'),
            (8, 6, b'I'),
            (9, 6, b'Q'),
            (10, 6, b'X'),
            (14, 7, b'I'),
            (15, 7, b'Q'),
            (16, 7, b'X'),
            (22, 5, b'D'),
            (23, 5, b'P'),
            (24, 5, b'X'),
            (25, 7, b'D'),
            (30, 1, b'D'),
            (31, 1, b'P'),
            (32, 1, b'X'),
        ],
        Gnss::NavIc => &[(8, 9, b'A'), (22, 5, b'A')],
    }
}

fn signal(gnss: Gnss, place: u8) -> Option<SignalCode> {
    let (_, band, attribute) = signals(gnss).iter().find(|(p, ..)| *p == place)?;
    Some(SignalCode::new(*band, *attribute))
}

/// The satellite of a place in the mask, from 1. SBAS counts from PRN 120; places that no satellite has are passed over.
const fn satellite(gnss: Gnss, place: u8) -> Option<SatId> {
    let (most, number) = match gnss {
        Gnss::Gps => (32, place),
        Gnss::Glonass => (27, place),
        Gnss::Galileo => (36, place),
        Gnss::Sbas => (39, place + 19),
        Gnss::Qzss => (10, place),
        Gnss::BeiDou => (63, place),
        Gnss::NavIc => (14, place),
    };
    if place <= most { Some(SatId::new(gnss, number)) } else { None }
}

/// The instant of a message by the field of 30 bits that each system fills in its own way.
fn epoch(gnss: Gnss, b: &mut Bits<'_>, around: GpsTime) -> Result<GpsTime, RtcmError> {
    const WEEK_MS: i64 = 604_800_000;
    if gnss == Gnss::Glonass {
        let day = i64::from(b.u(3)?);
        let tod_ms = i64::from(b.u(27)?);
        // A leap second may lengthen the day.
        if tod_ms >= 86_401_000 {
            return Err(RtcmError::Field("epoch"));
        }
        return Ok(when::moscow_time((day < 7).then_some(day), tod_ms, around));
    }
    let ms = i64::from(b.u(30)?);
    if ms >= WEEK_MS {
        return Err(RtcmError::Field("epoch"));
    }
    let lag_ms = if gnss == Gnss::BeiDou { BDT_LAG_S * 1000 } else { 0 };
    Ok(when::nearest((ms + lag_ms) * 1_000_000, around))
}

/// Shortest time of a lock, ms, by the indicator of four bits (DF402).
const fn lock_4(indicator: u32) -> u32 {
    if indicator == 0 { 0 } else { 16 << indicator }
}

/// Shortest time of a lock, ms, by the indicator of ten bits (DF407).
const fn lock_10(indicator: u32) -> u32 {
    match indicator {
        0..64 => indicator,
        64..704 => {
            // Each span of 32 has twice the step of the one before, and goes on where that ended.
            let k = indicator / 32 - 1;
            (indicator - 32 * (k + 1) + 32) << k
        }
        _ => 67_108_864,
    }
}

/// What is said of a satellite for all its signals.
#[derive(Clone, Copy, Debug, Default)]
struct Rough {
    place: u8,
    /// Range, ms; `None` when not stated.
    range_ms: Option<f64>,
    channel: Option<i8>,
    rate_m_s: Option<f64>,
}

/// What is said of one signal of one satellite.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    satellite: usize,
    signal: u8,
    range_ms: Option<f64>,
    phase_ms: Option<f64>,
    lock_ms: u32,
    half_cycle: bool,
    cn0_dbhz: Option<f64>,
    rate_m_s: Option<f64>,
}

/// A signed field whose least value says "not stated", scaled.
fn fine(b: &mut Bits<'_>, width: u32, lsb: f64) -> Result<Option<f64>, RtcmError> {
    let raw = b.i(width)?;
    Ok((raw != -(1 << (width - 1))).then(|| f64::from(raw) * lsb))
}

/// The places of the bits that are set in a mask, most significant first, from 1.
fn places(mask: u64, width: u32) -> impl Iterator<Item = u8> {
    (0..width).filter(move |i| mask >> (width - 1 - i) & 1 != 0).map(|i| i as u8 + 1)
}

/// A message of this system and kind, after the message number.
pub(super) fn observations(
    b: &mut Bits<'_>,
    gnss: Gnss,
    kind: u8,
    around: GpsTime,
) -> Result<StationEpoch, RtcmError> {
    let station = b.u16(12)?;
    let time = epoch(gnss, b, around)?;
    let more = b.flag()?;
    b.u(3 + 7 + 2 + 2 + 1 + 3)?; // issue of the station, reserved, clocks, smoothing
    let satellite_mask = b.u64(64)?;
    let signal_mask = b.u(32)?;
    let width = satellite_mask.count_ones() * signal_mask.count_ones();
    // The standard allows no more cells in a message.
    if width > 64 {
        return Err(RtcmError::Field("cell mask"));
    }
    let cell_mask = b.u64(width)?;
    let detailed = matches!(kind, 5 | 7);
    let mut rough = rough_data(b, gnss, satellite_mask, detailed)?;
    let mut cells = Vec::with_capacity(cell_mask.count_ones() as usize);
    let mut bit = width;
    for satellite in 0..rough.len() {
        for signal in places(u64::from(signal_mask), 32) {
            bit -= 1;
            if cell_mask >> bit & 1 != 0 {
                cells.push(Cell { satellite, signal, ..Cell::default() });
            }
        }
    }
    cell_data(b, kind, &mut cells)?;
    let observations = cells.iter().filter_map(|c| observation(gnss, &mut rough, c)).collect();
    Ok(StationEpoch { station, gnss, time, more, observations })
}

fn rough_data(b: &mut Bits<'_>, gnss: Gnss, mask: u64, detailed: bool) -> Result<Vec<Rough>, RtcmError> {
    let mut rough: Vec<Rough> = places(mask, 64).map(|place| Rough { place, ..Rough::default() }).collect();
    for r in &mut rough {
        let ms = b.u(8)?;
        r.range_ms = (ms != 255).then_some(f64::from(ms));
    }
    if detailed {
        for r in &mut rough {
            let info = b.u8(4)? as i8;
            // 14 and 15 state nothing.
            r.channel = (gnss == Gnss::Glonass && info < 14).then_some(info - 7);
        }
    }
    for r in &mut rough {
        let fraction = f64::from(b.u(10)?) * exp2i(-10);
        r.range_ms = r.range_ms.map(|ms| ms + fraction);
    }
    if detailed {
        for r in &mut rough {
            r.rate_m_s = fine(b, 14, 1.0)?;
        }
    }
    Ok(rough)
}

fn cell_data(b: &mut Bits<'_>, kind: u8, cells: &mut [Cell]) -> Result<(), RtcmError> {
    let exact = kind >= 6;
    let (range, phase) = if exact { ((20, -29), (24, -31)) } else { ((15, -24), (22, -29)) };
    for c in cells.iter_mut() {
        c.range_ms = fine(b, range.0, exp2i(range.1))?;
    }
    for c in cells.iter_mut() {
        c.phase_ms = fine(b, phase.0, exp2i(phase.1))?;
    }
    for c in cells.iter_mut() {
        c.lock_ms = if exact { lock_10(b.u(10)?) } else { lock_4(b.u(4)?) };
    }
    for c in cells.iter_mut() {
        c.half_cycle = b.flag()?;
    }
    for c in cells.iter_mut() {
        let cn0 = if exact { f64::from(b.u(10)?) / 16.0 } else { f64::from(b.u(6)?) };
        c.cn0_dbhz = (cn0 > 0.0).then_some(cn0);
    }
    if matches!(kind, 5 | 7) {
        for c in cells {
            c.rate_m_s = fine(b, 15, 1e-4)?;
        }
    }
    Ok(())
}

/// The observation of a cell; `None` for a satellite or signal that is not known, which does not keep the others away.
fn observation(gnss: Gnss, rough: &mut [Rough], c: &Cell) -> Option<StationObservation> {
    let r = rough.get(c.satellite)?;
    let together = |fine: Option<f64>| Some((r.range_ms? + fine?) * MS_M);
    Some(StationObservation {
        sat: satellite(gnss, r.place)?,
        signal: signal(gnss, c.signal)?,
        channel: r.channel,
        pseudorange_m: together(c.range_ms),
        phase_m: together(c.phase_ms),
        rate_m_s: r.rate_m_s.zip(c.rate_m_s).map(|(rough, fine)| rough + fine),
        cn0_dbhz: c.cn0_dbhz,
        lock_ms: c.lock_ms,
        half_cycle: c.half_cycle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_lock() {
        let short: Vec<u32> = [0, 1, 2, 15].into_iter().map(lock_4).collect();
        assert_eq!(short, [0, 32, 64, 524_288]);
        // Ends of the spans, from the table of the standard.
        for (indicator, ms) in [
            (0, 0),
            (63, 63),
            (64, 64),
            (95, 126),
            (96, 128),
            (127, 252),
            (128, 256),
            (160, 512),
            (672, 33_554_432),
            (703, 66_060_288),
            (704, 67_108_864),
            (1023, 67_108_864),
        ] {
            assert_eq!(lock_10(indicator), ms, "{indicator}");
        }
    }

    #[test]
    fn numbers_of_messages() {
        assert_eq!(kind(1074), Some((Gnss::Gps, 4)));
        assert_eq!(kind(1137), Some((Gnss::NavIc, 7)));
        for other in [1070, 1071, 1073, 1078, 1005, 1230] {
            assert_eq!(kind(other), None, "{other}");
        }
    }
}
