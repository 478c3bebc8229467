//! What satellites broadcast, in the integers in which they broadcast it.
//!
//! An ephemeris here is the navigation message itself: the same integers whether it came from a RINEX file, an RTCM
//! stream or a simulation, and the same that RRLP and LPP carry, so that nothing is lost between a satellite and a
//! handset. Times of reference are absolute ([`GpsTime`]), which takes the week's ambiguity out once and for all; the
//! scale factors are in `gnss::scale`.
//!
//! These types live here and not in `gnss` because both `wire` (which encodes them) and `gnss` (which computes with them)
//! need them, and neither may import the other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::GpsTime;

/// A satellite system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gnss {
    /// GPS.
    Gps,
    /// GLONASS.
    Glonass,
    /// Galileo.
    Galileo,
    /// BeiDou.
    BeiDou,
    /// QZSS.
    Qzss,
    /// Satellite based augmentation (WAAS, EGNOS, MSAS, GAGAN…).
    Sbas,
    /// NavIC (IRNSS).
    NavIc,
}

impl Gnss {
    /// All systems, in the order in which tables show them.
    pub const ALL: [Self; 7] =
        [Self::Gps, Self::Glonass, Self::Galileo, Self::BeiDou, Self::Qzss, Self::Sbas, Self::NavIc];

    /// The letter of RINEX.
    pub const fn letter(self) -> char {
        match self {
            Self::Gps => 'G',
            Self::Glonass => 'R',
            Self::Galileo => 'E',
            Self::BeiDou => 'C',
            Self::Qzss => 'J',
            Self::Sbas => 'S',
            Self::NavIc => 'I',
        }
    }

    /// The system of a RINEX letter.
    pub const fn from_letter(c: char) -> Option<Self> {
        Some(match c {
            'G' => Self::Gps,
            'R' => Self::Glonass,
            'E' => Self::Galileo,
            'C' => Self::BeiDou,
            'J' => Self::Qzss,
            'S' => Self::Sbas,
            'I' => Self::NavIc,
            _ => return None,
        })
    }

    /// Seconds of one unit of the system's time of almanac (TS 37.355 `GNSS-Almanac`).
    pub const fn toa_unit_s(self) -> i64 {
        match self {
            Self::Galileo => 600,
            Self::NavIc => 16,
            _ => 4096,
        }
    }

    /// Lower-case name for logs, metrics and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gps => "gps",
            Self::Glonass => "glonass",
            Self::Galileo => "galileo",
            Self::BeiDou => "beidou",
            Self::Qzss => "qzss",
            Self::Sbas => "sbas",
            Self::NavIc => "navic",
        }
    }
}

/// A satellite, numbered as in RINEX: PRN, slot or code; SBAS is PRN − 100 (`S20` is PRN 120), QZSS is PRN − 192 (`J01` is
/// PRN 193).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SatId {
    /// System.
    pub gnss: Gnss,
    /// Number in the system, 1..=99.
    pub number: u8,
}

impl SatId {
    /// Largest number that `LPP SV-ID` (0..=63) can carry is 64.
    const MAX_SV_ID: u8 = 63;

    /// A satellite by system and RINEX number.
    pub const fn new(gnss: Gnss, number: u8) -> Self {
        Self { gnss, number }
    }

    /// The `satellite-id` of LPP `SV-ID` and the `svID`/`satelliteID` of RRLP: counted from zero in each system
    /// (TS 37.355 `SV-ID`; TS 44.031 table A.10: number − 1, SBAS PRN − 120, QZSS PRN − 193). `None` where the fields
    /// have no code for it.
    pub const fn sv_id(self) -> Option<u8> {
        let base = match self.gnss {
            Gnss::Sbas => 20,
            _ => 1,
        };
        match self.number.checked_sub(base) {
            Some(n) if n <= Self::MAX_SV_ID => Some(n),
            _ => None,
        }
    }

