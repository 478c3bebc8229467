//! The server's own messages, above the generated types: ULP, RRLP and LPP, told apart by the first octet. What can be
//! written is read again as it was.

#![no_main]

use groma::base::GpsTime;
use groma::wire::lpp::LppMessage;
use groma::wire::rrlp::RrlpPdu;
use groma::wire::ulp::UlpPdu;
use libfuzzer_sys::fuzz_target;

const NEAR: GpsTime = GpsTime::from_week_s(2400, 345_600);

fuzz_target!(|bytes: &[u8]| {
    let Some((which, octets)) = bytes.split_first() else { return };
    match which % 3 {
        0 => {
            if let Ok(pdu) = UlpPdu::decode(octets)
                && let Ok(again) = pdu.encode()
            {
                let second = UlpPdu::decode(&again).expect("an encoded PDU can be decoded");
                assert_eq!(second.encode().expect("the second encoding"), again);
            }
        }
        1 => {
            if let Ok(pdu) = RrlpPdu::decode(octets, NEAR)
                && let Ok(again) = pdu.encode()
            {
                RrlpPdu::decode(&again, NEAR).expect("an encoded PDU can be decoded");
            }
        }
        _ => {
            if let Ok(message) = LppMessage::decode(octets, NEAR)
                && let Ok(again) = message.encode()
            {
                LppMessage::decode(&again, NEAR).expect("an encoded message can be decoded");
            }
        }
    }
});
