//! Where casters are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A caster: `http://HOST[:PORT]` (port 2101 when left out) or `https://HOST[:PORT]` (443).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CasterAddress {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address; of an IPv6 address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl CasterAddress {
    /// `HOST:PORT`, as a `Host` header and a resolver want it.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for CasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

impl From<CasterAddress> for String {
    fn from(a: CasterAddress) -> Self {
        a.to_string()
    }
}

impl TryFrom<String> for CasterAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // What is wrong may hold a password: it is not repeated.
        let wrong = || {
            "a caster is http://HOST[:PORT] or https://HOST[:PORT]; a name and password go into a file \
             (credentials_file) or an environment variable (credentials_env)"
                .to_owned()
        };
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']').ok_or_else(wrong)?;
                (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")).ok_or_else(wrong)?)
            }
            None => rest.split_once(':').unwrap_or((rest, "")),
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let port = match port {
            "" if tls => 443,
            "" => 2101,
            digits => digits.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)?,
        };
        if host.is_empty() || !host.chars().all(fine) {
            return Err(wrong());
        }
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

impl std::str::FromStr for CasterAddress {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        s.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("http://caster.example.net", "http://caster.example.net:2101"),
            ("https://caster.example.net/", "https://caster.example.net:443"),
            ("http://192.0.2.1:2102", "http://192.0.2.1:2102"),
            ("https://[2001:db8::1]:2101", "https://[2001:db8::1]:2101"),
            ("http://[::1]", "http://[::1]:2101"),
        ] {
            assert_eq!(text.parse::<CasterAddress>().unwrap().to_string(), shown);
        }
        for bad in [
            "caster:2101",
            "http://",
            "http://a:b",
            "http://a:0",
            "http://me:secret@h:1",
            "http://h/MOUNT",
            "http://[::1",
        ] {
            let error = bad.parse::<CasterAddress>().unwrap_err();
            assert!(!error.contains("secret"), "{bad}");
        }
    }
}
