//! What a triggered request is, whichever door it came through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{QualityOfPosition, SetId, Utc};
use crate::service::area::Area;
use crate::service::{LocationKind, Priority, PrivacyWish, QosClass, Requestor, ServiceId, parse_identity};

/// The name of a triggered request: unguessable, unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TriggerId(String);

impl TriggerId {
    /// A new name; `None` when the system gives no random numbers.
    pub fn draw() -> Option<Self> {
        let mut octets = [0; 12];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut octets).ok()?;
        Some(Self(octets.iter().fold(String::with_capacity(24), |text, o| text + &format!("{o:02x}"))))
    }

    /// A name as a client says it.
    pub fn from_text(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One whose position is reported.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Followed {
    /// The identity under which it was asked for.
    pub target: SetId,
    /// Other identities of the same target.
    pub alternatives: Vec<SetId>,
}

impl Followed {
    /// A target known by one identity.
    pub const fn of(target: SetId) -> Self {
        Self { target, alternatives: Vec::new() }
    }

    /// Every identity.
    pub fn identities(&self) -> impl Iterator<Item = &SetId> {
        std::iter::once(&self.target).chain(&self.alternatives)
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Followed(…)")
    }
}

impl From<Followed> for Vec<String> {
    fn from(f: Followed) -> Self {
        f.identities().map(SetId::storage_key).collect()
    }
}

impl TryFrom<Vec<String>> for Followed {
    type Error = &'static str;
    fn try_from(keys: Vec<String>) -> Result<Self, &'static str> {
        let mut ids = keys.iter().map(|k| parse_identity(k).ok_or("not an identity"));
        let target = ids.next().ok_or("no identity")??;
        Ok(Self { target, alternatives: ids.collect::<Result<_, _>>()? })
    }
}

/// Which crossing of a border counts, or which side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Coming in. At the beginning the target counts as outside.
    Entering,
    /// Going out. At the beginning the target counts as inside.
    Leaving,
    /// Being inside, again and again.
    Within,
    /// Being outside, again and again.
    Outside,
}

/// What must happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The target can be positioned.
    Available,
    /// It enters or leaves an area, or is in it or not.
    Area {
        /// Which.
        area: Area,
        /// How.
        side: Side,
    },
    /// Its speed passes a limit, or is above or below it. `Within` is below, `Outside` above.
    Speed {
        /// The limit, m/s.
        limit_mps: f64,
        /// `Leaving`: rises above it; `Entering`: falls below it; `Outside`: is above; `Within`: is below.
        side: Side,
    },
    /// It is so far from where it was reported last, as the crow flies or up and down. The first position is reported.
    Moved {
        /// How far, metres along the ground; where `vertical_m` is absent, in space, as far as altitudes are known.
        metres: f64,
        /// How far up or down, metres: a condition of its own beside the other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vertical_m: Option<f64>,
    },
    /// It enters or leaves an area. Where it is at the beginning is not reported.
    Crossing {
        /// Which.
        area: Area,
    },
    /// Its speed has changed by so much since it was reported last. The first position with a speed is reported.
    SpeedChanged {
        /// By how much, m/s.
        by_mps: f64,
    },
    /// Its distance to the nearest of other targets passes a limit, or is above or below it. `Within` is nearer, `Outside`
    /// farther; `Entering`: comes nearer; `Leaving`: goes farther.
    Distance {
        /// The others. What is known of where they are is not reported.
        others: Vec<Followed>,
        /// The limit, metres.
        metres: f64,
        /// How.
        side: Side,
    },
}

/// How sure it must be that a target is inside or outside of an area.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// It counts as inside from this probability on, 0.01..=0.99; as outside when it is outside with this probability.
    pub probability: f64,
    /// What counted as inside does so until the probability has fallen by this much, 0..=0.9; the other way round alike.
    pub hysteresis: f64,
}

