//! Settings of the doors: what an operator writes, and what it resolves to.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::wire::frame;

/// What a listener takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenMode {
    /// TLS and plain ULP, told apart by their first octets.
    #[default]
    Auto,
    /// TLS only.
    Tls,
    /// Plain ULP only.
    Plain,
}

/// One `[[listen]]`: an address where handsets connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// IP address and port. `[::]` takes IPv4, too, unless an IPv4 address with the same port is listed as well.
    pub address: SocketAddr,
    /// "auto", "tls" or "plain". Default: "auto".
    #[serde(default)]
    pub mode: ListenMode,
}

impl Listen {
    /// The listeners of a server whose operator named none: 7275, which IANA gave to ULP, and 7276, where clients in
    /// the field expect plain ULP.
    pub fn defaults() -> Vec<Self> {
        [7275, 7276]
            .map(|port| Self { address: (Ipv6Addr::UNSPECIFIED, port).into(), mode: ListenMode::Auto })
            .into()
    }
}

/// Limits on connections of handsets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most connections at once. Some more (a sixteenth) are taken only to be told `resourceShortage`; beyond those,
    /// connections are closed at once. 1..=1000000, default 20000.
    pub max: u32,
    /// Most connections from one source: one IPv4 address or one IPv6 /64. Many handsets can be behind one address.
    /// Likewise with a sixteenth more. 1..=1000000, default 4096.
    pub max_per_source: u32,
    /// Largest ULP message taken, octets. 64..=65535, default 16384.
    pub max_message: u32,
    /// Seconds that a connection may be silent before its first octet. 1..=86400, default 10.
    pub silent_s: u32,
    /// Seconds that a TLS handshake may take. 1..=600, default 10.
    pub handshake_s: u32,
    /// Seconds in which a message must have come whole, counted from its first octet. 1..=600, default 20.
    pub message_s: u32,
    /// Seconds that a peer may take to accept what is sent to it. 1..=600, default 10.
    pub write_s: u32,
    /// Seconds that a peer gets to close the connection after the end of its session, before the server does.
    /// 0..=60, default 3.
    pub linger_s: u32,
    /// Seconds of silence after which the operating system probes whether a peer is still there; 0 never.
    /// 0..=7200, default 60.
    pub keepalive_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max: 20_000,
            max_per_source: 4096,
            max_message: 16_384,
            silent_s: 10,
            handshake_s: 10,
            message_s: 20,
            write_s: 10,
            linger_s: 3,
            keepalive_s: 60,
        }
    }
}

/// A number is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be between {min} and {max}")]
pub struct OutOfRange {
    /// Which key.
    pub key: &'static str,
    /// Smallest value.
    pub min: u32,
    /// Largest value.
    pub max: u32,
}

/// Resolved limits; meanings as in [`Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Limits {
    pub max: usize,
    pub max_per_source: u32,
    pub max_message: usize,
    pub silent: Duration,
    pub handshake: Duration,
    pub message: Duration,
    pub write: Duration,
    pub linger: Duration,
    pub keepalive: Option<Duration>,
}

impl Config {
    /// Checks every value.
    pub fn resolve(&self) -> Result<Limits, OutOfRange> {
        let within = |key, value: u32, min, max| {
            if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { key, min, max }) }
        };
        let seconds =
            |key, value, min, max| within(key, value, min, max).map(|s| Duration::from_secs(u64::from(s)));
        Ok(Limits {
            max: within("max", self.max, 1, 1_000_000)? as usize,
            max_per_source: within("max_per_source", self.max_per_source, 1, 1_000_000)?,
            max_message: within("max_message", self.max_message, 64, frame::DEFAULT_MAX_PDU as u32)? as usize,
            silent: seconds("silent_s", self.silent_s, 1, 86_400)?,
            handshake: seconds("handshake_s", self.handshake_s, 1, 600)?,
            message: seconds("message_s", self.message_s, 1, 600)?,
            write: seconds("write_s", self.write_s, 1, 600)?,
            linger: seconds("linger_s", self.linger_s, 0, 60)?,
            keepalive: Some(seconds("keepalive_s", self.keepalive_s, 0, 7200)?).filter(|d| !d.is_zero()),
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max: 20_000,
            max_per_source: 4096,
            max_message: 16_384,
            silent: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(20),
            write: Duration::from_secs(10),
            linger: Duration::from_secs(3),
            keepalive: Some(Duration::from_mins(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_agree() {
        assert_eq!(Config::default().resolve(), Ok(Limits::default()));
        let ports: Vec<_> = Listen::defaults().iter().map(|l| l.address.to_string()).collect();
        assert_eq!(ports, ["[::]:7275", "[::]:7276"]);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let c: Config = toml::from_str("silent_s = 0").unwrap();
        assert_eq!(c.resolve().unwrap_err().key, "silent_s");
        let c: Config = toml::from_str("max_message = 65536").unwrap();
        assert_eq!(c.resolve().unwrap_err().to_string(), "`max_message` must be between 64 and 65535");
        assert_eq!(toml::from_str::<Config>("keepalive_s = 0").unwrap().resolve().unwrap().keepalive, None);
    }

    #[test]
    fn a_listener_needs_only_its_address() {
        let l: Listen = toml::from_str("address = \"0.0.0.0:7275\"").unwrap();
        assert_eq!(l.mode, ListenMode::Auto);
        assert!(toml::from_str::<Listen>("address = \"0.0.0.0:7275\"\nport = 1").is_err());
    }
}
