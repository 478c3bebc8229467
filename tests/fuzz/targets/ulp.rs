//! ULP: what decodes encodes, decodes again, and encodes to the same bytes; the inspection codec survives the same bytes.

#![no_main]

use groma_asn1::inspect::{self, Pdu};
use groma_asn1::ulp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = ulp::decode(bytes) {
        let again = ulp::encode(&value).expect("a decoded value can be encoded");
        let second = ulp::decode(&again).expect("an encoded value can be decoded");
        assert_eq!(ulp::encode(&second).expect("the second encoding"), again);
    }
    if let Ok(shown) = inspect::decode(Pdu::Ulp, bytes, true) {
        inspect::encode(Pdu::Ulp, &shown).expect("what is shown can be encoded");
    }
});
