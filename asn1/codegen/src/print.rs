//! The rewritten types as the compiler likes to read them.

use std::fmt::Write as _;

use crate::rewrite::Schema;
use crate::syntax::{Addition, Body, Bound, Literal, Member, Presence, Range, Type};

/// One module with every type of the schema.
pub fn module(name: &str, schema: &Schema) -> String {
    let mut text = format!("{name} DEFINITIONS AUTOMATIC TAGS ::= BEGIN\n");
    for (name, ty) in &schema.types {
        text += name;
        text += " ::= ";
        write_type(&mut text, ty);
        text.push('\n');
    }
    text + "END\n"
}

fn write_type(text: &mut String, ty: &Type) {
    match ty {
        Type::Boolean => *text += "BOOLEAN",
        Type::Null => *text += "NULL",
        Type::UtcTime => *text += "UTCTime",
        Type::ObjectIdentifier => *text += "OBJECT IDENTIFIER",
        Type::Reference(name) => *text += name,
        Type::Integer(_, range) => {
            *text += "INTEGER";
            write_range(text, range.as_ref());
        }
        Type::BitString(names, size) => {
            *text += "BIT STRING";
            if !names.is_empty() {
                let bits: Vec<_> = names.iter().map(|(name, bit)| format!("{name}({bit})")).collect();
                let _ = write!(text, " {{ {} }}", bits.join(", "));
            }
            write_size(text, size.as_ref());
        }
        Type::OctetString(size) => {
            *text += "OCTET STRING";
            write_size(text, size.as_ref());
        }
        Type::CharString(kind, alphabet, size) => {
            *text += kind.name();
            if let Some(alphabet) = alphabet {
                let characters: Vec<_> = alphabet.iter().map(|c| format!("\"{c}\"")).collect();
                let _ = write!(text, " (FROM ({}))", characters.join(" | "));
            }
            write_size(text, size.as_ref());
        }
        Type::Enumerated(items) => {
            let mut parts: Vec<_> = items.root.iter().map(item).collect();
            if let Some(additions) = &items.additions {
                parts.push("...".to_owned());
                parts.extend(additions.iter().map(item));
            }
            let _ = write!(text, "ENUMERATED {{ {} }}", parts.join(", "));
        }
        Type::Sequence(body) => {
            *text += "SEQUENCE ";
            write_body(text, body);
        }
        Type::Choice(body) => {
            *text += "CHOICE ";
            write_body(text, body);
        }
        Type::SequenceOf(size, element) => {
            *text += "SEQUENCE";
            write_size(text, size.as_ref());
            *text += " OF ";
            write_type(text, element);
        }
    }
}

fn item((name, number): &(String, Option<i128>)) -> String {
    number.map_or_else(|| name.clone(), |number| format!("{name}({number})"))
}

fn write_body(text: &mut String, body: &Body) {
    let mut parts: Vec<_> = body.root.iter().map(member).collect();
    if let Some(additions) = &body.additions {
        parts.push("...".to_owned());
        parts.extend(additions.iter().map(|addition| match addition {
            Addition::Member(alone) => member(alone),
            Addition::Group(members) => {
                format!("[[ {} ]]", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }));
    }
    let _ = write!(text, "{{ {} }}", parts.join(", "));
}

fn member(member: &Member) -> String {
    let mut text = format!("{} ", member.name);
    write_type(&mut text, &member.ty);
    match &member.presence {
        Presence::Mandatory => {}
        Presence::Optional => text += " OPTIONAL",
        Presence::Default(Literal::Boolean(value)) => {
            text += if *value { " DEFAULT TRUE" } else { " DEFAULT FALSE" };
        }
        Presence::Default(Literal::Number(value)) => {
            let _ = write!(text, " DEFAULT {value}");
        }
        Presence::Default(Literal::Name(name)) => {
            let _ = write!(text, " DEFAULT {name}");
        }
    }
    text
}

fn write_range(text: &mut String, range: Option<&Range>) {
    let Some(range) = range else { return };
    let marker = if range.extensible { ", ..." } else { "" };
    if range.low == range.high {
        let _ = write!(text, " ({}{marker})", bound(&range.low, "MIN"));
    } else {
        let _ = write!(text, " ({}..{}{marker})", bound(&range.low, "MIN"), bound(&range.high, "MAX"));
    }
}

fn write_size(text: &mut String, size: Option<&Range>) {
    if size.is_some() {
        *text += " (SIZE";
        write_range(text, size);
        text.push(')');
    }
}

fn bound(bound: &Bound, open: &str) -> String {
    match bound {
        Bound::Number(value) => value.to_string(),
        Bound::Name(name) => name.clone(),
        Bound::Open => open.to_owned(),
    }
}
