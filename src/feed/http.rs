//! Asking an archive over HTTP or HTTPS: conditional, bounded in size and time. Everything here blocks.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::FeedError;
use super::config::HttpConfig;
use super::schedule::{Question, Validators};

/// What an archive answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// New data, of this version.
    Data(Vec<u8>, Validators),
    /// What is known is the newest.
    Unchanged,
    /// There is nothing at that address.
    Missing,
}

/// Why a question failed. No address is in it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, no name, no trust, no answer in time.
    #[error("{}", describe(.0))]
    Transport(#[source] Box<ureq::Error>),
    /// The archive refused or failed.
    #[error("HTTP status {status}")]
    Status {
        /// Its status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than configured.
    #[error("the answer is larger than {most} bytes")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    Body(#[source] std::io::Error),
}

impl FetchError {
    /// When the archive wants to be asked again.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The text of an error of the HTTP library, without addresses, which may hold tokens.
fn describe(e: &ureq::Error) -> String {
    match e {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the address is not valid".to_owned(),
        ureq::Error::HostNotFound => "the name of the host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::TooManyRedirects => "too many redirects".to_owned(),
        ureq::Error::Io(e) => format!("no connection: {e}"),
        other => format!("{other}"),
    }
}

/// Asks one archive.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    agent: ureq::Agent,
    most: u64,
}

impl Fetcher {
    /// # Errors
    /// [`FeedError::Authorities`] when the configured certificates cannot be read.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, FeedError> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &config.ca_file {
            tls = tls.root_certs(authorities(path)?);
        }
        let agent = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(Duration::from_secs(config.timeout_s)))
            .timeout_connect(Some(Duration::from_secs(config.timeout_s.min(30))))
            .max_redirects(5)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .user_agent(concat!("groma/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, most: config.max_bytes })
    }

    /// Asks and reads the answer.
    pub(super) fn ask(&self, question: &Question) -> Result<Answer, FetchError> {
        let transport = |e| FetchError::Transport(Box::new(e));
        let mut request = self.agent.get(&question.url);
        if let Some(credentials) = &question.credentials {
            request = request.header(header::AUTHORIZATION, format!("Basic {credentials}"));
        }
        if let Some(etag) = &question.known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &question.known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        let mut response = request.call().map_err(transport)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Answer::Missing),
            status => {
                let retry_after = text(response.headers(), header::RETRY_AFTER)
                    .and_then(|s| s.parse().ok())
                    .map(Duration::from_secs);
                return Err(FetchError::Status { status: status.as_u16(), retry_after });
            }
        }
        let version = Validators {
            etag: text(response.headers(), header::ETAG),
            last_modified: text(response.headers(), header::LAST_MODIFIED),
        };
        let mut body = Vec::new();
        let reader = response.body_mut().as_reader();
        reader.take(self.most.saturating_add(1)).read_to_end(&mut body).map_err(FetchError::Body)?;
        if body.len() as u64 > self.most {
            return Err(FetchError::TooLarge { most: self.most });
        }
        Ok(Answer::Data(body, version))
    }
}

/// A header's text, if it is short enough to be sent back.
fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().filter(|t| t.len() <= 256).map(str::to_owned)
}

fn authorities(path: &Path) -> Result<RootCerts, FeedError> {
    let pem = std::fs::read(path).map_err(|source| FeedError::Read { path: path.to_owned(), source })?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(c)) => Some(c),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(FeedError::Authorities { path: path.to_owned() });
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
