//! Logs: where they go, how much, in which form.

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, fmt, prelude::*, reload};

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The `[log]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Level, or filter by module: `error`, `warn`, `info`, `debug`, `trace`, or for instance
    /// `info,groma::net=debug`. Default `info`.
    pub level: String,
    /// `text` or `json`. Default `text`.
    pub format: Format,
}

impl Default for Config {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is not one.
    #[error(
        "`{0}` is no log level: use error, warn, info, debug, trace, or a list such as `info,groma::net=debug`"
    )]
    Level(String),
    /// The process has a subscriber already.
    #[error("logs are set up already")]
    Twice,
}

impl Config {
    /// The filter that `level` means.
    pub fn filter(&self) -> Result<EnvFilter, LogError> {
        EnvFilter::try_new(&self.level).map_err(|_| LogError::Level(self.level.clone()))
    }
}

/// Changes the level of a running process.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl LogHandle {
    /// Applies the level of a reloaded configuration; the form stays what it was at the start.
    pub fn apply(&self, config: &Config) -> Result<(), LogError> {
        let filter = config.filter()?;
        // Fails only when the subscriber is gone, and then nobody listens.
        let _ = self.0.reload(filter);
        Ok(())
    }
}

impl std::fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogHandle")
    }
}

/// Sends the process's logs to standard error. Once a process.
pub fn init(config: &Config) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(config.filter()?);
    let registry = tracing_subscriber::registry().with(filter);
    let colour =
        std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    match config.format {
        Format::Text => registry
            .with(fmt::layer().with_ansi(colour).with_target(false).with_writer(std::io::stderr))
            .try_init(),
        Format::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
        }
    }
    .map_err(|_| LogError::Twice)?;
    Ok(LogHandle(handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for (level, good) in [("info", true), ("warn,groma::net=debug", true), ("groma=loud", false)] {
            let c = Config { level: level.to_owned(), ..Config::default() };
            assert_eq!(c.filter().is_ok(), good, "{level}");
        }
    }
}
