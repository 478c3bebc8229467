//! The location service: the one way in which any door gets a position.
//!
//! A door makes a [`LocateRequest`] of what its protocol says, and maps a [`Located`] or a [`LocateError`] back. Who asks is a
//! [`Client`]; how SUPL INIT reaches a SET is behind [`Push`].

mod account;
pub mod area;
pub mod audit;
mod auth;
mod book;
mod client;
pub mod config;
mod hub;
mod init_key;
mod locate;
mod outcome;
mod password;
mod pattern;
mod positioning;
pub mod positions;
pub mod privacy;
mod push;
mod quota;
mod recent;
mod replay;
mod request;
#[allow(clippy::module_inception)]
mod service;
mod terms;
#[cfg(test)]
mod tests;
pub mod triggers;
mod underway;
mod verdict;
pub mod watch;

pub use book::{Book, BookError, Profiles, Subscriber};
pub use client::{AuthError, Client, ClientType, Credentials, Profile as ClientProfile, Secret};
pub use init_key::{InitProtection, Level as InitLevel};
pub use outcome::{
    Absence, ClientFault, Congestion, LocateError, Located, MethodFault, Origin, QopPart, Refusal,
    SystemFault,
};
pub use password::{NotAHash, PasswordHash, ROUNDS as PASSWORD_ROUNDS, draw_token, token_hash};
pub use pattern::{NotAPattern, Pattern, parse_identity};
pub use positions::Positions;
pub use push::{Delivered, Delivering, Delivery, NoPush, Push, PushError};
pub use request::{
    Flow, LocateRequest, LocationKind, Priority, PrivacyWish, QosClass, ReachHints, Requestor, RequestorKind,
    ServiceId,
};
pub use service::{Load, NowFn, Parts, PositionUpdate, Service, Window};
pub use terms::{MOST_COARSE_M, Terms};

pub use crate::slc::ni::Asked;
