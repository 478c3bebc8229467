//! What clients receive of a recorded day is what was broadcast on that day, to the last bit.

use std::path::Path;

use groma_asn1::lpp::{GNSSClockModel as Clock, GNSSNavModelSatelliteElement, GNSSOrbitModel as Orbit};
use groma_asn1::rrlp::{SatStatus, UncompressedEphemeris};
use serde_json::{Value, json};

use crate::clients::{assistance_of, generic, gps_assistance};
use crate::shared;
use crate::support::raw::{RawPeer, TLS, captured, lpp_of, with_session};
use crate::support::server::TestServer;

/// When the records of the truth were in force.
const DAY: &str = "2023-01-01T10:20:00Z";

fn truth(data: &Path) -> Vec<Value> {
    let text =
        std::fs::read_to_string(data.join("gnss/truth/navmodel_integers_2023001.json")).expect("truth");
    serde_json::from_str(&text).expect("JSON")
}

fn server(data: &Path) -> TestServer {
    TestServer::replaying(&data.join("gnss/nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz"), DAY)
}

/// Compares by the names of the truth: every field that both have.
fn assert_same(what: &str, truth: &Value, mine: &Value) {
    for (name, value) in mine.as_object().expect("an object") {
        assert_eq!(&truth[name], value, "{name} of {what}");
    }
}

#[tokio::test]
async fn rrlp_carries_the_broadcast_bit_for_bit() {
    let Some(data) = shared("rrlp_carries_the_broadcast_bit_for_bit") else { return };
    let truth = truth(&data);
    let server = server(&data);
    let mut client = RawPeer::connect(server.ulp(), &TLS).await;
    let response = client.start(&captured(&data, "tajuma-a-1")).await;
    client.send(&with_session(&captured(&data, "tajuma-a-2"), &response.slp)).await;
    let (header, _) = gps_assistance(&client.receive().await);
    let mut compared = 0;
    for element in header.navigation_model.expect("navigation model").nav_model_list.0 {
        let (SatStatus::newSatelliteAndModelUC(e) | SatStatus::newNaviModelUC(e)) = element.sat_status else {
            panic!("an ephemeris")
        };
        let id = element.satellite_id.0;
        let same = |t: &&Value| {
            t["gnss"] == "gps" && t["rrlp"]["satelliteID"] == id && t["rrlp"]["ephemIODC"] == e.ephem_iodc
        };
        if let Some(t) = truth.iter().find(same) {
            assert_same(&format!("G{:02}", id + 1), &t["rrlp"], &rrlp_integers(&e));
            compared += 1;
        }
    }
    assert!(compared >= 6, "only {compared} satellites could be compared");
    client.close().await;
    server.stop().await;
}

fn rrlp_integers(e: &UncompressedEphemeris) -> Value {
    let clock = json!({
        "ephemCodeOnL2": e.ephem_code_on_l2, "ephemURA": e.ephem_ura, "ephemSVhealth": e.ephem_svhealth,
        "ephemIODC": e.ephem_iodc, "ephemL2Pflag": e.ephem_l2_pflag, "ephemTgd": e.ephem_tgd, "ephemToc": e.ephem_toc,
        "ephemAF2": e.ephem_af2, "ephemAF1": e.ephem_af1, "ephemAF0": e.ephem_af0, "ephemToe": e.ephem_toe,
        "ephemFitFlag": e.ephem_fit_flag,
    });
    let orbit = json!({
        "ephemCrs": e.ephem_crs, "ephemDeltaN": e.ephem_delta_n, "ephemM0": e.ephem_m0, "ephemCuc": e.ephem_cuc,
        "ephemE": e.ephem_e, "ephemCus": e.ephem_cus, "ephemAPowerHalf": e.ephem_apower_half,
        "ephemCic": e.ephem_cic, "ephemOmegaA0": e.ephem_omega_a0, "ephemCis": e.ephem_cis, "ephemI0": e.ephem_i0,
        "ephemCrc": e.ephem_crc, "ephemW": e.ephem_w, "ephemOmegaADot": e.ephem_omega_adot, "ephemIDot": e.ephem_idot,
    });
    join(clock, orbit)
}

fn join(mut a: Value, b: Value) -> Value {
    if let (Some(a), Value::Object(b)) = (a.as_object_mut(), b) {
        a.extend(b);
    }
    a
}

#[tokio::test]
async fn lpp_carries_the_broadcast_bit_for_bit() {
    let Some(data) = shared("lpp_carries_the_broadcast_bit_for_bit") else { return };
    let truth = truth(&data);
    let server = server(&data);
    let mut client = RawPeer::connect(server.ulp(), &TLS).await;
    let response = client.start(&captured(&data, "eric-c-agnss-1")).await;
    client.send(&with_session(&captured(&data, "eric-c-agnss-2"), &response.slp)).await;
    let messages = lpp_of(&client.receive().await);
    let assistance = assistance_of(messages.first().expect("an LPP message"));
    let mut compared = std::collections::BTreeMap::new();
    for element in generic(assistance) {
        let Some(model) = &element.gnss_navigation_model else { continue };
        for satellite in &model.gnss_satellite_list.0 {
            let (system, mine, key) = lpp_integers(satellite);
            let id = satellite.sv_id.satellite_id;
            let field = if system == "gps" { "rrlp" } else { "lpp" };
            let number = if system == "gps" { "satelliteID" } else { "svID" };
            let same = |t: &&Value| {
                t["gnss"] == system && t[field][number] == id && key.iter().all(|k| t[field][k] == mine[k])
            };
            if let Some(t) = truth.iter().find(same) {
                assert_same(&format!("{system} {id}"), &t[field], &mine);
                *compared.entry(system).or_insert(0) += 1;
            }
        }
    }
    for system in ["gps", "galileo", "glonass", "bds"] {
        assert!(compared.get(system).is_some_and(|n| *n >= 3), "{system}: {compared:?}");
    }
    client.close().await;
    server.stop().await;
}

