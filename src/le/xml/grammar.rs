//! Names and references, as XML 1.0 and Namespaces in XML 1.0 write them.

use quick_xml::events::BytesRef;

use super::XmlFault;
use super::decode::forbidden;

/// The character of a reference: by number, or one of XML's five.
pub(crate) fn character(reference: &BytesRef<'_>) -> Result<char, XmlFault> {
    let by_number =
        reference.resolve_char_ref().map_err(|_| XmlFault::NotWellFormed("bad character reference"))?;
    let c = by_number.or(match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    });
    c.filter(|c| !forbidden(*c)).ok_or(XmlFault::NotWellFormed("entity that is not declared"))
}

/// The prefix and the local part of a name; `None` when it is not one (XML 1.0 production 5, at most one colon).
pub(crate) fn split(name: &str) -> Option<(&str, &str)> {
    match name.split_once(':') {
        None => is_name(name).then_some(("", name)),
        Some((prefix, local)) => (is_name(prefix) && is_name(local)).then_some((prefix, local)),
    }
}

/// Whether this is a name without a colon.
pub(crate) fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (c >= '\u{c0}' && !matches!(c, '×' | '÷'));
    let mut chars = name.chars();
    chars.next().is_some_and(letter)
        && chars.all(|c| letter(c) || c.is_ascii_digit() || matches!(c, '-' | '.' | '·'))
}
