//! Network-initiated positioning of many handsets at once, each asked for through the location service of a whole server.
//!
//! `cargo bench --bench network_initiated [-- COUNT [WAVES]]`. The handsets run in a process of their own, so that the memory
//! shown is the server's. Each has a loopback address, at which it is called by UDP, and a place of its own, 600 m from any
//! other; it connects by TLS. Every other one speaks SUPL 1.0 with RRLP, the rest SUPL 2.0 with LPP. The wave is asked for
//! again and again, to see whether memory grows with it. Fails when one is not answered, is answered with a place that is not
//! its own, or when something is left over in the end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on panics")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groma::app::{App, RunningApp};
use groma::base::broadcast::Gnss;
use groma::base::cell::{CellId, Plmn};
use groma::base::time::Clock;
use groma::base::{GeoPoint, QualityOfPosition, SetId};
use groma::cells::{Site, generate};
use groma::config::Config;
use groma::feed::{SimulatedConfig, SourceConfig};
use groma::handset::{
    Goal, Listener, ListenerOptions, Motion, Options, Payload, Place, Security, SuplVersion,
};
use groma::net::{Listen, ListenMode};
use groma::service::{Flow, Load, LocateError, LocateRequest, Located, QosClass};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

const COUNT: usize = 2000;
const WAVES: usize = 3;
/// South-western corner of the grid on which they stand.
const CORNER: GeoPoint = GeoPoint { lat: 50.7, lon: 4.2 };
/// Handsets in a row of it.
const ROW: usize = 45;
/// Metres between two neighbours.
const APART_M: f64 = 600.0;
/// The position of another handset would be further off.
const OWN_M: f64 = 150.0;
/// Rows and columns that share a mast.
const MAST: usize = 3;
/// Longest that a request may take.
const PATIENCE: Duration = Duration::from_mins(2);
const PLMN: Plmn = Plmn { mcc: 1, mnc: 1 };

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if !matches!(args.first().map(String::as_str), Some("ask" | "handsets")) {
        // A shell raises the limit of open files without help from any library.
        let status = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -Hn)\" 2>/dev/null; exec \"$0\" ask \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(&args)
            .status()
            .unwrap();
        std::process::exit(status.code().unwrap_or(1));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let [word, server, port, count] = &args[..]
        && word == "handsets"
    {
        runtime.block_on(be_handsets(server, port.parse().unwrap(), count.parse().unwrap()));
        return;
    }
    let mut numbers = args.iter().filter_map(|n| n.parse().ok());
    let (count, waves) = (numbers.next().unwrap_or(COUNT), numbers.next().unwrap_or(WAVES));
    let good = runtime.block_on(measure(count, waves));
    runtime.shutdown_background();
    std::process::exit(i32::from(!good));
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 40, 0, 1)) + index as u32)
}

fn target(index: usize) -> SetId {
    SetId::Msisdn((491_700_000_001 + index as u64).to_string().parse().unwrap())
}

fn on_grid(row: f64, column: f64) -> GeoPoint {
    let narrowing = CORNER.lat.to_radians().cos();
    let (north, east) = (row * APART_M / 111_195.0, column * APART_M / (111_195.0 * narrowing));
    GeoPoint::new(CORNER.lat + north, CORNER.lon + east).unwrap()
}

fn place(index: usize) -> Place {
    Place { at: on_grid((index / ROW) as f64, (index % ROW) as f64), altitude_m: 60.0 }
}

/// The cell of a handset: that of the mast amid its neighbours.
fn cell(index: usize) -> (CellId, GeoPoint) {
    let (row, column) = (index / ROW / MAST, index % ROW / MAST);
    let eci = (row * ROW + column + 1) as u32;
    let middle = |n: usize| (n * MAST) as f64 + 1.0;
    (CellId::Lte { plmn: PLMN, tac: 1, eci }, on_grid(middle(row), middle(column)))
}

/// The other process: handsets that wait to be called until their input ends.
async fn be_handsets(server: &str, port: u16, count: usize) {
    let mut on_air = JoinSet::new();
    for index in 0..count {
        let mut options = Options::new(Goal::Agnss, server);
        if index % 2 == 1 {
            (options.version, options.payload) = (SuplVersion::V1, Payload::Rrlp);
            options.gnss = vec![Gnss::Gps];
        }
        options.security = Security::Tls { ca: None, only: None };
        options.set_id = target(index);
        options.session_id = index as u16;
        options.seed = index as u64;
        options.timeout = PATIENCE;
        options.cells = vec![cell(index).0];
        let socket = UdpSocket::bind((address(index), port)).await.unwrap();
        let listener = Arc::new(Listener::new(ListenerOptions::new(options, Motion::Still(place(index)))));
        on_air.spawn(async move { drop(listener.listen(socket, |_| (), |_, _| ()).await) });
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    let _ = ended.await;
    std::process::exit(0);
}

/// The server, and its folder.
async fn serve(count: usize, port: u16) -> (RunningApp, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let profiles: Config = toml::from_str(
        "[[clients]]\nid = \"tracker\"\npassword = \"tracker\"\n\
         [[subscribers]]\nids = [\"msisdn:4917*\"]\nrules = [{ client = \"tracker\", action = \"allow\" }]\n",
    )
    .unwrap();
    let mut config = Config {
        data: data.path().to_owned(),
        drain_s: 0,
        clients: profiles.clients,
        subscribers: profiles.subscribers,
        ..Config::default()
    };
    config.listen = vec![Listen { address: any, mode: ListenMode::Auto }];
    config.http.listen = any;
    (config.mlp.listen, config.mlp.listen_tls) = (vec![any], Vec::new());
    config.feed.sources = vec![SourceConfig::Simulated(SimulatedConfig::default())];
    config.push.udp.port = port;
    // All of them share two cores with the server; what a handset may take of its time is as long as anybody waits.
    let patience = PATIENCE.as_secs() as u32;
    (config.service.fresh_s, config.service.st1_s) = (0, patience);
    (config.connections.silent_s, config.connections.handshake_s) = (patience, patience);
    (config.session.first_message_s, config.session.st2_s, config.session.st3_s) =
        (patience, patience, patience);
    let most = (count as u32).next_multiple_of(1000) * 2;
    config.connections.max_per_source = config.connections.max_per_source.max(most);
    let sites: Vec<Site> = (0..count).map(cell).map(|(cell, at)| Site { cell, at, range_m: 2000 }).collect();
    generate(&config.cells().table, &sites, Clock::system().now().utc).unwrap();
    (App::new(config, Clock::system()).start().await.unwrap(), data)
}

async fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    socket.local_addr().unwrap().port()
}

