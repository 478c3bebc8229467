//! Small files made for one point each, and hostile ones.

use std::collections::BTreeMap;
use std::io::Write;

use proptest::prelude::*;

use super::super::*;
use crate::base::broadcast::{GlonassEphemeris, KlobucharArea};

fn parse(text: &str) -> (SkyUpdate, ImportReport) {
    read(text.as_bytes(), "small", Utc::from_unix_s(1_700_000_000)).unwrap()
}

fn header(version: &str, kind: &str) -> String {
    format!("{version:>9}{:11}{kind:<40}RINEX VERSION / TYPE\n{:60}END OF HEADER\n", "", "")
}

/// A line of values in columns of 19 after `indent` blanks.
fn line(indent: usize, values: &[f64]) -> String {
    let mut s = " ".repeat(indent);
    for v in values {
        use std::fmt::Write;
        write!(s, "{v:>19.12e}").unwrap();
    }
    s.push('\n');
    s
}

/// The seven orbit lines of a plausible GPS record.
fn gps_lines(indent: usize, toe: f64) -> String {
    line(indent, &[69.0, 29.59375, 4.7e-9, -1.7])
        + &line(indent, &[1.5e-6, 9.04e-3, 1.03e-5, 5153.63668])
        + &line(indent, &[toe, -1.5e-7, 0.59, -7.2e-8])
        + &line(indent, &[0.94, 173.3, 2.76, -8.0e-9])
        + &line(indent, &[-1.3e-10, 1.0, 1525.0, 0.0])
        + &line(indent, &[2.0, 0.0, -1.7e-8, 69.0])
        + &line(indent, &[253_968.0, 4.0])
}

#[test]
fn two_digit_years_and_week_ends() {
    // The last epoch of a week whose toe is the first of the next, and one of the last century.
    let text = header("2.11", "N")
        + &format!(" 2 19  4  6 23 59 44.0{}", line(0, &[1.5e-4, -4.5e-13, 0.0]))
        + &gps_lines(3, 0.0)
        + &format!(" 3 99  8 21 23 59 44.0{}", line(0, &[1.5e-4, -4.5e-13, 0.0]))
        + &gps_lines(3, 604_784.0);
    let (update, report) = parse(&text);
    assert_eq!((report.total(), report.total_skipped()), (2, 0), "{:?}", report.problems);
    // Week 2048, after the second roll-over; whatever the record's own week says.
    assert_eq!(update.ephemerides[0].reference_time(), GpsTime::from_week_s(2048, 0));
    assert_eq!(update.ephemerides[1].reference_time(), GpsTime::from_week_s(1023, 604_784));
}

#[test]
fn sbas_and_glonass_of_version_2() {
    let sbas = header("2.11", "H: GEO NAV DATA")
        + &format!("20 09  4  1  0  0 16.0{}", line(0, &[0.0, 0.0, 259_216.0]))
        + &line(3, &[40_000.0, 0.0, 0.0, 0.0])
        + &line(3, &[12_000.0, 0.0, 0.0, 4.0])
        + &line(3, &[10.0, 0.0, 0.0, 77.0]);
    let (update, _) = parse(&sbas);
    let Some(Ephemeris::Sbas(s)) = update.ephemerides.first() else { panic!("{update:?}") };
    assert_eq!(
        (s.sat, s.position, s.iodn, s.ura),
        (SatId::new(Gnss::Sbas, 20), [500_000_000, 150_000_000, 25_000], 77, 2)
    );

    let glonass = |channel: f64| {
        header("2.01", "GLONASS NAV DATA")
            + &format!(" 2 09  4  1  0 15  0.0{}", line(0, &[2e-5, 0.0, 900.0]))
            + &line(3, &[9_364.0, -0.26, 0.0, 1.0])
            + &line(3, &[-15_908.0, 2.39, 0.0, channel])
            + &line(3, &[-17_614.0, -2.3, 0.0, 0.0])
    };
    let one = |text: &str| -> Option<GlonassEphemeris> {
        match parse(text).0.ephemerides.first() {
            Some(Ephemeris::Glonass(g)) => Some(*g),
            _ => None,
        }
    };
    let g = one(&glonass(253.0)).unwrap();
    // A channel printed as an unsigned byte; health 1 is the most significant bit of B_n.
    assert_eq!((g.channel, g.bn, g.delta_tau, g.ft), (-3, 0b100, None, 15));
    // 00:15 UTC, 15 s of leap then.
    assert_eq!(g.tb, GpsTime::from_utc(Utc::from_civil(2009, 4, 1, 0, 15, 0).unwrap()));
    assert!(one(&glonass(100.0)).is_none());
}

