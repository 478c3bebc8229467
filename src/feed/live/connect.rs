//! Connections to casters and servers.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::feed::FeedError;
use crate::feed::ntrip::{Body, CasterAddress, Credentials, Framing, Head, Refusal, read_head, request};

/// A connection in either direction, plain or encrypted.
pub(in crate::feed) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Why there is no connection, or no stream on it. No address with a password is in it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No route, no name, no trust.
    #[error("no connection: {0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// The host is no name that a certificate can be checked against.
    #[error("the host cannot be checked against a certificate")]
    Name,
    /// The caster does not give the stream.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It hung up in the middle of its answer.
    #[error("the caster hung up without an answer")]
    HungUp,
}

impl ConnectError {
    /// Whether asking again soon would be of no use.
    pub(in crate::feed) const fn hopeless(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Unauthorized | Refusal::NoSuchStream))
    }
}

/// Trust in the public authorities, or in those of a file alone.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(in crate::feed) fn trust(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, FeedError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let pem =
                std::fs::read(path).map_err(|source| FeedError::Read { path: path.to_owned(), source })?;
            let (added, _) =
                roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
            if added == 0 {
                return Err(FeedError::Authorities { path: path.to_owned() });
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| FeedError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Connects over TCP.
pub(in crate::feed) async fn tcp(authority: &str) -> Result<TcpStream, ConnectError> {
    let stream = TcpStream::connect(authority).await?;
    // A dead peer behind a firewall is noticed even where the stream is configured to be silent for long.
    let keep = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
    let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep);
    Ok(stream)
}

/// Connects to a caster, with TLS where its address says so.
async fn caster(
    address: &CasterAddress,
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Connection>, ConnectError> {
    let plain = tcp(&address.authority()).await?;
    if !address.tls {
        return Ok(Box::new(plain));
    }
    let name = ServerName::try_from(address.host.clone()).map_err(|_| ConnectError::Name)?;
    Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, plain).await?))
}

/// What to ask a caster for.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct Asked<'a> {
    pub(in crate::feed) caster: &'a CasterAddress,
    /// Empty for the list of streams.
    pub(in crate::feed) mountpoint: &'a str,
    pub(in crate::feed) credentials: Option<&'a Credentials>,
    pub(in crate::feed) version_1: bool,
    pub(in crate::feed) gga: Option<&'a str>,
}

/// An answer whose body is still to be read, except for what came with its head.
pub(in crate::feed) struct Answer {
    pub(in crate::feed) connection: Box<dyn Connection>,
    pub(in crate::feed) head: Head,
    pub(in crate::feed) early: Vec<u8>,
}

/// Asks a caster and reads the head of its answer.
pub(in crate::feed) async fn ask(
    asked: Asked<'_>,
    tls: &Arc<ClientConfig>,
    timeout: Duration,
) -> Result<Answer, ConnectError> {
    let answer = async {
        let mut connection = caster(asked.caster, tls).await?;
        let text = request(asked.caster, asked.mountpoint, asked.credentials, asked.version_1, asked.gga);
        connection.write_all(text.as_bytes()).await?;
        connection.flush().await?;
        let mut early = Vec::with_capacity(1024);
        loop {
            if let Some(head) = read_head(&early)? {
                early.drain(..head.length);
                return Ok(Answer { connection, head, early });
            }
            if connection.read_buf(&mut early).await? == 0 {
                return Err(ConnectError::HungUp);
            }
        }
    };
    match tokio::time::timeout(timeout, answer).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::Timeout(timeout.as_secs())),
    }
}

/// Largest list of streams, octets.
const MAX_LIST: usize = 8 << 20;

/// Asks a caster for its list of streams.
pub(in crate::feed) async fn list(
    caster: &CasterAddress,
    credentials: Option<&Credentials>,
    ca_file: Option<&Path>,
    timeout: Duration,
) -> Result<String, FeedError> {
    let tls = trust(ca_file)?;
    let asked = Asked { caster, mountpoint: "", credentials, version_1: false, gga: None };
    let failed = |source: ConnectError| FeedError::Connect { name: caster.to_string(), source };
    let Answer { mut connection, head, early } = ask(asked, &tls, timeout).await.map_err(failed)?;
    let mut body = Body::new(head.framing);
    let mut out = Vec::new();
    let read = async {
        let mut piece = early;
        loop {
            if body.unwrap(&piece, &mut out).is_err() || out.len() > MAX_LIST {
                return Err(ConnectError::Refused(Refusal::NotNtrip));
            }
            // Casters keep the connection open behind the list.
            if body.is_done() || has_end(&out) {
                return Ok(());
            }
            piece.clear();
            piece.reserve(1 << 14);
            match connection.read_buf(&mut piece).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // Many a caster ends a TLS connection without a farewell.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof && head.framing == Framing::Plain => {
                    return Ok(());
                }
                Err(e) => return Err(e.into()),
            }
        }
    };
    match tokio::time::timeout(timeout, read).await {
        Ok(result) => result.map_err(failed)?,
        Err(_) if out.is_empty() => return Err(failed(ConnectError::Timeout(timeout.as_secs()))),
        // What came is shown, and said to be incomplete.
        Err(_) => {}
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn has_end(out: &[u8]) -> bool {
    let tail = out.get(out.len().saturating_sub(64)..).unwrap_or_default();
    tail.windows(14).any(|w| w == b"ENDSOURCETABLE")
}
