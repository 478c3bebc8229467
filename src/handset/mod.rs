//! The other side: a simulated SET, which works with any SUPL server.
//!
//! [`run`] holds one session as [`Options`] describe it and comes back with a [`Report`]. Inside, `session` is the SET's
//! side of SUPL as a machine without input or output, `lpp` and `rrlp` the positioning protocols in it; `receiver`
//! simulates the measurements and `solve` computes the position from them; `transport` is the socket. [`Connection`]
//! is open to whoever wants to send octets of their own making.
//!
//! A [`Listener`] waits for SUPL INIT instead, by UDP or from any other bearer, and answers; a [`Fleet`] is a town full of
//! them.

mod driver;
mod error;
mod findings;
mod fleet;
mod invitation;
mod ladder;
mod listen;
mod lpp;
mod measure;
mod motion;
mod options;
mod receiver;
mod report;
mod request;
mod rrlp;
mod session;
mod solve;
mod summary;
mod transport;

pub use driver::run;
pub use error::HandsetError;
pub use findings::{Ending, Findings, NoFix};
pub use fleet::{Fleet, FleetOptions};
pub use invitation::{Answer, Discard, Invitation, Memory, Provisioned};
pub use ladder::{Direction, Paint, Step};
pub use listen::{Heard, Listener, ListenerOptions};
pub use motion::{Motion, Route};
pub use options::{
    Goal, Options, Payload, Place, SuplVersion, parse_gnss, parse_gsm, parse_lte, parse_nr, parse_wcdma,
    parse_wlan,
};
pub use receiver::{Fix, UsedSatellite};
pub use report::Report;
pub use solve::SolveError;
pub use transport::{Connection, Security, TlsFacts, TlsVersion};
