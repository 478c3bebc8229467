//! SUPL INIT by SIP MESSAGE (RFC 3428) with the content type `application/vnd.omaloc-supl-init`, through an IMS core.
//!
//! A transaction of its own for each request, with the timers of RFC 3261; one answer to a challenge of a proxy or of the
//! registrar (401, 407), and one more when only the nonce was stale. 200 says that the SET has it, 202 that somebody keeps it
//! for the SET. The next hop is one configured address: `NAPTR` and `SRV` records (RFC 3263) are not asked for.

mod digest;
mod transaction;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::bearer::{Attempt, Bearer, Carried, Failure, Parcel};
use super::config::{ConfigProblem, within};
use super::connect::{self, TrustError};
use super::secret::{Secret, hex};
use crate::base::ids::SetIdKind;
use crate::wire::sip::{Framer, Message};
use digest::Challenge;
use transaction::{Channel, status};

/// Longest request sent as a datagram (RFC 3261, 18.1.1).
const LONGEST_DATAGRAM: usize = 1300;

/// How the next hop is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams; requests longer than 1,300 octets go over TCP.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// A connection, encrypted.
    Tls,
}

impl Transport {
    const fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// The address of a SET in SIP, by kind of identity; `{id}` stands for the identity. A kind that is left out is not reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Uris {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msisdn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imei: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nai: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl Uris {
    /// Every kind with its form, in the order in which they are tried.
    fn each(&self) -> [(SetIdKind, &'static str, &Option<String>); 6] {
        [
            (SetIdKind::Msisdn, "msisdn", &self.msisdn),
            (SetIdKind::Mdn, "mdn", &self.mdn),
            (SetIdKind::Nai, "nai", &self.nai),
            (SetIdKind::Imsi, "imsi", &self.imsi),
            (SetIdKind::Imei, "imei", &self.imei),
            (SetIdKind::Ip, "ip", &self.ip),
        ]
    }

    /// Where the SET of a parcel is.
    fn of(&self, parcel: &Parcel) -> Option<String> {
        self.each().into_iter().find_map(|(kind, _, form)| {
            let form = form.as_ref()?;
            let id = match kind {
                SetIdKind::Ip => match parcel.address()? {
                    IpAddr::V4(a) => a.to_string(),
                    IpAddr::V6(a) => format!("[{a}]"),
                },
                kind => parcel.identity(kind).filter(|id| is_safe(id))?,
            };
            Some(form.replace("{id}", &id))
        })
    }
}

/// Whether an identity can stand in a URI as it is, and ends nothing early there.
fn is_safe(id: &str) -> bool {
    id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$@".contains(&b))
}

/// Settings of SIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The next hop, `HOST:PORT`. No default.
    pub proxy: String,
    /// "udp", "tcp" or "tls". Default "udp".
    pub transport: Transport,
    /// Authorities to trust instead of the public ones, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Our own address, as `sip:slp@example.net`. No default.
    pub from: String,
    /// A preloaded `Route`, as `<sip:proxy.example.net;lr>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// A file with one line NAME:PASSWORD, for proxies that ask for it; read when it is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// An environment variable with the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_env: Option<String>,
    /// Timer T1, milliseconds, 50..=5000; a transaction lasts at most 64 times as long. Default 500.
    pub t1_ms: u32,
    /// Seconds that one delivery may take, 1..=120. Default 10.
    pub timeout_s: u32,
    /// Most deliveries at once, 1..=10000. Default 512.
    pub concurrent: u32,
    /// Addresses of SETs.
    pub uris: Uris,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            proxy: String::new(),
            transport: Transport::Udp,
            ca_file: None,
            from: String::new(),
            route: None,
            credentials_file: None,
            credentials_env: None,
            t1_ms: 500,
            timeout_s: 10,
            concurrent: 512,
            uris: Uris::default(),
        }
    }
}

impl Config {
    /// Checks every value.
    pub(super) fn check(&self) -> Result<(), ConfigProblem> {
        if connect::host(&self.proxy).is_none() {
            return Err(ConfigProblem::Address { key: "sip.proxy".to_owned() });
        }
        let uri = |key: String, text: &str| {
            let fine = (text.starts_with("sip:") || text.starts_with("sips:") || text.starts_with("tel:"))
                && text.len() <= 500
                && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b));
            if fine { Ok(()) } else { Err(ConfigProblem::Uri { key }) }
        };
        uri("sip.from".to_owned(), &self.from)?;
        for (_, name, form) in self.uris.each() {
            if let Some(form) = form {
                uri(format!("sip.uris.{name}"), form)?;
            }
        }
        if self.uris == Uris::default() {
            return Err(ConfigProblem::Missing { key: "sip.uris".to_owned() });
        }
        if self
            .route
            .as_ref()
            .is_some_and(|r| !r.starts_with('<') || r.bytes().any(|b| !(b' '..127).contains(&b)))
        {
            return Err(ConfigProblem::Uri { key: "sip.route".to_owned() });
        }
        within("sip.t1_ms", self.t1_ms.into(), 50, 5000)?;
        within("sip.timeout_s", self.timeout_s.into(), 1, 120)?;
        within("sip.concurrent", self.concurrent.into(), 1, 10_000)
    }
}

/// The bearer.
pub(super) struct Sip {
    config: Config,
    tls: Option<Arc<ClientConfig>>,
    random: SystemRandom,
    places: tokio::sync::Semaphore,
}

/// What stays the same when a request is repeated with an answer to a challenge.
struct Exchange<'a> {
    parcel: &'a Parcel,
    uri: String,
    call: String,
    tag: String,
}

