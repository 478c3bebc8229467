//! Who may claim which identity: the checks an operator can choose from.
//!
//! | mode | believes a claim when |
//! |---|---|
//! | `trust` | always |
//! | `source-address` | the first `[[access.source]]` that holds the peer's address lists the identity |
//! | `client-certificate` | the peer showed a verified certificate that names the identity |
//!
//! In the two stricter modes a SET that claims its IP address must have that address: that is what such an identity says.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::SetId;
use crate::base::ids::SetIdKind;
use crate::slc::{AccessCheck, ClientCertificate, PeerIdentity, TrustEveryone, Verdict};

/// How claims are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every claim is believed.
    #[default]
    Trust,
    /// By the address a connection comes from.
    SourceAddress,
    /// By the certificate of the client.
    ClientCertificate,
}

/// Identities that may come from a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The network, as `10.0.0.0/8`, `2001:db8::/32` or a single address.
    pub network: Network,
    /// What may be claimed from there: `imsi:00101*`, `msisdn:447700900123`, `nai:*`, `*`. A trailing `*` stands for
    /// anything.
    pub identities: Vec<IdentityPattern>,
}

/// Who may claim which identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// "trust", "source-address" or "client-certificate". Default: "trust", which is right for assistance data and
    /// wrong for positions that somebody relies on.
    pub mode: Mode,
    /// Networks and the identities in them, for "source-address"; the first that holds the address decides.
    pub source: Vec<Source>,
}

impl Config {
    /// The check that this asks for.
    pub fn build(&self) -> Box<dyn AccessCheck> {
        match self.mode {
            Mode::Trust => Box::new(TrustEveryone),
            Mode::SourceAddress => Box::new(BySource(self.source.clone())),
            Mode::ClientCertificate => Box::new(ByCertificate),
        }
    }
}

/// An IP network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    addr: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the network holds this address.
    pub fn contains(self, addr: IpAddr) -> bool {
        match (self.addr, addr.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(a)) => {
                u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0) & (net.to_bits() ^ a.to_bits())
                    == 0
            }
            (IpAddr::V6(net), IpAddr::V6(a)) => {
                u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0) & (net.to_bits() ^ a.to_bits())
                    == 0
            }
            _ => false,
        }
    }
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;
    fn from_str(s: &str) -> Result<Self, NotANetwork> {
        let parse = || {
            let (addr, bits) = s.split_once('/').map_or((s, None), |(a, b)| (a, Some(b)));
            let addr: IpAddr = addr.parse().ok()?;
            let max = if addr.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(max), |b| b.parse().ok())?;
            (bits <= max).then_some(Self { addr, bits })
        };
        parse().ok_or_else(|| NotANetwork(s.to_owned()))
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;
    fn try_from(s: String) -> Result<Self, NotANetwork> {
        s.parse()
    }
}

impl From<Network> for String {
    fn from(n: Network) -> Self {
        format!("{}/{}", n.addr, n.bits)
    }
}

/// Identities described by kind and beginning.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityPattern {
    /// `None` for every kind.
    kind: Option<SetIdKind>,
    text: String,
    open_end: bool,
}

impl std::fmt::Debug for IdentityPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:…", self.kind.map_or("*", SetIdKind::name))
    }
}

impl IdentityPattern {
    /// Whether the pattern holds this identity.
    pub fn matches(&self, id: &SetId) -> bool {
        if self.kind.is_some_and(|k| k != id.kind()) {
            return false;
        }
        let key = id.storage_key();
        let value = key.split_once(':').map_or("", |(_, v)| v);
        if self.open_end { value.starts_with(&self.text) } else { value == self.text }
    }
}

/// A text that is no pattern of identities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `KIND:VALUE`, `KIND:PREFIX*` or `*`, where KIND is msisdn, mdn, min, imsi, nai, ip or imei"
)]
pub struct NotAPattern;

impl TryFrom<String> for IdentityPattern {
    type Error = NotAPattern;
    fn try_from(s: String) -> Result<Self, NotAPattern> {
        if s == "*" {
            return Ok(Self { kind: None, text: String::new(), open_end: true });
        }
        let (kind, value) = s.split_once(':').ok_or(NotAPattern)?;
        let kind = match kind {
            "msisdn" => SetIdKind::Msisdn,
            "mdn" => SetIdKind::Mdn,
            "min" => SetIdKind::Min,
            "imsi" => SetIdKind::Imsi,
            "nai" => SetIdKind::Nai,
            "ip" => SetIdKind::Ip,
            "imei" => SetIdKind::Imei,
            _ => return Err(NotAPattern),
        };
        let (text, open_end) = value.strip_suffix('*').map_or((value, false), |prefix| (prefix, true));
        if text.is_empty() && !open_end {
            return Err(NotAPattern);
        }
        Ok(Self { kind: Some(kind), text: text.to_owned(), open_end })
    }
}

impl From<IdentityPattern> for String {
    fn from(p: IdentityPattern) -> Self {
        let star = if p.open_end { "*" } else { "" };
        p.kind.map_or_else(|| "*".to_owned(), |k| format!("{}:{}{star}", k.name(), p.text))
    }
}

/// A SET whose identity is its address has that address.
fn is_its_address(claimed: &SetId, peer: &PeerIdentity) -> Option<Verdict> {
    match claimed {
        SetId::Ip(ip) => Some(verdict(ip.to_canonical() == peer.ip.to_canonical())),
        _ => None,
    }
}

const fn verdict(allowed: bool) -> Verdict {
    if allowed { Verdict::Allowed } else { Verdict::Denied }
}

/// Decides by the address.
#[derive(Debug)]
struct BySource(Vec<Source>);

