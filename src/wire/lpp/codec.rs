//! Whole messages.

use groma_asn1::lpp as asn;

use super::{
    AbortCause, Acknowledgement, ErrorCause, LppBody, LppMessage, TransactionId, assist, capabilities,
    common, location, request,
};
use crate::base::time::GpsTime;
use crate::wire::assist::Initiator;
use crate::wire::reader::Reader;
use crate::wire::{DecodeError, EncodeError};

const LPP: &str = "LPP";

impl LppMessage {
    /// Longest message that SUPL POS can carry, octets.
    pub const MAX: usize = 60_000;

    /// Reads one message, which must fill the octets. Truncated times become those nearest to `near` (or to the reference
    /// time that the message itself brings).
    pub fn decode(octets: &[u8], near: GpsTime) -> Result<Self, DecodeError> {
        if octets.is_empty() {
            return Err(DecodeError::Truncated { protocol: LPP });
        }
        if octets.len() > Self::MAX {
            return Err(DecodeError::TooLong { protocol: LPP, octets: octets.len() });
        }
        let m = asn::decode(octets)
            .map_err(|e| DecodeError::Malformed { protocol: LPP, reason: e.to_string() })?;
        Ok(Self {
            transaction: m.transaction_id.as_ref().map(common::transaction),
            end: m.end_transaction,
            sequence: m.sequence_number.map(|n| n.0),
            ack: m.acknowledgement.map(|a| Acknowledgement {
                requested: a.ack_requested,
                indicator: a.ack_indicator.map(|n| n.0),
            }),
            body: m.lpp_message_body.as_ref().map(|b| body(b, near)),
        })
    }

    /// The header of a message whose body may not be readable, as a message without body, so that the answer can name the
    /// transaction and the sequence number. `None` when not even the header is there, or when it is of a later release.
    pub fn peek(octets: &[u8]) -> Option<Self> {
        read_header(&mut Reader::new(octets))
    }

    /// Writes the message.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let m = asn::LPPMessage {
            transaction_id: self.transaction.map(common::from_transaction),
            end_transaction: self.end,
            sequence_number: self.sequence.map(asn::SequenceNumber),
            acknowledgement: self.ack.map(|a| asn::Acknowledgement {
                ack_requested: a.requested,
                ack_indicator: a.indicator.map(asn::SequenceNumber),
            }),
            lpp_message_body: self.body.as_ref().map(from_body).transpose()?,
        };
        let octets =
            asn::encode(&m).map_err(|e| EncodeError::Codec { protocol: LPP, reason: e.to_string() })?;
        if octets.len() > Self::MAX {
            return Err(EncodeError::TooLong { protocol: LPP, octets: octets.len() });
        }
        Ok(octets)
    }
}

/// Everything before the body.
pub(super) fn read_header(bits: &mut Reader<'_>) -> Option<LppMessage> {
    let (has_transaction, has_sequence, has_ack, _) =
        (bits.flag()?, bits.flag()?, bits.flag()?, bits.flag()?);
    let mut out = LppMessage::default();
    if has_transaction {
        // Neither the identity nor the initiator is extended.
        if bits.take(2)? != 0 {
            return None;
        }
        let initiator = if bits.flag()? { Initiator::TargetDevice } else { Initiator::LocationServer };
        out.transaction = Some(TransactionId { initiator, number: bits.take(8)? as u8 });
    }
    out.end = bits.flag()?;
    if has_sequence {
        out.sequence = Some(bits.take(8)? as u8);
    }
    if has_ack {
        let has_indicator = bits.flag()?;
        let requested = bits.flag()?;
        let indicator = if has_indicator { Some(bits.take(8)? as u8) } else { None };
        out.ack = Some(Acknowledgement { requested, indicator });
    }
    Some(out)
}

/// The bits of [`read_header`], right-aligned, and how many they are.
pub(super) fn header(m: &LppMessage) -> (u64, usize) {
    let mut out = (0_u64, 0);
    let mut put = |value: u64, bits: usize| out = (out.0 << bits | value, out.1 + bits);
    for present in [m.transaction.is_some(), m.sequence.is_some(), m.ack.is_some(), m.body.is_some()] {
        put(u64::from(present), 1);
    }
    if let Some(t) = m.transaction {
        put(u64::from(t.initiator == Initiator::TargetDevice), 3);
        put(u64::from(t.number), 8);
    }
    put(u64::from(m.end), 1);
    if let Some(n) = m.sequence {
        put(u64::from(n), 8);
    }
    if let Some(a) = m.ack {
        put(u64::from(a.indicator.is_some()), 1);
        put(u64::from(a.requested), 1);
        if let Some(n) = a.indicator {
            put(u64::from(n), 8);
        }
    }
    out
}

