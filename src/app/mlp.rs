//! The MLP door, with the triggered requests and the reports behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::AppError;
use super::location::Ground;
use crate::base::Utc;
use crate::config::Config;
use crate::le::http::ListenerStatus;
use crate::le::mlp::client::Client;
use crate::le::mlp::door::{Door, Handshake, Parts, Secured, Tls};
use crate::le::mlp::outbox::Outbox;
use crate::net::Sniffed;
use crate::net::tls::{RustlsBackend, TlsBackend};

/// Protocols that are offered inside TLS.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The ports of the door, open and not yet served.
pub(super) struct Ports {
    plain: Vec<TcpListener>,
    secure: Vec<TcpListener>,
    /// Their addresses in fact: plain, then TLS.
    pub(super) addresses: (Vec<SocketAddr>, Vec<SocketAddr>),
}

impl Ports {
    pub(super) async fn bind(config: &Config) -> Result<Self, AppError> {
        let mut ports = Self { plain: Vec::new(), secure: Vec::new(), addresses: (Vec::new(), Vec::new()) };
        for address in &config.mlp.listen {
            let (listener, at) = bind(*address).await.map_err(|e| failed(*address, "mlp.listen", e))?;
            ports.plain.push(listener);
            ports.addresses.0.push(at);
        }
        for address in &config.mlp.listen_tls {
            let (listener, at) = bind(*address).await.map_err(|e| failed(*address, "mlp.listen_tls", e))?;
            ports.secure.push(listener);
            ports.addresses.1.push(at);
        }
        Ok(ports)
    }

    /// For the operator's page.
    pub(super) fn shown(&self) -> Vec<ListenerStatus> {
        let show = |what: &'static str| {
            move |at: &SocketAddr| ListenerStatus { address: at.to_string(), what: what.to_owned() }
        };
        let (plain, secure) = &self.addresses;
        plain.iter().map(show("MLP (HTTP)")).chain(secure.iter().map(show("MLP (HTTPS)"))).collect()
    }
}

async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match TcpListener::bind(address).await {
        // A machine without IPv6 still has all its IPv4 addresses.
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).await?
        }
        other => other?,
    };
    let at = listener.local_addr()?;
    Ok((listener, at))
}

fn failed(address: SocketAddr, key: &'static str, source: io::Error) -> AppError {
    AppError::Mlp { address, key, source }
}

/// TLS as the rooms below speak it, for a room that does not know them.
struct Acceptor(Arc<RustlsBackend>);

impl Tls for Acceptor {
    fn accept(&self, stream: TcpStream) -> Handshake {
        let tls = Arc::clone(&self.0);
        Box::pin(async move {
            let secured = tls.accept(Sniffed::fresh(stream)).await.map_err(|e| e.source)?;
            let names = secured.certificate.map(|c| c.names).unwrap_or_default();
            Ok(Secured { stream: Box::new(secured.stream), names })
        })
    }
}

/// The door while it is open.
pub(super) struct Mlp {
    pub(super) outbox: Outbox,
    pub(super) tls: Option<Arc<RustlsBackend>>,
    door: CancellationToken,
    background: CancellationToken,
    serving: JoinHandle<()>,
}

impl Mlp {
    /// Goes on with what is in the store, and takes requests.
    pub(super) async fn open(ground: &Ground<'_>, ports: Ports) -> Result<Self, AppError> {
        let config = ground.config;
        let (store, clock, background) = (Arc::clone(&ground.store), ground.clock, ground.background.clone());
        let metrics = Arc::clone(&ground.metrics);
        let section = |section, problem: String| AppError::Section { section, problem };
        let now: Arc<dyn Fn() -> Utc + Send + Sync> = Arc::new(move || clock.now().utc);
        let reports = config.mlp.reports.clone();
        let within = Duration::from_secs(reports.timeout_s.into());
        let client =
            Client::new(reports.ca.as_deref(), within).map_err(|e| section("mlp.reports", e.to_string()))?;
        let outbox = Outbox::open(
            reports,
            Arc::clone(&store),
            client,
            Arc::clone(&metrics),
            Arc::clone(&now),
            background.clone(),
        )
        .await?;
        let tls = if ports.secure.is_empty() {
            None
        } else {
            let mut wanted = config.mlp_tls.clone();
            if wanted.certificates.is_empty() {
                wanted.certificates.clone_from(&config.tls.certificates);
            }
            let names = vec![config.session.slp_address.clone()];
            let backend = RustlsBackend::new(wanted, &config.data, names)?.offering(&ALPN)?;
            Some(Arc::new(backend))
        };
        let door = Door::new(Parts {
            config: config.mlp.clone(),
            service: ground.service.clone(),
            triggers: ground.triggers.clone(),
            store,
            outbox: outbox.clone(),
            metrics,
            now,
            stop: background.clone(),
        });
        let stop = CancellationToken::new();
        let acceptor = tls.clone().map(|tls| Arc::new(Acceptor(tls)) as Arc<dyn Tls>);
        let running = door.run(ports.plain, ports.secure, acceptor, stop.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(%error, "the MLP door is closed");
            }
        });
        Ok(Self { outbox, tls, door: stop, background, serving })
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        self.door.cancel();
    }

    /// Waits until everybody has an answer, and what works in the background has stopped. What it was at goes on at the next
    /// start.
    pub(super) async fn closed(self) {
        self.close();
        let _ = self.serving.await;
        self.background.cancel();
        self.outbox.stopped().await;
    }
}
