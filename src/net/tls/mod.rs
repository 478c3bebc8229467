//! TLS: the seam behind which a back end sits, and the back end on rustls.
//!
//! rustls speaks TLS 1.2 and 1.3 and nothing older. Handsets of the 2010s need older versions; a back end for them fits
//! behind [`TlsBackend`], chosen listener by listener, and nothing else in the house would notice.

mod certificates;
mod development;
mod rustls_backend;
mod x509;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub use certificates::CertificateInfo;
pub use rustls_backend::RustlsBackend;

use super::sniff::Sniffed;
use crate::slc::ClientCertificate;

/// A byte stream, whatever is below it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of any back end.
pub type BoxedStream = Box<dyn Stream>;

/// A future of any back end.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One way to speak TLS.
pub trait TlsBackend: Send + Sync + fmt::Debug {
    /// Name for logs.
    fn name(&self) -> &'static str;

    /// Performs the server's side of the handshake. Time limits are the caller's.
    fn accept(&self, stream: Sniffed<TcpStream>) -> BoxFuture<'_, Result<Secured, HandshakeError>>;

    /// Reads certificates and keys anew; connections that exist keep what they have. On an error nothing changes.
    fn reload(&self) -> Result<Vec<CertificateInfo>, TlsError>;
}

/// A connection whose handshake is done.
pub struct Secured {
    /// Plain octets in and out. Shutting it down sends `close_notify`.
    pub stream: BoxedStream,
    /// What was agreed.
    pub version: TlsVersion,
    /// The client's certificate, verified, when it showed one.
    pub certificate: Option<ClientCertificate>,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct HandshakeError {
    /// The kind, for metrics.
    pub reason: HandshakeFailure,
    /// What the library says.
    pub source: io::Error,
}

/// Kinds of failed handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandshakeFailure {
    /// No version in common.
    Version,
    /// No cipher suite, group or kind of certificate in common.
    Cipher,
    /// The peer did not like the server's certificate, or the server not the client's.
    Certificate,
    /// The peer went away.
    Closed,
    /// It took too long.
    Timeout,
    /// Anything else: octets that are not TLS, for the most part.
    Other,
}

impl HandshakeFailure {
    /// Name for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Cipher => "cipher",
            Self::Certificate => "certificate",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// The name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// What the session machines are told of a client's certificate.
fn client_certificate(der: &[u8]) -> ClientCertificate {
    let names = x509::facts(der).map(|mut f| {
        f.common_names.append(&mut f.alternative_names);
        f.common_names
    });
    ClientCertificate { fingerprint: Fingerprint::of(der).0, names: names.unwrap_or_default() }
}

/// SHA-256 over a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a DER certificate.
    pub fn of(der: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        Self(out)
    }
}

impl fmt::Display for Fingerprint {
    /// As `openssl x509 -fingerprint -sha256` shows it: `AB:CD:…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, b) in self.0.iter().enumerate() {
            write!(f, "{}{b:02X}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Never asked for.
    #[default]
    Off,
    /// Asked for; a client without one is served, one with a bad one is not.
    Optional,
    /// Demanded.
    Required,
}

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 only.
    #[serde(rename = "1.3")]
    Tls13,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The server's certificate first, then those that lead to a root.
    pub chain: PathBuf,
    /// Its key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// TLS towards handsets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Certificates, RSA and ECDSA side by side if you have both. A client gets the one for the name that it asks for,
    /// of a kind that it can verify; the first ones are for clients that name nothing. Default: none, and then a
    /// development certificate (ECDSA P-256, signed by itself) is made at the first start and kept in the data folder.
    pub certificates: Vec<CertificateFiles>,
    /// Roots for the certificates of clients, PEM. Default: none.
    pub client_ca: Option<PathBuf>,
    /// Whether clients show certificates: "off", "optional" or "required". Default: "off".
    pub client_certificates: ClientCertificates,
    /// Whether sessions can be resumed by tickets. Default: false, because a ticket after the handshake breaks some
    /// clients in the field.
    pub session_tickets: bool,
    /// The oldest version spoken: "1.2" or "1.3". Default: "1.2".
    pub min_version: MinVersion,
}

/// Why TLS cannot be had as configured. All of these are the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no certificate or key in PEM.
    #[error("{path}: no {wanted} in PEM form found")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// Key and certificate do not belong together, or are of a kind that is not supported.
    #[error("{path}: {source}")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The development certificate cannot be made.
    #[error("cannot make a development certificate: {0}")]
    Development(#[from] rcgen::Error),
    /// Client certificates are asked for, but there is nothing to verify them with.
    #[error("client certificates are asked for, but `client_ca` names no file")]
    NoClientCa,
    /// The roots for client certificates cannot be used.
    #[error("{path}: {source}")]
    ClientCa {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::server::VerifierBuilderError,
    },
    /// The TLS library refuses the whole.
    #[error("TLS configuration: {0}")]
    Library(#[from] rustls::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_read_as_openssl_prints_them() {
        assert!(Fingerprint::of(b"x").to_string().starts_with("2D:71:16:42:"));
    }

    #[test]
    fn the_configuration_has_safe_defaults_and_knows_its_keys() {
        let c: Config = toml::from_str("").unwrap();
        assert!(!c.session_tickets && c.client_certificates == ClientCertificates::Off);
        let c: Config = toml::from_str("min_version = \"1.3\"\nclient_certificates = \"required\"").unwrap();
        assert_eq!((c.min_version, c.client_certificates), (MinVersion::Tls13, ClientCertificates::Required));
        assert!(toml::from_str::<Config>("tickets = true").is_err());
    }
}
