//! The doors through which people and programs ask. Each keeps its own documents; none knows another.

pub mod http;
pub mod mlp;
