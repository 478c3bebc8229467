//! Texts of elements: numbers, times, spans, and texts that hide themselves.

use std::fmt;
use std::time::Duration;

use crate::base::Utc;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Flaw, Read, Token, Value, text_elements};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

/// A text that concerns a person or opens a door: an identity, a coordinate, a password. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Private(String);

impl Private {
    /// The text. For protocols and storage, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Private {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Value for Private {
    fn parse(text: &str) -> Result<Self, Flaw> {
        Ok(Self(text.to_owned()))
    }
    fn print(&self, out: &mut Writer) {
        out.text(&self.0);
    }
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, Flaw> {
        Ok(text.to_owned())
    }
    fn print(&self, out: &mut Writer) {
        out.text(self);
    }
}

impl Token for String {
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn print(&self, out: &mut Writer) {
        out.text(self);
    }
}

/// Digits alone.
impl Value for u32 {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        match decimal(text)? {
            _ if text.starts_with('-') => Err(Flaw::Range),
            _ if digits.contains('.') => Err(Flaw::Format),
            _ => digits.parse().map_err(|_| Flaw::Range),
        }
    }
    fn print(&self, out: &mut Writer) {
        out.plain(format_args!("{self}"));
    }
}

/// A decimal number that is not negative. The standard writes whole numbers for most; servers have been seen to send decimals.
impl Value for f64 {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let number = decimal(text)?;
        if number < 0.0 { Err(Flaw::Range) } else { Ok(number) }
    }
    fn print(&self, out: &mut Writer) {
        out.plain(format_args!("{self}"));
    }
}

/// A decimal number of either sign.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Signed(pub f64);

impl Value for Signed {
    fn parse(text: &str) -> Result<Self, Flaw> {
        decimal(text).map(Self)
    }
    fn print(&self, out: &mut Writer) {
        out.plain(format_args!("{}", self.0));
    }
}

/// `[+-]?digits[.digits]`, or with no digit before the point.
pub(crate) fn decimal(text: &str) -> Result<f64, Flaw> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let well_formed = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
        && digits.bytes().any(|b| b.is_ascii_digit());
    if !well_formed {
        return Err(Flaw::Format);
    }
    if digits.len() > 40 {
        return Err(Flaw::Range);
    }
    text.parse().map_err(|_| Flaw::Format)
}

/// A span as `ddHHmmss`, to the second, less than 100 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(u32);

impl Span {
    /// The longest: 99 days, 23:59:59.
    pub const MAX: Self = Self(8_639_999);

    /// From seconds; longer spans become the longest.
    pub const fn from_secs(seconds: u32) -> Self {
        if seconds > Self::MAX.0 { Self::MAX } else { Self(seconds) }
    }

    /// Seconds.
    pub const fn secs(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl From<Duration> for Span {
    /// Rounded down to the second.
    fn from(d: Duration) -> Self {
        Self::from_secs(u32::try_from(d.as_secs()).unwrap_or(u32::MAX))
    }
}

impl Value for Span {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let [days, hours, minutes, seconds] = pairs::<4>(text).ok_or(Flaw::Format)?;
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err(Flaw::Range);
        }
        Ok(Self(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
    }
    fn print(&self, out: &mut Writer) {
        let s = self.0;
        out.plain(format_args!("{:02}{:02}{:02}{:02}", s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60));
    }
}

/// Exactly `N` pairs of digits.
fn pairs<const N: usize>(text: &str) -> Option<[u32; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut out = [0; N];
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *slot = pair.iter().fold(0, |v, b| v * 10 + u32::from(b - b'0'));
    }
    Some(out)
}

/// A time to the second, as `yyyyMMddHHmmss` of the local time of an offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// The instant.
    pub utc: Utc,
    /// The offset in which it is written, minutes, east positive, within 14:59.
    pub offset_min: i16,
}

impl Time {
    /// An instant, to be written in UTC. Parts of a second are not written.
    pub const fn utc(utc: Utc) -> Self {
        Self { utc: Utc::from_unix_s(utc.unix_s()), offset_min: 0 }
    }

    fn parse(text: &str, offset_min: i16) -> Result<Self, Flaw> {
        let [century, year, month, day, hour, minute, second] = pairs::<7>(text).ok_or(Flaw::Format)?;
        // A leap second is the end of its minute.
        let leap = u32::from(second == 60);
        let fields = (month as u8, day as u8, hour as u8, minute as u8, (second - leap) as u8);
        let (month, day, hour, minute, second) = fields;
        let local = i32::try_from(century * 100 + year)
            .ok()
            .and_then(|year| Utc::from_civil(year, month, day, hour, minute, second))
            // The thirtieth of February is no day.
            .filter(|local| local.civil().2 == day)
            .ok_or(Flaw::Range)?;
        let seconds = local.unix_s() + i64::from(leap) - i64::from(offset_min) * 60;
        Ok(Self { utc: Utc::from_unix_s(seconds), offset_min })
    }
}

