//! Standard and historic immediate requests, and who may make them.

use groma::base::Utc;
use groma::base::time::Clock;
use groma::le::mlp::model::{Answer, Body, Outcome};

use super::house::{Act, House, PATIENCE, TOWN, estimate, msids, msisdn, read, request, results, text_of};

fn slir(numbers: &[u32]) -> String {
    format!("<slir>{}</slir>", msids(numbers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_target_is_located_in_every_version() {
    let house = House::new().await;
    for version in ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"] {
        let answer = house.service("tracker", version, &slir(&[1])).await;
        let Body::Slia(slia) = read(&answer) else { panic!("{answer}") };
        let Answer::Positions(positions) = slia.answer else { panic!("{answer}") };
        assert!(matches!(positions[0].outcome, Outcome::Position(_)), "{answer}");
        assert!(answer.contains(&format!("<svc_result ver=\"{version}\"")), "{answer}");
        assert!(answer.contains("<msid type=\"MSISDN\"") && answer.contains(">491700000001<"), "{answer}");
        assert!(
            answer.contains("<X>50 00 00.000N</X>") && answer.contains("<Y>4 00 00.000E</Y>"),
            "{answer}"
        );
        assert_eq!(text_of(&answer, "radius"), Some("20"));
    }
    // Without `ver` in the default version.
    let plain = "<svc_init><hdr><client><id>tracker</id><pwd>tracker</pwd></client></hdr>";
    let answer = house.ask(&format!("{plain}{}</svc_init>", slir(&[1]))).await;
    assert!(answer.contains("<svc_result ver=\"3.5.0\""), "{answer}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_succeed_and_fail_one_by_one() {
    let house = House::new().await;
    house.script(&msisdn(2), Act::Gone);
    house.script(&msisdn(3), Act::NoFix);
    house.script(&msisdn(4), Act::Silent);
    let answer = house.service("tracker", "3.4.0", &slir(&[1, 2, 3, 4])).await;
    assert_eq!(results(&answer), [5, 6, 5], "{answer}");
    assert_eq!(answer.matches("<pd>").count(), 1);
    let order: Vec<usize> = (1..=4).map(|n| answer.find(&format!("49170000000{n}")).unwrap()).collect();
    assert!(order.is_sorted(), "as they were asked for");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_are_spelled_out_and_bounded() {
    let house = House::new().await;
    let range = |first: &str, last: &str, more: &str| {
        format!(
            "<slir><msids><msid_range><start_msid><msid>{first}</msid></start_msid><stop_msid><msid>{last}</msid>\
             </stop_msid></msid_range>{more}</msids></slir>"
        )
    };
    let three = range("491700000001", "491700000003", "");
    let answer = house.service("tracker", "3.4.0", &three).await;
    assert_eq!(answer.matches("<pd>").count(), 3, "{answer}");
    let code = async |body: String| results(&house.service("tracker", "3.4.0", &body).await);
    assert_eq!(code(range("491700000000", "491700000100", "")).await, [104]);
    assert_eq!(code(range("491700000003", "491700000001", "")).await, [110]);
    assert_eq!(code(range("491700000001", "4917000000011", "")).await, [110]);
    let words = "<codeword>a</codeword><codeword>b</codeword>";
    assert_eq!(
        code(range("491700000001", "491700000003", words)).await,
        [106],
        "two words for three targets"
    );
    let words = "<codeword>a</codeword><codeword>b</codeword><codeword>c</codeword>";
    assert_eq!(code(range("491700000001", "491700000003", words)).await, [0; 0]);
    let many: String = (0..101).map(|n| format!("<msid>4917000001{n:03}</msid>")).collect();
    assert_eq!(code(format!("<slir><msids>{many}</msids></slir>")).await, [104]);
    let group = "<slir><msids><msid_group>taxis</msid_group></msids></slir>";
    assert_eq!(code(group.to_owned()).await, [107]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_whatever_is_wrong_with_them() {
    let house = House::new().await;
    let body = slir(&[1]);
    let header =
        |hdr: &str| format!("<svc_init ver=\"3.4.0\"><hdr ver=\"3.4.0\">{hdr}</hdr>{body}</svc_init>");
    for hdr in [
        "<client><id>tracker</id><pwd>wrong</pwd></client>",
        "<client><id>tracker</id><pwd></pwd></client>",
        "<client><id>tracker</id></client>",
        "<client><id>nobody</id><pwd>tracker</pwd></client>",
        "<client><id></id><pwd></pwd></client>",
        "<sessionid>0123456789abcdef</sessionid>",
    ] {
        let answer = house.ask(&header(hdr)).await;
        assert_eq!(results(&answer), [3], "{hdr}: {answer}");
        assert!(answer.contains("<slia") && !answer.contains("sessionid"), "{answer}");
    }
    assert_eq!(house.invitations(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stands_for_a_login() {
    let house = House::new().await;
    let first = house.service("tracker", "3.4.0", &slir(&[1])).await;
    let session = text_of(&first, "sessionid").unwrap().to_owned();
    let with = |hdr: String| {
        format!("<svc_init ver=\"3.4.0\"><hdr ver=\"3.4.0\">{hdr}</hdr>{}</svc_init>", slir(&[2]))
    };
    let again = house.ask(&with(format!("<sessionid>{session}</sessionid>"))).await;
    assert!(again.contains("<pd>") && text_of(&again, "sessionid") == Some(session.as_str()), "{again}");
    let stale = house.ask(&with(format!("<sessionid>{session}0</sessionid>"))).await;
    assert_eq!(results(&stale), [3]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privacy_refuses_and_does_not_tell_who_exists() {
    let house = House::new().await;
    let known = house.service("shop", "3.4.0", &slir(&[1])).await;
    assert_eq!(results(&known), [202]);
    let unknown = "<slir><msids><msid type=\"MSISDN\">15550001</msid></msids></slir>";
    let unknown = house.service("shop", "3.4.0", unknown).await;
    assert_eq!(results(&unknown), [202]);
    // The answers differ in the number that was asked for and in the time, and in nothing else.
    let shape = |xml: &str| {
        let xml = xml.replace("491700000001", "N").replace("15550001", "N");
        let time = text_of(&xml, "time").unwrap().to_owned();
        xml.replace(&time, "T")
    };
    let session = text_of(&known, "sessionid").unwrap();
    assert_eq!(shape(&known), shape(&unknown).replace(text_of(&unknown, "sessionid").unwrap(), session));
    // One who may know is told.
    let told = "<slir><msids><msid type=\"MSISDN\">15550001</msid></msids></slir>";
    assert_eq!(results(&house.service("operator", "3.4.0", told).await), [4]);
    // A user who is asked may refuse.
    house.script(&msisdn(5), Act::Refuse);
    assert_eq!(results(&house.service("tracker", "3.4.0", &slir(&[5])).await), [202]);
    assert_eq!(house.invitations(), 1, "nobody else was disturbed");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_the_profile_lacks_are_refused_as_a_whole() {
    let house = House::new().await;
    let emergency = format!("<eme_lir>{}</eme_lir>", msids(&[1]));
    let answer = house.service("tracker", "3.4.0", &emergency).await;
    assert_eq!(results(&answer), [3], "{answer}");
    assert!(answer.contains("<eme_lia") && !answer.contains("eme_pos"), "{answer}");
    let triggered = format!("<tlrr>{}<interval>00000010</interval></tlrr>", msids(&[1]));
    assert_eq!(results(&house.service("operator", "3.4.0", &triggered).await).len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_in_windows() {
    let house = House::new().await;
    let now = Clock::system().now().utc;
    let ago = |s: i64| Utc::from_unix_s(now.unix_s() - s);
    for s in [500, 400, 300, 200, 100] {
        house.heard(&msisdn(1), TOWN, s as f64, ago(s)).await;
    }
    let stamp = |s: i64| {
        let (y, mo, d, h, mi, sec) = ago(s).civil();
        format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{sec:02}")
    };
    let hlir = |more: String| format!("<hlir><msid type=\"MSISDN\">491700000001</msid>{more}</hlir>");
    let radii = async |more: String| -> Vec<String> {
        let answer = house.service("tracker", "3.4.0", &hlir(more)).await;
        let all = answer.split("<radius>").skip(1).map(|r| r.split('<').next().unwrap().to_owned());
        let all: Vec<String> = all.collect();
        if all.is_empty() { results(&answer).iter().map(|c| format!("result {c}")).collect() } else { all }
    };
    let window = |from: i64, to: i64| {
        format!("<start_time>{}</start_time><stop_time>{}</stop_time>", stamp(from), stamp(to))
    };
    assert_eq!(radii(String::new()).await, ["500", "400", "300", "200", "100"]);
    assert_eq!(radii(window(400, 200)).await, ["400", "300", "200"]);
    assert_eq!(radii(window(200, 400)).await, ["result 110"]);
    assert_eq!(radii(window(90, 80)).await, ["result 6"]);
    let thinned = radii("<interval>00000230</interval>".to_owned()).await;
    assert_eq!(thinned, ["500", "300", "100"], "150 s apart at least");
    assert_eq!(radii("<no_of_reports>2</no_of_reports>".to_owned()).await, ["200", "100"]);
    assert_eq!(radii("<no_of_reports>0</no_of_reports>".to_owned()).await, ["result 110"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_at_once_share_one_positioning() {
    let house = House::new().await;
    house.script(&msisdn(1), Act::Positions(vec![90.0, 40.0, 15.0]));
    let xml = request("tracker", "3.4.0", &slir(&[1]));
    let all = async { tokio::join!(house.ask(&xml), house.ask(&xml), house.ask(&xml)) };
    let (a, b, c) = tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert!([&a, &b, &c].iter().all(|x| x.contains("<pd>")));
    assert_eq!(house.invitations(), 1);
    // A young stored position answers by itself.
    let _ = estimate;
    house.ask(&xml).await;
    assert_eq!(house.invitations(), 1);
    house.close().await;
}
