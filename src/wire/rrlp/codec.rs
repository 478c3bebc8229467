//! Whole PDUs.

use std::time::Duration;

use groma_asn1::rrlp as asn;

use super::{
    AssistanceData, Environment, ErrorCause, ExtendedReference, LocationError, LocationErrorReason, Method,
    MethodType, MsrPositionReq, MsrPositionRsp, PosCapability, PositionInstruct, ProtocolError,
    PseudoSegment, RrlpComponent, RrlpPdu, ganss, gps, ids, measure, needed,
};
use crate::base::broadcast::Gnss;
use crate::base::time::GpsTime;
use crate::wire::assist::{Assistance, AssistanceRequest, GnssModes};
use crate::wire::gad::{HORIZONTAL, RRLP_TIME_US, octets};
use crate::wire::{DecodeError, EncodeError, bits};

const RRLP: &str = "RRLP";

impl RrlpPdu {
    /// Longest PDU that SUPL POS can carry, octets.
    pub const MAX: usize = 8192;

    /// Reads one PDU, which must fill the octets. Truncated times become those nearest to `near` (or to the reference time
    /// that the PDU itself brings).
    pub fn decode(octets: &[u8], near: GpsTime) -> Result<Self, DecodeError> {
        if octets.is_empty() {
            return Err(DecodeError::Truncated { protocol: RRLP });
        }
        if octets.len() > Self::MAX {
            return Err(DecodeError::TooLong { protocol: RRLP, octets: octets.len() });
        }
        let pdu = asn::decode(octets)
            .map_err(|e| DecodeError::Malformed { protocol: RRLP, reason: e.to_string() })?;
        Ok(Self { reference: pdu.reference_number, component: component(&pdu.component, near) })
    }

    /// The reference number of a PDU whose rest may not be readable.
    pub fn peek_reference(octets: &[u8]) -> Option<u8> {
        octets.first().map(|o| o >> 5)
    }

    /// Writes the PDU. It may be longer than [`Self::MAX`], which the caller finds out by its length and mends by spreading
    /// the data over several.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let pdu =
            asn::PDU { reference_number: self.reference & 7, component: from_component(&self.component)? };
        asn::encode(&pdu).map_err(|e| EncodeError::Codec { protocol: RRLP, reason: e.to_string() })
    }
}

fn component(c: &asn::RRLPComponent, near: GpsTime) -> RrlpComponent {
    match c {
        asn::RRLPComponent::msrPositionReq(m) => {
            RrlpComponent::MsrPositionReq(Box::new(position_request(m, near)))
        }
        asn::RRLPComponent::msrPositionRsp(m) => {
            RrlpComponent::MsrPositionRsp(Box::new(position_response(m)))
        }
        asn::RRLPComponent::assistanceData(m) => {
            RrlpComponent::AssistanceData(Box::new(assistance_data(m, near)))
        }
        asn::RRLPComponent::assistanceDataAck(()) => RrlpComponent::AssistanceDataAck,
        asn::RRLPComponent::protocolError(e) => RrlpComponent::ProtocolError(ProtocolError {
            cause: error(e.error_cause),
            extended: e
                .rel_5_protocol_error_extension
                .as_ref()
                .and_then(|e| e.extended_reference.as_ref())
                .map(extended),
        }),
        asn::RRLPComponent::posCapabilityReq(r) => {
            RrlpComponent::PosCapabilityReq(extended(&r.extended_reference))
        }
        asn::RRLPComponent::posCapabilityRsp(r) => RrlpComponent::PosCapabilityRsp(Box::new(capability(r))),
        asn::RRLPComponent::unknown_ext(_) => RrlpComponent::Unknown,
    }
}

