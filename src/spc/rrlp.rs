//! RRLP in SUPL: assistance, then the request for a position, then the answer (TS 44.031 clause 2; OMA ULP `SUPL POS`).
//!
//! ```text
//!   SET                                  SLP
//!    │ ◄───── assistanceData (reference n)   │  everything asked for, in one piece where it fits
//!    │ assistanceDataAck (n) ───────────────►│  only now a further piece, or:
//!    │ ◄───── msrPositionReq (n+1)           │
//!    │ msrPositionRsp (n+1) ────────────────►│  position, measurements, or an error that asks for more assistance
//! ```
//!
//! Simple clients read one assistanceData and leave, without acknowledging and whatever `moreAssDataToBeSent` says; so
//! nothing is split that fits, and a piece beyond the first waits for the acknowledgement of the one before.

use std::collections::VecDeque;
use std::time::Duration;

use super::assist::{build, pack};
use super::assisted::{self, Measured};
use super::method::{Mode, Protocol};
use super::procedure::{Conclusion, Context, Next, Step};
use crate::wire::assist::{Assistance, AssistanceRequest};
use crate::wire::rrlp::{
    AssistanceData, ErrorCause, LocationError, Method, MethodType, MsrPositionReq, MsrPositionRsp,
    PositionInstruct, ProtocolError, PseudoSegment, RrlpComponent, RrlpPdu,
};
use crate::wire::ulp::PosPayload;

/// How often a SET may ask for more assistance before it is given up.
const MAX_ROUNDS: u8 = 3;
/// How many messages that make no sense are answered before the session ends.
const MAX_ERRORS: u8 = 3;
/// Horizontal accuracy asked of a SET that was not told one, metres.
const DEFAULT_ACCURACY_M: f64 = 50.0;

/// What is awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaiting {
    /// The procedure has not begun, or is over.
    #[default]
    Nothing,
    /// The acknowledgement of assistance data.
    Ack,
    /// The response to a Measure Position Request.
    Position,
    /// Its second half.
    SecondHalf,
}

/// The RRLP side of a session.
#[derive(Debug, Default)]
pub struct RrlpProcedure {
    awaiting: Awaiting,
    /// Reference number of the last request sent.
    reference: u8,
    /// Pieces of assistance that wait for the acknowledgement of the one before.
    queue: VecDeque<Assistance>,
    rounds: u8,
    errors: u8,
    positioned: bool,
    measured: Measured,
}

impl RrlpProcedure {
    pub(super) fn start(
        &mut self,
        ctx: &Context<'_>,
        request: Option<&AssistanceRequest>,
        embedded: Option<&PosPayload>,
    ) -> Step {
        let mut step = Step::default();
        if let Some(payload) = embedded {
            // A SET that begins by itself can only report; a report that settles the matter ends it here.
            self.awaiting = Awaiting::Position;
            if let PosPayload::Rrlp(octets) = payload {
                self.reference = RrlpPdu::peek_reference(octets).unwrap_or_default();
            }
            let first = self.receive(ctx, payload);
            if matches!(first.next, Next::Over(Conclusion::Position)) {
                return first;
            }
            step.estimates = first.estimates;
        }
        match request {
            Some(r) if !r.is_empty() => self.assist(ctx, r, &mut step),
            // A SET that measures and asks for nothing is told where to look all the same.
            None if assisted::measures(ctx.mode) && ctx.reference.is_some() => {
                self.assist(ctx, &assisted::needs(ctx.systems().into_iter(), false), &mut step);
            }
            _ => self.ask(ctx, &mut step),
        }
        step
    }

    pub(super) fn receive(&mut self, ctx: &Context<'_>, payload: &PosPayload) -> Step {
        let PosPayload::Rrlp(octets) = payload else {
            return Step::over(Conclusion::Broken);
        };
        if let Ok(pdu) = RrlpPdu::decode(octets, ctx.now.gps()) {
            self.message(ctx, pdu)
        } else {
            let reference = RrlpPdu::peek_reference(octets).unwrap_or(self.reference);
            self.complain(reference, ErrorCause::Undefined)
        }
    }

    fn message(&mut self, ctx: &Context<'_>, pdu: RrlpPdu) -> Step {
        if pdu.reference != self.reference && self.awaiting != Awaiting::Nothing {
            return self.stray(&pdu);
        }
        match (self.awaiting, pdu.component) {
            (Awaiting::Ack, RrlpComponent::AssistanceDataAck) => self.acknowledged(ctx),
            // A SET that answers assistance with a position has no use for the request.
            (
                Awaiting::Ack | Awaiting::Position | Awaiting::SecondHalf,
                RrlpComponent::MsrPositionRsp(rsp),
            ) => self.response(ctx, &rsp),
            (_, RrlpComponent::ProtocolError(_)) => self.refused(ctx),
            (_, RrlpComponent::AssistanceDataAck | RrlpComponent::PosCapabilityRsp(_)) => {
                Step { next: Next::Same, ..Step::default() }
            }
            _ => self.complain(pdu.reference, ErrorCause::IncorrectData),
        }
    }

