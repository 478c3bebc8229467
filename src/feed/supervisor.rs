//! Keeps the sky: one task owns it, takes in what the sources deliver, keeps that in the store, and publishes a snapshot after
//! each change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::{Config, SourceConfig};
use super::live::{self, Live};
use super::outlook::Outlook;
use super::rinex::ImportReport;
use super::sources::{self, Source};
use super::stations::Stations;
use super::status::Statuses;
use super::{FeedError, SourceStatus, simulated, to_records, to_updates};
use crate::base::GpsTime;
use crate::base::broadcast::{Gnss, SatId};
use crate::base::time::Clock;
use crate::gnss::agreement::Verdict;
use crate::gnss::monitor::{Change, Monitor};
use crate::gnss::solve::Ionosphere;
use crate::gnss::station::{Station, StationEpoch};
use crate::gnss::{AgePolicy, Refusal, SatName, Sky, SkyConfig, SkySnapshot, SkyUpdate};
use crate::store::Store;

/// Deliveries that may wait to be taken in.
const QUEUE: usize = 32;
/// How often expired data are dropped.
const EXPIRE_EVERY: Duration = Duration::from_mins(1);
/// After how many of these the store is rid of them as well.
const PURGE_EVERY: u32 = 60;
/// Least time between two epochs of a station that the monitor looks at, s.
const MONITOR_EVERY_S: f64 = 0.9;
/// Refused ephemerides logged of one delivery; all are counted.
const MOST_LOGGED: usize = 10;

/// What a source hands over.
#[derive(Debug)]
pub(super) enum Delivery {
    /// Navigation data.
    Update {
        /// Which source.
        source: usize,
        update: Box<SkyUpdate>,
        /// What was found in the file, for one that was read.
        report: Option<ImportReport>,
    },
    /// Where a station is.
    Station { source: u8, station: Station },
    /// What a station received.
    Epoch { source: u8, epoch: StationEpoch },
}

/// The running feeds and the sky they keep.
#[derive(Debug)]
pub struct Feed {
    sky: Arc<ArcSwap<SkySnapshot>>,
    statuses: Statuses,
    stations: Stations,
    exclude: watch::Sender<Vec<SatName>>,
    tasks: TaskTracker,
}

impl Feed {
    /// Loads what the store holds and is still valid, then starts the sources; they run until `stop`. A simulated sky is
    /// there when this returns.
    ///
    /// # Errors
    /// When the configuration is not possible, certificates cannot be read, or the store fails.
    pub async fn start(
        config: &Config,
        sky: SkyConfig,
        clock: Clock,
        store: Option<Arc<dyn Store>>,
        stop: CancellationToken,
    ) -> Result<Self, FeedError> {
        config.check()?;
        let store = store.filter(|_| config.keep && !config.is_simulated());
        let statuses = Statuses::default();
        let published = Arc::new(ArcSwap::from_pointee(SkySnapshot::default()));
        let stations = Stations::default();
        let (exclude, excluded) = watch::channel(sky.exclude.clone());
        let mut keeper = Keeper {
            monitor: Monitor::new(config.integrity.clone()),
            stations: stations.clone(),
            places: BTreeMap::new(),
            looked: BTreeMap::new(),
            outlook: Outlook::default(),
            policy: sky.max_age.clone(),
            sky: Sky::new(sky),
            clock,
            store,
            statuses: statuses.clone(),
            published: Arc::clone(&published),
        };
        keeper.load().await?;

        let tasks = TaskTracker::new();
        let (deliver, deliveries) = mpsc::channel(QUEUE);
        for source in &config.sources {
            let number = statuses.add(source.name(), source.kind());
            let runner = Source {
                number,
                name: source.name(),
                clock,
                statuses: statuses.clone(),
                out: deliver.clone(),
            };
            let policy = keeper.policy.clone();
            match source {
                SourceConfig::Simulated(_) => {
                    let update = simulated::sky_at(clock.now().gps());
                    keeper.update(number, update, None).await;
                    tasks.spawn(until(stop.clone(), sources::simulate(runner)));
                }
                SourceConfig::Directory(d) => {
                    tasks.spawn(until(stop.clone(), sources::watch(runner, d.clone())));
                }
                SourceConfig::Http(h) => {
                    let fetcher = super::http::Fetcher::new(h)?;
                    tasks.spawn(until(stop.clone(), sources::poll(runner, h.clone(), fetcher)));
                }
                SourceConfig::Ntrip(n) => {
                    keeper.places.extend(n.station.map(|at| (number, at)));
                    let tls = live::trust(n.ca_file.as_deref())?;
                    let live = Live { source: runner, policy };
                    tasks.spawn(until(stop.clone(), live::ntrip(live, n.clone(), tls)));
                }
                SourceConfig::Rtcm(r) => {
                    keeper.places.extend(r.station.map(|at| (number, at)));
                    let live = Live { source: runner, policy };
                    tasks.spawn(until(stop.clone(), live::rtcm(live, r.clone())));
                }
            }
        }
        drop(deliver);
        tasks.spawn(keeper.run(deliveries, excluded, stop));
        tasks.close();
        Ok(Self { sky: published, statuses, stations, exclude, tasks })
    }

