//! XML for all doors: octets to text, text to a bounded tree with namespaces, and a writer.
//!
//! Nothing outside of a document is ever fetched, and no entity is known but the five of XML itself: what a DOCTYPE declares
//! is not read. Whatever exceeds one of [`Limits`] is refused as soon as it is seen.

pub(crate) mod decode;
pub(crate) mod grammar;
pub(crate) mod tree;
pub(crate) mod writer;

pub(crate) use tree::Node;
pub(crate) use writer::Writer;

/// Bounds of a document. What exceeds one is refused as soon as it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest document, octets. Default 1,048,576.
    pub octets: usize,
    /// Deepest nesting of elements. Default 24 (a polygon of an area event lies 12 deep).
    pub depth: usize,
    /// Most elements. Default 50,000.
    pub elements: usize,
    /// Most attributes of one element. Default 24.
    pub attributes: usize,
    /// Longest value of an attribute, octets. Default 4,096.
    pub attribute_octets: usize,
    /// Longest text of one element, octets. Default 262,144 (a map in base64).
    pub text_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            octets: 1 << 20,
            depth: 24,
            elements: 50_000,
            attributes: 24,
            attribute_octets: 4096,
            text_octets: 1 << 18,
        }
    }
}

/// Why a text is no XML that is read here. It repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum XmlFault {
    /// In an encoding that is not read here, or with octets that its encoding does not know.
    #[error("encoding: {0}")]
    Encoding(&'static str),
    /// XML breaks its own rules.
    #[error("not well-formed: {0}")]
    NotWellFormed(&'static str),
    /// One of the [`Limits`] is exceeded.
    #[error("too large: {0}")]
    TooLarge(&'static str),
}
