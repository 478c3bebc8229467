//! SUPL INIT by a push proxy gateway: OMA Push Access Protocol over HTTP/1.1, plain or by TLS.
//!
//! The gateway is asked for an unconfirmed delivery, since a SET must not confirm the push of a SUPL INIT; its answer says
//! whether it takes the message on. Result notifications, which a gateway can send afterwards, are not asked for.

mod document;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::bearer::{Attempt, Bearer, Carried, Failure, Parcel};
use super::config::{ConfigProblem, within};
use super::connect::{self, TrustError};
use super::secret::{Secret, hex};
use crate::base::time::Clock;
use document::{Submission, code, meaning};

/// Longest answer read, octets.
const LONGEST_ANSWER: usize = 1 << 16;

/// Settings of a push proxy gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where submissions go, `http://HOST[:PORT]/PATH` or `https://…`. No default.
    pub url: String,
    /// Authorities to trust instead of the public ones, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A file with one line NAME:PASSWORD (HTTP basic authentication), read at each submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// An environment variable with the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_env: Option<String>,
    /// The gateway's name in addresses: `WAPPUSH=…@NAME`. Default empty: the host of `url`.
    pub gateway: String,
    /// Seconds that one submission may take, 1..=120. Default 10.
    pub timeout_s: u32,
    /// Most submissions at once, 1..=10000. Default 128.
    pub concurrent: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            credentials_file: None,
            credentials_env: None,
            gateway: String::new(),
            timeout_s: 10,
            concurrent: 128,
        }
    }
}

/// Where a URL points to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    tls: bool,
    /// `HOST:PORT`.
    address: String,
    /// Host as in the URL, with the port where there was one.
    authority: String,
    host: String,
    path: String,
}

impl Place {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        // A name and password belong into a file.
        let authority = uri.authority().filter(|a| !a.as_str().contains('@'))?;
        let host = authority.host().to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let address = format!("{host}:{port}");
        connect::host(&address)?;
        Some(Self { tls, address, authority: authority.to_string(), host, path })
    }
}

impl Config {
    /// Checks every value.
    pub(super) fn check(&self) -> Result<(), ConfigProblem> {
        if Place::parse(&self.url).is_none() {
            return Err(ConfigProblem::Url { key: "pap.url".to_owned() });
        }
        let gateway = &self.gateway;
        if gateway.len() > 255
            || !gateway.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
        {
            return Err(ConfigProblem::Text { key: "pap.gateway".to_owned(), longest: 255 });
        }
        within("pap.timeout_s", self.timeout_s.into(), 1, 120)?;
        within("pap.concurrent", self.concurrent.into(), 1, 10_000)
    }
}

/// The bearer.
pub(super) struct Pap {
    config: Config,
    place: Place,
    tls: Option<Arc<ClientConfig>>,
    clock: Clock,
    random: SystemRandom,
    places: tokio::sync::Semaphore,
}

impl Pap {
    /// `None` when the URL is none, which [`Config::check`] finds before.
    pub(super) fn new(config: Config, clock: Clock) -> Result<Option<Self>, TrustError> {
        let Some(place) = Place::parse(&config.url) else { return Ok(None) };
        let tls = place.tls.then(|| connect::trust(config.ca_file.as_deref())).transpose()?;
        let places = tokio::sync::Semaphore::new(config.concurrent as usize);
        Ok(Some(Self { config, place, tls, clock, random: SystemRandom::new(), places }))
    }

    /// The SET's address as the gateway understands it (WAP-151-PPGService): by telephone number, else by IP address.
    fn address(&self, parcel: &Parcel) -> Option<String> {
        let gateway = if self.config.gateway.is_empty() { &self.place.host } else { &self.config.gateway };
        if let Some(number) = parcel.number() {
            return Some(format!("WAPPUSH=+{number}/TYPE=PLMN@{gateway}"));
        }
        Some(match parcel.address()?.to_canonical() {
            IpAddr::V4(a) => format!("WAPPUSH={a}/TYPE=IPv4@{gateway}"),
            IpAddr::V6(a) => format!("WAPPUSH={a}/TYPE=IPv6@{gateway}"),
        })
    }

