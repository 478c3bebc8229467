//! Every vector of the shared set, through the generated types and through the inspection codec.

use groma_asn1::inspect::{self, Pdu, Schema};
use groma_asn1::{Error, lpp, rrlp, ulp};

use crate::seeds::{Vector, shared, vectors};
use crate::shown;

/// The decoded value as text, and what encoding it again gives.
pub(crate) fn through_types(pdu: Pdu, bytes: &[u8]) -> Result<(String, Result<Vec<u8>, Error>), Error> {
    Ok(match pdu {
        Pdu::Ulp => ulp::decode(bytes).map(|pdu| (format!("{pdu:?}"), ulp::encode(&pdu)))?,
        Pdu::Rrlp => rrlp::decode(bytes).map(|pdu| (format!("{pdu:?}"), rrlp::encode(&pdu)))?,
        _ => lpp::decode(bytes).map(|message| (format!("{message:?}"), lpp::encode(&message)))?,
    })
}

/// What is wrong with each vector that fails, by name.
fn report(protocol: &str, vectors: &[Vector], check: impl Fn(&Vector) -> Result<(), String>) {
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| check(vector).err().map(|problem| format!("{}: {problem}", vector.name)))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} {protocol} vectors fail:\n{}",
        failures.len(),
        vectors.len(),
        failures.join("\n")
    );
}

fn types_agree(protocol: &str) {
    let Some(vectors) = vectors(protocol, &format!("the generated types and the {protocol} vectors")) else {
        return;
    };
    report(protocol, &vectors, |vector| {
        let pdu: Pdu = vector.ty.parse().map_err(|error| format!("{error}"))?;
        if matches!(pdu, Pdu::Type(_)) {
            // Not a whole PDU (the broadcast module): only the inspection codec reads it.
            return Ok(());
        }
        match through_types(pdu, &vector.bytes) {
            Ok(_) if vector.refused => Err("is accepted".to_owned()),
            Err(_) if vector.refused => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok((text, again)) => {
                shown::compare(&text, &vector.value)?;
                let again = again.map_err(|error| error.to_string())?;
                if vector.encode && again != vector.bytes {
                    Err("encodes differently".to_owned())
                } else {
                    Ok(())
                }
            }
        }
    });
}

fn inspection_agrees(protocol: &str, edge: Option<&Schema>, vectors: &[Vector]) {
    report(protocol, vectors, |vector| {
        let pdu = || vector.ty.parse::<Pdu>().map_err(|error| error.to_string());
        let decoded = match edge {
            Some(schema) => schema.decode(&vector.ty, &vector.bytes),
            None => inspect::decode(pdu()?, &vector.bytes, false),
        };
        let value = match decoded {
            Ok(_) if vector.refused => return Err("is accepted".to_owned()),
            Err(_) if vector.refused => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(value) => value,
        };
        if value != vector.value {
            return Err(format!("is {value}, not {}", vector.value));
        }
        let again = match edge {
            Some(schema) => schema.encode(&vector.ty, &value),
            None => inspect::encode(pdu()?, &value),
        };
        let again = again.map_err(|error| error.to_string())?;
        if vector.encode && again != vector.bytes {
            return Err("encodes differently".to_owned());
        }
        if edge.is_none() && vector.encode {
            let deep = inspect::decode(pdu()?, &vector.bytes, true).map_err(|error| error.to_string())?;
            let again = inspect::encode(pdu()?, &deep).map_err(|error| format!("deep: {error}"))?;
            if again != vector.bytes {
                return Err("encodes differently when its payloads are shown".to_owned());
            }
        }
        Ok(())
    });
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

#[test]
fn inspection() {
    for protocol in ["ulp", "rrlp", "lpp"] {
        let Some(vectors) = vectors(protocol, &format!("the inspection codec and the {protocol} vectors"))
        else {
            continue;
        };
        inspection_agrees(protocol, None, &vectors);
    }
}

#[test]
fn inspection_of_edge_cases() {
    let Some(vectors) = vectors("edge", "the inspection codec and the edge vectors") else { return };
    let module = std::fs::read_to_string(shared().unwrap().join("facts/edge.asn")).unwrap();
    inspection_agrees("edge", Some(&Schema::parse(&[&module]).unwrap()), &vectors);
}
