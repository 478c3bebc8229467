//! Which position, how exact, how young, how soon.

use std::time::Instant;

use groma::base::Utc;
use groma::base::time::Clock;

use super::house::{Act, House, TOWN, msids, msisdn, results, text_of};

fn ago(s: i64) -> Utc {
    Utc::from_unix_s(Clock::system().now().utc.unix_s() - s)
}

fn slir(n: u32, more: &str) -> String {
    format!("<slir>{}{more}</slir>", msids(&[n]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_of_location() {
    let house = House::new().await;
    house.heard(&msisdn(1), TOWN, 77.0, ago(600)).await;
    let radius = async |n: u32, kind: &str| {
        let answer =
            house.service("tracker", "3.5.0", &slir(n, &format!("<loc_type type=\"{kind}\"/>"))).await;
        text_of(&answer, "radius").map_or_else(|| format!("{:?}", results(&answer)), str::to_owned)
    };
    assert_eq!(radius(1, "LAST").await, "77", "what is known, nobody is asked");
    assert_eq!(house.invitations(), 0);
    assert_eq!(radius(2, "LAST").await, "[6]", "nothing is known");
    assert_eq!(radius(1, "CURRENT").await, "20");
    house.script(&msisdn(3), Act::Gone);
    house.heard(&msisdn(3), TOWN, 33.0, ago(600)).await;
    assert_eq!(radius(3, "CURRENT").await, "[5]");
    assert_eq!(radius(3, "CURRENT_OR_LAST").await, "33");
    assert_eq!(radius(3, "LAST_OR_CURRENT").await, "33");
    assert_eq!(radius(4, "LAST_OR_CURRENT").await, "20");
    assert_eq!(radius(4, "CURRENT_AND_INTERMEDIATE").await, "20", "at once: the last one");
    assert_eq!(radius(4, "LOCATION_URI").await, "[113]");
    assert_eq!(radius(4, "TOMORROW").await, "[111]");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classes_of_quality() {
    let house = House::new().await;
    house.script(&msisdn(1), Act::Positions(vec![80.0]));
    let eqop = |class: &str| {
        slir(
            1,
            &format!("<eqop><resp_timer>3</resp_timer><hor_acc qos_class=\"{class}\">50</hor_acc></eqop>"),
        )
    };
    let assured = house.service("tracker", "3.4.0", &eqop("ASSURED")).await;
    assert_eq!(results(&assured), [201], "{assured}");
    assert!(text_of(&assured, "add_info").unwrap().starts_with("hor_acc"), "{assured}");
    let best = house.service("tracker", "3.4.0", &eqop("BEST_EFFORT")).await;
    assert!(best.contains("<qos_not_met") && text_of(&best, "radius") == Some("80"), "{best}");
    // What is met is not said to be missed.
    let met = house.service("tracker", "3.4.0", &slir(2, "<eqop><hor_acc>50</hor_acc></eqop>")).await;
    assert!(met.contains("<pd>") && !met.contains("qos_not_met"), "{met}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ages_and_delays() {
    let house = House::new().await;
    house.heard(&msisdn(1), TOWN, 44.0, ago(40)).await;
    let radius = async |n: u32, eqop: &str| {
        let answer = house.service("tracker", "3.4.0", &slir(n, &format!("<eqop>{eqop}</eqop>"))).await;
        text_of(&answer, "radius").map_or_else(|| format!("{:?}", results(&answer)), str::to_owned)
    };
    assert_eq!(radius(1, "<max_loc_age>60</max_loc_age>").await, "44", "young enough");
    assert_eq!(house.invitations(), 0);
    assert_eq!(radius(1, "<max_loc_age>10</max_loc_age>").await, "20", "too old");
    // NO_DELAY gives what there is, at once; the timer beats it.
    house.heard(&msisdn(2), TOWN, 66.0, ago(400)).await;
    assert_eq!(radius(2, "<resp_req type=\"NO_DELAY\"/>").await, "66");
    assert_eq!(radius(2, "<resp_req type=\"NO_DELAY\"/><resp_timer>5</resp_timer>").await, "20");
    // A handset that does not come costs the time that was given, not more.
    house.script(&msisdn(3), Act::Silent);
    let began = Instant::now();
    let late = radius(3, "<resp_timer>1</resp_timer>").await;
    assert!(late == "[201]" || late == "[5]", "{late}");
    assert!(began.elapsed().as_secs() < 5);
    house.close().await;
}
