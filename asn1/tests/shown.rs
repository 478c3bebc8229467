//! Compares the `{:?}` text of a generated value with the JSON of a vector.
//!
//! The generated types have no serialisation of their own; their derived `Debug` shows every member, and that is
//! compared with what an independent codec says the message contains.

use std::collections::VecDeque;

use serde_json::Value;

/// The `{:?}` text as a tree.
#[derive(Debug)]
enum Shown {
    /// A name by itself: an enumeration item, `None`, a boolean.
    Name(String),
    /// A number, or anything else without structure.
    Plain(String),
    Struct(Vec<(String, Shown)>),
    Tuple(String, Vec<Shown>),
    List(Vec<Shown>),
    Octets(Vec<u8>),
    Bits(Vec<bool>),
}

/// Says where the text and the value differ.
pub(crate) fn compare(text: &str, value: &Value) -> Result<(), String> {
    let mut parser = Parser { text: text.as_bytes(), at: 0 };
    let shown = parser.shown();
    assert_eq!(parser.at, text.len(), "unread: {}", &text[parser.at..]);
    same(&shown, value)
}

/// A name without what differs between ASN.1 and Rust, where a keyword gets a prefix.
fn plain(name: &str) -> String {
    let name = if name == "R_true" { "true" } else { name };
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn differ<T>(shown: &Shown, value: &Value) -> Result<T, String> {
    Err(format!("{shown:?} is not {value}"))
}

fn same(shown: &Shown, value: &Value) -> Result<(), String> {
    match (shown, value) {
        (Shown::Tuple(name, inside), _) if name == "Some" => same(&inside[0], value),
        (Shown::Name(name), Value::Bool(value)) => {
            if *name == value.to_string() {
                Ok(())
            } else {
                differ(shown, &Value::from(*value))
            }
        }
        (Shown::Name(name), Value::String(item)) if plain(name) == plain(item) => Ok(()),
        (Shown::Tuple(name, inside), Value::Object(_)) if !value["$unknownEnum"].is_null() => {
            if name == "unknown_ext" {
                same(&inside[0], &value["$unknownEnum"]["extIndex"])
            } else {
                differ(shown, value)
            }
        }
        (Shown::Plain(text), Value::Number(number)) if *text == number.to_string() => Ok(()),
        (Shown::Plain(text), Value::String(time)) if time.ends_with('Z') => same_time(text, time),
        (Shown::Tuple(name, inside), Value::Null) if name.is_empty() && inside.is_empty() => Ok(()),
        (Shown::Octets(octets), Value::String(digits)) if *digits == hex(octets) => Ok(()),
        (Shown::Bits(bits), Value::Object(_)) => same_bits(bits, value),
        (Shown::Struct(members), Value::Object(_)) => same_members(members, value),
        (Shown::Name(_), Value::Object(members)) if members.is_empty() => Ok(()),
        (Shown::List(elements), Value::Array(values)) if elements.len() == values.len() => {
            elements.iter().zip(values).enumerate().try_for_each(|(place, (element, value))| {
                same(element, value).map_err(|difference| format!("[{place}] {difference}"))
            })
        }
        (Shown::Tuple(name, inside), _) if inside.len() == 1 => same_tuple(name, &inside[0], value),
        _ => differ(shown, value),
    }
}

/// An alternative of a CHOICE, a newtype, or one of rasn's strings.
fn same_tuple(name: &str, inside: &Shown, value: &Value) -> Result<(), String> {
    if let Value::Object(members) = value
        && members.len() == 1
        && let Some((key, chosen)) = members.iter().next()
    {
        if key == "$unknownChoice" {
            let Shown::Struct(members) = inside else { return differ(inside, value) };
            let [(_, index), (_, octets)] = members.as_slice() else { return differ(inside, value) };
            assert_eq!(name, "unknown_ext");
            same(index, &chosen["extIndex"])?;
            return same(&Shown::Octets(numbers(octets)), &chosen["openTypeHex"]);
        }
        if plain(key) == plain(name) {
            return same(inside, chosen).map_err(|difference| format!("{key}: {difference}"));
        }
    }
    match (name, value) {
        ("Ia5String" | "VisibleString", Value::String(text)) => {
            if numbers(inside) == text.as_bytes() {
                Ok(())
            } else {
                differ(inside, value)
            }
        }
        ("ObjectIdentifier", Value::String(_)) => Ok(()),
        _ => same(inside, value),
    }
}

fn numbers(shown: &Shown) -> Vec<u8> {
    match shown {
        Shown::List(elements) => elements
            .iter()
            .map(|element| match element {
                Shown::Plain(number) => number.parse().unwrap(),
                other => panic!("{other:?} is no number"),
            })
            .collect(),
        Shown::Octets(octets) => octets.clone(),
        other => panic!("{other:?} is no list of numbers"),
    }
}

/// The members of a SEQUENCE, those of its addition groups among them.
fn same_members(members: &[(String, Shown)], value: &Value) -> Result<(), String> {
    let mut left = value.as_object().unwrap().clone();
    // In order, because two names may differ by a capital alone.
    let mut open: VecDeque<&(String, Shown)> = members.iter().collect();
    while let Some((name, shown)) = open.pop_front() {
        let absent = matches!(shown, Shown::Name(name) if name == "None");
        if let Some(key) = left.keys().find(|key| plain(key) == plain(name)).cloned() {
            let value = left.shift_remove(&key).unwrap();
            same(shown, &value).map_err(|difference| format!("{key}: {difference}"))?;
        } else if name.starts_with("ext") && !absent {
            let Shown::Tuple(_, inside) = shown else { return Err(format!("{name} is no group: {shown:?}")) };
            match &inside[0] {
                Shown::Struct(group) => open.extend(group),
                // The NR methods of slim LPP, which are not read.
                _ => left.retain(|key, _| !key.starts_with("nr-")),
            }
        } else if !absent && !name.starts_with("reporting_amount") {
            return Err(format!("{name} should be absent, is {shown:?}"));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("missing: {left:?}")) }
}

/// `2026-08-01T00:00:00Z` and `260801000000Z`.
fn same_time(text: &str, time: &str) -> Result<(), String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.get(2..) == time.strip_suffix('Z') { Ok(()) } else { Err(format!("{text} is not {time}")) }
}

