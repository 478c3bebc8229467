//! The handset's side of LPP (3GPP TS 37.355): capabilities, assistance, location information.

use std::time::Duration;

use super::error::HandsetError;
use super::findings::{Findings, NoFix};
use super::options::{Goal, Options};
use super::session::Wishes;
use super::{request, summary};
use crate::base::broadcast::Gnss;
use crate::base::time::{GpsTime, Now};
use crate::wire::assist::Initiator;
use crate::wire::lpp::{
    Acknowledgement, AssistanceDataDelivery, AssistanceDataRequest, ErrorCause, GnssError, GnssLocation,
    LocationFailure, LocationReport, LocationRequest, LocationSource, LppBody, LppMessage, TargetErrorCause,
    TransactionId,
};
use crate::wire::measure::MeasurementTime;

/// How long after the assistance a request for the position is awaited before the handset reports by itself.
const UNASKED: Duration = Duration::from_secs(2);
/// How long an answer to a request that was embedded in POS INIT is awaited, once the server has spoken of other things,
/// before it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(1500);
/// Largest difference of the server's time from ours before the server's is used for what the wire truncates.
const OTHER_DATE_S: f64 = 3600.0;
/// Most LPP messages in one SUPL POS.
const PER_POS: usize = 3;

/// Where the exchange of assistance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Assistance {
    /// Not asked for.
    #[default]
    Unasked,
    /// Asked for in this transaction.
    Asked {
        number: u8,
        /// Asked before already.
        again: bool,
    },
    /// All there.
    Complete,
}

/// The LPP exchange of one session.
#[derive(Debug, Default)]
pub(super) struct LppProcedure {
    sequence: u8,
    transaction: u8,
    assistance: Assistance,
    /// A request for the position that waits for the assistance to be complete.
    waiting: Option<(TransactionId, LocationRequest)>,
    reported: bool,
    /// The number of the message last taken, to tell a repetition.
    last: Option<u8>,
}

impl LppProcedure {
    /// What goes along in SUPL POS INIT.
    pub(super) fn open(&mut self, options: &Options) -> Result<Option<Vec<Vec<u8>>>, HandsetError> {
        let transaction = self.next_transaction();
        let capabilities = LppMessage {
            transaction: Some(transaction),
            end: true,
            body: Some(LppBody::ProvideCapabilities(Box::new(request::lpp_capabilities(options)))),
            ..LppMessage::default()
        };
        let mut messages = vec![self.encode(capabilities)?];
        if options.goal.assisted() {
            messages.push(self.ask(options, false)?);
        }
        Ok(Some(messages))
    }

    /// The handset has waited as long as it wished to.
    pub(super) fn wake(
        &mut self,
        now: Now,
        options: &Options,
        found: &mut Findings,
    ) -> Result<Wishes, HandsetError> {
        let mut wishes = Wishes::default();
        match self.assistance {
            Assistance::Asked { again: false, .. } => {
                wishes.notes.push(("again", "the request in SUPL POS INIT was not answered".to_owned()));
                let ask = self.ask(options, true)?;
                wishes.send.push(vec![ask]);
            }
            Assistance::Complete if !self.reported => {
                let transaction = self.next_transaction();
                let report = self.report(now, transaction, None, options, found, &mut wishes)?;
                wishes.send.push(vec![report]);
                wishes.done = true;
            }
            _ => {}
        }
        Ok(wishes)
    }

