//! Values for the tests of this room.

use std::path::Path;

use serde_json::Value;

use crate::base::broadcast::*;
use crate::base::time::GpsTime;
use crate::wire::assist::*;
use crate::wire::measure::*;

/// 2023-01-01T11:00:00Z and a quarter second.
pub(crate) fn now() -> GpsTime {
    GpsTime::from_ns((2243 * 604_800 + 39_618) * 1_000_000_000 + 240_000_000)
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let text = text.trim();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub(crate) struct Vector {
    pub(crate) pdu: String,
    pub(crate) octets: Vec<u8>,
    pub(crate) refused: bool,
}

/// The vectors of a protocol by name.
pub(crate) fn vectors(dir: &Path, protocol: &str) -> Vec<(String, Vector)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir.join("vectors").join(protocol)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let v: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        out.push((
            name,
            Vector {
                pdu: v["pdu"].as_str().unwrap_or_default().to_owned(),
                octets: hex(v["uper_hex"].as_str().unwrap_or_default()),
                refused: v["expect"] == "error",
            },
        ));
    }
    assert!(!out.is_empty());
    out
}

fn kepler(seed: i32) -> Kepler {
    Kepler {
        sqrt_a: 2_702_000_055,
        e: 104_463_505,
        m0: -824_543_930,
        omega0: -946_102_842,
        i0: 676_083_630,
        omega: 641_068_398 + seed,
        delta_n: 10_716,
        omega_dot: -21_828,
        i_dot: -262,
        crs: -2832,
        crc: 7819,
        cus: 4118,
        cuc: -2389,
        cis: 89,
        cic: 143,
    }
}

/// An ephemeris of a system, valid now.
pub(crate) fn ephemeris(gnss: Gnss) -> Ephemeris {
    let toe = GpsTime::from_week_s(2243, 36_000);
    let sat = SatId::new(gnss, if gnss == Gnss::Sbas { 23 } else { 4 });
    match gnss {
        Gnss::Gps | Gnss::Qzss => Ephemeris::Lnav(LnavEphemeris {
            sat,
            toe,
            toc: toe,
            kepler: kepler(1),
            af0: 494_006,
            af1: -44,
            af2: 0,
            tgd: 10,
            iodc: 0x133,
            ura: 2,
            health: 0x3f,
            fit_extended: true,
            code_on_l2: 1,
            l2p_flag: true,
            aodo: 9,
        }),
        Gnss::Galileo => Ephemeris::Galileo(GalileoEphemeris {
            sat,
            message: GalileoMessage::INav,
            toe,
            toc: toe,
            kepler: kepler(2),
            af0: -10_103_009,
            af1: -483,
            af2: -1,
            bgd_e1e5a: 0,
            bgd_e1e5b: -77,
            sisa: 107,
            iod_nav: 60,
            health: GalileoHealth {
                e1b_dvs: true,
                e1b_hs: 1,
                e5a_dvs: false,
                e5a_hs: 3,
                e5b_dvs: true,
                e5b_hs: 2,
            },
        }),
        Gnss::BeiDou => Ephemeris::BeiDou(BeiDouEphemeris {
            sat,
            toe: GpsTime::from_bdt(887, 36_000),
            toc: GpsTime::from_bdt(887, 36_000),
            kepler: kepler(3),
            a0: 7_933_906,
            a1: -4023,
            a2: -1,
            tgd1: -47,
            tgd2: 12,
            aode: 1,
            aodc: 2,
            urai: 3,
            sat_h1: true,
        }),
        Gnss::Glonass => Ephemeris::Glonass(GlonassEphemeris {
            sat,
            tb: GpsTime::from_utc("2023-01-01T10:45:00Z".parse().unwrap()),
            position: [-16_290_822, 15_756_611, -47_069_741],
            velocity: [-2_543_187, -2_101_266, 177_452],
            acceleration: [0, -3, 3],
            tau: -22_014,
            gamma: -1,
            delta_tau: Some(-4),
            age_days: 2,
            bn: 4,
            ft: 5,
            channel: -7,
        }),
        Gnss::Sbas => Ephemeris::Sbas(SbasEphemeris {
            sat,
            t0: GpsTime::from_week_s(2243, 39_600),
            position: [300_000_000, -300_000_001, 7],
            velocity: [-9, 8, -7],
            acceleration: [1, -2, 3],
            agf0: -100,
            agf1: -3,
            ura: 6,
            iodn: 200,
            unhealthy: true,
        }),
        Gnss::NavIc => Ephemeris::NavIc(NavIcEphemeris {
            sat,
            toe,
            toc: toe,
            kepler: Kepler { delta_n: -1_000_000, omega_dot: -1_000_001, ..kepler(4) },
            af0: -5,
            af1: 6,
            af2: -7,
            tgd: 8,
            iodec: 99,
            urai: 1,
            health: 2,
        }),
    }
}

