//! Configuration: a TOML file, and `-o key=value` on the command line, become one checked [`Config`].
//!
//! Each room owns the struct of its section; this module composes them. A key that no room knows is an error that names
//! the nearest key there is. [`Config::load`] is the one fallible step: what it returns is ready to be run.

mod error;
mod overrides;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::ConfigError;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder for everything that must survive a restart: the store, generated certificates. Relative to the working
    /// directory. Default `data`.
    pub data: PathBuf,
    /// Seconds that running sessions get to end by themselves when the server is told to stop, 0..=3600. Default 20.
    pub drain_s: u64,
    /// Where handsets connect.
    pub listen: Vec<crate::net::Listen>,
    /// Limits on their connections.
    pub connections: crate::net::Config,
    /// Who may claim which identity.
    pub access: crate::net::access::Config,
    /// The cell table and its look-up.
    pub cells: crate::cells::Config,
    /// Where navigation data come from; or the text `"simulated"`.
    pub feed: crate::feed::Config,
    /// Which satellites are offered, and how long their data may be used.
    pub sky: crate::gnss::SkyConfig,
    /// SUPL sessions, and what is offered inside them.
    pub session: crate::slc::Config,
    /// Certificates towards handsets.
    pub tls: crate::net::tls::Config,
    /// How SUPL INIT reaches SETs.
    pub push: crate::net::push::Config,
    /// The location service.
    pub service: crate::service::config::Config,
    /// What holds for all subscribers.
    pub privacy: crate::service::privacy::Config,
    /// Who may ask for positions.
    pub clients: Vec<crate::service::ClientProfile>,
    /// What subscribers allow.
    pub subscribers: Vec<crate::service::Subscriber>,
    /// The audit record.
    pub audit: crate::service::audit::Config,
    /// LCS clients that speak MLP.
    pub mlp: crate::le::mlp::door::Config,
    /// Certificates towards them.
    pub mlp_tls: crate::net::tls::Config,
    /// Triggered requests.
    pub triggers: crate::service::triggers::Config,
    /// Positions of targets.
    pub positions: crate::service::positions::Config,
    /// What must survive a restart.
    pub store: crate::store::Config,
    /// Limits of session traces.
    pub trace: crate::observe::trace::Config,
    /// The operator's pages.
    pub http: crate::le::http::Config,
    /// Logs.
    pub log: crate::observe::log::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            drain_s: 20,
            listen: crate::net::Listen::defaults(),
            connections: crate::net::Config::default(),
            access: crate::net::access::Config::default(),
            cells: crate::cells::Config::default(),
            feed: crate::feed::Config::default(),
            sky: crate::gnss::SkyConfig::default(),
            session: crate::slc::Config::default(),
            tls: crate::net::tls::Config::default(),
            push: crate::net::push::Config::default(),
            service: crate::service::config::Config::default(),
            privacy: crate::service::privacy::Config::default(),
            clients: Vec::new(),
            subscribers: Vec::new(),
            audit: crate::service::audit::Config::default(),
            mlp: crate::le::mlp::door::Config::default(),
            mlp_tls: crate::net::tls::Config::default(),
            triggers: crate::service::triggers::Config::default(),
            positions: crate::service::positions::Config::default(),
            store: crate::store::Config::default(),
            trace: crate::observe::trace::Config::default(),
            http: crate::le::http::Config::default(),
            log: crate::observe::log::Config::default(),
        }
    }
}

impl Config {
    /// Reads the file (the defaults when there is none), applies overrides of the form `section.key=value`, and checks
    /// the whole.
    pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
            None => String::new(),
        };
        let name = file.map_or_else(|| PathBuf::from("defaults"), Path::to_owned);
        Self::parse(&text, &name, overrides)
    }

    /// [`Self::load`] from a text; `name` is for messages.
    pub fn parse(text: &str, name: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        // Once by itself, so that mistakes in the file are reported with their line…
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::in_text(name, text, &e))?;
        // …and again with the overrides put in.
        let config = if overrides.is_empty() { config } else { overrides::apply(text, overrides)? };
        config.check()?;
        Ok(config)
    }

    /// How long running sessions get when the server stops.
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }

    /// The store's settings, its place resolved.
    pub fn store(&self) -> crate::store::Config {
        crate::store::Config { path: self.data.join(&self.store.path), ..self.store.clone() }
    }

    /// The audit record's settings, its place resolved.
    pub fn audit(&self) -> crate::service::audit::Config {
        crate::service::audit::Config { path: self.data.join(&self.audit.path), ..self.audit.clone() }
    }

    /// The cell table's settings, its place resolved.
    pub fn cells(&self) -> crate::cells::Config {
        crate::cells::Config { table: self.data.join(&self.cells.table), ..self.cells.clone() }
    }

    /// The resolved values as TOML, as `--check` prints them.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|e| format!("# cannot be shown: {e}\n"))
    }

    /// Ranges, and everything that one value says about another.
    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &'static str, problem: String| Err(ConfigError::Value { key, problem });
        if self.drain_s > 3600 {
            return bad("drain_s", format!("{} is more than an hour (3600)", self.drain_s));
        }
        if !(1..=10_000).contains(&self.http.connections) {
            return bad("http.connections", format!("{} is not in 1..=10000", self.http.connections));
        }
        if let Err(e) = self.log.filter() {
            return bad("log.level", e.to_string());
        }
        if self.listen.is_empty() {
            return bad("listen", "at least one address is needed".to_owned());
        }
        if let Err(e) = self.connections.resolve() {
            return bad("connections", e.to_string());
        }
        if let Err(e) = self.feed.check() {
            return bad("feed", e.to_string());
        }
        if let Err(e) = self.session.resolve() {
            return bad("session", e.to_string());
        }
        if let Err(e) = self.service.check() {
            return bad("service", e.to_string());
        }
        if let Err(e) = self.audit.check() {
            return bad("audit", e);
        }
        if self.privacy.refusal_ms > 1000 {
            return bad("privacy.refusal_ms", format!("{} is not in 0..=1000", self.privacy.refusal_ms));
        }
        let profiles =
            crate::service::Profiles { clients: self.clients.clone(), subscribers: self.subscribers.clone() };
        // Those in files of their own are looked at when the server reads them; rules here may name clients there.
        if self.privacy.files.is_empty()
            && let Err(e) = crate::service::Book::new(profiles, &self.privacy, None)
        {
            return bad("profiles", e.to_string());
        }
        if let Err(e) = self.mlp.check() {
            return bad("mlp", e.to_string());
        }
        if let Err(e) = self.triggers.check() {
            return bad("triggers", e.to_string());
        }
        if let Err(e) = self.push.check() {
            return bad("push", e.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
