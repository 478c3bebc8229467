use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;

use super::super::bearer::Attempt;
use super::*;
use crate::base::SetId;
use crate::net::push::Rule;

/// A bearer that does what the test says, attempt by attempt; then it hangs.
struct Scripted {
    name: &'static str,
    script: Mutex<VecDeque<Result<Carried, Failure>>>,
    log: Arc<Mutex<Vec<&'static str>>>,
}

impl Bearer for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn knows(&self, parcel: &Parcel) -> bool {
        parcel.number().is_some()
    }

    fn carry<'a>(&'a self, _parcel: &'a Parcel) -> Attempt<'a> {
        self.log.lock().unwrap().push(self.name);
        let next = self.script.lock().unwrap().pop_front();
        Box::pin(async move {
            match next {
                Some(result) => result,
                None => std::future::pending().await,
            }
        })
    }
}

struct Bench {
    pusher: Pusher,
    log: Arc<Mutex<Vec<&'static str>>>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

type Script = (&'static str, Vec<Result<Carried, Failure>>);

fn bench(config: Config, scripts: Vec<Script>) -> Bench {
    let log = Arc::new(Mutex::new(Vec::new()));
    let order: Vec<String> = scripts.iter().map(|(n, _)| (*n).to_owned()).collect();
    let bearers: Vec<Box<dyn Bearer>> = scripts
        .into_iter()
        .map(|(name, script)| {
            let script = Mutex::new(script.into());
            Box::new(Scripted { name, script, log: Arc::clone(&log) }) as Box<dyn Bearer>
        })
        .collect();
    let config = Config { order, ..config };
    let (metrics, stop) = (Arc::new(Metrics::new()), CancellationToken::new());
    let pusher = Pusher::with(bearers, &config, Arc::clone(&metrics), TaskTracker::new(), stop.clone());
    Bench { pusher, log, metrics, stop }
}

fn delivery(number: &str, emergency: bool, seconds: u64) -> Delivery {
    Delivery {
        target: SetId::Msisdn(number.parse().unwrap()),
        alternatives: Vec::new(),
        ip: None,
        octets: Bytes::from_static(b"INIT"),
        emergency,
        deadline: (Instant::now() + Duration::from_secs(seconds)).into_std(),
    }
}

fn delivered(bearer: &str, confirmed: bool) -> Delivered {
    Delivered { bearer: bearer.to_owned(), confirmed }
}

impl Bench {
    async fn push(&self) -> Result<Delivered, PushError> {
        self.pusher.deliver(delivery("491701234567", false, 60)).await
    }

    fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_bearer_is_tried_and_a_passing_failure_again() {
    let b = bench(
        Config::default(),
        vec![
            ("a", vec![Err(Failure::Down), Err(Failure::Congested), Ok(Carried::Confirmed)]),
            ("b", vec![Err(Failure::Refused(11))]),
        ],
    );
    assert_eq!(b.push().await, Ok(delivered("a", true)));
    assert_eq!(b.log(), ["a", "b", "a", "a"]);
    let text = b.metrics.render();
    assert!(text.contains(r#"push_deliveries_total{bearer="a",outcome="confirmed"} 1"#), "{text}");
    assert!(text.contains(r#"push_attempts_total{bearer="b",result="refused"} 1"#), "{text}");
    assert_eq!(b.pusher.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_for_goes_on_to_the_next_bearer() {
    let b = bench(
        Config::default(),
        vec![("a", vec![Ok(Carried::Sent)]), ("b", vec![Ok(Carried::Accepted)]), ("c", Vec::new())],
    );
    assert_eq!(b.push().await, Ok(delivered("b", false)));
    assert_eq!(b.log(), ["a", "b"]);
    // With nothing behind it, it stands.
    let b = bench(
        Config::default(),
        vec![("a", vec![Ok(Carried::Sent)]), ("b", vec![Err(Failure::Unreachable(1))])],
    );
    assert_eq!(b.push().await, Ok(delivered("a", false)));
    assert_eq!(b.log(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_leaves_the_others_their_time() {
    let b = bench(Config::default(), vec![("a", Vec::new()), ("b", vec![Ok(Carried::Confirmed)])]);
    let began = Instant::now();
    assert_eq!(b.push().await, Ok(delivered("b", true)));
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn every_end_has_its_error() {
    let down = || vec![Err(Failure::Down); 3];
    for (first, second, error) in [
        (vec![Err(Failure::Unreachable(1))], down(), PushError::Unreachable),
        (vec![Err(Failure::Refused(88))], down(), PushError::Refused),
        (vec![Err(Failure::TooLong)], down(), PushError::Refused),
        (vec![Err(Failure::Congested); 3], down(), PushError::Congested),
        (vec![Err(Failure::Unauthorized(14))], down(), PushError::Failed),
        (vec![Err(Failure::Stopping)], down(), PushError::Stopping),
    ] {
        let b = bench(Config::default(), vec![("a", first), ("b", second)]);
        assert_eq!(b.push().await, Err(error));
    }
    let b = bench(Config { rounds: 1, ..Config::default() }, vec![("a", Vec::new())]);
    let began = Instant::now();
    assert!(matches!(b.push().await, Err(PushError::TimedOut | PushError::Failed)));
    assert_eq!(began.elapsed().as_secs(), 60);

    let b = bench(Config::default(), vec![("a", down())]);
    let unknown = Delivery { target: SetId::Ip("192.0.2.1".parse().unwrap()), ..delivery("1", false, 60) };
    assert_eq!(b.pusher.deliver(unknown).await, Err(PushError::NoAddress));
    assert!(b.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_last_places_are_for_emergencies() {
    let b = bench(Config { max_pending: 16, ..Config::default() }, vec![("a", Vec::new())]);
    let spawn = |emergency| tokio::spawn(b.pusher.deliver(delivery("1", emergency, 60)));
    let ordinary: Vec<_> = (0..14).map(|_| spawn(false)).collect();
    tokio::task::yield_now().await;
    assert_eq!(b.pusher.pending(), 14);
    assert_eq!(b.push().await, Err(PushError::Congested));
    let urgent: Vec<_> = (0..2).map(|_| spawn(true)).collect();
    tokio::task::yield_now().await;
    assert_eq!(b.pusher.deliver(delivery("1", true, 60)).await, Err(PushError::Congested));
    assert_eq!(b.pusher.pending(), 16);
    // Whoever saw the SET come drops the delivery.
    for task in ordinary.iter().chain(&urgent) {
        task.abort();
    }
    for task in ordinary.into_iter().chain(urgent) {
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(b.pusher.pending(), 0);
    assert!(b.metrics.render().contains(r#"{bearer="none",outcome="dropped"} 16"#));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_deliveries() {
    let b = bench(Config::default(), vec![("a", Vec::new())]);
    let waiting = tokio::spawn(b.pusher.deliver(delivery("1", false, 60)));
    tokio::task::yield_now().await;
    b.stop.cancel();
    assert_eq!(waiting.await.unwrap(), Err(PushError::Stopping));
}

#[tokio::test(start_paused = true)]
async fn rules_choose_by_identity_and_emergency() {
    use crate::base::ids::SetIdKind;
    let rules = vec![
        Rule {
            kind: Some(SetIdKind::Msisdn),
            prefix: Some("4917".to_owned()),
            emergency: Some(false),
            bearers: vec!["b".to_owned()],
        },
        Rule { emergency: Some(true), bearers: vec!["c".to_owned()], ..Rule::default() },
    ];
    let yes = || vec![Ok(Carried::Confirmed); 3];
    let b = bench(Config { rules, ..Config::default() }, vec![("a", yes()), ("b", yes()), ("c", yes())]);
    let to = |number, emergency| b.pusher.deliver(delivery(number, emergency, 60));
    assert_eq!(to("491701", false).await, Ok(delivered("b", true)));
    assert_eq!(to("491701", true).await, Ok(delivered("c", true)));
    assert_eq!(to("44", false).await, Ok(delivered("a", true)));
    let by_alternative = Delivery {
        target: SetId::Imsi("262011234567890".parse().unwrap()),
        alternatives: vec![SetId::Msisdn("491709".parse().unwrap())],
        ..delivery("1", false, 60)
    };
    assert_eq!(b.pusher.deliver(by_alternative).await, Ok(delivered("b", true)));
}
