//! The services behind every door.

pub mod positions;

pub use positions::Positions;
