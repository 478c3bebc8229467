//! The encoder.

use rasn::enc::Error as _;
use rasn::error::EncodeError;
use rasn::types::{
    self, BitStr, Choice, Constraints, Constructed, Enumerated, Identifier, IntegerType, RealType, Tag,
    TagTree,
};
use rasn::{Codec, Encode, Encoder};

use super::alphabet::Alphabet;
use super::{FRAGMENT, bounds, lengths, width};

type Result<T = (), E = EncodeError> = std::result::Result<T, E>;

/// Writes values one behind the other, bit by bit.
#[derive(Default)]
pub(crate) struct Writer {
    octets: Vec<u8>,
    /// The bits of the octet that is not full yet are the lowest of this.
    rest: u64,
    /// How many they are: fewer than eight.
    count: u32,
}

/// A message with assistance is longer; most are not.
const USUAL: usize = 256;

impl Writer {
    pub(super) fn new() -> Self {
        Self { octets: Vec::with_capacity(USUAL), rest: 0, count: 0 }
    }

    /// The complete encoding: filled up with zero bits, and never empty (X.691 clause 11.1).
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.fill(0);
        self.octets
    }

    const fn position(&self) -> usize {
        self.octets.len() * 8 + self.count as usize
    }

    /// Fills up to whole octets from a position on; at least one.
    fn fill(&mut self, start: usize) {
        let written = self.position() - start;
        let wanted = written.div_ceil(8).max(1) * 8;
        self.bits(0, (wanted - written) as u32);
    }

    /// Writes the lowest bits of a number, at most 56.
    fn short(&mut self, number: u64, bits: u32) {
        self.rest = (self.rest << bits) | number;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.octets.push((self.rest >> self.count) as u8);
        }
        self.rest &= (1 << self.count) - 1;
    }

    /// Writes the lowest bits of a number, which has no others, at most 64.
    fn bits(&mut self, number: u64, bits: u32) {
        if bits > 32 {
            self.short(number >> 32, bits - 32);
            self.short(number & 0xFFFF_FFFF, 32);
        } else {
            self.short(number, bits);
        }
    }

    fn octets(&mut self, octets: &[u8]) {
        if self.count == 0 {
            return self.octets.extend_from_slice(octets);
        }
        self.octets.reserve(octets.len());
        let mut chunks = octets.chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk.iter().fold(0, |word, octet| (word << 8) | u64::from(*octet));
            let whole = (self.rest << (64 - self.count)) | (word >> self.count);
            self.octets.extend_from_slice(&whole.to_be_bytes());
            self.rest = word & ((1 << self.count) - 1);
        }
        for octet in chunks.remainder() {
            self.short(u64::from(*octet), 8);
        }
    }

    fn bit_string(&mut self, value: &BitStr) {
        for chunk in value.chunks(56) {
            let number = chunk.iter().fold(0, |number, bit| (number << 1) | u64::from(*bit));
            self.short(number, chunk.len() as u32);
        }
    }

    /// Writes a length and what it counts: all at once, or in fragments with lengths of their own. `size` gives the
    /// lengths among which it is.
    fn counted(
        &mut self,
        length: usize,
        size: Option<(usize, usize)>,
        mut items: impl FnMut(&mut Self, std::ops::Range<usize>) -> Result,
    ) -> Result {
        if let Some((least, greatest)) = size {
            if !(least..=greatest).contains(&length) {
                let what = format!("{length} items where {least} to {greatest} may be");
                return Err(EncodeError::custom(what, Codec::Uper));
            }
            self.bits((length - least) as u64, width((greatest - least) as u128));
            return items(self, 0..length);
        }
        let mut done = 0;
        while length - done >= FRAGMENT {
            let fragments = ((length - done) / FRAGMENT).min(4);
            self.bits(0xC0 | fragments as u64, 8);
            items(self, done..done + fragments * FRAGMENT)?;
            done += fragments * FRAGMENT;
        }
        self.short_length(length - done);
        items(self, done..length)
    }

    /// A length below 16,384 (X.691 clause 11.9.3.6 and 7).
    fn short_length(&mut self, length: usize) {
        if length < 128 {
            self.bits(length as u64, 8);
        } else {
            self.bits(0x8000 | length as u64, 16);
        }
    }

    /// The extension bit of a type whose size may be extended, and the lengths that still hold then.
    fn size(&mut self, constraints: &Constraints, length: usize) -> Result<Option<(usize, usize)>> {
        let Some(size) = constraints.size() else {
            if constraints.extensible() {
                self.bits(0, 1);
            }
            return Ok(None);
        };
        let within = size.constraint.contains(&length);
        if constraints.extensible() {
            self.bits(u64::from(!within), 1);
            return Ok(if within { lengths(&size.constraint) } else { None });
        }
        if !within {
            let what = format!("a size of {length} is not in {}", *size.constraint);
            return Err(EncodeError::custom(what, Codec::Uper));
        }
        Ok(lengths(&size.constraint))
    }

    /// A number: between bounds in as many bits as they need, else in the fewest octets behind how many these are.
    fn number(&mut self, constraints: &Constraints, number: i128) -> Result {
        let value = constraints.value();
        let (least, greatest) = value.map_or((None, None), |value| bounds(&value.constraint));
        let within = least.is_none_or(|least| number >= least) && greatest.is_none_or(|most| number <= most);
        if constraints.extensible() {
            self.bits(u64::from(!within), 1);
        } else if !within {
            let what =
                format!("a number is not in {}", value.map(|v| v.constraint.to_string()).unwrap_or_default());
            return Err(EncodeError::custom(what, Codec::Uper));
        }
        match (least, greatest) {
            (Some(least), Some(greatest)) if within => {
                let bits = width((greatest - least) as u128);
                let offset = u64::try_from(number - least).ok().filter(|_| bits <= 64);
                self.bits(offset.ok_or_else(|| unsupported("an INTEGER of more than 64 bits"))?, bits);
                Ok(())
            }
            (Some(least), None) if within => {
                let octets = ((number - least) as u128).to_be_bytes();
                let unused = ((number - least) as u128).leading_zeros() as usize / 8;
                self.counted_octets(&octets[unused.min(15)..])
            }
            _ => {
                let octets = number.to_be_bytes();
                let sign = if number < 0 { number.leading_ones() } else { number.leading_zeros() };
                // The highest bit of the first octet is the sign.
                self.counted_octets(&octets[(sign as usize - 1) / 8..])
            }
        }
    }

    fn counted_octets(&mut self, octets: &[u8]) -> Result {
        self.counted(octets.len(), None, |writer, range| {
            writer.octets(&octets[range]);
            Ok(())
        })
    }

    fn normally_small(&mut self, number: usize) -> Result {
        if number < 64 {
            self.bits(number as u64, 7);
            return Ok(());
        }
        self.bits(1, 1);
        let octets = (number as u64).to_be_bytes();
        self.counted_octets(&octets[(number as u64).leading_zeros() as usize / 8..])
    }

    fn string(&mut self, constraints: &Constraints, characters: &[u8], first: u32, last: u32) -> Result {
        let alphabet = Alphabet::new(constraints, first, last);
        let size = self.size(constraints, characters.len())?;
        self.counted(characters.len(), size, |writer, range| {
            for character in &characters[range] {
                let number = alphabet.number(*character);
                let number =
                    number.ok_or_else(|| EncodeError::custom("a character is not allowed", Codec::Uper))?;
                writer.bits(number, alphabet.width);
            }
            Ok(())
        })
    }

    /// Writes an open type in place: room for a length of one octet, the value, and then the length.
    fn open(&mut self, value: impl FnOnce(&mut Self) -> Result) -> Result {
        self.bits(0, 8);
        let start = self.position();
        value(self)?;
        self.fill(start);
        // The value fills octets, so the place in an octet is the one from which it started.
        let length = (self.position() - start) / 8;
        let (at, shift) = ((start - 8) / 8, self.count);
        if length < 128 {
            self.patch(at, (length as u64) << (16 - shift));
        } else if length < FRAGMENT {
            self.octets.insert(at + 1, 0);
            self.patch(at, (0x8000 | length as u64) << (8 - shift));
        } else {
            let octets = self.take_back(start, length);
            self.counted_octets(&octets)?;
        }
        Ok(())
    }

    /// Puts 24 bits over those that are there from an octet on, where these are zero.
    fn patch(&mut self, at: usize, bits: u64) {
        for (octet, bits) in self.octets.iter_mut().skip(at).zip([bits >> 16, bits >> 8, bits]) {
            *octet |= bits as u8;
        }
    }

    /// Takes the last octets, which started at a position, and the room for their length out again.
    fn take_back(&mut self, start: usize, length: usize) -> Vec<u8> {
        let shift = self.count;
        let first = start / 8;
        let mut octets = Vec::with_capacity(length);
        for i in 0..length {
            let high = self.octets.get(first + i).copied().unwrap_or_default();
            let low = self.octets.get(first + i + 1).copied();
            let low = low.unwrap_or((self.rest << (8 - shift)) as u8);
            let both = (u16::from(high) << 8) | u16::from(low);
            octets.push((both >> (8 - shift)) as u8);
        }
        let kept = self.octets.get(first - 1).copied().unwrap_or_default();
        self.octets.truncate(first - 1);
        self.rest = u64::from(kept) >> (8 - shift);
        octets
    }
}

