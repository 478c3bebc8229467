//! The grammar of MLP as Rust types: traits for elements, groups and values, and the macros that write them down.
//!
//! Each element of the DTD is one struct, declared by [`element!`] with a line per attribute and child in the DTD's order.
//! From that declaration come the struct itself, its reader (which takes children in any order), its writer (in the
//! DTD's order), its gate (what an older version does not know leaves) and, in tests, a generator of examples. So a line of
//! the grammar is said once.
//!
//! The kinds of a line:
//!
//! | kind | stands for | field |
//! |---|---|---|
//! | `attr` | attribute with a default | `T` |
//! | `attr_opt`, `attr_req` | attribute without, optional or mandatory | `Option<T>`, `T` |
//! | `text` | the element's own text | `T` |
//! | `one`, `opt`, `many` | child element once, at most once, often (`min`, `max`) | `T`, `Option<T>`, `Vec<T>` |
//! | `flag` | empty child element that is there or not | `bool` |
//! | `choice`, `choice_opt`, `choices` | one of several elements ([`choice!`]) | `T`, `Option<T>`, `Vec<T>` |
//! | `group`, `group_opt` | several elements that belong together ([`Group`]) | `T`, `Option<T>` |

use super::fault::{FaultKind, ParseFault};
use super::version::Version;
use super::xml::names::is_known;
use super::xml::tree::Node;
use super::xml::writer::Writer;

pub(crate) type Read<T> = Result<T, ParseFault>;

