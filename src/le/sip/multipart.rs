//! MIME bodies of several parts (RFC 2046 §5.1) in SIP messages (RFC 5621): read within bounds, and written.

use std::fmt::Write as _;

/// Most parts of a body.
pub const MOST_PARTS: usize = 128;
/// Most octets of the headers of a part.
const MOST_HEADERS: usize = 4096;

/// A part of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its media type with parameters, `text/plain` where none is said.
    pub content_type: String,
    /// Its name, without angle brackets.
    pub content_id: Option<String>,
    /// What it is for, in lower case, without parameters.
    pub disposition: Option<String>,
    /// Its octets.
    pub body: &'a [u8],
}

/// Why a body is not understood: the answer is 400, but for an encoding, which is 415.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MultipartFault {
    /// The content type names no boundary that may be one.
    #[error("multipart without a boundary")]
    Boundary,
    /// No part begins, or the last one does not end.
    #[error("multipart that does not end")]
    Unfinished,
    /// Headers of a part are not headers, or too long.
    #[error("headers of a part")]
    Headers,
    /// More than [`MOST_PARTS`].
    #[error("too many parts")]
    TooMany,
    /// A part is in an encoding that a SIP message has no need of.
    #[error("content-transfer-encoding not supported")]
    Encoding,
}

/// A content type without its parameters, in lower case.
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A parameter of a header's value, without quotes. Names are compared without regard to case.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    // A semicolon in quotes ends nothing.
    let (mut quoted, mut escaped) = (false, false);
    let ends = |c: char| {
        let ends = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    };
    value.split(ends).skip(1).find_map(|p| {
        let (key, text) = p.split_once('=')?;
        let text = text.trim();
        key.trim().eq_ignore_ascii_case(name).then(|| match text.strip_prefix('"') {
            Some(inner) => {
                inner.strip_suffix('"').unwrap_or(inner).replace("\\\"", "\"").replace("\\\\", "\\")
            }
            None => text.to_owned(),
        })
    })
}

/// Takes a body apart. `content_type` is the whole value of the header.
///
/// # Errors
/// [`MultipartFault`].
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, MultipartFault> {
    let boundary = parameter(content_type, "boundary").filter(|b| is_boundary(b));
    let boundary = boundary.ok_or(MultipartFault::Boundary)?;
    let delimiter = format!("--{boundary}").into_bytes();
    let mut found = Vec::new();
    // Where the part that is being read begins; nothing before the first delimiter is one.
    let mut begin: Option<usize> = None;
    let mut line_start = 0;
    loop {
        let rest = body.get(line_start..).unwrap_or_default();
        let length = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let line = rest.get(..length).unwrap_or_default();
        if let Some(after) = line.strip_prefix(delimiter.as_slice()) {
            let last = after.starts_with(b"--");
            let tail = after.strip_prefix(b"--").unwrap_or(after);
            if tail.iter().all(u8::is_ascii_whitespace) {
                if let Some(begin) = begin {
                    if found.len() >= MOST_PARTS {
                        return Err(MultipartFault::TooMany);
                    }
                    found.push(part(without_line_end(body.get(begin..line_start).unwrap_or_default()))?);
                }
                if last {
                    return Ok(found);
                }
                begin = Some(line_start + length);
            }
        }
        if length == 0 {
            return Err(MultipartFault::Unfinished);
        }
        line_start += length;
    }
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(octets: &[u8]) -> &[u8] {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    octets.strip_suffix(b"\r").unwrap_or(octets)
}

fn is_boundary(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=70).contains(&text.len()) && text.bytes().all(legal) && !text.ends_with(' ')
}

fn part(octets: &[u8]) -> Result<Part<'_>, MultipartFault> {
    let mut part = Part { content_type: "text/plain".to_owned(), ..Part::default() };
    let mut rest = octets;
    let mut taken = 0;
    loop {
        let length = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        taken += length;
        if taken > MOST_HEADERS {
            return Err(MultipartFault::Headers);
        }
        let line = without_line_end(line);
        rest = after;
        if line.is_empty() {
            part.body = rest;
            return Ok(part);
        }
        let line = std::str::from_utf8(line).map_err(|_| MultipartFault::Headers)?;
        if line.starts_with([' ', '\t']) {
            // What follows of a header on the next line is of none of those that count here, but for parameters.
            if let Some(last) = Some(&mut part.content_type).filter(|c| c.ends_with(';')) {
                last.push_str(line.trim());
            }
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(MultipartFault::Headers)?;
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => value.clone_into(&mut part.content_type),
            "content-id" => {
                let id = value.trim_start_matches('<').trim_end_matches('>');
                part.content_id = Some(id.to_owned());
            }
            "content-disposition" => part.disposition = Some(media_type(value)),
            "content-transfer-encoding" => {
                let plain = ["binary", "8bit", "7bit"].iter().any(|e| value.eq_ignore_ascii_case(e));
                if !plain {
                    return Err(MultipartFault::Encoding);
                }
            }
            _ => {}
        }
    }
}

