//! The server of the demo: a simulated sky, a generated town, and ports of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use super::town;
use crate::app::{App, AppError, RunningApp, signals};
use crate::base::GeoPoint;
use crate::base::cell::Plmn;
use crate::base::time::Clock;
use crate::cells::{CellsError, Site, generate};
use crate::config::Config;
use crate::feed::{SimulatedConfig, SourceConfig};
use crate::net::{Listen, ListenMode};

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
    App(#[from] AppError),
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

/// The running server.
pub(super) struct DemoServer {
    /// `HOST:PORT` for handsets.
    pub(super) ulp: String,
    /// Where clients ask over MLP.
    pub(super) mlp: Option<SocketAddr>,
    /// `HOST:PORT` of the operator's pages.
    pub(super) http: SocketAddr,
    app: RunningApp,
    _folder: Folder,
}

impl DemoServer {
    /// Starts it, on the standard ports where they are free; SUPL INITs go to the UDP port `init`.
    pub(super) async fn start(init: u16) -> Result<Self, StartError> {
        let folder = Folder::new().map_err(StartError::Folder)?;
        let app = match Self::app(&folder, "standard", free(7275), free(8080), init).await {
            // Another program was quicker.
            Err(StartError::App(AppError::Bind(_) | AppError::Http { .. })) => {
                Self::app(&folder, "any", free(0), free(0), init).await
            }
            started => started,
        }?;
        let ulp = app.supl.first().map_or_else(String::new, SocketAddr::to_string);
        Ok(Self { ulp, mlp: app.mlp.first().copied(), http: app.http, app, _folder: folder })
    }

    async fn app(
        folder: &Folder,
        name: &str,
        ulp: SocketAddr,
        http: SocketAddr,
        init: u16,
    ) -> Result<RunningApp, StartError> {
        let clock = Clock::system();
        let mut config = Config { data: folder.0.join(name), drain_s: 0, ..Config::default() };
        std::fs::create_dir_all(&config.data).map_err(StartError::Folder)?;
        config.listen = vec![Listen { address: ulp, mode: ListenMode::Auto }];
        config.http.listen = http;
        config.clients = town::clients();
        config.subscribers = town::subscribers();
        config.push.udp.port = init;
        config.mlp.listen = vec![free(9210)];
        config.mlp.listen_tls = vec![free(9211)];
        config.feed.sources = vec![SourceConfig::Simulated(SimulatedConfig::default())];
        "localhost".clone_into(&mut config.session.slp_address);
        let centre = GeoPoint { lat: TOWN.0, lon: TOWN.1 };
        generate(&config.cells().table, &Site::town(centre, Plmn { mcc: 1, mnc: 1 }), clock.now().utc)?;
        Ok(App::new(config, clock).start().await?)
    }

    /// Serves until Ctrl-C or SIGTERM.
    pub(super) async fn until_signalled(self) -> std::io::Result<()> {
        let Self { app, _folder: folder, .. } = self;
        let done = signals::run(app).await.map(drop);
        drop(folder);
        done
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.app.shutdown().await;
    }
}

/// The port on loopback, or port 0 where another program has it.
fn free(port: u16) -> SocketAddr {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}
