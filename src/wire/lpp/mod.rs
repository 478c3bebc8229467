//! LPP messages (3GPP TS 37.355 V18).

mod almanac;
mod assist;
mod capabilities;
mod codec;
mod common;
mod ids;
mod location;
mod measure;
mod memo;
mod navigation;
mod request;
mod shapes;
#[cfg(test)]
mod tests;

pub use memo::LppMemo;

use std::time::Duration;

use crate::base::broadcast::Gnss;
use crate::base::geo::{Shape, Velocity};
use crate::base::time::Utc;

use super::assist::{
    Assistance, AssistanceRequest, GnssModes, Initiator, PeriodicSession, SbasRegion, SignalSet,
};
use super::measure::{EcidMeasurement, GnssMeasurements, MeasurementTime};
use super::rrlp::Environment;

/// An LPP message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LppMessage {
    /// Transaction; absent from a bare acknowledgement, and from an Error that answers what could not be read.
    pub transaction: Option<TransactionId>,
    /// Whether the transaction ends.
    pub end: bool,
    /// Sequence number; many SETs over SUPL use none.
    pub sequence: Option<u8>,
    /// Acknowledgement.
    pub ack: Option<Acknowledgement>,
    /// Body.
    pub body: Option<LppBody>,
}

/// `LPP-TransactionID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId {
    /// Who began it.
    pub initiator: Initiator,
    /// Its number.
    pub number: u8,
}

/// `Acknowledgement`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The sender wants this message acknowledged.
    pub requested: bool,
    /// The sequence number that the sender acknowledges.
    pub indicator: Option<u8>,
}

/// Body of an LPP message.
#[derive(Clone, Debug, PartialEq)]
pub enum LppBody {
    /// Request Capabilities.
    RequestCapabilities(CapabilitiesRequest),
    /// Provide Capabilities.
    ProvideCapabilities(Box<Capabilities>),
    /// Request Assistance Data.
    RequestAssistanceData(Box<AssistanceDataRequest>),
    /// Provide Assistance Data.
    ProvideAssistanceData(Box<AssistanceDataDelivery>),
    /// Request Location Information.
    RequestLocationInformation(Box<LocationRequest>),
    /// Provide Location Information.
    ProvideLocationInformation(Box<LocationReport>),
    /// Abort.
    Abort(AbortCause),
    /// Error.
    Error(ErrorCause),
    /// A body of a later release; it cannot be encoded.
    Unknown,
}

impl LppBody {
    /// The name, as ladders and logs show it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RequestCapabilities(_) => "requestCapabilities",
            Self::ProvideCapabilities(_) => "provideCapabilities",
            Self::RequestAssistanceData(_) => "requestAssistanceData",
            Self::ProvideAssistanceData(_) => "provideAssistanceData",
            Self::RequestLocationInformation(_) => "requestLocationInformation",
            Self::ProvideLocationInformation(_) => "provideLocationInformation",
            Self::Abort(_) => "abort",
            Self::Error(_) => "error",
            Self::Unknown => "unknown body",
        }
    }
}

/// What is asked of a SET's capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilitiesRequest {
    /// GNSS: supported systems, assistance, location and velocity types.
    pub gnss: Option<GnssCapabilitiesRequest>,
    /// OTDOA.
    pub otdoa: bool,
    /// Enhanced cell id.
    pub ecid: bool,
    /// Segmentation, server to target and target to server (r14).
    pub segmentation: Option<Segmentation>,
}

/// Which parts of the GNSS capabilities are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct GnssCapabilitiesRequest {
    pub systems: bool,
    pub assistance: bool,
    pub location_types: bool,
}

/// Who can send messages in segments (r14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Segmentation {
    pub server_to_target: bool,
    pub target_to_server: bool,
}

