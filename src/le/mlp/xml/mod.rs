//! XML as the documents need it: octets to text, text to a bounded tree, and a writer into one string.

pub(crate) mod decode;
pub(crate) mod names;
pub(crate) mod tree;
pub(crate) mod writer;

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
