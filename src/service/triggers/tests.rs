//! The engine with a fake location service and a clock that stands still while nothing waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::base::{GeoPoint, LocationEstimate, PositionMethod, SetId, Shape, Utc};
use crate::service::{
    Absence, Client, ClientProfile, LocateError, LocateRequest, Located, LocationKind, Origin, Refusal,
};
use crate::testing::shelves::Shelves;

/// Answers from a list, or with the newest position it was told.
#[derive(Default)]
struct Fake {
    script: Mutex<VecDeque<Result<f64, LocateError>>>,
    newest: Mutex<Option<LocationEstimate>>,
    asked: Mutex<Vec<LocationKind>>,
}

impl Locate for Fake {
    fn locate(&self, request: LocateRequest) -> Locating {
        self.asked.lock().unwrap().push(request.kind);
        let answer = self.script.lock().unwrap().pop_front();
        let newest = self.newest.lock().unwrap().clone();
        Box::pin(async move {
            let estimate = match answer {
                Some(Ok(lat)) => estimate(lat, now()),
                Some(Err(e)) => return Err(e),
                None => newest.ok_or(LocateError::Absent(Absence::NoAnswer))?,
            };
            Ok(Located { estimate, qos_met: true, origin: Origin::Fresh })
        })
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        (id == "client").then(|| Client::detached(ClientProfile { id: id.to_owned(), ..Default::default() }))
    }
}

/// Hands reports to the test.
struct Sink(mpsc::UnboundedSender<Arc<TriggerReport>>);

impl ReportSink for Sink {
    fn take(&self, report: Arc<TriggerReport>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let _ = self.0.send(report);
        Box::pin(std::future::ready(()))
    }
}

fn estimate(lat: f64, time: Utc) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(lat, 4.0).unwrap(), radius_m: 10.0 },
        time,
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

/// The test's time: that of the runtime, which jumps when all tasks wait.
fn now() -> Utc {
    thread_local! { static ORIGIN: std::cell::OnceCell<tokio::time::Instant> = const { std::cell::OnceCell::new() }; }
    let origin = ORIGIN.with(|o| *o.get_or_init(tokio::time::Instant::now));
    Utc::from_unix_s(1_000_000) + tokio::time::Instant::now().duration_since(origin)
}

struct Bench {
    triggers: Triggers,
    fake: Arc<Fake>,
    reports: mpsc::UnboundedReceiver<Arc<TriggerReport>>,
    stop: CancellationToken,
}

async fn bench(config: Config) -> Bench {
    reopen(Arc::new(Shelves::default()), config).await
}

async fn reopen(store: Arc<Shelves>, config: Config) -> Bench {
    now();
    let fake = Arc::new(Fake::default());
    let stop = CancellationToken::new();
    let parts =
        Parts { config, store, locate: Arc::clone(&fake) as _, now: Arc::new(now), stop: stop.clone() };
    let triggers = Triggers::open(parts).await.unwrap();
    let (send, reports) = mpsc::unbounded_channel();
    triggers.connect("test", Arc::new(Sink(send)));
    tokio::spawn(triggers.clone().run());
    Bench { triggers, fake, reports, stop }
}

impl Bench {
    async fn next(&mut self) -> Arc<TriggerReport> {
        self.reports.recv().await.unwrap()
    }
}

fn target() -> SetId {
    SetId::Msisdn("491700000001".parse().unwrap())
}

fn trigger(every_s: Option<u64>, event: Option<Event>, lasts_s: u64) -> Trigger {
    Trigger {
        id: TriggerId::draw().unwrap(),
        owner: "client".into(),
        door: "test".into(),
        targets: vec![Followed::of(target())],
        every_s,
        event,
        start: now(),
        stop: now() + Duration::from_secs(lasts_s),
        once: false,
        limited: false,
        manner: Manner::RealTime,
        ask: Ask::default(),
        note: serde_json::json!({ "a": 1 }),
        keep: 0,
    }
}

