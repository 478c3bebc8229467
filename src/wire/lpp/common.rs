//! Small things that several LPP messages share.

use groma_asn1::lpp as asn;

use super::{GnssError, LocationTypes, ServerErrorCause, TargetErrorCause, VelocityTypes, ids};
use crate::base::broadcast::KlobucharArea;
use crate::wire::assist::{Initiator, PeriodicSession};
use crate::wire::rrlp::Environment;

pub(super) const fn more(s: asn::SegmentationInfoR14) -> bool {
    matches!(s, asn::SegmentationInfoR14::moreMessagesOnTheWay)
}

pub(super) const fn from_more(more: bool) -> asn::SegmentationInfoR14 {
    if more {
        asn::SegmentationInfoR14::moreMessagesOnTheWay
    } else {
        asn::SegmentationInfoR14::noMoreMessages
    }
}

pub(super) const fn periodic(p: &asn::PeriodicSessionIDR15) -> PeriodicSession {
    PeriodicSession {
        initiator: match p.periodic_session_initiator_r15 {
            asn::PeriodicSessionIDR15PeriodicSessionInitiatorR15::locationServer => Initiator::LocationServer,
            asn::PeriodicSessionIDR15PeriodicSessionInitiatorR15::targetDevice => Initiator::TargetDevice,
            asn::PeriodicSessionIDR15PeriodicSessionInitiatorR15::unknown_ext(_) => Initiator::Unknown,
        },
        number: p.periodic_session_number_r15,
    }
}

pub(super) const fn from_periodic(p: PeriodicSession) -> asn::PeriodicAssistanceDataControlParametersR15 {
    asn::PeriodicAssistanceDataControlParametersR15 {
        periodic_session_id_r15: asn::PeriodicSessionIDR15 {
            periodic_session_initiator_r15: match p.initiator {
                Initiator::LocationServer => {
                    asn::PeriodicSessionIDR15PeriodicSessionInitiatorR15::locationServer
                }
                _ => asn::PeriodicSessionIDR15PeriodicSessionInitiatorR15::targetDevice,
            },
            periodic_session_number_r15: p.number,
        },
        ext1: None,
    }
}

/// The area of a Klobuchar `dataID` (TS 37.355 `KlobucharModelParameter`: `00` anywhere, `11` QZSS, `01` BeiDou, `10`
/// NavIC).
pub(super) const fn klobuchar_area(data_id: u64) -> KlobucharArea {
    match data_id {
        0b11 => KlobucharArea::Qzss,
        0b01 => KlobucharArea::BeiDou,
        0b10 => KlobucharArea::NavIc,
        _ => KlobucharArea::World,
    }
}

pub(super) const fn klobuchar_id(area: KlobucharArea) -> u64 {
    match area {
        KlobucharArea::World => 0b00,
        KlobucharArea::Qzss => 0b11,
        KlobucharArea::BeiDou => 0b01,
        KlobucharArea::NavIc => 0b10,
    }
}

