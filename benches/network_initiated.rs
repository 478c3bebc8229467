//! Everybody is asked at once: SUPL INIT by UDP to a town full of simulated handsets, each of which connects, is given
//! assistance, computes its position and sends it back.
//!
//! `cargo bench --bench network_initiated [-- COUNT]`. Handsets and server share this process and its cores, half of the
//! handsets speak SUPL 1.0 with RRLP over TLS or TCP, half SUPL 2.0 with LPP; the figures are those of both sides together.
//! It fails unless every order is answered with the position of its own handset.

// What fails here is the measurement: it stops where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use groma::base::cell::{CellId, Plmn, ReferenceLocator};
use groma::base::time::Clock;
use groma::base::{GeoPoint, GpsTime, QualityOfPosition, Utc};
use groma::cells::{Locator, Site, generate};
use groma::feed::simulated;
use groma::gnss::SkySnapshot;
use groma::handset::{Fleet, FleetOptions, Security};
use groma::net::tls::{RustlsBackend, TlsBackend};
use groma::net::{Connection, Host, Limits, Listen, Listener, Parts, Server, World, new_session};
use groma::observe::trace::Tracer;
use groma::slc::ni::{self, Invited, Order, OrderEnd, OrderEvent, Protection, Rendezvous, SuplVersion, What};
use groma::slc::{AccessCheck, PositionReport, SessionRecord, TrustEveryone};
use tokio::sync::mpsc;

const COUNT: usize = 2000;
const TOWN: GeoPoint = GeoPoint { lat: 50.8467, lon: 4.3525 };
/// Telephone number of the first handset.
const FIRST: u64 = 491_700_000_001;
/// A position of another handset would be further off; one of its own is not.
const OWN_M: f64 = 100.0;

/// Where orders wait, and where it is told what becomes of them.
struct Desk {
    waiting: Mutex<HashMap<[u8; 4], Arc<Invited>>>,
    told: mpsc::UnboundedSender<([u8; 4], OrderEvent)>,
}

impl Rendezvous for Desk {
    fn find(&self, slp_session: [u8; 4]) -> Option<Arc<Invited>> {
        self.waiting.lock().unwrap().get(&slp_session).cloned()
    }
    fn claim(&self, slp_session: [u8; 4]) -> bool {
        self.waiting.lock().unwrap().remove(&slp_session).is_some()
    }
}

struct Ears(Arc<Desk>);

impl Host for Ears {
    fn position(&self, _: &Connection, _: PositionReport) {}
    fn ordered(&self, slp_session: [u8; 4], event: OrderEvent) {
        let _ = self.0.told.send((slp_session, event));
    }
    fn ended(&self, _: &Connection, _: SessionRecord) {}
}

fn main() {
    let count =
        std::env::args().skip(1).filter(|a| a != "--bench").find_map(|n| n.parse().ok()).unwrap_or(COUNT);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let good = runtime.block_on(measure(count));
    runtime.shutdown_background();
    std::process::exit(i32::from(!good));
}

