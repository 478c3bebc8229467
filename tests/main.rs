//! Integration tests: one binary, so that they are linked once.

#![allow(
    clippy::format_collect,
    clippy::large_stack_arrays,
    reason = "tests write small texts, and large bodies once"
)]
// A test that cannot go on panics, in its helpers, too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

mod architecture;
mod bad_input;
mod casters;
mod clients;
mod commands;
mod conformance;
mod dissection;
mod flows_agnss;
mod flows_app;
mod flows_cell;
mod flows_mlp;
mod flows_ni;
mod flows_protection;
mod flows_refusals;
mod flows_smsc;
mod net;
mod push_peers;
mod recorded_sky;
mod serve;
mod store_kill;
mod support;

/// The directory of reference data, named by `GROMA_SHARED`; where it is not set, the test says that it was skipped and gets
/// `None`. In continuous integration the data must be there.
fn shared(test: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("GROMA_SHARED") {
        return Some(dir.into());
    }
    assert!(std::env::var_os("CI").is_none(), "{test}: GROMA_SHARED must be set in continuous integration");
    eprintln!("skipped: {test}: GROMA_SHARED is not set");
    None
}
