//! What rasn and its compiler would get wrong by themselves, and what peers of a later release may send.

use groma_asn1::inspect::{self, Pdu, Schema};
use groma_asn1::{UnknownAlternative, lpp, ulp};
use serde_json::{Value, json};

use crate::seeds::{lpp_message, ulp_pdu};
use crate::vectors::through_types;

/// The types give what the inspection codec writes, and show what it shows.
fn both(pdu: Pdu, value: &Value) -> String {
    let bytes = inspect::encode(pdu, value).unwrap();
    let (text, again) = through_types(pdu, &bytes).unwrap();
    assert_eq!(again.unwrap(), bytes);
    crate::shown::compare(&text, &inspect::decode(pdu, &bytes, false).unwrap()).unwrap();
    text
}

fn abort(inside: &Value) -> Value {
    lpp_message(&json!({"abort": {"criticalExtensions": {"c1": {"abort-r9": inside}}}}))
}

#[test]
fn an_addition_by_itself_keeps_its_constraint() {
    both(
        Pdu::Lpp,
        &abort(&json!({
            "commonIEsAbort": {"abortCause": "undefined"},
            "epdu-Abort": [{"ePDU-Identifier": {"ePDU-ID": 1}, "ePDU-Body": "0102"}],
        })),
    );
    both(
        Pdu::Rrlp,
        &json!({"referenceNumber": 0, "component": {"assistanceData": {
            "rel98-AssistanceData-Extension": {"gpsReferenceTimeUncertainty": 5},
        }}}),
    );
}

#[test]
fn trailing_zeros_of_named_bits_are_not_sent() {
    let value = lpp_message(&json!({"requestLocationInformation": {"criticalExtensions": {"c1": {
        "requestLocationInformation-r9": {"a-gnss-RequestLocationInformation": {"gnss-PositioningInstructions": {
            "gnss-Methods": {"gnss-ids": {"value": "9", "length": 4}},
            "fineTimeAssistanceMeasReq": true, "adrMeasReq": false, "multiFreqMeasReq": true,
            "assistanceAvailability": false}}}}}}}));
    let bytes = inspect::encode(Pdu::Lpp, &value).unwrap();
    let mut message = lpp::decode(&bytes).unwrap();
    let Some(lpp::LPPMessageBody::c1(lpp::LPPMessageBodyC1::requestLocationInformation(request))) =
        &mut message.lpp_message_body
    else {
        panic!("another message");
    };
    let lpp::RequestLocationInformationCriticalExtensions::c1(
        lpp::RequestLocationInformationCriticalExtensionsC1::requestLocationInformation_r9(ies),
    ) = &mut request.critical_extensions
    else {
        panic!("another version");
    };
    let instructions =
        &mut ies.a_gnss_request_location_information.as_mut().unwrap().gnss_positioning_instructions;
    instructions.gnss_methods.gnss_ids.0.extend([false; 7]);
    assert_eq!(lpp::encode(&message).unwrap(), bytes);
}

/// Where an index takes more bits, and where it ends.
const INDICES: [u64; 9] = [7, 11, 63, 64, 255, 256, 70_000, u32::MAX as u64 + 1, u64::MAX];

#[test]
fn unknown_items_come_back_as_they_came() {
    for index in INDICES {
        let unknown = json!({"$unknownEnum": {"extIndex": index}});
        let text = both(Pdu::Lpp, &abort(&json!({"commonIEsAbort": {"abortCause": unknown}})));
        assert!(text.contains(&format!("abort_cause: unknown_ext({index})")), "{text}");
        let text = both(Pdu::Ulp, &ulp_pdu(&json!({"msSUPLEND": {"statusCode": unknown}})));
        assert!(text.contains(&format!("unknown_ext({index})")), "{text}");
    }
    // An enumeration without a single extension so far.
    let text = both(
        Pdu::Ulp,
        &ulp_pdu(&json!({"msSUPLPOSINIT": {
            "sETCapabilities": {
                "posTechnology": {"agpsSETassisted": false, "agpsSETBased": true, "autonomousGPS": false,
                    "aflt": false, "ecid": false, "eotd": false, "otdoa": false},
                "prefMethod": "noPreference",
                "posProtocol": {"tia801": false, "rrlp": true, "rrc": false},
            },
            "locationId": {
                "cellInfo": {"gsmCell": {"refMCC": 262, "refMNC": 1, "refLAC": 2, "refCI": 3}},
                "status": {"$unknownEnum": {"extIndex": 0}},
            },
        }})),
    );
    assert!(text.contains("status: unknown_ext(0)"), "{text}");
}