/// An element.
pub(crate) trait Element: Sized {
    fn read(node: Node<'_>) -> Read<Self>;
    fn write(&self, name: &'static str, out: &mut Writer);
    /// Takes away what the version does not know; `false` when the element cannot be said in it at all.
    fn gate(&mut self, to: Version) -> bool;
}

/// One of several elements.
pub(crate) trait Choice: Sized {
    const NAMES: &'static [&'static str];
    fn read(node: Node<'_>) -> Read<Self>;
    fn write(&self, out: &mut Writer);
    fn gate(&mut self, to: Version) -> bool;
}

/// Elements that belong together inside another.
pub(crate) trait Group: Sized {
    /// The element to name when the group is missing.
    const NAME: &'static str;
    fn take(parent: Node<'_>) -> Read<Option<Self>>;
    fn put(&self, out: &mut Writer);
    fn gate(&mut self, to: Version) -> bool;
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not in the format.
    Format,
    /// Out of range.
    Range,
}

/// The text of an element.
pub(crate) trait Value: Sized {
    fn parse(text: &str) -> Result<Self, Flaw>;
    fn print(&self, out: &mut Writer);
}

/// The value of an attribute.
pub(crate) trait Token: Sized {
    fn parse(text: &str) -> Option<Self>;
    fn print(&self, out: &mut Writer);
    /// Brings the value to the nearest that the version knows; `false` when there is none.
    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

impl<T: Element> Element for Box<T> {
    fn read(node: Node<'_>) -> Read<Self> {
        T::read(node).map(Box::new)
    }
    fn write(&self, name: &'static str, out: &mut Writer) {
        (**self).write(name, out);
    }
    fn gate(&mut self, to: Version) -> bool {
        (**self).gate(to)
    }
}

impl Node<'_> {
    fn unclaimed(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name && !child.claimed()).inspect(|child| child.claim())
    }

    pub(crate) fn opt<T: Element>(self, name: &str) -> Read<Option<T>> {
        self.unclaimed(name).map(T::read).transpose()
    }

    pub(crate) fn one<T: Element>(self, name: &str) -> Read<T> {
        self.opt(name)?.ok_or_else(|| Self::missing(name))
    }

    pub(crate) fn many<T: Element>(self, name: &str, min: usize, max: usize) -> Read<Vec<T>> {
        let mut all = Vec::new();
        for child in self.children().filter(|child| child.name() == name) {
            if all.len() >= max {
                return Err(ParseFault::new(FaultKind::Misplaced, name));
            }
            child.claim();
            all.push(T::read(child)?);
        }
        if all.len() < min { Err(Self::missing(name)) } else { Ok(all) }
    }

    pub(crate) fn flag(self, name: &str) -> Read<bool> {
        Ok(self.opt::<Empty>(name)?.is_some())
    }

    pub(crate) fn choice_opt<T: Choice>(self) -> Read<Option<T>> {
        let found = self.children().find(|child| T::NAMES.contains(&child.name()) && !child.claimed());
        found.inspect(|child| child.claim()).map(T::read).transpose()
    }

    pub(crate) fn choice<T: Choice>(self) -> Read<T> {
        self.choice_opt()?.ok_or_else(|| Self::missing(T::NAMES.first().unwrap_or(&"")))
    }

    pub(crate) fn choices<T: Choice>(self, min: usize) -> Read<Vec<T>> {
        let all: Vec<T> = self
            .children()
            .filter(|child| T::NAMES.contains(&child.name()))
            .inspect(|child| child.claim())
            .map(T::read)
            .collect::<Read<_>>()?;
        if all.len() < min { Err(Self::missing(T::NAMES.first().unwrap_or(&""))) } else { Ok(all) }
    }

    pub(crate) fn group<T: Group>(self) -> Read<T> {
        T::take(self)?.ok_or_else(|| Self::missing(T::NAME))
    }

    pub(crate) fn value<T: Value>(self) -> Read<T> {
        T::parse(self.take_text()).map_err(|flaw| {
            let kind = match flaw {
                Flaw::Format => FaultKind::Format,
                Flaw::Range => FaultKind::Value,
            };
            ParseFault::new(kind, self.name())
        })
    }

    pub(crate) fn attr<T: Token>(self, name: &str) -> Read<Option<T>> {
        self.take_attribute(name)
            .map(|text| {
                T::parse(text)
                    .ok_or_else(|| ParseFault::at_attribute(FaultKind::AttributeValue, self.name(), name))
            })
            .transpose()
    }

    pub(crate) fn missing_attr(self, name: &str) -> ParseFault {
        ParseFault::at_attribute(FaultKind::Missing, self.name(), name)
    }

    fn missing(name: &str) -> ParseFault {
        ParseFault::new(FaultKind::Missing, name)
    }

    /// Looks at what nobody has taken of this element. In a document that announces extensions, and wherever a name has a
    /// prefix, unknown elements and attributes are passed over; so is everything unknown in what servers send.
    pub(crate) fn finish(self) -> Read<()> {
        let lenient = self.is_lenient();
        if self.has_stray_text() && !lenient {
            return Err(
                ParseFault::new(FaultKind::Misplaced, self.name()).because("text is not allowed here")
            );
        }
        // Any element may say its version.
        self.take_attribute("ver");
        if !lenient && let Some(name) = self.stray_attributes().next() {
            return Err(ParseFault::at_attribute(FaultKind::UnknownAttribute, self.name(), name));
        }
        for child in self.children().filter(|child| !child.claimed()) {
            let name = child.name();
            if is_known(name) && !child.prefixed() && !lenient {
                return Err(ParseFault::new(FaultKind::Misplaced, name));
            }
            if !lenient && !child.prefixed() {
                return Err(ParseFault::new(FaultKind::UnknownElement, name));
            }
        }
        Ok(())
    }
}

/// An element without content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Empty;

impl Element for Empty {
    fn read(node: Node<'_>) -> Read<Self> {
        node.finish()?;
        Ok(Self)
    }
    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        out.close(name);
    }
    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

/// Elements with nothing but text.
macro_rules! text_elements {
    ($($type:ty),* $(,)?) => { $(
        impl $crate::le::mlp::schema::Element for $type {
            fn read(node: $crate::le::mlp::xml::tree::Node<'_>) -> $crate::le::mlp::schema::Read<Self> {
                let value = node.value()?;
                node.finish()?;
                Ok(value)
            }
            fn write(&self, name: &'static str, out: &mut $crate::le::mlp::xml::writer::Writer) {
                out.open(name);
                $crate::le::mlp::schema::Value::print(self, out);
                out.close(name);
            }
            fn gate(&mut self, _to: $crate::le::mlp::version::Version) -> bool {
                true
            }
        }
    )* };
}
pub(crate) use text_elements;

macro_rules! since {
    () => {
        $crate::le::mlp::version::Version::V3_0
    };
    ($since:ident) => {
        $crate::le::mlp::version::Version::$since
    };
}
pub(crate) use since;

macro_rules! or_default {
    (, $default:expr) => {
        $default
    };
    ($value:literal, $default:expr) => {
        $value
    };
}
pub(crate) use or_default;

macro_rules! field_type {
    (attr $type:ty) => { $type };
    (attr_opt $type:ty) => { Option<$type> };
    (attr_req $type:ty) => { $type };
    (text $type:ty) => { $type };
    (one $type:ty) => { $type };
    (opt $type:ty) => { Option<$type> };
    (many $type:ty) => { Vec<$type> };
    (flag $type:ty) => { $type };
    (choice $type:ty) => { $type };
    (choice_opt $type:ty) => { Option<$type> };
    (choices $type:ty) => { Vec<$type> };
    (group $type:ty) => { $type };
    (group_opt $type:ty) => { Option<$type> };
}
pub(crate) use field_type;

macro_rules! read_field {
    (attr $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.attr($xml)?.unwrap_or_default()
    };
    (attr_opt $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.attr($xml)?
    };
    (attr_req $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.attr($xml)?.ok_or_else(|| $node.missing_attr($xml))?
    };
    (text $node:ident [] $min:expr, $max:expr) => {
        $node.value()?
    };
    (one $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.one($xml)?
    };
    (opt $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.opt($xml)?
    };
    (many $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.many($xml, $min, $max)?
    };
    (flag $node:ident [$xml:literal] $min:expr, $max:expr) => {
        $node.flag($xml)?
    };
    (choice $node:ident [] $min:expr, $max:expr) => {
        $node.choice()?
    };
    (choice_opt $node:ident [] $min:expr, $max:expr) => {
        $node.choice_opt()?
    };
    (choices $node:ident [] $min:expr, $max:expr) => {
        $node.choices($min)?
    };
    (group $node:ident [] $min:expr, $max:expr) => {
        $node.group()?
    };
    (group_opt $node:ident [] $min:expr, $max:expr) => {
        $crate::le::mlp::schema::Group::take($node)?
    };
}
pub(crate) use read_field;

macro_rules! write_field {
    (attr $value:expr, $out:ident [$xml:literal] $since:expr) => {
        if $out.version() >= $since {
            $out.attribute($xml, |out| $crate::le::mlp::schema::Token::print(&$value, out));
        }
    };
    (attr_req $value:expr, $out:ident [$xml:literal] $since:expr) => {
        $out.attribute($xml, |out| $crate::le::mlp::schema::Token::print(&$value, out))
    };
    (attr_opt $value:expr, $out:ident [$xml:literal] $since:expr) => {
        if let Some(value) = &$value {
            $out.attribute($xml, |out| $crate::le::mlp::schema::Token::print(value, out));
        }
    };
    (text $value:expr, $out:ident [] $since:expr) => {
        $crate::le::mlp::schema::Value::print(&$value, $out)
    };
    (one $value:expr, $out:ident [$xml:literal] $since:expr) => {
        $crate::le::mlp::schema::Element::write(&$value, $xml, $out)
    };
    (opt $value:expr, $out:ident [$xml:literal] $since:expr) => {
        if let Some(value) = &$value {
            $crate::le::mlp::schema::Element::write(value, $xml, $out);
        }
    };
    (many $value:expr, $out:ident [$xml:literal] $since:expr) => {
        for value in &$value {
            $crate::le::mlp::schema::Element::write(value, $xml, $out);
        }
    };
    (flag $value:expr, $out:ident [$xml:literal] $since:expr) => {
        if $value {
            $crate::le::mlp::schema::Element::write(&$crate::le::mlp::schema::Empty, $xml, $out);
        }
    };
    (choice $value:expr, $out:ident [] $since:expr) => {
        $crate::le::mlp::schema::Choice::write(&$value, $out)
    };
    (choice_opt $value:expr, $out:ident [] $since:expr) => {
        if let Some(value) = &$value {
            $crate::le::mlp::schema::Choice::write(value, $out);
        }
    };
    (choices $value:expr, $out:ident [] $since:expr) => {
        for value in &$value {
            $crate::le::mlp::schema::Choice::write(value, $out);
        }
    };
    (group $value:expr, $out:ident [] $since:expr) => {
        $crate::le::mlp::schema::Group::put(&$value, $out)
    };
    (group_opt $value:expr, $out:ident [] $since:expr) => {
        if let Some(value) = &$value {
            $crate::le::mlp::schema::Group::put(value, $out);
        }
    };
}
pub(crate) use write_field;

/// Gates one field; its value is whether the element can still be said.
macro_rules! gate_field {
    (attr $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since || !$crate::le::mlp::schema::Token::gate(&mut $value, $to) {
            $value = Default::default();
        }
        true
    }};
    (attr_req $value:expr, $to:ident, $since:expr, $min:expr) => {
        $crate::le::mlp::schema::Token::gate(&mut $value, $to)
    };
    (attr_opt $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since || !$value.as_mut().is_some_and(|v| $crate::le::mlp::schema::Token::gate(v, $to)) {
            $value = None;
        }
        true
    }};
    (text $value:expr, $to:ident, $since:expr, $min:expr) => {
        true
    };
    (one $value:expr, $to:ident, $since:expr, $min:expr) => {
        $to >= $since && $crate::le::mlp::schema::Element::gate(&mut $value, $to)
    };
    (opt $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since || !$value.as_mut().is_some_and(|v| $crate::le::mlp::schema::Element::gate(v, $to)) {
            $value = None;
        }
        true
    }};
    (many $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since {
            $value.clear();
        }
        $value.retain_mut(|v| $crate::le::mlp::schema::Element::gate(v, $to));
        $value.iter().take($min).count() == $min
    }};
    (flag $value:expr, $to:ident, $since:expr, $min:expr) => {{
        $value &= $to >= $since;
        true
    }};
    (choice $value:expr, $to:ident, $since:expr, $min:expr) => {
        $crate::le::mlp::schema::Choice::gate(&mut $value, $to)
    };
    (choice_opt $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since || !$value.as_mut().is_some_and(|v| $crate::le::mlp::schema::Choice::gate(v, $to)) {
            $value = None;
        }
        true
    }};
    (choices $value:expr, $to:ident, $since:expr, $min:expr) => {{
        $value.retain_mut(|v| $crate::le::mlp::schema::Choice::gate(v, $to));
        $value.len() >= $min
    }};
    (group $value:expr, $to:ident, $since:expr, $min:expr) => {
        $crate::le::mlp::schema::Group::gate(&mut $value, $to)
    };
    (group_opt $value:expr, $to:ident, $since:expr, $min:expr) => {{
        if $to < $since || !$value.as_mut().is_some_and(|v| $crate::le::mlp::schema::Group::gate(v, $to)) {
            $value = None;
        }
        true
    }};
}
pub(crate) use gate_field;

