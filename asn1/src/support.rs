//! What the generated types need besides rasn.

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;

use rasn::de::Error as _;
use rasn::types::constraints::{Bounded, Constraint, Constraints, Value};
use rasn::types::{Any, AsnType, BitStr, Choice, DecodeChoice, Enumerated, Identifier, Tag, TagTree};
use rasn::{Decode, Decoder, Encode, Encoder};

/// The octets of an open type whose content this crate does not read: the NR methods of LPP when the feature `lpp-full`
/// is off. What was received is sent again unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenType(pub Vec<u8>);

/// The constraint of an INTEGER from 0 to a number.
macro_rules! up_to {
    ($greatest:literal) => {
        Constraints::new(&[Constraint::Value(rasn::types::Extensible::new(Value::new(Bounded::const_new(
            0, $greatest,
        ))))])
    };
}

impl AsnType for OpenType {
    const TAG: Tag = Tag::OCTET_STRING;
}

impl Decode for OpenType {
    /// Reads to the end of the open type, which alone knows how long it is.
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        tag: Tag,
        _: &Constraints,
    ) -> Result<Self, D::Error> {
        Ok(Self(decoder.decode_any(tag)?.into_bytes()))
    }
}

impl Encode for OpenType {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        tag: Tag,
        _: &Constraints,
        identifier: Identifier,
    ) -> Result<(), E::Error> {
        encoder.encode_any(tag, &Any::new(self.0.clone()), identifier).map(drop)
    }
}

/// An alternative of a CHOICE that a later release has defined. It is sent again as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAlternative {
    /// Its place among the extensions of the CHOICE, from 0.
    pub index: usize,
    /// The octets of its open type.
    pub octets: Vec<u8>,
}

/// A CHOICE with room for alternatives that it does not know. The derives of `groma-asn1-derive` implement it.
pub(crate) trait OpenChoice: DecodeChoice + 'static {
    /// The value that stands for such an alternative.
    fn unknown(alternative: UnknownAlternative) -> Self;
}

/// Which alternative of `C` a message holds.
///
/// Its bits (X.691 clause 23: an extension bit, then an index in as few bits as the root needs, or a normally small
/// number) are those of an ENUMERATED with as many items, whose reader, unlike the one for a CHOICE, asks the type what
/// an index means.
struct Place<C> {
    extension: bool,
    index: usize,
    choice: PhantomData<fn() -> C>,
}

impl<C> Place<C> {
    const fn new(extension: bool, index: usize) -> Self {
        Self { extension, index, choice: PhantomData }
    }
}

impl<C> Clone for Place<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Place<C> {}

impl<C> PartialEq for Place<C> {
    fn eq(&self, other: &Self) -> bool {
        (self.extension, self.index) == (other.extension, other.index)
    }
}

impl<C> Debug for Place<C> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", if self.extension { "extension" } else { "alternative" }, self.index)
    }
}

impl<C> AsnType for Place<C> {
    const TAG: Tag = Tag::ENUMERATED;
}

impl<C: Choice + 'static> Enumerated for Place<C> {
    const VARIANTS: &'static [Self] = &[];
    const EXTENDED_VARIANTS: Option<&'static [Self]> = Some(&[]);
    const DISCRIMINANTS: &'static [(Self, isize)] = &[];
    const EXTENDED_DISCRIMINANTS: Option<&'static [(Self, isize)]> = Some(&[]);
    const IDENTIFIERS: &'static [&'static str] = &[];

    fn variance() -> usize {
        C::VARIANTS.len()
    }

    fn is_extended_variant(&self) -> bool {
        self.extension
    }

    fn enumeration_index(&self) -> usize {
        self.index
    }

    fn from_enumeration_index(index: usize) -> Option<Self> {
        (index < C::VARIANTS.len()).then(|| Self::new(false, index))
    }

    fn from_extended_enumeration_index(index: usize) -> Option<Self> {
        Some(Self::new(true, index))
    }
}

