//! SMPP 3.4 on the wire: what an ESME sends and hears.
//!
//! This codec is our own. What is needed is a dozen PDUs, and above all an answer to everything that is *not* well formed: the
//! sequence number of an unknown or broken PDU has to survive, so that it can be refused by `generic_nack` while the
//! connection lives on. `rusmpp`, the maintained codec of SMPP, is a `tokio_util` decoder: its first error ends the stream.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Octets of a header.
pub(super) const HEADER: usize = 16;
/// Longest PDU that is read: `message_payload` may have 64 KiB.
pub(super) const LONGEST: usize = 66_000;
/// Set in the `command_id` of every response.
const RESPONSE: u32 = 0x8000_0000;

/// `command_id` (5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Command(pub(super) u32);

#[allow(missing_docs)]
impl Command {
    pub(super) const GENERIC_NACK: Self = Self(RESPONSE);
    pub(super) const BIND_RECEIVER: Self = Self(0x1);
    pub(super) const BIND_TRANSMITTER: Self = Self(0x2);
    pub(super) const SUBMIT_SM: Self = Self(0x4);
    pub(super) const DELIVER_SM: Self = Self(0x5);
    pub(super) const UNBIND: Self = Self(0x6);
    pub(super) const BIND_TRANSCEIVER: Self = Self(0x9);
    pub(super) const ENQUIRE_LINK: Self = Self(0x15);
    pub(super) const ALERT_NOTIFICATION: Self = Self(0x102);
    pub(super) const DATA_SM: Self = Self(0x103);

    /// The response to this request.
    pub(super) const fn response(self) -> Self {
        Self(self.0 | RESPONSE)
    }

    /// Whether this answers something.
    pub(super) const fn is_response(self) -> bool {
        self.0 & RESPONSE != 0
    }
}

/// A PDU: its header, and its body as octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) command: Command,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Bytes,
}

/// A length field that cannot be; nothing behind it can be found any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a PDU of {0} octets")]
pub(super) struct BadLength(pub(super) u32);

impl Pdu {
    /// A request.
    pub(super) const fn request(command: Command, sequence: u32, body: Bytes) -> Self {
        Self { command, status: 0, sequence, body }
    }

    /// Cuts the first whole PDU off a buffer; `None` when more has to come.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, BadLength> {
        let Some((length, _)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        if !(HEADER..=LONGEST).contains(&(length as usize)) {
            return Err(BadLength(length));
        }
        if buffer.len() < length as usize {
            return Ok(None);
        }
        let mut octets = buffer.split_to(length as usize).freeze();
        octets.advance(4);
        let (command, status, sequence) = (octets.get_u32(), octets.get_u32(), octets.get_u32());
        Ok(Some(Self { command: Command(command), status, sequence, body: octets }))
    }

    /// Appends the PDU to a buffer.
    pub(super) fn put(&self, out: &mut BytesMut) {
        out.reserve(HEADER + self.body.len());
        out.put_u32((HEADER + self.body.len()) as u32);
        out.put_u32(self.command.0);
        out.put_u32(self.status);
        out.put_u32(self.sequence);
        out.put_slice(&self.body);
    }
}

/// A number and its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// Type of number (5.2.5): 1 international, 5 alphanumeric.
    pub(super) ton: u8,
    /// Numbering plan (5.2.6): 1 ISDN (E.164).
    pub(super) npi: u8,
    /// Up to 20 characters.
    pub(super) digits: String,
}

/// `bind_transceiver`, `bind_transmitter`, `bind_receiver` (4.1): all have one body.
pub(super) fn bind(system_id: &str, password: &str, system_type: &str) -> Bytes {
    let mut out = BytesMut::new();
    put_text(&mut out, system_id, 15);
    put_text(&mut out, password, 8);
    put_text(&mut out, system_type, 12);
    // Version 3.4; type, plan and range of addresses: the SMSC's to say.
    out.put_slice(&[0x34, 0, 0, 0]);
    out.freeze()
}

