//! Location over SIP, as OMA LOCSIP 1.0 has it: SUBSCRIBE and NOTIFY of the `presence` package with PIDF-LO bodies.
//!
//! # What this rests on
//!
//! The body of the LOCSIP 1.0 specification was not at hand. What is built is the profile of its foundations: SIP events (RFC 6665,
//! 3856), PIDF-LO (RFC 4119, 5491), filters (RFC 4661, 6447), rates (RFC 6446), lists (RFC 4662, 5367), publication (RFC 3903),
//! conveyance (RFC 6442) and policies (RFC 4745, 6772), with the feature tag `g.oma.locsip` and the flows that an independent client
//! of LOCSIP, the location retrieval function of an open IMS core, was seen to use. [`quality`] says what was chosen where no
//! standard could be read.

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
