//! What a document asks for, in the terms of the location service.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Config;
use super::places::{self, Style};
use super::verdicts::{about, of_fault};
use crate::base::SetId;
use crate::le::mlp::model::{
    Delay, EmeTargets, EmergencyKey, Eqop, GeoInfo, Header, LocKind, LocType, Msid, Msids, Prio,
    PrivacyWish as WishElement, Qop, QosClass as QosElement, RequestMode, RequestorType, SlirTargets, Target,
    Verdict,
};
use crate::le::mlp::{ResultCode, convert};
use crate::service::triggers::Ask;
use crate::service::{
    Asked, Client, Flow, LocateRequest, LocationKind, Priority, PrivacyWish, QosClass, ReachHints, Requestor,
    RequestorKind, ServiceId,
};

/// One target of a request.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// As the client calls it: all of its identities.
    pub(super) msids: Vec<Msid>,
    /// As the house does, or why it cannot.
    pub(super) ids: Result<Vec<SetId>, Verdict>,
    pub(super) trans_id: Option<String>,
    pub(super) esrd: Option<EmergencyKey>,
    pub(super) esrk: Option<EmergencyKey>,
    pub(super) reach: ReachHints,
}

impl Wanted {
    fn of(msids: Vec<Msid>) -> Self {
        let ids = msids.iter().map(places::set_id).collect();
        Self { msids, ids, trans_id: None, esrd: None, esrk: None, reach: ReachHints::default() }
    }
}

/// What is asked for, whoever the target.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) ask: Ask,
    /// Whether positions are wanted that come before the last one.
    pub(super) intermediate: bool,
    pub(super) style: Style,
}

/// The targets of a list, ranges counted out.
pub(super) fn listed(msids: &Msids, config: &Config) -> Result<Vec<Wanted>, Verdict> {
    let targets = convert::ids::expand(msids, config.max_targets as usize).map_err(of_fault)?;
    if targets.is_empty() {
        return Err(about(ResultCode::SYNTAX_ERROR, "msids"));
    }
    let wanted = |t: Target| Wanted { trans_id: t.trans_id, ..Wanted::of(vec![t.msid]) };
    Ok(targets.into_iter().map(wanted).collect())
}

/// The targets of a standard request.
pub(super) fn of_slir(targets: &SlirTargets, config: &Config) -> Result<Vec<Wanted>, Verdict> {
    match targets {
        SlirTargets::List(msids) => listed(msids, config),
        SlirTargets::Network(list) => bounded(
            list.iter()
                .map(|t| Wanted { trans_id: t.trans_id.clone(), ..Wanted::of(vec![t.msid.clone()]) })
                .collect(),
            config,
        ),
    }
}

/// The targets of an emergency request.
pub(super) fn of_eme(targets: &EmeTargets, config: &Config) -> Result<Vec<Wanted>, Verdict> {
    let calls = match targets {
        EmeTargets::List(msids) => return listed(msids, config),
        EmeTargets::Calls(calls) => calls,
    };
    let mut wanted = Vec::new();
    for call in calls {
        let mut reach = ReachHints::default();
        if let Some(supl) = &call.supl {
            if let Some(text) = &supl.ip_address {
                let ip: IpAddr =
                    text.as_str().parse().map_err(|_| about(ResultCode::FORMAT_ERROR, "ip_address"))?;
                reach.ip = Some(ip);
            }
            if let Some(shape) = &supl.shape {
                reach.area = places::areas(shape)?.into_iter().next();
            }
        }
        wanted.push(Wanted {
            trans_id: call.trans_id.clone(),
            esrd: call.esrd.clone(),
            esrk: call.esrk.clone(),
            reach,
            ..Wanted::of(call.msids.clone())
        });
    }
    // An identity that cannot be used does no harm beside one that can.
    for target in &mut wanted {
        let usable: Vec<SetId> = target.msids.iter().filter_map(|m| places::set_id(m).ok()).collect();
        if !usable.is_empty() {
            target.ids = Ok(usable);
        }
    }
    bounded(wanted, config)
}

fn bounded(wanted: Vec<Wanted>, config: &Config) -> Result<Vec<Wanted>, Verdict> {
    let most = config.max_targets as usize;
    if wanted.len() > most {
        return Err(Verdict::with_info(ResultCode::TOO_MANY_POSITION_ITEMS, format!("at most {most}")));
    }
    Ok(wanted)
}