/// A SET's capabilities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// Satellite systems.
    pub gnss: Vec<GnssCapability>,
    /// Assistance that it can use; `None` when it did not say.
    pub assistance: Option<AssistanceSupport>,
    /// Shapes in which it can say a position; `None` when it did not say.
    pub location_types: Option<LocationTypes>,
    /// Forms in which it can say a velocity.
    pub velocity_types: Option<VelocityTypes>,
    /// Periodic assistance: on request, unrequested (r15).
    pub periodic_assistance: Option<PeriodicSupport>,
    /// Enhanced cell id measurements.
    pub ecid: Option<EcidKinds>,
    /// Other methods.
    pub other: OtherMethods,
    /// Segmentation (r14).
    pub segmentation: Option<Segmentation>,
    /// Whether more messages with capabilities follow (r14).
    pub more: Option<bool>,
}

impl Capabilities {
    /// What a SET can do with a system.
    pub fn system(&self, gnss: Gnss) -> Option<&GnssCapability> {
        self.gnss.iter().find(|c| c.gnss == gnss)
    }
}

/// What a SET can do with one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GnssCapability {
    /// System.
    pub gnss: Gnss,
    /// Which SBAS, one bit each as [`SbasRegion`] counts them; `None` when it did not say.
    pub sbas: Option<u8>,
    /// Modes.
    pub modes: GnssModes,
    /// Signals.
    pub signals: SignalSet,
    /// Fine time assistance measurements.
    pub fine_time: bool,
    /// Accumulated delta range.
    pub adr: bool,
    /// Velocity measurements.
    pub velocity: bool,
    /// High-accuracy modes (r15).
    pub high_accuracy: Option<GnssModes>,
}

/// Assistance that a SET can use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistanceSupport {
    /// Systems in whose time reference time is understood; `None`: no reference time.
    pub reference_time: Option<Vec<Gnss>>,
    /// Reference location.
    pub reference_location: bool,
    /// Ionospheric models; `None`: none.
    pub ionosphere: Option<IonosphereSupport>,
    /// Earth orientation.
    pub earth_orientation: bool,
    /// RTK station information or auxiliary stations (r15).
    pub rtk_station: bool,
    /// By system.
    pub systems: Vec<GnssAssistanceSupport>,
}

/// Ionospheric models that a SET can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct IonosphereSupport {
    pub klobuchar: bool,
    pub nequick: bool,
    pub bdgim: bool,
}

/// Assistance of one system that a SET can use. Models are bit sets: bit n−1 is model n; `Some(0)` says "supported" without
/// naming models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GnssAssistanceSupport {
    /// System.
    pub gnss: Gnss,
    /// Which SBAS.
    pub sbas: Option<SbasRegion>,
    /// Time models.
    pub time_models: bool,
    /// Navigation models: clock and orbit.
    pub navigation: Option<(u8, u8)>,
    /// Real-time integrity.
    pub integrity: bool,
    /// Acquisition assistance.
    pub acquisition: bool,
    /// Almanac.
    pub almanac: Option<u8>,
    /// UTC models.
    pub utc: Option<u8>,
    /// Auxiliary information.
    pub auxiliary: bool,
    /// Differential corrections.
    pub differential: bool,
    /// Data bits.
    pub data_bits: bool,
    /// Any of the RTK kinds.
    pub rtk: bool,
    /// Any of the SSR kinds.
    pub ssr: bool,
}

impl GnssAssistanceSupport {
    /// Nothing yet.
    pub const fn new(gnss: Gnss) -> Self {
        Self {
            gnss,
            sbas: None,
            time_models: false,
            navigation: None,
            integrity: false,
            acquisition: false,
            almanac: None,
            utc: None,
            auxiliary: false,
            differential: false,
            data_bits: false,
            rtk: false,
            ssr: false,
        }
    }
}

/// `LocationCoordinateTypes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LocationTypes {
    pub point: bool,
    pub circle: bool,
    pub ellipse: bool,
    pub polygon: bool,
    pub point_altitude: bool,
    pub ellipsoid: bool,
    pub arc: bool,
    /// r15 high accuracy, without and with altitude.
    pub high_accuracy: bool,
    /// r16 scalable uncertainty, without and with altitude.
    pub scalable: bool,
}

