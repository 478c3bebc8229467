//! Groma: a SUPL location platform (SLP) that anybody can run.
//!
//! Handsets (SETs) open SUPL sessions, get assisted-GNSS data over RRLP or LPP, and send positions back. This page is the
//! tour of the house; each room's own page says more.
//!
//! # The picture
//!
//! ```text
//!      SETs                                                     operators
//!       │ ULP over TLS or TCP                                      │ HTTP
//!  ┌────▼──────────────────────────────────┐   ┌───────────────────▼──────────────┐
//!  │ net   listeners, TLS, driver          │   │ le    mlp · http (the operator)  │
//!  └────┬──────────────────────────────────┘   └───────────────────┬──────────────┘
//!       │                  ┌───────────────────────────────────────▼──┐
//!       └─────────────────►│ service   positions of targets           │──► store (sled), observe
//!                          └───────────────┬──────────────────────────┘
//!  ┌───────────────────────────────────────▼──────┐
//!  │ slc   SUPL session machines          (pure)  │
//!  ├──────────────────────────────────────────────┤
//!  │ spc   method choice, RRLP/LPP procedures,    │     feed ──► SkySnapshot (Arc, swapped)
//!  │       assistance                     (pure)  │     cells ─► reference location
//!  ├─────────────────────────┬────────────────────┤
//!  │ wire  ulp rrlp lpp gad  │ gnss  sky + maths  │
//!  │              (pure)     │          (pure)    │
//!  ├─────────────────────────┴────────────────────┤
//!  │ base  ids · time · shapes · QoP · broadcast  │
//!  └──────────────────────────────────────────────┘
//! ```
//!
//! Imports point down only: [`base`] ← {[`wire`], [`gnss`]} ← [`spc`] ← [`slc`] ← [`service`] ← {[`net`], [`le`]} ←
//! [`app`]; [`feed`], [`cells`], [`store`] and [`observe`] stand on [`base`] and [`gnss`]. `tests/architecture.rs` keeps this.
//! The five lower rooms are pure: no socket, file, clock or random number; what they need of the world is handed to them.
//!
//! # A session, MS-Based
//!
//! ```text
//!  SET                          net          slc            spc                 gnss, cells
//!   │  SUPL START                │            │              │                       │
//!   ├───────────────────────────►├─ one PDU ─►├─ heard cells ┼──────────────────────►│
//!   │                            │            │◄─────────────┼── reference location ─┤
//!   │  SUPL RESPONSE (method)    │            │◄─ method ────┤                       │
//!   │◄───────────────────────────┤◄───────────┤              │                       │
//!   │  SUPL POS INIT             │            │              │                       │
//!   ├───────────────────────────►├───────────►├─ request ───►├── what is visible? ──►│
//!   │                            │            │              │◄── ephemerides … ─────┤
//!   │  SUPL POS (assistance)     │            │◄─ RRLP, LPP ─┤                       │
//!   │◄───────────────────────────┤◄───────────┤              │                       │
//!   │  SUPL POS (position)       │            │              │                       │
//!   ├───────────────────────────►├───────────►├─────────────►├─► LocationEstimate ──► service
//!   │  SUPL END                  │            │              │
//!   │◄───────────────────────────┤◄───────────┤              │
//! ```
//!
//! # A session that somebody orders
//!
//! ```text
//!  SET                          net          slc                       service
//!   │                            │            │   slc::ni::invite() ◄──── Order
//!   │◄─── SUPL INIT (UDP, SMS …)─┤◄───────────┼────────────────────────── Push
//!   │  SUPL POS INIT (ver)       │            │
//!   ├───────────────────────────►├───────────►├── find, claim ──────────► Rendezvous
//!   │◄──────── SUPL POS ────────►│◄──────────►│                            ▲
//!   │  SUPL END (position)       │            ├── Action::Ordered ─────────┘
//!   │◄───────────────────────────┤◄───────────┤   arrived, position, ended
//! ```
//!
//! # What always holds
//!
//! - **A session is a machine without I/O.** [`slc::Session::handle`] takes an input and the time and says what to do; the
//!   driver in [`net`] does it and decides nothing. It ends with exactly one record and at most one SUPL END.
//! - **A satellite's message is never rounded.** [`base::broadcast`] holds the integers that were broadcast; RINEX is read
//!   into them, RRLP and LPP are written from them, orbits are computed from them.
//! - **Snapshots, not locks.** Sky, cells, policy and certificates are immutable values behind an `ArcSwap`; a session sees
//!   one of each, and a reload is a swap.
//! - **No source is believed alone.** What contradicts the rest, plays back another time, or does not fit what reference
//!   stations receive is left out and counted ([`gnss::agreement`], [`gnss::monitor`]).
//! - **An order ends once,** by its deadline, with the best there was; what needs the user's consent leaves no session before
//!   the user gave it ([`slc::ni`]).
//! - **Expired or unhealthy data is not offered,** a simulated sky never stands in for a real one, and both a simulated
//!   sky and a shifted clock are marked wherever the server describes itself.
//! - **Everything from outside is bounded:** PDU sizes, sessions, connections, time, queues, table rows.
//! - **Identities hide themselves.** Subscriber identities, cells and positions print as `…`; only protocols and the store
//!   ask for their value, by name.
//! - **What is acknowledged is on disk** ([`store`]).
//!
//! # Where to start reading
//!
//! [`slc::Session`] for what happens in a session, [`slc::ni`] for how one is ordered, [`spc`] for what a handset is given and why, [`gnss::SkySnapshot`] for what
//! the server knows of the sky, [`gnss::solve`] for how measurements become a position, [`app`] for how it all hangs together.
//!
//! # Departures from the usual
//!
//! - Broadcast messages live in [`base`], since [`wire`] encodes them and [`gnss`] computes with them, and neither may import
//!   the other.
//! - ASN.1 types are generated into the crate `groma-asn1` and checked in: compiling the compiler costs every build more
//!   than the diff costs a reader. A test regenerates and compares them.
//! - Navigation files are read by a parser of our own ([`feed::rinex`]): the message must arrive as integers, which general
//!   RINEX readers do not keep. So are RTCM streams ([`feed::rtcm`]), with `rtcm-rs` as the other side in the tests: it hands out
//!   physical values, and one signal unknown to it costs the whole message. NTRIP ([`feed::ntrip`]) is a page of text over the
//!   sockets and the TLS that are here anyway.
//! - SMPP ([`net::push::smpp`]) and SIP ([`wire::sip`]) are read by codecs of our own: a dozen PDUs and one text format, where what
//!   counts is that nothing broken ends more than itself.
//! - Cells are a sorted file of our own ([`cells`]): tens of millions of fixed-size records that are written once and then
//!   only searched want no database.
//!
//! # Why these crates
//!
//! `rasn` is the maintained UPER codec that gets extension additions right; `rustls` (on `ring`, which needs only a C
//! compiler) is memory-safe TLS; `tokio` drives sockets and timers; `sled` is an embedded store in Rust without a server;
//! `geo` brings geodesics; `jiff` reads RFC 3339; `ureq` fetches archives without pulling in a second runtime, and
//! `webpki-roots`, which comes with it, says whom streams over TLS trust; `arc-swap` holds what is swapped at a reload;
//! `axum` and `prometheus-client` serve the operator's pages, `hyper` (below `axum`, with `hyper-util` and
//! `http-body-util`) LCS clients in HTTP/1.1 and 2; `hmac`, `sha1` and `sha2` bind sessions to their SUPL INIT in
//! rooms that may not know the TLS library, and compare in constant time.

pub mod app;
pub mod base;
pub mod cells;
pub mod cli;
pub mod config;
pub mod feed;
pub mod gnss;
pub mod handset;
pub mod le;
pub mod net;
pub mod observe;
pub mod service;
pub mod slc;
pub mod spc;
pub mod store;
#[cfg(test)]
mod testing;
pub mod wire;
