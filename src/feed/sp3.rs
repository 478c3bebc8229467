//! Precise orbits and clocks: SP3 files, versions a to d, plain or gzip.
//!
//! Total: lines that make no sense are counted and left out. Only positions and clocks are taken; velocities and accuracy codes are
//! passed over.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::base::broadcast::{Gnss, SatId};
use crate::base::time::{BDT_LAG_S, days_from_civil};
use crate::base::{GpsTime, Utc};
use crate::gnss::compare::{PreciseEpoch, PreciseSatellite};

/// Most satellite records taken; a week of all systems at five minutes has 250,000.
const MAX_RECORDS: usize = 5_000_000;
/// Most bytes read from one file after decompression.
const MAX_BYTES: u64 = 1 << 30;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Sp3Error {
    /// The stream failed.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// The first line is not that of an SP3 file.
    #[error("not an SP3 file: the first line does not begin with `#a` to `#d`")]
    NotSp3,
    /// In a time in which it cannot be compared.
    #[error("times are in `{0}`, which is not read here")]
    TimeSystem(String),
    /// Larger than files may be.
    #[error("too large: more than {MAX_RECORDS} records or {MAX_BYTES} bytes")]
    TooLarge,
}

/// The content of a file.
#[derive(Clone, Debug, Default)]
pub struct Sp3 {
    /// Epochs in the order of the file.
    pub epochs: Vec<PreciseEpoch>,
    /// Lines that could not be read.
    pub skipped: usize,
}

/// Reads a file.
///
/// # Errors
/// When it is no SP3 file, or too large.
pub fn read(reader: impl Read) -> Result<Sp3, Sp3Error> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        parse(BufReader::new(MultiGzDecoder::new(reader)))
    } else {
        parse(reader)
    }
}

fn parse(reader: impl BufRead) -> Result<Sp3, Sp3Error> {
    let mut reader = reader.take(MAX_BYTES + 1);
    let mut line = Vec::with_capacity(128);
    let mut out = Sp3::default();
    let mut system = System::Gps;
    let (mut first, mut told) = (true, false);
    let (mut octets, mut records) = (0_u64, 0);
    loop {
        line.clear();
        let n = reader.read_until(b'\n', &mut line)? as u64;
        if n == 0 {
            break;
        }
        octets += n;
        if octets > MAX_BYTES || records > MAX_RECORDS {
            return Err(Sp3Error::TooLarge);
        }
        let Ok(text) = std::str::from_utf8(line.trim_ascii_end()) else {
            out.skipped += 1;
            continue;
        };
        if std::mem::take(&mut first) && !matches!(text.as_bytes(), [b'#', b'a'..=b'd', ..]) {
            return Err(Sp3Error::NotSp3);
        }
        match text.as_bytes().first() {
            // The first of two such lines has the time system.
            Some(b'%') if text.starts_with("%c") && !std::mem::replace(&mut told, true) => {
                system = System::of(text.get(9..12).unwrap_or_default())?;
            }
            Some(b'*') => match epoch(text, system) {
                Some(time) => out.epochs.push(PreciseEpoch { time, satellites: Vec::new() }),
                None => out.skipped += 1,
            },
            Some(b'P') => match (satellite(text), out.epochs.last_mut()) {
                (Some(Some(s)), Some(e)) => {
                    records += 1;
                    e.satellites.push(s);
                }
                // Announced, but without a position.
                (Some(None), _) => {}
                _ => out.skipped += 1,
            },
            _ => {}
        }
        if text.starts_with("EOF") {
            break;
        }
    }
    Ok(out)
}

#[derive(Clone, Copy)]
enum System {
    Gps,
    BeiDou,
    Utc,
}

impl System {
    fn of(name: &str) -> Result<Self, Sp3Error> {
        match name {
            "GPS" | "GAL" | "QZS" | "IRN" | "ccc" | "" => Ok(Self::Gps),
            "BDT" | "BDS" => Ok(Self::BeiDou),
            "UTC" | "GLO" => Ok(Self::Utc),
            other => Err(Sp3Error::TimeSystem(other.to_owned())),
        }
    }
}

