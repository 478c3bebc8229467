//! OMA ULP, 3GPP RRLP and 3GPP LPP as Rust types, with their UPER codec.
//!
//! Each protocol is one flat module: [`ulp`], [`rrlp`], [`lpp`]. The types are generated from the ASN.1 modules in
//! `modules/` (`cargo run -p groma-asn1-codegen`) and checked in.
//!
//! # How names map
//!
//! | ASN.1 | Rust |
//! |---|---|
//! | type `Ver2-SUPL-END-extension`, `ULP-PDU` | `Ver2SUPLENDExtension`, `ULPPDU`: hyphens go, the letter behind one is a capital |
//! | member `gnss-PosTechnology`, `sETCapabilities` | field `gnss_pos_technology`, `s_etcapabilities`: snake case |
//! | alternative or enumeration item `a-gnss`, `msSUPLSTART` | variant `a_gnss`, `msSUPLSTART`: as written, hyphens become `_` |
//! | member `c1` of a type `Error` that is itself a CHOICE | its type is the path: `ErrorC1` |
//! | addition group `[[ … ]]`, the n-th addition of `X` | field `extN: Option<XExtN>` |
//! | named type over INTEGER, BIT STRING, SEQUENCE OF… | newtype: `Latitude(pub i32)` |
//! | value `maxEPDU` | `MAX_EPDU: usize` |
//! | OPTIONAL, and every extension addition | `Option` |
//! | a name that is a keyword: `true` | `R_true` |
//! | BIT STRING, of a fixed size too | [`types::BitString`]; eleven types of ULP have [`types::FixedBitString`]`<N>`, which is N *octets* of which the first N *bits* count |
//!
//! Every type can be built with a literal; a SEQUENCE whose members are all optional has a `Default`.
//!
//! # Who does what
//!
//! The types, their constraints and the traits are rasn's, since it alone of the maintained crates knows UPER, extension
//! additions and constraints together. Its derives and its reader and writer of UPER are replaced by leaner ones here
//! (`derive/`, `src/uper/`): a message is read where it lies and written once, in a quarter of the time.
//!
//! # What a later release may send
//!
//! Nothing that a later release may add by the rules of ASN.1 spoils a PDU. Unknown additions of a SEQUENCE are skipped,
//! and are gone when the value is encoded again. An unknown item of an extensible ENUMERATED is `unknown_ext(index)`, an
//! unknown alternative of an extensible CHOICE `unknown_ext(UnknownAlternative)`, whatever the index (among the
//! extensions, from 0; up to `usize::MAX`); both encode to what was received.
//!
//! # What the decoders accept
//!
//! They are total: any bytes give a value or an [`Error`], in linear time and with no more memory than a small multiple
//! of the bytes. A PDU must fill its bytes, and a ULP PDU's length member must say so; padding bits may have any value.
//! Lengths, indices and ranges are checked, so what decodes also encodes. Two checks of the standard are left to the
//! inspection codec: the alphabets of the URIs in ULP, and the form of object identifiers.

#[cfg(feature = "inspect")]
pub mod inspect;
pub mod lpp;
pub mod rrlp;
mod support;
pub mod ulp;
mod uper;

/// The types of rasn that members have: strings, bit strings, times.
pub use rasn::types;
pub use support::{OpenType, UnknownAlternative};

use thiserror::Error;

/// Why a PDU was not decoded or encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a PDU of the protocol.
    #[error("not a valid {pdu}: {reason}")]
    Decode {
        /// The protocol's PDU.
        pdu: &'static str,
        /// The codec's explanation.
        reason: String,
    },
    /// The value cannot be encoded: a member is outside its constraint.
    #[error("cannot encode {pdu}: {reason}")]
    Encode {
        /// The protocol's PDU.
        pdu: &'static str,
        /// The codec's explanation.
        reason: String,
    },
    /// The length member of a ULP PDU is not the number of its octets.
    #[error("length says {stated} octets, but there are {actual}")]
    Length {
        /// What the PDU says.
        stated: usize,
        /// What there is.
        actual: usize,
    },
    /// The PDU is longer than the length member can say.
    #[error("a PDU of {0} octets is too long")]
    TooLong(usize),
}
