//! What the codecs refuse, and how they say it.

use groma_asn1::inspect::{self, Pdu, Problem, Schema};
use groma_asn1::{Error, ulp};
use serde_json::json;

use crate::seeds::{own, unhex};

#[test]
fn own_messages_survive_both_codecs() {
    for pdu in [Pdu::Ulp, Pdu::Rrlp, Pdu::Lpp] {
        for bytes in own(pdu) {
            let (text, again) = crate::vectors::through_types(pdu, &bytes).unwrap();
            assert_eq!(again.unwrap(), bytes);
            crate::shown::compare(&text, &inspect::decode(pdu, &bytes, false).unwrap()).unwrap();
        }
    }
}

#[test]
fn ulp_length_must_be_true() {
    let mut bytes = own(Pdu::Ulp).remove(0);
    let actual = bytes.len();
    bytes[1] += 1;
    assert_eq!(ulp::decode(&bytes).unwrap_err(), Error::Length { stated: actual + 1, actual });
    let error = inspect::decode(Pdu::Ulp, &bytes, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("at bit 0: length: length says {} octets, there are {actual}", actual + 1)
    );
}

#[test]
fn ulp_length_is_filled_in() {
    let bytes = own(Pdu::Ulp).remove(0);
    let mut pdu = ulp::decode(&bytes).unwrap();
    pdu.length = 3;
    assert_eq!(ulp::encode(&pdu).unwrap(), bytes);
    let mut value = inspect::decode(Pdu::Ulp, &bytes, false).unwrap();
    value["length"] = json!(3);
    assert_eq!(inspect::encode(Pdu::Ulp, &value).unwrap(), bytes);
    value.as_object_mut().unwrap().shift_remove("length");
    assert_eq!(inspect::encode(Pdu::Ulp, &value).unwrap(), bytes);
}

