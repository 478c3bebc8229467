//! Where a document is read, its sender recognised, and the service called that it is for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;

use super::listener::{Answer, Caller, Reply};
use super::sessions::Sessions;
use super::verdicts::{about, of_login};
use super::{Config, Services};
use crate::le::mlp::client::Url;
use crate::le::mlp::model::{Body, Document, Header, PushAddress, Service, Verdict};
use crate::le::mlp::{Limits, Reading, ResultCode, Version, charset, parse};
use crate::service::{Client, Credentials, Secret};

/// The desk.
pub(super) struct Desk {
    pub(super) config: Arc<Config>,
    pub(super) services: Services,
    pub(super) sessions: Sessions,
    reading: Reading,
    under_way: Arc<AtomicU32>,
    own: Weak<Self>,
}

/// A client who asks, and in what words.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) client: Arc<Client>,
    pub(super) version: Version,
    pub(super) header: Header,
}

/// Where reports go, and how the server shows itself there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) id: Option<String>,
    pub(super) password: Option<String>,
}

/// A request under way.
struct UnderWay(Arc<AtomicU32>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is put on record of a request.
struct Noted {
    service: &'static str,
    version: Option<Version>,
    client: Option<String>,
    code: ResultCode,
}

impl Desk {
    pub(super) fn shared(config: Arc<Config>, services: Services) -> Arc<Self> {
        let octets = usize::try_from(config.max_body).unwrap_or(usize::MAX);
        let limits = Limits { octets, ..Limits::default() };
        let reading = Reading { limits, default_version: config.default_version };
        let sessions = Sessions::new(Duration::from_secs(config.session_s.into()));
        Arc::new_cyclic(|own| Self {
            config,
            services,
            sessions,
            reading,
            under_way: Arc::default(),
            own: Weak::clone(own),
        })
    }

    /// This desk for work that outlives a request. `None` when the door is closing.
    pub(super) fn handle(&self) -> Option<Arc<Self>> {
        self.own.upgrade()
    }

    /// How stored requests are read again.
    pub(super) const fn reading(&self) -> &Reading {
        &self.reading
    }

    async fn take(
        &self,
        caller: &Caller,
        content_type: Option<&str>,
        body: &[u8],
    ) -> (StatusCode, String, Noted) {
        let default = self.config.default_version;
        let document = match parse(body, content_type.and_then(charset), &self.reading) {
            Ok(document) => document,
            Err(fault) => {
                let noted = Noted {
                    service: fault.service.map_or("unknown", Service::name),
                    version: fault.version,
                    client: None,
                    code: fault.code(),
                };
                let status = if fault.is_general() { StatusCode::NOT_FOUND } else { StatusCode::OK };
                return (status, fault.answer(default).into_xml(), noted);
            }
        };
        let (version, service) = (document.version, document.body.service());
        let mut noted =
            Noted { service: service.name(), version: Some(version), client: None, code: ResultCode::OK };
        if !service.is_request() {
            noted.code = ResultCode::SERVICE_NOT_SUPPORTED;
            let gem = Body::refusal(Service::Gem, about(noted.code, service.name()));
            return (StatusCode::NOT_FOUND, Document::new(version, gem).into_xml(), noted);
        }
        let (answer, session) = self.serve(caller, document, &mut noted).await;
        let answer = answer.unwrap_or_else(|verdict| {
            noted.code = verdict.code;
            Body::refusal(service, verdict)
        });
        let mut answer = Document::new(version, answer);
        if let Some(name) = session {
            answer.header = Some(Header { session_id: Some(name.into()), ..Header::default() });
        }
        (StatusCode::OK, answer.into_xml(), noted)
    }

    async fn serve(
        &self,
        caller: &Caller,
        document: Document,
        noted: &mut Noted,
    ) -> (Result<Body, Verdict>, Option<String>) {
        let congested = || ResultCode::CONGESTION_IN_LOCATION_SERVER.into();
        let before = self.under_way.fetch_add(1, Ordering::AcqRel);
        let _under_way = UnderWay(Arc::clone(&self.under_way));
        let Document { version, header, body } = document;
        let header = header.unwrap_or_default();
        let client = match self.recognise(caller, &header).await {
            Ok(client) => client,
            Err(verdict) => return (Err(verdict), None),
        };
        noted.client = Some(client.id().to_owned());
        // Emergencies are shed last.
        let emergency = matches!(body, Body::EmeLir(_));
        let most = if emergency { self.config.requests.saturating_mul(2) } else { self.config.requests };
        if before >= most {
            return (Err(congested()), None);
        }
        let session = self.sessions.issue(client.id(), Instant::now());
        let asking = Asking { client, version, header };
        let answer = match body {
            Body::Slir(slir) => self.slir(asking, *slir).await,
            Body::EmeLir(lir) => self.eme_lir(asking, *lir).await,
            Body::Hlir(hlir) => self.hlir(asking, *hlir).await,
            Body::Tlrr(tlrr) => self.tlrr(asking, *tlrr).await,
            Body::Tlrsr(tlrsr) => self.tlrsr(asking, *tlrsr).await,
            Body::Tlrqr(tlrqr) => self.tlrqr(asking, *tlrqr).await,
            other => Err(about(ResultCode::SERVICE_NOT_SUPPORTED, other.service().name())),
        };
        (answer, session)
    }

    /// Who asks: by login, by certificate, or by the name of an earlier login.
    async fn recognise(&self, caller: &Caller, header: &Header) -> Result<Arc<Client>, Verdict> {
        let stranger = || Verdict::new(ResultCode::UNAUTHORIZED_APPLICATION);
        let Some(login) = &header.client else {
            let name = header.session_id.as_ref().ok_or_else(stranger)?;
            let id = self.sessions.client(name.as_str(), Instant::now()).ok_or_else(stranger)?;
            return self.services.service.client(&id).ok_or_else(stranger);
        };
        let credentials = Credentials {
            id: Some(login.id.clone()),
            password: login.password.as_ref().map(|p| Secret::new(p.as_str())),
            certificate: caller.names.to_vec(),
            token: None,
        };
        let client = self.services.service.authenticate(&credentials).await.map_err(of_login)?;
        // All parts of the header speak of one service of the client's.
        let services = [header.requestor.as_ref().and_then(|r| r.service_id.as_ref())];
        let own = login.service_id.as_ref();
        if services.into_iter().flatten().any(|s| own.is_some_and(|own| own != s)) {
            return Err(about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "serviceid"));
        }
        Ok(client)
    }

    /// Where a client's reports go: as the request says, else as its profile does.
    pub(super) fn address(client: &Client, asked: Option<&PushAddress>) -> Result<Address, Verdict> {
        let profile = client.profile();
        let bad = || about(ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE, "pushaddr");
        let own = profile.report_url.as_deref().and_then(|u| u.parse::<Url>().ok());
        let password = || profile.report_password.as_ref().map(|p| p.reveal().to_owned());
        let Some(asked) = asked else {
            let url = own.ok_or_else(bad)?;
            return Ok(Address { url: url.to_string(), id: profile.report_id.clone(), password: password() });
        };
        let url: Url = asked.url.parse().map_err(|_| about(ResultCode::FORMAT_ERROR, "pushaddr: url"))?;
        let same_host = own.as_ref().is_some_and(|own| own.host() == url.host());
        if !same_host && !profile.report_hosts.iter().any(|pattern| holds(pattern, url.host())) {
            return Err(Verdict::with_info(
                ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE,
                "pushaddr: the client's profile does not have this host",
            ));
        }
        // The profile's password is for the profile's place alone.
        let own_place = own.is_some_and(|own| own.place() == url.place());
        let (id, pwd) = if asked.id.is_some() || !own_place {
            (asked.id.clone(), asked.password.as_ref().map(|p| p.as_str().to_owned()))
        } else {
            (profile.report_id.clone(), password())
        };
        Ok(Address { url: url.to_string(), id, password: pwd })
    }
}

