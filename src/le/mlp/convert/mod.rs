//! Between the documents and the house's own types: coordinates, shapes, positions, identities, quality, errors.
//!
//! ```text
//!  Msid          ── ids::set_id, ids::expand ──►  SetId             ── ids::msid ──►      Msid
//!  Eqop, Qop     ── quality::eqop, quality::qop ─►  QualityOfPosition
//!  GeoInfo       ── Crs::of_geo_info ──►  Crs
//!  Shape         ── shapes::read ──►  base::Shape                    ── shapes::write ──►  Shape
//!  Pd            ── position::read ──►  LocationEstimate             ── position::pd ──►   Pd
//!                                          LocateError             ── errors::verdict ──► Verdict
//! ```
//!
//! What a document says wrongly is a [`ParseFault`](super::ParseFault) with its result code, as in reading.

mod areas;
pub mod coordinates;
mod crs;
pub mod errors;
pub mod ids;
pub mod position;
pub mod quality;
pub mod shapes;
mod utm;

pub use crs::Crs;
