//! Memory of idle sessions: opens TLS sessions on loopback and reads what each costs the server.
//!
//! `cargo bench --bench idle_sessions [-- COUNT]`. The server runs in a process of its own, so that the clients' memory is
//! not in the figure; what is measured is the growth of its resident memory (`VmRSS`), once with every handshake done and
//! nothing said, and once with every session waiting for SUPL POS INIT. Each process needs one file descriptor a session;
//! the soft limit is raised to the hard one, and fewer sessions are opened where that is not enough.

// What fails here is the measurement: it stops where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use groma::base::cell::{CellId, LocationId, NoCells, Plmn, ReferenceLocator};
use groma::base::time::Clock;
use groma::base::{SetId, SetSessionId};
use groma::gnss::SkySnapshot;
use groma::net::tls::{RustlsBackend, TlsBackend};
use groma::net::{Connection, Host, Limits, Listen, Listener, Parts, Server, World, new_session};
use groma::observe::trace::Tracer;
use groma::slc::{AccessCheck, PositionReport, SessionRecord, TrustEveryone};
use groma::wire::ulp::{PosProtocols, SessionIds, SetCapabilities, Start, UlpMessage, UlpPdu, Version};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What the project holds itself to, KiB a session.
const BASELINE_KIB: f64 = 40.0;
const COUNT: usize = 5000;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(),
        Some("measure") => measure(arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(COUNT)),
        count => {
            // A shell raises the limit of open files without help from any library.
            let count = count.and_then(|n| n.parse().ok()).unwrap_or(COUNT).to_string();
            let status = Command::new("sh")
                .args(["-c", "ulimit -n \"$(ulimit -Hn)\" 2>/dev/null; exec \"$0\" \"$@\""])
                .arg(std::env::current_exe().unwrap())
                .args(["measure", &count])
                .status()
                .unwrap();
            std::process::exit(status.code().unwrap_or(1));
        }
    }
}

struct Silent;

impl Host for Silent {
    fn position(&self, _: &Connection, _: PositionReport) {}
    fn ended(&self, _: &Connection, _: SessionRecord) {}
}

/// The server's process: says where it listens, then answers each line with its resident memory.
fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let data = std::env::temp_dir().join(format!("groma-idle-{}", std::process::id()));
        let tls = RustlsBackend::new(groma::net::tls::Config::default(), &data, vec![]).unwrap();
        let certificate = std::fs::read_to_string(data.join("tls/development-cert.pem")).unwrap();
        std::fs::remove_dir_all(&data).unwrap();
        let tls: Arc<dyn TlsBackend> = Arc::new(tls);
        let sessions =
            groma::slc::Config { st2_s: 600, session_cap_s: 7200, ..groma::slc::Config::default() };
        let cells: Box<dyn ReferenceLocator> = Box::new(NoCells);
        let access: Box<dyn AccessCheck> = Box::new(TrustEveryone);
        let day = Duration::from_hours(24);
        let server = Server::new(Parts {
            clock: Clock::system(),
            world: World {
                sky: Arc::new(ArcSwap::from_pointee(SkySnapshot::default())),
                cells: Arc::new(ArcSwap::from_pointee(cells)),
                access: Arc::new(ArcSwap::from_pointee(access)),
                policy: Arc::new(ArcSwap::from_pointee(sessions.resolve().unwrap())),
                memo: Arc::default(),
                orders: Arc::new(groma::slc::ni::NoOrders),
            },
            host: Arc::new(Silent),
            tracer: Tracer::new(groma::observe::trace::Config::default()),
            limits: Limits { max: 1_000_000, max_per_source: 1_000_000, silent: day, ..Limits::default() },
            new_machine: new_session,
        });
        let listen = [Listen { address: "127.0.0.1:0".parse().unwrap(), mode: groma::net::ListenMode::Auto }];
        let listener = Listener::bind_all(&listen, &tls).unwrap().remove(0);
        println!("{} {}", listener.address(), certificate.replace('\n', "|"));
        let running = tokio::spawn(listener.run(Arc::clone(&server)));
        tokio::task::spawn_blocking(|| {
            for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
                println!("{}", resident_kib());
            }
        })
        .await
        .unwrap();
        running.abort();
    });
    // Sessions that are open would be waited for.
    std::process::exit(0);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

struct ServerProcess {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ServerProcess {
    fn start() -> (Self, String, String) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, input, output };
        let line = process.line();
        let (address, certificate) = line.trim().split_once(' ').unwrap();
        (process, address.to_owned(), certificate.replace('|', "\n"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    fn resident_kib(&mut self) -> f64 {
        self.input.write_all(b"\n").unwrap();
        self.line().trim().parse().unwrap()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_message() -> Vec<u8> {
    let mut capabilities = SetCapabilities::default();
    capabilities.gps.ms_based = true;
    capabilities.protocols = PosProtocols { rrlp: true, lpp: true, ..PosProtocols::default() };
    let start = Start {
        capabilities,
        location_ids: vec![LocationId::serving(CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 })],
        qop: None,
        third_parties: 0,
        application: None,
        position: None,
    };
    let set = SetSessionId { id: 1, set_id: SetId::Imsi("001010000000001".parse().unwrap()) };
    UlpPdu::new(Version::V2, SessionIds { set: Some(set), slp: None }, UlpMessage::Start(Box::new(start)))
        .encode()
        .unwrap()
}

fn measure(wanted: usize) {
    let limit = groma::net::open_file_limit().map_or(wanted, |n| n.saturating_sub(100) as usize);
    let count = wanted.min(limit);
    if count < wanted {
        println!("only {count} sessions: this system allows {} open files", limit + 100);
    }
    let (mut server, address, certificate) = ServerProcess::start();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connect = async || {
            let tcp = TcpStream::connect(&address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap()
        };
        let message = start_message();
        // What the first connections allocate for good does not belong to any session.
        for _ in 0..50 {
            say(&mut connect().await, &message).await;
        }
        let empty = server.resident_kib();
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(connect().await);
        }
        // The last handshakes end on the server's side, too.
        tokio::time::sleep(Duration::from_millis(500)).await;
        report("handshake done, silent", (server.resident_kib() - empty) / count as f64);
        for stream in &mut open {
            say(stream, &message).await;
        }
        report("waiting for SUPL POS INIT", (server.resident_kib() - empty) / count as f64);
        println!("at {count} open TLS 1.3 sessions");
    });
}

async fn say(stream: &mut TlsStream<TcpStream>, message: &[u8]) {
    stream.write_all(message).await.unwrap();
    stream.flush().await.unwrap();
    let length = stream.read_u16().await.unwrap();
    let mut rest = vec![0; usize::from(length) - 2];
    stream.read_exact(&mut rest).await.unwrap();
}

fn report(what: &str, kib: f64) {
    let verdict = if kib <= BASELINE_KIB { "within" } else { "OVER" };
    println!("idle session, {what:<28} {kib:>7.1} KiB   baseline {BASELINE_KIB:.0} KiB   {verdict}");
}
