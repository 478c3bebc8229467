//! Vectors and properties of the codecs.

mod vectors;
