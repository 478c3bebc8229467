//! UPER to JSON, led by a schema.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::bits::Reader;
use super::error::{InspectError, Problem};
use super::schema::{
    Addition, Alphabet, Choice, Field, Interval, Items, Node, Schema, Sequence, TypeId, bits_for,
};
use super::{MAX_DEPTH, UNKNOWN_CHOICE, UNKNOWN_ENUM, utc_time_is_valid};

/// Elements without a bit of their own that one message may have. No constraint of the protocols allows as many; the
/// limit keeps a short message from claiming gigabytes of nothing.
const MAX_EMPTY_ELEMENTS: usize = 65_536;

/// Reads one complete value, which must fill the bytes.
pub(super) fn decode(schema: &Schema, ty: TypeId, bytes: &[u8]) -> Result<Value, InspectError> {
    let mut reader = Reader::new(bytes);
    let mut decoder = Decoder { schema, depth: 0, empty: 0 };
    let value = decoder.value(ty, &mut reader)?;
    finish(&mut reader)?;
    Ok(value)
}

/// Passes over the padding of a complete encoding, behind which nothing may come.
fn finish(reader: &mut Reader<'_>) -> Result<(), InspectError> {
    let consumed = reader.consumed();
    if consumed == 0 {
        let position = reader.position();
        if reader.number(8)? != 0 {
            return Err(InspectError::at(position, Problem::Empty));
        }
    } else {
        reader.number((8 - consumed % 8) % 8)?;
    }
    match reader.left() / 8 {
        0 => Ok(()),
        octets => Err(InspectError::at(reader.position(), Problem::TooMany(octets))),
    }
}

struct Decoder<'s> {
    schema: &'s Schema,
    depth: usize,
    empty: usize,
}

