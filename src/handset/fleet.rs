//! A town full of handsets that wait to be asked and walk about meanwhile.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::ladder::Step;
use super::listen::{Heard, Listener, ListenerOptions};
use super::motion::{Motion, Route};
use super::options::{Goal, Options, Payload, Place, SuplVersion};
use super::transport::Security;
use super::{Answer, Provisioned};
use crate::base::broadcast::Gnss;
use crate::base::cell::CellId;
use crate::base::geo::GeoPoint;
use crate::base::ids::{Msisdn, SetId};

/// What a fleet is.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// `HOST:PORT` of the server.
    pub server: String,
    /// How connections to it are protected.
    pub security: Security,
    /// Telephone number of the first; the others follow, one higher each.
    pub first: u64,
    /// How many.
    pub count: usize,
    /// Middle of their town.
    pub town: GeoPoint,
    /// How far out they walk, metres.
    pub radius_m: f64,
    /// How fast, metres per second.
    pub speed_mps: f64,
    /// What they hear, in turn; the first that has none says so.
    pub cells: Vec<CellId>,
    /// SUPL 1.0 with RRLP for every other one, so that both are there.
    pub mixed: bool,
    /// What their users say.
    pub answer: Answer,
    /// How long they wait for any one answer of the server.
    pub patience: Duration,
}

impl FleetOptions {
    /// Ten handsets that walk within 1.5 km of a place and allow everything.
    pub fn new(server: impl Into<String>, first: u64, town: GeoPoint) -> Self {
        Self {
            server: server.into(),
            security: Security::Plain,
            first,
            count: 10,
            town,
            radius_m: 1500.0,
            speed_mps: 1.4,
            cells: Vec::new(),
            mixed: false,
            answer: Answer::Allow,
            patience: Duration::from_secs(10),
        }
    }

    /// The handset with this number.
    fn handset(&self, index: usize) -> Option<ListenerOptions> {
        let seed = self.first.wrapping_add(index as u64);
        let number: Msisdn = seed.to_string().parse().ok()?;
        let old = self.mixed && index % 2 == 1;
        let mut options = Options::new(Goal::Agnss, self.server.clone());
        if old {
            (options.version, options.payload) = (SuplVersion::V1, Payload::Rrlp);
            options.gnss = vec![Gnss::Gps];
        }
        options.security = self.security.clone();
        options.set_id = SetId::Msisdn(number);
        options.session_id = index as u16;
        options.seed = seed;
        options.timeout = self.patience;
        options.cells = index
            .checked_rem(self.cells.len())
            .and_then(|i| self.cells.get(i))
            .copied()
            .into_iter()
            .collect();
        let route = Route::about(self.town, self.radius_m, self.speed_mps, seed)?;
        Some(ListenerOptions {
            answer: self.answer,
            provisioned: Provisioned::Null,
            ..ListenerOptions::new(options, Motion::Route(route))
        })
    }
}

/// Handsets that wait to be asked. Dropping it takes them off the air.
#[derive(Debug, Default)]
pub struct Fleet {
    handsets: Vec<Arc<Listener>>,
    addresses: Vec<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Fleet {
    /// A fleet that is reached only by [`Self::handset`] and [`Listener::hear`]: no sockets.
    pub fn new(options: &FleetOptions) -> Self {
        let handsets =
            (0..options.count).filter_map(|i| options.handset(i)).map(|o| Arc::new(Listener::new(o)));
        Self { handsets: handsets.collect(), ..Self::default() }
    }

    /// A fleet that listens on UDP ports of an address, from `port` upwards, or on any where `port` is 0. `show` is told
    /// the number of the handset in the fleet, and what happens to it.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn listen(
        options: &FleetOptions,
        ip: IpAddr,
        port: u16,
        done: impl Fn(usize, Heard) + Clone + Send + Sync + 'static,
        show: impl Fn(usize, &Step) + Clone + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut fleet = Self::new(options);
        for (index, handset) in fleet.handsets.iter().enumerate() {
            let port = if port == 0 { 0 } else { port.wrapping_add(index as u16) };
            let socket = UdpSocket::bind((ip, port)).await?;
            fleet.addresses.push(socket.local_addr()?);
            let (handset, done, show) = (Arc::clone(handset), done.clone(), show.clone());
            fleet.tasks.spawn(async move {
                let show = move |step: &Step| show(index, step);
                // A socket that fails takes its handset off the air; the others stay.
                let _ = handset.listen(socket, show, move |_, heard| done(index, heard)).await;
            });
        }
        Ok(fleet)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.handsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.handsets.is_empty()
    }

    /// A handset, by its number from 0.
    pub fn handset(&self, index: usize) -> Option<&Arc<Listener>> {
        self.handsets.get(index)
    }

    /// Where it listens.
    pub fn address(&self, index: usize) -> Option<SocketAddr> {
        self.addresses.get(index).copied()
    }

    /// Where it is now.
    pub fn place(&self, index: usize) -> Option<Place> {
        self.handset(index)?.place()
    }
}
