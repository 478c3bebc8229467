//! Frames: where messages begin and end in a stream of octets (RTCM 10403.3, 4).
//!
//! ```text
//!  0xD3 │ 000000 │ length, 10 bits │ message, 0 to 1023 octets │ CRC-24Q, 3 octets
//! ```

/// First octet of every frame.
const PREAMBLE: u8 = 0xd3;
/// Octets before the message.
const HEADER: usize = 3;
/// Octets behind it.
const TRAILER: usize = 3;
/// The longest frame.
#[cfg(test)]
const MAX_FRAME: usize = HEADER + 1023 + TRAILER;

/// Generator of CRC-24Q.
const POLYNOMIAL: u32 = 0x0186_4cfb;

/// CRC-24Q of all values of an octet.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut crc = (octet as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[octet] = crc;
        octet += 1;
    }
    table
};

/// CRC-24Q without initial value or final inversion.
pub(super) fn crc24q(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| {
        let index = (crc >> 16) as u8 ^ byte;
        (crc << 8 & 0x00ff_ffff) ^ TABLE[usize::from(index)]
    })
}

/// What was seen in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Whole frames with a right checksum.
    pub frames: u64,
    /// Octets that belong to no such frame.
    pub skipped: u64,
    /// Frames begun whose checksum was wrong.
    pub checksum: u64,
}

/// Cuts a stream into messages. It holds at most one unfinished frame and what was pushed last.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    counts: FrameCounts,
}

impl Frames {
    /// Appends what came. All messages should be taken out ([`next`](Self::next)) before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets an unfinished frame: the stream begins anew.
    pub fn reset(&mut self) {
        self.counts.skipped += (self.buffer.len() - self.start) as u64;
        self.buffer.clear();
        self.start = 0;
    }

    /// What was seen so far.
    pub const fn counts(&self) -> FrameCounts {
        self.counts
    }

    /// The next message; `None` until more is pushed. What is no frame is skipped octet by octet, so that a frame is found
    /// wherever it begins.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<&[u8]> {
        let message = loop {
            let rest = self.buffer.get(self.start..)?;
            let Some(found) = rest.iter().position(|b| *b == PREAMBLE) else {
                self.skip(rest.len());
                return None;
            };
            if found > 0 {
                self.skip(found);
                continue;
            }
            let [_, high, low, ..] = rest else { return None };
            // Six reserved bits are zero: noise fails here most of the time.
            if high >> 2 != 0 {
                self.skip(1);
                continue;
            }
            let length = usize::from(*high & 0b11) << 8 | usize::from(*low);
            let whole = rest.get(..HEADER + length + TRAILER)?;
            let (covered, check) = whole.split_at(HEADER + length);
            let check = check.iter().fold(0, |v, b| v << 8 | u32::from(*b));
            if crc24q(covered) != check {
                self.counts.checksum += 1;
                self.skip(1);
                continue;
            }
            let first = self.start + HEADER;
            self.start = first + length + TRAILER;
            self.counts.frames += 1;
            break first..first + length;
        };
        self.buffer.get(message)
    }

    fn skip(&mut self, octets: usize) {
        self.start += octets;
        self.counts.skipped += octets as u64;
    }
}

/// A message in its frame, for tests and simulations; `None` when it is too long.
pub fn frame(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok().filter(|l| *l < 1024)?;
    let mut out = vec![PREAMBLE, (length >> 8) as u8, length as u8];
    out.extend_from_slice(message);
    let check = crc24q(&out).to_be_bytes();
    out.extend_from_slice(&check[1..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(frames: &mut Frames) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| frames.next().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn the_checksum_of_a_known_frame() {
        // Station coordinates, the example that circulates with the standard (4.2).
        let frame = [
            0xd3, 0x00, 0x13, 0x3e, 0xd7, 0xd3, 0x02, 0x02, 0x98, 0x0e, 0xde, 0xef, 0x34, 0xb4, 0xbd, 0x62,
            0xac, 0x09, 0x41, 0x98, 0x6f, 0x33, 0x36, 0x0b, 0x98,
        ];
        assert_eq!(crc24q(&frame[..22]), 0x36_0b98);
        let mut frames = Frames::default();
        frames.push(&frame);
        assert_eq!(frames.next(), Some(&frame[3..22]));
    }

    #[test]
    fn a_frame_is_found_behind_anything() {
        let mut stream = vec![0xd3, 0x00, 0x05, 1, 2, 3, 0xd3, 0xff];
        stream.extend(frame(b"hello").unwrap());
        let mut bad = frame(b"broken").unwrap();
        bad[4] ^= 1;
        stream.extend(bad);
        stream.extend(frame(b"").unwrap());
        stream.extend(frame(&[0xd3; 1023]).unwrap());
        let mut frames = Frames::default();
        frames.push(&stream);
        let found = all(&mut frames);
        assert_eq!(found, [b"hello".to_vec(), Vec::new(), vec![0xd3; 1023]]);
        assert_eq!(frames.counts(), FrameCounts { frames: 3, skipped: 8 + 12, checksum: 2 });
        assert!(frame(&[0; 1024]).is_none());
    }

    proptest! {
        /// However a stream is cut, the same messages come out, and nothing but one frame is ever held.
        #[test]
        fn cuts_do_not_matter(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(0_u8..0xd3, 0..9)), 1..6),
            cut in 1_usize..17,
        ) {
            let mut stream = Vec::new();
            for (message, noise) in &parts {
                stream.extend_from_slice(noise);
                stream.extend(frame(message).unwrap());
            }
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for piece in stream.chunks(cut) {
                frames.push(piece);
                found.extend(all(&mut frames));
                prop_assert!(frames.buffer.len() <= MAX_FRAME + cut);
            }
            let sent: Vec<_> = parts.iter().map(|(message, _)| message.clone()).collect();
            prop_assert_eq!(found, sent);
        }

        #[test]
        fn noise_is_survived(noise in prop::collection::vec(any::<u8>(), 0..4000)) {
            let mut frames = Frames::default();
            frames.push(&noise);
            let found: usize = all(&mut frames).iter().map(|m| m.len() + 6).sum();
            let held = frames.buffer.len() - frames.start;
            prop_assert_eq!(found + frames.counts().skipped as usize + held, noise.len());
        }
    }
}
