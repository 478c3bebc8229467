//! Elements into one string, without indentation.

use std::fmt::Write as _;

use super::decode::forbidden;

/// Writes a document. Names are written as they are given, with their prefixes; what they stand for is declared by
/// attributes like any other.
pub(crate) struct Writer {
    text: String,
    /// The open elements.
    open: Vec<&'static str>,
    /// The start tag of the last of them awaits attributes or its end.
    tag: bool,
}

impl Writer {
    /// A document in UTF-8, with its declaration.
    pub(crate) fn new() -> Self {
        let mut text = String::with_capacity(1024);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { text, open: Vec::new(), tag: false }
    }

    /// Starts an element; attributes may follow.
    pub(crate) fn open(&mut self, name: &'static str) -> &mut Self {
        self.content();
        self.text.push('<');
        self.text.push_str(name);
        self.open.push(name);
        self.tag = true;
        self
    }

    /// An attribute of the element just started.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        escape(&mut self.text, value);
        self.text.push('"');
        self
    }

    /// Ends the element that was started last.
    pub(crate) fn close(&mut self) -> &mut Self {
        let Some(name) = self.open.pop() else { return self };
        if std::mem::replace(&mut self.tag, false) {
            self.text.push_str("/>");
        } else {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
        self
    }

    /// An element with nothing but text.
    pub(crate) fn leaf(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.open(name).text(text).close()
    }

    /// Text, escaped; characters that XML forbids are replaced.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.content();
        escape(&mut self.text, text);
        self
    }

    fn content(&mut self) {
        if std::mem::replace(&mut self.tag, false) {
            self.text.push('>');
        }
    }

    /// The document; what is still open is closed.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

/// Text with what means something to XML escaped; characters that XML forbids are replaced.
pub(crate) fn escape(out: &mut String, text: &str) {
    let special = |b: &u8| matches!(b, b'<' | b'>' | b'&' | b'"' | 0xef) || *b < 0x20;
    if !text.as_bytes().iter().any(special) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Line ends and tabs would come back as blanks from an attribute, and as another line end from text.
            '\t' | '\n' | '\r' => drop(write!(out, "&#{};", u32::from(c))),
            c if forbidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_escapes() {
        let mut out = Writer::new();
        out.open("a").attribute("x", "1 < \"2\"\n");
        out.open("p:b").close();
        out.leaf("c", "a & b\u{0}é");
        let text = out.finish();
        let body = text.split_once('\n').unwrap().1;
        assert_eq!(body, "<a x=\"1 &lt; &quot;2&quot;&#10;\"><p:b/><c>a &amp; b\u{fffd}é</c></a>");
    }
}
