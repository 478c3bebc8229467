//! Assistance data and requests for it, as RRLP, LPP and SUPL POS INIT share them.
//!
//! Each protocol carries a part of this; what a protocol cannot say is left out when encoding and documented at the
//! member.

use std::time::Duration;

use crate::base::broadcast::{
    Almanac, EarthOrientation, Ephemeris, Gnss, Klobuchar, KlobucharArea, NeQuick, SatId, TimeOffset,
    UtcModel,
};
use crate::base::geo::Shape;
use crate::base::time::GpsTime;

/// What a SET asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistanceRequest {
    /// Reference time.
    pub reference_time: Option<ReferenceTimeRequest>,
    /// Reference location.
    pub reference_location: bool,
    /// Ionospheric model.
    pub ionosphere: Option<IonosphereRequest>,
    /// Earth orientation parameters.
    pub earth_orientation: bool,
    /// What is asked for each system, at most one entry a system (SBAS: one a region).
    pub systems: Vec<GnssRequest>,
    /// What was asked for besides.
    pub other: OtherRequests,
    /// A request for data to be delivered again and again (LPP).
    pub periodic: Option<PeriodicRequest>,
}

impl AssistanceRequest {
    /// What is asked for a system.
    pub fn system(&self, gnss: Gnss) -> Option<&GnssRequest> {
        self.systems.iter().find(|s| s.gnss == gnss)
    }

    /// The entry of a system, made when absent.
    pub fn system_mut(&mut self, gnss: Gnss) -> &mut GnssRequest {
        let at = self.systems.iter().position(|s| s.gnss == gnss).unwrap_or_else(|| {
            self.systems.push(GnssRequest::new(gnss));
            self.systems.len() - 1
        });
        &mut self.systems[at]
    }

    /// Whether nothing at all is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Request for reference time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceTimeRequest {
    /// Systems in whose time it is wanted, most wanted first. SUPL POS INIT and RRLP know "GPS" and "some other": the other
    /// is then the first system of the request's list besides GPS, else Galileo.
    pub systems: Vec<Gnss>,
    /// Wants the bits for predicting TLM and HOW words (GPS).
    pub tow_assist: bool,
    /// Wants notice of a coming leap second (GLONASS).
    pub leap_second: bool,
}

/// Request for ionospheric models. With neither named, any that the server has will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IonosphereRequest {
    /// Klobuchar coefficients, for these areas.
    pub klobuchar: Vec<KlobucharArea>,
    /// NeQuick coefficients.
    pub nequick: bool,
    /// The nine BeiDou BDGIM coefficients (LPP `klobucharModel2`).
    pub bdgim: bool,
}

impl IonosphereRequest {
    /// Whether these Klobuchar coefficients fit the request.
    pub fn wants_klobuchar(&self, area: KlobucharArea) -> bool {
        self.klobuchar.contains(&area) || self.is_open() && area == KlobucharArea::World
    }

    /// Whether NeQuick coefficients fit the request.
    pub fn wants_nequick(&self) -> bool {
        self.nequick || self.is_open()
    }

    /// Whether the request names no model.
    pub fn is_open(&self) -> bool {
        self.klobuchar.is_empty() && !self.nequick && !self.bdgim
    }
}

/// What is asked for one system.
#[derive(Clone, Debug, PartialEq)]
pub struct GnssRequest {
    /// System.
    pub gnss: Gnss,
    /// Which SBAS, for [`Gnss::Sbas`].
    pub sbas: Option<SbasRegion>,
    /// Time offsets to these systems.
    pub time_models: Vec<Gnss>,
    /// Navigation model.
    pub navigation: Option<NavigationRequest>,
    /// Real-time integrity.
    pub integrity: bool,
    /// Acquisition assistance for the signal with this id (see [`SignalSet`]).
    pub acquisition: Option<u8>,
    /// Almanac.
    pub almanac: Option<ModelChoice>,
    /// UTC model.
    pub utc: Option<ModelChoice>,
    /// Auxiliary information (signals, GLONASS channels).
    pub auxiliary: bool,
}

impl GnssRequest {
    /// Nothing asked yet.
    pub const fn new(gnss: Gnss) -> Self {
        Self {
            gnss,
            sbas: None,
            time_models: Vec::new(),
            navigation: None,
            integrity: false,
            acquisition: None,
            almanac: None,
            utc: None,
            auxiliary: false,
        }
    }
}

/// The model that a request prefers: 1..=8 as numbered by TS 37.355; `None` for the system's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// Model number.
    pub id: Option<u8>,
}

/// An SBAS by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SbasRegion {
    Waas,
    Egnos,
    Msas,
    Gagan,
    /// A later one, by its code.
    Other(u8),
}

