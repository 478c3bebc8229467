//! What a handset can expect of a satellite's signal: where in frequency and code to look for it.
//!
//! A handset that is told Doppler shift and code phase within narrow windows finds signals that are too weak to be searched
//! for over everything. What it is told holds for a place and a time that are themselves uncertain; the windows are as wide as
//! those uncertainties make them, and no wider.

use super::scale::C;
use super::solve::link::{Atmosphere, Place};
use super::solve::{Ionosphere, Signal};
use super::track::Track;
use super::visibility::to_ecef;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::base::{GeoPoint, GpsTime};

/// Change of a satellite's range rate over a metre of ground at most, 1/s: its speed across the line of sight by its
/// distance, at the closest.
const RATE_PER_METRE: f64 = 1.95e-4;
/// What orbits, clocks and atmosphere add to a window, metres.
const MODEL_M: f64 = 15.0;
/// What they add to a Doppler shift, m/s.
const MODEL_MPS: f64 = 0.05;

/// From where and when satellites are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Viewpoint {
    place: Place,
    air: Atmosphere,
    time: GpsTime,
    uncertainty_m: f64,
    altitude_uncertainty_m: f64,
    time_uncertainty_s: f64,
}

/// What is to be expected of one signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Satellite.
    pub sat: SatId,
    /// Signal.
    pub signal: Signal,
    /// Doppler shift as range rate, m/s, positive when approaching, for a handset at rest whose oscillator is right.
    pub doppler_mps: f64,
    /// Its change, m/s².
    pub doppler_rate_mps2: f64,
    /// How far the Doppler shift of a handset at rest may be off, m/s.
    pub doppler_unc_mps: f64,
    /// Time from transmission by the satellite's clock to reception, milliseconds, the way through the atmosphere included.
    pub travel_ms: f64,
    /// How far that may be off, milliseconds.
    pub window_ms: f64,
    /// Degrees clockwise from north.
    pub azimuth_deg: f64,
    /// Degrees above the horizon.
    pub elevation_deg: f64,
}

impl Viewpoint {
    /// A place (altitude in metres above the ellipsoid) known within `uncertainty_m` and `altitude_uncertainty_m` metres, at a
    /// time known within `time_uncertainty_s` seconds. `None` for what is no place on Earth.
    pub fn new(
        at: GeoPoint,
        altitude_m: f64,
        uncertainty_m: f64,
        altitude_uncertainty_m: f64,
        time: GpsTime,
        time_uncertainty_s: f64,
    ) -> Option<Self> {
        let place = Place::new(to_ecef(at, altitude_m.clamp(-1e3, 1e5)))?;
        let air = Atmosphere::over(&place, Ionosphere::Unknown, time);
        let ok = uncertainty_m >= 0.0 && altitude_uncertainty_m >= 0.0 && time_uncertainty_s >= 0.0;
        ok.then_some(Self { place, air, time, uncertainty_m, altitude_uncertainty_m, time_uncertainty_s })
    }

    /// The time for which all holds.
    pub const fn time(&self) -> GpsTime {
        self.time
    }

    /// What to expect of a signal; `None` when the ephemeris says nothing of it or makes no orbit. Whether the satellite is
    /// above the horizon is in the answer.
    pub fn expect(&self, e: &Ephemeris, signal: Signal) -> Option<Expected> {
        let delay_s = signal.delay_s(e)?;
        let sight = Track::coarse(e, delay_s, self.time).seen_from(self.place.position, 0.0);
        let ray = self.place.ray(sight.unit);
        let channel = match e {
            Ephemeris::Glonass(g) => g.channel,
            _ => 0,
        };
        let travel_m = sight.range_m + self.air.delay_m(&ray, signal.carrier_hz(channel));
        let (sin, cos) = (ray.sin_elevation, (1.0 - ray.sin_elevation * ray.sin_elevation).max(0.0).sqrt());
        // A metre of ground changes the range by the cosine of the elevation; seen from straight below, the curve of the
        // sphere around the satellite is what remains.
        let bend = self.uncertainty_m * self.uncertainty_m / (2.0 * travel_m.max(1e6));
        let window_m = self.uncertainty_m * cos
            + bend
            + self.altitude_uncertainty_m * sin.abs()
            + sight.rate_mps.abs() * self.time_uncertainty_s
            + MODEL_M;
        let doppler_unc_mps = self.uncertainty_m * RATE_PER_METRE
            + sight.acceleration_mps2.abs() * self.time_uncertainty_s
            + MODEL_MPS;
        let expected = Expected {
            sat: e.sat(),
            signal,
            doppler_mps: -sight.rate_mps,
            doppler_rate_mps2: -sight.acceleration_mps2,
            doppler_unc_mps,
            travel_ms: travel_m / C * 1e3,
            window_ms: window_m / C * 1e3,
            azimuth_deg: ray.azimuth.0.atan2(ray.azimuth.1).to_degrees().rem_euclid(360.0),
            elevation_deg: ray.elevation.to_degrees(),
        };
        let sane = (20.0..1_000.0).contains(&expected.travel_ms) && expected.doppler_mps.abs() < 1e4;
        sane.then_some(expected)
    }
}

