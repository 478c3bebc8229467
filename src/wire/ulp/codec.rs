//! Whole PDUs.

use groma_asn1::types::{BitStr, BitString, FixedBitString, OctetString, SequenceOf};
use groma_asn1::ulp as asn;

use super::{
    ApplicationId, AuthReq, AuthResp, End, MessageKind, NameFormat, Pos, PosInit, PosMethod, PosPayload,
    Response, SessionIds, Start, StatusCode, UlpDecodeError, UlpFault, UlpMessage, UlpPdu, Version,
    capabilities, cells, header, ids, init, position, request,
};
use crate::base::ids::SlpAddress;
use crate::wire::EncodeError;
use crate::wire::bits;

impl UlpPdu {
    /// Reads one PDU, which must fill the octets.
    ///
    /// The major version does not matter as long as the body decodes: a 3.0 header on a message of 2.0 is served.
    ///
    /// # Errors
    /// With as much of the header as could be read.
    pub fn decode(octets: &[u8]) -> Result<Self, UlpDecodeError> {
        let fail = |fault: UlpFault| {
            let h = header::peek(octets);
            UlpDecodeError { fault, version: h.version, session: h.session, kind: h.kind }
        };
        let pdu = asn::decode(octets).map_err(|error| match error {
            groma_asn1::Error::Length { stated, actual } => fail(UlpFault::Length { stated, actual }),
            other => fail(match header::peek(octets).version {
                Some(v) if !(1..=2).contains(&v.maj) => UlpFault::Version(v),
                _ => UlpFault::Malformed(other.to_string()),
            }),
        })?;
        let version = Version { maj: pdu.version.maj, min: pdu.version.min, servind: pdu.version.servind };
        Ok(Self { version, session: ids::session(&pdu.session_id), message: message(pdu.message) })
    }

    /// Writes the PDU, its length filled in.
    ///
    /// # Errors
    /// When a value does not fit its member, or the PDU is longer than 65,535 octets.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let pdu = asn::ULPPDU {
            length: 0,
            version: asn::Version {
                maj: self.version.maj,
                min: self.version.min,
                servind: self.version.servind,
            },
            session_id: ids::from_session(&self.session).ok_or(EncodeError::Missing("session id"))?,
            message: from_message(&self.message, self.version.maj >= 2)?,
        };
        asn::encode(&pdu).map_err(|error| match error {
            groma_asn1::Error::TooLong(octets) => EncodeError::TooLong { protocol: "ULP", octets },
            other => EncodeError::Codec { protocol: "ULP", reason: other.to_string() },
        })
    }

    /// A PDU.
    pub const fn new(version: Version, session: SessionIds, message: UlpMessage) -> Self {
        Self { version, session, message }
    }
}

fn message(m: asn::UlpMessage) -> UlpMessage {
    use MessageKind as Kind;
    UlpMessage::Unserved(match m {
        asn::UlpMessage::msSUPLINIT(m) => return UlpMessage::Init(Box::new(init::decode(&m))),
        asn::UlpMessage::msSUPLSTART(m) => return UlpMessage::Start(Box::new(start(&m))),
        asn::UlpMessage::msSUPLRESPONSE(m) => return UlpMessage::Response(Box::new(response(&m))),
        asn::UlpMessage::msSUPLPOSINIT(m) => return UlpMessage::PosInit(Box::new(pos_init(m))),
        asn::UlpMessage::msSUPLPOS(m) => return UlpMessage::Pos(pos(m)),
        asn::UlpMessage::msSUPLEND(m) => return UlpMessage::End(Box::new(end(&m))),
        asn::UlpMessage::msSUPLAUTHREQ(m) => {
            return UlpMessage::AuthReq(Box::new(AuthReq {
                ver: m.ver.as_ref().map(ids::ver),
                capabilities: m.s_etcapabilities.as_ref().map(capabilities::decode),
            }));
        }
        asn::UlpMessage::msSUPLAUTHRESP(m) => match auth_resp(&m) {
            Some(m) => return UlpMessage::AuthResp(m),
            None => Kind::AuthResp,
        },
        asn::UlpMessage::msSUPLTRIGGEREDSTART(_) => Kind::TriggeredStart,
        asn::UlpMessage::msSUPLTRIGGEREDRESPONSE(_) => Kind::TriggeredResponse,
        asn::UlpMessage::msSUPLTRIGGEREDSTOP(_) => Kind::TriggeredStop,
        asn::UlpMessage::msSUPLNOTIFY(m) => {
            return UlpMessage::Notify(Box::new(init::notification(&m.notification)));
        }
        asn::UlpMessage::msSUPLNOTIFYRESPONSE(m) => {
            return UlpMessage::NotifyResponse(
                m.notification_response.map(|r| r == asn::NotificationResponse::allowed),
            );
        }
        asn::UlpMessage::msSUPLSETINIT(_) => Kind::SetInit,
        asn::UlpMessage::msSUPLREPORT(_) => Kind::Report,
        asn::UlpMessage::unknown_ext(m) => Kind::Unknown(u8::try_from(m.index).unwrap_or(u8::MAX)),
    })
}

