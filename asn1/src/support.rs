//! What the generated types need besides rasn.

use rasn::types::constraints::{Bounded, Constraint, Constraints, Value};
use rasn::types::{AsnType, BitStr, Identifier, Tag};
use rasn::{Decode, Decoder, Encode, Encoder};

/// The octets of an open type whose content this crate does not read.
///
/// It stands for extension alternatives that a later release has defined (`unknown_extN`), and for the NR methods of
/// LPP when the feature `lpp-full` is off. What was received is sent again unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenType(pub Vec<u8>);

/// One octet, as PER sees it.
const OCTET: Constraints = Constraints::new(&[Constraint::Value(rasn::types::Extensible::new(Value::new(
    Bounded::const_new(0, 255),
)))]);

impl AsnType for OpenType {
    const TAG: Tag = Tag::OCTET_STRING;
}

impl Decode for OpenType {
    /// Reads to the end of the open type, which alone knows how long it is.
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        _: Tag,
        _: &Constraints,
    ) -> Result<Self, D::Error> {
        let mut octets = Vec::new();
        while let Ok(octet) = decoder.decode_integer::<u8>(Tag::INTEGER, &OCTET) {
            octets.push(octet);
        }
        Ok(Self(octets))
    }
}

impl Encode for OpenType {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        _: Tag,
        _: &Constraints,
        _: Identifier,
    ) -> Result<(), E::Error> {
        for octet in &self.0 {
            encoder.encode_integer(Tag::INTEGER, &OCTET, octet, Identifier::EMPTY)?;
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
