//! Session identities and addresses.

use std::net::IpAddr;

use groma_asn1::types::{BitString, Ia5String, OctetString, VisibleString};
use groma_asn1::ulp as asn;

use super::SessionIds;
use crate::base::ids::{Fqdn, SetId, SetIdKind, SetSessionId, SlpAddress, SlpSessionId};
use crate::wire::bits;

/// Packed digits, low nibble first, filled with ones (TS 29.002 `TBCD-STRING`). Octets that break these rules are kept as
/// they are.
pub(super) fn digits(kind: SetIdKind, octets: [u8; 8]) -> SetId {
    parse_digits(kind, octets).unwrap_or(SetId::Raw { kind, octets })
}

fn parse_digits(kind: SetIdKind, octets: [u8; 8]) -> Option<SetId> {
    let mut text = String::with_capacity(16);
    let mut filled = false;
    for nibble in octets.iter().flat_map(|o| [o & 0x0f, o >> 4]) {
        match nibble {
            0..=9 if !filled => text.push(char::from(b'0' + nibble)),
            0x0f => filled = true,
            _ => return None,
        }
    }
    Some(match kind {
        SetIdKind::Msisdn => SetId::Msisdn(text.parse().ok()?),
        SetIdKind::Mdn => SetId::Mdn(text.parse().ok()?),
        SetIdKind::Imsi => SetId::Imsi(text.parse().ok()?),
        SetIdKind::Imei => SetId::Imei(text.parse().ok()?),
        SetIdKind::Min | SetIdKind::Nai | SetIdKind::Ip => return None,
    })
}

fn pack_digits(text: &str) -> OctetString {
    let mut octets = [0xff_u8; 8];
    for (i, c) in text.bytes().take(16).enumerate() {
        let digit = c.wrapping_sub(b'0') & 0x0f;
        if let Some(o) = octets.get_mut(i / 2) {
            *o = if i % 2 == 0 { *o & 0xf0 | digit } else { *o & 0x0f | digit << 4 };
        }
    }
    OctetString::from(octets)
}

pub(super) fn set_id(id: &asn::SETId) -> Option<SetId> {
    let packed = |kind, o: &OctetString| Some(digits(kind, (*o.first_chunk::<8>()?).to_owned()));
    match id {
        asn::SETId::msisdn(o) => packed(SetIdKind::Msisdn, o),
        asn::SETId::mdn(o) => packed(SetIdKind::Mdn, o),
        asn::SETId::imsi(o) => packed(SetIdKind::Imsi, o),
        asn::SETId::ver2_imei(o) => packed(SetIdKind::Imei, o),
        asn::SETId::min(b) => Some(SetId::Min(bits::number(b))),
        asn::SETId::nai(s) => text(s.as_iso646_bytes()).parse().ok().map(SetId::Nai),
        asn::SETId::iPAddress(a) => ip(a).map(SetId::Ip),
        asn::SETId::unknown_ext(_) => None,
    }
}

pub(super) fn from_set_id(id: &SetId) -> Option<asn::SETId> {
    Some(match id {
        SetId::Msisdn(v) => asn::SETId::msisdn(pack_digits(&v.digits())),
        SetId::Mdn(v) => asn::SETId::mdn(pack_digits(&v.digits())),
        SetId::Min(v) => asn::SETId::min(bits::bits(*v, 34)),
        SetId::Imsi(v) => asn::SETId::imsi(pack_digits(&v.digits())),
        SetId::Nai(v) => asn::SETId::nai(ia5(v.as_str())?),
        SetId::Ip(a) => asn::SETId::iPAddress(from_ip(*a)),
        SetId::Imei(v) => asn::SETId::ver2_imei(pack_digits(&v.digits())),
        SetId::Raw { kind, octets } => {
            let o = OctetString::from(*octets);
            match kind {
                SetIdKind::Msisdn => asn::SETId::msisdn(o),
                SetIdKind::Mdn => asn::SETId::mdn(o),
                SetIdKind::Imsi => asn::SETId::imsi(o),
                SetIdKind::Imei => asn::SETId::ver2_imei(o),
                SetIdKind::Min | SetIdKind::Nai | SetIdKind::Ip => return None,
            }
        }
    })
}

/// Characters of a restricted string; ASCII by its decoder.
pub(super) fn text(octets: &[u8]) -> String {
    octets.iter().map(|c| char::from(*c)).collect()
}

