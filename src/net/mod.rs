//! The door for handsets: listeners, TLS, and the driver that pumps a session machine.
//!
//! ```text
//!  accept ──► limits ──► sniff ──► TLS (rustls) ──┐
//!                          └── plain ─────────────┴──► driver ◄──► slc::Session
//! ```
//!
//! A [`Server`] holds what all connections share; [`Listener::bind_all`] opens the ports and [`Listener::run`] serves them;
//! [`Server::drain`] ends it all. Nothing in here decides anything about SUPL: that is `slc`'s.

pub mod access;
mod config;
mod counters;
mod driver;
mod limits;
mod listener;
pub mod push;
mod server;
mod sniff;
pub mod tls;

pub use config::{Config, Limits, Listen, ListenMode, OutOfRange};
pub use counters::{Counter, Counters, Figure, Gauge, GaugeGuard, Kind};
pub use listener::{BindError, Listener, open_file_limit, way_out};
pub use server::{
    Admission, Connection, Drained, Host, Machine, NewMachine, Parts, Server, Transport, World, new_session,
};
pub use sniff::Sniffed;
