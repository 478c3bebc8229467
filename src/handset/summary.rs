//! What messages say, in a line each: for ladders. Identities and cells are left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::findings::Own;
use crate::base::broadcast::Gnss;
use crate::base::cell::{CellId, LocationId};
use crate::base::geo::Shape;
use crate::base::time::GpsTime;
use crate::wire::assist::{Assistance, AssistanceRequest, GnssModes};
use crate::wire::lpp::{GnssError, LppBody, LppMessage, ServerErrorCause, TargetErrorCause};
use crate::wire::measure::GnssMeasurements;
use crate::wire::rrlp::{MethodType, RrlpComponent, RrlpPdu};
use crate::wire::ulp::{
    Init, Notification, NotificationType, PosPayload, ProtectionLevel, SetCapabilities, StatusCode,
    UlpMessage,
};

/// A ULP message.
pub(super) fn of(message: &UlpMessage, near: GpsTime) -> String {
    match message {
        UlpMessage::Start(m) => join([Some(capabilities(&m.capabilities)), heard(&m.location_ids)]),
        UlpMessage::Response(m) => join([
            Some(m.pos_method.name().to_owned()),
            m.initial_position.as_ref().map(|p| format!("initially {}", place(&p.shape))),
        ]),
        UlpMessage::PosInit(m) => join([
            // An LPP request inside says the same.
            m.assistance.as_ref().filter(|_| m.pos.is_none()).map(|r| format!("asks {}", wanted(r))),
            heard(&m.location_ids),
            m.position.as_ref().map(|p| format!("at {}", place(&p.shape))),
            m.pos.as_ref().map(|p| payload(&p.payload, near)),
        ]),
        UlpMessage::Pos(m) => payload(&m.payload, near),
        UlpMessage::End(m) => {
            let position = m.high_accuracy.as_ref().or(m.position.as_ref());
            join([
                m.status.map(|s| format!("{}: {}", s.name(), meaning(s))),
                position.map(|p| format!("position {}", place(&p.shape))),
            ])
        }
        UlpMessage::Init(m) => init(m),
        UlpMessage::Notify(m) => notification(m),
        UlpMessage::NotifyResponse(allowed) => match allowed {
            Some(true) => "allowed".to_owned(),
            Some(false) => "not allowed".to_owned(),
            None => "told".to_owned(),
        },
        UlpMessage::AuthReq(_) | UlpMessage::AuthResp(_) | UlpMessage::Unserved(_) => String::new(),
    }
}

/// An accuracy asked for. ULP cannot leave it out beside a response time: then it is the coarsest that there is.
fn accuracy(m: f64) -> String {
    if m < 1e6 { format!("within {m:.0} m") } else { "however exact".to_owned() }
}

/// A SUPL INIT.
fn init(m: &Init) -> String {
    let protection = m.protection.as_ref().map(|p| match p {
        ProtectionLevel::Null => "null protection",
        ProtectionLevel::Basic(_) => "basic protection",
        ProtectionLevel::Unknown => "unknown protection",
    });
    join([
        Some(m.pos_method.name().to_owned()),
        m.notification.as_ref().map(notification),
        m.notify_by_location.then(|| "by location".to_owned()),
        m.qop.and_then(|q| q.horizontal_m).map(accuracy),
        (!m.proxy).then(|| "non-proxy mode".to_owned()),
        protection.map(str::to_owned),
    ])
}

