//! Settings of sessions: what an operator writes ([`Config`]) and what sessions work with ([`Policy`]).

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::SlpAddress;
use crate::spc;

/// Settings of SUPL sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name or IP address under which SETs know this SLP; it goes into every session id. Default `h-slp.example.net`.
    pub slp_address: String,
    /// Seconds from the opening of a connection until its first message must have come. 1..=600, default 10.
    pub first_message_s: u32,
    /// Timer ST2: seconds from SUPL RESPONSE until SUPL POS INIT must have come. 1..=600, default 10.
    pub st2_s: u32,
    /// Timer ST3: seconds from a SUPL POS sent until the next must have come; while the SET is computing a position, the
    /// response time that it was given is added. 1..=600, default 10.
    pub st3_s: u32,
    /// Longest life of a session, seconds. 10..=7200, default 300.
    pub session_cap_s: u32,
    /// Most SUPL POS that a SET may send in one session. 1..=10000, default 64.
    pub max_pos: u32,
    /// Seconds that the user of a SET gets to answer a SUPL NOTIFY, 1..=600, default 30. The order's own deadline may come
    /// before.
    pub notify_s: u32,
    /// Whether a SET that lacks the method named in its SUPL INIT is located by another that it has; otherwise the session
    /// ends with `posMethodMismatch`. Default true.
    pub fall_back: bool,
    /// What is offered inside a session.
    pub positioning: spc::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            slp_address: "h-slp.example.net".to_owned(),
            first_message_s: 10,
            st2_s: 10,
            st3_s: 10,
            session_cap_s: 300,
            max_pos: 64,
            notify_s: 30,
            fall_back: true,
            positioning: spc::Config::default(),
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A number is out of range.
    #[error("`{key}` must be between {min} and {max}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
    /// The SLP address is neither an IP address nor a domain name.
    #[error("`slp_address` must be an IP address or a domain name of letters, digits, `.` and `-`")]
    Address,
    /// Something in the section `positioning`.
    #[error("positioning: {0}")]
    Positioning(#[from] spc::ConfigError),
}

/// Resolved settings: every value checked. Meanings as in [`Config`], whose fields these are. A session keeps the policy
/// with which it began.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Policy {
    pub slp: SlpAddress,
    pub first_message: Duration,
    pub st2: Duration,
    pub st3: Duration,
    pub session_cap: Duration,
    pub max_pos: u32,
    pub notify: Duration,
    pub fall_back: bool,
    pub positioning: spc::Policy,
}

impl Config {
    /// Checks every value.
    pub fn resolve(&self) -> Result<Policy, ConfigError> {
        let slp = match self.slp_address.parse::<IpAddr>() {
            Ok(ip) => SlpAddress::Ip(ip),
            Err(_) => SlpAddress::Fqdn(self.slp_address.parse().map_err(|_| ConfigError::Address)?),
        };
        Ok(Policy {
            slp,
            first_message: seconds("first_message_s", self.first_message_s, 1, 600)?,
            st2: seconds("st2_s", self.st2_s, 1, 600)?,
            st3: seconds("st3_s", self.st3_s, 1, 600)?,
            session_cap: seconds("session_cap_s", self.session_cap_s, 10, 7200)?,
            max_pos: within("max_pos", self.max_pos, 1, 10_000)?,
            notify: seconds("notify_s", self.notify_s, 1, 600)?,
            fall_back: self.fall_back,
            positioning: self.positioning.resolve()?,
        })
    }
}

fn seconds(key: &'static str, value: u32, min: u32, max: u32) -> Result<Duration, ConfigError> {
    within(key, value, min, max).map(|s| Duration::from_secs(u64::from(s)))
}

fn within(key: &'static str, value: u32, min: u32, max: u32) -> Result<u32, ConfigError> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(ConfigError::Range { key, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_resolve() {
        assert_eq!(Config::default().resolve().unwrap().st2, Duration::from_secs(10));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let config = Config { st2_s: 0, ..Config::default() };
        assert!(config.resolve().unwrap_err().to_string().contains("st2_s"));
        let config = Config { slp_address: "no good".to_owned(), ..Config::default() };
        assert_eq!(config.resolve(), Err(ConfigError::Address));
    }
}
