//! Vectors and properties of the codecs.

// The lint lets tests unwrap, but not the helpers they share.
#![allow(clippy::unwrap_used)]

mod errors;
mod properties;
mod seeds;
mod shown;
mod tolerance;
mod vectors;
