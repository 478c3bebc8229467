//! Modules, compiled for the codec: names resolved, bounds computed.

use std::collections::HashMap;

use serde_json::Value;

use super::error::{InspectError, Problem};
use super::syntax::{
    self, Addition as ParsedAddition, Assignment, Body, Bound, CharKind, Literal, Presence, Type,
};

/// The types of one or more modules.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Node>,
    /// By `Module.Type`.
    names: HashMap<String, TypeId>,
}

/// The place of a type in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TypeId(u32);

#[derive(Debug)]
pub(super) enum Node {
    Boolean,
    Null,
    UtcTime,
    ObjectIdentifier,
    Integer(Interval),
    Enumerated(Items),
    BitString {
        named: bool,
        size: Interval,
    },
    OctetString(Interval),
    CharString(Alphabet, Interval),
    /// A string of UTF-8 octets: its size constraint does not show in PER.
    Utf8String,
    Sequence(Sequence),
    Choice(Choice),
    SequenceOf(Interval, TypeId),
    /// A reference; none is left in a finished schema.
    Alias(TypeId),
}

/// A range of integers or sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: Option<i128>,
    pub(super) high: Option<i128>,
    pub(super) extensible: bool,
}

impl Interval {
    pub(super) const ANY: Self = Self { low: None, high: None, extensible: false };
    pub(super) const ANY_SIZE: Self = Self { low: Some(0), high: None, extensible: false };

    pub(super) fn contains(self, value: i128) -> bool {
        self.low.is_none_or(|low| low <= value) && self.high.is_none_or(|high| value <= high)
    }

    pub(super) fn text(self) -> String {
        let end = |bound: Option<i128>, open: &str| {
            bound.map_or_else(|| open.to_owned(), |value| value.to_string())
        };
        format!("{}..{}", end(self.low, "MIN"), end(self.high, "MAX"))
    }
}

/// The items of an enumeration, root items in the order of their values.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) root: Vec<String>,
    pub(super) additions: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct Alphabet {
    /// Bits for each character.
    pub(super) width: usize,
    /// The characters in code order when they are sent by their index, `None` when by their code.
    pub(super) indexed: Option<Vec<char>>,
    /// The characters allowed when they are sent by their code.
    pub(super) allowed: Option<Vec<char>>,
}

#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) root: Vec<Field>,
    pub(super) additions: Option<Vec<Addition>>,
}

#[derive(Debug)]
pub(super) enum Addition {
    Field(Field),
    Group(Vec<Field>),
}

impl Addition {
    pub(super) fn fields(&self) -> &[Field] {
        match self {
            Self::Field(field) => std::slice::from_ref(field),
            Self::Group(fields) => fields,
        }
    }
}

#[derive(Debug)]
pub(super) struct Choice {
    pub(super) root: Vec<(String, TypeId)>,
    pub(super) additions: Option<Vec<(String, TypeId)>>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: TypeId,
    pub(super) optional: bool,
    pub(super) default: Option<Value>,
}

impl Field {
    /// Whether a bit says if it is there.
    pub(super) fn has_bit(&self) -> bool {
        self.optional || self.default.is_some()
    }
}

impl Schema {
    /// Reads modules.
    ///
    /// # Errors
    /// When a module cannot be read, or uses a name that none of them defines.
    pub fn parse(texts: &[&str]) -> Result<Self, InspectError> {
        let mut modules = Vec::new();
        for text in texts {
            modules.extend(syntax::parse(text).map_err(Problem::from)?);
        }
        let mut compiler = Compiler::default();
        compiler.declare(&modules)?;
        for module in &modules {
            for assignment in &module.assignments {
                if let Assignment::Type(name, ty) = assignment {
                    let id = compiler.reference(name)?;
                    let node = compiler.node(ty)?;
                    compiler.nodes[id.0 as usize] = node;
                }
            }
        }
        let nodes = compiler.finish()?;
        Ok(Self { nodes, names: compiler.names })
    }

    /// The type named `Module.Type`.
    pub(super) fn find(&self, name: &str) -> Result<TypeId, InspectError> {
        self.names.get(name).copied().ok_or_else(|| Problem::NoType(name.to_owned()).into())
    }

    /// The name by which a type is found; of several for the same type, the first in the alphabet.
    pub(super) fn name(&self, id: TypeId) -> &str {
        self.names
            .iter()
            .filter(|(_, other)| **other == id)
            .map(|(name, _)| name.as_str())
            .min()
            .unwrap_or_default()
    }