async fn measure(count: usize) -> bool {
    let (told, mut events) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk { waiting: Mutex::default(), told });
    let session = groma::slc::Config::default();
    let policy = session.resolve().unwrap();
    let address = serve(&desk, &session);
    let plmn = Plmn { mcc: 1, mnc: 1 };
    let options = FleetOptions {
        count,
        mixed: true,
        security: Security::Tls { ca: None, only: None },
        patience: Duration::from_mins(2),
        cells: (1..=9).map(|eci| CellId::Lte { plmn, tac: 1, eci }).collect(),
        ..FleetOptions::new(address, FIRST, TOWN)
    };
    let fleet = Fleet::listen(&options, "127.0.0.1".parse().unwrap(), 0, |_, _| (), |_, _| ()).await.unwrap();
    let before_kib = resident_kib();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let begun = Instant::now();
    let mut orders = HashMap::new();
    for index in 0..fleet.len() {
        let version = if index % 2 == 1 { SuplVersion::V1 } else { SuplVersion::V2 };
        let target = fleet.handset(index).unwrap().options().session.set_id.clone();
        let order = Order {
            slp_session: (index as u32 + 1).to_be_bytes(),
            target,
            alternatives: Vec::new(),
            version,
            what: What::Position,
            method: None,
            qop: Some(QualityOfPosition { horizontal_m: Some(50.0), ..QualityOfPosition::default() }),
            notification: None,
            emergency: true,
            protection: Protection::Absent,
            area: None,
            velocity: false,
            deadline: begun + Duration::from_mins(2),
        };
        let invitation = ni::invite(&order, &policy).unwrap();
        let invited = Arc::new(Invited { order, invitation });
        orders.insert(invited.order.slp_session, (index, Instant::now()));
        desk.waiting.lock().unwrap().insert(invited.order.slp_session, Arc::clone(&invited));
        socket.send_to(&invited.invitation.octets, fleet.address(index).unwrap()).await.unwrap();
    }
    let mut took = Vec::new();
    let mut positions = HashMap::new();
    let (mut completed, mut wrong, mut peak_kib) = (0, 0, before_kib);
    while took.len() < count {
        let Ok(Some((id, event))) = tokio::time::timeout(Duration::from_secs(130), events.recv()).await
        else {
            break;
        };
        let (index, asked) = orders[&id];
        match event {
            OrderEvent::Position { estimate, qop_met: true } => drop(positions.insert(id, estimate)),
            OrderEvent::Arrived { .. } | OrderEvent::Position { .. } => {}
            OrderEvent::Ended(end) => {
                took.push(asked.elapsed());
                completed += usize::from(end == OrderEnd::Completed);
                let truth = fleet.place(index).unwrap().at;
                let off = positions.get(&id).and_then(|e| e.shape.centre()).map(|at| at.distance_m(truth));
                wrong += usize::from(off.is_none_or(|m| m > OWN_M));
                if took.len() % 100 == 0 {
                    peak_kib = peak_kib.max(resident_kib());
                }
            }
        }
    }
    let total = begun.elapsed();
    took.sort_unstable();
    let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1)));
    let seconds = |d: Option<&Duration>| d.map_or(f64::NAN, Duration::as_secs_f64);
    println!(
        "{count} handsets asked at once: {} answered, {completed} with a position, {wrong} wrong",
        took.len()
    );
    println!(
        "all in {:.2} s ({:.0} positions a second, both sides); half within {:.2} s, 99 % within {:.2} s",
        total.as_secs_f64(),
        completed as f64 / total.as_secs_f64(),
        seconds(at(0.5)),
        seconds(at(0.99)),
    );
    println!(
        "memory of both sides: {:.1} MiB before, {:.1} MiB at most ({:.0} KiB a session)",
        before_kib as f64 / 1024.0,
        peak_kib as f64 / 1024.0,
        (peak_kib - before_kib) as f64 / count.max(1) as f64,
    );
    completed == count && wrong == 0
}

/// A server on loopback; gives its address.
fn serve(desk: &Arc<Desk>, session: &groma::slc::Config) -> String {
    let data = std::env::temp_dir().join(format!("groma-invited-{}", std::process::id()));
    std::fs::create_dir_all(&data).unwrap();
    let tls: Arc<dyn TlsBackend> =
        Arc::new(RustlsBackend::new(groma::net::tls::Config::default(), &data, vec![]).unwrap());
    let now: Utc = std::time::SystemTime::now().into();
    let table = data.join("cells");
    generate(&table, &Site::town(TOWN, Plmn { mcc: 1, mnc: 1 }), now).unwrap();
    let cells: Box<dyn ReferenceLocator> = Box::new(Locator::of_table(&table).unwrap());
    let access: Box<dyn AccessCheck> = Box::new(TrustEveryone);
    let patience = Duration::from_mins(2);
    let server = Server::new(Parts {
        clock: Clock::system(),
        world: World {
            sky: Arc::new(ArcSwap::from_pointee(SkySnapshot::of(&simulated::sky_at(GpsTime::from_utc(now))))),
            cells: Arc::new(ArcSwap::from_pointee(cells)),
            access: Arc::new(ArcSwap::from_pointee(access)),
            policy: Arc::new(ArcSwap::from_pointee(session.resolve().unwrap())),
            memo: Arc::default(),
            orders: Arc::clone(desk) as _,
        },
        host: Arc::new(Ears(Arc::clone(desk))),
        tracer: Tracer::new(groma::observe::trace::Config::default()),
        limits: Limits {
            max: 1_000_000,
            max_per_source: 1_000_000,
            silent: patience,
            handshake: patience,
            ..Limits::default()
        },
        new_machine: new_session,
    });
    let listen = [Listen { address: "127.0.0.1:0".parse().unwrap(), mode: groma::net::ListenMode::Auto }];
    let listener = Listener::bind_all(&listen, &tls).unwrap().remove(0);
    let address = listener.address().to_string();
    tokio::spawn(listener.run(server));
    let _ = std::fs::remove_dir_all(&data);
    address
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
