//! Text to a tree of elements whose names are resolved (Namespaces in XML 1.0), bounded in every direction.
//!
//! The tree lives in three vectors and borrows from the document what it can. Every step costs a bounded amount: the number of
//! namespaces declared is limited by the depth and the number of attributes.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};

use super::decode::{decode, forbidden};
use super::grammar::{character, is_name, split};
use super::{Limits, XmlFault};

/// The namespace of `xml:lang` and its like.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of declarations of namespaces.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Most namespaces that are in scope at once.
const MOST_BINDINGS: usize = 128;

/// A namespace: none, `xml`'s, or one of those that the document declares, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    None,
    Xml,
    Declared(u32),
}

#[derive(Debug)]
struct Record<'a> {
    space: Space,
    name: &'a str,
    text: Cow<'a, str>,
    /// Index and number of attributes.
    attributes: (u32, u32),
    first: Option<u32>,
    next: Option<u32>,
}

#[derive(Debug)]
struct Attribute<'a> {
    space: Space,
    name: &'a str,
    value: Cow<'a, str>,
}

/// A document as elements.
#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    records: Vec<Record<'a>>,
    attributes: Vec<Attribute<'a>>,
    spaces: Vec<Cow<'a, str>>,
}

/// An element of a [`Tree`].
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: u32,
}

/// Reads octets into text, as [`decode`] does.
pub(crate) fn text<'a>(
    octets: &'a [u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Cow<'a, str>, XmlFault> {
    if octets.len() > limits.octets {
        return Err(XmlFault::TooLarge("too many octets"));
    }
    decode(octets, charset)
}

/// Reads a document.
pub(crate) fn build<'a>(text: &'a str, limits: &Limits) -> Result<Tree<'a>, XmlFault> {
    let mut builder = Builder {
        text,
        limits: *limits,
        tree: Tree::default(),
        open: Vec::new(),
        bindings: Vec::new(),
        rooted: false,
    };
    builder.run()?;
    Ok(builder.tree)
}

/// A prefix that stands for a namespace, from an element on.
struct Binding<'a> {
    prefix: &'a str,
    space: Space,
}

/// An open element.
struct Open {
    index: u32,
    /// Its last child so far.
    last: Option<u32>,
    /// How many bindings there were before it.
    bindings: usize,
}

struct Builder<'a> {
    text: &'a str,
    limits: Limits,
    tree: Tree<'a>,
    open: Vec<Open>,
    bindings: Vec<Binding<'a>>,
    rooted: bool,
}

const fn broken(detail: &'static str) -> XmlFault {
    XmlFault::NotWellFormed(detail)
}

const fn too_large(detail: &'static str) -> XmlFault {
    XmlFault::TooLarge(detail)
}

