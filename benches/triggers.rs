//! Positions against geofences: how many updates a second the trigger engine takes with 100,000 of them.
//!
//! `cargo bench --bench triggers [-- FENCES SECONDS]`. Three houses: fences spread over 1,000 targets, all of them waiting for
//! one target, and one for each of as many targets. Circles, ellipses, polygons of 8 corners with a hole, and boxes; positions
//! walk through them with ellipses of uncertainty. Whatever changes is stored on the disk, and reports leave through a sink.
//! Of 20 positions one crosses a border, then every one does: the second is a measure of the reports. First two threads hand
//! positions over as fast as they are taken; then 10,000 a second are, and it is measured how long a report takes. It fails
//! when fewer than 10,000 a second are taken where one of 20 crosses a border.

// What fails here is the measurement: it stops where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use groma::base::geo::Ellipse;
use groma::base::{GeoPoint, LocationEstimate, PositionMethod, SetId, Shape, Utc};
use groma::service::area::{Area, Region};
use groma::service::triggers::{
    Ask, Condition, Config, Event, Followed, Locate, Locating, Manner, Parts, ReportSink, Side, Trigger,
    TriggerId, TriggerReport, Triggers,
};
use groma::service::{Client, ClientProfile, LocateRequest, Located, Origin};
use groma::store::{SledStore, Store};
use tokio_util::sync::CancellationToken;

/// Updates a second that are to be taken at least.
const LEAST: f64 = 10_000.0;
/// Updates a second while reports are timed.
const PACE: u64 = 10_000;

/// Answers with whatever was asked for.
struct Answers(Arc<Client>);

impl Locate for Answers {
    fn locate(&self, _: LocateRequest) -> Locating {
        let estimate = estimate(GeoPoint { lat: 0.0, lon: 0.0 }, 0);
        Box::pin(async move { Ok(Located { estimate, qos_met: true, origin: Origin::Stored }) })
    }
    fn client(&self, _: &str) -> Option<Arc<Client>> {
        Some(Arc::clone(&self.0))
    }
}

/// Counts reports, and times them by the second of their position.
#[derive(Default)]
struct Sink {
    reports: AtomicU64,
    timed: AtomicBool,
    sent: Mutex<std::collections::HashMap<TriggerId, Instant>>,
    took: Mutex<Vec<Duration>>,
}

impl ReportSink for Sink {
    fn take(&self, report: Arc<TriggerReport>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.reports.fetch_add(1, Ordering::Relaxed);
        if self.timed.load(Ordering::Relaxed)
            && let Some(sent) = self.sent.lock().unwrap().get(&report.trigger.id)
        {
            self.took.lock().unwrap().push(sent.elapsed());
        }
        Box::pin(std::future::ready(()))
    }
}

