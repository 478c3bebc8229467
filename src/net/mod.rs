//! The door for handsets: listeners, TLS, and the driver that pumps a session machine.
pub mod counters;
pub mod limits;
pub mod sniff;
pub mod tls;
