//! The vocabulary of the house: identities, time, places, quality of position, and what satellites broadcast.
//!
//! Everything here is plain data with units; nothing reads a clock, a file or a socket (the one clock type,
//! [`time::Clock`], is *called* by drivers only). Every other room stands on this one.

pub mod broadcast;
pub mod cell;
pub mod estimate;
pub mod geo;
pub mod ids;
pub mod qop;
pub mod time;

pub use estimate::{LocationEstimate, PositionMethod};
pub use geo::{GeoPoint, Shape, Velocity};
pub use ids::{Imsi, Msisdn, SetId, SetSessionId, SlpAddress, SlpSessionId};
pub use qop::QualityOfPosition;
pub use time::{GpsTime, Now, Utc};
