//! The header of a ULP PDU, read without its body, so that a PDU whose body cannot be read still gets the right answer.

use std::net::IpAddr;

use super::ids;
use super::{MessageKind, SessionIds, Version};
use crate::base::ids::{Fqdn, Nai, SetId, SetIdKind, SetSessionId, SlpAddress, SlpSessionId};
use crate::wire::reader::Reader;

/// As much of a header as could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// What the length member says.
    pub length: Option<usize>,
    /// Version.
    pub version: Option<Version>,
    /// Session identities.
    pub session: SessionIds,
    /// The message.
    pub kind: Option<MessageKind>,
}

/// Reads the header. It never fails: what comes after the first thing that cannot be read is left empty.
pub fn peek(octets: &[u8]) -> Header {
    let mut header = Header::default();
    let _ = fill(&mut Reader::new(octets), &mut header);
    header
}

fn fill(bits: &mut Reader<'_>, header: &mut Header) -> Option<()> {
    header.length = Some(bits.take(16)? as usize);
    header.version =
        Some(Version { maj: bits.take(8)? as u8, min: bits.take(8)? as u8, servind: bits.take(8)? as u8 });
    let has_set = bits.flag()?;
    let has_slp = bits.flag()?;
    if has_set {
        let id = bits.take(16)? as u16;
        header.session.set = Some(SetSessionId { id, set_id: set_id(bits)? });
    }
    if has_slp {
        let id = bits.octets::<4>()?;
        header.session.slp = Some(SlpSessionId { id, slp: slp_address(bits)? });
    }
    header.kind = Some(if bits.flag()? {
        match bits.small()? {
            0 => MessageKind::TriggeredStart,
            1 => MessageKind::TriggeredResponse,
            2 => MessageKind::TriggeredStop,
            3 => MessageKind::Notify,
            4 => MessageKind::NotifyResponse,
            5 => MessageKind::SetInit,
            6 => MessageKind::Report,
            n => MessageKind::Unknown(u8::try_from(n).unwrap_or(u8::MAX)),
        }
    } else {
        match bits.take(3)? {
            0 => MessageKind::Init,
            1 => MessageKind::Start,
            2 => MessageKind::Response,
            3 => MessageKind::PosInit,
            4 => MessageKind::Pos,
            5 => MessageKind::End,
            6 => MessageKind::AuthReq,
            _ => MessageKind::AuthResp,
        }
    });
    Some(())
}

fn set_id(bits: &mut Reader<'_>) -> Option<SetId> {
    if bits.flag()? {
        // An extension: the first is the IMEI, in an open type of eight octets.
        let index = bits.small()?;
        let length = bits.length()?;
        if index != 0 || length != 8 {
            return None;
        }
        return Some(ids::digits(SetIdKind::Imei, bits.octets()?));
    }
    Some(match bits.take(3)? {
        0 => ids::digits(SetIdKind::Msisdn, bits.octets()?),
        1 => ids::digits(SetIdKind::Mdn, bits.octets()?),
        2 => SetId::Min(bits.take(34)?),
        3 => ids::digits(SetIdKind::Imsi, bits.octets()?),
        4 => {
            let length = bits.take(10)? as usize + 1;
            let text = bits.text(length)?;
            SetId::Nai(text.parse::<Nai>().ok()?)
        }
        5 => SetId::Ip(ip(bits)?),
        _ => return None,
    })
}

fn slp_address(bits: &mut Reader<'_>) -> Option<SlpAddress> {
    if bits.flag()? {
        return None;
    }
    Some(if bits.flag()? {
        let length = bits.take(8)? as usize + 1;
        SlpAddress::Fqdn(bits.fqdn(length)?.parse::<Fqdn>().ok()?)
    } else {
        SlpAddress::Ip(ip(bits)?)
    })
}

fn ip(bits: &mut Reader<'_>) -> Option<IpAddr> {
    Some(if bits.flag()? { IpAddr::from(bits.octets::<16>()?) } else { IpAddr::from(bits.octets::<4>()?) })
}
