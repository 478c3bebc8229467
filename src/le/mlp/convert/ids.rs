//! Identities of targets, and lists of them.

use std::net::IpAddr;

use crate::base::SetId;
use crate::base::ids::{IdError, SetIdKind};
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::model::{Encoding, Msid, MsidType, Msids, MsidsEntry, Private, Target};

fn bad(kind: FaultKind) -> ParseFault {
    ParseFault::new(kind, "msid")
}

/// The SET of an identity.
///
/// # Errors
/// 110 for a text that is no identity of its kind, 111 for `ANONYMOUS` (which only reports may have), 113 for encrypted
/// identities and for kinds that no SET presents itself with.
pub fn set_id(msid: &Msid) -> Result<SetId, ParseFault> {
    if msid.encoding == Encoding::Crp {
        return Err(ParseFault::at_attribute(FaultKind::AttributeValueUnsupported, "msid", "enc"));
    }
    let text = msid.id.as_str();
    let invalid = |_: IdError| bad(FaultKind::Value);
    let digits = text.strip_prefix('+').unwrap_or(text);
    match msid.kind {
        MsidType::Msisdn => digits.parse().map(SetId::Msisdn).map_err(invalid),
        MsidType::Imsi => text.parse().map(SetId::Imsi).map_err(invalid),
        MsidType::Imei => text.parse().map(SetId::Imei).map_err(invalid),
        MsidType::Mdn => digits.parse().map(SetId::Mdn).map_err(invalid),
        MsidType::Min => min_code(text).map(SetId::Min).ok_or_else(|| bad(FaultKind::Value)),
        MsidType::Nai => text.parse().map(SetId::Nai).map_err(invalid),
        MsidType::TelUrl => telephone(text.strip_prefix("tel:").unwrap_or(text)),
        MsidType::SipUri => sip(text),
        MsidType::Ipv4 => text.parse().map(|ip| SetId::Ip(IpAddr::V4(ip))).map_err(|_| bad(FaultKind::Value)),
        MsidType::Ipv6 => text.parse().map(|ip| SetId::Ip(IpAddr::V6(ip))).map_err(|_| bad(FaultKind::Value)),
        MsidType::Anonymous => Err(ParseFault::at_attribute(FaultKind::AttributeValue, "msid", "type")),
        MsidType::EmeMsid
        | MsidType::Asid
        | MsidType::OpeId
        | MsidType::SessId
        | MsidType::Uri
        | MsidType::VenueId
        | MsidType::LocationId => {
            Err(ParseFault::at_attribute(FaultKind::AttributeValueUnsupported, "msid", "type"))
        }
    }
}

/// A telephone number, its parameters and visual separators (RFC 3966 §3) left out.
fn telephone(text: &str) -> Result<SetId, ParseFault> {
    let number = text.split(';').next().unwrap_or_default();
    let digits: String = number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    digits.strip_prefix('+').unwrap_or(&digits).parse().map(SetId::Msisdn).map_err(|_| bad(FaultKind::Value))
}

/// A SIP URI is a telephone number where its user part is one, and a network access identifier otherwise.
fn sip(text: &str) -> Result<SetId, ParseFault> {
    let address = text.strip_prefix("sips:").or_else(|| text.strip_prefix("sip:")).unwrap_or(text);
    let address = address.split([';', '?']).next().unwrap_or_default();
    if address.starts_with('+') {
        return telephone(address.split('@').next().unwrap_or_default());
    }
    match address.split_once('@') {
        Some((user, host)) if !user.is_empty() && !host.is_empty() => {
            address.parse().map(SetId::Nai).map_err(|_| bad(FaultKind::Value))
        }
        _ => Err(bad(FaultKind::Value)),
    }
}

/// The 34 bits of a mobile identification number of ten digits (3GPP2 C.S0005 §2.3.1.1): area code, exchange, thousands digit,
/// last three.
fn min_code(text: &str) -> Option<u64> {
    if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let d: Vec<u64> = text.bytes().map(|b| if b == b'0' { 10 } else { u64::from(b - b'0') }).collect();
    let three = |at: usize| d.get(at..at + 3).map(|d| d.iter().fold(0, |v, x| v * 10 + x) - 111);
    Some(three(0)? << 24 | three(3)? << 14 | d.get(6)? << 10 | three(7)?)
}

