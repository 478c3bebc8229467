//! JSON to UPER, led by a schema.

use serde_json::{Map, Value};

use super::bits::Writer;
use super::error::{InspectError, Problem};
use super::schema::{
    Addition, Alphabet, Choice, Field, Interval, Items, Node, Schema, Sequence, TypeId, bits_for,
};
use super::{MAX_DEPTH, UNKNOWN_CHOICE, UNKNOWN_ENUM, payload, utc_time_is_valid};

/// Writes one complete value.
pub(super) fn encode(schema: &Schema, ty: TypeId, value: &Value) -> Result<Vec<u8>, InspectError> {
    complete(schema, ty, value, 0)
}

fn complete(schema: &Schema, ty: TypeId, value: &Value, depth: usize) -> Result<Vec<u8>, InspectError> {
    let mut writer = Writer::default();
    Encoder { schema, depth }.value(ty, value, &mut writer)?;
    Ok(writer.finish())
}

struct Encoder<'s> {
    schema: &'s Schema,
    depth: usize,
}

impl Encoder<'_> {
    fn value(&mut self, ty: TypeId, value: &Value, writer: &mut Writer) -> Result<(), InspectError> {
        if self.depth == MAX_DEPTH {
            return Err(Problem::Depth.into());
        }
        self.depth += 1;
        match self.schema.node(ty) {
            Node::Boolean => writer.bit(value.as_bool().ok_or(Problem::Expected("true or false"))?),
            Node::Null => {
                if !value.is_null() {
                    return Err(Problem::Expected("null").into());
                }
            }
            Node::Integer(range) => integer(writer, *range, integer_of(value)?)?,
            Node::Enumerated(items) => enumerated(writer, items, value)?,
            Node::BitString { named, size } => bit_string(writer, *named, *size, value)?,
            Node::OctetString(size) => octets(writer, *size, &payload::octets_of(value)?)?,
            Node::CharString(alphabet, size) => characters(writer, alphabet, *size, text_of(value)?)?,
            Node::Utf8String => octets(writer, Interval::ANY_SIZE, text_of(value)?.as_bytes())?,
            Node::UtcTime => utc_time(writer, text_of(value)?)?,
            Node::ObjectIdentifier => object_identifier(writer, text_of(value)?)?,
            Node::Sequence(sequence) => self.sequence(writer, sequence, value)?,
            Node::Choice(choice) => self.choice(writer, choice, value)?,
            Node::SequenceOf(size, element) => self.sequence_of(writer, *size, *element, value)?,
            Node::Alias(target) => self.value(*target, value, writer)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn sequence(
        &mut self,
        writer: &mut Writer,
        sequence: &Sequence,
        value: &Value,
    ) -> Result<(), InspectError> {
        let members = value.as_object().ok_or(Problem::Expected("an object"))?;
        let additions = sequence.additions.as_deref().unwrap_or_default();
        let known = |name: &String| {
            sequence.root.iter().any(|field| field.name == *name)
                || additions.iter().any(|addition| addition.fields().iter().any(|field| field.name == *name))
        };
        if let Some(name) = members.keys().find(|name| !known(name)) {
            return Err(Problem::NoMember(name.clone()).into());
        }
        let present: Vec<bool> = additions
            .iter()
            .map(|addition| addition.fields().iter().any(|field| to_send(field, members).is_some()))
            .collect();
        let extended = present.contains(&true);
        if sequence.additions.is_some() {
            writer.bit(extended);
        }
        self.fields(writer, &sequence.root, members)?;
        if !extended {
            return Ok(());
        }
        if let count @ 1..=64 = present.len() {
            writer.bit(false);
            writer.number(count as u64 - 1, 6);
            for addition in &present {
                writer.bit(*addition);
            }
        } else {
            writer.bit(true);
            fragments(writer, present.len(), |writer, from, to| {
                present[from..to].iter().for_each(|present| writer.bit(*present));
                Ok(())
            })?;
        }
        for (addition, _) in additions.iter().zip(present).filter(|(_, present)| *present) {
            let content = match addition {
                Addition::Field(field) => {
                    let value = members.get(&field.name).unwrap_or(&Value::Null);
                    complete(self.schema, field.ty, value, self.depth)
                        .map_err(|error| error.within(&field.name))?
                }
                Addition::Group(fields) => {
                    let mut inside = Writer::default();
                    self.fields(&mut inside, fields, members)?;
                    inside.finish()
                }
            };
            octets(writer, Interval::ANY_SIZE, &content)?;
        }
        Ok(())
    }

    fn fields(
        &mut self,
        writer: &mut Writer,
        fields: &[Field],
        members: &Map<String, Value>,
    ) -> Result<(), InspectError> {
        for field in fields {
            if field.has_bit() {
                writer.bit(to_send(field, members).is_some());
            }
        }
        for field in fields {
            match to_send(field, members) {
                Some(value) => {
                    self.value(field.ty, value, writer).map_err(|error| error.within(&field.name))?;
                }
                None if field.has_bit() => {}
                None => return Err(Problem::Missing(field.name.clone()).into()),
            }
        }
        Ok(())
    }

    fn choice(&mut self, writer: &mut Writer, choice: &Choice, value: &Value) -> Result<(), InspectError> {
        let mut chosen = value.as_object().into_iter().flatten();
        let (Some((name, value)), None) = (chosen.next(), chosen.next()) else {
            return Err(Problem::Expected("an object with one member").into());
        };
        if let Some(index) = choice.root.iter().position(|(other, _)| other == name) {
            if choice.additions.is_some() {
                writer.bit(false);
            }
            writer.number(index as u64, bits_for(choice.root.len() as u128 - 1));
            return self.value(choice.root[index].1, value, writer).map_err(|error| error.within(name));
        }
        let Some(additions) = &choice.additions else {
            return Err(Problem::NoAlternative(name.clone()).into());
        };
        let (index, content) = if name == UNKNOWN_CHOICE {
            let index = value.get("extIndex").and_then(Value::as_u64).ok_or(Problem::Expected("extIndex"))?;
            let content = value.get("openTypeHex").ok_or(Problem::Expected("openTypeHex"))?;
            (index as usize, hex_of(content)?)
        } else if let Some(index) = additions.iter().position(|(other, _)| other == name) {
            let content = complete(self.schema, additions[index].1, value, self.depth)
                .map_err(|error| error.within(name))?;
            (index, content)
        } else {
            return Err(Problem::NoAlternative(name.clone()).into());
        };
        writer.bit(true);
        small_number(writer, index)?;
        octets(writer, Interval::ANY_SIZE, &content)
    }

    fn sequence_of(
        &mut self,
        writer: &mut Writer,
        size: Interval,
        element: TypeId,
        value: &Value,
    ) -> Result<(), InspectError> {
        let elements = value.as_array().ok_or(Problem::Expected("an array"))?;
        sized(writer, size, elements.len(), |writer, from, to| {
            for (place, element_value) in elements[from..to].iter().enumerate() {
                self.value(element, element_value, writer)
                    .map_err(|error| error.within(&format!("[{}]", from + place)))?;
            }
            Ok(())
        })
    }
}

/// The value of a member if it is there and not its default.
fn to_send<'v>(field: &Field, members: &'v Map<String, Value>) -> Option<&'v Value> {
    members.get(&field.name).filter(|value| field.default.as_ref() != Some(*value))
}

