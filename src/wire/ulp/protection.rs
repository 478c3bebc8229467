//! What binds a session to the SUPL INIT that began it: the hash `ver`, and the message authentication code of basic
//! protection.
//!
//! The SET proves in its first message that it has seen the very INIT that was sent (OMA ULP 2.0 and ULP 1.0, security
//! considerations): `ver` is the first 64 bits of an HMAC over all octets of the INIT, keyed with the name of the H-SLP,
//! which is no secret. ULP 1.0 has SHA-1 for it, ULP 2.0 SHA-256. Basic protection of 2.0 works the other way round: the
//! SLP proves with the first 32 bits of an HMAC-SHA-256 under a shared key, over the INIT with these 32 bits zero, that the
//! INIT is its own.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::{BasicProtection, ProtectionLevel, UlpMessage, UlpPdu, Version};
use crate::base::ids::SlpAddress;
use crate::wire::{EncodeError, bits};

/// Bits of the MAC.
const MAC: usize = 32;

/// The hash of a SUPL INIT, as a SET says it that answers in `version`.
pub fn ver(version: Version, slp: &SlpAddress, init: &[u8]) -> [u8; 8] {
    let code = match version.maj {
        0 | 1 => leading(digest::<Hmac<Sha1>>(name(slp).as_bytes(), init)),
        _ => leading(digest::<Hmac<Sha256>>(name(slp).as_bytes(), init)),
    };
    code.unwrap_or_default()
}

/// Whether `given` is [`ver`]. Takes the same time for every wrong value.
pub fn ver_is_right(version: Version, slp: &SlpAddress, init: &[u8], given: &[u8; 8]) -> bool {
    match version.maj {
        0 | 1 => digest::<Hmac<Sha1>>(name(slp).as_bytes(), init)
            .is_some_and(|m| m.verify_truncated_left(given).is_ok()),
        _ => digest::<Hmac<Sha256>>(name(slp).as_bytes(), init)
            .is_some_and(|m| m.verify_truncated_left(given).is_ok()),
    }
}

/// Encodes a SUPL INIT; one with basic protection gets its MAC.
///
/// # Errors
/// As [`UlpPdu::encode`].
pub fn seal(mut pdu: UlpPdu, key: &[u8]) -> Result<Vec<u8>, EncodeError> {
    if let Some(basic) = basic(&mut pdu) {
        basic.mac = [0; 4];
        let zero = pdu.encode()?;
        let mac = digest::<Hmac<Sha256>>(key, &zero).and_then(leading_of);
        if let (Some(basic), Some(mac)) = (self::basic(&mut pdu), mac) {
            basic.mac = mac;
        }
    }
    pdu.encode()
}

