//! A store that is killed at any moment opens again, and nothing that it acknowledged is lost.
//!
//! The test runs itself as a child, which writes positions and broadcast data and prints the number of each once it is
//! acknowledged; the parent kills it, opens the store, and looks for all numbers it read.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use groma::base::broadcast::{Ephemeris, Gnss, SatId, SbasEphemeris};
use groma::base::{GeoPoint, GpsTime, LocationEstimate, PositionMethod, SetId, Shape, Utc};
use groma::store::{Config, SkyItem, SkyRecord, SledStore, Store};

/// Names the store's directory to the child.
const CHILD: &str = "GROMA_TEST_STORE_CHILD";
/// Names the first number the child writes.
const FIRST: &str = "GROMA_TEST_STORE_FIRST";
const TARGETS: u64 = 37;
const ROUNDS: u64 = 25;

fn open(path: &Path) -> SledStore {
    let config = Config { path: path.to_owned(), positions_per_target: 10_000, ..Config::default() };
    SledStore::open(&config).unwrap_or_else(|e| panic!("after a kill: {e}"))
}

fn target(n: u64) -> SetId {
    SetId::Imsi(format!("00101{:010}", n % TARGETS).parse().unwrap())
}

fn estimate(n: u64) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(1.0 + n as f64 * 1e-6, 2.0).unwrap(), radius_m: 5.0 },
        time: Utc::from_unix_s(1_700_000_000 + n as i64),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

/// One record a number: the time of reference tells them apart.
fn record(n: u64) -> SkyRecord {
    let t0 = GpsTime::from_week_s(2300, n as i64 * 16);
    let sbas = SbasEphemeris {
        sat: SatId { gnss: Gnss::Sbas, number: 20 },
        t0,
        position: [1, 2, 3],
        velocity: [0; 3],
        acceleration: [0; 3],
        agf0: 1,
        agf1: 2,
        ura: 3,
        iodn: n as u8,
        unhealthy: false,
    };
    SkyRecord {
        item: SkyItem::Ephemeris(Ephemeris::Sbas(sbas)),
        source: "kill".to_owned(),
        received: Utc::from_unix_s(n as i64),
        epoch: t0,
        expires: t0.offset_s(1e6),
    }
}

/// The child: writes from several threads until it is killed.
#[test]
fn store_child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store: Arc<SledStore> = Arc::new(open(Path::new(&path)));
    let writers: Vec<_> = (0..4)
        .map(|lane| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for n in (first + lane..).step_by(4) {
                    if n.is_multiple_of(3) {
                        store.put_sky(vec![record(n)]).wait().unwrap();
                    } else {
                        store.put_position(&target(n), estimate(n)).wait().unwrap();
                    }
                    // A line is written whole: several writers share the pipe.
                    let line = format!("acknowledged {n}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    std::io::stdout().lock().flush().unwrap();
                }
            })
        })
        .collect();
    for w in writers {
        w.join().unwrap();
    }
}

fn spawn(path: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["store_kill::store_child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What is missing of the numbers acknowledged.
fn missing(path: &Path, acknowledged: &[u64]) -> Vec<u64> {
    let store = open(path);
    let sky: std::collections::HashSet<i64> = store
        .load_sky(GpsTime::from_week_s(0, 0))
        .wait()
        .unwrap()
        .iter()
        .map(|r| {
            assert_eq!(*r, record(r.received.unix_s() as u64));
            r.received.unix_s()
        })
        .collect();
    let positions: std::collections::HashSet<i64> = (0..TARGETS)
        .flat_map(|t| store.positions(&target(t), usize::MAX).wait().unwrap())
        .map(|e| {
            let n = e.time.unix_s() - 1_700_000_000;
            assert_eq!(e, estimate(n as u64));
            n
        })
        .collect();
    let known = |n: &u64| {
        if n.is_multiple_of(3) { sky.contains(&(*n as i64)) } else { positions.contains(&(*n as i64)) }
    };
    acknowledged.iter().copied().filter(|n| !known(n)).collect()
}

#[test]
fn nothing_acknowledged_is_lost_when_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x00d1_ce5e_ed01_u64;
    let mut acknowledged: Vec<u64> = Vec::new();
    for round in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let first = acknowledged.iter().max().map_or(0, |n| n + 100);
        let mut child = spawn(dir.path(), first);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A seeded number of acknowledgements, then a seeded moment more; every fifth child dies while it opens.
        let wanted = if round % 5 == 4 { 0 } else { 1 + random % 120 };
        let moment = Duration::from_micros((random >> 32) % 4000);
        let number = |line: std::io::Result<String>| -> Option<u64> {
            // The test runner's own words may stand before the first.
            line.ok()?.rsplit_once("acknowledged ")?.1.parse().ok()
        };
        let mut heard = 0;
        while heard < wanted {
            let line = lines.next().expect("the child ended by itself");
            if let Some(n) = number(line) {
                acknowledged.push(n);
                heard += 1;
            }
        }
        let spin = std::time::Instant::now();
        while spin.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        // Acknowledgements on their way when it died count too.
        acknowledged.extend(lines.filter_map(number));
        child.wait().unwrap();
        assert_eq!(missing(dir.path(), &acknowledged), Vec::<u64>::new(), "round {round}");
    }
    println!("{} acknowledged writes, {ROUNDS} kills", acknowledged.len());
    assert!(acknowledged.len() > 200);
}
