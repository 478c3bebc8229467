//! Digest authentication of a user agent (RFC 7616, and RFC 8760 for SIP): challenge → answer.
//!
//! MD5 comes from the `md-5` crate, since `ring` rightly leaves it out: most SIP proxies still ask for it and for nothing else.
//! Where a proxy offers SHA-256 as well, that is taken.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

use super::super::secret::{Secret, hex};

/// A hash that can be asked for, the better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    fn hex(self, text: &str) -> String {
        let octets: Vec<u8> = match self {
            Self::Sha256 => ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().to_vec(),
            Self::Md5 => Md5::digest(text.as_bytes()).to_vec(),
        };
        hex(&octets)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }
}

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    algorithm: Algorithm,
    /// Whether the name of the algorithm was given, and is to be given back.
    named: bool,
    session: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether `qop=auth` was offered; without it, the older form is spoken (RFC 2069).
    qop: bool,
    /// Whether only the nonce was out of date.
    pub(super) stale: bool,
}

impl Challenge {
    /// The best of the challenges that can be answered.
    pub(super) fn best<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        values.filter_map(Self::parse).min_by_key(|c| c.algorithm)
    }

    fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut c = Self {
            algorithm: Algorithm::Md5,
            named: false,
            session: false,
            realm: String::new(),
            nonce: String::new(),
            opaque: None,
            qop: false,
            stale: false,
        };
        let mut offered = None;
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => c.realm = value,
                "nonce" => c.nonce = value,
                "opaque" => c.opaque = Some(value),
                "stale" => c.stale = value.eq_ignore_ascii_case("true"),
                "qop" => offered = Some(value),
                "algorithm" => {
                    c.named = true;
                    let upper = value.to_ascii_uppercase();
                    let plain = upper.strip_suffix("-SESS");
                    c.session = plain.is_some();
                    c.algorithm = match plain.unwrap_or(&upper) {
                        "MD5" => Algorithm::Md5,
                        "SHA-256" => Algorithm::Sha256,
                        _ => return None,
                    };
                }
                _ => {}
            }
        }
        if let Some(offered) = offered {
            c.qop = offered.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth"));
            // Only auth-int is offered: that cannot be answered.
            if !c.qop {
                return None;
            }
        }
        (!c.nonce.is_empty()).then_some(c)
    }

    /// The value of `Authorization` or `Proxy-Authorization`.
    pub(super) fn answer(&self, secret: &Secret, method: &str, uri: &str, cnonce: &str) -> String {
        let hash = |text: &str| self.algorithm.hex(text);
        let (realm, nonce) = (&self.realm, &self.nonce);
        let mut ha1 = hash(&format!("{}:{realm}:{}", secret.name, secret.password));
        if self.session {
            ha1 = hash(&format!("{ha1}:{nonce}:{cnonce}"));
        }
        let ha2 = hash(&format!("{method}:{uri}"));
        let response = if self.qop {
            hash(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}"))
        } else {
            hash(&format!("{ha1}:{nonce}:{ha2}"))
        };
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(&secret.name),
            quoted(realm),
            quoted(nonce),
            quoted(uri)
        );
        // Writing to a string does not fail.
        if self.named {
            let session = if self.session { "-sess" } else { "" };
            let _ = write!(out, ", algorithm={}{session}", self.algorithm.name());
        }
        if self.qop || self.session {
            let _ = write!(out, ", cnonce={}", quoted(cnonce));
        }
        if self.qop {
            out.push_str(", qop=auth, nc=00000001");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque={}", quoted(opaque));
        }
        out
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `name=value` pairs, values quoted or not; what has no form ends the reading.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches([',', ' ', '\t']);
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let (value, left) = if let Some(inner) = behind.strip_prefix('"') {
            let mut value = String::new();
            let mut chars = inner.char_indices();
            let mut end = inner.len();
            while let Some((i, c)) = chars.next() {
                match c {
                    '"' => {
                        end = i + 1;
                        break;
                    }
                    '\\' => value.extend(chars.next().map(|(_, c)| c)),
                    c => value.push(c),
                }
            }
            (value, inner.get(end..).unwrap_or_default())
        } else {
            let (value, left) = behind.split_at(behind.find(',').unwrap_or(behind.len()));
            (value.trim().to_owned(), left)
        };
        out.push((name.trim().to_owned(), value));
        rest = left.trim_start_matches([',', ' ', '\t']);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, password: &str) -> Secret {
        Secret { name: name.to_owned(), password: password.to_owned() }
    }

    fn response(answer: &str) -> &str {
        answer.split("response=\"").nth(1).unwrap().split('"').next().unwrap()
    }

    /// The worked examples of RFC 2617 (3.5) and RFC 7616 (3.9.1).
    #[test]
    fn the_examples_of_the_standards() {
        let old = Challenge::parse(
            "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        )
        .unwrap();
        let a = old.answer(&secret("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", "0a4f113b");
        assert_eq!(response(&a), "6629fae49393a05397450978507c4ef1");
        assert!(
            a.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"") && a.contains("qop=auth, nc=00000001")
        );

        let both = [
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ];
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let who = secret("Mufasa", "Circle of Life");
        let md5 = Challenge::parse(both[0]).unwrap().answer(&who, "GET", "/dir/index.html", cnonce);
        assert_eq!(response(&md5), "8ca523f5e9506fed4657c9700eebdbec");
        let best = Challenge::best(both.into_iter()).unwrap().answer(&who, "GET", "/dir/index.html", cnonce);
        assert_eq!(response(&best), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        assert!(best.contains("algorithm=SHA-256"));
    }

    #[test]
    fn challenges_of_every_writing_are_read_or_left() {
        let c = Challenge::parse("digest  nonce=abc , realm=\"a\\\"b\",stale=TRUE").unwrap();
        assert_eq!((c.nonce.as_str(), c.realm.as_str(), c.stale, c.qop), ("abc", "a\"b", true, false));
        assert!(c.answer(&secret("u", "p"), "MESSAGE", "sip:x", "c").contains("realm=\"a\\\"b\""));
        for none in [
            "",
            "Digest",
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest nonce=\"n\", algorithm=SHA-999",
            "Digest nonce=\"n\", qop=\"auth-int\"",
        ] {
            assert_eq!(Challenge::parse(none), None, "{none}");
        }
        assert!(Challenge::parse("Digest nonce=\"unterminated").is_some());
        assert!(Challenge::parse("Digest nonce=\"a\\").is_some());
    }
}
