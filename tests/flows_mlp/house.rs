//! A location service with scripted handsets, and its MLP door on loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::disk::Disk;
use arc_swap::ArcSwap;
use groma::base::time::Clock;
use groma::base::{GeoPoint, LocationEstimate, PositionMethod, SetId, Shape, Utc};
use groma::le::mlp::client::{Client, Url};
use groma::le::mlp::door::{self, Door};
use groma::le::mlp::model::{Body, Document};
use groma::le::mlp::outbox::{self, Outbox};
use groma::le::mlp::receiver::{Manners, Received, Receiver};
use groma::le::mlp::{Reading, parse};
use groma::observe::Metrics;
use groma::service::audit::Audit;
use groma::service::triggers::{self, Triggers};
use groma::service::{
    Book, Delivered, Delivering, Delivery, Parts, Positions, Profiles, Push, PushError, Service,
};
use groma::slc::PositionReport;
use groma::slc::ni::{OrderEnd, OrderEvent, Rendezvous};
use groma::store::{SledStore, Store};
use groma::wire::ulp::UlpPdu;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The middle of town.
pub(crate) const TOWN: (f64, f64) = (50.0, 4.0);

/// What a handset does when it is invited.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Gives positions with these radii, one after the other, and is done.
    Positions(Vec<f64>),
    /// Its user refuses.
    Refuse,
    /// Ends without a position.
    NoFix,
    /// Does not come.
    Silent,
    /// Cannot be reached.
    Gone,
}

/// Handsets that answer as scripted; those without a script give a position of 20 m.
#[derive(Default)]
struct Handsets {
    acts: Mutex<HashMap<SetId, Act>>,
    service: Mutex<Option<(Service, Arc<dyn Rendezvous>)>>,
    invited: Mutex<Vec<SetId>>,
}

impl Push for Handsets {
    fn deliver(&self, delivery: Delivery) -> Delivering {
        self.invited.lock().unwrap().push(delivery.target.clone());
        let act = self.acts.lock().unwrap().get(&delivery.target).cloned();
        let act = act.unwrap_or_else(|| Act::Positions(vec![20.0]));
        if matches!(act, Act::Gone) {
            return Box::pin(std::future::ready(Err(PushError::Unreachable)));
        }
        let pdu = UlpPdu::decode(&delivery.octets).unwrap();
        let id = pdu.session.slp.unwrap().id;
        let (service, orders) = self.service.lock().unwrap().clone().unwrap();
        let identity = delivery.target.clone();
        tokio::spawn(async move {
            let tell = |event| service.ordered(id, event);
            if matches!(act, Act::Silent) || !orders.claim(id) {
                return;
            }
            tell(OrderEvent::Arrived { identity });
            match act {
                Act::Positions(radii) => {
                    for radius in radii {
                        let estimate = Box::new(estimate(TOWN, radius, Clock::system().now().utc));
                        tell(OrderEvent::Position { estimate, qop_met: radius <= 50.0 });
                        tokio::time::sleep(Duration::from_millis(30)).await;
                    }
                    tell(OrderEvent::Ended(OrderEnd::Completed));
                }
                Act::Refuse => tell(OrderEvent::Ended(OrderEnd::ConsentDenied)),
                _ => tell(OrderEvent::Ended(OrderEnd::Completed)),
            }
        });
        Box::pin(async { Ok(Delivered { bearer: "script".to_owned(), confirmed: false }) })
    }
}

