//! LPP: what decodes encodes, decodes again, and encodes to the same bytes; the inspection codec survives the same bytes.

#![no_main]

use groma_asn1::inspect::{self, Pdu};
use groma_asn1::lpp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = lpp::decode(bytes) {
        let again = lpp::encode(&value).expect("a decoded value can be encoded");
        let second = lpp::decode(&again).expect("an encoded value can be decoded");
        assert_eq!(lpp::encode(&second).expect("the second encoding"), again);
    }
    if let Ok(shown) = inspect::decode(Pdu::Lpp, bytes, true) {
        inspect::encode(Pdu::Lpp, &shown).expect("what is shown can be encoded");
    }
});
