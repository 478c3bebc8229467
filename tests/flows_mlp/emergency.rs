//! Emergency requests.

use super::house::{Act, House, msids, msisdn, results, text_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privacy_gives_way_and_everything_of_the_call_comes_back() {
    let house = House::new().await;
    let call = "<eme_lir><msid type=\"MSISDN\">15550001</msid><msid type=\"IMSI\">001010000000001</msid>\
                <trans_id>t7</trans_id><esrd type=\"NA\">7702</esrd><esrk type=\"NA\">7703</esrk></eme_lir>";
    let answer = house.service("psap", "3.4.0", call).await;
    assert!(answer.contains("<eme_lia") && answer.contains("<pd>"), "{answer}");
    assert_eq!(answer.matches("<eme_pos").count(), 1, "two identities are one target");
    assert!(answer.contains(">15550001<") && answer.contains(">001010000000001<"), "{answer}");
    assert_eq!((text_of(&answer, "esrd"), text_of(&answer, "esrk")), (Some("7702"), Some("7703")));
    assert_eq!(text_of(&answer, "trans_id"), Some("t7"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_targets_in_every_version() {
    let house = House::new().await;
    house.script(&msisdn(2), Act::Gone);
    for version in ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"] {
        let answer = house.service("psap", version, &format!("<eme_lir>{}</eme_lir>", msids(&[1, 2]))).await;
        assert_eq!(answer.matches("<eme_pos").count(), 2, "{answer}");
        assert_eq!(results(&answer), [5], "{answer}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_of_how_to_reach_the_handset() {
    let house = House::new().await;
    let call = |ip: &str| {
        format!(
            "<eme_lir><msid type=\"MSISDN\">491700000001</msid><supl_support_params><ip_address>{ip}</ip_address><shape>\
             <CircularArea><coord><X>50 00 00.000N</X><Y>4 00 00.000E</Y></coord><radius>5000</radius></CircularArea>\
             </shape></supl_support_params></eme_lir>"
        )
    };
    assert!(house.service("psap", "3.4.0", &call("192.0.2.7")).await.contains("<pd>"));
    assert_eq!(results(&house.service("psap", "3.4.0", &call("somewhere")).await), [105]);
    house.close().await;
}