    /// A message with another reference than the last one sent.
    fn stray(&mut self, pdu: &RrlpPdu) -> Step {
        let before = (self.reference + 7) % 8;
        let repeated = pdu.reference == before
            && matches!(pdu.component, RrlpComponent::AssistanceDataAck | RrlpComponent::MsrPositionRsp(_));
        if repeated || matches!(pdu.component, RrlpComponent::ProtocolError(_)) {
            // The answer to an earlier request, once more or late.
            return Step { next: Next::Same, ..Step::default() };
        }
        self.complain(pdu.reference, ErrorCause::UnknownReference)
    }

    /// Sends the assistance asked for; or the request for a position where there is nothing to send.
    fn assist(&mut self, ctx: &Context<'_>, request: &AssistanceRequest, step: &mut Step) {
        let built = build(request, &ctx.ground(Protocol::Rrlp));
        if built.assistance.is_empty() {
            return self.ask(ctx, step);
        }
        step.count(&built);
        let limit = ctx.policy.rrlp_payload_max;
        let reference = self.advance();
        let octets = |a: &Assistance, more| {
            let encoded = assistance_data(reference, a.clone(), more).encode();
            encoded.ok().filter(|octets| octets.len() <= limit)
        };
        // Nearly always everything fits, and then `moreAssDataToBeSent` is left out.
        if let Some(whole) = octets(&built.assistance, None) {
            step.send.push(PosPayload::Rrlp(whole));
            return self.await_ack(step);
        }
        let mut parts = VecDeque::from(pack(built.assistance, |a| octets(a, Some(true)).is_some()));
        let first = parts.pop_front();
        self.queue = parts;
        match first.and_then(|a| octets(&a, (!self.queue.is_empty()).then_some(true))) {
            Some(first) => {
                step.send.push(PosPayload::Rrlp(first));
                self.await_ack(step);
            }
            None => self.ask(ctx, step),
        }
    }

    fn await_ack(&mut self, step: &mut Step) {
        self.awaiting = Awaiting::Ack;
        step.next = Next::Reply;
    }

    /// Sends the next piece of assistance; after the last one, the request for a position.
    fn acknowledged(&mut self, ctx: &Context<'_>) -> Step {
        let mut step = Step::default();
        let Some(piece) = self.queue.pop_front() else {
            self.ask(ctx, &mut step);
            return step;
        };
        let more = Some(!self.queue.is_empty());
        let reference = self.advance();
        if push(&assistance_data(reference, piece, more), &mut step) {
            self.await_ack(&mut step);
        } else {
            self.queue.clear();
            self.ask(ctx, &mut step);
        }
        step
    }

    /// Asks for the position.
    fn ask(&mut self, ctx: &Context<'_>, step: &mut Step) {
        if !ctx.policy.ask_position {
            step.next = Next::Over(Conclusion::Assisted);
            return;
        }
        let response_time = ctx.response_time();
        let reference = self.advance();
        let request = MsrPositionReq {
            instruct: PositionInstruct {
                method_type: method_type(ctx),
                accuracy_m: Some(ctx.qop.and_then(|q| q.horizontal_m).unwrap_or(DEFAULT_ACCURACY_M)),
                method: Method::Gps,
                response_time,
                multiple_sets: assisted::measures(ctx.mode),
                environment: None,
            },
            assistance: Assistance::default(),
            extended: None,
            velocity: ctx.version_2,
            systems: other_systems(ctx),
            required_response: None,
            gps_time_measurement: false,
            multi_frequency: false,
        };
        let component = RrlpComponent::MsrPositionReq(Box::new(request));
        if push(&RrlpPdu { reference, component }, step) {
            self.awaiting = Awaiting::Position;
            step.next = Next::Position(power_of_two(response_time));
        } else {
            step.next = Next::Over(Conclusion::NoPosition);
        }
    }

    fn response(&mut self, ctx: &Context<'_>, rsp: &MsrPositionRsp) -> Step {
        let mut step = Step::default();
        if let Some(found) = &rsp.location {
            let time = found.time.resolve(ctx.now.gps());
            step.estimates.push(ctx.estimate(found.shape.clone(), rsp.velocity, time));
            self.positioned = true;
        }
        self.measured.take(ctx, rsp.gps.iter().chain(&rsp.ganss));
        if rsp.segment == Some(PseudoSegment::First) && self.awaiting != Awaiting::SecondHalf {
            self.awaiting = Awaiting::SecondHalf;
            step.next = Next::Reply;
            return step;
        }
        self.awaiting = Awaiting::Nothing;
        if !self.positioned && self.measured.is_fresh() {
            match self.measured.position(ctx) {
                Ok(estimate) => {
                    step.estimates.push(estimate);
                    self.positioned = true;
                }
                Err(why) if assisted::once_more(why) => {
                    self.insufficient(ctx, rsp.error.as_ref(), &mut step);
                    return step;
                }
                Err(_) => {}
            }
        }
        match &rsp.error {
            Some(error) if !self.positioned => self.failed(ctx, error, &mut step),
            _ if self.positioned => step.next = Next::Over(Conclusion::Position),
            _ => step.next = Next::Over(Conclusion::NoPosition),
        }
        step
    }