fn body(b: &asn::LPPMessageBody, near: GpsTime) -> LppBody {
    let asn::LPPMessageBody::c1(c1) = b else { return LppBody::Unknown };
    known(c1, near).unwrap_or(LppBody::Unknown)
}

/// The content of a message's criticalExtensions; what is not of release 9's line is unknown.
macro_rules! release_9 {
    ($m:expr, $ext:ident, $c1:ident, $variant:ident) => {
        match &$m.critical_extensions {
            asn::$ext::c1(asn::$c1::$variant(ies)) => ies,
            _ => return None,
        }
    };
}

fn known(c1: &asn::LPPMessageBodyC1, near: GpsTime) -> Option<LppBody> {
    use asn::LPPMessageBodyC1 as C1;
    Some(match c1 {
        C1::requestCapabilities(m) => LppBody::RequestCapabilities(capabilities::decode_request(release_9!(
            m,
            RequestCapabilitiesCriticalExtensions,
            RequestCapabilitiesCriticalExtensionsC1,
            requestCapabilities_r9
        ))),
        C1::provideCapabilities(m) => {
            LppBody::ProvideCapabilities(Box::new(capabilities::decode(release_9!(
                m,
                ProvideCapabilitiesCriticalExtensions,
                ProvideCapabilitiesCriticalExtensionsC1,
                provideCapabilities_r9
            ))))
        }
        C1::requestAssistanceData(m) => {
            LppBody::RequestAssistanceData(Box::new(request::decode(release_9!(
                m,
                RequestAssistanceDataCriticalExtensions,
                RequestAssistanceDataCriticalExtensionsC1,
                requestAssistanceData_r9
            ))))
        }
        C1::provideAssistanceData(m) => LppBody::ProvideAssistanceData(Box::new(assist::decode(
            release_9!(
                m,
                ProvideAssistanceDataCriticalExtensions,
                ProvideAssistanceDataCriticalExtensionsC1,
                provideAssistanceData_r9
            ),
            near,
        ))),
        C1::requestLocationInformation(m) => {
            LppBody::RequestLocationInformation(Box::new(location::decode_request(release_9!(
                m,
                RequestLocationInformationCriticalExtensions,
                RequestLocationInformationCriticalExtensionsC1,
                requestLocationInformation_r9
            ))))
        }
        C1::provideLocationInformation(m) => {
            LppBody::ProvideLocationInformation(Box::new(location::decode(release_9!(
                m,
                ProvideLocationInformationCriticalExtensions,
                ProvideLocationInformationCriticalExtensionsC1,
                provideLocationInformation_r9
            ))))
        }
        C1::abort(m) => {
            let ies = release_9!(m, AbortCriticalExtensions, AbortCriticalExtensionsC1, abort_r9);
            LppBody::Abort(
                ies.common_ies_abort.as_ref().map_or(AbortCause::Undefined, |c| abort(c.abort_cause)),
            )
        }
        C1::error(asn::Error::error_r9(ies)) => LppBody::Error(
            ies.common_ies_error.as_ref().map_or(ErrorCause::Undefined, |c| error(c.error_cause)),
        ),
        _ => return None,
    })
}