/// `submit_sm` (4.4.1), and `deliver_sm` (4.6.1), which has the same body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShortMessage {
    pub(super) service_type: String,
    pub(super) source: Address,
    pub(super) destination: Address,
    /// 0x40: the message begins with a user data header. 0x04: it is a delivery receipt (5.2.12).
    pub(super) esm_class: u8,
    pub(super) priority: u8,
    /// As in 7.1.1; empty for the SMSC's own.
    pub(super) validity: String,
    pub(super) registered_delivery: u8,
    pub(super) data_coding: u8,
    /// Up to 254 octets.
    pub(super) octets: Vec<u8>,
    /// Optional parameters: tag and value. Written in this order.
    pub(super) tlvs: Vec<(u16, Bytes)>,
}

impl ShortMessage {
    /// The body of a PDU.
    pub(super) fn body(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(80 + self.octets.len());
        put_text(&mut out, &self.service_type, 5);
        put_address(&mut out, &self.source);
        put_address(&mut out, &self.destination);
        out.put_slice(&[self.esm_class, 0, self.priority]);
        // No scheduled time: at once.
        out.put_u8(0);
        put_text(&mut out, &self.validity, 16);
        // Nothing replaced; no canned message.
        out.put_slice(&[self.registered_delivery, 0, self.data_coding, 0]);
        let octets = self.octets.get(..254).unwrap_or(&self.octets);
        out.put_u8(octets.len() as u8);
        out.put_slice(octets);
        for (tag, value) in &self.tlvs {
            out.put_u16(*tag);
            out.put_u16(value.len() as u16);
            out.put_slice(value);
        }
        out.freeze()
    }

    /// Reads the body of a `deliver_sm` or `submit_sm`. `None` when it is not one.
    pub(super) fn read(body: &Bytes) -> Option<Self> {
        let mut f = Fields(body.clone());
        let service_type = f.text(6)?;
        let (source, destination) = (f.address()?, f.address()?);
        let (esm_class, _protocol, priority) = (f.octet()?, f.octet()?, f.octet()?);
        let (_schedule, validity) = (f.text(17)?, f.text(17)?);
        let (registered_delivery, _replace, data_coding, _canned) =
            (f.octet()?, f.octet()?, f.octet()?, f.octet()?);
        let length = f.octet()?;
        let octets = f.octets(length.into())?.to_vec();
        Some(Self {
            service_type,
            source,
            destination,
            esm_class,
            priority,
            validity,
            registered_delivery,
            data_coding,
            octets,
            tlvs: f.tlvs(),
        })
    }

    /// Reads the body of a `data_sm` (4.7.1), which says the same in fewer fields.
    pub(super) fn read_data(body: &Bytes) -> Option<Self> {
        let mut f = Fields(body.clone());
        let service_type = f.text(6)?;
        let (source, destination) = (f.long_address()?, f.long_address()?);
        let (esm_class, registered_delivery, data_coding) = (f.octet()?, f.octet()?, f.octet()?);
        let tlvs = f.tlvs();
        Some(Self {
            service_type,
            source,
            destination,
            esm_class,
            registered_delivery,
            data_coding,
            tlvs,
            ..Self::default()
        })
    }

    /// An optional parameter.
    pub(super) fn tlv(&self, tag: u16) -> Option<&Bytes> {
        self.tlvs.iter().find(|(t, _)| *t == tag).map(|(_, v)| v)
    }
}

/// The `message_id` of a `submit_sm_resp` (4.4.2).
pub(super) fn message_id(body: &Bytes) -> Option<String> {
    Fields(body.clone()).text(65)
}

/// A text with its terminator, cut where the protocol ends it. Nothing that could end it early gets in.
fn put_text(out: &mut BytesMut, text: &str, longest: usize) {
    out.extend(text.bytes().filter(|b| *b != 0).take(longest));
    out.put_u8(0);
}

fn put_address(out: &mut BytesMut, a: &Address) {
    out.put_slice(&[a.ton, a.npi]);
    put_text(out, &a.digits, 20);
}

/// Reads a body from its beginning.
struct Fields(Bytes);

impl Fields {
    fn octet(&mut self) -> Option<u8> {
        let first = *self.0.first()?;
        self.0.advance(1);
        Some(first)
    }

    fn octets(&mut self, n: usize) -> Option<Bytes> {
        (self.0.len() >= n).then(|| self.0.split_to(n))
    }

