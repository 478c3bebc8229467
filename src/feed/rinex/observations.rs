//! Observation files, versions 2, 3 and 4: one epoch after the other, one line in memory.
//!
//! Total like the rest of this room: lines that make no sense are counted ([`Skipped`]) and left out. Pseudoranges, Doppler,
//! phases and signal strengths are taken; what a receiver says of itself beyond that is passed over.

use std::io::{BufRead, Read};

use super::RinexError;
use super::lines::{Line, Lines, MAX_OBSERVATION_LINE, columns, integer, real, text};
use crate::base::broadcast::{Gnss, SatId};
use crate::base::time::{BDT_LAG_S, days_from_civil};
use crate::base::{GpsTime, Utc};
use crate::gnss::scale::C;
use crate::gnss::solve::{Epoch, Observation, Signal};
use crate::gnss::visibility::Ecef;

/// Longest header, in lines: those that count every satellite's observations have thousands.
const MAX_HEADER_LINES: u64 = 20_000;
/// Most satellites of an epoch; version 2 has room for 999.
const MAX_SATELLITES: usize = 999;
/// Most kinds of observation of a system.
const MAX_CODES: usize = 100;
/// Most bytes read from one file after decompression: a day of all systems at one second has 2 GB.
const MAX_BYTES: u64 = 8 << 30;

/// A kind of observation: what (`C`, `P` range, `L` phase, `D` Doppler, `S` strength), band, attribute (0: any).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code {
    what: u8,
    band: u8,
    attribute: u8,
}

/// What the header says.
#[derive(Clone, Debug)]
pub struct ObservationHeader {
    /// Version, such as 3.05.
    pub version: f64,
    /// Name of the station.
    pub marker: String,
    /// Where it is by its own account, metres; not to be trusted to better than metres.
    pub position: Option<Ecef>,
    /// System of satellites named without a letter (version 2).
    gnss: Gnss,
    /// In whose time epochs are given.
    time_system: TimeSystem,
    codes: [Vec<Code>; 7],
    /// FDMA channels by slot.
    channels: [Option<i8>; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeSystem {
    /// GPS, Galileo, QZSS, NavIC: the same but for nanoseconds.
    Gps,
    BeiDou,
    Utc,
}

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lines that could not be read.
    pub lines: u64,
    /// Epochs that could not be read.
    pub epochs: u64,
    /// Whether the stream broke off.
    pub incomplete: bool,
}

/// The epochs of a file.
pub struct Observations<'a> {
    lines: Lines<Box<dyn BufRead + 'a>>,
    header: ObservationHeader,
    skipped: Skipped,
    done: bool,
    /// The line in the buffer has not been looked at yet.
    held: bool,
}

/// Opens an observation file.
///
/// # Errors
/// When it is none, or its header does not end.
pub fn observations<'a>(reader: impl Read + 'a) -> Result<Observations<'a>, RinexError> {
    let mut lines = Lines::with_limit(super::plain(reader)?, MAX_OBSERVATION_LINE);
    if lines.advance()? == Line::End {
        return Err(RinexError::NotRinex);
    }
    let mut header = ObservationHeader::first(lines.line())?;
    let mut continued = Continued::default();
    loop {
        match lines.advance()? {
            Line::End => return Err(RinexError::Header),
            Line::Overlong => {}
            Line::Whole if text(lines.line(), 60, 80) == "END OF HEADER" => break,
            Line::Whole => header.line(lines.line(), &mut continued)?,
        }
        if lines.number() > MAX_HEADER_LINES {
            return Err(RinexError::Header);
        }
    }
    Ok(Observations { lines, header, skipped: Skipped::default(), done: false, held: false })
}

/// Lists that go on over several lines of the header.
#[derive(Default)]
struct Continued {
    gnss: Option<Gnss>,
    version2: bool,
}

