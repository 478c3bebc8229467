//! The SUPL Positioning Center: which method, which assistance, how RRLP and LPP are spoken, what the answers mean.

mod config;

pub use config::{Config, ConfigError, Methods, Policy};