pub(super) fn ia5(s: &str) -> Option<Ia5String> {
    Ia5String::from_iso646_bytes(s.as_bytes()).ok()
}

fn ip(a: &asn::IPAddress) -> Option<IpAddr> {
    match a {
        asn::IPAddress::ipv4Address(o) => o.first_chunk::<4>().map(|o| IpAddr::from(*o)),
        asn::IPAddress::ipv6Address(o) => o.first_chunk::<16>().map(|o| IpAddr::from(*o)),
    }
}

fn from_ip(a: IpAddr) -> asn::IPAddress {
    match a {
        IpAddr::V4(a) => asn::IPAddress::ipv4Address(OctetString::from(a.octets())),
        IpAddr::V6(a) => asn::IPAddress::ipv6Address(OctetString::from(a.octets())),
    }
}

pub(super) fn slp_address(a: &asn::SLPAddress) -> Option<SlpAddress> {
    match a {
        asn::SLPAddress::iPAddress(a) => ip(a).map(SlpAddress::Ip),
        asn::SLPAddress::fqdn(f) => text(f.0.as_iso646_bytes()).parse::<Fqdn>().ok().map(SlpAddress::Fqdn),
        asn::SLPAddress::unknown_ext(_) => None,
    }
}

pub(super) fn from_slp_address(a: &SlpAddress) -> Option<asn::SLPAddress> {
    Some(match a {
        SlpAddress::Ip(a) => asn::SLPAddress::iPAddress(from_ip(*a)),
        SlpAddress::Fqdn(f) => {
            asn::SLPAddress::fqdn(asn::FQDN(VisibleString::from_iso646_bytes(f.as_str().as_bytes()).ok()?))
        }
    })
}

/// Identities of a session; an identity of a kind that is not known leaves its half empty.
pub(super) fn session(s: &asn::SessionID) -> SessionIds {
    let set = s
        .set_session_id
        .as_ref()
        .and_then(|s| Some(SetSessionId { id: s.session_id, set_id: set_id(&s.set_id)? }));
    let slp = s.slp_session_id.as_ref().and_then(|s| {
        Some(SlpSessionId { id: *s.session_id.first_chunk::<4>()?, slp: slp_address(&s.slp_id)? })
    });
    SessionIds { set, slp }
}

pub(super) fn from_session(s: &SessionIds) -> Option<asn::SessionID> {
    Some(asn::SessionID {
        set_session_id: match &s.set {
            Some(s) => Some(asn::SetSessionID { session_id: s.id, set_id: from_set_id(&s.set_id)? }),
            None => None,
        },
        slp_session_id: match &s.slp {
            Some(s) => Some(asn::SlpSessionID {
                session_id: OctetString::from(s.id),
                slp_id: from_slp_address(&s.slp)?,
            }),
            None => None,
        },
    })
}

/// A hash of 64 bits.
pub(super) fn ver(v: &asn::Ver) -> [u8; 8] {
    bits::fixed_number(&v.0).to_be_bytes()
}

pub(super) fn from_ver(v: [u8; 8]) -> asn::Ver {
    asn::Ver(bits::fixed(u64::from_be_bytes(v)))
}

/// The three bits of `ganssSBASid` as a number.
pub(super) fn sbas(b: Option<&BitString>) -> Option<crate::wire::assist::SbasRegion> {
    b.map(|b| crate::wire::assist::SbasRegion::from_code(bits::number(b) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digit_identities() {
        for text in ["447700900123", "00101000000000", "1234567890123456"] {
            let id = SetId::Msisdn(text.parse().unwrap());
            assert_eq!(set_id(&from_set_id(&id).unwrap()), Some(id));
        }
        let odd = [0x21, 0x43, 0xf5, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(digits(SetIdKind::Imsi, odd), SetId::Imsi("12345".parse().unwrap()));
        // A digit behind the filler, or a nibble that is no digit: kept as it is.
        for octets in [[0x21, 0xff, 1, 1, 1, 1, 1, 1], [0xab; 8], [0xff; 8]] {
            let id = digits(SetIdKind::Imsi, octets);
            assert_eq!(id, SetId::Raw { kind: SetIdKind::Imsi, octets });
            assert_eq!(set_id(&from_set_id(&id).unwrap()), Some(id));
        }
    }
}
