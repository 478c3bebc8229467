//! The handset's side of RRLP (3GPP TS 44.031): assistance and its acknowledgement, position requests, capabilities.

use super::error::HandsetError;
use super::findings::{Findings, NoFix, Own};
use super::options::{Goal, Options};
use super::session::Wishes;
use super::solve::SolveError;
use super::{request, summary};
use crate::base::broadcast::Gnss;
use crate::base::time::{GpsTime, Now};
use crate::wire::assist::{GnssModes, SignalSet};
use crate::wire::measure::MeasurementTime;
use crate::wire::rrlp::{
    self, ErrorCause, LocationError, LocationErrorReason, LocationInfo, MethodType, MsrPositionReq,
    MsrPositionRsp, PosCapability, ProtocolError, RrlpComponent, RrlpPdu,
};

/// Largest difference of the server's time from ours before the server's is used for what the wire truncates.
const OTHER_DATE_S: f64 = 3600.0;

/// The RRLP exchange of one session.
#[derive(Debug, Default)]
pub(super) struct RrlpProcedure {
    reported: bool,
}

impl RrlpProcedure {
    /// Takes the PDU of one SUPL POS.
    pub(super) fn handle(
        &mut self,
        now: Now,
        octets: &[u8],
        options: &Options,
        found: &mut Findings,
    ) -> Result<Wishes, HandsetError> {
        let mut wishes = Wishes::default();
        let pdu = match decode(octets, found.gps_time(now)) {
            Ok(pdu) => pdu,
            Err(error) => {
                wishes.notes.push(("unreadable", error.to_string()));
                let reference = octets.first().map_or(0, |o| o >> 5);
                let cause = ErrorCause::IncorrectData;
                answer(
                    &mut wishes,
                    reference,
                    RrlpComponent::ProtocolError(ProtocolError { cause, extended: None }),
                )?;
                return Ok(wishes);
            }
        };
        let reference = pdu.reference;
        match pdu.component {
            RrlpComponent::AssistanceData(data) => {
                found.add(now, data.assistance);
                if data.more != Some(true) {
                    wishes.notes.push(("assistance", summary::assistance(&found.assistance)));
                }
                answer(&mut wishes, reference, RrlpComponent::AssistanceDataAck)?;
            }
            RrlpComponent::MsrPositionReq(asked) => {
                let brought = !asked.assistance.is_empty();
                found.add(now, asked.assistance.clone());
                if brought {
                    wishes.notes.push(("assistance", summary::assistance(&found.assistance)));
                }
                let response = respond(now, &asked, options, found, &mut wishes);
                answer(&mut wishes, reference, RrlpComponent::MsrPositionRsp(Box::new(response)))?;
                self.reported = true;
            }
            RrlpComponent::PosCapabilityReq(extended) => {
                let capability = capability(options, extended);
                answer(&mut wishes, reference, RrlpComponent::PosCapabilityRsp(Box::new(capability)))?;
            }
            RrlpComponent::ProtocolError(_) => {
                found.refused.push("the server answered with an RRLP protocol error".to_owned());
            }
            RrlpComponent::MsrPositionRsp(_)
            | RrlpComponent::AssistanceDataAck
            | RrlpComponent::PosCapabilityRsp(_) => {
                wishes
                    .notes
                    .push(("unexpected", "a component that only a handset sends is ignored".to_owned()));
            }
            RrlpComponent::Unknown => {
                let cause = ErrorCause::MissingComponent;
                answer(
                    &mut wishes,
                    reference,
                    RrlpComponent::ProtocolError(ProtocolError { cause, extended: None }),
                )?;
            }
        }
        wishes.done = self.reported;
        Ok(wishes)
    }
}

fn answer(wishes: &mut Wishes, reference: u8, component: RrlpComponent) -> Result<(), HandsetError> {
    let octets = RrlpPdu { reference, component }
        .encode()
        .map_err(|source| HandsetError::Encode { message: "RRLP", source })?;
    wishes.send.push(vec![octets]);
    Ok(())
}