    /// The sky as it is now.
    pub fn sky(&self) -> Arc<SkySnapshot> {
        self.sky.load_full()
    }

    /// The place where each new snapshot is put.
    pub fn shared(&self) -> Arc<ArcSwap<SkySnapshot>> {
        Arc::clone(&self.sky)
    }

    /// How the sources do.
    pub fn status(&self) -> Vec<SourceStatus> {
        self.statuses.all()
    }

    /// What reference stations said last.
    pub const fn stations(&self) -> &Stations {
        &self.stations
    }

    /// Excludes these satellites, and no others, from now on.
    pub fn exclude(&self, satellites: Vec<SatName>) {
        self.exclude.send_replace(satellites);
    }

    /// Done when all tasks have ended, after `stop`.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Runs a source until it is told to stop.
async fn until(stop: CancellationToken, source: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = source => {}
    }
}

/// The owner of the sky.
struct Keeper {
    monitor: Monitor,
    stations: Stations,
    /// Places of stations by source, from the configuration.
    places: BTreeMap<usize, [f64; 3]>,
    /// When the monitor last looked at a station's system.
    looked: BTreeMap<(u8, u16, Gnss), GpsTime>,
    outlook: Outlook,
    sky: Sky,
    policy: AgePolicy,
    clock: Clock,
    store: Option<Arc<dyn Store>>,
    statuses: Statuses,
    published: Arc<ArcSwap<SkySnapshot>>,
}

impl Keeper {
    /// Takes over what the store holds.
    async fn load(&mut self) -> Result<(), FeedError> {
        let Some(store) = &self.store else { return Ok(()) };
        let now = self.clock.now().gps();
        let records = store.load_sky(now).await?;
        if records.is_empty() {
            return Ok(());
        }
        let count = records.len();
        for update in to_updates(records) {
            // The store holds nothing simulated, so this cannot be refused.
            let _ = self.sky.apply(&update);
        }
        tracing::info!(records = count, "navigation data of the store are still valid");
        self.publish();
        Ok(())
    }

