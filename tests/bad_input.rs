//! Every kind of bad input, to the server as operators run it: the standard's answer where there is one, an end in bounded
//! time, a counter, one line in the log without the subscriber in it, and the next handset served as ever.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use groma::wire::ulp::{MessageKind, StatusCode, UlpMessage, UlpPdu, Version};
use socket2::SockRef;

use crate::net::sessions::start;
use crate::serve::Serving;

/// Longest wait for what the server is to do; its own limits are one second here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a bad peer does.
enum Step {
    Send(Vec<u8>),
    /// One octet at a time, forever, as long as the server listens.
    Dribble(Vec<u8>),
    /// Reads one PDU.
    Answer,
    CloseSending,
    Vanish,
}

struct Case {
    name: &'static str,
    steps: Vec<Step>,
    /// The status of SUPL END; without one the connection just ends.
    status: Option<StatusCode>,
    /// A metric that counts it.
    metric: &'static str,
    /// Words of its line in the log.
    line: &'static str,
}

/// A SUPL START cut to `octets`, with a length that says so.
fn shortened(octets: usize) -> Vec<u8> {
    let mut pdu = start(Version::V2);
    pdu.truncate(octets);
    pdu[..2].copy_from_slice(&(octets as u16).to_be_bytes());
    pdu
}

fn cases() -> Vec<Case> {
    use Step::{Answer, CloseSending, Dribble, Send, Vanish};
    let whole = || start(Version::V2);
    let part = || start(Version::V2)[..20].to_vec();
    let refused = r#""outcome":"refused""#;
    let case = |name, steps, status, metric, line| Case { name, steps, status, metric, line };
    let error = Some(StatusCode::ProtocolError);
    let bad_frames = "groma_supl_bad_frames_total";
    let slow = "groma_supl_slow_pdus_total";
    let by_status = r#"groma_session_status_total{status="protocolError"}"#;
    vec![
        case("oversized", vec![Send(vec![0x20, 0x00, 2, 0, 0])], error, bad_frames, refused),
        case("a length of nothing", vec![Send(vec![0, 0])], error, bad_frames, refused),
        case("another protocol", vec![Send(b"GET / HTTP/1.1\r\n\r\n".to_vec())], error, bad_frames, refused),
        case("truncated, with a true length", vec![Send(shortened(40))], error, by_status, refused),
        case("truncated, and then nothing", vec![Send(part())], error, slow, refused),
        case(
            "truncated, behind a good start",
            vec![Send(whole()), Answer, Send(part())],
            error,
            slow,
            refused,
        ),
        case("one octet at a time", vec![Dribble(vec![0; 2000])], error, slow, refused),
        case("half-closed in a message", vec![Send(part()), CloseSending], error, by_status, refused),
        case(
            "garbage",
            vec![Send([vec![0x00, 0x40, 2], vec![0xa5; 61]].concat())],
            error,
            by_status,
            refused,
        ),
        case(
            "an unknown version",
            vec![Send([vec![0x00, 0x40, 9], vec![0xa5; 61]].concat())],
            Some(StatusCode::VersionNotSupported),
            r#"groma_session_status_total{status="versionNotSupported"}"#,
            refused,
        ),
        case(
            "twice the same",
            vec![Send(whole()), Answer, Send(whole())],
            Some(StatusCode::UnexpectedMessage),
            r#"groma_session_status_total{status="unexpectedMessage"}"#,
            refused,
        ),
        case(
            "half-closed after a message",
            vec![Send(whole()), CloseSending, Answer],
            None,
            "groma_supl_connections_accepted_total",
            r#""outcome":"left""#,
        ),
        case(
            "gone in the middle",
            vec![Send(whole()), Answer, Vanish],
            None,
            "groma_supl_peers_vanished_total",
            r#""outcome":"left""#,
        ),
        case("silent", vec![], None, "groma_supl_silent_closed_total", "the peer never sent anything"),
        case(
            "no TLS after all",
            vec![Send([vec![0x16, 0x03, 1, 0, 0x40], vec![0xa5; 64]].concat())],
            None,
            "groma_supl_tls_handshakes_failed_total",
            "TLS handshake failed",
        ),
    ]
}

