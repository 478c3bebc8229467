//! Recorded streams against what an independent program found in them, and messages encoded by `rtcm-rs`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rtcm_rs::Message as Other;
use rtcm_rs::msg::*;
use rtcm_rs::util::DataVec;

use super::*;
use crate::base::Utc;
use crate::base::broadcast::{Gnss, LnavEphemeris, NavIcEphemeris, SatId};
use crate::feed::{rinex, simulated, test_rtcm};
use crate::gnss::scale::exp2i;
use crate::gnss::station::{SignalCode, StationObservation};

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

/// What was observed at an instant, by satellite and code: pseudorange (m), phase (cycles), Doppler (Hz), C/N0 (dB-Hz).
type RinexEpoch = (GpsTime, BTreeMap<(SatId, String), [Option<f64>; 4]>);

/// The epochs of a RINEX 3 file as the other program wrote it.
fn rinex_epochs(text: &str) -> Vec<RinexEpoch> {
    let mut codes: BTreeMap<char, Vec<String>> = BTreeMap::new();
    let mut epochs: Vec<RinexEpoch> = Vec::new();
    let mut system = ' ';
    for line in text.lines() {
        if line.get(60..).is_some_and(|l| l.starts_with("SYS / # / OBS TYPES")) {
            system = line.chars().next().filter(|c| *c != ' ').unwrap_or(system);
            codes.entry(system).or_default().extend(line[7..60].split_whitespace().map(str::to_owned));
        } else if let Some(date) = line.strip_prefix('>') {
            let f: Vec<f64> = date.split_whitespace().map(|w| w.parse().unwrap()).collect();
            let date =
                Utc::from_civil(f[0] as i32, f[1] as u8, f[2] as u8, f[3] as u8, f[4] as u8, 0).unwrap();
            let gps = GpsTime::from_week_s(0, date.unix_s() - 315_964_800);
            epochs.push((gps.offset_s(f[5]), BTreeMap::new()));
        } else if let (Some((_, epoch)), Ok(sat)) =
            (epochs.last_mut(), line.get(..3).unwrap_or("").parse::<SatId>())
        {
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
            let near = |a: Option<f64>, b: Option<f64>, slack: f64| {
                a.zip(b).is_none_or(|(a, b)| (a - b).abs() < slack)
            };
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

/// What `rtcm-rs` encodes is read here, field by field.
fn first(bytes: &[u8], around: GpsTime) -> Message {
    let (mut messages, bad, _) = read(bytes, around);
    assert_eq!((messages.len(), bad), (1, 0));
    messages.remove(0)
}

#[test]
fn gps_of_another_encoder() {
    let t = utc("2024-03-01T12:00:00Z");
    for l in test_rtcm::gps(t) {
        let l = LnavEphemeris { health: 5, ura: 3, l2p_flag: true, code_on_l2: 2, aodo: 0, ..l };
        let bytes = test_rtcm::encode(&Other::Msg1019(test_rtcm::gps_message(&l)));
        assert_eq!(first(&bytes, t), Message::Ephemeris(Ephemeris::Lnav(l)));
    }
}

/// No recorded stream has NavIC's message.
#[test]
fn navic_of_another_encoder() {
    let t = utc("2024-03-01T12:00:00Z");
    let of = |e: &Ephemeris| match e {
        Ephemeris::NavIc(n) => Some(*n),
        _ => None,
    };
    let mut n = simulated::sky_at(t).ephemerides.iter().find_map(of).unwrap();
    n = NavIcEphemeris { af0: -1_234_567, af1: -321, af2: -5, tgd: -7, urai: 9, health: 2, iodec: 200, ..n };
    (n.kepler.delta_n, n.kepler.omega_dot, n.kepler.i_dot) = (-1_000_001, -2_000_003, -8001);
    (n.kepler.crs, n.kepler.crc, n.kepler.cus) = (-16_000, 15_999, -1);
    (n.kepler.cuc, n.kepler.cis, n.kepler.cic) = (12_345, -12_345, 7);
    let k = &n.kepler;
    let scaled = |v: i32, power: i32| f64::from(v) * exp2i(power);
    let message = Msg1041T {
        navic_satellite_id: n.sat.number,
        navic_week_number: (n.toe.week() % 1024) as u16,
        af0_s: scaled(n.af0, -31) as _,
        af1_s_s: scaled(i32::from(n.af1), -43) as _,
        af2_s_s2: scaled(i32::from(n.af2), -55) as _,
        ura_index: n.urai,
        toc_s: n.toc.tow() as _,
        tgd_s: scaled(i32::from(n.tgd), -31) as _,
        delta_n_sc_s: scaled(k.delta_n, -41),
        iodec: n.iodec,
        reserved_132_10: 0,
        l5_flag: 1,
        s_flag: 0,
        cuc_rad: scaled(k.cuc, -28) as _,
        cus_rad: scaled(k.cus, -28) as _,
        cic_rad: scaled(k.cic, -28) as _,
        cis_rad: scaled(k.cis, -28) as _,
        crc_m: scaled(k.crc, -4) as _,
        crs_m: scaled(k.crs, -4) as _,
        idot_sc_s: scaled(k.i_dot, -43) as _,
        m0_sc: scaled(k.m0, -31),
        toe_s: n.toe.tow() as _,
        eccentricity: f64::from(k.e) * exp2i(-33),
        sqrt_a_sqrt_m: f64::from(k.sqrt_a) * exp2i(-19),
        omega0_sc: scaled(k.omega0, -31),
        omega_sc: scaled(k.omega, -31),
        omegadot_sc_s: scaled(k.omega_dot, -41),
        i0_sc: scaled(k.i0, -31),
        spare_idot: 0,
        spare_i0: 0,
    };
    let bytes = test_rtcm::encode(&Other::Msg1041(message));
    assert_eq!(first(&bytes, t), Message::Ephemeris(Ephemeris::NavIc(n)));
}

#[test]
fn stations_and_observations_of_another_encoder() {
    let t = utc("2024-03-01T12:00:00Z");
    let here = [4_186_704.226_2, 834_903.767_7, -4_723_664.933_7];
    let Message::Station(s) = first(&test_rtcm::station(here), t) else { panic!() };
    assert_eq!((s.id, s.antenna_height_m, s.virtual_station), (7, None, false));
    assert!(s.position.iter().zip(here).all(|(a, b)| (a - b).abs() < 1e-4), "{s:?}");

    let ranges = [(3, 20_123_456.789), (17, 25_987_654.321)];
    let Message::Observations(e) = first(&test_rtcm::observations(t, &ranges), t) else { panic!() };
    assert_eq!((e.station, e.gnss, e.time, e.observations.len()), (7, Gnss::Gps, t, 2));
    for (o, (sat, range)) in e.observations.iter().zip(ranges) {
        assert_eq!((o.sat, o.signal), (SatId::new(Gnss::Gps, sat), SignalCode::new(1, b'C')));
        assert!((o.pseudorange_m.unwrap() - range).abs() < 1e-3 && (o.phase_m.unwrap() - range).abs() < 1e-3);
        assert_eq!((o.rate_m_s, o.cn0_dbhz, o.lock_ms, o.half_cycle), (Some(-299.75), Some(45.5), 144, true));
    }
    // Nothing stated is nothing, not zero; GLONASS has its own day and channels.
    let mut satellite_data = DataVec::new();
    satellite_data.push(Msm57GloSat {
        satellite_id: 8,
        gnss_satellite_rough_range_integer_ms: None,
        glonass_satellite_frequency_channel_number: Some(6),
        gnss_satellite_rough_range_mod1ms_ms: 0.5,
        gnss_satellite_rough_phaserange_rates_m_s: None,
    });
    let mut signal_data = DataVec::new();
    signal_data.push(Msg1087Sig {
        satellite_id: 8,
        signal_id: GloSigId::new(2, 'P'),
        gnss_signal_fine_pseudorange_ext_ms: Some(0.0),
        ..Msg1087Sig::default()
    });
    let message = Other::Msg1087(Msg1087T {
        reference_station_id: 4095,
        // Friday, 2024-03-01 15:00:00 in Moscow.
        glo_day_of_week: Some(5),
        glo_epoch_time_ms: 54_000_000,
        data_segment: Msg1087Data { satellite_data, signal_data },
        ..Msg1087T::default()
    });
    let Message::Observations(e) = first(&test_rtcm::encode(&message), t) else { panic!() };
    assert_eq!((e.station, e.time, e.observations.len()), (4095, t, 1));
    let o = e.observations[0];
    assert_eq!(
        (o.sat, o.signal, o.channel),
        (SatId::new(Gnss::Glonass, 8), SignalCode::new(2, b'P'), Some(6))
    );
    assert_eq!((o.pseudorange_m, o.phase_m, o.rate_m_s, o.cn0_dbhz), (None, None, None, None));
}

/// A mask with more cells than a message may have, signals and satellites that nobody knows.
#[test]
fn masks_that_cannot_be() {
    let t = utc("2024-03-01T12:00:00Z");
    let header = |mask: u64, signals: u32| {
        // Number 1077, station 1, time of week, 19 bits of flags.
        let mut bits: u128 = 1077;
        bits = bits << 12 | 1;
        bits = bits << 30 | (t.tow_ns() / 1_000_000) as u128;
        bits <<= 19;
        // 73 bits so far.
        let mut all: Vec<bool> = (0..73).rev().map(|i| bits >> i & 1 != 0).collect();
        all.extend((0..64).rev().map(|i| mask >> i & 1 != 0));
        all.extend((0..32).rev().map(|i| signals >> i & 1 != 0));
        all
    };
    let pack = |bits: &[bool]| -> Vec<u8> {
        bits.chunks(8)
            .map(|c| c.iter().enumerate().fold(0, |b, (i, bit)| b | u8::from(*bit) << (7 - i)))
            .collect()
    };
    let too_many = pack(&[header(u64::MAX, u32::MAX), vec![true; 4000]].concat());
    assert_eq!(decode(&too_many, t), Err(RtcmError::Field("cell mask")));
    assert_eq!(decode(&pack(&header(1 << 63, 1 << 30)), t), Err(RtcmError::Short));
    let Ok(Message::Observations(none)) = decode(&pack(&header(0, 0)), t) else { panic!() };
    assert!(none.observations.is_empty());
    // Satellite 1 with a signal that has no name and with L1 C/A; satellite 64 with the same. One of four is known.
    let bits = [header(1 << 63 | 1, 1 << 31 | 1 << 30), vec![true; 4 + 2 * 36 + 4 * 80]].concat();
    let Ok(Message::Observations(one)) = decode(&pack(&bits), t) else { panic!() };
    assert_eq!(one.observations.len(), 1);
}

proptest! {
    /// Any message gives something or an error, and any message with a known number does so as well.
    #[test]
    fn any_message_is_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 2..400),
        number in prop::sample::select(vec![1005_u16, 1006, 1019, 1020, 1041, 1042, 1044, 1045, 1046, 1074, 1085, 1096, 1107, 1117, 1127, 1137]),
        week in 0_i64..5000,
    ) {
        let around = GpsTime::from_week_s(week, 1000);
        let _ = decode(&bytes, around);
        bytes[0] = (number >> 4) as u8;
        bytes[1] = bytes[1] & 0xf | (number << 4) as u8;
        if let Ok(Message::Ephemeris(e)) = decode(&bytes, around) {
            // Whatever it says, computing with it ends.
            let _ = crate::gnss::orbit::state(&e, around);
        }
    }
}