#[cold]
fn unsupported(what: &'static str) -> EncodeError {
    EncodeError::custom(format!("{what} is in no module of these protocols"), Codec::Uper)
}

impl Encoder<'_> for Writer {
    type Ok = ();
    type Error = EncodeError;
    type AnyEncoder<'other, const R: usize, const E: usize> = Self;

    fn codec(&self) -> Codec {
        Codec::Uper
    }

    fn encode_any(&mut self, _: Tag, value: &types::Any, _: Identifier) -> Result {
        self.octets(value.as_bytes());
        Ok(())
    }

    fn encode_bool(&mut self, _: Tag, value: bool, _: Identifier) -> Result {
        self.bits(u64::from(value), 1);
        Ok(())
    }

    fn encode_bit_string(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &BitStr,
        _: Identifier,
    ) -> Result {
        let size = self.size(constraints, value.len())?;
        self.counted(value.len(), size, |writer, range| {
            writer.bit_string(&value[range]);
            Ok(())
        })
    }

    fn encode_enumerated<E: Enumerated>(&mut self, _: Tag, value: &E, _: Identifier) -> Result {
        let index = value.enumeration_index();
        let extended = value.is_extended_variant();
        if E::EXTENDED_VARIANTS.is_some() {
            self.bits(u64::from(extended), 1);
        }
        if extended {
            return self.normally_small(index);
        }
        self.bits(index as u64, width(E::variance().saturating_sub(1) as u128));
        Ok(())
    }

    fn encode_object_identifier(&mut self, _: Tag, value: &[u32], _: Identifier) -> Result {
        let mut octets = Vec::new();
        rasn::ber::enc::object_identifier_as_bytes(value, &mut octets)?;
        self.counted_octets(&octets)
    }

    fn encode_integer<I: IntegerType>(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &I,
        _: Identifier,
    ) -> Result {
        let number = value.clone().try_into();
        let number: i128 = number.map_err(|_| unsupported("an INTEGER of more than 128 bits"))?;
        self.number(constraints, number)
    }

    fn encode_real<R: RealType>(&mut self, _: Tag, _: &Constraints, _: &R, _: Identifier) -> Result {
        Err(unsupported("REAL"))
    }

    fn encode_null(&mut self, _: Tag, _: Identifier) -> Result {
        Ok(())
    }

    fn encode_octet_string(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &[u8],
        _: Identifier,
    ) -> Result {
        let size = self.size(constraints, value.len())?;
        self.counted(value.len(), size, |writer, range| {
            writer.octets(&value[range]);
            Ok(())
        })
    }

    fn encode_general_string(
        &mut self,
        _: Tag,
        _: &Constraints,
        _: &types::GeneralString,
        _: Identifier,
    ) -> Result {
        Err(unsupported("GeneralString"))
    }

    fn encode_graphic_string(
        &mut self,
        _: Tag,
        _: &Constraints,
        _: &types::GraphicString,
        _: Identifier,
    ) -> Result {
        Err(unsupported("GraphicString"))
    }

    fn encode_utf8_string(
        &mut self,
        tag: Tag,
        _: &Constraints,
        value: &str,
        identifier: Identifier,
    ) -> Result {
        self.encode_octet_string(tag, &Constraints::NONE, value.as_bytes(), identifier)
    }

    fn encode_visible_string(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &types::VisibleString,
        _: Identifier,
    ) -> Result {
        self.string(constraints, value.as_iso646_bytes(), 0x20, 0x7E)
    }

    fn encode_ia5_string(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &types::Ia5String,
        _: Identifier,
    ) -> Result {
        self.string(constraints, value.as_iso646_bytes(), 0, 0x7F)
    }

    fn encode_printable_string(
        &mut self,
        _: Tag,
        _: &Constraints,
        _: &types::PrintableString,
        _: Identifier,
    ) -> Result {
        Err(unsupported("PrintableString"))
    }

    fn encode_numeric_string(
        &mut self,
        _: Tag,
        _: &Constraints,
        _: &types::NumericString,
        _: Identifier,
    ) -> Result {
        Err(unsupported("NumericString"))
    }

    fn encode_teletex_string(
        &mut self,
        _: Tag,
        _: &Constraints,
        _: &types::TeletexString,
        _: Identifier,
    ) -> Result {
        Err(unsupported("TeletexString"))
    }

    fn encode_bmp_string(&mut self, _: Tag, _: &Constraints, _: &types::BmpString, _: Identifier) -> Result {
        Err(unsupported("BMPString"))
    }

    fn encode_generalized_time(&mut self, _: Tag, _: &types::GeneralizedTime, _: Identifier) -> Result {
        Err(unsupported("GeneralizedTime"))
    }

    fn encode_utc_time(&mut self, _: Tag, value: &types::UtcTime, _: Identifier) -> Result {
        let characters = rasn::ber::enc::Encoder::datetime_to_canonical_utc_time_bytes(value);
        self.string(&Constraints::NONE, &characters, 0x20, 0x7E)
    }

    fn encode_date(&mut self, _: Tag, _: &types::Date, _: Identifier) -> Result {
        Err(unsupported("DATE"))
    }

    fn encode_explicit_prefix<V: Encode>(&mut self, _: Tag, value: &V, _: Identifier) -> Result {
        // A tag is not written.
        value.encode(self)
    }

    fn encode_sequence<'b, const RC: usize, const EC: usize, C, F>(
        &'b mut self,
        _: Tag,
        _: F,
        _: Identifier,
    ) -> Result
    where
        C: Constructed<RC, EC>,
        F: FnOnce(&mut Self::AnyEncoder<'b, RC, EC>) -> Result,
    {
        Err(unsupported("a SEQUENCE of rasn's own derive"))
    }

    fn encode_sequence_of<E: Encode>(
        &mut self,
        _: Tag,
        value: &[E],
        constraints: &Constraints,
        _: Identifier,
    ) -> Result {
        let size = self.size(constraints, value.len())?;
        self.counted(value.len(), size, |writer, range| {
            value[range].iter().try_for_each(|item| item.encode(writer))
        })
    }

    fn encode_set<'b, const RC: usize, const EC: usize, C, F>(
        &'b mut self,
        _: Tag,
        _: F,
        _: Identifier,
    ) -> Result
    where
        C: Constructed<RC, EC>,
        F: FnOnce(&mut Self::AnyEncoder<'b, RC, EC>) -> Result,
    {
        Err(unsupported("SET"))
    }

    fn encode_set_of<E: Encode + Eq + std::hash::Hash>(
        &mut self,
        _: Tag,
        _: &types::SetOf<E>,
        _: &Constraints,
        _: Identifier,
    ) -> Result {
        Err(unsupported("SET OF"))
    }

    fn encode_some<E: Encode>(&mut self, value: &E, _: Identifier) -> Result {
        value.encode(self)
    }

    fn encode_some_with_tag_and_constraints<E: Encode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
        value: &E,
        identifier: Identifier,
    ) -> Result {
        value.encode_with_tag_and_constraints(self, tag, constraints, identifier)
    }

    fn encode_none<E: Encode>(&mut self, _: Identifier) -> Result {
        Ok(())
    }

    fn encode_none_with_tag(&mut self, _: Tag, _: Identifier) -> Result {
        Ok(())
    }

    fn encode_choice<E: Encode + Choice>(
        &mut self,
        _: &Constraints,
        tag: Tag,
        alternative: impl FnOnce(&mut Self) -> Result<Tag>,
        _: Identifier,
    ) -> Result {
        let place =
            |alternatives: &[TagTree]| alternatives.iter().position(|tree| tree.smallest_tag() == tag);
        if let Some(index) = place(E::VARIANTS) {
            if E::EXTENDED_VARIANTS.is_some() {
                self.bits(0, 1);
            }
            self.bits(index as u64, width(E::VARIANTS.len().saturating_sub(1) as u128));
            return alternative(self).map(drop);
        }
        let index = E::EXTENDED_VARIANTS.and_then(place);
        let index = index.ok_or_else(|| EncodeError::custom("no such alternative", Codec::Uper))?;
        self.bits(1, 1);
        self.normally_small(index)?;
        self.open(|writer| alternative(writer).map(drop))
    }

    /// Writes an addition where the encoder stands: an open type. Which additions there are has been written before.
    fn encode_extension_addition<E: Encode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
        value: E,
        identifier: Identifier,
    ) -> Result {
        self.open(|writer| value.encode_with_tag_and_constraints(writer, tag, constraints, identifier))
    }

    fn encode_extension_addition_group<const RC: usize, const EC: usize, E>(
        &mut self,
        _: Option<&E>,
        _: Identifier,
    ) -> Result
    where
        E: Encode + Constructed<RC, EC>,
    {
        Err(unsupported("an addition group of rasn's own derive"))
    }
}
