//! A whole server in a town, and the handsets there, each with a loopback address of its own at which it is called.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use groma::app::{App, RunningApp};
use groma::base::cell::{CellId, LocationId, Plmn};
use groma::base::ids::SetSessionId;
use groma::base::time::Clock;
use groma::base::{GeoPoint, PositionMethod, QualityOfPosition, SetId, SlpSessionId};
use groma::cells::{Site, generate};
use groma::config::Config;
use groma::feed::{SimulatedConfig, SourceConfig};
use groma::handset::{
    Connection, Discard, Goal, Heard, Listener, ListenerOptions, Motion, Options, Place, Report, Security,
};
use groma::net::{Listen, ListenMode};
use groma::service::{Flow, LocateError, LocateRequest, Located, Service};
use groma::slc::ni::StatusCode;
use groma::wire::ulp::{self, Init, SessionIds, UlpMessage, UlpPdu, Version};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::server::TOWN;

/// Far longer than anything takes that works.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The cell of everybody.
pub(super) const LTE: CellId = CellId::Lte { plmn: Plmn { mcc: 1, mnc: 1 }, tac: 1, eci: 5 };

/// Who may ask, and what each handset's user wants: the handset with the number `n` of [`number`] has the profile below
/// that covers it, or none. `ADDRESS` and `VERSION` are filled in.
const CLIENTS: &str = r#"
[[clients]]
id = "psap"
type = "emergency"
password = "psap"
[[clients]]
id = "tracker"
password = "tracker"
[[clients]]
id = "taxi"
password = "taxi"
[[clients]]
id = "pizza"
password = "pizza"
[[clients]]
id = "shop"
password = "shop"
"#;

/// What the user of a handset wants of whom.
const RULES: &str = r#"
rules = [
    { client = "tracker", action = "allow" },
    { client = "taxi", action = "verify-deny" },
    { client = "pizza", action = "verify-allow" },
]
"#;

/// Handsets that have a profile.
pub(super) const LISTED: u8 = 9;

/// A server, and the UDP port on which handsets are called.
pub(super) struct Town {
    app: Option<RunningApp>,
    port: u16,
    _data: tempfile::TempDir,
    handsets: JoinSet<()>,
}

impl Town {
    pub(super) async fn open() -> Self {
        Self::with("2.0", |_| ()).await
    }

    /// A town whose handsets are called in this version, with a configuration of its own.
    pub(super) async fn with(version: &str, change: impl FnOnce(&mut Config)) -> Self {
        let rules: String = (1..=LISTED)
            .map(|n| {
                let (ip, n) = (address(n), number(n));
                format!("[[subscribers]]\nids = [\"msisdn:{n}\"]\naddress = \"{ip}\"\nversion = \"{version}\"{RULES}")
            })
            .collect();
        Self::ruled(&rules, change).await
    }

    /// A town whose subscribers are these.
    pub(super) async fn ruled(subscribers: &str, change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let profiles: Config = toml::from_str(&format!("{CLIENTS}{subscribers}")).expect("profiles");
        let mut config = Config {
            data: data.path().to_owned(),
            drain_s: 0,
            clients: profiles.clients,
            subscribers: profiles.subscribers,
            ..Config::default()
        };
        config.listen = vec![Listen { address: any, mode: ListenMode::Auto }];
        config.http.listen = any;
        (config.mlp.listen, config.mlp.listen_tls) = (vec![any], Vec::new());
        config.feed.sources = vec![SourceConfig::Simulated(SimulatedConfig::default())];
        config.connections.linger_s = 0;
        // A slow machine fails no test: nobody's patience ends before the request's.
        (config.connections.silent_s, config.connections.handshake_s) = (30, 30);
        (config.session.first_message_s, config.session.st2_s, config.session.st3_s) = (30, 30, 30);
        // What is known already must not be what is answered.
        (config.service.fresh_s, config.service.st1_s, config.service.emergency_last_known) = (0, 30, false);
        config.push.udp.port = free_port().await;
        config.push.udp.pause_ms = 100;
        change(&mut config);
        let port = config.push.udp.port;
        let middle = GeoPoint::new(TOWN.0, TOWN.1).expect("a place");
        let sites = Site::town(middle, Plmn { mcc: 1, mnc: 1 });
        generate(&config.cells().table, &sites, Clock::system().now().utc).expect("a table of cells");
        let app = App::new(config, Clock::system()).start().await.expect("a server");
        Self { app: Some(app), port, _data: data, handsets: JoinSet::new() }
    }

