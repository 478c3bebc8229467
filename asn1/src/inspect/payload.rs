//! The payloads inside ULP.

use serde_json::{Value, json};

use super::decode::hex;
use super::encode::hex_of;
use super::error::{InspectError, Problem};
use super::{Pdu, decode, encode};

const HEX: &str = "$hex";
const RRLP: &str = "$rrlp";
const LPP: &str = "$lpp";

/// Shows the payloads, wherever a SUPL POS is in the value.
pub(super) fn expand(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match (name.as_str(), member) {
                    ("rrlpPayload", payload) => show(payload, Pdu::Rrlp, RRLP),
                    ("lPPPayload", Value::Array(payloads)) => {
                        for payload in payloads {
                            show(payload, Pdu::Lpp, LPP);
                        }
                    }
                    (_, member) => expand(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(expand),
        _ => {}
    }
}

/// Puts a message in the place of its octets, or beside them when they cannot be had back from it.
fn show(payload: &mut Value, pdu: Pdu, key: &str) {
    let Ok(octets) = hex_of(payload) else { return };
    *payload = match decode(pdu, &octets, false) {
        Ok(message) if encode(pdu, &message).is_ok_and(|again| again == octets) => json!({key: message}),
        Ok(message) => json!({key: message, HEX: hex(&octets)}),
        Err(error) => json!({HEX: hex(&octets), "$error": error.to_string()}),
    };
}

/// The octets of an OCTET STRING: given as digits, or by the message they contain.
pub(super) fn octets_of(value: &Value) -> Result<Vec<u8>, InspectError> {
    if let Some(digits) = value.get(HEX) {
        hex_of(digits)
    } else if let Some(message) = value.get(RRLP) {
        encode(Pdu::Rrlp, message).map_err(|error| error.within(RRLP))
    } else if let Some(message) = value.get(LPP) {
        encode(Pdu::Lpp, message).map_err(|error| error.within(LPP))
    } else if value.is_string() {
        hex_of(value)
    } else {
        Err(Problem::Expected("hexadecimal digits, $rrlp, $lpp or $hex").into())
    }
}
