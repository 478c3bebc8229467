//! From an order to the octets of its SUPL INIT.

use super::names;
use super::{Asked, Notification, Order, Protection, SuplVersion, What};
use crate::base::ids::SlpSessionId;
use crate::slc::Policy;
use crate::spc::Methods;
use crate::wire::EncodeError;
use crate::wire::ulp::{
    self, BasicProtection, GnssSupport, Init, NetworkSupport, NotificationType, PosMethod, ProtectionLevel,
    SessionIds, UlpMessage, UlpPdu, Version,
};

/// A SUPL INIT, ready to be sent by any bearer, as often as it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The PDU. In the common case it fits into one short message.
    pub octets: Vec<u8>,
    /// The hash of it by which a SET that answers in the same version shows that it has seen it.
    pub ver: [u8; 8],
}

/// Why an order cannot be put into a SUPL INIT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// The method does not exist in the order's version, or this server does not offer it.
    #[error("{} cannot be asked for", .0.name())]
    Method(PosMethod),
    /// SUPL 1.0 has no protection to give.
    #[error("SUPL 1.0 knows no protection of SUPL INIT")]
    Unprotected,
    /// A value does not fit its member.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Makes the SUPL INIT of an order.
///
/// It names the method of the order, or the best that this server offers: A-GNSS, computed by the SET where it can. Version
/// 2.0 says besides which networks this server wants to hear of, and, in an emergency, that its E-SLP is here.
///
/// # Errors
/// When the version of the order cannot say what the order says.
pub fn invite(order: &Order, policy: &Policy) -> Result<Invitation, InviteError> {
    let version = match order.version {
        SuplVersion::V1 => Version::V1,
        SuplVersion::V2 => Version::V2,
    };
    let v2 = order.version == SuplVersion::V2;
    let pos_method = method(order, policy.positioning.methods)?;
    let mut init = Init {
        notification: order.notification.as_ref().map(notification),
        qop: order.qop,
        ..Init::new(pos_method)
    };
    if order.emergency {
        let told = init.notification.get_or_insert_with(|| notification(&Notification::default()));
        told.kind = NotificationType::PrivacyOverride;
        told.emergency = true;
    }
    if v2 {
        let by_location = order.notification.as_ref().is_some_and(|n| n.by_location);
        init.notify_by_location = by_location && !order.emergency && order.what == What::Position;
        init.gnss = (!pos_method.in_version_1()).then_some(ASSISTED);
        init.networks =
            (policy.positioning.methods.cell_id && order.what == What::Position).then_some(WELCOME);
        init.e_slp_address = order.emergency.then(|| policy.slp.clone());
    }
    let mut key: &[u8] = &[];
    init.protection = match &order.protection {
        Protection::Absent => None,
        _ if !v2 => return Err(InviteError::Unprotected),
        Protection::Null => Some(ProtectionLevel::Null),
        Protection::Basic(p) => {
            key = &p.key;
            let basic = BasicProtection { key_id: p.key_id, replay_counter: p.counter, mac: [0; 4] };
            Some(ProtectionLevel::Basic(basic))
        }
    };
    let slp = SlpSessionId { id: order.slp_session, slp: policy.slp.clone() };
    let session = SessionIds { set: None, slp: Some(slp) };
    let octets = ulp::seal(UlpPdu::new(version, session, UlpMessage::Init(Box::new(init))), key)?;
    let ver = ulp::ver(version, &policy.slp, &octets);
    Ok(Invitation { octets, ver })
}

/// Systems for which there may be assistance; which of them there is just now is said when the SET has come.
const ASSISTED: GnssSupport = GnssSupport {
    gps: true,
    galileo: true,
    sbas: true,
    modernised_gps: false,
    qzss: true,
    glonass: true,
    bds: Some(true),
    rtk_osr: None,
};

/// Networks whose cells and access points help.
const WELCOME: NetworkSupport = NetworkSupport {
    wlan: true,
    gsm: true,
    wcdma: true,
    cdma: false,
    hrpd: false,
    umb: false,
    lte: true,
    wimax: false,
    nr: Some(true),
    historic: false,
    non_serving: true,
    utran_gps_time: false,
    utran_ganss_time: false,
};

fn method(order: &Order, offered: Methods) -> Result<PosMethod, InviteError> {
    if order.what == What::ConsentOnly {
        return Ok(PosMethod::NoPosition);
    }
    let v2 = order.version == SuplVersion::V2;
    let method = order.method.unwrap_or(match (offered.set_based, offered.set_assisted, v2) {
        (true, true, true) => PosMethod::AgnssSetBasedPreferred,
        (true, true, false) => PosMethod::AgpsSetBasedPreferred,
        (true, false, true) => PosMethod::AgnssSetBased,
        (true, false, false) => PosMethod::AgpsSetBased,
        (false, true, true) => PosMethod::AgnssSetAssisted,
        (false, true, false) => PosMethod::AgpsSetAssisted,
        (false, false, true) if offered.autonomous => PosMethod::AutonomousGnss,
        (false, false, false) if offered.autonomous => PosMethod::AutonomousGps,
        (false, false, _) => PosMethod::Ecid,
    });
    let possible =
        meant_by(method).is_some_and(|meant| meant.shares_any(offered)) && (v2 || method.in_version_1());
    if possible { Ok(method) } else { Err(InviteError::Method(method)) }
}

/// What a method named in SUPL INIT leaves to choose from; `None` for those that this server does not have.
pub(in crate::slc) const fn meant_by(method: PosMethod) -> Option<Methods> {
    let none = Methods { set_based: false, set_assisted: false, autonomous: false, cell_id: false };
    Some(match method {
        PosMethod::AgpsSetAssisted | PosMethod::AgnssSetAssisted => Methods { set_assisted: true, ..none },
        PosMethod::AgpsSetBased | PosMethod::AgnssSetBased => Methods { set_based: true, ..none },
        PosMethod::AgpsSetAssistedPreferred
        | PosMethod::AgpsSetBasedPreferred
        | PosMethod::AgnssSetAssistedPreferred
        | PosMethod::AgnssSetBasedPreferred => Methods { set_based: true, set_assisted: true, ..none },
        PosMethod::AutonomousGps | PosMethod::AutonomousGnss => Methods { autonomous: true, ..none },
        PosMethod::Ecid => Methods { cell_id: true, ..none },
        _ => return None,
    })
}

pub(in crate::slc) fn notification(n: &Notification) -> ulp::Notification {
    let encoding = names::encoding(n);
    let name = |name: &Option<super::Name>| {
        let coded = names::coded(&name.as_ref()?.text, encoding);
        (!coded.is_empty()).then_some((coded, name.as_ref()?.format))
    };
    let (requestor, client) = (name(&n.requestor), name(&n.client));
    ulp::Notification {
        kind: match n.kind {
            Asked::Nothing => NotificationType::None,
            Asked::Notify => NotificationType::Notify,
            Asked::VerifyAllowIfNoAnswer => NotificationType::VerifyAllowIfNoAnswer,
            Asked::VerifyDenyIfNoAnswer => NotificationType::VerifyDenyIfNoAnswer,
            Asked::PrivacyOverride => NotificationType::PrivacyOverride,
        },
        encoding: (requestor.is_some() || client.is_some()).then_some(encoding),
        requestor,
        client,
        emergency: false,
    }
}