    /// A text ended by zero, at most `most` octets with the zero. Octets that are no ASCII are shown as such.
    fn text(&mut self, most: usize) -> Option<String> {
        let end = self.0.iter().take(most).position(|b| *b == 0)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Some(text.iter().map(|b| char::from(*b)).collect())
    }

    fn address(&mut self) -> Option<Address> {
        Some(Address { ton: self.octet()?, npi: self.octet()?, digits: self.text(21)? })
    }

    fn long_address(&mut self) -> Option<Address> {
        Some(Address { ton: self.octet()?, npi: self.octet()?, digits: self.text(65)? })
    }

    /// What follows as optional parameters. One that is longer than what is there ends the reading: those before it hold.
    fn tlvs(&mut self) -> Vec<(u16, Bytes)> {
        let mut out = Vec::new();
        while self.0.len() >= 4 {
            let (tag, length) = (self.0.get_u16(), self.0.get_u16());
            let Some(value) = self.octets(length.into()) else { break };
            out.push((tag, value));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> ShortMessage {
        ShortMessage {
            source: Address { ton: 0, npi: 1, digits: "1000".to_owned() },
            destination: Address { ton: 1, npi: 1, digits: "447700900123".to_owned() },
            esm_class: 0x40,
            registered_delivery: 1,
            data_coding: 4,
            octets: vec![6, 5, 4, 0x1c, 0x6b, 0x1c, 0x6b, 0, 1],
            tlvs: vec![(0x0204, Bytes::from_static(&[0, 7]))],
            ..ShortMessage::default()
        }
    }

    #[test]
    fn a_submission_has_the_fields_of_the_standard_in_its_order() {
        let mut out = BytesMut::new();
        Pdu::request(Command::SUBMIT_SM, 7, message().body()).put(&mut out);
        let expected = [
            &[0, 0, 0, 0x40, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7][..],
            b"\0\0\x011000\0\x01\x01447700900123\0",
            &[0x40, 0, 0, 0, 0, 1, 0, 4, 0, 9, 6, 5, 4, 0x1c, 0x6b, 0x1c, 0x6b, 0, 1],
            &[2, 4, 0, 2, 0, 7],
        ]
        .concat();
        assert_eq!(out, expected[..]);
        let pdu = Pdu::take(&mut out).unwrap().unwrap();
        assert_eq!(ShortMessage::read(&pdu.body), Some(message()));
        assert!(out.is_empty());
    }

    #[test]
    fn a_bind_says_version_3_4() {
        assert_eq!(bind("lp", "x", "")[..], *b"lp\0x\0\0\x34\0\0\0");
        assert_eq!(bind(&"s".repeat(40), &"p".repeat(40), &"t".repeat(40)).len(), 16 + 9 + 13 + 4);
    }

    #[test]
    fn pdus_are_cut_wherever_the_stream_was() {
        let mut whole = BytesMut::new();
        for n in 1..=3 {
            Pdu::request(Command::ENQUIRE_LINK, n, Bytes::new()).put(&mut whole);
        }
        let mut buffer = BytesMut::new();
        let mut got = Vec::new();
        for octet in whole {
            buffer.put_u8(octet);
            got.extend(Pdu::take(&mut buffer).unwrap().map(|p| p.sequence));
        }
        assert_eq!(got, [1, 2, 3]);
    }

    #[test]
    fn impossible_lengths_are_refused_before_anything_is_waited_for() {
        for length in [0_u32, 15, 66_001, u32::MAX] {
            let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
            assert_eq!(Pdu::take(&mut buffer), Err(BadLength(length)));
        }
    }

    #[test]
    fn every_cutting_of_a_body_is_taken_or_refused() {
        let body = message().body();
        for end in 0..body.len() {
            let cut = body.slice(..end);
            let read = ShortMessage::read(&cut);
            // The optional parameter alone may be missing or broken off.
            assert_eq!(read.is_some(), end >= body.len() - 6, "{end}");
            let _ = ShortMessage::read_data(&cut);
            let _ = message_id(&cut);
        }
        assert_eq!(message_id(&Bytes::from_static(&[b'1'; 70])), None);
    }

    #[test]
    fn a_text_cannot_end_its_field_early() {
        let m = ShortMessage { service_type: "a\0b".to_owned(), ..message() };
        assert_eq!(ShortMessage::read(&m.body()).unwrap().service_type, "ab");
    }
}