fn text_of(value: &Value) -> Result<&str, InspectError> {
    Ok(value.as_str().ok_or(Problem::Expected("a string"))?)
}

fn integer_of(value: &Value) -> Result<i128, InspectError> {
    let number = value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from))
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    Ok(number.ok_or(Problem::Expected("a whole number"))?)
}

/// Octets from hexadecimal digits.
pub(super) fn hex_of(value: &Value) -> Result<Vec<u8>, InspectError> {
    let (octets, digits) = nibbles(text_of(value)?)?;
    if digits % 2 == 0 { Ok(octets) } else { Err(Problem::Expected("an even number of digits").into()) }
}

/// Hexadecimal digits packed into octets, and their number.
fn nibbles(text: &str) -> Result<(Vec<u8>, usize), InspectError> {
    let mut octets = Vec::with_capacity(text.len().div_ceil(2));
    for (place, c) in text.chars().enumerate() {
        let digit = c.to_digit(16).ok_or(Problem::Expected("hexadecimal digits"))? as u8;
        match octets.last_mut() {
            Some(last) if place % 2 == 1 => *last |= digit,
            _ => octets.push(digit << 4),
        }
    }
    Ok((octets, text.len()))
}

fn integer(writer: &mut Writer, range: Interval, value: i128) -> Result<(), InspectError> {
    let in_root = range.contains(value);
    if range.extensible {
        writer.bit(!in_root);
    } else if !in_root {
        return Err(Problem::Range { value, range: range.text() }.into());
    }
    match (range.low, range.high) {
        (Some(low), Some(high)) if in_root => {
            writer.number((value - low) as u64, bits_for(high.saturating_sub(low).unsigned_abs()));
            Ok(())
        }
        (Some(low), None) if in_root => {
            let offset = value.checked_sub(low).ok_or(Problem::Integer(16))?;
            octets(writer, Interval::ANY_SIZE, shortest_unsigned(&offset.to_be_bytes()))
        }
        _ => octets(writer, Interval::ANY_SIZE, shortest_signed(&value.to_be_bytes())),
    }
}

