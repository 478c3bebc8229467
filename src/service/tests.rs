//! The service against a SET played by the test, on a clock that stands still until everybody waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::audit::{self, Audit};
use super::*;
use crate::base::GpsTime;
use crate::base::{GeoPoint, LocationEstimate, Now, PositionMethod, QualityOfPosition, SetId, Shape, Utc};
use crate::observe::Metrics;
use crate::slc::PositionReport;
use crate::slc::ni::{OrderEnd, OrderEvent, Revocation, Revoke, StatusCode};
use crate::store::{Change, Pending, Shelf, Shelved, SkyRecord, Store, StoreError};

const EPOCH: i64 = 1_700_000_000;

/// What the test plays the network with: deliveries come out, and what becomes of them is said.
struct Air {
    sent: mpsc::UnboundedSender<Delivery>,
    verdict: Mutex<Option<PushError>>,
}

impl Push for Air {
    fn deliver(&self, delivery: Delivery) -> Delivering {
        let verdict = *self.verdict.lock().unwrap();
        let _ = self.sent.send(delivery);
        Box::pin(async move {
            match verdict {
                Some(error) => Err(error),
                None => Ok(Delivered { bearer: "air".to_owned(), confirmed: true }),
            }
        })
    }
}

/// Positions in memory: answers at once, so that the clock does not run while a disk is waited for.
#[derive(Default)]
struct Memory {
    positions: Mutex<Vec<(SetId, LocationEstimate)>>,
    full: AtomicBool,
}

fn ready<T: Send + 'static>(value: T) -> Pending<T> {
    Pending::new(std::future::ready(Ok(value)))
}

impl Memory {
    fn of<T: Send + 'static>(&self, value: T) -> Pending<T> {
        let fails = self.full.load(Ordering::Relaxed);
        Pending::new(std::future::ready(if fails { Err(StoreError::Closed) } else { Ok(value) }))
    }
}

impl Store for Memory {
    fn put_sky(&self, _: Vec<SkyRecord>) -> Pending<()> {
        ready(())
    }
    fn load_sky(&self, _: GpsTime) -> Pending<Vec<SkyRecord>> {
        ready(Vec::new())
    }
    fn purge_sky(&self, _: GpsTime) -> Pending<usize> {
        ready(0)
    }
    fn put_position(&self, target: &SetId, estimate: LocationEstimate) -> Pending<()> {
        self.positions.lock().unwrap().push((target.clone(), estimate));
        self.of(())
    }
    fn last_position(&self, target: &SetId) -> Pending<Option<LocationEstimate>> {
        let all = self.positions.lock().unwrap();
        self.of(all.iter().filter(|(t, _)| t == target).map(|(_, e)| e.clone()).max_by_key(|e| e.time))
    }
    fn positions(&self, target: &SetId, max: usize) -> Pending<Vec<LocationEstimate>> {
        let all = self.positions.lock().unwrap();
        let mut of: Vec<_> = all.iter().filter(|(t, _)| t == target).map(|(_, e)| e.clone()).collect();
        of.sort_by_key(|e| std::cmp::Reverse(e.time));
        of.truncate(max);
        self.of(of)
    }
    fn forget(&self, target: &SetId) -> Pending<usize> {
        let mut all = self.positions.lock().unwrap();
        let before = all.len();
        all.retain(|(t, _)| t != target);
        self.of(before - all.len())
    }
    fn purge_positions(&self, _: Utc) -> Pending<usize> {
        ready(0)
    }
    fn change(&self, _: Vec<Change>) -> Pending<()> {
        ready(())
    }
    fn read_shelf(&self, _: Shelf, _: &[u8]) -> Pending<Option<Vec<u8>>> {
        ready(None)
    }
    fn list_shelf(&self, _: Shelf, _: Option<&[u8]>, _: usize) -> Pending<Vec<Shelved>> {
        ready(Vec::new())
    }
}

/// Takes revocations.
#[derive(Default)]
struct Sessions(Mutex<Vec<([u8; 4], Revocation)>>);

impl Revoke for Sessions {
    fn revoke(&self, id: [u8; 4], why: Revocation) {
        self.0.lock().unwrap().push((id, why));
    }
}

struct World {
    service: Service,
    air: Arc<Air>,
    sent: mpsc::UnboundedReceiver<Delivery>,
    sessions: Arc<Sessions>,
    metrics: Arc<Metrics>,
    store: Arc<Memory>,
    audit: audit::Config,
    _dir: tempfile::TempDir,
}

