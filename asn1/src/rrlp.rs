//! Radio Resource LCS Protocol: 3GPP TS 44.031 V13.1.0.

pub use generated::*;

#[rustfmt::skip]
#[path = "generated/rrlp.rs"]
#[allow(missing_docs, non_camel_case_types, unused_imports, clippy::all, clippy::pedantic)]
mod generated;

const NAME: &str = "RRLP PDU";

/// Reads one PDU, which must fill the bytes.
///
/// # Errors
/// When the bytes are not exactly one PDU.
pub fn decode(bytes: &[u8]) -> Result<PDU, crate::Error> {
    crate::uper::decode(bytes).map_err(|reason| crate::Error::Decode { pdu: NAME, reason })
}

/// Reads one PDU, and gives what comes behind its last octet.
///
/// # Errors
/// When the bytes do not begin with a PDU.
pub fn decode_with_remainder(bytes: &[u8]) -> Result<(PDU, &[u8]), crate::Error> {
    crate::uper::decode_with_remainder(bytes).map_err(|reason| crate::Error::Decode { pdu: NAME, reason })
}

/// Writes one PDU.
///
/// # Errors
/// When a member is outside its constraint.
pub fn encode(pdu: &PDU) -> Result<Vec<u8>, crate::Error> {
    crate::uper::encode(pdu).map_err(|error| crate::Error::Encode { pdu: NAME, reason: error.to_string() })
}
