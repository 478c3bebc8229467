//! Sessions driven with a made-up clock, sky and table of cells.

mod clients;
mod flows;
mod hostile;
mod invite;
mod lpp;
mod network_initiated;
mod ni_table;
mod orders;
mod rrlp;
mod table;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::access::{AccessCheck, PeerIdentity, TrustEveryone, Verdict};
use super::config::{Config, Policy};
use super::event::{Action, Env, Input, PositionReport};
use super::ni::{NoOrders, Rendezvous};
use super::record::SessionRecord;
use super::session::{Params, Session};
use crate::base::cell::{
    CellId, CellStatus, LocationId, Plmn, ReferenceLocation, ReferenceLocator, ReferenceSource,
};
use crate::base::ids::{SetSessionId, SlpSessionId};
use crate::base::{GeoPoint, Imsi, Now, SetId, Shape, SlpAddress};
use crate::gnss::SkySnapshot;
use crate::testing;
use crate::wire::assist::GnssModes;
use crate::wire::lpp::{LppMemo, LppMessage};
use crate::wire::ulp::{
    Pos, PosInit, PosPayload, PosProtocols, Preference, SessionIds, SetCapabilities, Start, StatusCode,
    UlpMessage, UlpPdu, Version,
};

/// The SLP half of the session id in the captured messages of real clients.
const SLP_ID: [u8; 4] = [0, 0, 0x12, 0x34];

/// Knows one place for every cell, this exact, or as exact as the distance that was measured.
struct Cells(Option<f64>);

impl ReferenceLocator for Cells {
    fn locate(&self, heard: &[LocationId]) -> Option<ReferenceLocation> {
        let uncertainty_m = self.0.filter(|_| heard.iter().any(|l| l.cell.is_some()))?;
        let measured = heard.iter().filter_map(|l| l.range_m);
        let uncertainty_m = measured.fold(uncertainty_m, f64::min);
        let at = GeoPoint::new(50.0, 4.0)?;
        Some(ReferenceLocation { at, altitude_m: None, uncertainty_m, source: ReferenceSource::Cell })
    }
}

struct Nobody;

impl AccessCheck for Nobody {
    fn may_claim(&self, _: &SetId, _: &PeerIdentity) -> Verdict {
        Verdict::Denied
    }
}

/// One session and its world.
struct Lab {
    session: Session,
    now: Now,
    sky: SkySnapshot,
    cells: Cells,
    access: Box<dyn AccessCheck>,
    memo: LppMemo,
    orders: Box<dyn Rendezvous>,
    /// The SLP's half of the session id in messages.
    slp_id: [u8; 4],
    /// What the last input led to.
    out: Vec<Action>,
    /// Everything since the beginning.
    all: Vec<Action>,
}

fn policy() -> Policy {
    Config { slp_address: "127.0.0.1".to_owned(), ..Config::default() }.resolve().unwrap()
}

impl Lab {
    fn new() -> Self {
        Self::with(policy())
    }

