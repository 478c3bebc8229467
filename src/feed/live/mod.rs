//! Sources that send all the time: RTCM 3 over TCP, and streams of NTRIP casters.
//!
//! Each is a loop: connect, take in what comes until the connection ends or is given up, wait ([`Backoff`]), connect again. With
//! several casters the next one is tried at once; only when none gives the stream it is waited for. After a break it begins
//! with the first again, so that the best one is returned to.

mod backoff;
mod connect;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until};

pub use self::connect::ConnectError;
pub(super) use self::connect::{list, trust};

use self::backoff::Backoff;
use self::connect::{Answer, Asked, Connection, ask, tcp};
use self::stream::{Heard, Stream, StreamFault};
use super::config::{NtripConfig, NtripVersion, RtcmConfig};
use super::ntrip::{self, Body, Credentials, CredentialsError, Framing};
use super::sources::Source;
use crate::gnss::{AgePolicy, SkyUpdate};

/// How long ephemerides are gathered before they are handed over together.
const GATHER: Duration = Duration::from_secs(1);
/// How long a connection must bring frames for its failure to count as the first.
const SOUND: Duration = Duration::from_secs(30);
/// Octets read at once.
const PIECE: usize = 1 << 14;

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Fault(#[from] StreamFault),
    #[error("the connection broke: {0}")]
    Broke(#[source] std::io::Error),
    #[error("the other side ended the stream")]
    HungUp,
    #[error("{0}")]
    Damaged(#[from] ntrip::Damaged),
}

impl Ended {
    const fn hopeless(&self) -> bool {
        match self {
            Self::Connect(e) => e.hopeless(),
            Self::Credentials(_) => true,
            _ => false,
        }
    }
}

/// What a live source needs besides its own settings.
pub(super) struct Live {
    pub(super) source: Source,
    pub(super) policy: AgePolicy,
}

/// Takes RTCM 3 from a TCP server.
pub(super) async fn rtcm(live: Live, config: RtcmConfig) {
    let timeout = Duration::from_secs(config.connect_timeout_s);
    let stall = Duration::from_secs(config.stall_s);
    let mut backoff = Backoff::new(seed());
    loop {
        let connected = tokio::time::timeout(timeout, tcp(&config.address)).await;
        let ended = match connected {
            Ok(Ok(stream)) => {
                let answer =
                    Taken { connection: Box::new(stream), framing: Framing::Plain, early: Vec::new() };
                live.pump(answer, stall, None, &mut backoff).await
            }
            Ok(Err(e)) => e.into(),
            Err(_) => ConnectError::Timeout(timeout.as_secs()).into(),
        };
        let pause = backoff.failed(false);
        live.failed(&ended, Some(pause));
        sleep(pause).await;
    }
}

/// Takes a stream from the first caster that gives it.
pub(super) async fn ntrip(live: Live, config: NtripConfig, tls: Arc<ClientConfig>) {
    let stall = Duration::from_secs(config.stall_s);
    let mut backoff = Backoff::new(seed());
    // Some casters of version 1 do not answer a request of version 2: they are asked in their own after a failure.
    let mut version_1 = config.version == NtripVersion::V1;
    loop {
        let mut hopeless = true;
        for (i, caster) in config.casters.iter().enumerate() {
            let ended = match live.stream_of(&config, caster, version_1, &tls).await {
                Ok(answer) => {
                    tracing::info!(source = live.source.name, %caster, "connected");
                    let gga = config.gga.map(|g| (g, Duration::from_secs(g.every_s)));
                    live.pump(answer, stall, gga, &mut backoff).await
                }
                Err(e) => {
                    let unanswered = matches!(
                        e,
                        Ended::Connect(
                            ConnectError::HungUp
                                | ConnectError::Timeout(_)
                                | ConnectError::Refused(ntrip::Refusal::NotNtrip)
                        )
                    );
                    if config.version == NtripVersion::Auto && unanswered {
                        version_1 = !version_1;
                    }
                    e
                }
            };
            hopeless &= ended.hopeless();
            let last = i + 1 == config.casters.len();
            if !last {
                live.failed(&ended, None);
                continue;
            }
            let pause = backoff.failed(hopeless);
            live.failed(&ended, Some(pause));
            sleep(pause).await;
        }
    }
}

fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A connection on which a stream has begun.
struct Taken {
    connection: Box<dyn Connection>,
    framing: Framing,
    early: Vec<u8>,
}

/// Where to say that one is, and how often.
type Gga = (super::config::GgaConfig, Duration);

impl Live {
    async fn stream_of(
        &self,
        config: &NtripConfig,
        caster: &ntrip::CasterAddress,
        version_1: bool,
        tls: &Arc<ClientConfig>,
    ) -> Result<Taken, Ended> {
        let (file, variable) = (config.credentials_file.clone(), config.credentials_env.clone());
        // Read anew each time, so that a new password needs no restart.
        let credentials =
            tokio::task::spawn_blocking(move || Credentials::load(file.as_deref(), variable.as_deref()));
        let credentials = credentials.await.unwrap_or(Ok(None))?;
        let gga = config.gga.map(|g| ntrip::sentence(g.place(), g.altitude_m, self.source.clock.now().utc));
        let asked = Asked {
            caster,
            mountpoint: &config.mountpoint,
            credentials: credentials.as_ref(),
            version_1,
            gga: gga.as_deref(),
        };
        let Answer { connection, head, early } =
            ask(asked, tls, Duration::from_secs(config.connect_timeout_s)).await?;
        if head.sourcetable {
            return Err(ConnectError::Refused(ntrip::Refusal::NoSuchStream).into());
        }
        Ok(Taken { connection, framing: head.framing, early })
    }

    /// Takes in what comes until it ends. Says why it ended.
    async fn pump(&self, taken: Taken, stall: Duration, gga: Option<Gga>, backoff: &mut Backoff) -> Ended {
        let Taken { mut connection, framing, early } = taken;
        let began = Instant::now();
        let mut stream = Stream::new(began.into_std(), stall);
        let mut gathered = Gathered::default();
        let mut body = Body::new(framing);
        let (mut piece, mut content) = (early, Vec::with_capacity(PIECE));
        let mut tell = gga.map(|(g, every)| (g, every, Instant::now()));
        loop {
            content.clear();
            if let Err(e) = body.unwrap(&piece, &mut content) {
                return e.into();
            }
            if !content.is_empty() {
                match stream.take(&content, self.source.clock.now(), &self.policy) {
                    Ok(heard) => self.heard(&stream, heard, &mut gathered).await,
                    Err(fault) => return fault.into(),
                }
                if began.elapsed() > SOUND {
                    backoff.succeeded();
                }
            }
            if body.is_done() {
                self.hand_over(&mut gathered).await;
                return Ended::HungUp;
            }
            piece.clear();
            piece.reserve(PIECE);
            let due = tell.map_or_else(|| Instant::now() + Duration::from_hours(1), |(.., at)| at);
            tokio::select! {
                read = connection.read_buf(&mut piece) => match read {
                    Ok(0) => {
                        self.hand_over(&mut gathered).await;
                        return Ended::HungUp;
                    }
                    Ok(_) => {}
                    Err(e) => return Ended::Broke(e),
                },
                () = sleep_until(Instant::from_std(stream.deadline())) => return stream.stalled().into(),
                () = sleep_until(gathered.due()) => self.hand_over(&mut gathered).await,
                () = sleep_until(due) => {
                    if let Some((g, every, at)) = &mut tell {
                        let text = ntrip::sentence(g.place(), g.altitude_m, self.source.clock.now().utc);
                        if let Err(e) = connection.write_all(text.as_bytes()).await {
                            return Ended::Broke(e);
                        }
                        *at = Instant::now() + *every;
                    }
                }
            }
        }
    }

    /// Passes on what was heard.
    async fn heard(&self, stream: &Stream, heard: Heard, gathered: &mut Gathered) {
        let source = &self.source;
        let now = source.clock.now();
        source.statuses.took(source.number, 0, heard.bad);
        source.statuses.dropped(source.number, heard.stale);
        if let Some(lag_s) = stream.replays() {
            let late = if lag_s < 0.0 { "ahead" } else { "behind" };
            let error =
                format!("it plays back another time, {} {late}; nothing of it is used", span(lag_s.abs()));
            // The number of minutes grows; that is no news.
            if source.statuses.replays(source.number, &error) {
                tracing::warn!(
                    source = source.name,
                    lag_s,
                    "the stream plays back another time and is not used"
                );
            }
        } else if heard.frames > 0 {
            source.statuses.succeeded(source.number, now.utc);
        }
        if !heard.ephemerides.is_empty() {
            gathered.since.get_or_insert_with(Instant::now);
            gathered.ephemerides.extend(heard.ephemerides);
        }
        for station in heard.stations {
            source.station(station).await;
        }
        // Observations are compared with what came before them.
        if !heard.epochs.is_empty() {
            self.hand_over(gathered).await;
        }
        for epoch in heard.epochs {
            source.epoch(epoch).await;
        }
        if gathered.due() <= Instant::now() {
            self.hand_over(gathered).await;
        }
    }

    async fn hand_over(&self, gathered: &mut Gathered) {
        let ephemerides = std::mem::take(&mut gathered.ephemerides);
        gathered.since = None;
        if ephemerides.is_empty() {
            return;
        }
        let mut update = SkyUpdate::new(self.source.name.clone(), self.source.clock.now().utc);
        update.ephemerides = ephemerides;
        self.source.deliver(update, None).await;
    }

    /// Writes down that a connection ended.
    fn failed(&self, ended: &Ended, pause: Option<Duration>) {
        let source = &self.source;
        source.statuses.reconnects(source.number);
        source.statuses.failed(source.number, &ended.to_string());
        let retry_s = pause.map_or(0.0, |p| p.as_secs_f64());
        tracing::warn!(source = source.name, error = %ended, retry_s, "a stream ended");
    }
}

/// Ephemerides that wait for company.
#[derive(Debug, Default)]
struct Gathered {
    ephemerides: Vec<crate::base::broadcast::Ephemeris>,
    since: Option<Instant>,
}

impl Gathered {
    fn due(&self) -> Instant {
        self.since.map_or_else(|| Instant::now() + Duration::from_hours(1), |s| s + GATHER)
    }
}

/// Seconds as hours and minutes.
fn span(s: f64) -> String {
    let minutes = (s / 60.0).round() as u64;
    format!("{}h{:02}m", minutes / 60, minutes % 60)
}
