//! A handset asks for assistance, computes its position with it and sends it back: every protocol and transport.

use groma::base::broadcast::Gnss;
use groma::base::cell::{CellId, Plmn};
use groma::base::{GeoPoint, PositionMethod};
use groma::handset::{Ending, Goal, NoFix, Options, Payload, Place, Report, Security, run};
use groma::slc::{self, Outcome};
use groma::spc;

use crate::support::raw::{TLS, TLS_1_2, TLS_1_3};
use crate::support::server::{Setup, TOWN, TestServer};

const TEST_NETWORK: Plmn = Plmn { mcc: 1, mnc: 1 };
const GSM: CellId = CellId::Gsm { plmn: TEST_NETWORK, lac: 1, ci: 5 };
const LTE: CellId = CellId::Lte { plmn: TEST_NETWORK, tac: 1, eci: 5 };

async fn hold(options: &Options) -> Report {
    run(options, |step| println!("{}", step.line(groma::handset::Paint::PLAIN))).await.expect("a session")
}

fn supl1(server: &TestServer, security: &Security) -> Options {
    let options = Options::new(Goal::Agnss, server.ulp()).supl1();
    Options { security: security.clone(), cells: vec![GSM], ..options }
}

fn supl2(server: &TestServer, security: &Security) -> Options {
    let options = Options::new(Goal::Agnss, server.ulp());
    Options { security: security.clone(), cells: vec![LTE], ..options }
}

/// The session went as it should: a fix as good as it says, sent to the server and kept there.
async fn assert_served(server: TestServer, report: &Report, protocol: &str) {
    assert!(report.succeeded(), "{}", report.verdict());
    assert_eq!(report.found.ending, Some(Ending::End));
    let fix = report.found.fix.as_ref().expect("a fix");
    assert!(fix.error_m() < 40.0, "{} m", fix.error_m());
    let records = server.records(1).await;
    assert_eq!(records[0].outcome, Outcome::Completed);
    assert_eq!(records[0].protocol, Some(protocol));
    assert_eq!(records[0].position, Some(PositionMethod::AgnssMsBased));
    let positions = server.positions();
    assert_eq!(positions.len(), 1);
    assert_eq!(positions[0].estimate.method, PositionMethod::AgnssMsBased);
    let kept = positions[0].estimate.shape.centre().expect("a centre");
    assert!(kept.distance_m(fix.at) < 5.0, "what the handset sent is what the server kept");
    server.stop().await;
}

async fn rrlp_over(security: &Security, tls: Option<&str>) {
    let server = TestServer::simulated();
    let report = hold(&supl1(&server, security)).await;
    assert_eq!(report.tls.as_ref().map(|t| t.version.as_str()), tls);
    let a = &report.found.assistance;
    assert!(a.reference_time.is_some() && a.reference_location.is_some() && !a.klobuchar.is_empty());
    let gps = a.system(Gnss::Gps).expect("GPS");
    assert!(gps.ephemerides.len() >= 6 && gps.utc.is_some());
    assert_eq!(a.systems.len(), 1, "SUPL 1.0 knows GPS only");
    assert_served(server, &report, "rrlp").await;
}

#[tokio::test]
async fn supl_1_with_rrlp_over_tls_1_3() {
    rrlp_over(&TLS_1_3, Some("TLSv1_3")).await;
}

#[tokio::test]
async fn supl_1_with_rrlp_over_tls_1_2() {
    rrlp_over(&TLS_1_2, Some("TLSv1_2")).await;
}

#[tokio::test]
async fn supl_1_with_rrlp_over_plain_tcp() {
    rrlp_over(&Security::Plain, None).await;
}

async fn lpp_over(security: &Security, tls: Option<&str>) {
    let server = TestServer::simulated();
    let report = hold(&supl2(&server, security)).await;
    assert_eq!(report.tls.as_ref().map(|t| t.version.as_str()), tls);
    let a = &report.found.assistance;
    assert!(a.reference_time.is_some() && a.reference_location.is_some() && !a.klobuchar.is_empty());
    for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::Glonass, Gnss::BeiDou] {
        assert!(a.system(gnss).is_some_and(|s| s.ephemerides.len() >= 4), "{gnss:?}");
    }
    assert!(a.system(Gnss::Qzss).is_none() && a.system(Gnss::Sbas).is_none(), "not asked for");
    let channels = &a.system(Gnss::Glonass).expect("GLONASS").auxiliary;
    assert!(!channels.is_empty() && channels.iter().all(|c| c.channel.is_some()));
    assert!(report.found.fix.as_ref().is_some_and(|f| f.systems().len() == 4));
    assert_served(server, &report, "lpp").await;
}

