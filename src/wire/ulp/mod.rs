//! ULP messages (OMA-TS-ULP V2.0.5 and, as its root, ULP 1.0).

mod capabilities;
mod cells;
mod codec;
pub mod gsm;
mod header;
mod ids;
mod init;
mod position;
mod protection;
mod request;
#[cfg(test)]
mod tests;

use crate::base::broadcast::Gnss;
use crate::base::cell::LocationId;
use crate::base::geo::{Shape, Velocity};
use crate::base::ids::{Fqdn, SetSessionId, SlpAddress, SlpSessionId};
use crate::base::qop::QualityOfPosition;
use crate::base::time::Utc;

use super::assist::{AssistanceRequest, GnssModes, SbasRegion, SignalSet};
pub use header::{Header, peek};
pub use init::{
    BasicProtection, Init, NameFormat, Notification, NotificationType, ProtectionLevel, TextEncoding,
    TriggerType,
};
pub use protection::{mac_is_right, seal, ver, ver_is_right};

/// A ULP PDU. Its length member is not here: it is checked when decoding and filled in when encoding.
#[derive(Clone, Debug, PartialEq)]
pub struct UlpPdu {
    /// Version of the sender. When encoding, a major below 2 leaves out everything that ULP 1.0 does not have.
    pub version: Version,
    /// Session identities.
    pub session: SessionIds,
    /// The message.
    pub message: UlpMessage,
}

/// Version of ULP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Major: messages of different majors need not understand each other.
    pub maj: u8,
    /// Minor.
    pub min: u8,
    /// Service indicator (editorial).
    pub servind: u8,
}

impl Version {
    /// 1.0.0.
    pub const V1: Self = Self { maj: 1, min: 0, servind: 0 };
    /// 2.0.5.
    pub const V2: Self = Self { maj: 2, min: 0, servind: 5 };
}

/// The two halves of a session's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionIds {
    /// The SET's half.
    pub set: Option<SetSessionId>,
    /// The SLP's half.
    pub slp: Option<SlpSessionId>,
}

/// A ULP message.
#[derive(Clone, Debug, PartialEq)]
pub enum UlpMessage {
    /// SUPL INIT.
    Init(Box<Init>),
    /// SUPL START.
    Start(Box<Start>),
    /// SUPL RESPONSE.
    Response(Box<Response>),
    /// SUPL POS INIT.
    PosInit(Box<PosInit>),
    /// SUPL POS.
    Pos(Pos),
    /// SUPL END.
    End(Box<End>),
    /// SUPL AUTH REQ.
    AuthReq(Box<AuthReq>),
    /// SUPL AUTH RESP.
    AuthResp(AuthResp),
    /// SUPL NOTIFY (2.0).
    Notify(Box<Notification>),
    /// SUPL NOTIFY RESPONSE (2.0): whether the user allows it, where that was asked.
    NotifyResponse(Option<bool>),
    /// A message that decodes but whose flow this server does not serve; its content is not kept, and it cannot be
    /// encoded.
    Unserved(MessageKind),
}

/// The kinds of ULP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MessageKind {
    Init,
    Start,
    Response,
    PosInit,
    Pos,
    End,
    AuthReq,
    AuthResp,
    TriggeredStart,
    TriggeredResponse,
    TriggeredStop,
    Notify,
    NotifyResponse,
    SetInit,
    Report,
    /// A message of a later version, by its index among the extensions, as far as that fits.
    Unknown(u8),
}

impl MessageKind {
    /// The name, as ladders and logs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "SUPL INIT",
            Self::Start => "SUPL START",
            Self::Response => "SUPL RESPONSE",
            Self::PosInit => "SUPL POS INIT",
            Self::Pos => "SUPL POS",
            Self::End => "SUPL END",
            Self::AuthReq => "SUPL AUTH REQ",
            Self::AuthResp => "SUPL AUTH RESP",
            Self::TriggeredStart => "SUPL TRIGGERED START",
            Self::TriggeredResponse => "SUPL TRIGGERED RESPONSE",
            Self::TriggeredStop => "SUPL TRIGGERED STOP",
            Self::Notify => "SUPL NOTIFY",
            Self::NotifyResponse => "SUPL NOTIFY RESPONSE",
            Self::SetInit => "SUPL SET INIT",
            Self::Report => "SUPL REPORT",
            Self::Unknown(_) => "unknown ULP message",
        }
    }

    /// Whether the message opens a session when a SET sends it.
    pub const fn opens_session(self) -> bool {
        matches!(self, Self::Start | Self::TriggeredStart | Self::SetInit)
    }
}

