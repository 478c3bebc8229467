//! Lines of bounded length from a stream of any size.

use std::io::{self, BufRead};

/// Longest line that is kept; lines of navigation files have 80 columns, and some writers pad them further.
pub(super) const MAX_LINE: usize = 256;
/// Longest line of an observation file of version 3: a satellite and 100 observations.
pub(super) const MAX_OBSERVATION_LINE: usize = 3 + 16 * 100;

/// Reads lines one after the other into one buffer.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    limit: usize,
    number: u64,
    bytes: u64,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line is in the buffer.
    Whole,
    /// A line was longer than lines may be; its beginning is in the buffer.
    Overlong,
    /// There are no more.
    End,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::with_limit(reader, MAX_LINE)
    }

    /// Lines of up to `limit` octets.
    pub(super) fn with_limit(reader: R, limit: usize) -> Self {
        Self { reader, line: Vec::with_capacity(limit), limit, number: 0, bytes: 0 }
    }

    /// Number of the line in the buffer, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Bytes read so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The line in the buffer, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Advances to the next line.
    pub(super) fn advance(&mut self) -> io::Result<Line> {
        self.line.clear();
        let mut any = false;
        let mut overlong = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(c) => c,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|b| *b == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = self.limit.saturating_sub(self.line.len());
            overlong |= part.len() > room;
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = part.len() + usize::from(end.is_some());
            self.bytes += used as u64;
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(Line::End);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(if overlong { Line::Overlong } else { Line::Whole })
    }
}

/// The columns `from..to` of a line, as far as it reaches.
pub(super) fn columns(line: &[u8], from: usize, to: usize) -> &[u8] {
    line.get(from..to.min(line.len())).unwrap_or_default()
}

/// The text of columns without surrounding blanks; empty where it is not text.
pub(super) fn text(line: &[u8], from: usize, to: usize) -> &str {
    std::str::from_utf8(columns(line, from, to).trim_ascii()).unwrap_or_default()
}

/// An integer in columns.
pub(super) fn integer(line: &[u8], from: usize, to: usize) -> Option<i64> {
    text(line, from, to).parse().ok()
}

/// A number of FORTRAN in columns: exponents with D or E, the leading zero may be missing. `Ok(None)` when blank,
/// `Err` when it is not a number.
pub(super) fn real(line: &[u8], from: usize, to: usize) -> Result<Option<f64>, ()> {
    let field = columns(line, from, to).trim_ascii();
    if field.is_empty() {
        return Ok(None);
    }
    let mut buffer = [0_u8; 24];
    let copy = buffer.get_mut(..field.len()).ok_or(())?;
    for (to, from) in copy.iter_mut().zip(field) {
        *to = match from {
            b'D' | b'd' | b'e' => b'E',
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'E' => *from,
            // Keeps out words such as "inf" and "nan", which the parser would take.
            _ => return Err(()),
        };
    }
    let value: f64 = std::str::from_utf8(copy).map_err(|_| ())?.parse().map_err(|_| ())?;
    if value.is_finite() { Ok(Some(value)) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_fortran() {
        let r = |s: &str| real(s.as_bytes(), 0, s.len());
        assert_eq!(r("-.607899390161D-03"), Ok(Some(-0.607899390161e-3)));
        assert_eq!(r(" .999999999999e+09"), Ok(Some(0.999999999999e9)));
        assert_eq!(r("   1.0000000000d+00"), Ok(Some(1.0)));
        assert_eq!(r("      "), Ok(None));
        for bad in ["inf", "nan", "1e999", "1.0 2.0", "--1", "0x10", "1,5", "1.0E", &"1".repeat(30)] {
            assert_eq!(r(bad), Err(()), "{bad}");
        }
        assert_eq!(real(b"12", 5, 9), Ok(None));
    }

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 100_000];
        text.extend_from_slice(b"\r\nshort\r\nlast");
        // A reader with a tiny buffer, so that lines straddle its edges.
        let mut lines = Lines::new(io::BufReader::with_capacity(7, text.as_slice()));
        assert_eq!(lines.advance().unwrap(), Line::Overlong);
        assert_eq!(lines.line().len(), MAX_LINE);
        assert_eq!(lines.advance().unwrap(), Line::Whole);
        assert_eq!(lines.line(), b"short");
        assert_eq!(lines.advance().unwrap(), Line::Whole);
        assert_eq!(lines.line(), b"last");
        assert_eq!(lines.advance().unwrap(), Line::End);
        assert_eq!((lines.number(), lines.bytes()), (3, 100_013));
    }
}