fn from_component(c: &RrlpComponent) -> Result<asn::RRLPComponent, EncodeError> {
    Ok(match c {
        RrlpComponent::MsrPositionReq(m) => asn::RRLPComponent::msrPositionReq(from_position_request(m)?),
        RrlpComponent::MsrPositionRsp(m) => asn::RRLPComponent::msrPositionRsp(from_position_response(m)),
        RrlpComponent::AssistanceData(m) => asn::RRLPComponent::assistanceData(from_assistance_data(m)?),
        RrlpComponent::AssistanceDataAck => asn::RRLPComponent::assistanceDataAck(()),
        RrlpComponent::ProtocolError(e) => asn::RRLPComponent::protocolError(asn::ProtocolError {
            error_cause: from_error(e.cause),
            extension_container: None,
            rel_5_protocol_error_extension: e
                .extended
                .map(|x| asn::Rel5ProtocolErrorExtension { extended_reference: Some(from_extended(x)) }),
        }),
        RrlpComponent::PosCapabilityReq(x) => asn::RRLPComponent::posCapabilityReq(asn::PosCapabilityReq {
            extended_reference: from_extended(*x),
            g_anssposition_methods: None,
            extension_container: None,
        }),
        RrlpComponent::PosCapabilityRsp(c) => asn::RRLPComponent::posCapabilityRsp(from_capability(c)),
        RrlpComponent::Unknown => return Err(EncodeError::NotWritable("unknown RRLP component")),
    })
}

const fn extended(x: &asn::ExtendedReference) -> ExtendedReference {
    ExtendedReference { smlc: x.smlc_code, transaction: x.transaction_id }
}

const fn from_extended(x: ExtendedReference) -> asn::ExtendedReference {
    asn::ExtendedReference { smlc_code: x.smlc & 0x3f, transaction_id: x.transaction & 0x3_ffff }
}

/// Assistance of both parts.
fn assistance(
    gps_part: Option<&asn::GPSAssistData>,
    ganss_part: Option<&asn::GANSSAssistData>,
    uncertainty: Option<&asn::GPSReferenceTimeUncertainty>,
    near: GpsTime,
) -> Assistance {
    let mut out = Assistance::default();
    let near = gps_part.map_or(near, |g| gps::decode(g, near, &mut out));
    if let (Some(r), Some(k)) = (&mut out.reference_time, uncertainty) {
        r.uncertainty_s = Some(RRLP_TIME_US.value(k.0) * 1e-6);
    }
    if let Some(g) = ganss_part {
        ganss::decode(g, near, &mut out);
    }
    out
}

/// The GPS uncertainty, where GPS time is said at all.
fn time_uncertainty(a: &Assistance) -> Option<asn::GPSReferenceTimeUncertainty> {
    let r = a.reference_time.as_ref().filter(|r| r.systems.contains(&Gnss::Gps))?;
    r.uncertainty_s.map(|s| asn::GPSReferenceTimeUncertainty(RRLP_TIME_US.ceil(s * 1e6)))
}

fn position_request(m: &asn::MsrPositionReq, near: GpsTime) -> MsrPositionReq {
    let i = &m.position_instruct;
    let r98 = m.rel98_msr_position_req_extension.as_ref();
    let r7 = m.rel7_msr_position_req_extension.as_ref();
    let (method_type, accuracy) = match &i.method_type {
        asn::MethodType::msAssisted(a) => (MethodType::MsAssisted, a.accuracy.as_ref()),
        asn::MethodType::msBased(a) => (MethodType::MsBased, Some(a)),
        asn::MethodType::msBasedPref(a) => (MethodType::MsBasedPreferred, Some(a)),
        asn::MethodType::msAssistedPref(a) => (MethodType::MsAssistedPreferred, Some(a)),
    };
    MsrPositionReq {
        instruct: PositionInstruct {
            method_type,
            accuracy_m: accuracy.map(|a| HORIZONTAL.value(a.0)),
            method: match i.position_method {
                asn::PositionMethod::eotd => Method::Eotd,
                asn::PositionMethod::gps => Method::Gps,
                asn::PositionMethod::gpsOrEOTD => Method::GpsOrEotd,
            },
            response_time: Duration::from_secs(1 << i.measure_response_time.0.min(7)),
            multiple_sets: i.use_multiple_sets == asn::UseMultipleSets::multipleSets,
            environment: i.environment_character.map(|e| match e {
                asn::EnvironmentCharacter::badArea => Environment::Bad,
                asn::EnvironmentCharacter::notBadArea => Environment::Good,
                _ => Environment::Mixed,
            }),
        },
        assistance: assistance(
            m.gps_assist_data.as_ref(),
            r7.and_then(|e| e.ganss_assist_data.as_ref()),
            r98.and_then(|e| e.gps_reference_time_uncertainty.as_ref()),
            near,
        ),
        extended: m.rel5_msr_position_req_extension.as_ref().map(|e| extended(&e.extended_reference)),
        velocity: r7.is_some_and(|e| e.velocity_requested.is_some()),
        systems: r7
            .and_then(|e| e.ganss_position_method.as_ref())
            .map_or_else(Vec::new, |b| ids::methods(&b.0, 0)),
        required_response: r7
            .and_then(|e| e.required_response_time.as_ref())
            .map(|t| Duration::from_secs(u64::from(t.0))),
        gps_time_measurement: r98.is_some_and(|e| e.gps_time_assistance_measurement_request.is_some()),
        multi_frequency: r7.is_some_and(|e| e.ganss_multi_freq_measurement_request.is_some()),
    }
}