impl UlpMessage {
    /// Which message this is.
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Init(_) => MessageKind::Init,
            Self::Start(_) => MessageKind::Start,
            Self::Response(_) => MessageKind::Response,
            Self::PosInit(_) => MessageKind::PosInit,
            Self::Pos(_) => MessageKind::Pos,
            Self::End(_) => MessageKind::End,
            Self::AuthReq(_) => MessageKind::AuthReq,
            Self::AuthResp(_) => MessageKind::AuthResp,
            Self::Notify(_) => MessageKind::Notify,
            Self::NotifyResponse(_) => MessageKind::NotifyResponse,
            Self::Unserved(kind) => *kind,
        }
    }
}

/// SUPL START: a SET opens a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What the SET can do.
    pub capabilities: SetCapabilities,
    /// What it hears: its main location id first, then those of `multipleLocationIds` and of neighbours that it measured.
    pub location_ids: Vec<LocationId>,
    /// Quality of position.
    pub qop: Option<QualityOfPosition>,
    /// How many third parties shall get the position (2.0). Their names are not kept.
    pub third_parties: usize,
    /// The application that asks (2.0).
    pub application: Option<ApplicationId>,
    /// Where the SET thinks it is (2.0).
    pub position: Option<Position>,
}

/// The application on a SET that asks (2.0 `ApplicationID`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationId {
    /// Provider, 1 to 24 characters.
    pub provider: String,
    /// Name, 1 to 32 characters.
    pub name: String,
    /// Version, 1 to 8 characters.
    pub version: Option<String>,
}

/// SUPL RESPONSE.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Method.
    pub pos_method: PosMethod,
    /// The SPC's or SLP's address, where it is another.
    pub slp_address: Option<SlpAddress>,
    /// What the SLP wants to know of networks (2.0).
    pub networks: Option<NetworkSupport>,
    /// Roughly where the SET is (2.0).
    pub initial_position: Option<Position>,
    /// GNSS that the SLP can assist (2.0).
    pub gnss: Option<GnssSupport>,
}

impl Response {
    /// A response that says the method and nothing else.
    pub const fn new(pos_method: PosMethod) -> Self {
        Self { pos_method, slp_address: None, networks: None, initial_position: None, gnss: None }
    }
}

/// SUPL POS INIT.
#[derive(Clone, Debug, PartialEq)]
pub struct PosInit {
    /// What the SET can do.
    pub capabilities: SetCapabilities,
    /// Assistance it asks for (RRLP's way; an LPP request comes inside [`Self::pos`]).
    pub assistance: Option<AssistanceRequest>,
    /// What it hears, as in [`Start::location_ids`].
    pub location_ids: Vec<LocationId>,
    /// Where it thinks it is.
    pub position: Option<Position>,
    /// A first SUPL POS.
    pub pos: Option<Pos>,
    /// Hash of the SUPL INIT that it answers.
    pub ver: Option<[u8; 8]>,
}

/// SUPL POS: a container of positioning messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Pos {
    /// The messages.
    pub payload: PosPayload,
    /// Velocity of the SET.
    pub velocity: Option<Velocity>,
}

/// Positioning messages, each a complete PDU of its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PosPayload {
    /// One RRLP PDU, at most 8,192 octets.
    Rrlp(Vec<u8>),
    /// One to three LPP messages, each at most 60,000 octets (2.0). An empty list is what some peers send to say nothing.
    Lpp(Vec<Vec<u8>>),
    /// TIA-801 messages.
    Tia801(Vec<Vec<u8>>),
    /// RRC.
    Rrc(Vec<u8>),
    /// An alternative of a later version; it cannot be encoded.
    Unknown,
}

impl PosPayload {
    /// The protocol's name, for logs and metrics.
    pub const fn protocol(&self) -> &'static str {
        match self {
            Self::Rrlp(_) => "rrlp",
            Self::Lpp(_) => "lpp",
            Self::Tia801(_) => "tia801",
            Self::Rrc(_) => "rrc",
            Self::Unknown => "unknown",
        }
    }
}