    /// Takes the messages of one SUPL POS.
    pub(super) fn handle(
        &mut self,
        now: Now,
        payloads: &[Vec<u8>],
        options: &Options,
        found: &mut Findings,
    ) -> Result<Wishes, HandsetError> {
        let mut wishes = Wishes::default();
        let mut answers = Vec::new();
        for octets in payloads {
            let message = match decode(octets, found.gps_time(now)) {
                Ok(message) => message,
                Err(error) => {
                    wishes.notes.push(("unreadable", error.to_string()));
                    let body = Some(LppBody::Error(ErrorCause::MessageBody));
                    answers.push(self.encode(LppMessage { end: true, body, ..LppMessage::default() })?);
                    continue;
                }
            };
            if message.sequence.is_some() && message.sequence == self.last {
                wishes.notes.push(("repeated", "the same LPP message again: not taken twice".to_owned()));
                acknowledge(&message, &mut answers)?;
                continue;
            }
            self.last = message.sequence.or(self.last);
            let before = answers.len();
            self.message(now, &message, options, found, &mut answers, &mut wishes)?;
            if answers.len() == before {
                acknowledge(&message, &mut answers)?;
            }
        }
        if self.assistance == Assistance::Complete
            && let Some((transaction, asked)) = self.waiting.take()
        {
            answers.push(self.report(now, transaction, Some(&asked), options, found, &mut wishes)?);
        }
        wishes.send.extend(answers.chunks(PER_POS).map(<[Vec<u8>]>::to_vec));
        wishes.done = self.reported;
        if options.goal.assisted() && !self.reported {
            wishes.wake = match self.assistance {
                Assistance::Asked { again: false, .. } => Some(ASK_AGAIN),
                Assistance::Complete => Some(UNASKED),
                _ => None,
            };
        }
        Ok(wishes)
    }

    fn message(
        &mut self,
        now: Now,
        message: &LppMessage,
        options: &Options,
        found: &mut Findings,
        answers: &mut Vec<Vec<u8>>,
        wishes: &mut Wishes,
    ) -> Result<(), HandsetError> {
        let ack = acknowledgement(message);
        match &message.body {
            Some(LppBody::RequestCapabilities(_)) => {
                let body = LppBody::ProvideCapabilities(Box::new(request::lpp_capabilities(options)));
                let answer = LppMessage {
                    transaction: message.transaction,
                    end: true,
                    ack,
                    body: Some(body),
                    ..LppMessage::default()
                };
                answers.push(self.encode(answer)?);
                if options.goal.assisted() && self.assistance == Assistance::Unasked {
                    answers.push(self.ask(options, false)?);
                }
            }
            Some(LppBody::ProvideAssistanceData(delivery)) => {
                self.delivered(now, message, delivery, found, wishes);
            }
            Some(LppBody::RequestLocationInformation(asked)) => {
                let Some(transaction) = message.transaction else { return Ok(()) };
                if matches!(self.assistance, Assistance::Asked { .. }) {
                    self.waiting = Some((transaction, (**asked).clone()));
                } else {
                    answers.push(self.report(now, transaction, Some(asked), options, found, wishes)?);
                }
            }
            Some(LppBody::Error(_) | LppBody::Abort(_)) => {
                if matches!(self.assistance, Assistance::Asked { .. }) {
                    self.assistance = Assistance::Complete;
                    found
                        .refused
                        .push("the server answered the request for assistance with an LPP error".to_owned());
                }
            }
            Some(
                LppBody::ProvideCapabilities(_)
                | LppBody::RequestAssistanceData(_)
                | LppBody::ProvideLocationInformation(_)
                | LppBody::Unknown,
            )
            | None => {}
        }
        Ok(())
    }

    fn delivered(
        &mut self,
        now: Now,
        message: &LppMessage,
        delivery: &AssistanceDataDelivery,
        found: &mut Findings,
        wishes: &mut Wishes,
    ) {
        found.add(now, delivery.assistance.clone());
        if let Some(error) = delivery.error {
            found.refused.push(summary::gnss_error(error).to_owned());
        }
        let ours = match (self.assistance, message.transaction) {
            (Assistance::Asked { number, .. }, Some(t)) => {
                t.initiator != Initiator::TargetDevice || t.number == number
            }
            _ => true,
        };
        if ours && delivery.more != Some(true) && (message.end || found.ephemerides() > 0) {
            self.assistance = Assistance::Complete;
            wishes.notes.push(("assistance", summary::assistance(&found.assistance)));
        }
    }

