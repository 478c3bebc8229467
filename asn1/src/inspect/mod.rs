//! A second codec, for people: PDUs as JSON, and JSON as PDUs.
//!
//! It reads the ASN.1 modules of this crate at run time and shares nothing with the generated types, so it shows all of
//! LPP whatever the feature `lpp-full` says, names what it finds as the standard does, and says at which bit a PDU goes
//! wrong. It also checks the generated types in the tests. It is not made for speed.
//!
//! # JSON
//!
//! | ASN.1 | JSON |
//! |---|---|
//! | SEQUENCE | object; a member that is absent or has its DEFAULT value is left out; addition groups do not show |
//! | CHOICE | object with one member |
//! | SEQUENCE OF | array |
//! | ENUMERATED | the item's name |
//! | BOOLEAN, INTEGER, NULL, strings | `true`, `5`, `null`, `"text"` |
//! | OCTET STRING | hexadecimal digits |
//! | BIT STRING | `{"value": "a8", "length": 5}`: hexadecimal digits filled with zero bits, and the number of bits |
//! | an alternative not in the module | `{"$unknownChoice": {"extIndex": 2, "openTypeHex": "01ff"}}` |
//! | an item not in the module | `{"$unknownEnum": {"extIndex": 8}}` |
//!
//! Additions that are not in the module are passed over. Decoding deep also shows the RRLP and LPP payloads inside
//! ULP: `{"$rrlp": {…}}` or `{"$lpp": {…}}` stands where the octets were. When encoding the shown message would not
//! give the same octets, they are kept beside it as `$hex`, and a payload that cannot be read is
//! `{"$hex": "…", "$error": "…"}`; encoding goes by `$hex` where there is one.
//!
//! ```
//! use groma_asn1::inspect::{self, Pdu};
//! use serde_json::json;
//!
//! let message = json!({
//!     "transactionID": {"initiator": "targetDevice", "transactionNumber": 7},
//!     "endTransaction": true,
//! });
//! let bytes = inspect::encode(Pdu::Lpp, &message)?;
//! assert_eq!(inspect::decode(Pdu::Lpp, &bytes, false)?, message);
//!
//! let error = inspect::decode(Pdu::Lpp, &bytes[..1], false).unwrap_err();
//! assert_eq!(error.to_string(), "at bit 7: transactionID.transactionNumber: 8 bits are wanted, 1 are left");
//! # Ok::<(), inspect::InspectError>(())
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde_json::Value;

mod bits;
mod decode;
mod encode;
mod error;
mod modules;
mod payload;
mod schema;
// The generator of the Rust types includes this file too, and uses more of it than the codec does.
#[allow(dead_code, unreachable_pub)]
mod syntax;

pub use error::{InspectError, Problem};
pub use schema::Schema;
pub use syntax::SyntaxError;

/// Types nested deeper than this are refused. The messages of the three protocols stay far below.
const MAX_DEPTH: usize = 100;

const UNKNOWN_CHOICE: &str = "$unknownChoice";
const UNKNOWN_ENUM: &str = "$unknownEnum";

static ULP: LazyLock<Schema> = LazyLock::new(|| embedded(&modules::ULP));
static RRLP: LazyLock<Schema> = LazyLock::new(|| embedded(&modules::RRLP));
static LPP: LazyLock<Schema> = LazyLock::new(|| embedded(&modules::LPP));

/// The modules are part of the program, and a test reads them all.
fn embedded(texts: &[&str]) -> Schema {
    Schema::parse(texts).unwrap_or_else(|error| unreachable!("an embedded module cannot be read: {error}"))
}

/// What to decode or encode.
///
/// As text it is `ULP-PDU`, `RRLP-PDU`, `LPP-Message`, or any type of the three protocols as `Module.Type`:
/// `LPP-PDU-Definitions.GNSS-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pdu {
    /// `ULP-PDU`
    Ulp,
    /// `PDU` of RRLP
    Rrlp,
    /// `LPP-Message`
    Lpp,
    /// Any other type.
    Type(NamedType),
}

/// A type of one of the three protocols, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedType {
    protocol: Protocol,
    id: schema::TypeId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Ulp,
    Rrlp,
    Lpp,
}

impl Protocol {
    fn schema(self) -> &'static Schema {
        match self {
            Self::Ulp => &ULP,
            Self::Rrlp => &RRLP,
            Self::Lpp => &LPP,
        }
    }
}

const ULP_PDU: &str = "ULP.ULP-PDU";
const RRLP_PDU: &str = "RRLP-messages.PDU";
const LPP_MESSAGE: &str = "LPP-PDU-Definitions.LPP-Message";

