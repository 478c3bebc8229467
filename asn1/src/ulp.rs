//! User plane Location Protocol: OMA-TS-ULP V2.0.5, which contains ULP 1.0.

pub use generated::*;

#[rustfmt::skip]
#[path = "generated/ulp.rs"]
#[allow(missing_docs, non_camel_case_types, unused_imports, clippy::all, clippy::pedantic)]
mod generated;

const NAME: &str = "ULP-PDU";

/// Reads one PDU. Its length member must be the number of octets given.
///
/// # Errors
/// When the bytes are not exactly one PDU of ULP 1.0 or 2.0.
pub fn decode(bytes: &[u8]) -> Result<ULPPDU, crate::Error> {
    if let [high, low, ..] = bytes {
        let stated = usize::from(u16::from_be_bytes([*high, *low]));
        if stated != bytes.len() {
            return Err(crate::Error::Length { stated, actual: bytes.len() });
        }
    }
    crate::uper::decode(bytes).map_err(|reason| crate::Error::Decode { pdu: NAME, reason })
}

/// Writes one PDU, with its length filled in whatever the length member says.
///
/// # Errors
/// When a member is outside its constraint, or the PDU is longer than 65,535 octets.
pub fn encode(pdu: &ULPPDU) -> Result<Vec<u8>, crate::Error> {
    let mut bytes = crate::uper::encode(pdu)
        .map_err(|error| crate::Error::Encode { pdu: NAME, reason: error.to_string() })?;
    let length = u16::try_from(bytes.len()).map_err(|_| crate::Error::TooLong(bytes.len()))?;
    if let Some(start) = bytes.first_chunk_mut() {
        *start = length.to_be_bytes();
    }
    Ok(bytes)
}