/// An element as a struct; see the table above. `: versioned` writes its `ver`; `gated by f` calls `f(&mut self, version)`
/// before the fields are gated.
macro_rules! element {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(: $mark:ident)? $(, gated by $fix:path)? {
            $(
                $(#[$fmeta:meta])*
                $kind:ident $field:ident : $type:ty $(= $xml:literal)? $(, since $since:ident)?
                $(, min $min:literal)? $(, max $max:literal)?
            );* $(;)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[$fmeta])* $vis $field: $crate::le::mlp::schema::field_type!($kind $type), )*
        }

        impl $crate::le::mlp::schema::Element for $name {
            fn read(node: $crate::le::mlp::xml::tree::Node<'_>) -> $crate::le::mlp::schema::Read<Self> {
                let value = Self {
                    $( $field: $crate::le::mlp::schema::read_field!($kind node [$($xml)?]
                        $crate::le::mlp::schema::or_default!($($min)?, 0),
                        $crate::le::mlp::schema::or_default!($($max)?, usize::MAX)), )*
                };
                node.finish()?;
                Ok(value)
            }

            fn write(&self, name: &'static str, out: &mut $crate::le::mlp::xml::writer::Writer) {
                out.open(name);
                $( $crate::le::mlp::schema::versioned!($mark name, out); )?
                $( $crate::le::mlp::schema::write_field!($kind self.$field, out [$($xml)?]
                    $crate::le::mlp::schema::since!($($since)?)); )*
                out.close(name);
            }

            fn gate(&mut self, to: $crate::le::mlp::version::Version) -> bool {
                $( $fix(self, to); )?
                // Every field is gated, whatever the others say.
                let fits = [$( $crate::le::mlp::schema::gate_field!($kind self.$field, to,
                    $crate::le::mlp::schema::since!($($since)?),
                    $crate::le::mlp::schema::or_default!($($min)?, 0)) ),*];
                !fits.contains(&false)
            }
        }

        #[cfg(test)]
        impl $crate::le::mlp::sample::Sample for $name {
            fn sample(from: &mut $crate::le::mlp::sample::Source) -> Self {
                Self {
                    $( $field: $crate::le::mlp::sample::sample_field!($kind from
                        $crate::le::mlp::schema::or_default!($($min)?, 0),
                        $crate::le::mlp::schema::or_default!($($max)?, 3)), )*
                }
            }
        }
    };
}
pub(crate) use element;

