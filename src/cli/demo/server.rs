//! The server of the demo: a simulated sky, a generated town, ports of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::base::GeoPoint;
use crate::base::cell::{Plmn, ReferenceLocator};
use crate::base::time::{Clock, GpsTime};
use crate::cells::{CellsError, Locator, Site, generate};
use crate::feed::simulated;
use crate::gnss::SkySnapshot;
use crate::net::tls::{self, RustlsBackend, TlsBackend, TlsError};
use crate::net::{
    BindError, Connection, Host, Limits, Listen, ListenMode, Listener, Parts, Server, World, new_session,
};
use crate::observe::trace::Tracer;
use crate::slc::{self, AccessCheck, PositionReport, SessionRecord, TrustEveryone};

/// Where the town stands: the middle of Brussels.
pub(super) const TOWN: (f64, f64) = (50.8467, 4.3525);

/// Why the demo's server does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("cannot make a folder for the demo: {0}")]
    Folder(std::io::Error),
    #[error(transparent)]
    Cells(#[from] CellsError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Settings(#[from] slc::ConfigError),
}

/// A folder that goes with the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("groma-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nobody keeps what comes out: the handsets' own reports show it.
struct NoHost;

impl Host for NoHost {
    fn position(&self, _: PositionReport) {}
    fn ended(&self, _: &Connection, _: SessionRecord) {}
}

/// The running server.
pub(super) struct DemoServer {
    /// `HOST:PORT` for handsets.
    pub(super) ulp: String,
    /// `HOST:PORT` of the operator's pages.
    pub(super) http: Option<String>,
    server: Arc<Server>,
    _folder: Folder,
}

impl DemoServer {
    /// Starts it on the standard port, or on a free one when that is taken.
    pub(super) fn start() -> Result<Self, StartError> {
        let folder = Folder::new().map_err(StartError::Folder)?;
        let clock = Clock::system();
        let sky = Arc::new(ArcSwap::from_pointee(sky(&clock)));
        let centre = GeoPoint { lat: TOWN.0, lon: TOWN.1 };
        let table = folder.0.join("cells");
        generate(&table, &Site::town(centre, Plmn { mcc: 1, mnc: 1 }), clock.now().utc)?;
        let cells: Box<dyn ReferenceLocator> = Box::new(Locator::of_table(&table)?);
        let access: Box<dyn AccessCheck> = Box::new(TrustEveryone);
        let names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
        let backend: Arc<dyn TlsBackend> =
            Arc::new(RustlsBackend::new(tls::Config::default(), &folder.0, names)?);
        let server = Server::new(Parts {
            clock,
            world: World {
                sky: Arc::clone(&sky),
                cells: Arc::new(ArcSwap::from_pointee(cells)),
                access: Arc::new(ArcSwap::from_pointee(access)),
                policy: Arc::new(ArcSwap::from_pointee(slc::Config::default().resolve()?)),
            },
            host: Arc::new(NoHost),
            tracer: Tracer::new(crate::observe::trace::Config::default()),
            limits: Limits::default(),
            new_machine: new_session,
        });
        let mut ulp = String::new();
        for listener in bind(&backend)? {
            ulp = listener.address().to_string();
            tokio::spawn(listener.run(Arc::clone(&server)));
        }
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(simulated::REFRESH_S));
            loop {
                tick.tick().await;
                sky.store(Arc::new(self::sky(&clock)));
            }
        });
        Ok(Self { ulp, http: None, server, _folder: folder })
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.server.drain(Duration::from_millis(100)).await;
    }
}

fn bind(backend: &Arc<dyn TlsBackend>) -> Result<Vec<Listener>, BindError> {
    let at = |port| Listen { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), mode: ListenMode::Auto };
    Listener::bind_all(&[at(7275)], backend).or_else(|_| Listener::bind_all(&[at(0)], backend))
}

fn sky(clock: &Clock) -> SkySnapshot {
    SkySnapshot::of(&simulated::sky_at(GpsTime::from_utc(clock.now().utc)))
}
