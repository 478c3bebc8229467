//! SUPL INIT by real peers: an SMSC of npm's `smpp`, SIPp as the IMS core, and `tshark` to say what was on the wire.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use groma::base::SetId;
use groma::base::time::Clock;
use groma::net::push::{Attempted, Config, Pusher};
use groma::observe::Metrics;
use groma::service::{Delivered, Delivery, PushError};
use groma::slc::ni::{Order, Protection, SuplVersion, What, invite};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

const NUMBER: &str = "447700900123";
const PATIENCE: Duration = Duration::from_secs(20);

fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test}: {why}");
    eprintln!("skipped: {test}: {why}");
}

fn runs(program: &str, argument: &str) -> bool {
    let ran = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok()
}

fn peers(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file)
}

/// A SUPL INIT as the server makes it.
fn init(emergency: bool) -> Bytes {
    let policy = groma::slc::Config::default().resolve().unwrap();
    let order = Order {
        slp_session: [0xde, 0xad, 0xbe, 0xef],
        target: target(),
        alternatives: Vec::new(),
        version: SuplVersion::V2,
        what: What::Position,
        method: None,
        qop: None,
        notification: None,
        emergency,
        protection: Protection::Absent,
        area: None,
        velocity: false,
        deadline: Instant::now() + PATIENCE,
    };
    invite(&order, &policy).unwrap().octets.into()
}

fn target() -> SetId {
    SetId::Msisdn(NUMBER.parse().unwrap())
}

struct Tried {
    result: Result<Delivered, PushError>,
    /// Bearer and result of each attempt.
    attempts: Vec<(String, &'static str)>,
    took: Duration,
}

impl Tried {
    fn by(&self) -> &str {
        self.result.as_ref().map_or("nobody", |d| d.bearer.as_str())
    }
}

/// Delivers octets with this configuration.
async fn push(config: &str, octets: Bytes, ip: Option<IpAddr>, seconds: u64) -> Tried {
    let config: Config = toml::from_str(config).unwrap();
    config.check().unwrap();
    let stop = CancellationToken::new();
    let pusher = Pusher::start(&config, Clock::system(), Arc::new(Metrics::new()), stop.clone()).unwrap();
    let began = Instant::now();
    let delivery = Delivery {
        target: target(),
        alternatives: Vec::new(),
        ip,
        octets,
        emergency: false,
        deadline: began + Duration::from_secs(seconds),
    };
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&attempts);
    let show = move |a: Attempted<'_>| noted.lock().unwrap().push((a.bearer.to_owned(), a.result));
    let result = pusher.deliver_watched(delivery, show).await;
    let took = began.elapsed();
    stop.cancel();
    tokio::time::timeout(PATIENCE, pusher.stopped()).await.unwrap();
    let attempts = attempts.lock().unwrap().clone();
    Tried { result, attempts, took }
}

/// The SMSC, ended when it is dropped.
struct Smsc {
    child: Child,
    lines: mpsc::Receiver<Value>,
    port: u16,
    secret: tempfile::NamedTempFile,
}

impl Smsc {
    /// `None`, and said so, where there is no Node.js or no package.
    fn start(test: &str, mode: &str) -> Option<Self> {
        let packages = std::env::var_os("GROMA_PEERS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/node_modules"),
            |dir| PathBuf::from(dir).join("node_modules"),
        );
        if !runs("node", "--version") || !packages.join("smpp").is_dir() {
            skip(test, "npm's package smpp is not there: run tests/run");
            return None;
        }
        let mut child = Command::new("node")
            .arg(peers("smsc.js"))
            .arg(mode)
            .env("NODE_PATH", packages)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let first: Value = lines.recv_timeout(PATIENCE).unwrap();
        let port = first["port"].as_u64().unwrap() as u16;
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        secret.write_all(b"groma:sesame\n").unwrap();
        Some(Self { child, lines, port, secret })
    }

    fn config(&self, port: u16, more: &str) -> String {
        format!(
            "udp = {{ enabled = false }}\npause_ms = 100\n[smpp.peer]\naddress = \"127.0.0.1:{port}\"\n\
             credentials_file = \"{}\"\nconnect_s = 2\nresponse_s = 2\n{more}",
            self.secret.path().display()
        )
    }

    /// What it said since, of this kind.
    fn said(&self, key: &str) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(300)) {
            all.push(line);
        }
        all.retain(|l| l.get(key).is_some());
        all
    }
}

