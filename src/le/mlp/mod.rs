//! OMA Mobile Location Protocol 3.0 to 3.5: how emergency centres and other clients ask where a handset is.
//!
//! # Documents
//!
//! [`parse`] makes a [`Document`] of octets, [`write`] or [`Document::into_xml`] makes XML of one, in the version of whoever
//! reads it:
//!
//! ```
//! use groma::le::mlp::{Reading, Version, charset, model::*, parse};
//!
//! let request = br#"<svc_init ver="3.4.0"><hdr><client><id>me</id></client></hdr>
//!     <slir><msids><msid>447700900123</msid></msids></slir></svc_init>"#;
//! let document = parse(request, charset("text/xml; charset=utf-8"), &Reading::default()).unwrap();
//! let Body::Slir(slir) = &document.body else { panic!() };
//! let SlirTargets::List(msids) = &slir.targets else { panic!() };
//! assert_eq!(msids.0.len(), 1);
//!
//! let refusal = Verdict::new(groma::le::mlp::ResultCode::UNKNOWN_SUBSCRIBER);
//! let answer = Document::new(document.version, Body::refusal(Service::Slir, refusal));
//! assert!(answer.into_xml().contains(r#"<result resid="4">UNKNOWN SUBSCRIBER</result>"#));
//!
//! let fault = parse(b"<svc_init", None, &Reading::default()).unwrap_err();
//! assert!(fault.is_general());
//! assert!(fault.answer(Version::V3_4).into_xml().contains("<gem"));
//! ```
//!
//! A request that is not understood is answered with [`ParseFault::answer`]; where [`ParseFault::is_general`] holds, under HTTP
//! status 404.

pub mod client;
mod codes;
pub mod convert;
mod document;
pub mod door;
mod fault;
pub mod model;
pub mod outbox;
#[cfg(test)]
mod quirk_tests;
pub mod receiver;
#[cfg(test)]
mod sample;
mod schema;
mod version;
mod xml;

pub use codes::ResultCode;
pub use document::{Reading, charset, parse, write};
pub use fault::{FaultKind, ParseFault};
pub use model::{Document, Root};
pub use version::Version;
pub use xml::Limits;