#[tokio::test]
async fn supl_2_with_lpp_over_tls_1_3() {
    lpp_over(&TLS_1_3, Some("TLSv1_3")).await;
}

#[tokio::test]
async fn supl_2_with_lpp_over_tls_1_2() {
    lpp_over(&TLS_1_2, Some("TLSv1_2")).await;
}

#[tokio::test]
async fn supl_2_with_lpp_over_plain_tcp() {
    lpp_over(&Security::Plain, None).await;
}

#[tokio::test]
async fn supl_2_with_rrlp() {
    let server = TestServer::simulated();
    let report = hold(&Options { payload: Payload::Rrlp, ..supl2(&server, &TLS) }).await;
    assert!(report.found.assistance.system(Gnss::Gps).is_some_and(|s| s.ephemerides.len() >= 6));
    assert_served(server, &report, "rrlp").await;
}

#[tokio::test]
async fn almanacs_come_when_asked_for() {
    let server = TestServer::simulated();
    let report = hold(&Options { almanac: true, ..supl2(&server, &TLS) }).await;
    let gps = report.found.assistance.system(Gnss::Gps).expect("GPS");
    assert!(gps.almanac.as_ref().is_some_and(|a| a.entries.len() > 20));
    assert_served(server, &report, "lpp").await;
    let server = TestServer::simulated();
    let report = hold(&Options { almanac: true, ..supl1(&server, &TLS) }).await;
    let gps = report.found.assistance.system(Gnss::Gps).expect("GPS");
    assert!(gps.almanac.as_ref().is_some_and(|a| a.entries.len() > 20));
    server.stop().await;
}

#[tokio::test]
async fn assistance_in_many_parts_is_put_together() {
    let positioning = spc::Config { lpp_payload_max: 1000, rrlp_payload_max: 800, ..spc::Config::default() };
    let session = slc::Config { positioning, ..slc::Config::default() };
    let server = Setup { session: session.clone(), ..Setup::default() }.start();
    let report = hold(&supl2(&server, &TLS)).await;
    let parts = report.found.steps.iter().filter(|s| s.summary.contains("provideAssistanceData")).count();
    assert!(parts >= 2, "{parts}");
    assert_served(server, &report, "lpp").await;
    let server = Setup { session, ..Setup::default() }.start();
    let report = hold(&supl1(&server, &TLS)).await;
    assert!(report.found.assistance.system(Gnss::Gps).is_some_and(|s| s.ephemerides.len() >= 6));
    assert_served(server, &report, "rrlp").await;
}

#[tokio::test]
async fn without_a_reference_location_assistance_is_given_all_the_same() {
    let place = Place { at: GeoPoint::new(TOWN.0, TOWN.1).expect("a place"), altitude_m: 60.0 };
    for supl_1 in [true, false] {
        let server = Setup { cells: false, ..Setup::default() }.start();
        let options = if supl_1 { supl1(&server, &TLS) } else { supl2(&server, &TLS) };
        let report = hold(&Options { place: Some(place), ..options }).await;
        assert!(report.found.assistance.reference_location.is_none());
        if supl_1 {
            // RRLP carries sixteen satellites, and nobody can say which of them the handset sees.
            assert_eq!(report.found.ephemerides(), 16);
            server.stop().await;
        } else {
            assert_served(server, &report, "lpp").await;
        }
    }
}

