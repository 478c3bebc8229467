//! Reading the first fields of an unaligned PER encoding whose rest may be broken.

/// A position in the octets.
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first bit.
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The number of bits read.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// One bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        let octet = self.octets.get(self.at / 8)?;
        let bit = octet >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The number that the next `n` bits mean, at most 64.
    pub(crate) fn take(&mut self, n: usize) -> Option<u64> {
        let mut v = 0;
        for _ in 0..n {
            v = v << 1 | u64::from(self.flag()?);
        }
        Some(v)
    }

    /// The next octets, wherever they begin.
    pub(crate) fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut out = [0; N];
        for o in &mut out {
            *o = self.take(8)? as u8;
        }
        Some(out)
    }

    /// Normally small number.
    pub(crate) fn small(&mut self) -> Option<u64> {
        if self.flag()? {
            let octets = self.length()?;
            if octets > 8 {
                return None;
            }
            self.take(octets * 8)
        } else {
            self.take(6)
        }
    }

    /// Length of an open type, unfragmented.
    pub(crate) fn length(&mut self) -> Option<usize> {
        if !self.flag()? {
            return self.take(7).map(|n| n as usize);
        }
        if self.flag()? { None } else { self.take(14).map(|n| n as usize) }
    }

    /// Seven-bit characters.
    pub(crate) fn text(&mut self, length: usize) -> Option<String> {
        (0..length).map(|_| self.take(7).map(|c| char::from(c as u8))).collect()
    }

    /// Six-bit characters, numbered in the order of their codes.
    pub(crate) fn fqdn(&mut self, length: usize) -> Option<String> {
        const ALPHABET: &[u8; 64] = b"-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length)
            .map(|_| self.take(6).and_then(|c| ALPHABET.get(c as usize)).map(|c| char::from(*c)))
            .collect()
    }
}
