//! Who is who: subscriber identities, addresses of the SLP, session identities.
//!
//! Identities of subscribers are redacted by their type: `Debug` and `Display` show the kind and nothing else, so that no
//! log line can give one away. The value is reached only by name (`digits()`, `as_str()`…).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Why a text is not an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 16 decimal digits (15 for an IMSI).
    #[error("expected {min} to {max} decimal digits")]
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits.
        max: usize,
    },
    /// Longer than the 1,000 octets of a NAI, or empty.
    #[error("expected 1 to 1000 characters")]
    Length,
    /// Not a fully qualified domain name of letters, digits, `.`, `-`, `_`, at most 255.
    #[error("not a domain name")]
    Fqdn,
}

/// Up to 16 decimal digits, as TBCD carries them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Digits {
    value: u64,
    len: u8,
}

impl Digits {
    fn parse(s: &str, min: usize, max: usize) -> Result<Self, IdError> {
        let ok = (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
        ok.then(|| Self { value: s.bytes().fold(0, |v, b| v * 10 + u64::from(b - b'0')), len: s.len() as u8 })
            .ok_or(IdError::Digits { min, max })
    }

    fn text(self) -> String {
        let (mut digits, mut rest) = (vec![b'0'; usize::from(self.len)], self.value);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits.into_iter().map(char::from).collect()
    }
}

macro_rules! digit_identity {
    ($(#[$doc:meta])* $name:ident, $min:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Digits);

        impl $name {
            /// The digits, leading zeros kept. For protocols and storage, never for logs.
            pub fn digits(&self) -> String {
                self.0.text()
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                Digits::parse(s, $min, $max).map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

digit_identity!(
    /// A telephone number in international format without `+` (3GPP TS 23.003 §3.3).
    Msisdn, 1, 16
);
digit_identity!(
    /// An International Mobile Subscriber Identity (TS 23.003 §2.2): MCC, MNC, MSIN; at most 15 digits by the standard.
    /// ULP's field has room for 16, and peers have used it.
    Imsi, 5, 16
);
digit_identity!(
    /// A CDMA Mobile Directory Number.
    Mdn, 1, 16
);
digit_identity!(
    /// An equipment identity (TS 23.003 §6).
    Imei, 14, 16
);

/// The identity of a SET, as it presents itself (OMA ULP `SETId`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SetId {
    /// Telephone number.
    Msisdn(Msisdn),
    /// CDMA directory number.
    Mdn(Mdn),
    /// CDMA Mobile Identification Number, 34 bits.
    Min(u64),
    /// Subscriber identity.
    Imsi(Imsi),
    /// Network access identifier (`user@realm`).
    Nai(Nai),
    /// The SET's IP address.
    Ip(IpAddr),
    /// Equipment identity.
    Imei(Imei),
    /// A digit identity that breaks its own coding rules (seen from test clients): the eight octets as they came, with
    /// the kind, so that the session can echo them exactly.
    Raw {
        /// Which alternative carried it.
        kind: SetIdKind,
        /// The octets.
        octets: [u8; 8],
    },
}

/// The alternatives of [`SetId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum SetIdKind {
    Msisdn,
    Mdn,
    Min,
    Imsi,
    Nai,
    Ip,
    Imei,
}

impl SetIdKind {
    /// Lower-case name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Msisdn => "msisdn",
            Self::Mdn => "mdn",
            Self::Min => "min",
            Self::Imsi => "imsi",
            Self::Nai => "nai",
            Self::Ip => "ip",
            Self::Imei => "imei",
        }
    }
}

impl SetId {
    /// Which kind of identity this is.
    pub const fn kind(&self) -> SetIdKind {
        match self {
            Self::Msisdn(_) => SetIdKind::Msisdn,
            Self::Mdn(_) => SetIdKind::Mdn,
            Self::Min(_) => SetIdKind::Min,
            Self::Imsi(_) => SetIdKind::Imsi,
            Self::Nai(_) => SetIdKind::Nai,
            Self::Ip(_) => SetIdKind::Ip,
            Self::Imei(_) => SetIdKind::Imei,
            Self::Raw { kind, .. } => *kind,
        }
    }

    /// A key for stores and maps, `kind:value`. It holds the identity in clear: never log it.
    pub fn storage_key(&self) -> String {
        let value = match self {
            Self::Msisdn(v) => v.digits(),
            Self::Mdn(v) => v.digits(),
            Self::Min(v) => format!("{v}"),
            Self::Imsi(v) => v.digits(),
            Self::Nai(v) => v.as_str().to_owned(),
            Self::Ip(v) => v.to_string(),
            Self::Imei(v) => v.digits(),
            Self::Raw { octets, .. } => octets.iter().fold(String::from("x"), |s, b| format!("{s}{b:02x}")),
        };
        format!("{}:{value}", self.kind().name())
    }
}

impl fmt::Debug for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetId({}:…)", self.kind().name())
    }
}