impl<'a> Builder<'a> {
    fn run(&mut self) -> Result<(), XmlFault> {
        if self.text.len() > self.limits.octets {
            return Err(too_large("too many octets"));
        }
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().check_comments = true;
        let (mut first, mut doctype) = (true, false);
        loop {
            match reader.read_event().map_err(|_| broken("not well-formed"))? {
                Event::Start(tag) => self.start(&tag)?,
                Event::Empty(tag) => {
                    self.start(&tag)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.characters(&text.into_inner())?,
                Event::CData(text) => self.append(&text.into_inner())?,
                Event::GeneralRef(reference) => {
                    let c = character(&reference)?;
                    self.append(c.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => {
                    if self.rooted || std::mem::replace(&mut doctype, true) {
                        return Err(broken("DOCTYPE out of place"));
                    }
                }
                Event::Decl(_) if first => {}
                Event::Decl(_) => return Err(broken("XML declaration out of place")),
                Event::PI(instruction) if instruction.target().eq_ignore_ascii_case("xml") => {
                    return Err(broken("XML declaration out of place"));
                }
                Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
            first = false;
        }
        match (self.rooted, self.open.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(broken("ends inside an element")),
            (false, _) => Err(broken("no element")),
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.pop() {
            self.bindings.truncate(open.bindings);
        }
    }

    /// A part of the document that the reader handed out, with the document's own lifetime.
    fn lend(&self, part: &str) -> Option<&'a str> {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        self.text.get(offset..offset.checked_add(part.len())?)
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlFault> {
        if self.open.is_empty() && self.rooted {
            return Err(broken("more than one root"));
        }
        if self.open.len() >= self.limits.depth {
            return Err(too_large("too deep"));
        }
        if self.tree.records.len() >= self.limits.elements {
            return Err(too_large("too many elements"));
        }
        let content = self.lend(tag).ok_or_else(|| broken("not well-formed"))?;
        let length = tag.name().as_ref().len();
        let qualified = content.get(..length).unwrap_or_default();
        let (prefix, name) = split(qualified).ok_or_else(|| broken("bad name of an element"))?;
        let bindings = self.bindings.len();
        let attributes = self.attributes(content, length)?;
        let space = self.resolve(prefix)?;
        let index = self.tree.records.len() as u32;
        let text = Cow::Borrowed("");
        self.tree.records.push(Record { space, name, text, attributes, first: None, next: None });
        if let Some(parent) = self.open.last_mut() {
            let link = match parent.last.replace(index) {
                Some(sibling) => self.tree.records.get_mut(sibling as usize).map(|r| &mut r.next),
                None => self.tree.records.get_mut(parent.index as usize).map(|r| &mut r.first),
            };
            if let Some(link) = link {
                *link = Some(index);
            }
        }
        self.rooted = true;
        self.open.push(Open { index, last: None, bindings });
        Ok(())
    }

    /// Reads the attributes of a start tag: declarations of namespaces first, since the others may need them.
    fn attributes(&mut self, content: &'a str, from: usize) -> Result<(u32, u32), XmlFault> {
        let first = self.tree.attributes.len();
        let mut own: Vec<(&'a str, Cow<'a, str>)> = Vec::new();
        // Duplicates are looked for below, among a bounded number.
        for attribute in Attributes::new(content, from).with_checks(false) {
            let attribute = attribute.map_err(|_| broken("bad attribute"))?;
            let name = self.lend(attribute.key.as_ref()).ok_or_else(|| broken("bad name of an attribute"))?;
            let raw = self.lend(&attribute.value).ok_or_else(|| broken("bad attribute"))?;
            if own.len() >= self.limits.attributes {
                return Err(too_large("too many attributes"));
            }
            if raw.len() > self.limits.attribute_octets {
                return Err(too_large("attribute too long"));
            }
            if raw.contains('<') || own.iter().any(|(n, _)| *n == name) {
                return Err(broken("bad attribute"));
            }
            let value = unescape(raw).map_err(|_| broken("entity that is not declared"))?;
            if value.chars().any(forbidden) {
                return Err(broken("character that XML forbids"));
            }
            own.push((name, value));
        }
        for (name, value) in &own {
            if let Some(prefix) = declares(name) {
                self.bind(prefix, value.clone())?;
            }
        }
        for (name, value) in own {
            if declares(name).is_some() {
                continue;
            }
            let (prefix, name) = split(name).ok_or_else(|| broken("bad name of an attribute"))?;
            // The default namespace is not that of attributes.
            let space = if prefix.is_empty() { Space::None } else { self.resolve(prefix)? };
            let before = self.tree.attributes.get(first..).unwrap_or_default();
            if before.iter().any(|a| a.name == name && a.space == space) {
                return Err(broken("an attribute twice"));
            }
            self.tree.attributes.push(Attribute { space, name, value });
        }
        Ok((first as u32, (self.tree.attributes.len() - first) as u32))
    }

    fn bind(&mut self, prefix: &'a str, uri: Cow<'a, str>) -> Result<(), XmlFault> {
        let legal = match prefix {
            "" => uri != XML && uri != XMLNS,
            "xml" => uri == XML,
            "xmlns" => false,
            other => is_name(other) && !uri.is_empty() && uri != XML && uri != XMLNS,
        };
        if !legal {
            return Err(broken("bad declaration of a namespace"));
        }
        if self.bindings.len() >= MOST_BINDINGS {
            return Err(too_large("too many namespaces"));
        }
        let space = match uri.as_ref() {
            "" => Space::None,
            XML => Space::Xml,
            _ => {
                // The few namespaces of a document are looked for among those that are there.
                let known = self.tree.spaces.iter().position(|s| *s == uri);
                let number = known.unwrap_or_else(|| {
                    self.tree.spaces.push(uri);
                    self.tree.spaces.len() - 1
                });
                if number >= MOST_BINDINGS {
                    return Err(too_large("too many namespaces"));
                }
                Space::Declared(number as u32)
            }
        };
        self.bindings.push(Binding { prefix, space });
        Ok(())
    }

    fn resolve(&self, prefix: &str) -> Result<Space, XmlFault> {
        if prefix == "xml" {
            return Ok(Space::Xml);
        }
        let bound = self.bindings.iter().rev().find(|b| b.prefix == prefix).map(|b| b.space);
        match (bound, prefix) {
            (Some(space), _) => Ok(space),
            (None, "") => Ok(Space::None),
            (None, _) => Err(broken("prefix that is not declared")),
        }
    }

    fn characters(&mut self, text: &str) -> Result<(), XmlFault> {
        if self.open.is_empty() {
            let blank = text.trim_matches('\u{feff}').trim().is_empty();
            return if blank { Ok(()) } else { Err(broken("text outside of the root")) };
        }
        if text.contains("]]>") {
            return Err(broken("]]> in text"));
        }
        self.append(text)
    }

    fn append(&mut self, text: &str) -> Result<(), XmlFault> {
        let lent = self.lend(text);
        let most = self.limits.text_octets;
        let record = self.open.last().and_then(|o| self.tree.records.get_mut(o.index as usize));
        let record = record.ok_or_else(|| broken("text outside of the root"))?;
        if record.text.len() + text.len() > most {
            return Err(too_large("text too long"));
        }
        match lent {
            // The blanks between elements are most of a document's texts; they need not be kept.
            Some(_) if record.text.is_empty() && text.trim().is_empty() => {}
            Some(lent) if record.text.is_empty() => record.text = Cow::Borrowed(lent),
            _ => record.text.to_mut().push_str(text),
        }
        Ok(())
    }
}

/// The prefix that an attribute of this name declares; the empty one for the default.
fn declares(name: &str) -> Option<&str> {
    match name.strip_prefix("xmlns") {
        Some("") => Some(""),
        Some(rest) => rest.strip_prefix(':'),
        None => None,
    }
}

impl Tree<'_> {
    /// The root.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        (!self.records.is_empty()).then_some(Node { tree: self, index: 0 })
    }

    fn uri(&self, space: Space) -> &str {
        match space {
            Space::None => "",
            Space::Xml => XML,
            Space::Declared(number) => self.spaces.get(number as usize).map_or("", |s| s.as_ref()),
        }
    }
}

impl<'t> Node<'t> {
    fn record(self) -> Option<&'t Record<'t>> {
        self.tree.records.get(self.index as usize)
    }

    /// Local name.
    pub(crate) fn name(self) -> &'t str {
        self.record().map_or("", |r| r.name)
    }

    /// Namespace; empty for none.
    pub(crate) fn space(self) -> &'t str {
        self.record().map_or("", |r| self.tree.uri(r.space))
    }

    /// Whether the element is this one.
    pub(crate) fn is(self, space: &str, name: &str) -> bool {
        self.name() == name && self.space() == space
    }

    /// The element's own text, without the blanks around it.
    pub(crate) fn text(self) -> &'t str {
        self.record().map_or("", |r| r.text.trim())
    }