#[test]
fn unknown_alternatives_come_back_as_they_came() {
    let unknown = |index: u64| json!({"$unknownChoice": {"extIndex": index, "openTypeHex": "0102ff"}});
    for index in INDICES {
        let bytes = inspect::encode(Pdu::Ulp, &ulp_pdu(&unknown(index))).unwrap();
        let pdu = ulp::decode(&bytes).unwrap();
        let alternative = UnknownAlternative { index: index as usize, octets: vec![1, 2, 255] };
        assert_eq!(pdu.message, ulp::UlpMessage::unknown_ext(alternative));
        assert_eq!(ulp::encode(&pdu).unwrap(), bytes);
        both(Pdu::Rrlp, &json!({"referenceNumber": 4, "component": unknown(index)}));
    }
}

/// Inside alternatives, additions and lists, where the encoder holds back what it wrote.
#[test]
fn unknown_values_survive_wherever_they_stand() {
    let unknown = json!({"$unknownChoice": {"extIndex": 9, "openTypeHex": "aa".repeat(200)}});
    let text = both(
        Pdu::Ulp,
        &ulp_pdu(&json!({"msSUPLSTART": {
            "sETCapabilities": {
                "posTechnology": {"agpsSETassisted": false, "agpsSETBased": true, "autonomousGPS": false,
                    "aflt": false, "ecid": false, "eotd": false, "otdoa": false},
                "prefMethod": "noPreference",
                "posProtocol": {"tia801": false, "rrlp": true, "rrc": false},
            },
            "locationId": {"cellInfo": unknown, "status": "current"},
            "ver2-SUPL-START-extension": {"multipleLocationIds": [
                {"locationId": {"cellInfo": unknown, "status": "stale"}, "servingFlag": true},
                {"locationId": {
                    "cellInfo": {"ver2-CellInfo-extension": {"$unknownChoice": {"extIndex": 5, "openTypeHex": "01"}}},
                    "status": {"$unknownEnum": {"extIndex": 64}}}, "servingFlag": false},
            ]},
        }})),
    );
    assert_eq!(text.matches("unknown_ext(").count(), 4, "{text}");
}

/// An open type of 16,384 octets and more comes in pieces.
#[test]
fn an_unknown_alternative_may_be_long() {
    for octets in [1, 127, 128, 16_383, 16_384, 16_385, 40_000] {
        let unknown = json!({"$unknownChoice": {"extIndex": 7, "openTypeHex": "5a".repeat(octets)}});
        both(Pdu::Ulp, &ulp_pdu(&unknown));
    }
}

#[test]
fn a_known_alternative_fills_its_open_type() {
    let stop = |octets: &str| {
        let value = ulp_pdu(&json!({"$unknownChoice": {"extIndex": 2, "openTypeHex": octets}}));
        ulp::decode(&inspect::encode(Pdu::Ulp, &value).unwrap())
    };
    // SUPL TRIGGERED STOP: an extension bit, one for the status, whose index takes five. Padding may have any value.
    assert!(matches!(stop("00").unwrap().message, ulp::UlpMessage::msSUPLTRIGGEREDSTOP(_)));
    assert!(stop("3f").is_ok());
    for wrong in ["", "0000", "5f", "80"] {
        let error = stop(wrong).unwrap_err();
        assert!(error.to_string().starts_with("not a valid ULP-PDU: "), "{wrong}: {error}");
    }
}

