//! Where transmitters are: a table of cells and WLAN access points, and the reference location that follows from what a SET
//! hears.
//!
//! [`import()`] reads the tables people exchange into a [`Table`], a sorted immutable file; [`Locator`] answers from it, falling
//! back from the cell to its area, to the place configured for its network, to nothing. Every answer states a radius that
//! holds the SET with 95 %. [`Cells`] is the handle that sessions share, and that a reload swaps.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod areas;
mod blocks;
mod combine;
mod csv;
mod extsort;
mod generate;
mod import;
mod locator;
#[cfg(test)]
mod locator_tests;
mod radius;
mod row;
mod table;

pub use csv::RowError;
pub use generate::{Site, generate};
pub use import::{ImportOptions, ImportReport, Progress, RowProblem, import};
pub use locator::{Cells, Locator};
pub use table::Table;

/// Settings of the cell table and its look-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The table that `groma cells import` writes. When there is none, only `networks` are known. Relative paths lead from
    /// the data folder. Default `cells.table`.
    pub table: PathBuf,
    /// Whether one known access point is enough to place a SET. Default false: two are asked for, since a single one may be
    /// somebody's home, and whoever knows its address would learn where it is.
    pub single_access_point: bool,
    /// Places of whole networks or countries, the last resort; the most specific entry counts. Default none.
    pub networks: Vec<NetworkPlace>,
}

impl Default for Config {
    fn default() -> Self {
        Self { table: PathBuf::from("cells.table"), single_access_point: false, networks: Vec::new() }
    }
}

/// Roughly where a network's subscribers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlace {
    /// Mobile country code, 1..=999.
    pub mcc: u16,
    /// Mobile network code, 0..=999; without it, every network of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mnc: Option<u16>,
    /// Latitude of the middle, degrees, −90..=90.
    pub lat: f64,
    /// Longitude of the middle, degrees, −180..=180.
    pub lon: f64,
    /// Radius in metres around it that holds 95 % of the subscribers.
    pub uncertainty_m: f64,
}

/// Why a table cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CellsError {
    /// The file is something else.
    #[error("{} is not a cell table; make one with `groma cells import`", path.display())]
    NotATable {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later release.
    #[error("the cell table {} has format {found}, this release reads up to {supported}; import it anew", path.display())]
    Newer {
        /// The table.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest this release knows.
        supported: u32,
    },
    /// Its checksums or size do not hold.
    #[error("the cell table {} is damaged; remove it and import it anew", path.display())]
    Damaged {
        /// The table.
        path: PathBuf,
    },
    /// An input has no layout that is known.
    #[error(
        "{} is neither a cell table (radio,mcc,net,area,cell,unit,lon,lat,range,…) nor a table of access points \
         (bssid,lat,lon,range)",
        path.display()
    )]
    UnknownLayout {
        /// The input.
        path: PathBuf,
    },
    /// The file system refused, or a compressed input is broken.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A configured place is not on Earth, or its radius is no positive number.
    #[error("cells.networks, entry {index}: {what} is out of range")]
    Place {
        /// Which entry, from 1.
        index: usize,
        /// Which key.
        what: &'static str,
    },
}

impl CellsError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
