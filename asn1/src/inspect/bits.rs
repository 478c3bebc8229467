//! Bits in and out.

use std::borrow::Cow;

use super::error::{InspectError, Problem};

/// Reads bits. Inside an open type it reads the same bytes, so that positions stay those of the whole message.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    data: Cow<'a, [u8]>,
    start: usize,
    at: usize,
    end: usize,
    /// For an open type that came in fragments: where in `data` each piece begins, and where it was in the message.
    pieces: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data: Cow::Borrowed(data), start: 0, at: 0, end: data.len() * 8, pieces: Vec::new() }
    }

    /// The next `bits` bits as a reader of their own, which are skipped here.
    pub(super) fn part(&mut self, bits: usize) -> Result<Reader<'_>, InspectError> {
        self.need(bits)?;
        let start = self.at;
        self.at += bits;
        Ok(Reader {
            data: Cow::Borrowed(&self.data),
            start,
            at: start,
            end: start + bits,
            pieces: self.pieces.clone(),
        })
    }

    /// A reader of octets that were collected from pieces of a message.
    pub(super) fn gathered(data: Vec<u8>, pieces: Vec<(usize, usize)>) -> Reader<'static> {
        let end = data.len() * 8;
        Reader { data: Cow::Owned(data), start: 0, at: 0, end, pieces }
    }

    /// The position in the message.
    pub(super) fn position(&self) -> usize {
        match self.pieces.iter().rev().find(|(start, _)| *start <= self.at) {
            Some((start, original)) => original + (self.at - start),
            None => self.at,
        }
    }

    pub(super) fn consumed(&self) -> usize {
        self.at - self.start
    }

    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    fn need(&self, bits: usize) -> Result<(), InspectError> {
        if bits <= self.left() {
            Ok(())
        } else {
            Err(InspectError::at(self.position(), Problem::End { wanted: bits, left: self.left() }))
        }
    }

    pub(super) fn bit(&mut self) -> Result<bool, InspectError> {
        self.number(1).map(|bit| bit == 1)
    }

    /// At most 64 bits, as a number.
    pub(super) fn number(&mut self, bits: usize) -> Result<u64, InspectError> {
        self.need(bits)?;
        let mut value = 0;
        let mut wanted = bits;
        while wanted > 0 {
            let shift = self.at % 8;
            let taken = wanted.min(8 - shift);
            let octet = self.data.get(self.at / 8).copied().unwrap_or_default();
            let part = (octet << shift) >> (8 - taken);
            value = (value << taken) | u64::from(part);
            self.at += taken;
            wanted -= taken;
        }
        Ok(value)
    }

    /// Any number of bits, packed from the left, the last octet filled with zero bits.
    pub(super) fn packed(&mut self, bits: usize) -> Result<Vec<u8>, InspectError> {
        self.need(bits)?;
        let mut octets = Vec::with_capacity(bits.div_ceil(8));
        for _ in 0..bits / 8 {
            octets.push(self.number(8)? as u8);
        }
        let rest = bits % 8;
        if rest > 0 {
            octets.push((self.number(rest)? as u8) << (8 - rest));
        }
        Ok(octets)
    }
}

/// Writes bits.
#[derive(Debug, Default)]
pub(super) struct Writer {
    data: Vec<u8>,
    bits: usize,
}

impl Writer {
    pub(super) fn bit(&mut self, bit: bool) {
        self.number(u64::from(bit), 1);
    }

    /// The low `bits` bits of a number, at most 64.
    pub(super) fn number(&mut self, value: u64, bits: usize) {
        let mut left = bits;
        while left > 0 {
            let free = 8 - self.bits % 8;
            if free == 8 {
                self.data.push(0);
            }
            let taken = left.min(free);
            let part = (value >> (left - taken)) & ((1 << taken) - 1);
            if let Some(last) = self.data.last_mut() {
                *last |= (part as u8) << (free - taken);
            }
            self.bits += taken;
            left -= taken;
        }
    }

    /// The first `bits` bits of octets.
    pub(super) fn packed(&mut self, octets: &[u8], bits: usize) {
        for (index, octet) in octets.iter().take(bits.div_ceil(8)).enumerate() {
            let wanted = (bits - index * 8).min(8);
            self.number(u64::from(*octet) >> (8 - wanted), wanted);
        }
    }

    /// The complete encoding: whole octets, at least one.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.data.is_empty() {
            self.data.push(0);
        }
        self.data
    }
}
