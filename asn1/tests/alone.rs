//! The generated types by themselves, as a server without the inspection codec has them.

use groma_asn1::types::OctetString;
use groma_asn1::{Error, lpp, rrlp, ulp};

use crate::seeds::{unhex, vectors};

/// What decoding and encoding again gives.
fn again(protocol: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    match protocol {
        "ulp" => ulp::encode(&ulp::decode(bytes)?),
        "rrlp" => rrlp::encode(&rrlp::decode(bytes)?),
        _ => lpp::encode(&lpp::decode(bytes)?),
    }
}

#[test]
fn vectors_encode_to_their_bytes() {
    for (protocol, pdu) in
        [("ulp", "ULP.ULP-PDU"), ("rrlp", "RRLP-messages.PDU"), ("lpp", "LPP-PDU-Definitions.LPP-Message")]
    {
        let Some(vectors) = vectors(protocol, &format!("the types by themselves and the {protocol} vectors"))
        else {
            return;
        };
        let whole: Vec<_> = vectors.iter().filter(|vector| vector.ty == pdu).collect();
        assert!(whole.len() >= 40, "{} vectors of {pdu}", whole.len());
        for vector in whole {
            match again(protocol, &vector.bytes) {
                Err(_) if vector.refused => {}
                Ok(bytes) if !vector.refused && (bytes == vector.bytes || !vector.encode) => {}
                other => panic!("{}: {other:02x?}", vector.name),
            }
        }
    }
}

#[test]
fn a_message_is_built_read_and_cut_short() {
    let slp = ulp::SlpSessionID {
        session_id: OctetString::from_static(&[1, 2, 3, 4]),
        slp_id: ulp::SLPAddress::iPAddress(ulp::IPAddress::ipv4Address(OctetString::from_static(&[
            192, 0, 2, 1,
        ]))),
    };
    let end = |status_code| ulp::ULPPDU {
        length: 0,
        version: ulp::Version { maj: 2, min: 0, servind: 0 },
        session_id: ulp::SessionID { set_session_id: None, slp_session_id: Some(slp.clone()) },
        message: ulp::UlpMessage::msSUPLEND(ulp::SUPLEND {
            position: None,
            status_code,
            ver: None,
            ver2_supl_end_extension: None,
        }),
    };
    for status in [ulp::StatusCode::unspecified, ulp::StatusCode::unknown_ext(300)] {
        let bytes = ulp::encode(&end(Some(status))).unwrap();
        let mut pdu = ulp::decode(&bytes).unwrap();
        assert_eq!(usize::from(pdu.length), bytes.len());
        pdu.length = 0;
        assert_eq!(pdu, end(Some(status)));
        for cut in 0..bytes.len() {
            assert!(ulp::decode(&bytes[..cut]).is_err(), "{cut} of {} octets", bytes.len());
        }
    }
}

#[test]
fn garbage_is_refused() {
    for octets in ["", "00", "0002", "ffff", "ff".repeat(64).as_str()] {
        assert!(ulp::decode(&unhex(octets)).is_err(), "{octets}");
    }
    assert!(rrlp::decode(&[0xff; 64]).is_err());
    assert!(lpp::decode(&[0xff; 64]).is_err());
}
