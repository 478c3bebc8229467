//! The decoder.

use std::fmt::Display;

use rasn::de::Error as _;
use rasn::error::DecodeError;
use rasn::types::constraints::{Extensible, Size};
use rasn::types::{
    self, Constraints, Constructed, DecodeChoice, Enumerated, IntegerType, RealType, Tag, TagTree,
};
use rasn::{Codec, Decode, Decoder};

use super::alphabet::Alphabet;
use super::{FRAGMENT, bounds, lengths, width};

type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// Reads values one behind the other, bit by bit.
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    /// The next bit.
    at: usize,
    /// The bit behind the last one: of all octets, or of the open type that is being read.
    end: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0, end: octets.len() * 8 }
    }

    /// How many octets a complete encoding took (X.691 clause 11.1).
    pub(super) fn complete(&mut self) -> Result<usize> {
        if self.at == 0 && self.bits(8)? != 0 {
            return Err(fault("an empty value is not an octet of zeros"));
        }
        Ok(self.at.div_ceil(8))
    }

    pub(super) fn explain(&self, error: &impl Display) -> String {
        format!("at bit {}: {error}", self.at)
    }

    const fn left(&self) -> usize {
        self.end - self.at
    }

    /// Steps over bits.
    fn take(&mut self, bits: usize) -> Result<usize> {
        let at = self.at;
        if bits > self.left() {
            return Err(missing(bits - self.left()));
        }
        self.at += bits;
        Ok(at)
    }

    /// Reads a number of at most 64 bits.
    fn bits(&mut self, bits: u32) -> Result<u64> {
        let at = self.take(bits as usize)?;
        if bits == 0 {
            return Ok(0);
        }
        let word = self.word(at);
        Ok(word >> (64 - bits))
    }

    /// The 64 bits from one on; zeros behind the end.
    fn word(&self, at: usize) -> u64 {
        let (first, shift) = (at / 8, at % 8);
        let octets = self.octets.get(first..).unwrap_or_default();
        let (word, next) = if let Some((word, rest)) = octets.split_first_chunk() {
            (u64::from_be_bytes(*word), rest.first())
        } else {
            let mut word = [0; 8];
            word.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
            (u64::from_be_bytes(word), None)
        };
        match next {
            Some(next) if shift > 0 => (word << shift) | (u64::from(*next) >> (8 - shift)),
            _ => word << shift,
        }
    }

    fn flag(&mut self) -> Result<bool> {
        Ok(self.bits(1)? == 1)
    }

    /// Appends octets that begin at a bit.
    fn copy(&self, at: usize, count: usize, to: &mut Vec<u8>) {
        if at.is_multiple_of(8) {
            to.extend_from_slice(self.octets.get(at / 8..at / 8 + count).unwrap_or_default());
            return;
        }
        to.reserve(count);
        let mut done = 0;
        while done < count {
            let now = (count - done).min(8);
            let word = self.word(at + done * 8).to_be_bytes();
            to.extend_from_slice(word.get(..now).unwrap_or_default());
            done += now;
        }
    }

    /// The next length without bounds, and whether another follows behind what it counts (X.691 clause 11.9.3.5 to 8).
    fn length(&mut self) -> Result<(usize, bool)> {
        if !self.flag()? {
            return Ok((self.bits(7)? as usize, false));
        }
        if !self.flag()? {
            return Ok((self.bits(14)? as usize, false));
        }
        match self.bits(6)? {
            fragments @ 1..=4 => Ok((fragments as usize * FRAGMENT, true)),
            _ => Err(fault("a length that does not exist")),
        }
    }

    /// Reads what a length counts, in one piece or several. `size` is what the length has to be in.
    fn counted(
        &mut self,
        constraints: &Constraints,
        mut items: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let extended = constraints.extensible() && self.flag()?;
        let size = constraints.size().filter(|_| !extended);
        let count = if let Some((least, greatest)) = size.and_then(|size| lengths(&size.constraint)) {
            let count = least + self.bits(width((greatest - least) as u128))? as usize;
            // A width has room for more than the greatest.
            check(size, count)?;
            items(self, count)?;
            count
        } else {
            let mut count = 0;
            loop {
                let (length, more) = self.length()?;
                items(self, length)?;
                count += length;
                if !more {
                    break count;
                }
            }
        };
        check(size, count)
    }

    /// A number, by its constraints.
    fn number(&mut self, constraints: &Constraints) -> Result<i128> {
        let extended = constraints.extensible() && self.flag()?;
        let value = constraints.value().filter(|_| !extended);
        let (least, greatest) = value.map_or((None, None), |value| bounds(&value.constraint));
        let number = match (least, greatest) {
            (Some(least), Some(greatest)) => {
                let bits = width((greatest - least) as u128);
                if bits > 64 {
                    return Err(unsupported("an INTEGER of more than 64 bits"));
                }
                least + i128::from(self.bits(bits)?)
            }
            (Some(least), None) => {
                let mut offset = 0_u128;
                self.number_octets(|octet| offset = (offset << 8) | u128::from(octet))?;
                i128::try_from(offset)
                    .ok()
                    .and_then(|offset| least.checked_add(offset))
                    .ok_or_else(too_large)?
            }
            _ => {
                let mut number = None;
                self.number_octets(|octet| {
                    number =
                        Some(number.map_or(i128::from(octet as i8), |n: i128| (n << 8) | i128::from(octet)));
                })?;
                number.unwrap_or(0)
            }
        };
        let within = least.is_none_or(|least| number >= least) && greatest.is_none_or(|most| number <= most);
        if within { Ok(number) } else { Err(outside(number, constraints)) }
    }

    /// The octets of a number with its length before it.
    fn number_octets(&mut self, mut octet: impl FnMut(u8)) -> Result<()> {
        let (length, more) = self.length()?;
        if more || length > 16 {
            return Err(too_large());
        }
        if length == 0 {
            return Err(fault("a number without octets"));
        }
        for _ in 0..length {
            octet(self.bits(8)? as u8);
        }
        Ok(())
    }

    fn normally_small(&mut self) -> Result<usize> {
        if !self.flag()? {
            return Ok(self.bits(6)? as usize);
        }
        let mut number = 0_u128;
        self.number_octets(|octet| number = (number << 8) | u128::from(octet))?;
        usize::try_from(number).map_err(|_| too_large())
    }

    fn string(&mut self, constraints: &Constraints, first: u32, last: u32) -> Result<Vec<u8>> {
        let alphabet = Alphabet::new(constraints, first, last);
        let mut characters = Vec::new();
        self.counted(constraints, |reader, count| {
            if count * alphabet.width as usize > reader.left() {
                return Err(missing(count * alphabet.width as usize - reader.left()));
            }
            characters.reserve(count);
            for _ in 0..count {
                let number = reader.bits(alphabet.width)?;
                characters.push(
                    alphabet.character(number).ok_or_else(|| fault("a character that is not allowed"))?,
                );
            }
            Ok(())
        })?;
        Ok(characters)
    }

    /// Reads a value in the open type that begins here. It must fill the octets up to its padding.
    fn open<T>(&mut self, value: impl FnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
        let (length, more) = self.length()?;
        if more {
            return self.gathered(length, value);
        }
        let start = self.take(length * 8)?;
        let (end, outer) = (self.at, self.end);
        (self.at, self.end) = (start, end);
        let read = value(self)?;
        self.fills(start)?;
        (self.at, self.end) = (end, outer);
        Ok(read)
    }

    /// The rest of an open type that comes in pieces, put together.
    fn gathered<T>(&mut self, first: usize, value: impl FnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
        let mut octets = Vec::new();
        let (mut length, mut more) = (first, true);
        loop {
            let at = self.take(length * 8)?;
            self.copy(at, length, &mut octets);
            if !more {
                break;
            }
            (length, more) = self.length()?;
        }
        let mut inside = Reader::new(&octets);
        let read = value(&mut inside)?;
        inside.fills(0)?;
        Ok(read)
    }

    /// What takes no bits still takes one octet, of zeros (X.691 clause 11.2.1).
    fn fills(&mut self, start: usize) -> Result<()> {
        let fits = match self.left() {
            8 if self.at == start => self.bits(8)? == 0,
            left => left < 8 && self.at > start,
        };
        if fits { Ok(()) } else { Err(fault(format!("{} octets too many in an open type", self.left() / 8))) }
    }
}