impl AccessCheck for BySource {
    fn may_claim(&self, claimed: &SetId, peer: &PeerIdentity) -> Verdict {
        if let Some(verdict) = is_its_address(claimed, peer) {
            return verdict;
        }
        let source = self.0.iter().find(|s| s.network.contains(peer.ip));
        verdict(source.is_some_and(|s| s.identities.iter().any(|p| p.matches(claimed))))
    }
}

/// Decides by the certificate: one of its names is the identity, bare, with its kind (`imsi:…`), as a telephone URI
/// (`tel:+…`), or with a realm behind it (`001010000000001@…`, the form of TS 23.003 §14).
#[derive(Debug)]
struct ByCertificate;

impl AccessCheck for ByCertificate {
    fn may_claim(&self, claimed: &SetId, peer: &PeerIdentity) -> Verdict {
        if matches!(claimed, SetId::Raw { .. }) {
            return Verdict::Denied;
        }
        let names = peer.certificate.as_ref().map(|ClientCertificate { names, .. }| names.as_slice());
        let key = claimed.storage_key();
        let value = key.split_once(':').map_or("", |(_, v)| v);
        let is_it = |name: &String| {
            let with_realm = !matches!(claimed, SetId::Nai(_))
                && name.strip_prefix(value).is_some_and(|realm| realm.starts_with('@'));
            let telephone = matches!(claimed, SetId::Msisdn(_))
                && name.strip_prefix("tel:").is_some_and(|n| n.trim_start_matches('+') == value);
            *name == value || *name == key || with_realm || telephone
        };
        verdict(!value.is_empty() && names.is_some_and(|n| n.iter().any(is_it)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str, names: &[&str]) -> PeerIdentity {
        let certificate = (!names.is_empty()).then(|| ClientCertificate {
            fingerprint: [0; 32],
            names: names.iter().map(|n| (*n).to_owned()).collect(),
        });
        PeerIdentity { ip: ip.parse().unwrap(), certificate }
    }

    fn imsi(s: &str) -> SetId {
        SetId::Imsi(s.parse().unwrap())
    }

    fn msisdn(s: &str) -> SetId {
        SetId::Msisdn(s.parse().unwrap())
    }

    #[test]
    fn networks() {
        let holds = |net: &str, ip: &str| net.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("192.0.2.1", "192.0.2.1") && !holds("192.0.2.1", "192.0.2.2"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        for bad in ["10.0.0.0/33", "10.0.0/8", "", "x/8", "::/129", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn by_source_address() {
        let config: Config = toml::from_str(
            r#"
            mode = "source-address"
            [[source]]
            network = "10.1.0.0/16"
            identities = ["imsi:00101*", "msisdn:447700900123"]
            [[source]]
            network = "10.0.0.0/8"
            identities = ["*"]
            "#,
        )
        .unwrap();
        let check = config.build();
        let ask = |id: &SetId, ip: &str| check.may_claim(id, &peer(ip, &[])) == Verdict::Allowed;
        assert!(ask(&imsi("001010000000001"), "10.1.2.3"));
        assert!(!ask(&imsi("002010000000001"), "10.1.2.3"));
        assert!(ask(&msisdn("447700900123"), "10.1.2.3"));
        assert!(!ask(&msisdn("4477009001234"), "10.1.2.3"), "a value without `*` is the whole value");
        assert!(ask(&msisdn("1"), "10.2.0.1"), "`*` is anything");
        assert!(!ask(&msisdn("1"), "192.0.2.1"), "an unknown network may claim nothing");
        assert!(ask(&SetId::Ip("192.0.2.1".parse().unwrap()), "192.0.2.1"));
        assert!(!ask(&SetId::Ip("192.0.2.2".parse().unwrap()), "10.2.0.1"));
    }

    #[test]
    fn by_certificate() {
        let check = Config { mode: Mode::ClientCertificate, source: vec![] }.build();
        let ask =
            |id: &SetId, names: &[&str]| check.may_claim(id, &peer("192.0.2.1", names)) == Verdict::Allowed;
        let (i, m) = (imsi("001010000000001"), msisdn("447700900123"));
        assert!(!ask(&i, &[]));
        assert!(ask(&i, &["x", "001010000000001"]));
        assert!(ask(&i, &["imsi:001010000000001"]));
        assert!(ask(&i, &["001010000000001@ims.mnc001.mcc001.3gppnetwork.org"]));
        assert!(!ask(&i, &["0010100000000012", "01010000000001", "@001010000000001"]));
        assert!(ask(&m, &["tel:+447700900123"]) && !ask(&i, &["tel:+001010000000001"]));
        assert!(
            !ask(&msisdn("001010000000001"), &["imsi:001010000000001"]),
            "the kind counts where it is named"
        );
        assert!(ask(&SetId::Nai("a@b".parse().unwrap()), &["a@b"]));
        assert!(!ask(&SetId::Nai("a".parse().unwrap()), &["a@b"]));
        let raw = SetId::Raw { kind: SetIdKind::Imsi, octets: [0; 8] };
        assert!(!ask(&raw, &["x0000000000000000"]));
    }

    #[test]
    fn the_default_trusts() {
        let check = toml::from_str::<Config>("").unwrap().build();
        assert_eq!(check.may_claim(&imsi("001010000000001"), &peer("192.0.2.1", &[])), Verdict::Allowed);
    }

    #[test]
    fn patterns_read_write_and_hide() {
        for text in ["*", "imsi:00101*", "nai:a@b", "ip:*"] {
            let p = IdentityPattern::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(p.clone()), text);
            assert!(!format!("{p:?}").contains("00101"));
        }
        for bad in ["", "imsi", "imsi:", "phone:1"] {
            assert_eq!(IdentityPattern::try_from(bad.to_owned()), Err(NotAPattern), "{bad}");
        }
    }
}
