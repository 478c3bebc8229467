//! Addresses of archives, with placeholders for the date.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Utc;
use crate::base::time::days_from_civil;

/// Why a text is no address of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `http://` nor `https://`, or no host.
    #[error("expected http://HOST/… or https://HOST/…")]
    Form,
    /// A placeholder that is not known, or a brace without its other half.
    #[error("unknown placeholder; known are {{yyyy}}, {{yy}}, {{mm}}, {{dd}}, {{doy}}, {{hh}}")]
    Placeholder,
}

/// An HTTP(S) address that may name dates: `{yyyy}` year, `{yy}` its last two digits, `{mm}` month, `{dd}` day of month,
/// `{doy}` day of year (three digits), `{hh}` hour, all of UTC.
///
/// It may hold a name and password (`https://NAME:PASSWORD@HOST/…`); whatever shows the address leaves these out, and the
/// query too, where access tokens are found.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ArchiveUrl(String);

/// The shortest time after which an address names something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Hour,
    Day,
}

impl Period {
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

impl ArchiveUrl {
    /// How often it names something new; `None` when it always names the same.
    pub(super) fn period(&self) -> Option<Period> {
        if self.0.contains("{hh}") {
            Some(Period::Hour)
        } else if self.0.contains("{doy}") || self.0.contains("{dd}") {
            Some(Period::Day)
        } else {
            None
        }
    }

    /// The address at a time, name and password taken out.
    pub(super) fn at(&self, t: Utc) -> String {
        let (year, month, day, hour, ..) = t.civil();
        let of_year = days_from_civil(year, month, day) - days_from_civil(year, 1, 1) + 1;
        let text = [
            ("{yyyy}", format!("{year:04}")),
            ("{yy}", format!("{:02}", year.rem_euclid(100))),
            ("{mm}", format!("{month:02}")),
            ("{dd}", format!("{day:02}")),
            ("{doy}", format!("{of_year:03}")),
            ("{hh}", format!("{hour:02}")),
        ]
        .iter()
        .fold(self.0.clone(), |text, (name, value)| text.replace(name, value));
        match split_login(&text) {
            Some((scheme, _, rest)) => format!("{scheme}{rest}"),
            None => text,
        }
    }

    /// Name and password as RFC 7617 `Basic` credentials, if the address has them.
    pub(super) fn basic_credentials(&self) -> Option<String> {
        let (_, login, _) = split_login(&self.0)?;
        Some(base64(&percent_decoded(login)))
    }
}

impl TryFrom<String> for ArchiveUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        let rest =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(UrlError::Form)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let graphic = text.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || !graphic {
            return Err(UrlError::Form);
        }
        let bare = ["{yyyy}", "{yy}", "{mm}", "{dd}", "{doy}", "{hh}"]
            .iter()
            .fold(text.clone(), |text, name| text.replace(name, ""));
        if bare.contains(['{', '}']) { Err(UrlError::Placeholder) } else { Ok(Self(text)) }
    }
}

impl std::str::FromStr for ArchiveUrl {
    type Err = UrlError;

    fn from_str(s: &str) -> Result<Self, UrlError> {
        s.to_owned().try_into()
    }
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split(['?', '#']).next().unwrap_or_default();
        match split_login(shown) {
            Some((scheme, _, rest)) => write!(f, "{scheme}{rest}"),
            None => f.write_str(shown),
        }
    }
}

impl fmt::Debug for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is shown is what is serialized: resolved configurations are printed.
impl Serialize for ArchiveUrl {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Scheme, login, and the rest of an address that has a login.
fn split_login(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + 3;
    let (scheme, rest) = url.split_at_checked(start)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let at = authority.rfind('@')?;
    let login = authority.get(..at)?;
    let after = scheme.len() + at + 1;
    let _ = path;
    Some((scheme, login, url.get(after..)?))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok()).filter(|_| *first == b'%');
        if let Some(byte) = escaped.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            out.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// RFC 4648 §4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or(0)));
        let bits = three.iter().fold(0, |v, b| v << 8 | b);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place) & 63) as usize;
            let digit = ALPHABET.get(sextet).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_put_in() {
        let url: ArchiveUrl = "https://h/{yyyy}/{doy}/BRDC_{yy}{mm}{dd}_{hh}.gz".parse().unwrap();
        let t: Utc = "2024-12-31T05:59:59Z".parse().unwrap();
        assert_eq!(url.at(t), "https://h/2024/366/BRDC_241231_05.gz");
        assert_eq!(url.period(), Some(Period::Hour));
        assert_eq!("http://h/{doy}".parse::<ArchiveUrl>().unwrap().period(), Some(Period::Day));
        assert_eq!("http://h/".parse::<ArchiveUrl>().unwrap().period(), None);
    }

    #[test]
    fn logins_and_tokens_are_used_and_never_shown() {
        let url: ArchiveUrl = "https://me:p%40ss@host:8443/{yy}?token=abc".parse().unwrap();
        let shown = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
        assert!(!shown.contains("p%40ss") && !shown.contains("abc") && !shown.contains("me:"), "{shown}");
        assert_eq!(url.at("2024-01-01T00:00:00Z".parse().unwrap()), "https://host:8443/24?token=abc");
        assert_eq!(url.basic_credentials().as_deref(), Some("bWU6cEBzcw=="));
        let plain: ArchiveUrl = "https://host/a@b".parse().unwrap();
        assert_eq!(plain.to_string(), "https://host/a@b");
        assert_eq!(plain.basic_credentials(), None);
    }

    #[test]
    fn base64_of_every_length() {
        for (text, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for bad in ["ftp://h/", "h/x", "https://", "https://me:pw@/x", "https://h/ x", ""] {
            assert_eq!(bad.parse::<ArchiveUrl>(), Err(UrlError::Form), "{bad}");
        }
        for bad in ["https://h/{year}", "https://h/{yyyy", "https://h/}"] {
            assert_eq!(bad.parse::<ArchiveUrl>(), Err(UrlError::Placeholder), "{bad}");
        }
    }
}