/// What the header says of the client's service, of who is behind it, and of what the target is to be told.
fn of_header(header: &Header, ask: &mut Ask) {
    if let Some(client) = &header.client {
        ask.service = client.service_id.clone().map(ServiceId);
    }
    ask.requestor = header.requestor.as_ref().map(|r| Requestor {
        id: r.id.as_str().to_owned(),
        kind: match r.kind {
            RequestorType::Msisdn | RequestorType::Mdn => RequestorKind::Msisdn,
            RequestorType::Name => RequestorKind::Name,
            RequestorType::Email => RequestorKind::Email,
            RequestorType::Url => RequestorKind::Url,
            RequestorType::SipUrl | RequestorType::Ims => RequestorKind::SipUrl,
            RequestorType::Imsi | RequestorType::Asid | RequestorType::Aspid => RequestorKind::Other,
        },
    });
    // Who is at the end of a chain of resellers is who asks, where nobody else is named.
    if ask.requestor.is_none() {
        let last = header.subclients.last();
        ask.requestor = last.map(|s| Requestor { id: s.id.clone(), kind: RequestorKind::Name });
    }
    let active = header
        .client
        .as_ref()
        .and_then(|c| c.request_mode.as_ref())
        .is_some_and(|m| m.mode == RequestMode::Active);
    ask.wish = header.privacy_action.as_ref().map(|action| {
        match if active { action.active } else { action.passive } {
            WishElement::PositionNotAllowed => PrivacyWish::DoNotPosition,
            WishElement::Position => PrivacyWish::Ask(Asked::Nothing),
            WishElement::NotifyAndPosition => PrivacyWish::Ask(Asked::Notify),
            WishElement::PositionIfNotDisallowed => PrivacyWish::Ask(Asked::VerifyAllowIfNoAnswer),
            WishElement::PositionIfAllowed => PrivacyWish::Ask(Asked::VerifyDenyIfNoAnswer),
        }
    });
}

/// What quality a document asks for.
pub(super) struct Quality(convert::quality::Quality);

impl Quality {
    pub(super) fn of_eqop(eqop: Option<&Eqop>, config: &Config) -> Self {
        let mut quality = convert::quality::eqop(eqop);
        // The timer beats the class of delay (MLP 3.5 §5.3.2).
        quality.qop.response_time = quality.qop.response_time.or(match quality.delay {
            Delay::NoDelay => Some(Duration::ZERO),
            Delay::LowDelay => Some(Duration::from_secs(config.low_delay_s.into())),
            Delay::DelayTolerant => None,
        });
        Self(quality)
    }

    pub(super) fn of_qop(qop: Option<&Qop>) -> Self {
        Self(convert::quality::qop(qop))
    }

    fn fill(self, ask: &mut Ask) {
        ask.qop = self.0.qop;
        ask.qos_class = match self.0.class {
            Some(QosElement::Assured) => QosClass::Assured,
            Some(QosElement::BestEffort) | None => QosClass::BestEffort,
        };
    }
}

/// The parts that most requests have in common.
#[derive(Default)]
pub(super) struct Common<'a> {
    pub(super) quality: Option<Quality>,
    pub(super) geo_info: Option<&'a GeoInfo>,
    pub(super) loc_type: Option<LocType>,
    pub(super) prio: Option<Prio>,
}

/// What is asked for, whoever the target.
pub(super) fn wish(header: &Header, common: Common<'_>) -> Result<Wish, Verdict> {
    let mut ask = Ask::default();
    of_header(header, &mut ask);
    if let Some(quality) = common.quality {
        quality.fill(&mut ask);
    }
    if common.prio.is_some_and(|p| p.priority == crate::le::mlp::model::Priority::High) {
        ask.priority = Priority::High;
    }
    let kind = common.loc_type.unwrap_or_default().kind;
    ask.kind = match kind {
        LocKind::Current | LocKind::CurrentAndIntermediate => LocationKind::Current,
        LocKind::Last => LocationKind::Last,
        LocKind::CurrentOrLast => LocationKind::CurrentOrLast,
        LocKind::LastOrCurrent => LocationKind::LastOrCurrent,
        LocKind::Initial => LocationKind::Initial,
        LocKind::LocationUri => {
            return Err(about(ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED, "loc_type: type"));
        }
    };
    let style = places::style(common.geo_info, header.supported_shapes.as_ref())?;
    Ok(Wish { ask, intermediate: kind == LocKind::CurrentAndIntermediate, style })
}

/// A request for one target.
pub(super) fn request(
    client: &Arc<Client>,
    flow: Flow,
    ask: &Ask,
    ids: &[SetId],
    reach: &ReachHints,
) -> Option<LocateRequest> {
    let (target, alternatives) = ids.split_first()?;
    Some(LocateRequest {
        service: ask.service.clone(),
        requestor: ask.requestor.clone(),
        alternatives: alternatives.to_vec(),
        kind: ask.kind,
        qop: ask.qop,
        qos_class: ask.qos_class,
        priority: ask.priority,
        wish: ask.wish,
        reach: reach.clone(),
        // Told where it is known; a position that is known without is not measured again for its sake.
        velocity: false,
        ..LocateRequest::new(Arc::clone(client), flow, target.clone())
    })
}
