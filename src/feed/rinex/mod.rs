//! RINEX navigation and observation files, versions 2, 3 and 4, plain or gzip.
//!
//! The parser is streaming (one pass, one line in memory) and total: any byte string gives a report or an error. Records that
//! cannot be used are counted with the reason and left out; the rest of the file is read. Printed values are taken back to
//! the integers that the satellites broadcast ([`crate::gnss::scale`]).
//!
//! [`observations`] reads what a receiver measured, epoch by epoch.
//!
//! Records of message types for which the house has no model (CNAV, CNAV-2, B-CNAV1/2/3, L1NV, BDGIM) are counted as
//! [`Skip::UnsupportedMessage`].

mod header;
mod lines;
mod models;
mod observations;
mod records;
mod report;
#[cfg(test)]
pub(crate) mod tests;

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

pub use observations::{ObservationHeader, Observations, Skipped, observations};
pub use report::{Format, ImportReport, Problem, Skip};

use self::header::Header;
use self::lines::{Line, Lines, columns, real, text};
use self::models::Models;
use self::records::{Bad, Head, Values};
use crate::base::broadcast::{Ephemeris, GalileoMessage, Gnss, SatId};
use crate::base::{GpsTime, Utc};
use crate::gnss::SkyUpdate;

/// Most ephemerides taken from one file; a full day of all systems has about 20,000.
const MAX_RECORDS: usize = 400_000;
/// Most bytes read from one file after decompression; a full day has 6 MB.
const MAX_BYTES: u64 = 512 << 20;

/// Why a file could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RinexError {
    /// The stream failed before the header was read.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// The first line is not that of a RINEX file.
    #[error("not a RINEX file: the first line has no `RINEX VERSION / TYPE`")]
    NotRinex,
    /// It is a RINEX file, but not of navigation data.
    #[error("a RINEX file of type `{0}`, not a navigation file")]
    NotNavigation(char),
    /// It is a RINEX file, but not of observations.
    #[error("a RINEX file of type `{0}`, not an observation file")]
    NotObservations(char),
    /// It is compressed after Hatanaka.
    #[error("a compact RINEX file (Hatanaka): decompress it first, for instance with crx2rnx")]
    Compact,
    /// Something that the header announces is not read here.
    #[error("the header asks for `{0}`, which is not read here")]
    Unsupported(&'static str),
    /// The version is not one of 2, 3, 4.
    #[error("RINEX version {0} is not supported (2, 3 and 4 are)")]
    Version(f64),
    /// The header never ends.
    #[error("the header has no `END OF HEADER`")]
    Header,
    /// The file is larger than files may be.
    #[error("too large: more than {MAX_RECORDS} records or {MAX_BYTES} bytes")]
    TooLarge,
}

/// Reads a navigation file. `source` names it in the update, `received` is the time of its arrival.
///
/// # Errors
/// When it is no navigation file, or too large. A stream that breaks off after the header is not an error: what came
/// before is delivered and the report says [`incomplete`](ImportReport::incomplete).
pub fn read(reader: impl Read, source: &str, received: Utc) -> Result<(SkyUpdate, ImportReport), RinexError> {
    Parser::new(plain(reader)?, source, received)?.run()
}

/// The text of a stream that may be compressed by gzip.
fn plain<'a>(reader: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>, RinexError> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader))))
    } else {
        Ok(Box::new(reader))
    }
}

/// What the lines being collected belong to.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// An ephemeris; `galileo` where the file names the message.
    Ephemeris { galileo: Option<GalileoMessage> },
    /// System time offset of RINEX 4.
    TimeOffset,
    /// Klobuchar's ionosphere of RINEX 4.
    Klobuchar(Gnss),
    /// NeQuick-G of RINEX 4.
    NeQuick,
    /// Earth orientation of RINEX 4.
    EarthOrientation,
    /// Something without a model: its lines are passed over.
    Unsupported,
}

/// A record whose lines are being collected.
struct Pending {
    line: u64,
    frame: Frame,
    sat: Option<SatId>,
    calendar: Option<Utc>,
    /// Code of a system time offset.
    code: [u8; 4],
    values: Values,
    /// The first thing wrong with it.
    bad: Option<Bad>,
}

struct Parser<R> {
    lines: Lines<R>,
    header: Header,
    models: Models,
    update: SkyUpdate,
    report: ImportReport,
    pending: Option<Pending>,
    /// The frame announced by the last `>` line of RINEX 4, and that line's number.
    announced: Option<Frame>,
}

