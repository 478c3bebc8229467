//! Watching through the service, on a store on the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::timeout;

use super::*;
use crate::base::{GeoPoint, LocationEstimate, Now, PositionMethod, SetId, Shape, Utc};
use crate::observe::Metrics;
use crate::service::audit::{self, Audit};
use crate::service::{Book, NoPush, Parts, Positions, Profiles, Service, parse_identity, positions, privacy};
use crate::slc::PositionReport;
use crate::store::{SledStore, Store};

const PROFILES: &str = r#"
    clients = [
        { id = "tracker", password = "x", services = ["immediate", "triggered"] },
        { id = "shop", password = "x", services = ["immediate"] },
        { id = "psap", password = "x", type = "emergency" },
    ]
    [[subscribers]]
    ids = ["msisdn:491700000001", "imsi:262011234567890"]
    default = "allow"
    [[subscribers]]
    ids = ["msisdn:491700000002"]
    default = "allow"
    [[subscribers]]
    ids = ["msisdn:491700000003"]
    default = "notify"
    [[subscribers]]
    ids = ["msisdn:49171*"]
    default = "allow"
"#;

struct House {
    service: Service,
    store: Arc<SledStore>,
    audit: tempfile::TempDir,
}

fn book(profiles: &str) -> Book {
    Book::new(toml::from_str::<Profiles>(profiles).unwrap(), &privacy::Config::default(), None).unwrap()
}

fn house(store: &Path, watch: Config) -> House {
    let audit_dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let store = crate::store::Config { path: store.to_owned(), ..Default::default() };
    let store = Arc::new(SledStore::open(&store).unwrap());
    let audit_config = audit::Config { path: audit_dir.path().join("audit"), ..Default::default() };
    let now = || Now { mono: std::time::Instant::now(), utc: Utc::from_unix_s(1_700_000_000) };
    let parts = Parts {
        now: Arc::new(now),
        positions: Positions::new(Arc::clone(&store) as Arc<dyn Store>, &positions::Config::default()),
        push: Arc::new(NoPush),
        policy: Arc::new(ArcSwap::from_pointee(crate::slc::Config::default().resolve().unwrap())),
        audit: Audit::open(&audit_config, Arc::clone(&metrics), now().utc).unwrap(),
        metrics,
        config: crate::service::config::Config { watch, ..Default::default() },
        book: book(PROFILES),
    };
    House { service: Service::new(parts).unwrap(), store, audit: audit_dir }
}

fn id(n: u32) -> SetId {
    parse_identity(&format!("msisdn:49170000000{n}")).unwrap()
}

fn estimate(lat: f64, s: i64) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(lat, 8.0).unwrap(), radius_m: 10.0 },
        time: Utc::from_unix_s(1_700_000_000 + s),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

impl House {
    fn hear(&self, target: &SetId, estimate: LocationEstimate) {
        self.service.report(&PositionReport {
            target: target.clone(),
            estimate,
            qop_met: true,
            ordered: false,
        });
    }

    fn request(&self, client: &str, scope: Scope) -> WatchRequest {
        WatchRequest::new(self.service.client(client).unwrap(), scope)
    }

    async fn watch(&self, client: &str, scope: Scope) -> Watch {
        self.service.watch(self.request(client, scope)).await.unwrap()
    }
}

fn targets(of: &[u32]) -> Scope {
    Scope::Targets(of.iter().map(|n| Followed::of(id(*n))).collect())
}

fn around(lat: f64, radius_m: f64) -> Scope {
    let shape = Shape::Circle { at: GeoPoint::new(lat, 8.0).unwrap(), radius_m };
    Scope::Area(Box::new(Area::new(vec![shape]).unwrap()))
}

/// What comes next, at once.
async fn next(watch: &mut Watch) -> Watched {
    timeout(Duration::from_secs(30), watch.next()).await.unwrap().unwrap()
}

