//! What rasn and its compiler would get wrong by themselves, and what peers of a later release may send.

use groma_asn1::inspect::{self, Pdu};
use groma_asn1::{OpenType, lpp, rrlp, ulp};
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

#[test]
fn unknown_items_come_back_as_they_came() {
    let text =
        both(Pdu::Lpp, &abort(&json!({"commonIEsAbort": {"abortCause": {"$unknownEnum": {"extIndex": 2}}}})));
    assert!(text.contains("abort_cause: unknown_ext2"), "{text}");
    let text =
        both(Pdu::Ulp, &ulp_pdu(&json!({"msSUPLEND": {"statusCode": {"$unknownEnum": {"extIndex": 6}}}})));
    assert!(text.contains("unknown_ext6"), "{text}");
}

#[test]
fn unknown_alternatives_come_back_as_they_came() {
    let unknown = |index: usize| json!({"$unknownChoice": {"extIndex": index, "openTypeHex": "0102ff"}});
    let bytes = inspect::encode(Pdu::Ulp, &ulp_pdu(&unknown(7))).unwrap();
    let pdu = ulp::decode(&bytes).unwrap();
    assert_eq!(pdu.message, ulp::UlpMessage::unknown_ext7(OpenType(vec![1, 2, 255])));
    assert_eq!(ulp::encode(&pdu).unwrap(), bytes);
    both(Pdu::Rrlp, &json!({"referenceNumber": 4, "component": unknown(2)}));
    both(Pdu::Rrlp, &json!({"referenceNumber": 4, "component": unknown(3)}));
}

#[test]
fn an_open_type_has_at_least_one_octet() {
    let value =
        json!({"referenceNumber": 4, "component": {"$unknownChoice": {"extIndex": 2, "openTypeHex": ""}}});
    let bytes = inspect::encode(Pdu::Rrlp, &value).unwrap();
    assert!(rrlp::decode(&bytes).is_err());
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