/// Whether all satellites of a system send a signal. GPS's later signals are sent by its newer satellites only:
/// [`SkySnapshot::sends`](super::SkySnapshot::sends) knows which, where a reference station tells.
pub const fn sent_by_all(gnss: Gnss, signal: Signal) -> bool {
    match gnss {
        Gnss::Gps => matches!(signal, Signal::L1Ca),
        Gnss::Glonass => matches!(signal, Signal::G1 | Signal::G2),
        Gnss::BeiDou => matches!(signal, Signal::B1I),
        Gnss::Galileo | Gnss::Qzss | Gnss::Sbas | Gnss::NavIc => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::feed;
    use crate::gnss::{Sky, SkyConfig, SkySnapshot};
    use crate::spc::Protocol;
    use crate::spc::assist::acquisition::{instant, said};
    use crate::testing::shared;
    use crate::wire::acquisition::{Code, GpsCode};

    fn sky(dir: &std::path::Path, files: &[&str]) -> SkySnapshot {
        let mut sky = Sky::new(SkyConfig::default());
        let files: Vec<_> = files.iter().map(|f| dir.join("gnss/nav").join(f)).collect();
        let now = crate::base::Utc::from_unix_s(1_700_000_000);
        feed::import(&files, now, &mut |u| assert!(sky.apply(&u).is_ok()));
        sky.snapshot()
    }

    /// Real observations of stations whose places are known to a decimetre: their code phases and Doppler shifts, and the
    /// codes of both protocols that follow from them.
    #[test]
    fn signals_are_where_they_were_really_observed() {
        let Some(dir) = shared("signals_are_where_they_were_really_observed") else { return };
        let days: HashMap<&str, (i64, SkySnapshot, [f64; 3])> = [
            (
                "2023-001",
                2243,
                &["BRDC00IGS_R_20230010000_01D_MN.rnx.gz"][..],
                [-1288398.578, -4721696.929, 4078625.334],
            ),
            (
                "2020-177",
                2111,
                &["ESBC00DNK_R_20201770000_01D_MN.rnx.gz", "MOJN00DNK_R_20201770000_01D_MN.rnx.gz"][..],
                [3582104.9325, 532590.2119, 5232755.3664],
            ),
        ]
        .into_iter()
        .map(|(day, week, files, place)| (day, (week, sky(&dir, files), place)))
        .collect();
        let text = std::fs::read_to_string(dir.join("gnss/truth/acq_check.csv")).unwrap();
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let column = |name| names.iter().position(|n| *n == name).unwrap();
        let mut checked = 0;
        for line in lines {
            let f: Vec<&str> = line.split(',').collect();
            let number = |name| f[column(name)].parse::<f64>().unwrap();
            let Some((week, sky, position)) = days.get(f[column("day_doy")]) else { continue };
            // The second station of 2023 is another place.
            if f[0].starts_with("TLSE") {
                continue;
            }
            let time = GpsTime::from_week_tow(*week, number("gps_tow_tag_s"));
            let sat: SatId = f[column("sat")].parse().unwrap();
            let Some(e) = sky.ephemeris(sat, time) else { continue };
            let (at, altitude) = crate::gnss::visibility::from_ecef(*position).unwrap();
            // For a place known within these, whatever way it is off, the signal is inside the window.
            let unc = 2_000.0;
            let off = GeoPoint::new(at.lat + 0.9 * unc / 111_200.0, at.lon).unwrap();
            for (place, unc) in [(at, 0.0), (off, unc)] {
                let view = Viewpoint::new(place, altitude, unc, 5.0, time, 0.0).unwrap();
                let x = view.expect(e, Signal::first(sat.gnss)).unwrap();
                let late = (number("delay_ms") - x.travel_ms).abs();
                assert!(late < x.window_ms + 1e-4, "{sat} {late} {}", x.window_ms);
                assert!(x.window_ms < 1.1 * unc / C * 1e3 + 1e-4);
                if let Ok(hz) = f[column("obs_doppler_hz")].parse::<f64>() {
                    // The station's oscillator is not in it.
                    let clock = number("dopp_obs_minus_pred_hz");
                    let observed = (hz - clock) * C / number("freq_hz");
                    let limit = x.doppler_unc_mps + 0.1;
                    assert!((observed - x.doppler_mps).abs() < limit, "{sat} {observed} {}", x.doppler_mps);
                }
                if unc > 0.0 {
                    continue;
                }
                let s = said(&x);
                let near = |a: f64, b: f64, period: f64| {
                    let d = (a - b).rem_euclid(period);
                    d.min(period - d)
                };
                assert_eq!(instant(time, sat.gnss, Protocol::Rrlp), time);
                let lpp = Code::new(time, &s);
                let phase = if lpp.phase_1023 { 1023 } else { lpp.phase };
                let want = number("lpp_intCodePhase") * 1024.0 - number("lpp_codePhase_2e-10ms");
                let got = f64::from(lpp.int_phase) * 1024.0 - f64::from(phase);
                assert!(near(want, got, 128.0 * 1024.0) <= 1.0, "{sat} {want} {got}");
                assert!((f64::from(lpp.doppler0) - number("lpp_doppler0_0p5mps")).abs() <= 1.0);
                if sat.gnss == Gnss::Gps {
                    let gps = GpsCode::new(time, &s);
                    let sent = |bit: f64, int: f64, chips: f64| (bit * 20.0 + int) * 1023.0 - chips;
                    let want = sent(
                        number("rrlp_gpsBitNumber"),
                        number("rrlp_intCodePhase"),
                        number("rrlp_codePhase"),
                    );
                    let got = sent(f64::from(gps.bit), f64::from(gps.int_phase), f64::from(gps.phase));
                    assert!(near(want, got, 80.0 * 1023.0) <= 1.0, "{sat} {want} {got}");
                    assert!((f64::from(gps.doppler0) - number("rrlp_doppler0_2p5hz")).abs() <= 1.0);
                }
            }
            checked += 1;
        }
        assert!(checked > 200, "{checked}");
    }
}