fn number(bits: &groma_asn1::types::BitString) -> u16 {
    bits.iter().fold(0, |v, bit| v << 1 | u16::from(*bit))
}

/// System, the integers by the truth's names, and which of them name the record.
fn lpp_integers(s: &GNSSNavModelSatelliteElement) -> (&'static str, Value, &'static [&'static str]) {
    match (&s.gnss_orbit_model, &s.gnss_clock_model) {
        (Orbit::nav_KeplerianSet(k), Clock::nav_ClockModel(c)) => {
            let mine = json!({
                "ephemToc": c.nav_toc, "ephemAF0": c.navaf0, "ephemAF1": c.navaf1, "ephemAF2": c.navaf2,
                "ephemTgd": c.nav_tgd, "ephemToe": k.nav_toe, "ephemW": k.nav_omega, "ephemDeltaN": k.nav_delta_n,
                "ephemM0": k.nav_m0, "ephemOmegaADot": k.nav_omega_adot, "ephemE": k.nav_e, "ephemIDot": k.nav_idot,
                "ephemAPowerHalf": k.nav_apower_half, "ephemI0": k.nav_i0, "ephemOmegaA0": k.nav_omega_a0,
                "ephemCrs": k.nav_crs, "ephemCis": k.nav_cis, "ephemCus": k.nav_cus, "ephemCrc": k.nav_crc,
                "ephemCic": k.nav_cic, "ephemCuc": k.nav_cuc, "ephemURA": k.nav_ura, "ephemFitFlag": k.nav_fit_flag,
            });
            ("gps", mine, &["ephemToe"])
        }
        (Orbit::keplerianSet(k), Clock::standardClockModelList(_)) => {
            // The truth has F/NAV clocks, the server sends I/NAV; of one issue both have the same orbit.
            let mine = json!({
                "iod": number(&s.iod),
                "keplerToe": k.kepler_toe, "keplerW": k.kepler_w, "keplerDeltaN": k.kepler_delta_n,
                "keplerM0": k.kepler_m0, "keplerOmegaDot": k.kepler_omega_dot, "keplerE": k.kepler_e,
                "KeplerIDot": k.kepler_idot, "keplerAPowerHalf": k.kepler_apower_half, "keplerI0": k.kepler_i0,
                "keplerOmega0": k.kepler_omega0, "keplerCrs": k.kepler_crs, "keplerCis": k.kepler_cis,
                "keplerCus": k.kepler_cus, "keplerCrc": k.kepler_crc, "keplerCic": k.kepler_cic,
                "keplerCuc": k.kepler_cuc,
            });
            ("galileo", mine, &["keplerToe", "iod"])
        }
        (Orbit::glonass_ECEF(k), Clock::glonass_ClockModel(c)) => {
            let mine = json!({
                "gloTau": c.glo_tau, "gloGamma": c.glo_gamma, "gloX": k.glo_x, "gloXdot": k.glo_xdot,
                "gloXdotdot": k.glo_xdotdot, "gloY": k.glo_y, "gloYdot": k.glo_ydot, "gloYdotdot": k.glo_ydotdot,
                "gloZ": k.glo_z, "gloZdot": k.glo_zdot, "gloZdotdot": k.glo_zdotdot, "gloEn": k.glo_en,
                "tb_15min": number(&s.iod),
            });
            ("glonass", mine, &["tb_15min"])
        }
        (Orbit::bds_KeplerianSet_r12(k), Clock::bds_ClockModel_r12(c)) => {
            let mine = json!({
                "bdsToc": c.bds_toc_r12, "bdsA0": c.bds_a0_r12, "bdsA1": c.bds_a1_r12, "bdsA2": c.bds_a2_r12,
                "bdsTgd1": c.bds_tgd1_r12, "bdsAODE": k.bds_aode_r12, "bdsURAI": k.bds_urai_r12,
                "bdsToe": k.bds_toe_r12, "bdsAPowerHalf": k.bds_apower_half_r12, "bdsE": k.bds_e_r12,
                "bdsW": k.bds_w_r12, "bdsDeltaN": k.bds_delta_n_r12, "bdsM0": k.bds_m0_r12,
                "bdsOmega0": k.bds_omega0_r12, "bdsOmegaDot": k.bds_omega_dot_r12, "bdsI0": k.bds_i0_r12,
                "bdsIDot": k.bds_idot_r12, "bdsCuc": k.bds_cuc_r12, "bdsCus": k.bds_cus_r12, "bdsCrc": k.bds_crc_r12,
                "bdsCrs": k.bds_crs_r12, "bdsCic": k.bds_cic_r12, "bdsCis": k.bds_cis_r12,
            });
            ("bds", mine, &["bdsToe"])
        }
        other => panic!("a pair of models that no constellation uses: {other:?}"),
    }
}