    fn app(&self) -> &RunningApp {
        self.app.as_ref().expect("a running server")
    }

    pub(super) fn service(&self) -> &Service {
        self.app().service()
    }

    /// `HOST:PORT` for handsets.
    pub(super) fn ulp(&self) -> String {
        self.app().supl[0].to_string()
    }

    /// Where LCS clients ask.
    pub(super) fn mlp(&self) -> SocketAddr {
        self.app().mlp[0]
    }

    /// What a client asks of a handset, within [`PATIENCE`].
    pub(super) fn request(&self, client: &str, n: u8) -> LocateRequest {
        let client = self.service().client(client).expect("a client");
        let flow = if client.id() == "psap" { Flow::Emergency } else { Flow::Immediate };
        let qop = QualityOfPosition {
            horizontal_m: Some(50.0),
            response_time: Some(PATIENCE),
            ..QualityOfPosition::default()
        };
        LocateRequest { qop, ..LocateRequest::new(client, flow, target(n)) }
    }

    /// Asks, while other things happen.
    pub(super) fn ask(&self, request: LocateRequest) -> JoinHandle<Result<Located, LocateError>> {
        let service = self.service().clone();
        tokio::spawn(async move { service.locate(request).await })
    }

    /// Puts a handset on the air; what becomes of each call of it comes out.
    pub(super) async fn handset(
        &mut self,
        n: u8,
        change: impl FnOnce(&mut ListenerOptions),
    ) -> mpsc::UnboundedReceiver<Heard> {
        let mut options = Options::new(Goal::Agnss, self.ulp());
        options.security = Security::Plain;
        options.cells = vec![LTE];
        options.set_id = target(n);
        (options.seed, options.timeout) = (n.into(), PATIENCE);
        let mut options = ListenerOptions::new(options, Motion::Still(place(n)));
        change(&mut options);
        let socket = UdpSocket::bind((address(n), self.port)).await.expect("an address of its own");
        let (tell, told) = mpsc::unbounded_channel();
        let heard = move |_, heard| drop(tell.send(heard));
        let listener = Arc::new(Listener::new(options));
        self.handsets.spawn(async move { drop(listener.listen(socket, |_| (), heard).await) });
        told
    }

    /// A handset that the test plays itself.
    pub(super) async fn radio(&self, n: u8) -> Radio {
        let socket = UdpSocket::bind((address(n), self.port)).await.expect("an address of its own");
        Radio { socket, server: self.ulp(), me: target(n), heard: Vec::new() }
    }

    /// Takes the handsets off the air.
    pub(super) async fn off_air(&mut self) {
        self.handsets.shutdown().await;
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn quiet(&self) {
        until("orders end", || self.service().load() == groma::service::Load::default()).await;
    }

    /// Stops the server in order.
    pub(super) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.shutdown().await;
        }
    }
}

/// A port that is free on the first address, and so on all the others, where nobody else listens.
async fn free_port() -> u16 {
    // Tests of one process run beside each other; each gets another port.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 20_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 5000;
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await.is_ok() {
            return port;
        }
    }
}

