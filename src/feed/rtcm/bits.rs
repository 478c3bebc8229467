//! Reading fields of bits.

use super::RtcmError;

/// Walks through a message, most significant bit first. Every read beyond the end is an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits not read yet.
    pub(super) const fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// An unsigned field of up to 64 bits.
    pub(super) fn u64(&mut self, width: u32) -> Result<u64, RtcmError> {
        if width > 64 || self.left() < width as usize {
            return Err(RtcmError::Short);
        }
        let end = self.at + width as usize;
        let mut value: u128 = 0;
        // At most nine octets touch 64 bits.
        for byte in self.bytes.get(self.at / 8..end.div_ceil(8)).unwrap_or_default() {
            value = value << 8 | u128::from(*byte);
        }
        let spare = end.div_ceil(8) * 8 - end;
        self.at = end;
        let mask = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
        Ok((value >> spare) as u64 & mask)
    }

    /// An unsigned field of up to 32 bits.
    pub(super) fn u(&mut self, width: u32) -> Result<u32, RtcmError> {
        debug_assert!(width <= 32);
        self.u64(width).map(|v| v as u32)
    }

    /// An unsigned field of up to 16 bits.
    pub(super) fn u16(&mut self, width: u32) -> Result<u16, RtcmError> {
        self.u64(width.min(16)).map(|v| v as u16)
    }

    /// An unsigned field of up to 8 bits.
    pub(super) fn u8(&mut self, width: u32) -> Result<u8, RtcmError> {
        self.u64(width.min(8)).map(|v| v as u8)
    }

    /// One bit.
    pub(super) fn flag(&mut self) -> Result<bool, RtcmError> {
        self.u64(1).map(|v| v != 0)
    }

    /// A field in two's complement, 1 to 64 bits.
    pub(super) fn i64(&mut self, width: u32) -> Result<i64, RtcmError> {
        let shift = 64 - width.clamp(1, 64);
        self.u64(width).map(|v| ((v << shift) as i64) >> shift)
    }

    /// A field in two's complement, 1 to 32 bits.
    pub(super) fn i(&mut self, width: u32) -> Result<i32, RtcmError> {
        self.i64(width).map(|v| v as i32)
    }

    /// A field in two's complement of up to 16 bits.
    pub(super) fn i16(&mut self, width: u32) -> Result<i16, RtcmError> {
        self.i64(width.min(16)).map(|v| v as i16)
    }

    /// A field in two's complement of up to 8 bits.
    pub(super) fn i8(&mut self, width: u32) -> Result<i8, RtcmError> {
        self.i64(width.min(8)).map(|v| v as i8)
    }

    /// A sign bit and a magnitude, as GLONASS writes numbers, 2 to 32 bits; `None` for minus zero, which says "unknown".
    pub(super) fn sign_magnitude(&mut self, width: u32) -> Result<Option<i32>, RtcmError> {
        let negative = self.flag()?;
        let magnitude = self.u64(width.saturating_sub(1).min(31))? as i32;
        Ok(match (negative, magnitude) {
            (true, 0) => None,
            (true, m) => Some(-m),
            (false, m) => Some(m),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other() {
        let mut bits = Bits::new(&[0b1010_0111, 0xff, 0x80, 0b1000_0001]);
        assert_eq!((bits.u(3), bits.i(2), bits.u16(11)), (Ok(0b101), Ok(0), Ok(0x7ff)));
        assert_eq!((bits.i8(8), bits.left()), (Ok(-128), 8));
        assert_eq!(bits.sign_magnitude(4), Ok(None));
        assert_eq!(bits.sign_magnitude(4), Ok(Some(1)));
        assert_eq!((bits.u(1), bits.left()), (Err(RtcmError::Short), 0));
        let mut wide = Bits::new(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff]);
        assert_eq!(wide.u(4), Ok(0));
        assert_eq!(wide.u64(64), Ok(0x1234_5678_9abc_deff));
        assert_eq!(Bits::new(&[0b1100_0000]).sign_magnitude(3), Ok(Some(-2)));
        assert_eq!(Bits::new(&[0xff; 8]).i64(38), Ok(-1));
    }
}
