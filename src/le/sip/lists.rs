//! Lists of resources: those that a SUBSCRIBE brings along (RFC 4826, RFC 5367), and notifications about all of a list
//! (RFC 4662).

use super::multipart::{self, Part};
use crate::le::xml::tree::{build, text};
use crate::le::xml::{Limits, Node, Writer, XmlFault};

/// The media type of lists.
pub const MEDIA_TYPE: &str = "application/resource-lists+xml";
/// The media type of what tells of all of a list.
pub const RLMI_MEDIA_TYPE: &str = "application/rlmi+xml";
/// The option tag of subscriptions to lists.
pub const OPTION_TAG: &str = "eventlist";

const RESOURCE_LISTS: &str = "urn:ietf:params:xml:ns:resource-lists";
const RLMI: &str = "urn:ietf:params:xml:ns:rlmi";

/// Bounds of a list.
pub const LIMITS: Limits = Limits {
    octets: 256 << 10,
    depth: 12,
    elements: 5000,
    attributes: 24,
    attribute_octets: 1024,
    text_octets: 4 << 10,
};

/// A resource of a list.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its URI.
    pub uri: String,
    /// What people call it.
    pub name: Option<String>,
}

/// Entries are people: their `Debug` shows none.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(…)")
    }
}

/// Why a list is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ListFault {
    /// It is no XML that is read here.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The root is no list of resources.
    #[error("not a list of resources")]
    NotList,
    /// An entry without a URI, or with one that is none.
    #[error("entry without a URI")]
    NoUri,
    /// It names another list, which would have to be fetched.
    #[error("lists that refer to others are not supported")]
    Reference,
    /// It has no entry.
    #[error("the list is empty")]
    Empty,
    /// It has more entries than are taken.
    #[error("the list is too long")]
    TooLong,
}

impl ListFault {
    /// The SIP status that answers a SUBSCRIBE with such a list.
    pub const fn status(self) -> u16 {
        match self {
            Self::Reference => 488,
            Self::TooLong => 413,
            _ => 400,
        }
    }
}

/// Reads a list; what is in lists within it belongs to it. Each URI once.
///
/// # Errors
/// [`ListFault`]
pub fn read(octets: &[u8], charset: Option<&str>, most: usize) -> Result<Vec<Entry>, ListFault> {
    let text = text(octets, charset, &LIMITS)?;
    let tree = build(&text, &LIMITS)?;
    let root = tree.root().filter(|r| r.is(RESOURCE_LISTS, "resource-lists")).ok_or(ListFault::NotList)?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    // The depth of the document bounds how many wait.
    let mut waiting: Vec<Node<'_>> = vec![root];
    while let Some(node) = waiting.pop() {
        let mut inner = Vec::new();
        for child in node.children().filter(|c| c.space() == RESOURCE_LISTS) {
            match child.name() {
                "list" => inner.push(child),
                "entry" => {
                    let uri = child.attribute("uri").filter(|u| is_uri(u)).ok_or(ListFault::NoUri)?;
                    if !seen.insert(uri.to_owned()) {
                        continue;
                    }
                    if entries.len() >= most {
                        return Err(ListFault::TooLong);
                    }
                    let name = child.child(RESOURCE_LISTS, "display-name").map(|n| n.text().to_owned());
                    entries.push(Entry { uri: uri.to_owned(), name });
                }
                "entry-ref" | "external" => return Err(ListFault::Reference),
                _ => {}
            }
        }
        waiting.extend(inner.into_iter().rev());
    }
    if entries.is_empty() { Err(ListFault::Empty) } else { Ok(entries) }
}

fn is_uri(text: &str) -> bool {
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'));
    clean && text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
}

/// How the subscription to a resource of a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It is told of.
    Active,
    /// Nobody has decided yet.
    Pending,
    /// It is not told of, for this reason (RFC 6665 §4.1.3).
    Terminated(&'static str),
}

/// A resource of a notification.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its URI, as the list has it.
    pub uri: &'a str,
    /// Its name, as the list has it.
    pub name: Option<&'a str>,
    /// Name of the one subscription to it.
    pub instance: &'a str,
    /// How that stands.
    pub state: State,
    /// Its presence document, where there is one to be told.
    pub document: Option<&'a str>,
}

