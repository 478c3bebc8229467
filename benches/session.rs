//! What a whole session costs the server: connect, TLS 1.3 handshake, every message of an MS-Based LPP session, close.
//!
//! The server runs in a process of its own, whose CPU time is read from `/proc`. Beside it, in the same run and by turns, a
//! bare rustls server does the same handshake with the same kind of certificate and writes the same numbers of octets after
//! reading the same numbers of octets, knowing nothing of what they mean. The aim is a ratio of at most 1.35.
//! One session at a time shows a server whose code is out of the caches at every message; many at a time, one at work.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groma::base::cell::{CellId, Plmn};
use groma::handset::{Connection, Direction, Goal, Options, Security, TlsVersion, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[allow(dead_code)]
#[path = "../tests/support/server.rs"]
mod server;

const AIM: f64 = 1.35;
/// Sessions of one turn, and turns.
const SESSIONS: usize = 256;
const TURNS: usize = 8;
/// Sessions at a time: a server that has just woken up for each message, and one that is at work.
const AT_A_TIME: [usize; 2] = [1, 16];
/// Says to a child which server it is.
const ROLE: &str = "GROMA_BENCH_SERVER";
/// Says to the bare server what to read and write.
const SCRIPT: &str = "GROMA_BENCH_SCRIPT";

const TLS: Security = Security::Tls { ca: None, only: Some(TlsVersion::V1_3) };

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match std::env::var(ROLE).as_deref() {
        Ok("groma") => runtime.block_on(serve_groma()),
        Ok("bare") => runtime.block_on(serve_bare()),
        // `cargo test --benches` only wants to know that it builds.
        _ if std::env::args().any(|a| a == "--test") => {}
        _ => runtime.block_on(compare()),
    }
}

// ---- the servers ------------------------------------------------------------------------------------------------------

async fn serve_groma() {
    let server = server::TestServer::simulated();
    println!("{}", server.ulp());
    until_told().await;
    server.stop().await;
}

/// One step of the bare server.
#[derive(Clone, Copy)]
enum Op {
    Read(usize),
    Write(usize),
}

