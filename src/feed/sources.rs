//! The loops of the sources. Each reads on a thread where blocking is allowed and hands over what it finds.

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::config::{DirectoryConfig, HttpConfig};
use super::http::{Answer, FetchError, Fetcher};
use super::import::read_file;
use super::rinex::{self, ImportReport, RinexError};
use super::schedule::{Outcome, Question, Schedule};
use super::simulated;
use super::status::Statuses;
use super::supervisor::Delivery;
use super::watch::{Look, Watch};
use crate::base::Utc;
use crate::base::time::Clock;
use crate::gnss::station::{Station, StationEpoch};
use crate::gnss::{SkyUpdate, UNRANKED};

/// A source at work.
pub(super) struct Source {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) statuses: Statuses,
    pub(super) out: mpsc::Sender<Delivery>,
}

impl Source {
    pub(super) async fn deliver(&self, mut update: SkyUpdate, report: Option<ImportReport>) {
        update.rank = self.rank();
        // Success first, so that a refusal by the sky is what stays.
        self.statuses.succeeded(self.number, self.clock.now().utc);
        let update = Box::new(update);
        let _ = self.out.send(Delivery::Update { source: self.number, update, report }).await;
    }

    pub(super) async fn station(&self, station: Station) {
        let _ = self.out.send(Delivery::Station { source: self.rank(), station }).await;
    }

    pub(super) async fn epoch(&self, epoch: StationEpoch) {
        let _ = self.out.send(Delivery::Epoch { source: self.rank(), epoch }).await;
    }

    fn rank(&self) -> u8 {
        u8::try_from(self.number).unwrap_or(UNRANKED).min(UNRANKED)
    }
}

/// Invents the sky anew before it grows old.
pub(super) async fn simulate(source: Source) {
    // The supervisor has taken the first one in.
    source.statuses.succeeded(source.number, source.clock.now().utc);
    loop {
        sleep(Duration::from_secs(simulated::REFRESH_S)).await;
        let update = simulated::sky_at(source.clock.now().gps());
        source.deliver(update, None).await;
    }
}

/// Watches a directory.
pub(super) async fn watch(source: Source, config: DirectoryConfig) {
    let mut watch = Watch::new(&config.path, Duration::from_secs(config.scan_s));
    loop {
        let looked = blocking(move || {
            let look = watch.look();
            (watch, look)
        });
        let Some((same, look)) = looked.await else { return };
        watch = same;
        match look {
            Ok(Look { ready, too_many }) => {
                source.statuses.succeeded(source.number, source.clock.now().utc);
                for path in ready {
                    take_file(&source, path).await;
                }
                if too_many && source.statuses.failed(source.number, "too many files") {
                    tracing::warn!(source = source.name, "the directory has more files than are looked at");
                }
            }
            Err(e) => {
                if source.statuses.failed(source.number, &e.to_string()) {
                    tracing::warn!(source = source.name, error = %e, "the directory cannot be read");
                }
            }
        }
        sleep(watch.pause()).await;
    }
}

async fn take_file(source: &Source, path: PathBuf) {
    let now = source.clock.now().utc;
    match blocking(move || read_file(&path, now)).await {
        Some(Ok((update, report))) => source.deliver(update, Some(report)).await,
        Some(Err(e)) => {
            source.statuses.failed(source.number, &e.to_string());
            tracing::warn!(source = source.name, error = %e, "a file was left out");
        }
        None => {}
    }
}

/// Asks an archive on its schedule.
pub(super) async fn poll(source: Source, config: HttpConfig, fetcher: Fetcher) {
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let mut schedule = Schedule::new(config, source.clock.now().mono, seed);
    loop {
        sleep_until(Instant::from_std(schedule.due())).await;
        let questions = schedule.questions(source.clock.now().utc);
        let (asker, utc) = (fetcher.clone(), source.clock.now().utc);
        let Some(round) = blocking(move || ask(&asker, &questions, utc)).await else { return };
        if let Some((update, report)) = round.data {
            source.deliver(update, Some(report)).await;
        } else if round.error.is_none() {
            source.statuses.succeeded(source.number, source.clock.now().utc);
        }
        let pause = schedule.ended(source.clock.now(), round.outcome);
        if let Some(error) = round.error {
            source.statuses.failed(source.number, &error.to_string());
            tracing::warn!(
                source = source.name,
                error = %error,
                failures = schedule.failures(),
                retry_s = pause.as_secs(),
                "an archive could not be read"
            );
        }
    }
}

/// How a round of questions to an archive ended.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) outcome: Outcome,
    pub(super) data: Option<(SkyUpdate, ImportReport)>,
    pub(super) error: Option<RoundError>,
}

/// Why a round brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("what came cannot be used: {0}")]
    Content(#[from] RinexError),
    #[error("there is nothing at that address")]
    Missing,
    #[error("the file breaks off")]
    Incomplete,
}

/// Asks the questions in turn until one is answered. Blocks.
pub(super) fn ask(fetcher: &Fetcher, questions: &[Question], now: Utc) -> Round {
    let failed = |error: RoundError| {
        let retry_after = match &error {
            RoundError::Fetch(e) => e.retry_after(),
            _ => None,
        };
        Round { outcome: Outcome::Failed { retry_after }, data: None, error: Some(error) }
    };
    for question in questions {
        match fetcher.ask(question) {
            Ok(Answer::Missing) => {}
            Ok(Answer::Unchanged) => {
                return Round { outcome: Outcome::Unchanged, data: None, error: None };
            }
            Ok(Answer::Data(body, version)) => {
                return match rinex::read(&body[..], file_name(&question.url), now) {
                    // What was read of it is good; the rest is asked for again.
                    Ok((update, report)) if report.incomplete => {
                        Round { data: Some((update, report)), ..failed(RoundError::Incomplete) }
                    }
                    Ok(data) => Round {
                        outcome: Outcome::Taken { url: question.url.clone(), version },
                        data: Some(data),
                        error: None,
                    },
                    Err(e) => failed(e.into()),
                };
            }
            Err(e) => return failed(e.into()),
        }
    }
    failed(RoundError::Missing)
}

/// The last part of an address's path.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("archive")
}

/// Runs something that blocks; `None` when the runtime is going down.
async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(f).await.ok()
}
