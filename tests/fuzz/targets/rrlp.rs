//! RRLP: what decodes encodes, decodes again, and encodes to the same bytes; the inspection codec survives the same bytes.

#![no_main]

use groma_asn1::inspect::{self, Pdu};
use groma_asn1::rrlp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = rrlp::decode(bytes) {
        let again = rrlp::encode(&value).expect("a decoded value can be encoded");
        let second = rrlp::decode(&again).expect("an encoded value can be decoded");
        assert_eq!(rrlp::encode(&second).expect("the second encoding"), again);
    }
    if let Ok(shown) = inspect::decode(Pdu::Rrlp, bytes, true) {
        inspect::encode(Pdu::Rrlp, &shown).expect("what is shown can be encoded");
    }
});
