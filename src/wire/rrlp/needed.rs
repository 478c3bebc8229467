//! Requests for assistance inside a location error: octets coded as BSSAP-LE codes requested GPS data (TS 49.031 10.10).

use std::time::Duration;

use super::measure::gps_satellite_id;
use crate::base::broadcast::{Gnss, KlobucharArea};
use crate::wire::assist::{
    AssistanceRequest, GnssRequest, HeldNavigation, IonosphereRequest, ModelChoice, NavigationRequest,
    ReferenceTimeRequest,
};

/// What the octets ask for. Octet 1 from its lowest bit: almanac, UTC, ionosphere, navigation model, DGPS, reference
/// location, reference time, acquisition assistance; octet 2: integrity, ephemeris extension and its check. From octet 3,
/// with a navigation model: week (10 bits, the upper two at the top of the first octet), time of ephemeris in hours,
/// number of satellites and limit, then satellite and IODE for each.
pub(super) fn decode(gps: &[u8], out: &mut AssistanceRequest) {
    let first = gps.first().copied().unwrap_or(0);
    let second = gps.get(1).copied().unwrap_or(0);
    let bit = |octet: u8, n: u8| octet >> n & 1 == 1;
    let request = GnssRequest {
        almanac: bit(first, 0).then_some(ModelChoice::default()),
        utc: bit(first, 1).then_some(ModelChoice::default()),
        navigation: bit(first, 3).then(|| NavigationRequest {
            held: held(gps.get(2..).unwrap_or_default()),
            ..NavigationRequest::default()
        }),
        acquisition: bit(first, 7).then_some(0),
        integrity: bit(second, 0),
        ..GnssRequest::new(Gnss::Gps)
    };
    if request != GnssRequest::new(Gnss::Gps) {
        out.systems.push(request);
    }
    if bit(first, 2) {
        out.ionosphere =
            Some(IonosphereRequest { klobuchar: vec![KlobucharArea::World], ..IonosphereRequest::default() });
    }
    out.other.differential |= bit(first, 4);
    out.reference_location |= bit(first, 5);
    if bit(first, 6) {
        out.reference_time =
            Some(ReferenceTimeRequest { systems: vec![Gnss::Gps], ..ReferenceTimeRequest::default() });
    }
    out.other.extended_ephemeris |= bit(second, 1) || bit(second, 2);
}

fn held(octets: &[u8]) -> Option<HeldNavigation> {
    let (&[week_high, week_low, toe, counts], satellites) = octets.split_first_chunk()?;
    Some(HeldNavigation {
        week_or_day: u16::from(week_high >> 6) << 8 | u16::from(week_low),
        toe,
        toe_limit: Duration::from_secs(u64::from(counts & 0x0f) * 3600),
        satellites: satellites
            .chunks_exact(2)
            .take(usize::from(counts >> 4))
            .filter_map(|s| Some((gps_satellite_id(s.first()? & 0x3f)?, u16::from(*s.get(1)?))))
            .collect(),
    })
}