pub(crate) fn estimate(at: (f64, f64), radius_m: f64, time: Utc) -> LocationEstimate {
    LocationEstimate {
        shape: Shape::Circle { at: GeoPoint::new(at.0, at.1).unwrap(), radius_m },
        time,
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

/// The n-th handset.
pub(crate) fn msisdn(n: u32) -> SetId {
    SetId::Msisdn(format!("4917000000{n:02}").parse().unwrap())
}

const PROFILES: &str = r#"
[[clients]]
id = "psap"
type = "emergency"
password = "psap"
report_url = "http://REPORTS/psap"

[[clients]]
id = "tracker"
password = "tracker"
report_url = "http://REPORTS/mlp"
report_id = "groma"
report_password = "secret"
services = ["immediate", "triggered", "historic", "reporting"]
report_hosts = ["localhost"]

[[clients]]
id = "shop"
password = "shop"

[[clients]]
id = "operator"
type = "operator"
password = "operator"
services = ["immediate"]

[[subscribers]]
ids = ["msisdn:4917*"]
rules = [{ client = "tracker", action = "allow" }, { client = "operator", action = "allow" }]
"#;

/// How a house is set up.
pub(crate) struct Setup {
    pub(crate) door: door::Config,
    pub(crate) triggers: triggers::Config,
    /// Whether the disk is full.
    pub(crate) full: Arc<AtomicBool>,
}

impl Default for Setup {
    fn default() -> Self {
        let reports =
            outbox::Config { retry_s: 1, max_retry_s: 1, timeout_s: 5, ..outbox::Config::default() };
        Self {
            door: door::Config { reports, ..door::Config::default() },
            triggers: triggers::Config { poll_s: 0, ..triggers::Config::default() },
            full: Arc::default(),
        }
    }
}

/// The running house.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) service: Service,
    pub(crate) triggers: Triggers,
    pub(crate) outbox: Outbox,
    pub(crate) receiver: Receiver,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reports_at: SocketAddr,
    reports: AsyncMutex<mpsc::Receiver<Received>>,
    handsets: Arc<Handsets>,
    positions: Positions,
    pub(crate) stop: CancellationToken,
    background: CancellationToken,
    door: AsyncMutex<Option<tokio::task::JoinHandle<()>>>,
    #[allow(dead_code, reason = "the folder goes when this is dropped")]
    dir: Option<tempfile::TempDir>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut house = Self::at(dir.path(), setup, None).await;
        house.dir = Some(dir);
        house
    }

    /// A house in a folder; its clients take reports at this port.
    #[allow(clippy::too_many_lines, reason = "a house is built step by step")]
    pub(crate) async fn at(dir: &Path, setup: Setup, reports: Option<SocketAddr>) -> Self {
        let store_config = groma::store::Config { path: dir.join("store"), ..Default::default() };
        let disk = SledStore::open(&store_config).unwrap();
        let store: Arc<dyn Store> = Arc::new(Disk { disk, full: setup.full });
        let metrics = Arc::new(Metrics::new());
        let positions = Positions::new(Arc::clone(&store), &groma::service::positions::Config::default());
        let clock = Clock::system();
        let audit_config = groma::service::audit::Config {
            path: dir.join("audit"),
            ..groma::service::audit::Config::default()
        };
        let audit = Audit::open(&audit_config, Arc::clone(&metrics), clock.now().utc).unwrap();

        let listener = TcpListener::bind(reports.unwrap_or_else(any)).await.unwrap();
        let reports_at = listener.local_addr().unwrap();
        let (send, received) = mpsc::channel(256);
        let receiver = Receiver::new(send, Manners::default());
        tokio::spawn(receiver.clone().run(listener));

        let profiles: Profiles =
            toml::from_str(&PROFILES.replace("REPORTS", &reports_at.to_string())).unwrap();
        let book = Book::new(profiles, &groma::service::privacy::Config::default(), None).unwrap();
        let policy = groma::slc::Config::default().resolve().unwrap();
        let handsets = Arc::new(Handsets::default());
        let service_config = groma::service::config::Config {
            st1_s: 2,
            response_s: 4,
            ..groma::service::config::Config::default()
        };
        let service = Service::new(Parts {
            now: Arc::new(move || clock.now()),
            positions: positions.clone(),
            push: Arc::clone(&handsets) as _,
            policy: Arc::new(ArcSwap::from_pointee(policy)),
            audit,
            metrics: Arc::clone(&metrics),
            config: service_config,
            book,
        })
        .unwrap();
        *handsets.service.lock().unwrap() = Some((service.clone(), service.rendezvous()));

        let now: Arc<dyn Fn() -> Utc + Send + Sync> = Arc::new(move || clock.now().utc);
        let background = CancellationToken::new();
        let triggers = Triggers::open(triggers::Parts {
            config: setup.triggers,
            store: Arc::clone(&store),
            locate: Arc::new(service.clone()),
            now: Arc::clone(&now),
            stop: background.clone(),
        })
        .await
        .unwrap();
        let client = Client::new(None, Duration::from_secs(5)).unwrap();
        let outbox = Outbox::open(
            setup.door.reports.clone(),
            Arc::clone(&store),
            client,
            Arc::clone(&metrics),
            Arc::clone(&now),
            background.clone(),
        )
        .await
        .unwrap();
        let door = Door::new(door::Parts {
            config: setup.door,
            service: service.clone(),
            triggers: triggers.clone(),
            store,
            outbox: outbox.clone(),
            metrics: Arc::clone(&metrics),
            now,
            stop: background.clone(),
        });
        tokio::spawn(triggers.clone().run());
        tokio::spawn(triggers.clone().listen(service.subscribe_positions()));
        let plain = TcpListener::bind(any()).await.unwrap();
        let address = plain.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = door.run(vec![plain], Vec::new(), None, stop.clone());
        let door = tokio::spawn(async move { running.await.unwrap() });
        Self {
            address,
            service,
            triggers,
            outbox,
            receiver,
            metrics,
            reports_at,
            reports: AsyncMutex::new(received),
            handsets,
            positions,
            stop,
            background,
            door: AsyncMutex::new(Some(door)),
            dir: None,
        }
    }

    /// Stops it as the server is stopped; the store can be opened again then.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.service.shutdown().await;
        if let Some(door) = self.door.lock().await.take() {
            door.await.unwrap();
        }
        self.background.cancel();
        self.outbox.stopped().await;
        *self.handsets.service.lock().unwrap() = None;
    }

    /// What a handset does from now on.
    pub(crate) fn script(&self, target: &SetId, act: Act) {
        self.handsets.acts.lock().unwrap().insert(target.clone(), act);
    }

    /// How often handsets were invited.
    pub(crate) fn invitations(&self) -> usize {
        self.handsets.invited.lock().unwrap().len()
    }

    /// A position comes out of a session that the handset began.
    pub(crate) async fn heard(&self, target: &SetId, at: (f64, f64), radius_m: f64, time: Utc) {
        let estimate = estimate(at, radius_m, time);
        self.positions.record(target, estimate.clone()).await.unwrap();
        self.service.report(&PositionReport {
            target: target.clone(),
            estimate,
            qop_met: true,
            ordered: false,
        });
    }

    /// HTTP status and body of an answer.
    pub(crate) async fn post(&self, xml: &str) -> (u16, String) {
        let url: Url = format!("http://{}/LocationQueryService", self.address).parse().unwrap();
        let client = Client::new(None, PATIENCE).unwrap();
        let answer = client.post(&url, xml.to_owned().into()).await.unwrap();
        (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
    }

    /// The answer, which must come under status 200.
    pub(crate) async fn ask(&self, xml: &str) -> String {
        let (status, body) = self.post(xml).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A request of a client, wrapped in header and root.
    pub(crate) async fn service(&self, client: &str, version: &str, body: &str) -> String {
        self.ask(&request(client, version, body)).await
    }

    /// The next report, as text and as document.
    pub(crate) async fn report(&self) -> (String, Document) {
        let mut reports = self.reports.lock().await;
        let received = tokio::time::timeout(PATIENCE, reports.recv()).await.expect("a report").unwrap();
        let text = String::from_utf8(received.octets.to_vec()).unwrap();
        (text, received.document.expect("a document"))
    }

    /// Whether a report is there already.
    pub(crate) async fn no_report(&self) -> bool {
        self.reports.lock().await.try_recv().is_err()
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let wait = async {
            while !done(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
    }
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A document with the login of a client whose password is its name.
pub(crate) fn request(client: &str, version: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><svc_init ver=\"{version}\"><hdr ver=\"{version}\"><client><id>{client}</id>\
         <pwd>{client}</pwd></client></hdr>{body}</svc_init>"
    )
}

/// `msids` with these handsets.
pub(crate) fn msids(numbers: &[u32]) -> String {
    let one = |n: &u32| format!("<msid type=\"MSISDN\">4917000000{n:02}</msid>");
    format!("<msids>{}</msids>", numbers.iter().map(one).collect::<String>())
}

/// Every result code in a document, in order.
pub(crate) fn results(xml: &str) -> Vec<u16> {
    xml.split("resid=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

/// The text of the first element of this name.
pub(crate) fn text_of<'a>(xml: &'a str, element: &str) -> Option<&'a str> {
    let open = xml.find(&format!("<{element}"))?;
    let rest = &xml[open..];
    let begin = rest.find('>')? + 1;
    let end = rest[begin..].find("</")?;
    Some(&rest[begin..begin + end])
}

/// A document as the client reads it.
pub(crate) fn read(xml: &str) -> Body {
    parse(xml.as_bytes(), None, &Reading::default()).unwrap_or_else(|e| panic!("{e}: {xml}")).body
}