/// `*  2023  1  1  0  0  0.00000000`.
fn epoch(text: &str, system: System) -> Option<GpsTime> {
    let mut fields = text.get(1..)?.split_ascii_whitespace();
    let mut next = || fields.next();
    let year: i32 = next()?.parse().ok()?;
    let (month, day): (u8, u8) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let (hour, minute): (u8, u8) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let second: f64 = next()?.parse().ok()?;
    if !(1980..2200).contains(&year) || !(0.0..60.0).contains(&second) {
        return None;
    }
    let utc = Utc::from_civil(year, month, day, hour, minute, 0)?;
    let ns = (second * 1e9).round() as i64;
    let days = days_from_civil(year, month, day) - days_from_civil(1980, 1, 6);
    let s = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60;
    Some(match system {
        System::Gps => GpsTime::from_ns(s * 1_000_000_000 + ns),
        System::BeiDou => GpsTime::from_ns((s + BDT_LAG_S) * 1_000_000_000 + ns),
        System::Utc => GpsTime::from_ns(GpsTime::from_utc(utc).ns() + ns),
    })
}

/// `PG01  13294.139155 -16851.109420  15098.239689    230.219510`: km and µs. `Some(None)` where the position is missing.
#[allow(clippy::option_option)]
fn satellite(text: &str) -> Option<Option<PreciseSatellite>> {
    let letter = text.get(1..2)?.chars().next()?;
    // Version a has GPS only, without a letter.
    let gnss = if letter == ' ' { Gnss::Gps } else { Gnss::from_letter(letter)? };
    let number: u8 = text.get(2..4)?.trim().parse().ok()?;
    let number = (1..=99).contains(&number).then_some(number)?;
    let field = |i: usize| -> Option<f64> {
        let end = (18 + 14 * i).min(text.len());
        let value: f64 = text.get(4 + 14 * i..end)?.trim().parse().ok()?;
        (value.abs() < 1e7).then_some(value)
    };
    let position = [field(0)? * 1e3, field(1)? * 1e3, field(2)? * 1e3];
    if position == [0.0; 3] {
        return Some(None);
    }
    let clock_s = field(3).filter(|c| c.abs() < 999_999.0).map(|c| c * 1e-6);
    Some(Some(PreciseSatellite { sat: SatId::new(gnss, number), position, clock_s }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: &str = "\
#dP2023  1  1  0  0  0.00000000       2 d+D   IGS20 FIT AIUB
%c M  cc GPS ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc
%c cc cc ccc ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc
*  2023  1  1  0  0  0.00000000
PG01  13294.139155 -16851.109420  15098.239689    230.219510
PG02      0.000000      0.000000      0.000000 999999.999999
PE31 -10611.503428  20558.590116 -12602.432980 999999.999999
VG01  13294.139155 -16851.109420  15098.239689    230.219510
nonsense
PX01  13294.139155 -16851.109420  15098.239689    230.219510
*  2023  1  1  0  5  0.00000000
EOF
PG03      1.000000      1.000000      1.000000      1.000000
";

    #[test]
    fn a_small_file() {
        let sp3 = read(SMALL.as_bytes()).unwrap();
        assert_eq!(sp3.epochs.len(), 2);
        assert_eq!(sp3.epochs[1].time, GpsTime::from_week_s(2243, 300));
        let s = &sp3.epochs[0].satellites;
        assert_eq!(s.len(), 2);
        assert_eq!(s[0].sat.to_string(), "G01");
        assert!((s[0].position[1] + 16_851_109.42).abs() < 1e-6);
        assert!((s[0].clock_s.unwrap() - 230.219_51e-6).abs() < 1e-15);
        assert_eq!(s[1].clock_s, None);
        assert_eq!(sp3.skipped, 1, "the unknown system");
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(read(&b"     3.05           N"[..]), Err(Sp3Error::NotSp3)));
        let tai = SMALL.replace("cc GPS", "cc TAI");
        assert!(matches!(read(tai.as_bytes()), Err(Sp3Error::TimeSystem(s)) if s == "TAI"));
        assert!(read(&b""[..]).unwrap().epochs.is_empty());
    }

    proptest! {
        #[test]
        fn any_octets_end(at in 0_usize..600, junk in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut octets = SMALL.as_bytes().to_vec();
            let at = at.min(octets.len());
            let end = (at + junk.len()).min(octets.len());
            octets.splice(at..end, junk);
            let _ = read(octets.as_slice());
        }
    }
}