    fn word(&self) -> Result<String, Failure> {
        let mut octets = [0; 12];
        self.random.fill(&mut octets).map_err(|_| Failure::Down)?;
        Ok(hex(&octets))
    }

    fn request(&self, parcel: &Parcel) -> Result<Request<Full<Bytes>>, Failure> {
        let address = self.address(parcel).ok_or(Failure::NoAddress)?;
        let (boundary, id) = (format!("groma-{}", self.word()?), format!("{}@groma", self.word()?));
        let left = parcel.deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let submission = Submission {
            id: &id,
            address: &address,
            before: self.clock.now().utc + left,
            emergency: parcel.emergency,
            octets: &parcel.octets,
        };
        let c = &self.config;
        let secret = Secret::load(c.credentials_file.as_deref(), c.credentials_env.as_deref());
        let secret = secret.map_err(|_| Failure::Unauthorized(0))?;
        let mut request = Request::post(&self.place.path)
            .header(HOST, &self.place.authority)
            .header(USER_AGENT, concat!("Groma/", env!("CARGO_PKG_VERSION")))
            .header(
                CONTENT_TYPE,
                format!("multipart/related; boundary=\"{boundary}\"; type=\"application/xml\""),
            );
        if let Some(secret) = secret {
            request = request.header(AUTHORIZATION, secret.basic());
        }
        request.body(Full::new(submission.body(&boundary).into())).map_err(|_| Failure::Unauthorized(0))
    }

    async fn submit(&self, parcel: &Parcel) -> Result<Carried, Failure> {
        let request = self.request(parcel)?;
        let opened = connect::open(&self.place.address, self.tls.as_ref()).await;
        let (stream, _) = opened.map_err(|_| Failure::Down)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Down)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|e| failure(&e))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
            let body = body.map_err(|_| Failure::Broken)?.to_bytes();
            Ok((status, body))
        };
        // The connection is driven here, so that it ends with this attempt. It may end before its answer is read.
        let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
        let (status, body) = tokio::select! {
            biased;
            answered = &mut exchange => answered?,
            _ = &mut connection => exchange.await?,
        };
        // The code counts where there is one; without it, HTTP's own.
        match code(&body) {
            Some(code) => meaning(code),
            None => Err(match status {
                401 | 403 | 407 => Failure::Unauthorized(status.into()),
                429 | 503 => Failure::Congested,
                400..=499 => Failure::Refused(status.into()),
                500..=599 => Failure::Temporary(status.into()),
                _ => Failure::Broken,
            }),
        }
    }

    async fn send(&self, parcel: &Parcel) -> Result<Carried, Failure> {
        let Ok(_place) = self.places.try_acquire() else { return Err(Failure::Congested) };
        let until = Instant::now() + Duration::from_secs(u64::from(self.config.timeout_s));
        timeout_at(until.min(parcel.deadline), self.submit(parcel)).await.unwrap_or(Err(Failure::Unanswered))
    }
}

fn failure(error: &hyper::Error) -> Failure {
    if error.is_parse() { Failure::Broken } else { Failure::Down }
}