fn entering(most: u32) -> Event {
    let shape = Shape::Circle { at: GeoPoint::new(50.0, 4.0).unwrap(), radius_m: 1000.0 };
    let area = Area::new(vec![shape]).unwrap();
    Event {
        condition: Condition::Area { area, side: Side::Entering },
        with_position: true,
        most,
        blind_s: 0,
        sensitivity: None,
    }
}

#[tokio::test(start_paused = true)]
async fn periods_report_positions_and_failures_until_their_end() {
    let mut b = bench(Config::default()).await;
    let refused = LocateError::NotAllowed(Refusal::Rule);
    b.fake.script.lock().unwrap().extend([Ok(50.0), Err(refused), Ok(51.0)]);
    let began = now();
    b.triggers.add(trigger(Some(60), None, 120)).await.unwrap();
    let reports = [b.next().await, b.next().await, b.next().await];
    assert!(reports.iter().all(|r| r.cause == Cause::Period && r.outcomes.len() == 1));
    assert_eq!(reports.iter().map(|r| r.last).collect::<Vec<_>>(), [false, false, true]);
    assert!(matches!(reports[0].outcomes[0].outcome, Outcome::Position(_)));
    assert!(matches!(&reports[1].outcomes[0].outcome, Outcome::Failed(e, _) if *e == refused));
    assert_eq!(reports[0].remaining.as_secs(), 120);
    assert!(reports[2].remaining.as_secs() < 2, "time remaining falls: {:?}", reports[2].remaining);
    assert!(now().since(began) >= Duration::from_mins(2));
    while b.triggers.count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn once_is_once() {
    let mut b = bench(Config::default()).await;
    b.fake.script.lock().unwrap().extend([Ok(50.0)]);
    b.triggers.add(Trigger { once: true, ..trigger(Some(5), None, 0) }).await.unwrap();
    assert!(b.next().await.last);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(b.reports.try_recv().is_err() && b.triggers.count() == 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_seen_in_positions_that_come_in_and_given_through_the_service() {
    let mut b = bench(Config { poll_s: 0, ..Config::default() }).await;
    b.triggers.add(trigger(None, Some(entering(1)), 3600)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    b.triggers.heard(&target(), &estimate(51.0, now()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(b.reports.try_recv().is_err());
    let inside = estimate(50.0, now());
    *b.fake.newest.lock().unwrap() = Some(inside.clone());
    b.triggers.heard(&target(), &inside);
    let report = b.next().await;
    assert_eq!((report.cause, report.last), (Cause::Event, true));
    assert!(matches!(&report.outcomes[0].outcome, Outcome::Position(l) if l.estimate == inside));
    assert_eq!(b.fake.asked.lock().unwrap().last(), Some(&LocationKind::Last));
    while b.triggers.count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_subscriber_forbids_meanwhile_is_not_told() {
    let mut b = bench(Config { poll_s: 0, ..Config::default() }).await;
    b.triggers.add(trigger(None, Some(entering(1)), 3600)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    b.fake.script.lock().unwrap().push_back(Err(LocateError::NotAllowed(Refusal::Rule)));
    b.triggers.heard(&target(), &estimate(50.0, now()));
    assert!(matches!(b.next().await.outcomes[0].outcome, Outcome::Failed(LocateError::NotAllowed(_), _)));
}

#[tokio::test(start_paused = true)]
async fn silent_handsets_are_asked_and_time_runs_out() {
    let mut b = bench(Config { poll_s: 60, ..Config::default() }).await;
    b.fake.script.lock().unwrap().extend([Ok(51.0), Ok(50.0)]);
    b.triggers.add(trigger(None, Some(entering(1)), 3600)).await.unwrap();
    assert_eq!(b.next().await.cause, Cause::Event, "at the second look");

    b.triggers.add(trigger(None, Some(entering(1)), 600)).await.unwrap();
    let report = b.next().await;
    assert_eq!((report.cause, report.last), (Cause::Over(End::TimedOut), true));
}

#[tokio::test(start_paused = true)]
async fn batches_and_absences() {
    let mut b = bench(Config::default()).await;
    let gone = Err(LocateError::Absent(Absence::NoAnswer));
    b.fake.script.lock().unwrap().extend([Ok(50.0), gone, gone, Ok(51.0), Ok(52.0)]);
    b.triggers.add(Trigger { manner: Manner::BatchCount(2), ..trigger(Some(10), None, 40) }).await.unwrap();
    let causes = [b.next().await, b.next().await, b.next().await, b.next().await];
    let shown: Vec<_> = causes.iter().map(|r| (r.cause, r.outcomes.len(), r.last)).collect();
    assert_eq!(
        shown,
        [
            (Cause::Paused, 1, false),
            (Cause::Resumed, 1, false),
            (Cause::Period, 2, false),
            (Cause::Period, 1, true),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn requests_are_stopped_by_their_owner_only_and_by_target() {
    let mut b = bench(Config { max_per_client: 2, ..Config::default() }).await;
    let other = SetId::Msisdn("491700000002".parse().unwrap());
    let mut two = trigger(None, Some(entering(1)), 3600);
    two.targets.push(Followed::of(other.clone()));
    let id = b.triggers.add(two).await.unwrap().id.clone();
    assert_eq!(b.triggers.stop("somebody", &id, &[]).await, Err(TriggerError::Unknown));
    let unknown = SetId::Msisdn("491700000003".parse().unwrap());
    let both = [target(), unknown];
    assert_eq!(b.triggers.stop("client", &id, &both).await, Err(TriggerError::UnknownTarget));
    assert_eq!(b.triggers.of("client")[0].targets.len(), 2, "nothing was ended");
    assert_eq!(b.triggers.stop("client", &id, &[target()]).await, Ok(false));
    assert_eq!(b.triggers.of("client")[0].targets, [Followed::of(other.clone())]);
    assert_eq!(b.triggers.stop("client", &id, &[other]).await, Ok(true));
    assert_eq!(b.triggers.stop("client", &id, &[]).await, Err(TriggerError::Unknown));
    assert_eq!(b.triggers.count(), 0);

    let first = b.triggers.add(trigger(Some(60), None, 600)).await.unwrap().id.clone();
    b.triggers.add(trigger(Some(60), None, 600)).await.unwrap();
    assert_eq!(b.triggers.add(trigger(Some(60), None, 600)).await.unwrap_err(), TriggerError::Full);
    assert!(b.triggers.cancel(&first).await);
    while b.next().await.cause != Cause::Over(End::Cancelled) {}
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused() {
    let b = bench(Config { min_interval_s: 5, ..Config::default() }).await;
    assert_eq!(b.triggers.add(trigger(None, None, 60)).await.unwrap_err(), TriggerError::NoCondition);
    assert_eq!(b.triggers.add(trigger(Some(4), None, 60)).await.unwrap_err(), TriggerError::Interval(5));
    let mut back = trigger(Some(60), None, 60);
    back.start = back.stop + Duration::from_secs(1);
    assert_eq!(b.triggers.add(back).await.unwrap_err(), TriggerError::Time("stop_time"));
    let long = b.triggers.add(trigger(Some(60), None, 400 * 86_400)).await.unwrap();
    assert!(long.limited && long.stop == long.start + Duration::from_hours(720));
}

#[tokio::test(start_paused = true)]
async fn they_survive_a_restart_and_go_on_where_they_were() {
    let store = Arc::new(Shelves::default());
    let added = {
        let mut b = reopen(Arc::clone(&store), Config::default()).await;
        b.fake.script.lock().unwrap().extend([Ok(50.0), Ok(50.0)]);
        let added = b.triggers.add(trigger(Some(60), None, 120)).await.unwrap();
        b.next().await;
        b.next().await;
        b.stop.cancel();
        tokio::time::sleep(Duration::from_secs(1)).await;
        added
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut b = reopen(store, Config::default()).await;
    b.fake.script.lock().unwrap().push_back(Ok(51.0));
    assert_eq!(b.triggers.of("client"), [Arc::clone(&added)]);
    let report = b.next().await;
    assert!(report.last, "the third of three");
    assert_eq!(report.trigger, added);
}