async fn sighting(watch: &mut Watch) -> Sighting {
    match next(watch).await {
        Watched::Position(s) => s,
        Watched::Lagged(n) => panic!("lagged by {n}"),
    }
}

/// When the target was where the next positions are.
async fn times(watch: &mut Watch, n: usize) -> Vec<i64> {
    let mut times = Vec::new();
    for _ in 0..n {
        times.push(sighting(watch).await.estimate.time.unix_s() - 1_700_000_000);
    }
    times
}

#[tokio::test]
async fn watchers_get_what_concerns_them_in_order_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config::default());
    let mut both = h.watch("tracker", targets(&[1, 2])).await;
    let mut second = h.watch("tracker", targets(&[2])).await;
    let imsi = parse_identity("imsi:262011234567890").unwrap();
    h.hear(&id(1), estimate(50.0, 1));
    h.hear(&id(2), estimate(50.0, 2));
    // By its other name, and somebody else.
    h.hear(&imsi, estimate(50.0, 3));
    h.hear(&id(3), estimate(50.0, 4));
    h.hear(&id(2), estimate(50.0, 5));
    assert_eq!(times(&mut second, 2).await, [2, 5]);
    let first = sighting(&mut both).await;
    assert_eq!((first.target, first.place, first.origin), (id(1), Some(0), crate::service::Origin::Fresh));
    let more = sighting(&mut both).await;
    assert_eq!(
        (more.target, more.place, more.token.sequence()),
        (id(2), Some(1), first.token.sequence() + 1)
    );
    let other = sighting(&mut both).await;
    assert_eq!((other.target, other.place), (id(1), Some(0)), "the target as it was asked for");
    assert_eq!(times(&mut both, 1).await, [5]);
    assert_eq!(h.service.load().watchers, 2);
    drop((both, second));
    assert_eq!(h.service.load().watchers, 0);
}

#[tokio::test]
async fn areas_show_those_inside_who_need_not_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config::default());
    let mut watch = h.watch("tracker", around(50.0, 1000.0)).await;
    let mut shop = h.watch("psap", around(50.0, 1000.0)).await;
    let stranger = parse_identity("msisdn:491600000000").unwrap();
    h.hear(&id(1), estimate(50.1, 1));
    h.hear(&id(1), estimate(50.001, 2));
    h.hear(&stranger, estimate(50.0, 3));
    h.hear(&id(3), estimate(50.0, 4));
    h.hear(&id(2), estimate(49.999, 5));
    assert_eq!(
        times(&mut watch, 2).await,
        [2, 5],
        "nobody outside, no stranger, nobody who would have to be told"
    );
    assert_eq!(times(&mut shop, 4).await, [2, 3, 4, 5], "an emergency centre sees everybody");
}

#[tokio::test]
async fn who_may_not_watch_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config { max: 3, max_per_client: 2, max_targets: 2, ..Config::default() });
    let refused = |client, scope| {
        let request = h.request(client, scope);
        async { h.service.watch(request).await.unwrap_err() }
    };
    assert!(matches!(refused("shop", targets(&[1])).await, WatchError::Refused(LocateError::Client(_))));
    assert!(matches!(refused("shop", around(50.0, 9.0)).await, WatchError::Refused(LocateError::Client(_))));
    assert_eq!(refused("tracker", targets(&[])).await, WatchError::NoTarget);
    assert_eq!(refused("tracker", targets(&[1, 2, 3])).await, WatchError::TooManyTargets(2));
    assert!(matches!(
        refused("tracker", targets(&[7])).await,
        WatchError::Refused(LocateError::NotAllowed(_))
    ));
    let some = h.watch("tracker", targets(&[7, 1])).await;
    assert!(matches!(some.refused(), [(0, LocateError::NotAllowed(_))]));
    let more = h.watch("tracker", targets(&[1])).await;
    assert_eq!(refused("tracker", targets(&[2])).await, WatchError::Full);
    let psap = h.watch("psap", targets(&[2])).await;
    assert_eq!(refused("psap", targets(&[2])).await, WatchError::Full);
    drop((some, more, psap));
    h.watch("tracker", targets(&[2])).await;
}