    /// Child elements in their order.
    pub(crate) fn children(self) -> impl Iterator<Item = Self> + use<'t> {
        let tree = self.tree;
        let first = self.record().and_then(|r| r.first);
        std::iter::successors(first, move |i| tree.records.get(*i as usize).and_then(|r| r.next))
            .map(move |index| Self { tree, index })
    }

    /// The first child of this name.
    pub(crate) fn child(self, space: &str, name: &str) -> Option<Self> {
        self.children().find(|c| c.is(space, name))
    }

    /// The value of an attribute without a namespace, without the blanks around it.
    pub(crate) fn attribute(self, name: &str) -> Option<&'t str> {
        self.attribute_in("", name)
    }

    /// The value of an attribute of a namespace, without the blanks around it.
    pub(crate) fn attribute_in(self, space: &str, name: &str) -> Option<&'t str> {
        let (first, count) = self.record()?.attributes;
        let own = self.tree.attributes.get(first as usize..(first + count) as usize)?;
        own.iter().find(|a| a.name == name && self.tree.uri(a.space) == space).map(|a| a.value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, XmlFault> {
        let tree = build(text, &Limits::default())?;
        Ok(tree
            .records
            .iter()
            .map(|r| format!("{{{}}}{}={}", tree.uri(r.space), r.name, r.text.trim()))
            .collect())
    }

    #[test]
    fn names_are_resolved() {
        let text = "<?xml version='1.0'?><p:a xmlns:p='u:1' xmlns='u:2' x='1 &amp; &#50;' p:x='3'><b>one &lt; \
                    <![CDATA[<two>]]>&#x33;</b><c xmlns=''/><p:d xmlns:p='u:3' xml:lang='en'/><p:e/></p:a>\n";
        let all = ["{u:1}a=", "{u:2}b=one < <two>3", "{}c=", "{u:3}d=", "{u:1}e="];
        assert_eq!(read(text).unwrap(), all);
        let tree = build(text, &Limits::default()).unwrap();
        let root = tree.root().unwrap();
        assert_eq!((root.attribute("x"), root.attribute_in("u:1", "x")), (Some("1 & 2"), Some("3")));
        let d = root.child("u:3", "d").unwrap();
        assert_eq!(d.attribute_in(XML, "lang"), Some("en"));
        assert!(root.child("u:2", "c").is_none() && root.child("", "c").is_some());
    }

    #[test]
    fn what_is_not_xml_is_refused() {
        for text in [
            "",
            "hello",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<a>&nbsp;</a>",
            "<a>&#0;</a>",
            "<p:a/>",
            "<a p:b='1'/>",
            "<a xmlns:p=''/>",
            "<a xmlns:xmlns='u'/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
            "<a:b:c/>",
            "<a/><!DOCTYPE a>",
            "&#65;<a/>",
            "<![CDATA[x]]><a/>",
        ] {
            assert!(matches!(read(text), Err(XmlFault::NotWellFormed(_))), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn bombs_are_refused() {
        let refused = |text: &str| read(text).expect_err("refused");
        let large = |text: &str| matches!(refused(text), XmlFault::TooLarge(_));
        assert!(large(&"<a>".repeat(100_000)));
        assert!(large(&format!("<a>{}</a>", "<b/>".repeat(60_000))));
        let attributes = (0..1000).fold(String::new(), |all, i| all + &format!(" a{i}='1'"));
        assert!(large(&format!("<a{attributes}/>")));
        let spaces = (0..200).fold(String::new(), |all, i| all + &format!("<a xmlns='u:{i}'/>"));
        assert!(large(&format!("<a>{spaces}</a>")));
        assert!(large(&format!("<a b='{}'/>", "x".repeat(5000))));
        assert!(large(&format!("<a>{}</a>", "x".repeat(300_000))));
        let entities = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>";
        assert!(matches!(refused(entities), XmlFault::NotWellFormed(_)));
        assert!(matches!(
            text(&vec![b' '; 2_000_000], None, &Limits::default()),
            Err(XmlFault::TooLarge("too many octets"))
        ));
    }
}
