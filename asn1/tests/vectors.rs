//! Every vector of the shared set, through the generated types and through the inspection codec.

use std::path::PathBuf;

use serde_json::Value;

/// One vector.
struct Vector {
    name: String,
    pdu: String,
    bytes: Vec<u8>,
    value: Value,
    encode: bool,
    refused: bool,
}

/// The vectors of one protocol; `None`, after saying so, when there are none on this machine.
fn vectors(protocol: &str) -> Option<Vec<Vector>> {
    let Some(shared) = std::env::var_os("GROMA_SHARED").map(PathBuf::from) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "GROMA_SHARED is not set, so the {protocol} vectors cannot be tried"
        );
        eprintln!("skipped: the {protocol} vectors (GROMA_SHARED is not set)");
        return None;
    };
    let directory = shared.join("vectors").join(protocol);
    let mut found: Vec<Vector> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| vector(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty());
    Some(found)
}

fn vector(json: &Value) -> Vector {
    Vector {
        name: json["name"].as_str().unwrap().to_owned(),
        bytes: hex(json["uper_hex"].as_str().unwrap()),
        value: json["value"].clone(),
        pdu: json["pdu"].as_str().unwrap().to_owned(),
        encode: json["encode"].as_bool().unwrap(),
        refused: json["expect"] == "error",
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What decoding and encoding again gives, and the decoded value as text.
fn through_types(protocol: &str, bytes: &[u8]) -> Result<(Vec<u8>, String), groma_asn1::Error> {
    match protocol {
        "ulp" => groma_asn1::ulp::decode(bytes)
            .and_then(|pdu| Ok((groma_asn1::ulp::encode(&pdu)?, format!("{pdu:?}")))),
        "rrlp" => groma_asn1::rrlp::decode(bytes)
            .and_then(|pdu| Ok((groma_asn1::rrlp::encode(&pdu)?, format!("{pdu:?}")))),
        _ => groma_asn1::lpp::decode(bytes)
            .and_then(|pdu| Ok((groma_asn1::lpp::encode(&pdu)?, format!("{pdu:?}")))),
    }
}

fn types_agree(protocol: &str) {
    let Some(vectors) = vectors(protocol) else { return };
    let mut failures = Vec::new();
    for vector in vectors.iter().filter(|vector| !vector.pdu.starts_with("LPP-Broadcast")) {
        match through_types(protocol, &vector.bytes) {
            Ok(_) if vector.refused => failures.push(format!("{}: accepted", vector.name)),
            Ok((bytes, _)) if vector.encode && bytes != vector.bytes => {
                failures.push(format!("{}: encodes differently", vector.name));
            }
            Ok(_) => {}
            Err(_) if vector.refused => {}
            Err(error) => failures.push(format!("{}: {error}", vector.name)),
        }
    }
    assert!(
        failures.is_empty(),
        "{protocol}, {} of {}:\n{}",
        failures.len(),
        vectors.len(),
        failures.join("\n")
    );
}

#[test]
fn ulp_types() {
    types_agree("ulp");
}

#[test]
fn rrlp_types() {
    types_agree("rrlp");
}

#[test]
fn lpp_types() {
    types_agree("lpp");
}