/// A length must be one that the encoder would accept.
fn check(size: Option<&Extensible<Size>>, count: usize) -> Result<()> {
    match size {
        Some(size) if !size.constraint.contains(&count) => {
            Err(fault(format!("a size of {count} is not in {}", *size.constraint)))
        }
        _ => Ok(()),
    }
}

#[cold]
fn fault(what: impl Display) -> DecodeError {
    DecodeError::custom(what, Codec::Uper)
}

#[cold]
fn missing(bits: usize) -> DecodeError {
    fault(format!("{bits} bits are missing"))
}

#[cold]
fn too_large() -> DecodeError {
    fault("a number is too large")
}

#[cold]
fn outside(number: i128, constraints: &Constraints) -> DecodeError {
    let range = constraints.value().map(|value| value.constraint.to_string()).unwrap_or_default();
    fault(format!("{number} is not in {range}"))
}

#[cold]
fn unsupported(what: &'static str) -> DecodeError {
    fault(format!("{what} is in no module of these protocols"))
}

impl Decoder for Reader<'_> {
    type Ok = ();
    type Error = DecodeError;
    type AnyDecoder<const R: usize, const E: usize> = Self;

    fn codec(&self) -> Codec {
        Codec::Uper
    }

    /// What is left of the open type: its octets.
    fn decode_any(&mut self, _: Tag) -> Result<types::Any> {
        let count = self.left() / 8;
        let at = self.take(count * 8)?;
        let mut octets = Vec::new();
        self.copy(at, count, &mut octets);
        Ok(types::Any::new(octets))
    }

    fn decode_bit_string(&mut self, _: Tag, constraints: &Constraints) -> Result<types::BitString> {
        let (mut octets, mut total) = (Vec::new(), 0);
        self.counted(constraints, |reader, count| {
            let at = reader.take(count)?;
            // All pieces but the last are whole octets. Bits behind the last are cut off below.
            reader.copy(at, count.div_ceil(8), &mut octets);
            total += count;
            Ok(())
        })?;
        let mut bits = types::BitString::from_vec(octets);
        bits.truncate(total);
        bits.set_uninitialized(false);
        Ok(bits)
    }

    fn decode_bool(&mut self, _: Tag) -> Result<bool> {
        self.flag()
    }

    fn decode_enumerated<E: Enumerated>(&mut self, _: Tag) -> Result<E> {
        let known = if E::EXTENDED_VARIANTS.is_some() && self.flag()? {
            E::from_extended_enumeration_index(self.normally_small()?)
        } else {
            let index = self.bits(width(E::variance().saturating_sub(1) as u128))?;
            E::from_enumeration_index(index as usize)
        };
        known.ok_or_else(|| fault("no such item"))
    }

    fn decode_integer<I: IntegerType>(&mut self, _: Tag, constraints: &Constraints) -> Result<I> {
        I::try_from(self.number(constraints)?).map_err(|_| too_large())
    }

    fn decode_real<R: RealType>(&mut self, _: Tag, _: &Constraints) -> Result<R> {
        Err(unsupported("REAL"))
    }

    fn decode_null(&mut self, _: Tag) -> Result<()> {
        Ok(())
    }

    fn decode_object_identifier(&mut self, _: Tag) -> Result<types::ObjectIdentifier> {
        let octets: Vec<u8> = self.decode_octet_string(Tag::OBJECT_IDENTIFIER, &Constraints::NONE)?;
        let ber = rasn::ber::de::Decoder::new(&octets, rasn::ber::de::DecoderOptions::ber());
        ber.decode_object_identifier_from_bytes(&octets)
    }

    fn decode_sequence<const RC: usize, const EC: usize, D, DF, F>(
        &mut self,
        _: Tag,
        _: Option<DF>,
        _: F,
    ) -> Result<D>
    where
        D: Constructed<RC, EC>,
        DF: FnOnce() -> D,
        F: FnOnce(&mut Self::AnyDecoder<RC, EC>) -> Result<D>,
    {
        Err(unsupported("a SEQUENCE of rasn's own derive"))
    }

    fn decode_sequence_of<D: Decode>(&mut self, _: Tag, constraints: &Constraints) -> Result<Vec<D>> {
        let mut items = Vec::new();
        self.counted(constraints, |reader, count| {
            // A length alone must not claim memory.
            items.reserve(count.min(reader.left()));
            for _ in 0..count {
                items.push(D::decode(reader)?);
            }
            Ok(())
        })?;
        Ok(items)
    }

    fn decode_set_of<D: Decode + Eq + std::hash::Hash>(
        &mut self,
        _: Tag,
        _: &Constraints,
    ) -> Result<types::SetOf<D>> {
        Err(unsupported("SET OF"))
    }

    fn decode_octet_string<'b, T>(&'b mut self, _: Tag, constraints: &Constraints) -> Result<T>
    where
        T: From<&'b [u8]> + From<Vec<u8>>,
    {
        let (mut octets, mut borrowed) = (Vec::new(), None);
        self.counted(constraints, |reader, count| {
            let at = reader.take(count * 8)?;
            if at.is_multiple_of(8) && borrowed.is_none() && octets.is_empty() {
                borrowed = Some((at / 8, count));
                return Ok(());
            }
            if let Some((start, count)) = borrowed.take() {
                reader.copy(start * 8, count, &mut octets);
            }
            reader.copy(at, count, &mut octets);
            Ok(())
        })?;
        Ok(match borrowed {
            Some((start, count)) => T::from(self.octets.get(start..start + count).unwrap_or_default()),
            None => T::from(octets),
        })
    }

    fn decode_utf8_string(&mut self, tag: Tag, _: &Constraints) -> Result<types::Utf8String> {
        let octets: Vec<u8> = self.decode_octet_string(tag, &Constraints::NONE)?;
        String::from_utf8(octets).map_err(|_| fault("not UTF-8"))
    }

    fn decode_visible_string(&mut self, _: Tag, constraints: &Constraints) -> Result<types::VisibleString> {
        let characters = self.string(constraints, 0x20, 0x7E)?;
        types::VisibleString::from_iso646_bytes(&characters).map_err(fault)
    }

    fn decode_general_string(&mut self, _: Tag, _: &Constraints) -> Result<types::GeneralString> {
        Err(unsupported("GeneralString"))
    }

    fn decode_graphic_string(&mut self, _: Tag, _: &Constraints) -> Result<types::GraphicString> {
        Err(unsupported("GraphicString"))
    }

    fn decode_ia5_string(&mut self, _: Tag, constraints: &Constraints) -> Result<types::Ia5String> {
        let characters = self.string(constraints, 0, 0x7F)?;
        types::Ia5String::from_iso646_bytes(&characters).map_err(fault)
    }

    fn decode_printable_string(&mut self, _: Tag, _: &Constraints) -> Result<types::PrintableString> {
        Err(unsupported("PrintableString"))
    }

    fn decode_numeric_string(&mut self, _: Tag, _: &Constraints) -> Result<types::NumericString> {
        Err(unsupported("NumericString"))
    }

    fn decode_teletex_string(&mut self, _: Tag, _: &Constraints) -> Result<types::TeletexString> {
        Err(unsupported("TeletexString"))
    }

    fn decode_bmp_string(&mut self, _: Tag, _: &Constraints) -> Result<types::BmpString> {
        Err(unsupported("BMPString"))
    }

    fn decode_explicit_prefix<D: Decode>(&mut self, _: Tag) -> Result<D> {
        // A tag is not written.
        D::decode(self)
    }

    fn decode_optional_with_explicit_prefix<D: Decode>(&mut self, _: Tag) -> Result<Option<D>> {
        Err(unsupported("a member of rasn's own derive"))
    }

    fn decode_utc_time(&mut self, _: Tag) -> Result<types::UtcTime> {
        let characters = self.string(&Constraints::NONE, 0x20, 0x7E)?;
        let text = str::from_utf8(&characters).map_err(fault)?;
        rasn::ber::de::Decoder::parse_canonical_utc_time_string(text)
    }

    fn decode_generalized_time(&mut self, _: Tag) -> Result<types::GeneralizedTime> {
        Err(unsupported("GeneralizedTime"))
    }

    fn decode_date(&mut self, _: Tag) -> Result<types::Date> {
        Err(unsupported("DATE"))
    }

    fn decode_set<const RC: usize, const EC: usize, FIELDS, SET, D, F>(
        &mut self,
        _: Tag,
        _: D,
        _: F,
    ) -> Result<SET>
    where
        SET: Decode + Constructed<RC, EC>,
        FIELDS: Decode,
        D: Fn(&mut Self::AnyDecoder<RC, EC>, usize, Tag) -> Result<FIELDS>,
        F: FnOnce(Vec<FIELDS>) -> Result<SET>,
    {
        Err(unsupported("SET"))
    }

    fn decode_choice<D: DecodeChoice>(&mut self, _: &Constraints) -> Result<D> {
        let extended = D::EXTENDED_VARIANTS.is_some() && self.flag()?;
        let (known, index) = if extended {
            (D::EXTENDED_VARIANTS.unwrap_or_default(), self.normally_small()?)
        } else {
            (D::VARIANTS, self.bits(width(D::VARIANTS.len().saturating_sub(1) as u128))? as usize)
        };
        let tag = known.get(index).map(TagTree::smallest_tag).ok_or_else(|| fault("no such alternative"))?;
        if extended { self.open(|reader| D::from_tag(reader, tag)) } else { D::from_tag(self, tag) }
    }

    fn decode_optional<D: Decode>(&mut self) -> Result<Option<D>> {
        Err(unsupported("a member of rasn's own derive"))
    }

    fn decode_optional_with_tag<D: Decode>(&mut self, _: Tag) -> Result<Option<D>> {
        Err(unsupported("a member of rasn's own derive"))
    }

    fn decode_optional_with_constraints<D: Decode>(&mut self, _: &Constraints) -> Result<Option<D>> {
        Err(unsupported("a member of rasn's own derive"))
    }

    fn decode_optional_with_tag_and_constraints<D: Decode>(
        &mut self,
        _: Tag,
        _: &Constraints,
    ) -> Result<Option<D>> {
        Err(unsupported("a member of rasn's own derive"))
    }

    fn decode_extension_addition_with_explicit_tag_and_constraints<D: Decode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
    ) -> Result<Option<D>> {
        self.decode_extension_addition_with_tag_and_constraints(tag, constraints)
    }

    /// Reads the addition that begins here: an open type. Which additions there are has been read before.
    fn decode_extension_addition_with_tag_and_constraints<D: Decode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
    ) -> Result<Option<D>> {
        self.open(|reader| D::decode_with_tag_and_constraints(reader, tag, constraints)).map(Some)
    }

    fn decode_extension_addition_group<const RC: usize, const EC: usize, D: Decode + Constructed<RC, EC>>(
        &mut self,
    ) -> Result<Option<D>> {
        Err(unsupported("an addition group of rasn's own derive"))
    }
}
