//! Signals: their carriers, their names on RINEX and LPP, and by how much each is late against the satellite's clock.

use std::fmt;

use crate::base::broadcast::{Ephemeris, GalileoMessage, Gnss};
use crate::gnss::scale::{BDS_TGD_LSB, BGD_LSB, TGD_LSB, exp2i};

/// A ranging signal of some system; which system is said by the satellite beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// GPS, QZSS, SBAS L1 C/A.
    L1Ca,
    /// GPS, QZSS L1C.
    L1C,
    /// GPS L1 P(Y).
    L1P,
    /// GPS, QZSS L2C.
    L2C,
    /// GPS L2 P(Y).
    L2P,
    /// GPS, QZSS, SBAS, NavIC L5.
    L5,
    /// Galileo E1.
    E1,
    /// Galileo E5a.
    E5a,
    /// Galileo E5b.
    E5b,
    /// Galileo E5 (AltBOC).
    E5,
    /// Galileo E6.
    E6,
    /// BeiDou B1I.
    B1I,
    /// BeiDou B1C.
    B1C,
    /// BeiDou B2a.
    B2a,
    /// BeiDou B2I of the second generation, B2b of the third.
    B2I,
    /// BeiDou B3I.
    B3I,
    /// GLONASS L1OF.
    G1,
    /// GLONASS L2OF.
    G2,
    /// GLONASS L3OC.
    G3,
    /// NavIC S.
    NavicS,
}

/// L1, Hz.
pub const L1_HZ: f64 = 1_575_420_000.0;
/// L2, Hz.
pub const L2_HZ: f64 = 1_227_600_000.0;
/// L5, Hz.
pub const L5_HZ: f64 = 1_176_450_000.0;
const B1I_HZ: f64 = 1_561_098_000.0;
const B2_HZ: f64 = 1_207_140_000.0;
const B3_HZ: f64 = 1_268_520_000.0;

impl Signal {
    /// Carrier in Hz; `channel` is the FDMA channel of a GLONASS satellite.
    pub fn carrier_hz(self, channel: i8) -> f64 {
        let k = f64::from(channel);
        match self {
            Self::L1Ca | Self::L1C | Self::L1P | Self::E1 | Self::B1C => L1_HZ,
            Self::L2C | Self::L2P => L2_HZ,
            Self::L5 | Self::E5a | Self::B2a => L5_HZ,
            Self::E5b | Self::B2I => B2_HZ,
            Self::E5 => 1_191_795_000.0,
            Self::E6 => 1_278_750_000.0,
            Self::B1I => B1I_HZ,
            Self::B3I => B3_HZ,
            Self::G1 => 1_602_000_000.0 + k * 562_500.0,
            Self::G2 => 1_246_000_000.0 + k * 437_500.0,
            Self::G3 => 1_202_025_000.0,
            Self::NavicS => 2_492_028_000.0,
        }
    }

    /// The signal on which a system's receivers of a single frequency work.
    pub const fn first(gnss: Gnss) -> Self {
        match gnss {
            Gnss::Gps | Gnss::Qzss | Gnss::Sbas => Self::L1Ca,
            Gnss::Galileo => Self::E1,
            Gnss::BeiDou => Self::B1I,
            Gnss::Glonass => Self::G1,
            Gnss::NavIc => Self::L5,
        }
    }

