//! Positions from pseudoranges.
//!
//! [`Solver::solve`] takes what a receiver measured at one instant ([`Epoch`]) and what the satellites broadcast
//! ([`SkySnapshot`](super::SkySnapshot)), and gives a [`Fix`] with an uncertainty that means what it says, or the
//! reason why there is none. [`predict`] goes the other way: what a receiver at a place will measure.

pub mod confidence;
mod faults;
mod fix;
pub mod ionosphere;
pub mod link;
pub mod noise;
mod normal;
mod observation;
mod options;
mod select;
pub mod signal;
mod solver;
pub mod troposphere;
mod velocity;

pub use fix::{Consistency, Dop, Fix, Reason, Rejected, SolveError, Used, VelocityFix};
pub use ionosphere::Ionosphere;
pub use link::{Atmosphere, Place, Prediction, Transmitter, predict};
pub use observation::{Epoch, Observation};
pub use options::{IonosphereChoice, Options, Prior, Receiver, Systems};
pub use select::MAX_OBSERVATIONS;
pub use signal::Signal;
pub use solver::Solver;
