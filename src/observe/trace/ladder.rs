//! Recorded sessions as text.

use std::fmt::Write as _;

use groma_asn1::inspect;
use groma_asn1::ulp::UlpMessage;

use super::{Direction, TracedSession};

/// The name of the message in a PDU, as OMA ULP spells it, or what is wrong with it.
pub fn message_name(pdu: &[u8]) -> &'static str {
    use UlpMessage as M;
    let Ok(pdu) = groma_asn1::ulp::decode(pdu) else { return "not a ULP message" };
    match pdu.message {
        M::msSUPLINIT(_) => "SUPL INIT",
        M::msSUPLSTART(_) => "SUPL START",
        M::msSUPLRESPONSE(_) => "SUPL RESPONSE",
        M::msSUPLPOSINIT(_) => "SUPL POS INIT",
        M::msSUPLPOS(_) => "SUPL POS",
        M::msSUPLEND(_) => "SUPL END",
        M::msSUPLAUTHREQ(_) => "SUPL AUTH REQ",
        M::msSUPLAUTHRESP(_) => "SUPL AUTH RESP",
        M::msSUPLTRIGGEREDSTART(_) => "SUPL TRIGGERED START",
        M::msSUPLTRIGGEREDRESPONSE(_) => "SUPL TRIGGERED RESPONSE",
        M::msSUPLTRIGGEREDSTOP(_) => "SUPL TRIGGERED STOP",
        M::msSUPLNOTIFY(_) => "SUPL NOTIFY",
        M::msSUPLNOTIFYRESPONSE(_) => "SUPL NOTIFY RESPONSE",
        M::msSUPLSETINIT(_) => "SUPL SET INIT",
        M::msSUPLREPORT(_) => "SUPL REPORT",
        M::unknown_ext(_) => "a message of a later release",
    }
}

/// The value of a PDU as JSON, with the RRLP and LPP messages inside it decoded, too; or why it has none.
pub fn decoded(pdu: &[u8]) -> String {
    match inspect::decode(inspect::Pdu::Ulp, pdu, true) {
        Ok(value) => format!("{value:#}"),
        Err(e) => e.to_string(),
    }
}

/// Width of the arrows' column.
const WIDTH: usize = 36;

impl TracedSession {
    /// One line for a list of sessions.
    pub fn summary(&self) -> String {
        let s = &self.subject;
        let [a, b, c, d] = s.session;
        format!(
            "{:>6}  {}  {a:02x}{b:02x}{c:02x}{d:02x}  {:<3}  {:>3} messages  {:>6} octets  {}",
            self.number,
            s.opened,
            s.transport,
            self.pdus.len(),
            self.octets,
            if self.ended { "ended" } else { "running" },
        )
    }

    /// The ladder: one arrow for each message; when `deep`, with its value below it as JSON.
    pub fn ladder(&self, deep: bool) -> String {
        let s = &self.subject;
        let mut out = format!("{}\nSET {}  SLP {}\n\n", self.summary().trim_start(), s.peer, s.local);
        for pdu in &self.pdus {
            let after = pdu.time.since(s.opened).as_secs_f64();
            let name = message_name(&pdu.bytes);
            let arrow = match pdu.direction {
                Direction::FromTarget => format!("SET {:─<WIDTH$}► SLP", format!("── {name} ")),
                Direction::ToTarget => format!("SET ◄{:─<WIDTH$} SLP", format!("─ {name} ")),
            };
            let _ = writeln!(out, "{after:>9.3} s  {arrow}  {} octets", pdu.bytes.len());
            if deep {
                for line in decoded(&pdu.bytes).lines() {
                    let _ = writeln!(out, "             {line}");
                }
            }
        }
        if self.dropped > 0 {
            let _ = writeln!(out, "             {} more messages were not kept", self.dropped);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::TracedPdu;
    use super::super::tests::subject;
    use super::*;
    use crate::base::Utc;
    use crate::wire::ulp::{End, SessionIds, StatusCode, UlpMessage as Message, UlpPdu, Version};

    #[test]
    fn a_ladder_names_and_decodes_what_it_can() {
        let end = UlpPdu::new(
            Version::V2,
            SessionIds { set: None, slp: None },
            Message::End(Box::new(End::with(StatusCode::ResourceShortage))),
        );
        let pdu = |direction, bytes: Vec<u8>| TracedPdu {
            time: Utc::from_unix_ns(1_700_000_000_012_000_000),
            direction,
            bytes: bytes.into(),
        };
        let session = TracedSession {
            number: 7,
            subject: subject(),
            pdus: vec![
                pdu(Direction::FromTarget, vec![0, 5, 1, 2, 3]),
                pdu(Direction::ToTarget, end.encode().unwrap()),
            ],
            dropped: 2,
            octets: 20,
            ended: false,
        };
        let text = session.ladder(true);
        assert!(text.contains("0.012 s  SET ── not a ULP message ─"), "{text}");
        assert!(text.contains("SET ◄─ SUPL END ─"), "{text}");
        assert!(text.contains(r#""statusCode": "resourceShortage""#), "{text}");
        assert!(text.contains("2 more messages"), "{text}");
        assert!(text.contains("running"), "{text}");
        assert!(!session.ladder(false).contains("statusCode"));
    }
}
