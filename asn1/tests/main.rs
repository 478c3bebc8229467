//! Vectors and properties of the codecs.

// The lint lets tests unwrap, but not the helpers they share.
#![allow(clippy::unwrap_used)]

mod alone;
#[cfg(feature = "inspect")]
mod errors;
#[cfg(feature = "inspect")]
mod properties;
mod seeds;
#[cfg(feature = "inspect")]
mod shown;
#[cfg(feature = "inspect")]
mod tolerance;
#[cfg(feature = "inspect")]
mod vectors;
