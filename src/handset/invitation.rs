//! What a handset makes of a SUPL INIT: whether it is to be believed, and what to answer.

use std::collections::VecDeque;
use std::fmt;

use super::options::{Goal, Options, Payload, SuplVersion};
use crate::base::broadcast::Gnss;
use crate::base::ids::SlpSessionId;
use crate::wire::ulp::{
    self, End, Init, NotificationType, PosMethod, ProtectionLevel, StatusCode, UlpMessage, UlpPdu, Version,
};

/// Sessions that are remembered, to know an INIT that comes again.
const REMEMBERED: usize = 256;

/// What the user says when asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    #[default]
    Allow,
    /// No.
    Deny,
    /// Nothing: what that means, the question says.
    Ignore,
}

/// What protection of SUPL INIT the handset was provisioned with.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Provisioned {
    /// None: it believes every INIT, whatever its protection.
    #[default]
    Null,
    /// A key for basic protection, and its identifier: it believes nothing less.
    Basic {
        /// The key.
        key: Vec<u8>,
        /// Its identifier.
        key_id: [u8; 8],
    },
}

impl fmt::Debug for Provisioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

/// Why a message is thrown away without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    /// It is no ULP PDU.
    #[error("not a ULP message: {0}")]
    Unreadable(String),
    /// It is another message.
    #[error("{0} is no SUPL INIT")]
    Other(&'static str),
    /// It names no session.
    #[error("the SUPL INIT names no session")]
    NoSession,
    /// It was answered before.
    #[error("this SUPL INIT came before")]
    Again,
    /// Less protection than provisioned.
    #[error("the SUPL INIT has less protection than was provisioned")]
    Unprotected,
    /// Another key.
    #[error("the SUPL INIT is protected with a key that is not known")]
    UnknownKey,
    /// A wrong code.
    #[error("the code of the SUPL INIT is wrong")]
    WrongCode,
    /// A counter that does not increase.
    #[error("the counter of the SUPL INIT has been there before")]
    Replayed,
}

/// A SUPL INIT that is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// The session to answer in.
    pub slp: SlpSessionId,
    /// The version of the INIT.
    pub version: Version,
    /// What it says.
    pub init: Init,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// What a handset remembers from one INIT to the next.
#[derive(Debug, Default)]
pub struct Memory {
    seen: VecDeque<SlpSessionId>,
    counter: Option<u16>,
    emergency_call: bool,
}

impl Memory {
    /// The memory of a handset that is in an emergency call, or not.
    pub(super) fn in_emergency_call(emergency_call: bool) -> Self {
        Self { emergency_call, ..Self::default() }
    }

    /// Reads a message and decides whether it is a SUPL INIT to be answered.
    pub fn take(&mut self, octets: &[u8], provisioned: &Provisioned) -> Result<Invitation, Discard> {
        let pdu = UlpPdu::decode(octets).map_err(|e| Discard::Unreadable(e.fault.to_string()))?;
        let UlpMessage::Init(init) = pdu.message else {
            return Err(Discard::Other(pdu.message.kind().name()));
        };
        let slp = pdu.session.slp.ok_or(Discard::NoSession)?;
        if self.seen.contains(&slp) {
            return Err(Discard::Again);
        }
        // Emergencies know no protection; what stands for it is the call itself.
        let of_the_call = init.notification.as_ref().is_some_and(|n| n.emergency) && self.emergency_call;
        if !of_the_call {
            self.check(octets, init.protection.as_ref(), provisioned)?;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(slp.clone());
        Ok(Invitation { slp, version: pdu.version, init: *init, octets: octets.to_vec() })
    }

    fn check(
        &mut self,
        octets: &[u8],
        protection: Option<&ProtectionLevel>,
        provisioned: &Provisioned,
    ) -> Result<(), Discard> {
        let Provisioned::Basic { key, key_id } = provisioned else { return Ok(()) };
        let Some(ProtectionLevel::Basic(basic)) = protection else { return Err(Discard::Unprotected) };
        if basic.key_id != *key_id {
            return Err(Discard::UnknownKey);
        }
        if !ulp::mac_is_right(octets, basic, key) {
            return Err(Discard::WrongCode);
        }
        if self.counter.is_some_and(|last| basic.replay_counter <= last) {
            return Err(Discard::Replayed);
        }
        self.counter = Some(basic.replay_counter);
        Ok(())
    }
}

/// How the session begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Opening {
    /// By the handset: SUPL START.
    Start,
    /// SUPL POS INIT with the hash of the INIT.
    PosInit([u8; 8]),
    /// SUPL END.
    End(Box<End>),
}