pub(super) fn error(e: &asn::AGNSSError) -> GnssError {
    use asn::{GNSSLocationServerErrorCausesCause as S, GNSSTargetDeviceErrorCausesCause as T};
    match e {
        asn::AGNSSError::locationServerErrorCauses(c) => GnssError::Server(match c.cause {
            S::undefined => ServerErrorCause::Undefined,
            S::undeliveredAssistanceDataIsNotSupportedByServer => ServerErrorCause::NotSupported,
            S::undeliveredAssistanceDataIsSupportedButCurrentlyNotAvailableByServer => {
                ServerErrorCause::NotAvailable
            }
            S::undeliveredAssistanceDataIsPartlyNotSupportedAndPartlyNotAvailableByServer => {
                ServerErrorCause::PartlyNotSupportedPartlyNotAvailable
            }
            S::unconfirmedPeriodicAssistanceDataIsNotSupported_v1510 => {
                ServerErrorCause::PeriodicNotSupported
            }
            S::unconfirmedPeriodicAssistanceDataIsSupportedButCurrentlyNotAvailable_v1510 => {
                ServerErrorCause::PeriodicNotAvailable
            }
            S::unconfirmedPeriodicAssistanceDataIsPartlyNotSupportedAndPartlyNotAvailable_v1510 => {
                ServerErrorCause::PeriodicPartlyNotSupportedPartlyNotAvailable
            }
            S::undeliveredPeriodicAssistanceDataIsCurrentlyNotAvailable_v1510 => {
                ServerErrorCause::PeriodicUndelivered
            }
            S::unknown_ext(_) => ServerErrorCause::Unknown,
        }),
        asn::AGNSSError::targetDeviceErrorCauses(c) => GnssError::Target(match c.cause {
            T::undefined => TargetErrorCause::Undefined,
            T::thereWereNotEnoughSatellitesReceived => TargetErrorCause::NotEnoughSatellites,
            T::assistanceDataMissing => TargetErrorCause::AssistanceDataMissing,
            T::notAllRequestedMeasurementsPossible => TargetErrorCause::NotAllMeasurementsPossible,
            T::unknown_ext(_) => TargetErrorCause::Unknown,
        }),
        asn::AGNSSError::unknown_ext(_) => GnssError::Unknown,
    }
}

/// What is not known is written as undefined; `None` for an error of an unknown kind.
pub(super) const fn from_error(e: GnssError) -> Option<asn::AGNSSError> {
    use asn::{GNSSLocationServerErrorCausesCause as S, GNSSTargetDeviceErrorCausesCause as T};
    Some(match e {
        GnssError::Server(c) => {
            asn::AGNSSError::locationServerErrorCauses(asn::GNSSLocationServerErrorCauses {
                cause: match c {
                    ServerErrorCause::Undefined | ServerErrorCause::Unknown => S::undefined,
                    ServerErrorCause::NotSupported => S::undeliveredAssistanceDataIsNotSupportedByServer,
                    ServerErrorCause::NotAvailable => {
                        S::undeliveredAssistanceDataIsSupportedButCurrentlyNotAvailableByServer
                    }
                    ServerErrorCause::PartlyNotSupportedPartlyNotAvailable => {
                        S::undeliveredAssistanceDataIsPartlyNotSupportedAndPartlyNotAvailableByServer
                    }
                    ServerErrorCause::PeriodicNotSupported => {
                        S::unconfirmedPeriodicAssistanceDataIsNotSupported_v1510
                    }
                    ServerErrorCause::PeriodicNotAvailable => {
                        S::unconfirmedPeriodicAssistanceDataIsSupportedButCurrentlyNotAvailable_v1510
                    }
                    ServerErrorCause::PeriodicPartlyNotSupportedPartlyNotAvailable => {
                        S::unconfirmedPeriodicAssistanceDataIsPartlyNotSupportedAndPartlyNotAvailable_v1510
                    }
                    ServerErrorCause::PeriodicUndelivered => {
                        S::undeliveredPeriodicAssistanceDataIsCurrentlyNotAvailable_v1510
                    }
                },
            })
        }
        GnssError::Target(c) => asn::AGNSSError::targetDeviceErrorCauses(asn::GNSSTargetDeviceErrorCauses {
            cause: match c {
                TargetErrorCause::Undefined | TargetErrorCause::Unknown => T::undefined,
                TargetErrorCause::NotEnoughSatellites => T::thereWereNotEnoughSatellitesReceived,
                TargetErrorCause::AssistanceDataMissing => T::assistanceDataMissing,
                TargetErrorCause::NotAllMeasurementsPossible => T::notAllRequestedMeasurementsPossible,
            },
            fine_time_assistance_measurements_not_possible: None,
            adr_measurements_not_possible: None,
            multi_frequency_measurements_not_possible: None,
            ext1: None,
        }),
        GnssError::Unknown => return None,
    })
}