macro_rules! versioned {
    (versioned $name:ident, $out:ident) => {
        $out.attribute("ver", |out| {
            let ver = $crate::le::mlp::document::element_version($name, out.version());
            out.text(ver);
        })
    };
}
pub(crate) use versioned;

/// One of several elements, as an enum.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident($type:ty) = $xml:literal $(, since $since:ident)? );* $(;)?
        }
        $(or $fallback:path)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "a document lives for a moment, and most hold the large one")]
        pub enum $name {
            $( $(#[$vmeta])* $variant($type), )*
        }

        impl $crate::le::mlp::schema::Choice for $name {
            const NAMES: &'static [&'static str] = &[$($xml),*];

            fn read(node: $crate::le::mlp::xml::tree::Node<'_>) -> $crate::le::mlp::schema::Read<Self> {
                use $crate::le::mlp::fault::{FaultKind, ParseFault};
                match node.name() {
                    $( $xml => $crate::le::mlp::schema::Element::read(node).map(Self::$variant), )*
                    other => Err(ParseFault::new(FaultKind::Misplaced, other)),
                }
            }

            fn write(&self, out: &mut $crate::le::mlp::xml::writer::Writer) {
                match self {
                    $( Self::$variant(value) => $crate::le::mlp::schema::Element::write(value, $xml, out), )*
                }
            }

            fn gate(&mut self, to: $crate::le::mlp::version::Version) -> bool {
                let fits = match self {
                    $( Self::$variant(value) => {
                        to >= $crate::le::mlp::schema::since!($($since)?)
                            && $crate::le::mlp::schema::Element::gate(value, to)
                    } )*
                };
                $( if !fits {
                    return $fallback(self, to);
                } )?
                fits
            }
        }

        #[cfg(test)]
        impl $crate::le::mlp::sample::Sample for $name {
            fn sample(from: &mut $crate::le::mlp::sample::Source) -> Self {
                let makers: &[fn(&mut $crate::le::mlp::sample::Source) -> Self] =
                    &[$( |from| Self::$variant($crate::le::mlp::sample::Sample::sample(from)) ),*];
                from.pick(makers)(from)
            }
        }
    };
}
pub(crate) use choice;