#[test]
fn an_error_names_bit_member_and_range() {
    let schema = Schema::parse(&["M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
        T ::= SEQUENCE { flag BOOLEAN, list SEQUENCE (SIZE (1..2)) OF U }
        U ::= SEQUENCE { toeLimit INTEGER (0..10) }
        END"])
    .unwrap();
    let error = schema.decode("M.T", &unhex("57c0")).unwrap_err();
    assert_eq!(error.to_string(), "at bit 6: list[1].toeLimit: 15 is outside 0..10");
    let error = schema.encode("M.T", &json!({"flag": true, "list": [{"toeLimit": 11}]})).unwrap_err();
    assert_eq!(error.to_string(), "list[0].toeLimit: 11 is outside 0..10");
    let error = schema.encode("M.T", &json!({"flag": true})).unwrap_err();
    assert_eq!(error.to_string(), "member list is missing");
    let error = schema.encode("M.T", &json!({"flag": true, "list": [], "colour": 1})).unwrap_err();
    assert_eq!(error.to_string(), "there is no member colour");
    let error = schema.decode("M.T", &unhex("40")).unwrap_err();
    assert_eq!(error.to_string(), "at bit 6: list[1].toeLimit: 4 bits are wanted, 2 are left");
}

#[test]
fn positions_inside_open_types_are_those_of_the_message() {
    let schema = Schema::parse(&["M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
        T ::= SEQUENCE { ..., addition OCTET STRING, last U }
        U ::= INTEGER (0..2)
        END"])
    .unwrap();
    let whole = schema.encode("M.T", &json!({"addition": "00".repeat(40_000), "last": 2})).unwrap();
    assert_eq!(schema.decode("M.T", &whole).unwrap()["last"], 2);
    let mut broken = whole.clone();
    let end = broken.len();
    // The last octets hold the open type of `last`: length 1, then two bits of value.
    assert_eq!(broken[end - 2..], [0x60, 0x00], "{:x?}", &broken[end - 3..]);
    broken[end - 2] = 0x70;
    let error = schema.decode("M.T", &broken).unwrap_err();
    assert_eq!(
        (error.path.as_str(), &error.problem),
        ("last", &Problem::Range { value: 3, range: "0..2".to_owned() })
    );
    assert_eq!(error.bit, Some((end - 2) * 8 + 2));
}

#[test]
fn a_module_that_cannot_be_read_says_its_line() {
    let error = Schema::parse(&["M DEFINITIONS ::= BEGIN\nT ::= SET OF BOOLEAN\nEND"]).unwrap_err();
    assert_eq!(error.to_string(), "line 2: expected ::=, found Some(Word(\"BOOLEAN\"))");
    let error = Schema::parse(&["M DEFINITIONS ::= BEGIN\nT ::= SEQUENCE { a boolean }\nEND"]).unwrap_err();
    assert_eq!(error.to_string(), "line 2: boolean is no type");
    let error = Schema::parse(&["M DEFINITIONS ::= BEGIN A ::= B B ::= A END"]).unwrap_err();
    assert_eq!(error.problem, Problem::Depth);
}

#[test]
fn nothing_is_a_list_of_any_length() {
    let schema = Schema::parse(&["M DEFINITIONS ::= BEGIN
        Nothing ::= SEQUENCE OF NULL
        Deep ::= CHOICE { deeper Deep, end NULL }
        END"])
    .unwrap();
    let long: Vec<u8> = std::iter::repeat_n(0xc4, 1000).chain([0]).collect();
    assert_eq!(schema.decode("M.Nothing", &long).unwrap_err().problem, Problem::TooManyEmpty);
    assert_eq!(schema.decode("M.Deep", &[0; 1000]).unwrap_err().problem, Problem::Depth);
}

#[test]
fn any_type_has_a_name() {
    let ty: Pdu = "LPP-PDU-Definitions.GNSS-ID".parse().unwrap();
    assert_eq!(ty.to_string(), "LPP-PDU-Definitions.GNSS-ID");
    let bytes = inspect::encode(ty, &json!({"gnss-id": "galileo"})).unwrap();
    assert_eq!(inspect::decode(ty, &bytes, false).unwrap(), json!({"gnss-id": "galileo"}));
    for name in ["ULP-PDU", "RRLP-PDU", "LPP-Message"] {
        assert_eq!(name.parse::<Pdu>().unwrap().to_string(), name);
    }
    assert_eq!("ULP.ULP-PDU".parse::<Pdu>().unwrap(), Pdu::Ulp);
    assert_eq!("GNSS".parse::<Pdu>().unwrap_err().to_string(), "there is no type GNSS");
}

#[test]
fn a_payload_that_cannot_be_read_is_kept() {
    let pos = |payload: serde_json::Value| {
        json!({
            "version": {"maj": 2, "min": 0, "servind": 0},
            "sessionID": {},
            "message": {"msSUPLPOS": {"posPayLoad": {"ver2-PosPayLoad-extension": {"lPPPayload": [payload]}}}},
        })
    };
    let bytes = inspect::encode(Pdu::Ulp, &pos(json!("ffffff"))).unwrap();
    let shown = inspect::decode(Pdu::Ulp, &bytes, true).unwrap();
    let payload = &shown["message"]["msSUPLPOS"]["posPayLoad"]["ver2-PosPayLoad-extension"]["lPPPayload"][0];
    assert_eq!(payload["$hex"], "ffffff");
    assert!(payload["$error"].as_str().unwrap().starts_with("at bit "));
    assert_eq!(inspect::encode(Pdu::Ulp, &shown).unwrap(), bytes);

    let wrong = pos(json!({"$lpp": {"endTransaction": 5}}));
    let error = inspect::encode(Pdu::Ulp, &wrong).unwrap_err();
    assert!(
        error.to_string().ends_with("lPPPayload[0].$lpp.endTransaction: expected true or false"),
        "{error}"
    );
}

#[test]
fn every_module_can_be_read() {
    for pdu in [Pdu::Ulp, Pdu::Rrlp, Pdu::Lpp] {
        assert!(inspect::decode(pdu, &[], false).is_err());
    }
}
