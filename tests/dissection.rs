//! Whole sessions of this server and its own handset, taken apart by an independent program.

use std::process::Command;

use groma::base::GeoPoint;
use groma::base::broadcast::Gnss;
use groma::base::cell::{CellId, Plmn};
use groma::handset::{Goal, Options, Payload, Place, Security, run};

use crate::support::server::{TOWN, TestServer};

#[tokio::test]
async fn tshark_finds_nothing_malformed_in_recorded_sessions() {
    let test = "tshark_finds_nothing_malformed_in_recorded_sessions";
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "{test}: tshark must be there in continuous integration");
        eprintln!("skipped: {test}: tshark is not installed");
        return;
    }
    let server = TestServer::simulated();
    server.tracer.start();
    let plmn = Plmn { mcc: 1, mnc: 1 };
    let place = Place { at: GeoPoint::new(TOWN.0, TOWN.1).expect("a place"), altitude_m: 50.0 };
    let base = |goal| Options {
        security: Security::Plain,
        cells: vec![CellId::Lte { plmn, tac: 1, eci: 5 }],
        almanac: true,
        place: Some(place),
        ..Options::new(goal, server.ulp())
    };
    let gsm = vec![CellId::Gsm { plmn, lac: 1, ci: 5 }];
    let sessions = [
        base(Goal::Agnss),
        // tshark's RRLP is of release 11; release 13 changed Galileo's elements at their root.
        Options { payload: Payload::Rrlp, gnss: vec![Gnss::Gps, Gnss::Glonass], ..base(Goal::Agnss) },
        Options { cells: gsm.clone(), ..base(Goal::Agnss).supl1() },
        Options { cells: gsm, ..base(Goal::CellId).supl1() },
        base(Goal::CellId),
        base(Goal::Locate),
    ];
    for options in &sessions {
        let report = run(options, |_| ()).await.expect("a session");
        assert!(report.succeeded(), "{}", report.verdict());
    }
    server.records(sessions.len()).await;
    let capture = server.tracer.capture(None).expect("a capture");
    let file = server.data.path().join("sessions.pcap");
    std::fs::write(&file, capture).expect("a file");
    let port = server.address.port();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&file)
        .args(["-d", &format!("tcp.port=={port},ulp"), "-V"])
        .output()
        .expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let names = [
        "msSUPLSTART",
        "msSUPLRESPONSE",
        "msSUPLPOSINIT",
        "msSUPLPOS",
        "msSUPLEND",
        "rrlpPayload",
        "lPPPayload",
    ];
    for name in names {
        assert!(text.contains(name), "{name} was not dissected");
    }
    let mut before = String::new();
    for line in text.lines() {
        assert!(!line.to_lowercase().contains("malformed"), "{before}\n{line}");
        line.clone_into(&mut before);
    }
    server.stop().await;
}
