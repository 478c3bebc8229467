//! Which sources there are.

use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use super::FeedError;
use super::ntrip::CasterAddress;
use super::url::ArchiveUrl;
use crate::base::GeoPoint;
use crate::gnss::monitor::MonitorConfig;

/// Settings of the feeds. The text `"simulated"` in its place stands for the simulated sky and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where navigation data come from, the most trusted source first; default nowhere, at most 30. The simulated sky cannot be
    /// combined with another source.
    pub sources: Vec<SourceConfig>,
    /// Whether what was received is kept in the store, so that a restarted server knows it at once; default true.
    pub keep: bool,
    /// The monitor that compares what reference stations receive with what satellites broadcast.
    pub integrity: MonitorConfig,
}

/// Most sources.
const MOST_SOURCES: u64 = 30;

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
    /// A stream of an NTRIP caster.
    Ntrip(NtripConfig),
    /// RTCM 3 from a TCP server.
    Rtcm(RtcmConfig),
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

/// Settings of a stream from NTRIP casters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NtripConfig {
    /// Casters that have the stream, the best first: `http://HOST[:PORT]` or, with TLS, `https://HOST[:PORT]`; one to eight.
    pub casters: Vec<CasterAddress>,
    /// Name of the stream.
    pub mountpoint: String,
    /// A file with one line `NAME:PASSWORD`; default none. It is read at each attempt to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// An environment variable with the same; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_env: Option<String>,
    /// Version of the protocol: `auto`, 2 at first and 1 after a caster that does not answer to it, `1` or `2`; default `auto`.
    #[serde(default)]
    pub version: NtripVersion,
    /// Certificates (PEM) of the authorities to trust instead of the public ones; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Seconds until an attempt to connect fails, 1..=120; default 10.
    #[serde(default = "ten")]
    pub connect_timeout_s: u64,
    /// Seconds without any message after which the connection is given up, 5..=3600; default 60.
    #[serde(default = "minute")]
    pub stall_s: u64,
    /// Where to say that one is, for services that compute a station for each client; default nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gga: Option<GgaConfig>,
    /// Antenna of the stream's station, metres Earth-fixed, for the integrity monitor, when the stream does not say; default not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<[f64; 3]>,
}

/// Settings of RTCM 3 over TCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RtcmConfig {
    /// `HOST:PORT`.
    pub address: String,
    /// Seconds until an attempt to connect fails, 1..=120; default 10.
    #[serde(default = "ten")]
    pub connect_timeout_s: u64,
    /// Seconds without any message after which the connection is given up, 5..=3600; default 60.
    #[serde(default = "minute")]
    pub stall_s: u64,
    /// Antenna of the stream's station, metres Earth-fixed, for the integrity monitor, when the stream does not say; default not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<[f64; 3]>,
}

/// Versions of NTRIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NtripVersion {
    /// What the caster understands.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Version 1.
    #[serde(rename = "1")]
    V1,
    /// Version 2.
    #[serde(rename = "2")]
    V2,
}

/// A position to send.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GgaConfig {
    /// Degrees north, −90..=90.
    pub lat: f64,
    /// Degrees east, −180..=180.
    pub lon: f64,
    /// Metres above sea level; default 0.
    #[serde(default)]
    pub altitude_m: f64,
    /// Seconds between two sentences, 1..=3600; default 30.
    #[serde(default = "thirty")]
    pub every_s: u64,
}

impl GgaConfig {
    /// The place.
    pub(super) const fn place(&self) -> GeoPoint {
        GeoPoint { lat: self.lat, lon: self.lon }
    }
}

impl std::fmt::Debug for GgaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GgaConfig(…)")
    }
}

const fn ten() -> u64 {
    10
}
const fn minute() -> u64 {
    60
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
        Self { sources: Vec::new(), keep: true, integrity: MonitorConfig::default() }
    }
}

impl Config {
    /// The simulated sky and nothing else.
    pub fn simulated() -> Self {
        Self { sources: vec![SourceConfig::Simulated(SimulatedConfig {})], ..Self::default() }
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
        range("number of sources", self.sources.len() as u64, 0, MOST_SOURCES)?;
        self.integrity.check()?;
        for source in &self.sources {
            match source {
                SourceConfig::Simulated(_) => {}
                SourceConfig::Directory(d) => range("scan_s", d.scan_s, 1, 86_400)?,
                SourceConfig::Http(h) => {
                    range("every_s", h.every_s, 10, 604_800)?;
                    range("lag_s", h.lag_s, 0, 604_800)?;
                    range("timeout_s", h.timeout_s, 1, 3600)?;
                    range("max_bytes", h.max_bytes, 1, 1 << 32)?;
                }
                SourceConfig::Ntrip(n) => n.check()?,
                SourceConfig::Rtcm(r) => {
                    connection(r.connect_timeout_s, r.stall_s, r.station)?;
                    let port = r.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
                    if port.is_none_or(|p| p == 0) {
                        return Err(FeedError::Form { key: "address", wanted: "HOST:PORT" });
                    }
                }
            }
        }
        Ok(())
    }
}

