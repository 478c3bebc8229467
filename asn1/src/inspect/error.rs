//! Why the inspection codec refused something, and where.

use std::fmt;

use thiserror::Error;

/// What went wrong, in which member, and when decoding at which bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectError {
    /// The bit at which the offending part begins, counted from the start of the bytes given; `None` when encoding.
    pub bit: Option<usize>,
    /// The way to the member, from the outermost type: `message.msSUPLPOS.posPayLoad`.
    pub path: String,
    /// What went wrong.
    pub problem: Problem,
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(bit) = self.bit {
            write!(f, "at bit {bit}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for InspectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end too early.
    #[error("{wanted} bits are wanted, {left} are left")]
    End {
        /// How many bits the next part has.
        wanted: usize,
        /// How many there are.
        left: usize,
    },
    /// A number outside its range.
    #[error("{value} is outside {range}")]
    Range {
        /// The number.
        value: i128,
        /// The range.
        range: String,
    },
    /// A string or list of the wrong size.
    #[error("size {size} is outside {range}")]
    Size {
        /// The size.
        size: usize,
        /// The range.
        range: String,
    },
    /// No alternative or item has this index.
    #[error("there is no {index}, the last is {last}")]
    Index {
        /// The index.
        index: usize,
        /// The last index.
        last: usize,
    },
    /// A length determinant that is not allowed.
    #[error("not a length")]
    Length,
    /// An integer of more octets than are supported.
    #[error("an integer of {0} octets")]
    Integer(usize),
    /// Octets behind the end of the value.
    #[error("{0} octets too many")]
    TooMany(usize),
    /// A value without bits must be sent as one zero octet.
    #[error("an empty value is one octet 00")]
    Empty,
    /// More elements than any message has.
    #[error("too many elements without content")]
    TooManyEmpty,
    /// A character outside the alphabet.
    #[error("character {0:#x} is not in the alphabet")]
    Character(u32),
    /// Text that is no text.
    #[error("not {0}")]
    Text(&'static str),
    /// Types nested too deep.
    #[error("nested too deep")]
    Depth,
    /// The length member of a ULP PDU is wrong.
    #[error("length says {stated} octets, there are {actual}")]
    UlpLength {
        /// What the member says.
        stated: usize,
        /// What there is.
        actual: usize,
    },
    /// The PDU does not fit its length member.
    #[error("{0} octets are more than a length member can say")]
    TooLong(usize),
    /// The JSON value has another shape.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A member that the type does not have.
    #[error("there is no member {0}")]
    NoMember(String),
    /// A member that must be there.
    #[error("member {0} is missing")]
    Missing(String),
    /// An item that the enumeration does not have.
    #[error("there is no item {0}")]
    NoItem(String),
    /// An alternative that the CHOICE does not have.
    #[error("there is no alternative {0}")]
    NoAlternative(String),
    /// No such type.
    #[error("there is no type {0}")]
    NoType(String),
    /// A module that cannot be read.
    #[error(transparent)]
    Syntax(#[from] super::syntax::SyntaxError),
    /// A module that says something impossible.
    #[error("{0} is defined twice")]
    Twice(String),
    /// A bound that is no number.
    #[error("{0} has no value")]
    NoValue(String),
}

impl InspectError {
    pub(super) fn at(bit: usize, problem: Problem) -> Self {
        Self { bit: Some(bit), path: String::new(), problem }
    }

    /// The same error, seen from the type that contains the member.
    pub(super) fn within(mut self, member: &str) -> Self {
        if self.path.is_empty() {
            member.clone_into(&mut self.path);
        } else if self.path.starts_with('[') {
            self.path.insert_str(0, member);
        } else {
            self.path.insert(0, '.');
            self.path.insert_str(0, member);
        }
        self
    }
}

impl From<Problem> for InspectError {
    fn from(problem: Problem) -> Self {
        Self { bit: None, path: String::new(), problem }
    }
}
