//! Which sources there are.

use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use super::FeedError;
use super::url::ArchiveUrl;

/// Settings of the feeds. The text `"simulated"` in its place stands for the simulated sky and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where navigation data come from; default nowhere. The simulated sky cannot be combined with another source.
    pub sources: Vec<SourceConfig>,
    /// Whether what was received is kept in the store, so that a restarted server knows it at once; default true.
    pub keep: bool,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// Satellites made up by the server.
    Simulated(SimulatedConfig),
    /// A directory into which others put files.
    Directory(DirectoryConfig),
    /// An archive that is asked now and then.
    Http(HttpConfig),
}

/// Settings of the simulated sky: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedConfig {}

/// Settings of a watched directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// The directory; files below it are not looked for. RINEX navigation files, plain or gzip, of any name that begins
    /// with neither `.` nor `_`.
    pub path: PathBuf,
    /// Seconds between two looks, 1..=86400; default 30. A file is read when it looks the same twice, 2 s apart.
    #[serde(default = "thirty")]
    pub scan_s: u64,
}

/// Settings of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Its address; `{yyyy}`, `{yy}`, `{mm}`, `{dd}`, `{doy}`, `{hh}` stand for the date. May hold a name and password.
    pub url: ArchiveUrl,
    /// Seconds between two questions, 10..=604800; default 3600. Up to a tenth is added at random.
    #[serde(default = "hour")]
    pub every_s: u64,
    /// Seconds by which the date in the address lags behind, for archives that publish late; default 0.
    #[serde(default)]
    pub lag_s: u64,
    /// Seconds for one question and its answer, 1..=3600; default 120.
    #[serde(default = "two_minutes")]
    pub timeout_s: u64,
    /// Largest answer in bytes, as transferred; default 67108864 (64 MiB).
    #[serde(default = "sixty_four_mib")]
    pub max_bytes: u64,
    /// Certificates (PEM) of the authorities to trust instead of the public ones; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

const fn thirty() -> u64 {
    30
}
const fn hour() -> u64 {
    3600
}
const fn two_minutes() -> u64 {
    120
}
const fn sixty_four_mib() -> u64 {
    64 << 20
}
const fn yes() -> bool {
    true
}

impl Default for Config {
    fn default() -> Self {
        Self { sources: Vec::new(), keep: true }
    }
}

impl Config {
    /// The simulated sky and nothing else.
    pub fn simulated() -> Self {
        Self { sources: vec![SourceConfig::Simulated(SimulatedConfig {})], keep: true }
    }

    /// Whether the sky is simulated.
    pub fn is_simulated(&self) -> bool {
        self.sources.iter().any(|s| matches!(s, SourceConfig::Simulated(_)))
    }

    /// Ranges, and that simulated and real data do not meet.
    ///
    /// # Errors
    /// [`FeedError::Mixed`] and [`FeedError::Range`].
    pub fn check(&self) -> Result<(), FeedError> {
        if self.is_simulated() && self.sources.len() > 1 {
            return Err(FeedError::Mixed);
        }
        for source in &self.sources {
            let range = |key, value: u64, least: u64, most: u64| {
                if (least..=most).contains(&value) {
                    Ok(())
                } else {
                    Err(FeedError::Range { key, value, least, most })
                }
            };
            match source {
                SourceConfig::Simulated(_) => {}
                SourceConfig::Directory(d) => range("scan_s", d.scan_s, 1, 86_400)?,
                SourceConfig::Http(h) => {
                    range("every_s", h.every_s, 10, 604_800)?;
                    range("lag_s", h.lag_s, 0, 604_800)?;
                    range("timeout_s", h.timeout_s, 1, 3600)?;
                    range("max_bytes", h.max_bytes, 1, 1 << 32)?;
                }
            }
        }
        Ok(())
    }
}

impl SourceConfig {
    /// The kind, for logs and the status page.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "simulated",
            Self::Directory(_) => "directory",
            Self::Http(_) => "http",
        }
    }

    /// What it is called in logs, metrics and the status page; no password is in it.
    pub fn name(&self) -> String {
        match self {
            Self::Simulated(_) => super::simulated::SOURCE.to_owned(),
            Self::Directory(d) => d.path.display().to_string(),
            Self::Http(h) => h.url.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(default)]
            sources: Vec<SourceConfig>,
            #[serde(default = "yes")]
            keep: bool,
        }
        struct TextOrTable;
        impl<'de> serde::de::Visitor<'de> for TextOrTable {
            type Value = Config;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"simulated\" or a table with `sources`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Config, E> {
                match text {
                    "simulated" => Ok(Config::simulated()),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Config, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Config { sources: table.sources, keep: table.keep })
            }
        }
        d.deserialize_any(TextOrTable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Whole {
        feed: Config,
    }

    fn parse(text: &str) -> Result<Config, String> {
        toml::from_str::<Whole>(text).map(|w| w.feed).map_err(|e| e.to_string())
    }

    #[test]
    fn text_and_table() {
        let simulated = parse("feed = \"simulated\"").unwrap();
        assert!(simulated.is_simulated() && simulated.check().is_ok());
        let both = parse(
            "[feed]\n[[feed.sources]]\nkind = \"directory\"\npath = \"/in\"\n\
             [[feed.sources]]\nkind = \"http\"\nurl = \"https://h/{doy}.gz\"\nevery_s = 600\n",
        )
        .unwrap();
        assert!(both.keep && both.check().is_ok() && !both.is_simulated());
        assert_eq!(both.sources.iter().map(SourceConfig::kind).collect::<Vec<_>>(), ["directory", "http"]);
        // What is printed reads back.
        assert_eq!(
            parse(&format!("feed = {}", serde_json::to_string(&serde_json::json!("simulated")).unwrap())),
            Ok(simulated)
        );
        let printed = toml::to_string(&both).unwrap();
        assert_eq!(toml::from_str::<Config>(&printed).unwrap(), both);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("feed = \"simulatde\"", "simulated"),
            ("[feed]\nsourcse = []", "sourcse"),
            ("[feed]\n[[feed.sources]]\nkind = \"ntrip\"", "ntrip"),
            ("[feed]\n[[feed.sources]]\nkind = \"directory\"\npath = \"/in\"\nscan = 3", "scan"),
            ("[feed]\n[[feed.sources]]\nkind = \"http\"\nurl = \"ftp://x/\"", "http://HOST"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn simulated_and_real_do_not_meet() {
        let mixed = parse("[feed]\n[[feed.sources]]\nkind = \"simulated\"\n[[feed.sources]]\nkind = \"directory\"\npath = \"/in\"\n")
            .unwrap();
        assert!(matches!(mixed.check(), Err(FeedError::Mixed)));
        let often =
            parse("[feed]\n[[feed.sources]]\nkind = \"http\"\nurl = \"http://h/\"\nevery_s = 1\n").unwrap();
        assert!(matches!(often.check(), Err(FeedError::Range { key: "every_s", .. })));
    }
}
