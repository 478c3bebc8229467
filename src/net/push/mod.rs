//! Push: how a SUPL INIT reaches the SET.
//!
//! ```text
//!  service ─ deliver(SUPL INIT) ─► Pusher ─ routes ─┬─► udp        datagram to the SET, port 7275
//!                                    │ rounds       ├─► smpp.NAME  SMS by an SMSC
//!                                    │ deadline     ├─► sip        MESSAGE by an IMS core
//!                                    └ metrics      └─► pap        OMA push by a push gateway
//! ```
//!
//! A [`Pusher`] tries the bearers that have an address of the SET in the order of its routes, until one confirms that the SET
//! has the message or takes it on. A bearer that fails in a way that may pass is tried again in the next round; what a
//! network says for good (no such subscriber, a receipt that says *undeliverable*) is not asked twice. All of it ends with
//! the deadline, and each bearer in a round gets its share of the time that is left, so that one that hangs does not cost
//! the others theirs. The octets are opaque in here.

mod backoff;
mod bearer;
mod config;
mod connect;
pub mod pap;
mod pusher;
mod route;
mod secret;
pub mod sip;
pub mod smpp;
mod udp;

pub use config::{Config, ConfigProblem};
pub use connect::TrustError;
pub use pusher::{Attempted, Pusher};
pub use route::Rule;
pub use udp::Config as UdpConfig;
