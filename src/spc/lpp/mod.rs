//! LPP in SUPL: capabilities, assistance, location information (TS 37.355 clauses 4 and 5; OMA ULP `SUPL POS`).
//!
//! ```text
//!   SET                                            SLP
//!    │ [requestAssistanceData in POS INIT] ───────────►│
//!    │ ◄─ provideAssistanceData (its transaction, end) │  the answer first,
//!    │    requestCapabilities or                       │  then, in the same SUPL POS, what this side wants next
//!    │    requestLocationInformation (our transaction) │
//!    │ provideCapabilities ───────────────────────────►│
//!    │ provideLocationInformation ────────────────────►│
//! ```
//!
//! Two habits of clients shape the order. Some read only the first PDU of what arrives together, so no SUPL POS is sent
//! that nothing has asked for: what this side wants travels behind an answer. And some follow their capabilities with a
//! request for assistance in a PDU of its own; they are given a moment for it (`request_grace`) before they are asked for
//! their position.

mod requests;
mod transactions;

use std::time::Duration;

use super::assist::{Built, Lacking, build, pack};
use super::assisted::{self, Measured};
use super::ecid;
use super::method::{Mode, Protocol};
use super::procedure::{Conclusion, Context, Next, Step};
use crate::base::GpsTime;
use crate::wire::assist::{Assistance, AssistanceRequest};
use crate::wire::lpp::{
    AssistanceDataDelivery, AssistanceDataRequest, Capabilities, ErrorCause, GnssError, LocationReport,
    LppBody, LppMessage, ServerErrorCause, TargetErrorCause, TransactionId,
};
use crate::wire::ulp::PosPayload;
use transactions::{MAX_MESSAGES, Numbering, Outgoing};

/// How many messages that make no sense are answered before the session ends.
const MAX_ERRORS: u8 = 3;
/// How many messages of a request or an answer in segments are put together.
const MAX_SEGMENTS: u8 = 16;
/// Octets that an acknowledgement, and a transaction where there is none yet, may add to a message.
const ACKNOWLEDGEMENT: usize = 8;
/// How often a SET may be asked for its position: once more after it has been given assistance that it lacked.
const MAX_ASKED: u8 = 2;

/// What is known of the SET's capabilities.
#[derive(Debug, Default)]
enum Knowledge {
    /// Not asked yet.
    #[default]
    Nothing,
    /// Asked for.
    Asked,
    /// Told, or the SET did not want to tell.
    Told(Box<Capabilities>),
}

/// The LPP side of a session.
#[derive(Debug, Default)]
pub struct LppProcedure {
    numbering: Numbering,
    knowledge: Knowledge,
    /// The SET asked for assistance by itself, and this is the transaction in which it last did.
    asked_in: Option<TransactionId>,
    /// Segments of a request that is not complete.
    request: Option<(TransactionId, AssistanceRequest, u8)>,
    /// It asked for periodic delivery.
    periodic: bool,
    /// The moment of grace after the capabilities is running.
    grace: bool,
    /// Requests for the position: how many, and the transaction of the last.
    location: Option<TransactionId>,
    asked: u8,
    assisted: bool,
    positioned: bool,
    measured: Measured,
    errors: u8,
    over: Option<Conclusion>,
}

impl LppProcedure {
    pub(super) fn start(
        &mut self,
        ctx: &Context<'_>,
        request: Option<&AssistanceRequest>,
        embedded: Option<&PosPayload>,
    ) -> Step {
        let mut step = Step::default();
        let mut out = Vec::new();
        if let Some(PosPayload::Lpp(messages)) = embedded {
            self.take_all(ctx, messages, &mut out, &mut step);
        }
        // A request in POS INIT itself speaks for the same wish; one in LPP is the more exact of the two.
        if let Some(r) = request
            && self.asked_in.is_none()
            && !r.is_empty()
        {
            self.unasked(ctx, r, &mut out, &mut step);
        }
        self.conclude(ctx, out, step)
    }

    pub(super) fn receive(&mut self, ctx: &Context<'_>, payload: &PosPayload) -> Step {
        let PosPayload::Lpp(messages) = payload else {
            return Step::over(Conclusion::Broken);
        };
        let mut step = Step::default();
        let mut out = Vec::new();
        self.take_all(ctx, messages, &mut out, &mut step);
        self.conclude(ctx, out, step)
    }

    pub(super) fn timeout(&mut self, ctx: &Context<'_>) -> Step {
        if self.grace {
            self.grace = false;
            return self.conclude(ctx, Vec::new(), Step::default());
        }
        let wanted_position = self.location.is_some();
        Step::over(match (self.positioned, self.assisted && !wanted_position) {
            (true, _) => Conclusion::Position,
            (false, true) => Conclusion::Assisted,
            (false, false) => Conclusion::NoPosition,
        })
    }

