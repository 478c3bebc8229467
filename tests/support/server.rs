//! A whole server on loopback: listeners, TLS, sessions, a sky and a table of cells.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groma::base::cell::{CellId, NoCells, Plmn, ReferenceLocator};
use groma::base::time::Clock;
use groma::base::{GeoPoint, GpsTime, Utc};
use groma::cells::{Locator, Site, generate};
use groma::feed::{rinex, simulated};
use groma::gnss::SkySnapshot;
use groma::net::tls::{self, RustlsBackend, TlsBackend};
use groma::net::{Connection, Host, Limits, Listen, ListenMode, Listener, Parts, Server, World, new_session};
use groma::observe::trace::Tracer;
use groma::slc::ni::{NoOrders, OrderEnd, OrderEvent, Rendezvous};
use groma::slc::{self, AccessCheck, PositionReport, SessionRecord, TrustEveryone};

/// The middle of the town in which the tests' cells stand.
pub(crate) const TOWN: (f64, f64) = (50.8467, 4.3525);
/// Far longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// What sessions left behind.
#[derive(Default)]
struct Kept {
    records: Mutex<Vec<(Connection, SessionRecord)>>,
    positions: Mutex<Vec<PositionReport>>,
    orders: Mutex<Vec<([u8; 4], OrderEvent)>>,
}

impl Host for Kept {
    fn position(&self, _: &Connection, report: PositionReport) {
        self.positions.lock().unwrap().push(report);
    }
    fn ordered(&self, slp_session: [u8; 4], event: OrderEvent) {
        self.orders.lock().unwrap().push((slp_session, event));
    }
    fn ended(&self, connection: &Connection, record: SessionRecord) {
        self.records.lock().unwrap().push((connection.clone(), record));
    }
}

/// How to set a server up.
pub(crate) struct Setup {
    pub(crate) sky: SkySnapshot,
    pub(crate) cells: bool,
    pub(crate) clock: Clock,
    pub(crate) session: slc::Config,
    pub(crate) limits: Limits,
    pub(crate) orders: Arc<dyn Rendezvous>,
}

impl Default for Setup {
    fn default() -> Self {
        let now: Utc = std::time::SystemTime::now().into();
        Self {
            sky: SkySnapshot::of(&simulated::sky_at(GpsTime::from_utc(now))),
            cells: true,
            clock: Clock::system(),
            session: slc::Config::default(),
            limits: Limits { linger: Duration::from_millis(200), ..Limits::default() },
            orders: Arc::new(NoOrders),
        }
    }
}

impl Setup {
    /// Starts it on the runtime of the caller.
    pub(crate) fn start(self) -> TestServer {
        let data = tempfile::tempdir().expect("a folder");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let tls = Arc::new(RustlsBackend::new(tls::Config::default(), data.path(), names).expect("TLS"));
        let backend: Arc<dyn TlsBackend> = tls;
        let kept = Arc::new(Kept::default());
        let tracer = Tracer::new(groma::observe::trace::Config::default());
        let access: Box<dyn AccessCheck> = Box::new(TrustEveryone);
        let cells = if self.cells { town(data.path()) } else { Box::new(NoCells) };
        let server = Server::new(Parts {
            clock: self.clock,
            world: World {
                sky: Arc::new(ArcSwap::from_pointee(self.sky)),
                cells: Arc::new(ArcSwap::from_pointee(cells)),
                access: Arc::new(ArcSwap::from_pointee(access)),
                policy: Arc::new(ArcSwap::from_pointee(self.session.resolve().expect("settings"))),
                memo: Arc::default(),
                orders: self.orders,
            },
            host: Arc::clone(&kept) as _,
            tracer: Arc::clone(&tracer),
            limits: self.limits,
            new_machine: new_session,
        });
        let listen = [Listen { address: "127.0.0.1:0".parse().expect("address"), mode: ListenMode::Auto }];
        let listener = Listener::bind_all(&listen, &backend).expect("a port").remove(0);
        let address = listener.address();
        tokio::spawn(listener.run(Arc::clone(&server)));
        TestServer { server, tracer, kept, address, ulp: address.to_string(), data }
    }
}

/// A server with one port, which takes TLS and plain ULP.
pub(crate) struct TestServer {
    pub(crate) server: Arc<Server>,
    pub(crate) tracer: Arc<Tracer>,
    kept: Arc<Kept>,
    pub(crate) address: SocketAddr,
    ulp: String,
    pub(crate) data: tempfile::TempDir,
}

impl TestServer {
    /// With the simulated sky of this moment and the town's cells.
    pub(crate) fn simulated() -> Self {
        Setup::default().start()
    }

    /// With a recorded day, at a time of that day.
    pub(crate) fn replaying(nav: &Path, at: &str) -> Self {
        let at: Utc = at.parse().expect("a time");
        let file = std::fs::File::open(nav).expect("a file");
        let (update, _) = rinex::read(file, "recorded", at).expect("a navigation file");
        let sky = SkySnapshot::of(&update);
        Setup { sky, clock: Clock::starting_at(at), ..Setup::default() }.start()
    }

    /// `HOST:PORT` for handsets.
    pub(crate) fn ulp(&self) -> &str {
        &self.ulp
    }

    /// The records of sessions that have ended, once there are this many.
    pub(crate) async fn records(&self, count: usize) -> Vec<SessionRecord> {
        let wait = async {
            loop {
                let records: Vec<SessionRecord> =
                    self.kept.records.lock().unwrap().iter().map(|(_, r)| r.clone()).collect();
                if records.len() >= count {
                    return records;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("sessions leave records")
    }

    /// Positions that came out of sessions so far.
    pub(crate) fn positions(&self) -> Vec<PositionReport> {
        self.kept.positions.lock().unwrap().clone()
    }

    /// What happened to an order, once it has ended.
    pub(crate) async fn order(&self, slp_session: [u8; 4]) -> (Vec<OrderEvent>, OrderEnd) {
        let wait = async {
            loop {
                let mut events: Vec<OrderEvent> = {
                    let all = self.kept.orders.lock().unwrap();
                    all.iter().filter(|(id, _)| *id == slp_session).map(|(_, e)| e.clone()).collect()
                };
                if let Some(OrderEvent::Ended(end)) = events.last() {
                    let end = *end;
                    events.pop();
                    return (events, end);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("orders end")
    }

    /// Everything that happened to orders so far.
    pub(crate) fn order_events(&self) -> Vec<([u8; 4], OrderEvent)> {
        self.kept.orders.lock().unwrap().clone()
    }

    pub(crate) async fn stop(self) {
        self.server.drain(Duration::ZERO).await;
    }
}

/// The town's transmitters, and the cells in which captured clients were.
fn town(data: &Path) -> Box<dyn ReferenceLocator> {
    let centre = GeoPoint::new(TOWN.0, TOWN.1).expect("a place");
    let mut sites = Site::town(centre, Plmn { mcc: 1, mnc: 1 });
    let plmn = Plmn { mcc: 244, mnc: 5 };
    for cell in [CellId::Gsm { plmn, lac: 0x59e2, ci: 0x31b0 }, CellId::Wcdma { plmn, uc: 0xf31bb }] {
        sites.push(Site { cell, at: centre, range_m: 2000 });
    }
    let path = data.join("cells");
    generate(&path, &sites, std::time::SystemTime::now().into()).expect("a table");
    Box::new(Locator::of_table(&path).expect("a table"))
}