pub(super) fn location_types(t: &asn::LocationCoordinateTypes) -> LocationTypes {
    let yes = |b: Option<bool>| b == Some(true);
    LocationTypes {
        point: t.ellipsoid_point,
        circle: t.ellipsoid_point_with_uncertainty_circle,
        ellipse: t.ellipsoid_point_with_uncertainty_ellipse,
        polygon: t.polygon,
        point_altitude: t.ellipsoid_point_with_altitude,
        ellipsoid: t.ellipsoid_point_with_altitude_and_uncertainty_ellipsoid,
        arc: t.ellipsoid_arc,
        high_accuracy: t.ext1.as_ref().is_some_and(|e| {
            yes(e.high_accuracy_ellipsoid_point_with_uncertainty_ellipse_r15)
                || yes(e.high_accuracy_ellipsoid_point_with_altitude_and_uncertainty_ellipsoid_r15)
        }),
        scalable: t.ext2.as_ref().is_some_and(|e| {
            yes(e.ha_ellipsoid_point_with_scalable_uncertainty_ellipse_r16)
                || yes(e.ha_ellipsoid_point_with_altitude_and_scalable_uncertainty_ellipsoid_r16)
        }),
    }
}

pub(super) fn from_location_types(t: LocationTypes) -> asn::LocationCoordinateTypes {
    asn::LocationCoordinateTypes {
        ellipsoid_point: t.point,
        ellipsoid_point_with_uncertainty_circle: t.circle,
        ellipsoid_point_with_uncertainty_ellipse: t.ellipse,
        polygon: t.polygon,
        ellipsoid_point_with_altitude: t.point_altitude,
        ellipsoid_point_with_altitude_and_uncertainty_ellipsoid: t.ellipsoid,
        ellipsoid_arc: t.arc,
        ext1: t.high_accuracy.then_some(asn::LocationCoordinateTypesExt1 {
            high_accuracy_ellipsoid_point_with_uncertainty_ellipse_r15: Some(true),
            high_accuracy_ellipsoid_point_with_altitude_and_uncertainty_ellipsoid_r15: Some(true),
        }),
        ext2: t.scalable.then_some(asn::LocationCoordinateTypesExt2 {
            ha_ellipsoid_point_with_scalable_uncertainty_ellipse_r16: Some(true),
            ha_ellipsoid_point_with_altitude_and_scalable_uncertainty_ellipsoid_r16: Some(true),
        }),
        ext3: None,
    }
}

pub(super) const fn velocity_types(t: &asn::VelocityTypes) -> VelocityTypes {
    VelocityTypes {
        horizontal: t.horizontal_velocity,
        with_vertical: t.horizontal_with_vertical_velocity,
        with_uncertainty: t.horizontal_velocity_with_uncertainty,
        with_both: t.horizontal_with_vertical_velocity_and_uncertainty,
    }
}

pub(super) const fn from_velocity_types(t: VelocityTypes) -> asn::VelocityTypes {
    asn::VelocityTypes {
        horizontal_velocity: t.horizontal,
        horizontal_with_vertical_velocity: t.with_vertical,
        horizontal_velocity_with_uncertainty: t.with_uncertainty,
        horizontal_with_vertical_velocity_and_uncertainty: t.with_both,
    }
}

pub(super) const fn environment(e: asn::Environment) -> Environment {
    match e {
        asn::Environment::badArea => Environment::Bad,
        asn::Environment::notBadArea => Environment::Good,
        _ => Environment::Mixed,
    }
}

pub(super) const fn from_environment(e: Environment) -> asn::Environment {
    match e {
        Environment::Bad => asn::Environment::badArea,
        Environment::Good => asn::Environment::notBadArea,
        Environment::Mixed => asn::Environment::mixedArea,
    }
}

pub(super) fn transaction(t: &asn::LPPTransactionID) -> super::TransactionId {
    super::TransactionId { initiator: ids::initiator(t.initiator), number: t.transaction_number.0 }
}

pub(super) const fn from_transaction(t: super::TransactionId) -> asn::LPPTransactionID {
    asn::LPPTransactionID {
        initiator: ids::from_initiator(t.initiator),
        transaction_number: asn::TransactionNumber(t.number),
    }
}