    /// Provide Location Information.
    fn report(
        &mut self,
        now: Now,
        transaction: TransactionId,
        asked: Option<&LocationRequest>,
        options: &Options,
        found: &mut Findings,
        wishes: &mut Wishes,
    ) -> Result<Vec<u8>, HandsetError> {
        let wants_gnss = asked.is_none_or(|a| a.gnss.is_some() || a.ecid.is_none());
        let mut report = LocationReport::default();
        if wants_gnss && options.goal == Goal::Measure {
            match found.measure(now, options) {
                Ok(set) => {
                    wishes.notes.push(("measured", summary::measured(&set)));
                    report.measurements = Some(set);
                }
                Err(why) => {
                    wishes.notes.push(("no measurements", why.to_string()));
                    report.gnss_error = Some(GnssError::Target(target_cause(why)));
                }
            }
        } else if wants_gnss {
            match found.position(now, options) {
                Ok(own) => {
                    wishes.notes.push(("position", summary::own(&own)));
                    report.estimate = Some(own.shape);
                    report.time = Some(own.time.to_utc());
                    report.source = Some(LocationSource { gnss: true, ..LocationSource::default() });
                    report.gnss_location =
                        Some(GnssLocation { time: time_of_day(own.time), systems: own.systems });
                }
                Err(why) => {
                    wishes.notes.push(("no position", why.to_string()));
                    report.error = Some(LocationFailure::MethodFailure);
                    report.gnss_error = Some(GnssError::Target(target_cause(why)));
                }
            }
        }
        if asked.is_some_and(|a| a.ecid.is_some()) {
            // The simulated modem measures no neighbours.
            report.ecid_error = true;
        }
        self.reported = true;
        self.encode(LppMessage {
            transaction: Some(transaction),
            end: true,
            body: Some(LppBody::ProvideLocationInformation(Box::new(report))),
            ..LppMessage::default()
        })
    }

    fn ask(&mut self, options: &Options, again: bool) -> Result<Vec<u8>, HandsetError> {
        let transaction = self.next_transaction();
        self.assistance = Assistance::Asked { number: transaction.number, again };
        let body = AssistanceDataRequest { request: request::assistance(options), more: None };
        self.encode(LppMessage {
            transaction: Some(transaction),
            body: Some(LppBody::RequestAssistanceData(Box::new(body))),
            ..LppMessage::default()
        })
    }

    fn next_transaction(&mut self) -> TransactionId {
        self.transaction = self.transaction.wrapping_add(1);
        TransactionId { initiator: Initiator::TargetDevice, number: self.transaction }
    }

    fn encode(&mut self, mut message: LppMessage) -> Result<Vec<u8>, HandsetError> {
        message.sequence = Some(self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        encode(&message)
    }
}

fn encode(message: &LppMessage) -> Result<Vec<u8>, HandsetError> {
    message.encode().map_err(|source| HandsetError::Encode { message: "LPP", source })
}

/// Reads a message; where it says that the server lives at another date than we do, its truncated times are read by that.
fn decode(octets: &[u8], near: GpsTime) -> Result<LppMessage, crate::wire::DecodeError> {
    let message = LppMessage::decode(octets, near)?;
    if let Some(LppBody::ProvideAssistanceData(d)) = &message.body
        && let Some(t) = &d.assistance.reference_time
        && (t.time - near).abs() > OTHER_DATE_S
    {
        return LppMessage::decode(octets, t.time);
    }
    Ok(message)
}

fn acknowledgement(message: &LppMessage) -> Option<Acknowledgement> {
    message.ack.filter(|a| a.requested)?;
    Some(Acknowledgement { requested: false, indicator: message.sequence })
}

/// A bare acknowledgement, where one was asked for and no answer carries it.
fn acknowledge(message: &LppMessage, answers: &mut Vec<Vec<u8>>) -> Result<(), HandsetError> {
    if let Some(ack) = acknowledgement(message) {
        answers.push(encode(&LppMessage { ack: Some(ack), ..LppMessage::default() })?);
    }
    Ok(())
}

/// The time of a fix as LPP says it: milliseconds of the hour.
fn time_of_day(time: GpsTime) -> MeasurementTime {
    let hour_ns = 3_600_000_000_000;
    MeasurementTime {
        system: Gnss::Gps,
        tod_ms: Some(time.ns().rem_euclid(hour_ns) as f64 * 1e-6),
        modulo_s: 3600,
        uncertainty_s: None,
        gsm_frame: None,
    }
}

const fn target_cause(why: NoFix) -> TargetErrorCause {
    match why {
        NoFix::NoEphemerides => TargetErrorCause::AssistanceDataMissing,
        NoFix::Unsolved(super::solve::SolveError::TooFew(_)) => TargetErrorCause::NotEnoughSatellites,
        NoFix::NoPlace | NoFix::Unsolved(_) => TargetErrorCause::Undefined,
    }
}