#[tokio::test]
async fn a_handset_that_cannot_compute_says_so() {
    let server = Setup { cells: false, ..Setup::default() }.start();
    let report = hold(&supl2(&server, &TLS)).await;
    // Neither a place nor a reference location: the simulated receiver has nowhere to stand.
    assert_eq!(report.found.no_fix, Some(NoFix::NoPlace));
    assert!(!report.succeeded());
    assert!(report.found.ephemerides() > 0);
    assert!(server.positions().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn every_kind_of_identity_is_served() {
    use groma::base::SetId;
    let server = TestServer::simulated();
    let identities = [
        SetId::Msisdn("447700900123".parse().expect("digits")),
        SetId::Imsi("00101000000000".parse().expect("an odd number of digits")),
        SetId::Ip("192.0.2.7".parse().expect("an address")),
        SetId::Ip("2001:db8::7".parse().expect("an address")),
        SetId::Nai("someone@example.net".parse().expect("a name")),
    ];
    for set_id in identities {
        let report =
            hold(&Options { set_id: set_id.clone(), session_id: 65_535, ..supl2(&server, &TLS) }).await;
        assert!(report.succeeded(), "{set_id:?}: {}", report.verdict());
        // The handset remarks on an identity that is not echoed exactly.
        assert!(report.found.steps.iter().all(|s| s.name != "remark"), "{set_id:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_the_systems_asked_for_are_sent() {
    let server = TestServer::simulated();
    for gnss in
        [vec![Gnss::Gps], vec![Gnss::Galileo], vec![Gnss::Glonass, Gnss::BeiDou], vec![Gnss::Gps, Gnss::Qzss]]
    {
        let report = hold(&Options { gnss: gnss.clone(), ..supl2(&server, &TLS) }).await;
        let with_data = report.found.assistance.systems.iter().filter(|s| !s.ephemerides.is_empty());
        assert!(with_data.map(|s| s.gnss).all(|g| gnss.contains(&g)), "{gnss:?}");
        assert!(report.found.ephemerides() > 0, "{gnss:?}");
    }
    server.stop().await;
}

/// Sessions do not disturb each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_at_once() {
    let server = TestServer::simulated();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..24_u16 {
        let base = if n % 2 == 0 { supl1(&server, &TLS) } else { supl2(&server, &Security::Plain) };
        let options = Options { session_id: n, seed: u64::from(n), ..base };
        tasks.spawn(async move { run(&options, |_| ()).await.expect("a session") });
    }
    while let Some(report) = tasks.join_next().await {
        let report = report.expect("a task");
        assert!(report.succeeded(), "{}", report.verdict());
    }
    assert_eq!(server.records(24).await.len(), 24);
    assert_eq!(server.positions().len(), 24);
    server.stop().await;
}

#[tokio::test]
async fn the_certificate_is_checked_when_an_authority_is_named() {
    let server = TestServer::simulated();
    let ca = |folder: &std::path::Path| Security::Tls {
        ca: Some(folder.join("tls/development-cert.pem")),
        only: None,
    };
    let options = Options { server: format!("localhost:{}", server.address.port()), ..supl2(&server, &TLS) };
    let report = hold(&Options { security: ca(server.data.path()), ..options.clone() }).await;
    assert!(report.succeeded() && report.tls.is_some_and(|t| t.verified));
    let other = TestServer::simulated();
    let refused = run(&Options { security: ca(other.data.path()), ..options }, |_| ()).await;
    let error = refused.expect_err("another authority");
    assert!(error.to_string().contains("not signed by an authority"), "{error}");
    assert_eq!(error.exit_code(), 3);
    other.stop().await;
    server.stop().await;
}

/// A handset that only measures: the server computes, keeps the position and gives it back in SUPL END.
async fn measured_over(options: Options, server: TestServer, protocol: &str) {
    let at = Place { at: GeoPoint::new(TOWN.0 + 0.02, TOWN.1 - 0.015).expect("a point"), altitude_m: 90.0 };
    let report = hold(&Options { place: Some(at), ..options }).await;
    assert!(report.succeeded(), "{}", report.verdict());
    let acquisition = |g| report.found.assistance.system(g).and_then(|s| s.acquisition.as_ref());
    assert!(acquisition(Gnss::Gps).is_some_and(|a| a.satellites.len() >= 5), "{:?}", report.found.refused);
    let given = report.found.server_position.as_ref().expect("a position in SUPL END");
    let off = given.shape.centre().expect("a centre").distance_m(at.at);
    let said = given.shape.horizontal_uncertainty_m().expect("an uncertainty");
    assert!(off < 40.0 && off < 1.5 * said && said < 60.0, "{off} m, said {said} m");
    let velocity = given.velocity.expect("a velocity");
    assert!(velocity.speed_mps < 2.0, "{velocity:?}");
    let records = server.records(1).await;
    assert_eq!(records[0].outcome, Outcome::Completed);
    assert_eq!(records[0].protocol, Some(protocol));
    assert_eq!(records[0].position, Some(PositionMethod::AgnssMsAssisted));
    let positions = server.positions();
    assert_eq!(positions.len(), 1);
    assert_eq!(positions[0].estimate.method, PositionMethod::AgnssMsAssisted);
    server.stop().await;
}

#[tokio::test]
async fn measurements_over_rrlp_become_a_position() {
    let server = TestServer::simulated();
    let options = Options { cells: vec![GSM], ..Options::new(Goal::Measure, server.ulp()).supl1() };
    measured_over(options, server, "rrlp").await;
    let server = TestServer::simulated();
    let options =
        Options { payload: Payload::Rrlp, cells: vec![LTE], ..Options::new(Goal::Measure, server.ulp()) };
    measured_over(options, server, "rrlp").await;
}

#[tokio::test]
async fn measurements_over_lpp_become_a_position() {
    let server = TestServer::simulated();
    let options = Options { cells: vec![LTE], ..Options::new(Goal::Measure, server.ulp()) };
    measured_over(options, server, "lpp").await;
}
