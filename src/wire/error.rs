//! Why bytes are not a message, or a message not bytes.

use thiserror::Error;

/// Why an RRLP PDU or an LPP message was not understood. The peer is to blame in every case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are fewer octets than the message needs, or none.
    #[error("{protocol} message ends too early")]
    Truncated {
        /// `RRLP` or `LPP`.
        protocol: &'static str,
    },
    /// The octets are not a message of the protocol.
    #[error("malformed {protocol} message: {reason}")]
    Malformed {
        /// `RRLP` or `LPP`.
        protocol: &'static str,
        /// The codec's explanation; holds no content of the message.
        reason: String,
    },
    /// Longer than the protocol's container allows.
    #[error("{protocol} message of {octets} octets is too long")]
    TooLong {
        /// `RRLP` or `LPP`.
        protocol: &'static str,
        /// Its length.
        octets: usize,
    },
}

/// Why a message could not be written. This side is to blame: a value is outside what the protocol can carry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec refused a member.
    #[error("cannot encode {protocol}: {reason}")]
    Codec {
        /// `ULP`, `RRLP` or `LPP`.
        protocol: &'static str,
        /// The codec's explanation.
        reason: String,
    },
    /// A message of this kind is only ever received.
    #[error("{0} is not a message that can be written")]
    NotWritable(&'static str),
    /// A member that the protocol requires is absent or empty.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A list is longer than the protocol allows.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// Most that fit.
        limit: usize,
    },
    /// The result is longer than its container allows.
    #[error("{protocol} message of {octets} octets is too long")]
    TooLong {
        /// `ULP`, `RRLP` or `LPP`.
        protocol: &'static str,
        /// Its length.
        octets: usize,
    },
}