impl Bearer for Pap {
    fn name(&self) -> &'static str {
        "pap"
    }

    fn knows(&self, parcel: &Parcel) -> bool {
        self.address(parcel).is_some()
    }

    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Attempt<'a> {
        Box::pin(self.send(parcel))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::base::SetId;

    fn parcel(identity: SetId) -> Parcel {
        Parcel {
            identities: vec![identity],
            ip: None,
            octets: Bytes::from_static(&[0, 6, 2, 0, 0, 0]),
            emergency: false,
            deadline: Instant::now() + Duration::from_secs(20),
        }
    }

    fn number() -> SetId {
        SetId::Msisdn("447700900123".parse().unwrap())
    }

    fn pap(config: Config) -> Pap {
        assert_eq!(config.check(), Ok(()));
        Pap::new(config, Clock::system()).unwrap().unwrap()
    }

    /// A gateway that gives one answer; returns what it was sent and how that went.
    async fn ask(answer: &str, change: impl FnOnce(&mut Config)) -> (String, Result<Carried, Failure>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/pap", listener.local_addr().unwrap());
        let mut config = Config { url, ..Config::default() };
        change(&mut config);
        let bearer = pap(config);
        let carried = tokio::spawn(async move { bearer.carry(&parcel(number())).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"--\r\n") {
            assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.ends_with("hang") {
            return (String::new(), carried.await.unwrap());
        }
        drop(stream);
        (String::from_utf8_lossy(&asked).into_owned(), carried.await.unwrap())
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_submission_is_made_and_its_answer_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "pi:x\n").unwrap();
        let answer = http("202 Accepted", "<pap><response-result code=\"1001\"/></pap>");
        let (asked, carried) = ask(&answer, |c| c.credentials_file = Some(file)).await;
        assert_eq!(carried, Ok(Carried::Accepted));
        let lower = asked.to_lowercase();
        assert!(asked.starts_with("POST /pap HTTP/1.1\r\n"), "{asked}");
        assert!(lower.contains("authorization: basic cgk6ea==\r\n"), "{asked}");
        assert!(lower.contains("content-type: multipart/related; boundary=\"groma-"), "{asked}");
        assert!(asked.contains("WAPPUSH=+447700900123/TYPE=PLMN@127.0.0.1\""), "{asked}");
    }

    #[tokio::test]
    async fn answers_that_are_none_have_their_meaning() {
        for (answer, expected) in [
            (http("200 OK", "<pap><response-result code=\"2003\"/></pap>"), Failure::Unreachable(2003)),
            (http("400 Bad Request", ""), Failure::Refused(400)),
            (http("401 Unauthorized", ""), Failure::Unauthorized(401)),
            (http("503 Busy", "later"), Failure::Congested),
            (http("500 Oops", ""), Failure::Temporary(500)),
            (http("200 OK", "hello"), Failure::Broken),
            ("SSH-2.0-OpenSSH\r\n".to_owned(), Failure::Broken),
            (http("200 OK", &"x".repeat(LONGEST_ANSWER + 1)), Failure::Broken),
        ] {
            assert_eq!(ask(&answer, |_| ()).await.1, Err(expected), "{answer:.60}");
        }
        assert!(ask("", |_| ()).await.1.is_err());
        let slow = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhang";
        assert_eq!(ask(slow, |c| c.timeout_s = 1).await.1, Err(Failure::Unanswered));
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let bearer = pap(Config { url: format!("http://{gone}/"), ..Config::default() });
        assert_eq!(bearer.carry(&parcel(number())).await, Err(Failure::Down));
    }

    #[test]
    fn addresses_and_urls() {
        let bearer = pap(Config { url: "https://ppg.example.net/pap?x=1".to_owned(), ..Config::default() });
        let (address, path) = (bearer.place.address.as_str(), bearer.place.path.as_str());
        assert_eq!((address, path), ("ppg.example.net:443", "/pap?x=1"));
        let of = |id| bearer.address(&parcel(id));
        let ip = SetId::Ip("192.0.2.1".parse().unwrap());
        assert_eq!(of(ip).as_deref(), Some("WAPPUSH=192.0.2.1/TYPE=IPv4@ppg.example.net"));
        assert_eq!(of(SetId::Imsi("001010000000001".parse().unwrap())), None);
        for wrong in ["", "ppg.example.net", "ftp://x/", "http://a:b@x/", "http:///x"] {
            let config = Config { url: wrong.to_owned(), ..Config::default() };
            assert!(matches!(config.check(), Err(ConfigProblem::Url { .. })), "{wrong}");
        }
    }
}
