//! The SUPL Location Center: session machines, their timers and their status codes.
//!
//! A [`Session`] is one SUPL session on one connection, as a machine without input or output: a driver gives it the
//! octets of whole ULP PDUs, the passing of time and the loss of the connection ([`Input`]), together with what the
//! server knows right now ([`Env`]); it answers with [`Action`]s, which the driver carries out in order. There is no
//! protocol decision in the driver and no socket, clock or dice in here.
//!
//! ```text
//!   SET                        SLP (Session)
//!    │ SUPL START ──────────────► AwaitStart
//!    │ ◄──────────── SUPL RESPONSE  │              (or SUPL END: a cell is enough, or nothing can be done)
//!    │ SUPL POS INIT ───────────► AwaitPosInit  ST2
//!    │ ◄──────────────── SUPL POS   │              (or SUPL END: the position in it is enough)
//!    │ SUPL POS ────────────────► Positioning   ST3   spc: RRLP or LPP procedure
//!    │ ◄──────────────── SUPL END   │
//!    │                            Closed
//! ```
//!
//! A SET that was invited by SUPL INIT ([`ni`]) comes with its SUPL POS INIT at once:
//!
//! ```text
//!   SET                        SLP (Session)
//!    │ SUPL POS INIT ───────────► AwaitStart      finds its order, checks ver
//!    │ ◄────────────── SUPL POS ► Positioning     until the order's deadline
//!    │ ◄───────────── SUPL NOTIFY   │             (only where consent goes by the place)
//!    │ SUPL NOTIFY RESPONSE ────► AwaitNotify
//!    │ ◄──────────────── SUPL END   │
//!    │                            Closed
//! ```
//!
//! What never happens, whatever comes in: a panic, a second SUPL END, an action after [`Action::Close`], a session
//! without its one [`SessionRecord`], a session that outlives its cap.

mod access;
mod config;
mod core;
mod event;
mod network_initiated;
pub mod ni;
mod positioning;
mod record;
mod serving;
mod session;
mod set_initiated;
mod status;

pub use access::{AccessCheck, ClientCertificate, PeerIdentity, TrustEveryone, Verdict};
pub use config::{Config, ConfigError, Policy};
pub use event::{Action, Env, FrameFault, Input, PositionReport};
pub use record::{Flow, Outcome, SessionRecord, Stages};
pub use session::{Params, Session};
pub use status::SessionError;

#[cfg(test)]
mod tests;