fn from_body(b: &LppBody) -> Result<asn::LPPMessageBody, EncodeError> {
    use asn::LPPMessageBodyC1 as C1;
    let c1 = match b {
        LppBody::RequestCapabilities(r) => C1::requestCapabilities(asn::RequestCapabilities {
            critical_extensions: asn::RequestCapabilitiesCriticalExtensions::c1(
                asn::RequestCapabilitiesCriticalExtensionsC1::requestCapabilities_r9(
                    capabilities::encode_request(*r),
                ),
            ),
        }),
        LppBody::ProvideCapabilities(c) => C1::provideCapabilities(asn::ProvideCapabilities {
            critical_extensions: asn::ProvideCapabilitiesCriticalExtensions::c1(
                asn::ProvideCapabilitiesCriticalExtensionsC1::provideCapabilities_r9(capabilities::encode(c)),
            ),
        }),
        LppBody::RequestAssistanceData(r) => C1::requestAssistanceData(asn::RequestAssistanceData {
            critical_extensions: asn::RequestAssistanceDataCriticalExtensions::c1(
                asn::RequestAssistanceDataCriticalExtensionsC1::requestAssistanceData_r9(request::encode(r)),
            ),
        }),
        LppBody::ProvideAssistanceData(d) => C1::provideAssistanceData(asn::ProvideAssistanceData {
            critical_extensions: asn::ProvideAssistanceDataCriticalExtensions::c1(
                asn::ProvideAssistanceDataCriticalExtensionsC1::provideAssistanceData_r9(assist::encode(d)),
            ),
        }),
        LppBody::RequestLocationInformation(r) => {
            C1::requestLocationInformation(asn::RequestLocationInformation {
                critical_extensions: asn::RequestLocationInformationCriticalExtensions::c1(
                    asn::RequestLocationInformationCriticalExtensionsC1::requestLocationInformation_r9(
                        location::encode_request(r),
                    ),
                ),
            })
        }
        LppBody::ProvideLocationInformation(r) => {
            C1::provideLocationInformation(asn::ProvideLocationInformation {
                critical_extensions: asn::ProvideLocationInformationCriticalExtensions::c1(
                    asn::ProvideLocationInformationCriticalExtensionsC1::provideLocationInformation_r9(
                        location::encode(r),
                    ),
                ),
            })
        }
        LppBody::Abort(cause) => C1::abort(asn::Abort {
            critical_extensions: asn::AbortCriticalExtensions::c1(asn::AbortCriticalExtensionsC1::abort_r9(
                asn::AbortR9IEs {
                    common_ies_abort: Some(asn::CommonIEsAbort { abort_cause: from_abort(*cause) }),
                    epdu_abort: None,
                },
            )),
        }),
        LppBody::Error(cause) => C1::error(asn::Error::error_r9(asn::ErrorR9IEs {
            common_ies_error: Some(asn::CommonIEsError { error_cause: from_error(*cause) }),
            epdu_error: None,
        })),
        LppBody::Unknown => return Err(EncodeError::NotWritable("unknown LPP body")),
    };
    Ok(asn::LPPMessageBody::c1(c1))
}

const fn abort(c: asn::CommonIEsAbortAbortCause) -> AbortCause {
    use asn::CommonIEsAbortAbortCause as C;
    match c {
        C::undefined => AbortCause::Undefined,
        C::stopPeriodicReporting => AbortCause::StopPeriodicReporting,
        C::targetDeviceAbort => AbortCause::TargetDeviceAbort,
        C::networkAbort => AbortCause::NetworkAbort,
        C::stopPeriodicAssistanceDataDelivery_v1510 => AbortCause::StopPeriodicAssistance,
        C::unknown_ext(_) => AbortCause::Unknown,
    }
}

const fn from_abort(c: AbortCause) -> asn::CommonIEsAbortAbortCause {
    use asn::CommonIEsAbortAbortCause as C;
    match c {
        AbortCause::Undefined | AbortCause::Unknown => C::undefined,
        AbortCause::StopPeriodicReporting => C::stopPeriodicReporting,
        AbortCause::TargetDeviceAbort => C::targetDeviceAbort,
        AbortCause::NetworkAbort => C::networkAbort,
        AbortCause::StopPeriodicAssistance => C::stopPeriodicAssistanceDataDelivery_v1510,
    }
}

const fn error(c: asn::CommonIEsErrorErrorCause) -> ErrorCause {
    use asn::CommonIEsErrorErrorCause as C;
    match c {
        C::undefined => ErrorCause::Undefined,
        C::lppMessageHeaderError => ErrorCause::MessageHeader,
        C::lppMessageBodyError => ErrorCause::MessageBody,
        C::epduError => ErrorCause::ExternalPdu,
        C::incorrectDataValue => ErrorCause::IncorrectDataValue,
        C::lppSegmentationError_v1450 => ErrorCause::Segmentation,
        C::unknown_ext(_) => ErrorCause::Unknown,
    }
}

const fn from_error(c: ErrorCause) -> asn::CommonIEsErrorErrorCause {
    use asn::CommonIEsErrorErrorCause as C;
    match c {
        ErrorCause::Undefined | ErrorCause::Unknown => C::undefined,
        ErrorCause::MessageHeader => C::lppMessageHeaderError,
        ErrorCause::MessageBody => C::lppMessageBodyError,
        ErrorCause::ExternalPdu => C::epduError,
        ErrorCause::IncorrectDataValue => C::incorrectDataValue,
        ErrorCause::Segmentation => C::lppSegmentationError_v1450,
    }
}
