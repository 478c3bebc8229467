//! The GSM default alphabet (3GPP TS 23.038 §6.2.1), packed seven bits to a character (§6.1.2.1).

use super::TextEncoding;

/// The alphabet in the order of its codes; U+001B stands for the way to the extension table.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: characters behind an escape.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];
const ESCAPE: u8 = 0x1b;

/// The codes of a character, one or two; `None` when the alphabet does not have it.
fn codes(c: char) -> Option<Vec<u8>> {
    if let Some((code, _)) = EXTENSION.iter().find(|(_, e)| *e == c) {
        return Some(vec![ESCAPE, *code]);
    }
    let at = ALPHABET.chars().position(|a| a == c).filter(|at| *at != usize::from(ESCAPE))?;
    Some(vec![at as u8])
}

/// Whether the alphabet has every character of a text.
pub fn has_all(text: &str) -> bool {
    text.chars().all(|c| codes(c).is_some())
}

/// Packs a text into at most `max` octets; what does not fit any more is cut off, and what the alphabet does not have
/// becomes a question mark.
pub fn pack(text: impl Iterator<Item = char>, max: usize) -> Vec<u8> {
    let mut septets: Vec<u8> = Vec::new();
    for codes in text.map(|c| codes(c).unwrap_or_else(|| vec![b'?'])) {
        if ((septets.len() + codes.len()) * 7).div_ceil(8) > max {
            break;
        }
        septets.extend(codes);
    }
    let mut octets = vec![0_u8; (septets.len() * 7).div_ceil(8)];
    for (i, septet) in septets.iter().enumerate() {
        for bit in (0..7).filter(|bit| septet >> bit & 1 == 1) {
            let at = i * 7 + bit;
            if let Some(octet) = octets.get_mut(at / 8) {
                *octet |= 1 << (at % 8);
            }
        }
    }
    octets
}

/// Unpacks a text. Seven bits of zero at the very end of whole octets are padding.
pub fn unpack(octets: &[u8]) -> String {
    let mut count = octets.len() * 8 / 7;
    if octets.len().is_multiple_of(7) && octets.last().is_some_and(|last| last >> 1 == 0) {
        count = count.saturating_sub(1);
    }
    let septets = (0..count).map(|i| {
        (0..7).fold(0_u8, |v, bit| {
            let at = i * 7 + bit;
            v | octets.get(at / 8).map_or(0, |o| o >> (at % 8) & 1) << bit
        })
    });
    let mut escaped = false;
    let mut text = String::new();
    for septet in septets {
        if std::mem::take(&mut escaped) {
            text.push(EXTENSION.iter().find(|(code, _)| *code == septet).map_or(' ', |(_, c)| *c));
        } else if septet == ESCAPE {
            escaped = true;
        } else {
            text.extend(ALPHABET.chars().nth(usize::from(septet)));
        }
    }
    text
}

/// A name of a [`super::Notification`] as text. What its coding does not explain becomes U+FFFD.
pub fn text(octets: &[u8], encoding: Option<TextEncoding>) -> String {
    match encoding {
        Some(TextEncoding::GsmDefault) => unpack(octets),
        Some(TextEncoding::Ucs2) => {
            let units =
                octets.chunks_exact(2).filter_map(|c| c.first_chunk::<2>()).map(|c| u16::from_be_bytes(*c));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        Some(TextEncoding::Utf8 | TextEncoding::Unknown) | None => {
            String::from_utf8_lossy(octets).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_its_128_codes() {
        assert_eq!(ALPHABET.chars().count(), 128);
        for (code, c) in
            [(0, '@'), (0x10, 'Δ'), (0x1f, 'É'), (0x20, ' '), (0x40, '¡'), (0x5b, 'Ä'), (0x7f, 'à')]
        {
            assert_eq!(codes(c), Some(vec![code]));
        }
    }

    #[test]
    fn packing() {
        // The example that every description of short messages has.
        assert_eq!(pack("hellohello".chars(), 50), [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37]);
        for text in ["", "a", "Ärger §5", "€ [x] {y}", "1234567", "12345678", "Zentrale 112"] {
            assert_eq!(unpack(&pack(text.chars(), 50)), text);
        }
        // 57 characters of seven bits are 50 octets.
        assert_eq!(unpack(&pack(std::iter::repeat_n('x', 80), 50)), "x".repeat(57));
        assert_eq!(unpack(&pack("ж".chars(), 50)), "?");
        assert!(has_all("Groma é") && !has_all("Грома"));
    }

    #[test]
    fn any_octets_are_some_text() {
        for n in 0..60 {
            for fill in [0, 0x1b, 0x55, 0xff] {
                let _ = (unpack(&vec![fill; n]), text(&vec![fill; n], Some(TextEncoding::Ucs2)));
            }
        }
        assert_eq!(text(b"\0a\0", Some(TextEncoding::Ucs2)), "a");
        assert_eq!(text(&[0xff], None), "\u{fffd}");
    }
}
