//! Why a session with a server could not be held, and the exit code that says it to a shell.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What kept the handset from holding its session. A session that the server itself ended, with whatever status, is no
/// error but a [`super::Report`].
#[derive(Debug, thiserror::Error)]
pub enum HandsetError {
    /// The server's address does not read.
    #[error("`{0}` is not HOST:PORT, such as supl.example.net:7275 or [::1]:7275")]
    Address(String),
    /// The file of authorities does not read.
    #[error("cannot read the certificates in {}: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The file of authorities holds none.
    #[error("no certificate in {}", .0.display())]
    NoAuthorities(PathBuf),
    /// TLS could not be set up on our side.
    #[error("cannot set up TLS: {0}")]
    TlsSetup(rustls::Error),
    /// No connection.
    #[error("{}", connect_text(server, source))]
    Connect {
        /// Where.
        server: String,
        /// Why.
        source: io::Error,
    },
    /// No connection in time.
    #[error("{server} did not answer within {} s", limit.as_secs_f64())]
    ConnectTimeout {
        /// Where.
        server: String,
        /// The limit.
        limit: Duration,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {server} failed: {source}{}", tls_hint(source))]
    Tls {
        /// Where.
        server: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(io::Error),
    /// A message of ours cannot be coded: an option is outside what the protocol can say.
    #[error("cannot send {message}: {source}")]
    Encode {
        /// Its name.
        message: &'static str,
        /// Why.
        source: crate::wire::EncodeError,
    },
}

impl HandsetError {
    /// The process's exit code: 2 for a wrong option, 3 for a server that cannot be reached or spoken to.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Address(_)
            | Self::Authorities { .. }
            | Self::NoAuthorities(_)
            | Self::TlsSetup(_)
            | Self::Encode { .. } => 2,
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Tls { .. } | Self::Io(_) => 3,
        }
    }
}

fn connect_text(server: &str, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!(
                "nothing listens at {server} (connection refused); is the server running, and is the port right?"
            )
        }
        _ => format!("cannot connect to {server}: {source}"),
    }
}

/// What to try next, where the failure tells.
fn tls_hint(source: &io::Error) -> &'static str {
    let inner = source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(_)) => "; the port may carry plain ULP: try --plain",
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; the certificate is not signed by an authority in the --ca file for this name"
        }
        Some(rustls::Error::AlertReceived(_)) => "; the server refused our versions or suites",
        _ if source.kind() == io::ErrorKind::UnexpectedEof
            || source.kind() == io::ErrorKind::ConnectionReset =>
        {
            "; the port may carry plain ULP: try --plain"
        }
        _ => "",
    }
}
