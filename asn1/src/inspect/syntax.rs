//! The ASN.1 notation that the modules of this crate use, read into a tree.
//!
//! A small part of X.680: what the three protocols need and nothing besides (no value sets, classes, parameters or
//! `COMPONENTS OF`). The inspection codec reads the modules with it at run time, and the generator of the Rust types,
//! which includes this file by path, at generation time: one reader for both, so that they cannot disagree. For the
//! generator's sake it depends on nothing else in the crate.

use thiserror::Error;

/// A module that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// The line it happens on, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// One ASN.1 module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The module's name.
    pub name: String,
    /// `AUTOMATIC TAGS` and the like, as written.
    pub tagging: String,
    /// The symbols it exports; `None` exports all.
    pub exports: Option<Vec<String>>,
    /// What it imports, by module.
    pub imports: Vec<Import>,
    /// Its types and values, in order.
    pub assignments: Vec<Assignment>,
}

/// The symbols imported from one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The imported names.
    pub symbols: Vec<String>,
    /// The module that they come from.
    pub module: String,
}

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    /// `Name ::= Type`
    Type(String, Type),
    /// `name INTEGER ::= 5`
    Value(String, i128),
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// BOOLEAN
    Boolean,
    /// NULL
    Null,
    /// INTEGER, its named numbers and its range
    Integer(Vec<(String, i128)>, Option<Range>),
    /// ENUMERATED
    Enumerated(Enumerated),
    /// BIT STRING, its named bits and its size
    BitString(Vec<(String, i128)>, Option<Range>),
    /// OCTET STRING and its size
    OctetString(Option<Range>),
    /// A restricted character string, its alphabet and its size
    CharString(CharKind, Option<Vec<char>>, Option<Range>),
    /// UTCTime
    UtcTime,
    /// OBJECT IDENTIFIER
    ObjectIdentifier,
    /// SEQUENCE
    Sequence(Body),
    /// CHOICE
    Choice(Body),
    /// SEQUENCE OF, its size and its element
    SequenceOf(Option<Range>, Box<Type>),
    /// A type named elsewhere
    Reference(String),
}

/// The kinds of character strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharKind {
    /// IA5String
    Ia5,
    /// VisibleString
    Visible,
    /// NumericString
    Numeric,
    /// PrintableString
    Printable,
    /// UTF8String
    Utf8,
    /// BMPString
    Bmp,
}

impl CharKind {
    /// The name in the notation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ia5 => "IA5String",
            Self::Visible => "VisibleString",
            Self::Numeric => "NumericString",
            Self::Printable => "PrintableString",
            Self::Utf8 => "UTF8String",
            Self::Bmp => "BMPString",
        }
    }
}

/// The items of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumerated {
    /// Root items, each with the number written behind it.
    pub root: Vec<(String, Option<i128>)>,
    /// Items behind the extension marker; `None` without a marker.
    pub additions: Option<Vec<(String, Option<i128>)>>,
}

/// The inside of a SEQUENCE or CHOICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Members of the root.
    pub root: Vec<Member>,
    /// What comes behind the extension marker; `None` without a marker.
    pub additions: Option<Vec<Addition>>,
}

/// One extension addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    /// A member by itself.
    Member(Member),
    /// `[[ … ]]`
    Group(Vec<Member>),
}

/// A member of a SEQUENCE or an alternative of a CHOICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// A tag written before its type.
    pub tag: Option<i128>,
    /// Its type.
    pub ty: Type,
    /// Whether it must be there.
    pub presence: Presence,
}

/// Whether a member must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Mandatory,
    /// OPTIONAL
    Optional,
    /// DEFAULT and the value
    Default(Literal),
}

/// A value behind DEFAULT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A number.
    Number(i128),
    /// TRUE or FALSE.
    Boolean(bool),
    /// An item of an enumeration.
    Name(String),
}

/// The bounds of an INTEGER or a SIZE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The least value.
    pub low: Bound,
    /// The greatest value.
    pub high: Bound,
    /// Whether `...` follows.
    pub extensible: bool,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// A number.
    Number(i128),
    /// A value named elsewhere.
    Name(String),
    /// MIN or MAX.
    Open,
}

