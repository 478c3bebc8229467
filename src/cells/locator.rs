//! From what a SET hears to roughly where it is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::combine::{Candidate, combine, keep_plausible_access_points};
use super::radius;
use super::row::{AreaRow, CellKey, CellRow, Radio};
use super::table::Table;
use super::{CellsError, Config, NetworkPlace};
use crate::base::GeoPoint;
use crate::base::cell::{CellId, LocationId, Plmn, ReferenceLocation, ReferenceLocator, ReferenceSource};

/// Transmitters of one request that are looked up; the rest are ignored.
const MOST_HEARD: usize = 64;
/// Smallest radius granted to a guess by the short form of a UMTS cell's identity, metres.
const SHORT_IDENTITY_M: f64 = 15_000.0;
/// Largest radius at which such a guess says anything, metres.
const SHORT_IDENTITY_MOST_M: f64 = 60_000.0;

/// Answers from one table and one list of networks; immutable.
#[derive(Debug)]
pub struct Locator {
    table: Option<Table>,
    networks: Vec<NetworkPlace>,
    single_access_point: bool,
    /// A read failed: said once, since it would be said at every look-up.
    failed: AtomicBool,
}

impl Locator {
    /// Opens the configured table. That there is none is no error: [`Locator::cells`] is zero then.
    pub fn open(config: &Config) -> Result<Self, CellsError> {
        let table = match Table::open(&config.table) {
            Ok(table) => Some(table),
            Err(CellsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        Self::new(table, config)
    }

    fn new(table: Option<Table>, config: &Config) -> Result<Self, CellsError> {
        for (i, place) in config.networks.iter().enumerate() {
            let wrong = |what| Err(CellsError::Place { index: i + 1, what });
            if !(1..=999).contains(&place.mcc) {
                return wrong("mcc");
            }
            if place.mnc.is_some_and(|m| m > 999) {
                return wrong("mnc");
            }
            if GeoPoint::new(place.lat, place.lon).is_none() {
                return wrong("lat or lon");
            }
            if !(place.uncertainty_m > 0.0 && place.uncertainty_m.is_finite()) {
                return wrong("uncertainty_m");
            }
        }
        Ok(Self {
            table,
            networks: config.networks.clone(),
            single_access_point: config.single_access_point,
            failed: AtomicBool::new(false),
        })
    }

    /// A locator on a table alone.
    pub fn of_table(path: &Path) -> Result<Self, CellsError> {
        Self::new(Some(Table::open(path)?), &Config::default())
    }

    /// Number of transmitters known.
    pub fn cells(&self) -> u64 {
        self.table.as_ref().map_or(0, Table::cells)
    }

    /// Number of areas known.
    pub fn areas(&self) -> u64 {
        self.table.as_ref().map_or(0, Table::areas)
    }

    /// Where the SET is by one transmitter.
    fn candidate(&self, heard: &LocationId) -> Option<Candidate> {
        let key = heard.cell.as_ref().map(CellKey::of);
        let radio = key.map(|k| k.radio);
        let (at, radius_m, source) = match (heard.announced, key) {
            // What a base station says of itself goes before a table.
            (Some(at), _) => (at, radius::announced(), ReferenceSource::Cell),
            (None, Some(key)) => self.known(key, heard.serving)?,
            (None, None) => return None,
        };
        let radius_m = match source {
            ReferenceSource::Cell => {
                let by_power = radius::with_power(radius_m, heard.power_dbm, radio);
                radius::with_distance(by_power, heard.range_m, radio)
            }
            _ => radius_m,
        };
        Some(Candidate {
            at,
            radius_m: radius::with_age(radius_m, heard.status, heard.age),
            source,
            serving: heard.serving,
            access_point: radio == Some(Radio::Wlan),
        })
    }

    fn known(&self, key: CellKey, serving: bool) -> Option<(GeoPoint, f64, ReferenceSource)> {
        let table = self.table.as_ref()?;
        let rows = self.read(table.cell(key))?;
        if let Some(row) = best_of(&rows, key) {
            return Some((row.at, radius::of_row(&row), ReferenceSource::Cell));
        }
        match key.radio {
            Radio::Wcdma if key.cell > 0xffff => self.by_short_identity(table, key),
            // Hundreds of look-ups, which a list of neighbours is not worth.
            Radio::Wcdma if serving => self.without_controller(table, key),
            Radio::Wcdma | Radio::Wlan => None,
            _ => {
                let area: AreaRow = self.read(table.area(key.area()))??;
                Some((area.at, f64::from(area.radius_m), ReferenceSource::Area))
            }
        }
    }

    /// Tables also hold UMTS cells under the 16 bits that are unique only within their controller. All cells of the network
    /// that are tabled so are candidates.
    fn by_short_identity(&self, table: &Table, key: CellKey) -> Option<(GeoPoint, f64, ReferenceSource)> {
        let short = CellKey { cell: key.cell & 0xffff, ..key };
        guess(&self.read(table.cell(short))?)
    }

    /// The other way round: a SET that knows 16 bits, and a table that knows the controllers. Every controller of the network
    /// may have a cell of that number.
    fn without_controller(&self, table: &Table, key: CellKey) -> Option<(GeoPoint, f64, ReferenceSource)> {
        guess(&self.read(table.of_any_controller(key))??)
    }

    fn network(&self, plmn: Plmn) -> Option<ReferenceLocation> {
        let of_network = |p: &&NetworkPlace| p.mcc == plmn.mcc && p.mnc == Some(plmn.mnc);
        let of_country = |p: &&NetworkPlace| p.mcc == plmn.mcc && p.mnc.is_none();
        let place =
            self.networks.iter().find(of_network).or_else(|| self.networks.iter().find(of_country))?;
        Some(ReferenceLocation {
            at: GeoPoint::new(place.lat, place.lon)?,
            altitude_m: None,
            uncertainty_m: place.uncertainty_m,
            source: ReferenceSource::Network,
        })
    }

    /// A table that cannot be read is as one that does not know; the operator is told once.
    fn read<T>(&self, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|e| {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    tracing::error!(error = %e, "the cell table cannot be read; import it anew");
                }
            })
            .ok()
    }
}

