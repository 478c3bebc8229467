//! Listeners: sockets, the accept loop, and a connection's way to its driver.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::config::{Listen, ListenMode};
use super::driver;
use super::limits::{Permit, Refusal};
use super::server::{Admission, Connection, Server, Transport};
use super::sniff::{Opening, Sniffed, sniff};
use super::tls::{BoxedStream, HandshakeError, HandshakeFailure, Secured, TlsBackend, TlsVersion};
use crate::slc::{ClientCertificate, PeerIdentity};

/// Connections that the operating system may hold for the accept loop.
const BACKLOG: i32 = 1024;
/// Shortest and longest pause after a failure of accept.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// The runtime wakes a sleeping thread for every timer that is due before all others. Each message of a session sets one, and
/// with nothing else due earlier each would cost a system call and a change of threads: so something always is.
const PULSE: Duration = Duration::from_millis(500);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (listen): {source}{}", way_out(source))]
pub struct BindError {
    /// Which.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// What the operator can do when a port cannot be opened, to stand behind the reason.
pub fn way_out(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program has this port: stop that one, or choose another in the configuration"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        io::ErrorKind::PermissionDenied => "; only root may open this port: choose one above 1023",
        _ => "",
    }
}

/// An open port.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    mode: ListenMode,
    address: SocketAddr,
    tls: Arc<dyn TlsBackend>,
}

impl Listener {
    /// Opens all the ports of a configuration, or none. TLS is spoken by `tls` on each of them.
    pub fn bind_all(list: &[Listen], tls: &Arc<dyn TlsBackend>) -> Result<Vec<Self>, BindError> {
        let one = |l: &Listen| {
            let v4_apart = list.iter().any(|o| o.address.is_ipv4() && o.address.port() == l.address.port());
            Self::bind(l, v4_apart, Arc::clone(tls))
                .map_err(|source| BindError { address: l.address, source })
        };
        list.iter().map(one).collect()
    }

    fn bind(listen: &Listen, v4_apart: bool, tls: Arc<dyn TlsBackend>) -> io::Result<Self> {
        let tcp = match open(listen.address, v4_apart) {
            // A machine without IPv6 still has all its IPv4 addresses.
            Err(_) if listen.address.is_ipv6() && listen.address.ip().is_unspecified() && !v4_apart => {
                open((Ipv4Addr::UNSPECIFIED, listen.address.port()).into(), false)?
            }
            other => other?,
        };
        Ok(Self { address: tcp.local_addr()?, tcp, mode: listen.mode, tls })
    }

    /// The address in fact, with the port that the system chose where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it takes.
    pub const fn mode(&self) -> ListenMode {
        self.mode
    }

    /// Accepts connections until the server has stopped; while it drains, they are accepted to be refused.
    pub async fn run(self, server: Arc<Server>) {
        let mut pause = PAUSE.0;
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                () = server.stop.cancelled() => return,
                accepted = self.tcp.accept() => accepted,
                _ = pulse.tick() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = PAUSE.0;
                    self.take(&server, stream, peer);
                }
                Err(e) if concerns_one_connection(&e) => server.counters.accept_errors.inc(),
                // Out of file descriptors, most likely: those of others come back as their connections end.
                Err(e) => {
                    server.counters.accept_errors.inc();
                    tracing::warn!(address = %self.address, error = %e, "cannot accept connections");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    fn take(&self, server: &Arc<Server>, stream: TcpStream, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let permit = match server.admission.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(Refusal::Total) => return server.counters.refused_total.inc(),
            Err(Refusal::Source) => return server.counters.refused_source.inc(),
        };
        server.counters.accepted.inc();
        let arrival = Arrival {
            server: Arc::clone(server),
            tls: Arc::clone(&self.tls),
            mode: self.mode,
            peer,
            local: stream.local_addr().unwrap_or(self.address),
            permit,
        };
        server.tasks.spawn(arrival.serve(stream));
    }
}

fn open(address: SocketAddr, v6_only: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn concerns_one_connection(e: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        e.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused | Kind::Interrupted
    )
}

/// A connection just accepted.
struct Arrival {
    server: Arc<Server>,
    tls: Arc<dyn TlsBackend>,
    mode: ListenMode,
    peer: SocketAddr,
    local: SocketAddr,
    permit: Permit,
}

/// What a session is carried over.
struct Carrier {
    transport: Transport,
    stream: BoxedStream,
    certificate: Option<ClientCertificate>,
    handshake: Duration,
}

