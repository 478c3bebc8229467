//! What the server has of the sky, as a table for people and machines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::age::is_healthy;
use super::orbit;
use super::snapshot::SkySnapshot;
use super::visibility::Observer;
use crate::base::broadcast::{Ephemeris, GalileoMessage, Gnss, SatId};
use crate::base::{GeoPoint, GpsTime, Utc};

/// One satellite.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkyRow {
    /// Satellite, such as `G07`.
    #[serde(serialize_with = "as_text")]
    pub sat: SatId,
    /// System.
    pub gnss: Gnss,
    /// Message type: `lnav`, `inav`, `fnav`, `d1`, `d2`, `fdma`, `sbas`.
    pub message: &'static str,
    /// Issue of data.
    pub issue: u16,
    /// Reference time of the orbit (toe, t_b, t_0), UTC.
    #[serde(serialize_with = "as_text")]
    pub toe: Utc,
    /// Seconds from the reference time to now, negative when it lies ahead.
    pub age_s: f64,
    /// Seconds until it may no longer be used.
    pub left_s: f64,
    /// Whether the satellite calls itself fit for use.
    pub healthy: bool,
    /// Why it is not offered nonetheless: `excluded`, `flagged`, `disputed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<&'static str>,
    /// Name of the source.
    pub source: String,
    /// Degrees clockwise from north, where a place was given.
    pub azimuth_deg: Option<f64>,
    /// Degrees above the horizon, where a place was given.
    pub elevation_deg: Option<f64>,
}

fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

/// The sky at an instant; its `Display` is the table as text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkyTable {
    /// Instant, UTC.
    #[serde(serialize_with = "as_text")]
    pub at: Utc,
    /// Whether the sky is made up.
    pub simulated: bool,
    /// Fresh satellites, healthy or not; with a place, those above the horizon, highest first.
    pub satellites: Vec<SkyRow>,
    /// Hours until fewer than four satellites of a system can be used if nothing new arrives; systems that have any.
    pub hours_left: BTreeMap<Gnss, f64>,
}

/// The message type in lower case.
const fn message(e: &Ephemeris) -> &'static str {
    match e {
        Ephemeris::Lnav(_) | Ephemeris::NavIc(_) => "lnav",
        Ephemeris::Galileo(g) => match g.message {
            GalileoMessage::INav => "inav",
            GalileoMessage::FNav => "fnav",
        },
        Ephemeris::BeiDou(b) if super::kepler::is_beidou_geo(b.sat) => "d2",
        Ephemeris::BeiDou(_) => "d1",
        Ephemeris::Glonass(_) => "fdma",
        Ephemeris::Sbas(_) => "sbas",
    }
}

/// The table at `t`; with a place (and its altitude in metres) azimuth and elevation are added and what is below the horizon
/// is left out.
pub fn sky_table(sky: &SkySnapshot, t: GpsTime, at: Option<(GeoPoint, f64)>) -> SkyTable {
    let observer = at.map(|(p, altitude)| Observer::new(p, altitude));
    let offered = sky.fresh(t).map(|entry| (entry, None));
    let withheld = sky.withheld_entries(t).map(|(entry, reason)| (entry, Some(reason.name())));
    let mut satellites: Vec<SkyRow> = offered
        .chain(withheld)
        .filter_map(|(entry, withheld)| {
            let e = &*entry.ephemeris;
            let look = observer.map(|o| o.look_at(orbit::coarse_position(e, t)));
            if look.is_some_and(|(_, elevation)| elevation < 0.0) {
                return None;
            }
            Some(SkyRow {
                sat: e.sat(),
                gnss: e.sat().gnss,
                message: message(e),
                issue: e.iod(),
                toe: e.reference_time().to_utc(),
                age_s: t - e.reference_time(),
                left_s: sky.policy().expiry(e) - t,
                healthy: is_healthy(e),
                withheld,
                source: entry.origin.to_string(),
                azimuth_deg: look.map(|(azimuth, _)| azimuth),
                elevation_deg: look.map(|(_, elevation)| elevation),
            })
        })
        .collect();
    if observer.is_some() {
        let height = |r: &SkyRow| r.elevation_deg.unwrap_or(-90.0);
        satellites.sort_by(|a, b| height(b).total_cmp(&height(a)));
    } else {
        satellites.sort_by_key(|r| r.sat);
    }
    let hours_left = satellites
        .iter()
        .map(|r| r.gnss)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|g| (g, sky.hours_left(g, t)));
    SkyTable { at: t.to_utc(), simulated: sky.simulated(), hours_left: hours_left.collect(), satellites }
}

impl fmt::Display for SkyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let simulated = if self.simulated { "   SIMULATED SKY, NOT REAL SATELLITES" } else { "" };
        writeln!(f, "Sky at {}{simulated}", self.at)?;
        if self.satellites.is_empty() {
            return writeln!(f, "No satellite has fresh data.");
        }
        let placed = self.satellites.iter().any(|r| r.elevation_deg.is_some());
        write!(
            f,
            "{:<4} {:<8} {:<5} {:>5}  {:<20} {:>8} {:>7}  {:<9}",
            "sat", "system", "msg", "issue", "toe", "age", "left", "health"
        )?;
        writeln!(f, "{} source", if placed { "   az   el " } else { "" })?;
        for r in &self.satellites {
            let health = match r.withheld {
                Some(reason) => reason.to_uppercase(),
                None if r.healthy => "good".to_owned(),
                None => "UNHEALTHY".to_owned(),
            };
            write!(
                f,
                "{:<4} {:<8} {:<5} {:>5}  {:<20} {:>8} {:>7}  {health:<9}",
                r.sat,
                r.gnss.name(),
                r.message,
                r.issue,
                r.toe.to_string(),
                Age(r.age_s).to_string(),
                Age(r.left_s).to_string()
            )?;
            if let (Some(az), Some(el)) = (r.azimuth_deg, r.elevation_deg) {
                write!(f, " {az:4.0} {el:4.0} ")?;
            }
            writeln!(f, " {}", r.source)?;
        }
        write!(f, "{} satellites:", self.satellites.len())?;
        for gnss in Gnss::ALL {
            let of = |r: &&SkyRow| r.gnss == gnss;
            let n = self.satellites.iter().filter(of).count();
            if n > 0 {
                let good =
                    self.satellites.iter().filter(of).filter(|r| r.healthy && r.withheld.is_none()).count();
                write!(f, " {} {good}/{n}", gnss.name())?;
            }
        }
        writeln!(f, " (offered/all)")?;
        write!(f, "left if nothing new arrives:")?;
        for (gnss, hours) in &self.hours_left {
            write!(f, " {} {}", gnss.name(), Age(hours * 3600.0))?;
        }
        writeln!(f)
    }
}

/// Seconds as minutes and seconds: `-12m30s`.
struct Age(f64);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0.abs().round() as u64;
        let sign = if self.0 < 0.0 { "-" } else { "" };
        if s >= 3600 {
            write!(f, "{sign}{}h{:02}m", s / 3600, s / 60 % 60)
        } else {
            write!(f, "{sign}{}m{:02}s", s / 60, s % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_well() {
        assert_eq!(Age(-750.0).to_string(), "-12m30s");
        assert_eq!(Age(7_261.0).to_string(), "2h01m");
        assert_eq!(Age(5.4).to_string(), "0m05s");
    }

    #[test]
    fn an_empty_sky_says_so() {
        let t = GpsTime::from_week_s(2243, 39_618);
        let table = sky_table(&SkySnapshot::default(), t, None).to_string();
        assert!(table.contains("2023-01-01T11:00:00Z") && table.contains("No satellite"), "{table}");
    }
}