impl ReferenceLocator for Locator {
    fn locate(&self, heard: &[LocationId]) -> Option<ReferenceLocation> {
        let heard = heard.get(..MOST_HEARD).unwrap_or(heard);
        let mut candidates: Vec<Candidate> = Vec::with_capacity(heard.len());
        let mut seen: Vec<&CellId> = Vec::with_capacity(heard.len());
        for id in heard {
            // The same transmitter named twice is one witness.
            if id.cell.as_ref().is_some_and(|c| seen.contains(&c)) {
                continue;
            }
            seen.extend(id.cell.as_ref());
            candidates.extend(self.candidate(id));
        }
        keep_plausible_access_points(&mut candidates, self.single_access_point);
        combine(&candidates).or_else(|| {
            let serving_first = heard.iter().filter(|h| h.serving).chain(heard.iter().filter(|h| !h.serving));
            serving_first.filter_map(|h| h.cell?.plmn()).find_map(|plmn| self.network(plmn))
        })
    }
}

/// Where a UMTS cell is that is one of these: nowhere in particular when they lie far apart, and no better than roughly when there
/// is but one, since it may still be another controller's.
fn guess(rows: &[CellRow]) -> Option<(GeoPoint, f64, ReferenceSource)> {
    let first = rows.iter().copied().reduce(CellRow::better)?;
    let reach = |r: &CellRow| radius::distance_m(first.at, r.at) + radius::of_row(r);
    let all = rows.iter().map(reach).fold(SHORT_IDENTITY_M, f64::max);
    (all <= SHORT_IDENTITY_MOST_M).then_some((first.at, all, ReferenceSource::Area))
}

/// The record to take for a cell heard: of its own area if there is one, else the best.
fn best_of(rows: &[CellRow], heard: CellKey) -> Option<CellRow> {
    let own = rows.iter().copied().filter(|r| r.key == heard).reduce(CellRow::better);
    own.or_else(|| rows.iter().copied().filter(|r| r.key.answers(heard)).reduce(CellRow::better))
}

/// The locator that everyone shares, and that a reload replaces.
#[derive(Debug)]
pub struct Cells(ArcSwap<Locator>);

impl Cells {
    /// Shares a locator.
    pub fn new(locator: Locator) -> Self {
        Self(ArcSwap::from_pointee(locator))
    }

    /// Puts another in its place; questions under way end with the old one.
    pub fn replace(&self, locator: Locator) {
        self.0.store(Arc::new(locator));
    }

    /// The one in use.
    pub fn current(&self) -> Arc<Locator> {
        self.0.load_full()
    }
}

impl ReferenceLocator for Cells {
    fn locate(&self, heard: &[LocationId]) -> Option<ReferenceLocation> {
        self.0.load().locate(heard)
    }
}
