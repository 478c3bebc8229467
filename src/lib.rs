//! Groma: a SUPL location platform.

pub mod base;
pub mod cells;
pub mod feed;
pub mod gnss;
pub mod handset;
pub mod net;
pub mod observe;
pub mod service;
pub mod slc;
pub mod spc;
pub mod store;
pub mod wire;
