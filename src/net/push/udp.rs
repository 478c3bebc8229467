//! SUPL INIT as a datagram to the SET's IP address, port 7275 (OMA SUPL: IANA name `oma-ulp`).
//!
//! A datagram may be lost, and nobody answers for it: it is repeated after growing pauses until the SET comes (whoever waits
//! for it then drops the attempt) or the pauses are over. A SET that gets it twice takes the second as a copy, since it carries
//! the same session id. Each delivery has a socket of its own, connected to the SET, so that "port unreachable" from the
//! network is heard and the next bearer is tried at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;

use super::bearer::{Attempt, Bearer, Carried, Failure, Parcel};
use super::config::{ConfigProblem, within};
use crate::net::access::Network;

/// Longest datagram sent: what every IPv4 host must take (RFC 791: 576 octets), without its headers.
const LONGEST: usize = 548;

/// Settings of delivery by UDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether SUPL INIT is sent by UDP where the SET's address is known. Default true.
    pub enabled: bool,
    /// Port on which SETs listen, 1..=65535. Default 7275.
    pub port: u16,
    /// Times that the datagram is sent, 1..=10. Default 4.
    pub times: u8,
    /// Milliseconds until it is sent again; each further pause is twice as long. 50..=60000, default 500.
    pub pause_ms: u32,
    /// Local addresses to send from, at most one of each family; unspecified lets the system choose. Default none.
    pub from: Vec<IpAddr>,
    /// Networks in which SETs are, as `10.0.0.0/8`; an address outside gets nothing. Default none: any unicast address.
    pub networks: Vec<Network>,
}

impl Default for Config {
    fn default() -> Self {
        Self { enabled: true, port: 7275, times: 4, pause_ms: 500, from: Vec::new(), networks: Vec::new() }
    }
}

impl Config {
    /// Checks every value.
    pub(super) fn check(&self) -> Result<(), ConfigProblem> {
        within("udp.port", self.port.into(), 1, 65_535)?;
        within("udp.times", self.times.into(), 1, 10)?;
        within("udp.pause_ms", self.pause_ms.into(), 50, 60_000)
    }
}

/// The bearer.
pub(super) struct Udp {
    config: Config,
}

impl Udp {
    pub(super) const fn new(config: Config) -> Self {
        Self { config }
    }

    /// Where the parcel goes, if it may go there.
    fn destination(&self, parcel: &Parcel) -> Option<SocketAddr> {
        let ip = parcel.address()?.to_canonical();
        let sane = match ip {
            IpAddr::V4(a) => !(a.is_multicast() || a.is_broadcast() || a.is_unspecified()),
            IpAddr::V6(a) => !(a.is_multicast() || a.is_unspecified()),
        };
        let inside = self.config.networks.is_empty() || self.config.networks.iter().any(|n| n.contains(ip));
        (sane && inside).then_some(SocketAddr::new(ip, self.config.port))
    }

    async fn socket(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        let any =
            if to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        let from = self.config.from.iter().copied().find(|a| a.is_ipv4() == to.is_ipv4()).unwrap_or(any);
        let socket = UdpSocket::bind((from, 0)).await?;
        socket.connect(to).await?;
        Ok(socket)
    }

    async fn send(&self, parcel: &Parcel) -> Result<Carried, Failure> {
        let to = self.destination(parcel).ok_or(Failure::NoAddress)?;
        if parcel.octets.len() > LONGEST {
            return Err(Failure::TooLong);
        }
        let socket = self.socket(to).await.map_err(|_| Failure::Down)?;
        let mut pause = Duration::from_millis(u64::from(self.config.pause_ms));
        for _ in 0..self.config.times {
            socket.send(&parcel.octets).await.map_err(failure)?;
            // Nothing is expected on this socket but the network's word that nobody is there.
            let until = (tokio::time::Instant::now() + pause).min(parcel.deadline);
            match tokio::time::timeout_at(until, closed(&socket)).await {
                Ok(e) => return Err(failure(e)),
                Err(_) if until == parcel.deadline => return Ok(Carried::Sent),
                Err(_) => pause = pause.saturating_mul(2),
            }
        }
        Ok(Carried::Sent)
    }
}