impl Drop for Smsc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_smsc_gets_the_init_and_its_receipt_counts() {
    let test = "a_real_smsc_gets_the_init_and_its_receipt_counts";
    for form in ["port", "wap-push", "wap-push-text"] {
        let Some(smsc) = Smsc::start(test, "deliver") else { return };
        let octets = init(false);
        let tried =
            push(&smsc.config(smsc.port, &format!("form = \"{form}\"")), octets.clone(), None, 20).await;
        assert_eq!(tried.result, Ok(Delivered { bearer: "smpp.peer".to_owned(), confirmed: true }));
        let said: Vec<Value> = smsc.lines.try_iter().collect();
        let line =
            |key: &str| said.iter().find(|l| l.get(key).is_some()).unwrap_or_else(|| panic!("{said:?}"));
        assert_eq!((&line("bind")["system_id"], &line("bind")["version"]), (&"groma".into(), &0x34.into()));
        let sms = line("to");
        assert_eq!((&sms["to"], &sms["ton"], &sms["npi"]), (&NUMBER.into(), &1.into(), &1.into()));
        assert_eq!(
            (&sms["esm_class"], &sms["data_coding"], &sms["registered"]),
            (&0x40.into(), &4.into(), &1.into())
        );
        let (udh, headers): (&str, Vec<u8>) = match form {
            "port" => ("05041c6b1c6b", Vec::new()),
            "wap-push" => ("05040b8423f0", vec![0x06, 0x06, 0x03, 0x02, 0x03, 0x12, 0xaf, 0x90]),
            _ => {
                let text = b"\x06\x3bapplication/vnd.omaloc-supl-init\0\xafx-oma-application:ulp.ua\0";
                ("05040b8423f0", text.to_vec())
            }
        };
        assert!(sms["udh"].as_str().unwrap().ends_with(udh), "{sms}");
        let expected = hex(&[&headers[..], &octets].concat());
        let message = sms["message"].as_str().unwrap();
        // A WSP transaction number may stand before the headers.
        assert!(message.ends_with(&expected) && message.len() <= expected.len() + 2, "{message} {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_one_message_comes_in_pieces() {
    let test = "what_does_not_fit_one_message_comes_in_pieces";
    let Some(smsc) = Smsc::start(test, "deliver") else { return };
    let octets: Vec<u8> = (0..=255).cycle().take(300).collect();
    let tried = push(&smsc.config(smsc.port, ""), octets.clone().into(), None, 20).await;
    assert_eq!(tried.by(), "smpp.peer");
    let pieces = smsc.said("message");
    let whole: String = pieces.iter().map(|p| p["message"].as_str().unwrap()).collect();
    assert_eq!((pieces.len(), whole), (3, hex(&octets)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_smsc_that_throttles_is_given_time() {
    let test = "an_smsc_that_throttles_is_given_time";
    let Some(smsc) = Smsc::start(test, "throttle") else { return };
    let tried = push(&smsc.config(smsc.port, ""), init(false), None, 20).await;
    assert_eq!(tried.by(), "smpp.peer");
    // 200, 400 and 800 ms.
    assert!(tried.took >= Duration::from_millis(1400), "{:?}", tried.took);
    assert_eq!(smsc.said("message").len(), 4);
}

/// Each fault of an SMSC, and the next bearer, which is UDP to a socket of the test.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_smsc_does_the_next_bearer_gets_its_turn() {
    let test = "whatever_the_smsc_does_the_next_bearer_gets_its_turn";
    let octets = init(false);
    for (mode, word) in [
        ("undeliverable", "unreachable"),
        ("silent", "unanswered"),
        ("refuse", "unauthorized"),
        ("hang-up", "down"),
        ("garbage", "broken"),
        ("gone", "down"),
    ] {
        let Some(smsc) = Smsc::start(test, if mode == "gone" { "silent" } else { mode }) else { return };
        let port = if mode == "gone" {
            std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
        } else {
            smsc.port
        };
        let handset = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let udp = format!(
            "order = [\"smpp.peer\", \"udp\"]\nrounds = 1\n[udp]\nport = {}\ntimes = 1\npause_ms = 50\n",
            handset.local_addr().unwrap().port()
        );
        let config = smsc.config(port, "").replace("udp = { enabled = false }\npause_ms = 100\n", &udp);
        let tried = push(&config, octets.clone(), Some(Ipv4Addr::LOCALHOST.into()), 12).await;
        assert_eq!(tried.attempts, [("smpp.peer".to_owned(), word), ("udp".to_owned(), "sent")], "{mode}");
        assert_eq!(tried.by(), "udp", "{mode}");
        assert!(tried.took < Duration::from_secs(8), "{mode}: {:?}", tried.took);
        let mut got = [0; 2000];
        let n = handset.try_recv(&mut got).unwrap();
        assert_eq!(got[..n], octets[..], "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_next_bearer_the_fault_is_told() {
    let test = "without_a_next_bearer_the_fault_is_told";
    for (mode, error) in [("undeliverable", PushError::Unreachable), ("refuse", PushError::Failed)] {
        let Some(smsc) = Smsc::start(test, mode) else { return };
        let tried = push(&smsc.config(smsc.port, ""), init(false), None, 12).await;
        assert_eq!(tried.result, Err(error), "{mode}");
        assert!(tried.took < Duration::from_secs(6), "{mode}: {:?}", tried.took);
    }
}

/// SIPp takes the MESSAGE after its own check of the digest; with a wrong password it does not.
#[tokio::test(flavor = "multi_thread")]
async fn sipp_takes_the_message_after_its_challenge() {
    let test = "sipp_takes_the_message_after_its_challenge";
    if !runs("sipp", "-v") {
        return skip(test, "SIPp is not installed (Debian package sip-tester)");
    }
    for (transport, password) in [("udp", "sesame"), ("tcp", "sesame"), ("udp", "wrong")] {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut core = Command::new("sipp")
            .arg("-sf")
            .arg(peers("sip-uas.xml"))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin"])
            .args(["-t", if transport == "tcp" { "t1" } else { "u1" }])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, format!("slp:{password}")).unwrap();
        let config = format!(
            "udp = {{ enabled = false }}\nrounds = 10\npause_ms = 50\n[sip]\nproxy = \"127.0.0.1:{port}\"\n\
             transport = \"{transport}\"\nfrom = \"sip:slp@example.net\"\ncredentials_file = \"{}\"\nuris.msisdn = \
             \"sip:+{{id}}@ims.example.net;user=phone\"",
            secret.display()
        );
        let tried = push(&config, init(true), None, 20).await;
        if password == "sesame" {
            let expected = Delivered { bearer: "sip".to_owned(), confirmed: true };
            assert_eq!(tried.result, Ok(expected), "{transport} {:?}", tried.attempts);
            let code = tokio::task::spawn_blocking(move || core.wait().unwrap()).await.unwrap();
            assert!(code.success(), "SIPp: {code}");
        } else {
            assert_eq!(tried.result, Err(PushError::Failed));
            assert_eq!(tried.attempts.last().unwrap().1, "unauthorized");
            let _ = core.kill();
            let _ = core.wait();
        }
    }
}

/// A capture of raw IPv4 packets.
struct Capture(Vec<u8>);

impl Capture {
    fn new() -> Self {
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(65_535_u32.to_le_bytes());
        file.extend(101_u32.to_le_bytes());
        Self(file)
    }

    fn packet(&mut self, protocol: u8, segment: &[u8]) {
        let length = 20 + segment.len();
        self.0.extend([0; 8]);
        self.0.extend((length as u32).to_le_bytes());
        self.0.extend((length as u32).to_le_bytes());
        self.0.extend([0x45, 0]);
        self.0.extend((length as u16).to_be_bytes());
        self.0.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        self.0.extend(segment);
    }

    fn udp(&mut self, port: u16, data: &[u8]) {
        let length = (8 + data.len()) as u16;
        let header = [40_000_u16, port, length, 0].map(u16::to_be_bytes).concat();
        self.packet(17, &[&header, data].concat());
    }

    /// One direction of a connection, in a row.
    fn tcp(&mut self, port: u16, data: &[u8]) {
        let mut sequence = 1_u32;
        for piece in data.chunks(1400) {
            let mut header = [40_000_u16, port].map(u16::to_be_bytes).concat();
            header.extend(sequence.to_be_bytes());
            header.extend([0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
            self.packet(6, &[&header, piece].concat());
            sequence += piece.len() as u32;
        }
    }

    /// What `tshark` makes of it.
    fn dissect(self, options: &[&str]) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&self.0).unwrap();
        let output =
            Command::new("tshark").arg("-r").arg(file.path()).args(options).arg("-V").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Passes a connection on and keeps what the client sent.
async fn tap(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(to).await.unwrap();
        let (mut near_in, mut near_out) = near.into_split();
        let (mut far_in, mut far_out) = far.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await });
        let mut buffer = [0; 4096];
        while let Ok(n) = near_in.read(&mut buffer).await
            && n > 0
        {
            keep.lock().unwrap().extend(&buffer[..n]);
            far_out.write_all(&buffer[..n]).await.unwrap();
        }
    });
    (address, kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn tshark_dissects_what_the_bearers_send() {
    let test = "tshark_dissects_what_the_bearers_send";
    if !runs("tshark", "--version") {
        return skip(test, "tshark is not installed");
    }
    let octets = init(false);
    // UDP.
    let handset = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = format!("[udp]\nport = {}\ntimes = 1\npause_ms = 50", handset.local_addr().unwrap().port());
    assert_eq!(push(&config, octets.clone(), Some(Ipv4Addr::LOCALHOST.into()), 5).await.by(), "udp");
    let mut got = [0; 2000];
    let n = handset.try_recv(&mut got).unwrap();
    let mut capture = Capture::new();
    capture.udp(7275, &got[..n]);
    let text = capture.dissect(&[]);
    assert!(text.contains("msSUPLINIT") && text.contains("deadbeef"), "{text}");
    assert!(!text.to_lowercase().contains("malformed"), "{text}");

    // SMPP with WAP push: down to the SUPL INIT in the push.
    let Some(smsc) = Smsc::start(test, "deliver") else { return };
    for form in ["wap-push", "wap-push-text", "port"] {
        let (address, kept) = tap(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), smsc.port)).await;
        let config = smsc.config(address.port(), &format!("form = \"{form}\""));
        assert_eq!(push(&config, octets.clone(), None, 20).await.by(), "smpp.peer");
        let mut capture = Capture::new();
        capture.tcp(2775, &kept.lock().unwrap());
        let text = capture.dissect(&["-d", "tcp.port==2775,smpp"]);
        for words in ["Bind_transceiver", "Submit_sm", "Deliver_sm - resp", "Unbind"] {
            assert!(text.contains(words), "{form}: {words}\n{text}");
        }
        // tshark knows the texts; of the numbers that devices know as well it shows the values.
        let words: &[&str] = match form {
            "wap-push" => &["PDU Type: Push", "identifier 0x312", "X-Wap-Application-Id", "identifier 0x10"],
            "wap-push-text" => &["application/vnd.omaloc-supl-init", "ulp.ua", "msSUPLINIT", "deadbeef"],
            _ => &["Destination port", "7275"],
        };
        for word in words {
            assert!(text.contains(word), "{form}: {word}\n{text}");
        }
        assert!(!text.to_lowercase().contains("malformed"), "{form}\n{text}");
    }
}
