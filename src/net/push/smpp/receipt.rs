//! Delivery receipts: what became of a message that the SMSC took on, matched to whoever waits for it.
//!
//! A receipt names its message by optional parameters, or in a text of no binding form (SMPP 3.4, appendix B). SMSCs differ:
//! some give an id in hexadecimal digits when they take a message on and in decimal digits in the receipt, some with leading
//! zeros, and some send the receipt before they acknowledge the message. So receipts are kept for a while, and ids are compared
//! as numbers, too; then the receipt must also come from the number that the message went to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::pdu::ShortMessage;

/// `receipted_message_id`.
const TAG_MESSAGE_ID: u16 = 0x001e;
/// `message_payload`.
const TAG_PAYLOAD: u16 = 0x0424;
/// `message_state`.
const TAG_STATE: u16 = 0x0427;
/// Receipts kept for messages that are not yet acknowledged.
const KEPT: usize = 1024;

/// What became of a message (5.2.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The SET has it.
    Delivered,
    /// It never will: EXPIRED 3, DELETED 4, UNDELIVERABLE 5, REJECTED 8.
    Lost(u8),
    /// Not decided.
    Open,
}

impl State {
    const fn of(octet: u8) -> Self {
        match octet {
            2 => Self::Delivered,
            3 | 4 | 5 | 8 => Self::Lost(octet),
            _ => Self::Open,
        }
    }

    fn named(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "DELIVRD" => Self::Delivered,
            "EXPIRED" => Self::Lost(3),
            "DELETED" => Self::Lost(4),
            "UNDELIV" => Self::Lost(5),
            "REJECTD" => Self::Lost(8),
            _ => Self::Open,
        }
    }

    /// Word for metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Lost(3) => "expired",
            Self::Lost(4) => "deleted",
            Self::Lost(8) => "rejected",
            Self::Lost(_) => "undeliverable",
            Self::Open => "open",
        }
    }
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) id: String,
    /// The number that the message went to.
    pub(super) number: String,
    pub(super) state: State,
}

impl Receipt {
    /// Reads a message from the SMSC as a receipt; `None` when it is none.
    pub(super) fn read(message: &ShortMessage) -> Option<Self> {
        let number = message.source.digits.clone();
        let as_text = |octets: &[u8]| octets.iter().map(|b| char::from(*b)).collect::<String>();
        let tagged = message.tlv(TAG_MESSAGE_ID).map(|v| as_text(v).trim_end_matches('\0').to_owned());
        let state = message.tlv(TAG_STATE).and_then(|v| v.first()).map(|s| State::of(*s));
        if let (Some(id), Some(state)) = (&tagged, state) {
            return Some(Self { id: id.clone(), number, state });
        }
        // Bits 2 to 5 of esm_class: delivery receipt, or intermediate notification.
        let kind = message.esm_class & 0x3c;
        if tagged.is_none() && kind != 0x04 && kind != 0x20 {
            return None;
        }
        let text = match message.tlv(TAG_PAYLOAD) {
            Some(payload) => as_text(payload.get(..1024).unwrap_or(payload)),
            None => as_text(&message.octets),
        };
        let id = tagged.or_else(|| field(&text, "id:"))?;
        let state = state.or_else(|| field(&text, "stat:").map(|w| State::named(&w)))?;
        Some(Self { id, number, state })
    }
}

/// The word behind a key, whatever the case of its letters.
fn field(text: &str, key: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    // Only where a word begins: `id:` is also the end of others.
    let at = lower
        .match_indices(key)
        .map(|(i, _)| i)
        .find(|i| *i == 0 || lower.as_bytes().get(i - 1).is_some_and(u8::is_ascii_whitespace))?;
    let word = text.get(at + key.len()..)?.split_ascii_whitespace().next()?;
    (!word.is_empty() && word.len() <= 64).then(|| word.to_owned())
}

/// Forms under which an id may come back. Numbers above 128 bits are compared as texts only.
fn forms(id: &str) -> Vec<String> {
    let mut out = vec![format!("={id}")];
    out.extend(id.parse::<u128>().ok().map(|v| format!("#{v}")));
    out.extend(u128::from_str_radix(id, 16).ok().map(|v| format!("#{v}")));
    out.dedup();
    out
}

/// Whether two writings of a number may mean the same.
fn same_number(a: &str, b: &str) -> bool {
    let bare = |s: &str| s.trim_start_matches(['+', '0']).to_owned();
    let (a, b) = (bare(a), bare(b));
    !a.is_empty() && !b.is_empty() && (a.ends_with(&b) || b.ends_with(&a))
}

struct Waiter {
    number: String,
    forms: Vec<String>,
    tell: oneshot::Sender<State>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    waiting: HashMap<u64, Waiter>,
    by_form: HashMap<String, Vec<u64>>,
    kept: VecDeque<Receipt>,
}

/// Who waits for which receipt; shared by the connections to one SMSC.
#[derive(Clone, Default)]
pub(super) struct Receipts(Arc<Mutex<Inner>>);

