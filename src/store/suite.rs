//! What every back end must do. A back end calls [`run`] with a factory that opens the store of a directory.

use std::path::Path;
use std::sync::Arc;

use super::{Change, Config, Shelf, SkyItem, SkyRecord, SledStore, Store, StoreError};
use crate::base::broadcast::{Ephemeris, Gnss, Kepler, Klobuchar, KlobucharArea, LnavEphemeris, SatId};
use crate::base::{GeoPoint, GpsTime, LocationEstimate, PositionMethod, SetId, Shape, Utc};

/// Opens the store kept in a directory, with the limits given.
type Factory = fn(&Path, &Config) -> Result<Box<dyn Store>, StoreError>;

fn sled(path: &Path, limits: &Config) -> Result<Box<dyn Store>, StoreError> {
    let store = SledStore::open(&Config { path: path.to_owned(), ..limits.clone() })?;
    Ok(Box::new(store))
}

pub(super) fn week(tow_s: i64) -> GpsTime {
    GpsTime::from_week_s(2243, tow_s)
}

pub(super) fn ephemeris(number: u8, toe_s: i64, health: u8, received_s: i64) -> SkyRecord {
    let toe = week(toe_s);
    let kepler = Kepler {
        sqrt_a: 2_702_000_000,
        e: 0,
        m0: 1,
        omega0: 2,
        i0: 3,
        omega: 4,
        delta_n: 5,
        omega_dot: -6,
        i_dot: 7,
        crs: 8,
        crc: 9,
        cus: 10,
        cuc: 11,
        cis: 12,
        cic: 13,
    };
    let lnav = LnavEphemeris {
        sat: SatId { gnss: Gnss::Gps, number },
        toe,
        toc: toe,
        kepler,
        af0: -1,
        af1: 2,
        af2: 0,
        tgd: -5,
        iodc: 77,
        ura: 2,
        health,
        fit_extended: false,
        code_on_l2: 1,
        l2p_flag: false,
        aodo: 0,
    };
    SkyRecord {
        item: SkyItem::Ephemeris(Ephemeris::Lnav(lnav)),
        source: "suite".to_owned(),
        received: Utc::from_unix_s(received_s),
        epoch: toe,
        expires: toe.offset_s(7200.0),
    }
}

fn klobuchar(alpha0: i8, epoch_s: i64) -> SkyRecord {
    let model = Klobuchar { alpha: [alpha0, 1, -2, 3], beta: [4, 5, 6, 7] };
    SkyRecord {
        item: SkyItem::Klobuchar(KlobucharArea::World, model),
        epoch: week(epoch_s),
        ..ephemeris(1, 0, 0, 0)
    }
}

pub(super) fn target(n: u64) -> SetId {
    SetId::Msisdn(format!("4477009{n:05}").parse().unwrap())
}

pub(super) fn estimate(time_s: i64) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(49.612_345_678_9, 6.1).unwrap(), radius_m: 12.5 },
        time: Utc::from_unix_s(time_s),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

fn times(store: &dyn Store, of: &SetId) -> Vec<i64> {
    store.positions(of, 100).wait().unwrap().iter().map(|e| e.time.unix_s()).collect()
}

fn run(open: Factory) {
    for test in [
        keeps_the_sky_and_gives_what_is_valid,
        newer_data_replace_older_and_not_the_other_way,
        purges_and_bounds_the_sky,
        keeps_positions_newest_first_and_bounded,
        forgets_and_purges_positions,
        gives_way_for_new_targets,
        refuses_what_cannot_be_read_back,
        keeps_shelves_in_order_and_changes_them_whole,
        serves_many_at_once,
        pending_requests_do_not_hold_it_open,
    ] {
        let dir = tempfile::tempdir().unwrap();
        test(open, dir.path());
    }
}

fn keeps_the_sky_and_gives_what_is_valid(open: Factory, dir: &Path) {
    let records = vec![ephemeris(1, 7200, 0, 1), ephemeris(1, 14_400, 0, 1), ephemeris(2, 7200, 0, 1)];
    {
        let store = open(dir, &Config::default()).unwrap();
        store.put_sky(records.clone()).wait().unwrap();
    }
    let store = open(dir, &Config::default()).unwrap();
    let mut all = store.load_sky(week(14_400)).wait().unwrap();
    all.sort_by_key(|r| (r.item_number(), r.expires));
    assert_eq!(all, records, "equal in every member, after reopening");
    // The last instant counts as valid, the next does not.
    let valid = store.load_sky(week(14_401)).wait().unwrap();
    assert_eq!(valid, vec![records[1].clone()]);
}