    /// The satellite of an `SV-ID`; `None` when out of range.
    pub const fn from_sv_id(gnss: Gnss, sv_id: u8) -> Option<Self> {
        if sv_id > Self::MAX_SV_ID {
            return None;
        }
        let base = match gnss {
            Gnss::Sbas => 20,
            _ => 1,
        };
        Some(Self { gnss, number: sv_id + base })
    }
}

impl fmt::Display for SatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` keeps the width and alignment that a table asks for.
        f.pad(&format!("{}{:02}", self.gnss.letter(), self.number))
    }
}

impl fmt::Debug for SatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for SatId {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let parse = || {
            let gnss = Gnss::from_letter(s.chars().next()?)?;
            let number = s.get(1..)?.trim().parse().ok()?;
            (1..=99).contains(&number).then_some(Self { gnss, number })
        };
        parse().ok_or_else(|| format!("`{s}` is not a satellite such as G07 or E11"))
    }
}

/// Keplerian elements with harmonic corrections, as integers. The scale of each field depends on the system (ICDs;
/// TS 37.355 `NavModelKeplerianSet`, `NavModelNAV-KeplerianSet`, `NavModelBDS-KeplerianSet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Kepler {
    /// Square root of the semi-major axis, 2^-19 √m.
    pub sqrt_a: u32,
    /// Eccentricity, 2^-33.
    pub e: u32,
    /// Mean anomaly at toe, 2^-31 semicircles.
    pub m0: i32,
    /// Longitude of the ascending node at the week's start, 2^-31 semicircles.
    pub omega0: i32,
    /// Inclination at toe, 2^-31 semicircles.
    pub i0: i32,
    /// Argument of perigee, 2^-31 semicircles.
    pub omega: i32,
    /// Mean motion difference, 2^-43 semicircles/s (NavIC 2^-41).
    pub delta_n: i32,
    /// Rate of right ascension, 2^-43 semicircles/s (NavIC 2^-41).
    pub omega_dot: i32,
    /// Rate of inclination, 2^-43 semicircles/s.
    pub i_dot: i32,
    /// Radius corrections, 2^-5 m (BeiDou 2^-6, NavIC 2^-4).
    pub crs: i32,
    pub crc: i32,
    /// Latitude and inclination corrections, 2^-29 rad (BeiDou 2^-31, NavIC 2^-28).
    pub cus: i32,
    pub cuc: i32,
    pub cis: i32,
    pub cic: i32,
}

/// GPS and QZSS LNAV (IS-GPS-200 subframes 1–3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LnavEphemeris {
    /// GPS or QZSS satellite.
    pub sat: SatId,
    /// Time of ephemeris (a multiple of 16 s).
    pub toe: GpsTime,
    /// Time of clock (a multiple of 16 s).
    pub toc: GpsTime,
    /// Orbit.
    pub kepler: Kepler,
    /// Clock bias, 2^-31 s, 22 bits.
    pub af0: i32,
    /// Clock drift, 2^-43 s/s.
    pub af1: i16,
    /// Clock drift rate, 2^-55 s/s².
    pub af2: i8,
    /// Group delay, 2^-31 s.
    pub tgd: i8,
    /// Issue of data, clock, 10 bits; its lower 8 bits are the IODE.
    pub iodc: u16,
    /// User range accuracy index, 0..=15.
    pub ura: u8,
    /// SV health, 6 bits, 0 good.
    pub health: u8,
    /// Fit interval flag: longer than 4 h.
    pub fit_extended: bool,
    /// Codes on L2, 2 bits.
    pub code_on_l2: u8,
    /// L2 P data flag.
    pub l2p_flag: bool,
    /// Age of data offset, 5 bits, 900 s.
    pub aodo: u8,
}

/// Which Galileo message a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GalileoMessage {
    /// I/NAV on E1-B and E5b-I: clock for E1/E5b.
    INav,
    /// F/NAV on E5a-I: clock for E1/E5a.
    FNav,
}

