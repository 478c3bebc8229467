//! The body of an answer: as it is, or in chunks (RFC 9112 §7.1).

/// How a body is wrapped up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed) enum Framing {
    /// Not at all.
    Plain,
    /// In chunks.
    Chunked,
}

/// What is expected next of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The line with the chunk's length: what was read of it, and whether its digits are over.
    Length { value: u64, digits: u32, over: bool },
    /// Octets of the chunk.
    Data(u64),
    /// The end of line behind a chunk.
    End,
    /// Nothing: the last chunk came.
    Done,
}

const LENGTH: Next = Next::Length { value: 0, digits: 0, over: false };

/// The body does not keep to its wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the stream are damaged")]
pub(in crate::feed) struct Damaged;

/// Unwraps a body piece by piece.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct Body {
    framing: Framing,
    next: Next,
}

impl Body {
    pub(in crate::feed) const fn new(framing: Framing) -> Self {
        Self { framing, next: LENGTH }
    }

    /// Whether the caster said that this is all.
    pub(in crate::feed) fn is_done(&self) -> bool {
        self.next == Next::Done
    }

    /// Appends the content of a piece to `out`.
    ///
    /// # Errors
    /// [`Damaged`] when the lengths make no sense.
    pub(in crate::feed) fn unwrap(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), Damaged> {
        if self.framing == Framing::Plain {
            out.extend_from_slice(piece);
            return Ok(());
        }
        while let [byte, rest @ ..] = piece {
            match self.next {
                Next::Done => return Ok(()),
                Next::Data(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                    let (data, rest) = piece.split_at(n);
                    out.extend_from_slice(data);
                    piece = rest;
                    let left = left - n as u64;
                    self.next = if left == 0 { Next::End } else { Next::Data(left) };
                }
                Next::End => {
                    self.next = match byte {
                        b'\r' => Next::End,
                        b'\n' => LENGTH,
                        _ => return Err(Damaged),
                    };
                    piece = rest;
                }
                Next::Length { value, digits, over } => {
                    self.next = length(*byte, value, digits, over)?;
                    piece = rest;
                }
            }
        }
        Ok(())
    }
}

/// One octet of the line with a chunk's length.
fn length(byte: u8, value: u64, digits: u32, over: bool) -> Result<Next, Damaged> {
    Ok(match (byte, char::from(byte).to_digit(16)) {
        (b'\n', _) if digits == 0 => return Err(Damaged),
        (b'\n', _) if value == 0 => Next::Done,
        (b'\n', _) => Next::Data(value),
        // Extensions of a chunk mean nothing here.
        _ if over => Next::Length { value, digits, over },
        (_, Some(d)) if digits < 8 => {
            Next::Length { value: value << 4 | u64::from(d), digits: digits + 1, over }
        }
        (b'\r' | b';' | b' ', _) => Next::Length { value, digits, over: true },
        _ => return Err(Damaged),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chunks_in_any_pieces() {
        let wrapped = b"5\r\nhello\r\n0006;x=y\r\n world\r\n0\r\n\r\nmore";
        for size in 1..wrapped.len() {
            let mut body = Body::new(Framing::Chunked);
            let mut out = Vec::new();
            for piece in wrapped.chunks(size) {
                body.unwrap(piece, &mut out).unwrap();
            }
            assert_eq!((out.as_slice(), body.is_done()), (&b"hello world"[..], true));
        }
        for bad in [&b"x\r\n"[..], b"\r\n", b"123456789\r\n", b"1\r\nab", b"-1\r\n"] {
            assert_eq!(Body::new(Framing::Chunked).unwrap(bad, &mut Vec::new()), Err(Damaged), "{bad:?}");
        }
        let mut plain = Vec::new();
        Body::new(Framing::Plain).unwrap(b"5\r\n", &mut plain).unwrap();
        assert_eq!(plain, b"5\r\n");
    }

    proptest! {
        #[test]
        fn nothing_is_invented(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Vec::new();
            let _ = Body::new(Framing::Chunked).unwrap(&bytes, &mut out);
            prop_assert!(out.len() <= bytes.len());
        }
    }
}
