//! Elements into one string, without indentation.

use std::fmt::Write as _;

use crate::le::mlp::version::Version;
use crate::le::xml::writer::escape;

/// Writes a document of one version.
pub(crate) struct Writer {
    text: String,
    version: Version,
    /// A start tag awaits attributes or its end.
    open: bool,
}

impl Writer {
    pub(crate) fn new(version: Version) -> Self {
        Self { text: String::with_capacity(1024), version, open: false }
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// What stands before the root element.
    pub(crate) fn prolog(&mut self, root: &str, dtd: &str) {
        for part in
            ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE ", root, " SYSTEM \"", dtd, "\">\n"]
        {
            self.text.push_str(part);
        }
    }

    /// Starts an element; attributes may follow.
    pub(crate) fn open(&mut self, name: &str) {
        self.content();
        self.text.push('<');
        self.text.push_str(name);
        self.open = true;
    }

    /// An attribute of the element just started; `value` writes it.
    pub(crate) fn attribute(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        let open = std::mem::replace(&mut self.open, false);
        value(self);
        self.open = open;
        self.text.push('"');
    }

    /// Ends the element.
    pub(crate) fn close(&mut self, name: &str) {
        if self.open {
            self.text.push_str("/>");
            self.open = false;
        } else {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
    }

    fn content(&mut self) {
        if self.open {
            self.text.push('>');
            self.open = false;
        }
    }

    /// Text, escaped; characters that XML forbids are replaced.
    pub(crate) fn text(&mut self, text: &str) {
        self.content();
        escape(&mut self.text, text);
    }

    /// Numbers and other text that needs no escape.
    pub(crate) fn plain(&mut self, text: std::fmt::Arguments<'_>) {
        self.content();
        // Writing into a string does not fail.
        let _ = self.text.write_fmt(text);
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_escapes() {
        let mut out = Writer::new(Version::LATEST);
        out.open("a");
        out.attribute("x", |w| w.text("1 < \"2\"\n"));
        out.open("b");
        out.close("b");
        out.open("c");
        out.text("a & b\u{0}é");
        out.close("c");
        out.close("a");
        assert_eq!(out.finish(), "<a x=\"1 &lt; &quot;2&quot;&#10;\"><b/><c>a &amp; b\u{fffd}é</c></a>");
    }
}
