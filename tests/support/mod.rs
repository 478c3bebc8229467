//! What the integration tests share.

pub(crate) mod raw;
pub(crate) mod server;
