//! Connections to the next node of a bearer, plain or by TLS.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection in either direction.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that comes about, or not.
pub(super) type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Opens a connection to one place, each time it is called.
pub(super) type Dial = Arc<dyn Fn() -> Dialling + Send + Sync>;

/// Dials `HOST:PORT` by TCP, and speaks TLS there where trust is given.
pub(super) fn dial(address: String, tls: Option<Arc<ClientConfig>>) -> Dial {
    Arc::new(move || {
        let (address, tls) = (address.clone(), tls.clone());
        Box::pin(async move { Ok(open(&address, tls.as_ref()).await?.0) })
    })
}

/// A connection to `HOST:PORT`, by TLS where trust is given, and its local end.
pub(super) async fn open(
    address: &str,
    tls: Option<&Arc<ClientConfig>>,
) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
    let plain = tcp(address).await?;
    let local = plain.local_addr()?;
    let stream = match tls {
        Some(tls) => secure(plain, address, tls).await?,
        None => Box::new(plain),
    };
    Ok((stream, local))
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no certificate.
    #[error("{}: no certificate in it (PEM is expected)", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls,
}

/// Trust in the public authorities, or in those of a file alone.
pub(super) fn trust(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let pem =
                std::fs::read(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
            let (added, _) =
                roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
            if added == 0 {
                return Err(TrustError::Empty { path: path.to_owned() });
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TrustError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The host of `HOST:PORT`, without the brackets of an IPv6 address; `None` when it is of another form.
pub(super) fn host(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok().filter(|p| *p != 0)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let fine = !host.is_empty() && host.len() <= 255 && host.bytes().all(|b| b.is_ascii_graphic());
    fine.then_some(host)
}

/// A TCP connection to `HOST:PORT`, which is probed by the system while it is silent.
async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let keep = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
    let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep);
    Ok(stream)
}

/// TLS over a connection to `HOST:PORT`.
async fn secure(stream: TcpStream, address: &str, tls: &Arc<ClientConfig>) -> io::Result<Box<dyn Stream>> {
    let name = host(address).and_then(|h| ServerName::try_from(h.to_owned()).ok());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_every_form() {
        assert_eq!(host("smsc.example.net:2775"), Some("smsc.example.net"));
        assert_eq!(host("[2001:db8::1]:2775"), Some("2001:db8::1"));
        for wrong in ["smsc.example.net", "smsc:0", "smsc:70000", ":1", "a b:1"] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn authorities_are_read_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, "no certificate").unwrap();
        assert!(matches!(trust(Some(&path)), Err(TrustError::Empty { .. })));
        assert!(matches!(trust(Some(&dir.path().join("none"))), Err(TrustError::Read { .. })));
        assert!(trust(None).is_ok());
    }
}
