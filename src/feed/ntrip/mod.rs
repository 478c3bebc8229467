//! NTRIP, the protocol of casters: one address serves many streams by name (RTCM 10410.1; version 1 is 10410.0).
//!
//! Both versions are a GET request, after which the connection carries the stream. Version 2 is HTTP/1.1, often in chunks;
//! version 1 answers `ICY 200 OK`, and with a list of streams to a name that it does not know. A request of version 2 is
//! understood by nearly all casters of version 1; for the rest the version can be set.
//!
//! The client is our own: it is a hundred lines over the TLS and the sockets that are here already, and it must be bounded,
//! fail over between casters, and never show a password.

mod address;
mod body;
mod credentials;
mod gga;
mod request;
mod response;
mod sourcetable;

pub use address::CasterAddress;
pub(super) use body::{Body, Damaged, Framing};
pub use credentials::{Credentials, CredentialsError};
pub(super) use gga::sentence;
pub(super) use request::request;
pub use response::Refusal;
pub(super) use response::{Head, read_head};
pub use sourcetable::{Sourcetable, Stream};
