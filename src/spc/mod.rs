//! The SUPL Positioning Center: which method, which assistance, how RRLP and LPP are spoken, what the answers mean.

pub mod assist;
mod assisted;
mod config;
mod ecid;
mod lpp;
mod measured;
mod method;
mod procedure;
mod reference;
mod rrlp;

pub use config::{Config, ConfigError, Methods, Policy};
pub use ecid::merge as merge_cells;
pub use lpp::LppProcedure;
pub use measured::measurement_set;
pub use method::{Choice, Mismatch, Mode, Protocol, choose, only_cell, protocol};
pub use procedure::{Conclusion, Context, Next, Procedure, Step};
pub use reference::{cell_estimate, circle, reference};
pub use rrlp::RrlpProcedure;
