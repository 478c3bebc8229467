//! Goes through the bearers until one of them has brought a SUPL INIT to its SET.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bearer::{Bearer, Carried, Failure, Parcel};
use super::config::Config;
use super::connect::TrustError;
use super::pap::Pap;
use super::route::Routes;
use super::sip::Sip;
use super::smpp::Smsc;
use super::udp::Udp;
use crate::base::time::Clock;
use crate::observe::Metrics;
use crate::service::{Delivered, Delivering, Delivery, Push, PushError};

/// Brings SUPL INITs to SETs; cheap to clone.
#[derive(Clone)]
pub struct Pusher {
    shared: Arc<Shared>,
}

/// An attempt of a bearer, for whoever watches.
#[derive(Clone, Debug)]
pub struct Attempted<'a> {
    /// Which bearer.
    pub bearer: &'a str,
    /// What it came to, in a word: `confirmed`, `accepted`, `sent`, or why not.
    pub result: &'static str,
    /// The same for people, with the code of the network where there is one.
    pub account: String,
    /// How long it took.
    pub took: Duration,
}

/// Shown each attempt.
type Watcher<'a> = Option<&'a (dyn for<'b> Fn(Attempted<'b>) + Send + Sync)>;

struct Shared {
    bearers: BTreeMap<String, Box<dyn Bearer>>,
    routes: Routes,
    rounds: u8,
    pause: Duration,
    max_pending: u64,
    pending: AtomicU64,
    random: AtomicU64,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Pusher {
    /// The bearers of a configuration that was checked. Deliveries end with [`PushError::Stopping`] once `stop` is
    /// cancelled. Within a runtime.
    ///
    /// # Errors
    /// When authorities to trust cannot be read.
    pub fn start(
        config: &Config,
        clock: Clock,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Result<Self, TrustError> {
        let tasks = TaskTracker::new();
        let mut bearers: Vec<Box<dyn Bearer>> = Vec::new();
        if config.udp.enabled {
            bearers.push(Box::new(Udp::new(config.udp.clone())));
        }
        for (name, smsc) in &config.smpp {
            let smsc = Smsc::start(name, smsc.clone(), Arc::clone(&metrics), &tasks, &stop)?;
            bearers.push(Box::new(smsc));
        }
        if let Some(sip) = &config.sip {
            bearers.push(Box::new(Sip::new(sip.clone())?));
        }
        if let Some(pap) = &config.pap
            && let Some(pap) = Pap::new(pap.clone(), clock)?
        {
            bearers.push(Box::new(pap));
        }
        tasks.close();
        Ok(Self::with(bearers, config, metrics, tasks, stop))
    }

    fn with(
        bearers: Vec<Box<dyn Bearer>>,
        config: &Config,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let bearers = bearers.into_iter().map(|b| (b.name().to_owned(), b)).collect();
        Self {
            shared: Arc::new(Shared {
                bearers,
                routes: Routes::new(config),
                rounds: config.rounds,
                pause: Duration::from_millis(u64::from(config.pause_ms)),
                max_pending: config.max_pending.into(),
                pending: AtomicU64::new(0),
                random: AtomicU64::new(0x9e37_79b9_7f4a_7c15),
                metrics,
                tasks,
                stop,
            }),
        }
    }

    /// [`Push::deliver`], with each attempt of a bearer shown when it ends.
    pub fn deliver_watched(
        &self,
        delivery: Delivery,
        show: impl Fn(Attempted<'_>) + Send + Sync + 'static,
    ) -> Delivering {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.deliver(delivery, Some(&show)).await })
    }

    /// Lasts until the bearers have taken leave of their networks; to be awaited after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.shared.tasks.wait().await;
    }

    /// Deliveries under way.
    pub fn pending(&self) -> u64 {
        self.shared.pending.load(Ordering::Relaxed)
    }
}

impl Push for Pusher {
    fn deliver(&self, delivery: Delivery) -> Delivering {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.deliver(delivery, None).await })
    }
}

impl std::fmt::Debug for Pusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pusher").field("bearers", &self.shared.bearers.keys()).finish_non_exhaustive()
    }
}

/// A delivery under way; counted once, however it ends.
struct Underway {
    shared: Arc<Shared>,
    began: Instant,
    counted: bool,
}

impl Underway {
    fn ended(&mut self, bearer: &str, outcome: &'static str) {
        self.counted = true;
        let labels = [("bearer", bearer.to_owned()), ("outcome", outcome.to_owned())];
        self.shared.metrics.push_deliveries.get_or_create(&labels).inc();
        tracing::debug!(bearer, outcome, took_ms = self.began.elapsed().as_millis() as u64, "push");
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let left = self.shared.pending.fetch_sub(1, Ordering::Relaxed) - 1;
        self.shared.metrics.push_pending.set(i64::try_from(left).unwrap_or(i64::MAX));
        if !self.counted {
            // Whoever asked has what it wanted: the SET came.
            self.ended("none", "dropped");
        }
    }
}

/// What the bearers said so far, for the error if none succeeds.
#[derive(Default)]
struct Heard {
    sent: Option<String>,
    unreachable: bool,
    refused: bool,
    congested: bool,
    failed: bool,
}

impl Heard {
    fn note(&mut self, failure: Failure) {
        match failure {
            Failure::NoAddress | Failure::Stopping => {}
            Failure::Unreachable(_) => self.unreachable = true,
            Failure::Refused(_) | Failure::TooLong => self.refused = true,
            Failure::Congested => self.congested = true,
            Failure::Down
            | Failure::Unanswered
            | Failure::Broken
            | Failure::Unauthorized(_)
            | Failure::Temporary(_) => self.failed = true,
        }
    }