/// Waits until the socket reports an error; whatever the other end sends is thrown away.
async fn closed(socket: &UdpSocket) -> io::Error {
    let mut nothing = [0; 1];
    let mut heard = 0_u32;
    loop {
        match socket.recv(&mut nothing).await {
            Err(e) => return e,
            // A peer that sends and sends costs no more than this.
            Ok(_) if heard >= 16 => std::future::pending().await,
            Ok(_) => heard += 1,
        }
    }
}

#[allow(clippy::needless_pass_by_value)]
fn failure(e: io::Error) -> Failure {
    use io::ErrorKind as Kind;
    match e.kind() {
        // ICMP: port, host or network unreachable.
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable => Failure::Unreachable(0),
        _ => Failure::Down,
    }
}

impl Bearer for Udp {
    fn name(&self) -> &'static str {
        "udp"
    }

    fn knows(&self, parcel: &Parcel) -> bool {
        self.destination(parcel).is_some()
    }

    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Attempt<'a> {
        Box::pin(self.send(parcel))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;

    fn parcel(ip: Option<&str>, seconds: u64) -> Parcel {
        Parcel {
            identities: Vec::new(),
            ip: ip.map(|a| a.parse().unwrap()),
            octets: Bytes::from_static(b"\x00\x06\x02\x00\x00\x00"),
            emergency: false,
            deadline: Instant::now() + Duration::from_secs(seconds),
        }
    }

    #[tokio::test]
    async fn it_is_sent_again_until_the_times_are_over() {
        let set = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = set.local_addr().unwrap().port();
        let udp = Udp::new(Config { port, times: 3, pause_ms: 50, ..Config::default() });
        assert_eq!(udp.carry(&parcel(Some("127.0.0.1"), 5)).await, Ok(Carried::Sent));
        let mut got = [0; 100];
        for _ in 0..3 {
            let n = set.try_recv(&mut got).unwrap();
            assert_eq!(got[..n], *b"\x00\x06\x02\x00\x00\x00");
        }
        assert!(set.try_recv(&mut got).is_err());
    }

    #[tokio::test]
    async fn nobody_there_is_heard_at_once() {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let udp = Udp::new(Config { port: gone, pause_ms: 20_000, ..Config::default() });
        let parcel = parcel(Some("127.0.0.1"), 20);
        let heard = tokio::time::timeout(Duration::from_secs(5), udp.carry(&parcel)).await.unwrap();
        assert_eq!(heard, Err(Failure::Unreachable(0)));
    }

    #[tokio::test]
    async fn a_deadline_ends_the_repeating() {
        let set = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let udp = Udp::new(Config { port: set.local_addr().unwrap().port(), ..Config::default() });
        let mut short = parcel(Some("127.0.0.1"), 0);
        short.deadline = Instant::now() + Duration::from_millis(30);
        assert_eq!(udp.carry(&short).await, Ok(Carried::Sent));
    }

    #[test]
    fn only_addresses_of_sets_are_written_to() {
        let any = Udp::new(Config::default());
        let to = |udp: &Udp, a| udp.destination(&parcel(Some(a), 1)).map(|a| a.to_string());
        assert_eq!(to(&any, "::ffff:192.0.2.7").as_deref(), Some("192.0.2.7:7275"));
        assert_eq!(to(&any, "2001:db8::7").as_deref(), Some("[2001:db8::7]:7275"));
        for a in ["224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1"] {
            assert_eq!(to(&any, a), None, "{a}");
        }
        let own = Udp::new(Config { networks: vec!["10.0.0.0/8".parse().unwrap()], ..Config::default() });
        assert_eq!(to(&own, "10.1.2.3").as_deref(), Some("10.1.2.3:7275"));
        assert_eq!(to(&own, "192.0.2.7"), None);
        assert!(!any.knows(&parcel(None, 1)));
    }

    #[tokio::test]
    async fn what_no_host_need_take_is_not_sent() {
        let mut long = parcel(Some("127.0.0.1"), 1);
        long.octets = Bytes::from(vec![0; 549]);
        assert_eq!(Udp::new(Config::default()).carry(&long).await, Err(Failure::TooLong));
    }
}