fn from_message(m: &UlpMessage, v2: bool) -> Result<asn::UlpMessage, EncodeError> {
    Ok(match m {
        UlpMessage::Init(m) => asn::UlpMessage::msSUPLINIT(init::encode(m, v2)?),
        UlpMessage::Start(m) => asn::UlpMessage::msSUPLSTART(from_start(m, v2)?),
        UlpMessage::Response(m) => asn::UlpMessage::msSUPLRESPONSE(from_response(m, v2)?),
        UlpMessage::PosInit(m) => asn::UlpMessage::msSUPLPOSINIT(from_pos_init(m, v2)?),
        UlpMessage::Pos(m) => asn::UlpMessage::msSUPLPOS(from_pos(m)?),
        UlpMessage::End(m) => asn::UlpMessage::msSUPLEND(from_end(m, v2)?),
        UlpMessage::AuthReq(m) => asn::UlpMessage::msSUPLAUTHREQ(asn::SUPLAUTHREQ {
            ver: m.ver.map(ids::from_ver),
            s_etcapabilities: m.capabilities.as_ref().map(|c| capabilities::encode(c, v2)),
        }),
        UlpMessage::AuthResp(m) => asn::UlpMessage::msSUPLAUTHRESP(from_auth_resp(m)?),
        UlpMessage::Notify(m) => asn::UlpMessage::msSUPLNOTIFY(asn::Ver2SUPLNOTIFY {
            notification: init::from_notification(m, v2)?,
        }),
        UlpMessage::NotifyResponse(allowed) => {
            asn::UlpMessage::msSUPLNOTIFYRESPONSE(asn::Ver2SUPLNOTIFYRESPONSE {
                notification_response: allowed.map(|allowed| {
                    if allowed {
                        asn::NotificationResponse::allowed
                    } else {
                        asn::NotificationResponse::notAllowed
                    }
                }),
            })
        }
        UlpMessage::Unserved(kind) => return Err(EncodeError::NotWritable(kind.name())),
    })
}

fn start(m: &asn::SUPLSTART) -> Start {
    let e = m.ver2_supl_start_extension.as_ref();
    Start {
        capabilities: capabilities::decode(&m.s_etcapabilities),
        location_ids: cells::decode(&m.location_id, e.and_then(|e| e.multiple_location_ids.as_ref())),
        qop: m.qo_p.as_ref().map(position::qop),
        third_parties: e.and_then(|e| e.third_party.as_ref()).map_or(0, |t| t.0.len()),
        application: e.and_then(|e| e.application_id.as_ref()).map(|a| ApplicationId {
            provider: ids::text(a.app_provider.as_iso646_bytes()),
            name: ids::text(a.app_name.as_iso646_bytes()),
            version: a.app_version.as_ref().map(|v| ids::text(v.as_iso646_bytes())),
        }),
        position: e.and_then(|e| e.position.as_ref()).and_then(position::decode),
    }
}

fn from_start(m: &Start, v2: bool) -> Result<asn::SUPLSTART, EncodeError> {
    let (location_id, multiple_location_ids) = cells::encode(&m.location_ids);
    let ia5 = |s: &str| {
        ids::ia5(s).ok_or(EncodeError::Codec {
            protocol: "ULP",
            reason: "an application id is not ASCII".to_owned(),
        })
    };
    let application_id = match &m.application {
        Some(a) => Some(asn::ApplicationID {
            app_provider: ia5(&a.provider)?,
            app_name: ia5(&a.name)?,
            app_version: a.version.as_deref().map(ia5).transpose()?,
        }),
        None => None,
    };
    let extension = asn::Ver2SUPLSTARTExtension {
        multiple_location_ids,
        third_party: None,
        application_id,
        position: m.position.as_ref().and_then(position::encode),
    };
    Ok(asn::SUPLSTART {
        s_etcapabilities: capabilities::encode(&m.capabilities, v2),
        location_id,
        qo_p: m.qop.as_ref().map(|q| position::from_qop(q, v2)),
        ver2_supl_start_extension: kept(extension, v2),
    })
}