impl ObservationHeader {
    fn first(line: &[u8]) -> Result<Self, RinexError> {
        let label = text(line, 60, 80);
        if label.starts_with("CRINEX VERS") {
            return Err(RinexError::Compact);
        }
        if !label.starts_with("RINEX VERSION") {
            return Err(RinexError::NotRinex);
        }
        let version = real(line, 0, 9).ok().flatten().ok_or(RinexError::NotRinex)?;
        if !(2.0..5.0).contains(&version) {
            return Err(RinexError::Version(version));
        }
        let kind = char::from(line.get(20).copied().unwrap_or(b' '));
        if kind != 'O' {
            return Err(RinexError::NotObservations(kind));
        }
        let gnss = line.get(40).and_then(|c| Gnss::from_letter(char::from(*c)));
        Ok(Self {
            version,
            marker: String::new(),
            position: None,
            gnss: gnss.unwrap_or(Gnss::Gps),
            time_system: match gnss {
                Some(Gnss::Glonass) => TimeSystem::Utc,
                Some(Gnss::BeiDou) => TimeSystem::BeiDou,
                _ => TimeSystem::Gps,
            },
            codes: std::array::from_fn(|_| Vec::new()),
            channels: [None; 32],
        })
    }

    fn line(&mut self, line: &[u8], continued: &mut Continued) -> Result<(), RinexError> {
        match text(line, 60, 80) {
            "MARKER NAME" => text(line, 0, 60).clone_into(&mut self.marker),
            "APPROX POSITION XYZ" => {
                let at = |i: usize| real(line, 14 * i, 14 * (i + 1)).ok().flatten();
                self.position = at(0).zip(at(1)).zip(at(2)).map(|((x, y), z)| [x, y, z]);
            }
            "SYS / # / OBS TYPES" => self.codes3(line, continued),
            "# / TYPES OF OBSERV" => self.codes2(line, continued),
            "TIME OF FIRST OBS" => match text(line, 48, 51) {
                "GLO" => self.time_system = TimeSystem::Utc,
                "BDT" => self.time_system = TimeSystem::BeiDou,
                "" => {}
                _ => self.time_system = TimeSystem::Gps,
            },
            "GLONASS SLOT / FRQ #" => {
                for i in 0..8 {
                    let at = 4 + 7 * i;
                    if let (Some(slot), Some(channel)) =
                        (integer(line, at + 1, at + 3), integer(line, at + 4, at + 6))
                        && let Some(entry) = usize::try_from(slot).ok().and_then(|s| self.channels.get_mut(s))
                    {
                        *entry = i8::try_from(channel).ok().filter(|c| (-7..=13).contains(c));
                    }
                }
            }
            "SYS / SCALE FACTOR" => return Err(RinexError::Unsupported("SYS / SCALE FACTOR")),
            _ => {}
        }
        Ok(())
    }

    fn codes3(&mut self, line: &[u8], continued: &mut Continued) {
        if let Some(gnss) = line.first().and_then(|c| Gnss::from_letter(char::from(*c))) {
            continued.gnss = Some(gnss);
            // A header within the file begins the list anew.
            self.codes[gnss as usize].clear();
        } else if line.first() != Some(&b' ') {
            continued.gnss = None;
        }
        let Some(codes) = continued.gnss.map(|g| &mut self.codes[g as usize]) else { return };
        for i in 0..13 {
            if let [what, band, attribute, ..] = *columns(line, 7 + 4 * i, 10 + 4 * i)
                && what != b' '
                && codes.len() < MAX_CODES
            {
                codes.push(Code { what, band, attribute });
            }
        }
    }

    fn codes2(&mut self, line: &[u8], continued: &mut Continued) {
        if !text(line, 0, 6).is_empty() || !continued.version2 {
            continued.version2 = true;
            self.codes.iter_mut().for_each(Vec::clear);
        }
        for i in 0..9 {
            let field = text(line, 10 + 6 * i, 12 + 6 * i).as_bytes();
            let &[what, band, ..] = field else { continue };
            for gnss in Gnss::ALL {
                let codes = &mut self.codes[gnss as usize];
                if codes.len() < MAX_CODES {
                    codes.push(version2(gnss, what, band));
                }
            }
        }
    }

