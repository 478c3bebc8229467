//! The `groma` binary.
fn main() {}