/// SUPL END.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// The position found.
    pub position: Option<Position>,
    /// Why it ends, unless well.
    pub status: Option<StatusCode>,
    /// Hash of the SUPL INIT that it answers.
    pub ver: Option<[u8; 8]>,
    /// The SET's capabilities, where they changed (2.0).
    pub capabilities: Option<SetCapabilities>,
    /// The position in the form of centimetres (2.0.5).
    pub high_accuracy: Option<Position>,
}

impl End {
    /// An end with a status.
    pub fn with(status: StatusCode) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

/// SUPL AUTH REQ: a SET in non-proxy mode wants to be known to the SPC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthReq {
    /// Hash of the SUPL INIT that it answers.
    pub ver: Option<[u8; 8]>,
    /// What the SET can do.
    pub capabilities: Option<SetCapabilities>,
}

/// SUPL AUTH RESP: how the SET and the SPC will know each other.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthResp {
    /// The key of SPC and SET.
    pub key: [u8; 16],
    /// A random number that names the transaction.
    pub rand: [u8; 16],
    /// The SPC.
    pub slp: Fqdn,
    /// Hours for which the key holds, 1..=24.
    pub lifetime_h: Option<u8>,
}

/// Keys are not shown.
impl std::fmt::Debug for AuthResp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthResp({})", self.slp)
    }
}

/// A position as ULP carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// When. ULP keeps whole seconds and two digits of the year, taken to be 20xx.
    pub time: Utc,
    /// Where. ULP has points and ellipses, with or without altitude: other shapes are widened to these when encoding.
    pub shape: Shape,
    /// How fast.
    pub velocity: Option<Velocity>,
}

/// `StatusCode`: how a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum StatusCode {
    Unspecified,
    SystemFailure,
    UnexpectedMessage,
    ProtocolError,
    DataMissing,
    UnexpectedDataValue,
    PosMethodFailure,
    PosMethodMismatch,
    PosProtocolMismatch,
    TargetSetNotReachable,
    VersionNotSupported,
    ResourceShortage,
    InvalidSessionId,
    NonProxyModeNotSupported,
    ProxyModeNotSupported,
    PositioningNotPermitted,
    AuthNetFailure,
    AuthSuplInitFailure,
    ConsentDeniedByUser,
    ConsentGrantedByUser,
    /// 2.0. In a 1.0 message this and the following become [`Self::Unspecified`].
    IncompatibleProtectionLevel,
    ServiceNotSupported,
    InsufficientInterval,
    NoSuplCoverage,
    SessionStopped,
    AppIdDenied,
    /// A code of a later version.
    Unknown,
}

impl StatusCode {
    /// The number of OMA's table, `None` for an unknown one.
    pub const fn number(self) -> Option<u8> {
        Some(match self {
            Self::Unspecified => 0,
            Self::SystemFailure => 1,
            Self::UnexpectedMessage => 2,
            Self::ProtocolError => 3,
            Self::DataMissing => 4,
            Self::UnexpectedDataValue => 5,
            Self::PosMethodFailure => 6,
            Self::PosMethodMismatch => 7,
            Self::PosProtocolMismatch => 8,
            Self::TargetSetNotReachable => 9,
            Self::VersionNotSupported => 10,
            Self::ResourceShortage => 11,
            Self::InvalidSessionId => 12,
            Self::NonProxyModeNotSupported => 13,
            Self::ProxyModeNotSupported => 14,
            Self::PositioningNotPermitted => 15,
            Self::AuthNetFailure => 16,
            Self::AuthSuplInitFailure => 17,
            Self::IncompatibleProtectionLevel => 18,
            Self::ServiceNotSupported => 19,
            Self::InsufficientInterval => 20,
            Self::NoSuplCoverage => 21,
            Self::ConsentDeniedByUser => 100,
            Self::ConsentGrantedByUser => 101,
            Self::SessionStopped => 102,
            Self::AppIdDenied => 103,
            Self::Unknown => return None,
        })
    }

    /// Whether ULP 1.0 has it.
    pub const fn in_version_1(self) -> bool {
        matches!(self.number(), Some(0..=17 | 100 | 101))
    }