fn newer_data_replace_older_and_not_the_other_way(open: Factory, dir: &Path) {
    let store = open(dir, &Config::default()).unwrap();
    let load = || store.load_sky(week(0)).wait().unwrap();
    store.put_sky(vec![ephemeris(5, 7200, 0, 100)]).wait().unwrap();
    store.put_sky(vec![ephemeris(5, 7200, 63, 200)]).wait().unwrap();
    assert_eq!(load(), vec![ephemeris(5, 7200, 63, 200)]);
    store.put_sky(vec![ephemeris(5, 7200, 0, 150)]).wait().unwrap();
    assert_eq!(load(), vec![ephemeris(5, 7200, 63, 200)]);
    // Within one batch as well.
    store.put_sky(vec![ephemeris(6, 7200, 1, 20), ephemeris(6, 7200, 2, 10)]).wait().unwrap();
    assert!(load().contains(&ephemeris(6, 7200, 1, 20)));
    store.put_sky(vec![klobuchar(9, 500)]).wait().unwrap();
    store.put_sky(vec![klobuchar(3, 400)]).wait().unwrap();
    assert_eq!(load().len(), 3);
    assert!(load().contains(&klobuchar(9, 500)));
}

fn purges_and_bounds_the_sky(open: Factory, dir: &Path) {
    let limits = Config { max_sky_records: 20, ..Config::default() };
    {
        let store = open(dir, &limits).unwrap();
        store.put_sky((1..=10).map(|n| ephemeris(n, i64::from(n) * 7200, 0, 0)).collect()).wait().unwrap();
        assert_eq!(store.purge_sky(week(3 * 7200 + 7200)).wait().unwrap(), 2);
        assert_eq!(store.load_sky(week(0)).wait().unwrap().len(), 8);
        store.put_sky((11..=30).map(|n| ephemeris(n, i64::from(n) * 7200, 0, 0)).collect()).wait().unwrap();
    }
    let store = open(dir, &limits).unwrap();
    let left = store.load_sky(week(0)).wait().unwrap();
    assert_eq!(left.len(), 18, "bounded, with some room");
    assert!(left.iter().all(|r| r.item_number() > 12), "those that expire first went");
}

fn keeps_positions_newest_first_and_bounded(open: Factory, dir: &Path) {
    let limits = Config { positions_per_target: 3, ..Config::default() };
    {
        let store = open(dir, &limits).unwrap();
        assert_eq!(store.last_position(&target(1)).wait().unwrap(), None);
        for t in [50, 10, 40, 30, 20] {
            store.put_position(&target(1), estimate(t)).wait().unwrap();
        }
        store.put_position(&target(2), estimate(5)).wait().unwrap();
        // Two of the same instant are two positions.
        store.put_position(&target(3), estimate(7)).wait().unwrap();
        store.put_position(&target(3), estimate(7)).wait().unwrap();
    }
    let store = open(dir, &limits).unwrap();
    assert_eq!(times(&*store, &target(1)), [50, 40, 30]);
    assert_eq!(store.last_position(&target(1)).wait().unwrap(), Some(estimate(50)));
    assert_eq!(store.positions(&target(1), 2).wait().unwrap().len(), 2);
    assert_eq!(times(&*store, &target(2)), [5]);
    assert_eq!(times(&*store, &target(3)), [7, 7]);
}

fn forgets_and_purges_positions(open: Factory, dir: &Path) {
    {
        let store = open(dir, &Config::default()).unwrap();
        for t in [10, 20, 30] {
            store.put_position(&target(1), estimate(t)).wait().unwrap();
            store.put_position(&target(2), estimate(t)).wait().unwrap();
            store.put_position(&target(3), estimate(t - 9)).wait().unwrap();
        }
        assert_eq!(store.forget(&target(1)).wait().unwrap(), 3);
        assert_eq!(store.forget(&target(1)).wait().unwrap(), 0);
        // Of target 3 all is older than 25, of target 2 two of three.
        assert_eq!(store.purge_positions(Utc::from_unix_s(25)).wait().unwrap(), 5);
    }
    let store = open(dir, &Config::default()).unwrap();
    assert_eq!(times(&*store, &target(1)), [0; 0]);
    assert_eq!(times(&*store, &target(2)), [30]);
    assert_eq!(times(&*store, &target(3)), [0; 0]);
}

fn gives_way_for_new_targets(open: Factory, dir: &Path) {
    let limits = Config { max_targets: 2, ..Config::default() };
    {
        let store = open(dir, &limits).unwrap();
        store.put_position(&target(1), estimate(10)).wait().unwrap();
        store.put_position(&target(2), estimate(20)).wait().unwrap();
        store.put_position(&target(1), estimate(30)).wait().unwrap();
        store.put_position(&target(3), estimate(25)).wait().unwrap();
    }
    let store = open(dir, &limits).unwrap();
    assert_eq!(times(&*store, &target(2)), [0; 0], "silent for longest");
    assert_eq!(times(&*store, &target(1)), [30, 10]);
    assert_eq!(times(&*store, &target(3)), [25]);
}