/// Galileo signal health: data validity status (1 bit) and signal health status (2 bits) of each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct GalileoHealth {
    pub e1b_dvs: bool,
    pub e1b_hs: u8,
    pub e5a_dvs: bool,
    pub e5a_hs: u8,
    pub e5b_dvs: bool,
    pub e5b_hs: u8,
}

/// Galileo I/NAV or F/NAV (Galileo OS SIS ICD).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GalileoEphemeris {
    /// Satellite.
    pub sat: SatId,
    /// Message type.
    pub message: GalileoMessage,
    /// Time of ephemeris (a multiple of 60 s).
    pub toe: GpsTime,
    /// Time of clock (a multiple of 60 s).
    pub toc: GpsTime,
    /// Orbit.
    pub kepler: Kepler,
    /// Clock bias, 2^-34 s, 31 bits.
    pub af0: i32,
    /// Clock drift, 2^-46 s/s, 21 bits.
    pub af1: i32,
    /// Clock drift rate, 2^-59 s/s², 6 bits.
    pub af2: i8,
    /// Group delay E1/E5a, 2^-32 s, 10 bits.
    pub bgd_e1e5a: i16,
    /// Group delay E1/E5b, 2^-32 s, 10 bits.
    pub bgd_e1e5b: i16,
    /// Signal in space accuracy index, 0..=255 (255 no prediction).
    pub sisa: u8,
    /// Issue of data, 10 bits.
    pub iod_nav: u16,
    /// Health.
    pub health: GalileoHealth,
}

/// BeiDou D1/D2 (BDS-SIS-ICD B1I).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BeiDouEphemeris {
    /// Satellite.
    pub sat: SatId,
    /// Time of ephemeris; in BDT a multiple of 8 s.
    pub toe: GpsTime,
    /// Time of clock; in BDT a multiple of 8 s.
    pub toc: GpsTime,
    /// Orbit.
    pub kepler: Kepler,
    /// Clock bias, 2^-33 s, 24 bits.
    pub a0: i32,
    /// Clock drift, 2^-50 s/s, 22 bits.
    pub a1: i32,
    /// Clock drift rate, 2^-66 s/s², 11 bits.
    pub a2: i16,
    /// Group delay B1I/B3I, 0.1 ns, 10 bits.
    pub tgd1: i16,
    /// Group delay B2I/B3I, 0.1 ns, 10 bits.
    pub tgd2: i16,
    /// Age of data, ephemeris, 5 bits.
    pub aode: u8,
    /// Age of data, clock, 5 bits.
    pub aodc: u8,
    /// User range accuracy index, 0..=15.
    pub urai: u8,
    /// Autonomous satellite health flag: unhealthy.
    pub sat_h1: bool,
}

/// GLONASS state vector (GLONASS ICD L1/L2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GlonassEphemeris {
    /// Satellite, by slot.
    pub sat: SatId,
    /// Time t_b of the state (a multiple of 15 min of the Moscow day).
    pub tb: GpsTime,
    /// Position PZ-90, 2^-11 km, 27 bits.
    pub position: [i32; 3],
    /// Velocity, 2^-20 km/s, 24 bits.
    pub velocity: [i32; 3],
    /// Luni-solar acceleration, 2^-30 km/s², 5 bits.
    pub acceleration: [i8; 3],
    /// τ_n, 2^-30 s, 22 bits: the correction to the satellite's clock (minus the clock value of RINEX).
    pub tau: i32,
    /// γ_n, 2^-40, 11 bits.
    pub gamma: i16,
    /// Δτ_n between L2 and L1, 2^-30 s, 5 bits; `None` when the source does not know.
    pub delta_tau: Option<i8>,
    /// E_n, age of the data in days, 5 bits.
    pub age_days: u8,
    /// B_n: the most significant bit says unhealthy, 3 bits.
    pub bn: u8,
    /// F_T accuracy index, 4 bits.
    pub ft: u8,
    /// FDMA channel, −7..=13.
    pub channel: i8,
}