fn from_position_request(m: &MsrPositionReq) -> Result<asn::MsrPositionReq, EncodeError> {
    let i = &m.instruct;
    let accuracy = i.accuracy_m.map(|a| asn::Accuracy(HORIZONTAL.floor(a)));
    let needed = || accuracy.clone().ok_or(EncodeError::Missing("accuracy"));
    let gps_part = gps::encode(&m.assistance)?;
    let ganss_part = ganss::encode(&m.assistance, gps_part.is_none())?;
    let r98 = asn::Rel98MsrPositionReqExtension {
        rel98_ext_exp_otd: None,
        gps_time_assistance_measurement_request: m.gps_time_measurement.then_some(()),
        gps_reference_time_uncertainty: time_uncertainty(&m.assistance),
    };
    let r7 = asn::Rel7MsrPositionReqExtension {
        velocity_requested: m.velocity.then_some(()),
        ganss_position_method: (!m.systems.is_empty())
            .then(|| asn::GANSSPositioningMethod(bits::flags(&ids::method_flags(&m.systems)))),
        ganss_assist_data: ganss_part,
        ganss_carrier_phase_measurement_request: None,
        ganss_todgsmtime_association_measurement_request: None,
        required_response_time: m
            .required_response
            .map(|t| asn::RequiredResponseTime(t.as_secs().clamp(1, 128) as u8)),
        add_gps_assist_data: None,
        ganss_multi_freq_measurement_request: m.multi_frequency.then_some(()),
    };
    Ok(asn::MsrPositionReq {
        position_instruct: asn::PositionInstruct {
            method_type: match i.method_type {
                MethodType::MsAssisted => {
                    asn::MethodType::msAssisted(asn::AccuracyOpt { accuracy: accuracy.clone() })
                }
                MethodType::MsBased => asn::MethodType::msBased(needed()?),
                MethodType::MsBasedPreferred => asn::MethodType::msBasedPref(needed()?),
                MethodType::MsAssistedPreferred => asn::MethodType::msAssistedPref(needed()?),
            },
            position_method: match i.method {
                Method::Eotd => asn::PositionMethod::eotd,
                Method::Gps => asn::PositionMethod::gps,
                Method::GpsOrEotd => asn::PositionMethod::gpsOrEOTD,
            },
            measure_response_time: asn::MeasureResponseTime(
                i.response_time.as_secs().max(1).ilog2().min(7) as u8
            ),
            use_multiple_sets: if i.multiple_sets {
                asn::UseMultipleSets::multipleSets
            } else {
                asn::UseMultipleSets::oneSet
            },
            environment_character: i.environment.map(|e| match e {
                Environment::Bad => asn::EnvironmentCharacter::badArea,
                Environment::Good => asn::EnvironmentCharacter::notBadArea,
                Environment::Mixed => asn::EnvironmentCharacter::mixedArea,
            }),
        },
        reference_assist_data: None,
        msr_assist_data: None,
        system_info_assist_data: None,
        gps_assist_data: gps_part,
        extension_container: None,
        rel98_msr_position_req_extension: (r98.gps_time_assistance_measurement_request.is_some()
            || r98.gps_reference_time_uncertainty.is_some())
        .then_some(r98),
        rel5_msr_position_req_extension: m
            .extended
            .map(|x| asn::Rel5MsrPositionReqExtension { extended_reference: from_extended(x) }),
        rel7_msr_position_req_extension: (m.velocity
            || m.multi_frequency
            || r7.ganss_position_method.is_some()
            || r7.ganss_assist_data.is_some()
            || r7.required_response_time.is_some())
        .then_some(r7),
    })
}