/// Reads a CHOICE whose unknown alternatives are kept.
///
/// The alternatives have tags of their own (automatic tagging), so that a list of them is not a tree.
pub(crate) fn decode_choice<C: OpenChoice, D: Decoder>(decoder: &mut D) -> Result<C, D::Error> {
    let place: Place<C> = decoder.decode_enumerated(Tag::ENUMERATED)?;
    let known = if place.extension { C::EXTENDED_VARIANTS.unwrap_or_default() } else { C::VARIANTS };
    let tag = known.get(place.index).map(TagTree::smallest_tag);
    match (place.extension, tag) {
        (false, Some(tag)) => C::from_tag(decoder, tag),
        (false, None) => Err(D::Error::no_valid_choice("root", decoder.codec())),
        (true, Some(tag)) => {
            let found =
                decoder.decode_extension_addition_with_tag_and_constraints(tag, &Constraints::NONE)?;
            let missing = || D::Error::no_valid_choice("extension", decoder.codec());
            found.map(|Alternative(value)| value).ok_or_else(missing)
        }
        (true, None) => {
            let octets = open_type(decoder)?.into_owned();
            Ok(C::unknown(UnknownAlternative { index: place.index, octets }))
        }
    }
}

/// The alternative of a CHOICE that has the tag with which this is decoded.
struct Alternative<C>(C);

impl<C: AsnType> AsnType for Alternative<C> {
    const TAG: Tag = C::TAG;
}

impl<C: DecodeChoice> Decode for Alternative<C> {
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        tag: Tag,
        _: &Constraints,
    ) -> Result<Self, D::Error> {
        C::from_tag(decoder, tag).map(Self)
    }
}

/// The octets of an open type: like an OCTET STRING of any length, fragments put together (X.691 clause 11.2).
fn open_type<D: Decoder>(decoder: &mut D) -> Result<Cow<'_, [u8]>, D::Error> {
    decoder.decode_octet_string(Tag::OCTET_STRING, &Constraints::NONE)
}

/// Writes an unknown alternative of a CHOICE.
pub(crate) fn encode_unknown<'b, C: Choice + 'static, E: Encoder<'b>>(
    encoder: &mut E,
    alternative: &UnknownAlternative,
) -> Result<(), E::Error> {
    let place = Place::<C>::new(true, alternative.index);
    encoder.encode_enumerated(Tag::ENUMERATED, &place, Identifier::EMPTY)?;
    let octets = &alternative.octets;
    encoder.encode_octet_string(Tag::OCTET_STRING, &Constraints::NONE, octets, Identifier::EMPTY).map(drop)
}

/// What the derives tell of a SEQUENCE.
pub(crate) trait Sequence {
    /// Whether every member may be absent, and is: such a group is left out.
    fn is_void(&self) -> bool;
}

/// The number of extension additions of a SEQUENCE as far as it is small, less one (X.691 clause 11.9.3.4).
const SMALL: Constraints = up_to!(63);
/// It, when it is not, in a length of one octet or two.
const SEVEN_BITS: Constraints = up_to!(127);
const FOURTEEN_BITS: Constraints = up_to!(16_383);

/// Writes one bit.
pub(crate) fn encode_flag<'b, E: Encoder<'b>>(encoder: &mut E, flag: bool) -> Result<(), E::Error> {
    encoder.encode_bool(Tag::BOOL, flag, Identifier::EMPTY).map(drop)
}

/// Writes which extension additions of a SEQUENCE there are, behind its root (X.691 clause 19.7 and 19.8). No type here has
/// more than 64.
pub(crate) fn encode_presence<'b, E: Encoder<'b>>(
    encoder: &mut E,
    additions: &[bool],
) -> Result<(), E::Error> {
    encode_flag(encoder, false)?;
    let less_one = additions.len().saturating_sub(1);
    encoder.encode_integer(Tag::INTEGER, &SMALL, &less_one, Identifier::EMPTY)?;
    additions.iter().try_for_each(|present| encode_flag(encoder, *present))
}