/// Reads a PDU; where it says that the server lives at another date than we do, its truncated times are read by that.
fn decode(octets: &[u8], near: GpsTime) -> Result<RrlpPdu, crate::wire::DecodeError> {
    let pdu = RrlpPdu::decode(octets, near)?;
    let time = match &pdu.component {
        RrlpComponent::AssistanceData(d) => d.assistance.reference_time.as_ref(),
        RrlpComponent::MsrPositionReq(r) => r.assistance.reference_time.as_ref(),
        _ => None,
    };
    match time {
        Some(t) if (t.time - near).abs() > OTHER_DATE_S => RrlpPdu::decode(octets, t.time),
        _ => Ok(pdu),
    }
}

fn respond(
    now: Now,
    asked: &MsrPositionReq,
    options: &Options,
    found: &mut Findings,
    wishes: &mut Wishes,
) -> MsrPositionRsp {
    let mut response = MsrPositionRsp { extended: asked.extended, ..MsrPositionRsp::default() };
    if options.goal == Goal::Measure {
        return measured(now, response, options, found, wishes);
    }
    if asked.instruct.method_type == MethodType::MsAssisted {
        wishes
            .notes
            .push(("no position", "the server asks for measurements, which were not offered".to_owned()));
        response.error =
            Some(LocationError { reason: LocationErrorReason::MethodNotSupported, needed: None });
        return response;
    }
    match found.position(now, options) {
        Ok(own) => {
            wishes.notes.push(("position", summary::own(&own)));
            response.location = Some(location_info(own));
        }
        Err(why) => {
            wishes.notes.push(("no position", why.to_string()));
            let asks = matches!(why, NoFix::NoEphemerides) && options.goal.assisted();
            response.error = Some(LocationError {
                reason: reason(why),
                needed: asks.then(|| request::assistance(options)),
            });
        }
    }
    response
}

fn measured(
    now: Now,
    mut response: MsrPositionRsp,
    options: &Options,
    found: &mut Findings,
    wishes: &mut Wishes,
) -> MsrPositionRsp {
    match found.measure(now, options) {
        Ok(set) => {
            wishes.notes.push(("measured", summary::measured(&set)));
            response.gps = vec![set.clone()];
            response.ganss = vec![set];
        }
        Err(why) => {
            wishes.notes.push(("no measurements", why.to_string()));
            let asks = matches!(why, NoFix::NoEphemerides);
            response.error = Some(LocationError {
                reason: reason(why),
                needed: asks.then(|| request::assistance(options)),
            });
        }
    }
    response
}

fn location_info(own: Own) -> LocationInfo {
    // GPS time of week in milliseconds modulo four hours (TS 44.031 A.3.2.5 `gpsTOW`).
    let ms = own.time.ns().div_euclid(1_000_000).rem_euclid(14_400_000);
    LocationInfo {
        time: MeasurementTime {
            system: Gnss::Gps,
            tod_ms: Some(ms as f64),
            modulo_s: 14_400,
            uncertainty_s: None,
            gsm_frame: None,
        },
        three_d: true,
        shape: own.shape,
        systems: Vec::new(),
        eotd: false,
        stationary: None,
    }
}

const fn reason(why: NoFix) -> LocationErrorReason {
    match why {
        NoFix::NoEphemerides => LocationErrorReason::GpsDataMissing,
        NoFix::Unsolved(SolveError::TooFew(_)) => LocationErrorReason::NotEnoughSatellites,
        NoFix::NoPlace | NoFix::Unsolved(_) => LocationErrorReason::Undefined,
    }
}

fn capability(options: &Options, extended: rrlp::ExtendedReference) -> PosCapability {
    let modes = request::modes(options);
    let ganss = options.gnss.iter().filter(|g| **g != Gnss::Gps).map(|g| (*g, modes, SignalSet::FIRST));
    PosCapability {
        extended,
        gps: if options.gnss.contains(&Gnss::Gps) { modes } else { GnssModes::default() },
        eotd: false,
        ganss: ganss.collect(),
        needed: options.goal.assisted().then(|| request::assistance(options)),
    }
}