impl Receipts {
    /// Takes a receipt in. What is not final is dropped.
    pub(super) fn note(&self, receipt: Receipt) {
        if receipt.state == State::Open {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = inner.find(&receipt).and_then(|token| inner.remove(token)) {
            let _ = waiter.tell.send(receipt.state);
            return;
        }
        if inner.kept.len() >= KEPT {
            inner.kept.pop_front();
        }
        inner.kept.push_back(receipt);
    }

    /// Waits for the receipt of a message that was acknowledged under this id.
    pub(super) fn wait(&self, id: &str, number: &str) -> Waiting {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tell, heard) = oneshot::channel();
        let forms = forms(id);
        let token = inner.next;
        inner.next += 1;
        for form in &forms {
            inner.by_form.entry(form.clone()).or_default().push(token);
        }
        inner.waiting.insert(token, Waiter { number: number.to_owned(), forms, tell });
        let early = inner.kept.iter().position(|r| inner.find(r) == Some(token));
        if let Some(receipt) = early.and_then(|at| inner.kept.remove(at))
            && let Some(waiter) = inner.remove(token)
        {
            let _ = waiter.tell.send(receipt.state);
        }
        Waiting { receipts: self.clone(), token, heard }
    }
}

impl Inner {
    fn find(&self, receipt: &Receipt) -> Option<u64> {
        forms(&receipt.id).iter().find_map(|form| {
            let exact = form.starts_with('=');
            self.by_form.get(form)?.iter().copied().find(|token| {
                exact || self.waiting.get(token).is_some_and(|w| same_number(&w.number, &receipt.number))
            })
        })
    }

    fn remove(&mut self, token: u64) -> Option<Waiter> {
        let waiter = self.waiting.remove(&token)?;
        for form in &waiter.forms {
            if let Some(tokens) = self.by_form.get_mut(form) {
                tokens.retain(|t| *t != token);
                if tokens.is_empty() {
                    self.by_form.remove(form);
                }
            }
        }
        Some(waiter)
    }
}

/// A receipt that is waited for; dropping it ends the waiting.
pub(super) struct Waiting {
    receipts: Receipts,
    token: u64,
    heard: oneshot::Receiver<State>,
}

impl Waiting {
    /// The final state; lasts until it is known.
    pub(super) async fn state(&mut self) -> State {
        match (&mut self.heard).await {
            Ok(state) => state,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.receipts.0.lock().unwrap_or_else(PoisonError::into_inner).remove(self.token);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::pdu::Address;
    use super::*;

    fn from(number: &str, text: &str) -> ShortMessage {
        ShortMessage {
            source: Address { ton: 1, npi: 1, digits: number.to_owned() },
            esm_class: 0x04,
            octets: text.as_bytes().to_vec(),
            ..ShortMessage::default()
        }
    }

    fn receipt(id: &str, number: &str, state: State) -> Receipt {
        Receipt { id: id.to_owned(), number: number.to_owned(), state }
    }

    #[test]
    fn texts_and_parameters_are_read() {
        let text = "id:0000001A sub:001 dlvrd:001 submit date:2611250600 done date:2611250600 stat:DELIVRD err:000 text:";
        let expected = receipt("0000001A", "4477", State::Delivered);
        assert_eq!(Receipt::read(&from("4477", text)), Some(expected));
        let text = "Id:7 Sub:000 Dlvrd:000 Stat:undeliv err:1 Text: id:9";
        assert_eq!(Receipt::read(&from("1", text)), Some(receipt("7", "1", State::Lost(5))));
        let tagged = ShortMessage {
            tlvs: vec![(TAG_MESSAGE_ID, Bytes::from_static(b"abc\0")), (TAG_STATE, Bytes::from_static(&[8]))],
            ..from("1", "")
        };
        assert_eq!(Receipt::read(&tagged), Some(receipt("abc", "1", State::Lost(8))));
        for none in ["", "id: stat:", "hello", "stat:DELIVRD", "id:5", "paid:5 stat:DELIVRD"] {
            assert_eq!(Receipt::read(&from("1", none)), None, "{none}");
        }
        // A message of a subscriber is none, whatever it says.
        let message = ShortMessage { esm_class: 0, ..from("1", "id:7 stat:DELIVRD") };
        assert_eq!(Receipt::read(&message), None);
    }

    #[tokio::test]
    async fn receipts_find_their_messages_in_every_writing() {
        for (acknowledged, told) in
            [("7", "7"), ("1A", "26"), ("26", "1a"), ("00026", "26"), ("a-b", "a-b"), ("1f", "0000001F")]
        {
            let receipts = Receipts::default();
            let mut waiting = receipts.wait(acknowledged, "447700900123");
            receipts.note(receipt("99", "447700900123", State::Delivered));
            receipts.note(receipt(told, "447700900123", State::Open));
            receipts.note(receipt(told, "+447700900123", State::Lost(5)));
            assert_eq!(waiting.state().await, State::Lost(5), "{acknowledged} {told}");
        }
    }

    #[tokio::test]
    async fn a_number_alone_is_no_match_for_another_subscriber() {
        let receipts = Receipts::default();
        let mut waiting = receipts.wait("1A", "447700900123");
        receipts.note(receipt("26", "447700900999", State::Delivered));
        receipts.note(receipt("1A", "447700900123", State::Lost(3)));
        assert_eq!(waiting.state().await, State::Lost(3));
    }

    #[tokio::test]
    async fn a_receipt_may_come_first_and_few_are_kept() {
        let receipts = Receipts::default();
        receipts.note(receipt("5", "1", State::Delivered));
        assert_eq!(receipts.wait("5", "1").state().await, State::Delivered);
        for n in 0..5000 {
            receipts.note(receipt(&n.to_string(), "1", State::Delivered));
        }
        drop(receipts.wait("6000", "1"));
        let inner = receipts.0.lock().unwrap();
        assert_eq!((inner.kept.len(), inner.waiting.len(), inner.by_form.len()), (KEPT, 0, 0));
    }
}