/// Whether a pattern (`host`, or `*.domain`) holds a host.
fn holds(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern.trim_matches(['[', ']']) == host,
    }
}

impl Answer for Arc<Desk> {
    async fn answer(&self, caller: Caller, content_type: Option<String>, body: Bytes) -> Reply {
        let began = Instant::now();
        let octets = body.len();
        let (status, xml, noted) = self.take(&caller, content_type.as_deref(), &body).await;
        let took = began.elapsed();
        let version = noted.version.map_or("unknown", Version::text);
        let result = noted.code.slogan().unwrap_or("other");
        let metrics = &self.services.metrics;
        let labels = [("service", noted.service), ("version", version), ("result", result)];
        metrics.mlp_requests.get_or_create(&labels).inc();
        metrics.mlp_request_duration.get_or_create(&[("service", noted.service)]).observe(took.as_secs_f64());
        tracing::info!(
            service = noted.service,
            version,
            client = noted.client,
            result = noted.code.0,
            status = status.as_u16(),
            took_ms = took.as_millis() as u64,
            octets_in = octets,
            octets_out = xml.len(),
            "mlp"
        );
        Reply { status, body: xml }
    }

    fn turned_away(&self, status: StatusCode) {
        let word = match status.as_u16() {
            404 => "path",
            405 => "method",
            413 => "size",
            408 => "time",
            415 => "encoding",
            _ => "broken",
        };
        self.services.metrics.mlp_turned_away.get_or_create(&[("reason", word)]).inc();
        tracing::info!(reason = word, status = status.as_u16(), "mlp: turned away");
    }

    fn connections(&self, change: i64) {
        self.services.metrics.mlp_connections.inc_by(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_reports() {
        assert!(holds("a.example.net", "a.example.net") && holds("A.example.net", "a.example.net"));
        assert!(holds("*.example.net", "a.b.example.net"));
        for (pattern, host) in [
            ("*.example.net", "example.net"),
            ("*.example.net", ".example.net"),
            ("*.example.net", "aexample.net"),
            ("example.net", "a.example.net"),
            ("a.example.net", "a.example.net.evil.org"),
        ] {
            assert!(!holds(pattern, host), "{pattern} {host}");
        }
    }
}
