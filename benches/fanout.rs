//! Positions come in, and those who watch them get them: how long that takes at the level of the service.
//!
//! `cargo bench --bench fanout [-- WATCHERS UPDATES_PER_SECOND SECONDS]`. Nine of ten watchers watch one target of 5,000 each,
//! the tenth an area that one target in a hundred is in; privacy is decided for every position handed over, and what is given
//! is put on record. The watchers are tasks of the same process and share its cores. It fails unless everybody gets everything,
//! and 99 of 100 within 50 ms.

// What fails here is the measurement: it stops where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use groma::base::{GeoPoint, LocationEstimate, Now, PositionMethod, SetId, Shape, Utc};
use groma::observe::Metrics;
use groma::service::area::Area;
use groma::service::audit::{self, Audit};
use groma::service::triggers::Followed;
use groma::service::watch::{Scope, Watch, WatchRequest, Watched};
use groma::service::{Book, NoPush, Parts, Positions, Profiles, Service, positions, privacy};
use groma::slc::PositionReport;
use groma::store::{SledStore, Store};
use tokio::sync::mpsc;

const TARGETS: u64 = 5000;
/// What 99 of 100 may take.
const LIMIT: Duration = Duration::from_millis(50);

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    let number = |i: usize, usual: u64| numbers.get(i).copied().unwrap_or(usual);
    let (watchers, rate, seconds) = (number(0, 10_000), number(1, 5000), number(2, 10));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let good = runtime.block_on(measure(watchers, rate, seconds));
    runtime.shutdown_background();
    std::process::exit(i32::from(!good));
}

fn id(n: u64) -> SetId {
    SetId::Msisdn(format!("{}", 491_700_000_000 + n).parse().unwrap())
}

fn place(n: u64) -> GeoPoint {
    GeoPoint::new(40.0 + (n / 100) as f64 * 0.2, 5.0 + (n % 100) as f64 * 0.2).unwrap()
}

fn service(dir: &std::path::Path) -> Service {
    let metrics = Arc::new(Metrics::new());
    let store = groma::store::Config { path: dir.join("store"), ..groma::store::Config::default() };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&store).unwrap());
    let audit = audit::Config { path: dir.join("audit"), ..audit::Config::default() };
    let profiles: Profiles = toml::from_str(
        "[[clients]]\nid = \"app\"\npassword = \"app\"\nservices = [\"triggered\"]\n\
         [[subscribers]]\nids = [\"msisdn:4917*\"]\nrules = [{ client = \"other\", action = \"deny\" }, { client = \"app\", action = \"allow\" }]\n\
         [[clients]]\nid = \"other\"\npassword = \"other\"\n",
    )
    .unwrap();
    let now = || Now { mono: Instant::now(), utc: groma::base::time::Clock::system().now().utc };
    Service::new(Parts {
        now: Arc::new(now),
        positions: Positions::new(store, &positions::Config::default()),
        push: Arc::new(NoPush),
        policy: Arc::new(ArcSwap::from_pointee(groma::slc::Config::default().resolve().unwrap())),
        audit: Audit::open(&audit, Arc::clone(&metrics), now().utc).unwrap(),
        metrics,
        config: groma::service::config::Config::default(),
        book: Book::new(profiles, &privacy::Config::default(), None).unwrap(),
    })
    .unwrap()
}

/// What the watchers of one target or of one area may expect.
fn scope(k: u64) -> Scope {
    if k.is_multiple_of(10) {
        let middle = place((k / 10 * 37) % TARGETS);
        let shape = Shape::Circle { at: middle, radius_m: 100_000.0 };
        return Scope::Area(Box::new(Area::new(vec![shape]).unwrap()));
    }
    Scope::Targets(vec![Followed::of(id(k % TARGETS))])
}

fn concerns(scope: &Scope, target: u64, estimate: &LocationEstimate) -> bool {
    match scope {
        Scope::Targets(targets) => targets[0].target == id(target),
        Scope::Area(area) => area.probability(&estimate.shape).is_some_and(|p| p >= 0.5),
    }
}

async fn measure(watchers: u64, rate: u64, seconds: u64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let service = service(dir.path());
    service.recall().await.unwrap();
    let client = service.client("app").unwrap();
    let began = Instant::now();
    let (send, mut receive) = mpsc::unbounded_channel::<Vec<Duration>>();
    let given = Arc::new(AtomicU64::new(0));
    let mut scopes = Vec::new();
    for k in 0..watchers {
        let scope = scope(k);
        scopes.push(scope.clone());
        let watch = service.watch(WatchRequest::new(Arc::clone(&client), scope)).await.unwrap();
        tokio::spawn(listen(watch, began, send.clone(), Arc::clone(&given)));
    }
    drop(send);
    println!("{watchers} watchers after {:.1} s", began.elapsed().as_secs_f64());
    // How often each target's position is to be handed over.
    let estimate = |n: u64, time: Utc| LocationEstimate {
        shape: Shape::Circle { at: place(n), radius_m: 20.0 },
        time,
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    };
    let count = |n: u64| {
        let e = estimate(n, Utc::from_unix_s(0));
        scopes.iter().filter(|s| concerns(s, n, &e)).count() as u64
    };
    let share: Vec<u64> = (0..TARGETS).map(count).collect();
    let mut expected = 0;
    let start = Instant::now();
    let total = rate * seconds;
    for k in 0..total {
        let n = (k * 2_654_435_761) % TARGETS;
        expected += share[n as usize];
        let time = Utc::from_unix_ns(began.elapsed().as_nanos() as i64);
        service.report(&PositionReport {
            target: id(n),
            estimate: estimate(n, time),
            qop_met: true,
            ordered: false,
        });
        let due = start + Duration::from_nanos((k + 1) * 1_000_000_000 / rate);
        if k % 16 == 0 {
            tokio::time::sleep_until(due.into()).await;
        }
    }
    let took = start.elapsed();
    let patience = Instant::now() + Duration::from_secs(20);
    while given.load(Ordering::Relaxed) < expected && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    service.shutdown().await;
    let mut all = Vec::new();
    while let Some(some) = receive.recv().await {
        all.extend(some);
    }
    all.sort_unstable();
    let at =
        |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1))).copied();
    let ms = |d: Option<Duration>| d.unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "{total} positions in {:.2} s ({:.0}/s), {} of {expected} handed over ({:.0}/s)",
        took.as_secs_f64(),
        total as f64 / took.as_secs_f64(),
        all.len(),
        all.len() as f64 / took.as_secs_f64()
    );
    println!(
        "p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, longest {:.3} ms",
        ms(at(0.5)),
        ms(at(0.99)),
        ms(at(0.999)),
        ms(all.last().copied())
    );
    all.len() as u64 == expected && at(0.99).is_some_and(|d| d <= LIMIT)
}

/// Takes what comes, and how long it took.
async fn listen(
    mut watch: Watch,
    began: Instant,
    send: mpsc::UnboundedSender<Vec<Duration>>,
    given: Arc<AtomicU64>,
) {
    let mut took = Vec::new();
    while let Some(watched) = watch.next().await {
        let Watched::Position(sighting) = watched else { panic!("a watcher lagged") };
        let sent = Duration::from_nanos(sighting.estimate.time.unix_ns() as u64);
        took.push(began.elapsed().saturating_sub(sent));
        given.fetch_add(1, Ordering::Relaxed);
    }
    let _ = send.send(took);
}