/// `None` when it names no SPC.
fn auth_resp(m: &asn::SUPLAUTHRESP) -> Option<AuthResp> {
    let octets = |b: &BitStr| -> Option<[u8; 16]> {
        let mut halves = b.chunks_exact(64).map(|half| bits::number(half).to_be_bytes());
        let (high, low) = (halves.next()?, halves.next()?);
        [high, low].concat().try_into().ok()
    };
    Some(AuthResp {
        key: octets(&m.s_pcsetkey.0)?,
        rand: octets(&m.spctid.rand)?,
        slp: ids::text(m.spctid.slp_fqdn.0.as_iso646_bytes()).parse().ok()?,
        lifetime_h: m.s_pcsetkeylifetime.as_ref().map(|l| l.0),
    })
}

fn from_auth_resp(m: &AuthResp) -> Result<asn::SUPLAUTHRESP, EncodeError> {
    let Some(asn::SLPAddress::fqdn(slp_fqdn)) = ids::from_slp_address(&SlpAddress::Fqdn(m.slp.clone()))
    else {
        return Err(EncodeError::Missing("name of the SPC"));
    };
    let mut key = FixedBitString::<128>::ZERO;
    for (i, octet) in m.key.iter().enumerate() {
        for bit in 0..8 {
            key.set(i * 8 + bit, octet >> (7 - bit) & 1 == 1);
        }
    }
    Ok(asn::SUPLAUTHRESP {
        s_pcsetkey: asn::SPCSETKey(key),
        spctid: asn::SPCTID { rand: BitString::from_slice(&m.rand), slp_fqdn },
        s_pcsetkeylifetime: m.lifetime_h.map(asn::SPCSETKeylifetime),
    })
}

/// An extension of 2.0, unless the version is older or there is nothing in it.
pub(super) fn kept<T: Default + PartialEq>(extension: T, v2: bool) -> Option<T> {
    (v2 && extension != T::default()).then_some(extension)
}

fn response(m: &asn::SUPLRESPONSE) -> Response {
    let e = m.ver2_supl_response_extension.as_ref();
    Response {
        pos_method: pos_method(m.pos_method),
        slp_address: m.s_lpaddress.as_ref().and_then(ids::slp_address),
        networks: e.and_then(|e| e.supported_network_information.as_ref()).map(capabilities::networks),
        initial_position: e.and_then(|e| e.initial_approximateposition.as_ref()).and_then(position::decode),
        gnss: e.and_then(|e| e.gnss_pos_technology.as_ref()).map(capabilities::gnss),
    }
}

fn from_response(m: &Response, v2: bool) -> Result<asn::SUPLRESPONSE, EncodeError> {
    let extension = asn::Ver2SUPLRESPONSEExtension {
        supported_network_information: m.networks.map(capabilities::from_networks),
        s_pcsetkey: None,
        spctid: None,
        s_pcsetkeylifetime: None,
        initial_approximateposition: m.initial_position.as_ref().and_then(position::encode),
        gnss_pos_technology: m.gnss.map(capabilities::from_gnss),
    };
    Ok(asn::SUPLRESPONSE {
        pos_method: from_pos_method(m.pos_method)?,
        s_lpaddress: m.slp_address.as_ref().and_then(ids::from_slp_address),
        s_etauth_key: None,
        key_identity4: None,
        ver2_supl_response_extension: kept(extension, v2),
    })
}

fn pos_init(m: asn::SUPLPOSINIT) -> PosInit {
    let more = m.ver2_supl_pos_init_extension.as_ref().and_then(|e| e.multiple_location_ids.as_ref());
    PosInit {
        capabilities: capabilities::decode(&m.s_etcapabilities),
        assistance: m.requested_assist_data.as_ref().map(request::decode),
        location_ids: cells::decode(&m.location_id, more),
        position: m.position.as_ref().and_then(position::decode),
        pos: m.suplpos.map(pos),
        ver: m.ver.as_ref().map(ids::ver),
    }
}

