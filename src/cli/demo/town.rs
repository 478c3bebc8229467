//! The handsets that walk about the demo's town and wait to be asked where they are, and those who ask.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::super::mlp::{Item, explain, items};
use super::super::output::print;
use crate::base::GeoPoint;
use crate::base::cell::{CellId, Plmn};
use crate::handset::{Fleet, FleetOptions, Paint, Place, Step};
use crate::le::mlp::client::{Client, Url};
use crate::le::mlp::{Reading, parse};
use crate::service::privacy::{Action, Rule};
use crate::service::{ClientProfile, ClientType, Secret, Subscriber};

/// Telephone number of the first handset; the others follow.
pub(super) const FIRST: u64 = 491_700_000_001;
/// How many there are.
const COUNT: usize = 10;
/// Who may ask, as id, which is the password too.
pub(super) const CENTRE: &str = "psap";
pub(super) const ALLOWED: &str = "tracker";
pub(super) const REFUSED: &str = "shop";

/// Where a handset listens: each has a loopback address of its own, since a SUPL INIT does not say whom it is for.
fn address(index: usize) -> IpAddr {
    IpAddr::from(Ipv4Addr::new(127, 0, 0, 11 + index as u8))
}

/// The sockets on which they wait, all of one port: the standard one, or another where a program has it.
///
/// # Errors
/// When the system has no further loopback addresses.
pub(super) async fn sockets() -> io::Result<Vec<UdpSocket>> {
    let mut failed = None;
    for wanted in [7275, 0, 0, 0] {
        match sockets_of(wanted).await {
            Ok(sockets) => return Ok(sockets),
            Err(e) => failed = Some(e),
        }
    }
    Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

async fn sockets_of(mut port: u16) -> io::Result<Vec<UdpSocket>> {
    let mut sockets = Vec::new();
    for index in 0..COUNT {
        let socket = UdpSocket::bind(SocketAddr::new(address(index), port)).await?;
        port = socket.local_addr()?.port();
        sockets.push(socket);
    }
    Ok(sockets)
}

/// The clients of the demo: an emergency centre, one that subscribers allow, and one that they do not.
pub(super) fn clients() -> Vec<ClientProfile> {
    let client = |id: &str, name: &str, client_type| ClientProfile {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        client_type,
        password: Some(Secret::new(id)),
        ..ClientProfile::default()
    };
    vec![
        client(CENTRE, "Emergency centre", ClientType::Emergency),
        client(ALLOWED, "Tracker", ClientType::ValueAdded),
        client(REFUSED, "Shop", ClientType::ValueAdded),
    ]
}

/// The subscribers: the handsets, which allow one client and no other.
pub(super) fn subscribers() -> Vec<Subscriber> {
    let one = |index: usize| {
        let id = format!("msisdn:{}", FIRST + index as u64).parse().ok()?;
        let rule = Rule { client: Some(ALLOWED.to_owned()), action: Action::Allow, ..Rule::default() };
        let address = Some(address(index));
        Some(Subscriber { ids: vec![id], rules: vec![rule], address, ..Subscriber::default() })
    };
    (0..COUNT).filter_map(one).collect()
}

/// The handsets.
pub(super) struct Town {
    fleet: Fleet,
    shown: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Town {
    /// Lets them listen on these sockets.
    pub(super) fn start(server: &str, sockets: Vec<UdpSocket>, centre: GeoPoint, paint: Paint) -> Self {
        let plmn = Plmn { mcc: 1, mnc: 1 };
        let cells = (1..=5).map(|eci| CellId::Lte { plmn, tac: 1, eci }).collect();
        let fleet = Fleet::new(&FleetOptions { cells, ..FleetOptions::new(server, FIRST, centre) });
        let shown = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for (index, socket) in sockets.into_iter().enumerate() {
            let Some(handset) = fleet.handset(index).map(Arc::clone) else { continue };
            let shown = Arc::clone(&shown);
            tasks.spawn(async move {
                let show = move |step: &Step| {
                    if index == 0 && shown.load(Ordering::Relaxed) {
                        // A reader that has gone is noticed when the result is printed.
                        let _ = print(&format!("{}\n", step.line(paint)));
                    }
                };
                // A socket that fails takes its handset off the air; the others stay.
                let _ = handset.listen(socket, show, |_, _| ()).await;
            });
        }
        Self { fleet, shown, _tasks: tasks }
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.fleet.len()
    }

    /// Whether what the first handset does is printed.
    pub(super) fn show(&self, shown: bool) {
        self.shown.store(shown, Ordering::Relaxed);
    }

    /// Where the first handset really is.
    pub(super) fn place(&self) -> Option<Place> {
        self.fleet.place(0)
    }
}

/// A request for the position of the first handset, in MLP 3.4: of the emergency service or of the standard one.
pub(super) fn request(client: &str, emergency: bool) -> String {
    let service = if emergency { "eme_lir" } else { "slir" };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<svc_init ver="3.4.0">
  <hdr ver="3.4.0"><client><id>{client}</id><pwd>{client}</pwd></client></hdr>
  <{service} ver="3.4.0">
    <msids><msid type="MSISDN">{FIRST}</msid></msids>
    <eqop><resp_timer>10</resp_timer><hor_acc qos_class="BEST_EFFORT">50</hor_acc></eqop>
    <loc_type type="CURRENT"/>
  </{service}>
</svc_init>
"#
    )
}

/// Asks over HTTP, as any client does: the answer, and what it says of the handset.
pub(super) async fn ask(mlp: SocketAddr, document: &str) -> Result<(String, Item), String> {
    let url: Url = format!("http://{mlp}/LocationQueryService").parse().map_err(|e| format!("{e}"))?;
    let client = Client::new(None, Duration::from_secs(20)).map_err(|e| e.to_string())?;
    let answer =
        client.post(&url, Bytes::copy_from_slice(document.as_bytes())).await.map_err(|e| e.to_string())?;
    let said = parse(&answer.body, None, &Reading::default()).map_err(|e| e.to_string())?;
    let mut all = items(&said.body).map_err(|verdict| explain(&verdict))?;
    let item = all.pop().ok_or("the answer says nothing of the handset")?;
    Ok((String::from_utf8_lossy(&answer.body).into_owned(), item))
}