/// The octets; empty when nothing of GPS is asked for.
pub(super) fn encode(r: &AssistanceRequest) -> Vec<u8> {
    let gps = r.system(Gnss::Gps);
    let has = |f: &dyn Fn(&GnssRequest) -> bool| u8::from(gps.is_some_and(f));
    let first = has(&|g| g.almanac.is_some())
        | has(&|g| g.utc.is_some()) << 1
        | u8::from(r.ionosphere.as_ref().is_some_and(|i| i.wants_klobuchar(KlobucharArea::World))) << 2
        | has(&|g| g.navigation.is_some()) << 3
        | u8::from(r.other.differential) << 4
        | u8::from(r.reference_location) << 5
        | u8::from(r.reference_time.as_ref().is_some_and(|t| t.systems.contains(&Gnss::Gps))) << 6
        | has(&|g| g.acquisition.is_some()) << 7;
    let second = has(&|g| g.integrity);
    if first == 0 && second == 0 {
        return Vec::new();
    }
    let mut out = vec![first, second];
    if let Some(h) = gps.and_then(|g| g.navigation.as_ref()).and_then(|n| n.held.as_ref()) {
        let sats: Vec<_> =
            h.satellites.iter().filter_map(|(s, iode)| Some((s.sv_id()?, *iode as u8))).take(15).collect();
        let limit = (h.toe_limit.as_secs() / 3600).min(10) as u8;
        out.extend([(h.week_or_day >> 8 & 3) as u8 * 64, h.week_or_day as u8, h.toe]);
        out.push((sats.len() as u8) << 4 | limit);
        out.extend(sats.iter().flat_map(|(s, iode)| [*s, *iode]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::SatId;

    /// Bit by bit as TS 49.031 10.10 lays its octets out (its octet 3 is the first here).
    #[test]
    fn the_octets_mean_what_the_table_says() {
        let of = |octets: &[u8]| {
            let mut r = AssistanceRequest::default();
            decode(octets, &mut r);
            r
        };
        let gps = |octets: &[u8]| {
            of(octets).system(Gnss::Gps).cloned().unwrap_or_else(|| GnssRequest::new(Gnss::Gps))
        };
        assert!(gps(&[1 << 0, 0]).almanac.is_some());
        assert!(gps(&[1 << 1, 0]).utc.is_some());
        assert!(of(&[1 << 2, 0]).ionosphere.is_some());
        assert!(gps(&[1 << 3, 0]).navigation.is_some());
        assert!(of(&[1 << 4, 0]).other.differential);
        assert!(of(&[1 << 5, 0]).reference_location);
        assert!(of(&[1 << 6, 0]).reference_time.is_some());
        assert!(gps(&[1 << 7, 0]).acquisition.is_some());
        assert!(gps(&[0, 1 << 0]).integrity);
        assert!(of(&[0, 1 << 1]).other.extended_ephemeris && of(&[0, 1 << 2]).other.extended_ephemeris);
        // Week 0x2c3: its upper two bits at the top of the octet; toe 100 h; one satellite, limit 10 h; PRN 32, IODE 200.
        let held =
            gps(&[0x08, 0, 0x80, 0xc3, 100, 0x1a, 0xc0 | 31, 200]).navigation.and_then(|n| n.held).unwrap();
        assert_eq!((held.week_or_day, held.toe), (0x2c3, 100));
        assert_eq!(held.toe_limit, Duration::from_hours(10));
        assert_eq!(held.satellites, [(SatId::new(Gnss::Gps, 32), 200)]);
        // Satellites announced and not sent, and sent without being announced.
        assert!(
            gps(&[0x08, 0, 0, 0, 0, 0xf0, 3]).navigation.and_then(|n| n.held).unwrap().satellites.is_empty()
        );
        assert!(
            gps(&[0x08, 0, 0, 0, 0, 0x00, 3, 4])
                .navigation
                .and_then(|n| n.held)
                .unwrap()
                .satellites
                .is_empty()
        );
    }

    #[test]
    fn requests_come_back() {
        let mut r = AssistanceRequest { reference_location: true, ..AssistanceRequest::default() };
        r.system_mut(Gnss::Gps).navigation = Some(NavigationRequest {
            held: Some(HeldNavigation {
                week_or_day: 0x2c3,
                toe: 100,
                toe_limit: Duration::from_hours(2),
                satellites: vec![(SatId::new(Gnss::Gps, 1), 51), (SatId::new(Gnss::Gps, 32), 7)],
            }),
            ..NavigationRequest::default()
        });
        r.system_mut(Gnss::Gps).integrity = true;
        let octets = encode(&r);
        assert_eq!(octets[..2], [0x28, 0x01]);
        let mut back = AssistanceRequest::default();
        decode(&octets, &mut back);
        assert_eq!(back, r);
        for n in 0..octets.len() {
            decode(&octets[..n], &mut AssistanceRequest::default());
        }
        assert!(encode(&AssistanceRequest::default()).is_empty());
    }
}