    async fn run(
        mut self,
        mut deliveries: mpsc::Receiver<Delivery>,
        mut excluded: watch::Receiver<Vec<SatName>>,
        stop: CancellationToken,
    ) {
        let mut rounds = 0_u32;
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(delivery) = deliveries.recv() => self.take(delivery).await,
                Ok(()) = excluded.changed() => {
                    let satellites = excluded.borrow_and_update().clone();
                    self.sky.exclude(&satellites);
                    self.publish();
                }
                _ = expire.tick() => {
                    self.expire(rounds.is_multiple_of(PURGE_EVERY)).await;
                    rounds = rounds.wrapping_add(1);
                }
            }
        }
    }

    async fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Update { source, update, report } => self.update(source, *update, report).await,
            Delivery::Station { source, station } => {
                self.stations.place((source, station.id), station, self.clock.now().gps());
                if !self.places.contains_key(&usize::from(source)) {
                    self.monitor.station(source, &station);
                }
            }
            Delivery::Epoch { source, epoch } => self.observe(source, &epoch),
        }
    }

    async fn update(&mut self, source: usize, update: SkyUpdate, report: Option<ImportReport>) {
        let rejected = report.as_ref().map_or(0, ImportReport::total_skipped);
        let applied = match self.sky.apply(&update) {
            Ok(applied) => applied,
            Err(e) => {
                if self.statuses.failed(source, &e.to_string()) {
                    tracing::error!(source = update.source, error = %e, "navigation data refused");
                }
                return;
            }
        };
        self.statuses.took(source, update.ephemerides.len(), rejected);
        if let Some(r) = &report {
            tracing::info!(source = update.source, new = applied.new, "navigation data taken in: {r}");
        } else if applied.new > 0 {
            tracing::debug!(source = update.source, new = applied.new, "navigation data taken in");
        }
        self.refused(&applied.refused);
        // What a file holds of past days is of no use; the sky need not carry it until the next round.
        self.sky.expire(self.clock.now().gps());
        self.publish();
        if let Some(store) = &self.store {
            let mut kept = update;
            kept.ephemerides.retain(|e| !applied.refused.iter().any(|r| *r.ephemeris == *e));
            let records = to_records(&kept, &self.policy, self.clock.now().gps());
            if let Err(e) = store.put_sky(records).await {
                tracing::error!(error = %e, "navigation data are not kept for a restart");
            }
        }
    }

    /// Counts and logs what is not believed.
    fn refused(&self, refusals: &[Refusal]) {
        let now = self.clock.now().gps();
        // A file of a whole day may have some long past; only what could be used now is worth a line.
        let matter = |r: &&Refusal| self.policy.is_fresh(&r.ephemeris, now);
        for r in refusals.iter().filter(matter).take(MOST_LOGGED) {
            let why = match r.verdict {
                Verdict::Disputed => "an ephemeris contradicts another, and nothing tells which is right",
                _ => "an ephemeris contradicts others and is not believed",
            };
            let (issue, toe) = (r.ephemeris.iod(), r.ephemeris.reference_time().to_utc());
            tracing::warn!(source = %r.origin, sat = %r.ephemeris.sat(), issue, %toe, "{why}");
        }
        for r in refusals {
            self.statuses.refused(usize::from(r.rank), 1);
        }
    }

    /// Has the monitor look at what a station received.
    fn observe(&mut self, source: u8, epoch: &StationEpoch) {
        self.stations.epoch(source, epoch);
        if let Some(at) = self.places.get(&usize::from(source)) {
            self.monitor.place((source, epoch.station), *at);
        }
        let key = (source, epoch.station, epoch.gnss);
        let soon = self.looked.get(&key).is_some_and(|t| (0.0..MONITOR_EVERY_S).contains(&(epoch.time - *t)));
        if soon {
            return;
        }
        // As many as the stations that are kept can have.
        if self.looked.len() > 1024 {
            self.looked.clear();
        }
        self.looked.insert(key, epoch.time);
        let received = epoch.observations.iter().filter(|o| o.pseudorange_m.is_some());
        let signals = received.filter_map(|o| Some((o.sat, o.signal.ranging(o.sat.gnss)?)));
        let new_signals = self.sky.hear(signals);
        let ionosphere = Ionosphere::of(&self.published.load(), epoch.time);
        let sky = &self.sky;
        let changes = self.monitor.observe(source, epoch, ionosphere, |sat: SatId, t| sky.ephemeris(sat, t));
        for Change { sat, flagged, residual_m } in &changes {
            let metres = residual_m.round();
            if *flagged {
                tracing::warn!(%sat, residual_m = metres, "a satellite does not do what it broadcasts: it is flagged");
            } else {
                tracing::info!(%sat, "a flagged satellite is offered again");
            }
        }
        let flags = !changes.is_empty() && self.sky.flag(self.monitor.flagged().clone());
        if flags || new_signals {
            self.publish();
        }
    }

    async fn expire(&mut self, purge: bool) {
        let now = self.clock.now().gps();
        if self.sky.expire(now) > 0 {
            self.publish();
        }
        self.look_ahead(now);
        // A clock set to another date says nothing about what will be valid at the next start.
        if let Some(store) = self.store.as_ref().filter(|_| purge && !self.clock.is_shifted())
            && let Err(e) = store.purge_sky(now).await
        {
            tracing::error!(error = %e, "expired navigation data stay in the store");
        }
    }

    /// Warns when navigation data run out.
    fn look_ahead(&mut self, now: GpsTime) {
        let silent = || {
            let sources = self.statuses.all().into_iter().filter(|s| !s.healthy);
            sources.map(|s| s.name).collect::<Vec<_>>().join(", ")
        };
        for turn in self.outlook.look(&self.published.load(), &self.policy, now) {
            let (gnss, hours_left) = (turn.gnss.name(), (turn.hours_left * 10.0).round() / 10.0);
            if turn.short {
                tracing::warn!(
                    gnss,
                    hours_left,
                    failing = silent(),
                    "navigation data run out: nothing new arrives"
                );
            } else {
                tracing::info!(gnss, hours_left, "navigation data are renewed again");
            }
        }
    }

    fn publish(&self) {
        self.published.store(Arc::new(self.sky.snapshot()));
    }
}