async fn serve_bare() {
    let script = std::env::var(SCRIPT).expect("a script");
    let ops: Arc<[Op]> = script
        .split(' ')
        .map(|op| {
            let n = op[1..].parse().expect("a number");
            if op.starts_with('r') { Op::Read(n) } else { Op::Write(n) }
        })
        .collect();
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .and_then(|p| p.self_signed(&key))
        .expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate");
    config.send_tls13_tickets = 0;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, ops) = (acceptor.clone(), Arc::clone(&ops));
            tokio::spawn(async move {
                tcp.set_nodelay(true).expect("an option");
                let mut stream = acceptor.accept(tcp).await.expect("a handshake");
                let mut buffer = vec![0; 65_536];
                for op in ops.iter() {
                    match *op {
                        Op::Read(n) => {
                            stream.read_exact(&mut buffer[..n]).await.expect("octets");
                        }
                        Op::Write(n) => {
                            buffer[..2].copy_from_slice(&(n as u16).to_be_bytes());
                            stream.write_all(&buffer[..n]).await.expect("a write");
                            stream.flush().await.expect("a write");
                        }
                    }
                }
                // The handset closes.
                let _ = stream.read(&mut buffer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    until_told().await;
}

/// Until the parent closes our standard input.
async fn until_told() {
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}

// ---- the comparison ---------------------------------------------------------------------------------------------------

struct Peer {
    child: Child,
    address: String,
}

impl Peer {
    fn start(role: &str, script: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a program"))
            .env(ROLE, role)
            .env(SCRIPT, script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut address = String::new();
        let out = child.stdout.take().expect("output");
        BufReader::new(out).read_line(&mut address).expect("an address");
        Self { child, address: address.trim().to_owned() }
    }

    /// CPU time of the process so far, seconds (`man 5 proc_pid_stat`: utime and stime, in ticks of 10 ms).
    fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let field = |n: usize| {
            after_name.split_whitespace().nth(n).and_then(|f| f.parse::<f64>().ok()).expect("ticks")
        };
        (field(11) + field(12)) / 100.0
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn options(address: &str) -> Options {
    let cells = vec![CellId::Lte { plmn: Plmn { mcc: 1, mnc: 1 }, tac: 1, eci: 5 }];
    Options { security: TLS, cells, ..Options::new(Goal::Agnss, address) }
}

/// A session with the bare server: the same octets, without their meaning.
async fn bare(address: &str, ops: &[Op]) {
    let mut connection =
        Connection::open(address, &TLS, Duration::from_secs(10)).await.expect("a connection");
    for op in ops {
        match *op {
            Op::Read(n) => connection.send(&vec![0; n]).await.expect("a write"),
            Op::Write(n) => {
                let pdu = connection.receive().await.expect("octets").expect("octets");
                assert_eq!(pdu.len(), n);
            }
        }
    }
    connection.close().await;
}

/// What a server spent on its turns.
#[derive(Default)]
struct Cost {
    cpu_s: f64,
    wall: Duration,
}

impl Cost {
    /// Adds a turn of sessions, so many of them at a time.
    async fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        server: &Peer,
        at_a_time: usize,
        session: impl Fn() -> F + Clone + Send + 'static,
    ) {
        let (cpu, begun) = (server.cpu_s(), Instant::now());
        let mut lanes = tokio::task::JoinSet::new();
        for _ in 0..at_a_time {
            let session = session.clone();
            lanes.spawn(async move {
                for _ in 0..SESSIONS / at_a_time {
                    session().await;
                }
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane.expect("sessions");
        }
        self.cpu_s += server.cpu_s() - cpu;
        self.wall += begun.elapsed();
    }
}

async fn compare() {
    let groma = Peer::start("groma", "");
    let report = run(&options(&groma.address), |_| ()).await.expect("a session");
    assert!(report.succeeded(), "{}", report.verdict());
    let ops: Vec<Op> = report
        .found
        .steps
        .iter()
        .filter_map(|s| match (s.direction, s.bytes?) {
            (Direction::Sent, n) => Some(Op::Read(n)),
            (Direction::Received, n) => Some(Op::Write(n)),
            (Direction::Local, _) => None,
        })
        .collect();
    let mut script = String::new();
    for op in &ops {
        let (letter, n) = match op {
            Op::Read(n) => ('r', n),
            Op::Write(n) => ('w', n),
        };
        let _ = write!(script, "{}{letter}{n}", if script.is_empty() { "" } else { " " });
    }
    let bare_server = Peer::start("bare", &script);
    for _ in 0..50 {
        run(&options(&groma.address), |_| ()).await.expect("a session");
        bare(&bare_server.address, &ops).await;
    }
    println!(
        "\nOne MS-Based LPP session over TLS 1.3 (messages: {script}), {} sessions a row, by turns",
        SESSIONS * TURNS
    );
    println!(
        "{:<26} {:>18} {:>18} {:>8} {:>16} {:>16}",
        "sessions at a time", "groma CPU µs", "bare rustls CPU µs", "ratio", "groma wall µs", "bare wall µs"
    );
    for at_a_time in AT_A_TIME {
        let ops: Arc<[Op]> = ops.clone().into();
        let (mut with_groma, mut with_bare) = (Cost::default(), Cost::default());
        for _ in 0..TURNS {
            let address = groma.address.clone();
            with_groma
                .add(&groma, at_a_time, move || {
                    let address = address.clone();
                    async move {
                        let report = run(&options(&address), |_| ()).await.expect("a session");
                        assert!(report.succeeded(), "{}", report.verdict());
                    }
                })
                .await;
            let (address, ops) = (bare_server.address.clone(), Arc::clone(&ops));
            with_bare
                .add(&bare_server, at_a_time, move || {
                    let (address, ops) = (address.clone(), Arc::clone(&ops));
                    async move { bare(&address, &ops).await }
                })
                .await;
        }
        let ratio = with_groma.cpu_s / with_bare.cpu_s;
        let us = |s: f64| s / (SESSIONS * TURNS) as f64 * 1e6;
        println!(
            "{at_a_time:<26} {:>18.0} {:>18.0} {ratio:>8.2} {:>16.0} {:>16.0}",
            us(with_groma.cpu_s),
            us(with_bare.cpu_s),
            us(with_groma.wall.as_secs_f64()),
            us(with_bare.wall.as_secs_f64())
        );
    }
    println!("the aim is a ratio of at most {AIM}");
    groma.stop();
    bare_server.stop();
}
