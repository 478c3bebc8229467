//! A session machine that does as the PDUs it gets say: the third octet of each is an order.

use std::time::{Duration, Instant};

use groma::base::{Now, Utc};
use groma::net::{Admission, Machine};
use groma::slc::{Action, Env, Flow, FrameFault, Input, Outcome, Params, SessionRecord, Stages};

/// Answer with the same PDU.
pub(super) const ECHO: u8 = 1;
/// Answer with the same PDU and close.
pub(super) const END: u8 = 2;
/// Answer with the same PDU three times.
pub(super) const THRICE: u8 = 3;
/// Answer with [`LARGE_LEN`] octets.
pub(super) const LARGE: u8 = 4;
/// Time out at once.
pub(super) const HURRY: u8 = 5;
/// Answer with the first name of the peer's certificate.
pub(super) const WHO: u8 = 6;

/// Said when the stream could not be framed; the fault follows.
pub(super) const SAID_UNFRAMED: u8 = 0xe0;
/// Said when the machine timed out.
pub(super) const SAID_TIMEOUT: u8 = 0xe1;
/// Said when the server stopped.
pub(super) const SAID_SHUTDOWN: u8 = 0xe2;
/// Said when the session was refused.
pub(super) const SAID_REFUSED: u8 = 0xe3;

pub(super) const LARGE_LEN: usize = 16_000;

/// A PDU with an order and something to fill it.
pub(super) fn pdu(order: u8, fill: &[u8]) -> Vec<u8> {
    let mut p = vec![0, 0, order, 0, 0, 0, 0];
    p.extend_from_slice(fill);
    let len = u16::try_from(p.len()).unwrap().to_be_bytes();
    p[..2].copy_from_slice(&len);
    p
}

pub(super) struct Scripted {
    params: Params,
    admission: Admission,
    timeout: Option<Instant>,
}

pub(super) fn machine(params: Params, admission: Admission) -> Box<dyn Machine> {
    let timeout = Some(params.opened.mono + Duration::from_mins(1));
    Box::new(Scripted { params, admission, timeout })
}

impl Scripted {
    fn close(&mut self, outcome: Outcome, out: &mut Vec<Action>) {
        self.timeout = None;
        out.push(Action::Record(Box::new(SessionRecord {
            opened: Utc::from_unix_s(0),
            slp_session: self.params.slp_session,
            flow: Flow::Unknown,
            ulp_version: None,
            set_id: None,
            protocol: None,
            pos_method: None,
            qop: None,
            qop_met: None,
            reference: None,
            satellites: std::collections::BTreeMap::new(),
            position: None,
            uncertainty_m: None,
            stages: Stages::default(),
            pdus: (0, 0),
            octets: (0, 0),
            outcome,
        })));
        out.push(Action::Close);
    }

    fn order(&mut self, now: Now, bytes: &[u8], out: &mut Vec<Action>) {
        match bytes[2] {
            ECHO => out.push(Action::Send(bytes.to_vec())),
            THRICE => out.extend([(); 3].map(|()| Action::Send(bytes.to_vec()))),
            LARGE => out.push(Action::Send(pdu(LARGE, &vec![0x5a; LARGE_LEN - 7]))),
            HURRY => self.timeout = Some(now.mono),
            WHO => {
                let name = self.params.peer.certificate.as_ref().and_then(|c| c.names.first());
                out.push(Action::Send(pdu(WHO, name.map_or(&b"nobody"[..], |n| n.as_bytes()))));
            }
            _ => {
                out.push(Action::Send(bytes.to_vec()));
                self.close(Outcome::Completed, out);
            }
        }
    }
}

impl Machine for Scripted {
    fn handle(&mut self, now: Now, _: &Env<'_>, input: Input<'_>, out: &mut Vec<Action>) {
        let last_word = match input {
            Input::Pdu(_) if self.admission == Admission::Refuse => pdu(SAID_REFUSED, &[]),
            Input::Pdu(bytes) => return self.order(now, bytes, out),
            Input::Unframed(fault) => pdu(
                SAID_UNFRAMED,
                match fault {
                    FrameFault::TooShort => b"short",
                    FrameFault::TooLong => b"long",
                    FrameFault::Truncated => b"truncated",
                },
            ),
            Input::Timeout if self.timeout.is_some_and(|t| now.mono >= t) => pdu(SAID_TIMEOUT, &[]),
            Input::Timeout | Input::Revoked(_) => return,
            Input::Shutdown => pdu(SAID_SHUTDOWN, &[]),
            Input::Disconnected => return self.close(Outcome::Left, out),
        };
        out.push(Action::Send(last_word));
        self.close(Outcome::Shutdown, out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.timeout
    }
}