/// What became of the handset's session: it must have had one. Copies of the SUPL INIT may have come before.
pub(super) async fn answered(heard: &mut mpsc::UnboundedReceiver<Heard>) -> Report {
    loop {
        match tokio::time::timeout(PATIENCE, heard.recv()).await.expect("heard") {
            Some(Heard::Answered(report)) => return *report,
            Some(Heard::Discarded(Discard::Again)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until something holds.
pub(super) async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Where the handset `n` is called.
pub(super) fn address(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 7, n)
}

/// Its telephone number.
pub(super) fn number(n: u8) -> String {
    format!("4917000000{n:02}")
}

pub(super) fn target(n: u8) -> SetId {
    SetId::Msisdn(number(n).parse().expect("digits"))
}

/// Where it is: each a good way from all others.
pub(super) fn place(n: u8) -> Place {
    let (row, column) = (f64::from(n / 4), f64::from(n % 4));
    let at = GeoPoint::new(TOWN.0 - 0.006 + row * 0.003, TOWN.1 - 0.006 + column * 0.004);
    Place { at: at.expect("a place"), altitude_m: 60.0 }
}

/// How far a position is off the place of a handset, metres, and how it was found.
pub(super) fn off(located: &Located, n: u8) -> (f64, PositionMethod) {
    let centre = located.estimate.shape.centre().expect("a centre");
    (centre.distance_m(place(n).at), located.estimate.method)
}

/// A handset that the test plays.
pub(super) struct Radio {
    socket: UdpSocket,
    server: String,
    pub(super) me: SetId,
    heard: Vec<SlpSessionId>,
}

impl Radio {
    /// The next SUPL INIT that was not heard before.
    pub(super) async fn call(&mut self) -> Call {
        let wait = async {
            loop {
                let mut octets = vec![0; 2000];
                let (n, _) = self.socket.recv_from(&mut octets).await.expect("a datagram");
                octets.truncate(n);
                let pdu = UlpPdu::decode(&octets).expect("a PDU");
                let UlpMessage::Init(init) = pdu.message else { panic!("no INIT") };
                let slp = pdu.session.slp.expect("a session id");
                if !self.heard.contains(&slp) {
                    self.heard.push(slp.clone());
                    let (server, me) = (self.server.clone(), self.me.clone());
                    return Call { octets, version: pdu.version, slp, init: *init, server, me };
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("a SUPL INIT")
    }
}

/// A SUPL INIT that was heard.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) octets: Vec<u8>,
    pub(super) version: Version,
    pub(super) slp: SlpSessionId,
    pub(super) init: Init,
    pub(super) me: SetId,
    server: String,
}

impl Call {
    /// The hash by which the handset shows that it has heard it.
    pub(super) fn ver(&self) -> [u8; 8] {
        ulp::ver(self.version, &self.slp.slp, &self.octets)
    }

    /// Answers with this message on a connection of its own.
    pub(super) async fn answer(&self, message: UlpMessage) -> Line {
        let connection = Connection::open(&self.server, &Security::Plain, PATIENCE).await.expect("connected");
        let set = SetSessionId { id: 9, set_id: self.me.clone() };
        let session = SessionIds { set: Some(set), slp: Some(self.slp.clone()) };
        let mut line = Line { connection, session, version: self.version };
        line.say(message).await;
        line
    }

    /// Answers as it should be.
    pub(super) async fn come(&self) -> Line {
        self.answer(pos_init(Some(self.ver()))).await
    }
}

/// A connection of a handset that the test plays.
pub(super) struct Line {
    connection: Connection,
    pub(super) session: SessionIds,
    version: Version,
}

impl Line {
    pub(super) async fn say(&mut self, message: UlpMessage) {
        let pdu = UlpPdu::new(self.version, self.session.clone(), message).encode().expect("a PDU");
        self.connection.send(&pdu).await.expect("sent");
    }

    /// The next message; `None` when the server has closed.
    pub(super) async fn hear(&mut self) -> Option<UlpMessage> {
        let received = tokio::time::timeout(PATIENCE, self.connection.receive()).await;
        let octets = received.expect("an answer in time").unwrap_or(None)?;
        Some(UlpPdu::decode(&octets).expect("a PDU").message)
    }

    /// The status of the SUPL END that must come next, after which the server has nothing to say.
    pub(super) async fn ended(&mut self) -> Option<StatusCode> {
        let Some(UlpMessage::End(end)) = self.hear().await else { panic!("no SUPL END") };
        assert!(self.hear().await.is_none(), "nothing follows SUPL END");
        end.status
    }

    /// Goes away.
    pub(super) async fn vanish(mut self) {
        self.connection.close().await;
    }
}

/// SUPL POS INIT of a handset with LPP (2.0) or RRLP.
pub(super) fn pos_init(ver: Option<[u8; 8]>) -> UlpMessage {
    let mut capabilities = ulp::SetCapabilities::default();
    capabilities.gps.ms_based = true;
    (capabilities.protocols.lpp, capabilities.protocols.rrlp) = (true, true);
    UlpMessage::PosInit(Box::new(ulp::PosInit {
        capabilities,
        assistance: None,
        location_ids: vec![LocationId::serving(LTE)],
        position: None,
        pos: None,
        ver,
    }))
}