impl SbasRegion {
    /// By the code that all protocols share.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Waas,
            1 => Self::Egnos,
            2 => Self::Msas,
            3 => Self::Gagan,
            n => Self::Other(n),
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Waas => 0,
            Self::Egnos => 1,
            Self::Msas => 2,
            Self::Gagan => 3,
            Self::Other(n) => n,
        }
    }
}

/// Request for ephemerides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NavigationRequest {
    /// What the SET holds already, if it says so.
    pub held: Option<HeldNavigation>,
    /// The satellites it wants; `None` for all.
    pub satellites: Option<Vec<SatId>>,
    /// Preferred clock models, best first, 1..=8; empty for the system's own (LPP).
    pub clock_models: Vec<u8>,
    /// Preferred orbit models, likewise.
    pub orbit_models: Vec<u8>,
    /// Wants the parameters of GPS subframe 1 that positioning does not need (LPP).
    pub additional: bool,
}

impl NavigationRequest {
    /// Whether an ephemeris should be sent at `now`: it is wanted, and the SET does not hold the same issue still inside
    /// the age that it accepts.
    pub fn wants(&self, ephemeris: &Ephemeris, now: GpsTime) -> bool {
        let sat = ephemeris.sat();
        self.satellites.as_ref().is_none_or(|s| s.contains(&sat))
            && self.held.as_ref().is_none_or(|h| !h.holds(ephemeris, now))
    }
}

/// The ephemerides that a SET holds (ULP `NavigationModel`, `GanssNavigationModelData`; LPP `StoredNavListInfo`; TS 49.031
/// 10.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldNavigation {
    /// Week of the newest ephemeris held, modulo 1,024 (GPS in ULP and RRLP) or 4,096; GLONASS: day in the
    /// four-year interval. As sent; SETs without ephemerides send zeros.
    pub week_or_day: u16,
    /// Its time of ephemeris, in hours of the week; GLONASS: in units of 15 minutes of the day.
    pub toe: u8,
    /// The age of ephemerides that the SET tolerates.
    pub toe_limit: Duration,
    /// Satellites and issues held. GPS in ULP and RRLP: IODE (8 bits); else as [`Ephemeris::iod`],
    /// of which ULP carries ten bits.
    pub satellites: Vec<(SatId, u16)>,
}

impl HeldNavigation {
    /// Whether this very ephemeris is held: the SET names its issue, and it is not newer than the newest that it holds, in
    /// which case the same number would stand for another ephemeris.
    pub fn holds(&self, ephemeris: &Ephemeris, now: GpsTime) -> bool {
        let sat = ephemeris.sat();
        let same = |issue: u16| match ephemeris {
            // ULP and RRLP name a GPS issue by its eight lower bits.
            Ephemeris::Lnav(e) => issue == e.iodc || issue == e.iodc & 0xff,
            // ULP has ten bits, which cut the eleven of BeiDou.
            Ephemeris::BeiDou(_) => issue == ephemeris.iod() || issue == ephemeris.iod() & 0x3ff,
            e => issue == e.iod(),
        };
        let (unit_s, period_s, here_ns) = match ephemeris {
            Ephemeris::Glonass(_) => (900, 86_400, now.glonass().1),
            _ => (3600, 604_800, now.tow_ns()),
        };
        // The instant nearest to now whose hour (or quarter) is the one said, at the end of that unit.
        let ahead = (i64::from(self.toe) * unit_s - here_ns / 1_000_000_000).rem_euclid(period_s);
        let ahead = if ahead > period_s / 2 { ahead - period_s } else { ahead };
        let newest = now.offset_s((ahead + unit_s) as f64);
        self.satellites.iter().any(|(s, issue)| *s == sat && same(*issue))
            && ephemeris.reference_time() <= newest
    }
}

/// Kinds of data that were asked for and that no part of this server's assistance answers: they are to be refused by name,
/// never met with silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherRequests {
    /// Differential corrections (DGPS, DGANSS, BeiDou, NavIC), and ionospheric grids.
    pub differential: bool,
    /// Predicted navigation data bits.
    pub data_bits: bool,
    /// RTK: observations, stations, residuals, gradients.
    pub rtk: bool,
    /// State space corrections.
    pub ssr: bool,
    /// Integrity service parameters and alerts, line-of-sight grids.
    pub integrity_service: bool,
    /// Ephemeris extension and its check.
    pub extended_ephemeris: bool,
    /// Anything for modernised GPS as a system of its own (ULP, RRLP).
    pub modernised_gps: bool,
    /// Anything for a system or method that is not known here (OTDOA, sensors, WLAN, NR…).
    pub unknown: bool,
}