/// SBAS geostationary state vector (message type 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SbasEphemeris {
    /// Satellite.
    pub sat: SatId,
    /// Time of the state (a multiple of 16 s of the day).
    pub t0: GpsTime,
    /// Position: X, Y 0.08 m (30 bits), Z 0.4 m (25 bits).
    pub position: [i32; 3],
    /// Velocity: X, Y 0.000625 m/s (17 bits), Z 0.004 m/s (18 bits).
    pub velocity: [i32; 3],
    /// Acceleration: X, Y 0.0000125 m/s², Z 0.0000625 m/s², 10 bits.
    pub acceleration: [i16; 3],
    /// Clock bias, 2^-31 s, 12 bits.
    pub agf0: i16,
    /// Clock drift, 2^-40 s/s, 8 bits.
    pub agf1: i8,
    /// Accuracy index, 0..=15.
    pub ura: u8,
    /// Issue of data, 8 bits.
    pub iodn: u8,
    /// Unhealthy.
    pub unhealthy: bool,
}

/// NavIC (IRNSS SIS ICD for SPS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NavIcEphemeris {
    /// Satellite.
    pub sat: SatId,
    /// Time of ephemeris (a multiple of 16 s).
    pub toe: GpsTime,
    /// Time of clock (a multiple of 16 s).
    pub toc: GpsTime,
    /// Orbit.
    pub kepler: Kepler,
    /// Clock bias, 2^-31 s, 22 bits.
    pub af0: i32,
    /// Clock drift, 2^-43 s/s.
    pub af1: i16,
    /// Clock drift rate, 2^-55 s/s².
    pub af2: i8,
    /// Group delay, 2^-31 s.
    pub tgd: i8,
    /// Issue of data, ephemeris and clock, 8 bits.
    pub iodec: u8,
    /// User range accuracy index, 0..=15.
    pub urai: u8,
    /// Health bits, L5 (bit 1) and S (bit 0), 0 good.
    pub health: u8,
}

/// The navigation message of one satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ephemeris {
    /// GPS and QZSS.
    Lnav(LnavEphemeris),
    /// Galileo.
    Galileo(GalileoEphemeris),
    /// BeiDou.
    BeiDou(BeiDouEphemeris),
    /// GLONASS.
    Glonass(GlonassEphemeris),
    /// SBAS.
    Sbas(SbasEphemeris),
    /// NavIC.
    NavIc(NavIcEphemeris),
}

impl Ephemeris {
    /// Whose it is.
    pub const fn sat(&self) -> SatId {
        match self {
            Self::Lnav(e) => e.sat,
            Self::Galileo(e) => e.sat,
            Self::BeiDou(e) => e.sat,
            Self::Glonass(e) => e.sat,
            Self::Sbas(e) => e.sat,
            Self::NavIc(e) => e.sat,
        }
    }

    /// The time for which the orbit is given (toe, t_b, t_0).
    pub const fn reference_time(&self) -> GpsTime {
        match self {
            Self::Lnav(e) => e.toe,
            Self::Galileo(e) => e.toe,
            Self::BeiDou(e) => e.toe,
            Self::Glonass(e) => e.tb,
            Self::Sbas(e) => e.t0,
            Self::NavIc(e) => e.toe,
        }
    }

    /// The issue of data as LPP's 11-bit `iod` and RRLP GANSS's 10-bit `iod` carry it (TS 37.355 `GNSS-NavigationModel`,
    /// table "GNSS to iod relation").
    pub fn iod(&self) -> u16 {
        match self {
            Self::Lnav(e) => e.iodc,
            Self::Galileo(e) => e.iod_nav,
            // The 11 most significant bits of the 20-bit toe in seconds.
            Self::BeiDou(e) => (e.toe.bdt().1 / 1_000_000_000 / 512) as u16,
            Self::Glonass(e) => (e.tb.glonass().1 / 1_000_000_000 / 900) as u16,
            Self::Sbas(e) => u16::from(e.iodn),
            Self::NavIc(e) => u16::from(e.iodec),
        }
    }
}