    fn take_all(
        &mut self,
        ctx: &Context<'_>,
        messages: &[Vec<u8>],
        out: &mut Vec<Outgoing>,
        step: &mut Step,
    ) {
        for octets in messages.iter().take(MAX_MESSAGES) {
            match ctx.memo.decode(octets, ctx.now.gps()) {
                Ok(message) => self.take(ctx, message, out, step),
                Err(_) => self.complain(None, ErrorCause::MessageBody, out),
            }
        }
    }

    /// One message from the SET.
    fn take(&mut self, ctx: &Context<'_>, message: LppMessage, out: &mut Vec<Outgoing>, step: &mut Step) {
        if !self.numbering.receive(&message) {
            return;
        }
        let transaction = message.transaction;
        match (message.body, transaction) {
            (None, _) => {}
            (Some(LppBody::ProvideCapabilities(c)), _) => self.capabilities(*c),
            (Some(LppBody::RequestAssistanceData(r)), Some(t)) => self.assistance(ctx, t, *r, out, step),
            (Some(LppBody::ProvideLocationInformation(r)), t) => {
                self.location_report(ctx, t, &r, message.end, out, step);
            }
            (Some(LppBody::Abort(_) | LppBody::Error(_)), t) => self.aborted(t),
            (Some(LppBody::Unknown), t) => self.complain(t, ErrorCause::MessageBody, out),
            // Requests to a SET, from a SET; and requests outside a transaction.
            (Some(_), t) => self.complain(t, ErrorCause::MessageHeader, out),
        }
    }

    fn capabilities(&mut self, told: Capabilities) {
        let more = told.more == Some(true);
        match &mut self.knowledge {
            Knowledge::Told(known) if known.more == Some(true) => requests::merge(known, told),
            knowledge => *knowledge = Knowledge::Told(Box::new(told)),
        }
        // Without a request for assistance yet, one may be on its way.
        self.grace = !more && self.asked_in.is_none() && self.location.is_none();
    }

    fn assistance(
        &mut self,
        ctx: &Context<'_>,
        transaction: TransactionId,
        asked: AssistanceDataRequest,
        out: &mut Vec<Outgoing>,
        step: &mut Step,
    ) {
        let mut request = asked.request;
        let mut segments = 1;
        if let Some((t, before, n)) = self.request.take()
            && t == transaction
        {
            request = requests::join(before, request);
            segments = n + 1;
        }
        if asked.more == Some(true) && segments < MAX_SEGMENTS {
            self.request = Some((transaction, request, segments));
            return;
        }
        self.asked_in = Some(transaction);
        self.grace = false;
        let built = build(&request, &ctx.ground(Protocol::Lpp));
        self.periodic |= built.lacking.periodic;
        self.deliver(ctx, transaction, built, out, step);
    }

    /// Sends assistance that was not asked for in LPP, in a transaction of this side.
    fn unasked(
        &mut self,
        ctx: &Context<'_>,
        request: &AssistanceRequest,
        out: &mut Vec<Outgoing>,
        step: &mut Step,
    ) {
        let mut built = build(request, &ctx.ground(Protocol::Lpp));
        if built.assistance.is_empty() {
            return;
        }
        built.lacking = Lacking::default();
        let transaction = self.numbering.transaction();
        self.deliver(ctx, transaction, built, out, step);
    }

    /// Puts assistance into messages: one, unless it is too long. A SET that cannot take segments gets the first and most
    /// useful part, and is told that there is no more.
    fn deliver(
        &mut self,
        ctx: &Context<'_>,
        transaction: TransactionId,
        built: Built,
        out: &mut Vec<Outgoing>,
        step: &mut Step,
    ) {
        step.count(&built);
        self.assisted |= !built.assistance.is_empty();
        let limit = ctx.policy.lpp_payload_max.saturating_sub(ACKNOWLEDGEMENT);
        let Built { assistance, mut lacking } = built;
        let whole = provide(assistance, error(lacking), None);
        let message = self.numbering.message(transaction, true, whole);
        if let Some(octets) = ctx.memo.encode(&message).ok().filter(|octets| octets.len() <= limit) {
            out.push(Outgoing::encoded(message, octets));
            return;
        }
        let Some(LppBody::ProvideAssistanceData(whole)) = message.body else { return };
        let fits = |a: &Assistance| {
            let body = provide(a.clone(), Some(GnssError::Server(ServerErrorCause::Undefined)), Some(true));
            let message =
                LppMessage { sequence: message.sequence, body: Some(body), ..LppMessage::default() };
            message.encode().is_ok_and(|octets| octets.len() + ACKNOWLEDGEMENT <= limit)
        };
        let mut parts = pack(whole.assistance, fits);
        if parts.len() > 1 && !self.takes_segments() {
            parts.truncate(1);
            lacking.unavailable = true;
        }
        if parts.is_empty() {
            parts.push(Assistance::default());
            lacking.unavailable = true;
        }
        let last = parts.len() - 1;
        let cut = last > 0;
        // The number that was drawn for the whole goes to the first part.
        let mut sequence = Some(message.sequence);
        for (i, assistance) in parts.into_iter().enumerate() {
            let error = if i == last { error(lacking) } else { None };
            let body = provide(assistance, error, cut.then_some(i < last));
            let numbers = match sequence.take() {
                Some(sequence) => LppMessage { sequence, ..LppMessage::default() },
                None => self.numbering.blank(),
            };
            let message =
                LppMessage { transaction: Some(transaction), end: i == last, body: Some(body), ..numbers };
            out.push(message.into());
        }
    }

