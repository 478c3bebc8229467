//! Transaction numbers, sequence numbers, acknowledgements (TS 37.355 clause 4.3), and the way into SUPL POS.

use crate::wire::EncodeError;
use crate::wire::assist::Initiator;
use crate::wire::lpp::{Acknowledgement, LppBody, LppMemo, LppMessage, TransactionId};
use crate::wire::ulp::PosPayload;

/// LPP messages in one SUPL POS (OMA ULP `Ver2-PosPayLoad-extension`).
pub(super) const MAX_MESSAGES: usize = 3;

/// The numbers of a session.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Transactions that this side began.
    transactions: u8,
    /// The next sequence number to send, used as soon as the SET has shown that it uses them.
    sequence: u8,
    /// The last one received.
    received: Option<u8>,
    /// Numbers that wait to be acknowledged.
    acknowledge: Vec<u8>,
}

impl Numbering {
    /// Notes a message that came. `false` for one that came before: it is only acknowledged again.
    pub(super) fn receive(&mut self, message: &LppMessage) -> bool {
        let Some(number) = message.sequence else {
            return true;
        };
        if message.ack.is_some_and(|a| a.requested) {
            self.acknowledge.push(number);
        }
        let again = self.received == Some(number) && message.body.is_some();
        self.received = Some(number);
        !again
    }

    /// A new transaction of this side.
    pub(super) fn transaction(&mut self) -> TransactionId {
        self.transactions = self.transactions.wrapping_add(1);
        TransactionId { initiator: Initiator::LocationServer, number: self.transactions }
    }

    /// A message, numbered if the SET numbers its own.
    pub(super) fn message(&mut self, transaction: TransactionId, end: bool, body: LppBody) -> LppMessage {
        LppMessage { transaction: Some(transaction), end, body: Some(body), ..self.blank() }
    }

    /// The numbers alone.
    pub(super) fn blank(&mut self) -> LppMessage {
        let sequence = self.received.map(|_| {
            let n = self.sequence;
            self.sequence = n.wrapping_add(1);
            n
        });
        LppMessage { sequence, ..LppMessage::default() }
    }

    /// Acknowledges what has to be: on messages that are going anyway, and on bare ones for the rest. Asks for
    /// acknowledgements where `request` says so and the SET numbers its messages.
    pub(super) fn acknowledge(&mut self, out: &mut Vec<Outgoing>, request: bool) {
        let mut waiting = std::mem::take(&mut self.acknowledge).into_iter();
        for o in out.iter_mut() {
            let requested = request && o.message.sequence.is_some();
            let indicator = waiting.next();
            if requested || indicator.is_some() {
                o.message.ack = Some(Acknowledgement { requested, indicator });
                o.octets = None;
            }
        }
        out.extend(waiting.map(|indicator| {
            let ack = Some(Acknowledgement { requested: false, indicator: Some(indicator) });
            Outgoing::from(LppMessage { ack, ..LppMessage::default() })
        }));
    }
}

/// A message on its way out, with its octets where they are known already.
#[derive(Debug)]
pub(super) struct Outgoing {
    message: LppMessage,
    octets: Option<Vec<u8>>,
}

impl From<LppMessage> for Outgoing {
    fn from(message: LppMessage) -> Self {
        Self { message, octets: None }
    }
}

impl Outgoing {
    /// A message that has been encoded.
    pub(super) const fn encoded(message: LppMessage, octets: Vec<u8>) -> Self {
        Self { message, octets: Some(octets) }
    }
}

/// Puts messages into payloads: in order, three at most and no more octets than `limit` in each.
pub(super) fn payloads(
    messages: Vec<Outgoing>,
    limit: usize,
    memo: &LppMemo,
) -> Result<Vec<PosPayload>, EncodeError> {
    let mut out: Vec<PosPayload> = Vec::new();
    let mut current: Vec<Vec<u8>> = Vec::new();
    for o in messages {
        let octets = o.octets.map_or_else(|| memo.encode(&o.message), Ok)?;
        let full = current.len() == MAX_MESSAGES
            || current.iter().map(Vec::len).sum::<usize>() + octets.len() > limit;
        if full && !current.is_empty() {
            out.push(PosPayload::Lpp(std::mem::take(&mut current)));
        }
        current.push(octets);
    }
    if !current.is_empty() {
        out.push(PosPayload::Lpp(current));
    }
    Ok(out)
}