impl LocationTypes {
    /// All shapes of release 9.
    pub const RELEASE_9: Self = Self {
        point: true,
        circle: true,
        ellipse: true,
        polygon: true,
        point_altitude: true,
        ellipsoid: true,
        arc: true,
        high_accuracy: false,
        scalable: false,
    };
}

/// `VelocityTypes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct VelocityTypes {
    pub horizontal: bool,
    pub with_vertical: bool,
    pub with_uncertainty: bool,
    pub with_both: bool,
}

/// Periodic assistance that a SET can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PeriodicSupport {
    pub solicited: bool,
    pub unsolicited: bool,
}

/// Kinds of enhanced cell id measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct EcidKinds {
    pub rsrp: bool,
    pub rsrq: bool,
    pub rx_tx: bool,
    pub nrsrp: bool,
    pub nrsrq: bool,
}

/// Methods of which only the presence is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct OtherMethods {
    pub otdoa: bool,
    pub sensor: bool,
    pub tbs: bool,
    pub wlan: bool,
    pub bluetooth: bool,
    /// Any NR method (r16).
    pub nr: bool,
    /// An external PDU, such as LPPe.
    pub external: bool,
}

/// Request Assistance Data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistanceDataRequest {
    /// What is asked for.
    pub request: AssistanceRequest,
    /// Whether more messages of the request follow (r14).
    pub more: Option<bool>,
}

/// Provide Assistance Data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistanceDataDelivery {
    /// The data.
    pub assistance: Assistance,
    /// What is not delivered, and why.
    pub error: Option<GnssError>,
    /// The periodic session it belongs to (r15).
    pub periodic: Option<PeriodicSession>,
    /// Whether more messages follow (r14).
    pub more: Option<bool>,
}

/// `A-GNSS-Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GnssError {
    /// The server's.
    Server(ServerErrorCause),
    /// The SET's.
    Target(TargetErrorCause),
    /// A later kind.
    Unknown,
}

/// `GNSS-LocationServerErrorCauses`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ServerErrorCause {
    Undefined,
    NotSupported,
    NotAvailable,
    PartlyNotSupportedPartlyNotAvailable,
    /// r15, as are the following.
    PeriodicNotSupported,
    PeriodicNotAvailable,
    PeriodicPartlyNotSupportedPartlyNotAvailable,
    PeriodicUndelivered,
    Unknown,
}

/// `GNSS-TargetDeviceErrorCauses`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TargetErrorCause {
    Undefined,
    NotEnoughSatellites,
    AssistanceDataMissing,
    NotAllMeasurementsPossible,
    Unknown,
}

/// Request Location Information.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationRequest {
    /// Estimate or measurements; `None` leaves the common part out.
    pub common: Option<CommonLocationRequest>,
    /// GNSS.
    pub gnss: Option<GnssLocationRequest>,
    /// Enhanced cell id measurements.
    pub ecid: Option<EcidKinds>,
    /// Other methods that are asked for.
    pub other: OtherMethods,
}

/// `CommonIEsRequestLocationInformation`.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonLocationRequest {
    /// What is wanted.
    pub kind: LocationInformationType,
    /// Report on a change of cell, for this long.
    pub triggered: Option<(bool, Duration)>,
    /// Report again and again.
    pub periodic: Option<PeriodicReporting>,
    /// Whether more than what was asked may come.
    pub additional: Option<bool>,
    /// Quality.
    pub qos: Option<LocationQos>,
    /// Surroundings.
    pub environment: Option<Environment>,
    /// Shapes that may be used.
    pub location_types: Option<LocationTypes>,
    /// Velocity forms that may be used.
    pub velocity_types: Option<VelocityTypes>,
}

