//! What can be ordered of a SET, and how it may go.

use std::fmt;
use std::time::Instant;

use crate::base::{LocationEstimate, QualityOfPosition, SetId, Shape};
use crate::slc::SessionError;
use crate::wire::ulp::{NameFormat, PosMethod, StatusCode, TextEncoding};

/// The major version in which a SET is invited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SuplVersion {
    /// SUPL 1.0: RRLP and GPS.
    V1,
    /// SUPL 2.0. The SUPL INIT still decodes for a SET that speaks 1.0, which may answer in its own version.
    #[default]
    V2,
}

/// What is wanted of the SET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum What {
    /// Its position.
    #[default]
    Position,
    /// Its user's consent; the position is known already (`posMethod` `noPosition`).
    ConsentOnly,
}

/// Whether the user is told, asked, or neither (`NotificationType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Neither.
    #[default]
    Nothing,
    /// Told.
    Notify,
    /// Asked; silence is consent.
    VerifyAllowIfNoAnswer,
    /// Asked; silence is refusal.
    VerifyDenyIfNoAnswer,
    /// Neither, whatever the user has set up: for emergencies and lawful interception.
    PrivacyOverride,
}

impl Asked {
    /// Whether the user hears of it.
    pub const fn tells(self) -> bool {
        matches!(self, Self::Notify | Self::VerifyAllowIfNoAnswer | Self::VerifyDenyIfNoAnswer)
    }

    /// Whether the user is asked.
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyAllowIfNoAnswer | Self::VerifyDenyIfNoAnswer)
    }
}

/// What the user is told of who wants the position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Tell, ask, or neither.
    pub kind: Asked,
    /// Who wants to know.
    pub requestor: Option<Name>,
    /// Through which client.
    pub client: Option<Name>,
    /// How the names are coded; `None` is UTF-8, as is a coding that does not have all their
    /// characters.
    pub encoding: Option<TextEncoding>,
    /// Whether the user is told or asked after the positioning, by SUPL NOTIFY, since what the answer is may depend on the
    /// place (2.0; `notificationMode` `basedOnLocation`). Positions are held back until then. With SUPL 1.0 the user is told
    /// or asked before.
    pub by_location: bool,
}

/// A name that the user is shown. It may be somebody's number: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name. What does not fit into 50 octets of its coding is cut off.
    pub text: String,
    /// What kind of name it is.
    pub format: NameFormat,
}

impl Name {
    /// A name in words.
    pub fn logical(text: impl Into<String>) -> Self {
        Self { text: text.into(), format: NameFormat::LogicalName }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?}, …)", self.format)
    }
}

/// How a SUPL INIT is protected (2.0; SUPL 1.0 knows no protection).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// The level is not mentioned, which a SET takes for null protection.
    #[default]
    Absent,
    /// Null protection, said.
    Null,
    /// Basic protection.
    Basic(BasicProtection),
}

/// The parameters of basic protection.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicProtection {
    /// The key that SET and SLP share.
    pub key: Vec<u8>,
    /// Its identifier.
    pub key_id: [u8; 8],
    /// Must be larger than in any INIT to this SET before under this key.
    pub counter: u16,
}

impl fmt::Debug for BasicProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicProtection(…)")
    }
}

/// An order: somebody who may, wants something of a SET.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The SLP's half of the session's identity: unpredictable, and unique among pending and running orders.
    pub slp_session: [u8; 4],
    /// Of whom. Positions are reported under this identity.
    pub target: SetId,
    /// Other identities of the same target, under which its SET may answer. A SET that answers under an identity of a kind
    /// that is neither here nor in [`Self::target`] is believed for its knowledge of the session id and the INIT.
    pub alternatives: Vec<SetId>,
    /// In which version.
    pub version: SuplVersion,
    /// What.
    pub what: What,
    /// Which method to name in the INIT; `None` leaves it to the server's settings.
    pub method: Option<PosMethod>,
    /// How exact, how fresh, how soon.
    pub qop: Option<QualityOfPosition>,
    /// What the user is told or asked.
    pub notification: Option<Notification>,
    /// An emergency: the user is not asked, and the session is served even where others are turned away.
    pub emergency: bool,
    /// How the INIT is protected.
    pub protection: Protection,
    /// Where the SET is thought to be, for assistance to a SET whose cells are not known.
    pub area: Option<Shape>,
    /// Whether a velocity is wanted too.
    pub velocity: bool,
    /// When the session ends with the best there is by then, as the server's monotonic clock counts.
    pub deadline: Instant,
}

/// What happens to an order once its SET has claimed it. In this order: at most one `Arrived`, any number of `Position`, one
/// `Ended`.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderEvent {
    /// The SET has come and has shown that it knows the INIT.
    Arrived {
        /// The identity under which it came: the target's, one of the alternatives, or one not known before.
        identity: SetId,
    },
    /// A position. Later ones replace earlier ones. With [`Notification::by_location`] it comes after the user's consent.
    Position {
        /// Where, when, how.
        estimate: Box<LocationEstimate>,
        /// Whether it meets the order's quality. Not while something better is under way: what comes first may be the
        /// position of the cell, for those who cannot wait.
        qop_met: bool,
    },
    /// The session is over.
    Ended(OrderEnd),
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEnd {
    /// The positioning ran to its end; the last [`OrderEvent::Position`] is its result.
    Completed,
    /// The user was told or asked, and nothing stands against it ([`What::ConsentOnly`]).
    ConsentGranted,
    /// The user said no.
    ConsentDenied,
    /// The SET ended the session with this status, or without any and without a position.
    Refused(Option<StatusCode>),
    /// The session had to be ended.
    Failed(Failure),
    /// The SET went away. A position may have come before.
    Left,
    /// [`Revoke::revoke`](super::Revoke::revoke) ended it.
    Revoked(Revocation),
    /// The server is going down.
    Shutdown,
}

/// Why a session had to be ended: what SUPL END said of it is [`Failure::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub(in crate::slc) SessionError);

impl Failure {
    /// The status code that the SET was told.
    pub const fn status(self) -> StatusCode {
        self.0.status()
    }

    /// Name for logs and metric labels.
    pub const fn kind(self) -> &'static str {
        self.0.kind()
    }

    /// Whether time ran out: the SET fell silent, or the deadline came.
    pub const fn is_timeout(self) -> bool {
        matches!(self.0, SessionError::Deadline | SessionError::St2 | SessionError::Limit)
    }
}

impl OrderEnd {
    /// Name for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::ConsentGranted => "consent-granted",
            Self::ConsentDenied => "consent-denied",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Left => "left",
            Self::Revoked(Revocation::Superseded) => "superseded",
            Self::Revoked(Revocation::Cancelled) => "cancelled",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Why a running session of an order is ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// An emergency wants the SET.
    Superseded,
    /// Nobody waits for the answer any more.
    Cancelled,
}