fn from_pos_init(m: &PosInit, v2: bool) -> Result<asn::SUPLPOSINIT, EncodeError> {
    let (location_id, multiple_location_ids) = cells::encode(&m.location_ids);
    let extension = asn::Ver2SUPLPOSINITExtension {
        multiple_location_ids,
        utran_gpsreference_time_result: None,
        utran_ganssreference_time_result: None,
    };
    Ok(asn::SUPLPOSINIT {
        s_etcapabilities: capabilities::encode(&m.capabilities, v2),
        requested_assist_data: m.assistance.as_ref().map(|r| request::encode(r, v2)),
        location_id,
        position: m.position.as_ref().and_then(position::encode),
        suplpos: m.pos.as_ref().map(from_pos).transpose()?,
        ver: m.ver.map(ids::from_ver),
        ver2_supl_pos_init_extension: kept(extension, v2),
    })
}

fn pos(m: asn::SUPLPOS) -> Pos {
    let payload = match m.pos_pay_load {
        asn::PosPayLoad::rrlpPayload(o) => PosPayload::Rrlp(o.to_vec()),
        asn::PosPayLoad::rrcPayload(o) => PosPayload::Rrc(o.to_vec()),
        asn::PosPayLoad::tia801payload(o) => PosPayload::Tia801(vec![o.to_vec()]),
        asn::PosPayLoad::ver2_PosPayLoad_extension(e) => match (e.l_pppayload, e.tia801_payload) {
            (None, Some(l)) => PosPayload::Tia801(l.0.iter().map(|o| o.0.to_vec()).collect()),
            (l, _) => PosPayload::Lpp(l.iter().flat_map(|l| &l.0).map(|o| o.0.to_vec()).collect()),
        },
        asn::PosPayLoad::unknown_ext(_) => PosPayload::Unknown,
    };
    Pos { payload, velocity: m.velocity.as_ref().and_then(position::velocity) }
}

fn from_pos(m: &Pos) -> Result<asn::SUPLPOS, EncodeError> {
    let octets = |o: &Vec<u8>| OctetString::from(o.as_slice());
    let ext = asn::PosPayLoad::ver2_PosPayLoad_extension;
    let pos_pay_load = match &m.payload {
        PosPayload::Rrlp(o) => asn::PosPayLoad::rrlpPayload(octets(o)),
        PosPayload::Rrc(o) => asn::PosPayLoad::rrcPayload(octets(o)),
        PosPayload::Lpp(l) => {
            let list: SequenceOf<_> =
                l.iter().map(|o| asn::AnonymousVer2PosPayLoadExtensionLPPPayload(octets(o))).collect();
            ext(asn::Ver2PosPayLoadExtension {
                l_pppayload: (!list.is_empty()).then_some(asn::Ver2PosPayLoadExtensionLPPPayload(list)),
                tia801_payload: None,
            })
        }
        PosPayload::Tia801(l) => match l.as_slice() {
            [one] if one.len() <= 8192 => asn::PosPayLoad::tia801payload(octets(one)),
            l => ext(asn::Ver2PosPayLoadExtension {
                l_pppayload: None,
                tia801_payload: Some(asn::Ver2PosPayLoadExtensionTia801Payload(
                    l.iter().map(|o| asn::AnonymousVer2PosPayLoadExtensionTia801Payload(octets(o))).collect(),
                )),
            }),
        },
        PosPayload::Unknown => return Err(EncodeError::NotWritable("unknown payload")),
    };
    Ok(asn::SUPLPOS {
        pos_pay_load,
        velocity: m.velocity.as_ref().map(position::from_velocity),
        ver2_supl_pos_extension: None,
    })
}

fn end(m: &asn::SUPLEND) -> End {
    let e = m.ver2_supl_end_extension.as_ref();
    End {
        position: m.position.as_ref().and_then(position::decode),
        status: m.status_code.map(status),
        ver: m.ver.as_ref().map(ids::ver),
        capabilities: e.and_then(|e| e.s_etcapabilities.as_ref()).map(capabilities::decode),
        high_accuracy: e
            .and_then(|e| e.ver2_high_accuracy_position.as_ref())
            .and_then(position::high_accuracy),
    }
}