/// Everything that LPP can carry of a system.
pub(crate) fn system_assistance(gnss: Gnss) -> GnssAssistance {
    let e = ephemeris(gnss);
    let sat = e.sat();
    let kepler_almanac = |toa, sqrt_a, bits: u32| {
        let small = (1 << bits) - 1;
        Almanac::Kepler(KeplerAlmanac {
            sat,
            toa,
            e: 1000,
            delta_i: -500,
            omega_dot: -600,
            sqrt_a,
            omega0: -small,
            omega: small,
            m0: 3,
            af0: -4,
            af1: 5,
            health: 5,
        })
    };
    let toa = GpsTime::from_week_s(2243, 11 * 4096);
    let almanac = match gnss {
        Gnss::Gps | Gnss::Qzss => Some(kepler_almanac(toa, 10_554_000, 23)),
        Gnss::Galileo => Some(kepler_almanac(GpsTime::from_week_s(2243, 600 * 300), -20, 15)),
        Gnss::BeiDou => Some(kepler_almanac(GpsTime::from_bdt(887, 11 * 4096), 10_554_000, 23)),
        Gnss::Glonass => {
            let day = GpsTime::from_utc("2022-12-31T21:00:00Z".parse().unwrap());
            Some(Almanac::Glonass(GlonassAlmanac {
                sat,
                day,
                na: 1097,
                lambda: -5,
                t_lambda: 6,
                delta_i: -7,
                delta_t: -8,
                delta_t_dot: -9,
                e: 10,
                omega: -11,
                tau: -12,
                channel: -7,
                healthy: true,
            }))
        }
        Gnss::Sbas => Some(Almanac::Sbas(SbasAlmanac {
            sat,
            t0: GpsTime::from_week_s(2243, 39_616),
            position: [16_000, -16_000, 200],
            velocity: [3, -4, -8],
            health: 0x15,
        })),
        Gnss::NavIc => {
            let Almanac::Kepler(a) = kepler_almanac(GpsTime::from_week_s(2243, 45_056), 13_293_000, 23)
            else {
                unreachable!()
            };
            Some(Almanac::Kepler(KeplerAlmanac { health: 0, delta_i: 1_350_000, ..a }))
        }
    };
    let utc = (!matches!(gnss, Gnss::Glonass | Gnss::BeiDou)).then_some(UtcModel {
        a0: -3,
        a1: 4,
        tot: 61,
        week: 2243,
        dt_ls: 18,
        week_lsf: 2185,
        dn: 7,
        dt_lsf: 18,
    });
    GnssAssistance {
        sbas: (gnss == Gnss::Sbas).then_some(SbasRegion::Egnos),
        time_offsets: vec![TimeOffset {
            from: gnss,
            to: if gnss == Gnss::Gps { Gnss::Galileo } else { Gnss::Gps },
            t0: if gnss == Gnss::BeiDou {
                GpsTime::from_bdt(887, 3200)
            } else {
                GpsTime::from_week_s(2243, 3200)
            },
            a0: -12_345,
            a1: 67,
        }],
        ephemerides: vec![e],
        almanac: almanac.map(|a| AlmanacSet { entries: vec![a], complete: true }),
        utc,
        integrity: Some(vec![
            BadSignal { sat, signals: Some(SignalSet(0b1_0000_0010)) },
            BadSignal { sat, signals: None },
        ]),
        auxiliary: match gnss {
            Gnss::Glonass => vec![Auxiliary { sat, signals: SignalSet(3), channel: Some(-7) }],
            Gnss::Gps => vec![Auxiliary { sat, signals: SignalSet(5), channel: None }],
            _ => Vec::new(),
        },
        ..GnssAssistance::new(gnss)
    }
}

