//! The door for handsets over real sockets: TLS, framing, limits, stopping, traces. Except in `sessions`, they are played by a
//! script, so that every test is about the door alone.

mod framing;
mod limits;
mod script;
pub(crate) mod sessions;
mod stopping;
mod support;
mod tls;
mod trace;