/// The ten digits of 34 bits; `None` for a pattern that is none.
fn min_digits(code: u64) -> Option<String> {
    let three =
        |v: u64| (v < 1000).then_some([(v / 100 + 1) % 10, (v / 10 % 10 + 1) % 10, (v % 10 + 1) % 10]);
    let thousands = (code >> 10) & 0xf;
    let (area, exchange, last) = (three(code >> 24)?, three((code >> 14) & 0x3ff)?, three(code & 0x3ff)?);
    let thousands = (1..=10).contains(&thousands).then_some([thousands % 10])?;
    let all = area.into_iter().chain(exchange).chain(thousands).chain(last);
    Some(all.filter_map(|d| char::from_digit(d as u32, 10)).collect())
}

/// The identity of a SET.
pub fn msid(set_id: &SetId) -> Msid {
    let of = |kind, text: String| Msid::new(kind, Private::from(text));
    match set_id {
        SetId::Msisdn(v) => of(MsidType::Msisdn, v.digits()),
        SetId::Mdn(v) => of(MsidType::Mdn, v.digits()),
        SetId::Imsi(v) => of(MsidType::Imsi, v.digits()),
        SetId::Imei(v) => of(MsidType::Imei, v.digits()),
        SetId::Min(code) => min_digits(*code)
            .map_or_else(|| of(MsidType::OpeId, format!("min:{code}")), |digits| of(MsidType::Min, digits)),
        SetId::Nai(v) => of(MsidType::Nai, v.as_str().to_owned()),
        SetId::Ip(IpAddr::V4(ip)) => of(MsidType::Ipv4, ip.to_string()),
        SetId::Ip(IpAddr::V6(ip)) => of(MsidType::Ipv6, ip.to_string()),
        SetId::Raw { kind, .. } => {
            // Only the operator can make sense of octets that break their own coding.
            let _: SetIdKind = *kind;
            of(MsidType::OpeId, set_id.storage_key())
        }
    }
}

/// The targets of a list one by one, ranges counted out.
///
/// # Errors
/// 104 when there are more than `most`, 106 for code words of a range that are not one per target, 107 for groups, 110 for
/// a range that is none, 113 for a range of identities that cannot be counted.
pub fn expand(msids: &Msids, most: usize) -> Result<Vec<Target>, ParseFault> {
    let mut targets = Vec::new();
    for entry in &msids.0 {
        match entry {
            MsidsEntry::One(target) => targets.push(target.clone()),
            MsidsEntry::Group { .. } => return Err(ParseFault::new(FaultKind::UnknownElement, "msid_group")),
            MsidsEntry::Range { start, stop, codewords } => {
                range(start, stop, codewords, most, &mut targets)?;
            }
        }
        if targets.len() > most {
            return Err(ParseFault::new(FaultKind::TooManyTargets, "msids"));
        }
    }
    Ok(targets)
}