/// Measurements as LPP quantises them.
pub(crate) fn measurements(modulo_s: u32) -> GnssMeasurements {
    let one = |sat, signal| SatMeasurement {
        sat,
        signal,
        cn0_dbhz: 41,
        multipath: Multipath::Medium,
        carrier_quality: None,
        code_phase_ms: 1_234_567.0 / 2_097_152.0,
        whole_ms: Some(73),
        ambiguity_ms: 1,
        rms_m: rms_m(20),
        doppler_mps: Some(-1234.0 * 0.04),
        adr_m: None,
    };
    GnssMeasurements {
        time: MeasurementTime {
            system: Gnss::Gps,
            tod_ms: Some(18_240.5),
            modulo_s,
            uncertainty_s: None,
            gsm_frame: None,
        },
        satellites: vec![
            one(SatId::new(Gnss::Gps, 3), 0),
            one(SatId::new(Gnss::Gps, 31), 0),
            SatMeasurement { ambiguity_ms: 4, whole_ms: None, ..one(SatId::new(Gnss::Galileo, 11), 0) },
        ],
    }
}

fn int(v: &Value, key: &str) -> i64 {
    v[key].as_i64().unwrap_or_else(|| panic!("{key} in {v}"))
}

/// The ephemeris of a record of the table of navigation model integers.
#[allow(clippy::too_many_lines)]
pub(crate) fn ephemeris_of(r: &Value) -> Ephemeris {
    let sat: SatId = r["sat"].as_str().unwrap().parse().unwrap();
    let i = |v: &Value, key: &str| i32::try_from(int(v, key)).unwrap();
    let kepler = |v: &Value, keys: [&str; 15]| Kepler {
        sqrt_a: int(v, keys[0]) as u32,
        e: int(v, keys[1]) as u32,
        m0: i(v, keys[2]),
        omega0: i(v, keys[3]),
        i0: i(v, keys[4]),
        omega: i(v, keys[5]),
        delta_n: i(v, keys[6]),
        omega_dot: i(v, keys[7]),
        i_dot: i(v, keys[8]),
        crs: i(v, keys[9]),
        crc: i(v, keys[10]),
        cus: i(v, keys[11]),
        cuc: i(v, keys[12]),
        cis: i(v, keys[13]),
        cic: i(v, keys[14]),
    };
    match sat.gnss {
        Gnss::Gps | Gnss::Qzss => {
            let v = &r["rrlp"];
            let week = int(r, "week");
            Ephemeris::Lnav(LnavEphemeris {
                sat,
                toe: GpsTime::from_week_s(week, int(v, "ephemToe") * 16),
                toc: GpsTime::from_week_s(week, int(v, "ephemToc") * 16),
                kepler: kepler(
                    v,
                    [
                        "ephemAPowerHalf",
                        "ephemE",
                        "ephemM0",
                        "ephemOmegaA0",
                        "ephemI0",
                        "ephemW",
                        "ephemDeltaN",
                        "ephemOmegaADot",
                        "ephemIDot",
                        "ephemCrs",
                        "ephemCrc",
                        "ephemCus",
                        "ephemCuc",
                        "ephemCis",
                        "ephemCic",
                    ],
                ),
                af0: i(v, "ephemAF0"),
                af1: int(v, "ephemAF1") as i16,
                af2: int(v, "ephemAF2") as i8,
                tgd: int(v, "ephemTgd") as i8,
                iodc: int(v, "ephemIODC") as u16,
                ura: int(v, "ephemURA") as u8,
                health: int(v, "ephemSVhealth") as u8,
                fit_extended: int(v, "ephemFitFlag") == 1,
                code_on_l2: int(v, "ephemCodeOnL2") as u8,
                l2p_flag: int(v, "ephemL2Pflag") == 1,
                aodo: 0,
            })
        }
        Gnss::Galileo => {
            let v = &r["lpp"];
            let week = int(r, "week");
            let fnav = int(v, "stanModelID") == 1;
            let health = int(v, "health_rinex") as u16;
            Ephemeris::Galileo(GalileoEphemeris {
                sat,
                message: if fnav { GalileoMessage::FNav } else { GalileoMessage::INav },
                toe: GpsTime::from_week_s(week, int(v, "keplerToe") * 60),
                toc: GpsTime::from_week_s(week, int(v, "stanClockToc") * 60),
                kepler: kepler(
                    v,
                    [
                        "keplerAPowerHalf",
                        "keplerE",
                        "keplerM0",
                        "keplerOmega0",
                        "keplerI0",
                        "keplerW",
                        "keplerDeltaN",
                        "keplerOmegaDot",
                        "KeplerIDot",
                        "keplerCrs",
                        "keplerCrc",
                        "keplerCus",
                        "keplerCuc",
                        "keplerCis",
                        "keplerCic",
                    ],
                ),
                af0: i(v, "stanClockAF0"),
                af1: i(v, "stanClockAF1"),
                af2: int(v, "stanClockAF2") as i8,
                bgd_e1e5a: if fnav { int(v, "stanClockTgd_E1E5a") as i16 } else { 0 },
                bgd_e1e5b: if fnav { 0 } else { int(v, "stanClockTgd_E1E5b") as i16 },
                sisa: int(v, "sisa") as u8,
                iod_nav: int(v, "iod") as u16,
                health: GalileoHealth {
                    e1b_dvs: health & 1 != 0,
                    e1b_hs: (health >> 1 & 3) as u8,
                    e5a_dvs: health >> 3 & 1 != 0,
                    e5a_hs: (health >> 4 & 3) as u8,
                    e5b_dvs: health >> 6 & 1 != 0,
                    e5b_hs: (health >> 7 & 3) as u8,
                },
            })
        }
        Gnss::BeiDou => {
            let v = &r["lpp"];
            let week = int(r, "week_bdt");
            Ephemeris::BeiDou(BeiDouEphemeris {
                sat,
                toe: GpsTime::from_bdt(week, int(v, "bdsToe") * 8),
                toc: GpsTime::from_bdt(week, int(v, "bdsToc") * 8),
                kepler: kepler(
                    v,
                    [
                        "bdsAPowerHalf",
                        "bdsE",
                        "bdsM0",
                        "bdsOmega0",
                        "bdsI0",
                        "bdsW",
                        "bdsDeltaN",
                        "bdsOmegaDot",
                        "bdsIDot",
                        "bdsCrs",
                        "bdsCrc",
                        "bdsCus",
                        "bdsCuc",
                        "bdsCis",
                        "bdsCic",
                    ],
                ),
                a0: i(v, "bdsA0"),
                a1: i(v, "bdsA1"),
                a2: int(v, "bdsA2") as i16,
                tgd1: int(v, "bdsTgd1") as i16,
                tgd2: 0,
                aode: int(v, "bdsAODE") as u8,
                aodc: 0,
                urai: int(v, "bdsURAI") as u8,
                sat_h1: int(v, "satH1") == 1,
            })
        }
        Gnss::Glonass => {
            let v = &r["lpp"];
            let epoch: crate::base::time::Utc =
                format!("{}Z", r["toc_epoch_rinex"].as_str().unwrap()).parse().unwrap();
            let three = |a, b, c| [i(v, a), i(v, b), i(v, c)];
            let e = GlonassEphemeris {
                sat,
                tb: GpsTime::from_utc(epoch),
                position: three("gloX", "gloY", "gloZ"),
                velocity: three("gloXdot", "gloYdot", "gloZdot"),
                acceleration: three("gloXdotdot", "gloYdotdot", "gloZdotdot").map(|a| a as i8),
                tau: i(v, "gloTau"),
                gamma: int(v, "gloGamma") as i16,
                delta_tau: None,
                age_days: int(v, "gloEn") as u8,
                bn: if int(v, "health") == 0 { 0 } else { 4 },
                ft: 0,
                channel: 0,
            };
            assert_eq!(i64::from(Ephemeris::Glonass(e).iod()), int(v, "tb_15min"));
            Ephemeris::Glonass(e)
        }
        Gnss::Sbas | Gnss::NavIc => panic!("{r}"),
    }
}
