use std::fmt::Write as _;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::SetId;
use crate::wire::sip::Start;

fn config(proxy: SocketAddr, transport: Transport) -> Config {
    let msisdn = Some("sip:+{id}@ims.example.net;user=phone".to_owned());
    Config {
        proxy: proxy.to_string(),
        transport,
        from: "sip:slp@example.net".to_owned(),
        t1_ms: 50,
        uris: Uris { msisdn, ..Uris::default() },
        ..Config::default()
    }
}

fn parcel(octets: usize) -> Parcel {
    Parcel {
        identities: vec![SetId::Msisdn("447700900123".parse().unwrap())],
        ip: None,
        octets: Bytes::from(vec![0xff; octets]),
        emergency: true,
        deadline: Instant::now() + Duration::from_secs(20),
    }
}

/// A response to a request, with more header fields.
fn response(request: &Message, line: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut out = format!("SIP/2.0 {line}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let _ = write!(out, "{name}: {}\r\n", request.headers.first(name).unwrap());
    }
    for (name, value) in more {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    (out + "Content-Length: 0\r\n\r\n").into_bytes()
}

struct Proxy(UdpSocket);

impl Proxy {
    async fn new() -> (Self, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        (Self(socket), address)
    }

    async fn request(&self) -> (Message, SocketAddr) {
        let mut buffer = vec![0; 4000];
        let (n, from) = self.0.recv_from(&mut buffer).await.unwrap();
        (Message::parse(&buffer[..n]).unwrap(), from)
    }
}

fn push(config: Config, octets: usize) -> tokio::task::JoinHandle<Result<Carried, Failure>> {
    assert_eq!(config.check(), Ok(()));
    let sip = Sip::new(config).unwrap();
    tokio::spawn(async move { sip.carry(&parcel(octets)).await })
}

#[tokio::test]
async fn a_request_carries_the_octets_and_is_repeated_until_answered() {
    let (proxy, address) = Proxy::new().await;
    let carried = push(config(address, Transport::Udp), 40);
    let (first, from) = proxy.request().await;
    let (again, _) = proxy.request().await;
    assert_eq!(first, again);
    let uri = "sip:+447700900123@ims.example.net;user=phone".to_owned();
    assert_eq!(first.start, Start::Request { method: "MESSAGE".to_owned(), uri });
    assert_eq!(first.headers.first("Content-Type"), Some("application/vnd.omaloc-supl-init"));
    assert_eq!(first.headers.first("Priority"), Some("emergency"));
    assert_eq!(first.headers.cseq(), Some((1, "MESSAGE")));
    assert!(first.headers.branch().unwrap().starts_with("z9hG4bK"));
    assert_eq!(first.body, [0xff; 40]);
    // Noise, a response to something else, a provisional one, then the final one.
    proxy.0.send_to(b"noise", from).await.unwrap();
    let other =
        String::from_utf8(response(&first, "404 Not Found", &[])).unwrap().replace("z9hG4bK", "z9hG4bKx");
    proxy.0.send_to(other.as_bytes(), from).await.unwrap();
    proxy.0.send_to(&response(&first, "100 Trying", &[]), from).await.unwrap();
    proxy.0.send_to(&response(&first, "200 OK", &[]), from).await.unwrap();
    assert_eq!(carried.await.unwrap(), Ok(Carried::Confirmed));
}

#[tokio::test]
async fn a_challenge_is_answered_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "slp:se:same").unwrap();
    for (challenges, last, expected) in
        [(1, "202 Accepted", Ok(Carried::Accepted)), (2, "", Err(Failure::Unauthorized(407)))]
    {
        let (proxy, address) = Proxy::new().await;
        let settings =
            Config { credentials_file: Some(file.clone()), t1_ms: 5000, ..config(address, Transport::Udp) };
        let carried = push(settings, 40);
        for n in 0..challenges {
            let (request, from) = proxy.request().await;
            assert_eq!(request.headers.first("Proxy-Authorization").is_some(), n > 0);
            let challenge = [("Proxy-Authenticate", "Digest realm=\"ims\", nonce=\"n\", qop=\"auth\"")];
            proxy.0.send_to(&response(&request, "407 Proxy", &challenge), from).await.unwrap();
        }
        if !last.is_empty() {
            let (request, from) = proxy.request().await;
            assert_eq!(request.headers.cseq(), Some((2, "MESSAGE")));
            let given = request.headers.first("Proxy-Authorization").unwrap();
            assert!(given.contains("username=\"slp\"") && !given.contains("same"), "{given}");
            proxy.0.send_to(&response(&request, last, &[]), from).await.unwrap();
        }
        assert_eq!(carried.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_challenge_without_a_password_is_a_refusal() {
    let (proxy, address) = Proxy::new().await;
    let carried = push(config(address, Transport::Udp), 4);
    let (request, from) = proxy.request().await;
    let challenge = [("WWW-Authenticate", "Digest realm=\"ims\", nonce=\"n\"")];
    proxy.0.send_to(&response(&request, "401 Unauthorized", &challenge), from).await.unwrap();
    assert_eq!(carried.await.unwrap(), Err(Failure::Unauthorized(401)));
}

#[tokio::test]
async fn a_connection_carries_what_is_too_long_for_a_datagram() {
    for (transport, octets) in [(Transport::Tcp, 40), (Transport::Udp, 2000)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let carried = push(config(listener.local_addr().unwrap(), transport), octets);
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut framer = Framer::default();
        let request = loop {
            if let Some(m) = framer.next_message().unwrap() {
                break m;
            }
            let mut buffer = [0; 700];
            let n = stream.read(&mut buffer).await.unwrap();
            framer.push(&buffer[..n]);
        };
        assert_eq!(request.body.len(), octets);
        assert!(request.headers.first("Via").unwrap().starts_with("SIP/2.0/TCP 127.0.0.1:"));
        for line in ["100 Trying", "200 OK"] {
            stream.write_all(&response(&request, line, &[])).await.unwrap();
        }
        assert_eq!(carried.await.unwrap(), Ok(Carried::Confirmed));
    }
}

#[tokio::test]
async fn proxies_that_fail_fail_in_time() {
    // Nobody there.
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(push(config(gone, Transport::Udp), 4).await.unwrap(), Err(Failure::Down));
    assert_eq!(push(config(gone, Transport::Tcp), 4).await.unwrap(), Err(Failure::Down));
    // Silent.
    let (_proxy, address) = Proxy::new().await;
    let short = Config { timeout_s: 1, ..config(address, Transport::Udp) };
    assert_eq!(push(short, 4).await.unwrap(), Err(Failure::Unanswered));
    // Hangs up; speaks something else.
    for said in [&b""[..], b"HTTP/1.1 200 OK\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let carried = push(config(listener.local_addr().unwrap(), Transport::Tcp), 4);
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut sink = [0; 2000];
        assert!(stream.read(&mut sink).await.unwrap() > 0);
        stream.write_all(said).await.unwrap();
        drop(stream);
        let expected = if said.is_empty() { Failure::Down } else { Failure::Broken };
        assert_eq!(carried.await.unwrap(), Err(expected));
    }
}

#[test]
fn every_final_response_has_one_meaning() {
    assert_eq!(meaning(200), Ok(Carried::Confirmed));
    assert_eq!(meaning(202), Ok(Carried::Accepted));
    assert_eq!(meaning(404), Err(Failure::Unreachable(404)));
    assert_eq!(meaning(604), Err(Failure::Unreachable(604)));
    assert_eq!(meaning(503), Err(Failure::Congested));
    assert_eq!(meaning(408), Err(Failure::Temporary(408)));
    for code in [302, 403, 413, 415, 488, 603, 606] {
        assert!(!meaning(code).unwrap_err().passing(), "{code}");
    }
}

#[test]
fn identities_cannot_end_a_uri() {
    let uris =
        Uris { nai: Some("sip:{id}".to_owned()), ip: Some("sip:{id}:5060".to_owned()), ..Uris::default() };
    let of = |id| uris.of(&Parcel { identities: vec![id], ..parcel(1) });
    assert_eq!(of(SetId::Nai("me@example.net".parse().unwrap())).as_deref(), Some("sip:me@example.net"));
    assert_eq!(of(SetId::Nai("me@x SIP/2.0\r\nRoute: y".parse().unwrap())), None);
    assert_eq!(of(SetId::Ip("2001:db8::1".parse().unwrap())).as_deref(), Some("sip:[2001:db8::1]:5060"));
    assert_eq!(of(SetId::Imsi("001010000000001".parse().unwrap())), None);
}

#[test]
fn settings_are_checked() {
    let problem = |text: &str| toml::from_str::<Config>(text).unwrap().check().unwrap_err().to_string();
    assert_eq!(problem(""), "`sip.proxy` must be HOST:PORT");
    let proxy = "proxy = \"p:5060\"\n";
    assert!(problem(&format!("{proxy}from = \"slp\"")).starts_with("`sip.from` must be a URI"));
    let from = format!("{proxy}from = \"sip:slp@x\"\n");
    assert_eq!(problem(&from), "`sip.uris` is missing");
    let bad = format!("{from}[uris]\nnai = \"sip:<{{id}}>\"");
    assert!(problem(&bad).starts_with("`sip.uris.nai`"));
    let t1 = format!("{from}t1_ms = 1\n[uris]\nnai = \"sip:{{id}}\"");
    assert_eq!(problem(&t1), "`sip.t1_ms` must be between 50 and 5000");
}
