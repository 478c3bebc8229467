//! SUPL INIT: what an SLP says to a SET before there is a connection.

use groma_asn1::types::OctetString;
use groma_asn1::ulp as asn;

use super::{GnssSupport, NetworkSupport, PosMethod, capabilities, codec, ids, position};
use crate::base::ids::SlpAddress;
use crate::base::qop::QualityOfPosition;
use crate::wire::EncodeError;
use crate::wire::bits;

/// SUPL INIT: the SLP asks a SET to open a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// Method.
    pub pos_method: PosMethod,
    /// What the user is told or asked.
    pub notification: Option<Notification>,
    /// Where to connect, unless the home SLP.
    pub slp_address: Option<SlpAddress>,
    /// Quality of position.
    pub qop: Option<QualityOfPosition>,
    /// Proxy mode.
    pub proxy: bool,
    /// Whether to notify before or after positioning (2.0).
    pub notify_by_location: bool,
    /// Address of the emergency SLP (2.0).
    pub e_slp_address: Option<SlpAddress>,
    /// What the SLP wants to know of networks (2.0).
    pub networks: Option<NetworkSupport>,
    /// GNSS that the SLP wants to use (2.0).
    pub gnss: Option<GnssSupport>,
    /// Lowest major version that the SLP accepts (2.0).
    pub minimum_major: Option<u8>,
    /// What kind of triggered service follows, if any (2.0).
    pub trigger: Option<TriggerType>,
    /// How this message is protected (2.0).
    pub protection: Option<ProtectionLevel>,
    /// Whether a `mAC` or `keyIdentity` was there: placeholders of 1.0 that never had a use. They are not written.
    pub placeholders: bool,
}

impl Init {
    /// An INIT that names a method, in proxy mode, and says nothing else.
    pub const fn new(pos_method: PosMethod) -> Self {
        Self {
            pos_method,
            notification: None,
            slp_address: None,
            qop: None,
            proxy: true,
            notify_by_location: false,
            e_slp_address: None,
            networks: None,
            gnss: None,
            minimum_major: None,
            trigger: None,
            protection: None,
            placeholders: false,
        }
    }
}

/// `TriggerType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TriggerType {
    Periodic,
    AreaEvent,
    Unknown,
}

/// `ProtectionLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtectionLevel {
    /// None, said.
    Null,
    /// Basic protection with its parameters.
    Basic(BasicProtection),
    /// Basic protection without its parameters, or a level of a later version: nobody can check it. It cannot be written.
    Unknown,
}

/// `BasicProtectionParams`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BasicProtection {
    /// Which key.
    pub key_id: [u8; 8],
    /// Larger in every INIT under this key.
    pub replay_counter: u16,
    /// Message authentication code over the whole INIT; see [`super::seal`].
    pub mac: [u8; 4],
}

/// What a user is told of who wants the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Tell, ask, or neither.
    pub kind: NotificationType,
    /// Encoding of both texts.
    pub encoding: Option<TextEncoding>,
    /// Who wants it, 1 to 50 octets, and what kind of name that is.
    pub requestor: Option<(Vec<u8>, NameFormat)>,
    /// Which client, likewise.
    pub client: Option<(Vec<u8>, NameFormat)>,
    /// An emergency call is being located (2.0).
    pub emergency: bool,
}

/// `NotificationType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum NotificationType {
    None,
    Notify,
    VerifyAllowIfNoAnswer,
    VerifyDenyIfNoAnswer,
    PrivacyOverride,
    Unknown,
}

/// `EncodingType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TextEncoding {
    Ucs2,
    GsmDefault,
    Utf8,
    Unknown,
}

/// `FormatIndicator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum NameFormat {
    LogicalName,
    Email,
    Msisdn,
    Url,
    SipUrl,
    Min,
    Mdn,
    ImsPublicIdentity,
    Unknown,
}

