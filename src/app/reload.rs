//! Reading configuration, certificates and cells anew while the server runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::{Shared, resolve_policy};
use crate::base::cell::ReferenceLocator;
use crate::cells::Locator;
use crate::config::Config;
use crate::le::http::Reloaded;
use crate::net::tls::TlsBackend;

/// Sections that take effect only at a start; of `log` and the top level, single keys.
const AT_START: [&str; 14] = [
    "data",
    "listen",
    "connections",
    "tls",
    "feed",
    "push",
    "service",
    "audit",
    "store",
    "trace",
    "http",
    "mlp",
    "mlp_tls",
    "triggers",
];

impl Shared {
    /// Reads everything first, then swaps: a mistake anywhere changes nothing.
    pub(super) fn read_anew(&self) -> Result<Reloaded, String> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.try_read_anew();
        let word = if outcome.is_ok() { "ok" } else { "failed" };
        self.metrics.reloads.get_or_create(&[("outcome", word)]).inc();
        match &outcome {
            Ok(done) => {
                let (reloaded, waiting) = (done.reloaded.join(" "), done.needs_restart.join(" "));
                tracing::info!(reloaded, needs_restart = waiting, "reloaded");
            }
            Err(error) => tracing::error!(error, "reload failed; everything stays as it was"),
        }
        outcome
    }

    fn try_read_anew(&self) -> Result<Reloaded, String> {
        let old = self.config.load_full();
        let new = match &self.origin {
            Some(o) => Config::load(o.file.as_deref(), &o.overrides).map_err(|e| e.to_string())?,
            None => (*old).clone(),
        };
        // Paths lead from where the server was started.
        let running = Config { data: old.data.clone(), ..new.clone() };
        let policy = resolve_policy(&running).map_err(|e| e.to_string())?;
        let locator = Locator::open(&running.cells()).map_err(|e| e.to_string())?;
        let access = running.access.build();
        let book = super::location::read_book(&running, &running.data, Some(&self.service.book()))
            .map_err(|e| e.to_string())?;
        let (clients, subscribers) = book.len();
        let certificates = self.tls.reload().map_err(|e| format!("TLS: {e}"))?;
        if let Some(tls) = &self.mlp_tls {
            tls.reload().map_err(|e| format!("MLP: TLS: {e}"))?;
        }

        // Nothing below fails.
        if let Some(log) = &self.log {
            let _ = log.apply(&running.log);
        }
        self.cells.store(locator.cells(), Ordering::Relaxed);
        let locator: Box<dyn ReferenceLocator> = Box::new(locator);
        self.world.cells.store(Arc::new(locator));
        self.world.access.store(Arc::new(access));
        self.world.policy.store(Arc::new(policy));
        self.service.reload(book);
        self.feed.exclude(running.sky.exclude.clone());
        let needs_restart = changed_at_start(&old, &new);
        self.config.store(Arc::new(running));
        Ok(Reloaded {
            reloaded: vec![
                "configuration".to_owned(),
                format!("certificates ({})", certificates.len()),
                format!("cells ({})", self.cells.load(Ordering::Relaxed)),
                format!("clients ({clients})"),
                format!("subscribers ({subscribers})"),
            ],
            needs_restart,
        })
    }
}

/// Sections that changed and wait for a restart.
fn changed_at_start(old: &Config, new: &Config) -> Vec<String> {
    let tables = [old, new].map(|c| toml::Table::try_from(c).unwrap_or_default());
    let [old_table, new_table] = &tables;
    let mut changed: Vec<String> = AT_START
        .into_iter()
        .filter(|key| old_table.get(*key) != new_table.get(*key))
        .map(str::to_owned)
        .collect();
    if old.log.format != new.log.format {
        changed.push("log.format".to_owned());
    }
    if old.sky.max_age != new.sky.max_age {
        changed.push("sky.max_age".to_owned());
    }
    if old.positions != new.positions {
        changed.push("positions".to_owned());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_restart_is_named() {
        let old = Config::default();
        let mut new = Config { drain_s: 3, ..old.clone() };
        new.session.st2_s = 5;
        assert!(changed_at_start(&old, &new).is_empty());
        // Exclusions hold at once.
        new.sky.exclude = vec!["E14".to_owned().try_into().unwrap()];
        assert!(changed_at_start(&old, &new).is_empty());
        new.sky.max_age.gps_s = 60;
        new.http.connections = 5;
        new.log.format = crate::observe::log::Format::Json;
        assert_eq!(changed_at_start(&old, &new), ["http", "log.format", "sky.max_age"]);
    }
}
