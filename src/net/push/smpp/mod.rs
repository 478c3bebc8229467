//! SUPL INIT as short messages by an SMSC: an ESME of SMPP 3.4.
//!
//! ```text
//!  carry ─ pieces (UDH, WSP) ─► queue ─► link: connect, bind ─► session: window, enquire_link ─► SMSC
//!    ▲                                                              │ submit_sm_resp: message id
//!    └───────────── receipts: delivered, undeliverable ◄────────────┘ deliver_sm
//! ```
//!
//! A message counts as confirmed when the SMSC's receipt says so, as lost when it says *undeliverable*, and as accepted when
//! no receipt comes in time. While there is no bind a delivery fails at once, so that the next bearer gets its chance.

mod link;
mod pdu;
mod receipt;
mod session;
mod sms;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bearer::{Attempt, Bearer, Carried, Failure, Parcel};
use super::config::{ConfigProblem, within};
use super::connect::{self, Dial, TrustError};
use crate::observe::Metrics;
use link::{Link, LinkState, Queue, Role, Submission};
use pdu::{Address, ShortMessage};
use receipt::{Receipts, State};
pub use sms::Form;

/// Type of number: international.
const TON_INTERNATIONAL: u8 = 1;
/// Numbering plan: E.164.
const NPI_ISDN: u8 = 1;

/// How the ESME binds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// One connection in both directions.
    #[default]
    Transceiver,
    /// Two connections, for SMSCs that know no transceivers.
    TransmitterReceiver,
    /// Only towards the SMSC: there are no receipts.
    Transmitter,
}

/// Settings of an SMSC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the SMSC is, `HOST:PORT`. No default.
    pub address: String,
    /// Whether TLS is spoken. Default false.
    pub tls: bool,
    /// Authorities to trust instead of the public ones, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A file with one line SYSTEM_ID:PASSWORD, read at each bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// An environment variable with the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_env: Option<String>,
    /// `system_type` of the bind, up to 12 characters. Default empty.
    pub system_type: String,
    /// "transceiver", "transmitter-receiver" or "transmitter". Default "transceiver".
    pub bind: Bind,
    /// "port" (addressed to port 7275), "wap-push" or "wap-push-text". Default "port".
    pub form: Form,
    /// Sender of the messages, up to 20 characters. Default empty: the SMSC's own.
    pub source: String,
    /// Its type of number, 0..=6 (5 alphanumeric). Default 0.
    pub source_ton: u8,
    /// Its numbering plan, 0..=18. Default 0.
    pub source_npi: u8,
    /// `service_type`, up to 5 characters. Default empty.
    pub service_type: String,
    /// `data_coding`: 4 is octets; some SMSCs want 245 (octets, class 1). Default 4.
    pub data_coding: u8,
    /// Seconds for which the SMSC keeps trying, 0 (its own choice) to 86400. Default 60.
    pub validity_s: u32,
    /// Whether delivery receipts are asked for. Default true.
    pub receipts: bool,
    /// Seconds that a receipt is waited for, 1..=600. Default 20.
    pub receipt_s: u32,
    /// Most messages that the SMSC has not answered, 1..=1000. Default 32.
    pub window: u16,
    /// Most messages waiting for the window, 16..=100000; emergencies have a quarter as many places of their own. Default
    /// 4096.
    pub queue: u32,
    /// Most messages in a second, 0 (no limit) to 10000. Default 0.
    pub per_second: u32,
    /// Seconds that connecting may take, 1..=120. Default 5.
    pub connect_s: u32,
    /// Seconds that the SMSC may take for an answer, 1..=120. Default 5.
    pub response_s: u32,
    /// Seconds of silence after which the SMSC is asked whether it is there, 1..=3600. Default 30.
    pub enquire_s: u32,
    /// Longest pause between attempts to bind, seconds, 1..=3600. Default 30.
    pub reconnect_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            tls: false,
            ca_file: None,
            credentials_file: None,
            credentials_env: None,
            system_type: String::new(),
            bind: Bind::Transceiver,
            form: Form::Port,
            source: String::new(),
            source_ton: 0,
            source_npi: 0,
            service_type: String::new(),
            data_coding: 4,
            validity_s: 60,
            receipts: true,
            receipt_s: 20,
            window: 32,
            queue: 4096,
            per_second: 0,
            connect_s: 5,
            response_s: 5,
            enquire_s: 30,
            reconnect_s: 30,
        }
    }
}