    fn takes_segments(&self) -> bool {
        match &self.knowledge {
            Knowledge::Told(c) => c.segmentation.is_some_and(|s| s.server_to_target),
            _ => false,
        }
    }

    fn location_report(
        &mut self,
        ctx: &Context<'_>,
        transaction: Option<TransactionId>,
        report: &LocationReport,
        end: bool,
        out: &mut Vec<Outgoing>,
        step: &mut Step,
    ) {
        let answers = transaction.is_some() && transaction == self.location;
        let wants_assistance = report.gnss_error
            == Some(GnssError::Target(TargetErrorCause::AssistanceDataMissing))
            && report.estimate.is_none();
        let more = report.more == Some(true) || report.early_fix == Some(true);
        let says_something = requests::says_something(report);
        step.cells.extend_from_slice(&report.ecid);
        if let Some(shape) = report.estimate.clone() {
            let measured = report.measurements.as_ref().map(|m| m.time);
            let fix_time = report.gnss_location.as_ref().map(|l| l.time).or(measured);
            let said = report.time.and_then(|t| ctx.believable(t)).map(GpsTime::from_utc);
            let time = said.or_else(|| fix_time.and_then(|t| t.resolve(ctx.now.gps())));
            let mut estimate = ctx.estimate(shape, report.velocity, time);
            if let Some(method) = requests::method(report) {
                estimate.method = method;
            }
            step.estimates.push(estimate);
            self.positioned = true;
        }
        self.measured.take(ctx, report.measurements.iter());
        if more {
            return;
        }
        let mut wants_assistance = wants_assistance;
        if !self.positioned && self.measured.is_fresh() {
            match self.measured.position(ctx) {
                Ok(estimate) => {
                    step.estimates.push(estimate);
                    self.positioned = true;
                    wants_assistance = false;
                }
                Err(why) => wants_assistance |= answers && assisted::once_more(why),
            }
        }
        if wants_assistance && answers && self.asked < MAX_ASKED {
            self.help(ctx, out, step);
        } else if self.positioned {
            self.over = Some(Conclusion::Position);
        } else if answers || says_something && self.location.is_some() {
            self.over = Some(Conclusion::NoPosition);
        } else if self.assisted && transaction.is_some() && transaction == self.asked_in {
            // A SET that closes its own request for assistance with an empty report has what it came for.
            self.over = Some(Conclusion::Assisted);
        } else if end && says_something {
            self.over = Some(Conclusion::NoPosition);
        }
    }

    /// The SET lacks assistance: what its capabilities allow is sent, and its position is asked for once more.
    fn help(&mut self, ctx: &Context<'_>, out: &mut Vec<Outgoing>, step: &mut Step) {
        let before = out.len();
        let request = self.default_request(ctx);
        self.unasked(ctx, &request, out, step);
        if out.len() == before {
            self.over = Some(Conclusion::NoPosition);
        } else {
            self.ask_position(ctx, out);
        }
    }

    fn aborted(&mut self, transaction: Option<TransactionId>) {
        let of_location = transaction.is_none() || transaction == self.location;
        if of_location && self.location.is_some() {
            self.over = Some(if self.positioned { Conclusion::Position } else { Conclusion::NoPosition });
        } else if matches!(self.knowledge, Knowledge::Asked) {
            // It does not tell its capabilities: what ULP says of them has to do.
            self.knowledge = Knowledge::Told(Box::default());
        }
        if self.request.as_ref().is_some_and(|(t, ..)| Some(*t) == transaction) {
            self.request = None;
        }
    }