impl OtherRequests {
    /// Whether there is any.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// A request for periodic delivery (LPP `gnss-PeriodicAssistDataReq-r15`, `periodicAssistanceDataReq-r15`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeriodicRequest {
    /// The session under which data is to be delivered; absent from an empty request.
    pub session: Option<PeriodicSession>,
    /// What, how often. May be empty: the SET only asks whether periodic delivery exists.
    pub deliveries: Vec<PeriodicDelivery>,
}

/// A periodic session's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeriodicSession {
    /// Who began it.
    pub initiator: Initiator,
    /// Its number.
    pub number: u8,
}

/// Who began a transaction or a periodic session (LPP `Initiator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// The server.
    LocationServer,
    /// The SET.
    TargetDevice,
    /// An extension value.
    Unknown,
}

/// One kind of periodic data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodicDelivery {
    /// What.
    pub kind: PeriodicKind,
    /// How many times, 1..=32; 32 means without end.
    pub amount: u8,
    /// How often.
    pub interval: Duration,
}

/// Kinds of periodic data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PeriodicKind {
    RtkObservations,
    GlonassBias,
    RtkMacDifferences,
    RtkResiduals,
    RtkFkpGradients,
    SsrOrbit,
    SsrClock,
    SsrCodeBias,
    SsrUra,
    SsrPhaseBias,
    SsrStec,
    SsrGridded,
    IntegrityAlert,
    SsrOrbitSet2,
    SsrClockSet2,
    SsrUraSet2,
    SsrIodUpdate,
}

/// Signals of a system: bit n set (from the least significant) is the signal with id n of TS 37.355 `GNSS-SignalID`:
/// 0 is GPS L1 C/A, GLONASS G1, Galileo E1, BeiDou B1I, QZSS L1 C/A, SBAS L1, NavIC L5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SignalSet(pub u32);

impl SignalSet {
    /// The first signal alone.
    pub const FIRST: Self = Self(1);

    /// Whether a signal is there.
    pub const fn has(self, id: u8) -> bool {
        id < 32 && self.0 >> id & 1 == 1
    }
}

/// How a SET can use a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GnssModes {
    /// Without assistance.
    pub standalone: bool,
    /// With assistance, the SET computes.
    pub ms_based: bool,
    /// With assistance, the SET measures and the server computes.
    pub ms_assisted: bool,
}

/// Assistance data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assistance {
    /// Reference time.
    pub reference_time: Option<ReferenceTime>,
    /// Reference location. It leaves as an ellipsoid point with altitude and uncertainty ellipsoid, the only shape that
    /// LPP has for it and that old RRLP handsets read; parts it lacks are filled with the widest uncertainty.
    pub reference_location: Option<Shape>,
    /// Klobuchar coefficients by area. RRLP's GPS part takes [`KlobucharArea::World`]; LPP carries one set, the first.
    pub klobuchar: Vec<(KlobucharArea, Klobuchar)>,
    /// NeQuick coefficients (LPP, RRLP GANSS).
    pub nequick: Option<NeQuick>,
    /// Earth orientation (LPP, RRLP GANSS).
    pub earth_orientation: Option<EarthOrientation>,
    /// Data by system.
    pub systems: Vec<GnssAssistance>,
}

impl Assistance {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The data of a system.
    pub fn system(&self, gnss: Gnss) -> Option<&GnssAssistance> {
        self.systems.iter().find(|s| s.gnss == gnss)
    }

    /// The entry of a system, made when absent.
    pub fn system_mut(&mut self, gnss: Gnss) -> &mut GnssAssistance {
        let at = self.systems.iter().position(|s| s.gnss == gnss).unwrap_or_else(|| {
            self.systems.push(GnssAssistance::new(gnss));
            self.systems.len() - 1
        });
        &mut self.systems[at]
    }
}

/// Reference time.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceTime {
    /// The instant at which the message is (taken to be) received; kept to 0.08 s by RRLP's GPS part, to the second by its
    /// GANSS part, to the millisecond by LPP.
    pub time: GpsTime,
    /// The systems in whose time it is said, at least one. LPP says the first; RRLP says GPS if listed, and the first
    /// other.
    pub systems: Vec<Gnss>,
    /// Uncertainty, seconds; encoded without being made smaller.
    pub uncertainty_s: Option<f64>,
    /// GLONASS notice of a coming leap second, the two bits of the message (LPP).
    pub leap_notice: Option<u8>,
    /// For predicting GPS TLM and HOW words.
    pub tow_assist: Vec<TowAssist>,
    /// The same instant in a GSM cell's time (RRLP), where known.
    pub gsm: Option<GsmTime>,
}

