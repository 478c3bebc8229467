//! Text to a tree of elements, bounded in every direction.
//!
//! The tree lives in two vectors and borrows names and texts from the document. Namespaces are not resolved: an element is
//! known by its local name. A DOCTYPE is noted and skipped; nothing that it names is ever fetched, and no entity is known
//! but the five of XML itself.

use std::borrow::Cow;
use std::cell::Cell;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};

use super::Limits;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::xml::decode::forbidden;
use crate::le::xml::grammar::{character, split};

/// One element.
#[derive(Debug)]
struct Record<'a> {
    name: &'a str,
    /// The name has a namespace prefix.
    prefixed: bool,
    text: Cow<'a, str>,
    /// Index and number of attributes.
    attributes: (u32, u32),
    first: Option<u32>,
    next: Option<u32>,
    /// A reader has taken it.
    used: Cell<bool>,
    /// A reader has taken its text.
    text_used: Cell<bool>,
    /// Bit per attribute: a reader has taken it.
    attributes_used: Cell<u64>,
}

#[derive(Debug)]
struct Attribute<'a> {
    name: &'a str,
    value: Cow<'a, str>,
}

/// A document as elements.
#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    records: Vec<Record<'a>>,
    attributes: Vec<Attribute<'a>>,
    /// The text of the DOCTYPE, if there is one.
    pub(crate) doctype: Option<&'a str>,
    /// Unknown elements and attributes are passed over.
    pub(crate) lenient: bool,
}

/// An element of a [`Tree`].
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: u32,
}

/// Reads a document. With a fault comes the tree as far as it was read.
pub(crate) fn build<'a>(text: &'a str, limits: &Limits) -> (Tree<'a>, Result<(), ParseFault>) {
    let mut builder =
        Builder { text, limits: *limits, tree: Tree::default(), open: Vec::new(), rooted: false };
    let outcome = builder.run();
    (builder.tree, outcome)
}

struct Builder<'a> {
    text: &'a str,
    limits: Limits,
    tree: Tree<'a>,
    /// Open elements: index, and its last child so far.
    open: Vec<(u32, Option<u32>)>,
    rooted: bool,
}

fn broken(detail: &'static str) -> ParseFault {
    ParseFault::new(FaultKind::NotWellFormed, "").because(detail)
}

fn too_large(detail: &'static str) -> ParseFault {
    ParseFault::new(FaultKind::TooLarge, "").because(detail)
}