/// Which coefficients a Klobuchar model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KlobucharArea {
    /// GPS, worldwide.
    World,
    /// QZSS, Japan's area.
    Qzss,
    /// BeiDou.
    BeiDou,
    /// NavIC.
    NavIc,
}

/// Klobuchar coefficients (IS-GPS-200 20.3.3.5.2.5): α 2^-30, 2^-27, 2^-24, 2^-24 s/semicircleⁿ; β 2^11, 2^14, 2^16, 2^16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Klobuchar {
    pub alpha: [i8; 4],
    pub beta: [i8; 4],
}

/// NeQuick-G coefficients: ai0 2^-2 sfu (11 bits unsigned), ai1 2^-8 sfu/deg (11 bits), ai2 2^-15 sfu/deg² (14 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NeQuick {
    pub ai0: u16,
    pub ai1: i16,
    pub ai2: i16,
    /// Storm flags of regions 1–5, where known.
    pub storm: Option<[bool; 5]>,
}

/// UTC parameters of one system: A0 2^-30 s (32 bits), A1 2^-50 s/s (24 bits), t_ot 2^12 s; weeks full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UtcModel {
    /// Bias, 2^-30 s (GLONASS: τ_c, 2^-31 s).
    pub a0: i32,
    /// Drift, 2^-50 s/s (unused by GLONASS).
    pub a1: i32,
    /// Reference time of week, 2^12 s.
    pub tot: u8,
    /// Full week of the reference time, in the system's own count as GPS week.
    pub week: u16,
    /// Leap seconds in force (system time − UTC).
    pub dt_ls: i8,
    /// Full GPS week of the next (or last) leap second.
    pub week_lsf: u16,
    /// Day of that week, 1..=7.
    pub dn: u8,
    /// Leap seconds after it.
    pub dt_lsf: i8,
}

/// Offset of a system's time from another's (GGTO and its kin): A0 2^-35 s (16 bits), A1 2^-51 s/s (13 bits) as CNAV and
/// LPP `GNSS-TimeModelElement` carry them; the reference time in 16 s units of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeOffset {
    /// The system whose time is described.
    pub from: Gnss,
    /// The system against which it is described.
    pub to: Gnss,
    /// Reference time.
    pub t0: GpsTime,
    /// Bias, 2^-35 s.
    pub a0: i32,
    /// Drift, 2^-51 s/s.
    pub a1: i32,
}

/// Earth orientation as CNAV type 32 and LPP `GNSS-EarthOrientationParameters` carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EarthOrientation {
    /// Reference time (16 s units).
    pub t_eop: GpsTime,
    /// Pole X, 2^-20 arcsec (21 bits), and its rate, 2^-21 arcsec/day (15 bits).
    pub pm_x: (i32, i16),
    /// Pole Y, likewise.
    pub pm_y: (i32, i16),
    /// UT1−UTC, 2^-24 s (31 bits), and its rate, 2^-25 s/day (19 bits).
    pub d_ut1: (i32, i32),
}

