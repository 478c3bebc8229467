//! A stream of octets, cut into PDUs by the server's own framing, for one session with a simulated sky; an octet between
//! PDUs says how time passes. Whatever comes: no panic, one record, at most one SUPL END, nothing after the end.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use groma::base::cell::NoCells;
use groma::base::{GpsTime, Now, Utc};
use groma::feed::simulated;
use groma::gnss::SkySnapshot;
use groma::slc::ni::NoOrders;
use groma::slc::{Action, Config, Env, FrameFault, Input, Params, PeerIdentity, Policy, Session, TrustEveryone};
use groma::wire::frame::next_pdu;
use groma::wire::lpp::LppMemo;
use groma::wire::ulp::{UlpMessage, UlpPdu};
use libfuzzer_sys::fuzz_target;

struct World {
    start: Now,
    sky: SkySnapshot,
    policy: Arc<Policy>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let utc = Utc::from_unix_s(1_717_243_200);
    let policy = Config { slp_address: "127.0.0.1".to_owned(), ..Config::default() };
    World {
        start: Now { mono: Instant::now(), utc },
        sky: SkySnapshot::of(&simulated::sky_at(GpsTime::from_utc(utc))),
        policy: Arc::new(policy.resolve().expect("the default settings")),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let env = Env { sky: &world.sky, cells: &NoCells, access: &TrustEveryone, memo: &LppMemo::default(), orders: &NoOrders };
    let mut now = world.start;
    let mut session = Session::new(Params {
        // That of the messages recorded from real clients, so that they are of use as seeds.
        slp_session: [0, 0, 0x12, 0x34],
        peer: PeerIdentity { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), certificate: None },
        opened: now,
        policy: Arc::clone(&world.policy),
    });
    let mut out = Vec::new();
    let mut stream = BytesMut::from(bytes);
    while !session.is_closed() {
        match next_pdu(&mut stream, 65_535) {
            Ok(Some(pdu)) => session.handle(now, &env, Input::Pdu(&pdu), &mut out),
            Ok(None) => {
                session.handle(now, &env, Input::Disconnected, &mut out);
                assert!(session.is_closed());
            }
            Err(_) => session.handle(now, &env, Input::Unframed(FrameFault::TooShort), &mut out),
        }
        if let (Some(wait), false) = (stream.first().copied(), session.is_closed()) {
            let _ = stream.split_to(1);
            let passed = Duration::from_secs(u64::from(wait % 64));
            now = Now { mono: now.mono + passed, utc: now.utc + passed };
            if session.next_timeout().is_some_and(|at| at <= now.mono) {
                session.handle(now, &env, Input::Timeout, &mut out);
            }
        }
    }
    let records = out.iter().filter(|action| matches!(action, Action::Record(_))).count();
    let ends = out.iter().filter(|action| match action {
        Action::Send(pdu) => {
            let pdu = UlpPdu::decode(pdu).expect("what is sent can be read");
            matches!(pdu.message, UlpMessage::End(_))
        }
        _ => false,
    });
    assert!(records == 1 && ends.count() <= 1, "{records} records");
    let before = out.len();
    session.handle(now, &env, Input::Timeout, &mut out);
    assert_eq!(out.len(), before);
});
