//! The client of a running server's HTTP port.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use super::output::Failure;
use crate::le::http::ADMIN_HEADER;

/// Longest answer taken, bytes: a trace of many sessions is the largest.
const MAX_ANSWER: u64 = 256 << 20;

/// Where the server is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServerArg {
    /// HTTP port of the running server.
    #[arg(long, value_name = "URL", global = true, default_value = "http://127.0.0.1:8080")]
    pub(super) server: String,
}

impl ServerArg {
    /// A page as bytes.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let url = self.url(path);
        let answer = agent().get(&url).header(ADMIN_HEADER, "1").call();
        read(&url, answer)
    }

    /// A page as JSON.
    pub(super) fn get_json(&self, path: &str) -> Result<Value, Failure> {
        json(&self.url(path), &self.get(path)?)
    }

    /// An order; the answer is JSON.
    pub(super) fn post(&self, path: &str) -> Result<Value, Failure> {
        let url = self.url(path);
        let answer = agent().post(&url).header(ADMIN_HEADER, "1").send_empty();
        json(&url, &read(&url, answer)?)
    }

    fn url(&self, path: &str) -> String {
        let base = self.server.trim_end_matches('/');
        let scheme = if base.contains("://") { "" } else { "http://" };
        format!("{scheme}{base}{path}")
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_mins(1)))
        .build()
        .into()
}

fn read(
    url: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Vec<u8>, Failure> {
    let answer = answer.map_err(|e| {
        Failure::new(format!("no answer from {url}: {e} (is the server running? see --server)"))
    })?;
    let status = answer.status();
    let mut body = Vec::new();
    answer
        .into_body()
        .into_reader()
        .take(MAX_ANSWER)
        .read_to_end(&mut body)
        .map_err(|e| Failure::new(format!("{url}: {e}")))?;
    if status.is_success() {
        return Ok(body);
    }
    let said = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|v| v.get("error").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned());
    Err(Failure::new(format!("{url} answered {status}: {said}")))
}

fn json(url: &str, body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|e| Failure::new(format!("{url} did not answer with JSON: {e}")))
}
