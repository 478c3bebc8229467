//! Octets and messages of RRLP.

use crate::base::GpsTime;
use crate::wire::rrlp::RrlpPdu;
use crate::wire::{DecodeError, EncodeError};

/// Reads an RRLP PDU; times in it are the ones nearest to `near`.
pub(super) fn read_rrlp(octets: &[u8], near: GpsTime) -> Result<RrlpPdu, DecodeError> {
    let _ = (octets, near);
    Err(DecodeError::Truncated { protocol: "RRLP" })
}

/// Writes an RRLP PDU.
pub(super) fn write_rrlp(pdu: &RrlpPdu) -> Result<Vec<u8>, EncodeError> {
    let _ = pdu;
    Err(EncodeError::NotWritable("RRLP"))
}
