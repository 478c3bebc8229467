//! What a client says.

use std::fmt::Write as _;

use super::address::CasterAddress;
use super::credentials::Credentials;

/// The request for a stream, or with an empty name for the list of streams.
pub(in crate::feed) fn request(
    caster: &CasterAddress,
    mountpoint: &str,
    credentials: Option<&Credentials>,
    version_1: bool,
    gga: Option<&str>,
) -> String {
    let mut text = String::with_capacity(256);
    let agent = concat!("NTRIP groma/", env!("CARGO_PKG_VERSION"));
    // Writing to a string does not fail.
    let _ = if version_1 {
        write!(text, "GET /{mountpoint} HTTP/1.0\r\nUser-Agent: {agent}\r\n")
    } else {
        write!(
            text,
            "GET /{mountpoint} HTTP/1.1\r\nHost: {}\r\nNtrip-Version: Ntrip/2.0\r\nUser-Agent: {agent}\r\n",
            caster.authority()
        )
    };
    if let Some(c) = credentials {
        let _ = write!(text, "Authorization: Basic {}\r\n", c.basic());
    }
    if let Some(gga) = gga.filter(|_| !version_1) {
        let _ = write!(text, "Ntrip-GGA: {}\r\n", gga.trim_end());
    }
    if !version_1 {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let caster = "http://caster:2101".parse().unwrap();
        let two = request(&caster, "BCEP", None, false, Some("$GPGGA*00\r\n"));
        assert!(
            two.starts_with("GET /BCEP HTTP/1.1\r\nHost: caster:2101\r\nNtrip-Version: Ntrip/2.0\r\n"),
            "{two}"
        );
        assert!(two.contains("\r\nNtrip-GGA: $GPGGA*00\r\n") && two.ends_with("\r\n\r\n"), "{two}");
        let one = request(&caster, "BCEP", None, true, Some("$GPGGA*00\r\n"));
        assert!(
            one.starts_with("GET /BCEP HTTP/1.0\r\nUser-Agent: NTRIP groma/") && !one.contains("GGA"),
            "{one}"
        );
    }
}