/// `LocationInformationType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum LocationInformationType {
    EstimateRequired,
    MeasurementsRequired,
    EstimatePreferred,
    MeasurementsPreferred,
    /// r18.
    EstimateAndMeasurementsRequired,
    Unknown,
}

/// `PeriodicalReportingCriteria`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodicReporting {
    /// 1, 2, 4, … 64; `None` without end.
    pub amount: Option<u8>,
    /// Interval; `None` for none. LPP has 0.25, 0.5, 1, 2, 4, … 64 s: the next longer is taken.
    pub interval: Option<Duration>,
}

/// `QoS`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LocationQos {
    /// Horizontal accuracy, metres, and confidence, percent.
    pub horizontal: Option<(f64, u8)>,
    /// Whether an altitude is wanted.
    pub altitude: bool,
    /// Vertical accuracy, metres, and confidence, percent.
    pub vertical: Option<(f64, u8)>,
    /// Response time, 1..=128 s, or up to 1,280 s with the unit of r15.
    pub response_time: Option<Duration>,
    /// Time of an early fix.
    pub early_fix: Option<Duration>,
    /// Whether a velocity is wanted.
    pub velocity: bool,
}

/// `GNSS-PositioningInstructions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GnssLocationRequest {
    /// Systems that may be used.
    pub systems: Vec<Gnss>,
    /// Fine time assistance measurements are wanted.
    pub fine_time: bool,
    /// Accumulated delta ranges are wanted.
    pub adr: bool,
    /// More than one frequency may be measured.
    pub multi_frequency: bool,
    /// The SET may ask for (more) assistance.
    pub assistance_available: bool,
    /// High accuracy is wanted (r15).
    pub high_accuracy: bool,
}

/// Provide Location Information.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocationReport {
    /// Position.
    pub estimate: Option<Shape>,
    /// Velocity.
    pub velocity: Option<Velocity>,
    /// Why there is no position.
    pub error: Option<LocationFailure>,
    /// When the position was taken, where said (r13).
    pub time: Option<Utc>,
    /// What it was computed from, where said (r13): bits of `LocationSource`.
    pub source: Option<LocationSource>,
    /// Whether this is an early fix with more to follow (r12).
    pub early_fix: Option<bool>,
    /// GNSS measurements.
    pub measurements: Option<GnssMeasurements>,
    /// Time of the fix and systems used.
    pub gnss_location: Option<GnssLocation>,
    /// GNSS error.
    pub gnss_error: Option<GnssError>,
    /// Enhanced cell id measurements.
    pub ecid: Vec<EcidMeasurement>,
    /// Enhanced cell id failed.
    pub ecid_error: bool,
    /// Other methods that reported something.
    pub other: OtherMethods,
    /// Whether more messages follow (r14).
    pub more: Option<bool>,
}

/// `LocationFailureCause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum LocationFailure {
    Undefined,
    MethodNotSupported,
    MethodFailure,
    PeriodicNotAvailable,
    Unknown,
}

/// `LocationSource-r13`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LocationSource {
    pub gnss: bool,
    pub wlan: bool,
    pub bluetooth: bool,
    pub tbs: bool,
    pub sensor: bool,
    pub high_accuracy_gnss: bool,
    /// Motion sensor or an NR method.
    pub other: bool,
}

/// `GNSS-LocationInformation`.
#[derive(Clone, Debug, PartialEq)]
pub struct GnssLocation {
    /// When.
    pub time: MeasurementTime,
    /// Systems used.
    pub systems: Vec<Gnss>,
}

/// `abortCause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum AbortCause {
    Undefined,
    StopPeriodicReporting,
    TargetDeviceAbort,
    NetworkAbort,
    StopPeriodicAssistance,
    Unknown,
}

/// `errorCause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ErrorCause {
    Undefined,
    MessageHeader,
    MessageBody,
    ExternalPdu,
    IncorrectDataValue,
    Segmentation,
    Unknown,
}