/// What the user is to be told or asked. Names are not shown.
fn notification(n: &Notification) -> String {
    let kind = match n.kind {
        NotificationType::None => "neither told nor asked",
        NotificationType::Notify => "the user is told",
        NotificationType::VerifyAllowIfNoAnswer => "the user is asked; silence is consent",
        NotificationType::VerifyDenyIfNoAnswer => "the user is asked; silence is refusal",
        NotificationType::PrivacyOverride => "privacy overridden",
        NotificationType::Unknown => "an unknown notification",
    };
    format!("{kind}{}", if n.emergency { ", emergency" } else { "" })
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn payload(payload: &PosPayload, near: GpsTime) -> String {
    match payload {
        PosPayload::Rrlp(octets) => {
            RrlpPdu::decode(octets, near).map_or_else(|e| format!("RRLP? {e}"), |pdu| rrlp_line(&pdu))
        }
        PosPayload::Lpp(messages) => {
            let lines = messages
                .iter()
                .map(|m| LppMessage::decode(m, near).map_or_else(|e| format!("LPP? {e}"), |m| lpp_line(&m)));
            lines.collect::<Vec<_>>().join(" + ")
        }
        PosPayload::Tia801(_) => "TIA-801".to_owned(),
        PosPayload::Rrc(_) => "RRC".to_owned(),
        PosPayload::Unknown => "a payload of a later version".to_owned(),
    }
}

fn rrlp_line(pdu: &RrlpPdu) -> String {
    let detail = match &pdu.component {
        RrlpComponent::AssistanceData(d) => {
            let more = if d.more == Some(true) { ", more to come" } else { "" };
            format!(" ({}{more})", assistance(&d.assistance))
        }
        RrlpComponent::MsrPositionReq(r) => {
            let who = match r.instruct.method_type {
                MethodType::MsBased => "MS-Based",
                MethodType::MsAssisted => "MS-Assisted",
                MethodType::MsBasedPreferred => "MS-Based preferred",
                MethodType::MsAssistedPreferred => "MS-Assisted preferred",
            };
            if r.assistance.is_empty() {
                format!(" ({who})")
            } else {
                format!(" ({who}; {})", assistance(&r.assistance))
            }
        }
        RrlpComponent::MsrPositionRsp(r) => match (&r.location, &r.error) {
            (Some(l), _) => format!(" ({})", place(&l.shape)),
            (None, Some(e)) => format!(" ({:?})", e.reason),
            _ => String::new(),
        },
        RrlpComponent::ProtocolError(e) => format!(" ({:?})", e.cause),
        _ => String::new(),
    };
    format!("RRLP {}{detail}", pdu.component.name())
}

fn lpp_line(message: &LppMessage) -> String {
    let Some(body) = &message.body else { return "LPP acknowledgement".to_owned() };
    let detail = match body {
        LppBody::ProvideCapabilities(c) => {
            let letters: String = c.gnss.iter().map(|g| g.gnss.letter()).collect();
            format!(" ({letters})")
        }
        LppBody::RequestAssistanceData(r) => format!(" ({})", wanted(&r.request)),
        LppBody::ProvideAssistanceData(d) => {
            let more = if d.more == Some(true) { ", more to come" } else { "" };
            let error = d.error.map_or_else(String::new, |e| format!("; {}", gnss_error(e)));
            format!(" ({}{error}{more})", assistance(&d.assistance))
        }
        LppBody::ProvideLocationInformation(r) => match (&r.estimate, r.error) {
            (Some(shape), _) => format!(" ({})", place(shape)),
            (None, Some(e)) => format!(" ({e:?})"),
            (None, None) => String::new(),
        },
        LppBody::Abort(cause) => format!(" ({cause:?})"),
        LppBody::Error(cause) => format!(" ({cause:?})"),
        LppBody::RequestCapabilities(_) | LppBody::RequestLocationInformation(_) | LppBody::Unknown => {
            String::new()
        }
    };
    format!("LPP {}{detail}", body.name())
}

fn capabilities(c: &SetCapabilities) -> String {
    let mut systems: BTreeMap<&str, String> = BTreeMap::new();
    for gnss in Gnss::ALL {
        let GnssModes { standalone, ms_based, ms_assisted } = c.modes(gnss);
        for (has, name) in [(ms_based, "MS-Based"), (ms_assisted, "MS-Assisted"), (standalone, "autonomous")]
        {
            if has {
                systems.entry(name).or_default().push(gnss.letter());
            }
        }
    }
    let mut parts: Vec<String> = systems.iter().map(|(name, letters)| format!("{name} {letters}")).collect();
    if c.ecid {
        parts.push("E-CID".to_owned());
    }
    let p = c.protocols;
    for (has, name) in [(p.rrlp, "RRLP"), (p.lpp, "LPP"), (p.tia801, "TIA-801"), (p.rrc, "RRC")] {
        if has {
            parts.push(name.to_owned());
        }
    }
    parts.join(", ")
}

fn heard(ids: &[LocationId]) -> Option<String> {
    let mut kinds: Vec<&str> = ids.iter().filter_map(|i| i.cell.as_ref()).map(CellId::kind).collect();
    kinds.dedup();
    (!kinds.is_empty()).then(|| format!("hears {}", kinds.join(", ")))
}

fn wanted(r: &AssistanceRequest) -> String {
    let mut parts = Vec::new();
    let mut add = |has: bool, name: &str| {
        if has {
            parts.push(name.to_owned());
        }
    };
    add(r.reference_time.is_some(), "time");
    add(r.reference_location, "location");
    add(r.ionosphere.is_some(), "ionosphere");
    add(r.earth_orientation, "Earth orientation");
    let letters = |has: fn(&crate::wire::assist::GnssRequest) -> bool| -> String {
        r.systems.iter().filter(|s| has(s)).map(|s| s.gnss.letter()).collect()
    };
    let lists = [
        ("ephemerides", letters(|s| s.navigation.is_some())),
        ("almanac", letters(|s| s.almanac.is_some())),
        ("UTC", letters(|s| s.utc.is_some())),
        ("integrity", letters(|s| s.integrity)),
        ("acquisition", letters(|s| s.acquisition.is_some())),
    ];
    parts.extend(lists.into_iter().filter(|(_, l)| !l.is_empty()).map(|(name, l)| format!("{name} {l}")));
    parts.join(", ")
}

/// What assistance holds.
pub(super) fn assistance(a: &Assistance) -> String {
    let mut parts = Vec::new();
    let mut add = |has: bool, name: &str| {
        if has {
            parts.push(name.to_owned());
        }
    };
    add(a.reference_time.is_some(), "time");
    add(a.reference_location.is_some(), "location");
    add(!a.klobuchar.is_empty() || a.nequick.is_some(), "ionosphere");
    add(a.earth_orientation.is_some(), "Earth orientation");
    add(a.systems.iter().any(|s| s.utc.is_some()), "UTC");
    let mut counts = String::new();
    for s in a.systems.iter().filter(|s| !s.ephemerides.is_empty()) {
        let _ = write!(counts, " {}{}", s.gnss.letter(), s.ephemerides.len());
    }
    if !counts.is_empty() {
        parts.push(format!("ephemerides{counts}"));
    }
    let almanacs: usize = a.systems.iter().filter_map(|s| s.almanac.as_ref()).map(|s| s.entries.len()).sum();
    if almanacs > 0 {
        parts.push(format!("almanac {almanacs}"));
    }
    let bad: usize = a.systems.iter().filter_map(|s| s.integrity.as_ref()).map(Vec::len).sum();
    if bad > 0 {
        parts.push(format!("{bad} not to be used"));
    }
    if a.systems.iter().any(|s| s.acquisition.is_some()) {
        parts.push("acquisition".to_owned());
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// A position with its uncertainty.
pub(super) fn place(shape: &Shape) -> String {
    let Some(at) = shape.centre() else { return "nowhere".to_owned() };
    let mut text = format!("{:.5},{:.5}", at.lat, at.lon);
    if let Some(m) = shape.horizontal_uncertainty_m() {
        let _ = write!(text, " ± {m:.0} m");
    }
    if let Some(m) = shape.altitude_m() {
        let _ = write!(text, ", {m:.0} m high");
    }
    text
}

/// The handset's own position.
pub(super) fn own(own: &Own) -> String {
    if own.satellites == 0 {
        return format!("{} (simulated receiver without assistance)", place(&own.shape));
    }
    let letters: String = own.systems.iter().map(|g| g.letter()).collect();
    format!("{} from {} satellites ({letters}), simulated measurement", place(&own.shape), own.satellites)
}

/// What the handset measured.
pub(super) fn measured(set: &GnssMeasurements) -> String {
    let letters: String = Gnss::ALL
        .into_iter()
        .filter(|g| set.satellites.iter().any(|s| s.sat.gnss == *g))
        .map(Gnss::letter)
        .collect();
    format!("code phases of {} satellites ({letters}), simulated", set.satellites.len())
}

/// An A-GNSS error in words.
pub(super) const fn gnss_error(error: GnssError) -> &'static str {
    match error {
        GnssError::Server(ServerErrorCause::NotSupported) => "the server does not support what was asked for",
        GnssError::Server(ServerErrorCause::NotAvailable) => "the server does not have what was asked for",
        GnssError::Server(ServerErrorCause::PartlyNotSupportedPartlyNotAvailable) => {
            "the server does not support or have part of what was asked for"
        }
        GnssError::Server(
            ServerErrorCause::PeriodicNotSupported
            | ServerErrorCause::PeriodicNotAvailable
            | ServerErrorCause::PeriodicPartlyNotSupportedPartlyNotAvailable
            | ServerErrorCause::PeriodicUndelivered,
        ) => "the server does not deliver periodically",
        GnssError::Server(ServerErrorCause::Undefined | ServerErrorCause::Unknown) | GnssError::Unknown => {
            "the server reports an error"
        }
        GnssError::Target(TargetErrorCause::NotEnoughSatellites) => "not enough satellites",
        GnssError::Target(TargetErrorCause::AssistanceDataMissing) => "assistance is missing",
        GnssError::Target(_) => "the handset reports an error",
    }
}

/// What a status code of SUPL END means, in words (OMA-TS-ULP 7.x `StatusCode`).
pub(super) const fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unspecified => "no more is said",
        StatusCode::SystemFailure => "the server failed",
        StatusCode::UnexpectedMessage => "a message was not expected in this state",
        StatusCode::ProtocolError => "a message could not be read",
        StatusCode::DataMissing => "a message lacks what is needed",
        StatusCode::UnexpectedDataValue => "a value is out of range or contradicts another",
        StatusCode::PosMethodFailure => "positioning was tried and gave no position",
        StatusCode::PosMethodMismatch => "handset and server have no positioning method in common",
        StatusCode::PosProtocolMismatch => "handset and server have no positioning protocol in common",
        StatusCode::TargetSetNotReachable => "the handset to be located cannot be reached",
        StatusCode::VersionNotSupported => "the server does not speak this version of SUPL",
        StatusCode::ResourceShortage => "the server is busy",
        StatusCode::InvalidSessionId => "the server does not know this session",
        StatusCode::NonProxyModeNotSupported => "the server has no non-proxy mode",
        StatusCode::ProxyModeNotSupported => "the server has no proxy mode",
        StatusCode::PositioningNotPermitted => "positioning is not permitted",
        StatusCode::AuthNetFailure => "the server does not believe our identity",
        StatusCode::AuthSuplInitFailure => "the answer to SUPL INIT could not be authenticated",
        StatusCode::ConsentDeniedByUser => "the user said no",
        StatusCode::ConsentGrantedByUser => "the user said yes",
        StatusCode::IncompatibleProtectionLevel => "the protection levels do not fit",
        StatusCode::ServiceNotSupported => "the server does not offer this service",
        StatusCode::InsufficientInterval => "the interval is too short",
        StatusCode::NoSuplCoverage => "the server does not serve this place",
        StatusCode::SessionStopped => "the session was stopped",
        StatusCode::AppIdDenied => "the application is not allowed",
        StatusCode::Unknown => "a status of a later version",
    }
}