impl FromStr for Pdu {
    type Err = InspectError;

    fn from_str(text: &str) -> Result<Self, InspectError> {
        match text {
            "ULP-PDU" | ULP_PDU => return Ok(Self::Ulp),
            "RRLP-PDU" | RRLP_PDU => return Ok(Self::Rrlp),
            "LPP-Message" | LPP_MESSAGE => return Ok(Self::Lpp),
            _ => {}
        }
        [Protocol::Ulp, Protocol::Rrlp, Protocol::Lpp]
            .into_iter()
            .find_map(|protocol| {
                protocol.schema().find(text).ok().map(|id| Self::Type(NamedType { protocol, id }))
            })
            .ok_or_else(|| Problem::NoType(text.to_owned()).into())
    }
}

impl fmt::Display for Pdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ulp => "ULP-PDU",
            Self::Rrlp => "RRLP-PDU",
            Self::Lpp => "LPP-Message",
            Self::Type(named) => named.protocol.schema().name(named.id),
        })
    }
}

impl Pdu {
    fn resolve(self) -> Result<NamedType, InspectError> {
        let (protocol, name) = match self {
            Self::Ulp => (Protocol::Ulp, ULP_PDU),
            Self::Rrlp => (Protocol::Rrlp, RRLP_PDU),
            Self::Lpp => (Protocol::Lpp, LPP_MESSAGE),
            Self::Type(named) => return Ok(named),
        };
        Ok(NamedType { protocol, id: protocol.schema().find(name)? })
    }
}

/// Shows a PDU, which must fill the bytes; with `deep` also the RRLP and LPP payloads of ULP.
///
/// # Errors
/// Says what is wrong with the PDU, in which member, and at which bit.
pub fn decode(pdu: Pdu, bytes: &[u8], deep: bool) -> Result<Value, InspectError> {
    if let (Pdu::Ulp, [high, low, ..]) = (pdu, bytes) {
        let stated = usize::from(u16::from_be_bytes([*high, *low]));
        if stated != bytes.len() {
            return Err(
                InspectError::at(0, Problem::UlpLength { stated, actual: bytes.len() }).within("length")
            );
        }
    }
    let NamedType { protocol, id } = pdu.resolve()?;
    let mut value = decode::decode(protocol.schema(), id, bytes)?;
    if deep && protocol == Protocol::Ulp {
        payload::expand(&mut value);
    }
    Ok(value)
}

/// Writes a PDU from what [`decode`] shows. The length member of ULP is filled in, whatever is given for it.
///
/// # Errors
/// Says which member cannot be encoded, and why.
pub fn encode(pdu: Pdu, value: &Value) -> Result<Vec<u8>, InspectError> {
    let NamedType { protocol, id } = pdu.resolve()?;
    if pdu != Pdu::Ulp {
        return encode::encode(protocol.schema(), id, value);
    }
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.insert("length".to_owned(), 0.into());
    }
    let mut bytes = encode::encode(protocol.schema(), id, &value)?;
    let length = u16::try_from(bytes.len()).map_err(|_| Problem::TooLong(bytes.len()))?;
    if let Some(start) = bytes.first_chunk_mut() {
        *start = length.to_be_bytes();
    }
    Ok(bytes)
}

impl Schema {
    /// Shows a value of the type named `Module.Type`, which must fill the bytes.
    ///
    /// # Errors
    /// As [`decode`](fn@decode), and when there is no such type.
    pub fn decode(&self, name: &str, bytes: &[u8]) -> Result<Value, InspectError> {
        decode::decode(self, self.find(name)?, bytes)
    }

    /// Writes a value of the type named `Module.Type`.
    ///
    /// # Errors
    /// As [`encode`](fn@encode), and when there is no such type.
    pub fn encode(&self, name: &str, value: &Value) -> Result<Vec<u8>, InspectError> {
        encode::encode(self, self.find(name)?, value)
    }
}

/// `YYMMDDhhmmssZ`, the form that the canonical encoding rules leave, and a day that the calendar has.
fn utc_time_is_valid(text: &str) -> bool {
    let Some(digits) = text.strip_suffix('Z').filter(|digits| digits.len() == 12) else { return false };
    let mut parts = [0u32; 6];
    for (part, pair) in parts.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let [tens, units] = *pair else { return false };
        if !tens.is_ascii_digit() || !units.is_ascii_digit() {
            return false;
        }
        *part = u32::from(tens - b'0') * 10 + u32::from(units - b'0');
    }
    let [year, month, day, hour, minute, second] = parts;
    // Two digits reach from 1950 to 2049, where every fourth year is a leap year.
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(year % 4 == 0),
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60
}