/// An extension, unless there is nothing in it.
fn kept<T: Default + PartialEq>(extension: T) -> Option<T> {
    (extension != T::default()).then_some(extension)
}

fn assistance_data(m: &asn::AssistanceData, near: GpsTime) -> AssistanceData {
    let r98 = m.rel98_assistance_data_extension.as_ref();
    AssistanceData {
        assistance: assistance(
            m.gps_assist_data.as_ref(),
            m.rel7_assistance_data_extension.as_ref().and_then(|e| e.ganss_assist_data.as_ref()),
            r98.and_then(|e| e.gps_reference_time_uncertainty.as_ref()),
            near,
        ),
        more: m.more_ass_data_to_be_sent.map(|m| m == asn::MoreAssDataToBeSent::moreMessagesOnTheWay),
        extended: m.rel5_assistance_data_extension.as_ref().map(|e| extended(&e.extended_reference)),
    }
}

fn from_assistance_data(m: &AssistanceData) -> Result<asn::AssistanceData, EncodeError> {
    let gps_part = gps::encode(&m.assistance)?;
    let ganss_part = ganss::encode(&m.assistance, gps_part.is_none())?;
    Ok(asn::AssistanceData {
        reference_assist_data: None,
        msr_assist_data: None,
        system_info_assist_data: None,
        gps_assist_data: gps_part,
        more_ass_data_to_be_sent: m.more.map(|more| {
            if more {
                asn::MoreAssDataToBeSent::moreMessagesOnTheWay
            } else {
                asn::MoreAssDataToBeSent::noMoreMessages
            }
        }),
        extension_container: None,
        rel98_assistance_data_extension: time_uncertainty(&m.assistance).map(|unc| {
            asn::Rel98AssistanceDataExtension {
                rel98_ext_exp_otd: None,
                gps_time_assistance_measurement_request: None,
                gps_reference_time_uncertainty: Some(unc),
            }
        }),
        rel5_assistance_data_extension: m
            .extended
            .map(|x| asn::Rel5AssistanceDataExtension { extended_reference: from_extended(x) }),
        rel7_assistance_data_extension: ganss_part.map(|part| asn::Rel7AssistanceDataExtension {
            ganss_assist_data: Some(part),
            ganss_carrier_phase_measurement_request: None,
            ganss_todgsmtime_association_measurement_request: None,
            add_gps_assist_data: None,
        }),
    })
}

fn position_response(m: &asn::MsrPositionRsp) -> MsrPositionRsp {
    let r5 = m.rel_5_msr_position_rsp_extension.as_ref();
    let r7 = m.rel_7_msr_position_rsp_extension.as_ref();
    let fine =
        m.rel_98_msr_position_rsp_extension.as_ref().and_then(|e| e.time_assistance_measurements.as_ref());
    let ganss_location = r7.and_then(|e| e.ganss_location_info.as_ref()).and_then(measure::ganss_location);
    MsrPositionRsp {
        location: ganss_location.or_else(|| m.location_info.as_ref().and_then(measure::location)),
        velocity: r7.and_then(|e| e.vel_estimate.as_ref()).and_then(|v| octets::velocity(&v.0)),
        gps: m.gps_measure_info.as_ref().map_or_else(Vec::new, |g| measure::gps_sets(g, fine)),
        ganss: r7.and_then(|e| e.ganss_measure_info.as_ref()).map_or_else(Vec::new, measure::ganss_sets),
        error: m.location_error.as_ref().map(location_error),
        segment: r5.and_then(|e| e.ul_pseudo_seg_ind).map(|s| match s {
            asn::UlPseudoSegInd::firstOfMany => PseudoSegment::First,
            asn::UlPseudoSegInd::secondOfMany => PseudoSegment::Second,
        }),
        extended: r5.and_then(|e| e.extended_reference.as_ref()).map(extended),
        has_otd: m.otd_measure_info.is_some(),
    }
}

