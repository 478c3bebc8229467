//! Documents in and out.

use super::codes::ResultCode;
use super::fault::{FaultKind, ParseFault};
use super::model::{Body, Document, Header, Root, Service, Verdict};
use super::schema::Element;
use super::version::Version;
use super::xml::Limits;
use super::xml::tree::{Node, Tree, build};
use super::xml::writer::Writer;
use crate::le::xml::decode::decode;

/// How documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bounds.
    pub limits: Limits,
    /// The version of a document that names none.
    pub default_version: Version,
}

impl Default for Reading {
    fn default() -> Self {
        Self { limits: Limits::default(), default_version: Version::LATEST }
    }
}

/// The charset parameter of a content type, as `utf-8` of `text/xml; charset="utf-8"`.
pub fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// Reads a document: a request for the server, or an answer or report for the client.
///
/// `charset` is that of the HTTP content type, if it has one. Children may come in any order; what is mandatory must be
/// there. The version is the root's `ver`, else the one that the DOCTYPE names, else the default of `reading`. Nothing outside
/// of the document is ever looked at.
///
/// # Errors
/// [`ParseFault`], which knows its result code and how to [answer](ParseFault::answer).
pub fn parse(octets: &[u8], charset: Option<&str>, reading: &Reading) -> Result<Document, ParseFault> {
    if octets.len() > reading.limits.octets.saturating_mul(2) {
        return Err(ParseFault::new(FaultKind::TooLarge, "").because("too many octets"));
    }
    let text = decode(octets, charset).map_err(ParseFault::of_xml)?;
    let (mut tree, outcome) = build(&text, &reading.limits);
    // Extensions are announced by entities of the DOCTYPE. What servers send is read however much is added to it.
    let extended = tree.doctype.is_some_and(|doctype| doctype.contains("<!ENTITY"));
    tree.lenient = extended || tree.root().is_some_and(|root| root.name() != Root::Init.name());
    let version = version(&tree);
    let service = tree.root().and_then(service_node).and_then(|node| Service::from_name(node.name()));
    outcome.and_then(|()| document(&tree, version, reading)).map_err(|fault| ParseFault {
        version: version.ok().flatten(),
        service,
        ..fault
    })
}

/// A `ver` that names no supported version.
#[derive(Clone, Copy)]
struct Unsupported;

/// The version that a document names.
fn version(tree: &Tree<'_>) -> Result<Option<Version>, Unsupported> {
    let Some(root) = tree.root() else { return Ok(None) };
    let said = |node: Node<'_>| {
        let text = node.take_attribute("ver").filter(|text| !text.is_empty());
        text.map(|text| Version::from_text(text).ok_or(Unsupported)).transpose()
    };
    if let Some(version) = said(root)? {
        return Ok(Some(version));
    }
    let hinted = tree.doctype.and_then(Version::from_dtd);
    let hinted = hinted.or_else(|| root.take_attribute("xmlns").and_then(Version::from_dtd));
    // Parts say the version in which they last changed: without any other sign, better than none.
    let part = service_node(root).map(said).transpose()?.flatten();
    Ok(hinted.or(part))
}

/// The element of the service: the first under the root that is no header, or the root of a general error message.
fn service_node(root: Node<'_>) -> Option<Node<'_>> {
    match Root::from_name(root.name())? {
        Root::Gem => Some(root),
        Root::Init | Root::Result => root.children().find(|child| child.name() != "hdr"),
    }
}

fn document(
    tree: &Tree<'_>,
    version: Result<Option<Version>, Unsupported>,
    reading: &Reading,
) -> Result<Document, ParseFault> {
    let nothing = || ParseFault::new(FaultKind::NotWellFormed, "");
    let node = tree.root().ok_or_else(nothing)?;
    let unknown = |name: &str| ParseFault::new(FaultKind::UnknownService, name);
    let root = Root::from_name(node.name()).ok_or_else(|| unknown(node.name()))?;
    let body = service_node(node);
    let service = body.map(|body| {
        Service::from_name(body.name())
            .filter(|s| *s != Service::Gem || root == Root::Gem)
            .ok_or_else(|| unknown(body.name()))
    });
    let service = service.transpose()?;
    let version = version
        .map_err(|Unsupported| ParseFault::at_attribute(FaultKind::UnsupportedVersion, node.name(), "ver"))?
        .unwrap_or(reading.default_version);
    let (Some(body), Some(service)) = (body, service) else {
        return Err(ParseFault::new(FaultKind::Missing, node.name()).because("no service"));
    };
    if service.root() != root {
        return Err(ParseFault::new(FaultKind::Misplaced, service.name()));
    }
    if root == Root::Gem {
        return Ok(Document { version, header: None, body: Body::read(service, node)? });
    }
    body.claim();
    let header: Option<Header> = node.opt("hdr")?;
    if root == Root::Init && header.is_none() {
        return Err(ParseFault::new(FaultKind::Missing, "hdr"));
    }
    if let Some(header) = &header
        && header.client.is_none()
        && header.session_id.is_none()
    {
        return Err(ParseFault::new(FaultKind::Missing, "client"));
    }
    let body = Body::read(service, body)?;
    node.finish()?;
    Ok(Document { version, header, body })
}

impl Document {
    /// The same in another version: what that version does not know is left out or said by the nearest that it knows. A body
    /// that it cannot say at all becomes a general error message, 108.
    #[must_use]
    pub fn gated(mut self, version: Version) -> Self {
        self.version = version;
        if !self.body.gate(version) {
            self.body = Body::Gem(Box::new(Verdict::new(ResultCode::SERVICE_NOT_SUPPORTED).into()));
        }
        if self.body.service().root() == Root::Gem {
            self.header = None;
        }
        if let Some(header) = &mut self.header {
            header.gate(version);
        }
        self
    }

    /// Writes the document in its own version, which [gates](Self::gated) it first.
    pub fn into_xml(self) -> String {
        let version = self.version;
        let document = self.gated(version);
        let mut out = Writer::new(version);
        let root = document.body.service().root();
        out.prolog(root.name(), version.dtd(root));
        if root == Root::Gem {
            document.body.write(&mut out);
            return out.finish();
        }
        out.open(root.name());
        out.attribute("ver", |out| out.text(element_version(root.name(), version)));
        if let Some(header) = &document.header {
            header.write("hdr", &mut out);
        }
        document.body.write(&mut out);
        out.close(root.name());
        out.finish()
    }
}

/// Writes a document in a version, which need not be its own. [`Document::into_xml`] does the same without a copy.
pub fn write(document: &Document, version: Version) -> String {
    Document { version, ..document.clone() }.into_xml()
}

/// The `ver` of an element. In 3.1 only what had changed was stepped.
pub(crate) fn element_version(name: &str, version: Version) -> &'static str {
    if version == Version::V3_1 && !matches!(name, "svc_init" | "svc_result" | "eme_lir" | "gem") {
        return Version::V3_0.text();
    }
    version.text()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
