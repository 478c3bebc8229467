//! What can be wrong with a document, and the result code that says so.

use super::codes::ResultCode;
use super::model::{Body, Document, Gem, Service, Verdict};
use super::version::Version;
use crate::le::xml::XmlFault;

/// Why a document was not understood. Each kind has exactly one result code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Not XML, or XML that breaks its own rules: 106.
    NotWellFormed,
    /// In an encoding that is not read here, or with octets that its encoding does not know: 106.
    Encoding,
    /// Larger, deeper or more finely divided than [`Limits`](super::Limits) allow: 106.
    TooLarge,
    /// `ver` names no supported version: 103.
    UnsupportedVersion,
    /// More targets than are taken in one request: 104.
    TooManyTargets,
    /// The text of an element is not in its format: 105.
    Format,
    /// A mandatory element or attribute is missing: 106.
    Missing,
    /// An element or text stands where it may not, or too often: 106.
    Misplaced,
    /// An element that MLP does not know, in a document that announces no extension: 107.
    UnknownElement,
    /// The root or its body is no service of MLP: 108.
    UnknownService,
    /// An attribute that MLP does not know, in a document that announces no extension: 109.
    UnknownAttribute,
    /// The text of an element is out of its range: 110.
    Value,
    /// The value of an attribute is none of those allowed: 111.
    AttributeValue,
    /// A legal text of an element that is not supported: 112.
    ValueUnsupported,
    /// A legal value of an attribute that is not supported: 113.
    AttributeValueUnsupported,
}

impl FaultKind {
    /// The result code that tells a client.
    pub const fn code(self) -> ResultCode {
        match self {
            Self::UnsupportedVersion => ResultCode::UNSUPPORTED_VERSION,
            Self::TooManyTargets => ResultCode::TOO_MANY_POSITION_ITEMS,
            Self::Format => ResultCode::FORMAT_ERROR,
            Self::NotWellFormed | Self::Encoding | Self::TooLarge | Self::Missing | Self::Misplaced => {
                ResultCode::SYNTAX_ERROR
            }
            Self::UnknownElement => ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED,
            Self::UnknownService => ResultCode::SERVICE_NOT_SUPPORTED,
            Self::UnknownAttribute => ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_NOT_SUPPORTED,
            Self::Value => ResultCode::INVALID_PROTOCOL_ELEMENT_VALUE,
            Self::AttributeValue => ResultCode::INVALID_PROTOCOL_ELEMENT_ATTRIBUTE_VALUE,
            Self::ValueUnsupported => ResultCode::PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED,
            Self::AttributeValueUnsupported => ResultCode::PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED,
        }
    }
}

/// A document that was not understood: what is wrong, where, and as much of the document as tells how to answer.
///
/// It names elements and attributes, never their values, and so may be logged and sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", self.kind.code().slogan().unwrap_or_default(), self.add_info())]
pub struct ParseFault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The element, as far as one is to blame.
    pub element: Option<String>,
    /// The attribute of that element, as far as one is to blame.
    pub attribute: Option<String>,
    /// More about it, of fixed text.
    pub detail: Option<&'static str>,
    /// The version of the document, as far as it was read and is supported.
    pub version: Option<Version>,
    /// The service of the document, as far as it was read.
    pub service: Option<Service>,
}

/// Longest name repeated in a fault, characters.
const NAME_CHARS: usize = 64;

impl ParseFault {
    /// What is wrong with the XML.
    pub(crate) fn of_xml(fault: XmlFault) -> Self {
        let (kind, detail) = match fault {
            XmlFault::Encoding(detail) => (FaultKind::Encoding, detail),
            XmlFault::NotWellFormed(detail) => (FaultKind::NotWellFormed, detail),
            XmlFault::TooLarge(detail) => (FaultKind::TooLarge, detail),
        };
        Self::new(kind, "").because(detail)
    }

    pub(crate) fn new(kind: FaultKind, element: &str) -> Self {
        let element = (!element.is_empty()).then(|| element.chars().take(NAME_CHARS).collect());
        Self { kind, element, attribute: None, detail: None, version: None, service: None }
    }

    pub(crate) fn at_attribute(kind: FaultKind, element: &str, attribute: &str) -> Self {
        Self { attribute: Some(attribute.chars().take(NAME_CHARS).collect()), ..Self::new(kind, element) }
    }

    pub(crate) const fn because(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The result code that tells the client.
    pub const fn code(&self) -> ResultCode {
        self.kind.code()
    }

    /// The text of `add_info`: what is to blame, by name.
    pub fn add_info(&self) -> String {
        let mut text = String::new();
        if let Some(attribute) = &self.attribute {
            text.push_str(attribute);
            text.push_str(" of ");
        }
        text.push_str(self.element.as_deref().unwrap_or("document"));
        let detail = self.detail.or(match self.kind {
            FaultKind::NotWellFormed => Some("not well-formed"),
            FaultKind::Encoding => Some("encoding"),
            FaultKind::TooLarge => Some("too large"),
            FaultKind::Missing => Some("missing"),
            FaultKind::Misplaced => Some("not allowed here"),
            _ => None,
        });
        if let Some(detail) = detail {
            text.push_str(": ");
            text.push_str(detail);
        }
        text
    }

    /// The document that answers the client, in its own version or else in `default`: the service's answer with the result,
    /// or a general error message where the service is not known or the document was not XML.
    pub fn answer(&self, default: Version) -> Document {
        let verdict = Verdict::with_info(self.code(), self.add_info());
        let body = match self.service {
            Some(service) if !self.is_general() => Body::refusal(service, verdict),
            _ => Gem { verdict }.into(),
        };
        Document::new(self.version.unwrap_or(default), body)
    }

    /// Whether the answer is a general error message (`gem`), which travels with HTTP status 404.
    pub fn is_general(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::UnknownService | FaultKind::NotWellFormed | FaultKind::Encoding | FaultKind::TooLarge
        ) || self.service.is_none_or(|service| !service.is_request())
    }
}
