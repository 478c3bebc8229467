//! Whatever comes in: no panic, bounded output, an end.

use super::orders::{answer, order};
use super::*;
use crate::slc::ni::{Asked, Invited, Notification, Order, Revocation, SuplVersion, What};
use crate::wire::ulp::{AuthReq, End};

/// A small generator of the xorshift kind: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Messages from which the rest is made: whole ones of both protocols.
fn seeds() -> Vec<Vec<u8>> {
    let pdu = |version, message: UlpMessage| {
        let slp = !matches!(message, UlpMessage::Start(_));
        let session = SessionIds { set: Some(set_session()), slp: slp.then(slp_session) };
        UlpPdu { version, session, message }.encode().unwrap()
    };
    let init = |lpp| UlpMessage::PosInit(Box::new(pos_init(capabilities(lpp))));
    let rrlp =
        |octets: &[u8]| UlpMessage::Pos(Pos { payload: PosPayload::Rrlp(octets.to_vec()), velocity: None });
    vec![
        pdu(Version::V1, start(capabilities(false))),
        pdu(Version::V2, start(capabilities(true))),
        pdu(Version::V1, init(false)),
        pdu(Version::V2, init(true)),
        pdu(Version::V2, lpp_pos(&[LppMessage::default()])),
        pdu(Version::V2, lpp_pos(&[])),
        pdu(Version::V1, rrlp(&[0x2c])),
        pdu(Version::V1, rrlp(&[0x28, 0x10, 0x00])),
    ]
}

#[test]
fn random_sequences_end_and_never_panic() {
    let seeds = seeds();
    for seed in 1..400u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut lab = Lab::new();
        let version = dice.roll(2) as usize;
        if dice.roll(8) > 0 {
            lab.pdu(&seeds[version]);
        }
        if dice.roll(8) > 0 {
            lab.pdu(&seeds[2 + version]);
        }
        for _ in 0..40 {
            let octets = &mut seeds[dice.roll(seeds.len() as u64) as usize].clone();
            for _ in 0..dice.roll(4) {
                // The length stays right, so that the damage is seen further in.
                let at = 2 + dice.roll(octets.len() as u64 - 2) as usize;
                octets[at] = dice.roll(256) as u8;
            }
            match dice.roll(12) {
                0 => {
                    lab.input(Input::Timeout);
                }
                1 if !lab.session.is_closed() => {
                    lab.wake();
                }
                _ => {
                    lab.pdu(octets);
                }
            }
            assert!(lab.out.len() <= 8, "{:?}", lab.out);
        }
        // Left alone it ends by itself.
        let mut wakes = 0;
        while !lab.session.is_closed() {
            lab.wake();
            wakes += 1;
            assert!(wakes < 8);
        }
        lab.record();
        assert_eq!(lab.all.last(), Some(&Action::Close));
    }
}

#[test]
fn a_session_that_is_kept_busy_ends_at_its_cap() {
    let policy = Policy { max_pos: 100_000, ..policy() };
    let mut lab = Lab::with(policy);
    lab.message(Version::V2, start(capabilities(true)));
    lab.message(Version::V2, UlpMessage::PosInit(Box::new(pos_init(capabilities(true)))));
    let opened = lab.now.mono;
    while !lab.session.is_closed() {
        lab.pass(Duration::from_secs(5));
        lab.input(Input::Timeout);
        if !lab.session.is_closed() {
            lab.message(Version::V2, lpp_pos(&[]));
        }
        assert!(lab.now.mono - opened <= Duration::from_secs(305));
    }
}

/// Messages of a SET that was invited, or pretends to be.
fn answers(invited: &Invited) -> Vec<Vec<u8>> {
    let pdu = |version, message| {
        let slp = SlpSessionId { id: invited.order.slp_session, ..slp_session() };
        let session = SessionIds { set: Some(set_session()), slp: Some(slp) };
        UlpPdu { version, session, message }.encode().unwrap()
    };
    let end = |status, ver| UlpMessage::End(Box::new(End { status, ver, ..End::default() }));
    let right = Some(invited.invitation.ver);
    vec![
        pdu(Version::V2, answer(invited, Version::V2, capabilities(true))),
        pdu(Version::V1, answer(invited, Version::V1, capabilities(false))),
        pdu(Version::V2, answer(invited, Version::V2, capabilities(false))),
        pdu(Version::V2, lpp_pos(&[LppMessage::default()])),
        pdu(Version::V2, lpp_pos(&[])),
        pdu(Version::V2, UlpMessage::NotifyResponse(Some(true))),
        pdu(Version::V2, UlpMessage::NotifyResponse(None)),
        pdu(Version::V2, UlpMessage::AuthReq(Box::new(AuthReq { ver: right, capabilities: None }))),
        pdu(Version::V2, end(Some(StatusCode::ConsentDeniedByUser), right)),
        pdu(Version::V2, end(None, None)),
    ]
}

#[test]
fn random_answers_end_their_order_once() {
    for seed in 1..400u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let notification = Notification {
            kind: [Asked::Notify, Asked::VerifyAllowIfNoAnswer, Asked::VerifyDenyIfNoAnswer]
                [dice.roll(3) as usize],
            by_location: dice.roll(2) == 0,
            ..Notification::default()
        };
        let version = if dice.roll(2) == 0 { SuplVersion::V1 } else { SuplVersion::V2 };
        let what = if dice.roll(4) == 0 { What::ConsentOnly } else { What::Position };
        let (mut lab, invited) =
            Lab::ordered(Order { notification: Some(notification), version, what, ..order() });
        let seeds = answers(&invited);
        if dice.roll(4) > 0 {
            lab.pdu(&seeds[dice.roll(3) as usize]);
        }
        for _ in 0..30 {
            let octets = &mut seeds[dice.roll(seeds.len() as u64) as usize].clone();
            for _ in 0..dice.roll(4) {
                let at = 2 + dice.roll(octets.len() as u64 - 2) as usize;
                octets[at] = dice.roll(256) as u8;
            }
            match dice.roll(12) {
                0 => lab.input(Input::Timeout),
                1 if !lab.session.is_closed() => {
                    lab.wake();
                    &mut lab
                }
                2 if dice.roll(8) == 0 => lab.input(Input::Revoked(Revocation::Cancelled)),
                _ => lab.pdu(octets),
            };
            assert!(lab.out.len() <= 12, "{:?}", lab.out);
        }
        let mut wakes = 0;
        while !lab.session.is_closed() {
            lab.wake();
            wakes += 1;
            assert!(wakes < 12);
        }
        lab.record();
        assert_eq!(lab.all.last(), Some(&Action::Close));
        if lab.orders.find(invited.order.slp_session).is_none() {
            let _ = lab.order_end();
        } else {
            assert!(lab.events().is_empty());
        }
    }
}