fn shortest_unsigned(octets: &[u8]) -> &[u8] {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len() - 1);
    &octets[start..]
}

/// Leading octets that only repeat the sign are left out.
fn shortest_signed(octets: &[u8]) -> &[u8] {
    let mut rest = octets;
    while let [first, second, ..] = rest
        && ((*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80))
    {
        rest = &rest[1..];
    }
    rest
}

fn enumerated(writer: &mut Writer, items: &Items, value: &Value) -> Result<(), InspectError> {
    if let Some(index) = value.get(UNKNOWN_ENUM).and_then(|unknown| unknown.get("extIndex")) {
        let index = index.as_u64().ok_or(Problem::Expected("a whole number"))?;
        if items.additions.is_none() {
            return Err(Problem::NoItem(UNKNOWN_ENUM.to_owned()).into());
        }
        writer.bit(true);
        return small_number(writer, index as usize);
    }
    let name = text_of(value)?;
    if let Some(index) = items.root.iter().position(|other| other == name) {
        if items.additions.is_some() {
            writer.bit(false);
        }
        writer.number(index as u64, bits_for(items.root.len() as u128 - 1));
        return Ok(());
    }
    let index = items.additions.iter().flatten().position(|other| other == name);
    let index = index.ok_or_else(|| Problem::NoItem(name.to_owned()))?;
    writer.bit(true);
    small_number(writer, index)
}

fn small_number(writer: &mut Writer, value: usize) -> Result<(), InspectError> {
    if value < 64 {
        writer.bit(false);
        writer.number(value as u64, 6);
        return Ok(());
    }
    writer.bit(true);
    octets(writer, Interval::ANY_SIZE, shortest_unsigned(&value.to_be_bytes()))
}

/// Writes general lengths (X.691 clause 11.9) and calls `write` with the ends of each piece.
fn fragments(
    writer: &mut Writer,
    count: usize,
    mut write: impl FnMut(&mut Writer, usize, usize) -> Result<(), InspectError>,
) -> Result<(), InspectError> {
    let mut at = 0;
    while count - at >= 16_384 {
        let units = ((count - at) / 16_384).min(4);
        writer.number(0b1100_0000 | units as u64, 8);
        write(writer, at, at + units * 16_384)?;
        at += units * 16_384;
    }
    let rest = count - at;
    if rest < 128 {
        writer.number(rest as u64, 8);
    } else {
        writer.number(0x8000 | rest as u64, 16);
    }
    write(writer, at, count)
}

