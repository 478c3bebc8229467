//! `cargo run -p groma-asn1-codegen`: writes the files of `asn1/src/generated` anew.

use std::process::ExitCode;

use groma_asn1_codegen::{Error, TARGETS};

fn main() -> ExitCode {
    for target in TARGETS {
        let written = target.generate().and_then(|text| {
            std::fs::write(target.path(), text).map_err(|error| Error::File(target.path(), error))
        });
        if let Err(error) = written {
            eprintln!("{}: {error}", target.file);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