/// Writes an extension addition, or an addition group.
pub(crate) fn encode_addition<'b, T: Encode, E: Encoder<'b>>(
    encoder: &mut E,
    value: &T,
    constraints: Option<&Constraints>,
) -> Result<(), E::Error> {
    let constraints = constraints.unwrap_or(&T::CONSTRAINTS);
    encoder.encode_extension_addition(T::TAG, constraints, value, T::IDENTIFIER).map(drop)
}

/// The extension additions of a SEQUENCE that is being read, known ones and those of later releases.
pub(crate) struct Additions {
    /// Which of the first 64 are present; the next is the highest bit.
    present: u64,
    /// How many are present beyond those.
    beyond: usize,
}

impl Additions {
    /// Reads which additions are present.
    pub(crate) fn decode<D: Decoder>(decoder: &mut D, extended: bool) -> Result<Self, D::Error> {
        let mut additions = Self { present: 0, beyond: 0 };
        if !extended {
            return Ok(additions);
        }
        for i in 0..Self::count(decoder)? {
            if !decoder.decode_bool(Tag::BOOL)? {
                continue;
            }
            match 63_usize.checked_sub(i) {
                Some(bit) => additions.present |= 1 << bit,
                None => additions.beyond += 1,
            }
        }
        Ok(additions)
    }

    fn count<D: Decoder>(decoder: &mut D) -> Result<usize, D::Error> {
        if !decoder.decode_bool(Tag::BOOL)? {
            return Ok(decoder.decode_integer::<usize>(Tag::INTEGER, &SMALL)? + 1);
        }
        if !decoder.decode_bool(Tag::BOOL)? {
            return decoder.decode_integer(Tag::INTEGER, &SEVEN_BITS);
        }
        if !decoder.decode_bool(Tag::BOOL)? {
            return decoder.decode_integer(Tag::INTEGER, &FOURTEEN_BITS);
        }
        Err(D::Error::custom("too many extension additions", decoder.codec()))
    }

    /// Reads the next of the known additions, if it is present.
    pub(crate) fn next<T: Decode, D: Decoder>(
        &mut self,
        decoder: &mut D,
        constraints: Option<&Constraints>,
    ) -> Result<Option<T>, D::Error> {
        let present = self.present >> 63 == 1;
        self.present <<= 1;
        if !present {
            return Ok(None);
        }
        let constraints = constraints.unwrap_or(&T::CONSTRAINTS);
        decoder.decode_extension_addition_with_tag_and_constraints(T::TAG, constraints)
    }

    /// Passes over the additions that are not known.
    pub(crate) fn skip<D: Decoder>(self, decoder: &mut D) -> Result<(), D::Error> {
        for _ in 0..self.present.count_ones() as usize + self.beyond {
            open_type(decoder)?;
        }
        Ok(())
    }
}

/// The bits to send of a BIT STRING with named bits: trailing zero bits go, down to the least size (X.680 clause 22.7,
/// X.691 clause 16.2).
pub(crate) fn trimmed(bits: &BitStr, least: usize) -> &BitStr {
    let used = bits.iter().rposition(|bit| *bit).map_or(0, |last| last + 1);
    &bits[..used.max(least).min(bits.len())]
}

/// An encoder that trims, for a newtype over a BIT STRING whose bits have names.
macro_rules! named_bits {
    ($name:ident, $least:literal) => {
        impl rasn::Encode for $name {
            fn encode_with_tag_and_constraints<'b, E: rasn::Encoder<'b>>(
                &self,
                encoder: &mut E,
                tag: rasn::types::Tag,
                constraints: &rasn::types::Constraints,
                identifier: rasn::types::Identifier,
            ) -> Result<(), E::Error> {
                let bits = crate::support::trimmed(&self.0, $least);
                encoder.encode_bit_string(tag, constraints, bits, identifier).map(drop)
            }
        }
    };
}
pub(crate) use named_bits;