fn sized(
    writer: &mut Writer,
    size: Interval,
    count: usize,
    mut write: impl FnMut(&mut Writer, usize, usize) -> Result<(), InspectError>,
) -> Result<(), InspectError> {
    let in_root = size.contains(count as i128);
    if size.extensible {
        writer.bit(!in_root);
    } else if !in_root {
        return Err(Problem::Size { size: count, range: size.text() }.into());
    }
    match (size.low, size.high) {
        (Some(low), Some(high)) if in_root && high < 65_536 => {
            writer.number(count as u64 - low as u64, bits_for(high.saturating_sub(low).unsigned_abs()));
            write(writer, 0, count)
        }
        _ => fragments(writer, count, write),
    }
}

fn octets(writer: &mut Writer, size: Interval, octets: &[u8]) -> Result<(), InspectError> {
    sized(writer, size, octets.len(), |writer, from, to| {
        writer.packed(&octets[from..to], (to - from) * 8);
        Ok(())
    })
}

fn bit_string(writer: &mut Writer, named: bool, size: Interval, value: &Value) -> Result<(), InspectError> {
    let expected = Problem::Expected("an object with value (hexadecimal digits) and length (bits)");
    let (Some(digits), Some(bits)) = (
        value.get("value").and_then(Value::as_str),
        value.get("length").and_then(Value::as_u64).and_then(|bits| usize::try_from(bits).ok()),
    ) else {
        return Err(expected.into());
    };
    let (packed, digits) = nibbles(digits)?;
    if digits < bits.div_ceil(4) {
        return Err(expected.into());
    }
    let set = |bit: usize| packed.get(bit / 8).is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0);
    let mut bits = bits;
    if named {
        // Trailing zero bits mean nothing where bits have names, and are not sent.
        let least = size.low.unwrap_or(0) as usize;
        while bits > least && !set(bits - 1) {
            bits -= 1;
        }
    }
    sized(writer, size, bits, |writer, from, to| {
        writer.packed(&packed[from / 8..], to - from);
        Ok(())
    })
}

fn characters(
    writer: &mut Writer,
    alphabet: &Alphabet,
    size: Interval,
    text: &str,
) -> Result<(), InspectError> {
    let mut codes = Vec::with_capacity(text.len());
    for c in text.chars() {
        let code = match (&alphabet.indexed, &alphabet.allowed) {
            (Some(indexed), _) => indexed.iter().position(|other| *other == c),
            (None, Some(allowed)) => allowed.contains(&c).then_some(c as usize),
            (None, None) => (u32::from(c) < 65_536).then_some(c as usize),
        };
        codes.push(code.ok_or(Problem::Character(c.into()))? as u64);
    }
    sized(writer, size, codes.len(), |writer, from, to| {
        codes[from..to].iter().for_each(|code| writer.number(*code, alphabet.width));
        Ok(())
    })
}

fn utc_time(writer: &mut Writer, text: &str) -> Result<(), InspectError> {
    if !utc_time_is_valid(text) {
        return Err(Problem::Text("a UTCTime").into());
    }
    fragments(writer, text.len(), |writer, from, to| {
        text.as_bytes()[from..to].iter().for_each(|octet| writer.number((*octet).into(), 7));
        Ok(())
    })
}

fn object_identifier(writer: &mut Writer, text: &str) -> Result<(), InspectError> {
    let bad = || Problem::Text("an object identifier");
    let arcs: Vec<u64> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
    let [first @ 0..=2, second, rest @ ..] = arcs.as_slice() else { return Err(bad().into()) };
    if *first < 2 && *second >= 40 {
        return Err(bad().into());
    }
    let joined = second.checked_add(first * 40).ok_or_else(bad)?;
    let mut content = Vec::new();
    for arc in std::iter::once(&joined).chain(rest) {
        let groups = bits_for((*arc).into()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            content.push(more | ((arc >> (7 * group)) & 0x7f) as u8);
        }
    }
    octets(writer, Interval::ANY_SIZE, &content)
}
