//! Bytes ↔ typed messages: ULP, RRLP and LPP over the types of `groma-asn1`, ULP's length framing, and the codes of
//! 3GPP TS 23.032.
//!
//! Everything that leaves this room is a domain type with units. What RRLP, LPP and SUPL POS INIT have in common is one
//! type: [`assist::AssistanceRequest`] (what a SET wants), [`assist::Assistance`] (what it gets) and
//! [`measure::GnssMeasurements`] (what it measured), so that an answer is built once and encoded into either protocol.
//!
//! The same code serves both ends of a session: the server decodes requests and encodes assistance, the simulated handset
//! does the reverse.
//!
//! Weeks and days are truncated on the wire; where a message holds any that must become absolute, decoding takes the time
//! near which they are resolved.

pub(crate) mod acquisition;
mod almanac;
pub mod assist;
mod bits;
pub mod error;
pub mod frame;
pub mod gad;
pub mod lpp;
pub mod measure;
mod navigation;
mod reader;
pub mod rrlp;
pub mod sip;
#[cfg(test)]
mod test_data;
mod times;
pub mod ulp;

pub use error::{DecodeError, EncodeError};
