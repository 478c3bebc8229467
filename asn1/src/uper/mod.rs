//! Unaligned PER (ITU-T X.691), the one encoding of the protocols of this crate, as an encoder and a decoder for rasn.
//!
//! The types, their constraints and how a value walks through them are rasn's. Its own writer and reader of PER serve the
//! aligned variant too, give every value in an open type a buffer of its own and copy it behind its length, and read every
//! open type from a copy. A session's messages are open types in open types, so most of a message's time went there. Here
//! a value is written once, at its place, and read where it lies: [`Writer`] leaves room for the length of an open type
//! and fills it in, [`Reader`] moves its end for as long as it reads in one.
//!
//! What no module of this crate has is refused (REAL, SET, and so on), and SEQUENCEs are the derive's business, which writes
//! their extension additions through `encode_extension_addition` at the moment when they are due.

mod alphabet;
mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Writer;

use rasn::error::EncodeError;
use rasn::types::constraints::{Bounded, Size, Value};
use rasn::{Decode, Encode};

/// A length from here on is written in fragments of a multiple of this (X.691 clause 11.9.3.8).
const FRAGMENT: usize = 16_384;
/// A length whose greatest value is at least this is written as if it had none (X.691 clause 11.9.4.1).
const LONG: usize = 65_536;

/// Writes a value as a complete encoding.
pub(crate) fn encode<T: Encode>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new();
    value.encode(&mut writer)?;
    Ok(writer.finish())
}

/// Reads a value that fills the octets. An error tells at which bit.
pub(crate) fn decode<T: Decode>(octets: &[u8]) -> Result<T, String> {
    let (value, rest) = decode_with_remainder(octets)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} octets too many", rest.len())) }
}

/// Reads a value, and gives the octets behind the one with its last bit.
pub(crate) fn decode_with_remainder<T: Decode>(octets: &[u8]) -> Result<(T, &[u8]), String> {
    let mut reader = Reader::new(octets);
    let value = T::decode(&mut reader).map_err(|error| reader.explain(&error))?;
    let used = reader.complete().map_err(|error| reader.explain(&error))?;
    Ok((value, octets.get(used..).unwrap_or_default()))
}

/// In how many bits the numbers from 0 to `greatest` go.
const fn width(greatest: u128) -> u32 {
    u128::BITS - greatest.leading_zeros()
}

/// The least and the greatest number of a value constraint, where it has them.
fn bounds(value: &Value) -> (Option<i128>, Option<i128>) {
    match **value {
        Bounded::Single(only) => (Some(only), Some(only)),
        Bounded::Range { start, end } => (start, end),
        Bounded::None => (None, None),
    }
}

/// The least and the greatest length, where a length is written as a number between them (X.691 clause 11.9.4.1).
fn lengths(size: &Size) -> Option<(usize, usize)> {
    let (least, greatest) = match **size {
        Bounded::Single(only) => (only, only),
        Bounded::Range { start: Some(least), end: Some(greatest) } => (least, greatest),
        _ => return None,
    };
    (greatest < LONG).then_some((least, greatest))
}