    /// The signal of a RINEX observation code: band and attribute, such as `1C` (RINEX 3.05 tables 13 to 19; the older
    /// `1I` of BeiDou's B1I and the letters of RINEX 2 are understood, too). `None` for signals that nobody ranges on here.
    pub const fn from_rinex(gnss: Gnss, band: u8, attribute: u8) -> Option<Self> {
        Some(match (gnss, band, attribute) {
            // E is L1 C/B of newer QZSS satellites.
            (Gnss::Gps | Gnss::Qzss | Gnss::Sbas, b'1', b'C') | (Gnss::Qzss, b'1', b'E') => Self::L1Ca,
            (Gnss::Gps | Gnss::Qzss, b'1', b'S' | b'L' | b'X') => Self::L1C,
            (Gnss::Gps, b'1', b'P' | b'W' | b'Y' | b'M') => Self::L1P,
            (Gnss::Gps | Gnss::Qzss, b'2', b'S' | b'L' | b'X' | b'C') => Self::L2C,
            (Gnss::Gps, b'2', b'P' | b'W' | b'Y' | b'M' | b'D') => Self::L2P,
            (Gnss::Gps | Gnss::Qzss | Gnss::Sbas, b'5', b'I' | b'Q' | b'X')
            | (Gnss::NavIc, b'5', b'A' | b'B' | b'C' | b'X') => Self::L5,
            (Gnss::Galileo, b'1', b'A' | b'B' | b'C' | b'X' | b'Z') => Self::E1,
            (Gnss::Galileo, b'5', b'I' | b'Q' | b'X') => Self::E5a,
            (Gnss::Galileo, b'7', b'I' | b'Q' | b'X') => Self::E5b,
            (Gnss::Galileo, b'8', b'I' | b'Q' | b'X') => Self::E5,
            (Gnss::Galileo, b'6', b'A' | b'B' | b'C' | b'X' | b'Z') => Self::E6,
            // RINEX 3.02 writes band 1.
            (Gnss::BeiDou, b'2', b'I' | b'Q' | b'X') | (Gnss::BeiDou, b'1', b'I' | b'Q') => Self::B1I,
            (Gnss::BeiDou, b'1', b'D' | b'P' | b'X') => Self::B1C,
            (Gnss::BeiDou, b'5', b'D' | b'P' | b'X') => Self::B2a,
            (Gnss::BeiDou, b'7', b'I' | b'Q' | b'X' | b'D' | b'P' | b'Z') => Self::B2I,
            (Gnss::BeiDou, b'6', b'I' | b'Q' | b'X') => Self::B3I,
            (Gnss::Glonass, b'1', b'C' | b'P') => Self::G1,
            (Gnss::Glonass, b'2', b'C' | b'P') => Self::G2,
            (Gnss::Glonass, b'3', b'I' | b'Q' | b'X') => Self::G3,
            (Gnss::NavIc, b'9', b'A' | b'B' | b'C' | b'X') => Self::NavicS,
            _ => return None,
        })
    }

    /// The signal of an LPP `GNSS-SignalID` or an RRLP GANSS signal id (TS 37.355 "Interpretation of gnss-SignalID").
    /// `None` where this house does not know the number.
    pub const fn from_lpp(gnss: Gnss, id: u8) -> Option<Self> {
        Some(match (gnss, id) {
            (Gnss::Gps | Gnss::Qzss | Gnss::Sbas, 0) => Self::L1Ca,
            (Gnss::Gps | Gnss::Qzss, 1) => Self::L1C,
            (Gnss::Gps | Gnss::Qzss, 2) => Self::L2C,
            (Gnss::Gps | Gnss::Qzss, 3) | (Gnss::NavIc, 0) => Self::L5,
            (Gnss::Glonass, 0) => Self::G1,
            (Gnss::Glonass, 1) => Self::G2,
            (Gnss::Glonass, 2) => Self::G3,
            (Gnss::Galileo, 0) => Self::E1,
            (Gnss::Galileo, 1) => Self::E5a,
            (Gnss::Galileo, 2) => Self::E5b,
            (Gnss::Galileo, 3) => Self::E6,
            (Gnss::Galileo, 4) => Self::E5,
            (Gnss::BeiDou, 0) => Self::B1I,
            _ => return None,
        })
    }

