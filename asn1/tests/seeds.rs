//! The messages that the tests start from.

use std::io::Write as _;
use std::path::PathBuf;

#[cfg(feature = "inspect")]
use groma_asn1::inspect::{self, Pdu};
use serde_json::Value;
#[cfg(feature = "inspect")]
use serde_json::json;

/// One vector of the shared set.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) bytes: Vec<u8>,
    #[cfg_attr(not(feature = "inspect"), expect(dead_code))]
    pub(crate) value: Value,
    /// Whether encoding the value must give the bytes.
    pub(crate) encode: bool,
    /// Whether the bytes must be refused.
    pub(crate) refused: bool,
}

/// The directory of the shared set, when there is one on this machine.
pub(crate) fn shared() -> Option<PathBuf> {
    std::env::var_os("GROMA_SHARED").map(PathBuf::from)
}

/// The vectors of one protocol; `None`, after saying so, when there are none on this machine.
pub(crate) fn vectors(protocol: &str, test: &str) -> Option<Vec<Vector>> {
    let Some(shared) = shared() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{test}: GROMA_SHARED is not set, so no vector can be tried"
        );
        // Past the harness, which would keep the line to itself when the test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: GROMA_SHARED is not set");
        return None;
    };
    let mut found: Vec<Vector> = std::fs::read_dir(shared.join("vectors").join(protocol))
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
        ty: json["pdu"].as_str().unwrap().to_owned(),
        bytes: unhex(json["uper_hex"].as_str().unwrap()),
        value: json["value"].clone(),
        encode: json["encode"].as_bool().unwrap(),
        refused: json["expect"] == "error",
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A ULP PDU with this message.
#[cfg(feature = "inspect")]
pub(crate) fn ulp_pdu(message: &Value) -> Value {
    json!({
        "length": 0,
        "version": {"maj": 2, "min": 0, "servind": 0},
        "sessionID": {
            "setSessionID": {"sessionId": 7, "setId": {"imsi": "62020000000000f0"}},
            "slpSessionID": {"sessionID": "0a0b0c0d", "slpId": {"fqdn": "h-slp.example.com"}},
        },
        "message": message,
    })
}

/// An LPP message with this body.
#[cfg(feature = "inspect")]
pub(crate) fn lpp_message(body: &Value) -> Value {
    json!({
        "transactionID": {"initiator": "locationServer", "transactionNumber": 3},
        "endTransaction": true,
        "sequenceNumber": 12,
        "lpp-MessageBody": {"c1": body},
    })
}

/// A few messages of our own, so that there is always something to start from.
#[cfg(feature = "inspect")]
pub(crate) fn own(pdu: Pdu) -> Vec<Vec<u8>> {
    let values = match pdu {
        Pdu::Ulp => vec![
            ulp_pdu(&json!({"msSUPLEND": {"statusCode": "consentDeniedByUser"}})),
            ulp_pdu(&json!({"msSUPLRESPONSE": {"posMethod": "agpsSETbased"}})),
            ulp_pdu(&json!({"msSUPLPOS": {"posPayLoad": {"rrlpPayload": {"$rrlp": {
                "referenceNumber": 1, "component": {"assistanceDataAck": null}}}}}})),
            ulp_pdu(&json!({"msSUPLEND": {"position": {
                "timestamp": "260801120000Z",
                "positionEstimate": {
                    "latitudeSign": "north", "latitude": 4_000_000, "longitude": -1_000_000,
                    "uncertainty": {"uncertaintySemiMajor": 18, "uncertaintySemiMinor": 9, "orientationMajorAxis": 90},
                    "confidence": 68}}}})),
        ],
        Pdu::Rrlp => vec![
            json!({"referenceNumber": 1, "component": {"assistanceDataAck": null}}),
            json!({"referenceNumber": 5, "component": {"protocolError": {"errorCause": "messageTooShort"}}}),
            json!({"referenceNumber": 2, "component": {"msrPositionReq": {"positionInstruct": {
                "methodType": {"msBased": 20}, "positionMethod": "gps",
                "measureResponseTime": 3, "useMultipleSets": "oneSet"}}}}),
        ],
        _ => vec![
            lpp_message(&json!({"abort": {"criticalExtensions": {"c1": {"abort-r9": {
                "commonIEsAbort": {"abortCause": "networkAbort"}}}}}})),
            lpp_message(
                &json!({"requestCapabilities": {"criticalExtensions": {"c1": {"requestCapabilities-r9": {
                "a-gnss-RequestCapabilities": {"gnss-SupportListReq": true, "assistanceDataSupportListReq": false,
                    "locationVelocityTypesReq": true},
                "ecid-RequestCapabilities": {}}}}}}),
            ),
            lpp_message(&json!({"requestLocationInformation": {"criticalExtensions": {"c1": {
                "requestLocationInformation-r9": {"commonIEsRequestLocationInformation": {
                    "locationInformationType": "locationEstimateRequired",
                    "qos": {"horizontalAccuracy": {"accuracy": 30, "confidence": 90},
                        "verticalCoordinateRequest": true, "responseTime": {"time": 16}, "velocityRequest": false}}}}}}})),
        ],
    };
    values.iter().map(|value| inspect::encode(pdu, value).unwrap()).collect()
}
