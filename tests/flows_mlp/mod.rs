//! MLP over real sockets: every service, every rule, every way of going wrong.

mod disk;
mod emergency;
mod hostile;
mod house;
mod http;
mod identities;
mod kill;
mod later;
mod quality;
mod standard;
mod triggered;