#[tokio::test]
async fn what_is_forbidden_meanwhile_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config::default());
    let mut watch = h.watch("tracker", targets(&[1, 2])).await;
    h.hear(&id(1), estimate(50.0, 1));
    h.hear(&id(2), estimate(50.0, 2));
    // Before it is handed over.
    h.service.reload(book(&PROFILES.replacen("default = \"allow\"", "default = \"deny\"", 1)));
    assert_eq!(times(&mut watch, 1).await, [2]);
    h.service.reload(book(&PROFILES.replace("\"triggered\"", "\"historic\"")));
    h.hear(&id(2), estimate(50.0, 3));
    assert_eq!(watch.next().await, None);
    assert_eq!(watch.over(), Some(WatchEnd::ClientGone));
}

#[tokio::test]
async fn a_slow_watcher_misses_nothing_that_the_journal_holds() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config { queue: 4, journal: 1000, ..Config::default() });
    let mut watch = h.watch("tracker", targets(&[1])).await;
    for s in 0..300 {
        h.hear(&id(1), estimate(50.0, s));
        h.hear(&id(2), estimate(50.0, s));
        if s % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut expected = 0..;
    for _ in 0..300 {
        assert_eq!(times(&mut watch, 1).await, [expected.next().unwrap()]);
    }
    // And goes on in the ordinary way.
    h.hear(&id(1), estimate(50.0, 500));
    assert_eq!(times(&mut watch, 1).await, [500]);
}

#[tokio::test]
async fn one_that_is_too_slow_is_told_and_gets_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config { queue: 4, journal: 16, ..Config::default() });
    let mut watch = h.watch("tracker", targets(&[1, 2])).await;
    for s in 0..100 {
        h.hear(&id(1), estimate(50.0, s));
        tokio::task::yield_now().await;
    }
    assert_eq!(times(&mut watch, 4).await, [0, 1, 2, 3], "those that were in the queue");
    let Watched::Lagged(missed) = next(&mut watch).await else { panic!() };
    assert_eq!(missed, 100 - 16 - 4);
    let newest = sighting(&mut watch).await;
    assert_eq!(
        (newest.estimate.time.unix_s() - 1_700_000_000, newest.origin),
        (99, crate::service::Origin::Stored)
    );
    h.hear(&id(1), estimate(50.0, 200));
    assert_eq!(times(&mut watch, 1).await, [200], "and nothing twice");
}

#[tokio::test]
async fn a_watch_is_resumed_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config { journal: 16, ..Config::default() });
    let mut watch = h.watch("tracker", targets(&[1])).await;
    h.hear(&id(1), estimate(50.0, 1));
    let token = sighting(&mut watch).await.token;
    drop(watch);
    for s in 2..6 {
        h.hear(&id(1), estimate(50.0, s));
    }
    let again = |token| WatchRequest { resume: Some(token), ..h.request("tracker", targets(&[1])) };
    let mut watch = h.service.watch(again(token)).await.unwrap();
    assert_eq!(times(&mut watch, 4).await, [2, 3, 4, 5]);
    h.hear(&id(1), estimate(50.0, 6));
    assert_eq!(times(&mut watch, 1).await, [6]);
    for s in 7..40 {
        h.hear(&id(1), estimate(50.0, s));
    }
    let mut watch = h.service.watch(again(token)).await.unwrap();
    assert_eq!(next(&mut watch).await, Watched::Lagged(22));
    assert_eq!(times(&mut watch, 1).await, [39]);
    let foreign = ResumeToken { journal: token.journal ^ 1, sequence: 3 };
    for token in [foreign, ResumeToken { sequence: u64::MAX, ..token }] {
        let mut watch = h.service.watch(again(token)).await.unwrap();
        assert_eq!(next(&mut watch).await, Watched::Lagged(0), "{token}");
        assert_eq!(times(&mut watch, 1).await, [39]);
    }
    let newest = WatchRequest { newest_first: true, ..h.request("tracker", targets(&[1])) };
    assert_eq!(times(&mut h.service.watch(newest).await.unwrap(), 1).await, [39]);
    let newest = WatchRequest { newest_first: true, ..h.request("tracker", around(50.0, 100.0)) };
    assert_eq!(times(&mut h.service.watch(newest).await.unwrap(), 1).await, [39]);
}

