//! XML as the documents need it: octets to text, text to a bounded tree, and a writer into one string.

pub(crate) mod names;
pub(crate) mod tree;
pub(crate) mod writer;

pub use crate::le::xml::Limits;

/// Octets to text.
pub(crate) mod decode {
    use std::borrow::Cow;

    use crate::le::mlp::fault::{FaultKind, ParseFault};
    use crate::le::xml::decode::NotText;
    pub(crate) use crate::le::xml::decode::forbidden;

    /// The text of a document, as [`crate::le::xml`] reads it.
    pub(crate) fn decode<'a>(octets: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, ParseFault> {
        crate::le::xml::decode::decode(octets, charset).map_err(|e| match e {
            NotText::Encoding(detail) => ParseFault::new(FaultKind::Encoding, "").because(detail),
            NotText::Forbidden => {
                ParseFault::new(FaultKind::NotWellFormed, "").because("character that XML forbids")
            }
        })
    }
}
