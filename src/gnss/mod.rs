//! Satellites: what they broadcast, where they are, which of them help whom.
//!
//! Data come in as [`SkyUpdate`]s from any source and gather in a [`Sky`]; after each change it gives out a
//! [`SkySnapshot`], the immutable value that sessions ask. Positions and clocks come from [`orbit`], the meaning of the
//! broadcast integers from [`scale`].
//!
//! The room is pure: no clock is read here, every question carries its time.

pub mod acquisition;
pub mod age;
pub mod agreement;
pub mod almanac;
pub mod assisted;
pub mod compare;
mod heard;
pub mod kepler;
pub mod leap;
pub mod monitor;
pub mod orbit;
mod places;
pub mod positions;
pub mod scale;
mod sky;
mod snapshot;
pub mod solve;
pub mod spread;
pub mod station;
pub mod table;
mod track;
mod update;
pub mod visibility;
mod withheld;

pub use age::{AgePolicy, is_healthy};
pub use leap::LeapSeconds;
pub use orbit::SatState;
pub use sky::{Applied, Refusal, SatName, Sky, SkyConfig, SkyError};
pub use snapshot::{SkyEntry, SkySnapshot, Visible};
pub use update::{SkyUpdate, UNRANKED};
pub use withheld::Withheld;
