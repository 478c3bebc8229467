//! Patterns of identities, as configurations write them: `msisdn:447700900123`, `imsi:00101*`, `nai:*`, `*`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::SetId;
use crate::base::ids::{Nai, SetIdKind};

/// A text that is no pattern of identities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an identity such as msisdn:447700900123, imsi:00101*, nai:user@realm, ip:10.0.0.1 or * (kinds: msisdn, \
     mdn, min, imsi, nai, ip, imei)"
)]
pub struct NotAPattern(String);

/// Some identities: one, those of a kind that begin alike, or all.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pattern {
    /// Any identity.
    Any,
    /// Those of a kind whose value begins with this.
    Prefix(SetIdKind, String),
    /// This one.
    One(SetId),
}

impl Pattern {
    /// Whether the pattern holds this identity.
    pub fn holds(&self, id: &SetId) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == id,
            Self::Prefix(kind, prefix) => {
                id.kind() == *kind
                    && (prefix.is_empty()
                        || id.storage_key().split_once(':').is_some_and(|(_, v)| v.starts_with(prefix)))
            }
        }
    }

    /// How narrow the pattern is: of several that hold an identity, the largest number is the most specific.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Prefix(_, prefix) => 1 + prefix.len(),
            Self::One(_) => usize::MAX,
        }
    }
}

/// Reads `kind:value`.
pub fn parse_identity(text: &str) -> Option<SetId> {
    let (kind, value) = text.split_once(':')?;
    let value = value.trim();
    Some(match kind_of(kind)? {
        SetIdKind::Msisdn => SetId::Msisdn(value.strip_prefix('+').unwrap_or(value).parse().ok()?),
        SetIdKind::Mdn => SetId::Mdn(value.parse().ok()?),
        SetIdKind::Min => SetId::Min(value.parse().ok().filter(|m| *m < 1 << 34)?),
        SetIdKind::Imsi => SetId::Imsi(value.parse().ok()?),
        SetIdKind::Nai => SetId::Nai(Nai::from_str(value).ok()?),
        SetIdKind::Ip => SetId::Ip(value.parse().ok()?),
        SetIdKind::Imei => SetId::Imei(value.parse().ok()?),
    })
}

fn kind_of(name: &str) -> Option<SetIdKind> {
    const KINDS: [SetIdKind; 7] = [
        SetIdKind::Msisdn,
        SetIdKind::Mdn,
        SetIdKind::Min,
        SetIdKind::Imsi,
        SetIdKind::Nai,
        SetIdKind::Ip,
        SetIdKind::Imei,
    ];
    let name = name.trim();
    KINDS.into_iter().find(|k| k.name().eq_ignore_ascii_case(name))
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let wrong = || NotAPattern(text.to_owned());
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        let (kind, value) = text.split_once(':').ok_or_else(wrong)?;
        match value.trim().strip_suffix('*') {
            Some(prefix) => {
                let prefix = prefix.strip_prefix('+').unwrap_or(prefix);
                Ok(Self::Prefix(kind_of(kind).ok_or_else(wrong)?, prefix.to_owned()))
            }
            None => parse_identity(text).map(Self::One).ok_or_else(wrong),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(p: Pattern) -> Self {
        match p {
            Pattern::Any => "*".to_owned(),
            Pattern::Prefix(kind, prefix) => format!("{}:{prefix}*", kind.name()),
            Pattern::One(id) => id.storage_key(),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(kind, _) | Self::One(SetId::Raw { kind, .. }) => write!(f, "{}:…", kind.name()),
            Self::One(id) => write!(f, "{}:…", id.kind().name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_hold_what_they_say() {
        let imsi = parse_identity("imsi:001010000000001").unwrap();
        let nai = parse_identity("nai:a@b").unwrap();
        for (pattern, of_imsi, of_nai) in [
            ("*", true, true),
            ("imsi:*", true, false),
            ("IMSI:00101*", true, false),
            ("imsi:00102*", false, false),
            ("imsi:001010000000001", true, false),
            ("imsi:00101000000000", false, false),
            ("msisdn:001010000000001", false, false),
            ("nai:a@*", false, true),
        ] {
            let p: Pattern = pattern.parse().unwrap();
            assert_eq!((p.holds(&imsi), p.holds(&nai)), (of_imsi, of_nai), "{pattern}");
            assert_eq!(String::from(p.clone()).parse::<Pattern>().unwrap(), p);
            assert!(!format!("{p:?}").contains("00101"), "{pattern}");
        }
        assert_eq!("msisdn:+4917*".parse::<Pattern>(), "msisdn:4917*".parse());
        for wrong in ["", "imsi", "imsi:", "imsi:12a45", "tel:1", "min:17179869184", "ip:1.2.3"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_narrower_pattern_ranks_higher() {
        let rank = |t: &str| t.parse::<Pattern>().unwrap().rank();
        assert!(rank("*") < rank("imsi:*") && rank("imsi:*") < rank("imsi:001*"));
        assert!(rank("imsi:001*") < rank("imsi:001010000000001"));
    }
}