impl Default for Sensitivity {
    /// As likely as not, and a tenth less to come out again.
    fn default() -> Self {
        Self { probability: 0.5, hysteresis: 0.1 }
    }
}

/// An event, and how often it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What must happen.
    pub condition: Condition,
    /// Whether its position is told, or just that it happened.
    pub with_position: bool,
    /// After so many reports of one target that target is done.
    pub most: u32,
    /// For so long after a report nothing that happens to the target counts, seconds.
    pub blind_s: u64,
    /// For conditions of areas; [`Config::probability`](super::Config::probability) and its hysteresis when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
}

impl Event {
    /// Whether every number in it makes sense.
    pub(super) fn is_sound(&self) -> bool {
        let length = |v: f64| v.is_finite() && v >= 0.0;
        let condition = match &self.condition {
            Condition::Available | Condition::Area { .. } | Condition::Crossing { .. } => true,
            Condition::Speed { limit_mps, .. } => length(*limit_mps),
            Condition::SpeedChanged { by_mps } => length(*by_mps),
            Condition::Moved { metres, vertical_m } => length(*metres) && vertical_m.is_none_or(length),
            Condition::Distance { others, metres, .. } => length(*metres) && !others.is_empty(),
        };
        let share = |v: f64, low: f64, high: f64| (low..=high).contains(&v);
        let sensitivity = self
            .sensitivity
            .is_none_or(|s| share(s.probability, 0.01, 0.99) && share(s.hysteresis, 0.0, 0.9));
        condition && sensitivity && self.most > 0
    }
}

/// When reports of periods leave (MLP `per_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// At every interval, with a position or with why there is none.
    #[default]
    RealTime,
    /// At every interval that has a position.
    QuasiRealTime,
    /// When so many positions are there.
    BatchCount(u32),
    /// When so many seconds have passed since the last batch.
    BatchSeconds(u64),
    /// At the end.
    BatchEnd,
}

impl Manner {
    /// Whether positions are kept and sent together.
    pub const fn is_batch(self) -> bool {
        matches!(self, Self::BatchCount(_) | Self::BatchSeconds(_) | Self::BatchEnd)
    }
}

/// What is asked of the location service at each report, as in an immediate request.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Ask {
    /// Which position.
    pub kind: LocationKind,
    /// How exact.
    pub qop: QualityOfPosition,
    /// What becomes of one that misses that.
    pub qos_class: QosClass,
    /// How urgent.
    pub priority: Priority,
    /// For which service of the client.
    pub service: Option<ServiceId>,
    /// On whose behalf.
    pub requestor: Option<Requestor>,
    /// Whether the user should be told or asked.
    pub wish: Option<PrivacyWish>,
}

impl Ask {
    /// Where the targets are at the time, without any wishes.
    pub const fn new() -> Self {
        Self {
            kind: LocationKind::Current,
            qop: QualityOfPosition {
                horizontal_m: None,
                vertical_m: None,
                max_age: None,
                response_time: None,
            },
            qos_class: QosClass::BestEffort,
            priority: Priority::Normal,
            service: None,
            requestor: None,
            wish: None,
        }
    }
}

/// A triggered request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub id: TriggerId,
    /// The client whose it is.
    pub owner: String,
    /// The door through which it came: reports leave through the same.
    pub door: String,
    /// Whose positions.
    pub targets: Vec<Followed>,
    /// Positions are reported at this interval, seconds.
    pub every_s: Option<u64>,
    /// Positions are reported at this event.
    pub event: Option<Event>,
    /// Not before.
    pub start: Utc,
    /// Not after.
    pub stop: Utc,
    /// Whether exactly one report is wanted, at the start.
    pub once: bool,
    /// Whether `stop` is this server's own limit.
    pub limited: bool,
    /// When reports of periods leave.
    pub manner: Manner,
    /// What is asked for.
    #[serde(with = "stored_ask")]
    pub ask: Ask,
    /// What the door needs to write reports; nobody else reads it.
    pub note: serde_json::Value,
    /// How many of its newest reports are kept for those who [follow](super::Triggers::follow) it, over restarts and for a
    /// while after its end. 0: its door takes care of its reports.
    #[serde(default)]
    pub keep: u32,
}

