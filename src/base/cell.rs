//! What a SET hears around it: cells and access points, and the reference location that follows from them.

use std::fmt;
use std::time::Duration;

use super::geo::GeoPoint;

/// A mobile network: country and network code. ULP carries the network code as a plain number, so two- and three-digit
/// codes of the same value are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plmn {
    /// Mobile country code, 0..=999.
    pub mcc: u16,
    /// Mobile network code, 0..=999.
    pub mnc: u16,
}

/// The identity of a cell or access point, without what was measured of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CellId {
    /// GSM: location area (16 bits) and cell (16 bits).
    Gsm {
        /// Network.
        plmn: Plmn,
        /// Location area code.
        lac: u16,
        /// Cell identity.
        ci: u16,
    },
    /// UMTS: RNC and cell (28 bits). The location area is not part of ULP's WCDMA cell.
    Wcdma {
        /// Network.
        plmn: Plmn,
        /// UTRAN cell identity: RNC id (12 or 16 bits) and cell id.
        uc: u32,
    },
    /// LTE: tracking area and E-UTRAN cell identity (28 bits).
    Lte {
        /// Network.
        plmn: Plmn,
        /// Tracking area code.
        tac: u16,
        /// E-UTRAN cell identity.
        eci: u32,
    },
    /// NR: tracking area (24 bits) and NR cell identity (36 bits).
    Nr {
        /// Network.
        plmn: Plmn,
        /// Tracking area code.
        tac: u32,
        /// NR cell identity.
        nci: u64,
    },
    /// CDMA2000 1x: system, network, base station.
    Cdma {
        /// System identity.
        sid: u16,
        /// Network identity.
        nid: u16,
        /// Base station identity.
        base_id: u16,
    },
    /// A WLAN access point by its MAC address.
    Wlan {
        /// BSSID.
        mac: [u8; 6],
    },
}

/// Cells are positions of people: their `Debug` shows only the kind.
impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellId({}:…)", self.kind())
    }
}

impl CellId {
    /// The radio technology, for logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gsm { .. } => "gsm",
            Self::Wcdma { .. } => "wcdma",
            Self::Lte { .. } => "lte",
            Self::Nr { .. } => "nr",
            Self::Cdma { .. } => "cdma",
            Self::Wlan { .. } => "wlan",
        }
    }

    /// The network the cell belongs to, where the identity says so.
    pub const fn plmn(&self) -> Option<Plmn> {
        match self {
            Self::Gsm { plmn, .. }
            | Self::Wcdma { plmn, .. }
            | Self::Lte { plmn, .. }
            | Self::Nr { plmn, .. } => Some(*plmn),
            Self::Cdma { .. } | Self::Wlan { .. } => None,
        }
    }
}

/// Whether a location id was taken now (OMA ULP `Status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellStatus {
    /// Taken earlier; the SET may have moved.
    Stale,
    /// Taken now.
    Current,
    /// The SET does not know.
    Unknown,
}

/// One cell or access point heard by a SET, with what it measured.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationId {
    /// The transmitter; `None` where the SET named one that carries no identity we know (HRPD, UMB, WiMAX, a later
    /// alternative).
    pub cell: Option<CellId>,
    /// A position the base station announces of itself (CDMA2000), if any.
    pub announced: Option<GeoPoint>,
    /// Timing advance as a distance from the transmitter, metres, where measured.
    pub range_m: Option<f64>,
    /// Received power in dBm, where measured.
    pub power_dbm: Option<f64>,
    /// Whether it is the serving cell.
    pub serving: bool,
    /// Freshness.
    pub status: CellStatus,
    /// How long before the message it was heard, where the SET says.
    pub age: Option<Duration>,
}

impl LocationId {
    /// A current serving cell of which nothing else is known.
    pub const fn serving(cell: CellId) -> Self {
        Self {
            cell: Some(cell),
            announced: None,
            range_m: None,
            power_dbm: None,
            serving: true,
            status: CellStatus::Current,
            age: None,
        }
    }
}

/// How good the ground of a reference location is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceSource {
    /// The SET said where it is.
    SetPosition,
    /// Several transmitters combined.
    Combined,
    /// The cell or access point itself.
    Cell,
    /// The centroid of its location or tracking area.
    Area,
    /// The place configured for its network or country.
    Network,
}

impl ReferenceSource {
    /// Name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetPosition => "set-position",
            Self::Combined => "combined",
            Self::Cell => "cell",
            Self::Area => "area",
            Self::Network => "network",
        }
    }
}

/// Roughly where a SET is, before positioning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceLocation {
    /// The place.
    pub at: GeoPoint,
    /// Metres above the ellipsoid, where known.
    pub altitude_m: Option<f64>,
    /// Radius in metres that holds the SET with [`Self::CONFIDENCE`] percent.
    pub uncertainty_m: f64,
    /// What it rests on.
    pub source: ReferenceSource,
}

impl ReferenceLocation {
    /// Confidence of `uncertainty_m`, percent. Every source states its radius for this confidence.
    pub const CONFIDENCE: u8 = 95;
}

/// Anything that can say where cells are. Implementations answer from an immutable snapshot, quickly and without
/// blocking on locks, so that the pure rooms may ask them.
pub trait ReferenceLocator: Send + Sync {
    /// Where a SET is that hears these; the falls from cell to area to network are the implementation's. `None` when
    /// nothing is known.
    fn locate(&self, heard: &[LocationId]) -> Option<ReferenceLocation>;
}

/// Knows no cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCells;

impl ReferenceLocator for NoCells {
    fn locate(&self, _: &[LocationId]) -> Option<ReferenceLocation> {
        None
    }
}
