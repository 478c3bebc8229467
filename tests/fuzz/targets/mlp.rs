//! MLP documents: what is read can be written in every version, and comes back as it was gated; what is not has an answer.

#![no_main]

use groma::le::mlp::convert::{Crs, coordinates, ids, quality};
use groma::le::mlp::model::{Body, Coord, SlirTargets};
use groma::le::mlp::{Reading, Version, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reading = Reading::default();
    // The first octet chooses the charset of the content type.
    let (charset, document) = match bytes.split_first() {
        Some((0, rest)) => (Some("iso-8859-1"), rest),
        Some((1, rest)) => (Some("utf-16le"), rest),
        _ => (None, bytes),
    };
    let document = match parse(document, charset, &reading) {
        Ok(document) => document,
        Err(fault) => {
            let answer = fault.answer(Version::LATEST).into_xml();
            parse(answer.as_bytes(), None, &reading).expect("the answer can be read");
            return;
        }
    };
    for version in Version::ALL {
        let gated = document.clone().gated(version);
        let text = gated.clone().into_xml();
        assert_eq!(parse(text.as_bytes(), None, &reading).as_ref(), Ok(&gated), "{text}");
    }
    if let Body::Slir(slir) = &document.body {
        quality::eqop(slir.eqop.as_ref());
        if let SlirTargets::List(msids) = &slir.targets {
            for target in ids::expand(msids, 1000).unwrap_or_default() {
                if let Ok(id) = ids::set_id(&target.msid) {
                    ids::msid(&id);
                    let text = target.msid.id.as_str();
                    let _ = coordinates::read(&Coord::new(text, text), Crs::Wgs84);
                }
            }
        }
    }
});