/// [`Ask`] in the store.
mod stored_ask {
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    use super::Ask;
    use crate::base::QualityOfPosition;
    use crate::service::{
        LocationKind, Priority, PrivacyWish, QosClass, Requestor, RequestorKind, ServiceId,
    };
    use crate::slc::ni::Asked;

    #[derive(Serialize, Deserialize)]
    struct Stored {
        kind: u8,
        horizontal_m: Option<f64>,
        vertical_m: Option<f64>,
        max_age_s: Option<u64>,
        response_s: Option<u64>,
        assured: bool,
        high: bool,
        service: Option<String>,
        requestor: Option<(u8, String)>,
        wish: Option<u8>,
    }

    const KINDS: [LocationKind; 5] = [
        LocationKind::Current,
        LocationKind::Last,
        LocationKind::CurrentOrLast,
        LocationKind::LastOrCurrent,
        LocationKind::Initial,
    ];
    const REQUESTORS: [RequestorKind; 6] = [
        RequestorKind::Msisdn,
        RequestorKind::Name,
        RequestorKind::Email,
        RequestorKind::Url,
        RequestorKind::SipUrl,
        RequestorKind::Other,
    ];
    const WISHES: [PrivacyWish; 6] = [
        PrivacyWish::DoNotPosition,
        PrivacyWish::Ask(Asked::Nothing),
        PrivacyWish::Ask(Asked::Notify),
        PrivacyWish::Ask(Asked::VerifyAllowIfNoAnswer),
        PrivacyWish::Ask(Asked::VerifyDenyIfNoAnswer),
        PrivacyWish::Ask(Asked::PrivacyOverride),
    ];

    fn place<T: PartialEq>(list: &[T], item: &T) -> u8 {
        list.iter().position(|k| k == item).unwrap_or(0) as u8
    }

    pub(super) fn serialize<S: serde::Serializer>(ask: &Ask, to: S) -> Result<S::Ok, S::Error> {
        Stored {
            kind: place(&KINDS, &ask.kind),
            horizontal_m: ask.qop.horizontal_m,
            vertical_m: ask.qop.vertical_m,
            max_age_s: ask.qop.max_age.map(|d| d.as_secs()),
            response_s: ask.qop.response_time.map(|d| d.as_secs()),
            assured: ask.qos_class == QosClass::Assured,
            high: ask.priority == Priority::High,
            service: ask.service.as_ref().map(|s| s.0.clone()),
            requestor: ask.requestor.as_ref().map(|r| (place(&REQUESTORS, &r.kind), r.id.clone())),
            wish: ask.wish.as_ref().map(|w| place(&WISHES, w)),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Ask, D::Error> {
        let s = Stored::deserialize(from)?;
        let requestor = s.requestor.map(|(kind, id)| {
            let kind = REQUESTORS.get(usize::from(kind)).copied().unwrap_or(RequestorKind::Other);
            Requestor { id, kind }
        });
        Ok(Ask {
            kind: KINDS.get(usize::from(s.kind)).copied().unwrap_or_default(),
            qop: QualityOfPosition {
                horizontal_m: s.horizontal_m,
                vertical_m: s.vertical_m,
                max_age: s.max_age_s.map(Duration::from_secs),
                response_time: s.response_s.map(Duration::from_secs),
            },
            qos_class: if s.assured { QosClass::Assured } else { QosClass::BestEffort },
            priority: if s.high { Priority::High } else { Priority::Normal },
            service: s.service.map(ServiceId),
            requestor,
            // What cannot be read is taken for the strictest wish.
            wish: s.wish.map(|w| WISHES.get(usize::from(w)).copied().unwrap_or(PrivacyWish::DoNotPosition)),
        })
    }
}
