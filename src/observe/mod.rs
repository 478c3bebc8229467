//! What the operator sees: one structured record a session, the catalogue of metrics, the set-up of logs.
//!
//! Identities of subscribers and places of people never pass through here in clear: the types of [`crate::base`] redact
//! themselves, and [`SessionRecord`] has no field that could hold a position.

mod figures;
pub mod log;
pub mod metrics;
mod process;
mod record;
pub mod trace;

pub use figures::Figure;
pub use metrics::Metrics;
pub use record::SessionRecord;