impl<R: BufRead> Parser<R> {
    fn new(reader: R, source: &str, received: Utc) -> Result<Self, RinexError> {
        let mut lines = Lines::new(reader);
        let mut models = Models::default();
        let mut report = ImportReport::default();
        let header = header::read(&mut lines, &mut models, &mut report)?;
        report.version = header.version;
        Ok(Self {
            lines,
            header,
            models,
            update: SkyUpdate::new(source, received),
            report,
            pending: None,
            announced: None,
        })
    }

    fn run(mut self) -> Result<(SkyUpdate, ImportReport), RinexError> {
        loop {
            match self.lines.advance() {
                Ok(Line::End) => break,
                Ok(Line::Whole) => self.line(),
                Ok(Line::Overlong) => self.overlong(),
                Err(_) => {
                    self.report.incomplete = true;
                    // The last record may be cut in the middle of a number.
                    self.pending = None;
                    break;
                }
            }
            if self.update.ephemerides.len() > MAX_RECORDS || self.lines.bytes() > MAX_BYTES {
                return Err(RinexError::TooLarge);
            }
        }
        self.finish_record();
        self.report.lines = self.lines.number();
        self.report.bytes = self.lines.bytes();
        self.update.epoch = self.epoch();
        let (models, bad) = self.models.finish(self.update.epoch, &mut self.update);
        self.report.models = models;
        for (reason, field) in bad {
            self.report.skip(0, reason, field);
        }
        Ok((self.update, self.report))
    }

    /// When the file's data were broadcast: the time of its newest records, not of the very newest, since a single record with
    /// a wrong date would make all models look stale.
    fn epoch(&self) -> GpsTime {
        let mut times: Vec<GpsTime> = self.update.ephemerides.iter().map(Ephemeris::reference_time).collect();
        let at = times.len().saturating_sub(1) * 19 / 20;
        if times.is_empty() {
            return GpsTime::from_utc(self.update.received);
        }
        *times.select_nth_unstable(at).1
    }

    fn overlong(&mut self) {
        match &mut self.pending {
            Some(p) => p.bad = p.bad.or(Some((Skip::OverlongLine, "line"))),
            None => self.report.skip(self.lines.number(), Skip::OverlongLine, "line"),
        }
    }

    fn line(&mut self) {
        let line = self.lines.line();
        if line.trim_ascii().is_empty() {
            return;
        }
        if line.first() == Some(&b'>') {
            let frame = announced(line);
            let bad = frame.err();
            self.finish_record();
            self.announced = Some(frame.unwrap_or(Frame::Unsupported));
            if let Some((reason, field)) = bad {
                self.report.skip(self.lines.number(), reason, field);
            }
            return;
        }
        if let Some(frame) = self.announced.take() {
            self.start_announced(frame);
        } else if columns(line, 0, 2).iter().any(|b| *b != b' ') {
            if self.header.version < 4.0 {
                self.finish_record();
                self.start(Frame::Ephemeris { galileo: None });
            } else if let Some(p) = &mut self.pending {
                p.bad = p.bad.or(Some((Skip::NotANumber, "line")));
            }
        } else {
            let from = if self.header.letters { 4 } else { 3 };
            self.values(from, 4);
        }
    }

    /// The first line of a frame of RINEX 4.
    fn start_announced(&mut self, frame: Frame) {
        self.start(frame);
        if let (Frame::TimeOffset, Some(p)) = (frame, &mut self.pending) {
            match columns(self.lines.line(), 24, 28).try_into() {
                Ok(code) => p.code = code,
                Err(_) => p.bad = Some((Skip::Missing, "code")),
            }
        }
    }

    /// Starts a record with the line in the buffer.
    fn start(&mut self, frame: Frame) {
        let line = self.lines.line();
        // Some RINEX 2 writers put the system's letter first, as version 3 does.
        let letters = self.header.letters || line.first().is_some_and(u8::is_ascii_alphabetic);
        let from = if letters { 23 } else { 22 };
        let is_ephemeris = matches!(frame, Frame::Ephemeris { .. });
        let sat = is_ephemeris.then(|| self.header.satellite(line)).flatten();
        let calendar = calendar(line, from, self.header.version);
        let bad = match () {
            () if matches!(frame, Frame::Unsupported) => None,
            () if is_ephemeris && sat.is_none() => Some((Skip::UnknownSatellite, "satellite")),
            () if calendar.is_none() => Some((Skip::BadEpoch, "epoch")),
            () => None,
        };
        let number = self.lines.number();
        self.header.letters |= letters;
        self.pending =
            Some(Pending { line: number, frame, sat, calendar, code: *b"    ", values: Values::new(), bad });
        if !matches!(frame, Frame::TimeOffset) {
            self.values(from, 3);
        }
    }

