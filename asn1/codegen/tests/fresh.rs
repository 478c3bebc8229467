//! The generated files are what the modules say today.

use groma_asn1_codegen::TARGETS;

#[test]
fn checked_in_types_are_fresh() {
    for target in TARGETS {
        let fresh = target.generate().unwrap();
        let checked_in = std::fs::read_to_string(target.path()).unwrap();
        assert!(fresh == checked_in, "{} is stale: run cargo run -p groma-asn1-codegen", target.file);
    }
}