fn from_end(m: &End, v2: bool) -> Result<asn::SUPLEND, EncodeError> {
    let extension = asn::Ver2SUPLENDExtension {
        s_etcapabilities: m.capabilities.as_ref().map(|c| capabilities::encode(c, v2)),
        ver2_high_accuracy_position: m.high_accuracy.as_ref().and_then(position::from_high_accuracy),
    };
    Ok(asn::SUPLEND {
        position: m.position.as_ref().and_then(position::encode),
        status_code: m.status.map(|s| from_status(s, v2)).transpose()?,
        ver: m.ver.map(ids::from_ver),
        ver2_supl_end_extension: kept(extension, v2),
    })
}

/// Both directions of an enumeration: what is not listed becomes `Unknown`, which cannot be written.
macro_rules! enumeration {
    ($from:ident, $to:ident, $asn:ident, $ours:ident, $what:literal, $($theirs:ident = $mine:ident),+ $(,)?) => {
        pub(super) fn $from(v: asn::$asn) -> $ours {
            match v {
                $(asn::$asn::$theirs => $ours::$mine,)+
                _ => $ours::Unknown,
            }
        }

        pub(super) fn $to(v: $ours) -> Result<asn::$asn, EncodeError> {
            Ok(match v {
                $($ours::$mine => asn::$asn::$theirs,)+
                $ours::Unknown => return Err(EncodeError::NotWritable($what)),
            })
        }
    };
}

enumeration!(
    name_format,
    from_name_format,
    FormatIndicator,
    NameFormat,
    "unknown name format",
    logicalName = LogicalName,
    e_mailAddress = Email,
    msisdn = Msisdn,
    url = Url,
    sipUrl = SipUrl,
    min = Min,
    mdn = Mdn,
    iMSPublicidentity = ImsPublicIdentity,
);

enumeration!(
    pos_method,
    from_pos_method,
    PosMethod,
    PosMethod,
    "unknown position method",
    agpsSETassisted = AgpsSetAssisted,
    agpsSETbased = AgpsSetBased,
    agpsSETassistedpref = AgpsSetAssistedPreferred,
    agpsSETbasedpref = AgpsSetBasedPreferred,
    autonomousGPS = AutonomousGps,
    aflt = Aflt,
    ecid = Ecid,
    eotd = Eotd,
    otdoa = Otdoa,
    noPosition = NoPosition,
    ver2_historicalDataRetrieval = HistoricalData,
    ver2_agnssSETassisted = AgnssSetAssisted,
    ver2_agnssSETbased = AgnssSetBased,
    ver2_agnssSETassistedpref = AgnssSetAssistedPreferred,
    ver2_agnssSETbasedpref = AgnssSetBasedPreferred,
    ver2_autonomousGNSS = AutonomousGnss,
    ver2_sessioninfoquery = SessionInfoQuery,
    ver2_mbs = Mbs,
);

enumeration!(
    status,
    to_status,
    StatusCode,
    StatusCode,
    "unknown status code",
    unspecified = Unspecified,
    systemFailure = SystemFailure,
    unexpectedMessage = UnexpectedMessage,
    protocolError = ProtocolError,
    dataMissing = DataMissing,
    unexpectedDataValue = UnexpectedDataValue,
    posMethodFailure = PosMethodFailure,
    posMethodMismatch = PosMethodMismatch,
    posProtocolMismatch = PosProtocolMismatch,
    targetSETnotReachable = TargetSetNotReachable,
    versionNotSupported = VersionNotSupported,
    resourceShortage = ResourceShortage,
    invalidSessionId = InvalidSessionId,
    nonProxyModeNotSupported = NonProxyModeNotSupported,
    proxyModeNotSupported = ProxyModeNotSupported,
    positioningNotPermitted = PositioningNotPermitted,
    authNetFailure = AuthNetFailure,
    authSuplinitFailure = AuthSuplInitFailure,
    consentDeniedByUser = ConsentDeniedByUser,
    consentGrantedByUser = ConsentGrantedByUser,
    ver2_incompatibleProtectionLevel = IncompatibleProtectionLevel,
    ver2_serviceNotSupported = ServiceNotSupported,
    ver2_insufficientInterval = InsufficientInterval,
    ver2_noSUPLCoverage = NoSuplCoverage,
    ver2_sessionStopped = SessionStopped,
    ver2_appIdDenied = AppIdDenied,
);

fn from_status(s: StatusCode, v2: bool) -> Result<asn::StatusCode, EncodeError> {
    to_status(if v2 || s.in_version_1() { s } else { StatusCode::Unspecified })
}