impl Invitation {
    /// Whether the user is told or asked before anything else.
    pub(super) fn asks_first(&self) -> Option<NotificationType> {
        let kind = self.init.notification.as_ref()?.kind;
        (!self.init.notify_by_location && tells(kind)).then_some(kind)
    }

    /// The options of the session, and how it begins.
    pub(super) fn opening(&self, own: &Options, answer: Answer) -> (Options, Opening) {
        let mut options = own.clone();
        let refuse = |status| Opening::End(Box::new(End::with(status)));
        let decided = self.decide(&mut options, answer);
        let version = match options.version {
            SuplVersion::V1 => Version::V1,
            SuplVersion::V2 => Version::V2,
        };
        let ver = ulp::ver(version, &self.slp.slp, &self.octets);
        let opening = match decided.map_or_else(refuse, |()| Opening::PosInit(ver)) {
            Opening::End(end) => Opening::End(Box::new(End { ver: Some(ver), ..*end })),
            opening => opening,
        };
        (options, opening)
    }

    /// Fits the options to what is asked; an error is the status of the SUPL END that is all the answer.
    fn decide(&self, options: &mut Options, answer: Answer) -> Result<(), StatusCode> {
        if self.version.maj < 2 {
            options.version = SuplVersion::V1;
        } else if options.version == SuplVersion::V1 && self.init.minimum_major.is_some_and(|least| least > 1)
        {
            return Err(StatusCode::VersionNotSupported);
        }
        if self.version.maj > 2 && self.init.minimum_major.is_none_or(|least| least > 2) {
            return Err(StatusCode::VersionNotSupported);
        }
        if options.version == SuplVersion::V1 {
            options.payload = Payload::Rrlp;
            options.gnss.retain(|g| *g == Gnss::Gps);
        }
        if !self.init.proxy {
            return Err(StatusCode::NonProxyModeNotSupported);
        }
        if self.init.trigger.is_some() {
            return Err(StatusCode::ServiceNotSupported);
        }
        let only_consent = self.init.pos_method == PosMethod::NoPosition;
        if let Some(kind) = self.asks_first()
            && !consents(kind, answer)
        {
            return Err(StatusCode::ConsentDeniedByUser);
        }
        if only_consent {
            return Err(StatusCode::ConsentGrantedByUser);
        }
        options.goal = match self.init.pos_method {
            PosMethod::AgpsSetBased
            | PosMethod::AgnssSetBased
            | PosMethod::AgpsSetBasedPreferred
            | PosMethod::AgnssSetBasedPreferred => Goal::Agnss,
            PosMethod::AgpsSetAssisted
            | PosMethod::AgnssSetAssisted
            | PosMethod::AgpsSetAssistedPreferred
            | PosMethod::AgnssSetAssistedPreferred => Goal::Measure,
            PosMethod::AutonomousGps | PosMethod::AutonomousGnss => Goal::Locate,
            PosMethod::Ecid => Goal::CellId,
            PosMethod::HistoricalData | PosMethod::SessionInfoQuery => {
                return Err(StatusCode::ServiceNotSupported);
            }
            _ => return Err(StatusCode::PosMethodMismatch),
        };
        Ok(())
    }
}

/// Whether the user hears of it.
pub(super) const fn tells(kind: NotificationType) -> bool {
    matches!(
        kind,
        NotificationType::Notify
            | NotificationType::VerifyAllowIfNoAnswer
            | NotificationType::VerifyDenyIfNoAnswer
    )
}

/// What the user's answer comes to.
pub(super) const fn consents(kind: NotificationType, answer: Answer) -> bool {
    match kind {
        NotificationType::VerifyAllowIfNoAnswer => !matches!(answer, Answer::Deny),
        NotificationType::VerifyDenyIfNoAnswer => matches!(answer, Answer::Allow),
        _ => true,
    }
}