impl From<Utc> for Time {
    fn from(utc: Utc) -> Self {
        Self::utc(utc)
    }
}

/// `[+-]?HHMM`, hours up to 14.
fn offset(text: &str) -> Option<i16> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let [hours, minutes] = pairs::<2>(digits)?;
    let minutes = (hours <= 14 && minutes <= 59).then_some((hours * 60 + minutes) as i16)?;
    Some(if text.starts_with('-') { -minutes } else { minutes })
}

impl Element for Time {
    fn read(node: Node<'_>) -> Read<Self> {
        let name = node.name();
        let offset = match node.take_attribute("utc_off") {
            None => 0,
            Some(text) => {
                offset(text).ok_or_else(|| ParseFault::at_attribute(FaultKind::Format, name, "utc_off"))?
            }
        };
        let time = Self::parse(node.take_text(), offset).map_err(|flaw| {
            let kind = if flaw == Flaw::Format { FaultKind::Format } else { FaultKind::Value };
            ParseFault::new(kind, name)
        })?;
        node.finish()?;
        Ok(time)
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        let minutes = i64::from(self.offset_min);
        let (year, month, day, hour, minute, second) =
            Utc::from_unix_s(self.utc.unix_s().saturating_add(minutes * 60)).civil();
        out.open(name);
        let sign = if minutes < 0 { '-' } else { '+' };
        let size = minutes.abs();
        out.attribute("utc_off", |out| out.plain(format_args!("{sign}{:02}{:02}", size / 60, size % 60)));
        out.plain(format_args!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"));
        out.close(name);
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

text_elements!(Private, String, u32, f64, Signed, Span);

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for Private {
        fn sample(from: &mut Source) -> Self {
            Self(String::sample(from))
        }
    }

    impl Sample for Signed {
        fn sample(from: &mut Source) -> Self {
            Self(*from.pick(&[-12.0, 0.0, 57.0, 8848.5]))
        }
    }

    impl Sample for Span {
        fn sample(from: &mut Source) -> Self {
            Self(from.below(8_640_000) as u32)
        }
    }

    impl Sample for Time {
        fn sample(from: &mut Source) -> Self {
            let utc = Utc::from_unix_s(1_700_000_000 + from.below(1_000_000_000) as i64);
            Self { utc, offset_min: *from.pick(&[0, 330, -570, 899, -899]) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(u32::parse("007"), Ok(7));
        assert_eq!(u32::parse("-7"), Err(Flaw::Range));
        assert_eq!(u32::parse("99999999999"), Err(Flaw::Range));
        for bad in ["", "x", "1e3", "0x1", "1.2.3", ".", "+", "--1", "inf", "NaN", "1,5", "٣"] {
            assert_eq!(f64::parse(bad), Err(Flaw::Format), "{bad}");
            assert_eq!(u32::parse(bad), Err(Flaw::Format), "{bad}");
        }
        assert_eq!(u32::parse("1.5"), Err(Flaw::Format));
        assert_eq!(f64::parse("12.5"), Ok(12.5));
        assert_eq!(f64::parse("-0.1"), Err(Flaw::Range));
        assert_eq!(Signed::parse("-12"), Ok(Signed(-12.0)));
        assert_eq!(f64::parse(&"9".repeat(400)), Err(Flaw::Range));
    }

    #[test]
    fn times_and_offsets() {
        let at = |text, off| Time::parse(text, off).map(|t| t.utc.unix_s());
        assert_eq!(at("19700101000000", 0), Ok(0));
        assert_eq!(at("19700101053000", 330), Ok(0));
        assert_eq!(at("19691231143000", -570), Ok(0));
        assert_eq!(at("20161231235960", 0), at("20170101000000", 0));
        assert!(at("20240229000000", 0).is_ok());
        for bad in [
            "20230229000000",
            "20231301000000",
            "20230101240000",
            "20230101006000",
            "20230101000061",
            "00000101000000",
        ] {
            assert_eq!(at(bad, 0), Err(Flaw::Range), "{bad}");
        }
        for bad in ["2023010100000", "202301010000000", "2023-01-01T00:0", ""] {
            assert_eq!(at(bad, 0), Err(Flaw::Format), "{bad}");
        }
        assert_eq!(offset("+0530"), Some(330));
        assert_eq!(offset("-0930"), Some(-570));
        assert_eq!(offset("1459"), Some(899));
        for bad in ["", "Z", "+5", "0560", "1500", "+05:30", "00000", "++000"] {
            assert_eq!(offset(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(Span::parse("01020304").map(Span::secs), Ok(93_784));
        assert_eq!(Span::parse("00002400"), Ok(Span::from_secs(1440)));
        assert_eq!(Span::parse("00240000"), Err(Flaw::Range));
        assert_eq!(Span::parse("1h"), Err(Flaw::Format));
        assert_eq!(Span::from_secs(u32::MAX), Span::MAX);
    }

    #[test]
    fn private_texts_do_not_show() {
        assert_eq!(format!("{:?}", Private::from("447700900123")), "…");
    }
}