fn location_error(e: &asn::LocationError) -> LocationError {
    LocationError {
        reason: reason(e.loc_error_reason),
        needed: e.additional_assistance_data.as_ref().map(|a| {
            needs(
                a.gps_assistance_data.as_ref().map(|o| &*o.0),
                a.ganss_assistance_data.as_ref().map(|o| &*o.0),
            )
        }),
    }
}

/// What the octets ask for; those of GANSS are not read, only seen.
fn needs(gps: Option<&[u8]>, ganss: Option<&[u8]>) -> AssistanceRequest {
    let mut out = AssistanceRequest::default();
    if let Some(o) = gps {
        needed::decode(o, &mut out);
    }
    out.other.unknown = ganss.is_some();
    out
}

fn from_position_response(m: &MsrPositionRsp) -> asn::MsrPositionRsp {
    let ganss_fix = m.location.as_ref().filter(|l| !l.systems.is_empty());
    let gps_fix = m.location.as_ref().filter(|l| l.systems.is_empty());
    let r5 = asn::Rel5MsrPositionRspExtension {
        extended_reference: m.extended.map(from_extended),
        otd_measure_info_5_ext: None,
        ul_pseudo_seg_ind: m.segment.map(|s| match s {
            PseudoSegment::First => asn::UlPseudoSegInd::firstOfMany,
            PseudoSegment::Second => asn::UlPseudoSegInd::secondOfMany,
        }),
    };
    let r7 = asn::Rel7MsrPositionRspExtension {
        vel_estimate: m.velocity.as_ref().map(|v| asn::VelocityEstimate(octets::from_velocity(v).into())),
        ganss_location_info: ganss_fix.and_then(measure::from_ganss_location),
        ganss_measure_info: measure::from_ganss_sets(&m.ganss),
    };
    asn::MsrPositionRsp {
        multiple_sets: None,
        reference_identity: None,
        otd_measure_info: None,
        location_info: gps_fix.and_then(measure::from_location),
        gps_measure_info: measure::from_gps_sets(&m.gps),
        location_error: m.error.as_ref().map(|e| {
            let octets = e.needed.as_ref().map(needed::encode).filter(|o| !o.is_empty());
            asn::LocationError {
                loc_error_reason: from_reason(e.reason),
                additional_assistance_data: octets.map(|o| asn::AdditionalAssistanceData {
                    gps_assistance_data: Some(asn::GPSAssistanceData(o.into())),
                    extension_container: None,
                    ganss_assistance_data: None,
                }),
            }
        }),
        extension_container: None,
        rel_98_msr_position_rsp_extension: None,
        rel_5_msr_position_rsp_extension: kept(r5),
        rel_7_msr_position_rsp_extension: kept(r7),
    }
}

fn capability(r: &asn::PosCapabilityRsp) -> PosCapability {
    let c = &r.pos_capabilities;
    let b = c.non_ganssposition_methods.as_ref();
    let flag = |i| b.is_some_and(|b| bits::flag(&b.0, i));
    PosCapability {
        extended: extended(&r.extended_reference),
        gps: GnssModes { standalone: flag(4), ms_based: flag(3), ms_assisted: flag(2) },
        eotd: flag(0) || flag(1),
        ganss: c
            .g_anssposition_methods
            .iter()
            .flat_map(|l| &l.0)
            .filter_map(|m| {
                let types = m.g_ansspositioning_method_types.as_ref();
                let has = |i| types.is_some_and(|b| bits::flag(&b.0, i));
                let modes = GnssModes { standalone: has(2), ms_based: has(1), ms_assisted: has(0) };
                Some((ids::ganss(m.ganss_id)?, modes, ids::signals(&m.g_ansssignals)))
            })
            .collect(),
        needed: r.assistance_needed.as_ref().map(|a| {
            needs(
                a.gps_assistance_data.as_ref().map(|o| &*o.0),
                a.ganss_assistance_data.as_ref().map(|o| &*o.0),
            )
        }),
    }
}