/// Reads every module of a text.
///
/// # Errors
/// Says the line of anything that is not in the supported part of the notation.
pub fn parse(text: &str) -> Result<Vec<Module>, SyntaxError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0 };
    let mut modules = Vec::new();
    while parser.at < parser.tokens.len() {
        modules.push(parser.module()?);
    }
    Ok(modules)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Number(i128),
    Text(String),
    Mark(&'static str),
}

/// Longer marks come before their own beginnings.
const MARKS: [&str; 15] = ["::=", "...", "..", "[[", "]]", "{", "}", "(", ")", "[", "]", ",", ";", "|", "-"];

fn lex(text: &str) -> Result<Vec<(Token, usize)>, SyntaxError> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let mut rest = line;
        loop {
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else { break };
            if let Some(comment) = rest.strip_prefix("--") {
                rest = comment.split_once("--").map_or("", |(_, after)| after);
                continue;
            }
            let (token, length) = if first.is_ascii_alphabetic() {
                let word = word_at(rest);
                (Token::Word(word.to_owned()), word.len())
            } else if first.is_ascii_digit() {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let value = rest[..end].parse().map_err(|_| SyntaxError {
                    line: line_number,
                    problem: format!("{} is too large", &rest[..end]),
                })?;
                (Token::Number(value), end)
            } else if let Some(inside) = rest.strip_prefix('"') {
                let end = inside.find('"').ok_or_else(|| SyntaxError {
                    line: line_number,
                    problem: "a string without its end".to_owned(),
                })?;
                (Token::Text(inside[..end].to_owned()), end + 2)
            } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                (Token::Mark(mark), mark.len())
            } else {
                return Err(SyntaxError { line: line_number, problem: format!("unexpected {first:?}") });
            };
            tokens.push((token, line_number));
            rest = &rest[length..];
        }
    }
    Ok(tokens)
}

/// The name at the start of `rest`: hyphens belong to it, but neither two in a row nor one at its end.
fn word_at(rest: &str) -> &str {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let inside = bytes[end].is_ascii_alphanumeric();
        let hyphen = bytes[end] == b'-' && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !inside && !hyphen {
            break;
        }
        end += 1;
    }
    &rest[..end]
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
}