impl<'a> Builder<'a> {
    fn run(&mut self) -> Result<(), ParseFault> {
        if self.text.len() > self.limits.octets {
            return Err(too_large("too many octets"));
        }
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().check_comments = true;
        let mut first = true;
        loop {
            match reader.read_event().map_err(|_| broken("not well-formed"))? {
                Event::Start(tag) => self.start(&tag)?,
                Event::Empty(tag) => {
                    self.start(&tag)?;
                    self.open.pop();
                }
                Event::End(_) => drop(self.open.pop()),
                Event::Text(text) => self.characters(&text.into_inner())?,
                Event::CData(text) => {
                    let text = text.into_inner();
                    if self.open.is_empty() {
                        return Err(broken("text outside of the root"));
                    }
                    self.append(&text)?;
                }
                Event::GeneralRef(reference) => {
                    let c = character(&reference).map_err(ParseFault::of_xml)?;
                    if self.open.is_empty() {
                        return Err(broken("text outside of the root"));
                    }
                    self.append(c.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(text) => {
                    if self.rooted || self.tree.doctype.is_some() {
                        return Err(broken("DOCTYPE out of place"));
                    }
                    self.tree.doctype = self.lend(&text.into_inner());
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

    /// A part of the document that the reader handed out, with the document's own lifetime.
    fn lend(&self, part: &str) -> Option<&'a str> {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        self.text.get(offset..offset.checked_add(part.len())?)
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), ParseFault> {
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
        let name = local(qualified).ok_or_else(|| broken("bad name of an element"))?;
        let attributes = self.attributes(content, length, name)?;
        let index = self.tree.records.len() as u32;
        self.tree.records.push(Record {
            name,
            prefixed: name.len() != qualified.len(),
            text: Cow::Borrowed(""),
            attributes,
            first: None,
            next: None,
            used: Cell::new(false),
            text_used: Cell::new(false),
            attributes_used: Cell::new(0),
        });
        if let Some((parent, last)) = self.open.last_mut() {
            let link = match last.replace(index) {
                Some(sibling) => self.tree.records.get_mut(sibling as usize).map(|r| &mut r.next),
                None => self.tree.records.get_mut(*parent as usize).map(|r| &mut r.first),
            };
            if let Some(link) = link {
                *link = Some(index);
            }
        }
        self.rooted = true;
        self.open.push((index, None));
        Ok(())
    }

    fn attributes(&mut self, content: &'a str, from: usize, element: &str) -> Result<(u32, u32), ParseFault> {
        let first = self.tree.attributes.len();
        if content.len() == from {
            return Ok((first as u32, 0));
        }
        let mut iterator = Attributes::new(content, from);
        // Duplicates are looked for below, among a bounded number.
        for attribute in iterator.with_checks(false) {
            let attribute = attribute.map_err(|_| broken("bad attribute"))?;
            let name = self.lend(attribute.key.as_ref()).filter(|n| local(n).is_some());
            let name = name.ok_or_else(|| broken("bad name of an attribute"))?;
            let raw = self.lend(&attribute.value).ok_or_else(|| broken("bad attribute"))?;
            let own = self.tree.attributes.get(first..).unwrap_or_default();
            if own.len() >= self.limits.attributes.min(64) {
                return Err(ParseFault::new(FaultKind::TooLarge, element).because("too many attributes"));
            }
            if raw.len() > self.limits.attribute_octets {
                return Err(ParseFault::new(FaultKind::TooLarge, element).because("attribute too long"));
            }
            if raw.contains('<') || own.iter().any(|a| a.name == name) {
                return Err(broken("bad attribute"));
            }
            let value = unescape(raw).map_err(|_| broken("entity that is not declared"))?;
            if value.chars().any(forbidden) {
                return Err(broken("character that XML forbids"));
            }
            self.tree.attributes.push(Attribute { name, value });
        }
        Ok((first as u32, (self.tree.attributes.len() - first) as u32))
    }

    fn characters(&mut self, text: &str) -> Result<(), ParseFault> {
        if self.open.is_empty() {
            let blank = text.trim_matches('\u{feff}').trim().is_empty();
            return if blank { Ok(()) } else { Err(broken("text outside of the root")) };
        }
        if text.contains("]]>") {
            return Err(broken("]]> in text"));
        }
        self.append(text)
    }

    fn append(&mut self, text: &str) -> Result<(), ParseFault> {
        let lent = self.lend(text);
        let Some(record) = self.open.last().and_then(|(index, _)| self.tree.records.get_mut(*index as usize))
        else {
            return Ok(());
        };
        if record.text.len() + text.len() > self.limits.text_octets {
            return Err(ParseFault::new(FaultKind::TooLarge, record.name).because("text too long"));
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

/// The local part of a name; `None` when it is not a name.
fn local(name: &str) -> Option<&str> {
    split(name).map(|(_, local)| local)
}

impl Tree<'_> {
    /// The root, where one was read.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        (!self.records.is_empty()).then_some(Node { tree: self, index: 0 })
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

    /// Whether the name has a namespace prefix.
    pub(crate) fn prefixed(self) -> bool {
        self.record().is_some_and(|r| r.prefixed)
    }

    /// The element's own text, without the blanks around it.
    pub(crate) fn take_text(self) -> &'t str {
        self.record().map_or("", |r| {
            r.text_used.set(true);
            r.text.trim()
        })
    }

    /// Text that nobody has taken.
    pub(crate) fn has_stray_text(self) -> bool {
        self.record().is_some_and(|r| !r.text_used.get() && !r.text.trim().is_empty())
    }

    /// Child elements in their order.
    pub(crate) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let tree = self.tree;
        let first = self.record().and_then(|r| r.first);
        std::iter::successors(first, move |i| tree.records.get(*i as usize).and_then(|r| r.next))
            .map(move |index| Node { tree, index })
    }

    pub(crate) const fn is_lenient(self) -> bool {
        self.tree.lenient
    }

    /// Marks the element as read.
    pub(crate) fn claim(self) {
        if let Some(record) = self.record() {
            record.used.set(true);
        }
    }

    /// Whether the element was read.
    pub(crate) fn claimed(self) -> bool {
        self.record().is_some_and(|r| r.used.get())
    }

    fn own_attributes(self) -> &'t [Attribute<'t>] {
        let range = self.record().map_or(0..0, |r| {
            let (first, count) = r.attributes;
            first as usize..(first + count) as usize
        });
        self.tree.attributes.get(range).unwrap_or_default()
    }

    /// The value of an attribute, without the blanks around it.
    pub(crate) fn take_attribute(self, name: &str) -> Option<&'t str> {
        let own = self.own_attributes();
        let at = own.iter().position(|a| a.name == name)?;
        let record = self.record()?;
        record.attributes_used.set(record.attributes_used.get() | 1 << at);
        own.get(at).map(|a| a.value.trim())
    }

    /// Names of attributes that nobody has taken, those of namespaces and of XML itself left out.
    pub(crate) fn stray_attributes(self) -> impl Iterator<Item = &'t str> {
        let used = self.record().map_or(0, |r| r.attributes_used.get());
        self.own_attributes()
            .iter()
            .enumerate()
            .filter(move |(at, a)| used & (1 << at) == 0 && a.name != "xmlns" && !a.name.contains(':'))
            .map(|(_, a)| a.name)
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