    fn with(policy: Policy) -> Self {
        let now = testing::sky::now();
        let peer = PeerIdentity { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), certificate: None };
        let params = Params { slp_session: SLP_ID, peer, opened: now, policy: Arc::new(policy) };
        Self {
            session: Session::new(params),
            now,
            sky: testing::sky::sky(),
            cells: Cells(Some(800.0)),
            access: Box::new(TrustEveryone),
            memo: LppMemo::default(),
            orders: Box::new(NoOrders),
            slp_id: SLP_ID,
            out: Vec::new(),
            all: Vec::new(),
        }
    }

    fn input(&mut self, input: Input<'_>) -> &mut Self {
        let env = Env {
            sky: &self.sky,
            cells: &self.cells,
            access: &*self.access,
            memo: &self.memo,
            orders: &*self.orders,
        };
        self.out.clear();
        self.session.handle(self.now, &env, input, &mut self.out);
        self.all.extend_from_slice(&self.out);
        self
    }

    fn pdu(&mut self, octets: &[u8]) -> &mut Self {
        self.input(Input::Pdu(octets))
    }

    fn message(&mut self, version: Version, message: UlpMessage) -> &mut Self {
        let slp = !matches!(message, UlpMessage::Start(_));
        let session = SessionIds {
            set: Some(set_session()),
            slp: slp.then(|| SlpSessionId { id: self.slp_id, ..slp_session() }),
        };
        let octets = UlpPdu { version, session, message }.encode().unwrap();
        self.pdu(&octets)
    }

    /// Lets time pass until the session wants to be woken, and wakes it.
    fn wake(&mut self) -> Duration {
        let at = self.session.next_timeout().unwrap();
        let passed = at.saturating_duration_since(self.now.mono);
        self.pass(passed);
        self.input(Input::Timeout);
        passed
    }

    fn pass(&mut self, d: Duration) {
        self.now = Now { mono: self.now.mono + d, utc: self.now.utc + d };
    }

    /// The PDUs that the last input led to.
    fn sent(&self) -> Vec<UlpPdu> {
        sent(&self.out)
    }

    /// The only one.
    fn only(&self) -> UlpPdu {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// The LPP messages of the only PDU.
    fn lpp(&self) -> Vec<LppMessage> {
        let UlpMessage::Pos(Pos { payload: PosPayload::Lpp(messages), .. }) = self.only().message else {
            panic!("no LPP: {:?}", self.out);
        };
        let near = self.now.gps();
        messages.iter().map(|octets| LppMessage::decode(octets, near).unwrap()).collect()
    }

    /// The status of the SUPL END that the last input led to; fails unless the session is over.
    fn end(&self) -> Option<StatusCode> {
        assert!(self.session.is_closed());
        let UlpMessage::End(end) = self.only().message else { panic!("no end: {:?}", self.out) };
        end.status
    }

    fn record(&self) -> SessionRecord {
        let mut records = self.all.iter().filter_map(|a| match a {
            Action::Record(r) => Some((**r).clone()),
            _ => None,
        });
        let record = records.next().unwrap();
        assert!(records.next().is_none());
        record
    }

    fn positions(&self) -> Vec<PositionReport> {
        let of = |a: &Action| match a {
            Action::Position(p) => Some((**p).clone()),
            _ => None,
        };
        self.all.iter().filter_map(of).collect()
    }
}

fn sent(actions: &[Action]) -> Vec<UlpPdu> {
    let of = |a: &Action| match a {
        Action::Send(octets) => Some(UlpPdu::decode(octets).unwrap()),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

fn set_session() -> SetSessionId {
    SetSessionId { id: 1, set_id: SetId::Imsi("001010000000001".parse::<Imsi>().unwrap()) }
}

fn slp_session() -> SlpSessionId {
    SlpSessionId { id: SLP_ID, slp: SlpAddress::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)) }
}

fn cell() -> LocationId {
    let mut heard = LocationId::serving(CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 });
    heard.status = CellStatus::Current;
    heard
}

/// A SET that computes with GPS, over RRLP or LPP.
fn capabilities(lpp: bool) -> SetCapabilities {
    SetCapabilities {
        gps: GnssModes { standalone: false, ms_based: true, ms_assisted: false },
        preference: Preference::SetBased,
        protocols: PosProtocols { rrlp: !lpp, lpp, ..PosProtocols::default() },
        ..SetCapabilities::default()
    }
}

fn start(capabilities: SetCapabilities) -> UlpMessage {
    UlpMessage::Start(Box::new(Start {
        capabilities,
        location_ids: vec![cell()],
        qop: None,
        third_parties: 0,
        application: None,
        position: None,
    }))
}

fn pos_init(capabilities: SetCapabilities) -> PosInit {
    PosInit {
        capabilities,
        assistance: None,
        location_ids: vec![cell()],
        position: None,
        pos: None,
        ver: None,
    }
}

fn lpp_pos(messages: &[LppMessage]) -> UlpMessage {
    let octets = messages.iter().map(|m| m.encode().unwrap()).collect();
    UlpMessage::Pos(Pos { payload: PosPayload::Lpp(octets), velocity: None })
}

fn somewhere() -> Shape {
    Shape::Circle { at: GeoPoint::new(50.001, 4.001).unwrap(), radius_m: 12.0 }
}