macro_rules! nearest {
    ($name:ident) => {
        None
    };
    ($name:ident $other:ident) => {
        Some($name::$other)
    };
}
pub(crate) use nearest;

/// The values of an enumerated attribute. Read whatever their case; `since V else Other` is written as `Other` before `V`, and
/// a value with `since` alone cannot be said before.
macro_rules! tokens {
    (
        $(#[$meta:meta])*
        pub enum $name:ident $(default $default:ident)? {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal $(, since $since:ident $(else $other:ident)?)? );* $(;)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it stands in documents.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }
        }

        $( impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        } )?

        impl $crate::le::mlp::schema::Token for $name {
            fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(text))
            }
            fn print(&self, out: &mut $crate::le::mlp::xml::writer::Writer) {
                out.text(self.as_str());
            }
            fn gate(&mut self, to: $crate::le::mlp::version::Version) -> bool {
                let _ = to;
                let nearest: Option<Option<Self>> = match *self {
                    $( $( Self::$variant if to < $crate::le::mlp::version::Version::$since => {
                        Some($crate::le::mlp::schema::nearest!($name $($other)?))
                    } )? )*
                    _ => None,
                };
                match nearest {
                    None => true,
                    Some(None) => false,
                    Some(Some(nearest)) => {
                        *self = nearest;
                        $crate::le::mlp::schema::Token::gate(self, to)
                    }
                }
            }
        }

        #[cfg(test)]
        impl $crate::le::mlp::sample::Sample for $name {
            fn sample(from: &mut $crate::le::mlp::sample::Source) -> Self {
                *from.pick(Self::ALL)
            }
        }
    };
}
pub(crate) use tokens;