impl Config {
    /// Checks every value of the SMSC with this name.
    pub(super) fn check(&self, name: &str) -> Result<(), ConfigProblem> {
        let key = |k: &str| format!("smpp.{name}.{k}");
        if connect::host(&self.address).is_none() {
            return Err(ConfigProblem::Address { key: key("address") });
        }
        if self.credentials_file.is_none() && self.credentials_env.is_none() {
            return Err(ConfigProblem::Missing { key: key("credentials_file") });
        }
        for (k, text, longest) in [
            ("system_type", &self.system_type, 12),
            ("source", &self.source, 20),
            ("service_type", &self.service_type, 5),
        ] {
            if text.len() > longest || text.bytes().any(|b| !b.is_ascii() || b < b' ') {
                return Err(ConfigProblem::Text { key: key(k), longest });
            }
        }
        for (k, value, min, max) in [
            ("source_ton", u32::from(self.source_ton), 0, 6),
            ("source_npi", u32::from(self.source_npi), 0, 18),
            ("validity_s", self.validity_s, 0, 86_400),
            ("receipt_s", self.receipt_s, 1, 600),
            ("window", u32::from(self.window), 1, 1000),
            ("queue", self.queue, 16, 100_000),
            ("per_second", self.per_second, 0, 10_000),
            ("connect_s", self.connect_s, 1, 120),
            ("response_s", self.response_s, 1, 120),
            ("enquire_s", self.enquire_s, 1, 3600),
            ("reconnect_s", self.reconnect_s, 1, 3600),
        ] {
            within(key(k), value.into(), min, max)?;
        }
        Ok(())
    }
}

/// What the connections to an SMSC share.
struct Settings {
    name: String,
    config: Config,
    dial: Dial,
    metrics: Arc<Metrics>,
}

impl Settings {
    const fn seconds(s: u32) -> Duration {
        Duration::from_secs(s as u64)
    }

    const fn response(&self) -> Duration {
        Self::seconds(self.config.response_s)
    }

    const fn enquire(&self) -> Duration {
        Self::seconds(self.config.enquire_s)
    }

    /// Time between two messages.
    fn gap(&self) -> Option<Duration> {
        (self.config.per_second > 0).then(|| Duration::from_secs(1) / self.config.per_second)
    }

    fn label(&self) -> [(&'static str, String); 1] {
        [("smsc", self.name.clone())]
    }

    fn bound(&self, role: Role, bound: bool) {
        // Of two connections, the one that carries messages counts.
        if role != Role::Receiver {
            self.metrics.smpp_bound.get_or_create(&self.label()).set(bound.into());
        }
    }

    fn throttled(&self) {
        self.metrics.smpp_throttled.get_or_create(&self.label()).inc();
    }

    fn receipt(&self, state: &'static str) {
        let labels = [("smsc", self.name.clone()), ("state", state.to_owned())];
        self.metrics.smpp_receipts.get_or_create(&labels).inc();
    }
}

/// The bearer.
pub(super) struct Smsc {
    bearer: String,
    settings: Arc<Settings>,
    state: watch::Receiver<LinkState>,
    urgent: mpsc::Sender<Submission>,
    ordinary: mpsc::Sender<Submission>,
    receipts: Receipts,
    reference: AtomicU8,
}

impl Smsc {
    /// Starts the connections to an SMSC; they last until `stop`.
    pub(super) fn start(
        name: &str,
        config: Config,
        metrics: Arc<Metrics>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, TrustError> {
        let tls = config.tls.then(|| connect::trust(config.ca_file.as_deref())).transpose()?;
        let dial = connect::dial(config.address.clone(), tls);
        Ok(Self::dialling(name, config, dial, metrics, tasks, stop))
    }

    fn dialling(
        name: &str,
        config: Config,
        dial: Dial,
        metrics: Arc<Metrics>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (urgent, urgent_rx) = mpsc::channel(config.queue as usize / 4);
        let (ordinary, ordinary_rx) = mpsc::channel(config.queue as usize);
        let settings = Arc::new(Settings { name: name.to_owned(), config, dial, metrics });
        settings.bound(Role::Transceiver, false);
        let receipts = Receipts::default();
        let (state_tx, state) = watch::channel(LinkState::Connecting);
        let link = |role, state, queue| Link {
            settings: Arc::clone(&settings),
            role,
            state,
            queue,
            receipts: receipts.clone(),
            stop: stop.clone(),
        };
        let role = match settings.config.bind {
            Bind::Transceiver => Role::Transceiver,
            Bind::TransmitterReceiver | Bind::Transmitter => Role::Transmitter,
        };
        tasks.spawn(link(role, state_tx, Queue::new(urgent_rx, ordinary_rx)).run());
        if settings.config.bind == Bind::TransmitterReceiver {
            tasks.spawn(link(Role::Receiver, watch::channel(LinkState::Connecting).0, Queue::none()).run());
        }
        Self {
            bearer: format!("smpp.{name}"),
            settings,
            state,
            urgent,
            ordinary,
            receipts,
            reference: AtomicU8::new(0),
        }
    }

    /// Waits until the first bind has succeeded or failed.
    async fn bound(&self) -> Result<(), Failure> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|s| *s != LinkState::Connecting).await;
        match settled.map(|s| *s) {
            Ok(LinkState::Up) => Ok(()),
            Ok(LinkState::Down(failure)) => Err(failure),
            Ok(LinkState::Connecting) | Err(_) => Err(Failure::Stopping),
        }
    }

