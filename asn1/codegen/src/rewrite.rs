//! What is done to the modules before the compiler sees them.
//!
//! rasn-compiler 0.16 and rasn 0.30 stumble over a few things in the notation; each step here takes one of them out of
//! the way without changing a bit on the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;
use crate::syntax::{Addition, Assignment, Body, Bound, Literal, Member, Module, Presence, Range, Type};

/// The placeholder for an open type whose bits are kept. The compiler sees a type of this name; the post-processing
/// puts the hand-written `OpenType` in its place.
pub const OPEN_TYPE: &str = "OpenType";

/// Alphabets of more characters than this take 7 bits a character, as they do without a constraint.
const SIX_BIT_ALPHABET: usize = 64;

/// All types of a protocol in one name space, every bound a number.
#[derive(Debug, Default)]
pub struct Schema {
    /// The types, in the order of their modules.
    pub types: Vec<(String, Type)>,
    /// The named numbers.
    pub values: BTreeMap<String, i128>,
}

impl Schema {
    /// Merges modules.
    ///
    /// # Errors
    /// When two modules define one name differently, or a name is not defined.
    pub fn merge(modules: &[Module]) -> Result<Self, Error> {
        let mut schema = Self::default();
        for module in modules {
            for assignment in &module.assignments {
                if let Assignment::Value(name, value) = assignment
                    && schema.values.insert(name.clone(), *value).is_some_and(|other| other != *value)
                {
                    return Err(Error::Ambiguous(name.clone()));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for module in modules {
            for assignment in &module.assignments {
                let Assignment::Type(name, ty) = assignment else { continue };
                if !seen.insert(name.clone()) {
                    return Err(Error::Ambiguous(name.clone()));
                }
                let mut ty = ty.clone();
                resolve(&mut ty, &schema.values)?;
                schema.types.push((name.clone(), ty));
            }
        }
        let mut used = Vec::new();
        schema.types.iter().for_each(|(_, ty)| references(ty, &mut used));
        match used.into_iter().find(|name| !seen.contains(name)) {
            Some(name) => Err(Error::Undefined(name)),
            None => Ok(schema),
        }
    }

    /// The type of a name.
    pub fn find(&self, name: &str) -> Option<&Type> {
        self.types.iter().find(|(other, _)| other == name).map(|(_, ty)| ty)
    }

    /// Follows references to the type itself.
    pub fn resolve<'a>(&'a self, mut ty: &'a Type) -> Option<&'a Type> {
        while let Type::Reference(name) = ty {
            ty = self.find(name)?;
        }
        Some(ty)
    }

    /// Replaces the NR addition group of every `…-r9-IEs` by an open type that is passed through unread.
    ///
    /// The group must not be left out: the bitmap of additions would lose a bit and the groups behind it would move.
    ///
    /// # Errors
    /// When not exactly the six message bodies have such a group.
    pub fn close_nr_groups(&mut self) -> Result<(), Error> {
        let mut closed = 0;
        for (name, ty) in &mut self.types {
            if !name.ends_with("-r9-IEs") {
                continue;
            }
            let Type::Sequence(Body { additions: Some(additions), .. }) = ty else { continue };
            let Some(second) = additions.get_mut(1) else { continue };
            if matches!(second, Addition::Group(members) if members.iter().all(|m| m.name.starts_with("nr-")))
            {
                *second = Addition::Member(Member {
                    name: "ext2".to_owned(),
                    tag: None,
                    ty: Type::Reference(OPEN_TYPE.to_owned()),
                    presence: Presence::Optional,
                });
                closed += 1;
            }
        }
        if closed == 6 { Ok(()) } else { Err(Error::NrGroups(closed)) }
    }

    /// Drops every type that `root` does not use.
    pub fn prune(&mut self, root: &str) {
        let mut wanted = BTreeSet::new();
        let mut open = vec![root.to_owned()];
        while let Some(name) = open.pop() {
            if let Some(ty) = self.find(&name)
                && wanted.insert(name)
            {
                references(ty, &mut open);
            }
        }
        self.types.retain(|(name, _)| wanted.contains(name));
    }

    /// The steps that every protocol needs.
    ///
    /// # Errors
    /// When a hoisted type would take a name that is in use.
    pub fn prepare(&mut self) -> Result<(), Error> {
        let mut hoisted = Vec::new();
        for (name, ty) in &mut self.types {
            prepare(name, ty, &mut hoisted);
        }
        self.types.extend(hoisted);
        let mut seen = BTreeSet::new();
        for (name, _) in &self.types {
            if !seen.insert(name) {
                return Err(Error::Ambiguous(name.clone()));
            }
        }
        self.types.push((OPEN_TYPE.to_owned(), Type::Null));
        Ok(())
    }

    /// Ungrouped extension additions of a SEQUENCE whose type is a constrained type of its own: the members for which
    /// rasn forgets the constraint. Given as (type of the member, member).
    pub fn forgotten_constraints(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (_, ty) in &self.types {
            self.forgotten_in(ty, &mut found);
        }
        found.sort();
        found
    }

    fn forgotten_in(&self, ty: &Type, found: &mut Vec<(String, String)>) {
        if let Type::Sequence(Body { additions: Some(additions), .. }) = ty {
            for addition in additions {
                if let Addition::Member(Member { name, ty: Type::Reference(target), .. }) = addition
                    && self.find(target).and_then(|ty| self.resolve(ty)).is_some_and(is_constrained)
                {
                    found.push((target.clone(), name.clone()));
                }
            }
        }
        for inner in children(ty) {
            self.forgotten_in(inner, found);
        }
    }

    /// BIT STRINGs with named bits and a size that is not fixed, with the least size: their trailing zero bits are
    /// not sent.
    pub fn trimmed_bit_strings(&self) -> Vec<(String, i128)> {
        let mut found = Vec::new();
        for (name, ty) in &self.types {
            if let Type::BitString(names, size) = ty
                && !names.is_empty()
            {
                let low = size.as_ref().map_or(Some(0), |size| number(&size.low)).unwrap_or(0);
                let high = size.as_ref().and_then(|size| number(&size.high));
                if high != Some(low) {
                    found.push((name.clone(), low));
                }
            }
        }
        found
    }
}

fn number(bound: &Bound) -> Option<i128> {
    match bound {
        Bound::Number(value) => Some(*value),
        Bound::Name(_) | Bound::Open => None,
    }
}

fn is_constrained(ty: &Type) -> bool {
    match ty {
        Type::Integer(_, range)
        | Type::BitString(_, range)
        | Type::OctetString(range)
        | Type::SequenceOf(range, _) => range.is_some(),
        Type::CharString(_, alphabet, range) => alphabet.is_some() || range.is_some(),
        _ => false,
    }
}

/// The types directly inside a type.
pub fn children(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Sequence(body) | Type::Choice(body) => members(body).map(|member| &member.ty).collect(),
        Type::SequenceOf(_, element) => vec![element],
        _ => Vec::new(),
    }
}

fn members(body: &Body) -> impl Iterator<Item = &Member> {
    body.root.iter().chain(body.additions.iter().flatten().flat_map(|addition| match addition {
        Addition::Member(member) => std::slice::from_ref(member),
        Addition::Group(members) => members.as_slice(),
    }))
}

fn members_mut(body: &mut Body) -> impl Iterator<Item = &mut Member> {
    body.root.iter_mut().chain(body.additions.iter_mut().flatten().flat_map(|addition| match addition {
        Addition::Member(member) => std::slice::from_mut(member),
        Addition::Group(members) => members.as_mut_slice(),
    }))
}

fn references(ty: &Type, found: &mut Vec<String>) {
    if let Type::Reference(name) = ty {
        found.push(name.clone());
    }
    for inner in children(ty) {
        references(inner, found);
    }
}

fn resolve(ty: &mut Type, values: &BTreeMap<String, i128>) -> Result<(), Error> {
    match ty {
        Type::Integer(_, Some(range))
        | Type::BitString(_, Some(range))
        | Type::OctetString(Some(range))
        | Type::CharString(_, _, Some(range)) => resolve_range(range, values),
        Type::SequenceOf(range, element) => {
            if let Some(range) = range {
                resolve_range(range, values)?;
            }
            resolve(element, values)
        }
        Type::Sequence(body) | Type::Choice(body) => {
            members_mut(body).try_for_each(|member| resolve(&mut member.ty, values))
        }
        _ => Ok(()),
    }
}

fn resolve_range(range: &mut Range, values: &BTreeMap<String, i128>) -> Result<(), Error> {
    for bound in [&mut range.low, &mut range.high] {
        if let Bound::Name(name) = bound {
            let value = values.get(name).ok_or_else(|| Error::NoValue(name.clone()))?;
            *bound = Bound::Number(*value);
        }
    }
    Ok(())
}

/// The steps on one type and what is inside it; `path` is the name that the type has or would have.
fn prepare(path: &str, ty: &mut Type, hoisted: &mut Vec<(String, Type)>) {
    match ty {
        Type::CharString(_, alphabet, _) if alphabet.as_ref().is_some_and(|a| a.len() > SIX_BIT_ALPHABET) => {
            // The compiler checks such an alphabet against the wrong character set and drops the type.
            *alphabet = None;
        }
        Type::Choice(body) | Type::Sequence(body) => prepare_members(path, body, hoisted),
        Type::SequenceOf(_, element) => prepare(path, element, hoisted),
        _ => {}
    }
}

fn prepare_members(path: &str, body: &mut Body, hoisted: &mut Vec<(String, Type)>) {
    for member in members_mut(body) {
        // The members of a module's types have no tags that matter: PER sends none.
        member.tag = None;
        let inner_path = format!("{path}-{}", member.name);
        prepare(&inner_path, &mut member.ty, hoisted);
        let needs_a_name = match &member.ty {
            // Only a type of its own can be given an encoder that trims.
            Type::BitString(names, _) => !names.is_empty(),
            // The compiler gives up on a default value whose enumeration has no name.
            Type::Enumerated(_) => matches!(member.presence, Presence::Default(Literal::Name(_))),
            _ => false,
        };
        if needs_a_name {
            let inner = std::mem::replace(&mut member.ty, Type::Reference(inner_path.clone()));
            hoisted.push((inner_path, inner));
        }
    }
}