/// The content type and the body of a notification about a list: what is said of all of it, then the documents. `version` counts
/// the notifications of the subscription from zero on; `full` says that every resource is among these. `unique` is drawn for each
/// notification and becomes part of the names of its parts, with `host` behind it.
pub fn notification(
    list: &str,
    version: u32,
    full: bool,
    resources: &[Resource<'_>],
    unique: &str,
    host: &str,
) -> (String, Vec<u8>) {
    let cid = |k: usize| format!("r{k}.{unique}@{host}");
    let mut out = Writer::new();
    out.open("list").attribute("xmlns", RLMI).attribute("uri", list);
    out.attribute("version", &version.to_string())
        .attribute("fullState", if full { "true" } else { "false" });
    for (k, resource) in resources.iter().enumerate() {
        out.open("resource").attribute("uri", resource.uri);
        if let Some(name) = resource.name {
            out.leaf("name", name);
        }
        let (state, reason) = match resource.state {
            State::Active => ("active", None),
            State::Pending => ("pending", None),
            State::Terminated(reason) => ("terminated", Some(reason)),
        };
        out.open("instance").attribute("id", resource.instance).attribute("state", state);
        if let Some(reason) = reason {
            out.attribute("reason", reason);
        }
        if resource.document.is_some() {
            out.attribute("cid", &cid(k));
        }
        out.close().close();
    }
    let rlmi = out.finish();
    let root = Part {
        content_type: format!("{RLMI_MEDIA_TYPE};charset=\"UTF-8\""),
        content_id: Some(format!("top.{unique}@{host}")),
        disposition: None,
        body: rlmi.as_bytes(),
    };
    let documents = resources.iter().enumerate().filter_map(|(k, r)| {
        r.document.map(|d| Part {
            content_type: format!("{};charset=\"UTF-8\"", super::pidf::MEDIA_TYPE),
            content_id: Some(cid(k)),
            disposition: None,
            body: d.as_bytes(),
        })
    });
    let parts: Vec<Part<'_>> = std::iter::once(root).chain(documents).collect();
    multipart::write("related", unique, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::sip::pidf::{Presence, Unknown, validate};

    fn lists(inner: &str) -> String {
        format!(
            "<rl:resource-lists xmlns:rl='urn:ietf:params:xml:ns:resource-lists'>{inner}</rl:resource-lists>"
        )
    }

    #[test]
    fn lists_are_read_flat() {
        let text = lists(
            "<rl:list name='a'><rl:entry uri='sip:a@x'><rl:display-name>A</rl:display-name></rl:entry>\
             <rl:list><rl:entry uri='sip:b@x'/><rl:entry uri='sip:a@x'/></rl:list></rl:list><rl:list><rl:entry uri='tel:+49'/></rl:list>",
        );
        let entries = read(text.as_bytes(), None, 3).unwrap();
        let uris: Vec<&str> = entries.iter().map(|e| e.uri.as_str()).collect();
        assert_eq!(uris, ["sip:a@x", "sip:b@x", "tel:+49"]);
        assert_eq!(entries[0].name.as_deref(), Some("A"));
        assert_eq!(read(text.as_bytes(), None, 2), Err(ListFault::TooLong));
        assert!(!format!("{entries:?}").contains("sip:"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let fault = |inner: &str| read(lists(inner).as_bytes(), None, 10).unwrap_err();
        assert_eq!(fault(""), ListFault::Empty);
        assert_eq!(fault("<rl:list><rl:entry/></rl:list>"), ListFault::NoUri);
        assert_eq!(fault("<rl:list><rl:entry uri='a b:c'/></rl:list>"), ListFault::NoUri);
        assert_eq!(fault("<rl:list><rl:external anchor='http://x'/></rl:list>"), ListFault::Reference);
        assert_eq!(fault(&"<rl:list>".repeat(500)).status(), 400);
        assert_eq!(read(b"<resource-lists/>", None, 1), Err(ListFault::NotList));
    }

    #[test]
    fn notifications_name_their_parts() {
        let pidf = Presence::without_location("pres:a@x", Unknown::NotAvailable).to_xml();
        let resources = [
            Resource {
                uri: "sip:a@x",
                name: Some("A & Co"),
                instance: "i1",
                state: State::Active,
                document: Some(&pidf),
            },
            Resource {
                uri: "sip:b@x",
                name: None,
                instance: "i2",
                state: State::Terminated("rejected"),
                document: None,
            },
            Resource { uri: "sip:c@x", name: None, instance: "i3", state: State::Pending, document: None },
        ];
        let (content_type, body) = notification("sip:fleet@x", 7, true, &resources, "0a1b2c", "ls.x");
        assert!(content_type.starts_with(
            "multipart/related;type=\"application/rlmi+xml\";start=\"<top.0a1b2c@ls.x>\";boundary="
        ));
        let parts = multipart::parts(&content_type, &body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].content_id.as_deref(), Some("top.0a1b2c@ls.x"));
        assert_eq!(parts[1].content_id.as_deref(), Some("r0.0a1b2c@ls.x"));
        assert_eq!(parts[1].body, pidf.as_bytes());
        let rlmi = String::from_utf8(parts[0].body.to_vec()).unwrap();
        for said in [
            "uri=\"sip:fleet@x\" version=\"7\" fullState=\"true\"",
            "<name>A &amp; Co</name><instance id=\"i1\" state=\"active\" cid=\"r0.0a1b2c@ls.x\"/>",
            "<instance id=\"i2\" state=\"terminated\" reason=\"rejected\"/>",
            "<instance id=\"i3\" state=\"pending\"/>",
        ] {
            assert!(rlmi.contains(said), "{said}: {rlmi}");
        }
        validate("notifications_name_their_parts", &[rlmi]);
    }
}