impl Parser {
    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, SyntaxError> {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |(_, line)| *line);
        Err(SyntaxError { line, problem: problem.into() })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn at_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(found)) if *found == mark)
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.at_mark(mark);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect_mark(&mut self, mark: &str) -> Result<(), SyntaxError> {
        if self.take_mark(mark) {
            Ok(())
        } else {
            self.fail(format!("expected {mark}, found {:?}", self.peek()))
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), SyntaxError> {
        if self.take_word(word) {
            Ok(())
        } else {
            self.fail(format!("expected {word}, found {:?}", self.peek()))
        }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        if let Some(Token::Word(word)) = self.peek() {
            let word = word.clone();
            self.at += 1;
            return Ok(word);
        }
        self.fail(format!("expected a name, found {:?}", self.peek()))
    }

    fn number(&mut self) -> Result<i128, SyntaxError> {
        let negative = self.take_mark("-");
        if let Some(Token::Number(value)) = self.peek() {
            let value = if negative { -value } else { *value };
            self.at += 1;
            return Ok(value);
        }
        self.fail(format!("expected a number, found {:?}", self.peek()))
    }

    fn names_until(&mut self, end: &str) -> Result<Vec<String>, SyntaxError> {
        let mut names = Vec::new();
        while !self.take_mark(end) {
            names.push(self.name()?);
            self.take_mark(",");
        }
        Ok(names)
    }

    fn module(&mut self) -> Result<Module, SyntaxError> {
        let name = self.name()?;
        self.skip_identifier()?;
        self.expect_word("DEFINITIONS")?;
        let mut tagging = Vec::new();
        while !self.take_mark("::=") {
            tagging.push(self.name()?);
        }
        self.expect_word("BEGIN")?;
        let exports = if self.take_word("EXPORTS") { Some(self.names_until(";")?) } else { None };
        let mut imports = Vec::new();
        if self.take_word("IMPORTS") {
            while !self.take_mark(";") {
                imports.push(self.import()?);
            }
        }
        let mut assignments = Vec::new();
        while !self.take_word("END") {
            assignments.push(self.assignment()?);
        }
        Ok(Module { name, tagging: tagging.join(" "), exports, imports, assignments })
    }

    /// An object identifier behind a module's name says nothing that the name does not.
    fn skip_identifier(&mut self) -> Result<(), SyntaxError> {
        if self.take_mark("{") {
            while !self.take_mark("}") {
                if self.peek().is_none() {
                    return self.fail("a module identifier without its end");
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn import(&mut self) -> Result<Import, SyntaxError> {
        let mut symbols = vec![self.name()?];
        while self.take_mark(",") {
            symbols.push(self.name()?);
        }
        self.expect_word("FROM")?;
        let module = self.name()?;
        self.skip_identifier()?;
        Ok(Import { symbols, module })
    }

    fn assignment(&mut self) -> Result<Assignment, SyntaxError> {
        let name = self.name()?;
        if self.take_word("INTEGER") {
            self.expect_mark("::=")?;
            return Ok(Assignment::Value(name, self.number()?));
        }
        self.expect_mark("::=")?;
        Ok(Assignment::Type(name, self.ty()?))
    }

    fn ty(&mut self) -> Result<Type, SyntaxError> {
        let word = self.name()?;
        let kind = match word.as_str() {
            "BOOLEAN" => return Ok(Type::Boolean),
            "NULL" => return Ok(Type::Null),
            "UTCTime" => return Ok(Type::UtcTime),
            "INTEGER" => return Ok(Type::Integer(self.named_numbers()?, self.parenthesised_range()?)),
            "ENUMERATED" => return Ok(Type::Enumerated(self.enumerated()?)),
            "BIT" => {
                self.expect_word("STRING")?;
                return Ok(Type::BitString(self.named_numbers()?, self.size()?));
            }
            "OCTET" => {
                self.expect_word("STRING")?;
                return Ok(Type::OctetString(self.size()?));
            }
            "OBJECT" => {
                self.expect_word("IDENTIFIER")?;
                return Ok(Type::ObjectIdentifier);
            }
            "CHOICE" => return Ok(Type::Choice(self.body()?)),
            "SEQUENCE" if self.at_mark("{") => return Ok(Type::Sequence(self.body()?)),
            "SEQUENCE" => {
                let size = self.size()?;
                self.expect_word("OF")?;
                return Ok(Type::SequenceOf(size, Box::new(self.ty()?)));
            }
            "IA5String" => CharKind::Ia5,
            "VisibleString" => CharKind::Visible,
            "NumericString" => CharKind::Numeric,
            "PrintableString" => CharKind::Printable,
            "UTF8String" => CharKind::Utf8,
            "BMPString" => CharKind::Bmp,
            other if other.starts_with(|c: char| c.is_ascii_uppercase()) => return Ok(Type::Reference(word)),
            _ => return self.fail(format!("{word} is no type")),
        };
        let alphabet = self.alphabet()?;
        Ok(Type::CharString(kind, alphabet, self.size()?))
    }

    fn named_numbers(&mut self) -> Result<Vec<(String, i128)>, SyntaxError> {
        let mut names = Vec::new();
        if self.take_mark("{") {
            loop {
                let name = self.name()?;
                self.expect_mark("(")?;
                names.push((name, self.number()?));
                self.expect_mark(")")?;
                if !self.take_mark(",") {
                    break;
                }
            }
            self.expect_mark("}")?;
        }
        Ok(names)
    }

    fn enumerated(&mut self) -> Result<Enumerated, SyntaxError> {
        let mut items = Enumerated { root: Vec::new(), additions: None };
        self.expect_mark("{")?;
        loop {
            if self.take_mark("...") {
                items.additions = Some(Vec::new());
            } else {
                let name = self.name()?;
                let mut number = None;
                if self.take_mark("(") {
                    number = Some(self.number()?);
                    self.expect_mark(")")?;
                }
                items.additions.as_mut().unwrap_or(&mut items.root).push((name, number));
            }
            if !self.take_mark(",") {
                break;
            }
        }
        self.expect_mark("}")?;
        Ok(items)
    }

    fn body(&mut self) -> Result<Body, SyntaxError> {
        let mut body = Body { root: Vec::new(), additions: None };
        self.expect_mark("{")?;
        if self.take_mark("}") {
            return Ok(body);
        }
        loop {
            if self.take_mark("...") {
                if body.additions.is_some() {
                    return self.fail("a second extension marker is not supported");
                }
                body.additions = Some(Vec::new());
            } else if self.take_mark("[[") {
                let mut members = vec![self.member()?];
                while self.take_mark(",") {
                    members.push(self.member()?);
                }
                self.expect_mark("]]")?;
                match &mut body.additions {
                    Some(additions) => additions.push(Addition::Group(members)),
                    None => return self.fail("an addition group in the root"),
                }
            } else {
                let member = self.member()?;
                match &mut body.additions {
                    Some(additions) => additions.push(Addition::Member(member)),
                    None => body.root.push(member),
                }
            }
            if !self.take_mark(",") {
                break;
            }
        }
        self.expect_mark("}")?;
        Ok(body)
    }

    fn member(&mut self) -> Result<Member, SyntaxError> {
        let name = self.name()?;
        let mut tag = None;
        if self.take_mark("[") {
            tag = Some(self.number()?);
            self.expect_mark("]")?;
        }
        let ty = self.ty()?;
        let presence = if self.take_word("OPTIONAL") {
            Presence::Optional
        } else if self.take_word("DEFAULT") {
            Presence::Default(self.literal()?)
        } else {
            Presence::Mandatory
        };
        Ok(Member { name, tag, ty, presence })
    }

    fn literal(&mut self) -> Result<Literal, SyntaxError> {
        if self.take_word("TRUE") {
            Ok(Literal::Boolean(true))
        } else if self.take_word("FALSE") {
            Ok(Literal::Boolean(false))
        } else if let Some(Token::Word(_)) = self.peek() {
            Ok(Literal::Name(self.name()?))
        } else {
            Ok(Literal::Number(self.number()?))
        }
    }

    fn parenthesised_range(&mut self) -> Result<Option<Range>, SyntaxError> {
        if !self.take_mark("(") {
            return Ok(None);
        }
        let low = self.bound()?;
        let high = if self.take_mark("..") { self.bound()? } else { low.clone() };
        let extensible = self.take_mark(",");
        if extensible {
            self.expect_mark("...")?;
        }
        self.expect_mark(")")?;
        Ok(Some(Range { low, high, extensible }))
    }

    fn bound(&mut self) -> Result<Bound, SyntaxError> {
        if self.take_word("MIN") || self.take_word("MAX") {
            Ok(Bound::Open)
        } else if let Some(Token::Word(_)) = self.peek() {
            Ok(Bound::Name(self.name()?))
        } else {
            Ok(Bound::Number(self.number()?))
        }
    }

    /// `(SIZE (…))`, or `SIZE (…)` as it may stand before OF.
    fn size(&mut self) -> Result<Option<Range>, SyntaxError> {
        let outer = self.take_mark("(");
        if !self.take_word("SIZE") {
            return if outer { self.fail("only SIZE is supported here") } else { Ok(None) };
        }
        let range = self.parenthesised_range()?;
        if range.is_none() {
            return self.fail("SIZE without its bounds");
        }
        if outer {
            self.expect_mark(")")?;
        }
        Ok(range)
    }

    /// `(FROM (…))`: every character allowed, in code order.
    fn alphabet(&mut self) -> Result<Option<Vec<char>>, SyntaxError> {
        let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
        if !self.at_mark("(") || !matches!(next, Some(Token::Word(word)) if word == "FROM") {
            return Ok(None);
        }
        self.at += 2;
        self.expect_mark("(")?;
        let mut characters = Vec::new();
        loop {
            let text = self.text()?;
            if self.take_mark("..") {
                let last = self.text()?;
                let (Some(low), Some(high)) = (text.chars().next(), last.chars().next()) else {
                    return self.fail("a character range without its ends");
                };
                characters.extend(low..=high);
            } else {
                characters.extend(text.chars());
            }
            if !self.take_mark("|") {
                break;
            }
        }
        self.expect_mark(")")?;
        self.expect_mark(")")?;
        characters.sort_unstable();
        characters.dedup();
        Ok(Some(characters))
    }

    fn text(&mut self) -> Result<String, SyntaxError> {
        if let Some(Token::Text(text)) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Ok(text);
        }
        self.fail(format!("expected a string, found {:?}", self.peek()))
    }
}