fn estimate(at: GeoPoint, s: i64) -> LocationEstimate {
    let ellipse =
        Ellipse { semi_major_m: 30.0, semi_minor_m: 12.0, orientation_deg: 40.0, confidence: Some(68) };
    LocationEstimate {
        shape: Shape::Ellipse { at, ellipse },
        time: Utc::from_unix_s(1_700_000_000 + s),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

fn id(n: u64) -> SetId {
    SetId::Msisdn(format!("{}", 491_700_000_000 + n).parse().unwrap())
}

/// The middle of a fence: a grid of some 250 m over a country.
fn middle(k: u64) -> GeoPoint {
    GeoPoint { lat: 48.0 + (k / 400) as f64 * 0.00225, lon: 8.0 + (k % 400) as f64 * 0.0035 }
}

fn fence(k: u64) -> Area {
    let at = middle(k);
    let ring = |half: f64| -> Vec<GeoPoint> {
        (0..8)
            .map(|i| {
                let (sin, cos) = (f64::from(i) * std::f64::consts::FRAC_PI_4).sin_cos();
                GeoPoint { lat: at.lat + half * sin, lon: at.lon + half * 1.5 * cos }
            })
            .collect()
    };
    let region: Region = match k % 4 {
        0 => Shape::Circle { at, radius_m: 120.0 }.into(),
        1 => {
            let ellipse =
                Ellipse { semi_major_m: 180.0, semi_minor_m: 70.0, orientation_deg: 25.0, confidence: None };
            Shape::Ellipse { at, ellipse }.into()
        }
        2 => Region::Rings { outer: ring(0.0012), holes: vec![ring(0.0002)] },
        _ => Region::Box {
            south: at.lat - 0.001,
            west: at.lon - 0.0015,
            north: at.lat + 0.001,
            east: at.lon + 0.0015,
        },
    };
    Area::of(vec![region]).unwrap()
}

fn trigger(k: u64, target: u64) -> Trigger {
    let side = if k.is_multiple_of(2) { Side::Entering } else { Side::Leaving };
    let event = Event {
        condition: Condition::Area { area: fence(k), side },
        with_position: true,
        most: u32::MAX,
        blind_s: 0,
        sensitivity: None,
    };
    Trigger {
        id: TriggerId::draw().unwrap(),
        owner: format!("client-{}", k % 50),
        door: "bench".into(),
        targets: vec![Followed::of(id(target))],
        every_s: None,
        event: Some(event),
        start: Utc::from_unix_s(1_699_999_000),
        stop: Utc::from_unix_s(1_720_000_000),
        once: false,
        limited: false,
        manner: Manner::RealTime,
        ask: Ask::default(),
        note: serde_json::Value::Null,
        keep: 0,
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    let number = |i: usize, usual: u64| numbers.get(i).copied().unwrap_or(usual);
    let (fences, seconds) = (number(0, 100_000), number(1, 5));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut good = true;
    for (name, targets) in [("1,000 targets", 1000), ("one target", 1), ("a target for each fence", fences)] {
        for stays in [20, 1] {
            good &= runtime.block_on(measure(name, fences, targets, seconds, stays));
        }
    }
    runtime.shutdown_background();
    std::process::exit(i32::from(!good));
}

async fn measure(name: &str, fences: u64, targets: u64, seconds: u64, stays: u64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let store = groma::store::Config { path: dir.path().join("store"), ..groma::store::Config::default() };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&store).unwrap());
    let client = Client::detached(ClientProfile::default());
    let stop = CancellationToken::new();
    let triggers = Triggers::open(Parts {
        config: Config {
            max: 1_000_000,
            max_per_client: 1_000_000,
            poll_s: 0,
            longest_s: 31_536_000,
            ..Config::default()
        },
        store,
        locate: Arc::new(Answers(client)),
        now: Arc::new(|| Utc::from_unix_s(1_700_000_000)),
        stop: stop.clone(),
    })
    .await
    .unwrap();
    let sink = Arc::new(Sink::default());
    triggers.connect("bench", Arc::clone(&sink) as _);
    let began = Instant::now();
    let mut adding = tokio::task::JoinSet::new();
    let mut ids: Vec<Vec<TriggerId>> = vec![Vec::new(); targets as usize];
    for k in 0..fences {
        let t = trigger(k, k % targets);
        ids[(k % targets) as usize].push(t.id.clone());
        let triggers = triggers.clone();
        adding.spawn(async move { triggers.add(t).await.unwrap() });
        if adding.len() >= 1000 {
            adding.join_next().await;
        }
    }
    while adding.join_next().await.is_some() {}
    tokio::spawn(triggers.clone().run());
    println!(
        "{fences} fences, {name}, {stays} positions between borders: taken and stored in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    // Everybody is somewhere once.
    for n in 0..targets {
        triggers.heard(&id(n), &estimate(GeoPoint { lat: 10.0, lon: 10.0 }, 0));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = sink.reports.load(Ordering::Relaxed);
    let clock = AtomicU64::new(1);
    let until = Instant::now() + Duration::from_secs(seconds);
    let start = Instant::now();
    let updates: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (triggers, clock) = (&triggers, &clock);
                let handle = tokio::runtime::Handle::current();
                scope.spawn(move || {
                    let _inside = handle.enter();
                    let mut count = 0;
                    while Instant::now() < until {
                        let tick = clock.fetch_add(1, Ordering::Relaxed);
                        let (target, at) = walk(tick, fences, targets, stays);
                        triggers.heard(&id(target), &estimate(at, tick as i64));
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        tokio::task::block_in_place(|| workers.into_iter().map(|w| w.join().unwrap()).sum())
    });
    let rate = updates as f64 / start.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let reports = sink.reports.load(Ordering::Relaxed) - before;
    println!("  {rate:.0} updates/s by two threads, {:.0} reports/s", reports as f64 / seconds as f64);
    paced(&triggers, &sink, &ids, &clock, (fences, targets, seconds, stays)).await;
    stop.cancel();
    // Where every position crosses a border, the figure is that of reports.
    rate >= LEAST || stays == 1
}

/// A step of a walk: every target goes from one of its fences to the next, `stays` positions in one, as many between two.
fn walk(tick: u64, fences: u64, targets: u64, stays: u64) -> (u64, GeoPoint) {
    let target = tick % targets;
    let step = tick / targets;
    let leg = step / stays;
    let own = (target + targets * ((leg / 2).wrapping_mul(40_503) % (fences / targets).max(1))) % fences;
    let at = middle(own);
    let off = if leg.is_multiple_of(2) { 0.0 } else { 0.0011 };
    // Nobody stands quite still.
    let sway = (step % 7) as f64 * 1e-6;
    (target, GeoPoint { lat: at.lat + off + sway, lon: at.lon + 0.00015 })
}

async fn paced(
    triggers: &Triggers,
    sink: &Arc<Sink>,
    ids: &[Vec<TriggerId>],
    clock: &AtomicU64,
    (fences, targets, seconds, stays): (u64, u64, u64, u64),
) {
    sink.timed.store(true, Ordering::Relaxed);
    let start = Instant::now();
    for k in 0..PACE * seconds {
        let tick = clock.fetch_add(1, Ordering::Relaxed);
        let (target, at) = walk(tick, fences, targets, stays);
        if targets > 1 {
            let now = Instant::now();
            let mut sent = sink.sent.lock().unwrap();
            for id in &ids[target as usize] {
                sent.insert(id.clone(), now);
            }
        }
        triggers.heard(&id(target), &estimate(at, tick as i64));
        if k % 16 == 0 {
            let due = start + Duration::from_nanos((k + 1) * 1_000_000_000 / PACE);
            tokio::time::sleep_until(due.into()).await;
        }
    }
    let took = start.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut all = std::mem::take(&mut *sink.took.lock().unwrap());
    all.sort_unstable();
    let p99 = all.get(all.len() * 99 / 100).copied().unwrap_or_default();
    println!(
        "  {:.0} updates/s paced, {} reports timed, p99 {:.2} ms",
        (PACE * seconds) as f64 / took.as_secs_f64(),
        all.len(),
        p99.as_secs_f64() * 1e3
    );
}
