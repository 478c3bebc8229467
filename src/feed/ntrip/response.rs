//! What a caster answers before the stream begins.

use super::body::Framing;

/// Longest head of an answer, octets.
const MAX_HEAD: usize = 8192;

/// Why a caster gives no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It wants a name and password, or other ones.
    #[error("the caster refuses the name and password")]
    Unauthorized,
    /// It has no stream of that name.
    #[error("the caster has no such stream (mountpoint)")]
    NoSuchStream,
    /// An HTTP status that is no success.
    #[error("the caster answers with HTTP status {0}")]
    Status(u16),
    /// An answer that is none of NTRIP, or one that is too long.
    #[error("the answer is not that of an NTRIP caster")]
    NotNtrip,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed) struct Head {
    /// Octets of it; what follows is the stream or the list.
    pub(in crate::feed) length: usize,
    /// How the body is wrapped up.
    pub(in crate::feed) framing: Framing,
    /// Whether the body is the list of streams.
    pub(in crate::feed) sourcetable: bool,
}

/// Reads the head from what came so far; `None` while it is not whole.
///
/// # Errors
/// When the caster refuses, or is none.
pub(in crate::feed) fn read_head(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
        return if bytes.len() > MAX_HEAD || !could_begin(bytes) { Err(Refusal::NotNtrip) } else { Ok(None) };
    };
    let status = line(bytes.get(..end).unwrap_or_default());
    let after = end + 1;
    // Version 1: the stream follows the line at once. (Some send an empty line more, which the search for frames skips.)
    if status.starts_with("ICY 200") {
        return Ok(Some(Head { length: after, framing: Framing::Plain, sourcetable: false }));
    }
    if status.starts_with("ERROR") {
        let password = status.to_ascii_lowercase().contains("password");
        return Err(if password { Refusal::Unauthorized } else { Refusal::NotNtrip });
    }
    let version_1_list = status.starts_with("SOURCETABLE 200");
    let code = status.strip_prefix("HTTP/1.").and_then(|s| s.get(2..5)).and_then(|s| s.parse::<u16>().ok());
    if !version_1_list && code.is_none() {
        return Err(Refusal::NotNtrip);
    }
    let Some((length, headers)) = headers(bytes, after) else {
        return if bytes.len() > MAX_HEAD { Err(Refusal::NotNtrip) } else { Ok(None) };
    };
    if length > MAX_HEAD {
        return Err(Refusal::NotNtrip);
    }
    if version_1_list {
        return Ok(Some(Head { length, framing: Framing::Plain, sourcetable: true }));
    }
    let value = |name: &str| {
        headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_ascii_lowercase()).unwrap_or_default()
    };
    match code {
        Some(200) => {}
        Some(401 | 403) => return Err(Refusal::Unauthorized),
        Some(404) => return Err(Refusal::NoSuchStream),
        Some(other) => return Err(Refusal::Status(other)),
        None => return Err(Refusal::NotNtrip),
    }
    // A page for people, from something that is no caster.
    if value("content-type").contains("text/html") {
        return Err(Refusal::NotNtrip);
    }
    let framing =
        if value("transfer-encoding").contains("chunked") { Framing::Chunked } else { Framing::Plain };
    Ok(Some(Head { length, framing, sourcetable: value("content-type").contains("gnss/sourcetable") }))
}

/// Whether an answer may begin so.
fn could_begin(bytes: &[u8]) -> bool {
    ["ICY ", "HTTP/1.", "SOURCETABLE ", "ERROR"].iter().any(|start| {
        let n = bytes.len().min(start.len());
        bytes.get(..n) == start.as_bytes().get(..n)
    })
}

/// A line without its end, as text.
fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\r').to_owned()
}

/// Names in lower case and values.
type Headers = Vec<(String, String)>;

/// Header lines from `at` to the empty line, and where that ends; `None` while there is none.
fn headers(bytes: &[u8], mut at: usize) -> Option<(usize, Headers)> {
    let mut headers = Vec::new();
    loop {
        let rest = bytes.get(at..)?;
        let end = rest.iter().position(|b| *b == b'\n')?;
        let text = line(rest.get(..end)?);
        at += end + 1;
        if text.is_empty() {
            return Some((at, headers));
        }
        if let Some((name, value)) = text.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn heads_of_casters() {
        let plain = |length| Ok(Some(Head { length, framing: Framing::Plain, sourcetable: false }));
        assert_eq!(read_head(b"ICY 200 OK\r\n\xd3"), plain(12));
        assert_eq!(read_head(b"HTTP/1.0 200 OK\r\nContent-Type: gnss/data\r\n\r\n\xd3"), plain(44));
        let chunked = b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\ntransfer-encoding: Chunked\r\n\r\n";
        let head = read_head(chunked).unwrap().unwrap();
        assert_eq!((head.length, head.framing), (chunked.len(), Framing::Chunked));
        for part in 0..chunked.len() {
            assert_eq!(read_head(&chunked[..part]), Ok(None), "{part}");
        }
        assert!(read_head(b"SOURCETABLE 200 OK\r\nServer: x\r\n\r\nSTR;").unwrap().unwrap().sourcetable);
        assert!(
            read_head(b"HTTP/1.1 200 OK\r\nContent-Type: gnss/sourcetable\r\n\r\n")
                .unwrap()
                .unwrap()
                .sourcetable
        );
    }

    #[test]
    fn refusals() {
        for (bytes, refusal) in [
            (&b"HTTP/1.1 401 Unauthorized\r\n\r\n"[..], Refusal::Unauthorized),
            (b"ERROR - Bad Password\r\n", Refusal::Unauthorized),
            (b"ERROR - Mount Point Taken\r\n", Refusal::NotNtrip),
            (b"HTTP/1.1 404 Not Found\r\n\r\n", Refusal::NoSuchStream),
            (b"HTTP/1.1 503 Busy\r\n\r\n", Refusal::Status(503)),
            (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", Refusal::Status(302)),
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", Refusal::NotNtrip),
            (b"HTTP/1.1 2x0 OK\r\n\r\n", Refusal::NotNtrip),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Refusal::NotNtrip),
            (b"\xd3\x00\x13", Refusal::NotNtrip),
        ] {
            assert_eq!(read_head(bytes), Err(refusal), "{}", String::from_utf8_lossy(bytes));
        }
        let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), vec![b'a'; 9000]].concat();
        assert_eq!(read_head(&endless), Err(Refusal::NotNtrip));
        let many = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(2000)].concat();
        assert_eq!(read_head(&many), Err(Refusal::NotNtrip));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_head(&bytes);
            let _ = read_head(&[b"HTTP/1.1 200 ".as_slice(), &bytes].concat());
        }
    }
}
