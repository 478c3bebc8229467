//! Recorded streams against what an independent program found in them, and messages encoded by `rtcm-rs`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rtcm_rs::msg::*;
use rtcm_rs::{Message as Other, MessageBuilder};

use super::*;
use crate::base::Utc;
use crate::base::broadcast::{Gnss, SatId};
use crate::feed::rinex;
use crate::gnss::station::StationObservation;

fn utc(text: &str) -> GpsTime {
    GpsTime::from_utc(text.parse().unwrap())
}

/// All messages of a stream, and how many could not be used.
fn read(bytes: &[u8], around: GpsTime) -> (Vec<Message>, usize, FrameCounts) {
    let mut frames = Frames::default();
    let mut messages = Vec::new();
    let mut bad = 0;
    for piece in bytes.chunks(1000) {
        frames.push(piece);
        while let Some(message) = frames.next() {
            match decode(message, around) {
                Ok(m) => messages.push(m),
                Err(_) => bad += 1,
            }
        }
    }
    (messages, bad, frames.counts())
}

fn ephemerides(messages: &[Message]) -> Vec<Ephemeris> {
    let of = |m: &Message| match m {
        Message::Ephemeris(e) => Some(*e),
        _ => None,
    };
    messages.iter().filter_map(of).collect()
}

/// Without what RINEX 3.04 does not carry, and with times within the week (of GLONASS, the day): the other program had to guess
/// the date.
fn comparable(mut e: Ephemeris) -> String {
    const WEEK: i64 = 604_800_000_000_000;
    let within = |t: &mut GpsTime, span: i64| *t = GpsTime::from_ns(t.ns().rem_euclid(span));
    match &mut e {
        Ephemeris::Lnav(l) => {
            (l.aodo, l.l2p_flag, l.code_on_l2) = (0, false, 0);
            within(&mut l.toe, WEEK);
            within(&mut l.toc, WEEK);
        }
        Ephemeris::Glonass(g) => {
            (g.delta_tau, g.ft) = (None, 15);
            within(&mut g.tb, WEEK / 7);
        }
        Ephemeris::Galileo(g) => {
            within(&mut g.toe, WEEK);
            within(&mut g.toc, WEEK);
        }
        Ephemeris::BeiDou(b) => {
            within(&mut b.toe, WEEK);
            within(&mut b.toc, WEEK);
        }
        Ephemeris::Sbas(_) | Ephemeris::NavIc(_) => {}
    }
    format!("{e:?}")
}

/// Every ephemeris that the other program wrote must have come out of the stream, bit for bit, and be of the time of the stream.
fn against_truth(test: &str, stream: &str, truth: &str, around: GpsTime, least: &[(Gnss, usize)]) {
    let Some(shared) = crate::testing::shared(test) else { return };
    let bytes = std::fs::read(shared.join("gnss/rtcm3").join(stream)).unwrap();
    let (messages, bad, counts) = read(&bytes, around);
    assert_eq!((bad, counts.checksum), (0, 0), "{stream}");
    // The recordings begin and end anywhere.
    assert!(counts.skipped < 1100, "{stream}: {counts:?}");
    let ours = ephemerides(&messages);
    for e in &ours {
        let hours = (e.reference_time() - around) / 3600.0;
        assert!(hours.abs() < 4.1, "{} is {hours} h away", e.sat());
    }
    let file = std::fs::File::open(shared.join("gnss/truth").join(truth)).unwrap();
    let (update, _) = rinex::read(file, truth, Utc::from_unix_s(0)).unwrap();
    let known: BTreeSet<String> = ours.iter().map(|e| comparable(*e)).collect();
    let mut found: BTreeMap<Gnss, usize> = BTreeMap::new();
    for e in &update.ephemerides {
        let one = comparable(*e);
        let near = || ours.iter().filter(|o| o.sat() == e.sat()).map(|o| comparable(*o)).collect::<Vec<_>>();
        assert!(known.contains(&one), "{stream}: not found\n{one}\namong\n{:#?}", near());
        *found.entry(e.sat().gnss).or_default() += 1;
    }
    for (gnss, n) in least {
        assert!(found.get(gnss).is_some_and(|f| f >= n), "{stream}: {gnss:?} {found:?}");
    }
}

#[test]
fn a_stream_across_the_end_of_a_week() {
    against_truth(
        "a_stream_across_the_end_of_a_week",
        "week-rollover-STR24.rtcm3",
        "rtcm_str24_convbin.nav.gz",
        utc("2018-07-15T00:00:00Z"),
        &[(Gnss::Gps, 10), (Gnss::Glonass, 5), (Gnss::Galileo, 5), (Gnss::BeiDou, 5), (Gnss::Qzss, 1)],
    );
}