    pub(super) fn node(&self, id: TypeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    names: HashMap<String, TypeId>,
    /// By the type's name alone: no two modules of a protocol share one.
    types: HashMap<String, TypeId>,
    values: HashMap<String, i128>,
}

impl Compiler {
    fn declare(&mut self, modules: &[syntax::Module]) -> Result<(), InspectError> {
        for module in modules {
            for assignment in &module.assignments {
                match assignment {
                    Assignment::Value(name, value) => {
                        if self.values.insert(name.clone(), *value).is_some_and(|other| other != *value) {
                            return Err(Problem::Twice(name.clone()).into());
                        }
                    }
                    Assignment::Type(name, _) => {
                        let id = self.add(Node::Null);
                        self.names.insert(format!("{}.{name}", module.name), id);
                        if self.types.insert(name.clone(), id).is_some() {
                            return Err(Problem::Twice(name.clone()).into());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, node: Node) -> TypeId {
        let id = TypeId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    fn reference(&self, name: &str) -> Result<TypeId, InspectError> {
        self.types.get(name).copied().ok_or_else(|| Problem::NoType(name.to_owned()).into())
    }

    fn id(&mut self, ty: &Type) -> Result<TypeId, InspectError> {
        if let Type::Reference(name) = ty {
            return self.reference(name);
        }
        let node = self.node(ty)?;
        Ok(self.add(node))
    }

    fn node(&mut self, ty: &Type) -> Result<Node, InspectError> {
        Ok(match ty {
            Type::Boolean => Node::Boolean,
            Type::Null => Node::Null,
            Type::UtcTime => Node::UtcTime,
            Type::ObjectIdentifier => Node::ObjectIdentifier,
            Type::Reference(name) => Node::Alias(self.reference(name)?),
            Type::Integer(_, range) => Node::Integer(self.interval(range.as_ref(), Interval::ANY)?),
            Type::Enumerated(items) => Node::Enumerated(enumerated(items)),
            Type::BitString(names, size) => Node::BitString {
                named: !names.is_empty(),
                size: self.interval(size.as_ref(), Interval::ANY_SIZE)?,
            },
            Type::OctetString(size) => Node::OctetString(self.interval(size.as_ref(), Interval::ANY_SIZE)?),
            Type::CharString(CharKind::Utf8, _, _) => Node::Utf8String,
            Type::CharString(kind, characters, size) => Node::CharString(
                alphabet(*kind, characters.as_deref()),
                self.interval(size.as_ref(), Interval::ANY_SIZE)?,
            ),
            Type::SequenceOf(size, element) => {
                let size = self.interval(size.as_ref(), Interval::ANY_SIZE)?;
                Node::SequenceOf(size, self.id(element)?)
            }
            Type::Sequence(body) => Node::Sequence(self.sequence(body)?),
            Type::Choice(body) => Node::Choice(self.choice(body)?),
        })
    }

    fn interval(&self, range: Option<&syntax::Range>, none: Interval) -> Result<Interval, InspectError> {
        let Some(range) = range else { return Ok(none) };
        let bound = |bound: &Bound| match bound {
            Bound::Number(value) => Ok(Some(*value)),
            Bound::Open => Ok(None),
            Bound::Name(name) => {
                self.values.get(name).copied().map(Some).ok_or_else(|| Problem::NoValue(name.clone()))
            }
        };
        let interval =
            Interval { low: bound(&range.low)?, high: bound(&range.high)?, extensible: range.extensible };
        match (interval.low, interval.high) {
            (Some(low), Some(high)) if low > high || high - low > i128::from(u64::MAX) => {
                Err(Problem::NoValue(interval.text()).into())
            }
            _ => Ok(interval),
        }
    }

    fn sequence(&mut self, body: &Body) -> Result<Sequence, InspectError> {
        let root = self.fields(&body.root)?;
        let Some(parsed) = &body.additions else { return Ok(Sequence { root, additions: None }) };
        let mut additions = Vec::new();
        for addition in parsed {
            additions.push(match addition {
                ParsedAddition::Member(member) => Addition::Field(self.field(member)?),
                ParsedAddition::Group(members) => Addition::Group(self.fields(members)?),
            });
        }
        Ok(Sequence { root, additions: Some(additions) })
    }

    fn fields(&mut self, members: &[syntax::Member]) -> Result<Vec<Field>, InspectError> {
        members.iter().map(|member| self.field(member)).collect()
    }

    fn field(&mut self, member: &syntax::Member) -> Result<Field, InspectError> {
        let default = match &member.presence {
            Presence::Default(Literal::Number(value)) => i64::try_from(*value).ok().map(Value::from),
            Presence::Default(Literal::Boolean(value)) => Some(Value::from(*value)),
            Presence::Default(Literal::Name(name)) => Some(Value::from(name.as_str())),
            Presence::Optional | Presence::Mandatory => None,
        };
        Ok(Field {
            name: member.name.clone(),
            ty: self.id(&member.ty)?,
            optional: member.presence == Presence::Optional,
            default,
        })
    }

    fn choice(&mut self, body: &Body) -> Result<Choice, InspectError> {
        let mut alternatives = |members: &[syntax::Member]| -> Result<Vec<_>, InspectError> {
            members.iter().map(|member| Ok((member.name.clone(), self.id(&member.ty)?))).collect()
        };
        let root = alternatives(&body.root)?;
        let Some(parsed) = &body.additions else { return Ok(Choice { root, additions: None }) };
        let mut additions = Vec::new();
        for addition in parsed {
            // Version brackets in a CHOICE group nothing: each alternative has an index of its own.
            additions.extend(alternatives(match addition {
                ParsedAddition::Member(member) => std::slice::from_ref(member),
                ParsedAddition::Group(members) => members,
            })?);
        }
        Ok(Choice { root, additions: Some(additions) })
    }

    /// Every reference followed to its end.
    fn finish(&mut self) -> Result<Vec<Node>, InspectError> {
        let nodes = std::mem::take(&mut self.nodes);
        let mut ends = Vec::with_capacity(nodes.len());
        for index in 0..nodes.len() {
            let mut id = TypeId(index as u32);
            let mut steps = 0;
            while let Node::Alias(next) = &nodes[id.0 as usize] {
                id = *next;
                steps += 1;
                if steps > nodes.len() {
                    return Err(Problem::Depth.into());
                }
            }
            ends.push(id);
        }
        let end = |id: &mut TypeId| *id = ends[id.0 as usize];
        self.names.values_mut().for_each(end);
        let mut nodes = nodes;
        for node in &mut nodes {
            match node {
                Node::SequenceOf(_, element) => end(element),
                Node::Sequence(sequence) => {
                    sequence.root.iter_mut().for_each(|field| end(&mut field.ty));
                    for addition in sequence.additions.iter_mut().flatten() {
                        match addition {
                            Addition::Field(field) => end(&mut field.ty),
                            Addition::Group(fields) => fields.iter_mut().for_each(|field| end(&mut field.ty)),
                        }
                    }
                }
                Node::Choice(choice) => {
                    choice.root.iter_mut().for_each(|(_, ty)| end(ty));
                    choice.additions.iter_mut().flatten().for_each(|(_, ty)| end(ty));
                }
                _ => {}
            }
        }
        Ok(nodes)
    }
}

/// Root items by value: an item without a written number takes the least that is free (X.680 clause 20.3), which for
/// the enumerations at hand, all numbered or none, is its place.
fn enumerated(items: &syntax::Enumerated) -> Items {
    let mut root: Vec<(i128, &String)> = items
        .root
        .iter()
        .enumerate()
        .map(|(place, (name, number))| (number.unwrap_or(place as i128), name))
        .collect();
    root.sort_by_key(|(number, _)| *number);
    Items {
        root: root.into_iter().map(|(_, name)| name.clone()).collect(),
        additions: items
            .additions
            .as_ref()
            .map(|additions| additions.iter().map(|(name, _)| name.clone()).collect()),
    }
}

/// How characters are sent (X.691 clause 30.5): in as few bits as the alphabet needs, by their codes if those fit and
/// by their places if not.
fn alphabet(kind: CharKind, permitted: Option<&[char]>) -> Alphabet {
    let all: Option<Vec<char>> = match kind {
        CharKind::Numeric => Some(" 0123456789".chars().collect()),
        CharKind::Printable => {
            Some(" '()+,-./0123456789:=?".chars().chain('A'..='Z').chain('a'..='z').collect())
        }
        CharKind::Ia5 => Some(('\0'..='\x7f').collect()),
        CharKind::Visible => Some((' '..='~').collect()),
        CharKind::Bmp | CharKind::Utf8 => None,
    };
    let Some(mut characters) = permitted.map(<[char]>::to_vec).or(all) else {
        return Alphabet { width: 16, indexed: None, allowed: None };
    };
    characters.sort_unstable();
    let width = bits_for(characters.len().saturating_sub(1) as u128);
    let last = characters.last().map_or(0, |last| u32::from(*last));
    if u128::from(last) < 1 << width {
        Alphabet { width, indexed: None, allowed: Some(characters) }
    } else {
        Alphabet { width, indexed: Some(characters), allowed: None }
    }
}

/// The bits that numbers from 0 to `last` need.
pub(super) fn bits_for(last: u128) -> usize {
    (u128::BITS - last.leading_zeros()) as usize
}
