//! The generated files are what the modules say today, and each step of the way does its work.

// The lint lets tests unwrap, but not the helpers they share.
#![allow(clippy::unwrap_used)]

use groma_asn1_codegen::rewrite::Schema;
use groma_asn1_codegen::{Error, TARGETS, syntax, types};

#[test]
fn checked_in_types_are_fresh() {
    for target in TARGETS {
        let fresh = target.generate().unwrap();
        let checked_in = std::fs::read_to_string(target.path()).unwrap();
        assert!(fresh == checked_in, "{} is stale: run cargo run -p groma-asn1-codegen", target.file);
    }
}

/// The Rust text of a module's types, with runs of white space made one blank.
fn generated(assignments: &str) -> Result<String, Error> {
    let module = format!("M DEFINITIONS AUTOMATIC TAGS ::= BEGIN {assignments} END");
    let schema = Schema::merge(&syntax::parse(&module).unwrap())?;
    Ok(types(schema)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "{part} is not in {text}");
}

#[test]
fn additions_by_themselves_get_the_constraint_of_their_type() {
    let text = generated(
        "P ::= SEQUENCE { a BOOLEAN, ..., s II OPTIONAL, f FF OPTIONAL, b BOOLEAN OPTIONAL, [[ g II OPTIONAL ]] }
         II ::= JJ JJ ::= INTEGER (0..127) FF ::= BIT STRING (SIZE (5))",
    )
    .unwrap();
    assert_contains(&text, r#"#[rasn(extension_addition)] #[rasn(value("0..=127"))] pub s: Option<II>"#);
    assert_contains(&text, r#"#[rasn(extension_addition)] #[rasn(size("5"))] pub f: Option<FF>"#);
    assert_contains(&text, "#[rasn(extension_addition)] pub b: Option<bool>");
    assert_contains(&text, "pub struct PExt4 { pub g: Option<II>, }");
}

#[test]
fn named_bits_are_trimmed_wherever_they_stand() {
    let text = generated("P ::= SEQUENCE { b BIT STRING { x(0) } (SIZE (1..8)) } Q ::= BIT STRING { y(0) }")
        .unwrap();
    assert_contains(&text, "named_bits!(PB, 1);");
    assert_contains(&text, "named_bits!(Q, 0);");
    assert_contains(
        &text,
        r#"#[derive(AsnType, Debug, Clone, Decode, PartialEq, Eq)] #[rasn(delegate, identifier = "P-b""#,
    );
    let text = generated("Q ::= BIT STRING { y(0) } (SIZE (8)) R ::= BIT STRING (SIZE (1..8))").unwrap();
    assert!(!text.contains("named_bits!("), "{text}");
}

#[test]
fn what_peers_may_extend_has_room() {
    let text = generated(
        "E ::= ENUMERATED { a(0), b(7), ..., c(9) } F ::= ENUMERATED { a, ... }
         C ::= CHOICE { a NULL, ..., d NULL } D ::= CHOICE { a NULL, ... }",
    )
    .unwrap();
    assert_contains(
        &text,
        "pub enum E { a, b, #[rasn(extension_addition)] c, #[unknown] unknown_ext(usize), }",
    );
    assert_contains(&text, "pub enum F { a, #[unknown] unknown_ext(usize), }");
    assert_contains(
        &text,
        "pub enum C { a(()), #[rasn(extension_addition)] d(()), #[unknown] unknown_ext(UnknownAlternative), }",
    );
    assert_contains(&text, "pub enum D { a(()), #[unknown] unknown_ext(UnknownAlternative), }");
    let text = generated("E ::= ENUMERATED { a, b } C ::= CHOICE { a NULL, d NULL }").unwrap();
    assert!(!text.contains("unknown_ext"), "{text}");
}

#[test]
fn types_stay_open_to_other_crates() {
    let text = generated("P ::= SEQUENCE { a BOOLEAN OPTIONAL, ... }").unwrap();
    assert_contains(&text, "#[derive(Default)]");
    assert_contains(&text, "#[extensible] pub struct P { pub a: Option<bool>, }");
    assert!(!text.contains("non_exhaustive") && !text.contains("fn new"), "{text}");
}

#[test]
fn defaults_and_large_alphabets_survive() {
    let text = generated(
        r#"P ::= SEQUENCE { e ENUMERATED { x, y } DEFAULT y }
           U ::= VisibleString (FROM ("a".."z" | "A".."Z" | "0".."9" | ":./-_~%#@?")) (SIZE (1..255))"#,
    )
    .unwrap();
    assert_contains(&text, r#"#[rasn(default = "p_e_default")] pub e: PE,"#);
    assert_contains(&text, r#"#[rasn(delegate, size("1..=255"))] pub struct U(pub VisibleString);"#);
}

#[test]
fn what_cannot_be_generated_is_an_error() {
    assert!(matches!(generated("A ::= NULL A ::= NULL"), Err(Error::Ambiguous(_))));
    assert!(matches!(generated("A ::= INTEGER (0..most)"), Err(Error::NoValue(_))));
    assert!(matches!(generated("A ::= SEQUENCE { b Nowhere }"), Err(Error::Undefined(_))));
}
