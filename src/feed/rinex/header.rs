//! The header of a navigation file.

use std::io::BufRead;

use super::RinexError;
use super::lines::{Line, Lines, columns, integer, real, text};
use super::models::{Leap, Models};
use super::records::Bad;
use super::report::{ImportReport, Skip};
use crate::base::broadcast::{Gnss, KlobucharArea, SatId};

/// Longest header, in lines: archives that merge a day have about 200.
const MAX_HEADER_LINES: u64 = 20_000;

/// What the header says about the records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Version, such as 2.11.
    pub(super) version: f64,
    /// The system of a version 2 file.
    gnss: Gnss,
    /// Whether records begin with the system's letter, which moves all columns by one.
    pub(super) letters: bool,
}

impl Header {
    /// The satellite of a record's first line.
    pub(super) fn satellite(&self, line: &[u8]) -> Option<SatId> {
        let first = char::from(*line.first()?);
        let sat = if first.is_ascii_alphabetic() {
            SatId::new(Gnss::from_letter(first)?, u8::try_from(integer(line, 1, 3)?).ok()?)
        } else {
            SatId::new(self.gnss, u8::try_from(integer(line, 0, 2)?).ok()?)
        };
        let known = match sat.gnss {
            Gnss::Gps | Gnss::Glonass => 1..=32,
            Gnss::Galileo => 1..=36,
            Gnss::BeiDou => 1..=63,
            Gnss::Qzss => 1..=10,
            Gnss::Sbas => 20..=58,
            Gnss::NavIc => 1..=14,
        };
        known.contains(&sat.number).then_some(sat)
    }
}

/// Reads up to `END OF HEADER`.
pub(super) fn read<R: BufRead>(
    lines: &mut Lines<R>,
    models: &mut Models,
    report: &mut ImportReport,
) -> Result<Header, RinexError> {
    if lines.advance()? == Line::End {
        return Err(RinexError::NotRinex);
    }
    let header = first_line(lines.line())?;
    loop {
        match lines.advance()? {
            Line::End => return Err(RinexError::Header),
            Line::Overlong => report.skip(lines.number(), Skip::OverlongLine, "header"),
            Line::Whole => {
                let line = lines.line();
                if text(line, 60, 80) == "END OF HEADER" {
                    return Ok(header);
                }
                if let Err((reason, field)) = header_line(line, models) {
                    report.skip(lines.number(), reason, field);
                }
            }
        }
        if lines.number() > MAX_HEADER_LINES {
            return Err(RinexError::Header);
        }
    }
}

fn first_line(line: &[u8]) -> Result<Header, RinexError> {
    if !text(line, 60, 80).starts_with("RINEX VERSION") {
        return Err(RinexError::NotRinex);
    }
    let version = real(line, 0, 9).ok().flatten().ok_or(RinexError::NotRinex)?;
    if !(2.0..5.0).contains(&version) {
        return Err(RinexError::Version(version));
    }
    let kind = char::from(line.get(20).copied().unwrap_or(b' '));
    let gnss = match (kind, line.get(40).and_then(|c| Gnss::from_letter(char::from(*c)))) {
        ('N', Some(gnss)) => gnss,
        ('N', None) => Gnss::Gps,
        ('G', _) if version < 3.0 => Gnss::Glonass,
        ('H', _) if version < 3.0 => Gnss::Sbas,
        (other, _) => return Err(RinexError::NotNavigation(other)),
    };
    Ok(Header { version, gnss, letters: version >= 3.0 })
}

/// A number that must be there.
fn need(line: &[u8], from: usize, to: usize) -> Result<f64, Bad> {
    match real(line, from, to) {
        Ok(Some(v)) => Ok(v),
        Ok(None) => Err((Skip::Missing, "header")),
        Err(()) => Err((Skip::NotANumber, "header")),
    }
}

fn header_line(line: &[u8], models: &mut Models) -> Result<(), Bad> {
    match text(line, 60, 80) {
        "IONOSPHERIC CORR" => {
            let label = text(line, 0, 4);
            let mut values = [0.0; 4];
            for (i, v) in values.iter_mut().enumerate() {
                let field =
                    real(line, 5 + 12 * i, 17 + 12 * i).map_err(|()| (Skip::NotANumber, "ionosphere"))?;
                *v = field.unwrap_or(0.0);
            }
            // Hour of transmission A to X, then the satellite that sent it.
            let hour = line.get(54).copied().filter(u8::is_ascii_alphabetic).map_or(0, i64::from);
            let sat = integer(line, 55, 58).unwrap_or(0).clamp(0, 99) as i32;
            models.header_ionosphere(label, values, (hour, -sat))
        }
        "ION ALPHA" => models.alpha(KlobucharArea::World, (0, 0), four(line, 2, 12)?),
        "ION BETA" => models.beta(KlobucharArea::World, (0, 0), four(line, 2, 12)?),
        "TIME SYSTEM CORR" => {
            let code = columns(line, 0, 4).try_into().map_err(|_| (Skip::Missing, "time correction"))?;
            let (a0, a1) = (need(line, 5, 22)?, need(line, 22, 38)?);
            let t = integer(line, 38, 45).unwrap_or(0);
            let week = integer(line, 45, 50).unwrap_or(0).clamp(0, 20_000);
            models.header_correction(code, a0, a1, t, week);
            Ok(())
        }
        "DELTA-UTC: A0,A1,T,W" => {
            let (a0, a1) = (need(line, 3, 22)?, need(line, 22, 41)?);
            let t = integer(line, 41, 50).ok_or((Skip::NotANumber, "delta-utc"))?;
            let week = integer(line, 50, 59).ok_or((Skip::NotANumber, "delta-utc"))?;
            models.header_correction(*b"GPUT", a0, a1, t, week.clamp(0, 20_000));
            Ok(())
        }
        "CORR TO SYSTEM TIME" => {
            models.header_correction(*b"GLUT", need(line, 21, 40)?, 0.0, 0, 0);
            Ok(())
        }
        "LEAP SECONDS" => {
            let current = integer(line, 0, 6).ok_or((Skip::NotANumber, "leap seconds"))?;
            // BeiDou's count is told apart by its name at the end.
            if !(0..100).contains(&current) || text(line, 24, 27) == "BDS" {
                return Err((Skip::OutOfRange, "leap seconds"));
            }
            let future = match (integer(line, 6, 12), integer(line, 12, 18), integer(line, 18, 24)) {
                (Some(s), Some(week), Some(day)) => Some((s, week, day)),
                _ => None,
            };
            models.leap = Some(Leap::new(current, future));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn four(line: &[u8], from: usize, width: usize) -> Result<[f64; 4], Bad> {
    let at = |i: usize| need(line, from + width * i, from + width * (i + 1));
    Ok([at(0)?, at(1)?, at(2)?, at(3)?])
}