/// Keplerian almanac of one satellite: GPS's (IS-GPS-200 20.3.3.5.1.2), and in the same fields those of QZSS, Galileo, BeiDou
/// and NavIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeplerAlmanac {
    /// Satellite.
    pub sat: SatId,
    /// Time of almanac (a multiple of [`Gnss::toa_unit_s`] of the system's week).
    pub toa: GpsTime,
    /// Eccentricity. GPS, NavIC, BeiDou 2^-21 (16, 16, 17 bits); QZSS likewise, relative to 0.06 (geostationary: 0); Galileo
    /// 2^-16 (11 bits).
    pub e: u32,
    /// Inclination relative to the reference (0.30 semicircles; QZSS 0.25; Galileo 56°; geostationary 0). GPS, QZSS, BeiDou
    /// 2^-19 semicircles (16 bits); Galileo 2^-14 (11 bits); NavIC the inclination itself, 2^-23 (24 bits).
    pub delta_i: i32,
    /// Rate of right ascension. GPS, BeiDou 2^-38 semicircles/s (16, 17 bits); Galileo 2^-33 (11 bits).
    pub omega_dot: i32,
    /// Square root of the semi-major axis. GPS, BeiDou 2^-11 √m (24 bits); Galileo 2^-9 √m relative to √29,600,000 (13
    /// bits).
    pub sqrt_a: i32,
    /// Longitude of the ascending node. GPS, BeiDou 2^-23 semicircles (24 bits); Galileo 2^-15 (16 bits).
    pub omega0: i32,
    /// Argument of perigee, as `omega0`.
    pub omega: i32,
    /// Mean anomaly, as `omega0`.
    pub m0: i32,
    /// Clock bias. GPS, BeiDou 2^-20 s (11 bits); Galileo 2^-19 s (16 bits).
    pub af0: i32,
    /// Clock drift, 2^-38 s/s (GPS, BeiDou 11 bits; Galileo 13 bits).
    pub af1: i32,
    /// Health. GPS, QZSS: 8 bits; Galileo: 4 bits (E5a, E1); BeiDou: 9 bits; NavIC: none. 0 good.
    pub health: u16,
}

/// GLONASS almanac of one satellite (GLONASS ICD 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GlonassAlmanac {
    /// Satellite, by slot.
    pub sat: SatId,
    /// Start (GPS time) of the Moscow day to which it refers.
    pub day: GpsTime,
    /// Day in the four-year interval, 1..=1461.
    pub na: u16,
    /// Longitude of the first ascending node, 2^-20 semicircles, 21 bits.
    pub lambda: i32,
    /// Time of its passage, 2^-5 s of the Moscow day, 21 bits.
    pub t_lambda: u32,
    /// Correction to 63° inclination, 2^-20 semicircles, 18 bits.
    pub delta_i: i32,
    /// Correction to the 43,200 s period, 2^-9 s, 22 bits.
    pub delta_t: i32,
    /// Its rate, 2^-14 s/orbit, 7 bits.
    pub delta_t_dot: i8,
    /// Eccentricity, 2^-20, 15 bits.
    pub e: u16,
    /// Argument of perigee, 2^-15 semicircles, 16 bits.
    pub omega: i16,
    /// Clock correction τ, 2^-18 s, 10 bits.
    pub tau: i16,
    /// FDMA channel, −7..=13.
    pub channel: i8,
    /// Operable.
    pub healthy: bool,
}

/// SBAS almanac of one satellite (RTCA DO-229 message type 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SbasAlmanac {
    /// Satellite.
    pub sat: SatId,
    /// Time of the position (a multiple of 64 s of the day).
    pub t0: GpsTime,
    /// Position: X, Y 2,600 m (15 bits), Z 26,000 m (9 bits).
    pub position: [i16; 3],
    /// Velocity: X, Y 10 m/s (3 bits), Z 40.96 m/s (4 bits).
    pub velocity: [i8; 3],
    /// Health and status, 8 bits: from the lowest, ranging, corrections and integrity off; the upper four name the provider.
    pub health: u8,
}

/// An almanac entry of any system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Almanac {
    /// GPS, QZSS, Galileo, BeiDou, NavIC: by the satellite's system.
    Kepler(KeplerAlmanac),
    /// GLONASS.
    Glonass(GlonassAlmanac),
    /// SBAS.
    Sbas(SbasAlmanac),
}

impl Almanac {
    /// Whose it is.
    pub const fn sat(&self) -> SatId {
        match self {
            Self::Kepler(a) => a.sat,
            Self::Glonass(a) => a.sat,
            Self::Sbas(a) => a.sat,
        }
    }
}