fn range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), FeedError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(FeedError::Range { key, value, least, most }) }
}

fn connection(connect_timeout_s: u64, stall_s: u64, station: Option<[f64; 3]>) -> Result<(), FeedError> {
    range("connect_timeout_s", connect_timeout_s, 1, 120)?;
    range("stall_s", stall_s, 5, 3600)?;
    let radius = station.map(|p| p.iter().map(|x| x * x).sum::<f64>().sqrt());
    if radius.is_some_and(|r| !(6.3e6..6.5e6).contains(&r)) {
        return Err(FeedError::Form {
            key: "station",
            wanted: "[X, Y, Z] of a place on the Earth in metres",
        });
    }
    Ok(())
}

impl NtripConfig {
    fn check(&self) -> Result<(), FeedError> {
        range("number of casters", self.casters.len() as u64, 1, 8)?;
        connection(self.connect_timeout_s, self.stall_s, self.station)?;
        let name = &self.mountpoint;
        let fine = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '"' | ';');
        if name.is_empty() || name.len() > 100 || !name.chars().all(fine) {
            return Err(FeedError::Form {
                key: "mountpoint",
                wanted: "the name of a stream, such as BCEP00BKG0",
            });
        }
        if let Some(g) = &self.gga {
            range("every_s", g.every_s, 1, 3600)?;
            if GeoPoint::new(g.lat, g.lon).is_none() || !(-500.0..=20_000.0).contains(&g.altitude_m) {
                return Err(FeedError::Form {
                    key: "gga",
                    wanted: "lat, lon (degrees) and altitude_m of a place",
                });
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
            Self::Ntrip(_) => "ntrip",
            Self::Rtcm(_) => "rtcm",
        }
    }

    /// What it is called in logs, metrics and the status page; no password is in it.
    pub fn name(&self) -> String {
        match self {
            Self::Simulated(_) => super::simulated::SOURCE.to_owned(),
            Self::Directory(d) => d.path.display().to_string(),
            Self::Http(h) => h.url.to_string(),
            Self::Ntrip(n) => match n.casters.first() {
                Some(caster) => format!("ntrip:{}/{}", caster.authority(), n.mountpoint),
                None => format!("ntrip:{}", n.mountpoint),
            },
            Self::Rtcm(r) => format!("rtcm:{}", r.address),
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
            #[serde(default)]
            integrity: MonitorConfig,
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
                Ok(Config { sources: table.sources, keep: table.keep, integrity: table.integrity })
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
            ("[feed]\n[[feed.sources]]\nkind = \"ntrpi\"", "ntrpi"),
            ("[feed]\n[[feed.sources]]\nkind = \"directory\"\npath = \"/in\"\nscan = 3", "scan"),
            ("[feed]\n[[feed.sources]]\nkind = \"http\"\nurl = \"ftp://x/\"", "http://HOST"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn streams_are_checked() {
        let ntrip = |more: &str| {
            parse(&format!("[feed]\n[[feed.sources]]\nkind = \"ntrip\"\n{more}")).map(|c| {
                assert_eq!(toml::from_str::<Config>(&toml::to_string(&c).unwrap()).unwrap(), c);
                c.check().map(|()| c.sources[0].name())
            })
        };
        let good = "casters = [\"https://a\", \"http://b:2102\"]\nmountpoint = \"BCEP\"\n";
        assert_eq!(ntrip(good).unwrap().unwrap(), "ntrip:a:443/BCEP");
        for (more, key) in [
            ("stall_s = 1\n", "stall_s"),
            ("gga = { lat = 91.0, lon = 0.0 }\n", "gga"),
            ("station = [1.0, 2.0, 3.0]\n", "station"),
        ] {
            let error = ntrip(&format!("{good}{more}")).unwrap().unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert!(ntrip("casters = []\nmountpoint = \"A\"").unwrap().is_err());
        assert!(ntrip("casters = [\"http://a\"]\nmountpoint = \"A/../B\"").unwrap().is_err());
        let error = ntrip("casters = [\"http://me:secret@a\"]\nmountpoint = \"A\"").unwrap_err();
        assert!(error.contains("credentials_file") && !error.contains("me:secret` is"), "{error}");
        let rtcm = |address: &str| {
            parse(&format!("[feed]\n[[feed.sources]]\nkind = \"rtcm\"\naddress = \"{address}\""))
                .unwrap()
                .check()
        };
        assert!(rtcm("localhost:2101").is_ok() && rtcm("localhost").is_err() && rtcm("localhost:0").is_err());
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
