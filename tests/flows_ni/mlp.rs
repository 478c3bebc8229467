//! What an LCS client is told by MLP of what handsets did.

use std::time::Duration;

use groma::handset::Answer;
use groma::le::mlp::client::{Client, Url};
use groma::slc::ni::StatusCode;
use groma::wire::ulp::{End, UlpMessage};

use super::town::{PATIENCE, Town, number, place, pos_init};

/// Asks for a handset; gives the answer as text.
async fn ask(town: &Town, client: &str, n: u8, seconds: u32) -> String {
    let url: Url = format!("http://{}/LocationQueryService", town.mlp()).parse().expect("a URL");
    let body = if client == "psap" {
        format!(
            "<eme_lir><msid>{}</msid><eqop><resp_timer>{seconds}</resp_timer></eqop></eme_lir>",
            number(n)
        )
    } else {
        format!(
            "<slir><msids><msid>{}</msid></msids><eqop><resp_timer>{seconds}</resp_timer><hor_acc>50</hor_acc></eqop></slir>",
            number(n)
        )
    };
    let request = format!(
        "<svc_init ver=\"3.4.0\"><hdr><client><id>{client}</id><pwd>{client}</pwd></client></hdr>{body}</svc_init>"
    );
    let client = Client::new(None, PATIENCE).expect("a client");
    let answer = client.post(&url, request.into()).await.expect("an answer");
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body.to_vec()).expect("UTF-8")
}

fn code(answer: &str) -> Option<u16> {
    let (_, rest) = answer.split_once("resid=\"")?;
    rest.split('"').next()?.parse().ok()
}

/// An ordinary client and an emergency centre get the place; a refusing user, a rule, and nobody there have their codes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_and_refusals() {
    let mut town = Town::open().await;
    for (n, client) in [(1, "tracker"), (2, "psap")] {
        drop(town.handset(n, |h| h.answer = Answer::Deny).await);
        let answer = ask(&town, client, n, 20).await;
        assert!(answer.contains("<pd>") && code(&answer).is_none(), "{answer}");
        let (degrees, minutes) = (place(n).at.lat.trunc(), place(n).at.lat.fract() * 60.0);
        let there = format!("<X>{degrees} {:02} ", minutes.trunc());
        assert!(answer.contains(&there), "{there}: {answer}");
    }
    assert_eq!(code(&ask(&town, "taxi", 1, 20).await), Some(202), "the user refuses");
    assert_eq!(code(&ask(&town, "shop", 1, 20).await), Some(202), "no rule allows it");
    assert_eq!(code(&ask(&town, "shop", 77, 20).await), Some(202), "nor for whom there is not");
    assert_eq!(code(&ask(&town, "tracker", 3, 20).await), Some(5), "nobody there");
    town.stop().await;
}

/// What handsets that break off or say no come to, in result codes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_of_how_it_went() {
    let mut town = Town::with("2.0", |c| c.service.st1_s = 1).await;
    let mut radio = town.radio(1).await;
    let status = |s| UlpMessage::End(Box::new(End::with(s)));
    for (message, expected) in [
        (status(StatusCode::ConsentDeniedByUser), 202),
        (status(StatusCode::PosMethodFailure), 6),
        (status(StatusCode::PosMethodMismatch), 6),
        (status(StatusCode::NonProxyModeNotSupported), 6),
        (status(StatusCode::TargetSetNotReachable), 5),
        (pos_init(Some([3; 8])), 1),
    ] {
        let (answer, _) = tokio::join!(ask(&town, "tracker", 1, 20), async {
            radio.call().await.answer(message.clone()).await
        });
        assert_eq!(code(&answer), Some(expected), "{message:?}: {answer}");
    }
    // Silence, until ST1.
    let answer = tokio::time::timeout(Duration::from_secs(15), ask(&town, "tracker", 1, 20)).await;
    assert_eq!(code(&answer.expect("ST1")), Some(5));
    town.stop().await;
}
