//! TLS 1.2 and 1.3 on rustls and ring.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::{Certificates, Entry, roots_in};
use super::{
    BoxFuture, CertificateInfo, ClientCertificates, Config, HandshakeError, HandshakeFailure, MinVersion,
    Secured, TlsBackend, TlsError, TlsVersion, client_certificate, development,
};
use crate::net::sniff::Sniffed;

/// What a configuration came to.
struct Loaded {
    config: Arc<ServerConfig>,
    infos: Vec<CertificateInfo>,
}

/// The rustls back end. Its certificates are a snapshot that [`TlsBackend::reload`] swaps.
pub struct RustlsBackend {
    config: Config,
    /// Where a development certificate lies, and whom it names.
    development: (PathBuf, Vec<String>),
    /// Protocols offered inside (ALPN), the best first.
    protocols: Vec<Vec<u8>>,
    loaded: ArcSwap<Loaded>,
}

impl RustlsBackend {
    /// Loads certificates as configured or, where none are, the development certificate kept in `data_dir`, which names
    /// `names` (the server's domain names or addresses).
    pub fn new(config: Config, data_dir: &Path, names: Vec<String>) -> Result<Self, TlsError> {
        let development = (data_dir.join("tls"), names);
        let loaded = ArcSwap::from_pointee(load(&config, &development, &[])?);
        Ok(Self { config, development, protocols: Vec::new(), loaded })
    }

    /// The same, offering these protocols inside (ALPN), the best first. A client that offers none gets on without.
    pub fn offering(mut self, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        self.protocols = protocols.iter().map(|p| p.to_vec()).collect();
        self.reload()?;
        Ok(self)
    }

    /// The certificates in force.
    pub fn certificates(&self) -> Vec<CertificateInfo> {
        self.loaded.load().infos.clone()
    }
}

impl fmt::Debug for RustlsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsBackend")
            .field("certificates", &self.loaded.load().infos)
            .finish_non_exhaustive()
    }
}

impl TlsBackend for RustlsBackend {
    fn name(&self) -> &'static str {
        "rustls"
    }

    fn accept(&self, stream: Sniffed<TcpStream>) -> BoxFuture<'_, Result<Secured, HandshakeError>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.loaded.load().config));
        Box::pin(async move {
            let stream = acceptor.accept(stream).await.map_err(failed)?;
            let (_, session) = stream.get_ref();
            let version = match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
                _ => TlsVersion::Tls12,
            };
            let certificate =
                session.peer_certificates().and_then(|c| c.first()).map(|c| client_certificate(c));
            Ok(Secured { stream: Box::new(stream), version, certificate })
        })
    }

    fn reload(&self) -> Result<Vec<CertificateInfo>, TlsError> {
        let loaded = load(&self.config, &self.development, &self.protocols)?;
        let infos = loaded.infos.clone();
        self.loaded.store(Arc::new(loaded));
        Ok(infos)
    }
}

/// Sorts failures by what an operator would look at.
fn failed(source: io::Error) -> HandshakeError {
    use rustls::{AlertDescription as Alert, Error, PeerIncompatible as Incompatible};
    let reason = match source.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
        Some(
            Error::AlertReceived(Alert::ProtocolVersion)
            | Error::PeerIncompatible(
                Incompatible::Tls12NotOffered
                | Incompatible::Tls12NotOfferedOrEnabled
                | Incompatible::SupportedVersionsExtensionRequired,
            ),
        ) => HandshakeFailure::Version,
        Some(Error::PeerIncompatible(_) | Error::AlertReceived(Alert::HandshakeFailure)) => {
            HandshakeFailure::Cipher
        }
        Some(
            Error::InvalidCertificate(_)
            | Error::NoCertificatesPresented
            | Error::AlertReceived(
                Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::CertificateRequired,
            ),
        ) => HandshakeFailure::Certificate,
        Some(_) => HandshakeFailure::Other,
        None => HandshakeFailure::Closed,
    };
    HandshakeError { reason, source }
}

fn load(
    config: &Config,
    (dir, names): &(PathBuf, Vec<String>),
    protocols: &[Vec<u8>],
) -> Result<Loaded, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let entries = if config.certificates.is_empty() {
        let files = development::ensure(dir, names)?;
        vec![Entry::load(&files, &provider)?.into_development()]
    } else {
        config.certificates.iter().map(|files| Entry::load(files, &provider)).collect::<Result<_, _>>()?
    };
    let certificates = Certificates::new(entries, &provider);
    let infos = certificates.infos();
    let versions: &[_] = match config.min_version {
        MinVersion::Tls12 => &[&TLS12, &TLS13],
        MinVersion::Tls13 => &[&TLS13],
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    let builder = match client_verifier(config, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(Arc::new(certificates));
    if config.session_tickets {
        server.ticketer = rustls::crypto::ring::Ticketer::new()?;
    } else {
        server.send_tls13_tickets = 0;
    }
    server.alpn_protocols = protocols.to_vec();
    // Resumption rests on tickets or on nothing: a cache of sessions would cost memory for clients that never return.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Loaded { config: Arc::new(server), infos })
}

fn client_verifier(
    config: &Config,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>, TlsError> {
    if config.client_certificates == ClientCertificates::Off {
        return Ok(None);
    }
    let path = config.client_ca.as_ref().ok_or(TlsError::NoClientCa)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots_in(path)?), provider);
    let builder = match config.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map(Some).map_err(|source| TlsError::ClientCa { path: path.clone(), source })
}