pub(super) fn decode(m: &asn::SUPLINIT) -> Init {
    let e = m.ver2_supl_init_extension.as_ref();
    Init {
        pos_method: codec::pos_method(m.pos_method),
        notification: m.notification.as_ref().map(notification),
        slp_address: m.s_lpaddress.as_ref().and_then(ids::slp_address),
        qop: m.qo_p.as_ref().map(position::qop),
        proxy: m.s_lpmode == asn::SLPMode::proxy,
        notify_by_location: e.and_then(|e| e.notification_mode)
            == Some(asn::NotificationMode::basedOnLocation),
        e_slp_address: e.and_then(|e| e.e_slpaddress.as_ref()).and_then(ids::slp_address),
        networks: e.and_then(|e| e.supported_network_information.as_ref()).map(capabilities::networks),
        gnss: e.and_then(|e| e.gnss_pos_technology.as_ref()).map(capabilities::gnss),
        minimum_major: e.and_then(|e| e.minimum_major_version),
        trigger: e.and_then(|e| e.trigger_type).map(|t| match t {
            asn::TriggerType::periodic => TriggerType::Periodic,
            asn::TriggerType::areaEvent => TriggerType::AreaEvent,
            asn::TriggerType::unknown_ext(_) => TriggerType::Unknown,
        }),
        protection: e.and_then(|e| e.protection_level.as_ref()).map(protection),
        placeholders: m.mac.is_some() || m.key_identity.is_some(),
    }
}

pub(super) fn encode(m: &Init, v2: bool) -> Result<asn::SUPLINIT, EncodeError> {
    let extension = asn::Ver2SUPLINITExtension {
        notification_mode: m.notify_by_location.then_some(asn::NotificationMode::basedOnLocation),
        supported_network_information: m.networks.map(capabilities::from_networks),
        trigger_type: m.trigger.map(from_trigger).transpose()?,
        e_slpaddress: m.e_slp_address.as_ref().and_then(ids::from_slp_address),
        historic_reporting: None,
        protection_level: m.protection.as_ref().map(from_protection).transpose()?,
        gnss_pos_technology: m.gnss.map(capabilities::from_gnss),
        minimum_major_version: m.minimum_major,
    };
    Ok(asn::SUPLINIT {
        pos_method: codec::from_pos_method(m.pos_method)?,
        notification: m.notification.as_ref().map(|n| from_notification(n, v2)).transpose()?,
        s_lpaddress: m.slp_address.as_ref().and_then(ids::from_slp_address),
        qo_p: m.qop.as_ref().map(|q| position::from_qop(q, v2)),
        s_lpmode: if m.proxy { asn::SLPMode::proxy } else { asn::SLPMode::nonProxy },
        mac: None,
        key_identity: None,
        ver2_supl_init_extension: codec::kept(extension, v2),
    })
}

fn from_trigger(t: TriggerType) -> Result<asn::TriggerType, EncodeError> {
    match t {
        TriggerType::Periodic => Ok(asn::TriggerType::periodic),
        TriggerType::AreaEvent => Ok(asn::TriggerType::areaEvent),
        TriggerType::Unknown => Err(EncodeError::NotWritable("unknown trigger type")),
    }
}

fn protection(p: &asn::ProtectionLevel) -> ProtectionLevel {
    match (p.protlevel, p.basic_protection_params.as_ref()) {
        (asn::ProtLevel::nullProtection, _) => ProtectionLevel::Null,
        (asn::ProtLevel::basicProtection, Some(b)) => {
            b.key_identifier.first_chunk::<8>().map_or(ProtectionLevel::Unknown, |key_id| {
                ProtectionLevel::Basic(BasicProtection {
                    key_id: *key_id,
                    replay_counter: b.basic_replay_counter,
                    mac: (bits::number(&b.basic_mac) as u32).to_be_bytes(),
                })
            })
        }
        _ => ProtectionLevel::Unknown,
    }
}

