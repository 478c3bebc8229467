//! Groma: a SUPL location platform.

pub mod app;
pub mod base;
pub mod cells;
pub mod cli;
pub mod config;
pub mod feed;
pub mod gnss;
pub mod handset;
pub mod le;
pub mod net;
pub mod observe;
pub mod service;
pub mod slc;
pub mod spc;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod wire;
