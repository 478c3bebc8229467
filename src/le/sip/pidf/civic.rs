//! Civic addresses (RFC 5139): names of elements and their texts.

use crate::le::xml::tree::XML;
use crate::le::xml::{Node, Writer};

use super::names::{CIVIC, OLD_CIVIC};

/// The elements of a civic address in the order in which its schema wants them, with their names as they are written.
const ORDER: [(&str, &str); 31] = [
    ("country", "ca:country"),
    ("A1", "ca:A1"),
    ("A2", "ca:A2"),
    ("A3", "ca:A3"),
    ("A4", "ca:A4"),
    ("A5", "ca:A5"),
    ("A6", "ca:A6"),
    ("PRM", "ca:PRM"),
    ("PRD", "ca:PRD"),
    ("RD", "ca:RD"),
    ("STS", "ca:STS"),
    ("POD", "ca:POD"),
    ("POM", "ca:POM"),
    ("RDSEC", "ca:RDSEC"),
    ("RDBR", "ca:RDBR"),
    ("RDSUBBR", "ca:RDSUBBR"),
    ("HNO", "ca:HNO"),
    ("HNS", "ca:HNS"),
    ("LMK", "ca:LMK"),
    ("LOC", "ca:LOC"),
    ("FLR", "ca:FLR"),
    ("NAM", "ca:NAM"),
    ("PC", "ca:PC"),
    ("BLD", "ca:BLD"),
    ("UNIT", "ca:UNIT"),
    ("ROOM", "ca:ROOM"),
    ("SEAT", "ca:SEAT"),
    ("PLC", "ca:PLC"),
    ("PCN", "ca:PCN"),
    ("POBOX", "ca:POBOX"),
    ("ADDCODE", "ca:ADDCODE"),
];

/// How much of an address is told (RFC 6772 §6.5.1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum CivicLevel {
    /// Nothing.
    #[default]
    None,
    /// The country.
    Country,
    /// And its first division.
    Region,
    /// And the city.
    City,
    /// And the building.
    Building,
    /// Everything.
    Full,
}

/// An address as its parts, in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Civic {
    /// Language of the names (RFC 5646).
    pub language: Option<String>,
    /// Number in [`ORDER`] and text, ascending.
    parts: Vec<(usize, String)>,
}

/// Addresses are where people are: their `Debug` shows none.
impl std::fmt::Debug for Civic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Civic({} parts, …)", self.parts.len())
    }
}

impl Civic {
    /// An address in a language, without parts.
    pub fn in_language(language: &str) -> Self {
        Self { language: Some(language.to_owned()), parts: Vec::new() }
    }

    /// Puts the text of an element (`country`, `A1` … `ADDCODE`); whether there is an element of this name.
    pub fn put(&mut self, element: &str, text: &str) -> bool {
        let Some(number) = ORDER.iter().position(|(name, _)| *name == element) else { return false };
        let at = self.parts.partition_point(|(n, _)| *n < number);
        match self.parts.get_mut(at).filter(|(n, _)| *n == number) {
            Some((_, old)) => text.clone_into(old),
            None => self.parts.insert(at, (number, text.to_owned())),
        }
        true
    }

    /// The text of an element.
    pub fn get(&self, element: &str) -> Option<&str> {
        let number = ORDER.iter().position(|(name, _)| *name == element)?;
        self.parts.iter().find(|(n, _)| *n == number).map(|(_, text)| text.as_str())
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What remains of it at a level; `None` where nothing does.
    pub fn at_level(&self, level: CivicLevel) -> Option<Self> {
        let told = |element: &str| match level {
            CivicLevel::None => false,
            CivicLevel::Country => element == "country",
            CivicLevel::Region => matches!(element, "country" | "A1"),
            CivicLevel::City => matches!(element, "country" | "A1" | "A2" | "A3" | "PCN"),
            CivicLevel::Building => !matches!(
                element,
                "LOC" | "FLR" | "NAM" | "UNIT" | "ROOM" | "SEAT" | "PLC" | "POBOX" | "ADDCODE"
            ),
            CivicLevel::Full => true,
        };
        let named = |number: usize| ORDER.get(number).is_some_and(|(name, _)| told(name));
        let parts: Vec<_> = self.parts.iter().filter(|(n, _)| named(*n)).cloned().collect();
        (!parts.is_empty()).then(|| Self { language: self.language.clone(), parts })
    }

    pub(super) fn read(node: Node<'_>) -> Option<Self> {
        let mut civic =
            Self { language: node.attribute_in(XML, "lang").map(str::to_owned), parts: Vec::new() };
        for child in node.children().filter(|c| is_civic(c.space())) {
            // Parts of extensions (RFC 6848) are in namespaces of their own, and are passed over.
            civic.put(child.name(), child.text());
        }
        (!civic.is_empty()).then_some(civic)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.open("ca:civicAddress");
        if let Some(language) = &self.language {
            out.attribute("xml:lang", language);
        }
        for (number, text) in &self.parts {
            if let Some((_, name)) = ORDER.get(*number) {
                out.leaf(name, text);
            }
        }
        out.close();
    }
}

/// Whether a namespace is one of civic addresses.
pub(crate) fn is_civic(space: &str) -> bool {
    space == CIVIC || space == OLD_CIVIC
}