    /// The epoch's time.
    fn time(&self, calendar: Calendar) -> Option<GpsTime> {
        let Calendar { year, month, day, hour, minute, second } = calendar;
        // Checks the fields; seconds apart, since they have a fraction and may be those of a leap second.
        Utc::from_civil(year, month, day, hour, minute, 0)?;
        let days = days_from_civil(year, month, day) - days_from_civil(1980, 1, 6);
        let s = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60;
        let ns = (second * 1e9).round() as i64;
        Some(match self.time_system {
            TimeSystem::Gps => GpsTime::from_ns(s * 1_000_000_000 + ns),
            TimeSystem::BeiDou => GpsTime::from_ns((s + BDT_LAG_S) * 1_000_000_000 + ns),
            TimeSystem::Utc => {
                let minute = GpsTime::from_utc(Utc::from_civil(year, month, day, hour, minute, 0)?);
                GpsTime::from_ns(minute.ns() + ns)
            }
        })
    }
}

/// The names of version 2 (2.11 table A1, 2.12 for BeiDou) in those of version 3.
const fn version2(gnss: Gnss, what: u8, band: u8) -> Code {
    let attribute = match (gnss, what, band) {
        (_, b'P', _) => b'P',
        (_, b'L' | b'D' | b'S', _) => 0,
        (Gnss::Gps | Gnss::Qzss | Gnss::Sbas, b'C', b'1') | (Gnss::Glonass, b'C', _) => b'C',
        (Gnss::BeiDou, _, _) => b'I',
        _ => b'X',
    };
    let band = match (gnss, band) {
        (Gnss::BeiDou, b'1') => b'2',
        (_, b) => b,
    };
    Code { what: if what == b'P' { b'C' } else { what }, band, attribute }
}

/// Fields of a date.
#[derive(Clone, Copy)]
struct Calendar {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: f64,
}

impl Calendar {
    fn parse(field: &str, two_digits: bool) -> Option<Self> {
        let mut fields = field.split_ascii_whitespace();
        let mut next = || fields.next();
        let year: i32 = next()?.parse().ok()?;
        let year = match year {
            0..80 if two_digits => 2000 + year,
            80..100 if two_digits => 1900 + year,
            y => y,
        };
        let (month, day) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (hour, minute) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let second: f64 = next()?.parse().ok()?;
        ((1980..2200).contains(&year) && (0.0..61.0).contains(&second)).then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }
}

/// What an epoch's first line announces.
struct Announced {
    flag: i64,
    count: usize,
    time: Option<GpsTime>,
}