const PROFILES: &str = r#"
    [[clients]]
    id = "psap"
    type = "emergency"
    password = "psap"
    [[clients]]
    id = "tracker"
    password = "tracker"
    [[clients]]
    id = "shop"
    password = "shop"
    [[clients]]
    id = "asker"
    password = "asker"
    [[clients]]
    id = "operator"
    type = "operator"
    password = "operator"
    [[clients]]
    id = "busy"
    password = "busy"
    concurrent = 1
    [[clients]]
    id = "eager"
    password = "eager"
    per_minute = 2
    [[clients]]
    id = "ambulance"
    password = "ambulance"
    high_priority = true
    [[subscribers]]
    ids = ["msisdn:491700000001", "imsi:262010000000001"]
    [[subscribers.rules]]
    client = "asker"
    action = "verify-deny"
    [[subscribers.rules]]
    client = "shop"
    [[subscribers.rules]]
    service = "weather"
    action = "allow"
    radius_m = 5000
    retention_s = 60
    [[subscribers.rules]]
    action = "allow"
    [[subscribers]]
    ids = ["imsi:262019999999999"]
"#;

fn world_with(config: config::Config, privacy: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Memory::default());
    let metrics = Arc::new(Metrics::new());
    let audit = audit::Config { path: dir.path().join("audit"), ..Default::default() };
    let start = Instant::now();
    let now = move || {
        let mono = Instant::now();
        Now { mono: mono.into_std(), utc: Utc::from_unix_s(EPOCH) + (mono - start) }
    };
    let (tell, sent) = mpsc::unbounded_channel();
    let air = Arc::new(Air { sent: tell, verdict: Mutex::new(None) });
    let policy = crate::slc::Config::default().resolve().unwrap();
    let profiles: Profiles = toml::from_str(PROFILES).unwrap();
    let privacy: privacy::Config = toml::from_str(privacy).unwrap();
    let service = Service::new(Parts {
        now: Arc::new(now),
        positions: Positions::new(Arc::clone(&store) as _, &positions::Config::default()),
        push: Arc::clone(&air) as _,
        policy: Arc::new(ArcSwap::from_pointee(policy)),
        audit: Audit::open(&audit, Arc::clone(&metrics), Utc::from_unix_s(EPOCH)).unwrap(),
        metrics: Arc::clone(&metrics),
        config,
        book: Book::new(profiles, &privacy, None).unwrap(),
    })
    .unwrap();
    let sessions = Arc::new(Sessions::default());
    let weak: std::sync::Weak<Sessions> = Arc::downgrade(&sessions);
    service.carried_by(weak);
    World { service, air, sent, sessions, metrics, store, audit, _dir: dir }
}

fn world() -> World {
    world_with(config::Config::default(), "")
}

fn msisdn() -> SetId {
    parse_identity("msisdn:491700000001").unwrap()
}

fn estimate(age_s: i64, radius_m: f64) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(50.0, 8.0).unwrap(), radius_m },
        time: Utc::from_unix_s(EPOCH - age_s),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

fn accuracy(m: f64) -> QualityOfPosition {
    QualityOfPosition {
        horizontal_m: Some(m),
        response_time: Some(Duration::from_secs(20)),
        ..QualityOfPosition::default()
    }
}

impl World {
    fn request(&self, client: &str) -> LocateRequest {
        LocateRequest::new(self.service.client(client).unwrap(), Flow::Immediate, msisdn())
    }

    /// Begins a request.
    fn begin(&self, r: LocateRequest) -> tokio::task::JoinHandle<Result<Located, LocateError>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.locate(r).await })
    }

    /// The next SUPL INIT: the id of its session.
    async fn invited(&mut self) -> [u8; 4] {
        let delivery = timeout(Duration::from_secs(5), self.sent.recv()).await.unwrap().unwrap();
        // The one order that waits and carries these octets.
        let all = self.service.shared.hub.waiting();
        all.into_iter().find(|(_, octets)| *octets == delivery.octets).unwrap().0
    }

    async fn nobody_invited(&mut self) {
        sleep(Duration::from_millis(50)).await;
        assert!(self.sent.try_recv().is_err(), "somebody was invited");
    }

    fn arrive(&self, id: [u8; 4]) {
        assert!(self.service.rendezvous().claim(id));
        self.service.ordered(id, OrderEvent::Arrived { identity: msisdn() });
    }

    fn position(&self, id: [u8; 4], e: LocationEstimate, qop_met: bool) {
        self.service.ordered(id, OrderEvent::Position { estimate: Box::new(e), qop_met });
    }

    fn end(&self, id: [u8; 4], end: OrderEnd) {
        self.service.ordered(id, OrderEvent::Ended(end));
    }

    fn known(&self, e: LocationEstimate) {
        self.service.report(&PositionReport { target: msisdn(), estimate: e, qop_met: true, ordered: false });
    }
}

