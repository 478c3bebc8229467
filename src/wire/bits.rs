//! BIT STRINGs as numbers.

use groma_asn1::types::{BitStr, BitString, FixedBitString};

/// The lower `len` bits of a number (at most 64), most significant first.
pub(crate) fn bits(value: u64, len: usize) -> BitString {
    let len = len.min(64);
    let aligned = value.checked_shl(64 - len as u32).unwrap_or(0).to_be_bytes();
    // One allocation: the octets that hold the bits.
    let mut out = BitString::from_slice(aligned.get(..len.div_ceil(8)).unwrap_or_default());
    out.truncate(len);
    out
}

/// The number that bits mean, most significant first; of more than 64 bits the last 64.
pub(crate) fn number(bits: &BitStr) -> u64 {
    bits.iter().fold(0, |v, b| v << 1 | u64::from(*b))
}

/// [`bits`] of a size that the type knows.
pub(crate) fn fixed<const N: usize>(value: u64) -> FixedBitString<N> {
    let mut out = FixedBitString::<N>::ZERO;
    for i in 0..N {
        out.set(i, value.checked_shr((N - 1 - i) as u32).unwrap_or(0) & 1 == 1);
    }
    out
}

/// [`number`] of a size that the type knows.
pub(crate) fn fixed_number<const N: usize>(value: &FixedBitString<N>) -> u64 {
    value.iter().take(N).fold(0, |v, b| v << 1 | u64::from(*b))
}

/// Whether named bit `i` is set; bits that were not sent are not.
pub(crate) fn flag(bits: &BitStr, i: usize) -> bool {
    bits.get(i).is_some_and(|b| *b)
}

/// Named bits in their order.
pub(crate) fn flags(set: &[bool]) -> BitString {
    set.iter().copied().collect()
}

/// Bits, the first of which is bit 0 of the number.
pub(crate) fn reversed(bits: &BitStr) -> u32 {
    bits.iter().take(32).enumerate().fold(0, |v, (i, b)| v | u32::from(*b) << i)
}

/// The inverse of [`reversed`], `len` bits long (at most 32).
pub(crate) fn from_reversed(value: u32, len: usize) -> BitString {
    let len = len.min(32);
    bits(u64::from(value.reverse_bits()) >> (32 - len), len)
}

/// Sets `len` bits (at most 64) of an encoding from bit `at` on; `None` when it is shorter than that.
pub(crate) fn overwrite(octets: &mut [u8], at: usize, value: u64, len: usize) -> Option<()> {
    let octets = octets.get_mut(at / 8..(at + len).div_ceil(8))?;
    let mut left = len;
    let mut free = 8 - at % 8;
    for octet in octets {
        let n = free.min(left);
        let mask = (0xff_u8 >> (8 - n)) << (free - n);
        let bits = (value >> (left - n)) as u8;
        *octet = *octet & !mask | bits << (free - n) & mask;
        left -= n;
        free = 8;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(number(&bits(0x5a3, 11)), 0x5a3);
        assert_eq!(number(&bits(u64::MAX, 64)), u64::MAX);
        assert!(bits(7, 0).is_empty());
        assert_eq!(bits(5, 3), flags(&[true, false, true]));
        assert_eq!(from_reversed(0b110, 4), flags(&[false, true, true, false]));
        assert_eq!(fixed_number(&fixed::<28>(0x0abc_def1)), 0x0abc_def1);
        assert_eq!(reversed(&from_reversed(0b101, 8)), 0b101);
        let mut octets = [0xff; 10];
        overwrite(&mut octets, 3, 0x0123_4567_89ab_cdef, 61).unwrap();
        assert_eq!(number(&BitString::from_slice(&octets)[3..64]), 0x0123_4567_89ab_cdef);
        assert_eq!((octets[0] >> 5, octets[8]), (7, 0xff));
        overwrite(&mut octets, 70, 0, 1).unwrap();
        assert_eq!((octets[8], octets[9]), (0xfd, 0xff));
        assert_eq!(overwrite(&mut octets, 75, 0, 6), None);
        assert!(flag(&from_reversed(0b101, 8), 2) && !flag(&from_reversed(0b101, 8), 9));
    }
}