    /// The name of OMA's table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::SystemFailure => "systemFailure",
            Self::UnexpectedMessage => "unexpectedMessage",
            Self::ProtocolError => "protocolError",
            Self::DataMissing => "dataMissing",
            Self::UnexpectedDataValue => "unexpectedDataValue",
            Self::PosMethodFailure => "posMethodFailure",
            Self::PosMethodMismatch => "posMethodMismatch",
            Self::PosProtocolMismatch => "posProtocolMismatch",
            Self::TargetSetNotReachable => "targetSETnotReachable",
            Self::VersionNotSupported => "versionNotSupported",
            Self::ResourceShortage => "resourceShortage",
            Self::InvalidSessionId => "invalidSessionId",
            Self::NonProxyModeNotSupported => "nonProxyModeNotSupported",
            Self::ProxyModeNotSupported => "proxyModeNotSupported",
            Self::PositioningNotPermitted => "positioningNotPermitted",
            Self::AuthNetFailure => "authNetFailure",
            Self::AuthSuplInitFailure => "authSuplinitFailure",
            Self::ConsentDeniedByUser => "consentDeniedByUser",
            Self::ConsentGrantedByUser => "consentGrantedByUser",
            Self::IncompatibleProtectionLevel => "ver2-incompatibleProtectionLevel",
            Self::ServiceNotSupported => "ver2-serviceNotSupported",
            Self::InsufficientInterval => "ver2-insufficientInterval",
            Self::NoSuplCoverage => "ver2-noSUPLCoverage",
            Self::SessionStopped => "ver2-sessionStopped",
            Self::AppIdDenied => "ver2-appIdDenied",
            Self::Unknown => "unknown",
        }
    }
}

/// `PosMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PosMethod {
    AgpsSetAssisted,
    AgpsSetBased,
    AgpsSetAssistedPreferred,
    AgpsSetBasedPreferred,
    AutonomousGps,
    Aflt,
    Ecid,
    Eotd,
    Otdoa,
    NoPosition,
    /// 2.0, as are the following.
    HistoricalData,
    AgnssSetAssisted,
    AgnssSetBased,
    AgnssSetAssistedPreferred,
    AgnssSetBasedPreferred,
    AutonomousGnss,
    SessionInfoQuery,
    Mbs,
    /// A method of a later version.
    Unknown,
}

impl PosMethod {
    /// The name of OMA's table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgpsSetAssisted => "agpsSETassisted",
            Self::AgpsSetBased => "agpsSETbased",
            Self::AgpsSetAssistedPreferred => "agpsSETassistedpref",
            Self::AgpsSetBasedPreferred => "agpsSETbasedpref",
            Self::AutonomousGps => "autonomousGPS",
            Self::Aflt => "aflt",
            Self::Ecid => "ecid",
            Self::Eotd => "eotd",
            Self::Otdoa => "otdoa",
            Self::NoPosition => "noPosition",
            Self::HistoricalData => "ver2-historicalDataRetrieval",
            Self::AgnssSetAssisted => "ver2-agnssSETassisted",
            Self::AgnssSetBased => "ver2-agnssSETbased",
            Self::AgnssSetAssistedPreferred => "ver2-agnssSETassistedpref",
            Self::AgnssSetBasedPreferred => "ver2-agnssSETbasedpref",
            Self::AutonomousGnss => "ver2-autonomousGNSS",
            Self::SessionInfoQuery => "ver2-sessioninfoquery",
            Self::Mbs => "ver2-mbs",
            Self::Unknown => "unknown",
        }
    }

    /// Whether ULP 1.0 has it.
    pub const fn in_version_1(self) -> bool {
        matches!(
            self,
            Self::AgpsSetAssisted
                | Self::AgpsSetBased
                | Self::AgpsSetAssistedPreferred
                | Self::AgpsSetBasedPreferred
                | Self::AutonomousGps
                | Self::Aflt
                | Self::Ecid
                | Self::Eotd
                | Self::Otdoa
                | Self::NoPosition
        )
    }
}

/// What a SET can do (`SETCapabilities`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetCapabilities {
    /// GPS.
    pub gps: GnssModes,
    /// Other systems (2.0 `gANSSPositionMethods`).
    pub ganss: Vec<GanssCapability>,
    /// Advanced forward link trilateration (CDMA).
    pub aflt: bool,
    /// Enhanced cell id.
    pub ecid: bool,
    /// Enhanced observed time difference (GSM).
    pub eotd: bool,
    /// Observed time difference of arrival.
    pub otdoa: bool,
    /// What it would rather do.
    pub preference: Preference,
    /// Positioning protocols.
    pub protocols: PosProtocols,
    /// Services (2.0).
    pub services: Option<ServiceCapabilities>,
}

