//! RRLP messages (3GPP TS 44.031 V13).

mod acquisition;
mod codec;
mod ganss;
mod gps;
mod ids;
mod measure;
mod navigation;
mod needed;

pub use ids::has_name;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::base::broadcast::Gnss;
use crate::base::geo::{Shape, Velocity};

use super::assist::{Assistance, AssistanceRequest, GnssModes, SignalSet};
use super::measure::{GnssMeasurements, MeasurementTime};

/// An RRLP PDU.
#[derive(Clone, Debug, PartialEq)]
pub struct RrlpPdu {
    /// Reference number, 0..=7; an answer repeats it.
    pub reference: u8,
    /// The component.
    pub component: RrlpComponent,
}

/// An RRLP component.
#[derive(Clone, Debug, PartialEq)]
pub enum RrlpComponent {
    /// Measure Position Request.
    MsrPositionReq(Box<MsrPositionReq>),
    /// Measure Position Response.
    MsrPositionRsp(Box<MsrPositionRsp>),
    /// Assistance Data.
    AssistanceData(Box<AssistanceData>),
    /// Assistance Data Acknowledgement.
    AssistanceDataAck,
    /// Protocol Error.
    ProtocolError(ProtocolError),
    /// Positioning Capability Request.
    PosCapabilityReq(ExtendedReference),
    /// Positioning Capability Response.
    PosCapabilityRsp(Box<PosCapability>),
    /// A component of a later release; it cannot be encoded.
    Unknown,
}

impl RrlpComponent {
    /// The name, as ladders and logs show it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MsrPositionReq(_) => "msrPositionReq",
            Self::MsrPositionRsp(_) => "msrPositionRsp",
            Self::AssistanceData(_) => "assistanceData",
            Self::AssistanceDataAck => "assistanceDataAck",
            Self::ProtocolError(_) => "protocolError",
            Self::PosCapabilityReq(_) => "posCapabilityReq",
            Self::PosCapabilityRsp(_) => "posCapabilityRsp",
            Self::Unknown => "unknown component",
        }
    }
}

/// Rel-5 reference: SMLC code (6 bits) and transaction (18 bits), which tell retransmissions and segments apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExtendedReference {
    /// SMLC code, 0..=63.
    pub smlc: u8,
    /// Transaction, 0..=262,143.
    pub transaction: u32,
}

/// Measure Position Request.
#[derive(Clone, Debug, PartialEq)]
pub struct MsrPositionReq {
    /// What to do.
    pub instruct: PositionInstruct,
    /// Assistance, possibly empty.
    pub assistance: Assistance,
    /// Rel-5 reference.
    pub extended: Option<ExtendedReference>,
    /// Rel-7: velocity is wanted.
    pub velocity: bool,
    /// Rel-7: the systems that may be used (GPS included); empty leaves the member out.
    pub systems: Vec<Gnss>,
    /// Rel-7: response time, 1..=128 s, finer than [`PositionInstruct::response_time`].
    pub required_response: Option<Duration>,
    /// Rel-98: GPS time of the cell's frames is to be measured.
    pub gps_time_measurement: bool,
    /// Rel-7: more than one frequency may be measured.
    pub multi_frequency: bool,
}

/// Instruction of a Measure Position Request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionInstruct {
    /// Who computes.
    pub method_type: MethodType,
    /// Horizontal accuracy wanted, metres; required unless [`MethodType::MsAssisted`].
    pub accuracy_m: Option<f64>,
    /// Which measurements.
    pub method: Method,
    /// Response time, encoded as 2ⁿ s, 1..=128, not made longer.
    pub response_time: Duration,
    /// Whether several sets of measurements may come.
    pub multiple_sets: bool,
    /// Kind of surroundings.
    pub environment: Option<Environment>,
}

/// `MethodType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MethodType {
    MsAssisted,
    MsBased,
    MsBasedPreferred,
    MsAssistedPreferred,
}