    /// Measurements that make no position: more assistance, and then once more.
    fn insufficient(&mut self, ctx: &Context<'_>, error: Option<&LocationError>, step: &mut Step) {
        self.rounds += 1;
        if self.rounds >= MAX_ROUNDS {
            step.next = Next::Over(Conclusion::NoPosition);
            return;
        }
        match error.and_then(|e| e.needed.as_ref()) {
            Some(needed) if !needed.is_empty() => self.assist(ctx, needed, step),
            _ => self.assist(ctx, &assisted::needs(ctx.systems().into_iter(), true), step),
        }
    }

    /// No position; perhaps with more assistance.
    fn failed(&mut self, ctx: &Context<'_>, error: &LocationError, step: &mut Step) {
        self.rounds += 1;
        let more = self.rounds < MAX_ROUNDS && (error.needed.is_some() || error.reason.wants_assistance());
        if !more {
            step.next = Next::Over(Conclusion::NoPosition);
            return;
        }
        match &error.needed {
            Some(needed) if !needed.is_empty() => self.assist(ctx, needed, step),
            _ if assisted::measures(ctx.mode) => {
                self.assist(ctx, &assisted::needs(ctx.systems().into_iter(), true), step);
            }
            _ => self.assist(ctx, &basics(), step),
        }
        // Where there was nothing to send, asking once more would bring the same answer.
        if !step.assisted {
            step.send.clear();
            step.next = Next::Over(Conclusion::NoPosition);
        }
    }

    /// The SET could not read what it was sent. Of assistance that leaves the request for a position; after that, nothing.
    fn refused(&mut self, ctx: &Context<'_>) -> Step {
        let mut step = Step::default();
        match self.awaiting {
            Awaiting::Ack => {
                self.queue.clear();
                self.ask(ctx, &mut step);
            }
            _ => step.next = Next::Over(Conclusion::NoPosition),
        }
        step
    }

    fn complain(&mut self, reference: u8, cause: ErrorCause) -> Step {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            return Step::over(Conclusion::Broken);
        }
        let mut step = Step { next: Next::Same, ..Step::default() };
        let component = RrlpComponent::ProtocolError(ProtocolError { cause, extended: None });
        push(&RrlpPdu { reference, component }, &mut step);
        step
    }

    pub(super) fn timeout(&mut self) -> Step {
        Step::over(match self.awaiting {
            _ if self.positioned => Conclusion::Position,
            Awaiting::Ack => Conclusion::Assisted,
            _ => Conclusion::NoPosition,
        })
    }

    fn advance(&mut self) -> u8 {
        self.reference = (self.reference + 1) % 8;
        self.reference
    }
}

fn push(pdu: &RrlpPdu, step: &mut Step) -> bool {
    let octets = pdu.encode();
    let ok = octets.is_ok();
    step.send.extend(octets.ok().map(PosPayload::Rrlp));
    ok
}

fn assistance_data(reference: u8, assistance: Assistance, more: Option<bool>) -> RrlpPdu {
    let data = AssistanceData { assistance, more, extended: None };
    RrlpPdu { reference, component: RrlpComponent::AssistanceData(Box::new(data)) }
}

/// What a SET needs that says no more than that GPS data is missing.
fn basics() -> AssistanceRequest {
    use crate::base::broadcast::{Gnss, KlobucharArea};
    use crate::wire::assist::{IonosphereRequest, NavigationRequest, ReferenceTimeRequest};
    let mut r = AssistanceRequest {
        reference_time: Some(ReferenceTimeRequest::default()),
        reference_location: true,
        ionosphere: Some(IonosphereRequest {
            klobuchar: vec![KlobucharArea::World],
            ..IonosphereRequest::default()
        }),
        ..AssistanceRequest::default()
    };
    r.system_mut(Gnss::Gps).navigation = Some(NavigationRequest::default());
    r
}

fn method_type(ctx: &Context<'_>) -> MethodType {
    let both = ctx.capabilities.gps.ms_assisted && ctx.policy.methods.set_assisted;
    match ctx.mode {
        Mode::SetAssisted => MethodType::MsAssisted,
        Mode::SetBased if both => MethodType::MsBasedPreferred,
        _ => MethodType::MsBased,
    }
}

/// The systems to name; none where there is but GPS, which the request means anyway.
fn other_systems(ctx: &Context<'_>) -> Vec<crate::base::broadcast::Gnss> {
    let systems = ctx.systems();
    if systems == [crate::base::broadcast::Gnss::Gps] { Vec::new() } else { systems }
}

/// RRLP's response times are powers of two, not longer than asked (TS 44.031 `MeasureResponseTime`).
fn power_of_two(d: Duration) -> Duration {
    let s = d.as_secs().clamp(1, 128);
    Duration::from_secs(1 << s.ilog2())
}