#[tokio::test]
async fn numbers_go_on_over_restarts_and_positions_over_those_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut watched = Vec::new();
    let resume = |h: &House, token| WatchRequest { resume: token, ..h.request("tracker", targets(&[1])) };
    // The first start.
    let h = house(dir.path(), Config::default());
    h.service.recall().await.unwrap();
    let mut watch = h.watch("tracker", targets(&[1])).await;
    for s in 1..4 {
        h.hear(&id(1), estimate(50.0, s));
        h.hear(&id(2), estimate(50.0, s));
    }
    let token = sighting(&mut watch).await.token;
    watched.push(token);
    drop(watch);
    h.service.forget(&id(2)).await.unwrap();
    h.service.shutdown().await;
    drop(h);
    // It was stopped in order: everything is there, but what was forgotten.
    let h = house(dir.path(), Config::default());
    h.service.recall().await.unwrap();
    let mut watch = h.service.watch(resume(&h, Some(token))).await.unwrap();
    assert_eq!(times(&mut watch, 2).await, [2, 3]);
    h.hear(&id(1), estimate(50.0, 4));
    h.service.positions().record(&id(1), estimate(50.0, 4)).await.unwrap();
    let last = sighting(&mut watch).await.token;
    assert_eq!(last.sequence(), 7);
    let other = h.request("tracker", targets(&[2]));
    let mut other = h
        .service
        .watch(WatchRequest { resume: Some(ResumeToken { sequence: 0, ..token }), ..other })
        .await
        .unwrap();
    h.hear(&id(2), estimate(50.0, 8));
    assert_eq!(times(&mut other, 1).await, [8], "what was forgotten");
    drop(other);
    drop(watch);
    // Killed.
    drop(h);
    let h = house(dir.path(), Config::default());
    h.service.recall().await.unwrap();
    let mut watch = h.service.watch(resume(&h, Some(last))).await.unwrap();
    h.hear(&id(1), estimate(50.0, 5));
    assert_eq!(next(&mut watch).await, Watched::Lagged(0));
    assert_eq!(times(&mut watch, 1).await, [5], "the newest that is known");
    h.hear(&id(1), estimate(50.0, 6));
    let fresh = loop {
        let s = sighting(&mut watch).await;
        if s.origin == crate::service::Origin::Fresh {
            break s;
        }
    };
    assert!(fresh.token > last && fresh.token.sequence() >= 1 << 32, "no number is used twice");
    assert_eq!(h.store.list_shelf(crate::store::Shelf::Journal, None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_given_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let h = house(dir.path(), Config::default());
    let mut watch = h.watch("tracker", targets(&[1, 2])).await;
    for s in 1..4 {
        h.hear(&id(1), estimate(50.0, s));
    }
    times(&mut watch, 3).await;
    h.service.audit().fail_writes(true);
    h.hear(&id(2), estimate(50.0, 9));
    let quiet = timeout(Duration::from_millis(200), watch.next()).await;
    assert!(quiet.is_err(), "what cannot be recorded is not given");
    h.service.audit().fail_writes(false);
    drop(watch);
    let folder = h.audit.path().join("audit");
    let text: String = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|f| std::fs::read_to_string(f.unwrap().path()).ok())
        .collect();
    let watches: Vec<&str> = text.lines().filter(|l| l.contains("\"what\":\"watch\"")).collect();
    assert_eq!(watches.len(), 2, "{text}");
    assert!(watches[0].contains("\"given\"") && watches[1].contains("\"positions\":3"), "{watches:?}");
}