impl Sip {
    pub(super) fn new(config: Config) -> Result<Self, TrustError> {
        let tls = (config.transport == Transport::Tls)
            .then(|| connect::trust(config.ca_file.as_deref()))
            .transpose()?;
        let places = tokio::sync::Semaphore::new(config.concurrent as usize);
        Ok(Self { config, tls, random: SystemRandom::new(), places })
    }

    /// A word that nobody can guess.
    fn word(&self) -> Result<String, Failure> {
        let mut octets = [0; 10];
        self.random.fill(&mut octets).map_err(|_| Failure::Down)?;
        Ok(hex(&octets))
    }

    async fn open(&self, transport: Transport) -> Result<Channel, Failure> {
        let down = |_| Failure::Down;
        if transport == Transport::Udp {
            let to = lookup_host(&self.config.proxy).await.map_err(down)?.next().ok_or(Failure::Down)?;
            let any: SocketAddr =
                if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
            let socket = UdpSocket::bind(any).await.map_err(down)?;
            socket.connect(to).await.map_err(down)?;
            return Ok(Channel::Datagram(socket));
        }
        let (stream, local) = connect::open(&self.config.proxy, self.tls.as_ref()).await.map_err(down)?;
        Ok(Channel::Stream(stream, local, Framer::default()))
    }

    /// The request, `Via` aside.
    fn message(&self, x: &Exchange<'_>, sequence: u32) -> Message {
        let mut m = Message::request("MESSAGE", &x.uri);
        let h = &mut m.headers;
        h.push("Max-Forwards", "70");
        if let Some(route) = &self.config.route {
            h.push("Route", route);
        }
        h.push("From", format!("<{}>;tag={}", self.config.from, x.tag));
        h.push("To", format!("<{}>", x.uri));
        h.push("Call-ID", x.call.as_str());
        h.push("CSeq", format!("{sequence} MESSAGE"));
        if x.parcel.emergency {
            h.push("Priority", "emergency");
        }
        // Nobody needs it later.
        let left = x.parcel.deadline.saturating_duration_since(Instant::now()).as_secs().max(1);
        h.push("Expires", left.to_string());
        h.push("User-Agent", concat!("Groma/", env!("CARGO_PKG_VERSION")));
        h.push("Content-Type", "application/vnd.omaloc-supl-init");
        m.body = x.parcel.octets.to_vec();
        m
    }

    async fn send(&self, parcel: &Parcel) -> Result<Carried, Failure> {
        let uri = self.config.uris.of(parcel).ok_or(Failure::NoAddress)?;
        let Ok(_place) = self.places.try_acquire() else { return Err(Failure::Congested) };
        let until = Instant::now() + Duration::from_secs(u64::from(self.config.timeout_s));
        let until = until.min(parcel.deadline);
        let x = Exchange { parcel, uri, call: self.word()?, tag: self.word()? };
        timeout_at(until, self.exchange(&x, until)).await.unwrap_or(Err(Failure::Unanswered))
    }

    async fn exchange(&self, x: &Exchange<'_>, until: Instant) -> Result<Carried, Failure> {
        let long = self.message(x, 1).to_bytes().len() > LONGEST_DATAGRAM - 200;
        let transport = match self.config.transport {
            Transport::Udp if long => Transport::Tcp,
            t => t,
        };
        let mut channel = self.open(transport).await?;
        let local = channel.local().map_err(|_| Failure::Down)?;
        let t1 = Duration::from_millis(u64::from(self.config.t1_ms));
        let mut answer: Option<(&'static str, String)> = None;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let branch = format!("z9hG4bK{}", self.word()?);
            let mut request = self.message(x, attempts);
            request.headers.push("Via", format!("SIP/2.0/{} {local};branch={branch};rport", transport.via()));
            if let Some((name, value)) = answer.take() {
                request.headers.push(name, value);
            }
            let response = channel.transact(&request, &branch, t1, until).await?;
            let code = status(&response).unwrap_or_default();
            let (asked, answers) = match code {
                401 => ("WWW-Authenticate", "Authorization"),
                407 => ("Proxy-Authenticate", "Proxy-Authorization"),
                _ => return meaning(code),
            };
            let challenge =
                Challenge::best(response.headers.all(asked)).ok_or(Failure::Unauthorized(code.into()))?;
            // A second refusal of the same name and password is one; a stale nonce is not.
            if attempts > 1 && !(attempts == 2 && challenge.stale) {
                return Err(Failure::Unauthorized(code.into()));
            }
            let c = &self.config;
            let secret = Secret::load(c.credentials_file.as_deref(), c.credentials_env.as_deref());
            let secret = secret.ok().flatten().ok_or(Failure::Unauthorized(code.into()))?;
            answer = Some((answers, challenge.answer(&secret, "MESSAGE", &x.uri, &self.word()?)));
        }
    }
}

/// What a final response to MESSAGE means (RFC 3428, 7; RFC 3261, 21).
fn meaning(code: u16) -> Result<Carried, Failure> {
    let number = u32::from(code);
    Err(match code {
        202 => return Ok(Carried::Accepted),
        200..=299 => return Ok(Carried::Confirmed),
        403 => Failure::Unauthorized(number),
        // Not found, gone, temporarily unavailable, does not exist anywhere.
        404 | 410 | 480 | 604 => Failure::Unreachable(number),
        503 => Failure::Congested,
        // Timeouts, a server's own failures, busy.
        408 | 486 | 491 | 500 | 502 | 504 | 600 => Failure::Temporary(number),
        _ => Failure::Refused(number),
    })
}

impl Bearer for Sip {
    fn name(&self) -> &'static str {
        "sip"
    }

    fn knows(&self, parcel: &Parcel) -> bool {
        self.config.uris.of(parcel).is_some()
    }

    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Attempt<'a> {
        Box::pin(self.send(parcel))
    }
}

#[cfg(test)]
mod tests;
