//! Framing of ULP on a byte stream: the first two octets of a PDU are its whole length, big-endian, themselves included.

use bytes::{Bytes, BytesMut};

/// Smallest PDU that holds a length, a version, a session and a message.
pub const MIN_PDU: usize = 7;
/// Default limit of a PDU from a SET.
pub const DEFAULT_MAX_PDU: usize = 65_535;

/// Why a stream cannot be framed any further. The session must end: where the next PDU begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is less than a PDU needs.
    #[error("a PDU of {0} octets is too short")]
    TooShort(usize),
    /// The length is more than is accepted.
    #[error("a PDU of {0} octets is more than {1}")]
    TooLong(usize, usize),
}

/// Takes the next PDU out of what was received: `Ok(None)` when more octets are needed. The PDU shares the buffer's memory;
/// nothing is copied.
///
/// The length is judged as soon as its two octets are there, so a stream that announces too much is refused at once.
pub fn next_pdu(buffer: &mut BytesMut, max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = buffer.first_chunk().map(|l| usize::from(u16::from_be_bytes(*l))) else {
        return Ok(None);
    };
    if length < MIN_PDU {
        return Err(FrameError::TooShort(length));
    }
    if length > max {
        return Err(FrameError::TooLong(length, max));
    }
    Ok((buffer.len() >= length).then(|| buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pdu(len: u16) -> Vec<u8> {
        let mut p = len.to_be_bytes().to_vec();
        p.resize(usize::from(len), 0x5a);
        p
    }

    #[test]
    fn lengths_are_judged_before_the_pdu_is_there() {
        for (head, error) in [
            ([0, 0], FrameError::TooShort(0)),
            ([0, 1], FrameError::TooShort(1)),
            ([0, 6], FrameError::TooShort(6)),
            ([0xff, 0xff], FrameError::TooLong(65_535, 8192)),
        ] {
            assert_eq!(next_pdu(&mut BytesMut::from(&head[..]), 8192), Err(error));
        }
        assert_eq!(next_pdu(&mut BytesMut::from(&[0u8][..]), 8192), Ok(None));
        assert_eq!(next_pdu(&mut BytesMut::new(), 8192), Ok(None));
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_gives_the_same_pdus(lens in prop::collection::vec(7u16..300, 1..6), cut in 1usize..50) {
            let stream: Vec<u8> = lens.iter().flat_map(|l| pdu(*l)).collect();
            let mut buffer = BytesMut::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(p) = next_pdu(&mut buffer, 8192).unwrap() {
                    seen.push(p.len() as u16);
                }
            }
            prop_assert_eq!(seen, lens);
            prop_assert!(buffer.is_empty());
        }
    }
}
