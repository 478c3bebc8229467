//! Octets to text: which encoding a document is in (RFC 7303 §3, XML 1.0 appendix F).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::XmlFault;

/// Octets at the front of a document among which the encoding of its declaration is looked for.
const DECLARATION: usize = 256;

/// The text of a document. A byte order mark says the encoding, else the charset of its content type, else its own
/// declaration, else it is UTF-8. Octets that the encoding does not know, and characters that XML forbids, are faults.
pub(crate) fn decode<'a>(octets: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, XmlFault> {
    let fault = XmlFault::Encoding;
    let (encoding, body) = match Encoding::for_bom(octets) {
        Some((encoding, mark)) => (encoding, octets.get(mark..).unwrap_or_default()),
        None => (declared(octets, charset).ok_or_else(|| fault("encoding not supported"))?, octets),
    };
    let text = if encoding == UTF_8 {
        Cow::Borrowed(std::str::from_utf8(body).map_err(|_| fault("octets that are not in the encoding"))?)
    } else {
        encoding
            .decode_without_bom_handling_and_without_replacement(body)
            .ok_or_else(|| fault("octets that are not in the encoding"))?
    };
    if has_forbidden(&text) {
        return Err(XmlFault::NotWellFormed("character that XML forbids"));
    }
    Ok(text)
}

/// The encoding without a byte order mark; `None` for one that is not read here.
fn declared(octets: &[u8], charset: Option<&str>) -> Option<&'static Encoding> {
    // `<` in UTF-16 without its mark.
    if octets.starts_with(&[0, b'<']) {
        return Some(UTF_16BE);
    }
    if octets.starts_with(&[b'<', 0]) {
        return Some(UTF_16LE);
    }
    if let Some(label) = charset.map(str::trim).filter(|c| !c.is_empty()) {
        return supported(label.trim_matches(['"', '\'']));
    }
    match in_declaration(octets) {
        // The text was read as octets to find this: it is no UTF-16, whatever it says.
        Some(label) => supported(label).filter(|e| *e != UTF_16LE && *e != UTF_16BE),
        None => Some(UTF_8),
    }
}

/// The Unicode forms, and the ASCII and Latin-1 family that clients have been seen to send.
fn supported(label: &str) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(label.as_bytes())?;
    let family = [UTF_8, UTF_16LE, UTF_16BE, encoding_rs::WINDOWS_1252, encoding_rs::ISO_8859_15];
    family.contains(&encoding).then_some(encoding)
}

/// The value of `encoding` in the declaration.
fn in_declaration(octets: &[u8]) -> Option<&str> {
    let front = octets.get(..DECLARATION.min(octets.len()))?;
    let front = front.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = front.windows(2).position(|w| w == b"?>")?;
    let declaration = std::str::from_utf8(front.get(..end)?).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// Whether a character is none of XML 1.0's (production 2).
pub(crate) const fn forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

fn has_forbidden(text: &str) -> bool {
    // The octets tell: control characters are single ones, U+FFFE and U+FFFF begin with EF BF.
    let suspicious = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || *b == 0xef;
    text.as_bytes().iter().any(suspicious) && text.chars().any(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let marked = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        marked.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn the_mark_then_the_content_type_then_the_declaration() {
        let latin = b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a>\xe9</a>";
        assert!(decode(latin, None).unwrap().contains('é'));
        assert!(decode(latin, Some("utf-8")).is_err());
        assert!(decode(b"<a>\xe9</a>", None).is_err());
        assert!(decode(b"<a>\xe9\x80</a>", Some("\"windows-1252\"")).unwrap().contains("é€"));
        assert!(decode(b"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a/>", None).is_ok());
        assert_eq!(decode("\u{feff}<a>é</a>".as_bytes(), Some("iso-8859-1")).unwrap(), "<a>é</a>");
        for big in [true, false] {
            for mark in [true, false] {
                let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>é</a>";
                assert_eq!(decode(&utf16(text, big, mark), None).unwrap(), text);
            }
        }
    }

    #[test]
    fn what_is_not_read_is_a_fault() {
        for label in ["utf-7", "UTF-32", "EBCDIC-CP-BE", "koi8-r", "x-user-defined", "replacement"] {
            assert!(matches!(decode(b"<a/>", Some(label)), Err(XmlFault::Encoding(_))), "{label}");
        }
        assert!(decode(b"<?xml version='1.0' encoding='utf-16'?><a/>", None).is_err());
        assert!(decode(&[0xff, 0xfe, b'<', 0, 0x00, 0xd8], None).is_err(), "half of a pair");
        assert!(decode(&[0xff, 0xfe, b'<'], None).is_err(), "half of a unit");
        assert!(decode(b"<a>\0</a>", None).is_err());
        assert!(decode("<a>\u{ffff}</a>".as_bytes(), None).is_err());
        assert!(decode("<a>\u{ff5e}</a>".as_bytes(), None).is_ok());
    }
}