fn range(
    start: &Msid,
    stop: &Msid,
    codewords: &[Private],
    most: usize,
    targets: &mut Vec<Target>,
) -> Result<(), ParseFault> {
    let element = |kind| ParseFault::new(kind, "msid_range");
    if start.kind != stop.kind || start.encoding != stop.encoding {
        return Err(ParseFault::at_attribute(FaultKind::AttributeValue, "msid", "type"));
    }
    let countable = matches!(
        start.kind,
        MsidType::Msisdn | MsidType::Imsi | MsidType::Imei | MsidType::Mdn | MsidType::Min
    );
    if !countable || start.encoding == Encoding::Crp {
        return Err(ParseFault::at_attribute(FaultKind::AttributeValueUnsupported, "msid", "type"));
    }
    let digits = |msid: &Msid| {
        let text = msid.id.as_str();
        let text = text.strip_prefix('+').unwrap_or(text).to_owned();
        ((1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
    };
    let (Some(first), Some(last)) = (digits(start), digits(stop)) else {
        return Err(element(FaultKind::Value));
    };
    let (Ok(low), Ok(high)) = (first.parse::<u64>(), last.parse::<u64>()) else {
        return Err(element(FaultKind::Value));
    };
    if first.len() != last.len() || high < low {
        return Err(element(FaultKind::Value));
    }
    let count = high - low + 1;
    if count > most.saturating_sub(targets.len()) as u64 {
        return Err(element(FaultKind::TooManyTargets));
    }
    if !codewords.is_empty() && codewords.len() as u64 != count {
        return Err(
            ParseFault::new(FaultKind::Misplaced, "codeword").because("not one per target of the range")
        );
    }
    let width = first.len();
    for (i, number) in (low..=high).enumerate() {
        let msid = Msid { id: format!("{number:0width$}").into(), ..start.clone() };
        targets.push(Target { codeword: codewords.get(i).cloned(), ..msid.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::mlp::model::GroupType;

    fn id(kind: MsidType, text: &str) -> Result<SetId, u16> {
        set_id(&Msid::new(kind, text)).map_err(|f| f.code().0)
    }

    #[test]
    fn every_kind_is_an_identity_or_has_its_code() {
        for (kind, text) in [
            (MsidType::Msisdn, "447700900123"),
            (MsidType::Imsi, "001010123456789"),
            (MsidType::Imei, "490154203237518"),
            (MsidType::Mdn, "2065550100"),
            (MsidType::Min, "2065550100"),
            (MsidType::Nai, "user@example.org"),
            (MsidType::Ipv4, "192.0.2.1"),
            (MsidType::Ipv6, "2001:db8::1"),
        ] {
            let set = id(kind, text).unwrap();
            assert_eq!(msid(&set), Msid::new(kind, text));
            assert_eq!(set_id(&msid(&set)), Ok(set));
        }
        let number = id(MsidType::Msisdn, "447700900123").unwrap();
        for (kind, text) in [
            (MsidType::Msisdn, "+447700900123"),
            (MsidType::TelUrl, "tel:+44-7700-900123;phone-context=x"),
            (MsidType::SipUri, "sip:+447700900123@ims.example;user=phone"),
        ] {
            assert_eq!(id(kind, text), Ok(number.clone()), "{text}");
        }
        assert_eq!(id(MsidType::SipUri, "sip:anna@example.org"), id(MsidType::Nai, "anna@example.org"));
        for kind in MsidType::ALL {
            let _ = id(*kind, "1");
            assert!(id(*kind, "").is_err(), "{kind:?}");
        }
        assert_eq!(id(MsidType::Msisdn, "44 7700"), Err(110));
        assert_eq!(id(MsidType::Ipv4, "2001:db8::1"), Err(110));
        assert_eq!(id(MsidType::SipUri, "sip:example.org"), Err(110));
        assert_eq!(id(MsidType::Anonymous, "x"), Err(111));
        assert_eq!(id(MsidType::EmeMsid, "x"), Err(113));
        let encrypted = Msid { encoding: Encoding::Crp, ..Msid::new(MsidType::Msisdn, "1") };
        assert_eq!(set_id(&encrypted).unwrap_err().code().0, 113);
    }

    #[test]
    fn ranges_are_counted_out() {
        let range = |from: &str, to: &str, words: usize| {
            let (start, stop) = (Msid::new(MsidType::Msisdn, from), Msid::new(MsidType::Msisdn, to));
            let codewords = (0..words).map(|i| Private::from(i.to_string())).collect();
            expand(&Msids(vec![MsidsEntry::Range { start, stop, codewords }]), 100).map_err(|f| f.code().0)
        };
        let targets = range("098", "101", 4).unwrap();
        assert_eq!(
            targets.iter().map(|t| t.msid.id.as_str()).collect::<Vec<_>>(),
            ["098", "099", "100", "101"]
        );
        assert_eq!(targets[3].codeword, Some("3".into()));
        assert_eq!(range("1", "1", 0).map(|t| t.len()), Ok(1));
        assert_eq!(range("100", "200", 0), Err(104));
        assert_eq!(range("100000000000000000", "999999999999999999", 0), Err(104));
        assert_eq!(range("101", "100", 0), Err(110));
        assert_eq!(range("99", "100", 0), Err(110));
        assert_eq!(range("1x", "20", 0), Err(110));
        assert_eq!(range("10", "12", 2), Err(106));
        let group = Msids(vec![MsidsEntry::Group { kind: GroupType::default(), name: "g".into() }]);
        assert_eq!(expand(&group, 9).unwrap_err().code().0, 107);
    }
}
