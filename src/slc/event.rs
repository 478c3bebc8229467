//! What goes into a session and what comes out of it.

use super::access::AccessCheck;
use super::ni::{OrderEvent, Rendezvous, Revocation};
use super::record::SessionRecord;
use crate::base::cell::ReferenceLocator;
use crate::base::{LocationEstimate, SetId};
use crate::gnss::SkySnapshot;
use crate::wire::lpp::LppMemo;

/// What the server knows while a session handles one input: immutable snapshots, taken anew for each call.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The satellites.
    pub sky: &'a SkySnapshot,
    /// Where cells and access points are.
    pub cells: &'a dyn ReferenceLocator,
    /// Who may claim which identity.
    pub access: &'a dyn AccessCheck,
    /// LPP messages that were encoded or decoded before.
    pub memo: &'a LppMemo,
    /// Orders that wait for their SET.
    pub orders: &'a dyn Rendezvous,
}

/// Why octets on the connection cannot be cut into PDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// The length member is smaller than the smallest PDU.
    TooShort,
    /// It is larger than the server accepts.
    TooLong,
    /// The peer stopped in the middle of a PDU for too long, or closed its side there.
    Truncated,
}

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// One whole ULP PDU, its two length octets included.
    Pdu(&'a [u8]),
    /// The stream cannot be cut into PDUs any further.
    Unframed(FrameFault),
    /// [`Session::next_timeout`](super::Session::next_timeout) has come. A session that is woken too early just goes on
    /// waiting.
    Timeout,
    /// The peer has closed the connection, or it broke.
    Disconnected,
    /// The server is going down and this session's time is up.
    Shutdown,
    /// The order that this session serves is not wanted any more. A session that serves none takes no notice.
    Revoked(Revocation),
}

/// A position that a session has brought to light, for the location store.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionReport {
    /// Whose.
    pub target: SetId,
    /// Where, when, how.
    pub estimate: LocationEstimate,
    /// Whether it meets the quality that the SET asked for; `true` when it asked for none.
    pub qop_met: bool,
    /// Whether the session serves an order; otherwise the SET came by itself.
    pub ordered: bool,
}

/// What the driver is to do, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write this PDU: in one piece, in one TLS record.
    Send(Vec<u8>),
    /// Keep this position.
    Position(Box<PositionReport>),
    /// Tell whoever gave the order.
    Ordered {
        /// Which order.
        slp_session: [u8; 4],
        /// What happened to it.
        event: OrderEvent,
    },
    /// Keep this record. Comes exactly once in the life of a session, just before [`Action::Close`].
    Record(Box<SessionRecord>),
    /// Nothing follows: flush what was sent and close the connection. A peer that has been sent a SUPL END may be given
    /// a moment to close first, as ULP has it.
    Close,
}
