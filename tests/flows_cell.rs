//! Sessions that need no assistance: the cell is enough, the handset says where it is, the handset has its own receiver.

use groma::base::cell::{CellId, Plmn};
use groma::base::{GeoPoint, PositionMethod};
use groma::handset::{Ending, Goal, Options, Place, Report, run};
use groma::slc::ni::StatusCode;

use crate::support::server::{TOWN, TestServer};

async fn hold(options: &Options) -> Report {
    run(options, |step| println!("{}", step.line(groma::handset::Paint::PLAIN))).await.expect("a session")
}

fn middle() -> GeoPoint {
    GeoPoint::new(TOWN.0, TOWN.1).expect("a place")
}

#[tokio::test]
async fn the_position_of_the_cell_is_an_answer() {
    let plmn = Plmn { mcc: 1, mnc: 1 };
    let server = TestServer::simulated();
    let cells = [
        CellId::Gsm { plmn, lac: 1, ci: 5 },
        CellId::Wcdma { plmn, uc: 65_541 },
        CellId::Lte { plmn, tac: 1, eci: 5 },
        CellId::Nr { plmn, tac: 1, nci: 5 },
    ];
    for (n, cell) in cells.into_iter().enumerate() {
        let options = Options { cells: vec![cell], ..Options::new(Goal::CellId, server.ulp()) };
        let report = hold(&options).await;
        assert!(report.succeeded(), "{}: {}", cell.kind(), report.verdict());
        let position = report.found.server_position.as_ref().expect("a position");
        assert!(position.shape.centre().expect("a centre").distance_m(middle()) < 300.0, "{}", cell.kind());
        assert!(position.shape.horizontal_uncertainty_m().is_some_and(|m| (100.0..10_000.0).contains(&m)));
        assert!(server.records(n + 1).await[n].position.is_some());
    }
    server.stop().await;
}

#[tokio::test]
async fn the_cell_short_form_of_supl_1() {
    let plmn = Plmn { mcc: 1, mnc: 1 };
    let server = TestServer::simulated();
    let options = Options::new(Goal::CellId, server.ulp()).supl1();
    let report = hold(&Options { cells: vec![CellId::Gsm { plmn, lac: 1, ci: 5 }], ..options }).await;
    assert!(report.succeeded(), "{}", report.verdict());
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_cell_gives_no_position_but_a_reason() {
    let plmn = Plmn { mcc: 999, mnc: 99 };
    let server = TestServer::simulated();
    let now = Options::new(Goal::CellId, server.ulp());
    // SUPL 1.0 has no word for where this server knows no cells.
    for (options, cell, status) in [
        (now.clone(), CellId::Lte { plmn, tac: 77, eci: 77 }, StatusCode::NoSuplCoverage),
        (now.supl1(), CellId::Gsm { plmn, lac: 77, ci: 77 }, StatusCode::PosMethodFailure),
    ] {
        let report = hold(&Options { cells: vec![cell], ..options }).await;
        assert!(!report.succeeded());
        assert!(report.found.server_position.is_none());
        assert_eq!(report.found.ending, Some(Ending::End));
        assert_eq!(report.found.status, Some(status), "the end says why");
        assert_eq!(report.exit_code(), 5);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_position_in_pos_init_that_is_good_enough_ends_the_session() {
    for supl_1 in [true, false] {
        let server = TestServer::simulated();
        let options = Options::new(Goal::Agnss, server.ulp());
        let options = if supl_1 { options.supl1() } else { options };
        let place = Place { at: middle(), altitude_m: 50.0 };
        let report =
            hold(&Options { place: Some(place), tell_position: true, horizontal_m: Some(200.0), ..options })
                .await;
        assert!(report.succeeded(), "{}", report.verdict());
        let positions = server.positions();
        assert_eq!(positions.len(), 1);
        assert!(positions[0].qop_met);
        assert!(positions[0].estimate.shape.centre().expect("a centre").distance_m(middle()) < 10.0);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_receiver_of_its_own_is_asked_for_its_position() {
    for supl_1 in [true, false] {
        let server = TestServer::simulated();
        let options = Options::new(Goal::Locate, server.ulp());
        let options = if supl_1 { options.supl1() } else { options };
        let place = Place { at: middle(), altitude_m: 50.0 };
        let report = hold(&Options { place: Some(place), ..options }).await;
        assert!(report.succeeded(), "{}", report.verdict());
        assert!(report.found.autonomous.is_some());
        let positions = server.positions();
        assert!(positions.iter().any(|p| p.estimate.method == PositionMethod::AutonomousGnss));
        server.stop().await;
    }
}