#[test]
fn version_4_frames() {
    let body = |code: &str| {
        format!("G02 2023 04 01 00 00 00{}{}", line(0, &[1.5e-4, -4.5e-13, 0.0]), gps_lines(4, 518_400.0))
            .replace("G02", code)
    };
    let text = header("4.00", "NAVIGATION DATA     M")
        + "> EPH G02 LNAV\n"
        + &body("G02")
        + "> EPH G03 CNAV\n"
        + &body("G03")
        + "> STO G02 LNAV\n    2023 04 01 00 00 00 GPUT                                  UTC(USNO)\n"
        + &line(4, &[518_400.0, -9.313225746155e-10, 0.0, 0.0])
        + "> ION G02 LNAV\n"
        + &format!("    2023 04 01 00 00 00{}", line(0, &[2.0489e-8, 0.0, -5.9605e-8]))
        + &line(4, &[1.1921e-7, 141_310.0, -196_610.0, 0.0])
        + &line(4, &[196_610.0, 0.0])
        + "> ION E02 IFNV\n"
        + &format!("    2023 04 01 00 00 00{}", line(0, &[129.0, -0.59375, 6.1035e-4]))
        + &line(4, &[16.0])
        + "> ION C20 CNVX\n"
        + &format!("    2023 04 01 00 00 00{}", line(0, &[1.0, 2.0, 3.0]))
        + "> EOP G02 CNVX\n"
        + &format!("    2023 04 01 00 00 00{}", line(0, &[-0.05, 0.002, 0.0]))
        + &format!("{:23}{}", "", line(0, &[0.35, 0.001, 0.0]))
        + &line(4, &[518_400.0, -0.03, 1e-4, 0.0])
        + "> XYZ\nnonsense\n";
    let (update, report) = parse(&text);
    assert_eq!(report.records, BTreeMap::from([(Gnss::Gps, 1)]));
    assert_eq!(report.skipped, BTreeMap::from([(Skip::UnsupportedMessage, 3)]), "{:?}", report.problems);
    let (_, k) = update.klobuchar[0];
    assert_eq!(
        (update.klobuchar[0].0, k.alpha, k.beta),
        (KlobucharArea::World, [22, 0, -1, 2], [69, -12, 0, 3])
    );
    let n = update.nequick.unwrap();
    assert_eq!((n.ai0, n.ai1, n.ai2, n.storm), (516, -152, 20, Some([true, false, false, false, false])));
    let (gnss, utc) = update.utc[0];
    assert_eq!((gnss, utc.a0, utc.week, utc.dt_ls), (Gnss::Gps, -1, 2255, 18));
    let e = update.earth_orientation.unwrap();
    assert_eq!((e.pm_x.0, e.pm_y.0, e.d_ut1.0), (-52_429, 367_002, -503_316));
}

#[test]
fn galileo_messages_by_data_source() {
    let record = |source: f64| {
        header("3.04", "N: GNSS NAV DATA    M: MIXED")
            + &format!("E11 2023 01 01 00 10 00{}", line(0, &[1e-5, 0.0, 0.0]))
            + &line(4, &[1.0, 100.0, 3e-9, 0.5])
            + &line(4, &[1e-6, 2e-4, 1e-6, 5440.6])
            + &line(4, &[600.0, 1e-8, 0.5, 1e-8])
            + &line(4, &[0.97, 100.0, 0.1, -5e-9])
            + &line(4, &[1e-10, source, 2243.0])
            + &line(4, &[3.12, 0.0, 1e-9, 1e-9])
            + &line(4, &[700.0])
    };
    let message = |source| match parse(&record(source)).0.ephemerides.first() {
        Some(Ephemeris::Galileo(g)) => Some(g.message),
        _ => None,
    };
    for (source, want) in [
        (517.0, Some(GalileoMessage::INav)),
        (513.0, Some(GalileoMessage::INav)),
        (258.0, Some(GalileoMessage::FNav)),
        (1.0, Some(GalileoMessage::INav)),
        (768.0, None),
        (0.0, None),
    ] {
        assert_eq!(message(source), want, "{source}");
    }
}

#[test]
fn what_is_no_navigation_file_is_refused() {
    let no = |text: &[u8]| read(text, "x", Utc::from_unix_s(0)).unwrap_err();
    assert!(matches!(no(b""), RinexError::NotRinex));
    assert!(matches!(no(b"<html>\n<body>"), RinexError::NotRinex));
    assert!(matches!(no(header("3.04", "OBSERVATION DATA").as_bytes()), RinexError::NotNavigation('O')));
    assert!(matches!(no(header("9.00", "N").as_bytes()), RinexError::Version(_)));
    assert!(matches!(no(header("3.04", "N").lines().next().unwrap().as_bytes()), RinexError::Header));
    // An endless header ends.
    let endless = header("3.04", "N").replacen("END OF HEADER", "COMMENT", 1) + &"x\n".repeat(50_000);
    assert!(matches!(no(endless.as_bytes()), RinexError::Header));
}