    /// Takes `n` values of 19 columns from the line in the buffer.
    fn values(&mut self, from: usize, n: usize) {
        let Some(p) = &mut self.pending else { return };
        if matches!(p.frame, Frame::Unsupported) || p.bad.is_some() {
            return;
        }
        let line = self.lines.line();
        for i in 0..n {
            p.values.push(real(line, from + 19 * i, from + 19 * (i + 1)));
        }
    }

    fn finish_record(&mut self) {
        let Some(p) = self.pending.take() else { return };
        let outcome = match p.bad {
            Some(bad) => Err(bad),
            None => self.take(&p),
        };
        if let Err((reason, field)) = outcome {
            self.report.skip(p.line, reason, field);
        }
    }

    fn take(&mut self, p: &Pending) -> Result<(), Bad> {
        // Its announcement has been counted.
        if matches!(p.frame, Frame::Unsupported) {
            return Ok(());
        }
        let calendar = p.calendar.ok_or((Skip::BadEpoch, "epoch"))?;
        let time = records::calendar_to_gps(calendar);
        match p.frame {
            Frame::Ephemeris { galileo } => {
                let sat = p.sat.ok_or((Skip::UnknownSatellite, "satellite"))?;
                let e = records::ephemeris(Head { sat, calendar, galileo }, &p.values)?;
                self.ephemeris(e);
                Ok(())
            }
            Frame::TimeOffset => self.models.system_time_offset(p.code, time, &p.values),
            Frame::Klobuchar(gnss) => self.models.klobuchar_record(gnss, time, &p.values),
            Frame::NeQuick => {
                let v = &p.values;
                let ai = [v.need(0, "ai0")?, v.need(1, "ai1")?, v.need(2, "ai2")?];
                let flags = v.get(3).filter(|f| (0.0..32.0).contains(f)).map(|f| f as u32);
                self.models.nequick(time.ns(), ai, flags)
            }
            Frame::EarthOrientation => self.models.earth_orientation(time, &p.values),
            Frame::Unsupported => Ok(()),
        }
    }

    fn ephemeris(&mut self, e: Ephemeris) {
        *self.report.records.entry(e.sat().gnss).or_insert(0) += 1;
        self.update.ephemerides.push(e);
    }
}

/// The frame that a `>` line announces: `> EPH G01 LNAV`.
fn announced(line: &[u8]) -> Result<Frame, Bad> {
    let unsupported = |field| Err((Skip::UnsupportedMessage, field));
    let gnss = line.get(6).and_then(|c| Gnss::from_letter(char::from(*c)));
    let message = text(line, 10, 14);
    match (text(line, 2, 5), gnss, message) {
        ("EPH", Some(Gnss::Galileo), "INAV") => Ok(Frame::Ephemeris { galileo: Some(GalileoMessage::INav) }),
        ("EPH", Some(Gnss::Galileo), "FNAV") => Ok(Frame::Ephemeris { galileo: Some(GalileoMessage::FNav) }),
        ("EPH", Some(_), "LNAV" | "FDMA" | "D1" | "D2" | "SBAS" | "D1D2") => {
            Ok(Frame::Ephemeris { galileo: None })
        }
        ("EPH", ..) => unsupported("ephemeris"),
        ("STO", ..) => Ok(Frame::TimeOffset),
        ("EOP", ..) => Ok(Frame::EarthOrientation),
        ("ION", Some(Gnss::Galileo), _) => Ok(Frame::NeQuick),
        ("ION", Some(gnss), "LNAV" | "D1D2" | "D1" | "D2" | "") => Ok(Frame::Klobuchar(gnss)),
        ("ION", ..) => unsupported("ionosphere"),
        _ => unsupported("frame"),
    }
}

/// The calendar time before column `to` of a record's first line.
fn calendar(line: &[u8], to: usize, version: f64) -> Option<Utc> {
    let from = if to == 22 { 2 } else { 3 };
    let mut fields = text(line, from, to).split_ascii_whitespace();
    let mut next = || fields.next();
    let year: i32 = next()?.parse().ok()?;
    // Two digits in version 2: 80–99 are of the last century.
    let year = match year {
        0..80 if version < 3.0 => 2000 + year,
        80..100 if version < 3.0 => 1900 + year,
        y => y,
    };
    if year < 1980 {
        return None;
    }
    let (month, day) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let (hour, minute) = (next()?.parse().ok()?, next()?.parse().ok()?);
    // Version 2 prints tenths.
    let second: f64 = next()?.parse().ok()?;
    if second.fract() != 0.0 || !(0.0..60.0).contains(&second) {
        return None;
    }
    Utc::from_civil(year, month, day, hour, minute, second as u8)
}
