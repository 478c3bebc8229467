//! Triggered requests: their rules, their reports, their end.

use groma::base::Utc;
use groma::base::time::Clock;
use groma::le::mlp::model::Body;
use groma::service::triggers;

use super::house::{Act, House, Setup, TOWN, msids, msisdn, results, text_of};

fn stamp(from_now: i64) -> String {
    let (y, mo, d, h, mi, s) = Utc::from_unix_s(Clock::system().now().utc.unix_s() + from_now).civil();
    format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}")
}

fn tlrr(more: &str) -> String {
    format!("<tlrr>{}{more}</tlrr>", msids(&[1]))
}

fn area(kind: &str, estimates: &str, target: &str, more: &str) -> String {
    tlrr(&format!(
        "<tlrr_event><change_area type=\"{kind}\" loc_estimates=\"{estimates}\"><target_area>{target}</target_area>{more}\
         </change_area></tlrr_event>"
    ))
}

fn distance(kind: &str, metres: &str, other: u32, more: &str) -> String {
    tlrr(&format!(
        "<tlrr_event><distance_event type=\"{kind}\" loc_estimates=\"TRUE\"><target_distance>{metres}</target_distance>\
         <reference_object><msid>49170000000{other}</msid></reference_object>{more}</distance_event></tlrr_event>"
    ))
}

const CIRCLE: &str = "<shape><CircularArea><coord><X>50 00 00.000N</X><Y>4 00 00.000E</Y></coord><radius>1000</radius>\
                      </CircularArea></shape>";

