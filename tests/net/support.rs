//! A server on loopback with scripted sessions, and clients for it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groma::base::cell::{NoCells, ReferenceLocator};
use groma::base::time::Clock;
use groma::gnss::SkySnapshot;
use groma::net::tls::{self, RustlsBackend, TlsBackend};
use groma::net::{Connection, Host, Limits, Listen, ListenMode, Listener, NewMachine, Parts, Server, World};
use groma::observe::trace::Tracer;
use groma::slc::{AccessCheck, Policy, PositionReport, SessionRecord, TrustEveryone};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Far longer than anything takes that works.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Tells of every session's end.
struct Ends(mpsc::UnboundedSender<(Connection, SessionRecord)>);

impl Host for Ends {
    fn position(&self, _: &Connection, _: PositionReport) {}
    fn ended(&self, connection: &Connection, record: SessionRecord) {
        let _ = self.0.send((connection.clone(), record));
    }
}

pub(super) struct Fixture {
    pub(super) server: Arc<Server>,
    pub(super) tls: Arc<RustlsBackend>,
    pub(super) tracer: Arc<Tracer>,
    pub(super) address: SocketAddr,
    policy: Arc<ArcSwap<Policy>>,
    ends: mpsc::UnboundedReceiver<(Connection, SessionRecord)>,
    _data: tempfile::TempDir,
}

pub(super) struct Setup {
    pub(super) limits: Limits,
    pub(super) tls: tls::Config,
    pub(super) mode: ListenMode,
    pub(super) new_machine: NewMachine,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits { linger: Duration::from_millis(200), ..Limits::default() },
            tls: tls::Config::default(),
            mode: ListenMode::Auto,
            new_machine: super::script::machine,
        }
    }
}

impl Setup {
    pub(super) fn start(self) -> Fixture {
        let data = tempfile::tempdir().unwrap();
        let tls =
            Arc::new(RustlsBackend::new(self.tls, data.path(), vec!["slp.example.net".into()]).unwrap());
        let backend: Arc<dyn TlsBackend> = Arc::clone(&tls) as _;
        let (send, ends) = mpsc::unbounded_channel();
        let tracer = Tracer::new(groma::observe::trace::Config::default());
        let cells: Box<dyn ReferenceLocator> = Box::new(NoCells);
        let access: Box<dyn AccessCheck> = Box::new(TrustEveryone);
        let policy = Arc::new(ArcSwap::from_pointee(groma::slc::Config::default().resolve().unwrap()));
        let server = Server::new(Parts {
            clock: Clock::system(),
            world: World {
                sky: Arc::new(ArcSwap::from_pointee(SkySnapshot::default())),
                cells: Arc::new(ArcSwap::from_pointee(cells)),
                access: Arc::new(ArcSwap::from_pointee(access)),
                policy: Arc::clone(&policy),
                memo: Arc::default(),
                orders: Arc::new(groma::slc::ni::NoOrders),
            },
            host: Arc::new(Ends(send)),
            tracer: Arc::clone(&tracer),
            limits: self.limits,
            new_machine: self.new_machine,
        });
        let listen = [Listen { address: "127.0.0.1:0".parse().unwrap(), mode: self.mode }];
        let listener = Listener::bind_all(&listen, &backend).unwrap().remove(0);
        let address = listener.address();
        tokio::spawn(listener.run(Arc::clone(&server)));
        Fixture { server, tls, tracer, address, policy, ends, _data: data }
    }
}

impl Fixture {
    /// Settings of sessions that begin from now on.
    pub(super) fn set_policy(&self, config: &groma::slc::Config) {
        self.policy.store(Arc::new(config.resolve().unwrap()));
    }

    pub(super) async fn connect(&self) -> TcpStream {
        let stream = patiently(TcpStream::connect(self.address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The next session's end.
    pub(super) async fn end(&mut self) -> (Connection, SessionRecord) {
        patiently(self.ends.recv()).await.unwrap()
    }

    pub(super) async fn until(&self, what: &str, done: impl Fn(&Server) -> bool) {
        let wait = async {
            while !done(&self.server) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "never happened: {what}");
    }
}

pub(super) async fn patiently<T>(f: impl Future<Output = T>) -> T {
    timeout(PATIENCE, f).await.expect("took too long")
}

/// Reads one PDU; `None` at the end of the stream.
pub(super) async fn read_pdu(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    patiently(async {
        let mut head = [0; 2];
        if stream.read_exact(&mut head).await.is_err() {
            return None;
        }
        let mut pdu = head.to_vec();
        pdu.resize(usize::from(u16::from_be_bytes(head)), 0);
        stream.read_exact(&mut pdu[2..]).await.unwrap();
        Some(pdu)
    })
    .await
}

pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    patiently(async {
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
    })
    .await;
}

/// Sends a PDU and reads the answer.
pub(super) async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), pdu: &[u8]) -> Option<Vec<u8>> {
    write(stream, pdu).await;
    read_pdu(stream).await
}

/// A client of TLS, which takes any certificate and remembers it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) schemes: Vec<SignatureScheme>,
    pub(super) name: Option<&'static str>,
    pub(super) identity: Option<(Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>)>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            versions: rustls::ALL_VERSIONS.to_vec(),
            schemes: rustls::crypto::ring::default_provider()
                .signature_verification_algorithms
                .supported_schemes(),
            name: Some("slp.example.net"),
            identity: None,
        }
    }
}

#[derive(Debug)]
struct Remember {
    schemes: Vec<SignatureScheme>,
    seen: Arc<Mutex<Option<CertificateDer<'static>>>>,
}

impl ServerCertVerifier for Remember {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap() = Some(certificate.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

impl Client {
    /// Performs the handshake over a stream; gives the server's certificate, too.
    pub(super) async fn over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> std::io::Result<(TlsStream<S>, CertificateDer<'static>)> {
        let seen = Arc::new(Mutex::new(None));
        let verifier = Remember { schemes: self.schemes.clone(), seen: Arc::clone(&seen) };
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = self.name.is_some();
        let name = ServerName::try_from(self.name.unwrap_or("unnamed.example")).unwrap();
        let stream = patiently(TlsConnector::from(Arc::new(config)).connect(name, stream)).await?;
        let certificate = seen.lock().unwrap().take().unwrap();
        Ok((stream, certificate))
    }

    pub(super) async fn connect(&self, fixture: &Fixture) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
        self.over(fixture.connect().await).await.unwrap()
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server at {}", self.address)
    }
}

/// Writes a certificate and its key, signed by itself.
pub(super) fn self_signed(
    dir: &Path,
    stem: &str,
    names: &[&str],
    key: &rcgen::KeyPair,
) -> tls::CertificateFiles {
    let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(key).unwrap();
    let files = tls::CertificateFiles {
        chain: dir.join(format!("{stem}-cert.pem")),
        key: dir.join(format!("{stem}-key.pem")),
    };
    std::fs::write(&files.chain, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}