impl Decoder<'_> {
    fn value(&mut self, ty: TypeId, reader: &mut Reader<'_>) -> Result<Value, InspectError> {
        if self.depth == MAX_DEPTH {
            return Err(InspectError::at(reader.position(), Problem::Depth));
        }
        self.depth += 1;
        let value = match self.schema.node(ty) {
            Node::Boolean => reader.bit()?.into(),
            Node::Null => Value::Null,
            Node::Integer(range) => integer_value(integer(reader, *range)?),
            Node::Enumerated(items) => enumerated(reader, items)?,
            Node::BitString { size, .. } => bit_string(reader, *size)?,
            Node::OctetString(size) => hex(&octets(reader, *size)?).into(),
            Node::CharString(alphabet, size) => characters(reader, alphabet, *size)?.into(),
            Node::Utf8String => utf8(reader)?.into(),
            Node::UtcTime => utc_time(reader)?.into(),
            Node::ObjectIdentifier => object_identifier(reader)?.into(),
            Node::Sequence(sequence) => self.sequence(reader, sequence)?,
            Node::Choice(choice) => self.choice(reader, choice)?,
            Node::SequenceOf(size, element) => self.sequence_of(reader, *size, *element)?,
            Node::Alias(target) => self.value(*target, reader)?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn sequence(&mut self, reader: &mut Reader<'_>, sequence: &Sequence) -> Result<Value, InspectError> {
        let extended = sequence.additions.is_some() && reader.bit()?;
        let mut members = Map::new();
        self.fields(reader, &sequence.root, &mut members)?;
        if extended {
            self.additions(reader, sequence.additions.as_deref().unwrap_or_default(), &mut members)?;
        }
        Ok(Value::Object(members))
    }

    /// The members of a root or of an addition group: first the bits that say which are there.
    fn fields(
        &mut self,
        reader: &mut Reader<'_>,
        fields: &[Field],
        members: &mut Map<String, Value>,
    ) -> Result<(), InspectError> {
        let mut present = Vec::with_capacity(fields.len());
        for field in fields {
            present.push(!field.has_bit() || reader.bit()?);
        }
        for (field, _) in fields.iter().zip(present).filter(|(_, present)| *present) {
            let value = self.value(field.ty, reader).map_err(|error| error.within(&field.name))?;
            if field.default.as_ref() != Some(&value) {
                members.insert(field.name.clone(), value);
            }
        }
        Ok(())
    }

    /// The additions: a bitmap as long as the sender's list, then one open type for each that is there. Those that the
    /// schema does not know are passed over.
    fn additions(
        &mut self,
        reader: &mut Reader<'_>,
        known: &[Addition],
        members: &mut Map<String, Value>,
    ) -> Result<(), InspectError> {
        let position = reader.position();
        let mut present = Vec::new();
        if reader.bit()? {
            fragments(reader, |reader, count| {
                for _ in 0..count {
                    present.push(reader.bit()?);
                }
                Ok(())
            })?;
        } else {
            for _ in 0..=reader.number(6)? {
                present.push(reader.bit()?);
            }
        }
        if present.is_empty() {
            return Err(InspectError::at(position, Problem::Length));
        }
        for (index, _) in present.iter().enumerate().filter(|(_, present)| **present) {
            match known.get(index) {
                None => open_type(reader, |_| Ok(()))?,
                Some(Addition::Field(field)) => {
                    let value = open_type(reader, |inside| {
                        let value = self.value(field.ty, inside)?;
                        finish(inside)?;
                        Ok(value)
                    })
                    .map_err(|error| error.within(&field.name))?;
                    if field.default.as_ref() != Some(&value) {
                        members.insert(field.name.clone(), value);
                    }
                }
                Some(Addition::Group(fields)) => open_type(reader, |inside| {
                    self.fields(inside, fields, members)?;
                    finish(inside)
                })?,
            }
        }
        Ok(())
    }

    fn choice(&mut self, reader: &mut Reader<'_>, choice: &Choice) -> Result<Value, InspectError> {
        if choice.additions.is_some() && reader.bit()? {
            let index = small_number(reader)?;
            let known = choice.additions.as_ref().and_then(|additions| additions.get(index));
            let Some((name, ty)) = known else {
                let octets = open_type(reader, |inside| inside.packed(inside.left()))?;
                return Ok(json!({UNKNOWN_CHOICE: {"extIndex": index, "openTypeHex": hex(&octets)}}));
            };
            let value = open_type(reader, |inside| {
                let value = self.value(*ty, inside)?;
                finish(inside)?;
                Ok(value)
            })
            .map_err(|error| error.within(name))?;
            return Ok(json!({name.as_str(): value}));
        }
        let (name, ty) = indexed(reader, &choice.root)?;
        let value = self.value(*ty, reader).map_err(|error| error.within(name))?;
        Ok(json!({name.as_str(): value}))
    }

    fn sequence_of(
        &mut self,
        reader: &mut Reader<'_>,
        size: Interval,
        element: TypeId,
    ) -> Result<Value, InspectError> {
        let mut elements = Vec::new();
        sized(reader, size, |reader, count| {
            for _ in 0..count {
                let before = reader.left();
                let place = elements.len();
                elements
                    .push(self.value(element, reader).map_err(|error| error.within(&format!("[{place}]")))?);
                if reader.left() == before {
                    self.empty += 1;
                    if self.empty > MAX_EMPTY_ELEMENTS {
                        return Err(InspectError::at(reader.position(), Problem::TooManyEmpty));
                    }
                }
            }
            Ok(())
        })?;
        Ok(Value::Array(elements))
    }
}

/// A number as JSON has it; beyond 64 bits as text.
fn integer_value(value: i128) -> Value {
    if let Ok(value) = i64::try_from(value) {
        value.into()
    } else if let Ok(value) = u64::try_from(value) {
        value.into()
    } else {
        value.to_string().into()
    }
}

fn integer(reader: &mut Reader<'_>, range: Interval) -> Result<i128, InspectError> {
    let position = reader.position();
    if range.extensible && reader.bit()? {
        return unconstrained(reader);
    }
    match (range.low, range.high) {
        (Some(low), Some(high)) => {
            let last = high.saturating_sub(low).unsigned_abs();
            let value = low + i128::from(reader.number(bits_for(last))?);
            if value > high {
                return Err(InspectError::at(position, Problem::Range { value, range: range.text() }));
            }
            Ok(value)
        }
        (Some(low), None) => {
            let octets = counted_octets(reader)?;
            let offset = octets.iter().fold(0, |value, octet| (value << 8) | i128::from(*octet));
            Ok(low.saturating_add(offset))
        }
        (None, _) => {
            let value = unconstrained(reader)?;
            if range.contains(value) {
                Ok(value)
            } else {
                Err(InspectError::at(position, Problem::Range { value, range: range.text() }))
            }
        }
    }
}

fn unconstrained(reader: &mut Reader<'_>) -> Result<i128, InspectError> {
    let octets = counted_octets(reader)?;
    let sign = if octets.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    Ok(octets.iter().fold(sign, |value, octet| (value << 8) | i128::from(*octet)))
}

/// The octets of an integer with a length before them.
fn counted_octets(reader: &mut Reader<'_>) -> Result<Vec<u8>, InspectError> {
    let position = reader.position();
    let octets = octets(reader, Interval::ANY_SIZE)?;
    if octets.is_empty() || octets.len() > 15 {
        return Err(InspectError::at(position, Problem::Integer(octets.len())));
    }
    Ok(octets)
}

fn enumerated(reader: &mut Reader<'_>, items: &Items) -> Result<Value, InspectError> {
    if let Some(additions) = &items.additions
        && reader.bit()?
    {
        let index = small_number(reader)?;
        return Ok(match additions.get(index) {
            Some(name) => name.as_str().into(),
            None => json!({UNKNOWN_ENUM: {"extIndex": index}}),
        });
    }
    indexed(reader, &items.root).map(|name| name.as_str().into())
}

/// One of a list, by an index in as few bits as the list needs.
fn indexed<'l, T>(reader: &mut Reader<'_>, list: &'l [T]) -> Result<&'l T, InspectError> {
    let position = reader.position();
    let last = list.len().saturating_sub(1);
    let index = reader.number(bits_for(last as u128))? as usize;
    list.get(index).ok_or_else(|| InspectError::at(position, Problem::Index { index, last }))
}

/// A normally small non-negative whole number (X.691 clause 11.6).
fn small_number(reader: &mut Reader<'_>) -> Result<usize, InspectError> {
    if !reader.bit()? {
        return reader.number(6).map(|value| value as usize);
    }
    let position = reader.position();
    let octets = counted_octets(reader)?;
    if octets.len() > size_of::<usize>() {
        return Err(InspectError::at(position, Problem::Integer(octets.len())));
    }
    Ok(octets.iter().fold(0, |value, octet| (value << 8) | usize::from(*octet)))
}

/// Reads the content of an open type, in place if it came in one piece. What `read` leaves is passed over.
fn open_type<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, InspectError>,
) -> Result<T, InspectError> {
    let (count, more) = length(reader)?;
    if !more {
        return read(&mut reader.part(count * 8)?);
    }
    let mut pieces = vec![(0, reader.position())];
    let mut octets = reader.packed(count * 8)?;
    fragments(reader, |reader, count| {
        pieces.push((octets.len() * 8, reader.position()));
        octets.extend(reader.packed(count * 8)?);
        Ok(())
    })?;
    read(&mut Reader::gathered(octets, pieces))
}

