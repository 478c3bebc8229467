//! LTE Positioning Protocol: 3GPP TS 37.355 V18.4.0.
//!
//! With the feature `lpp-full` every type is there. Without it the NR methods, which are the second addition (`ext2`)
//! of each of the six message bodies, are [`OpenType`](crate::OpenType)s: their octets pass through unread. The
//! broadcast module is then left out.

pub use generated::*;

#[rustfmt::skip]
#[cfg_attr(feature = "lpp-full", path = "generated/lpp_full.rs")]
#[cfg_attr(not(feature = "lpp-full"), path = "generated/lpp_slim.rs")]
#[allow(missing_docs, non_camel_case_types, unused_imports, clippy::all, clippy::pedantic)]
mod generated;

const NAME: &str = "LPP-Message";

/// Reads one message, which must fill the bytes.
///
/// # Errors
/// When the bytes are not exactly one message.
pub fn decode(bytes: &[u8]) -> Result<LPPMessage, crate::Error> {
    crate::uper::decode(bytes).map_err(|reason| crate::Error::Decode { pdu: NAME, reason })
}

/// Reads one message, and gives what comes behind its last octet.
///
/// # Errors
/// When the bytes do not begin with a message.
pub fn decode_with_remainder(bytes: &[u8]) -> Result<(LPPMessage, &[u8]), crate::Error> {
    crate::uper::decode_with_remainder(bytes).map_err(|reason| crate::Error::Decode { pdu: NAME, reason })
}

/// Writes one message.
///
/// # Errors
/// When a member is outside its constraint.
pub fn encode(message: &LPPMessage) -> Result<Vec<u8>, crate::Error> {
    crate::uper::encode(message)
        .map_err(|error| crate::Error::Encode { pdu: NAME, reason: error.to_string() })
}
