//! What a handset is to do, who it says it is and what it hears.

use std::str::FromStr;
use std::time::Duration;

use super::transport::Security;
use crate::base::broadcast::Gnss;
use crate::base::cell::{CellId, Plmn};
use crate::base::geo::GeoPoint;
use crate::base::ids::SetId;

/// What the handset wants of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// GNSS assistance; the position is computed in the handset and sent back (MS-Based).
    Agnss,
    /// GNSS assistance; measurements are sent back, and the server computes the position (MS-Assisted).
    Measure,
    /// Its position, by whatever the server makes of a handset that brings no assistance-fed receiver.
    Locate,
    /// Its position by the cell it hears.
    CellId,
}

impl Goal {
    /// Whether the receiver works with assistance.
    pub(super) const fn assisted(self) -> bool {
        matches!(self, Self::Agnss | Self::Measure)
    }
}

/// The major version of SUPL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuplVersion {
    /// SUPL 1.0.
    V1,
    /// SUPL 2.0.
    V2,
}

/// The protocol inside SUPL POS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// 3GPP TS 44.031.
    Rrlp,
    /// 3GPP TS 37.355.
    Lpp,
}

impl Payload {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rrlp => "RRLP",
            Self::Lpp => "LPP",
        }
    }
}

/// Where the simulated handset really is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Point.
    pub at: GeoPoint,
    /// Metres above the ellipsoid.
    pub altitude_m: f64,
}

impl FromStr for Place {
    type Err = String;

    /// `LAT,LON[,ALT]` in degrees and metres.
    fn from_str(s: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = s.split(',').map(|p| p.trim().parse::<f64>());
            let at = GeoPoint::new(parts.next()?.ok()?, parts.next()?.ok()?)?;
            let altitude_m = parts.next().transpose().ok()?.unwrap_or(0.0);
            let sane = parts.next().is_none() && (-500.0..=32_767.0).contains(&altitude_m);
            sane.then_some(Self { at, altitude_m })
        };
        read().ok_or_else(|| {
            format!("`{s}` is not LAT,LON[,ALT] in degrees and metres, such as 50.85,4.35 or 50.85,4.35,120")
        })
    }
}

/// Everything a session needs to know before it begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// What for.
    pub goal: Goal,
    /// `HOST:PORT`.
    pub server: String,
    /// How protected.
    pub security: Security,
    /// Which SUPL.
    pub version: SuplVersion,
    /// Which payload.
    pub payload: Payload,
    /// What it hears; the first is the serving cell.
    pub cells: Vec<CellId>,
    /// Who it says it is.
    pub set_id: SetId,
    /// Its session id, 0..=65535.
    pub session_id: u16,
    /// Horizontal accuracy asked for, metres.
    pub horizontal_m: Option<f64>,
    /// Systems its receiver knows; SUPL 1.0 can ask for GPS only.
    pub gnss: Vec<Gnss>,
    /// Ask for almanacs too.
    pub almanac: bool,
    /// Its true position; without one it stands a little way off the reference location it receives.
    pub place: Option<Place>,
    /// Tell the server that position in SUPL POS INIT.
    pub tell_position: bool,
    /// Seed of the simulated receiver's clock and noise.
    pub seed: u64,
    /// How long to wait for any one answer.
    pub timeout: Duration,
}

impl Options {
    /// Options with sensible values for the rest: SUPL 2.0 with LPP, TLS without verification, four systems, the test
    /// network's identity.
    pub fn new(goal: Goal, server: impl Into<String>) -> Self {
        Self {
            goal,
            server: server.into(),
            security: Security::Tls { ca: None, only: None },
            version: SuplVersion::V2,
            payload: Payload::Lpp,
            cells: Vec::new(),
            set_id: test_identity(),
            session_id: 1,
            horizontal_m: None,
            gnss: vec![Gnss::Gps, Gnss::Galileo, Gnss::Glonass, Gnss::BeiDou],
            almanac: false,
            place: None,
            tell_position: false,
            seed: 1,
            timeout: Duration::from_secs(10),
        }
    }

    /// SUPL 1.0 with RRLP, as the handsets of the 2000s.
    #[must_use]
    pub fn supl1(mut self) -> Self {
        self.version = SuplVersion::V1;
        self.payload = Payload::Rrlp;
        self.gnss = vec![Gnss::Gps];
        self
    }
}

/// The IMSI 001010000000001 of the test network (TS 23.003 reserves MCC 001 for tests).
fn test_identity() -> SetId {
    "001010000000001"
        .parse()
        .map_or_else(|_| SetId::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), SetId::Imsi)
}

/// Systems as letters of RINEX: `GREC`.
pub fn parse_gnss(s: &str) -> Result<Vec<Gnss>, String> {
    let mut systems = Vec::new();
    for c in s.chars() {
        let gnss = Gnss::from_letter(c.to_ascii_uppercase()).ok_or_else(|| {
            format!(
                "`{c}` is no system: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, S SBAS, I NavIC, such as GRE"
            )
        })?;
        if !systems.contains(&gnss) {
            systems.push(gnss);
        }
    }
    if systems.is_empty() { Err("name at least one system, such as G".to_owned()) } else { Ok(systems) }
}