#[test]
fn broken_records_are_counted_and_the_rest_is_read() {
    let first = |sat: &str, epoch: &str| format!("{sat} {epoch}{}", line(0, &[1.5e-4, -4.5e-13, 0.0]));
    let good = first("G02", "2023 01 01 00 00 00") + &gps_lines(4, 0.0);
    let text = header("3.04", "N")
        + &good
        + &first("G03", "2023 13 01 00 00 00")
        + &gps_lines(4, 0.0)
        + &first("Z03", "2023 01 01 00 00 00")
        + &gps_lines(4, 0.0)
        + &first("G04", "2023 01 01 00 00 00")
        + &gps_lines(4, 0.0).replace("1.500000000000e-6", "1.50000?000000e-6")
        + &first("G05", "2023 01 01 00 00 00")
        + &first("G06", "2023 01 01 00 00 00")
        + &gps_lines(4, 9e5)
        + &first("G07", "2023 01 01 00 00 00")
        + &gps_lines(4, 0.0)
        + &format!("    {}\n", "9".repeat(100_000))
        + &good.replace("G02", "G08");
    let (update, report) = parse(&text);
    let sats: Vec<String> = update.ephemerides.iter().map(|e| e.sat().to_string()).collect();
    assert_eq!(sats, ["G02", "G08"], "{:?}", report.problems);
    let want = [
        (Skip::Missing, 1),
        (Skip::NotANumber, 1),
        (Skip::OutOfRange, 1),
        (Skip::BadEpoch, 1),
        (Skip::UnknownSatellite, 1),
        (Skip::OverlongLine, 1),
    ];
    assert_eq!(report.skipped, BTreeMap::from(want));
}

#[test]
fn one_wrong_date_does_not_age_the_models() {
    let record =
        |epoch: &str| format!("G02 {epoch}{}{}", line(0, &[1.5e-4, -4.5e-13, 0.0]), gps_lines(4, 0.0));
    let text =
        header("3.04", "N") + &record("2023 01 01 00 00 00").repeat(9) + &record("2079 01 01 00 00 00");
    let (update, report) = parse(&text);
    assert_eq!(report.total(), 10);
    assert_eq!(update.epoch, GpsTime::from_week_s(2243, 0));
}

#[test]
fn gzip_in_several_members_and_cut_short() {
    let gz = |text: &str| {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(text.as_bytes()).unwrap();
        e.finish().unwrap()
    };
    let head = header("3.04", "N");
    let record = |sat: u8| {
        format!("G{sat:02} 2023 01 01 00 00 00{}{}", line(0, &[1.5e-4, -4.5e-13, 0.0]), gps_lines(4, 0.0))
    };
    let body: String = (1..=30).map(record).collect();
    let members = [gz(&head), gz(&body)].concat();
    let (update, report) = read(members.as_slice(), "x", Utc::from_unix_s(0)).unwrap();
    assert_eq!((update.ephemerides.len(), report.incomplete), (30, false));
    let whole = gz(&(head + &body));
    let (cut, report) = read(&whole[..whole.len() * 2 / 3], "x", Utc::from_unix_s(0)).unwrap();
    assert!(report.incomplete && cut.ephemerides.len() < 30);
}

proptest! {
    #[test]
    fn any_bytes_give_a_report_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let _ = read(bytes.as_slice(), "x", Utc::from_unix_s(0));
    }

    #[test]
    fn damaged_files_are_survived(at in 0_usize..3000, byte in any::<u8>(), cut in 0_usize..3000, v in 2..5) {
        let version = format!("{v}.00");
        let mut text = (header(&version, "N")
            + "> EPH G02 LNAV\n"
            + &format!("G02 2023 01 01 00 00 00{}", line(0, &[1.5e-4, -4.5e-13, 0.0]))
            + &gps_lines(4, 0.0)
            + "> STO G02 LNAV\n    2023 04 01 00 00 00 GPUT\n"
            + &line(4, &[518_400.0, -9.3e-10, 0.0, 0.0]))
            .repeat(2)
            .into_bytes();
        let n = text.len();
        text[at % n] = byte;
        text.truncate(n - cut % n);
        let _ = read(text.as_slice(), "x", Utc::from_unix_s(0));
    }
}
