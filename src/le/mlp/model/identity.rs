//! Whom a request is about (MLP 3.5 §5.2.2, identity elements).

use super::values::Private;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Read, element, tokens};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

element! {
    /// `msid`: an identity of a target. `convert::msid` brings it to and from a `SetId`.
    pub struct Msid, gated by Msid::nearest {
        /// What it is.
        attr kind: MsidType = "type";
        /// Whether it is encrypted.
        attr encoding: Encoding = "enc";
        /// The identity.
        text id: Private;
    }
}

tokens! {
    /// The kinds of identities.
    pub enum MsidType default Msisdn {
        /// Telephone number, international, digits alone.
        Msisdn = "MSISDN";
        /// Subscriber identity.
        Imsi = "IMSI";
        /// Equipment identity.
        Imei = "IMEI";
        /// Mobile identification number.
        Min = "MIN";
        /// Mobile directory number.
        Mdn = "MDN";
        /// Identity of an emergency call, of a structure of the operator's.
        EmeMsid = "EME_MSID";
        /// Anonymous identity.
        Asid = "ASID";
        /// Identity of the operator's own.
        OpeId = "OPE_ID";
        /// IPv4 address.
        Ipv4 = "IPV4";
        /// IPv6 address.
        Ipv6 = "IPV6";
        /// Identity of a session of the target's.
        SessId = "SESSID";
        /// SIP URI.
        SipUri = "SIP_URI", since V3_2 else OpeId;
        /// `tel:` URL.
        TelUrl = "TEL_URL", since V3_2 else OpeId;
        /// Network access identifier.
        Nai = "NAI", since V3_3 else OpeId;
        /// Any other URI.
        Uri = "URI", since V3_3 else OpeId;
        /// A target that is not to be named; in reports only.
        Anonymous = "ANONYMOUS", since V3_5 else Asid;
        /// A venue.
        VenueId = "VENUE_ID", since V3_5 else OpeId;
        /// A place.
        LocationId = "LOCATION_ID", since V3_5 else OpeId;
    }
}

tokens! {
    /// Whether an identity is in clear.
    pub enum Encoding default Asc {
        /// In clear.
        Asc = "ASC";
        /// Encrypted with the server's key.
        Crp = "CRP";
    }
}

impl Msid {
    /// An identity in clear.
    pub fn new(kind: MsidType, id: impl Into<Private>) -> Self {
        Self { kind, encoding: Encoding::Asc, id: id.into() }
    }

    /// A telephone number in a `tel:` URL is a telephone number before there were such URLs.
    fn nearest(&mut self, to: Version) {
        if self.kind == MsidType::TelUrl && to < Version::V3_2 {
            let digits = self.id.as_str().trim_start_matches("tel:").trim_start_matches('+');
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                *self = Self::new(MsidType::Msisdn, digits);
            }
        }
    }
}

/// `msids`: the targets of a request.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Msids(pub Vec<MsidsEntry>);

/// One entry of `msids`.
#[derive(Clone, Debug, PartialEq)]
pub enum MsidsEntry {
    /// One target.
    One(Target),
    /// All targets between two identities of one kind, both included.
    Range {
        /// First.
        start: Msid,
        /// Last.
        stop: Msid,
        /// Code words, none or one per target.
        codewords: Vec<Private>,
    },
    /// A group known to the server (since 3.3).
    Group {
        /// What kind of group (3.5).
        kind: GroupType,
        /// Its name.
        name: String,
    },
}

/// One target of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Who.
    pub msid: Msid,
    /// The target's code word, where its privacy asks for one.
    pub codeword: Option<Private>,
    /// The session through which the target is using the service.
    pub session: Option<Session>,
    /// The client's name for this positioning (since 3.2); it comes back with the result.
    pub trans_id: Option<String>,
}

impl From<Msid> for Target {
    fn from(msid: Msid) -> Self {
        Self { msid, codeword: None, session: None, trans_id: None }
    }
}

impl From<Msid> for Msids {
    fn from(msid: Msid) -> Self {
        Self(vec![MsidsEntry::One(msid.into())])
    }
}

element! {
    /// `session`.
    pub struct Session {
        /// What it is.
        attr_req kind: SessionType = "type";
        /// The access point name, or the number dialled.
        text value: Private;
    }
}

tokens! {
    /// What identifies a session.
    pub enum SessionType {
        /// Access point name.
        Apn = "APN";
        /// Number dialled.
        Dial = "DIAL";
    }
}

tokens! {
    /// Kinds of groups.
    pub enum GroupType default Unspecified {
        /// No group.
        None = "NONE";
        /// Not said.
        Unspecified = "UNSPECIFIED";
        /// Subscribers that are registered.
        Registered = "REGISTERED";
        /// Subscribers that are not.
        Unregistered = "UNREGISTERED";
        /// Whoever is in a venue.
        Venue = "VENUE";
    }
}

element! {
    /// `msid_group`.
    struct GroupElement {
        attr kind: GroupType = "type", since V3_5;
        text name: String;
    }
}

element! {
    /// `start_msid`, `stop_msid`.
    struct Wrapped {
        one msid: Msid = "msid";
    }
}

