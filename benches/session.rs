//! What a whole session costs the server: connect, TLS 1.3 handshake, every message of an MS-Based LPP session, close.
//!
//! The server runs in a process of its own, whose CPU time is read from `/proc`. Beside it, in the same run and by turns, a
//! bare rustls server does the same handshake with the same kind of certificate, reads the same PDUs and writes the octets
//! that were once recorded of the server, knowing nothing of what they mean. The handset at the other end is the same, does
//! the same work and takes the same room in the processor's caches, whichever server it talks to. The aim is a ratio of at
//! most 1.35.
//! One session at a time shows a server whose code is out of the caches at every message; many at a time, one at work.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groma::base::cell::{CellId, Plmn};
use groma::handset::{Goal, Options, Security, TlsVersion, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

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
enum Op {
    Read,
    Write(Vec<u8>),
}

/// The octets of a hexadecimal text.
fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}

async fn serve_bare() {
    let script = std::env::var(SCRIPT).expect("a script");
    let ops: Arc<[Op]> =
        script.split(' ').map(|op| if op == "r" { Op::Read } else { Op::Write(unhex(op)) }).collect();
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
                    match op {
                        Op::Read => {
                            let mut got = 0;
                            while got < 2 || got < length(&buffer) {
                                got += stream.read(&mut buffer[got..]).await.expect("octets");
                            }
                        }
                        Op::Write(octets) => {
                            stream.write_all(octets).await.expect("a write");
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

/// The length of the PDU that a buffer begins with.
fn length(buffer: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([buffer[0], buffer[1]]))
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

/// A session that must succeed.
async fn session(address: &str) {
    let report = run(&options(address), |_| ()).await.expect("a session");
    assert!(report.succeeded(), "{}", report.verdict());
}

/// A session of which every PDU is recorded: those of the handset as `r`, those of the server in hexadecimal digits.
async fn record(address: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("an address").to_string();
    let there = address.to_owned();
    let tape = tokio::spawn(async move {
        let (mut handset, _) = listener.accept().await.expect("a handset");
        let mut server = TcpStream::connect(there).await.expect("the server");
        let (mut script, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let (pdu, from_server) = tokio::select! {
                pdu = next_pdu(&mut handset) => (pdu, false),
                pdu = next_pdu(&mut server) => (pdu, true),
            };
            let Some(pdu) = pdu else { return (script.join(" "), sizes.join(" ")) };
            sizes.push(format!("{}{}", if from_server { 'w' } else { 'r' }, pdu.len()));
            if from_server {
                script.push(pdu.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}")));
                handset.write_all(&pdu).await.expect("a write");
            } else {
                script.push("r".to_owned());
                server.write_all(&pdu).await.expect("a write");
            }
        }
    });
    let options = Options { security: Security::Plain, ..options(&here) };
    let report = run(&options, |_| ()).await.expect("a session");
    assert!(report.succeeded(), "{}", report.verdict());
    tape.await.expect("a record")
}

/// The next PDU; nothing when the connection ends. The ends take turns, so one that begins comes whole.
async fn next_pdu(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut first = [0; 2];
    stream.peek(&mut first).await.ok().filter(|n| *n > 0)?;
    stream.read_exact(&mut first).await.ok()?;
    let mut pdu = vec![0; length(&first)];
    pdu[..2].copy_from_slice(&first);
    stream.read_exact(&mut pdu[2..]).await.ok()?;
    Some(pdu)
}

/// What a server spent on its turns.
#[derive(Default)]
struct Cost {
    cpu_s: f64,
    wall: Duration,
}

impl Cost {
    /// Adds a turn of sessions, so many of them at a time.
    async fn add(&mut self, server: &Peer, at_a_time: usize) {
        let (cpu, begun) = (server.cpu_s(), Instant::now());
        let mut lanes = tokio::task::JoinSet::new();
        for _ in 0..at_a_time {
            let address = server.address.clone();
            lanes.spawn(async move {
                for _ in 0..SESSIONS / at_a_time {
                    session(&address).await;
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
    let (script, sizes) = record(&groma.address).await;
    let bare = Peer::start("bare", &script);
    for _ in 0..50 {
        session(&groma.address).await;
        session(&bare.address).await;
    }
    println!(
        "\nOne MS-Based LPP session over TLS 1.3 (messages: {sizes}), {} sessions a row, by turns",
        SESSIONS * TURNS
    );
    println!(
        "{:<26} {:>18} {:>18} {:>8} {:>16} {:>16}",
        "sessions at a time", "groma CPU µs", "bare rustls CPU µs", "ratio", "groma wall µs", "bare wall µs"
    );
    for at_a_time in AT_A_TIME {
        let (mut with_groma, mut with_bare) = (Cost::default(), Cost::default());
        for _ in 0..TURNS {
            with_groma.add(&groma, at_a_time).await;
            with_bare.add(&bare, at_a_time).await;
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
    bare.stop();
}