/// The name of a request that was accepted.
async fn accepted(house: &House, version: &str, body: &str) -> String {
    let answer = house.service("tracker", version, body).await;
    text_of(&answer, "req_id").unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The next report of a trigger; what the handset reports by itself is not one.
async fn tlrep(house: &House) -> String {
    loop {
        let (text, document) = house.report().await;
        if !matches!(document.body, Body::Slrep(_)) {
            return text;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused() {
    let house = House::new().await;
    let code = async |body: String| {
        let answer = house.service("tracker", "3.5.0", &body).await;
        let codes = results(&answer);
        if codes.is_empty() { vec![0] } else { codes }
    };
    assert_eq!(code(tlrr("")).await, [106], "neither interval nor event");
    let every = "<interval>00000100</interval>";
    let times = |start: Option<i64>, stop: Option<i64>, duration: &str| {
        let start = start.map_or(String::new(), |s| format!("<start_time>{}</start_time>", stamp(s)));
        let stop = stop.map_or(String::new(), |s| format!("<stop_time>{}</stop_time>", stamp(s)));
        tlrr(&format!("{every}{start}{stop}{duration}"))
    };
    let duration = "<duration>00010000</duration>";
    assert_eq!(code(times(None, Some(600), duration)).await, [110], "stop and duration");
    assert_eq!(code(times(Some(-600), None, "")).await, [110], "a start in the past");
    assert_eq!(code(times(None, Some(-600), "")).await, [110], "a stop in the past");
    assert_eq!(code(times(Some(600), Some(300), "")).await, [110], "stop before start");
    assert_eq!(code(tlrr("<interval>00000000</interval>")).await, [110]);
    assert_eq!(code(tlrr("<interval>1h</interval>")).await, [105]);
    assert_eq!(
        code(tlrr("<interval>00000100</interval><start_time utc_off=\"9900\">20300101000000</start_time>"))
            .await,
        [105]
    );
    for target in
        ["<plmn><mcc>001</mcc><mnc>01</mnc></plmn>", "<cc>32</cc>", "<name_area>Brussels</name_area>"]
    {
        assert_eq!(code(area("MS_ENTERING", "TRUE", target, "")).await, [112], "{target}");
    }
    assert_eq!(code(area("MS_FLYING", "TRUE", CIRCLE, "")).await, [111]);
    assert_eq!(code(area("MS_ENTERING", "TRUE", CIRCLE, "<no_of_reports>0</no_of_reports>")).await, [110]);
    assert_eq!(code(distance("WITHIN_DISTANCE", "-1", 2, "")).await, [110]);
    let stranger = distance("WITHIN_DISTANCE", "100", 2, "").replace("491700000002", "15550001");
    assert_eq!(code(stranger).await, [202], "its distance tells where the other is");
    let batch =
        |condition: &str| tlrr(&format!("{every}<loc_type per_type=\"BATCH\">{condition}</loc_type>"));
    assert_eq!(code(batch("")).await, [106]);
    assert_eq!(code(batch("<batch_cond batch_type=\"MEASUREMENTS\">2000</batch_cond>")).await, [110]);
    // A target that may not be followed, and one that nobody knows.
    let stranger = "<tlrr><msids><msid>15550001</msid></msids><interval>00000100</interval></tlrr>";
    assert_eq!(code(stranger.to_owned()).await, [202]);
    assert_eq!(house.triggers.count(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn periods_until_the_end_in_every_version() {
    let house = House::new().await;
    for version in ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"] {
        let every = format!("<interval>00000001</interval><stop_time>{}</stop_time>", stamp(2));
        let name = accepted(&house, version, &tlrr(&every)).await;
        let first = tlrep(&house).await;
        let second = tlrep(&house).await;
        for report in [&first, &second] {
            assert_eq!(text_of(report, "req_id"), Some(name.as_str()), "{report}");
            assert!(report.contains("trl_trigger=\"PERIODIC\"") && report.contains("<pd>"), "{report}");
            assert!(report.contains(&format!("<svc_result ver=\"{version}\"")), "{report}");
        }
        let left = |r: &str| text_of(r, "time_remaining").unwrap().parse::<u32>().unwrap();
        assert!(left(&first) >= left(&second), "time remaining falls");
        house.until("it ends", |h| h.triggers.count() == 0).await;
        while !house.no_report().await {}
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_report_where_start_and_stop_are_one() {
    let house = House::new().await;
    for times in [
        "<duration>00000000</duration>".to_owned(),
        format!("<start_time>{0}</start_time><stop_time>{0}</stop_time>", stamp(1)),
    ] {
        // Elements may come in any order.
        accepted(&house, "3.4.0", &tlrr(&format!("<interval>00000100</interval>{times}"))).await;
        assert!(tlrep(&house).await.contains("<pd>"));
        house.until("it ends", |h| h.triggers.count() == 0).await;
        assert!(house.no_report().await);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn areas_of_every_shape_are_entered_left_and_stayed_in() {
    let house = House::new().await;
    let corner = |lat: &str, lon: &str| format!("<coord><X>{lat}</X><Y>{lon}</Y></coord>");
    let ring: String = [("49.99", "3.99"), ("49.99", "4.01"), ("50.01", "4.01"), ("50.01", "3.99")]
        .map(|(a, o)| corner(a, o))
        .concat();
    let shapes = [
        CIRCLE.to_owned(),
        format!(
            "<shape><EllipticalArea>{}<angle>30</angle><semiMajor>2000</semiMajor><semiMinor>1000</semiMinor>\
                 </EllipticalArea></shape>",
            corner("50.0", "4.0")
        ),
        format!(
            "<shape><CircularArcArea>{}<inRadius>0</inRadius><outRadius>2000</outRadius><startAngle>0</startAngle>\
                 <stopAngle>360</stopAngle></CircularArcArea></shape>",
            corner("50.0", "4.0")
        ),
        format!(
            "<shape><Polygon><outerBoundaryIs><LinearRing>{ring}</LinearRing></outerBoundaryIs></Polygon></shape>"
        ),
        format!("<shape><Box>{}{}</Box></shape>", corner("49.99", "3.99"), corner("50.01", "4.01")),
    ];
    let (inside, outside) = (TOWN, (51.0, 4.0));
    for shape in &shapes {
        for (kind, places) in [
            ("MS_ENTERING", [outside, inside]),
            ("MS_LEAVING", [inside, outside]),
            ("MS_WITHIN_AREA", [outside, inside]),
            ("MS_OUTSIDE_AREA", [inside, outside]),
        ] {
            let name = accepted(&house, "3.4.0", &area(kind, "TRUE", shape, "")).await;
            for at in places {
                house.heard(&msisdn(1), at, 10.0, Clock::system().now().utc).await;
            }
            let report = tlrep(&house).await;
            assert_eq!(text_of(&report, "req_id"), Some(name.as_str()));
            assert!(report.contains("CHANGE_AREA") && report.contains("<pd>"), "{report}");
            let x = if places[1] == inside { "50 00 00.000N" } else { "51 00 00.000N" };
            assert_eq!(text_of(&report, "X"), Some(x), "{kind} {shape}");
            house.until("one report is the end", |h| h.triggers.count() == 0).await;
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_are_counted_and_may_leave_out_the_place() {
    let house = House::new().await;
    let twice = "<no_of_reports>2</no_of_reports><minimumIntervalTime>0</minimumIntervalTime>";
    accepted(&house, "3.4.0", &area("MS_WITHIN_AREA", "FALSE", CIRCLE, twice)).await;
    for _ in 0..2 {
        house.heard(&msisdn(1), TOWN, 10.0, Clock::system().now().utc).await;
        let report = tlrep(&house).await;
        assert!(!report.contains("<pd>") && report.contains("<time"), "{report}");
    }
    house.until("it ends", |h| h.triggers.count() == 0).await;
    // Blind for a minute after a report: the second position is not told.
    let blind = "<no_of_reports>9</no_of_reports><minimumIntervalTime>60</minimumIntervalTime>";
    accepted(&house, "3.4.0", &area("MS_WITHIN_AREA", "TRUE", CIRCLE, blind)).await;
    house.heard(&msisdn(1), TOWN, 11.0, Clock::system().now().utc).await;
    tlrep(&house).await;
    house.heard(&msisdn(1), TOWN, 12.0, Clock::system().now().utc).await;
    // What the handset reports by itself comes after it in time, and nothing of the trigger before it.
    loop {
        let (text, document) = house.report().await;
        assert!(matches!(document.body, Body::Slrep(_)), "{text}");
        if text.contains("<radius>12<") {
            break;
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distances_from_another_target() {
    let house = House::new().await;
    let far = (TOWN.0 + 1.0, TOWN.1);
    let near = (TOWN.0 + 0.001, TOWN.1);
    for (kind, first, then, moves) in [
        ("ENTERING_DISTANCE", far, near, 1),
        ("LEAVING_DISTANCE", near, far, 1),
        ("WITHIN_DISTANCE", far, near, 1),
        ("OUTSIDE_DISTANCE", near, far, 1),
        // The other comes, and the target stays where it is.
        ("ENTERING_DISTANCE", far, near, 2),
        ("OUTSIDE_DISTANCE", near, far, 2),
    ] {
        let name = accepted(&house, "3.4.0", &distance(kind, "500", 2, "")).await;
        let stays = 3 - moves;
        let now = || Clock::system().now().utc;
        house.heard(&msisdn(stays), TOWN, 10.0, now()).await;
        house.heard(&msisdn(moves), first, 10.0, now()).await;
        house.heard(&msisdn(moves), then, 10.0, now()).await;
        let report = tlrep(&house).await;
        assert_eq!(text_of(&report, "req_id"), Some(name.as_str()));
        assert!(report.contains("trl_trigger=\"DISTANCE\"") && report.contains("<pd>"), "{report}");
        assert!(report.contains("<reference_object><msid"), "{report}");
        house.until("one report is the end", |h| h.triggers.count() == 0).await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holes_and_boxes_over_the_antimeridian() {
    let house = House::new().await;
    let corner = |(lat, lon): (&str, &str)| format!("<coord><X>{lat}</X><Y>{lon}</Y></coord>");
    let ring = |half: &str| -> String {
        let (low, high) = (format!("-0.{half}"), format!("0.{half}"));
        let corners: String = [(&low, &low), (&low, &high), (&high, &high), (&high, &low)]
            .map(|(lat, lon)| corner((lat.as_str(), lon.as_str())))
            .concat();
        format!("<LinearRing>{corners}</LinearRing>")
    };
    let donut = format!(
        "<shape><Polygon><outerBoundaryIs>{}</outerBoundaryIs><innerBoundaryIs>{}</innerBoundaryIs></Polygon></shape>",
        ring("1"),
        ring("01")
    );
    let pacific =
        format!("<shape><Box>{}{}</Box></shape>", corner(("-1.0", "179.0")), corner(("1.0", "-179.0")));
    let now = || Clock::system().now().utc;
    for (shape, outside, inside, x) in [
        (donut, (0.0, 0.0), (0.05, 0.0), "0 03 00.000N"),
        (pacific, (0.5, 178.9), (0.5, -179.5), "0 30 00.000N"),
    ] {
        accepted(&house, "3.4.0", &area("MS_ENTERING", "TRUE", &shape, "")).await;
        house.heard(&msisdn(1), outside, 10.0, now()).await;
        house.heard(&msisdn(1), inside, 10.0, now()).await;
        let report = tlrep(&house).await;
        assert_eq!(text_of(&report, "X"), Some(x), "{report}");
        house.until("one report is the end", |h| h.triggers.count() == 0).await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn availability() {
    let setup =
        Setup { triggers: triggers::Config { poll_s: 1, ..triggers::Config::default() }, ..Setup::default() };
    let house = House::with(setup).await;
    house.script(&msisdn(1), Act::Gone);
    let event = tlrr("<tlrr_event><ms_action type=\"MS_AVAIL\"/></tlrr_event>");
    let name = accepted(&house, "3.0.0", &event).await;
    house.until("it is looked for", |h| h.invitations() > 0).await;
    house.script(&msisdn(1), Act::Positions(vec![9.0]));
    let report = tlrep(&house).await;
    assert_eq!(text_of(&report, "req_id"), Some(name.as_str()));
    assert!(report.contains("MS_AVAIL") && report.contains("<pd>"), "{report}");
    house.until("it ends", |h| h.triggers.count() == 0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_does_not_happen_times_out() {
    let house = House::new().await;
    let event = area("MS_ENTERING", "TRUE", CIRCLE, "");
    let event = event.replace("<tlrr_event>", &format!("<stop_time>{}</stop_time><tlrr_event>", stamp(1)));
    accepted(&house, "3.4.0", &event).await;
    assert_eq!(results(&tlrep(&house).await), [7]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_stopped_whole_or_by_target() {
    let house = House::new().await;
    let two = format!(
        "<tlrr>{}<interval>00010000</interval><start_time>{}</start_time></tlrr>",
        msids(&[1, 2]),
        stamp(3600)
    );
    let name = accepted(&house, "3.4.0", &two).await;
    let stop = |targets: &str, name: &str| format!("<tlrsr>{targets}<req_id>{name}</req_id></tlrsr>");
    let code = async |client: &str, body: String| {
        let answer = house.service(client, "3.4.0", &body).await;
        let codes = results(&answer);
        if codes.is_empty() { vec![0] } else { codes }
    };
    assert_eq!(code("tracker", stop("", "nothing")).await, [110]);
    assert_eq!(code("shop", stop("", &name)).await, [110], "somebody else's");
    assert_eq!(code("tracker", stop(&msids(&[1, 3]), &name)).await, [115], "the whole stop is refused");
    assert_eq!(house.triggers.of("tracker")[0].targets.len(), 2);
    assert_eq!(code("tracker", stop(&msids(&[1]), &name)).await, [0]);
    assert_eq!(house.triggers.of("tracker")[0].targets.len(), 1);
    assert_eq!(code("tracker", stop("", &name)).await, [0]);
    assert_eq!(house.triggers.count(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_ends_is_told() {
    let house = House::new().await;
    let name = accepted(&house, "3.4.0", &tlrr("<interval>00010000</interval>")).await;
    tlrep(&house).await;
    let id = house.triggers.of("tracker")[0].id.clone();
    assert_eq!(id.as_str(), name);
    assert!(house.triggers.cancel(&id).await);
    assert_eq!(results(&tlrep(&house).await), [114]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_requests_there_are() {
    let house = House::new().await;
    let query = async || {
        let answer = house.service("tracker", "3.4.0", "<tlrqr/>").await;
        let name = text_of(&answer, "query_id").unwrap_or_else(|| panic!("{answer}")).to_owned();
        let report = tlrep(&house).await;
        assert_eq!(text_of(&report, "query_id"), Some(name.as_str()));
        assert!(report.contains("last=\"YES\""), "{report}");
        report
    };
    assert!(!query().await.contains("trigger_data"));
    let later = format!("<interval>00010000</interval><start_time>{}</start_time>", stamp(3600));
    let name = accepted(&house, "3.4.0", &tlrr(&later)).await;
    let report = query().await;
    assert!(report.contains(&name) && report.contains("491700000001"), "{report}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_pauses_and_segments() {
    let house = House::new().await;
    let every = |per_type: &str, condition: &str| {
        let condition = format!("<loc_type per_type=\"{per_type}\">{condition}</loc_type>");
        tlrr(&format!("<interval>00000001</interval><stop_time>{}</stop_time>{condition}", stamp(4)))
    };
    let two = every("BATCH", "<batch_cond batch_type=\"MEASUREMENTS\">2</batch_cond>");
    accepted(&house, "3.4.0", &two).await;
    let report = tlrep(&house).await;
    assert_eq!(report.matches("<trl_pos").count(), 2, "{report}");
    house.until("it ends", |h| h.triggers.count() == 0).await;
    while !house.no_report().await {}

    // Away, and back: said in the version that has a word for it.
    house.script(&msisdn(9), Act::Gone);
    accepted(&house, "3.4.0", &every("QUASIREALTIME", "").replace("491700000001", "491700000009")).await;
    let report = tlrep(&house).await;
    assert!(report.contains("<tlrpr") && report.contains("cause=\"PAUSE\""), "{report}");
    house.script(&msisdn(9), Act::Positions(vec![5.0]));
    assert!(tlrep(&house).await.contains("cause=\"RESUME\""));
    assert!(tlrep(&house).await.contains("<pd>"));
    house.close().await;

    let mut setup = Setup::default();
    setup.door.positions_per_report = 2;
    let house = House::with(setup).await;
    let five = format!(
        "<tlrr>{}<interval>00000100</interval><duration>00000000</duration></tlrr>",
        msids(&[1, 2, 3, 4, 5])
    );
    accepted(&house, "3.4.0", &five).await;
    let parts = [tlrep(&house).await, tlrep(&house).await, tlrep(&house).await];
    let more: Vec<bool> = parts.iter().map(|p| p.contains("more=\"YES\"")).collect();
    assert_eq!(more, [true, true, false]);
    house.close().await;
}