element! {
    /// `msid_range`.
    struct RangeElement {
        one start: Wrapped = "start_msid";
        one stop: Wrapped = "stop_msid";
    }
}

element! {
    /// `esrd` or `esrk`: a number that leads an emergency call.
    pub struct EmergencyKey {
        /// Whose it is.
        attr kind: EmergencyKeyType = "type";
        /// The digits.
        text value: String;
    }
}

tokens! {
    /// Whose number an emergency key is.
    pub enum EmergencyKeyType default NorthAmerican {
        /// North American.
        NorthAmerican = "NA";
        /// Of the place (3.5).
        Local = "LOCAL", since V3_5 else NorthAmerican;
    }
}

impl Element for Msids {
    /// In the order of the document: what follows an identity belongs to it.
    fn read(node: Node<'_>) -> Read<Self> {
        let mut entries: Vec<MsidsEntry> = Vec::new();
        for child in node.children() {
            let name = child.name();
            let misplaced = || ParseFault::new(FaultKind::Misplaced, name);
            match name {
                "msid" => entries.push(MsidsEntry::One(Msid::read(child)?.into())),
                "msid_range" => {
                    let RangeElement { start, stop } = RangeElement::read(child)?;
                    if start.msid.kind != stop.msid.kind {
                        return Err(ParseFault::at_attribute(FaultKind::AttributeValue, "msid", "type")
                            .because("differs within the range"));
                    }
                    entries.push(MsidsEntry::Range {
                        start: start.msid,
                        stop: stop.msid,
                        codewords: Vec::new(),
                    });
                }
                "msid_group" => {
                    let GroupElement { kind, name } = GroupElement::read(child)?;
                    entries.push(MsidsEntry::Group { kind, name });
                }
                "codeword" => match entries.last_mut() {
                    Some(MsidsEntry::One(target)) if target.codeword.is_none() => {
                        target.codeword = Some(Element::read(child)?);
                    }
                    Some(MsidsEntry::Range { codewords, .. }) => codewords.push(Element::read(child)?),
                    _ => return Err(misplaced()),
                },
                "session" => match entries.last_mut() {
                    Some(MsidsEntry::One(target)) if target.session.is_none() => {
                        target.session = Some(Session::read(child)?);
                    }
                    _ => return Err(misplaced()),
                },
                "trans_id" => match entries.last_mut() {
                    Some(MsidsEntry::One(target)) if target.trans_id.is_none() => {
                        target.trans_id = Some(Element::read(child)?);
                    }
                    _ => return Err(misplaced()),
                },
                _ => continue,
            }
            child.claim();
        }
        if entries.is_empty() {
            return Err(ParseFault::new(FaultKind::Missing, "msid"));
        }
        node.finish()?;
        Ok(Self(entries))
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        for entry in &self.0 {
            match entry {
                MsidsEntry::One(target) => {
                    target.msid.write("msid", out);
                    if let Some(word) = &target.codeword {
                        word.write("codeword", out);
                    }
                    if let Some(session) = &target.session {
                        session.write("session", out);
                    }
                    if let Some(id) = &target.trans_id {
                        id.write("trans_id", out);
                    }
                }
                MsidsEntry::Range { start, stop, codewords } => {
                    out.open("msid_range");
                    for (name, msid) in [("start_msid", start), ("stop_msid", stop)] {
                        out.open(name);
                        msid.write("msid", out);
                        out.close(name);
                    }
                    out.close("msid_range");
                    for word in codewords {
                        word.write("codeword", out);
                    }
                }
                MsidsEntry::Group { kind, name } => {
                    GroupElement { kind: *kind, name: name.clone() }.write("msid_group", out);
                }
            }
        }
        out.close(name);
    }

    fn gate(&mut self, to: Version) -> bool {
        self.0.retain_mut(|entry| match entry {
            MsidsEntry::One(target) => {
                if to < Version::V3_2 {
                    target.trans_id = None;
                }
                target.msid.gate(to)
            }
            MsidsEntry::Range { start, stop, .. } => {
                let fits = [start.gate(to), stop.gate(to)];
                !fits.contains(&false) && start.kind == stop.kind
            }
            MsidsEntry::Group { kind, .. } => {
                if to < Version::V3_5 {
                    *kind = GroupType::default();
                }
                to >= Version::V3_3
            }
        });
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for Target {
        fn sample(from: &mut Source) -> Self {
            Self { msid: Msid::sample(from), codeword: from.opt(), session: from.opt(), trans_id: from.opt() }
        }
    }

    impl Sample for Msids {
        fn sample(from: &mut Source) -> Self {
            let entries = (0..=from.below(3)).map(|_| match from.below(3) {
                0 => {
                    let start = Msid::sample(from);
                    let stop = Msid { id: Private::sample(from), ..start.clone() };
                    MsidsEntry::Range { start, stop, codewords: from.list(0, 2) }
                }
                1 => MsidsEntry::Group { kind: GroupType::sample(from), name: String::sample(from) },
                _ => MsidsEntry::One(Target::sample(from)),
            });
            Self(entries.collect())
        }
    }
}
