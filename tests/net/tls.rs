//! TLS: versions, certificates, clients' certificates.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use groma::net::tls::{ClientCertificates, Config, Fingerprint, MinVersion, TlsBackend, TlsVersion};
use groma::net::{ListenMode, Transport};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::SignatureScheme;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::script::{ECHO, END, LARGE, THRICE, WHO, pdu};
use super::support::{Client, Setup, ask, patiently, read_pdu, self_signed, write};

fn rsa() -> KeyPair {
    KeyPair::from_pem(include_str!("../fixtures/rsa-key.pem")).unwrap()
}

fn fingerprint(der: &[u8]) -> Fingerprint {
    Fingerprint::of(der)
}

#[tokio::test]
async fn one_port_takes_both_versions_and_plain() {
    let mut f = Setup::default().start();
    for (version, expected) in [(&TLS12, TlsVersion::Tls12), (&TLS13, TlsVersion::Tls13)] {
        let (mut c, _) = Client { versions: vec![version], ..Client::default() }.connect(&f).await;
        assert_eq!(ask(&mut c, &pdu(ECHO, b"x")).await, Some(pdu(ECHO, b"x")));
        drop(c);
        let connection = f.end().await.0;
        assert_eq!(connection.transport, Transport::Tls(expected));
        assert!(!connection.handshake.is_zero());
    }
    let mut c = f.connect().await;
    assert_eq!(ask(&mut c, &pdu(ECHO, b"x")).await, Some(pdu(ECHO, b"x")));
    drop(c);
    let connection = f.end().await.0;
    assert_eq!((connection.transport, connection.handshake), (Transport::Plain, Duration::ZERO));
    let n = f.server.counters();
    assert_eq!((n.sniffed_tls.get(), n.sniffed_plain.get(), n.tls12.get(), n.tls13.get()), (2, 1, 1, 1));
}

#[tokio::test]
async fn a_port_for_one_of_them_does_not_take_the_other() {
    let f = Setup { mode: ListenMode::Tls, ..Setup::default() }.start();
    let mut c = f.connect().await;
    write(&mut c, &pdu(ECHO, &[])).await;
    assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap_or(0), 0);
    let f = Setup { mode: ListenMode::Plain, ..Setup::default() }.start();
    assert!(Client::default().over(f.connect().await).await.is_err());
    assert_eq!(f.server.counters().sniff_refused.get(), 1);
}

#[tokio::test]
async fn no_tickets_unless_asked_for() {
    for (session_tickets, tickets) in [(false, 0), (true, 2)] {
        let tls = Config { session_tickets, ..Config::default() };
        let f = Setup { tls, ..Setup::default() }.start();
        let (mut c, _) = Client::default().connect(&f).await;
        ask(&mut c, &pdu(ECHO, &[])).await.unwrap();
        assert_eq!(c.get_ref().1.tls13_tickets_received(), tickets);
    }
}

#[tokio::test]
async fn tls_1_2_can_be_switched_off() {
    let f = Setup { tls: Config { min_version: MinVersion::Tls13, ..Config::default() }, ..Setup::default() }
        .start();
    let old = Client { versions: vec![&TLS12], ..Client::default() };
    assert!(old.over(f.connect().await).await.is_err());
    f.until("it is counted", |s| s.counters().tls_failed.get() == 1).await;
    Client::default().connect(&f).await;
}

#[tokio::test]
async fn octets_that_only_look_like_tls_are_counted_and_closed() {
    let f = Setup::default().start();
    let mut c = f.connect().await;
    write(&mut c, &[[0x16, 0x03, 0x01, 0x00, 0x20].as_slice(), &[0xff; 64]].concat()).await;
    let mut rest = Vec::new();
    let _ = patiently(c.read_to_end(&mut rest)).await;
    assert!(rest.is_empty() || rest[0] == 0x15, "nothing but an alert");
    f.until("it is counted", |s| s.counters().tls_failed.get() == 1 && s.open() == 0).await;
}

#[tokio::test]
async fn the_development_certificate_names_the_server_and_is_kept() {
    let f = Setup::default().start();
    let (_, certificate) = Client::default().connect(&f).await;
    let [info] = f.tls.certificates().try_into().unwrap();
    assert!(info.development && info.algorithm == "ECDSA");
    assert!(
        ["slp.example.net", "localhost", "127.0.0.1", "::1"]
            .iter()
            .all(|n| info.names.contains(&(*n).into()))
    );
    assert_eq!(fingerprint(&certificate), info.fingerprint);
    // It verifies as a client would verify it that was given it as its root.
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for name in ["slp.example.net", "localhost", "127.0.0.1"] {
        connector.connect(name.try_into().unwrap(), f.connect().await).await.unwrap();
    }
}

#[tokio::test]
async fn rsa_and_ecdsa_side_by_side_and_a_default_for_clients_without_sni() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = vec![
        self_signed(dir.path(), "rsa", &["slp.example.net"], &rsa()),
        self_signed(dir.path(), "ecdsa", &["slp.example.net"], &KeyPair::generate().unwrap()),
        self_signed(dir.path(), "other", &["other.example.net"], &KeyPair::generate().unwrap()),
    ];
    let f = Setup { tls: Config { certificates, ..Config::default() }, ..Setup::default() }.start();
    let infos = f.tls.certificates();
    let only_rsa = vec![SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
    for version in [&TLS12, &TLS13] {
        let any = Client { versions: vec![version], ..Client::default() };
        let rsa = Client { schemes: only_rsa.clone(), ..any.clone() };
        for (client, expected) in [
            (any.clone(), 1),
            (rsa.clone(), 0),
            (Client { name: None, ..any.clone() }, 1),
            (Client { name: None, ..rsa }, 0),
            (Client { name: Some("other.example.net"), ..any.clone() }, 2),
            (Client { name: Some("unknown.example.net"), ..any }, 1),
        ] {
            let (mut c, certificate) = client.connect(&f).await;
            assert_eq!(
                fingerprint(&certificate),
                infos[expected].fingerprint,
                "{:?} {version:?}",
                client.name
            );
            ask(&mut c, &pdu(END, &[])).await.unwrap();
        }
    }
}