impl Observations<'_> {
    /// The header.
    pub const fn header(&self) -> &ObservationHeader {
        &self.header
    }

    /// What could not be read so far.
    pub const fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// The next line; `None` at the end.
    fn advance(&mut self) -> Option<()> {
        if std::mem::take(&mut self.held) {
            return Some(());
        }
        if self.lines.bytes() > MAX_BYTES {
            self.skipped.incomplete = true;
            return None;
        }
        match self.lines.advance() {
            Ok(Line::End) => None,
            Ok(_) => Some(()),
            Err(_) => {
                self.skipped.incomplete = true;
                None
            }
        }
    }

    fn next_epoch(&mut self) -> Option<Epoch> {
        loop {
            self.advance()?;
            let line = self.lines.line();
            if line.trim_ascii().is_empty() {
                continue;
            }
            let announced = if self.header.version >= 3.0 { announced3(line) } else { announced2(line) };
            let Some((flag, count, calendar)) = announced else {
                self.skipped.lines += 1;
                continue;
            };
            let time = calendar.and_then(|c| self.header.time(c));
            let a = Announced { flag, count, time };
            if let Some(epoch) = self.body(&a)? {
                return Some(epoch);
            }
        }
    }

    /// The lines after an epoch's first. `None` at the end of the file, `Some(None)` when they hold no observations.
    #[allow(clippy::option_option)]
    fn body(&mut self, a: &Announced) -> Option<Option<Epoch>> {
        match (a.flag, a.time) {
            (0 | 1, Some(time)) => {
                let mut observations = Vec::new();
                let whole = if self.header.version >= 3.0 {
                    self.body3(a.count, &mut observations)
                } else {
                    self.body2(a.count, &mut observations)
                };
                // The last epoch of a file that breaks off may be cut in the middle of a number.
                if whole.is_none() {
                    self.skipped.epochs += 1;
                    self.skipped.incomplete = true;
                    return None;
                }
                Some(Some(Epoch { time, observations }))
            }
            // Header lines follow: new lists of observations, among others.
            (2..=5, _) => {
                let mut continued = Continued::default();
                for _ in 0..a.count {
                    self.advance()?;
                    if self.header.line(self.lines.line(), &mut continued).is_err() {
                        self.skipped.lines += 1;
                    }
                }
                Some(None)
            }
            _ => {
                self.skipped.epochs += 1;
                // Version 3 finds the next epoch by its mark.
                if self.header.version < 3.0 {
                    self.body2(a.count, &mut Vec::new())?;
                }
                Some(None)
            }
        }
    }

    fn body3(&mut self, count: usize, out: &mut Vec<Observation>) -> Option<()> {
        for _ in 0..count {
            self.advance()?;
            let line = self.lines.line();
            if line.first() == Some(&b'>') {
                // Fewer satellites than announced.
                self.skipped.lines += 1;
                self.held = true;
                return Some(());
            }
            match satellite(columns(line, 0, 3), self.header.gnss) {
                Some(sat) => observe(&self.header, sat, |i| fields(line, 3 + 16 * i), out),
                None => self.skipped.lines += 1,
            }
        }
        Some(())
    }

    fn body2(&mut self, count: usize, out: &mut Vec<Observation>) -> Option<()> {
        // Twelve satellites a line.
        let mut satellites = Vec::with_capacity(count.min(MAX_SATELLITES));
        for i in 0..count {
            if i > 0 && i % 12 == 0 {
                self.advance()?;
            }
            let at = 32 + 3 * (i % 12);
            satellites.push(satellite(columns(self.lines.line(), at, at + 3), self.header.gnss));
        }
        for sat in satellites {
            let n = sat.map_or(self.header.codes[0].len(), |s| self.header.codes[s.gnss as usize].len());
            let mut values = [(None, 0_u8); MAX_CODES];
            for i in 0..n.min(MAX_CODES) {
                if i % 5 == 0 {
                    self.advance()?;
                }
                if let Some(v) = values.get_mut(i) {
                    *v = fields(self.lines.line(), 16 * (i % 5));
                }
            }
            match sat {
                Some(sat) => {
                    observe(&self.header, sat, |i| values.get(i).copied().unwrap_or_default(), out);
                }
                None => self.skipped.lines += 1,
            }
        }
        Some(())
    }
}

impl Iterator for Observations<'_> {
    type Item = Epoch;

    fn next(&mut self) -> Option<Epoch> {
        if self.done {
            return None;
        }
        let epoch = self.next_epoch();
        self.done = epoch.is_none();
        epoch
    }
}

/// Flag, count and date of `> 2020 06 25 10 00 00.0000000  0 42`.
fn announced3(line: &[u8]) -> Option<(i64, usize, Option<Calendar>)> {
    if line.first() != Some(&b'>') {
        return None;
    }
    Some((integer(line, 31, 32)?, count(line, 32)?, Calendar::parse(text(line, 1, 29), false)))
}

/// Flag, count and date of ` 05  4  2  0  0  0.0000000  0  8G 3G 7…`.
fn announced2(line: &[u8]) -> Option<(i64, usize, Option<Calendar>)> {
    let flag = integer(line, 28, 29)?;
    let calendar = Calendar::parse(text(line, 0, 26), true);
    // Only what announces header lines may be without a date.
    (calendar.is_some() || (2..=5).contains(&flag)).then_some((flag, count(line, 29)?, calendar))
}

fn count(line: &[u8], at: usize) -> Option<usize> {
    usize::try_from(integer(line, at, at + 3)?).ok().filter(|n| *n <= MAX_SATELLITES)
}

/// `G03`, `G 3`, or ` 3` in a file of one system.
fn satellite(field: &[u8], default: Gnss) -> Option<SatId> {
    let first = *field.first()?;
    let gnss = if first == b' ' { default } else { Gnss::from_letter(char::from(first))? };
    let number: u8 = text(field, 1, 3).parse().ok()?;
    // Some writers number QZSS and SBAS by their PRN's last two digits, as the standard says; nothing else is accepted.
    (1..=99).contains(&number).then_some(SatId::new(gnss, number))
}