impl Arrival {
    async fn serve(self, stream: TcpStream) {
        let server = Arc::clone(&self.server);
        let _open = server.counters.open.hold();
        let silent = server.counters.silent.hold();
        let id = server.next_connection();
        let opened = server.now();
        self.prepare(&stream);
        let Some(Carrier { transport, stream, certificate, handshake }) = self.secure(id, stream).await
        else {
            return;
        };
        let connection = Connection { id, peer: self.peer, local: self.local, transport, handshake, opened };
        let identity = PeerIdentity { ip: self.peer.ip(), certificate };
        let over_limit = self.permit.is_in_reserve();
        let admission = if over_limit || server.is_draining() { Admission::Refuse } else { Admission::Serve };
        driver::converse(Arc::clone(&server), stream, connection, identity, admission, silent).await;
    }

    fn prepare(&self, stream: &TcpStream) {
        // Neither failing is a reason not to serve.
        let _ = stream.set_nodelay(true);
        if let Some(idle) = self.server.limits.keepalive {
            let probes = TcpKeepalive::new().with_time(idle).with_interval(idle / 4 + Duration::from_secs(1));
            let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
        }
    }

    /// Looks at the first octets and performs the handshake they ask for. `None` when there is nothing to talk to.
    async fn secure(&self, id: u64, stream: TcpStream) -> Option<Carrier> {
        let counters = &self.server.counters;
        let sniffed = tokio::select! {
            // Silence is not a session that a drain would have to wait for.
            () = self.server.draining.cancelled(), if !self.server.is_draining() => return None,
            () = self.server.stop.cancelled() => return None,
            sniffed = timeout(self.server.limits.silent, sniff(stream)) => sniffed,
        };
        let (opening, stream) = match sniffed {
            Ok(Ok(Some(sniffed))) => sniffed,
            Ok(_) => return None,
            Err(_) => {
                counters.silent_closed.inc();
                tracing::info!(connection = id, "closed: the peer never sent anything");
                return None;
            }
        };
        match opening {
            Opening::Tls => counters.sniffed_tls.inc(),
            Opening::Plain => counters.sniffed_plain.inc(),
        }
        match (opening, self.mode) {
            (Opening::Tls, ListenMode::Auto | ListenMode::Tls) => self.handshake(id, stream).await,
            (Opening::Plain, ListenMode::Auto | ListenMode::Plain) => Some(Carrier {
                transport: Transport::Plain,
                stream: Box::new(stream),
                certificate: None,
                handshake: Duration::ZERO,
            }),
            (Opening::Tls, ListenMode::Plain) | (Opening::Plain, ListenMode::Tls) => {
                counters.sniff_refused.inc();
                tracing::info!(connection = id, ?opening, "closed: this port does not take that");
                None
            }
        }
    }

    async fn handshake(&self, id: u64, stream: Sniffed<TcpStream>) -> Option<Carrier> {
        let server = &self.server;
        let began = Instant::now();
        let outcome = tokio::select! {
            () = server.stop.cancelled() => return None,
            outcome = timeout(server.limits.handshake, self.tls.accept(stream)) => outcome,
        };
        let reason = match outcome {
            Ok(Ok(Secured { stream, version, certificate })) => {
                match version {
                    TlsVersion::Tls12 => server.counters.tls12.inc(),
                    TlsVersion::Tls13 => server.counters.tls13.inc(),
                }
                let handshake = began.elapsed();
                server.host.handshake(version, handshake);
                return Some(Carrier { transport: Transport::Tls(version), stream, certificate, handshake });
            }
            Ok(Err(HandshakeError { reason, source })) => {
                server.counters.tls_failed.inc();
                tracing::info!(connection = id, reason = reason.name(), error = %source, "TLS handshake failed");
                reason
            }
            Err(_) => {
                server.counters.tls_timeout.inc();
                tracing::info!(connection = id, reason = "timeout", "TLS handshake failed");
                HandshakeFailure::Timeout
            }
        };
        server.host.handshake_failed(reason);
        None
    }
}

/// File descriptors that this process may open, where the system tells.
pub fn open_file_limit() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|l| l.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_limit_of_open_files_is_read() {
        assert!(open_file_limit().unwrap() > 10);
    }

    #[test]
    fn only_failures_of_the_listener_itself_slow_it_down() {
        assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!concerns_one_connection(&io::Error::from_raw_os_error(24)));
    }
}