#[tokio::test]
async fn certificates_change_under_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let files = self_signed(dir.path(), "a", &["slp.example.net"], &key);
    let tls = Config { certificates: vec![files.clone()], ..Config::default() };
    let f = Setup { tls, ..Setup::default() }.start();
    let (mut old, first) = Client::default().connect(&f).await;
    ask(&mut old, &pdu(ECHO, &[])).await.unwrap();

    self_signed(dir.path(), "a", &["slp.example.net"], &KeyPair::generate().unwrap());
    let infos = f.tls.reload().unwrap();
    let (_, second) = Client::default().connect(&f).await;
    assert_ne!(first, second);
    assert_eq!(fingerprint(&second), infos[0].fingerprint);
    assert!(ask(&mut old, &pdu(ECHO, &[])).await.is_some(), "a running connection goes on");

    std::fs::write(&files.key, "broken").unwrap();
    assert!(f.tls.reload().is_err());
    let (_, third) = Client::default().connect(&f).await;
    assert_eq!(second, third, "a reload that fails changes nothing");
}

/// A root and a certificate under it for the common name.
fn client_identity(name: &str) -> (String, Client) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(vec![]).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "handsets");
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let identity = Some((vec![certificate.der().clone()], Arc::new(key)));
    (root_pem, Client { identity, ..Client::default() })
}

async fn who(client: &Client, f: &super::support::Fixture) -> Option<Vec<u8>> {
    let (mut c, _) = client.over(f.connect().await).await.ok()?;
    ask_or_end(&mut c).await.map(|p| p[7..].to_vec())
}

async fn ask_or_end(c: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<Vec<u8>> {
    use tokio::io::AsyncWriteExt;
    let _ = c.write_all(&pdu(WHO, &[])).await;
    let _ = c.flush().await;
    read_pdu(c).await
}

#[tokio::test]
async fn certificates_of_clients_reach_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let (root, known) = client_identity("001010000000001");
    let (_, stranger) = client_identity("001010000000001");
    let client_ca = dir.path().join("ca.pem");
    std::fs::write(&client_ca, root).unwrap();
    for version in [&TLS12, &TLS13] {
        let versions = vec![version];
        let nobody = Client { versions: versions.clone(), ..Client::default() };
        let known = Client { versions: versions.clone(), ..known.clone() };
        let stranger = Client { versions, ..stranger.clone() };
        for (client_certificates, nobodys) in
            [(ClientCertificates::Optional, Some(b"nobody".to_vec())), (ClientCertificates::Required, None)]
        {
            let tls = Config { client_certificates, client_ca: Some(client_ca.clone()), ..Config::default() };
            let f = Setup { tls, ..Setup::default() }.start();
            assert_eq!(who(&known, &f).await, Some(b"001010000000001".to_vec()));
            assert_eq!(who(&nobody, &f).await, nobodys);
            assert_eq!(who(&stranger, &f).await, None);
        }
    }
    let missing = Config { client_certificates: ClientCertificates::Required, ..Config::default() };
    assert!(groma::net::tls::RustlsBackend::new(missing, dir.path(), vec![]).is_err());
}

/// Remembers what it read.
struct Tap<S>(S, Arc<Mutex<Vec<u8>>>);

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn each_message_is_one_record() {
    let f = Setup::default().start();
    let tapped = Arc::new(Mutex::new(Vec::new()));
    let (mut c, _) = Client::default().over(Tap(f.connect().await, Arc::clone(&tapped))).await.unwrap();
    tapped.lock().unwrap().clear();
    write(&mut c, &pdu(THRICE, b"abc")).await;
    for _ in 0..3 {
        read_pdu(&mut c).await.unwrap();
    }
    let large = ask(&mut c, &pdu(LARGE, &[])).await.unwrap();
    let octets = tapped.lock().unwrap().clone();
    let mut rest = octets.as_slice();
    let mut records = Vec::new();
    while let [kind, _, _, a, b, body @ ..] = rest {
        assert_eq!(*kind, 23);
        let len = usize::from(u16::from_be_bytes([*a, *b]));
        // The content type and the tag of TLS 1.3.
        records.push(len - 17);
        rest = &body[len..];
    }
    assert_eq!(records, [10, 10, 10, large.len()]);
}

#[tokio::test]
async fn a_client_that_closes_without_close_notify_is_no_error() {
    let mut f = Setup::default().start();
    let (mut c, _) = Client::default().connect(&f).await;
    ask(&mut c, &pdu(ECHO, &[])).await.unwrap();
    let (tcp, _) = c.into_inner();
    drop(tcp);
    f.end().await;
    assert_eq!(f.server.counters().vanished.get(), 0);
}

#[tokio::test]
async fn the_server_says_goodbye() {
    let limits = groma::net::Limits { linger: Duration::from_millis(50), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    for version in [&TLS12, &TLS13] {
        let (mut c, _) = Client { versions: vec![version], ..Client::default() }.connect(&f).await;
        ask(&mut c, &pdu(END, &[])).await.unwrap();
        // Without close_notify this would be an error.
        assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap(), 0);
    }
}