/// A value and its signal strength digit; what is blank, zero or no number is not there.
fn fields(line: &[u8], at: usize) -> (Option<f64>, u8) {
    let value = real(line, at, at + 14).ok().flatten().filter(|v| *v != 0.0);
    let strength = line.get(at + 15).filter(|c| c.is_ascii_digit()).map_or(0, |c| c - b'0');
    (value, strength)
}

/// Turns a satellite's values into one observation for each pseudorange.
fn observe(
    header: &ObservationHeader,
    sat: SatId,
    value: impl Fn(usize) -> (Option<f64>, u8),
    out: &mut Vec<Observation>,
) {
    let codes = &header.codes[sat.gnss as usize];
    for (i, code) in codes.iter().enumerate().filter(|(_, c)| c.what == b'C') {
        let (Some(range_m), strength) = value(i) else { continue };
        let Some(signal) = Signal::from_rinex(sat.gnss, code.band, code.attribute) else { continue };
        // The same signal's other values; in version 2 those of the band.
        let other = |what: u8| {
            let of = |c: &Code| {
                c.what == what && c.band == code.band && (c.attribute == code.attribute || c.attribute == 0)
            };
            codes.iter().position(of).and_then(|j| value(j).0)
        };
        let carrier_hz = match sat.gnss {
            Gnss::Glonass => header
                .channels
                .get(usize::from(sat.number))
                .copied()
                .flatten()
                .map(|channel| signal.carrier_hz(channel)),
            _ => Some(signal.carrier_hz(0)),
        };
        let wavelength = carrier_hz.map(|hz| C / hz);
        // Digits of signal strength are steps of 6 dB (RINEX 3.05 table 5.7).
        let of_digit = (strength > 0).then(|| 6.0 * f64::from(strength) + 3.0);
        let mut o = Observation::new(sat, signal, range_m);
        o.cn0_dbhz = other(b'S').filter(|s| (0.0..100.0).contains(s)).or(of_digit);
        o.rate_mps = other(b'D').zip(wavelength).map(|(d, w)| -d * w);
        o.phase_m = other(b'L').zip(wavelength).map(|(l, w)| l * w);
        out.push(o);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn header(lines: &[(&str, &str)]) -> String {
        lines.iter().fold(String::new(), |all, (text, label)| all + &format!("{text:<60}{label}\n"))
    }

    fn version3() -> String {
        let mut text = header(&[
            ("     3.04           OBSERVATION DATA    M", "RINEX VERSION / TYPE"),
            ("STATION", "MARKER NAME"),
            ("  4027893.9000   307045.9000  4919475.1000", "APPROX POSITION XYZ"),
            ("G    5 C1C L1C D1C S1C C5Q", "SYS / # / OBS TYPES"),
            ("R    2 C1C D1C", "SYS / # / OBS TYPES"),
            ("  1 R07  5", "GLONASS SLOT / FRQ #"),
            ("", "END OF HEADER"),
        ]);
        text += "> 2023 01 01 10 00 30.0000000  0  3\n";
        text += "G05  20167723.817 7 105981234.123 7      -287.812          49.900                  \n";
        text += "R07  21000000.000 6      1000.000  \n";
        text += "X99  21000000.000\n";
        text += ">                              4  1\n";
        text += &header(&[("G    1 C1C", "SYS / # / OBS TYPES")]);
        text += "> 2023 01 01 10 01  0.0000000  0  1\n";
        text += "G05  20167700.000 7\n";
        text
    }

    #[test]
    fn version_3_with_an_event_in_the_middle() {
        let text = version3();
        let mut reader = observations(text.as_bytes()).unwrap();
        assert_eq!(reader.header().marker, "STATION");
        assert_eq!(reader.header().position, Some([4_027_893.9, 307_045.9, 4_919_475.1]));
        let first = reader.next().unwrap();
        assert_eq!(first.time, GpsTime::from_week_s(2243, 36_030));
        assert_eq!(first.observations.len(), 2);
        let o = &first.observations[0];
        assert_eq!((o.sat.to_string().as_str(), o.signal, o.range_m), ("G05", Signal::L1Ca, 20_167_723.817));
        assert_eq!(o.cn0_dbhz, Some(49.9));
        // Doppler is positive when approaching.
        assert!((o.rate_mps.unwrap() - 287.812 * 0.190_293_67).abs() < 1e-3);
        assert!((o.phase_m.unwrap() - 105_981_234.123 * 0.190_293_672_8).abs() < 1.0);
        let g = &first.observations[1];
        let hz = 1_602_000_000.0 + 5.0 * 562_500.0;
        assert!((g.rate_mps.unwrap() + 1000.0 * C / hz).abs() < 1e-9);
        assert_eq!(g.cn0_dbhz, Some(39.0), "the digit");
        assert_eq!(reader.next().unwrap().observations.len(), 1);
        assert_eq!(reader.next(), None);
        assert_eq!(reader.skipped().lines, 1, "the unknown satellite");
    }

    #[test]
    fn version_2_with_more_than_twelve_satellites() {
        let mut text = header(&[
            ("     2.11           OBSERVATION DATA    M", "RINEX VERSION / TYPE"),
            ("     6    L1    C1    L2    P2    D1    S1", "# / TYPES OF OBSERV"),
            ("  2005     4     2     0     0    0.0000000     GPS", "TIME OF FIRST OBS"),
            ("", "END OF HEADER"),
        ]);
        text += " 05  4  2  0  0 30.0000000  0 13G 1G 2G 3G 4G 5G 6G 7G 8G 9G10G11R12\n";
        text += "                                 13\n";
        for i in 0..13 {
            let (c1, p2) = (2.0e7 + f64::from(i), 2.1e7);
            writeln!(text, "  55923622.160  {c1:>14.3}6 43647388.242  {p2:>14.3}     -1000.000  ").unwrap();
            text += "        45.000\n";
        }
        let mut reader = observations(text.as_bytes()).unwrap();
        let epoch = reader.next().unwrap();
        assert_eq!(epoch.time, GpsTime::from_week_s(1316, 518_430));
        let of_l1: Vec<_> = epoch.observations.iter().filter(|o| o.range_m < 2.05e7).collect();
        assert_eq!(of_l1.len(), 13);
        assert_eq!(of_l1[11].signal, Signal::G1);
        assert_eq!((of_l1[12].sat.to_string().as_str(), of_l1[12].range_m), ("G13", 20_000_012.0));
        assert_eq!(of_l1[0].cn0_dbhz, Some(45.0));
        assert_eq!(epoch.observations.len(), 26);
        assert_eq!((reader.next(), reader.skipped()), (None, Skipped::default()));
    }

    #[test]
    fn compressed_and_cut_files() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(version3().as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(observations(gzip.as_slice()).unwrap().count(), 2);
        let text = version3();
        let mut cut = observations(text.get(..text.len() - 40).unwrap().as_bytes()).unwrap();
        assert_eq!(cut.by_ref().count(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        let nav = header(&[("     3.04           N: GNSS NAV DATA", "RINEX VERSION / TYPE")]);
        assert!(matches!(observations(nav.as_bytes()).err(), Some(RinexError::NotObservations('N'))));
        let compact = header(&[("3.0                 COMPACT RINEX FORMAT", "CRINEX VERS   / TYPE")]);
        assert!(matches!(observations(compact.as_bytes()).err(), Some(RinexError::Compact)));
        let endless = version3().replace("END OF HEADER", "COMMENT");
        assert!(matches!(observations(endless.as_bytes()).err(), Some(RinexError::Header)));
        assert!(observations(&b""[..]).is_err());
    }

    proptest! {
        #[test]
        fn any_octets_end(
            at in 0_usize..900,
            junk in proptest::collection::vec(any::<u8>(), 0..60),
            two in any::<bool>(),
        ) {
            let text = if two { version3().replace("     3.04", "     2.11") } else { version3() };
            let mut octets = text.into_bytes();
            let at = at.min(octets.len());
            let end = (at + junk.len()).min(octets.len());
            octets.splice(at..end, junk);
            if let Ok(reader) = observations(octets.as_slice()) {
                for epoch in reader {
                    prop_assert!(epoch.observations.iter().all(|o| o.range_m.is_finite()));
                }
            }
        }
    }
}