/// The next PDU; `None` at the end of the connection.
fn pdu(stream: &mut TcpStream) -> Option<UlpPdu> {
    let mut octets = vec![0; 2];
    match stream.read_exact(&mut octets) {
        Ok(()) => {}
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
        Err(e) => panic!("{e}"),
    }
    octets.resize(usize::from(u16::from_be_bytes([octets[0], octets[1]])), 0);
    stream.read_exact(&mut octets[2..]).expect("a whole PDU");
    Some(UlpPdu::decode(&octets).expect("a PDU"))
}

/// Plays the peer; gives the status of SUPL END, once the server has closed.
fn play(address: &str, steps: &[Step]) -> Option<StatusCode> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    for step in steps {
        match step {
            Step::Send(octets) => stream.write_all(octets).expect("sent"),
            Step::Dribble(octets) => {
                // The server may give up at any octet.
                stream.write_all(&[0x0f]).expect("sent");
                let mut writer = stream.try_clone().expect("a socket");
                let octets = octets.clone();
                std::thread::spawn(move || {
                    for octet in octets {
                        std::thread::sleep(Duration::from_millis(20));
                        if writer.write_all(&[octet]).is_err() {
                            return;
                        }
                    }
                });
            }
            Step::Answer => {
                let kind = pdu(&mut stream).expect("an answer").message.kind();
                assert_eq!(kind, MessageKind::Response);
            }
            Step::CloseSending => stream.shutdown(Shutdown::Write).expect("a socket"),
            Step::Vanish => {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
                return None;
            }
        }
    }
    let status = pdu(&mut stream).map(|pdu| match pdu.message {
        UlpMessage::End(end) => end.status.expect("a status"),
        other => panic!("{other:?}"),
    });
    if status.is_some() {
        assert!(pdu(&mut stream).is_none(), "nothing follows SUPL END");
    }
    status
}

/// The value of a metric, 0 when it is not there.
fn metric(server: &Serving, name: &str) -> f64 {
    let (_, text) = server.get("/metrics");
    text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0.0)
}

#[test]
fn each_is_answered_counted_and_logged_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = ["message_s=1", "silent_s=1", "linger_s=0", "max_message=4096"];
    let options = options.map(|o| format!("connections.{o}"));
    let mut more = vec!["-o", "feed=simulated"];
    more.extend(options.iter().flat_map(|o| ["-o", o.as_str()]));
    let server = Serving::start(dir.path(), &more);
    let address = server.listening("SUPL");
    for case in cases() {
        let (counted, logged) = (metric(&server, case.metric), server.log().lines().count());
        assert_eq!(play(&address, &case.steps), case.status, "{}", case.name);
        let began = Instant::now();
        while metric(&server, "groma_supl_connections_open") > 0.0
            || metric(&server, case.metric) == counted
            || server.log().lines().count() == logged
        {
            assert!(began.elapsed() < PATIENCE, "{}: {}", case.name, server.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = server.log();
        let lines: Vec<&str> = log.lines().skip(logged).collect();
        assert_eq!(lines.len(), 1, "{}: {lines:#?}", case.name);
        assert!(lines[0].contains(case.line) && lines[0].contains(r#""level":"INFO""#), "{}", lines[0]);
        assert!(!lines[0].contains("00101") && !lines[0].contains("0000000001"), "{}", lines[0]);
        // Nobody else is disturbed.
        let mut next = TcpStream::connect(&address).expect("a connection");
        next.set_read_timeout(Some(PATIENCE)).expect("a socket");
        next.write_all(&start(Version::V1)).expect("sent");
        assert_eq!(pdu(&mut next).expect("an answer").message.kind(), MessageKind::Response);
        drop(next);
        while server.log().lines().count() < logged + 2 {
            assert!(began.elapsed() < PATIENCE, "{}: {}", case.name, server.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