/// Additions of a SEQUENCE that a later release has put behind those we know: 70 of them to SUPL TRIGGERED STOP, of which
/// two are there and one is long.
#[test]
fn unknown_additions_are_skipped() {
    let more = (0..70).map(|n| format!(", a{n} OCTET STRING OPTIONAL")).collect::<Vec<_>>().concat();
    let later = format!(
        "M DEFINITIONS AUTOMATIC TAGS ::= BEGIN Stop ::= SEQUENCE {{ status BOOLEAN OPTIONAL, ...{more} }} END"
    );
    let later = Schema::parse(&[&later]).unwrap();
    let bytes = later.encode("M.Stop", &json!({"a0": "01", "a69": "77".repeat(17_000)})).unwrap();
    let hex = crate::shown::hex(&bytes);
    let value = ulp_pdu(&json!({"$unknownChoice": {"extIndex": 2, "openTypeHex": hex}}));
    let pdu = ulp::decode(&inspect::encode(Pdu::Ulp, &value).unwrap()).unwrap();
    assert!(matches!(pdu.message, ulp::UlpMessage::msSUPLTRIGGEREDSTOP(_)), "{:?}", pdu.message);
}

/// With or without the NR types, NR messages survive.
#[test]
fn nr_methods_pass_through() {
    let text = both(
        Pdu::Lpp,
        &lpp_message(
            &json!({"provideCapabilities": {"criticalExtensions": {"c1": {"provideCapabilities-r9": {
                "ecid-ProvideCapabilities": {"ecid-MeasSupported": {"value": "8", "length": 1}},
                "nr-ECID-ProvideCapabilities-r16": {"nr-ECID-MeasSupported-r16": {"value": "a", "length": 3}},
            }}}}}),
        ),
    );
    assert_eq!(text.contains("ext2: Some(OpenType("), cfg!(not(feature = "lpp-full")), "{text}");
}

#[test]
fn default_values_are_not_sent() {
    let text = both(
        Pdu::Lpp,
        &lpp_message(&json!({"requestLocationInformation": {"criticalExtensions": {"c1": {
            "requestLocationInformation-r9": {"commonIEsRequestLocationInformation": {
                "locationInformationType": "locationEstimateRequired",
                "periodicalReporting": {"reportingAmount": "ra-Infinity", "reportingInterval": "ri1"}}}}}}})),
    );
    assert!(text.contains("ra_Infinity"), "{text}");
}

#[test]
fn bytes_behind_a_pdu_are_refused() {
    let mut bytes = inspect::encode(Pdu::Lpp, &abort(&json!({}))).unwrap();
    assert!(lpp::decode(&bytes).is_ok());
    bytes.push(0);
    assert!(lpp::decode(&bytes).is_err());
    let (_, rest) = lpp::decode_with_remainder(&bytes).unwrap();
    assert_eq!(rest, [0]);
}

/// An open type may be as long as any: its length takes one octet, two, or several with the value in pieces between them,
/// and it begins at any bit.
#[test]
fn open_types_of_every_length() {
    let around = |n: usize| n.saturating_sub(3).max(1)..n + 3;
    let lengths =
        around(1).chain(around(126)).chain(around(16_383)).chain(around(32_767)).chain([59_999, 60_000]);
    for (i, length) in lengths.enumerate() {
        // A character more in the identity moves the payload by seven bits.
        let payload: String = (0..length).map(|k| ["00", "5a", "c3", "f0", "1e"][(k + i) % 5]).collect();
        let mut value = ulp_pdu(&json!({"msSUPLPOS": {"posPayLoad": {
            "ver2-PosPayLoad-extension": {"lPPPayload": [payload, "00", "ff"]}}}}));
        value["sessionID"]["setSessionID"]["setId"] = json!({"nai": "a".repeat(i % 8 + 1)});
        if length < 30_000 {
            both(Pdu::Ulp, &value);
        } else {
            let bytes = inspect::encode(Pdu::Ulp, &value).unwrap();
            assert_eq!(ulp::encode(&ulp::decode(&bytes).unwrap()).unwrap(), bytes);
        }
        let unknown = UnknownAlternative { index: 7, octets: vec![i as u8; length] };
        let bytes = inspect::encode(Pdu::Ulp, &value).unwrap();
        let mut pdu = ulp::decode(&bytes).unwrap();
        pdu.message = ulp::UlpMessage::unknown_ext(unknown);
        assert_eq!(ulp::decode(&ulp::encode(&pdu).unwrap()).unwrap().message, pdu.message);
    }
}
