//! Settings of push: which bearers there are, and which a SET is tried on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{pap, route, sip, smpp, udp};

/// Settings of push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bearers in the order in which they are tried where no rule says otherwise: `udp`, `smpp.NAME`, `sip`, `pap`.
    /// Default none: all that are configured; `udp`, `smpp.*`, `sip`, `pap`, in emergencies `sip` before `smpp.*`.
    pub order: Vec<String>,
    /// Times that the bearers are gone through when they fail in ways that may pass, 1..=10. Default 3.
    pub rounds: u8,
    /// Milliseconds before the second round; twice as long before each further one, and up to half of it at random more.
    /// 0..=60000, default 500.
    pub pause_ms: u32,
    /// Most deliveries under way at once, 16..=1000000; the last eighth is for emergencies. Default 16384.
    pub max_pending: u32,
    /// Other orders for some SETs; the first rule that fits counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<route::Rule>,
    /// Datagrams to the SET's IP address.
    pub udp: udp::Config,
    /// SMSCs by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub smpp: BTreeMap<String, smpp::Config>,
    /// An IMS core, for SIP MESSAGE. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip: Option<sip::Config>,
    /// A push proxy gateway. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pap: Option<pap::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            rounds: 3,
            pause_ms: 500,
            max_pending: 16_384,
            rules: Vec::new(),
            udp: udp::Config::default(),
            smpp: BTreeMap::new(),
            sip: None,
            pap: None,
        }
    }
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// A number is out of its range.
    #[error("`{key}` must be between {min} and {max}")]
    Range {
        /// Which key, below `push`.
        key: String,
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// An order or a rule names a bearer that is not configured.
    #[error("`{key}` names the bearer `{name}`, and {}", there_are(.known))]
    UnknownBearer {
        /// Which key.
        key: &'static str,
        /// The name.
        name: String,
        /// Those that are configured.
        known: Vec<String>,
    },
    /// An address is missing or has another form.
    #[error("`{key}` must be HOST:PORT")]
    Address {
        /// Which key.
        key: String,
    },
    /// A URI has another form.
    #[error("`{key}` must be a URI such as sip:+{{id}}@ims.example.net (a route stands in angle brackets)")]
    Uri {
        /// Which key.
        key: String,
    },
    /// A URL is missing or has another form.
    #[error(
        "`{key}` must be http://HOST[:PORT]/PATH or https://…; a name and password go into credentials_file"
    )]
    Url {
        /// Which key.
        key: String,
    },
    /// A key without default is missing.
    #[error("`{key}` is missing")]
    Missing {
        /// Which key.
        key: String,
    },
    /// A text is too long, or holds what the protocol cannot carry.
    #[error("`{key}` has at most {longest} characters, all of ASCII")]
    Text {
        /// Which key.
        key: String,
        /// Most characters.
        longest: usize,
    },
    /// A name is not one.
    #[error("`smpp.{name}`: a name has 1 to 32 letters, digits, `-` and `_`")]
    Name {
        /// The name.
        name: String,
    },
    /// A rule names no bearer.
    #[error("`rules`: a rule needs `bearers`")]
    EmptyRule,
}

fn there_are(known: &[String]) -> String {
    if known.is_empty() {
        "no bearer is configured".to_owned()
    } else {
        format!("configured are {}", known.join(", "))
    }
}

/// Checks a number.
pub(super) fn within(key: impl Into<String>, value: u64, min: u64, max: u64) -> Result<(), ConfigProblem> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(ConfigProblem::Range { key: key.into(), min, max })
    }
}

impl Config {
    /// Names of the bearers that are configured, in the order of an ordinary delivery or of an emergency.
    pub(super) fn bearers(&self, emergency: bool) -> Vec<String> {
        let mut names = Vec::new();
        if self.udp.enabled {
            names.push("udp".to_owned());
        }
        let sip = self.sip.iter().map(|_| "sip".to_owned());
        let smpp = self.smpp.keys().map(|name| format!("smpp.{name}"));
        if emergency {
            names.extend(sip.chain(smpp));
        } else {
            names.extend(smpp.chain(sip));
        }
        names.extend(self.pap.iter().map(|_| "pap".to_owned()));
        names
    }

    /// Checks every value.
    ///
    /// # Errors
    /// For the first that is wrong.
    pub fn check(&self) -> Result<(), ConfigProblem> {
        within("rounds", self.rounds.into(), 1, 10)?;
        within("pause_ms", self.pause_ms.into(), 0, 60_000)?;
        within("max_pending", self.max_pending.into(), 16, 1_000_000)?;
        self.udp.check()?;
        for (name, smsc) in &self.smpp {
            let fine = (1..=32).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !fine {
                return Err(ConfigProblem::Name { name: name.clone() });
            }
            smsc.check(name)?;
        }
        if let Some(sip) = &self.sip {
            sip.check()?;
        }
        if let Some(pap) = &self.pap {
            pap.check()?;
        }
        let known = self.bearers(false);
        let find = |key, names: &[String]| match names.iter().find(|n| !known.contains(n)) {
            Some(n) => Err(ConfigProblem::UnknownBearer { key, name: n.clone(), known: known.clone() }),
            None => Ok(()),
        };
        find("order", &self.order)?;
        for rule in &self.rules {
            if rule.bearers.is_empty() {
                return Err(ConfigProblem::EmptyRule);
            }
            find("rules", &rule.bearers)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), ConfigProblem> {
        toml::from_str::<Config>(text).unwrap().check()
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let problem = |text: &str| check(text).unwrap_err().to_string();
        assert_eq!(problem("rounds = 0"), "`rounds` must be between 1 and 10");
        assert_eq!(problem("udp = { pause_ms = 1 }"), "`udp.pause_ms` must be between 50 and 60000");
        assert_eq!(
            problem("order = [\"smpp.x\"]"),
            "`order` names the bearer `smpp.x`, and configured are udp"
        );
        assert_eq!(problem("[[rules]]\nkind = \"msisdn\""), "`rules`: a rule needs `bearers`");
        let none = "udp = { enabled = false }\n[[rules]]\nbearers = [\"udp\"]";
        assert!(problem(none).ends_with("no bearer is configured"));
    }
}
