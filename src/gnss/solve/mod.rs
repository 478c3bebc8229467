//! Positions from pseudoranges.
//!
//! [`Solver::solve`] takes what a receiver measured at one instant ([`Epoch`]) and what the satellites broadcast
//! ([`SkySnapshot`](super::SkySnapshot)), and gives a [`Fix`] with an uncertainty that means what it says, or the
//! reason why there is none. [`predict`] goes the other way: what a receiver at a place will measure.
//!
//! RINEX in, fixes out:
//!
//! ```
//! use groma::base::Utc;
//! use groma::feed::rinex;
//! use groma::gnss::SkySnapshot;
//! use groma::gnss::solve::{Options, Prior, Solver};
//!
//! # const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gnss/solve/example/");
//! # let nav = std::fs::File::open(format!("{DIR}sky.nav"))?;
//! # let obs = std::fs::File::open(format!("{DIR}station.obs"))?;
//! // `nav` and `obs` are anything that can be read: files, plain or gzip, or octets.
//! let (update, _report) = rinex::read(nav, "sky.nav", Utc::from_civil(2026, 1, 1, 13, 0, 0).unwrap())?;
//! let sky = SkySnapshot::of(&update);
//!
//! let mut solver = Solver::new();
//! for epoch in rinex::observations(obs)? {
//!     let fix = solver.solve(&sky, &epoch, &Options::default(), &Prior::default())?;
//!     let ellipse = fix.ellipse(95);
//!     println!(
//!         "{} {:.6} {:.6} {:.1} m, {} satellites, 95 % within {:.1} × {:.1} m",
//!         fix.time.to_utc(), fix.at.lat, fix.at.lon, fix.altitude_m, fix.used.len(),
//!         ellipse.semi_major_m, ellipse.semi_minor_m,
//!     );
//! #   assert!((fix.at.lat - 50.1).abs() < 1e-6 && (fix.at.lon - 8.7).abs() < 1e-6);
//! #   assert!((fix.altitude_m - 150.0).abs() < 0.1 && fix.used.len() == 12);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How
//!
//! A satellite's message is found in the snapshot by binary search and evaluated once, at the time of transmission, which the
//! pseudorange itself gives. Iterated least squares over fixed-size arrays starts anywhere; nothing is allocated while it
//! iterates. Delays: broadcast ionosphere (NeQuick G, or Klobuchar by GPS or BeiDou), mean troposphere of DO-229,
//! group delays of the signal, relativity, the Earth's rotation. Unknowns beside position and clock: a bias for
//! each further system, what the broadcast ionosphere leaves, and on demand the time. Weights come from what each message
//! says of its accuracy and age, from C/N0 and elevation ([`noise`]). Measurements that contradict the others are left out and
//! named.

pub mod confidence;
mod faults;
mod fix;
pub mod ionosphere;
pub mod link;
#[cfg(feature = "nequick")]
pub mod nequick;
pub mod noise;
mod normal;
mod observation;
mod options;
mod select;
pub mod signal;
mod smoothing;
mod solver;
#[cfg(test)]
mod station_tests;
#[cfg(test)]
mod tests;
pub mod troposphere;
mod velocity;

pub use fix::{Consistency, Dop, Fix, Reason, Rejected, SolveError, Used, VelocityFix};
pub use ionosphere::Ionosphere;
pub use link::{Atmosphere, Place, Prediction, Transmitter, predict};
pub use observation::{Epoch, Observation};
pub use options::{IonosphereChoice, Options, Prior, Receiver, Systems};
pub use select::MAX_OBSERVATIONS;
pub use signal::Signal;
pub use smoothing::Smoother;
pub use solver::Solver;
