//! The commands that a newcomer types first, as processes.

use std::process::{Command, Output};

use serde_json::Value;

fn groma(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_groma")).args(arguments).output().expect("groma runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn the_demo_gives_two_handsets_a_fix() {
    let output = groma(&["demo", "--once", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let result = json(&output);
    assert_eq!(result["ok"], true, "{result:#}");
    assert_eq!(result["simulated"], true);
    assert!(result["first_fix_s"].is_f64());
    let sessions = result["sessions"].as_array().expect("sessions");
    let payloads: Vec<&str> = sessions.iter().filter_map(|s| s["payload"].as_str()).collect();
    assert_eq!(payloads, ["rrlp", "lpp"]);
    for session in sessions {
        assert_eq!(session["ok"], true);
        assert!(session["position"]["error_m"].as_f64().is_some_and(|m| m < 40.0), "{session:#}");
        assert_eq!(session["tls"]["version"], "TLSv1_3");
        assert_eq!(session["ladder"][0]["name"], "SUPL START");
    }
    // From a request over MLP to a handset that was reached by SUPL INIT, and back; and what privacy forbids.
    let located = &result["located"];
    assert!(located["emergency"]["error_m"].as_f64().is_some_and(|m| m < 40.0), "{located:#}");
    assert_eq!(located["refused"]["resid"], 202);
}

#[test]
fn the_demo_as_text_shows_ladders_assistance_and_what_to_try_next() {
    let output = groma(&["demo", "--once"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "simulated",
        "SUPL POS INIT",
        "RRLP",
        "LPP",
        "Assistance",
        "true position",
        "groma handset",
        "eme_lia",
        "SUPL INIT",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours for a pipe");
}

#[test]
fn a_handset_without_a_server_says_what_is_wrong() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let output = groma(&["handset", "agnss", "--server", &format!("127.0.0.1:{port}"), "--json"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(json(&output)["ok"], false);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("nothing listens"), "{errors}");
}

#[test]
fn policies_come_in_and_go_out() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.xml");
    let document = |condition: &str| {
        format!(
            "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' xmlns:gp='urn:ietf:params:xml:ns:geolocation-policy' \
             xmlns:lp='urn:ietf:params:xml:ns:basic-location-profiles'><rule id='a'><conditions>{condition}</conditions>\
             <transformations><gp:provide-location profile='geodetic-transformation'><lp:provide-geo radius='500'/>\
             </gp:provide-location></transformations></rule></ruleset>"
        )
    };
    std::fs::write(&rules, document("<identity><one id='sip:a@x'/></identity>")).unwrap();
    let id = "msisdn:491700000001";
    let imported = groma(&["policy", "import", rules.to_str().unwrap(), "--id", id]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let table = dir.path().join("privacy.toml");
    std::fs::write(&table, &imported.stdout).unwrap();
    let text = String::from_utf8_lossy(&imported.stdout);
    assert!(text.contains("radius_m = 500") && text.contains("requestor = \"sip:a@x\""), "{text}");
    let exported = groma(&["policy", "export", table.to_str().unwrap(), "--id", id]);
    assert!(String::from_utf8_lossy(&exported.stdout).contains("radius=\"500\""));
    let json = json(&groma(&["policy", "import", rules.to_str().unwrap(), "--id", id, "--json"]));
    assert_eq!(json["subscribers"][0]["rules"][0]["action"], "allow");
    // What cannot be held is refused, and says what.
    std::fs::write(&rules, document("<sphere value='work'/>")).unwrap();
    let refused = groma(&["policy", "import", rules.to_str().unwrap(), "--id", id]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sphere"), "it says what");
    assert!(!groma(&["policy", "export", table.to_str().unwrap(), "--id", "imsi:*"]).status.success());
}
