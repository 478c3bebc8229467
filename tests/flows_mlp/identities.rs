//! How targets are named, and places written.

use super::house::{House, TOWN, msids, msisdn, results};
use groma::base::time::Clock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_identity_is_taken_or_refused_as_unsupported() {
    let house = House::new().await;
    let code = async |kind: &str, id: &str| -> Vec<u16> {
        let body = format!("<slir><msids><msid type=\"{kind}\">{id}</msid></msids></slir>");
        results(&house.service("operator", "3.5.0", &body).await)
    };
    // Known in kind: the subscriber is not (4).
    for (kind, id) in [
        ("MSISDN", "15550001"),
        ("IMSI", "001010000000001"),
        ("IMEI", "490154203237518"),
        ("MIN", "4085551234"),
        ("MDN", "5551234567"),
        ("IPV4", "192.0.2.1"),
        ("IPV6", "2001:db8::1"),
        ("NAI", "user@example.net"),
        ("TEL_URL", "tel:+1-555-0001"),
        ("SIP_URI", "sip:user@example.net"),
    ] {
        assert_eq!(code(kind, id).await, [4], "{kind}");
    }
    for kind in ["EME_MSID", "ASID", "OPE_ID", "SESSID", "URI", "VENUE_ID", "LOCATION_ID"] {
        assert_eq!(code(kind, "x").await, [113], "{kind}");
    }
    for (kind, id) in [("MSISDN", "not-a-number"), ("IPV4", "2001:db8::1")] {
        let codes = code(kind, id).await;
        assert!(codes == [105] || codes == [110], "{kind}: {codes:?}");
    }
    assert_eq!(code("PIGEON", "1").await, [111]);
    assert_eq!(code("ANONYMOUS", "x").await, [111], "in reports only");
    let encrypted = "<slir><msids><msid type=\"MSISDN\" enc=\"CRP\">491700000001</msid></msids></slir>";
    assert_eq!(results(&house.service("operator", "3.5.0", encrypted).await), [113]);
    // A plus sign and blanks do not hide anybody.
    let plus = "<slir><msids><msid> +491700000001 </msid></msids></slir>";
    assert!(house.service("tracker", "3.5.0", plus).await.contains("<pd>"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systems_and_forms_of_places() {
    let house = House::new().await;
    let geo = |attributes: &str, code: &str, space: &str| {
        format!(
            "<slir>{}<geo_info{attributes}><CoordinateReferenceSystem><Identifier><code>{code}</code><codeSpace>{space}\
             </codeSpace><edition>6.1</edition></Identifier></CoordinateReferenceSystem></geo_info></slir>",
            msids(&[1])
        )
    };
    let code = async |body: String| results(&house.service("tracker", "3.5.0", &body).await);
    assert_eq!(code(geo("", "4326", "EPSG")).await, [0; 0]);
    let unknown = code(geo("", "2154999", "EPSG")).await;
    assert!(unknown == [112] || unknown == [113], "{unknown:?}");
    let strict = code(geo(" requested_positiondata=\"CIVICLOC\" Strict=\"YES\"", "4326", "EPSG")).await;
    assert!(strict.len() == 1 && (107..=113).contains(&strict[0]), "{strict:?}");
    assert_eq!(code(geo(" requested_positiondata=\"CIVICLOC\" Strict=\"NO\"", "4326", "EPSG")).await, [0; 0]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_get_the_shapes_that_they_can_take() {
    let house = House::new().await;
    let with = |shapes: &str| {
        format!(
            "<svc_init ver=\"3.5.0\"><hdr ver=\"3.5.0\"><client><id>tracker</id><pwd>tracker</pwd></client>\
             <supported_shapes {shapes}/></hdr><slir ver=\"3.5.0\">{}</slir></svc_init>",
            msids(&[1])
        )
    };
    assert!(house.ask(&with("CircularArea=\"1\"")).await.contains("<CircularArea"));
    assert!(house.ask(&with("Polygon=\"1\"")).await.contains("<Polygon"));
    assert!(house.ask(&with("EllipticalArea=\"1\" CircularArea=\"0.5\"")).await.contains("Area"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seconds_that_round_up_carry() {
    let house = House::new().await;
    let now = Clock::system().now().utc;
    house.heard(&msisdn(1), (59.999_999_95, -179.999_999_95), 5.0, now).await;
    let last = format!("<slir>{}<loc_type type=\"LAST\"/></slir>", msids(&[1]));
    let answer = house.service("tracker", "3.4.0", &last).await;
    assert!(answer.contains("<X>60 00 00.000N</X>") && answer.contains("<Y>180 00 00.000W</Y>"), "{answer}");
    house.heard(&msisdn(2), (0.0, TOWN.1), 5.0, now).await;
    let last = format!("<slir>{}<loc_type type=\"LAST\"/></slir>", msids(&[2]));
    assert!(house.service("tracker", "3.4.0", &last).await.contains("<X>0 00 00.000N</X>"));
    house.close().await;
}
