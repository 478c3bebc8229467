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
use crate::store::{Shelf, Store};
use crate::testing::shelves::Shelves;

/// Answers from a list, or with the newest position it was told.
#[derive(Default)]
struct Fake {
    script: Mutex<VecDeque<Result<f64, LocateError>>>,
    newest: Mutex<Option<LocationEstimate>>,
    asked: Mutex<Vec<LocationKind>>,
    rough: std::sync::atomic::AtomicBool,
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

    fn is_rough(&self, _: &LocateRequest) -> bool {
        self.rough.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// The next that a follower is told.
async fn told(following: &mut Following) -> Option<Told> {
    following.next().await.unwrap()
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

#[tokio::test(start_paused = true)]
async fn kept_reports_are_followed_by_number_over_restarts_and_after_the_end() {
    let store = Arc::new(Shelves::default());
    let numbers = async |following: &mut Following, n: usize| {
        let mut numbers = Vec::new();
        for _ in 0..n {
            match told(following).await {
                Some(Told::Report(r)) => numbers.push(r.sequence),
                other => panic!("{other:?}"),
            }
        }
        numbers
    };
    let b = reopen(Arc::clone(&store), Config::default()).await;
    b.fake.script.lock().unwrap().extend((0..9).map(|n| Ok(50.0 + f64::from(n))));
    let t = Trigger { keep: 3, ..trigger(Some(60), None, 60 * 6) };
    let id = b.triggers.add(t).await.unwrap().id.clone();
    assert!(b.triggers.follow("somebody", &id, 0).is_err());
    let mut following = b.triggers.follow("client", &id, 0).unwrap();
    let mut second = b.triggers.follow("client", &id, 0).unwrap();
    assert_eq!(numbers(&mut following, 3).await, [1, 2, 3]);
    b.stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(numbers(&mut second, 3).await, [1, 2, 3], "they are in the store");
    assert_eq!(told(&mut second).await, None, "the server stops");

    let b = reopen(Arc::clone(&store), Config::default()).await;
    b.fake.script.lock().unwrap().extend((0..9).map(|n| Ok(60.0 + f64::from(n))));
    let mut following = b.triggers.follow("client", &id, 2).unwrap();
    assert_eq!(numbers(&mut following, 5).await, [3, 4, 5, 6, 7]);
    assert_eq!(told(&mut following).await, None, "it is over");
    let status = b.triggers.get("client", &id).unwrap();
    assert!(status.over.is_some() && status.reports == 7, "{status:?}");
    assert!(b.triggers.of("client").is_empty() && b.triggers.list("client", "test", None, 9) == [status]);
    let mut late = b.triggers.follow("client", &id, 1).unwrap();
    assert_eq!(told(&mut late).await, Some(Told::Missed(3)));
    assert_eq!(numbers(&mut late, 3).await, [5, 6, 7]);
    let Some(Told::Report(_)) = told(&mut b.triggers.follow("client", &id, 6).unwrap()).await else {
        panic!()
    };
    assert_eq!(told(&mut b.triggers.follow("client", &id, 99).unwrap()).await, None);
    // Long enough after its end nothing is left of it.
    tokio::time::sleep(Duration::from_hours(25)).await;
    assert_eq!(b.triggers.get("client", &id), None);
    for shelf in [Shelf::Triggers, Shelf::TriggerProgress, Shelf::TriggerReports] {
        assert!(store.list_shelf(shelf, None, 9).await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_is_ended_ends_those_who_follow() {
    let b = bench(Config::default()).await;
    let t = Trigger { keep: 10, ..trigger(None, Some(entering(1)), 3600) };
    let id = b.triggers.add(t).await.unwrap().id.clone();
    let mut following = b.triggers.follow("client", &id, 0).unwrap();
    let ended = tokio::spawn(async move { told(&mut following).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(b.triggers.stop("client", &id, &[]).await, Ok(true));
    assert_eq!(ended.await.unwrap(), None);
    assert!(b.triggers.follow("client", &id, 0).is_err());
}

/// What is remembered of a target that came in and went out again survives the end of the server, too.
#[tokio::test(start_paused = true)]
async fn coming_back_is_seen_after_a_restart() {
    let store = Arc::new(Shelves::default());
    let config = || Config { poll_s: 0, ..Config::default() };
    let mut b = reopen(Arc::clone(&store), config()).await;
    b.triggers.add(trigger(None, Some(entering(9)), 3600)).await.unwrap();
    let hear = async |b: &Bench, lat: f64| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at = estimate(lat, now());
        *b.fake.newest.lock().unwrap() = Some(at.clone());
        b.triggers.heard(&target(), &at);
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    hear(&b, 50.0).await;
    b.next().await;
    hear(&b, 51.0).await;
    b.stop.cancel();
    let mut b = reopen(store, config()).await;
    hear(&b, 50.0).await;
    assert_eq!(b.next().await.cause, Cause::Event);
    hear(&b, 50.0).await;
    assert!(b.reports.try_recv().is_err(), "and once only");
}

#[tokio::test(start_paused = true)]
async fn events_tell_no_more_than_positions_that_are_told_roughly() {
    let mut b = bench(Config { poll_s: 0, ..Config::default() }).await;
    b.fake.rough.store(true, std::sync::atomic::Ordering::Relaxed);
    b.triggers.add(trigger(None, Some(entering(9)), 3600)).await.unwrap();
    let rough = |radius_m| LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(50.0, 4.0).unwrap(), radius_m },
        ..estimate(50.0, now())
    };
    for (exact, told, seen) in [(50.0, 20_000.0, false), (51.0, 20_000.0, false), (50.0, 100.0, true)] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        *b.fake.newest.lock().unwrap() = Some(rough(told));
        b.triggers.heard(&target(), &estimate(exact, now()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(b.reports.try_recv().is_ok(), seen, "{exact} {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_fences_of_one_target_are_told_apart() {
    let mut b = bench(Config { poll_s: 0, ..Config::default() }).await;
    let mut ids = Vec::new();
    for k in 0..100 {
        let shape =
            Shape::Circle { at: GeoPoint::new(40.0 + f64::from(k) / 10.0, 4.0).unwrap(), radius_m: 1000.0 };
        let area = Area::new(vec![shape]).unwrap();
        let condition =
            Condition::Area { area, side: if k % 2 == 0 { Side::Entering } else { Side::Leaving } };
        let event = Event { condition, with_position: true, most: 1000, blind_s: 0, sensitivity: None };
        ids.push(b.triggers.add(trigger(None, Some(event), 36_000)).await.unwrap().id.clone());
    }
    let hear = async |b: &mut Bench, lat: f64| -> Vec<usize> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at = estimate(lat, now());
        *b.fake.newest.lock().unwrap() = Some(at.clone());
        b.triggers.heard(&target(), &at);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut told = Vec::new();
        while let Ok(report) = b.reports.try_recv() {
            told.push(ids.iter().position(|id| *id == report.trigger.id).unwrap());
        }
        told.sort_unstable();
        told
    };
    let odd: Vec<usize> = (0..100).filter(|k| k % 2 == 1).collect();
    assert_eq!(
        hear(&mut b, 10.0).await,
        odd,
        "at the beginning everybody counts as inside of what may be left"
    );
    assert_eq!(hear(&mut b, 40.0).await, [0]);
    assert_eq!(hear(&mut b, 40.1).await, Vec::<usize>::new(), "going in is not coming out");
    assert_eq!(hear(&mut b, 40.2).await, [1, 2]);
    b.triggers.stop("client", &ids[4], &[]).await.unwrap();
    assert_eq!(hear(&mut b, 40.4).await, Vec::<usize>::new());
    assert_eq!(hear(&mut b, 40.0).await, [0]);
}