    /// By how many seconds the signal leaves the satellite late against the combination to which the clock of this
    /// ephemeris refers: subtract it from the clock. `None` when the message says nothing of this signal.
    ///
    /// GPS and QZSS: T_GD of IS-GPS-200 20.3.3.3.3.2, zero for the L1/L2 combination; the differences between codes of one
    /// carrier (ISC) are not in LNAV and taken as zero. Galileo: ICD 5.1.5, from the clock of I/NAV (E1, E5b) or F/NAV (E1,
    /// E5a). BeiDou: the clock is that of B3I (BDS-SIS-ICD 5.2.4.10). GLONASS: Δτ between G2 and G1. NavIC: IRNSS ICD 6.2.1.5.
    pub fn delay_s(self, e: &Ephemeris) -> Option<f64> {
        let ratio2 = |a: f64, b: f64| (a / b) * (a / b);
        match e {
            Ephemeris::Lnav(l) => {
                let tgd = f64::from(l.tgd) * TGD_LSB;
                match self {
                    Self::L1Ca | Self::L1C | Self::L1P => Some(tgd),
                    Self::L2C | Self::L2P => Some(tgd * ratio2(L1_HZ, L2_HZ)),
                    Self::L5 => Some(tgd * ratio2(L1_HZ, L5_HZ)),
                    _ => None,
                }
            }
            Ephemeris::Galileo(g) => {
                let a = f64::from(g.bgd_e1e5a) * BGD_LSB;
                let b = f64::from(g.bgd_e1e5b) * BGD_LSB;
                let (gamma_a, gamma_b) = (ratio2(L1_HZ, L5_HZ), ratio2(L1_HZ, B2_HZ));
                match (self, g.message) {
                    (Self::E1, GalileoMessage::INav) => Some(b),
                    (Self::E1, GalileoMessage::FNav) => Some(a),
                    (Self::E5b, GalileoMessage::INav) => Some(gamma_b * b),
                    (Self::E5a, GalileoMessage::FNav) => Some(gamma_a * a),
                    // E1 and E5a differ by (1 − γ) BGD(E1,E5a) whatever the clock.
                    (Self::E5a, GalileoMessage::INav) => Some(b - a * (1.0 - gamma_a)),
                    _ => None,
                }
            }
            Ephemeris::BeiDou(d) => match self {
                Self::B1I => Some(f64::from(d.tgd1) * BDS_TGD_LSB),
                Self::B2I => Some(f64::from(d.tgd2) * BDS_TGD_LSB),
                Self::B3I => Some(0.0),
                _ => None,
            },
            Ephemeris::Glonass(g) => match self {
                Self::G1 => Some(0.0),
                Self::G2 => g.delta_tau.map(|d| f64::from(d) * exp2i(-30)),
                _ => None,
            },
            Ephemeris::Sbas(_) => matches!(self, Self::L1Ca | Self::L5).then_some(0.0),
            Ephemeris::NavIc(n) => {
                let tgd = f64::from(n.tgd) * TGD_LSB;
                match self {
                    Self::NavicS => Some(tgd),
                    Self::L5 => Some(tgd * ratio2(2_492_028_000.0, L5_HZ)),
                    _ => None,
                }
            }
        }
    }

    /// Length of the signal's code in milliseconds: by how much a bare code phase is ambiguous.
    pub const fn code_ms(self) -> u16 {
        match self {
            Self::E1 => 4,
            Self::L1C | Self::B1C => 10,
            Self::L2C => 20,
            _ => 1,
        }
    }

    /// Short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1Ca => "L1 C/A",
            Self::L1C => "L1C",
            Self::L1P => "L1 P",
            Self::L2C => "L2C",
            Self::L2P => "L2 P",
            Self::L5 => "L5",
            Self::E1 => "E1",
            Self::E5a => "E5a",
            Self::E5b => "E5b",
            Self::E5 => "E5",
            Self::E6 => "E6",
            Self::B1I => "B1I",
            Self::B1C => "B1C",
            Self::B2a => "B2a",
            Self::B2I => "B2I",
            Self::B3I => "B3I",
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3 => "G3",
            Self::NavicS => "S",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl serde::Serialize for Signal {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}