impl SetCapabilities {
    /// How a system can be used.
    pub fn modes(&self, gnss: Gnss) -> GnssModes {
        match gnss {
            Gnss::Gps => self.gps,
            g => self
                .ganss
                .iter()
                .find(|c| c.system == GanssSystem::Known(g))
                .map_or_else(GnssModes::default, |c| c.modes),
        }
    }
}

/// A system of `gANSSPositionMethods`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GanssSystem {
    /// One of ours (never GPS).
    Known(Gnss),
    /// Modernised GPS.
    ModernisedGps,
    /// A later one, by its code.
    Unknown(u8),
}

/// What a SET can do with one system besides GPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GanssCapability {
    /// System.
    pub system: GanssSystem,
    /// Which SBAS.
    pub sbas: Option<SbasRegion>,
    /// Modes.
    pub modes: GnssModes,
    /// Signals.
    pub signals: SignalSet,
    /// RTK by observations.
    pub rtk_osr: bool,
}

/// `PrefMethod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Preference {
    SetAssisted,
    SetBased,
    #[default]
    None,
}

/// `PosProtocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PosProtocols {
    /// TIA-801.
    pub tia801: bool,
    /// RRLP.
    pub rrlp: bool,
    /// RRC.
    pub rrc: bool,
    /// LPP (2.0).
    pub lpp: bool,
    /// LPP extensions (2.0.2).
    pub lppe: bool,
    /// Version of RRLP (2.0).
    pub rrlp_version: Option<ProtocolVersion>,
    /// Version of LPP (2.0).
    pub lpp_version: Option<ProtocolVersion>,
}

/// Version of a 3GPP specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct ProtocolVersion {
    pub major: u8,
    pub technical: u8,
    pub editorial: u8,
}

/// `ServiceCapabilities`, as far as it says which triggered services exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceCapabilities {
    /// Periodic triggers.
    pub periodic: bool,
    /// Area event triggers.
    pub area: bool,
    /// Sessions at a time: in total (1..=128), periodic (1..=32), area (1..=32).
    pub sessions: (u8, u8, u8),
}

/// `SupportedNetworkInformation`: what the SLP would like in `multipleLocationIds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct NetworkSupport {
    pub wlan: bool,
    pub gsm: bool,
    pub wcdma: bool,
    pub cdma: bool,
    pub hrpd: bool,
    pub umb: bool,
    pub lte: bool,
    pub wimax: bool,
    /// NR (2.0.5); `None` leaves the extension out.
    pub nr: Option<bool>,
    /// Location ids of the past.
    pub historic: bool,
    /// Cells that do not serve the SET.
    pub non_serving: bool,
    /// UTRAN GPS reference time.
    pub utran_gps_time: bool,
    /// UTRAN GANSS reference time.
    pub utran_ganss_time: bool,
}

/// `GNSSPosTechnology`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct GnssSupport {
    pub gps: bool,
    pub galileo: bool,
    pub sbas: bool,
    pub modernised_gps: bool,
    pub qzss: bool,
    pub glonass: bool,
    /// 2.0.3; `None` leaves the extension out.
    pub bds: Option<bool>,
    /// 2.0.5; likewise.
    pub rtk_osr: Option<bool>,
}

/// Why bytes are not a ULP PDU, with as much of the header as could be read, so that the session can be ended properly.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct UlpDecodeError {
    /// What is wrong.
    pub fault: UlpFault,
    /// The version said, where that much was there.
    pub version: Option<Version>,
    /// The session identities, as far as they could be read.
    pub session: SessionIds,
    /// The message, where that much could be read.
    pub kind: Option<MessageKind>,
}

/// What is wrong with a ULP PDU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UlpFault {
    /// The length member is not the number of octets: SUPL END `protocolError`.
    #[error("length says {stated} octets, but there are {actual}")]
    Length {
        /// What the PDU says.
        stated: usize,
        /// What there is.
        actual: usize,
    },
    /// The body does not decode, and the version is one that this server does not know: `versionNotSupported`.
    #[error("version {}.{}.{} is not supported", .0.maj, .0.min, .0.servind)]
    Version(Version),
    /// The body does not decode: `protocolError`.
    #[error("malformed ULP PDU: {0}")]
    Malformed(String),
}