fn from_capability(c: &PosCapability) -> asn::PosCapabilityRsp {
    let methods = [c.eotd, false, c.gps.ms_assisted, c.gps.ms_based, c.gps.standalone];
    let ganss: Vec<_> = c
        .ganss
        .iter()
        .filter_map(|(g, m, s)| {
            Some(asn::GANSSPositionMethod {
                ganss_id: ids::ganss_id(*g)?,
                g_ansspositioning_method_types: Some(asn::GANSSPositioningMethodTypes(bits::flags(&[
                    m.ms_assisted,
                    m.ms_based,
                    m.standalone,
                ]))),
                g_ansssignals: ids::from_signals(*s),
                sbas_id: None,
            })
        })
        .take(16)
        .collect();
    let octets = c.needed.as_ref().map(needed::encode).filter(|o| !o.is_empty());
    asn::PosCapabilityRsp {
        extended_reference: from_extended(c.extended),
        pos_capabilities: asn::PosCapabilities {
            non_ganssposition_methods: Some(asn::NonGANSSPositionMethods(bits::flags(&methods))),
            g_anssposition_methods: (!ganss.is_empty()).then_some(asn::GANSSPositionMethods(ganss)),
            multiple_measurement_sets: None,
        },
        assistance_supported: None,
        assistance_needed: octets.map(|o| asn::AssistanceNeeded {
            gps_assistance_data: Some(asn::GPSAssistanceData(o.into())),
            ganss_assistance_data: None,
        }),
        extension_container: None,
    }
}

const fn error(c: asn::ErrorCodes) -> ErrorCause {
    match c {
        asn::ErrorCodes::unDefined => ErrorCause::Undefined,
        asn::ErrorCodes::missingComponet => ErrorCause::MissingComponent,
        asn::ErrorCodes::incorrectData => ErrorCause::IncorrectData,
        asn::ErrorCodes::missingIEorComponentElement => ErrorCause::MissingElement,
        asn::ErrorCodes::messageTooShort => ErrorCause::MessageTooShort,
        asn::ErrorCodes::unknowReferenceNumber => ErrorCause::UnknownReference,
        asn::ErrorCodes::unknown_ext(_) => ErrorCause::Unknown,
    }
}

const fn from_error(c: ErrorCause) -> asn::ErrorCodes {
    match c {
        ErrorCause::Undefined | ErrorCause::Unknown => asn::ErrorCodes::unDefined,
        ErrorCause::MissingComponent => asn::ErrorCodes::missingComponet,
        ErrorCause::IncorrectData => asn::ErrorCodes::incorrectData,
        ErrorCause::MissingElement => asn::ErrorCodes::missingIEorComponentElement,
        ErrorCause::MessageTooShort => asn::ErrorCodes::messageTooShort,
        ErrorCause::UnknownReference => asn::ErrorCodes::unknowReferenceNumber,
    }
}

/// Both directions of the reasons.
macro_rules! reasons {
    ($($theirs:ident = $ours:ident),+ $(,)?) => {
        const fn reason(r: asn::LocErrorReason) -> LocationErrorReason {
            match r {
                $(asn::LocErrorReason::$theirs => LocationErrorReason::$ours,)+
                _ => LocationErrorReason::Unknown,
            }
        }

        const fn from_reason(r: LocationErrorReason) -> asn::LocErrorReason {
            match r {
                $(LocationErrorReason::$ours => asn::LocErrorReason::$theirs,)+
                LocationErrorReason::Unknown => asn::LocErrorReason::unDefined,
            }
        }
    };
}

reasons!(
    unDefined = Undefined,
    notEnoughBTSs = NotEnoughBts,
    notEnoughSats = NotEnoughSatellites,
    eotdLocCalAssDataMissing = EotdLocationDataMissing,
    eotdAssDataMissing = EotdDataMissing,
    gpsLocCalAssDataMissing = GpsLocationDataMissing,
    gpsAssDataMissing = GpsDataMissing,
    methodNotSupported = MethodNotSupported,
    notProcessed = NotProcessed,
    refBTSForGPSNotServingBTS = GpsReferenceNotServing,
    refBTSForEOTDNotServingBTS = EotdReferenceNotServing,
    notEnoughGANSSSats = NotEnoughGanssSatellites,
    ganssAssDataMissing = GanssDataMissing,
    refBTSForGANSSNotServingBTS = GanssReferenceNotServing,
);
