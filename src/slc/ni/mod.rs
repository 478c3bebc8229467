//! Network-initiated SUPL: what is ordered of a SET, the SUPL INIT that tells it so, and where its answer finds the order
//! again (OMA SUPL 2.0 §5.1; ULP 1.0 §5.1).
//!
//! ```text
//!   whoever orders                       here                                   SET
//!    │ Order ──────────────► invite() ──► SUPL INIT ── UDP, SMS, SIP … ──────────►│
//!    │ keeps Invited in its Rendezvous                                            │
//!    │                        Session ◄── SUPL POS INIT (SLP session id, ver) ────┤
//!    │ find(), claim() ◄────────┤                                                 │
//!    │ OrderEvent::Arrived ◄────┤ ◄────────────── SUPL POS ──────────────────────►│
//!    │ OrderEvent::Position ◄───┤                                                 │
//!    │ OrderEvent::Ended ◄──────┤ ─── SUPL END ──────────────────────────────────►│
//! ```
//!
//! The session is the same machine as for SETs that come by themselves: only its first message differs.

mod invite;
mod names;
mod order;
mod rendezvous;

pub use invite::{Invitation, InviteError, invite};
pub use order::{
    Asked, BasicProtection, Failure, Name, Notification, Order, OrderEnd, OrderEvent, Protection, Revocation,
    SuplVersion, What,
};
pub use rendezvous::{Invited, NoOrders, Rendezvous, Revoke};

pub(in crate::slc) use invite::{meant_by, notification};

pub use crate::wire::ulp::{NameFormat, PosMethod, StatusCode, TextEncoding};
