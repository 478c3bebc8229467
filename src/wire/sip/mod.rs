//! SIP messages (RFC 3261): text and octets ↔ start line, header fields, body.
//!
//! Small on purpose: what a user agent and a notifier have to see. Header fields keep their order and their text; those with a
//! form that matters here are read by name ([`Headers`]). Compact names (`v`, `i`, `l`…) and folded lines are understood. Every
//! message and every part of it has a limit.

mod framer;
mod headers;

pub use framer::Framer;
pub use headers::Headers;

/// Longest message, octets, body included: the size of a datagram.
pub const MAX_MESSAGE: usize = 65_535;
/// Most header fields.
pub const MAX_HEADERS: usize = 200;

/// Why octets are no SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SipError {
    /// Longer than [`MAX_MESSAGE`].
    #[error("a message longer than {MAX_MESSAGE} octets")]
    TooLong,
    /// More than [`MAX_HEADERS`] header fields.
    #[error("more than {MAX_HEADERS} header fields")]
    TooManyHeaders,
    /// The empty line after the header fields is missing.
    #[error("no end of the header fields")]
    NoEnd,
    /// The first line is neither a request's nor a status line.
    #[error("the first line is neither of a request nor of a response")]
    StartLine,
    /// A line that is no header field.
    #[error("a line that is no header field")]
    Header,
    /// The header fields are no UTF-8.
    #[error("header fields that are no UTF-8")]
    Encoding,
    /// `Content-Length` is no number, differs from another, or is more than there is.
    #[error("an impossible Content-Length")]
    ContentLength,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Of a request.
    Request {
        /// The method, as written.
        method: String,
        /// The request URI.
        uri: String,
    },
    /// Of a response.
    Response {
        /// The status code, 100..=699.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// Its header fields.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Message {
    /// A request without header fields.
    pub fn request(method: &str, uri: &str) -> Self {
        let start = Start::Request { method: method.to_owned(), uri: uri.to_owned() };
        Self { start, headers: Headers::default(), body: Vec::new() }
    }

    /// Reads a message that came as a datagram: its body ends with `Content-Length`, or with the datagram where there is none
    /// (RFC 3261, 18.3).
    pub fn parse(datagram: &[u8]) -> Result<Self, SipError> {
        if datagram.len() > MAX_MESSAGE {
            return Err(SipError::TooLong);
        }
        let (start, headers, rest) = head(datagram)?;
        let body = match headers.content_length()? {
            Some(n) => rest.get(..n).ok_or(SipError::ContentLength)?,
            None => rest,
        };
        Ok(Self { start, headers, body: body.to_vec() })
    }

    /// The octets on the wire. `Content-Length` is added; the caller must not have put one.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Response { status, reason } => format!("SIP/2.0 {status} {reason}\r\n"),
        };
        for (name, value) in self.headers.iter() {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("Content-Length: ");
        text.push_str(&self.body.len().to_string());
        text.push_str("\r\n\r\n");
        let mut octets = text.into_bytes();
        octets.extend(&self.body);
        octets
    }
}

/// Reads first line and header fields; the rest is what stands behind the empty line.
fn head(octets: &[u8]) -> Result<(Start, Headers, &[u8]), SipError> {
    let (end, behind) = end_of_head(octets).ok_or(SipError::NoEnd)?;
    let text = octets.get(..end).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| SipError::Encoding)?;
    let mut lines = text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l));
    let start = start_line(lines.next().unwrap_or_default())?;
    let headers = Headers::parse(lines)?;
    Ok((start, headers, octets.get(behind..).unwrap_or_default()))
}

/// Where the header fields end, and where the body begins. Bare line feeds are taken for line ends.
fn end_of_head(octets: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + octets.get(from..)?.iter().position(|b| *b == b'\n')?;
        match octets.get(at + 1..)? {
            [b'\n', ..] => return Some((at, at + 2)),
            [b'\r', b'\n', ..] => return Some((at, at + 3)),
            _ => from = at + 1,
        }
    }
}

fn start_line(line: &str) -> Result<Start, SipError> {
    if let Some(rest) = strip_ignoring_case(line, "SIP/2.0 ") {
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = code.parse().ok().filter(|s| code.len() == 3 && (100..700).contains(s));
        let status = status.ok_or(SipError::StartLine)?;
        return Ok(Start::Response { status, reason: reason.to_owned() });
    }
    let mut words = line.split(' ');
    let (method, uri, version) = (words.next(), words.next(), words.next());
    match (method, uri, version, words.next()) {
        (Some(method), Some(uri), Some(version), None)
            if version.eq_ignore_ascii_case("SIP/2.0") && is_token(method) && !uri.is_empty() =>
        {
            Ok(Start::Request { method: method.to_owned(), uri: uri.to_owned() })
        }
        _ => Err(SipError::StartLine),
    }
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether a text is a token (RFC 3261, 25.1).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

#[cfg(test)]
mod tests;
