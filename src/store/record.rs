//! The frame around every value: a CRC-32 over key and content, so that a value that was altered, or found under another's
//! key, is never taken for true.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a value's content.
pub(super) const MAX_CONTENT: usize = 64 * 1024;

/// Frames content for a key.
pub(super) fn seal(key: &[u8], content: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(4 + content.len());
    framed.extend_from_slice(&checksum(key, content).to_be_bytes());
    framed.extend_from_slice(content);
    framed
}

/// The content of a framed value; `None` when the checksum does not hold.
pub(super) fn open<'a>(key: &[u8], framed: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, content) = framed.split_first_chunk::<4>()?;
    (u32::from_be_bytes(*sum) == checksum(key, content)).then_some(content)
}

/// Content of a value as JSON, whose named members let later releases add some; `None` when it cannot be represented
/// (numbers that are not finite) or is too large.
pub(super) fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Option<Vec<u8>> {
    let content = serde_json::to_vec(value).ok()?;
    // JSON writes a number that is not finite as null, which would not read back.
    let readable = serde_json::from_slice::<T>(&content).is_ok();
    (readable && content.len() <= MAX_CONTENT).then_some(content)
}

/// Reads content back.
pub(super) fn decode<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    serde_json::from_slice(content).ok()
}

fn checksum(key: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u32).to_be_bytes());
    hasher.update(key);
    hasher.update(content);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn altered_and_moved_values_are_noticed() {
        let sealed = seal(b"key", b"content");
        assert_eq!(open(b"key", &sealed), Some(&b"content"[..]));
        assert_eq!(open(b"kez", &sealed), None);
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(open(b"key", &bad), None, "{at}");
        }
        assert_eq!(open(b"key", &sealed[..3]), None);
    }

    #[test]
    fn numbers_survive_exactly_or_not_at_all() {
        for v in [0.1, 1.0 / 3.0, 5e-324, f64::MAX, 50.123_456_789_012_34] {
            assert_eq!(decode::<f64>(&encode(&v).unwrap()), Some(v));
        }
        assert!(encode(&f64::NAN).is_none());
        assert!(encode(&vec![f64::INFINITY]).is_none());
    }
}
