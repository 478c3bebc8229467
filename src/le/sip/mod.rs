//! Location over SIP, as OMA LOCSIP 1.0 has it: SUBSCRIBE and NOTIFY of the `presence` package with PIDF-LO bodies.
//!
//! Here are the documents, and the decisions that need no socket: [`demand`] reads what a SUBSCRIBE asks for, [`following`] says when
//! a notification is due and [`pidf`] what it tells.
//!
//! # What this rests on
//!
//! The body of the LOCSIP 1.0 specification was not at hand. What is here follows the RFCs that it builds on: PIDF-LO (RFC 3863,
//! 4119, 5491, 5962, 7459), filters (RFC 4661, 6447), rates (RFC 6446), lists (RFC 4662, 5367), conveyance (RFC 6442) and policies
//! (RFC 4745, 6772); and what an independent client of LOCSIP, the location retrieval function of an open IMS core, was seen to
//! send. [`quality`] says what was chosen where no standard could be read.

pub mod demand;
pub mod filter;
pub mod following;
pub mod geolocation;
pub mod lists;
pub mod multipart;
pub mod pidf;
pub mod policy;
pub mod quality;
pub mod rate;
