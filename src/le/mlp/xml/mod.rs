//! XML as the documents need it: text to a bounded tree that knows what was read of it, and a writer into one string.

pub(crate) mod names;
pub(crate) mod tree;
pub(crate) mod writer;

pub use crate::le::xml::Limits;