fn from_protection(p: &ProtectionLevel) -> Result<asn::ProtectionLevel, EncodeError> {
    Ok(match p {
        ProtectionLevel::Null => {
            asn::ProtectionLevel { protlevel: asn::ProtLevel::nullProtection, basic_protection_params: None }
        }
        ProtectionLevel::Basic(b) => asn::ProtectionLevel {
            protlevel: asn::ProtLevel::basicProtection,
            basic_protection_params: Some(asn::BasicProtectionParams {
                key_identifier: OctetString::from(b.key_id),
                basic_replay_counter: b.replay_counter,
                basic_mac: bits::bits(u64::from(u32::from_be_bytes(b.mac)), 32),
            }),
        },
        ProtectionLevel::Unknown => return Err(EncodeError::NotWritable("unknown protection level")),
    })
}

pub(super) fn notification(n: &asn::Notification) -> Notification {
    let name = |o: &Option<OctetString>, f: Option<asn::FormatIndicator>| {
        o.as_ref().map(|o| (o.to_vec(), f.map_or(NameFormat::LogicalName, codec::name_format)))
    };
    Notification {
        kind: match n.notification_type {
            asn::NotificationType::noNotificationNoVerification => NotificationType::None,
            asn::NotificationType::notificationOnly => NotificationType::Notify,
            asn::NotificationType::notificationAndVerficationAllowedNA => {
                NotificationType::VerifyAllowIfNoAnswer
            }
            asn::NotificationType::notificationAndVerficationDeniedNA => {
                NotificationType::VerifyDenyIfNoAnswer
            }
            asn::NotificationType::privacyOverride => NotificationType::PrivacyOverride,
            asn::NotificationType::unknown_ext(_) => NotificationType::Unknown,
        },
        encoding: n.encoding_type.map(|e| match e {
            asn::EncodingType::ucs2 => TextEncoding::Ucs2,
            asn::EncodingType::gsmDefault => TextEncoding::GsmDefault,
            asn::EncodingType::utf8 => TextEncoding::Utf8,
            asn::EncodingType::unknown_ext(_) => TextEncoding::Unknown,
        }),
        requestor: name(&n.requestor_id, n.requestor_id_type),
        client: name(&n.client_name, n.client_name_type),
        emergency: n
            .ver2_notification_extension
            .as_ref()
            .is_some_and(|e| e.emergency_call_location.is_some()),
    }
}

pub(super) fn from_notification(n: &Notification, v2: bool) -> Result<asn::Notification, EncodeError> {
    let octets =
        |name: &Option<(Vec<u8>, NameFormat)>| name.as_ref().map(|(o, _)| OctetString::from(o.as_slice()));
    let format = |name: &Option<(Vec<u8>, NameFormat)>| {
        name.as_ref().map(|(_, f)| codec::from_name_format(*f)).transpose()
    };
    Ok(asn::Notification {
        notification_type: match n.kind {
            NotificationType::None => asn::NotificationType::noNotificationNoVerification,
            NotificationType::Notify => asn::NotificationType::notificationOnly,
            NotificationType::VerifyAllowIfNoAnswer => {
                asn::NotificationType::notificationAndVerficationAllowedNA
            }
            NotificationType::VerifyDenyIfNoAnswer => {
                asn::NotificationType::notificationAndVerficationDeniedNA
            }
            NotificationType::PrivacyOverride => asn::NotificationType::privacyOverride,
            NotificationType::Unknown => return Err(EncodeError::NotWritable("unknown notification type")),
        },
        encoding_type: match n.encoding {
            None => None,
            Some(TextEncoding::Ucs2) => Some(asn::EncodingType::ucs2),
            Some(TextEncoding::GsmDefault) => Some(asn::EncodingType::gsmDefault),
            Some(TextEncoding::Utf8) => Some(asn::EncodingType::utf8),
            Some(TextEncoding::Unknown) => return Err(EncodeError::NotWritable("unknown text encoding")),
        },
        requestor_id: octets(&n.requestor),
        requestor_id_type: format(&n.requestor)?,
        client_name: octets(&n.client),
        client_name_type: format(&n.client)?,
        ver2_notification_extension: (v2 && n.emergency)
            .then_some(asn::Ver2NotificationExtension { emergency_call_location: Some(()) }),
    })
}