/// `PositionMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Method {
    Eotd,
    Gps,
    GpsOrEotd,
}

/// `EnvironmentCharacter` (RRLP) and `Environment` (LPP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Multipath and shadow.
    Bad,
    /// Open.
    Good,
    /// In between, or not known.
    Mixed,
}

/// Assistance Data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistanceData {
    /// The data.
    pub assistance: Assistance,
    /// Whether more follows; `None` leaves the member out.
    pub more: Option<bool>,
    /// Rel-5 reference.
    pub extended: Option<ExtendedReference>,
}

/// Protocol Error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// Cause.
    pub cause: ErrorCause,
    /// Rel-5 reference.
    pub extended: Option<ExtendedReference>,
}

/// `ErrorCodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ErrorCause {
    Undefined,
    MissingComponent,
    IncorrectData,
    MissingElement,
    MessageTooShort,
    UnknownReference,
    /// A later cause.
    Unknown,
}

/// Measure Position Response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MsrPositionRsp {
    /// A position that the SET computed.
    pub location: Option<LocationInfo>,
    /// Velocity (Rel-7).
    pub velocity: Option<Velocity>,
    /// GPS measurements, one to three sets.
    pub gps: Vec<GnssMeasurements>,
    /// GANSS measurements (Rel-7), one to three sets.
    pub ganss: Vec<GnssMeasurements>,
    /// Why there is no position.
    pub error: Option<LocationError>,
    /// Rel-5: this is the first or the second of two responses to one request.
    pub segment: Option<PseudoSegment>,
    /// Rel-5 reference.
    pub extended: Option<ExtendedReference>,
    /// E-OTD measurements are there; they are not kept.
    pub has_otd: bool,
}

/// `UlPseudoSegInd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PseudoSegment {
    First,
    Second,
}

/// A position that a SET computed (`LocationInfo`, `GANSSLocationInfo`).
#[derive(Clone, Debug, PartialEq)]
pub struct LocationInfo {
    /// When.
    pub time: MeasurementTime,
    /// Whether the altitude was found too.
    pub three_d: bool,
    /// Where.
    pub shape: Shape,
    /// Systems used, where said (GANSS).
    pub systems: Vec<Gnss>,
    /// Whether E-OTD was used (GANSS).
    pub eotd: bool,
    /// Whether the SET stands still, where said (GANSS).
    pub stationary: Option<bool>,
}

/// Why there is no position (`LocationError`).
#[derive(Clone, Debug, PartialEq)]
pub struct LocationError {
    /// Reason.
    pub reason: LocationErrorReason,
    /// Assistance that would help (coded as in TS 49.031 10.10 and 10.36).
    pub needed: Option<AssistanceRequest>,
}

/// `LocErrorReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum LocationErrorReason {
    Undefined,
    NotEnoughBts,
    NotEnoughSatellites,
    EotdLocationDataMissing,
    EotdDataMissing,
    GpsLocationDataMissing,
    GpsDataMissing,
    MethodNotSupported,
    NotProcessed,
    GpsReferenceNotServing,
    EotdReferenceNotServing,
    NotEnoughGanssSatellites,
    GanssDataMissing,
    GanssReferenceNotServing,
    /// A later reason.
    Unknown,
}

impl LocationErrorReason {
    /// Whether the SET would go on if it had more assistance.
    pub const fn wants_assistance(self) -> bool {
        matches!(self, Self::GpsLocationDataMissing | Self::GpsDataMissing | Self::GanssDataMissing)
    }
}

/// Positioning Capability Response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PosCapability {
    /// Reference.
    pub extended: ExtendedReference,
    /// GPS.
    pub gps: GnssModes,
    /// E-OTD, MS-Assisted or MS-Based.
    pub eotd: bool,
    /// Other systems.
    pub ganss: Vec<(Gnss, GnssModes, SignalSet)>,
    /// Assistance that it needs now.
    pub needed: Option<AssistanceRequest>,
}
