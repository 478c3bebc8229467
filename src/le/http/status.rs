//! What the operator's pages show, as plain data.

use serde::Serialize;

/// Whether handsets can be served as they should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// All is well.
    pub ready: bool,
    /// What is missing, one line each; empty when ready.
    pub reasons: Vec<String>,
}

impl Readiness {
    /// Ready when nothing is missing.
    pub const fn from_reasons(reasons: Vec<String>) -> Self {
        Self { ready: reasons.is_empty(), reasons }
    }
}

/// The state of the server.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of the build.
    pub version: &'static str,
    /// Server time, RFC 3339.
    pub time: String,
    /// Server time at the start, RFC 3339.
    pub started: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Whether handsets can be served.
    pub readiness: Readiness,
    /// The server was told to stop and lets its sessions end.
    pub draining: bool,
    /// The clock was set to another date.
    pub clock_shifted: bool,
    /// The satellites are invented.
    pub sky_simulated: bool,
    /// Where handsets and operators can connect.
    pub listeners: Vec<ListenerStatus>,
    /// Connections of handsets open now.
    pub connections_open: u64,
    /// SUPL sessions running now.
    pub sessions_open: u64,
    /// Sessions ended since the start, by outcome.
    pub sessions_ended: Vec<(String, u64)>,
    /// Ephemerides by system.
    pub sky: Vec<SkyCount>,
    /// Where navigation data comes from.
    pub feeds: Vec<FeedStatus>,
    /// Transmitters in the cell table.
    pub cells: u64,
    /// Whether sessions are being recorded.
    pub tracing: bool,
}

/// An open port.
#[derive(Clone, Debug, Serialize)]
pub struct ListenerStatus {
    /// Address and port.
    pub address: String,
    /// What is spoken there.
    pub what: String,
}

/// What is known of one satellite system.
#[derive(Clone, Debug, Serialize)]
pub struct SkyCount {
    /// System.
    pub gnss: &'static str,
    /// Satellites with a valid ephemeris, healthy.
    pub healthy: usize,
    /// Satellites with a valid ephemeris, unhealthy.
    pub unhealthy: usize,
    /// Seconds since the newest reference time; negative when it lies ahead. `None` without satellites.
    pub newest_age_s: Option<i64>,
    /// Seconds until fewer than four satellites can be used if nothing new arrives.
    pub left_s: Option<i64>,
}

/// How one source of navigation data does.
#[derive(Clone, Debug, Serialize)]
pub struct FeedStatus {
    /// Its name in the configuration: a folder, an address, `simulated`.
    pub source: String,
    /// What happened last, one line.
    pub state: String,
    /// When it last succeeded, RFC 3339.
    pub last_success: Option<String>,
    /// Ephemerides taken from it since the start.
    pub records: u64,
    /// Ephemerides of it that contradict others and were not believed, since the start.
    pub refused: u64,
    /// Connections of a stream that ended or did not come about since the start.
    pub reconnects: u64,
}

/// What a reload did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reloaded {
    /// What was read anew.
    pub reloaded: Vec<String>,
    /// Keys that changed and take effect only at the next start.
    pub needs_restart: Vec<String>,
}

/// The session traces of the running server.
pub trait Traces: Send + Sync {
    /// Records sessions that begin from now on; what was recorded before is dropped.
    fn start(&self);
    /// Records no more.
    fn stop(&self);
    /// The recorded sessions for machines: an array of objects with at least `session`.
    fn list(&self) -> serde_json::Value;
    /// The recorded sessions as a table for people.
    fn table(&self) -> String;
    /// The ladder of one session, messages decoded.
    fn ladder(&self, session: u64) -> Option<String>;
    /// One session, or all of them, as a pcap capture.
    fn capture(&self, session: Option<u64>) -> Option<Vec<u8>>;
}