#[tokio::test(start_paused = true)]
async fn answers_from_what_is_known_when_that_does() {
    let mut w = world();
    w.known(estimate(60, 20.0));
    let with = |kind, qop| LocateRequest { kind, qop, ..w.request("tracker") };
    let old = QualityOfPosition { max_age: Some(Duration::from_secs(100)), ..accuracy(50.0) };
    for (r, met) in [
        (with(LocationKind::Current, old), true),
        (with(LocationKind::Last, QualityOfPosition::default()), true),
        (with(LocationKind::Last, accuracy(5.0)), false),
        (with(LocationKind::LastOrCurrent, accuracy(50.0)), true),
        (
            with(
                LocationKind::Current,
                QualityOfPosition { response_time: Some(Duration::ZERO), ..accuracy(5.0) },
            ),
            false,
        ),
    ] {
        let located = w.service.locate(r.clone()).await.unwrap();
        assert_eq!((located.origin, located.qos_met), (Origin::Stored, met), "{r:?}");
    }
    let assured = LocateRequest { qos_class: QosClass::Assured, ..with(LocationKind::Last, accuracy(5.0)) };
    let e = w.service.locate(assured).await.unwrap_err();
    assert_eq!(e, LocateError::QopNotAttainable(QopPart::Horizontal(Some(20.0))));
    // Known under one identity, asked for under another.
    let imsi = LocateRequest {
        target: parse_identity("imsi:262010000000001").unwrap(),
        ..with(LocationKind::Last, QualityOfPosition::default())
    };
    assert!(w.service.locate(imsi).await.is_ok());
    w.nobody_invited().await;
}

#[tokio::test(start_paused = true)]
async fn invites_and_gives_what_comes() {
    let mut w = world();
    let asked = w.begin(LocateRequest { qop: accuracy(50.0), ..w.request("tracker") });
    let id = w.invited().await;
    w.arrive(id);
    w.position(id, estimate(0, 500.0), false);
    w.position(id, estimate(0, 20.0), true);
    w.end(id, OrderEnd::Completed);
    let located = asked.await.unwrap().unwrap();
    assert_eq!((located.estimate, located.qos_met, located.origin), (estimate(0, 20.0), true, Origin::Fresh));
    // A SET that comes late finds nothing.
    sleep(Duration::from_mins(1)).await;
    assert!(w.service.rendezvous().find(id).is_none() && !w.service.rendezvous().claim(id));
    assert_eq!(w.service.load(), Load::default());
}

#[tokio::test(start_paused = true)]
async fn many_share_one_positioning() {
    let mut w = world();
    let all: Vec<_> = (0..2000)
        .map(|i| w.begin(LocateRequest { qop: accuracy(50.0 + f64::from(i % 7)), ..w.request("tracker") }))
        .collect();
    let id = w.invited().await;
    w.nobody_invited().await;
    w.arrive(id);
    w.position(id, estimate(0, 20.0), true);
    w.end(id, OrderEnd::Completed);
    for one in all {
        assert_eq!(one.await.unwrap().unwrap().estimate, estimate(0, 20.0));
    }
    assert_eq!(w.metrics.locations_joined.get(), 1999);
}

#[tokio::test(start_paused = true)]
async fn who_wants_more_waits_and_then_asks_again() {
    let mut w = world();
    let lax = w.begin(LocateRequest { qop: accuracy(500.0), ..w.request("tracker") });
    let first = w.invited().await;
    let strict = w.begin(LocateRequest { qop: accuracy(10.0), ..w.request("operator") });
    w.nobody_invited().await;
    w.arrive(first);
    w.position(first, estimate(0, 300.0), true);
    w.end(first, OrderEnd::Completed);
    assert!(lax.await.unwrap().unwrap().qos_met);
    let second = w.invited().await;
    w.arrive(second);
    w.position(second, estimate(0, 8.0), true);
    w.end(second, OrderEnd::Completed);
    assert_eq!(strict.await.unwrap().unwrap().estimate, estimate(0, 8.0));
}

