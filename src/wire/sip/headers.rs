//! Header fields: their order and their text, read by name.

use super::{MAX_HEADERS, SipError, is_token};

/// Compact names (RFC 3261, 7.3.3, and the event package's RFC 6665).
const COMPACT: [(&str, &str); 13] = [
    ("c", "content-type"),
    ("e", "content-encoding"),
    ("f", "from"),
    ("i", "call-id"),
    ("k", "supported"),
    ("l", "content-length"),
    ("m", "contact"),
    ("o", "event"),
    ("r", "refer-to"),
    ("s", "subject"),
    ("t", "to"),
    ("u", "allow-events"),
    ("v", "via"),
];

/// The header fields of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads the lines behind the first; a line that begins with a blank continues the one before.
    pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, SipError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut().ok_or(SipError::Header)?;
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(SipError::Header)?;
            let name = name.trim_end();
            if !is_token(name) {
                return Err(SipError::Header);
            }
            if fields.len() >= MAX_HEADERS {
                return Err(SipError::TooManyHeaders);
            }
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self(fields))
    }

    /// Appends a field. Line ends in its value would be the end of the field, and are blanks instead.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into().replace(['\r', '\n'], " ");
        self.0.push((name.to_owned(), value));
    }

    /// All fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The values of all fields with this name, whatever its case, its compact form included.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(n, _)| same(n, name)).map(|(_, v)| v)
    }

    /// The value of the first field with this name.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Number and method of `CSeq`.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        let mut words = self.first("CSeq")?.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    }

    /// The branch of the topmost `Via`.
    pub fn branch(&self) -> Option<&str> {
        let topmost = top_value(self.first("Via")?);
        topmost.split(';').skip(1).find_map(|p| {
            let (name, value) = p.split_once('=')?;
            name.trim().eq_ignore_ascii_case("branch").then(|| value.trim())
        })
    }

    /// `Content-Length`; an error when it is no number, or two differ.
    pub fn content_length(&self) -> Result<Option<usize>, SipError> {
        let mut length = None;
        for value in self.all("Content-Length") {
            let n = value.parse::<u32>().map_err(|_| SipError::ContentLength)? as usize;
            if length.is_some_and(|known| known != n) {
                return Err(SipError::ContentLength);
            }
            length = Some(n);
        }
        Ok(length)
    }
}

/// The part before the first comma that is in no quotes and no angle brackets.
fn top_value(list: &str) -> &str {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (i, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if !quoted && !angle => return list.get(..i).unwrap_or(list),
            _ => {}
        }
    }
    list
}

/// Whether a name as written means this name.
fn same(written: &str, name: &str) -> bool {
    if written.eq_ignore_ascii_case(name) {
        return true;
    }
    let long = COMPACT.iter().find(|(short, _)| written.eq_ignore_ascii_case(short));
    long.is_some_and(|(_, long)| name.eq_ignore_ascii_case(long))
}
