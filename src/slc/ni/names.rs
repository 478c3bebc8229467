//! Names for the user's eyes, in the codings of `EncodingType`.

use super::Notification;
use crate::wire::ulp::{self, TextEncoding};

/// Octets that a name may have.
const MAX: usize = 50;

/// The coding for the names of a notification: the one asked for, if it has their characters, else UTF-8, which has all.
pub(super) fn encoding(n: &Notification) -> TextEncoding {
    let mut texts = [&n.requestor, &n.client].into_iter().flatten().map(|n| n.text.as_str());
    match n.encoding {
        Some(TextEncoding::GsmDefault) if texts.all(ulp::gsm::has_all) => TextEncoding::GsmDefault,
        Some(TextEncoding::Ucs2) => TextEncoding::Ucs2,
        _ => TextEncoding::Utf8,
    }
}

/// A name in its coding, cut off before the character that does not fit any more. Control characters are left out.
pub(super) fn coded(text: &str, encoding: TextEncoding) -> Vec<u8> {
    let shown = text.chars().filter(|c| !c.is_control());
    match encoding {
        TextEncoding::GsmDefault => ulp::gsm::pack(shown, MAX),
        TextEncoding::Ucs2 => whole(shown, |c| {
            // UCS-2 has no surrogates.
            let unit = u16::try_from(u32::from(c)).unwrap_or(0xfffd);
            unit.to_be_bytes().to_vec()
        }),
        TextEncoding::Utf8 | TextEncoding::Unknown => whole(shown, |c| c.to_string().into_bytes()),
    }
}

fn whole(text: impl Iterator<Item = char>, code: impl Fn(char) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for octets in text.map(code) {
        if out.len() + octets.len() > MAX {
            break;
        }
        out.extend(octets);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Name;
    use super::*;

    #[test]
    fn names_are_cut_between_characters() {
        let cut = coded(&"é".repeat(40), TextEncoding::Utf8);
        assert_eq!((cut.len(), String::from_utf8(cut).unwrap().chars().count()), (50, 25));
        assert_eq!(coded(&"€".repeat(40), TextEncoding::Utf8).len(), 48);
        assert_eq!(coded(&"ж".repeat(40), TextEncoding::Ucs2).len(), 50);
        assert_eq!(coded("a\u{1f600}", TextEncoding::Ucs2), [0, b'a', 0xff, 0xfd]);
        assert_eq!(coded("a\r\nb\0", TextEncoding::Utf8), b"ab");
    }

    #[test]
    fn the_coding_asked_for_must_have_the_characters() {
        let named = |text: &str, encoding| Notification {
            requestor: Some(Name::logical(text)),
            encoding,
            ..Notification::default()
        };
        assert_eq!(encoding(&named("Bob", Some(TextEncoding::GsmDefault))), TextEncoding::GsmDefault);
        assert_eq!(encoding(&named("Боб", Some(TextEncoding::GsmDefault))), TextEncoding::Utf8);
        assert_eq!(encoding(&named("Боб", Some(TextEncoding::Ucs2))), TextEncoding::Ucs2);
        assert_eq!(encoding(&named("Bob", None)), TextEncoding::Utf8);
    }
}