fn basic(pdu: &mut UlpPdu) -> Option<&mut BasicProtection> {
    match &mut pdu.message {
        UlpMessage::Init(init) => match &mut init.protection {
            Some(ProtectionLevel::Basic(basic)) => Some(basic),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the MAC in these octets of a SUPL INIT is right under the key; `basic` is what was decoded of them. Octets that
/// the decoder did not understand count too.
pub fn mac_is_right(octets: &[u8], basic: &BasicProtection, key: &[u8]) -> bool {
    let Some(at) = mac_at(octets, basic) else { return false };
    let mut zero = octets.to_vec();
    if bits::overwrite(&mut zero, at, 0, MAC).is_none() {
        return false;
    }
    digest::<Hmac<Sha256>>(key, &zero).is_some_and(|m| m.verify_truncated_left(&basic.mac).is_ok())
}

/// The bit at which the MAC begins: behind the key identifier and the counter, wherever these are.
fn mac_at(octets: &[u8], basic: &BasicProtection) -> Option<usize> {
    let key = u128::from(u64::from_be_bytes(basic.key_id));
    let wanted =
        key << 48 | u128::from(basic.replay_counter) << 32 | u128::from(u32::from_be_bytes(basic.mac));
    let mut window = 0_u128;
    let mut seen = 0_usize;
    for octet in octets {
        for bit in (0..8).rev() {
            window = ((window << 1) & ((1 << 112) - 1)) | u128::from(octet >> bit & 1);
            seen += 1;
            if seen >= 112 && window == wanted {
                return Some(seen - MAC);
            }
        }
    }
    None
}

/// The name of an SLP as the key of the hash: as it is configured, an address in its usual notation.
fn name(slp: &SlpAddress) -> String {
    match slp {
        SlpAddress::Fqdn(name) => name.as_str().to_owned(),
        SlpAddress::Ip(ip) => ip.to_string(),
    }
}

/// `None` never happens: an HMAC takes a key of any length.
fn digest<M: Mac + hmac::digest::common::KeyInit>(key: &[u8], message: &[u8]) -> Option<M> {
    let mut mac = <M as hmac::digest::common::KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac)
}

fn leading<M: Mac>(mac: Option<M>) -> Option<[u8; 8]> {
    mac.and_then(leading_of)
}

fn leading_of<M: Mac, const N: usize>(mac: M) -> Option<[u8; N]> {
    mac.finalize().into_bytes().first_chunk::<N>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{SlpAddress, SlpSessionId};
    use crate::wire::ulp::{Init, PosMethod, SessionIds};

    /// HMACs of other implementations (RFC 2202 §3 test case 2; RFC 4231 §4.3), cut to 64 bits.
    #[test]
    fn known_codes() {
        let slp = SlpAddress::Fqdn("Jefe".parse().unwrap());
        let message = b"what do ya want for nothing?";
        assert_eq!(ver(Version::V1, &slp, message), [0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2]);
        assert_eq!(ver(Version::V2, &slp, message), [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn the_hash_covers_everything() {
        let slp = SlpAddress::Fqdn("h-slp.example.net".parse().unwrap());
        let other = SlpAddress::Ip("192.0.2.1".parse().unwrap());
        for version in [Version::V1, Version::V2] {
            let right = ver(version, &slp, b"init");
            assert!(ver_is_right(version, &slp, b"init", &right));
            assert!(!ver_is_right(version, &slp, b"inis", &right));
            assert!(!ver_is_right(version, &other, b"init", &right));
            for bit in 0..64 {
                let mut wrong = right;
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert!(!ver_is_right(version, &slp, b"init", &wrong));
            }
        }
        assert_ne!(ver(Version::V1, &slp, b"init"), ver(Version::V2, &slp, b"init"));
    }

    fn sealed(key: &[u8]) -> (Vec<u8>, BasicProtection) {
        let basic = BasicProtection { key_id: [0xa5; 8], replay_counter: 0xffff, mac: [0x11; 4] };
        let protection = Some(ProtectionLevel::Basic(basic));
        let slp = SlpSessionId { id: [1; 4], slp: SlpAddress::Fqdn("h-slp.example.net".parse().unwrap()) };
        let session = SessionIds { set: None, slp: Some(slp) };
        let init = Init { protection, ..Init::new(PosMethod::AgnssSetBased) };
        let octets = seal(UlpPdu::new(Version::V2, session, UlpMessage::Init(Box::new(init))), key).unwrap();
        let mut pdu = UlpPdu::decode(&octets).unwrap();
        let basic = *self::basic(&mut pdu).unwrap();
        (octets, basic)
    }

    #[test]
    fn the_mac_is_that_of_the_message_with_zeros_in_its_place() {
        let (octets, basic) = sealed(b"key");
        assert!(mac_is_right(&octets, &basic, b"key"));
        assert!(!mac_is_right(&octets, &basic, b"kez"));
        let at = mac_at(&octets, &basic).unwrap();
        let mut zero = octets.clone();
        bits::overwrite(&mut zero, at, 0, MAC).unwrap();
        let UlpMessage::Init(init) = UlpPdu::decode(&zero).unwrap().message else { panic!() };
        assert_eq!(init.protection, Some(ProtectionLevel::Basic(BasicProtection { mac: [0; 4], ..basic })));
        // Octets behind what the decoder knows count too.
        let mut longer = octets;
        longer.push(0);
        assert!(!mac_is_right(&longer, &basic, b"key"));
        assert!(!mac_is_right(&[], &basic, b"key"));
    }

    #[test]
    fn what_is_not_protected_is_encoded_as_it_is() {
        let session = SessionIds::default();
        let pdu = UlpPdu::new(Version::V2, session, UlpMessage::Init(Box::new(Init::new(PosMethod::Ecid))));
        assert_eq!(seal(pdu.clone(), b"key").unwrap(), pdu.encode().unwrap());
    }
}