/// A general length determinant (X.691 clause 11.9), and whether another follows behind what it counts.
fn length(reader: &mut Reader<'_>) -> Result<(usize, bool), InspectError> {
    let position = reader.position();
    if !reader.bit()? {
        return Ok((reader.number(7)? as usize, false));
    }
    if !reader.bit()? {
        return Ok((reader.number(14)? as usize, false));
    }
    match reader.number(6)? as usize {
        units @ 1..=4 => Ok((units * 16_384, true)),
        _ => Err(InspectError::at(position, Problem::Length)),
    }
}

/// Calls `read` with the count of each piece of something that has a general length.
fn fragments(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>, usize) -> Result<(), InspectError>,
) -> Result<(), InspectError> {
    loop {
        let (count, more) = length(reader)?;
        read(reader, count)?;
        if !more {
            return Ok(());
        }
    }
}

/// Calls `read` with the count of each piece of something with a SIZE.
fn sized(
    reader: &mut Reader<'_>,
    size: Interval,
    mut read: impl FnMut(&mut Reader<'_>, usize) -> Result<(), InspectError>,
) -> Result<(), InspectError> {
    let position = reader.position();
    let in_root = !(size.extensible && reader.bit()?);
    let check = |count: usize| {
        if in_root && !size.contains(count as i128) {
            return Err(InspectError::at(position, Problem::Size { size: count, range: size.text() }));
        }
        Ok(())
    };
    if in_root
        && let (Some(low), Some(high)) = (size.low, size.high)
        && high < 65_536
    {
        let last = high.saturating_sub(low).unsigned_abs();
        let count = low as usize + reader.number(bits_for(last))? as usize;
        check(count)?;
        return read(reader, count);
    }
    let mut total = 0;
    fragments(reader, |reader, count| {
        total += count;
        read(reader, count)
    })?;
    check(total)
}

fn octets(reader: &mut Reader<'_>, size: Interval) -> Result<Vec<u8>, InspectError> {
    let mut octets = Vec::new();
    sized(reader, size, |reader, count| {
        octets.extend(reader.packed(count * 8)?);
        Ok(())
    })?;
    Ok(octets)
}

fn bit_string(reader: &mut Reader<'_>, size: Interval) -> Result<Value, InspectError> {
    let mut octets = Vec::new();
    let mut bits = 0;
    // Every piece but the last is a multiple of 16,384 bits, so the pieces are joined octet by octet.
    sized(reader, size, |reader, count| {
        octets.extend(reader.packed(count)?);
        bits += count;
        Ok(())
    })?;
    let mut digits = hex(&octets);
    digits.truncate(bits.div_ceil(4));
    Ok(json!({"value": digits, "length": bits}))
}

fn characters(reader: &mut Reader<'_>, alphabet: &Alphabet, size: Interval) -> Result<String, InspectError> {
    let mut text = String::new();
    sized(reader, size, |reader, count| {
        for _ in 0..count {
            let position = reader.position();
            let code = reader.number(alphabet.width)? as u32;
            let found = match &alphabet.indexed {
                Some(indexed) => indexed.get(code as usize).copied(),
                None => char::from_u32(code)
                    .filter(|c| alphabet.allowed.as_ref().is_none_or(|allowed| allowed.contains(c))),
            };
            text.push(found.ok_or_else(|| InspectError::at(position, Problem::Character(code)))?);
        }
        Ok(())
    })?;
    Ok(text)
}

fn utf8(reader: &mut Reader<'_>) -> Result<String, InspectError> {
    let position = reader.position();
    String::from_utf8(octets(reader, Interval::ANY_SIZE)?)
        .map_err(|_| InspectError::at(position, Problem::Text("UTF-8")))
}

/// Twelve digits and Z, in the form of a VisibleString.
fn utc_time(reader: &mut Reader<'_>) -> Result<String, InspectError> {
    let position = reader.position();
    let mut text = String::new();
    fragments(reader, |reader, count| {
        for _ in 0..count {
            text.push(char::from(reader.number(7)? as u8));
        }
        Ok(())
    })?;
    if utc_time_is_valid(&text) {
        Ok(text)
    } else {
        Err(InspectError::at(position, Problem::Text("a UTCTime")))
    }
}

fn object_identifier(reader: &mut Reader<'_>) -> Result<String, InspectError> {
    let position = reader.position();
    let octets = octets(reader, Interval::ANY_SIZE)?;
    let bad = || InspectError::at(position, Problem::Text("an object identifier"));
    if octets.last().is_none_or(|last| *last >= 0x80) {
        return Err(bad());
    }
    let mut text = String::new();
    let mut arc: u64 = 0;
    for octet in octets {
        if arc >> 57 != 0 || (arc == 0 && octet == 0x80) {
            return Err(bad());
        }
        arc = (arc << 7) | u64::from(octet & 0x7f);
        if octet < 0x80 {
            if text.is_empty() {
                let first = (arc / 40).min(2);
                let _ = write!(text, "{first}.{}", arc - first * 40);
            } else {
                let _ = write!(text, ".{arc}");
            }
            arc = 0;
        }
    }
    Ok(text)
}

/// Octets as hexadecimal digits.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
