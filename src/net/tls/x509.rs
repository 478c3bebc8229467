//! The few facts about a certificate that this room needs: whose it is and how long it lasts.
//!
//! Certificates are *verified* by the TLS back end; this reader only names them: those of the server, to choose by the
//! name that a client asked for, and those of clients, after verification, to compare with the identity claimed. It is
//! total: whatever is not DER of the expected form (RFC 5280 §4.1) is `None`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::base::Utc;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Common names of the subject.
    pub(crate) common_names: Vec<String>,
    /// Alternative names: DNS names, mail addresses, URIs, IP addresses as text.
    pub(crate) alternative_names: Vec<String>,
    /// The end of its validity.
    pub(crate) not_after: Utc,
}

const SEQUENCE: u8 = 0x30;
const SET_OF: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.4.3, `commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.29.17, `subjectAltName`.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Walks DER elements.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element's tag and contents.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let len = if first < 0x80 {
            usize::from(first)
        } else {
            let octets = usize::from(first & 0x7f);
            if !(1..=3).contains(&octets) {
                return None;
            }
            let (digits, after) = rest.split_at_checked(octets)?;
            rest = after;
            digits.iter().fold(0, |n, d| n << 8 | usize::from(*d))
        };
        let (contents, after) = rest.split_at_checked(len)?;
        self.0 = after;
        Some((tag, contents))
    }

    /// The next element's contents, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, contents) = ahead.next()?;
        (found == tag).then(|| {
            *self = ahead;
            contents
        })
    }
}

/// Reads the facts of a DER certificate.
pub(crate) fn facts(der: &[u8]) -> Option<Facts> {
    let mut tbs = Der(Der(Der(der).take(SEQUENCE)?).take(SEQUENCE)?);
    let _version = tbs.take(VERSION);
    let (_serial, _algorithm, _issuer) = (tbs.next()?, tbs.take(SEQUENCE)?, tbs.take(SEQUENCE)?);
    let mut validity = Der(tbs.take(SEQUENCE)?);
    let _not_before = validity.next()?;
    let not_after = time(validity.next()?)?;
    let common_names = common_names(tbs.take(SEQUENCE)?);
    let _key = tbs.take(SEQUENCE)?;
    let mut alternative_names = Vec::new();
    while let Some((tag, contents)) = tbs.next() {
        if tag == EXTENSIONS {
            alternative_names = subject_alt_names(contents).unwrap_or_default();
        }
    }
    Some(Facts { common_names, alternative_names, not_after })
}

/// `UTCTime` (two-digit years 1950–2049) or `GeneralizedTime`, both in UTC as RFC 5280 §4.1.2.5 demands.
fn time((tag, contents): (u8, &[u8])) -> Option<Utc> {
    let text = std::str::from_utf8(contents).ok()?;
    let (year, rest) = match tag {
        0x17 => {
            let y: i32 = text.get(..2)?.parse().ok()?;
            (if y < 50 { 2000 + y } else { 1900 + y }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let field = |at: usize| -> Option<u8> { rest.get(at..at + 2)?.parse().ok() };
    if rest.len() != 11 || !rest.ends_with('Z') {
        return None;
    }
    // Certificates that never expire are dated 9999 (RFC 5280 §4.1.2.5): as late as `Utc` knows.
    Utc::from_civil(year.min(2199), field(0)?, field(2)?, field(4)?, field(6)?, field(8)?)
}

fn common_names(name: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rdns = Der(name);
    while let Some(rdn) = rdns.take(SET_OF) {
        let mut attributes = Der(rdn);
        while let Some(attribute) = attributes.take(SEQUENCE) {
            let mut parts = Der(attribute);
            if parts.take(OID) == Some(COMMON_NAME)
                && let Some((_, value)) = parts.next()
                && let Ok(text) = std::str::from_utf8(value)
            {
                names.push(text.to_owned());
            }
        }
    }
    names
}

fn subject_alt_names(extensions: &[u8]) -> Option<Vec<String>> {
    let mut list = Der(Der(extensions).take(SEQUENCE)?);
    while let Some(extension) = list.take(SEQUENCE) {
        let mut parts = Der(extension);
        if parts.take(OID) != Some(SUBJECT_ALT_NAME) {
            continue;
        }
        let _critical = parts.take(BOOLEAN);
        let mut names = Der(Der(parts.take(OCTETS)?).take(SEQUENCE)?);
        let mut out = Vec::new();
        while let Some((tag, value)) = names.next() {
            match tag {
                // rfc822Name, dNSName, uniformResourceIdentifier.
                0x81 | 0x82 | 0x86 => out.extend(std::str::from_utf8(value).ok().map(str::to_owned)),
                0x87 => {
                    if let Ok(v4) = <[u8; 4]>::try_from(value) {
                        out.push(Ipv4Addr::from(v4).to_string());
                    } else if let Ok(v6) = <[u8; 16]>::try_from(value) {
                        out.push(Ipv6Addr::from(v6).to_string());
                    }
                }
                _ => {}
            }
        }
        return Some(out);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["slp.example.net".into(), "192.0.2.7".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "handset 7");
        params.subject_alt_names.push(SanType::URI("tel:+447700900123".try_into().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.not_after = rcgen::date_time_ymd(2051, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_dates() {
        let f = facts(&certificate()).unwrap();
        assert!(f.common_names.contains(&"handset 7".to_owned()), "{f:?}");
        assert_eq!(f.alternative_names, ["slp.example.net", "192.0.2.7", "tel:+447700900123", "2001:db8::7"]);
        assert_eq!(f.not_after.to_string(), "2051-02-03T00:00:00Z");
    }

    #[test]
    fn two_digit_years() {
        assert_eq!(time((0x17, b"491231235959Z")).unwrap().civil().0, 2049);
        assert_eq!(time((0x17, b"500101000000Z")).unwrap().civil().0, 1950);
        assert_eq!(time((0x18, b"99991231235959Z")).unwrap().civil().0, 2199);
        assert!(time((0x17, b"4912312359Z")).is_none());
        assert!(time((0x02, b"491231235959Z")).is_none());
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(junk in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..400, byte: u8) {
            let _ = facts(&junk);
            let mut near = certificate();
            if let Some(b) = near.get_mut(at) {
                *b = byte;
            }
            let _ = facts(&near);
            near.truncate(at);
            prop_assert!(facts(&near).is_none() || at >= near.len());
        }
    }
}