/// A fixed-size string shows more bits than it has.
fn same_bits(bits: &[bool], value: &Value) -> Result<(), String> {
    let length = value["length"].as_u64().unwrap() as usize;
    let digits = value["value"].as_str().unwrap();
    let wanted: Vec<bool> = digits
        .chars()
        .flat_map(|digit| (0..4).rev().map(move |bit| digit.to_digit(16).unwrap() >> bit & 1 == 1))
        .take(length)
        .collect();
    if bits.len() >= length && bits[..length] == wanted {
        Ok(())
    } else {
        Err(format!("{bits:?} is not {value}"))
    }
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark.as_bytes());
        self.at += if found { mark.len() } else { 0 };
        found
    }

    fn until(&mut self, end: impl Fn(u8) -> bool) -> String {
        let length = self.rest().iter().position(|c| end(*c)).unwrap_or(self.rest().len());
        let found = String::from_utf8(self.rest()[..length].to_vec()).unwrap();
        self.at += length;
        found
    }

    fn shown(&mut self) -> Shown {
        if self.take("b\"") {
            return Shown::Octets(self.octets());
        }
        if self.take("[") {
            return Shown::List(self.list("]"));
        }
        if self.take("(") {
            return Shown::Tuple(String::new(), self.list(")"));
        }
        if self.rest().starts_with(b"Bit")
            && (self.rest().starts_with(b"BitVec<") || self.rest().starts_with(b"BitArray<"))
        {
            while !self.take("} ") {
                self.at += 1;
            }
            self.take("[");
            let bits = self.list("]");
            return Shown::Bits(
                bits.iter().map(|bit| matches!(bit, Shown::Plain(one) if one == "1")).collect(),
            );
        }
        let name = self.until(|c| !(c.is_ascii_alphanumeric() || b"_#-:.+".contains(&c)));
        if self.take(" { ") {
            let mut members = Vec::new();
            while !self.take(" }") {
                let member = self.until(|c| c == b':');
                assert!(self.take(": "));
                members.push((member, self.shown()));
                self.take(", ");
            }
            return Shown::Struct(members);
        }
        if self.take("(") {
            return Shown::Tuple(name, self.list(")"));
        }
        if name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            Shown::Plain(name)
        } else {
            Shown::Name(name)
        }
    }

    fn list(&mut self, end: &str) -> Vec<Shown> {
        let mut elements = Vec::new();
        while !self.take(end) {
            elements.push(self.shown());
            self.take(", ");
        }
        elements
    }

    /// The inside of a byte string literal.
    fn octets(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        loop {
            let c = self.text[self.at];
            self.at += 1;
            match c {
                b'"' => return octets,
                b'\\' => {
                    let escape = self.text[self.at];
                    self.at += 1;
                    octets.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'0' => 0,
                        b'x' => {
                            let digits = std::str::from_utf8(&self.text[self.at..self.at + 2]).unwrap();
                            self.at += 2;
                            u8::from_str_radix(digits, 16).unwrap()
                        }
                        other => other,
                    });
                }
                other => octets.push(other),
            }
        }
    }
}
