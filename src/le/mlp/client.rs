//! The client's side of HTTP: requests of `groma mlp`, and reports that are pushed to clients.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest answer that is read, octets.
const MAX_ANSWER: usize = 4 << 20;

/// Where documents are sent to: a URL of `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// A text that is no URL to which documents can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL such as https://client.example.net:8443/mlp")]
pub struct NotAUrl;

impl std::str::FromStr for Url {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let text = text.trim();
        if text.len() > 2000 {
            return Err(NotAUrl);
        }
        let uri: hyper::Uri = text.parse().map_err(|_| NotAUrl)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(NotAUrl),
        };
        let authority = uri.authority().ok_or(NotAUrl)?;
        // A user in the URL hides where it really leads.
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NotAUrl);
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let port = match authority.as_str().get(authority.host().len()..) {
            None | Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.strip_prefix(':').and_then(|p| p.parse().ok()).ok_or(NotAUrl)?,
        };
        let path = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
        Ok(Self { secure, host, port, path })
    }
}

impl Url {
    /// Host name or address, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is `https`.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Scheme, host and port: what may be shown.
    pub fn place(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{}]:{}", self.host, self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The whole URL.
impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.place(), self.path)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Content type, when it has one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection did not come about.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The server's certificate is not believed, or TLS failed otherwise.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// The name cannot be in a certificate.
    #[error("not a host name")]
    Name,
    /// HTTP failed.
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is too long, or broke off.
    #[error("the answer is too long or broke off")]
    Answer,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// Roots cannot be read.
    #[error("{path}: {problem}")]
    Roots {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The TLS library refuses.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Sends documents; cheap to clone.
#[derive(Clone)]
pub struct Client {
    tls: Arc<rustls::ClientConfig>,
    within: Duration,
}

impl Client {
    /// A client that believes servers whose certificates lead to the roots that browsers believe, or to those in the PEM
    /// file `roots`; each exchange takes so long at most.
    pub fn new(roots: Option<&std::path::Path>, within: Duration) -> Result<Self, ClientSetupError> {
        let mut store = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = roots {
            let problem = |problem: String| ClientSetupError::Roots { path: path.to_owned(), problem };
            let certificates = rustls::pki_types::CertificateDer::pem_file_iter(path);
            for certificate in certificates.map_err(|e| problem(e.to_string()))? {
                let certificate = certificate.map_err(|e| problem(e.to_string()))?;
                store.add(certificate).map_err(|e| problem(e.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), within })
    }

    /// POSTs a document. Redirections are not followed.
    pub async fn post(&self, url: &Url, body: Bytes) -> Result<Response, ClientError> {
        timeout(self.within, self.exchange(url, body)).await.map_err(|_| ClientError::Timeout)?
    }

    async fn exchange(&self, url: &Url, body: Bytes) -> Result<Response, ClientError> {
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(ClientError::Connect)?;
        let _ = stream.set_nodelay(true);
        if !url.secure {
            return speak(stream, url, body).await;
        }
        let name = ServerName::try_from(url.host.clone()).map_err(|_| ClientError::Name)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(ClientError::Tls)?;
        speak(stream, url, body).await
    }
}

async fn speak<S>(stream: S, url: &Url, body: Bytes) -> Result<Response, ClientError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut task = tokio::task::JoinSet::new();
    task.spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(url.path.as_str())
        .header(header::HOST, url.authority())
        .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
        .header(header::USER_AGENT, concat!("groma/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Full::new(body))
        .map_err(|_| ClientError::Name)?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let content_type =
        answer.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|_| ClientError::Answer)?.to_bytes();
    Ok(Response { status: StatusCode::as_u16(&status), content_type, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_those_that_hide_something_refused() {
        let url = |text: &str| text.parse::<Url>();
        let u = url("https://Client.example.net:8443/mlp?x=1").unwrap();
        assert_eq!((u.host(), u.is_secure()), ("client.example.net", true));
        assert_eq!(u.to_string(), "https://client.example.net:8443/mlp?x=1");
        assert_eq!(url("http://[::1]:80").unwrap().to_string(), "http://[::1]:80/");
        assert_eq!(url("http://a/b").unwrap().place(), "http://a:80");
        for bad in [
            "",
            "a",
            "/a",
            "ftp://a/",
            "file:///etc/passwd",
            "http://u:p@a/",
            "http://",
            "http://a:b/",
            "http:///x",
            "http://a b/",
        ] {
            assert_eq!(url(bad), Err(NotAUrl), "{bad}");
        }
    }
}
