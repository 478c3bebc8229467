//! The handset's connection: plain TCP or TLS, with the server's certificate checked or at least shown.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedCipherSuite};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::HandsetError;

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS, the newest version both sides speak or one only.
    Tls {
        /// PEM file of the authorities that may sign the server's certificate; without one any certificate is taken and
        /// its fingerprint reported.
        ca: Option<PathBuf>,
        /// The one version to speak.
        only: Option<TlsVersion>,
    },
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

/// What TLS settled on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsFacts {
    /// `TLSv1_3`, `TLSv1_2`.
    pub version: String,
    /// Cipher suite.
    pub suite: String,
    /// SHA-256 of the server's certificate, hexadecimal with colons.
    pub certificate_sha256: String,
    /// Whether the certificate was checked against an authority.
    pub verified: bool,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// An open connection that carries whole ULP PDUs.
pub struct Connection {
    stream: Box<dyn Duplex>,
    /// Received and not yet taken.
    buffer: Vec<u8>,
    tls: Option<TlsFacts>,
}

impl Connection {
    /// Connects to `HOST:PORT` within the limit.
    pub async fn open(server: &str, security: &Security, limit: Duration) -> Result<Self, HandsetError> {
        let host = host_of(server).ok_or_else(|| HandsetError::Address(server.to_owned()))?;
        let connecting = TcpStream::connect(server);
        let tcp = tokio::time::timeout(limit, connecting)
            .await
            .map_err(|_| HandsetError::ConnectTimeout { server: server.to_owned(), limit })?
            .map_err(|source| HandsetError::Connect { server: server.to_owned(), source })?;
        // One PDU is one segment; waiting for more would only delay it.
        tcp.set_nodelay(true).map_err(HandsetError::Io)?;
        let Security::Tls { ca, only } = security else {
            return Ok(Self { stream: Box::new(tcp), buffer: Vec::new(), tls: None });
        };
        let config = client_config(ca.as_deref(), *only)?;
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| HandsetError::Address(server.to_owned()))?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        let stream = tokio::time::timeout(limit, handshake)
            .await
            .map_err(|_| HandsetError::ConnectTimeout { server: server.to_owned(), limit })?
            .map_err(|source| HandsetError::Tls { server: server.to_owned(), source })?;
        let facts = tls_facts(stream.get_ref().1, ca.is_some());
        Ok(Self { stream: Box::new(stream), buffer: Vec::new(), tls: facts })
    }

    /// What TLS settled on; `None` when plain.
    pub const fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    /// Sends one PDU in one write.
    pub async fn send(&mut self, pdu: &[u8]) -> io::Result<()> {
        self.stream.write_all(pdu).await?;
        self.stream.flush().await
    }

    /// The next PDU; `None` when the peer has closed between two PDUs. May be dropped at any await without losing octets.
    pub async fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some([high, low]) = self.buffer.first_chunk() {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if length < 2 {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the peer sent a PDU of length zero",
                    ));
                }
                if self.buffer.len() >= length {
                    let rest = self.buffer.split_off(length);
                    return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
                }
            }
            let read = match self.stream.read_buf(&mut self.buffer).await {
                // A peer that closes without a TLS close_notify has still closed.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
                other => other?,
            };
            if read == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the peer closed in the middle of a PDU",
                    ))
                };
            }
        }
    }

    /// Closes; what the peer makes of it does not matter any more.
    pub async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

/// The host part of `HOST:PORT`, brackets of an IPv6 address taken off.
fn host_of(server: &str) -> Option<&str> {
    let (host, port) = server.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some(host)
}

fn client_config(ca: Option<&Path>, only: Option<TlsVersion>) -> Result<ClientConfig, HandsetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match only {
        None => rustls::ALL_VERSIONS,
        Some(TlsVersion::V1_2) => &[&rustls::version::TLS12],
        Some(TlsVersion::V1_3) => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(HandsetError::TlsSetup)?;
    let Some(path) = ca else {
        let any = Arc::new(AnyCertificate(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth());
    };
    let unreadable = |source| HandsetError::Authorities { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(HandsetError::TlsSetup)?;
    }
    if roots.is_empty() {
        return Err(HandsetError::NoAuthorities(path.to_owned()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn tls_facts(session: &rustls::ClientConnection, verified: bool) -> Option<TlsFacts> {
    let certificate = session.peer_certificates()?.first()?;
    Some(TlsFacts {
        version: session.protocol_version()?.as_str()?.to_owned(),
        suite: session.negotiated_cipher_suite()?.suite().as_str()?.to_owned(),
        certificate_sha256: fingerprint(&rustls::crypto::ring::default_provider(), certificate)?,
        verified,
    })
}

/// SHA-256 by the hash of the provider's own suites.
fn fingerprint(provider: &CryptoProvider, certificate: &CertificateDer<'_>) -> Option<String> {
    let hash = provider.cipher_suites.iter().find_map(|s| match s {
        SupportedCipherSuite::Tls13(s) if s.common.hash_provider.output_len() == 32 => {
            Some(s.common.hash_provider)
        }
        _ => None,
    })?;
    let mut text = String::new();
    for (i, octet) in hash.hash(certificate).as_ref().iter().enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        let _ = write!(text, "{colon}{octet:02X}");
    }
    Some(text)
}

/// Takes any certificate, as most handsets do; the handshake's signature is checked all the same, so that the fingerprint
/// shown is that of a key which the peer holds.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        assert_eq!(host_of("localhost:7275"), Some("localhost"));
        assert_eq!(host_of("[::1]:7275"), Some("::1"));
        assert_eq!(host_of("localhost"), None);
        assert_eq!(host_of(":7275"), None);
        assert_eq!(host_of("h:70000"), None);
    }

    #[tokio::test]
    async fn pdus_are_cut_by_their_length() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut c = Connection { stream: Box::new(near), buffer: Vec::new(), tls: None };
        far.write_all(&[0, 3, 9, 0, 4, 1]).await.unwrap();
        assert_eq!(c.receive().await.unwrap(), Some(vec![0, 3, 9]));
        far.write_all(&[2]).await.unwrap();
        assert_eq!(c.receive().await.unwrap(), Some(vec![0, 4, 1, 2]));
        far.write_all(&[0, 9]).await.unwrap();
        drop(far);
        assert_eq!(c.receive().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_length_of_zero_is_an_error_not_a_loop() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut c = Connection { stream: Box::new(near), buffer: Vec::new(), tls: None };
        far.write_all(&[0, 0, 0]).await.unwrap();
        assert_eq!(c.receive().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn refused_connections_say_so() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let opened =
            Connection::open(&format!("127.0.0.1:{port}"), &Security::Plain, Duration::from_secs(5)).await;
        let error = opened.err().unwrap();
        assert!(error.to_string().contains("nothing listens"), "{error}");
    }
}