/// The answer to SUPL NOTIFY: nothing where the user was only told.
pub(super) const fn said(kind: NotificationType, answer: Answer) -> Option<bool> {
    match kind {
        NotificationType::VerifyAllowIfNoAnswer | NotificationType::VerifyDenyIfNoAnswer => {
            Some(consents(kind, answer))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::SlpAddress;
    use crate::wire::ulp::{BasicProtection, Notification, SessionIds, TriggerType};

    fn slp(id: u8) -> SlpSessionId {
        SlpSessionId { id: [id, 0, 0, 1], slp: SlpAddress::Fqdn("slp.example.net".parse().unwrap()) }
    }

    fn octets(id: u8, version: Version, init: Init, key: &[u8]) -> Vec<u8> {
        let session = SessionIds { set: None, slp: Some(slp(id)) };
        ulp::seal(UlpPdu::new(version, session, UlpMessage::Init(Box::new(init))), key).unwrap()
    }

    fn taken(version: Version, init: Init) -> Invitation {
        Memory::default().take(&octets(1, version, init, &[]), &Provisioned::Null).unwrap()
    }

    fn status(
        version: Version,
        init: Init,
        own: &Options,
        answer: Answer,
    ) -> Result<Goal, Option<StatusCode>> {
        match taken(version, init).opening(own, answer) {
            (options, Opening::PosInit(_)) => Ok(options.goal),
            (_, Opening::End(end)) => {
                assert!(end.ver.is_some());
                Err(end.status)
            }
            (_, Opening::Start) => panic!(),
        }
    }

    fn own() -> Options {
        Options::new(Goal::Agnss, "h:1")
    }

    #[test]
    fn what_is_asked_is_what_is_answered() {
        let ask = |m| status(Version::V2, Init::new(m), &own(), Answer::Allow);
        assert_eq!(ask(PosMethod::AgnssSetBasedPreferred), Ok(Goal::Agnss));
        assert_eq!(ask(PosMethod::AgpsSetAssisted), Ok(Goal::Measure));
        assert_eq!(ask(PosMethod::AutonomousGnss), Ok(Goal::Locate));
        assert_eq!(ask(PosMethod::Ecid), Ok(Goal::CellId));
        assert_eq!(ask(PosMethod::Otdoa), Err(Some(StatusCode::PosMethodMismatch)));
        assert_eq!(ask(PosMethod::SessionInfoQuery), Err(Some(StatusCode::ServiceNotSupported)));
        assert_eq!(ask(PosMethod::NoPosition), Err(Some(StatusCode::ConsentGrantedByUser)));
        let based = || Init::new(PosMethod::AgpsSetBased);
        let none = Init { proxy: false, ..based() };
        let refused = Err(Some(StatusCode::NonProxyModeNotSupported));
        assert_eq!(status(Version::V2, none, &own(), Answer::Allow), refused);
        let triggered = Init { trigger: Some(TriggerType::Periodic), ..based() };
        let refused = Err(Some(StatusCode::ServiceNotSupported));
        assert_eq!(status(Version::V2, triggered, &own(), Answer::Allow), refused);
    }

    #[test]
    fn versions_meet_or_do_not() {
        let refused = Err(Some(StatusCode::VersionNotSupported));
        let old = own().supl1();
        let based = || Init::new(PosMethod::AgpsSetBased);
        let (options, _) = taken(Version::V1, based()).opening(&own(), Answer::Allow);
        assert_eq!((options.version, options.payload), (SuplVersion::V1, Payload::Rrlp));
        assert_eq!(status(Version::V2, based(), &old, Answer::Allow), Ok(Goal::Agnss));
        let newer = Init { minimum_major: Some(2), ..based() };
        assert_eq!(status(Version::V2, newer.clone(), &old, Answer::Allow), refused);
        let third = Version { maj: 3, min: 0, servind: 0 };
        assert_eq!(status(third, newer, &own(), Answer::Allow), Ok(Goal::Agnss));
        assert_eq!(status(third, based(), &own(), Answer::Allow), refused);
    }

    #[test]
    fn the_user_is_asked() {
        use NotificationType as Kind;
        let denied = Err(Some(StatusCode::ConsentDeniedByUser));
        for (kind, answer, consents) in [
            (Kind::None, Answer::Deny, true),
            (Kind::PrivacyOverride, Answer::Deny, true),
            (Kind::Notify, Answer::Deny, true),
            (Kind::VerifyAllowIfNoAnswer, Answer::Allow, true),
            (Kind::VerifyAllowIfNoAnswer, Answer::Ignore, true),
            (Kind::VerifyAllowIfNoAnswer, Answer::Deny, false),
            (Kind::VerifyDenyIfNoAnswer, Answer::Allow, true),
            (Kind::VerifyDenyIfNoAnswer, Answer::Ignore, false),
            (Kind::VerifyDenyIfNoAnswer, Answer::Deny, false),
        ] {
            let notification =
                Some(Notification { kind, encoding: None, requestor: None, client: None, emergency: false });
            let init = Init { notification, ..Init::new(PosMethod::AgpsSetBased) };
            let asked = status(Version::V2, init.clone(), &own(), answer);
            assert_eq!(asked, if consents { Ok(Goal::Agnss) } else { denied }, "{kind:?} {answer:?}");
            // By location nothing is asked before.
            let later = Init { notify_by_location: true, ..init };
            assert_eq!(status(Version::V2, later, &own(), answer), Ok(Goal::Agnss));
        }
    }

    #[test]
    fn basic_protection() {
        let key = b"0123456789abcdef".to_vec();
        let provisioned = Provisioned::Basic { key: key.clone(), key_id: *b"key-0001" };
        let sealed = |id, counter, key_id: &[u8; 8], key: &[u8]| {
            let basic = BasicProtection { key_id: *key_id, replay_counter: counter, mac: [0; 4] };
            let protection = Some(ProtectionLevel::Basic(basic));
            octets(id, Version::V2, Init { protection, ..Init::new(PosMethod::AgpsSetBased) }, key)
        };
        let mut memory = Memory::default();
        assert!(memory.take(&sealed(1, 5, b"key-0001", &key), &provisioned).is_ok());
        let mut refused = |octets: &[u8]| memory.take(octets, &provisioned).unwrap_err();
        assert_eq!(refused(&sealed(2, 5, b"key-0001", &key)), Discard::Replayed);
        assert_eq!(refused(&sealed(2, 4, b"key-0001", &key)), Discard::Replayed);
        assert_eq!(refused(&sealed(2, 6, b"key-0002", &key)), Discard::UnknownKey);
        assert_eq!(refused(&sealed(2, 6, b"key-0001", b"another key")), Discard::WrongCode);
        assert_eq!(refused(&octets(2, Version::V2, Init::new(PosMethod::Ecid), &[])), Discard::Unprotected);
        // Any bit of it counts.
        let good = sealed(2, 6, b"key-0001", &key);
        for bit in (16..good.len() * 8).step_by(7) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Memory::default().take(&bad, &provisioned).is_err(), "bit {bit}");
        }
        assert!(memory.take(&good, &provisioned).is_ok());
    }

    #[test]
    fn what_comes_again_or_is_no_init() {
        let mut memory = Memory::default();
        let init = octets(1, Version::V2, Init::new(PosMethod::Ecid), &[]);
        assert!(memory.take(&init, &Provisioned::Null).is_ok());
        assert_eq!(memory.take(&init, &Provisioned::Null), Err(Discard::Again));
        assert!(matches!(memory.take(&[], &Provisioned::Null), Err(Discard::Unreadable(_))));
        let end = UlpMessage::End(Box::default());
        let end =
            UlpPdu::new(Version::V2, SessionIds { set: None, slp: Some(slp(2)) }, end).encode().unwrap();
        assert_eq!(memory.take(&end, &Provisioned::Null), Err(Discard::Other("SUPL END")));
        let nobody = UlpMessage::Init(Box::new(Init::new(PosMethod::Ecid)));
        let nobody = UlpPdu::new(Version::V2, SessionIds::default(), nobody).encode().unwrap();
        assert_eq!(memory.take(&nobody, &Provisioned::Null), Err(Discard::NoSession));
        for id in 0..=255 {
            for version in [Version::V1, Version::V2] {
                let _ =
                    memory.take(&octets(id, version, Init::new(PosMethod::Ecid), &[]), &Provisioned::Null);
            }
        }
        assert!(memory.seen.len() <= REMEMBERED);
    }
}