/// Starts the other process, and waits until all handsets are on the air.
fn start_handsets(server: &str, port: u16, count: usize) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["handsets", server, &port.to_string(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready.trim(), "ready", "the handsets did not get onto the air");
    child
}

/// What became of a wave.
struct Wave {
    total: Duration,
    took: Vec<Duration>,
    answered: usize,
    wrong: usize,
    errors: Vec<LocateError>,
}

/// Asks for everybody at once.
async fn wave(app: &RunningApp, count: usize) -> Wave {
    let client = app.service().client("tracker").unwrap();
    let begun = Instant::now();
    let mut asked = JoinSet::new();
    for index in 0..count {
        let service = app.service().clone();
        let mut request = LocateRequest::new(Arc::clone(&client), Flow::Immediate, target(index));
        request.qop = QualityOfPosition {
            horizontal_m: Some(50.0),
            response_time: Some(PATIENCE),
            ..QualityOfPosition::default()
        };
        request.qos_class = QosClass::Assured;
        request.reach.ip = Some(address(index).into());
        asked.spawn(async move {
            let before = Instant::now();
            (index, service.locate(request).await, before.elapsed())
        });
    }
    let mut wave =
        Wave { total: Duration::ZERO, took: Vec::new(), answered: 0, wrong: 0, errors: Vec::new() };
    while let Some(done) = asked.join_next().await {
        let (index, result, took) = done.unwrap();
        wave.took.push(took);
        match result {
            Ok(located) => {
                wave.answered += 1;
                wave.wrong += usize::from(!is_own(index, &located));
            }
            Err(error) => wave.errors.push(error),
        }
    }
    wave.total = begun.elapsed();
    wave.took.sort_unstable();
    wave
}

fn is_own(index: usize, located: &Located) -> bool {
    located.estimate.shape.centre().is_some_and(|at| at.distance_m(place(index).at) < OWN_M)
}

async fn measure(count: usize, waves: usize) -> bool {
    let port = free_port().await;
    let (app, _data) = serve(count, port).await;
    let mut handsets = start_handsets(&app.supl[0].to_string(), port, count);
    let before_kib = memory_kib("VmRSS");
    let mut good = true;
    for number in 1..=waves {
        let w = wave(&app, count).await;
        let quiet = until_quiet(&app).await;
        good &= w.answered == count && w.wrong == 0 && quiet;
        let seconds = |share: f64| {
            let i = ((w.took.len() as f64 * share) as usize).min(w.took.len().saturating_sub(1));
            w.took.get(i).map_or(f64::NAN, Duration::as_secs_f64)
        };
        println!(
            "wave {number}: {count} handsets asked for at once, {} located, {} wrong; all in {:.2} s ({:.0} a second), \
             half within {:.2} s, 99 % within {:.2} s",
            w.answered,
            w.wrong,
            w.total.as_secs_f64(),
            w.answered as f64 / w.total.as_secs_f64(),
            seconds(0.5),
            seconds(0.99),
        );
        if let Some(first) = w.errors.first() {
            println!("  {} errors, the first: {first}", w.errors.len());
        }
        if !quiet {
            println!("  left over: {:?}", app.service().load());
        }
        let (now_kib, peak_kib) = (memory_kib("VmRSS"), memory_kib("VmHWM"));
        println!(
            "  memory of the server: {:.1} MiB before, {:.1} MiB at most ({:.1} KiB a session), {:.1} MiB after",
            mib(before_kib),
            mib(peak_kib),
            peak_kib.saturating_sub(before_kib) as f64 / count.max(1) as f64,
            mib(now_kib),
        );
    }
    let kept = stored(&app, count).await;
    println!("stored: {kept} of {count} handsets have their own place as the last position");
    good &= kept == count;
    drop(handsets.stdin.take());
    let _ = handsets.wait();
    app.shutdown().await;
    good
}

/// Waits until nothing is under way any more.
async fn until_quiet(app: &RunningApp) -> bool {
    for _ in 0..1000 {
        if app.service().load() == Load::default() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Handsets whose newest stored position is their own place.
async fn stored(app: &RunningApp, count: usize) -> usize {
    let mut kept = 0;
    for index in 0..count {
        let known = app.service().positions().history(&target(index), 1).await.unwrap();
        let own = |e: &groma::base::LocationEstimate| {
            e.shape.centre().is_some_and(|at| at.distance_m(place(index).at) < OWN_M)
        };
        kept += usize::from(known.first().is_some_and(own));
    }
    kept
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// A line of this process's memory as the system counts it, KiB.
fn memory_kib(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
