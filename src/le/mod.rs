//! The doors through which people and programs ask. Each keeps its own documents; none knows another; how XML is
//! read in spite of hostile octets is written once, in [`xml`].

pub mod http;
pub mod mlp;
pub mod sip;
pub mod xml;
