//! What commands that work on the data folder have in common.

use std::path::{Path, PathBuf};

use super::output::Failure;
use crate::config::Config;
use crate::store::{SledStore, StoreError};

/// Which data folder.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DataArgs {
    /// Configuration file; without one the defaults hold.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder (the key `data`).
    #[arg(short, long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DataArgs {
    /// The configuration that these lead to.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        let overrides: Vec<String> = self.data.iter().map(|d| data_override(d)).collect();
        Config::load(self.config.as_deref(), &overrides).map_err(Failure::new)
    }
}

/// `-o` for a data folder.
pub(super) fn data_override(dir: &Path) -> String {
    format!("data={}", toml::Value::String(dir.display().to_string()))
}

/// Opens the store of a configuration, which must be there: who only wants to look at it must not make an empty one.
pub(super) fn open_store(config: &Config) -> Result<SledStore, Failure> {
    let store = config.store();
    if !store.path.is_dir() {
        return Err(Failure::new(format!(
            "there is no store at {}; `groma feed import` or `groma serve` makes one, --data names another data folder",
            store.path.display()
        )));
    }
    SledStore::open(&store).map_err(|e| match e {
        StoreError::Locked { .. } => Failure::new(format!("{e}. (A running server answers `groma sky`.)")),
        e => Failure::new(e),
    })
}