#[test]
fn ephemerides_of_the_whole_world() {
    against_truth(
        "ephemerides_of_the_whole_world",
        "eph.rtcm",
        "rtcm_eph_convbin.nav.gz",
        utc("2018-08-03T15:00:00Z"),
        &[(Gnss::Gps, 30), (Gnss::Glonass, 20), (Gnss::Galileo, 20), (Gnss::BeiDou, 10), (Gnss::Qzss, 2)],
    );
}

/// The observations of a minute, by satellite and code, from RINEX 3 as the other program wrote it: pseudorange (m), phase
/// (cycles), Doppler (Hz), C/N0 (dB-Hz).
fn rinex_epochs(text: &str) -> Vec<(GpsTime, BTreeMap<(SatId, String), [Option<f64>; 4]>)> {
    let mut codes: BTreeMap<char, Vec<String>> = BTreeMap::new();
    let mut epochs: Vec<(GpsTime, BTreeMap<(SatId, String), [Option<f64>; 4]>)> = Vec::new();
    let mut system = ' ';
    for line in text.lines() {
        if line.get(60..).is_some_and(|l| l.starts_with("SYS / # / OBS TYPES")) {
            system = line.chars().next().filter(|c| *c != ' ').unwrap_or(system);
            codes.entry(system).or_default().extend(line[7..60].split_whitespace().map(str::to_owned));
        } else if line.starts_with('>') {
            let f: Vec<f64> = line[1..].split_whitespace().map(|w| w.parse().unwrap()).collect();
            let date = Utc::from_civil(f[0] as i32, f[1] as u8, f[2] as u8, f[3] as u8, f[4] as u8, 0).unwrap();
            let gps = GpsTime::from_week_s(0, date.unix_s() - 315_964_800);
            epochs.push((gps.offset_s(f[5]), BTreeMap::new()));
        } else if let (Some((_, epoch)), Ok(sat)) = (epochs.last_mut(), line.get(..3).unwrap_or("").parse::<SatId>()) {
            for (i, code) in codes[&sat.gnss.letter()].iter().enumerate() {
                let value = line.get(3 + 16 * i..17 + 16 * i).and_then(|v| v.trim().parse().ok());
                let place = "CLDS".find(&code[..1]).unwrap();
                epoch.entry((sat, code[1..].to_owned())).or_default()[place] = value;
            }
        }
    }
    epochs
}

#[test]
fn observations_of_a_station() {
    let test = "observations_of_a_station";
    let Some(shared) = crate::testing::shared(test) else { return };
    let bytes = std::fs::read(shared.join("gnss/rtcm3/week-rollover-STR24.rtcm3")).unwrap();
    let (messages, _, _) = read(&bytes, utc("2018-07-15T00:00:00Z"));
    // The other program took it for a stream of another week.
    let of_week = |t: GpsTime| t.tow_ns() / 1_000_000;
    let mut ours: BTreeMap<(i64, SatId, String), StationObservation> = BTreeMap::new();
    let mut stations = BTreeSet::new();
    for m in &messages {
        match m {
            Message::Observations(e) => {
                for o in &e.observations {
                    let code = format!("{}{}", o.signal.band, char::from(o.signal.attribute));
                    ours.insert((of_week(e.time), o.sat, code), *o);
                }
            }
            Message::Station(s) => drop(stations.insert(format!("{s:?}"))),
            _ => {}
        }
    }
    assert_eq!(stations.len(), 1);
    let file = std::fs::File::open(shared.join("gnss/truth/rtcm_str24_convbin_60s.obs.gz")).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
    let mut compared = BTreeMap::<Gnss, usize>::new();
    for (t, epoch) in rinex_epochs(&text) {
        for ((sat, code), [range, phase, _, cn0]) in epoch {
            let Some(range) = range else { continue };
            let o = ours.get(&(of_week(t), sat, code.clone()));
            let o = o.unwrap_or_else(|| panic!("{t:?} {sat} {code} was not found"));
            let got = o.pseudorange_m.unwrap();
            assert!((got - range).abs() < 2e-3, "{t:?} {sat} {code}: {got} {range}");
            let near = |a: Option<f64>, b: Option<f64>, slack: f64| a.zip(b).is_none_or(|(a, b)| (a - b).abs() < slack);
            assert!(near(o.cn0_dbhz, cn0, 0.6), "{sat} {code}: {:?} {cn0:?}", o.cn0_dbhz);
            let wavelength = o.signal.carrier_hz(sat.gnss, o.channel).map(|f| crate::gnss::scale::C / f);
            if let (Some(p), Some(w), Some(phase)) = (o.phase_m, wavelength, phase) {
                // The other program moves the phase by whole cycles.
                let cycles = p / w - phase;
                assert!((cycles - cycles.round()).abs() < 0.02, "{sat} {code}: {cycles}");
            }
            *compared.entry(sat.gnss).or_default() += 1;
        }
    }
    assert!(compared.len() >= 5 && compared.values().all(|n| *n > 20), "{compared:?}");
}
