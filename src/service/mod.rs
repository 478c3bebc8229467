//! The location service: the one way in which any door gets a position.
//!
//! A door makes a [`LocateRequest`] of what its protocol says, and maps a [`Located`] or a [`LocateError`] back. Who asks is a
//! [`Client`]; how SUPL INIT reaches a SET is behind [`Push`].

mod client;
mod outcome;
mod pattern;
pub mod positions;
mod push;
mod quota;
mod request;

pub use client::{AuthError, Client, ClientType, Credentials, Profile as ClientProfile, Secret};
pub use outcome::{
    Absence, ClientFault, Congestion, LocateError, Located, MethodFault, Origin, QopPart, Refusal,
    SystemFault,
};
pub use pattern::{NotAPattern, Pattern, parse_identity};
pub use positions::Positions;
pub use push::{Delivered, Delivering, Delivery, NoPush, Push, PushError};
pub use request::{
    Flow, LocateRequest, LocationKind, Priority, PrivacyWish, QosClass, ReachHints, Requestor, RequestorKind,
    ServiceId,
};