impl ReferenceTime {
    /// GPS time at an instant, with its uncertainty in seconds.
    pub fn gps(time: GpsTime, uncertainty_s: Option<f64>) -> Self {
        Self {
            time,
            systems: vec![Gnss::Gps],
            uncertainty_s,
            leap_notice: None,
            tow_assist: Vec::new(),
            gsm: None,
        }
    }
}

/// What helps to predict a GPS satellite's TLM and HOW words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TowAssist {
    /// GPS satellite.
    pub sat: SatId,
    /// TLM message, 14 bits.
    pub tlm: u16,
    /// Anti-spoof flag.
    pub anti_spoof: bool,
    /// Alert flag.
    pub alert: bool,
    /// Reserved bits of the TLM word, 2 bits.
    pub reserved: u8,
}

/// An instant in a GSM cell's frame structure (TS 44.031 A.4.2.4 `GSMTime`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct GsmTime {
    /// ARFCN of the BCCH, 0..=1023.
    pub bcch: u16,
    /// Base station identity code, 0..=63.
    pub bsic: u8,
    /// TDMA frame, 21 bits.
    pub frame: u32,
    /// Time slot, 0..=7.
    pub slot: u8,
    /// Bit, 0..=156.
    pub bit: u8,
}

/// Assistance data of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct GnssAssistance {
    /// System.
    pub gnss: Gnss,
    /// Which SBAS, for [`Gnss::Sbas`].
    pub sbas: Option<SbasRegion>,
    /// Offsets of this system's time from others.
    pub time_offsets: Vec<TimeOffset>,
    /// Ephemerides, at most 16 in RRLP's GPS part, 32 in its GANSS part, 64 in LPP; encoding more is an error.
    pub ephemerides: Vec<Ephemeris>,
    /// GPS satellites whose ephemeris is still the one the SET holds (RRLP GPS only).
    pub unchanged: Vec<SatId>,
    /// Almanac.
    pub almanac: Option<AlmanacSet>,
    /// UTC model.
    pub utc: Option<UtcModel>,
    /// Satellites not to be used; `Some` of an empty list means that all are good, and is not sent, since no protocol can
    /// say it.
    pub integrity: Option<Vec<BadSignal>>,
    /// Acquisition assistance.
    pub acquisition: Option<Acquisition>,
    /// Auxiliary information.
    pub auxiliary: Vec<Auxiliary>,
}

impl GnssAssistance {
    /// Nothing yet.
    pub const fn new(gnss: Gnss) -> Self {
        Self {
            gnss,
            sbas: None,
            time_offsets: Vec::new(),
            ephemerides: Vec::new(),
            unchanged: Vec::new(),
            almanac: None,
            utc: None,
            integrity: None,
            acquisition: None,
            auxiliary: Vec::new(),
        }
    }
}

/// An almanac: entries of one reference time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlmanacSet {
    /// Entries. The protocols carry one week and (LPP, GANSS) one time of almanac: entries whose time is another than the
    /// first's are left out when encoding.
    pub entries: Vec<Almanac>,
    /// Whether this is the whole constellation.
    pub complete: bool,
}

/// A satellite that must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignal {
    /// Satellite.
    pub sat: SatId,
    /// Which of its signals; `None` for all.
    pub signals: Option<SignalSet>,
}

/// Auxiliary information of one satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auxiliary {
    /// Satellite.
    pub sat: SatId,
    /// Signals that it sends.
    pub signals: SignalSet,
    /// FDMA channel (GLONASS), −7..=13.
    pub channel: Option<i8>,
}

/// Acquisition assistance (RRLP `AcquisAssist`, LPP `GNSS-AcquisitionAssistance`): what to expect of each satellite at the
/// reference location and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Acquisition {
    /// The time for which it holds.
    pub time: GpsTime,
    /// Signal id (see [`SignalSet`]).
    pub signal: u8,
    /// Confidence that the signals are inside their windows, percent.
    pub confidence: Option<u8>,
    /// Satellites.
    pub satellites: Vec<AcquisitionSat>,
}

/// One satellite of [`Acquisition`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AcquisitionSat {
    /// Satellite.
    pub sat: SatId,
    /// Range rate as Doppler, m/s, positive when approaching.
    pub doppler_mps: f64,
    /// Its rate, m/s².
    pub doppler_rate_mps2: f64,
    /// Its uncertainty, m/s; `None` when not known.
    pub doppler_unc_mps: Option<f64>,
    /// Time from transmission by the satellite's clock to reception, ms; 1.0 of it is one period of a C/A code. The
    /// protocols carry it modulo 20 ms × 4 (RRLP GPS) or 128 ms.
    pub travel_ms: f64,
    /// Half width of the search window, ms.
    pub window_ms: f64,
    /// Azimuth, degrees.
    pub azimuth_deg: f64,
    /// Elevation, degrees.
    pub elevation_deg: f64,
}