    /// The body of one short message.
    fn message(&self, number: &str, octets: Vec<u8>, emergency: bool) -> ShortMessage {
        let c = &self.settings.config;
        ShortMessage {
            service_type: c.service_type.clone(),
            source: Address { ton: c.source_ton, npi: c.source_npi, digits: c.source.clone() },
            destination: Address { ton: TON_INTERNATIONAL, npi: NPI_ISDN, digits: number.to_owned() },
            // The message begins with a user data header.
            esm_class: 0x40,
            priority: if emergency { 3 } else { 0 },
            validity: validity(c.validity_s),
            registered_delivery: u8::from(self.asks_receipts()),
            data_coding: c.data_coding,
            octets,
            tlvs: Vec::new(),
        }
    }

    fn asks_receipts(&self) -> bool {
        self.settings.config.receipts && self.settings.config.bind != Bind::Transmitter
    }

    async fn send(&self, parcel: &Parcel) -> Result<Carried, Failure> {
        let number = parcel.number().ok_or(Failure::NoAddress)?;
        let reference = self.reference.fetch_add(1, Ordering::Relaxed);
        let pieces = sms::pieces(self.settings.config.form, &parcel.octets, reference);
        let pieces = pieces.ok_or(Failure::TooLong)?;
        self.bound().await?;
        let queue = if parcel.emergency { &self.urgent } else { &self.ordinary };
        let mut answers = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (tell, answer) = oneshot::channel();
            let body = self.message(&number, piece, parcel.emergency).body();
            let submission =
                Submission { body, emergency: parcel.emergency, deadline: parcel.deadline, tell };
            queue.try_send(submission).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => Failure::Congested,
                mpsc::error::TrySendError::Closed(_) => Failure::Stopping,
            })?;
            answers.push(answer);
        }
        let mut waiting = Vec::with_capacity(answers.len());
        for answer in answers {
            // The link that drops a message unheard found it too late.
            let id = answer.await.unwrap_or(Err(Failure::Unanswered))?;
            if self.asks_receipts() && !id.is_empty() {
                waiting.push(self.receipts.wait(&id, &number));
            }
        }
        if waiting.is_empty() {
            return Ok(Carried::Accepted);
        }
        let until = Instant::now() + Settings::seconds(self.settings.config.receipt_s);
        let all = async {
            for receipt in &mut waiting {
                match receipt.state().await {
                    State::Lost(state) => return Err(Failure::Unreachable(state.into())),
                    State::Delivered | State::Open => {}
                }
            }
            Ok(Carried::Confirmed)
        };
        timeout_at(until.min(parcel.deadline), all).await.unwrap_or(Ok(Carried::Accepted))
    }
}

/// A period as in 7.1.1.2: `YYMMDDhhmmsstnnR`.
fn validity(seconds: u32) -> String {
    if seconds == 0 {
        return String::new();
    }
    let (days, h, m, s) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("0000{days:02}{h:02}{m:02}{s:02}000R")
}

impl Bearer for Smsc {
    fn name(&self) -> &str {
        &self.bearer
    }

    fn knows(&self, parcel: &Parcel) -> bool {
        parcel.number().is_some()
    }

    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Attempt<'a> {
        Box::pin(self.send(parcel))
    }
}

#[cfg(test)]
mod tests;
