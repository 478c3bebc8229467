//! Where the sky's data come from: RINEX files, and the simulation.

pub mod rinex;
pub mod simulated;