fn refuses_what_cannot_be_read_back(open: Factory, dir: &Path) {
    let store = open(dir, &Config::default()).unwrap();
    let mut bad = estimate(1);
    bad.shape = Shape::Circle { at: GeoPoint { lat: f64::NAN, lon: 0.0 }, radius_m: 1.0 };
    assert!(matches!(store.put_position(&target(1), bad).wait(), Err(StoreError::Unstorable)));
    let mut long = ephemeris(1, 0, 0, 0);
    long.source = "x".repeat(1 << 20);
    assert!(matches!(store.put_sky(vec![long]).wait(), Err(StoreError::Unstorable)));
    // It goes on all the same.
    store.put_position(&target(1), estimate(2)).wait().unwrap();
    assert_eq!(times(&*store, &target(1)), [2]);
}

fn keeps_shelves_in_order_and_changes_them_whole(open: Factory, dir: &Path) {
    let put = |shelf, key: &[u8], value: &[u8]| Change::Put(shelf, key.to_vec(), value.to_vec());
    {
        let store = open(dir, &Config::default()).unwrap();
        let two = vec![put(Shelf::Reports, b"b", b"2"), put(Shelf::Reports, b"a", b"1")];
        store.change(two).wait().unwrap();
        store.change(vec![put(Shelf::Reports, b"ab", b""), put(Shelf::Triggers, b"a", b"t")]).wait().unwrap();
        // Moving from one shelf to another is one change.
        let moved = vec![Change::Remove(Shelf::Reports, b"b".to_vec()), put(Shelf::DeadReports, b"b", b"2")];
        store.change(moved).wait().unwrap();
        // Of several changes under one key the last holds; what is not there can be removed.
        let again = vec![
            put(Shelf::Requests, b"x", b"1"),
            Change::Remove(Shelf::Requests, b"x".to_vec()),
            Change::Remove(Shelf::Requests, b"y".to_vec()),
        ];
        store.change(again).wait().unwrap();
        let large =
            vec![put(Shelf::Requests, b"z", b"1"), put(Shelf::Requests, b"w", &vec![0; (1 << 20) + 1])];
        assert!(matches!(store.change(large).wait(), Err(StoreError::Unstorable)));
        let large = vec![put(Shelf::Requests, &[0; 1025], b"1")];
        assert!(matches!(store.change(large).wait(), Err(StoreError::Unstorable)));
    }
    let store = open(dir, &Config::default()).unwrap();
    let list = |shelf, after: Option<&[u8]>, max| store.list_shelf(shelf, after, max).wait().unwrap();
    let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    assert_eq!(list(Shelf::Reports, None, 9), [pair(b"a", b"1"), pair(b"ab", b"")]);
    assert_eq!(list(Shelf::Reports, None, 1), [pair(b"a", b"1")]);
    assert_eq!(list(Shelf::Reports, Some(b"a"), 9), [pair(b"ab", b"")]);
    assert_eq!(list(Shelf::Reports, Some(b"ab"), 9), []);
    assert_eq!(list(Shelf::Triggers, None, 9), [pair(b"a", b"t")]);
    assert_eq!(list(Shelf::DeadReports, None, 9), [pair(b"b", b"2")]);
    assert_eq!(list(Shelf::Requests, None, 9), []);
    assert_eq!(store.read_shelf(Shelf::DeadReports, b"b").wait().unwrap(), Some(b"2".to_vec()));
    assert_eq!(store.read_shelf(Shelf::DeadReports, b"a").wait().unwrap(), None);
}

fn serves_many_at_once(open: Factory, dir: &Path) {
    let store: Arc<dyn Store> = open(dir, &Config::default()).unwrap().into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..500_u64 {
            let store = Arc::clone(&store);
            tasks.spawn(async move { store.put_position(&target(n % 50), estimate(n as i64)).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
    });
    for n in 0..50 {
        assert_eq!(times(&*store, &target(n)).len(), 10, "{n}");
    }
}

fn pending_requests_do_not_hold_it_open(open: Factory, dir: &Path) {
    let store = open(dir, &Config::default()).unwrap();
    let pending = store.last_position(&target(1));
    drop(store);
    assert!(matches!(pending.wait(), Err(StoreError::Closed)));
    open(dir, &Config::default()).unwrap();
}

impl SkyRecord {
    fn item_number(&self) -> u8 {
        match self.item {
            SkyItem::Ephemeris(e) => e.sat().number,
            _ => 0,
        }
    }
}

#[test]
fn sled_store_passes_the_suite() {
    run(sled);
}
