//! Recorded streams: whatever of them is an ephemeris.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use super::{Frames, Message, decode};
use crate::base::broadcast::{Ephemeris, Gnss};
use crate::base::{GpsTime, Utc};
use crate::feed::rinex::{Format, ImportReport, Skip};
use crate::gnss::SkyUpdate;

/// Most octets of a file, after decompression: days of a large network.
const MAX_BYTES: u64 = 512 << 20;
/// Most ephemerides of a file.
const MAX_RECORDS: usize = 400_000;

/// The number of a message.
fn number(message: &[u8]) -> Option<u16> {
    let [first, second, ..] = message else { return None };
    Some(u16::from(*first) << 4 | u16::from(*second >> 4))
}

/// Whether a file that begins so is a recorded stream: a frame of one of the standard's messages with a right checksum is in it.
pub(in crate::feed) fn is_rtcm(beginning: &[u8]) -> bool {
    let mut frames = Frames::default();
    frames.push(beginning);
    while let Some(message) = frames.next() {
        if number(message).is_some_and(|n| n >= 1001) {
            return true;
        }
    }
    false
}

/// Reads a recorded stream. The time of the recording is that of the ephemerides whose week is beyond doubt (BeiDou's,
/// Galileo's), else of the others; without any, `received`.
///
/// # Errors
/// When it cannot be read.
pub(in crate::feed) fn read(
    reader: impl Read,
    source: &str,
    received: Utc,
) -> io::Result<(SkyUpdate, ImportReport)> {
    let mut reader = io::BufReader::new(reader);
    let mut report = ImportReport { format: Format::Rtcm, version: 3.0, ..ImportReport::default() };
    let mut bytes = Vec::new();
    let read = if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(reader).take(MAX_BYTES).read_to_end(&mut bytes)
    } else {
        reader.take(MAX_BYTES).read_to_end(&mut bytes)
    };
    // What came before a break is good.
    report.incomplete = read.is_err();
    report.bytes = bytes.len() as u64;
    let mut messages = Vec::new();
    let mut frames = Frames::default();
    for piece in bytes.chunks(1 << 16) {
        frames.push(piece);
        while let Some(message) = frames.next() {
            let wanted = matches!(number(message), Some(1019 | 1020 | 1041 | 1042 | 1044 | 1045 | 1046));
            if wanted && messages.len() < MAX_RECORDS {
                messages.push(message.to_vec());
            }
        }
    }
    let around = recorded_at(&messages, GpsTime::from_utc(received));
    let mut update = SkyUpdate::new(source, received);
    for message in &messages {
        match decode(message, around) {
            Ok(Message::Ephemeris(e)) => {
                *report.records.entry(e.sat().gnss).or_default() += 1;
                update.ephemerides.push(e);
            }
            Ok(_) => {}
            Err(_) => *report.skipped.entry(Skip::OutOfRange).or_default() += 1,
        }
    }
    update.epoch = update.ephemerides.iter().map(Ephemeris::reference_time).max().unwrap_or(update.epoch);
    Ok((update, report))
}

/// The middle of the reference times, of those systems first that count weeks without end.
fn recorded_at(messages: &[Vec<u8>], received: GpsTime) -> GpsTime {
    let decoded: Vec<Ephemeris> = messages
        .iter()
        .filter_map(|m| match decode(m, received) {
            Ok(Message::Ephemeris(e)) => Some(e),
            _ => None,
        })
        .collect();
    let middle = |wanted: &[Gnss]| {
        let of = decoded.iter().filter(|e| wanted.contains(&e.sat().gnss)).map(Ephemeris::reference_time);
        let mut times: Vec<GpsTime> = of.collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    };
    middle(&[Gnss::BeiDou, Gnss::Galileo])
        .or_else(|| middle(&[Gnss::Gps, Gnss::Qzss, Gnss::NavIc]))
        .unwrap_or(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_of_another_year() {
        let Some(shared) = crate::testing::shared("a_recording_of_another_year") else { return };
        let bytes = std::fs::read(shared.join("gnss/rtcm3/week-rollover-STR24.rtcm3")).unwrap();
        assert!(is_rtcm(&bytes[..4096]) && !is_rtcm(b"     3.05           N: GNSS NAV DATA"));
        let now: Utc = "2026-01-01T00:00:00Z".parse().unwrap();
        let (update, report) = read(&bytes[..], "x", now).unwrap();
        let counts = (report.records[&Gnss::Gps], report.records[&Gnss::Glonass], report.total_skipped());
        assert_eq!(counts, (314, 205, 0));
        let midnight = GpsTime::from_utc("2018-07-15T00:00:00Z".parse().unwrap());
        assert!(update.ephemerides.iter().all(|e| (e.reference_time() - midnight).abs() < 4.0 * 3600.0));
        assert!(report.to_string().starts_with("RTCM 3: 622 ephemerides (gps 314"), "{report}");
    }
}
