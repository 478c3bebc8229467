//! How SUPL INITs to a subscriber are protected: what its profile says.

use serde::{Deserialize, Serialize};

use super::client::Secret;
use super::password::unhex;

/// Level of protection (ULP 2.0, `ProtectionLevel`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Not said, which a SET takes for null protection.
    #[default]
    Absent,
    /// Null protection, said.
    Null,
    /// Basic protection: a message authentication code and a counter.
    Basic,
}

/// The protection of SUPL INITs to a subscriber: the table `init_protection` of its profile.
///
/// The key is the integrity key that server and SET share (SUPL_INIT_Basic_IK); how the two came by it is not this server's:
/// it neither derives keys from GBA or SEK nor answers a SET that asks for one in a session. Emergencies and SUPL 1.0 know no
/// protection, so their INITs go without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitProtection {
    /// absent, null or basic. Default absent.
    pub level: Level,
    /// Identifier of the key, 16 hexadecimal digits. Needed for basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The key, 32 to 128 hexadecimal digits. Needed for basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Smallest counter to be used, 1..=65535: for a SET that has seen larger ones from elsewhere. Default 1.
    pub counter_from: u16,
}

impl Default for InitProtection {
    fn default() -> Self {
        Self { level: Level::Absent, key_id: None, key: None, counter_from: 1 }
    }
}

/// The same, read.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Seal {
    #[default]
    Absent,
    Null,
    Basic {
        key: Vec<u8>,
        key_id: [u8; 8],
        from: u16,
    },
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Null => "Null",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

impl InitProtection {
    /// `None` when something is missing or has another form.
    pub(super) fn seal(&self) -> Option<Seal> {
        let key_id = self.key_id.as_deref().map(|t| unhex(t)?.try_into().ok());
        let key = self.key.as_ref().map(|t| unhex(t.reveal()).filter(|k| (16..=64).contains(&k.len())));
        match (self.level, key_id, key) {
            (_, Some(None), _) | (_, _, Some(None)) => None,
            _ if self.counter_from == 0 => None,
            (Level::Absent, ..) => Some(Seal::Absent),
            (Level::Null, ..) => Some(Seal::Null),
            (Level::Basic, Some(Some(key_id)), Some(Some(key))) => {
                Some(Seal::Basic { key, key_id, from: self.counter_from })
            }
            (Level::Basic, ..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::service::{Book, BookError, Profiles};

    fn book(text: &str) -> Result<(), BookError> {
        let profiles: Profiles = toml::from_str(&format!("[[subscribers]]\n{text}")).unwrap();
        Book::new(profiles, &crate::service::privacy::Config::default(), None).map(|_| ())
    }

    #[test]
    fn keys_are_checked_and_not_shown() {
        let one = |protection: &str| {
            book(&format!("ids = [\"imsi:001010000000001\"]\ninit_protection = {{ {protection} }}"))
        };
        let id = "key_id = \"0011223344556677\"";
        let key = format!("key = \"{}\"", "5a".repeat(16));
        assert_eq!(one(&format!("level = \"basic\", {id}, {key}")), Ok(()));
        assert_eq!(one("level = \"null\""), Ok(()));
        assert_eq!(one(""), Ok(()));
        for wrong in [
            "level = \"basic\"".to_owned(),
            format!("level = \"basic\", {id}"),
            format!("level = \"basic\", {key}"),
            format!("level = \"basic\", {id}, key = \"5a\""),
            format!("level = \"basic\", {id}, key = \"{}\"", "zz".repeat(16)),
            format!("level = \"basic\", key_id = \"001122\", {key}"),
            format!("level = \"basic\", {id}, {key}, counter_from = 0"),
            "key_id = \"x\"".to_owned(),
        ] {
            let error = one(&wrong).unwrap_err();
            assert_eq!(error, BookError::InitKey(1), "{wrong}");
            assert!(!error.to_string().contains("5a5a"));
        }
        let group =
            format!("ids = [\"imsi:00101*\"]\ninit_protection = {{ level = \"basic\", {id}, {key} }}");
        assert_eq!(book(&group), Err(BookError::GroupKey(1)));
        let group = "ids = [\"imsi:00101*\"]\ninit_protection = { level = \"null\" }";
        assert_eq!(book(group), Ok(()));
        let profiles: Profiles =
            toml::from_str(&format!("[[subscribers]]\nids = []\ninit_protection = {{ {id}, {key} }}"))
                .unwrap();
        assert!(!format!("{profiles:?}").contains("5a5a"));
    }
}