/// A network access identifier (RFC 7542), 1 to 1,000 characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nai(String);

impl Nai {
    /// The text. For protocols and storage, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Nai {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        (1..=1000).contains(&s.len()).then(|| Self(s.to_owned())).ok_or(IdError::Length)
    }
}

impl fmt::Debug for Nai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nai(…)")
    }
}

/// A fully qualified domain name as ULP allows it: letters, digits, `.`, `-`, 1 to 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fqdn(String);

impl Fqdn {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The home SLP of a subscriber (OMA SUPL AD): `h-slp.mncNNN.mccNNN.pub.3gppnetwork.org`.
    pub fn home_slp(mcc: u16, mnc: u16) -> Self {
        Self(format!("h-slp.mnc{mnc:03}.mcc{mcc:03}.pub.3gppnetwork.org"))
    }
}

impl std::str::FromStr for Fqdn {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        let ok = (1..=255).contains(&s.len())
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        ok.then(|| Self(s.to_owned())).ok_or(IdError::Fqdn)
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an SLP is (OMA ULP `SLPAddress`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SlpAddress {
    /// By address.
    Ip(IpAddr),
    /// By name.
    Fqdn(Fqdn),
}

/// The SLP's half of a session's identity (OMA ULP `SlpSessionID`): four octets, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlpSessionId {
    /// Chosen by the SLP, unpredictable, unique among its sessions.
    pub id: [u8; 4],
    /// The SLP that chose it.
    pub slp: SlpAddress,
}

/// The SET's half of a session's identity (OMA ULP `SetSessionID`). Many SETs use constants, so it never identifies a
/// session by itself; it is echoed exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetSessionId {
    /// Chosen by the SET.
    pub id: u16,
    /// The SET.
    pub set_id: SetId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_never_show_in_debug() {
        let msisdn: Msisdn = "447700900123".parse().unwrap();
        let set_id = SetId::Msisdn(msisdn);
        let session = SetSessionId { id: 1, set_id: set_id.clone() };
        for text in [format!("{msisdn:?}"), format!("{set_id:?}"), format!("{session:?}")] {
            assert!(!text.contains("4477"), "{text}");
        }
        assert_eq!(set_id.storage_key(), "msisdn:447700900123");
    }

    #[test]
    fn digits_keep_leading_zeros_and_are_checked() {
        assert_eq!("001010000000001".parse::<Imsi>().unwrap().digits(), "001010000000001");
        assert!("12a".parse::<Msisdn>().is_err());
        assert!("".parse::<Msisdn>().is_err());
        assert!("12345678901234567".parse::<Msisdn>().is_err());
    }

    #[test]
    fn home_slp_pads_the_network_code() {
        assert_eq!(Fqdn::home_slp(244, 5).as_str(), "h-slp.mnc005.mcc244.pub.3gppnetwork.org");
        assert!("ex_ample".parse::<Fqdn>().is_err());
    }
}