    fn complain(&mut self, transaction: Option<TransactionId>, cause: ErrorCause, out: &mut Vec<Outgoing>) {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.over = Some(Conclusion::Broken);
            return;
        }
        let body = Some(LppBody::Error(cause));
        out.push(LppMessage { transaction, end: true, body, ..self.numbering.blank() }.into());
    }

    /// Adds what this side wants next, and says what to wait for.
    fn conclude(&mut self, ctx: &Context<'_>, mut out: Vec<Outgoing>, mut step: Step) -> Step {
        let next = match self.over {
            Some(Conclusion::Broken) => return Step { next: Next::Over(Conclusion::Broken), ..step },
            Some(conclusion) => Next::Over(conclusion),
            None => self.advance(ctx, &mut out, &mut step),
        };
        self.numbering.acknowledge(&mut out, ctx.policy.lpp_acknowledge);
        step.next = next;
        match transactions::payloads(out, ctx.policy.lpp_payload_max, ctx.memo) {
            Ok(payloads) => step.send = payloads,
            Err(_) => step.next = Next::Over(Conclusion::NoPosition),
        }
        step
    }

    fn advance(&mut self, ctx: &Context<'_>, out: &mut Vec<Outgoing>, step: &mut Step) -> Next {
        let waiting = if out.is_empty() { Next::Same } else { Next::Reply };
        match &self.knowledge {
            Knowledge::Nothing => {
                let transaction = self.numbering.transaction();
                out.push(self.numbering.message(transaction, false, requests::capabilities()).into());
                self.knowledge = Knowledge::Asked;
                Next::Reply
            }
            Knowledge::Asked => waiting,
            Knowledge::Told(c) if c.more == Some(true) => waiting,
            Knowledge::Told(_) if self.grace && ctx.mode != Mode::Cell => {
                Next::Grace(ctx.policy.request_grace)
            }
            Knowledge::Told(_) if self.location.is_some() => {
                if out.is_empty() {
                    Next::Same
                } else {
                    Next::Position(ctx.response_time())
                }
            }
            Knowledge::Told(_) if self.request.is_some() => waiting,
            // Of the cell alone there is nothing to ask of a SET that does not measure it.
            Knowledge::Told(c) if ctx.mode == Mode::Cell && c.ecid.and_then(ecid::wanted).is_none() => {
                Next::Over(Conclusion::NoPosition)
            }
            Knowledge::Told(_) => {
                if !self.assisted
                    && self.asked_in.is_none()
                    && !matches!(ctx.mode, Mode::Autonomous | Mode::Cell)
                {
                    let request = self.default_request(ctx);
                    self.unasked(ctx, &request, out, step);
                }
                if !ctx.policy.ask_position {
                    return Next::Over(Conclusion::Assisted);
                }
                self.ask_position(ctx, out);
                Next::Position(ctx.response_time())
            }
        }
    }

    fn ask_position(&mut self, ctx: &Context<'_>, out: &mut Vec<Outgoing>) {
        let transaction = self.numbering.transaction();
        let told = match &self.knowledge {
            Knowledge::Told(c) => Some(&**c),
            _ => None,
        };
        let body = requests::location(ctx, told, self.periodic);
        out.push(self.numbering.message(transaction, false, body).into());
        self.location = Some(transaction);
        self.asked += 1;
    }

    fn default_request(&self, ctx: &Context<'_>) -> AssistanceRequest {
        match &self.knowledge {
            Knowledge::Told(c) => requests::assistance(c, ctx),
            _ => AssistanceRequest::default(),
        }
    }
}

fn provide(assistance: Assistance, error: Option<GnssError>, more: Option<bool>) -> LppBody {
    LppBody::ProvideAssistanceData(Box::new(AssistanceDataDelivery {
        assistance,
        error,
        periodic: None,
        more,
    }))
}

/// What is missing, in LPP's words (TS 37.355 `GNSS-LocationServerErrorCauses`).
fn error(lacking: Lacking) -> Option<GnssError> {
    Some(GnssError::Server(match lacking {
        Lacking { periodic: true, .. } => ServerErrorCause::PeriodicNotSupported,
        Lacking { unsupported: true, unavailable: true, .. } => {
            ServerErrorCause::PartlyNotSupportedPartlyNotAvailable
        }
        Lacking { unsupported: true, .. } => ServerErrorCause::NotSupported,
        Lacking { unavailable: true, .. } => ServerErrorCause::NotAvailable,
        Lacking { .. } => return None,
    }))
}

/// Time that a SET is given beyond its response time is the session's ST3; this is what LPP can say of it.
pub(super) const LONGEST_RESPONSE: Duration = Duration::from_secs(128);