/// Puts parts together; with the body comes its content type. `subtype` is `mixed` or `related`; of `related` the first part is
/// the root. `unique` must not occur in the parts; its text becomes the boundary.
pub fn write(subtype: &str, unique: &str, parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let mut content_type = format!("multipart/{subtype}");
    if let Some(root) = parts.first().filter(|_| subtype == "related") {
        // Writing into a string does not fail.
        let _ = write!(content_type, ";type=\"{}\"", media_type(&root.content_type));
        if let Some(id) = &root.content_id {
            let _ = write!(content_type, ";start=\"<{id}>\"");
        }
    }
    let _ = write!(content_type, ";boundary=\"{unique}\"");
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{unique}\r\nContent-Type: {}\r\n", part.content_type).as_bytes());
        if let Some(id) = &part.content_id {
            body.extend_from_slice(format!("Content-ID: <{id}>\r\n").as_bytes());
        }
        if let Some(disposition) = &part.disposition {
            body.extend_from_slice(format!("Content-Disposition: {disposition}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(part.body);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{unique}--\r\n").as_bytes());
    (content_type, body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn taken_apart() {
        let body = b"preamble\r\n--b 1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b 1 \r\nc: application/pidf+xml;\r\n \
                     charset=\"utf-8\"\r\nContent-ID: <loc1@192.0.2.20>\r\nContent-Disposition: Render;handling=optional\r\n\r\n<p/>\n\
                     --b 1x\n\r\n--b 1--\r\nepilogue";
        let parts = parts("multipart/mixed; Boundary=\"b 1\"", body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].content_type.as_str(), parts[0].body), ("application/sdp", &b"v=0\r\n"[..]));
        assert_eq!(parts[1].content_type, "application/pidf+xml;charset=\"utf-8\"");
        assert_eq!(parts[1].content_id.as_deref(), Some("loc1@192.0.2.20"));
        assert_eq!(parts[1].disposition.as_deref(), Some("render"));
        assert_eq!(parts[1].body, b"<p/>\n--b 1x\n");
    }

    #[test]
    fn what_is_no_multipart_is_refused() {
        let fault = |content_type: &str, body: &str| parts(content_type, body.as_bytes()).unwrap_err();
        assert_eq!(fault("multipart/mixed", "--b--"), MultipartFault::Boundary);
        assert_eq!(fault("multipart/mixed;boundary=\"a;b\"", "--a;b--"), MultipartFault::Boundary);
        assert_eq!(fault("multipart/mixed;boundary=b", "--b\r\n\r\nx"), MultipartFault::Unfinished);
        assert_eq!(fault("multipart/mixed;boundary=b", ""), MultipartFault::Unfinished);
        assert_eq!(fault("multipart/mixed;boundary=b", "--b\r\nx\r\n\r\n--b--"), MultipartFault::Headers);
        let coded = "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--b--";
        assert_eq!(fault("multipart/mixed;boundary=b", coded), MultipartFault::Encoding);
        assert_eq!(
            fault("multipart/mixed;boundary=b", &"--b\r\n\r\n\r\n".repeat(1000)),
            MultipartFault::TooMany
        );
        let long = format!("--b\r\nx: {}\r\n\r\n\r\n--b--", "y".repeat(5000));
        assert_eq!(fault("multipart/mixed;boundary=b", &long), MultipartFault::Headers);
    }

    proptest! {
        #[test]
        fn any_octets_give_parts_or_a_fault(body in prop::collection::vec(prop::sample::select(b"-b\r\n:x ".to_vec()), 0..200)) {
            let _ = parts("multipart/mixed;boundary=b", &body);
        }

        #[test]
        fn what_is_written_is_read(bodies in prop::collection::vec("[ -~\r\n]{0,60}", 1..5)) {
            let all: Vec<Part<'_>> = bodies.iter().enumerate().map(|(k, b)| Part {
                content_type: "text/plain;charset=\"utf-8\"".to_owned(),
                content_id: (k > 0).then(|| format!("{k}@x")),
                disposition: None,
                body: b.as_bytes(),
            }).collect();
            let (content_type, body) = write("related", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", &all);
            prop_assert_eq!(parts(&content_type, &body).unwrap(), all);
        }
    }
}