    /// What it comes to: what was said of the SET counts before what was said of the bearers.
    fn verdict(&self, otherwise: PushError) -> PushError {
        match () {
            () if self.unreachable => PushError::Unreachable,
            () if self.refused => PushError::Refused,
            () if self.congested => PushError::Congested,
            () if self.failed => PushError::Failed,
            () => otherwise,
        }
    }
}

impl Shared {
    /// A place among the deliveries under way.
    fn admit(self: &Arc<Self>, emergency: bool) -> Result<Underway, PushError> {
        let limit = if emergency { self.max_pending } else { self.max_pending - self.max_pending / 8 };
        let before = self.pending.fetch_add(1, Ordering::Relaxed);
        let mut underway = Underway { shared: Arc::clone(self), began: Instant::now(), counted: false };
        if before >= limit {
            underway.ended("none", PushError::Congested.name());
            return Err(PushError::Congested);
        }
        self.metrics.push_pending.set(i64::try_from(before + 1).unwrap_or(i64::MAX));
        Ok(underway)
    }

    async fn deliver(
        self: Arc<Self>,
        delivery: Delivery,
        watcher: Watcher<'_>,
    ) -> Result<Delivered, PushError> {
        let mut underway = self.admit(delivery.emergency)?;
        let mut identities = vec![delivery.target];
        identities.extend(delivery.alternatives);
        let deadline = Instant::from_std(delivery.deadline);
        let parcel = Parcel {
            identities,
            ip: delivery.ip,
            octets: delivery.octets,
            emergency: delivery.emergency,
            deadline,
        };
        let mut heard = Heard::default();
        let result = tokio::select! {
            () = self.stop.cancelled() => Err(PushError::Stopping),
            result = tokio::time::timeout_at(deadline, self.go_through(parcel, &mut heard, watcher)) => {
                result.unwrap_or(Err(PushError::TimedOut))
            }
        };
        let result = match result {
            // Something went out, and nobody said that it cannot arrive.
            Err(PushError::TimedOut | PushError::NoAddress) if heard.sent.is_some() => {
                Ok(Delivered { bearer: heard.sent.unwrap_or_default(), confirmed: false })
            }
            Err(e @ (PushError::TimedOut | PushError::NoAddress)) => Err(heard.verdict(e)),
            other => other,
        };
        match &result {
            Ok(d) => underway.ended(&d.bearer, if d.confirmed { "confirmed" } else { "accepted" }),
            Err(e) => underway.ended("none", e.name()),
        }
        result
    }

    /// Tries the bearers, round after round. [`PushError::NoAddress`] stands for "nothing left to try".
    async fn go_through(
        &self,
        mut parcel: Parcel,
        heard: &mut Heard,
        watcher: Watcher<'_>,
    ) -> Result<Delivered, PushError> {
        let whole = parcel.deadline;
        let mut left: Vec<&dyn Bearer> = self
            .routes
            .of(&parcel)
            .iter()
            .filter_map(|name| self.bearers.get(name).map(AsRef::as_ref))
            .filter(|b| b.knows(&parcel))
            .collect();
        let mut pause = self.pause;
        for round in 0..self.rounds {
            if left.is_empty() {
                break;
            }
            if round > 0 {
                tokio::time::sleep(pause + pause.mul_f64(self.fraction() / 2.0)).await;
                pause = pause.saturating_mul(2);
            }
            let mut again = Vec::new();
            let mut behind = left.len();
            for bearer in left {
                // A bearer that hangs leaves those behind it their share of the time.
                let now = Instant::now();
                parcel.deadline = now + whole.saturating_duration_since(now) / behind as u32;
                behind -= 1;
                match self.attempt(bearer, &parcel, watcher).await {
                    Ok(Carried::Sent) => {
                        heard.sent.get_or_insert_with(|| bearer.name().to_owned());
                    }
                    Ok(carried) => {
                        let confirmed = carried == Carried::Confirmed;
                        return Ok(Delivered { bearer: bearer.name().to_owned(), confirmed });
                    }
                    Err(Failure::Stopping) => return Err(PushError::Stopping),
                    Err(failure) => {
                        heard.note(failure);
                        if failure.passing() {
                            again.push(bearer);
                        }
                    }
                }
            }
            left = again;
        }
        Err(PushError::NoAddress)
    }

    async fn attempt(
        &self,
        bearer: &dyn Bearer,
        parcel: &Parcel,
        watcher: Watcher<'_>,
    ) -> Result<Carried, Failure> {
        let began = Instant::now();
        let carried = tokio::time::timeout_at(parcel.deadline, bearer.carry(parcel))
            .await
            .unwrap_or(Err(Failure::Unanswered));
        let (name, took) = (bearer.name(), began.elapsed());
        let (result, account) = match &carried {
            Ok(Carried::Confirmed) => ("confirmed", "the handset has it".to_owned()),
            Ok(Carried::Accepted) => ("accepted", "the network took it on".to_owned()),
            Ok(Carried::Sent) => ("sent", "it went out; nobody answers for it".to_owned()),
            Err(failure) => (failure.name(), failure.to_string()),
        };
        tracing::debug!(bearer = name, result, account, "push attempt");
        let labels = [("bearer", name.to_owned()), ("result", result.to_owned())];
        self.metrics.push_attempts.get_or_create(&labels).inc();
        self.metrics.push_attempt.get_or_create(&[("bearer", name.to_owned())]).observe(took.as_secs_f64());
        if let Some(show) = watcher {
            show(Attempted { bearer: name, result, account, took });
        }
        carried
    }

    /// A number in 0..1 for spreading; nothing secret.
    fn fraction(&self) -> f64 {
        let mut x = self.random.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.store(x, Ordering::Relaxed);
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
#[path = "pusher_tests.rs"]
mod tests;