/// A GSM cell, `MCC,MNC,LAC,CI`. All numbers decimal, or hexadecimal with `0x`.
pub fn parse_gsm(s: &str) -> Result<CellId, String> {
    let [mcc, mnc, lac, ci] = fields(s, "MCC,MNC,LAC,CI", [999, 999, 0xffff, 0xffff])?;
    Ok(CellId::Gsm { plmn: plmn(mcc, mnc), lac: lac as u16, ci: ci as u16 })
}

/// A WCDMA cell, `MCC,MNC,UC`.
pub fn parse_wcdma(s: &str) -> Result<CellId, String> {
    let [mcc, mnc, uc] = fields(s, "MCC,MNC,UC", [999, 999, 0xfff_ffff])?;
    Ok(CellId::Wcdma { plmn: plmn(mcc, mnc), uc: uc as u32 })
}

/// An LTE cell, `MCC,MNC,TAC,CI`.
pub fn parse_lte(s: &str) -> Result<CellId, String> {
    let [mcc, mnc, tac, eci] = fields(s, "MCC,MNC,TAC,CI", [999, 999, 0xffff, 0xfff_ffff])?;
    Ok(CellId::Lte { plmn: plmn(mcc, mnc), tac: tac as u16, eci: eci as u32 })
}

/// An NR cell, `MCC,MNC,TAC,NCI`.
pub fn parse_nr(s: &str) -> Result<CellId, String> {
    let [mcc, mnc, tac, nci] = fields(s, "MCC,MNC,TAC,NCI", [999, 999, 0xff_ffff, 0xf_ffff_ffff])?;
    Ok(CellId::Nr { plmn: plmn(mcc, mnc), tac: tac as u32, nci })
}

/// An access point, `00:11:22:AA:BB:CC` (or with `-`, or nothing between).
pub fn parse_wlan(s: &str) -> Result<CellId, String> {
    let digits: String = s.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let value = (digits.len() == 12).then(|| u64::from_str_radix(&digits, 16).ok()).flatten();
    let Some(value) = value else {
        return Err(format!("`{s}` is not a MAC address such as 00:11:22:AA:BB:CC"));
    };
    let [_, _, mac @ ..] = value.to_be_bytes();
    Ok(CellId::Wlan { mac })
}

const fn plmn(mcc: u64, mnc: u64) -> Plmn {
    Plmn { mcc: mcc as u16, mnc: mnc as u16 }
}

fn fields<const N: usize>(s: &str, shape: &str, max: [u64; N]) -> Result<[u64; N], String> {
    let mut values = [0; N];
    let mut parts = s.split(',');
    for ((value, max), name) in values.iter_mut().zip(max).zip(shape.split(',')) {
        let part = parts.next().ok_or_else(|| format!("`{s}` is not {shape}"))?.trim();
        let number = part
            .strip_prefix("0x")
            .map_or_else(|| part.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
            .ok_or_else(|| format!("`{part}` is no number ({name} of {shape})"))?;
        if number > max {
            return Err(format!("{name} is at most {max}, not {number}"));
        }
        *value = number;
    }
    parts.next().map_or(Ok(values), |_| Err(format!("`{s}` is not {shape}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_and_are_checked() {
        assert_eq!(
            parse_gsm("244,5,0x59e2,12720").unwrap(),
            CellId::Gsm { plmn: Plmn { mcc: 244, mnc: 5 }, lac: 0x59e2, ci: 12720 }
        );
        assert!(parse_gsm("244,5,1").is_err());
        assert!(parse_gsm("244,5,1,2,3").is_err());
        assert_eq!(parse_lte("1,1,70000,1").unwrap_err(), "TAC is at most 65535, not 70000");
        assert!(parse_nr("1,1,0xffffff,0xfffffffff").is_ok());
        assert_eq!(
            parse_wlan("00:11:22:AA:BB:CC").unwrap(),
            CellId::Wlan { mac: [0, 0x11, 0x22, 0xaa, 0xbb, 0xcc] }
        );
        assert!(parse_wlan("00:11:22:AA:BB").is_err());
    }

    #[test]
    fn places_and_systems() {
        let p: Place = "50.85,4.35,120".parse().unwrap();
        assert_eq!((p.at.lat, p.altitude_m), (50.85, 120.0));
        assert!("50.85".parse::<Place>().is_err());
        assert!("95,4".parse::<Place>().is_err());
        assert_eq!(parse_gnss("ge").unwrap(), [Gnss::Gps, Gnss::Galileo]);
        assert!(parse_gnss("gx").is_err());
        assert!(parse_gnss("").is_err());
    }
}