#[tokio::test(start_paused = true)]
async fn an_emergency_ends_what_runs_and_its_answer_serves_all() {
    let mut w = world();
    let ordinary = w.begin(LocateRequest { qop: accuracy(50.0), ..w.request("tracker") });
    let first = w.invited().await;
    w.arrive(first);
    let emergency = w.begin(LocateRequest { qop: accuracy(50.0), ..w.request("psap") });
    let second = w.invited().await;
    assert_eq!(*w.sessions.0.lock().unwrap(), [(first, Revocation::Superseded)]);
    w.arrive(second);
    w.position(second, estimate(0, 9.0), true);
    assert_eq!(emergency.await.unwrap().unwrap().estimate, estimate(0, 9.0));
    w.end(second, OrderEnd::Completed);
    assert_eq!(ordinary.await.unwrap().unwrap().estimate, estimate(0, 9.0));
    // It is the initial position from now on.
    let initial = LocateRequest { kind: LocationKind::Initial, ..w.request("psap") };
    assert_eq!(w.service.locate(initial).await.unwrap().origin, Origin::Stored);
}

#[tokio::test(start_paused = true)]
async fn the_best_there_is_when_time_is_up() {
    for (class, given) in [(QosClass::BestEffort, true), (QosClass::Assured, false)] {
        let mut w = world();
        let asked = w.begin(LocateRequest { qop: accuracy(50.0), qos_class: class, ..w.request("tracker") });
        let began = Instant::now();
        let id = w.invited().await;
        w.arrive(id);
        w.position(id, estimate(0, 700.0), false);
        let answer = asked.await.unwrap();
        assert!(began.elapsed() <= Duration::from_millis(20_100), "{:?}", began.elapsed());
        match answer {
            Ok(l) => assert!(given && !l.qos_met),
            Err(e) => {
                assert!(!given);
                assert_eq!(e, LocateError::QopNotAttainable(QopPart::Horizontal(Some(700.0))));
            }
        }
        // Nobody waits any more: the session is ended.
        sleep(Duration::from_millis(10)).await;
        assert_eq!(*w.sessions.0.lock().unwrap(), [(id, Revocation::Cancelled)]);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_ends_what_nobody_else_wants() {
    let mut w = world();
    let one = w.begin(w.request("tracker"));
    let id = w.invited().await;
    let two = w.begin(w.request("operator"));
    w.arrive(id);
    sleep(Duration::from_millis(10)).await;
    one.abort();
    sleep(Duration::from_millis(10)).await;
    assert!(w.sessions.0.lock().unwrap().is_empty());
    two.abort();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(*w.sessions.0.lock().unwrap(), [(id, Revocation::Cancelled)]);
    assert_eq!(w.service.load(), Load::default());
}

#[tokio::test(start_paused = true)]
async fn the_user_is_asked_and_heard() {
    for (end, allowed) in [(OrderEnd::ConsentGranted, true), (OrderEnd::ConsentDenied, false)] {
        let mut w = world();
        w.known(estimate(1, 5.0));
        let asked = w.begin(w.request("asker"));
        let id = w.invited().await;
        w.arrive(id);
        w.end(id, end);
        let answer = asked.await.unwrap();
        assert_eq!(
            answer.as_ref().err().copied(),
            (!allowed).then_some(LocateError::NotAllowed(Refusal::User))
        );
    }
    // Silence gives nothing away, whatever is known.
    let w = world();
    w.known(estimate(1, 5.0));
    let r = LocateRequest { kind: LocationKind::CurrentOrLast, ..w.request("asker") };
    assert_eq!(w.begin(r).await.unwrap().err(), Some(LocateError::Absent(Absence::NoAnswer)));
}

#[tokio::test(start_paused = true)]
async fn refusals_look_alike() {
    let w = world();
    let unknown = parse_identity("msisdn:499999999999").unwrap();
    let mut seen = BTreeSet::new();
    for target in [msisdn(), unknown] {
        let began = Instant::now();
        let e = w.service.locate(LocateRequest { target, ..w.request("shop") }).await.unwrap_err();
        assert!(matches!(e, LocateError::NotAllowed(_)), "{e:?}");
        seen.insert(began.elapsed());
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen.first().is_some_and(|d| *d >= Duration::from_millis(5)));
}

#[tokio::test(start_paused = true)]
async fn identities_of_others_lend_no_rules() {
    let w = world();
    let r = LocateRequest {
        alternatives: vec![parse_identity("imsi:262019999999999").unwrap()],
        ..w.request("tracker")
    };
    let e = w.service.locate(r).await.unwrap_err();
    assert_eq!(e, LocateError::NotAllowed(Refusal::NoRule));
}

#[tokio::test(start_paused = true)]
async fn stopping_answers_everybody() {
    let mut w = world();
    let one = w.begin(LocateRequest { qop: accuracy(50.0), ..w.request("tracker") });
    let id = w.invited().await;
    w.arrive(id);
    w.position(id, estimate(0, 900.0), false);
    let other = LocateRequest { target: parse_identity("msisdn:4930").unwrap(), ..w.request("psap") };
    let two = w.begin(other);
    w.invited().await;
    w.service.shutdown().await;
    assert!(!one.await.unwrap().unwrap().qos_met);
    assert_eq!(two.await.unwrap().err(), Some(LocateError::System(SystemFault::Stopping)));
    let late = w.service.locate(w.request("tracker")).await;
    assert_eq!(late.err(), Some(LocateError::System(SystemFault::Stopping)));
    assert_eq!(audit::verify(&w.audit.path, None).unwrap().breaks, []);
}

#[tokio::test(start_paused = true)]
async fn an_audit_record_that_fails_stops_all_but_emergencies() {
    let w = world();
    w.known(estimate(1, 5.0));
    w.service.audit().fail_writes(true);
    let _ = w.service.locate(w.request("tracker")).await;
    let e = w.service.locate(w.request("tracker")).await.unwrap_err();
    assert_eq!(e, LocateError::System(SystemFault::Audit));
    assert!(w.service.locate(w.request("psap")).await.is_ok());
    assert_eq!(w.metrics.audit_unrecorded.get(), 1);
    w.service.audit().fail_writes(false);
    assert!(w.service.locate(w.request("tracker")).await.is_ok());
}

#[tokio::test(start_paused = true)]
#[allow(clippy::too_many_lines, reason = "a list of all ways to fail")]
async fn every_error_arises() {
    use StatusCode::*;
    let mut seen = BTreeSet::new();
    // What the bearers say.
    for error in [
        PushError::NoAddress,
        PushError::Unreachable,
        PushError::Refused,
        PushError::Failed,
        PushError::Congested,
        PushError::TimedOut,
        PushError::Stopping,
    ] {
        let w = world();
        *w.air.verdict.lock().unwrap() = Some(error);
        seen.insert(w.service.locate(w.request("tracker")).await.unwrap_err().name());
        let stranger = LocateRequest { target: parse_identity("msisdn:4930").unwrap(), ..w.request("psap") };
        seen.insert(w.service.locate(stranger).await.unwrap_err().name());
    }
    // How sessions end.
    for end in [Unspecified, PosMethodFailure, PosMethodMismatch, ServiceNotSupported, AuthSuplInitFailure]
        .into_iter()
        .chain([ResourceShortage, ConsentDeniedByUser, TargetSetNotReachable])
        .map(|s| OrderEnd::Refused(Some(s)))
        .chain([OrderEnd::Completed, OrderEnd::Left, OrderEnd::Shutdown])
        .chain([OrderEnd::Revoked(Revocation::Cancelled), OrderEnd::Revoked(Revocation::Superseded)])
    {
        let mut w = world();
        let asked = w.begin(w.request("tracker"));
        let id = w.invited().await;
        w.arrive(id);
        w.end(id, end);
        seen.insert(asked.await.unwrap().unwrap_err().name());
    }
    // What is refused before anything is done.
    let w = world_with(
        config::Config { max_pending: 8, ..Default::default() },
        "forbidden = [\"imsi:2620199*\"]",
    );
    let mut fails = async |r: LocateRequest| seen.insert(w.service.locate(r).await.unwrap_err().name());
    fails(LocateRequest { flow: Flow::Emergency, ..w.request("tracker") }).await;
    fails(w.request("shop")).await;
    fails(LocateRequest { wish: Some(PrivacyWish::DoNotPosition), ..w.request("tracker") }).await;
    let to = |id: &str| parse_identity(id).unwrap();
    fails(LocateRequest { target: to("msisdn:4930"), ..w.request("tracker") }).await;
    fails(LocateRequest { target: to("msisdn:4930"), ..w.request("operator") }).await;
    fails(LocateRequest { target: to("imsi:262019999999999"), ..w.request("tracker") }).await;
    fails(LocateRequest { kind: LocationKind::Last, ..w.request("tracker") }).await;
    let assured = LocateRequest {
        kind: LocationKind::Last,
        qos_class: QosClass::Assured,
        qop: accuracy(1.0),
        ..w.request("tracker")
    };
    w.known(estimate(50, 20.0));
    fails(assured).await;
    for _ in 0..2 {
        let last = LocateRequest { kind: LocationKind::Last, ..w.request("eager") };
        w.service.locate(last).await.unwrap();
    }
    fails(w.request("eager")).await;
    let first = w.begin(w.request("busy"));
    sleep(Duration::from_millis(5)).await;
    fails(w.request("busy")).await;
    // All places but those for emergencies are taken.
    let held: Vec<_> = (0..7).map(|_| w.begin(w.request("tracker"))).collect();
    sleep(Duration::from_millis(5)).await;
    fails(w.request("tracker")).await;
    for task in held.into_iter().chain([first]) {
        task.abort();
    }
    sleep(Duration::from_millis(5)).await;
    w.service.audit().fail_writes(true);
    let last = || LocateRequest { kind: LocationKind::Last, ..w.request("tracker") };
    fails(last()).await;
    let missing: Vec<_> = [
        "client-service",
        "unknown-subscriber",
        "absent-no-address",
        "absent-unreachable",
        "absent-no-answer",
        "absent-left",
        "refused-no-rule",
        "refused-rule",
        "refused-wish",
        "refused-user",
        "regulations",
        "quality",
        "method-nothing-known",
        "method-no-fix",
        "method-mismatch",
        "method-not-supported",
        "method-ended",
        "method-broken-off",
        "congestion-server",
        "congestion-rate",
        "congestion-concurrent",
        "congestion-target",
        "congestion-network",
        "congestion-superseded",
        "system-audit",
        "system-bearers",
        "system-authentication",
        "system-stopping",
    ]
    .into_iter()
    .filter(|name| !seen.contains(name))
    .collect();
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
}

/// However a position leaves the house: who may know it only roughly gets the same circle, and nothing else of it.
#[tokio::test(start_paused = true)]
async fn what_is_told_within_a_radius_is_told_so_by_every_way() {
    let w = world();
    w.known(estimate(1, 5.0));
    let kind = LocationKind::Last;
    let r = |flow| LocateRequest {
        service: Some(ServiceId("weather".to_owned())),
        kind,
        flow,
        ..w.request("tracker")
    };
    let exact = w.service.locate(LocateRequest { kind, ..w.request("tracker") }).await.unwrap();
    assert_eq!(exact.estimate, estimate(1, 5.0));
    let coarse = w.service.locate(r(Flow::Immediate)).await.unwrap();
    let Shape::Circle { at, radius_m } = coarse.estimate.shape else { panic!() };
    assert_eq!(radius_m, 5005.0);
    assert!(at.distance_m(GeoPoint::new(50.0, 8.0).unwrap()) <= 5000.0);
    let asked = LocateRequest { qop: accuracy(100.0), ..r(Flow::Immediate) };
    assert!(!w.service.locate(asked).await.unwrap().qos_met, "its quality is that of what is told");
    w.service.positions().record(&msisdn(), estimate(1, 5.0)).await.unwrap();
    let all = Window { from: None, until: None, spacing: None, most: 100 };
    let past = w.service.history(&r(Flow::Historic), all).await.unwrap();
    assert_eq!(past[0].shape, coarse.estimate.shape);
    assert_eq!(
        w.service.as_told(&r(Flow::Immediate), estimate(0, 5.0)).unwrap().shape,
        coarse.estimate.shape
    );
    let terms = Terms { radius_m: Some(5000), retransmission: false, retention_s: Some(60) };
    assert_eq!(w.service.terms(&r(Flow::Immediate)), Some(terms));
    assert_eq!(w.service.terms(&w.request("shop")), None);
    let emergency = LocateRequest { flow: Flow::Emergency, ..r(Flow::Immediate) };
    let psap = LocateRequest { client: w.service.client("psap").unwrap(), ..emergency };
    assert_eq!(w.service.locate(psap).await.unwrap().estimate, estimate(1, 5.0));
}

#[tokio::test(start_paused = true)]
async fn history_is_given_to_those_who_may_and_forgotten_on_request() {
    let w = world();
    for age in [10, 20, 30, 40] {
        w.service.positions().record(&msisdn(), estimate(age, 5.0)).await.unwrap();
    }
    let r = |client: &str| LocateRequest { flow: Flow::Historic, ..w.request(client) };
    let all = Window { from: None, until: None, spacing: None, most: 100 };
    assert_eq!(w.service.history(&r("tracker"), all).await.unwrap().len(), 4);
    let spaced = Window { spacing: Some(Duration::from_secs(20)), ..all };
    assert_eq!(w.service.history(&r("tracker"), spaced).await.unwrap().len(), 2);
    let window =
        Window { from: Some(Utc::from_unix_s(EPOCH - 30)), until: Some(Utc::from_unix_s(EPOCH - 15)), ..all };
    assert_eq!(w.service.history(&r("tracker"), window).await.unwrap().len(), 2);
    assert!(matches!(w.service.history(&r("shop"), all).await, Err(LocateError::NotAllowed(_))));
    assert_eq!(w.service.forget(&msisdn()).await.unwrap(), 4);
    assert_eq!(w.service.history(&r("tracker"), all).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_last_places_are_for_high_priority_and_emergencies() {
    let w = world_with(config::Config { max_pending: 16, ..Default::default() }, "");
    let high = |client: &str| LocateRequest { priority: Priority::High, ..w.request(client) };
    let full = LocateError::Congestion(Congestion::Server);
    let held: Vec<_> = (0..14).map(|_| w.begin(w.request("tracker"))).collect();
    sleep(Duration::from_millis(5)).await;
    // A wish alone does not help.
    assert_eq!(w.service.locate(high("tracker")).await, Err(full));
    assert_eq!(w.service.locate(w.request("ambulance")).await, Err(full));
    let first = w.begin(high("ambulance"));
    sleep(Duration::from_millis(5)).await;
    assert!(!first.is_finished());
    assert_eq!(w.service.locate(high("ambulance")).await, Err(full));
    let emergency = w.begin(w.request("psap"));
    sleep(Duration::from_millis(5)).await;
    assert!(!emergency.is_finished());
    held.into_iter().chain([first, emergency]).for_each(|task| task.abort());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_no_emergency() {
    let mut w = world();
    w.store.full.store(true, Ordering::Relaxed);
    let last = LocateRequest { kind: LocationKind::Last, ..w.request("tracker") };
    assert_eq!(w.service.locate(last).await.err(), Some(LocateError::System(SystemFault::Store)));
    let asked = w.begin(LocateRequest { qop: accuracy(50.0), ..w.request("psap") });
    let id = w.invited().await;
    w.arrive(id);
    w.position(id, estimate(0, 9.0), true);
    assert_eq!(asked.await.unwrap().unwrap().estimate, estimate(0, 9.0));
}

#[tokio::test(start_paused = true)]
async fn listeners_that_lag_are_told() {
    let w = world_with(config::Config { updates: 16, ..Default::default() }, "");
    let mut updates = w.service.subscribe_positions();
    for i in 0..20 {
        w.known(estimate(i, 5.0));
    }
    assert!(matches!(updates.recv().await, Err(tokio::sync::broadcast::error::RecvError::Lagged(4))));
    assert!(!updates.recv().await.unwrap().ordered);
}

#[test]
fn nothing_shows_whom_it_is_about() {
    let client = Client::detached(ClientProfile::default());
    let r = LocateRequest {
        requestor: Some(Requestor { id: "491700000002".to_owned(), kind: RequestorKind::Msisdn }),
        ..LocateRequest::new(client, Flow::Immediate, msisdn())
    };
    let located = Located { estimate: estimate(0, 5.0), qos_met: true, origin: Origin::Fresh };
    let text = format!("{r:?} {located:?} {:?}", Secret::new("secret"));
    assert!(!text.contains("4917") && !text.contains("50.0") && !text.contains("\"secret\""), "{text}");
}
